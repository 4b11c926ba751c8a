/*
 * orders - what the scribe tells the gate, over their pair of sockets.
 *
 * Three things: the addresses that are not let in (it reads them from a file, which the gate may
 * not); that a worker has sent nonsense, and is to be replaced; and its answer when what a dead
 * worker left open has been closed.
 *
 * Ownership: the gate's storage, { 0 } at first.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "base/buffer.h"
#include "base/prefix.h"

#define HIN_ORDERS_BLOCKS 65536u /* prefixes */

struct hin_orders {
	struct hin_prefix_tree *tree;
	struct hin_buffer frame; /* what has come of the next */
	uint32_t answers;	 /* that nobody has waited for yet */
	uint64_t replace;	 /* workers to be replaced, a bit each */
};

/* Is the address not to be let in? */
bool hin_orders_block(const struct hin_orders *orders, const struct hin_addr *address);

/* Take what has come at `fd`. False when the scribe has gone. */
bool hin_orders_take(struct hin_orders *orders, int fd);

/* Wait for an answer of the scribe. False when it has gone. */
bool hin_orders_wait(struct hin_orders *orders, int fd);

void hin_orders_fini(struct hin_orders *orders);

/* ---- the scribe's side: append a frame ---- */

void hin_orders_write_blocks(struct hin_buffer *out, const struct hin_prefix *list, uint32_t count);
void hin_orders_write_answer(struct hin_buffer *out);
void hin_orders_write_replace(struct hin_buffer *out, unsigned worker);
