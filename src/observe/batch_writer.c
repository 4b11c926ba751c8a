/* batch_writer - rows into signed columns; see batch_writer.h and schema/observation.proto */
#include "observe/batch_writer.h"

#include <assert.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "observe/observe_priv.h"
#include "observe/wire_priv.h"

#define ROW_WORDS (sizeof(struct hin_observation) / 8)
#define RARE_OFFSET offsetof(struct hin_observation, rule)
#define RARE_WORDS (ROW_WORDS - RARE_OFFSET / 8)
#define TAG_COUNT_OFFSET (offsetof(struct hin_observation, tag_count) - RARE_OFFSET)
#define COLUMN_FIELD 16 /* the .proto's field of the column of bit 0 */
#define HEADER_MAX 512	/* more than all fields above the columns take */
static_assert(sizeof(struct hin_observation) % 8 == 0 && RARE_OFFSET % 8 == 0, "rows are words");

typedef uint64_t __attribute__((may_alias)) row_word;
typedef uint16_t __attribute__((may_alias)) row_tag;

/* Where one column of addresses is collected. */
struct addresses {
	uint8_t *family; /* of each row: 0, 4 or 6 */
	uint32_t *v4;	 /* host order, stored little-endian */
	uint8_t (*v6)[16];
	size_t v4_count, v6_count;
};

/* Runs of rows, as they are written. */
struct runs {
	uint8_t *start, *at;
	uint32_t begin, end; /* of the run that is open; none while end is 0 */
	uint32_t last;	     /* end of the run before it */
};

struct hin_batch_writer {
	const struct hin_sensor_key *key;
	struct hin_batch_mark mark;
	uint8_t authority[32];
	int32_t clock_offset_us;
	uint8_t clock_state;
	uint64_t dark_addresses;

	size_t rows, rows_max;
	uint32_t kind_last; /* `mask` is the mask of it; UINT32_MAX at first */
	const uint64_t *mask;
	uint64_t *masks; /* of each kind in order of the registry: bytes it must not fill */

	int64_t *time;
	uint64_t *duration, *packets, *bytes;
	uint32_t *sample;
	uint16_t *sport, *dport, *kind, *tool;
	uint8_t *proto, *tcp_flags, *confidence;
	struct addresses src, dst;
	uint32_t *rare_row; /* rows that fill more than the fields above, and that rest */
	uint64_t (*rare)[RARE_WORDS];
	size_t rare_count;

	uint64_t *numbers; /* scratch: one column */
	uint8_t *body;	   /* scratch: the values of one column as they are written */
	struct runs runs, runs2;

	void *memory; /* of all the arrays above */
	uint8_t *out;
	size_t out_used, out_size;
	EVP_MD_CTX *hash, *hash_copy;
};

/* Bytes that a row of a kind must leave zero: those of the fields not in `fields`. */
static void mask_of(uint64_t mask[ROW_WORDS], uint64_t fields)
{
	struct hin_observation m = { 0 };

	for (enum hin_field i = 0; i < HIN_FIELDS; i++) {
		const struct hin_field_info *f = &hin_field_infos[i];

		if (fields >> i & 1)
			continue;
		if (f->type == HIN_TYPE_ADDR)
			m.has |= i == HIN_FIELD_SRC ? HIN_HAS_SRC : HIN_HAS_DST;
		else if (f->type == HIN_TYPE_TEXT)
			m.version[0] = (char)0xff;
		else if (f->type == HIN_TYPE_TAGS)
			m.tag_count = 0xff;
		else
			memset((char *)&m + f->offset, 0xff, f->size);
	}
	memcpy(mask, &m, sizeof(m));
}

/* Take `count` things of `size` from the front of `*memory`; only count while that is NULL. */
static void *carve(uint8_t **memory, size_t *total, size_t count, size_t size)
{
	size_t take = (count * size + 63) / 64 * 64;
	void *at = *memory;

	*total += take;
	if (*memory != NULL)
		*memory += take;
	return at;
}

