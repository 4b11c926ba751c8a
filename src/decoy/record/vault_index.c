/* vault_index - index and manifest of a vault; see vault_priv.h */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/number.h"
#include "base/time.h"
#include "decoy/record/vault_priv.h"

#define INDEX_MOST ((size_t)1 << 31)
#define MANIFEST_MOST ((size_t)1 << 20)

enum { RECORD_KEPT = 1, RECORD_GONE = 2 };
enum { KIND_BIG = 1, KIND_STATIC = 2, KIND_PACKED = 4 };

/* ---- in memory ---- */

static size_t slot_of(const struct hin_decoy_vault *v, const uint8_t sha256[32])
{
	uint64_t first;

	memcpy(&first, sha256, sizeof(first));
	return (size_t)first & (v->slots - 1);
}

struct vault_item *vault_find(const struct hin_decoy_vault *v, const uint8_t sha256[32])
{
	uint32_t at = v->slots > 0 ? v->table[slot_of(v, sha256)] : 0;

	while (at != 0 && memcmp(v->items[at - 1].entry.sha256, sha256, 32) != 0)
		at = v->items[at - 1].next;
	return at != 0 ? &v->items[at - 1] : NULL;
}

static void link_item(struct hin_decoy_vault *v, size_t index)
{
	uint32_t *slot = &v->table[slot_of(v, v->items[index].entry.sha256)];

	v->items[index].next = *slot;
	*slot = (uint32_t)index + 1;
}

static void relink(struct hin_decoy_vault *v)
{
	memset(v->table, 0, v->slots * sizeof(*v->table));
	for (size_t k = 0; k < v->count; k++)
		link_item(v, k);
}

static bool grow(struct hin_decoy_vault *v)
{
	size_t room = v->room > 0 ? v->room * 2 : 64;
	struct vault_item *items = reallocarray(v->items, room, sizeof(*items));
	uint32_t *table;

	if (items == NULL)
		return false;
	v->items = items;
	table = reallocarray(v->table, room, sizeof(*table));
	if (table == NULL)
		return false;
	v->table = table;
	v->room = v->slots = room;
	relink(v);
	return true;
}

struct vault_item *vault_add(struct hin_decoy_vault *v, const struct hin_decoy_vault_entry *entry)
{
	if (v->count == v->room && !grow(v))
		return NULL;
	v->items[v->count] = (struct vault_item){ .entry = *entry };
	link_item(v, v->count);
	v->stats.files++;
	v->stats.bytes += entry->size;
	return &v->items[v->count++];
}

void vault_drop(struct hin_decoy_vault *v, bool (*gone)(void *user, const struct vault_item *item),
		void *user)
{
	size_t kept = 0;

	for (size_t k = 0; k < v->count; k++) {
		if (gone(user, &v->items[k])) {
			v->stats.files--;
			v->stats.bytes -= v->items[k].entry.size;
			continue;
		}
		v->items[kept++] = v->items[k];
	}
	if (kept == v->count)
		return;
	v->count = kept;
	relink(v);
}

/* ---- records ---- */

static void put_record(uint8_t out[VAULT_RECORD], const struct hin_decoy_vault_entry *e, bool gone)
{
	struct hin_writer w = hin_writer_of(out + 4, VAULT_RECORD - 4);
	uint32_t crc;

	memset(out, 0, VAULT_RECORD);
	hin_write_u8(&w, gone ? RECORD_GONE : RECORD_KEPT);
	hin_write_u8(&w, (uint8_t)e->kind.type);
	hin_write_u8(&w, e->kind.bits);
	hin_write_u8(&w, (uint8_t)((e->kind.big_endian ? KIND_BIG : 0) |
				   (e->kind.is_static ? KIND_STATIC : 0) |
				   (e->kind.packed ? KIND_PACKED : 0)));
	hin_write_le16(&w, e->kind.machine);
	hin_write_le16(&w, e->kind.elf_type);
	hin_write_bytes(&w, e->sha256, sizeof(e->sha256));
	hin_write_le64(&w, e->size);
	hin_write_le64(&w, e->sessions);
	hin_write_le64(&w, (uint64_t)e->first_us);
	hin_write_le64(&w, (uint64_t)e->last_us);
	hin_write_le64(&w, e->first_session);
	hin_write_le64(&w, e->last_session);
	hin_write_le32(&w, e->purpose);
	crc = HIN_LE32((uint32_t)crc32_z(0, out + 4, VAULT_RECORD - 4));
	memcpy(out, &crc, sizeof(crc));
}

