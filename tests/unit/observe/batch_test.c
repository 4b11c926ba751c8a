#include "../test.h"

#include "observe/batch_reader.h"
#include "observe/batch_writer.h"
#include "rows.h"

static struct hin_sensor_key key;
static const struct hin_batch_mark start = { .epoch = UINT64_C(0xfedcba9876543210) };

static int make_key(void **state)
{
	static const uint8_t seed[32] = { 1, 2, 3 };

	(void)state;
	return hin_sensor_key_of_seed(&key, seed, NULL) == HIN_OK ? 0 : -1;
}

static struct hin_batch_writer *writer_of(size_t rows)
{
	struct hin_batch_writer *w = NULL;

	assert_int_equal(hin_batch_writer_open(&w, &key, &start, rows, NULL), HIN_OK);
	return w;
}

static void add(struct hin_batch_writer *w, const struct hin_observation *row)
{
	struct hin_error err = { 0 };

	if (hin_batch_writer_add(w, row, &err) != HIN_OK)
		fail_msg("kind %u: %s", row->kind, err.text);
}

/* Finish, copy the bytes to a block of exactly their size, read all rows and compare. */
static uint8_t *finish_and_compare(struct hin_batch_writer *w, const struct hin_observation *rows,
				   size_t count, size_t *size)
{
	struct hin_batch_reader r;
	struct hin_observation got;
	struct hin_error err = { 0 };
	const uint8_t *bytes;
	uint8_t *copy;

	assert_int_equal(hin_batch_writer_finish(w, &bytes, size, &err), HIN_OK);
	copy = hin_test_copy(bytes, *size);
	if (hin_batch_reader_open(&r, copy, *size, key.public_key, &err) != HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(r.header.rows, count);
	assert_int_equal(r.unknown_fields, 0);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < count; i++) {
			if (hin_batch_reader_next(&r, &got, &err) != HIN_OK)
				fail_msg("row %zu: %s", i, err.text);
			if (!hin_observation_equal(&got, &rows[i]))
				fail_msg("row %zu of kind %u differs", i, rows[i].kind);
		}
		assert_int_equal(hin_batch_reader_next(&r, &got, NULL), HIN_EOF);
		hin_batch_reader_rewind(&r);
	}
	return copy;
}

static void rows_come_back(void **state)
{
	enum { MOST = 700 };
	struct hin_observation *rows = calloc(MOST, sizeof(*rows));
	struct hin_batch_writer *w = writer_of(MOST);
	uint64_t seed = 1;

	(void)state;
	assert_non_null(rows);
	for (int batch = 0; batch < 60; batch++) {
		size_t count = rows_below(&seed, batch % 3 == 0 ? 6 : MOST), size;

		for (size_t i = 0; i < count; i++) {
			/* runs of the same, rows of flows, and wholly random ones */
			if (i > 0 && rows_below(&seed, 4) == 0)
				rows[i] = rows[i - 1];
			else if (batch % 4 == 1 && rows_below(&seed, 9) > 0)
				rows[i] = rows_flow(&seed);
			else
				rows[i] = rows_any(&seed);
			add(w, &rows[i]);
		}
		free(finish_and_compare(w, rows, count, &size));
	}
	hin_batch_writer_close(w);
	free(rows);
}

