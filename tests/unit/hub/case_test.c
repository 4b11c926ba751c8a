/* Cases: states and who may change them, bulk, re-opening, merge and split, pages, about. */
#include "analysed.h"

#include "../random.h"
#include "hub/case/about.h"

/* Three cases: two devices of organisation 1, and a flood at an address of nobody. */
static void begin(struct analysed *a)
{
	struct hin_observation row;

	analysed_begin(a, NULL);
	run_sql(a, "INSERT INTO organisation (id, handle, name, updated_us) VALUES (1, 'city', "
		   "'City of Example', 1), (2, 'bank', 'Bank', 1)");
	run_sql(a, "INSERT INTO account (id, name, role, created_us) VALUES (5, 'aki', 'analyst', "
		   "1), (6, 'gone', 'analyst', 1)");
	run_sql(a, "UPDATE account SET state = 'closed' WHERE id = 6");
	row = member_row("192.0.2.1", T0, HIN_TOOLS_MIRAI);
	give(a, &row);
	row = member_row("192.0.2.2", T0, HIN_TOOLS_MIRAI);
	give(a, &row);
	row = member_row("192.0.2.3", T0, HIN_TOOLS_MIRAI);
	give(a, &row);
	commit(a);
	run_sql(a, "UPDATE case_ SET organisation = 1 WHERE id = 1");
	run_sql(a, "UPDATE finding SET organisation = 1 WHERE case_id = 1");
}

static struct hin_case_actor actor(int64_t organisation, int64_t after)
{
	return (struct hin_case_actor){ .account = 5,
					.organisation = organisation,
					.now_us = T0 + after };
}

static enum hin_case_state state_of(struct analysed *a, int64_t id)
{
	struct hin_case c;

	GOOD(hin_case_get(a->desk, id, 0, &c, err));
	return c.state;
}

/* The trouble at an address is seen again. */
static void seen(struct analysed *a, const char *address, int64_t after)
{
	struct hin_observation row = member_row(address, T0 + after, HIN_TOOLS_MIRAI);

	a->now_us = T0 + after;
	give(a, &row);
	commit(a);
}

/* Another trouble at that address. */
static void another(struct analysed *a, const char *address, int64_t after)
{
	struct hin_observation row = member_row(address, T0 + after, 0);

	a->now_us = T0 + after;
	row.kind = HIN_KIND_TELESCOPE_BACKSCATTER;
	row.rule = HIN_RULE_VICTIM_BACKSCATTER;
	row.packets = 100;
	give(a, &row);
	commit(a);
}

static void states_move_as_they_may(void **state)
{
	const int64_t one = 1, none = 99, both[] = { 2, 99 };
	struct hin_case_actor by = actor(0, MINUTE), other = actor(2, MINUTE);
	struct hin_error why = { 0 };
	struct analysed a;

	(void)state;
	begin(&a);
	assert_int_equal(state_of(&a, 1), HIN_CASE_NEW);
	GOOD(hin_case_assign(a.desk, &by, &one, 1, 5, err));
	assert_int_equal(state_of(&a, 1), HIN_CASE_OPEN);
	assert_int_equal(hin_case_assign(a.desk, &by, &one, 1, 6, &why), HIN_ENOENT);
	GOOD(hin_case_note(a.desk, &by, &one, 1, "called them\nat noon", err));
	assert_int_equal(hin_case_note(a.desk, &by, &one, 1, " \n", &why), HIN_EUSAGE);
	assert_int_equal(hin_case_note(a.desk, &by, &one, 1, "\xff", &why), HIN_EFORMAT);
	GOOD(hin_case_close(a.desk, &by, &one, 1, "cleaned", err));
	assert_int_equal(state_of(&a, 1), HIN_CASE_CLOSED);
	GOOD(hin_case_close(a.desk, &by, &one, 1, "again", err)); /* no change, no history */
	GOOD(hin_case_reopen(a.desk, &by, &one, 1, "", err));
	assert_int_equal(hin_case_false_alarm(a.desk, &by, &one, 1, "", &why), HIN_EUSAGE);
	GOOD(hin_case_false_alarm(a.desk, &by, &one, 1, "a test", err));
	assert_int_equal(hin_case_suppress(a.desk, &by, &one, 1, T0, "x", &why), HIN_ERANGE);
	GOOD(hin_case_suppress(a.desk, &by, &one, 1, T0 + DAY, "our own scanner", err));
	assert_int_equal(state_of(&a, 1), HIN_CASE_SUPPRESSED);
	GOOD(hin_case_retitle(a.desk, &by, 1, "The camera", err));
	assert_int_equal(hin_case_retitle(a.desk, &by, 1, "two\nlines", &why), HIN_EFORMAT);
	/* all or none; not there; another organisation's */
	assert_int_equal(hin_case_close(a.desk, &by, both, 2, "", &why), HIN_ENOENT);
	assert_int_equal(state_of(&a, 2), HIN_CASE_NEW);
	assert_int_equal(hin_case_close(a.desk, &by, &none, 1, "", &why), HIN_ENOENT);
	assert_int_equal(hin_case_close(a.desk, &other, &one, 1, "", &why), HIN_ENOENT);
	assert_int_equal(hin_case_close(a.desk, &by, &one, 0, "", &why), HIN_EUSAGE);
	assert_int_equal(hin_case_close(a.desk, &by, &one, HIN_CASE_BULK + 1, "", &why),
			 HIN_ERANGE);
	/* each change is in the history, with its act */
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history WHERE case_id = 1"), 8);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history h JOIN act a ON a.id = "
				    "h.act WHERE a.account = h.account AND a.time_us = h.time_us"),
			 number(&a, "SELECT count(*) FROM case_history"));
	analysed_end(&a);
}

