/* tile - reading a log as files; see tile.h */
#include "trust/tile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS 2 /* tiles of a level that are kept: the one of a leaf and that at the right edge */

struct slot {
	struct hin_hash hashes[HIN_TILE_WIDTH];
	uint64_t index;
	unsigned width; /* 0 = nothing is kept */
	unsigned used;	/* when */
};

struct hin_tiles {
	int folder;
	uint64_t size;
	unsigned turn;
	struct hin_buffer bundle;
	uint64_t bundle_index;
	unsigned bundle_count; /* entries in it, 0 = nothing is kept */
	struct slot slots[HIN_TILE_LEVELS][SLOTS];
};

char *hin_tile_path(char out[HIN_TILE_PATH], int level, uint64_t index, unsigned width)
{
	struct hin_buffer b = hin_buffer_over(out, HIN_TILE_PATH);
	unsigned groups = 1;

	if (level == HIN_TILE_ENTRIES)
		hin_buffer_puts(&b, "tile/entries");
	else
		hin_buffer_printf(&b, "tile/%d", level);
	for (uint64_t rest = index / 1000; rest > 0; rest /= 1000)
		groups++;
	while (groups > 0) {
		uint64_t part = index;

		for (unsigned i = --groups; i > 0; i--)
			part /= 1000;
		hin_buffer_printf(&b, "/%s%03u", groups > 0 ? "x" : "", (unsigned)(part % 1000));
	}
	if (width < HIN_TILE_WIDTH)
		hin_buffer_printf(&b, ".p/%u", width);
	return out;
}

const uint8_t *hin_bundle_next(struct hin_reader *bundle, size_t *size)
{
	if (bundle->left == 0)
		return NULL;
	*size = hin_read_be16(bundle);
	return bundle->failed ? NULL : hin_read_bytes(bundle, *size);
}

enum hin_code hin_tiles_open(struct hin_tiles **out, const char *folder, uint64_t size,
			     struct hin_error *err)
{
	struct hin_tiles *t;
	int fd;

	if (size > HIN_TREE_LEAVES)
		return hin_fail(err, HIN_ERANGE, "a log of that many leaves is too large");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", folder);
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		close(fd);
		return hin_fail(err, HIN_ENOMEM, "no memory for the log %s", folder);
	}
	t->folder = fd;
	t->size = size;
	*out = t;
	return HIN_OK;
}

void hin_tiles_close(struct hin_tiles *t)
{
	if (t == NULL)
		return;
	close(t->folder);
	hin_buffer_fini(&t->bundle);
	free(t);
}

void hin_tiles_resize(struct hin_tiles *t, uint64_t size)
{
	t->size = size;
}

/* Append what is left of a file to `out`, at most `limit` bytes. */
static enum hin_code read_fd(struct hin_buffer *out, int fd, const char *path, size_t limit,
			     struct hin_error *err)
{
	struct stat st;
	size_t want;
	char *at;

	if (fstat(fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "read %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > limit)
		return hin_fail(err, HIN_EFORMAT, "%s is no file of at most %zu bytes", path,
				limit);
	want = (size_t)st.st_size;
	at = hin_buffer_reserve(out, want);
	if (at == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", path);
	while (want > 0) {
		ssize_t n = read(fd, at, want);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return hin_fail(err, HIN_ESYS, "read %s", path);
		if (n == 0)
			return hin_fail(err, HIN_ETRUNCATED, "%s became shorter", path);
		hin_buffer_commit(out, (size_t)n);
		at += n;
		want -= (size_t)n;
	}
	return HIN_OK;
}

/*
 * Read the file of a tile or bundle that should have `*width` items; when the partial one is gone,
 * the whole one, and `*width` says so.
 */
static enum hin_code read_tile(struct hin_tiles *t, struct hin_buffer *out, int level,
			       uint64_t index, unsigned *width, char path[HIN_TILE_PATH],
			       size_t limit, struct hin_error *err)
{
	enum hin_code code;
	int fd;

	hin_tile_path(path, level, index, *width);
	/* a pipe that somebody put there must not be waited for */
	fd = openat(t->folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 && errno == ENOENT && *width < HIN_TILE_WIDTH) {
		hin_tile_path(path, level, index, HIN_TILE_WIDTH);
		fd = openat(t->folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd != -1)
			*width = HIN_TILE_WIDTH;
		else
			hin_tile_path(path, level, index, *width);
	}
	if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
		return hin_fail(err, HIN_ENOENT, "%s is missing", path);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	hin_buffer_reset(out);
	code = read_fd(out, fd, path, limit, err);
	close(fd);
	return code;
}

/* How many of the items of a level belong to tile `index`, by the size; 0 = none. */
static unsigned width_of(const struct hin_tiles *t, unsigned level, uint64_t index)
{
	uint64_t items = level < HIN_TILE_LEVELS ? t->size >> 8 * level : 0;

	if (index >= (items + 255) / 256)
		return 0;
	items -= index * HIN_TILE_WIDTH;
	return items < HIN_TILE_WIDTH ? (unsigned)items : HIN_TILE_WIDTH;
}

static enum hin_code load_slot(struct hin_tiles *t, struct slot *slot, unsigned level,
			       uint64_t index, unsigned width, struct hin_error *err)
{
	char path[HIN_TILE_PATH], memory[sizeof(slot->hashes) + 1];
	struct hin_buffer bytes = hin_buffer_over(memory, sizeof(memory));
	enum hin_code code;

	slot->width = 0;
	code = read_tile(t, &bytes, (int)level, index, &width, path, sizeof(slot->hashes), err);
	if (code != HIN_OK)
		return code;
	if (bytes.used != width * sizeof(struct hin_hash))
		return hin_fail(err, HIN_ETRUNCATED, "%s has %zu bytes, not %zu", path, bytes.used,
				width * sizeof(struct hin_hash));
	memcpy(slot->hashes, bytes.data, bytes.used);
	slot->index = index;
	slot->width = width;
	return HIN_OK;
}

enum hin_code hin_tiles_read(struct hin_tiles *t, unsigned level, uint64_t index,
			     const struct hin_hash **out, unsigned *width, struct hin_error *err)
{
	unsigned want = width_of(t, level, index);
	struct slot *slots, *slot;

	if (want == 0)
		return hin_fail(err, HIN_ERANGE, "a log of %llu leaves has no such tile",
				(unsigned long long)t->size);
	slots = t->slots[level];
	slot = &slots[0];
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i].width >= want && slots[i].index == index) {
			slot = &slots[i];
			break;
		}
		if (slots[i].used < slot->used)
			slot = &slots[i];
	}
	slot->used = ++t->turn;
	if (slot->width < want || slot->index != index) {
		enum hin_code code = load_slot(t, slot, level, index, want, err);

		if (code != HIN_OK)
			return code;
	}
	*out = slot->hashes;
	*width = want;
	return HIN_OK;
}

