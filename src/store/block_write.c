/* block_write - a block as bytes; see block_priv.h */
#include <stdlib.h>

#include "store/block_priv.h"

/* What is being written. */
struct writing {
	struct hin_coder *coder;
	const struct hin_builder *b;
	uint32_t from, rows;
	size_t start; /* of the block in `out` */
	struct hin_buffer *out;
	struct hin_part parts[HIN_PARTS_KNOWN];
	size_t part_count;
	uint64_t *wide; /* scratch, one a row */
};

static struct hin_part *new_part(struct writing *w, unsigned id)
{
	struct hin_part *part = &w->parts[w->part_count++];

	part->id = (uint16_t)id;
	return part;
}

/* Write the column loaded, unless all of it is zero. */
static void put_column(struct writing *w, unsigned id)
{
	if (w->coder->max > 0)
		hin_coder_write(w->coder, w->out, new_part(w, id));
}

static void put_addresses(struct writing *w, enum hin_field field, const uint8_t *family,
			  const uint32_t *v4, const struct hin_addr *v6, size_t v6_count)
{
	struct hin_coder *c = w->coder;
	size_t six = 0, four = 0, skip = 0;

	for (uint32_t i = 0; i < w->from; i++)
		skip += family[i] == 6;
	for (uint32_t i = w->from; i < w->from + w->rows; i++) {
		six += family[i] == 6;
		four += family[i] == 4;
	}
	hin_coder_load_u8(c, family + w->from, w->rows);
	put_column(w, HIN_PART_OF(field, HIN_PART_NUMBER));
	if (four > 0) {
		hin_coder_load_u32(c, v4 + w->from, w->rows);
		hin_coder_distinct(c);
		hin_coder_write(c, w->out, new_part(w, HIN_PART_OF(field, HIN_PART_DATA)));
		if (c->max > c->base) {
			struct hin_part *part =
				new_part(w, field == HIN_FIELD_SRC ? HIN_PART_FILTER_SRC
								   : HIN_PART_FILTER_DST);

			/* of sources the index of a file tells networks */
			hin_block_filter_write(c, field == HIN_FIELD_DST, w->out, part);
			if (part->shape != HIN_SHAPE_BYTES)
				w->part_count--;
		}
	}
	if (six > 0 && v6_count >= skip + six)
		hin_coder_write_bytes(c, w->out, new_part(w, HIN_PART_OF(field, HIN_PART_V6)),
				      v6 + skip, six, sizeof(*v6));
}

/* The part of a rare row's field, `info` of the whole row. */
static const uint8_t *rare_bytes(const struct hin_rare *rare, const struct hin_form_info *info)
{
	return (const uint8_t *)rare->words + info->offset - offsetof(struct hin_observation, rule);
}

