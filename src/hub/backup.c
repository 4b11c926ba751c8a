/* backup - copy a hub, make it again; see backup.h */
#include "hub/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "hub/desk.h"
#include "trust/ledger_read.h"

#define MANIFEST "MANIFEST"
#define MANIFEST_SIZE ((size_t)1 << 20)
#define FORM "hinomi hub backup 1\n"
#define DESK "desk.db"
#define LEDGER "ledger"
#define LEDGER_DEPTH 8 /* folders within each other; tiles need five */
#define LEDGER_TRIES 20
#define PIECE ((size_t)1 << 20)
#define RESTORED "restored"

static enum hin_code join(char out[PATH_MAX], const char *folder, const char *name,
			  struct hin_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "path of %s is too long", name);
	return HIN_OK;
}

/* The SHA-256 of the file at `path` as hex; with `to` >= 0 its bytes go there too. */
static enum hin_code read_through(char hex[65], const char *path, int to, struct hin_error *err)
{
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	uint8_t *piece = malloc(PIECE), digest[32] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum hin_code code = HIN_OK;
	ssize_t got = 1;

	if (fd == -1)
		code = hin_fail(err, HIN_ESYS, "open %s", path);
	else if (sha == NULL || piece == NULL || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1)
		code = hin_fail(err, HIN_ENOMEM, "copy %s", path);
	while (code == HIN_OK && got > 0) {
		got = read(fd, piece, PIECE);
		if (got == -1)
			code = hin_fail(err, HIN_ESYS, "read %s", path);
		else if (got > 0 && EVP_DigestUpdate(sha, piece, (size_t)got) != 1)
			code = hin_fail(err, HIN_ENOMEM, "copy %s", path);
		if (code == HIN_OK && got > 0 && to != -1)
			code = hin_file_write_all(to, piece, (size_t)got, err);
	}
	if (code == HIN_OK && EVP_DigestFinal_ex(sha, digest, NULL) != 1)
		code = hin_fail(err, HIN_ENOMEM, "copy %s", path);
	for (size_t i = 0; i < sizeof(digest); i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	if (piece != NULL)
		explicit_bzero(piece, PIECE);
	free(piece);
	EVP_MD_CTX_free(sha);
	if (fd != -1)
		close(fd);
	return code;
}

/* Copy one file durably to `to`, which is new. */
static enum hin_code copy_bytes(const char *from, const char *to, unsigned mode, char hex[65],
				struct hin_error *err)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	enum hin_code code;

	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "make %s", to);
	code = read_through(hex, from, fd, err);
	if (code == HIN_OK && fsync(fd) == -1)
		code = hin_fail(err, HIN_ESYS, "sync %s", to);
	close(fd);
	return code;
}

static void list_file(struct hin_buffer *manifest, const char *hex, unsigned mode, const char *name)
{
	hin_buffer_printf(manifest, "%s %04o %s\n", hex, mode, name);
}

/* Copy one file, with its mode, durably; its line goes to `manifest` as `name`. */
static enum hin_code copy_file(const char *from, const char *to, const char *name,
			       struct hin_buffer *manifest, struct hin_error *err)
{
	char hex[65];
	struct stat st;
	enum hin_code code;

	if (stat(from, &st) != 0)
		return hin_fail(err, HIN_ESYS, "stat %s", from);
	code = copy_bytes(from, to, st.st_mode & 0777, hex, err);
	if (code == HIN_OK)
		list_file(manifest, hex, st.st_mode & 0777, name);
	return code;
}

/* Copy the files of the CA: all that lie in its folder. */
static enum hin_code copy_trust(const char *trust, const char *to, struct hin_buffer *manifest,
				struct hin_error *err)
{
	DIR *folder = opendir(trust);
	char target[PATH_MAX], name[PATH_MAX], from[PATH_MAX], path[PATH_MAX];
	enum hin_code code = HIN_OK;
	struct dirent *entry;
	struct stat st;

