/* The rules: each fires on what it is for and not on what is near it; identity; bounds; faults. */
#include "analysed.h"

#include <unistd.h>

#include "../random.h"

/* ---- the shipped recording of a town ---- */

struct town {
	struct hin_observation rows[256];
	size_t count;
};

static void read_town(struct town *town)
{
	const char *source = getenv("HINOMI_SOURCE");
	char path[512], *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/corpus/hub/town.ndjson", source);
	f = fopen(path, "r");
	assert_non_null(f);
	while ((n = getline(&line, &size, f)) > 0) {
		assert_true(town->count < HIN_COUNT(town->rows));
		GOOD(hin_ndjson_read(&town->rows[town->count], line, (size_t)n, town->count + 1,
				     err));
		town->count++;
	}
	free(line);
	fclose(f);
}

struct matching {
	const struct town *town;
	const uint8_t *sensor;
};

/* Its query shows just the observations that it counted. */
static bool check_query(void *user, const struct hin_finding *f)
{
	const struct matching *m = user;
	struct hin_filter *filter = NULL;
	uint64_t count = 0;

	GOOD(hin_filter_parse(&filter, f->query, strlen(f->query), NULL, err));
	for (size_t i = 0; i < m->town->count; i++)
		count += hin_filter_match(filter, &m->town->rows[i], m->sensor);
	hin_filter_free(filter);
	if (count != f->observations)
		fail_msg("%s %s: \"%s\" shows %llu rows of %llu", f->kind, f->subject, f->query,
			 (unsigned long long)count, (unsigned long long)f->observations);
	assert_non_null(hin_finding_kind_named(f->kind));
	assert_true(f->first_us <= f->last_us && f->confidence > 0);
	assert_string_equal(f->sensors, "ab010000000000000000000000000000");
	return true;
}

static void the_town_is_understood(void **state)
{
	static const struct {
		const char *kind;
		int64_t least, most;
	} want[] = {
		{ "infected-member", 1, 1 }, { "attacked-service", 2, 2 },
		{ "flood-target", 1, 1 },    { "amplifier-abused", 2, 2 },
		{ "rising-port", 4, 4 },     { "scanner", 5, 40 },
		{ "campaign", 0, 0 },	     { "silent-sensor", 0, 0 },
	};
	static struct town town;
	struct matching m = { &town, NULL };
	struct hin_finding_filter all = { .limit = HIN_FINDING_PAGE };
	struct hin_finding f;
	struct analysed a;
	int64_t n;

	(void)state;
	town.count = 0;
	read_town(&town);
	analysed_begin(&a, NULL);
	m.sensor = a.sensor;
	for (size_t i = 0; i < town.count; i++)
		give(&a, &town.rows[i]);
	commit(&a);
	for (size_t i = 0; i < HIN_COUNT(want); i++) {
		GOOD(hin_desk_number(a.desk, &n, err,
				     "SELECT count(*) FROM finding WHERE kind = ?1", "t",
				     want[i].kind));
		if (n < want[i].least || n > want[i].most)
			fail_msg("%s: %lld findings", want[i].kind, (long long)n);
	}
	GOOD(hin_finding_list(a.desk, &all, check_query, &m, err));
	GOOD(hin_desk_number(a.desk, &n, err, "SELECT id FROM finding WHERE kind = ?1", "t",
			     "infected-member"));
	GOOD(hin_finding_get(a.desk, n, 0, &f, err));
	assert_string_equal(f.subject, "192.52.193.77");
	assert_int_equal(f.severity, HIN_SEVERITY_HIGH);
	assert_int_equal(f.tool, HIN_TOOLS_MIRAI);
	assert_int_equal(f.packets,
			 1200); /* the alert's and the scan's rows tell the same packets */
	assert_int_equal(f.bytes, 48000);
	assert_int_equal(f.observations, 19);
	assert_string_equal(f.technique, "T1595.001");
	assert_true(f.live && f.case_id != 0);
	/* the member and the flood are cases; strangers that scan are none */
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 2);
	analysed_end(&a);
}

/* ---- each rule: what it is for, and what it is not for ---- */

static struct hin_observation tagged(struct hin_observation o, uint16_t tag)
{
	(void)hin_observation_tag(&o, tag);
	return o;
}

static struct hin_observation row_of(uint16_t kind, bool is_source, uint64_t packets, uint32_t rule)
{
	struct hin_observation o = { .time_us = T0,
				     .duration_us = MINUTE,
				     .kind = kind,
				     .packets = packets,
				     .proto = 6,
				     .rule = rule };
	struct hin_addr a = address_of("198.51.100.7");

	if (is_source)
		hin_observation_set_src(&o, &a);
	else
		hin_observation_set_dst(&o, &a);
	return o;
}

static struct hin_observation decoy_row(uint16_t kind, const char *source, uint64_t packets)
{
	struct hin_observation o = { .time_us = T0,
				     .kind = kind,
				     .packets = packets,
				     .proto = 6,
				     .sport = 40000,
				     .dport = 22,
				     .service = HIN_SERVICE_SSH,
				     .link = 7 };
	struct hin_addr from = address_of(source), to = address_of("198.51.100.22");

	hin_observation_set_src(&o, &from);
	hin_observation_set_dst(&o, &to);
	return o;
}

static struct hin_observation script_row(const char *source, int64_t time_us, uint8_t digest,
					 uint64_t commands)
{
	struct hin_observation o = decoy_row(HIN_KIND_DECOY_SCRIPT, source, commands);

	o.time_us = time_us;
	o.artifact_type = HIN_ARTIFACT_TYPE_SCRIPT;
	memset(o.artifact, digest, sizeof(o.artifact));
	return o;
}

