#!/usr/bin/env python3
"""decoy - a running decoy under load: how fast it lets in, what a session costs, what it keeps.

usage: bench/decoy.py BUILD [--logins N] [--sessions N]

In a network namespace of its own: the town hall, then a made organisation of 4,096 hosts. Prints the
time to listen, resident memory (the processes' shares added up), Telnet log-ins a second with the
processor time of each process, memory a session at once, and bytes stored a log-in.
"""
import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

INSIDE = "HINOMI_BENCH_INSIDE"
ROUTER = "10.61.1.254"
MANY = """title: "Many"
domain: "many.internal"
departments: ["d 部 Department"]
hosts: ["10.62.0.0/20 router h%04d d"]
logins: ["* admin admin"]
"""


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


def resident(pids):
    """KiB: each process's share of what it has in memory."""
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as file:
            total += int(re.search(r"^Pss:\s+(\d+)", file.read(), re.M)[1])
    return total


def seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Decoy:
    def __init__(self, build, *settings):
        self.place = tempfile.mkdtemp()
        argv = [build + "/hinomi-decoy", "run", "--dir", self.place + "/decoy", "--set",
                "limit.source_sessions=100000", "--set", "limit.source_day=0", "--set", "user=root"]
        for setting in settings:
            argv += ["--set", setting]
        self.log = open(self.place + "/log", "w+", encoding="utf-8")
        begun = time.monotonic()
        self.process = subprocess.Popen(argv, stderr=self.log)
        while "decoy.start" not in open(self.place + "/log", encoding="utf-8").read():
            if self.process.poll() is not None:
                sys.exit(open(self.place + "/log", encoding="utf-8").read())
            time.sleep(0.001)
        self.started = time.monotonic() - begun
        time.sleep(1)

    def pids(self):
        return [self.process.pid, *children(self.process.pid)]

    def stored(self):
        return sum(os.path.getsize(p) for p in glob.glob(self.place + "/decoy/recordings/*"))

    def end(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.place)


def measure(build, logins, sessions):
    load = build + "/bench/hinomi-decoy-load"
    decoy = Decoy(build)
    idle = resident(decoy.pids())
    print("town hall: listens after %.0f ms; %d KiB resident" % (decoy.started * 1000, idle))
    before = [seconds(pid) for pid in decoy.pids()]
    done = subprocess.run([load, ROUTER, "23", str(logins), "400", "admin", "admin"], check=False,
                          stdout=subprocess.PIPE, text=True)
    spent = [seconds(pid) - b for pid, b in zip(decoy.pids(), before)]
    print("Telnet: " + done.stdout.strip())
    print("        processor time a log-in: gate %.0f, scribe %.0f, worker %.0f us"
          % tuple(s / logins * 1e6 for s in spent))
    time.sleep(12)  # ended sessions are sealed
    print("        %.0f bytes stored a log-in" % (decoy.stored() / logins))
    after = resident(decoy.pids())
    print("        %d KiB resident when all have gone (%+.0f %%)"
          % (after, (after / idle - 1) * 100))
    held = subprocess.Popen([load, ROUTER, "23", str(sessions), str(sessions), "admin", "admin", "hold",
                             "8"], stdout=subprocess.PIPE, text=True)
    print("sessions: " + held.stdout.readline().strip(), end="")
    time.sleep(2)
    now = resident(decoy.pids())
    print(", %.1f KiB each" % ((now - after) / sessions))
    held.wait()
    time.sleep(12)
    print("          %d KiB resident when all have gone (%+.0f %%)"
          % (resident(decoy.pids()), (resident(decoy.pids()) / idle - 1) * 100))
    decoy.end()
    path = tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8")
    path.write(MANY)
    path.flush()
    decoy = Decoy(build, "organisation=" + path.name)
    print("4,096 hosts: listens after %.0f ms; %d KiB resident"
          % (decoy.started * 1000, resident(decoy.pids())))
    decoy.end()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--logins", type=int, default=20000)
    parser.add_argument("--sessions", type=int, default=5000)
    args = parser.parse_args()
    if os.environ.get(INSIDE) != "yes":
        os.environ[INSIDE] = "yes"
        how = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-Urn"]
        os.execvp(how[0], [*how, sys.executable, *sys.argv])
    for line in ("link set lo up", "route add local 10.61.0.0/16 dev lo",
                 "route add local 10.62.0.0/16 dev lo"):
        subprocess.run(["ip", *line.split()], check=True)
    measure(os.path.abspath(args.build), args.logins, args.sessions)


if __name__ == "__main__":
    main()
