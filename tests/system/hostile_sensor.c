/*
 * hostile-sensor - a sensor that joined and lies: whatever a row can say, as fast as it goes.
 *
 * usage: hostile-sensor FOLDER MODE ROWS SEED [SENSOR]
 *
 * FOLDER is a joined sensor's. It prints how many batches the hub took and refused; the status is 1
 * when the hub could not be reached. `lies` needs the id of the SENSOR that is lied about.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/random.h"
#include "base/time.h"
#include "observe/carrier_member.h"
#include "observe/registry.h"
#include "observe/road.h"

#define WAIT_NS (110 * HIN_NS_PER_S)
#define DAY_US INT64_C(86400000000)

struct liar {
	uint64_t seed;
	int64_t now_us;
	uint8_t victim[16];
};

typedef void (*row_fn)(struct liar *liar, struct hin_observation *o, uint64_t n);

static uint64_t number(struct liar *liar)
{
	static const uint64_t odd[] = { 0,	   1,	       UINT16_MAX,     UINT32_MAX,
					INT64_MAX, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX >> 2 };
	uint32_t dice = random_below(&liar->seed, 16);

	return dice < HIN_COUNT(odd) ? odd[dice] : random_next(&liar->seed);
}

static void set_source(struct hin_observation *o, uint32_t address)
{
	struct hin_addr a = hin_addr_of_v4(address);

	hin_observation_set_src(o, &a);
}

/* Keep what was set when the kind allows it. */
#define TRY(field, value)                                                                          \
	do {                                                                                       \
		struct hin_observation before_ = *o;                                               \
		o->field = (__typeof__(o->field))(value);                                          \
		if (hin_observation_check(o, NULL) != HIN_OK)                                      \
			*o = before_;                                                              \
	} while (0)

/* Any kind that a sensor may say, with whatever it may hold, at its extremes. */
static void everything(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	static const uint16_t kinds[] = { HIN_KIND_ROAD_LOSS,
					  HIN_KIND_ROAD_ALIVE,
					  HIN_KIND_TELESCOPE_FLOW,
					  HIN_KIND_TELESCOPE_SCAN,
					  HIN_KIND_TELESCOPE_BACKSCATTER,
					  HIN_KIND_TELESCOPE_FLOOD,
					  HIN_KIND_TELESCOPE_AMPLIFICATION,
					  HIN_KIND_TELESCOPE_MEMBER,
					  HIN_KIND_TELESCOPE_RISING,
					  4242,
					  60001 };
	struct hin_addr a;

	o->kind = kinds[n % HIN_COUNT(kinds)];
	for (unsigned i = 0; i < sizeof(a.b); i++)
		a.b[i] = (uint8_t)random_next(&liar->seed);
	if (n % 3 != 0)
		a = hin_addr_of_v4((uint32_t)random_next(&liar->seed));
	TRY(src, a);
	TRY(has, o->has | HIN_HAS_SRC);
	TRY(dst, a);
	TRY(has, o->has | HIN_HAS_DST);
	TRY(src_len, random_below(&liar->seed, 129));
	TRY(dst_len, random_below(&liar->seed, 129));
	TRY(duration_us, number(liar));
	TRY(packets, number(liar));
	TRY(bytes, number(liar));
	TRY(targets, number(liar));
	TRY(ports, number(liar));
	TRY(sport, number(liar));
	TRY(dport, number(liar));
	TRY(proto, n % 2 != 0 ? 6 : number(liar));
	TRY(tcp_flags, number(liar));
	TRY(sample, number(liar));
	TRY(tool, random_below(&liar->seed, 40));
	TRY(rule, random_below(&liar->seed, 100));
	TRY(confidence, random_below(&liar->seed, 101));
	TRY(link, number(liar));
	TRY(parent, number(liar));
	TRY(verdict, number(liar));
	TRY(technique, number(liar));
	TRY(service, number(liar));
	TRY(device_basis, 1 + random_below(&liar->seed, 5));
	for (uint16_t tag = 1; tag < 12; tag++)
		if (random_below(&liar->seed, 3) == 0)
			(void)hin_observation_tag(o, tag);
}

/* Infected members, one a row, all under one link: ten thousand findings a second. */
static void findings(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	(void)liar;
	o->kind = HIN_KIND_TELESCOPE_MEMBER;
	set_source(o, 0x0a000000u + (uint32_t)n);
	o->proto = 6;
	o->packets = UINT64_MAX >> 2;
	o->bytes = UINT64_MAX >> 2;
	o->targets = 100000;
	o->tool = HIN_TOOLS_MIRAI;
	o->rule = HIN_RULE_MEMBER_DARK;
	o->link = 7;
}

