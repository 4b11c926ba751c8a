#!/usr/bin/env python3
"""page_door_test - what the page asks of the door beyond lists: previews, starting notices, owners.

usage: page_door_test.py SERVE ACCOUNT AUTHORITY [--seed N]

The world is that of door_test.py: two organisations with random addresses, names and devices.
"""
import pathlib
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time

import door_test
from door_test import DOCUMENT, Door, Owner, Person, ROLES, SEED, act_of, check_answer, expect
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
        case = insert(desk, "case_", title="", kind=kind, subject=address, state="open", severity="high",
                      organisation=owner.id if owner else None, device=device, opened_us=now,
                      updated_us=now, first_us=now, last_us=now, reason="")
        insert(desk, "finding", key=random.randbytes(16), kind=kind, subject_type="address",
               subject=address, address=packed(address), organisation=owner.id if owner else None,
               device=device, confidence=10, severity="high", first_us=now, last_us=now,
               observations=5, query="src " + address, case_id=case, told_us=now)
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


def accounts(door, people):
    for role in "analyst", "operator", "administrator", "inspector":
        answer = ask(door, "listAccounts", "GET", "/api/v1/accounts?assignable=1", who=people[role]).json
        expect("whom a case can be given to, for the role " + role,
               ({a["role"] for a in answer["accounts"]}, set(answer["accounts"][0])),
               ({"analyst", "operator", "administrator"}, {"id", "name", "display", "role"}))
    plain = ask(door, "listAccounts", "GET", "/api/v1/accounts", who=people["analyst"]).json["accounts"]
    expect("an analyst sees no more", {"state" in a for a in plain}, {False})
    expect("a member nobody", door.ask("GET", "/api/v1/accounts?assignable=1", who=people["member"]).status, 403)


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
        door.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in failures[:60]:
        print(line)
    print("%d failures, seed %d" % (len(failures), SEED) if failures else "what the page asks: all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
