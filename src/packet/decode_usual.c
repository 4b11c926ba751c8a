/*
 * decode_usual - the usual frame of a telescope, decoded without a walk through its layers:
 * Ethernet, IPv4 without options or fragments, and a whole TCP header with an order of options that
 * is often seen. Others are decode.c's.
 *
 * Two ways to the same bytes: word by word on any processor, and, where it has AVX-512 with VBMI,
 * a header as one vector that is compared and moved into its place as a whole.
 */
#include <assert.h>
#include <netinet/in.h>

#include "packet/decode_priv.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAVE_WIDE 1
#else
#define HAVE_WIDE 0
#endif

static_assert(sizeof(struct hin_packet) == 128, "a packet is two cache lines");

#define NO_SHAPE 0xff

/*
 * An order of TCP options that is often seen: where its kinds and lengths stand, in up to three
 * words at `at` behind the start of the TCP header (data offsets from 20 on), which may overlap.
 */
struct shape {
	uint64_t order; /* as hin_packet.tcp_options */
	uint64_t mask[3], value[3];
	uint8_t at[3];
	uint8_t mss_at;	   /* the MSS */
	uint16_t mss_mask; /* 0 when there is none */
	uint8_t next;	   /* another of the same length to try, or NO_SHAPE */
};

/* Eight bytes as they lie, for words that are compared with words in memory. */
#define W(a, b, c, d, e, f, g, h)                                                                  \
	(HIN_LE64((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | \
		  (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 |                \
		  (uint64_t)(h) << 56))
#define X 0xffu

static const struct shape shapes[] = {
	/* none */
	{ .order = 0, .next = NO_SHAPE },
	/* MSS */
	{ .order = 0x2,
	  .at = { 16 },
	  .mask = { W(0, 0, 0, 0, X, X, 0, 0) },
	  .value = { W(0, 0, 0, 0, 2, 4, 0, 0) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = NO_SHAPE },
	/* MSS NOP NOP SACK */
	{ .order = 0x4112,
	  .at = { 20 },
	  .mask = { W(X, X, 0, 0, X, X, X, X) },
	  .value = { W(2, 4, 0, 0, 1, 1, 4, 2) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = NO_SHAPE },
	/* MSS NOP WS NOP NOP SACK */
	{ .order = 0x411312,
	  .at = { 20, 24 },
	  .mask = { W(X, X, 0, 0, X, X, X, 0), W(X, X, X, 0, X, X, X, X) },
	  .value = { W(2, 4, 0, 0, 1, 3, 3, 0), W(1, 3, 3, 0, 1, 1, 4, 2) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = 4 },
	/* MSS NOP NOP SACK NOP WS */
	{ .order = 0x314112,
	  .at = { 20, 24 },
	  .mask = { W(X, X, 0, 0, X, X, X, X), W(X, X, X, X, X, X, X, 0) },
	  .value = { W(2, 4, 0, 0, 1, 1, 4, 2), W(1, 1, 4, 2, 1, 3, 3, 0) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = NO_SHAPE },
	/* MSS SACK TS NOP WS */
	{ .order = 0x31842,
	  .at = { 20, 32 },
	  .mask = { W(X, X, 0, 0, X, X, X, X), W(0, 0, 0, 0, X, X, X, 0) },
	  .value = { W(2, 4, 0, 0, 4, 2, 8, 10), W(0, 0, 0, 0, 1, 3, 3, 0) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = 6 },
	/* MSS NOP WS SACK TS */
	{ .order = 0x84312,
	  .at = { 20, 28 },
	  .mask = { W(X, X, 0, 0, X, X, X, 0), W(X, X, X, X, 0, 0, 0, 0) },
	  .value = { W(2, 4, 0, 0, 1, 3, 3, 0), W(4, 2, 8, 10, 0, 0, 0, 0) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = NO_SHAPE },
	/* MSS NOP WS NOP NOP TS SACK, end */
	{ .order = 0x4811312,
	  .at = { 20, 28, 36 },
	  .mask = { W(X, X, 0, 0, X, X, X, 0), W(X, X, X, X, 0, 0, 0, 0),
		    W(0, 0, 0, 0, X, X, X, 0) },
	  .value = { W(2, 4, 0, 0, 1, 3, 3, 0), W(1, 1, 8, 10, 0, 0, 0, 0),
		     W(0, 0, 0, 0, 4, 2, 0, 0) },
	  .mss_at = 22,
	  .mss_mask = 0xffff,
	  .next = NO_SHAPE },
};

#undef W
#undef X

/* The first shape to try, by the data offset. */
static const uint8_t first_shape[16] = {
	NO_SHAPE, NO_SHAPE, NO_SHAPE, NO_SHAPE, NO_SHAPE, 0,	    1,	      2,
	3,	  NO_SHAPE, 5,	      7,	NO_SHAPE, NO_SHAPE, NO_SHAPE, NO_SHAPE,
};

/* IPv4 as ::ffff:a.b.c.d */
static inline void put_v4(struct hin_addr *out, const uint8_t *be)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(out->b, mapped, 12);
	memcpy(out->b + 12, be, 4);
}

static inline uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static inline bool shape_fits(const struct shape *shape, const uint8_t *tcp)
{
	uint64_t differs = 0;

	for (unsigned i = 0; i < 3; i++)
		differs |= (word_at(tcp + shape->at[i]) & shape->mask[i]) ^ shape->value[i];
	return differs == 0;
}

/* The shape of a whole TCP header, or NULL: then the options have to be walked through. */
static inline const struct shape *shape_of(const uint8_t *tcp)
{
	unsigned i = first_shape[tcp[12] >> 4];

	while (i != NO_SHAPE) {
		if (HIN_LIKELY(shape_fits(&shapes[i], tcp)))
			return &shapes[i];
		i = shapes[i].next;
	}
	return NULL;
}

/*
 * Decode the usual frame as decode_link() would. False for any other, with `out` untouched but for
 * what it would write over. `data` has at least 54 bytes.
 */
static inline __attribute__((always_inline)) bool decode_usual(struct hin_packet *out,
							       const struct hin_frame *frame,
							       int64_t time_us)
{
	const uint8_t *data = frame->data, *ip = data + 14, *tcp = data + 34;
	size_t wire = be16(ip + 2), header = (size_t)(tcp[12] >> 4) * 4;
	uint16_t offset = be16(ip + 6);
	const struct shape *shape;

	/* IPv4 type, version and length of header, protocol, no fragment */
	if (HIN_UNLIKELY(data[12] != 0x08 || data[13] != 0x00 || ip[0] != 0x45 ||
			 ip[9] != IPPROTO_TCP || (offset & 0x3fff) != 0))
		return false;
	if (HIN_UNLIKELY(header < 20 || wire < 20 + header || frame->size < 34 + header))
		return false;
	shape = shape_of(tcp);
	if (HIN_UNLIKELY(shape == NULL))
		return false;
	out->time_us = time_us;
	put_v4(&out->src, ip + 12);
	put_v4(&out->dst, ip + 16);
	out->sport = be16(tcp);
	out->dport = be16(tcp + 2);
	out->bytes = (uint32_t)wire;
	out->seq = be32(tcp + 4);
	out->ip_id = be16(ip + 4);
	out->window = be16(tcp + 14);
	out->tcp_options = shape->order;
	out->flags = HIN_PACKET_OPTIONS | HIN_PACKET_V4 |
		     (uint32_t)(offset >> 14 & 1) * HIN_PACKET_DF |
		     (uint32_t)(wire > 20 + header) * HIN_PACKET_PAYLOAD;
	out->marks = 0;
	out->quoted_dst = (struct hin_addr){ 0 };
	out->quoted_port = 0;
	out->quoted_proto = 0;
	out->kind = kind_of_flags(tcp[13]);
	out->proto = IPPROTO_TCP;
	out->ttl = ip[8];
	out->tcp_flags = tcp[13];
	out->refusal = HIN_REFUSED_NOTHING;
	out->mss = be16(tcp + shape->mss_at) & shape->mss_mask;
	out->key = 0;
	out->hash = 0;
	return true;
}

static inline int64_t time_of(const struct hin_frame *frame)
{
	int64_t ns = frame->time_ns;

	return HIN_LIKELY(ns >= 0) ? (int64_t)((uint64_t)ns / 1000) : ns / 1000 - (ns % 1000 < 0);
}

static inline bool is_usual_link(const struct hin_frame *frame)
{
	return frame->link == HIN_LINK_ETHERNET && frame->size >= 54;
}

bool hin_decode(struct hin_packet *out, const struct hin_frame *frame, unsigned decap)
{
	int64_t time_us = time_of(frame);

	if (HIN_LIKELY(is_usual_link(frame)) && HIN_LIKELY(decode_usual(out, frame, time_us)))
		return true;
	return hin_decode_any(out, frame, time_us, decap);
}

#define AHEAD 4 /* frames whose headers are fetched while another is decoded */

/* ---- a header as one vector ---- */

#if HAVE_WIDE

#define WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,bmi2")))
#define WIDE_LEAST 16 /* frames of a batch that are worth the tables */
#define NONE 64	      /* in a list of bytes: not from the header */

/* What 64 bytes from the start of the IPv4 header on must be, for one shape of options. */
struct wide_shape {
	__m512i mask, value;
};

static bool has_wide(void)
{
	return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2");
}

/* Bytes of the header, by their place in the first line of a packet; times and options come after.
 */
static const uint8_t first_line[64] = {
	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* time */
	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	12,   13,   14,	  15,	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	NONE, NONE, NONE, NONE, 16,   17,   18,	  19,	21,   20, /* source port */
	23,   22,						  /* destination port */
	3,    2,    NONE, NONE,					  /* length */
	27,   26,   25,	  24,					  /* sequence */
	5,    4,						  /* identification */
	35,   34,						  /* window */
	NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,		  /* options */
};

/* What stands in the lines whatever the frame. */
static const struct hin_packet usual = {
	.src = { { [10] = 0xff, [11] = 0xff } },
	.dst = { { [10] = 0xff, [11] = 0xff } },
	.proto = IPPROTO_TCP,
	.refusal = HIN_REFUSED_NOTHING,
};

static_assert(offsetof(struct hin_packet, src) == 8 && offsetof(struct hin_packet, dst) == 24 &&
		      offsetof(struct hin_packet, sport) == 40 &&
		      offsetof(struct hin_packet, bytes) == 44 &&
		      offsetof(struct hin_packet, seq) == 48 &&
		      offsetof(struct hin_packet, ip_id) == 52 &&
		      offsetof(struct hin_packet, window) == 54 &&
		      offsetof(struct hin_packet, tcp_options) == 56,
	      "first_line[] is about them");

/* Constant vectors of one batch. */
struct wide {
	struct wide_shape shapes[HIN_COUNT(shapes)];
	__m512i first, usual_first, usual_second;
	__mmask64 from_header;
};

WIDE static void wide_prepare(struct wide *w)
{
	/* version and length of header, no fragment, protocol */
	static const uint8_t ip_mask[64] = { [0] = 0xff, [6] = 0x3f, [7] = 0xff, [9] = 0xff };
	static const uint8_t ip_value[64] = { [0] = 0x45, [9] = IPPROTO_TCP };

	for (size_t i = 0; i < HIN_COUNT(shapes); i++) {
		const struct shape *shape = &shapes[i];
		uint8_t mask[64], value[64];

		memcpy(mask, ip_mask, sizeof(mask));
		memcpy(value, ip_value, sizeof(value));
		for (unsigned k = 0; k < 3; k++) {
			uint64_t word = word_at(mask + 20 + shape->at[k]) | shape->mask[k];

			memcpy(mask + 20 + shape->at[k], &word, sizeof(word));
			word = word_at(value + 20 + shape->at[k]) | shape->value[k];
			memcpy(value + 20 + shape->at[k], &word, sizeof(word));
		}
		w->shapes[i].mask = _mm512_loadu_si512(mask);
		w->shapes[i].value = _mm512_loadu_si512(value);
	}
	w->first = _mm512_loadu_si512(first_line);
	w->from_header = _mm512_cmpneq_epi8_mask(w->first, _mm512_set1_epi8(NONE));
	w->usual_first = _mm512_loadu_si512(&usual);
	w->usual_second = _mm512_loadu_si512((const uint8_t *)&usual + 64);
}

/* The number of the shape that the header has, or NO_SHAPE. */
WIDE static inline __attribute__((always_inline)) unsigned wide_shape_of(const struct wide *w,
									 __m512i header,
									 unsigned first)
{
	unsigned i = first;

	while (i != NO_SHAPE) {
		/* (header & mask) ^ value */
		__m512i differs = _mm512_ternarylogic_epi64(header, w->shapes[i].mask,
							    w->shapes[i].value, 0x6a);

		if (HIN_LIKELY(_mm512_test_epi64_mask(differs, differs) == 0))
			return i;
		i = shapes[i].next;
	}
	return NO_SHAPE;
}

/* As decode_usual(), and the same in every byte of `out` that is not padding. */
WIDE static inline __attribute__((always_inline)) bool decode_wide(struct hin_packet *out,
								   const struct hin_frame *frame,
								   const struct wide *w)
{
	const uint8_t *data = frame->data, *tcp = data + 34;
	size_t recorded = frame->size - 14, wire = be16(data + 16),
	       size = (size_t)(tcp[12] >> 4) * 4;
	const struct shape *shape;
	__m512i header;
	unsigned i;

	if (HIN_UNLIKELY(data[12] != 0x08 || data[13] != 0x00))
		return false;
	if (HIN_UNLIKELY(size < 20 || wire < 20 + size || recorded < 20 + size))
		return false;
	header = _mm512_maskz_loadu_epi8(
		_bzhi_u64(UINT64_MAX, recorded < 64 ? (unsigned)recorded : 64), data + 14);
	i = wide_shape_of(w, header, first_shape[size / 4]);
	if (HIN_UNLIKELY(i == NO_SHAPE))
		return false;
	shape = &shapes[i];
	header = _mm512_mask_permutexvar_epi8(w->usual_first, w->from_header, w->first, header);
	header = _mm512_mask_set1_epi64(header, 0x01, time_of(frame));
	header = _mm512_mask_set1_epi64(header, 0x80, (long long)shape->order);
	_mm512_store_si512(out, header);
	_mm512_store_si512((uint8_t *)out + 64, w->usual_second);
	out->flags = HIN_PACKET_OPTIONS | HIN_PACKET_V4 |
		     (uint32_t)(data[20] >> 6 & 1) * HIN_PACKET_DF |
		     (uint32_t)(wire > 20 + size) * HIN_PACKET_PAYLOAD;
	out->kind = kind_of_flags(tcp[13]);
	out->ttl = data[22];
	out->tcp_flags = tcp[13];
	out->mss = be16(tcp + shape->mss_at) & shape->mss_mask;
	return true;
}

WIDE static __attribute__((noinline)) size_t decode_batch_wide(struct hin_packet *out,
							       const struct hin_frame *frames,
							       size_t from, size_t to,
							       unsigned decap,
							       uint64_t refused[HIN_REFUSAL_COUNT])
{
	struct hin_packet *p = out;
	struct wide w;

	wide_prepare(&w);
	for (size_t i = from; i < to; i++) {
		const struct hin_frame *frame = &frames[i];

		__builtin_prefetch(frames[i + AHEAD < to ? i + AHEAD : i].data + 14);
		if (HIN_UNLIKELY(!is_usual_link(frame)) ||
		    HIN_UNLIKELY(!decode_wide(p, frame, &w))) {
			if (HIN_UNLIKELY(!hin_decode(p, frame, decap))) {
				refused[p->refusal]++;
				continue;
			}
		}
		p->frame = (uint16_t)i;
		p++;
	}
	return (size_t)(p - out);
}

#endif

/* ---- batches ---- */

static size_t decode_batch(struct hin_packet *out, const struct hin_frame *frames, size_t from,
			   size_t to, unsigned decap, uint64_t refused[HIN_REFUSAL_COUNT])
{
	struct hin_packet *p = out;

	for (size_t i = from; i < to; i++) {
		const struct hin_frame *frame = &frames[i];
		int64_t time_us = time_of(frame);

		__builtin_prefetch(frames[i + AHEAD < to ? i + AHEAD : i].data + 14);
		if (HIN_UNLIKELY(!is_usual_link(frame)) ||
		    HIN_UNLIKELY(!decode_usual(p, frame, time_us))) {
			if (HIN_UNLIKELY(!hin_decode_any(p, frame, time_us, decap))) {
				refused[p->refusal]++;
				continue;
			}
		}
		p->frame = (uint16_t)i;
		p++;
	}
	return (size_t)(p - out);
}

size_t hin_decode_batch(struct hin_packet *out, const struct hin_frame *frames, size_t from,
			size_t to, unsigned decap, uint64_t refused[HIN_REFUSAL_COUNT])
{
#if HAVE_WIDE
	if (to - from >= WIDE_LEAST && has_wide())
		return decode_batch_wide(out, frames, from, to, decap, refused);
#endif
	return decode_batch(out, frames, from, to, decap, refused);
}
