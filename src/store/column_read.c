/* column_read - a column's numbers out of its pieces; see column_priv.h */
#include <stdlib.h>
#include <string.h>

#include "store/column_priv.h"

void hin_column_fini(struct hin_column_data *c)
{
	free(c->codes);
	free(c->dict);
	free(c->counts);
	free(c->wide);
	free(c->bytes);
	*c = (struct hin_column_data){ 0 };
}

void hin_column_start(struct hin_column_data *c, const struct hin_part *part)
{
	c->part = *part;
	c->have_summary = c->have_codes = false;
}

/* Room for a full column, kept for the next one. */
static bool numbers(uint32_t **at)
{
	if (*at == NULL)
		*at = malloc((HIN_COLUMN_ROWS + HIN_COLUMN_SLACK) * sizeof(**at));
	return *at != NULL;
}

/* Unpack a piece into `c->bytes`, or let it be read where it is. */
static enum hin_code unpack(struct hin_column_data *c, ZSTD_DCtx *zstd, bool packed, uint32_t raw,
			    const uint8_t *piece, size_t size, struct hin_reader *out)
{
	if (!packed) {
		if (raw != size)
			return HIN_EFORMAT;
		*out = hin_reader_of(piece, size);
		return HIN_OK;
	}
	if (c->bytes_size < (size_t)raw + HIN_COLUMN_SLACK) {
		uint8_t *more = realloc(c->bytes, (size_t)raw + HIN_COLUMN_SLACK);

		if (more == NULL)
			return HIN_ENOMEM;
		c->bytes = more;
		c->bytes_size = (size_t)raw + HIN_COLUMN_SLACK;
	}
	if (ZSTD_decompressDCtx(zstd, c->bytes, raw, piece, size) != raw)
		return HIN_EFORMAT;
	memset(c->bytes + raw, 0, HIN_COLUMN_SLACK);
	*out = hin_reader_of(c->bytes, raw);
	return HIN_OK;
}

enum hin_code hin_column_read_summary(struct hin_column_data *c, ZSTD_DCtx *zstd,
				      const uint8_t *piece, size_t size)
{
	const struct hin_part *p = &c->part;
	uint64_t range = (p->max - p->base) / p->scale, rows = 0;
	struct hin_reader in;
	enum hin_code code;

	if (p->shape != HIN_SHAPE_DICT || range > UINT32_MAX)
		return HIN_EFORMAT;
	if (!numbers(&c->dict) || !numbers(&c->counts))
		return HIN_ENOMEM;
	code = unpack(c, zstd, p->zstd_summary, p->summary_raw, piece, size, &in);
	if (code != HIN_OK)
		return code;
	if (!hin_ascending_read(&in, c->dict, p->distinct, (uint32_t)range) ||
	    !hin_patched_read(&in, c->counts, p->distinct))
		return HIN_EFORMAT;
	for (uint32_t i = 0; i < p->distinct; i++)
		rows += ++c->counts[i];
	if (rows != p->count)
		return HIN_EFORMAT;
	c->have_summary = true;
	return HIN_OK;
}

static enum hin_code read_escaped(struct hin_column_data *c, struct hin_reader *in)
{
	uint32_t hot[256], count = c->part.count, rest = 0;
	uint8_t hot_count = hin_read_u8(in);
	const uint8_t *bytes;

	memset(hot, 0, sizeof(hot));
	for (size_t i = 0; i < hot_count; i++)
		hot[i] = hin_read_le32(in);
	bytes = hin_read_bytes(in, count);
	if (bytes == NULL)
		return HIN_EFORMAT;
	for (uint32_t i = 0; i < count; i++)
		rest += bytes[i] == 255;
	if (in->left != hin_packed_size(rest, c->part.width))
		return HIN_EFORMAT;
	/* the rest is unpacked where it is used up before it is overwritten: from the end of codes
	 */
	hin_unpack(c->codes + (count - rest), in->pos, rest, c->part.width);
	for (uint32_t i = 0, next = count - rest; i < count; i++)
		c->codes[i] = bytes[i] == 255 ? c->codes[next++] : hot[bytes[i]];
	return HIN_OK;
}

