/* loading_test - long imports bit by bit: broken off, changed by others, gone on with */
#include "desk_fixture.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "hub/owners/directory_priv.h"
#include "hub/owners/lease.h"
#include "hub/owners/loading.h"
#include "trust/act_numbers.h"

#define ROWS 60
#define NOW INT64_C(1795340000000000)

/* ---- what is brought ---- */

static void put_leases(struct hin_buffer *out, unsigned count)
{
	hin_buffer_puts(out, "address,device,from,until,basis\n");
	for (unsigned i = 0; i < count; i++)
		hin_buffer_printf(out, "192.0.2.%u,circuit:%u,@1795000000,@1795003600,dhcp\n",
				  i + 1, i);
}

/* Ranges of three owners. */
static void put_owners(struct hin_buffer *out, unsigned count, const char *shift)
{
	hin_buffer_puts(out, "organisation,name,holding,contact\n");
	for (unsigned i = 0; i < count; i++)
		hin_buffer_printf(out, "org%u%s,Organisation,10.%u.0.0/16,abuse@org%u.example\n",
				  i % 3, shift, i, i % 3);
}

static int64_t number(struct hin_desk *desk, const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	if (hin_desk_number(desk, &n, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	return n;
}

static struct hin_desk *opened(void)
{
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };

	if (hin_desk_open(&desk, path, HIN_DESK_CREATE, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return desk;
}

static enum hin_code leases(struct hin_desk *desk, unsigned count, int64_t bit_ns,
			    struct hin_lease_change *change, struct hin_error *err)
{
	struct hin_lease_options options = { .format = HIN_LEASE_CSV, .name = "f", .now_us = NOW };
	struct hin_lease_import import = { .source = "s", .bit_ns = bit_ns };
	struct hin_directory_notes notes = { 0 };
	struct hin_buffer csv = { 0 };
	enum hin_code code;

	put_leases(&csv, count);
	code = hin_lease_import(desk, &options, &import, csv.data, csv.used, &notes, change, err);
	hin_buffer_fini(&csv);
	return code;
}

static enum hin_code owners(struct hin_desk *desk, unsigned count, const char *shift,
			    int64_t bit_ns, struct hin_directory_report *report,
			    struct hin_error *err)
{
	struct hin_directory *d = hin_directory_new();
	struct hin_directory_import options = {
		.source = "s", .now_us = NOW, .name = "f", .bit_ns = bit_ns
	};
	struct hin_directory_notes notes = { 0 };
	struct hin_buffer csv = { 0 };
	enum hin_code code;

	*report = (struct hin_directory_report){ .line_limit = 0 };
	put_owners(&csv, count, shift);
	assert_int_equal(hin_directory_parse(d, HIN_DIRECTORY_CSV, "f", "s", csv.data, csv.used,
					     &notes, err),
			 HIN_OK);
	code = hin_directory_import(desk, d, &options, report, err);
	hin_directory_report_fini(report);
	hin_directory_free(d);
	hin_buffer_fini(&csv);
	return code;
}

/* ---- tests ---- */

static int64_t acts(struct hin_desk *desk, int kind)
{
	int64_t n = -1;

	assert_int_equal(hin_desk_number(desk, &n, NULL, "SELECT count(*) FROM act WHERE kind = ?1",
					 "i", (int64_t)kind),
			 HIN_OK);
	return n;
}

static void a_small_one_is_one_transaction(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory_report report;
	struct hin_lease_change change;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(leases(desk, 5, INT64_MAX, &change, &err), HIN_OK);
	assert_int_equal(owners(desk, 5, "", INT64_MAX, &report, &err), HIN_OK);
	assert_int_equal(acts(desk, HIN_ACT_LOADING_BEGUN), 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM loading"), 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM sqlite_sequence WHERE name = "
				      "'loading'"),
			 0); /* there was never a row */
	hin_desk_close(desk);
}

static void a_long_one_says_what_it_began(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory_report report;
	struct hin_lease_change change;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(leases(desk, ROWS, 1, &change, &err), HIN_OK);
	assert_int_equal(change.added, ROWS);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), ROWS);
	assert_int_equal(number(desk, "SELECT leases FROM directory_state"), 1);
	assert_int_equal(acts(desk, HIN_ACT_LOADING_BEGUN), 1);
	assert_int_equal(acts(desk, HIN_ACT_LEASES_LOADED), 1);
	assert_int_equal(owners(desk, ROWS, "", 1, &report, &err), HIN_OK);
	assert_int_equal(report.holdings.added, ROWS);
	assert_int_equal(report.organisations.added, 3);
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), ROWS);
	assert_int_equal(number(desk, "SELECT directory FROM directory_state"), 1);
	assert_int_equal(acts(desk, HIN_ACT_LOADING_BEGUN), 2);
	assert_int_equal(acts(desk, HIN_ACT_DIRECTORY_LOADED), 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM loading"), 0);
	hin_desk_close(desk);
}

