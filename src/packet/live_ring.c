#include "packet/live_ring_priv.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "packet/hold_priv.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define FRAME_BYTES 2048 /* a hint only: frames are packed into blocks */
#define RING_BYTES ((size_t)32 << 20)
#define LEAST_BLOCKS 4
#define LATENCY_MS 50
#define FROM_OFFSET                                                                                \
	((sizeof(struct tpacket3_hdr) + TPACKET_ALIGNMENT - 1) / TPACKET_ALIGNMENT *               \
	 TPACKET_ALIGNMENT)
#define TAG_AT offsetof(struct ethhdr, h_proto) /* a VLAN tag follows both addresses */
#define TAG_BYTES 4				/* of a VLAN tag, kept free before each frame */

int hin_live_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* protocol 0: receives nothing */
}

static enum hin_code set_up(int fd, const struct hin_live_options *options, size_t blocks,
			    struct hin_error *err)
{
	struct tpacket_req3 request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = (unsigned int)blocks,
		.tp_frame_size = FRAME_BYTES,
		.tp_frame_nr = (unsigned int)(BLOCK_BYTES / FRAME_BYTES * blocks),
		.tp_retire_blk_tov = options->latency_ms > 0 ? options->latency_ms : LATENCY_MS,
	};
	int version = TPACKET_V3, reserve = TAG_BYTES, on = 1;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) == -1)
		return hin_fail(err, HIN_ESYS, "TPACKET_V3");
	if (setsockopt(fd, SOL_PACKET, PACKET_RESERVE, &reserve, sizeof(reserve)) == -1)
		return hin_fail(err, HIN_ESYS, "PACKET_RESERVE");
	/* Kernels before 4.20 do not know it; frame() looks too. */
	if (!options->outgoing)
		(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)) == -1)
		return hin_fail(err, HIN_ESYS, "a ring of %zu MiB", blocks * BLOCK_BYTES >> 20);
	return HIN_OK;
}

enum hin_code hin_live_ring_new(struct hin_live_ring **out, int fd,
				const struct hin_live_options *options, struct hin_error *err)
{
	size_t bytes = options->ring_bytes > 0 ? options->ring_bytes : RING_BYTES;
	size_t blocks = bytes / BLOCK_BYTES > LEAST_BLOCKS ? bytes / BLOCK_BYTES : LEAST_BLOCKS;
	struct hin_live_ring *ring = calloc(1, sizeof(*ring) + blocks * sizeof(ring->blocks[0]));
	enum hin_code code;

	if (ring == NULL)
		return hin_fail(err, HIN_ENOMEM, "a ring");
	ring->refs = 1;
	ring->fd = -1;
	ring->map = MAP_FAILED;
	ring->map_size = blocks * BLOCK_BYTES;
	ring->block_count = blocks;
	ring->outgoing = options->outgoing;
	code = set_up(fd, options, blocks, err);
	if (code != HIN_OK)
		goto out;
	ring->map = mmap(NULL, ring->map_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			 fd, 0);
	if (ring->map == MAP_FAILED) {
		code = hin_fail(err, HIN_ESYS, "mapping a ring of %zu MiB", ring->map_size >> 20);
		goto out;
	}
	for (size_t i = 0; i < blocks; i++) {
		ring->blocks[i].ring = ring;
		ring->blocks[i].desc = (void *)(ring->map + i * BLOCK_BYTES);
	}
	ring->fd = fd;
	*out = ring;
	ring = NULL;
out:
	hin_live_ring_unref(ring);
	return code;
}

void hin_live_ring_ref(struct hin_live_ring *ring)
{
	atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
}

void hin_live_ring_unref(struct hin_live_ring *ring)
{
	/* Release: our reads are done; acquire, paired with it, before the memory goes. */
	if (ring == NULL || atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (ring->map != MAP_FAILED)
		munmap(ring->map, ring->map_size);
	if (ring->fd != -1)
		close(ring->fd);
	free(ring);
}

static void block_unref(struct hin_live_block *block);

void hin_live_ring_end(struct hin_live_ring *ring)
{
	if (ring == NULL)
		return;
	if (ring->walk != NULL)
		block_unref(ring->walk);
	ring->walk = NULL;
	hin_live_ring_unref(ring);
}

bool hin_live_ring_mute(struct hin_live_ring *ring, bool mute)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &nothing };
	int none = 0;

	if (mute)
		return setsockopt(ring->fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
				  sizeof(program)) == 0;
	return setsockopt(ring->fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)) == 0 ||
	       errno == ENOENT;
}

