/* Opening a vault: its folder, lock and key, and what its segments hold. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "telescope/vault_priv.h"

#define KEY_NAME "vault.key"
#define SEGMENT_LEAST (64u << 10)
#define SEGMENTS_MOST (1u << 20) /* files of that kind in a folder */
#define PATH_LIMIT 4096

char *hin_vault_segment_name(char out[VAULT_SEGMENT_NAME], uint32_t number)
{
	snprintf(out, VAULT_SEGMENT_NAME, "%08x.seg", number);
	return out;
}

/* ---- folder and lock ---- */

/* Make `path` and the folders above it. */
static enum hin_code make_folders(const char *path, struct hin_error *err)
{
	char *copy = strdup(path);
	enum hin_code code = HIN_OK;

	if (copy == NULL)
		return hin_fail(err, HIN_ENOMEM, "vault %s", path);
	for (char *at = copy + 1; code == HIN_OK; at++) {
		char was = *at;

		if (was != '/' && was != '\0')
			continue;
		*at = '\0';
		if (mkdir(copy, 0700) != 0 && errno != EEXIST)
			code = hin_fail(err, HIN_ESYS, "make the vault's folder %s", copy);
		*at = was;
		if (was == '\0')
			break;
	}
	free(copy);
	return code;
}

static enum hin_code open_folder(struct hin_vault *vault, bool write, struct hin_error *err)
{
	vault->folder_fd = open(vault->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (vault->folder_fd == -1 && errno == ENOENT && write) {
		enum hin_code code = make_folders(vault->folder, err);

		if (code != HIN_OK)
			return code;
		vault->folder_fd = open(vault->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (vault->folder_fd == -1 && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT, "there is no vault at %s", vault->folder);
	if (vault->folder_fd == -1)
		return hin_fail(err, HIN_ESYS, "open the vault %s", vault->folder);
	if (!write)
		return HIN_OK;
	vault->lock_fd =
		openat(vault->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (vault->lock_fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s/lock", vault->folder);
	if (flock(vault->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return HIN_OK;
	if (errno == EWOULDBLOCK)
		return hin_fail(err, HIN_EDENIED, "another process writes to the vault %s",
				vault->folder);
	return hin_fail(err, HIN_ESYS, "lock the vault %s", vault->folder);
}

/* ---- key ---- */

static enum hin_code make_key(struct hin_vault *vault, uint8_t key[VAULT_KEY],
			      struct hin_error *err)
{
	enum hin_code code;
	char *path = NULL;

	if (asprintf(&path, "%s/" KEY_NAME, vault->folder) == -1)
		return hin_fail(err, HIN_ENOMEM, "vault %s", vault->folder);
	randombytes_buf(key, VAULT_KEY);
	code = hin_file_replace(path, key, VAULT_KEY, 0600, err);
	free(path);
	return code;
}

static enum hin_code read_key(struct hin_vault *vault, int fd, uint8_t key[VAULT_KEY],
			      struct hin_error *err)
{
	uint8_t bytes[VAULT_KEY + 1];
	enum hin_code code = HIN_OK;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "read %s/" KEY_NAME, vault->folder);
	if (!S_ISREG(st.st_mode))
		return hin_fail(err, HIN_EFORMAT, "%s/" KEY_NAME " is no file", vault->folder);
	if ((st.st_mode & 077) != 0)
		return hin_fail(err, HIN_EDENIED,
				"%s/" KEY_NAME " may be read by others (mode %04o): chmod 600",
				vault->folder, (unsigned)st.st_mode & 07777u);
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n == -1)
		code = hin_fail(err, HIN_ESYS, "read %s/" KEY_NAME, vault->folder);
	else if (n != VAULT_KEY)
		code = hin_fail(err, HIN_EFORMAT, "%s/" KEY_NAME " has not %d bytes", vault->folder,
				VAULT_KEY);
	else
		memcpy(key, bytes, VAULT_KEY);
	explicit_bzero(bytes, sizeof(bytes));
	return code;
}

/* Get the key; a first writer makes it, but never where there is something under another one. */
static enum hin_code load_key(struct hin_vault *vault, struct hin_error *err)
{
	int fd = openat(vault->folder_fd, KEY_NAME, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool there = fd != -1, write = vault->lock_fd != -1;
	uint8_t key[VAULT_KEY];
	enum hin_code code;
	struct stat st;

	if (there) {
		code = read_key(vault, fd, key, err);
		close(fd);
	} else if (errno != ENOENT) {
		code = hin_fail(err, HIN_ESYS, "open %s/" KEY_NAME, vault->folder);
	} else if (vault->segment_count > 0 ||
		   fstatat(vault->folder_fd, KEY_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		code = hin_fail(err, HIN_EVERIFY,
				"%s/" KEY_NAME " is missing: without it nothing can be opened",
				vault->folder);
	} else if (!write) {
		code = hin_fail(err, HIN_ENOENT, "there is no vault at %s", vault->folder);
	} else {
		code = make_key(vault, key, err);
	}
	if (code == HIN_OK)
		hin_vault_keys(&vault->keys, key);
	explicit_bzero(key, sizeof(key));
	return code;
}

/* ---- segments ---- */

struct vault_segment *hin_vault_segment_add(struct hin_vault *vault)
{
	if (vault->segment_count == vault->segment_room) {
		size_t room = vault->segment_room == 0 ? 16 : vault->segment_room * 2;
		struct vault_segment *more =
			reallocarray(vault->segments, room, sizeof(*vault->segments));

		if (more == NULL)
			return NULL;
		vault->segments = more;
		vault->segment_room = room;
	}
	vault->segments[vault->segment_count] = (struct vault_segment){ 0 };
	return &vault->segments[vault->segment_count++];
}

/* The number in "0000000a.seg"; 0 when it is no such name. */
static uint32_t number_of(const char *name)
{
	char text[VAULT_SEGMENT_NAME];
	unsigned long number = strtoul(name, NULL, 16);

	if (number == VAULT_NOWHERE || number >= VAULT_GONE ||
	    strcmp(hin_vault_segment_name(text, (uint32_t)number), name) != 0)
		return 0;
	return (uint32_t)number;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = ((const struct vault_segment *)a)->number;
	uint32_t y = ((const struct vault_segment *)b)->number;

	return (x > y) - (x < y);
}

static enum hin_code list_segments(struct hin_vault *vault, struct hin_error *err)
{
	int fd = openat(vault->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	enum hin_code code = HIN_OK;
	const struct dirent *entry;

	if (dir == NULL) {
		code = hin_fail(err, HIN_ESYS, "list the vault %s", vault->folder);
		if (fd != -1)
			close(fd);
		return code;
	}
	while (code == HIN_OK && (errno = 0, entry = readdir(dir)) != NULL) {
		uint32_t number = number_of(entry->d_name);
		struct vault_segment *segment;

		if (number == 0)
			continue;
		if (vault->segment_count == SEGMENTS_MOST) {
			code = hin_fail(err, HIN_ELIMIT, "the vault %s has too many segments",
					vault->folder);
			break;
		}
		segment = hin_vault_segment_add(vault);
		if (segment == NULL)
			code = hin_fail(err, HIN_ENOMEM, "vault %s", vault->folder);
		else
			segment->number = number;
	}
	if (code == HIN_OK && errno != 0)
		code = hin_fail(err, HIN_ESYS, "list the vault %s", vault->folder);
	closedir(dir);
	if (vault->segment_count > 0)
		qsort(vault->segments, vault->segment_count, sizeof(*vault->segments), by_number);
	return code;
}

enum hin_code hin_vault_segment_load(struct hin_vault *vault, uint32_t number, uint8_t *data,
				     size_t *size, uint64_t *file_size, struct hin_error *err)
{
	char name[VAULT_SEGMENT_NAME];
	enum hin_code code = HIN_OK;
	struct stat st;
	int fd = openat(vault->folder_fd, hin_vault_segment_name(name, number),
			O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);

	*size = 0;
	if (fd == -1 && errno == ENOENT)
		return hin_fail(err, HIN_ENOENT, "%s/%s is gone", vault->folder, name);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s/%s", vault->folder, name);
	if (fstat(fd, &st) != 0)
		code = hin_fail(err, HIN_ESYS, "read %s/%s", vault->folder, name);
	else if (!S_ISREG(st.st_mode))
		code = hin_fail(err, HIN_EFORMAT, "%s/%s is no file", vault->folder, name);
	while (code == HIN_OK && *size < VAULT_SEGMENT_MOST) {
		ssize_t n = read(fd, data + *size, VAULT_SEGMENT_MOST - *size);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			code = hin_fail(err, HIN_ESYS, "read %s/%s", vault->folder, name);
		if (n <= 0)
			break;
		*size += (size_t)n;
	}
	close(fd);
	if (code == HIN_OK)
		*file_size = (uint64_t)st.st_size > *size ? (uint64_t)st.st_size : *size;
	return code;
}

/* Enter a record into the index. */
static enum hin_code know(struct hin_vault *vault, struct vault_segment *segment,
			  const struct vault_record *record, size_t offset)
{
	if (hin_vault_index_reserve(&vault->links) != HIN_OK ||
	    hin_vault_index_reserve(&vault->objects) != HIN_OK)
		return HIN_ENOMEM;
	hin_vault_index_set(&vault->links, record->event_link, segment->number, (uint32_t)offset);
	if (record->kind == VAULT_OBJECT) {
		hin_vault_index_set(&vault->objects, hin_vault_digest_key(record->digest),
				    segment->number, (uint32_t)offset);
		segment->objects++;
	}
	return HIN_OK;
}

/*
 * Enter all records of a segment. With `verify` each is opened: after a crash of the machine heads
 * may be on the disk whose sealed bytes are not. `*end` is behind the last good one.
 */
static enum hin_code know_all(struct hin_vault *vault, struct vault_segment *segment,
			      struct vault_scan *scan, bool verify, size_t *end)
{
	struct vault_record record;
	bool first = true;
	size_t offset;

	*end = scan->at;
	while (hin_vault_scan_next(scan, &record, &offset, &vault->keys)) {
		if (verify && !hin_vault_record_open(vault->opened, &record, scan->data + offset,
						     &vault->keys)) {
			scan->damaged += hin_vault_record_span(&record);
			continue;
		}
		if (know(vault, segment, &record, offset) != HIN_OK)
			return HIN_ENOMEM;
		if (first || record.time_ns < segment->oldest_ns)
			segment->oldest_ns = record.time_ns;
		if (first || record.time_ns > segment->newest_ns)
			segment->newest_ns = record.time_ns;
		first = false;
		*end = scan->end;
	}
	return HIN_OK;
}

/* Go on in the last segment: cut what is torn, open it to write. */
static enum hin_code go_on(struct hin_vault *vault, struct vault_segment *segment, size_t end,
			   struct hin_error *err)
{
	char name[VAULT_SEGMENT_NAME];

	hin_vault_segment_name(name, segment->number);
	vault->write_fd = openat(vault->folder_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (vault->write_fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s/%s", vault->folder, name);
	if (segment->size == end)
		return HIN_OK;
	if (ftruncate(vault->write_fd, (off_t)end) != 0)
		return hin_fail(err, HIN_ESYS, "cut the torn end of %s/%s", vault->folder, name);
	vault->stats.cut_bytes += segment->size - end;
	segment->size = end;
	segment->unsynced = true;
	return HIN_OK;
}

/* Take in one segment. HIN_ENOENT when there is nothing of it. */
static enum hin_code take_segment(struct hin_vault *vault, struct vault_segment *segment,
				  uint8_t *data, uint32_t clean, bool last, struct hin_error *err)
{
	bool write = vault->lock_fd != -1;
	struct vault_segment_head head;
	char name[VAULT_SEGMENT_NAME];
	struct vault_scan scan;
	enum hin_code code, whole;
	size_t size, end;

	code = hin_vault_segment_load(vault, segment->number, data, &size, &segment->size, err);
	if (code != HIN_OK)
		return code;
	hin_vault_segment_name(name, segment->number);
	whole = hin_vault_segment_head_read(&head, data, size, &vault->keys);
	if (whole == HIN_EVERIFY)
		return hin_fail(err, HIN_EVERIFY,
				"%s/" KEY_NAME " is not the key that %s was sealed with",
				vault->folder, name);
	if (whole == HIN_ETRUNCATED) { /* was begun and not more */
		if (write && unlinkat(vault->folder_fd, name, 0) != 0 && errno != ENOENT)
			return hin_fail(err, HIN_ESYS, "remove %s/%s", vault->folder, name);
		return HIN_ENOENT;
	}
	segment->oldest_ns = segment->newest_ns = whole == HIN_OK ? head.made_ns : 0;
	scan = hin_vault_scan_of(data, size);
	code = know_all(vault, segment, &scan, write && segment->number >= clean, &end);
	if (code != HIN_OK)
		return hin_fail(err, code, "no memory for the index of %s", vault->folder);
	segment->unsynced = write && segment->number >= clean;
	vault->stats.damaged_bytes += scan.damaged;
	if (last && write && whole == HIN_OK && segment->size <= VAULT_SEGMENT_MOST)
		return go_on(vault, segment, end, err);
	if (write || !last) /* else a writer may be in the middle of it */
		vault->stats.damaged_bytes += segment->size - end;
	return HIN_OK;
}

/* The first segment that may not be on the disk as a whole, as the last one's head tells. */
static uint32_t first_unclean(struct hin_vault *vault, uint8_t *data)
{
	size_t i = vault->segment_count;
	struct vault_segment_head head;
	uint64_t file_size;
	size_t size;

	while (i-- > 0)
		if (hin_vault_segment_load(vault, vault->segments[i].number, data, &size,
					   &file_size, NULL) == HIN_OK &&
		    hin_vault_segment_head_read(&head, data, size, &vault->keys) == HIN_OK)
			return head.clean;
	return 0;
}

static enum hin_code take_segments(struct hin_vault *vault, struct hin_error *err)
{
	uint8_t *data = malloc(VAULT_SEGMENT_MOST);
	enum hin_code code = HIN_OK;
	size_t count = vault->segment_count, kept = 0;
	uint32_t clean;

	if (data == NULL)
		return hin_fail(err, HIN_ENOMEM, "vault %s", vault->folder);
	clean = vault->lock_fd != -1 ? first_unclean(vault, data) : 0;
	for (size_t i = 0; i < count; i++) {
		struct vault_segment segment = vault->segments[i];

		vault->last_number = segment.number;
		code = take_segment(vault, &segment, data, clean, i + 1 == count, err);
		if (code == HIN_ENOENT) /* a writer removed it meanwhile, or it was empty */
			continue;
		if (code != HIN_OK)
			break;
		vault->segments[kept++] = segment;
		vault->stats.bytes += segment.size;
		vault->stats.objects += segment.objects;
	}
	vault->segment_count = kept;
	vault->stats.segments = kept;
	free(data);
	return code == HIN_ENOENT ? HIN_OK : code;
}

/* ---- open and close ---- */

static enum hin_code set_bounds(struct hin_vault *vault, uint64_t max_bytes, int64_t max_age_ns,
				struct hin_error *err)
{
	if (max_bytes < HIN_VAULT_LEAST)
		return hin_fail(err, HIN_ERANGE,
				"a vault of %llu bytes is too small; at least %llu",
				(unsigned long long)max_bytes, HIN_VAULT_LEAST);
	if (max_age_ns != 0 && max_age_ns < HIN_VAULT_LEAST_AGE_NS)
		return hin_fail(err, HIN_ERANGE, "a vault keeps evidence for a minute at least");
	vault->max_bytes = max_bytes;
	vault->max_age_ns = max_age_ns;
	vault->segment_most = max_bytes / 16 < VAULT_SEGMENT_MOST ? (uint32_t)(max_bytes / 16)
								  : VAULT_SEGMENT_MOST;
	assert(vault->segment_most >= SEGMENT_LEAST);
	return HIN_OK;
}

enum hin_code hin_vault_open(struct hin_vault **out, const char *folder, uint64_t max_bytes,
			     int64_t max_age_ns, bool write, struct hin_error *err)
{
	struct hin_vault *vault = calloc(1, sizeof(*vault));
	enum hin_code code;

	if (vault == NULL)
		return hin_fail(err, HIN_ENOMEM, "vault %s", folder);
	vault->folder_fd = vault->lock_fd = vault->write_fd = -1;
	vault->folder = strdup(folder);
	if (vault->folder == NULL) {
		code = hin_fail(err, HIN_ENOMEM, "vault %s", folder);
		goto out;
	}
	if (sodium_init() == -1)
		code = hin_fail(err, HIN_EUNSUPPORTED, "libsodium cannot start");
	else
		code = write ? set_bounds(vault, max_bytes, max_age_ns, err) : HIN_OK;
	if (code == HIN_OK)
		code = open_folder(vault, write, err);
	if (code == HIN_OK)
		code = list_segments(vault, err);
	if (code == HIN_OK)
		code = load_key(vault, err);
	if (code != HIN_OK)
		goto out;
	randombytes_buf(&vault->objects.seed, sizeof(vault->objects.seed));
	randombytes_buf(&vault->links.seed, sizeof(vault->links.seed));
	code = take_segments(vault, err);
	if (code != HIN_OK)
		goto out;
	*out = vault; /* the caller owns it from here */
	vault = NULL;
out:
	hin_vault_close(vault);
	return code;
}

static void close_fd(int fd)
{
	if (fd != -1)
		close(fd);
}

void hin_vault_close(struct hin_vault *vault)
{
	if (vault == NULL)
		return;
	(void)!hin_vault_sync(vault, NULL);
	close_fd(vault->write_fd);
	for (size_t i = 0; i < VAULT_READERS; i++)
		if (vault->readers[i].number != VAULT_NOWHERE)
			close(vault->readers[i].fd);
	close_fd(vault->lock_fd);
	close_fd(vault->folder_fd);
	hin_vault_index_fini(&vault->objects);
	hin_vault_index_fini(&vault->links);
	free(vault->segments);
	free(vault->folder);
	explicit_bzero(vault, sizeof(*vault));
	free(vault);
}

enum hin_code hin_vault_default_folder(char *out, size_t size, struct hin_error *err)
{
	const char *named = getenv("HINOMI_VAULT"), *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	int n;

	if (named != NULL && named[0] != '\0')
		n = snprintf(out, size, "%s", named);
	else if (geteuid() == 0)
		n = snprintf(out, size, "/var/lib/hinomi/vault");
	else if (state != NULL && state[0] == '/') /* the XDG rules ignore a relative one */
		n = snprintf(out, size, "%s/hinomi/vault", state);
	else if (home != NULL && home[0] == '/')
		n = snprintf(out, size, "%s/.local/state/hinomi/vault", home);
	else
		return hin_fail(err, HIN_ENOENT, "no vault was named, and there is no home folder");
	if (n < 0 || (size_t)n >= size)
		return hin_fail(err, HIN_ELIMIT, "the vault's folder has too long a name");
	return HIN_OK;
}
