#!/usr/bin/env python3
"""hinomi trust as operators use it, and the HTTPS server under it as strangers do.

usage: trust_test.py HINOMI_TRUST TRUST_SERVE

The clients are the field's own: curl, openssl s_client and gnutls-cli; what is missing is passed over.
"""
import base64
import json
import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

TRUST, SERVE = sys.argv[1:3]
DEADLINE = 60
failures = []


def expect(name, found, wanted):
    if found != wanted:
        failures.append("%s: %r, wanted %r" % (name, found, wanted))


def expect_in(name, text, part):
    if part not in text:
        failures.append("%s: %r has no %r" % (name, text, part))


def trust(*args, stdin=None, status=0, env=None):
    more = env or {}
    env = {k: v for k, v in os.environ.items() if not k.startswith("HINOMI")}
    env |= more | {"LC_ALL": "C"}
    env["https_proxy"] = env["ALL_PROXY"] = "http://127.0.0.1:9"  # must not be heeded
    done = subprocess.run([TRUST, *map(str, args)], capture_output=True, text=True, input=stdin, env=env,
                          timeout=DEADLINE, start_new_session=True)
    if done.returncode != status:
        failures.append("%s: status %d, wanted %d: %s" % (" ".join(map(str, args)), done.returncode, status,
                                                          done.stderr.strip()))
    if status != 0 and len(done.stderr.strip().splitlines()) not in (1, 2):
        failures.append("%s: not one line: %r" % (args[0], done.stderr))
    return done.stdout if status == 0 else done.stderr


