/*
 * prefix - longest-prefix match over many prefixes, IPv4 and IPv6 together.
 *
 * A tree is filled with insert and load, frozen by hin_prefix_tree_build(), and only read from then
 * on. Before it is built it finds nothing. An IPv6 prefix never holds an IPv4 address, ::/0
 * included.
 *
 * The built form is a multibit trie in one array of 32-bit words for each family. A table over the
 * first 12 or 18 bits leads to a value, to a node of 64 slots (6 bits; equal neighbours are stored
 * once), or, where few prefixes are left, to a sorted list of ranges.
 *
 * Ownership: the caller owns a tree and ends it with hin_prefix_tree_free().
 * Threads:   one thread while it is filled and built; after that any number may read at once.
 */
#pragma once
#include <stdio.h>

#include "base/addr.h"

#define HIN_PREFIX_NONE UINT32_MAX
#define HIN_PREFIX_VALUE_MAX ((1u << 30) - 1) /* largest value of a prefix */
#define HIN_PREFIX_LIMIT (1u << 24)	      /* most prefixes in one tree */
#define HIN_PREFIX_LINE_LIMIT 4096	      /* longest line of a prefix file */

/* One family in its built form. An entry is a value, or has HIN_PREFIX_DEEP set. */
struct hin_prefix_trie {
	const uint32_t *words; /* first a table of entries by the first bits of the address */
	unsigned shift;	       /* 32 minus those bits */
};

#define HIN_PREFIX_DEEP (1u << 31)

/* Fields are for the inline functions below only. */
struct hin_prefix_tree {
	struct hin_prefix_trie v4, v6;
	struct hin_prefix_item *items; /* when built: sorted, IPv4 first, each prefix once */
	size_t count, size, v4_count;
	bool built;
};

/* A new, empty tree, or NULL when memory runs out. */
HIN_MUST_USE struct hin_prefix_tree *hin_prefix_tree_new(void);

/* Free `tree`; NULL is fine. */
void hin_prefix_tree_free(struct hin_prefix_tree *tree);

/*
 * Map `prefix` to `value`; the last value of a prefix counts. HIN_ERANGE for a value over
 * HIN_PREFIX_VALUE_MAX, HIN_ELIMIT over HIN_PREFIX_LIMIT prefixes, HIN_ENOMEM. Not after build.
 */
HIN_MUST_USE enum hin_code hin_prefix_tree_insert(struct hin_prefix_tree *tree,
						  const struct hin_prefix *prefix, uint32_t value,
						  struct hin_error *err);

/*
 * Insert what `text` names, with `value`: a prefix or an address, or else a file of them as
 * hin_prefix_file_read() has it. `err` says what is wrong, for a file as "file:line: ...".
 */
HIN_MUST_USE enum hin_code hin_prefix_tree_load(struct hin_prefix_tree *tree, const char *text,
						uint32_t value, struct hin_error *err);

/* Freeze the tree. HIN_ENOMEM leaves it as it was; a second call does nothing. */
HIN_MUST_USE enum hin_code hin_prefix_tree_build(struct hin_prefix_tree *tree,
						 struct hin_error *err);

/* Follow an entry that has HIN_PREFIX_DEEP set; for hin_prefix_tree_find_v4(). */
uint32_t hin_prefix_trie_walk_v4(const struct hin_prefix_trie *trie, uint32_t entry,
				 uint32_t addr_host_order);

/* The value of the longest prefix that holds the address, or HIN_PREFIX_NONE. */
static inline uint32_t hin_prefix_tree_find_v4(const struct hin_prefix_tree *tree,
					       uint32_t addr_host_order)
{
	uint32_t entry = tree->v4.words[addr_host_order >> tree->v4.shift];

	if (entry & HIN_PREFIX_DEEP)
		return hin_prefix_trie_walk_v4(&tree->v4, entry, addr_host_order);
	/* bit 30 says "none"; extended upwards it makes HIN_PREFIX_NONE */
	return (uint32_t)((int32_t)(entry << 1) >> 1);
}

/* The same for an address of either family. */
uint32_t hin_prefix_tree_find(const struct hin_prefix_tree *tree, const struct hin_addr *addr);

/* How much a tree covers. */
struct hin_prefix_size {
	uint64_t v4;	    /* distinct IPv4 addresses */
	uint64_t addresses; /* distinct addresses of both families; UINT64_MAX = that or more */
	size_t prefixes;    /* distinct prefixes */
};

/* Measure a built tree. */
struct hin_prefix_size hin_prefix_tree_size(const struct hin_prefix_tree *tree);

/*
 * Prefix number `index` of a built tree, and its value (`value` may be NULL): IPv4 before IPv6, by
 * address, shorter before longer. False when there is none.
 */
bool hin_prefix_tree_at(const struct hin_prefix_tree *tree, size_t index, struct hin_prefix *prefix,
			uint32_t *value);

/*
 * Called for each prefix of a file with the rest of its line, trimmed ("" when none). A code other
 * than HIN_OK ends the reading; `err` then gets "file:line: " before what the callback wrote.
 */
typedef enum hin_code (*hin_prefix_line_fn)(void *user, const struct hin_prefix *prefix,
					    const char *rest, size_t line, struct hin_error *err);

/*
 * Read a file with one prefix or address a line, after it white space and more text as wanted.
 * Empty lines and what follows a # (at the start or after white space) are skipped. The first line
 * that is wrong ends the reading with HIN_EFORMAT or HIN_ERANGE and "file:line: ..." in `err`.
 */
HIN_MUST_USE enum hin_code hin_prefix_file_read(const char *path, hin_prefix_line_fn call,
						void *user, struct hin_error *err);

/* The same from an open stream, which is called `name` in messages. */
HIN_MUST_USE enum hin_code hin_prefix_stream_read(FILE *in, const char *name,
						  hin_prefix_line_fn call, void *user,
						  struct hin_error *err);
