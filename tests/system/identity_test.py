#!/usr/bin/env python3
"""identity_test - who it was: behind a shared address by port, and after an address changed hands by time.

usage: identity_test.py TELESCOPE HUB TRUST DIRECTORY CASE

A recording of members that scan dark space goes through the telescope to a hub that has the leases of a
DHCP server and the log of a translator. Nobody is merged with anybody else.
"""
import json
import os
import socket
import struct
import sys
import time
import unittest

import tower
from tower import run

TELESCOPE, HUB, TRUST, DIRECTORY, CASE = [os.path.abspath(p) for p in sys.argv[1:6]]
HOUR = 3600
SHARED, CHANGED = "192.0.2.200", "192.0.2.9"


def syn(when, src, sport, dst):
    """A frame of the recording: Mirai's SYN, whose sequence number is the target."""
    target = socket.inet_aton(dst)
    packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, socket.inet_aton(src), target)
    packet += struct.pack("!HH4sIBBHHH", sport, 23, target, 0, 0x50, 2, 5840, 0, 0)
    return struct.pack("<IIII", int(when), int(when % 1 * 1e6), len(packet), len(packet)) + packet


def stamp(when):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


class Identity(tower.HubTest):
    hub_program, trust_program = HUB, TRUST

    def setUp(self):
        super().setUp()
        self.start = int(time.time()) // 60 * 60 - 4 * HOUR
        self.owners()
        self.start_hub()
        self.join("sensor")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def bring(self, *arguments):
        run(DIRECTORY, "--dir", self.folder, *arguments)

    def owners(self):
        self.bring("import", self.write("owners.csv", "organisation,name,member,holding\n"
                                                      "isp,Example ISP,yes,192.0.2.0/24\n"))
        log = []
        for inside, ports, begin, end in (("100.64.0.1", "1024-2047", 0, HOUR), ("100.64.0.2", "2048-3071", 0, 3 * HOUR),
                                          ("100.64.0.3", "1024-2047", HOUR, 3 * HOUR)):
            for what, when in (("allocated", begin), ("released", end)):
                log.append((when, what == "allocated", "%s n nat-block-%s inside=%s outside=%s ports=%s\n"
                            % (stamp(self.start + when), what, inside, SHARED, ports)))
        log.sort()
        self.bring("lease", "import", self.write("nat", "".join(line[2] for line in log)), "--format", "nat")
        rows = ["address,device,from,until\n"]
        for mac, begin, end in (("00:00:5e:00:53:01", 0, HOUR), ("00:00:5e:00:53:02", HOUR, 3 * HOUR)):
            rows.append("%s,%s,%s,%s\n" % (CHANGED, mac, stamp(self.start + begin), stamp(self.start + end)))
        self.bring("lease", "import", self.write("leases.csv", "".join(rows)), "--format", "csv")

    def record(self):
        frames = []
        for i in range(40):
            target = "198.18.%d.%d" % (i, 7 * i % 250)
            at = self.start + 600 + 5 * i
            frames += [(at, SHARED, 1500, target), (at + 0.5, SHARED, 2500, target)]
            frames += [(at + 1, CHANGED, 40000 + i, target), (at + HOUR, CHANGED, 50000 + i, target)]
            frames += [(at + HOUR + 2, SHARED, 1500, target)]
        frames.sort()
        with open(self.path("members.pcap"), "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
            for frame in frames:
                file.write(syn(*frame))

    def test_nobody_is_merged(self):
        self.record()
        run(TELESCOPE, "--dark", "198.18.0.0/16", "--member", "192.0.2.0/24", "--road", self.path("sensor"), "--json",
            self.path("members.pcap"))
        found = self.ask("SELECT device, subject_type, packets, query, case_id FROM finding "
                         "WHERE kind = 'infected-member' ORDER BY device")
        self.assertEqual([(f[0], f[1], f[2]) for f in found],
                         [("inside:100.64.0.1", "device", 40), ("inside:100.64.0.2", "device", 40),
                          ("inside:100.64.0.3", "device", 40), ("mac:00:00:5e:00:53:01", "device", 40),
                          ("mac:00:00:5e:00:53:02", "device", 40)])
        self.assertEqual(len({f[4] for f in found}), 5)  # a case each, none about the bare address
        cases = json.loads(run(CASE, "list", "--dir", self.folder, "--json"))["cases"]
        self.assertEqual({c["handle"] for c in cases if c["kind"] == "infected-member"}, {"isp"})
        self.assertEqual(len([c for c in cases if c["kind"] == "infected-member"]), 5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
