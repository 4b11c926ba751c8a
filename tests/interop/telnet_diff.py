"""telnet_diff - every probe at real Telnet servers and at the imitated ones, answers compared.

usage: telnet_diff.py DECOY_PROBE busybox|inetutils [-v] [NAME ...]

The real server runs in namespaces of the test's own. Prints each answer that differs, delays too,
and their number; the status is 1 when there is one. Skipped (77) where the server or root is
missing.
"""

import re
import selectors
import signal
import socket
import subprocess
import sys
import time

import telnet_real
import telnet_probes

WIDTH = 80     # connections at once
AGAIN = 3      # rounds for what differed
DELAY = 0.45   # seconds by which two delays may differ


def steady(answer):
    """Without what differs from connection to connection: the terminal's number."""
    return re.sub(rb"pts/\d+", b"pts/0", answer)


class Talk:
    """One probe at one server: what is sent, and every answer with its time."""

    def __init__(self, port, probe):
        self.probe, self.steps = probe, list(probe.steps)
        self.answers, self.current = [], b""
        self.closed = self.done = False
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.started = self.last = time.monotonic()
        self.first = None
        self.wait = probe.quiet

    def heard(self):
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        now = time.monotonic()
        if not data:
            self.closed = True
            if self.first is None:
                self.first = now - self.started
            self.finish()
            return
        if self.first is None:
            self.first = now - self.started
        self.current += data
        self.last = now

    def is_greeted(self, now):
        return self.first is not None or self.answers or now - self.started > 0.3

    def finish(self):
        self.answers.append((steady(self.current), self.first, self.closed))
        self.done = True
        self.socket.close()

    def tick(self, now):
        """The answer is whole when nothing has come for a while."""
        if self.done or now - self.last < self.wait or now - self.started < self.wait:
            return
        if not self.steps:
            self.finish()
            return
        self.answers.append((steady(self.current), self.first, False))
        step = self.steps.pop(0)
        self.current, self.first = b"", None
        self.started = self.last = now
        data, self.wait = step if isinstance(step, tuple) else (step, self.probe.quiet)
        try:
            self.socket.send(data)
        except OSError:
            self.closed = True
            self.finish()


def run(port, probes):
    """All probes, WIDTH at a time; the answers of each."""
    waiting, talking, results = list(probes), [], {}
    selector = selectors.DefaultSelector()
    while waiting or talking:
        # one at a time: busybox listens with a queue of one
        if waiting and len(talking) < WIDTH and (
                not talking or talking[-1].is_greeted(time.monotonic())):
            talk = Talk(port, waiting.pop(0))
            selector.register(talk.socket, selectors.EVENT_READ, talk)
            talking.append(talk)
        for key, _ in selector.select(0.01):
            key.data.heard()
        now = time.monotonic()
        for talk in talking:
            talk.tick(now)
        for talk in [one for one in talking if one.done]:
            talking.remove(talk)
            try:
                selector.unregister(talk.socket)
            except (KeyError, ValueError):
                for key in list(selector.get_map().values()):
                    if key.data is talk:
                        selector.unregister(key.fileobj)
            results[talk.probe.name] = talk.answers
    return results


def differs(real, ours):
    """In which step and how two runs differ; None when they do not."""
    for number, (a, b) in enumerate(zip(real, ours)):
        if a[0] != b[0]:
            return number, f"real {a[0]!r}\n   ours {b[0]!r}"
        if a[2] != b[2]:
            return number, f"real {'closed' if a[2] else 'open'}, ours {'closed' if b[2] else 'open'}"
        if (a[1] is None) != (b[1] is None) or (a[1] is not None and abs(a[1] - b[1]) > DELAY):
            return number, f"answered after: real {a[1]}, ours {b[1]}"
    if len(real) != len(ours):
        return min(len(real), len(ours)), f"real has {len(real)} answers, ours {len(ours)}"
    return None


def start_decoy(program, port, settings):
    server = subprocess.Popen([program, str(port), telnet_real.HOST, *settings])
    telnet_real.wait_for(port)
    return server


def main():
    # who is started in the background may ignore these, and the real log-in would, too
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    program, which = sys.argv[1:3]
    words = [word for word in sys.argv[3:] if word != "-v"]
    missing = telnet_real.possible("busybox" if which == "busybox" else "telnetd")
    if missing:
        print(f"skipped: needs {missing}")
        return 77
    telnet_real.enter()
    probes = telnet_probes.probes(which)
    if words:
        probes = [probe for probe in probes if any(word in probe.name for word in words)]
    server = telnet_real.Busybox() if which == "busybox" else telnet_real.Inetutils()
    with server as real:
        decoy = start_decoy(program, 3000, telnet_probes.settings(which, real))
        try:
            theirs, ours = run(real.port, probes), run(3000, probes)
            different = [probe for probe in probes
                         if differs(theirs[probe.name], ours[probe.name])]
            first = len(different)
            # the real one has races of its own, and load is no answer: they are asked again
            for _ in range(AGAIN):
                real_again, ours_again = run(real.port, different), run(3000, different)
                different = [probe for probe in different
                             if differs(real_again[probe.name], ours_again[probe.name])
                             and differs(real_again[probe.name], ours[probe.name])
                             and differs(theirs[probe.name], ours_again[probe.name])]
        finally:
            decoy.kill()
            decoy.wait()
    for probe in different:
        number, how = differs(real_again[probe.name], ours_again[probe.name])
        step = "at the start" if number == 0 else f"after {probe.steps[number - 1]!r}"
        print(f"{probe.name}: {step}\n   {how}")
    failures, unsteady = len(different), first - len(different)
    answers = sum(len(theirs[probe.name]) for probe in probes)
    print(f"{len(probes)} probes, {answers} answers, {failures} differ"
          f" ({unsteady} did so once)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
