"""Hold the imitated SSH server against a real one: every answer that tells them apart.

usage: ssh_diff.py openssh|dropbear SSH_PROBE [PATTERN [LIMIT]]

Starts the real server of this machine and ssh_probe, each on a loopback port, asks both the same
and prints what differs. The status is 0 when nothing does, 77 when the real server is not there.
"""

import concurrent.futures
import os
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import ssh_diff_probes as probes
from ssh_client import Client, Closed, Idle, string, take

AT_ONCE = {"openssh": 24, "dropbear": 4}  # dropbear takes five of an address before a log-in
EVERY = {"openssh": 1, "dropbear": 5}  # so not all is asked of it
DELAY_SLACK_S = 0.03  # what a busy machine adds to one and not to the other


class Prober(Client):
    def listen_text(self):
        """Note text or packets, as they come, until the server is quiet."""
        try:
            while True:
                self.need(5)
                if self.buffer[:1] == b"\0":
                    payload, padding = self.receive()
                    self.seen.append(("message", payload[0], len(payload), len(padding)))
                else:
                    self.seen.append(self.line())
        except Idle:
            self.seen.append(("rest", self.buffer))
        except Closed as closed:
            self.seen.append(("rest", self.buffer, "reset" if str(closed) == "reset" else "end"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("ssh_diff: a server does not listen")


def start_openssh(folder, port):
    for kind in ("rsa", "ecdsa", "ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", f"{folder}/{kind}"],
                       check=True)
    with open(f"{folder}/config", "w", encoding="ascii") as config:
        config.write(f"ListenAddress 127.0.0.1:{port}\nPidFile none\nUsePAM no\n"
                     f"HostKey {folder}/rsa\nHostKey {folder}/ecdsa\nHostKey {folder}/ed25519\n"
                     "KbdInteractiveAuthentication no\nMaxStartups 1000\n"
                     f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\n")
    os.makedirs("/run/sshd", exist_ok=True)
    return subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", f"{folder}/config", "-E",
                             f"{folder}/log"])