static void carve_addresses(struct addresses *a, uint8_t **memory, size_t *total, size_t rows)
{
	a->family = carve(memory, total, rows, sizeof(*a->family));
	a->v4 = carve(memory, total, rows, sizeof(*a->v4));
	a->v6 = carve(memory, total, rows, sizeof(*a->v6));
}

/* Lay all arrays out from `memory`; returns the bytes that takes. */
static size_t lay_out(struct hin_batch_writer *w, uint8_t *memory)
{
	size_t rows = w->rows_max, total = 0;

#define CARVE(array) w->array = carve(&memory, &total, rows, sizeof(*w->array))
	CARVE(time);
	CARVE(duration);
	CARVE(packets);
	CARVE(bytes);
	CARVE(sample);
	CARVE(sport);
	CARVE(dport);
	CARVE(kind);
	CARVE(tool);
	CARVE(proto);
	CARVE(tcp_flags);
	CARVE(confidence);
	CARVE(rare_row);
	CARVE(rare);
	CARVE(numbers);
#undef CARVE
	carve_addresses(&w->src, &memory, &total, rows);
	carve_addresses(&w->dst, &memory, &total, rows);
	/* The widest value is a version with key and length; tags are at most as many bytes. */
	w->body = carve(&memory, &total, 1, rows * HIN_TAGS_MAX * 3 + HIN_WIRE_SLACK);
	w->runs.start = carve(&memory, &total, 1, rows * 3 + HIN_WIRE_SLACK);
	w->runs2.start = carve(&memory, &total, 1, rows * 3 + HIN_WIRE_SLACK);
	return total;
}
static_assert(HIN_TAGS_MAX * 3 >= HIN_VERSION_MAX + 2, "the body holds a column of versions");

static enum hin_code make_masks(struct hin_batch_writer *w)
{
	const struct hin_word *words;
	size_t kinds = hin_registry_words(HIN_REGISTRY_KINDS, &words);

	w->masks = calloc(kinds + 1, ROW_WORDS * 8);
	if (w->masks == NULL)
		return HIN_ENOMEM;
	for (size_t i = 0; i < kinds; i++)
		mask_of(w->masks + i * ROW_WORDS, hin_kind_infos[i].fields);
	return HIN_OK; /* the last mask is zero: private kinds may fill everything */
}

enum hin_code hin_batch_writer_open(struct hin_batch_writer **out, const struct hin_sensor_key *key,
				    const struct hin_batch_mark *after, size_t rows_max,
				    struct hin_error *err)
{
	struct hin_batch_writer *w;

	if (rows_max == 0 || rows_max > HIN_BATCH_ROWS)
		return hin_fail(err, HIN_ERANGE, "%zu rows in a batch are not in 1-%u", rows_max,
				HIN_BATCH_ROWS);
	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "batch writer");
	w->key = key;
	w->mark = *after;
	w->rows_max = rows_max;
	w->kind_last = UINT32_MAX;
	w->memory = aligned_alloc(64, lay_out(w, NULL));
	w->hash = EVP_MD_CTX_new();
	w->hash_copy = EVP_MD_CTX_new();
	if (w->memory == NULL || w->hash == NULL || w->hash_copy == NULL ||
	    make_masks(w) != HIN_OK) {
		hin_batch_writer_close(w);
		return hin_fail(err, HIN_ENOMEM, "batch writer of %zu rows", rows_max);
	}
	(void)lay_out(w, w->memory);
	*out = w;
	return HIN_OK;
}

void hin_batch_writer_close(struct hin_batch_writer *w)
{
	if (w == NULL)
		return;
	EVP_MD_CTX_free(w->hash);
	EVP_MD_CTX_free(w->hash_copy);
	free(w->memory);
	free(w->masks);
	free(w->out);
	free(w);
}

