#!/usr/bin/env python3
"""live_events_test - the live telescope while things happen to it.

usage: live_events_test.py PROGRAM

The interface goes and comes back, most packets are other people's, a signal ends it, flows go out each
minute. Skipped where there are no network namespaces.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "hinomi-telescope"


def wait_for(what, deadline=20):
    """Until it is true; False when it never was."""
    end = time.monotonic() + deadline
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def rebuild_link(l):
    """The cable between the two sides goes and comes back, as a driver that is loaded again would."""
    l._ip(0, "link del " + l.SENDER)
    time.sleep(1)
    l._ip(0, "link add %s type veth peer name %s netns %d" % (l.SENDER, l.RECEIVER, l.holders[1].pid))
    for side, name, address in ((0, l.SENDER, l.own), (1, l.RECEIVER, l.to)):
        l._ip(side, "link set %s address %s arp off up" % (name, address))


@unittest.skipUnless(lab.possible(), "needs network namespaces")
class Live(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.folder = place.name
        os.chmod(self.folder, 0o777)  # the telescope is nobody once its socket is open
        self.lab = lab.Lab()
        self.lab.__enter__()
        self.addCleanup(self.lab.close)

    def watch(self, *args):
        self.out = open(os.path.join(self.folder, "out.json"), "w+", encoding="utf-8")
        return self.lab.start_capture([PROGRAM, "--live", self.lab.RECEIVER, "--json", "--dark",
                                       *(args or ("198.18.0.0/16",))], stdout=self.out,
                                      stderr=subprocess.PIPE, text=True)

    def send(self, count, kind="mirai", source="192.31.196.70", target=None, **more):
        self.lab.run_sender(self.lab.imitate(kind, source, target, count=count, rate=4000, **more))

    def end(self, process, name=signal.SIGTERM):
        time.sleep(0.5)
        process.send_signal(name)
        errors = process.communicate(timeout=20)[1]
        self.lab.started.remove(process)
        self.assertEqual(process.returncode, 0, errors)
        with self.out:
            self.out.seek(0)
            return json.loads(self.out.read()), errors

    def test_signals_end_with_the_report(self):
        for name in (signal.SIGTERM, signal.SIGINT):
            process = self.watch()
            self.send(500)
            said, _ = self.end(process, name)
            self.assertEqual(said["ip_packets"], 500)
            self.assertEqual([e["tool"] for e in said["events"]], ["mirai"])
            self.assertEqual(said["lost"]["kernel_drops"], 0)

    def test_nothing_came(self):
        said, _ = self.end(self.watch())
        self.assertEqual((said["packets"], said["events"]), (0, []))

    def test_other_peoples_packets_are_only_counted(self):
        self.lab._ip(0, "route add 198.19.0.0/16 via 192.31.196.254 dev " + self.lab.SENDER)
        flows = os.path.join(self.folder, "f.ndjson")
        process = self.watch("198.18.0.0/24", "--flows", flows)
        self.send(300, target="198.19.0.0/16")
        self.send(200, target="198.18.0.0/24")
        said, errors = self.end(process)
        self.assertEqual((said["outside"], said["ip_packets"]), (300, 200))
        with open(flows, encoding="utf-8") as file:
            kept = file.read()
        self.assertEqual(sum(json.loads(line)["packets"] for line in kept.splitlines()), 200)
        for text in (json.dumps(said), errors, kept):
            self.assertNotIn("198.19.", text)

    def test_members_are_told_at_once(self):
        process = self.watch("198.18.0.0/16", "--member", lab.MEMBERS)
        stderr, heard = process.stderr.fileno(), []
        os.set_blocking(stderr, False)

        def told():
            try:
                heard.append(os.read(stderr, 65536).decode())
            except BlockingIOError:
                pass
            return lab.ADDRESS["member"] in "".join(heard)

        self.send(50, source=lab.ADDRESS["member"])
        self.assertTrue(wait_for(told, 5), "".join(heard))
        os.set_blocking(stderr, True)
        said, _ = self.end(process)
        self.assertEqual([m["address"] for m in said["members"]], [lab.ADDRESS["member"]])

    def test_the_interface_comes_back(self):
        process = self.watch()
        self.send(400)
        lab.settle(self.lab.arrived)
        rebuild_link(self.lab)
        self.assertTrue(wait_for(lambda: self.lab._captures() > 0), "it does not capture again")
        time.sleep(0.5)
        self.send(300, source="192.31.196.71")
        said, errors = self.end(process)
        self.assertEqual({e["source"]: e["packets"] for e in said["events"]},
                         {"192.31.196.70": 400, "192.31.196.71": 300}, errors)

    def test_a_missing_interface_is_refused(self):
        done = subprocess.run(self.lab._inside(1, [PROGRAM, "--live", "nosuch0", "--dark",
                                                   "198.18.0.0/16"]), capture_output=True, text=True,
                              timeout=20, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn("nosuch0", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)

    def test_a_state_goes_on(self):
        state = os.path.join(self.folder, "state")
        for n in (1, 2):
            process = self.watch("198.18.0.0/16", "--state", state)
            self.send(100 * n)
            said, _ = self.end(process)
        self.assertEqual(said["ip_packets"], 300)
        self.assertEqual([e["packets"] for e in said["events"]], [300])


if __name__ == "__main__":
    if lab.possible():
        lab.enter()
    unittest.main()
