#include "../test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "decoy/callers.h"
#include "decoy/gate.h"
#include "decoy/heap_priv.h"
#include "decoy/orders.h"

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"

/* ---- the header of a proxy ---- */

struct proxied_case {
	const char *name, *bytes;
	size_t size;
	enum hin_code code;
};

#define CASE(name, text, code)                                                                     \
	{                                                                                          \
		name, text, sizeof(text) - 1, code                                                 \
	}
#define TCP4 "\x0a\x00\x00\x01\x0a\x00\x00\x02\x9c\x40\x00\x16"

static void headers_of_proxies(void **state)
{
	static const struct proxied_case cases[] = {
		CASE("tcp4", SIGNATURE "\x21\x11\x00\x0c" TCP4, HIN_OK),
		CASE("tcp4 with an extension", SIGNATURE "\x21\x11\x00\x0f" TCP4 "abc", HIN_OK),
		CASE("local", SIGNATURE "\x20\x00\x00\x00", HIN_OK),
		CASE("version 1", "PROXY TCP4 10.0.0.1 10.0.0.2 40000 22\r\n", HIN_EFORMAT),
		CASE("version 3", SIGNATURE "\x31\x11\x00\x0c" TCP4, HIN_EFORMAT),
		CASE("udp", SIGNATURE "\x21\x12\x00\x0c" TCP4, HIN_EFORMAT),
		CASE("a command that is none", SIGNATURE "\x22\x11\x00\x0c" TCP4, HIN_EFORMAT),
		CASE("too short for its family", SIGNATURE "\x21\x21\x00\x0c" TCP4, HIN_EFORMAT),
		CASE("too long", SIGNATURE "\x21\x11\xff\xff" TCP4, HIN_EFORMAT),
		CASE("not all there",
		     SIGNATURE "\x21\x11\x00\x0c"
			       "\x0a\x00",
		     HIN_EAGAIN),
		CASE("the start of it", "\x0d\x0a\x0d", HIN_EAGAIN),
		CASE("nothing", "", HIN_EAGAIN),
		CASE("ssh", "SSH-2.0-OpenSSH_9.2p1\r\n", HIN_EFORMAT),
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *copy = hin_test_copy(cases[i].bytes, cases[i].size);
		struct hin_proxied out;
		size_t used = 0;
		enum hin_code code = hin_proxied_read(&out, copy, cases[i].size, &used);

		if (code != cases[i].code)
			fail_msg("%s: %d", cases[i].name, code);
		if (i < 2) {
			assert_int_equal(hin_addr_v4(&out.client), 0x0a000001);
			assert_int_equal(hin_addr_v4(&out.server), 0x0a000002);
			assert_int_equal(out.client_port, 40000);
			assert_int_equal(out.server_port, 22);
		}
		if (code == HIN_OK)
			assert_int_equal(used, cases[i].size);
		free(copy);
	}
}

static void what_follows_a_header_is_left(void **state)
{
	static const char bytes[] = SIGNATURE "\x21\x11\x00\x0c" TCP4 "SSH-2.0-x\r\n";
	struct hin_proxied out;
	size_t used = 0;

	(void)state;
	assert_int_equal(hin_proxied_read(&out, bytes, sizeof(bytes) - 1, &used), HIN_OK);
	assert_int_equal(used, 28);
}

/* ---- callers ---- */

static struct hin_addr v6(uint8_t network, uint8_t host)
{
	return (struct hin_addr){ { 0x20, 0x01, 0x0d, 0xb8, [7] = network, [15] = host } };
}

static void callers_are_counted(void **state)
{
	struct hin_callers *callers = hin_callers_new(7);
	struct hin_addr a = hin_addr_of_v4(0xc0000201), one = v6(1, 1), same = v6(1, 2),
			other = v6(2, 1);
	const int64_t day = INT64_C(86400) * 1000000;
	struct hin_caller *c;

	(void)state;
	assert_non_null(callers);
	c = hin_callers_see(callers, &a, day);
	c->open++;
	c = hin_callers_see(callers, &a, day + 1);
	assert_int_equal(c->open, 1);
	assert_int_equal(c->today, 2);
	c = hin_callers_see(callers, &a, 2 * day);
	assert_int_equal(c->today, 1); /* another day */
	assert_true(hin_callers_gone(callers, &a));
	assert_false(hin_callers_gone(callers, &a)); /* none was open */
	assert_false(hin_callers_gone(callers, &one));
	hin_callers_see(callers, &one, day)->open++;
	assert_int_equal(hin_callers_see(callers, &same, day)->today, 2); /* of one /64 */
	assert_int_equal(hin_callers_see(callers, &other, day)->today, 1);
	assert_int_equal(hin_callers_hash(callers, &one), hin_callers_hash(callers, &same));
	hin_callers_free(callers);
}

