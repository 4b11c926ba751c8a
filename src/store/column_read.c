/* column_read - a column's numbers out of its pieces; see column_priv.h */
#include <stdlib.h>
#include <string.h>

#include "store/column_priv.h"

#define SELECT_MOST 8u /* values of a dictionary that are looked for one by one */

void hin_column_fini(struct hin_column_data *c)
{
	free(c->summary.bytes);
	free(c->data.bytes);
	free(c->codes);
	free(c->dict);
	free(c->counts);
	free(c->wide);
	*c = (struct hin_column_data){ 0 };
}

void hin_column_start(struct hin_column_data *c, const struct hin_part *part)
{
	c->part = *part;
	c->have_summary = c->have_codes = false;
	c->summary.have = c->data.have = c->have_stretches = false;
}

/* Room for a full column, kept for the next one. */
static bool numbers(uint32_t **at)
{
	if (*at == NULL)
		*at = malloc((HIN_COLUMN_ROWS + HIN_COLUMN_SLACK) * sizeof(**at));
	return *at != NULL;
}

enum hin_code hin_piece_unpack(struct hin_piece *piece, ZSTD_DCtx *zstd, uint32_t raw,
			       const uint8_t *bytes, size_t size)
{
	size_t need = (size_t)raw + HIN_COLUMN_SLACK;

	if (piece->room < need) {
		uint8_t *more = realloc(piece->bytes, need);

		if (more == NULL)
			return HIN_ENOMEM;
		piece->bytes = more;
		piece->room = need;
	}
	if (ZSTD_decompressDCtx(zstd, piece->bytes, raw, bytes, size) != raw)
		return HIN_EFORMAT;
	memset(piece->bytes + raw, 0, HIN_COLUMN_SLACK);
	piece->size = raw;
	piece->have = true;
	return HIN_OK;
}

enum hin_code hin_piece_hold(struct hin_piece *piece, ZSTD_DCtx *zstd, bool packed, uint32_t raw,
			     uint8_t **bytes, size_t *room, size_t size)
{
	uint8_t *swap = piece->bytes;
	size_t swap_room = piece->room;

	if (packed)
		return hin_piece_unpack(piece, zstd, raw, *bytes, size);
	if (raw != size)
		return HIN_EFORMAT;
	piece->bytes = *bytes;
	piece->room = *room;
	piece->size = raw;
	piece->have = true;
	*bytes = swap;
	*room = swap_room;
	return HIN_OK;
}

/* ---- the summary ---- */

/* The greatest value of the dictionary, as kept. */
static bool dict_range(const struct hin_part *p, uint32_t *out)
{
	uint64_t range = (p->max - p->base) / p->scale;

	*out = (uint32_t)range;
	return p->shape == HIN_SHAPE_DICT && range <= UINT32_MAX;
}

enum hin_code hin_column_read_summary(struct hin_column_data *c)
{
	const struct hin_part *p = &c->part;
	struct hin_reader in = hin_reader_of(c->summary.bytes, c->summary.size);
	uint64_t rows = 0;
	uint32_t range;

	if (!c->summary.have || !dict_range(p, &range))
		return HIN_EFORMAT;
	if (!numbers(&c->dict) || !numbers(&c->counts))
		return HIN_ENOMEM;
	if (!hin_ascending_read(&in, c->dict, p->distinct, range) ||
	    !hin_patched_read(&in, c->counts, p->distinct))
		return HIN_EFORMAT;
	for (uint32_t i = 0; i < p->distinct; i++)
		rows += ++c->counts[i];
	if (rows != p->count)
		return HIN_EFORMAT;
	c->have_summary = true;
	return HIN_OK;
}

enum hin_code hin_column_read_dictionary(struct hin_column_data *c)
{
	struct hin_reader in = hin_reader_of(c->summary.bytes, c->summary.size);
	uint32_t range;

	if (!c->summary.have || !dict_range(&c->part, &range))
		return HIN_EFORMAT;
	if (!numbers(&c->dict))
		return HIN_ENOMEM;
	return hin_ascending_read(&in, c->dict, c->part.distinct, range) ? HIN_OK : HIN_EFORMAT;
}

