#!/usr/bin/env python3
"""Hold the manual against the programs: every option and setting, and nothing else.

usage: doc/manual.py check [--lists LISTS] [--section NAME] PAGE PROGRAM [COMMAND]    status 1 when something differs
       doc/manual.py write --lists LISTS PAGE                        write the settings into the page

PROGRAM [COMMAND] is run with --help; its options must be those of the page's .It Fl lines, by letter, name and
argument. LISTS (built from doc/manual_lists.c) prints the settings as a list; the page has it between
the comments "begin settings" and "end settings", in lines of at most 80 bytes where that is possible.
"""
import argparse
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


def section(page, name):
    """What stands below the heading .Ss NAME."""
    found = re.search(r"(?ms)^\.Ss %s\n(.*?)(?=^\.S[sh] |\Z)" % re.escape(name), page)
    if found is None:
        sys.exit("the page has no .Ss %s" % name)
    return found[1]


def compare(found, wanted, where, whose):
    return list(difflib.unified_diff(found, wanted, where, whose, lineterm="", n=0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["check", "write"])
    parser.add_argument("--lists", help="the program that prints the settings")
    parser.add_argument("--section", help="compare only the options below this .Ss of the page")
    parser.add_argument("page")
    parser.add_argument("program", nargs="*", help="and its command, when it has several")
    args = parser.parse_args()
    with open(args.page, encoding="utf-8") as file:
        page = file.read()
    differ = []
    if args.lists is not None:
        before, now, after = parts(page)
        wanted = folded(said_by(args.lists, *(["ja"] if "/ja/" in args.page else [])))
        if args.what == "write":
            with open(args.page, "w", encoding="utf-8") as file:
                file.write(before + wanted + after)
            return 0
        differ += compare(now.splitlines(), wanted.splitlines(), "settings in " + args.page,
                          "settings of the table (doc/manual.py write)")
    if args.program:
        differ += compare([" ".join(o) for o in options(ITEM, section(page, args.section) if args.section else page)],
                          [" ".join(o) for o in options(OPTION, said_by(*args.program, "--help"))],
                          "options in " + args.page, "options of " + " ".join(args.program))
    print("\n".join(differ) if differ else args.page + ": as the program says")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
