#!/usr/bin/env python3
"""sender - send what the packaged tools do not: worms, newer tools, answers of attacked and abused hosts.

Frames go out of one interface through a packet socket, so this needs a network namespace of its own
(see lab.py, which starts it). Count and time are bounded. Imitations follow the same published rules as
bench/sender.c.
"""
import argparse
import ipaddress
import random
import socket
import struct
import sys
import time

MSS = b"\x02\x04\x05\xb4"
OPTIONS = {
    "none": b"",
    "mss": MSS,
    "linux": MSS + b"\x04\x02\x08\x0a" + b"\x00\x01\x02\x03\x00\x00\x00\x00" + b"\x01\x03\x03\x07",
    "windows": MSS + b"\x01\x03\x03\x08\x01\x01\x04\x02",
}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def ip4(src, dst, proto, body, ttl=64, ident=0, dont_fragment=False):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident,
                       0x4000 if dont_fragment else 0, ttl, proto, 0, packed(src), packed(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def transport_checksum(src, dst, proto, body, at):
    pseudo = packed(src) + packed(dst) + struct.pack("!BBH", 0, proto, len(body))
    return body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]


def tcp(src, dst, sport, dport, flags, seq=0, ack=0, window=65535, options=b"", **ip):
    body = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) << 2, flags, window,
                       0, 0) + options
    return ip4(src, dst, 6, transport_checksum(src, dst, 6, body, 16), **ip)


def udp(src, dst, sport, dport, payload, **ip):
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ip4(src, dst, 17, transport_checksum(src, dst, 17, body, 6), **ip)


def icmp(src, dst, kind, code, rest, **ip):
    body = struct.pack("!BBH", kind, code, 0) + rest
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    return ip4(src, dst, 1, body, **ip)


def any_of(dice, prefix):
    """A random host of a prefix, not its first or last."""
    net = ipaddress.ip_network(prefix)
    if net.num_addresses == 1:
        return net.network_address
    return net[dice.randrange(1, net.num_addresses - 1)]


def number(address):
    return int(ipaddress.ip_address(address))


def stack_syn(dice, args):
    """A Linux host's ordinary SYN: a worm that uses connect()."""
    return tcp(any_of(dice, args.source), any_of(dice, args.target), dice.randrange(32768, 61000),
               args.port, 2, seq=dice.getrandbits(32), window=64240, options=OPTIONS["linux"],
               ident=dice.getrandbits(16), dont_fragment=True, ttl=52)


def mirai(dice, args):
    """The sequence number is the target's address; one probe in ten goes to 2323."""
    target = any_of(dice, args.target)
    return tcp(any_of(dice, args.source), target, dice.randrange(1024, 65536),
               23 if dice.randrange(10) else 2323, 2, seq=number(target),
               window=dice.getrandbits(16), ident=dice.getrandbits(16), ttl=53)


def zmap_new(dice, args):
    """ZMap since 2024: a random IP ID, Windows-like options, window 65535, TTL from 255."""
    return tcp(any_of(dice, args.source), any_of(dice, args.target), dice.randrange(32768, 61001),
               args.port, 2, seq=dice.getrandbits(32), options=OPTIONS["windows"],
               ident=dice.getrandbits(16), ttl=241)


def unicornscan(dice, args):
    """The sequence number hides a key of the run: key ^ target ^ (sport << 16 | dport)."""
    target, sport = any_of(dice, args.target), dice.randrange(1024, 65536)
    seq = args.key ^ number(target) ^ (sport << 16 | args.port)
    return tcp(any_of(dice, args.source), target, sport, args.port, 2, seq=seq, window=16384,
               ident=dice.getrandbits(16), ttl=113)


def flood_answer(dice, args):
    """A server under a SYN flood with our addresses as its false sources answers: SYN-ACK, some RST."""
    flags = 0x14 if dice.randrange(12) == 0 else 0x12
    return tcp(any_of(dice, args.source), any_of(dice, args.target), args.port,
               dice.randrange(1024, 65536), flags, seq=dice.getrandbits(32) if flags == 0x12 else 0,
               ack=dice.getrandbits(32), window=29200 if flags == 0x12 else 0,
               options=MSS if flags == 0x12 else b"", dont_fragment=True, ttl=49)


def unreachable(dice, args):
    """A host flooded over UDP in our name reports a closed port, quoting the packet."""
    source, target = any_of(dice, args.source), any_of(dice, args.target)
    quoted = udp(target, source, dice.randrange(1024, 65536), args.port, b"\0" * 8, ttl=51,
                 ident=dice.getrandbits(16))
    return icmp(source, target, 3, 3, b"\0" * 4 + quoted[:28], ident=dice.getrandbits(16), ttl=238)


ANSWERS = {
    53: (b"\x12\x34\x81\x80\x00\x01\x00\x14\x00\x00\x00\x00\x07example\x03com\x00\x00\xff\x00\x01", 1200),
    123: (b"\xd7\x00\x03\x2a\x00\x06\x00\x48", 440),
    389: (b"\x30\x84\x00\x00\x05\x00\x02\x01\x01\x64\x84", 1100),
    1900: (b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\n\r\n", 300),
}


def amplified(dice, args):
    """Abused servers answer to an address that never asked."""
    head, size = ANSWERS[args.port]
    return udp(any_of(dice, args.source), args.target.split("/")[0], args.port,
               dice.randrange(1024, 65536), head.ljust(size - dice.randrange(40), b"\0"),
               ident=dice.getrandbits(16), ttl=58)


KINDS = {f.__name__.replace("_", "-"): f for f in (stack_syn, mirai, zmap_new, unicornscan,
                                                   flood_answer, unreachable, amplified)}


def send(args):
    dice = random.Random(args.seed)
    ether = bytes.fromhex(args.to.replace(":", "")) + bytes.fromhex(args.own.replace(":", "")) + b"\x08\0"
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((args.interface, 0))
    start = due = time.monotonic()
    end = start + args.seconds
    sent = 0
    while sent < args.count and due < end:
        pause = due - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        out.send(ether + KINDS[args.kind](dice, args))
        sent += 1
        done = (due - start) / args.seconds
        rate = args.rate * (args.rate_to / args.rate) ** done if args.rate_to else args.rate
        due += 1 / rate
    return sent


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--interface", required=True)
    parser.add_argument("--own", required=True, metavar="MAC")
    parser.add_argument("--to", required=True, metavar="MAC")
    parser.add_argument("--source", required=True, metavar="PREFIX", help="sources are taken from here")
    parser.add_argument("--target", required=True, metavar="PREFIX")
    parser.add_argument("--port", type=int, default=23)
    parser.add_argument("--key", type=lambda s: int(s, 0), default=0x5EED1234)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=100, help="packets a second")
    parser.add_argument("--rate-to", type=float, help="the rate grows to this one over --seconds")
    parser.add_argument("--seed", type=int, default=1)
    print(send(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
