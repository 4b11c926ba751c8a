#!/usr/bin/env python3
"""door_test - the door for people as people, programs and attackers use it.

usage: door_test.py SERVE ACCOUNT AUTHORITY [--seed N]

Two organisations have random addresses, names and devices. Every path and method is asked by every
role, with each's own things and with the other's; what may not be, is refused, answers are what
schema/openapi.json says, and whatever a member gets holds nothing of the other organisation.
"""
import base64
import hashlib
import hmac
import http.client
import ipaddress
import json
import pathlib
import random
import re
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import jsonschema

SERVE, ACCOUNT, AUTHORITY = sys.argv[1:4]
SEED = int(sys.argv[5]) if "--seed" in sys.argv else random.randrange(1 << 32)
DOCUMENT = json.loads((pathlib.Path(__file__).parents[2] / "schema/openapi.json").read_text())
PATIENCE = 60
ROLES = ["analyst", "operator", "member", "inspector", "administrator"]
PASSWORD = "a long pass phrase"
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s: said %r, wanted %r" % (what, said, wanted))


def until(what, ready):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = ready()
        if value:
            return value
        time.sleep(0.02)
    failures.append("%s: not within %d s" % (what, PATIENCE))
    return None


class Door:
    """A door over a folder, in a process of its own."""

    def __init__(self, folder, *settings):
        self.folder = folder
        self.process = subprocess.Popen([SERVE, str(folder), "hub=1", *settings], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("door-serve does not start")
        self.port = int(line)

    def wake(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        expect("door-serve", self.process.stdout.readline(), "done\n")

    def close(self):
        self.process.stdin.close()
        expect("door-serve ends", self.process.wait(PATIENCE), 0)

    def ask(self, method, path, body=None, who=None, headers=None, raw=None):
        """One request; its status, headers and body. `who` is a Person, a token, or None."""
        headers = dict(headers or {})
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        if isinstance(who, str):
            headers["Authorization"] = "Bearer " + who
        elif who is not None:
            headers.setdefault("Cookie", "__Host-hinomi=" + who.cookie)
            if method != "GET":
                headers.setdefault("X-CSRF-Token", who.csrf)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def code(self):
        return self.json.get("code") if self.body[:1] == b"{" else None

    def cookie(self):
        found = re.search(r"__Host-hinomi=([^;]*)", self.headers.get("Set-Cookie", ""))
        return found[1] if found else None


class Person:
    def __init__(self, door, name, role, organisation=None):
        self.name, self.role, self.totp = name, role, None
        command = [ACCOUNT, "add", "--dir", str(door.folder), "--role", role]
        if organisation:
            command += ["--organisation", organisation]
        link = subprocess.run(command + [name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=True).stdout.strip().rsplit("/", 1)[1]
        answer = door.ask("POST", "/api/v1/link", {"link": link, "password": PASSWORD})
        expect("link of " + name, answer.status, 200)
        self.take(answer)
        self.id = door.ask("GET", "/api/v1/me", who=self).json["account"]["id"]

    def take(self, answer):
        self.cookie, self.csrf = answer.cookie(), answer.json["csrf"]

    def sign_in(self, door, **more):
        return door.ask("POST", "/api/v1/sign-in", {"name": self.name, "password": PASSWORD, **more})


# ---- what there is ----

def words(rng, letters=12):
    return "".join(rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") for _ in range(letters // 2))


def packed(address):
    ip = ipaddress.ip_address(address)
    return ip.packed if ip.version == 6 else b"\0" * 10 + b"\xff\xff" + ip.packed


def table_columns(desk, table):
    return {row[1]: row for row in desk.execute("PRAGMA table_info(%s)" % table)}


def insert(desk, table, **values):
    keys = list(values)
    at = desk.execute("INSERT INTO %s (%s) VALUES (%s)" % (table, ", ".join(keys),
                      ", ".join("?" * len(keys))), [values[k] for k in keys])
    return at.lastrowid


class Owner:
    """An organisation with everything there can be about it; `secrets` are texts that are its own."""

    def __init__(self, desk, rng, name):
        now = int(time.time() * 1e6)
        self.handle, self.device = name, "mac:02:" + ":".join("%02x" % rng.randrange(256) for _ in range(5))
        third = rng.sample(range(256), 1)[0]
        self.prefix = "10.%d.%d" % (rng.randrange(1, 255), third)
        self.addresses = ["%s.%d" % (self.prefix, rng.randrange(10, 250)) for _ in range(3)]
        self.full, self.mail = words(rng, 20), words(rng) + "@" + words(rng) + ".example"
        self.staff_words = words(rng, 24)  # of the staff's notes, in its case
        self.letter, self.code = words(rng, 30), "-".join("".join(rng.choice("23456789ABCDEFGH")
                                                          for _ in range(4)) for _ in range(3))
        self.id = insert(desk, "organisation", handle=name, name=self.full, member=1, updated_us=now)
        self.contact = insert(desk, "contact", organisation=self.id, address=self.mail)
        insert(desk, "holding", organisation=self.id, kind="prefix", low=packed(self.prefix + ".0"),
               high=packed(self.prefix + ".255"), label=words(rng))
        insert(desk, "lease", low=packed(self.addresses[0]), high=packed(self.addresses[0]),
               from_us=now - 10 ** 9, until_us=0, device=self.device, organisation=self.id,
               basis="dhcp", confidence=90)
        self.case = insert(desk, "case_", title="", kind="infected-member",
                           subject=self.addresses[0], state="open", severity="high",
                           organisation=self.id, device=self.device, opened_us=now, updated_us=now,
                           first_us=now, last_us=now, reason="")
        self.findings = [insert(desk, "finding", key=rng.randbytes(16), kind="infected-member",
                                subject_type="address", subject=a, address=packed(a),
                                organisation=self.id, device=self.device, confidence=80,
                                severity="high", first_us=now, last_us=now, observations=5,
                                query="src " + a, case_id=self.case, told_us=now)
                         for a in self.addresses]
        insert(desk, "case_history", case_id=self.case, time_us=now, account=0, action="noted",
               text=self.staff_words)
        self.notice = insert(desk, "notice", code=self.code, case_id=self.case,
                             organisation=self.id, contact=self.contact,
                             kind="infected-member", trouble="source " + self.device,
                             address=packed(self.addresses[0]), channel="mail", language="en",
                             state="queued", created_us=now, first_seen_us=now, last_seen_us=now, title=self.letter,
                             body=self.letter + self.addresses[0])
        self.alert = insert(desk, "alert", case_id=self.case, severity="high", channel="mail",
                            address=words(rng) + "@soc.example", about="opened", language="en", text=self.addresses[0],
                            created_us=now, due_us=now)
        self.secrets = self.addresses + [self.prefix + ".", self.handle, self.device, self.full,
                                         self.mail, self.letter, self.code, self.staff_words]


def mix(desk, mine, other):
    """What joins two owners: a campaign's case of one with a finding of the other, staff's words."""
    now = int(time.time() * 1e6)
    insert(desk, "finding", key=random.randbytes(16), kind="scanner", subject_type="address",
           subject=other.addresses[1], address=packed(other.addresses[1]), organisation=other.id,
           confidence=99, severity="critical", first_us=now, last_us=now, observations=9,
           query="src " + other.addresses[1], case_id=mine.case, told_us=now)
    desk.execute("UPDATE case_ SET title = ?, reason = ?, campaign = ?, kind = 'scanner', subject = ? "
                 "WHERE id = ?", ("as at " + other.handle, other.addresses[0],
                                  other.prefix + ".0/24", other.addresses[1], mine.case))
    insert(desk, "case_history", case_id=mine.case, time_us=now, account=0, action="merged",
           text="with that of %s, %s" % (other.full, other.addresses[2]))
    # an address that both had, one after the other
    insert(desk, "lease", low=packed(mine.addresses[2]), high=packed(mine.addresses[2]),
           from_us=now - 3 * 10 ** 9, until_us=now - 2 * 10 ** 9, device=other.device,
           organisation=other.id, basis="dhcp", confidence=90)


# ---- every path, method and role ----

def operations():
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def resolved(schema):
    """The schema with the components that it points to."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema",
            "components": DOCUMENT["components"], **schema}


validators = {}


def check_answer(what, operation, answer):
    """Is the answer one that the document tells of?"""
    found = operation["responses"].get(str(answer.status))
    if found is None:
        if answer.status < 400:
            failures.append("%s: status %d is not in the document" % (what, answer.status))
            return
        found = DOCUMENT["components"]["responses"]["Problem"]
    kind = answer.headers.get_content_type()
    if kind not in found["content"]:
        failures.append("%s: %d is %s" % (what, answer.status, kind))
        return
    if not kind.endswith("json") or kind.endswith("ndjson"):
        return
    schema = found["content"][kind]["schema"]
    key = json.dumps(schema)
    if key not in validators:
        validators[key] = jsonschema.Draft202012Validator(resolved(schema))
    try:
        for error in list(validators[key].iter_errors(answer.json))[:1]:
            failures.append("%s: %s at %s" % (what, error.message[:200], list(error.path)))
    except ValueError:
        failures.append("%s: no JSON: %r" % (what, answer.body[:200]))


BODIES = {
    "importDirectory": {"csv": "organisation,name\nnew-one,New\n", "dry_run": True},
    "actOnCase": {"action": "note", "text": "seen"}, "actOnCases": {"action": "note", "text": "seen"},
    "actOnNotice": {"action": "release"}, "actOnAccount": {"action": "link"},
    "makeAccount": {"name": "x", "role": "nobody"}, "changeAccount": {"language": "ja"},
    "makeToken": {"label": "t", "scopes": "read"}, "changeMe": {"language": "en"},
    "changePassword": {"password": "wrong", "new": "x"}, "setSecondFactor":
    {"password": "wrong", "secret": "x", "code": "0"}, "removeSecondFactor": {"password": "wrong"},
    "makeRecoveryCodes": {"password": "wrong"},
    "makeCode": {"name": "one", "valid": "1h"}, "forgetLeases": {"before": "2001-01-01"},
    "makeOrganisation": {"handle": "!", "name": "x"}, "changeOrganisation": {}, "addContact": {"contact": "no mail"},
    "changeContact": {"state": "odd"}, "addHolding": {"holding": "0.0.0.0/0"}, "setOwner": {"organisation": 999999},
    "keepView": {"page": "cases", "name": "mine", "query": "?state=all"}, "changePreferences": {"theme": "dark"},
    "makeNotice": {"dry_run": True}, "placeSensor": {"latitude": 1000, "longitude": 0}, "closeMe": {"password": "wrong"}, "checkSilence": {"note": "x"},
    "changeRule": {"settings": {}}, "beginReplay": {"rules": "nothing"}, "revokeAuthority": {"note": "x"}, "revokeSensor": {"reason": "lost"}, "signIn": {"name": "nobody", "password": "wrong"}, "useLink": {"link": "x", "password": "x"},
}
# files as they are, and the query that goes with them
TEXTS = {"importLeases": ("?format=csv&dry-run=1", "address,device,from\n192.0.2.1,mac:02:00:00:00:00:01,2026-01-01\n")}
TEXTS.update(addAuthority=("", "x\n\nx"), addSigners=("", "x\n\nx"))
SENSOR = "aabb0102030405060708090a0b0c0000"
ENDS_SESSION = {"signOut", "signOutEverywhere"}


def objects_of(operation, path, owner, people):
    """What the variable part of a path may be, of an owner."""
    if "/cases/" in path:
        return [owner.case]
    if "/findings/" in path:
        return owner.findings[:1]
    if "/notices/" in path:
        return [owner.notice]
    if "/contacts/" in path or "/holdings/" in path:
        return ["999999"]
    if "/organisations/" in path:
        return ["999998" if operation["operationId"] == "removeOrganisation" else owner.id]
    if "/me/views/" in path:
        return [999999]
    if "/accounts/" in path:
        return [people["analyst"].id]
    if "/addresses/" in path:
        return owner.addresses[:1]
    if "/verify/" in path:
        return ["AAAA-BBBB-CCCC"]
    if "/ledger/acts/" in path:
        return [1]
    if path in ("/api/v1/sensors/{id}", "/api/v1/sensors/{id}/watched"):
        return [SENSOR]
    if "/decoys/" in path:
        return [1]
    if "/rules/" in path:
        return ["scanner"]
    if "/reports/" in path:
        return ["2026-10"]
    if "/authorities/" in path:
        return ["0" * 64]
    return ["0" * 32]


def queries_of(operation, owner):
    """The path alone, and each value of the query that aims at the owner."""
    aims = {"address": owner.addresses[0], "organisation": owner.id, "case": owner.case,
            "text": owner.full[:8], "device": owner.device, "kind": "infected-member",
            "state": "all", "filter": "src " + owner.addresses[0], "by": "src"}
    yield ""
    for parameter in operation.get("parameters", []):
        if parameter.get("in") == "query" and parameter["name"] in aims:
            yield "?" + urllib.parse.urlencode({parameter["name"]: aims[parameter["name"]]})


def clean_of(what, answer, owner):
    """Nothing of `owner` may be in what a member of another organisation got."""
    text = (str(answer.headers) + answer.body.decode("utf-8", "replace")).lower()
    for secret in owner.secrets:
        if secret.lower() in text:
            failures.append("%s: shows %r of another organisation" % (what, secret))


def unhurried(answer):
    """The answer, unless it is that too much was asked: then None, when that is over."""
    if answer.status != 429:
        return answer
    time.sleep(float(answer.headers["Retry-After"]))
    return None


def matrix(door, people, a, b):
    count = 0
    for method, path, operation in operations():
        name = operation["operationId"]
        if name in ENDS_SESSION or name == "getEvents":
            continue
        for role in ["public"] + ROLES:
            who = people.get(role)
            allowed = "public" in operation["x-roles"] or role in operation["x-roles"]
            for owner in (a, b):
                for value in objects_of(operation, path, owner, people):
                    whole = re.sub(r"\{\w+\}", str(value), path)
                    body = BODIES.get(name)
                    if name == "actOnCases":
                        body = {**body, "cases": [owner.case]}
                    raw, headers = None, None
                    if name in TEXTS:
                        whole, raw = whole + TEXTS[name][0], TEXTS[name][1].encode()
                        headers = {"Content-Type": "text/plain"}
                    for query in queries_of(operation, owner) if method == "GET" else [""]:
                        what = "%s %s%s as %s" % (method, whole, query, role)
                        answer = door.ask(method, whole + query, body, who, headers, raw)
                        if answer.status == 429 and not allowed:
                            answer = until("a turn", lambda: unhurried(door.ask(method, whole + query, body, who, headers, raw)))
                        count += 1
                        check_answer(what, operation, answer)
                        if role == "member":
                            clean = Answer(answer.status, answer.headers, answer.body)
                            clean_of(what, clean, b)
                            if owner is b and method != "GET" and "{" in path and \
                                    answer.status < 400 and "/me/" not in path:
                                failures.append("%s: a member changes another's" % what)
                        if allowed and answer.status in (401, 403) and \
                                answer.code() in ("sign-in", "role", "forged", "scope"):
                            failures.append("%s: refused: %s" % (what, answer.body[:120]))
                        if not allowed and answer.status != (401 if role == "public" else 403):
                            failures.append("%s: %d, not refused" % (what, answer.status))
                        if answer.status >= 500 and answer.code() not in ("not-yet", "streams", "busy"):
                            failures.append("%s: %d %s" % (what, answer.status, answer.body[:150]))
    return count


def pages(door, people, a, b):
    """The plain page: who may see it, no script, and nothing of others for a member."""
    for path in ["/plain", "/plain/cases", "/plain/cases?state=all", "/plain/cases/%d" % a.case,
                 "/plain/cases/%d" % b.case, "/plain/addresses/" + a.addresses[0],
                 "/plain/addresses/" + b.addresses[0], "/plain/ledger", "/plain/me", "/plain/find",
                 "/plain/find?address=" + b.addresses[0], "/plain/me/second-factor", "/seen", "/verify",
                 "/verify?code=" + b.code, "/sign-in", "/link/x", "/nowhere"]:
        for lang in ("en", "ja"):
            for role in ["public"] + ROLES:
                what = "%s as %s" % (path, role)
                answer = door.ask("GET", path + ("&" if "?" in path else "?") + "lang=" + lang,
                                  who=people.get(role))
                text = answer.body.decode()
                if answer.status >= 500:
                    failures.append("%s: %d" % (what, answer.status))
                if "<script" in text.lower() or " style=" in text or re.search(r"\son\w+=", text):
                    failures.append("%s: script or style inside" % what)
                if role == "member":
                    # what was typed into the path is the member's own word
                    clean_of(what, Answer(answer.status, {}, text.replace(
                        b.addresses[0] if b.addresses[0] in path else "\0", "").replace(
                        b.code if b.code in path else "\0", "").encode()), b)
    expect("a stranger is led to the sign-in", door.ask("GET", "/plain/cases").status, 303)
    expect("a member sees no ledger", door.ask("GET", "/plain/ledger", who=people["member"]).status, 403)
    expect("nor another's case", door.ask("GET", "/plain/cases/%d" % b.case, who=people["member"]).status, 404)
    expect("but its own", door.ask("GET", "/plain/cases/%d" % a.case, who=people["member"]).status, 200)


def tokens(door, people):
    """A token reaches what its scopes and its account's role allow."""
    made = {}
    for scopes in ["read", "query", "cases", "accounts", "ledger", "read query cases notices "
                   "directory ledger accounts"]:
        answer = door.ask("POST", "/api/v1/me/tokens", {"label": scopes[:20], "scopes": scopes},
                          people["administrator"])
        expect("token " + scopes, answer.status, 201)
        made[scopes] = answer.json["token"]
    for method, path, operation in operations():
        needed = [way["token"][0] for way in operation["security"] if "token" in way]
        if not operation["security"] or method != "GET" or "events" in path:
            continue
        for scopes, token in made.items():
            whole = re.sub(r"\{\w+\}", "1", path)
            answer = until("a turn at " + whole, lambda: unhurried(door.ask(method, whole, who=token)))
            good = needed and needed[0] in scopes.split()
            if good == (answer.code() == "scope"):
                failures.append("token of %r at %s: %d %s" % (scopes, path, answer.status, answer.body[:100]))
    wrong = made["read"][:-1] + ("A" if made["read"][-1] != "A" else "B")
    for token in ["", "x", wrong, "hinomi_" + "A" * 43, made["read"] + "A"]:
        expect("token %r" % token[:20], door.ask("GET", "/api/v1/me", who=token).status, 401)
    expect("Basic is none", door.ask("GET", "/api/v1/me", headers={"Authorization": "Basic eDp4"}).status, 401)
    # a bad token is no anonymous request either
    expect("public with a bad token", door.ask("GET", "/api/v1/seen", who="x").status, 401)
    # a token for accounts makes nobody an administrator
    dan = "/api/v1/accounts/%d" % people["member"].id
    for method, path, body in [("POST", "/api/v1/accounts", {"name": "eve", "role": "administrator"}),
                               ("PATCH", dan, {"role": "administrator"}),
                               *[("POST", dan + "/actions", {"action": action})
                                 for action in ("link", "reset", "remove-second-factor")]]:
        answer = door.ask(method, path, body, who=made["accounts"])
        expect("a token at %s %s" % (path, body), (answer.status, answer.code()), (403, "scope"))
    expect("a token gives a name", door.ask("PATCH", dan, {"display": "Dan"}, who=made["accounts"]).status, 200)
    listed = door.ask("GET", "/api/v1/me/tokens", who=people["administrator"]).json["tokens"]
    expect("tokens listed", len(listed) >= len(made), True)
    expect("secrets are not", any(t in json.dumps(listed) for t in made.values()), False)
    for one in listed:
        door.ask("DELETE", "/api/v1/me/tokens/" + one["id"], who=people["administrator"])
    expect("revoked", door.ask("GET", "/api/v1/me", who=made["read"]).status, 401)


# ---- signing in ----

def code_of(secret, step):
    key = base64.b32decode(secret)
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    at = mac[19] & 15
    return "%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff) % 1000000)


def sessions(door, people):
    ann = people["analyst"]
    before = ann.cookie
    answer = ann.sign_in(door)
    ann.take(answer)
    cookie = answer.headers["Set-Cookie"]
    for word in ["Secure", "HttpOnly", "SameSite=Strict", "Path=/"]:
        expect("cookie has " + word, word in cookie, True)
    expect("no domain", "domain" in cookie.lower(), False)
    expect("a new session each time", before != ann.cookie, True)
    # fixation: the session that a browser brings is never the one after a sign-in, and it ends
    fixed = base64.urlsafe_b64encode(b"f" * 32).decode().rstrip("=")
    answer = door.ask("POST", "/api/v1/sign-in", {"name": ann.name, "password": PASSWORD},
                      headers={"Cookie": "__Host-hinomi=" + fixed})
    expect("an id from outside is not taken", answer.cookie() != fixed, True)
    expect("nor does it work", door.ask("GET", "/api/v1/me", headers={"Cookie": "__Host-hinomi=" + fixed}).status, 401)
    answer = door.ask("POST", "/api/v1/sign-in", {"name": ann.name, "password": PASSWORD},
                      headers={"Cookie": "__Host-hinomi=" + ann.cookie})
    expect("the one before is over", door.ask("GET", "/api/v1/me", who=ann).status, 401)
    ann.take(answer)
    expect("twice a cookie is none", door.ask("GET", "/api/v1/me", headers={
        "Cookie": "__Host-hinomi=%s; __Host-hinomi=%s" % (ann.cookie, fixed)}).status, 401)
    # names cannot be told apart
    known = door.ask("POST", "/api/v1/sign-in", {"name": ann.name, "password": "wrong one"})
    unknown = door.ask("POST", "/api/v1/sign-in", {"name": "nobody.at.all", "password": "wrong one"})
    expect("the same answer", (known.status, known.body), (unknown.status, unknown.body))
    times = {}
    for name in (ann.name, "nobody.at.all"):
        for _ in range(3):  # the quickest counts: the machine may pause at any time
            start = time.monotonic()
            door.ask("POST", "/api/v1/sign-in", {"name": name, "password": "wrong one"})
            times[name] = min(times.get(name, PATIENCE), time.monotonic() - start)
    # the work of a hash is done for both; whatever the machine does meanwhile, not a tenth of it
    expect("about the same time", 0.1 < times[ann.name] / times["nobody.at.all"] < 10, True)
    # other sessions, and an end everywhere
    second = door.ask("POST", "/api/v1/sign-in", {"name": ann.name, "password": PASSWORD})
    listed = door.ask("GET", "/api/v1/me/sessions", who=ann).json["sessions"]
    expect("two sessions", len(listed) >= 2, True)
    expect("one is this", sum(s["this"] for s in listed), 1)
    other = Person.__new__(Person)
    other.take(second)
    gone = [s["id"] for s in door.ask("GET", "/api/v1/me/sessions", who=other).json["sessions"] if s["this"]][0]
    expect("end one", door.ask("DELETE", "/api/v1/me/sessions/" + gone, who=ann).status, 200)
    expect("it is over", door.ask("GET", "/api/v1/me", who=other).status, 401)
    other.take(door.ask("POST", "/api/v1/sign-in", {"name": ann.name, "password": PASSWORD}))
    expect("everywhere", door.ask("POST", "/api/v1/sign-out-everywhere", who=other).status, 200)
    expect("all over", [door.ask("GET", "/api/v1/me", who=p).status for p in (ann, other)], [401, 401])
    ann.take(ann.sign_in(door))
    answer = door.ask("POST", "/api/v1/sign-out", who=ann)
    expect("sign out", (answer.status, answer.cookie()), (200, ""))
    expect("after it", door.ask("GET", "/api/v1/me", who=ann).status, 401)
    ann.take(ann.sign_in(door))


def second_factor(door, people):
    bob = people["operator"]
    drawn = door.ask("POST", "/api/v1/me/second-factor/secret", who=bob).json
    step = int(time.time()) // 30
    body = {"password": PASSWORD, "secret": drawn["secret"], "code": code_of(drawn["secret"], step)}
    expect("wrong password", door.ask("PUT", "/api/v1/me/second-factor", {**body, "password": "no"}, bob).status, 403)
    bad = "000000" if body["code"] != "000000" else "000001"
    expect("wrong code", door.ask("PUT", "/api/v1/me/second-factor", {**body, "code": bad}, bob).status, 409)
    body["code"] = code_of(drawn["secret"], int(time.time()) // 30)
    answer = door.ask("PUT", "/api/v1/me/second-factor", body, bob)
    expect("set up", answer.status, 200)
    codes = answer.json["recovery_codes"]
    answer = bob.sign_in(door)
    expect("a code is wanted", (answer.status, answer.code(), answer.cookie()), (401, "code-needed", None))
    expect("a used code", bob.sign_in(door, code=body["code"]).status, 401)
    answer = bob.sign_in(door, code=codes[0])
    expect("a recovery code", answer.status, 200)
    bob.take(answer)
    expect("once only", bob.sign_in(door, code=codes[0]).code(), "not-so")
    answer = bob.sign_in(door, code=code_of(drawn["secret"], int(time.time()) // 30 + 1))
    expect("the next step's code", answer.status, 200)
    bob.take(answer)
    expect("left", door.ask("GET", "/api/v1/me", who=bob).json["recovery_codes_left"], 9)
    again = door.ask("POST", "/api/v1/me/second-factor/secret", who=bob).json["secret"]
    fresh = {"password": PASSWORD, "secret": again, "code": code_of(again, int(time.time()) // 30)}
    for what, method, path, given in [("give up", "DELETE", "second-factor", {"password": PASSWORD}),
                                      ("set another", "PUT", "second-factor", fresh),
                                      ("new recovery codes", "POST", "recovery-codes", {"password": PASSWORD})]:
        for present in ({}, {"present": "xxxx-xxxx"}):
            answer = door.ask(method, "/api/v1/me/" + path, {**given, **present}, bob)
            expect("%s with %r" % (what, present), (answer.status, answer.code()), (403, "code"))
    expect("give it up", door.ask("DELETE", "/api/v1/me/second-factor", {"password": PASSWORD, "present": codes[1]},
                                  bob).status, 200)


def forgery(door, people):
    ann = people["analyst"]
    for what, headers, status in [
            ("with token", {}, 200), ("without token", {"X-CSRF-Token": ""}, 403),
            ("another's token", {"X-CSRF-Token": people["operator"].csrf}, 403),
            ("half a token", {"X-CSRF-Token": ann.csrf[:20]}, 403),
            ("from elsewhere", {"Origin": "https://evil.example"}, 403),
            ("from nowhere", {"Origin": "null"}, 403),
            ("cross-site", {"Sec-Fetch-Site": "cross-site"}, 403),
            ("same-site is not same-origin", {"Sec-Fetch-Site": "same-site"}, 403),
            ("same origin", {"Origin": "http://127.0.0.1:%d" % door.port, "Sec-Fetch-Site": "same-origin"}, 200)]:
        answer = door.ask("PATCH", "/api/v1/me", {"display": what}, ann, headers)
        expect("forgery, %s" % what, answer.status, status)
    expect("sign-in from elsewhere", door.ask("POST", "/api/v1/sign-in", {"name": "x", "password": "y"},
           headers={"Sec-Fetch-Site": "cross-site"}).status, 403)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    expect("a form is no JSON", door.ask("POST", "/api/v1/sign-in", raw=b"name=a&password=b", headers=form).status, 415)
    expect("a page's form without token", door.ask("POST", "/plain/cases/1", raw=b"action=note&text=x", who=ann,
           headers={**form, "X-CSRF-Token": ""}).status, 403)
    expect("GET changes nothing", door.ask("GET", "/api/v1/sign-out", who=ann).status, 405)


def plain_sign_in(door):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    fields = urllib.parse.urlencode({"name": "page.person", "password": PASSWORD}).encode()
    person = Person(door, "page.person", "analyst")
    answer = door.ask("POST", "/sign-in", raw=fields, headers=form)
    expect("the page signs in", (answer.status, answer.headers["Location"]), (303, "/plain/cases"))
    person.cookie = answer.cookie()
    answer = door.ask("GET", "/plain/me", who=person)
    csrf = re.search(r'name="csrf" value="([^"]+)"', answer.body.decode())[1]
    answer = door.ask("POST", "/sign-out", raw=b"csrf=" + csrf.encode(), who=person,
                      headers={**form, "X-CSRF-Token": ""})
    expect("and out", answer.status, 303)
    expect("out it is", door.ask("GET", "/plain/me", who=person).status, 303)
    answer = door.ask("POST", "/sign-in", raw=b"name=%3Cb%3E%22x&password=wrong", headers=form)
    expect("wrong", answer.status, 401)
    expect("what was typed is escaped", b'<b>"x' in answer.body, False)


def lock_out(door, desk_path):
    """Guesses at one name from one place end soon, are an act once, and hold nobody else up."""
    person = Person(door, "often.tried", "analyst")
    statuses = [door.ask("POST", "/api/v1/sign-in", {"name": person.name, "password": "guess %d" % i}).status
                for i in range(14)]
    expect("refused after some", (statuses[0], statuses[-1]), (401, 429))
    answer = person.sign_in(door)
    expect("the right one too", answer.status, 429)
    expect("says when", int(answer.headers["Retry-After"]) > 0, True)
    expect("a session goes on", door.ask("GET", "/api/v1/me", who=person).status, 200)
    desk = sqlite3.connect(desk_path)
    acts = desk.execute("SELECT object FROM act WHERE kind = 2").fetchall()
    desk.close()
    expect("one act of it", sum(json.loads(a[0])["account"] == person.id for a in acts), 1)


def elsewhere(folder, people):
    """Guesses from many addresses keep nobody out at home, and codes are guessed ten times an hour."""
    door = Door(folder, "rate=0", "proxy=127.0.0.1")

    def sign_in(name, address, **more):
        return door.ask("POST", "/api/v1/sign-in", {"name": name, "password": PASSWORD, **more},
                        headers={"X-Forwarded-For": address})
    dan, bob = people["member"], people["operator"]
    expect("at home", sign_in(dan.name, "203.0.113.1").status, 200)
    for i in range(130):
        answer = sign_in(dan.name, "198.51.100.%d" % i, password="a guess")
        if answer.status == 429:
            break
    expect("guesses end", answer.status, 429)
    expect("elsewhere it waits", sign_in(dan.name, "203.0.113.2").status, 429)
    expect("at home it does not", sign_in(dan.name, "203.0.113.1").status, 200)
    drawn = door.ask("POST", "/api/v1/me/second-factor/secret", who=bob).json
    now = code_of(drawn["secret"], int(time.time()) // 30)
    expect("set up", door.ask("PUT", "/api/v1/me/second-factor", {
        "password": PASSWORD, "secret": drawn["secret"], "code": now}, bob).status, 200)
    statuses = [sign_in(bob.name, "192.0.2.%d" % i, code=now).status for i in range(11)]  # it was used
    expect("codes are guessed ten times", statuses, [401] * 10 + [429])
    desk = sqlite3.connect(folder / "desk.db")
    acts = [json.loads(a[0])["account"] for a in desk.execute("SELECT object FROM act WHERE kind = 2")]
    desk.execute("UPDATE account SET totp = NULL WHERE id = ?", (bob.id,))
    desk.commit()
    desk.close()
    expect("each is an act", (acts.count(dan.id), acts.count(bob.id)), (1, 1))
    door.close()


# ---- hostile requests ----

def raw_request(door, data, end=True, patience=PATIENCE):
    with socket.create_connection(("127.0.0.1", door.port), timeout=patience) as s:
        s.sendall(data)
        if end:
            s.shutdown(socket.SHUT_WR)
        got = b""
        try:
            while piece := s.recv(65536):
                got += piece
        except OSError:
            pass
        return got


def hostile(door, people):
    ann = people["analyst"]
    deep = b"[" * 60000
    for what, raw, statuses in [
            ("deep", deep, {400, 413}), ("deep in an object", b'{"a":' * 9000 + b"1" + b"}" * 9000, {400, 413}),
            ("not so deep", b"[" * 2000, {400}),
            ("cut", b'{"name":"x', {400}), ("twice a name", b'{"display":"a","display":"b"}', {400}),
            ("an array", b"[]", {400}), ("a number", b"1", {400}), ("no UTF-8", b'{"display":"\xff"}', {400}),
            ("NUL", b'{"display":"a\\u0000b"}', {400}), ("unknown", b'{"role":"administrator"}', {400}),
            ("wrong type", b'{"display":7}', {400}), ("hidden", '{"display":"a\u202eb"}'.encode(), {422}),
            ("long", b'{"display":"' + b"x" * 60000 + b'"}', {400, 413}),
            ("less long", b'{"display":"' + b"x" * 2000 + b'"}', {400}),
            ("too large", b'{"display":"' + b"x" * 70000 + b'"}', {413}),
            ("a big number", b'{"display":1e999}', {400}), ("empty", b"", {200, 400})]:
        small = len(raw) <= 4096
        answer = door.ask("PATCH" if small else "POST", "/api/v1/me" if small else "/api/v1/cases/1/actions", raw=raw,
                          who=ann, headers={"Content-Type": "application/json"})
        if answer.status not in statuses:
            failures.append("body %s: %d %s" % (what, answer.status, answer.body[:100]))
    for path in ["/api/v1/sign-in", "/api/v1/link", "/api/v1/me/password", "/sign-in", "/link/x", "/plain/me/password"]:
        answer = door.ask("POST", path, raw=b"x" * 5000, headers={"Content-Type": "application/json"})
        expect("a large body for " + path, answer.status, 413)
    for path in ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/v1/..%2f..%2fetc/passwd", "/style.css/../me",
                 "//etc/passwd", "/api/v1/cases/../me", "/api/v1/cases/%00", "/api/v1/cases/1%00", "/\\..\\..",
                 "/api/v1/cases/-1", "/api/v1/cases/99999999999999999999", "/api/v1/cases/1e3",
                 "/api/v1/addresses/1.2.3.4.5", "/api/v1/cases/" + "9" * 900]:
        answer = door.ask("GET", path, who=ann)
        if answer.status not in (400, 404, 414) and not (answer.status == 200 and "%00" in path):
            failures.append("path %s: %d" % (path, answer.status))
        if b"root:" in answer.body:
            failures.append("path %s: a file" % path)
    for query in ["state=x", "limit=0", "limit=99999", "limit=-1", "limit=1&limit=2", "nosuch=1",
                  "since=yesterday", "severity=x", "address=1.2.3", "after=x", "after=1.2.0", "sort=x", "x" * 3000 + "=1"]:
        answer = door.ask("GET", "/api/v1/cases?" + query, who=ann)
        expect("query " + query[:30], answer.status, 400)
    answer = door.ask("GET", "/api/v1/cases?text=" + urllib.parse.quote("%' OR 1=1 --\"<script>"), who=ann)
    expect("SQL is text", (answer.status, answer.json["cases"]), (200, []))
    good = b"GET /api/v1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    for data in [b"\0" * 2000, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
                 b"POST /api/v1/sign-in HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n",
                 b"POST /api/v1/sign-in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
                 b"GET /api/v1/me HTTP/1.1\r\nHost: h\r\nCookie: " + b"a=b; " * 1500 + b"\r\n\r\n"]:
        raw_request(door, data, patience=1)
    expect("the door is well", raw_request(door, good)[:15], b"HTTP/1.1 200 OK")
    for request, status, part in [
            (b"GET /api/v1 HTTP/1.1\r\nConnection: close\r\n\r\n", b"400", b""),
            (b"GET /api/v1 HTTP/1.1\r\nHost: h\r\nHost: h\r\nConnection: close\r\n\r\n", b"400", b""),
            (b"DELETE /api/v1/cases/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", b"405", b"\r\nAllow: GET, HEAD\r\n"),
            (b"OPTIONS /api/v1/sign-in HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", b"405", b"\r\nAllow: POST\r\n")]:
        answer = raw_request(door, request)
        expect("%r" % request[:30], (answer[9:12], part in answer), (status, True))
    # clients that begin and do not go on do not hold up others
    idle = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(100)]
    for s in idle:
        s.sendall(b"POST /api/v1/sign-in HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{")
    expect("slow ones", raw_request(door, good)[:15], b"HTTP/1.1 200 OK")
    for s in idle:
        s.close()


# ---- proxies ----

def proxies(folder, address):
    door = Door(folder, "proxy=127.0.0.1", "proxy=198.51.100.0/24", "per-address=4")
    for what, headers, wanted in [
            ("none", {}, "127.0.0.1"),
            ("one hop", {"X-Forwarded-For": address}, address),
            ("a liar before", {"X-Forwarded-For": "203.0.113.1, " + address}, address),
            ("two proxies", {"X-Forwarded-For": "203.0.113.1, %s, 198.51.100.7" % address}, address),
            ("nonsense", {"X-Forwarded-For": "unknown"}, "127.0.0.1"),
            ("the other header", {"Forwarded": "for=203.0.113.1", "X-Forwarded-For": address}, address),
            ("the other header alone", {"Forwarded": "for=203.0.113.1"}, "127.0.0.1")]:
        expect("proxy, " + what, door.ask("GET", "/api/v1/seen", headers=headers).json["address"], wanted)
    lines = "GET /api/v1/seen HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n"
    two = "X-Forwarded-For: 203.0.113.1\r\nx-forwarded-for: %s\r\n" % address
    expect("a liar's line before", ('"address":"%s"' % address).encode() in raw_request(door, (lines % two).encode()), True)
    idle = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(12)]
    expect("a proxy has as many as it wants", door.ask("GET", "/api/v1/seen").status, 200)
    closed = 0
    for s in idle:
        s.setblocking(False)
        try:
            closed += s.recv(1) == b""
        except OSError:
            pass
        s.close()
    expect("none had to go", closed, 0)
    seen = door.ask("GET", "/api/v1/seen", headers={"X-Forwarded-For": address}).json
    expect("it was seen", (seen["seen"], [w["kind"] for w in seen["what"]]), (True, ["infected-member"]))
    page = door.ask("GET", "/seen?lang=ja", headers={"X-Forwarded-For": address}).body.decode()
    expect("and the page says so", "観測されました" in page and "近隣" in page, True)
    expect("others are not", door.ask("GET", "/api/v1/seen", headers={"X-Forwarded-For": "203.0.113.77"}).json["seen"], False)
    door.close()
    door = Door(folder, "proxy=127.0.0.1", "forwarded=1")
    for what, headers, wanted in [
            ("Forwarded", {"Forwarded": "for=203.0.113.1, for=\"%s:4711\";proto=https" % address}, address),
            ("Forwarded, IPv6", {"Forwarded": 'for="[2001:db8::7]:80"'}, "2001:db8::7"),
            ("not what a liar wrote", {"Forwarded": "for=" + address, "X-Forwarded-For": "203.0.113.1"}, address)]:
        expect("proxy, " + what, door.ask("GET", "/api/v1/seen", headers=headers).json["address"], wanted)
    door.close()
    door = Door(folder)
    expect("no proxy is believed by itself", door.ask("GET", "/api/v1/seen", headers={
        "X-Forwarded-For": address, "Forwarded": "for=" + address}).json["address"], "127.0.0.1")
    door.close()


# ---- live ----

class Listener:
    def __init__(self, door, who, path="/api/v1/events", headers=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=PATIENCE)
        self.connection.request("GET", path, headers={"Cookie": "__Host-hinomi=" + who.cookie, **(headers or {})})
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        self.text = ""
        self.over = False
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while piece := self.answer.read1(4096):
                self.text += piece.decode()
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass
        self.over = True

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def events(self):
        return re.findall(r"event: (\w+)\nid: ([\d.]+)\ndata: (.*)\n\n", self.text)


def live(door, desk_path, people, a, b):
    ears = {role: Listener(door, people[role]) for role in ("analyst", "member")}
    for ear in ears.values():
        until("hello", lambda ear=ear: "event: hello" in ear.text)
    desk = sqlite3.connect(desk_path)
    now = int(time.time() * 1e6)
    for owner in (a, b):
        insert(desk, "case_history", case_id=owner.case, time_us=now, account=0, action="grew", text="x")
        insert(desk, "finding", key=random.randbytes(16), kind="scanner", subject_type="address",
               subject=owner.addresses[2], address=packed(owner.addresses[2]), organisation=owner.id,
               confidence=50, severity="low", first_us=now, last_us=now, observations=1,
               query="src " + owner.addresses[2], told_us=now)
        insert(desk, "notice_history", notice=owner.notice, time_us=now, action="sent")
    desk.commit()
    door.wake()
    until("the analyst hears all", lambda: len([e for e in ears["analyst"].events() if e[0] != "hello"]) >= 6)
    until("the member hears its own", lambda: len([e for e in ears["member"].events() if e[0] != "hello"]) >= 3)
    time.sleep(0.5)
    kinds = sorted(e[0] for e in ears["member"].events() if e[0] != "hello")
    expect("no more", kinds, ["case", "finding", "notice"])
    clean_of("events", Answer(200, {}, ears["member"].text.encode()), b)
    for ear in ears.values():
        for kind, _, data in ear.events():
            try:
                json.loads(data)
            except ValueError:
                failures.append("event %s: %r" % (kind, data))
    # an alert and how sensors are, for the staff alone; traffic for who asks
    map_ear = Listener(door, people["operator"], path="/api/v1/events?traffic=1")
    shut_ear = Listener(door, people["member"], path="/api/v1/events?traffic=1")
    until("hello", lambda: "event: hello" in map_ear.text and "event: hello" in shut_ear.text)
    insert(desk, "alert", case_id=a.case, severity="critical", channel="mail", address="x@soc.example", about="worse", language="en", text="x", created_us=now, due_us=now)
    desk.commit()
    door.wake()
    until("an alert", lambda: '"about":"worse"' in map_ear.text)
    until("traffic", lambda: door.wake() or map_ear.text.count("event: traffic") >= 2)
    until("arcs", lambda: door.wake() or any(x["arcs"] and x["arcs"][0]["src"] == "2001:db8:9::7" and x["arcs"][0]["port"] == 2323 and x["packets"] % 7 == 0 for x in
           (json.loads(t) for t in re.findall(r"event: traffic\ndata: (.*)\n\n", map_ear.text))))
    until("a sensor fell silent", lambda: '"state":"silent","before":"ok"' in map_ear.text)
    expect("not for members", [w in shut_ear.text for w in ("event: traffic", "event: alert", "event: sensor")], [False] * 3)
    for ear in (map_ear, shut_ear):
        ear.close()
    # one that was cut goes on where it ended
    first = ears["analyst"].events()[0][1]
    again = Listener(door, people["analyst"], headers={"Last-Event-ID": first})
    until("what was missed", lambda: len([e for e in again.events() if e[0] in ("case", "finding", "notice")]) >= 6)
    far = Listener(door, people["analyst"], path="/api/v1/events?last=9999999.0.0.0")
    until("a foreign id is begun anew", lambda: "event: reset" in far.text)
    desk.close()
    # who may no longer, hears no more
    door.ask("POST", "/api/v1/accounts/%d/actions" % people["analyst"].id, {"action": "sign-out"}, people["administrator"])
    until("the stream ends with the session", lambda: ears["analyst"].over)
    people["analyst"].take(people["analyst"].sign_in(door))
    # so many, and no more
    many = [Listener(door, people["inspector"]) for _ in range(17)]
    expect("bounded", sorted({m.answer.status for m in many}), [200, 503])
    for m in many:
        m.close()
    for ear in list(ears.values()) + [again, far]:
        ear.close()


# ---- work that people do ----

def work(door, people, a, b):
    ann, root = people["analyst"], people["administrator"]
    case = "/api/v1/cases/%d" % a.case
    expect("assign", door.ask("POST", case + "/actions", {"action": "assign", "account": ann.id}, ann).status, 200)
    expect("assigned", door.ask("GET", case, who=ann).json["case"]["assignee_name"], ann.name)
    expect("close", door.ask("POST", case + "/actions", {"action": "close", "text": "done"}, ann).status, 200)
    expect("no false alarm without a reason", door.ask("POST", case + "/actions", {"action": "false-alarm"}, ann).status in (409, 422), True)
    expect("reopen", door.ask("POST", case + "/actions", {"action": "reopen", "text": "back"}, ann).status, 200)
    expect("bulk", door.ask("POST", "/api/v1/cases/actions", {"action": "note", "text": "both", "cases": [a.case, b.case]}, ann).status, 200)
    expect("all or none", door.ask("POST", "/api/v1/cases/actions", {"action": "note", "text": "nobody's", "cases": [a.case, 99999]}, ann).status, 404)
    for role in "member", "inspector":
        answer = door.ask("POST", case + "/actions", {"action": "assign", "account": people[role].id}, ann)
        expect("not to one of the role " + role, (answer.status, "role " + role in answer.json["detail"]), (422, True))
    answer = door.ask("POST", case + "/actions", {"action": "merge", "into": b.case}, ann)
    expect("two owners' cases", (answer.status, "is of another owner" in answer.json["detail"]), (409, True))
    finding = door.ask("GET", case, who=ann).json["findings"][0]["id"]
    answer = door.ask("POST", case + "/actions", {"action": "split", "findings": [finding, finding]}, ann)
    expect("a finding twice", (answer.status, answer.json["detail"]), (422, "finding %d is named twice" % finding))
    for text, found in ("nosuchword", False), (door.ask("GET", case, who=people["member"]).json["findings"][0]["subject"], True):
        cases = door.ask("GET", "/api/v1/cases?state=all&text=" + urllib.parse.quote(text), who=people["member"]).json["cases"]
        expect("a member searches its own", (a.case in [c["id"] for c in cases], b.case in [c["id"] for c in cases]), (found, False))
    texts = [e["text"] for e in door.ask("GET", case + "/history", who=ann).json["history"]]
    expect("history", ("both" in texts, "nobody's" in texts), (True, False))
    expect("a member notes", door.ask("POST", case + "/actions", {"action": "note", "text": "we look"}, people["member"]).status, 200)
    expect("and closes not", door.ask("POST", case + "/actions", {"action": "close"}, people["member"]).status, 403)
    made = door.ask("POST", "/api/v1/accounts", {"name": "new.one", "role": "analyst"}, root)
    expect("make", made.status, 201)
    path = "/api/v1/accounts/%d" % made.json["id"]
    expect("role", door.ask("PATCH", path, {"role": "inspector"}, root).json["role"], "inspector")
    expect("member without organisation", door.ask("PATCH", path, {"role": "member"}, root).status, 422)
    expect("close", door.ask("POST", path + "/actions", {"action": "close"}, root).status, 200)
    expect("the last administrator stays", door.ask("POST", "/api/v1/accounts/%d/actions" % root.id, {"action": "close"}, root).status, 409)
    owners = {"csv": "organisation,name,holding\nsmall-lab,Small lab,203.0.113.0/28\n"}
    answer = door.ask("POST", "/api/v1/directory/import", owners, root)
    expect("import", (answer.status, answer.json["organisations"]["added"]), (200, 1))
    expect("a line that is wrong", door.ask("POST", "/api/v1/directory/import",
           {"csv": "organisation,holding\nx,203.0.113.0/99\n"}, root).status, 422)
    found = door.ask("GET", "/api/v1/organisations?text=small", who=ann).json["organisations"]
    expect("it is there", [o["handle"] for o in found], ["small-lab"])
    acts = door.ask("GET", "/api/v1/ledger/acts?kind=account-role", who=root).json["acts"]
    expect("an act", (acts[0]["account"], acts[0]["object"]["to"]), (root.id, "inspector"))


def act_of(door, kind, who):
    """The object of the newest act of a kind."""
    acts = door.ask("GET", "/api/v1/ledger/acts?limit=1&kind=" + kind, who=who).json["acts"]
    return acts[0]["object"] if acts else None


def sensors(door, people):
    op, ann, root = people["operator"], people["analyst"], people["administrator"]
    listed = door.ask("GET", "/api/v1/sensors", who=ann).json["sensors"]
    expect("the one that is heard", [(s["id"], s["name"], s["state"], s["settings"]) for s in listed],
           [(SENSOR, "heard", "ok", 3)])
    hour, day = listed[0]["watched"]["hour"], listed[0]["watched"]["day"]
    expect("an hour was watched, less its ends", hour["watched_s"] >= 3500 and hour["expected_s"] <= 3600, True)
    expect("of the day only since it began", day["expected_s"] <= 3700, True)
    one = door.ask("GET", "/api/v1/sensors/" + SENSOR, who=ann).json
    expect("one of them", (one["id"], one["gaps"], one["watched"]), (SENSOR, [], listed[0]["watched"]))
    for path in ("00" * 16, "x", "00", SENSOR[:-1] + "g"):
        expect("no sensor " + path, door.ask("GET", "/api/v1/sensors/" + path, who=ann).status, 404)
    for name in ("", "A", "a b", "../x", "x" * 64):
        expect("no name %r" % name, door.ask("POST", "/api/v1/sensors/codes", {"name": name}, op).status in (400, 422), True)
    for valid in ("0s", "8d", "-1h", "soon"):
        expect("not valid " + valid, door.ask("POST", "/api/v1/sensors/codes", {"name": "n", "valid": valid}, op).status, 422)
    made = door.ask("POST", "/api/v1/sensors/codes", {"name": "alpha", "valid": "2h"}, op)
    expect("a code", (made.status, made.json["code"].startswith("hinomi-join:hub.test.example:8443:")), (201, True))
    expect("its act", act_of(door, "enrolment-code", root)["code"], made.json["id"])
    expect("the name is taken", door.ask("POST", "/api/v1/sensors/codes", {"name": "alpha"}, op).status, 409)
    text = door.ask("GET", "/api/v1/sensors/codes", who=op).body.decode()
    expect("listed without its secret", ("alpha" in text, made.json["code"][-20:] in text), (True, False))
    path = "/api/v1/sensors/codes/" + made.json["id"]
    expect("withdrawn", door.ask("DELETE", path, who=op).status, 200)
    expect("once", door.ask("DELETE", path, who=op).status, 404)
    expect("its act too", act_of(door, "revocation", root)["code"], made.json["id"])
    states = {c["id"]: c["state"] for c in door.ask("GET", "/api/v1/sensors/codes", who=op).json["codes"]}
    expect("void", states[made.json["id"]], "void")
    expect("none of that id joined", door.ask("POST", "/api/v1/sensors/%s/revoke" % SENSOR, {}, op).status, 404)


def leases(door, people, a):
    op, root = people["operator"], people["administrator"]
    log = ("lease 203.0.113.7 {\n  starts 6 2026/11/21 01:00:00;\n  ends 6 2026/11/21 03:00:00;\n"
           "  binding state active;\n  hardware ethernet 02:00:00:00:00:07;\n}\n")
    def send(query, text, who=op, kind="text/plain"):
        return door.ask("POST", "/api/v1/leases/import?" + query, who=who, raw=text.encode(),
                        headers={"Content-Type": kind})
    expect("dry", (lambda r: (r.status, r.json["added"]))(send("format=dhcpd&dry-run=1", log)), (200, 1))
    expect("nothing was written", door.ask("GET", "/api/v1/leases?address=203.0.113.7", who=op).json["leases"], [])
    expect("import", send("format=dhcpd", log).json["added"], 1)
    expect("again", send("format=dhcpd", log).json["same"], 1)
    expect("its act", act_of(door, "leases-loaded", root) is not None, True)
    got = door.ask("GET", "/api/v1/leases?address=203.0.113.7", who=op).json["leases"]
    expect("there", [(l["device"], l["basis"]) for l in got], [("mac:02:00:00:00:00:07", "dhcp")])
    for query, count in [("at=2026-11-21T02:00:00Z", 1), ("at=2026-11-21T04:00:00Z", 0), ("device=mac:02:00:00:00:00:07", 1),
                         ("device=mac:02", 0), ("basis=radius&address=203.0.113.7", 0), ("source=dhcpd", 1)]:
        got = door.ask("GET", "/api/v1/leases?%s" % query, who=op).json["leases"]
        expect("leases " + query, sum(l["low"] == "203.0.113.7" for l in got), count)
    expect("keyed", send("format=dhcpd&keyed=1&source=keyed", log).json["added"], 1)
    got = door.ask("GET", "/api/v1/leases?source=keyed", who=op).json["leases"]
    expect("no MAC", ("02:00:00:00:00:07" in json.dumps(got), len(got)), (False, 1))
    for what, query, text, kind, status in [
            ("no format", "", log, "text/plain", 400), ("unknown", "format=x", log, "text/plain", 400),
            ("JSON", "format=csv", "{}", "application/json", 415), ("empty", "format=csv", "", "text/plain", 400),
            ("wrong lines", "format=csv", "nonsense\n", "text/csv", 422), ("NUL", "format=dhcpd", "\0" * 100, "text/plain", 422),
            ("source", "format=csv&source=%0a", "address\n", "text/csv", 422),
            ("large", "format=csv&dry-run=1", "address,device,from\n" + "".join(
                "203.0.113.%d,mac:02:00:00:00:00:07,2026-01-01\n" % (i % 250) for i in range(18000)), "text/csv", 200),
            ("too large", "format=csv", "x" * (1 << 20) + "x", "text/csv", 413)]:
        try:
            answer = send(query, text, kind=kind)
        except OSError:  # it did not wait for the end of what it will not take
            expect("leases, %s: cut" % what, status, 413)
            continue
        if answer.status != status:
            failures.append("leases, %s: %d %s" % (what, answer.status, answer.body[:120]))
    gone = door.ask("POST", "/api/v1/leases/forget", {"before": "2026-11-21T05:00:00Z"}, op)
    expect("forget", gone.json["forgotten"] >= 2, True)


def authorities(door, people):
    op, ann, root = people["operator"], people["analyst"], people["administrator"]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-door-"))

    def tool(*args):
        return subprocess.run([AUTHORITY, *map(str, args)], stdout=subprocess.PIPE, text=True, check=True).stdout

    def sign(path, *names):
        for name in names:
            tool("sign", path, "--key", folder / name, "--name", "commission.example/" + name)

    def send(path, text, who):
        text = text.read_text() if isinstance(text, pathlib.Path) else text
        return door.ask("POST", "/api/v1/authorities" + path, who=who, raw=text.encode(), headers={"Content-Type": "text/plain"})

    keys = [tool("key", "--key", folder / n, "--name", "commission.example/" + n).strip() for n in "abc"]
    roster, plan = folder / "roster", folder / "plan"
    tool("roster", "--need", 2, *[x for k in keys for x in ("--signer", k)], "--output", roster)
    sign(roster, "a")
    expect("one of two signed the roster", send("/signers", roster, root).status, 409)
    sign(roster, "b")
    tool("new", "--number", "2027-1", "--kind", "survey-plan", "--roster", roster, "--from", "2026-01-01", "--until",
         "2026-12-31", "--prefix", "203.0.113.0/24", "--port", "tcp/22-23", "--rate", 100, "--uses", 2, "--output", plan)
    sign(plan, "a")
    expect("nobody's roster yet", send("", plan, op).status, 422)
    expect("an operator gives no roster", send("/signers", roster, op).status, 403)
    expect("the first roster", send("/signers", roster, root).status, 201)
    expect("once", send("/signers", roster, root).status, 409)
    expect("one of two", send("", plan, op).status, 409)
    sign(plan, "c")
    expect("forged", send("", plan.read_text().replace("uses 2", "uses 9"), op).status, 409)
    expect("odd", send("", plan.read_text().replace("uses 2\n", "uses 2\npayload yes\n"), op).status, 409)
    made = send("", plan, op)
    expect("in force", made.status, 201)
    expect("known already", send("", plan, op).status, 409)
    digest = made.json["digest"]
    path = "/api/v1/authorities/" + digest
    expect("not in the ledger yet", door.ask("GET", path, who=ann).json["state"], "not-in-ledger")
    door.wake()
    one = door.ask("GET", path, who=ann).json
    expect("one", (one["state"], one["number"], one["signed_by"], one["ports"], one["note"]),
           ("in-force", "2027-1", ["commission.example/a", "commission.example/c"], ["tcp/22-23"], plan.read_text()))
    listed = door.ask("GET", "/api/v1/authorities", who=ann).json["authorities"]
    expect("listed", [a["digest"] for a in listed], [digest])
    for query, permitted in [("", True), ("prefix=203.0.113.7/32&port=tcp/22", True), ("prefix=203.0.114.0/24", False), ("port=udp/22", False),
                             ("rate=101", False), ("at=2025-12-31", False), ("at=2026-12-31", False)]:
        expect("check " + query, door.ask("GET", path + "/check?" + (query if "at=" in query else "at=2026-06-01&" + query),
                                         who=ann).json["permitted"], permitted)
    expect("no prefix", door.ask("GET", path + "/check?prefix=x", who=ann).status, 400)
    acts = door.ask("GET", "/api/v1/ledger/acts?kind=authority-made", who=root).json["acts"]
    expect("its act", (acts[0]["authority"], acts[0]["object"]["number"]), (digest, "2027-1"))
    ending = folder / "ending"
    ending.write_text(one["revocation"])
    sign(ending, "b")
    expect("no note and no administrator", door.ask("POST", path + "/revoke", {"reason": "x"}, op).status, 403)
    wrong = ending.read_text().replace(digest, "0" * 64)
    expect("changed", door.ask("POST", path + "/revoke", {"note": wrong}, op).status, 409)
    expect("no note at all", door.ask("POST", path + "/revoke", {"note": "hm"}, op).status, 422)
    expect("a signer ends it", door.ask("POST", path + "/revoke", {"note": ending.read_text()}, op).status, 200)
    expect("once", door.ask("POST", path + "/revoke", {"note": ending.read_text()}, op).status, 409)
    expect("over", door.ask("GET", path, who=ann).json["state"], "revoked")
    expect("and permits nothing", door.ask("GET", path + "/check?at=2026-06-01", who=ann).json["permitted"], False)
    second = folder / "second"
    tool("roster", "--need", 1, "--signer", keys[2], "--roster", roster, "--output", second)
    sign(second, "a", "b")
    expect("the next roster", send("/signers", second, root).status, 201)
    expect("two of them", [(r["number"], r["need"]) for r in door.ask("GET", "/api/v1/authorities/signers", who=ann).json["rosters"]], [(2, 1), (1, 2)])
    shutil.rmtree(folder)


def rules(door, people, desk_path):
    op, ann, root = people["operator"], people["analyst"], people["administrator"]
    listed = door.ask("GET", "/api/v1/rules", who=ann).json["rules"]
    expect("rules", sorted(r["name"] for r in listed)[:3], ["amplifier-abused", "attacked-service", "campaign"])
    scanner = "/api/v1/rules/scanner"

    def setting(name, rule=None):
        return next(s for s in (rule or door.ask("GET", scanner, who=ann).json)["settings"] if s["name"] == "rule.scanner." + name)

    one = setting("targets")
    expect("a setting", (one["value"], one["file"], one["default"], one["changed"], one["type"]), ("100", "100", "100", None, "number"))
    expect("in both languages", bool(one["help"] and one["help_ja"]), True)
    expect("an analyst switches nothing", door.ask("PATCH", scanner, {"on": False}, ann).status, 403)
    answer = door.ask("PATCH", scanner, {"on": False, "settings": {"rule.scanner.targets": "7", "rule.scanner.idle": "2h"}}, op)
    expect("changed", (answer.status, answer.json["on"], setting("targets", answer.json)["value"], setting("idle", answer.json)["value"]), (200, False, "7", "2h"))
    expect("by whom", setting("targets")["changed"]["account_name"], op.name)
    expect("its act", act_of(door, "rules", root), {"rule": "scanner", "rule.scanner.on": "no", "rule.scanner.targets": "7", "rule.scanner.idle": "2h"})
    for what, body, status in [("another's", {"settings": {"rule.campaign.on": "no"}}, 422), ("none", {"settings": {"rule.scanner.x": "1"}}, 422),
                               ("no number", {"settings": {"rule.scanner.targets": "many"}}, 422), ("too few", {"settings": {"rule.scanner.targets": "0"}}, 422),
                               ("number, no text", {"settings": {"rule.scanner.targets": 7}}, 422), ("list", {"settings": []}, 400),
                               ("half", {"settings": {"rule.scanner.targets": "9", "rule.scanner.ports": "x"}}, 422), ("empty", {}, 400),
                               ("long", {"settings": {"rule.scanner.targets": "9" * 5000}}, 422), ("analyse", {"settings": {"analyse.on": "no"}}, 422),
                               ("two settings", {"settings": {"rule.scanner.targets": "5\nrule.scanner.on=yes"}}, 422)]:
        answer = door.ask("PATCH", scanner, body, op)
        if answer.status != status:
            failures.append("rule, %s: %d %s" % (what, answer.status, answer.body[:150]))
    expect("all or nothing", setting("targets")["value"], "7")
    answer = door.ask("PATCH", scanner, {"settings": {"rule.scanner.on": None, "rule.scanner.targets": None, "rule.scanner.idle": None}}, op)
    expect("as the file says", (answer.json["on"], setting("targets", answer.json)["value"], setting("idle", answer.json)["changed"]), (True, "100", None))
    expect("no rule", door.ask("GET", "/api/v1/rules/nothing", who=ann).status, 404)
    replay = "/api/v1/rules/replay"
    for body in ({"rules": "nothing"}, {"settings": {"rule.scanner.targets": "x"}}, {"settings": {"analyse.on": "no"}}, {"since": "yesterday?"}, {"x": 1}):
        expect("no replay %s" % body, door.ask("POST", replay, body, ann).status in (400, 422), True)
    made = door.ask("POST", replay, {"since": "-2h", "rules": "scanner,rising-port", "settings": {"rule.scanner.targets": "1"}}, ann)
    expect("a job", (made.status, "id" in made.json), (202, True))
    job = until("it ends", lambda: (lambda j: j if j["state"] != "running" else None)(door.ask("GET", replay, who=ann).json))
    expect("done", (job["state"], job["error"], job["id"], job["account"]), ("done", None, made.json["id"], ann.id))
    ran = {r["rule"] for r in job["result"]["rules"] if r["rows"] > 0}
    expect("these rules alone", ran <= {"scanner", "rising-port"}, True)
    expect("its act", act_of(door, "replay", root)["rules"], "scanner,rising-port")
    expect("forgotten", (door.ask("DELETE", replay, who=ann).status, door.ask("GET", replay, who=ann).json["state"]), (200, "none"))
    expect("an inspector looks", [door.ask(m, replay, {} if m == "POST" else None, people["inspector"]).status for m in ("GET", "POST", "DELETE")], [200, 403, 403])


def silence(door, people):
    ann, root = people["analyst"], people["administrator"]
    for query in ("", "net=192.0.2.0/24", "since=-1h", "net=x&since=-1h", "net=192.0.2.0/24&since=soon", "net=192.0.2.0/24&since=-1h&until=-2h"):
        expect("silence " + query, door.ask("GET", "/api/v1/silence?" + query, who=ann).status in (400, 422), True)
    stop = threading.Event()
    pump = threading.Thread(target=lambda: [door.wake() for _ in iter(lambda: stop.wait(0.1), True)], daemon=True)
    pump.start()
    quiet = door.ask("GET", "/api/v1/silence?net=203.0.113.0/24&since=-1h", who=ann)
    loud = door.ask("GET", "/api/v1/silence?net=198.51.100.0/24&since=-1h", who=ann).json
    stop.set()
    pump.join()
    expect("silent", (quiet.status, quiet.json["silent"], loud["silent"]), (200, True, False))
    one = quiet.json
    expect("as the answer says", one["silent"], one["answer"]["silent"])
    expect("a note", (one["note"].startswith("hinomi silence 1\n"), "test.example/ledger" in one["note"]), (True, True))
    expect("its key is the ledger's", one["key"], door.ask("GET", "/api/v1/ledger/key").body.decode().strip())
    expect("words", ("203.0.113.0/24" in one["sentence"], bool(one["sentence_ja"])), (True, True))
    expect("a proof", one["proof"] is not None and "test.example/ledger" in one["proof"], True)
    expect("an act", door.ask("GET", "/api/v1/ledger/acts/%d" % one["act"], who=root).json["kind"], "silence-answered")
    expect("not for members", door.ask("GET", "/api/v1/silence?net=203.0.113.0/24&since=-1h", who=people["member"]).status, 403)


def exports(door, people, a):
    ann, root = people["analyst"], people["administrator"]
    path = "/api/v1/export/observations?since=-2h&format="
    for name, kind, lines in [("ndjson", "application/x-ndjson", 120), ("csv", "text/csv", 121), ("cef", "text/plain", 120)]:
        answer = door.ask("GET", path + name + "&filter=proto+6", who=ann)
        expect("export " + name, (answer.status, answer.headers.get_content_type(), answer.body.count(b"\n")), (200, kind, lines))
        expect("a file", "attachment" in answer.headers["Content-Disposition"], True)
    expect("nfdump", door.ask("GET", path + "nfdump", who=ann).body.startswith(b"ts,"), True)
    expect("flowtuple", door.ask("GET", path + "flowtuple", who=ann).body[:4], b"Obj\x01")
    expect("limited", door.ask("GET", path + "ndjson&limit=7", who=ann).body.count(b"\n"), 7)
    expect("rows", json.loads(door.ask("GET", path + "ndjson&limit=1&filter=dst+port+23", who=ann).body)["dport"], 23)
    expect("its act", (lambda o: (o["what"], o["format"], o["filter"]))(act_of(door, "export", root)), ("observations", "ndjson", "dst port 23"))
    for query, status in [("format=x", 400), ("filter=((", 422), ("limit=10000001", 400), ("since=x", 400)]:
        expect("export " + query, door.ask("GET", "/api/v1/export/observations?" + query, who=ann).status, status)
    expect("an inspector takes fewer", door.ask("GET", "/api/v1/export/observations?limit=1000001", who=people["inspector"]).status, 400)
    expect("a member none", door.ask("GET", "/api/v1/export/observations", who=people["member"]).status, 403)
    cases = door.ask("GET", "/api/v1/export/cases?state=all", who=ann)
    lines = cases.body.decode().split("\r\n")
    expect("cases", (cases.headers.get_content_type(), lines[0].split(",")[:3], len(lines) > 2), ("text/csv", ["id", "title", "kind"], True))
    notices = door.ask("GET", "/api/v1/export/notices", who=ann).body.decode()
    expect("notices", (notices.startswith("id,code,state"), a.code in notices), (True, True))
    # a formula of somebody's making is no formula in a sheet
    door.ask("POST", "/api/v1/cases/%d/actions" % a.case, {"action": "title", "text": '=HYPERLINK("http://x")'}, ann)
    text = door.ask("GET", "/api/v1/export/cases?state=all", who=ann).body.decode()
    expect("no formula", ('"\'=HYPERLINK(""http://x"")"' in text, ",=HYPER" in text), (True, False))


def words_and_places(door, people):
    ann = people["analyst"]
    w = door.ask("GET", "/api/v1/query/words", who=ann).json
    expect("fields", {"src", "dport", "sensor"} <= {f["name"] for f in w["fields"]}, True)
    expect("kinds", "telescope.flow" in [k["name"] for k in w["registries"]["kinds"]], True)
    for field in ("kind", "tags", "sensor"):
        answer = door.ask("GET", "/api/v1/query?by=" + field, who=ann)
        expect("by " + field, answer.status in (200, 422), True)
    places = door.ask("GET", "/api/v1/places?addresses=203.0.113.9,2001:db8::1", who=people["member"]).json
    expect("no table here", (places["known"], places["places"]), (False, [
        {"country": None, "as": None, "as_name": None, "address": a} for a in ("203.0.113.9", "2001:db8::1")]))
    expect("no address", door.ask("GET", "/api/v1/places?addresses=x", who=ann).status, 400)
    expect("nothing asked", door.ask("GET", "/api/v1/places", who=ann).json["places"], [])
    groups = door.ask("GET", "/api/v1/query?by=src&places=1&filter=proto+6", who=ann).json["groups"]
    expect("places of groups", groups[0]["places"], {"src": {"country": None, "as": None, "as_name": None}})
    expect("a series", len(door.ask("GET", "/api/v1/query?series=10m&by=dport&since=-2h", who=ann).json["groups"]) > 4, True)


def ledger_files(folder, door, people):
    ann, root = people["analyst"], people["administrator"]
    door.wake()
    size = int(door.ask("GET", "/api/v1/ledger/checkpoint").body.decode().split("\n")[1])
    expect("acts are there", size > 10, True)
    expect("checkpoint", door.ask("GET", "/checkpoint", who=ann).body, door.ask("GET", "/api/v1/ledger/checkpoint").body)
    tile = door.ask("GET", "/tile/0/000.p/%d" % size, who=ann)
    expect("a tile", (tile.status, len(tile.body)), (200, 32 * size))
    expect("entries", door.ask("GET", "/tile/entries/000.p/%d" % size, who=root).status, 200)
    # the root by the tile's hashes, as a checker outside would compute it
    def merkle(hashes):
        if len(hashes) == 1:
            return hashes[0]
        split = 1 << (len(hashes) - 1).bit_length() - 1
        return hashlib.sha256(b"\1" + merkle(hashes[:split]) + merkle(hashes[split:])).digest()
    leaves = [tile.body[i:i + 32] for i in range(0, len(tile.body), 32)]
    proof = door.ask("GET", "/api/v1/ledger/consistency?from=7", who=ann).json
    expect("roots", (proof["to"], proof["root"], proof["from_root"]), (size, merkle(leaves).hex(), merkle(leaves[:7]).hex()))
    expect("hashes", all(re.fullmatch("[0-9a-f]{64}", h) for h in proof["hashes"]) and len(proof["hashes"]) > 2, True)
    for query in ("from=%d" % (size + 1), "from=5&to=4", "from=x", "to=%d" % (size + 1)):
        expect("no proof of " + query, door.ask("GET", "/api/v1/ledger/consistency?" + query, who=ann).status, 400)
    for path in ("0/x", "8/000", "0/../../ledger.key", "0/0000", "0/000.p/0", "0/000.p/256", "entries", "0/x001/x", "0/000.p/1/..", "key",
                 "0/%2e%2e/%2e%2e/ledger.key", "entries/../../../desk.db", "0/x00a/000", "-1/000", "0//000"):
        expect("no tile " + path, door.ask("GET", "/tile/" + path, who=ann).status, 404)
    for what, who, status in [("nobody", None, 401), ("a member", people["member"], 403), ("an inspector", people["inspector"], 200)]:
        expect("tiles for " + what, [door.ask("GET", p, who=who).status for p in ("/checkpoint", "/tile/0/000.p/%d" % size)], [status] * 2)
    kinds = {k["name"] for k in door.ask("GET", "/api/v1/ledger/kinds", who=ann).json["kinds"]}
    expect("kinds", {"export", "case-noted"} <= kinds, True)
    found = door.ask("GET", "/api/v1/ledger/acts?text=ENROLMENT-nothing", who=ann).json
    expect("nothing found", (found["acts"], found["next"]), ([], None))
    found = door.ask("GET", "/api/v1/ledger/acts?text=analyst.one&limit=1", who=ann).json
    expect("found by its object", "analyst.one" in json.dumps(found["acts"][0]["object"]), True)


def ledger_public(folder):
    door = Door(folder, "ledger-public=1")
    expect("public", [door.ask("GET", "/checkpoint").status, door.ask("GET", "/tile/0/001").status], [200, 404])
    door.close()


def owners(door, people, desk_path, b):
    op, ann, root = people["operator"], people["analyst"], people["administrator"]
    made = door.ask("POST", "/api/v1/organisations", {"handle": "Harbour", "name": 'Har"bour, the', "sector": "logistics", "member": True}, op)
    expect("made", made.status, 201)
    path = "/api/v1/organisations/%d" % made.json["id"]
    one = door.ask("GET", path, who=ann).json["organisation"]
    expect("as given", (one["handle"], one["name"], one["member"], one["source"]), ("harbour", 'Har"bour, the', True, "hand"))
    expect("its act", act_of(door, "directory-changed", root) is not None or act_of(door, "directory-loaded", root) is not None, True)
    expect("once", door.ask("POST", "/api/v1/organisations", {"handle": "harbour", "name": "x"}, op).status, 409)
    for what, body in [("handle", {"handle": "a b", "name": "x"}), ("line", {"handle": "x1", "name": "a\nb"}), ("hidden", {"handle": "x2", "name": "a\u202eb"}),
                       ("sector", {"handle": "x3", "name": "x", "sector": "none such"}), ("country", {"handle": "x4", "name": "x", "country": "XYZ"}),
                       ("inject", {"handle": 'x5","', "name": "x"}), ("tlp", {"handle": "x6", "name": "x", "tlp": "blue"})]:
        expect("no organisation: " + what, door.ask("POST", "/api/v1/organisations", body, op).status in (400, 422), True)
    expect("change", door.ask("PATCH", path, {"name_ja": "港", "tlp": "green"}, op).status, 200)
    one = door.ask("GET", path, who=ann).json["organisation"]
    expect("changed", (one["name_ja"], one["tlp"], one["name"]), ("港", "green", 'Har"bour, the'))
    expect("contact", door.ask("POST", path + "/contacts", {"contact": "soc@harbour.example", "role": "security", "quiet": "22:00-07:00 UTC"}, op).json, {"added": True})
    expect("no mail", door.ask("POST", path + "/contacts", {"contact": "soc@harbour.example\r\nBcc: x@y"}, op).status, 422)
    contact = door.ask("GET", path, who=ann).json["contacts"][0]
    expect("there", (contact["address"], contact["role"]), ("soc@harbour.example", "security"))
    expect("off", door.ask("PATCH", path + "/contacts/%d" % contact["id"], {"state": "off"}, op).status, 200)
    expect("is off", door.ask("GET", path, who=ann).json["contacts"][0]["state"], "off")
    expect("on", door.ask("PATCH", path + "/contacts/%d" % contact["id"], {"state": "ok"}, op).status, 200)
    expect("holding", door.ask("POST", path + "/holdings", {"holding": "203.0.113.64/28", "label": "docks"}, op).json["added"], True)
    for text in ("203.0.113.0/33", "0.0.0.0/0", "x", "AS0", '203.0.113.0/24","'):
        expect("no holding " + text, door.ask("POST", path + "/holdings", {"holding": text}, op).status, 422)
    holding = door.ask("GET", path, who=ann).json["holdings"][0]
    expect("held", (holding["low"], holding["high"], holding["label"]), ("203.0.113.64", "203.0.113.79", "docks"))
    other = "/api/v1/organisations/%d" % b.id
    expect("another's is not its own", door.ask("DELETE", other + "/holdings/%d" % holding["id"], who=op).status, 404)
    expect("away", door.ask("DELETE", path + "/holdings/%d" % holding["id"], who=op).status, 200)
    # what nobody answers for
    desk = sqlite3.connect(desk_path)
    now = int(time.time() * 1e6)
    case = insert(desk, "case_", kind="infected-member", subject="203.0.113.201", state="open", severity="high", opened_us=now, updated_us=now, first_us=now, last_us=now)
    finding = insert(desk, "finding", key=b"unowned", kind="infected-member", subject_type="address", subject="203.0.113.201", address=packed("203.0.113.201"),
                     confidence=80, severity="high", first_us=now, last_us=now, observations=1, query="any", case_id=case, told_us=now)
    notice = insert(desk, "notice", code="UUUU-NNNN-OOOO", case_id=case, finding=finding, kind="infected-member", trouble="source 203.0.113.201", address=packed("203.0.113.201"),
                    channel="mail", language="en", state="no_owner", created_us=now, first_seen_us=now, last_seen_us=now)
    desk.commit()
    queue = door.ask("GET", "/api/v1/directory/unowned", who=ann).json["unowned"]
    expect("the queue", [(u["notice"], u["address"], u["case"]) for u in queue], [(notice, "203.0.113.201", case)])
    expect("no such owner", door.ask("POST", "/api/v1/directory/unowned/%d/owner" % notice, {"organisation": 999999}, op).status, 404)
    expect("owned", door.ask("POST", "/api/v1/directory/unowned/%d/owner" % notice, {"organisation": made.json["id"]}, op).status, 200)
    expect("all of it", [desk.execute("SELECT organisation FROM %s WHERE id = ?" % t, (i,)).fetchone()[0] for t, i in (("finding", finding), ("case_", case))], [made.json["id"]] * 2)
    expect("and it is told", desk.execute("SELECT count(*) FROM notice_todo WHERE what = 'finding' AND id = ?", (finding,)).fetchone()[0], 1)
    expect("its act", act_of(door, "directory-changed", root)["notice"], notice)
    desk.close()
    expect("gone", door.ask("DELETE", path + "/contacts/%d" % contact["id"], who=op).status, 200)
    expect("removed", [door.ask("DELETE", path, who=op).status, door.ask("GET", path, who=ann).status], [200, 404])
    member = "/api/v1/organisations/%d" % door.ask("GET", "/api/v1/me", who=people["member"]).json["account"]["organisation"]
    expect("not while accounts are of it", door.ask("DELETE", member, who=op).status, 409)
    expect("sectors", len(door.ask("GET", "/api/v1/directory/sectors", who=ann).json["sectors"]), 15)


def views(door, people, b):
    ann, member = people["analyst"], people["member"]
    kept = door.ask("PUT", "/api/v1/me/views", {"page": "cases", "name": "my <b>grave</b> ones", "query": "severity=high"}, ann)
    expect("kept", kept.status, 200)
    expect("again", door.ask("PUT", "/api/v1/me/views", {"page": "cases", "name": "my <b>grave</b> ones", "query": "severity=critical"}, ann).json, kept.json)
    mine = [v for v in door.ask("GET", "/api/v1/me/views", who=ann).json["views"] if v["id"] == kept.json["id"]]
    expect("listed", [v["query"] for v in mine], ["severity=critical"])
    expect("not another's", kept.json["id"] in [v["id"] for v in door.ask("GET", "/api/v1/me/views", who=member).json["views"]], False)
    expect("nor to be removed", door.ask("DELETE", "/api/v1/me/views/%d" % kept.json["id"], who=member).status, 404)
    for body in ({"page": "../x", "name": "x", "query": ""}, {"page": "cases", "name": "a\nb", "query": ""}, {"page": "", "name": "x", "query": ""}):
        expect("no view", door.ask("PUT", "/api/v1/me/views", body, ann).status, 422)
    answers = [door.ask("PUT", "/api/v1/me/views", {"page": "explore", "name": "n%d" % i, "query": "x"}, ann).status for i in range(105)]
    expect("bounded", (answers[0], answers[-1]), (200, 422))
    expect("removed", door.ask("DELETE", "/api/v1/me/views/%d" % kept.json["id"], who=ann).status, 200)
    expect("prefer", door.ask("PATCH", "/api/v1/me/preferences", {"theme": "dark", "sound": "on"}, ann).json["preferences"], {"sound": "on", "theme": "dark"})
    expect("forget", door.ask("PATCH", "/api/v1/me/preferences", {"sound": None}, ann).json["preferences"], {"theme": "dark"})
    for body in ({"theme": "pink"}, {"a b": "x"}, {'x":"': "y"}, {"x": 7}, {"x": "y" * 201}, {"w%s" % chr(97 + i % 26) + chr(97 + i // 26): "x" for i in range(40)}):
        expect("no preference", door.ask("PATCH", "/api/v1/me/preferences", body, ann).status, 422)
    expect("as it was", door.ask("GET", "/api/v1/me/preferences", who=ann).json["preferences"], {"theme": "dark"})
    door.ask("POST", "/api/v1/cases/%d/actions" % b.case, {"action": "suppress", "text": "works", "until": "2030-01-01T00:00:00Z"}, ann)
    listed = door.ask("GET", "/api/v1/suppressions", who=ann).json["suppressions"]
    expect("suppressed", [(s["case"], s["reason"], s["account_name"]) for s in listed], [(b.case, "works", ann.name)])
    expect("not for members", door.ask("GET", "/api/v1/suppressions", who=member).status, 403)


def settings(door, people):
    ann, op = people["analyst"], people["operator"]
    run = door.ask("GET", "/api/v1/settings/sensors", who=ann)
    expect("nothing is signed yet", (run.status, run.json["settings"], "command line" in run.json["sign"]), (200, None, True))
    expect("settings", [door.ask("GET", "/api/v1/settings", who=w).status for w in (op, people["inspector"], ann, people["member"])], [200, 200, 403, 403])


def second_factor_for_all(folder, people):
    door = Door(folder, "second-factor=1")
    ann = people["analyst"]
    expect("only the way to it", [door.ask("GET", p, who=ann).status for p in ("/api/v1/cases", "/api/v1/me")], [403, 200])
    expect("and the page leads there", door.ask("GET", "/plain/cases", who=ann).headers["Location"], "/plain/me")
    door.close()


def main():
    rng = random.Random(SEED)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-door-"))
    (folder / "ledger").mkdir()
    desk_path = folder / "desk.db"
    try:
        door = Door(folder, "rate=0")
        desk = sqlite3.connect(desk_path)
        a, b = (Owner(desk, rng, words(rng, 10)) for _ in range(2))
        mix(desk, a, b)
        desk.execute("UPDATE organisation SET updated_us = updated_us + 1")
        desk.commit()
        desk.close()
        door.close()
        door = Door(folder, "rate=0")
        people = {role: Person(door, role + ".one", role, a.handle if role == "member" else None)
                  for role in ROLES}
        count = matrix(door, people, a, b)
        print("%d requests of %d operations" % (count, len(list(operations()))))
        door.close()
        # sign-ins are limited for an address, so each part begins with a door of its own
        for part in (lambda d: pages(d, people, a, b), lambda d: tokens(d, people),
                     lambda d: sessions(d, people), lambda d: second_factor(d, people),
                     lambda d: forgery(d, people), plain_sign_in, lambda d: lock_out(d, desk_path),
                     lambda d: hostile(d, people), lambda d: live(d, desk_path, people, a, b),
                     lambda d: work(d, people, a, b), lambda d: sensors(d, people),
                     lambda d: leases(d, people, a), lambda d: authorities(d, people),
                     lambda d: rules(d, people, desk_path),
                     lambda d: silence(d, people), lambda d: exports(d, people, a),
                     lambda d: words_and_places(d, people), lambda d: ledger_files(folder, d, people),
                     lambda d: owners(d, people, desk_path, b), lambda d: views(d, people, b),
                     lambda d: settings(d, people)):
            door = Door(folder, "rate=0")
            part(door)
            door.close()
        elsewhere(folder, people)
        proxies(folder, a.addresses[0])
        ledger_public(folder)
        second_factor_for_all(folder, people)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in failures[:60]:
        print(line)
    print("%d failures, seed %d" % (len(failures), SEED) if failures else "the door: all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
