"""packets_test - evidence from a recording to a capture file, as an operator would fetch it.

Usage: packets_test.py PROGRAM, where PROGRAM is hinomi-telescope.
"""
import glob
import hashlib
import json
import os
import pty
import stat
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "hinomi-telescope"
SAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "samples")
RECORDING = os.path.join(SAMPLES, "masscan.pcap.zst")
TOWN = os.path.join(SAMPLES, "town.pcap.zst")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def run(*args, status=0, **kinds):
    done = subprocess.run([PROGRAM, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=60, env={"LANG": "C", "PATH": os.environ["PATH"],
                                           **kinds.pop("env", {})}, **kinds)
    if done.returncode != status:
        raise AssertionError(f"{args}: status {done.returncode}: {done.stderr.decode()}")
    return done


class Packets(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.vault = os.path.join(cls.place.name, "vault")
        run("--quiet", "--vault", cls.vault, RECORDING, "--json")
        cls.listed = json.loads(run("packets", "list", "--json", "--vault", cls.vault).stdout)

    @classmethod
    def tearDownClass(cls):
        cls.place.cleanup()

    def acts(self):
        try:
            with open(os.path.join(self.vault, "acts.log"), encoding="utf-8") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def packets(self, *args, **kinds):
        return run("packets", *args, "--vault", self.vault, **kinds)

    def test_list_has_events_and_is_no_act(self):
        before = self.acts()
        self.assertGreater(len(self.listed), 0)
        text = self.packets("list").stdout.decode()
        for entry in self.listed:
            self.assertRegex(entry["id"], "^[0-9a-f]{16}$")
            self.assertIn(entry["id"], text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertEqual(self.acts(), before)

    def test_report_names_the_evidence(self):
        report = json.loads(run("--quiet", "--vault", self.vault, RECORDING, "--json").stdout)
        named = {e["id"]: e["evidence"] for kind in ("events", "victims") for e in report[kind]
                 if "evidence" in e}
        self.assertGreater(len(named), 0)
        self.assertEqual(named, {k: v for k, v in named.items()
                                 if any(e["id"] == k and e["evidence"] == v for e in self.listed)})

    def test_floods_have_evidence_too(self):
        """What the vault has of a flood and of reflected answers went to their target."""
        vault = os.path.join(self.place.name, "town")
        report = json.loads(run("--quiet", "--dark", "198.18.0.0/16", "--vault", vault, TOWN,
                                "--json").stdout)
        for kind, packets in (("floods", 1), ("amplification", 2)):
            self.assertEqual(len(report[kind]), packets)
            for flood in report[kind]:
                data = run("packets", flood["id"], "--vault", vault, "-w", "-").stdout
                self.assertEqual(hashlib.sha256(data).hexdigest(), flood["evidence"])
                target = bytes(map(int, flood["target"].split(".")))
                at, count = 24, 0
                while at < len(data):  # nanosecond pcap in our byte order, Ethernet, IPv4
                    size = int.from_bytes(data[at + 8:at + 12], "little")
                    self.assertEqual(data[at + 16 + 14 + 16:at + 16 + 14 + 20], target)
                    at, count = at + 16 + size, count + 1
                self.assertGreater(count, 4)
                self.assertLessEqual(count, 16)

    def test_write_gives_the_bytes_of_the_digest(self):
        entry = self.listed[0]
        path = os.path.join(self.place.name, "out.pcap")
        self.packets(entry["id"], "-w", path, "--reason", 'case 7 "urgent"\n')
        data = read(path)
        self.assertEqual(hashlib.sha256(data).hexdigest(), entry["evidence"])
        self.assertEqual(len(data), entry["bytes"])
        self.assertEqual(data[:4], b"\x4d\x3c\xb2\xa1")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertRegex(self.acts()[-1],
                         r"^\S+Z act=open event=%s digest=%s uid=%d login=\S+ "
                         r'reason="case 7 \\"urgent\\"\\x0a"$'
                         % (entry["id"], entry["evidence"], os.getuid()))
        self.assertEqual(self.packets(entry["evidence"].upper(), "-w", "-").stdout, data)
        self.assertIn("event=- digest=" + entry["evidence"], self.acts()[-1])
        self.assertTrue(self.acts()[-1].endswith(" reason=not-given"))
        self.assertEqual(run("packets", entry["id"], "-w", "-",
                             env={"HINOMI_VAULT": self.vault}).stdout, data)

    def test_table_and_json_tell_the_packets(self):
        entry = self.listed[0]
        shown = json.loads(self.packets(entry["id"], "--json").stdout)
        self.assertEqual(shown["evidence"], entry["evidence"])
        self.assertEqual(len(shown["packets"]), entry["packets"])
        text = self.packets(entry["id"]).stdout.decode()
        self.assertEqual(len(text.splitlines()), entry["packets"] + 3)
        for packet in shown["packets"]:
            self.assertIn(packet["source"], text)
            self.assertIn(packet["kind"], text)
        self.assertIn("送信元", self.packets(entry["id"], "--lang", "ja").stdout.decode())

    def test_mistakes_get_one_clear_line(self):
        for args, status, want in (
                ((), 2, "name one event"),
                (("a", "b"), 2, "name one event"),
                (("12\x1b[1m",), 2, "neither an event"),
                (("0" * 16,), 1, "has no evidence of event"),
                (("0" * 64,), 1, "not in the vault"),
                (("list", "--vault", "/nonexistent"), 1, "there is no vault at /nonexistent"),
                ((self.listed[0]["id"], "--reason", "x" * 501), 1, "a reason may have"),
                ((self.listed[0]["id"], "-w", "/nonexistent/x"), 1, "/nonexistent/x")):
            with self.subTest(args=args):
                command = ("packets", "--vault", self.vault) + args
                done = run(*command, status=status)
                self.assertEqual(done.stdout, b"")
                self.assertIn(want, done.stderr.decode())
                self.assertNotIn("\x1b", done.stderr.decode())
                if status == 1:
                    self.assertEqual(len(done.stderr.decode().splitlines()), 1)

    def test_terminal_gets_no_capture(self):
        before = self.acts()
        master, slave = pty.openpty()
        try:
            done = subprocess.run([PROGRAM, "packets", self.listed[0]["id"], "-w", "-", "--vault",
                                   self.vault], stdout=slave, stderr=subprocess.PIPE, timeout=60)
        finally:
            os.close(slave)
            os.close(master)
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"nothing for a terminal", done.stderr)
        self.assertEqual(self.acts(), before)

    def test_nothing_is_given_that_cannot_be_noted(self):
        with tempfile.TemporaryDirectory() as place:
            for name in glob.glob(os.path.join(self.vault, "*")):
                if not name.endswith("acts.log"):
                    os.symlink(name, os.path.join(place, os.path.basename(name)))
            os.mkdir(os.path.join(place, "acts.log"))
            for name in glob.glob(os.path.join(place, "*.seg")):  # no links among segments
                data = read(name)
                os.unlink(name)
                with open(name, "wb") as file:
                    file.write(data)
            done = run("packets", self.listed[0]["id"], "-w", "-", "--vault", place, status=1)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"nothing is opened without it", done.stderr)

    def test_damage_is_told(self):
        with tempfile.TemporaryDirectory() as place:
            for name in glob.glob(os.path.join(self.vault, "*")):
                data = bytearray(read(name))
                if name.endswith(".seg"):
                    data[56 + 96 + 30] ^= 1  # in the first object's sealed bytes
                copy = os.path.join(place, os.path.basename(name))
                with open(copy, "wb", opener=lambda p, f: os.open(p, f, 0o600)) as file:
                    file.write(data)
            done = run("packets", self.listed[0]["id"], "-w", "-", "--vault", place, status=1)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"the evidence was changed", done.stderr)


if __name__ == "__main__":
    unittest.main()
