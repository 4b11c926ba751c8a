/*
 * Files of a store, damaged: a block, a file of blocks, its index of sources, a journal. The first
 * byte says which. Sums
 * are not checked here (they would stop a fuzzer at once), so all that lies behind them is reached.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store/segments_view_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_block_reader reader;
static const uint8_t *fuzz_memory; /* the block, when it is in no file */

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

/* Some rows alone are what they are among all; asked for first, when nothing is unpacked yet. */
static void pick_rows(const struct hin_block_head *head)
{
	const uint32_t list[3] = { head->rows / 3, head->rows / 2 + 1, head->rows - 1 };
	const uint32_t count = head->rows > 5 ? 3 : 0;
	const struct hin_block_head *again = reader.head;
	struct hin_observation picked[3];
	struct hin_block_rows rows;
	struct hin_error err;

	hin_block_reader_start(&reader, reader.fd, reader.name, reader.offset, again);
	reader.memory = fuzz_memory;
	if (hin_block_rows_pick(&rows, &reader, UINT64_MAX, list, count, &err) != HIN_OK)
		return;
	for (uint32_t i = 0; i < count; i++)
		hin_block_row(&rows, i, &picked[i]);
	hin_block_rows_fini(&rows);
	if (hin_block_rows_open(&rows, &reader, UINT64_MAX, &err) != HIN_OK)
		return; /* what is wrong lies in other rows */
	for (uint32_t i = 0; i < count; i++) {
		struct hin_observation o;

		hin_block_row(&rows, list[i], &o);
		assert(memcmp(&o, &picked[i], sizeof(o)) == 0);
	}
	hin_block_rows_fini(&rows);
}

/* Everything that may be asked of the block that `reader` is at. */
static void use_block(const struct hin_block_head *head)
{
	struct hin_block_rows rows;
	const struct hin_column_data *c;
	struct hin_error err;
	bool maybe;

	for (unsigned id = 0; id < HIN_PARTS_KNOWN; id++)
		if (hin_block_summary(&reader, id, &c, &err) == HIN_OK &&
		    hin_block_column(&reader, id, &c, &err) == HIN_OK && c != NULL &&
		    c->part.shape != HIN_SHAPE_BYTES)
			for (uint32_t i = 0; i < head->rows; i++)
				assert(hin_column_at(c, i) >= c->part.base &&
				       hin_column_at(c, i) <= c->part.max);
	if (hin_block_batches(&reader, &err) == HIN_OK) {
		uint64_t sum = 0;

		for (size_t i = 0; i < reader.batch_count; i++)
			sum += reader.batches[i].rows;
		assert(sum == head->rows);
	}
	for (unsigned id = HIN_PART_FILTER_SRC; id <= HIN_PART_FILTER_DST; id++) {
		const struct hin_part *part = hin_block_part(head, id);

		if (part == NULL)
			continue;
		(void)hin_block_filter_ask(&reader, part, 0x0a000000, 0x0a000000, &maybe, &err);
		(void)hin_block_filter_ask(&reader, part, (uint32_t)part->base, (uint32_t)part->max,
					   &maybe, &err);
		(void)hin_block_filter_ask(&reader, part, 0xc6120000, 0xc61200ff, &maybe, &err);
	}
	pick_rows(head);
	if (hin_block_rows_open(&rows, &reader, UINT64_MAX, &err) == HIN_OK) {
		struct hin_observation o;

		for (uint32_t i = 0; i < head->rows; i++) {
			hin_block_row(&rows, i, &o);
			assert(o.tag_count <= HIN_TAGS_MAX);
			assert(o.version[HIN_VERSION_MAX] == '\0');
		}
		hin_block_rows_fini(&rows);
	}
}

/* Filters over the block: they must not read more than the columns have. */
static void match_block(const struct hin_block_head *head)
{
	static const char text[] = "(src net 10.0.0.0/8 or not dst 198.18.0.1) and "
				   "(port 23 or tag bogon or packets > 3 or proto udp)";
	static struct hin_filter *filter;
	struct hin_store_range range = { .since_us = 1 };
	enum hin_filter_answer answer;
	struct hin_selection rows;
	struct hin_matcher m;
	struct hin_error err;

	if (filter == NULL &&
	    hin_filter_parse(&filter, text, sizeof(text) - 1, NULL, &err) != HIN_OK)
		abort();
	range.filter = filter;
	if (hin_matcher_init(&m, &range, &reader, &err) != HIN_OK)
		return;
	if (hin_matcher_judge(&m, &answer, &err) == HIN_OK && answer != HIN_FILTER_NONE &&
	    hin_matcher_select(&m, &rows, &err) == HIN_OK)
		assert(rows.count <= head->rows);
	hin_matcher_fini(&m);
}

static void take_block(const uint8_t *data, size_t size)
{
	struct hin_part parts[HIN_PARTS_KNOWN];
	struct hin_block_head head;
	size_t need;

	if (hin_block_head_read(&head, parts, data, size, &need) != HIN_OK || head.size > size)
		return;
	hin_block_reader_start(&reader, -1, "fuzz", 0, &head);
	reader.memory = fuzz_memory = data;
	use_block(&head);
	match_block(&head);
}

static void ignore(void *user, const struct hin_error *what)
{
	(void)user;
	(void)what;
}