/* Each column dense, sparse, constant, at either end, alone in its batch. */
static void every_field_alone_comes_back(void **state)
{
	enum { ROWS = 300 };
	static struct hin_observation rows[ROWS];
	struct hin_batch_writer *w = writer_of(ROWS);
	uint64_t seed = 2;

	(void)state;
	for (uint32_t field = 0; field < HIN_FIELDS; field++) {
		for (int shape = 0; shape < 7; shape++) {
			uint64_t fields = UINT64_C(1) << field;
			size_t size;

			if (field == HIN_FIELD_SRC_LEN || field == HIN_FIELD_DST_LEN)
				fields |= 1u << HIN_FIELD_SRC | 1u << HIN_FIELD_DST;
			if (field == HIN_FIELD_DEVICE_BASIS)
				fields |= 1u << HIN_FIELD_DEVICE;
			if (field == HIN_FIELD_ARTIFACT_TYPE)
				fields |= 1u << HIN_FIELD_ARTIFACT;
			for (size_t i = 0; i < ROWS; i++) {
				bool fill[] = { true,	i % 50 == 7, i == 0,	     i == ROWS - 1,
						i >= 9, i % 2 == 0,  i / 50 % 2 == 1 };

				rows[i] = rows_fill(&seed, HIN_KIND_PRIVATE,
						    fill[shape] ? fields : 0);
				if (shape == 6 && i > 50)
					rows[i] = fill[shape] ? rows[50] : rows[49];
				add(w, &rows[i]);
			}
			free(finish_and_compare(w, rows, ROWS, &size));
		}
	}
	hin_batch_writer_close(w);
}

static void empty_and_full_batches(void **state)
{
	struct hin_observation row = { .kind = HIN_KIND_ROAD_ALIVE };
	struct hin_batch_writer *w = NULL;
	struct hin_batch_reader r;
	const uint8_t *bytes;
	uint8_t *copy;
	size_t size;

	(void)state;
	assert_int_equal(hin_batch_writer_open(&w, &key, &start, 0, NULL), HIN_ERANGE);
	assert_int_equal(hin_batch_writer_open(&w, &key, &start, HIN_BATCH_ROWS + 1, NULL),
			 HIN_ERANGE);
	w = writer_of(HIN_BATCH_ROWS);
	free(finish_and_compare(w, NULL, 0, &size));
	for (size_t i = 0; i < HIN_BATCH_ROWS; i++)
		add(w, &row);
	assert_int_equal(hin_batch_writer_add(w, &row, NULL), HIN_ELIMIT);
	assert_int_equal(hin_batch_writer_rows(w), HIN_BATCH_ROWS);
	assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
	assert_true(size < 300); /* 65,536 times the same */
	copy = hin_test_copy(bytes, size);
	assert_int_equal(hin_batch_reader_open(&r, copy, size, key.public_key, NULL), HIN_OK);
	assert_int_equal(r.header.rows, HIN_BATCH_ROWS);
	free(copy);
	hin_batch_writer_close(w);
	hin_batch_writer_close(NULL);
}

/* The widest rows there are fit into the limit of bytes. */
static void widest_rows_fit(void **state)
{
	struct hin_batch_writer *w = writer_of(HIN_BATCH_ROWS);
	struct hin_batch_reader r;
	const uint8_t *bytes;
	uint64_t seed = 3;
	size_t size;

	(void)state;
	for (size_t i = 0; i < HIN_BATCH_ROWS; i++) {
		struct hin_observation row = rows_fill(&seed, HIN_KIND_PRIVATE, UINT64_MAX);

		row.kind = (uint16_t)(HIN_KIND_PRIVATE + i % 2 * 5000);
		row.time_us = i % 2 ? HIN_TIME_MIN : HIN_TIME_MAX;
		row.duration_us = row.packets = row.bytes = row.link = UINT64_MAX - i % 2;
		row.parent = row.product = UINT64_MAX - i % 2;
		row.rule = row.targets = row.ports = row.sample = UINT32_MAX;
		for (uint16_t k = 0; k < HIN_TAGS_MAX; k++)
			row.tags[k] = (uint16_t)(65000 + k);
		row.tag_count = HIN_TAGS_MAX;
		memset(row.version, 'x', HIN_VERSION_MAX);
		row.src_len = row.dst_len = 0;
		memset(row.src.b, 0xfe, sizeof(row.src.b));
		row.dst = row.src;
		add(w, &row);
	}
	assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
	assert_true(size <= HIN_BATCH_BYTES);
	assert_int_equal(hin_batch_reader_open(&r, bytes, size, key.public_key, NULL), HIN_OK);
	hin_batch_writer_close(w);
}

