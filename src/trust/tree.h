/*
 * tree - Merkle tree hashing as of RFC 9162 (and RFC 6962), section 2.1, with SHA-256.
 *
 * A leaf is the hash of 0x00 and its entry, a node that of 0x01 and its two halves; the left half
 * holds the largest power of two of leaves that is less than all. Proofs are made from hashes of
 * whole subtrees, which the caller fetches from where it keeps them (trust/tile.h).
 *
 * Ownership: the caller's storage.
 * Threads:   no shared state.
 */
#pragma once
#include "base/error.h"

#define HIN_TREE_PATH 64		    /* most hashes of a proof */
#define HIN_TREE_LEAVES ((uint64_t)1 << 62) /* most leaves */

struct hin_hash {
	uint8_t bytes[32];
};

/* The hash of a leaf whose entry is `size` bytes. */
void hin_tree_leaf(struct hin_hash *out, const void *entry, size_t size);

/* The hash of a node; `out` may be one of its halves. */
void hin_tree_node(struct hin_hash *out, const struct hin_hash *left, const struct hin_hash *right);

/* The root of the tree without leaves. */
void hin_tree_empty(struct hin_hash *out);

bool hin_hash_same(const struct hin_hash *a, const struct hin_hash *b);

/* ---- a tree that grows, of which only the right edge is kept ---- */

struct hin_tree {
	uint64_t size;		  /* leaves */
	struct hin_hash edge[63]; /* the roots of whole subtrees, the largest first */
	unsigned used;
};

/* Add a leaf by its hash. An empty tree is { 0 }. */
void hin_tree_add(struct hin_tree *tree, const struct hin_hash *leaf);

/* The root as of now. */
void hin_tree_root(const struct hin_tree *tree, struct hin_hash *out);

/* ---- proofs ---- */

struct hin_path {
	struct hin_hash hashes[HIN_TREE_PATH];
	unsigned count;
};

/* Give the root of the whole subtree of leaves [index << level, (index + 1) << level). */
typedef enum hin_code (*hin_tree_fetch_fn)(void *user, unsigned level, uint64_t index,
					   struct hin_hash *out, struct hin_error *err);

/* The root of the first `size` leaves. */
HIN_MUST_USE enum hin_code hin_tree_root_of(struct hin_hash *out, uint64_t size,
					    hin_tree_fetch_fn fetch, void *user,
					    struct hin_error *err);

/* The proof that leaf `index` is in the tree of `size` leaves. HIN_ERANGE when it cannot be. */
HIN_MUST_USE enum hin_code hin_tree_prove(struct hin_path *out, uint64_t index, uint64_t size,
					  hin_tree_fetch_fn fetch, void *user,
					  struct hin_error *err);

/*
 * The proof that the tree of `size` leaves begins with that of `old` leaves; empty when `old` is 0
 * or `size`. HIN_ERANGE when `old` is more than `size`.
 */
HIN_MUST_USE enum hin_code hin_tree_prove_growth(struct hin_path *out, uint64_t old, uint64_t size,
						 hin_tree_fetch_fn fetch, void *user,
						 struct hin_error *err);

/* RFC 9162, section 2.1.3.2: is the leaf in the tree of this root? HIN_EVERIFY. */
HIN_MUST_USE enum hin_code hin_tree_check(const struct hin_hash *leaf, uint64_t index,
					  uint64_t size, const struct hin_path *path,
					  const struct hin_hash *root, struct hin_error *err);

/* RFC 9162, section 2.1.4.2: does the one tree begin with the other? HIN_EVERIFY. */
HIN_MUST_USE enum hin_code hin_tree_check_growth(uint64_t old, const struct hin_hash *old_root,
						 uint64_t size, const struct hin_hash *root,
						 const struct hin_path *path,
						 struct hin_error *err);
