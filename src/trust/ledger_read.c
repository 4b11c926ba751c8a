/* ledger_read - see ledger_read.h */
#include "trust/ledger_read.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

static enum hin_code read_key(struct hin_note_verifier *out, const char *folder, const char *key,
			      struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char path[PATH_MAX];
	enum hin_code code;

	if (key != NULL)
		return hin_note_verifier_parse(out, key, err);
	if (snprintf(path, sizeof(path), "%s/key", folder) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of the ledger is too long");
	if (access(path, F_OK) != 0)
		return hin_fail(err, HIN_ENOENT, "there is no ledger in %s", folder);
	code = hin_file_read(&text, path, HIN_NOTE_KEY_TEXT, err);
	if (code == HIN_OK && text.used > 0 && text.data[text.used - 1] == '\n')
		text.data[--text.used] = '\0';
	if (code == HIN_OK)
		code = hin_note_verifier_parse(out, hin_buffer_text(&text), err);
	hin_buffer_fini(&text);
	return code;
}

enum hin_code hin_ledger_read_open(struct hin_ledger_reader *out, const char *folder,
				   const char *key, bool witnessed, struct hin_error *err)
{
	struct hin_ledger_reader r = { .tiles = NULL };
	char path[PATH_MAX];
	enum hin_code code = read_key(&r.key, folder, key, err);

	if (code != HIN_OK)
		return code;
	if (snprintf(path, sizeof(path), "%s/witnessed", folder) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of the ledger is too long");
	r.witnessed = witnessed && access(path, F_OK) == 0;
	if (!r.witnessed)
		snprintf(path, sizeof(path), "%s/checkpoint", folder);
	code = hin_file_read(&r.note, path, HIN_CHECKPOINT_SIZE, err);
	if (code == HIN_OK)
		code = hin_checkpoint_open(&r.head, r.note.data, r.note.used, &r.key, err);
	if (code == HIN_OK)
		code = hin_tiles_open(&r.tiles, folder, r.head.size, err);
	if (code == HIN_OK)
		*out = r;
	else
		hin_ledger_read_close(&r);
	return code;
}

void hin_ledger_read_close(struct hin_ledger_reader *r)
{
	if (r == NULL)
		return;
	hin_tiles_close(r->tiles);
	hin_buffer_fini(&r->note);
	*r = (struct hin_ledger_reader){ .tiles = NULL };
}

/* ---- acts ---- */

/* Check the hashes of tile `index` of level 0 by the path from its first leaf up to the root. */
static enum hin_code check_tile(struct hin_ledger_reader *r, uint64_t index,
				struct hin_hash out[HIN_TILE_WIDTH], struct hin_error *err)
{
	struct hin_error why = { 0 };
	const struct hin_hash *hashes;
	char name[HIN_TILE_PATH];
	struct hin_path path;
	unsigned width;
	enum hin_code code = hin_tree_prove(&path, index * HIN_TILE_WIDTH, r->head.size,
					    hin_tiles_fetch, r->tiles, err);

	if (code == HIN_OK)
		code = hin_tiles_read(r->tiles, 0, index, &hashes, &width, err);
	if (code != HIN_OK)
		return code;
	memcpy(out, hashes, width * sizeof(*hashes));
	code = hin_tree_check(&out[0], index * HIN_TILE_WIDTH, r->head.size, &path, &r->head.root,
			      &why);
	if (code != HIN_OK)
		return hin_fail(err, HIN_EVERIFY,
				"%s or a tile above it was changed: it does not lead to the root "
				"of the checkpoint",
				hin_tile_path(name, 0, index, width));
	return HIN_OK;
}

/* Give the acts of one bundle that are in [from, until). */
static enum hin_code read_bundle(struct hin_ledger_reader *r, uint64_t index, uint64_t from,
				 uint64_t until, hin_ledger_act_fn call, void *user,
				 struct hin_error *err)
{
	struct hin_hash hashes[HIN_TILE_WIDTH];
	struct hin_reader in;
	unsigned count;
	enum hin_code code = check_tile(r, index, hashes, err);

	if (code == HIN_OK)
		code = hin_tiles_bundle(r->tiles, index, &in, &count, err);
	for (unsigned i = 0; code == HIN_OK && i < count; i++) {
		uint64_t at = index * HIN_TILE_WIDTH + i;
		size_t size = 0;
		const uint8_t *entry = hin_bundle_next(&in, &size);
		char name[HIN_TILE_PATH];
		struct hin_hash leaf;
		struct hin_act act;

		hin_tree_leaf(&leaf, entry, size);
		if (!hin_hash_same(&leaf, &hashes[i]))
			return hin_fail(err, HIN_EVERIFY, "act %llu was changed, in %s",
					(unsigned long long)at,
					hin_tile_path(name, HIN_TILE_ENTRIES, index, count));
		if (at < from || at >= until)
			continue;
		code = hin_act_decode(&act, entry, size, err);
		if (code == HIN_OK)
			code = call(user, at, &act, err);
	}
	return code;
}

enum hin_code hin_ledger_read_acts(struct hin_ledger_reader *r, uint64_t from, uint64_t until,
				   hin_ledger_act_fn call, void *user, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	hin_tiles_resize(r->tiles, r->head.size);
	if (until > r->head.size)
		until = r->head.size;
	for (uint64_t i = from / HIN_TILE_WIDTH; code == HIN_OK && i * HIN_TILE_WIDTH < until; i++)
		code = read_bundle(r, i, from, until, call, user, err);
	return code;
}

/* ---- all ---- */

/* The levels as they are computed from the entries. */
struct levels {
	struct {
		struct hin_hash hashes[HIN_TILE_WIDTH];
		unsigned count;
		uint64_t tile;
	} rows[HIN_TILE_LEVELS];
};

/* Hold what was computed of a level against its tile. */
static enum hin_code check_level(struct hin_ledger_reader *r, struct levels *l, unsigned level,
				 struct hin_error *err)
{
	const struct hin_hash *hashes;
	char name[HIN_TILE_PATH];
	unsigned width;
	enum hin_code code;

	if (l->rows[level].count == 0)
		return HIN_OK;
	code = hin_tiles_read(r->tiles, level, l->rows[level].tile, &hashes, &width, err);
	for (unsigned i = 0; code == HIN_OK && i < l->rows[level].count; i++)
		if (!hin_hash_same(&hashes[i], &l->rows[level].hashes[i]))
			code = hin_fail(err, HIN_EVERIFY,
					"%s: hash %u is not that of what is below it: one of them "
					"was changed",
					hin_tile_path(name, (int)level, l->rows[level].tile, width),
					i);
	return code;
}

/* Add a hash to a level; a tile that is whole is checked, and its root goes to the next. */
static enum hin_code add_hash(struct hin_ledger_reader *r, struct levels *l,
			      const struct hin_hash *hash, struct hin_error *err)
{
	struct hin_hash now = *hash;

	for (unsigned level = 0; level < HIN_TILE_LEVELS; level++) {
		struct hin_tree tree = { 0 };
		enum hin_code code;

		l->rows[level].hashes[l->rows[level].count++] = now;
		if (l->rows[level].count < HIN_TILE_WIDTH)
			break;
		code = check_level(r, l, level, err);
		if (code != HIN_OK)
			return code;
		for (unsigned i = 0; i < HIN_TILE_WIDTH; i++)
			hin_tree_add(&tree, &l->rows[level].hashes[i]);
		hin_tree_root(&tree, &now);
		l->rows[level].count = 0;
		l->rows[level].tile++;
	}
	return HIN_OK;
}

/* Read the entries of one bundle into the levels. */
static enum hin_code add_bundle(struct hin_ledger_reader *r, uint64_t index, struct levels *l,
				struct hin_error *err)
{
	struct hin_reader in;
	unsigned count;
	enum hin_code code = hin_tiles_bundle(r->tiles, index, &in, &count, err);

	for (unsigned k = 0; code == HIN_OK && k < count; k++) {
		size_t size = 0;
		const uint8_t *entry = hin_bundle_next(&in, &size);
		struct hin_hash leaf;

		hin_tree_leaf(&leaf, entry, size);
		code = add_hash(r, l, &leaf, err);
	}
	return code;
}

/* The root over what is left in the levels: what is below is the last, smaller part of each. */
static void levels_root(const struct levels *l, struct hin_hash *out)
{
	bool below = false;

	hin_tree_empty(out);
	for (unsigned level = 0; level < HIN_TILE_LEVELS; level++) {
		struct hin_tree tree = { 0 };

		for (unsigned i = 0; i < l->rows[level].count; i++)
			hin_tree_add(&tree, &l->rows[level].hashes[i]);
		if (tree.size == 0)
			continue;
		if (below)
			hin_tree_add(&tree, out);
		hin_tree_root(&tree, out);
		below = true;
	}
}

enum hin_code hin_ledger_read_all(struct hin_ledger_reader *r, struct hin_error *err)
{
	struct levels *l = calloc(1, sizeof(*l));
	struct hin_hash root;
	enum hin_code code = HIN_OK;

	if (l == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a ledger");
	hin_tiles_resize(r->tiles, r->head.size);
	for (uint64_t i = 0; code == HIN_OK && i * HIN_TILE_WIDTH < r->head.size; i++)
		code = add_bundle(r, i, l, err);
	for (unsigned level = 0; code == HIN_OK && level < HIN_TILE_LEVELS; level++)
		code = check_level(r, l, level, err);
	levels_root(l, &root);
	if (code == HIN_OK && !hin_hash_same(&root, &r->head.root))
		code = hin_fail(err, HIN_EVERIFY,
				"the acts do not lead to the root of the checkpoint: the ledger "
				"was changed or forked");
	free(l);
	return code;
}

enum hin_code hin_ledger_read_after(struct hin_ledger_reader *r, const void *note, size_t size,
				    struct hin_error *err)
{
	struct hin_checkpoint old;
	struct hin_path path;
	enum hin_code code = hin_checkpoint_open(&old, note, size, &r->key, err);

	if (code != HIN_OK)
		return code;
	if (old.size > r->head.size)
		return hin_fail(err, HIN_EVERIFY,
				"the ledger was cut: it had %llu acts and has %llu",
				(unsigned long long)old.size, (unsigned long long)r->head.size);
	hin_tiles_resize(r->tiles, r->head.size);
	code = hin_tree_prove_growth(&path, old.size, r->head.size, hin_tiles_fetch, r->tiles, err);
	if (code == HIN_OK)
		code = hin_tree_check_growth(old.size, &old.root, r->head.size, &r->head.root,
					     &path, err);
	return code;
}
