/* A vault that is open: put, find, get, expire. The layout of the folder is in vault.h. */
#include "telescope/vault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <unistd.h>

#include "packet/capture.h"
#include "telescope/vault_priv.h"

static_assert(HIN_VAULT_DIGEST == SHA256_DIGEST_LENGTH, "a digest is a SHA-256");
static_assert(HIN_PCAP_HEADER_SIZE + HIN_VAULT_PACKETS * (HIN_PCAP_RECORD_SIZE + HIN_VAULT_SNAP) <=
		      VAULT_OBJECT_MOST,
	      "every capture is an object");

/* The part of max_age_ns that the records of one segment may lie apart. */
#define AGE_PARTS 16

/* a - b, at the ends of the range when it does not fit. */
static int64_t minus(int64_t a, int64_t b)
{
	int64_t out;

	if (!__builtin_sub_overflow(a, b, &out))
		return out;
	return a < b ? INT64_MIN : INT64_MAX;
}

static struct vault_segment *current(struct hin_vault *vault)
{
	return vault->write_fd != -1 ? &vault->segments[vault->segment_count - 1] : NULL;
}

/* ---- reading ---- */

static void forget_reader(struct vault_open_file *file)
{
	if (file->number != VAULT_NOWHERE)
		close(file->fd);
	file->number = VAULT_NOWHERE;
}

/* Open the segment `number` to read, if it is not. */
static enum hin_code reader_of(struct hin_vault *vault, uint32_t number, int *fd,
			       struct hin_error *err)
{
	struct vault_open_file *file = &vault->readers[number % VAULT_READERS];
	char name[VAULT_SEGMENT_NAME];

