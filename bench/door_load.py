#!/usr/bin/env python3
"""A hub at work for many people: open browsers, requests as the page makes them, traffic coming in.

usage: door_load.py BUILD [--people 100] [--rate 1000] [--seconds 30] [--cases 10000] [--rows 1000000]

BUILD is a build folder of kind release. A hub with a store of a million rows, ten thousand cases and
sensors that send runs on the first processor, with TLS for people, as it is installed but for the
limit of connections of one address. Each person is signed in, has an event stream with traffic open and
asks its part of RATE requests a second. Printed: requests a second and their times, from when they were
due, events delivered, the hub's share of one processor and its memory. It fails when requests are left
out, a stream breaks or the memory is above 200 MB.
"""
import argparse
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
MOST_MB = 200


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, name):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1000
    return 0


def start_hub(build, folder, port, people):
    hub = subprocess.Popen(["taskset", "-c", "0", build / "hinomi-hub", "run", "--dir", folder, "--listen",
                            "127.0.0.1:%d" % port, "--set", "metrics=", "--set", "people=127.0.0.1:%d" % people,
                            "--set", "log=error"], stdout=subprocess.DEVNULL)
    while hub.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", people)) == 0:
                return hub
        time.sleep(0.01)
    sys.exit("the hub does not start")


def threads(pid):
    """Processor time of each thread by its name."""
    out = {}
    for task in pathlib.Path("/proc/%d/task" % pid).iterdir():
        name, rest = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        fields = rest.split()
        out[task.name] = (int(fields[11]) + int(fields[12])) / TICK
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--sensors", type=int, default=10)
    args = parser.parse_args()
    build = args.build.resolve()
    load = build / "bench" / "hinomi-door-load"
    work = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-door-load-"))
    port, people, hub, crowd = free_port(), free_port(), None, None
    try:
        (work / "hub").mkdir()
        subprocess.run([build / "hinomi-trust", "init", "--dir", work / "hub" / "trust", "--hub",
                        "127.0.0.1:%d" % port], check=True, stdout=subprocess.DEVNULL)
        sessions = subprocess.run([load, "fill", work / "hub" / "desk.db", str(args.people), str(args.cases)],
                                  check=True, stdout=subprocess.PIPE).stdout
        if args.rows:
            subprocess.run([build / "bench" / "hinomi-store-bench", "fill", work / "hub" / "store", str(args.rows),
                            str(args.rows // 1440)], check=True, stdout=subprocess.DEVNULL)
        hub = start_hub(build, work / "hub", port, people)
        crowd = subprocess.Popen(["taskset", "-c", "1", build / "tests" / "system" / "hinomi-road", "crowd", "--quiet",
                                  "--folder", work / "crowd", "--trust", work / "hub" / "trust", "--sensors",
                                  str(args.sensors), "--seconds", str(args.seconds + 30), "--rate", "100", "--flush",
                                  "1s", "--spool", "8M", "--wait", "1m"], stdout=subprocess.DEVNULL)
        time.sleep(5)
        print("at rest, %d sensors sending: %.0f MB" % (args.sensors, memory(hub.pid, "VmRSS")))
        client = subprocess.Popen(["taskset", "-c", "1", load, "run", str(people), str(args.seconds), str(args.rate),
                                   str(args.people)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        client.stdin.write(sessions)
        client.stdin.close()
        figures, before, peak = {}, 0, 0
        for line in client.stdout:
            word, _, value = line.decode().strip().partition(" ")
            if word == "begin":
                before, one = cpu(hub.pid), threads(hub.pid)
                own, begun = cpu(client.pid), time.monotonic()
            elif word == "end":
                took = time.monotonic() - begun
                spent, client_spent = cpu(hub.pid) - before, cpu(client.pid) - own
                busiest = sorted((used - one.get(name, 0) for name, used in threads(hub.pid).items()), reverse=True)[:4]
                rss, peak = memory(hub.pid, "VmRSS"), memory(hub.pid, "VmHWM")
            else:
                figures[word] = float(value)
                print("%-28s %s" % (word, value))
        failed = client.wait() != 0
        print("%-28s %.2f (busiest threads %s)" % ("hub's share of one core", spent / took,
                                                  " ".join("%.2f" % (b / took) for b in busiest)))
        print("%-28s %.2f" % ("client's share", client_spent / took))
        print("%-28s %.0f now, %.0f at most" % ("hub's memory, MB", rss, peak))
        wanted = args.rate * args.seconds * 0.98
        for what, bad in (("requests were left out", figures["requests"] < wanted), ("some were refused", figures["refused"] > 0),
                          ("something broke", failed),
                          ("a browser got no events", figures["events_of_the_least_lucky"] < args.seconds * 0.8), ("more than %d MB" % MOST_MB, peak > MOST_MB)):
            if bad:
                print("FAILED: " + what)
                failed = True
        return 1 if failed else 0
    finally:
        for process in (crowd, hub):
            if process is not None:
                process.terminate()
                process.wait()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
