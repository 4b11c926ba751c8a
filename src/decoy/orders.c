/* orders - see orders.h */
#include "decoy/orders.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#define HEAD ((size_t)4)  /* the count, little-endian; ANSWER is no count */
#define ITEM ((size_t)17) /* address and length */
#define ANSWER UINT32_MAX
#define REPLACE (UINT32_MAX - 64) /* and the worker's number */

bool hin_orders_block(const struct hin_orders *orders, const struct hin_addr *address)
{
	return orders->tree != NULL &&
	       hin_prefix_tree_find(orders->tree, address) != HIN_PREFIX_NONE;
}

static void put_list(struct hin_orders *orders, struct hin_reader *in, uint32_t count)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	struct hin_prefix prefix;
	bool good = tree != NULL;

	for (uint32_t i = 0; i < count && good; i++) {
		hin_read_copy(in, prefix.addr.b, sizeof(prefix.addr.b));
		prefix.len = hin_read_u8(in);
		good = hin_prefix_tree_insert(tree, &prefix, 1, NULL) == HIN_OK;
	}
	if (!good || hin_prefix_tree_build(tree, NULL) != HIN_OK) {
		hin_prefix_tree_free(tree); /* those before stay */
		return;
	}
	hin_prefix_tree_free(orders->tree);
	orders->tree = tree;
}

/* Take whole frames out of what has come. */
static bool take_frames(struct hin_orders *orders)
{
	struct hin_reader in = hin_reader_of(orders->frame.data, orders->frame.used);

	while (in.left >= HEAD) {
		struct hin_reader look = in;
		uint32_t count = hin_read_le32(&look);

		if (count == ANSWER) {
			orders->answers++;
		} else if (count >= REPLACE) {
			orders->replace |= UINT64_C(1) << (count - REPLACE);
		} else {
			if (count > HIN_ORDERS_BLOCKS)
				return false;
			if (look.left < count * ITEM)
				break;
			put_list(orders, &look, count);
		}
		in = look;
	}
	if (in.left > 0)
		memmove(orders->frame.data, in.pos, in.left);
	orders->frame.used = in.left;
	return true;
}

bool hin_orders_take(struct hin_orders *orders, int fd)
{
	for (;;) {
		char *at = hin_buffer_reserve(&orders->frame, 4096);
		ssize_t got = at != NULL ? recv(fd, at, 4096, MSG_DONTWAIT) : 0;

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (got <= 0)
			return false;
		hin_buffer_commit(&orders->frame, (size_t)got);
		if (!take_frames(orders))
			return false;
	}
}

bool hin_orders_wait(struct hin_orders *orders, int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	while (orders->answers == 0) {
		if (poll(&wait, 1, -1) == -1 && errno != EINTR)
			return false;
		if (!hin_orders_take(orders, fd))
			return false;
	}
	orders->answers--;
	return true;
}

void hin_orders_fini(struct hin_orders *orders)
{
	hin_prefix_tree_free(orders->tree);
	hin_buffer_fini(&orders->frame);
	*orders = (struct hin_orders){ 0 };
}

static void put_head(struct hin_buffer *out, uint32_t count)
{
	uint32_t wire = HIN_LE32(count);

	hin_buffer_add(out, &wire, sizeof(wire));
}

void hin_orders_write_blocks(struct hin_buffer *out, const struct hin_prefix *list, uint32_t count)
{
	put_head(out, count);
	for (uint32_t i = 0; i < count; i++) {
		hin_buffer_add(out, list[i].addr.b, sizeof(list[i].addr.b));
		hin_buffer_add(out, &list[i].len, 1);
	}
}

void hin_orders_write_answer(struct hin_buffer *out)
{
	put_head(out, ANSWER);
}

void hin_orders_write_replace(struct hin_buffer *out, unsigned worker)
{
	put_head(out, REPLACE + worker);
}
