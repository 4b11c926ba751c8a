/* tile_write - writing a log as files; see tile.h */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/tile.h"

/* The hashes of a level that are in no whole tile yet. */
struct level {
	struct hin_hash *hashes;
	size_t count, room;
	uint64_t tile;	  /* index of the tile that the first belongs to */
	unsigned partial; /* width of the last partial tile that was written */
};

struct hin_tile_writer {
	int folder;
	uint64_t flushed;
	struct hin_tree tree;
	struct hin_buffer entries; /* of level 0, each behind its length */
	struct level levels[HIN_TILE_LEVELS];
};

/* ---- memory ---- */

static bool level_fit(struct level *level, size_t more)
{
	size_t room = level->room > 0 ? level->room : HIN_TILE_WIDTH;
	struct hin_hash *moved;

	while (room < level->count + more)
		room *= 2;
	if (room == level->room)
		return true;
	moved = reallocarray(level->hashes, room, sizeof(*moved));
	if (moved == NULL)
		return false;
	level->hashes = moved;
	level->room = room;
	return true;
}

enum hin_code hin_tile_writer_reserve(struct hin_tile_writer *w, size_t count, size_t bytes,
				      struct hin_error *err)
{
	if (!level_fit(&w->levels[0], count) ||
	    hin_buffer_reserve(&w->entries, bytes + 2 * count) == NULL) {
		w->entries.failed = false;
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu leaves", count);
	}
	return HIN_OK;
}

void hin_tile_writer_add(struct hin_tile_writer *w, const void *entry, size_t size)
{
	struct level *level = &w->levels[0];
	struct hin_hash leaf;
	uint8_t prefix[2] = { (uint8_t)(size >> 8), (uint8_t)size };

	hin_tree_leaf(&leaf, entry, size);
	hin_tree_add(&w->tree, &leaf);
	hin_buffer_add(&w->entries, prefix, sizeof(prefix));
	hin_buffer_add(&w->entries, entry, size);
	level->hashes[level->count++] = leaf;
}

/* ---- opening ---- */

/* Take over the entries of the last, partial bundle, which must be those of the leaves. */
static enum hin_code load_entries(struct hin_tile_writer *w, struct hin_tiles *tiles,
				  struct hin_error *err)
{
	struct level *level = &w->levels[0];
	struct hin_reader in;
	const uint8_t *start;
	unsigned count;
	enum hin_code code = hin_tiles_bundle(tiles, level->tile, &in, &count, err);

	if (code != HIN_OK)
		return code;
	start = in.pos;
	for (unsigned i = 0; i < count; i++) {
		size_t size = 0;
		const uint8_t *entry = hin_bundle_next(&in, &size);
		struct hin_hash leaf;

		hin_tree_leaf(&leaf, entry, size);
		if (!hin_hash_same(&leaf, &level->hashes[i])) {
			char path[HIN_TILE_PATH];

			return hin_fail(err, HIN_EVERIFY, "%s: entry %u was changed",
					hin_tile_path(path, HIN_TILE_ENTRIES, level->tile, count),
					i);
		}
	}
	hin_buffer_add(&w->entries, start, (size_t)(in.pos - start));
	return w->entries.failed ? hin_fail(err, HIN_ENOMEM, "no memory for a bundle") : HIN_OK;
}

static enum hin_code load(struct hin_tile_writer *w, struct hin_tiles *tiles, uint64_t size,
			  struct hin_error *err)
{
	uint64_t at = 0;
	enum hin_code code = HIN_OK;

	for (int bit = 62; bit >= 0 && code == HIN_OK; bit--) {
		if (!(size >> bit & 1))
			continue;
		code = hin_tiles_fetch(tiles, (unsigned)bit, at >> bit, &w->tree.edge[w->tree.used],
				       err);
		w->tree.used++;
		at += (uint64_t)1 << bit;
	}
	w->tree.size = size;
	for (unsigned i = 0; i < HIN_TILE_LEVELS && code == HIN_OK; i++) {
		struct level *level = &w->levels[i];
		const struct hin_hash *hashes;
		unsigned width;

		level->tile = size >> 8 * i >> 8;
		if ((size >> 8 * i) % HIN_TILE_WIDTH == 0)
			continue;
		code = hin_tiles_read(tiles, i, level->tile, &hashes, &width, err);
		if (code != HIN_OK)
			break;
		if (!level_fit(level, width))
			return hin_fail(err, HIN_ENOMEM, "no memory for a tile");
		memcpy(level->hashes, hashes, width * sizeof(*hashes));
		level->count = width;
	}
	if (code == HIN_OK && size % HIN_TILE_WIDTH != 0)
		code = load_entries(w, tiles, err);
	return code;
}

