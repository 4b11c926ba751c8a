#!/usr/bin/env python3
"""returning_sensor_test - a sensor is silent, is heard of again, and is silent once more: one case tells it.

usage: returning_sensor_test.py HUB TRUST HOSTILE CASE

HOSTILE is the sensor of hostile_sensor_test.py; here it tells the truth.
"""
import json
import os
import sys
import unittest

import tower
from tower import run, until

HUB, TRUST, SENSOR, CASE = [os.path.abspath(p) for p in sys.argv[1:5]]


class Returning(tower.HubTest):
    hub_program, trust_program = HUB, TRUST
    settings = ("silent=1s",)

    def setUp(self):
        super().setUp()
        self.start_hub()
        self.join("alpha")

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
