#!/usr/bin/env python3
"""shell_test - lines in the imitated shell and in the real one: same output, errors and status?

usage: shell_test.py dash|ash|bash SHELL_PROBE LINES

LINES has a command on each line, or several lines between two of "%%". Each runs in an empty folder of its
own; the real shells are Debian's dash with coreutils, and busybox with its own commands. Ends with 77 where
the real one is not installed.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

DIALECT, PROBE, LINES = sys.argv[1], sys.argv[2], sys.argv[3]
REAL = shutil.which("busybox" if DIALECT == "ash" else DIALECT)
WANTED = 0.99  # of all lines
if REAL is None:
    print("%s is not installed" % DIALECT)
    sys.exit(77)


def commands():
    block = None
    for line in pathlib.Path(LINES).read_text(encoding="utf-8").splitlines():
        if line == "%%":
            if block is not None:
                yield "\n".join(block) + "\n"
            block = [] if block is None else None
        elif block is not None:
            block.append(line)
        elif line:
            yield line


def result(done, folder):
    errors = [line for line in done.stderr.decode(errors="replace").split("\n") if "ASan doesn't fully" not in line]
    said = done.stdout.decode(errors="replace").replace(folder, "/w")
    return said, "\n".join(errors), done.returncode


def real(text):
    with tempfile.TemporaryDirectory(prefix="hinomi-shell-") as name:
        folder, programs = os.path.join(name, "w"), os.path.join(name, "bin")
        os.mkdir(folder)
        os.mkdir(programs)
        environment = {"PATH": programs, "HOME": "/root", "LC_ALL": "C"}
        if DIALECT != "ash":
            os.symlink(shutil.which("dash"), os.path.join(programs, "sh"))
            environment["PATH"] += ":/usr/bin:/bin"
            done = subprocess.run([DIALECT, "-c", text], executable=REAL, capture_output=True, cwd=folder, timeout=60,
                                  env=environment, stdin=subprocess.DEVNULL, check=False)
        else:
            environment["PATH"] = APPLETS.name
            done = subprocess.run([REAL, "sh", "-c", text], capture_output=True, cwd=folder, timeout=60,
                                  env=environment, stdin=subprocess.DEVNULL, check=False)
        return result(done, folder)


def ours(text):
    environment = dict(os.environ)
    if DIALECT == "ash":
        environment["SHELL_PROBE_COMMANDS"] = "\n".join(sorted(os.listdir(APPLETS.name)))
    return result(subprocess.run([PROBE, DIALECT, text], capture_output=True, timeout=120, check=False,
                                 stdin=subprocess.DEVNULL, env=environment), "/w")


APPLETS = tempfile.TemporaryDirectory(prefix="hinomi-applets-")
if DIALECT == "ash":
    for applet in subprocess.run([REAL, "--list"], capture_output=True, text=True, check=True).stdout.split():
        os.symlink(REAL, os.path.join(APPLETS.name, applet))

texts = list(commands())
with ThreadPoolExecutor(2) as pool:
    pairs = list(pool.map(lambda text: (real(text), ours(text)), texts))
differing = [(text, want, got) for text, (want, got) in zip(texts, pairs) if want != got]
for text, want, got in differing:
    print("%r\n  real %r\n  ours %r" % (text, want, got))
print("%d of %d lines equal" % (len(texts) - len(differing), len(texts)))
sys.exit(1 if len(texts) < 400 or len(differing) > (1 - WANTED) * len(texts) else 0)
