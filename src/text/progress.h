/*
 * progress - how far long work has come, on standard error.
 *
 *	reading  42.0 %  12.3 M packets/s  1 min 20 s left
 *
 * On a terminal one line is drawn over and over, at most five times a second, once the work has
 *lasted a second; elsewhere a line is written every half minute. Quick work shows nothing.
 *
 * Threads: one thread at a time for each.
 */
#pragma once
#include "base/time.h"

struct hin_progress {
	int fd;
	bool terminal; /* draw over the line */
	enum hin_lang lang;
	const char *what;	   /* "reading"; borrowed */
	const char *unit;	   /* of what is counted: "packets"; borrowed */
	int64_t start_ns, last_ns; /* monotonic */
	uint64_t last_count;
	double rate; /* counted a second, smoothed */
	bool shown;
};

/*
 * Begin at `now_ns` (monotonic). `fd` is usually 2; -1 shows nothing. `terminal` is isatty(fd), or
 * what a test wants.
 */
void hin_progress_start(struct hin_progress *p, int fd, bool terminal, enum hin_lang lang,
			const char *what, const char *unit, int64_t now_ns);

/*
 * Tell how far it is: `done` of `whole` (bytes of input, say; whole 0 = not known) and `count`
 * units so far. Cheap when nothing is to be shown. May write; a failure to do so is of no matter.
 */
void hin_progress_update(struct hin_progress *p, uint64_t done, uint64_t whole, uint64_t count,
			 int64_t now_ns);

/* End: take the line on a terminal away. */
void hin_progress_end(struct hin_progress *p);
