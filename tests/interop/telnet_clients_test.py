"""telnet_clients_test - clients in use at an imitated Telnet server: each finds what is there.

usage: telnet_clients_test.py DECOY_PROBE

hydra, medusa and ncrack must find the one valid pair, nothing else, and end; telnet logs in and
runs a command; nmap names the product that the real server is. Skipped (77) without them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import telnet_real

PORT = 3000
PAIR = (b"root", b"toor")


def run(*words, **more):
    return subprocess.run(words, capture_output=True, timeout=240, stdin=more.pop("stdin", subprocess.DEVNULL),
                          **more)


class Failed(Exception):
    pass


def check(good, text):
    if not good:
        raise Failed(text)


def guess_hydra(folder):
    # hydra 9.4 is one pair late after a refusal on the same connection, at the real busybox too;
    # a server that takes one try a connection shows it rightly
    done = run("hydra", "-t", "4", "-L", f"{folder}/users", "-P", f"{folder}/passwords", "-s",
               str(PORT + 1), "127.0.0.1", "telnet")
    found = re.findall(rb"login: (\S+)\s+password: (\S*)", done.stdout)
    check(found == [PAIR], f"hydra found {found}: {done.stdout[-600:]!r} {done.stderr[-300:]!r}")


def guess_medusa(folder):
    done = run("medusa", "-h", "127.0.0.1", "-n", str(PORT), "-U", f"{folder}/users", "-P",
               f"{folder}/passwords", "-M", "telnet", "-t", "4")
    found = re.findall(rb"ACCOUNT FOUND: .*User: (\S+) Password: (\S+)", done.stdout)
    check(found == [PAIR], f"medusa found {found}: {done.stdout[-600:]!r}")


def guess_ncrack(folder):
    done = run("ncrack", "-U", f"{folder}/users", "-P", f"{folder}/passwords",
               f"telnet://127.0.0.1:{PORT}")
    found = re.findall(rb"'(\S+)' '(\S+)'", done.stdout)
    check(found == [PAIR], f"ncrack found {found}: {done.stdout[-600:]!r}")


def log_in(_):
    """telnet as a person uses it."""
    program = ("import pty, os, sys, time, select\n"
               "pid, fd = pty.fork()\n"
               f"if pid == 0: os.execvp('telnet', ['telnet', '127.0.0.1', '{PORT}'])\n"
               "seen = b''\n"
               "for wanted, keys in ((b'login: ', b'root\\r'), (b'Password: ', b'toor\\r'),\n"
               "        (b'# ', b'echo $((40+2)) > /tmp/a; cat /tmp/a\\r'), (b'42', b'exit\\r'),\n"
               "        (b'closed', b'')):\n"
               "    end = time.time() + 15\n"
               "    at = len(seen)\n"
               "    while wanted not in seen[at:] and time.time() < end:\n"
               "        if select.select([fd], [], [], 0.5)[0]:\n"
               "            try: seen += os.read(fd, 4096)\n"
               "            except OSError: break\n"
               "    assert wanted in seen[at:], (wanted, seen)\n"
               "    time.sleep(0.2)\n"
               "    if keys: os.write(fd, keys)\n")
    done = run(sys.executable, "-W", "ignore", "-c", program)
    check(done.returncode == 0, f"telnet: {done.stderr[-800:]!r}")


def name_product(_):
    done = run("nmap", "-sV", "-Pn", "-n", "-p", str(PORT), "127.0.0.1")
    check(b"BusyBox telnetd" in done.stdout, f"nmap: {done.stdout!r}")


CASES = (("telnet", log_in), ("nmap", name_product), ("hydra", guess_hydra),
         ("medusa", guess_medusa), ("ncrack", guess_ncrack))


def main():
    missing = [name for name, _ in CASES if shutil.which(name) is None]
    if os.geteuid() != 0 or missing:
        print(f"skipped: needs {'root' if os.geteuid() else ' '.join(missing)}")
        return 77
    telnet_real.enter()
    folder = tempfile.mkdtemp()
    telnet_real.write(f"{folder}/users", "admin\nroot\n")
    telnet_real.write(f"{folder}/passwords", "1234\nadmin\npassword\ntoor\nxc3511\n")
    servers = [subprocess.Popen([sys.argv[1], str(PORT + number), "router",
                                 "telnet.start=20ms", f"telnet.tries={tries}"])
               for number, tries in ((0, 3), (1, 1))]
    failures = 0
    try:
        telnet_real.wait_for(PORT)
        telnet_real.wait_for(PORT + 1)
        for name, case in CASES:
            if len(sys.argv) > 2 and name not in sys.argv[2:]:
                continue
            try:
                case(folder)
                print(f"{name}: good")
            except (Failed, subprocess.TimeoutExpired) as wrong:
                print(f"{name}: {wrong}")
                failures += 1
    finally:
        for server in servers:
            server.kill()
            server.wait()
        shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
