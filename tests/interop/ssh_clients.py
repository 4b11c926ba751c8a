"""Real clients at the imitated SSH server: every algorithm, files both ways, and guessers.

usage: ssh_clients.py SSH_PROBE

What is not installed is skipped and named; the status is 1 when something fails.
"""

import filecmp
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

KEX = ["sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "curve25519-sha256",
       "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
       "ecdh-sha2-nistp521", "diffie-hellman-group-exchange-sha256",
       "diffie-hellman-group-exchange-sha1", "diffie-hellman-group18-sha512",
       "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256",
       "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"]
CIPHERS = ["chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr",
           "aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-cbc", "aes192-cbc",
           "aes256-cbc", "3des-cbc"]
MACS = [m + e for e in ("-etm@openssh.com", "") for m in (
    "umac-64", "umac-128", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1", "hmac-sha1-96",
    "hmac-md5", "hmac-md5-96")]
MACS = [m + "@openssh.com" if m in ("umac-64", "umac-128") else m for m in MACS]
HOST_KEYS = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ecdsa-sha2-nistp256",
             "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-ed25519"]
CALM = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
        "LogLevel=ERROR"]
failures = []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Decoy:
    """ssh_probe with settings, for the time of a `with`."""

    def __init__(self, program, *settings, key=None):
        self.port = free_port()
        environment = dict(os.environ, **({"SSH_PROBE_KEY": key} if key else {}))
        self.process = subprocess.Popen(
            [program, str(self.port), "debian", "ssh.failure=300ms", "ssh.failure-spread=200ms",
             *settings], env=environment)

    def __enter__(self):
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise SystemExit("ssh_clients: ssh_probe does not listen")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def run(*command, timeout=120, **how):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          timeout=timeout, stdin=how.pop("stdin", subprocess.DEVNULL), **how)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def check(name, good, detail=""):
    print(f"{'ok  ' if good else 'FAIL'} {name}{'' if good else ': ' + detail[-300:]}", flush=True)
    if not good:
        failures.append(name)


