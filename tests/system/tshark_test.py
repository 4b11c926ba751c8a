#!/usr/bin/env python3
"""tshark_test - packets by kind, ours and Wireshark's, for every recording that lies outside the tree.

usage: tshark_test.py PROGRAM

Outer headers only, as both see them: what an ICMP error quotes and what a tunnel carries is no packet
of its own. The recordings (HINOMI_SHARED_DATA, else ../shared/data beside the source) are put one after
the other with mergecap, so that tshark reads them in one go. Status 77 without them or without tshark.
"""
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("HINOMI_SHARED_DATA", SOURCE.parent / "shared" / "data"))
FOLDERS = ("pcap-formats", "pcap-services", "pcap-telescope")
FIELDS = ("frame.encap_type", "frame.protocols", "ip.frag_offset", "ipv6.fraghdr.offset", "tcp.flags")

# Files whose counts may differ, and why. Everything else must agree to the packet.
BROKEN = "we refuse the IP header; Wireshark still calls it IP, with nothing above"
LINK = "a link layer that we do not read"
INSIDE = "an encapsulation that we do not open and Wireshark does"
TOLERATED = {
    "libpcap_filter_ipv6_ext_headers.pcap": "93 extension headers; our bound is 12",
    "pcpp_NullLoopback.pcap": "one frame has Cisco HDLC's header in its place",
    "suricata_decode-nsh-type1.pcap": INSIDE + ": network service header",
    "suricata_decode-nsh-type2.pcap": INSIDE + ": network service header",
    "tcpdump_LINKTYPE_IPV4_invalid.pcap": BROKEN,
    "tcpdump_LINKTYPE_PKTAP.pcap": LINK,
    "tcpdump_arcnet-rfc1051-arp-icmp-http.pcap": LINK,
    "tcpdump_arcnet-rfc1201-arp-icmp-http.pcap": LINK,
    "tcpdump_gre-heapoverflow-1.pcap": BROKEN,
    "tcpdump_icmp-icmp_print-oobr-2.pcap": LINK,
    "tcpdump_ip_printroute_asan.pcap": BROKEN,
    "tcpdump_ipv4_invalid_hdr_length.pcap": BROKEN,
    "tcpdump_ipv4_invalid_length.pcap": BROKEN,
    "tcpdump_ipv4_invalid_total_length_2.pcap": BROKEN,
    "tcpdump_ipv6_frag6_negative_len.pcap": "the fragment header lies behind the packet's stated end",
    "tcpdump_ipv6_invalid_length.pcap": BROKEN,
    "tcpdump_macsec-integonly.pcap": INSIDE + ": MACsec without encryption",
    "tcpdump_macsec-short-longer.pcap": INSIDE + ": MACsec without encryption",
    "zeek_ipv6_zero_len_ah.pcap": "an authentication header of length 0 is eight bytes (RFC 4302, 2.2)",
    "zeek_nflog-http.pcap": LINK,
    "zeek_pbb.pcap": INSIDE + ": provider backbone bridging",
    "zeek_trunc_ip4-trunc.pcap": BROKEN,
    "zeek_trunc_ip6-trunc.pcap": BROKEN,
    "zeek_trunc_ipv4-internally-truncated-header.pcap": BROKEN,
}


def ours(program, file):
    """(frames, faulty, {kind: packets}) of one file, or None where it is refused."""
    done = subprocess.run([program, "--quiet", "--json", "--no-digest", file], capture_output=True,
                          check=False)
    if done.returncode != 0:
        return None
    report = json.loads(done.stdout)
    kinds = collections.Counter()
    for kind, packets in report["kinds"].items():
        kinds[group(kind)] += packets
    refused = collections.Counter(report["refused"])
    return report["packets"], "fault" in report["inputs"][0], +kinds, refused


def group(kind):
    if kind.startswith("icmp6"):
        return "icmp6"
    if kind.startswith("icmp"):
        return "icmp"
    return {"tcp-ack": "tcp-rest", "tcp-other": "tcp-rest"}.get(kind, kind)


