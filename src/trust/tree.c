/* tree - see tree.h */
/* The interfaces of OpenSSL 3 that are not deprecated cost more than the hash of a node itself. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "trust/tree.h"

#include <openssl/sha.h>
#include <string.h>

#include "base/bytes.h"

#define BLOCK ((size_t)64)
#define SHORT (2 * BLOCK - 9) /* most bytes of a message that is two blocks with its padding */

/* Hash a message of up to SHORT bytes at the start of `blocks`, which is otherwise zero. */
static void hash_short(struct hin_hash *out, uint8_t blocks[2 * BLOCK], size_t size)
{
	size_t end = size + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
	SHA256_CTX ctx;

	blocks[size] = 0x80;
	blocks[end - 2] = (uint8_t)(8 * size >> 8);
	blocks[end - 1] = (uint8_t)(8 * size);
	SHA256_Init(&ctx);
	SHA256_Transform(&ctx, blocks);
	if (end > BLOCK)
		SHA256_Transform(&ctx, blocks + BLOCK);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t word = HIN_BE32(ctx.h[i]);

		memcpy(out->bytes + (size_t)4 * i, &word, sizeof(word));
	}
}

void hin_tree_leaf(struct hin_hash *out, const void *entry, size_t size)
{
	static const uint8_t prefix = 0x00;
	SHA256_CTX ctx;

	if (size < SHORT) {
		uint8_t blocks[2 * BLOCK] = { prefix };

		if (size > 0)
			memcpy(blocks + 1, entry, size);
		hash_short(out, blocks, size + 1);
		return;
	}
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, &prefix, 1);
	SHA256_Update(&ctx, entry, size);
	SHA256_Final(out->bytes, &ctx);
}

void hin_tree_node(struct hin_hash *out, const struct hin_hash *left, const struct hin_hash *right)
{
	uint8_t blocks[2 * BLOCK] = { 0x01 };

	memcpy(blocks + 1, left->bytes, 32);
	memcpy(blocks + 33, right->bytes, 32);
	hash_short(out, blocks, 65);
}

void hin_tree_empty(struct hin_hash *out)
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Final(out->bytes, &ctx);
}