	if (file->number != number) {
		forget_reader(file);
		file->fd = openat(vault->folder_fd, hin_vault_segment_name(name, number),
				  O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
		if (file->fd == -1 && errno == ENOENT)
			return hin_fail(err, HIN_ENOENT, "the evidence is not kept any more");
		if (file->fd == -1)
			return hin_fail(err, HIN_ESYS, "open %s/%s", vault->folder, name);
		file->number = number;
	}
	*fd = file->fd;
	return HIN_OK;
}

/* Read `size` bytes at `offset` behind `place`; what is not there is zeros. */
static enum hin_code read_at(struct hin_vault *vault, const struct vault_place *place,
			     uint64_t offset, uint8_t *out, size_t size, struct hin_error *err)
{
	int fd = -1;
	enum hin_code code = reader_of(vault, place->segment, &fd, err);

	if (code != HIN_OK)
		return code;
	offset += place->offset;
	while (size > 0) {
		ssize_t n = pread(fd, out, size, (off_t)offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "read a segment of %s", vault->folder);
		if (n == 0) {
			memset(out, 0, size);
			break;
		}
		out += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return HIN_OK;
}

/* Read the head of the record at `place` into vault->record. */
static enum hin_code read_head(struct hin_vault *vault, struct vault_record *out,
			       const struct vault_place *place, struct hin_error *err)
{
	enum hin_code code = read_at(vault, place, 0, vault->record, VAULT_HEAD, err);

	*out = (struct vault_record){ 0 };
	if (code != HIN_OK)
		return code;
	code = hin_vault_record_read(out, vault->record, VAULT_HEAD, &vault->keys);
	if (code != HIN_OK)
		return hin_fail(err, HIN_EVERIFY, "segment %08x of %s was changed at offset %u",
				place->segment, vault->folder, place->offset);
	return HIN_OK;
}

static enum hin_code not_here(const struct hin_vault *vault, struct hin_error *err)
{
	(void)hin_fail(err, HIN_ENOENT, "the evidence is not in the vault %s", vault->folder);
	return HIN_ENOENT;
}

/* The head of the object with this digest. HIN_ENOENT when there is none. */
static enum hin_code find_object(struct hin_vault *vault, struct vault_record *out,
				 const struct vault_place **place,
				 const uint8_t digest[HIN_VAULT_DIGEST], struct hin_error *err)
{
	enum hin_code code;

	*out = (struct vault_record){ 0 };
	*place = hin_vault_index_find(&vault->objects, hin_vault_digest_key(digest));
	if (*place == NULL)
		return not_here(vault, err);
	code = read_head(vault, out, *place, err);
	if (code == HIN_OK &&
	    (out->kind != VAULT_OBJECT || memcmp(out->digest, digest, HIN_VAULT_DIGEST) != 0))
		code = not_here(vault, err);
	return code;
}

/* Open the object with this digest into vault->opened. */
static enum hin_code open_object(struct hin_vault *vault, struct vault_record *record,
				 const struct vault_place **place,
				 const uint8_t digest[HIN_VAULT_DIGEST], struct hin_error *err)
{
	enum hin_code code = find_object(vault, record, place, digest, err);
	uint8_t got[HIN_VAULT_DIGEST];

	if (code != HIN_OK)
		return code;
	code = read_at(vault, *place, VAULT_HEAD, vault->record + VAULT_HEAD,
		       hin_vault_record_span(record) - VAULT_HEAD, err);
	if (code != HIN_OK)
		return code;
	if (!hin_vault_record_open(vault->opened, record, vault->record, &vault->keys))
		return hin_fail(err, HIN_EVERIFY,
				"the evidence was changed: segment %08x, offset %u",
				(*place)->segment, (*place)->offset);
	SHA256(vault->opened, record->bytes, got);
	if (memcmp(got, digest, sizeof(got)) != 0)
		return hin_fail(err, HIN_EVERIFY, "the evidence has not the digest it is kept by");
	return HIN_OK;
}

bool hin_vault_find(struct hin_vault *vault, uint64_t event_link, uint8_t digest[HIN_VAULT_DIGEST])
{
	const struct vault_place *place = hin_vault_index_find(&vault->links, event_link);
	struct vault_record named, object;

	if (place == NULL || read_head(vault, &named, place, NULL) != HIN_OK ||
	    named.event_link != event_link)
		return false;
	if (named.kind == VAULT_LINK &&
	    find_object(vault, &object, &place, named.digest, NULL) != HIN_OK)
		return false;
	memcpy(digest, named.digest, HIN_VAULT_DIGEST);
	return true;
}

enum hin_code hin_vault_get(struct hin_vault *vault, const uint8_t digest[HIN_VAULT_DIGEST],
			    struct hin_buffer *out, struct hin_error *err)
{
	const struct vault_place *place;
	struct vault_record record;
	enum hin_code code = open_object(vault, &record, &place, digest, err);
	size_t used = out->used;

	if (code == HIN_OK) {
		hin_buffer_add(out, vault->opened, record.bytes);
		if (out->used != used + record.bytes)
			code = hin_fail(err, HIN_ENOMEM, "no room for the evidence");
	}
	explicit_bzero(vault->opened, sizeof(vault->opened));
	return code;
}

enum hin_code hin_vault_list(struct hin_vault *vault, hin_vault_entry_fn fn, void *into,
			     struct hin_error *err)
{
	uint8_t *data = malloc(VAULT_SEGMENT_MOST);
	enum hin_code code = HIN_OK;
	struct vault_record r;
	uint64_t file_size;
	size_t size, offset;
	bool more = true;

	if (data == NULL)
		return hin_fail(err, HIN_ENOMEM, "list the vault");
	for (size_t i = 0; i < vault->segment_count && more; i++) {
		uint32_t number = vault->segments[i].number;
		struct vault_scan scan;

		code = hin_vault_segment_load(vault, number, data, &size, &file_size, err);
		if (code == HIN_ENOENT) /* removed by the writer since */
			continue;
		if (code != HIN_OK)
			break;
		scan = hin_vault_scan_of(data, size);
		while (more && hin_vault_scan_next(&scan, &r, &offset, &vault->keys)) {
			const struct vault_place *at =
				hin_vault_index_find(&vault->links, r.event_link);
			struct hin_vault_entry entry = { r.event_link, r.time_ns, r.bytes,
							 r.packets };

			if (at == NULL || at->segment != number || at->offset != offset ||
			    hin_vault_index_find(&vault->objects, hin_vault_digest_key(r.digest)) ==
				    NULL)
				continue;
			memcpy(entry.digest, r.digest, sizeof(entry.digest));
			more = fn(into, &entry);
		}
	}
	free(data);
	return code == HIN_ENOENT ? HIN_OK : code;
}

/* ---- bounds ---- */

/* Remove the segment `index` and count its objects in `*gone`. */
static enum hin_code drop_segment(struct hin_vault *vault, size_t index, uint64_t *gone,
				  struct hin_error *err)
{
	struct vault_segment segment = vault->segments[index];
	char name[VAULT_SEGMENT_NAME];

	hin_vault_segment_name(name, segment.number);
	if (unlinkat(vault->folder_fd, name, 0) != 0 && errno != ENOENT)
		return hin_fail(err, HIN_ESYS, "remove %s/%s", vault->folder, name);
	if (vault->write_fd != -1 && index + 1 == vault->segment_count) {
		close(vault->write_fd);
		vault->write_fd = -1;
	}
	if (vault->readers[segment.number % VAULT_READERS].number == segment.number)
		forget_reader(&vault->readers[segment.number % VAULT_READERS]);
	hin_vault_index_forget(&vault->objects, segment.number);
	hin_vault_index_forget(&vault->links, segment.number);
	*gone += segment.objects;
	vault->stats.objects -= segment.objects;
	vault->stats.bytes -= segment.size;
	vault->stats.segments--;
	vault->segment_count--;
	vault->folder_changed = true;
	memmove(&vault->segments[index], &vault->segments[index + 1],
		(vault->segment_count - index) * sizeof(segment));
	return HIN_OK;
}

/* Make room for `more` bytes; the segment that is written stays. */
static enum hin_code keep_size(struct hin_vault *vault, uint64_t more, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && vault->stats.bytes + more > vault->max_bytes &&
	       vault->segment_count > (vault->write_fd != -1 ? 1u : 0u))
		code = drop_segment(vault, 0, &vault->stats.dropped, err);
	return code;
}

/* Is all of the segment so old that its oldest record reaches its age? */
static bool is_aged(const struct hin_vault *vault, const struct vault_segment *segment,
		    int64_t now_ns)
{
	return minus(now_ns, segment->newest_ns) >=
	       vault->max_age_ns - vault->max_age_ns / AGE_PARTS;
}

enum hin_code hin_vault_expire(struct hin_vault *vault, int64_t now_ns, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	bool later_aged = false;

	assert(vault->lock_fd != -1);
	for (size_t i = vault->segment_count; vault->max_age_ns > 0 && i-- > 0;) {
		const struct vault_segment *segment = &vault->segments[i];
		bool aged = is_aged(vault, segment, now_ns);

		/* one from a clock that ran ahead goes with those that came after it */
		if (!aged && !(later_aged && segment->oldest_ns > now_ns))
			continue;
		later_aged = true;
		code = drop_segment(vault, i, &vault->stats.expired, err);
		if (code != HIN_OK)
			return code;
	}
	return keep_size(vault, 0, err);
}

/* ---- writing ---- */

enum hin_code hin_vault_sync(struct hin_vault *vault, struct hin_error *err)
{
	if (vault->lock_fd == -1)
		return HIN_OK;
	for (size_t i = 0; i < vault->segment_count; i++) {
		struct vault_segment *segment = &vault->segments[i];
		enum hin_code code;
		int fd = vault->write_fd;

		if (!segment->unsynced)
			continue;
		if (segment != current(vault)) {
			code = reader_of(vault, segment->number, &fd, err);
			if (code != HIN_OK)
				return code;
		}
		if (fdatasync(fd) != 0)
			return hin_fail(err, HIN_ESYS, "sync segment %08x of %s", segment->number,
					vault->folder);
		segment->unsynced = false;
	}
	if (vault->folder_changed && fsync(vault->folder_fd) != 0 && errno != EINVAL)
		return hin_fail(err, HIN_ESYS, "sync the vault %s", vault->folder);
	vault->folder_changed = false;
	return HIN_OK;
}

static enum hin_code write_at(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return HIN_ESYS;
		data += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return HIN_OK;
}

/* Begin a new segment. */
static enum hin_code begin_segment(struct hin_vault *vault, int64_t now_ns, struct hin_error *err)
{
	struct vault_segment_head head = { .number = vault->last_number + 1, .made_ns = now_ns };
	uint8_t bytes[VAULT_SEGMENT_HEAD];
	struct vault_segment *segment;
	char name[VAULT_SEGMENT_NAME];
	enum hin_code code;
	int fd;