/* Scans of as many sources and patterns as there are rows. */
static void subjects(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	o->kind = HIN_KIND_TELESCOPE_SCAN;
	set_source(o, (uint32_t)random_next(&liar->seed));
	o->proto = 6;
	o->dport = (uint16_t)(n * 7);
	o->packets = o->targets = 100000;
	o->tool = (uint16_t)(n % 30);
	o->link = 7;
	(void)hin_observation_tag(o, HIN_TAG_OPENED);
}

/* What is known of another sensor's member, said again and again, otherwise. */
static void others(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	everything(liar, o, 7 + n / 11 * 11);
	set_source(o, 0xc0000201u); /* 192.0.2.1 */
	o->link = 7;
	o->duration_us = (uint64_t)DAY_US * 3650;
}

static void alive(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	(void)liar;
	o->kind = HIN_KIND_ROAD_ALIVE;
	o->duration_us = n % 2 != 0 ? UINT64_MAX : (uint64_t)DAY_US * 3650;
}

/* ---- what makes a batch be refused ---- */

static void past(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	findings(liar, o, n);
	o->time_us = (int64_t)n + 1;
}

static void future(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	findings(liar, o, n);
	o->time_us = liar->now_us + DAY_US * 3650;
}

static void lies(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	static const uint16_t kinds[] = { HIN_KIND_ROAD_SILENT, HIN_KIND_ROAD_GAP,
					  HIN_KIND_ROAD_FILLED };

	o->kind = kinds[n % HIN_COUNT(kinds)];
	o->duration_us = (uint64_t)DAY_US;
	o->packets = 9;
	o->device_basis = HIN_DEVICE_BASIS_SENSOR_KEY;
	memcpy(o->device, liar->victim, sizeof(o->device));
	if (o->kind == HIN_KIND_ROAD_SILENT)
		o->packets = 0;
}

/* A sensor that tells the truth: one infected member. */
static void honest(struct liar *liar, struct hin_observation *o, uint64_t n)
{
	findings(liar, o, 0);
	set_source(o, 0xc0000201u + (uint32_t)liar->seed + (uint32_t)n);
	o->packets = 1;
	o->bytes = 40;
	o->targets = 1;
}

static const struct {
	const char *name;
	row_fn row;
} modes[] = {
	{ "everything", everything }, { "findings", findings }, { "subjects", subjects },
	{ "others", others },	      { "alive", alive },	{ "past", past },
	{ "future", future },	      { "lies", lies },		{ "honest", honest },
};

static int send_all(struct liar *liar, const char *folder, row_fn row, uint64_t rows)
{
	const struct hin_road_settings settings = { .wait = true, .dark_addresses = UINT64_MAX };
	const struct hin_carrier_member_settings member = { 0 };
	struct hin_error why = { 0 };
	struct hin_road_stats stats;
	struct hin_road *road;
	enum hin_code code = hin_road_open_joined(&road, folder, &member, &settings, &why);

	if (code != HIN_OK) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	for (uint64_t n = 0; n < rows && code == HIN_OK; n++) {
		struct hin_observation o = { .time_us = liar->now_us };

		row(liar, &o, n);
		code = hin_road_put(road, &o);
	}
	for (int64_t waited = 0; code == HIN_OK; waited += HIN_NS_PER_S) {
		code = hin_road_flush(road, true, HIN_NS_PER_S);
		hin_road_stats(road, &stats);
		if (code != HIN_EAGAIN || waited > WAIT_NS)
			break;
		code = HIN_OK;
		if (stats.batches_refused > 0)
			break; /* what is refused is never sent */
	}
	hin_road_stats(road, &stats);
	printf("{\"sent\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"rows_refused\": %" PRIu64 "}\n",
	       stats.batches_sent, stats.batches_refused, stats.rows_refused);
	hin_road_close(road, HIN_NS_PER_S);
	return code != HIN_OK;
}

int main(int argc, char *argv[])
{
	struct liar liar = { .now_us = hin_time_now_ns() / 1000 - 1000000 };

	if (argc < 5)
		return 2;
	liar.seed = strtoull(argv[4], NULL, 10);
	for (unsigned i = 0; argc > 5 && i < sizeof(liar.victim); i++)
		if (sscanf(argv[5] + (size_t)2 * i, "%2hhx", &liar.victim[i]) != 1)
			return 2;
	for (size_t i = 0; i < HIN_COUNT(modes); i++)
		if (strcmp(modes[i].name, argv[2]) == 0)
			return send_all(&liar, argv[1], modes[i].row, strtoull(argv[3], NULL, 10));
	return 2;
}
