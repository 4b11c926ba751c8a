/* The desk: made once, all or nothing, acts only in transactions, errors with their reason. */
#include "desk_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hub/desk.h"

static struct hin_desk *opened(enum hin_desk_access access)
{
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };

	if (hin_desk_open(&desk, path, access, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return desk;
}

static int64_t number(struct hin_desk *desk, const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	if (hin_desk_number(desk, &n, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	return n;
}

#define ADD "INSERT INTO organisation (handle, name, updated_us) VALUES (?1, ?2, ?3)"

static void add(struct hin_desk *desk, const char *handle)
{
	assert_int_equal(hin_desk_run(desk, NULL, ADD, "tti", handle, "x", (int64_t)5), HIN_OK);
}

static void opens_and_refuses(void **state)
{
	struct hin_error err;
	struct hin_desk *desk = NULL;
	struct stat st;
	FILE *f;

	(void)state;
	assert_int_equal(hin_desk_open(&desk, path, HIN_DESK_READ, &err), HIN_ENOENT);
	hin_desk_close(opened(HIN_DESK_CREATE));
	hin_desk_close(opened(HIN_DESK_CREATE)); /* tables are made once */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	desk = opened(HIN_DESK_READ);
	assert_int_equal(hin_desk_run(desk, &err, ADD, "tti", "a", "b", (int64_t)1), HIN_EDENIED);
	hin_desk_close(desk);

	desk = opened(HIN_DESK_WRITE);
	assert_int_equal(hin_desk_run(desk, &err, "PRAGMA user_version = 99", ""), HIN_OK);
	hin_desk_close(desk);
	assert_int_equal(hin_desk_open(&desk, path, HIN_DESK_CREATE, &err), HIN_EUNSUPPORTED);
	assert_non_null(strstr(err.text, "newer"));

	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 1000; i++)
		fputs("this is no desk at all ", f);
	fclose(f);
	assert_int_equal(hin_desk_open(&desk, path, HIN_DESK_CREATE, &err), HIN_EFORMAT);
}

static void all_or_nothing(void **state)
{
	struct hin_desk *desk = opened(HIN_DESK_CREATE), *reader = opened(HIN_DESK_READ);
	static const char count[] = "SELECT count(*) FROM organisation";

	(void)state;
	assert_int_equal(hin_desk_begin(desk, NULL), HIN_OK);
	add(desk, "one");
	assert_int_equal(number(reader, count), 0);
	hin_desk_rollback(desk);
	assert_int_equal(number(desk, count), 0);

	assert_int_equal(hin_desk_begin(desk, NULL), HIN_OK);
	add(desk, "one");
	/* a broken rule leaves the transaction as it was */
	assert_int_equal(hin_desk_run(desk, NULL, ADD, "tti", "one", "again", (int64_t)1),
			 HIN_EVERIFY);
	add(desk, "two");
	assert_int_equal(hin_desk_commit(desk, NULL), HIN_OK);
	assert_int_equal(number(reader, count), 2);

	/* a snapshot stays what it was */
	assert_int_equal(hin_desk_snapshot(reader, NULL), HIN_OK);
	assert_int_equal(number(reader, count), 2);
	add(desk, "three");
	assert_int_equal(number(reader, count), 2);
	hin_desk_rollback(reader);
	assert_int_equal(number(reader, count), 3);
	hin_desk_close(reader);
	hin_desk_close(desk);
}

static void survives_a_kill(void **state)
{
	struct hin_desk *desk;
	pid_t child;
	int status;

	(void)state;
	hin_desk_close(opened(HIN_DESK_CREATE));
	child = fork();
	if (child == 0) {
		desk = opened(HIN_DESK_WRITE);
		if (hin_desk_begin(desk, NULL) != HIN_OK)
			_exit(1);
		add(desk, "kept");
		if (hin_desk_commit(desk, NULL) != HIN_OK || hin_desk_begin(desk, NULL) != HIN_OK)
			_exit(1);
		add(desk, "lost");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	desk = opened(HIN_DESK_WRITE);
	assert_int_equal(number(desk, "SELECT count(*) FROM organisation WHERE handle = 'kept'"),
			 1);
	assert_int_equal(number(desk, "SELECT count(*) FROM organisation"), 1);
	hin_desk_close(desk);
}

/* A copy is the last commit, whole, also while another handle writes; it goes to a new place only.
 */
static void is_copied(void **state)
{
	struct hin_desk *desk = opened(HIN_DESK_CREATE), *writer = opened(HIN_DESK_WRITE),
			*copy = NULL;
	static const char count[] = "SELECT count(*) FROM organisation";
	struct hin_error err;
	char to[160];

	(void)state;
	snprintf(to, sizeof(to), "%s/copy.db", folder);
	add(desk, "one");
	assert_int_equal(hin_desk_begin(writer, NULL), HIN_OK);
	add(writer, "two");
	assert_int_equal(hin_desk_copy(desk, to, &err), HIN_OK);
	assert_int_equal(hin_desk_commit(writer, NULL), HIN_OK);
	assert_int_equal(hin_desk_open(&copy, to, HIN_DESK_WRITE, &err), HIN_OK);
	assert_int_equal(number(copy, count), 1);
	assert_int_equal(number(desk, count), 2);
	hin_desk_close(copy);
	hin_desk_close(writer);
	assert_int_not_equal(hin_desk_copy(desk, "/nowhere/copy.db", &err), HIN_OK);
	hin_desk_close(desk);
	unlink(to);
	snprintf(to, sizeof(to), "%s/copy.db-wal", folder);
	unlink(to);
	snprintf(to, sizeof(to), "%s/copy.db-shm", folder);
	unlink(to);
}

static void binds_and_reads(void **state)
{
	struct hin_desk *desk = opened(HIN_DESK_CREATE);
	struct hin_addr low = hin_addr_of_v4(0xcb007100), got;
	struct hin_error err;
	sqlite3_stmt *s;
	int64_t none;

	(void)state;
	add(desk, "nasty'); DROP TABLE organisation; --");
	assert_int_equal(hin_desk_run(desk, &err,
				      "INSERT INTO holding (organisation, kind, low, high, asn) "
				      "VALUES (?1, 'prefix', ?2, ?2, ?3)",
				      "ia0", hin_desk_inserted(desk), &low),
			 HIN_OK);
	assert_int_equal(hin_desk_changed(desk), 1);
	for (int again = 0; again < 2; again++) {
		s = hin_desk_statement(
			desk,
			"SELECT o.handle, h.low, h.asn FROM holding h "
			"JOIN organisation o ON o.id = h.organisation WHERE h.low = ?1",
			&err);
		assert_non_null(s);
		assert_int_equal(hin_desk_bind(desk, s, &err, "a", &low), HIN_OK);
		assert_int_equal(hin_desk_step(desk, s, &err), HIN_OK);
		assert_string_equal(hin_desk_text(s, 0), "nasty'); DROP TABLE organisation; --");
		assert_true(hin_desk_address(s, 1, &got));
		assert_true(hin_addr_equal(&got, &low));
		assert_false(hin_desk_address(s, 0, &got));
		assert_string_equal(hin_desk_text(s, 2), "");
		assert_int_equal(hin_desk_step(desk, s, &err), HIN_EOF);
	}
	assert_null(hin_desk_statement(desk, "SELECT id FROM nowhere", &err));
	assert_string_equal(err.text, "desk: prepare: no such table: nowhere");
	assert_int_equal(hin_desk_number(desk, &none, &err, "SELECT id FROM case_", ""),
			 HIN_ENOENT);
	hin_desk_close(desk);
}

/* More statements than a handle keeps: the oldest make way, and all still work. */
static void keeps_few_statements(void **state)
{
	static char sql[HIN_DESK_STATEMENTS + 50][32];
	struct hin_desk *desk = opened(HIN_DESK_CREATE);

	(void)state;
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < HIN_COUNT(sql); i++) {
			snprintf(sql[i], sizeof(sql[i]), "SELECT %zu", i);
			assert_int_equal(number(desk, sql[i]), (int64_t)i);
		}
	hin_desk_close(desk);
}

static void writes_acts(void **state)
{
	struct hin_desk *desk = opened(HIN_DESK_CREATE);
	struct hin_desk_act act = {
		.time_us = 7, .account = 3, .kind = 12, .object = "{\"case\":1}"
	};
	struct hin_error err;
	uint8_t want[32];
	sqlite3_stmt *s;
	int64_t id[2];

	(void)state;
	assert_int_equal(hin_desk_act(desk, &act, NULL, &err), HIN_EUSAGE);
	assert_int_equal(hin_desk_begin(desk, NULL), HIN_OK);
	assert_int_equal(hin_desk_act(desk, &act, &id[0], &err), HIN_OK);
	assert_int_equal(hin_desk_act(desk, &act, &id[1], &err), HIN_OK);
	assert_true(id[1] > id[0]);
	assert_int_equal(hin_desk_commit(desk, NULL), HIN_OK);
	assert_int_equal(number(desk, "SELECT count(DISTINCT digest) FROM act"), 2); /* salted */
	assert_int_equal(number(desk, "SELECT count(*) FROM act WHERE ledger IS NULL"), 2);
	s = hin_desk_statement(desk, "SELECT salt, object, digest FROM act WHERE id = ?1", &err);
	assert_non_null(s);
	assert_int_equal(hin_desk_bind(desk, s, &err, "i", id[0]), HIN_OK);
	assert_int_equal(hin_desk_step(desk, s, &err), HIN_OK);
	assert_int_equal(sqlite3_column_bytes(s, 0), 16);
	hin_desk_act_digest(want, sqlite3_column_blob(s, 0), hin_desk_text(s, 1));
	assert_memory_equal(want, sqlite3_column_blob(s, 2), sizeof(want));
	hin_desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(opens_and_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_or_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(survives_a_kill, set_up, tear_down),
		cmocka_unit_test_setup_teardown(is_copied, set_up, tear_down),
		cmocka_unit_test_setup_teardown(binds_and_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keeps_few_statements, set_up, tear_down),
		cmocka_unit_test_setup_teardown(writes_acts, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
