/*
 * sources_priv - which IPv4 sources are in which blocks of a file: what a question about one source
 * in a month reads instead of the heads and filters of all blocks.
 *
 * It stands behind the index of a sealed file, is made once the day of the file is over, and names
 * every source with its blocks, so that no block is read in vain. A file without it, as it was
 * before there were any, or of today, is read by its heads.
 *
 *	pages		up to HIN_SOURCES_PAGE sources each, ascending: how many and their range;
 *the addresses (Elias-Fano) from the first one; in how many blocks each is, less one (patched);
 *then of each the numbers of its blocks, packed, or a bit for each block where that is shorter
 *	directory	of each page its first address, place and checksum
 *	blocks		where each begins in the file, then a bit for each that is not told of: with
 *			IPv6 sources, or so many that there is no dictionary of them
 *	trailer		its sizes and checksums; the end of the file
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "store/segment_priv.h"

#define HIN_SOURCES_MAGIC 0x43525348u /* "HSRC" */
#define HIN_SOURCES_VERSION 1
#define HIN_SOURCES_TRAILER 48u
#define HIN_SOURCES_ENTRY 12u	 /* bytes of a page in the directory */
#define HIN_SOURCES_PAGE 512u	 /* sources */
#define HIN_SOURCES_BLOCKS 1024u /* of a file; one with more has no such thing */
#define HIN_SOURCES_PAGE_BYTES (256u << 10)
#define HIN_SOURCES_BYTES (UINT32_C(1) << 30) /* of all of it */

/* Some blocks of a file, by number. */
struct hin_block_set {
	uint64_t words[HIN_SOURCES_BLOCKS / 64];
};

static inline void hin_block_set_add(struct hin_block_set *set, uint32_t block)
{
	set->words[block / 64] |= UINT64_C(1) << block % 64;
}

static inline bool hin_block_set_has(const struct hin_block_set *set, uint32_t block)
{
	return set->words[block / 64] >> block % 64 & 1;
}

/* ---- reading ---- */

/* A page as it is read. */
struct hin_sources_page {
	uint32_t number; /* of the page held; UINT32_MAX: none */
	uint32_t count;
	uint32_t address[HIN_SOURCES_PAGE + HIN_COLUMN_SLACK];
	uint32_t blocks[HIN_SOURCES_PAGE + HIN_COLUMN_SLACK];
	const uint8_t *packed; /* the numbers of blocks, with slack behind them */
	uint8_t *bytes;
	size_t room;
};

struct hin_sources {
	int fd; /* borrowed, like the name */
	const char *name;
	uint64_t start; /* of it in the file */
	uint32_t blocks, pages, directory;
	uint8_t *bytes; /* the directory, and all to the end */
	struct hin_sources_page page;
	uint64_t bytes_read;
};

/*
 * Open that of the file `s`. HIN_ENOENT when it has none; HIN_EVERIFY, HIN_EFORMAT, HIN_ETRUNCATED
 * or HIN_EUNSUPPORTED name file and offset; HIN_ESYS, HIN_ENOMEM. `out` is ended in any case.
 */
HIN_MUST_USE enum hin_code hin_sources_open(struct hin_sources *out, int fd, const char *name,
					    const struct hin_segment *s, struct hin_error *err);
void hin_sources_close(struct hin_sources *s);

/* Add the blocks that have a source from `low` to `high`; perhaps more for a wide range. */
HIN_MUST_USE enum hin_code hin_sources_ask(struct hin_sources *s, uint32_t low, uint32_t high,
					   struct hin_block_set *set, struct hin_error *err);

/* Is block number `block` one that it does not tell of? */
bool hin_sources_untold(const struct hin_sources *s, uint32_t block);

/* Where block number `block` begins in the file. */
uint64_t hin_sources_offset(const struct hin_sources *s, uint32_t block);

/* Read all of it, and compare it with the heads of the file's blocks. The codes of an open. */
HIN_MUST_USE enum hin_code hin_sources_check(struct hin_sources *s, const struct hin_heads *heads,
					     struct hin_error *err);

/* ---- writing ---- */

/* Where the bytes go; and may the work go on? */
struct hin_sources_out {
	enum hin_code (*put)(void *user, const void *bytes, size_t size, struct hin_error *err);
	bool (*stopped)(void *user);
	void *user;
	size_t pairs; /* (source, block) sorted at a time, which bounds the memory; 0: 1 Mi */
};

/*
 * Write that of a file whose index ends at `start`, out of the dictionaries of its blocks. A block
 * that cannot be read is not told of. HIN_ESYS, HIN_ENOMEM, HIN_EDENIED when it was stopped,
 * HIN_ELIMIT for a file that is too large for it, and the codes of `put`.
 */
HIN_MUST_USE enum hin_code hin_sources_write(const struct hin_sources_out *out,
					     struct hin_block_reader *r,
					     const struct hin_heads *heads, int fd,
					     const char *name, uint64_t start,
					     struct hin_error *err);

/* Bits that the numbers of `count` blocks of a source take, of a file of `blocks`. */
static inline uint32_t hin_sources_bits(uint32_t count, uint32_t blocks)
{
	uint32_t packed = count * hin_bits(blocks - 1);

	return packed < blocks ? packed : blocks;
}

/* Are they a bit for each block? */
static inline bool hin_sources_mapped(uint32_t count, uint32_t blocks)
{
	return count * hin_bits(blocks - 1) >= blocks;
}
