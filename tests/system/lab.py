"""lab - two network namespaces with a cable between them: real tools on one side, a telescope on the other.

    with lab.Lab() as l:
        recording = l.record("/tmp/x.pcap")              # in the receiving namespace
        watcher = l.start_capture(["hinomi-telescope", "--live", l.RECEIVER, ...])
        l.run_sender(l.zmap(port=23, count=1000))        # a tool, in the sending namespace
        l.stop(watcher)
        counted = l.stop(recording)

The dark prefix is routed over the cable; the receiving side has no address and answers nothing; neither
namespace has any other interface, so nothing leaves. Works as root, or for anyone after enter(), which
starts the program again in a user namespace of its own. Everything started ends with the `with` block,
and the namespaces end with this process, however it ends.
"""
import collections
import ipaddress
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
DARK = "198.18.0.0/16"

# Where the laboratory's hosts live. These prefixes are assigned by IANA to services (AS112, AMT), are
# globally reachable by its registry, and so are neither bogons nor any organisation's own machines:
# a report shows them as ordinary sources, and nobody is accused.
SCANNERS = "192.31.196.0/24"
SERVERS = "192.175.48.0/24"
MEMBERS = "192.52.193.0/24"

ADDRESS = {
    "zmap": "192.31.196.10",
    "zmap-new": "192.31.196.11",
    "masscan": "192.31.196.20",
    "nmap-vertical": "192.31.196.30",
    "nmap-horizontal": "192.31.196.31",
    "hping-udp": "192.31.196.40",
    "hping-icmp": "192.31.196.41",
    "fping": "192.31.196.50",
    "unicornscan": "192.31.196.60",
    "mirai": "192.31.196.70",
    "victim": "192.175.48.80",
    "victim-udp": "192.175.48.81",
    "member": "192.52.193.77",
}


class LabError(Exception):
    """The laboratory could not be built, or something in it failed."""


