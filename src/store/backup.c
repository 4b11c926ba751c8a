/* backup - check a store, copy it, and make one of a copy; see store.h */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/segments_house_priv.h"

#define PIECE ((size_t)1 << 20)

/* ---- check ---- */

static bool known_file(const struct hin_store *s, const char *folder, const char *name)
{
	char path[HIN_SEGMENT_NAME];

	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		hin_segment_name(path, &s->catalog.segments[i]);
		if (strncmp(path, folder, 10) == 0 && strcmp(path + 11, name) == 0)
			return true;
	}
	return false;
}

static void note_stray(struct hin_store *s, const char *folder, const char *name,
		       struct hin_store_checked *out)
{
	struct hin_error what;

	(void)hin_fail(&what, HIN_EFORMAT, "%s/%s%s%s: does not belong to the store", s->path,
		       folder, folder[0] != '\0' ? "/" : "", name);
	hin_store_note(s, &what);
	out->strays++;
}

/* Files of a day that the journal does not name. */
static void check_folder(struct hin_store *s, const char *folder, struct hin_store_checked *out)
{
	int fd = openat(s->folder, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && !known_file(s, folder, entry->d_name))
			note_stray(s, folder, entry->d_name, out);
	closedir(dir);
}

static bool is_day(const char *name)
{
	return strlen(name) == 10 && name[4] == '-' && name[7] == '-';
}

static void check_strays(struct hin_store *s, struct hin_store_checked *out)
{
	int fd = openat(s->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name;

		if (name[0] == '.' || strcmp(name, "lock") == 0 || strcmp(name, "readers") == 0 ||
		    strcmp(name, HIN_JOURNAL_NAME) == 0 ||
		    strncmp(name, HIN_JOURNAL_NAME ".damaged-", 16) == 0)
			continue;
		if (is_day(name))
			check_folder(s, name, out);
		else
			note_stray(s, "", name, out);
	}
	closedir(dir);
}

/* The blocks of the journal; its records were checked when it was read. */
static enum hin_code check_tail(struct hin_store *s, const struct hin_tail *t,
				struct hin_store_checked *out, struct hin_error *err)
{
	struct hin_heads heads = { 0 };
	struct hin_block_rows rows;
	struct hin_error what = { 0 };
	uint8_t *bytes = malloc((size_t)t->size + 1);
	size_t need;
	enum hin_code code;

