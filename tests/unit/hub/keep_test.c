/* keep_test - years go by: what is over is put together, what must stay stays, kills lose nothing.
 */
#include "analysed.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/case/keep.h"

#define KEEP_DAYS 400
#define STALE_DAYS 180

static void tick(struct analysed *a)
{
	GOOD(hin_analyse_tick(a->an, a->now_us, err));
}

/* A day: ten members begin to scan and strangers too; letters go out; half of it is worked on. */
static void one_day(struct analysed *a, int day)
{
	char address[32];

	for (int i = 0; i < 10; i++) {
		struct hin_observation row;

		snprintf(address, sizeof(address), "10.%d.%d.%d", day / 200, day % 200, i);
		row = member_row(address, a->now_us, HIN_TOOLS_MIRAI);
		give(a, &row);
		snprintf(address, sizeof(address), "172.%d.%d.%d", day / 200, day % 200, i);
		row = scan_row(address, a->now_us, HIN_TOOLS_ZMAP, 80, 5000);
		give(a, &row);
	}
	commit(a);
	GOOD(hin_desk_run(a->desk, err,
			  "INSERT INTO letter (purpose, channel, address, message_id, state, "
			  "made_us, due_us, sent_us, bytes) SELECT 'notice', 'mail', 'a@b', ?1 || "
			  "s.value, s.value, ?1, ?1, ?1, x'00' FROM (SELECT 'sent' AS value UNION "
			  "SELECT 'bounced' UNION SELECT 'failed' UNION SELECT 'dropped' UNION "
			  "SELECT 'waiting') s",
			  "i", a->now_us));
	GOOD(hin_desk_run(
		a->desk, err,
		"INSERT OR IGNORE INTO alert (case_id, severity, about, channel, address, "
		"text, created_us, due_us, sent_us) SELECT id, severity, 'opened', "
		"'mail', 'a@b', 'x', ?1, ?1, ?1 FROM case_ WHERE updated_us >= ?1",
		"i", a->now_us));
	for (int i = 0; i < 5; i++) {
		struct hin_case_actor by = { .now_us = a->now_us };
		int64_t id = (int64_t)day * 10 + 1 + i;

		GOOD(hin_case_close(a->desk, &by, &id, 1, "cleaned", err));
	}
	tick(a);
}

static void years_do_not_fill_the_desk(void **state)
{
	const int days = 1200;
	struct analysed a;
	int64_t cases;

	(void)state;
	analysed_begin(&a, NULL);
	for (int day = 0; day < days; day++) {
		a.now_us = T0 + day * DAY;
		one_day(&a, day);
	}
	cases = number(&a, "SELECT count(*) FROM case_");
	assert_int_equal(cases, days * 10);
	/* strangers: 90 days; worked on: 400 days; left alone: 180 days and 400 more */
	assert_in_range(number(&a, "SELECT count(*) FROM finding WHERE case_id IS NULL"), 890, 920);
	assert_in_range(number(&a, "SELECT count(*) FROM finding WHERE case_id IS NOT NULL"),
			5 * KEEP_DAYS + 5 * (KEEP_DAYS + STALE_DAYS) - 10,
			5 * KEEP_DAYS + 5 * (KEEP_DAYS + STALE_DAYS) + 20);
	assert_in_range(number(&a, "SELECT count(*) FROM case_ WHERE state = 'new'"),
			5 * STALE_DAYS - 5, 5 * STALE_DAYS + 10);
	assert_in_range(number(&a, "SELECT count(*) FROM case_join"), 4890, 4920);
	assert_in_range(number(&a, "SELECT count(*) FROM alert"), 4890, 4920);
	assert_in_range(number(&a, "SELECT count(*) FROM letter WHERE state <> 'waiting'"),
			4 * KEEP_DAYS, 4 * KEEP_DAYS + 8);
	assert_int_equal(number(&a, "SELECT count(*) FROM letter WHERE state = 'waiting'"), days);
	/* nothing that happened is gone: lines, acts, and what the findings were */
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history WHERE action = 'opened'"),
			 cases);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history h WHERE NOT EXISTS (SELECT "
				    "1 FROM act WHERE id = h.act)"),
			 0);
	assert_int_equal(number(&a, "SELECT sum(findings) FROM case_summary") +
				 number(&a, "SELECT count(*) FROM finding WHERE case_id IS NOT "
					    "NULL"),
			 cases);
	assert_int_equal(
		number(&a, "SELECT count(*) FROM case_history WHERE action = 'summed-up' AND text "
			   "LIKE 'infected-member: findings 1, observations 1, packets 1,%(10.%)'"),
		number(&a, "SELECT count(*) FROM case_summary"));
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history WHERE action = 'closed' AND "
				    "account = 0 AND text LIKE 'nothing of it%'"),
			 number(&a, "SELECT count(*) FROM case_ WHERE id % 10 NOT IN (1, 2, 3, 4, "
				    "5) AND state = 'closed'"));
	assert_true(hin_analyse_count(a.an)->summed_up > 5000);
	analysed_end(&a);
}

