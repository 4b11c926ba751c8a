/* Endace's Extensible Record Format (ERF types reference guide, EDM11-01). */
#include "packet/capture_walk_priv.h"

#define ERF_HEADER 16
#define ERF_EXTENSION 8	      /* each; a bit in its first byte says that another follows */
#define ERF_MAX_EXTENSIONS 16 /* more are no ERF file */
#define ERF_MORE 0x80	      /* in the type: an extension header follows */

enum {
	ERF_HDLC = 1,
	ERF_ETHERNET = 2,
	ERF_COLOR_HDLC = 10,
	ERF_COLOR_ETHERNET = 11,
	ERF_DSM_COLOR_HDLC = 15,
	ERF_DSM_COLOR_ETHERNET = 16,
	ERF_COLOR_HASH_HDLC = 19,
	ERF_COLOR_HASH_ETHERNET = 20,
	ERF_IPV4 = 22,
	ERF_IPV6 = 23,
	ERF_META = 27,
	ERF_LAST = 31,
	ERF_PAD = 48, /* fills gaps, may have no time */
};

/* Records that a file must begin with to be called ERF, unless it ends before. */
#define LOOK_AT_RECORDS 16
#define LOOK_AT_BYTES 65536
#define ENOUGH_RECORDS 4 /* good ones, before one that cannot be */
#define WEEK_S ((uint64_t)7 * 24 * 3600)

struct record {
	uint64_t time;	 /* seconds since 1970 in the upper half, their fraction in the lower */
	uint8_t type;	 /* without the flag */
	size_t size;	 /* of all of it */
	size_t header;	 /* with extensions */
	uint16_t length; /* on the wire */
};

static bool type_known(uint8_t type)
{
	return (type > 0 && type <= ERF_LAST) || type == ERF_PAD;
}

/* The record at `pos`: FULL, MORE (with `want`) or BAD. */
static enum hin_walk_stop read_record(struct hin_walk *walk, const uint8_t *pos, size_t left,
				      struct record *r)
{
	bool more;

	*r = (struct record){ 0 };
	if (left < ERF_HEADER)
		return hin_walk_want(walk, ERF_HEADER);
	r->time = hin_walk_u64(pos, false);
	r->type = pos[8] & 0x7f;
	r->size = hin_walk_u16(pos + 10, true);
	r->length = hin_walk_u16(pos + 14, true);
	r->header = ERF_HEADER;
	if (r->size < ERF_HEADER)
		return hin_walk_say(walk, HIN_WALK_BAD, "a record of %zu bytes", r->size);
	if (left < r->size)
		return hin_walk_want(walk, r->size);
	for (more = (pos[8] & ERF_MORE) != 0; more; r->header += ERF_EXTENSION) {
		if (r->header + ERF_EXTENSION > r->size ||
		    r->header >= ERF_HEADER + ERF_EXTENSION * ERF_MAX_EXTENSIONS)
			return hin_walk_say(walk, HIN_WALK_BAD,
					    "extension headers reach out of their record");
		more = (pos[r->header] & ERF_MORE) != 0;
	}
	return HIN_WALK_FULL;
}

/* Rounded, as Wireshark does; below 2^62. */
static int64_t time_of(uint64_t time)
{
	uint64_t ns = ((time & 0xffffffff) * 1000000000 + 0x80000000) >> 32;

	return (int64_t)((time >> 32) * 1000000000 + ns);
}

/* ERF has no magic number: look whether several records in a row make sense. */
static enum hin_walk_start erf_start(struct hin_walk *walk, struct hin_span *in)
{
	const uint8_t *pos = in->pos;
	uint64_t before = 0;
	size_t found = 0;

	while (found < LOOK_AT_RECORDS && pos < in->end && pos - in->pos < LOOK_AT_BYTES) {
		struct record r;
		enum hin_walk_stop stop = read_record(walk, pos, (size_t)(in->end - pos), &r);

		/* The type can be checked before the record is all there. */
		if (stop == HIN_WALK_BAD || (in->end - pos >= ERF_HEADER && !type_known(r.type)))
			return found >= ENOUGH_RECORDS ? HIN_START_FOUND : HIN_START_NONE;
		if (stop == HIN_WALK_MORE) {
			if (in->last)
				break;
			walk->want += (size_t)(pos - in->pos);
			return HIN_START_MORE;
		}
		if (r.type != ERF_PAD) {
			if (found > 0 && (r.time >> 32) + 1 < (before >> 32))
				return HIN_START_NONE;
			if (found > 0 && (r.time >> 32) > (before >> 32) + WEEK_S)
				return HIN_START_NONE;
			before = r.time;
			found++;
		}
		pos += r.size;
	}
	return found > 0 ? HIN_START_FOUND : HIN_START_NONE;
}

/* Where the frame lies in a record and what it is; other types are given with their header. */
static struct hin_frame frame_of(const uint8_t *pos, const struct record *r)
{
	size_t from = r->header;
	struct hin_frame f = { .length = r->length, .time_ns = time_of(r->time) };

	switch (r->type) {
	case ERF_ETHERNET:
	case ERF_COLOR_ETHERNET:
	case ERF_DSM_COLOR_ETHERNET:
	case ERF_COLOR_HASH_ETHERNET:
		from += 2; /* offset and a pad byte */
		f.link = HIN_LINK_ETHERNET;
		break;
	case ERF_HDLC:
	case ERF_COLOR_HDLC:
	case ERF_DSM_COLOR_HDLC:
	case ERF_COLOR_HASH_HDLC:
		/* PPP in HDLC-like framing begins with ff 03, Cisco's with 0f 00 or 8f 00 */
		f.link = from < r->size && pos[from] == 0xff ? HIN_LINK_PPP : HIN_LINK_CHDLC;
		break;
	case ERF_IPV4:
		f.link = HIN_LINK_IPV4;
		break;
	case ERF_IPV6:
		f.link = HIN_LINK_IPV6;
		break;
	default:
		f.link = HIN_LINK_ERF;
		from = 0;
		break;
	}
	if (from > r->size)
		from = r->size;
	f.data = pos + from;
	f.size = (uint32_t)(r->size - from);
	if (from > 0 && f.size > f.length) /* padding of the record */
		f.size = f.length;
	return f;
}

static enum hin_walk_stop erf_records(struct hin_walk *walk, struct hin_span *in,
				      struct hin_frame *out, size_t room, int64_t until,
				      size_t *count)
{
	enum hin_walk_stop stop = HIN_WALK_FULL;
	size_t n = 0;

	while (n < room) {
		struct record r;

		stop = read_record(walk, in->pos, (size_t)(in->end - in->pos), &r);
		if (stop != HIN_WALK_FULL)
			break;
		if (r.type == ERF_META || r.type == ERF_PAD) {
			walk->skipped += r.type == ERF_META;
			in->pos += r.size;
			continue;
		}
		if (!type_known(r.type)) {
			stop = hin_walk_say(walk, HIN_WALK_BAD, "a record of type %u", r.type);
			break;
		}
		out[n] = frame_of(in->pos, &r);
		if (out[n].time_ns > until) {
			stop = HIN_WALK_UNTIL;
			break;
		}
		out[n++].input = walk->input;
		in->pos += r.size;
	}
	*count = n;
	return stop;
}

const struct hin_walk_format hin_erf_format = { "erf", erf_start, erf_records };
