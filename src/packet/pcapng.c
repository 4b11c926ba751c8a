/* The pcapng file format: draft-ietf-opsawg-pcapng. */
#include <stdlib.h>

#include "packet/capture_walk_priv.h"

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_OLD_PACKET = 2,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_PACKET = 6,
};

enum { OPTION_END = 0, OPTION_TIME_RESOLUTION = 9, OPTION_TIME_OFFSET = 14 };

#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LEAST_BLOCK 12	 /* type, length, length again */
#define SECTION_FIXED 16 /* byte order, version, section length */

/* How to come from a block's 64-bit time to nanoseconds. */
struct hin_pcapng_interface {
	int64_t offset_s;
	uint32_t snap_length;
	uint16_t link;
	bool binary;	  /* units of 2^-exponent, else 10^-exponent seconds */
	uint8_t exponent; /* 0 to 127 */
};

/* A block whose both lengths have been checked. */
struct block {
	uint32_t type;
	size_t size; /* of all of it */
	const uint8_t *body;
	size_t body_size;
};

/* A packet block, whichever of the three. */
struct packet {
	uint32_t interface;
	uint64_t time; /* in the interface's units */
	bool timed;
	uint32_t size, length;
	const uint8_t *data;
};

static int64_t clamp(struct hin_walk *walk, __int128 ns)
{
	if (ns >= INT64_MIN && ns <= INT64_MAX)
		return (int64_t)ns;
	walk->clamped++;
	return ns < 0 ? INT64_MIN : INT64_MAX;
}

/* The rare resolutions and offsets. Every product fits: 64 bits by at most 30. */
static int64_t time_slowly(struct hin_walk *walk, const struct hin_pcapng_interface *of,
			   uint64_t time)
{
	unsigned __int128 ns = time;
	unsigned int exponent = of->exponent;

	if (of->binary) {
		ns = (ns * 1000000000) >> exponent;
	} else {
		for (; exponent < 9; exponent++)
			ns *= 10;
		for (; exponent > 9; exponent--)
			ns /= 10;
	}
	return clamp(walk, (__int128)ns + (__int128)of->offset_s * 1000000000);
}

static inline int64_t time_of(struct hin_walk *walk, const struct hin_pcapng_interface *of,
			      uint64_t time)
{
	if (HIN_LIKELY(!of->binary && of->offset_s == 0)) {
		if (of->exponent == 6 && time <= INT64_MAX / 1000)
			return (int64_t)time * 1000;
		if (of->exponent == 9 && time <= INT64_MAX)
			return (int64_t)time;
	}
	return time_slowly(walk, of, time);
}

/*
 * Go through the options of a section or interface; one that reaches out of its block is refused,
 * as Wireshark and libpcap do. `interface` may be NULL.
 */
static enum hin_walk_stop read_options(struct hin_walk *walk, const uint8_t *data, size_t size,
				       struct hin_pcapng_interface *interface)
{
	struct hin_reader in = hin_reader_of(data, size);

	while (in.left >= 4) {
		uint16_t code = hin_walk_u16(in.pos, walk->swapped);
		uint16_t length = hin_walk_u16(in.pos + 2, walk->swapped);
		const uint8_t *value;

		hin_read_skip(&in, 4);
		if (code == OPTION_END)
			break;
		value = hin_read_bytes(&in, length);
		if (value == NULL)
			return hin_walk_say(walk, HIN_WALK_BAD,
					    "option %u of %u bytes reaches out of its block", code,
					    length);
		/* padded to 32 bits; some writers leave that out behind the last one */
		hin_read_skip(&in, in.left < (-length & 3u) ? in.left : (-length & 3u));
		if (interface == NULL)
			continue;
		if (code == OPTION_TIME_RESOLUTION && length >= 1) {
			interface->binary = (value[0] & 0x80) != 0;
			interface->exponent = value[0] & 0x7f;
		} else if (code == OPTION_TIME_OFFSET && length >= 8) {
			interface->offset_s = (int64_t)hin_walk_u64(value, walk->swapped);
		}
	}
	return HIN_WALK_FULL;
}

/* See a whole block at `in->pos`: FULL, MORE, BAD or LIMIT. Its section decides the byte order. */
static inline enum hin_walk_stop next_block(struct hin_walk *walk, const struct hin_span *in,
					    struct block *block)
{
	size_t left = (size_t)(in->end - in->pos);
	uint32_t size, again;

