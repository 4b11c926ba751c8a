#!/usr/bin/env python3
"""How long the page waits for questions over a million rows, asked as it asks, of a running door.

usage: door_query.py STORE_BENCH SERVE ACCOUNT [--rows N] [--rounds N] [--most MS]

A store of flows as a telescope of a /16 writes them (about a day of a million rows) is filled by
STORE_BENCH, door-serve answers over it, and each question is asked some times one after the other on
a connection that stays open. Printed are the fastest, the median and the slowest answer, its size,
and the processor time that the door took for one; then exports of all rows, with the most memory that
the door had meanwhile. With --most, a median above so many milliseconds fails.
"""
import argparse
import http.client
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

QUESTIONS = [
    ("100 rows of all", {"limit": 100}),
    ("100 rows of one port", {"filter": "dst port 23", "limit": 100}),
    ("100 rows of one source", {"filter": "src %(source)s", "limit": 100}),
    ("100 rows of a source that is not there", {"filter": "src 240.0.0.1", "limit": 100}),
    ("100 rows of a wide filter", {"filter": "proto tcp and not (dst port 23 or dst port 2323) and packets > 1", "limit": 100}),
    ("time series, all", {"series": "10m", "sum": "packets"}),
    ("time series, one port", {"filter": "dst port 23", "series": "10m", "sum": "packets"}),
    ("time series, a tool", {"filter": "tool zmap", "series": "10m", "sum": "packets"}),
    ("time series, by port", {"by": "dport", "series": "1h", "sum": "packets", "top": 5}),
    ("top ports", {"by": "dport,proto", "sum": "packets", "top": 10}),
    ("top ports, a prefix", {"filter": "src %(prefix)s", "by": "dport,proto", "sum": "packets", "top": 10}),
    ("top sources", {"by": "src", "sum": "packets", "top": 20}),
    ("top sources of a port", {"filter": "dst port 23", "by": "src", "sum": "packets", "top": 20}),
    ("top /24 of sources", {"by": "src/24", "sum": "packets", "top": 20}),
    ("tools", {"by": "tool", "sum": "packets", "top": 10}),
    ("distinct sources", {"distinct": "src", "sum": "packets"}),
    ("distinct sources by port", {"by": "dport", "distinct": "src", "sum": "packets", "top": 10}),
    ("targets of a source", {"filter": "src %(source)s", "by": "dst", "sum": "packets", "top": 20}),
]


class Door:
    def __init__(self, serve, account, folder):
        self.process = subprocess.Popen([serve, str(folder), "rate=0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        link = subprocess.run([account, "add", "--dir", str(folder), "--role", "administrator", "bench"], check=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip().rsplit("/", 1)[1]
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        self.headers = {"Content-Type": "application/json"}
        answer = self.ask("POST", "/api/v1/link", {"link": link, "password": "a long pass phrase"})
        csrf = json.loads(answer.text)["csrf"]
        self.headers["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]
        self.headers["X-CSRF-Token"] = csrf

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.connection.getresponse()
        answer.text = answer.read()
        return answer

    def cpu_s(self):
        fields = pathlib.Path("/proc/%d/stat" % self.process.pid).read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def memory(self, name="VmHWM"):
        text = pathlib.Path("/proc/%d/status" % self.process.pid).read_text()
        return int(text.split(name + ":")[1].split()[0]) / 1024

    def close(self):
        self.connection.close()
        self.process.stdin.close()
        self.process.wait()


def patient(door, path):
    """The answer and how long it took, once the rate lets it through."""
    while True:
        begun = time.monotonic()
        answer = door.ask("GET", path)
        took = time.monotonic() - begun
        if answer.status != 429:
            return answer, took
        time.sleep(float(answer.headers["Retry-After"]))


def questions(door, rounds, most):
    slow = 0
    door.ask("GET", "/api/v1/query?limit=1")  # the store is opened by the first one
    door.ask("GET", "/api/v1/query?limit=1")
    rows = json.loads(patient(door, "/api/v1/query?limit=50")[0].text)["rows"]
    source = rows[7]["src"]
    words = {"source": source, "prefix": source.rsplit(".", 2)[0] + ".0.0/16"}
    print("%-42s %8s %8s %8s %9s %8s" % ("question", "fastest", "median", "slowest", "processor", "answer"))
    for name, question in QUESTIONS:
        path = "/api/v1/query?" + urllib.parse.urlencode({key: value % words if isinstance(value, str) else value
                                                          for key, value in question.items()})
        times, size, before = [], 0, door.cpu_s()
        for _ in range(rounds):
            answer, took = patient(door, path)
            if answer.status != 200:
                sys.exit("%s: %d %s" % (name, answer.status, answer.text[:200]))
            times.append(took * 1000)
            size = len(answer.text)
        median = statistics.median(times)
        slow += median > most
        print("%-42s %5.1f ms %5.1f ms %5.1f ms %6.1f ms %5.1f kB%s" %
              (name, min(times), median, max(times), (door.cpu_s() - before) * 1000 / rounds, size / 1024,
               "  TOO SLOW" if median > most else ""), flush=True)
    return slow


def exports(door, rows):
    for form in "ndjson", "csv":
        time.sleep(1)  # for its turn: an export counts as a question
        begun, size, lines = time.monotonic(), 0, 0
        door.connection.request("GET", "/api/v1/export/observations?format=%s&limit=10000000" % form, headers=door.headers)
        answer = door.connection.getresponse()
        if answer.status != 200:
            sys.exit("export as %s: %d %s" % (form, answer.status, answer.read()[:200]))
        before = door.memory("VmRSS")
        peak = before
        while True:
            piece = answer.read(1 << 20)
            if not piece:
                break
            size += len(piece)
            lines += piece.count(b"\n")
            peak = max(peak, door.memory("VmRSS"))
        took = time.monotonic() - begun
        print("export as %-6s: %d lines, %.0f MB in %.1f s (%.0f rows/s); memory %.0f MB, at most %.0f MB meanwhile" %
              (form, lines, size / 1e6, took, lines / took, before, peak), flush=True)
        if lines < rows:
            sys.exit("rows are missing")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("store_bench")
    parser.add_argument("serve")
    parser.add_argument("account")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--most", type=float, default=float("inf"))
    parser.add_argument("--store", help="one that is filled already")
    args = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-door-query-"))
    try:
        if args.store:
            (folder / "store").symlink_to(args.store)
        else:
            subprocess.run([args.store_bench, "fill", str(folder / "store"), str(args.rows), str(max(args.rows // 1440, 1))],
                           check=True, stdout=subprocess.DEVNULL)
        door = Door(args.serve, args.account, folder)
        slow = questions(door, args.rounds, args.most)
        exports(door, args.rows)
        print("memory of the door: at most %.0f MB" % door.memory())
        door.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
