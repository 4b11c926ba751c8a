/* block_read - heads and columns out of bytes that may be damaged; see block_priv.h */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/block_priv.h"

/* ---- heads ---- */

static void read_part(struct hin_reader *in, struct hin_part *p)
{
	uint8_t packed;

	p->id = hin_read_le16(in);
	p->shape = hin_read_u8(in);
	p->codes = hin_read_u8(in);
	p->width = hin_read_u8(in);
	packed = hin_read_u8(in);
	p->zstd_summary = packed & 1;
	p->zstd_codes = packed >> 1 & 1;
	p->stretch = hin_read_le16(in) * HIN_STRETCH_UNIT;
	p->count = hin_read_le32(in);
	p->distinct = hin_read_le32(in);
	p->base = hin_read_le64(in);
	p->max = hin_read_le64(in);
	p->scale = hin_read_le64(in);
	p->sum = hin_read_le64(in);
	p->offset = hin_read_le32(in);
	p->summary = hin_read_le32(in);
	p->summary_raw = hin_read_le32(in);
	p->summary_sum = hin_read_le32(in);
	p->bytes = hin_read_le32(in);
	p->bytes_raw = hin_read_le32(in);
	p->bytes_sum = hin_read_le32(in);
	p->directory = hin_read_le32(in);
}

/* The largest number that the part may hold, by its field. */
static uint64_t number_limit(unsigned id)
{
	const struct hin_form_info *form;

	if (id >= HIN_FIELDS * 3)
		return UINT64_MAX;
	form = &hin_forms[id / 3];
	if (id == HIN_PART_OF(HIN_FIELD_TIME, HIN_PART_NUMBER))
		return (uint64_t)HIN_TIME_MAX;
	switch (form->form) {
	case HIN_FORM_ADDR:
		return id % 3 == HIN_PART_NUMBER ? 6 : UINT32_MAX;
	case HIN_FORM_BYTES:
		return 1;
	case HIN_FORM_TAGS:
		return HIN_TAGS_MAX;
	default:
		return form->size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * form->size) - 1;
	}
}

/* Is it a column of numbers, one a row? */
static bool is_numbers(unsigned id)
{
	if (id >= HIN_FIELDS * 3)
		return id == HIN_PART_WEIGHT;
	return id % 3 == HIN_PART_NUMBER ||
	       (id % 3 == HIN_PART_DATA && hin_forms[id / 3].form == HIN_FORM_ADDR);
}

/* May a block of `rows` have such a part? */
static bool numbers_good(const struct hin_part *p, uint32_t rows)
{
	uint64_t limit = number_limit(p->id);

	if (p->count != rows || p->base > p->max || p->max > limit || p->scale == 0)
		return false;
	switch (p->shape) {
	case HIN_SHAPE_CONST:
		return p->base == p->max;
	case HIN_SHAPE_DICT:
		return p->distinct > 0 && p->distinct <= rows && p->codes < HIN_CODES_STYLES &&
		       p->width <= 17 && (p->max - p->base) / p->scale <= UINT32_MAX;
	case HIN_SHAPE_OFFSETS:
		return (p->max - p->base) / p->scale <= UINT32_MAX;
	default:
		return p->shape == HIN_SHAPE_WIDE;
	}
}

static bool part_good(const struct hin_part *p, const struct hin_block_head *head)
{
	uint64_t end = (uint64_t)p->offset + p->summary + p->bytes;

	if (p->offset > head->size || end > head->size)
		return false;
	if (p->shape != HIN_SHAPE_CONST && p->offset < head->head_size)
		return false;
	if (p->summary_raw > HIN_PIECE_MAX || p->bytes_raw > HIN_PIECE_MAX)
		return false;
	if (p->directory > p->bytes || (p->stretch == 0 && p->directory > 0) ||
	    (p->stretch > 0 && (!is_numbers(p->id) || p->shape == HIN_SHAPE_CONST)))
		return false;
	if (is_numbers(p->id))
		return numbers_good(p, head->rows);
	if (p->shape != HIN_SHAPE_BYTES)
		return false;
	if (p->id == HIN_PART_BATCHES)
		return p->bytes_raw == (uint64_t)p->count * HIN_BLOCK_BATCH;
	if (p->id >= HIN_FIELDS * 3)
		return true;
	return p->width == (p->id % 3 == HIN_PART_V6 ? 16 : hin_forms[p->id / 3].size) &&
	       p->bytes_raw == (uint64_t)p->count * p->width;
}

