/* Silence: what came from a net, what may have, what was watched and by whom; and what it says of
 * gaps, losses and batches that nobody signed. */
#include "../trust/folder.h"

#include <jansson.h>

#include "hub/silence.h"
#include "observe/batch_writer.h"
#include "trust/note.h"

#define START 1795312800000000ll
#define MINUTE 60000000ll
#define MINUTES 30

static char folder[64];
static struct hin_store *store;
static struct hin_sensor_key key;

static int set_up(void **state)
{
	static const uint8_t seed[32] = { 7 };
	struct hin_error err = { 0 };
	char path[128];

	(void)state;
	folder_make(folder);
	snprintf(path, sizeof(path), "%s/store", folder);
	store = NULL;
	if (hin_sensor_key_of_seed(&key, seed, &err) != HIN_OK ||
	    hin_store_open(&store, path, HIN_STORE_CREATE, NULL, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hin_store_close(store);
	hin_sensor_key_fini(&key);
	folder_remove(folder);
	return 0;
}

static struct hin_addr addr(const char *text)
{
	struct hin_addr a;

	if (hin_addr_parse(&a, text) != HIN_OK)
		fail_msg("%s", text);
	return a;
}

/* A batch a minute, each with road.alive and what comes in that minute. */
struct sending {
	struct hin_observation extra[8]; /* time_us 0 ends them */
	int skip;			 /* the batch of this minute is not stored; -1 = none */
	int asleep;			 /* minutes at the end in which the sensor is not alive */
};

static void send_as(const struct hin_sensor_key *who, const struct sending *s)
{
	struct hin_batch_mark after = { .epoch = 9 };
	struct hin_batch_writer *writer;
	struct hin_error err = { 0 };

	assert_int_equal(hin_batch_writer_open(&writer, who, &after, 100, &err), HIN_OK);
	hin_batch_writer_set_dark(writer, 4096);
	for (int i = 0; i < MINUTES; i++) {
		struct hin_observation alive = { .kind = HIN_KIND_ROAD_ALIVE,
						 .time_us = START + i * MINUTE,
						 .duration_us = MINUTE };
		enum hin_store_outcome outcome;
		struct hin_batch_reader reader;
		uint8_t digest[32];
		const uint8_t *bytes;
		size_t size;

		if (i < MINUTES - s->asleep)
			assert_int_equal(hin_batch_writer_add(writer, &alive, &err), HIN_OK);
		for (size_t k = 0; s->extra[k].time_us != 0; k++)
			if (s->extra[k].time_us / MINUTE == alive.time_us / MINUTE &&
			    hin_batch_writer_add(writer, &s->extra[k], &err) != HIN_OK)
				fail_msg("%s", err.text);
		assert_int_equal(hin_batch_writer_finish(writer, &bytes, &size, &err), HIN_OK);
		if (i == s->skip)
			continue;
		hin_batch_digest(digest, bytes, size);
		assert_int_equal(hin_batch_reader_open(&reader, bytes, size, NULL, &err), HIN_OK);
		assert_int_equal(hin_store_append_batch(store, &reader, digest,
							alive.time_us + MINUTE, &outcome, &err),
				 HIN_OK);
	}
	hin_batch_writer_close(writer);
	assert_int_equal(hin_store_sync(store, &err), HIN_OK);
}

static void send_all(const struct sending *s)
{
	send_as(&key, s);
}

static bool know_key(void *user, const uint8_t id[HIN_SENSOR_ID],
		     uint8_t public_key[HIN_KEY_PUBLIC], char name[64])
{
	(void)user;
	if (memcmp(id, key.id, HIN_SENSOR_ID) != 0)
		return false;
	memcpy(public_key, key.public_key, HIN_KEY_PUBLIC);
	strcpy(name, "alpha");
	return true;
}

static struct hin_silence asked(const char *net, int64_t since, int64_t until)
{
	struct hin_silence_question q = { .since_us = since,
					  .until_us = until,
					  .now_us = START + 100 * MINUTE,
					  .hub = "hub.example:8443",
					  .key = know_key };
	struct hin_silence s;
	struct hin_error err = { 0 };

	assert_int_equal(hin_prefix_parse(&q.net, net, &err), HIN_OK);
	if (hin_silence_ask(&s, store, &q, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return s;
}

static void expect_sentence(const struct hin_silence *s, enum hin_lang lang, const char *want)
{
	struct hin_buffer out = { 0 };

	hin_silence_sentence(s, lang, &out);
	assert_string_equal(hin_buffer_text(&out), want);
	hin_buffer_fini(&out);
}

static struct hin_observation flow(const char *src, uint8_t len, int minute, uint64_t packets)
{
	return (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW,
					 .time_us = START + minute * MINUTE,
					 .has = HIN_HAS_SRC,
					 .src = addr(src),
					 .src_len = len,
					 .proto = 6,
					 .packets = packets };
}

static void nothing_came(void **state)
{
	struct sending sending = {
		.extra = { flow("192.0.3.1", 32, 3, 7), flow("2001:db8::1", 128, 4, 7) }, .skip = -1
	};
	struct hin_silence s;

	(void)state;
	send_all(&sending);
	s = asked("192.0.2.0/24", START, START + MINUTES * MINUTE);
	assert_true(hin_silence_is_silent(&s));
	assert_int_equal(s.dark_addresses, 4096);
	assert_int_equal(s.batches, MINUTES);
	assert_int_equal(s.verified, MINUTES);
	assert_int_equal(s.missing + s.broken + s.lost, 0);
	assert_int_equal(s.watched.watched_us, s.watched.expected_us);
	assert_string_equal(s.chains[0].name, "alpha");
	expect_sentence(&s, HIN_EN,
			"Nothing from 192.0.2.0/24 reached 4,096 watched addresses; 100.000 % of "
			"the time was watched.");
	expect_sentence(&s, HIN_JA,
			"192.0.2.0/24 からの通信は、観測中の 4,096 "
			"アドレスに届かなかった。観測できた時間は 100.000 % である。");
	hin_silence_fini(&s);
}

/* Of the time before there was a sensor nothing is said. */
static void before_the_first_sensor(void **state)
{
	struct sending sending = { .extra = { flow("192.0.3.1", 32, 3, 7) }, .skip = -1 };
	struct hin_silence s;

	(void)state;
	send_all(&sending);
	s = asked("192.0.2.0/24", START - 2 * MINUTES * MINUTE, START + MINUTES * MINUTE);
	expect_sentence(&s, HIN_EN,
			"Nothing from 192.0.2.0/24 reached 4,096 watched addresses; 33.333 % of "
			"the time was watched.");
	hin_silence_fini(&s);
}

/* A sensor without flows cannot say that nothing came; two of one space do not watch it twice. */
static void no_more_is_said_than_is_known(void **state)
{
	static const uint8_t seed[32] = { 8 };
	struct sending telling = { .extra = { flow("198.51.100.1", 32, 3, 7) }, .skip = -1 },
		       quiet = { .skip = -1 };
	struct hin_buffer text = { 0 }, json = { 0 };
	struct hin_sensor_key other;
	struct hin_silence s;
	struct hin_error err = { 0 };

	(void)state;
	assert_int_equal(hin_sensor_key_of_seed(&other, seed, &err), HIN_OK);
	send_all(&telling);
	send_as(&other, &telling);
	s = asked("192.0.2.0/24", START, START + MINUTES * MINUTE);
	assert_int_equal(s.chain_count, 2);
	assert_int_equal(s.dark_addresses, 4096);
	assert_int_equal(s.quiet, 0);
	assert_true(hin_silence_is_told(&s));
	hin_silence_fini(&s);
	tear_down(state);
	set_up(state);
	send_all(&quiet);
	send_as(&other, &telling);
	hin_sensor_key_fini(&other);
	s = asked("192.0.2.0/24", START, START + MINUTES * MINUTE);
	assert_int_equal(s.quiet, 1);
	assert_true(hin_silence_is_silent(&s));
	assert_false(hin_silence_is_told(&s));
	hin_silence_text(&s, &text);
	hin_silence_json(&s, &json);
	assert_null(strstr(hin_buffer_text(&text), "Nothing from"));
	assert_non_null(strstr(hin_buffer_text(&text), "\nNo event from 192.0.2.0/24 was told of"));
	assert_non_null(strstr(hin_buffer_text(&text), "\nquiet 1\n"));
	assert_non_null(strstr(hin_buffer_text(&text), "is set to leave out"));
	assert_non_null(strstr(hin_buffer_text(&json), "\"silent\":null"));
	assert_non_null(strstr(hin_buffer_text(&json), "is set to leave out"));
	hin_buffer_fini(&text);
	hin_buffer_fini(&json);
	hin_silence_fini(&s);
}

static void something_came(void **state)
{
	struct sending sending = {
		.extra = { flow("192.0.2.1", 32, 3, 7), flow("192.0.2.0", 28, 4, 5),
			   flow("192.0.0.0", 16, 5, 100), flow("192.0.3.0", 24, 5, 100) },
		.skip = -1
	};
	struct hin_silence s;
	struct hin_buffer json = { 0 };
	json_t *value;

	(void)state;
	send_all(&sending);
	s = asked("192.0.2.0/24", START, START + MINUTES * MINUTE);
	assert_false(hin_silence_is_silent(&s));
	assert_int_equal(s.rows, 2);
	assert_int_equal(s.packets, 12);
	assert_int_equal(s.perhaps, 1);
	assert_int_equal(s.first_us, START + 3 * MINUTE);
	assert_int_equal(s.last_us, START + 5 * MINUTE);
	hin_silence_json(&s, &json);
	value = json_loads(hin_buffer_text(&json), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	assert_int_equal(json_array_size(json_object_get(value, "shown")), 2);
	assert_true(json_is_false(json_object_get(value, "silent")));
	json_decref(value);
	hin_buffer_fini(&json);
	hin_silence_fini(&s);
	/* of a source that was put together with others nobody can tell */
	s = asked("192.0.7.0/24", START, START + MINUTES * MINUTE);
	assert_int_equal(s.rows, 0);
	assert_int_equal(s.perhaps, 1);
	assert_false(hin_silence_is_silent(&s));
	hin_silence_fini(&s);
	/* the same net, at another time */
	s = asked("192.0.2.0/24", START + 10 * MINUTE, START + MINUTES * MINUTE);
	assert_true(hin_silence_is_silent(&s));
	hin_silence_fini(&s);
}

static void what_is_missing_is_said(void **state)
{
	struct sending sending = {
		.extra = { { .kind = HIN_KIND_ROAD_LOSS,
			     .time_us = START + 3 * MINUTE,
			     .duration_us = MINUTE,
			     .packets = 55,
			     .verdict = HIN_VERDICT_KERNEL_DROP } },
		.skip = 7,
		.asleep = 15,
	};
	struct hin_note_signer signer;
	static const uint8_t seed[32] = { 5 };
	struct hin_buffer text = { 0 }, note = { 0 };
	struct hin_note opened;
	struct hin_silence s;
	struct hin_error err = { 0 };

	(void)state;
	send_all(&sending);
	s = asked("192.0.2.0/24", START, START + MINUTES * MINUTE);
	assert_int_equal(s.lost, 55);
	assert_int_equal(s.missing, 1);
	/* the last one has no rows, and came when the time was over */
	assert_int_equal(s.batches, MINUTES - 2);
	assert_true(s.watched.watched_us < s.watched.expected_us * 3 / 5);
	hin_silence_text(&s, &text);
	assert_non_null(strstr(text.data, "\nmissing 1\n"));
	assert_non_null(strstr(text.data, "\n55 packets or rows were lost by sensors"));
	assert_non_null(strstr(text.data, "A source address can be forged"));
	assert_int_equal(hin_note_signer_of(&signer, "hub.example/ledger", seed, &err), HIN_OK);
	assert_int_equal(hin_note_sign(&note, text.data, text.used, &signer, 1, &err), HIN_OK);
	assert_int_equal(hin_note_open(&opened, note.data, note.used, &signer.verifier, 1, &err),
			 HIN_OK);
	assert_int_equal(opened.size, text.used);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
	hin_silence_fini(&s);
}

static void nobody_watched(void **state)
{
	struct hin_silence s;
	struct hin_silence_question q = { .since_us = 10, .until_us = 5, .now_us = 100 };
	struct hin_error err = { 0 };

	(void)state;
	s = asked("192.0.2.0/24", START, START + MINUTE);
	expect_sentence(&s, HIN_EN, "Nothing was watched in this time: nothing can be said.");
	hin_silence_fini(&s);
	assert_int_equal(hin_silence_ask(&s, store, &q, &err), HIN_EUSAGE);
	q.until_us = 1000;
	assert_int_equal(hin_silence_ask(&s, store, &q, &err), HIN_EUSAGE);
	hin_silence_fini(NULL);
}

static void ipv6_and_single_addresses(void **state)
{
	struct sending sending = { .extra = { flow("2001:db8:0:5::", 64, 3, 7),
					      flow("192.0.2.9", 0, 4, 1) },
				   .skip = -1 };
	struct hin_silence s;

	(void)state;
	send_all(&sending);
	s = asked("2001:db8:0:5::7/128", START, START + MINUTES * MINUTE);
	assert_int_equal(s.perhaps, 1);
	hin_silence_fini(&s);
	s = asked("2001:db8::/32", START, START + MINUTES * MINUTE);
	assert_int_equal(s.rows, 1);
	hin_silence_fini(&s);
	s = asked("192.0.2.9/32", START, START + MINUTES * MINUTE);
	assert_int_equal(s.rows, 1);
	hin_silence_fini(&s);
	s = asked("::/0", START, START + MINUTES * MINUTE);
	assert_int_equal(s.rows, 1);
	hin_silence_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_came, set_up, tear_down),
		cmocka_unit_test_setup_teardown(before_the_first_sensor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_more_is_said_than_is_known, set_up, tear_down),
		cmocka_unit_test_setup_teardown(something_came, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_missing_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ipv6_and_single_addresses, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