/* Who may change nothing, or belongs to an organisation, is not in charge of a case. */
static void cases_are_given_to_those_who_may_act(void **state)
{
	static const struct {
		int64_t account;
		enum hin_code code;
		const char *why;
	} cases[] = {
		{ 10, HIN_OK, "" },
		{ 11, HIN_OK, "" },
		{ 5, HIN_OK, "" },
		{ 12, HIN_ERANGE,
		  "account 12 is of the role member: a case is given to an analyst, an operator or "
		  "an administrator" },
		{ 13, HIN_ERANGE,
		  "account 13 is of the role member: a case is given to an analyst, an operator or "
		  "an administrator" },
		{ 14, HIN_ERANGE,
		  "account 14 is of the role inspector: a case is given to an analyst, an operator "
		  "or an administrator" },
	};
	const int64_t one = 1;
	struct hin_case_actor by = actor(0, MINUTE);
	struct analysed a;

	(void)state;
	begin(&a);
	run_sql(&a, "INSERT INTO account (id, name, role, organisation, created_us) VALUES "
		    "(10, 'o', 'operator', NULL, 1), (11, 'r', 'administrator', NULL, 1), "
		    "(12, 'c', 'member', 1, 1), (13, 'b', 'member', 2, 1), "
		    "(14, 'i', 'inspector', NULL, 1)");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error why = { 0 };

		assert_int_equal(hin_case_assign(a.desk, &by, &one, 1, cases[i].account, &why),
				 cases[i].code);
		assert_string_equal(why.text, cases[i].why);
	}
	assert_int_equal(number(&a, "SELECT assignee FROM case_ WHERE id = 1"), 5);
	analysed_end(&a);
}

static void findings_open_cases_again(void **state)
{
	const int64_t ids[] = { 1, 2, 3 };
	struct hin_case_actor by = actor(0, HOUR);
	struct analysed a;

	(void)state;
	begin(&a);
	GOOD(hin_case_close(a.desk, &by, &ids[0], 1, "", err));
	GOOD(hin_case_false_alarm(a.desk, &by, &ids[1], 1, "a drill", err));
	GOOD(hin_case_suppress(a.desk, &by, &ids[2], 1, T0 + 5 * HOUR, "known", err));
	for (int i = 0; i < 3; i++) /* rows from before say nothing new */
		seen(&a, i == 0 ? "192.0.2.1" : i == 1 ? "192.0.2.2" : "192.0.2.3", 30 * MINUTE);
	assert_int_equal(state_of(&a, 1), HIN_CASE_CLOSED);
	seen(&a, "192.0.2.1", 2 * HOUR);
	seen(&a, "192.0.2.2", 2 * HOUR);
	seen(&a, "192.0.2.3", 2 * HOUR);
	assert_int_equal(state_of(&a, 1), HIN_CASE_OPEN);
	assert_int_equal(state_of(&a, 2), HIN_CASE_FALSE_ALARM);
	assert_int_equal(state_of(&a, 3), HIN_CASE_SUPPRESSED);
	another(&a, "192.0.2.2", 3 * HOUR); /* another finding than those that were looked at */
	another(&a, "192.0.2.3", 3 * HOUR);
	assert_int_equal(state_of(&a, 2), HIN_CASE_OPEN);
	assert_int_equal(state_of(&a, 3), HIN_CASE_SUPPRESSED);
	seen(&a, "192.0.2.3", 6 * HOUR); /* the date has passed */
	assert_int_equal(state_of(&a, 3), HIN_CASE_OPEN);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 3);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE case_id = 2"), 2);
	assert_int_equal(number(&a, "SELECT sum(reopened) FROM case_"), 3);
	analysed_end(&a);
}

