/* telescope_alloc_test - memory that runs out at any point of the telescope's life. */
#include "../failing.h"

#include <stdio.h>
#include <unistd.h>

#include "telescope/report.h"
#include "traffic.h"

static struct hin_prefix_tree *dark, *member;
static struct traffic traffic;
static struct hin_picture whole; /* of a run with all its memory */
static char path[64];
static FILE *nowhere;

static bool on_news(void *user, const struct hin_news *news)
{
	(void)user;
	(void)news;
	return true;
}

static struct hin_telescope_options options_of(void)
{
	struct hin_telescope_options options = traffic_options();

	options.settings.memory_bytes = 1 << 20;
	options.settings.event_timeout_ns = 60 * INT64_C(1000000000);
	options.dark = dark;
	options.member = member;
	options.flows = true;
	options.update_us = MINUTE;
	options.sink.news = on_news;
	return options;
}

static void make_traffic(struct traffic *t)
{
	for (uint32_t n = 0; n < 4000; n++) {
		int64_t time = T0 + n * 6 * MINUTE / 4000;

		send_syn(t, time, ADDR(20, 1, n / 1500, n % 90), DARK(n * 7),
			 (uint16_t)(22 + n % 3));
		if (n % 4 == 0)
			send_flags(t, time, ADDR(30, 1, 0, 1), DARK(n), 443, (uint16_t)n, 0x12);
		if (n % 5 == 0)
			send_syn(t, time, ADDR(9, 0, 0, n % 4), DARK(n), 23);
		send_syn(t, time, ADDR(70, 0, 0, 0) + n * 101, DARK(77), 80);
	}
}

/* A telescope whose making does not fail. */
static struct hin_telescope *telescope_safe(void)
{
	struct hin_telescope_options options = options_of();
	unsigned long at = failing_at;
	struct hin_telescope *t;

	failing_at = 0;
	assert_int_equal(hin_telescope_new(&t, &options, NULL), HIN_OK);
	failing_at = at;
	return t;
}

static struct hin_telescope *telescope_run(void)
{
	struct hin_telescope *t = telescope_safe();

	traffic.at = 0;
	assert_int_equal(hin_telescope_run(t, traffic_read, &traffic, NULL), HIN_OK);
	return t;
}

/* ---- what is run ---- */

static enum hin_code make(void *user)
{
	struct hin_telescope_options options = options_of();
	struct hin_telescope *t;
	enum hin_code code = hin_telescope_new(&t, &options, NULL);

	(void)user;
	if (code == HIN_OK)
		hin_telescope_free(t);
	return code;
}

/* Packets go on whatever happens; what could not be kept is counted. */
static enum hin_code run(void *user)
{
	struct hin_telescope *t = telescope_safe();
	struct hin_picture picture;
	enum hin_code code;

	(void)user;
	traffic.at = 0;
	code = hin_telescope_run(t, traffic_read, &traffic, NULL);
	failing_at = failing_seen >= failing_at ? failing_at : 0;
	if (code == HIN_OK) {
		assert_int_equal(hin_telescope_picture(&picture, t, 100, NULL), HIN_OK);
		assert_int_equal(picture.packets, traffic.count);
		assert_true(picture.event_total <= whole.event_total);
		hin_picture_free(&picture);
	}
	hin_telescope_free(t);
	return code;
}

static enum hin_code take_picture(void *user)
{
	struct hin_picture picture;
	enum hin_code code = hin_telescope_picture(&picture, user, 100, NULL);

	if (code != HIN_OK)
		return code;
	assert_int_equal(picture.packets, whole.packets);
	assert_int_equal(picture.series_count, whole.series_count);
	if (picture.lost.results == 0)
		assert_int_equal(picture.event_count, whole.event_count);
	hin_picture_free(&picture);
	return HIN_OK;
}

static enum hin_code tell_text(void *user)
{
	(void)user;
	return hin_report_text(nowhere, &whole, NULL, NULL);
}

static enum hin_code tell_page(void *user)
{
	(void)user;
	return hin_report_html(nowhere, &whole, NULL, NULL);
}

static enum hin_code tell_json(void *user)
{
	(void)user;
	return hin_report_json(nowhere, &whole, NULL, NULL);
}

static enum hin_code tell_csv(void *user)
{
	enum hin_code code = HIN_OK;

	(void)user;
	for (unsigned list = 0; list < HIN_REPORT_LIST_COUNT && code == HIN_OK; list++)
		code = hin_report_csv(nowhere, (enum hin_report_list)list, &whole, NULL, NULL);
	return code;
}

static enum hin_code save(void *user)
{
	return hin_telescope_save(user, path, NULL);
}

static enum hin_code load(void *user)
{
	struct hin_telescope *t = telescope_safe();
	struct hin_picture picture;
	enum hin_code code = hin_telescope_load(t, path, NULL);

	(void)user;
	if (code != HIN_OK) { /* nothing of half a state is told */
		failing_at = failing_seen >= failing_at ? failing_at : 0;
		assert_int_equal(hin_telescope_picture(&picture, t, 100, NULL), HIN_OK);
		assert_int_equal(picture.packets + picture.event_count + picture.member_count, 0);
		hin_picture_free(&picture);
	}
	hin_telescope_free(t);
	return code;
}

/* ---- the tests ---- */

static void making(void **state)
{
	(void)state;
	failing_each("new", make, NULL);
}

static void running(void **state)
{
	(void)state;
	failing_each("run", run, NULL);
}

static void telling(void **state)
{
	struct hin_telescope *t = telescope_run();

	(void)state;
	failing_each("picture", take_picture, t);
	hin_telescope_free(t);
	failing_each("page", tell_page, NULL);
}

/* These may need no memory of their own. */
static void telling_plainly(void **state)
{
	static const struct {
		const char *name;
		failing_fn tell;
	} reports[] = { { "text", tell_text }, { "json", tell_json }, { "csv", tell_csv } };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(reports); i++) {
		failing_seen = 0;
		failing_at = UINT32_MAX;
		assert_int_equal(reports[i].tell(NULL), HIN_OK);
		failing_at = 0;
		if (failing_seen > 0)
			failing_each(reports[i].name, reports[i].tell, NULL);
	}
}

static void saving_and_loading(void **state)
{
	struct hin_telescope *t = telescope_run();

	(void)state;
	failing_each("save", save, t);
	failing_each("load", load, NULL);
	hin_telescope_free(t);
}

static int setup(void **state)
{
	struct hin_telescope *t;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/hinomi-telescope-alloc-%d", (int)getpid());
	dark = traffic_tree("198.18.0.0/16");
	member = traffic_tree("9.0.0.0/28");
	nowhere = fopen("/dev/null", "we");
	make_traffic(&traffic);
	t = telescope_run();
	if (nowhere == NULL || hin_telescope_picture(&whole, t, 100, NULL) != HIN_OK)
		return -1;
	hin_telescope_free(t);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	(void)unlink(path);
	fclose(nowhere);
	hin_picture_free(&whole);
	traffic_free(&traffic);
	hin_prefix_tree_free(dark);
	hin_prefix_tree_free(member);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making),
		cmocka_unit_test(running),
		cmocka_unit_test(telling),
		cmocka_unit_test(telling_plainly),
		cmocka_unit_test(saving_and_loading),
	};

	return cmocka_run_group_tests_name("telescope_alloc", tests, setup, teardown);
}
