/*
 * tile - a log as files: C2SP's tiled transparency log (https://c2sp.org/tlog-tiles).
 *
 *	tile/0/x001/234		256 hashes of leaves (8,192 bytes); level 1 has one for each of
 *those tile/0/x001/235.p/17	17 of them, until there are 256 tile/entries/x001/234	256 entries,
 *each behind its length in 16 bits, big-endian checkpoint		the signed head of the tree
 *(trust/checkpoint.h)
 *
 * Files never change once they are there, so a reader needs no lock. It reads by the size of a
 * checkpoint that it has checked, and what it proves is held against that checkpoint's root.
 *
 * Ownership: the caller owns a reader or writer and ends it with its close function.
 * Threads:   one thread at a time for each; any number of readers beside the writer.
 */
#pragma once
#include "base/buffer.h"
#include "base/bytes.h"
#include "trust/tree.h"

#define HIN_TILE_WIDTH 256u
#define HIN_TILE_LEVELS 8u    /* of tiles: 2^62 leaves */
#define HIN_TILE_PATH 96      /* longest path of a tile, with its NUL */
#define HIN_TILE_ENTRIES (-1) /* instead of a level: bundles of entries */
#define HIN_ENTRY_SIZE 65535u /* most bytes of an entry */
#define HIN_BUNDLE_SIZE ((size_t)HIN_TILE_WIDTH * (HIN_ENTRY_SIZE + 2u))

/*
 * Write the path of tile `index` of `level` (or HIN_TILE_ENTRIES) below the log's folder; `width`
 * 1-255 for a partial one, 256 for a whole one. Returns `out`.
 */
char *hin_tile_path(char out[HIN_TILE_PATH], int level, uint64_t index, unsigned width);

/*
 * Take the next entry of a bundle: its bytes, in those of `bundle`, or NULL at the end and, with
 * `failed` set, when it is cut short.
 */
const uint8_t *hin_bundle_next(struct hin_reader *bundle, size_t *size);

/* ---- reading ---- */

struct hin_tiles;

/* Open the log in `folder` as it is at `size` leaves. HIN_ESYS when there is no such folder. */
HIN_MUST_USE enum hin_code hin_tiles_open(struct hin_tiles **out, const char *folder, uint64_t size,
					  struct hin_error *err);

/* NULL is fine. */
void hin_tiles_close(struct hin_tiles *tiles);

/* From now on read by another size. */
void hin_tiles_resize(struct hin_tiles *tiles, uint64_t size);

/*
 * Read tile `index` of `level`: `*width` hashes as `size` has them, valid until the next call.
 * HIN_ENOENT, HIN_ETRUNCATED and HIN_EFORMAT name the file.
 */
HIN_MUST_USE enum hin_code hin_tiles_read(struct hin_tiles *tiles, unsigned level, uint64_t index,
					  const struct hin_hash **out, unsigned *width,
					  struct hin_error *err);

/* Read bundle `index` as a reader over its entries, `*count` of which belong to `size`. */
HIN_MUST_USE enum hin_code hin_tiles_bundle(struct hin_tiles *tiles, uint64_t index,
					    struct hin_reader *out, unsigned *count,
					    struct hin_error *err);

/* The entry of leaf `index`, valid until the next call. HIN_ERANGE beyond the size. */
HIN_MUST_USE enum hin_code hin_tiles_entry(struct hin_tiles *tiles, uint64_t index,
					   const uint8_t **out, size_t *size,
					   struct hin_error *err);

/* A hin_tree_fetch_fn; `user` is a struct hin_tiles. */
enum hin_code hin_tiles_fetch(void *user, unsigned level, uint64_t index, struct hin_hash *out,
			      struct hin_error *err);

/* ---- writing ---- */

struct hin_tile_writer;

/*
 * Go on writing the log in `folder` behind its first `size` leaves; what tiles hold beyond is
 * written again. Without any, the folder must exist. Failures as of the reader.
 */
HIN_MUST_USE enum hin_code hin_tile_writer_open(struct hin_tile_writer **out, const char *folder,
						uint64_t size, struct hin_error *err);

/* NULL is fine. What was not flushed is lost. */
void hin_tile_writer_close(struct hin_tile_writer *writer);

/* Have memory for `count` more leaves whose entries are `bytes` in all. */
HIN_MUST_USE enum hin_code hin_tile_writer_reserve(struct hin_tile_writer *writer, size_t count,
						   size_t bytes, struct hin_error *err);

/* Add a leaf, in memory that was reserved; an entry has at most HIN_ENTRY_SIZE bytes. */
void hin_tile_writer_add(struct hin_tile_writer *writer, const void *entry, size_t size);

/* Leaves, those in memory included, and how many of them are in files. */
uint64_t hin_tile_writer_size(const struct hin_tile_writer *writer);
uint64_t hin_tile_writer_flushed(const struct hin_tile_writer *writer);

/* The root of all of them. */
void hin_tile_writer_root(const struct hin_tile_writer *writer, struct hin_hash *out);

/*
 * Write what is not in files yet. After a failure, a full disk for one, it may be called again.
 * Nothing is synced.
 */
HIN_MUST_USE enum hin_code hin_tile_writer_flush(struct hin_tile_writer *writer,
						 struct hin_error *err);