/* A process that is killed at a row: in the middle of a bit, after others were committed. */
static void kill_at(const char *table, unsigned row, bool directory)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct hin_directory_report report;
		struct hin_lease_change change;
		struct hin_desk *desk = NULL;
		char sql[200];

		if (hin_desk_open(&desk, path, HIN_DESK_WRITE, NULL) != HIN_OK)
			_exit(1);
		/* the row cannot be written: what comes then is a kill, not an error */
		snprintf(sql, sizeof(sql),
			 "CREATE TEMP TRIGGER stop BEFORE INSERT ON %s WHEN (SELECT count(*) FROM "
			 "%s) = %u BEGIN SELECT RAISE(ABORT, 'stop'); END",
			 table, table, row);
		if (hin_desk_run(desk, NULL, sql, "") != HIN_OK)
			_exit(2);
		if (directory)
			(void)!owners(desk, ROWS, "", 1, &report, NULL);
		else
			(void)!leases(desk, ROWS, 1, &change, NULL);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void count_left(void *user, const struct hin_loading_left *left)
{
	unsigned *count = user;

	assert_string_equal(left->source, "s");
	assert_int_equal(left->begun_us, NOW);
	assert_true(left->done > 0);
	(*count)++;
}

static void broken_off_and_gone_on_with(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory_report report;
	struct hin_lease_change change;
	struct hin_error err = { 0 };
	unsigned left = 0;

	(void)state;
	kill_at("lease", 20, false);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 20);
	assert_int_equal(number(desk, "SELECT leases FROM directory_state"), 0);
	kill_at("holding", 30, true);
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), 30);
	assert_int_equal(number(desk, "SELECT directory FROM directory_state"), 0);
	assert_int_equal(hin_loading_each(desk, count_left, &left, &err), HIN_OK);
	assert_int_equal(left, 2);
	assert_int_equal(acts(desk, HIN_ACT_LOADING_BEGUN), 2);
	/* the same files again */
	assert_int_equal(leases(desk, ROWS, 0, &change, &err), HIN_OK);
	assert_int_equal(change.same, 20);
	assert_int_equal(change.added, ROWS - 20);
	assert_int_equal(owners(desk, ROWS, "", 0, &report, &err), HIN_OK);
	assert_int_equal(report.holdings.same, 30);
	assert_int_equal(report.holdings.added, ROWS - 30);
	assert_int_equal(number(desk, "SELECT count(*) FROM loading"), 0);
	assert_int_equal(number(desk, "SELECT leases FROM directory_state"), 1);
	assert_int_equal(number(desk, "SELECT directory FROM directory_state"), 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), ROWS);
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), ROWS);
	hin_desk_close(desk);
}

/* An error in the middle is told with what to do; one in the first bit has changed nothing. */
static void what_fails_says_how_much_is_in(void **state)
{
	static const struct {
		unsigned row;
		int64_t bit_ns;
		bool part;
	} cases[] = { { 10, 1, true }, { 10, INT64_MAX, false } };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_desk *desk = opened();
		struct hin_lease_change change;
		struct hin_error err = { 0 };

		assert_int_equal(hin_desk_run(desk, NULL, "DELETE FROM lease", ""), HIN_OK);
		assert_int_equal(hin_desk_run(desk, NULL,
					      "CREATE TEMP TRIGGER stop BEFORE INSERT ON lease "
					      "WHEN (SELECT count(*) FROM lease) = 10 BEGIN SELECT "
					      "RAISE(ABORT, 'no room'); END",
					      ""),
				 HIN_OK);
		assert_int_equal(leases(desk, ROWS, cases[i].bit_ns, &change, &err), HIN_EVERIFY);
		assert_non_null(strstr(err.text, "no room"));
		assert_int_equal(strstr(err.text, "import the file again") != NULL, cases[i].part);
		assert_int_equal(number(desk, "SELECT count(*) FROM lease"),
				 cases[i].part ? 10 : 0);
		hin_desk_close(desk);
	}
}

/* Nothing is begun for a file that is wrong somewhere. */
static void a_wrong_file_is_not_begun(void **state)
{
	static const char csv[] = "address,device,from,until,basis,organisation\n"
				  "192.0.2.1,circuit:1,@1795000000,@1795003600,dhcp,\n"
				  "192.0.2.2,circuit:2,@1795000000,@1795003600,dhcp,nobody\n";
	struct hin_lease_options options = { .format = HIN_LEASE_CSV, .name = "f", .now_us = NOW };
	struct hin_lease_import import = { .source = "s", .bit_ns = 1 };
	struct hin_directory_notes notes = { 0 };
	struct hin_lease_change change;
	struct hin_desk *desk = opened();
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(
		hin_lease_import(desk, &options, &import, csv, strlen(csv), &notes, &change, &err),
		HIN_ENOENT);
	assert_non_null(strstr(err.text, "nobody"));
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 0);
	hin_desk_close(desk);
}

