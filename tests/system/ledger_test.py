#!/usr/bin/env python3
"""The ledger as its readers meet it: hinomi ledger, hinomi-verify, witnesses, authorities.

usage: ledger_test.py HINOMI_LEDGER HINOMI_VERIFY HINOMI_AUTHORITY LEDGER_WRITE HINOMI_HUB HINOMI_TRUST

Logs are changed in every way that matters, and each must be found and named by the verifier, which
shares no code with the writer. A good log is also read by Go's golang.org/x/mod/sumdb
(ledger_oracle.go) where Debian's golang-go and golang-golang-x-mod-dev are installed.
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

LEDGER, VERIFY, AUTHORITY, WRITE, HUB, TRUST = sys.argv[1:7]
HERE = pathlib.Path(__file__).parent
DEADLINE = 120
failures = []


def expect(name, found, wanted):
    if found != wanted:
        failures.append("%s: %r, wanted %r" % (name, found, wanted))


def expect_in(name, text, part):
    if part not in text:
        failures.append("%s: %r has no %r" % (name, text, part))


def run(*args, status=0, **more):
    env = {k: v for k, v in os.environ.items() if not k.startswith("HINOMI")}
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=DEADLINE,
                          env=env | {"LC_ALL": "C"}, **more)
    if done.returncode != status:
        failures.append("%s: status %d, wanted %d: %s" % (" ".join(map(str, args)), done.returncode,
                                                          status, done.stderr.strip()))
    return done.stdout if status == 0 else done.stderr


def write(folder, count, *more, seed=1):
    return run(WRITE, folder, seed, count, *more).split("\n")[0]


# ---- the verifier ----

def entries_of(path):
    data, out = path.read_bytes(), []
    while data:
        size = struct.unpack(">H", data[:2])[0]
        out.append(data[2:2 + size])
        data = data[2 + size:]
    return out


def put_entries(path, entries):
    path.write_bytes(b"".join(struct.pack(">H", len(e)) + e for e in entries))


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def root(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(hashes[:k]) + root(hashes[k:])).digest()


def rebuild(folder, size):
    """All tiles from the entries: what a forger with the disk, and without the key, would do."""
    hashes = []
    for n in range(0, size, 256):
        width = min(256, size - n)
        name = "%03d" % (n // 256) + ("" if width == 256 else ".p/%d" % width)
        hashes += [leaf(e) for e in entries_of(folder / "tile/entries" / name)]
    level = 0
    while hashes:
        above = []
        for n in range(0, len(hashes), 256):
            part = hashes[n:n + 256]
            name = "%03d" % (n // 256) + ("" if len(part) == 256 else ".p/%d" % len(part))
            (folder / "tile" / str(level) / name).write_bytes(b"".join(part))
            if len(part) == 256:
                above.append(root(part))
        hashes, level = above, level + 1


def change(folder):
    path = folder / "tile/entries/001"
    e = entries_of(path)
    e[7] = e[7][:20] + b"\x55" + e[7][21:]
    put_entries(path, e)


def swap(folder):
    path = folder / "tile/entries/001"
    e = entries_of(path)
    e[7], e[9] = e[9], e[7]
    put_entries(path, e)


def drop(folder):
    path = folder / "tile/entries/001"
    e = entries_of(path)
    put_entries(path, e[:7] + e[8:])


def insert(folder):
    path = folder / "tile/entries/002.p/188"
    e = entries_of(path)
    put_entries(path, e + e[:1])


def and_rebuild(edit):
    def both(folder):
        edit(folder)
        rebuild(folder, 700)
    return both


def lose(*names):
    def remove(folder):
        for name in names:
            (folder / name).unlink()
    return remove


def pipe(name):
    def instead(folder):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    return instead


def flip(name, at):
    def one(folder):
        data = bytearray((folder / name).read_bytes())
        data[at] ^= 1
        (folder / name).write_bytes(data)
    return one


def cut(name, size):
    def shorter(folder):
        (folder / name).write_bytes((folder / name).read_bytes()[:size])
    return shorter


BAD_LOGS = [
    ("an entry changed", change, "changed: entry 263"),
    ("two entries re-ordered", swap, "re-ordered: entry 265 is where 263 should be"),
    ("an entry dropped", drop, "dropped: entry 263"),
    ("an entry added", insert, "added"),
    ("an entry changed, and all tiles", and_rebuild(change), "changed or forked"),
    ("two entries re-ordered, and all tiles", and_rebuild(swap), "changed or forked"),
    ("a bundle in the middle lost", lose("tile/entries/001"), "dropped: tile/entries/001 is missing"),
    ("the end lost", lose("tile/entries/002.p/188", "tile/0/002.p/188"), "truncated: the entries end at 512"),
    ("a tile lost", lose("tile/0/001"), "dropped: tile/0/001 is missing"),
    ("a tile that is a pipe", pipe("tile/0/001"), "tile/0/001: this is no file"),
    ("a tile cut", cut("tile/0/001", 8000), "truncated: tile/0/001"),
    ("a bundle cut", cut("tile/entries/001", 3000), "changed: tile/entries/001 is no bundle"),
    ("a hash changed", flip("tile/0/001", 40), "changed: entry 257"),
    ("a hash above changed", flip("tile/1/000.p/2", 40), "changed: hash 1 of tile/1/000.p/2"),
    ("no upper tile", lose("tile/1/000.p/2"), "dropped: tile/1/000.p/2"),
    ("the checkpoint changed", flip("checkpoint", 20), "forged"),
    ("the checkpoint lost", lose("checkpoint"), "checkpoint"),
]


def verifier():
    log = FOLDER / "log"
    text = FOLDER / "notice.txt"
    text.write_text("203.0.113.7 scanned us at 10:02Z\nfix: change the password\n")
    old = FOLDER / "old"
    key = write(log, 300)
    shutil.copy(log / "checkpoint", old)
    write(log, 399, text, FOLDER / "notice.tlog-proof")
    expect_in("a good log", run(VERIFY, "log", log, "--key", key), "whole")
    expect_in("after an old checkpoint", run(VERIFY, "log", log, "--key", key, "--after", old), "whole")
    expect_in("growth", run(VERIFY, "growth", old, log / "checkpoint", log, "-k", key), "grew: its first 300")
    for name, edit, says in BAD_LOGS:
        bad = FOLDER / "bad"
        shutil.copytree(log, bad)
        edit(bad)
        expect_in(name, run(VERIFY, "log", bad, "--key", key, status=1), says)
        said = run(LEDGER, "check", "--ledger", bad, "--key", key, status=1)
        expect("%s: ledger check says one line" % name, len(said.strip().split("\n")), 1)
        shutil.rmtree(bad)
    growth(log, old, key)
    notices(log, text, key)
    expect("usage", "usage: hinomi-verify" in run(VERIFY, "--help"), True)
    run(VERIFY, status=2)
    run(VERIFY, "log", log, status=2)
    run(VERIFY, "log", log, "-k", key[:-1], status=2)
    run(VERIFY, "audit", log, "-k", key, status=2)
    oracle(log, old, key)


def growth(log, old, key):
    """A log that was rewound, one that was forked, and one of another key."""
    fork = FOLDER / "fork"
    run(WRITE, fork, 1, 200)
    run(WRITE, fork, 1, 500)  # the same acts as 300 + 399 + 1 up to their order
    said = run(VERIFY, "growth", log / "checkpoint", old, log, "-k", key, status=1)
    expect_in("rewound", said, "truncated: the log had 700 entries and has 300")
    said = run(VERIFY, "growth", old, fork / "checkpoint", fork, "-k", key, status=1)
    expect_in("forked", said, "forked")
    said = run(VERIFY, "growth", log / "checkpoint", fork / "checkpoint", fork, "-k", key, status=1)
    expect_in("forked at the same size", said, "forked: two logs of 700")
    said = run(VERIFY, "log", fork, "-k", key, "--after", old, status=1)
    expect_in("forked, all read", said, "forked")
    bad = FOLDER / "bad"
    shutil.copytree(log, bad)
    flip("tile/1/000.p/2", 5)(bad)
    said = run(VERIFY, "growth", old, bad / "checkpoint", bad, "-k", key, status=1)
    expect_in("growth over changed tiles", said, "forked")
    shutil.rmtree(bad)
    other = write(FOLDER / "other", 5, seed=2)
    expect_in("another key", run(VERIFY, "log", log, "-k", other, status=1), "has not signed")


def notices(log, text, key):
    proof = FOLDER / "notice.tlog-proof"
    expect_in("a notice", run(VERIFY, "notice", text, proof, "--key", key), "real: the text")
    expect_in("its act", run(VERIFY, "proof", proof, "--key", key), "act         699")
    changed = FOLDER / "changed.txt"
    changed.write_text(text.read_text().replace("203.0.113.7", "203.0.113.8"))
    expect_in("another text", run(VERIFY, "notice", changed, proof, "-k", key, status=1), "not the text")
    windows = FOLDER / "windows.txt"
    windows.write_bytes(b"\xef\xbb\xbf" + text.read_bytes().replace(b"\n", b"\r\n"))
    crlf = FOLDER / "windows.tlog-proof"
    crlf.write_bytes(proof.read_bytes().replace(b"\n", b"\r\n"))
    expect_in("saved by Windows", run(VERIFY, "notice", windows, crlf, "-k", key), "line ends were changed")
    changed.write_bytes(windows.read_bytes().replace(b"203.0.113.7", b"203.0.113.8"))
    expect_in("and forged", run(VERIFY, "notice", changed, crlf, "-k", key, status=1), "not the text")
    lines = proof.read_text().split("\n")
    bad = FOLDER / "bad.tlog-proof"
    for name, at, to, says in [
            ("no head", 0, "c2sp.org/tlog-proof@v2", "no proof"),
            ("another act", 1, lines[1][:20] + ("A" if lines[1][20] != "A" else "B") + lines[1][21:],
             "not in the log"),
            ("a short act", 1, "extra AAEBLQ==", "no proof of an act"),
            ("another index", 2, "index 698", "not in the log"),
            ("an odd index", 2, "index 0699", "index"),
            ("a hash less", 3, None, "not in the log"),
            ("no hash", 3, "x", "should be a hash"),
            ("another size", -5, "701", "forged")]:
        edited = list(lines)
        if to is None:
            del edited[at]
        else:
            edited[at] = to
        bad.write_text("\n".join(edited))
        expect_in("proof with " + name, run(VERIFY, "proof", bad, "-k", key, status=1), says)
    for size in (0, 10, 200, 400, len(proof.read_bytes()) - 1):
        bad.write_bytes(proof.read_bytes()[:size])
        run(VERIFY, "proof", bad, "-k", key, status=1)
    made = FOLDER / "made.tlog-proof"
    run(LEDGER, "prove", 5, "--ledger", log, "--output", made)
    expect_in("a proof by hinomi ledger", run(VERIFY, "proof", made, "-k", key), "act         5")
    said = run(VERIFY, "notice", text, made, "-k", key, status=1)
    expect_in("an act of another kind", said, "no notice but of kind 400")
    run(LEDGER, "prove", 699, "--ledger", log, "--output", made)
    said = run(VERIFY, "notice", text, made, "-k", key, status=1)
    expect_in("a proof without salt", said, "no salt")
    run(LEDGER, "prove", 5, "--ledger", log, "--output", made)


def oracle(log, old, key):
    source = pathlib.Path("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog")
    if shutil.which("go") is None or not source.exists():
        print("Go's sumdb is not installed: passed over")
        return
    env = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="",
               GOCACHE=str(FOLDER / "go-cache"))
    done = subprocess.run(["go", "run", str(HERE / "ledger_oracle.go"), key, str(log), str(old),
                           str(FOLDER / "notice.tlog-proof"), str(FOLDER / "made.tlog-proof")],
                          capture_output=True, text=True, env=env, timeout=DEADLINE * 5)
    expect("Go's sumdb", done.stdout, "good 700\n")


def verifier_is_alone():
    """At most 1,500 lines, and nothing of ours in them but its own header."""
    sources = [*(HERE / "../../src/verify").glob("*.[ch]")]
    lines = [line for path in sources for line in path.read_text().split("\n")]
    expect("its length", 500 < len(lines) <= 1500, True)
    registry = dict(line.split("\t")[1::-1] for line in (HERE / "../../schema/registry/acts").read_text().split("\n")
                    if line[:1].isdigit())
    for name in ("notice-made", "silence-answered"):
        expect("kind of " + name, "#define %s %s" % (name.upper().replace("-", "_"), registry[name]) in
               (line.split("/*")[0].strip() for line in lines), True)
    expect("what it includes", {line for line in lines if line.startswith('#include "')},
           {'#include "verify/verify.h"'})


# ---- showing ----

def shown():
    log = FOLDER / "log"
    for what in [["show"], ["prove", 5], ["check"]]:
        expect_in("a witness's folder", run(LEDGER, *what, "--dir", log.parent, status=2),
                  "--dir is the folder of a witness: give the ledger of a hub as --ledger %s/ledger" % log.parent)
    doc = json.loads(run(LEDGER, "show", "--ledger", log, "--json", "--last", 3))
    expect("the last ones", [a["index"] for a in doc["acts"]], [697, 698, 699])
    expect("the notice", doc["acts"][2]["kind"], "notice-made")
    expect("its authority", doc["acts"][2]["authority"], None)
    doc = json.loads(run(LEDGER, "show", "--ledger", log, "--json", "--kind", "notice-*"))
    expect("by kind", [a["index"] for a in doc["acts"]], [699])
    doc = json.loads(run(LEDGER, "show", "--ledger", log, "--json", "--from", 690, "--who", 1))
    expect("by account", len(doc["acts"]), 9)
    doc = json.loads(run(LEDGER, "show", "--ledger", log, "--json", "--since", "2026-01-01"))
    expect("by time", [a["index"] for a in doc["acts"]], [699])
    expect("20 unless asked", len(run(LEDGER, "show", "--ledger", log).strip().split("\n")), 21)
    expect_in("in Japanese", run(LEDGER, "show", "--ledger", log, "--lang", "ja"), "通知の作成")
    bad = FOLDER / "bad"
    shutil.copytree(log, bad)
    change(bad)
    said = run(LEDGER, "show", "--ledger", bad, "--from", 0, status=1)
    expect_in("a changed act is not shown", said, "act 263 was changed")
    shutil.rmtree(bad)
    expect_in("no ledger", run(LEDGER, "show", "--ledger", FOLDER / "none", status=1), "no ledger")
    run(LEDGER, "prove", "x", "--ledger", log, status=2)
    expect_in("no such act", run(LEDGER, "prove", 700, "--ledger", log, status=1), "no leaf 700")
    run(LEDGER, "audit", status=2)


def killed():
    """A writer that is killed: what it said is durable is there, and the log stays whole."""
    log = FOLDER / "killed"
    told = -1
    for n in range(5):
        process = subprocess.Popen([WRITE, str(log), "3", "1000000"], stdout=subprocess.PIPE, text=True)
        key = process.stdout.readline().strip()
        for _ in range(3 * n + 1):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
        told = int(rest[-1]) if rest else told
        process.wait()
        write(log, 1, seed=3)
        doc = json.loads(run(LEDGER, "check", "--ledger", log, "--json"))
        expect("round %d has what was told" % n, doc["size"] >= told + 2, True)
        run(VERIFY, "log", log, "--key", key, "--quiet")
        told = doc["size"] - 1


# ---- witnesses ----

class Witness:
    def __init__(self, name, log_key, *options, folder=None):
        self.folder = folder or FOLDER / name
        self.port = free_port()
        # a sanitizer cannot look for leaks in a process that has given up being looked into
        env = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")
        self.process = subprocess.Popen(
            [LEDGER, "witness", "--dir", str(self.folder), "--name", "witness.example/" + name, "--log", log_key,
             "--listen", "127.0.0.1:%d" % self.port, *map(str, options)], stdout=subprocess.PIPE,
            stderr=open(str(self.folder) + ".log", "a"), text=True, env=env)
        self.key = self.process.stdout.readline().strip()

    def close(self):
        self.process.terminate()
        expect("the witness ends", self.process.wait(DEADLINE), 0)


def certificate():
    folder = FOLDER / "tls"
    folder.mkdir()
    quiet = dict(check=True, capture_output=True)
    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    subprocess.run(["openssl", "req", "-x509", *ec, "-keyout", folder / "ca.key", "-out", folder / "ca.crt", "-days",
                    "2", "-subj", "/CN=witness authority"], **quiet)
    subprocess.run(["openssl", "req", "-x509", *ec, "-keyout", folder / "tls.key", "-out", folder / "tls.crt", "-days",
                    "2", "-subj", "/CN=witness", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
                    "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=serverAuth"], **quiet)
    os.chmod(folder / "tls.key", 0o600)
    return folder


def post(url, body, *options):
    done = subprocess.run(["curl", "-sS", "-m", "30", "--data-binary", "@-", "-w", "\n%{http_code} %{content_type}",
                           *options, url], input=body, capture_output=True, text=True)
    body, _, tail = done.stdout.rpartition("\n")
    return int(tail.split()[0] or 0), tail.partition(" ")[2], body


def witnesses():
    tls = certificate()
    log = FOLDER / "watched"
    text = FOLDER / "notice.txt"
    proof = FOLDER / "witnessed.tlog-proof"
    key = write(log, 10)
    one = Witness("w1", key, "--certificate", tls / "tls.crt", "--tls-key", tls / "tls.key")
    url = "https://127.0.0.1:%d" % one.port
    write(log, 500, "-w", url, tls / "ca.crt", one.key, text, proof)
    said = run(VERIFY, "notice", text, proof, "--key", key, "--witness", one.key)
    expect_in("a witnessed notice", said, "witnessed   20")
    said = run(VERIFY, "log", log, "-k", key, "-w", one.key, "--checkpoint", log / "witnessed")
    expect_in("a witnessed log", said, "witnessed")
    said = run(VERIFY, "notice", text, FOLDER / "notice.tlog-proof", "-k", key, "-w", one.key, status=1)
    expect_in("not witnessed", said, "0 of the witnesses have cosigned, 1 are needed")
    two = Witness("w2", key, "--plain")
    said = run(VERIFY, "notice", text, proof, "-k", key, "-w", one.key, "-w", two.key, status=1)
    expect_in("one of two", said, "1 of the witnesses have cosigned, 2 are needed")
    run(VERIFY, "notice", text, proof, "-k", key, "-w", one.key, "-w", two.key, "--quorum", 1)
    run(VERIFY, "notice", text, proof, "-k", key, "-w", one.key, "-w", one.key, status=2)
    run(VERIFY, "notice", text, proof, "-k", key, "-w", one.key, "--quorum", 2, status=2)
    # curl as another log's client
    checkpoint = (log / "checkpoint").read_text()
    plain = "http://127.0.0.1:%d" % two.port
    status, kind, body = post(plain + "/add-checkpoint", "old 0\n\n" + checkpoint)
    expect("the first checkpoint", (status, body.startswith("— witness.example/w2 ")), (200, True))
    expect("again, from nothing", post(plain + "/add-checkpoint", "old 0\n\n" + checkpoint),
           (409, "text/x.tlog.size", "513\n"))
    expect("nonsense", post(plain + "/add-checkpoint", "new 0\n\n" + checkpoint)[0], 400)
    expect("another log", post(plain + "/add-checkpoint", "old 0\n\n" + checkpoint.replace("hub.", "hab."))[0], 404)
    expect("forged", post(plain + "/add-checkpoint", "old 0\n\n" + checkpoint.replace("\n513\n", "\n512\n"))[0], 403)
    origin = hashlib.sha256(b"hub.example/ledger").hexdigest()
    got = subprocess.run(["curl", "-sS", "%s/%s/checkpoint" % (plain, origin)], capture_output=True, text=True).stdout
    expect("what it has seen", got.startswith(checkpoint), True)
    expect("what it has not", subprocess.run(
        ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", plain + "/" + "0" * 64 + "/checkpoint"],
        capture_output=True, text=True).stdout, "404")
    one.close()
    one = Witness("w1", key, "--certificate", tls / "tls.crt", "--tls-key", tls / "tls.key")
    url = "https://127.0.0.1:%d" % one.port
    write(log, 3, "-w", url, tls / "ca.crt", one.key)
    forked(url, tls, one)
    one.close()
    two.close()
    run(LEDGER, "witness", "--plain", status=2)


def forked(url, tls, one):
    """A hub that goes on from a backup: its witness refuses, and says what it has seen."""
    fork = FOLDER / "rewound"
    write(fork, 700)
    said = run(WRITE, fork, 1, 1, "-w", url, tls / "ca.crt", one.key, status=1)
    expect_in("a fork is refused", said, "status 422")
    short = FOLDER / "short"
    write(short, 100)
    said = run(WRITE, short, 1, 1, "-w", url, tls / "ca.crt", one.key, status=1)
    expect_in("a rewound ledger is refused", said, "it was rewound")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def hub_with_a_witness():
    """The hub itself: its ledger is made, and witnessed within a few seconds."""
    hub, port = FOLDER / "hub", free_port()
    hub.mkdir()
    run(TRUST, "init", "--dir", hub / "trust", "--hub", "127.0.0.1:%d" % port)
    command = [HUB, "run", "--dir", hub, "--listen", "127.0.0.1:%d" % port, "--set", "metrics=", "--set", "people="]
    said = run(*command, "--set", "witnesses=https://witness.example x", status=1)
    expect_in("a witness that is none", said, "is not an address, a key")

    def serve(*more, until):
        log = FOLDER / "hub.log"
        with open(log, "w") as to:
            process = subprocess.Popen([str(c) for c in [*command, *more]], stderr=to)
        deadline = time.monotonic() + DEADLINE
        while not (until.exists() and "event=hub.sandbox" in log.read_text()) and process.poll() is None and \
                time.monotonic() < deadline:
            time.sleep(0.05)
        process.terminate()
        expect("the hub ends", process.wait(DEADLINE), 0)
        return until.exists()

    expect("the hub makes a ledger", serve(until=hub / "ledger/key"), True)
    key = (hub / "ledger/key").read_text().strip()
    tls = FOLDER / "tls"
    one = Witness("hubs", key, "--certificate", tls / "tls.crt", "--tls-key", tls / "tls.key")
    setting = "witnesses=https://127.0.0.1:%d %s %s" % (one.port, one.key, tls / "ca.crt")
    expect("it is witnessed", serve("--set", setting, until=hub / "ledger/witnessed"), True)
    run(VERIFY, "log", hub / "ledger", "-k", key, "-w", one.key, "-c", hub / "ledger/witnessed")

    # a hub that is renamed goes on with its log, under the log's own name
    run(TRUST, "renew", "--dir", hub / "trust", "--hub", "localhost:%d" % port)
    (hub / "ledger/witnessed").unlink()
    expect("it goes on under another name", serve("--set", setting, until=hub / "ledger/witnessed"), True)
    expect("its key", (hub / "ledger/key").read_text().strip(), key)
    one.close()


# ---- authorities ----

def authorities():
    def tool(*args, **more):
        return run(AUTHORITY, *args, **more)

    keys = {}
    for name in "abc":
        keys[name] = tool("key", "--key", FOLDER / name, "--name", "commission.example/" + name).strip()
    roster, plan, ledger = FOLDER / "roster", FOLDER / "plan", FOLDER / "law"
    tool("roster", "--need", 2, *[x for k in keys.values() for x in ("--signer", k)], "--output", roster)
    tool("check", plan, "--roster", roster, status=1)  # nobody has signed the roster

    def sign(path, *names, **more):
        for name in names:
            tool("sign", path, "--key", FOLDER / name, "--name", "commission.example/" + name, **more)

    sign(roster, "a", "b")
    tool("new", "--number", "2027-1", "--kind", "survey-plan", "--roster", roster, "--from", "2026-01-01", "--until",
         "2026-12-31", "--prefix", "203.0.113.0/24", "--port", "tcp/22-23", "--rate", 100, "--uses", 2, "--statement",
         FOLDER / "notice.txt", "--output", plan)
    expect_in("a plan", plan.read_text(), "uses 2\n")
    run(AUTHORITY, "new", "--number", "1", "--kind", "wish", "--roster", roster, "--from", "2026-01-01", "--until",
        "2026-12-31", status=1)
    seed = FOLDER / "ledger.key"
    tool("key", "--key", seed, "--name", "hub.example/law")
    make_ledger(ledger, seed)
    where = ["--roster", roster, "--ledger", ledger]
    at = ["--at", "2026-06-01"]
    sign(plan, "a")
    expect_in("one of two", tool("check", plan, *where, *at, status=1), "1 have signed, 2 are needed")
    sign(plan, "a", status=1)
    sign(plan, "c")
    expect_in("not in force", tool("check", plan, *where, *at, status=1), "not in force")
    secret = ["--ledger-secret", seed]
    tool("enact", plan, *where, *secret)
    tool("enact", plan, *where, *secret, status=1)
    expect("allowed", tool("check", plan, *where, *at, "--prefix", "203.0.113.7", "--port", "tcp/22"), "allowed\n")
    for name, options, says in [
            ("another prefix", [*at, "--prefix", "203.0.114.0/24"], "does not cover"),
            ("another port", [*at, "--port", "udp/22"], "does not cover port"),
            ("faster", [*at, "--rate", 101], "permits 100 packets"),
            ("another kind", [*at, "--kind", "consent"], "is no consent"),
            ("too early", ["--at", "2025-12-31"], "begins at 2026-01-01"),
            ("too late", ["--at", "2026-12-31"], "ended at 2026-12-31")]:
        expect_in(name, tool("check", plan, *where, *options, status=1), says)
    shown_text = tool("show", plan, "--roster", roster)
    expect_in("who signed", shown_text, "signed by commission.example/c")
    expect_in("not checked", tool("show", plan), "signatures were not checked")
    forged = FOLDER / "forged"
    forged.write_text(plan.read_text().replace("uses 2", "uses 9"))
    expect_in("forged", tool("check", forged, *where, *at, status=1), "does not verify")
    forged.write_text(plan.read_text().replace("uses 2\n", "uses 2\npayload yes\n"))
    tool("check", forged, *where, *at, status=1)
    second = FOLDER / "roster2"
    tool("roster", "--need", 1, "--signer", keys["c"], "--roster", roster, "--output", second)
    sign(second, "a", "b")
    said = tool("check", plan, "--roster", roster, "--roster", second, "--ledger", ledger, *at, status=1)
    expect_in("an old roster", said, "another roster of signers")
    tool("revoke", plan, "--ledger", ledger, *secret, "--who", 9)
    expect_in("revoked", tool("check", plan, *where, *at, status=1), "was revoked")
    doc = json.loads(run(LEDGER, "show", "--ledger", ledger, "--json", "--kind", "authority-*"))
    expect("acts", [(a["kind"], a["who"]) for a in doc["acts"]], [("authority-made", 0), ("authority-revoked", 9)])
    expect("in Japanese", tool("--lang", "ja", "check", plan, *where, *at, status=1) != "", True)
    tool("frame", status=2)
    tool("check", plan, status=2)


def make_ledger(ledger, seed):
    """An empty ledger under the key in the file: what the hub does at its first start."""
    run(WRITE, ledger, "key:" + str(seed), 0)


if any(shutil.which(name) is None for name in ("curl", "openssl")):
    print("curl and openssl are needed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as temporary:
    FOLDER = pathlib.Path(temporary)
    verifier_is_alone()
    verifier()
    shown()
    killed()
    witnesses()
    hub_with_a_witness()
    authorities()
for line in failures:
    print(line)
print("%d failures" % len(failures))
sys.exit(1 if failures else 0)