static void what_is_minor_waits_for_a_case(void **state)
{
	struct hin_observation scan = scan_row("192.0.2.50", T0, 1, 443, 500);
	struct analysed a;

	(void)state;
	begin(&a);
	give(&a, &scan);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE case_id IS NULL"), 1);
	seen(&a, "192.0.2.50", HOUR); /* a grave one takes it with it */
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE case_id = 4"), 2);
	scan = scan_row("192.0.2.50", T0 + 2 * HOUR, 1, 80, 500); /* and it joins the case */
	give(&a, &scan);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE case_id = 4"), 3);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 4);
	analysed_end(&a);
}

static void merged_cases_go_on_as_one(void **state)
{
	const int64_t two = 2, three = 3, one = 1;
	struct hin_case_actor by = actor(0, HOUR);
	struct hin_error why = { 0 };
	struct hin_case c;
	int64_t part = 0, finding;
	struct analysed a;

	(void)state;
	begin(&a);
	GOOD(hin_case_merge(a.desk, &by, 1, &two, 1, "one router", err));
	assert_int_equal(state_of(&a, 2), HIN_CASE_MERGED);
	seen(&a, "192.0.2.2", 2 * HOUR);
	another(&a, "192.0.2.2", 2 * HOUR);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE case_id = 1"), 3);
	assert_int_equal(hin_case_close(a.desk, &by, &two, 1, "", &why), HIN_EDENIED);
	assert_int_equal(hin_case_merge(a.desk, &by, 1, &one, 1, "", &why), HIN_EUSAGE);
	assert_int_equal(hin_case_merge(a.desk, &by, 2, &three, 1, "", &why), HIN_EDENIED);
	GOOD(hin_case_merge(a.desk, &by, 3, &one, 1, "", err)); /* merged cases follow */
	GOOD(hin_case_get(a.desk, 2, 0, &c, err));
	assert_int_equal(c.merged_into, 3);
	/* and apart again: what comes of its address follows the finding */
	finding = number(&a, "SELECT id FROM finding WHERE subject = '192.0.2.2' AND kind = "
			     "'infected-member'");
	GOOD(hin_case_split(a.desk, &by, 3, &finding, 1, "not the same", &part, err));
	assert_int_equal(number(&a, "SELECT count(*) FROM case_join WHERE key = '192.0.2.2' AND "
				    "case_id = 3"),
			 1); /* the other finding about it stayed */
	finding = number(&a, "SELECT id FROM finding WHERE subject = '192.0.2.1'");
	GOOD(hin_case_split(a.desk, &by, 3, &finding, 1, "", &part, err));
	another(&a, "192.0.2.1", 3 * HOUR);
	assert_int_equal(number(&a, "SELECT count(DISTINCT case_id) FROM finding WHERE subject = "
				    "'192.0.2.1'"),
			 1);
	assert_int_equal(hin_case_split(a.desk, &by, part, &finding, 1, "", &part, &why), HIN_OK);
	assert_int_equal(hin_case_split(a.desk, &by, part, &finding, 1, "", &part, &why),
			 HIN_EUSAGE); /* one stays at least */
	assert_int_equal(hin_case_split(a.desk, &by, 3, &finding, 1, "", &part, &why), HIN_ENOENT);
	assert_int_equal(
		hin_case_split(a.desk, &by, 3, (const int64_t[]){ 3, 2, 3 }, 3, "", &part, &why),
		HIN_EUSAGE);
	assert_string_equal(why.text, "finding 3 is named twice");
	analysed_end(&a);
}

/* ---- whatever people do, nothing is lost and nothing is in two places ---- */