enum hin_code hin_live_ring_bind(struct hin_live_ring *ring, int index, bool promiscuous,
				 struct hin_error *err)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = HIN_BE16(ETH_P_ALL),
				  .sll_ifindex = index };
	struct packet_mreq all = { .mr_ifindex = index, .mr_type = PACKET_MR_PROMISC };

	if (ring->promiscuous != 0) { /* it may be gone, then this fails and is no matter */
		struct packet_mreq old = { .mr_ifindex = ring->promiscuous,
					   .mr_type = PACKET_MR_PROMISC };

		(void)setsockopt(ring->fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &old, sizeof(old));
		ring->promiscuous = 0;
	}
	if (bind(ring->fd, (struct sockaddr *)&to, sizeof(to)) == -1)
		return hin_fail(err, HIN_ESYS, "binding to interface %d", index);
	if (promiscuous &&
	    setsockopt(ring->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == -1)
		return hin_fail(err, HIN_ESYS, "promiscuous mode of interface %d", index);
	ring->promiscuous = promiscuous ? index : 0;
	return HIN_OK;
}

/*
 * A number for the source address, the same for every packet of one source; 0 for what is not IP.
 * The kernel has taken off the outermost VLAN tag and set the protocol to what follows. A load
 * behind the end of the packet ends the program with 0.
 */
static const struct sock_filter by_source[] = {
#define NET(offset) ((uint32_t)(SKF_NET_OFF + (offset)))
	BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 0), /* where the IP header begins */
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021Q, 1, 0),	 /* inner tag */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_8021AD, 0, 2), /* inner tag, else session */
	/* inner tag: */
	BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 4),
	BPF_STMT(BPF_LD | BPF_H | BPF_ABS, NET(2)),
	/* session: */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_PPP_SES, 0, 8), /* next, else type */
	BPF_STMT(BPF_LD | BPF_H | BPF_IND, NET(6)),		  /* the protocol of PPP */
	BPF_STMT(BPF_ST, 0),
	BPF_STMT(BPF_MISC | BPF_TXA, 0),
	BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 8),
	BPF_STMT(BPF_MISC | BPF_TAX, 0),
	BPF_STMT(BPF_LD | BPF_MEM, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0021, 10, 0), /* four */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0057, 2, 13), /* six, else other */
	/* type: */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 8, 0),	/* four */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 11), /* six, else other */
	/* six: the upper half, so that a /64 is one source */
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(8)),
	BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x85ebca6b),
	BPF_STMT(BPF_ST, 0),
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(12)),
	BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 0),
	BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
	BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), /* mix */
	/* four: */
	BPF_STMT(BPF_LD | BPF_W | BPF_IND, NET(12)),
	/* mix: */
	BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 0x9e3779b1),
	BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 16),
	BPF_STMT(BPF_RET | BPF_A, 0),
	/* other: */
	BPF_STMT(BPF_RET | BPF_K, 0),
#undef NET
};

enum hin_code hin_live_ring_join(struct hin_live_ring *ring, bool new_group, uint16_t *group,
				 struct hin_error *err)
{
	struct sock_filter code[HIN_COUNT(by_source)];
	struct sock_fprog program = { .len = HIN_COUNT(by_source), .filter = code };
	int mode = PACKET_FANOUT_CBPF | (new_group ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
	int want = (new_group ? 0 : *group) | mode << 16;
	socklen_t size = sizeof(want);

	if (setsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT, &want, sizeof(want)) == -1)
		return hin_fail(err, HIN_ESYS, "fan-out by source");
	ring->grouped = true;
	if (!new_group)
		return HIN_OK;
	memcpy(code, by_source, sizeof(code));
	if (setsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT_DATA, &program, sizeof(program)) == -1)
		return hin_fail(err, HIN_ESYS, "the program of the fan-out by source");
	if (getsockopt(ring->fd, SOL_PACKET, PACKET_FANOUT, &want, &size) == -1)
		return hin_fail(err, HIN_ESYS, "fan-out by source");
	*group = (uint16_t)want;
	return HIN_OK;
}

int hin_live_ring_index(const struct hin_live_ring *ring)
{
	struct sockaddr_ll to = { 0 };
	socklen_t size = sizeof(to);

	return getsockname(ring->fd, (struct sockaddr *)&to, &size) == 0 ? to.sll_ifindex : -1;
}

/* Acquire: what the kernel wrote before it set the status is seen after it. */
static bool block_ready(const struct hin_live_block *block)
{
	return (__atomic_load_n(&block->desc->hdr.bh1.block_status, __ATOMIC_ACQUIRE) &
		TP_STATUS_USER) != 0;
}

bool hin_live_ring_ready(const struct hin_live_ring *ring)
{
	const struct hin_live_block *block = &ring->blocks[ring->next];

	/* A block that a batch still holds has the status from before; acquire pairs with
	 * block_unref(). */
	return ring->walk != NULL ||
	       (!atomic_load_explicit(&block->ours, memory_order_acquire) && block_ready(block));
}