bool hin_hash_same(const struct hin_hash *a, const struct hin_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void hin_tree_add(struct hin_tree *tree, const struct hin_hash *leaf)
{
	struct hin_hash hash = *leaf;

	/* each trailing one of the size is a subtree that this leaf completes */
	for (uint64_t size = tree->size; size & 1; size >>= 1)
		hin_tree_node(&hash, &tree->edge[--tree->used], &hash);
	tree->edge[tree->used++] = hash;
	tree->size++;
}

/* Fold the roots of subtrees, the largest first, into one. */
static void fold(struct hin_hash *out, const struct hin_hash *roots, unsigned count)
{
	if (count == 0) {
		hin_tree_empty(out);
		return;
	}
	*out = roots[count - 1];
	for (unsigned i = count - 1; i > 0; i--)
		hin_tree_node(out, &roots[i - 1], out);
}

void hin_tree_root(const struct hin_tree *tree, struct hin_hash *out)
{
	fold(out, tree->edge, tree->used);
}

static unsigned log2_of(uint64_t n) /* n > 0 */
{
	return 63u - (unsigned)__builtin_clzll(n);
}

/* The largest power of two below `n` > 1. */
static uint64_t split_of(uint64_t n)
{
	return (uint64_t)1 << log2_of(n - 1);
}

/* The root of leaves [low, high), which are a node of some tree: low is aligned. */
static enum hin_code range(struct hin_hash *out, uint64_t low, uint64_t high,
			   hin_tree_fetch_fn fetch, void *user, struct hin_error *err)
{
	struct hin_hash roots[64];
	unsigned count = 0;

	while (low < high) {
		unsigned level = log2_of(high - low);
		enum hin_code code = fetch(user, level, low >> level, &roots[count], err);

		if (code != HIN_OK)
			return code;
		count++;
		low += (uint64_t)1 << level;
	}
	fold(out, roots, count);
	return HIN_OK;
}

enum hin_code hin_tree_root_of(struct hin_hash *out, uint64_t size, hin_tree_fetch_fn fetch,
			       void *user, struct hin_error *err)
{
	if (size > HIN_TREE_LEAVES)
		return hin_fail(err, HIN_ERANGE, "a tree of %llu leaves is too large",
				(unsigned long long)size);
	return range(out, 0, size, fetch, user, err);
}

struct span {
	uint64_t low, high;
};

/* Fetch spans, which were gathered from the root down, as a proof, which goes up. */
static enum hin_code fetch_path(struct hin_path *out, const struct span *spans, unsigned count,
				hin_tree_fetch_fn fetch, void *user, struct hin_error *err)
{
	out->count = 0;
	while (count > 0) {
		const struct span *s = &spans[--count];
		enum hin_code code =
			range(&out->hashes[out->count], s->low, s->high, fetch, user, err);

		if (code != HIN_OK)
			return code;
		out->count++;
	}
	return HIN_OK;
}

enum hin_code hin_tree_prove(struct hin_path *out, uint64_t index, uint64_t size,
			     hin_tree_fetch_fn fetch, void *user, struct hin_error *err)
{
	struct span at = { 0, size }, spans[HIN_TREE_PATH];
	unsigned count = 0;

	if (index >= size || size > HIN_TREE_LEAVES)
		return hin_fail(err, HIN_ERANGE, "a tree of %llu leaves has no leaf %llu",
				(unsigned long long)size, (unsigned long long)index);
	while (at.high - at.low > 1) {
		uint64_t middle = at.low + split_of(at.high - at.low);

		if (index < middle) {
			spans[count++] = (struct span){ middle, at.high };
			at.high = middle;
		} else {
			spans[count++] = (struct span){ at.low, middle };
			at.low = middle;
		}
	}
	return fetch_path(out, spans, count, fetch, user, err);
}

enum hin_code hin_tree_prove_growth(struct hin_path *out, uint64_t old, uint64_t size,
				    hin_tree_fetch_fn fetch, void *user, struct hin_error *err)
{
	struct span at = { 0, size }, spans[HIN_TREE_PATH];
	unsigned count = 0;

	if (old > size || size > HIN_TREE_LEAVES)
		return hin_fail(err, HIN_ERANGE, "a tree of %llu leaves never had %llu",
				(unsigned long long)size, (unsigned long long)old);
	out->count = 0;
	if (old == 0 || old == size)
		return HIN_OK;
	while (at.high != old) {
		uint64_t middle = at.low + split_of(at.high - at.low);

		if (old <= middle) {
			spans[count++] = (struct span){ middle, at.high };
			at.high = middle;
		} else {
			spans[count++] = (struct span){ at.low, middle };
			at.low = middle;
		}
	}
	if (at.low > 0) /* else it is the old root, which the verifier has */
		spans[count++] = at;
	return fetch_path(out, spans, count, fetch, user, err);
}

enum hin_code hin_tree_check(const struct hin_hash *leaf, uint64_t index, uint64_t size,
			     const struct hin_path *path, const struct hin_hash *root,
			     struct hin_error *err)
{
	uint64_t fn = index, sn = size - 1;
	struct hin_hash r = *leaf;

	if (index >= size)
		return hin_fail(err, HIN_EVERIFY, "a tree of %llu leaves has no leaf %llu",
				(unsigned long long)size, (unsigned long long)index);
	for (unsigned i = 0; i < path->count; i++) {
		if (sn == 0)
			return hin_fail(err, HIN_EVERIFY, "the inclusion proof is too long");
		if ((fn & 1) || fn == sn) {
			hin_tree_node(&r, &path->hashes[i], &r);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			hin_tree_node(&r, &r, &path->hashes[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0)
		return hin_fail(err, HIN_EVERIFY, "the inclusion proof is too short");
	if (!hin_hash_same(&r, root))
		return hin_fail(err, HIN_EVERIFY,
				"leaf %llu is not in this tree: the proof leads to another root",
				(unsigned long long)index);
	return HIN_OK;
}

/* Steps 5 to 7 of section 2.1.4.2; true when both roots come out. */
static bool growth_holds(uint64_t old, const struct hin_hash *old_root, uint64_t size,
			 const struct hin_hash *root, const struct hin_path *path)
{
	uint64_t fn = old - 1, sn = size - 1;
	unsigned next = 0;
	struct hin_hash fr, sr;

	fr = (old & (old - 1)) == 0 ? *old_root : path->hashes[next++];
	sr = fr;
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	for (; next < path->count; next++) {
		const struct hin_hash *c = &path->hashes[next];

		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			hin_tree_node(&fr, c, &fr);
			hin_tree_node(&sr, c, &sr);
			while (!(fn & 1) && fn != 0) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			hin_tree_node(&sr, &sr, c);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && hin_hash_same(&fr, old_root) && hin_hash_same(&sr, root);
}

enum hin_code hin_tree_check_growth(uint64_t old, const struct hin_hash *old_root, uint64_t size,
				    const struct hin_hash *root, const struct hin_path *path,
				    struct hin_error *err)
{
	bool holds;

	if (old > size)
		return hin_fail(err, HIN_EVERIFY, "the tree has shrunk from %llu to %llu leaves",
				(unsigned long long)old, (unsigned long long)size);
	if (old == 0)
		holds = path->count == 0;
	else if (old == size)
		holds = path->count == 0 && hin_hash_same(old_root, root);
	else
		holds = path->count > 0 && growth_holds(old, old_root, size, root, path);
	if (!holds)
		return hin_fail(err, HIN_EVERIFY,
				"the tree of %llu leaves does not continue that of %llu: the log "
				"was forked or changed",
				(unsigned long long)size, (unsigned long long)old);
	return HIN_OK;
}