/* Three sources with one script are a campaign; one source three times is none. */
static void the_same_script_is_a_campaign(void **state)
{
	static const char *const sources[] = { "203.0.113.1", "203.0.113.1", "203.0.113.2",
					       "203.0.113.2", "203.0.113.7" };
	static const int64_t want[] = { 0, 0, 0, 0, 1 };
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	for (size_t i = 0; i < HIN_COUNT(sources); i++) {
		struct hin_observation row = script_row(sources[i], T0 + (int64_t)i * MINUTE, 5, 4);
		struct hin_observation other =
			script_row(sources[i], T0 + (int64_t)i * MINUTE, (uint8_t)(60 + i), 4);
		struct hin_observation single =
			script_row(sources[i], T0 + (int64_t)i * MINUTE, 9, 1);

		give(&a, &row);
		give(&a, &other);  /* another script each time */
		give(&a, &single); /* one command is no script */
		commit(&a);
		assert_int_equal(
			number(&a, "SELECT count(*) FROM finding WHERE kind = 'same-script'"),
			want[i]);
	}
	assert_int_equal(number(&a, "SELECT observations FROM finding WHERE kind = 'same-script'"),
			 5);
	assert_int_equal(number(&a, "SELECT query LIKE '%artifact 0505050505050505' FROM finding "
				    "WHERE kind = 'same-script'"),
			 1);
	analysed_end(&a);
}

static void rules_fire_and_hold_back(void **state)
{
	struct hin_observation answered = member_row("192.0.2.1", T0, 0);
	struct hin_observation silent, gap, filled, rising, little;
	const char *const set[] = { "rule.silent-sensor.batches=3", NULL };

	answered.rule = HIN_RULE_MEMBER_BACKSCATTER;
	silent = (struct hin_observation){
		.time_us = T0, .kind = HIN_KIND_ROAD_SILENT, .device = { 7 }, .device_basis = 1
	};
	gap = (struct hin_observation){ .time_us = T0,
					.kind = HIN_KIND_ROAD_GAP,
					.packets = 2,
					.device = { 7 },
					.device_basis = 1 };
	filled = gap;
	filled.kind = HIN_KIND_ROAD_FILLED;
	rising = (struct hin_observation){ .time_us = T0,
					   .kind = HIN_KIND_TELESCOPE_RISING,
					   .proto = 6,
					   .dport = 23,
					   .packets = 100 };
	little = rising;
	little.packets = 99;
	const struct {
		const char *name, *kind;
		struct hin_observation row;
		int64_t want;
		const char *severity;
	} cases[] = {
		{ "a worm's first packet", "infected-member",
		  member_row("192.0.2.1", T0, HIN_TOOLS_MIRAI), 1, "high" },
		{ "one packet of an ordinary machine", "infected-member",
		  member_row("192.0.2.1", T0, HIN_TOOLS_LINUX_STACK), 1, "medium" },
		{ "a member's scan", "infected-member",
		  tagged(scan_row("192.0.2.1", T0, 0, 23, 30), HIN_TAG_MEMBER), 1, "high" },
		{ "a stranger's scan", "infected-member", scan_row("192.0.2.1", T0, 4, 23, 3000), 0,
		  NULL },
		{ "a member that answers", "infected-member", answered, 0, NULL },
		{ "one answer of a member", "attacked-service", answered, 0, NULL },
		{ "a scan", "scanner", scan_row("203.0.113.1", T0, 1, 443, 100), 1, "low" },
		{ "a small scan", "scanner", scan_row("203.0.113.1", T0, 1, 443, 99), 0, NULL },
		{ "a forged scan", "scanner",
		  tagged(scan_row("203.0.113.1", T0, 1, 443, 999), HIN_TAG_SPOOFED), 0, NULL },
		{ "research", "scanner",
		  tagged(scan_row("203.0.113.1", T0, 1, 443, 999), HIN_TAG_RESEARCH), 0, NULL },
		{ "a member's scan is no stranger's", "scanner",
		  tagged(scan_row("192.0.2.1", T0, 0, 23, 300), HIN_TAG_MEMBER), 0, NULL },
		{ "a large one", "scanner",
		  tagged(scan_row("203.0.113.1", T0, 1, 443, 20), HIN_TAG_LARGE), 1, "low" },
		{ "answers to forged sources", "attacked-service",
		  row_of(HIN_KIND_TELESCOPE_BACKSCATTER, true, 25, HIN_RULE_VICTIM_BACKSCATTER), 1,
		  "low" },
		{ "a member's answers", "attacked-service",
		  tagged(row_of(HIN_KIND_TELESCOPE_BACKSCATTER, true, 25, 0), HIN_TAG_MEMBER), 1,
		  "high" },
		{ "few answers", "attacked-service",
		  row_of(HIN_KIND_TELESCOPE_BACKSCATTER, true, 24, 0), 0, NULL },
		{ "answers of nobody", "attacked-service",
		  row_of(HIN_KIND_TELESCOPE_BACKSCATTER, false, 25, 0), 0, NULL },
		{ "amplified answers", "amplifier-abused",
		  row_of(HIN_KIND_TELESCOPE_AMPLIFICATION, false, 60, 0), 1, "low" },
		{ "few amplified answers", "amplifier-abused",
		  row_of(HIN_KIND_TELESCOPE_AMPLIFICATION, false, 59, 0), 0, NULL },
		{ "a flood", "flood-target", row_of(HIN_KIND_TELESCOPE_FLOOD, false, 300, 0), 1,
		  "medium" },
		{ "a trickle", "flood-target", row_of(HIN_KIND_TELESCOPE_FLOOD, false, 299, 0), 0,
		  NULL },
		{ "a port rises", "rising-port", rising, 1, "low" },
		{ "a port hardly rises", "rising-port", little, 0, NULL },
		{ "a silent sensor", "silent-sensor", silent, 1, "high" },
		{ "two missing batches of three", "silent-sensor", gap, 0, NULL },
		{ "they came", "silent-sensor", filled, 0, NULL },
		{ "somebody gets into a decoy", "intruder",
		  decoy_row(HIN_KIND_DECOY_LOGIN, "203.0.113.9", 0), 1, "low" },
		{ "commands without a log-in", "intruder",
		  decoy_row(HIN_KIND_DECOY_TECHNIQUE, "203.0.113.9", 3), 0, NULL },
		{ "ten passwords", "credential-guessing",
		  decoy_row(HIN_KIND_DECOY_CREDENTIAL, "203.0.113.9", 10), 1, "low" },
		{ "nine passwords", "credential-guessing",
		  decoy_row(HIN_KIND_DECOY_CREDENTIAL, "203.0.113.9", 9), 0, NULL },
		{ "a wish to fetch", "dropper",
		  decoy_row(HIN_KIND_DECOY_DOWNLOAD, "203.0.113.9", 0), 1, "low" },
		{ "a program", "dropper",
		  tagged(decoy_row(HIN_KIND_DECOY_FILE, "203.0.113.9", 0), HIN_TAG_PROGRAM), 1,
		  "low" },
		{ "a text that was written", "dropper",
		  decoy_row(HIN_KIND_DECOY_FILE, "192.0.2.1", 0), 0, NULL },
		{ "a planted secret", "honeytoken-used",
		  decoy_row(HIN_KIND_DECOY_HONEYTOKEN, "203.0.113.9", 0), 1, "critical" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct analysed a;
		int64_t n, graver;

		analysed_begin(&a, set);
		give(&a, &cases[i].row);
		commit(&a);
		GOOD(hin_desk_number(a.desk, &n, err,
				     "SELECT count(*) FROM finding WHERE kind = ?1", "t",
				     cases[i].kind));
		if (n != cases[i].want)
			fail_msg("%s: %lld findings", cases[i].name, (long long)n);
		if (cases[i].severity != NULL) {
			GOOD(hin_desk_number(a.desk, &graver, err,
					     "SELECT count(*) FROM finding WHERE kind = ?1 AND "
					     "severity = ?2",
					     "tt", cases[i].kind, cases[i].severity));
			if (graver != 1)
				fail_msg("%s: not %s", cases[i].name, cases[i].severity);
		}
		analysed_end(&a);
	}
}

static void a_rule_can_be_switched_off(void **state)
{
	const char *const set[] = { "rule.scanner.on=no", "rule.campaign.on=no",
				    "rule.infected-member.on=no", NULL };
	struct hin_observation row = scan_row("203.0.113.1", T0, 1, 443, 1000);
	struct analysed a;

	(void)state;
	analysed_begin(&a, set);
	assert_false(hin_analyse_wants(a.an, HIN_KIND_TELESCOPE_SCAN));
	assert_true(hin_analyse_wants(a.an, HIN_KIND_TELESCOPE_FLOOD));
	assert_false(hin_analyse_wants(a.an, HIN_KIND_TELESCOPE_FLOW));
	assert_false(hin_analyse_wants(a.an, 65535));
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 0);
	analysed_end(&a);
}

