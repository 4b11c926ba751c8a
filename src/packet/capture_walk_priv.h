/*
 * capture_walk - one capture format after the other: from bytes to frames.
 *
 * A walk reads the records between `in->pos` and `in->end` and moves `pos` behind those it took. It
 * never waits and never copies: frames point into the bytes given. Where more bytes are needed it
 * says how many, counted from `pos`.
 *
 * Ownership: the caller owns a walk and ends it with hin_walk_fini(); bytes are borrowed.
 * Threads:   one thread at a time for each walk.
 */
#pragma once
#include "base/bytes.h"
#include "packet/capture.h"

/* Largest recorded frame, as in libpcap (MAXIMUM_SNAPLEN) and Wireshark. */
#define HIN_WALK_MAX_FRAME 262144
/* Largest block of a pcapng file, as in libpcap and Wireshark. */
#define HIN_WALK_MAX_BLOCK (16 * 1024 * 1024)
/* Interfaces in one section of a pcapng file. */
#define HIN_WALK_MAX_INTERFACES 65536

enum hin_walk_stop {
	HIN_WALK_FULL,	/* no room for another frame */
	HIN_WALK_MORE,	/* needs `want` bytes from `pos` on */
	HIN_WALK_UNTIL, /* the next frame is later than `until` */
	HIN_WALK_BAD,	/* the record at `pos` cannot be; `reason` says why */
	HIN_WALK_LIMIT, /* it goes over a limit; `reason` says which */
	HIN_WALK_NOMEM,
};

enum hin_walk_start {
	HIN_START_FOUND,   /* `walk` is ready and `pos` behind the file header */
	HIN_START_MORE,	   /* needs `want` bytes from `pos` on */
	HIN_START_NONE,	   /* not of this format */
	HIN_START_CUT,	   /* ends inside the file header */
	HIN_START_REFUSED, /* of this format, but not readable; `reason` says why */
	HIN_START_NOMEM,
};

struct hin_span {
	const uint8_t *pos, *end;
	bool last; /* no bytes will follow `end` */
};

struct hin_walk;

struct hin_walk_format {
	const char *name;
	enum hin_walk_start (*start)(struct hin_walk *walk, struct hin_span *in);
	enum hin_walk_stop (*records)(struct hin_walk *walk, struct hin_span *in,
				      struct hin_frame *out, size_t room, int64_t until,
				      size_t *count);
};

struct hin_pcapng_interface; /* of pcapng.c */

struct hin_walk {
	const struct hin_walk_format *format; /* NULL until found */
	const char *format_name;
	uint16_t input;		 /* goes into each frame */
	uint16_t link;		 /* pcap: of all frames */
	bool swapped;		 /* the file is not little-endian */
	bool nano;		 /* pcap: parts of a second are nanoseconds */
	uint8_t extra;		 /* pcap: bytes after each record header */
	uint8_t lengths_swapped; /* pcap: 1 = always, 2 = where that makes sense */
	struct hin_pcapng_interface *interfaces;
	size_t interface_count, interface_room;
	int64_t last_ns; /* time of the last frame, for records without one */
	uint64_t skipped, clamped;
	size_t want;
	char reason[120];
};

extern const struct hin_walk_format hin_pcap_format, hin_pcapng_format, hin_erf_format;

/* Find the format of the bytes at `in->pos` and read its file header. */
HIN_MUST_USE enum hin_walk_start hin_walk_start(struct hin_walk *walk, struct hin_span *in);

/*
 * Put at most `room` frames not later than `until` at `out`; `*count` says how many. More than one
 * reason to stop cannot be: frames found before it are always whole.
 */
static inline enum hin_walk_stop hin_walk_records(struct hin_walk *walk, struct hin_span *in,
						  struct hin_frame *out, size_t room, int64_t until,
						  size_t *count)
{
	return walk->format->records(walk, in, out, room, until, count);
}

/* Forget all but `input`, to start anew. */
void hin_walk_reset(struct hin_walk *walk);

/* Free what the walk has; it may be started again. */
void hin_walk_fini(struct hin_walk *walk);

/* What the formats share. */
enum hin_walk_stop HIN_PRINTF(3, 4)
	hin_walk_say(struct hin_walk *walk, enum hin_walk_stop stop, const char *fmt, ...);

static inline enum hin_walk_stop hin_walk_want(struct hin_walk *walk, size_t want)
{
	walk->want = want;
	return HIN_WALK_MORE;
}

/* Numbers of a file in little-endian order, or swapped. The caller has checked the size. */
static inline uint16_t hin_walk_u16(const uint8_t *at, bool swapped)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap16(HIN_LE16(value)) : HIN_LE16(value);
}

static inline uint32_t hin_walk_u32(const uint8_t *at, bool swapped)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap32(HIN_LE32(value)) : HIN_LE32(value);
}

static inline uint64_t hin_walk_u64(const uint8_t *at, bool swapped)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return swapped ? __builtin_bswap64(HIN_LE64(value)) : HIN_LE64(value);
}
