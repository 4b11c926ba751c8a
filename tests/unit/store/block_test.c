/* Blocks: rows that come back as they were, columns by their kinds, damage that is named. */
#include "../observe/rows.h"
#include "../test.h"
#include "store/block_priv.h"

static struct hin_coder coder;
static struct hin_block_reader reader;

static int setup(void **state)
{
	(void)state;
	return hin_coder_init(&coder, NULL) == HIN_OK &&
			       hin_block_reader_init(&reader, NULL) == HIN_OK
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	(void)state;
	hin_coder_fini(&coder);
	hin_block_reader_fini(&reader);
	return 0;
}

/* ---- packing ---- */

static void packs_every_width(void **state)
{
	static uint32_t in[1000], out[1000 + HIN_COLUMN_SLACK];
	static uint8_t bytes[4 * 1000 + HIN_COLUMN_SLACK];
	uint64_t seed = 1;

	(void)state;
	for (unsigned width = 0; width <= 32; width++)
		for (size_t count = 1; count <= 1000; count += 111) {
			for (size_t i = 0; i < count; i++)
				in[i] = (uint32_t)(rows_random(&seed) &
						   ((UINT64_C(1) << width) - 1));
			memset(bytes, 0xff, sizeof(bytes));
			hin_pack(bytes, in, count, width);
			hin_unpack(out, bytes, count, width);
			assert_memory_equal(in, out, count * sizeof(in[0]));
		}
}

static void patches_what_is_large(void **state)
{
	static uint32_t in[65536], out[65536 + HIN_COLUMN_SLACK];
	uint64_t seed = 2;

	(void)state;
	for (size_t round = 0; round < 20; round++) {
		size_t count = round == 0 ? 65536 : 1 + rows_below(&seed, 5000);
		struct hin_buffer bytes = { 0 };
		struct hin_reader read;

		for (size_t i = 0; i < count; i++)
			in[i] = rows_below(&seed, 50) == 0 ? (uint32_t)rows_random(&seed)
							   : (uint32_t)rows_below(&seed, round + 1);
		hin_patched_write(&bytes, in, count);
		assert_int_equal(bytes.used, hin_patched_size(in, count));
		hin_buffer_fill(&bytes, 0, HIN_COLUMN_SLACK);
		read = hin_reader_of(bytes.data, bytes.used - HIN_COLUMN_SLACK);
		assert_true(hin_patched_read(&read, out, count));
		assert_int_equal(read.left, 0);
		assert_memory_equal(in, out, count * sizeof(in[0]));
		hin_buffer_fini(&bytes);
	}
}

static void ascends(void **state)
{
	static uint32_t in[65536], out[65536 + HIN_COLUMN_SLACK];
	static const uint32_t steps[] = { 1, 2, 3, 100, 65535 };

	(void)state;
	for (size_t s = 0; s < HIN_COUNT(steps); s++) {
		uint64_t seed = 3 + s;

		for (size_t count = 1; count <= 65536; count = count * 3 + 1) {
			struct hin_buffer bytes = { 0 };
			struct hin_reader read;
			uint32_t value = s == 2 ? 4000000000u : (uint32_t)rows_below(&seed, 7);
			size_t n = 0;

			for (; n < count && value < UINT32_MAX - steps[s]; n++) {
				in[n] = value;
				value += 1 + (uint32_t)rows_below(&seed, steps[s]);
			}
			hin_ascending_write(&bytes, in, n, in[n - 1]);
			hin_buffer_fill(&bytes, 0, HIN_COLUMN_SLACK);
			read = hin_reader_of(bytes.data, bytes.used - HIN_COLUMN_SLACK);
			assert_true(hin_ascending_read(&read, out, n, in[n - 1]));
			assert_memory_equal(in, out, n * sizeof(in[0]));
			/* one bit more is another list, or none */
			bytes.data[0] ^= 1;
			read = hin_reader_of(bytes.data, bytes.used - HIN_COLUMN_SLACK);
			if (hin_ascending_read(&read, out, n, in[n - 1]))
				assert_memory_not_equal(in, out, n * sizeof(in[0]));
			hin_buffer_fini(&bytes);
		}
	}
}