/* ---- campaigns ---- */

static void begin_scans(struct analysed *a, uint64_t *seed, unsigned count, int64_t from,
			int64_t within, uint16_t port)
{
	char source[32];

	for (unsigned i = 0; i < count; i++) {
		uint32_t r = (uint32_t)random_next(seed);
		struct hin_observation row;

		snprintf(source, sizeof(source), "%u.%u.%u.%u", 11 + r % 100, r >> 8 & 255,
			 r >> 16 & 255, r >> 24);
		row = scan_row(source, from + (int64_t)(within / count) * i, 0, port, 20);
		give(a, &row);
	}
}

static int64_t campaigns(struct analysed *a)
{
	commit(a);
	return number(a, "SELECT count(*) FROM finding WHERE kind = 'campaign'");
}

static void campaigns_stand_out(void **state)
{
	struct hin_observation forged;
	struct hin_finding f;
	struct analysed a;
	uint64_t seed = 1;

	(void)state;
	analysed_begin(&a, NULL);
	/* a background on port 23: thirty sources in ten minutes, for two hours */
	for (int i = 0; i < 12; i++)
		begin_scans(&a, &seed, 30, T0 + i * 10 * MINUTE, 10 * MINUTE, 23);
	begin_scans(&a, &seed, 35, T0 + 120 * MINUTE, 10 * MINUTE, 23); /* chance */
	assert_int_equal(campaigns(&a), 0);
	begin_scans(&a, &seed, 19, T0 + 130 * MINUTE, 5 * MINUTE, 8080); /* too few */
	begin_scans(&a, &seed, 40, T0 + 130 * MINUTE, 160 * MINUTE, 81); /* not together */
	assert_int_equal(campaigns(&a), 0);
	begin_scans(&a, &seed, 25, T0 + 300 * MINUTE, 5 * MINUTE, 5555); /* new, and together */
	assert_int_equal(campaigns(&a), 1);
	GOOD(hin_finding_get(a.desk,
			     number(&a, "SELECT max(id) FROM finding WHERE kind = 'campaign'"), 0,
			     &f, err));
	assert_int_equal(f.port, 5555);
	/* those before it was one are counted in; two may have one place in the bitmap */
	assert_in_range(f.observations, 22, 25);
	assert_int_equal(f.first_us, T0 + 300 * MINUTE);
	assert_int_not_equal(f.case_id, 0);
	begin_scans(&a, &seed, 150, T0 + 310 * MINUTE, 10 * MINUTE,
		    23); /* the background breaks out */
	assert_int_equal(campaigns(&a), 2);
	for (int i = 0; i < 100; i++) { /* forged sources are no crowd */
		char source[32];

		snprintf(source, sizeof(source), "9.9.%d.9", i);
		forged = tagged(scan_row(source, T0 + 330 * MINUTE, 0, 7777, 20), HIN_TAG_SPOOFED);
		give(&a, &forged);
	}
	for (int i = 0; i < 100; i++) { /* nor is one that begins again and again */
		forged = scan_row("9.9.9.9", T0 + 340 * MINUTE + i * SECOND, 0, 7778, 20);
		give(&a, &forged);
	}
	assert_int_equal(campaigns(&a), 2);
	analysed_end(&a);
}

static void nothing_is_new_at_the_start(void **state)
{
	struct analysed a;
	uint64_t seed = 2;

	(void)state;
	analysed_begin(&a, NULL);
	begin_scans(&a, &seed, 200, T0, 10 * MINUTE, 23);
	assert_int_equal(campaigns(&a), 0);
	analysed_end(&a);
}

/* More patterns than the table has: the oldest make way, and a late campaign is still seen. */
static void patterns_are_bounded(void **state)
{
	struct analysed a;
	uint64_t seed = 3;

	(void)state;
	analysed_begin(&a, NULL);
	for (unsigned i = 0; i < 40000; i++) {
		struct hin_observation row = scan_row("203.0.113.9", T0 + i * SECOND / 5,
						      (uint16_t)(i >> 16), (uint16_t)i, 20);
		give(&a, &row);
		if (i % 1000 == 0)
			commit(&a);
	}
	begin_scans(&a, &seed, 30, T0 + 150 * MINUTE, 5 * MINUTE, 50000);
	assert_int_equal(campaigns(&a), 1);
	analysed_end(&a);
}

