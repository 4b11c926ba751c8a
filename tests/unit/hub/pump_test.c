/* The pump: each act once, in its order, whatever ends it between ledger and desk. */
#include "../trust/folder.h"

#include <signal.h>
#include <sys/wait.h>

#include "hub/owners/directory.h"
#include "hub/pump.h"
#include "trust/ledger.h"

static char folder[64], desk_path[128], ledger_path[128];

static int set_up(void **state)
{
	(void)state;
	folder_make(folder);
	snprintf(desk_path, sizeof(desk_path), "%s/desk.db", folder);
	snprintf(ledger_path, sizeof(ledger_path), "%s/ledger", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static struct hin_desk *open_desk(void)
{
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };

	if (hin_desk_open(&desk, desk_path, HIN_DESK_CREATE, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return desk;
}

static struct hin_ledger *open_ledger(void)
{
	static const uint8_t seed[32] = { 7 };
	struct hin_ledger_settings settings;
	struct hin_note_signer signer;
	struct hin_ledger *ledger = NULL;
	struct hin_error err = { 0 };

	hin_ledger_settings_default(&settings);
	settings.folder = ledger_path;
	settings.signer = &signer;
	settings.create = true;
	settings.publish_ns = 1000000;
	if (hin_note_signer_of(&signer, "hub.example/ledger", seed, &err) != HIN_OK ||
	    hin_ledger_open(&ledger, &settings, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return ledger;
}

static void add_acts(struct hin_desk *desk, unsigned count, uint16_t kind)
{
	struct hin_error err = { 0 };
	enum hin_code code = hin_desk_begin(desk, &err);

	for (unsigned i = 0; code == HIN_OK && i < count; i++) {
		char object[64];
		struct hin_desk_act act = { .time_us = 1000 + i, .kind = kind, .object = object };

		snprintf(object, sizeof(object), "{\"n\":%u}", i);
		code = hin_desk_act(desk, &act, NULL, &err);
	}
	if (code == HIN_OK)
		code = hin_desk_commit(desk, &err);
	if (code != HIN_OK)
		fail_msg("%s", err.text);
}

static int64_t number(struct hin_desk *desk, const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	if (hin_desk_number(desk, &n, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	return n;
}

static void pump(struct hin_desk *desk, struct hin_ledger *ledger, struct hin_pump_stats *stats)
{
	struct hin_error err = { 0 };

	if (hin_pump_once(desk, ledger, ledger_path, stats, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

/* Each act of the desk stands in the ledger where the desk says, once, in the desk's order. */
static void expect_whole(struct hin_desk *desk, struct hin_ledger *ledger)
{
	struct hin_error err = { 0 };
	struct hin_checkpoint head;
	struct hin_tiles *tiles = NULL;
	sqlite3_stmt *s;
	int64_t before = -1, ours = 0;

	assert_int_equal(number(desk, "SELECT count(*) FROM act WHERE ledger IS NULL"), 0);
	assert_int_equal(hin_ledger_publish(ledger, &err), HIN_OK);
	assert_int_equal(hin_ledger_head(ledger, NULL, &head, &err), HIN_OK);
	assert_int_equal(hin_tiles_open(&tiles, ledger_path, head.size, &err), HIN_OK);
	s = hin_desk_statement(desk, "SELECT ledger, digest FROM act ORDER BY id", &err);
	while (hin_desk_step(desk, s, &err) == HIN_OK) {
		int64_t at = sqlite3_column_int64(s, 0);
		struct hin_act act;
		const uint8_t *entry;
		size_t size;

		assert_true(at > before);
		before = at;
		ours++;
		assert_int_equal(hin_tiles_entry(tiles, (uint64_t)at, &entry, &size, &err), HIN_OK);
		assert_int_equal(hin_act_decode(&act, entry, size, &err), HIN_OK);
		assert_memory_equal(act.object, sqlite3_column_blob(s, 1), 32);
	}
	/* nothing of ours is there twice: all others are the ledger's own */
	for (uint64_t i = 0; i < head.size; i++) {
		struct hin_act act;
		const uint8_t *entry;
		size_t size;

		assert_int_equal(hin_tiles_entry(tiles, i, &entry, &size, &err), HIN_OK);
		assert_int_equal(hin_act_decode(&act, entry, size, &err), HIN_OK);
		ours -= act.kind == HIN_ACT_EXPORT;
	}
	assert_int_equal(ours, 0);
	hin_tiles_close(tiles);
}

static void acts_come_to_the_ledger(void **state)
{
	struct hin_desk *desk = open_desk();
	struct hin_ledger *ledger = open_ledger();
	struct hin_pump_stats stats = { 0 };

	(void)state;
	pump(desk, ledger, &stats);
	assert_int_equal(stats.pumped, 0);
	add_acts(desk, 3, HIN_ACT_EXPORT);
	pump(desk, ledger, &stats);
	add_acts(desk, 2 * HIN_PUMP_GROUP + 5, HIN_ACT_EXPORT);
	pump(desk, ledger, &stats);
	pump(desk, ledger, &stats);
	assert_int_equal(stats.pumped, 2 * HIN_PUMP_GROUP + 8);
	assert_int_equal(stats.found, 0);
	expect_whole(desk, ledger);
	hin_ledger_close(ledger);
	hin_desk_close(desk);
}

/* The desk did not come to note what the ledger has: power went between the two. */
static void what_is_there_is_found(void **state)
{
	struct hin_desk *desk = open_desk();
	struct hin_ledger *ledger = open_ledger();
	struct hin_pump_stats stats = { 0 };
	struct hin_error err = { 0 };

	(void)state;
	add_acts(desk, 10, HIN_ACT_EXPORT);
	pump(desk, ledger, &stats);
	add_acts(desk, 10, HIN_ACT_EXPORT);
	pump(desk, ledger, &stats);
	assert_int_equal(hin_desk_run(desk, &err, "UPDATE act SET ledger = NULL WHERE id > 10", ""),
			 HIN_OK);
	/* another writer came between, and new acts */
	assert_int_equal(hin_ledger_append(ledger,
					   &(struct hin_act){ .kind = HIN_ACT_LEDGER_OPENED }, NULL,
					   &err),
			 HIN_OK);
	add_acts(desk, 5, HIN_ACT_EXPORT);
	stats = (struct hin_pump_stats){ 0 };
	pump(desk, ledger, &stats);
	assert_int_equal(stats.found, 10);
	assert_int_equal(stats.pumped, 5);
	expect_whole(desk, ledger);
	hin_ledger_close(ledger);
	hin_desk_close(desk);
}

static void a_kind_of_tomorrow_waits(void **state)
{
	struct hin_desk *desk = open_desk();
	struct hin_ledger *ledger = open_ledger();
	struct hin_pump_stats stats = { 0 };

	(void)state;
	add_acts(desk, 2, 59999);
	add_acts(desk, 4, HIN_ACT_EXPORT);
	pump(desk, ledger, &stats);
	assert_int_equal(stats.pumped, 4);
	assert_true(stats.failures >= 2);
	assert_int_equal(number(desk, "SELECT count(*) FROM act WHERE ledger IS NULL"), 2);
	hin_ledger_close(ledger);
	hin_desk_close(desk);
}

/* A hub that writes acts and pumps them, until it is killed. */
static void work_until_killed(unsigned seed)
{
	struct hin_desk *desk = open_desk();
	struct hin_ledger *ledger = open_ledger();
	struct hin_pump_stats stats = { 0 };

	for (unsigned i = 0;; i++) {
		add_acts(desk, 1 + (seed + i * 7) % 50, HIN_ACT_EXPORT);
		if (hin_pump_once(desk, ledger, ledger_path, &stats, NULL) != HIN_OK)
			_exit(1);
	}
}

static void nothing_is_lost_or_doubled_by_kills(void **state)
{
	unsigned rounds = HIN_TEST_SLOW ? 6 : 30, found = 0;
	struct hin_pump_stats stats = { 0 };
	struct hin_ledger *ledger;
	struct hin_desk *desk;

	(void)state;
	for (unsigned i = 0; i < rounds; i++) {
		pid_t child = fork();
		int status;

		assert_true(child >= 0);
		if (child == 0)
			work_until_killed(i);
		usleep(20000 + i * 7919 % 30000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSIGNALED(status))
			fail_msg("the child ended by itself: %d", status);
	}
	desk = open_desk();
	ledger = open_ledger();
	pump(desk, ledger, &stats);
	found += (unsigned)stats.found;
	expect_whole(desk, ledger);
	print_message("%lld acts, %u found after the last kill\n",
		      (long long)number(desk, "SELECT count(*) FROM act"), found);
	hin_ledger_close(ledger);
	hin_desk_close(desk);
}

static void count_changes(void *user)
{
	++*(_Atomic unsigned *)user;
}

static void a_thread_pumps(void **state)
{
	struct hin_desk *desk = open_desk();
	struct hin_ledger *ledger = open_ledger();
	struct hin_owners_settings nobody = { 0 };
	_Atomic unsigned changes = 0;
	struct hin_pump_settings settings = { .desk = desk_path,
					      .ledger = ledger,
					      .folder = ledger_path,
					      .owners_changed = count_changes,
					      .user = &changes };
	struct hin_pump *p = NULL;
	struct hin_error err = { 0 };
	struct hin_pump_stats stats;
	struct hin_owners *owners;
	unsigned tries = 0;

	(void)state;
	assert_int_equal(hin_owners_box_new(&settings.owners, &nobody, &err), HIN_OK);
	assert_int_equal(hin_pump_open(&p, &settings, &err), HIN_OK);
	add_acts(desk, 100, HIN_ACT_EXPORT);
	hin_pump_wake(p);
	do {
		usleep(1000);
		stats = hin_pump_stats(p);
	} while ((stats.pumped < 100 || changes == 0) && ++tries < 20000);
	assert_int_equal(stats.pumped, 100);
	assert_int_equal(changes, 1);
	owners = hin_owners_box_get(settings.owners);
	assert_non_null(owners);
	hin_owners_unref(owners);
	add_acts(desk, 1, HIN_ACT_EXPORT);
	hin_pump_close(p); /* takes a last look */
	expect_whole(desk, ledger);
	hin_pump_close(NULL);
	hin_pump_wake(NULL);
	hin_owners_box_free(settings.owners);
	hin_ledger_close(ledger);
	hin_desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(acts_come_to_the_ledger, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_there_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_kind_of_tomorrow_waits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_lost_or_doubled_by_kills, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_thread_pumps, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
