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
	c->summary.have = c->data.have = false;
}

/* Room for a full column, kept for the next one. */
static bool numbers(uint32_t **at)
{
	if (*at == NULL)
		*at = malloc((HIN_COLUMN_ROWS + HIN_COLUMN_SLACK) * sizeof(**at));
	return *at != NULL;
}

enum hin_code hin_column_hold(struct hin_piece *piece, ZSTD_DCtx *zstd, bool packed, uint32_t raw,
			      uint8_t **bytes, size_t *room, size_t size)
{
	size_t need = (size_t)raw + HIN_COLUMN_SLACK;

	if (!packed) {
		uint8_t *swap = piece->bytes;
		size_t swap_room = piece->room;

		if (raw != size)
			return HIN_EFORMAT;
		piece->bytes = *bytes;
		piece->room = *room;
		*bytes = swap;
		*room = swap_room;
	} else {
		if (piece->room < need) {
			uint8_t *more = realloc(piece->bytes, need);

			if (more == NULL)
				return HIN_ENOMEM;
			piece->bytes = more;
			piece->room = need;
		}
		if (ZSTD_decompressDCtx(zstd, piece->bytes, raw, *bytes, size) != raw)
			return HIN_EFORMAT;
		memset(piece->bytes + raw, 0, HIN_COLUMN_SLACK);
	}
	piece->size = raw;
	piece->have = true;
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

enum hin_code hin_column_rank(const struct hin_column_data *c, uint64_t value, uint32_t *out)
{
	struct hin_reader in = hin_reader_of(c->summary.bytes, c->summary.size);
	uint32_t range;

	if (!c->summary.have || !dict_range(&c->part, &range) ||
	    !hin_ascending_rank(&in, c->part.distinct, range, value, out))
		return HIN_EFORMAT;
	return HIN_OK;
}

/* ---- codes ---- */

/* The parts of escaped codes: what bytes stand for, the bytes, and packed what they do not say. */
struct escaped {
	uint32_t hot[256];
	const uint8_t *bytes, *packed;
	uint32_t rest;
};

static bool open_escaped(const struct hin_column_data *c, struct hin_reader *in, struct escaped *e)
{
	uint32_t count = c->part.count, rest = 0;
	uint8_t hot_count = hin_read_u8(in);

	memset(e->hot, 0, sizeof(e->hot));
	for (size_t i = 0; i < hot_count; i++)
		e->hot[i] = hin_read_le32(in);
	e->bytes = hin_read_bytes(in, count);
	if (e->bytes == NULL)
		return false;
	for (uint32_t i = 0; i < count; i++)
		rest += e->bytes[i] == 255;
	e->rest = rest;
	e->packed = in->pos;
	return in->left == hin_packed_size(rest, c->part.width);
}

static bool read_escaped(struct hin_column_data *c, struct hin_reader *in)
{
	uint32_t count = c->part.count, next;
	struct escaped e;

	if (!open_escaped(c, in, &e))
		return false;
	/* the rest is unpacked where it is used up before it is overwritten: at the end of codes */
	next = count - e.rest;
	hin_unpack(c->codes + next, e.packed, e.rest, c->part.width);
	for (uint32_t i = 0; i < count; i++)
		c->codes[i] = e.bytes[i] == 255 ? c->codes[next++] : e.hot[e.bytes[i]];
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

static bool read_dict_codes(struct hin_column_data *c, struct hin_reader *in)
{
	uint32_t count = c->part.count;
	const uint8_t *bytes;

	switch (c->part.codes) {
	case HIN_CODES_PACKED:
		if (in->left != hin_packed_size(count, c->part.width))
			return false;
		hin_unpack(c->codes, in->pos, count, c->part.width);
		break;
	case HIN_CODES_BYTES:
		bytes = hin_read_bytes(in, count);
		if (bytes == NULL)
			return false;
		for (uint32_t i = 0; i < count; i++)
			c->codes[i] = bytes[i];
		break;
	default:
		if (!read_escaped(c, in))
			return false;
	}
	return codes_fit(c->codes, count, c->part.distinct);
}

static bool read_wide(struct hin_column_data *c, struct hin_reader *in)
{
	uint32_t *low = c->codes, *high = c->counts;
	uint64_t limit = (c->part.max - c->part.base) / c->part.scale;
	bool bad = false;

	if (!hin_patched_read(in, low, c->part.count) ||
	    !hin_patched_read(in, high, c->part.count) || in->left > 0)
		return false;
	for (uint32_t i = 0; i < c->part.count; i++) {
		c->wide[i] = (uint64_t)high[i] << 32 | low[i];
		bad |= c->wide[i] > limit;
	}
	return !bad;
}

/* No number may lie above the greatest, with which filters have judged. */
static bool offsets_fit(const struct hin_column_data *c)
{
	uint64_t limit = (c->part.max - c->part.base) / c->part.scale;

	return limit >= UINT32_MAX || codes_fit(c->codes, c->part.count, (uint32_t)limit + 1);
}

static bool room_for_codes(struct hin_column_data *c)
{
	if (!numbers(&c->codes) || (c->part.shape == HIN_SHAPE_WIDE && !numbers(&c->counts)))
		return false;
	if (c->part.shape == HIN_SHAPE_WIDE && c->wide == NULL)
		c->wide = malloc(HIN_COLUMN_ROWS * sizeof(*c->wide));
	return c->part.shape != HIN_SHAPE_WIDE || c->wide != NULL;
}

enum hin_code hin_column_read_codes(struct hin_column_data *c)
{
	struct hin_reader in = hin_reader_of(c->data.bytes, c->data.size);
	bool good;

	if (c->part.shape == HIN_SHAPE_CONST) {
		c->have_codes = true;
		return HIN_OK;
	}
	if (!c->data.have)
		return HIN_EFORMAT;
	if (c->part.shape == HIN_SHAPE_BYTES) {
		c->bytes = c->data.bytes;
		c->have_codes = true;
		return HIN_OK;
	}
	if (!room_for_codes(c))
		return HIN_ENOMEM;
	switch (c->part.shape) {
	case HIN_SHAPE_DICT:
		good = read_dict_codes(c, &in);
		break;
	case HIN_SHAPE_OFFSETS:
		good = hin_patched_read(&in, c->codes, c->part.count) && in.left == 0 &&
		       offsets_fit(c);
		break;
	default:
		good = read_wide(c, &in);
		break;
	}
	c->have_codes = good;
	return good ? HIN_OK : HIN_EFORMAT;
}

/* ---- some rows ---- */

static bool pick_escaped(const struct hin_column_data *c, struct hin_reader *in,
			 const uint32_t *rows, size_t count, uint32_t *out)
{
	uint32_t at = 0, rest = 0;
	struct escaped e;

	if (!open_escaped(c, in, &e))
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t row = rows[i];

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

/* Codes of the rows into `out`. */
static bool pick_codes(const struct hin_column_data *c, struct hin_reader *in, const uint32_t *rows,
		       size_t count, uint32_t *out)
{
	const uint8_t *bytes;
	unsigned width = c->part.width;

	switch (c->part.codes) {
	case HIN_CODES_PACKED:
		if (in->left != hin_packed_size(c->part.count, width))
			return false;
		for (size_t i = 0; i < count; i++)
			out[i] = width > 0 ? hin_unpack_one(in->pos, rows[i], width) : 0;
		break;
	case HIN_CODES_BYTES:
		bytes = hin_read_bytes(in, c->part.count);
		if (bytes == NULL)
			return false;
		for (size_t i = 0; i < count; i++)
			out[i] = bytes[rows[i]];
		break;
	default:
		if (!pick_escaped(c, in, rows, count, out))
			return false;
	}
	return codes_fit(out, count, c->part.distinct);
}

static enum hin_code pick_dict(struct hin_column_data *c, struct hin_reader *in,
			       const uint32_t *rows, size_t count, uint32_t *codes, uint64_t *out)
{
	enum hin_code code = HIN_OK;
	uint32_t range, value;

	if (c->have_codes)
		for (size_t i = 0; i < count; i++)
			codes[i] = c->codes[rows[i]];
	else if (!pick_codes(c, in, rows, count, codes))
		return HIN_EFORMAT;
	if (!c->have_summary && count > SELECT_MOST)
		code = hin_column_read_summary(c);
	if (code != HIN_OK || !dict_range(&c->part, &range))
		return code != HIN_OK ? code : HIN_EFORMAT;
	for (size_t i = 0; i < count; i++) {
		struct hin_reader summary = hin_reader_of(c->summary.bytes, c->summary.size);

		if (c->have_summary)
			value = c->dict[codes[i]];
		else if (!hin_ascending_at(&summary, c->part.distinct, range, codes[i], &value))
			return HIN_EFORMAT;
		out[i] = c->part.base + c->part.scale * value;
	}
	return HIN_OK;
}

/* OFFSETS and WIDE; `low` and `high` have room for `count`. */
static bool pick_offsets(const struct hin_column_data *c, struct hin_reader *in,
			 const uint32_t *rows, size_t count, uint32_t *low, uint32_t *high,
			 uint64_t *out)
{
	uint64_t limit = (c->part.max - c->part.base) / c->part.scale;
	bool wide = c->part.shape == HIN_SHAPE_WIDE;

	if (!hin_patched_pick(in, c->part.count, rows, count, low) ||
	    (wide && !hin_patched_pick(in, c->part.count, rows, count, high)) || in->left > 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint64_t value = wide ? (uint64_t)high[i] << 32 | low[i] : low[i];

		if (value > limit)
			return false;
		out[i] = c->part.base + c->part.scale * value;
	}
	return true;
}

enum hin_code hin_column_pick(struct hin_column_data *c, const uint32_t *rows, size_t count,
			      uint64_t *out)
{
	struct hin_reader in = hin_reader_of(c->data.bytes, c->data.size);
	enum hin_code code = HIN_OK;
	uint32_t *some;

	if (c->part.shape == HIN_SHAPE_CONST ||
	    (c->have_codes && (c->have_summary || c->part.shape != HIN_SHAPE_DICT))) {
		for (size_t i = 0; i < count; i++)
			out[i] = hin_column_at(c, rows[i]);
		return HIN_OK;
	}
	if ((!c->data.have && !c->have_codes) || c->part.shape == HIN_SHAPE_BYTES)
		return HIN_EFORMAT;
	some = malloc(2 * (count + 1) * sizeof(*some));
	if (some == NULL)
		return HIN_ENOMEM;
	if (c->part.shape == HIN_SHAPE_DICT)
		code = pick_dict(c, &in, rows, count, some, out);
	else if (!pick_offsets(c, &in, rows, count, some, some + count, out))
		code = HIN_EFORMAT;
	free(some);
	return code;
}