void hin_batch_writer_set_authority(struct hin_batch_writer *w, const uint8_t *authority)
{
	if (authority != NULL)
		memcpy(w->authority, authority, sizeof(w->authority));
	else
		memset(w->authority, 0, sizeof(w->authority));
}

void hin_batch_writer_set_clock(struct hin_batch_writer *w, int32_t offset_us, uint8_t state)
{
	w->clock_offset_us = offset_us;
	w->clock_state = state;
}

void hin_batch_writer_set_dark(struct hin_batch_writer *w, uint64_t addresses)
{
	w->dark_addresses = addresses;
}

size_t hin_batch_writer_rows(const struct hin_batch_writer *w)
{
	return w->rows;
}

const struct hin_batch_mark *hin_batch_writer_mark(const struct hin_batch_writer *w)
{
	return &w->mark;
}

/* Make `kind` the kind whose mask counts. */
static enum hin_code take_kind(struct hin_batch_writer *w, uint16_t kind, struct hin_error *err)
{
	const struct hin_kind_info *info = hin_kind_find(kind);
	const struct hin_word *words;
	size_t at = hin_registry_words(HIN_REGISTRY_KINDS, &words);

	if (info == NULL && kind < HIN_KIND_PRIVATE)
		return hin_fail(err, HIN_ENOENT, "kind %u is in no registry", kind);
	if (info != NULL)
		at = (size_t)(info - hin_kind_infos);
	w->mask = w->masks + at * ROW_WORDS;
	w->kind_last = kind;
	return HIN_OK;
}

static inline void add_address(struct addresses *a, size_t row, bool present,
			       const struct hin_addr *addr)
{
	if (!present) {
		a->family[row] = 0;
	} else if (hin_addr_is_v4(addr)) {
		a->family[row] = 4;
		a->v4[a->v4_count++] = HIN_LE32(hin_addr_v4(addr));
	} else {
		a->family[row] = 6;
		memcpy(a->v6[a->v6_count++], addr->b, 16);
	}
}

static void add_checked(struct hin_batch_writer *w, const struct hin_observation *row, bool rare)
{
	size_t at = w->rows++;

	w->time[at] = row->time_us;
	w->duration[at] = row->duration_us;
	w->packets[at] = row->packets;
	w->bytes[at] = row->bytes;
	w->sample[at] = row->sample;
	w->sport[at] = row->sport;
	w->dport[at] = row->dport;
	w->kind[at] = row->kind;
	w->tool[at] = row->tool;
	w->proto[at] = row->proto;
	w->tcp_flags[at] = row->tcp_flags;
	w->confidence[at] = row->confidence;
	add_address(&w->src, at, row->has & HIN_HAS_SRC, &row->src);
	add_address(&w->dst, at, row->has & HIN_HAS_DST, &row->dst);
	if (rare) {
		w->rare_row[w->rare_count] = (uint32_t)at;
		memcpy(w->rare[w->rare_count++], (const char *)row + RARE_OFFSET,
		       sizeof(w->rare[0]));
	}
}

enum hin_code hin_batch_writer_add(struct hin_batch_writer *w, const struct hin_observation *row,
				   struct hin_error *err)
{
	const row_word *words = (const void *)row;
	uint64_t denied = 0, rare = 0;

	if (HIN_UNLIKELY(w->rows == w->rows_max))
		return hin_fail(err, HIN_ELIMIT, "batch is full at %zu rows", w->rows_max);
	if (HIN_UNLIKELY(row->kind != w->kind_last)) {
		enum hin_code code = take_kind(w, row->kind, err);

		if (code != HIN_OK)
			return code;
	}
	for (size_t i = 0; i < ROW_WORDS - RARE_WORDS; i++)
		denied |= words[i] & w->mask[i];
	for (size_t i = ROW_WORDS - RARE_WORDS; i < ROW_WORDS; i++) {
		denied |= words[i] & w->mask[i];
		rare |= words[i];
	}
	if (HIN_UNLIKELY(denied != 0)) {
		enum hin_code code = hin_observation_check(row, err);

		assert(code != HIN_OK); /* masks and check come from one table */
		return code;
	}
	/* Without rare fields only these can be out of range. */
	if (HIN_UNLIKELY(rare != 0 || row->time_us < HIN_TIME_MIN || row->time_us > HIN_TIME_MAX ||
			 row->confidence > 100 || row->has > (HIN_HAS_SRC | HIN_HAS_DST))) {
		enum hin_code code = hin_observation_check_values(row, err);

		if (code != HIN_OK)
			return code;
	}
	add_checked(w, row, rare != 0);
	return HIN_OK;
}

