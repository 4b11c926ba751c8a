#!/usr/bin/env python3
"""page_door_test - what the page asks of the door beyond lists: previews, starting notices, owners.

usage: page_door_test.py SERVE ACCOUNT AUTHORITY [--seed N]

The world is that of door_test.py: two organisations with random addresses, names and devices.
"""
import calendar
import datetime
import pathlib
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.parse

import door_test
from door_test import Door, Owner, PASSWORD, Person, ROLES, SEED, act_of, check_answer, expect
from door_test import failures, insert, packed, words

OPERATIONS = {operation["operationId"]: operation for _, _, operation in door_test.operations()}


def ask(door, operation, method, path, *args, **more):
    """A request whose answer must be what the document says."""
    answer = door.ask(method, path, *args, **more)
    check_answer("%s %s" % (method, path), OPERATIONS[operation], answer)
    return answer


# ---- notices ----

def case_of(desk_path, owner, address, kind="infected-member", device=""):
    """A case with one finding, and no notice."""
    now = int(time.time() * 1e6)
    with sqlite3.connect(desk_path, timeout=60) as desk:
        case = insert(desk, "case_", title="", kind=kind, subject=address or device, state="open", severity="high",
                      organisation=owner.id if owner else None, device=device, opened_us=now,
                      updated_us=now, first_us=now, last_us=now, reason="")
        insert(desk, "finding", key=random.randbytes(16), kind=kind, subject_type="address",
               subject=address or device, address=packed(address) if address else None, organisation=owner.id if owner else None,
               device=device, confidence=10, severity="high", first_us=now, last_us=now,
               observations=5, query="src %s" % address, case_id=case, told_us=now)
    return case


def previews(door, people, a, b):
    path = "/api/v1/notices/%d/preview" % a.notice
    answer = ask(door, "previewNotice", "GET", path, who=people["inspector"]).json
    expect("what it says, in both languages", [len(answer["text"][lang]) > 100 for lang in ("en", "ja")], [True, True])
    expect("its code is in both", [a.code in answer["text"][lang] for lang in ("en", "ja")], [True, True])
    expect("to whom, and that it waits", (answer["to"], answer["final"]), (a.mail, False))
    expect("no member previews", door.ask("GET", path, who=people["member"]).status, 403)
    expect("none of that number", door.ask("GET", "/api/v1/notices/99999/preview", who=people["analyst"]).status, 404)


def notices(door, people, desk_path, a):
    op, ann = people["operator"], people["analyst"]
    with sqlite3.connect(desk_path, timeout=60) as desk:
        bad = insert(desk, "contact", organisation=a.id, role="owner", channel="webhook", address="nowhere at all")
    address = a.prefix + ".251"
    case = case_of(desk_path, a, address)
    path = "/api/v1/cases/%d/notice" % case
    would = ask(door, "makeNotice", "POST", path, {"dry_run": True}, ann)
    expect("a dry run", (would.status, would.json["dry_run"], len(would.json["notices"])), (200, True, 1))
    one = would.json["notices"][0]
    expect("nothing is made", (one["id"], door.ask("GET", "/api/v1/notices?case=%d" % case, who=ann).json["notices"]), (None, []))
    expect("to whom", (one["to"], one["handle"], one["contact"], one["address"]), (a.mail, a.handle, a.contact, address))
    expect("held, and why", (one["held"]["why"], one["held"]["text_ja"] != one["held"]["text"]), ("send-off", True))
    expect("in both languages", [address in one["text"][lang] for lang in ("en", "ja")], [True, True])
    found = {r["contact"]: (r["state"], r["chosen"]) for r in would.json["recipients"]}
    expect("who of them can be reached", found, {a.contact: ("ok", True), bad: ("unreadable", False)})
    expect("an analyst only looks", door.ask("POST", path, {}, ann).status, 403)
    expect("what is that?", door.ask("POST", path, {"dry_run": 1}, op).status, 400)
    expect("nor that", door.ask("POST", path, {"dry": True}, op).status, 400)
    made = ask(door, "makeNotice", "POST", path, {}, op)
    expect("made", (made.status, made.json["notices"][0]["state"]), (201, "held"))
    notice = made.json["notices"][0]["id"]
    listed = door.ask("GET", "/api/v1/notices?case=%d" % case, who=ann).json["notices"]
    expect("and there", [(n["id"], n["state"]) for n in listed], [(notice, "held")])
    code = made.json["notices"][0]["code"]
    expect("it says what was told", re.sub(r"\?{4}-\?{4}-\d{4}", code, one["text"]["en"]), made.json["notices"][0]["text"]["en"])
    expect("its act is the operator's", door.ask("GET", "/api/v1/ledger/acts?kind=notice-made&limit=1",
           who=ann).json["acts"][0]["account"], op.id)
    expect("once", door.ask("POST", path, {}, op).status, 409)
    expect("and released", door.ask("POST", "/api/v1/notices/%d/actions" % notice, {"action": "release"}, op).status, 200)
    for number, action in (99999, 404), (a.case, 409):
        expect("case %d" % number, door.ask("POST", "/api/v1/cases/%d/notice" % number, {}, op).status, action)


