/* Filters over stored rows: what a scan by columns gives is what matches row by row. */
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "../random.h"
#include "store/store.h"

enum { BATCH = 5000, BATCHES = 5, ROWS = BATCH * BATCHES, ROUNDS = 150 };
#define BASE (INT64_C(1763776800) * 1000000)

static struct hin_observation *rows;
static uint8_t sensors[BATCHES][HIN_SENSOR_ID];
static char folder[64];
static struct hin_store *store;

/* Every kind of test, over values that some rows have and others do not. */
static const char *const tests[] = {
	"kind 60000",
	"kind 60000-60001",
	"not kind 60002",
	"kind in [60001 60003]",
	"proto tcp",
	"proto in [udp icmp]",
	"not tcp",
	"service ssh",
	"service in [ssh telnet http]",
	"not service ssh",
	"tool mirai",
	"tool != mirai",
	"rule 3-9",
	"technique T1110*",
	"verdict success",
	"product 00000000000000ff",
	"device-basis ssh-host-key",
	"artifact-type file",
	"packets > 2",
	"packets 1-3",
	"packets != 2",
	"bytes >= 1k",
	"bytes in [40 44 1500 9000]",
	"targets 0",
	"ports > 1",
	"sample 100",
	"confidence > 50",
	"src-len 24",
	"dst-len > 0",
	"duration > 1s",
	"duration 0",
	"link 0000000000000003",
	"not parent 0000000000000001",
	"port 23",
	"not dst port 23",
	"src port > 2",
	"dst port in [1 3 5 22 23 24 8000-9000]",
	"icmp-type 3",
	"icmp-code 1",
	"flags S",
	"flags SA",
	"flags = S",
	"not flags SA",
	"flags none",
	"tcp[tcpflags] & 3 != 0",
	"field tcp_flags & 18 = 2",
	"host 10.0.0.1",
	"src 10.0.0.0/30",
	"not src 10.0.0.0/31",
	"dst in [10.0.0.1 10.0.0.3 2001:db8::1]",
	"src 10.0.0.1-10.0.0.2",
	"ip",
	"ip6",
	"not dst 2001:db8::/32",
	"src and dst net 10.0.0.0/8",
	"tag bogon",
	"not tag bogon",
	"tag in [bogon research slow]",
	"not tag in [2 3]",
	"present src",
	"not present dst",
	"present tags",
	"present artifact",
	"not present version",
	"present duration",
	"artifact 01020304",
	"not artifact 0102030405",
	"device 0a0a0a0a",
	"not device 0a0a0a0a",
	"evidence in [01010101 02020202]",
	"version 1.2",
	"version in [1.2 7.5p1]",
	"not version 1.2",
	"sensor 01",
	"not sensor 0202",
	"sensor in [01 03]",
	"any",
	"not any",
};

static struct hin_addr random_addr(uint64_t *seed)
{
	struct hin_addr six = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };

	if (random_below(seed, 4) == 0) {
		six.b[15] = (uint8_t)random_below(seed, 3);
		return six;
	}
	return hin_addr_of_v4(0x0a000000 + random_below(seed, 5));
}

static void random_traffic(struct hin_observation *o, uint64_t *seed)
{
	static const uint8_t protos[] = { 6, 6, 6, 17, 1, 58, 0 };
	static const uint16_t ports[] = { 0, 1, 2, 3, 22, 23, 24, 8080, 65535 };
	struct hin_addr a = random_addr(seed), net = hin_addr_of_v4(0x0a000000);

	if (random_below(seed, 5) > 0)
		hin_observation_set_src(o, &a);
	a = random_addr(seed);
	if (random_below(seed, 5) > 0)
		hin_observation_set_dst(o, &a);
	if ((o->has & HIN_HAS_SRC) && hin_addr_equal(&o->src, &net))
		o->src_len = 24;
	if ((o->has & HIN_HAS_DST) && hin_addr_equal(&o->dst, &net))
		o->dst_len = 24;
	o->proto = protos[random_below(seed, HIN_COUNT(protos))];
	o->sport = ports[random_below(seed, HIN_COUNT(ports))];
	o->dport = ports[random_below(seed, HIN_COUNT(ports))];
	o->tcp_flags = o->proto == 6 ? (uint8_t)random_below(seed, 32) : 0;
	o->packets = random_below(seed, 5);
	o->bytes = random_below(seed, 3) * 1000 + 40;
	o->duration_us = random_below(seed, 3) * UINT64_C(900000);
	o->targets = random_below(seed, 3);
	o->ports = random_below(seed, 3);
	o->sample = random_below(seed, 2) * 100;
}