static void header_comes_back(void **state)
{
	uint8_t authority[32] = { 9, 8, 7 };
	struct hin_batch_writer *w = writer_of(4);
	struct hin_batch_reader r;
	const uint8_t *bytes;
	size_t size;

	(void)state;
	hin_batch_writer_set_authority(w, authority);
	hin_batch_writer_set_clock(w, INT32_MIN, HIN_CLOCK_STATE_RECORDED);
	hin_batch_writer_set_dark(w, UINT64_MAX);
	assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
	assert_int_equal(hin_batch_reader_open(&r, bytes, size, key.public_key, NULL), HIN_OK);
	assert_int_equal(r.header.schema, HIN_BATCH_SCHEMA);
	assert_memory_equal(r.header.sensor, key.id, sizeof(key.id));
	assert_true(r.header.epoch == start.epoch);
	assert_int_equal(r.header.sequence, 1);
	assert_memory_equal(r.header.authority, authority, 32);
	assert_memory_equal(r.header.registry, hin_registry_digest, 32);
	assert_int_equal(r.header.clock_offset_us, INT32_MIN);
	assert_int_equal(r.header.clock_state, HIN_CLOCK_STATE_RECORDED);
	assert_true(r.header.dark_addresses == UINT64_MAX);
	hin_batch_writer_set_authority(w, NULL);
	hin_batch_writer_set_clock(w, INT32_MAX, 0);
	assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
	assert_int_equal(hin_batch_reader_open(&r, bytes, size, key.public_key, NULL), HIN_OK);
	assert_int_equal(r.header.clock_offset_us, INT32_MAX);
	assert_int_equal(r.header.sequence, 2);
	memset(authority, 0, sizeof(authority));
	assert_memory_equal(r.header.authority, authority, 32);
	hin_batch_writer_close(w);
}

/* For every kind, every field outside its list is refused by writer and reader. */
static void forbidden_fields_are_refused(void **state)
{
	const struct hin_word *kinds;
	size_t count = hin_registry_words(HIN_REGISTRY_KINDS, &kinds), refused = 0;
	struct hin_batch_writer *w = writer_of(1000);
	struct hin_error err;
	uint64_t seed = 4;

	(void)state;
	assert_true(count >= 11);
	for (size_t i = 0; i < count; i++) {
		uint16_t kind = (uint16_t)kinds[i].number;

		for (uint32_t field = 0; field < HIN_FIELDS; field++) {
			struct hin_observation row;
			bool allowed = hin_kind_fields(kind) >> field & 1;

			row = rows_fill(&seed, kind, UINT64_C(1) << field);
			if (field == HIN_FIELD_DEVICE)
				row.device_basis = 0;
			if (field == HIN_FIELD_ARTIFACT)
				row.artifact_type = 0;
			if (field == HIN_FIELD_SRC_LEN)
				row.src_len = 24;
			if (field == HIN_FIELD_DST_LEN)
				row.dst_len = 24;
			if (field == HIN_FIELD_DEVICE_BASIS)
				row.device_basis = 1;
			if (field == HIN_FIELD_ARTIFACT_TYPE)
				row.artifact_type = 1;
			err = (struct hin_error){ 0 };
			if (!allowed) {
				assert_int_equal(hin_batch_writer_add(w, &row, &err), HIN_EDENIED);
				assert_non_null(strstr(err.text, kinds[i].name));
				assert_non_null(strstr(err.text, hin_field_name(field)));
				refused++;
			} else if (hin_observation_check(&row, NULL) == HIN_OK) {
				add(w, &row);
			}
		}
	}
	assert_true(refused > 150);
	hin_batch_writer_close(w);
}