/* ---- what is not over, and what comes back ---- */

static const struct hin_keep keep = { KEEP_DAYS * DAY, STALE_DAYS *DAY };

static struct hin_kept step(struct hin_desk *desk, int64_t now_us)
{
	struct hin_kept done = { 0 };

	GOOD(hin_desk_begin(desk, err));
	GOOD(hin_keep_step(desk, &keep, now_us, &done, err));
	GOOD(hin_desk_commit(desk, err));
	return done;
}

static void what_goes_on_is_kept(void **state)
{
	const char *const changes[] = { "false alarm", "suppressed", "closed and seen again" };

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct analysed a;
		struct hin_case_actor by = { .now_us = T0 + SECOND };
		const int64_t id = 1;

		analysed_begin(&a, NULL);
		for (int day = 0; day < 500; day++) {
			struct hin_observation row = member_row("192.0.2.9", T0 + day * DAY, 0);

			a.now_us = T0 + day * DAY;
			row.duration_us = 20 * HOUR;
			give(&a, &row);
			commit(&a);
			if (day == 0 && k == 0)
				GOOD(hin_case_false_alarm(a.desk, &by, &id, 1, changes[k], err));
			if (day == 0 && k == 1)
				GOOD(hin_case_suppress(a.desk, &by, &id, 1, 0, changes[k], err));
			if (day == 0 && k == 2)
				GOOD(hin_case_close(a.desk, &by, &id, 1, changes[k], err));
			tick(&a);
		}
		if (number(&a, "SELECT count(*) FROM finding WHERE case_id = 1") != 1 ||
		    number(&a, "SELECT count(*) FROM case_") != 1 ||
		    number(&a, "SELECT count(*) FROM case_summary") != 0)
			fail_msg("%s: it is not kept", changes[k]);
		analysed_end(&a);
	}
}

/* A case that is opened again by hand, and is over again, is put together again. */
static void opened_again(void **state)
{
	struct hin_case_actor by = { .now_us = T0 };
	struct hin_observation row = member_row("192.0.2.9", T0, 0);
	const int64_t id = 1;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	give(&a, &row);
	commit(&a);
	GOOD(hin_case_close(a.desk, &by, &id, 1, "", err));
	assert_int_equal(step(a.desk, T0 + 399 * DAY).cases, 0);
	assert_int_equal(step(a.desk, T0 + 401 * DAY).cases, 1);
	assert_int_equal(step(a.desk, T0 + 401 * DAY).cases, 0); /* once */
	assert_int_equal(number(&a, "SELECT count(*) FROM case_join"), 0);
	by.now_us = T0 + 402 * DAY;
	GOOD(hin_case_reopen(a.desk, &by, &id, 1, "", err));
	run_sql(&a, "INSERT INTO finding (key, kind, subject_type, subject, confidence, severity, "
		    "first_us, last_us, observations, packets, bytes, query, case_id) VALUES "
		    "(x'02', 'infected-member', 'address', '192.0.2.9', 90, 'high', "
		    "1795300000000000, 1795300000000000, 3, 9223372036854775807, "
		    "9223372036854775807, '', 1)");
	GOOD(hin_case_close(a.desk, &by, &id, 1, "", err));
	assert_int_equal(step(a.desk, T0 + 900 * DAY).cases, 1);
	assert_int_equal(number(&a, "SELECT findings FROM case_summary"), 2);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history WHERE action = 'summed-up'"),
			 2);
	analysed_end(&a);
}

/* ---- a large case, in steps; kills between and within them ---- */

#define CASES 6
#define FINDINGS 3000 /* of each */

static void fill(struct hin_desk *desk)
{
	GOOD(hin_desk_begin(desk, err));
	for (int64_t id = 1; id <= CASES; id++) {
		GOOD(hin_desk_run(desk, err,
				  "INSERT INTO case_ (id, kind, subject, state, severity, "
				  "opened_us, updated_us, first_us, last_us, closed_us) VALUES "
				  "(?1, 'infected-member', 'x', 'closed', 'high', ?2, ?2, ?2, ?2, "
				  "?2)",
				  "ii", id, T0));
		GOOD(hin_desk_run(
			desk, err,
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < "
			"?2) INSERT INTO finding (key, kind, subject_type, subject, confidence, "
			"severity, first_us, last_us, observations, packets, bytes, query, case_id)"
			" SELECT CAST(?1 || '-' || i AS BLOB), iif(i % 3, 'scanner', "
			"'infected-member'), "
			"'device', 'user:' || substr(hex(zeroblob(40)), 1, 80) || i, 90, 'high', "
			"?3, ?3 + i, 1, 9223372036854775807, 9223372036854775807, '', ?1 FROM n",
			"iii", id, (int64_t)FINDINGS, T0));
	}
	GOOD(hin_desk_commit(desk, err));
}

