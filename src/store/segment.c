/* segment - files of blocks; see segment_priv.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "store/segment_priv.h"

#define INDEX_MAGIC 0x31584948u /* "HIX1" */
#define INDEX_HEAD 24u
#define INDEX_MAX (64u << 20)
#define HEAD_GUESS 4096u	 /* bytes that hold most heads */
#define SEARCH ((size_t)1 << 20) /* bytes at a time, when the next head is looked for */

void hin_day_name(char out[16], int64_t day)
{
	char text[HIN_TIME_TEXT];
	int64_t left = day, year = 1970;
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned month = 0;

	/* hin_time_format() ends in 2262; rows may be of years up to 9999 */
	for (;; year++) {
		bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

		if (left < (leap ? 366 : 365)) {
			for (; left >= days[month] + (leap && month == 1); month++)
				left -= days[month] + (leap && month == 1);
			break;
		}
		left -= leap ? 366 : 365;
	}
	snprintf(text, sizeof(text), "%04u-%02u-%02u", (unsigned)year % 10000, month + 1,
		 (unsigned)left % 31 + 1);
	memcpy(out, text, 11);
}

void hin_segment_name(char out[HIN_SEGMENT_NAME], const struct hin_segment *s)
{
	char day[16];

	hin_day_name(day, s->day);
	snprintf(out, HIN_SEGMENT_NAME, "%s/%016llx.%s", day, (unsigned long long)s->id,
		 s->beside ? "new" : "seg");
}

void hin_segment_head(struct hin_buffer *out, const uint8_t store[16], const struct hin_segment *s)
{
	uint8_t head[HIN_SEGMENT_HEAD] = { 0 };
	struct hin_writer to = hin_writer_of(head, sizeof(head));

	hin_write_bytes(&to, HIN_SEGMENT_MAGIC, 8);
	hin_write_le32(&to, HIN_SEGMENT_VERSION);
	hin_write_le32(&to, s->kind);
	hin_write_le64(&to, s->id);
	hin_write_le64(&to, (uint64_t)s->day);
	hin_write_bytes(&to, store, 16);
	to.used = sizeof(head) - 4;
	hin_write_le32(&to, hin_sum(head, sizeof(head) - 4));
	hin_buffer_add(out, head, sizeof(head));
}

/* Read up to `size` bytes; less only at the end of the file. */
static enum hin_code read_some(int fd, const char *name, uint64_t at, void *out, size_t size,
			       size_t *got, struct hin_error *err)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = pread(fd, (char *)out + *got, size - *got, (off_t)(at + *got));

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "%s: read at offset %llu", name,
					(unsigned long long)at);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return HIN_OK;
}

enum hin_code hin_segment_check_head(int fd, const char *name, const uint8_t store[16],
				     const struct hin_segment *s, struct hin_error *err)
{
	uint8_t head[HIN_SEGMENT_HEAD], id[16];
	struct hin_reader in;
	uint32_t sum, version, kind;
	uint64_t number, day;
	size_t got;
	enum hin_code code = read_some(fd, name, 0, head, sizeof(head), &got, err);

	if (code != HIN_OK)
		return code;
	if (got < sizeof(head) || memcmp(head, HIN_SEGMENT_MAGIC, 8) != 0)
		return hin_fail(err, HIN_EFORMAT, "%s: offset 0: not a file of a store", name);
	memcpy(&sum, head + sizeof(head) - 4, sizeof(sum));
	if (!hin_sum_fits(head, sizeof(head) - 4, HIN_LE32(sum)))
		return hin_fail(err, HIN_EVERIFY, "%s: offset 0: wrong checksum of the head", name);
	in = hin_reader_of(head + 8, sizeof(head) - 8);
	version = hin_read_le32(&in);
	kind = hin_read_le32(&in);
	number = hin_read_le64(&in);
	day = hin_read_le64(&in);
	hin_read_copy(&in, id, sizeof(id));
	if (version > HIN_SEGMENT_VERSION)
		return hin_fail(err, HIN_EUNSUPPORTED,
				"%s: version %u; this program knows up to version %u", name,
				version, HIN_SEGMENT_VERSION);
	if (kind != s->kind || number != s->id || day != (uint64_t)s->day ||
	    memcmp(id, store, sizeof(id)) != 0)
		return hin_fail(err, HIN_EVERIFY, "%s: offset 0: belongs to another place or store",
				name);
	return HIN_OK;
}

/* ---- heads ---- */

void hin_heads_reset(struct hin_heads *h)
{
	h->count = h->part_count = 0;
	h->damaged = h->bytes_read = 0;
}

void hin_heads_fini(struct hin_heads *h)
{
	if (h == NULL)
		return;
	free(h->refs);
	free(h->parts);
	*h = (struct hin_heads){ 0 };
}

