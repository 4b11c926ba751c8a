/* journal - the records of a journal, written and read; see journal_priv.h */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/journal_priv.h"

#define RECORD_MAGIC 0x31524a48u /* "HJR1" */
#define EPOCH_FIXED 52		 /* bytes of an epoch before its spans */

/* Parts of a record. A reader refuses what it does not know: to skip it would be to lose rows. */
enum {
	PART_CATALOG = 1, /* all that was known before is forgotten */
	PART_SEGMENT = 2,
	PART_SENSOR = 3,
	PART_CUT = 4,
	PART_TAIL = 5,
	/* from version 2 on */
	PART_DROP = 6,
	PART_ROLLED = 7,
	PART_ALIVE = 8,
};

#define RECORD_LEAVES 1u /* flag of a record: it drops files */

/* ---- writing ---- */

static void put8(struct hin_buffer *out, uint8_t value)
{
	hin_buffer_add(out, &value, sizeof(value));
}

static void put32(struct hin_buffer *out, uint32_t value)
{
	value = HIN_LE32(value);
	hin_buffer_add(out, &value, sizeof(value));
}

static void put64(struct hin_buffer *out, uint64_t value)
{
	value = HIN_LE64(value);
	hin_buffer_add(out, &value, sizeof(value));
}

void hin_record_start(struct hin_buffer *out)
{
	hin_buffer_fill(out, 0, HIN_RECORD_HEAD);
}

void hin_record_catalog(struct hin_buffer *out, const struct hin_catalog *c)
{
	put8(out, PART_CATALOG);
	put64(out, c->next_id);
	put64(out, c->rolled_rows);
}

void hin_record_segment(struct hin_buffer *out, const struct hin_segment *s)
{
	put8(out, PART_SEGMENT);
	put64(out, s->id);
	put64(out, (uint64_t)s->day);
	put8(out, s->kind);
	put8(out, s->sealed);
	put64(out, s->length);
	put64(out, s->index);
	put32(out, s->blocks);
	put64(out, s->rows);
	put64(out, s->weight);
	put64(out, (uint64_t)s->time_min);
	put64(out, (uint64_t)s->time_max);
}

void hin_record_sensor(struct hin_buffer *out, const struct hin_sensor *s)
{
	uint32_t epochs = 0;

	for (size_t i = 0; i < s->epoch_count; i++)
		epochs += s->epochs[i].span_count > 0;
	put8(out, PART_SENSOR);
	hin_buffer_add(out, s->id, sizeof(s->id));
	put64(out, (uint64_t)s->first_us);
	put64(out, (uint64_t)s->last_us);
	put64(out, s->batches);
	put64(out, s->rows);
	put64(out, s->dark_addresses);
	put32(out, epochs);
	for (size_t i = 0; i < s->epoch_count; i++) {
		const struct hin_epoch *e = &s->epochs[i];

		if (e->span_count == 0)
			continue;
		put64(out, e->epoch);
		put64(out, e->sequence);
		hin_buffer_add(out, e->digest, sizeof(e->digest));
		put32(out, (uint32_t)e->span_count);
		for (size_t k = 0; k < e->span_count; k++) {
			put64(out, e->spans[k].first);
			put64(out, e->spans[k].last);
		}
	}
	if (s->alive) {
		put8(out, PART_ALIVE);
		hin_buffer_add(out, s->id, sizeof(s->id));
	}
}

void hin_record_cut(struct hin_buffer *out, int64_t day, unsigned kind)
{
	put8(out, PART_CUT);
	put64(out, (uint64_t)day);
	put8(out, (uint8_t)kind);
}

void hin_record_drop(struct hin_buffer *out, uint64_t id)
{
	put8(out, PART_DROP);
	put64(out, id);
}

void hin_record_rolled(struct hin_buffer *out, uint64_t rows)
{
	put8(out, PART_ROLLED);
	put64(out, rows);
}

size_t hin_record_tail_start(struct hin_buffer *out, int64_t day, unsigned kind)
{
	put8(out, PART_TAIL);
	put64(out, (uint64_t)day);
	put8(out, (uint8_t)kind);
	put32(out, 0);
	return out->used;
}

void hin_record_tail_end(struct hin_buffer *out, size_t start)
{
	uint32_t size;

	if (out->failed)
		return;
	size = HIN_LE32((uint32_t)(out->used - start));
	memcpy(out->data + start - sizeof(size), &size, sizeof(size));
}

