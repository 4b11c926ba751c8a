/* column_write - choose how a column is written, and write it; see column_priv.h */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/column_priv.h"

#define NARROW 65536u /* ranges below are counted in a histogram instead of sorted */
#define LEVEL 1	      /* of zstd: what is left to gain by more is little, and costs much */

enum hin_code hin_coder_init(struct hin_coder *c, struct hin_error *err)
{
	*c = (struct hin_coder){ .zstd = ZSTD_createCCtx() };
	c->offsets = malloc(HIN_COLUMN_ROWS * sizeof(*c->offsets));
	c->high = malloc(HIN_COLUMN_ROWS * sizeof(*c->high));
	c->codes = malloc(HIN_COLUMN_ROWS * sizeof(*c->codes));
	c->dict = malloc(HIN_COLUMN_ROWS * sizeof(*c->dict));
	c->counts = malloc(HIN_COLUMN_ROWS * sizeof(*c->counts));
	c->histogram = calloc(HIN_COLUMN_ROWS, sizeof(*c->histogram));
	c->sort = malloc(HIN_COLUMN_ROWS * sizeof(*c->sort) * 2);
	c->packed_size = ZSTD_compressBound(HIN_COLUMN_ROWS * sizeof(uint32_t));
	c->packed = malloc(c->packed_size);
	if (c->zstd == NULL || c->offsets == NULL || c->high == NULL || c->codes == NULL ||
	    c->dict == NULL || c->counts == NULL || c->histogram == NULL || c->sort == NULL ||
	    c->packed == NULL) {
		hin_coder_fini(c);
		return hin_fail(err, HIN_ENOMEM, "no room to write columns");
	}
	for (unsigned i = 1; i < HIN_COUNT(c->small); i++)
		c->small[i] = i * log2(i);
	return HIN_OK;
}

void hin_coder_fini(struct hin_coder *c)
{
	if (c == NULL)
		return;
	ZSTD_freeCCtx(c->zstd);
	free(c->offsets);
	free(c->high);
	free(c->codes);
	free(c->dict);
	free(c->counts);
	free(c->histogram);
	free(c->sort);
	free(c->packed);
	hin_buffer_fini(&c->piece);
	*c = (struct hin_coder){ 0 };
}

/* ---- loading: least, greatest, and offsets from the least ---- */

static void loaded(struct hin_coder *c, size_t count, uint64_t base, uint64_t max, uint64_t sum)
{
	c->count = count;
	c->base = base;
	c->max = max;
	c->sum = sum;
	c->scale = 1;
	c->wide = false;
	c->distinct = 0;
}

#define LOAD(name, type)                                                                           \
	void name(struct hin_coder *c, const type *values, size_t count)                           \
	{                                                                                          \
		type least = values[0], most = values[0];                                          \
		uint64_t sum = 0;                                                                  \
                                                                                                   \
		for (size_t i = 0; i < count; i++) {                                               \
			least = values[i] < least ? values[i] : least;                             \
			most = values[i] > most ? values[i] : most;                                \
			sum += values[i];                                                          \
		}                                                                                  \
		loaded(c, count, least, most, sum);                                                \
		for (size_t i = 0; i < count; i++)                                                 \
			c->offsets[i] = (uint32_t)(values[i] - least);                             \
	}

LOAD(hin_coder_load_u8, uint8_t)
LOAD(hin_coder_load_u16, uint16_t)
LOAD(hin_coder_load_u32, uint32_t)
#undef LOAD

/* Times and durations are often whole seconds or minutes: the greatest such unit of all. */
static uint64_t common_scale(const uint64_t *values, size_t count, uint64_t base)
{
	static const uint64_t units[] = { 60000000, 1000000, 1000 };

	for (size_t u = 0; u < HIN_COUNT(units); u++) {
		size_t i = 0;

		while (i < count && (values[i] - base) % units[u] == 0)
			i++;
		if (i == count)
			return units[u];
	}
	return 1;
}

