#!/usr/bin/env python3
"""recorder - record an interface to a nanosecond pcap file until interrupted; counts like tcpdump's.

tcpdump wants to change to another user, which a user namespace does not let it; this stands in for it there.

usage: recorder.py INTERFACE FILE
"""
import signal
import socket
import struct
import sys

SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING = 263, 6, 4
SO_TIMESTAMPNS, SO_RCVBUFFORCE = 35, 33
ETH_P_ALL = 3


def main(interface, path):
    count = 0
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
    except PermissionError:  # only root of the whole machine may
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
    sock.bind((interface, ETH_P_ALL))
    sock.settimeout(0.1)
    ending = []
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ending.append(True))
    with open(path, "wb") as out:
        out.write(struct.pack("=IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        print("listening on %s" % interface, file=sys.stderr, flush=True)
        while True:
            try:
                data, extra, _, address = sock.recvmsg(65536, 64)
            except socket.timeout:
                if ending:
                    break
                continue
            if address[2] == PACKET_OUTGOING:
                continue
            seconds, nanoseconds = struct.unpack("=qq", extra[0][2])
            out.write(struct.pack("=IIII", seconds, nanoseconds, len(data), len(data)) + data)
            count += 1
    received, dropped = struct.unpack("=II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
    print("%d packets captured\n%d packets received by filter\n%d packets dropped by kernel"
          % (count, received, dropped), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
