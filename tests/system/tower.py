"""tower - a hub in a folder of its own, with sensors that joined it: what tests of a running hub begin with.

    class Cases(tower.HubTest):
        hub_program, trust_program = HUB, TRUST
        settings = ("silent=1s",)      # beside those that every test has

        def setUp(self):
            super().setUp()            # the folder and its authority; the hub does not run yet
            self.start_hub()
            self.join("alpha")         # self.path("alpha") is the sensor's folder
"""
import os
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

PATIENCE = 60
# a sandboxed process cannot be looked at for leaks
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"


def run(*command, status=0):
    """What the command writes: to its standard output, or why it failed when it must end with another status."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    if done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stderr.decode()))
    return (done.stdout if status == 0 else done.stderr).decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, ready, patience=PATIENCE):
    """What ready() gives once it gives something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(what + ": not within %d s" % patience)


class HubTest(unittest.TestCase):
    hub_program = trust_program = None
    settings = ()

    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        self.folder = self.path("hub")
        self.port, self.metrics, self.hub = free_port(), free_port(), None
        run(self.trust_program, "init", "--dir", self.folder + "/trust", "--hub", "127.0.0.1:%d" % self.port,
            "--name", "tower.test")
        self.addCleanup(self.end_hub)

    def path(self, name):
        return os.path.join(self.place, name)

    def start_hub(self):
        command = [self.hub_program, "run", "--dir", self.folder, "--listen", "127.0.0.1:%d" % self.port]
        for setting in ("metrics=127.0.0.1:%d" % self.metrics, "people=", *self.settings):
            command += ["--set", setting]
        with open(self.path("log"), "w", encoding="utf-8") as log:
            self.hub = subprocess.Popen(command, stderr=log)

        def listens():
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.metrics)) == 0
        until("the hub listens", listens)

    def end_hub(self, how=signal.SIGTERM):
        """End the hub, where there is one; it must end as it was told, and say nothing of a sanitizer's."""
        if self.hub is None:
            return
        self.hub.send_signal(how)
        status = self.hub.wait(2 * PATIENCE)
        self.hub = None
        with open(self.path("log"), encoding="utf-8") as log:
            text = log.read()
        self.assertEqual(status, 0 if how == signal.SIGTERM else -how, text[-2000:])
        self.assertNotIn("ERROR: ", text)
        self.assertNotIn("runtime error", text)

    def join(self, name):
        told = run(self.trust_program, "enrol", "--dir", self.folder + "/trust", name)
        run(self.trust_program, "join", re.search(r"hinomi-join:\S+", told).group(0), "--dir", self.path(name))

    def ask(self, sql):
        """Rows of the hub's desk."""
        desk = sqlite3.connect("file:%s/desk.db?mode=ro" % self.folder, uri=True, timeout=20)
        try:
            return desk.execute(sql).fetchall()
        finally:
            desk.close()