/* ---- identity ---- */

static void owners(struct analysed *a)
{
	bool changed = false;

	run_sql(a, "UPDATE directory_state SET directory = directory + 1, leases = leases + 1");
	while (!changed) /* it rests for a while between two readings */
		GOOD(hin_owners_box_refresh(a->box, a->desk, a->now_us, &changed, err));
}

static void lease(struct analysed *a, const char *address, int port_low, int port_high,
		  int64_t from_us, int64_t until_us, const char *device, const char *basis)
{
	struct hin_addr x = address_of(address);

	GOOD(hin_desk_run(
		a->desk, err,
		"INSERT INTO lease (low, high, port_low, port_high, from_us, until_us, "
		"device, organisation, basis, confidence) VALUES (?1, ?1, ?2, ?3, ?4, ?5, "
		"?6, 1, ?7, 90)",
		"aiiiitt", &x, (int64_t)port_low, (int64_t)port_high, from_us, until_us, device,
		basis));
}

static void city(struct analysed *a)
{
	struct hin_addr low = address_of("192.0.2.0"), high = address_of("192.0.2.255");

	GOOD(hin_desk_run(a->desk, err,
			  "INSERT INTO organisation (id, handle, name, updated_us) VALUES (1, "
			  "'city', 'City', 1)",
			  ""));
	GOOD(hin_desk_run(
		a->desk, err,
		"INSERT INTO holding (organisation, kind, low, high) VALUES (1, 'prefix', "
		"?1, ?2)",
		"aa", &low, &high));
}

static void reassigned_addresses_are_two(void **state)
{
	struct hin_observation row;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	city(&a);
	lease(&a, "192.0.2.9", 0, 65535, T0 - HOUR, T0 + HOUR, "mac:00:00:5e:00:53:01", "dhcp");
	lease(&a, "192.0.2.9", 0, 65535, T0 + HOUR, 0, "mac:00:00:5e:00:53:02", "dhcp");
	lease(&a, "192.0.2.77", 0, 65535, T0 + 2 * HOUR, 0, "mac:00:00:5e:00:53:01", "dhcp");
	owners(&a);
	row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	give(&a, &row);
	row = member_row("192.0.2.9", T0 + HOUR + MINUTE, HIN_TOOLS_MIRAI);
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 2);
	/* the first device elsewhere: the same finding, the same case, both addresses in its query
	 */
	row = member_row("192.0.2.77", T0 + 3 * DAY, HIN_TOOLS_MIRAI);
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(number(&a,
				"SELECT count(*) FROM finding WHERE observations = 2 AND device "
				"= 'mac:00:00:5e:00:53:01' AND subject_type = 'device' AND "
				"instr(query, '192.0.2.9') AND instr(query, '192.0.2.77')"),
			 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 2);
	assert_int_equal(number(&a, "SELECT organisation FROM case_ LIMIT 1"), 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_join WHERE basis = 'device' AND "
				    "confidence = 90"),
			 2);
	analysed_end(&a);
}

/* The same device seen by two kinds of sensors: one case. Another device: another case. */
static void telescope_and_decoy_are_one_case(void **state)
{
	static const struct {
		uint16_t kind, tag;
		const char *source;
	} rows[] = {
		{ HIN_KIND_DECOY_CREDENTIAL, 0, "192.0.2.9" },
		{ HIN_KIND_DECOY_LOGIN, 0, "192.0.2.9" },
		{ HIN_KIND_DECOY_FILE, HIN_TAG_PROGRAM, "192.0.2.9" },
		{ HIN_KIND_DECOY_LOGIN, 0, "192.0.2.10" },
	};
	struct hin_observation row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	city(&a);
	lease(&a, "192.0.2.9", 0, 65535, T0 - HOUR, 0, "mac:00:00:5e:00:53:01", "dhcp");
	lease(&a, "192.0.2.10", 0, 65535, T0 - HOUR, 0, "mac:00:00:5e:00:53:02", "dhcp");
	owners(&a);
	give(&a, &row);
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		row = decoy_row(rows[i].kind, rows[i].source, 50);
		if (rows[i].tag != 0)
			row = tagged(row, rows[i].tag);
		row.time_us = T0 + (int64_t)(i + 1) * MINUTE;
		give(&a, &row);
	}
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 2);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE device = "
				    "'mac:00:00:5e:00:53:01'"),
			 4);
	assert_int_equal(number(&a, "SELECT count(DISTINCT case_id) FROM finding WHERE device = "
				    "'mac:00:00:5e:00:53:01'"),
			 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE kind = 'intruder' AND "
				    "severity = 'high'"),
			 2);
	analysed_end(&a);
}

static void devices_behind_one_address_are_two(void **state)
{
	struct hin_observation row;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	city(&a);
	lease(&a, "192.0.2.200", 1024, 2047, T0 - HOUR, T0 + HOUR, "user:alice", "nat");
	lease(&a, "192.0.2.200", 2048, 3071, T0 - HOUR, T0 + HOUR, "user:bob", "nat");
	owners(&a);
	row = member_row("192.0.2.200", T0, HIN_TOOLS_MIRAI);
	row.sport = 1500;
	give(&a, &row);
	row.sport = 2500;
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 2);
	row.sport = 0; /* not known which: neither of them, but the address */
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE device = ''"), 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 3);
	/* an inside address is known for its lease only */
	lease(&a, "192.0.2.201", 1024, 2047, T0, T0 + HOUR, "inside:10.0.0.5", "nat");
	lease(&a, "192.0.2.201", 1024, 2047, T0 + 2 * HOUR, T0 + 3 * HOUR, "inside:10.0.0.5",
	      "nat");
	owners(&a);
	row = member_row("192.0.2.201", T0 + MINUTE, HIN_TOOLS_MIRAI);
	row.sport = 1500;
	give(&a, &row);
	row.time_us = T0 + 2 * HOUR + MINUTE;
	give(&a, &row);
	commit(&a);
	assert_int_equal(
		number(&a, "SELECT count(*) FROM finding WHERE device = 'inside:10.0.0.5'"), 2);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 5);
	analysed_end(&a);
}

