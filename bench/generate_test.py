"""generate_test - the generator's captures hold what its truth says, by an independent count.

usage: generate_test.py HINOMI-GENERATE
"""
import collections
import ipaddress
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

GENERATE = sys.argv.pop() if len(sys.argv) > 1 else "hinomi-generate"
TCP_KINDS = {2: "tcp_syn", 0x12: "tcp_synack", 4: "tcp_rst", 0x14: "tcp_rst", 0x10: "tcp_ack"}
ICMP_KINDS = {8: "icmp_echo_request", 0: "icmp_echo_reply", 3: "icmp_unreachable",
              11: "icmp_time_exceeded"}
LETTERS = "FSRPAUEC"


def generate(folder, name, *options):
    path = os.path.join(folder, name)
    subprocess.run([GENERATE, "--packets", "40000", *options, "-o", path, "--truth", path + ".json"],
                   check=True)
    with open(path, "rb") as file, open(path + ".json", encoding="utf-8") as truth:
        return file.read(), json.load(truth)


def pcap_frames(data):
    """(seconds, fraction, frame, length on the wire) of a little-endian pcap file."""
    at = 24
    while at < len(data):
        seconds, fraction, size, length = struct.unpack_from("<IIII", data, at)
        at += 16 + size
        yield seconds, fraction, data[at - size:at], length


def pcapng_frames(data):
    at = 0
    while at < len(data):
        kind, total = struct.unpack_from("<II", data, at)
        assert total % 4 == 0 and struct.unpack_from("<I", data, at + total - 4)[0] == total
        if kind == 6:
            high, low, size, length = struct.unpack_from("<IIII", data, at + 12)
            yield high << 32 | low, data[at + 28:at + 28 + size], length
        at += total


def usable(frame, length):
    """A whole IPv4 packet with a whole transport header, or None."""
    if frame[12:14] != b"\x08\0" or len(frame) < length or len(frame) < 34 or frame[14] != 0x45:
        return None
    total = struct.unpack_from("!H", frame, 16)[0]
    if total < 20 or total > len(frame) - 14:
        return None
    packet = frame[14:14 + total]
    if struct.unpack_from("!H", packet, 6)[0] & 0x1FFF:
        return packet
    if packet[9] == 6 and (total < 40 or packet[32] >> 4 < 5):
        return None
    if packet[9] == 17 and (total < 28 or struct.unpack_from("!H", packet, 24)[0] < 8):
        return None
    return packet