enum hin_code hin_tile_writer_open(struct hin_tile_writer **out, const char *folder, uint64_t size,
				   struct hin_error *err)
{
	struct hin_tile_writer *w = calloc(1, sizeof(*w));
	struct hin_tiles *tiles = NULL;
	enum hin_code code;

	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the log %s", folder);
	w->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->folder == -1)
		code = hin_fail(err, HIN_ESYS, "open %s", folder);
	else
		code = hin_tiles_open(&tiles, folder, size, err);
	if (code == HIN_OK)
		code = load(w, tiles, size, err);
	hin_tiles_close(tiles);
	w->flushed = size;
	if (code == HIN_OK)
		*out = w;
	else
		hin_tile_writer_close(w);
	return code;
}

void hin_tile_writer_close(struct hin_tile_writer *w)
{
	if (w == NULL)
		return;
	if (w->folder != -1)
		close(w->folder);
	hin_buffer_fini(&w->entries);
	for (unsigned i = 0; i < HIN_TILE_LEVELS; i++)
		free(w->levels[i].hashes);
	free(w);
}

uint64_t hin_tile_writer_size(const struct hin_tile_writer *w)
{
	return w->tree.size;
}

uint64_t hin_tile_writer_flushed(const struct hin_tile_writer *w)
{
	return w->flushed;
}

void hin_tile_writer_root(const struct hin_tile_writer *w, struct hin_hash *out)
{
	hin_tree_root(&w->tree, out);
}

/* ---- files ---- */

static enum hin_code make_parents(int folder, const char *path, struct hin_error *err)
{
	char part[HIN_TILE_PATH];

	for (size_t i = 1; path[i] != '\0'; i++) {
		if (path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(folder, part, 0755) != 0 && errno != EEXIST)
			return hin_fail(err, HIN_ESYS, "make %s", part);
	}
	return HIN_OK;
}

/* Write a file that a reader sees whole or not at all. */
static enum hin_code write_tile(const struct hin_tile_writer *w, int level, uint64_t index,
				unsigned width, const void *data, size_t size,
				struct hin_error *err)
{
	char path[HIN_TILE_PATH], fresh[HIN_TILE_PATH + 4];
	enum hin_code code = HIN_OK;
	int fd;

	hin_tile_path(path, level, index, width);
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = openat(w->folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd == -1 && errno == ENOENT) {
		code = make_parents(w->folder, path, err);
		if (code != HIN_OK)
			return code;
		fd = openat(w->folder, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	}
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "create %s", fresh);
	if (hin_file_write_all(fd, data, size, NULL) != HIN_OK)
		code = hin_fail(err, HIN_ESYS, "write %s", fresh);
	if (close(fd) != 0 && code == HIN_OK)
		code = hin_fail(err, HIN_ESYS, "write %s", fresh);
	if (code == HIN_OK && renameat(w->folder, fresh, w->folder, path) != 0)
		code = hin_fail(err, HIN_ESYS, "rename %s", fresh);
	if (code != HIN_OK)
		(void)unlinkat(w->folder, fresh, 0);
	return code;
}

/* The partial files of a tile that is whole now go; what stays behind does no harm. */
static void remove_partials(const struct hin_tile_writer *w, int level, uint64_t index)
{
	char path[HIN_TILE_PATH];

	for (unsigned width = 1; width < HIN_TILE_WIDTH; width++) {
		hin_tile_path(path, level, index, width);
		if (width == 1 && faccessat(w->folder, path, F_OK, 0) != 0) {
			/* no folder, no files: the usual case in a batch */
			char *slash = strrchr(path, '/');

			*slash = '\0';
			if (faccessat(w->folder, path, F_OK, 0) != 0)
				return;
			*slash = '/';
		}
		(void)unlinkat(w->folder, path, 0);
	}
	*strrchr(path, '/') = '\0';
	(void)unlinkat(w->folder, path, AT_REMOVEDIR);
}