	if (folder == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", trust);
	code = join(target, to, "trust", err);
	if (code == HIN_OK && mkdir(target, 0700) != 0)
		code = hin_fail(err, HIN_ESYS, "make %s", target);
	while (code == HIN_OK && (entry = readdir(folder)) != NULL) {
		if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		snprintf(name, sizeof(name), "trust/%s", entry->d_name);
		code = join(from, trust, entry->d_name, err);
		if (code == HIN_OK)
			code = join(path, to, name, err);
		if (code == HIN_OK)
			code = copy_file(from, path, name, manifest, err);
	}
	closedir(folder);
	return code;
}

/* A new folder, or one that is there and empty. */
static enum hin_code make_empty(const char *path, struct hin_error *err)
{
	struct dirent *entry;
	bool empty = true;
	DIR *folder;

	if (mkdir(path, 0700) == 0)
		return HIN_OK;
	if (errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "make %s", path);
	folder = opendir(path);
	if (folder == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	while ((entry = readdir(folder)) != NULL)
		empty &= strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(folder);
	if (!empty)
		return hin_fail(err, HIN_EUSAGE, "%s is not empty: name a new folder", path);
	if (chmod(path, 0700) != 0)
		return hin_fail(err, HIN_ESYS, "close %s to others", path);
	return HIN_OK;
}

/* The desk, when there is one. */
static enum hin_code copy_desk(const char *folder, const char *to, struct hin_buffer *manifest,
			       struct hin_error *err)
{
	char from[PATH_MAX], path[PATH_MAX], hex[65];
	struct hin_desk *desk = NULL;
	enum hin_code code = join(from, folder, DESK, err);

	if (code == HIN_OK)
		code = join(path, to, DESK, err);
	if (code != HIN_OK || access(from, F_OK) != 0)
		return code;
	code = hin_desk_open(&desk, from, HIN_DESK_WRITE, err);
	if (code == HIN_OK)
		code = hin_desk_copy(desk, path, err);
	hin_desk_close(desk);
	if (code == HIN_OK)
		code = read_through(hex, path, -1, err);
	if (code == HIN_OK)
		list_file(manifest, hex, 0600, DESK);
	return code;
}

static enum hin_code copy_tree(const char *from, const char *to, unsigned depth,
			       struct hin_error *err);

/* One entry of a folder of the ledger; what was copied before, and what is gone, is passed over. */
static enum hin_code copy_entry(const char *from, const char *to, const char *name, unsigned depth,
				struct hin_error *err)
{
	char source[PATH_MAX], target[PATH_MAX], hex[65];
	enum hin_code code = join(source, from, name, err);
	struct stat st;

	if (code == HIN_OK)
		code = join(target, to, name, err);
	if (code != HIN_OK || lstat(source, &st) != 0)
		return code;
	if (S_ISDIR(st.st_mode) && depth < LEDGER_DEPTH) {
		if (mkdir(target, st.st_mode & 0777) != 0 && errno != EEXIST)
			return hin_fail(err, HIN_ESYS, "make %s", target);
		return copy_tree(source, target, depth + 1, err);
	}
	if (!S_ISREG(st.st_mode) || access(target, F_OK) == 0)
		return HIN_OK;
	code = copy_bytes(source, target, st.st_mode & 0777, hex, err);
	return code == HIN_ESYS && access(source, F_OK) != 0 ? HIN_OK : code;
}

static enum hin_code copy_tree(const char *from, const char *to, unsigned depth,
			       struct hin_error *err)
{
	DIR *folder = opendir(from);
	enum hin_code code = HIN_OK;
	struct dirent *entry;

	if (folder == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", from);
	while (code == HIN_OK && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0)
			code = copy_entry(from, to, entry->d_name, depth, err);
	closedir(folder);
	return code;
}

static enum hin_code check_ledger(const char *folder, struct hin_error *err)
{
	struct hin_ledger_reader reader = { 0 };
	enum hin_code code = hin_ledger_read_open(&reader, folder, NULL, false, err);

