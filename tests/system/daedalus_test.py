#!/usr/bin/env python3
"""daedalus_test - a member's device scans the dark space; its owner is told, until it stops.

usage: daedalus_test.py TELESCOPE HUB TRUST DIRECTORY CASE NOTICE VERIFY

In namespaces: a device of a member on one side, on the other a live telescope, a hub and Debian's
aiosmtpd with TLS. One case, one alert within two seconds, one notice, which `openssl smime -verify`
and `hinomi-verify` accept. The device stops; the notice closes itself. Skipped without namespaces or
aiosmtpd.
"""
import email
import email.policy
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab  # noqa: E402

TELESCOPE, HUB, TRUST, DIRECTORY, CASE, NOTICE, VERIFY = [os.path.abspath(p) for p in sys.argv[1:8]]
PATIENCE = 60
CLOSING = 240  # sensors say once a minute that they watch
OWNERS = """organisation,name,name_ja,language,sector,holding,contact,role,channel
example-city,Example City,例市,en,government,192.52.193.0/24,abuse@city.example,abuse,mail
"""


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: status %d: %s%s" % (command, done.returncode, done.stdout.decode(),
                                                      done.stderr.decode()))
    return done


def python_with_aiosmtpd():
    for python in (sys.executable, "/usr/bin/python3"):
        if shutil.which(python) and run(python, "-c", "import aiosmtpd", status=None).returncode == 0:
            return python
    return None


def make_certificates(folder):
    """An authority, a certificate of the mail server, and one to sign mail with."""
    def openssl(*args):
        run("openssl", *args)

    def path(name):
        return os.path.join(folder, name)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=Test authority",
            "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE")
    for name, subject, extension in (
            ("server", "/CN=localhost", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
            ("signer", "/CN=Example CERT",
             "subjectAltName=email:hinomi@cert.example\nextendedKeyUsage=emailProtection")):
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", path(name + ".key"), "-out",
                path(name + ".csr"), "-subj", subject)
        with open(path(name + ".ext"), "w", encoding="ascii") as file:
            file.write(extension + "\n")
        openssl("x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.pem"), "-CAkey",
                path("ca.key"), "-CAcreateserial", "-days", "2", "-out", path(name + ".pem"),
                "-extfile", path(name + ".ext"))
        os.chmod(path(name + ".key"), 0o600)


