#!/usr/bin/env python3
"""telescope_test - the telescope as an operator and as an attacker would use it.

usage: telescope_test.py PROGRAM BATCH_DUMP [TEST ...]

Forms of input, saved states, flows, batches, little memory, hostile input, and ordinary traffic that
must not be accused. Recordings outside the tree (HINOMI_SHARED_DATA, else ../shared/data beside the
source) are used where they are.
"""
import collections
import gzip
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = SOURCE / "data" / "samples"
SHARED = pathlib.Path(os.environ.get("HINOMI_SHARED_DATA", SOURCE.parent / "shared" / "data"))
PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else "hinomi-telescope"
DUMP = sys.argv.pop(1) if len(sys.argv) > 1 else "batch_dump"
ENVIRONMENT = {"LANG": "C", "PATH": os.environ["PATH"]}
DARK = ["--dark", "198.18.0.0/16", "--member", "192.52.193.0/24"]
START = 1700000040  # a full minute

try:
    import jsonschema
except ImportError:
    jsonschema = None


def run(*args, status=0, data=None, more=()):
    """The finished program; its standard output and error are bytes."""
    done = subprocess.run([*more, PROGRAM, *map(str, args)], input=data, capture_output=True,
                          timeout=120, env=ENVIRONMENT, check=False)
    if done.returncode != status:
        raise AssertionError("%s: status %d: %s" % (args, done.returncode, done.stderr.decode()[:500]))
    return done


def report(*args, **kw):
    return json.loads(run("--quiet", "--json", *args, **kw).stdout)


def without_inputs(said):
    return {k: v for k, v in said.items() if k not in ("inputs", "recording")}


def shared(*folders):
    """The recordings of these folders."""
    return [f for name in folders for f in sorted((SHARED / name).glob("*")) if f.suffix != ".md"]


def unpacked(sample):
    return subprocess.run(["zstd", "-dqc", SAMPLES / sample], capture_output=True, check=True).stdout


# ---- captures made here ----

def pcap(records, link=101, magic=0xA1B23C4D):
    """A nanosecond capture of (seconds, nanoseconds, packet)."""
    out = [struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for seconds, fraction, packet in records:
        out.append(struct.pack("<IIII", seconds, fraction, len(packet), len(packet)) + packet)
    return b"".join(out)


def ip4(src, dst, proto, body):
    return struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(body), 7, 0, 55, proto, 0, src, dst) + body


def syn(src, dst, port, sport=40000):
    return ip4(src, dst, 6, struct.pack(">HHIIBBHHH", sport, port, src * 77 + dst & 0xFFFFFFFF, 0, 0x50,
                                        2, 8192, 0, 0))


def records_of(raw):
    """Offsets of the records of a little-endian pcap file, and its end."""
    offsets, at = [], 24
    while at + 16 <= len(raw):
        offsets.append(at)
        at += 16 + int.from_bytes(raw[at + 8:at + 12], "little")
    return offsets + [at]


