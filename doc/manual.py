#!/usr/bin/env python3
"""Hold the manual against the programs: every option and setting, and nothing else.

usage: doc/manual.py check PAGE PROGRAM [LISTS]     exit status 1 when something differs
       doc/manual.py write PAGE PROGRAM LISTS       write the list of settings into the page

PROGRAM is run with --help; its options must be those of the page's .It Fl lines, by letter, name and
argument. LISTS (built from doc/manual_lists.c) prints the settings as a list; the page has it between
the comments "begin settings" and "end settings", in lines of at most 80 bytes where that is possible.
"""
import difflib
import os
import re
import subprocess
import sys

OPTION = re.compile(r"^ {2,6}(?:-(?P<letter>\w), )?--(?P<name>[\w-]+)(?:=(?P<arg>\S+))?", re.M)
ITEM = re.compile(r"^\.It (?:Fl (?P<letter>\w) , )?Fl \\?-(?P<name>[\w-]+)(?: Ns = Ns Ar (?P<arg>\S+))?$",
                  re.M)
WIDTH = 80


def options(pattern, text):
    return sorted((m["name"], m["letter"] or "", m["arg"] or "") for m in pattern.finditer(text))


def said_by(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True,
                          env=dict(os.environ, LC_ALL="C")).stdout


def folded(text):
    """Text lines of roff folded at spaces; a line must not begin as a request does."""
    out = []
    for line in text.splitlines():
        if line.startswith("."):
            out.append(line)
            continue
        now = ""
        for word in re.sub(r"(?<=[^\d.]\.) (?=[A-Z])", "\n", line).replace("\n", " \n ").split(" "):
            if word == "\n" or (now and len((now + " " + word).encode()) > WIDTH
                                and word[:1] not in (".", "'")):
                out.append(now)
                now = "" if word == "\n" else word
            else:
                now = (now + " " + word).strip()
        out.append(now)
    return "\n".join(out) + "\n"


def parts(page):
    """The page before the list of settings, the list, and what comes after it."""
    found = re.search(r'(?s)^(.*?\.\\" begin settings[^\n]*\n)(.*?)(\.\\" end settings.*)$', page)
    if found is None:
        sys.exit('the page has no "begin settings" and "end settings"')
    return found.groups()


def main():
    if len(sys.argv) not in (4, 5) or sys.argv[1] not in ("check", "write"):
        sys.exit(__doc__.strip())
    path, program = sys.argv[2:4]
    lists = sys.argv[4] if len(sys.argv) == 5 else None
    with open(path, encoding="utf-8") as file:
        page = file.read()
    if lists is not None:
        before, now, after = parts(page)
        ja = ["ja"] if "/ja/" in path else []
        wanted = folded(said_by(lists, *ja))
        if sys.argv[1] == "write":
            with open(path, "w", encoding="utf-8") as file:
                file.write(before + wanted + after)
            return 0
    differ = list(difflib.unified_diff(
        [" ".join(o) for o in options(ITEM, page)],
        [" ".join(o) for o in options(OPTION, said_by(program, "--help"))],
        "options in " + path, "options of " + program, lineterm="", n=0))
    if lists is not None:
        differ += difflib.unified_diff(now.splitlines(), wanted.splitlines(), "settings in " + path,
                                       "settings of the table (doc/manual.py write)", lineterm="", n=0)
    print("\n".join(differ) if differ else path + ": as the program says")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