static uint64_t rare_number(const struct hin_rare *rare, const struct hin_form_info *info)
{
	const uint8_t *at = rare_bytes(rare, info);
	uint64_t u64 = 0;
	uint32_t u32;
	uint16_t u16;

	switch (info->size) {
	case 1:
		return *at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static void put_rare_number(struct writing *w, enum hin_field field, const struct hin_rare *rare,
			    size_t count)
{
	const struct hin_form_info *info = &hin_forms[field];
	uint64_t any = 0;

	for (size_t i = 0; i < count; i++)
		any |= rare_number(&rare[i], info);
	if (any == 0)
		return;
	memset(w->wide, 0, w->rows * sizeof(*w->wide));
	for (size_t i = 0; i < count; i++)
		w->wide[rare[i].row - w->from] = rare_number(&rare[i], info);
	hin_coder_load_u64(w->coder, w->wide, w->rows);
	put_column(w, HIN_PART_OF(field, HIN_PART_NUMBER));
}

static bool any_byte(const uint8_t *at, size_t size)
{
	uint8_t any = 0;

	for (size_t i = 0; i < size; i++)
		any |= at[i];
	return any != 0;
}

/* Digests and versions: which rows have one, and those, one behind the other. */
static void put_rare_bytes(struct writing *w, enum hin_field field, const struct hin_rare *rare,
			   size_t count)
{
	const struct hin_form_info *info = &hin_forms[field];
	struct hin_buffer items = { 0 };
	size_t given = 0;

	memset(w->wide, 0, w->rows * sizeof(*w->wide));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = rare_bytes(&rare[i], info);

		if (!any_byte(at, info->size))
			continue;
		w->wide[rare[i].row - w->from] = 1;
		hin_buffer_add(&items, at, info->size);
		given++;
	}
	if (given > 0) {
		hin_coder_load_u64(w->coder, w->wide, w->rows);
		put_column(w, HIN_PART_OF(field, HIN_PART_NUMBER));
		w->out->failed |= items.failed;
		if (!items.failed)
			hin_coder_write_bytes(w->coder, w->out,
					      new_part(w, HIN_PART_OF(field, HIN_PART_DATA)),
					      items.data, given, info->size);
	}
	hin_buffer_fini(&items);
}

static void put_rare_tags(struct writing *w, const struct hin_rare *rare, size_t count)
{
	static const size_t count_at = offsetof(struct hin_observation, tag_count) -
				       offsetof(struct hin_observation, rule);
	struct hin_buffer items = { 0 };
	size_t tags = 0;

	memset(w->wide, 0, w->rows * sizeof(*w->wide));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = rare_bytes(&rare[i], &hin_forms[HIN_FIELD_TAGS]);
		uint8_t n = ((const uint8_t *)rare[i].words)[count_at];

		n = n > HIN_TAGS_MAX ? HIN_TAGS_MAX : n;
		w->wide[rare[i].row - w->from] = n;
		for (uint8_t t = 0; t < n; t++) {
			uint16_t tag;

			memcpy(&tag, at + 2 * (size_t)t, sizeof(tag));
			tag = HIN_LE16(tag);
			hin_buffer_add(&items, &tag, sizeof(tag));
		}
		tags += n;
	}
	if (tags > 0) {
		hin_coder_load_u64(w->coder, w->wide, w->rows);
		put_column(w, HIN_PART_OF(HIN_FIELD_TAGS, HIN_PART_NUMBER));
		w->out->failed |= items.failed;
		if (!items.failed)
			hin_coder_write_bytes(
				w->coder, w->out,
				new_part(w, HIN_PART_OF(HIN_FIELD_TAGS, HIN_PART_DATA)), items.data,
				tags, 2);
	}
	hin_buffer_fini(&items);
}

static void put_rare(struct writing *w)
{
	const struct hin_rare *rare = w->b->rare;
	size_t count = w->b->rare_count;

	while (count > 0 && rare->row < w->from) {
		rare++;
		count--;
	}
	while (count > 0 && rare[count - 1].row >= w->from + w->rows)
		count--;
	for (unsigned f = 0; count > 0 && f < HIN_FIELDS; f++) {
		if (hin_forms[f].offset < offsetof(struct hin_observation, rule))
			continue;
		if (hin_forms[f].form == HIN_FORM_NUMBER)
			put_rare_number(w, f, rare, count);
		else if (hin_forms[f].form == HIN_FORM_BYTES)
			put_rare_bytes(w, f, rare, count);
		else if (hin_forms[f].form == HIN_FORM_TAGS)
			put_rare_tags(w, rare, count);
	}
}

