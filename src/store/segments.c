/* segments - open, close and look at a store; see segments_priv.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/rebuild_priv.h"
#include "store/segments_house_priv.h"

#define JOURNAL_LEAST (UINT64_C(8) << 20)

void hin_store_note(struct hin_store *s, const struct hin_error *what)
{
	s->notes++;
	if (s->options.note != NULL)
		s->options.note(s->options.user, what);
}

void hin_store_note_damage(void *store, const struct hin_error *what)
{
	hin_store_note(store, what);
}

enum hin_code hin_store_may_write(const struct hin_store *s, struct hin_error *err)
{
	if (!s->writer)
		return hin_fail(err, HIN_EUSAGE, "store %s was opened to read", s->path);
	if (s->broken)
		return hin_fail(err, HIN_EDENIED, "store %s: the disk failed to sync; open it anew",
				s->path);
	return HIN_OK;
}

void hin_store_segment_path(const struct hin_store *s, const struct hin_segment *segment,
			    char name[4096])
{
	char file[HIN_SEGMENT_NAME];

	hin_segment_name(file, segment);
	snprintf(name, 4096, "%s/%s", s->path, file);
}

enum hin_code hin_store_open_segment(const struct hin_store *s, const struct hin_segment *segment,
				     int flags, int *fd, char name[4096], struct hin_error *err)
{
	char file[HIN_SEGMENT_NAME];

	hin_segment_name(file, segment);
	hin_store_segment_path(s, segment, name);
	*fd = openat(s->folder, file, flags | O_CLOEXEC, 0640);
	if (*fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", name);
	return HIN_OK;
}

/* ---- opening ---- */

/* A lock file below the store; -1 in `*fd` when a reader may not have it. */
static enum hin_code open_lock(struct hin_store *s, const char *name, int *fd,
			       struct hin_error *err)
{
	*fd = openat(s->folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
	if (*fd == -1 && !s->writer)
		*fd = openat(s->folder, name, O_RDONLY | O_CLOEXEC);
	if (*fd == -1 && s->writer)
		return hin_fail(err, HIN_ESYS, "create %s/%s", s->path, name);
	return HIN_OK;
}

static enum hin_code take_lock(struct hin_store *s, struct hin_error *err)
{
	enum hin_code code = open_lock(s, "lock", &s->lock, err);

	if (code != HIN_OK)
		return code;
	if (flock(s->lock, LOCK_EX | LOCK_NB) != 0)
		return hin_fail(err, errno == EWOULDBLOCK ? HIN_EDENIED : HIN_ESYS,
				"store %s: another process writes to it", s->path);
	return HIN_OK;
}

/* Make the folder, or use an empty one. */
static enum hin_code make_folder(const char *path, struct hin_error *err)
{
	if (mkdir(path, 0750) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "create %s", path);
	return HIN_OK;
}

static enum hin_code make_journal(struct hin_store *s, struct hin_error *err)
{
	struct hin_buffer out = { 0 };
	struct hin_catalog fresh = { .made = HIN_JOURNAL_VERSION, .next_id = 1 };
	enum hin_code code = HIN_OK;
	size_t start;

	if (getrandom(fresh.store, sizeof(fresh.store), 0) != sizeof(fresh.store))
		return hin_fail(err, HIN_ESYS, "draw the id of a store");
	hin_journal_head(&out, &fresh);
	start = out.used;
	hin_record_start(&out);
	hin_record_catalog(&out, &fresh);
	hin_record_end(&out, start, 1, false);
	code = out.failed ? hin_fail(err, HIN_ENOMEM, "no room for a journal")
			  : hin_file_replace(s->journal_name, out.data, out.used, 0640, err);
	hin_buffer_fini(&out);
	return code;
}

/* Open the journal and read it. */
static enum hin_code load_journal(struct hin_store *s, bool create, struct hin_error *err)
{
	uint64_t torn = 0;
	enum hin_code code;