	if (HIN_UNLIKELY(left < LEAST_BLOCK))
		return hin_walk_want(walk, LEAST_BLOCK);
	block->type = hin_walk_u32(in->pos, walk->swapped);
	if (HIN_UNLIKELY(block->type == BLOCK_SECTION)) { /* reads the same both ways */
		uint32_t order = hin_walk_u32(in->pos + 8, false);

		if (order != BYTE_ORDER_MAGIC && order != __builtin_bswap32(BYTE_ORDER_MAGIC))
			return hin_walk_say(walk, HIN_WALK_BAD,
					    "a section with byte-order magic 0x%08x", order);
		walk->swapped = order != BYTE_ORDER_MAGIC;
	}
	size = hin_walk_u32(in->pos + 4, walk->swapped);
	if (HIN_UNLIKELY(size < LEAST_BLOCK || size % 4 != 0))
		return hin_walk_say(walk, HIN_WALK_BAD, "a block of type %u with length %u",
				    block->type, size);
	if (HIN_UNLIKELY(size > HIN_WALK_MAX_BLOCK))
		return hin_walk_say(walk, HIN_WALK_LIMIT, "a block of %u bytes; the limit is %u",
				    size, HIN_WALK_MAX_BLOCK);
	if (HIN_UNLIKELY(left < size))
		return hin_walk_want(walk, size);
	again = hin_walk_u32(in->pos + size - 4, walk->swapped);
	if (HIN_UNLIKELY(again != size))
		return hin_walk_say(walk, HIN_WALK_BAD, "a block's two lengths differ: %u and %u",
				    size, again);
	block->size = size;
	block->body = in->pos + 8;
	block->body_size = size - LEAST_BLOCK;
	return HIN_WALK_FULL;
}

static enum hin_walk_stop read_section(struct hin_walk *walk, const struct block *block)
{
	uint16_t major, minor;

	if (block->body_size < SECTION_FIXED)
		return hin_walk_say(walk, HIN_WALK_BAD, "a section header of %zu bytes",
				    block->size);
	major = hin_walk_u16(block->body + 4, walk->swapped);
	minor = hin_walk_u16(block->body + 6, walk->swapped);
	/* 1.2 was written for a while and is the same */
	if (major != 1 || (minor != 0 && minor != 2))
		return hin_walk_say(walk, HIN_WALK_BAD, "pcapng version %u.%u is not 1.0", major,
				    minor);
	walk->interface_count = 0;
	return read_options(walk, block->body + SECTION_FIXED, block->body_size - SECTION_FIXED,
			    NULL);
}

static enum hin_walk_stop read_interface(struct hin_walk *walk, const struct block *block)
{
	struct hin_pcapng_interface interface = { .exponent = 6 };
	enum hin_walk_stop stop;

	if (block->body_size < 8)
		return hin_walk_say(walk, HIN_WALK_BAD, "an interface block of %zu bytes",
				    block->size);
	interface.link = hin_walk_u16(block->body, walk->swapped);
	interface.snap_length = hin_walk_u32(block->body + 4, walk->swapped);
	stop = read_options(walk, block->body + 8, block->body_size - 8, &interface);
	if (stop != HIN_WALK_FULL)
		return stop;
	if (walk->interface_count == HIN_WALK_MAX_INTERFACES)
		return hin_walk_say(walk, HIN_WALK_LIMIT, "more than %u interfaces",
				    HIN_WALK_MAX_INTERFACES);
	if (walk->interface_count == walk->interface_room) {
		size_t room = walk->interface_room > 0 ? walk->interface_room * 2 : 4;
		struct hin_pcapng_interface *more = realloc(walk->interfaces, room * sizeof(*more));

		if (more == NULL)
			return HIN_WALK_NOMEM;
		walk->interfaces = more;
		walk->interface_room = room;
	}
	walk->interfaces[walk->interface_count++] = interface;
	return HIN_WALK_FULL;
}

