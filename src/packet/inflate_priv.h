/*
 * inflate - gzip, zstd and xz, unpacked piece by piece.
 *
 * Concatenated members and frames come out as one stream. Memory is bounded: windows that ask for
 * more than 128 MiB are refused.
 *
 * Ownership: the caller owns one and ends it with hin_inflate_free(); buffers are borrowed for a
 * call. Threads:   one thread at a time for each.
 */
#pragma once
#include "base/error.h"

enum hin_inflate_kind { HIN_INFLATE_NONE, HIN_INFLATE_GZIP, HIN_INFLATE_ZSTD, HIN_INFLATE_XZ };

#define HIN_INFLATE_MAGIC 6	  /* bytes that hin_inflate_detect() wants to see */
#define HIN_INFLATE_MEMORY_LOG 27 /* at most 128 MiB to look back */

struct hin_inflate;

/* Where to take from and where to put to; both move on. */
struct hin_inflate_io {
	const uint8_t *in;
	size_t in_left;
	uint8_t *out;
	size_t out_left;
};

enum hin_inflate_result {
	HIN_INFLATE_MORE,    /* took all of the input, or filled all of the output */
	HIN_INFLATE_END,     /* all came out, nothing is left */
	HIN_INFLATE_CUT,     /* the input ended inside the compressed data */
	HIN_INFLATE_DAMAGED, /* it is none, or a checksum is wrong */
	HIN_INFLATE_TOO_BIG, /* it asks for too much memory */
	HIN_INFLATE_NOMEM,
};

/* What the first bytes of a file say. */
enum hin_inflate_kind hin_inflate_detect(const uint8_t *data, size_t size);

/* "none", "gzip", "zstd", "xz". */
const char *hin_inflate_name(enum hin_inflate_kind kind);

/* A new one for `kind`, which is not HIN_INFLATE_NONE; NULL when memory is short. */
struct hin_inflate *hin_inflate_new(enum hin_inflate_kind kind);

/* Free `z`; NULL is fine. */
void hin_inflate_free(struct hin_inflate *z);

/*
 * Unpack from `io->in` to `io->out`; `last` says that no input follows the one given. After another
 * result than HIN_INFLATE_MORE it must not be called again; what came out before still counts.
 */
enum hin_inflate_result hin_inflate_run(struct hin_inflate *z, struct hin_inflate_io *io,
					bool last);

/* One line for people about the last result that was not HIN_INFLATE_MORE; static memory. */
const char *hin_inflate_reason(const struct hin_inflate *z);