	s->journal =
		openat(s->folder, HIN_JOURNAL_NAME, (s->writer ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (s->journal == -1 && errno == ENOENT && create) {
		code = make_journal(s, err);
		if (code != HIN_OK)
			return code;
		s->journal = openat(s->folder, HIN_JOURNAL_NAME, O_RDWR | O_CLOEXEC);
	}
	if (s->journal == -1 && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT, "%s is no store: it has no journal", s->path);
	if (s->journal == -1)
		return hin_fail(err, HIN_ESYS, "open %s", s->journal_name);
	s->journal_end = 0;
	if (s->rebuild != NULL)
		return hin_rebuild_journal(s, err);
	code = hin_journal_read(&s->catalog, s->journal, s->journal_name, &s->journal_end, &torn,
				err);
	if (code != HIN_OK || torn == 0 || !s->writer)
		return code;
	if (ftruncate(s->journal, (off_t)s->journal_end) != 0 || fdatasync(s->journal) != 0)
		return hin_fail(err, HIN_ESYS, "cut the end of %s", s->journal_name);
	struct hin_error what;

	(void)hin_fail(&what, HIN_ETRUNCATED, "%s: offset %llu: a torn end of %llu bytes was cut",
		       s->journal_name, (unsigned long long)s->journal_end,
		       (unsigned long long)torn);
	hin_store_note(s, &what);
	return HIN_OK;
}

/* A file may be longer than what belongs to the store: a crash before the sync. */
static enum hin_code cut_segment(struct hin_store *s, const struct hin_segment *segment,
				 struct hin_error *err)
{
	struct hin_error what;
	char name[4096];
	struct stat st;
	int fd;
	enum hin_code code = hin_store_open_segment(s, segment, O_RDWR, &fd, name, &what);

	if (code != HIN_OK) {
		hin_store_note(s, &what);
		return HIN_OK;
	}
	if (fstat(fd, &st) != 0) {
		code = hin_fail(err, HIN_ESYS, "%s", name);
	} else if ((uint64_t)st.st_size > segment->length) {
		if (ftruncate(fd, (off_t)segment->length) != 0)
			code = hin_fail(err, HIN_ESYS, "cut the end of %s", name);
		(void)hin_fail(&what, HIN_ETRUNCATED,
			       "%s: offset %llu: a torn end of %llu bytes was cut", name,
			       (unsigned long long)segment->length,
			       (unsigned long long)st.st_size - segment->length);
		hin_store_note(s, &what);
	} else if ((uint64_t)st.st_size < segment->length) {
		(void)hin_fail(&what, HIN_ETRUNCATED,
			       "%s: offset %llu: ends early, %llu bytes are missing", name,
			       (unsigned long long)st.st_size,
			       (unsigned long long)segment->length -
				       (unsigned long long)st.st_size);
		hin_store_note(s, &what);
	}
	close(fd);
	return code;
}

/* What a house-keeping that was killed left: files that never had a name. */
static void remove_beside(struct hin_store *s)
{
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL, *day;
	struct dirent *entry, *file;

	if (dir == NULL && fd != -1)
		close(fd);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strlen(entry->d_name) != 10 || entry->d_name[4] != '-')
			continue;
		fd = openat(s->folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		day = fd != -1 ? fdopendir(fd) : NULL;
		if (day == NULL && fd != -1)
			close(fd);
		while (day != NULL && (file = readdir(day)) != NULL) {
			size_t size = strlen(file->d_name);

			if (size == 20 && strcmp(file->d_name + 16, ".new") == 0)
				(void)unlinkat(dirfd(day), file->d_name, 0);
		}
		if (day != NULL)
			closedir(day);
	}
	if (dir != NULL)
		closedir(dir);
}

static enum hin_code recover(struct hin_store *s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	remove_beside(s);
	if (s->rebuild != NULL)
		code = hin_rebuild_files(s, err);
	for (size_t i = 0; i < s->catalog.segment_count && code == HIN_OK; i++)
		if (!s->catalog.segments[i].sealed)
			code = cut_segment(s, &s->catalog.segments[i], err);
	if (code == HIN_OK)
		code = hin_coder_init(&s->coder, err);
	if (code == HIN_OK)
		code = hin_store_load_tails(s, err);
	s->rolled_rows = s->catalog.rolled_rows;
	if (code == HIN_OK && s->rebuild != NULL) {
		code = hin_rebuild_end(s, err);
		return code == HIN_OK ? hin_store_checkpoint(s, err) : code;
	}
	/* an older journal is replaced by one of today's version, whole or not at all */
	if (code == HIN_OK && s->catalog.version < HIN_JOURNAL_VERSION)
		code = hin_store_learn_alive(s, err);
	else
		return code;
	s->catalog.version = HIN_JOURNAL_VERSION;
	return code == HIN_OK ? hin_store_checkpoint(s, err) : code;
}

static enum hin_code open_parts(struct hin_store *s, enum hin_store_access access,
				struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (asprintf(&s->journal_name, "%s/%s", s->path, HIN_JOURNAL_NAME) == -1) {
		s->journal_name = NULL;
		return hin_fail(err, HIN_ENOMEM, "store %s", s->path);
	}
	if (access == HIN_STORE_CREATE)
		code = make_folder(s->path, err);
	if (code != HIN_OK)
		return code;
	s->folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->folder == -1 && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT, "there is no store at %s", s->path);
	if (s->folder == -1)
		return hin_fail(err, HIN_ESYS, "open store %s", s->path);
	/* before a lock is put into a folder that is none of ours */
	if (access == HIN_STORE_WRITE && faccessat(s->folder, HIN_JOURNAL_NAME, F_OK, 0) != 0)
		return hin_fail(err, HIN_ENOENT, "%s is no store: it has no journal", s->path);
	if (s->writer)
		code = take_lock(s, err);
	if (code == HIN_OK)
		code = open_lock(s, "readers", &s->readers, err);
	if (code == HIN_OK)
		code = load_journal(s, access == HIN_STORE_CREATE, err);
	if (code == HIN_OK)
		code = hin_block_reader_init(&s->reader, err);
	if (code == HIN_OK && s->writer)
		code = recover(s, err);
	return code;
}

enum hin_code hin_store_open(struct hin_store **out, const char *where,
			     enum hin_store_access access, const struct hin_store_options *options,
			     struct hin_error *err)
{
	return hin_store_open_as(out, where, access, options, NULL, err);
}

enum hin_code hin_store_open_as(struct hin_store **out, const char *where,
				enum hin_store_access access,
				const struct hin_store_options *options, struct hin_rebuild *r,
				struct hin_error *err)
{
	struct hin_store *s = malloc(sizeof(*s));
	enum hin_code code;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "store %s", where);
	*s = (struct hin_store){ .folder = -1,
				 .lock = -1,
				 .readers = -1,
				 .journal = -1,
				 .writer = access != HIN_STORE_READ,
				 .rebuild = r,
				 .reader = { .fd = -1 },
				 .journal_limit = JOURNAL_LEAST,
				 .journal_least = JOURNAL_LEAST,
				 .sources_least = HIN_SOURCES_LEAST };
	if (options != NULL)
		s->options = *options;
	if (s->options.memory_bytes == 0)
		s->options.memory_bytes = UINT64_C(1) << 30;
	s->path = strdup(where);
	code = s->path != NULL ? open_parts(s, access, err)
			       : hin_fail(err, HIN_ENOMEM, "store %s", where);
	if (code == HIN_OK) {
		*out = s;
		return HIN_OK;
	}
	hin_store_close(s);
	return code;
}

