#!/usr/bin/env python3
"""carrier_test - a sensor's road over months: certificates end, hubs die and return, a copy of the
sensor's folder is put back.

usage: carrier_test.py HUB TRUST ROAD QUERY

Real hubs, one sensor whose rows are numbered. What is waited for is waited for with a deadline.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HUB, TRUST, ROAD, QUERY = [os.path.abspath(p) for p in sys.argv[1:5]]
PATIENCE = 120


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def until(what, call):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = call()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("%s did not come" % what)


def run(*command, status=0):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=PATIENCE, check=False)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stderr))
    return done


class Hub:
    """A hub; the second one shares the CA of the first, as a copy of its folder would."""

    def __init__(self, work, name, first=None):
        self.folder, self.port, self.process = work / name, free_port(), None
        self.trust = first.trust if first else self.folder / "trust"
        self.log = work / (name + ".log")
        self.folder.mkdir()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [HUB, "run", "--dir", str(self.folder), "--listen", "127.0.0.1:%d" % self.port, "--set",
                 "metrics=", "--set", "people=", "--set", "trust=%s" % self.trust], stderr=log)
        until("the hub", lambda: listens(self.port))

    def end(self, number=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(PATIENCE)

    def rows(self):
        """The numbers of all rows of the sensor that are stored."""
        if not (self.folder / "store").exists():
            return []
        said = run(ROAD, "rows", "--store", self.folder / "store").stdout
        return [int(line) for line in said.splitlines() if not line.startswith("kind ")]

    def losses(self):
        done = run(QUERY, "--store", self.folder / "store", "--json", "--by", "kind,verdict", "kind road.loss")
        return {g["by"]["verdict"]: g["packets"] for g in json.loads(done.stdout)["groups"]}


class Sender:
    """The sensor; it says up to which row all are in its spool."""

    def __init__(self, folder, log, *options):
        with open(log, "ab") as err:
            self.process = subprocess.Popen(
                [ROAD, "send", "--durable", "--folder", str(folder), *map(str, options)],
                stdout=subprocess.PIPE, stderr=err, text=True)
        self.safe, self.last = 0, ""
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.startswith("durable "):
                self.safe = int(line.split()[1])
            else:
                self.last = line

    def end(self):
        status = self.process.wait(PATIENCE)
        self.reader.join()
        self.process.stdout.close()
        return status, self.last

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        if not self.process.stdout.closed:
            self.end()


class Carrier(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.work = pathlib.Path(self.place.name)
        self.sensor, self.log = self.work / "alpha", self.work / "alpha.log"
        self.hub = self.new_hub("hub")
        run(TRUST, "init", "--dir", self.hub.trust, "--hub", "127.0.0.1:%d" % self.hub.port)

    def new_hub(self, name, first=None):
        hub = Hub(self.work, name, first)
        self.addCleanup(hub.end, signal.SIGKILL)
        return hub

    def join(self):
        said = run(TRUST, "enrol", "--dir", self.hub.trust, "alpha").stdout
        run(TRUST, "join", "--dir", self.sensor, re.search(r"hinomi-join:\S+", said).group(0))

    def send(self, *options):
        sender = Sender(self.sensor, self.log, *options)
        self.addCleanup(sender.kill)
        return sender

    def told(self):
        return self.log.read_text()

    def renewals(self):
        return sum(line.split()[1] == "renew" for line in
                   (self.hub.trust / "roster").read_text().splitlines()[1:])

    def set_life(self, seconds):
        """As an operator may, in hub.conf; the command offers five minutes and more."""
        conf = self.hub.trust / "hub.conf"
        text = re.sub(r"sensor-life \d+\n", "", conf.read_text())
        conf.write_text(text + "sensor-life %d\n" % seconds)

    def test_certificates_are_renewed_on_the_way(self):
        """Lives of a few seconds, one after the other; no row waits for them."""
        self.set_life(12)
        self.hub.start()
        self.join()
        first = (self.sensor / "tls.pem").read_bytes()
        sender = self.send("--rows", 1000000, "--rate", 300, "--batch", 50, "--flush", "200ms")
        until("three renewals", lambda: self.told().count("road.certificate_renewed") >= 3)
        sender.process.send_signal(signal.SIGKILL)
        sender.end()
        self.assertNotEqual((self.sensor / "tls.pem").read_bytes(), first)
        self.assertGreaterEqual(self.renewals(), 3)
        self.assertNotIn("road.not_sent", self.told())
        more = self.send("--first", 2000001, "--rows", 10, "--flush", "200ms")
        self.assertEqual(more.end()[0], 0)
        rows = self.hub.rows()
        self.assertEqual(len(rows), len(set(rows)))
        self.assertLessEqual(set(range(1, sender.safe + 1)) | set(range(2000001, 2000011)), set(rows))

    def test_hubs_in_order(self):
        """The first dies: the second takes over. The first is back: it gets what comes then."""
        second = self.new_hub("second", self.hub)
        self.hub.start()
        second.start()
        self.join()
        sender = self.send("--rows", 1000000, "--rate", 500, "--batch", 50, "--flush", "100ms", "--hub",
                           "127.0.0.1:%d" % second.port, "--return", "2s")
        until("rows in the first", lambda: len(self.hub.rows()) > 300)
        self.assertEqual(second.rows(), [])
        self.hub.end(signal.SIGKILL)
        until("rows in the second", lambda: len(second.rows()) > 300)
        before = max(self.hub.rows())
        self.hub.start()
        until("later rows in the first", lambda: max(self.hub.rows()) > before + 200)
        self.assertLess(max(second.rows()), max(self.hub.rows()))
        second.end(signal.SIGKILL)
        at = sender.safe
        until("rows go on", lambda: sender.safe > at + 200)
        sender.kill()
        last = self.send("--first", 2000001, "--rows", 10, "--flush", "100ms")
        self.assertEqual(last.end()[0], 0)
        mine, theirs = self.hub.rows(), second.rows()
        self.assertEqual(len(mine), len(set(mine)))
        self.assertEqual(len(theirs), len(set(theirs)))
        missing = set(range(1, sender.safe + 1)) - set(mine) - set(theirs)
        self.assertEqual(sorted(missing)[:10], [])
        # what the other has is a gap that each hub knows of
        self.assertIn("kind 2 ", run(ROAD, "rows", "--store", self.hub.folder / "store").stdout)

    def test_both_hubs_die_again_and_again(self):
        """Whatever is up takes the rows; in the end each row is somewhere, and nowhere twice."""
        second = self.new_hub("second", self.hub)
        self.hub.start()
        second.start()
        self.join()
        sender = self.send("--rows", 1000000, "--rate", 1000, "--batch", 50, "--flush", "50ms", "--hub",
                           "127.0.0.1:%d" % second.port, "--return", "200ms")
        for count in range(12):
            at = sender.safe
            until("rows", lambda: sender.safe > at + 150)
            victim = (self.hub, second, self.hub)[count % 3]
            victim.end(signal.SIGKILL)
            if count % 4 == 3:
                (second if victim is self.hub else self.hub).end(signal.SIGKILL)
                time.sleep(0.1)
            for hub in (self.hub, second):
                if hub.process.poll() is not None:
                    hub.start()
        sender.kill()
        last = self.send("--first", 2000001, "--rows", 10, "--flush", "100ms", "--hub",
                         "127.0.0.1:%d" % second.port)
        self.assertEqual(last.end()[0], 0)
        mine, theirs = self.hub.rows(), second.rows()
        self.assertEqual(len(mine), len(set(mine)))
        self.assertEqual(len(theirs), len(set(theirs)))
        missing = set(range(1, sender.safe + 1)) - set(mine) - set(theirs)
        self.assertEqual(sorted(missing)[:10], [])
        self.assertNotIn("road.forked", self.told())

    def test_a_folder_that_was_put_back(self):
        """A machine restored from a copy forks the chain: what it had not sent is counted, and told."""
        self.hub.start()
        self.join()
        self.assertEqual(self.send("--rows", 100, "--batch", 20).end()[0], 0)
        shutil.copytree(self.sensor, self.work / "copy")
        self.assertEqual(self.send("--first", 101, "--rows", 200, "--batch", 20).end()[0], 0)
        self.hub.end()
        shutil.rmtree(self.sensor)
        shutil.copytree(self.work / "copy", self.sensor)
        self.assertEqual(self.send("--first", 1001, "--rows", 70, "--batch", 20, "--wait", "10ms").end()[0], 1)
        self.hub.start()
        self.assertEqual(self.send("--first", 2001, "--rows", 50, "--batch", 20).end()[0], 0)
        line, = [line for line in self.told().splitlines() if "road.forked" in line]
        lost = int(re.search(r"rows_lost=(\d+)", line).group(1))
        self.assertIn("level=error", line)
        rows = self.hub.rows()
        self.assertEqual(len(rows), len(set(rows)))
        self.assertLessEqual(set(range(1, 301)), set(rows))
        gone = (set(range(1001, 1071)) | set(range(2001, 2051))) - set(rows)
        self.assertLessEqual(set(range(1001, 1071)), gone)
        # the hub is told of each of them, and of the road's own rows among them
        self.assertEqual(self.send("--first", 3001, "--rows", 5).end()[0], 0)  # brings the last minute
        self.assertEqual(self.hub.losses(), {"refused": lost})
        self.assertLessEqual(len(gone), lost)
        self.assertLessEqual(lost - len(gone), 10)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