class Case(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path


# ---- what is read ----

class Forms(Case):
    """The same packets, however they are packed and given, give the same report."""

    def test_containers_and_pipes(self):
        raw = unpacked("town.pcap.zst")
        plain = self.write("a.pcap", raw)
        wanted = without_inputs(report(*DARK, plain))
        packers = {"gzip": ["gzip", "-c"], "zstd": ["zstd", "-qc"], "xz": ["xz", "-0c"]}
        for name, argv in packers.items():
            with self.subTest(name):
                if shutil.which(argv[0]) is None:
                    self.skipTest("needs " + argv[0])
                packed = subprocess.run(argv, input=raw, capture_output=True, check=True).stdout
                file = self.write("a.bin", packed)  # no name gives it away
                self.assertEqual(without_inputs(report(*DARK, file)), wanted)
                self.assertEqual(without_inputs(report(*DARK, "-", data=packed)), wanted)
        self.assertEqual(without_inputs(report(*DARK, "-", data=raw)), wanted)
        if shutil.which("editcap"):
            subprocess.run(["editcap", "-F", "pcapng", plain, self.folder / "a.pcapng"], check=True,
                           capture_output=True)
            self.assertEqual(without_inputs(report(*DARK, self.folder / "a.pcapng")), wanted)

    def test_pieces_of_a_folder_are_put_in_order(self):
        raw = unpacked("town.pcap.zst")
        at = records_of(raw)
        cuts = [0, len(at) // 5, len(at) // 2, len(at) - 1]
        for n, name in ((0, "z"), (1, "a"), (2, "m")):
            (self.folder / "d").mkdir(exist_ok=True)
            self.write("d/" + name, raw[:24] + raw[at[cuts[n]]:at[cuts[n + 1]]])
        whole = self.write("whole.pcap", raw)
        self.assertEqual(without_inputs(report(*DARK, self.folder / "d")),
                         without_inputs(report(*DARK, whole)))

    def test_a_slow_pipe_changes_nothing(self):
        raw = unpacked("zmap.pcap.zst")
        wanted = without_inputs(report(*DARK, "-", data=raw))
        with subprocess.Popen([PROGRAM, "--quiet", "--json", *DARK, "-"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, env=ENVIRONMENT) as process:
            for start in range(0, len(raw), 40001):
                process.stdin.write(raw[start:start + 40001])
                process.stdin.flush()
            said = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual(without_inputs(said), wanted)

    def test_threads_change_nothing(self):
        files = [f for f in shared("pcap-telescope") if f.stat().st_size < 1 << 20]
        for file in files + [SAMPLES / "town.pcap.zst"]:
            one = run("--json", "--threads", 1, file).stdout
            for threads in (2, 3, 16):
                with self.subTest(file=file.name, threads=threads):
                    self.assertEqual(run("--json", "--threads", threads, file).stdout, one)


@unittest.skipIf(jsonschema is None, "needs jsonschema")
class Schema(Case):
    def test_every_report_is_valid(self):
        schema = json.loads((SOURCE / "schema" / "telescope-report.schema.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        files = sorted(SAMPLES.glob("*.zst")) + shared("pcap-telescope") + shared("pcap-formats")[::7]
        for file in files:
            for options in ([], DARK):
                done = subprocess.run([PROGRAM, "--quiet", "--json", *options, file],
                                      capture_output=True, env=ENVIRONMENT, check=False)
                if done.returncode == 1 and file.parent.name == "pcap-formats":
                    continue  # one that is refused
                for error in validator.iter_errors(json.loads(done.stdout)):
                    self.fail("%s: %s" % (file.name, error.message[:300]))

    def test_lines_are_valid(self):
        schema = json.loads((SOURCE / "schema" / "observation.schema.json").read_text())
        validator = jsonschema.Draft202012Validator(schema)
        run("--quiet", *DARK, "--flows", self.folder / "f.ndjson", "--observations",
            self.folder / "o.ndjson", SAMPLES / "town.pcap.zst")
        lines = (self.folder / "o.ndjson").read_text().splitlines()
        lines += (self.folder / "f.ndjson").read_text().splitlines()[::97]
        for line in lines:
            for error in validator.iter_errors(json.loads(line)):
                self.fail("%s: %s" % (line[:200], error.message[:200]))


# ---- what is kept ----

class States(Case):
    """A run cut in two with a saved state equals one run."""

    def tell(self, name, options, *files):
        """Run over the files one by one with one state; the last report, and the streams put together."""
        flows = observations = b""
        for n, file in enumerate(files):
            out = [self.folder / ("%s.%d.%s.ndjson" % (name, n, x)) for x in ("f", "o")]
            said = report(*options, "--state", self.folder / (name + ".state"), "--flows", out[0],
                          "--observations", out[1], file)
            flows += out[0].read_bytes()
            observations += out[1].read_bytes()
        return without_inputs(said), flows, observations

    def check(self, raw, options, shares):
        at = records_of(raw)
        whole = self.tell("whole", options, self.write("whole.pcap", raw))
        for share in shares:
            cut = at[int((len(at) - 1) * share)]
            both = self.tell("cut%g" % share, options, self.write("a.pcap", raw[:cut]),
                             self.write("b.pcap", raw[:24] + raw[cut:]))
            for what, one, two in zip(("report", "flows", "observations"), whole, both):
                self.assertTrue(one == two, "cut at %g: the %s differs" % (share, what))
        return whole

    def test_dark(self):
        raw = unpacked("town.pcap.zst")
        said, flows, observations = self.check(raw, [*DARK, "--set", "event.timeout=60s"],
                                               (0.0001, 0.21, 0.5, 0.77, 0.999, 1))
        self.assertGreater(len(flows), 1000)
        self.assertGreater(len(observations), 1000)
        self.assertGreater(said["events_total"], 5)

    def test_two_way(self):
        names = [n for n in ("test7-malicious.pcap", "backscatter-synack-24h.pcap")
                 if (SHARED / "pcap-telescope" / n).exists()]
        for name in names or [None]:
            raw = (SHARED / "pcap-telescope" / name).read_bytes() if name else unpacked("town.pcap.zst")
            with self.subTest(name):
                self.check(raw, ["--threads", 2], (0.03, 0.34, 0.5, 0.91))

    def test_many_cuts(self):
        raw = unpacked("masscan.pcap.zst") + unpacked("udp-scan.pcap.zst")[24:]
        at = records_of(raw)
        parts = [self.write("p%d" % n, raw[:24] + raw[at[a]:at[b]]) for n, (a, b) in
                 enumerate(zip(range(0, len(at) - 1, 300), [*range(300, len(at) - 1, 300), len(at) - 1]))]
        whole = self.tell("whole", DARK, self.write("whole", raw))
        self.assertTrue(self.tell("parts", DARK, *parts) == whole)

    def test_what_does_not_fit_is_refused(self):
        state, file = self.folder / "s", SAMPLES / "zmap.pcap.zst"
        run("--quiet", "--state", state, file)
        kept = state.read_bytes()
        for options in (DARK, ["--set", "memory=64M"], ["--flows", self.folder / "f.ndjson"]):
            done = run("--quiet", "--state", state, *options, file, status=1)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertEqual(state.read_bytes(), kept)
        state.write_bytes(kept[:-100])
        done = run("--quiet", "--state", state, file, status=1)
        self.assertIn(b"s", done.stderr)
        self.assertEqual(state.read_bytes(), kept[:-100])


class Flows(Case):
    def rows(self, *args):
        path = self.folder / "f.ndjson"
        said = report(*args[:-1], "--flows", path, args[-1])
        return said, [json.loads(line) for line in path.read_text().splitlines()]

    def check(self, *args):
        """Every packet is in one row; there is one row a minute and 5-tuple, in order of time."""
        said, rows = self.rows(*args)
        self.assertEqual(sum(r["packets"] for r in rows), said["ip_packets"])
        self.assertEqual(sum(r["bytes"] for r in rows), said["bytes"])
        keys = collections.Counter((r["time"], r["src"], r["dst"], r.get("sport"), r.get("dport"),
                                    r.get("proto")) for r in rows)
        self.assertEqual([k for k, n in keys.items() if n > 1], [])
        times = [r["time"] for r in rows]
        self.assertEqual(times, sorted(times))
        self.assertTrue(all(t[16:] in (":00Z", ":00.000000Z") for t in times), times[:1])
        return rows

    def test_samples(self):
        self.check(*DARK, SAMPLES / "town.pcap.zst")
        self.check(SAMPLES / "backscatter.pcap.zst")

    def test_recordings(self):
        for file in shared("pcap-telescope"):
            if file.name != "445_scan.pcap":  # its clock runs backwards, and rows follow the clock
                with self.subTest(file.name):
                    self.check(file)

    def test_standard_output(self):
        done = run("--quiet", "--csv", "--flows", "-", SAMPLES / "zmap.pcap.zst")
        self.assertEqual(sum(line.startswith(b"{") for line in done.stdout.splitlines()), 2000)

    def test_one_busy_source(self):
        """A hundred thousand targets of one source in a minute."""
        raw = pcap((START + n // 2000, n % 2000 * 500000, syn(0x09010203, 0x0A000000 + n, 23))
                   for n in range(100000))
        said, rows = self.rows(self.write("a.pcap", raw))
        self.assertEqual(said["lost"]["flows"], 0)
        self.assertEqual(sum(r["packets"] for r in rows), 100000)


class Batches(Case):
    def dump(self, key, file):
        done = subprocess.run([DUMP, key, file], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_batches_are_the_lines(self):
        key, names = self.folder / "sensor.key", ("f", "o")
        for ending in ("hnb", "ndjson"):
            run("--quiet", *DARK, "--key", key, "--flows", self.folder / ("f." + ending),
                "--observations", self.folder / ("o." + ending), SAMPLES / "town.pcap.zst")
        for name in names:
            self.assertEqual(self.dump(key, self.folder / (name + ".hnb")),
                             (self.folder / (name + ".ndjson")).read_text())

    def test_a_changed_byte_is_found(self):
        key, file = self.folder / "sensor.key", self.folder / "f.hnb"
        run("--quiet", "--key", key, "--flows", file, SAMPLES / "zmap.pcap.zst")
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
        self.assertEqual(subprocess.run([DUMP, key, file], capture_output=True, check=False).returncode, 1)

    @unittest.skipIf(shutil.which("protoc") is None, "needs protoc")
    def test_protoc_reads_them(self):
        file = self.folder / "o.hnb"
        run("--quiet", *DARK, "--observations", file, SAMPLES / "town.pcap.zst")
        data = file.read_bytes()
        self.assertEqual(data[:4], b"HNB1")
        size = int.from_bytes(data[4:8], "little")
        done = subprocess.run(["protoc", "--decode=hinomi.Batch", "-I", SOURCE / "schema",
                               "observation.proto"], input=data[12:12 + size], capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr[:300])
        for field in (b"sensor:", b"sequence: 1\n", b"dark_addresses: 65536\n", b"signature:"):
            self.assertIn(field, done.stdout)


# ---- limits ----

class Memory(Case):
    def test_budgets(self):
        """Many sources: each budget holds, sums stay exact, what is lost is said."""
        dice = random.Random(1)
        raw = pcap((START + n // 3000, n % 3000 * 300000,
                    syn(dice.getrandbits(32) if n % 4 else 0x09010203, 0xC6120000 + dice.getrandbits(16),
                        445 if n % 4 else 23)) for n in range(200000))
        file = self.write("many.pcap", raw)
        for budget, room in ((8, 70), (16, 80), (64, 130), (192, 260)):
            done = subprocess.run([sys.executable, "-c", RSS, PROGRAM, "--quiet", "--json", "--dark",
                                   "198.18.0.0/16", "--memory", "%dM" % budget, "--threads", "1", file],
                                  capture_output=True, env=ENVIRONMENT, check=True, timeout=120)
            said, mebibytes = json.loads(done.stdout), int(done.stderr) / 1024
            with self.subTest(budget=budget, used=mebibytes):
                self.assertLess(mebibytes, room)
                self.assertEqual(said["ip_packets"], 200000)
                heavy = [e for e in said["events"] if e["source"] == "9.1.2.3"]
                self.assertEqual([(e["packets"], e["scan"]) for e in heavy], [(50000, "horizontal")])
                self.assertLess(abs(said["sources"] / 150001 - 1), 0.02)
                if budget == 8:
                    self.assertGreater(said["lost"]["sources"], 0)

    def test_with_flows(self):
        dice = random.Random(2)
        raw = pcap((START + n // 3000, n % 3000 * 300000,
                    syn(dice.getrandbits(32), 0xC6120000 + dice.getrandbits(16), 445))
                   for n in range(100000))
        flows = self.folder / "f.ndjson"
        said = report("--memory", "8M", "--flows", flows, self.write("many.pcap", raw))
        told = sum(json.loads(line)["packets"] for line in flows.read_text().splitlines())
        self.assertEqual(told + said["lost"]["flows"], 100000)


RSS = """
import os, resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


class Hostile(Case):
    def refuse(self, path, words):
        done = run(path, status=1)
        self.assertEqual(done.stdout, b"")
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(words, done.stderr.decode())
        self.assertIn(os.path.basename(str(path)), done.stderr.decode())

    def test_no_capture(self):
        self.refuse(self.write("zeros", bytes(100000)), "not a capture")
        self.refuse(self.write("empty", b""), "")
        self.refuse(self.write("letter.pcap", b"Dear mother, I am fine and you?\n" * 99), "not a capture")
        self.refuse(self.folder / "nothing", "No such file")
        self.refuse(self.write("header.pcap", pcap([])[:10]), "")
        (self.folder / "bare").mkdir()
        self.refuse(self.folder / "bare", "")

    def test_wrong_usage(self):
        for args in (["--memory", "7M", "x"], ["--threads", "17", "x"],
                     ["--limit", "0", "x"], ["--nonsense", "x"], ["--live", "lo"], []):
            done = subprocess.run([PROGRAM, *args], capture_output=True, env=ENVIRONMENT, check=False)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(done.stdout, b"")
            self.assertLess(done.stderr.count(b"\n"), 4)

    def test_cut_files(self):
        """What was whole is given, with one warning that names the offset."""
        raw = unpacked("nmap-vertical.pcap.zst")
        at = records_of(raw)
        for cut in (at[-1] - 1, at[500] + 1, at[500] + 17, at[1] + 3):
            done = run("--json", self.write("cut.pcap", raw[:cut]))
            whole = sum(a <= cut for a in at[1:])
            self.assertEqual(json.loads(done.stdout)["packets"], whole)
            warnings = [l for l in done.stderr.decode().splitlines() if "warning" in l]
            self.assertEqual(len(warnings), 1, done.stderr)
            self.assertIn(str(at[whole]), warnings[0])

    def test_bombs(self):
        head = pcap([(START, 0, syn(1, 2, 3))])
        frame = struct.pack("<IIII", START, 0, 65535, 65535) + bytes(65535)
        packed = subprocess.run(["gzip", "-9c"], input=head + frame * 4000, capture_output=True,
                                check=True).stdout
        letter = gzip.compress(gzip.compress(b"Dear mother"))
        done = run("--json", self.write("bomb.gz", packed))
        self.assertGreaterEqual(json.loads(done.stdout)["packets"], 1)
        self.refuse(self.write("letter.gz", letter), "without a capture")

    def test_noise(self):
        """Captures of noise: everything is counted by reason, nothing is claimed to be what it is not."""
        dice = random.Random(3)
        for link in (0, 1, 9, 12, 101, 104, 108, 113, 228, 229, 276, 147):
            records = [(START + n, 0, dice.randbytes(dice.randrange(0, 120))) for n in range(400)]
            said = report(self.write("noise.pcap", pcap(records, link)))
            self.assertEqual(said["packets"], 400)
            self.assertGreaterEqual(sum(said["refused"].values()) + said["ip_packets"], 400)
            self.assertEqual((said["victims"], said["floods"], said["amplification"]), ([], [], []))

    def test_turned_bits(self):
        raw = bytearray(unpacked("town.pcap.zst")[:400000])
        dice = random.Random(4)
        for _ in range(3000):
            raw[dice.randrange(24, len(raw))] ^= 1 << dice.randrange(8)
        for options in ([], DARK):
            run("--quiet", "--json", "--decap", "all", *options, self.write("bits.pcap", bytes(raw)))

    def test_clocks(self):
        """1970, 2106, steps back, gaps of days: nothing hangs, nothing is lost."""
        times = [0, 1, 2**32 - 1, START, START - 3600, START + 86400 * 9, 5, START]
        records = [(t, n * 1000, syn(0x09000001 + k, 0xC6120000 + n, 23)) for k, t in enumerate(times)
                   for n in range(20)]
        for options in ([], DARK, ["--threads", 3]):
            flows = self.folder / "f.ndjson"
            said = report(*options, "--flows", flows, self.write("c.pcap", pcap(records)))
            self.assertEqual(said["ip_packets"], 160)
            self.assertEqual(said["events_total"], 8)
            self.assertGreater(said["clock_steps"], 0)
            self.assertEqual(said["first"], "1970-01-01T00:00:00.000000Z")
            self.assertEqual(said["last"][:4], "2106")
            self.assertEqual(sum(json.loads(l)["packets"] for l in flows.read_text().splitlines()), 160)

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        (self.folder / "full.ndjson").symlink_to("/dev/full")
        done = run("--quiet", "--flows", self.folder / "full.ndjson", "--append", SAMPLES / "zmap.pcap.zst",
                   status=1)
        self.assertIn(b"full.ndjson", done.stderr)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "--quiet", "--json", SAMPLES / "zmap.pcap.zst"], stdout=full,
                                  stderr=subprocess.PIPE, env=ENVIRONMENT, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"No space left", done.stderr)

    def test_outside_is_only_counted(self):
        records = [(START + n, 0, syn(0x09010203, (0xC6120000 if n % 2 else 0xC6140000) + n, 23))
                   for n in range(40)]
        flows = self.folder / "f.ndjson"
        said = report(*DARK, "--flows", flows, "--observations", self.folder / "o.ndjson",
                      self.write("o.pcap", pcap(records)))
        self.assertEqual((said["outside"], said["ip_packets"]), (20, 20))
        for text in (json.dumps(said), flows.read_text(), (self.folder / "o.ndjson").read_text()):
            self.assertNotIn("198.20.", text)


# ---- the shipped samples ----

# by sample: scans (source: tool, type), victims with their service, floods, amplification with its
# service, members. Numbers come from the sidecar.
TRUTH = {
    "amplification": ({}, [], [], [("198.18.9.1", "dns"), ("198.18.9.2", "ntp"), ("198.18.9.3", "cldap"),
                                   ("198.18.9.4", "ssdp")], []),
    "backscatter": ({}, [("192.175.48.80", "http"), ("192.175.48.80", "https"), ("192.175.48.81", "steam")],
                    [], [], []),
    "echo-sweep": ({"192.31.196.50": ("unknown", "horizontal"),
                    "192.31.196.41": ("unknown", "horizontal")}, [], [], [], []),
    "masscan": ({"192.31.196.20": ("masscan", "block")}, [], [], [], []),
    "mirai-member": ({"192.52.193.77": ("mirai", "block"), "192.31.196.70": ("mirai", "block")}, [], [], [],
                     ["192.52.193.77"]),
    "nmap-horizontal": ({"192.31.196.31": ("nmap", "horizontal")}, [], [], [], []),
    "nmap-vertical": ({"192.31.196.30": ("nmap", "vertical")}, [], [], [], []),
    "syn-flood": ({}, [], ["198.18.77.77"], [], []),
    "udp-scan": ({"192.31.196.40": ("unknown", "horizontal")}, [], [], [], []),
    "unicornscan": ({"192.31.196.60": ("unicornscan", "horizontal")}, [], [], [], []),
    "zmap": ({"192.31.196.10": ("zmap", "horizontal")}, [], [], [], []),
    "zmap-2024": ({"192.31.196.11": ("zmap-random-id", "horizontal")}, [], [], [], []),
}


class Samples(Case):
    def test_each_sample(self):
        for name, (scans, victims, floods, amplification, members) in TRUTH.items():
            side = json.loads((SAMPLES / (name + ".json")).read_text())
            for options in (DARK, DARK[2:]):  # also with the dark space unknown
                said = report(*options, SAMPLES / (name + ".pcap.zst"))
                with self.subTest(name, options=options):
                    self.assertEqual(said["ip_packets"], side["packets"])
                    self.assertEqual(said["sources"], side["sources"])
                    self.assertEqual({e["source"]: (e["tool"], e["scan"]) for e in said["events"]}, scans)
                    for e in said["events"]:
                        truth = side["by_source"][e["source"]]
                        self.assertEqual((e["packets"], e["targets"]), (truth["packets"], truth["targets"]))
                    self.assertEqual(sorted((v["address"], v["service"]) for v in said["victims"]), victims)
                    self.assertEqual([f["target"] for f in said["floods"]], floods)
                    self.assertEqual(sorted((a["target"], a["service"]) for a in said["amplification"]),
                                     amplification)
                    self.assertEqual([m["address"] for m in said["members"]], members)


# ---- who must not be accused ----

# All that is said of the ordinary recordings; each was looked at. ZMap's probes of research scanners are
# in nDPI's files: IP ID 54321, TTL from 255.
CLAIMED = {
    "ndpi_bacnet.pcap": {"tool zmap 6"},
    "ndpi_ripe_atlas.pcap": {"tool zmap 4"},
    "ndpi_rmcp.pcap": {"tool zmap 3"},
}


class Ordinary(Case):
    def test_nobody_is_accused(self):
        files = shared("pcap-services", "pcap-formats")
        if not files:
            self.skipTest("the recordings are not there")
        for file in files:
            done = subprocess.run([PROGRAM, "--quiet", "--json", "--no-digest", file], capture_output=True,
                                  env=ENVIRONMENT, check=False)
            if done.returncode != 0:
                continue
            said = json.loads(done.stdout)
            claims = {"scan %s %s" % (e["source"], e["scan"]) for e in said["events"]}
            claims |= {"victim " + v["address"] for v in said["victims"]}
            claims |= {"flood " + f["target"] for f in said["floods"]}
            claims |= {"amplification " + f["target"] for f in said["amplification"]}
            claims |= {"rising %s/%d" % (r["protocol"], r["port"]) for r in said["rising"]}
            claims |= {"tool %s %d" % (t, v["packets"]) for t, v in said["tools"].items()}
            with self.subTest(file.name):
                self.assertEqual(claims, CLAIMED.get(file.name, set()))


if __name__ == "__main__":
    unittest.main()