void hin_record_end(struct hin_buffer *out, size_t start, uint64_t commit, bool leaves)
{
	struct hin_writer head;
	size_t size = out->used - start - HIN_RECORD_HEAD;
	char *at;

	if (out->failed)
		return;
	if (size > HIN_RECORD_MAX) {
		out->failed = true;
		return;
	}
	at = out->data + start;
	head = hin_writer_of(at, HIN_RECORD_HEAD);
	hin_write_le32(&head, RECORD_MAGIC);
	hin_write_le32(&head, (uint32_t)size);
	hin_write_le64(&head, commit);
	hin_write_le32(&head, hin_sum(at + HIN_RECORD_HEAD, size));
	hin_write_le64(&head, leaves ? RECORD_LEAVES : 0);
	hin_write_le32(&head, hin_sum(at, HIN_RECORD_HEAD - 4));
}

void hin_journal_head(struct hin_buffer *out, const struct hin_catalog *c)
{
	uint8_t head[HIN_JOURNAL_HEAD] = { 0 };
	struct hin_writer to = hin_writer_of(head, sizeof(head));

	hin_write_bytes(&to, HIN_JOURNAL_MAGIC, 8);
	hin_write_le32(&to, HIN_JOURNAL_VERSION);
	hin_write_le32(&to, c->made);
	hin_write_bytes(&to, c->store, 16);
	to.used = sizeof(head) - 4;
	hin_write_le32(&to, hin_sum(head, sizeof(head) - 4));
	hin_buffer_add(out, head, sizeof(head));
}

/* ---- reading ---- */

static enum hin_code take_catalog(struct hin_catalog *c, struct hin_reader *in)
{
	struct hin_catalog fresh = { .commits = c->commits,
				     .version = c->version,
				     .made = c->made };

	memcpy(fresh.store, c->store, sizeof(fresh.store));
	hin_catalog_fini(c);
	*c = fresh;
	c->next_id = hin_read_le64(in);
	c->rolled_rows = hin_read_le64(in);
	return HIN_OK;
}

static enum hin_code take_segment(struct hin_catalog *c, struct hin_reader *in)
{
	struct hin_segment s = { .id = hin_read_le64(in) };

	s.day = (int64_t)hin_read_le64(in);
	s.kind = hin_read_u8(in);
	s.sealed = hin_read_u8(in) != 0;
	s.length = hin_read_le64(in);
	s.index = hin_read_le64(in);
	s.blocks = hin_read_le32(in);
	s.rows = hin_read_le64(in);
	s.weight = hin_read_le64(in);
	s.time_min = (int64_t)hin_read_le64(in);
	s.time_max = (int64_t)hin_read_le64(in);
	if (s.kind >= HIN_SEGMENT_KINDS || s.length > INT64_MAX || s.day < 0 ||
	    s.day > HIN_TIME_MAX / HIN_DAY_US || s.rows > (uint64_t)s.blocks * HIN_BLOCK_ROWS)
		return HIN_EFORMAT;
	if (s.id >= c->next_id)
		c->next_id = s.id + 1;
	for (size_t i = c->segment_count; i > 0; i--)
		if (c->segments[i - 1].id == s.id) {
			c->segments[i - 1] = s;
			return HIN_OK;
		}
	return hin_catalog_add_segment(c, &s) != NULL ? HIN_OK : HIN_ENOMEM;
}

static enum hin_code take_epoch(struct hin_epoch *e, struct hin_reader *in)
{
	uint32_t spans;
	uint64_t last = 0;

	e->epoch = hin_read_le64(in);
	e->sequence = hin_read_le64(in);
	hin_read_copy(in, e->digest, sizeof(e->digest));
	spans = hin_read_le32(in);
	if (in->failed || spans == 0 || spans > in->left / 16)
		return HIN_EFORMAT;
	e->spans = malloc(spans * sizeof(*e->spans));
	if (e->spans == NULL)
		return HIN_ENOMEM;
	e->span_room = spans;
	for (uint32_t i = 0; i < spans; i++) {
		struct hin_span s = { .first = hin_read_le64(in), .last = hin_read_le64(in) };

		if (s.first > s.last || s.first == 0 || (i > 0 && s.first <= last + 1))
			return HIN_EFORMAT;
		last = s.last;
		e->spans[e->span_count++] = s;
	}
	return last == e->sequence ? HIN_OK : HIN_EFORMAT;
}

