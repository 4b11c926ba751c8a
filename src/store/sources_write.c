/* sources_write - make the index of the sources of a file; see sources_priv.h */
#include <stdlib.h>

#include "store/sources_priv.h"

#define PAIRS ((size_t)1 << 20) /* of 16 bytes that are sorted at a time */
#define SAMPLES 2048u		/* of each such window, to choose where it begins */
#define PUT ((size_t)1 << 20)	/* bytes put at a time */

struct sources {
	const struct hin_sources_out *out;
	struct hin_block_reader *reader;
	const struct hin_heads *heads;
	int fd;
	const char *name;
	uint32_t blocks;
	uint8_t untold[HIN_SOURCES_BLOCKS]; /* 1: of that block nothing is told */
	uint32_t one;			    /* the dictionary of a block with one source */
	size_t pairs_most, stride;
	uint32_t *samples; /* addresses that divide the work into windows */
	size_t sample_count;
	uint64_t *pairs, *sorted; /* address << 16 | block */
	size_t pair_count, pair_room;
	struct hin_buffer bytes;     /* pages that are not put yet */
	struct hin_buffer directory; /* then blocks and trailer */
	uint64_t put;		     /* bytes before `bytes` */
	uint32_t pages;
	/* the page that is being filled */
	uint32_t count, address[HIN_SOURCES_PAGE], lengths[HIN_SOURCES_PAGE];
	uint64_t bits;
	uint8_t *packed; /* HIN_SOURCES_PAGE * HIN_SOURCES_BLOCKS bits, and slack */
};

static enum hin_code no_room(const struct sources *s, struct hin_error *err)
{
	return hin_fail(err, HIN_ENOMEM, "no room for the index of sources of %s", s->name);
}

/* How many sources the dictionary of a block has; what is no dictionary may say anything. */
static uint32_t dictionary_size(const struct hin_block_head *head)
{
	const struct hin_part *p = hin_block_part(head, HIN_PART_OF(HIN_FIELD_SRC, HIN_PART_DATA));

	return p != NULL && p->shape == HIN_SHAPE_DICT ? p->distinct : 0;
}