/* What goes on is told in deltas, by port; what no port or moment says of whom, is about nobody. */
static void what_is_about_nobody_is_no_finding(void **state)
{
	struct hin_observation row, scan;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	city(&a);
	lease(&a, "192.0.2.200", 1024, 2047, T0 - HOUR, T0 + HOUR, "user:alice", "nat");
	lease(&a, "192.0.2.200", 2048, 3071, T0 - HOUR, T0 + HOUR, "user:bob", "nat");
	lease(&a, "192.0.2.9", 0, 65535, T0 - HOUR, T0 + HOUR, "mac:00:00:5e:00:53:01", "dhcp");
	lease(&a, "192.0.2.9", 0, 65535, T0 + HOUR, 0, "mac:00:00:5e:00:53:02", "dhcp");
	lease(&a, "192.0.2.8", 0, 65535, T0 - HOUR, T0 + HOUR, "mac:00:00:5e:00:53:08", "dhcp");
	owners(&a);
	for (unsigned i = 0; i < 5; i++) {
		row = member_row("192.0.2.200", T0 + i * MINUTE, HIN_TOOLS_MIRAI);
		(void)hin_observation_tag(&row, i > 0 ? HIN_TAG_UPDATED : HIN_TAG_OPENED);
		row.sport = 1500;
		row.packets = i > 0 ? 10 : 1;
		row.bytes = row.packets * 40;
		give(&a, &row);
		row.sport = 2500;
		give(&a, &row);
		if (i == 0)
			continue;
		row.sport = 0; /* of many ports */
		row.packets = 1000;
		give(&a, &row);
	}
	scan = scan_row("192.0.2.200", T0, HIN_TOOLS_MIRAI, 23, 3000);
	(void)hin_observation_tag(&scan, HIN_TAG_MEMBER);
	give(&a, &scan);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE kind = 'infected-member'"),
			 2);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE packets = 41 AND bytes = "
				    "1640 AND device IN ('user:alice', 'user:bob')"),
			 2);
	/* an hour's row, in which the address went from one to another; or only its lease ended */
	scan = scan_row("192.0.2.9", T0, HIN_TOOLS_MIRAI, 23, 3000);
	(void)hin_observation_tag(&scan, HIN_TAG_MEMBER);
	scan.duration_us = 2 * HOUR;
	give(&a, &scan);
	scan = scan_row("192.0.2.8", T0, HIN_TOOLS_MIRAI, 23, 3000);
	(void)hin_observation_tag(&scan, HIN_TAG_MEMBER);
	scan.duration_us = 2 * HOUR;
	give(&a, &scan);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE kind = 'infected-member'"),
			 3);
	assert_int_equal(number(&a,
				"SELECT packets FROM finding WHERE kind = 'infected-member' AND "
				"device = 'mac:00:00:5e:00:53:08'"),
			 3000);
	analysed_end(&a);
}

static void without_a_lease_a_day_counts(void **state)
{
	struct hin_observation row;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	for (int i = 0; i < 5; i++) { /* goes on: one finding */
		row = member_row("192.0.2.9", T0 + i * 20 * HOUR, HIN_TOOLS_MIRAI);
		give(&a, &row);
		commit(&a);
	}
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 1);
	assert_int_equal(number(&a, "SELECT confidence FROM case_join"), 47); /* half of 95 */
	for (int i = 0; i < 2; i++) { /* a day and a bit later: another, known or forgotten */
		hin_analyse_reset(a.an);
		row = member_row("192.0.2.9", T0 + 80 * HOUR + (i + 1) * 25 * HOUR,
				 HIN_TOOLS_MIRAI);
		give(&a, &row);
		commit(&a);
		assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2 + i);
		assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 2 + i);
	}
	row = member_row("192.0.2.9", T0 + 300 * HOUR, HIN_TOOLS_MIRAI);
	give(&a, &row); /* and without a commit between */
	row = member_row("192.0.2.9", T0 + 330 * HOUR, HIN_TOOLS_MIRAI);
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 5);
	row = member_row("192.0.2.9", T0 - 50 * HOUR, HIN_TOOLS_MIRAI); /* from long before */
	give(&a, &row);
	assert_int_equal(hin_analyse_count(a.an)->late, 1);
	hin_analyse_reset(a.an);
	give(&a, &row); /* the memory does not know: the desk does */
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 6);
	assert_int_equal(
		number(&a, "SELECT count(*) FROM finding WHERE first_us < 1795300000000000"), 1);
	analysed_end(&a);
}

/* The same moment of long ago, told by two: what is past is looked up like what goes on. */
static void times_told_late_are_told_again(void **state)
{
	const int64_t past = T0 - 100 * HOUR;
	struct hin_observation row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	give(&a, &row);
	commit(&a);
	row.time_us = past;
	for (int i = 0; i < 3; i++) {
		hin_analyse_reset(a.an); /* the memory does not know: the desk does */
		give(&a, &row);
		commit(&a);
	}
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2);
	assert_int_equal(number(&a, "SELECT max(observations) FROM finding"), 3);
	/* one that goes on from that very moment, until now: when it is over, both stay */
	hin_analyse_reset(a.an);
	row.duration_us = 80 * HOUR;
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE first_us = "
				    "1795300000000000 - 360000000000"),
			 2);
	hin_analyse_reset(a.an);
	row = member_row("192.0.2.9", T0 + 50 * HOUR, HIN_TOOLS_MIRAI);
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 3);
	assert_int_equal(number(&a, "SELECT sum(observations) FROM finding"), 6);
	assert_int_equal(hin_analyse_count(a.an)->skipped, 0);
	analysed_end(&a);
}

/* ---- bounds and faults ---- */

