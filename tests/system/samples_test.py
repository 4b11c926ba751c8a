"""samples_test - the shipped recordings are what their sidecars say, and the laboratory still works."""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

SAMPLES = os.path.join(lab.HERE, "..", "..", "data", "samples")


class Samples(unittest.TestCase):
    @unittest.skipIf(shutil.which("zstd") is None, "needs zstd")
    def test_sidecars_tell_the_truth(self):
        sidecars = sorted(glob.glob(os.path.join(SAMPLES, "*.json")))
        self.assertGreater(len(sidecars), 10)
        self.assertEqual(len(sidecars), len(glob.glob(os.path.join(SAMPLES, "*.pcap.zst"))))
        for name in sidecars:
            with self.subTest(name=name), open(name, encoding="utf-8") as file:
                self.check(json.load(file))

    def check(self, side):
        path = os.path.join(SAMPLES, side["file"])
        with open(path, "rb") as file:
            self.assertEqual(hashlib.sha256(file.read()).hexdigest(), side["sha256"])
        with tempfile.NamedTemporaryFile() as plain:
            subprocess.run(["zstd", "-dqc", path], stdout=plain, check=True)
            counted = lab.count(plain.name)
        for key in ("packets", "kinds", "sources", "seconds"):
            self.assertEqual(counted[key], side[key], key)
        for source, said in side["by_source"].items():
            self.assertEqual(counted["by_source"][source], said)


@unittest.skipUnless(lab.possible(), "needs network namespaces")
class Laboratory(unittest.TestCase):
    def test_everything_sent_is_recorded_and_nothing_stays(self):
        with tempfile.TemporaryDirectory() as folder, lab.Lab() as l:
            path = os.path.join(folder, "a.pcap")
            recording = l.record(path)
            before = l.arrived()
            for kind in ("mirai", "flood-answer", "unreachable"):
                l.run_sender(l.imitate(kind, lab.ADDRESS["member"], count=100, rate=2000))
            done = l.stop(recording)
            counted = lab.count(path)
            holders = list(l.holders)
            self.assertEqual(l.arrived() - before, 300)
        self.assertEqual(done["captured"], 300)
        self.assertEqual(done["dropped"], 0)
        self.assertEqual(counted["packets"], 300)
        self.assertEqual(counted["kinds"]["tcp_syn"], 100)
        self.assertEqual(counted["kinds"]["icmp_unreachable"], 100)
        self.assertTrue(all(h.returncode is not None for h in holders))

    def test_nothing_leads_out(self):
        with lab.Lab() as l:
            for side in (0, 1):
                links = subprocess.run(l._inside(side, ["ip", "-o", "link"]), capture_output=True,
                                       text=True, check=True).stdout.splitlines()
                names = {line.split(":")[1].strip().split("@")[0] for line in links}
                self.assertLessEqual({"lo"}, names)
                self.assertLessEqual(names - {"lo", l.SENDER, l.RECEIVER},
                                     {"sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0"})


if __name__ == "__main__":
    if lab.possible():
        lab.enter()
    unittest.main()