static void check_whole(struct analysed *a, int64_t findings, uint64_t seed)
{
	static const struct {
		const char *rule, *sql;
	} rules[] = {
		{ "a finding is in a case that was merged",
		  "SELECT count(*) FROM finding f JOIN case_ c ON c.id = f.case_id WHERE c.state = "
		  "'merged'" },
		{ "a case has no finding", "SELECT count(*) FROM case_ c WHERE state <> 'merged' "
					   "AND NOT EXISTS (SELECT 1 FROM "
					   "finding WHERE case_id = c.id)" },
		{ "a merged case leads to a merged one",
		  "SELECT count(*) FROM case_ c JOIN case_ d ON d.id = c.merged_into WHERE d.state "
		  "= "
		  "'merged'" },
		{ "a merged case leads nowhere", "SELECT count(*) FROM case_ WHERE (state = "
						 "'merged') <> (merged_into IS NOT NULL)" },
		{ "a merged case joins", "SELECT count(*) FROM case_join j JOIN case_ c ON c.id = "
					 "j.case_id WHERE c.state = 'merged'" },
		{ "one key joins two cases at one time",
		  "SELECT count(*) FROM case_join a JOIN case_join b USING (basis, key) WHERE "
		  "a.case_id < b.case_id AND a.from_us <= b.until_us AND b.from_us <= a.until_us" },
		{ "history without an act", "SELECT count(*) FROM case_history WHERE act IS NULL" },
		{ "a case's times are not its findings'",
		  "SELECT count(*) FROM case_ c WHERE state <> 'merged' AND (first_us > (SELECT "
		  "min(first_us) FROM finding WHERE case_id = c.id) OR last_us < (SELECT "
		  "max(last_us) FROM finding WHERE case_id = c.id))" },
		{ "closed, and when?", "SELECT count(*) FROM case_ WHERE (state IN ('closed', "
				       "'false_alarm', 'merged')) <> (closed_us <> 0)" },
	};

	for (size_t i = 0; i < HIN_COUNT(rules); i++)
		if (number(a, rules[i].sql) != 0)
			fail_msg("seed %llu: %s", (unsigned long long)seed, rules[i].rule);
	assert_int_equal(number(a, "SELECT count(*) FROM finding WHERE case_id IS NOT NULL"),
			 findings);
}

static int64_t any_of(struct analysed *a, uint64_t *seed, const char *count_sql,
		      const char *pick_sql)
{
	int64_t n = number(a, count_sql), id = 0;

	if (n == 0)
		return 0;
	GOOD(hin_desk_number(a->desk, &id, err, pick_sql, "i",
			     (int64_t)random_below(seed, (uint32_t)n)));
	return id;
}

static void do_something(struct analysed *a, uint64_t *seed, int64_t after)
{
	struct hin_case_actor by = actor(0, after);
	int64_t one = any_of(a, seed, "SELECT count(*) FROM case_",
			     "SELECT id FROM case_ ORDER BY id LIMIT 1 OFFSET ?1"),
		two = any_of(a, seed, "SELECT count(*) FROM case_",
			     "SELECT id FROM case_ ORDER BY id LIMIT 1 OFFSET ?1"),
		finding = any_of(a, seed, "SELECT count(*) FROM finding",
				 "SELECT id FROM finding ORDER BY id LIMIT 1 OFFSET ?1"),
		part;
	char address[32];
	enum hin_code ignored = HIN_OK; /* what may not be is refused, and changes nothing */

	snprintf(address, sizeof(address), "192.0.2.%u", 1 + random_below(seed, 12));
	switch (random_below(seed, 8)) {
	case 0:
		ignored = hin_case_merge(a->desk, &by, one, &two, 1, "", NULL);
		break;
	case 1:
		ignored = hin_case_split(a->desk, &by, one, &finding, 1, "", &part, NULL);
		break;
	case 2:
		ignored = hin_case_close(a->desk, &by, &one, 1, "", NULL);
		break;
	case 3:
		ignored = hin_case_false_alarm(a->desk, &by, &one, 1, "x", NULL);
		break;
	case 4:
		ignored = hin_case_suppress(a->desk, &by, &one, 1, 0, "x", NULL);
		break;
	case 5:
		ignored = hin_case_reopen(a->desk, &by, &one, 1, "", NULL);
		break;
	case 6:
		another(a, address, after);
		break;
	default:
		seen(a, address, after);
		break;
	}
	(void)ignored;
}

static void any_order_of_changes_keeps_all(void **state)
{
	(void)state;
	for (uint64_t round = 0; round < (HIN_TEST_SLOW ? 5 : 25); round++) {
		struct analysed a;
		uint64_t seed = round;

		begin(&a);
		for (int step = 0; step < 150; step++) {
			do_something(&a, &seed, HOUR + step * MINUTE);
			check_whole(&a, number(&a, "SELECT count(*) FROM finding"), round);
		}
		analysed_end(&a);
	}
}

/* ---- lists ---- */

struct seen_cases {
	int64_t ids[32];
	struct hin_case_place last;
	size_t count;
};

static bool take_case(void *user, const struct hin_case *c)
{
	struct seen_cases *s = user;

	s->ids[s->count++] = c->id;
	s->last = (struct hin_case_place){ c->rank, c->updated_us, c->id };
	return s->count < HIN_COUNT(s->ids);
}

