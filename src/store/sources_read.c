/* sources_read - the blocks of a source; see sources_priv.h */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/sources_priv.h"

#define GUESS 49152u  /* bytes at the end that mostly hold directory, blocks and trailer */
#define ASK_PAGES 16u /* most pages that are read for one range */
#define PAGE_HEAD 6u  /* bytes before the addresses */
#define NO_PAGE UINT32_MAX

static enum hin_code damaged(const struct hin_sources *s, uint64_t at, enum hin_code code,
			     struct hin_error *err)
{
	return hin_fail(err, code, "%s: offset %llu: the index of sources is damaged", s->name,
			(unsigned long long)at);
}

static enum hin_code read_at(struct hin_sources *s, uint64_t at, void *out, size_t size,
			     struct hin_error *err)
{
	uint8_t *to = out;

	s->bytes_read += size;
	while (size > 0) {
		ssize_t n = pread(s->fd, to, size, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "%s: read at offset %llu", s->name,
					(unsigned long long)at);
		if (n == 0)
			return damaged(s, at, HIN_ETRUNCATED, err);
		to += n;
		at += (uint64_t)n;
		size -= (size_t)n;
	}
	return HIN_OK;
}

static size_t map_bytes(uint32_t blocks)
{
	return (blocks + 63) / 64 * sizeof(uint64_t);
}

/* Bytes from the directory to the trailer. */
static uint64_t tables(const struct hin_sources *s)
{
	return (uint64_t)s->pages * HIN_SOURCES_ENTRY + 8 * (uint64_t)s->blocks +
	       map_bytes(s->blocks);
}

/* What the trailer says, when it is one. `*sum` is of all from the directory to it. */
static enum hin_code read_trailer(struct hin_sources *s, const struct hin_segment *segment,
				  const uint8_t *bytes, uint32_t *sum, struct hin_error *err)
{
	uint64_t at = segment->length - HIN_SOURCES_TRAILER, end;
	struct hin_reader in = hin_reader_of(bytes, HIN_SOURCES_TRAILER);
	uint32_t magic = hin_read_le32(&in), own;
	uint16_t version = hin_read_le16(&in);

	hin_read_skip(&in, 2);
	s->blocks = hin_read_le32(&in);
	s->pages = hin_read_le32(&in);
	s->start = hin_read_le64(&in);
	s->directory = hin_read_le32(&in);
	*sum = hin_read_le32(&in);
	hin_read_skip(&in, 12);
	own = hin_read_le32(&in);
	if (magic != HIN_SOURCES_MAGIC)
		return HIN_ENOENT;
	if (!hin_sum_fits(bytes, HIN_SOURCES_TRAILER - 4, own))
		return damaged(s, at, HIN_EVERIFY, err);
	if (version > HIN_SOURCES_VERSION)
		return hin_fail(err, HIN_EUNSUPPORTED,
				"%s: offset %llu: an index of sources of a newer version", s->name,
				(unsigned long long)at);
	if (s->blocks != segment->blocks || s->blocks == 0 || s->blocks > HIN_SOURCES_BLOCKS ||
	    s->directory > HIN_SOURCES_BYTES || s->start < segment->index ||
	    __builtin_add_overflow(s->start, s->directory + tables(s), &end) || end != at)
		return damaged(s, at, HIN_EFORMAT, err);
	return HIN_OK;
}