static void wrong_values_are_refused(void **state)
{
	static const struct {
		const char *name;
		struct hin_observation row;
		enum hin_code want;
	} cases[] = {
		{ "kind none", { .kind = 0 }, HIN_ENOENT },
		{ "kind unknown", { .kind = 59999 }, HIN_ENOENT },
		{ "time before 1970", { .kind = 60000, .time_us = -1 }, HIN_ERANGE },
		{ "time in 10000", { .kind = 60000, .time_us = HIN_TIME_MAX + 1 }, HIN_ERANGE },
		{ "confidence", { .kind = 60000, .confidence = 101 }, HIN_ERANGE },
		{ "presence bit", { .kind = 60000, .has = 4 }, HIN_ERANGE },
		{ "length without address", { .kind = 60000, .src_len = 8 }, HIN_ERANGE },
		{ "length over 32",
		  { .kind = 60000, .has = 1, .src = { { [10] = 255, [11] = 255 } }, .src_len = 33 },
		  HIN_ERANGE },
		{ "length 32",
		  { .kind = 60000, .has = 1, .src = { { [10] = 255, [11] = 255 } }, .src_len = 32 },
		  HIN_OK },
		{ "length over 128", { .kind = 60000, .has = 2, .dst_len = 129 }, HIN_ERANGE },
		{ "host bits",
		  { .kind = 60000, .has = 2, .dst = { { [8] = 1 } }, .dst_len = 71 },
		  HIN_ERANGE },
		{ "no host bits",
		  { .kind = 60000, .has = 2, .dst = { { [8] = 1 } }, .dst_len = 72 },
		  HIN_OK },
		{ "17 tags", { .kind = 60000, .tag_count = 17 }, HIN_ERANGE },
		{ "tag zero", { .kind = 60000, .tag_count = 1 }, HIN_ERANGE },
		{ "tags twice", { .kind = 60000, .tag_count = 2, .tags = { 5, 5 } }, HIN_ERANGE },
		{ "tags down", { .kind = 60000, .tag_count = 2, .tags = { 5, 4 } }, HIN_ERANGE },
		{ "version blank", { .kind = 60000, .version = "1 2" }, HIN_EFORMAT },
		{ "version quote", { .kind = 60000, .version = "\"" }, HIN_EFORMAT },
		{ "version 8 bit", { .kind = 60000, .version = "\xe3\x81\x82" }, HIN_EFORMAT },
		{ "version of all", { .kind = 60000, .version = "09AZaz._+-" }, HIN_OK },
		{ "device without basis", { .kind = 60000, .device = { 1 } }, HIN_ERANGE },
		{ "basis without device", { .kind = 60000, .device_basis = 1 }, HIN_ERANGE },
		{ "artifact without type",
		  { .kind = 60000, .artifact = { [31] = 1 } },
		  HIN_ERANGE },
		{ "type without artifact", { .kind = 60000, .artifact_type = 1 }, HIN_ERANGE },
	};
	struct hin_batch_writer *w = writer_of(HIN_COUNT(cases));
	struct hin_observation row = { .kind = 60000 };
	size_t good = 0;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t before = hin_batch_writer_rows(w);

		if (hin_batch_writer_add(w, &cases[i].row, NULL) != cases[i].want)
			fail_msg("%s: wrong code", cases[i].name);
		good = before + (cases[i].want == HIN_OK);
		assert_int_equal(hin_batch_writer_rows(w), good);
	}
	memset(row.version, 'x', sizeof(row.version)); /* no end */
	assert_int_equal(hin_batch_writer_add(w, &row, NULL), HIN_EFORMAT);
	hin_batch_writer_close(w);
}

/* A small batch with every kind of column. */
static uint8_t *small_batch(size_t *size)
{
	struct hin_observation rows[12];
	struct hin_batch_writer *w = writer_of(HIN_COUNT(rows));
	uint64_t seed = 5;
	uint8_t *copy;

	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		rows[i] = i % 3 == 0 ? rows_fill(&seed, HIN_KIND_PRIVATE, UINT64_MAX)
				     : rows_any(&seed);
		add(w, &rows[i]);
	}
	copy = finish_and_compare(w, rows, HIN_COUNT(rows), size);
	hin_batch_writer_close(w);
	return copy;
}

