"""What ssh_diff.py asks both servers: (name, what to do with a Client) each."""

import random
import struct

from ssh_client import GOOD, STRICT, mpint, kexinit, packet, string, u32

KEX = ["sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "curve25519-sha256@libssh.org",
       "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
       "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256",
       "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1", "ext-info-c", "none", "",
       "kex-strict-c-v00@openssh.com", "ext-info-s", "kex-strict-s-v00@openssh.com",
       "mlkem768x25519-sha256", "CURVE25519-SHA256", "curve25519-sha256 ", "*", "x" * 300]
HOST_KEY = ["ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa", "ecdsa-sha2-nistp256",
            "ssh-dss", "ssh-ed25519-cert-v01@openssh.com", "none", ""]
CIPHER = ["aes128-ctr", "aes256-ctr", "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com",
          "aes128-cbc", "3des-cbc", "arcfour", "none", ""]
MAC = ["hmac-sha2-256", "hmac-sha1", "umac-64@openssh.com", "hmac-sha2-512-etm@openssh.com",
       "hmac-md5", "none", ""]
ZIP = ["none", "zlib", "zlib@openssh.com", ""]


def identifications():
    """What a client may call itself, or send in place of it."""
    texts = [b"SSH-2.0-x", b"SSH-2.2-x", b"SSH-2.99-x", b"SSH-1.99-x", b"SSH-1.5-x", b"SSH-1.98-x",
             b"SSH-3.0-x", b"SSH-0.0-x", b"SSH-2-x", b"SSH-2.-x", b"SSH-.0-x", b"SSH-2.0x",
             b"SSH-2.0-", b"SSH-2.0", b"SSH-", b"SSH", b"ssh-2.0-x", b"SSH-2.0- ", b"SSH- 2.0-x",
             b"SSH-2. 0-x", b"SSH-+2.0-x", b"SSH--2.0-x", b"SSH-02.00-x", b"SSH-2.0-x y z",
             b"SSH-2.0-x\ty", b"SSH-2.0-x\x7f", b"SSH-2.0-\xff\xfe", b"SSH-2.0--", b"SSH-2.0-x\0y",
             b"SSH-2.0-x\0", b"\0SSH-2.0-x", b"SSH-2.0-x\ry", b"SSH-2.0-x\r", b" SSH-2.0-x",
             b"", b"\r", b"\n", b"GET / HTTP/1.0\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n",
             b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"EHLO x", b"USER x", b"quit",
             b"\xff\xfd\x1f", b"hello", b"hello\nSSH-2.0-x", b"SSH-2147483648.0-x",
             b"SSH-99999999999.0-x", b"SSH-2.99999999999-x", b"SSH-2.4294967296-x"]
    software = ["OpenSSH_2.3.0", "OpenSSH_3.0", "OpenSSH_3.9p1", "OpenSSH_4.3", "OpenSSH_5.3",
                "OpenSSH_6.6.1p1", "OpenSSH_7.4", "OpenSSH_9.2p1 Debian-2", "OpenSSH_10.0",
                "PuTTY_Release_0.60", "PuTTY_Release_0.78", "PuTTY-Release-0.58", "FuTTY_1",
                "libssh2_1.10.0", "libssh_0.9.6", "Go", "paramiko_2.0", "JSCH-0.1", "dropbear_2020",
                "Twisted_22.4", "TTSSH/2.7 Win32", "WinSCP_release_5.7", "Probe-x", "Probe",
                "SSH_Version_Mapper", "a SSH_Version_Mapper b", "Cisco-1.25", "1.2.18 x", "3.0.1",
                "3.0 SecureCRT", "OSU_1.4", "ConfD-1", "Nmap-SSH2-Hostkey", "zgrab", "Granados-1",
                "Sun_SSH_1.0", "MindTerm", "SSH Compatible Server", "%s%n", "x" * 200]
    texts += [b"SSH-2.0-" + s.encode() for s in software]
    for text in texts:
        for end in (b"\r\n", b"\n"):
            yield f"identification {text[:40]!r} {end!r}", text + end
    for size in (250, 251, 252, 253, 254, 255, 256, 257, 300, 1000, 8190, 8191, 8192, 8193, 8194,
                 9000):
        yield f"identification of {size} bytes", b"SSH-2.0-".ljust(size, b"x") + b"\r\n"
    for text in (b"SSH-2.0-x", b"SSH-2.0-x\r\r\n", b"SSH-2.0-x\r\n\r\n", b"SSH-2.0-x\n\r"):
        yield f"identification ends {text!r}", text
    for line in range(1, 5):
        yield f"{line} lines before", b"line\r\n" * line + b"SSH-2.0-x\r\n"


