#!/usr/bin/env python3
"""run_test - script/run as a newcomer types it: the report, a hub with cases, and a page to sign in at.

usage: run_test.py BUILD

BUILD has the programs; nothing is built anew. The page is asked while the script waits at a
terminal, and Ctrl-C ends all of it.
"""
import http.client
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(sys.argv[1]).resolve()
ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 120
failures = []


def expect(what, said, wanted):
    if said != wanted:
        failures.append("%s: said %r, wanted %r" % (what, said, wanted))


def ask(port, method, path, body=None, cookie=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Content-Type": "application/json"}
    if cookie:
        headers["Cookie"] = cookie
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


def page(text):
    """Sign in by the link that was printed, and look."""
    port, link = re.search(r"http://127\.0\.0\.1:(\d+)/link/([\w-]+)", text).groups()
    port = int(port)
    expect("the first page", ask(port, "GET", "/")[0] in (200, 303), True) # with web/, or without
    status, headers, body = ask(port, "POST", "/api/v1/link", {"link": link, "password": "a long pass phrase"})
    expect("the link", status, 200)
    cookie = headers["Set-Cookie"].split(";")[0]
    cases = json.loads(ask(port, "GET", "/api/v1/cases", cookie=cookie)[2])["cases"]
    ours = [c for c in cases if c["kind"] == "infected-member"]
    expect("the infected machine", [(c["subject"], c["handle"]) for c in ours], [("192.52.193.77", "town-hall")])
    status, _, body = ask(port, "GET", "/api/v1/addresses/192.52.193.77", cookie=cookie)
    expect("all about it", (status, b"town-hall" in body), (200, True))
    status, _, body = ask(port, "GET", "/api/v1/query?by=dport&filter=proto+tcp&top=3", cookie=cookie)
    expect("a question", (status, len(json.loads(body)["groups"])), (200, 3))
    expect("the ledger's head", ask(port, "GET", "/api/v1/ledger/checkpoint")[0], 200)
    return port


def packages(folder):
    """Where Node is not Debian's, nothing is missing, and nobody is asked for root."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("node", "npm"):
        (tools / name).symlink_to("/bin/true")
    done = subprocess.run([ROOT / "script/packages", "web"], capture_output=True, text=True, timeout=PATIENCE,
                          env={**os.environ, "PATH": "%s:%s" % (tools, os.environ["PATH"])}, check=False)
    expect("no packages", (done.returncode, done.stdout + done.stderr), (0, ""))


def main():
    # a folder of programs of its own, so that tests beside this one have theirs
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hinomi-run-"))
    try:
        for program in BUILD.glob("hinomi*"):
            if program.is_file() and os.access(program, os.X_OK):
                (folder / program.name).symlink_to(program)
        env = {**os.environ, "BUILD": str(folder), "LC_ALL": "C"}
        once = subprocess.run([ROOT / "script/run", "--once"], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)
        expect("once", once.returncode, 0)
        expect("the report", "Our own: 1 machine looks infected" in once.stdout, True)
        expect("no link to a hub that ended", "/link/" in once.stderr, False)
        packages(folder)

        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(ROOT / "script/run", [str(ROOT / "script/run")], env)
        text, end = "", time.monotonic() + PATIENCE
        while "Ctrl-C ends it" not in text and time.monotonic() < end:
            try:
                text += os.read(terminal, 65536).decode("utf-8", "replace")
            except OSError:
                break
        expect("it waits", "Ctrl-C ends it" in text, True)
        port = page(text)
        os.write(terminal, b"\x03")
        while time.monotonic() < end:
            try:
                if not os.read(terminal, 65536):
                    break
            except OSError:
                break
        gone, status = os.waitpid(pid, 0)
        expect("Ctrl-C", (os.WIFEXITED(status), os.waitstatus_to_exitcode(status) if gone else None), (True, 0))
        try:
            ask(port, "GET", "/")
            failures.append("the hub is still there")
        except OSError:
            pass
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for line in failures:
        print(line)
    print("%d failures" % len(failures) if failures else "script/run: all as expected")
    return 1 if failures else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main())