	if (head.number >= VAULT_GONE)
		return hin_fail(err, HIN_ELIMIT, "the vault %s has no number left", vault->folder);
	head.clean = head.number;
	for (size_t i = vault->segment_count; i-- > 0;)
		if (vault->segments[i].unsynced)
			head.clean = vault->segments[i].number;
	segment = hin_vault_segment_add(vault);
	if (segment == NULL)
		return hin_fail(err, HIN_ENOMEM, "begin a segment");
	vault->segment_count--; /* not before it is there */
	hin_vault_segment_name(name, head.number);
	fd = openat(vault->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "make %s/%s", vault->folder, name);
	hin_vault_segment_head_write(bytes, &head, &vault->keys);
	if (write_at(fd, bytes, sizeof(bytes), 0) != HIN_OK) {
		code = hin_fail(err, HIN_ESYS, "write %s/%s", vault->folder, name);
		unlinkat(vault->folder_fd, name, 0);
		close(fd);
		return code;
	}
	if (vault->write_fd != -1)
		close(vault->write_fd);
	vault->write_fd = fd;
	*segment = (struct vault_segment){ .number = head.number,
					   .size = sizeof(bytes),
					   .oldest_ns = now_ns,
					   .newest_ns = now_ns,
					   .unsynced = true };
	vault->segment_count++;
	vault->last_number = head.number;
	vault->folder_changed = true;
	vault->stats.segments++;
	vault->stats.bytes += sizeof(bytes);
	return HIN_OK;
}

/* May a record of `span` bytes go into the segment that is written? */
static bool has_room(struct hin_vault *vault, size_t span, int64_t now_ns)
{
	const struct vault_segment *segment = current(vault);
	int64_t oldest, newest;

	if (segment == NULL || segment->size + span > vault->segment_most)
		return false;
	oldest = now_ns < segment->oldest_ns ? now_ns : segment->oldest_ns;
	newest = now_ns > segment->newest_ns ? now_ns : segment->newest_ns;
	return vault->max_age_ns == 0 || minus(newest, oldest) <= vault->max_age_ns / AGE_PARTS;
}

/* Append a record, and know it. */
static enum hin_code append(struct hin_vault *vault, const struct vault_record *record,
			    const uint8_t *plain, struct hin_error *err)
{
	size_t span = hin_vault_record_span(record);
	struct vault_segment *segment;
	enum hin_code code;

	if (hin_vault_index_reserve(&vault->links) != HIN_OK ||
	    hin_vault_index_reserve(&vault->objects) != HIN_OK)
		return hin_fail(err, HIN_ENOMEM, "no memory for the vault's index");
	code = keep_size(vault, span + VAULT_SEGMENT_HEAD, err);
	if (code == HIN_OK && !has_room(vault, span, record->time_ns))
		code = begin_segment(vault, record->time_ns, err);
	if (code != HIN_OK)
		return code;
	segment = current(vault);
	hin_vault_record_seal(vault->record, record, plain, &vault->keys);
	if (write_at(vault->write_fd, vault->record, span, segment->size) != HIN_OK) {
		code = hin_fail(err, HIN_ESYS, "write evidence to %s", vault->folder);
		if (ftruncate(vault->write_fd, (off_t)segment->size) != 0) {
			close(vault->write_fd); /* its end is torn: go on in another segment */
			vault->write_fd = -1;
		}
		return code;
	}
	hin_vault_index_set(&vault->links, record->event_link, segment->number,
			    (uint32_t)segment->size);
	if (record->kind == VAULT_OBJECT) {
		hin_vault_index_set(&vault->objects, hin_vault_digest_key(record->digest),
				    segment->number, (uint32_t)segment->size);
		segment->objects++;
		vault->stats.objects++;
	}
	if (record->time_ns < segment->oldest_ns)
		segment->oldest_ns = record->time_ns;
	if (record->time_ns > segment->newest_ns)
		segment->newest_ns = record->time_ns;
	segment->size += span;
	segment->unsynced = true;
	vault->stats.bytes += span;
	return HIN_OK;
}

/* Make a capture file of the packets in vault->plain. */
static void make_capture(struct hin_vault *vault, struct vault_record *record,
			 const struct hin_vault_packet *packets, size_t count)
{
	uint8_t *at = vault->plain;

	hin_pcap_write_header(at, HIN_VAULT_SNAP, packets[0].link);
	at += HIN_PCAP_HEADER_SIZE;
	for (size_t i = 0; i < count && record->packets < HIN_VAULT_PACKETS; i++) {
		const struct hin_vault_packet *p = &packets[i];
		uint32_t size = p->size < HIN_VAULT_SNAP ? p->size : HIN_VAULT_SNAP;

		if (p->link != packets[0].link)
			continue;
		hin_pcap_write_record(at, p->time_ns, size, p->length > size ? p->length : size);
		at += HIN_PCAP_RECORD_SIZE;
		if (size > 0)
			memcpy(at, p->data, size);
		at += size;
		record->packets++;
	}
	record->bytes = (uint32_t)(at - vault->plain);
	SHA256(vault->plain, record->bytes, record->digest);
}

/* Has the object at `place` lived half its life, by age or by what came after it? */
static bool is_fading(const struct hin_vault *vault, const struct vault_place *place,
		      int64_t now_ns)
{
	uint64_t after = 0;
	size_t i = vault->segment_count;

	while (i-- > 0 && vault->segments[i].number != place->segment)
		after += vault->segments[i].size;
	return after > vault->max_bytes / 2 ||
	       (vault->max_age_ns > 0 &&
		minus(now_ns, vault->segments[i].oldest_ns) > vault->max_age_ns / 2);
}

/* Is the object there, whole and for long enough? */
static bool has_object(struct hin_vault *vault, const struct vault_record *wanted)
{
	struct vault_record there;
	const struct vault_place *place =
		hin_vault_index_find(&vault->objects, hin_vault_digest_key(wanted->digest));

	if (place == NULL || is_fading(vault, place, wanted->time_ns))
		return false;
	return open_object(vault, &there, &place, wanted->digest, NULL) == HIN_OK;
}

enum hin_code hin_vault_put(struct hin_vault *vault, uint64_t event_link,
			    const struct hin_vault_packet *packets, size_t count, int64_t now_ns,
			    uint8_t digest[HIN_VAULT_DIGEST], struct hin_error *err)
{
	struct vault_record record = { .kind = VAULT_OBJECT,
				       .time_ns = now_ns,
				       .event_link = event_link };
	uint8_t known[HIN_VAULT_DIGEST];
	enum hin_code code = HIN_OK;

	assert(vault->lock_fd != -1);
	if (count == 0)
		return hin_fail(err, HIN_ERANGE, "evidence without packets");
	make_capture(vault, &record, packets, count);
	if (has_object(vault, &record)) {
		vault->stats.repeated++;
		record.kind = VAULT_LINK;
		if (!hin_vault_find(vault, event_link, known) ||
		    memcmp(known, record.digest, sizeof(known)) != 0)
			code = append(vault, &record, NULL, err);
	} else {
		code = append(vault, &record, vault->plain, err);
		vault->stats.put += code == HIN_OK;
	}
	vault->stats.failed += code != HIN_OK;
	if (code == HIN_OK)
		memcpy(digest, record.digest, HIN_VAULT_DIGEST);
	return code;
}

struct hin_vault_stats hin_vault_stats(const struct hin_vault *vault)
{
	return vault->stats;
}
