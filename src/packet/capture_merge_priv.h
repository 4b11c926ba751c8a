/*
 * capture_merge - many inputs, one order.
 *
 * Inputs are sorted by the time of their first packet, and one is begun when its time has come, so
 * that files that follow each other are read one at a time, straight into the batch. Only those
 * that overlap are merged, frame by frame, by a heap over their next frames.
 *
 * Ownership: the capture owns one; inputs are borrowed.
 * Threads:   the thread that reads.
 */
#pragma once
#include "packet/capture_input_priv.h"

struct hin_digester;

struct hin_merge {
	struct hin_input *inputs; /* in order */
	size_t count;
	size_t next;		 /* the first that has not begun */
	struct hin_input **heap; /* begun, with frames read ahead; the earliest first */
	size_t heap_count;
	struct hin_input **dry; /* begun, with none */
	size_t dry_count;
	bool follow;		       /* do not hold frames back for an input that is silent */
	struct hin_digester *digester; /* for regular files as they begin, or NULL; borrowed */
};

/* Set up `merge` over sorted `inputs`. False when memory is short. */
HIN_MUST_USE bool hin_merge_init(struct hin_merge *merge, struct hin_input *inputs, size_t count,
				 bool follow);
void hin_merge_fini(struct hin_merge *merge);

/*
 * Add frames to `batch` until it is full: GOT with count > 0, WAIT or NOMEM with count 0, END when
 * all inputs have ended. `fill` is a number of its own for each call.
 */
HIN_MUST_USE enum hin_input_result hin_merge_fill(struct hin_merge *merge, struct hin_batch *batch,
						  uint64_t fill);
