#include "packet/live.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "packet/live_ring_priv.h"

#define LOOK_EVERY_NS HIN_NS_PER_S /* at the interface */
#define HARDWARE_IP6GRE 823	   /* ARPHRD_IP6GRE, which the C library does not know */
#define NAP_MS 1		   /* while batches hold the block that poll() would wait for */

#define AWAY_EVERY_NS (HIN_NS_PER_S / 10) /* while it is waited for */
#define GRACE_NS (HIN_NS_PER_S / 5)	  /* to read what came before the interface went, and */
#define GRACE_LATENCIES 2		  /* so many times the latency more */

/* One ring as its thread sees it. */
struct slot {
	struct hin_live_ring *ring;	/* NULL while it has none */
	int spare[HIN_LIVE_SPARES + 1]; /* sockets for rings */
	size_t spares;
	bool bound;
	_Atomic bool up;       /* bound to an interface that is up */
	uint32_t group_serial; /* of the group it was in last */
	int64_t look_ns;       /* when to look at the interface again */
	int64_t lost_ns;       /* when it was seen to be gone, or 0 */
	pthread_mutex_t lock;  /* of `drops`, and of replacing `ring` */
	uint64_t drops;
};

/*
 * A socket in a fan-out group cannot be bound again. So when the interface is made anew, ring 0
 * begins a new group with a spare socket and the others join it; when its spares are used up it
 * goes on alone, without a group, as a single ring does from the start: such a socket is bound
 * again and again.
 */
struct hin_live {
	char name[IFNAMSIZ];
	struct hin_live_options options;
	size_t count;
	int look_fd;	      /* to ask about interfaces */
	int last_fd;	      /* for ring 0 when it has to go on alone; -1 = used or not needed */
	pthread_mutex_t lock; /* of the group */
	int group_index;      /* interface of the group, 0 = there is none */
	uint32_t group_serial;
	uint16_t group;
	bool alone;
	_Atomic uint16_t link;
	_Atomic uint32_t reopened;
	struct slot slots[];
};

struct interface {
	int index; /* 0 = there is none */
	bool up;
	uint16_t link;
	bool known; /* the link type */
};

/* How frames of an ARPHRD_* type look on a packet socket. */
static bool link_of(unsigned int hardware, uint16_t *link)
{
	switch (hardware) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		*link = HIN_LINK_ETHERNET;
		return true;
	case ARPHRD_NONE: /* tun, WireGuard */
	case ARPHRD_RAWIP:
	case ARPHRD_PPP: /* the header is the driver's and stripped by the kernel */
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case HARDWARE_IP6GRE:
		*link = HIN_LINK_RAW;
		return true;
	default:
		return false;
	}
}

static struct interface look(const struct hin_live *live)
{
	struct interface found = { 0 };
	struct ifreq request = { 0 };

	memcpy(request.ifr_name, live->name, sizeof(request.ifr_name));
	if (ioctl(live->look_fd, SIOCGIFINDEX, &request) == -1)
		return found;
	found.index = request.ifr_ifindex;
	if (ioctl(live->look_fd, SIOCGIFFLAGS, &request) == 0)
		found.up = (request.ifr_flags & IFF_UP) != 0;
	if (ioctl(live->look_fd, SIOCGIFHWADDR, &request) == 0)
		found.known = link_of(request.ifr_hwaddr.sa_family, &found.link);
	return found;
}