def start_dropbear(folder, port):
    for kind in ("rsa", "ecdsa", "ed25519"):
        subprocess.run(["dropbearkey", "-t", kind, "-f", f"{folder}/{kind}"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(f"{folder}/log", "w", encoding="ascii") as log:
        return subprocess.Popen(["/usr/sbin/dropbear", "-F", "-E", "-p", f"127.0.0.1:{port}", "-P",
                                 f"{folder}/pid", "-r", f"{folder}/rsa", "-r", f"{folder}/ecdsa",
                                 "-r", f"{folder}/ed25519"], stderr=log)


def lists_of(port):
    """The name-lists of a server's KEXINIT and its EXT_INFO."""
    c = Client(port)
    c.identify()
    payload, _ = c.receive(20)
    c.server_kexinit = payload
    lists, rest = [], payload[17:]
    for _ in range(10):
        one, rest = take(rest)
        lists.append(one.decode())
    c.exchange({"kex": "curve25519-sha256,ext-info-c"})
    c.listen()
    info = [m[1] for m in c.seen if isinstance(m, tuple) and m[0] == 7]
    extensions = {}
    if info:
        count, = struct.unpack(">I", info[0][:4])
        rest = info[0][4:]
        for _ in range(count):
            name, rest = take(rest)
            value, rest = take(rest)
            extensions[name.decode()] = value.decode()
    c.close()
    return c.server_id.decode().strip(), lists, extensions


def settings_of(kind, port):
    """What of the real server's is no default of ours: of Debian's OpenSSH only its version."""
    identification, lists, extensions = lists_of(port)
    settings = [f"ssh.identification={identification}", "ssh.login-grace=2m"]
    if kind == "openssh":
        return settings + ["ssh.failure=0s", "ssh.failure-spread=0s"]
    settings += ["ssh.like=dropbear", "ssh.version=202283", "ssh.kexinit-first=yes",
                 "ssh.invalid-text=", "ssh.version-text=", f"ssh.kex={lists[0]}",
                 f"ssh.host-keys={lists[1]}", f"ssh.ciphers={lists[2]}", f"ssh.macs={lists[4]}",
                 f"ssh.compression={lists[6]}", "ssh.tries=10", "ssh.host-keys-told=no",
                 "ssh.answer=0s", "ssh.failure=250ms", "ssh.failure-spread=100ms",
                 "ssh.window=24576", "ssh.rsa-bits=2048",
                 "ssh.extensions=" + ",".join(f"{k}={v}" for k, v in extensions.items()
                                              if k != "server-sig-algs"),
                 f"ssh.signature-algorithms={extensions.get('server-sig-algs', '')}",
                 f"ssh.ext-info={'yes' if extensions else 'no'}"]
    return settings


def ask(port, run, idle):
    c = None
    try:
        c = Prober(port, idle)
        run(c)
    except Idle:
        c.seen.append("silent")
    except Closed as closed:
        c.seen.append("reset" if str(closed) == "reset" else "end")
    except OSError as error:
        return [f"no connection: {error}"], []
    finally:
        if c is not None:
            c.close()
    return [tidy(s) for s in c.seen], [round(d, 3) for _, d in c.delays]


def tidy(seen):
    """A reset and an end differ by what the kernel had not read yet, no matter of the server."""
    if seen in ("reset", "end"):
        return "closed"
    if isinstance(seen, tuple) and seen[-1] in ("reset", "end"):
        return seen[:-1] + ("closed",)
    return seen


def sample(port, run, idle):
    return ask(port, run, idle)[0]


def compare(name, run, ports):
    """None when both answer the same; a difference is looked at again, alone and slowly."""
    for idle in (0.6, 2.0):
        real, ours = (sample(port, run, idle) for port in ports)
        if real == ours:
            return None
    return name, real, ours


def show(seen):
    return "\n".join(f"      {str(s)[:300]}" for s in seen)


def compare_delays(kind, ports):
    """Medians of how long refusals take."""
    rows = 0
    password = probes.userauth("password", b"\0" + string("x"))
    cases = {"identification and KEXINIT": lambda c: (c.identify(), c.listen()),
             "refusal of none": probes.requests(probes.userauth("none")),
             "refusal of a password": probes.requests(password),
             "refusal of a key": probes.requests(
                 probes.userauth("publickey", b"\0" + string("ssh-ed25519") +
                                 string(probes.ED_KEY)))}
    if kind == "dropbear":
        cases["second refusal"] = probes.requests(password, password)
    for name, run in cases.items():
        both = []
        for port in ports:
            took = [ask(port, run, 0.6)[1] for _ in range(9)]
            both.append(statistics.median(t[-1] for t in took if t))
        real, ours = both
        # a delay that is drawn by chance each time has a median that is, too
        apart = abs(real - ours) > max(DELAY_SLACK_S, 0.25 * real)
        rows += apart
        print(f"  delay of {name}: real {real * 1000:.0f} ms, ours {ours * 1000:.0f} ms"
              f"{'   APART' if apart else ''}")
    return rows


def chosen(kind, pattern):
    all_probes = [(n, r) for n, r in probes.before_log_in() if re.search(pattern, n)]
    seen = {}
    for name, run in all_probes:  # a name is told once
        seen.setdefault(name, run)
    return list(seen.items())[::EVERY[kind]]


def diff(kind, program, pattern):
    folder = tempfile.mkdtemp(prefix="ssh-diff-")
    ports = [free_port(), free_port()]
    servers = []
    try:
        start = start_openssh if kind == "openssh" else start_dropbear
        servers.append(start(folder, ports[0]))
        wait_for(ports[0])
        servers.append(subprocess.Popen([program, str(ports[1]), "debian"] +
                                        settings_of(kind, ports[0])))
        wait_for(ports[1])
        tried = chosen(kind, pattern)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE[kind]) as pool:
            first = list(pool.map(lambda p: (p, sample(ports[0], p[1], 0.3),
                                             sample(ports[1], p[1], 0.3)), tried))
            apart = list(pool.map(lambda f: compare(f[0][0], f[0][1], ports),
                                  [f for f in first if f[1] != f[2]]))
        apart = [a for a in apart if a is not None]
        for name, real, ours in apart:
            print(f"  {name}\n    real:\n{show(real)}\n    ours:\n{show(ours)}")
        late = compare_delays(kind, ports) if pattern == "." else 0
        print(f"{kind}: {len(tried)} probes, {len(apart)} answers and {late} delays differ")
        return 1 if apart or late else 0
    finally:
        for server in servers:
            server.send_signal(signal.SIGTERM)
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("openssh", "dropbear"):
        print(__doc__, file=sys.stderr)
        return 2
    kind, program = sys.argv[1:3]
    if not os.path.exists("/usr/sbin/sshd" if kind == "openssh" else "/usr/sbin/dropbear"):
        print(f"ssh_diff: no {kind} here", file=sys.stderr)
        return 77
    return diff(kind, program, sys.argv[3] if len(sys.argv) > 3 else ".")


if __name__ == "__main__":
    sys.exit(main())
