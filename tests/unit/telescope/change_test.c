/* change_test - ChangeFinder against NICT's own alerts; rises against noise, steps, quiet and gaps.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "telescope/change.h"
#include "../test.h"
#include "../random.h"

/* Open a file of the shared data, or NULL when it is not there. */
static FILE *shared(const char *name)
{
	const char *data = getenv("HINOMI_SHARED_DATA"), *source = getenv("HINOMI_SOURCE");
	char path[4096];

	if (data != NULL)
		snprintf(path, sizeof(path), "%s/%s", data, name);
	else
		snprintf(path, sizeof(path), "%s/../shared/data/%s", source != NULL ? source : ".",
			 name);
	return fopen(path, "re");
}

/*
 * NICT's sensor 999: three days by ten minutes. Its published alerts are the times whose score of
 * packets or of hosts is over 3, without the first 15; ours must be the same, all of them.
 */
static void alerts_as_nict_does(void **state)
{
	FILE *counts = shared("telescope-series/sensor999_count.csv");
	FILE *alerts = shared("telescope-series/sensor999_alert_date.txt");
	struct hin_changefinder packets, hosts;
	unsigned point = 0, agreed = 0;
	uint64_t expected = 0;
	char line[256];

	(void)state;
	if (counts == NULL || alerts == NULL)
		skip();
	hin_changefinder_init(&packets);
	hin_changefinder_init(&hosts);
	assert_non_null(fgets(line, sizeof(line), counts)); /* the names of the columns */
	assert_int_equal(fscanf(alerts, "%" SCNu64, &expected), 1);
	while (fgets(line, sizeof(line), counts) != NULL) {
		double packet_count, host_count, packet_score, host_score;
		uint64_t time;

		assert_int_equal(
			sscanf(line, "%" SCNu64 ",%lf,%lf", &time, &packet_count, &host_count), 3);
		packet_score = hin_changefinder_next(&packets, packet_count);
		host_score = hin_changefinder_next(&hosts, host_count);
		if (++point <= 15)
			continue;
		if ((packet_score > 3 || host_score > 3) != (time == expected))
			fail_msg("%" PRIu64 ": scores %.2f and %.2f, NICT's next alert is %" PRIu64,
				 time, packet_score, host_score, expected);
		if (time != expected)
			continue;
		agreed++;
		if (fscanf(alerts, "%" SCNu64, &expected) != 1)
			expected = 0;
	}
	assert_int_equal(agreed, 15);
	assert_int_equal(expected, 0);
	fclose(counts);
	fclose(alerts);
}

static void changefinder_stays_finite(void **state)
{
	static const double values[] = { 0, 1, -1, 1e-300, 1e18 };
	struct hin_changefinder f;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(values); i++) {
		hin_changefinder_init(&f);
		for (unsigned n = 0; n < 100; n++)
			assert_true(isfinite(hin_changefinder_next(&f, n == 60 ? 0 : values[i])) !=
				    0);
	}
}

/* A Poisson number by counting exponential gaps; a normal one where the mean is large. */
static uint64_t poisson(uint64_t *seed, double mean)
{
	double sum = 0, u, v;
	uint64_t n = 0;

	if (mean > 50) {
		u = random_unit(seed);
		v = random_unit(seed);
		return (uint64_t)fmax(0, mean + sqrt(mean) * sqrt(-2 * log(u)) * cos(2 * M_PI * v));
	}
	while ((sum -= log(random_unit(seed))) < mean)
		n++;
	return n;
}

/* Chance alone must not fire at the default thresholds, whatever the rate. */
static void noise_does_not_rise(void **state)
{
	static const double means[] = { 0.01, 0.3, 1, 5, 20, 40, 100, 1000, 100000 };
	struct hin_telescope_settings set;

	(void)state;
	hin_telescope_settings_default(&set);
	for (size_t i = 0; i < HIN_COUNT(means); i++) {
		struct hin_rise rise = { 0 };
		uint64_t seed = i + 1;

		for (unsigned n = 0; n < 1000; n++) {
			uint64_t count = poisson(&seed, means[i]);
			double expected,
				score = hin_rise_next(&rise, count, set.rising_history, &expected);

			if (score >= set.rising_score && count >= set.rising_packets &&
			    (double)count >= 2 * expected)
				fail_msg("mean %g: %" PRIu64 " packets in interval %u score %.1f",
					 means[i], count, n, score);
		}
	}
}