enum hin_code hin_sources_open(struct hin_sources *out, int fd, const char *name,
			       const struct hin_segment *segment, struct hin_error *err)
{
	uint64_t length = segment->length, have;
	size_t size = GUESS;
	uint32_t sum;
	enum hin_code code = HIN_OK;

	*out = (struct hin_sources){ .fd = fd, .name = name, .page = { .number = NO_PAGE } };
	if (!segment->sealed || length < HIN_SOURCES_TRAILER ||
	    segment->index > length - HIN_SOURCES_TRAILER)
		return HIN_ENOENT;
	if (size > length)
		size = (size_t)length;
	out->bytes = malloc(size);
	if (out->bytes == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the index of sources of %s", name);
	code = read_at(out, length - size, out->bytes, size, err);
	if (code == HIN_OK)
		code = read_trailer(out, segment, out->bytes + size - HIN_SOURCES_TRAILER, &sum,
				    err);
	have = code == HIN_OK ? tables(out) + HIN_SOURCES_TRAILER : 0;
	if (code == HIN_OK && have > size) {
		free(out->bytes);
		out->bytes = malloc((size_t)have);
		code = out->bytes == NULL
			       ? hin_fail(err, HIN_ENOMEM, "no room for the index of sources of %s",
					  name)
			       : read_at(out, length - have, out->bytes, (size_t)have, err);
	} else if (code == HIN_OK) {
		memmove(out->bytes, out->bytes + size - have, (size_t)have);
	}
	if (code == HIN_OK && !hin_sum_fits(out->bytes, (size_t)tables(out), sum))
		code = damaged(out, length - have, HIN_EVERIFY, err);
	if (code != HIN_OK)
		hin_sources_close(out);
	return code;
}

void hin_sources_close(struct hin_sources *s)
{
	if (s == NULL)
		return;
	free(s->bytes);
	free(s->page.bytes);
	s->bytes = s->page.bytes = NULL;
}

static uint32_t word_at(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return HIN_LE32(value);
}

static uint32_t first_of(const struct hin_sources *s, uint32_t page)
{
	return word_at(s->bytes + (size_t)page * HIN_SOURCES_ENTRY);
}

static uint32_t place_of(const struct hin_sources *s, uint32_t page)
{
	return page < s->pages ? word_at(s->bytes + (size_t)page * HIN_SOURCES_ENTRY + 4)
			       : s->directory;
}

uint64_t hin_sources_offset(const struct hin_sources *s, uint32_t block)
{
	uint64_t value;

	memcpy(&value, s->bytes + (size_t)s->pages * HIN_SOURCES_ENTRY + 8 * (size_t)block,
	       sizeof(value));
	return HIN_LE64(value);
}

bool hin_sources_untold(const struct hin_sources *s, uint32_t block)
{
	const uint8_t *map =
		s->bytes + (size_t)s->pages * HIN_SOURCES_ENTRY + 8 * (size_t)s->blocks;

	return map[block / 8] >> block % 8 & 1;
}

/* ---- pages ---- */

/* Unpack what `page->bytes` hold of `size` bytes. */
static bool unpack_page(struct hin_sources *s, uint32_t number, size_t size)
{
	struct hin_sources_page *page = &s->page;
	struct hin_reader in = hin_reader_of(page->bytes, size);
	uint32_t count = hin_read_le16(&in), range = hin_read_le32(&in);
	uint32_t first = first_of(s, number);
	uint64_t bits = 0;

	if (in.failed || count == 0 || count > HIN_SOURCES_PAGE || range > UINT32_MAX - first ||
	    !hin_ascending_read(&in, page->address, count, range) ||
	    !hin_patched_read(&in, page->blocks, count) || page->address[0] != 0)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (page->blocks[i] >= s->blocks)
			return false;
		page->address[i] += first;
		bits += hin_sources_bits(++page->blocks[i], s->blocks);
	}
	page->count = count;
	page->packed = in.pos;
	return in.left == (bits + 7) / 8;
}

static enum hin_code load_page(struct hin_sources *s, uint32_t number, struct hin_error *err)
{
	struct hin_sources_page *page = &s->page;
	uint32_t place = place_of(s, number), end = place_of(s, number + 1), sum;
	size_t size = end - place;
	enum hin_code code;

	if (page->number == number)
		return HIN_OK;
	page->number = NO_PAGE;
	if (place > end || end > s->directory || size < PAGE_HEAD || size > HIN_SOURCES_PAGE_BYTES)
		return damaged(s, s->start + place, HIN_EFORMAT, err);
	if (page->room < size + HIN_COLUMN_SLACK) {
		size_t room = size + size / 2 + HIN_COLUMN_SLACK;
		uint8_t *more = realloc(page->bytes, room);

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for the index of sources of %s",
					s->name);
		page->bytes = more;
		page->room = room;
	}
	code = read_at(s, s->start + place, page->bytes, size, err);
	if (code != HIN_OK)
		return code;
	memset(page->bytes + size, 0, HIN_COLUMN_SLACK);
	sum = word_at(s->bytes + (size_t)number * HIN_SOURCES_ENTRY + 8);
	if (!hin_sum_fits(page->bytes, size, sum))
		return damaged(s, s->start + place, HIN_EVERIFY, err);
	if (!unpack_page(s, number, size))
		return damaged(s, s->start + place, HIN_EFORMAT, err);
	page->number = number;
	return HIN_OK;
}