/* The fields of a packet block; false when it is too short for them. */
static inline bool read_packet(struct packet *p, const struct hin_walk *walk,
			       const struct block *block)
{
	const bool swapped = walk->swapped;
	const uint8_t *body = block->body;
	size_t fixed = block->type == BLOCK_SIMPLE_PACKET ? 4 : 20;

	if (block->body_size < fixed)
		return false;
	*p = (struct packet){ .data = body + fixed };
	if (block->type == BLOCK_SIMPLE_PACKET) {
		uint32_t snap = walk->interface_count > 0 ? walk->interfaces[0].snap_length : 0;

		p->length = hin_walk_u32(body, swapped);
		p->size = snap != 0 && snap < p->length ? snap : p->length;
	} else {
		p->interface = block->type == BLOCK_PACKET ? hin_walk_u32(body, swapped)
							   : hin_walk_u16(body, swapped);
		p->timed = true;
		p->time = (uint64_t)hin_walk_u32(body + 4, swapped) << 32 |
			  hin_walk_u32(body + 8, swapped);
		p->size = hin_walk_u32(body + 12, swapped);
		p->length = hin_walk_u32(body + 16, swapped);
	}
	return p->size <= block->body_size - fixed;
}

static inline enum hin_walk_stop make_frame(struct hin_walk *walk, const struct block *block,
					    struct hin_frame *out, int64_t until)
{
	struct packet p;
	uint64_t clamped = walk->clamped;
	const struct hin_pcapng_interface *interface;
	int64_t time_ns;

	if (!read_packet(&p, walk, block))
		return hin_walk_say(walk, HIN_WALK_BAD, "a packet that reaches out of its block");
	if (p.size > HIN_WALK_MAX_FRAME)
		return hin_walk_say(walk, HIN_WALK_BAD, "a packet of %u bytes; the limit is %u",
				    p.size, HIN_WALK_MAX_FRAME);
	if (p.interface >= walk->interface_count)
		return hin_walk_say(walk, HIN_WALK_BAD, "a packet of interface %u of %zu",
				    p.interface, walk->interface_count);
	interface = &walk->interfaces[p.interface];
	time_ns = p.timed ? time_of(walk, interface, p.time) : walk->last_ns;
	if (time_ns > until) {
		walk->clamped = clamped; /* this packet comes again */
		return HIN_WALK_UNTIL;
	}
	walk->last_ns = time_ns;
	*out = (struct hin_frame){ .data = p.data,
				   .size = p.size,
				   .length = p.length,
				   .time_ns = time_ns,
				   .link = interface->link,
				   .input = walk->input };
	return HIN_WALK_FULL;
}

static enum hin_walk_stop pcapng_records(struct hin_walk *walk, struct hin_span *in,
					 struct hin_frame *out, size_t room, int64_t until,
					 size_t *count)
{
	size_t n = 0;
	enum hin_walk_stop stop = HIN_WALK_FULL;

	while (n < room && stop == HIN_WALK_FULL) {
		struct block block = { 0 };

		stop = next_block(walk, in, &block);
		if (stop != HIN_WALK_FULL)
			break;
		switch (block.type) {
		case BLOCK_PACKET:
		case BLOCK_SIMPLE_PACKET:
		case BLOCK_OLD_PACKET:
			stop = make_frame(walk, &block, &out[n], until);
			n += stop == HIN_WALK_FULL;
			break;
		case BLOCK_SECTION:
			stop = read_section(walk, &block);
			break;
		case BLOCK_INTERFACE:
			stop = read_interface(walk, &block);
			break;
		default: /* names, statistics, secrets, and what others add */
			break;
		}
		if (stop == HIN_WALK_FULL)
			in->pos += block.size;
	}
	*count = n;
	return stop;
}

static enum hin_walk_start pcapng_start(struct hin_walk *walk, struct hin_span *in)
{
	size_t left = (size_t)(in->end - in->pos);
	struct block block = { 0 };
	enum hin_walk_stop stop;

	if (left >= 4 && hin_walk_u32(in->pos, false) != BLOCK_SECTION)
		return HIN_START_NONE;
	if (left < LEAST_BLOCK) {
		walk->want = LEAST_BLOCK;
		return in->last && left < 4 ? HIN_START_NONE : HIN_START_MORE;
	}
	stop = next_block(walk, in, &block);
	if (stop == HIN_WALK_FULL)
		stop = read_section(walk, &block);
	switch (stop) {
	case HIN_WALK_FULL:
		in->pos += block.size;
		return HIN_START_FOUND;
	case HIN_WALK_MORE:
		return HIN_START_MORE;
	case HIN_WALK_NOMEM:
		return HIN_START_NOMEM;
	default:
		return HIN_START_REFUSED;
	}
}

const struct hin_walk_format hin_pcapng_format = { "pcapng", pcapng_start, pcapng_records };
