#!/usr/bin/env python3
"""case_test - what a telescope saw becomes findings and cases in a real hub, once, whatever happens.

usage: case_test.py TELESCOPE HUB TRUST QUERY CASE REPLAY
"""
import json
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

TELESCOPE, HUB, TRUST, QUERY, CASE, REPLAY = [os.path.abspath(p) for p in sys.argv[1:7]]
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "samples")
TOWN = os.path.join(SAMPLES, "town.pcap.zst")
MEMBER = os.path.join(SAMPLES, "mirai-member.pcap.zst")
LOOK = ["--dark", "198.18.0.0/16", "--member", "192.52.193.0/24"]
PATIENCE = 60
# a sandboxed process cannot be looked at for leaks
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False)
    if done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stderr.decode()))
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cases(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.port, self.metrics, self.hub = free_port(), free_port(), None
        self.folder = os.path.join(self.place.name, "hub")
        self.sensor = os.path.join(self.place.name, "sensor")
        run(TRUST, "init", "--dir", self.folder + "/trust", "--hub", "127.0.0.1:%d" % self.port,
            "--name", "tower.test")
        self.addCleanup(self.end_hub)
        self.start_hub()
        told = run(TRUST, "enrol", "--dir", self.folder + "/trust", "tower").stdout.decode()
        run(TRUST, "join", re.search(r"hinomi-join:\S+", told).group(0), "--dir", self.sensor)

    def start_hub(self):
        self.hub = subprocess.Popen([HUB, "run", "--dir", self.folder,
                                     "--listen", "127.0.0.1:%d" % self.port,
                                     "--set", "metrics=127.0.0.1:%d" % self.metrics,
                                     "--set", "people="], stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.metrics)) == 0:
                    return
            time.sleep(0.05)
        self.fail("the hub does not listen")

    def end_hub(self, how=signal.SIGTERM):
        if self.hub is not None:
            self.hub.send_signal(how)
            self.assertEqual(self.hub.wait(PATIENCE), 0 if how == signal.SIGTERM else -how)
        self.hub = None

    def look(self, recording=TOWN):
        run(TELESCOPE, *LOOK, "--road", self.sensor, "--json", recording)

    def case(self, *arguments, status=0):
        done = run(CASE, *arguments[:1], "--dir", self.folder, *arguments[1:], status=status)
        return done.stdout.decode()

    def cases(self, *more):
        return json.loads(self.case("list", "--json", *more))["cases"]

    def findings(self):
        desk = sqlite3.connect("file:%s/desk.db?mode=ro" % self.folder, uri=True)
        try:
            return desk.execute("SELECT kind, subject, observations, query FROM finding").fetchall()
        finally:
            desk.close()

    def rows_of(self, query):
        done = run(QUERY, "--store", self.folder + "/store", "--json", "-b", "kind", "-n", "0", query)
        return json.loads(done.stdout)["total"]["rows"]

    def check_counts(self, forgot=False):
        """Every finding counted just the rows that its own query shows in the store. After a start
        the recording may be too old to be learned from: rows before a finding was one are forgotten.
        """
        found = self.findings()
        for kind, subject, observations, query in found:
            with self.subTest(kind=kind, subject=subject):
                if forgot:
                    self.assertGreaterEqual(self.rows_of(query), observations)
                else:
                    self.assertEqual(self.rows_of(query), observations)
        return found

    def test_a_town_becomes_cases(self):
        self.look()
        found = self.check_counts()
        self.assertEqual([f[1] for f in found if f[0] == "infected-member"], ["192.52.193.77"])
        cases = self.cases()
        self.assertEqual({c["kind"] for c in cases}, {"infected-member", "flood-target"})
        number = [str(c["id"]) for c in cases if c["kind"] == "infected-member"][0]
        self.assertIn("192.52.193.77", self.case("show", number))
        self.assertIn("感染", self.case("show", number, "--lang=ja"))
        about = json.loads(self.case("about", "192.52.193.77", "--json"))
        self.assertEqual(about["cases"][0]["id"], int(number))
        self.case("note", number, "--text", "called\x1b[2J them")
        self.assertNotIn("\x1b", self.case("show", number))
        self.case("close", number, "99", status=1)  # all or none
        self.assertEqual(len(self.cases()), 2)
        self.case("close", number, "--reason", "cleaned")
        self.assertEqual(len(self.cases()), 1)
        self.case("false-alarm", number, status=2)
        self.case("reopen", number)
        shown = json.loads(self.case("show", number, "--json"))
        self.assertEqual([e["action"] for e in shown["history"]],
                         ["opened", "noted", "closed", "reopened"])
        replayed = json.loads(run(REPLAY, "--store", self.folder + "/store", "--json",
                                  "--quiet").stdout)
        self.assertEqual(sorted((f["kind"], f["subject"], f["observations"], f["query"])
                                for f in replayed["findings"]), sorted(found))
        self.end_hub()
        self.start_hub()  # it learns from the store, and finds nothing twice
        self.assertEqual(sorted(self.findings()), sorted(found))
        self.look(MEMBER)
        self.check_counts(forgot=True)
        self.assertEqual(len(self.cases("--state", "all")), 2)

    def test_a_hub_that_is_killed_counts_once(self):
        rng = random.Random(7)
        for _ in range(6):
            seen = subprocess.Popen([TELESCOPE, *LOOK, "--road", self.sensor, "--json", MEMBER],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.05, 0.6))
            self.end_hub(signal.SIGKILL)
            self.start_hub()
            seen.wait(PATIENCE)
        self.look(MEMBER)  # what still waited at the sensor comes too
        found = self.check_counts()
        self.assertEqual(len([f for f in found if f[0] == "infected-member"]), 1)

    def test_wrong_use_is_told(self):
        for arguments, status in [(["show"], 2), (["show", "x"], 2), (["show", "99"], 1),
                                  (["about", "nowhere"], 2), (["list", "--state", "odd"], 2),
                                  (["bogus"], 2), (["list", "--as", "nobody"], 1)]:
            with self.subTest(arguments=arguments):
                done = run(CASE, *arguments[:1], "--dir", self.folder, *arguments[1:],
                           status=status)
                self.assertEqual(len(done.stderr.decode().strip().split("\n")), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
