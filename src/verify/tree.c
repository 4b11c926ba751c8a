/* tree - hashes and proofs; see verify.h. Written from the recursive definitions of RFC 9162. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the newer interface costs more than such a short hash */
#include <openssl/sha.h>
#include <string.h>

#include "verify/verify.h"

/* Hash a message of up to 119 bytes at the start of two blocks, which are otherwise zero. */
static struct hash hash_short(uint8_t blocks[128], size_t size)
{
	size_t end = size < 56 ? 64 : 128; /* with the bit, and the length in bits */
	struct hash out;
	SHA256_CTX ctx;

	blocks[size] = 0x80;
	blocks[end - 2] = (uint8_t)(size >> 5);
	blocks[end - 1] = (uint8_t)(size << 3);
	SHA256_Init(&ctx);
	SHA256_Transform(&ctx, blocks);
	if (end == 128)
		SHA256_Transform(&ctx, blocks + 64);
	for (unsigned i = 0; i < 32; i++)
		out.b[i] = (uint8_t)(ctx.h[i / 4] >> (24 - 8 * (i % 4)));
	return out;
}

struct hash leaf_of(const void *entry, size_t size)
{
	struct hash out;
	SHA256_CTX ctx;

	if (size < 119) {
		uint8_t blocks[128] = { 0 };

		if (size > 0)
			memcpy(blocks + 1, entry, size);
		return hash_short(blocks, size + 1);
	}
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, "\0", 1);
	SHA256_Update(&ctx, entry, size);
	SHA256_Final(out.b, &ctx);
	return out;
}

struct hash node_of(const struct hash *left, const struct hash *right)
{
	uint8_t blocks[128] = { 1 };

	memcpy(blocks + 1, left->b, 32);
	memcpy(blocks + 33, right->b, 32);
	return hash_short(blocks, 65);
}

struct hash root_of_nothing(void)
{
	struct hash out;
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Final(out.b, &ctx);
	return out;
}

bool same(const struct hash *a, const struct hash *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

/* The largest power of two below n > 1. */
static uint64_t half_of(uint64_t n)
{
	uint64_t k = 1;

	while (k < n - k)
		k *= 2;
	return k;
}

struct hash root_of_tile(const struct hash *hashes, unsigned count)
{
	unsigned k;
	struct hash left, right;

	if (count == 1)
		return hashes[0];
	k = (unsigned)half_of(count);
	left = root_of_tile(hashes, k);
	right = root_of_tile(hashes + k, count - k);
	return node_of(&left, &right);
}

/* PATH(m, D[n]) read backwards: the last hash is the sibling just below the root. */
static bool climb_in(struct hash *out, const struct hash *leaf, uint64_t index, uint64_t size,
		     const struct hash *path, unsigned count)
{
	struct hash below;
	uint64_t k;

	if (size == 1) {
		*out = *leaf;
		return count == 0;
	}
	if (count == 0)
		return false;
	k = half_of(size);
	if (index < k) {
		if (!climb_in(&below, leaf, index, k, path, count - 1))
			return false;
		*out = node_of(&below, &path[count - 1]);
	} else {
		if (!climb_in(&below, leaf, index - k, size - k, path, count - 1))
			return false;
		*out = node_of(&path[count - 1], &below);
	}
	return true;
}

bool climb(struct hash *out, const struct hash *leaf, uint64_t index, uint64_t size,
	   const struct path *path)
{
	return index < size && climb_in(out, leaf, index, size, path->hashes, path->count);
}

/* SUBPROOF(m, D[n], b) read backwards: the roots of the old tree and of the new one. */
static bool grew_in(struct hash *old_out, struct hash *out, uint64_t old, uint64_t size, bool known,
		    const struct hash *old_root, const struct hash *path, unsigned count)
{
	struct hash was, is;
	uint64_t k;

	if (old == size) {
		if (count != (known ? 0u : 1u))
			return false;
		*old_out = *out = known ? *old_root : path[0];
		return true;
	}
	if (count == 0)
		return false;
	k = half_of(size);
	if (old <= k) {
		if (!grew_in(&was, &is, old, k, known, old_root, path, count - 1))
			return false;
		*old_out = was;
		*out = node_of(&is, &path[count - 1]);
	} else {
		if (!grew_in(&was, &is, old - k, size - k, false, old_root, path, count - 1))
			return false;
		*old_out = node_of(&path[count - 1], &was);
		*out = node_of(&path[count - 1], &is);
	}
	return true;
}

bool grew(uint64_t old, const struct hash *old_root, uint64_t size, const struct hash *root,
	  const struct path *path)
{
	struct hash was, is;

	return grew_in(&was, &is, old, size, true, old_root, path->hashes, path->count) &&
	       same(&was, old_root) && same(&is, root);
}
