/* rows - random rows, the same from the same seed, for the tests of src/observe. */
#pragma once
#include "observe/observation.h"

/* splitmix64 */
static inline uint64_t rows_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t rows_below(uint64_t *seed, uint64_t limit)
{
	return rows_random(seed) % limit;
}

/* A number of up to `bits` bits, small and largest ones often. Never zero. */
static inline uint64_t rows_number(uint64_t *seed, unsigned int bits)
{
	uint64_t max = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
	uint64_t n;

	switch (rows_below(seed, 8)) {
	case 0:
		return max;
	case 1:
		return max / 2 + 1;
	case 2:
		return 1;
	default:
		n = rows_random(seed) >> (64 - 1 - rows_below(seed, bits)) & max;
		return n != 0 ? n : 1;
	}
}

static inline struct hin_addr rows_addr(uint64_t *seed)
{
	struct hin_addr a = { { 0 } };

	if (rows_below(seed, 3) > 0)
		return hin_addr_of_v4((uint32_t)rows_random(seed));
	if (rows_below(seed, 8) == 0)
		return a; /* :: */
	for (size_t i = 0; i < sizeof(a.b); i++)
		a.b[i] = (uint8_t)rows_random(seed);
	return a;
}

static inline void rows_bytes(uint64_t *seed, uint8_t *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)rows_random(seed);
	out[rows_below(seed, size)] |= 1;
}

static inline void rows_version(uint64_t *seed, char *out)
{
	static const char letters[] = "0123456789ABCXYZabcxyz._+-";
	size_t size = rows_below(seed, 4) == 0 ? HIN_VERSION_MAX : 1 + rows_below(seed, 9);

	for (size_t i = 0; i < size; i++)
		out[i] = letters[rows_below(seed, sizeof(letters) - 1)];
	out[size] = '\0';
}

/* Cut the host bits off and return the length. */
static inline uint8_t rows_prefix(uint64_t *seed, struct hin_addr *a)
{
	unsigned int width = hin_addr_is_v4(a) ? 32 : 128;
	unsigned int len = 1 + (unsigned int)rows_below(seed, width);

	if (width == 128 && len < 97)
		memset(a->b + 12, 0, 4); /* stays IPv6 */
	for (unsigned int bit = 128 - width + len; bit < 128; bit++)
		a->b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return (uint8_t)len;
}

static inline void rows_fill_addresses(uint64_t *seed, uint64_t fields, struct hin_observation *o)
{
	if (fields >> HIN_FIELD_SRC & 1) {
		o->src = rows_addr(seed);
		o->has |= HIN_HAS_SRC;
		if (fields >> HIN_FIELD_SRC_LEN & 1)
			o->src_len = rows_prefix(seed, &o->src);
	}
	if (fields >> HIN_FIELD_DST & 1) {
		o->dst = rows_addr(seed);
		o->has |= HIN_HAS_DST;
		if (fields >> HIN_FIELD_DST_LEN & 1)
			o->dst_len = rows_prefix(seed, &o->dst);
	}
}

static inline void rows_fill_rare(uint64_t *seed, uint64_t fields, struct hin_observation *o)
{
	if (fields >> HIN_FIELD_VERSION & 1)
		rows_version(seed, o->version);
	if (fields >> HIN_FIELD_TAGS & 1)
		for (uint64_t n = 1 + rows_below(seed, HIN_TAGS_MAX + 3); n > 0; n--)
			(void)hin_observation_tag(
				o, (uint16_t)(rows_below(seed, 3) == 0 ? rows_number(seed, 16)
								       : 1 + rows_below(seed, 30)));
	if (fields >> HIN_FIELD_DEVICE & 1) {
		rows_bytes(seed, o->device, sizeof(o->device));
		o->device_basis = (uint8_t)rows_number(seed, 8);
	}
	if (fields >> HIN_FIELD_ARTIFACT & 1) {
		rows_bytes(seed, o->artifact, sizeof(o->artifact));
		o->artifact_type = (uint8_t)rows_number(seed, 8);
	}
	if (fields >> HIN_FIELD_EVIDENCE & 1)
		rows_bytes(seed, o->evidence, sizeof(o->evidence));
}