static void evicted_findings_go_on(void **state)
{
	const char *const set[] = { "analyse.subjects=1024", NULL };
	struct analysed a;
	char source[32];

	(void)state;
	analysed_begin(&a, set);
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5000; i++) {
			struct hin_observation row;

			snprintf(source, sizeof(source), "11.0.%u.%u", i >> 8, i & 255);
			row = scan_row(source, T0 + round * HOUR, 1, 23, 200);
			give(&a, &row); /* no commit: what waits must be written to make room */
		}
	}
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE kind = 'scanner'"), 5000);
	assert_int_equal(number(&a,
				"SELECT count(*) FROM finding WHERE observations = 2 AND packets "
				"= 400 AND kind = 'scanner'"),
			 5000);
	assert_int_equal(hin_analyse_count(a.an)->subjects, 1024);
	assert_true(hin_analyse_count(a.an)->evicted >= 5000);
	assert_int_equal(hin_analyse_count(a.an)->refused, 0);
	analysed_end(&a);
}

/* Who was hardly seen makes way before who is a finding. */
static void the_least_valuable_goes(void **state)
{
	const char *const set[] = { "analyse.subjects=1024", "rule.campaign.on=no", NULL };
	struct analysed a;
	char source[32];

	(void)state;
	analysed_begin(&a, set);
	for (unsigned i = 0; i < 512; i++) {
		struct hin_observation row;

		snprintf(source, sizeof(source), "11.0.%u.%u", i >> 8, i & 255);
		row = scan_row(source, T0, 1, 23, 200);
		give(&a, &row);
	}
	commit(&a);
	for (unsigned i = 0; i < 5000; i++) {
		struct hin_observation row;

		snprintf(source, sizeof(source), "12.0.%u.%u", i >> 8, i & 255);
		row = scan_row(source, T0 + MINUTE, 1, 23, 5);
		give(&a, &row);
	}
	assert_true(hin_analyse_count(a.an)->evicted > 4000);
	assert_true(hin_analyse_count(a.an)->evicted_findings < 50);
	analysed_end(&a);
}

static void a_desk_that_fails_changes_nothing(void **state)
{
	struct hin_observation row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	struct hin_error why = { 0 };
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	run_sql(&a, "CREATE TRIGGER broken BEFORE INSERT ON case_history BEGIN SELECT broken(); "
		    "END");
	assert_true(hin_analyse_begin(a.an, a.sensor, 1, 1));
	hin_analyse_take(a.an, &row, a.sensor);
	assert_int_equal(hin_analyse_commit(a.an, T0, &why), HIN_EFORMAT);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 0);
	assert_int_equal(number(&a, "SELECT count(*) FROM act"), 0);
	run_sql(&a, "DROP TRIGGER broken");
	hin_analyse_reset(a.an);
	assert_true(hin_analyse_begin(a.an, a.sensor, 1, 1)); /* it was not analysed after all */
	hin_analyse_take(a.an, &row, a.sensor);
	commit(&a);
	assert_int_equal(number(&a, "SELECT observations FROM finding"), 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM act"), 1);
	analysed_end(&a);
}

/* A finding that the desk does not admit is left out; what came with it is there. */
static void one_bad_finding_holds_up_nothing(void **state)
{
	struct hin_observation bad = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI),
			       good = member_row("192.0.2.10", T0, HIN_TOOLS_MIRAI);
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	run_sql(&a, "CREATE TRIGGER bad BEFORE INSERT ON case_history WHEN NEW.finding IN (SELECT "
		    "id FROM finding WHERE subject = '192.0.2.9') BEGIN SELECT RAISE(ABORT, "
		    "'bad'); END");
	give(&a, &bad);
	give(&a, &good);
	commit(&a);
	assert_int_equal(hin_analyse_count(a.an)->skipped, 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 1);
	assert_int_equal(number(&a, "SELECT count(*) FROM act"), 1);
	run_sql(&a, "DROP TRIGGER bad");
	give(&a, &bad);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2);
	analysed_end(&a);
}

/* The process ended between desk and store: what is sent again counts once. */
static void a_batch_counts_once(void **state)
{
	struct hin_observation row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	struct hin_error why = { 0 };
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	for (uint64_t n = 5; n > 3; n--) { /* also one that fills a gap */
		assert_true(hin_analyse_begin(a.an, a.sensor, 1, n));
		hin_analyse_take(a.an, &row, a.sensor);
	}
	GOOD(hin_analyse_commit(a.an, T0, err));
	hin_analyse_close(a.an); /* not stored */
	analysed_open(&a, &why);
	assert_false(hin_analyse_begin(a.an, a.sensor, 1, 5));
	assert_true(hin_analyse_begin(a.an, a.sensor, 2, 5)); /* of another epoch */
	hin_analyse_take(a.an, &row, a.sensor);
	GOOD(hin_analyse_commit(a.an, T0, err));
	hin_analyse_stored(a.an); /* 5 and 2.5 are; 4 was not sent again yet */
	hin_analyse_close(a.an);
	analysed_open(&a, &why);
	assert_false(hin_analyse_begin(a.an, a.sensor, 1, 4));
	hin_analyse_unstored(a.an); /* lost again */
	assert_false(hin_analyse_begin(a.an, a.sensor, 1, 4));
	hin_analyse_stored(a.an);
	assert_true(hin_analyse_begin(a.an, a.sensor, 1, 6));
	hin_analyse_take(a.an, &row, a.sensor);
	commit(&a);
	assert_int_equal(number(&a, "SELECT observations FROM finding"), 4);
	assert_true(hin_analyse_count(a.an)->repeats >= 2);
	analysed_end(&a);
}

static void what_is_not_seen_is_over(void **state)
{
	struct hin_observation row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	give(&a, &row);
	commit(&a);
	GOOD(hin_analyse_tick(a.an, T0 + 5 * HOUR, err));
	assert_int_equal(number(&a, "SELECT live FROM finding"), 1);
	GOOD(hin_analyse_tick(a.an, T0 + 7 * HOUR, err));
	assert_int_equal(number(&a, "SELECT live FROM finding"), 0);
	row.time_us = T0 + 8 * HOUR;
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT live FROM finding"), 1);
	analysed_end(&a);
}