static void put_batches(struct writing *w)
{
	uint32_t row = 0, end = w->from + w->rows;
	struct hin_buffer bytes = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < w->b->batch_count; i++) {
		const struct hin_block_batch *x = &w->b->batches[i];
		uint32_t first = row < w->from ? w->from : row;
		uint8_t *at;
		struct hin_writer out;

		row += x->rows;
		if (row <= w->from || first >= end || x->rows == 0)
			continue;
		at = (uint8_t *)hin_buffer_reserve(&bytes, HIN_BLOCK_BATCH);
		if (at == NULL)
			break;
		memset(at, 0, HIN_BLOCK_BATCH);
		out = hin_writer_of(at, HIN_BLOCK_BATCH);
		hin_write_bytes(&out, x->batch.sensor, sizeof(x->batch.sensor));
		hin_write_le64(&out, x->batch.epoch);
		hin_write_le64(&out, x->batch.sequence);
		hin_write_bytes(&out, x->batch.digest, sizeof(x->batch.digest));
		hin_write_le64(&out, (uint64_t)x->batch.received_us);
		hin_write_le64(&out, x->batch.dark_addresses);
		hin_write_le32(&out, (row < end ? row : end) - first);
		hin_buffer_commit(&bytes, HIN_BLOCK_BATCH);
		count++;
	}
	w->out->failed |= bytes.failed;
	if (count > 0 && !bytes.failed)
		hin_coder_write_blob(w->coder, w->out, new_part(w, HIN_PART_BATCHES), bytes.data,
				     bytes.used, count, true);
	hin_buffer_fini(&bytes);
}

static void put_rollup(struct writing *w)
{
	const struct hin_builder *b = w->b;

	if (!b->rollup)
		return;
	hin_coder_load_u64(w->coder, b->weight + w->from, w->rows);
	hin_coder_write(w->coder, w->out, new_part(w, HIN_PART_WEIGHT));
	if (w->from == 0 && b->sketches.used > 0)
		hin_coder_write_blob(w->coder, w->out, new_part(w, HIN_PART_SKETCH),
				     b->sketches.data, b->sketches.used, w->rows, true);
}

