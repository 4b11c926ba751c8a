#!/usr/bin/env python3
"""notice_test - a hub writes notices, and an operator looks at them, lets them go and takes them back.

usage: notice_test.py HUB TRUST NOTICE

Findings are put into the desk as the analysis would; nothing is sent anywhere.
"""
import base64
import csv
import email
import email.policy
import io
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HUB, TRUST, NOTICE = [os.path.abspath(p) for p in sys.argv[1:4]]
PATIENCE = 60
NOW = int(time.time() * 1e6)


def run(*command, status=0):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                          check=False)
    if status is not None and done.returncode != status:
        raise AssertionError("%s: status %d: %s%s" % (command, done.returncode, done.stdout.decode(),
                                                      done.stderr.decode()))
    return done


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


class Notice(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.TemporaryDirectory()
        cls.folder = os.path.join(cls.place.name, "hub")
        run(TRUST, "init", "--dir", cls.folder + "/trust", "--hub", "127.0.0.1:1")
        with open(cls.folder + "/hub.yaml", "w", encoding="utf-8") as file:
            file.write("""
listen: 127.0.0.1:%d
metrics: 127.0.0.1:%d
people: ""
notice: {gather: 0, sender: Example CERT, contact: help@cert.example}
mail: {from: hinomi@cert.example, server: "127.0.0.1:%d", tls: plain}
""" % (free_port(), free_port(), free_port()))
        cls.log = open(os.path.join(cls.place.name, "log"), "wb")
        cls.hub = subprocess.Popen([HUB, "run", "--dir", cls.folder], stdout=cls.log, stderr=cls.log)
        cls.addClassCleanup(cls.end)
        cls.wait_for(lambda: os.path.exists(cls.folder + "/status.json"))
        cls.fill()
        cls.wait_for(lambda: len(cls.list()) == 7)

    @classmethod
    def end(cls):
        cls.hub.send_signal(signal.SIGTERM)
        cls.hub.wait(PATIENCE)
        cls.log.close()
        cls.place.cleanup()

    @classmethod
    def wait_for(cls, what):
        end = time.monotonic() + PATIENCE
        while not what():
            if time.monotonic() > end:
                cls.log.flush()
                with open(cls.log.name, encoding="utf-8", errors="replace") as file:
                    raise AssertionError("it does not come\n" + file.read())
            time.sleep(0.1)

    @classmethod
    def fill(cls):
        """Owners, and what was found: an infected device, a scanner, one that nobody answers for."""
        desk = sqlite3.connect(cls.folder + "/desk.db", timeout=30)
        desk.executescript("""
            INSERT INTO organisation (id, handle, name, name_ja, language, sector, updated_us) VALUES
                (1, 'city', 'Example City' || char(10) || 'Bcc: x@y.example', '例市', 'ja', 'government', 1),
                (2, 'isp', '=cmd|calc', '', 'en', 'information', 1);
            INSERT INTO contact (organisation, channel, address) VALUES
                (1, 'mail', 'abuse@city.example'), (1, 'webhook', 'https://hooks.example/1'),
                (1, 'webhook', 'http://169.254.169.254/'), (2, 'xarf', 'xarf@isp.example'),
                (2, 'csv', 'csv@isp.example'), (2, 'mail', 'nobody');
        """)
        for number, (kind, address, owner, port, tool) in enumerate((
                ("infected-member", "192.0.2.7", 1, 23, 4),
                ("infected-member", "198.51.100.9", 2, 445, 21),
                ("infected-member", "203.0.113.5", None, 22, 0),
                ("scanner", "198.51.100.10", 2, 22, 1),
                ("scanner", "203.0.113.99", None, 22, 1)), 1):
            packed = b"\0" * 10 + b"\xff\xff" + socket.inet_aton(address)
            desk.execute("INSERT INTO case_ (id, kind, subject, state, severity, organisation, opened_us,"
                         " updated_us, first_us, last_us) VALUES (?, ?, ?, 'new', 'high', ?, ?, ?, ?, ?)",
                         (number, kind, address, owner, NOW, NOW, NOW, NOW))
            desk.execute("INSERT INTO finding (key, kind, subject_type, subject, address, organisation,"
                         " port, proto, tool, confidence, severity, first_us, last_us, observations,"
                         " packets, targets, query, case_id, told_us) VALUES (?, ?, 'address', ?, ?, ?,"
                         " ?, 6, ?, 85, 'high', ?, ?, 3, 1234, 77, 'src x', ?, ?)",
                         (bytes([number]) * 16, kind, address, packed, owner, port, tool, NOW - 10**8,
                          NOW, number, NOW))
        desk.commit()
        desk.close()

    @classmethod
    def list(cls, *more):
        return json.loads(run(NOTICE, "list", "--dir", cls.folder, "--json", *more).stdout)

    def do(self, *args, status=0):
        return run(NOTICE, *args, "--dir", self.folder, status=status)

    def notice(self, **want):
        found = [n for n in self.list() if all(n[k] == v for k, v in want.items())]
        self.assertEqual(len(found), 1, self.list())
        return found[0]

    def test_who_is_told(self):
        held = sorted((n["owner"], n["channel"], n["subject"]) for n in self.list("--state", "held"))
        self.assertEqual(held, [
            ("city", "mail", "192.0.2.7"), ("city", "webhook", "192.0.2.7"),
            ("isp", "csv", "198.51.100.10"), ("isp", "csv", "198.51.100.9"),
            ("isp", "xarf", "198.51.100.10"), ("isp", "xarf", "198.51.100.9")])
        # the internet's scanners are nobody's; an infected member that nobody answers for is a queue
        unowned, = self.list("--state", "no_owner")
        self.assertEqual(unowned["subject"], "203.0.113.5")

    def test_status_has_the_queue(self):
        def counted():
            with open(self.folder + "/status.json", encoding="utf-8") as file:
                told = json.load(file)["telling"]
            return told["notices_held"] >= 4 and told
        deadline = time.monotonic() + PATIENCE
        while not counted() and time.monotonic() < deadline:
            time.sleep(0.2)
        told = counted()
        self.assertTrue(told, "not counted")
        self.assertGreaterEqual(told["notices_no_owner"], 1)
        self.assertFalse(told["sends"])

    def test_tables_in_both_languages(self):
        text = self.do("list").stdout.decode()
        self.assertIn("192.0.2.7", text)
        self.assertIn("no owner", text)
        self.assertIn("所有者不明", self.do("list", "--lang", "ja").stdout.decode())
        one = self.do("show", "1", "--lang", "ja").stdout.decode()
        self.assertIn("経過", one)
        self.assertNotIn("\nBcc", one)

    def test_a_preview_is_a_message(self):
        n = self.notice(channel="mail", owner="city")
        done = self.do("preview", n["code"].lower().replace("-", " "))
        message = parse(done.stdout)
        self.assertIn(b"not made yet", done.stderr)
        self.assertNotIn("Bcc", message)
        self.assertEqual(message["To"].addresses[0].addr_spec, "abuse@city.example")
        self.assertEqual(message["Content-Language"], "ja")
        self.assertIn("192.0.2.7", message["Subject"])
        body = message.get_body(("plain",)).get_content()
        self.assertIn("例市 ご担当者様", body)
        self.assertIn("日本時間", body)
        shown = json.loads(self.do("show", n["code"], "--json").stdout)
        self.assertEqual(body.replace("\r\n", "\n").strip(), shown["text"].strip())

    def test_forms_for_programs(self):
        hook = json.loads(self.do("preview", self.notice(channel="webhook")["code"]).stdout)
        self.assertEqual((hook["event"], hook["address"], hook["ports"]),
                         ("notice", "192.0.2.7", [{"protocol": 6, "port": 23}]))

        n = self.notice(channel="xarf", subject="198.51.100.9")
        message = parse(self.do("preview", n["code"]).stdout)
        report, = [json.loads(p.get_payload(decode=True)) for p in message.iter_attachments()
                   if p.get_content_type() == "application/json"]
        self.assertRegex(report["xarf_version"], r"^4\.\d+\.\d+$")
        self.assertRegex(report["report_id"], r"^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab]")
        self.assertEqual((report["category"], report["type"], report["source_identifier"]),
                         ("infrastructure", "botnet", "198.51.100.9"))
        for who in ("reporter", "sender"):
            self.assertEqual(report[who], {"org": "Example CERT", "contact": "hinomi@cert.example",
                                           "domain": "cert.example"})
        self.assertEqual(report["confidence"], 0.85)
        for tag in report["tags"]:
            self.assertRegex(tag, r"^[a-z0-9][a-z0-9_+-]*:[a-z0-9][a-z0-9_+-]*$")
        self.assertIn(b"packets=1234", base64.b64decode(report["evidence"][0]["payload"]))
        n = self.notice(channel="xarf", subject="198.51.100.10")
        scan, = [json.loads(p.get_payload(decode=True))
                 for p in parse(self.do("preview", n["code"]).stdout).iter_attachments()
                 if p.get_content_type() == "application/json"]
        self.assertEqual((scan["type"], scan["scan_type"], scan["protocol"]),
                         ("vulnerability_scan", "port_scan", "tcp"))
        self.assertIn("first_seen", scan)

        n = self.notice(channel="csv", subject="198.51.100.9")
        message = parse(self.do("preview", n["code"]).stdout)
        table, = [p for p in message.iter_attachments() if p.get_content_type() == "text/csv"]
        row, = csv.DictReader(io.StringIO(table.get_payload(decode=True).decode()))
        self.assertEqual((row["ip"], row["port"], row["tag"], row["packets"], row["code"]),
                         ("198.51.100.9", "445", "infected-member", "1234", n["code"]))

    def test_what_is_wrong_is_seen(self):
        bad = json.loads(self.do("bounces", "--json").stdout)
        self.assertEqual(sorted(b["to"] for b in bad), ["http://169.254.169.254/", "nobody"])
        self.assertTrue(all(b["state"] == "unreadable" and b["reason"] for b in bad))
        self.assertIn("nobody", self.do("bounces").stdout.decode())

    def test_verify_and_figures(self):
        n = self.notice(channel="mail", owner="city")
        self.assertIn("本物です", self.do("verify", n["code"], "--lang", "ja").stdout.decode())
        figure, = json.loads(self.do("figures", "--json").stdout)
        self.assertEqual((figure["told"], figure["waiting"] >= 2, figure["no_owner"]), (0, True, 1))
        names = {f["name"] for f in json.loads(self.do("figures", "--json", "--by", "sector").stdout)}
        self.assertEqual(names, {"government", "information", ""})

    def test_wrong_usage(self):
        self.do("list", "--state", "lost", status=2)
        self.do("show", "XXXX-XXXX-XXXX", status=2)
        self.do("show", "0000-0000-0000", status=1)
        self.do("show", "4711", status=1)
        self.do("preview", status=2)
        self.do("dance", status=2)
        self.do("figures", "1", status=2)
        self.do("send", self.notice(state="no_owner")["code"], status=1)
        for line in (self.do("send", "77", status=1).stderr.decode(),
                     self.do("show", "0000-0000-0000", status=1).stderr.decode()):
            self.assertEqual(len(line.splitlines()), 1)

    def test_z_letting_go_and_taking_back(self):
        """The last one: it changes states."""
        done = self.do("send", "--dry-run")
        self.assertIn(b"nothing would go out", done.stderr)
        n = self.notice(channel="csv", subject="198.51.100.10")
        self.do("send", n["code"])
        self.assertEqual(self.notice(code=n["code"])["state"], "queued")
        done = self.do("send", "--dry-run", "--set", "notice.proof=0")
        self.assertIn(b"notice, csv to csv@isp.example", done.stderr)
        self.assertEqual(parse(done.stdout)["To"].addresses[0].addr_spec, "csv@isp.example")
        self.assertEqual(self.notice(code=n["code"])["state"], "queued")
        self.do("withdraw", n["code"], "--reason", "a test")
        self.assertEqual(self.notice(code=n["code"])["state"], "withdrawn")
        self.do("withdraw", n["code"], status=1)
        shown = json.loads(self.do("show", n["code"], "--json").stdout)
        self.assertEqual([h["action"] for h in shown["history"]],
                         ["made", "held", "released", "withdrawn"])
        self.assertTrue(re.match(r"\d{4}-", shown["history"][0]["time"]))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