/* Make room for `more` bytes behind what is written. */
static bool reserve(struct hin_batch_writer *w, size_t more)
{
	size_t need = w->out_used + more + HIN_WIRE_SLACK;
	uint8_t *out;

	if (need <= w->out_size)
		return true;
	need += need / 2;
	out = realloc(w->out, need);
	if (out == NULL)
		return false;
	w->out = out;
	w->out_size = need;
	return true;
}

static void runs_start(struct runs *r)
{
	r->at = r->start;
	r->begin = r->end = r->last = 0;
}

static inline void runs_flush(struct runs *r)
{
	r->at = put_short(r->at, r->begin - r->last);
	r->at = put_short(r->at, r->end - r->begin);
	r->last = r->end;
}

/* Row `row` is present; rows come in order. */
static inline void runs_add(struct runs *r, uint32_t row)
{
	if (r->end != row || r->end == 0) {
		if (r->end > 0)
			runs_flush(r);
		r->begin = row;
	}
	r->end = row + 1;
}

/* Close the last run; returns the bytes written, 0 when that is one run of all `rows`. */
static size_t runs_end(struct runs *r, size_t rows)
{
	if (r->last == 0 && r->begin == 0 && r->end == rows)
		return 0;
	if (r->end > 0)
		runs_flush(r);
	return (size_t)(r->at - r->start);
}

/* One field of a column: bytes and their length. An empty one is left out. */
struct part {
	const void *bytes;
	size_t size;
};

static size_t part_size(const struct part *p)
{
	return p->size > 0 ? 1 + varint_size(p->size) + p->size : 0;
}

/* Append parts as fields 1, 2, ... of a message that is field `number` of the one around it. */
static uint8_t *put_message(uint8_t *at, uint32_t number, const struct part *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += part_size(&parts[i]);
	at = put_varint(put_key(at, number, WIRE_BYTES), size);
	for (size_t i = 0; i < count; i++) {
		if (parts[i].size == 0)
			continue;
		at = put_varint(put_key(at, (uint32_t)i + 1, WIRE_BYTES), parts[i].size);
		memcpy(at, parts[i].bytes, parts[i].size);
		at += parts[i].size;
	}
	return at;
}

static bool add_column(struct hin_batch_writer *w, enum hin_field field, const struct part *parts,
		       size_t count)
{
	size_t size = 2 + HIN_VARINT_MAX;

	for (size_t i = 0; i < count; i++)
		size += part_size(&parts[i]);
	if (!reserve(w, size))
		return false;
	w->out_used =
		(size_t)(put_message(w->out + w->out_used, COLUMN_FIELD + field, parts, count) -
			 w->out);
	return true;
}

/* Append a column of numbers whose `size` bytes stand in the body. */
static bool add_numbers(struct hin_batch_writer *w, enum hin_field field, size_t runs_size,
			const uint8_t *end)
{
	struct part parts[2] = { { w->runs.start, runs_size },
				 { w->body, (size_t)(end - w->body) } };

	return add_column(w, field, parts, 2);
}

/* All the same value: nothing, when that is zero, else one value for all. */
static bool add_constant(struct hin_batch_writer *w, enum hin_field field, uint64_t value)
{
	return value == 0 || add_numbers(w, field, 0, put_varint(w->body, value));
}