/* The sources of a block, ascending, less `*base`; none when it is not told of. */
static enum hin_code load_block(struct sources *s, uint32_t block, const uint32_t **values,
				size_t *count, uint64_t *base, struct hin_error *err)
{
	const struct hin_block_ref *ref = &s->heads->refs[block];
	const struct hin_part *family =
		hin_block_part(&ref->head, HIN_PART_OF(HIN_FIELD_SRC, HIN_PART_NUMBER));
	const struct hin_part *data =
		hin_block_part(&ref->head, HIN_PART_OF(HIN_FIELD_SRC, HIN_PART_DATA));
	const struct hin_column_data *c;
	enum hin_code code;

	*count = 0;
	if (s->out->stopped(s->out->user))
		return hin_fail(err, HIN_EDENIED, "%s: stopped", s->name);
	if (family == NULL || s->untold[block])
		return HIN_OK;
	*base = data != NULL ? data->base : 0;
	if (data != NULL && family->max <= 4 && data->shape == HIN_SHAPE_CONST) {
		*values = &s->one;
		*count = 1;
		return HIN_OK;
	}
	if (data == NULL || family->max > 4 || data->shape != HIN_SHAPE_DICT || data->scale != 1) {
		s->untold[block] = 1;
		return HIN_OK;
	}
	hin_block_reader_start(s->reader, s->fd, s->name, ref->offset, &ref->head);
	code = hin_block_dictionary(s->reader, data->id, &c, err);
	if (hin_is_damage(code)) {
		s->untold[block] = 1;
		return HIN_OK;
	}
	if (code == HIN_OK) {
		*values = c->dict;
		*count = data->distinct;
	}
	return code;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Look at some sources of each block, evenly, and choose where windows begin. */
static enum hin_code choose_windows(struct sources *s, uint64_t total, struct hin_error *err)
{
	size_t room = (size_t)(total / s->stride) + s->blocks + 1, kept = 0;
	size_t every = s->pairs_most / s->stride;

	s->samples = malloc(room * sizeof(*s->samples));
	if (s->samples == NULL)
		return no_room(s, err);
	for (uint32_t b = 0; b < s->blocks; b++) {
		const uint32_t *values;
		uint64_t base;
		size_t count;
		enum hin_code code = load_block(s, b, &values, &count, &base, err);

		if (code != HIN_OK)
			return code;
		for (size_t i = s->stride; i < count && s->sample_count < room; i += s->stride)
			s->samples[s->sample_count++] = (uint32_t)(base + values[i]);
	}
	qsort(s->samples, s->sample_count, sizeof(*s->samples), by_number);
	for (size_t i = every; i < s->sample_count; i += every)
		if (kept == 0 || s->samples[i] > s->samples[kept - 1])
			s->samples[kept++] = s->samples[i];
	s->sample_count = kept;
	return HIN_OK;
}

/* The first of ascending `values` that is not below `value`. */
static size_t find(const uint32_t *values, size_t count, uint64_t value)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (values[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool more_pairs(struct sources *s, size_t more)
{
	size_t room = (s->pair_count + more) * 5 / 4;
	uint64_t *pairs, *sorted;

	if (s->pair_room - s->pair_count >= more)
		return true;
	pairs = realloc(s->pairs, room * sizeof(*pairs));
	if (pairs == NULL)
		return false;
	s->pairs = pairs;
	sorted = realloc(s->sorted, room * sizeof(*sorted));
	if (sorted == NULL)
		return false;
	s->sorted = sorted;
	s->pair_room = room;
	return true;
}

/* The pairs of a window: addresses from `low` to before `end`. */
static enum hin_code gather(struct sources *s, uint64_t low, uint64_t end, struct hin_error *err)
{
	s->pair_count = 0;
	for (uint32_t b = 0; b < s->blocks; b++) {
		const uint32_t *values;
		uint64_t base;
		size_t count, from, to;
		enum hin_code code = load_block(s, b, &values, &count, &base, err);

		if (code != HIN_OK)
			return code;
		if (count == 0 || base >= end)
			continue;
		from = base >= low ? 0 : find(values, count, low - base);
		to = find(values, count, end - base);
		if (!more_pairs(s, to - from))
			return no_room(s, err);
		for (; from < to; from++)
			s->pairs[s->pair_count++] = (base + values[from]) << 16 | b;
	}
	return HIN_OK;
}

/* Sort by address; blocks, which came ascending, stay so. */
static void sort_pairs(struct sources *s)
{
	static const unsigned shifts[] = { 16, 27, 38 };
	uint32_t at[3][2048] = { { 0 } };

	for (size_t i = 0; i < s->pair_count; i++)
		for (unsigned pass = 0; pass < HIN_COUNT(shifts); pass++)
			at[pass][s->pairs[i] >> shifts[pass] & 2047]++;
	for (unsigned pass = 0; pass < HIN_COUNT(shifts); pass++) {
		uint32_t sum = 0;
		uint64_t *swap = s->pairs;

		for (size_t k = 0; k < 2048; k++) {
			uint32_t n = at[pass][k];

			at[pass][k] = sum;
			sum += n;
		}
		for (size_t i = 0; i < s->pair_count; i++)
			s->sorted[at[pass][s->pairs[i] >> shifts[pass] & 2047]++] = s->pairs[i];
		s->pairs = s->sorted;
		s->sorted = swap;
	}
}

static enum hin_code put_bytes(struct sources *s, struct hin_error *err)
{
	enum hin_code code;

	if (s->bytes.failed)
		return no_room(s, err);
	if (s->put + s->bytes.used > HIN_SOURCES_BYTES)
		return hin_fail(err, HIN_ELIMIT, "%s: too many sources for an index of them",
				s->name);
	code = s->out->put(s->out->user, s->bytes.data, s->bytes.used, err);
	s->put += s->bytes.used;
	hin_buffer_reset(&s->bytes);
	return code;
}

/* The page that was filled becomes bytes. */
static enum hin_code end_page(struct sources *s, struct hin_error *err)
{
	size_t start = s->bytes.used;
	uint32_t first = s->address[0];
	uint8_t head[6], entry[HIN_SOURCES_ENTRY];
	struct hin_writer to = hin_writer_of(head, sizeof(head));

	if (s->count == 0)
		return HIN_OK;
	for (uint32_t i = 0; i < s->count; i++)
		s->address[i] -= first;
	hin_write_le16(&to, (uint16_t)s->count);
	hin_write_le32(&to, s->address[s->count - 1]);
	hin_buffer_add(&s->bytes, head, sizeof(head));
	hin_ascending_write(&s->bytes, s->address, s->count, s->address[s->count - 1]);
	hin_patched_write(&s->bytes, s->lengths, s->count);
	hin_buffer_add(&s->bytes, s->packed, (size_t)(s->bits + 7) / 8);
	memset(s->packed, 0, (size_t)(s->bits + 7) / 8);
	if (s->bytes.failed)
		return no_room(s, err);
	to = hin_writer_of(entry, sizeof(entry));
	hin_write_le32(&to, first);
	hin_write_le32(&to, (uint32_t)(s->put + start));
	hin_write_le32(&to, hin_sum(s->bytes.data + start, s->bytes.used - start));
	hin_buffer_add(&s->directory, entry, sizeof(entry));
	s->pages++;
	s->count = 0;
	s->bits = 0;
	return s->bytes.used >= PUT ? put_bytes(s, err) : HIN_OK;
}

/* One source, which is in `count` blocks. */
static enum hin_code add_source(struct sources *s, const uint64_t *pairs, uint32_t count,
				struct hin_error *err)
{
	unsigned width = hin_bits(s->blocks - 1);
	uint64_t at = s->bits;

	s->address[s->count] = (uint32_t)(pairs[0] >> 16);
	s->lengths[s->count] = count - 1;
	if (hin_sources_mapped(count, s->blocks)) {
		for (uint32_t i = 0; i < count; i++) {
			uint64_t bit = at + (pairs[i] & UINT16_MAX);

			s->packed[bit / 8] = (uint8_t)(s->packed[bit / 8] | 1u << bit % 8);
		}
	} else {
		for (uint32_t i = 0; i < count; i++, at += width) {
			uint32_t word;

			memcpy(&word, s->packed + at / 8, sizeof(word));
			word |= HIN_LE32((uint32_t)(pairs[i] & UINT16_MAX) << at % 8);
			memcpy(s->packed + at / 8, &word, sizeof(word));
		}
	}
	s->bits += hin_sources_bits(count, s->blocks);
	return ++s->count == HIN_SOURCES_PAGE ? end_page(s, err) : HIN_OK;
}

static enum hin_code write_window(struct sources *s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	sort_pairs(s);
	for (size_t i = 0, end; i < s->pair_count && code == HIN_OK; i = end) {
		uint64_t address = s->pairs[i] >> 16;

		for (end = i + 1; end < s->pair_count && s->pairs[end] >> 16 == address;)
			end++;
		code = add_source(s, s->pairs + i, (uint32_t)(end - i), err);
	}
	return code;
}

/* Directory, blocks and trailer. */
static enum hin_code write_end(struct sources *s, uint64_t start, struct hin_error *err)
{
	uint8_t trailer[HIN_SOURCES_TRAILER] = { 0 };
	struct hin_writer to = hin_writer_of(trailer, sizeof(trailer));
	struct hin_buffer *out = &s->directory;
	enum hin_code code = put_bytes(s, err);

	if (code != HIN_OK)
		return code;
	for (uint32_t b = 0; b < s->blocks; b++) {
		uint64_t offset = HIN_LE64(s->heads->refs[b].offset);

		hin_buffer_add(out, &offset, sizeof(offset));
	}
	for (uint32_t b = 0; b < s->blocks; b += 64) {
		uint64_t word = 0;

		for (uint32_t i = 0; i < 64 && b + i < s->blocks; i++)
			word |= (uint64_t)s->untold[b + i] << i;
		word = HIN_LE64(word);
		hin_buffer_add(out, &word, sizeof(word));
	}
	if (out->failed)
		return no_room(s, err);
	hin_write_le32(&to, HIN_SOURCES_MAGIC);
	hin_write_le16(&to, HIN_SOURCES_VERSION);
	hin_write_le16(&to, 0);
	hin_write_le32(&to, s->blocks);
	hin_write_le32(&to, s->pages);
	hin_write_le64(&to, start);
	hin_write_le32(&to, (uint32_t)s->put);
	hin_write_le32(&to, hin_sum(out->data, out->used));
	to.used = sizeof(trailer) - 4;
	hin_write_le32(&to, hin_sum(trailer, sizeof(trailer) - 4));
	hin_buffer_add(out, trailer, sizeof(trailer));
	if (out->failed)
		return no_room(s, err);
	return s->out->put(s->out->user, out->data, out->used, err);
}

enum hin_code hin_sources_write(const struct hin_sources_out *out, struct hin_block_reader *r,
				const struct hin_heads *heads, int fd, const char *name,
				uint64_t start, struct hin_error *err)
{
	struct sources *s;
	uint64_t total = 0, low = 0;
	enum hin_code code = HIN_OK;

	if (heads->count == 0 || heads->count > HIN_SOURCES_BLOCKS)
		return hin_fail(err, HIN_ELIMIT, "%s: %zu blocks; an index of sources has 1-%u",
				name, heads->count, HIN_SOURCES_BLOCKS);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the index of sources of %s", name);
	*s = (struct sources){ .out = out,
			       .reader = r,
			       .heads = heads,
			       .fd = fd,
			       .name = name,
			       .blocks = (uint32_t)heads->count,
			       .pairs_most = out->pairs > 0 ? out->pairs : PAIRS };
	s->stride = s->pairs_most > SAMPLES ? s->pairs_most / SAMPLES : 1;
	s->packed = calloc(1, HIN_SOURCES_PAGE * HIN_SOURCES_BLOCKS / 8 + HIN_COLUMN_SLACK);
	if (s->packed == NULL)
		code = no_room(s, err);
	for (size_t i = 0; i < heads->count; i++)
		total += dictionary_size(&heads->refs[i].head);
	if (code == HIN_OK && total > s->pairs_most)
		code = choose_windows(s, total, err);
	for (size_t i = 0; i <= s->sample_count && code == HIN_OK; i++) {
		uint64_t end = i < s->sample_count ? s->samples[i] : UINT64_C(1) << 32;

		code = gather(s, low, end, err);
		if (code == HIN_OK)
			code = write_window(s, err);
		low = end;
	}
	if (code == HIN_OK)
		code = end_page(s, err);
	if (code == HIN_OK)
		code = write_end(s, start, err);
	free(s->samples);
	free(s->pairs);
	free(s->sorted);
	free(s->packed);
	hin_buffer_fini(&s->bytes);
	hin_buffer_fini(&s->directory);
	free(s);
	return code;
}
