#!/usr/bin/env python3
"""live_test - real tools against the live telescope, with tcpdump beside it.

usage: live_test.py PROGRAM

zmap, masscan, nmap, hping3 and fping send into a dark /16 over a cable between two namespaces; the
telescope and a recorder watch the other end. Same counts, right tools, right scan types, right
rates. Status 77 where namespaces or a tool are missing.
"""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

KINDS = {"tcp_syn": "tcp-syn", "tcp_synack": "tcp-syn-ack", "tcp_rst": "tcp-rst", "tcp_ack": "tcp-ack",
         "tcp_other": "tcp-other", "icmp_echo_request": "icmp-echo-request",
         "icmp_echo_reply": "icmp-echo-reply", "icmp_unreachable": "icmp-destination-unreachable",
         "icmp_time_exceeded": "icmp-time-exceeded", "other_protocol": "other-protocol"}

# source: tool, scan type
WANTED = {
    "zmap": ("zmap", "horizontal"),
    "masscan": ("masscan", "block"),
    "nmap-vertical": ("nmap", "vertical"),
    "nmap-horizontal": ("nmap", "horizontal"),
    "fping": ("unknown", "horizontal"),
}


def seconds_of(path):
    """How long each IPv4 source of a recording sent. Tools keep their rate only on a quiet machine."""
    first, last = {}, {}
    for seconds, frame in lab.frames(path):
        if frame[12:14] == b"\x08\0":
            source = ".".join(str(byte) for byte in frame[26:30])
            first.setdefault(source, seconds)
            last[source] = seconds
    return {source: last[source] - first[source] for source in first}


def watch(program, threads, folder):
    """Run all tools once; the telescope's report, the recorder's counts, what the link received."""
    recorded, said = os.path.join(folder, "x.pcap"), os.path.join(folder, "x.json")
    with lab.Lab() as l, open(said, "w", encoding="utf-8") as out:
        recording = l.record(recorded)
        watcher = l.start_capture([program, "--live", l.RECEIVER, "--dark", l.dark, "--threads",
                                   str(threads), "--json", "--quiet", "--limit", "10000"], stdout=out)
        for command in (l.zmap(port=23, count=2000, rate=1000),
                        l.masscan(targets="198.18.64.0/23", rate=800),
                        l.nmap_vertical(ports="1-400"),
                        l.nmap_horizontal(targets="198.18.16.0/23"),
                        l.fping(targets="198.18.32.0/24"),
                        l.syn_flood(count=800),
                        l.backscatter(count=600)):
            l.run_sender(command)
        lab.settle(l.arrived)
        arrived = l.arrived()
        l.stop(watcher)
        l.stop(recording)
    with open(said, encoding="utf-8") as file:
        return json.load(file), lab.count(recorded), seconds_of(recorded), arrived


def judge(report, counted, seconds):
    wrong = lab.differences(report, counted, KINDS)
    events = {e["source"]: e for e in report["events"]}
    for name, (tool, scan) in WANTED.items():
        event = events.get(lab.ADDRESS[name])
        if event is None:
            wrong.append("%s is not told" % name)
            continue
        if (event["tool"], event["scan"]) != (tool, scan):
            wrong.append("%s: said to be %s, %s" % (name, event["tool"], event["scan"]))
        truth = counted["by_source"][lab.ADDRESS[name]]
        for what in ("packets", "targets"):
            if event[what] != truth[what]:
                wrong.append("%s: %s %s, recorded %s" % (name, what, event[what], truth[what]))
        rate = truth["packets"] / seconds[lab.ADDRESS[name]]
        if not 0.98 * rate <= event["rate"] <= 1.02 * rate:
            wrong.append("%s: %g packets/s, recorded %g" % (name, event["rate"], rate))
    if [(f["target"], f["spoofed"]) for f in report["floods"]] != [("198.18.77.77", True)]:
        wrong.append("floods: %s" % report["floods"])
    if [v["address"] for v in report["victims"]] != [lab.ADDRESS["victim"]]:
        wrong.append("victims: %s" % report["victims"])
    if lab.ADDRESS["victim"] in events:
        wrong.append("the victim is called a scanner")
    if report.get("interface") is None or report["lost"]["kernel_drops"] != 0:
        wrong.append("interface or drops: %s %s" % (report.get("interface"), report["lost"]))
    return wrong


def main():
    lab.enter()
    tools = lab.missing(["zmap", "masscan", "nmap", "hping3", "fping", "ip", "unshare"])
    if tools or not lab.possible():
        print("skipped: %s" % (", ".join(tools) or "no network namespaces"))
        return 77
    with tempfile.TemporaryDirectory() as folder:
        report, counted, seconds, arrived = watch(os.path.abspath(sys.argv[1]), 2, folder)
    wrong = judge(report, counted, seconds)
    print("%d frames arrived, %d packets told, %d recorded" % (arrived, report["packets"],
                                                               counted["packets"]))
    for line in wrong:
        print(line)
    return 1 if wrong else 0


sys.exit(main())