/* What waits first, the gravest before; each order is whole, page by page, and counts are right. */
static void lists_have_orders(void **state)
{
	static const struct {
		const char *name;
		struct hin_case_filter filter;
		int64_t want[8];
	} cases[] = {
		{ "by weight", { .sort = HIN_CASE_BY_WEIGHT }, { 2, 7, 5, 6, 4, 1, 3 } },
		{ "by change", { .sort = HIN_CASE_BY_CHANGE }, { 1, 7, 6, 5, 3, 4, 2 } },
		{ "by number", { .sort = HIN_CASE_BY_NUMBER }, { 7, 6, 5, 4, 3, 2, 1 } },
		{ "live", { .states = 3 }, { 2, 7, 5, 6, 4 } },
		{ "new", { .states = 1 }, { 2, 6 } },
		{ "over", { .states = 60 }, { 1, 3 } },
		{ "high, live", { .states = 3, .least = HIN_SEVERITY_HIGH }, { 2, 7, 5 } },
		{ "high, all", { .least = HIN_SEVERITY_HIGH }, { 2, 7, 5, 1 } },
		{ "critical, over", { .states = 60, .least = HIN_SEVERITY_CRITICAL }, { 1 } },
		{ "high, open and closed",
		  { .states = 6, .least = HIN_SEVERITY_HIGH },
		  { 7, 5, 1 } },
		{ "of one", { .organisation = 1 }, { 5, 4, 3 } },
		{ "of one, live", { .organisation = 1, .states = 3 }, { 5, 4 } },
		{ "of one, by change",
		  { .organisation = 1, .sort = HIN_CASE_BY_CHANGE },
		  { 5, 3, 4 } },
		{ "of one, by number",
		  { .organisation = 1, .sort = HIN_CASE_BY_NUMBER },
		  { 5, 4, 3 } },
	};
	struct hin_case_place place;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	run_sql(&a, "INSERT INTO organisation (id, handle, name, updated_us) VALUES (1, 'city', "
		    "'City', 0)");
	run_sql(&a, "INSERT INTO case_ (id, kind, subject, state, severity, organisation, "
		    "opened_us, updated_us, first_us, last_us) VALUES "
		    "(1, 'k', 's', 'closed', 'critical', NULL, 1, 90, 1, 1), "
		    "(2, 'k', 's', 'new', 'critical', NULL, 1, 10, 1, 1), "
		    "(3, 'k', 's', 'merged', 'low', 1, 1, 30, 1, 1), "
		    "(4, 'k', 's', 'open', 'low', 1, 1, 20, 1, 1), "
		    "(5, 'k', 's', 'open', 'high', 1, 1, 40, 1, 1), "
		    "(6, 'k', 's', 'new', 'medium', NULL, 1, 40, 1, 1), "
		    "(7, 'k', 's', 'open', 'high', NULL, 1, 40, 1, 1)");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_case_filter filter = cases[i].filter;
		struct seen_cases all = { 0 };
		uint64_t count = 0, left = 0;

		filter.assignee = HIN_CASE_ANYBODY;
		filter.limit = 2;
		do { /* each page in the order, none twice */
			left = all.count;
			GOOD(hin_case_list(a.desk, &filter, take_case, &all, err));
			filter.behind = all.last;
		} while (all.count > left);
		for (size_t at = 0; at < HIN_COUNT(cases[i].want); at++)
			if (all.ids[at] != cases[i].want[at])
				fail_msg("%s: %lld at %zu", cases[i].name, (long long)all.ids[at],
					 at);
		GOOD(hin_case_count(a.desk, &filter, &count, err));
		if (count != all.count)
			fail_msg("%s: counted %llu", cases[i].name, (unsigned long long)count);
	}
	assert_true(hin_case_place_parse(&place, "7.40.3"));
	assert_int_equal(place.rank + place.updated_us + place.id, 50);
	assert_false(hin_case_place_parse(&place, "7.40"));
	assert_false(hin_case_place_parse(&place, "7.40.3.1"));
	assert_false(hin_case_place_parse(&place, "7.-40.3"));
	assert_false(hin_case_place_parse(&place, "7.40.0"));
	assert_false(hin_case_place_parse(&place, ""));
	analysed_end(&a);
}

