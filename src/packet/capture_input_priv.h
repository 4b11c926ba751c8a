/*
 * capture_input - one input of a capture: its bytes, its format, and what became of it.
 *
 * Ownership: the capture owns its inputs; `info` is borrowed from it.
 * Threads:   the thread that reads.
 */
#pragma once
#include "packet/capture_source_priv.h"
#include "packet/capture_walk_priv.h"

enum hin_input_state {
	HIN_INPUT_IDLE,	   /* not begun, or begun and put back */
	HIN_INPUT_READING, /* its turn has come */
	HIN_INPUT_ENDED,
};

enum hin_input_result {
	HIN_INPUT_GOT,	 /* at least one frame */
	HIN_INPUT_LATER, /* the next frame is later than asked for */
	HIN_INPUT_WAIT,	 /* nothing now */
	HIN_INPUT_END,	 /* no more; `info` says why */
	HIN_INPUT_NOMEM,
};

struct hin_input {
	struct hin_source source;
	struct hin_walk walk;
	struct hin_capture_input *info;
	enum hin_input_state state;
	bool found;	  /* the format of the source is known */
	bool opening;	  /* being looked at by hin_capture_open() */
	size_t order;	  /* place among the inputs as given */
	int64_t first_ns; /* time of its first packet */

	/* frames read ahead for merging, all in `ahead_window` */
	struct hin_frame *ahead;
	size_t ahead_at, ahead_count;
	struct hin_window *ahead_window;
};

/*
 * Find out that `in` is a capture, and when it begins: HIN_OK. HIN_EAGAIN when a pipe or a followed
 * file has not shown it yet; HIN_EFORMAT with a line in `err`, which names the input, when it is
 * none.
 */
HIN_MUST_USE enum hin_code hin_input_look(struct hin_input *in, struct hin_error *err);

/*
 * Put at most `room` next frames, none later than `until`, at `out`. They lie in the window of the
 * source: keep it before the next call.
 */
HIN_MUST_USE enum hin_input_result hin_input_read(struct hin_input *in, struct hin_frame *out,
						  size_t room, int64_t until, size_t *count);

/* Free all it has; `info` then says what was read. */
void hin_input_fini(struct hin_input *in);
