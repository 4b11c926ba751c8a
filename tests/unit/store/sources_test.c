/* The index of the sources of a file: every block of a source, and no damage that is believed. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "folder.h"
#include "store/answer.h"
#include "store/segments_house_priv.h"
#include "store/sources_priv.h"

enum { BLOCKS = 70 };

/* ---- a file of blocks ---- */

static struct hin_coder coder;
static struct hin_block_reader reader;

static int coder_setup(void **state)
{
	(void)state;
	return hin_coder_init(&coder, NULL) == HIN_OK &&
			       hin_block_reader_init(&reader, NULL) == HIN_OK
		       ? 0
		       : -1;
}

static int coder_teardown(void **state)
{
	(void)state;
	hin_coder_fini(&coder);
	hin_block_reader_fini(&reader);
	return 0;
}

/* What a block of the file has. */
enum { MANY, ONE, NO_SOURCE, SIX, SPREAD, HAS };

static unsigned has_of(uint32_t block)
{
	return block % 10 == 3 ? 1 + block / 10 % (HAS - 1) : MANY;
}

/* Source number `i` of a block: some are in all, most in some. */
static uint32_t source_of(uint32_t block, uint64_t *seed)
{
	uint64_t r = rows_random(seed);

	switch (has_of(block)) {
	case ONE:
		return 0x0a000001;
	case SPREAD:
		return (uint32_t)r;
	default:
		return r % 3 == 0 ? 0x05000000 + (uint32_t)(r >> 32) % 20
				  : (uint32_t)(r >> 32) % 3000 * 1000003 + (r >> 20) % 2;
	}
}

struct file {
	int fd;
	struct hin_segment segment;
	struct hin_heads heads;
	uint32_t *sources[BLOCKS]; /* of each block, as they came */
	size_t counts[BLOCKS];
	struct hin_buffer index; /* as it was put */
};

static void add_block(struct file *f, uint32_t block, struct hin_buffer *out)
{
	struct hin_store_batch batch = batch_head(0, 1, block + 1);
	struct hin_builder b = { .day = DAY_US / HIN_DAY_US };
	size_t rows = has_of(block) == SPREAD ? 3000 : 200;
	uint64_t seed = block + 1;

	assert_int_equal(hin_builder_reserve(&b, (uint32_t)rows, NULL), HIN_OK);
	hin_builder_start_batch(&b, &batch);
	f->sources[block] = calloc(rows, sizeof(uint32_t));
	for (size_t i = 0; i < rows; i++) {
		struct hin_observation o = { .kind = HIN_KIND_TELESCOPE_FLOW, .time_us = DAY_US };
		struct hin_addr a = hin_addr_of_v4(source_of(block, &seed));

		if (has_of(block) == SIX && i == 7)
			memset(a.b, 0x20, sizeof(a.b));
		if (has_of(block) != NO_SOURCE)
			hin_observation_set_src(&o, &a);
		if (has_of(block) != NO_SOURCE && !(has_of(block) == SIX && i == 7))
			f->sources[block][f->counts[block]++] = hin_addr_v4(&a);
		assert_int_equal(hin_builder_add(&b, &o), HIN_OK);
	}
	assert_int_equal(hin_block_write(&coder, &b, 0, (uint32_t)rows, out, NULL), HIN_OK);
	hin_builder_fini(&b);
}

static enum hin_code put(void *user, const void *bytes, size_t size, struct hin_error *err)
{
	(void)err;
	hin_buffer_add(user, bytes, size);
	return HIN_OK;
}

static bool go_on(void *user)
{
	(void)user;
	return false;
}

static bool stop(void *user)
{
	(void)user;
	return true;
}

static void no_damage(void *user, const struct hin_error *what)
{
	(void)user;
	fail_msg("%s", what->text);
}

