#!/usr/bin/env python3
"""road_test - kill -9 of sensor and hub at random moments; nothing that was safe is lost.

usage: road_test.py HUB TRUST ROAD [--kills N] [--every N] [--seed N] [--folder FOLDER]

A sensor numbers its rows and says up to which they are in its spool; sensor, hub or both are killed
at random, N times (150). At the end every row that was safe is in the hub's store exactly once, no
row is there twice, the chain has neither gap nor fork, and nothing was told as lost. With a large N
this is the soak of a night: the same is looked at each --every kills (1000), and it prints how far
it is each minute.
"""
import argparse
import json
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

RUN = 1000000  # numbers of rows of one run of the sensor
PATIENCE = 120


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CHILDREN = []


class Hub:
    def __init__(self, program, folder, port):
        self.command = [program, "run", "--dir", str(folder), "--listen", "127.0.0.1:%d" % port,
                        "--set", "metrics=", "--set", "people=", "--set", "log=error"]
        self.port, self.folder, self.process = port, folder, None

    def start(self):
        self.process = subprocess.Popen(self.command)
        CHILDREN.append(self.process)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                sys.exit("the hub ended with %d" % self.process.returncode)
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.005)
        sys.exit("the hub does not listen")

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        if number == signal.SIGTERM and status != 0:
            sys.exit("the hub stopped with status %d" % status)


class Sensor:
    """One run of the sensor's program; `safe` is the last number it said to be in its spool."""

    def __init__(self, program, folder, run, dice, rows=RUN - 1):
        self.first, self.safe, self.said = run * RUN + 1, None, 0
        self.moved = threading.Condition()
        self.process = subprocess.Popen(
            [program, "send", "--quiet", "--durable", "--folder", str(folder),
             "--first", str(self.first), "--rows", str(rows), "--burst", str(dice.randint(1, 40)),
             "--batch", str(dice.choice([5, 50, 500])), "--flush", "%dms" % dice.randint(5, 200)],
            stdout=subprocess.PIPE, text=True)
        CHILDREN.append(self.process)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            word, _, number = line.strip().partition(" ")
            if word == "durable" and line.endswith("\n"):
                with self.moved:
                    self.safe, self.said = int(number), self.said + 1
                    self.moved.notify()

    def wait_for(self, count):
        end = time.monotonic() + PATIENCE
        with self.moved:
            want = self.said + count
            while self.said < want and time.monotonic() < end and self.process.poll() is None:
                self.moved.wait(1)
            if self.said < want:
                sys.exit("the sensor says nothing")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.reader.join()


def join(trust, hub_folder, sensor_folder, name):
    said = subprocess.run([trust, "enrol", "--dir", hub_folder / "trust", name], check=True,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True).stdout
    code = next(word for word in said.split() if word.startswith("hinomi-join:"))
    subprocess.run([trust, "join", "--dir", sensor_folder, code], check=True, stdout=subprocess.DEVNULL)


def check(road, hub_folder, runs):
    """Compare what is in the store with what was safe. Returns the number of rows."""
    said = subprocess.run([road, "rows", "--store", hub_folder / "store"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    numbers, kinds = [], {}
    for line in said.splitlines():
        if line.startswith("kind "):
            _, kind, count = line.split()
            kinds[int(kind)] = int(count)
        else:
            numbers.append(int(line))
    have = set(numbers)
    if len(have) != len(numbers):
        twice = sorted(n for n in have if numbers.count(n) > 1)[:10]
        sys.exit("rows came twice: %s" % twice)
    for first, safe in runs:
        missing = [n for n in range(first, (safe or 0) + 1) if n not in have]
        if missing:
            sys.exit("rows that were safe are lost: %s ..." % missing[:10])
    for kind, name in ((1, "road.loss"), (2, "road.gap"), (3, "road.filled")):
        if kinds.get(kind):
            sys.exit("%d rows of %s" % (kinds[kind], name))
    status = json.loads((hub_folder / "status.json").read_text())
    sensor, = [s for s in status["sensors"] if s["name"] == "alpha"]
    if sensor["missing"] or sensor["refused"] or any(status["batches_refused"].values()):
        sys.exit("the hub's view: %s %s" % (sensor, status["batches_refused"]))
    return len(numbers), sensor


def settle(args, hub, run, dice, runs, what):
    """Let the hub have all that is in the spool, end it, and look."""
    last = Sensor(args.road, hub.folder.parent / "alpha", run, dice, rows=3)
    if last.process.wait(PATIENCE) != 0:
        sys.exit("the hub does not get what is in the spool")
    last.reader.join()
    runs.append((last.first, last.safe))
    hub.end(signal.SIGTERM)
    rows, state = check(args.road, hub.folder, runs)
    safe = sum((safe or first - 1) - first + 1 for first, safe in runs)
    print("%s: %d rows safe, %d stored, %d batches, one epoch %s" %
          (what, safe, rows, state["sequence"], state["epoch"]), flush=True)


def torment(args, work, dice):
    hub = Hub(args.hub, work / "hub", free_port())
    (work / "hub").mkdir()
    subprocess.run([args.trust, "init", "--dir", hub.folder / "trust", "--hub",
                    "127.0.0.1:%d" % hub.port], check=True, stdout=subprocess.DEVNULL)
    hub.start()
    join(args.trust, hub.folder, work / "alpha", "alpha")
    runs, run, sensor, told = [], 0, None, time.monotonic()
    killed = {"sensor": 0, "hub": 0, "both": 0}
    for count in range(args.kills):
        if sensor is None:
            sensor = Sensor(args.road, work / "alpha", run, dice)
            run += 1
        sensor.wait_for(dice.randint(1, 12))
        time.sleep(dice.random() * 0.02)  # no moment is like another; nothing depends on it
        whom = dice.choices(["sensor", "hub", "both"], [6, 3, 1])[0]
        killed[whom] += 1
        if whom != "sensor":
            hub.end(signal.SIGKILL)
        if whom != "hub":
            sensor.kill()
            runs.append((sensor.first, sensor.safe))
            sensor = None
        if whom != "sensor":
            hub.start()
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print("%d of %d" % (count + 1, args.kills), flush=True)
        done = count + 1 == args.kills
        if sensor is not None and (done or (count + 1) % args.every == 0):
            sensor.kill()
            runs.append((sensor.first, sensor.safe))
            sensor = None
        if not done and (count + 1) % args.every == 0:
            settle(args, hub, run, dice, runs, "%d kills so far" % (count + 1))
            run += 1
            hub.start()
    settle(args, hub, run, dice, runs, "%d kills %s" % (args.kills, killed))


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("ended from outside"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hub")
    parser.add_argument("trust")
    parser.add_argument("road")
    parser.add_argument("--kills", type=int, default=150)
    parser.add_argument("--every", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--folder", help="work here and leave it; else a temporary one")
    args = parser.parse_args()
    work = pathlib.Path(args.folder or tempfile.mkdtemp(prefix="hinomi-road-"))
    work.mkdir(exist_ok=True)
    try:
        torment(args, work, random.Random(args.seed))
    finally:
        for child in CHILDREN:
            if child.poll() is None:
                child.kill()
                child.wait()
        if not args.folder:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