/* Everything that may be asked of an index of sources. */
static void use_sources(struct hin_sources *s)
{
	struct hin_block_set set = { 0 };
	struct hin_error err;

	(void)hin_sources_ask(s, 0, UINT32_MAX, &set, &err);
	for (uint32_t high = 0; high < 32; high++) {
		(void)hin_sources_ask(s, high << 27, high << 27 | 0xffff, &set, &err);
		(void)hin_sources_ask(s, high * 977, high * 977, &set, &err);
	}
	for (uint32_t b = 0; b < HIN_SOURCES_BLOCKS; b++) {
		assert(b < s->blocks || !hin_block_set_has(&set, b));
		if (b < s->blocks) {
			(void)hin_sources_untold(s, b);
			(void)hin_sources_offset(s, b);
		}
	}
}

static void take_sources(const uint8_t *data, size_t size)
{
	struct hin_segment s = { .length = size, .sealed = true };
	struct hin_heads none = { 0 };
	struct hin_sources sources;
	struct hin_error err;
	uint32_t blocks;
	int fd;

	if (size < HIN_SOURCES_TRAILER)
		return;
	/* as many as the trailer says, else nothing comes of it */
	memcpy(&blocks, data + size - HIN_SOURCES_TRAILER + 8, sizeof(blocks));
	s.blocks = HIN_LE32(blocks);
	fd = file_of(data, size);
	if (hin_sources_open(&sources, fd, "fuzz", &s, &err) == HIN_OK) {
		use_sources(&sources);
		(void)hin_sources_check(&sources, &none, &err);
		hin_sources_close(&sources);
	}
	close(fd);
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

/* The index of the sources of whatever blocks there are tells what these have. */
static void index_sources(const struct hin_heads *heads, int fd, size_t size)
{
	struct hin_buffer bytes = { 0 };
	struct hin_sources_out out = { .put = put, .stopped = go_on, .user = &bytes, .pairs = 64 };
	struct hin_segment s = { .sealed = true, .blocks = (uint32_t)heads->count };
	struct hin_sources sources;
	struct hin_error err;

	if (hin_sources_write(&out, &reader, heads, fd, "fuzz", size, &err) != HIN_OK) {
		hin_buffer_fini(&bytes);
		return;
	}
	if (pwrite(fd, bytes.data, bytes.used, (off_t)size) != (ssize_t)bytes.used)
		abort();
	s.length = size + bytes.used;
	if (hin_sources_open(&sources, fd, "fuzz", &s, &err) != HIN_OK ||
	    hin_sources_check(&sources, heads, &err) != HIN_OK)
		abort();
	use_sources(&sources);
	hin_sources_close(&sources);
	hin_buffer_fini(&bytes);
}

static void take_segment(const uint8_t *data, size_t size)
{
	struct hin_segment s = { .length = size, .sealed = size % 2 == 1 };
	struct hin_heads heads = { 0 };
	struct hin_error err;
	int fd = file_of(data, size);

	s.index = s.sealed && size > 8 ? size - 8 - data[size - 1] % (size - 8) : 0;
	(void)hin_segment_check_head(fd, "fuzz", (const uint8_t *)"0123456789abcdef", &s, &err);
	if (hin_segment_heads(&heads, fd, "fuzz", &s, ignore, NULL, &err) == HIN_OK)
		for (size_t i = 0; i < heads.count && i < 4; i++) {
			hin_block_reader_start(&reader, fd, "fuzz", heads.refs[i].offset,
					       &heads.refs[i].head);
			use_block(&heads.refs[i].head);
		}
	if (heads.count > 0 && heads.count <= 32)
		index_sources(&heads, fd, size);
	hin_heads_fini(&heads);
	close(fd);
}

static void take_damage(void *user, uint64_t offset, uint64_t size)
{
	*(uint64_t *)user += size;
	assert(offset + size >= offset);
}

/* What can be saved of a journal, whatever is wrong with it. */
static void salvage_journal(int fd, size_t size)
{
	struct hin_catalog c = { 0 };
	struct hin_error err;
	uint64_t end = 0, damaged = 0;
	bool headless = false;

	if (hin_journal_salvage(&c, fd, "fuzz", &end, &headless, take_damage, &damaged, &err) ==
	    HIN_OK) {
		assert(end == size && damaged <= size);
		for (size_t i = 0; i < c.tail_count; i++)
			assert(c.tails[i].offset + c.tails[i].size <= size);
	}
	hin_catalog_fini(&c);
	(void)hin_journal_leaves(fd, HIN_JOURNAL_HEAD);
}

static void take_journal(const uint8_t *data, size_t size)
{
	struct hin_catalog c = { 0 };
	struct hin_error err;
	uint64_t end = 0, torn;
	int fd = file_of(data, size);

	if (hin_journal_read(&c, fd, "fuzz", &end, &torn, &err) == HIN_OK) {
		assert(end + torn == size);
		for (size_t i = 0; i < c.tail_count; i++)
			assert(c.tails[i].offset + c.tails[i].size <= size);
		for (size_t i = 1; i < c.sensor_count; i++)
			assert(memcmp(c.sensors[i - 1].id, c.sensors[i].id, HIN_SENSOR_ID) < 0);
	}
	hin_catalog_fini(&c);
	salvage_journal(fd, size);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (reader.zstd == NULL && hin_block_reader_init(&reader, NULL) != HIN_OK)
		abort();
	if (size < 1)
		return 0;
	switch (data[0]) {
	case 'b':
		take_block(data + 1, size - 1);
		break;
	case 's':
		take_segment(data + 1, size - 1);
		break;
	case 'x':
		take_sources(data + 1, size - 1);
		break;
	case 'j':
		take_journal(data + 1, size - 1);
		break;
	default:
		break;
	}
	return 0;
}
