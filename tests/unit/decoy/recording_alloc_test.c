/* recordings and vault: memory that runs out while they are written and read */
#include "../failing.h"

#include "recording_kit.h"

#include "decoy/record/vault.h"

static struct kit kit;
static unsigned rounds;

/* Record three sessions, whatever memory there is; what is there afterwards is right. */
static enum hin_code record(void *user)
{
	static const char text[] = "something that is said in each session, and again";
	int64_t now_us = NOON + ++rounds * INT64_C(1000000);
	uint64_t numbers[3] = { 0 };
	uint8_t digest[32];
	enum hin_code code;

	(void)user;
	code = hin_recorder_open(&kit.recorder, kit.folder, &kit.settings, &kit.key, now_us, NULL);
	if (code != HIN_OK)
		return code;
	for (unsigned k = 0; k < 3; k++) {
		struct hin_recording_about about = kit_about(k, now_us);
		enum hin_code begun = hin_recorder_begin(kit.recorder, &about, &numbers[k]);

		if (begun != HIN_OK)
			code = begun;
		kit_say(&kit, numbers[k], now_us, HIN_TO_CLIENT, text);
		kit_tell(&kit, numbers[k], now_us, HIN_EVENT_COMMAND, "ls -l /tmp", NULL, 0, 0);
		(void)hin_recorder_run(kit.recorder, now_us + 600000 * k);
	}
	for (unsigned k = 0; k < 3; k++)
		(void)hin_recorder_end(kit.recorder, numbers[k], now_us + 900000, HIN_CLOSE_CLIENT,
				       digest);
	if (hin_recorder_stats(kit.recorder).lost_bytes > 0)
		code = HIN_ENOMEM;
	hin_recorder_close(kit.recorder, now_us + 900000);
	kit.recorder = NULL;
	return code;
}

static void recording(void **state)
{
	struct hin_recording_check check;

	(void)state;
	kit_begin(&kit);
	kit_close(&kit, NOON);
	failing_each("record", record, NULL);
	/* what was left unsealed for want of memory is sealed by the next */
	kit_open(&kit, NOON + 1000000000);
	kit_close(&kit, NOON + 1000000001);
	kit_check(&kit, &check, NULL, NULL);
	print_message("%llu sessions, %llu whole, %llu bad, %llu damaged\n",
		      (unsigned long long)check.sessions, (unsigned long long)check.whole,
		      (unsigned long long)check.bad, (unsigned long long)check.damaged_segments);
	assert_true(check.whole > 100);
	assert_int_equal(check.bad + check.damaged_segments + check.unsealed, 0);
	kit_remove(kit.folder);
}

/* ---- reading ---- */

static bool take_entry(void *into, const struct hin_recording_entry *entry)
{
	(void)entry;
	++*(unsigned *)into;
	return true;
}

static bool take_item(void *into, const struct hin_recording_entry *entry,
		      const struct hin_recording_item *item)
{
	(void)entry;
	(void)item;
	++*(unsigned *)into;
	return true;
}

static bool take_hit(void *into, const struct hin_recording_entry *entry,
		     const struct hin_recording_hit *hit)
{
	(void)hit;
	return take_entry(into, entry);
}

/* Each of what readers do; HIN_ENOMEM when one of them could not. */
static enum hin_code read_all(void *user)
{
	const struct hin_recording_filter all = { .most = 0 };
	uint64_t number = *(const uint64_t *)user;
	struct hin_recordings *recordings = NULL;
	struct hin_recording *one = NULL;
	struct hin_recording_check check;
	struct hin_buffer out = { 0 };
	unsigned count = 0;
	enum hin_code code = hin_recordings_open(&recordings, kit.folder, NULL);

	if (code == HIN_OK)
		code = hin_recordings_list(recordings, &all, take_entry, &count, NULL);
	if (code == HIN_OK)
		code = hin_recordings_search(recordings, &all, 3, "again", 5, take_hit, &count,
					     NULL);
	if (code == HIN_OK)
		code = hin_recordings_follow(recordings, 0, take_item, &count, NULL);
	if (code == HIN_OK)
		code = hin_recordings_verify(recordings, 0, NULL, false, NULL, NULL, &check, NULL);
	if (code == HIN_OK)
		assert_int_equal(check.bad + check.damaged_segments, 0);
	if (code == HIN_OK)
		code = hin_recording_open(&one, recordings, number, NULL);
	if (code == HIN_OK)
		code = hin_recording_cast(one, 0, true, 0, &out, NULL);
	hin_recording_close(one);
	hin_recordings_close(recordings);
	hin_buffer_fini(&out);
	return code;
}

static void reading(void **state)
{
	uint64_t number = 0;

	(void)state;
	kit_begin(&kit);
	for (unsigned k = 0; k < 5; k++) {
		number = kit_session(&kit, k, NOON);
		kit_say(&kit, number, NOON, HIN_TO_CLIENT,
			"something that is said again and again");
		kit_tell(&kit, number, NOON, HIN_EVENT_COMMAND, "ls -l /tmp", NULL, 0, 0);
		if (k != 3)
			kit_over(&kit, number, NOON + 5);
		kit_flush(&kit, NOON + 10);
	}
	failing_each("read", read_all, &number);
	kit_end(&kit);
}

/* ---- vault ---- */

static enum hin_code keep(void *user)
{
	static const struct hin_decoy_vault_settings settings = { .purpose = "a test",
								  .file_bytes = 1000,
								  .source_bytes = 100000,
								  .files = 1000,
								  .max_bytes = 1000000 };
	static const uint8_t sha256[32] = { /* of "abc", FIPS 180-2 */
					    0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
					    0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
					    0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
					    0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad
	};
	const struct hin_addr source = hin_addr_of_v4(0xc6336401);
	struct hin_decoy_vault *vault = NULL;
	struct hin_buffer out = { 0 };
	enum hin_code code;

	(void)user;
	code = hin_decoy_vault_open(&vault, kit.folder, &settings, true, NOON, NULL);
	if (code != HIN_OK)
		return code;
	code = hin_decoy_vault_keep(vault, "abc", 3, sha256, &source, 1, NOON, NULL);
	if (code == HIN_OK)
		code = hin_decoy_vault_get(vault, sha256, &out, NULL);
	if (code == HIN_OK) {
		assert_int_equal(out.used, 3);
		code = hin_decoy_vault_remove(vault, sha256, NULL);
	}
	hin_decoy_vault_close(vault);
	hin_buffer_fini(&out);
	return code;
}

static void vault(void **state)
{
	(void)state;
	kit = (struct kit){ .folder = "/tmp/hinomi-vault-XXXXXX" };
	assert_non_null(mkdtemp(kit.folder));
	failing_each("keep", keep, NULL);
	kit_remove(kit.folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recording),
		cmocka_unit_test(reading),
		cmocka_unit_test(vault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
