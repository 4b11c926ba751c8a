/* analysed - an engine over a desk in memory, for tests of analysis and cases. */
#pragma once
#include "../test.h"

#include <stdio.h>

#include "hub/analyse/analyse.h"
#include "hub/case/case.h"
#include "observe/ndjson.h"

#define T0 INT64_C(1795300000000000) /* 2026-11-22, in us */
#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct analysed {
	struct hin_desk *desk;
	struct hin_owners_box *box;
	struct hin_analyse_settings settings;
	struct hin_analyse *an;
	uint8_t sensor[16];
	uint64_t sequence;
	int64_t now_us;
};

static const struct hin_setting analysed_rows[] = { HIN_ANALYSE_ROWS(0) };
static const struct hin_config_table analysed_table = { analysed_rows, HIN_COUNT(analysed_rows) };

#define GOOD(call)                                                                                 \
	do {                                                                                       \
		struct hin_error err_ = { 0 }, *err = &err_;                                       \
		if ((call) != HIN_OK)                                                              \
			fail_msg("%s: %s", #call, err_.text);                                      \
	} while (0)

static void analysed_open(struct analysed *a, struct hin_error *err)
{
	struct hin_analyse_open how = { .settings = &a->settings,
					.desk = a->desk,
					.owners = a->box };

	if (hin_analyse_open(&a->an, &how, err) != HIN_OK)
		fail_msg("%s", err->text);
}

/* `set` are settings "name=value", up to a NULL. */
static void analysed_begin(struct analysed *a, const char *const *set)
{
	const struct hin_owners_settings owners = { 0 };
	struct hin_error why = { 0 };

	*a = (struct analysed){ .sensor = { 0xab, 1 }, .now_us = T0 };
	GOOD(hin_desk_open(&a->desk, ":memory:", HIN_DESK_CREATE, err));
	GOOD(hin_owners_box_new(&a->box, &owners, err));
	GOOD(hin_config_init(&analysed_table, &a->settings, err));
	for (; set != NULL && *set != NULL; set++)
		GOOD(hin_config_set(&analysed_table, &a->settings, *set, err));
	analysed_open(a, &why);
}

static void analysed_end(struct analysed *a)
{
	hin_analyse_close(a->an);
	hin_owners_box_free(a->box);
	hin_desk_close(a->desk);
}

/* Rows go in as a batch of their own. */
static inline void give(struct analysed *a, const struct hin_observation *row)
{
	(void)hin_analyse_begin(a->an, a->sensor, 1, ++a->sequence);
	hin_analyse_take(a->an, row, a->sensor);
}

static inline void commit(struct analysed *a)
{
	GOOD(hin_analyse_commit(a->an, a->now_us, err));
	hin_analyse_stored(a->an);
}

static inline int64_t number(struct analysed *a, const char *sql)
{
	int64_t n = -1;

	GOOD(hin_desk_number(a->desk, &n, err, sql, ""));
	return n;
}

static inline void run_sql(struct analysed *a, const char *sql)
{
	GOOD(hin_desk_run(a->desk, err, sql, ""));
}

static inline struct hin_addr address_of(const char *text)
{
	struct hin_addr a;

	assert_int_equal(hin_addr_parse(&a, text), HIN_OK);
	return a;
}

/* An urgent row: a member's first packet into dark space. */
static inline struct hin_observation member_row(const char *source, int64_t time_us, uint16_t tool)
{
	struct hin_observation o = { .time_us = time_us,
				     .kind = HIN_KIND_TELESCOPE_MEMBER,
				     .packets = 1,
				     .targets = 1,
				     .ports = 1,
				     .proto = 6,
				     .dport = 23,
				     .tool = tool,
				     .rule = HIN_RULE_MEMBER_DARK };
	struct hin_addr a = address_of(source);

	hin_observation_set_src(&o, &a);
	(void)hin_observation_tag(&o, HIN_TAG_MEMBER);
	return o;
}

static inline struct hin_observation scan_row(const char *source, int64_t time_us, uint16_t tool,
					      uint16_t port, uint32_t targets)
{
	struct hin_observation o = { .time_us = time_us,
				     .duration_us = 60 * SECOND,
				     .kind = HIN_KIND_TELESCOPE_SCAN,
				     .packets = targets,
				     .bytes = targets * 40,
				     .targets = targets,
				     .ports = 1,
				     .proto = 6,
				     .dport = port,
				     .tool = tool,
				     .rule = HIN_RULE_SCAN_HORIZONTAL,
				     .confidence = 95,
				     .link = 1 };
	struct hin_addr a = address_of(source);

	hin_observation_set_src(&o, &a);
	(void)hin_observation_tag(&o, HIN_TAG_OPENED);
	return o;
}
