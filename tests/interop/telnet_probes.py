"""telnet_probes - what is sent to Telnet servers by telnet_diff: probes made by rules."""

import itertools
import os
import random

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
VERBS = (WILL, WONT, DO, DONT)
OPTIONS = (0, 1, 3, 5, 6, 24, 31, 32, 33, 34, 35, 36, 37, 39, 42, 200, 254, 255)
KNOWN = (1, 3, 24, 31, 34)


class Probe:
    def __init__(self, name, *steps, quiet=0.5):
        self.name, self.steps, self.quiet = name, steps, quiet


def verb(kind, option):
    return bytes((IAC, kind, option))


def sub(option, data):
    return bytes((IAC, SB, option)) + data + bytes((IAC, SE))


def options():
    """Each offer alone, known ones in all orders, all at once, again and again."""
    for kind, option in itertools.product(VERBS, OPTIONS):
        yield Probe(f"offer {kind} {option}", verb(kind, option), b"x\r\n")
    for order in itertools.permutations(KNOWN[:4]):
        yield Probe(f"order {order}", b"".join(verb(WILL, option) for option in order),
                    b"".join(verb(DO, option) for option in reversed(order)))
    for kind in VERBS:
        yield Probe(f"all {kind}", b"".join(verb(kind, option) for option in range(255)))
        yield Probe(f"again {kind}", verb(kind, 1) * 20, verb(kind, 31) * 20)
    yield Probe("ping-pong", *[verb(WILL, 1), verb(DO, 1), verb(WONT, 1), verb(DONT, 1)] * 2)


def commands():
    for command in range(236, 251):
        yield Probe(f"command {command}", bytes((IAC, command)), b"ab\r\n")
        yield Probe(f"command {command} in a name", b"ro" + bytes((IAC, command)) + b"ot\r\n")
    yield Probe("iac iac", bytes((IAC, IAC)), b"\r\n")
    yield Probe("are you there, twice", bytes((IAC, 246, IAC, 246)))
    yield Probe("are you there in a password", b"root\r\n", bytes((IAC, 246)))
    yield Probe("urgent and mark", bytes((IAC, 244, IAC, 242)), b"x\r\n")


def subnegotiations():
    yield Probe("size", sub(31, b"\0\x50\0\x18"), b"x\r\n")
    yield Probe("size of nothing", sub(31, b""), b"x\r\n")
    yield Probe("size too short", sub(31, b"\0\x50"), b"x\r\n")
    yield Probe("size too long", sub(31, b"\0\x50\0\x18\0\0"), b"x\r\n")
    yield Probe("size of 255", bytes((IAC, SB, 31, 0, 255, 255, 0, 24, IAC, SE)), b"x\r\n")
    for option in (24, 32, 35, 39, 5, 34, 200):
        yield Probe(f"sub {option}", sub(option, b"\0xterm"), b"\r\n")
        yield Probe(f"sub {option} asks", sub(option, b"\1"), b"\r\n")
    yield Probe("sub without end", bytes((IAC, SB, 24, 0)) + b"xterm", b"root\r\n", b"toor\r\n")
    yield Probe("end without sub", bytes((IAC, SE)), b"x\r\n")
    yield Probe("sub in sub", bytes((IAC, SB, 24, 0, IAC, SB, 31, 0, 80, 0, 24, IAC, SE, IAC, SE)),
                b"x\r\n")
    yield Probe("long sub", sub(24, b"\0" + b"x" * 1000), b"\r\n")
    rng = random.Random(1)
    for number in range(24):
        data = bytes(rng.choice((IAC, SB, SE, WILL, DO, 31, 24, 0, 65)) for _ in range(24))
        yield Probe(f"garbage {number}", data.replace(b"\xff\xf4", b"\xff\xf1") + b"\r\n")


def pieces():
    """Sequences that arrive byte by byte."""
    for name, whole in (("will", verb(WILL, 31)), ("size", sub(31, b"\0\x50\0\x18")),
                        ("iac iac", b"\xff\xff"), ("are you there", b"\xff\xf6"),
                        ("sub", sub(24, b"\0vt100"))):
        for cut in range(1, len(whole)):
            yield Probe(f"{name} cut at {cut}", whole[:cut], whole[cut:], b"x\r\n")
        yield Probe(f"{name} byte by byte", *[bytes((one,)) for one in whole], b"x\r\n")


def line_ends():
    for name, end in (("cr lf", b"\r\n"), ("cr nul", b"\r\0"), ("cr", b"\r"), ("lf", b"\n"),
                      ("lf cr", b"\n\r"), ("cr cr lf", b"\r\r\n"), ("nul", b"\0")):
        yield Probe(f"name, {name}", b"root" + end, b"wrong" + end, (b"", 4.2), b"x" + end)
        yield Probe(f"log-in, {name}", b"root" + end, b"toor" + end, b"echo a" + end, quiet=0.7)
    yield Probe("cr, lf later", b"root\r", b"\n", b"toor\r", b"\n", quiet=0.7)


