/* The vectors of RFC 6238 (appendix B, SHA-1), of RFC 4226 (appendix D) and of RFC 4648. */
#include "../test.h"

#include "hub/people/totp.h"

static const uint8_t secret[] = "12345678901234567890";

static void gives_the_codes_of_the_standard(void **state)
{
	static const struct {
		int64_t time_s;
		const char *code;
	} cases[] = {
		{ 59, "94287082" },	    { 1111111109, "07081804" }, { 1111111111, "14050471" },
		{ 1234567890, "89005924" }, { 2000000000, "69279037" }, { 20000000000, "65353130" },
	};
	static const char *const hotp[] = { "755224", "287082", "359152", "969429", "338314",
					    "254676", "287922", "162583", "399871", "520489" };
	char code[16];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		hin_totp_code(code, 8, secret, 20, cases[i].time_s / HIN_TOTP_STEP_S);
		assert_string_equal(code, cases[i].code);
	}
	for (size_t i = 0; i < HIN_COUNT(hotp); i++) {
		hin_totp_code(code, 6, secret, 20, (int64_t)i);
		assert_string_equal(code, hotp[i]);
	}
}

static void takes_a_step_either_way_and_each_once(void **state)
{
	const int64_t now = 1234567890, step = now / 30;
	static const struct {
		int off;
		int64_t last_off;
		bool good;
	} cases[] = {
		{ 0, -10, true },  { -1, -10, true }, { 1, -10, true }, { -2, -10, false },
		{ 2, -10, false }, { 0, 0, false },   { -1, 0, false }, { 1, 0, true },
		{ 0, -1, true },   { -1, -1, false }, { 1, 1, false },
	};
	static const char *const none[] = { "", "1", "00000", "0000000", "abcdef", "12345\n" };
	char code[16];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int64_t want = cases[i].good ? step + cases[i].off : -1;

		hin_totp_code(code, 6, secret, 20, step + cases[i].off);
		if (hin_totp_check(secret, 20, code, now, step + cases[i].last_off) != want)
			fail_msg("case %zu", i);
	}
	for (size_t i = 0; i < HIN_COUNT(none); i++)
		assert_int_equal(hin_totp_check(secret, 20, none[i], now, 0), -1);
}

static void writes_and_reads_base32(void **state)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {
		{ "", "" },
		{ "f", "MY" },
		{ "fo", "MZXQ" },
		{ "foo", "MZXW6" },
		{ "foob", "MZXW6YQ" },
		{ "fooba", "MZXW6YTB" },
		{ "foobar", "MZXW6YTBOI" },
	};
	char text[HIN_TOTP_BASE32];
	uint8_t back[20];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size = strlen(cases[i].plain);

		hin_totp_base32(text, (const uint8_t *)cases[i].plain, size);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(hin_totp_from_base32(back, sizeof(back), text), size);
		assert_memory_equal(back, cases[i].plain, size);
	}
	assert_int_equal(hin_totp_from_base32(back, sizeof(back), "mzxw 6yt-b"), 5);
	assert_int_equal(hin_totp_from_base32(back, sizeof(back), "MZXW6YT1"), 0);
	assert_int_equal(hin_totp_from_base32(back, 4, "MZXW6YTB"), 0);
}

static void writes_the_link_for_a_telephone(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	hin_totp_uri(&out, "hinomi: A&B", "ann@example", secret, 20);
	assert_string_equal(out.data, "otpauth://totp/hinomi%3A%20A%26B:ann%40example?secret="
				      "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=hinomi%3A%20A%26B");
	hin_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_codes_of_the_standard),
		cmocka_unit_test(takes_a_step_either_way_and_each_once),
		cmocka_unit_test(writes_and_reads_base32),
		cmocka_unit_test(writes_the_link_for_a_telephone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