/* Read all there is; any code will do, nothing may be touched outside. */
static void read_all(const uint8_t *bytes, size_t size)
{
	struct hin_batch_reader r;
	struct hin_observation row;

	if (hin_batch_reader_open(&r, bytes, size, NULL, NULL) != HIN_OK)
		return;
	while (hin_batch_reader_next(&r, &row, NULL) != HIN_EOF)
		assert_true(row.tag_count <= HIN_TAGS_MAX);
}

static void every_flipped_bit_is_seen(void **state)
{
	struct hin_batch_reader r;
	size_t size;
	uint8_t *bytes = small_batch(&size);

	(void)state;
	for (size_t bit = 0; bit < size * 8; bit += 3) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (hin_batch_reader_open(&r, bytes, size, key.public_key, NULL) == HIN_OK)
			fail_msg("bit %zu of byte %zu", bit % 8, bit / 8);
		read_all(bytes, size);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(hin_batch_reader_open(&r, bytes, size, key.public_key, NULL), HIN_OK);
	free(bytes);
}

static void every_truncation_is_seen(void **state)
{
	struct hin_batch_reader r;
	size_t size;
	uint8_t *bytes = small_batch(&size);

	(void)state;
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = hin_test_copy(bytes, cut);

		assert_int_not_equal(hin_batch_reader_open(&r, copy, cut, key.public_key, NULL),
				     HIN_OK);
		if (hin_batch_reader_open(&r, copy, cut, NULL, NULL) == HIN_OK)
			fail_msg("%zu of %zu bytes are a batch", cut, size);
		free(copy);
	}
	free(bytes);
}

/* Truncate in front of a signature that is put back: the frame is whole, its inside is cut. */
static void cuts_before_the_signature_never_crash(void **state)
{
	size_t size;
	uint8_t *bytes = small_batch(&size);
	size_t body = size - HIN_BATCH_SIGNATURE;

	(void)state;
	if (size < HIN_BATCH_SIGNATURE)
		abort();
	for (size_t cut = 0; cut < body; cut++) {
		uint8_t *copy = hin_test_copy(bytes, cut + HIN_BATCH_SIGNATURE);

		memcpy(copy + cut, bytes + body, HIN_BATCH_SIGNATURE);
		read_all(copy, cut + HIN_BATCH_SIGNATURE);
		free(copy);
	}
	free(bytes);
}