class Hub:
    """A served authority in `folder`."""

    def __init__(self, folder, passphrase=None, port=0, host="127.0.0.1", **env):
        self.folder = folder
        self.process = subprocess.Popen(
            [SERVE, str(folder), "%s:%d" % (host, port)] + ([passphrase] if passphrase else []),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=dict(os.environ, **env))
        self.port = int(self.process.stdout.readline())

    def reload(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.process.stdout.readline()

    def memory_kib(self):
        for line in pathlib.Path("/proc/%d/status" % self.process.pid).read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0

    def counters(self):
        return json.loads(curl(self.port, "/counters", "--cacert", self.folder / "ca.crt")[1])

    def close(self):
        self.process.stdin.close()
        status = self.process.wait(DEADLINE)
        expect("the server ends", status, 0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def curl(port, path, *options):
    done = subprocess.run(["curl", "-sS", "--cacert", FOLDER / "hub/ca.crt", "-m", "30", "-w",
                           "\n%{http_code} %{num_connects} %{ssl_verify_result}", *map(str, options),
                           "https://127.0.0.1:%d%s" % (port, path)], capture_output=True, text=True)
    if done.returncode != 0:
        return done.returncode, done.stderr
    body, _, tail = done.stdout.rpartition("\n")
    return int(tail.split()[0]), body


def as_sensor(name):
    pem = FOLDER / name / "tls.pem"
    return ["--cert", pem, "--key", pem]


def foreign():
    """A certificate of an authority of the same name that is not ours."""
    folder = FOLDER / "foreign"
    folder.mkdir()
    subject = subprocess.run(["openssl", "x509", "-in", FOLDER / "hub/ca.crt", "-noout", "-subject",
                              "-nameopt", "multiline"], capture_output=True, text=True, check=True).stdout
    name = subject.split("commonName")[1].split("=")[1].strip()
    quiet = dict(check=True, capture_output=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", folder / "ca.key", "-out", folder / "ca.crt", "-subj", "/CN=" + name], **quiet)
    sign(folder / "ca.crt", folder / "ca.key", folder / "tls.pem", days=30)


def sign(ca, ca_key, out, days=30, start=None):
    """A sensor's certificate from `ca`, by openssl alone."""
    quiet = dict(check=True, capture_output=True)
    work = out.parent / ("sign-" + out.stem)
    work.mkdir()
    (work / "index").write_text("")
    (work / "conf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=%s\nnew_certs_dir=%s\nserial=%s\ndefault_md=sha256\npolicy=p\n"
        "x509_extensions=e\n[p]\ncommonName=supplied\n[e]\nextendedKeyUsage=clientAuth\n"
        "subjectAltName=URI:urn:hinomi:sensor:%s\n" % (work / "index", work, work / "serial", "00" * 16))
    (work / "serial").write_text("01\n")
    subprocess.run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", work / "key", "-out", work / "csr", "-subj", "/CN=attic"], **quiet)
    dates = ["-startdate", start, "-enddate", "20200201000000Z"] if start else ["-days", str(days)]
    subprocess.run(["openssl", "ca", "-batch", "-notext", "-config", work / "conf", "-cert", ca, "-keyfile", ca_key,
                    "-in", work / "csr", "-out", work / "crt", *dates], **quiet)
    out.write_text((work / "key").read_text() + (work / "crt").read_text())


# ---- the commands ----

def lifecycle():
    port = free_port()
    hub = FOLDER / "hub"
    out = trust("init", "--dir", hub, "--hub", "127.0.0.1:%d" % port, "--name", "localhost")
    expect_in("init", out, "authority ")
    expect_in("init twice", trust("init", "--dir", hub, "--hub", "h:1", status=1), "already")
    expect_in("init without a hub", trust("init", "--dir", FOLDER / "x", status=2), "--hub")
    served = Hub(hub, port=port)
    code = trust("enrol", "attic", "--dir", hub).strip()
    expect_in("enrol", code, "hinomi-join:127.0.0.1:%d:" % port)
    expect_in("enrol twice", trust("enrol", "attic", "--dir", hub, status=1), "open")
    expect_in("a bad name", trust("enrol", "At tic", "--dir", hub, status=1), "name")
    expect_in("list", trust("list", "--dir", hub), "code open")
    expect_in("join", trust("join", code, "--dir", FOLDER / "attic"), "joined 127.0.0.1:%d as attic" % port)
    for name in ("sensor.key", "tls.pem", "ca.crt", "joined"):
        expect("mode of " + name, (FOLDER / "attic" / name).stat().st_mode & 0o777, 0o600)
    expect_in("join twice", trust("join", code, "--dir", FOLDER / "attic", status=1), "joined a hub already")
    expect_in("a code used twice", trust("join", code, "--dir", FOLDER / "thief", status=1), "used before")
    expect_in("a code cut", trust("join", code[:-3], "--dir", FOLDER / "thief", status=1), "not complete")
    expect_in("a code mistyped", trust("join", code[:-1] + ("A" if code[-1] != "A" else "B"), "--dir",
                                       FOLDER / "thief", status=1), "co")
    expect("nothing is left", (FOLDER / "thief" / "joined").exists(), False)
    listed = json.loads(trust("list", "--dir", hub, "--json"))
    expect("listed", [(s["name"], s["state"]) for s in listed["sensors"]], [("attic", "active")])
    expect("no open code", listed["codes"], [])
    expect_in("list of a sensor", trust("list", "--dir", FOLDER / "attic"), "attic at 127.0.0.1")
    expect("the sensor is known", curl(port, "/sensor", *as_sensor("attic"))[:2], (200, "attic\n"))
    before = (FOLDER / "attic/tls.pem").read_bytes()
    expect_in("renew", trust("renew", "--dir", FOLDER / "attic"), "attic, certificate until")
    expect("a new certificate", (FOLDER / "attic/tls.pem").read_bytes() == before, False)
    expect("known with it", curl(port, "/sensor", *as_sensor("attic"))[0], 200)
    expired = trust("enrol", "late", "--dir", hub, "--valid", "1s").strip()
    time.sleep(1.1)
    expect_in("an expired code", trust("join", expired, "--dir", FOLDER / "late", status=1), "expired")
    # by standard input, and in Japanese
    code = trust("enrol", "cellar", "--dir", hub, "--json")
    code = json.loads(code)["code"]
    expect_in("join by input", trust("join", "-", "--dir", FOLDER / "cellar", "--lang", "ja", stdin=code + "\n"),
              "参加")
    settings(hub, served)
    revoking(hub, port)
    other_hub(code)
    served.close()
    expect_in("no hub", trust("renew", "--dir", FOLDER / "cellar", status=1), "127.0.0.1:%d" % port)
    return port


def settings(hub, served):
    attic = FOLDER / "attic"
    expect_in("no settings yet", trust("settings", "fetch", "--dir", attic, status=1), "no settings")
    (FOLDER / "s.yaml").write_text("members: [203.0.113.0/24]\n")
    expect_in("sign", trust("settings", "sign", FOLDER / "s.yaml", "--dir", hub), "settings 1")
    expect_in("fetch", trust("settings", "fetch", "--dir", attic), "settings 1, new")
    expect_in("fetch again", trust("settings", "fetch", "--dir", attic), "as before")
    old = (hub / "settings.note").read_bytes()
    (FOLDER / "s.yaml").write_text("members: [192.0.2.0/24]\n")
    expect_in("sign again", trust("settings", "--dir", hub, "sign", FOLDER / "s.yaml"), "settings 2")
    expect_in("fetch the next", trust("settings", "fetch", "--dir", attic), "settings 2, new")
    kept = (attic / "settings.note").read_bytes()
    (hub / "settings.note").write_bytes(old)  # an old hub, restored
    expect_in("an older one", trust("settings", "fetch", "--dir", attic, status=1), "older")
    (hub / "settings.note").write_bytes(kept.replace(b"192.0.2.0", b"192.0.3.0"))
    expect_in("a changed one", trust("settings", "fetch", "--dir", attic, status=1), "verify")
    (hub / "settings.note").write_bytes(kept)
    expect("the last good one stays", (attic / "settings.note").read_bytes(), kept)
    expect("show", trust("settings", "show", "--dir", attic).encode(), kept)
    (FOLDER / "bad.yaml").write_text("member: []\n")
    expect_in("a mistake", trust("settings", "sign", FOLDER / "bad.yaml", "--dir", hub, status=1), "did you mean")
    expect_in("no file", trust("settings", "sign", FOLDER / "none", "--dir", hub, status=1), "none")
    expect_in("no such word", trust("settings", "sing", "--dir", hub, status=2), "sing")
    openssl_verifies(kept, attic)


def openssl_verifies(note, attic):
    """The note by openssl alone: Ed25519 over all up to the blank line."""
    text, line = note.split(b"\n\n\xe2\x80\x94 ")[0] + b"\n", note.split(b"\xe2\x80\x94 ")[1]
    vkey = (attic / "joined").read_text().split("settings ")[1].strip()
    key = base64.b64decode(vkey.split("+", 2)[2])[1:]
    signature = base64.b64decode(line.split()[1])
    expect("key id", signature[:4].hex(), vkey.split("+")[1])
    work = FOLDER / "note"
    work.mkdir()
    (work / "key.der").write_bytes(bytes.fromhex("302a300506032b6570032100") + key)
    (work / "text").write_bytes(text)
    (work / "signature").write_bytes(signature[4:])
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", work / "key.der",
                           "-rawin", "-in", work / "text", "-sigfile", work / "signature"], capture_output=True)
    expect("openssl verifies the note", done.returncode, 0)


def revoking(hub, port):
    """On a connection that stays open: refused at the next request."""
    context = ssl.create_default_context(cafile=hub / "ca.crt")
    context.load_cert_chain(FOLDER / "cellar/tls.pem")
    with socket.create_connection(("127.0.0.1", port)) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as s:
            expect("TLS", s.version(), "TLSv1.3")
            expect("before", ask(s, "/sensor"), 200)
            expect_in("revoke", trust("revoke", "cellar", "--dir", hub), "cellar")
            expect("after", ask(s, "/sensor"), 403)
            expect("what needs no certificate", ask(s, "/open"), 200)
    expect_in("renew when revoked", trust("renew", "--dir", FOLDER / "cellar", status=1), "revoked")
    expect_in("revoke twice", trust("revoke", "cellar", "--dir", hub, status=1), "cellar")
    expect("others stay", curl(port, "/sensor", *as_sensor("attic"))[0], 200)


def ask(s, path):
    """One request on an open connection; its status."""
    s.sendall(("GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % path).encode())
    got = b""
    while b"\r\n\r\n" not in got:
        piece = s.recv(4096)
        if not piece:
            return 0
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    size = int([h for h in head.lower().split(b"\r\n") if h.startswith(b"content-length")][0].split(b":")[1])
    while len(body) < size:
        body += s.recv(4096)
    return int(head.split()[1])


def other_hub(code):
    """A code of one hub at another that answers at its address: nothing is sent to it."""
    port = free_port()
    trust("init", "--dir", FOLDER / "hub2", "--hub", "127.0.0.1:%d" % port)
    served = Hub(FOLDER / "hub2", port=port)
    trust("init", "--dir", FOLDER / "hub3", "--hub", "127.0.0.1:%d" % port)
    code = trust("enrol", "attic", "--dir", FOLDER / "hub3").strip()
    expect_in("another hub", trust("join", code, "--dir", FOLDER / "lost", status=1), "not the hub of this")
    expect("it heard no request", served.counters()["requests"], 1)
    served.close()


def encrypted():
    port = free_port()
    hub, words = FOLDER / "sealed", FOLDER / "words"
    words.write_text("correct horse\n")
    words.chmod(0o644)
    expect_in("a passphrase for everybody", trust("init", "--dir", hub, "--hub", "h:1", "--passphrase-file", words,
                                                  status=1), "chmod 600")
    words.chmod(0o600)
    trust("init", "--dir", hub, "--hub", "127.0.0.1:%d" % port, "--passphrase-file", words)
    for name in ("ca.key", "settings.key", "hub.pem"):
        expect_in(name, (hub / name).read_text(), "BEGIN ENCRYPTED PRIVATE KEY")
    done = subprocess.run(["openssl", "pkey", "-in", hub / "ca.key", "-passin", "pass:correct horse", "-noout",
                           "-text_pub"], capture_output=True, text=True)
    expect_in("openssl reads it", done.stdout, "prime256v1")
    (FOLDER / "s.yaml").write_text("members: []\n")
    expect_in("no passphrase", trust("settings", "sign", FOLDER / "s.yaml", "--dir", hub, status=1), "passphrase")
    (FOLDER / "wrong").write_text("correct horses\n")
    (FOLDER / "wrong").chmod(0o600)
    expect_in("a wrong one", trust("settings", "sign", FOLDER / "s.yaml", "--dir", hub, "--passphrase-file",
                                   FOLDER / "wrong", status=1), "passphrase is wrong")
    trust("settings", "sign", FOLDER / "s.yaml", "--dir", hub, "--passphrase-file", words)
    served = Hub(hub, "correct horse", port=port)
    code = trust("enrol", "attic", "--dir", hub).strip()
    trust("join", code, "--dir", FOLDER / "sealed-attic", "--passphrase-file", words)
    expect_in("tls.pem", (FOLDER / "sealed-attic/tls.pem").read_text(), "BEGIN ENCRYPTED PRIVATE KEY")
    expect_in("sensor.key", (FOLDER / "sealed-attic/sensor.key").read_text(), "\nsealed ")
    code = trust("enrol", "cellar", "--dir", hub).strip()
    trust("join", code, "--dir", FOLDER / "sealed-cellar", env={"HINOMI_PASSPHRASE": "correct horse"})
    expect_in("by the environment", (FOLDER / "sealed-cellar/sensor.key").read_text(), "\nsealed ")
    trust("renew", "--dir", FOLDER / "sealed-cellar", "--passphrase-file", words)
    expect_in("and wrongly", trust("renew", "--dir", FOLDER / "sealed-cellar", status=1,
                                   env={"HINOMI_PASSPHRASE": "correct mule"}), "passphrase is wrong")
    trust("settings", "fetch", "--dir", FOLDER / "sealed-attic", "--passphrase-file", words)
    trust("renew", "--dir", FOLDER / "sealed-attic", "--passphrase-file", words)
    before = ssl.get_server_certificate(("127.0.0.1", port))
    trust("renew", "--dir", hub, "--passphrase-file", words)
    served.reload()
    expect("the hub's new certificate is shown", ssl.get_server_certificate(("127.0.0.1", port)) == before, False)
    trust("settings", "fetch", "--dir", FOLDER / "sealed-attic", "--passphrase-file", words)
    served.close()


class Proxy(threading.Thread):
    """An HTTP proxy that knows CONNECT alone, and notes to where."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen = []
        self.start()

    def run(self):
        while True:
            client, _ = self.listener.accept()
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1000)
            verb, target, _ = head.split(None, 2)
            self.seen.append((verb.decode(), target.decode()))
            host, _, port = target.decode().rpartition(":")
            server = socket.create_connection((host.strip("[]"), int(port)))
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(one, other), daemon=True).start()

    @staticmethod
    def pump(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def other_ways():
    """By IPv6, and through a proxy; the environment's proxy is not heeded in any of these tests."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        host = "[::1]"
    except OSError:
        host = "127.0.0.1"
    port, proxy = free_port(), Proxy()
    hub, loft = FOLDER / "v6", FOLDER / "loft"
    trust("init", "--dir", hub, "--hub", "%s:%d" % (host, port))
    served = Hub(hub, port=port, host=host)
    code = trust("enrol", "loft", "--dir", hub).strip()
    expect_in("the code", code, "%s:%d" % (host, port))
    expect_in("by " + host, trust("join", code, "--dir", loft), "joined %s:%d as loft" % (host, port))
    expect("no proxy", proxy.seen, [])
    trust("renew", "--dir", loft, "--proxy", "http://127.0.0.1:%d" % proxy.port)
    expect("by a proxy", proxy.seen, [("CONNECT", "%s:%d" % (host, port))])
    served.close()


# ---- the server and strangers ----

def clients():
    hub = FOLDER / "hub"
    served = Hub(hub)
    port = served.port
    foreign()
    sign(hub / "ca.crt", hub / "ca.key", FOLDER / "expired.pem", start="20200101000000Z")
    sign(hub / "ca.crt", hub / "ca.key", FOLDER / "unknown.pem")
    for name, options, wanted, says in (
            ("no certificate", [], 403, "is needed"),
            ("a foreign one", ["--cert", FOLDER / "foreign/tls.pem"], 403, "authority"),
            ("an expired one", ["--cert", FOLDER / "expired.pem"], 403, "expired"),
            ("one that never joined", ["--cert", FOLDER / "unknown.pem"], 403, "revoked"),
            ("a revoked one", as_sensor("cellar"), 403, "revoked"),
            ("a good one", as_sensor("attic"), 200, "attic")):
        status, body = curl(port, "/sensor", *options)
        expect("curl, " + name, status, wanted)
        expect_in("curl, " + name, body, says)
        expect("curl, open, " + name, curl(port, "/open", *options)[0], 200)
    expect("curl, TLS 1.2", curl(port, "/open", "--tls-max", "1.2")[0], 35)
    expect("curl, another authority", curl(port, "/open", "--cacert", FOLDER / "foreign/ca.crt")[0], 60)
    big = FOLDER / "big"
    with open(big, "wb") as file:
        file.truncate(3 << 20)
    expect("curl, a body too large", curl(port, "/body", "-X", "POST", "-T", big)[0], 413)
    expect("curl, a body", curl(port, "/body", "--data-binary", "abc")[:2], (200, "3\n"))
    s_client(port)
    gnutls(port)
    n = served.counters()
    for name in ("no_certificate", "bad_certificate", "revoked", "no_request", "body_limit"):
        expect(name + " is counted", n[name] > 0, True)
    served.close()


def s_client(port):
    def run(*options, request="GET /sensor HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"):
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % port, "-CAfile",
                               FOLDER / "hub/ca.crt", "-verify_return_error", "-ign_eof",
                               *map(str, options)], input=request, capture_output=True, text=True, timeout=DEADLINE)
        return done.stdout + done.stderr
    text = run("-cert", FOLDER / "attic/tls.pem")
    expect_in("s_client", text, "Verify return code: 0 (ok)")
    expect_in("s_client", text, "TLSv1.3")
    expect_in("s_client", text, "HTTP/1.1 200")
    expect_in("s_client without", run(), "HTTP/1.1 403")
    for options in (["-tls1_2"], ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]):
        text = run(*options)
        expect_in("s_client " + options[0], text, "Cipher is (NONE)")
        expect("s_client %s is answered" % options[0], "HTTP/1.1" in text, False)