@unittest.skipUnless(lab.possible(), "needs network namespaces")
class Daedalus(unittest.TestCase):
    def setUp(self):
        self.python = python_with_aiosmtpd()
        if self.python is None or lab.missing(["openssl"]):
            self.skipTest("needs python3-aiosmtpd and openssl")
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        os.chmod(self.place, 0o755)
        self.hub_folder = os.path.join(self.place, "hub")
        self.sensor = os.path.join(self.place, "sensor")
        self.mail = os.path.join(self.place, "mail")
        os.mkdir(self.mail)
        make_certificates(self.place)
        self.lab = lab.Lab()
        self.lab.__enter__()
        self.addCleanup(self.lab.close)

    # ---- the parts ----

    def start_mail_server(self):
        environment = dict(os.environ, PYTHONPATH=HERE)
        self.lab.start_receiver(
            [self.python, "-m", "aiosmtpd", "-n", "-c", "mail_sink.Keep", "-l", "127.0.0.1:2525",
             "--tlscert", os.path.join(self.place, "server.pem"),
             "--tlskey", os.path.join(self.place, "server.key"), self.mail], env=environment,
            stderr=subprocess.DEVNULL)

    def start_hub(self):
        run(TRUST, "init", "--dir", self.hub_folder + "/trust", "--hub", "127.0.0.1:8443")
        with open(self.hub_folder + "/hub.yaml", "w", encoding="utf-8") as file:
            file.write("""
listen: 127.0.0.1:8443
metrics: 127.0.0.1:9464
people: 127.0.0.1:8440
notice:
  send: yes
  sender: Example CERT
  contact: help@cert.example
  verify: https://cert.example/verify
  gather: 0
  watched: 15s
mail:
  server: 127.0.0.1:2525
  ca: %(place)s/ca.pem
  from: hinomi@cert.example
  bounce: bounce@cert.example
  certificate: %(place)s/signer.pem
  key: %(place)s/signer.key
alert:
  to: ["mail:soc@cert.example severity=medium"]
""" % {"place": self.place})
        self.hub_log = open(os.path.join(self.place, "hub.log"), "w+b")
        self.addCleanup(self.hub_log.close)
        self.hub = self.lab.start_receiver([HUB, "run", "--dir", self.hub_folder],
                                           stderr=self.hub_log)
        self.wait_for(lambda: b"event=hub.start" in self.log(), "the hub does not start")
        path = os.path.join(self.place, "owners.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write(OWNERS)
        run(DIRECTORY, "import", path, "--dir", self.hub_folder)
        time.sleep(2)  # the hub reads the directory again within a second or so

    def start_telescope(self):
        told = run(TRUST, "enrol", "--dir", self.hub_folder + "/trust", "tower").stdout.decode()
        code = re.search(r"hinomi-join:\S+", told).group(0)
        run(*self.lab._inside(1, [TRUST, "join", code, "--dir", self.sensor]))
        self.telescope = self.lab.start_capture(
            [TELESCOPE, "--live", self.lab.RECEIVER, "--dark", lab.DARK, "--member", lab.MEMBERS,
             "--road", self.sensor, "--user", "root", "--quiet"], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def start_device(self):
        """A camera with a worm: some packets a second, until it is switched off."""
        return self.lab.start_sender(self.lab.imitate(
            "mirai", lab.ADDRESS["member"], count=100000, rate=50), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    # ---- looking ----

    def log(self):
        self.hub_log.flush()
        with open(self.hub_log.name, "rb") as file:
            return file.read()

    def wait_for(self, what, message, deadline=PATIENCE):
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.05)
        return self.fail("%s\n%s" % (message, self.log().decode(errors="replace")[-3000:]))

    def letters(self, to):
        """Messages to an address: (path of the message alone, message)."""
        found = []
        for name in sorted(os.listdir(self.mail)):
            if not name.endswith(".eml"):
                continue
            with open(os.path.join(self.mail, name), "rb") as file:
                sender, recipient, raw = file.read().split(b"\n", 2)
            if recipient.decode() != to:
                continue
            path = os.path.join(self.place, name)
            with open(path, "wb") as file:
                file.write(raw)
            found.append((path, email.message_from_bytes(raw, policy=email.policy.default),
                          sender.decode()))
        return found

    def notices(self):
        return json.loads(run(NOTICE, "list", "--dir", self.hub_folder, "--json").stdout)

    def ledger_key(self):
        with open(os.path.join(self.hub_folder, "ledger", "key"), encoding="utf-8") as file:
            return file.read().strip()

    # ---- the story ----

    def test_from_the_first_packet_until_it_is_fixed(self):
        self.start_mail_server()
        self.start_hub()
        self.start_telescope()
        begun = time.time()
        device = self.start_device()

        (_, alert, _), = self.wait_for(lambda: self.letters("soc@cert.example"), "no alert")
        print("alert %.2f s after the device began" % (time.time() - begun), file=sys.stderr)
        self.assertIn(lab.ADDRESS["member"], alert["Subject"])
        self.assertEqual(alert["Auto-Submitted"], "auto-generated")

        (path, notice, sender), = self.wait_for(lambda: self.letters("abuse@city.example"),
                                                "no notice")
        print("notice %.2f s after the device began" % (time.time() - begun), file=sys.stderr)
        device.kill()
        device.wait()
        stopped = time.time()
        self.check_alert_was_fast()
        self.check_signature(path)
        self.check_notice(notice, sender)
        self.check_proof(notice)
        cases = json.loads(run(CASE, "list", "--state", "all", "--dir", self.hub_folder,
                               "--json").stdout)
        cases = cases["cases"] if isinstance(cases, dict) else cases
        self.assertEqual(len(cases), 1, cases)
        self.assertEqual(len(self.notices()), 1)

        # it is quiet: nobody does anything, and the notice closes itself
        self.wait_for(lambda: self.notices()[0]["state"] == "fixed", "the notice stays open", CLOSING)
        print("closed %.0f s after the device stopped" % (time.time() - stopped), file=sys.stderr)
        self.wait_for(lambda: len(self.letters("abuse@city.example")) == 2, "the owner is not told")
        _, closed, _ = self.letters("abuse@city.example")[1]
        self.assertIn("Closed", closed["Subject"])
        self.assertIn(notice["Message-ID"], closed["In-Reply-To"])
        figures = json.loads(run(NOTICE, "figures", "--dir", self.hub_folder, "--json", "--by",
                                 "owner").stdout)
        self.assertEqual([(f["name"], f["told"], f["fixed"]) for f in figures],
                         [("example-city", 1, 1)])
        # one notice, one alert about it being new; nothing twice
        self.assertEqual(len(self.letters("abuse@city.example")), 2)
        self.assertEqual(len(self.letters("soc@cert.example")), 1)
        self.check_restart()

    def check_alert_was_fast(self):
        """From finding in the desk to the mail server's word: the hub measures it itself."""
        text = run(*self.lab._inside(1, ["curl", "-s", "http://127.0.0.1:9464/metrics"])).stdout
        slowest = re.search(rb"slowest_alert_microseconds (\d+)", text)
        self.assertIsNotNone(slowest, text[-2000:])
        self.assertLess(int(slowest.group(1)), 2000000)

    def check_signature(self, path):
        ca = os.path.join(self.place, "ca.pem")
        run("openssl", "smime", "-verify", "-in", path, "-CAfile", ca, "-out", path + ".body")
        with open(path, "rb") as file:
            raw = file.read()
        with open(path + ".forged", "wb") as file:
            file.write(raw.replace(b"a device in your network", b"no device in your network", 1))
        done = run("openssl", "smime", "-verify", "-in", path + ".forged", "-CAfile", ca, "-out",
                   os.devnull, status=None)
        self.assertNotEqual(done.returncode, 0)

    def check_notice(self, notice, sender):
        text = notice.get_body(("plain",)).get_content()
        self.assertRegex(sender, r"^bounce\+[0-9a-z]+@cert\.example$")
        self.assertEqual(notice["To"].addresses[0].addr_spec, "abuse@city.example")
        self.assertEqual(notice["To"].addresses[0].display_name, "Example City")
        for words in (lab.ADDRESS["member"], "tcp/23 (telnet)", " UTC", "Mirai", "factory settings",
                      "help@cert.example", "https://cert.example/verify"):
            self.assertIn(words, text)

    def check_proof(self, notice):
        files = {part.get_filename(): part.get_payload(decode=True)
                 for part in notice.walk() if part.get_filename()}
        text, = [name for name in files if name.endswith(".txt")]
        proof, = [name for name in files if name.endswith(".proof")]
        for name in (text, proof):
            with open(os.path.join(self.place, name), "wb") as file:
                file.write(files[name])
        paths = [os.path.join(self.place, name) for name in (text, proof)]
        done = run(VERIFY, "notice", *paths, "--key", self.ledger_key())
        self.assertIn(b"real", done.stdout)
        with open(paths[0], "ab") as file:
            file.write(b"Please send your password.\n")
        run(VERIFY, "notice", *paths, "--key", self.ledger_key(), status=1)
        code = re.search(r"hinomi-([0-9A-Z-]{14})\.txt", text).group(1)
        said = run(NOTICE, "verify", "--dir", self.hub_folder, code).stdout.decode()
        self.assertIn("is real", said)

    def check_restart(self):
        """Killed and started again, it says nothing twice."""
        self.hub.kill()
        self.hub.wait()
        before = sorted(os.listdir(self.mail))
        self.hub = self.lab.start_receiver([HUB, "run", "--dir", self.hub_folder],
                                           stderr=self.hub_log)
        self.wait_for(lambda: self.log().count(b"event=hub.start") == 2, "the hub does not start")
        time.sleep(3)
        self.assertEqual(sorted(os.listdir(self.mail)), before)
        self.hub.send_signal(signal.SIGTERM)
        self.assertEqual(self.hub.wait(PATIENCE), 0)


if __name__ == "__main__":
    lab.enter()
    unittest.main(argv=sys.argv[:1])