/* Bodies in hexadecimal between a good header and a signature, read without a key. */
static void hostile_columns_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint8_t rows;
		uint8_t bytes[24];
		size_t size;
		enum hin_code want;
	} cases[] = {
		{ "no columns", 0, { 0 }, 0, HIN_OK },
		{ "constant kind", 3, { 0x8a, 1, 3, 0x12, 1, 8 }, 6, HIN_OK },
		{ "column without rows", 0, { 0x8a, 1, 3, 0x12, 1, 8 }, 6, HIN_EFORMAT },
		{ "two values for three rows", 3, { 0x8a, 1, 4, 0x12, 2, 8, 8 }, 7, HIN_EFORMAT },
		{ "four values for three rows",
		  3,
		  { 0x8a, 1, 6, 0x12, 4, 8, 8, 8, 8 },
		  9,
		  HIN_EFORMAT },
		{ "no values", 3, { 0x8a, 1, 0 }, 3, HIN_EFORMAT },
		{ "runs too long", 3, { 0x8a, 1, 7, 0x0a, 2, 0, 4, 0x12, 1, 8 }, 10, HIN_EFORMAT },
		{ "runs of nothing",
		  3,
		  { 0x8a, 1, 7, 0x0a, 2, 0, 0, 0x12, 1, 8 },
		  10,
		  HIN_EFORMAT },
		{ "runs not in pairs", 3, { 0x8a, 1, 6, 0x0a, 1, 1, 0x12, 1, 8 }, 9, HIN_EFORMAT },
		{ "runs good", 3, { 0x8a, 1, 7, 0x0a, 2, 1, 2, 0x12, 1, 8 }, 10, HIN_OK },
		{ "varint without end", 3, { 0x8a, 1, 3, 0x12, 1, 0x80 }, 6, HIN_EFORMAT },
		{ "varint of 11 bytes",
		  1,
		  { 0x92, 1, 13, 0x12, 11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		    0xff, 1 },
		  16,
		  HIN_EFORMAT },
		{ "columns out of order",
		  1,
		  { 0x92, 1, 3, 0x12, 1, 8, 0x8a, 1, 3, 0x12, 1, 8 },
		  12,
		  HIN_EFORMAT },
		{ "column twice",
		  1,
		  { 0x8a, 1, 3, 0x12, 1, 8, 0x8a, 1, 3, 0x12, 1, 8 },
		  12,
		  HIN_EFORMAT },
		{ "parts out of order",
		  3,
		  { 0x8a, 1, 7, 0x12, 1, 8, 0x0a, 2, 1, 2 },
		  10,
		  HIN_EFORMAT },
		{ "column is no message", 1, { 0x88, 1, 5 }, 3, HIN_EFORMAT },
		{ "length beyond the end", 1, { 0x8a, 1, 0x7f, 0x12 }, 4, HIN_ETRUNCATED },
		{ "length of 64 bits",
		  1,
		  { 0x8a, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1 },
		  12,
		  HIN_ETRUNCATED },
		{ "port over 65535", 1, { 0xba, 1, 5, 0x12, 3, 0x80, 0x80, 4 }, 8, HIN_ERANGE },
		{ "half an address", 1, { 0x9a, 1, 4, 0x1a, 2, 1, 2 }, 7, HIN_EFORMAT },
		{ "an address too many",
		  1,
		  { 0x9a, 1, 10, 0x1a, 8, 1, 2, 3, 4, 5, 6, 7, 8 },
		  13,
		  HIN_EFORMAT },
		{ "IPv4 among IPv6",
		  1,
		  { 0x9a, 1, 18, 0x22, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 1, 2, 3, 4 },
		  21,
		  HIN_EFORMAT },
		{ "half a digest", 1, { 0xda, 2, 3, 0x12, 1, 1 }, 6, HIN_EFORMAT },
		{ "empty version", 1, { 0xba, 2, 2, 0x12, 0 }, 5, HIN_ERANGE },
		{ "version with NUL", 1, { 0xba, 2, 5, 0x12, 3, 'a', 0, 'b' }, 8, HIN_EFORMAT },
		{ "17 tags", 1, { 0xc2, 2, 5, 0x0a, 3, 0x12, 1, 17 }, 8, HIN_ERANGE },
		{ "a tag is missing",
		  1,
		  { 0xc2, 2, 8, 0x0a, 3, 0x12, 1, 2, 0x12, 1, 5 },
		  11,
		  HIN_EFORMAT },
		{ "unknown column", 1, { 0xfa, 0x0f, 1, 5 }, 4, HIN_OK },
		{ "unknown wire type", 1, { 0xfb, 0x0f, 1, 5 }, 4, HIN_ETRUNCATED },
		{ "a second signature", 1, { 0xfa, 0x7f, 1, 5 }, 4, HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		static const uint8_t tail[3] = { 0xfa, 0x7f, 64 };
		uint8_t bytes[200] = { 0x08, 1, 0x12, 16, [20] = 0x20, 1, 0x52, 32 };
		size_t at = 22 + 34;
		struct hin_batch_reader r;
		struct hin_error err = { 0 };
		uint8_t *copy;
		enum hin_code got;

		if (cases[i].rows > 0) {
			bytes[at++] = 0x58;
			bytes[at++] = cases[i].rows;
		}
		memcpy(bytes + at, cases[i].bytes, cases[i].size);
		at += cases[i].size;
		memcpy(bytes + at, tail, sizeof(tail));
		copy = hin_test_copy(bytes, at + HIN_BATCH_SIGNATURE);
		got = hin_batch_reader_open(&r, copy, at + HIN_BATCH_SIGNATURE, NULL, &err);
		if (got != cases[i].want)
			fail_msg("%s: %s: %s", cases[i].name, hin_code_text(got), err.text);
		read_all(copy, at + HIN_BATCH_SIGNATURE);
		free(copy);
	}
}

