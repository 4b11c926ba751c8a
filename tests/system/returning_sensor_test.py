#!/usr/bin/env python3
"""returning_sensor_test - a sensor is silent, is heard of again, and is silent once more: one case tells it.

usage: returning_sensor_test.py HUB TRUST HOSTILE CASE

HOSTILE is the sensor of hostile_sensor_test.py; here it tells the truth.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HUB, TRUST, SENSOR, CASE = [os.path.abspath(p) for p in sys.argv[1:5]]
PATIENCE = 60
# a sandboxed process cannot be looked at for leaks
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode != 0:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stderr.decode()))
    return done.stdout.decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, ready):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(what + ": not within %d s" % PATIENCE)


class Returning(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.folder = self.path("hub")
        self.port, self.metrics, self.hub = free_port(), free_port(), None
        run(TRUST, "init", "--dir", self.folder + "/trust", "--hub", "127.0.0.1:%d" % self.port, "--name", "tower.test")
        self.addCleanup(self.end_hub)
        self.start_hub()
        told = run(TRUST, "enrol", "--dir", self.folder + "/trust", "alpha")
        run(TRUST, "join", re.search(r"hinomi-join:\S+", told).group(0), "--dir", self.path("alpha"))

    def start_hub(self):
        self.hub = subprocess.Popen([HUB, "run", "--dir", self.folder, "--listen", "127.0.0.1:%d" % self.port,
                                     "--set", "metrics=127.0.0.1:%d" % self.metrics, "--set", "people=",
                                     "--set", "silent=1s"], stderr=subprocess.DEVNULL)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.metrics)) == 0
        until("the hub listens", listens)

    def end_hub(self):
        if self.hub is not None:
            self.hub.send_signal(signal.SIGTERM)
            self.assertEqual(self.hub.wait(PATIENCE), 0)
        self.hub = None

    def path(self, name):
        return os.path.join(self.place.name, name)

    def speak(self):
        run(SENSOR, self.path("alpha"), "alive", "1", "1")

    def case(self, state):
        cases = json.loads(run(CASE, "list", "--dir", self.folder, "--state", "all", "--json"))["cases"]
        cases = [c for c in cases if c["kind"] == "silent-sensor"]
        self.assertLessEqual(len(cases), 1)
        return cases[0] if cases and cases[0]["state"] in state else None

    def actions(self, case):
        shown = json.loads(run(CASE, "show", "--dir", self.folder, str(case["id"]), "--json"))
        return [(e["action"], e["act"] is not None) for e in shown["history"]]

    def test_its_case_closes_and_opens_by_itself(self):
        self.speak()
        until("the case of its silence", lambda: self.case(("new",)))
        self.speak()
        case = until("its end", lambda: self.case(("closed",)))
        self.assertEqual(self.actions(case), [("opened", True), ("noted", True), ("closed", True)])
        case = until("the next silence", lambda: self.case(("open",)))
        self.assertEqual(case["reopened"], 1)
        self.end_hub()
        self.start_hub()  # what was silent before the start is known to the desk
        self.speak()
        case = until("its end again", lambda: self.case(("closed",)))
        self.assertEqual(self.actions(case)[-2:], [("noted", True), ("closed", True)])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
