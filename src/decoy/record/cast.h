/*
 * cast - asciicast v2, the file format of asciinema (docs.asciinema.org/manual/asciicast/v2).
 *
 * A first line is a JSON object with version, size and time; each other line is an event: seconds
 * since the start, "o" output, "i" input, "r" resize or "m" marker, and a text. A text is UTF-8, so
 * a character whose bytes came in pieces is written with its last piece, and bytes that are no
 * UTF-8 become U+FFFD.
 *
 * Ownership: the caller's; a writer needs no end but hin_cast_end().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"

#define HIN_CAST_LINE ((size_t)16 << 20) /* most bytes of a line that is read */

struct hin_cast_head {
	unsigned width, height; /* 1 to 9999 */
	int64_t time_s;		/* since 1970; 0 = not given */
	double idle_limit_s;	/* for players; 0 = not given */
	const char *term;	/* TERM; NULL = not given; any bytes */
	const char *title;	/* NULL = not given */
};

/* ---- writing ---- */

struct hin_cast_writer {
	struct hin_buffer *out; /* the caller's, whose failure is sticky */
	int64_t start_us, last_us;
	int64_t idle_limit_us; /* longer pauses are written as this; 0 = as they were */
	int64_t skipped_us;
	struct {
		uint8_t bytes[4];
		uint8_t used;
	} rest[2]; /* the begun character of input and output */
};

/* Begin: the head line. `start_us` is when the session began. */
void hin_cast_begin(struct hin_cast_writer *cast, struct hin_buffer *out,
		    const struct hin_cast_head *head, int64_t start_us, int64_t idle_limit_us);
void hin_cast_output(struct hin_cast_writer *cast, int64_t time_us, const void *data, size_t size);
void hin_cast_input(struct hin_cast_writer *cast, int64_t time_us, const void *data, size_t size);
void hin_cast_resize(struct hin_cast_writer *cast, int64_t time_us, unsigned width,
		     unsigned height);
void hin_cast_mark(struct hin_cast_writer *cast, int64_t time_us, const char *label);

/* Write what is left of a character. */
void hin_cast_end(struct hin_cast_writer *cast, int64_t time_us);

/* ---- reading ---- */

struct hin_cast_event {
	int64_t time_us; /* since the start */
	char type;	 /* 'o', 'i', 'r', 'm', or another that is to be passed over */
	const char *text;
	size_t size;
	unsigned width, height; /* of 'r' */
};

struct hin_cast_reader {
	const char *pos; /* borrowed */
	size_t left;
	unsigned long line;
	struct hin_arena arena; /* texts of the head and of the event read last */
	struct hin_cast_head head;
	char *text;
};

/*
 * Read the head of the cast in `data`, which must live as long as the reader. HIN_EFORMAT,
 * HIN_ERANGE, HIN_ELIMIT, HIN_ENOMEM, with the line in `err`.
 */
HIN_MUST_USE enum hin_code hin_cast_open(struct hin_cast_reader *cast, const void *data,
					 size_t size, struct hin_error *err);

/*
 * The next event; its text lives until the next call. HIN_EOF behind the last; HIN_ETRUNCATED when
 * the last line has no end and is no event: what was read before is right. HIN_EFORMAT,
 * HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_cast_next(struct hin_cast_reader *cast, struct hin_cast_event *out,
					 struct hin_error *err);
void hin_cast_close(struct hin_cast_reader *cast); /* NULL is fine */