/* Before the checksum nothing is believed but sizes. */
static enum hin_code head_size(const uint8_t *bytes, size_t size, size_t *need)
{
	struct hin_reader in = hin_reader_of(bytes, size);
	uint32_t magic = hin_read_le32(&in);

	*need = HIN_BLOCK_FIXED;
	if (in.failed)
		return HIN_ETRUNCATED;
	if (magic != HIN_BLOCK_MAGIC)
		return HIN_EFORMAT;
	hin_read_skip(&in, 8);
	*need = hin_read_le32(&in);
	if (in.failed) {
		*need = HIN_BLOCK_FIXED;
		return HIN_ETRUNCATED;
	}
	if (*need < HIN_BLOCK_FIXED + 4 || *need > HIN_BLOCK_HEAD_MAX)
		return HIN_EFORMAT;
	return *need <= size ? HIN_OK : HIN_ETRUNCATED;
}

static enum hin_code read_fixed(struct hin_block_head *out, struct hin_reader *in,
				uint16_t *part_size, uint16_t *parts)
{
	uint16_t fixed;

	*out = (struct hin_block_head){ 0 };
	hin_read_skip(in, 4);
	out->version = hin_read_le16(in);
	*parts = hin_read_le16(in);
	*part_size = hin_read_le16(in);
	fixed = hin_read_le16(in);
	out->head_size = hin_read_le32(in);
	out->size = hin_read_le32(in);
	out->rows = hin_read_le32(in);
	out->time_min = (int64_t)hin_read_le64(in);
	out->time_max = (int64_t)hin_read_le64(in);
	out->weight = hin_read_le64(in);
	hin_read_skip(in, 16);
	if (out->version > HIN_BLOCK_VERSION)
		return HIN_EUNSUPPORTED;
	if (out->version == 0 || fixed < HIN_BLOCK_FIXED || *part_size < HIN_PART_SIZE ||
	    (size_t)fixed + (size_t)*parts * *part_size + 4 != out->head_size)
		return HIN_EFORMAT;
	if (out->size < out->head_size || out->size > HIN_BLOCK_MAX || out->rows == 0 ||
	    out->rows > HIN_BLOCK_ROWS || out->time_min > out->time_max ||
	    out->time_min < HIN_TIME_MIN || out->time_max > HIN_TIME_MAX || out->weight < out->rows)
		return HIN_EFORMAT;
	hin_read_skip(in, (size_t)fixed - HIN_BLOCK_FIXED);
	return in->failed ? HIN_EFORMAT : HIN_OK;
}

enum hin_code hin_block_head_read(struct hin_block_head *out, struct hin_part *parts,
				  const void *bytes, size_t size, size_t *need)
{
	uint16_t part_size = 0, count = 0;
	enum hin_code code = head_size(bytes, size, need);
	struct hin_reader in;
	uint32_t sum;
	int last = -1;

	if (code != HIN_OK)
		return code;
	memcpy(&sum, (const uint8_t *)bytes + *need - 4, sizeof(sum));
	if (!hin_sum_fits(bytes, *need - 4, HIN_LE32(sum)))
		return HIN_EVERIFY;
	in = hin_reader_of(bytes, *need - 4);
	code = read_fixed(out, &in, &part_size, &count);
	if (code != HIN_OK)
		return code;
	out->parts = parts;
	for (uint16_t i = 0; i < count; i++) {
		struct hin_reader sub = hin_read_sub(&in, part_size);
		struct hin_part p = { 0 };

		read_part(&sub, &p);
		if (sub.failed || (int)p.id <= last)
			return HIN_EFORMAT;
		last = p.id;
		if (p.id >= HIN_PARTS_KNOWN ||
		    (p.id >= HIN_FIELDS * 3 && p.id < HIN_PART_BATCHES)) {
			out->unknown_parts++;
			continue;
		}
		if (!part_good(&p, out))
			return HIN_EFORMAT;
		parts[out->part_count++] = p;
	}
	return HIN_OK;
}

