#!/usr/bin/env python3
"""Packet counts of our reader and of Wireshark's on real recordings and on broken copies of them.

usage: packet_counts.py CAPTURE_COUNTS

Exit status 77 (meson: skipped) when capinfos or the recordings are not there.
"""

import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

FOLDERS = ("pcap-formats", "pcap-services", "pcap-telescope")
BROKEN_COPIES = 3  # of each file
CUT = 1  # HIN_FAULT_CUT


def recordings():
    source = pathlib.Path(os.environ.get("HINOMI_SOURCE", "."))
    data = pathlib.Path(os.environ.get("HINOMI_SHARED_DATA", source / ".." / "shared" / "data"))
    files = [f for name in FOLDERS for f in sorted((data / name).glob("*")) if f.is_file()]
    return [f for f in files if f.suffix != ".md"]


def ours(program, files):
    """{path: (packets or None, fault, text)}"""
    out = {}
    for start in range(0, len(files), 200):
        batch = [str(f) for f in files[start:start + 200]]
        run = subprocess.run([program, *batch], capture_output=True, text=True, check=True)
        for line in run.stdout.splitlines():
            path, packets, fault, text = line.split("\t")
            out[path] = (None if packets == "-" else int(packets), int(fault), text)
    return out


def wireshark(files):
    """{path: (packets or None, message)}; one call a file, for its messages name no file."""
    out = {}
    for file in files:
        run = subprocess.run(["capinfos", "-c", "-M", "-r", "-T", str(file)],
                             capture_output=True, text=True, check=False)
        line = run.stdout.strip().splitlines()
        read = re.search(r"after reading (\d+) packets", run.stderr)
        packets = int(read[1]) if read else int(line[-1].split("\t")[1]) if line else None
        lines = [l for l in run.stderr.splitlines() if "dangerous" not in l]
        out[str(file)] = (packets, " ".join(lines))
    return out


def compare(files, program):
    mine, theirs = ours(program, files), wireshark(files)
    bad = 0
    refused = 0
    for file in map(str, files):
        packets, fault, text = mine[file]
        want, message = theirs[file]
        if want is None and "network type" in message and "reserved" not in message:
            continue  # a link type Wireshark does not know: the packets are there all the same
        if want is None or packets is None:
            refused += 1
        if "damaged or corrupt" in message and fault == CUT:
            continue  # taken for one of the pcap variants without a mark of their own
        if "ends inside the pcapng file header" in text:
            continue  # taken for some other kind of file
        # a file may be refused by one and be read as without a packet by the other
        if (packets or 0) != (want or 0):
            print(f"{file}: {packets} packets ({fault} {text}), Wireshark {want} ({message})")
            bad += 1
        elif "cut short" in message and fault != CUT and packets is not None:
            print(f"{file}: fault {fault} ({text}), Wireshark: {message}")
            bad += 1
    print(f"{len(files)} files, {refused} refused, {bad} differ")
    return bad


def broken_copies(files, folder):
    """Cut copies: both must give the same whole packets."""
    rng = random.Random(1)
    out = []
    for number, file in enumerate(files):
        data = file.read_bytes()
        if len(data) > 1 << 20:
            continue
        for copy in range(BROKEN_COPIES):
            name = folder / f"{number:04}-{copy}{file.suffix}"
            name.write_bytes(data[:rng.randrange(24, max(25, len(data)))])
            out.append(name)
    return out


def main():
    files = recordings()
    if shutil.which("capinfos") is None or not files:
        print("capinfos or the recordings are not there")
        return 77
    bad = compare(files, sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        bad += compare(broken_copies(files, pathlib.Path(folder)), sys.argv[1])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