/* What is rare in traffic, and common in events of hosts. */
static void random_rest(struct hin_observation *o, uint64_t *seed)
{
	static const char *const versions[] = { "", "1.2", "7.5p1", "1.20" };

	o->service = (uint16_t)random_below(seed, 9);
	o->tool = (uint16_t)random_below(seed, 6);
	o->rule = random_below(seed, 12);
	o->technique = (uint16_t)random_below(seed, 12);
	o->verdict = (uint8_t)random_below(seed, 4);
	o->product = random_below(seed, 3) * UINT64_C(0xff);
	o->confidence = (uint8_t)random_below(seed, 101);
	o->link = random_below(seed, 5);
	o->parent = random_below(seed, 3);
	if (random_below(seed, 3) == 0) {
		memset(o->device, (int)random_below(seed, 3) + 9, sizeof(o->device));
		o->device_basis = (uint8_t)(1 + random_below(seed, 3));
	}
	o->artifact_type = (uint8_t)random_below(seed, 3);
	if (o->artifact_type > 0)
		for (size_t i = 0; i < sizeof(o->artifact); i++)
			o->artifact[i] = (uint8_t)(i + 1 + (i > 4 ? random_below(seed, 2) : 0));
	if (random_below(seed, 3) == 0)
		memset(o->evidence, (int)random_below(seed, 3) + 1, sizeof(o->evidence));
	strcpy(o->version, versions[random_below(seed, HIN_COUNT(versions))]);
	for (uint32_t i = random_below(seed, 4); i > 0; i--)
		(void)hin_observation_tag(o, (uint16_t)(1 + random_below(seed, 12)));
}

