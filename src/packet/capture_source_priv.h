/*
 * capture_source - the plain bytes of one input, whatever it is packed in.
 *
 * Bytes from `pos` to `end` lie in `window`. hin_source_fill() brings more, by mapping the next
 * piece of a plain file or by reading and unpacking into a window on the heap; it may replace the
 * window, so pointers into an old one need a reference of their own.
 *
 * Ownership: the owner of a source ends it with hin_source_fini(); `path` is borrowed.
 * Threads:   one thread at a time for each source.
 */
#pragma once
#include <sys/stat.h>

#include "packet/capture_window_priv.h"
#include "packet/inflate_priv.h"

enum hin_fill {
	HIN_FILL_OK,	/* as many bytes as wanted are there */
	HIN_FILL_LAST,	/* fewer are there, and no more will come */
	HIN_FILL_WAIT,	/* fewer are there, more may come later */
	HIN_FILL_FAULT, /* `fault` and `reason` say why no more can come */
	HIN_FILL_AGAIN, /* the followed file was replaced: `fault` and `reason` say how; restart */
	HIN_FILL_NOMEM,
};

struct hin_source {
	const char *path; /* "-" is standard input */
	int fd;		  /* -1 while closed */
	bool keep;	  /* leave it open between uses */
	bool pipe;	  /* no regular file: cannot be read twice */
	bool follow;
	dev_t device; /* which file it was at open */
	ino_t inode;
	uint64_t file_size; /* of a regular file, when reading began */

	/* the plain bytes */
	struct hin_window *window;
	const uint8_t *pos, *end;
	bool whole; /* all that will ever come lies before `end` */

	/* raw bytes on their way */
	enum hin_inflate_kind packing;
	struct hin_inflate *inflate;
	bool begun;   /* the packing is known */
	uint8_t *raw; /* raw bytes read and not used yet */
	size_t raw_pos, raw_end;
	bool raw_whole;	     /* the raw bytes have ended */
	uint64_t raw_offset; /* of the next raw byte to read */
	uint64_t expanded;   /* plain bytes that came out so far */
	uint64_t max_expanded;
	uint32_t max_ratio;
	struct hin_digest *digest; /* fed as the bytes are read, or NULL; owned */
	uint64_t digested;	   /* raw bytes that it has had */

	enum hin_capture_fault fault;
	char reason[160];
};

/*
 * Open `source->path` the first time and learn what it is. `source` was set to zeros but for path,
 * keep, follow, max_expanded and max_ratio, and `fd` to -1. A folder gives HIN_EUSAGE without a
 * text.
 */
HIN_MUST_USE enum hin_code hin_source_open(struct hin_source *source, struct hin_error *err);

/*
 * Have at least `want` bytes between `pos` and `end`. `peek` brings just that much, for a look at
 * the start of a file.
 */
HIN_MUST_USE enum hin_fill hin_source_fill(struct hin_source *source, size_t want, bool peek);

/* Offset of `pos` in the plain stream. */
uint64_t hin_source_offset(const struct hin_source *source);

/* Bytes of the file used so far. */
uint64_t hin_source_done(const struct hin_source *source);

/*
 * Feed what was not read of a regular file to its digest, as after a fault. False when the file
 * ended before its size, or cannot be read.
 */
bool hin_source_digest_rest(struct hin_source *source);

/* Go back to the start of a regular file, or of the one that took its place, and free all memory.
 */
void hin_source_rewind(struct hin_source *source);

/*
 * A descriptor for reading the file, opened again when it is not kept open; -1 with `fault` and
 * `reason` set when that fails or it is another file now. Give it back with hin_source_return().
 */
int hin_source_lend(struct hin_source *source);
void hin_source_return(const struct hin_source *source, int fd);

/* Close and free what the source has, not itself. */
void hin_source_fini(struct hin_source *source);