/* Fill exactly `fields` (the digests with their types) of a row of `kind`. */
static inline struct hin_observation rows_fill(uint64_t *seed, uint16_t kind, uint64_t fields)
{
	struct hin_observation o = { .kind = kind };

#define ROWS_NUMBER(field, member, type)                                                           \
	if (fields >> HIN_FIELD_##field & 1)                                                       \
	o.member = (type)rows_number(seed, sizeof(type) * 8)
	ROWS_NUMBER(DURATION, duration_us, uint64_t);
	ROWS_NUMBER(SPORT, sport, uint16_t);
	ROWS_NUMBER(DPORT, dport, uint16_t);
	ROWS_NUMBER(PROTO, proto, uint8_t);
	ROWS_NUMBER(SERVICE, service, uint16_t);
	ROWS_NUMBER(TCP_FLAGS, tcp_flags, uint8_t);
	ROWS_NUMBER(PACKETS, packets, uint64_t);
	ROWS_NUMBER(BYTES, bytes, uint64_t);
	ROWS_NUMBER(TARGETS, targets, uint32_t);
	ROWS_NUMBER(PORTS, ports, uint32_t);
	ROWS_NUMBER(SAMPLE, sample, uint32_t);
	ROWS_NUMBER(TOOL, tool, uint16_t);
	ROWS_NUMBER(RULE, rule, uint32_t);
	ROWS_NUMBER(TECHNIQUE, technique, uint16_t);
	ROWS_NUMBER(VERDICT, verdict, uint8_t);
	ROWS_NUMBER(PRODUCT, product, uint64_t);
	ROWS_NUMBER(LINK, link, uint64_t);
	ROWS_NUMBER(PARENT, parent, uint64_t);
#undef ROWS_NUMBER
	if (fields >> HIN_FIELD_CONFIDENCE & 1)
		o.confidence = (uint8_t)(1 + rows_below(seed, 100));
	switch (rows_below(seed, 6)) {
	case 0:
		o.time_us = HIN_TIME_MIN;
		break;
	case 1:
		o.time_us = HIN_TIME_MAX;
		break;
	case 2:
		o.time_us = INT64_C(9223372036854775); /* 2262-04-11, where nanoseconds end */
		break;
	default:
		o.time_us = INT64_C(1700000000000000) + (int64_t)rows_below(seed, 1u << 30);
	}
	rows_fill_addresses(seed, fields, &o);
	rows_fill_rare(seed, fields, &o);
	return o;
}

/* Of a kind, a random one of the registry or private; of its fields some, none or all. */
static inline struct hin_observation rows_any(uint64_t *seed)
{
	const struct hin_word *kinds;
	size_t count = hin_registry_words(HIN_REGISTRY_KINDS, &kinds);
	size_t at = rows_below(seed, count + 2);
	uint16_t kind = at < count ? (uint16_t)kinds[at].number : (uint16_t)(HIN_KIND_PRIVATE + at);
	uint64_t fields = hin_kind_fields(kind);

	switch (rows_below(seed, 5)) {
	case 0:
		break;
	case 1:
		fields = 0;
		break;
	default:
		fields &= rows_random(seed);
	}
	return rows_fill(seed, kind, fields);
}

/* A flow as the telescope writes them: of one minute, small, nearly all IPv4. */
static inline struct hin_observation rows_flow(uint64_t *seed)
{
	static const uint16_t ports[] = { 23, 23, 22, 80, 443, 8080, 3389, 5060, 2323, 445 };
	struct hin_observation o = { .kind = HIN_KIND_TELESCOPE_FLOW };
	uint64_t r = rows_random(seed);

	o.time_us = INT64_C(1763776800000000);
	o.duration_us = 60000000;
	o.src = hin_addr_of_v4((uint32_t)(r >> 32));
	o.dst = hin_addr_of_v4(0xc6120000u | (uint32_t)(r & 0xffff));
	o.has = HIN_HAS_SRC | HIN_HAS_DST;
	o.sport = (uint16_t)(r >> 16);
	r = rows_random(seed);
	o.dport = r % 4 > 0 ? ports[(r >> 8) % HIN_COUNT(ports)] : (uint16_t)(r >> 16);
	o.proto = r >> 32 & 7 ? 6 : 17;
	o.tcp_flags = o.proto == 6 ? 2 : 0;
	o.packets = (r >> 40) % 8 == 0 ? 1 + (r >> 44) % 20 : 1;
	o.bytes = o.packets * (40 + (r >> 52) % 21);
	return o;
}
