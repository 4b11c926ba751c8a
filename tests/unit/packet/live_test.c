/*
 * Live capture on a veth pair in a network namespace of our own. Skipped where none can be made.
 * The frames sent carry a mark, so that what the kernel itself sends does not disturb.
 */
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../test.h"

#include "base/bytes.h"
#include "packet/live.h"

#define MARK 0x68696e6fu /* in the payload of each frame sent */
#define FRAME_BYTES 60

static const char *why_not; /* namespaces cannot be used */

static bool run(const char *command)
{
	return system(command) == 0;
}

static bool write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool good;

	if (f == NULL)
		return false;
	good = fputs(text, f) >= 0;
	return fclose(f) == 0 && good;
}

/* Become root of new user and network namespaces. */
static void enter_namespace(void)
{
	char map[64];
	unsigned int uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1) {
		why_not = "user and network namespaces are not allowed here";
		return;
	}
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", map)) {
		why_not = "the user namespace cannot be set up";
		return;
	}
	snprintf(map, sizeof(map), "0 %u 1", gid);
	if (!write_text("/proc/self/gid_map", map)) {
		why_not = "the user namespace cannot be set up";
		return;
	}
	(void)write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	if (!run("ip link set lo up") || !run("ip link add tv0 type veth peer name tv1") ||
	    !run("ip link del tv0"))
		why_not = "veth pairs cannot be made here";
}

static int make_pair(void **state)
{
	(void)state;
	if (why_not != NULL)
		return 0;
	return run("ip link add tv0 type veth peer name tv1 && ip link set tv0 up && "
		   "ip link set tv1 up")
		       ? 0
		       : -1;
}

static int drop_pair(void **state)
{
	(void)state;
	(void)run("ip link del tv1 2>/dev/null");
	return 0;
}