const struct hin_part *hin_block_part(const struct hin_block_head *head, unsigned id)
{
	size_t low = 0, high = head->part_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (head->parts[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < head->part_count && head->parts[low].id == id ? &head->parts[low] : NULL;
}

/* ---- pieces ---- */

enum hin_code hin_block_reader_init(struct hin_block_reader *r, struct hin_error *err)
{
	*r = (struct hin_block_reader){ .zstd = ZSTD_createDCtx(), .fd = -1 };
	return r->zstd != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no room to read blocks");
}

void hin_block_reader_fini(struct hin_block_reader *r)
{
	if (r == NULL)
		return;
	ZSTD_freeDCtx(r->zstd);
	for (size_t i = 0; i < HIN_PARTS_KNOWN; i++)
		hin_column_fini(&r->columns[i]);
	free(r->piece);
	free(r->plain.bytes);
	free(r->batches);
	*r = (struct hin_block_reader){ .fd = -1 };
}

void hin_block_reader_start(struct hin_block_reader *r, int fd, const char *name, uint64_t offset,
			    const struct hin_block_head *head)
{
	r->fd = fd;
	r->name = name;
	r->offset = offset;
	r->memory = NULL;
	r->head = head;
	r->known[0] = r->known[1] = 0;
	r->have_batches = false;
}

static enum hin_code read_at(struct hin_block_reader *r, uint64_t at, void *out, size_t size,
			     struct hin_error *err)
{
	uint8_t *to = out;

	r->bytes_read += size;
	if (r->fd == -1) {
		memcpy(to, r->memory + at, size);
		return HIN_OK;
	}
	at += r->offset;
	while (size > 0) {
		ssize_t n = pread(r->fd, to, size, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "%s: read at offset %llu", r->name,
					(unsigned long long)at);
		if (n == 0)
			return hin_fail(err, HIN_ETRUNCATED, "%s: ends at offset %llu, in a block",
					r->name, (unsigned long long)at);
		to += n;
		at += (uint64_t)n;
		size -= (size_t)n;
	}
	return HIN_OK;
}

enum hin_code hin_block_peek(struct hin_block_reader *r, const struct hin_part *part, size_t at,
			     void *out, size_t size, struct hin_error *err)
{
	if (at > part->bytes || size > part->bytes - at)
		return hin_fail(err, HIN_EFORMAT, "%s: offset %llu: part %u is damaged", r->name,
				(unsigned long long)r->offset, part->id);
	return read_at(r, (uint64_t)part->offset + part->summary + at, out, size, err);
}

/* Read into `r->piece`, with slack behind it. */
static enum hin_code read_bytes(struct hin_block_reader *r, uint64_t at, size_t size,
				struct hin_error *err)
{
	enum hin_code code;

	if (r->piece_size < size + HIN_COLUMN_SLACK) {
		size_t room = size + size / 2 + HIN_COLUMN_SLACK;
		uint8_t *more = realloc(r->piece, room);

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room to read a column");
		r->piece = more;
		r->piece_size = room;
	}
	code = read_at(r, at, r->piece, size, err);
	if (code == HIN_OK)
		memset(r->piece + size, 0, HIN_COLUMN_SLACK);
	return code;
}

static enum hin_code check_piece(const struct hin_block_reader *r, const struct hin_part *part,
				 uint64_t at, const uint8_t *bytes, size_t size, uint32_t sum,
				 struct hin_error *err)
{
	if (hin_sum_fits(bytes, size, sum))
		return HIN_OK;
	return hin_fail(err, HIN_EVERIFY,
			"%s: offset %llu: wrong checksum in part %u of the block at %llu", r->name,
			(unsigned long long)(r->offset + at), part->id,
			(unsigned long long)r->offset);
}

/* The same of a piece, and check it. */
static enum hin_code read_piece(struct hin_block_reader *r, const struct hin_part *part,
				uint64_t at, size_t size, uint32_t sum, struct hin_error *err)
{
	enum hin_code code = read_bytes(r, at, size, err);

	return code == HIN_OK ? check_piece(r, part, at, r->piece, size, sum, err) : code;
}

static enum hin_code damaged(const struct hin_block_reader *r, const struct hin_part *part,
			     enum hin_code code, struct hin_error *err)
{
	if (code == HIN_OK)
		return HIN_OK;
	return hin_fail(err, code, "%s: offset %llu: part %u of the block %s", r->name,
			(unsigned long long)r->offset, part->id,
			code == HIN_ENOMEM ? "finds no memory" : "is damaged");
}

/* The column of `id`, known to this block; nothing of it may be read yet. */
static struct hin_column_data *column_of(struct hin_block_reader *r, unsigned id)
{
	struct hin_column_data *c = &r->columns[id];
	const struct hin_part *part;

	if (r->known[id / 64] >> id % 64 & 1)
		return c;
	part = hin_block_part(r->head, id);
	if (part == NULL)
		return NULL;
	hin_column_start(c, part);
	r->known[id / 64] |= UINT64_C(1) << id % 64;
	return c;
}

static enum hin_code hold_summary(struct hin_block_reader *r, struct hin_column_data *c,
				  struct hin_error *err)
{
	const struct hin_part *p = &c->part;
	enum hin_code code;

	if (c->summary.have || p->shape != HIN_SHAPE_DICT)
		return HIN_OK;
	code = read_piece(r, p, p->offset, p->summary, p->summary_sum, err);
	if (code != HIN_OK)
		return code;
	code = hin_piece_hold(&c->summary, r->zstd, p->zstd_summary, p->summary_raw, &r->piece,
			      &r->piece_size, p->summary);
	return damaged(r, p, code, err);
}

static enum hin_code load_summary(struct hin_block_reader *r, struct hin_column_data *c,
				  struct hin_error *err)
{
	enum hin_code code = hold_summary(r, c, err);

	if (code != HIN_OK || c->have_summary || c->part.shape != HIN_SHAPE_DICT)
		return code;
	return damaged(r, &c->part, hin_column_read_summary(c), err);
}

static enum hin_code load_directory(struct hin_block_reader *r, struct hin_column_data *c,
				    struct hin_error *err)
{
	const struct hin_part *p = &c->part;
	enum hin_code code = HIN_OK;

	if (c->have_stretches)
		return HIN_OK;
	if (p->stretch > 0)
		code = read_piece(r, p, (uint64_t)p->offset + p->summary, p->directory,
				  p->bytes_sum, err);
	return code == HIN_OK
		       ? damaged(r, p, hin_column_read_directory(c, r->piece, p->directory), err)
		       : code;
}

/* The bytes of a stretch, unpacked, in `r->plain`. */
static enum hin_code read_stretch(struct hin_block_reader *r, struct hin_column_data *c,
				  const struct hin_stretch *s, struct hin_error *err)
{
	const struct hin_part *p = &c->part;
	enum hin_code code = read_piece(r, p, (uint64_t)p->offset + p->summary + s->offset,
					s->stored, s->sum, err);

	if (code != HIN_OK)
		return code;
	code = hin_piece_hold(&r->plain, r->zstd, s->zstd, s->raw, &r->piece, &r->piece_size,
			      s->stored);
	return damaged(r, p, code, err);
}

/* One stretch after the other, read at once; the directory is read. */
static enum hin_code unpack_stretches(struct hin_block_reader *r, struct hin_column_data *c,
				      struct hin_error *err)
{
	const struct hin_part *p = &c->part;
	uint64_t at = (uint64_t)p->offset + p->summary + p->directory;
	enum hin_code code = read_bytes(r, at, p->bytes - p->directory, err);

	for (uint32_t i = 0; i < c->stretch_count && code == HIN_OK; i++) {
		const struct hin_stretch *s = &c->stretches[i];
		const uint8_t *bytes = r->piece + (s->offset - p->directory);
		size_t size = s->stored;

		code = check_piece(r, p, at + s->offset - p->directory, bytes, size, s->sum, err);
		if (code == HIN_OK && s->zstd) {
			code = damaged(r, p,
				       hin_piece_unpack(&r->plain, r->zstd, s->raw, bytes, size),
				       err);
			bytes = r->plain.bytes;
			size = r->plain.size;
		} else if (code == HIN_OK && s->raw != size) {
			code = damaged(r, p, HIN_EFORMAT, err);
		}
		if (code == HIN_OK)
			code = damaged(r, p, hin_column_read_codes(c, i, bytes, size), err);
	}
	return code;
}

/* Items are always read from `bytes`. */
static enum hin_code load_bytes(struct hin_block_reader *r, struct hin_column_data *c,
				struct hin_error *err)
{
	const struct hin_part *p = &c->part;
	enum hin_code code =
		read_piece(r, p, (uint64_t)p->offset + p->summary, p->bytes, p->bytes_sum, err);

	if (code != HIN_OK)
		return code;
	code = hin_piece_hold(&c->data, r->zstd, p->zstd_codes, p->bytes_raw, &r->piece,
			      &r->piece_size, p->bytes);
	c->bytes = c->data.bytes;
	c->have_codes = code == HIN_OK;
	return damaged(r, p, code, err);
}

static enum hin_code load_codes(struct hin_block_reader *r, struct hin_column_data *c,
				struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (c->have_codes)
		return HIN_OK;
	if (c->part.shape == HIN_SHAPE_BYTES)
		return load_bytes(r, c, err);
	if (c->part.shape != HIN_SHAPE_CONST) {
		code = load_directory(r, c, err);
		if (code == HIN_OK)
			code = unpack_stretches(r, c, err);
	}
	c->have_codes = code == HIN_OK;
	return code;
}

enum hin_code hin_block_summary(struct hin_block_reader *r, unsigned id,
				const struct hin_column_data **out, struct hin_error *err)
{
	struct hin_column_data *c = column_of(r, id);

	*out = c;
	return c == NULL ? HIN_OK : load_summary(r, c, err);
}

enum hin_code hin_block_column(struct hin_block_reader *r, unsigned id,
			       const struct hin_column_data **out, struct hin_error *err)
{
	struct hin_column_data *c = column_of(r, id);
	enum hin_code code;

	*out = c;
	if (c == NULL)
		return HIN_OK;
	code = load_summary(r, c, err);
	return code == HIN_OK ? load_codes(r, c, err) : code;
}

enum hin_code hin_block_dictionary(struct hin_block_reader *r, unsigned id,
				   const struct hin_column_data **out, struct hin_error *err)
{
	struct hin_column_data *c = column_of(r, id);
	enum hin_code code = hold_summary(r, c, err);

	*out = c;
	return code == HIN_OK ? damaged(r, &c->part, hin_column_read_dictionary(c), err) : code;
}

enum hin_code hin_block_codes(struct hin_block_reader *r, unsigned id,
			      const struct hin_column_data **out, struct hin_error *err)
{
	struct hin_column_data *c = column_of(r, id);

	*out = c;
	return c == NULL ? HIN_OK : load_codes(r, c, err);
}

enum hin_code hin_block_ranks(struct hin_block_reader *r, unsigned id, uint64_t first,
			      uint64_t last, uint32_t *low, uint32_t *end, struct hin_error *err)
{
	struct hin_column_data *c = column_of(r, id);
	enum hin_code code = hold_summary(r, c, err);

	if (code != HIN_OK)
		return code;
	code = hin_column_rank(c, first, low);
	if (code == HIN_OK)
		code = hin_column_rank(c, last + 1, end);
	return damaged(r, &c->part, code, err);
}

/* Codes or offsets of some rows, stretch by stretch. */
static enum hin_code pick_codes(struct hin_block_reader *r, struct hin_column_data *c,
				const uint32_t *rows, size_t count, uint64_t *out,
				struct hin_error *err)
{
	enum hin_code code = load_directory(r, c, err);

	for (size_t i = 0, n; i < count && code == HIN_OK; i += n) {
		uint32_t at = c->part.stretch > 0 ? rows[i] / c->part.stretch : 0;
		const struct hin_stretch *s = &c->stretches[at];

		for (n = 1; i + n < count && rows[i + n] - s->first < s->rows;)
			n++;
		code = read_stretch(r, c, s, err);
		if (code == HIN_OK)
			code = damaged(r, &c->part,
				       hin_column_pick_codes(c, at, r->plain.bytes, r->plain.size,
							     rows + i, n, out + i),
				       err);
	}
	return code;
}

enum hin_code hin_block_pick(struct hin_block_reader *r, unsigned id, const uint32_t *rows,
			     size_t count, uint64_t *out, const struct hin_column_data **column,
			     struct hin_error *err)
{
	struct hin_column_data *c = column_of(r, id);
	bool dict;
	enum hin_code code;

	*column = c;
	if (c == NULL)
		return HIN_OK;
	dict = c->part.shape == HIN_SHAPE_DICT;
	if (c->part.shape == HIN_SHAPE_CONST || (c->have_codes && (!dict || c->have_summary))) {
		for (size_t i = 0; i < count; i++)
			out[i] = hin_column_at(c, rows[i]);
		return HIN_OK;
	}
	code = hold_summary(r, c, err);
	if (code == HIN_OK && !c->have_codes)
		code = pick_codes(r, c, rows, count, out, err);
	else if (code == HIN_OK)
		for (size_t i = 0; i < count; i++)
			out[i] = c->codes[rows[i]];
	return code == HIN_OK ? damaged(r, &c->part, hin_column_pick_values(c, out, count), err)
			      : code;
}

enum hin_code hin_block_batches(struct hin_block_reader *r, struct hin_error *err)
{
	const struct hin_column_data *c;
	enum hin_code code;
	struct hin_reader in;
	uint64_t rows = 0;

	if (r->have_batches)
		return HIN_OK;
	code = hin_block_column(r, HIN_PART_BATCHES, &c, err);
	if (code != HIN_OK)
		return code;
	r->batch_count = c != NULL ? c->part.count : 0;
	if (r->batch_count > r->batch_room) {
		struct hin_block_batch *more = realloc(r->batches, r->batch_count * sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for the batches of a block");
		r->batches = more;
		r->batch_room = r->batch_count;
	}
	in = hin_reader_of(c != NULL ? c->bytes : NULL, c != NULL ? c->part.bytes_raw : 0);
	for (size_t i = 0; i < r->batch_count; i++) {
		struct hin_block_batch *b = &r->batches[i];
		struct hin_reader sub = hin_read_sub(&in, HIN_BLOCK_BATCH);

		hin_read_copy(&sub, b->batch.sensor, sizeof(b->batch.sensor));
		b->batch.epoch = hin_read_le64(&sub);
		b->batch.sequence = hin_read_le64(&sub);
		hin_read_copy(&sub, b->batch.digest, sizeof(b->batch.digest));
		b->batch.received_us = (int64_t)hin_read_le64(&sub);
		b->batch.dark_addresses = hin_read_le64(&sub);
		b->rows = hin_read_le32(&sub);
		rows += b->rows;
		if (b->rows == 0)
			rows = UINT32_MAX; /* no batch of a block is empty */
	}
	if (rows != r->head->rows)
		return hin_fail(err, HIN_EFORMAT,
				"%s: offset %llu: batches of the block have %llu rows, not %u",
				r->name, (unsigned long long)r->offset, (unsigned long long)rows,
				r->head->rows);
	r->have_batches = true;
	return HIN_OK;
}