static void another_key_is_refused(void **state)
{
	static const uint8_t seed[32] = { 4 };
	struct hin_sensor_key other;
	struct hin_batch_reader r;
	size_t size;
	uint8_t *bytes = small_batch(&size);

	(void)state;
	assert_int_equal(hin_sensor_key_of_seed(&other, seed, NULL), HIN_OK);
	assert_int_equal(hin_batch_reader_open(&r, bytes, size, other.public_key, NULL),
			 HIN_EVERIFY);
	assert_int_equal(hin_batch_verify(bytes, size, other.public_key, NULL), HIN_EVERIFY);
	assert_int_equal(hin_batch_verify(bytes, size, key.public_key, NULL), HIN_OK);
	assert_int_equal(hin_batch_verify(bytes, 66, key.public_key, NULL), HIN_ETRUNCATED);
	free(bytes);
}

static void batches_are_chained(void **state)
{
	struct hin_batch_writer *w = writer_of(4);
	struct hin_batch_mark mark = start, fork;
	struct hin_batch_header header[4];
	uint8_t digest[4][32];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct hin_observation row = { .kind = HIN_KIND_ROAD_ALIVE, .packets = i };
		struct hin_batch_reader r;
		const uint8_t *bytes;
		size_t size;

		add(w, &row);
		assert_int_equal(hin_batch_writer_finish(w, &bytes, &size, NULL), HIN_OK);
		assert_int_equal(hin_batch_reader_open(&r, bytes, size, key.public_key, NULL),
				 HIN_OK);
		header[i] = r.header;
		hin_batch_digest(digest[i], bytes, size);
		assert_memory_equal(hin_batch_writer_mark(w)->digest, digest[i], 32);
		assert_int_equal(hin_batch_chain(&mark, &r.header, digest[i]), HIN_CHAIN_NEXT);
		mark = *hin_batch_writer_mark(w);
		assert_int_equal(mark.sequence, i + 1);
	}
	assert_int_equal(hin_batch_chain(&mark, &header[3], digest[3]), HIN_CHAIN_REPEAT);
	assert_int_equal(hin_batch_chain(&mark, &header[3], digest[2]), HIN_CHAIN_FORK);
	assert_int_equal(hin_batch_chain(&mark, &header[1], digest[1]), HIN_CHAIN_REPEAT);
	assert_int_equal(hin_batch_chain(&start, &header[1], digest[1]), HIN_CHAIN_GAP);
	fork = (struct hin_batch_mark){ start.epoch, 1, { 1 } };
	assert_int_equal(hin_batch_chain(&fork, &header[1], digest[1]), HIN_CHAIN_FORK);
	fork.epoch++;
	assert_int_equal(hin_batch_chain(&fork, &header[1], digest[1]), HIN_CHAIN_EPOCH);
	hin_batch_writer_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(every_field_alone_comes_back),
		cmocka_unit_test(empty_and_full_batches),
		cmocka_unit_test(widest_rows_fit),
		cmocka_unit_test(header_comes_back),
		cmocka_unit_test(forbidden_fields_are_refused),
		cmocka_unit_test(wrong_values_are_refused),
		cmocka_unit_test(every_flipped_bit_is_seen),
		cmocka_unit_test(every_truncation_is_seen),
		cmocka_unit_test(cuts_before_the_signature_never_crash),
		cmocka_unit_test(hostile_columns_are_refused),
		cmocka_unit_test(another_key_is_refused),
		cmocka_unit_test(batches_are_chained),
	};

	return cmocka_run_group_tests(tests, make_key, NULL);
}
