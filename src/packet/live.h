/*
 * live - packets from a network interface.
 *
 * TPACKET_V3 rings on AF_PACKET sockets, one ring a reading thread. With several rings the kernel
 * deals the packets out by source address (IPv4 the address, IPv6 its /64; through up to two VLAN
 * tags and PPPoE), so that one source always comes to the same ring; all else comes to ring 0.
 * Frames lie in the ring itself, which gets a block back when all batches with frames in it have
 * been released or filled anew: a reader that keeps batches for long makes the kernel drop.
 *
 * An interface that goes down, vanishes or is renamed is waited for by its name, and reading goes
 * on when it is back. That needs no privilege: hin_live_open() needs CAP_NET_RAW, and makes spare
 * sockets that are only bound later. With several rings an interface may be made anew
 * HIN_LIVE_SPARES times; after that all its packets come to ring 0.
 *
 * VLAN tags that the hardware or the kernel took off are put back into the frame.
 *
 * Ownership: the caller owns a live capture and ends it with hin_live_close(), after releasing all
 *            batches. Frames of a batch stay valid until it is refilled or released.
 * Threads:   each ring by one thread at a time, different rings at once; batches may be released,
 *            and counters asked for, by any thread. Every ring must be read, for reopening too.
 */
#pragma once
#include "packet/capture.h"

#define HIN_LIVE_MAX_RINGS 64
#define HIN_LIVE_SPARES 8

struct hin_live_options {
	size_t ring_bytes;   /* memory of each ring; 0 = 32 MiB */
	uint32_t latency_ms; /* a block that is not full is handed over after this; 0 = 50 */
	bool promiscuous;    /* also what is for other stations */
	bool outgoing;	     /* also what this machine sends */
};

struct hin_live;

/*
 * Capture on `interface` into `rings` rings (1 to HIN_LIVE_MAX_RINGS). HIN_ENOENT when there is no
 * such interface, HIN_EDENIED without CAP_NET_RAW, HIN_EUNSUPPORTED when its link type is unknown.
 * One that is down is waited for.
 */
HIN_MUST_USE enum hin_code hin_live_open(struct hin_live **out, const char *interface, size_t rings,
					 const struct hin_live_options *options,
					 struct hin_error *err);

/*
 * Fill `batch` with the next frames of `ring`; `input` of each is the ring. HIN_OK with count > 0;
 * HIN_EAGAIN with count 0 when nothing came within `timeout_ms` or a signal came; HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_live_read(struct hin_live *live, size_t ring,
					 struct hin_batch *batch, int timeout_ms,
					 struct hin_error *err);

/* Packets of `ring` that the kernel dropped for lack of room since the start. */
uint64_t hin_live_drops(struct hin_live *live, size_t ring);

/* Is the interface down or gone, and being waited for? */
bool hin_live_waiting(const struct hin_live *live);

/* How often the interface was bound anew since the start. */
uint32_t hin_live_reopened(const struct hin_live *live);

/* HIN_LINK_* of the interface. */
uint16_t hin_live_link(const struct hin_live *live);

/* Close all and free; NULL is fine. */
void hin_live_close(struct hin_live *live);
