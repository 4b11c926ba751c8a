/* spool_open - find what a spool holds; see spool.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "observe/batch_reader.h"
#include "observe/spool_priv.h"

void spool_path(const struct hin_spool *s, const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%.*s", s->folder, SPOOL_NAME_SIZE, name);
}

void spool_file_path(const struct hin_spool *s, const struct spool_file *f, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/" SPOOL_NAME, s->folder, (unsigned long long)f->number,
		 (unsigned long long)f->epoch, (unsigned long long)f->first);
}

enum hin_code spool_list_file(struct hin_spool *s, const struct spool_file *file,
			      struct hin_error *err)
{
	if (s->file_count == s->file_room) {
		size_t room = s->file_room > 0 ? s->file_room * 2 : 16;
		struct spool_file *files = realloc(s->files, room * sizeof(*files));

		if (files == NULL)
			return hin_fail(err, HIN_ENOMEM, "list of %s", s->folder);
		s->files = files;
		s->file_room = room;
	}
	s->files[s->file_count++] = *file;
	s->bytes += file->bytes;
	if (file->number >= s->next_number)
		s->next_number = file->number + 1;
	return HIN_OK;
}

/* Is `name` one of our files? */
static bool parse_name(const char *name, struct spool_file *out)
{
	unsigned long long number, epoch, first;
	char again[SPOOL_NAME_SIZE], *end;

	number = strtoull(name, &end, 10);
	if (*end != '-')
		return false;
	epoch = strtoull(end + 1, &end, 16);
	if (*end != '-')
		return false;
	first = strtoull(end + 1, &end, 10);
	snprintf(again, sizeof(again), SPOOL_NAME, number, epoch, first);
	*out = (struct spool_file){ .number = number, .epoch = epoch, .first = first };
	return strcmp(again, name) == 0 && epoch != 0 && first > 0 && number < UINT64_MAX;
}