static void lists_are_paged_and_limited(void **state)
{
	static const struct {
		const char *name;
		struct hin_case_filter filter;
		size_t want;
	} cases[] = {
		{ "all", { .assignee = HIN_CASE_ANYBODY }, 3 },
		{ "city's", { .assignee = HIN_CASE_ANYBODY, .organisation = 1 }, 1 },
		{ "the bank's", { .assignee = HIN_CASE_ANYBODY, .organisation = 2 }, 0 },
		{ "closed", { .assignee = HIN_CASE_ANYBODY, .states = 1u << HIN_CASE_CLOSED }, 1 },
		{ "nobody's", { .assignee = HIN_CASE_NOBODY }, 2 },
		{ "aki's", { .assignee = 5 }, 1 },
		{ "high", { .assignee = HIN_CASE_ANYBODY, .least = HIN_SEVERITY_HIGH }, 3 },
		{ "critical", { .assignee = HIN_CASE_ANYBODY, .least = HIN_SEVERITY_CRITICAL }, 0 },
		{ "text", { .assignee = HIN_CASE_ANYBODY, .text = "CITY OF" }, 1 },
		{ "subject", { .assignee = HIN_CASE_ANYBODY, .text = "192.0.2.3" }, 1 },
		{ "a wild card is a letter", { .assignee = HIN_CASE_ANYBODY, .text = "%" }, 0 },
		{ "SQL is text", { .assignee = HIN_CASE_ANYBODY, .text = "' OR 1=1 --" }, 0 },
		{ "kind", { .assignee = HIN_CASE_ANYBODY, .kind = "scanner" }, 0 },
		{ "since", { .assignee = HIN_CASE_ANYBODY, .since_us = T0 + MINUTE }, 2 },
		{ "page of two", { .assignee = HIN_CASE_ANYBODY, .limit = 2 }, 2 },
	};
	const int64_t one = 1, two = 2;
	struct hin_case_actor by = actor(0, HOUR);
	struct hin_case_filter filter = { .assignee = HIN_CASE_ANYBODY, .limit = 1 };
	struct seen_cases all = { 0 };
	uint64_t count = 0;
	struct analysed a;

	(void)state;
	begin(&a);
	GOOD(hin_case_close(a.desk, &by, &one, 1, "", err));
	GOOD(hin_case_assign(a.desk, &by, &two, 1, 5, err));
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct seen_cases s = { 0 };

		GOOD(hin_case_list(a.desk, &cases[i].filter, take_case, &s, err));
		if (s.count != cases[i].want)
			fail_msg("%s: %zu cases", cases[i].name, s.count);
		GOOD(hin_case_count(a.desk, &cases[i].filter, &count, err));
		if (cases[i].filter.limit == 0 && count != cases[i].want)
			fail_msg("%s: counted %llu", cases[i].name, (unsigned long long)count);
	}
	for (int page = 0; page < 4; page++) { /* one by one, each once */
		GOOD(hin_case_list(a.desk, &filter, take_case, &all, err));
		filter.behind = all.last;
	}
	assert_int_equal(all.count, 3);
	assert_int_equal(all.ids[0] + all.ids[1] + all.ids[2], 6);
	filter.limit = HIN_CASE_PAGE + 1;
	assert_int_equal(hin_case_list(a.desk, &filter, take_case, &all, NULL), HIN_ERANGE);
	analysed_end(&a);
}

struct seen_events {
	int64_t ids[4];
	size_t count;
};

static bool take_event(void *user, const struct hin_case_event *e)
{
	struct seen_events *s = user;

	s->ids[s->count++] = e->id;
	return s->count < HIN_COUNT(s->ids);
}

/* A case is named once in a change, and a member changes a few at once. */
static void bulk_is_bounded(void **state)
{
	const int64_t twice[] = { 2, 1, 2 };
	int64_t many[HIN_CASE_BULK_MEMBER + 1];
	struct hin_case_actor by = actor(0, HOUR), member = actor(1, HOUR);
	struct seen_events events = { 0 };
	struct hin_error why = { 0 };
	struct analysed a;
	int64_t before, last;

	(void)state;
	begin(&a);
	before = number(&a, "SELECT count(*) FROM case_history");
	assert_int_equal(hin_case_note(a.desk, &by, twice, 3, "x", &why), HIN_EUSAGE);
	assert_string_equal(why.text, "case 2 is named twice");
	assert_int_equal(hin_case_merge(a.desk, &by, 3, twice, 3, "", &why), HIN_EUSAGE);
	for (size_t i = 0; i < HIN_COUNT(many); i++)
		many[i] = (int64_t)i + 1;
	assert_int_equal(hin_case_note(a.desk, &member, many, HIN_COUNT(many), "x", &why),
			 HIN_ERANGE);
	assert_int_equal(hin_case_note(a.desk, &by, many, HIN_COUNT(many), "x", &why), HIN_ENOENT);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history"), before);
	GOOD(hin_case_note(a.desk, &by, twice, 2, "x", err));
	/* the newest events, in their order */
	for (int i = 0; i < 5; i++)
		GOOD(hin_case_note(a.desk, &by, twice, 1, "x", err));
	last = number(&a, "SELECT max(id) FROM case_history WHERE case_id = 2");
	GOOD(hin_case_history(a.desk, 2, 0, HIN_CASE_NEWEST, 2, take_event, &events, err));
	assert_int_equal(events.count, 2);
	assert_int_equal(events.ids[1], last);
	assert_int_equal(events.ids[0], last - 1);
	analysed_end(&a);
}