/* A sensor that makes up a thousand troubles does not make a thousand cases. */
static struct hin_observation road_row(const struct analysed *a, uint16_t kind, int64_t time_us,
				       int64_t duration_us)
{
	struct hin_observation o = {
		.time_us = time_us, .duration_us = (uint64_t)duration_us, .kind = kind, .packets = 2
	};

	if (kind != HIN_KIND_ROAD_ALIVE) { /* that one is said by the sensor itself */
		o.device_basis = HIN_DEVICE_BASIS_SENSOR_KEY;
		memcpy(o.device, a->sensor, sizeof(o.device));
	}
	return o;
}

static void say(struct analysed *a, uint16_t kind, int64_t time_us, int64_t duration_us)
{
	struct hin_observation row = road_row(a, kind, time_us, duration_us);

	give(a, &row);
	a->now_us = time_us + duration_us + SECOND;
	commit(a);
}

#define STATE_IS(word) assert_int_equal(number(&a, "SELECT state = '" word "' FROM case_"), 1)
#define LINES(word)                                                                                \
	number(&a, "SELECT count(*) FROM case_history h JOIN act t ON t.id = h.act WHERE "         \
		   "h.action = '" word "'")

/* A sensor that is silent, comes back, and is silent again: one finding, one case. */
static void a_sensor_that_returns_closes_its_case(void **state)
{
	struct analysed a;

	(void)state;
	for (unsigned restart = 0; restart < 2; restart++) {
		analysed_begin(&a, NULL);
		for (int i = 0; i < 3; i++) /* nothing to say of a sensor that is there */
			say(&a, HIN_KIND_ROAD_ALIVE, T0 + i * MINUTE, MINUTE);
		assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 0);
		say(&a, HIN_KIND_ROAD_SILENT, T0 + 3 * MINUTE, 5 * MINUTE);
		STATE_IS("new");
		say(&a, HIN_KIND_ROAD_ALIVE, T0 + 4 * MINUTE, MINUTE); /* was on its way */
		STATE_IS("new");
		if (restart)
			hin_analyse_reset(a.an);
		say(&a, HIN_KIND_ROAD_ALIVE, T0 + 30 * HOUR, MINUTE);
		STATE_IS("closed");
		assert_int_equal(number(&a, "SELECT live FROM finding"), 0);
		assert_int_equal(number(&a, "SELECT observations FROM finding"), 1);
		assert_int_equal(LINES("noted"), 1);
		assert_int_equal(LINES("closed"), 1);
		assert_int_equal(number(&a, "SELECT count(*) FROM act WHERE account = 0 AND kind = "
					    "207"),
				 1);
		if (restart)
			hin_analyse_reset(a.an);
		say(&a, HIN_KIND_ROAD_ALIVE, T0 + 31 * HOUR, MINUTE);
		assert_int_equal(LINES("noted"), 1); /* once */
		say(&a, HIN_KIND_ROAD_SILENT, T0 + 32 * HOUR, 5 * MINUTE);
		STATE_IS("open");
		assert_int_equal(number(&a, "SELECT reopened FROM case_"), 1);
		assert_int_equal(number(&a, "SELECT live FROM finding"), 1);
		/* silent, back and silent in one commit, as a replay has it */
		for (int i = 0; i < 2; i++) {
			struct hin_observation row =
				road_row(&a, HIN_KIND_ROAD_ALIVE, T0 + (40 + i) * HOUR, MINUTE);

			give(&a, &row);
			row = road_row(&a, HIN_KIND_ROAD_SILENT, T0 + (40 + i) * HOUR + 2 * MINUTE,
				       5 * MINUTE);
			give(&a, &row);
		}
		a.now_us = 0;
		commit(&a);
		STATE_IS("open");
		assert_int_equal(number(&a, "SELECT reopened FROM case_"), 3);
		assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 1);
		assert_int_equal(number(&a, "SELECT observations FROM finding"), 4);
		analysed_end(&a);
	}
}

/* A person has the last word; and what is missing is still missing when the sensor is back. */
static void a_return_does_not_close_what_is_not_over(void **state)
{
	struct hin_case_actor somebody = { .account = 0, .now_us = T0 + 10 * MINUTE };
	const int64_t id = 1;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	say(&a, HIN_KIND_ROAD_SILENT, T0, 5 * MINUTE);
	GOOD(hin_case_suppress(a.desk, &somebody, &id, 1, 0, "moved", err));
	say(&a, HIN_KIND_ROAD_ALIVE, T0 + HOUR, MINUTE);
	STATE_IS("suppressed");
	assert_int_equal(LINES("noted"), 1);
	analysed_end(&a);

	analysed_begin(&a, NULL);
	say(&a, HIN_KIND_ROAD_SILENT, T0, 5 * MINUTE);
	say(&a, HIN_KIND_ROAD_GAP, T0 + 6 * MINUTE, 0); /* two batches */
	say(&a, HIN_KIND_ROAD_ALIVE, T0 + 7 * MINUTE, MINUTE);
	STATE_IS("new");
	assert_int_equal(LINES("noted"), 1);
	assert_int_equal(number(&a, "SELECT live FROM finding"), 1);
	say(&a, HIN_KIND_ROAD_ALIVE, T0 + 8 * MINUTE, MINUTE);
	assert_int_equal(LINES("noted"), 1);
	say(&a, HIN_KIND_ROAD_FILLED, T0 + 9 * MINUTE, 0);
	STATE_IS("closed");
	analysed_end(&a);

	analysed_begin(&a, NULL); /* missing batches alone: no sign of life makes them come */
	say(&a, HIN_KIND_ROAD_GAP, T0, 0);
	hin_analyse_reset(a.an);
	say(&a, HIN_KIND_ROAD_ALIVE, T0 + MINUTE, MINUTE);
	STATE_IS("new");
	assert_int_equal(LINES("noted"), 0);
	analysed_end(&a);
}