static int by_number(const void *a, const void *b)
{
	const struct spool_file *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static enum hin_code list_folder(struct hin_spool *s, struct hin_error *err)
{
	DIR *folder = opendir(s->folder);
	enum hin_code code = HIN_OK;
	struct dirent *entry;

	if (folder == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", s->folder);
	while (code == HIN_OK && (entry = readdir(folder)) != NULL) {
		struct spool_file file;
		struct stat st;

		if (!parse_name(entry->d_name, &file))
			continue;
		if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			code = hin_fail(err, HIN_ESYS, "stat %s/%s", s->folder, entry->d_name);
			break;
		}
		if (!S_ISREG(st.st_mode))
			continue;
		file.bytes = (uint64_t)st.st_size;
		code = spool_list_file(s, &file, err);
	}
	closedir(folder);
	if (s->file_count > 0)
		qsort(s->files, s->file_count, sizeof(*s->files), by_number);
	return code;
}

/* What reading a whole file found. */
struct scanned {
	uint64_t count; /* good batches from its start on */
	uint64_t bytes; /* of them, with frames */
	bool torn;	/* it ends within a batch */
	bool damaged;	/* or is wrong in another way */
	struct hin_batch_mark last;
};

/* Is this batch number `count` of `file`, of our sensor? */
static enum hin_code check_batch(const struct spool_file *file, uint64_t count,
				 const uint8_t *bytes, size_t size, const uint8_t *public_key,
				 struct hin_error *err)
{
	struct hin_batch_reader reader;
	uint8_t sensor[HIN_SENSOR_ID];
	enum hin_code code = hin_batch_reader_open(&reader, bytes, size, NULL, err);

	if (code != HIN_OK)
		return code;
	hin_sensor_id(sensor, public_key);
	if (memcmp(reader.header.sensor, sensor, sizeof(sensor)) != 0)
		return hin_fail(err, HIN_EVERIFY, "its batches are another sensor's");
	if (reader.header.epoch != file->epoch || reader.header.sequence != file->first + count)
		return hin_fail(err, HIN_EFORMAT, "batch out of order");
	return HIN_OK;
}

/* Read a file through. What is wrong inside of it is told in `out`; HIN_EVERIFY: not our sensor. */
static enum hin_code scan_file(const struct hin_spool *s, const struct spool_file *file,
			       const uint8_t *public_key, struct scanned *out,
			       struct hin_error *err)
{
	struct hin_batch_file *reader = NULL;
	char path[PATH_MAX];
	const uint8_t *bytes;
	enum hin_code code;
	size_t size;

	*out = (struct scanned){ 0 };
	spool_file_path(s, file, path);
	code = hin_batch_file_open(&reader, path, err);
	if (code != HIN_OK)
		return code;
	while ((code = hin_batch_file_read(reader, &bytes, &size, err)) == HIN_OK) {
		struct hin_error why = { 0 };

		code = check_batch(file, out->count, bytes, size, public_key, &why);
		if (code == HIN_EVERIFY) {
			hin_batch_file_close(reader);
			return hin_fail(err, HIN_EVERIFY, "%s: %s", path, why.text);
		}
		if (code != HIN_OK)
			break;
		out->count++;
		out->bytes = hin_batch_file_offset(reader);
		out->last.epoch = file->epoch;
		out->last.sequence = file->first + out->count - 1;
		hin_batch_digest(out->last.digest, bytes, size);
	}
	hin_batch_file_close(reader);
	if (code == HIN_ESYS || code == HIN_ENOMEM)
		return code;
	out->torn = code == HIN_ETRUNCATED;
	out->damaged = code != HIN_EOF && !out->torn;
	return HIN_OK;
}

/* Cut a file to what is good in it, durably. */
static enum hin_code cut_file(const struct hin_spool *s, const struct spool_file *file,
			      uint64_t bytes, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	char path[PATH_MAX];
	int fd;

	spool_file_path(s, file, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1 || ftruncate(fd, (off_t)bytes) != 0 || fdatasync(fd) != 0)
		code = hin_fail(err, HIN_ESYS, "cut %s", path);
	if (fd != -1)
		close(fd);
	return code;
}

/*
 * From the newest file backwards: drop files without one whole batch (a crash right after they were
 * made), until one tells where the chain stands.
 */
static enum hin_code find_mark(struct hin_spool *s, const uint8_t *public_key,
			       struct hin_batch_mark *mark, struct hin_spool_found *found,
			       struct hin_error *err)
{
	while (s->file_count > 0) {
		struct spool_file *file = &s->files[s->file_count - 1];
		struct scanned what;
		char path[PATH_MAX], aside[PATH_MAX + 16];
		enum hin_code code = scan_file(s, file, public_key, &what, err);

		if (code != HIN_OK)
			return code;
		found->damaged |= what.damaged;
		if (what.torn)
			found->cut_bytes += file->bytes - what.bytes;
		if (what.torn && what.count > 0)
			code = cut_file(s, file, what.bytes, err);
		if (code != HIN_OK)
			return code;
		if (what.torn) {
			s->bytes -= file->bytes - what.bytes;
			file->bytes = what.bytes;
		}
		if (what.count > 0) {
			*mark = what.last;
			file->count = what.count;
			s->resume = !found->damaged;
			return HIN_OK;
		}
		spool_file_path(s, file, path);
		snprintf(aside, sizeof(aside), "%s.damaged", path);
		if (what.damaged ? rename(path, aside) != 0 : unlink(path) != 0)
			return hin_fail(err, HIN_ESYS, "put %s aside", path);
		s->bytes -= file->bytes;
		s->file_count--;
	}
	return HIN_OK;
}

/* How many batches the other files have, by where the next one begins. */
static enum hin_code count_older(struct hin_spool *s, const uint8_t *public_key,
				 struct hin_error *err)
{
	for (size_t i = 0; i + 1 < s->file_count; i++) {
		struct spool_file *file = &s->files[i], *next = file + 1;
		struct scanned what;
		enum hin_code code;

		if (next->epoch == file->epoch && next->first > file->first &&
		    next->first - file->first <= file->bytes / HIN_BATCH_FRAME) {
			file->count = next->first - file->first;
			continue;
		}
		code = scan_file(s, file, public_key, &what, err);
		if (code != HIN_OK)
			return code;
		file->count = what.count;
	}
	return HIN_OK;
}

/* What was acknowledged when the spool was closed. It is a hint: without it all is unsent. */
static void read_acknowledged(struct hin_spool *s)
{
	struct hin_buffer text = { 0 };
	char path[PATH_MAX], *end;

	spool_path(s, SPOOL_ACKNOWLEDGED, path);
	if (hin_file_read(&text, path, 100, NULL) == HIN_OK) {
		uint64_t epoch = strtoull(hin_buffer_text(&text), &end, 16);

		if (*end == ' ')
			s->acknowledged =
				(struct hin_spool_place){ epoch, strtoull(end + 1, NULL, 10) };
	}
	hin_buffer_fini(&text);
}

enum hin_code spool_recover(struct hin_spool *s, const uint8_t *public_key,
			    struct hin_batch_mark *mark, struct hin_spool_found *found,
			    struct hin_error *err)
{
	enum hin_code code = list_folder(s, err);

	if (code == HIN_OK)
		code = find_mark(s, public_key, mark, found, err);
	if (code == HIN_OK)
		code = count_older(s, public_key, err);
	if (code != HIN_OK)
		return code;
	read_acknowledged(s);
	found->fresh = s->file_count == 0 && !found->damaged;
	if (s->file_count == 0 || found->damaged)
		return hin_batch_mark_draw(mark, err);
	return HIN_OK;
}
