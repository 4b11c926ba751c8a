#!/usr/bin/env python3
"""telescope_road_test - a telescope joins a hub, sends what it saw, and an analyst asks for it.

usage: telescope_road_test.py TELESCOPE HUB TRUST QUERY

What the store answers is what the telescope's own report says, also when the hub was not there
while the telescope ran.
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

TELESCOPE, HUB, TRUST, QUERY = [os.path.abspath(p) for p in sys.argv[1:5]]
TOWN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "data", "samples",
                    "town.pcap.zst")
DARK = ["--dark", "198.18.0.0/16"]
PATIENCE = 60


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


class Road(unittest.TestCase):
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
        code = re.search(r"hinomi-join:\S+", told).group(0)
        run(TRUST, "join", code, "--dir", self.sensor)

    def start_hub(self, *more):
        self.hub = subprocess.Popen([HUB, "run", "--dir", self.folder,
                                     "--listen", "127.0.0.1:%d" % self.port,
                                     "--set", "metrics=127.0.0.1:%d" % self.metrics,
             "--set", "people=", *more],
                                    stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.metrics)) == 0:
                    return
            time.sleep(0.05)
        self.fail("the hub does not listen")

    def end_hub(self):
        if self.hub is not None:
            self.hub.send_signal(signal.SIGTERM)
            self.assertEqual(self.hub.wait(PATIENCE), 0)
        self.hub = None

    def look(self, *more, recording=TOWN):
        done = run(TELESCOPE, *DARK, "--road", self.sensor, "--json", *more, recording)
        return json.loads(done.stdout), done.stderr.decode()

    def groups(self, field, *question):
        """{value: {"rows": ..., "packets": ...}} of all groups."""
        done = run(QUERY, "--store", self.folder + "/store", "--json", "--top", "100000", "--by",
                   field, *question)
        return {g["by"][field]: g for g in json.loads(done.stdout)["groups"]}

    def check(self, report):
        """The store holds the flows and the events of the report, once."""
        kinds = self.groups("kind")
        self.assertEqual(kinds["telescope.flow"]["packets"], report["packets"])
        self.assertEqual(kinds["telescope.scan"]["rows"], report["events_total"])
        self.assertEqual(kinds["telescope.backscatter"]["rows"], report["victims_total"])
        self.assertEqual(kinds["telescope.flood"]["rows"], report["floods_total"])
        self.assertEqual(kinds["telescope.amplification"]["rows"], report["amplification_total"])
        ports = self.groups("dport", "kind telescope.flow and proto tcp and flags S and not flags A")
        self.assertGreater(len(report["ports"]), 20)
        for port in report["ports"]:
            if port["protocol"] == "tcp":
                self.assertEqual(ports[port["port"]]["packets"], port["packets"], port)

    def test_the_hub_has_what_the_report_says(self):
        report, _ = self.look("--quiet")
        self.check(report)

    def test_without_the_hub_it_waits_in_the_folder(self):
        self.end_hub()
        report, told = self.look()
        self.assertIn("for the hub; they go at the next start", told)
        self.start_hub()
        empty, _ = self.look("--no-road-flows", "--quiet", "--count-only")
        self.assertEqual(empty["packets"], report["packets"])
        self.check(report)

    def test_a_recording_of_long_ago(self):
        """Ten years earlier: the hub takes rows of a clock that says it is a recording's."""
        data = bytearray(subprocess.run(["zstd", "-dcq", TOWN], stdout=subprocess.PIPE,
                                        check=True).stdout)
        at = 24
        while at < len(data):
            seconds = int.from_bytes(data[at:at + 4], "little") - 10 * 365 * 86400
            data[at:at + 4] = seconds.to_bytes(4, "little")
            at += 16 + int.from_bytes(data[at + 8:at + 12], "little")
        path = os.path.join(self.place.name, "old.pcap")
        with open(path, "wb") as file:
            file.write(data)
        report, _ = self.look("--quiet", recording=path)
        self.assertTrue(report["first"].startswith("2016-"))
        self.check(report)

    def test_a_hub_by_its_name(self):
        """In a mount namespace whose hosts file knows the hub: the sandbox lets it be read."""
        hosts = os.path.join(self.place.name, "hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 tower.test localhost\n")
        inside = ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts]
        if subprocess.run([*inside, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            self.skipTest("no mount namespaces here")
        with open(self.sensor + "/joined", "r+", encoding="utf-8") as file:
            text = file.read().replace("127.0.0.1:", "tower.test:")
            file.seek(0)
            file.write(text)
        run(*inside, TELESCOPE, *DARK, "--road", self.sensor, "--quiet", TOWN)
        self.assertIn("telescope.flow", self.groups("kind"))

    def test_events_alone(self):
        self.look("--quiet", "--no-road-flows")
        kinds = self.groups("kind")
        self.assertNotIn("telescope.flow", kinds)
        self.assertIn("telescope.scan", kinds)

    def test_encrypted_keys(self):
        """No key of hub or sensor is on the disk in the clear; the passphrase opens them."""
        self.end_hub()
        words = os.path.join(self.place.name, "words")
        with open(words, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write("correct horse\n")
        self.folder, self.sensor = self.folder + "2", self.sensor + "2"
        run(TRUST, "init", "--dir", self.folder + "/trust", "--hub", "127.0.0.1:%d" % self.port,
            "--passphrase-file", words)
        self.start_hub("--passphrase-file", words)
        told = run(TRUST, "enrol", "--dir", self.folder + "/trust", "tower").stdout.decode()
        run(TRUST, "join", re.search(r"hinomi-join:\S+", told).group(0), "--dir", self.sensor,
            "--passphrase-file", words)
        for key in (self.sensor + "/sensor.key", self.folder + "/hub.key"):
            with open(key, encoding="ascii") as file:
                text = file.read()
            self.assertIn("\nsealed ", text)
            self.assertNotIn("\nseed ", text)
        refused = run(TELESCOPE, *DARK, "--road", self.sensor, "--quiet", TOWN, status=1)
        self.assertIn(b"--passphrase-file", refused.stderr)
        self.assertEqual(refused.stderr.count(b"\n"), 1)
        report, _ = self.look("--quiet", "--passphrase-file", words)
        self.check(report)

    def test_a_folder_that_joined_nothing(self):
        done = run(TELESCOPE, *DARK, "--road", self.place.name, TOWN, status=1)
        self.assertIn("hinomi trust join", done.stderr.decode())
        self.assertEqual(len(done.stderr.decode().splitlines()), 1)

    def test_a_revoked_sensor_keeps_what_it_has(self):
        run(TRUST, "revoke", "tower", "--dir", self.folder + "/trust")
        _, told = self.look()
        self.assertIn("for the hub; they go at the next start", told)
        self.assertEqual(self.groups("kind"), {})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
