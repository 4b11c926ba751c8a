#!/usr/bin/env python3
"""witness_test - the hub's ledger before a witness that is not ours (witness.py).

usage: witness_test.py HUB TRUST VERIFY DIRECTORY

Skipped without python3-cryptography.
"""
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
try:
    import witness
except ImportError:
    witness = None

HUB, TRUST, VERIFY, DIRECTORY = [os.path.abspath(p) for p in sys.argv[1:5]]
PATIENCE = 60


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, text=True,
                          check=False)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stdout))
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@unittest.skipIf(witness is None, "needs python3-cryptography")
class Proofs(unittest.TestCase):
    def test_proofs_of_every_size(self):
        """What the witness checks proofs by is right: against trees that are hashed whole."""
        leaves = [hashlib.sha256(b"\x00" + bytes([i])).digest() for i in range(40)]

        def root(part):
            if len(part) == 1:
                return part[0]
            k = 1
            while k * 2 < len(part):
                k *= 2
            return witness.node(root(part[:k]), root(part[k:]))

        def proof(m, part, whole):
            if m == len(part):
                return [] if whole else [root(part)]
            k = 1
            while k * 2 < len(part):
                k *= 2
            if m <= k:
                return proof(m, part[:k], whole) + [root(part[k:])]
            return proof(m - k, part[k:], False) + [root(part[:k])]

        for new in range(1, 41):
            for old in range(1, new + 1):
                way = proof(old, leaves[:new], True)
                roots = root(leaves[:old]), root(leaves[:new])
                self.assertTrue(witness.is_consistent(old, roots[0], new, roots[1], way), (old, new))
                self.assertFalse(witness.is_consistent(old, bytes(32), new, roots[1], way), (old, new))
                if way:
                    self.assertFalse(witness.is_consistent(old, roots[0], new, roots[1], way[:-1]))