/* All columns, in ascending order of their ids once sorted. */
static void put_columns(struct writing *w)
{
	const struct hin_builder *b = w->b;
	struct hin_coder *c = w->coder;
	uint32_t from = w->from, n = w->rows;

#define PUT(bits, field, member)                                                                   \
	hin_coder_load_u##bits(c, b->member + from, n);                                            \
	put_column(w, HIN_PART_OF(HIN_FIELD_##field, HIN_PART_NUMBER))
	PUT(64, TIME, time);
	PUT(16, KIND, kind);
	PUT(64, DURATION, duration);
	put_addresses(w, HIN_FIELD_SRC, b->src_family, b->src4, b->v6[0], b->v6_count[0]);
	put_addresses(w, HIN_FIELD_DST, b->dst_family, b->dst4, b->v6[1], b->v6_count[1]);
	PUT(16, SPORT, sport);
	PUT(16, DPORT, dport);
	PUT(8, PROTO, proto);
	PUT(8, TCP_FLAGS, tcp_flags);
	PUT(64, PACKETS, packets);
	PUT(64, BYTES, bytes);
	PUT(32, SAMPLE, sample);
	PUT(16, TOOL, tool);
	PUT(8, CONFIDENCE, confidence);
#undef PUT
	put_rare(w);
	put_batches(w);
	put_rollup(w);
}

static int by_id(const void *a, const void *b)
{
	return (int)((const struct hin_part *)a)->id - (int)((const struct hin_part *)b)->id;
}

static void write_part(struct hin_writer *out, const struct hin_part *p, uint32_t base)
{
	hin_write_le16(out, p->id);
	hin_write_u8(out, p->shape);
	hin_write_u8(out, p->codes);
	hin_write_u8(out, p->width);
	hin_write_u8(out, (uint8_t)(p->zstd_summary | p->zstd_codes << 1));
	hin_write_le16(out, (uint16_t)(p->stretch / HIN_STRETCH_UNIT));
	hin_write_le32(out, p->count);
	hin_write_le32(out, p->distinct);
	hin_write_le64(out, p->base);
	hin_write_le64(out, p->max);
	hin_write_le64(out, p->scale);
	hin_write_le64(out, p->sum);
	hin_write_le32(out, p->offset - base);
	hin_write_le32(out, p->summary);
	hin_write_le32(out, p->summary_raw);
	hin_write_le32(out, p->summary_sum);
	hin_write_le32(out, p->bytes);
	hin_write_le32(out, p->bytes_raw);
	hin_write_le32(out, p->bytes_sum);
	hin_write_le32(out, p->directory);
}

/* The head goes where room was left for it, at the end of that room. */
static void write_head(struct writing *w, uint8_t *at, size_t head_size, size_t size)
{
	struct hin_writer out = hin_writer_of(at, head_size);
	uint64_t weight = w->rows;
	int64_t least = INT64_MAX, most = INT64_MIN;
	bool divided = false;

	for (size_t i = 0; i < w->part_count; i++)
		divided |= w->parts[i].stretch > 0;
	for (uint32_t i = w->from; i < w->from + w->rows; i++) {
		int64_t t = (int64_t)w->b->time[i];

		least = t < least ? t : least;
		most = t > most ? t : most;
	}
	for (uint32_t i = w->from; w->b->rollup && i < w->from + w->rows; i++)
		weight += w->b->weight[i] - 1;
	hin_write_le32(&out, HIN_BLOCK_MAGIC);
	hin_write_le16(&out, divided ? HIN_BLOCK_VERSION : 1);
	hin_write_le16(&out, (uint16_t)w->part_count);
	hin_write_le16(&out, HIN_PART_SIZE);
	hin_write_le16(&out, HIN_BLOCK_FIXED);
	hin_write_le32(&out, (uint32_t)head_size);
	hin_write_le32(&out, (uint32_t)size);
	hin_write_le32(&out, w->rows);
	hin_write_le64(&out, (uint64_t)least);
	hin_write_le64(&out, (uint64_t)most);
	hin_write_le64(&out, weight);
	hin_write_le64(&out, 0);
	hin_write_le64(&out, 0);
	for (size_t i = 0; i < w->part_count; i++)
		write_part(&out, &w->parts[i], (uint32_t)w->start);
	hin_write_le32(&out, hin_sum(at, out.used));
}

enum hin_code hin_block_write(struct hin_coder *c, const struct hin_builder *b, uint32_t from,
			      uint32_t to, struct hin_buffer *out, struct hin_error *err)
{
	struct writing w = {
		.coder = c, .b = b, .from = from, .rows = to - from, .start = out->used, .out = out
	};
	size_t room = HIN_BLOCK_FIXED + HIN_PARTS_KNOWN * HIN_PART_SIZE + 4, head_size, body;
	uint8_t *at;

	w.wide = malloc(HIN_BLOCK_ROWS * sizeof(*w.wide));
	hin_buffer_fill(out, 0, room);
	if (w.wide != NULL && !out->failed)
		put_columns(&w);
	free(w.wide);
	if (w.wide == NULL || out->failed) {
		out->failed = false;
		out->used = w.start;
		return hin_fail(err, HIN_ENOMEM, "no room to write a block");
	}
	if (out->used - w.start > HIN_BLOCK_MAX) {
		out->used = w.start;
		return hin_fail(err, HIN_ELIMIT, "a block is over %u bytes", HIN_BLOCK_MAX);
	}
	qsort(w.parts, w.part_count, sizeof(w.parts[0]), by_id);
	/* close the gap between the head and what follows it */
	head_size = HIN_BLOCK_FIXED + w.part_count * HIN_PART_SIZE + 4;
	at = (uint8_t *)out->data + w.start;
	body = out->used - w.start - room;
	memmove(at + head_size, at + room, body);
	out->used = w.start + head_size + body;
	for (size_t i = 0; i < w.part_count; i++)
		w.parts[i].offset -= (uint32_t)(room - head_size);
	write_head(&w, at, head_size, head_size + body);
	return HIN_OK;
}