	if (bytes == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a block");
	code = pread(s->journal, bytes, t->size, (off_t)t->offset) == (ssize_t)t->size
		       ? hin_heads_add(&heads, t->offset, bytes, t->size, &need)
		       : HIN_ETRUNCATED;
	(void)hin_fail(&what, code, "%s: offset %llu: block is damaged", s->journal_name,
		       (unsigned long long)t->offset);
	free(bytes);
	if (code == HIN_OK) {
		hin_block_reader_start(&s->reader, s->journal, s->journal_name, t->offset,
				       &heads.refs[0].head);
		code = hin_block_batches(&s->reader, &what);
	}
	if (code == HIN_OK)
		code = hin_block_rows_open(&rows, &s->reader, UINT64_MAX, &what);
	if (code == HIN_OK) {
		hin_block_rows_fini(&rows);
		out->blocks++;
		out->rows += hin_segment_is_detail(t->kind) ? heads.refs[0].head.rows : 0;
	} else if (hin_is_damage(code)) {
		hin_store_note(s, &what);
		out->damaged_blocks++;
		code = HIN_OK;
	} else if (err != NULL) {
		*err = what;
	}
	hin_heads_fini(&heads);
	return code;
}

/* A file must be as long as the journal says, and its block heads as many. */
static void check_counts(struct hin_store *s, const struct hin_segment *x,
			 const struct hin_house_found *found)
{
	struct hin_error what;
	char name[4096];

	if (found->damaged_blocks > 0 || (found->blocks == x->blocks && found->rows == x->rows))
		return;
	hin_store_segment_path(s, x, name);
	(void)hin_fail(&what, HIN_EVERIFY,
		       "%s: has %llu blocks of %llu rows, the journal says %u of %llu", name,
		       (unsigned long long)found->blocks, (unsigned long long)found->rows,
		       x->blocks, (unsigned long long)x->rows);
	hin_store_note(s, &what);
}

static enum hin_code check_all(struct hin_store *s, struct hin_store_checked *out,
			       const struct hin_store_range *progress, struct hin_error *err)
{
	uint64_t blocks = 0;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.segment_count; i++)
		blocks += s->catalog.segments[i].blocks;
	for (size_t i = 0; i < s->catalog.segment_count && code == HIN_OK; i++) {
		const struct hin_segment *x = &s->catalog.segments[i];
		struct hin_house_found found;
		bool good = true;

		code = hin_house_read(s, x, NULL, NULL, &found, err);
		check_counts(s, x, &found);
		if (code == HIN_OK && found.damaged_blocks == 0)
			code = hin_store_check_sources(s, x, &good, err);
		out->damaged_blocks += !good;
		out->files++;
		out->bytes += x->length;
		out->blocks += found.blocks;
		out->rows += hin_segment_is_detail(x->kind) ? found.rows : 0;
		out->damaged_blocks += found.damaged_blocks;
		out->damaged_rows += found.damaged_rows;
		if (progress != NULL && progress->progress != NULL &&
		    !progress->progress(progress->user, out->blocks, blocks, out->rows))
			return HIN_OK;
	}
	for (size_t i = 0; i < s->catalog.tail_count && code == HIN_OK; i++)
		code = check_tail(s, &s->catalog.tails[i], out, err);
	return code;
}

enum hin_code hin_store_check(struct hin_store *s, struct hin_store_checked *out,
			      const struct hin_store_range *progress, struct hin_error *err)
{
	enum hin_code code = hin_store_begin(s, err);

	*out = (struct hin_store_checked){ 0 };
	if (code != HIN_OK)
		return code;
	code = check_all(s, out, progress, err);
	if (code == HIN_OK)
		check_strays(s, out);
	out->bytes += s->journal_end;
	hin_store_end(s);
	return code;
}

/* ---- copy ---- */

static enum hin_code copy_bytes(int from, int to, uint64_t size, const char *name,
				struct hin_error *err)
{
	char *piece = malloc(PIECE);
	uint64_t at = 0;
	enum hin_code code = HIN_OK;