@unittest.skipIf(witness is None, "needs python3-cryptography")
class Foreign(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        self.folder = os.path.join(self.place, "hub")
        self.ledger = os.path.join(self.folder, "ledger")
        self.log_path = os.path.join(self.place, "log")
        self.port = free_port()
        run(TRUST, "init", "--dir", self.folder + "/trust", "--hub", "127.0.0.1:%d" % self.port)
        self.certificate()
        self.hub, self.changes = None, 0
        self.addCleanup(self.end)
        self.start()
        self.wait_for(lambda: os.path.exists(self.ledger + "/checkpoint"), "no ledger")
        self.end()
        with open(self.ledger + "/key", encoding="ascii") as file:
            self.key = file.read().strip()

    def certificate(self):
        ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        run("openssl", "req", "-x509", *ec, "-keyout", self.at("ca.key"), "-out", self.at("ca.crt"), "-subj",
            "/CN=witness authority")
        run("openssl", "req", *ec, "-keyout", self.at("tls.key"), "-out", self.at("tls.csr"), "-subj",
            "/CN=witness")
        with open(self.at("ext"), "w", encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
        run("openssl", "x509", "-req", "-in", self.at("tls.csr"), "-CA", self.at("ca.crt"), "-CAkey",
            self.at("ca.key"), "-CAcreateserial", "-days", "2", "-out", self.at("tls.crt"), "-extfile",
            self.at("ext"))

    def at(self, name):
        return os.path.join(self.place, name)

    def start(self, *witnesses):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.hub = subprocess.Popen(
                [HUB, "run", "--dir", self.folder, "--listen", "127.0.0.1:%d" % self.port, "--set", "metrics=",
                 "--set", "people=", "--set", "witnesses=" + ",".join(witnesses)], stderr=log)

    def end(self):
        if self.hub is not None and self.hub.poll() is None:
            self.hub.send_signal(signal.SIGTERM)
            self.assertEqual(self.hub.wait(PATIENCE), 0)

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def wait_for(self, what, message):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.05)
        return self.fail(message + "\n" + self.log()[-3000:])

    def act(self):
        """One more act: an organisation comes into the directory."""
        self.changes += 1
        path = self.at("owners.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("organisation,holding\no%d,192.0.2.%d/32\n" % (self.changes, self.changes))
        run(DIRECTORY, "import", path, "--dir", self.folder, "--quiet")

    def foreign(self, name="independent.example/w"):
        w = witness.Witness(name, [self.key])
        return w, "%s %s %s" % (w.serve(self.at("tls.crt"), self.at("tls.key")), w.key, self.at("ca.crt"))

    def cosigned(self):
        """The size of the newest checkpoint that was cosigned."""
        try:
            with open(self.ledger + "/witnessed", encoding="utf-8") as file:
                return int(file.read().split("\n")[1])
        except OSError:
            return 0

    def size(self):
        with open(self.ledger + "/checkpoint", encoding="utf-8") as file:
            return int(file.read().split("\n")[1])

    def test_grows_under_its_eyes(self):
        w, setting = self.foreign()
        self.start(setting)
        for _ in range(5):
            self.act()
            grown = self.wait_for(lambda: self.cosigned() == self.size() and self.size() >= self.changes and
                                  self.cosigned(), "it is not cosigned")
            self.assertEqual(w.seen[self.key.split("+")[0]][0], grown)
        self.end()
        self.assertEqual(set(w.answers), {200})
        self.assertGreaterEqual(len(w.answers), 5)
        said = run(VERIFY, "log", self.ledger, "-k", self.key, "-w", w.key, "-c", self.ledger + "/witnessed")
        self.assertIn("witnessed", said)
        # the hub has forgotten how far it got: 409 with the size, and then it goes on from there
        self.act()
        self.start(setting)
        self.wait_for(lambda: 409 in w.answers, "it does not ask from the beginning")
        self.wait_for(lambda: self.cosigned() == self.size() > grown, "it does not go on from there")
        self.assertEqual(w.answers[-1], 200)

    def test_refusals(self):
        w, setting = self.foreign()
        reasons = [(403, "denied"), (404, "unknown"), (422, "no proof"), (500, "broken")]
        for status, text in reasons:
            w.distort = lambda *_, status=status, text=text: (status, text)
            self.start(setting)
            self.act()
            self.wait_for(lambda: w.answers and w.answers[-1] == status, "it is not asked")
            self.wait_for(lambda: re.search(r"event=ledger\.witness .*status %d" % status, self.log()),
                          "the log does not say %d" % status)
            self.end()
            self.assertEqual(self.cosigned(), 0)
        # an answer that says it is good, and is not
        for name, text in (("nonsense", "yes\n"), ("another's", None), ("empty", "")):
            other = witness.Witness("independent.example/w", [self.key])
            w.distort = lambda status, said, text=text: (200, other.cosign("x\n1\ny\n") if text is None else text)
            self.start(setting)
            before = len(w.answers)
            self.act()
            self.wait_for(lambda: len(w.answers) > before, "it is not asked")
            self.end()
            self.assertEqual(self.cosigned(), 0, name)
        w.distort = None
        self.start(setting)
        self.act()
        self.wait_for(lambda: self.cosigned() == self.size(), "it is not cosigned in the end")

    def test_a_ledger_that_was_rewound(self):
        """The hub of a backup has lost acts that were cosigned: the witness holds to what it saw."""
        w, setting = self.foreign()
        self.start()
        self.act()
        self.wait_for(lambda: self.size() >= 1, "no act")
        self.end()
        shutil.copytree(self.folder, self.at("backup"))
        self.start(setting)
        for _ in range(3):
            self.act()
        self.wait_for(lambda: self.cosigned() == self.size() >= 4, "it is not cosigned")
        self.end()
        shutil.rmtree(self.folder)
        shutil.copytree(self.at("backup"), self.folder)
        self.start(setting)
        self.wait_for(lambda: "it was rewound" in self.log(), "it is not noticed that acts are lost")
        # it grows beyond what was seen, on another branch
        for _ in range(6):
            self.act()
        self.wait_for(lambda: 422 in w.answers, "a fork is cosigned")
        self.wait_for(lambda: "status 422" in self.log(), "the log does not say so")
        self.end()
        self.assertEqual(self.cosigned(), 0)

    def test_two_witnesses(self):
        one, first = self.foreign("one.example/w")
        two, second = self.foreign("two.example/w")
        two.distort = lambda *_: (403, "denied")
        self.start(first, second)
        self.act()
        self.wait_for(lambda: self.cosigned() == self.size() >= 1, "one refuses, and the other does not count")
        self.end()
        run(VERIFY, "log", self.ledger, "-k", self.key, "-w", one.key, "-c", self.ledger + "/witnessed")
        self.assertIn("witness=two.example/w", self.log())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
