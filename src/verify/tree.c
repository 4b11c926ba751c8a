/* tree - hashes and proofs; see verify.h. Written from the recursive definitions of RFC 9162. */
#define OPENSSL_SUPPRESS_DEPRECATED /* the newer interface costs more than such a short hash */
#include <openssl/sha.h>
#include <string.h>

#include "verify/verify.h"

struct hash leaf_of(const void *entry, size_t size)
{
	struct hash out;
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, "\0", 1);
	SHA256_Update(&ctx, entry, size);
	SHA256_Final(out.b, &ctx);
	return out;
}

struct hash node_of(const struct hash *left, const struct hash *right)
{
	uint8_t message[65];
	struct hash out;
	SHA256_CTX ctx;

	message[0] = 1;
	memcpy(message + 1, left->b, 32);
	memcpy(message + 33, right->b, 32);
	SHA256_Init(&ctx);
	SHA256_Update(&ctx, message, sizeof(message));
	SHA256_Final(out.b, &ctx);
	return out;
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