static void sums_as_castagnoli(void **state)
{
	(void)state;
	/* RFC 3720, B.4, and the check value of CRC-32C */
	static const uint8_t zeros[32];
	static uint8_t bytes[20000];
	uint64_t seed = 9;

	assert_int_equal(hin_sum(zeros, 32), 0x8a9136aa);
	assert_int_equal(hin_sum("123456789", 9), 0xe3069283);
	/* long ones, that are summed in several lanes */
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rows_random(&seed);
	for (size_t size = 3000; size < sizeof(bytes); size = size * 8 / 7) {
		uint32_t sum = UINT32_MAX;

		for (size_t i = 0; i < size; i++) {
			sum ^= bytes[i];
			for (unsigned bit = 0; bit < 8; bit++)
				sum = sum >> 1 ^ ((0 - (sum & 1)) & 0x82f63b78u);
		}
		assert_int_equal(hin_sum(bytes, size), ~sum);
	}
}

static void masks_a_range(void **state)
{
	static uint32_t values[1000];
	static uint8_t mask[1000];
	uint64_t seed = 4;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(values); i++)
		values[i] = i % 5 == 0 ? UINT32_MAX - (uint32_t)i : (uint32_t)rows_below(&seed, 9);
	for (size_t count = 0; count < HIN_COUNT(values); count += 37) {
		hin_mask_range(mask, values, count, 3, 2);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(mask[i], values[i] >= 3 && values[i] <= 5);
		hin_mask_range(mask, values, count, 8, UINT32_MAX - 8);
		for (size_t i = 0; i < count; i++)
			assert_int_equal(mask[i], values[i] >= 8);
	}
}

/* ---- columns ---- */

enum { LOAD8, LOAD16, LOAD32, LOAD64 };

static void write_column(int load, const uint64_t *values, size_t count, struct hin_buffer *out,
			 struct hin_part *part)
{
	static uint8_t u8[65536];
	static uint16_t u16[65536];
	static uint32_t u32[65536];

	for (size_t i = 0; i < count; i++) {
		u8[i] = (uint8_t)values[i];
		u16[i] = (uint16_t)values[i];
		u32[i] = (uint32_t)values[i];
	}
	if (load == LOAD8)
		hin_coder_load_u8(&coder, u8, count);
	else if (load == LOAD16)
		hin_coder_load_u16(&coder, u16, count);
	else if (load == LOAD32)
		hin_coder_load_u32(&coder, u32, count);
	else
		hin_coder_load_u64(&coder, values, count);
	hin_coder_write(&coder, out, part);
	assert_false(out->failed);
}

static void hold(struct hin_piece *piece, bool packed, uint32_t raw, const char *bytes, size_t size)
{
	size_t room = size + HIN_COLUMN_SLACK;
	uint8_t *copy = calloc(1, room);

	if (size > 0)
		memcpy(copy, bytes, size);
	assert_int_equal(hin_piece_hold(piece, reader.zstd, packed, raw, &copy, &room, size),
			 HIN_OK);
	free(copy);
}

/* Some rows alone are what they are among all. */
static void expect_picked(const char *name, struct hin_column_data *c, const char *pieces,
			  const uint64_t *values, size_t some)
{
	uint32_t *rows = calloc(some, sizeof(*rows)), last = c->part.count - 1;
	uint64_t *out = calloc(some, sizeof(*out));
	struct hin_piece plain = { 0 };

	for (size_t i = 0; i < some; i++)
		rows[i] = (uint32_t)(some == 1 ? last : i * last / (some - 1));
	for (size_t i = 0; i < some; i++) {
		uint32_t at = c->part.stretch > 0 ? rows[i] / c->part.stretch : 0;
		const struct hin_stretch *s = &c->stretches[at];

		hold(&plain, s->zstd, s->raw, pieces + s->offset, s->stored);
		assert_int_equal(
			hin_column_pick_codes(c, at, plain.bytes, plain.size, rows + i, 1, out + i),
			HIN_OK);
	}
	assert_int_equal(hin_column_pick_values(c, out, some), HIN_OK);
	for (size_t i = 0; i < some; i++)
		if (out[i] != values[rows[i]])
			fail_msg("%s: row %u of %zu", name, rows[i], some);
	free(plain.bytes);
	free(rows);
	free(out);
}

