"""A small SSH client that can be told to do anything wrong, for tests beside real servers."""

import functools
import hashlib
import hmac
import socket
import struct
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dh, ec, x25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NAMES = ("kex", "host_key", "cipher_in", "cipher_out", "mac_in", "mac_out", "zip_in", "zip_out",
         "language_in", "language_out")
GOOD = {"kex": "curve25519-sha256", "host_key": "ssh-ed25519",
        "cipher_in": "aes128-ctr", "cipher_out": "aes128-ctr",
        "mac_in": "hmac-sha2-256", "mac_out": "hmac-sha2-256", "zip_in": "none", "zip_out": "none",
        "language_in": "", "language_out": ""}
GROUP14 = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404"
    "DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406"
    "B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD"
    "24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E46"
    "2E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D226"
    "1898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF", 16)
STRICT = ",kex-strict-c-v00@openssh.com"


def u32(n):
    return struct.pack(">I", n)


def string(b):
    if isinstance(b, str):
        b = b.encode()
    return u32(len(b)) + b


def mpint(n):
    b = n.to_bytes((n.bit_length() + 8) // 8, "big")
    return string(b if n else b"")


def take(b):
    size, = struct.unpack(">I", b[:4])
    return b[4:4 + size], b[4 + size:]


def kexinit(follows=0, tail=b"\0\0\0\0", cookie=b"\1" * 16, **lists):
    body = b"\x14" + cookie
    for name in NAMES:
        body += string(lists.get(name, GOOD[name]))
    return body + bytes([follows]) + tail


def packet(payload, padding=None, length=None, block=8):
    if padding is None:
        padding = block - (len(payload) + 5) % block
        if padding < 4:
            padding += block
    size = len(payload) + padding + 1 if length is None else length
    return struct.pack(">IB", size & 0xffffffff, padding & 255) + payload + b"\0" * padding


class Closed(Exception):
    """The server has closed the connection."""


class Idle(Exception):
    """The server says nothing for a while."""


class Client:
    def __init__(self, port, idle=0.4):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.idle = idle
        self.buffer = b""
        self.seen = []  # what the server said, in order
        self.delays = []
        self.encrypt = self.decrypt = None
        self.sequence_in = self.sequence_out = 0
        self.strict = False
        self.session_id = None
        self.first = True
        self.sent_at = time.monotonic()

    def close(self):
        self.socket.close()

    # -- bytes --

    def send(self, data):
        self.sent_at = time.monotonic()
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def more(self, idle):
        self.socket.settimeout(idle)
        try:
            got = self.socket.recv(65536)
        except socket.timeout:
            raise Idle() from None
        except OSError:
            raise Closed("reset") from None
        if not got:
            raise Closed("end")
        self.buffer += got

    def need(self, size, idle=None):
        while len(self.buffer) < size:
            self.more(self.idle if idle is None else idle)

    def line(self):
        while b"\n" not in self.buffer:
            self.more(20)
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    # -- packets --

    def seal(self, raw):
        if self.encrypt is None:
            return raw
        cipher, key = self.encrypt
        tag = hmac.new(key, u32(self.sequence_out) + raw, hashlib.sha256).digest()
        return cipher.update(raw) + tag

    def send_packet(self, payload, corrupt=False, **how):
        raw = packet(payload, block=16 if self.encrypt else 8, **how)
        sealed = self.seal(raw)
        if corrupt:
            sealed = sealed[:-1] + bytes([sealed[-1] ^ 1])
        self.sequence_out = (self.sequence_out + 1) & 0xffffffff
        self.send(sealed)

    def receive(self, idle=None):
        """The next message: its payload and padding."""
        block = 16 if self.decrypt else 8
        self.need(block, idle)
        if self.decrypt is None:
            head = self.buffer[:block]
        else:
            head = self.decrypt[0].update(self.buffer[:block])
        size, padding = struct.unpack(">IB", head[:5])
        if size > 300000:
            raise Closed("garbage")
        tag = 32 if self.decrypt else 0
        self.need(size + 4 + tag, 20)
        rest = self.buffer[block:size + 4]
        raw = head + (rest if self.decrypt is None else self.decrypt[0].update(rest))
        if self.decrypt is not None:
            want = hmac.new(self.decrypt[1], u32(self.sequence_in) + raw, hashlib.sha256).digest()
            if want != self.buffer[size + 4:size + 4 + tag]:
                raise Closed("wrong MAC")
        self.buffer = self.buffer[size + 4 + tag:]
        self.sequence_in = (self.sequence_in + 1) & 0xffffffff
        return raw[5:4 + size - padding], raw[4 + size - padding:]

    # -- key exchange --

    def identify(self, text=b"SSH-2.0-OpenSSH_9.2\r\n"):
        self.server_id = self.line()
        self.seen.append(("identification", self.server_id))
        self.client_id = text.rstrip(b"\r\n")
        self.send(text)

    def expect_kexinit(self):
        payload, padding = self.receive(20)
        self.server_kexinit = payload
        self.seen.append(say(payload, padding, False))

    def exchange(self, lists=None, newkeys=True, **how):
        """Do a key exchange with the lists; the server's KEXINIT has been read."""
        lists = lists or {}
        mine = kexinit(**lists, **how)
        self.send_packet(mine)
        kex = lists.get("kex", GOOD["kex"]).split(",")[0]
        self.strict = self.strict or (self.first and STRICT[1:] in lists.get("kex", ""))
        group = None
        if kex.startswith("curve25519"):
            key = x25519.X25519PrivateKey.generate()
            value = string(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
            number = 30
        elif kex.startswith("ecdh"):
            curve = {"256": ec.SECP256R1, "384": ec.SECP384R1, "521": ec.SECP521R1}[kex[-3:]]()
            key = ec.generate_private_key(curve)
            value = string(key.public_key().public_bytes(Encoding.X962,
                                                         PublicFormat.UncompressedPoint))
            number = 30
        else:
            prime, generator = GROUP14, 2
            if "exchange" in kex:
                self.send_packet(b"\x22" + struct.pack(">III", 2048, 2048, 2048))
                payload, padding = self.receive(20)
                self.seen.append((payload[0], "group"))
                p, rest = take(payload[1:])
                g, rest = take(rest)
                prime, generator = int.from_bytes(p, "big"), int.from_bytes(g, "big")
                group = struct.pack(">III", 2048, 2048, 2048) + string(p) + string(g)
            secret = 0x1234567890abcdef1234567890abcdef ** 3
            value = mpint(pow(generator, secret, prime))
            number = 32 if group else 30
        self.send_packet(bytes([number]) + value)
        payload, padding = self.receive(20)
        self.seen.append(say(payload, padding, False))
        if payload[0] not in (31, 33):
            raise Closed("no reply")
        host_key, rest = take(payload[1:])
        theirs, rest = take(rest)
        if kex.startswith("curve25519"):
            shared = key.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        elif kex.startswith("ecdh"):
            shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(
                curve, theirs))
        else:
            shared = pow(int.from_bytes(theirs, "big"), secret, prime).to_bytes(1024, "big")
        shared = mpint(int.from_bytes(shared, "big"))
        digest = {"sha1": hashlib.sha1, "a384": hashlib.sha384, "p384": hashlib.sha384,
                  "a512": hashlib.sha512, "p521": hashlib.sha512}.get(
                      kex.split("@")[0][-4:], hashlib.sha256)
        h = digest(string(self.client_id) + string(self.server_id.rstrip(b"\r\n")) +
                   string(mine) + string(self.server_kexinit) + string(host_key) +
                   (group or b"") + value + string(theirs) + shared).digest()
        self.session_id = self.session_id or h

        def derive(letter, size):
            out = digest(shared + h + letter + self.session_id).digest()
            while len(out) < size:
                out += digest(shared + h + out).digest()
            return out[:size]

        def cipher(key, iv):
            return Cipher(algorithms.AES(derive(key, 16)), modes.CTR(derive(iv, 16)))

        payload, padding = self.receive(20)
        self.seen.append(say(payload, padding, False))
        if payload[0] != 21:
            raise Closed("no NEWKEYS")
        self.decrypt = (cipher(b"D", b"B").decryptor(), derive(b"F", 32))
        if self.strict:
            self.sequence_in = 0
        self.keys = (cipher(b"C", b"A").encryptor(), derive(b"E", 32))
        if newkeys:
            self.send_newkeys()

    def send_newkeys(self):
        self.send_packet(b"\x15")
        self.encrypt = self.keys
        self.first = False
        if self.strict:
            self.sequence_out = 0

    # -- what comes --

    def listen(self, idle=None):
        """Note all that comes until the server is quiet or closes."""
        try:
            while True:
                payload, padding = self.receive(idle)
                if not self.delays or self.delays[-1][0] != self.sent_at:
                    self.delays.append((self.sent_at, time.monotonic() - self.sent_at))
                self.seen.append(say(payload, padding, self.decrypt is not None))
                if payload[0] == 21 and self.decrypt is None:
                    self.listen_sealed(idle)
        except Idle:
            self.seen.append("open")
        except Closed as closed:
            self.seen.append("reset" if str(closed) == "reset" else str(closed))

    def listen_sealed(self, idle):
        """What comes under keys that nobody has made: only how much of it."""
        try:
            while True:
                self.more(self.idle if idle is None else idle)
        finally:
            self.seen.append(("sealed", len(self.buffer)))
            self.buffer = b""


def say(payload, padding, encrypted):
    """What of a message is the same each time."""
    kind = payload[0]
    pad = (len(padding), not encrypted and any(padding))
    if kind == 20:
        return kind, payload[17:], pad
    if kind in (31, 33):
        try:
            host_key, rest = take(payload[1:])
            theirs, rest = take(rest)
            signature, rest = take(rest)
            name = take(signature)[0]
            if name:
                sizes = (len(host_key) // 8, len(theirs) // 8, len(rest))
                return kind, take(host_key)[0], name, sizes
        except (struct.error, IndexError):
            pass
    if kind == 31 and not encrypted:
        try:  # a group: which one it is is the server's choice
            prime, rest = take(payload[1:])
            generator, rest = take(rest)
            known = f"{int.from_bytes(prime, 'big'):X}" in moduli()
            return kind, len(prime), generator in (b"\2", b"\5"), rest, "known" if known else "new"
        except (struct.error, IndexError):
            pass
    return kind, payload[1:], pad


@functools.lru_cache
def moduli():
    """The groups that every machine with this OpenSSH has."""
    with open("/etc/ssh/moduli", encoding="ascii") as lines:
        return {line.split()[6] for line in lines if not line.startswith("#")}