/* Bytes of the first `count` entries in memory. */
static size_t entries_size(const struct hin_tile_writer *w, size_t from, unsigned count)
{
	struct hin_reader in = hin_reader_of(w->entries.data + from, w->entries.used - from);
	size_t size;

	while (count-- > 0)
		(void)hin_bundle_next(&in, &size);
	return w->entries.used - from - in.left;
}

/* The root of a whole tile. */
static void tile_root(struct hin_hash *out, const struct hin_hash *hashes)
{
	struct hin_tree tree = { 0 };

	for (unsigned i = 0; i < HIN_TILE_WIDTH; i++)
		hin_tree_add(&tree, &hashes[i]);
	hin_tree_root(&tree, out);
}

/* Forget the first `hashes` of a level, and of level 0 the first `bytes` of entries. */
static void drop(struct hin_tile_writer *w, unsigned i, size_t hashes, size_t bytes)
{
	struct level *level = &w->levels[i];

	if (hashes == 0)
		return;
	level->count -= hashes;
	memmove(level->hashes, level->hashes + hashes, level->count * sizeof(struct hin_hash));
	if (bytes == 0)
		return;
	w->entries.used -= bytes;
	memmove(w->entries.data, w->entries.data + bytes, w->entries.used);
}

/* Write the whole tiles of a level, and give their roots to the next one. */
static enum hin_code flush_whole(struct hin_tile_writer *w, unsigned i, struct hin_error *err)
{
	struct level *level = &w->levels[i], *next = level + 1;
	size_t hashes = 0, bytes = 0;
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && level->count - hashes >= HIN_TILE_WIDTH) {
		const struct hin_hash *tile = level->hashes + hashes;
		size_t size = i == 0 ? entries_size(w, bytes, HIN_TILE_WIDTH) : 0;

		if (i + 1 == HIN_TILE_LEVELS || !level_fit(next, 1)) {
			code = hin_fail(err, HIN_ENOMEM, "no memory for a tile");
			break;
		}
		if (i == 0)
			code = write_tile(w, HIN_TILE_ENTRIES, level->tile, HIN_TILE_WIDTH,
					  w->entries.data + bytes, size, err);
		if (code == HIN_OK)
			code = write_tile(w, (int)i, level->tile, HIN_TILE_WIDTH, tile,
					  HIN_TILE_WIDTH * sizeof(*tile), err);
		if (code != HIN_OK)
			break;
		if (i == 0)
			remove_partials(w, HIN_TILE_ENTRIES, level->tile);
		remove_partials(w, (int)i, level->tile);
		tile_root(&next->hashes[next->count++], tile);
		hashes += HIN_TILE_WIDTH;
		bytes += size;
		level->tile++;
		level->partial = 0;
	}
	drop(w, i, hashes, bytes);
	return code;
}

static enum hin_code flush_partial(struct hin_tile_writer *w, unsigned i, struct hin_error *err)
{
	struct level *level = &w->levels[i];
	unsigned width = (unsigned)level->count;
	enum hin_code code = HIN_OK;

	if (width == 0 || level->partial == width)
		return HIN_OK;
	if (i == 0)
		code = write_tile(w, HIN_TILE_ENTRIES, level->tile, width, w->entries.data,
				  w->entries.used, err);
	if (code == HIN_OK)
		code = write_tile(w, (int)i, level->tile, width, level->hashes,
				  width * sizeof(struct hin_hash), err);
	if (code == HIN_OK)
		level->partial = width;
	return code;
}

enum hin_code hin_tile_writer_flush(struct hin_tile_writer *w, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (unsigned i = 0; i < HIN_TILE_LEVELS && code == HIN_OK; i++)
		code = flush_whole(w, i, err);
	for (unsigned i = 0; i < HIN_TILE_LEVELS && code == HIN_OK; i++)
		code = flush_partial(w, i, err);
	if (code == HIN_OK)
		w->flushed = w->tree.size;
	return code;
}