/* Add what the kernel counted since it was asked last; it forgets that. */
static void take_drops(struct slot *slot)
{
	struct tpacket_stats_v3 stats;
	socklen_t size = sizeof(stats);

	if (slot->ring != NULL &&
	    getsockopt(slot->ring->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0)
		slot->drops += stats.tp_drops;
}

/* Let the ring go; its memory stays as long as batches lie in it. Under the lock of `live`. */
static void drop_ring(struct hin_live *live, struct slot *slot)
{
	struct hin_live_ring *old = slot->ring;

	pthread_mutex_lock(&slot->lock);
	take_drops(slot);
	slot->ring = NULL;
	pthread_mutex_unlock(&slot->lock);
	slot->bound = false;
	if (slot == live->slots) /* the others must not join what has no program */
		live->group_index = 0;
	hin_live_ring_end(old);
}

/* A ring on the next spare socket, which is used up by that. */
static enum hin_code make_ring(struct hin_live *live, struct slot *slot, struct hin_error *err)
{
	bool last = slot->spares == 0;
	int *from = last ? &live->last_fd : &slot->spare[slot->spares - 1];
	struct hin_live_ring *ring;
	enum hin_code code;

	if (last && (slot != live->slots || live->last_fd == -1))
		return hin_fail(err, HIN_ELIMIT, "%s: no spare sockets left", live->name);
	code = hin_live_ring_new(&ring, *from, &live->options, err);
	if (code != HIN_OK)
		return code;
	*from = -1;
	if (last)
		live->alone = true;
	else
		slot->spares--;
	ring->input = (uint16_t)(slot - live->slots);
	pthread_mutex_lock(&slot->lock);
	slot->ring = ring;
	pthread_mutex_unlock(&slot->lock);
	return HIN_OK;
}

/* Put a bound ring into the group of all; ring 0 begins one. */
static enum hin_code enter_group(struct hin_live *live, struct slot *slot, int index,
				 struct hin_error *err)
{
	bool first = slot == live->slots;
	enum hin_code code;

	if (live->count == 1 || live->alone)
		return HIN_OK;
	code = hin_live_ring_join(slot->ring, first, &live->group, err);
	if (code != HIN_OK)
		return code;
	if (first) {
		live->group_serial++;
		live->group_index = index;
	}
	slot->group_serial = live->group_serial;
	return HIN_OK;
}

/* May the ring be bound to interface `index`? Others than ring 0 need a new group to join. */
static bool may_bind(const struct hin_live *live, const struct slot *slot, int index)
{
	return slot == live->slots || (!live->alone && live->group_index == index &&
				       live->group_serial != slot->group_serial);
}

/*
 * Bind the ring of `slot`, a new one if it has none, and put it into its group; it stays muted.
 * Under the lock of `live`.
 */
static enum hin_code bind_ring(struct hin_live *live, struct slot *slot, const struct interface *to,
			       struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (slot->ring == NULL)
		code = make_ring(live, slot, err);
	if (code != HIN_OK)
		return code;
	if (!hin_live_ring_mute(slot->ring, true))
		return hin_fail(err, HIN_ESYS, "%s: muting a socket", live->name);
	code = hin_live_ring_bind(slot->ring, to->index, live->options.promiscuous, err);
	if (code != HIN_OK)
		return code;
	slot->ring->link = to->link;
	live->link = to->link;
	code = enter_group(live, slot, to->index, err);
	if (code == HIN_OK)
		slot->bound = true;
	else if (slot->ring->grouped)
		drop_ring(live, slot);
	return code;
}

/*
 * The interface is not there or another one now. What it sent before is read first; then a ring
 * that can be bound again is muted, another is given up.
 */
static void lose(struct hin_live *live, struct slot *slot, int64_t now_ns)
{
	slot->up = false;
	if (slot->lost_ns == 0)
		slot->lost_ns = now_ns;
	if (now_ns - slot->lost_ns <
	    GRACE_NS + GRACE_LATENCIES * HIN_NS_PER_MS * live->options.latency_ms)
		return;
	slot->lost_ns = 0;
	if (slot->ring->grouped)
		drop_ring(live, slot);
	else if (hin_live_ring_mute(slot->ring, true))
		slot->bound = false;
}

/* See whether the interface is still there and ours, and take the step that is due. */
static void tend(struct hin_live *live, struct slot *slot, int64_t now_ns)
{
	struct interface now = look(live);
	struct hin_error err;

	pthread_mutex_lock(&live->lock);
	if (slot->bound) {
		int index = hin_live_ring_index(slot->ring);

		/* While it is only down the kernel keeps the socket, and goes on by itself. */
		if (index > 0 && index == now.index)
			slot->up = now.up;
		else
			lose(live, slot, now_ns);
	}
	if (!slot->bound && now.up && now.known && may_bind(live, slot, now.index) &&
	    bind_ring(live, slot, &now, &err) == HIN_OK) {
		slot->up = hin_live_ring_mute(slot->ring, false);
		slot->bound = slot->up;
		live->reopened += slot == live->slots;
	}
	pthread_mutex_unlock(&live->lock);
	slot->look_ns = now_ns + (slot->up ? LOOK_EVERY_NS : AWAY_EVERY_NS);
}

/* Wait for a block, at most `wait_ns`. False when a signal came. */
static bool wait_for_block(struct slot *slot, int64_t wait_ns)
{
	struct pollfd ready = { .fd = slot->ring != NULL ? slot->ring->fd : -1, .events = POLLIN };
	int wait_ms = (int)((wait_ns + HIN_NS_PER_MS - 1) / HIN_NS_PER_MS);

	if (poll(&ready, 1, wait_ms) == -1)
		return errno != EINTR;
	if ((ready.revents & POLLERR) != 0) {
		int failed;
		socklen_t size = sizeof(failed);

		(void)getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &failed, &size); /* forgets it */
		slot->look_ns = 0;
	}
	/* It also says ready while a batch holds the block before. */
	if (ready.revents != 0 && slot->ring != NULL && !hin_live_ring_ready(slot->ring))
		return poll(NULL, 0, NAP_MS) == 0;
	return true;
}

