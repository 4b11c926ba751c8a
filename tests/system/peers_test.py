#!/usr/bin/env python3
"""peers_test - two hubs of one CA: who joined or was revoked at one is so at the other, soon.

usage: peers_test.py HUB TRUST STATUS
"""
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

HUB, TRUST, STATUS = [os.path.abspath(p) for p in sys.argv[1:4]]
PATIENCE = 60


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          text=True, check=False)
    if done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (command, done.returncode, done.stderr))
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Hub:
    def __init__(self, place, name):
        self.folder, self.port, self.metrics = os.path.join(place, name), free_port(), free_port()
        self.trust = os.path.join(self.folder, "trust")
        self.log_path = os.path.join(place, name + ".log")
        self.process, self.peers = None, []

    @property
    def url(self):
        return "https://127.0.0.1:%d" % self.port

    def start(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [HUB, "run", "--dir", self.folder, "--listen", "127.0.0.1:%d" % self.port, "--set",
                 "metrics=127.0.0.1:%d" % self.metrics, "--set", "people=", "--set",
                 "peers.every=1s", "--set", "peers=" + ",".join(self.peers)], stderr=log)

    def end(self):
        if self.process is None or self.process.poll() is not None:
            return None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def status_of(self, sensor):
        """What a sensor is told that asks for its settings: 404 (there are none) or a refusal."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(os.path.join(sensor, "tls.pem"))
        link = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=PATIENCE)
        try:
            link.request("GET", "/v1/settings")
            return link.getresponse().status
        except OSError:
            return 0
        finally:
            link.close()

    def post(self, body):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=PATIENCE)
        link.request("POST", "/v1/trust/roster", body)
        answer = link.getresponse()
        text = answer.read().decode(errors="replace")
        link.close()
        return answer.status, text


class Peers(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        self.a, self.b = Hub(self.place, "a"), Hub(self.place, "b")
        run(TRUST, "init", "--dir", self.a.trust, "--hub", "127.0.0.1:%d" % self.a.port)
        os.mkdir(self.b.folder)
        shutil.copytree(self.a.trust, self.b.trust)
        run(TRUST, "renew", "--dir", self.b.trust, "--hub", "127.0.0.1:%d" % self.b.port)
        self.a.peers, self.b.peers = [self.b.url], [self.a.url]
        for hub in (self.a, self.b):
            self.addCleanup(hub.end)

    def wait_for(self, what, message):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.05)
        return self.fail("%s\n--- a\n%s\n--- b\n%s" % (message, self.a.log()[-2000:],
                                                       self.b.log()[-2000:]))

    def join(self, hub, name):
        """A sensor joins at a hub with a code of that hub's."""
        folder = os.path.join(self.place, name)
        said = run(TRUST, "enrol", "--dir", hub.trust, name)
        code = next(word for word in said.split() if word.startswith("hinomi-join:"))
        run(TRUST, "join", "--dir", folder, code)
        return folder

    def both_up(self):
        for hub in (self.a, self.b):
            if hub.process is None or hub.process.poll() is not None:
                hub.start()
        for hub in (self.a, self.b):
            self.wait_for(lambda h=hub: "event=hub.start" in h.log(), "a hub does not start")

    def test_both_know(self):
        self.both_up()
        sensor = self.join(self.a, "tower")
        begun = time.monotonic()
        self.assertEqual(self.a.status_of(sensor), 404)
        self.wait_for(lambda: self.b.status_of(sensor) == 404, "the other hub does not know it")
        print("joined at A, known at B after %.1f s" % (time.monotonic() - begun), file=sys.stderr)
        run(TRUST, "revoke", "--dir", self.a.trust, "tower")
        begun = time.monotonic()
        self.assertEqual(self.a.status_of(sensor), 403)
        self.wait_for(lambda: self.b.status_of(sensor) == 403, "the other hub still lets it in")
        print("revoked at A, refused at B after %.1f s" % (time.monotonic() - begun), file=sys.stderr)
        listed = json.loads(run(TRUST, "list", "--json", "--dir", self.b.trust))
        self.assertIn("tower", json.dumps(listed))
        # what came from elsewhere is an act here
        self.wait_for(lambda: self.merged(self.b) >= 2, "no acts")
        # codes stay at their hub: nobody learns a secret
        with open(os.path.join(self.b.trust, "roster"), encoding="ascii") as file:
            self.assertNotIn(" code ", file.read())

    def test_one_is_down(self):
        self.both_up()
        first = self.join(self.a, "first")
        self.wait_for(lambda: self.b.status_of(first) == 404, "the other hub does not know it")
        self.a.process.kill()
        self.a.process.wait()
        second = self.join(self.b, "second")
        self.assertEqual(self.b.status_of(second), 404)
        run(TRUST, "revoke", "--dir", self.b.trust, "first")
        self.assertEqual(self.b.status_of(first), 403)
        self.wait_for(lambda: "event=hub.peer" in self.b.log(), "it does not say that one is down")
        self.a.start()
        self.wait_for(lambda: self.a.status_of(second) == 404, "it does not learn what it missed")
        self.wait_for(lambda: self.a.status_of(first) == 403, "it does not learn who was revoked")
        state = self.wait_for(lambda: self.peer_state(self.a), "no status")
        self.assertEqual((state["hub"], state["error"]), (self.b.url, ""))
        self.assertGreaterEqual(state["merged"], 2)
        self.assertIn("other hub " + self.b.url + ": heard", run(STATUS, "--dir", self.a.folder))

    def merged(self, hub):
        """How many sensors' changes are acts of this hub, all of them of the other one."""
        desk = sqlite3.connect(hub.folder + "/desk.db", timeout=30)
        objects = [json.loads(row[0]) for row in desk.execute("SELECT object FROM act WHERE kind = 109")]
        desk.close()
        self.assertLessEqual({o["hub"] for o in objects}, set(hub.peers))
        return sum(o["sensors"] for o in objects)

    @staticmethod
    def peer_state(hub):
        try:
            with open(os.path.join(hub.folder, "status.json"), encoding="utf-8") as file:
                peers = json.load(file)["peers"]
        except (OSError, KeyError, ValueError):
            return None
        return peers[0] if peers and peers[0]["merged"] >= 2 else None

    def test_foreigners(self):
        """A hub of another CA is asked nothing, and told nothing."""
        other = Hub(self.place, "other")
        self.addCleanup(other.end)
        run(TRUST, "init", "--dir", other.trust, "--hub", "127.0.0.1:%d" % other.port)
        other.peers = [self.a.url]
        self.a.peers = [other.url]
        self.a.start()
        other.start()
        self.wait_for(lambda: "event=hub.peer" in self.a.log(), "it takes a foreigner for a peer")
        self.wait_for(lambda: "event=hub.peer" in other.log(), "it takes a foreigner for a peer")
        sensor = self.join(self.a, "tower")
        time.sleep(3)
        self.assertEqual(other.status_of(sensor), 403)
        self.assertNotIn("hub.roster_merged", other.log())
        self.assertEqual(self.a.post(b"nonsense")[0], 400)
        # a note that a stranger signed
        self.assertEqual(self.a.post(
            b"hinomi roster request 1\nfor x\ntime %d\nsince 0 0000000000000000\n\n"
            b"\xe2\x80\x94 127.0.0.1/settings AAAAAAAA\n" % time.time())[0] // 100, 4)
        self.assertEqual(self.a.post(b"x" * 100000)[0], 413)
        for _ in range(20):
            status, _ = self.a.post(b"nonsense")
        self.assertEqual(status, 429)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