/*
 * Append `count` values of rows present, of which the runs are written. When they are all equal one
 * stands for all.
 */
static bool add_present(struct hin_batch_writer *w, enum hin_field field, const uint64_t *values,
			size_t count)
{
	uint8_t *at = w->body;
	bool equal = memcmp(values, values + 1, (count - 1) * sizeof(*values)) == 0;

	for (size_t i = 0; i < (equal ? 1 : count); i++)
		at = put_varint(at, values[i]);
	return add_numbers(w, field, runs_end(&w->runs, w->rows), at);
}

/*
 * A column of which every row has a value, as an array of its own width. Zeros are written, one
 * byte each, unless there are so many that naming the rows with a value is shorter.
 */
#define COLUMN(name, type, put)                                                                    \
	static bool name(struct hin_batch_writer *w, enum hin_field field, const type *values)     \
	{                                                                                          \
		size_t rows = w->rows, zeros = 0, changes = 0, count = 0;                          \
		uint8_t *at = w->body;                                                             \
                                                                                                   \
		if (memcmp(values, values + 1, (rows - 1) * sizeof(type)) == 0)                    \
			return add_constant(w, field, values[0]);                                  \
		for (size_t i = 0; i < rows; i++)                                                  \
			zeros += values[i] == 0;                                                   \
		for (size_t i = 1; zeros > 0 && i < rows; i++)                                     \
			changes += (values[i] == 0) != (values[i - 1] == 0);                       \
		if (zeros <= 2 * changes) {                                                        \
			for (size_t i = 0; i < rows; i++)                                          \
				at = put(at, values[i]);                                           \
			return add_numbers(w, field, 0, at);                                       \
		}                                                                                  \
		runs_start(&w->runs);                                                              \
		for (size_t i = 0; i < rows; i++) {                                                \
			if (values[i] == 0)                                                        \
				continue;                                                          \
			runs_add(&w->runs, (uint32_t)i);                                           \
			w->numbers[count++] = values[i];                                           \
		}                                                                                  \
		return add_present(w, field, w->numbers, count);                                   \
	}

static inline uint8_t *put_u8(uint8_t *at, uint8_t value)
{
	at[0] = value; /* its top bit is the mark of a second byte */
	at[1] = 1;
	return at + 1 + (value >> 7);
}

COLUMN(column_u8, uint8_t, put_u8)
COLUMN(column_u16, uint16_t, put_short)
COLUMN(column_u32, uint32_t, put_varint)
COLUMN(column_u64, uint64_t, put_varint)
#undef COLUMN

static bool column_time(struct hin_batch_writer *w)
{
	uint64_t before = (uint64_t)w->time[0];

	if (memcmp(w->time, w->time + 1, (w->rows - 1) * sizeof(*w->time)) == 0)
		return true;
	for (size_t i = 0; i < w->rows; i++) {
		w->numbers[i] = zigzag((uint64_t)w->time[i] - before);
		before = (uint64_t)w->time[i];
	}
	return column_u64(w, HIN_FIELD_TIME, w->numbers);
}

static bool column_kind(struct hin_batch_writer *w)
{
	uint64_t before = 0;
	size_t count = 0;

	runs_start(&w->runs);
	for (size_t i = 0; i < w->rows; i++) {
		if (w->kind[i] == before)
			continue;
		runs_add(&w->runs, (uint32_t)i);
		w->numbers[count++] = zigzag(w->kind[i] - before);
		before = w->kind[i];
	}
	return add_present(w, HIN_FIELD_KIND, w->numbers, count);
}