/* The last one to let go gives the block back to the kernel. */
static void block_unref(struct hin_live_block *block)
{
	struct hin_live_ring *ring = block->ring;

	/* Release: our reads are done; acquire, paired with it, before the kernel may write. */
	if (atomic_fetch_sub_explicit(&block->refs, 1, memory_order_acq_rel) == 1) {
		__atomic_store_n(&block->desc->hdr.bh1.block_status, TP_STATUS_KERNEL,
				 __ATOMIC_RELEASE);
		atomic_store_explicit(&block->ours, false, memory_order_release);
	}
	hin_live_ring_unref(ring);
}

/* Put the VLAN tag back that was taken off: the addresses move into the room kept before them. */
static uint8_t *with_tag(uint8_t *data, const struct tpacket3_hdr *packet)
{
	bool has_type = (packet->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
	uint16_t type = HIN_BE16(has_type ? packet->hv1.tp_vlan_tpid : ETH_P_8021Q);
	uint16_t tag = HIN_BE16((uint16_t)packet->hv1.tp_vlan_tci);

	memmove(data - TAG_BYTES, data, TAG_AT);
	data -= TAG_BYTES;
	memcpy(data + TAG_AT, &type, 2);
	memcpy(data + TAG_AT + 2, &tag, 2);
	return data;
}

/* The packet at `walk_at`; false when it is one we do not want. */
static bool frame(const struct hin_live_ring *ring, struct hin_frame *out)
{
	struct tpacket3_hdr *packet = (void *)ring->walk_at;
	const struct sockaddr_ll *from = (const void *)(ring->walk_at + FROM_OFFSET);
	bool tagged = (packet->tp_status & TP_STATUS_VLAN_VALID) != 0 &&
		      ring->link == HIN_LINK_ETHERNET && packet->tp_snaplen >= TAG_AT;
	uint8_t *data = ring->walk_at + packet->tp_mac;
	uint32_t more = tagged ? TAG_BYTES : 0;

	if (!ring->outgoing && from->sll_pkttype == PACKET_OUTGOING)
		return false;
	if (tagged)
		data = with_tag(data, packet);
	*out = (struct hin_frame){ .data = data,
				   .size = packet->tp_snaplen + more,
				   .length = packet->tp_len + more,
				   .time_ns =
					   (int64_t)packet->tp_sec * 1000000000 + packet->tp_nsec,
				   .link = ring->link,
				   .input = ring->input };
	return true;
}

/* What a batch of ours holds. */
struct live_hold {
	struct hin_hold base;
	struct hin_live_block *block; /* or NULL */
};

static void hold_end(struct hin_hold *base)
{
	struct live_hold *hold = (struct live_hold *)base;

	if (hold->block != NULL)
		block_unref(hold->block);
	free(hold);
}

/* Make `batch` ready to be filled; NULL when memory is short. */
static struct live_hold *hold_of(struct hin_batch *batch)
{
	struct live_hold *hold;

	batch->count = 0;
	if (batch->hold != NULL && batch->hold->end == hold_end) {
		hold = (struct live_hold *)batch->hold;
		if (hold->block != NULL)
			block_unref(hold->block);
		hold->block = NULL;
		return hold;
	}
	hin_batch_release(batch);
	hold = calloc(1, sizeof(*hold));
	if (hold == NULL)
		return NULL;
	hold->base.end = hold_end;
	batch->hold = &hold->base;
	return hold;
}

/* Begin the next block if the kernel has handed it over. */
static void begin_block(struct hin_live_ring *ring)
{
	struct hin_live_block *block = &ring->blocks[ring->next];
	const struct tpacket_hdr_v1 *head = &block->desc->hdr.bh1;

	if (!hin_live_ring_ready(ring))
		return;
	ring->next = (ring->next + 1) % ring->block_count;
	atomic_store_explicit(&block->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&block->ours, true, memory_order_relaxed);
	hin_live_ring_ref(ring);
	ring->walk = block;
	ring->walk_left = head->num_pkts;
	ring->walk_at = (uint8_t *)block->desc + head->offset_to_first_pkt;
}

bool hin_live_ring_fill(struct hin_live_ring *ring, struct hin_batch *batch)
{
	struct live_hold *hold = hold_of(batch);

	if (hold == NULL)
		return false;
	while (batch->count == 0) {
		if (ring->walk == NULL)
			begin_block(ring);
		if (ring->walk == NULL)
			return true;
		while (ring->walk_left > 0 && batch->count < HIN_BATCH_FRAMES) {
			const struct tpacket3_hdr *packet = (const void *)ring->walk_at;

			batch->count += frame(ring, &batch->frames[batch->count]);
			ring->walk_left--;
			ring->walk_at += packet->tp_next_offset;
		}
		if (batch->count > 0) {
			hold->block = ring->walk;
			atomic_fetch_add_explicit(&ring->walk->refs, 1, memory_order_relaxed);
			hin_live_ring_ref(ring);
		}
		if (ring->walk_left == 0) {
			block_unref(ring->walk);
			ring->walk = NULL;
		}
	}
	return true;
}
