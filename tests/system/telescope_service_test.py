#!/usr/bin/env python3
"""telescope_service_test - the telescope as a service: its manager, SIGHUP, and settings of its hub.

usage: telescope_service_test.py TELESCOPE HUB TRUST STATUS

A growing capture is followed, so that no privilege is needed; one test captures in a namespace.
Nothing depends on how long something takes: the tests wait until it has happened.
"""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

TELESCOPE, HUB, TRUST, STATUS = [os.path.abspath(p) for p in sys.argv[1:5]]
PATIENCE = 90
START = 1700000040


def until(what, call, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        value = call()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError("%s did not come" % what)


def run(*command, status=0, **kw):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=120, check=False, **kw)
    if done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stderr.decode()))
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def syn(source, target, port=23):
    """A SYN as raw IP; whose it is decides all that a test looks at."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 7, 0, 55, 6, 0, socket.inet_aton(source),
                     socket.inet_aton(target))
    return ip + struct.pack("!HHIIBBHHH", 40000, port, 99, 0, 0x50, 2, 8192, 0, 0)


class Capture:
    """A capture file that grows."""

    def __init__(self, path):
        self.path, self.count = path, 0
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))

    def add(self, source, number=1, at=0, first=1):
        with open(self.path, "ab") as file:
            for n in range(first, first + number):
                packet = syn(source, "198.18.%d.%d" % (n >> 8 & 255, n & 255))
                file.write(struct.pack("<IIII", START + at, n % 1000000, len(packet), len(packet)) + packet)
        self.count += number


class Manager:
    """A service manager that listens."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.said = []

    def env(self, watchdog_us):
        return dict(os.environ, NOTIFY_SOCKET=self.path, WATCHDOG_USEC=str(watchdog_us))

    def hear(self):
        self.socket.setblocking(False)
        try:
            while True:
                self.said += self.socket.recv(4000).decode().splitlines()
        except BlockingIOError:
            return self.said

    def wait(self, word):
        """Until `word` was said; what was said up to it is returned and forgotten."""
        def find():
            return next((n for n, line in enumerate(self.hear(), 1) if line.startswith(word)), 0)
        at = until(word, find)
        said, self.said = self.said[:at], self.said[at:]
        return said

    def silence(self, ns):
        """Is nothing about the watchdog said for so long?"""
        end = time.monotonic() + ns
        self.hear()
        self.said = []
        while time.monotonic() < end:
            time.sleep(0.05)
            if any(line == "WATCHDOG=1" for line in self.hear()):
                return False
        return True


