/*
 * live_ring - one packet socket with its ring of blocks.
 *
 * Ownership: counted: the reader has one reference and each batch with frames in it another. The
 * last one unmaps the ring and closes the socket. Threads:   blocks may be given back by any
 * thread; all else by the thread that reads the ring.
 */
#pragma once
#include <linux/if_packet.h>
#include <stdatomic.h>

#include "packet/live.h"

struct hin_live_block {
	_Atomic uint32_t refs; /* the walk's and the batches' */
	_Atomic bool ours;     /* until it was given back to the kernel */
	struct hin_live_ring *ring;
	struct tpacket_block_desc *desc;
};

struct hin_live_ring {
	_Atomic uint32_t refs;
	int fd;
	uint8_t *map;
	size_t map_size;
	uint16_t link;	/* of the interface it is bound to */
	uint16_t input; /* goes into each frame */
	bool outgoing;
	bool grouped;		     /* in a fan-out group: it cannot be bound again */
	int promiscuous;	     /* interface that was made so, or 0 */
	size_t next;		     /* block to look at next */
	struct hin_live_block *walk; /* block that is being read, or NULL */
	uint32_t walk_left;	     /* packets in it not yet read */
	uint8_t *walk_at;
	size_t block_count;
	struct hin_live_block blocks[];
};

/* A packet socket that receives nothing yet; -1 with errno. The one act that needs CAP_NET_RAW. */
int hin_live_socket(void);

/* Make a ring of `fd`, which it owns on success. */
HIN_MUST_USE enum hin_code hin_live_ring_new(struct hin_live_ring **out, int fd,
					     const struct hin_live_options *options,
					     struct hin_error *err);
void hin_live_ring_ref(struct hin_live_ring *ring);

/* Give up one reference; NULL is fine. */
void hin_live_ring_unref(struct hin_live_ring *ring);

/* The reader is done with it: what it has not read is lost. NULL is fine. */
void hin_live_ring_end(struct hin_live_ring *ring);

/* Bind to the interface `index`, promiscuous if wanted. */
HIN_MUST_USE enum hin_code hin_live_ring_bind(struct hin_live_ring *ring, int index,
					      bool promiscuous, struct hin_error *err);

/* Have the kernel pass over every packet, uncounted, or no longer. False with errno. */
HIN_MUST_USE bool hin_live_ring_mute(struct hin_live_ring *ring, bool mute);

/* Join the fan-out group `*group` of bound rings, or make a new one and say its number. */
HIN_MUST_USE enum hin_code hin_live_ring_join(struct hin_live_ring *ring, bool new_group,
					      uint16_t *group, struct hin_error *err);

/* Index of the interface the kernel has it bound to; below 1 when that has gone. */
int hin_live_ring_index(const struct hin_live_ring *ring);

/* Is a block ready to be read? */
bool hin_live_ring_ready(const struct hin_live_ring *ring);

/* Fill `batch` from one block. False when memory is short; an empty batch when nothing is there. */
HIN_MUST_USE bool hin_live_ring_fill(struct hin_live_ring *ring, struct hin_batch *batch);