/* False: it is torn, or none. */
static bool get_record(const uint8_t data[VAULT_RECORD], struct hin_decoy_vault_entry *e,
		       bool *gone)
{
	struct hin_reader in = hin_reader_of(data, VAULT_RECORD);
	uint32_t crc = hin_read_le32(&in);
	uint8_t op = hin_read_u8(&in), bits;

	*e = (struct hin_decoy_vault_entry){ 0 };
	e->kind.type = (enum hin_file_type)hin_read_u8(&in);
	e->kind.bits = hin_read_u8(&in);
	bits = hin_read_u8(&in);
	e->kind.big_endian = (bits & KIND_BIG) != 0;
	e->kind.is_static = (bits & KIND_STATIC) != 0;
	e->kind.packed = (bits & KIND_PACKED) != 0;
	e->kind.machine = hin_read_le16(&in);
	e->kind.elf_type = hin_read_le16(&in);
	hin_read_copy(&in, e->sha256, sizeof(e->sha256));
	e->size = hin_read_le64(&in);
	e->sessions = hin_read_le64(&in);
	e->first_us = (int64_t)hin_read_le64(&in);
	e->last_us = (int64_t)hin_read_le64(&in);
	e->first_session = hin_read_le64(&in);
	e->last_session = hin_read_le64(&in);
	e->purpose = hin_read_le32(&in);
	*gone = op == RECORD_GONE;
	return !in.failed && (op == RECORD_KEPT || op == RECORD_GONE) && e->size < UINT64_MAX / 2 &&
	       crc == (uint32_t)crc32_z(0, data + 4, VAULT_RECORD - 4);
}

static bool is_gone(void *user, const struct vault_item *item)
{
	(void)user;
	return item->entry.sessions == 0;
}

enum hin_code vault_index_read(struct hin_decoy_vault *v, struct hin_error *err)
{
	struct hin_buffer log = { 0 };
	struct hin_decoy_vault_entry entry;
	enum hin_code code;
	char path[PATH_MAX];
	bool gone;

	snprintf(path, sizeof(path), "%s/index.log", v->folder);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return HIN_OK;
	code = hin_file_read(&log, path, INDEX_MOST, err);
	for (size_t at = 0; code == HIN_OK && at < log.used; at += VAULT_RECORD) {
		struct vault_item *item;

		v->records++;
		if (log.used - at < VAULT_RECORD ||
		    !get_record((const uint8_t *)log.data + at, &entry, &gone)) {
			v->stats.damaged++;
			continue;
		}
		if (gone)
			entry.sessions = 0; /* taken out below, all at once */
		item = vault_find(v, entry.sha256);
		if (item != NULL && !gone)
			v->stats.bytes += entry.size - item->entry.size;
		if (item != NULL && gone)
			item->entry.sessions = 0;
		else if (item != NULL)
			item->entry = entry;
		else if (!gone && vault_add(v, &entry) == NULL)
			code = hin_fail(err, HIN_ENOMEM, "%s", path);
	}
	vault_drop(v, is_gone, NULL);
	hin_buffer_fini(&log);
	return code;
}

enum hin_code vault_index_note(struct hin_decoy_vault *v, const struct hin_decoy_vault_entry *entry,
			       bool gone, struct hin_error *err)
{
	uint8_t record[VAULT_RECORD];
	off_t end = lseek(v->log, 0, SEEK_END);
	ssize_t put;

	put_record(record, entry, gone);
	put = end < 0 ? -1 : pwrite(v->log, record, sizeof(record), end);
	if (put != (ssize_t)sizeof(record)) {
		enum hin_code code;

		if (put >= 0)
			errno = ENOSPC;
		code = hin_fail(err, HIN_ESYS, "write %s/index.log", v->folder);
		if (end >= 0 && ftruncate(v->log, end) != 0)
			v->stats.damaged++; /* a torn record, which is passed over when read */
		return code;
	}
	v->records++;
	v->index_dirty = true;
	return HIN_OK;
}

enum hin_code vault_index_sync(struct hin_decoy_vault *v, struct hin_error *err)
{
	if (!v->index_dirty)
		return HIN_OK;
	if (fdatasync(v->log) != 0)
		return hin_fail(err, HIN_ESYS, "sync %s/index.log", v->folder);
	v->index_dirty = false;
	return HIN_OK;
}

static enum hin_code open_log(struct hin_decoy_vault *v, const char *path, struct hin_error *err)
{
	if (v->log != -1)
		close(v->log);
	v->log = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return v->log != -1 ? HIN_OK : hin_fail(err, HIN_ESYS, "open %s", path);
}