def names():
    for name in (b"", b" ", b"\t", b"  root", b"root ", b"ro ot", b"root root", b"-froot", b"-h",
                 b"a" * 20, b"a" * 60, b"a" * 61, b"a" * 62, b"a" * 63, b"a" * 64, b"a" * 65,
                 b"a" * 200, b"\xe3\x81\x82", b"\x01\x02", b"%s%n", b"\0root", b"root\0x",
                 b"ROOT", b"nobody", b"\x1b[A", b"ab\x7f\x7froot", b"x y\x15root", b"x y\x17z",
                 b"a\tb\x7f\x7f\x7f", b"\x16\x03x", b"ab\x12", b"ab\x08c"):
        yield Probe(f"name {name!r}", name + b"\r\n", b"p\r\n")
    yield Probe("empty names", *[b"\r\n"] * 11)
    yield Probe("empty names at once", b"\r\n" * 5)
    yield Probe("name without end", b"root")
    yield Probe("name, then more", b"root\r\nextra", b"\r\n")


def passwords():
    for password in (b"", b" ", b"toor ", b" toor", b"to\x7for", b"x\x15toor", b"x" * 300,
                     b"\0", b"\xff\xff", b"\x1b", b"too\0r", b"x\x17toor", b"\ttoor"):
        yield Probe(f"password {password!r}", b"root\r\n", password + b"\r\n", (b"", 4.2))
    yield Probe("wrong three times", b"root\r\n", (b"a\r\n", 4.2), b"root\r\n", (b"b\r\n", 4.2),
                b"root\r\n", (b"c\r\n", 4.2), b"root\r\n", quiet=0.7)
    yield Probe("wrong, then right", b"root\r\n", (b"a\r\n", 4.2), b"root\r\n", b"toor\r\n",
                quiet=0.7)
    yield Probe("nobody, then right", b"nobody\r\n", (b"a\r\n", 4.2), b"root\r\n", b"toor\r\n",
                quiet=0.7)
    yield Probe("keys in the pause", b"root\r\n", b"a\r\n", b"hello\r\n", (b"more", 4.2), b"\r\n")
    yield Probe("no password ever", b"root\r\n", (b"", 65), quiet=0.7)
    yield Probe("nothing ever", (b"", 65), quiet=0.7)


def signals():
    for name, key in (("^C", b"\x03"), ("^D", b"\x04"), ("^Z", b"\x1a"), ("^\\", b"\x1c"),
                      ("^S", b"\x13"), ("^S^Q", b"\x13\x11")):
        yield Probe(f"{name} at the name", key, b"x\r\n")
        yield Probe(f"{name} in the name", b"ro" + key, b"ot\r\n")
        yield Probe(f"{name} after the name", b"ro", key, b"ot\r\n")
        yield Probe(f"{name} at the password", b"root\r\n", (key, 4.2), b"x\r\n")
        yield Probe(f"{name} in the password", b"root\r\n", b"to", (key, 4.2), b"or\r\n")
        yield Probe(f"{name} in the pause", b"root\r\n", b"a\r\n", (key, 4.2), b"x\r\n")
    yield Probe("interrupt at the name", b"\xff\xf4", b"x\r\n")