/* No code may lie outside of the dictionary. */
static bool codes_fit(const struct hin_column_data *c)
{
	uint32_t bad = 0, limit = c->part.distinct;

	for (uint32_t i = 0; i < c->part.count; i++)
		bad |= c->codes[i] >= limit;
	return bad == 0;
}

static enum hin_code read_dict_codes(struct hin_column_data *c, struct hin_reader *in)
{
	uint32_t count = c->part.count;
	const uint8_t *bytes;
	enum hin_code code;

	switch (c->part.codes) {
	case HIN_CODES_PACKED:
		if (in->left != hin_packed_size(count, c->part.width))
			return HIN_EFORMAT;
		hin_unpack(c->codes, in->pos, count, c->part.width);
		break;
	case HIN_CODES_BYTES:
		bytes = hin_read_bytes(in, count);
		if (bytes == NULL)
			return HIN_EFORMAT;
		for (uint32_t i = 0; i < count; i++)
			c->codes[i] = bytes[i];
		break;
	default:
		code = read_escaped(c, in);
		if (code != HIN_OK)
			return code;
	}
	return codes_fit(c) ? HIN_OK : HIN_EFORMAT;
}

static enum hin_code read_wide(struct hin_column_data *c, struct hin_reader *in)
{
	uint32_t *low = c->codes, *high = c->counts;
	uint64_t limit = (c->part.max - c->part.base) / c->part.scale;
	bool bad = false;

	if (!hin_patched_read(in, low, c->part.count) ||
	    !hin_patched_read(in, high, c->part.count) || in->left > 0)
		return HIN_EFORMAT;
	for (uint32_t i = 0; i < c->part.count; i++) {
		c->wide[i] = (uint64_t)high[i] << 32 | low[i];
		bad |= c->wide[i] > limit;
	}
	return bad ? HIN_EFORMAT : HIN_OK;
}

/* No number may lie above the greatest, with which filters have judged. */
static bool offsets_fit(const struct hin_column_data *c)
{
	uint64_t limit = (c->part.max - c->part.base) / c->part.scale;
	uint32_t bad = 0;

	for (uint32_t i = 0; i < c->part.count; i++)
		bad |= c->codes[i] > limit;
	return bad == 0;
}

enum hin_code hin_column_read_codes(struct hin_column_data *c, ZSTD_DCtx *zstd,
				    const uint8_t *piece, size_t size)
{
	struct hin_reader in;
	enum hin_code code;

	if (c->part.shape == HIN_SHAPE_CONST) {
		c->have_codes = true;
		return HIN_OK;
	}
	if (c->part.shape == HIN_SHAPE_BYTES && !c->part.zstd_codes) {
		/* items are always read from `bytes` */
		if (c->bytes_size < size + HIN_COLUMN_SLACK) {
			uint8_t *more = realloc(c->bytes, size + HIN_COLUMN_SLACK);

			if (more == NULL)
				return HIN_ENOMEM;
			c->bytes = more;
			c->bytes_size = size + HIN_COLUMN_SLACK;
		}
		if (size != c->part.bytes_raw)
			return HIN_EFORMAT;
		memcpy(c->bytes, piece, size);
		memset(c->bytes + size, 0, HIN_COLUMN_SLACK);
		c->have_codes = true;
		return HIN_OK;
	}
	if (!numbers(&c->codes) || (c->part.shape == HIN_SHAPE_WIDE && !numbers(&c->counts)))
		return HIN_ENOMEM;
	if (c->part.shape == HIN_SHAPE_WIDE && c->wide == NULL) {
		c->wide = malloc(HIN_COLUMN_ROWS * sizeof(*c->wide));
		if (c->wide == NULL)
			return HIN_ENOMEM;
	}
	code = unpack(c, zstd, c->part.zstd_codes, c->part.bytes_raw, piece, size, &in);
	if (code != HIN_OK)
		return code;
	switch (c->part.shape) {
	case HIN_SHAPE_DICT:
		code = read_dict_codes(c, &in);
		break;
	case HIN_SHAPE_OFFSETS:
		code = hin_patched_read(&in, c->codes, c->part.count) && in.left == 0 &&
				       offsets_fit(c)
			       ? HIN_OK
			       : HIN_EFORMAT;
		break;
	case HIN_SHAPE_WIDE:
		code = read_wide(c, &in);
		break;
	default:
		break;
	}
	c->have_codes = code == HIN_OK;
	return code;
}