/* Replace what is known of a sensor. */
static enum hin_code take_sensor(struct hin_catalog *c, struct hin_reader *in)
{
	uint8_t id[HIN_SENSOR_ID];
	struct hin_sensor *s;
	enum hin_code code = HIN_OK;
	uint32_t epochs;

	hin_read_copy(in, id, sizeof(id));
	s = hin_catalog_add_sensor(c, id);
	if (s == NULL)
		return HIN_ENOMEM;
	s->first_us = (int64_t)hin_read_le64(in);
	s->last_us = (int64_t)hin_read_le64(in);
	s->batches = hin_read_le64(in);
	s->rows = hin_read_le64(in);
	s->dark_addresses = hin_read_le64(in);
	epochs = hin_read_le32(in);
	for (size_t i = 0; i < s->epoch_count; i++)
		free(s->epochs[i].spans);
	s->epoch_count = 0;
	if (in->failed || epochs > HIN_EPOCHS_MAX || epochs > in->left / EPOCH_FIXED)
		return HIN_EFORMAT;
	if (epochs > s->epoch_room) {
		struct hin_epoch *more = realloc(s->epochs, epochs * sizeof(*more));

		if (more == NULL)
			return HIN_ENOMEM;
		s->epochs = more;
		s->epoch_room = epochs;
	}
	while (code == HIN_OK && s->epoch_count < epochs) {
		struct hin_epoch *e = &s->epochs[s->epoch_count++];

		*e = (struct hin_epoch){ 0 };
		code = take_epoch(e, in);
	}
	if (code == HIN_OK && epochs > 0) {
		const struct hin_epoch *e = &s->epochs[epochs - 1];

		s->committed =
			(struct hin_batch_mark){ .epoch = e->epoch, .sequence = e->sequence };
		memcpy(s->committed.digest, e->digest, sizeof(e->digest));
	}
	return code;
}

static void take_alive(struct hin_catalog *c, struct hin_reader *in)
{
	uint8_t id[HIN_SENSOR_ID];
	struct hin_sensor *s;

	hin_read_copy(in, id, sizeof(id));
	s = hin_catalog_sensor(c, id);
	if (s != NULL)
		s->alive = true;
}

static enum hin_code take_tail(struct hin_catalog *c, struct hin_reader *in, const uint8_t *start,
			       uint64_t offset)
{
	struct hin_tail t = { .day = (int64_t)hin_read_le64(in) };
	const uint8_t *block;

	t.kind = hin_read_u8(in);
	t.size = hin_read_le32(in);
	block = hin_read_bytes(in, t.size);
	if (block == NULL || (!hin_segment_is_detail(t.kind) && t.kind != HIN_SEGMENT_BATCHES) ||
	    t.day < 0 || t.day > HIN_TIME_MAX / HIN_DAY_US)
		return HIN_EFORMAT;
	t.offset = offset + (uint64_t)(block - start);
	return hin_catalog_add_tail(c, &t);
}

/* Do what the payload of a record says; it lies at `offset` of the file. */
static enum hin_code take_record(struct hin_catalog *c, const uint8_t *bytes, size_t size,
				 uint64_t offset)
{
	struct hin_reader in = hin_reader_of(bytes, size);
	enum hin_code code = HIN_OK;

	while (in.left > 0 && code == HIN_OK) {
		int64_t day;

		switch (hin_read_u8(&in)) {
		case PART_CATALOG:
			code = take_catalog(c, &in);
			break;
		case PART_SEGMENT:
			code = take_segment(c, &in);
			break;
		case PART_SENSOR:
			code = take_sensor(c, &in);
			break;
		case PART_CUT:
			day = (int64_t)hin_read_le64(&in);
			hin_catalog_drop_tails(c, day, hin_read_u8(&in));
			break;
		case PART_TAIL:
			code = take_tail(c, &in, bytes, offset);
			break;
		case PART_DROP:
			hin_catalog_drop_segment(c, hin_read_le64(&in));
			break;
		case PART_ALIVE:
			take_alive(c, &in);
			break;
		case PART_ROLLED:
			c->rolled_rows = hin_read_le64(&in);
			break;
		default:
			return HIN_EUNSUPPORTED;
		}
		if (in.failed)
			code = HIN_EFORMAT;
	}
	return code;
}