enum hin_code hin_live_read(struct hin_live *live, size_t ring, struct hin_batch *batch,
			    int timeout_ms, struct hin_error *err)
{
	struct slot *slot = &live->slots[ring];
	int64_t now_ns = hin_time_monotonic_ns();
	int64_t end_ns = now_ns + timeout_ms * HIN_NS_PER_MS;

	for (;;) {
		int64_t until_ns;

		if (now_ns >= slot->look_ns)
			tend(live, slot, now_ns);
		if (slot->ring == NULL)
			hin_batch_release(batch);
		else if (!hin_live_ring_fill(slot->ring, batch))
			return hin_fail(err, HIN_ENOMEM, "a batch of frames");
		if (batch->count > 0)
			return HIN_OK;
		now_ns = hin_time_monotonic_ns();
		if (now_ns >= end_ns)
			return HIN_EAGAIN;
		until_ns = end_ns < slot->look_ns ? end_ns : slot->look_ns;
		if (until_ns > now_ns && !wait_for_block(slot, until_ns - now_ns))
			return HIN_EAGAIN;
		now_ns = hin_time_monotonic_ns();
	}
}

uint64_t hin_live_drops(struct hin_live *live, size_t ring)
{
	struct slot *slot = &live->slots[ring];
	uint64_t drops;

	pthread_mutex_lock(&slot->lock);
	take_drops(slot);
	drops = slot->drops;
	pthread_mutex_unlock(&slot->lock);
	return drops;
}

bool hin_live_waiting(const struct hin_live *live)
{
	return !live->slots[0].up; /* ring 0 is never given up */
}

uint32_t hin_live_reopened(const struct hin_live *live)
{
	return live->reopened;
}

uint16_t hin_live_link(const struct hin_live *live)
{
	return live->link;
}

static enum hin_code make_socket(int *fd, const char *interface, struct hin_error *err)
{
	*fd = hin_live_socket();
	if (*fd != -1)
		return HIN_OK;
	if (errno == EPERM || errno == EACCES)
		return hin_fail(err, HIN_EDENIED,
				"%s: capturing needs root or the capability CAP_NET_RAW",
				interface);
	return hin_fail(err, HIN_ESYS, "%s: a packet socket", interface);
}