def identify(text):
    def run(c):
        c.seen.append(c.line())
        c.client_id = text.rstrip(b"\r\n")
        c.send(text)
        c.listen_text()
        c.send(packet(kexinit()))
        c.listen_text()
    return run


def begin(c):
    c.identify()
    c.expect_kexinit()


def raw(*pieces):
    """Bytes after KEXINIT of the server has come."""
    def run(c):
        begin(c)
        for piece in pieces:
            c.send(piece)
            c.listen()
    return run


def lengths():
    body = b"\x02" + string("x" * 10)
    for length in list(range(0, 40)) + [255, 256, 35000, 35001, 0x3fffc, 0x40000 - 4, 0x40000,
                                        0x40004, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff]:
        yield f"length {length}", raw(packet(body, length=length) + b"\0" * 64)
    for padding in list(range(0, 24)) + [31, 63, 127, 254, 255]:
        yield f"padding {padding}", raw(packet(body, padding=padding))
        yield f"padding field {padding}", raw(struct.pack(">IB", 28, padding) + b"\2" * 27)
    for size in (0, 1, 3, 7, 100, 1000, 30000, 34990, 200000):
        yield f"IGNORE of {size}", raw(packet(b"\x02" + string(b"x" * size)))
    yield "a byte at a time", lambda c: (begin(c), [c.send(bytes([b])) for b in packet(kexinit())],
                                         c.listen())
    yield "half a packet", raw(packet(kexinit())[:100])
    yield "two KEXINIT at once", raw(packet(kexinit()) * 2)
    yield "payload of none", raw(struct.pack(">IB", 12, 11) + b"\0" * 11)


def lists_of(choose):
    def some(names):
        return ",".join(choose.sample(names, choose.randint(1, min(4, len(names)))))
    lists = dict(GOOD)
    for name, values in (("kex", KEX), ("host_key", HOST_KEY), ("cipher_in", CIPHER),
                         ("cipher_out", CIPHER), ("mac_in", MAC), ("mac_out", MAC),
                         ("zip_in", ZIP), ("zip_out", ZIP)):
        if choose.random() < 0.4:
            lists[name] = some(values)
    return lists


def kexinits():
    choose = random.Random(6)
    for i in range(150):
        lists = lists_of(choose)
        follows = int(choose.random() < 0.2)
        text = ";".join(f"{k}={v[:60]}" for k, v in lists.items() if v != GOOD[k])
        yield f"KEXINIT {i} {text} {follows}", raw(
            packet(kexinit(follows=follows, **lists)),
            packet(b"\x1e" + string(b"\x09" + b"\0" * 31)))
    for name in sorted(GOOD):
        for value in ("", ",", ",,", "x", GOOD[name] + ",", "," + GOOD[name], "x," + GOOD[name],
                      GOOD[name] + "\0", "\0" + GOOD[name], "a," * 39 + GOOD[name],
                      "a," * 40 + GOOD[name], "a," * 10000 + GOOD[name]):
            yield (f"KEXINIT {name} {value[:20]!r}",
                   raw(packet(kexinit(**{name: value})),
                       packet(b"\x1e" + string(b"\x09" + b"\0" * 31))))
    whole = kexinit()
    for cut in list(range(1, 40)) + [len(whole) - 5, len(whole) - 4, len(whole) - 1]:
        yield f"KEXINIT cut at {cut}", raw(packet(whole[:cut]))
    yield "KEXINIT with more", raw(packet(whole + b"x"))
    yield "KEXINIT reserved 1", raw(packet(kexinit(tail=b"\0\0\0\1")))
    for follows in (1, 2, 255):
        yield f"KEXINIT guess {follows} right", raw(
            packet(kexinit(follows=follows, kex="sntrup761x25519-sha512", host_key="rsa-sha2-512")),
            packet(b"\x1e" + string(b"x" * 1190)))
        yield f"KEXINIT guess {follows} wrong", raw(
            packet(kexinit(follows=follows)), packet(b"\x1e" + string(b"x")),
            packet(b"\x1e" + string(b"\x09" + b"\0" * 31)))