static bool take_whole(void *user, const struct hin_case *c)
{
	*(struct hin_case *)user = *c;
	return true;
}

/* A finding of the bank comes into the city's case: the city learns nothing of it. */
static void a_merged_case_says_nothing_of_others(void **state)
{
	const int64_t two = 2;
	const struct hin_addr city = address_of("192.0.2.1"), bank = address_of("192.0.2.2");
	const struct {
		const char *name;
		struct hin_case_filter filter;
		uint64_t want, findings;
	} cases[] = {
		{ "own address", { .organisation = 1, .address = &city }, 1, 1 },
		{ "another's address", { .organisation = 1, .address = &bank }, 0, 0 },
		{ "own kind", { .organisation = 1, .kind = "infected-member" }, 1, 1 },
		{ "another's kind", { .organisation = 1, .kind = "scanner" }, 0, 0 },
		{ "the staff", { .address = &bank, .kind = "scanner" }, 1, 2 },
		{ "own text", { .organisation = 1, .own_text = true, .text = "192.0.2.1" }, 1, 1 },
		{ "own text of an address",
		  { .organisation = 1, .own_text = true, .text = "INFECTED", .address = &city },
		  1,
		  1 },
		{ "another's text",
		  { .organisation = 1, .own_text = true, .text = "192.0.2.2" },
		  0,
		  0 },
		{ "the staff's text",
		  { .organisation = 1, .own_text = true, .text = "secret" },
		  0,
		  0 },
		{ "no text", { .organisation = 1, .own_text = true }, 1, 1 },
	};
	struct hin_case_actor by = actor(0, HOUR);
	struct hin_case c = { 0 };
	struct analysed a;

	(void)state;
	begin(&a);
	run_sql(&a, "UPDATE finding SET organisation = 2, kind = 'scanner', first_us = 5 WHERE "
		    "case_id = 2");
	GOOD(hin_case_merge(a.desk, &by, 1, &two, 1, "", err));
	run_sql(&a, "UPDATE case_ SET organisation = 1, title = 'secret' WHERE id = 1");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_case_filter filter = cases[i].filter;
		uint64_t count = 0;

		filter.assignee = HIN_CASE_ANYBODY;
		c.findings = 0;
		GOOD(hin_case_list(a.desk, &filter, take_whole, &c, err));
		GOOD(hin_case_count(a.desk, &filter, &count, err));
		if (count != cases[i].want || c.findings != cases[i].findings)
			fail_msg("%s: %llu cases, %llu findings", cases[i].name,
				 (unsigned long long)count, (unsigned long long)c.findings);
	}
	GOOD(hin_case_get(a.desk, 1, 1, &c, err));
	assert_int_equal(c.findings, 1);
	assert_int_equal(c.live, 1);
	assert_true(c.first_us > 5);
	GOOD(hin_case_get(a.desk, 1, 0, &c, err));
	assert_int_equal(c.findings, 2);
	assert_int_equal(c.first_us, 5);
	analysed_end(&a);
}

/* Nobody's case goes into an owner's, or becomes it; two owners' stay apart. */
static void owners_keep_their_cases(void **state)
{
	static const struct {
		const char *name;
		int owners[3]; /* of the cases 1 to 3; 0 = nobody's */
		enum hin_code code;
		int owner; /* of case 1 then */
		const char *why;
	} cases[] = {
		{ "one owner", { 1, 1, 1 }, HIN_OK, 1, "" },
		{ "a campaign into an owner's", { 1, 0, 0 }, HIN_OK, 1, "" },
		{ "an owner's into a campaign", { 0, 2, 0 }, HIN_OK, 2, "" },
		{ "nobody's", { 0, 0, 0 }, HIN_OK, 0, "" },
		{ "another's",
		  { 1, 1, 2 },
		  HIN_EDENIED,
		  1,
		  "case 3 is of another owner than case 1: only cases of one owner can be merged" },
		{ "two owners' into a campaign",
		  { 0, 1, 2 },
		  HIN_EDENIED,
		  0,
		  "case 3 is of another owner than case 1: only cases of one owner can be merged" },
	};
	const int64_t others[] = { 2, 3 };
	struct hin_case_actor by = actor(0, HOUR);

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_error why = { 0 };
		struct analysed a;

		begin(&a);
		for (int64_t at = 0; at < 3; at++) {
			GOOD(hin_desk_run(
				a.desk, err,
				"UPDATE case_ SET organisation = nullif(?2, 0) WHERE id = ?1", "ii",
				at + 1, (int64_t)cases[i].owners[at]));
			GOOD(hin_desk_run(
				a.desk, err,
				"UPDATE finding SET organisation = nullif(?2, 0), severity = "
				"iif(?1 = 1, 'critical', 'low') WHERE case_id = ?1",
				"ii", at + 1, (int64_t)cases[i].owners[at]));
		}
		if (hin_case_merge(a.desk, &by, 1, others, 2, "", &why) != cases[i].code ||
		    strcmp(why.text, cases[i].why) != 0)
			fail_msg("%s: %s", cases[i].name, why.text);
		assert_int_equal(number(&a, "SELECT coalesce(organisation, 0) FROM case_ WHERE "
					    "id = 1"),
				 cases[i].owner);
		assert_int_equal(number(&a, "SELECT count(*) FROM case_ WHERE state = 'merged'"),
				 cases[i].code == HIN_OK ? 2 : 0);
		analysed_end(&a);
	}
}

