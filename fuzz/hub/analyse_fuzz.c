/*
 * What a sensor that lies can make of analysis: any rows that its batches may carry, in any order
 * and at any time. Whatever comes, a commit works, findings can be read, and the query of each is
 * one that `hinomi query` takes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "hub/analyse/analyse.h"
#include "hub/case/case.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct hin_setting setting_rows[] = { HIN_ANALYSE_ROWS(0) };
static const struct hin_config_table table = { setting_rows, HIN_COUNT(setting_rows) };
static struct hin_desk *desk;
static struct hin_analyse *analyse;

static void must(enum hin_code code)
{
	if (code != HIN_OK)
		abort();
}

static void open_all(void)
{
	static struct hin_analyse_settings settings;
	struct hin_analyse_open how = { .settings = &settings };

	hin_log_setup(-1, HIN_LOG_ERROR);
	must(hin_config_init(&table, &settings, NULL));
	settings.subjects = 1024;
	settings.campaign.past_ns = 0;
	settings.campaign.sources = 3;
	settings.scanner.targets = 2;
	must(hin_desk_open(&desk, ":memory:", HIN_DESK_CREATE, NULL));
	how.desk = desk;
	must(hin_analyse_open(&analyse, &how, NULL));
}

/* A row of 24 bytes: short ones, so that a little input is many rows. */
static void read_row(struct hin_reader *in, int64_t *time_us, struct hin_observation *o)
{
	static const uint16_t kinds[] = {
		HIN_KIND_TELESCOPE_SCAN,
		HIN_KIND_TELESCOPE_MEMBER,
		HIN_KIND_TELESCOPE_BACKSCATTER,
		HIN_KIND_TELESCOPE_FLOOD,
		HIN_KIND_TELESCOPE_AMPLIFICATION,
		HIN_KIND_TELESCOPE_RISING,
		HIN_KIND_ROAD_GAP,
		HIN_KIND_ROAD_SILENT,
		HIN_KIND_TELESCOPE_FLOW,
		HIN_KIND_ROAD_LOSS,
		HIN_KIND_ROAD_ALIVE,
		HIN_KIND_ROAD_FILLED,
	};
	uint8_t what = hin_read_u8(in), has = hin_read_u8(in), tags = hin_read_u8(in);
	struct hin_addr a = hin_addr_of_v4(0xc0000200u | hin_read_u8(in));
	uint64_t big = hin_read_be64(in);

	if (has & 4)
		memcpy(a.b, "\x20\x01\x0d\xb8", 4);
	*o = (struct hin_observation){ .kind = kinds[what % HIN_COUNT(kinds)] };
	*time_us += (int64_t)(int16_t)hin_read_be16(in) * ((has & 8) ? 60000000 : 10000);
	o->time_us = has & 16 ? (int64_t)(big >> 1) : *time_us;
	o->duration_us = has & 32 ? big : 1000000;
	o->packets = has & 64 ? big : 1000;
	o->bytes = has & 128 ? UINT64_MAX : big;
	if (has & 1)
		hin_observation_set_src(o, &a);
	if (has & 2)
		hin_observation_set_dst(o, &a);
	o->sport = hin_read_be16(in);
	o->dport = hin_read_be16(in);
	o->tool = hin_read_u8(in);
	o->proto = hin_read_u8(in);
	o->targets = hin_read_be16(in);
	o->confidence = hin_read_u8(in) % 101;
	o->rule = hin_read_u8(in);
	o->ports = o->targets;
	if (what & 128) {
		memset(o->device, what, sizeof(o->device));
		o->device_basis = has;
	}
	if (what & 64)
		o->src_len = 64;
	for (unsigned i = 0; i < 8; i++)
		if (tags >> i & 1)
			(void)hin_observation_tag(
				o, (uint16_t[]){ HIN_TAG_MEMBER, HIN_TAG_OPENED, HIN_TAG_SPOOFED,
						 HIN_TAG_RESEARCH, HIN_TAG_LARGE, HIN_TAG_BOGON,
						 HIN_TAG_CLOSED, HIN_TAG_UPDATED }[i]);
}

static bool look_at(void *user, const struct hin_finding *f)
{
	struct hin_buffer json = { 0 };
	struct hin_filter *filter = NULL;

	(void)user;
	must(hin_filter_parse(&filter, f->query, strlen(f->query), NULL, NULL));
	hin_filter_free(filter);
	if (f->first_us > f->last_us || f->confidence > 100 ||
	    hin_finding_kind_named(f->kind) == NULL)
		abort();
	hin_finding_json(f, &json);
	hin_buffer_fini(&json);
	return true;
}

static bool look_at_case(void *user, const struct hin_case *c)
{
	char title[HIN_CASE_TITLE];

	(void)user;
	(void)hin_case_title(c, HIN_JA, title);
	if (c->findings == 0 && c->closed_us == 0) /* else they may be put together */
		abort();
	return true;
}

static void look_at_all(const struct hin_finding_filter *findings,
			const struct hin_case_filter *cases)
{
	must(hin_finding_list(desk, findings, look_at, NULL, NULL));
	must(hin_case_list(desk, cases, look_at_case, NULL, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const empty[] = { "DELETE FROM case_history", "DELETE FROM case_join",
					     "DELETE FROM finding",	 "DELETE FROM case_",
					     "DELETE FROM act",		 "DELETE FROM analysed",
					     "DELETE FROM case_summary" };
	const struct hin_finding_filter findings = { .limit = 1000 };
	const struct hin_case_filter cases = { .assignee = HIN_CASE_ANYBODY };
	struct hin_reader in = hin_reader_of(data, size);
	uint8_t sensor[16] = { 1 };
	int64_t time_us = INT64_C(1795300000000000);

	if (analyse == NULL)
		open_all();
	for (uint64_t n = 1; in.left > 0; n++) {
		struct hin_observation row;

		read_row(&in, &time_us, &row);
		sensor[1] = (uint8_t)(row.sport & 31);
		if (hin_observation_check(&row, NULL) == HIN_OK &&
		    hin_analyse_begin(analyse, sensor, 1, n))
			hin_analyse_take(analyse, &row, sensor);
		if ((row.dport & 7) == 0)
			must(hin_analyse_commit(analyse, 0, NULL));
	}
	must(hin_analyse_commit(analyse, 0, NULL));
	look_at_all(&findings, &cases);
	for (int day = 1; day < 700; day += 90) /* time goes by: all of it ages */
		must(hin_analyse_tick(analyse, time_us + day * INT64_C(86400000000), NULL));
	look_at_all(&findings, &cases);
	hin_analyse_stored(analyse);
	hin_analyse_reset(analyse);
	for (size_t i = 0; i < HIN_COUNT(empty); i++)
		must(hin_desk_run(desk, NULL, empty[i], ""));
	return 0;
}