static void make_file(struct file *f, size_t pairs)
{
	static const uint8_t id[16];
	struct hin_sources_out out = {
		.put = put, .stopped = go_on, .user = &f->index, .pairs = pairs
	};
	struct hin_buffer bytes = { 0 };
	struct hin_error err = { 0 };

	*f = (struct file){ .fd = memfd_create("test", MFD_CLOEXEC) };
	f->segment.blocks = BLOCKS;
	hin_segment_head(&bytes, id, &f->segment);
	for (uint32_t b = 0; b < BLOCKS; b++)
		add_block(f, b, &bytes);
	assert_int_equal(write(f->fd, bytes.data, bytes.used), bytes.used);
	f->segment.index = f->segment.length = bytes.used;
	assert_int_equal(
		hin_segment_heads(&f->heads, f->fd, "test", &f->segment, no_damage, NULL, &err),
		HIN_OK);
	hin_buffer_reset(&bytes);
	hin_segment_index(&bytes, &f->heads, f->fd, "test", &err);
	assert_int_equal(pwrite(f->fd, bytes.data, bytes.used, (off_t)f->segment.length),
			 bytes.used);
	f->segment.length += bytes.used;
	f->segment.sealed = true;
	if (hin_sources_write(&out, &reader, &f->heads, f->fd, "test", f->segment.length, &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(pwrite(f->fd, f->index.data, f->index.used, (off_t)f->segment.length),
			 f->index.used);
	f->segment.length += f->index.used;
	hin_buffer_fini(&bytes);
}

static void free_file(struct file *f)
{
	for (size_t b = 0; b < BLOCKS; b++)
		free(f->sources[b]);
	hin_heads_fini(&f->heads);
	hin_buffer_fini(&f->index);
	close(f->fd);
}

static bool is_in(const struct file *f, uint32_t block, uint32_t low, uint32_t high)
{
	for (size_t i = 0; i < f->counts[block]; i++)
		if (f->sources[block][i] >= low && f->sources[block][i] <= high)
			return true;
	return false;
}

/* Ask for a range; of blocks that are told of the answer is exact when `exact`. */
static void expect_range(const struct file *f, struct hin_sources *s, uint32_t low, uint32_t high,
			 bool exact)
{
	struct hin_block_set set = { 0 };
	struct hin_error err = { 0 };

	if (hin_sources_ask(s, low, high, &set, &err) != HIN_OK)
		fail_msg("%s", err.text);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		bool want = is_in(f, b, low, high), have = hin_block_set_has(&set, b);

		if (!hin_sources_untold(s, b) && have != want && (exact || want))
			fail_msg("%08x-%08x: block %u %s", low, high, b,
				 want ? "is missing" : "is too much");
	}
}

static void names_every_block(void **state)
{
	static const size_t pairs[] = { 0, 1, 500 };
	struct file files[HIN_COUNT(pairs)];
	struct hin_sources s;
	struct hin_error err = { 0 };
	uint64_t seed = 4;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(pairs); i++) {
		make_file(&files[i], pairs[i]);
		/* in how many windows it was made does not show */
		assert_int_equal(files[i].index.used, files[0].index.used);
		assert_memory_equal(files[i].index.data, files[0].index.data, files[0].index.used);
	}
	assert_int_equal(hin_sources_open(&s, files[0].fd, "test", &files[0].segment, &err),
			 HIN_OK);
	assert_true(s.pages > 4);
	assert_int_equal(hin_sources_check(&s, &files[0].heads, &err), HIN_OK);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		if (has_of(b) != SPREAD)
			assert_int_equal(hin_sources_untold(&s, b), has_of(b) == SIX);
		assert_int_equal(hin_sources_offset(&s, b), files[0].heads.refs[b].offset);
	}
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t a = source_of(0, &seed), wide = (uint32_t)rows_below(&seed, 3000000);

		expect_range(&files[0], &s, a, a, true);
		expect_range(&files[0], &s, a + 7, a + 7, true);
		expect_range(&files[0], &s, a & ~255u, a | 255u, true);
		if (i < 100)
			expect_range(&files[0], &s, a, a + wide < a ? UINT32_MAX : a + wide, true);
	}
	expect_range(&files[0], &s, 0, 0, true);
	expect_range(&files[0], &s, UINT32_MAX, UINT32_MAX, true);
	/* so wide that pages are not read: all */
	expect_range(&files[0], &s, 0, UINT32_MAX, false);
	hin_sources_close(&s);
	for (size_t i = 0; i < HIN_COUNT(pairs); i++)
		free_file(&files[i]);
}