/* Room for one more head; the parts of others may move. */
static bool heads_room(struct hin_heads *h)
{
	if (h->count == h->room) {
		size_t room = h->room > 0 ? h->room * 2 : 64;
		struct hin_block_ref *more = realloc(h->refs, room * sizeof(*more));

		if (more == NULL)
			return false;
		h->refs = more;
		h->room = room;
	}
	if (h->part_room - h->part_count < HIN_PARTS_KNOWN) {
		size_t room = h->part_room * 2 + 8 * (size_t)HIN_PARTS_KNOWN;
		struct hin_part *more = realloc(h->parts, room * sizeof(*more)), *at = more;

		if (more == NULL)
			return false;
		for (size_t i = 0; i < h->count; i++) {
			h->refs[i].head.parts = at;
			at += h->refs[i].head.part_count;
		}
		h->parts = more;
		h->part_room = room;
	}
	return true;
}

enum hin_code hin_heads_add(struct hin_heads *h, uint64_t offset, const void *bytes, size_t size,
			    size_t *need)
{
	struct hin_block_ref *ref;
	enum hin_code code;

	if (!heads_room(h))
		return HIN_ENOMEM;
	ref = &h->refs[h->count];
	code = hin_block_head_read(&ref->head, h->parts + h->part_count, bytes, size, need);
	if (code != HIN_OK)
		return code;
	ref->offset = offset;
	h->part_count += ref->head.part_count;
	h->count++;
	return HIN_OK;
}