/* The blocks of source number `i` of the page, whose bits begin at `at`; false when damaged. */
static bool take_blocks(const struct hin_sources *s, uint32_t i, uint64_t at,
			struct hin_block_set *set)
{
	const struct hin_sources_page *page = &s->page;
	unsigned width = hin_bits(s->blocks - 1);
	const uint8_t *packed = page->packed;
	uint32_t found = 0;

	if (hin_sources_mapped(page->blocks[i], s->blocks)) {
		for (uint32_t b = 0; b < s->blocks; b++)
			if (packed[(at + b) / 8] >> (at + b) % 8 & 1) {
				hin_block_set_add(set, b);
				found++;
			}
		return found == page->blocks[i];
	}
	for (uint32_t k = 0; k < page->blocks[i]; k++, at += width) {
		uint32_t word = word_at(packed + at / 8) >> at % 8, b = word & ((1u << width) - 1);

		if (b >= s->blocks)
			return false;
		hin_block_set_add(set, b);
	}
	return true;
}

/* The last page that begins at or before `address`; the first one when none does. */
static uint32_t find_page(const struct hin_sources *s, uint32_t address)
{
	uint32_t low = 0, high = s->pages;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (first_of(s, middle) <= address)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static void add_all(const struct hin_sources *s, struct hin_block_set *set)
{
	for (uint32_t b = 0; b < s->blocks; b++)
		hin_block_set_add(set, b);
}

enum hin_code hin_sources_ask(struct hin_sources *s, uint32_t low, uint32_t high,
			      struct hin_block_set *set, struct hin_error *err)
{
	uint32_t number = find_page(s, low), last = number + ASK_PAGES;

	for (; number < s->pages && first_of(s, number) <= high; number++) {
		uint64_t at = 0;
		enum hin_code code;

		if (number == last) {
			add_all(s, set);
			return HIN_OK;
		}
		code = load_page(s, number, err);
		if (code != HIN_OK)
			return code;
		for (uint32_t i = 0; i < s->page.count && s->page.address[i] <= high; i++) {
			if (s->page.address[i] >= low && !take_blocks(s, i, at, set))
				return damaged(s, s->start + place_of(s, number), HIN_EFORMAT, err);
			at += hin_sources_bits(s->page.blocks[i], s->blocks);
		}
	}
	return HIN_OK;
}

/* ---- the whole ---- */

/* Count the sources of a page block by block; addresses ascend from `*least` on. */
static bool count_page(const struct hin_sources *s, uint64_t *least, uint32_t *counts)
{
	const struct hin_sources_page *page = &s->page;
	uint64_t at = 0;

	for (uint32_t i = 0; i < page->count; i++) {
		struct hin_block_set set = { 0 };
		uint32_t found = 0;

		if (page->address[i] < *least || !take_blocks(s, i, at, &set))
			return false;
		for (uint32_t b = 0; b < s->blocks; b++)
			if (hin_block_set_has(&set, b)) {
				counts[b]++;
				found++;
			}
		if (found != page->blocks[i])
			return false;
		at += hin_sources_bits(page->blocks[i], s->blocks);
		*least = (uint64_t)page->address[i] + 1;
	}
	return true;
}

/* How many sources the dictionary of a block has. */
static uint32_t sources_of(const struct hin_block_head *head)
{
	const struct hin_part *p = hin_block_part(head, HIN_PART_OF(HIN_FIELD_SRC, HIN_PART_DATA));

	return p == NULL ? 0 : p->shape == HIN_SHAPE_CONST ? 1 : p->distinct;
}

enum hin_code hin_sources_check(struct hin_sources *s, const struct hin_heads *heads,
				struct hin_error *err)
{
	uint32_t counts[HIN_SOURCES_BLOCKS] = { 0 };
	uint64_t least = 0;

	for (uint32_t number = 0; number < s->pages; number++) {
		enum hin_code code = load_page(s, number, err);

		if (code != HIN_OK)
			return code;
		if (!count_page(s, &least, counts))
			return damaged(s, s->start + place_of(s, number), HIN_EFORMAT, err);
	}
	for (uint32_t b = 0; b < s->blocks && heads->count == s->blocks; b++)
		if (hin_sources_offset(s, b) != heads->refs[b].offset ||
		    (!hin_sources_untold(s, b) && counts[b] != sources_of(&heads->refs[b].head)))
			return hin_fail(err, HIN_EVERIFY,
					"%s: offset %llu: the index of sources is not that of "
					"block %u",
					s->name, (unsigned long long)s->start, b);
	return HIN_OK;
}