static void refuses_to_write(void **state)
{
	struct file f;
	struct hin_buffer bytes = { 0 };
	struct hin_sources_out out = { .put = put, .stopped = stop, .user = &bytes };
	struct hin_heads none = { 0 }, many;
	struct hin_error err = { 0 };

	(void)state;
	make_file(&f, 0);
	assert_int_equal(hin_sources_write(&out, &reader, &f.heads, f.fd, "test", 0, &err),
			 HIN_EDENIED);
	assert_int_equal(hin_sources_write(&out, &reader, &none, f.fd, "test", 0, &err),
			 HIN_ELIMIT);
	many = f.heads;
	many.count = HIN_SOURCES_BLOCKS + 1;
	assert_int_equal(hin_sources_write(&out, &reader, &many, f.fd, "test", 0, &err),
			 HIN_ELIMIT);
	assert_int_equal(bytes.used, 0);
	hin_buffer_fini(&bytes);
	free_file(&f);
}

/* A fuzzer found that a block without a dictionary was believed how large that is. */
static void believes_no_size(void **state)
{
	struct file f;
	struct hin_buffer bytes = { 0 };
	struct hin_sources_out out = {
		.put = put, .stopped = go_on, .user = &bytes, .pairs = 1000
	};
	struct hin_error err = { 0 };
	unsigned changed = 0;

	(void)state;
	make_file(&f, 0);
	for (uint32_t b = 0; b < BLOCKS; b++) {
		struct hin_block_head *head = &f.heads.refs[b].head;

		for (uint16_t i = 0; i < head->part_count; i++)
			if (head->parts[i].id == HIN_PART_OF(HIN_FIELD_SRC, HIN_PART_DATA) &&
			    head->parts[i].shape != HIN_SHAPE_DICT) {
				head->parts[i].distinct = UINT32_MAX;
				changed++;
			}
	}
	assert_true(changed >= 3);
	if (hin_sources_write(&out, &reader, &f.heads, f.fd, "test",
			      f.segment.length - f.index.used, &err) != HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(bytes.used, f.index.used);
	assert_memory_equal(bytes.data, f.index.data, bytes.used);
	hin_buffer_fini(&bytes);
	free_file(&f);
}

/* A block whose dictionary is damaged is not told of. */
static void leaves_damaged_blocks_out(void **state)
{
	struct file f;
	struct hin_buffer bytes = { 0 };
	struct hin_sources_out out = { .put = put, .stopped = go_on, .user = &bytes };
	struct hin_sources s;
	struct hin_error err = { 0 };
	const struct hin_part *part;
	uint64_t at;
	uint8_t byte;

	(void)state;
	make_file(&f, 0);
	part = hin_block_part(&f.heads.refs[5].head, HIN_PART_OF(HIN_FIELD_SRC, HIN_PART_DATA));
	assert_int_equal(part->shape, HIN_SHAPE_DICT);
	at = f.heads.refs[5].offset + part->offset;
	assert_int_equal(pread(f.fd, &byte, 1, (off_t)at), 1);
	byte ^= 4;
	assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
	f.segment.length -= f.index.used;
	assert_int_equal(
		hin_sources_write(&out, &reader, &f.heads, f.fd, "test", f.segment.length, &err),
		HIN_OK);
	assert_int_equal(pwrite(f.fd, bytes.data, bytes.used, (off_t)f.segment.length), bytes.used);
	f.segment.length += bytes.used;
	assert_int_equal(hin_sources_open(&s, f.fd, "test", &f.segment, &err), HIN_OK);
	assert_true(hin_sources_untold(&s, 5));
	assert_false(hin_sources_untold(&s, 6));
	assert_int_equal(hin_sources_check(&s, &f.heads, &err), HIN_OK);
	hin_sources_close(&s);
	hin_buffer_fini(&bytes);
	free_file(&f);
}

/* Each byte counts, and each length. */
static void sees_damage(void **state)
{
	struct file f;
	struct hin_sources s;
	struct hin_error err = { 0 };
	uint64_t start, whole;
	enum hin_code code;

	(void)state;
	make_file(&f, 0);
	whole = f.segment.length;
	start = whole - f.index.used;
	for (uint64_t at = start; at<whole; at += at + 300> whole ? 1 : 7) {
		uint8_t byte;

		assert_int_equal(pread(f.fd, &byte, 1, (off_t)at), 1);
		byte ^= (uint8_t)(1u << at % 8);
		assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
		code = hin_sources_open(&s, f.fd, "test", &f.segment, &err);
		if (code == HIN_OK) {
			code = hin_sources_check(&s, &f.heads, &err);
			hin_sources_close(&s);
		}
		if (code == HIN_OK)
			fail_msg("byte %llu does not count", (unsigned long long)(at - start));
		if (code != HIN_ENOENT)
			assert_non_null(strstr(err.text, "test: offset "));
		byte ^= (uint8_t)(1u << at % 8);
		assert_int_equal(pwrite(f.fd, &byte, 1, (off_t)at), 1);
	}
	for (f.segment.length = start; f.segment.length < whole; f.segment.length += 11)
		assert_int_not_equal(hin_sources_open(&s, f.fd, "test", &f.segment, &err), HIN_OK);
	f.segment.length = whole;
	/* the file itself ends early */
	assert_int_equal(ftruncate(f.fd, (off_t)whole - 5), 0);
	assert_int_equal(hin_sources_open(&s, f.fd, "test", &f.segment, &err), HIN_ETRUNCATED);
	assert_int_equal(ftruncate(f.fd, (off_t)start + 40), 0);
	assert_int_equal(hin_sources_open(&s, f.fd, "test", &f.segment, &err), HIN_ETRUNCATED);
	free_file(&f);
}

/* ---- in a store ---- */

enum { BATCHES = 60, MOST = 1500 };

#define NOW_US (DAY_US + 40 * HIN_DAY_US)

/* Some days of small files of several blocks, closed. */
static struct hin_store *fill_store(struct notes *notes)
{
	struct hin_store *store = open_store(HIN_STORE_CREATE, notes);
	struct hin_error err = { 0 };

	for (unsigned i = 1; i <= BATCHES; i++) {
		append(store, 0, 1, i, MOST);
		/* blocks that are not worth to be written anew, by what compaction thinks */
		for (size_t d = 0; i % 4 == 3 && d < store->day_count; d++)
			assert_int_equal(hin_store_cut(store, &store->days[d],
						       store->days[d].builder.rows, &err),
					 HIN_OK);
	}
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		assert_int_equal(hin_store_seal(store, &store->catalog.segments[i], &err), HIN_OK);
	sync_store(store);
	return store;
}

/* `pattern` with the sources of two rows that there are for A and B, and the network of A for N. */
static const char *question(const char *pattern)
{
	static char text[200];
	struct hin_observation rows[MOST];
	size_t used = 0;

	assert_true(batch_rows(0, 5, rows, MOST) > 40);
	for (; *pattern != '\0' && used < sizeof(text) - HIN_ADDR_TEXT; pattern++) {
		char address[HIN_ADDR_TEXT];
		struct hin_addr a = rows[*pattern == 'B' ? 33 : 7].src;

		if (*pattern == 'N')
			a = hin_addr_of_v4(hin_addr_v4(&a) & ~255u);
		if (*pattern != 'A' && *pattern != 'B' && *pattern != 'N')
			text[used++] = *pattern;
		else
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s",
						 hin_addr_format(&a, address));
	}
	text[used] = '\0';
	return text;
}