static void whole(struct hin_desk *desk, bool ended)
{
	int64_t left = -1, put = -1, lines = -1, odd = -1;

	GOOD(hin_desk_number(desk, &left, err, "SELECT count(*) FROM finding", ""));
	GOOD(hin_desk_number(desk, &put, err, "SELECT coalesce(sum(findings), 0) FROM case_summary",
			     ""));
	GOOD(hin_desk_number(desk, &odd, err,
			     "SELECT count(*) FROM case_ c WHERE (summed_us > 0) <> (SELECT "
			     "count(*) FROM case_history h JOIN act t ON t.id = h.act WHERE "
			     "h.case_id = c.id AND h.action = 'summed-up') OR (summed_us > 0 AND "
			     "EXISTS (SELECT 1 FROM finding f WHERE f.case_id = c.id))",
			     ""));
	GOOD(hin_desk_number(desk, &lines, err,
			     "SELECT count(*) FROM case_history WHERE length(text) < 2000 AND text "
			     "LIKE 'infected-member: findings 1000, observations 1000, packets %'",
			     ""));
	assert_int_equal(left + put, CASES * FINDINGS);
	assert_int_equal(odd, 0);
	if (ended) {
		assert_int_equal(left, 0);
		assert_int_equal(lines, CASES);
	}
}

static void work(const char *path)
{
	struct hin_error why = { 0 };
	struct hin_desk *desk;
	struct hin_kept done = { .cases = 1 };
	enum hin_code code = hin_desk_open(&desk, path, HIN_DESK_CREATE, &why);

	while (code == HIN_OK && done.findings + done.cases > 0) {
		done = (struct hin_kept){ 0 };
		code = hin_desk_begin(desk, &why);
		if (code == HIN_OK)
			code = hin_keep_step(desk, &keep, T0 + 500 * DAY, &done, &why);
		if (code == HIN_OK)
			code = hin_desk_commit(desk, &why);
	}
	if (code != HIN_OK)
		fprintf(stderr, "%s\n", why.text);
	_exit(code != HIN_OK);
}

static void kills_lose_nothing(void **state)
{
	char path[] = "/tmp/hinomi-keep-XXXXXX", name[64], command[96];
	struct hin_desk *desk;
	uint64_t seed = 11;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(name, sizeof(name), "%s/desk.db", path);
	GOOD(hin_desk_open(&desk, name, HIN_DESK_CREATE, err));
	fill(desk);
	for (unsigned n = 0; n < 40; n++) {
		pid_t child;
		int how;

		hin_desk_close(desk); /* no handle lives on in another process */
		child = fork();

		if (child == 0)
			work(name);
		usleep((useconds_t)(1000 + (seed = seed * 6364136223846793005u + 1) % 20000));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &how, 0), child);
		assert_true(WIFSIGNALED(how) || WEXITSTATUS(how) == 0);
		GOOD(hin_desk_open(&desk, name, HIN_DESK_CREATE, err));
		whole(desk, false);
	}
	for (struct hin_kept done = { .cases = 1 }; done.cases + done.findings > 0;) {
		done = step(desk, T0 + 500 * DAY);
		assert_true(done.findings <= HIN_KEEP_FINDINGS);
	}
	whole(desk, true);
	hin_desk_close(desk);
	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

/* Each step is found by an index: it does not walk what the desk has kept. */
static void steps_walk_no_table(void **state)
{
	static const char *const plans[] = {
		"EXPLAIN QUERY PLAN SELECT id FROM case_ INDEXED BY case_stale WHERE state IN "
		"('new', 'open') AND "
		"last_us < 5 AND updated_us < 5 ORDER BY last_us LIMIT 1",
		"EXPLAIN QUERY PLAN SELECT id FROM case_ WHERE closed_us > 0 AND summed_us = 0 AND "
		"max(closed_us, last_us) < 5 ORDER BY max(closed_us, last_us) LIMIT 1",
		"EXPLAIN QUERY PLAN SELECT id FROM finding INDEXED BY finding_alone WHERE last_us "
		"< 5 AND told_us < 5 AND live = 0 AND case_id IS NULL LIMIT 1",
		"EXPLAIN QUERY PLAN SELECT id FROM letter WHERE state = 'sent' AND due_us < 5",
		"EXPLAIN QUERY PLAN SELECT id FROM notice WHERE finding = 5",
	};
	struct hin_desk *desk;

	(void)state;
	GOOD(hin_desk_open(&desk, ":memory:", HIN_DESK_CREATE, err));
	for (size_t i = 0; i < HIN_COUNT(plans); i++) {
		sqlite3_stmt *s = hin_desk_statement(desk, plans[i], NULL);

		assert_non_null(s);
		while (hin_desk_step(desk, s, NULL) == HIN_OK)
			if (strstr(hin_desk_text(s, 3), "SEARCH") == NULL ||
			    strstr(hin_desk_text(s, 3), "TEMP") != NULL)
				fail_msg("%s: %s", plans[i], hin_desk_text(s, 3));
	}
	hin_desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(years_do_not_fill_the_desk),
		cmocka_unit_test(what_goes_on_is_kept),
		cmocka_unit_test(opened_again),
		cmocka_unit_test(kills_lose_nothing),
		cmocka_unit_test(steps_walk_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
