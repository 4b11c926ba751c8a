/* One-time codes, and hosts. */
#include "../test.h"

#include "trust/code.h"

static struct hin_join_code sample(const char *host, uint16_t port)
{
	struct hin_join_code code = { .port = port };

	strcpy(code.host, host);
	for (unsigned i = 0; i < 32; i++)
		code.ca_sha256[i] = (uint8_t)(i * 7);
	memset(code.id, 0xa5, sizeof(code.id));
	memset(code.secret, 0x3c, sizeof(code.secret));
	return code;
}

static void round_trip(void **state)
{
	static const struct {
		const char *host;
		uint16_t port;
		const char *begins;
	} cases[] = {
		{ "hub.example", 8443, "hinomi-join:hub.example:8443:" },
		{ "192.0.2.1", 1, "hinomi-join:192.0.2.1:1:" },
		{ "2001:db8::1", 65535, "hinomi-join:[2001:db8::1]:65535:" },
		{ "localhost", 443, "hinomi-join:localhost:443:" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_join_code code = sample(cases[i].host, cases[i].port), again;
		char text[HIN_CODE_TEXT];
		struct hin_error err;

		hin_join_code_format(&code, text);
		if (strncmp(text, cases[i].begins, strlen(cases[i].begins)) != 0)
			fail_msg("%s", text);
		if (hin_join_code_parse(&again, text, &err) != HIN_OK)
			fail_msg("%s", err.text);
		assert_string_equal(again.host, code.host);
		assert_int_equal(again.port, code.port);
		assert_memory_equal(again.ca_sha256, code.ca_sha256, 32);
		assert_memory_equal(again.id, code.id, sizeof(code.id));
		assert_memory_equal(again.secret, code.secret, sizeof(code.secret));
	}
}

/* Every slip of the pen is found: a character cut off, changed, or doubled. */
static void finds_slips(void **state)
{
	struct hin_join_code code = sample("hub.example", 8443), again;
	char text[HIN_CODE_TEXT], slip[HIN_CODE_TEXT + 2];
	size_t size = strlen(hin_join_code_format(&code, text));

	(void)state;
	for (size_t i = 0; i < size; i++) {
		memcpy(slip, text, i);
		slip[i] = '\0';
		assert_int_equal(hin_join_code_parse(&again, slip, NULL), HIN_EFORMAT);
		strcpy(slip, text);
		slip[i] = slip[i] == 'x' ? 'y' : 'x';
		if (hin_join_code_parse(&again, slip, NULL) != HIN_EFORMAT)
			fail_msg("taken: %s", slip);
		memcpy(slip, text, i + 1);
		strcpy(slip + i + 1, text + i);
		if (hin_join_code_parse(&again, slip, NULL) != HIN_EFORMAT)
			fail_msg("taken: %s", slip);
	}
	assert_int_equal(hin_join_code_parse(&again, "hinomi-join", NULL), HIN_EFORMAT);
	assert_int_equal(hin_join_code_parse(&again, "hinomi-join:", NULL), HIN_EFORMAT);
	assert_int_equal(hin_join_code_parse(&again, "", NULL), HIN_EFORMAT);
}

static void hosts(void **state)
{
	static const struct {
		const char *text;
		enum hin_code want;
		const char *host;
		uint16_t port;
	} cases[] = {
		{ "hub.example:8443", HIN_OK, "hub.example", 8443 },
		{ "HUB-1.example:1", HIN_OK, "HUB-1.example", 1 },
		{ "[2001:db8::1]:443", HIN_OK, "2001:db8::1", 443 },
		{ "192.0.2.1:65535", HIN_OK, "192.0.2.1", 65535 },
		{ "hub.example", HIN_EFORMAT, NULL, 0 },
		{ "hub.example:", HIN_EFORMAT, NULL, 0 },
		{ "hub.example:0", HIN_EFORMAT, NULL, 0 },
		{ "hub.example:65536", HIN_EFORMAT, NULL, 0 },
		{ "hub.example:80x", HIN_EFORMAT, NULL, 0 },
		{ ":443", HIN_EFORMAT, NULL, 0 },
		{ "2001:db8::1:443", HIN_EFORMAT, NULL, 0 },
		{ "[192.0.2.1]:443", HIN_EFORMAT, NULL, 0 },
		{ "[hub.example]:443", HIN_EFORMAT, NULL, 0 },
		{ "[2001:db8::1:443", HIN_EFORMAT, NULL, 0 },
		{ "[]:443", HIN_EFORMAT, NULL, 0 },
		{ "[:443", HIN_EFORMAT, NULL, 0 },
		{ "a b:443", HIN_EFORMAT, NULL, 0 },
		{ "a..b:443", HIN_EFORMAT, NULL, 0 },
		{ ".a:443", HIN_EFORMAT, NULL, 0 },
		{ "a.:443", HIN_EFORMAT, NULL, 0 },
		{ "-a:443", HIN_EFORMAT, NULL, 0 },
		{ "a\n:443", HIN_EFORMAT, NULL, 0 },
		{ "a/b:443", HIN_EFORMAT, NULL, 0 },
		{ "u@a:443", HIN_EFORMAT, NULL, 0 },
		{ "", HIN_EFORMAT, NULL, 0 },
	};
	char host[HIN_CODE_HOST], longest[300];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		if (hin_host_parse(host, &port, cases[i].text, NULL) != cases[i].want)
			fail_msg("%s", cases[i].text);
		if (cases[i].want == HIN_OK &&
		    (strcmp(host, cases[i].host) != 0 || port != cases[i].port))
			fail_msg("%s: %s %u", cases[i].text, host, port);
	}
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + 254, ":443");
	assert_int_equal(hin_host_parse(host, &port, longest, NULL), HIN_EFORMAT);
	for (size_t i = 63; i < 250; i += 64)
		longest[i] = '.';
	assert_int_equal(hin_host_parse(host, &port, longest, NULL), HIN_EFORMAT);
	strcpy(longest + 253, ":443");
	assert_int_equal(hin_host_parse(host, &port, longest, NULL), HIN_OK);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(finds_slips),
		cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
