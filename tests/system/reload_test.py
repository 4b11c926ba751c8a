#!/usr/bin/env python3
"""reload_test - a running hub goes on by other settings at SIGHUP, and by none that are wrong.

usage: reload_test.py HUB TRUST

Mail servers are of our own, on loopback; findings are put into the desk as the analysis would.
"""
import http.client
import json
import os
import re
import signal
import socket
import socketserver
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HUB, TRUST = [os.path.abspath(p) for p in sys.argv[1:3]]
PATIENCE = 60


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False)
    if done.returncode != 0:
        raise AssertionError("%s: %s" % (command, done.stderr.decode()))
    return done.stdout.decode()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Smtp(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 mail")
        to = None
        for line in self.rfile:
            word = line.strip().upper()
            if word.startswith(b"DATA"):
                self.say("354 go on")
                text = b""
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    text += part
                time.sleep(self.server.slow)
                self.server.mails.append((to, text.decode()))
                self.say("250 ok")
            elif word.startswith(b"RCPT"):
                to = re.search(rb"<(.*)>", line).group(1).decode()
                self.say("250 ok")
            elif word.startswith(b"QUIT"):
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Smtp)
        self.mails, self.slow = [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Reload(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        self.folder = os.path.join(self.place, "hub")
        os.mkdir(os.path.join(self.place, "etc"))
        self.ports = {n: free_port() for n in ("listen", "metrics", "people")}
        self.first, self.second = Server(), Server()
        self.number = 0
        self.log_file = open(os.path.join(self.place, "log"), "w+b")
        self.addCleanup(self.log_file.close)
        run(TRUST, "init", "--dir", self.folder + "/trust", "--hub", "127.0.0.1:1")
        for name in ("old", "new"):
            self.certificate(name)
        self.show("old")
        self.hub = None
        self.addCleanup(self.end)

    def end(self):
        if self.hub is not None and self.hub.poll() is None:
            self.hub.send_signal(signal.SIGTERM)
            self.assertEqual(self.hub.wait(PATIENCE), 0)

    def certificate(self, name):
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", self.at(name + ".key"), "-out", self.at(name + ".pem"), "-subj",
            "/CN=" + name, "-days", "2")

    def at(self, name):
        return os.path.join(self.place, name)

    def show(self, name):
        """The door's certificate is renewed as programs do it: another file takes its name."""
        for end in ("pem", "key"):
            with open(self.at(name + "." + end), encoding="ascii") as file:
                text = file.read()
            with open(self.at("etc/next"), "w", encoding="ascii",
                      opener=lambda p, f: os.open(p, f, 0o600)) as file:
                file.write(text)
            os.rename(self.at("etc/next"), self.at("etc/door." + end))

    def write(self, **change):
        """hub.yaml is replaced too, not written over."""
        s = dict({"server": self.first.port, "from": "hinomi@cert.example",
                  "to": "soc@cert.example", "rate": 100, "more": "", "people":
                  "127.0.0.1:%d" % self.ports["people"], "send": "yes", "sender": "Old CERT"},
                 **change)
        with open(self.folder + "/next", "w", encoding="utf-8") as file:
            file.write("""
listen: 127.0.0.1:%d
metrics: 127.0.0.1:%d
people: %s
people.certificate: %s
people.key: %s
people.rate: %d
notice: {send: %s, sender: %s, gather: 0}
mail: {from: %s, server: "127.0.0.1:%d", tls: plain}
alert: {to: [%s]}
%s
""" % (self.ports["listen"], self.ports["metrics"], s["people"], self.at("etc/door.pem"),
       self.at("etc/door.key"), s["rate"], s["send"], s["sender"], s["from"], s["server"],
       '"mail:%s"' % s["to"] if s["to"] else "", s["more"]))
        os.rename(self.folder + "/next", self.folder + "/hub.yaml")

    def log(self):
        self.log_file.flush()
        with open(self.log_file.name, encoding="utf-8") as file:
            return file.read()

    def wait_for(self, what, message):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = what()
            if found:
                return found
            time.sleep(0.02)
        return self.fail("%s\n%s" % (message, self.log()[-3000:]))

    def start(self, **settings):
        self.write(**settings)
        self.hub = subprocess.Popen([HUB, "run", "--dir", self.folder], stdout=self.log_file,
                                    stderr=self.log_file)
        self.wait_for(lambda: "event=hub.start" in self.log(), "the hub does not start")

    def reload(self, event="reloaded", **settings):
        """Returns what the log said meanwhile."""
        before = len(self.log())
        self.write(**settings)
        self.hub.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "event=hub." + event in self.log()[before:], "it is not " + event)
        return self.log()[before:]

    def find(self):
        """One more case, of which operators are to be told."""
        self.number += 1
        now = int(time.time() * 1e6)
        desk = sqlite3.connect(self.folder + "/desk.db", timeout=30)
        desk.execute("INSERT INTO case_ (kind, subject, state, severity, opened_us, updated_us, first_us,"
                     " last_us) VALUES ('infected-member', ?, 'new', 'high', ?, ?, ?, ?)",
                     ("192.0.2.%d" % self.number, now, now, now, now))
        desk.commit()
        desk.close()

    def ask(self, path="/api/v1/seen", headers=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link = http.client.HTTPSConnection("127.0.0.1", self.ports["people"], context=context,
                                           timeout=PATIENCE)
        link.connect()
        certificate = ssl.DER_cert_to_PEM_cert(link.sock.getpeercert(True))
        link.request("GET", path, headers=headers or {})
        answer = link.getresponse()
        body = answer.read()
        link.close()
        return answer.status, json.loads(body), certificate

    def shown(self, name):
        with open(self.at(name + ".pem"), encoding="ascii") as file:
            return self.ask()[2].strip() == file.read().strip()

    def test_everything_that_can_changes(self):
        self.start()
        self.find()
        self.wait_for(lambda: self.first.mails, "no alert")
        self.assertIn("Old CERT", self.first.mails[0][1])
        self.assertTrue(self.shown("old"))
        self.assertEqual(self.ask(headers={"X-Forwarded-For": "198.51.100.7"})[1]["address"],
                         "127.0.0.1")

        self.show("new")
        said = self.reload(server=self.second.port, to="night@cert.example", sender="New CERT",
                           more="people.proxies: [127.0.0.1]", **{"from": "new@cert.example"})
        self.assertNotIn("needs_restart", said)
        self.find()
        self.wait_for(lambda: self.second.mails, "no alert at the new server")
        (to, text), = self.second.mails
        self.assertEqual(to, "night@cert.example")
        self.assertIn("new@cert.example", text)
        self.assertIn("New CERT", text)
        self.assertEqual(len(self.first.mails), 1)
        self.assertTrue(self.shown("new"))
        self.assertEqual(self.ask("/api/v1")[1]["hub"], "New CERT")
        # behind a proxy that is known now, another client asks
        self.assertEqual(self.ask(headers={"X-Forwarded-For": "198.51.100.7"})[1]["address"],
                         "198.51.100.7")

        self.reload(rate=1)
        self.assertIn(429, [self.ask("/api/v1/nothing")[0] for _ in range(20)])

    def test_a_wrong_file_changes_nothing(self):
        self.start()
        for wrong, says in (({"to": "soc@cert.example severity=unheard"}, "alert.to"),
                            ({"more": "people.proxies: [300.1.2.3]"}, "300.1.2.3"),
                            ({"more": "witnesses: [nobody]"}, "witnesses"),
                            ({"more": "unheard: 1"}, "unheard"),
                            ({"more": "notice.kinds: [weather]"}, "weather"),
                            ({"more": "mail.ca: /nonexistent/ca.pem"}, "mail.ca")):
            said = self.reload("not_reloaded", server=self.second.port, rate=1, **wrong)
            lines = [line for line in said.splitlines() if "hub." in line]
            self.assertEqual(len(lines), 1, said)
            self.assertIn(says, lines[0])
            self.assertIn("the old settings stay", lines[0])
        os.rename(self.at("etc/door.key"), self.at("etc/away"))
        self.assertIn("door.key", self.reload("not_reloaded", server=self.second.port))
        self.assertTrue(self.shown("old"))
        self.find()
        self.wait_for(lambda: self.first.mails, "no alert by the old settings")
        self.assertFalse(self.second.mails)
        self.assertNotIn(429, [self.ask("/api/v1/nothing")[0] for _ in range(20)])

    def test_what_needs_a_restart_is_named(self):
        self.start()
        port = free_port()
        said = self.reload(people="127.0.0.1:%d" % port, more="threads: 2\nmail.bounces: /tmp")
        named = re.findall(r"hub.needs_restart setting=(\S+)", said)
        self.assertEqual(sorted(named), ["mail.bounces", "people", "threads"], said)
        self.assertEqual(self.ask()[0], 200)  # at the old place

    def test_what_did_not_send_does_not_begin_to(self):
        self.start(send="no", to="")
        said = self.reload(rate=50)
        self.assertIn("has given up to connect", said)
        self.find()
        self.assertEqual(self.ask()[0], 200)
        self.assertNotIn("telling.failed", self.log())

    def test_a_letter_that_is_under_way_ends_as_it_began(self):
        self.first.slow = 2
        self.start()
        self.find()
        self.wait_for(self.sending, "nothing goes out")
        self.reload(server=self.second.port)
        self.find()
        self.wait_for(lambda: self.second.mails, "no alert at the new server")
        self.assertEqual([to for to, _ in self.first.mails], ["soc@cert.example"])
        self.assertEqual(len(self.second.mails), 1)

    def sending(self):
        """Is a message with the first server, which thinks about it?"""
        with open("/proc/net/tcp", encoding="ascii") as file:
            return any(line.split()[2].endswith(":%04X" % self.first.port) and
                       line.split()[3] == "01" for line in list(file)[1:])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