static struct sums ask(struct hin_store *store, const char *pattern,
		       struct hin_store_effort *effort)
{
	const char *text = question(pattern);
	struct hin_store_range range = { 0 };
	struct hin_filter *filter = NULL;
	struct hin_error err = { 0 };
	struct sums s = { 0 };

	if (hin_filter_parse(&filter, text, strlen(text), NULL, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	range.filter = filter;
	if (hin_store_scan(store, &range, UINT64_MAX, 0, add_sums, &s, effort, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	hin_filter_free(filter);
	return s;
}

/* `fewer`: fewer blocks are read than their filters alone would have it. */
static const struct {
	const char *text;
	bool fewer;
} questions[] = {
	{ "src A", false },
	{ "src B", false },
	{ "src 9.9.9.9", false },
	{ "src A or src B or src 1.2.3.4", false },
	{ "src A and dport 23", false },
	{ "dport 23 and (src A or src B)", false },
	{ "src A and src B", false },
	{ "src net N/24", true },
	{ "src net 0.0.0.0/8", false },
	{ "src net 2001:db8::/32", false },
	{ "src A or dst 198.18.0.9", false },
	{ "host A", false },
	{ "not src A", false },
	{ "not src A and dport 23", false },
	{ "dport 23", false },
};

/* Add indices by hand, as house-keeping does to files that it need not write anew. */
static void index_files(struct hin_store *store)
{
	struct hin_error err = { 0 };

	store->sources_least = 1;
	for (size_t i = 0; i < store->catalog.segment_count; i++) {
		struct hin_segment *x = &store->catalog.segments[i];
		uint64_t length = x->length;

		assert_int_equal(hin_store_add_sources(store, x, &err), HIN_OK);
		assert_int_equal(x->length > length, hin_segment_is_detail(x->kind));
		length = x->length;
		assert_int_equal(hin_store_add_sources(store, x, &err), HIN_OK);
		assert_int_equal(x->length, length); /* it has one */
	}
	sync_store(store);
}

static void answers_the_same(void **state)
{
	struct notes notes = { 0 };
	struct hin_store *store = fill_store(&notes), *other;
	struct hin_store_effort efforts[HIN_COUNT(questions)], effort;
	struct sums want[HIN_COUNT(questions)], have;
	struct hin_store_checked checked;
	struct hin_error err = { 0 };
	uint64_t any = 0;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(questions); i++) {
		want[i] = ask(store, questions[i].text, &efforts[i]);
		any += want[i].rows > 0;
	}
	assert_true(any >= HIN_COUNT(questions) - 4);
	index_files(store);
	other = open_store(HIN_STORE_READ, &notes);
	for (size_t i = 0; i < HIN_COUNT(questions); i++) {
		have = ask(other, questions[i].text, &effort);
		if (have.rows != want[i].rows || have.sum != want[i].sum)
			fail_msg("%s: %llu rows, not %llu", questions[i].text,
				 (unsigned long long)have.rows, (unsigned long long)want[i].rows);
		assert_int_equal(effort.blocks, efforts[i].blocks);
		assert_int_equal(effort.rows_matched, efforts[i].rows_matched);
		assert_true(effort.blocks_skipped >= efforts[i].blocks_skipped);
		if (questions[i].fewer)
			assert_true(effort.blocks_skipped > efforts[i].blocks_skipped);
	}
	assert_int_equal(hin_store_check(other, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 0);
	assert_int_equal(notes.count, 0);
	hin_store_close(other);
	hin_store_close(store);
}

/* ---- groups of few rows ---- */

struct taken {
	struct hin_observation rows[20000];
	size_t count;
};

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	struct taken *t = user;

	(void)err;
	assert_true(t->count + rows->count <= HIN_COUNT(t->rows));
	memcpy(t->rows + t->count, rows->rows, rows->count * sizeof(*rows->rows));
	t->count += rows->count;
	return HIN_OK;
}

static bool in_group(const struct hin_store_question *q, const struct hin_store_group *g,
		     const struct hin_observation *o)
{
	if (q->interval_us > 0 && o->time_us / q->interval_us * q->interval_us != g->time_us)
		return false;
	for (unsigned i = 0; i < q->by_count; i++) {
		struct hin_store_value value;

		hin_answer_value_of(&value, o, NULL, q->by[i]);
		if (value.given != g->by[i].given || value.number != g->by[i].number ||
		    memcmp(value.bytes, g->by[i].bytes, sizeof(value.bytes)) != 0)
			return false;
	}
	return true;
}

static uint64_t distinct_dst(const struct taken *t, const bool *in)
{
	uint64_t count = 0;

	for (size_t i = 0; i < t->count; i++) {
		bool first = in[i] && (t->rows[i].has & HIN_HAS_DST) != 0;

		for (size_t k = 0; k < i && first; k++)
			first = !in[k] || (t->rows[k].has & HIN_HAS_DST) == 0 ||
				memcmp(&t->rows[k].dst, &t->rows[i].dst, sizeof(t->rows[i].dst)) !=
					0;
		count += first;
	}
	return count;
}

/* Each group is what the rows of a scan make of it. */
static void expect_groups(struct hin_store *store, struct hin_store_question *q, struct taken *t)
{
	struct hin_store_answer answer;
	struct hin_error err = { 0 };
	bool *in = calloc(t->count + 1, sizeof(*in));
	uint64_t rows = 0;

	if (hin_store_group(store, q, &answer, &err) != HIN_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < answer.count; i++) {
		const struct hin_store_group *g = &answer.groups[i];
		uint64_t count = 0, packets = 0, bytes = 0;

		for (size_t k = 0; k < t->count; k++) {
			in[k] = in_group(q, g, &t->rows[k]);
			count += in[k];
			packets += in[k] ? t->rows[k].packets : 0;
			bytes += in[k] ? t->rows[k].bytes : 0;
		}
		assert_int_equal(g->count, count);
		rows += count;
		if (q->volume) {
			assert_int_equal(g->packets, packets);
			assert_int_equal(g->bytes, bytes);
		}
		if (q->distinct)
			assert_int_equal(g->distinct, distinct_dst(t, in));
	}
	assert_int_equal(rows, t->count);
	free(in);
	hin_store_answer_fini(&answer);
}

/* Of few rows the columns are not unpacked: it must not show. */
static void groups_few_rows(void **state)
{
	static const char *const filters[] = {
		"src A",
		"src A or src B",
		"src 9.9.9.9",
		"src net 0.0.0.0/13",
		"src net 0.0.0.0/11 and dport 445",
		"kind 60000 and src net 0.0.0.0/2",
	};
	static const struct hin_store_question asked[] = {
		{ .by_count = 0, .volume = true },
		{ .by = { HIN_FIELD_DPORT }, .by_count = 1 },
		{ .by = { HIN_FIELD_DPORT }, .by_count = 1, .volume = true, .distinct = true },
		{ .by = { HIN_FIELD_DST }, .by_count = 1 },
		{ .by = { HIN_FIELD_SRC, HIN_FIELD_PROTO }, .by_count = 2, .distinct = true },
		{ .by = { HIN_FIELD_SPORT, HIN_FIELD_DST, HIN_FIELD_KIND },
		  .by_count = 3,
		  .volume = true,
		  .interval_us = 600000000 },
		{ .by = { HIN_FIELD_TOOL }, .by_count = 1, .interval_us = 60000000 },
	};
	struct taken *t = malloc(sizeof(*t));
	struct hin_store *store = fill_store(NULL);
	struct hin_error err = { 0 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(filters); i++) {
		const char *text = question(filters[i]);
		struct hin_filter *filter = NULL;
		struct hin_store_range range;

		assert_int_equal(hin_filter_parse(&filter, text, strlen(text), NULL, &err), HIN_OK);
		range = (struct hin_store_range){ .filter = filter };
		t->count = 0;
		assert_int_equal(
			hin_store_scan(store, &range, UINT64_MAX, 0, take_rows, t, NULL, &err),
			HIN_OK);
		assert_int_equal(t->count > 0, i != 2);
		for (size_t k = 0; k < HIN_COUNT(asked); k++) {
			struct hin_store_question q = asked[k];

			q.range.filter = filter;
			q.distinct_field = HIN_FIELD_DST;
			expect_groups(store, &q, t);
		}
		hin_filter_free(filter);
	}
	free(t);
	hin_store_close(store);
}

/* The first file of flows. */
static struct hin_segment *flows_of(struct hin_store *store)
{
	for (size_t i = 0; i < store->catalog.segment_count; i++)
		if (store->catalog.segments[i].kind == HIN_SEGMENT_FLOWS &&
		    store->catalog.segments[i].blocks > 3)
			return &store->catalog.segments[i];
	fail_msg("no file of flows");
	return NULL;
}

/* Files of flows are not opened for a question about events. */
static void leaves_flows_alone(void **state)
{
	static const struct {
		const char *text;
		bool opened;
	} cases[] = {
		{ "kind 60000", false },
		{ "kind 60000 and src A", false },
		{ "kind 60000 or kind road.alive", false },
		{ "kind 60000 or kind telescope.flow", true },
		{ "kind 60000 or src A", true },
		{ "not kind 60000", true },
		{ "kind telescope.flow", true },
	};
	struct notes notes = { 0 };
	struct hin_store *store = fill_store(&notes);
	struct sums want[HIN_COUNT(cases)], have;
	struct hin_store_effort efforts[HIN_COUNT(cases)], effort;
	char name[4096], away[4100];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		want[i] = ask(store, cases[i].text, &efforts[i]);
	assert_true(want[0].rows > 100);
	hin_store_segment_path(store, flows_of(store), name);
	snprintf(away, sizeof(away), "%s-x", name);
	assert_int_equal(rename(name, away), 0);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		notes.count = 0;
		have = ask(store, cases[i].text, &effort);
		if (notes.count != cases[i].opened)
			fail_msg("%s: %u notes", cases[i].text, notes.count);
		if (cases[i].opened)
			continue;
		assert_int_equal(have.rows, want[i].rows);
		assert_int_equal(have.sum, want[i].sum);
		assert_int_equal(effort.blocks, efforts[i].blocks);
		assert_int_equal(effort.blocks_skipped, efforts[i].blocks_skipped);
	}
	hin_store_close(store);
}

/* House-keeping gives indices to the files of days that are over, new ones and old ones. */
static void comes_with_the_house(void **state)
{
	struct hin_store *store = fill_store(NULL), *other;
	struct hin_store_work work;
	struct hin_store_checked checked;
	struct hin_error err = { 0 };
	struct sums want = store_sums(store);
	struct hin_sources s;
	unsigned indexed = 0, sealed_before = 0;
	char name[4096];
	int fd;

	(void)state;
	other = open_store(HIN_STORE_READ, NULL);
	store->sources_least = 1;
	for (unsigned round = 0; round < 2; round++) {
		/* in the first round files are written anew, in the second there are none to write
		 */
		if (round == 1)
			assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_OK);
		else
			assert_int_equal(hin_store_compact(store, DAY_US, &work, &err), HIN_OK);
		indexed = sealed_before = 0;
		for (size_t i = 0; i < store->catalog.segment_count; i++) {
			const struct hin_segment *x = &store->catalog.segments[i];

			if (!hin_segment_is_detail(x->kind))
				continue;
			assert_int_equal(
				hin_store_open_segment(store, x, O_RDONLY, &fd, name, &err),
				HIN_OK);
			if (hin_sources_open(&s, fd, name, x, &err) == HIN_OK) {
				indexed++;
				hin_sources_close(&s);
			} else {
				sealed_before++;
			}
			close(fd);
		}
		assert_true(indexed > 0);
		expect_store(store, &want);
		expect_store(other, &want);
	}
	assert_int_equal(sealed_before, 0);
	/* once more: nothing grows */
	assert_int_equal(hin_store_compact(store, NOW_US, &work, &err), HIN_OK);
	assert_int_equal(work.bytes_after, work.bytes_before);
	assert_int_equal(hin_store_check(other, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 0);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_store(store, &want);
	hin_store_close(store);
	hin_store_close(other);
}

static void flip(const struct hin_store *store, const struct hin_segment *s, uint64_t at)
{
	char name[4096];
	uint8_t byte;
	int fd;

	hin_store_segment_path(store, s, name);
	fd = open(name, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 1;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	close(fd);
}

/* With a damaged index questions have their answer all the same, and it is said. */
static void answers_without(void **state)
{
	static const char text[] = "src A or src B";
	struct notes notes = { 0 };
	struct hin_store *store = fill_store(&notes);
	struct sums want = ask(store, text, NULL), have;
	struct hin_segment *flows = flows_of(store);
	struct hin_store_effort effort;
	struct hin_store_checked checked;
	struct hin_error err = { 0 };
	/* in a page, in the directory, in the trailer, in its magic */
	static const struct {
		int64_t from_end;
		bool seen; /* by a question */
	} places[] = { { 0, true }, { 60, true }, { 30, true }, { 48, false } };
	uint64_t start = flows->length;

	(void)state;
	index_files(store);
	for (size_t i = 0; i < HIN_COUNT(places); i++) {
		uint64_t at = i == 0 ? start : flows->length - (uint64_t)places[i].from_end;

		flip(store, flows, at);
		notes.count = 0;
		have = ask(store, text, &effort);
		assert_int_equal(have.rows, want.rows);
		assert_int_equal(have.sum, want.sum);
		assert_int_equal(notes.count, places[i].seen);
		assert_int_equal(effort.damaged_blocks, places[i].seen);
		notes.count = 0;
		assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
		assert_int_equal(checked.damaged_blocks, 1);
		assert_int_equal(notes.count, 1);
		assert_int_equal(checked.damaged_rows, 0);
		if (i + 1 < HIN_COUNT(places))
			flip(store, flows, at);
	}
	/* the next one takes its place */
	assert_int_equal(hin_store_add_sources(store, flows, &err), HIN_OK);
	sync_store(store);
	assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 0);
	have = ask(store, text, &effort);
	assert_int_equal(have.sum, want.sum);
	hin_store_close(store);
}

/* No space: the file stays as it is, and a later night has more luck. */
static void waits_for_space(void **state)
{
	struct hin_store *store = fill_store(NULL);
	struct sums want = store_sums(store);
	struct hin_segment *flows = flows_of(store);
	uint64_t length = flows->length;
	struct rlimit all, none = { (rlim_t)length + 100, RLIM_INFINITY };
	struct hin_store_checked checked;
	struct hin_error err = { 0 };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &all);
	store->sources_least = 1;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(hin_store_add_sources(store, flows, &err), HIN_ESYS);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	assert_int_equal(flows->length, length);
	sync_store(store);
	assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 0);
	assert_int_equal(hin_store_add_sources(store, flows, &err), HIN_OK);
	assert_true(flows->length > length);
	sync_store(store);
	hin_store_close(store);
	store = open_store(HIN_STORE_WRITE, NULL);
	expect_store(store, &want);
	assert_int_equal(hin_store_check(store, &checked, NULL, &err), HIN_OK);
	assert_int_equal(checked.damaged_blocks, 0);
	hin_store_close(store);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_setup, folder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_every_block),
		cmocka_unit_test(refuses_to_write),
		cmocka_unit_test(believes_no_size),
		cmocka_unit_test(leaves_damaged_blocks_out),
		cmocka_unit_test(sees_damage),
		TEST(answers_the_same),
		TEST(groups_few_rows),
		TEST(leaves_flows_alone),
		TEST(comes_with_the_house),
		TEST(answers_without),
		TEST(waits_for_space),
	};

	return cmocka_run_group_tests(tests, coder_setup, coder_teardown);
}