/* Append the rows of an address column, by family. */
static bool column_addresses(struct hin_batch_writer *w, enum hin_field field,
			     const struct addresses *a)
{
	size_t present = a->v4_count + a->v6_count;
	struct part parts[4] = { { NULL, 0 },
				 { NULL, 0 },
				 { a->v4, a->v4_count * sizeof(*a->v4) },
				 { a->v6, a->v6_count * sizeof(*a->v6) } };

	if (present == 0)
		return true;
	if (present < w->rows) {
		runs_start(&w->runs);
		for (size_t i = 0; i < w->rows; i++)
			if (a->family[i] != 0)
				runs_add(&w->runs, (uint32_t)i);
		parts[0] = (struct part){ w->runs.start, runs_end(&w->runs, w->rows) };
	}
	if (a->v4_count > 0 && a->v6_count > 0) {
		uint32_t at = 0;

		runs_start(&w->runs2);
		for (size_t i = 0; i < w->rows; i++) {
			if (a->family[i] == 6)
				runs_add(&w->runs2, at);
			at += a->family[i] != 0;
		}
		parts[1] = (struct part){ w->runs2.start, runs_end(&w->runs2, present) };
	}
	return add_column(w, field, parts, 4);
}

/* Where field `f` lies in the rare rest of a row. */
static const void *rare_at(const struct hin_batch_writer *w, size_t i,
			   const struct hin_field_info *f)
{
	return (const char *)w->rare[i] + (f->offset - RARE_OFFSET);
}

static bool rare_numbers(struct hin_batch_writer *w, enum hin_field field)
{
	const struct hin_field_info *f = &hin_field_infos[field];
	size_t count = 0;

	runs_start(&w->runs);
	for (size_t i = 0; i < w->rare_count; i++) {
		uint64_t value = hin_field_number(f, rare_at(w, i, f));

		if (value == 0)
			continue;
		runs_add(&w->runs, w->rare_row[i]);
		w->numbers[count++] = value;
	}
	return count == 0 || add_present(w, field, w->numbers, count);
}

static bool rare_digests(struct hin_batch_writer *w, enum hin_field field)
{
	static const uint8_t zeros[32];
	const struct hin_field_info *f = &hin_field_infos[field];
	uint8_t *at = w->body;

	runs_start(&w->runs);
	for (size_t i = 0; i < w->rare_count; i++) {
		const void *digest = rare_at(w, i, f);

		if (memcmp(digest, zeros, f->size) == 0)
			continue;
		runs_add(&w->runs, w->rare_row[i]);
		memcpy(at, digest, f->size);
		at += f->size;
	}
	return at == w->body || add_numbers(w, field, runs_end(&w->runs, w->rows), at);
}

/* Every version is a field of its own in the message, so the message is put together here. */
static bool rare_versions(struct hin_batch_writer *w)
{
	const struct hin_field_info *f = &hin_field_infos[HIN_FIELD_VERSION];
	uint8_t *at = w->body;
	struct part runs;
	size_t size;

	runs_start(&w->runs);
	for (size_t i = 0; i < w->rare_count; i++) {
		const char *version = rare_at(w, i, f);
		size_t length = strlen(version);

		if (length == 0)
			continue;
		runs_add(&w->runs, w->rare_row[i]);
		at = put_varint(put_key(at, 2, WIRE_BYTES), length);
		memcpy(at, version, length);
		at += length;
	}
	if (at == w->body)
		return true;
	runs = (struct part){ w->runs.start, runs_end(&w->runs, w->rows) };
	size = part_size(&runs) + (size_t)(at - w->body);
	if (!reserve(w, 2 + HIN_VARINT_MAX + size))
		return false;
	at = w->out + w->out_used;
	at = put_varint(put_key(at, COLUMN_FIELD + HIN_FIELD_VERSION, WIRE_BYTES), size);
	if (runs.size > 0) {
		at = put_varint(put_key(at, 1, WIRE_BYTES), runs.size);
		memcpy(at, runs.bytes, runs.size);
		at += runs.size;
	}
	size -= part_size(&runs);
	memcpy(at, w->body, size);
	w->out_used = (size_t)(at + size - w->out);
	return true;
}