def whose(door, people, desk_path, b):
    """A case that nobody answers for: who says so in the page, and the notice finds its way."""
    op = people["operator"]
    case = case_of(desk_path, None, "198.51.100.77", "attacked-service")
    path = "/api/v1/cases/%d/notice" % case
    would = ask(door, "makeNotice", "POST", path, {"dry_run": True}, op).json["notices"][0]
    expect("nobody is found", (would["organisation"], would["to"], would["held"]["why"]), (None, None, "no-owner"))
    expect("but it says what it would", len(would["text"]["ja"]) > 100, True)
    made = ask(door, "makeNotice", "POST", path, {}, op).json["notices"][0]
    queue = door.ask("GET", "/api/v1/directory/unowned", who=op).json["unowned"]
    expect("it waits for an owner", made["id"] in [u["notice"] for u in queue], True)
    expect("who owns it", door.ask("POST", "/api/v1/directory/unowned/%d/owner" % made["id"],
                                   {"organisation": b.id}, op).status, 200)
    one = door.ask("GET", "/api/v1/cases/%d" % case, who=op).json
    expect("its case is theirs", one["case"]["organisation"], b.id)
    # of a device that no address is known of
    device = case_of(desk_path, None, None, "infected-member", "mac:02:00:00:00:00:77")
    made = ask(door, "makeNotice", "POST", "/api/v1/cases/%d/notice" % device, {}, op).json["notices"][0]
    expect("a device", (made["address"], made["device"], made["state"]), (None, "mac:02:00:00:00:00:77", "no_owner"))
    expect("is somebody's too", door.ask("POST", "/api/v1/directory/unowned/%d/owner" % made["id"],
                                         {"organisation": b.id}, op).status, 200)
    one = door.ask("GET", "/api/v1/cases/%d" % device, who=op).json
    expect("finding and case", (one["case"]["organisation"], one["findings"][0]["organisation"]), (b.id, b.id))


def accounts(door, people):
    for role in "analyst", "operator", "administrator", "inspector":
        answer = ask(door, "listAccounts", "GET", "/api/v1/accounts?assignable=1", who=people[role]).json
        expect("whom a case can be given to, for the role " + role,
               ({a["role"] for a in answer["accounts"]}, set(answer["accounts"][0])),
               ({"analyst", "operator", "administrator"}, {"id", "name", "display", "role"}))
    plain = ask(door, "listAccounts", "GET", "/api/v1/accounts", who=people["analyst"]).json["accounts"]
    expect("an analyst sees no more", {"state" in a for a in plain}, {False})
    expect("a member nobody", door.ask("GET", "/api/v1/accounts?assignable=1", who=people["member"]).status, 403)