	if (code == HIN_OK)
		code = hin_ledger_read_all(&reader, err);
	hin_ledger_read_close(&reader);
	return code;
}

/*
 * The ledger, while it grows: what its tiles may lack first, then the head, then tiles, which have
 * that head's and more. A tile that grew on the way may take one of the head's with it; then the
 * copy does not fit together, and the head and the tiles of now are fetched.
 */
static enum hin_code copy_ledger(const char *from, const char *to, struct hin_error *err)
{
	static const char *const first[] = { "key", "journal", "witnessed", "checkpoint" };
	const struct timespec pause = { .tv_nsec = 300000000 };
	char head[PATH_MAX];
	enum hin_code code = HIN_OK;

	if (access(from, F_OK) != 0)
		return HIN_OK;
	if (mkdir(to, 0700) != 0)
		return hin_fail(err, HIN_ESYS, "make %s", to);
	for (unsigned tries = 0; tries < LEDGER_TRIES; tries++) {
		for (size_t i = 0; i < HIN_COUNT(first) && code == HIN_OK; i++)
			code = copy_entry(from, to, first[i], 0, err);
		if (code == HIN_OK)
			code = copy_tree(from, to, 0, err);
		if (code == HIN_OK)
			code = join(head, to, "checkpoint", err);
		if (code != HIN_OK || access(head, F_OK) != 0)
			return code; /* nothing was logged yet */
		code = check_ledger(to, err);
		if (code == HIN_OK)
			return code;
		(void)unlink(head);
		nanosleep(&pause, NULL);
		code = HIN_OK;
	}
	return check_ledger(to, err);
}

enum hin_code hin_hub_backup(const char *folder, const char *trust, const char *store,
			     const char *to, struct hin_store_checked *out, struct hin_error *err)
{
	static const char *const names[] = { "hub.key", "ledger.key", "hub.yaml" };
	struct hin_buffer manifest = { 0 };
	struct hin_store *reader = NULL;
	char from[PATH_MAX], path[PATH_MAX];
	enum hin_code code = make_empty(to, err);

	hin_buffer_puts(&manifest, FORM);
	for (size_t i = 0; i < HIN_COUNT(names) && code == HIN_OK; i++) {
		code = join(from, folder, names[i], err);
		if (code == HIN_OK)
			code = join(path, to, names[i], err);
		if (code == HIN_OK && access(from, F_OK) == 0)
			code = copy_file(from, path, names[i], &manifest, err);
	}
	if (code == HIN_OK)
		code = copy_trust(trust, to, &manifest, err);
	if (code == HIN_OK)
		code = copy_desk(folder, to, &manifest, err);
	if (code == HIN_OK)
		code = join(from, folder, LEDGER, err);
	if (code == HIN_OK)
		code = join(path, to, LEDGER, err);
	if (code == HIN_OK)
		code = copy_ledger(from, path, err);
	if (code == HIN_OK)
		code = hin_store_open(&reader, store, HIN_STORE_READ, NULL, err);
	if (code == HIN_OK)
		code = join(path, to, "store", err);
	if (code == HIN_OK)
		code = hin_store_backup(reader, path, out, err);
	hin_store_close(reader);
	if (code == HIN_OK)
		code = join(path, to, MANIFEST, err);
	if (code == HIN_OK && manifest.failed)
		code = hin_fail(err, HIN_ENOMEM, "list of %s", to);
	if (code == HIN_OK)
		code = hin_file_replace(path, manifest.data, manifest.used, 0600, err);
	hin_buffer_fini(&manifest);
	return code;
}

/* ---- restore ---- */

/* One line of the list: what it says, and where the next begins; false for what is none. */
static bool read_line(const char **at, char hex[65], unsigned *mode, char name[NAME_MAX + 8])
{
	char octal[5];
	int used = 0;

	if (sscanf(*at, "%64[0-9a-f] %4[0-7] %255[^/\n]%n", hex, octal, name, &used) != 3)
		return false;
	*mode = (unsigned)strtoul(octal, NULL, 8);
	if ((*at)[used] == '/' && strcmp(name, "trust") == 0) {
		int more = 0;

		name[5] = '/'; /* "trust" has five */
		if (sscanf(*at + used + 1, "%255[^/\n]%n", name + 6, &more) != 1)
			return false;
		used += 1 + more;
	}
	if ((*at)[used] != '\n' || strlen(hex) != 64 || name[0] == '.' ||
	    strncmp(name, "trust/.", 7) == 0)
		return false;
	*at += used + 1;
	return true;
}

/* Check a file of the backup, or, with `to`, copy it there. */
static enum hin_code take_file(const char *from, const char *to, const char *hex, unsigned mode,
			       const char *name, struct hin_error *err)
{
	char path[PATH_MAX], target[PATH_MAX], sum[65];
	enum hin_code code = join(path, from, name, err);

	if (code == HIN_OK && to != NULL)
		code = join(target, to, name, err);
	if (code == HIN_OK)
		code = to != NULL ? copy_bytes(path, target, mode & 0700, sum, err)
				  : read_through(sum, path, -1, err);
	if (code == HIN_OK && strcmp(sum, hex) != 0)
		code = hin_fail(err, HIN_EVERIFY, "%s: wrong sum: the backup is damaged", path);
	return code;
}

static enum hin_code take_files(const char *from, const char *to, const char *manifest,
				struct hin_error *err)
{
	const char *at = manifest + strlen(FORM);
	char hex[65], name[NAME_MAX + 8];
	enum hin_code code = HIN_OK;
	unsigned mode;

