/* block_build - rows collected as columns; see block_priv.h */
#include <stdlib.h>

#include "store/block_priv.h"

#define FIRST_ROOM 256u
#define KEEP_ROOM 4096u /* rows whose memory is kept after a reset */

#define NUMBER(field, member)                                                                      \
	[HIN_FIELD_##field] = { HIN_FORM_NUMBER, sizeof(((struct hin_observation *)0)->member),    \
				offsetof(struct hin_observation, member) }
#define OTHER(field, form, member)                                                                 \
	[HIN_FIELD_##field] = { form, sizeof(((struct hin_observation *)0)->member),               \
				offsetof(struct hin_observation, member) }
const struct hin_form_info hin_forms[HIN_FIELDS] = {
	NUMBER(TIME, time_us),
	NUMBER(KIND, kind),
	NUMBER(DURATION, duration_us),
	OTHER(SRC, HIN_FORM_ADDR, src),
	OTHER(DST, HIN_FORM_ADDR, dst),
	NUMBER(SRC_LEN, src_len),
	NUMBER(DST_LEN, dst_len),
	NUMBER(SPORT, sport),
	NUMBER(DPORT, dport),
	NUMBER(PROTO, proto),
	NUMBER(SERVICE, service),
	NUMBER(TCP_FLAGS, tcp_flags),
	NUMBER(PACKETS, packets),
	NUMBER(BYTES, bytes),
	NUMBER(TARGETS, targets),
	NUMBER(PORTS, ports),
	NUMBER(SAMPLE, sample),
	NUMBER(TOOL, tool),
	NUMBER(RULE, rule),
	NUMBER(CONFIDENCE, confidence),
	NUMBER(TECHNIQUE, technique),
	NUMBER(VERDICT, verdict),
	NUMBER(PRODUCT, product),
	[HIN_FIELD_VERSION] = { HIN_FORM_BYTES, HIN_VERSION_MAX,
				offsetof(struct hin_observation, version) },
	[HIN_FIELD_TAGS] = { HIN_FORM_TAGS, 2, offsetof(struct hin_observation, tags) },
	NUMBER(LINK, link),
	NUMBER(PARENT, parent),
	OTHER(DEVICE, HIN_FORM_BYTES, device),
	NUMBER(DEVICE_BASIS, device_basis),
	OTHER(ARTIFACT, HIN_FORM_BYTES, artifact),
	NUMBER(ARTIFACT_TYPE, artifact_type),
	OTHER(EVIDENCE, HIN_FORM_BYTES, evidence),
};
#undef NUMBER
#undef OTHER
static_assert(HIN_FIELDS == 32, "a new field needs its form");
static_assert(HIN_RARE_SIZE % 8 == 0 && offsetof(struct hin_observation, rule) == 80,
	      "rare fields are whole words");

/* Every array that has one element a row. */
#define ARRAYS(X)                                                                                  \
	X(time)                                                                                    \
	X(duration)                                                                                \
	X(packets)                                                                                 \
	X(bytes)                                                                                   \
	X(src4)                                                                                    \
	X(dst4)                                                                                    \
	X(sample)                                                                                  \
	X(sport)                                                                                   \
	X(dport)                                                                                   \
	X(kind)                                                                                    \
	X(tool)                                                                                    \
	X(src_family)                                                                              \
	X(dst_family)                                                                              \
	X(proto)                                                                                   \
	X(tcp_flags)                                                                               \
	X(confidence)

static bool grow(void *array, size_t room, size_t item)
{
	void *old, *more;

	memcpy(&old, array, sizeof(old));
	more = realloc(old, room * item);
	if (more == NULL)
		return false;
	memcpy(array, &more, sizeof(more));
	return true;
}

enum hin_code hin_builder_reserve(struct hin_builder *b, uint32_t rows, struct hin_error *err)
{
	uint32_t room = b->room > 0 ? b->room : FIRST_ROOM;
	bool good = true;

	if (rows > HIN_BLOCK_ROWS - b->rows)
		return hin_fail(err, HIN_ELIMIT, "a block has at most %u rows", HIN_BLOCK_ROWS);
	while (room < b->rows + rows)
		room *= 2;
	if (room != b->room) {
#define X(name) good = good && grow(&b->name, room, sizeof(*b->name));
		ARRAYS(X)
#undef X
		good = good && (!b->rollup || grow(&b->weight, room, sizeof(*b->weight)));
		if (good)
			b->room = room;
	}
	if (good && b->batch_count == b->batch_room) {
		size_t more = b->batch_room > 0 ? b->batch_room * 2 : 16;

		good = grow(&b->batches, more, sizeof(*b->batches));
		if (good)
			b->batch_room = more;
	}
	return good ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no room for %u rows", rows);
}

void hin_builder_start_batch(struct hin_builder *b, const struct hin_store_batch *batch)
{
	b->batches[b->batch_count++] = (struct hin_block_batch){ .batch = *batch };
}

static inline bool add_address(struct hin_builder *b, unsigned which, bool given,
			       const struct hin_addr *a, uint8_t *family, uint32_t *v4)
{
	*v4 = 0;
	if (!given) {
		*family = 0;
		return true;
	}
	if (HIN_LIKELY(hin_addr_is_v4(a))) {
		*family = 4;
		*v4 = hin_addr_v4(a);
		return true;
	}
	*family = 6;
	if (b->v6_count[which] == b->v6_room[which]) {
		size_t room = b->v6_room[which] > 0 ? b->v6_room[which] * 2 : 64;

		if (!grow(&b->v6[which], room, sizeof(*b->v6[which])))
			return false;
		b->v6_room[which] = room;
	}
	b->v6[which][b->v6_count[which]++] = *a;
	return true;
}

