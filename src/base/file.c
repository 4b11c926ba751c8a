#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)64 << 10)

enum hin_code hin_file_read(struct hin_buffer *out, const char *path, size_t limit,
			    struct hin_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	enum hin_code code = HIN_OK;
	size_t total = 0;

	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	for (;;) {
		char *at = hin_buffer_reserve(out, PIECE);
		ssize_t n;

		if (at == NULL) {
			code = hin_fail(err, HIN_ENOMEM, "no memory for %s", path);
			break;
		}
		n = read(fd, at, PIECE);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			code = hin_fail(err, HIN_ESYS, "read %s", path);
		if (n <= 0)
			break;
		total += (size_t)n;
		if (total > limit) {
			code = hin_fail(err, HIN_ELIMIT, "%s is larger than %zu bytes", path,
					limit);
			break;
		}
		hin_buffer_commit(out, (size_t)n);
	}
	close(fd);
	return code;
}

enum hin_code hin_file_write_all(int fd, const void *data, size_t size, struct hin_error *err)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "write");
		at += n;
		size -= (size_t)n;
	}
	return HIN_OK;
}

/* Make a rename inside the folder of `path` last. */
static enum hin_code sync_folder(const char *path, struct hin_error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL   ? strdup(".")
		       : slash == path ? strdup("/")
				       : strndup(path, (size_t)(slash - path));
	enum hin_code code = HIN_OK;
	int fd;

	if (folder == NULL)
		return hin_fail(err, HIN_ENOMEM, "sync the folder of %s", path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* EINVAL: a file system that cannot sync a folder has nothing to make last */
	if (fd == -1 || (fsync(fd) != 0 && errno != EINVAL))
		code = hin_fail(err, HIN_ESYS, "sync %s", folder);
	if (fd != -1)
		close(fd);
	free(folder);
	return code;
}

enum hin_code hin_file_replace(const char *path, const void *data, size_t size, unsigned mode,
			       struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	char *beside = NULL;
	int fd = -1;

	if (asprintf(&beside, "%s.XXXXXX", path) == -1)
		return hin_fail(err, HIN_ENOMEM, "write %s", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd == -1) {
		code = hin_fail(err, HIN_ESYS, "create %s", beside);
		free(beside);
		return code;
	}
	if (hin_file_write_all(fd, data, size, NULL) != HIN_OK || fchmod(fd, (mode_t)mode) != 0 ||
	    fsync(fd) != 0) {
		code = hin_fail(err, HIN_ESYS, "write %s", beside);
		goto out;
	}
	if (rename(beside, path) != 0) {
		code = hin_fail(err, HIN_ESYS, "rename %s", path);
		goto out;
	}
	code = sync_folder(path, err);
	close(fd);
	free(beside);
	return code;
out:
	close(fd);
	unlink(beside);
	free(beside);
	return code;
}

enum hin_code hin_file_read_private(struct hin_buffer *out, const char *path, size_t limit,
				    struct hin_error *err)
{
	enum hin_code code;
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s does not exist", path)
				       : hin_fail(err, HIN_ESYS, "stat %s", path);
	if (st.st_mode & 077)
		return hin_fail(err, HIN_EDENIED, "%s is open to others (mode %03o): chmod 600 it",
				path, st.st_mode & 0777);
	code = hin_file_read(out, path, limit, err);
	if (code == HIN_OK && memchr(hin_buffer_text(out), '\0', out->used) != NULL)
		code = hin_fail(err, HIN_EFORMAT, "%s is no text", path);
	return code;
}