	while (*at != '\0' && code == HIN_OK) {
		if (!read_line(&at, hex, &mode, name))
			return hin_fail(err, HIN_EFORMAT, "%s/" MANIFEST " is damaged", from);
		code = take_file(from, to, hex, mode, name, err);
	}
	return code;
}

static enum hin_code make_folder(const char *folder, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = HIN_OK;

	if (mkdir(folder, 0700) != 0)
		code = errno == EEXIST
			       ? hin_fail(err, HIN_EUSAGE, "%s exists: name a new folder", folder)
			       : hin_fail(err, HIN_ESYS, "make %s", folder);
	if (code == HIN_OK)
		code = join(path, folder, "trust", err);
	if (code == HIN_OK && mkdir(path, 0700) != 0)
		code = hin_fail(err, HIN_ESYS, "make %s", path);
	return code;
}

enum hin_code hin_hub_restore(const char *from, const char *folder, struct hin_store_checked *out,
			      struct hin_error *err)
{
	struct hin_buffer manifest = { 0 };
	char path[PATH_MAX], target[PATH_MAX];
	enum hin_code code = join(path, from, MANIFEST, err);

	if (code == HIN_OK && access(path, F_OK) != 0)
		code = hin_fail(err, HIN_ENOENT, "%s is no whole backup: it has no " MANIFEST,
				from);
	if (code == HIN_OK)
		code = hin_file_read(&manifest, path, MANIFEST_SIZE, err);
	if (code == HIN_OK && strncmp(hin_buffer_text(&manifest), FORM, strlen(FORM)) != 0)
		code = hin_fail(err, HIN_EFORMAT, "%s is no list of a hub's backup", path);
	if (code == HIN_OK)
		code = take_files(from, NULL, manifest.data, err); /* all of it before any */
	if (code == HIN_OK)
		code = make_folder(folder, err);
	if (code == HIN_OK)
		code = join(path, from, "store", err);
	if (code == HIN_OK)
		code = join(target, folder, "store", err);
	if (code == HIN_OK)
		code = hin_store_restore(path, target, NULL, out, err);
	if (code == HIN_OK)
		code = take_files(from, folder, manifest.data, err);
	if (code == HIN_OK)
		code = join(path, from, LEDGER, err);
	if (code == HIN_OK)
		code = join(target, folder, LEDGER, err);
	if (code == HIN_OK)
		code = copy_ledger(path, target, err);
	if (code == HIN_OK)
		code = join(path, folder, RESTORED, err);
	if (code == HIN_OK)
		code = hin_file_replace(path, "", 0, 0600, err);
	hin_buffer_fini(&manifest);
	return code;
}
