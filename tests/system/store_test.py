#!/usr/bin/env python3
"""store_test - a store as its operator looks after it: filled, damaged, made small, copied.

usage: store_test.py STORE IMPORT QUERY
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

STORE, IMPORT, QUERY = sys.argv[1:4]
ENVIRONMENT = dict(os.environ, LC_ALL="C")
ENVIRONMENT.pop("HINOMI_STORE", None)
DAY = 86400
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s:\n  said   %.600r\n  wanted %.600r" % (what, said, wanted))


def run(program, *args, status=0):
    done = subprocess.run([program, *map(str, args)], capture_output=True, timeout=120, env=ENVIRONMENT,
                          text=True, check=False)
    if done.returncode != status:
        failures.append("%s: status %d, not %d: %s" % (args, done.returncode, status, done.stderr[:500]))
    return done


def act(folder, *args, status=0):
    done = run(STORE, "--json", "--quiet", "--store", folder, *args, status=status)
    return json.loads(done.stdout) if done.stdout.startswith("{") else {}


def ports(folder):
    """Rows and packets by destination port, as hinomi query counts them."""
    done = run(QUERY, "--store", folder, "--quiet", "--json", "--by", "dport", "--top", "100")
    return json.loads(done.stdout or "{}").get("groups", done.stdout)


def fill(folder, path):
    """Rows of three days: the first long ago, the last of now; in files of one import each."""
    draw = random.Random(3)
    count = 0
    now = int(time.time())
    for part, day in enumerate([now - 400 * DAY, now - 40 * DAY, now] * 2):
        lines = []
        for i in range(4000):
            flow = draw.random() < 0.9
            row = {"time": time.strftime("%Y-%m-%dT%H:%M:00.000000Z", time.gmtime(day - draw.randrange(60) * 60)),
                   "kind": "telescope.flow" if flow else "telescope.scan", "proto": 6,
                   "src": "198.51.100.%d" % draw.randrange(256), "dst": "203.0.113.%d" % draw.randrange(256),
                   "dport": draw.choice([22, 23, 80, 443]), "packets": 1 + draw.randrange(5), "bytes": 40 * (i % 3 + 1)}
            lines.append(json.dumps(row) + "\n")
        file = pathlib.Path(path, "rows-%d.ndjson" % part)
        file.write_text("".join(lines), encoding="utf-8")
        run(IMPORT, "--quiet", "--store", folder, file)
        count += len(lines)
    return count


def segments(folder):
    return sorted(pathlib.Path(folder).glob("*/*.seg"))


def check_usage(folder):
    for args in ([], ["polish"], ["backup"], ["check", "x"], ["retain"], ["retain", "--keep=nothing.such=3d"],
                 ["retain", "--keep=telescope.flow"], ["retain", "--age=soon"]):
        run(STORE, "--store", folder, *args, status=2)
    run(STORE, "check", status=2)
    expect("no store", "there is no store" in run(STORE, "-S", folder + "/none", "check", status=1).stderr, True)
    expect("help", "compact" in run(STORE, "--help").stdout, True)
    expect("help in Japanese", "ストア" in run(STORE, "--lang=ja", "--help").stdout, True)


def check_damage(folder):
    """Each damage is named with file and offset, and is alone."""
    act(folder, "compact")
    file = segments(folder)[0]
    good = file.read_bytes()
    for at in (70, len(good) // 2):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        done = run(STORE, "-S", folder, "check", status=1)
        expect("damage at %d is named" % at, file.name in done.stderr and "offset" in done.stderr, True)
        expect("said in one line each", all(line.startswith("hinomi store: ") for line in done.stderr.splitlines()),
               True)
    file.write_bytes(good[:len(good) // 2])
    run(STORE, "-S", folder, "check", status=1)
    file.unlink()
    run(STORE, "-S", folder, "check", status=1)
    file.write_bytes(good)
    expect("healed", act(folder, "check").get("damaged_blocks"), 0)
    stray = pathlib.Path(folder, file.parent.name, "old.seg")
    stray.write_bytes(b"x")
    expect("a stray", act(folder, "check").get("strays"), 1)
    stray.unlink()
    journal = pathlib.Path(folder, "journal")
    good = journal.read_bytes()
    journal.write_bytes(good + b"HJR1 torn")
    expect("a torn end is cut", "torn end" in run(STORE, "-S", folder, "compact").stderr, True)
    run(STORE, "-S", folder, "check")
    run(STORE, "-S", folder, "rebuild", status=1)
    expect("nothing aside", list(pathlib.Path(folder).glob("journal.damaged-*")), [])
    check_rebuild(folder, journal)
    journal.write_bytes(b"\0" * len(good))
    run(STORE, "-S", folder, "info", status=1)
    run(STORE, "-S", folder, "compact", status=1)


def check_rebuild(folder, journal):
    """A journal that is damaged before its end is refused, and on order made anew of what is good."""
    rows, size = act(folder, "info")["rows"], journal.stat().st_size
    now = time.strftime("%Y-%m-%dT%H:%M:00.000000Z", time.gmtime())
    for part in range(3):
        file = pathlib.Path(folder).parent / ("more-%d.ndjson" % part)
        file.write_text(json.dumps({"time": now, "kind": "telescope.flow", "proto": 6, "src": "192.0.2.1",
                                    "dst": "203.0.113.1", "dport": 2323 + part, "packets": 1, "bytes": 40}) + "\n",
                        encoding="utf-8")
        run(IMPORT, "--quiet", "--store", folder, file)
    whole = journal.read_bytes()
    expect("records were added", len(whole) > size, True)
    at = size + 40
    journal.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
    expect("refused", "offset" in run(STORE, "-S", folder, "info", status=1).stderr, True)
    done = run(STORE, "-S", folder, "--json", "rebuild")
    told = json.loads(done.stdout or "{}")
    if "aside" not in told:
        failures.append("rebuild: " + done.stderr)
        return
    expect("said what was left out", "damaged and left out" in done.stderr, True)
    expect("rows", (told["rows"], told["batches_lost"]), (rows + 2, 1))
    expect("kept aside", pathlib.Path(folder, told["aside"]).stat().st_size, len(whole))
    expect("rows stay", act(folder, "info")["rows"], rows + 2)
    run(STORE, "-S", folder, "check")


def main():
    with tempfile.TemporaryDirectory(prefix="hinomi-store-") as base:
        folder = base + "/store"
        count = fill(folder, base)
        info = act(folder, "info")
        expect("rows", info.get("rows"), count)
        expect("one sensor", len(info.get("sensors", [])), 1)
        expect("none is missing", info["sensors"][0]["missing"], 0)
        check = act(folder, "check")
        expect("good", (check.get("rows"), check.get("damaged_blocks"), check.get("strays")), (count, 0, 0))
        before = ports(folder)

        # a backup, and a store of it
        act(folder, "backup", base + "/backup")
        act(folder, "backup", base + "/backup", status=1)
        act(base + "/second", "restore", base + "/backup")
        expect("restored", ports(base + "/second"), before)
        act(base + "/second", "restore", base + "/backup", status=1)
        shutil.copytree(base + "/backup", base + "/broken")

        check_usage(folder)
        work = act(folder, "compact")
        expect("compacted", (ports(folder), act(folder, "check").get("damaged_blocks")), (before, 0))
        expect("fewer files", work["files"] <= 6, True)

        # what is dropped is counted on; the newest day stays
        work = act(folder, "retain", "--keep=telescope.flow=30d", "--age=365d")
        kept = act(folder, "info")
        expect("dropped", work["rows_dropped"], kept["rolled_rows"])
        expect("all is somewhere", kept["rows"] + kept["rolled_rows"], count)
        expect("some of it", count / 2 < kept["rolled_rows"] < count * 3 / 4, True)
        expect("counts outlive", ports(folder), before)
        work = act(folder, "retain", "--age=1d")
        expect("counts outlive again", ports(folder), before)

        check_damage(base + "/second")
        file = segments(base + "/broken")
        if file:
            file[0].write_bytes(b"HINSEG1\n" + file[0].read_bytes()[8:100])
            act(base + "/third", "restore", base + "/broken", status=1)
            expect("nothing was made", os.path.exists(base + "/third"), False)
    if failures:
        sys.exit("\n".join(failures))


main()