/* Files that took the place of others after the last sync: the journal still names the others. */
static void forget_adopted(struct hin_store *s)
{
	char name[HIN_SEGMENT_NAME];

	for (size_t i = 0; i < s->catalog.segment_count && !s->broken; i++) {
		if (!s->catalog.segments[i].adopted)
			continue;
		hin_segment_name(name, &s->catalog.segments[i]);
		(void)unlinkat(s->folder, name, 0);
	}
}

void hin_store_close(struct hin_store *s)
{
	if (s == NULL)
		return;
	hin_beside_end(s);
	hin_store_free_days(s);
	for (size_t i = 0; i < s->dirty_count; i++)
		close(s->dirty[i].fd);
	free(s->dirty);
	forget_adopted(s);
	hin_store_remove_leaving(s);
	while (s->leaving_count > 0)
		free(s->leaving[--s->leaving_count]);
	free(s->leaving);
	while (s->dropped_room > 0)
		free(s->dropped_names[--s->dropped_room]);
	free(s->dropped_names);
	free(s->dropped);
	hin_coder_fini(&s->coder);
	hin_buffer_fini(&s->record);
	hin_buffer_fini(&s->block);
	hin_block_reader_fini(&s->reader);
	hin_heads_fini(&s->heads);
	hin_catalog_fini(&s->catalog);
	if (s->journal != -1)
		close(s->journal);
	if (s->readers != -1)
		close(s->readers);
	if (s->lock != -1)
		close(s->lock);
	if (s->folder != -1)
		close(s->folder);
	free(s->journal_name);
	free(s->path);
	free(s);
}

/* Read the journal that has taken the place of the one that is open. */
static enum hin_code reload(struct hin_store *s, int fd, struct hin_error *err)
{
	struct hin_catalog fresh = { 0 };
	uint64_t end = 0, torn;
	enum hin_code code = hin_journal_read(&fresh, fd, s->journal_name, &end, &torn, err);

