/*
 * capture_window - a counted piece of memory that frames point into.
 *
 * Either a piece of a mapped file or heap memory that a stream was read into. The reader of an
 * input has one reference and each batch with frames in it another; the last one frees it.
 *
 * A mapped file that shrinks makes its vanished pages raise SIGBUS. A process-wide handler then
 * puts a page of zeros there and notes the place, so that reading goes on and hin_window_whole()
 * tells.
 *
 * Ownership: counted, hin_window_unref() ends it.
 * Threads:   references may be dropped by any thread; all else by the thread that reads the input.
 */
#pragma once
#include <stdatomic.h>
#include <sys/types.h>

#include "packet/capture.h"

struct hin_window {
	_Atomic uint32_t refs;
	int slot; /* in the table of mapped windows, -1 = heap */
	uint8_t *start;
	size_t size;	 /* bytes at `start` */
	uint64_t offset; /* of `start` in the plain stream */
	uint64_t held;	 /* number of the last fill that put a reference into its batch */
};

/* A window of `size` bytes of heap; NULL when memory is short. */
struct hin_window *hin_window_new(size_t size, uint64_t offset);

/*
 * A window over `size` bytes of the file `fd` from `offset`, a multiple of the page size; the pages
 * are brought in at once with `populate`. NULL when it cannot be mapped (then read it instead).
 */
struct hin_window *hin_window_map(int fd, uint64_t offset, size_t size, bool populate);

/* Bytes from its start on that were really there: its size, or less once a page had vanished. */
size_t hin_window_whole(const struct hin_window *w);

void hin_window_ref(struct hin_window *w);

/* Give up one reference; NULL is fine. */
void hin_window_unref(struct hin_window *w);

/*
 * Make `batch` ready to be filled: empty, holding nothing, with a hold of its own. False when
 * memory is short.
 */
HIN_MUST_USE bool hin_window_batch_start(struct hin_batch *batch);

/* Let `batch`, in its fill number `fill`, keep `w`, once for all its frames there. */
void hin_window_batch_keep(struct hin_batch *batch, struct hin_window *w, uint64_t fill);