static void read_all(const char *name, struct hin_column_data *c, const char *pieces,
		     const uint64_t *values)
{
	struct hin_piece plain = { 0 };

	for (uint32_t i = 0; i < c->stretch_count; i++) {
		const struct hin_stretch *s = &c->stretches[i];

		assert_int_equal(hin_sum(pieces + s->offset, s->stored), s->sum);
		hold(&plain, s->zstd, s->raw, pieces + s->offset, s->stored);
		assert_int_equal(hin_column_read_codes(c, i, plain.bytes, plain.size), HIN_OK);
	}
	for (size_t k = 0; k < c->part.count; k++)
		if (hin_column_at(c, k) != values[k])
			fail_msg("%s: row %zu", name, k);
	free(plain.bytes);
}

/* The dictionary's order, without unpacking it. */
static void expect_ranks(const char *name, const struct hin_column_data *c)
{
	uint32_t rank;

	for (uint32_t i = 0; i < c->part.distinct; i++) {
		if (hin_column_rank(c, c->dict[i], &rank) != HIN_OK || rank != i)
			fail_msg("%s: value %u has rank %u", name, i, rank);
		if (hin_column_rank(c, c->dict[i] + UINT64_C(1), &rank) != HIN_OK || rank != i + 1)
			fail_msg("%s: behind value %u there is rank %u", name, i, rank);
	}
}

static void columns_come_back(void **state)
{
	static const struct {
		const char *name;
		int load;
		uint64_t base, limit, times;
		unsigned skew; /* of 8, how many are small */
		int shape, codes;
		double bits; /* a number, at most */
	} cases[] = {
		{ "one value", LOAD64, 7, 1, 1, 0, HIN_SHAPE_CONST, 0, 0 },
		{ "two values", LOAD8, 6, 2, 11, 0, HIN_SHAPE_DICT, HIN_CODES_PACKED, 1.1 },
		{ "five values", LOAD16, 6, 5, 11, 0, HIN_SHAPE_DICT, HIN_CODES_PACKED, 4.1 },
		{ "skewed few", LOAD16, 1, 100, 7, 7, HIN_SHAPE_DICT, HIN_CODES_BYTES, 3.7 },
		{ "skewed many", LOAD16, 1, 5000, 7, 6, HIN_SHAPE_DICT, HIN_CODES_ESCAPE, 9 },
		{ "random ports", LOAD16, 0, 65536, 1, 0, HIN_SHAPE_OFFSETS, 0, 16.1 },
		{ "addresses", LOAD32, 1u << 24, 30000, 60011, 0, HIN_SHAPE_DICT, HIN_CODES_PACKED,
		  25 },
		{ "random addresses", LOAD32, 0, UINT32_MAX, 1, 0, HIN_SHAPE_OFFSETS, 0, 32.1 },
		{ "minutes", LOAD64, UINT64_C(1763776800000000), 1440, 60000000, 0, HIN_SHAPE_DICT,
		  HIN_CODES_PACKED, 12 },
		{ "microseconds", LOAD64, UINT64_C(1763776800000000), UINT64_C(86400000000), 1, 0,
		  HIN_SHAPE_WIDE, 0, 38 },
		{ "hashes", LOAD64, 0, UINT64_MAX, 1, 0, HIN_SHAPE_WIDE, 0, 66 },
	};
	static uint64_t values[65536];
	struct hin_column_data column = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };
		struct hin_part part = { .id = 1 };
		uint64_t seed = i;
		size_t count = i % 2 == 0 ? 65536 : 60001, size;
		const char *pieces;

		for (size_t k = 0; k < count; k++) {
			uint64_t v = rows_random(&seed) % cases[i].limit;

			if (rows_below(&seed, 8) < cases[i].skew)
				v = rows_below(&seed, 4);
			values[k] = cases[i].base + v * cases[i].times;
		}
		write_column(cases[i].load, values, count, &out, &part);
		if (part.shape != cases[i].shape ||
		    (part.shape == HIN_SHAPE_DICT && part.codes != cases[i].codes))
			fail_msg("%s: shape %u, codes %u", cases[i].name, part.shape, part.codes);
		size = out.used;
		if ((double)size * 8 / (double)count > cases[i].bits)
			fail_msg("%s: %zu bytes", cases[i].name, size);
		hin_column_start(&column, &part);
		hold(&column.summary, part.zstd_summary, part.summary_raw, out.data, part.summary);
		pieces = out.data + part.summary;
		assert_int_equal(
			hin_column_read_directory(&column, (const uint8_t *)pieces, part.directory),
			HIN_OK);
		assert_int_equal(column.stretch_count, part.stretch > 0 ? 8 : 1);
		if (part.shape != HIN_SHAPE_CONST)
			for (size_t some = 1; some < 10; some += 4)
				expect_picked(cases[i].name, &column, pieces, values, some);
		if (part.shape == HIN_SHAPE_DICT)
			assert_int_equal(hin_column_read_summary(&column), HIN_OK);
		if (part.shape == HIN_SHAPE_DICT)
			expect_ranks(cases[i].name, &column);
		if (part.shape != HIN_SHAPE_CONST)
			read_all(cases[i].name, &column, pieces, values);
		hin_buffer_fini(&out);
	}
	hin_column_fini(&column);
}