class Count:
    def __init__(self, data):
        self.kinds, self.flags, self.ports = (collections.Counter() for _ in range(3))
        self.sources, self.flows, self.port_sources = set(), set(), collections.defaultdict(set)
        self.by_source, self.refused, self.frames = collections.Counter(), 0, 0
        for seconds, _, frame, length in pcap_frames(data):
            self.frames += 1
            packet = usable(frame, length)
            if packet is None:
                self.refused += 1
            else:
                self.packet(seconds, packet)

    def packet(self, seconds, p):
        src, dst, proto = p[12:16], p[16:20], p[9]
        sport, dport = struct.unpack_from("!HH", p, 20) if proto in (6, 17) else (0, 0)
        kind = {6: None, 17: "udp", 1: ICMP_KINDS.get(p[20], "icmp_other")}.get(proto, "other_protocol")
        if struct.unpack_from("!H", p, 6)[0] & 0x1FFF:
            kind, sport, dport = "later_fragment", 0, 0
        elif proto == 6:
            self.flags["".join(l for i, l in enumerate(LETTERS) if p[33] >> i & 1) or "none"] += 1
            kind = TCP_KINDS.get(p[33] & 0x17, "tcp_other")
        elif proto == 1:
            sport, dport = p[20], p[21]
        if proto in (6, 17) and kind != "later_fragment":
            self.ports[proto, dport] += 1
            if proto == 17 or kind == "tcp_syn":
                self.port_sources[proto, dport].add(src)
        self.kinds[kind] += 1
        self.sources.add(src)
        self.by_source[str(ipaddress.ip_address(src))] += 1
        self.flows.add((seconds // 60, src, dst, proto, sport, dport))


class GenerateTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def test_truth_is_what_the_capture_holds(self):
        for options in ([], ["--pps", "700"], ["--all-unique"], ["--sources", "50", "--seed", "9"]):
            with self.subTest(options=options):
                data, truth = generate(self.folder, "a.pcap", *options)
                count = Count(data)
                self.assertEqual(truth["file_bytes"], len(data))
                self.assertEqual(truth["frames"], count.frames)
                self.assertEqual(truth["refused_total"], count.refused)
                self.assertEqual(sum(truth["refused"].values()), count.refused)
                self.assertEqual(truth["kinds"], dict(count.kinds))
                self.assertEqual(truth["tcp_flags"], dict(count.flags))
                self.assertEqual(truth["sources"], len(count.sources))
                self.assertEqual(truth["flows_by_minute"], len(count.flows))
                self.check_ports(truth, count)
                self.check_actors(truth, count)

    def check_ports(self, truth, count):
        self.assertEqual(sorted((p["packets"] for p in truth["ports"]), reverse=True),
                         [n for _, n in count.ports.most_common(20)])
        for port in truth["ports"]:
            key = (6 if port["proto"] == "tcp" else 17, port["port"])
            self.assertEqual(port["packets"], count.ports[key])
            self.assertEqual(port["sources"], len(count.port_sources[key]))

    def check_actors(self, truth, count):
        for actor in truth["events"] + truth["members"]:
            self.assertEqual(actor["packets"], count.by_source[actor["source"]], actor["name"])
        self.assertEqual({m["source"] for m in truth["members"]},
                         {"203.0.113.7", "203.0.113.41", "203.0.113.99"})
        for victim in truth["victims"]:
            if victim["name"] != "victim-routed":  # its routers speak, not it
                self.assertEqual(victim["packets"], count.by_source[victim["address"]], victim["name"])

    def test_the_same_seed_gives_the_same_bytes(self):
        first = generate(self.folder, "a.pcap", "--seed", "5")[0]
        self.assertEqual(first, generate(self.folder, "b.pcap", "--seed", "5")[0])
        self.assertNotEqual(first, generate(self.folder, "c.pcap", "--seed", "6")[0])

    def test_pcapng_holds_the_same_frames(self):
        plain = generate(self.folder, "a.pcap", "--ns", "--v6-share", "30")[0]
        blocks = generate(self.folder, "a.pcapng", "--ns", "--v6-share", "30", "--format", "pcapng")[0]
        self.assertEqual([(s * 10 ** 9 + f, frame, length) for s, f, frame, length in pcap_frames(plain)],
                         list(pcapng_frames(blocks)))

    def test_scanners_carry_their_marks(self):
        data, truth = generate(self.folder, "a.pcap")
        zmap = masscan = mirai = 0
        for _, _, frame, length in pcap_frames(data):
            p = usable(frame, length)
            if p is None or p[9] != 6 or len(p) < 40 or p[33] != 2:
                continue
            ident, dst = struct.unpack_from("!H", p, 4)[0], struct.unpack_from("!I", p, 16)[0]
            dport, seq = struct.unpack_from("!HI", p, 22)
            zmap += ident == 54321
            masscan += ident == (dst ^ dport ^ seq) & 0xFFFF
            mirai += seq == dst
        tools, chance = truth["tools"], truth["by_chance"]
        self.assertEqual(zmap, tools["zmap_old"] + chance["zmap_ip_id"])
        self.assertEqual(masscan, tools["masscan_old"] + tools["masscan_new"] + chance["masscan_ip_id"])
        self.assertEqual(mirai, tools["mirai"])

    def test_wrong_usage_is_refused(self):
        for options in (["--packets", "0"], ["--packets", "x"], ["--dark", "198.18.0.0/7"],
                        ["--dark", "2001:db8::/32"], ["--format", "erf"], ["extra"]):
            done = subprocess.run([GENERATE, "-o", os.devnull, *options], capture_output=True,
                                  text=True)
            self.assertEqual(done.returncode, 2, options)
            self.assertNotEqual(done.stderr, "", options)


if __name__ == "__main__":
    unittest.main()