static bool rare_tags(struct hin_batch_writer *w)
{
	const struct hin_field_info *f = &hin_field_infos[HIN_FIELD_TAGS];
	uint8_t *at = w->body, *counts = (uint8_t *)w->numbers;
	size_t count = 0, size;
	struct part inner[2], parts[2];

	/* Counts are at most 16, so each is the one byte it is written as. */
	runs_start(&w->runs);
	for (size_t i = 0; i < w->rare_count; i++) {
		const row_tag *tags = rare_at(w, i, f);
		uint8_t tag_count = *((const uint8_t *)w->rare[i] + TAG_COUNT_OFFSET);

		if (tag_count == 0)
			continue;
		runs_add(&w->runs, w->rare_row[i]);
		counts[count++] = tag_count;
		for (size_t k = 0; k < tag_count; k++)
			at = put_short(at, tags[k]);
	}
	if (count == 0)
		return true;
	if (memcmp(counts, counts + 1, count - 1) == 0)
		count = 1;
	inner[0] = (struct part){ w->runs.start, runs_end(&w->runs, w->rows) };
	inner[1] = (struct part){ counts, count };
	parts[1] = (struct part){ w->body, (size_t)(at - w->body) };
	size = part_size(&inner[0]) + part_size(&inner[1]);
	size += 1 + varint_size(size) + part_size(&parts[1]);
	if (!reserve(w, 2 + HIN_VARINT_MAX + size))
		return false;
	at = w->out + w->out_used;
	at = put_varint(put_key(at, COLUMN_FIELD + HIN_FIELD_TAGS, WIRE_BYTES), size);
	at = put_message(at, 1, inner, 2);
	at = put_varint(put_key(at, 2, WIRE_BYTES), parts[1].size);
	memcpy(at, parts[1].bytes, parts[1].size);
	w->out_used = (size_t)(at + parts[1].size - w->out);
	return true;
}

static bool put_rare(struct hin_batch_writer *w, enum hin_field field)
{
	switch (hin_field_infos[field].type) {
	case HIN_TYPE_B16:
	case HIN_TYPE_B32:
		return rare_digests(w, field);
	case HIN_TYPE_TEXT:
		return rare_versions(w);
	case HIN_TYPE_TAGS:
		return rare_tags(w);
	default:
		return rare_numbers(w, field);
	}
}

static bool put_column(struct hin_batch_writer *w, enum hin_field field)
{
	switch (field) {
	case HIN_FIELD_TIME:
		return column_time(w);
	case HIN_FIELD_KIND:
		return column_kind(w);
	case HIN_FIELD_DURATION:
		return column_u64(w, field, w->duration);
	case HIN_FIELD_SRC:
		return column_addresses(w, field, &w->src);
	case HIN_FIELD_DST:
		return column_addresses(w, field, &w->dst);
	case HIN_FIELD_SPORT:
		return column_u16(w, field, w->sport);
	case HIN_FIELD_DPORT:
		return column_u16(w, field, w->dport);
	case HIN_FIELD_PROTO:
		return column_u8(w, field, w->proto);
	case HIN_FIELD_TCP_FLAGS:
		return column_u8(w, field, w->tcp_flags);
	case HIN_FIELD_PACKETS:
		return column_u64(w, field, w->packets);
	case HIN_FIELD_BYTES:
		return column_u64(w, field, w->bytes);
	case HIN_FIELD_SAMPLE:
		return column_u32(w, field, w->sample);
	case HIN_FIELD_TOOL:
		return column_u16(w, field, w->tool);
	case HIN_FIELD_CONFIDENCE:
		return column_u8(w, field, w->confidence);
	default:
		return w->rare_count == 0 || put_rare(w, field);
	}
}

static uint8_t *put_number(uint8_t *at, uint32_t field, uint64_t value)
{
	return value == 0 ? at : put_varint(put_key(at, field, WIRE_VARINT), value);
}