def values():
    """Values of key exchange that are none, and some that are."""
    points = {
        "curve25519-sha256": [b"", b"\0" * 31, b"\0" * 32, b"\1" + b"\0" * 31, b"\xff" * 32,
                              b"\x09" + b"\0" * 31, b"x" * 33],
        "ecdh-sha2-nistp256": [b"", b"\0", b"\4", b"\4" + b"\1" * 64, b"\2" + b"\1" * 32,
                               b"\4" + b"\0" * 64, b"x" * 65],
        "diffie-hellman-group14-sha256": [b"", b"\0", b"\1", b"\2", b"\xff" * 256, b"\x7f" * 256,
                                          b"\0" + b"\xff" * 256, b"\x80", b"\3\7", b"\x7f" * 8,
                                          b"x" * 3000],
        "sntrup761x25519-sha512": [b"", b"x" * 1158, b"x" * 1190, b"x" * 1191]}
    for kex, tried in points.items():
        for value in tried:
            yield (f"{kex} with {len(value)} bytes {value[:3]!r}",
                   raw(packet(kexinit(kex=kex)), packet(b"\x1e" + string(value))))
        yield f"{kex} with more", raw(packet(kexinit(kex=kex)),
                                      packet(b"\x1e" + string(tried[1]) + b"x"))
    gex = "diffie-hellman-group-exchange-sha256"
    for sizes in ((0, 0, 0), (1024, 1024, 1024), (1024, 2048, 8192), (2048, 2048, 2048),
                  (2048, 3072, 8192), (8192, 8192, 8192), (4096, 2048, 8192), (2048, 9000, 8192),
                  (1, 1, 0xffffffff), (2047, 2047, 2047), (2049, 2049, 3071), (9000, 9000, 9000),
                  (2048, 7680, 8192), (2048, 1024, 8192)):
        yield f"group of {sizes}", raw(packet(kexinit(kex=gex)),
                                       packet(b"\x22" + struct.pack(">III", *sizes)))
    yield "old request of a group", raw(packet(kexinit(kex=gex)), packet(b"\x1e" + u32(2048)))
    yield "group's value first", raw(packet(kexinit(kex=gex)), packet(b"\x20" + mpint(5)))


# -- messages of each type in each state --

def after_exchange(strict, newkeys=True):
    def reach(c):
        begin(c)
        c.exchange({"kex": GOOD["kex"] + ",ext-info-c" + (STRICT if strict else "")},
                   newkeys=newkeys)
    return reach


def kexinit_sent(strict):
    def reach(c):
        begin(c)
        c.send_packet(kexinit(kex=GOOD["kex"] + (STRICT if strict else "")))
    return reach


def in_service(c):
    after_exchange(True)(c)
    c.send_packet(b"\x05" + string("ssh-userauth"))


def refused(c):
    in_service(c)
    c.send_packet(userauth("none"))


STATES = {
    "at first": begin,
    "after KEXINIT": kexinit_sent(False),
    "after strict KEXINIT": kexinit_sent(True),
    "before NEWKEYS": after_exchange(False, newkeys=False),
    "before strict NEWKEYS": after_exchange(True, newkeys=False),
    "with keys": after_exchange(True),
    "before log-in": in_service,
    "after a refusal": refused,
}
USUAL = {1: u32(11) + string("bye") + string(""), 2: string("x"), 3: u32(0),
         4: b"\1" + string("x") + string(""), 5: string("ssh-userauth"), 6: string("ssh-userauth"),
         7: u32(0), 20: kexinit()[1:], 21: b"", 30: string(b"\x09" + b"\0" * 31),
         34: struct.pack(">III", 2048, 2048, 8192), 80: string("x") + b"\1",
         90: string("session") + struct.pack(">III", 0, 1000, 1000)}


def message(reach, payload):
    def run(c):
        reach(c)
        c.send_packet(payload)
        c.listen()
        c.send_packet(b"\x02" + string("still here?"))
        c.send_packet(b"\x78")  # a type that nobody has: is it still answered?
        c.listen()
    return run


def messages():
    for state, reach in STATES.items():
        for kind in list(range(0, 110)) + [127, 128, 191, 192, 193, 200, 255]:
            yield f"type {kind} {state}", message(reach, bytes([kind]) + USUAL.get(kind, b""))
    for state in ("at first", "with keys", "before log-in"):
        for kind in sorted(USUAL):
            if USUAL[kind]:
                yield f"type {kind} bare {state}", message(STATES[state], bytes([kind]))
            yield (f"type {kind} with more {state}",
                   message(STATES[state], bytes([kind]) + USUAL[kind] + b"more"))


# -- log-in --

def userauth(method, rest=b"", user="nobody-here", service="ssh-connection"):
    return b"\x32" + string(user) + string(service) + string(method) + rest


ED_KEY = string("ssh-ed25519") + string(b"\1" * 32)


