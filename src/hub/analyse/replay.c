/* replay - see replay.h */
#include "hub/analyse/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/analyse/overrides.h"

#define COMMIT_US (600 * INT64_C(1000000)) /* of the stream, between two commits */

enum hin_code hin_replay_open(struct hin_replay *out, const struct hin_analyse_settings *settings,
			      struct hin_owners_box *owners, bool bounded, struct hin_error *err)
{
	struct hin_analyse_settings on = *settings;
	struct hin_analyse_open how = { .settings = &on, .owners = owners, .price = true };
	struct hin_replay r = { 0 };
	int64_t most = 0;
	enum hin_code code = hin_desk_open(&r.desk, ":memory:", HIN_DESK_CREATE, err);

	on.on = true;
	how.desk = r.desk;
	if (code == HIN_OK && bounded)
		code = hin_desk_number(r.desk, &most, err, "PRAGMA max_page_count = 16384", "");
	if (code == HIN_OK)
		code = hin_analyse_open(&r.analyse, &how, err);
	if (code == HIN_OK)
		*out = r;
	else
		hin_replay_close(&r);
	return code;
}

void hin_replay_close(struct hin_replay *r)
{
	if (r == NULL)
		return;
	hin_analyse_close(r->analyse);
	hin_desk_close(r->desk);
	*r = (struct hin_replay){ 0 };
}

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	struct hin_replay *r = user;
	int64_t now_us;

	hin_analyse_take_rows(r->analyse, rows);
	now_us = hin_analyse_now_us(r->analyse);
	if (now_us - r->committed_us < COMMIT_US)
		return HIN_OK;
	r->committed_us = now_us;
	return hin_analyse_commit(r->analyse, 0, err);
}

enum hin_code hin_replay_run(struct hin_replay *r, const char *path,
			     const struct hin_store_range *range, struct hin_error *err)
{
	struct hin_store_range asked = *range;
	int64_t started = hin_time_monotonic_ns();
	struct hin_store *store = NULL;
	struct hin_filter *filter = NULL;
	enum hin_code code = hin_store_open(&store, path, HIN_STORE_READ, NULL, err);

	if (code == HIN_OK)
		code = hin_analyse_filter(r->analyse, &filter, err);
	asked.filter = filter;
	if (code == HIN_OK)
		code = hin_store_scan(store, &asked, UINT64_MAX, 0, take_rows, r, &r->effort, err);
	if (code == HIN_OK)
		code = hin_analyse_commit(r->analyse, 0, err);
	hin_filter_free(filter);
	hin_store_close(store);
	r->wall_ns = hin_time_monotonic_ns() - started;
	return code;
}

enum hin_code hin_replay_choose(struct hin_analyse_settings *settings, const char *list,
				struct hin_error *err)
{
	uint64_t chosen = 0;

	while (*list != '\0') {
		size_t size = strcspn(list, ","), at = 0;
		char shown[80];

		while (at < hin_rule_count &&
		       (strlen(hin_rule_name(hin_rules[at])) != size ||
			strncmp(hin_rule_name(hin_rules[at]), list, size) != 0))
			at++;
		if (at == hin_rule_count)
			return hin_fail(err, HIN_EUSAGE, "there is no rule \"%s\"",
					hin_escape_text(shown, sizeof(shown), list));
		chosen |= UINT64_C(1) << at;
		list += size + (list[size] == ',');
	}
	for (size_t i = 0; i < hin_rule_count; i++) {
		char text[96];

		snprintf(text, sizeof(text), "rule.%s.on=%s", hin_rule_name(hin_rules[i]),
			 chosen >> i & 1 ? "yes" : "no");
		if (hin_config_set(&hin_analyse_table, settings, text, err) != HIN_OK)
			return HIN_EUSAGE;
	}
	return HIN_OK;
}

/* ---- what came of it ---- */

static void put_rules(const struct hin_replay *r, struct hin_buffer *out)
{
	const struct hin_analyse_counters *c = hin_analyse_count(r->analyse);

	hin_buffer_puts(out, "{\"rules\":[");
	for (size_t i = 0; i < hin_rule_count; i++)
		hin_buffer_printf(out,
				  "%s{\"rule\":\"%s\",\"rows\":%llu,\"findings\":%llu,"
				  "\"updates\":%llu,\"cpu_ns\":%llu}",
				  i > 0 ? "," : "", hin_rule_name(hin_rules[i]),
				  (unsigned long long)c->rule[i].rows,
				  (unsigned long long)c->rule[i].found,
				  (unsigned long long)c->rule[i].updates,
				  (unsigned long long)c->rule[i].cpu_ns);
}

/* Findings in the order in which they would have been known. */
static enum hin_code put_findings(struct hin_replay *r, uint64_t limit, struct hin_buffer *out,
				  struct hin_error *err)
{
	sqlite3_stmt *q = hin_desk_statement(
		r->desk, "SELECT id FROM finding ORDER BY told_us, id LIMIT ?1", err);
	enum hin_code code =
		q == NULL ? HIN_EFORMAT : hin_desk_bind(r->desk, q, err, "i", (int64_t)limit);
	uint64_t count = 0;

	while (code == HIN_OK && (code = hin_desk_step(r->desk, q, err)) == HIN_OK) {
		struct hin_finding f;

		code = hin_finding_get(r->desk, sqlite3_column_int64(q, 0), 0, &f, err);
		if (code != HIN_OK)
			return code;
		hin_buffer_puts(out, count++ > 0 ? ",\n" : "\n");
		hin_finding_json(&f, out);
	}
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code hin_replay_json(struct hin_replay *r, uint64_t limit, struct hin_buffer *out,
			      struct hin_error *err)
{
	const struct hin_analyse_counters *c = hin_analyse_count(r->analyse);
	int64_t findings = 0, cases = 0;
	enum hin_code code =
		hin_desk_number(r->desk, &findings, err, "SELECT count(*) FROM finding", "");

	if (code == HIN_OK)
		code = hin_desk_number(r->desk, &cases, err, "SELECT count(*) FROM case_", "");
	if (code != HIN_OK)
		return code;
	put_rules(r, out);
	hin_buffer_puts(out, "],\"findings\":[");
	code = put_findings(r, limit, out, err);
	hin_buffer_printf(out,
			  "],\"count\":%lld,\"cases\":%lld,\"rows\":%llu,\"evicted\":%llu,"
			  "\"refused\":%llu,\"late\":%llu,\"damaged_blocks\":%llu,"
			  "\"seconds\":%.3f}\n",
			  (long long)findings, (long long)cases, (unsigned long long)c->rows,
			  (unsigned long long)c->evicted, (unsigned long long)c->refused,
			  (unsigned long long)c->late, (unsigned long long)r->effort.damaged_blocks,
			  (double)r->wall_ns / 1e9);
	return code;
}