static void steps_rise(void **state)
{
	static const struct {
		double before, after;
	} cases[] = { { 0, 40 }, { 0.5, 40 }, { 10, 50 }, { 100, 400 }, { 10000, 30000 } };
	struct hin_telescope_settings set;

	(void)state;
	hin_telescope_settings_default(&set);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_rise rise = { 0 };
		uint64_t seed = 7 + i;
		double expected, score = 0;

		for (unsigned n = 0; n < 60; n++)
			(void)hin_rise_next(&rise, poisson(&seed, cases[i].before),
					    set.rising_history, &expected);
		score = hin_rise_next(&rise, (uint64_t)cases[i].after, set.rising_history,
				      &expected);
		if (score < set.rising_score || cases[i].after < 2 * expected)
			fail_msg("from %g to %g: score %.1f, expected %.1f", cases[i].before,
				 cases[i].after, score, expected);
	}
}

/* A rise that lasts becomes the new past; a single one does not hide the next. */
static void learns_in_part(void **state)
{
	struct hin_rise rise = { 0 };
	double expected, score = 0;

	(void)state;
	for (unsigned n = 0; n < 50; n++)
		(void)hin_rise_next(&rise, 10, 10, &expected);
	assert_true(hin_rise_next(&rise, 1000, 10, &expected) > 100);
	for (unsigned n = 0; n < 5; n++)
		(void)hin_rise_next(&rise, 10, 10, &expected);
	assert_true(hin_rise_next(&rise, 1000, 10, &expected) > 20);
	for (unsigned n = 0; n < 500; n++)
		score = hin_rise_next(&rise, 1000, 10, &expected);
	assert_true(score < 1);
	assert_true(expected > 990);
}

/* ---- the whole of it ---- */

struct ports {
	struct hin_telescope_settings settings;
	struct hin_change change;
	struct hin_rise_results results;
	uint64_t counts[HIN_CHANGE_PORTS];
};

static struct ports *ports_new(void)
{
	struct ports *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	hin_telescope_settings_default(&p->settings);
	assert_int_equal(hin_change_init(&p->change, &p->settings, NULL), HIN_OK);
	return p;
}

static void ports_free(struct ports *p)
{
	hin_change_fini(&p->change);
	free(p);
}

static void minute(struct ports *p, int64_t number)
{
	hin_change_minute(&p->change, number * 60000000, p->counts);
	memset(p->counts, 0, sizeof(p->counts));
}

static const struct hin_rising *risen(struct ports *p, uint8_t proto, uint16_t port, bool hourly)
{
	hin_change_results(&p->change, &p->results);
	for (size_t i = 0; i < p->results.count; i++) {
		const struct hin_rising *r = &p->results.list[i];

		if (r->proto == proto && r->port == port && r->hourly == hourly)
			return r;
	}
	return NULL;
}

/* Twenty quiet minutes with some other port, then a port that nobody had asked for. */
static void a_quiet_port_rises(void **state)
{
	struct ports *p = ports_new();
	const struct hin_rising *r;

	(void)state;
	for (int64_t n = 0; n < 20; n++) {
		p->counts[23] = 100;
		minute(p, 1000 + n);
	}
	p->counts[23] = 100;
	p->counts[5555] = 60;
	p->counts[65536 + 5060] = 29; /* below rising.packets */
	minute(p, 1020);
	r = risen(p, 6, 5555, false);
	assert_non_null(r); /* the running minute counts too */
	assert_int_equal(r->count, 60);
	assert_true(r->time_us == 1020 * INT64_C(60000000));
	assert_null(risen(p, 6, 23, false));
	assert_null(risen(p, 17, 5060, false));
	assert_null(risen(p, 6, 5555, true)); /* one hour is no history of hours */
	p->counts[23] = 100;
	p->counts[65536 + 5060] = 31;
	minute(p, 1021);
	assert_non_null(risen(p, 17, 5060, false));
	assert_non_null(risen(p, 6, 5555, false)); /* kept */
	ports_free(p);
}