void hin_coder_load_u64(struct hin_coder *c, const uint64_t *values, size_t count)
{
	uint64_t least = values[0], most = values[0], sum = 0, scale = 1;

	for (size_t i = 0; i < count; i++) {
		least = values[i] < least ? values[i] : least;
		most = values[i] > most ? values[i] : most;
		sum += values[i];
	}
	loaded(c, count, least, most, sum);
	if (most - least >= 60000000)
		scale = common_scale(values, count, least);
	c->scale = scale;
	c->wide = (most - least) / scale > UINT32_MAX;
	if (scale > 1) {
		for (size_t i = 0; i < count; i++) {
			uint64_t offset = (values[i] - least) / scale;

			c->offsets[i] = (uint32_t)offset;
			c->high[i] = (uint32_t)(offset >> 32);
		}
		return;
	}
	for (size_t i = 0; i < count; i++)
		c->offsets[i] = (uint32_t)(values[i] - least);
	for (size_t i = 0; c->wide && i < count; i++)
		c->high[i] = (uint32_t)((values[i] - least) >> 32);
}

/* ---- distinct values ---- */

static void distinct_narrow(struct hin_coder *c, uint32_t range)
{
	uint32_t *histogram = c->histogram;
	uint32_t d = 0;

	for (size_t i = 0; i < c->count; i++)
		histogram[c->offsets[i]]++;
	for (uint32_t v = 0; v <= range; v++) {
		uint32_t n = histogram[v];

		c->dict[d] = v;
		c->counts[d] = n;
		histogram[v] = d;
		d += n > 0;
		if (d == HIN_COLUMN_ROWS)
			break;
	}
	for (size_t i = 0; i < c->count; i++)
		c->codes[i] = histogram[c->offsets[i]];
	memset(histogram, 0, ((size_t)range + 1) * sizeof(*histogram));
	c->distinct = d;
}