/* Have bundle `index` in t->bundle, with at least `want` entries. */
static enum hin_code load_bundle(struct hin_tiles *t, uint64_t index, unsigned want,
				 struct hin_error *err)
{
	char path[HIN_TILE_PATH];
	unsigned width = want, count = 0;
	struct hin_reader in;
	size_t size;
	enum hin_code code;

	if (t->bundle_count >= want && t->bundle_index == index)
		return HIN_OK;
	t->bundle_count = 0;
	code = read_tile(t, &t->bundle, HIN_TILE_ENTRIES, index, &width, path, HIN_BUNDLE_SIZE,
			 err);
	if (code != HIN_OK)
		return code;
	in = hin_reader_of(t->bundle.data, t->bundle.used);
	while (hin_bundle_next(&in, &size) != NULL)
		count++;
	if (in.failed || count != width)
		return hin_fail(err, HIN_ETRUNCATED, "%s has %u whole entries, not %u", path, count,
				width);
	t->bundle_index = index;
	t->bundle_count = count;
	return HIN_OK;
}

enum hin_code hin_tiles_bundle(struct hin_tiles *t, uint64_t index, struct hin_reader *out,
			       unsigned *count, struct hin_error *err)
{
	unsigned want = width_of(t, 0, index);
	enum hin_code code;

	if (want == 0)
		return hin_fail(err, HIN_ERANGE, "a log of %llu leaves has no such bundle",
				(unsigned long long)t->size);
	code = load_bundle(t, index, want, err);
	if (code != HIN_OK)
		return code;
	*out = hin_reader_of(t->bundle.data, t->bundle.used);
	*count = want;
	return HIN_OK;
}

enum hin_code hin_tiles_entry(struct hin_tiles *t, uint64_t index, const uint8_t **out,
			      size_t *size, struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(NULL, 0);
	enum hin_code code;
	unsigned count;

	if (index >= t->size)
		return hin_fail(err, HIN_ERANGE, "a log of %llu leaves has no leaf %llu",
				(unsigned long long)t->size, (unsigned long long)index);
	code = hin_tiles_bundle(t, index / HIN_TILE_WIDTH, &in, &count, err);
	if (code != HIN_OK)
		return code;
	for (unsigned i = 0; i <= index % HIN_TILE_WIDTH; i++)
		*out = hin_bundle_next(&in, size);
	return HIN_OK;
}

enum hin_code hin_tiles_fetch(void *user, unsigned level, uint64_t index, struct hin_hash *out,
			      struct hin_error *err)
{
	struct hin_tiles *t = user;
	unsigned height = level % 8, width = 0, first;
	uint64_t item = index << height;
	struct hin_hash half[HIN_TILE_WIDTH / 2];
	const struct hin_hash *tile = NULL;
	enum hin_code code;

	code = hin_tiles_read(t, level / 8, item / HIN_TILE_WIDTH, &tile, &width, err);
	if (code != HIN_OK)
		return code;
	first = (unsigned)(item % HIN_TILE_WIDTH);
	if (first + (1u << height) > width)
		return hin_fail(err, HIN_ERANGE, "a log of %llu leaves has no such subtree",
				(unsigned long long)t->size);
	if (height == 0) {
		*out = tile[first];
		return HIN_OK;
	}
	for (size_t i = 0; i < (size_t)1 << (height - 1); i++)
		hin_tree_node(&half[i], &tile[first + 2 * i], &tile[first + 2 * i + 1]);
	for (size_t n = (size_t)1 << (height - 1); n > 1; n /= 2)
		for (size_t i = 0; i < n / 2; i++)
			hin_tree_node(&half[i], &half[2 * i], &half[2 * i + 1]);
	*out = half[0];
	return HIN_OK;
}
