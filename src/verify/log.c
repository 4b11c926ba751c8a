/* log - a folder of tiles; see verify.h */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

#define ENTRIES (-1)
#define LEVELS 8
#define FAULTS 20 /* most that are named */

/* A level of tiles as it is computed from the entries, up to 256 hashes at a time. */
struct level {
	struct hash hashes[TILE];
	unsigned count;
	uint64_t tile; /* index of the tile they belong to */
};

struct check {
	const char *folder;
	uint64_t size;
	struct level levels[LEVELS];
	unsigned faults;
};

/* ---- files ---- */

static void tile_name(char out[128], int level, uint64_t index, unsigned width)
{
	char groups[64] = "";
	size_t n;

	/* three digits a folder, each but the last behind an x */
	snprintf(groups, sizeof(groups), "%03u", (unsigned)(index % 1000));
	for (index /= 1000; index > 0; index /= 1000) {
		char more[64];

		snprintf(more, sizeof(more), "x%03u/%.50s", (unsigned)(index % 1000), groups);
		memcpy(groups, more, sizeof(groups));
	}
	if (level == ENTRIES)
		n = (size_t)snprintf(out, 128, "tile/entries/%s", groups);
	else
		n = (size_t)snprintf(out, 128, "tile/%d/%s", level, groups);
	if (width < TILE)
		snprintf(out + n, 128 - n, ".p/%u", width);
}

/* Read a tile or, when the partial one is gone, the whole one: `*width` says so. */
static bool read_tile(struct bytes *out, const char *folder, int level, uint64_t index,
		      unsigned *width, char name[128])
{
	char path[4096];

	tile_name(name, level, index, *width);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (read_file(out, path, true))
		return true;
	if (*width == TILE)
		return false;
	tile_name(name, level, index, TILE);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (read_file(out, path, true)) {
		*width = TILE;
		return true;
	}
	tile_name(name, level, index, *width);
	return false;
}

/* The hashes of a tile, of which `count` belong to the log. */
static bool read_hashes(struct hash out[TILE], const char *folder, unsigned level, uint64_t index,
			unsigned count, char name[128])
{
	unsigned width = count;
	struct bytes file;

	if (!read_tile(&file, folder, (int)level, index, &width, name))
		return wrong("dropped: %s is missing", name);
	if (file.size != width * sizeof(struct hash)) {
		free(file.data);
		return wrong("truncated: %s has %zu bytes, not %zu", name, file.size,
			     width * sizeof(struct hash));
	}
	memcpy(out, file.data, count * sizeof(struct hash));
	free(file.data);
	return true;
}

/* ---- all entries ---- */

static bool is_full(struct check *c)
{
	if (++c->faults == FAULTS)
		wrong("and more: the rest is not named");
	return c->faults >= FAULTS;
}

/* Hold the hashes of a level against its tile, and hand the tile's root up. */
static void close_tile(struct check *c, unsigned level)
{
	struct level *l = &c->levels[level];
	struct hash stored[TILE], root;
	char name[128];

	if (l->count == 0)
		return;
	if (level > 0 && c->faults < FAULTS) {
		if (!read_hashes(stored, c->folder, level, l->tile, l->count, name))
			is_full(c);
		else
			for (unsigned i = 0; i < l->count; i++)
				if (!same(&stored[i], &l->hashes[i])) {
					wrong("changed: hash %u of %s is not that of the tile "
					      "below it",
					      i, name);
					is_full(c);
					break;
				}
	}
	if (l->count < TILE)
		return;
	root = root_of_tile(l->hashes, TILE);
	l->count = 0;
	l->tile++;
	if (level + 1 == LEVELS)
		return;
	c->levels[level + 1].hashes[c->levels[level + 1].count++] = root;
	if (c->levels[level + 1].count == TILE)
		close_tile(c, level + 1);
}

/* Name the first difference between entries and the hashes of their tile. */
static bool name_fault(struct check *c, const struct hash *found, unsigned count,
		       const struct hash *stored, unsigned want, uint64_t base, const char *name)
{
	unsigned at = 0;

	while (at < count && at < want && same(&found[at], &stored[at]))
		at++;
	if (at == want && count == want)
		return true;
	is_full(c);
	if (count < want)
		return wrong("dropped: entry %" PRIu64 "; %s has %u entries, not %u", base + at,
			     name, count, want);
	for (unsigned i = 0; i < want; i++)
		if (i != at && same(&found[at], &stored[i]))
			return wrong("re-ordered: entry %" PRIu64 " is where %" PRIu64
				     " should be, in %s",
				     base + i, base + at, name);
	return wrong("changed: entry %" PRIu64 " in %s is not what its leaf says", base + at, name);
}

/* Split a bundle and hash its entries; how many there are, up to 257, or 0 when it is malformed. */
static unsigned hash_bundle(struct hash out[TILE], const struct bytes *file)
{
	unsigned count = 0;
	size_t at = 0;

	while (at < file->size) {
		size_t size;

		if (file->size - at < 2)
			return 0;
		size = (size_t)(file->data[at] << 8 | file->data[at + 1]);
		at += 2;
		if (file->size - at < size)
			return 0;
		if (count == TILE)
			return TILE + 1;
		out[count++] = leaf_of(file->data + at, size);
		at += size;
	}
	return count;
}

/* Are there entries at the end of the log? Then those that are missing were not just cut off. */
static bool has_end(const struct check *c)
{
	uint64_t last = (c->size - 1) / TILE;
	unsigned width = (unsigned)((c->size - 1) % TILE + 1);
	char name[128];
	struct bytes file;

	if (!read_tile(&file, c->folder, ENTRIES, last, &width, name))
		return false;
	free(file.data);
	return true;
}

