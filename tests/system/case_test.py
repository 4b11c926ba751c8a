#!/usr/bin/env python3
"""case_test - what a telescope saw becomes findings and cases in a real hub, once, whatever happens.

usage: case_test.py TELESCOPE HUB TRUST QUERY CASE REPLAY
"""
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

import tower
from tower import run

TELESCOPE, HUB, TRUST, QUERY, CASE, REPLAY = [os.path.abspath(p) for p in sys.argv[1:7]]
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "samples")
TOWN = os.path.join(SAMPLES, "town.pcap.zst")
MEMBER = os.path.join(SAMPLES, "mirai-member.pcap.zst")
LOOK = ["--dark", "198.18.0.0/16", "--member", "192.52.193.0/24"]
PATIENCE = tower.PATIENCE


class Cases(tower.HubTest):
    hub_program, trust_program = HUB, TRUST

    def setUp(self):
        super().setUp()
        self.start_hub()
        self.join("sensor")
        self.sensor = self.path("sensor")

    def look(self, recording=TOWN):
        run(TELESCOPE, *LOOK, "--road", self.sensor, "--json", recording)

    def case(self, *arguments, status=0):
        return run(CASE, *arguments[:1], "--dir", self.folder, *arguments[1:], status=status)

    def cases(self, *more):
        return json.loads(self.case("list", "--json", *more))["cases"]

    def findings(self):
        return self.ask("SELECT kind, subject, observations, query FROM finding")

    def rows_of(self, query):
        said = run(QUERY, "--store", self.folder + "/store", "--json", "-b", "kind", "-n", "0", query)
        return json.loads(said)["total"]["rows"]

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
                                  "--quiet"))
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
                said = self.case(*arguments, status=status)
                self.assertEqual(len(said.strip().split("\n")), 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