static void random_row(struct hin_observation *o, uint64_t *seed, size_t batch)
{
	bool flow = random_below(seed, 3) > 0;
	struct hin_error err = { 0 };

	*o = (struct hin_observation){ .time_us = BASE + (int64_t)batch * INT64_C(40000) * 1000000 +
						  random_below(seed, 3600) * INT64_C(1000000) };
	o->kind = (uint16_t)(60000 + random_below(seed, 4));
	random_traffic(o, seed);
	if (flow && batch % 2 == 0)
		return;
	random_rest(o, seed);
	if (hin_observation_check(o, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

/* Some batches end in blocks, the last stays in the journal. */
static int fill(void **state)
{
	uint64_t seed = 5;

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/hinomi-filter-XXXXXX");
	rows = calloc(ROWS, sizeof(*rows));
	if (rows == NULL || mkdtemp(folder) == NULL)
		return -1;
	strcat(folder, "/store");
	for (size_t b = 0; b < BATCHES; b++) {
		struct hin_store_batch batch = { .epoch = 1, .sequence = 1, .received_us = BASE };
		enum hin_store_outcome outcome;

		memset(sensors[b], (int)b + 1, HIN_SENSOR_ID);
		memcpy(batch.sensor, sensors[b], HIN_SENSOR_ID);
		for (size_t i = 0; i < BATCH; i++)
			random_row(&rows[b * BATCH + i], &seed, b);
		if (hin_store_open(&store, folder, HIN_STORE_CREATE, NULL, NULL) != HIN_OK ||
		    hin_store_append(store, &batch, rows + b * BATCH, BATCH, &outcome, NULL) !=
			    HIN_OK ||
		    hin_store_sync(store, NULL) != HIN_OK)
			return -1;
		if (b == 2) { /* days that are over become blocks */
			struct hin_store_work work;

			if (hin_store_compact(store, BASE + INT64_C(864000) * 1000000, &work,
					      NULL) != HIN_OK)
				return -1;
		}
		hin_store_close(store);
		store = NULL;
	}
	return hin_store_open(&store, folder, HIN_STORE_READ, NULL, NULL) == HIN_OK ? 0 : -1;
}

static int clear(void **state)
{
	char command[128];

	(void)state;
	hin_store_close(store);
	free(rows);
	*strrchr(folder, '/') = '\0';
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

struct tally {
	const struct hin_filter *filter;
	const char *text;
	size_t count;
	uint64_t packets;
};

static enum hin_code take(void *user, const struct hin_store_rows *got, struct hin_error *err)
{
	struct tally *t = user;

	(void)err;
	for (size_t i = 0; i < got->count; i++) {
		if (!hin_filter_match(t->filter, &got->rows[i], got->batches[i]->sensor))
			fail_msg("%s: a row that does not match", t->text);
		t->packets += got->rows[i].packets;
	}
	t->count += got->count;
	return HIN_OK;
}

/* True when some rows match and others do not. */
static bool check(const char *text)
{
	struct hin_filter *f = NULL;
	struct hin_error err = { 0 };
	struct hin_store_question question = { .by_count = 0, .volume = true };
	struct hin_store_answer answer = { 0 };
	struct tally said = { .text = text }, want = { 0 };

	if (hin_filter_parse(&f, text, strlen(text), NULL, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	for (size_t i = 0; i < ROWS; i++)
		if (hin_filter_match(f, &rows[i], sensors[i / BATCH])) {
			want.count++;
			want.packets += rows[i].packets;
		}
	said.filter = question.range.filter = f;
	if (hin_store_scan(store, &question.range, (UINT64_C(1) << HIN_FIELDS) - 1, 0, take, &said,
			   NULL, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	if (said.count != want.count || said.packets != want.packets)
		fail_msg("%s: a scan gives %zu rows, not %zu", text, said.count, want.count);
	if (hin_store_group(store, &question, &answer, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	if (answer.total.count != want.count || answer.total.packets != want.packets)
		fail_msg("%s: a group has %llu rows, not %zu", text,
			 (unsigned long long)answer.total.count, want.count);
	hin_store_answer_fini(&answer);
	hin_filter_free(f);
	return want.count > 0 && want.count < ROWS;
}

static void each_test(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(tests); i++) {
		bool constant = strstr(tests[i], "any") != NULL;
		char turned[128];

		if (check(tests[i]) == constant)
			fail_msg("%s: tells nothing", tests[i]);
		snprintf(turned, sizeof(turned), "not (%s)", tests[i]);
		(void)check(turned);
	}
}

static void random_filter(struct hin_buffer *out, uint64_t *seed, unsigned depth)
{
	uint32_t pick = random_below(seed, depth < 3 ? 5 : 1);

	if (pick == 0) {
		hin_buffer_puts(out, tests[random_below(seed, HIN_COUNT(tests))]);
		return;
	}
	hin_buffer_puts(out, pick == 1 ? "not (" : "(");
	random_filter(out, seed, depth + 1);
	hin_buffer_puts(out, pick < 4 ? " and " : " or ");
	random_filter(out, seed, depth + 1);
	hin_buffer_puts(out, ")");
}

static void tests_together(void **state)
{
	uint64_t seed = 17;

	(void)state;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct hin_buffer text = { 0 };

		random_filter(&text, &seed, 0);
		(void)check(hin_buffer_text(&text));
		hin_buffer_fini(&text);
	}
}

int main(void)
{
	const struct CMUnitTest units[] = {
		cmocka_unit_test(each_test),
		cmocka_unit_test(tests_together),
	};

	return cmocka_run_group_tests(units, fill, clear);
}