def kind_of(line):
    """The kind of one line of tshark's, or None for what is no IP packet."""
    values = dict(zip(FIELDS, line.split("\t")))
    layers = values["frame.protocols"].split(":")
    at = next((i for i, name in enumerate(layers) if name in ("ip", "ipv6")), None)
    if at is None:
        return None
    if layers[at] == "ip":
        if values["ip.frag_offset"] not in ("", "0"):
            return "fragment"
    above = layers[at + 1:]
    while above and above[0].startswith("ipv6."):
        if above[0] == "ipv6.fraghdr" and values["ipv6.fraghdr.offset"] not in ("", "0"):
            return "fragment"
        above = above[1:]
    first = above[0] if above else ""
    if first == "tcp":
        return tcp_kind(values["tcp.flags"])
    return {"udp": "udp", "icmp": "icmp", "icmpv6": "icmp6"}.get(first, "other-protocol")


def tcp_kind(text):
    if text == "":
        return "tcp-rest"
    flags = int(text, 16) & 0x3F
    if flags == 2:
        return "tcp-syn"
    if flags & 0x17 == 0x12:
        return "tcp-syn-ack"
    if flags & 0x07 == 0x04:
        return "tcp-rst"
    return "tcp-rest"


def tshark(file):
    argv = ["tshark", "-n", "-r", str(file), "-o", "ip.defragment:FALSE", "-o",
            "ipv6.defragment:FALSE", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields", "-E",
            "occurrence=f"]
    done = subprocess.run(argv + [x for f in FIELDS for x in ("-e", f)], capture_output=True,
                          text=True, errors="replace", check=False)
    # blocks of pcapng that hold no packet have no encapsulation
    return [kind_of(line) for line in done.stdout.split("\n")[:-1] if not line.startswith("\t")]


def mergeable(counted):
    """The files that Wireshark reads whole; one call of capinfos tells of all of them."""
    done = subprocess.run(["capinfos", "-c", "-M", "-r", "-T", *counted], capture_output=True, text=True,
                          errors="replace", check=False)
    rows = dict(line.rsplit("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
    return [f for f, c in counted.items() if rows.get(str(f)) == str(c[0]) and c[0] > 0 and not c[1]]


def theirs(counted, folder):
    """{file: {kind: packets}}; whole files in one run, those that end early each in its own."""
    whole = mergeable(counted)
    out, at = {}, 0
    merged = folder / "all.pcapng"
    done = subprocess.run(["mergecap", "-a", "-w", merged, *whole], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit("mergecap: " + done.stderr[:300])
    kinds = tshark(merged)
    for file in whole:
        out[file] = collections.Counter(k for k in kinds[at:at + counted[file][0]] if k)
        at += counted[file][0]
    if at != len(kinds):
        raise SystemExit("tshark saw %d frames of %d" % (len(kinds), at))
    for file, (frames, _, _, _) in counted.items():
        if file not in out and frames > 0:
            out[file] = collections.Counter(k for k in tshark(file)[:frames] if k)
    return out


def main():
    files = [f for name in FOLDERS for f in sorted((SHARED / name).glob("*")) if f.suffix != ".md"]
    if not files or None in (shutil.which("tshark"), shutil.which("mergecap")):
        print("the recordings or tshark are not there")
        return 77
    counted = {f: c for f in files if (c := ours(sys.argv[1], f)) is not None}
    with tempfile.TemporaryDirectory() as folder:
        wireshark = theirs(counted, pathlib.Path(folder))
    bad = packets = 0
    for file, kinds in wireshark.items():
        packets += sum(kinds.values())
        if (counted[file][2] == kinds) == (file.name in TOLERATED):
            bad += 1  # one that is tolerated and agrees is struck off the list
            print("%s: %s, tshark: %s, refused: %s" % (
                file.name, dict(counted[file][2] - kinds), dict(kinds - counted[file][2]),
                dict(counted[file][3])))
    print("%d files, %d packets, %d wrong; %d are known to differ" % (len(wireshark), packets, bad,
                                                                      len(TOLERATED)))
    return 1 if bad else 0


sys.exit(main())