enum hin_code hin_column_rank(const struct hin_column_data *c, uint64_t value, uint32_t *out)
{
	struct hin_reader in = hin_reader_of(c->summary.bytes, c->summary.size);
	uint32_t range;

	if (!c->summary.have || !dict_range(&c->part, &range) ||
	    !hin_ascending_rank(&in, c->part.distinct, range, value, out))
		return HIN_EFORMAT;
	return HIN_OK;
}

/* ---- the directory ---- */

/* The codes that bytes stand for. */
static void read_hot(struct hin_reader *in, uint32_t hot[256])
{
	uint8_t count = hin_read_u8(in);

	memset(hot, 0, 256 * sizeof(*hot));
	for (size_t i = 0; i < count; i++)
		hot[i] = hin_read_le32(in);
}

enum hin_code hin_column_read_directory(struct hin_column_data *c, const uint8_t *bytes,
					size_t size)
{
	const struct hin_part *p = &c->part;
	struct hin_reader in = hin_reader_of(bytes, size);
	uint64_t offset = p->directory, raw = 0;

	c->stretch_count = 1;
	c->stretches[0] = (struct hin_stretch){ .rows = p->count,
						.stored = p->bytes,
						.raw = p->bytes_raw,
						.sum = p->bytes_sum,
						.zstd = p->zstd_codes };
	if (p->stretch > 0) {
		c->stretch_count = (p->count + p->stretch - 1) / p->stretch;
		if (c->stretch_count > HIN_STRETCHES_MAX)
			return HIN_EFORMAT;
		for (uint32_t i = 0; i < c->stretch_count; i++) {
			uint32_t first = i * p->stretch, stored = hin_read_le32(&in);
			uint32_t left = p->count - first;

			c->stretches[i] = (struct hin_stretch){
				.first = first,
				.rows = left < p->stretch ? left : p->stretch,
				.offset = (uint32_t)offset,
				.stored = stored & INT32_MAX,
				.zstd = stored >> 31,
				.raw = hin_read_le32(&in),
				.sum = hin_read_le32(&in),
			};
			offset += c->stretches[i].stored;
			raw += c->stretches[i].raw;
			if (offset > p->bytes)
				return HIN_EFORMAT;
		}
		if (p->shape == HIN_SHAPE_DICT && p->codes == HIN_CODES_ESCAPE)
			read_hot(&in, c->hot);
		if (in.failed || offset != p->bytes || raw != p->bytes_raw)
			return HIN_EFORMAT;
	}
	c->have_stretches = true;
	return HIN_OK;
}

/* ---- codes ---- */

/* The parts of escaped codes: what bytes stand for, the bytes, and packed what they do not say. */
struct escaped {
	uint32_t own[256];
	const uint32_t *hot;
	const uint8_t *bytes, *packed;
	uint32_t rest;
};

static bool open_escaped(const struct hin_column_data *c, uint32_t rows, struct hin_reader *in,
			 struct escaped *e)
{
	uint32_t rest = 0;

	e->hot = c->hot;
	if (c->part.stretch == 0) {
		read_hot(in, e->own);
		e->hot = e->own;
	}
	e->bytes = hin_read_bytes(in, rows);
	if (e->bytes == NULL)
		return false;
	for (uint32_t i = 0; i < rows; i++)
		rest += e->bytes[i] == 255;
	e->rest = rest;
	e->packed = in->pos;
	return in->left == hin_packed_size(rest, c->part.width);
}

static bool read_escaped(const struct hin_column_data *c, uint32_t rows, struct hin_reader *in,
			 uint32_t *codes)
{
	struct escaped e;
	uint32_t next;

	if (!open_escaped(c, rows, in, &e))
		return false;
	/* the rest is unpacked where it is used up before it is overwritten: at the end of codes */
	next = rows - e.rest;
	hin_unpack(codes + next, e.packed, e.rest, c->part.width);
	for (uint32_t i = 0; i < rows; i++)
		codes[i] = e.bytes[i] == 255 ? codes[next++] : e.hot[e.bytes[i]];
	return true;
}

