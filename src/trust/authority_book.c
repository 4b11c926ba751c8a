/* authority_book - what the ledger says of authorities, and acts about them; see authority.h */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/time.h"
#include "trust/authority.h"

struct entry {
	uint8_t digest[32];
	struct hin_authority_state state;
};

struct hin_authority_book {
	pthread_mutex_t lock;
	char *folder;
	struct hin_note_verifier log;
	struct hin_tiles *tiles;
	struct hin_tree tree;  /* of what was read */
	struct entry *entries; /* by digest */
	size_t count, room;
	bool spoilt;
};

enum hin_code hin_authority_book_open(struct hin_authority_book **out, const char *folder,
				      const struct hin_note_verifier *log, struct hin_error *err)
{
	struct hin_authority_book *b = calloc(1, sizeof(*b));
	enum hin_code code;

	if (b == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a book of authorities");
	pthread_mutex_init(&b->lock, NULL);
	b->log = *log;
	b->folder = strdup(folder);
	if (b->folder == NULL)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a book of authorities");
	else
		code = hin_tiles_open(&b->tiles, folder, 0, err);
	if (code == HIN_OK)
		*out = b;
	else
		hin_authority_book_close(b);
	return code;
}

void hin_authority_book_close(struct hin_authority_book *b)
{
	if (b == NULL)
		return;
	hin_tiles_close(b->tiles);
	pthread_mutex_destroy(&b->lock);
	free(b->folder);
	free(b->entries);
	free(b);
}

/* Where a digest is, or belongs. */
static size_t place_of(const struct hin_authority_book *b, const uint8_t digest[32])
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(b->entries[middle].digest, digest, 32) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *find(const struct hin_authority_book *b, const uint8_t digest[32])
{
	size_t at = place_of(b, digest);

	return at < b->count && memcmp(b->entries[at].digest, digest, 32) == 0 ? &b->entries[at]
									       : NULL;
}

/* The entry of a digest, a new one when there is none; NULL without memory. */
static struct entry *have(struct hin_authority_book *b, const uint8_t digest[32])
{
	struct entry *e = find(b, digest);
	size_t at, room = b->room > 0 ? 2 * b->room : 64;

	if (e != NULL)
		return e;
	if (b->count == b->room) {
		struct entry *moved = reallocarray(b->entries, room, sizeof(*moved));

		if (moved == NULL)
			return NULL;
		b->entries = moved;
		b->room = room;
	}
	at = place_of(b, digest);
	memmove(&b->entries[at + 1], &b->entries[at], (b->count - at) * sizeof(*e));
	b->count++;
	b->entries[at] = (struct entry){ 0 };
	memcpy(b->entries[at].digest, digest, 32);
	return &b->entries[at];
}

/* Take one act; false without memory. */
static bool take(struct hin_authority_book *b, const struct hin_act *act)
{
	struct entry *e;

	if (act->kind != HIN_ACT_AUTHORITY_MADE && act->kind != HIN_ACT_AUTHORITY_USED &&
	    act->kind != HIN_ACT_AUTHORITY_REVOKED)
		return true;
	e = have(b, act->authority);
	if (e == NULL)
		return false;
	if (act->kind == HIN_ACT_AUTHORITY_MADE && !e->state.made) {
		e->state.made = true;
		e->state.made_us = act->when_us;
	} else if (act->kind == HIN_ACT_AUTHORITY_USED) {
		e->state.uses++;
	} else if (act->kind == HIN_ACT_AUTHORITY_REVOKED && !e->state.revoked) {
		e->state.revoked = true;
		e->state.revoked_us = act->when_us;
	}
	return true;
}

static enum hin_code read_entries(struct hin_authority_book *b, uint64_t size,
				  struct hin_error *err)
{
	hin_tiles_resize(b->tiles, size);
	while (b->tree.size < size) {
		struct hin_reader in;
		unsigned count, skip = (unsigned)(b->tree.size % HIN_TILE_WIDTH);
		enum hin_code code =
			hin_tiles_bundle(b->tiles, b->tree.size / HIN_TILE_WIDTH, &in, &count, err);

		if (code != HIN_OK)
			return code;
		for (unsigned i = 0; i < count; i++) {
			size_t entry_size = 0;
			const uint8_t *entry = hin_bundle_next(&in, &entry_size);
			struct hin_hash leaf;
			struct hin_act act;

			if (i < skip)
				continue;
			code = hin_act_decode(&act, entry, entry_size, err);
			if (code != HIN_OK)
				return code;
			if (!take(b, &act))
				return hin_fail(err, HIN_ENOMEM,
						"no memory for a book of authorities");
			hin_tree_leaf(&leaf, entry, entry_size);
			hin_tree_add(&b->tree, &leaf);
		}
	}
	return HIN_OK;
}

/* The lock is held. */
static enum hin_code read_on(struct hin_authority_book *b, struct hin_error *err)
{
	char path[PATH_MAX];
	struct hin_buffer note = { 0 };
	struct hin_checkpoint head;
	struct hin_hash root;
	enum hin_code code;

	if (b->spoilt)
		return hin_fail(err, HIN_EVERIFY, "%s: its acts did not fit its checkpoint",
				b->folder);
	if (snprintf(path, sizeof(path), "%s/checkpoint", b->folder) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of the ledger is too long");
	code = hin_file_read(&note, path, HIN_CHECKPOINT_SIZE, err);
	if (code == HIN_OK)
		code = hin_checkpoint_open(&head, note.data, note.used, &b->log, err);
	hin_buffer_fini(&note);
	if (code != HIN_OK)
		return code;
	if (head.size < b->tree.size)
		code = hin_fail(err, HIN_EVERIFY, "%s has shrunk from %llu acts to %llu", b->folder,
				(unsigned long long)b->tree.size, (unsigned long long)head.size);
	else
		code = read_entries(b, head.size, err);
	if (code == HIN_OK) {
		hin_tree_root(&b->tree, &root);
		if (!hin_hash_same(&root, &head.root))
			code = hin_fail(err, HIN_EVERIFY,
					"%s: its %llu acts do not lead to the root of its "
					"checkpoint",
					b->folder, (unsigned long long)head.size);
	}
	/* what was read cannot be taken back: nothing more is believed */
	b->spoilt = code == HIN_EVERIFY;
	return code;
}

enum hin_code hin_authority_book_read(struct hin_authority_book *b, struct hin_error *err)
{
	enum hin_code code;

	pthread_mutex_lock(&b->lock);
	code = read_on(b, err);
	pthread_mutex_unlock(&b->lock);
	return code;
}

void hin_authority_book_state(struct hin_authority_book *b, const uint8_t digest[32],
			      struct hin_authority_state *out)
{
	const struct entry *e;

	pthread_mutex_lock(&b->lock);
	e = find(b, digest);
	*out = e != NULL ? e->state : (struct hin_authority_state){ 0 };
	pthread_mutex_unlock(&b->lock);
}

/* ---- acts ---- */

/* Read all that is durable; then what is known of `digest`. The lock is held. */
static enum hin_code catch_up(struct hin_authority_book *b, struct hin_ledger *ledger,
			      const uint8_t digest[32], struct hin_authority_state *state,
			      struct hin_error *err)
{
	enum hin_code code = hin_ledger_publish(ledger, err);
	const struct entry *e;

	if (code == HIN_OK)
		code = read_on(b, err);
	e = code == HIN_OK ? find(b, digest) : NULL;
	*state = e != NULL ? e->state : (struct hin_authority_state){ 0 };
	return code;
}

static enum hin_code append(struct hin_ledger *ledger, uint16_t kind, const uint8_t digest[32],
			    uint64_t who, int64_t now_us, uint64_t *index, struct hin_error *err)
{
	struct hin_act act = { .kind = kind, .who = who, .when_us = now_us };

	memcpy(act.authority, digest, 32);
	return hin_ledger_append(ledger, &act, index, err);
}

enum hin_code hin_authority_enact(struct hin_authority_book *b, struct hin_ledger *ledger,
				  const struct hin_authority *a, uint64_t who, int64_t now_us,
				  struct hin_error *err)
{
	struct hin_authority_state state;
	enum hin_code code;

	pthread_mutex_lock(&b->lock);
	code = catch_up(b, ledger, a->digest, &state, err);
	if (code == HIN_OK && a->signed_by == 0)
		code = hin_fail(err, HIN_EDENIED, "authority %s was not checked by its signers",
				a->number);
	else if (code == HIN_OK && (state.made || state.revoked))
		code = hin_fail(err, HIN_EDENIED, "authority %s %s already", a->number,
				state.revoked ? "was revoked" : "is in force");
	if (code == HIN_OK)
		code = append(ledger, HIN_ACT_AUTHORITY_MADE, a->digest, who, now_us, NULL, err);
	pthread_mutex_unlock(&b->lock);
	return code;
}

enum hin_code hin_authority_use(struct hin_authority_book *b, struct hin_ledger *ledger,
				const struct hin_authority *a,
				const struct hin_authority_request *request, uint64_t who,
				int64_t now_us, uint64_t *index, struct hin_error *err)
{
	struct hin_authority_state state;
	enum hin_code code;

	pthread_mutex_lock(&b->lock);
	code = catch_up(b, ledger, a->digest, &state, err);
	if (code == HIN_OK) {
		struct hin_authority_request use = *request;

		use.use = true;
		code = hin_authority_check(a, &state, now_us / 1000000, &use, err);
		if (code == HIN_EDENIED) {
			enum hin_code noted = append(ledger, HIN_ACT_AUTHORITY_REFUSED, a->digest,
						     who, now_us, NULL, NULL);

			(void)noted; /* it is refused in any case */
		}
	}
	if (code == HIN_OK)
		code = append(ledger, HIN_ACT_AUTHORITY_USED, a->digest, who, now_us, index, err);
	pthread_mutex_unlock(&b->lock);
	return code;
}

enum hin_code hin_authority_revoke(struct hin_authority_book *b, struct hin_ledger *ledger,
				   const uint8_t digest[32], uint64_t who, int64_t now_us,
				   struct hin_error *err)
{
	struct hin_authority_state state;
	enum hin_code code;

	pthread_mutex_lock(&b->lock);
	code = catch_up(b, ledger, digest, &state, err);
	if (code == HIN_OK && !state.made)
		code = hin_fail(err, HIN_ENOENT, "the ledger knows no such authority");
	if (code == HIN_OK && !state.revoked)
		code = append(ledger, HIN_ACT_AUTHORITY_REVOKED, digest, who, now_us, NULL, err);
	if (code == HIN_OK)
		code = hin_ledger_publish(ledger, err);
	pthread_mutex_unlock(&b->lock);
	return code;
}
