#!/usr/bin/env python3
"""road - measure the road over loopback: TLS, signatures and fsync on both sides.

usage: bench/road.py BUILD [--rows N] [--sensors N] [--seconds N] [--folder FOLDER]

BUILD is a build folder of kind release. Prints, measured in one run:
  rows a second of one sensor, and the ratio to the million that is asked for
  how long urgent rows take
  the share of one processor that the hub needs for many sensors of 100 rows a second, and its memory
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


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def cpu(pid):
    fields = pathlib.Path("/proc/%d/stat" % pid).read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid):
    for line in pathlib.Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def start_hub(build, folder, port):
    hub = subprocess.Popen(["taskset", "-c", "0", build / "hinomi-hub", "run", "--dir", folder, "--listen",
                            "127.0.0.1:%d" % port, "--set", "metrics=", "--set", "people=", "--set", "log=error",
                            "--set", "per-address=65536"])
    while hub.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return hub
        time.sleep(0.01)
    sys.exit("the hub does not start")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=20000000)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--folder")
    args = parser.parse_args()
    build, road = args.build.resolve(), args.build.resolve() / "tests" / "system" / "hinomi-road"
    work = pathlib.Path(args.folder or tempfile.mkdtemp(prefix="hinomi-road-bench-"))
    port, hub = free_port(), None
    try:
        (work / "hub").mkdir(parents=True)
        subprocess.run([build / "hinomi-trust", "init", "--dir", work / "hub" / "trust", "--hub",
                        "127.0.0.1:%d" % port], check=True, stdout=subprocess.DEVNULL)
        hub = start_hub(build, work / "hub", port)
        said = subprocess.run([build / "hinomi-trust", "enrol", "--dir", work / "hub" / "trust", "one"],
                              check=True, capture_output=True, text=True).stdout
        code = next(word for word in said.split() if word.startswith("hinomi-join:"))
        subprocess.run([build / "hinomi-trust", "join", "--dir", work / "one", code], check=True,
                       stdout=subprocess.DEVNULL)
        before = cpu(hub.pid)
        said = subprocess.run(["taskset", "-c", "1", road, "send", "--quiet", "--folder", work / "one",
                               "--rows", str(args.rows), "--wait", "10m"], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        rate = float(said.split(" rows/s")[0].split()[-1])
        print("one sensor: %.2f M rows/s, %.2f times a million; hub: %.2f s of processor, %.0f MiB" %
              (rate / 1e6, rate / 1e6, cpu(hub.pid) - before, memory(hub.pid)))
        print("  " + said.strip())
        print(subprocess.run([road, "urgent", "--quiet", "--folder", work / "one"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout.strip() + " (200 ms asked for)")
        before, start = cpu(hub.pid), time.monotonic()
        said = subprocess.run(["taskset", "-c", "1", road, "crowd", "--quiet", "--folder", work / "crowd",
                               "--trust", work / "hub" / "trust", "--sensors", str(args.sensors),
                               "--seconds", str(args.seconds), "--rate", "100", "--flush", "10s",
                               "--spool", "8M", "--wait", "5m"], check=True, stdout=subprocess.PIPE,
                              text=True).stdout
        took = time.monotonic() - start
        print("%d sensors of 100 rows/s: the hub needs %.2f of one processor, %.0f MiB of 100" %
              (args.sensors, (cpu(hub.pid) - before) / took, memory(hub.pid)))
        print("  " + said.strip().replace("\n", "\n  "))
    finally:
        if hub is not None:
            hub.terminate()
            hub.wait()
        if not args.folder:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