def missing(names):
    """Those of the programs that are not installed."""
    return [n for n in names if shutil.which(n, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None]


def possible():
    """Can this machine have network namespaces for us? (Tests skip when it cannot.)"""
    if missing(["unshare", "nsenter", "ip"]):
        return False
    argv = ["unshare", "-n", "true"] if os.geteuid() == 0 else ["unshare", "-Urn", "true"]
    return subprocess.run(argv, stderr=subprocess.DEVNULL).returncode == 0


def machine_root():
    """Are we root of the whole machine, not of a user namespace only?"""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        return os.geteuid() == 0 and file.read().split() == ["0", "0", "4294967295"]


def enter():
    """Unless we are root, start this program again as root of a new user namespace."""
    if os.geteuid() != 0:
        os.execvp("unshare", ["unshare", "-Ur", sys.executable, *sys.argv])


class Lab:
    SENDER, RECEIVER = "hin-tx", "hin-rx"
    own, to = "02:00:00:00:00:01", "02:00:00:00:00:02"  # always the same, for repeatable commands

    def __init__(self, dark=DARK):
        self.dark = dark
        self.holders = []
        self.started = []

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _hold(self):
        """A process that keeps a namespace until its standard input closes, so at the latest with us."""
        holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec cat"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holders.append(holder)
        if holder.stdout.readline() != b"\n":
            raise LabError("cannot make a network namespace")
        return holder

    def _build(self):
        if missing(["unshare", "nsenter", "ip"]):
            raise LabError("needs unshare, nsenter and ip")
        self._hold()
        self._hold()
        for side in (0, 1):
            for knob in ("all", "default"):
                self._quiet(side, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % knob)
            self._ip(side, "link set lo up")
        self._ip(0, "link add %s type veth peer name %s netns %d"
                 % (self.SENDER, self.RECEIVER, self.holders[1].pid))
        for side, name, address in ((0, self.SENDER, self.own), (1, self.RECEIVER, self.to)):
            self._ip(side, "link set %s address %s arp off up" % (name, address))
        self._ip(0, "addr add 192.31.196.1/24 dev %s" % self.SENDER)
        for address in sorted(set(ADDRESS.values())):
            self._ip(0, "addr add %s/32 dev %s" % (address, self.SENDER))
        self._ip(0, "link set %s arp on" % self.SENDER)
        self._ip(0, "neigh replace 192.31.196.254 lladdr %s dev %s nud permanent"
                 % (self.to, self.SENDER))
        self._ip(0, "route add %s via 192.31.196.254 dev %s" % (self.dark, self.SENDER))

    def _inside(self, side, argv):
        return ["nsenter", "-t", str(self.holders[side].pid), "-n", *argv]

    def _quiet(self, side, *argv):
        subprocess.run(self._inside(side, argv), stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=10)

    def _ip(self, side, line):
        done = subprocess.run(self._inside(side, ["ip", *line.split()]), capture_output=True,
                              text=True, timeout=10)
        if done.returncode != 0:
            raise LabError("ip %s: %s" % (line, done.stderr.strip()))

    def _link(self, side):
        name = (self.SENDER, self.RECEIVER)[side]
        done = subprocess.run(self._inside(side, ["ip", "-s", "-j", "link", "show", name]),
                              capture_output=True, text=True, timeout=10, check=True)
        return json.loads(done.stdout)[0]

    def arrived(self):
        """Packets that the receiving end has got so far, by the kernel's count."""
        stats = self._link(1)
        return stats.get("stats64", stats.get("stats"))["rx"]["packets"]

    def start_receiver(self, argv, **kw):
        """Start a program in the receiving namespace; stop() or the end of the block ends it."""
        return self._start(1, argv, **kw)

    def _captures(self):
        """How many packet sockets run in the receiving namespace."""
        done = subprocess.run(self._inside(1, ["cat", "/proc/net/packet"]), capture_output=True,
                              text=True, timeout=10, check=True)
        return sum(line.split()[5] == "1" for line in done.stdout.splitlines()[1:])

    def start_capture(self, argv, deadline=20, **kw):
        """Start a program that captures at the receiving end; returns when its socket runs."""
        before, end = self._captures(), time.monotonic() + deadline
        process = self._start(1, argv, **kw)
        while self._captures() <= before:
            if process.poll() is not None or time.monotonic() > end:
                raise LabError("%s does not capture" % argv[0])
            time.sleep(0.05)
        return process

    def start_sender(self, argv, **kw):
        return self._start(0, argv, **kw)

    def _start(self, side, argv, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen(self._inside(side, argv), **kw)
        self.started.append(process)
        return process

    def run_sender(self, argv, timeout=120):
        """Run a tool in the sending namespace to its end; its output, for the curious."""
        if argv[0] == "masscan":
            return self._run_masscan(argv, timeout)
        done = subprocess.run(self._inside(0, argv), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace", timeout=timeout)
        # fping says 1 and hping3 255 when nobody answers, which is what a telescope does.
        if done.returncode not in (0, 1, 255):
            raise LabError("%s: status %d: %s" % (argv[0], done.returncode, done.stderr[-300:]))
        return done.stdout + done.stderr

    def _run_masscan(self, argv, timeout):
        """
        Masscan 1.3.2 waits for one more packet before it ends, and here none comes: end it when it
        has long sent its last.
        """
        process = self.start_sender(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before, end = self.arrived(), time.monotonic() + timeout
        while self.arrived() == before and process.poll() is None and time.monotonic() < end:
            time.sleep(0.1)
        settle(self.arrived, quiet=2, deadline=timeout)
        process.kill()
        process.wait()
        self.started.remove(process)
        return ""

    def record(self, path):
        """Start recording at the receiving end; returns when that has begun."""
        argv = ["tcpdump", "-i", self.RECEIVER, "-n", "-w", path, "-Z", "root", "-B", "65536", "-s", "0",
                "--time-stamp-precision=nano", "--immediate-mode"]
        if not machine_root() or missing(["tcpdump"]):
            argv = [sys.executable, os.path.join(HERE, "recorder.py"), self.RECEIVER, path]
        process = self._start(1, argv, stderr=subprocess.PIPE, text=True)
        line = process.stderr.readline()
        while line and "listening on" not in line:
            line = process.stderr.readline()
        if not line:
            raise LabError("%s does not start" % argv[0])
        return process

    def stop(self, process, timeout=20):
        """
        Ask a started program to end and wait. Of a recording, the counts it gave: captured, received,
        dropped; of all, the exit status.
        """
        settle(self.arrived)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            text = process.communicate(timeout=timeout)[1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise LabError("%s does not end" % process.args[4]) from None
        self.started.remove(process)
        counts = re.findall(r"^(\d+) packets? (captured|received|dropped)", text or "", re.M)
        return {word: int(n) for n, word in counts} | {"status": process.returncode}

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        for holder in self.holders:
            holder.stdin.close()
            holder.stdout.close()
            try:
                holder.wait(timeout=5)
            except subprocess.TimeoutExpired:
                holder.kill()
                holder.wait()
        self.started, self.holders = [], []

    # The tools, as command lines for run_sender() and start_sender(). All are bounded in count.

    def zmap(self, port=23, count=3000, rate=1000, source=None):
        return ["zmap", "-C", "/dev/null", "-i", self.SENDER, "-G", self.to, "-S",
                source or ADDRESS["zmap"], "-b", "/dev/null", "-o", "/dev/null", "-p", str(port),
                "-r", str(rate), "-n", str(count), "-T", "1", "-c", "1", "-q", "--disable-syslog", "-e", "7",
                self.dark]

    def masscan(self, ports="22,80", targets="198.18.64.0/21", rate=1000, source=None, wait=1):
        return ["masscan", targets, "-p", ports, "--rate", str(rate), "--adapter", self.SENDER,
                "--adapter-ip", source or ADDRESS["masscan"], "--adapter-mac", self.own,
                "--router-mac", self.to, "--wait", str(wait), "--seed", "7"]

    def nmap(self, targets, ports, source, rate=300, more=()):
        return ["nmap", "-sS", "-n", "-Pn", "--disable-arp-ping", "--send-ip", "-e", self.SENDER,
                "-S", source, "--max-retries", "0", "--host-timeout", "60s", "--min-rate", str(rate),
                "--max-rate", str(rate), "-p", ports, *more, *targets.split()]

    def nmap_vertical(self, target="198.18.5.5", ports="1-1000", rate=300):
        return self.nmap(target, ports, ADDRESS["nmap-vertical"], rate)

    def nmap_horizontal(self, targets="198.18.16.0/22", ports="3389", rate=300):
        return self.nmap(targets, ports, ADDRESS["nmap-horizontal"], rate)

    def syn_flood(self, target="198.18.77.77", port=80, count=2000, pause_us=1000):
        return ["hping3", "-q", "-n", "-I", self.SENDER, "-S", "-p", str(port), "-c", str(count), "-i",
                "u%d" % pause_us, "--rand-source", target]

    def _hping_many(self, source, count, pause_us, more):
        where = ".".join(self.dark.split(".")[:2]) + ".x.x"
        return ["hping3", "-q", "-n", "-I", self.SENDER, "-a", source, "-c", str(count), "-i",
                "u%d" % pause_us, *more, "--rand-dest", where]

    def hping_udp(self, port=53, count=1000, pause_us=2000):
        return self._hping_many(ADDRESS["hping-udp"], count, pause_us,
                                ["--udp", "-p", str(port), "-d", "24"])

    def hping_icmp(self, count=1000, pause_us=2000):
        return self._hping_many(ADDRESS["hping-icmp"], count, pause_us, ["--icmp"])

    def backscatter(self, port=443, count=2000, pause_us=1000, source=None):
        return self._hping_many(source or ADDRESS["victim"], count, pause_us,
                                ["-S", "-A", "-s", str(port), "-k", "-p", "40000", "-w", "29200"])

    def fping(self, targets="198.18.32.0/22", pause_ms=2):
        return ["fping", "-q", "-S", ADDRESS["fping"], "-c", "1", "-t", "50", "-i", str(pause_ms), "-g",
                targets]

    def imitate(self, kind, source, target=None, **options):
        """A run of sender.py; its kinds are listed there."""
        argv = [sys.executable, os.path.join(HERE, "sender.py"), kind, "--interface", self.SENDER,
                "--own", self.own, "--to", self.to, "--source", source, "--target",
                target or self.dark]
        for name, value in options.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        return argv


def settle(read, quiet=0.3, deadline=10):
    """Wait until a counter stands still, at most until the deadline."""
    end = time.monotonic() + deadline
    last = read()
    while time.monotonic() < end:
        time.sleep(quiet)
        value = read()
        if value == last:
            return value
        last = value
    return last


def frames(path):
    """Yield (seconds, frame) of a pcap file in this machine's byte order."""
    with open(path, "rb") as file:
        head = file.read(24)
        divisor = {0xA1B23C4D: 1e9, 0xA1B2C3D4: 1e6}[struct.unpack("=I", head[:4])[0]]
        while True:
            record = file.read(16)
            if len(record) < 16:
                return
            seconds, fraction, size, _ = struct.unpack("=IIII", record)
            yield seconds + fraction / divisor, file.read(size)


def kind_of(packet):
    """The kind of an IPv4 packet, in the words of the reports."""
    proto, body = packet[9], packet[(packet[0] & 15) * 4:]
    if proto == 17:
        return "udp"
    if proto == 1:
        return {8: "icmp_echo_request", 0: "icmp_echo_reply", 3: "icmp_unreachable",
                11: "icmp_time_exceeded"}.get(body[0], "icmp_other")
    if proto != 6:
        return "other_protocol"
    flags = body[13] & 0x17
    return {2: "tcp_syn", 0x12: "tcp_synack", 4: "tcp_rst", 0x14: "tcp_rst",
            0x10: "tcp_ack"}.get(flags, "tcp_other")


def count(path):
    """
    What a recording of the laboratory holds, counted here and by nobody else's decoder: packets, kinds,
    and by source its packets, targets, ports and seconds.
    """
    kinds, sources, first, last, other = collections.Counter(), {}, None, None, 0
    for seconds, frame in frames(path):
        first, last = seconds if first is None else first, seconds
        if frame[12:14] != b"\x08\0":
            other += 1
            continue
        packet = frame[14:]
        kind = kind_of(packet)
        kinds[kind] += 1
        one = sources.setdefault(packet[12:16], {"packets": 0, "targets": set(), "ports": set(),
                                                 "kinds": collections.Counter()})
        one["packets"] += 1
        one["kinds"][kind] += 1
        one["targets"].add(packet[16:20])
        if packet[9] in (6, 17):
            at = (packet[0] & 15) * 4
            one["ports"].add(packet[at + 2:at + 4])
    return {
        "packets": sum(kinds.values()), "not_ip": other, "kinds": dict(sorted(kinds.items())),
        "seconds": round(last - first, 3) if first is not None else 0, "sources": len(sources),
        "by_source": {str(ipaddress.ip_address(a)): {
            "packets": s["packets"], "targets": len(s["targets"]), "ports": len(s["ports"]),
            "kinds": dict(s["kinds"])}
            for a, s in sorted(sources.items(), key=lambda i: (-i[1]["packets"], i[0]))},
    }


def differences(report, counted, kind_names=None):
    """
    Compare a telescope's JSON report with count(): lines that say what differs, none when all agrees.
    `kind_names` maps our kinds to the report's.
    """
    lines = []
    kind_names = kind_names or {}
    if report.get("ip_packets") != counted["packets"]:
        lines.append("packets: reported %s, recorded %d" % (report.get("ip_packets"), counted["packets"]))
    for kind, packets in counted["kinds"].items():
        said = report.get("kinds", {}).get(kind_names.get(kind, kind))
        if said != packets:
            lines.append("kind %s: reported %s, recorded %d" % (kind, said, packets))
    seen = collections.Counter()
    for event in report.get("events", []):
        seen[event["source"]] += event["packets"]
    for source, one in counted["by_source"].items():
        if seen[source] > one["packets"]:
            lines.append("source %s: %d packets in events, recorded %d"
                         % (source, seen[source], one["packets"]))
    return lines
