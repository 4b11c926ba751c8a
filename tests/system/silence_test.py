#!/usr/bin/env python3
"""silence_test - a signed answer about a net, of a hub that runs, checked by programs that share nothing.

usage: silence_test.py HUB TRUST ROAD SILENCE VERIFY
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

HUB, TRUST, ROAD, SILENCE, VERIFY = sys.argv[1:6]
# the leak checker looks into its process from outside, which a sandbox does not let it
ENVIRONMENT = dict(os.environ, LC_ALL="C", ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
PATIENCE = 60
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s: said %.500r, wanted %.500r" % (what, said, wanted))


def run(*command, status=0):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, env=ENVIRONMENT,
                          check=False)
    if status is not None and done.returncode != status:
        failures.append("%s: status %d, wanted %d: %s" % (command, done.returncode, status, done.stderr[:600]))
    return done


def until(what, ready):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.05)
    failures.append("%s: not within %d s" % (what, PATIENCE))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def lines_of(note):
    return dict(line.split(" ", 1) for line in note.split("\n\n")[0].splitlines()[1:])


with tempfile.TemporaryDirectory(prefix="hinomi-silence-") as name:
    work = pathlib.Path(name)
    hub, sensor, port = work / "hub", work / "sensor", free_port()
    run(TRUST, "init", "--dir", hub / "trust", "--hub", "localhost:%d" % port)
    process = subprocess.Popen([HUB, "run", "--dir", hub, "--listen", "127.0.0.1:%d" % port, "--set", "metrics=",
                                "--set", "people="], stderr=open(work / "log", "w", encoding="utf-8"), env=ENVIRONMENT)
    try:
        until("hub listens", lambda: listens(port))
        code = next(w for w in run(TRUST, "enrol", "--dir", hub / "trust", "alpha").stdout.split()
                    if w.startswith("hinomi-join:"))
        run(TRUST, "join", "--dir", sensor, code)
        run(ROAD, "send", "--quiet", "--folder", sensor, "--rows", "500", "--batch", "100")
        key = (hub / "ledger" / "key").read_text().strip()
        ask = [SILENCE, "--dir", hub, "--since", "-24h"]

        run(*ask, "--net", "240.1.0.0/16", "-o", work / "none")
        note, said = (work / "none.note").read_text(), json.loads((work / "none.json").read_text())
        expect("silent", (said["silent"], said["rows"]), (True, 0))
        expect("one sensor's batches are signed", said["chains"][0]["verified"] > 0, True)
        expect("none is missing", (said["missing"], said["broken"]), (0, 0))
        expect("the note says the same", lines_of(note)["evidence"], said["evidence"])
        good = run(SILENCE, "check", work / "none.note", "--key", key).stdout
        expect("the note is good", good.endswith("The signature is good.\n"), True)
        run(VERIFY, "notice", work / "none.json", work / "none.proof", "--key=" + key)

        (work / "forged.note").write_text(note.replace("rows 0\n", "rows 1\n"))
        run(SILENCE, "check", work / "forged.note", "--key", key, status=1)
        (work / "other.note").write_text((hub / "ledger" / "checkpoint").read_text())
        run(SILENCE, "check", work / "other.note", "--key", key, status=1)
        (work / "forged.json").write_text((work / "none.json").read_text().replace('"rows":0', '"rows":1'))
        run(VERIFY, "notice", work / "forged.json", work / "none.proof", "--key=" + key, status=1)

        said = json.loads(run(*ask, "--net", "0.0.0.0/0", "--json").stdout)
        expect("not silent", (said["silent"], said["rows"] > 0, len(said["shown"]) > 0), (False, True, True))
        run(*ask, "--net", "192.0.2.1/24", status=2)
        run(*ask, "--net", "192.0.2.0/24", "--until", "2099-01-01", status=2)
        run(SILENCE, "--dir", hub, status=2)
        run(SILENCE, "check", work / "none.note", status=2)
    finally:
        process.terminate()
        process.wait(PATIENCE)
    # without a hub there is an answer, and the proof comes later
    done = run(*ask, "--net", "240.1.0.0/16", "-o", work / "later")
    expect("no proof yet", ((work / "later.note").exists(), (work / "later.proof").exists(), done.stderr[:9]),
           (True, False, "no hub ru"))

print("\n".join(failures) if failures else "silence: as it should be")
sys.exit(1 if failures else 0)