	if (piece == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to copy %s", name);
	while (at < size && code == HIN_OK) {
		size_t some = size - at < PIECE ? (size_t)(size - at) : PIECE;
		ssize_t n = pread(from, piece, some, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			code = hin_fail(err, n == 0 ? HIN_ETRUNCATED : HIN_ESYS,
					"%s: offset %llu: cannot be read", name,
					(unsigned long long)at);
		else
			code = hin_file_write_all(to, piece, (size_t)n, err);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (code == HIN_OK && fsync(to) != 0)
		code = hin_fail(err, HIN_ESYS, "sync a copy of %s", name);
	free(piece);
	return code;
}

static enum hin_code sync_folder(int folder, const char *name, struct hin_error *err)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum hin_code code = HIN_OK;

	if (fd == -1 || (fsync(fd) != 0 && errno != EINVAL))
		code = hin_fail(err, HIN_ESYS, "sync %s", name);
	if (fd != -1)
		close(fd);
	return code;
}

static enum hin_code copy_segment(struct hin_store *s, const struct hin_segment *x, int folder,
				  struct hin_error *err)
{
	char file[HIN_SEGMENT_NAME], day[16], name[4096];
	int from, to;
	enum hin_code code = hin_store_open_segment(s, x, O_RDONLY, &from, name, err);

	if (code != HIN_OK)
		return code;
	hin_segment_name(file, x);
	hin_day_name(day, x->day);
	to = -1;
	if (mkdirat(folder, day, 0750) == 0 || errno == EEXIST)
		to = openat(folder, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	code = to != -1 ? copy_bytes(from, to, x->length, name, err)
			: hin_fail(err, HIN_ESYS, "create %s in the backup", file);
	if (to != -1)
		close(to);
	close(from);
	return code == HIN_OK ? sync_folder(folder, day, err) : code;
}

/* A folder that is new or empty. */
static enum hin_code make_empty(const char *to, struct hin_error *err)
{
	struct dirent *entry;
	bool empty = true;
	DIR *dir;

	if (mkdir(to, 0750) == 0)
		return HIN_OK;
	if (errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "create %s", to);
	dir = opendir(to);
	if (dir == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", to);
	while ((entry = readdir(dir)) != NULL)
		empty = empty &&
			(strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
	closedir(dir);
	return empty ? HIN_OK : hin_fail(err, HIN_EDENIED, "%s is not empty", to);
}

/* The journal goes last: without it the folder is no store. */
static enum hin_code copy_journal(struct hin_store *s, const char *to, struct hin_error *err)
{
	struct hin_buffer bytes = { 0 };
	char *at = hin_buffer_reserve(&bytes, (size_t)s->journal_end), *path = NULL;
	enum hin_code code = HIN_OK;

	if (at == NULL || asprintf(&path, "%s/%s", to, HIN_JOURNAL_NAME) == -1)
		code = hin_fail(err, HIN_ENOMEM, "no room to copy %s", s->journal_name);
	if (code == HIN_OK &&
	    pread(s->journal, at, (size_t)s->journal_end, 0) != (ssize_t)s->journal_end)
		code = hin_fail(err, HIN_ESYS, "read %s", s->journal_name);
	if (code == HIN_OK)
		code = hin_file_replace(path, at, (size_t)s->journal_end, 0640, err);
	free(path);
	hin_buffer_fini(&bytes);
	return code;
}

enum hin_code hin_store_backup(struct hin_store *s, const char *to, struct hin_store_checked *out,
			       struct hin_error *err)
{
	enum hin_code code = make_empty(to, err);
	int folder = -1;

	*out = (struct hin_store_checked){ 0 };
	if (code == HIN_OK && s->writer)
		code = hin_store_sync(s, err);
	if (code == HIN_OK)
		code = hin_store_begin(s, err);
	if (code != HIN_OK)
		return code;
	folder = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder == -1)
		code = hin_fail(err, HIN_ESYS, "open %s", to);
	for (size_t i = 0; i < s->catalog.segment_count && code == HIN_OK; i++) {
		const struct hin_segment *x = &s->catalog.segments[i];

		code = copy_segment(s, x, folder, err);
		out->files++;
		out->blocks += x->blocks;
		out->rows += hin_segment_is_detail(x->kind) ? x->rows : 0;
		out->bytes += x->length;
	}
	if (code == HIN_OK)
		code = sync_folder(folder, ".", err);
	if (code == HIN_OK)
		code = copy_journal(s, to, err);
	out->bytes += s->journal_end;
	if (folder != -1)
		close(folder);
	hin_store_end(s);
	return code;
}

enum hin_code hin_store_restore(const char *from, const char *where,
				const struct hin_store_options *options,
				struct hin_store_checked *out, struct hin_error *err)
{
	struct hin_store *s = NULL;
	struct stat st;
	enum hin_code code;

	*out = (struct hin_store_checked){ 0 };
	if (stat(where, &st) == 0)
		return hin_fail(err, HIN_EDENIED, "%s is there already", where);
	code = hin_store_open(&s, from, HIN_STORE_READ, options, err);
	if (code == HIN_OK)
		code = hin_store_check(s, out, NULL, err);
	if (code == HIN_OK && (out->damaged_blocks > 0 || out->damaged_rows > 0))
		code = hin_fail(err, HIN_EVERIFY, "backup %s: %llu blocks are damaged", from,
				(unsigned long long)out->damaged_blocks);
	if (code == HIN_OK)
		code = hin_store_backup(s, where, out, err);
	hin_store_close(s);
	return code;
}