enum hin_code vault_index_compact(struct hin_decoy_vault *v, struct hin_error *err)
{
	struct hin_buffer log = { 0 };
	enum hin_code code = HIN_OK;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/index.log", v->folder);
	if (v->log != -1 && v->records <= 2 * v->count + 1000)
		return HIN_OK;
	/* torn ends make the places of records uneven: those are written anew as well */
	if (v->records > 2 * v->count + 1000 || v->stats.damaged > 0) {
		for (size_t k = 0; k < v->count; k++) {
			uint8_t record[VAULT_RECORD];

			put_record(record, &v->items[k].entry, false);
			hin_buffer_add(&log, record, sizeof(record));
		}
		code = log.failed
			       ? hin_fail(err, HIN_ENOMEM, "%s", path)
			       : hin_file_replace(path, hin_buffer_text(&log), log.used, 0600, err);
		v->records = v->count;
	}
	hin_buffer_fini(&log);
	return code == HIN_OK ? open_log(v, path, err) : code;
}

/* ---- the manifest ---- */

/* "purpose 2 since 2026-11-22T02:10:00Z: why" */
static bool take_purpose(struct hin_decoy_vault *v, char *line)
{
	char *since, *text;
	struct hin_error err;
	uint64_t number;
	int64_t time_ns;

	if (strncmp(line, "purpose ", 8) != 0)
		return true;
	since = strstr(line + 8, " since ");
	text = since != NULL ? strstr(since, ": ") : NULL;
	if (text == NULL || v->purpose_count >= VAULT_PURPOSES)
		return false;
	*since = *text = '\0';
	if (hin_number_u64(&number, "purpose", line + 8, 1, VAULT_PURPOSES, &err) != HIN_OK ||
	    number != v->purpose_count + 1 ||
	    hin_time_parse(&time_ns, since + 7, 0, &err) != HIN_OK)
		return false;
	v->purposes[v->purpose_count] = strdup(text + 2);
	if (v->purposes[v->purpose_count] == NULL)
		return false;
	v->purpose_since_us[v->purpose_count++] = time_ns / 1000;
	return true;
}

enum hin_code vault_manifest_read(struct hin_decoy_vault *v, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char path[PATH_MAX], *line, *rest;
	enum hin_code code;

	snprintf(path, sizeof(path), "%s/MANIFEST", v->folder);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return HIN_OK;
	code = hin_file_read(&text, path, MANIFEST_MOST, err);
	rest = text.data;
	while (code == HIN_OK && rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
		if (!take_purpose(v, line))
			code = hin_fail(err, HIN_EFORMAT, "%s: \"%.60s\" is no line of a manifest",
					path, line);
	}
	hin_buffer_fini(&text);
	return code;
}

enum hin_code vault_manifest_write(struct hin_decoy_vault *v, int64_t now_us, struct hin_error *err)
{
	const struct hin_decoy_vault_settings *s = &v->settings;
	char path[PATH_MAX], time[HIN_TIME_TEXT];
	struct hin_buffer text = { 0 };
	enum hin_code code;

	v->purpose = v->purpose_count;
	if (v->purpose == 0 || strcmp(v->purposes[v->purpose - 1], s->purpose) != 0) {
		if (v->purpose_count >= VAULT_PURPOSES)
			return hin_fail(err, HIN_ELIMIT, "%s has had %d purposes: begin another",
					v->folder, VAULT_PURPOSES);
		v->purposes[v->purpose_count] = strdup(s->purpose);
		if (v->purposes[v->purpose_count] == NULL)
			return hin_fail(err, HIN_ENOMEM, "%s/MANIFEST", v->folder);
		v->purpose_since_us[v->purpose_count] = now_us;
		v->purpose = ++v->purpose_count;
	}
	hin_buffer_puts(&text,
			"Files that intruders brought to decoys, encrypted with vault.key.\n"
			"Nothing in here is ever run. To open one is an act with a reason.\n\n");
	for (uint32_t k = 0; k < v->purpose_count; k++)
		hin_buffer_printf(
			&text, "purpose %u since %s: %s\n", k + 1,
			hin_time_format_iso(time, v->purpose_since_us[k] * 1000, HIN_TIME_S),
			v->purposes[k]);
	hin_buffer_printf(
		&text,
		"\nmost bytes of a file: %" PRIu64 "\nmost files: %" PRIu64 "\nmost bytes: %" PRIu64
		"\ndays since it was last brought: %" PRId64 "%s\n",
		s->file_bytes, s->files, s->max_bytes, (int64_t)(s->max_age_ns / HIN_NS_PER_DAY),
		s->max_age_ns == 0 ? " (no limit)" : "");
	snprintf(path, sizeof(path), "%s/MANIFEST", v->folder);
	code = text.failed ? hin_fail(err, HIN_ENOMEM, "%s", path)
			   : hin_file_replace(path, text.data, text.used, 0600, err);
	hin_buffer_fini(&text);
	return code;
}