static void need_namespace(void)
{
	if (why_not != NULL) {
		print_message("skipped: %s\n", why_not);
		skip();
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct hin_live *open_on(const char *name, size_t rings, bool outgoing)
{
	const struct hin_live_options options = { .ring_bytes = 8 << 20, .outgoing = outgoing };
	struct hin_error err = { 0 };
	struct hin_live *live = NULL;

	if (hin_live_open(&live, name, rings, &options, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return live;
}

static int sender_on(const char *name)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_int_not_equal(fd, -1);
	to.sll_ifindex = (int)if_nametoindex(name);
	assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

enum shape { PLAIN, TAGGED, TWICE, SIX, PPPOE, ARP };

/* A frame from source number `source`; returns its size. */
static size_t make_frame(uint8_t out[128], enum shape shape, uint32_t source, uint32_t number)
{
	static const uint8_t addresses[12] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1 };
	struct hin_writer w = hin_writer_of(out, 128);

	memset(out, 0, 128);
	hin_write_bytes(&w, addresses, 12);
	if (shape == TWICE) {
		hin_write_be16(&w, 0x88a8);
		hin_write_be16(&w, 0x2064);
	}
	if (shape == TAGGED || shape == TWICE) {
		hin_write_be16(&w, 0x8100);
		hin_write_be16(&w, 0x6123);
	}
	if (shape == PPPOE) {
		hin_write_be16(&w, 0x8864);
		hin_write_be32(&w, 0x11000001);
		hin_write_be16(&w, 42);
		hin_write_be16(&w, 0x0021);
	}
	if (shape == SIX) {
		hin_write_be16(&w, 0x86dd);
		hin_write_be64(&w, UINT64_C(0x6000000000083b40));
		hin_write_be64(&w, UINT64_C(0x20010db800000000) | source);
		hin_write_be64(&w, number); /* other addresses of one /64 */
		hin_write_be64(&w, UINT64_C(0x20010db8ffff0000));
		hin_write_be64(&w, 1);
	} else if (shape == ARP) {
		hin_write_be16(&w, 0x0806);
		hin_write_be64(&w, UINT64_C(0x0001080006040001));
	} else {
		if (shape != PPPOE)
			hin_write_be16(&w, 0x0800);
		hin_write_be64(&w, UINT64_C(0x4500002800000000));
		hin_write_be32(&w, 0x40110000);
		hin_write_be32(&w, 0xc6336400 + source);
		hin_write_be32(&w, 0xc0000201);
	}
	hin_write_be32(&w, MARK);
	hin_write_be32(&w, source);
	hin_write_be32(&w, number);
	assert_false(w.failed);
	return w.used > FRAME_BYTES ? w.used : FRAME_BYTES;
}

static void send_frame(int fd, enum shape shape, uint32_t source, uint32_t number)
{
	uint8_t frame[128];
	size_t size = make_frame(frame, shape, source, number);

	while (send(fd, frame, size, 0) == -1)
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

/* Is it one of ours? Then whose and which. */
static bool ours(const struct hin_frame *f, uint32_t *source, uint32_t *number)
{
	static const uint8_t mark[] = { 0x68, 0x69, 0x6e, 0x6f };
	const uint8_t *at = memmem(f->data, f->size, mark, sizeof(mark));
	struct hin_reader in;

	if (at == NULL)
		return false;
	in = hin_reader_of(at + 4, (size_t)(f->data + f->size - at - 4));
	*source = hin_read_be32(&in);
	*number = hin_read_be32(&in);
	return !in.failed;
}

/* Read `ring` until `want` of our frames came or a second passed without one. */
static size_t receive(struct hin_live *live, size_t ring, size_t want)
{
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	int64_t last = now_ms();
	size_t count = 0;

	assert_non_null(batch);
	while (count < want && now_ms() - last < 1000) {
		enum hin_code code = hin_live_read(live, ring, batch, 100, NULL);

		assert_true(code == HIN_OK || code == HIN_EAGAIN);
		assert_true((code == HIN_OK) == (batch->count > 0));
		for (size_t i = 0; i < batch->count; i++) {
			uint32_t source, number;

			if (!ours(&batch->frames[i], &source, &number))
				continue;
			last = now_ms();
			count++;
		}
	}
	hin_batch_release(batch);
	free(batch);
	return count;
}

struct flood {
	uint32_t count, sources;
	bool mixed; /* all shapes in turn */
};

static void *flood(void *arg)
{
	const struct flood *f = arg;
	int fd = sender_on("tv1");

	for (uint32_t i = 0; i < f->count; i++)
		send_frame(fd, f->mixed ? (enum shape)(i / f->sources % 5) : PLAIN, i % f->sources,
			   i);
	close(fd);
	return NULL;
}

/* Every frame comes once, in order, whole, with a time of now; several batches are held meanwhile.
 */
static void all_frames_come(void **state)
{
	enum { FRAMES = 20000, BATCHES = 3 };
	struct flood plan = { .count = FRAMES, .sources = 200 };
	struct hin_batch *batches;
	struct hin_live *live;
	pthread_t thread;
	uint32_t next = 0;
	int64_t deadline = now_ms() + 20000, start = (int64_t)time(NULL) - 1;

	(void)state;
	need_namespace();
	batches = calloc(BATCHES, sizeof(*batches));
	live = open_on("tv0", 1, false);
	assert_int_equal(hin_live_link(live), HIN_LINK_ETHERNET);
	assert_false(hin_live_waiting(live));
	assert_int_equal(pthread_create(&thread, NULL, flood, &plan), 0);
	for (size_t b = 0; next < FRAMES && now_ms() < deadline; b++) {
		struct hin_batch *batch = &batches[b % BATCHES];
		enum hin_code code = hin_live_read(live, 0, batch, 100, NULL);

		assert_true(code == HIN_OK || code == HIN_EAGAIN);
		for (size_t i = 0; i < batch->count; i++) {
			const struct hin_frame *f = &batch->frames[i];
			uint32_t source, number;

			if (!ours(f, &source, &number))
				continue;
			assert_int_equal(number, next++);
			assert_int_equal(f->size, FRAME_BYTES);
			assert_int_equal(f->length, FRAME_BYTES);
			assert_int_equal(f->link, HIN_LINK_ETHERNET);
			assert_in_range(f->time_ns / 1000000000, start, start + 60);
		}
	}
	pthread_join(thread, NULL);
	assert_int_equal(next, FRAMES);
	assert_int_equal(hin_live_drops(live, 0), 0);
	for (size_t b = 0; b < BATCHES; b++)
		hin_batch_release(&batches[b]);
	hin_live_close(live);
	free(batches);
}

/* What the kernel cannot put anywhere is counted. */
static void drops_are_counted(void **state)
{
	const struct hin_live_options options = { .ring_bytes = 1 };
	struct flood plan = { .count = 60000, .sources = 1 };
	struct hin_live *live;
	pthread_t thread;
	size_t came;

	(void)state;
	need_namespace();
	assert_int_equal(hin_live_open(&live, "tv0", 1, &options, NULL), HIN_OK);
	assert_int_equal(pthread_create(&thread, NULL, flood, &plan), 0);
	pthread_join(thread, NULL);
	came = receive(live, 0, 60000);
	assert_true(came > 1000 && came < 60000);
	assert_in_range(hin_live_drops(live, 0), 60000 - came, 60000 - came + 100);
	assert_true(hin_live_drops(live, 0) >= 60000 - came); /* asking again loses nothing */
	hin_live_close(live);
}

struct listener {
	struct hin_live *live;
	size_t ring;
	_Atomic uint32_t seen[200];
	_Atomic bool *stop;
};

static void *listen_to(void *arg)
{
	struct listener *l = arg;
	struct hin_batch *batch = calloc(1, sizeof(*batch));

	while (!*l->stop) {
		(void)!hin_live_read(l->live, l->ring, batch, 50, NULL);
		for (size_t i = 0; i < batch->count; i++) {
			uint32_t source, number;

			if (ours(&batch->frames[i], &source, &number) && source < 200) {
				assert_int_equal(batch->frames[i].input, l->ring);
				l->seen[source]++;
			}
		}
	}
	hin_batch_release(batch);
	free(batch);
	return NULL;
}

/* One source comes to one ring only, in whatever its packets are wrapped. */
static void rings_share_by_source(void **state)
{
	enum { RINGS = 3, SOURCES = 200, FRAMES = 20000 };
	static struct listener listeners[RINGS];
	struct flood plan = { .count = FRAMES, .sources = SOURCES, .mixed = true };
	pthread_t threads[RINGS], sender;
	_Atomic bool stop = false;
	struct hin_live *live;
	size_t total = 0, used[RINGS] = { 0 };
	int64_t deadline = now_ms() + 20000;

	(void)state;
	need_namespace();
	live = open_on("tv0", RINGS, false);
	for (size_t i = 0; i < RINGS; i++) {
		listeners[i] = (struct listener){ .live = live, .ring = i, .stop = &stop };
		assert_int_equal(pthread_create(&threads[i], NULL, listen_to, &listeners[i]), 0);
	}
	assert_int_equal(pthread_create(&sender, NULL, flood, &plan), 0);
	pthread_join(sender, NULL);
	while (total < FRAMES && now_ms() < deadline) {
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
		total = 0;
		for (size_t i = 0; i < RINGS; i++)
			for (size_t s = 0; s < SOURCES; s++)
				total += listeners[i].seen[s];
	}
	stop = true;
	for (size_t i = 0; i < RINGS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(total, FRAMES);
	for (size_t s = 0; s < SOURCES; s++) {
		size_t rings = 0;

		/* four of the five shapes have the same IPv4 source; IPv6 may go elsewhere */
		for (size_t i = 0; i < RINGS; i++) {
			uint32_t seen = listeners[i].seen[s];

			rings += seen > 0;
			used[i] += seen > 0;
			if (seen != 0 && seen != 20 && seen != 80 && seen != 100)
				fail_msg("source %zu: %u frames in ring %zu", s, seen, i);
		}
		assert_in_range(rings, 1, 2);
	}
	for (size_t i = 0; i < RINGS; i++)
		assert_true(used[i] > SOURCES / 10);
	hin_live_close(live);
}

/* Tags are there as they were sent, whatever the kernel did with them. */
static void vlan_tags_are_kept(void **state)
{
	static const enum shape shapes[] = { TAGGED, TWICE, PPPOE, SIX, ARP };
	struct hin_batch *batch;
	struct hin_live *live;
	size_t next = 0;
	int64_t deadline = now_ms() + 5000;
	int fd;

	(void)state;
	need_namespace();
	batch = calloc(1, sizeof(*batch));
	live = open_on("tv0", 1, false);
	fd = sender_on("tv1");
	for (size_t i = 0; i < HIN_COUNT(shapes); i++)
		send_frame(fd, shapes[i], 7, (uint32_t)i);
	while (next < HIN_COUNT(shapes) && now_ms() < deadline) {
		(void)!hin_live_read(live, 0, batch, 100, NULL);
		for (size_t i = 0; i < batch->count; i++) {
			const struct hin_frame *f = &batch->frames[i];
			uint8_t want[128];
			uint32_t source, number;
			size_t size;

			if (!ours(f, &source, &number))
				continue;
			size = make_frame(want, shapes[next], 7, (uint32_t)next);
			assert_int_equal(f->size, size);
			assert_int_equal(f->length, size);
			assert_memory_equal(f->data, want, size);
			next++;
		}
	}
	assert_int_equal(next, HIN_COUNT(shapes));
	close(fd);
	hin_batch_release(batch);
	hin_live_close(live);
	free(batch);
}

static void own_packets_are_left_out(void **state)
{
	struct hin_live *live;
	int fd;

	(void)state;
	need_namespace();
	for (int outgoing = 0; outgoing < 2; outgoing++) {
		live = open_on("tv0", 1, outgoing);
		fd = sender_on("tv0");
		send_frame(fd, PLAIN, 1, 1);
		close(fd);
		assert_int_equal(receive(live, 0, 1), outgoing);
		hin_live_close(live);
	}
	live = open_on("lo", 1, false); /* there each packet would come twice */
	assert_int_equal(hin_live_link(live), HIN_LINK_ETHERNET);
	fd = sender_on("lo");
	send_frame(fd, PLAIN, 1, 1);
	close(fd);
	assert_int_equal(receive(live, 0, 2), 1);
	hin_live_close(live);
}

/* Reads all rings without any privilege, as after the sandbox is closed, and counts our frames. */
struct reader {
	struct hin_live *live;
	size_t rings;
	_Atomic size_t count;
	_Atomic bool stop;
};

static void *read_unprivileged(void *arg)
{
	struct reader *r = arg;
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	cap_t none = cap_init();

	assert_int_equal(cap_set_proc(none), 0); /* of this thread */
	cap_free(none);
	assert_int_equal(socket(AF_PACKET, SOCK_RAW, 0), -1);
	while (!r->stop)
		for (size_t i = 0; i < r->rings; i++) {
			(void)!hin_live_read(r->live, i, batch, 10, NULL);
			for (size_t n = 0; n < batch->count; n++) {
				uint32_t source, number;

				r->count += ours(&batch->frames[n], &source, &number);
			}
		}
	hin_batch_release(batch);
	free(batch);
	return NULL;
}

static void expect_state(const struct hin_live *live, bool waiting, uint32_t reopened)
{
	int64_t deadline = now_ms() + 10000;

	while (hin_live_waiting(live) != waiting || hin_live_reopened(live) != reopened) {
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		if (now_ms() > deadline)
			fail_msg("waiting %d, reopened %u times; wanted %d, %u",
				 hin_live_waiting(live), hin_live_reopened(live), waiting,
				 reopened);
	}
}

/* Send until each frame comes, once: the rings behind ring 0 need a moment to follow it. */
static void expect_traffic(struct reader *r)
{
	int64_t deadline = now_ms() + 10000;
	int fd = sender_on("tv1");
	size_t came;

	do {
		int64_t until = now_ms() + 300;

		assert_true(now_ms() < deadline);
		r->count = 0;
		for (uint32_t i = 0; i < 50; i++)
			send_frame(fd, PLAIN, i, i);
		while (now_ms() < until)
			nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
		came = r->count;
		assert_true(came <= 50); /* never twice */
	} while (came != 50);
	close(fd);
}

#define NEW_PAIR "ip link add tv0 type veth peer name tv1 && ip link set tv1 up"

static void it_comes_and_goes(size_t rings)
{
	struct reader r = { .live = open_on("tv0", rings, false), .rings = rings };
	pthread_t thread;
	uint32_t times = 0;

	assert_int_equal(pthread_create(&thread, NULL, read_unprivileged, &r), 0);
	expect_traffic(&r);
	/* down and up */
	assert_true(run("ip link set tv0 down"));
	expect_state(r.live, true, 0);
	assert_true(run("ip link set tv0 up"));
	expect_state(r.live, false, 0);
	expect_traffic(&r);
	/* renamed: no longer ours, until one of that name is there again */
	assert_true(run("ip link set tv0 down && ip link set tv0 name other && "
			"ip link set other up"));
	expect_state(r.live, true, times);
	nanosleep(&(struct timespec){ .tv_nsec = 800000000 }, NULL);
	assert_true(run("ip link set other down && ip link set other name tv0 && "
			"ip link set tv0 up"));
	expect_state(r.live, false, ++times);
	expect_traffic(&r);
	/* made anew, more often than there are spare sockets */
	while (times < HIN_LIVE_SPARES + 2) {
		assert_true(run("ip link del tv0"));
		expect_state(r.live, true, times);
		assert_true(run(NEW_PAIR " && ip link set tv0 up"));
		expect_state(r.live, false, ++times);
		if (times % 4 == 1 || times >= HIN_LIVE_SPARES)
			expect_traffic(&r);
	}
	r.stop = true;
	pthread_join(thread, NULL);
	hin_live_close(r.live);
}

static void one_ring_survives_its_interface(void **state)
{
	(void)state;
	need_namespace();
	it_comes_and_goes(1);
}

static void two_rings_survive_their_interface(void **state)
{
	(void)state;
	need_namespace();
	it_comes_and_goes(2);
}

static void an_interface_that_is_down_is_waited_for(void **state)
{
	struct hin_live *live;

	(void)state;
	need_namespace();
	assert_true(run("ip link set tv0 down"));
	live = open_on("tv0", 2, false);
	assert_true(hin_live_waiting(live));
	assert_int_equal(hin_live_link(live), HIN_LINK_ETHERNET);
	assert_int_equal(receive(live, 0, 1), 0);
	hin_live_close(live);
}

static void refusals_are_clear(void **state)
{
	static const struct {
		const char *name;
		size_t rings;
		enum hin_code want;
		const char *text;
	} cases[] = {
		{ "nosuch0", 1, HIN_ENOENT, "nosuch0: no such network interface" },
		{ "a-name-far-too-long-for-one", 1, HIN_ENOENT,
		  "a-name-far-too-long-for-one: no such network interface" },
		{ "lo", 0, HIN_EUSAGE, "lo: 0 rings are not in 1-64" },
		{ "lo", 65, HIN_EUSAGE, "lo: 65 rings are not in 1-64" },
	};
	const struct hin_live_options options = { 0 };

	(void)state;
	need_namespace();
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_live *live = NULL;
		struct hin_error err;

		assert_int_equal(
			hin_live_open(&live, cases[i].name, cases[i].rings, &options, &err),
			cases[i].want);
		assert_string_equal(err.text, cases[i].text);
		assert_null(live);
	}
	hin_live_close(NULL);
}

static void *open_unprivileged(void *arg)
{
	const struct hin_live_options options = { 0 };
	struct hin_live *live = NULL;
	cap_t none = cap_init();

	assert_int_equal(cap_set_proc(none), 0);
	cap_free(none);
	assert_int_equal(hin_live_open(&live, "lo", 1, &options, arg), HIN_EDENIED);
	return NULL;
}

static void privilege_is_asked_for(void **state)
{
	struct hin_error err = { 0 };
	pthread_t thread;

	(void)state;
	need_namespace();
	assert_int_equal(pthread_create(&thread, NULL, open_unprivileged, &err), 0);
	pthread_join(thread, NULL);
	assert_string_equal(err.text, "lo: capturing needs root or the capability CAP_NET_RAW");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_frames_come, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(drops_are_counted, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(rings_share_by_source, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(vlan_tags_are_kept, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(own_packets_are_left_out, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(one_ring_survives_its_interface, make_pair,
						drop_pair),
		cmocka_unit_test_setup_teardown(two_rings_survive_their_interface, make_pair,
						drop_pair),
		cmocka_unit_test_setup_teardown(an_interface_that_is_down_is_waited_for, make_pair,
						drop_pair),
		cmocka_unit_test(refusals_are_clear),
		cmocka_unit_test(privilege_is_asked_for),
	};

	enter_namespace();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