/* Check one bundle against its tile; false when no entries were there to go on with. */
static bool check_bundle(struct check *c, uint64_t index, unsigned want)
{
	struct hash found[TILE], stored[TILE];
	unsigned width = want, count;
	char name[128], tile[128];
	struct bytes file;
	bool have;

	if (!read_tile(&file, c->folder, ENTRIES, index, &width, name)) {
		if (has_end(c))
			return wrong("dropped: %s is missing", name);
		return wrong("truncated: the entries end at %" PRIu64
			     ", the checkpoint has %" PRIu64,
			     index * TILE, c->size);
	}
	count = hash_bundle(found, &file);
	free(file.data);
	if (count == 0 || count > TILE)
		return wrong("changed: %s is no bundle of entries", name);
	have = read_hashes(stored, c->folder, 0, index, want, tile);
	if (!have && is_full(c))
		return false;
	if (width == want && count > want) {
		is_full(c);
		wrong("added: %s has more than %u entries", name, want);
	} else if (have) {
		name_fault(c, found, count < want ? count : want, stored, want, index * TILE, name);
	} else if (count < want) {
		wrong("dropped: %s has %u entries, not %u", name, count, want);
	}
	if (count < want)
		return false;
	memcpy(c->levels[0].hashes, found, want * sizeof(found[0]));
	c->levels[0].count = want;
	close_tile(c, 0);
	return c->faults < FAULTS;
}

/* The root over what is left in the levels: what is below is the last, smaller part of each. */
static struct hash root_of_levels(struct check *c)
{
	struct hash root = root_of_nothing();
	bool below = false;

	for (unsigned level = 0; level < LEVELS; level++) {
		struct level *l = &c->levels[level];

		if (l->count == 0)
			continue;
		if (below)
			l->hashes[l->count++] = root; /* fewer than 256 are there */
		root = root_of_tile(l->hashes, l->count);
		below = true;
	}
	return root;
}

bool check_log(const char *folder, const struct head *head)
{
	struct check *c = calloc(1, sizeof(*c));
	bool whole = true;
	struct hash root;

	if (c == NULL)
		return wrong("not enough memory");
	c->folder = folder;
	c->size = head->size;
	for (uint64_t i = 0; whole && i * TILE < head->size; i++) {
		uint64_t left = head->size - i * TILE;

		whole = check_bundle(c, i, left < TILE ? (unsigned)left : TILE);
	}
	for (unsigned level = 1; whole && level < LEVELS; level++)
		close_tile(c, level);
	root = root_of_levels(c);
	if (whole && !same(&root, &head->root))
		whole = wrong(
			"%s: its entries are not those of the checkpoint: the log was changed "
			"or forked",
			folder);
	else if (whole && c->faults > 0)
		whole = wrong("%s: the entries are those of the checkpoint, its tiles are not",
			      folder);
	free(c);
	return whole;
}

/* ---- growth ---- */

/*
 * The root of leaves [low, high) from the tiles of a log of `size`; low is a multiple of the power
 * of two that is not below high - low.
 */
static bool fetch(struct hash *out, const char *folder, uint64_t size, uint64_t low, uint64_t high)
{
	unsigned level = 0;
	uint64_t span = 1;
	struct hash hashes[TILE], left, right;
	char name[128];

	/* the tile whose hashes cover it exactly: at most 256 of 256^level leaves each */
	while (level + 1 < LEVELS && (high - low) % (span * TILE) == 0) {
		span *= TILE;
		level++;
	}
	if ((high - low) / span <= TILE && low / span / TILE == (high - 1) / span / TILE) {
		uint64_t all = size / span, tile = low / span / TILE, first = low / span % TILE;
		uint64_t width = all - tile * TILE < TILE ? all - tile * TILE : TILE;

		if (!read_hashes(hashes, folder, level, tile, (unsigned)width, name))
			return false;
		*out = root_of_tile(hashes + first, (unsigned)((high - low) / span));
		return true;
	}
	span = 1;
	while (span < high - low - span)
		span *= 2;
	if (!fetch(&left, folder, size, low, low + span) ||
	    !fetch(&right, folder, size, low + span, high))
		return false;
	*out = node_of(&left, &right);
	return true;
}

/* SUBPROOF(m, D[n], b) of RFC 9162, section 2.1.4.1. */
static bool prove(struct path *out, const char *folder, uint64_t size, uint64_t old, uint64_t low,
		  uint64_t high, bool known)
{
	uint64_t k = 1;

	if (out->count == PATH_HASHES)
		return false;
	if (old == high)
		return known || fetch(&out->hashes[out->count++], folder, size, low, high);
	while (k < high - low - k)
		k *= 2;
	if (old <= low + k)
		return prove(out, folder, size, old, low, low + k, known) &&
		       fetch(&out->hashes[out->count++], folder, size, low + k, high);
	return prove(out, folder, size, old, low + k, high, false) &&
	       fetch(&out->hashes[out->count++], folder, size, low, low + k);
}

bool check_growth(const char *folder, const struct head *old, const struct head *head)
{
	struct path path = { .count = 0 };

	if (old->size > head->size)
		return wrong("truncated: the log had %" PRIu64 " entries and has %" PRIu64,
			     old->size, head->size);
	if (old->size == head->size)
		return same(&old->root, &head->root) ||
		       wrong("forked: two logs of %" PRIu64 " entries have different roots",
			     head->size);
	if (old->size == 0)
		return true;
	if (!prove(&path, folder, head->size, old->size, 0, head->size, true))
		return false;
	if (!grew(old->size, &old->root, head->size, &head->root, &path))
		return wrong("forked: the log of %" PRIu64 " entries does not continue that of "
			     "%" PRIu64 ", or its tiles were changed",
			     head->size, old->size);
	return true;
}