static void an_address_is_known(void **state)
{
	struct hin_about_question q = { .address = address_of("192.0.2.1"), .now_us = T0 + HOUR };
	struct hin_buffer json = { 0 };
	struct hin_about about;
	struct analysed a;

	(void)state;
	begin(&a);
	run_sql(&a,
		"INSERT INTO lease (low, high, from_us, until_us, device, organisation, basis, "
		"confidence) SELECT address, address, 1, 0, 'mac:1', 1, 'dhcp', 90 FROM finding "
		"WHERE id = 1");
	q.desk = a.desk;
	GOOD(hin_about_address(&about, &q, err));
	assert_int_equal(about.finding_count, 1);
	assert_int_equal(about.case_count, 1);
	assert_int_equal(about.lease_count, 1);
	assert_int_equal(about.cases[0].id, 1);
	hin_about_json(&about, &json);
	assert_false(json.failed);
	assert_non_null(strstr(json.data, "\"device\":\"mac:1\""));
	hin_buffer_fini(&json);
	hin_about_fini(&about);
	q.organisation = 2; /* another one's: as if it were not there */
	GOOD(hin_about_address(&about, &q, err));
	assert_int_equal(about.finding_count + about.case_count + about.lease_count, 0);
	hin_about_fini(&about);
	q.organisation = 0;
	q.address = address_of("203.0.113.99");
	GOOD(hin_about_address(&about, &q, err));
	assert_int_equal(about.finding_count, 0);
	hin_about_fini(&about);
	analysed_end(&a);
}

#define EACH "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) "
#define LEASE(n, from)                                                                             \
	"INSERT INTO lease (low, high, from_us, until_us, basis, confidence) SELECT address, "     \
	"address, " n ", 0, 'dhcp', 90 FROM " from "finding WHERE id = 1"
#define NOTICE(n, from)                                                                            \
	"INSERT INTO notice (code, case_id, kind, trouble, channel, language, state, "             \
	"created_us, first_seen_us, last_seen_us, address) SELECT 'c' || " n ", 1, '', '', "       \
	"'email', 'en', 'sent', 1, 1, 1, address FROM " from "finding WHERE id = 1"

/* A list has as much as fits, and it is said when there is more. */
static void an_address_is_cut(void **state)
{
	static const char *const rows[][2] = {
		{ EACH LEASE("i", "n, "), LEASE("101", "") },
		{ EACH NOTICE("i", "n, "), NOTICE("101", "") },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		struct hin_about_question q = { .address = address_of("192.0.2.1"),
						.now_us = T0 + HOUR };
		struct analysed a;

		begin(&a);
		q.desk = a.desk;
		for (size_t k = 0; k < HIN_COUNT(rows[i]); k++) {
			struct hin_about about;

			run_sql(&a, rows[i][k]);
			GOOD(hin_about_address(&about, &q, err));
			assert_int_equal(about.lease_count + about.notice_count, HIN_ABOUT_ROWS);
			assert_int_equal(about.more, k > 0);
			hin_about_fini(&about);
		}
		analysed_end(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_move_as_they_may),
		cmocka_unit_test(cases_are_given_to_those_who_may_act),
		cmocka_unit_test(findings_open_cases_again),
		cmocka_unit_test(what_is_minor_waits_for_a_case),
		cmocka_unit_test(merged_cases_go_on_as_one),
		cmocka_unit_test(any_order_of_changes_keeps_all),
		cmocka_unit_test(lists_have_orders),
		cmocka_unit_test(bulk_is_bounded),
		cmocka_unit_test(lists_are_paged_and_limited),
		cmocka_unit_test(a_merged_case_says_nothing_of_others),
		cmocka_unit_test(owners_keep_their_cases),
		cmocka_unit_test(an_address_is_known),
		cmocka_unit_test(an_address_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
