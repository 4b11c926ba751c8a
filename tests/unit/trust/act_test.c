/* Acts: their bytes, what is refused, salted digests, the words. */
#include "../test.h"

#include <sodium.h>

#include "trust/act.h"

static const struct hin_act example = {
	.kind = HIN_ACT_NOTICE_SENT,
	.who = 7,
	.when_us = 1795333803123456,
	.authority = { 0xaa, [31] = 0xbb },
	.object = { 0xcc, [31] = 0xdd },
};

/* The form is fixed for ever: these bytes were written by hand from the table in act.h. */
static void bytes_are_as_written_down(void **state)
{
	static const uint8_t want[HIN_ACT_BYTES] = {
		0,    1,    0x01, 0x2d, 0,	     0,		  0,	       0,
		0,    0,    0,	  7,	0x00,	     0x06,	  0x60,	       0xd8,
		0xb9, 0x96, 0xa3, 0x00, [20] = 0xaa, [51] = 0xbb, [52] = 0xcc, [83] = 0xdd,
	};
	uint8_t bytes[HIN_ACT_BYTES];
	struct hin_act back;

	(void)state;
	assert_int_equal(hin_act_encode(bytes, &example, NULL), HIN_OK);
	assert_memory_equal(bytes, want, sizeof(want));
	assert_int_equal(hin_act_decode(&back, bytes, sizeof(bytes), NULL), HIN_OK);
	assert_memory_equal(&back, &example, sizeof(back));
}

static void refuses(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t byte;
		enum hin_code want;
	} cases[] = {
		{ "version 2", 1, 2, HIN_EUNSUPPORTED },
		{ "version 257", 0, 1, HIN_EUNSUPPORTED },
		{ "account beyond 63 bits", 4, 0x80, HIN_EFORMAT },
		{ "time before 1970", 12, 0x80, HIN_EFORMAT },
		{ "a kind of later", 2, 0xff, HIN_OK },
	};
	struct hin_act act = example, out;
	uint8_t good[HIN_ACT_BYTES + 1] = { 0 }, zero[HIN_ACT_BYTES] = { 0, 1 };

	(void)state;
	assert_int_equal(hin_act_encode(good, &example, NULL), HIN_OK);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *in = hin_test_copy(good, HIN_ACT_BYTES);

		in[cases[i].at] = cases[i].byte;
		if (hin_act_decode(&out, in, HIN_ACT_BYTES, NULL) != cases[i].want)
			fail_msg("%s", cases[i].name);
		free(in);
	}
	for (size_t size = 0; size < HIN_ACT_BYTES; size++) {
		uint8_t *in = hin_test_copy(good, size);

		assert_int_equal(hin_act_decode(&out, in, size, NULL), HIN_ETRUNCATED);
		free(in);
	}
	assert_int_equal(hin_act_decode(&out, good, sizeof(good), NULL), HIN_EFORMAT);
	assert_int_equal(hin_act_decode(&out, zero, sizeof(zero), NULL), HIN_EFORMAT);
	act.kind = 0;
	assert_int_equal(hin_act_encode(good, &act, NULL), HIN_EFORMAT);
	act.kind = 65000;
	assert_int_equal(hin_act_encode(good, &act, NULL), HIN_EFORMAT);
	act = example;
	act.when_us = -1;
	assert_int_equal(hin_act_encode(good, &act, NULL), HIN_EFORMAT);
	act = example;
	act.who = UINT64_MAX;
	assert_int_equal(hin_act_encode(good, &act, NULL), HIN_EFORMAT);
}

static void digests_are_salted(void **state)
{
	/* printf 'ssssssssssssssssobject' | sha256sum */
	static const char want[] =
		"04d2ec42a3b75468e23b5e11da290615a749f7f6e8775d2d368d80c5a1119dbd";
	uint8_t salt[HIN_ACT_SALT], other[HIN_ACT_SALT], digest[32], again[32];
	char hex[65];

	(void)state;
	memset(salt, 's', sizeof(salt));
	hin_act_digest(digest, salt, "object", 6);
	assert_string_equal(sodium_bin2hex(hex, sizeof(hex), digest, 32), want);
	assert_int_equal(hin_act_salt(salt, NULL), HIN_OK);
	assert_int_equal(hin_act_salt(other, NULL), HIN_OK);
	assert_memory_not_equal(salt, other, sizeof(salt));
	hin_act_digest(again, salt, "object", 6);
	assert_memory_not_equal(digest, again, 32);
	assert_false(hin_act_is_none(digest));
	memset(digest, 0, 32);
	assert_true(hin_act_is_none(digest));
}

static void words_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < hin_acts.count; i++) {
		const struct hin_act_word *row = &hin_acts.rows[i];

		assert_ptr_equal(hin_act_word(&hin_acts, row->number), row);
		assert_ptr_equal(hin_act_word_named(&hin_acts, row->name), row);
		assert_string_equal(hin_act_name(row->number), row->name);
	}
	assert_null(hin_act_word(&hin_acts, 0));
	assert_null(hin_act_word(&hin_acts, 99));
	assert_null(hin_act_word(&hin_acts, 65535));
	assert_null(hin_act_word_named(&hin_acts, "sign"));
	assert_string_equal(hin_act_name(0), "unknown");
	assert_int_equal(hin_act_word_named(&hin_authorities, "survey-plan")->number,
			 HIN_AUTHORITY_SURVEY_PLAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_as_written_down),
		cmocka_unit_test(refuses),
		cmocka_unit_test(digests_are_salted),
		cmocka_unit_test(words_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