def gnutls(port):
    if shutil.which("gnutls-cli") is None:
        return
    def run(*options):
        done = subprocess.run(["gnutls-cli", "--x509cafile", FOLDER / "hub/ca.crt", "-p", str(port), "127.0.0.1",
                               *map(str, options)], input="GET /sensor HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
                              capture_output=True, text=True, timeout=DEADLINE)
        return done.stdout + done.stderr
    pem = FOLDER / "attic/tls.pem"
    text = run("--x509certfile", pem, "--x509keyfile", pem)
    expect_in("gnutls-cli", text, "TLS1.3")
    expect_in("gnutls-cli", text, "The certificate is trusted")
    expect_in("gnutls-cli", text, "HTTP/1.1 200")
    expect_in("gnutls-cli without", run(), "HTTP/1.1 403")
    expect_in("gnutls-cli, TLS 1.2", run("--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.2"), "rror")


def slow_ones():
    """Slow-loris on handshake, headers and body: each is closed, and honest ones notice nothing."""
    served = Hub(FOLDER / "hub", SERVE_MS="1500")
    context = ssl.create_default_context(cafile=FOLDER / "hub/ca.crt")

    def connect():
        return socket.create_connection(("127.0.0.1", served.port), DEADLINE)
    plain = [connect() for _ in range(20)]
    hello = [connect() for _ in range(20)]
    for s in hello:
        s.sendall(b"\x16\x03\x01\x02\x00\x01")  # a handshake that goes no further
    headers, bodies = [], []
    for _ in range(20):
        headers.append(context.wrap_socket(connect(), server_hostname="127.0.0.1"))
        bodies.append(context.wrap_socket(connect(), server_hostname="127.0.0.1"))
        headers[-1].sendall(b"GET /open HTTP/1.1\r\n")
        bodies[-1].sendall(b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n")
    until = time.monotonic() + DEADLINE
    left = set(plain + hello + headers + bodies)
    while left and time.monotonic() < until:
        for s in list(left):
            try:
                if s in headers:
                    s.sendall(b"X: y\r\n")
                elif s in bodies:
                    s.sendall(b"z")
                s.settimeout(0.001)
                if s.recv(1) == b"":
                    left.discard(s)
            except (TimeoutError, ssl.SSLWantReadError):
                pass
            except OSError:
                left.discard(s)
        expect("an honest one meanwhile", curl(served.port, "/sensor", *as_sensor("attic"))[0], 200)
    expect("slow connections that stayed", len(left), 0)
    n = served.counters()
    expect("counted: handshake and headers", n["handshake_timeout"], 60)
    expect("counted: bodies", n["request_timeout"], 20)
    served.close()


def idle_crowd():
    """Ten thousand idle connections of many addresses, over the limit: honest ones notice nothing."""
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    crowd, most = 10000, 4000
    if hard < crowd + 200:
        crowd = max(hard - 200, 100)
        most = crowd // 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    served = Hub(FOLDER / "hub", SERVE_MS="600000", SERVE_CONNECTIONS=str(most))
    context = ssl.create_default_context(cafile=FOLDER / "hub/ca.crt")
    context.load_cert_chain(FOLDER / "attic/tls.pem")
    honest = context.wrap_socket(socket.create_connection(("127.0.0.1", served.port)), server_hostname="127.0.0.1")
    expect("before the crowd", ask(honest, "/sensor"), 200)
    idle = []
    began = time.monotonic()
    for i in range(crowd):
        s = socket.socket()
        s.bind(("127.0.%d.%d" % (1 + i // 50 // 250, 1 + i // 50 % 250), 0))
        s.connect(("127.0.0.1", served.port))
        idle.append(s)
    took = time.monotonic() - began
    worst = 0
    for _ in range(20):
        at = time.monotonic()
        expect("a newcomer in the crowd", curl(served.port, "/sensor", *as_sensor("attic"))[0], 200)
        worst = max(worst, time.monotonic() - at)
    expect("who was there before", ask(honest, "/sensor"), 200)
    n, memory = served.counters(), served.memory_kib()
    expect("no more than the limit", n["open"] <= most, True)
    expect("evicted", n["evicted"] >= crowd - most, True)
    print("crowd of %d (limit %d): made in %.1f s, a newcomer's request at most %.0f ms, server %d MiB"
          % (crowd, most, took, worst * 1000, memory // 1024))
    for s in idle:
        s.close()
    honest.close()
    served.close()


if any(shutil.which(tool) is None for tool in ("curl", "openssl")):
    print("curl and openssl are needed")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    FOLDER = pathlib.Path(folder)
    lifecycle()
    encrypted()
    other_ways()
    clients()
    slow_ones()
    idle_crowd()
for line in failures:
    print(line)
print("%d failures" % len(failures))
sys.exit(1 if failures else 0)
