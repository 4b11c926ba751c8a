#!/usr/bin/env python3
"""hostile_sensor_test - a sensor that joined and lies about everything, beside one that does not.

usage: hostile_sensor_test.py HUB TRUST HOSTILE

The hub goes on, in bounded memory; what the other sensor says becomes a case as before, and its cases stay
what they are; what is refused is counted.
"""
import json
import os
import sys
import threading
import time
import unittest
import urllib.request

import tower
from tower import run

HUB, TRUST, HOSTILE = [os.path.abspath(p) for p in sys.argv[1:4]]
PATIENCE = 120
MEMORY = 200 << 20  # what a flood may add; a sanitizer needs room of its own
os.environ["ASAN_OPTIONS"] += ":quarantine_size_mb=16"


def until(what, ready):
    return tower.until(what, ready, PATIENCE)


class Hostile(tower.HubTest):
    hub_program, trust_program = HUB, TRUST
    settings = ("analyse.subjects=20000", "analyse.cases=200")

    def setUp(self):
        super().setUp()
        self.start_hub()
        for name in ("good", "evil", "broken"):
            self.join(name)

    def send(self, name, mode, rows, seed=1, *more):
        return json.loads(run(HOSTILE, self.path(name), mode, str(rows), str(seed), *more))

    def counter(self, name):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.metrics, timeout=20) as answer:
            lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        return float(lines.get("hinomi_" + name, "0"))

    def memory(self):
        with open("/proc/%d/statm" % self.hub.pid, encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def good_case(self, number):
        return self.ask("SELECT c.id, c.state, c.severity, c.assignee, f.sensors FROM case_ c JOIN finding f ON "
                        "f.case_id = c.id WHERE f.kind = 'infected-member' AND f.subject = '192.0.2.%d'" % number)

    def test_one_lies_and_the_other_is_heard(self):
        self.send("good", "honest", 1, 0)
        first = until("the first case", lambda: self.good_case(1))
        before = self.memory()
        # all that may be said, at its extremes; of as many as there are rows; of what others watch
        hostile = []

        def lie():
            for mode, rows in (("everything", 20000), ("findings", 30000), ("subjects", 40000), ("others", 2000),
                               ("alive", 200)):
                hostile.append((mode, self.send("evil", mode, rows)))

        flood = threading.Thread(target=lie)
        flood.start()
        for number in range(2, 6):  # while it goes on
            self.send("good", "honest", 1, number - 1)
            until("case %d" % number, lambda number=number: self.good_case(number))
        flood.join(PATIENCE)
        self.assertEqual([mode for mode, _ in hostile], ["everything", "findings", "subjects", "others", "alive"])
        self.assertEqual(sum(said["refused"] for _, said in hostile), 0)
        # what cannot be: refused whole, and counted
        for mode in ("past", "future", "lies"):
            said = self.send("broken", mode, 50, 1, first[0][4][:32])
            self.assertGreater(said["refused"], 0, mode)
        self.assertGreaterEqual(self.counter('hub_batches_refused_total{reason="clock"}'), 2)
        self.assertGreaterEqual(self.counter('hub_batches_refused_total{reason="field"}'), 1)
        # bounds held, and what they cost is seen
        self.assertLess(self.memory() - before, MEMORY * (4 if self.is_sanitized() else 1))
        self.assertGreater(self.counter("analyse_evicted_total"), 10000)
        self.assertGreater(self.counter("cases_held_total"), 10000)
        self.assertEqual(self.counter("findings_skipped_total"), 0)
        (cases,), = self.ask("SELECT count(*) FROM case_")
        self.assertLessEqual(cases, 200)
        (last,), = self.ask("SELECT max(last_us) FROM finding")
        self.assertLess(last / 1e6, time.time() + 86400 * 2)
        # the other's cases are what they were
        again, = self.good_case(1)
        self.assertEqual(again[:4], first[0][:4])
        for number in range(2, 6):
            case, = self.good_case(number)
            self.assertEqual(case[1], "new")
        self.assertEqual(self.ask("SELECT count(*) FROM finding WHERE kind = 'silent-sensor'"), [(0,)])
        self.send("good", "honest", 1, 9)
        until("it goes on", lambda: self.good_case(10))

    def is_sanitized(self):
        with open("/proc/%d/maps" % self.hub.pid, encoding="utf-8") as maps:
            return "libasan" in maps.read()


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
