#include "../test.h"

#include "base/time.h"
#include "observe/carrier_https.h"

#define GOOD "{\"committed\":{\"epoch\":\"00000000000000ff\",\"sequence\":7},"

static void reads_answers(void **state)
{
	static const struct {
		const char *text;
		size_t count;
		enum hin_code want;
	} cases[] = {
		{ GOOD "\"verdicts\":[]}", 0, HIN_OK },
		{ GOOD "\"verdicts\":[\"stored\",\"refused\"],\"reason\":\"x\"}", 2, HIN_OK },
		{ GOOD "\"verdicts\":[\"stored\"]}", 2, HIN_EFORMAT },
		{ GOOD "\"verdicts\":[\"stored\",\"stored\"]}", 1, HIN_EFORMAT },
		{ GOOD "\"verdicts\":[\"lost\"]}", 1, HIN_EFORMAT },
		{ GOOD "\"verdicts\":[3]}", 1, HIN_EFORMAT },
		{ GOOD "\"verdicts\":{}}", 0, HIN_EFORMAT },
		{ GOOD "\"settings\":-1,\"verdicts\":[]}", 0, HIN_EFORMAT },
		{ GOOD "\"settings\":\"4\",\"verdicts\":[]}", 0, HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"ff\",\"sequence\":7},\"verdicts\":[]}", 0,
		  HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"00000000000000FF\",\"sequence\":7},\"verdicts\":[]}",
		  0, HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"00000000000000ff\",\"sequence\":-7},\"verdicts\":[]"
		  "}",
		  0, HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"00000000000000ff\"},\"verdicts\":[]}", 0,
		  HIN_EFORMAT },
		{ "{\"committed\":5,\"verdicts\":[]}", 0, HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"00000000000000ff\",\"sequence\":7,\"digest\":5},"
		  "\"verdicts\":[]}",
		  0, HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"00000000000000ff\",\"sequence\":7,\"digest\":\"00\"}"
		  ","
		  "\"verdicts\":[]}",
		  0, HIN_EFORMAT },
		{ "{\"committed\":{\"epoch\":\"00000000000000ff\",\"sequence\":7,\"digest\":"
		  "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"},"
		  "\"verdicts\":[]}",
		  0, HIN_OK },
		{ "{}", 0, HIN_EFORMAT },
		{ "[]", 0, HIN_EFORMAT },
		{ "", 0, HIN_EFORMAT },
		{ "<html>", 0, HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size = strlen(cases[i].text);
		uint8_t *in = hin_test_copy(cases[i].text, size);
		struct hin_carrier_answer answer;
		enum hin_code code =
			hin_carrier_answer_parse(&answer, in, size, cases[i].count, NULL);

		if (code != cases[i].want)
			fail_msg("%s: %s", cases[i].text, hin_code_text(code));
		free(in);
		if (code != HIN_OK)
			continue;
		assert_int_equal(answer.committed.epoch, 255);
		assert_int_equal(answer.committed.sequence, 7);
		assert_int_equal(answer.count, cases[i].count);
		if (answer.count == 2) {
			assert_int_equal(answer.verdicts[0], HIN_CARRIED_STORED);
			assert_int_equal(answer.verdicts[1], HIN_CARRIED_REFUSED);
			assert_string_equal(answer.reason, "x");
		}
	}
}

static void a_reason_cannot_hurt(void **state)
{
	static const char text[] = GOOD "\"verdicts\":[],\"reason\":\"\\u001b[31m\\u202e\"}";
	struct hin_carrier_answer answer;

	(void)state;
	assert_int_equal(hin_carrier_answer_parse(&answer, text, strlen(text), 0, NULL), HIN_OK);
	assert_string_equal(answer.reason, "\\x1b[31m\\u{202e}");
}

static void words_are_read_back(void **state)
{
	(void)state;
	for (int i = HIN_CARRIED_STORED; i <= HIN_CARRIED_LATER; i++) {
		enum hin_carried verdict;

		assert_true(hin_carried_parse(&verdict, hin_carried_word((enum hin_carried)i)));
		assert_int_equal(verdict, i);
	}
}

static void waits_grow_and_scatter(void **state)
{
	struct hin_backoff b = { HIN_NS_PER_S, 60 * HIN_NS_PER_S, 0 };
	int64_t want = HIN_NS_PER_S;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct hin_backoff again = b;

		assert_int_equal(hin_backoff_fail(&b, 0), want);
		assert_true(hin_backoff_fail(&again, UINT32_MAX) >= want / 2);
		assert_true(again.failures == b.failures);
		want = want * 2 > b.most_ns ? b.most_ns : want * 2;
	}
	hin_backoff_reset(&b);
	assert_int_equal(hin_backoff_fail(&b, 0), HIN_NS_PER_S);
	hin_backoff_reset(&b);
	assert_in_range(hin_backoff_fail(&b, UINT32_MAX), HIN_NS_PER_S / 2,
			HIN_NS_PER_S / 2 + HIN_NS_PER_MS);
}

static void a_hub_that_is_away_is_not_asked_at_once(void **state)
{
	static const char *const hubs[] = { "https://127.0.0.1:1", "https://127.0.0.1:2" };
	struct hin_carrier_https_settings settings = { .hubs = hubs, .hub_count = 2 };
	static const uint8_t digest[32] = { 1 };
	struct hin_carrier_load load = { 0 };
	struct hin_carrier_answer answer;
	struct hin_carrier *c = NULL;
	struct hin_error err;

	(void)state;
	settings.ca_sha256 = digest;
	assert_int_equal(hin_carrier_https_open(&c, &settings, &err), HIN_OK);
	assert_string_equal(hin_carrier_hub(c), hubs[0]);
	assert_int_equal(hin_carrier_send(c, &load, &answer, &err), HIN_ESYS);
	assert_int_equal(hin_carrier_ready_ns(c), 0); /* the other one at once */
	assert_string_equal(hin_carrier_hub(c), hubs[1]);
	assert_int_equal(hin_carrier_send(c, &load, &answer, &err), HIN_ESYS);
	assert_true(hin_carrier_ready_ns(c) > hin_time_monotonic_ns());
	assert_string_equal(hin_carrier_hub(c), hubs[0]);
	assert_int_equal(hin_carrier_send(c, &load, &answer, &err), HIN_EAGAIN);
	hin_carrier_stop(c);
	assert_int_equal(hin_carrier_send(c, &load, &answer, &err), HIN_EAGAIN);
	hin_carrier_close(c);
	settings.hub_count = 0;
	assert_int_equal(hin_carrier_https_open(&c, &settings, &err), HIN_ERANGE);
	settings.hub_count = 1;
	settings.hubs = (const char *const[]){ "ftp://hub" };
	assert_int_equal(hin_carrier_https_open(&c, &settings, &err), HIN_EFORMAT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_answers),
		cmocka_unit_test(a_reason_cannot_hurt),
		cmocka_unit_test(words_are_read_back),
		cmocka_unit_test(waits_grow_and_scatter),
		cmocka_unit_test(a_hub_that_is_away_is_not_asked_at_once),
	};

	return cmocka_run_group_tests_name("carrier", tests, NULL, NULL);
}
