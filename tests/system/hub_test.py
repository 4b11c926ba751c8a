#!/usr/bin/env python3
"""hub_test - a hub as operators run it and as strangers and broken sensors treat it.

usage: hub_test.py HUB TRUST ROAD STATUS

Each kind of bad input is refused with one line and a counter while an honest sensor goes on.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

HUB, TRUST, ROAD, STATUS, LEDGER, ACCOUNT = sys.argv[1:7]
PATIENCE = 60
PACKED = "application/x-hinomi-batches+zstd"
PLAIN = "application/x-hinomi-batches"
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s: said %r, wanted %r" % (what, said, wanted))


def until(what, ready):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = ready()
        if value:
            return value
        time.sleep(0.02)
    failures.append("%s: not within %d s" % (what, PATIENCE))
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, status=0, **more):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, **more)
    if status is not None and done.returncode != status:
        failures.append("%s: status %d, wanted %d: %s" %
                        (" ".join(map(str, command)), done.returncode, status, done.stderr))
    return done


class Hub:
    def __init__(self, work, folder="hub"):
        self.folder, self.port, self.metrics = work / folder, free_port(), free_port()
        self.log = work / (folder + ".log")
        self.process = None

    def start(self, *more, env=None, pre=None):
        self.process = subprocess.Popen(
            [HUB, "run", "--dir", str(self.folder), "--listen", "127.0.0.1:%d" % self.port,
             "--set", "metrics=127.0.0.1:%d" % self.metrics,
             "--set", "people=", *more],
            stderr=open(self.log, "a", encoding="utf-8"), env=env, preexec_fn=pre)
        until("hub listens", lambda: self.process.poll() is not None or self.answers())

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.metrics)) == 0

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def counter(self, name):
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.metrics, timeout=PATIENCE) as r:
            for line in r.read().decode().splitlines():
                if line.startswith("hinomi_" + name + " "):
                    return float(line.split()[1])
        return None

    def status(self):
        return json.loads((self.folder / "status.json").read_text())


def join(hub, folder, name):
    said = run(TRUST, "enrol", "--dir", hub.folder / "trust", name).stdout
    code = next(word for word in said.split() if word.startswith("hinomi-join:"))
    run(TRUST, "join", "--dir", folder, code)


class Client:
    """Requests with a sensor's certificate, or without."""

    def __init__(self, hub, folder=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        if folder is not None:
            self.context.load_cert_chain(folder / "tls.pem")
        self.hub = hub

    def ask(self, method, path, body=None, kind=PLAIN):
        link = http.client.HTTPSConnection("127.0.0.1", self.hub.port, context=self.context,
                                           timeout=PATIENCE)
        try:
            link.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = link.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return 0, str(error)
        finally:
            link.close()

    def post(self, body, count, kind=PLAIN, known="0" * 16 + ".0"):
        return self.ask("POST", "/v1/batches?known=%s&settings=0&version=1&count=%d" % (known, count),
                        body, kind)


def spooled(folder):
    """The batches in a sensor's spool."""
    out = []
    for path in sorted((folder / "spool").glob("*.batches")):
        data, at = path.read_bytes(), 0
        while at < len(data):
            size, = struct.unpack_from("<I", data, at + 4)
            out.append(data[at + 12:at + 12 + size])
            at += 12 + size
    return out


def load(*batches):
    return b"".join(struct.pack("<I", len(b)) + b for b in batches)


def zstd(data, *level):
    return subprocess.run(["zstd", "-q", "-c", *level], input=data, stdout=subprocess.PIPE,
                          check=True).stdout


def send(folder, rows, first, *more, status=0):
    return run(ROAD, "send", "--quiet", "--folder", folder, "--rows", rows, "--first", first,
               "--batch", 50, "--flush", "50ms", "--wait", "30s", *more, status=status).stdout


def flows(hub):
    said = run(ROAD, "rows", "--store", hub.folder / "store").stdout.split("\n")
    return sorted(int(line) for line in said if line and not line.startswith("kind")), \
        {int(line.split()[1]): int(line.split()[2]) for line in said if line.startswith("kind")}


def counted(hub, name, what, act, least=1):
    """Do `act`; the counter must rise, the hub must live."""
    before = hub.counter(name)
    said = act()
    after = until(what + ": counter " + name, lambda: (hub.counter(name) or 0) >= before + least)
    expect(what + " is counted", bool(after), True)
    expect(what + ": the hub lives", hub.process.poll(), None)
    return said


def refusals(hub, work):
    """Bodies and queries that are wrong in each way."""
    honest, other, nobody = Client(hub, work / "alpha"), Client(hub, work / "beta"), Client(hub)
    batches = spooled(work / "alpha")
    bad = bytearray(batches[-1])
    bad[len(bad) // 2] ^= 1

    def refused(name, what, body, count, kind=PLAIN, status=200, client=honest, word="refused"):
        code, text = counted(hub, name, what, lambda: client.post(body, count, kind))
        expect(what + ": status", code, status)
        if code == 200:
            said = json.loads(text)
            expect(what + ": verdict", said["verdicts"][0], word)
            expect(what + ": one line says why", "\n" not in said["reason"] and len(said["reason"]) > 5, True)
        else:
            expect(what + ": one line says why", len(text.strip().splitlines()) == 1 and len(text) > 5, True)

    batch = "hub_batches_refused_total{reason=\"%s\"}"
    request = "hub_requests_refused_total{reason=\"%s\"}"
    refused(batch % "signature", "a changed batch", load(bytes(bad)), 1)
    refused(batch % "signature", "garbage that says it is a batch", load(os.urandom(500)), 1)
    refused(batch % "stranger", "another sensor's batch", load(batches[0]), 1, client=other)
    refused(request % "frame", "garbage", os.urandom(5000), 1, status=400)
    refused(request % "frame", "fewer batches than said", load(batches[0]), 2, status=400)
    refused(request % "frame", "a torn body", load(batches[0])[:-1], 1, status=400)
    refused(request % "unpack", "a body that does not unpack", os.urandom(500), 1, PACKED, 400)
    refused(request % "type", "a body of another type", b"{}", 1, "application/json", 415)
    bomb = zstd(bytes(1 << 28), "-19")
    expect("the bomb is small", len(bomb) < 1 << 16, True)
    refused(request % "unpack", "256 MB in a few KB", bomb, 1, PACKED, 413)
    refused(request % "unpack", "one that wants 128 MB to unpack", zstd(bytes(1 << 28), "--long=27"), 1,
            PACKED, 400)
    refused("http_no_certificate_total", "no certificate", load(batches[0]), 1, status=403, client=nobody)
    for path in ("/v1/batches?known=x", "/v1/batches?count=257", "/v1/batches?settings=-1",
                 "/v1/batches?version=" + "9" * 40):
        code, _ = counted(hub, request % "query", path, lambda path=path: honest.ask("POST", path, b""))
        expect(path, code, 400)
    code, _ = honest.ask("GET", "/v1/nothing")
    expect("an unknown path", code, 404)
    # a whole gigabyte, said in advance and never sent
    with socket.create_connection(("127.0.0.1", hub.port)) as raw:
        with honest.context.wrap_socket(raw) as link:
            link.sendall(b"POST /v1/batches?count=1 HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\n"
                         b"Content-Length: 1073741824\r\n\r\n" % PLAIN.encode())
            expect("a gigabyte", link.recv(100).split()[1], b"413")
    code, text = honest.post(load(batches[0]), 1)
    expect("and the honest one is heard", (code, json.loads(text)["verdicts"]), (200, ["repeat"]))


def foreign_certificate(hub, work):
    """A certificate of another authority is none."""
    other = Hub(work, "other")
    other.folder.mkdir()
    run(TRUST, "init", "--dir", other.folder / "trust", "--hub", "127.0.0.1:%d" % other.port)
    other.start()
    join(other, work / "stranger", "stranger")
    other.end()
    before = hub.counter("hub_requests_total")
    code, _ = Client(hub, work / "stranger").post(b"", 0)
    expect("a foreign certificate is refused", code in (0, 401, 403), True)
    expect("and reaches no handler", hub.counter("hub_requests_total"), before)


def revocation(hub, work):
    client = Client(hub, work / "beta")
    expect("before it is revoked", client.post(b"", 0)[0], 200)
    run(TRUST, "revoke", "--dir", hub.folder / "trust", "beta")
    code, _ = counted(hub, "http_revoked_total", "a revoked certificate", lambda: client.post(b"", 0))
    expect("at the next request", code, 403)
    said = send(work / "beta", 10, 1, "--wait", "300ms", status=1)
    expect("its sensor keeps its rows", "rows/s" in said, True)


def crowds(hub, work):
    """Connections that say nothing, or little and slowly, while a sensor sends."""
    idle = []
    for _ in range(600):
        s = socket.create_connection(("127.0.0.1", hub.port))
        idle.append(s)
    for s in idle[:200]:
        s.sendall(b"\x16\x03\x01")  # the beginning of a handshake
    send(work / "alpha", 500, 2001)
    for s in idle:
        s.close()


def reload(hub, work):
    """SIGHUP while a sensor sends: no request is lost, and what can change has changed."""
    sensor = subprocess.Popen([ROAD, "send", "--quiet", "--folder", str(work / "alpha"), "--rows", "4000",
                               "--first", "10001", "--batch", "20", "--rate", "8000"],
                              stdout=subprocess.PIPE, text=True)
    for count in range(8):
        (hub.folder / "hub.yaml").write_text("silent: %dm\n" % (10 + count))
        hub.process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    out, _ = sensor.communicate(timeout=PATIENCE)
    expect("the sensor goes on over reloads", (sensor.returncode, "0 failures" in out), (0, True))
    (hub.folder / "hub.yaml").write_text("silent: nonsense\n")
    hub.process.send_signal(signal.SIGHUP)
    until("a mistake is told", lambda: "hub.not_reloaded" in hub.log.read_text())
    expect("and the line is named", "hub.yaml:1" in hub.log.read_text(), True)
    (hub.folder / "hub.yaml").unlink()


def silence(hub, work):
    """A sensor that says nothing is an alert: a row and a line, once."""
    hub.end()
    hub.start("--set", "silent=1s")
    send(work / "alpha", 10, 20001)
    until("the alert is told", lambda: "hub.sensor_silent" in hub.log.read_text())
    until("status says so", lambda: [s for s in hub.status()["sensors"]
                                     if s["name"] == "alpha" and s["state"] == "silent"])
    said = run(STATUS, "--dir", hub.folder, status=1).stdout
    expect("people see it", "silent" in said and "alpha" in said, True)
    for part in ("rows/s", "cases open", "notices open", "switched off", "acts, checkpoint", "desk: "):
        expect("a line of the parts", part in said, True)
    expect("in Japanese", "チェックポイント" in run(STATUS, "--dir", hub.folder, "--lang", "ja",
                                          status=1).stdout, True)
    expect("the metric too", hub.counter("sensor_silent{sensor=\"alpha\",id=\"%s\"}" % next(
        s["sensor"] for s in hub.status()["sensors"] if s["name"] == "alpha")), 1.0)
    send(work / "alpha", 10, 21001)
    until("it is back", lambda: "hub.sensor_back" in hub.log.read_text())
    expect("the row", until("row", lambda: flows(hub)[1].get(5)), 1)
    hub.end()
    hub.start()


def notify(hub, work):
    """The protocol of systemd: READY, WATCHDOG, STOPPING."""
    hub.end()
    path = str(work / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(PATIENCE)
        hub.start(env=dict(os.environ, NOTIFY_SOCKET=path, WATCHDOG_USEC="600000"))
        said = s.recv(1000).decode()
        expect("ready", said.splitlines()[0], "READY=1")
        expect("watchdog", s.recv(1000).decode(), "WATCHDOG=1")
        hub.process.send_signal(signal.SIGHUP)
        seen = set()
        while "READY=1" not in seen:
            seen |= set(s.recv(1000).decode().splitlines())
        expect("reloading", {"RELOADING=1", "READY=1"} <= seen, True)
        expect("a clean end", hub.end(), 0)
        while "STOPPING=1" not in seen:
            seen |= set(s.recv(1000).decode().splitlines())
    hub.start()


def settings(hub, work):
    """Settings are served as the signed note they are, and their number is told."""
    client = Client(hub, work / "alpha")
    expect("none yet", client.ask("GET", "/v1/settings")[0], 404)
    (work / "settings.yaml").write_text("members: [203.0.113.0/24]\n")
    run(TRUST, "settings", "sign", work / "settings.yaml", "--dir", hub.folder / "trust")
    code, note = client.ask("GET", "/v1/settings")
    expect("the note", (code, note.splitlines()[0]), (200, "hinomi settings 1"))
    until("sensors are told", lambda: json.loads(client.post(b"", 0)[1])["settings"] == 1)
    send(work / "alpha", 10, 15001)
    send(work / "alpha", 10, 15101, "--wait", "1ms", status=None)
    note = work / "alpha" / "settings.note"
    until("the sensor keeps them", lambda: note.exists() and "hinomi settings 1" in note.read_text())
    expect("nobody else", Client(hub).ask("GET", "/v1/settings")[0], 403)


def ledger(folder):
    """What the ledger's head says; all of it is checked."""
    return json.loads(run(LEDGER, "check", "--ledger", folder / "ledger", "--json").stdout)


def copies(hub, work):
    """Backup while it runs, restore elsewhere: the restored hub asks for what came after."""
    run(ACCOUNT, "add", "keeper", "--role", "inspector", "--dir", hub.folder)
    until("the act is in the ledger", lambda: (hub.folder / "ledger/checkpoint").exists() and
          ledger(hub.folder)["size"] > 0)
    before, _ = flows(hub)
    said = run(HUB, "backup", "--dir", hub.folder, work / "copy").stdout
    expect("backup says what it copied", "rows" in said, True)
    run(HUB, "backup", "--dir", hub.folder, work / "copy", status=2)
    for name in ("desk.db", "ledger.key", "ledger/checkpoint"):
        expect(name + " is copied", (work / "copy" / name).exists(), True)
    acts = ledger(hub.folder)
    expect("acts are in the copy", ledger(work / "copy")["size"] > 0, True)
    send(work / "alpha", 100, 30001)
    hub.end()
    hub.folder.rename(work / "lost")
    damaged = work / "damaged"
    shutil.copytree(work / "copy", damaged)
    key = damaged / "hub.key"
    text = key.read_bytes()  # one digit of it is another
    key.write_bytes(text[:-2] + (b"1" if text[-2:-1] == b"0" else b"0") + b"\n")
    run(HUB, "restore", "--dir", hub.folder, damaged, status=1)
    expect("nothing is made of a damaged one", hub.folder.exists(), False)
    run(HUB, "restore", "--dir", hub.folder, work / "copy")
    run(HUB, "restore", "--dir", hub.folder, work / "copy", status=2)
    hub.start()
    expect("as it was", flows(hub)[0], before)
    expect("the ledger is that of before", ledger(hub.folder)["ledger"], acts["ledger"])
    expect("and the accounts", "keeper" in run(ACCOUNT, "list", "--dir", hub.folder).stdout, True)
    send(work / "alpha", 5, 31001)
    after, kinds = flows(hub)
    expect("the sensor sent again what it has", after,
           sorted(before + list(range(30001, 30101)) + list(range(31001, 31006))))
    expect("without a gap", kinds.get(2), None)


def full_disk(hub, work):
    """The hub's disk is full: it waits and says so, the sensor keeps all; then it goes on."""
    import resource
    hub.end()

    def tight():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60000, resource.RLIM_INFINITY))
    before, _ = flows(hub)
    hub.start(pre=tight)
    send(work / "alpha", 20000, 40001, "--wait", "2s", status=1)
    until("it says so", lambda: "hub.disk_full" in hub.log.read_text() or
          "hub.not_stored" in hub.log.read_text())
    hub.end()
    hub.start()
    send(work / "alpha", 1, 70001)
    expect("nothing is lost, nothing twice", flows(hub)[0],
           sorted(before + list(range(40001, 60001)) + [70001]))


def epochs(hub, work):
    """A sensor that lost its folder begins anew, and is no repeat; the old epoch has ended."""
    old = spooled(work / "alpha")
    shutil.rmtree(work / "alpha" / "spool")
    send(work / "alpha", 30, 80001)
    expect("its rows are there", [n for n in flows(hub)[0] if 80001 <= n <= 80030], list(range(80001, 80031)))
    client = Client(hub, work / "alpha")
    code, text = client.post(load(old[0]), 1)
    expect("the old epoch is a repeat", json.loads(text)["verdicts"], ["repeat"])
    expect("clean", code, 200)


def commands(work):
    run(HUB, "run", "--dir", work / "nowhere", status=1)
    run(HUB, "run", "--nonsense", status=2)
    run(HUB, "run", "--check-config", "--set", "silent=5m")
    done = run(HUB, "run", "--check-config", "--set", "silnt=5m", status=1)
    expect("did you mean", "silent" in done.stderr, True)
    run(STATUS, "--dir", work / "nowhere", status=1)
    expect("settings", "keep.age" in run(HUB, "run", "--settings").stdout, True)
    expect("Japanese", "ハブ" in run(HUB, "run", "--help", "--lang", "ja").stdout, True)


def links(work):
    """A one-time link leads where hub.yaml says that people meet the hub."""
    for n, (settings, option, wanted, word) in enumerate([
            (None, [], "https://127.0.0.1:8440/link/", ""),
            ("people: 127.0.0.1:9001\n", [], "https://127.0.0.1:9001/link/", ""),
            ("people: 127.0.0.1:9001\npeople.plain: yes\n", [], "http://127.0.0.1:9001/link/", ""),
            ("people: 0.0.0.0:9001\n", [], "https://127.0.0.1:9001/link/", ""),
            ("people: '[::]:9001'\n", [], "https://[::1]:9001/link/", ""),
            ("people: 127.0.0.1:9001\n", ["--url", "https://hub.example"], "https://hub.example/link/", ""),
            ("people: ''\n", [], "https://127.0.0.1:8440/link/", "opens no page"),
            ("peple: x\n", [], "https://127.0.0.1:8440/link/", "did you mean")]):
        folder = work / ("links%d" % n)
        folder.mkdir()
        if settings is not None:
            (folder / "hub.yaml").write_text(settings)
        done = run(ACCOUNT, "first", "--dir", folder, *option)
        expect("link of %r" % settings, (done.stdout.startswith(wanted), word in done.stderr), (True, True))


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("ended from outside"))
    work = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-hub-"))
    hub = Hub(work)
    try:
        commands(work)
        links(work)
        hub.folder.mkdir()
        run(TRUST, "init", "--dir", hub.folder / "trust", "--hub", "127.0.0.1:%d" % hub.port)
        hub.start()
        join(hub, work / "alpha", "alpha")
        join(hub, work / "beta", "beta")
        send(work / "alpha", 1000, 1)
        send(work / "beta", 100, 90001)
        started = time.monotonic()
        for part in (refusals, foreign_certificate, revocation, crowds, reload, settings, silence, notify,
                     copies, full_disk, epochs):
            part(hub, work)
            if os.environ.get("HINOMI_TIMES"):
                print(part.__name__, "%.1f s" % (time.monotonic() - started))
        expect("a clean end", hub.end(), 0)
        shown = json.loads(run(STATUS, "--dir", hub.folder, "--json").stdout)
        expect("status as JSON", shown["program"], "hinomi hub")
        expect("rows were analysed", shown["analysis"]["rows"] > 0, True)
        expect("acts are in the ledger", shown["ledger"]["acts"] > 0, True)
        expect("it says how large the desk is", shown["desk"]["bytes"] > 0, True)
        expect("nobody is told", shown["telling"]["sends"], False)
        numbers, kinds = flows(hub)
        expect("no row twice", len(numbers), len(set(numbers)))
    finally:
        if hub.process is not None and hub.process.poll() is None:
            hub.process.kill()
            hub.process.wait()
        if failures and os.environ.get("HINOMI_KEEP"):
            print("kept", work)
        else:
            shutil.rmtree(work, ignore_errors=True)
    print("\n".join(failures) if failures else "the hub: all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