static void cases_are_limited_in_an_hour(void **state)
{
	const char *const set[] = { "analyse.cases=10", NULL };
	struct hin_observation row;
	struct analysed a;
	char source[32];

	(void)state;
	analysed_begin(&a, set);
	for (int round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 25; i++) {
			snprintf(source, sizeof(source), "192.0.2.%u", i);
			row = member_row(source, T0 + round * HOUR, HIN_TOOLS_MIRAI);
			give(&a, &row);
		}
		commit(&a);
		if (round == 0) { /* the last ones are not for a sensor that took all others */
			assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 8);
			for (uint8_t sensor = 0xc0; sensor < 0xc4; sensor++) {
				a.sensor[0] = sensor;
				snprintf(source, sizeof(source), "198.51.100.%u", sensor);
				row = member_row(source, T0, HIN_TOOLS_MIRAI);
				give(&a, &row);
				commit(&a);
			}
			assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 10);
			a.sensor[0] = 0xab;
		}
		a.now_us += HOUR;
	}
	/* what had to wait got its case in an hour after it, when it was seen again */
	assert_int_equal(number(&a, "SELECT count(*) FROM case_"), 27);
	assert_int_equal(hin_analyse_count(a.an)->held, 17 + 2 + 9 + 1);
	analysed_end(&a);
}

static void what_no_case_has_is_forgotten(void **state)
{
	struct hin_observation scan = scan_row("203.0.113.1", T0, 1, 443, 500),
			       member = member_row("192.0.2.1", T0, HIN_TOOLS_MIRAI);
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	give(&a, &scan);
	give(&a, &member);
	commit(&a);
	GOOD(hin_analyse_tick(a.an, T0 + 89 * DAY, err));
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 2);
	GOOD(hin_analyse_tick(a.an, T0 + 91 * DAY, err));
	assert_int_equal(number(&a, "SELECT count(*) FROM finding"), 1);
	scan.time_us = T0 + 92 * DAY; /* the memory still knows it */
	give(&a, &scan);
	commit(&a);
	assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE kind = 'scanner'"), 1);
	analysed_end(&a);
}

/* A sensor that lies about times: nothing is seen in years to come, and all can be shown. */
static void times_stay_in_range(void **state)
{
	struct hin_observation row = member_row("192.0.2.9", T0, HIN_TOOLS_MIRAI);
	struct hin_buffer json = { 0 };
	struct hin_finding f;
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	row.duration_us = UINT64_MAX;
	give(&a, &row);
	row = member_row("192.0.2.10", HIN_TIME_MAX, HIN_TOOLS_MIRAI);
	give(&a, &row);
	commit(&a);
	assert_int_equal(number(&a, "SELECT last_us FROM finding WHERE id = 1"), T0 + 31 * DAY);
	GOOD(hin_finding_get(a.desk, 2, 0, &f, err));
	assert_int_equal(f.last_us, HIN_TIME_MAX);
	hin_finding_json(&f, &json);
	assert_non_null(strstr(json.data, "\"last\":\"2262-04-11T23:47:16"));
	hin_buffer_fini(&json);
	/* a hub knows what time it is: nothing ends behind that */
	hin_analyse_limit(a.an, T0 + DAY);
	for (int i = 0; i < 2; i++) {
		row = member_row(i == 0 ? "192.0.2.11" : "192.0.2.12", T0 + i * 2 * DAY,
				 HIN_TOOLS_MIRAI);
		row.duration_us = UINT64_MAX - (uint64_t)i;
		give(&a, &row);
	}
	commit(&a);
	assert_int_equal(number(&a, "SELECT last_us FROM finding WHERE id = 3"), T0 + DAY);
	assert_int_equal(number(&a, "SELECT last_us FROM finding WHERE id = 4"), T0 + 2 * DAY);
	analysed_end(&a);
}

/* A sensor that makes up troubles of one machine does not fill the ledger. */
static void growth_is_told_once_a_minute(void **state)
{
	struct hin_observation rows[] = {
		member_row("198.51.100.7", T0, HIN_TOOLS_MIRAI),
		row_of(HIN_KIND_TELESCOPE_BACKSCATTER, true, 25, HIN_RULE_VICTIM_BACKSCATTER),
		row_of(HIN_KIND_TELESCOPE_AMPLIFICATION, false, 60, 0),
		row_of(HIN_KIND_TELESCOPE_FLOOD, false, 300, 0),
	};
	static const int64_t after[] = { 0, SECOND, 60 * SECOND, 62 * SECOND };
	static const int64_t told[] = { 0, 1, 1, 2 };
	struct analysed a;

	(void)state;
	analysed_begin(&a, NULL);
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		a.now_us = T0 + after[i];
		give(&a, &rows[i]);
		commit(&a);
		assert_int_equal(number(&a, "SELECT count(*) FROM finding WHERE case_id = 1"),
				 i + 1);
		assert_int_equal(number(&a, "SELECT count(*) FROM case_history WHERE action = "
					    "'grew'"),
				 told[i]);
		assert_int_equal(number(&a, "SELECT count(*) FROM act"), 1 + told[i]);
	}
	assert_int_equal(number(&a, "SELECT count(*) FROM case_history WHERE text = "
				    "'findings: 4'"),
			 1);
	analysed_end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_town_is_understood),
		cmocka_unit_test(rules_fire_and_hold_back),
		cmocka_unit_test(the_same_script_is_a_campaign),
		cmocka_unit_test(a_rule_can_be_switched_off),
		cmocka_unit_test(campaigns_stand_out),
		cmocka_unit_test(nothing_is_new_at_the_start),
		cmocka_unit_test(patterns_are_bounded),
		cmocka_unit_test(reassigned_addresses_are_two),
		cmocka_unit_test(devices_behind_one_address_are_two),
		cmocka_unit_test(telescope_and_decoy_are_one_case),
		cmocka_unit_test(what_is_about_nobody_is_no_finding),
		cmocka_unit_test(without_a_lease_a_day_counts),
		cmocka_unit_test(evicted_findings_go_on),
		cmocka_unit_test(the_least_valuable_goes),
		cmocka_unit_test(a_desk_that_fails_changes_nothing),
		cmocka_unit_test(one_bad_finding_holds_up_nothing),
		cmocka_unit_test(times_told_late_are_told_again),
		cmocka_unit_test(a_batch_counts_once),
		cmocka_unit_test(what_is_not_seen_is_over),
		cmocka_unit_test(times_stay_in_range),
		cmocka_unit_test(a_sensor_that_returns_closes_its_case),
		cmocka_unit_test(a_return_does_not_close_what_is_not_over),
		cmocka_unit_test(cases_are_limited_in_an_hour),
		cmocka_unit_test(what_no_case_has_is_forgotten),
		cmocka_unit_test(growth_is_told_once_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
