#include "../test.h"

#include "base/addr.h"

static void parses_prefixes(void **state)
{
	static const struct {
		const char *text;
		enum hin_code code;
		const char *want; /* as written again, or the message */
	} cases[] = {
		{ "192.0.2.0/24", HIN_OK, "192.0.2.0/24" },
		{ "192.0.2.1", HIN_OK, "192.0.2.1/32" },
		{ "0.0.0.0/0", HIN_OK, "0.0.0.0/0" },
		{ "2001:DB8:0::/32", HIN_OK, "2001:db8::/32" },
		{ "::/0", HIN_OK, "::/0" },
		{ "::1", HIN_OK, "::1/128" },
		{ "192.0.2.1/24", HIN_ERANGE,
		  "prefix \"192.0.2.1/24\" has host bits set; use 192.0.2.0/24" },
		{ "2001:db8::1/64", HIN_ERANGE,
		  "prefix \"2001:db8::1/64\" has host bits set; use 2001:db8::/64" },
		{ "192.0.2.0/33", HIN_ERANGE,
		  "prefix \"192.0.2.0/33\": the length is not in 0-32" },
		{ "::/129", HIN_ERANGE, "prefix \"::/129\": the length is not in 0-128" },
		{ "192.0.2.0/", HIN_EFORMAT, "\"192.0.2.0/\" lacks the length after the /" },
		{ "192.0.2.0/x", HIN_EFORMAT, "prefix \"192.0.2.0/x\": the length is not in 0-32" },
		{ "192.0.2.0/99999999999", HIN_EFORMAT,
		  "prefix \"192.0.2.0/99999999999\": the length is not in 0-32" },
		{ "192.0.2", HIN_EFORMAT, "\"192.0.2\" is not an address or a prefix" },
		{ "192.0.2.256", HIN_EFORMAT, "\"192.0.2.256\" is not an address or a prefix" },
		{ "", HIN_EFORMAT, "\"\" is not an address or a prefix" },
		{ "/8", HIN_EFORMAT, "\"/8\" is not an address or a prefix" },
		{ "1:2:3:4:5:6:7:8:9", HIN_EFORMAT,
		  "\"1:2:3:4:5:6:7:8:9\" is not an address or a prefix" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		char text[HIN_PREFIX_TEXT];
		struct hin_prefix p;
		struct hin_error err = { 0 };
		enum hin_code code = hin_prefix_parse(&p, cases[i].text, &err);
		const char *got = code == HIN_OK ? hin_prefix_format(&p, text) : err.text;

		if (code != cases[i].code || strcmp(got, cases[i].want) != 0)
			fail_msg("%s: %d, %s", cases[i].text, (int)code, got);
	}
}

static void holds_addresses(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool want;
	} cases[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/25", "192.0.2.127", true },
		{ "192.0.2.0/25", "192.0.2.128", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "192.0.2.1", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::1", "::1", true },
		{ "::1", "::2", false },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_prefix p;
		struct hin_addr a;

		assert_int_equal(hin_prefix_parse(&p, cases[i].prefix, NULL), HIN_OK);
		assert_int_equal(hin_addr_parse(&a, cases[i].addr), HIN_OK);
		if (hin_prefix_holds(&p, &a) != cases[i].want)
			fail_msg("%s in %s", cases[i].addr, cases[i].prefix);
	}
}

static void converts_v4(void **state)
{
	struct hin_addr a = hin_addr_of_v4(0xc0000201), b;
	char text[HIN_ADDR_TEXT];

	(void)state;
	assert_true(hin_addr_is_v4(&a));
	assert_int_equal(hin_addr_v4(&a), 0xc0000201);
	assert_string_equal(hin_addr_format(&a, text), "192.0.2.1");
	assert_int_equal(hin_addr_parse(&b, "::ffff:192.0.2.1"), HIN_OK);
	assert_true(hin_addr_equal(&a, &b));
	assert_int_equal(hin_addr_compare(&a, &b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_prefixes),
		cmocka_unit_test(holds_addresses),
		cmocka_unit_test(converts_v4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
