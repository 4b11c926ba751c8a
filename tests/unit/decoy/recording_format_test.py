"""The format of recordings as doc/recording.md has it, read by another program than ours.

usage: recording_format_test.py RECORDING_SAMPLE
"""
import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

GREETING = b"a greeting of the server that everybody is told"
NOON = 1763812800000000


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        assert self.at + size <= len(self.data), "it ends too early"
        self.at += size
        return self.data[self.at - size:self.at]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def left(self):
        return len(self.data) - self.at


def chacha20(key, nonce, data):
    """D. J. Bernstein's, with a nonce of eight bytes and a counter of eight from 0."""
    def rotate(value, bits):
        return (value << bits | value >> 32 - bits) & 0xffffffff

    out = b""
    for block in range(0, len(data), 64):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key +
                                   struct.pack("<Q", block // 64) + nonce))
        x = start[:]
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                               (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                for bits, (p, q, r) in ((16, (a, b, d)), (12, (c, d, b)), (8, (a, b, d)),
                                        (7, (c, d, b))):
                    x[p] = (x[p] + x[q]) & 0xffffffff
                    x[r] = rotate(x[r] ^ x[p], bits)
        stream = struct.pack("<16I", *((u + v) & 0xffffffff for u, v in zip(x, start)))
        out += bytes(u ^ v for u, v in zip(data[block:block + 64], stream))
    return out


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def frames(data):
    at = 64
    while at < len(data):
        size, crc = struct.unpack_from("<II", data, at)
        payload = data[at + 8:at + 8 + size]
        assert len(payload) == size and zlib.crc32(payload) == crc, "a frame is not whole"
        yield at + 8, payload
        at += 8 + size


def tree(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return sha256(b"\0", leaves[0])
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\1", tree(leaves[:half]), tree(leaves[half:]))


class Segment:
    def __init__(self, path, master):
        self.rec = path.read_bytes()
        self.keys = path.with_suffix(".hkey").read_bytes()
        self.seals = path.with_suffix(".hseal").read_bytes()
        self.master = master
        self.head = self.rec[:64]
        magic, self.number, self.made, self.public, key_id = struct.unpack("<8sQQ32s8s", self.head)
        assert magic == b"HINREC01" and self.keys[:64] == b"HINKEY01" + self.head[8:]
        assert self.seals[:64] == b"HINSEA01" + self.head[8:]
        assert key_id == hashlib.blake2b(b"hinomi recording key id 1", digest_size=16,
                                         key=master).digest()[:8]
        self.chunks, self.texts, self.names, self.text_at = {}, [], [], []
        self.text_chains = [self.chain_begin(0)]
        for base, payload in frames(self.rec):
            self.read_frame(base, Bytes(payload))

    def secret(self, slot):
        salt = self.keys[64 + slot * 16:80 + slot * 16]
        made = hashlib.blake2b(salt + struct.pack("<QI", self.number, slot), key=self.master,
                               digest_size=64).digest()
        return made[:32], made[32:48], made[48:50]

    def chain_begin(self, slot):
        return sha256(b"hinomi recording chain 1\n", self.head, struct.pack("<I", slot))

    def read_frame(self, base, frame):
        while frame.left():
            begin = frame.at
            tag = frame.varint()
            kind, slot = tag & 3, tag >> 2
            if kind == 0:
                seq, back = frame.varint(), frame.varint()
            body = frame.take(frame.varint())
            record = frame.data[begin:frame.at]
            if kind == 0:
                before = self.chunks.setdefault(slot, [])
                assert seq == len(before)
                assert back == (base + begin - before[-1][0] if before else 0)
                before.append((base + begin, record, body))
            elif kind == 1:
                self.texts.append(chacha20(self.secret(slot)[0], bytes(8), body))
                self.text_at.append(base + begin)
                self.text_chains.append(sha256(self.text_chains[-1], record))
            else:
                assert slot == len(self.names) + 1
                self.names.append(body.decode())

    def digest(self, slot):
        chain = self.chain_begin(slot)
        for _, record, _ in self.chunks[slot]:
            chain = sha256(chain, record)
        return chain

    def pieces(self, body):
        text = b""
        while True:
            head = body.varint()
            if head & 1:
                string, offset = self.texts[body.varint()], body.varint()
                text += string[offset:offset + (head >> 2)]
            else:
                text += body.take(head >> 2)
            if not head & 2:
                return text

    def items(self, slot):
        out, channel, time = [], 0, None
        for seq, (_, _, body) in enumerate(self.chunks[slot]):
            key, _, check = self.secret(slot)
            body = Bytes(chacha20(key, struct.pack("<Q", seq), body))
            if seq == 0:
                assert body.take(2) == check
                families = body.take(1)[0]
                client = body.take(4 if families & 1 else 16)
                server = body.take(4 if families & 2 else 16)
                ports = body.varint(), body.varint(), body.varint()
                time = self.made + body.zigzag()
                names = tuple(self.names[body.varint() - 1] for _ in range(2))
                out.append(("about", client, server, ports, time, names))
            while body.left():
                head = body.varint()
                time += head >> 3
                if not head & 4:
                    channel = body.varint()
                if head & 3 < 2:
                    out.append(("<" if head & 1 else ">", time, channel, self.pieces(body)))
                elif head & 3 == 2:
                    event = body.varint()
                    verdict = body.take(1)[0] if event & 4 else 0
                    number = body.varint() if event & 8 else 0
                    a = self.pieces(body) if event & 1 else b""
                    b = self.pieces(body) if event & 2 else b""
                    out.append(("event", time, event >> 4, verdict, number, a, b))
                else:
                    other = body.varint()
                    out.append(("end" if other & 1 else "gap", time, other >> 1))
        return out

    def read_groups(self, number, before):
        """Check all groups against the chain so far; the seals by slot, number and digest."""
        seals, texts, place, names = {}, 0, 0, []
        for _, payload in frames(self.seals):
            group = Bytes(payload[:-64])
            number += 1
            assert group.varint() == number
            flags, _ = group.varint(), group.zigzag()
            if flags & 4:
                group.varint()
                assert group.take(32) == before
            if flags & 1:
                assert group.varint() == len(self.rec)
            if flags & 2:
                chain = group.take(32)
                for _ in range(group.varint()):
                    place += group.varint()
                    assert place == self.text_at[texts]
                    texts += 1
                assert chain == self.text_chains[texts]
            for _ in range(group.varint()):
                names.append(group.take(group.varint()).decode())
            leaves, count = [], group.varint()
            meta = group.data[:group.at]
            for _ in range(count):
                leaves.append(group.take(group.varint()))
            assert group.left() == 0
            before = sha256(before, self.head, meta, tree(leaves))
            verify(self.public, payload[-64:], b"hinomi recording seal 1\n" + before)
            for leaf in leaves:
                self.read_seal(Bytes(leaf), seals)
        assert flags & 1 and names == self.names and texts == len(self.texts)
        return seals, number, before

    def read_seal(self, seal, seals):
        slot, chunks, first, apart = (seal.varint() for _ in range(4))
        assert chunks == len(self.chunks[slot]) and first == self.chunks[slot][0][0]
        assert first + apart == self.chunks[slot][-1][0]
        assert seal.take(32) == self.digest(slot)
        bits = seal.take(1)[0]
        client = seal.take(4 if bits & 1 else 16)
        seal.take(4 if bits & 2 else 16)
        ports = [seal.varint() for _ in range(3)]
        begin = self.made + seal.zigzag()
        numbers = [seal.varint() for _ in range(13)]
        mark = struct.unpack("<Q", seal.take(8))[0] if bits & 4 else 0
        assert seal.left() == 0
        seals[slot] = client, ports, begin, numbers, mark


def siphash(key, data):
    """SipHash-2-4 (Aumasson, Bernstein)."""
    full = 0xffffffffffffffff

    def rotate(value, bits):
        return (value << bits | value >> 64 - bits) & full

    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
         k1 ^ 0x7465646279746573]

    def rounds(count):
        for _ in range(count):
            for a, b, c, d, x, y in ((0, 1, 2, 3, 13, 16), (2, 1, 0, 3, 17, 21)):
                v[a] = (v[a] + v[b]) & full
                v[b] = rotate(v[b], x) ^ v[a]
                if a == 0:
                    v[0] = rotate(v[0], 32)
                    v[2] = (v[2] + v[3]) & full
                    v[3] = rotate(v[3], 16) ^ v[2]
                else:
                    v[2] = rotate(v[2], 32)
                    v[0] = (v[0] + v[3]) & full
                    v[3] = rotate(v[3], 21) ^ v[0]

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def verify(public, signature, message):
    """Ed25519 by OpenSSL."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + public)
        (folder / "signature").write_bytes(signature)
        (folder / "message").write_bytes(message)
        subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", folder / "key",
                        "-keyform", "DER", "-rawin", "-in", folder / "message", "-sigfile",
                        folder / "signature"], check=True, stdout=subprocess.DEVNULL)


def main():
    sample = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sample, folder], check=True)
        folder = pathlib.Path(folder)
        master = (folder / "recording.key").read_bytes()
        files = sorted(folder.glob("*.hrec"))
        assert [f.name for f in files] == ["00000001-20251122.hrec", "00000002-20251122.hrec"]
        number, before = 0, bytes(32)
        for index, path in enumerate(files):
            segment = Segment(path, master)
            assert segment.number == index + 1
            seals, number, before = segment.read_groups(number, before)
            assert segment.names == ["fileserver", "debian12"] and GREETING in segment.texts
            assert len(seals) == 3
            for k, slot in enumerate(sorted(seals)):
                about, *items = segment.items(slot)
                client = bytes.fromhex("20010db8") + bytes(11) + b"\1" if k == 2 else \
                    bytes([198, 51, 100, k])
                assert about == ("about", client, bytes([10, 0, 0, 5]), (40000, 22, 1), NOON + k,
                                 ("fileserver", "debian12")), about
                assert items == [
                    (">", NOON + 10, 0, GREETING),
                    ("event", NOON + 20, 5, 1, 1, b"root", b"12\0x"),
                    ("<", NOON + 5000000, 3, b"ls -l\r"),
                    ("gap", NOON + 6000000, len(GREETING)),
                    ("end", NOON + 6000000, 3)], items
                address, ports, begin, numbers, mark = seals[slot]
                assert address == client and ports == [40000, 22, 1] and begin == NOON + k
                assert numbers == [6000000 - k, 1, 2, 4 | 16, 3, 6, len(GREETING), len(GREETING),
                                   1, 0, 0, 0, 0], numbers
                want = 0
                for word in (b"uroot", b"p12\0x"):
                    hashed = siphash(segment.secret(slot)[1], word)
                    want |= 1 << (hashed[0] & 63) | 1 << (hashed[1] & 63)
                assert mark == want
    print("2 segments, 6 sessions, %d signatures: as doc/recording.md says" % number)


main()