static bool add_rare(struct hin_builder *b, const struct hin_observation *o)
{
	struct hin_rare *rare;

	if (b->rare_count == b->rare_room) {
		size_t room = b->rare_room > 0 ? b->rare_room * 2 : 64;

		if (!grow(&b->rare, room, sizeof(*b->rare)))
			return false;
		b->rare_room = room;
	}
	rare = &b->rare[b->rare_count++];
	rare->row = b->rows;
	memcpy(rare->words, &o->rule, sizeof(rare->words));
	return true;
}

enum hin_code hin_builder_add(struct hin_builder *b, const struct hin_observation *o)
{
	const uint64_t *words = (const void *)&o->rule;
	uint32_t at = b->rows;
	uint64_t rare = 0;

	for (size_t i = 0; i < HIN_RARE_SIZE / 8; i++)
		rare |= words[i];
	if (HIN_UNLIKELY(rare != 0) && !add_rare(b, o))
		return HIN_ENOMEM;
	if (!add_address(b, 0, o->has & HIN_HAS_SRC, &o->src, &b->src_family[at], &b->src4[at]) ||
	    !add_address(b, 1, o->has & HIN_HAS_DST, &o->dst, &b->dst_family[at], &b->dst4[at]))
		return HIN_ENOMEM;
	b->time[at] = (uint64_t)o->time_us;
	b->duration[at] = o->duration_us;
	b->packets[at] = o->packets;
	b->bytes[at] = o->bytes;
	b->sample[at] = o->sample;
	b->sport[at] = o->sport;
	b->dport[at] = o->dport;
	b->kind[at] = o->kind;
	b->tool[at] = o->tool;
	b->proto[at] = o->proto;
	b->tcp_flags[at] = o->tcp_flags;
	b->confidence[at] = o->confidence;
	if (HIN_UNLIKELY(b->rollup))
		b->weight[at] = 1;
	if (at == 0 || o->time_us < b->time_min)
		b->time_min = o->time_us;
	if (at == 0 || o->time_us > b->time_max)
		b->time_max = o->time_us;
	b->rows = at + 1;
	b->batches[b->batch_count - 1].rows++;
	return HIN_OK;
}

struct hin_builder_mark hin_builder_mark(const struct hin_builder *b)
{
	return (struct hin_builder_mark){
		.rows = b->rows,
		.v6_count = { b->v6_count[0], b->v6_count[1] },
		.rare_count = b->rare_count,
		.batch_count = b->batch_count,
		.time_min = b->time_min,
		.time_max = b->time_max,
		.last_batch_rows = b->batch_count > 0 ? b->batches[b->batch_count - 1].rows : 0,
		.sketches = b->sketches.used,
	};
}

void hin_builder_rewind(struct hin_builder *b, const struct hin_builder_mark *mark)
{
	b->rows = mark->rows;
	b->v6_count[0] = mark->v6_count[0];
	b->v6_count[1] = mark->v6_count[1];
	/* a rare row may have been added of a row that was not */
	b->rare_count = mark->rare_count;
	b->batch_count = mark->batch_count;
	if (b->batch_count > 0)
		b->batches[b->batch_count - 1].rows = mark->last_batch_rows;
	b->time_min = mark->time_min;
	b->time_max = mark->time_max;
	b->sketches.used = mark->sketches;
}

/* Move what lies behind the first `gone` of `count` items to the front. */
static void shift(void *items, size_t gone, size_t count, size_t item)
{
	if (gone < count)
		memmove(items, (char *)items + gone * item, (count - gone) * item);
}

void hin_builder_shift(struct hin_builder *b, uint32_t rows)
{
	size_t v6[2] = { 0, 0 }, rare = 0, batches = 0, left = rows;

	for (uint32_t i = 0; i < rows; i++) {
		v6[0] += b->src_family[i] == 6;
		v6[1] += b->dst_family[i] == 6;
	}
	while (rare < b->rare_count && b->rare[rare].row < rows)
		rare++;
	while (batches < b->batch_count && b->batches[batches].rows <= left)
		left -= b->batches[batches++].rows;
#define X(name) shift(b->name, rows, b->rows, sizeof(*b->name));
	ARRAYS(X)
#undef X
	for (unsigned i = 0; i < 2; i++) {
		shift(b->v6[i], v6[i], b->v6_count[i], sizeof(*b->v6[i]));
		b->v6_count[i] -= v6[i];
	}
	shift(b->rare, rare, b->rare_count, sizeof(*b->rare));
	b->rare_count -= rare;
	for (size_t i = 0; i < b->rare_count; i++)
		b->rare[i].row -= rows;
	shift(b->batches, batches, b->batch_count, sizeof(*b->batches));
	b->batch_count -= batches;
	b->rows -= rows;
	for (uint32_t i = 0; i < b->rows; i++) {
		int64_t t = (int64_t)b->time[i];

		if (i == 0 || t < b->time_min)
			b->time_min = t;
		if (i == 0 || t > b->time_max)
			b->time_max = t;
	}
}

void hin_builder_reset(struct hin_builder *b)
{
	int64_t day = b->day;
	bool rollup = b->rollup;

	if (b->room > KEEP_ROOM) {
		hin_builder_fini(b);
		b->day = day;
		b->rollup = rollup;
		return;
	}
	b->rows = 0;
	b->v6_count[0] = b->v6_count[1] = b->rare_count = b->batch_count = 0;
	hin_buffer_reset(&b->sketches);
}

void hin_builder_fini(struct hin_builder *b)
{
	if (b == NULL)
		return;
#define X(name) free(b->name);
	ARRAYS(X)
#undef X
	free(b->v6[0]);
	free(b->v6[1]);
	free(b->rare);
	free(b->batches);
	free(b->weight);
	hin_buffer_fini(&b->sketches);
	*b = (struct hin_builder){ 0 };
}