def has(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    if missing:
        print(f"skip {' '.join(missing)}: not installed")
    return not missing


def ssh(port, *words):
    return run("sshpass", "-p", "toor", "ssh", *CALM, "-p", str(port), "root@127.0.0.1", *words)


def algorithms(program):
    with Decoy(program, f"ssh.kex={','.join(KEX)}", f"ssh.ciphers={','.join(CIPHERS)}",
               f"ssh.macs={','.join(MACS)}", f"ssh.host-keys={','.join(HOST_KEYS)}",
               "ssh.compression=none,zlib@openssh.com,zlib") as decoy:
        tried = ([["-o", f"KexAlgorithms={k}"] for k in KEX] +
                 [["-o", f"Ciphers={c}"] for c in CIPHERS] +
                 [["-o", "Ciphers=aes128-ctr", "-o", f"MACs={m}"] for m in MACS] +
                 [["-o", "Ciphers=aes256-cbc", "-o", f"MACs={m}"] for m in MACS] +
                 [["-o", f"HostKeyAlgorithms={h}"] for h in HOST_KEYS] + [["-C"]])
        for options in tried:
            status, text = ssh(decoy.port, *options, "echo works; exit 7")
            check(f"ssh {' '.join(options)}", (status, text) == (7, "works\n"), f"{status} {text}")
        # new keys, again and again, while data flows both ways
        status, text = run("sshpass", "-p", "toor", "ssh", *CALM, "-o", "RekeyLimit=100K", "-p",
                           str(decoy.port), "root@127.0.0.1", "cat | wc -c",
                           stdin=open("/proc/self/exe", "rb"))
        size = os.path.getsize("/proc/self/exe")
        check("ssh with new keys each 100 KiB", text.strip() == str(size), f"{status} {text}")


def keys(program, folder):
    for kind in ("ed25519", "ecdsa", "rsa"):
        path = f"{folder}/{kind}"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", path], check=True)
        with open(path + ".pub", encoding="ascii") as public, \
                Decoy(program, key=public.read().split()[1]) as decoy:
            status, text = run("ssh", *CALM, "-o", "BatchMode=yes", "-i", path, "-p",
                               str(decoy.port), "root@127.0.0.1", "id -u")
            check(f"publickey {kind}", (status, text) == (0, "0\n"), f"{status} {text}")
    with Decoy(program) as decoy:
        status, text = run("ssh", *CALM, "-o", "BatchMode=yes", "-i", f"{folder}/rsa", "-p",
                           str(decoy.port), "root@127.0.0.1", "id")
        check("a key that nobody planted", status == 255 and "Permission denied" in text, text)


def files(program, folder):
    tree = f"{folder}/tree"
    os.makedirs(f"{tree}/sub")
    for name, size in (("empty", 0), ("small", 10), ("sub/large", 2000000)):
        with open(f"{tree}/{name}", "wb") as out:
            out.write(os.urandom(size))
    with Decoy(program) as decoy:
        far = "root@127.0.0.1:/tmp/"
        for name, options in (("scp -O", ["-O"]), ("scp", []), ("scp -O -C", ["-O", "-C"])):
            back = f"{folder}/{name.replace(' ', '')}"
            base = ["sshpass", "-p", "toor", "scp", *options, *CALM, "-P", str(decoy.port), "-rpq"]
            there = run(*base, tree, far + name.replace(" ", ""))
            here = run(*base, far + name.replace(" ", ""), back)
            same = os.path.isdir(back) and filecmp.cmpfiles(
                tree, back, ["empty", "small", "sub/large"], shallow=False)[0] == [
                    "empty", "small", "sub/large"]
            check(f"{name} there and back", bool(same), there[1] + here[1])
        batch = f"{folder}/batch"
        with open(batch, "w", encoding="ascii") as out:
            out.write(f"cd /tmp\nput {tree}/sub/large x\nmkdir d\nrename x d/y\nln -s d l\n"
                      f"ls -la\nls -l d\nget d/y {folder}/y\nchmod 600 d/y\nrm d/y\nrmdir d\n"
                      "df\npwd\nbye\n")
        status, text = run("sshpass", "-p", "toor", "sftp", *CALM, "-o", "BatchMode=no", "-P",
                           str(decoy.port), "-b", batch, "root@127.0.0.1")
        same = os.path.exists(f"{folder}/y") and filecmp.cmp(f"{folder}/y", f"{tree}/sub/large",
                                                             shallow=False)
        check("sftp", status == 0 and same, text)


def others(program):
    with Decoy(program) as decoy:
        if has("dbclient"):
            status, text = run("dbclient", "-y", "-y", "-p", str(decoy.port), "root@127.0.0.1",
                               "echo works", env=dict(os.environ, DROPBEAR_PASSWORD="toor"))
            check("dbclient", status == 0 and text.endswith("works\n"), text)
        if has("plink"):
            _, text = run("ssh-keyscan", "-t", "ed25519", "-p", str(decoy.port), "127.0.0.1")
            key = [line.split()[2] for line in text.splitlines() if "ssh-ed25519" in line][0]
            with tempfile.NamedTemporaryFile("w", suffix=".pub") as public:
                public.write(f"ssh-ed25519 {key}\n")
                public.flush()
                print_ = run("ssh-keygen", "-lf", public.name)[1].split()[1]
            status, text = run("plink", "-batch", "-pw", "toor", "-P", str(decoy.port), "-hostkey",
                               print_, "root@127.0.0.1", "echo works")
            check("plink", status == 0 and text.replace("\r", "").endswith("works\n"), text)


def guessers(program, folder):
    users, words = ["root", "admin", "oracle"], ["123456", "toor", "admin123", "password"]
    pairs = {("root", "toor"), ("admin", "admin123")}
    for name, lines in (("users", users), ("words", words)):
        with open(f"{folder}/{name}", "w", encoding="ascii") as out:
            out.write("\n".join(lines) + "\n")
    u, w = f"{folder}/users", f"{folder}/words"
    for name, command, pattern in (
            ("hydra", lambda p: ["hydra", "-I", "-L", u, "-P", w, "-t", "4", "-s", p,
                                 "ssh://127.0.0.1"], r"login: (\S+)\s+password: (\S+)"),
            ("medusa", lambda p: ["medusa", "-h", "127.0.0.1", "-n", p, "-U", u, "-P", w, "-M",
                                  "ssh"], r"User: (\S+) Password: (\S+) \[SUCCESS"),
            ("ncrack", lambda p: ["ncrack", "-U", u, "-P", w, f"ssh://127.0.0.1:{p}"],
             r"ssh: '(\S+)' '(\S+)'")):
        if not has(name):
            continue
        with Decoy(program) as decoy:
            try:
                _, text = run(*command(str(decoy.port)), timeout=240)
            except subprocess.TimeoutExpired:
                text = "did not end"
            check(name, set(re.findall(pattern, text)) == pairs, text)


def scanners(program):
    if not has("nmap"):
        return
    with Decoy(program) as decoy:
        _, text = run("nmap", "-n", "-Pn", "-sV", "-p", str(decoy.port), "127.0.0.1")
        check("nmap -sV", re.search(r"ssh\s+OpenSSH 9\.2p1 Debian", text) is not None, text)
        _, text = run("nmap", "-n", "-Pn", "-p", str(decoy.port), "--script",
                      "+ssh2-enum-algos,+ssh-auth-methods,+ssh-hostkey", "127.0.0.1")
        check("nmap's scripts", all(t in text for t in (
            "sntrup761x25519-sha512@openssh.com", "umac-128-etm@openssh.com", "publickey",
            "password", "(ED25519)")), text)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    if not has("ssh", "sshpass", "sftp", "scp"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        algorithms(sys.argv[1])
        keys(sys.argv[1], folder)
        files(sys.argv[1], folder)
        others(sys.argv[1])
        guessers(sys.argv[1], folder)
        scanners(sys.argv[1])
    print(f"{len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