def strangers():
    """Clients of other protocols."""
    for name, data in (
            ("http", b"GET / HTTP/1.0\r\n\r\n"),
            ("http 1.1", b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\n\r\n"),
            ("sip", b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm;branch=foo\r\n\r\n"),
            ("rtsp", b"OPTIONS / RTSP/1.0\r\n\r\n"), ("help", b"HELP\r\n"),
            ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n"), ("smtp", b"EHLO nmap\r\n"),
            ("two ends", b"\r\n\r\n"), ("tls", b"\x16\x03\0\0S\x01\0\0O\x03\0?G\xd7\xf7\xba,\xee"),
            ("socks", b"\x05\x04\0\x01\x02\x80\x05\x01\0\x03"), ("zeros", b"\0" * 32),
            ("smb", b"\0\0\0\xa4\xffSMBr\0\0\0\0\x08\x01\x40"),
            ("kerberos", b"\0\0\0qj\x81n0\x81k\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\n"),
            ("ldap", b"0\x0c\x02\x01\x01`\x07\x02\x01\x02\x04\0\x80\0"),
            ("dns", b"\0\x1e\0\x06\x01\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03"),
            ("mirai", b"\xff\xfc\x01\xff\xfc\x1f\xff\xfe\x01\xff\xfe\x03root\r\n"),
            ("cpe", b"admin\r\nadmin\r\n")):
        yield Probe(f"stranger {name}", data, b"\r\n")


def clients():
    """What clients in use say first."""
    for name, data in (
            ("netkit", b"\xff\xfd\x03\xff\xfb\x18\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x21\xff\xfb\x22"
                       b"\xff\xfb\x27\xff\xfd\x05\xff\xfb\x23"),
            ("netkit answers", b"\xff\xfc\x01\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xfd\x01"),
            ("busybox", b"\xff\xfc\x01\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xfd\x01"
                        b"\xff\xfd\x03"),
            ("putty", b"\xff\xfb\x1f\xff\xfb\x20\xff\xfb\x18\xff\xfb\x27\xff\xfd\x01\xff\xfb\x03"
                      b"\xff\xfd\x03"),
            ("hydra", b"\xff\xfc\x01\xff\xfc\x1f\xff\xfe\x01\xff\xfe\x03"),
            ("python", b"\xff\xfe\x01\xff\xfe\x03\xff\xfc\x01\xff\xfc\x1f")):
        yield Probe(f"client {name}", data, b"root\r\n", b"toor\r\n", quiet=0.7)


LOGIN = (b"root\r\n", b"toor\r\n")


def shell():
    """Keys at the prompt: the line editor and the terminal."""
    lines = (
        (b"echo hi\r\n", b"abc\x7f\x1b[D\x1b[D", b"\x03"),
        (b"ec\t", b"h\t", b" \x15"), (b"\x1b[A", b"\x1b[B"),
        (b"echo one\r", b"echo two\r", b"\x1b[A", b"\x1b[A", b"zz", b"\x1b[B", b"\x1b[B",
         b"\x1b[B", b"\x10", b"\x03"),
        (b"echo abc def", b"\x17", b"\x01", b"X", b"\x1b[C", b"\x1b[D", b"\x05", b"\x0b", b"\x01",
         b"\x0b", b"\x02", b"\x06", b"\x08", b"\x1b[3~", b"\x0c", b"\x15"),
        (b"a b c", b"\x1b\x7f", b"\x1bf", b"\x1bb", b"\x1b[1;5C", b"\x02\x02\x04",
         b"\x06\x06\x06", b"\x0b\x15\x0c"),
        (b"x" * 70, b"y" * 20, b"\x01", b"A", b"\x05", b"\x7f", b"\x15"),
        (b"x" * 76, b"\r"), (b"q" * 75 + b"\r",),
        (b"if true\r", b"then echo y; fi\r"), (b"echo $((\r", b"\x03"),
        (b"cat <<E\r", b"x\r", b"E\r"),
        (b"cat\r", b"xyz\x7f\x08\r", b"abc def\x17\x15q\x12\r", b"a\tb\x7f\x7f\r",
         b"a\x01\x7f\x15\r", b"\x16\x03\r", b"\x04"),
        (b"sleep 3\r", b"ls\x03"), (b"sleep 1\r", (b"echo ahead\rech", 2), b"\x03"),
        (b"\x13", b"echo s\r", b"\x11"), (b"\x1c",), (b"\x1b[6~", b"\x1b[2~"), (b"\x04",),
        (b"exit\r",), (b"printf foo\r",), (b"printf 'a\\tb\\n'\r",), (b"\xff\xf6",),
        (b"ls /et\t", b"\x15"), (b"echo a\necho b\n",), (b"caf\xc3\xa9x", b"\x1b[D", b"\x7f"),
    )
    for number, steps in enumerate(lines):
        yield Probe(f"shell {number}", *LOGIN, *steps, quiet=0.7)


REFUSES = b"".join(verb(WONT, option) for option in (24, 32, 35, 39, 36)) + verb(DONT, 37) + \
    verb(DONT, 38)
NO_HOW = b"".join(verb(WONT, option) for option in (1, 34, 31, 33)) + verb(DONT, 5)


def bsd():
    """What BSD's telnetd is asked: before it has its answers, and after."""
    rules = (options, commands, subnegotiations, pieces)
    for probe in (one for rule in rules for one in rule()):
        if probe.name.startswith("garbage") or " 34" in probe.name or " 254" in probe.name:
            continue  # line mode is another's matter
        yield Probe(probe.name, *probe.steps)
        yield Probe("after: " + probe.name, REFUSES, (NO_HOW, 1.2), *probe.steps)
    for order in itertools.permutations((24, 32, 39)):
        yield Probe(f"will {order}", b"".join(verb(WILL, option) for option in order),
                    REFUSES, sub(24, b"\0xterm"), sub(32, b"\x0038400,38400"), sub(39, b"\0"))
    yield Probe("log-in", REFUSES, (NO_HOW, 1.2), b"root\r\n", (b"toor\r\n", 2.0))


def probes(which):
    if which == "inetutils":
        return list(bsd())
    made = []
    for rule in (options, commands, subnegotiations, pieces, line_ends, names, passwords, signals,
                 strangers, clients, shell):
        made.extend(rule())
    return made


def settings(which, real):
    if which == "busybox":
        return ["telnet.banner=" + real.issue, "telnet.asks_cursor=true", "telnet.start=5ms",
                "telnet.welcome=" + real.welcome]
    return ["telnet.engine=bsd", "telnet.login=shadow", "telnet.editor=bash",
            "telnet.expand_tabs=false", "telnet.start=20ms", "telnet.tries=5",
            "telnet.banner=\nLinux " + os.uname().release + " (%h) (%t)\n\n",
            "telnet.incorrect=\nLogin incorrect\n", "telnet.term=network"]