/* ---- others at work ---- */

struct other {
	pthread_t thread;
	_Atomic bool stop;
	_Atomic unsigned commits;
	const char *sql;
	unsigned most;
};

static void *work(void *user)
{
	struct other *o = user;
	struct hin_desk *desk = NULL;

	if (hin_desk_open(&desk, path, HIN_DESK_WRITE, NULL) != HIN_OK)
		return NULL;
	while (!o->stop && o->commits < o->most) {
		/* from the first bit on */
		int64_t begun = 0;

		if (hin_desk_number(desk, &begun, NULL, "SELECT count(*) FROM loading", "") ==
			    HIN_OK &&
		    begun > 0 && hin_desk_begin(desk, NULL) == HIN_OK) {
			if (hin_desk_run(desk, NULL, o->sql, "") == HIN_OK &&
			    hin_desk_commit(desk, NULL) == HIN_OK)
				o->commits++;
			hin_desk_rollback(desk);
		}
		usleep(2000);
	}
	hin_desk_close(desk);
	return NULL;
}

static void begin(struct other *o, const char *sql, unsigned most)
{
	*o = (struct other){ .sql = sql, .most = most };
	assert_int_equal(pthread_create(&o->thread, NULL, work, o), 0);
}

static unsigned end(struct other *o)
{
	o->stop = true;
	pthread_join(o->thread, NULL);
	return o->commits;
}

static void others_write_meanwhile(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_lease_change change;
	struct hin_error err = { 0 };
	struct other o;

	(void)state;
	begin(&o, "UPDATE directory_state SET directory = directory", UINT_MAX);
	assert_int_equal(leases(desk, ROWS, 1, &change, &err), HIN_OK);
	assert_true(end(&o) >= ROWS / 4);
	assert_int_equal(change.added, ROWS);
	hin_desk_close(desk);
}

/* Somebody changes the directory in the middle: it is compared again, and counted right. */
static void another_changes_the_directory(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory_report report;
	struct hin_error err = { 0 };
	struct other o;

	(void)state;
	begin(&o, "UPDATE directory_state SET directory = directory + 1", 3);
	assert_int_equal(owners(desk, ROWS, "", 1, &report, &err), HIN_OK);
	assert_int_equal(end(&o), 3);
	assert_int_equal(report.organisations.added, 3);
	assert_int_equal(report.contacts.added, 3);
	assert_int_equal(report.holdings.added, ROWS);
	assert_int_equal(report.holdings.same, 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), ROWS);
	/* all of them move to others */
	begin(&o, "UPDATE directory_state SET directory = directory + 1", 3);
	assert_int_equal(owners(desk, ROWS, "x", 1, &report, &err), HIN_OK);
	assert_int_equal(end(&o), 3);
	assert_int_equal(report.organisations.added, 3);
	assert_int_equal(report.holdings.moved, ROWS);
	assert_int_equal(report.holdings.added, 0);
	assert_int_equal(report.holdings.removed, 0);
	assert_int_equal(number(desk, "SELECT count(*) FROM holding"), ROWS);
	hin_desk_close(desk);
}

/* The one that began last goes on; the other ends, and says why. */
static void two_directories_at_once(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_directory_report report;
	struct hin_error err = { 0 };
	struct other o;

	(void)state;
	begin(&o,
	      "INSERT INTO loading (kind, source, name, sha256, begun_us, done) VALUES "
	      "('directory', 't', 'g', x'00', 1, 1)",
	      1);
	assert_int_equal(owners(desk, ROWS, "", 1, &report, &err), HIN_EAGAIN);
	assert_non_null(strstr(err.text, "another import"));
	(void)end(&o);
	hin_desk_close(desk);
}

static void forgetting_is_bounded_too(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_error err = { 0 };
	uint64_t count = 0;

	(void)state;
	assert_int_equal(
		hin_desk_run(
			desk, &err,
			"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
			"i < 5000) INSERT INTO lease (low, high, from_us, until_us, device, "
			"basis, confidence) SELECT zeroblob(16), zeroblob(16), i, i + 1, i, "
			"'dhcp', 90 FROM n",
			""),
		HIN_OK);
	assert_int_equal(hin_lease_forget(desk, 4502, 0, NOW, &count, &err), HIN_OK);
	assert_int_equal(count, 4500);
	assert_int_equal(number(desk, "SELECT count(*) FROM lease"), 500);
	assert_int_equal(acts(desk, HIN_ACT_LEASES_FORGOTTEN), 1);
	hin_desk_close(desk);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_small_one_is_one_transaction), TEST(a_long_one_says_what_it_began),
		TEST(broken_off_and_gone_on_with),    TEST(what_fails_says_how_much_is_in),
		TEST(a_wrong_file_is_not_begun),      TEST(others_write_meanwhile),
		TEST(another_changes_the_directory),  TEST(two_directories_at_once),
		TEST(forgetting_is_bounded_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