/* Is there a whole record at `bytes`? Its payload is `*payload` long. */
static bool record_at(const uint8_t *bytes, size_t size, size_t *payload, uint64_t *commit)
{
	struct hin_reader in = hin_reader_of(bytes, size);
	uint32_t magic = hin_read_le32(&in), length = hin_read_le32(&in), sum, head_sum;

	*commit = hin_read_le64(&in);
	sum = hin_read_le32(&in);
	hin_read_skip(&in, 8);
	head_sum = hin_read_le32(&in);
	if (in.failed || magic != RECORD_MAGIC ||
	    !hin_sum_fits(bytes, HIN_RECORD_HEAD - 4, head_sum) || length > in.left)
		return false;
	*payload = length;
	return hin_sum_fits(in.pos, length, sum);
}

/* Does a good record of a later commit follow somewhere? Then what lies before it is damage. */
static bool record_follows(const uint8_t *bytes, size_t size, uint64_t commits)
{
	uint32_t magic = HIN_LE32(RECORD_MAGIC);
	const uint8_t *at = bytes + 1;
	uint64_t commit;
	size_t payload;

	while (size > 0 && at < bytes + size) {
		size_t left = (size_t)(bytes + size - at);

		at = memmem(at, left, &magic, sizeof(magic));
		if (at == NULL)
			return false;
		if (record_at(at, (size_t)(bytes + size - at), &payload, &commit) &&
		    commit > commits)
			return true;
		at++;
	}
	return false;
}

static enum hin_code read_head(struct hin_catalog *c, const uint8_t *bytes, size_t size,
			       const char *name, struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(bytes, size);
	const uint8_t *magic = hin_read_bytes(&in, 8);
	uint32_t version = hin_read_le32(&in), made = hin_read_le32(&in), sum;

	hin_read_copy(&in, c->store, sizeof(c->store));
	if (size < HIN_JOURNAL_HEAD || magic == NULL || memcmp(magic, HIN_JOURNAL_MAGIC, 8) != 0)
		return hin_fail(err, HIN_EFORMAT, "%s: offset 0: not the journal of a store", name);
	memcpy(&sum, bytes + HIN_JOURNAL_HEAD - 4, sizeof(sum));
	if (!hin_sum_fits(bytes, HIN_JOURNAL_HEAD - 4, HIN_LE32(sum)))
		return hin_fail(err, HIN_EVERIFY, "%s: offset 0: wrong checksum", name);
	if (version == 0 || version > HIN_JOURNAL_VERSION)
		return hin_fail(err, HIN_EUNSUPPORTED,
				"%s: version %u; this program knows versions up to %u", name,
				version, HIN_JOURNAL_VERSION);
	c->version = version;
	c->made = made > 0 ? made : 1;
	return HIN_OK;
}

/* Read records out of `bytes`, which begin at `*end` of the file. */
static enum hin_code read_records(struct hin_catalog *c, const uint8_t *bytes, size_t size,
				  const char *name, uint64_t *end, struct hin_error *err)
{
	size_t at = 0;

	while (size - at > 0) {
		uint64_t commit;
		size_t payload;
		enum hin_code code;

		if (!record_at(bytes + at, size - at, &payload, &commit) || commit <= c->commits) {
			if (!record_follows(bytes + at, size - at, c->commits))
				break;
			return hin_fail(err, HIN_EVERIFY,
					"%s: offset %llu: damaged record, and good ones follow; "
					"restore a backup or use \"hinomi store rebuild\"",
					name, (unsigned long long)*end);
		}
		code = take_record(c, bytes + at + HIN_RECORD_HEAD, payload,
				   *end + HIN_RECORD_HEAD);
		if (code != HIN_OK)
			return hin_fail(err, code, "%s: offset %llu: a record %s", name,
					(unsigned long long)*end,
					code == HIN_EUNSUPPORTED ? "of a newer program"
					: code == HIN_ENOMEM	 ? "finds no memory"
								 : "makes no sense");
		c->commits = commit;
		at += HIN_RECORD_HEAD + payload;
		*end += HIN_RECORD_HEAD + payload;
	}
	return HIN_OK;
}

