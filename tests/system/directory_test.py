#!/usr/bin/env python3
"""directory_test - owners and leases as an operator brings them in and asks for them.

usage: directory_test.py DIRECTORY
"""
import csv
import io
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

DIRECTORY = sys.argv[1]
# the leak checker looks into its process from outside, which a sandbox does not let it
ENVIRONMENT = dict(os.environ, LC_ALL="C", ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s:\n  said   %.900r\n  wanted %.900r" % (what, said, wanted))


def run(folder, *args, status=0, given=None):
    done = subprocess.run([DIRECTORY, "--dir", folder, *map(str, args)], capture_output=True, text=True,
                          input=given, timeout=120, env=ENVIRONMENT, check=False)
    if done.returncode != status:
        failures.append("%s: status %d, not %d: %s" % (args, done.returncode, status, done.stderr[:800]))
    return done


def ask(folder, *args, status=0):
    done = run(folder, "--json", *args, status=status)
    return json.loads(done.stdout) if done.stdout else None


OWNERS = """\
organisation,name,name_ja,country,language,sector,tlp,member,holding,label,contact,role
isp,Example ISP,,JP,en,information,amber,yes,203.0.113.0/24,ISP-NET,abuse@isp.example,abuse
isp,,,,,,,,2001:db8::/32,,,
city,Example City,例市,JP,ja,government,red,yes,203.0.113.64 - 203.0.113.100,,soc@city.example,security
city,,,,,,,,city.example,,,
school,School,,JP,ja,,amber,no,203.0.113.96/30,,,
"""


JPNIC = """\
[ JPNIC database provides information regarding IP address and ASN. Its use   ]

Network Information: [ネットワーク情報]
a. [IPネットワークアドレス]     198.51.100.0/25
b. [ネットワーク名]             EXAMPLE-NET
f. [組織名]                     例示株式会社
g. [Organization]               Example Inc.
n. [技術連絡担当者]             JP00000007
[割当年月日]                    2019/02/16

Group Contact Information: [担当グループ情報]
[グループハンドル]              JP00000007
[電子メール]                    noc@example.jp
"""


def jpnic(folder):
    """What whois printed, in each character set, inside the sandbox, without a word about its format."""
    for charset in ("utf-8", "euc_jp", "iso2022_jp"):
        desk = folder / charset
        desk.mkdir()
        (desk / "answers.txt").write_bytes(JPNIC.encode(charset))
        said = ask(desk, "import", desk / "answers.txt")
        expect(charset + ": holdings", said and said["holdings"]["added"], 1)
        expect(charset + ": owner", ask(desk, "show", "198.51.100.9")["name"], "Example Inc.")
        expect(charset + ": in Japanese", ask(desk, "list")[0]["name_ja"], "例示株式会社")
        expect(charset + ": contact", "noc@example.jp" in json.dumps(ask(desk, "list", "contacts")), True)
    run(folder / "utf-8", "import", "/dev/null", status=2)


def owners(folder):
    (folder / "owners.csv").write_text(OWNERS)
    said = ask(folder, "import", folder / "owners.csv", "--dry-run")
    expect("what would change", said["holdings"]["added"], 5)
    expect("nothing is there yet", ask(folder, "list"), [])
    said = ask(folder, "import", folder / "owners.csv")
    expect("organisations", said["organisations"], dict(added=3, changed=0, moved=0, removed=0, same=0))
    said = ask(folder, "import", folder / "owners.csv", "--replace")
    expect("again", said["holdings"], dict(added=0, changed=0, moved=0, removed=0, same=5))
    expect("who has it", ask(folder, "show", "203.0.113.98")["organisation"], "school")
    expect("who has it", ask(folder, "show", "203.0.113.64")["organisation"], "city")
    expect("who has it", ask(folder, "show", "203.0.113.101")["organisation"], "isp")
    expect("nobody", ask(folder, "show", "198.51.100.1")["organisation"], None)
    expect("by name", ask(folder, "show", "www.city.example")["organisation"], "city")
    said = run(folder, "show", "city").stdout
    for part in ("Example City", "例市", "soc@city.example", "203.0.113.64 - 203.0.113.100"):
        if part not in said:
            failures.append("show city lacks %s: %s" % (part, said))
    said = run(folder, "--lang", "ja", "list").stdout
    if "政府・行政サービス" not in said or "はい" not in said:
        failures.append("the list in Japanese: %s" % said)
    expect("check", ask(folder, "check", status=1)["unreachable"], ["school"])
    run(folder, "show", "nowhere", status=1)
    run(folder, "show", status=2)
    run(folder, "frobnicate", status=2)


def round_trip(folder, other):
    text = run(folder, "export").stdout
    (other / "back.csv").write_text(text)
    run(other, "import", other / "back.csv", "--source", "back")
    expect("what comes out goes in", run(other, "export").stdout, text)


HOSTILE = [
    'x,"Evil\r\nBcc: victim@example.org",198.51.100.0/24,a@b.example',
    "x,Evil,198.51.100.0/24,a@b.example%0aBcc:c@d.example",
    'x,Evil,198.51.100.0/24,"a@b.example\nBcc: c@d.example"',
    'x,Evil,198.51.100.0/24,"""<script>""@b.example"',
    "x,=HYPERLINK(1),198.51.100.0/24,a@b.example",
    "x,Evil\x1b[2J,198.51.100.0/24,a@b.example",
    "x,Evil,0.0.0.0/0,a@b.example",
    "../../etc,Evil,198.51.100.0/24,a@b.example",
    "x,Evil\u202e,198.51.100.0/24,a@b.example",
]


def hostile(folder):
    before = run(folder, "export").stdout
    for row in HOSTILE:
        done = run(folder, "import", "-", "--format", "csv", status=1,
                   given="organisation,name,holding,contact\ngood,Good,192.0.2.0/24,a@good.example\n" + row + "\n")
        if ":3: " not in done.stderr or any(ord(c) < 32 and c != "\n" for c in done.stderr):
            failures.append("%r: %r" % (row, done.stderr))
        expect("nothing was changed", run(folder, "export").stdout, before)
    done = subprocess.run([DIRECTORY, "--dir", folder, "--format", "rdap", "import", "-"], input=b"[" * 100000,
                          capture_output=True, timeout=60, env=ENVIRONMENT, check=False)
    expect("deep JSON", (done.returncode, b"deeper" in done.stderr), (1, True))
    done = subprocess.run([DIRECTORY, "--dir", folder, "--format", "csv", "import", "-"], input=b"\xff\xfeo\0",
                          capture_output=True, timeout=60, env=ENVIRONMENT, check=False)
    expect("UTF-16", (done.returncode, b"UTF-16" in done.stderr), (1, True))
    run(folder, "import", "-", "--format", "csv", "--skip-refused",
        given="organisation,holding\ngood,192.0.2.0/24\nbad one,192.0.2.0/24\n")
    expect("what is right is taken", ask(folder, "show", "192.0.2.1")["organisation"], "good")


def leases(folder):
    def at(address, when, *more):
        return ask(folder, "show", address, "--at", when, *more)

    log = folder / "leases"
    log.write_text("lease 203.0.113.5 {\n starts 0 2026/11/22 02:00:00;\n ends 0 2026/11/22 03:00:00;\n"
                   " binding state active;\n hardware ethernet 00:00:5e:00:53:01;\n}\n"
                   "lease 203.0.113.5 {\n starts 0 2026/11/22 03:00:00;\n ends 0 2026/11/22 05:00:00;\n"
                   " binding state active;\n hardware ethernet 00:00:5e:00:53:02;\n}\n")
    said = ask(folder, "lease", "import", log, "--format", "dhcpd")
    expect("leases", said, dict(added=2, extended=0, same=0, refused=0))
    expect("again", ask(folder, "lease", "import", log, "--format", "dhcpd")["same"], 2)
    expect("the first hour", at("203.0.113.5", "2026-11-22 02:59")["device"], "mac:00:00:5e:00:53:01")
    expect("the next", at("203.0.113.5", "2026-11-22 03:00")["device"], "mac:00:00:5e:00:53:02")
    expect("and then", at("203.0.113.5", "2026-11-22 05:00")["device"], "")
    expect("whose it is all the time", at("203.0.113.5", "2026-11-22 05:00")["organisation"], "isp")
    log.write_text("Nov 22 02:00:00 n nat-block-allocated inside=100.64.0.1 outside=203.0.113.7 ports=1024-2047\n"
                   "Nov 22 02:00:00 n nat-block-allocated inside=100.64.0.2 outside=203.0.113.7 ports=2048-3071\n")
    ask(folder, "lease", "import", log, "--format", "nat", "--site", "tokyo")
    when = "%d-11-22 03:00" % (time.gmtime().tm_year - (time.gmtime()[1:3] < (11, 21)))
    expect("by port", at("203.0.113.7", when, "--port", "1500")["device"], "inside:tokyo/100.64.0.1")
    expect("by port", at("203.0.113.7", when, "--port", "2500")["device"], "inside:tokyo/100.64.0.2")
    said = at("203.0.113.7", when)
    expect("without", (said["device"], said["ambiguous"]), ("", True))
    log.write_text("address,device\n203.0.113.9,00:00:5e:00:53:09\n")
    ask(folder, "lease", "import", log, "--format", "csv", "--keyed")
    said = at("203.0.113.9", "2026-11-22 03:00")["device"]
    expect("a digest", (said[:4], len(said)), ("mac:", 36))
    expect("its key", oct((folder / "device.key").stat().st_mode & 0o777), "0o600")
    expect("a list", len(ask(folder, "lease", "list", "203.0.113.7")), 2)
    rows = list(csv.DictReader(io.StringIO(run(folder, "--csv", "lease", "list").stdout)))
    expect("all of them", len(rows), 5)
    run(folder, "lease", "forget", "--before", "2026-11-22 04:00")
    expect("forgotten", len(ask(folder, "lease", "list")), 4)
    log.write_text("nonsense\n")
    run(folder, "lease", "import", log, "--format", "conntrack", status=1)
    run(folder, "lease", "import", log, "--format", "frob", status=2)


def acts(folder):
    with sqlite3.connect(folder / "desk.db") as desk:
        kinds = [row[0] for row in desk.execute("SELECT kind FROM act ORDER BY id")]
        objects = [json.loads(row[0]) for row in desk.execute("SELECT object FROM act WHERE kind = 311")]
    expect("acts", kinds, [311] * 3 + [313] * 4 + [314])
    expect("of the first", (objects[0]["file"], objects[0]["holdings"]["added"]), ("owners.csv", 5))


def killed(folder):
    """A kill at any moment leaves whole bits of an import, which is told; the same one again goes on."""
    rows = ["organisation,holding"] + ["o%d,10.%d.%d.0/24" % (i % 97, i // 256, i % 256) for i in range(20000)]
    (folder / "many.csv").write_text("\n".join(rows) + "\n")
    for wait in (0.02, 0.05, 0.1, 0.2):
        process = subprocess.Popen([DIRECTORY, "--dir", folder, "import", folder / "many.csv"],
                                   stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        done = subprocess.run([DIRECTORY, "--dir", folder, "--json", "--limit", "0", "list", "holdings"],
                              capture_output=True, timeout=60, env=ENVIRONMENT, check=False)
        count = len(json.loads(done.stdout)) if done.returncode == 0 else 0
        if count in (0, 20000):
            continue
        left = json.loads(run(folder, "--json", "check", status=1).stdout)["unfinished"]
        expect("killed after %.2f s" % wait, (left[0]["kind"], left[0]["file"]), ("directory", "many.csv"))
        expect("what is in is counted", left[0]["done"] >= count, True)
        expect("people are told", "did not end" in run(folder, "check", status=1).stdout, True)
    run(folder, "import", folder / "many.csv")
    expect("nothing is left", json.loads(run(folder, "--json", "check", status=1).stdout)["unfinished"], [])
    expect("in the end", len(ask(folder, "list", "holdings", "--limit", "0")), 20000)


with tempfile.TemporaryDirectory(prefix="hinomi-directory-") as name:
    for part in ("a", "b", "c", "d"):
        pathlib.Path(name, part).mkdir()
    first = pathlib.Path(name, "a")
    run(first, "list", status=1)  # there is no desk yet
    run(first, "import", "-", "--format", "csv", "--dry-run", given="organisation\n")
    owners(first)
    round_trip(first, pathlib.Path(name, "b"))
    hostile(first)
    leases(first)
    acts(first)
    jpnic(pathlib.Path(name, "d"))
    killed(pathlib.Path(name, "c"))

print("\n".join(failures) if failures else "directory: as it should be")
sys.exit(1 if failures else 0)