class Case(unittest.TestCase):
    watchdog_us = 60000000

    def setUp(self):
        self.place = tempfile.TemporaryDirectory()
        self.addCleanup(self.place.cleanup)
        self.folder = self.place.name
        self.capture = Capture(self.path("x.pcap"))
        self.log = self.path("log")
        self.process = None
        self.manager = Manager(self.folder)
        self.addCleanup(self.manager.socket.close)
        self.addCleanup(self.end, None)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        """As an editor does: a new file in the place of the old one."""
        with open(self.path(name + ".new"), "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.path(name + ".new"), self.path(name))
        return self.path(name)

    def start(self, *options, dark=("--dark", "198.18.0.0/16")):
        with open(self.log, "ab") as log, open(self.path("report"), "wb") as report:
            self.process = subprocess.Popen(
                [TELESCOPE, "--follow", *dark, "--json", *options, self.capture.path],
                stdout=report, stderr=log, env=self.manager.env(self.watchdog_us))
        self.manager.wait("READY=1")

    def read_all(self):
        """Until all that is in the capture was read: a reload tells how many frames there were."""
        def look():
            self.hangup()
            return any(": %d frames" % self.capture.count in line
                       for line in self.manager.wait("STATUS=watching"))
        until("%d frames" % self.capture.count, look)

    def end(self, status=0):
        """Stop it; its report."""
        if self.process is None:
            return None
        if status is not None and self.process.poll() is None:
            self.read_all()
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            got = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        if status is None:
            return None
        self.assertEqual(got, status, self.told())
        with open(self.path("report"), encoding="utf-8") as file:
            return json.load(file)

    def told(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    def wait_log(self, *words, after=0):
        until(words, lambda: [line for line in self.told()[after:].splitlines()
                              if all(word in line for word in words)])

    def hangup(self):
        """SIGHUP, and wait until it was heard."""
        self.process.send_signal(signal.SIGHUP)
        said = self.manager.wait("READY=1")
        self.assertIn("RELOADING=1", said)

    def rows(self, kind, name="o.ndjson"):
        if not os.path.exists(self.path(name)):
            return []
        with open(self.path(name), encoding="utf-8") as file:
            return [row for row in map(json.loads, file.read().splitlines()) if row["kind"] == kind]


class Service(Case):
    def test_the_manager_hears_everything(self):
        self.watchdog_us = 400000
        self.start("--quiet", "--metrics", self.path("m.prom"))
        for _ in range(3):
            self.manager.wait("WATCHDOG=1")
        self.capture.add("9.0.0.1", 10)
        self.capture.add("9.0.0.1", 1, at=120)
        said = until("status", lambda: [line for line in self.manager.hear()
                                        if line.startswith("STATUS=watching captures: ")])
        self.assertRegex(said[0], r": \d+ frames, 0 dropped$")
        self.read_all()
        with open(self.path("m.prom"), encoding="utf-8") as file:
            metrics = dict(line.split() for line in file if not line.startswith("#"))
        self.assertEqual(metrics["hinomi_telescope_frames_total"], "11")
        self.assertEqual(metrics["hinomi_telescope_dark_addresses"], "65536")
        self.assertEqual(self.end()["packets"], 11)
        self.assertIn("STOPPING=1", self.manager.hear())

    def test_a_telescope_that_hangs_is_not_called_alive(self):
        """Nobody takes its rows: the pipe is full, and the minute's work stands still."""
        self.watchdog_us = 400000
        os.mkfifo(self.path("f.ndjson"))
        pipe = os.open(self.path("f.ndjson"), os.O_RDONLY | os.O_NONBLOCK)
        self.start("--quiet", "--flows", self.path("f.ndjson"), "--threads", "2")
        self.manager.wait("WATCHDOG=1")
        self.capture.add("9.0.0.1", 20000)
        self.capture.add("9.0.0.1", 1, at=60)
        until("silence", lambda: self.manager.silence(1.5))
        taken = 0
        self.manager.said = []

        def drain():
            nonlocal taken
            try:
                taken += os.read(pipe, 1 << 20).count(b"\n")
            except BlockingIOError:
                pass
            return taken >= 20000 and "WATCHDOG=1" in self.manager.hear()

        until("its next sign of life", drain)
        self.process.send_signal(signal.SIGTERM)
        until("its end", lambda: (drain(), self.process.poll() is not None)[1])
        os.close(pipe)
        self.assertEqual(self.end()["packets"], 20001)

    def test_a_reload_takes_what_is_new(self):
        dark = self.write("dark", "198.18.0.0/16\n")
        member = self.write("member", "10.9.0.0/16 Elsewhere\n")
        config = self.write("t.yaml", "scan:\n  targets: 50\n")
        self.start("--member", member, "--config", config, "--observations", self.path("o.ndjson"),
                   "--set", "log=info", dark=("--dark", dark))
        self.capture.add("9.0.0.1", 20)
        self.assertEqual(self.rows("telescope.member"), [])
        self.write("member", "9.0.0.0/16 Town hall\n")
        self.write("t.yaml", "scan:\n  targets: 10\nmemory: 64M\n")
        self.write("dark", "198.18.0.0/16\n198.19.0.0/16\n")
        self.hangup()
        self.wait_log("telescope.reloaded", "because=SIGHUP")
        self.wait_log("telescope.needs_restart", "setting=memory")
        self.capture.add("9.0.0.1", 20)
        row, = until("the alert", lambda: self.rows("telescope.member"))
        self.assertEqual(row["src"], "9.0.0.1")
        report = self.end()
        self.assertEqual(report["packets"], 40)
        self.assertEqual(report["members"][0]["name"], "Town hall")
        self.assertEqual(report["events"][0]["scan"], "horizontal")
        self.assertEqual(report["dark"]["ipv4"], 131072)

    def test_a_bad_configuration_leaves_the_old_one(self):
        member = self.write("member", "9.0.0.0/16 Town hall\n")
        config = self.write("t.yaml", "scan.targets: 10\nlog: info\n")
        self.start("--member", member, "--config", config, "--exclude", "9.9.0.0/16")
        for bad, where, text in (("t.yaml", "t.yaml:1", "scan.tagrets: 10\n"),
                                 ("t.yaml", "t.yaml:2", "log: info\nscan.targets: 1\n"),
                                 ("member", "member:2", "9.0.0.0/16\n9.0.0.0/99\n"),
                                 ("member", "member", None)):
            with open(self.path(bad), encoding="utf-8") as file:
                good = file.read()
            if text is None:
                os.unlink(self.path(bad))
            else:
                self.write(bad, text)
            before = len(self.told())
            self.hangup()
            self.wait_log("telescope.not_reloaded", where, after=before)
            self.assertEqual(len(self.told()[before:].splitlines()), 1)
            self.write(bad, good)
        self.capture.add("9.0.0.1", 12)
        self.capture.add("9.9.0.1", 12)
        report = self.end()
        self.assertEqual((report["ip_packets"], report["outside"]), (12, 12))
        self.assertEqual(report["events"][0]["scan"], "horizontal")
        self.assertEqual([m["address"] for m in report["members"]], ["9.0.0.1"])

    def test_the_log_level_changes(self):
        config = self.write("t.yaml", "log: error\n")
        self.start("--config", config)
        self.hangup()
        self.assertEqual(self.told(), "")
        self.write("t.yaml", "log: info\n")
        self.hangup()
        self.wait_log("telescope.reloaded")

    def test_no_packet_is_lost_by_a_reload(self):
        """Live, with SIGHUP again and again while packets come."""
        if os.geteuid() != 0 or not lab.possible():
            self.skipTest("no namespaces here")
        member = self.write("member", "9.0.0.0/16 Town hall\n")
        os.chmod(self.folder, 0o755)
        with lab.Lab() as l, open(self.path("report"), "wb") as out:
            env = self.manager.env(30000000)
            watcher = l.start_capture([TELESCOPE, "--live", l.RECEIVER, "--dark", l.dark, "--threads",
                                       "2", "--json", "--quiet", "--member", member], stdout=out, env=env)
            self.manager.wait("READY=1")
            sender = l.start_sender(l.imitate("mirai", lab.ADDRESS["mirai"], rate=400, count=2000),
                                    stdout=subprocess.DEVNULL)
            reloads = 0
            while sender.poll() is None:
                watcher.send_signal(signal.SIGHUP)
                self.manager.wait("READY=1")
                reloads += 1
            lab.settle(l.arrived)
            arrived = l.arrived()
            l.stop(watcher)
        with open(self.path("report"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertGreater(reloads, 3)
        self.assertGreater(arrived, 1000)
        self.assertEqual(report["packets"], arrived)
        self.assertEqual(report["lost"]["kernel_drops"], 0)


class Settings(Case):
    """A hub and its telescope: what the hub signs is in force there, without a restart."""

    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.hub_folder, self.sensor = self.path("hub"), self.path("sensor")
        run(TRUST, "init", "--dir", self.hub_folder + "/trust", "--hub", "127.0.0.1:%d" % self.port)
        self.hub = subprocess.Popen([HUB, "run", "--dir", self.hub_folder, "--listen",
                                     "127.0.0.1:%d" % self.port, "--set", "metrics=", "--set", "people=", "--set",
                                     "log=error"])
        self.addCleanup(self.end_hub)
        until("the hub", lambda: listens(self.port))
        told = run(TRUST, "enrol", "--dir", self.hub_folder + "/trust", "tower").stdout.decode()
        run(TRUST, "join", re.search(r"hinomi-join:\S+", told).group(0), "--dir", self.sensor)

    def end_hub(self):
        self.hub.terminate()
        self.hub.wait(PATIENCE)

    def sign(self, text, *options):
        run(TRUST, "settings", "sign", self.write("s.yaml", text), "--dir", self.hub_folder + "/trust",
            *options)

    def status(self):
        done = subprocess.run([STATUS, "--dir", self.hub_folder, "--json"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        sensors = json.loads(done.stdout or b"{}").get("sensors", [])
        return next((s for s in sensors if s["name"] == "tower"), {})

    def start_sensor(self, *options):
        self.start("--road", self.sensor, "--observations", self.path("o.ndjson"), "--set", "log=info",
                   *options)

    def wake(self, source="9.7.0.1", at=0):
        """Something urgent, so that sensor and hub speak now and not at the next minute."""
        self.woken = getattr(self, "woken", 0) + 1
        self.capture.add("9.7.%d.%d" % (self.woken >> 8, self.woken & 255), 1, at=at)

    def fetched(self, number):
        def look():
            self.wake()
            time.sleep(0.5)
            return "settings=%d" % number in self.told()
        until("settings %d" % number, look)

    def test_a_member_is_added_while_it_runs(self):
        self.start_sensor("--member", "9.7.0.0/16", "--set", "scan.targets=7", "--metrics",
                          self.path("m.prom"))
        self.capture.add("9.8.0.1", 5)
        self.sign("members: [9.8.0.0/16]\nexclusions: [9.6.0.0/16]\n"
                  "thresholds: [scan.targets=100, scan.ports=9, decoy.sessions=5]\n")
        self.fetched(1)
        self.wait_log("telescope.reloaded", "settings of the hub")
        self.assertNotIn("9.8.0.1", [row["src"] for row in self.rows("telescope.member")])
        self.capture.add("9.8.0.1", 5)
        self.capture.add("9.6.0.1", 5)
        until("the alert", lambda: [row for row in self.rows("telescope.member")
                                    if row["src"] == "9.8.0.1"])
        until("the hub sees it", lambda: (self.wake(), time.sleep(0.3),
                                          self.status().get("settings") == 1)[2])
        people = subprocess.run([STATUS, "--dir", self.hub_folder], stdout=subprocess.PIPE,
                                check=False).stdout.decode()
        with open(self.path("m.prom"), encoding="utf-8") as file:
            metrics = dict(line.split() for line in file if not line.startswith("#"))
        self.assertEqual(metrics["hinomi_telescope_settings"], "1")
        self.assertGreater(int(metrics["hinomi_road_rows_total"]), 0)
        version = run(TELESCOPE, "--version").stdout.decode().split()[-1]
        self.assertRegex(people, r"tower .* 1  *%s\b" % re.escape(version))
        self.capture.add("9.5.0.1", 8)
        report = self.end()
        self.assertEqual(report["outside"], 5)
        # the command line has the last word, also over the hub
        scan, = [e["scan"] for e in report["events"] if e["source"] == "9.5.0.1"]
        self.assertEqual(scan, "horizontal")

    def test_the_last_good_ones_are_there_at_the_start(self):
        self.sign("members: [9.8.0.0/16]\nthresholds: [scan.targets=3]\n")
        run(TRUST, "settings", "fetch", "--dir", self.sensor)
        self.end_hub()
        config = self.write("t.yaml", "scan.targets: 100\n")
        self.start_sensor("--config", config)
        self.capture.add("9.8.0.1", 4)
        until("the alert", lambda: self.rows("telescope.member"))
        report = self.end()
        # the hub's threshold goes over the file's
        self.assertEqual(report["events"][0]["scan"], "horizontal")

    def test_what_is_not_good_is_refused(self):
        self.start_sensor("--member", "9.7.0.0/16")
        self.sign("members: [9.8.0.0/16]\n", "--settings-version", "5")
        self.fetched(5)
        note = os.path.join(self.hub_folder, "trust", "settings.note")
        with open(note, encoding="utf-8") as file:
            good = file.read()
        # a threshold that cannot be: signed, and refused as a whole
        self.sign("members: []\nthresholds: [scan.targets=1]\n")
        self.refused("scan.targets")
        # not signed by the hub's key
        with open(note, "w", encoding="utf-8") as file:
            file.write(good.replace("hinomi settings 5", "hinomi settings 7"))
        self.refused("settings")
        self.assertEqual(self.status()["settings"], 5)
        self.capture.add("9.8.0.1", 1)
        until("the alert of those in force", lambda: [
            row for row in self.rows("telescope.member") if row["src"] == "9.8.0.1"])
        self.end()
        with open(self.sensor + "/settings.note", encoding="utf-8") as file:
            self.assertIn("hinomi settings 5", file.read())

    def refused(self, word):
        before = len(self.told())

        def look():
            self.wake()
            time.sleep(0.5)
            return [line for line in self.told()[before:].splitlines()
                    if "telescope.settings_refused" in line and word in line]
        line, = until("the refusal", look, 2 * PATIENCE)
        self.assertIn("stay in force", line)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[5:])