/* All bytes of `fd` from `from` on. */
static enum hin_code read_rest(int fd, const char *name, uint64_t from, struct hin_buffer *out,
			       struct hin_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "%s", name);
	while ((uint64_t)st.st_size > from + out->used) {
		size_t some = (size_t)((uint64_t)st.st_size - from - out->used);
		char *at = hin_buffer_reserve(out, some);
		ssize_t n;

		if (at == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for %s", name);
		n = pread(fd, at, some, (off_t)(from + out->used));
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "read %s", name);
		if (n == 0)
			break;
		hin_buffer_commit(out, (size_t)n);
	}
	return HIN_OK;
}

enum hin_code hin_journal_read(struct hin_catalog *c, int fd, const char *name, uint64_t *end,
			       uint64_t *torn, struct hin_error *err)
{
	struct hin_buffer bytes = { 0 };
	uint64_t start = *end;
	size_t head = 0;
	enum hin_code code = read_rest(fd, name, start, &bytes, err);

	if (code == HIN_OK && start == 0) {
		code = read_head(c, (const uint8_t *)bytes.data, bytes.used, name, err);
		*end = head = HIN_JOURNAL_HEAD;
	}
	if (code == HIN_OK && bytes.used > head)
		code = read_records(c, (const uint8_t *)bytes.data + head, bytes.used - head, name,
				    end, err);
	*torn = start + bytes.used - *end;
	hin_buffer_fini(&bytes);
	return code;
}

/* Where a good record of a later commit begins at or after `at`; `size` when there is none. */
static size_t next_record(const uint8_t *bytes, size_t size, size_t at, uint64_t commits)
{
	uint32_t magic = HIN_LE32(RECORD_MAGIC);

	while (at < size) {
		const uint8_t *found = memmem(bytes + at, size - at, &magic, sizeof(magic));
		uint64_t commit;
		size_t payload;

		if (found == NULL)
			return size;
		at = (size_t)(found - bytes);
		if (record_at(found, size - at, &payload, &commit) && commit > commits)
			return at;
		at++;
	}
	return size;
}

enum hin_code hin_journal_salvage(struct hin_catalog *c, int fd, const char *name, uint64_t *end,
				  bool *headless, hin_salvage_fn damage, void *user,
				  struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	size_t at = HIN_JOURNAL_HEAD, payload, next;
	uint64_t commit;
	enum hin_code code = read_rest(fd, name, 0, &file, err);
	const uint8_t *bytes = (const uint8_t *)file.data;

	if (code == HIN_OK && read_head(c, bytes, file.used, name, err) == HIN_EUNSUPPORTED)
		code = HIN_EUNSUPPORTED;
	else if (code == HIN_OK && read_head(c, bytes, file.used, name, NULL) != HIN_OK)
		*headless = true;
	c->version = HIN_JOURNAL_VERSION;
	if (*headless)
		damage(user, 0, at < file.used ? at : file.used);
	while (code == HIN_OK && at < file.used) {
		if (record_at(bytes + at, file.used - at, &payload, &commit) &&
		    commit > c->commits) {
			code = take_record(c, bytes + at + HIN_RECORD_HEAD, payload,
					   at + HIN_RECORD_HEAD);
			next = at + HIN_RECORD_HEAD + payload;
			if (code == HIN_EFORMAT || code == HIN_EVERIFY) {
				damage(user, at, next - at);
				code = HIN_OK;
			} else if (code != HIN_OK) {
				(void)hin_fail(err, code, "%s: offset %zu: a record cannot be read",
					       name, at);
			}
			c->commits = commit;
		} else {
			next = next_record(bytes, file.used, at + 1, c->commits);
			/* what is torn at the end was never acknowledged */
			if (next < file.used)
				damage(user, at, next - at);
		}
		at = next;
	}
	*end = file.used;
	hin_buffer_fini(&file);
	return code;
}

bool hin_journal_leaves(int fd, uint64_t from)
{
	uint8_t head[HIN_RECORD_HEAD];

	while (pread(fd, head, sizeof(head), (off_t)from) == (ssize_t)sizeof(head)) {
		struct hin_reader in = hin_reader_of(head, sizeof(head));
		uint32_t magic = hin_read_le32(&in), size = hin_read_le32(&in);
		uint64_t flags;

		hin_read_skip(&in, 12);
		flags = hin_read_le64(&in);
		if (magic != RECORD_MAGIC ||
		    !hin_sum_fits(head, HIN_RECORD_HEAD - 4, hin_read_le32(&in)))
			return false; /* torn, or being written */
		if (flags & RECORD_LEAVES)
			return true;
		from += HIN_RECORD_HEAD + (uint64_t)size;
	}
	return false;
}
