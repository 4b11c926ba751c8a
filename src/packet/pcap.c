/* The pcap file format: draft-ietf-opsawg-pcap, and the older variants libpcap reads. */
#include "packet/capture_walk_priv.h"

#define FILE_HEADER 24
#define RECORD_HEADER 16

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_NANO 0xa1b23c4du
#define MAGIC_MODIFIED 0xa1b2cd34u /* Kuznetzov's: eight more bytes in each record header */

/* Upper half of the link type field: length of the frame check sequence, and must-be-zero bits. */
#define LINK_RESERVED 0x03ff0000u

static bool magic_known(uint32_t magic)
{
	return magic == MAGIC_MICRO || magic == MAGIC_NANO || magic == MAGIC_MODIFIED;
}

static enum hin_walk_start pcap_start(struct hin_walk *walk, struct hin_span *in)
{
	size_t left = (size_t)(in->end - in->pos);
	uint32_t magic, link;
	uint16_t major, minor;

	if (left < 4) {
		walk->want = 4;
		return in->last ? HIN_START_NONE : HIN_START_MORE;
	}
	magic = hin_walk_u32(in->pos, false);
	walk->swapped = !magic_known(magic);
	if (walk->swapped)
		magic = __builtin_bswap32(magic);
	if (!magic_known(magic))
		return HIN_START_NONE;
	if (left < FILE_HEADER) {
		walk->want = FILE_HEADER;
		return HIN_START_MORE;
	}
	major = hin_walk_u16(in->pos + 4, walk->swapped);
	minor = hin_walk_u16(in->pos + 6, walk->swapped);
	if (major != 2 || minor > 4) {
		hin_walk_say(walk, HIN_WALK_BAD, "pcap version %u.%u is not in 2.0-2.4", major,
			     minor);
		return HIN_START_REFUSED;
	}
	link = hin_walk_u32(in->pos + 20, walk->swapped);
	if ((link & LINK_RESERVED) != 0) {
		hin_walk_say(walk, HIN_WALK_BAD, "reserved bits of the link type are set (0x%08x)",
			     link);
		return HIN_START_REFUSED;
	}
	walk->link = (uint16_t)link;
	walk->nano = magic == MAGIC_NANO;
	walk->extra = magic == MAGIC_MODIFIED ? 8 : 0;
	/* Before 2.3 the two lengths were the other way round, in 2.3 with some writers. */
	walk->lengths_swapped = minor < 3 ? 1 : minor == 3 ? 2 : 0;
	in->pos += FILE_HEADER;
	return HIN_START_FOUND;
}

static enum hin_walk_stop refuse_size(struct hin_walk *walk, uint32_t size)
{
	return hin_walk_say(walk, HIN_WALK_BAD, "a record of %u bytes; the limit is %u", size,
			    HIN_WALK_MAX_FRAME);
}

/* Always inlined with constants for all but `walk`, so that the usual files have a lean loop. */
static inline __attribute__((always_inline)) enum hin_walk_stop walk_records(
	struct hin_walk *walk, struct hin_span *in, struct hin_frame *out, size_t room,
	int64_t until, size_t *count, bool swapped, bool nano, bool plain)
{
	const uint8_t *pos = in->pos, *const end = in->end;
	const size_t header = RECORD_HEADER + (plain ? 0u : walk->extra);
	const int64_t scale = nano ? 1 : 1000;
	enum hin_walk_stop stop = HIN_WALK_FULL;
	size_t n;

	for (n = 0; n < room; n++) {
		size_t left = (size_t)(end - pos);
		uint32_t size, length;
		int64_t time_ns;

		if (HIN_UNLIKELY(left < header)) {
			stop = hin_walk_want(walk, header);
			break;
		}
		size = hin_walk_u32(pos + 8, swapped);
		length = hin_walk_u32(pos + 12, swapped);
		if (!plain &&
		    (walk->lengths_swapped == 1 || (walk->lengths_swapped == 2 && size > length))) {
			uint32_t other = size;

			size = length;
			length = other;
		}
		if (HIN_UNLIKELY(size > HIN_WALK_MAX_FRAME)) {
			stop = refuse_size(walk, size);
			break;
		}
		if (HIN_UNLIKELY(left - header < size)) {
			stop = hin_walk_want(walk, header + size);
			break;
		}
		/* 32 bits each: below 2^62 whatever they say */
		time_ns = (int64_t)hin_walk_u32(pos, swapped) * 1000000000 +
			  (int64_t)hin_walk_u32(pos + 4, swapped) * scale;
		if (HIN_UNLIKELY(time_ns > until)) {
			stop = HIN_WALK_UNTIL;
			break;
		}
		out[n] = (struct hin_frame){ .data = pos + header,
					     .size = size,
					     .length = length,
					     .time_ns = time_ns,
					     .link = walk->link,
					     .input = walk->input };
		pos += header + size;
	}
	in->pos = pos;
	*count = n;
	return stop;
}

static enum hin_walk_stop pcap_records(struct hin_walk *walk, struct hin_span *in,
				       struct hin_frame *out, size_t room, int64_t until,
				       size_t *count)
{
	bool swapped = walk->swapped, nano = walk->nano;

	if (walk->extra != 0 || walk->lengths_swapped != 0)
		return walk_records(walk, in, out, room, until, count, swapped, nano, false);
	if (swapped)
		return walk_records(walk, in, out, room, until, count, true, nano, true);
	if (nano)
		return walk_records(walk, in, out, room, until, count, false, true, true);
	return walk_records(walk, in, out, room, until, count, false, false, true);
}

const struct hin_walk_format hin_pcap_format = { "pcap", pcap_start, pcap_records };