/* All sockets that will ever be needed, and each ring's first ring. */
static enum hin_code make_sockets(struct hin_live *live, struct hin_error *err)
{
	size_t each = live->count > 1 ? HIN_LIVE_SPARES + 1 : 1;
	enum hin_code code = HIN_OK;

	live->look_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (live->look_fd == -1)
		return hin_fail(err, HIN_ESYS, "%s: a socket", live->name);
	if (live->count > 1)
		code = make_socket(&live->last_fd, live->name, err);
	for (size_t i = 0; i < live->count && code == HIN_OK; i++) {
		struct slot *slot = &live->slots[i];

		while (slot->spares < each && code == HIN_OK) {
			code = make_socket(&slot->spare[slot->spares], live->name, err);
			slot->spares += code == HIN_OK;
		}
		if (code == HIN_OK)
			code = make_ring(live, slot, err);
	}
	return code;
}

/* Bind all rings if the interface is up; only when all are in the group does any of them hear. */
static enum hin_code bind_all(struct hin_live *live, struct hin_error *err)
{
	struct interface now = look(live);
	int64_t now_ns = hin_time_monotonic_ns();
	enum hin_code code = HIN_OK;

	if (now.index == 0)
		return hin_fail(err, HIN_ENOENT, "%s: no such network interface", live->name);
	if (!now.known)
		return hin_fail(err, HIN_EUNSUPPORTED, "%s: an interface of an unknown kind",
				live->name);
	live->link = now.link;
	for (size_t i = 0; i < live->count && code == HIN_OK && now.up; i++)
		code = bind_ring(live, &live->slots[i], &now, err);
	for (size_t i = 0; i < live->count && code == HIN_OK && now.up; i++) {
		struct slot *slot = &live->slots[i];

		slot->look_ns = now_ns + LOOK_EVERY_NS;
		slot->up = hin_live_ring_mute(slot->ring, false);
		if (!slot->up)
			code = hin_fail(err, HIN_ESYS, "%s: unmuting a socket", live->name);
	}
	return code;
}

enum hin_code hin_live_open(struct hin_live **out, const char *interface, size_t rings,
			    const struct hin_live_options *options, struct hin_error *err)
{
	size_t name_size = strlen(interface) + 1;
	struct hin_live *live;
	enum hin_code code;

	if (rings < 1 || rings > HIN_LIVE_MAX_RINGS)
		return hin_fail(err, HIN_EUSAGE, "%s: %zu rings are not in 1-%d", interface, rings,
				HIN_LIVE_MAX_RINGS);
	if (name_size > sizeof(live->name))
		return hin_fail(err, HIN_ENOENT, "%s: no such network interface", interface);
	live = calloc(1, sizeof(*live) + rings * sizeof(live->slots[0]));
	if (live == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s", interface);
	memcpy(live->name, interface, name_size);
	live->options = *options;
	live->count = rings;
	live->look_fd = live->last_fd = -1;
	pthread_mutex_init(&live->lock, NULL);
	for (size_t i = 0; i < rings; i++)
		pthread_mutex_init(&live->slots[i].lock, NULL);
	code = make_sockets(live, err);
	if (code == HIN_OK)
		code = bind_all(live, err);
	if (code == HIN_OK) {
		*out = live;
		live = NULL;
	}
	hin_live_close(live);
	return code;
}

void hin_live_close(struct hin_live *live)
{
	if (live == NULL)
		return;
	for (size_t i = 0; i < live->count; i++) {
		struct slot *slot = &live->slots[i];

		hin_live_ring_end(slot->ring);
		for (size_t n = 0; n < slot->spares; n++)
			close(slot->spare[n]);
		pthread_mutex_destroy(&slot->lock);
	}
	if (live->look_fd != -1)
		close(live->look_fd);
	if (live->last_fd != -1)
		close(live->last_fd);
	pthread_mutex_destroy(&live->lock);
	free(live);
}