/* Read the index. HIN_EVERIFY or HIN_EFORMAT when it cannot be used. */
static enum hin_code read_index(struct hin_heads *h, int fd, const char *name,
				const struct hin_segment *s, struct hin_error *err)
{
	uint8_t head[INDEX_HEAD];
	uint32_t magic, count, size, sum;
	struct hin_reader in;
	uint8_t *bytes;
	size_t got, need;
	enum hin_code code = read_some(fd, name, s->index, head, sizeof(head), &got, err);

	if (code != HIN_OK)
		return code;
	in = hin_reader_of(head, got);
	magic = hin_read_le32(&in);
	count = hin_read_le32(&in);
	size = hin_read_le32(&in);
	sum = hin_read_le32(&in);
	if (in.failed || magic != INDEX_MAGIC || size > INDEX_MAX || count != s->blocks)
		return HIN_EFORMAT;
	bytes = malloc((size_t)size + 1);
	if (bytes == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the index of %s", name);
	code = read_some(fd, name, s->index + INDEX_HEAD, bytes, size, &got, err);
	h->bytes_read += INDEX_HEAD + got;
	if (code == HIN_OK && (got < size || !hin_sum_fits(bytes, size, sum)))
		code = HIN_EVERIFY;
	in = hin_reader_of(bytes, size);
	for (uint32_t i = 0; i < count && code == HIN_OK; i++) {
		uint64_t offset = hin_read_le64(&in);

		code = hin_heads_add(h, offset, in.pos, in.left, &need);
		if (code == HIN_OK && (offset < HIN_SEGMENT_HEAD || offset > s->index ||
				       h->refs[h->count - 1].head.size > s->index - offset))
			code = HIN_EFORMAT;
		if (code == HIN_OK)
			hin_read_skip(&in, need);
	}
	free(bytes);
	return code;
}

enum hin_code hin_segment_index_end(int fd, const char *name, const struct hin_segment *s,
				    uint64_t *end, struct hin_error *err)
{
	uint8_t head[INDEX_HEAD];
	struct hin_reader in;
	size_t got;
	enum hin_code code = read_some(fd, name, s->index, head, sizeof(head), &got, err);

	if (code != HIN_OK)
		return code;
	in = hin_reader_of(head, got);
	hin_read_skip(&in, 8);
	*end = s->index + INDEX_HEAD + hin_read_le32(&in);
	return in.failed ? hin_fail(err, HIN_ETRUNCATED, "%s: offset %llu: the index is damaged",
				    name, (unsigned long long)s->index)
			 : HIN_OK;
}

/* Where the next head begins at or after `at`; `end` when there is none. */
static enum hin_code find_head(int fd, const char *name, uint64_t at, uint64_t end, uint64_t *out,
			       struct hin_error *err)
{
	static const uint8_t magic[4] = { 'H', 'B', 'K', '1' };
	struct hin_part parts[HIN_PARTS_KNOWN];
	uint8_t *bytes = malloc(SEARCH + HIN_BLOCK_HEAD_MAX);
	enum hin_code code = HIN_OK;

	*out = end;
	if (bytes == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to search %s", name);
	for (; at < end && *out == end && code == HIN_OK; at += SEARCH) {
		size_t got, need;
		uint8_t *next = bytes;

		code = read_some(fd, name, at, bytes, SEARCH + HIN_BLOCK_HEAD_MAX, &got, err);
		if (code != HIN_OK || got == 0)
			break;
		while ((next = memmem(next, (size_t)(bytes + got - next), magic, 4)) != NULL) {
			uint64_t offset = at + (uint64_t)(next - bytes);
			struct hin_block_head head;

			if (offset >= end)
				break;
			if (hin_block_head_read(&head, parts, next, (size_t)(bytes + got - next),
						&need) == HIN_OK) {
				*out = offset;
				break;
			}
			next++;
		}
	}
	free(bytes);
	return code;
}

/* The head of the block at `at` of a file. */
static enum hin_code read_head(struct hin_heads *h, int fd, const char *name, uint64_t at,
			       struct hin_error *err)
{
	uint8_t guess[HEAD_GUESS], *more;
	size_t got, need = 0;
	enum hin_code code = read_some(fd, name, at, guess, sizeof(guess), &got, err);

	if (code != HIN_OK)
		return code;
	h->bytes_read += got;
	code = hin_heads_add(h, at, guess, got, &need);
	if (code != HIN_ETRUNCATED || need <= got)
		return code;
	more = malloc(need);
	if (more == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a head of %s", name);
	code = read_some(fd, name, at, more, need, &got, err);
	if (code == HIN_OK)
		code = hin_heads_add(h, at, more, got, &need);
	free(more);
	return code;
}

/* The head added last does not count. */
static void drop_last(struct hin_heads *h)
{
	h->count--;
	h->part_count -= h->refs[h->count].head.part_count;
}

static enum hin_code bad_head(const char *name, uint64_t at, enum hin_code code,
			      struct hin_error *err)
{
	return hin_fail(err, code, "%s: offset %llu: head of a block %s", name,
			(unsigned long long)at,
			code == HIN_EUNSUPPORTED ? "of a newer version"
			: code == HIN_ETRUNCATED ? "ends too early"
						 : "is damaged");
}

enum hin_code hin_segment_head_at(struct hin_heads *out, int fd, const char *name,
				  const struct hin_segment *s, uint64_t offset,
				  struct hin_error *err)
{
	enum hin_code code = HIN_EFORMAT;

	if (offset >= HIN_SEGMENT_HEAD && offset < s->index)
		code = read_head(out, fd, name, offset, err);
	if (code == HIN_OK && out->refs[out->count - 1].head.size > s->index - offset) {
		drop_last(out);
		code = HIN_ETRUNCATED;
	}
	if (code == HIN_ENOMEM)
		return hin_fail(err, code, "no room for a head of %s", name);
	return hin_is_damage(code) ? bad_head(name, offset, code, err) : code;
}

/* Go from block to block. */
static enum hin_code walk(struct hin_heads *h, int fd, const char *name,
			  const struct hin_segment *s, hin_damage_fn damage, void *user,
			  struct hin_error *err)
{
	uint64_t at = HIN_SEGMENT_HEAD, end = s->sealed ? s->index : s->length, next;

	while (at < end) {
		enum hin_code code = read_head(h, fd, name, at, err);
		struct hin_error what;

		if (code == HIN_OK && h->refs[h->count - 1].head.size <= end - at) {
			at += h->refs[h->count - 1].head.size;
			continue;
		}
		if (code == HIN_OK) {
			drop_last(h);
			code = HIN_ETRUNCATED;
		}
		if (!hin_is_damage(code))
			return code;
		(void)bad_head(name, at, code, &what);
		h->damaged++;
		damage(user, &what);
		code = find_head(fd, name, at + 1, end, &next, err);
		if (code != HIN_OK)
			return code;
		at = next;
	}
	return HIN_OK;
}

enum hin_code hin_segment_heads(struct hin_heads *out, int fd, const char *name,
				const struct hin_segment *s, hin_damage_fn damage, void *user,
				struct hin_error *err)
{
	hin_heads_reset(out);
	if (s->sealed) {
		struct hin_error what;
		enum hin_code code = read_index(out, fd, name, s, err);

		if (!hin_is_damage(code))
			return code;
		(void)hin_fail(&what, code, "%s: offset %llu: the index is damaged", name,
			       (unsigned long long)s->index);
		damage(user, &what);
		hin_heads_reset(out);
		out->damaged++;
	}
	return walk(out, fd, name, s, damage, user, err);
}

void hin_segment_index(struct hin_buffer *out, const struct hin_heads *heads, int fd,
		       const char *name, struct hin_error *err)
{
	size_t start = out->used;
	struct hin_writer head;

	hin_buffer_fill(out, 0, INDEX_HEAD);
	for (size_t i = 0; i < heads->count; i++) {
		const struct hin_block_ref *ref = &heads->refs[i];
		uint64_t offset = HIN_LE64(ref->offset);
		char *at;
		size_t got;

		hin_buffer_add(out, &offset, sizeof(offset));
		at = hin_buffer_reserve(out, ref->head.head_size);
		if (at == NULL)
			return;
		if (read_some(fd, name, ref->offset, at, ref->head.head_size, &got, err) !=
			    HIN_OK ||
		    got < ref->head.head_size) {
			out->failed = true;
			return;
		}
		hin_buffer_commit(out, got);
	}
	head = hin_writer_of(out->data + start, INDEX_HEAD);
	hin_write_le32(&head, INDEX_MAGIC);
	hin_write_le32(&head, (uint32_t)heads->count);
	hin_write_le32(&head, (uint32_t)(out->used - start - INDEX_HEAD));
	hin_write_le32(&head,
		       hin_sum(out->data + start + INDEX_HEAD, out->used - start - INDEX_HEAD));
}