/* No code may lie outside of the dictionary. */
static bool codes_fit(const uint32_t *codes, size_t count, uint32_t limit)
{
	uint32_t bad = 0;

	for (size_t i = 0; i < count; i++)
		bad |= codes[i] >= limit;
	return bad == 0;
}

static bool read_dict_codes(const struct hin_column_data *c, uint32_t rows, struct hin_reader *in,
			    uint32_t *codes)
{
	const uint8_t *bytes;

	switch (c->part.codes) {
	case HIN_CODES_PACKED:
		if (in->left != hin_packed_size(rows, c->part.width))
			return false;
		hin_unpack(codes, in->pos, rows, c->part.width);
		break;
	case HIN_CODES_BYTES:
		bytes = hin_read_bytes(in, rows);
		if (bytes == NULL)
			return false;
		for (uint32_t i = 0; i < rows; i++)
			codes[i] = bytes[i];
		break;
	default:
		if (!read_escaped(c, rows, in, codes))
			return false;
	}
	return codes_fit(codes, rows, c->part.distinct);
}

static uint64_t offset_limit(const struct hin_part *p)
{
	return (p->max - p->base) / p->scale;
}

static bool read_wide(const struct hin_column_data *c, const struct hin_stretch *s,
		      struct hin_reader *in)
{
	uint32_t *low = c->codes + s->first, *high = c->counts + s->first;
	uint64_t *wide = c->wide + s->first, limit = offset_limit(&c->part);
	bool bad = false;

	if (!hin_patched_read(in, low, s->rows) || !hin_patched_read(in, high, s->rows) ||
	    in->left > 0)
		return false;
	for (uint32_t i = 0; i < s->rows; i++) {
		wide[i] = (uint64_t)high[i] << 32 | low[i];
		bad |= wide[i] > limit;
	}
	return !bad;
}

/* No number may lie above the greatest, with which filters have judged. */
static bool read_offsets(const struct hin_column_data *c, uint32_t rows, struct hin_reader *in,
			 uint32_t *codes)
{
	uint64_t limit = offset_limit(&c->part);

	return hin_patched_read(in, codes, rows) && in->left == 0 &&
	       (limit >= UINT32_MAX || codes_fit(codes, rows, (uint32_t)limit + 1));
}

static bool room_for_codes(struct hin_column_data *c)
{
	if (!numbers(&c->codes) || (c->part.shape == HIN_SHAPE_WIDE && !numbers(&c->counts)))
		return false;
	if (c->part.shape == HIN_SHAPE_WIDE && c->wide == NULL)
		c->wide = malloc(HIN_COLUMN_ROWS * sizeof(*c->wide));
	return c->part.shape != HIN_SHAPE_WIDE || c->wide != NULL;
}

enum hin_code hin_column_read_codes(struct hin_column_data *c, uint32_t at, const uint8_t *bytes,
				    size_t size)
{
	const struct hin_stretch *s = &c->stretches[at];
	struct hin_reader in = hin_reader_of(bytes, size);
	bool good = false;

	if (!room_for_codes(c))
		return HIN_ENOMEM;
	if (c->part.shape == HIN_SHAPE_DICT)
		good = read_dict_codes(c, s->rows, &in, c->codes + s->first);
	else if (c->part.shape == HIN_SHAPE_OFFSETS)
		good = read_offsets(c, s->rows, &in, c->codes + s->first);
	else if (c->part.shape == HIN_SHAPE_WIDE)
		good = read_wide(c, s, &in);
	return good ? HIN_OK : HIN_EFORMAT;
}

/* ---- some rows ---- */

/* A row's place in its stretch. */
static uint32_t place(const struct hin_stretch *s, uint32_t row)
{
	return row - s->first;
}

static bool pick_escaped(const struct hin_column_data *c, const struct hin_stretch *s,
			 struct hin_reader *in, const uint32_t *rows, size_t count, uint64_t *out)
{
	uint32_t at = 0, rest = 0;
	struct escaped e;

	if (!open_escaped(c, s->rows, in, &e))
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t row = place(s, rows[i]);