/* ---- blocks ---- */

static struct hin_store_batch batch_of(uint64_t sequence)
{
	struct hin_store_batch b = {
		.epoch = 5, .sequence = sequence, .received_us = 77, .dark_addresses = 65536
	};

	b.sensor[0] = (uint8_t)(sequence % 3);
	b.digest[31] = (uint8_t)sequence;
	return b;
}

static void fill(struct hin_builder *b, struct hin_observation *rows, size_t count, uint64_t seed,
		 uint64_t fields)
{
	for (size_t i = 0; i < count; i++) {
		rows[i] = rows_fill(&seed, HIN_KIND_PRIVATE,
				    fields != 0 ? fields : rows_random(&seed) & UINT32_MAX);
		rows[i].time_us = INT64_C(1763776800000000) + (int64_t)rows_below(&seed, 1u << 30);
		if (i % 100 == 0) {
			struct hin_store_batch batch = batch_of(i / 100 + 1);

			assert_int_equal(
				hin_builder_reserve(
					b, count - i < 100 ? (uint32_t)(count - i) : 100, NULL),
				HIN_OK);
			hin_builder_start_batch(b, &batch);
		}
		assert_int_equal(hin_builder_add(b, &rows[i]), HIN_OK);
	}
}

/* Read the block at `bytes`; false when it is refused. */
static bool read_block(const uint8_t *bytes, size_t size, const struct hin_observation *want,
		       const char *what)
{
	static struct hin_part parts[HIN_PARTS_KNOWN];
	static struct hin_block_head head;
	struct hin_block_rows rows;
	struct hin_observation o;
	size_t need;

	if (hin_block_head_read(&head, parts, bytes, size, &need) != HIN_OK || head.size > size)
		return false;
	hin_block_reader_start(&reader, -1, "memory", 0, &head);
	reader.memory = bytes;
	if (hin_block_rows_open(&rows, &reader, UINT64_MAX, NULL) != HIN_OK)
		return false;
	for (uint32_t i = 0; i < head.rows; i++) {
		hin_block_row(&rows, i, &o);
		if (want != NULL && !hin_observation_equal(&o, &want[i]))
			fail_msg("%s: row %u differs", what, i);
		assert_true(o.time_us >= head.time_min && o.time_us <= head.time_max);
	}
	hin_block_rows_fini(&rows);
	return hin_block_batches(&reader, NULL) == HIN_OK;
}