/* Too little past, nothing is said. */
static void the_first_minutes_say_nothing(void **state)
{
	struct ports *p = ports_new();

	(void)state;
	for (int64_t n = 0; n < (int64_t)p->settings.rising_history; n++) {
		p->counts[(size_t)(80 + n)] = 1000;
		minute(p, n);
		hin_change_results(&p->change, &p->results);
		assert_int_equal(p->results.count, 0);
	}
	ports_free(p);
}

/* Silence of one port while others go on is its past; silence of all for long is an unwatched gap.
 */
static void gaps(void **state)
{
	static const struct {
		const char *name;
		int64_t gap;
		bool rises;
	} cases[] = {
		{ "no gap", 0, false },
		{ "nothing for a few minutes", 6, true },
		{ "nothing for hours", 300, false },
		{ "nothing for years", 2000000, false },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct ports *p = ports_new();

		p->settings.rising_history = 10;
		for (int64_t n = 0; n < 6; n++) {
			p->counts[23] = 100;
			minute(p, n);
		}
		p->counts[5555] = 60;
		minute(p, 6 + cases[i].gap);
		if ((risen(p, 6, 5555, false) != NULL) != cases[i].rises)
			fail_msg("%s", cases[i].name);
		ports_free(p);
	}
}

/* Clocks that step back, before 1970 and at the ends. */
static void odd_clocks(void **state)
{
	static const int64_t minutes[] = { 0, -5, 100, 99, -1000000000, 71582788, 71582789, 3 };
	struct ports *p = ports_new();

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(minutes); i++) {
		p->counts[80] = 1000;
		minute(p, minutes[i]);
	}
	hin_change_results(&p->change, &p->results);
	assert_int_equal(p->results.count, 0);
	ports_free(p);
}

static void by_the_hour(void **state)
{
	struct ports *p = ports_new();
	const struct hin_rising *r;

	(void)state;
	for (int64_t n = 0; n < 60 * 13; n++) {
		p->counts[23] = 2;
		p->counts[445] = n >= 60 * 12 ? 4 : 1; /* too slow for minutes */
		minute(p, 60 * 24 + n);
	}
	r = risen(p, 6, 445, true);
	assert_non_null(r);
	assert_int_equal(r->count, 240);
	assert_true(fabs(r->expected - 60) < 1);
	assert_null(risen(p, 6, 445, false));
	assert_null(risen(p, 6, 23, true));
	ports_free(p);
}

/* More rises than are kept: the strongest stay, the others are counted. */
static void the_strongest_are_kept(void **state)
{
	struct ports *p = ports_new();

	(void)state;
	for (int64_t n = 0; n < 12; n++) {
		p->counts[0] = 100;
		minute(p, n);
	}
	for (uint32_t i = 1; i <= HIN_CHANGE_RESULTS + 1000; i++)
		p->counts[i] = 100 + i;
	minute(p, 12);
	p->counts[0] = 100;
	minute(p, 13);
	hin_change_results(&p->change, &p->results);
	assert_int_equal(p->results.count, HIN_CHANGE_RESULTS);
	assert_int_equal(p->results.lost, 1000);
	assert_non_null(risen(p, 6, HIN_CHANGE_RESULTS + 1000, false));
	assert_null(risen(p, 6, 1, false));
	ports_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alerts_as_nict_does),
		cmocka_unit_test(changefinder_stays_finite),
		cmocka_unit_test(noise_does_not_rise),
		cmocka_unit_test(steps_rise),
		cmocka_unit_test(learns_in_part),
		cmocka_unit_test(a_quiet_port_rises),
		cmocka_unit_test(the_first_minutes_say_nothing),
		cmocka_unit_test(gaps),
		cmocka_unit_test(odd_clocks),
		cmocka_unit_test(by_the_hour),
		cmocka_unit_test(the_strongest_are_kept),
	};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