/* Sort (value, row) by value, 11 bits a pass; a pass that would move nothing is left out. */
static const uint64_t *sort_rows(struct hin_coder *c)
{
	uint64_t *from = c->sort, *to = c->sort + HIN_COLUMN_ROWS;
	uint32_t counts[3][2048] = { { 0 } };

	for (size_t i = 0; i < c->count; i++) {
		uint32_t v = c->offsets[i];

		from[i] = (uint64_t)v << 32 | i;
		counts[0][v & 2047]++;
		counts[1][v >> 11 & 2047]++;
		counts[2][v >> 22]++;
	}
	for (unsigned pass = 0; pass < 3; pass++) {
		unsigned shift = 32 + 11 * pass;
		uint32_t *at = counts[pass], sum = 0;
		uint64_t *swap;

		if (at[from[0] >> shift & 2047] == c->count)
			continue;
		for (size_t b = 0; b < 2048; b++) {
			uint32_t n = at[b];

			at[b] = sum;
			sum += n;
		}
		for (size_t i = 0; i < c->count; i++)
			to[at[from[i] >> shift & 2047]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	return from;
}

void hin_coder_distinct(struct hin_coder *c)
{
	uint64_t range = (c->max - c->base) / c->scale;
	const uint64_t *sorted;
	uint32_t d = 0;

	if (range < NARROW) {
		distinct_narrow(c, (uint32_t)range);
		return;
	}
	sorted = sort_rows(c);
	c->counts[0] = 0;
	c->dict[0] = (uint32_t)(sorted[0] >> 32);
	for (size_t i = 0; i < c->count; i++) {
		uint32_t v = (uint32_t)(sorted[i] >> 32);

		if (v != c->dict[d]) {
			d++;
			c->dict[d] = v;
			c->counts[d] = 0;
		}
		c->counts[d]++;
		c->codes[(uint32_t)sorted[i]] = d;
	}
	c->distinct = d + 1u;
}

/* ---- pieces ---- */

struct piece {
	uint32_t stored, raw, sum;
	bool zstd;
};

/* Append `size` bytes, packed by zstd when `compress` and that helps. */
static struct piece put_piece(struct hin_coder *c, struct hin_buffer *out, const void *bytes,
			      size_t size, bool compress)
{
	struct piece p = { .stored = (uint32_t)size, .raw = (uint32_t)size };

	if (compress && size > 64) {
		size_t bound = ZSTD_compressBound(size), packed;

		if (bound > c->packed_size) {
			uint8_t *more = realloc(c->packed, bound);

			if (more == NULL) {
				out->failed = true;
				return p;
			}
			c->packed = more;
			c->packed_size = bound;
		}
		packed = ZSTD_compressCCtx(c->zstd, c->packed, c->packed_size, bytes, size, LEVEL);
		if (!ZSTD_isError(packed) && packed < size - size / 32) {
			p.stored = (uint32_t)packed;
			p.zstd = true;
			bytes = c->packed;
		}
	}
	p.sum = hin_sum(bytes, p.stored);
	hin_buffer_add(out, bytes, p.stored);
	return p;
}

static void put_summary(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part)
{
	struct piece p;

	hin_buffer_reset(&c->piece);
	hin_ascending_write(&c->piece, c->dict, c->distinct, c->dict[c->distinct - 1]);
	for (size_t i = 0; i < c->distinct; i++)
		c->counts[i]--; /* each occurs, most of them once */
	hin_patched_write(&c->piece, c->counts, c->distinct);
	for (size_t i = 0; i < c->distinct; i++)
		c->counts[i]++;
	out->failed |= c->piece.failed;
	p = put_piece(c, out, c->piece.data, c->piece.used, false);
	part->summary = p.stored;
	part->summary_raw = p.raw;
	part->summary_sum = p.sum;
	part->zstd_summary = p.zstd;
}

/* ---- the choice ---- */

/* Bits that an entropy coder needs for the codes. */
static double entropy_bits(const struct hin_coder *c)
{
	double n = (double)c->count, sum = 0;
	for (size_t i = 0; i < c->distinct; i++) {
		uint32_t k = c->counts[i];

		sum += k < HIN_COUNT(c->small) ? c->small[k] : k * log2(k);
	}
	return n * log2(n) - sum;
}

/* The 255 most frequent codes into `hot`; the rest stay as they are. */
static size_t frequent(const struct hin_coder *c, uint32_t hot[255])
{
	uint32_t limit = 1, have[33] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < c->distinct; i++)
		have[hin_bits(c->counts[i])]++;
	for (unsigned bits = 32, sum = 0; bits > 0; bits--) {
		sum += have[bits];
		if (sum > 255) {
			limit = bits < 32 ? 1u << bits : UINT32_MAX;
			break;
		}
	}
	for (size_t i = 0; n < 255 && i < c->distinct; i++)
		if (c->counts[i] >= limit)
			hot[n++] = (uint32_t)i;
	for (size_t i = 0; n < 255 && i < c->distinct; i++)
		if (c->counts[i] < limit && c->counts[i] >= limit / 2)
			hot[n++] = (uint32_t)i;
	return n;
}

/* One byte for a frequent code, 255 and packed bits at the end for the rest. */
static void add_escaped(struct hin_coder *c, size_t from, size_t count, unsigned width)
{
	uint32_t *rest = c->high;
	size_t rest_count = 0;
	uint8_t *at = (uint8_t *)hin_buffer_reserve(&c->piece, count + (count * width + 7) / 8 +
								       HIN_COLUMN_SLACK);

	if (at == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		uint32_t rank = c->histogram[c->codes[from + i]];

		at[i] = (uint8_t)(rank - 1);
		rest[rest_count] = c->codes[from + i];
		rest_count += rank == 0;
	}
	hin_pack(at + count, rest, rest_count, width);
	hin_buffer_commit(&c->piece, count + hin_packed_size(rest_count, width));
}

static void add_bytes(struct hin_coder *c, size_t from, size_t count)
{
	uint8_t *at = (uint8_t *)hin_buffer_reserve(&c->piece, count);

	if (at == NULL)
		return;
	for (size_t i = 0; i < count; i++)
		at[i] = (uint8_t)c->codes[from + i];
	hin_buffer_commit(&c->piece, count);
}

static void add_packed(struct hin_coder *c, size_t from, size_t count, unsigned width)
{
	size_t size = hin_packed_size(count, width);
	uint8_t *at = (uint8_t *)hin_buffer_reserve(&c->piece, size + HIN_COLUMN_SLACK);

	if (at == NULL)
		return;
	hin_pack(at, c->codes + from, count, width);
	hin_buffer_commit(&c->piece, size);
}

/* Some rows, as the part says, to `c->piece`. */
static void add_rows(struct hin_coder *c, const struct hin_part *part, size_t from, size_t count)
{
	if (part->shape == HIN_SHAPE_DICT && part->codes == HIN_CODES_ESCAPE)
		add_escaped(c, from, count, part->width);
	else if (part->shape == HIN_SHAPE_DICT && part->codes == HIN_CODES_BYTES)
		add_bytes(c, from, count);
	else if (part->shape == HIN_SHAPE_DICT)
		add_packed(c, from, count, part->width);
	else
		hin_patched_write(&c->piece, c->offsets + from, count);
	if (part->shape == HIN_SHAPE_WIDE)
		hin_patched_write(&c->piece, c->high + from, count);
}

/* The frequent codes, to `out`; `c->histogram` is set by them. */
static void add_hot(struct hin_coder *c, const uint32_t *hot, size_t count, struct hin_buffer *out)
{
	uint8_t bytes[HIN_STRETCH_HOT] = { (uint8_t)count };

	for (size_t i = 0; i < count; i++) {
		uint32_t code = HIN_LE32(hot[i]);

		c->histogram[hot[i]] = (uint32_t)i + 1;
		memcpy(bytes + 1 + i * 4, &code, 4);
	}
	hin_buffer_add(out, bytes, 1 + 4 * count);
}

/* All rows as one piece. */
static void put_whole(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
		      const uint32_t *hot, size_t hot_count, bool compress)
{
	struct piece p;

	hin_buffer_reset(&c->piece);
	if (hot != NULL)
		add_hot(c, hot, hot_count, &c->piece);
	add_rows(c, part, 0, c->count);
	out->failed |= c->piece.failed;
	if (out->failed)
		return;
	p = put_piece(c, out, c->piece.data, c->piece.used, compress);
	part->bytes = p.stored;
	part->bytes_raw = p.raw;
	part->bytes_sum = p.sum;
	part->zstd_codes = p.zstd;
}

/* A directory, and the rows in stretches. */
static void put_divided(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
			const uint32_t *hot, size_t hot_count, bool compress)
{
	size_t count = (c->count + HIN_STRETCH_ROWS - 1) / HIN_STRETCH_ROWS, start = out->used;
	uint8_t entries[HIN_STRETCHES_MAX * HIN_STRETCH_ENTRY];
	struct hin_writer to = hin_writer_of(entries, sizeof(entries));

	part->stretch = HIN_STRETCH_ROWS;
	hin_buffer_fill(out, 0, count * HIN_STRETCH_ENTRY);
	if (hot != NULL)
		add_hot(c, hot, hot_count, out);
	part->directory = (uint32_t)(out->used - start);
	for (size_t from = 0; from < c->count && !out->failed; from += HIN_STRETCH_ROWS) {
		size_t left = c->count - from;
		struct piece p;

		hin_buffer_reset(&c->piece);
		add_rows(c, part, from, left < HIN_STRETCH_ROWS ? left : HIN_STRETCH_ROWS);
		out->failed |= c->piece.failed;
		if (out->failed)
			return;
		p = put_piece(c, out, c->piece.data, c->piece.used, compress);
		hin_write_le32(&to, p.stored | (uint32_t)p.zstd << 31);
		hin_write_le32(&to, p.raw);
		hin_write_le32(&to, p.sum);
		part->bytes_raw += p.raw;
	}
	if (out->failed)
		return;
	memcpy(out->data + start, entries, count * HIN_STRETCH_ENTRY);
	part->bytes = (uint32_t)(out->used - start);
	part->bytes_sum = hin_sum(out->data + start, part->directory);
}

static void put_codes(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
		      bool compress)
{
	bool escape = part->shape == HIN_SHAPE_DICT && part->codes == HIN_CODES_ESCAPE;
	uint32_t hot[255];
	size_t hot_count = escape ? frequent(c, hot) : 0;

	if (c->count > HIN_STRETCH_ROWS)
		put_divided(c, out, part, escape ? hot : NULL, hot_count, compress);
	else
		put_whole(c, out, part, escape ? hot : NULL, hot_count, compress);
	for (size_t i = 0; i < hot_count; i++)
		c->histogram[hot[i]] = 0;
}

static void write_dict(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
		       double entropy)
{
	unsigned width = hin_bits(c->distinct - 1);
	double packed = (double)width * (double)c->count;
	bool skewed = entropy < 0.9 * packed;

	part->shape = HIN_SHAPE_DICT;
	part->distinct = (uint32_t)c->distinct;
	put_summary(c, out, part);
	part->codes = HIN_CODES_PACKED;
	if (c->distinct <= 16) {
		/* so that codes keep their places in bytes, and runs of rows are runs of bytes */
		width = width == 3 ? 4 : width;
		skewed = true;
	} else if (skewed && c->distinct <= 256) {
		part->codes = HIN_CODES_BYTES;
	} else if (skewed && c->distinct <= 16384) {
		part->codes = HIN_CODES_ESCAPE;
	} else {
		skewed = false;
	}
	part->width = (uint8_t)width;
	put_codes(c, out, part, skewed);
}

static void start_part(const struct hin_coder *c, const struct hin_buffer *out,
		       struct hin_part *part)
{
	*part = (struct hin_part){ .id = part->id,
				   .count = (uint32_t)c->count,
				   .base = c->base,
				   .max = c->max,
				   .scale = c->scale,
				   .sum = c->sum,
				   .offset = (uint32_t)out->used };
}

void hin_coder_write(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part)
{
	uint64_t range = (c->max - c->base) / c->scale;
	double entropy, dict, offsets;

	start_part(c, out, part);
	if (range == 0) {
		part->shape = HIN_SHAPE_CONST;
		return;
	}
	if (c->wide) {
		part->shape = HIN_SHAPE_WIDE;
		put_codes(c, out, part, true);
		return;
	}
	if (c->distinct == 0)
		hin_coder_distinct(c);
	entropy = entropy_bits(c);
	offsets = 8.0 * (double)hin_patched_size(c->offsets, c->count);
	/* about: a gap and a count of each value */
	dict = entropy + (double)c->distinct * (3.5 + log2((double)range / (double)c->distinct));
	if (dict < 1.03 * offsets) {
		write_dict(c, out, part, entropy);
		return;
	}
	part->shape = HIN_SHAPE_OFFSETS;
	put_codes(c, out, part, false);
}

void hin_coder_write_blob(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
			  const void *bytes, size_t size, size_t count, bool compress)
{
	struct piece p = put_piece(c, out, bytes, size, compress);

	*part = (struct hin_part){ .id = part->id,
				   .shape = HIN_SHAPE_BYTES,
				   .count = (uint32_t)count,
				   .scale = 1,
				   .offset = (uint32_t)(out->used - p.stored),
				   .bytes = p.stored,
				   .bytes_raw = p.raw,
				   .bytes_sum = p.sum,
				   .zstd_codes = p.zstd };
}

void hin_coder_write_bytes(struct hin_coder *c, struct hin_buffer *out, struct hin_part *part,
			   const void *items, size_t count, size_t width)
{
	hin_coder_write_blob(c, out, part, items, count * width, count, true);
	part->width = (uint8_t)width;
}