static void rows_come_back(void **state)
{
	static const struct {
		const char *name;
		size_t count;
		uint64_t fields; /* 0: other ones in each row */
	} cases[] = {
		{ "one row", 1, 0 },
		{ "some rows, all fields", 700, UINT32_MAX },
		{ "some rows, any fields", 5000, 0 },
		{ "a full block", 65536,
		  1u << HIN_FIELD_TIME | 1u << HIN_FIELD_SRC | 1u << HIN_FIELD_DST |
			  1u << HIN_FIELD_DPORT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_observation *rows = calloc(cases[i].count, sizeof(*rows));
		struct hin_builder b = { 0 };
		struct hin_buffer out = { 0 };
		uint32_t half = (uint32_t)cases[i].count / 2;

		fill(&b, rows, cases[i].count, i, cases[i].fields);
		assert_int_equal(hin_block_write(&coder, &b, 0, b.rows, &out, NULL), HIN_OK);
		assert_true(read_block((uint8_t *)out.data, out.used, rows, cases[i].name));
		assert_int_equal(reader.batch_count, (cases[i].count + 99) / 100);
		assert_int_equal(reader.batches[0].batch.sequence, 1);
		assert_int_equal(reader.batches[0].batch.digest[31], 1);
		assert_int_equal(reader.batches[0].batch.received_us, 77);
		/* and the second half alone, behind the first block */
		hin_buffer_reset(&out);
		hin_buffer_puts(&out, "xyz");
		assert_int_equal(hin_block_write(&coder, &b, half, b.rows, &out, NULL), HIN_OK);
		assert_true(read_block((uint8_t *)out.data + 3, out.used - 3, rows + half,
				       cases[i].name));
		assert_int_equal(reader.batches[0].batch.sequence, half / 100 + 1);
		/* and the same when the first ones are forgotten */
		if (cases[i].count > 200) {
			hin_builder_shift(&b, 200);
			hin_buffer_reset(&out);
			assert_int_equal(hin_block_write(&coder, &b, 0, b.rows, &out, NULL),
					 HIN_OK);
			assert_true(read_block((uint8_t *)out.data, out.used, rows + 200,
					       cases[i].name));
			assert_int_equal(reader.batches[0].batch.sequence, 3);
		}
		hin_builder_fini(&b);
		hin_buffer_fini(&out);
		free(rows);
	}
}

static void goes_back(void **state)
{
	struct hin_observation *rows = calloc(2000, sizeof(*rows));
	struct hin_builder b = { 0 };
	struct hin_builder_mark mark;
	struct hin_buffer once = { 0 }, again = { 0 };

	(void)state;
	fill(&b, rows, 1000, 1, 0);
	assert_int_equal(hin_block_write(&coder, &b, 0, b.rows, &once, NULL), HIN_OK);
	mark = hin_builder_mark(&b);
	fill(&b, rows + 1000, 1000, 2, 0);
	hin_builder_rewind(&b, &mark);
	assert_int_equal(hin_block_write(&coder, &b, 0, b.rows, &again, NULL), HIN_OK);
	assert_int_equal(once.used, again.used);
	assert_memory_equal(once.data, again.data, once.used);
	hin_builder_fini(&b);
	hin_buffer_fini(&once);
	hin_buffer_fini(&again);
	free(rows);
}

/* Every byte is under some checksum: none can change unseen. */
static void sees_damage(void **state)
{
	struct hin_observation *rows = calloc(300, sizeof(*rows));
	struct hin_builder b = { 0 };
	struct hin_buffer out = { 0 };
	size_t seen = 0;

	(void)state;
	fill(&b, rows, 300, 9, 0);
	assert_int_equal(hin_block_write(&coder, &b, 0, b.rows, &out, NULL), HIN_OK);
	for (size_t i = 0; i < out.used; i++) {
		uint8_t *bytes = hin_test_copy(out.data, out.used);

		bytes[i] ^= (uint8_t)(1u << i % 8);
		/* those that pass are of the filters, which have sums of their own */
		seen += !read_block(bytes, out.used, NULL, "damaged");
		free(bytes);
	}
	assert_true(seen > out.used * 8 / 10);
	for (size_t size = 0; size < out.used; size += 1 + size / 50) {
		uint8_t *bytes = hin_test_copy(out.data, size);

		assert_false(read_block(bytes, size, NULL, "cut"));
		free(bytes);
	}
	hin_builder_fini(&b);
	hin_buffer_fini(&out);
	free(rows);
}

static void put32(char *at, uint32_t value)
{
	value = HIN_LE32(value);
	memcpy(at, &value, sizeof(value));
}

static void put16(char *at, uint16_t value)
{
	value = HIN_LE16(value);
	memcpy(at, &value, sizeof(value));
}

/*
 * A block that a later program wrote: a longer head, longer parts, a part nobody knows here. It is
 * read as far as it is understood; one of a newer version is refused by its number.
 */
static void reads_what_is_newer(void **state)
{
	struct hin_observation *rows = calloc(300, sizeof(*rows));
	struct hin_part parts[HIN_PARTS_KNOWN];
	struct hin_block_head head;
	struct hin_builder b = { 0 };
	struct hin_buffer out = { 0 }, newer = { 0 };
	size_t need, head_size, grown;
	uint16_t count;
	char *at;

	(void)state;
	fill(&b, rows, 300, 9, 0);
	assert_int_equal(hin_block_write(&coder, &b, 0, b.rows, &out, NULL), HIN_OK);
	assert_int_equal(hin_block_head_read(&head, parts, out.data, out.used, &need), HIN_OK);
	count = head.part_count;
	head_size = head.head_size;
	grown = 64 + 8 + (size_t)(count + 1) * (HIN_PART_SIZE + 8) + 4;
	hin_buffer_fill(&newer, 0, grown);
	at = newer.data;
	memcpy(at, out.data, HIN_BLOCK_FIXED);
	put16(at + 6, (uint16_t)(count + 1));
	put16(at + 8, HIN_PART_SIZE + 8);
	put16(at + 10, HIN_BLOCK_FIXED + 8);
	put32(at + 12, (uint32_t)grown);
	put32(at + 16, (uint32_t)(out.used - head_size + grown));
	at += HIN_BLOCK_FIXED + 8;
	for (uint16_t i = 0; i < count; i++, at += HIN_PART_SIZE + 8) {
		const char *old = out.data + HIN_BLOCK_FIXED + (size_t)i * HIN_PART_SIZE;

		memcpy(at, old, HIN_PART_SIZE);
		put32(at + 48, parts[i].offset + (uint32_t)(grown - head_size));
	}
	put16(at, 999); /* the part that nobody knows */
	put32(newer.data + grown - 4, hin_sum(newer.data, grown - 4));
	hin_buffer_add(&newer, out.data + head_size, out.used - head_size);
	assert_true(read_block((uint8_t *)newer.data, newer.used, rows, "newer"));
	assert_int_equal(hin_block_head_read(&head, parts, newer.data, newer.used, &need), HIN_OK);
	assert_int_equal(head.unknown_parts, 1);
	put16(newer.data + 4, HIN_BLOCK_VERSION + 1);
	put32(newer.data + grown - 4, hin_sum(newer.data, grown - 4));
	assert_int_equal(hin_block_head_read(&head, parts, newer.data, newer.used, &need),
			 HIN_EUNSUPPORTED);
	hin_builder_fini(&b);
	hin_buffer_fini(&out);
	hin_buffer_fini(&newer);
	free(rows);
}

/* A filter has every address that is there, and few that are not. */
static void filters_addresses(void **state)
{
	static uint32_t values[65536];
	static const struct {
		uint32_t base, limit;
		unsigned wrong; /* of 10,000 addresses that are not there, found at most */
	} cases[] = { { 0xc6120000, 65536, 0 }, { 0, UINT32_MAX, 300 }, { 5, 1u << 28, 300 } };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t count = cases[i].limit == 65536 ? 20000 : 65536;
		struct hin_part part = { .id = HIN_PART_FILTER_SRC };
		struct hin_block_head head = { .size = UINT32_MAX };
		struct hin_buffer out = { 0 };
		uint64_t seed = i + 10;
		unsigned wrong = 0;
		bool maybe;

		for (size_t k = 0; k < count; k++)
			values[k] =
				cases[i].base + (uint32_t)rows_below(&seed, cases[i].limit) / 2 * 2;
		hin_coder_load_u32(&coder, values, count);
		hin_coder_distinct(&coder);
		hin_block_filter_write(&coder, true, &out, &part);
		hin_block_reader_start(&reader, -1, "memory", 0, &head);
		reader.memory = (const uint8_t *)out.data;
		for (size_t k = 0; k < count; k++) {
			assert_int_equal(hin_block_filter_ask(&reader, &part, values[k], values[k],
							      &maybe, NULL),
					 HIN_OK);
			assert_true(maybe);
			assert_int_equal(hin_block_filter_ask(&reader, &part, values[k] & ~255u,
							      values[k] | 255u, &maybe, NULL),
					 HIN_OK);
			assert_true(maybe);
		}
		for (unsigned k = 0; k < 10000; k++) {
			/* odd ones are never there */
			uint32_t a =
				cases[i].base + ((uint32_t)rows_below(&seed, cases[i].limit) | 1u);

			a |= 1u;
			if (cases[i].base & 1)
				a ^= 1u;
			assert_int_equal(hin_block_filter_ask(&reader, &part, a, a, &maybe, NULL),
					 HIN_OK);
			wrong += maybe;
		}
		if (wrong > cases[i].wrong)
			fail_msg("case %zu: %u of 10000 wrongly there", i, wrong);
		hin_buffer_fini(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_every_width), cmocka_unit_test(patches_what_is_large),
		cmocka_unit_test(ascends),	     cmocka_unit_test(sums_as_castagnoli),
		cmocka_unit_test(masks_a_range),     cmocka_unit_test(columns_come_back),
		cmocka_unit_test(rows_come_back),    cmocka_unit_test(goes_back),
		cmocka_unit_test(sees_damage),	     cmocka_unit_test(reads_what_is_newer),
		cmocka_unit_test(filters_addresses),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