/* However many come, those with a connection stay, and there is room for one more. */
static void callers_have_a_limit(void **state)
{
	struct hin_callers *callers = hin_callers_new(3);
	struct hin_addr first = hin_addr_of_v4(1);
	uint32_t more = HIN_CALLERS_MOST + 5000;

	(void)state;
	assert_non_null(callers);
	hin_callers_see(callers, &first, 0)->open = 1;
	for (uint32_t i = 2; i < more; i++) {
		struct hin_addr a = hin_addr_of_v4(i);

		assert_non_null(hin_callers_see(callers, &a, 0));
	}
	assert_int_equal(hin_callers_see(callers, &first, 0)->open, 1);
	assert_true(hin_callers_gone(callers, &first));
	hin_callers_free(callers);
}

static void a_dead_worker_has_nobody(void **state)
{
	struct hin_callers *callers = hin_callers_new(11);
	uint64_t open[4] = { 0 }, sum = 0;

	(void)state;
	assert_non_null(callers);
	for (uint32_t i = 0; i < 1000; i++) {
		struct hin_addr a = hin_addr_of_v4(0x0a000000 + i);

		hin_callers_see(callers, &a, 0)->open = 2;
		open[hin_callers_hash(callers, &a) % 4] += 2;
	}
	for (unsigned i = 0; i < 4; i++) {
		assert_in_range(open[i], 300, 700); /* spread */
		assert_int_equal(hin_callers_forget_worker(callers, i, 4), open[i]);
		assert_int_equal(hin_callers_forget_worker(callers, i, 4), 0);
		sum += open[i];
	}
	assert_int_equal(sum, 2000);
	hin_callers_free(callers);
}

/* ---- orders ---- */

static void orders_come_in_any_pieces(void **state)
{
	const struct hin_prefix list[] = { { hin_addr_of_v4(0xc0000200), 24 }, { v6(1, 0), 64 } };
	struct hin_addr in = hin_addr_of_v4(0xc00002fe), out = hin_addr_of_v4(0xc0000301),
			in6 = v6(1, 9);
	struct hin_buffer frames = { 0 };
	struct hin_orders orders = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_false(hin_orders_block(&orders, &in));
	hin_orders_write_blocks(&frames, list, HIN_COUNT(list));
	hin_orders_write_answer(&frames);
	hin_orders_write_replace(&frames, 0);
	hin_orders_write_replace(&frames, 63);
	for (size_t i = 0; i < frames.used; i++) {
		assert_int_equal(send(ends[0], frames.data + i, 1, 0), 1);
		assert_true(hin_orders_take(&orders, ends[1]));
	}
	assert_true(hin_orders_block(&orders, &in));
	assert_true(hin_orders_block(&orders, &in6));
	assert_false(hin_orders_block(&orders, &out));
	assert_int_equal(orders.replace, UINT64_C(1) << 63 | 1);
	assert_true(hin_orders_wait(&orders, ends[1])); /* it has come already */
	hin_buffer_reset(&frames);
	hin_orders_write_blocks(&frames, NULL, 0); /* nobody any more */
	assert_int_equal(send(ends[0], frames.data, frames.used, 0), frames.used);
	assert_true(hin_orders_take(&orders, ends[1]));
	assert_false(hin_orders_block(&orders, &in));
	close(ends[0]);
	assert_false(hin_orders_take(&orders, ends[1])); /* the scribe has gone */
	assert_false(hin_orders_wait(&orders, ends[1]));
	close(ends[1]);
	hin_orders_fini(&orders);
	hin_buffer_fini(&frames);
}

/* ---- times to wake ---- */

static void the_heap_gives_the_next(void **state)
{
	enum { COUNT = 500 };
	static struct hin_heap_item items[COUNT];
	struct hin_heap heap = { 0 };
	uint32_t random = 12345;
	int64_t before = INT64_MIN;
	uint32_t left = COUNT;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		random = random * 1664525 + 1013904223;
		assert_true(hin_heap_add(&heap, &items[i], random % 1000));
	}
	for (int i = 0; i < COUNT; i += 3) {
		random = random * 1664525 + 1013904223;
		hin_heap_move(&heap, &items[i], random % 1000);
	}
	for (int i = 0; i < COUNT; i += 7) {
		hin_heap_remove(&heap, &items[i]);
		hin_heap_remove(&heap, &items[i]); /* again: nothing */
		left--;
	}
	assert_int_equal(heap.count, left);
	for (; left > 0; left--) {
		struct hin_heap_item *first = hin_heap_first(&heap);

		assert_true(first->at >= before);
		before = first->at;
		hin_heap_remove(&heap, first);
	}
	assert_null(hin_heap_first(&heap));
	hin_heap_fini(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_of_proxies),
		cmocka_unit_test(what_follows_a_header_is_left),
		cmocka_unit_test(callers_are_counted),
		cmocka_unit_test(callers_have_a_limit),
		cmocka_unit_test(a_dead_worker_has_nobody),
		cmocka_unit_test(orders_come_in_any_pieces),
		cmocka_unit_test(the_heap_gives_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