def requests(*payloads, service=True):
    def run(c):
        after_exchange(True)(c)
        if service:
            c.send_packet(b"\x05" + string("ssh-userauth"))
        for payload in payloads:
            c.listen()
            c.send_packet(payload)
        c.listen()
    return run


def log_ins():
    password = userauth("password", b"\0" + string("secret"))
    query = userauth("publickey", b"\0" + string("ssh-ed25519") + string(ED_KEY))
    none = userauth("none")
    signed = userauth("publickey", b"\1" + string("ssh-ed25519") + string(ED_KEY) +
                      string(string("ssh-ed25519") + string(b"\2" * 64)))
    keyboard = userauth("keyboard-interactive", string("") + string(""))
    yield "request without service", requests(none, service=False)
    for name, one in (("none", none), ("password", password), ("query", query),
                      ("signed", signed), ("keyboard", keyboard),
                      ("hostbased", userauth("hostbased")), ("unknown", userauth("x")),
                      ("gssapi", userauth("gssapi-with-mic")), ("empty", userauth(""))):
        for count in range(1, 8):
            yield f"{name} {count} times", requests(*[one] * count)
        yield f"none, then {name}", requests(none, one)
        yield f"{name}, then none", requests(one, none)
        yield f"{name} cut", requests(one[:-3])
        yield f"{name} with more", requests(one + b"more")
        for user in ("", "root", "x" * 32, "x" * 101, "x" * 3000, "a:b", "root:style", "\xff",
                     "a\0b", "a\0", "nobody"):
            yield f"{name} as {user[:10]!r}", requests(
                one.replace(string("nobody-here"), string(user.encode("latin1")), 1))
    for user, service in (("other", "ssh-connection"), ("nobody-here", "ssh-userauth"),
                          ("nobody-here", "x"), ("nobody-here:x", "ssh-connection")):
        yield f"then {user} {service}", requests(none, userauth("none", user=user,
                                                                service=service))
    for service in ("ssh-userauth", "x", "", "ssh-connection-x", "ssh-connection\0"):
        yield f"service {service!r} of a request", requests(userauth("none", service=service))
    for service in ("ssh-connection", "x", "", "ssh-userauth\0", "a\0b", "x" * 2000):
        yield f"service {service[:20]!r}", requests(b"\x05" + string(service), none,
                                                    service=False)
    yield "service twice", requests(b"\x05" + string("ssh-userauth"), none)
    for secret in ("", "\0", "a\0b", "x" * 1024, "x" * 1025, "x" * 30000, "\xff\xfe"):
        yield f"password {secret[:10]!r}", requests(
            userauth("password", b"\0" + string(secret.encode("latin1"))))
    yield "password change", requests(userauth("password", b"\1" + string("a") + string("b")))
    yield "password change cut", requests(userauth("password", b"\1" + string("a")))
    for algorithm in ("ssh-rsa", "rsa-sha2-512", "ecdsa-sha2-nistp256", "ssh-dss", "x", "",
                      "sk-ssh-ed25519@openssh.com", "ssh-ed25519-cert-v01@openssh.com"):
        yield f"query {algorithm!r}", requests(
            userauth("publickey", b"\0" + string(algorithm) + string(ED_KEY)))
    for key in (b"", b"x", ED_KEY[:-1], ED_KEY + b"x", string("ssh-rsa") + mpint(3) + mpint(15),
                string("ecdsa-sha2-nistp256") + string("nistp256") + string(b"\4" + b"\1" * 64)):
        yield f"query a key of {len(key)} bytes {key[:12]!r}", requests(
            userauth("publickey", b"\0" + string("ssh-ed25519") + string(key)))
    yield "hostbound", requests(userauth("publickey-hostbound-v00@openssh.com",
                                         b"\0" + string("ssh-ed25519") + string(ED_KEY) +
                                         string(ED_KEY)))
    yield "an answer to nothing", requests(b"\x3d" + u32(1) + string("x"))
    yield "mixed", requests(none, query, password, keyboard, query, password)
    yield "wrong MAC", lambda c: (in_service(c), c.listen(),
                                  c.send_packet(b"\x02" + string("x"), corrupt=True), c.listen())
    for length in (0, 1, 5, 12, 16, 28, 33, 0x40000, 0x40001, 0xffffffff):
        yield f"encrypted length {length}", lambda c, n=length: (
            in_service(c), c.listen(),
            c.send(c.seal(struct.pack(">IB", n, 4) + b"\2" * 27)), c.listen())


def before_log_in():
    for name, text in identifications():
        yield name, identify(text)
    yield from lengths()
    yield from kexinits()
    yield from values()
    yield from messages()
    yield from log_ins()