	if (code != HIN_OK) {
		hin_catalog_fini(&fresh);
		close(fd);
		return code;
	}
	hin_catalog_fini(&s->catalog);
	s->catalog = fresh;
	close(s->journal);
	s->journal = fd;
	s->journal_end = end;
	return HIN_OK;
}

enum hin_code hin_store_refresh(struct hin_store *s, struct hin_error *err)
{
	struct stat now, open_one;
	uint64_t torn;
	int fd;

	if (s->writer)
		return HIN_OK;
	fd = openat(s->folder, HIN_JOURNAL_NAME, O_RDONLY | O_CLOEXEC);
	if (fd == -1 || fstat(fd, &now) != 0 || fstat(s->journal, &open_one) != 0) {
		enum hin_code code = hin_fail(err, HIN_ESYS, "open %s", s->journal_name);

		if (fd != -1)
			close(fd);
		return code;
	}
	if (now.st_ino != open_one.st_ino || now.st_dev != open_one.st_dev)
		return reload(s, fd, err);
	close(fd);
	return hin_journal_read(&s->catalog, s->journal, s->journal_name, &s->journal_end, &torn,
				err);
}

enum hin_code hin_store_begin(struct hin_store *s, struct hin_error *err)
{
	struct stat now, open_one;

	if (s->writer)
		return HIN_OK;
	if (s->readers != -1 && flock(s->readers, LOCK_SH) != 0)
		return hin_fail(err, HIN_ESYS, "lock %s/readers", s->path);
	/* files may have been replaced since; they stay from here on */
	if (fstatat(s->folder, HIN_JOURNAL_NAME, &now, 0) == 0 &&
	    fstat(s->journal, &open_one) == 0 && now.st_ino == open_one.st_ino &&
	    !hin_journal_leaves(s->journal, s->journal_end))
		return HIN_OK;
	enum hin_code code = hin_store_refresh(s, err);

	if (code != HIN_OK)
		hin_store_end(s);
	return code;
}

void hin_store_end(struct hin_store *s)
{
	if (!s->writer && s->readers != -1)
		(void)flock(s->readers, LOCK_UN);
}

/* ---- marks ---- */

static bool make_mark(const struct hin_sensor *sensor, struct hin_store_mark *out)
{
	const struct hin_epoch *e = hin_sensor_newest(sensor);

	if (e == NULL)
		return false;
	*out = (struct hin_store_mark){ .appended = { .epoch = e->epoch, .sequence = e->sequence },
					.committed = sensor->committed,
					.first_us = sensor->first_us,
					.last_us = sensor->last_us,
					.batches = sensor->batches,
					.rows = sensor->rows,
					.dark_addresses = sensor->dark_addresses };
	memcpy(out->sensor, sensor->id, sizeof(out->sensor));
	memcpy(out->appended.digest, e->digest, sizeof(e->digest));
	return true;
}

bool hin_store_find_mark(const struct hin_store *s, const uint8_t sensor[HIN_SENSOR_ID],
			 struct hin_store_mark *out)
{
	const struct hin_sensor *found = hin_catalog_sensor(&s->catalog, sensor);

	return found != NULL && make_mark(found, out);
}

void hin_store_each_mark(const struct hin_store *s, hin_store_mark_fn call, void *user)
{
	struct hin_store_mark mark;

	for (size_t i = 0; i < s->catalog.sensor_count; i++)
		if (make_mark(&s->catalog.sensors[i], &mark) && !call(user, &mark))
			return;
}

static const struct hin_epoch *epoch_of(const struct hin_store *s,
					const uint8_t sensor[HIN_SENSOR_ID], uint64_t epoch)
{
	const struct hin_sensor *found = hin_catalog_sensor(&s->catalog, sensor);

	return found != NULL ? hin_sensor_epoch(found, epoch) : NULL;
}

bool hin_store_has(const struct hin_store *s, const uint8_t sensor[HIN_SENSOR_ID], uint64_t epoch,
		   uint64_t sequence)
{
	const struct hin_epoch *e = epoch_of(s, sensor, epoch);

	return e != NULL && hin_epoch_has(e, sequence);
}

void hin_store_each_range(const struct hin_store *s, const uint8_t sensor[HIN_SENSOR_ID],
			  uint64_t epoch, hin_store_range_fn call, void *user)
{
	const struct hin_epoch *e = epoch_of(s, sensor, epoch);

	for (size_t i = 0; e != NULL && i < e->span_count; i++)
		if (!call(user, e->spans[i].first, e->spans[i].last))
			return;
}
