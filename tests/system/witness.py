"""witness - a witness of the C2SP tlog-witness protocol, written from its texts alone.

It shares no code with hinomi, so that a hub can be held against somebody else's reading of
https://c2sp.org/tlog-witness, tlog-checkpoint, tlog-cosignature and signed-note. It needs python3-cryptography.
"""
import base64
import hashlib
import http.server
import ssl
import struct
import threading
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

ED25519, COSIGNATURE = 1, 4  # algorithms of signed notes
DASH = "\N{EM DASH}"


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def key_id(name, algorithm, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([algorithm]) + public).digest()[:4]


def parse_key(text):
    """(name, id, public key) of "name+hash+base64"."""
    name, number, data = text.split("+", 2)
    data = base64.b64decode(data, validate=True)
    if data[0] != ED25519 or key_id(name, ED25519, data[1:]).hex() != number:
        raise ValueError("no Ed25519 key of a note")
    return name, bytes.fromhex(number), ed25519.Ed25519PublicKey.from_public_bytes(data[1:])


def is_consistent(old, old_root, new, new_root, proof):
    """RFC 9162, section 2.1.4.2."""
    if old == new:
        return old_root == new_root and not proof
    if old == 0:
        return not proof
    proof = list(proof)
    if old & (old - 1) == 0:
        proof.insert(0, old_root)
    if not proof:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(c, fr), node(c, sr)
            while not fn & 1 and fn != 0:
                fn >>= 1
                sn >>= 1
        else:
            sr = node(sr, c)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == old_root and sr == new_root


class Refused(Exception):
    def __init__(self, status, text="", kind="text/plain"):
        super().__init__(text)
        self.status, self.text, self.kind = status, text, kind


class Witness:
    """`distort` (or None) may change an answer: it gets status and body, and returns them."""

    def __init__(self, name, logs):
        self.name, self.logs, self.seen = name, {}, {}
        for text in logs:
            key = parse_key(text)
            self.logs[key[0]] = key
        self.secret = ed25519.Ed25519PrivateKey.generate()
        public = self.secret.public_key().public_bytes(serialization.Encoding.Raw,
                                                       serialization.PublicFormat.Raw)
        self.id = key_id(name, COSIGNATURE, public)
        self.key = "%s+%s+%s" % (name, self.id.hex(),
                                 base64.b64encode(bytes([COSIGNATURE]) + public).decode())
        self.answers, self.distort = [], None
        self.lock = threading.Lock()

    # ---- the protocol ----

    def add_checkpoint(self, body):
        old, proof, text, signatures = self.parse(body)
        lines = text.split("\n")
        origin, size, root = lines[0], lines[1], lines[2]
        if origin not in self.logs:
            raise Refused(404, "unknown log")
        self.check_signature(origin, text, signatures)
        if not size.isdecimal() or (size != "0" and size[0] == "0"):
            raise Refused(400, "size")
        size, root = int(size), base64.b64decode(root, validate=True)
        if old > size:
            raise Refused(400, "old size is beyond the checkpoint")
        known, known_root = self.seen.get(origin, (0, hashlib.sha256(b"").digest()))
        if old != known:
            raise Refused(409, "%d\n" % known, "text/x.tlog.size")
        if size == known and root != known_root:
            raise Refused(409, "%d\n" % known, "text/x.tlog.size")
        if not is_consistent(known, known_root, size, root, proof):
            raise Refused(422, "no proof")
        self.seen[origin] = (size, root)
        return self.cosign(text)

    @staticmethod
    def parse(body):
        try:
            text = body.decode()
            head, _, note = text.partition("\n\n")
            lines = head.split("\n")
            if not lines[0].startswith("old ") or not lines[0][4:].isdecimal() or len(lines) > 64:
                raise ValueError("old")
            proof = [base64.b64decode(line, validate=True) for line in lines[1:]]
            if any(len(h) != 32 for h in proof):
                raise ValueError("hash")
            signed, blank, signatures = note.partition("\n\n")
            if not blank or len(signed.split("\n")) < 3:
                raise ValueError("note")
            return int(lines[0][4:]), proof, signed + "\n", signatures
        except ValueError as error:
            raise Refused(400, str(error)) from error

    def check_signature(self, origin, text, signatures):
        name, number, public = self.logs[origin]
        for line in signatures.split("\n"):
            words = line.split(" ")
            if len(words) != 3 or words[0] != DASH or words[1] != name:
                continue
            data = base64.b64decode(words[2])
            if data[:4] != number:
                continue
            try:
                public.verify(data[4:], text.encode())
                return
            except InvalidSignature:
                break
        raise Refused(403, "not signed by the log")

    def cosign(self, text):
        now = int(time.time())
        signature = self.secret.sign(b"cosignature/v1\ntime %d\n" % now + text.encode())
        return "%s %s %s\n" % (DASH, self.name,
                               base64.b64encode(self.id + struct.pack(">Q", now) + signature).decode())

    # ---- the server ----

    def answer(self, path, body):
        try:
            if path != "/prefix/add-checkpoint":
                raise Refused(404, "no such path")
            with self.lock:
                status, kind, text = 200, "text/plain", self.add_checkpoint(body)
        except Refused as refusal:
            status, kind, text = refusal.status, refusal.kind, refusal.text
        if self.distort is not None:
            status, text = self.distort(status, text)
        self.answers.append(status)
        return status, kind, text

    def serve(self, certificate, key):
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, kind, text = witness.answer(self.path, body)
                data = text.encode()
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return "https://127.0.0.1:%d/prefix" % server.server_address[1]
