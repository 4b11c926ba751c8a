#!/usr/bin/env python3
"""query_test - questions, imports and exports, held against Python's own counting and nfdump's.

usage: query_test.py QUERY IMPORT

Parts that need nfdump are left out, and said so, where it is not installed.
"""
import collections
import csv
import io
import ipaddress
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

QUERY, IMPORT = sys.argv[1:3]
ENVIRONMENT = dict(os.environ, LC_ALL="C", TZ="UTC")
ENVIRONMENT.pop("HINOMI_STORE", None)
BASE = 1763776800  # 2025-11-22 02:00:00 UTC
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s:\n  said   %.600r\n  wanted %.600r" % (what, said, wanted))


def run(program, *args, status=0, data=None):
    done = subprocess.run([program, *map(str, args)], input=data, capture_output=True, timeout=120,
                          env=ENVIRONMENT, check=False)
    if done.returncode != status:
        failures.append("%s: status %d: %s" % (args, done.returncode, done.stderr.decode()[:500]))
    return done


def ask(store, *args, **kw):
    return json.loads(run(QUERY, "--store", store, "--quiet", "--json", *args, **kw).stdout or b"{}")


def stamp(second, micro=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)) + ".%06dZ" % micro


def make_rows(count):
    draw = random.Random(7)
    rows = []
    for i in range(count):
        proto = draw.choice([6, 6, 6, 17, 1])
        row = {"time": stamp(BASE + draw.randrange(7200) // 60 * 60), "kind": "telescope.flow",
               "duration": 60000000,
               "src": "203.0.%d.%d" % (draw.randrange(4), min(254, int(draw.expovariate(0.05)))),
               "dst": "198.51.100.%d" % draw.randrange(256), "sport": draw.randrange(1024, 65536),
               "dport": draw.choice([22, 23, 23, 23, 80, 443, 5555]), "proto": proto,
               "packets": draw.randrange(1, 9), "bytes": draw.randrange(40, 4000)}
        if proto == 1:
            row.update(sport=8, dport=0)
            del row["dport"]
        if proto == 6:
            row["tcp_flags"] = draw.choice([2, 2, 2, 18, 4])
            if row["dport"] == 23:
                row["tool"] = "mirai"
        if i % 50 == 0:
            row["src"] = "2001:db8::%x" % draw.randrange(1, 8)
            row["dst"] = "2001:db8:1::1"
        if i % 7 == 0:
            row["tags"] = ["bogon"]
        rows.append(row)
    return rows


def write_ndjson(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="ascii")


def second_of(row):
    return int(time.mktime(time.strptime(row["time"][:19], "%Y-%m-%dT%H:%M:%S")))


# filter: what it means of a row
FILTERS = {
    "any": lambda r: True,
    "proto tcp and dst port 23 and tool mirai": lambda r: r["proto"] == 6 and r.get("dport") == 23,
    "dst port 22 or 80": lambda r: r.get("dport") in (22, 80) and r["proto"] != 1,
    "not dst port in [22 23]": lambda r: r["proto"] == 1 or r.get("dport") not in (22, 23),
    "src net 203.0.1.0/24": lambda r: r["src"].startswith("203.0.1."),
    "host 2001:db8::3": lambda r: r["src"] == "2001:db8::3",
    "ip6 or udp": lambda r: ":" in r["src"] or r["proto"] == 17,
    "packets > 3 and bytes <= 2k": lambda r: r["packets"] > 3 and r["bytes"] <= 2000,
    "flags S and not flags A": lambda r: r.get("tcp_flags", 0) & 18 == 2,
    "icmp-type 8": lambda r: r["proto"] == 1,
    "tag bogon and not tcp": lambda r: "tags" in r and r["proto"] != 6,
    "src port 1024-32768 and (tcp or udp)":
        lambda r: r["proto"] != 1 and r["sport"] <= 32768,
    "duration = 1m and kind telescope": lambda r: True,
    "tool zmap": lambda r: False,
}


def tally(rows, keys, weight):
    sums = collections.Counter()
    for row in rows:
        sums[keys(row)] += weight(row)
    return sums


def filters(store, rows):
    for text, means in FILTERS.items():
        wanted = [r for r in rows if means(r)]
        said = ask(store, "--sum", "bytes", text)
        expect(text, (said["total"]["rows"], said["total"]["bytes"], said["total"]["packets"]),
               (len(wanted), sum(r["bytes"] for r in wanted), sum(r["packets"] for r in wanted)))
        listed = ask(store, "--limit", 0, text)["rows"]
        order = lambda r: json.dumps(r, sort_keys=True)
        expect("rows of " + text, sorted(map(order, listed)), sorted(map(order, wanted)))


def groups(store, rows):
    wanted = tally(rows, lambda r: (r["src"], r.get("dport", 0)), lambda r: r["packets"])
    said = ask(store, "--by", "src,dport", "--top", 0)
    expect("by src,dport", {(g["by"]["src"], g["by"]["dport"]): g["packets"] for g in said["groups"]},
           dict(wanted))
    expect("their number", said["groups_found"], len(wanted))
    top = ask(store, "--by", "src,dport", "--top", 5)["groups"]
    expect("top 5", [g["packets"] for g in top], sorted(wanted.values(), reverse=True)[:5])
    wanted = tally(rows, lambda r: r["src"].rsplit(".", 1)[0] + ".0/24" if "." in r["src"] else
                   str(ipaddress.ip_network(r["src"] + "/48", False)), lambda r: r["bytes"])
    said = ask(store, "--by", "src/24", "--sum", "bytes", "--top", 0)["groups"]
    expect("by src/24", {g["by"]["src"]: g["bytes"] for g in said}, dict(wanted))

    sets = collections.defaultdict(set)
    for r in rows:
        sets[r["proto"]].add(r["dst"])
    said = ask(store, "--by", "proto", "--distinct", "dst", "--top", 0)["groups"]
    expect("distinct dst", {g["by"]["proto"]: g["distinct"] for g in said},
           {k: len(v) for k, v in sets.items()})

    wanted = tally(rows, lambda r: second_of(r) // 600 * 600, lambda r: 1)
    said = ask(store, "--series", "10m", "--sum", "rows")["groups"]
    expect("a series", {g["time"]: g["rows"] for g in said},
           {stamp(k)[:19] + "Z": n for k, n in wanted.items()})
    # intervals in which there was nothing are part of the answer
    said = ask(store, "--series", "20s", "--sum", "rows", "--since", "@%d" % BASE, "--until",
               "@%d" % (BASE + 180))["groups"]
    expect("a series with gaps", [g["rows"] > 0 for g in said], [True, False, False] * 2 + [True])


def ranges(store, rows):
    inside = [r for r in rows if BASE + 600 <= second_of(r) < BASE + 1200]
    for since, until in (("@%d" % (BASE + 600), "@%d" % (BASE + 1200)),
                         ("2025-11-22 02:10", "2025-11-22T02:20:00Z"),
                         ("2025-11-22 11:10+09:00", "2025-11-22 11:20:00+09:00")):
        expect("from %s to %s" % (since, until),
               ask(store, "--since", since, "--until", until, "--sum", "rows")["total"]["rows"],
               len(inside))
    expect("a date alone", ask(store, "--since", "2025-11-23", "--sum", "rows")["total"]["rows"], 0)
    expect("since an hour", ask(store, "--since", "-1h", "--sum", "rows")["total"]["rows"], 0)


def tables(store, rows):
    """The same numbers in a table and in CSV; 80 columns; Japanese."""
    said = ask(store, "--by", "dport", "--top", 3)["groups"]
    lines = run(QUERY, "--store", store, "--by", "dport", "--top", 3).stdout.decode().splitlines()
    expect("a table", [l.split()[-5].replace(",", "") for l in lines[1:4]],
           [str(g["packets"]) for g in said])
    expect("names of ports", "23 telnet" in "\n".join(lines), True)
    for args in (["--limit", 20], ["--by", "src,dst,dport"], ["--series", "1h", "--by", "src"]):
        for lang in ("en", "ja"):
            text = run(QUERY, "--store", store, "--lang", lang, *args).stdout.decode()
            # a wide character takes two columns
            wide = [l for l in text.splitlines()
                    if len(l) + sum(ord(c) > 0x2fff for c in l) > 80]
            expect("80 columns, %s %s" % (args, lang), wide, [])
    expect("Japanese", "送信元" in run(QUERY, "--store", store, "--lang", "ja", "--by", "src")
           .stdout.decode(), True)
    cells = list(csv.DictReader(io.StringIO(
        run(QUERY, "--store", store, "--csv", "--by", "dport", "--top", 3).stdout.decode())))
    expect("CSV", [(int(c["dport"]), int(c["packets"])) for c in cells],
           [(g["by"]["dport"], g["packets"]) for g in said])
    done = run(QUERY, "--store", store, "--csv", "--by", "dport")
    expect("what a CSV is of stands beside it", b"rows looked at" in done.stderr, True)
    expect("nothing", b"nothing matches" in run(QUERY, "--store", store, "tool nmap").stdout, True)
    expect("more", b"more follow" in run(QUERY, "--store", store, "--limit", 2).stdout, True)


def mistakes(store):
    for args, said in (
            (["prot", "tcp"], b'column 1: unknown word "prot"; did you mean "proto"?\n  prot tcp\n  ^'),
            (["tcp and dst port telnt"], b"  tcp and dst port telnt\n" + b" " * 19 + b"^"),
            (["--by", "sorce"], b'unknown field "sorce"'),
            (["--by", "dport/8"], b"dport has no prefix"),
            (["--by", "src,dst,dport,proto,kind"], b"at most 4 fields"),
            (["--sum", "octets"], b"octets"),
            (["--memory", "1M"], b"--memory"),
            (["--since", "yesterday"], b"--since: "),
            (["--since", "2025-11-22", "--until", "2025-11-21"], b"--until is not after --since"),
            (["--json", "--csv"], b"not both"),
            (["--by", "src", "--limit", "5"], b"--limit is of rows"),
            (["--limit", "1000000"], b"at most 100000 rows"),
            (["--export", "x.txt"], b"tells no format"),
            (["--export", "x.csv", "--by", "src"], b"--export writes rows"),
            (["--export", "x.avro", "--limit", "3"], b"--limit does not go with"),
            (["--format", "flowtuple", "--export", "-"], b"needs a file")):
        done = run(QUERY, "--store", store, *args, status=2)
        expect("mistake %s" % args, said in done.stderr, True)
    expect("no store", b"no store at" in run(QUERY, "--store", "/nowhere", status=1).stderr, True)
    expect("which store", b"HINOMI_STORE" in run(QUERY, status=2).stderr, True)
    for args in (["--csv", "--limit", "0"], ["--json"], ["--export", "/dev/full", "--format", "csv"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([QUERY, "--store", str(store), *args], stdout=full,
                                  stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=60, check=False)
        expect("full disk %s" % args, (done.returncode, b"write" in done.stderr), (1, True))
    done = subprocess.run("'%s' --store '%s' --csv --quiet --limit 0 | head -n 1" % (QUERY, store),
                          shell=True, capture_output=True, env=ENVIRONMENT, timeout=60, check=False)
    expect("a reader that leaves", (done.stdout[:5], done.stderr), (b"time,", b""))


# ---- imports ----

def repeats(folder, store, rows):
    """The same file again changes nothing; killed in the middle, it is whole the next time."""
    path = folder / "rows.ndjson"
    done = run(IMPORT, "--store", store, path)
    expect("again", b": 0 rows stored, %d,%03d were there already" % divmod(len(rows), 1000)
           in done.stdout, True)
    many = folder / "many.ndjson"
    write_ndjson(many, rows * 12)
    second = folder / "killed"
    for wait in (0.05, 0.15, 0.3):
        with subprocess.Popen([IMPORT, "--quiet", "--store", str(second), str(many)],
                              stdout=subprocess.DEVNULL, env=ENVIRONMENT) as child:
            time.sleep(wait)
            child.send_signal(signal.SIGKILL)
    run(IMPORT, "--store", second, many)
    said = ask(second, "--sum", "bytes")["total"]
    expect("killed and taken up again", (said["rows"], said["bytes"]),
           (12 * len(rows), 12 * sum(r["bytes"] for r in rows)))


def bad_lines(folder, rows):
    good = json.dumps(rows[0])
    store = folder / "bad"
    done = run(IMPORT, "--store", store, "--format", "ndjson", "-", status=1,
               data="\n".join([good, "nonsense", '{"kind":"telescope.flow"}', "x" * 20000, "", good])
               .encode())
    for line in (2, 4):
        expect("line %d is named" % line, b"standard input: line %d: " % line in done.stderr, True)
    expect("good ones are kept", ask(store, "--sum", "rows")["total"]["rows"] >= 2, True)
    done = run(IMPORT, "--store", store, "--format", "nfdump", "-", status=1, data=b"a,b\n1,2\n")
    expect("no nfdump", b"no titles of nfdump" in done.stderr, True)
    done = run(IMPORT, "--store", store, "--errors", 3, "--format", "ndjson", "-", status=1,
               data=b"x\n" * 10)
    expect("given up", b"more than 3 lines were refused" in done.stderr, True)
    expect("dry", b"1 rows checked" in run(IMPORT, "--dry-run", "--format", "ndjson", "-",
                                           data=good.encode()).stdout, True)
    for args, said in ((["--kind", "nix"], b"no kind"), (["--utc-offset", "9"], b"not like +09:00"),
                       (["--utc-offset", "+ 9:00"], b"not like +09:00"),
                       (["--sensor", "12"], b"not 32 hex"), ([], b"nothing to read"),
                       (["x.txt"], b"tells no format")):
        path = [] if args in ([], ["x.txt"]) else [folder / "rows.ndjson"]
        expect("mistake %s" % args,
               said in run(IMPORT, "--store", store, *args, *path, status=2).stderr, True)
    run(IMPORT, "--store", store, folder / "absent.ndjson", status=1)


def watched(folder):
    """Eight of ten minutes: alive rows of a sensor that is there from before them."""
    start = int(time.time()) // 60 * 60 + 600
    alive = [{"time": stamp(start + 60 * m), "kind": "road.alive", "duration": 60000000, "packets": 1}
             for m in range(10) if m not in (3, 4)]
    flow = {"time": stamp(start + 599), "kind": "telescope.flow", "src": "10.0.0.1", "packets": 1}
    write_ndjson(folder / "alive.ndjson", alive + [flow])
    store = folder / "alive"
    run(IMPORT, "--store", store, folder / "alive.ndjson")
    said = ask(store, "--sum", "rows", "kind telescope.flow")
    expect("watched", (round(said["watched"]["share"], 2), said["watched"]["sensors"]), (0.8, 1))
    expect("watched since", second_of({"time": said["watched"]["watched_since"]}), start)
    early = ask(store, "--since", stamp(start - 36000), "--sum", "rows")
    expect("before it nobody watched", early["since"] < early["watched"]["watched_since"] <= stamp(start), True)
    until = ask(folder / "store", "--since", "-1h", "--sum", "rows")["until"]
    expect("open is until now", abs(second_of({"time": until}) - time.time()) < 600, True)
    text = run(QUERY, "--store", store, "--by", "src").stdout.decode()
    expect("watched, for people", bool(re.search(r"watched 80\.\d % of it by 1 sensor\n", text)), True)
    text = run(QUERY, "--store", store, "--by", "src", "--since", stamp(start - 36000)).stdout.decode()
    expect("from when on", bool(re.search(r"watched \S+ % of it from [-\d]+ [:\d]+ on by 1 sensor\n", text)),
           True)


def damaged(folder):
    """A block that is damaged is left out, counted and named; the rest is answered."""
    store = folder / "killed"
    whole = ask(store, "--sum", "rows")["total"]["rows"]
    largest = max(store.rglob("*.seg"), key=lambda f: f.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[len(data) // 3] ^= 0x55
    largest.write_bytes(data)
    question = ["--by", "src,dst,sport,packets", "--sum", "bytes", "--top", 0]
    done = run(QUERY, "--store", store, "--json", *question)
    effort = json.loads(done.stdout)["effort"]
    expect("damage is counted", (effort["damaged_blocks"] > 0,
                                 effort["rows_matched"] + effort["damaged_rows"]), (True, whole))
    expect("damage is named", largest.name.encode() in done.stderr, True)
    text = run(QUERY, "--store", store, *question).stdout
    expect("damage is told", b"damaged blocks with" in text, True)


# ---- exports ----

class Avro:
    """Apache Avro 1.11, object container files; written from the specification."""

    def __init__(self, data):
        self.data, self.at = data, 4
        expect("the magic of Avro", data[:4], b"Obj\x01")
        meta = {}
        while count := self.long():
            for _ in range(abs(count)):
                key = self.bytes()
                meta[key] = self.bytes()
        self.schema = json.loads(meta[b"avro.schema"])
        self.codec = meta.get(b"avro.codec", b"null")
        self.sync = self.take(16)

    def take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def long(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value >> 1 ^ -(value & 1)

    def bytes(self):
        return self.take(self.long())

    def value(self, kind):
        if isinstance(kind, dict) and kind["type"] != "array":
            kind = kind["type"]
        if kind in ("long", "int"):
            return self.long()
        if kind == "string":
            return self.bytes().decode()
        out = []
        while count := self.long():
            out += [self.value(kind["items"]) for _ in range(count)]
        return out

    def records(self):
        while self.at < len(self.data):
            count, block = self.long(), self.bytes()
            inner = Avro.__new__(Avro)
            inner.data = zlib.decompress(block, -15) if self.codec == b"deflate" else block
            inner.at = 0
            for _ in range(count):
                yield {f["name"]: inner.value(f["type"]) for f in self.schema["fields"]}
            expect("a block ends", inner.at, len(inner.data))
            expect("the mark behind a block", self.take(16), self.sync)


FLOWTUPLE = ("time src_ip dst_net dst_port protocol packet_cnt uniq_dst_ips uniq_pkt_sizes uniq_ttls "
             "uniq_src_ports uniq_tcp_flags first_syn_length first_tcp_rwin common_pktsizes "
             "common_pktsize_freqs common_ttls common_ttl_freqs common_srcports common_srcport_freqs "
             "common_tcpflags common_tcpflag_freqs maxmind_continent maxmind_country netacq_continent "
             "netacq_country prefix2asn").split()


def flowtuples(folder, store, rows):
    path = folder / "flows.avro"
    done = run(QUERY, "--store", store, "--export", path)
    avro = Avro(path.read_bytes())
    expect("FlowTuple's fields", [f["name"] for f in avro.schema["fields"]], FLOWTUPLE)
    expect("FlowTuple's name", (avro.schema["namespace"], avro.schema["name"]),
           ("org.caida.corsaro", "flowtuple4"))
    wanted = {}
    for r in rows:
        if ":" in r["src"]:
            continue
        port = r["sport"] << 8 if r["proto"] == 1 else r["dport"]
        key = (second_of(r) // 300 * 300, int(ipaddress.ip_address(r["src"])), 0xc6330000, port,
               r["proto"])
        packets, dsts, ports = wanted.setdefault(key, [0, set(), set()])
        wanted[key][0] = packets + r["packets"]
        dsts.add(r["dst"])
        ports.add(r["sport"])
    said = {}
    for r in avro.records():
        key = tuple(r[n] for n in FLOWTUPLE[:5])
        expect("a record stands once", key in said, False)
        said[key] = (r["packet_cnt"], r["uniq_dst_ips"], r["uniq_src_ports"])
    expect("FlowTuples", said, {k: (p, len(d), len(s) if k[4] != 1 else 0)
                                for k, (p, d, s) in wanted.items()})
    run(QUERY, "--store", store, "--quiet", "--export", folder / "again.avro", "--since", "@1",
        "--until", "2200-01-01")
    expect("the same from any beginning", list(Avro((folder / "again.avro").read_bytes()).records()),
           list(Avro(path.read_bytes()).records()))
    v6 = sum(":" in r["src"] for r in rows)
    expect("what was left out", b"%d rows left out" % v6 in done.stderr, True)


SYSLOG = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) [!-~]{1,255} hinomi - "
    r"(?P<id>[!-~]{1,32}) - CEF:0\|hinomi\|hinomi\|[^|]+\|(?P<kind>[^|]+)\|[^|]+\|(?P<severity>\d|10)\|"
    r"(?P<extension>.*)\n")


def lines(folder, store, rows):
    path = folder / "rows.cef"
    run(QUERY, "--store", store, "--quiet", "--export", path)
    said = collections.Counter()
    for line in path.open(encoding="ascii"):
        match = SYSLOG.fullmatch(line)
        if match is None:
            failures.append("no CEF: " + line)
            return
        fields = dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", match["extension"]))
        said[match["time"], fields.get("src", fields.get("c6a2")), fields.get("dpt"), fields["proto"],
             int(fields["in"])] += 1
    words = {1: "ICMP", 6: "TCP", 17: "UDP"}
    expect("CEF", said, collections.Counter(
        (r["time"], r["src"], str(r["dport"]) if "dport" in r else None, words[r["proto"]], r["bytes"])
        for r in rows))

    for name, args in (("copy.ndjson", []), ("copy.csv", ["--format", "nfdump"])):
        path = folder / name
        run(QUERY, "--store", store, "--quiet", "--export", path, *args)
        copy = folder / (name + ".store")
        run(IMPORT, "--store", copy, path)
        for question in (["--by", "src,dst", "--top", 0], ["--by", "dport,proto", "--top", 0],
                         ["--by", "tcp_flags", "--sum", "bytes"]):
            expect("%s brought back, %s" % (name, question), ask(copy, *question)["groups"],
                   ask(store, *question)["groups"])
    path = folder / "plain.csv"
    run(QUERY, "--store", store, "--quiet", "--export", path, "tool", "mirai")
    cells = list(csv.DictReader(path.open(encoding="ascii")))
    expect("plain CSV", sum(int(c["bytes"]) for c in cells),
           sum(r["bytes"] for r in rows if "tool" in r))
    out = run(QUERY, "--store", store, "--quiet", "--export", "-", "--format", "ndjson", "--limit", 3)
    expect("to standard output", len(out.stdout.splitlines()), 3)


# ---- nfdump ----

def netflow5(port, flows):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for at in range(0, len(flows), 24):
            part = flows[at:at + 24]
            body = b"".join(
                socket.inet_aton(f["src"]) + socket.inet_aton(f["dst"]) + bytes(4) +
                struct.pack("!HHIIIIHHBBBBHHBBH", 0, 0, f["packets"], f["bytes"], f["first"], f["last"],
                            f["sport"], f["dport"], 0, f["flags"], f["proto"], 0, 0, 0, 0, 0, 0)
                for f in part)
            out.sendto(struct.pack("!HHIIIIBBH", 5, len(part), 10000000, BASE + 10000, 0, at, 0, 0, 0) +
                       body, ("127.0.0.1", port))
            time.sleep(0.002)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unread(port):
    """Bytes that wait at a UDP port."""
    for line in pathlib.Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        cells = line.split()
        if int(cells[1].split(":")[1], 16) == port:
            return int(cells[4].split(":")[1], 16)
    return 0


def collected(folder, flows):
    """The flows, as nfcapd has them on disk."""
    folder.mkdir()
    port = free_port()
    with subprocess.Popen(["nfcapd", "-w", str(folder), "-p", str(port), "-b", "127.0.0.1", "-t", "3600"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        for line in child.stderr:
            if "Startup" in line:
                break
        netflow5(port, flows)
        deadline = time.monotonic() + 60
        while unread(port) and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=30)


def nfdump(folder, *args):
    done = subprocess.run(["nfdump", "-R", str(folder), "-q", *args], capture_output=True, check=True,
                          env=ENVIRONMENT, timeout=60)
    return done.stdout


NFDUMP_FILTERS = ["any", "proto tcp", "dst port 23", "src port > 40000", "port in [ 22 80 ]",
                  "not proto udp", "proto tcp and (dst port 22 or dst port 23)", "packets > 3",
                  "bytes > 1k", "src net 10.0.1.0/24", "ip 10.0.0.7", "dst ip 198.51.100.9",
                  "src ip in [ 10.0.0.1 10.0.0.2 10.0.1.3 ]", "flags S and not flags AFRPU",
                  "proto icmp and icmp-type 8", "src net 10.0.0.0/16 and not dst port 23",
                  "proto tcp and not flags S", "host 10.0.1.1 or packets < 2"]


def against_nfdump(folder):
    draw = random.Random(11)
    flows = []
    for _ in range(1500):
        proto = draw.choice([6, 6, 17, 1])
        first = draw.randrange(9000000)
        flows.append({"src": "10.0.%d.%d" % (draw.randrange(2), draw.randrange(12)),
                      "dst": "198.51.100.%d" % draw.randrange(20),
                      "sport": 0 if proto == 1 else draw.randrange(30000, 60000),
                      "dport": draw.choice([0x0800, 0x0301]) if proto == 1 else
                               draw.choice([22, 23, 53, 80]),
                      "proto": proto, "flags": draw.choice([2, 18, 20, 16]) if proto == 6 else 0,
                      "packets": draw.randrange(1, 7), "bytes": draw.randrange(40, 3000),
                      "first": first, "last": first + draw.randrange(60000)})
    taken = folder / "nfcapd"
    collected(taken, flows)
    text = nfdump(taken, "-o", "csv")
    path = folder / "nfdump.csv"
    path.write_bytes(subprocess.run(["nfdump", "-R", str(taken), "-o", "csv"], capture_output=True,
                                    check=True, env=ENVIRONMENT, timeout=60).stdout)
    store = folder / "nfstore"
    run(IMPORT, "--store", store, path)
    expect("nfcapd took all", len(text.splitlines()), len(flows))
    for filter_text in NFDUMP_FILTERS:
        theirs = [line.split(",") for line in
                  nfdump(taken, "-o", "csv", filter_text).decode().splitlines() if line[:2] == "20"]
        ours = ask(store, "--sum", "bytes", filter_text)["total"]
        expect("nfdump agrees on " + filter_text, (ours["rows"], ours["packets"], ours["bytes"]),
               (len(theirs), sum(int(c[11]) for c in theirs), sum(int(c[12]) for c in theirs)))
    theirs = [line.split(",") for line in
              nfdump(taken, "-o", "csv", "-n", "5", "-s", "srcip/bytes").decode().splitlines()
              if line[:2] == "20"]
    ours = ask(store, "--by", "src", "--sum", "bytes", "--top", 5)["groups"]
    expect("nfdump's top five", [g["by"]["src"] for g in ours], [c[4] for c in theirs])
    shifted = folder / "nfshift"
    run(IMPORT, "--store", shifted, "--utc-offset", "+09:00", path)
    expect("the zone of nfdump",
           ask(shifted, "--sum", "rows", "--until", "@%d" % (BASE + 20000 - 9 * 3600))["total"]["rows"],
           len(flows))


def main():
    os.environ["TZ"] = "UTC"
    time.tzset()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        rows = make_rows(6000)
        write_ndjson(folder / "rows.ndjson", rows)
        store = folder / "store"
        done = run(IMPORT, "--store", store, folder / "rows.ndjson")
        expect("imported", b"6,000 rows stored" in done.stdout, True)
        for part in (filters, groups, ranges, tables):
            part(store, rows)
        mistakes(store)
        repeats(folder, store, rows)
        bad_lines(folder, rows)
        watched(folder)
        damaged(folder)
        flowtuples(folder, store, rows)
        lines(folder, store, rows)
        if shutil.which("nfcapd") and shutil.which("nfdump"):
            against_nfdump(folder)
        else:
            print("query_test: nfdump is not installed; the comparison with it is left out")
    for failure in failures:
        print(failure)
    sys.exit(1 if failures else 0)


main()