static uint8_t *put_bytes(uint8_t *at, uint32_t field, const uint8_t *bytes, size_t size)
{
	at = put_varint(put_key(at, field, WIRE_BYTES), size);
	memcpy(at, bytes, size);
	return at + size;
}

static bool put_header(struct hin_batch_writer *w)
{
	static const uint8_t zeros[32];
	uint64_t epoch_le = HIN_LE64(w->mark.epoch);
	uint8_t *at;

	w->out_used = 0;
	if (!reserve(w, HEADER_MAX))
		return false;
	at = put_number(w->out, 1, HIN_BATCH_SCHEMA);
	at = put_bytes(at, 2, w->key->id, sizeof(w->key->id));
	at = put_key(at, 3, WIRE_64);
	memcpy(at, &epoch_le, sizeof(epoch_le));
	at = put_number(at + sizeof(epoch_le), 4, w->mark.sequence + 1);
	if (w->mark.sequence > 0)
		at = put_bytes(at, 5, w->mark.digest, sizeof(w->mark.digest));
	if (memcmp(w->authority, zeros, sizeof(zeros)) != 0)
		at = put_bytes(at, 6, w->authority, sizeof(w->authority));
	at = put_number(at, 7, zigzag((uint64_t)(int64_t)w->clock_offset_us));
	at = put_number(at, 8, w->clock_state);
	at = put_number(at, 9, w->dark_addresses);
	at = put_bytes(at, 10, hin_registry_digest, sizeof(hin_registry_digest));
	at = put_number(at, 11, w->rows);
	at = put_number(at, 12, w->rows > 0 ? zigzag((uint64_t)w->time[0]) : 0);
	w->out_used = (size_t)(at - w->out);
	return true;
}

/* Sign what is written, append the signature, and leave the digest of all of it in `digest`. */
static bool sign(struct hin_batch_writer *w, uint8_t digest[32])
{
	uint8_t message[sizeof(HIN_BATCH_CONTEXT) + 32] = HIN_BATCH_CONTEXT;
	uint8_t *at;

	if (!reserve(w, HIN_BATCH_SIGNATURE) ||
	    EVP_DigestInit_ex(w->hash, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(w->hash, w->out, w->out_used) != 1 ||
	    EVP_MD_CTX_copy_ex(w->hash_copy, w->hash) != 1 ||
	    EVP_DigestFinal_ex(w->hash_copy, message + sizeof(HIN_BATCH_CONTEXT), NULL) != 1)
		return false;
	at = put_varint(put_key(w->out + w->out_used, 2047, WIRE_BYTES), 64);
	if (crypto_sign_detached(at, NULL, message, sizeof(message), w->key->secret) != 0 ||
	    EVP_DigestUpdate(w->hash, w->out + w->out_used, HIN_BATCH_SIGNATURE) != 1)
		return false;
	w->out_used += HIN_BATCH_SIGNATURE;
	return EVP_DigestFinal_ex(w->hash, digest, NULL) == 1;
}

enum hin_code hin_batch_writer_finish(struct hin_batch_writer *w, const uint8_t **bytes,
				      size_t *size, struct hin_error *err)
{
	uint8_t digest[32];
	bool done;

	if (w->mark.sequence == UINT64_MAX)
		return hin_fail(err, HIN_ELIMIT, "no batch follows sequence %llu",
				(unsigned long long)w->mark.sequence);
	done = put_header(w);
	for (enum hin_field i = 0; done && w->rows > 0 && i < HIN_FIELDS; i++)
		done = put_column(w, i);
	if (!done || !sign(w, digest))
		return hin_fail(err, HIN_ENOMEM, "batch of %zu rows", w->rows);
	w->mark.sequence++;
	memcpy(w->mark.digest, digest, sizeof(digest));
	w->rows = w->rare_count = 0;
	w->src.v4_count = w->src.v6_count = w->dst.v4_count = w->dst.v6_count = 0;
	*bytes = w->out;
	*size = w->out_used;
	return HIN_OK;
}
