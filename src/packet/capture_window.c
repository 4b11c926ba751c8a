#include "packet/capture_window_priv.h"

#include <stdlib.h>

#include "packet/hold_priv.h"

struct hin_window *hin_window_new(size_t size, uint64_t offset)
{
	struct hin_window *w = malloc(sizeof(*w));

	if (w == NULL)
		return NULL;
	*w = (struct hin_window){ .refs = 1, .size = size, .offset = offset };
	w->start = malloc(size > 0 ? size : 1);
	if (w->start == NULL) {
		free(w);
		return NULL;
	}
	return w;
}

void hin_window_ref(struct hin_window *w)
{
	atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
}

void hin_window_unref(struct hin_window *w)
{
	/* Release: our reads are done; acquire, paired with it, before the memory goes. */
	if (w == NULL || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(w->start);
	free(w);
}

/* What a batch of ours holds: each window has at least one of its frames. */
struct window_hold {
	struct hin_hold base;
	size_t count;
	struct hin_window *windows[HIN_BATCH_FRAMES];
};

static void hold_drop(struct window_hold *hold)
{
	for (size_t i = 0; i < hold->count; i++)
		hin_window_unref(hold->windows[i]);
	hold->count = 0;
}

static void hold_end(struct hin_hold *base)
{
	struct window_hold *hold = (struct window_hold *)base;

	hold_drop(hold);
	free(hold);
}

bool hin_window_batch_start(struct hin_batch *batch)
{
	struct window_hold *hold;

	batch->count = 0;
	if (batch->hold != NULL && batch->hold->end == hold_end) {
		hold_drop((struct window_hold *)batch->hold);
		return true;
	}
	hin_batch_release(batch);
	hold = malloc(sizeof(*hold));
	if (hold == NULL)
		return false;
	hold->base.end = hold_end;
	hold->count = 0;
	batch->hold = &hold->base;
	return true;
}

void hin_window_batch_keep(struct hin_batch *batch, struct hin_window *w, uint64_t fill)
{
	struct window_hold *hold = (struct window_hold *)batch->hold;

	if (w->held == fill)
		return;
	w->held = fill;
	hin_window_ref(w);
	hold->windows[hold->count++] = w;
}

void hin_batch_release(struct hin_batch *batch)
{
	if (batch == NULL)
		return;
	if (batch->hold != NULL)
		batch->hold->end(batch->hold);
	batch->hold = NULL;
	batch->count = 0;
}