def accounts_of_others(door, people):
    root, look, ann = people["administrator"], people["inspector"], people["analyst"]
    path = "/api/v1/accounts/%d" % ann.id
    token = door.ask("POST", "/api/v1/me/tokens", {"label": "night", "scopes": "read", "days": 2}, ann).json["token"]
    expect("the token works", door.ask("GET", "/api/v1/cases", who=token).status, 200)
    listed = ask(door, "listAccountTokens", "GET", path + "/tokens", who=look).json["tokens"]
    expect("an inspector sees it, not its secret", (listed[0]["label"], token in str(listed)), ("night", False))
    sessions = ask(door, "listAccountSessions", "GET", path + "/sessions", who=root).json["sessions"]
    expect("her sessions", [s["this"] for s in sessions], [False])
    gone = path + "/tokens/" + listed[0]["id"]
    expect("an inspector ends nothing", door.ask("DELETE", gone, who=look).status, 403)
    expect("of another account it is not", door.ask("DELETE", gone.replace(str(ann.id), str(root.id), 1), who=root).status, 404)
    expect("revoked", ask(door, "revokeAccountToken", "DELETE", gone, who=root).status, 200)
    expect("by an act", act_of(door, "token-revoked", root)["account"], ann.id)
    expect("it is of no use", door.ask("GET", "/api/v1/cases", who=token).status, 401)
    expect("once", door.ask("DELETE", gone, who=root).status, 404)
    leaver = Person(door, "leaver", "analyst")
    own = "/api/v1/accounts/%d" % leaver.id
    secret = door.ask("POST", "/api/v1/me/second-factor/secret", who=leaver).json["secret"]
    code = door_test.code_of(secret, int(time.time()) // 30)
    expect("a second factor", door.ask("PUT", "/api/v1/me/second-factor", {"password": PASSWORD, "secret": secret,
           "code": code}, leaver).status, 200)
    expect("taken away by an administrator", door.ask("POST", own + "/actions", {"action": "remove-second-factor"}, root).status, 200)
    expect("which is an act", act_of(door, "second-factor-removed", root)["account"], leaver.id)
    session = door.ask("GET", own + "/sessions", who=root).json["sessions"][0]["id"]
    expect("a session is ended", ask(door, "endAccountSession", "DELETE", own + "/sessions/" + session, who=root).status, 200)
    expect("and over", door.ask("GET", "/api/v1/me", who=leaver).status, 401)
    leaver.take(leaver.sign_in(door))
    expect("not without the password", door.ask("POST", "/api/v1/me/close", {"password": "wrong"}, leaver).status, 403)
    expect("closed by herself", ask(door, "closeMe", "POST", "/api/v1/me/close", {"password": PASSWORD}, leaver).status, 200)
    expect("she is out", door.ask("GET", "/api/v1/me", who=leaver).status, 401)
    expect("for ever", leaver.sign_in(door).status, 401)
    expect("and it is told", act_of(door, "account-removed", root)["account"], leaver.id)
    expect("the last administrator stays", door.ask("POST", "/api/v1/me/close", {"password": PASSWORD}, root).status, 409)


def members(door, people, a, b):
    """What a member asks of others is as if it were not there; what it may not know is refused."""
    member = people["member"]
    for path in "/cases?state=all&", "/findings?", "/notices?", "/leases?":
        name = path[1:].split("?")[0]
        own, other, all_ = (door.ask("GET", "/api/v1" + path + which, who=member).json[name] for which in
                            ("organisation=%d" % a.id, "organisation=%d" % b.id, ""))
        expect("of its own organisation: " + path, ([o["id"] for o in own], len(own) > 0), ([o["id"] for o in all_], True))
        expect("of another one: " + path, other, [])
    expect("who works on it", door.ask("GET", "/api/v1/cases?assignee=%d" % people["analyst"].id, who=member).status, 400)


def sensor_times(door, people):
    op, ann, root = people["operator"], people["analyst"], people["administrator"]
    path = "/api/v1/sensors/" + door_test.SENSOR
    day = ask(door, "getWatched", "GET", path + "/watched", who=ann).json
    gaps = [g for g in day["gaps"] if g["filled"] is None]
    filled = [g for g in day["gaps"] if g["filled"] is not None]
    expect("of the last day an hour was watched", 3400 <= day["watched_s"] <= 3600, True)
    expect("counted from its first word", day["expected_s"] - day["watched_s"], sum(g["seconds"] for g in gaps))
    expect("all of it was told of late", [g["seconds"] >= 3400 for g in filled], [] if not filled else [True])
    old = ask(door, "getWatched", "GET", path + "/watched?since=-20d&until=-10d", who=ann).json
    expect("before it was there", (old["expected_s"], old["from"], old["gaps"]), (0, None, []))
    for query, status in ("since=-400d", 422), ("since=-1h&until=-2h", 422), ("since=x", 400), ("until=-5m", 200):
        expect("watched " + query, door.ask("GET", path + "/watched?" + query, who=ann).status, status)
    expect("of none", door.ask("GET", "/api/v1/sensors/" + "00" * 16 + "/watched", who=ann).status, 404)
    for body in ({"latitude": 91, "longitude": 0}, {"latitude": 1}, {"latitude": "1", "longitude": 1}, {"place": "x" * 81},
                 {"place": "a\nb"}, {"latitude": 1e999, "longitude": 0}):
        status = door.ask("PATCH", path, body, op).status
        expect("no place %r" % body, status in (400, 422), True)
    expect("a place", ask(door, "placeSensor", "PATCH", path, {"place": "東京 <b>", "latitude": -35.6812361,
           "longitude": 139.767125}, op).status, 200)
    expect("is an act", act_of(door, "sensor-noted", root)["latitude_millionths"], -35681236)
    for one in (ask(door, "getSensor", "GET", path, who=ann).json,
                ask(door, "listSensors", "GET", "/api/v1/sensors", who=ann).json["sensors"][0]):
        expect("and shown", (one["place"], one["latitude"], one["longitude"]), ("東京 <b>", -35.681236, 139.767125))
    expect("and forgotten", door.ask("PATCH", path, {}, op).status, 200)
    expect("for good", door.ask("GET", path, who=ann).json["latitude"], None)


def registry(door, people):
    member = people["member"]
    first = ask(door, "getRegistry", "GET", "/api/v1/registry", who=member)
    words = {name: {w["name"]: w for w in rows} for name, rows in first.json.items()}
    expect("words in both languages", (words["findings"]["infected-member"]["technique"],
           all(w["text"] and w["text_ja"] for w in words["kinds"].values())), ("T1595.001", True))
    again = door.ask("GET", "/api/v1/registry", who=member, headers={"If-None-Match": first.headers["ETag"]})
    expect("not twice", (again.status, again.body), (304, b""))
    other = door.ask("GET", "/api/v1/registry", who=member, headers={"If-None-Match": '"x"'})
    expect("but when it changed", (other.status, other.body == first.body), (200, True))


def reports(door, people, a):
    """Days and months are those of the zone's calendar, and what they hold adds up."""
    ann = people["analyst"]
    now = datetime.datetime.now(datetime.timezone.utc)
    for zone, minutes in ("Asia/Tokyo", 540), ("UTC", 0), ("-09:30", -570), ("Asia/Kathmandu", 345):
        local = now + datetime.timedelta(minutes=minutes)
        month = local.strftime("%Y-%m")
        one = ask(door, "getReport", "GET", "/api/v1/reports/%s?zone=%s" % (month, urllib.parse.quote(zone)), who=ann).json
        first = datetime.datetime.fromisoformat(one["total"]["since"].replace("Z", "+00:00")) + datetime.timedelta(minutes=minutes)
        expect("begins at midnight in " + zone, first.strftime("%Y-%m-%d %H:%M"), month + "-01 00:00")
        expect("follows on the one before", one["previous"]["until"], one["total"]["since"])
        expect("its days join", [d["to"] for d in one["series"][:-1]], [d["from"] for d in one["series"][1:]])
        expect("as many as there are", len(one["series"]), calendar.monthrange(local.year, local.month)[1])
        expect("and add up", sum(d["packets"] for d in one["series"]), one["total"]["packets"])
        expect("is not over", (one["complete"], one["zone"]), (False, zone))
    year = ask(door, "getReport", "GET", "/api/v1/reports/%d?zone=UTC" % now.year, who=ann).json
    expect("a year of months", ([m["name"] for m in year["series"]][::11], len(year["series"])),
           (["%d-01" % now.year, "%d-12" % now.year], 12))
    if now.day > 1:  # the store's hour and the cases are of this month
        expect("packets", (year["total"]["packets"], year["total"]["sources"]), (60 * 7, 2))
        expect("ports", [(p["proto"], p["dport"], p["sources"]) for p in year["ports"]], [(6, 2323, 1), (6, 23, 1)])
        expect("cases", {c["kind"]: c["opened"] > 0 for c in year["cases"]}.get("infected-member"), True)
        expect("owners", a.handle in [f["name"] for f in year["notices"]["by_owner"]], True)
    old = ask(door, "getReport", "GET", "/api/v1/reports/1999-02?zone=UTC", who=ann).json
    expect("long ago", (old["complete"], old["total"]["packets"], len(old["series"]), old["cases"]), (True, 0, 28, []))
    leap = ask(door, "getReport", "GET", "/api/v1/reports/2024-02?zone=America/New_York", who=ann).json
    expect("a leap year", (len(leap["series"]), leap["previous"]["period"]), (29, "2024-01"))
    summer = ask(door, "getReport", "GET", "/api/v1/reports/2024-03?zone=America/New_York", who=ann).json
    expect("a day of 23 hours", [d["name"] for d in summer["series"] if (datetime.datetime.fromisoformat(d["to"][:19]) -
           datetime.datetime.fromisoformat(d["from"][:19])).seconds == 23 * 3600], ["2024-03-10"])
    for path, status in ("2026-13", 404), ("26", 404), ("2026-", 404), ("2026-1", 404), ("x", 404), ("2026?zone=../x", 422), ("2026?zone=", 200):
        expect("report " + path, door.ask("GET", "/api/v1/reports/" + path, who=ann).status, status)


def silence(door, people):
    ann, member = people["analyst"], people["member"]
    since = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = ask(door, "askSilence", "GET", "/api/v1/silence?net=203.0.113.0/24&since=" + since, who=ann).json
    path = "/api/v1/silence/check"
    good = ask(door, "checkSilence", "POST", path, {"note": answer["note"]}, member)
    expect("its signature is good", (good.status, good.json["own"], good.json["key"]), (200, True, answer["key"]))
    expect("by the key that it came with", door.ask("POST", path, {"note": answer["note"], "key": answer["key"]}, member).json["own"], False)
    changed = answer["note"].replace("203.0.113.0/24", "203.0.113.0/25")
    expect("changed", door.ask("POST", path, {"note": changed}, member).status, 409)
    for note in ("", "x", "x\n\nx", answer["note"][:-40]):
        expect("no note %r" % note[:9], door.ask("POST", path, {"note": note}, member).status in (400, 409, 422), True)
    expect("another's key", door.ask("POST", path, {"note": answer["note"], "key": "x+00+AA"}, member).status, 422)
    checkpoint = door.ask("GET", "/api/v1/ledger/checkpoint").body.decode()
    expect("signed, but something else", door.ask("POST", path, {"note": checkpoint}, member).status, 422)
    acts = door.ask("GET", "/api/v1/ledger/acts?kind=silence-answered", who=ann).json["acts"]
    expect("those that were made are listed", (acts[0]["object"]["net"], acts[0]["account"]), ("203.0.113.0/24", ann.id))


def main():
    rng = random.Random(SEED)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-page-door-"))
    (folder / "ledger").mkdir()
    desk_path = folder / "desk.db"
    try:
        Door(folder, "rate=0").close()
        with sqlite3.connect(desk_path) as desk:
            a, b = (Owner(desk, rng, words(rng, 10)) for _ in range(2))
        door = Door(folder, "rate=0")
        people = {role: Person(door, role + ".one", role, a.handle if role == "member" else None)
                  for role in ROLES}
        previews(door, people, a, b)
        notices(door, people, desk_path, a)
        whose(door, people, desk_path, b)
        accounts(door, people)
        accounts_of_others(door, people)
        members(door, people, a, b)
        sensor_times(door, people)
        registry(door, people)
        reports(door, people, a)
        silence(door, people)
        door.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in failures[:60]:
        print(line)
    print("%d failures, seed %d" % (len(failures), SEED) if failures else "what the page asks: all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
