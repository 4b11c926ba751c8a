#!/usr/bin/env python3
"""reports_test - what the telescope says of recordings whose truth is known.

usage: reports_test.py PROGRAM

The shipped samples always; the recordings outside the tree (HINOMI_SHARED_DATA, else ../shared/data
beside the source) where they are, else status 77: skipped.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = SOURCE / "data" / "samples"
SHARED = pathlib.Path(os.environ.get("HINOMI_SHARED_DATA", SOURCE.parent / "shared" / "data"))
PROGRAM = sys.argv[1]
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s: said %r, wanted %r" % (what, said, wanted))


def run(*args, binary=False):
    done = subprocess.run([PROGRAM, "--quiet", *map(str, args)], capture_output=True, check=False)
    if done.returncode != 0:
        failures.append("%s: status %d: %s" % (args, done.returncode, done.stderr.decode()))
        return {} if not binary else b""
    return done.stdout if binary else json.loads(done.stdout)


def events(report):
    return sorted((e["source"], e["kind"], e["scan"], e["tool"], e["ports"], e["targets"], e["packets"])
                  for e in report.get("events", []))


def summary(report):
    return (events(report),
            sorted((v["address"], v["service"], v["packets"], v["targets"])
                   for v in report.get("victims", [])),
            sorted((f["target"], f["packets"], f["sources"], f["spoofed"])
                   for f in report.get("floods", [])),
            sorted((a["target"], a["packets"], a["sources"]) for a in report.get("amplification", [])))


# file: recorded packets, then scans, victims, floods, amplification. Nothing else may be claimed.
TRUTH = {
    "445_scan.pcap": (21, [("176.192.150.3", "tcp-syn", "horizontal", "unknown", 1, 9, 21)], [], [], []),
    "amp.TCP.reflection.SYNACK.pcap": (8000, [], [], [], [("10.10.10.10", 7669, 6917)]),
    "amp.UDP.isakmp.pcap": (3984, [], [], [], [("10.10.10.10", 3984, 2767)]),
    "backscatter-synack-24h.pcap": (4771, [], [("202.229.120.98", "http", 3468, 511)], [], []),
    "ipv6-kill-router6.pcap": (21, [], [], [], []),
    "ipv6-rsmurf6.pcap": (1000, [], [], [("ff02::1", 1000, 1, True)], []),
    "memcached-tcp.pcap": (10, [], [], [], []),
    "multiport_scan.pcap": (16, [("125.27.226.209", "tcp-syn", "block", "unknown", 3, 10, 10)], [], [], []),
    "ndpi-tcp-scan.pcapng": (30, [("192.168.1.178", "tcp-other", "vertical", "unknown", 3, 1, 3),
                                  ("192.168.1.178", "tcp-syn", "vertical", "unknown", 4, 1, 4)], [], [], []),
    "ntp-mode6-mode7.pcap": (9, [], [], [], []),
    "pkt.TCP.synflood.spoofed.pcap": (37841, [], [], [("10.10.10.10", 37841, 37623, True)], []),
    "ssh-password-guessing.pcap": (431, [], [], [], []),
    "synscan.pcapng": (2011, [("172.16.0.8", "tcp-syn", "vertical", "nmap", 1000, 1, 1994)], [], [], []),
    "test7-malicious.pcap": (2000, [("192.168.2.16", "tcp-syn", "block", "unknown", 9, 136, 632)], [], [], []),
    "vertical-portscan-29.pcap": (29, [("10.100.25.14", "tcp-syn", "vertical", "unknown", 29, 1, 29)],
                                  [], [], []),
    "vnc-scanner.pcap": (20, [], [], [], []),
}


def known_recordings():
    folder = SHARED / "pcap-telescope"
    for name, wanted in TRUTH.items():
        report = run("--json", folder / name)
        expect(name, (report.get("packets"), *summary(report)), wanted)
        if name == "pkt.TCP.synflood.spoofed.pcap":
            expect("tools of " + name, report.get("tools"), {})


def samples():
    """Each sample against its sidecar; the same bytes whatever the threads; cut in two, the same."""
    for sidecar in sorted(SAMPLES.glob("*.json")):
        known = json.loads(sidecar.read_text(encoding="utf-8"))
        file = SAMPLES / (sidecar.stem + ".pcap.zst")
        options = ["--json", *sum((["--dark", d] for d in known["dark"]), []),
                   *sum((["--member", m] for m in known["member"]), [])]
        one = run(*options, "--threads", 1, file, binary=True)
        for threads in (2, 3, 16):
            expect("%s with %d threads" % (file.name, threads),
                   run(*options, "--threads", threads, file, binary=True) == one, True)
        expect("recording of " + file.name, json.loads(one or b"{}").get("recording"),
               "laboratory recording")


def town():
    options = ["--json", "--dark", "198.18.0.0/16", "--member", "192.52.193.0/24"]
    report = run(*options, SAMPLES / "town.pcap.zst")
    tools = {e["source"]: (e["tool"], e["scan"]) for e in report.get("events", [])}
    for source, wanted in {"192.31.196.10": ("zmap", "horizontal"), "192.31.196.20": ("masscan", "block"),
                           "192.31.196.11": ("zmap-random-id", "horizontal"),
                           "192.31.196.30": ("nmap", "vertical"), "192.31.196.31": ("nmap", "horizontal"),
                           "192.31.196.60": ("unicornscan", "horizontal"),
                           "192.52.193.77": ("mirai", "block")}.items():
        expect("town: " + source, tools.get(source), wanted)
    expect("town: infected", [(m["address"], m["infected"]) for m in report.get("members", [])],
           [("192.52.193.77", True)])
    expect("town: victims", sorted(v["address"] for v in report.get("victims", [])),
           ["192.175.48.80", "192.175.48.81"])
    expect("town: forged flood", [(f["target"], f["port"], f["spoofed"]) for f in report.get("floods", [])],
           [("198.18.77.77", 80, True)])
    victims = {v["address"] for v in report.get("victims", [])}
    expect("a victim is no scanner", [s for s in tools if s in victims], [])


def cut_in_two():
    """A state carries everything over: two halves, cut in the middle of a minute, equal the whole."""
    options = ["--json", "--dark", "198.18.0.0/16", "--member", "192.52.193.0/24"]
    raw = subprocess.run(["zstd", "-dc", SAMPLES / "town.pcap.zst"], capture_output=True, check=True).stdout
    cuts, at = [], 24
    while at + 16 <= len(raw):
        cuts.append(at)
        at += 16 + int.from_bytes(raw[at + 8:at + 12], "little")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "whole.pcap").write_bytes(raw)
        whole = run(*options, "--flows", folder / "whole.ndjson", "--state", folder / "whole.state",
                    folder / "whole.pcap")
        for share in (0.1, 0.37, 0.8):
            cut = cuts[int(len(cuts) * share)]
            (folder / "a.pcap").write_bytes(raw[:cut])
            (folder / "b.pcap").write_bytes(raw[:24] + raw[cut:])
            state = folder / ("%g.state" % share)
            run(*options, "--flows", folder / "a.ndjson", "--state", state, folder / "a.pcap")
            both = run(*options, "--flows", folder / "b.ndjson", "--state", state, folder / "b.pcap")
            whole.pop("inputs", None), both.pop("inputs", None)
            whole.pop("recording", None), both.pop("recording", None)
            expect("cut at %g: the report" % share, both == whole, True)
            expect("cut at %g: the flows" % share,
                   (folder / "a.ndjson").read_bytes() + (folder / "b.ndjson").read_bytes() ==
                   (folder / "whole.ndjson").read_bytes(), True)


samples()
town()
cut_in_two()
absent = not (SHARED / "pcap-telescope").is_dir()
if not absent:
    known_recordings()
for line in failures:
    print(line)
print("%d failures" % len(failures))
sys.exit(1 if failures else 77 if absent else 0)