		if (e.bytes[row] != 255) {
			out[i] = e.hot[e.bytes[row]];
			continue;
		}
		for (; at < row; at++)
			rest += e.bytes[at] == 255;
		out[i] = c->part.width > 0 ? hin_unpack_one(e.packed, rest, c->part.width) : 0;
	}
	return true;
}

static bool pick_dict(const struct hin_column_data *c, const struct hin_stretch *s,
		      struct hin_reader *in, const uint32_t *rows, size_t count, uint64_t *out)
{
	const uint8_t *bytes;
	unsigned width = c->part.width;
	bool bad = false;

	switch (c->part.codes) {
	case HIN_CODES_PACKED:
		if (in->left != hin_packed_size(s->rows, width))
			return false;
		for (size_t i = 0; i < count; i++)
			out[i] = width > 0 ? hin_unpack_one(in->pos, place(s, rows[i]), width) : 0;
		break;
	case HIN_CODES_BYTES:
		bytes = hin_read_bytes(in, s->rows);
		if (bytes == NULL)
			return false;
		for (size_t i = 0; i < count; i++)
			out[i] = bytes[place(s, rows[i])];
		break;
	default:
		if (!pick_escaped(c, s, in, rows, count, out))
			return false;
	}
	for (size_t i = 0; i < count; i++)
		bad |= out[i] >= c->part.distinct;
	return !bad;
}

/* OFFSETS and WIDE; of `places` there is room for three times `count`. */
static bool pick_offsets(const struct hin_column_data *c, const struct hin_stretch *s,
			 struct hin_reader *in, const uint32_t *rows, size_t count,
			 uint32_t *places, uint64_t *out)
{
	uint64_t limit = offset_limit(&c->part);
	uint32_t *low = places + count, *high = low + count;
	bool wide = c->part.shape == HIN_SHAPE_WIDE, bad = false;

	for (size_t i = 0; i < count; i++)
		places[i] = place(s, rows[i]);
	if (!hin_patched_pick(in, s->rows, places, count, low) ||
	    (wide && !hin_patched_pick(in, s->rows, places, count, high)) || in->left > 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		out[i] = wide ? (uint64_t)high[i] << 32 | low[i] : low[i];
		bad |= out[i] > limit;
	}
	return !bad;
}

enum hin_code hin_column_pick_codes(const struct hin_column_data *c, uint32_t at,
				    const uint8_t *bytes, size_t size, const uint32_t *rows,
				    size_t count, uint64_t *out)
{
	const struct hin_stretch *s = &c->stretches[at];
	struct hin_reader in = hin_reader_of(bytes, size);
	uint32_t *places;
	bool good;

	if (c->part.shape == HIN_SHAPE_DICT)
		return pick_dict(c, s, &in, rows, count, out) ? HIN_OK : HIN_EFORMAT;
	if (c->part.shape != HIN_SHAPE_OFFSETS && c->part.shape != HIN_SHAPE_WIDE)
		return HIN_EFORMAT;
	places = malloc(3 * (count + 1) * sizeof(*places));
	if (places == NULL)
		return HIN_ENOMEM;
	good = pick_offsets(c, s, &in, rows, count, places, out);
	free(places);
	return good ? HIN_OK : HIN_EFORMAT;
}

enum hin_code hin_column_pick_values(struct hin_column_data *c, uint64_t *values, size_t count)
{
	const struct hin_part *p = &c->part;
	enum hin_code code = HIN_OK;
	uint32_t range = 0, value;

	if (p->shape == HIN_SHAPE_DICT && !dict_range(p, &range))
		return HIN_EFORMAT;
	if (p->shape == HIN_SHAPE_DICT && !c->have_summary && count > SELECT_MOST)
		code = hin_column_read_summary(c);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		struct hin_reader in = hin_reader_of(c->summary.bytes, c->summary.size);

		value = 0;
		if (p->shape != HIN_SHAPE_DICT) {
			values[i] = p->base + p->scale * values[i];
			continue;
		}
		if (c->have_summary)
			value = c->dict[values[i]];
		else if (!c->summary.have ||
			 !hin_ascending_at(&in, p->distinct, range, values[i], &value))
			code = HIN_EFORMAT;
		values[i] = p->base + p->scale * value;
	}
	return code;
}
