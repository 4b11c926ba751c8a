#include "../test.h"

#include "telescope/names.h"

#define TCP 6
#define UDP 17

static void names_services(void **state)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
		const char *want, *text;
	} cases[] = {
		{ TCP, 23, "telnet", "telnet" },
		{ TCP, 80, "http", "http" },
		{ TCP, 2323, "telnet-alt", "telnet-alt" },
		{ TCP, 7547, "cwmp", "cwmp" },
		{ TCP, 37215, "huawei-upnp", "huawei-upnp" },
		{ TCP, 53, "dns", "dns" },
		{ UDP, 53, "dns", "dns" },
		{ UDP, 11211, "memcached", "memcached" },
		{ TCP, 64738, "mumble", "mumble" }, /* the last row */
		{ TCP, 7, "echo", "echo" },	    /* the first */
		{ TCP, 0, NULL, "0/tcp" },
		{ TCP, 65535, NULL, "65535/tcp" },
		{ UDP, 23, NULL, "23/udp" }, /* a name belongs to its protocol */
		{ 132, 80, NULL, "80/sctp" },
		{ 253, 80, NULL, "80/ip-253" },
		{ 1, 80, NULL, "icmp" },
		{ 58, 0, NULL, "icmp6" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *name = hin_service_name(cases[i].proto, cases[i].port);
		char text[HIN_SERVICE_TEXT];

		if (cases[i].want == NULL)
			assert_null(name);
		else
			assert_string_equal(name, cases[i].want);
		hin_service_text(text, cases[i].proto, cases[i].port);
		assert_string_equal(text, cases[i].text);
	}
}

static void explains_in_both_languages(void **state)
{
	size_t named = 0;

	(void)state;
	assert_string_equal(hin_service_meaning(TCP, 22, HIN_EN), "secure log-in");
	assert_string_equal(hin_service_meaning(TCP, 22, HIN_JA), "安全な遠隔ログイン");
	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		static const uint8_t protocols[] = { TCP, UDP };

		for (size_t i = 0; i < HIN_COUNT(protocols); i++) {
			uint16_t p = (uint16_t)port;
			const char *name = hin_service_name(protocols[i], p);
			const char *en = hin_service_meaning(protocols[i], p, HIN_EN);
			const char *ja = hin_service_meaning(protocols[i], p, HIN_JA);

			assert_int_equal(name == NULL, en == NULL);
			assert_int_equal(name == NULL, ja == NULL);
			if (name == NULL)
				continue;
			named++;
			assert_in_range(strlen(name), 1, 23);
			assert_true(strlen(en) > 0 && strlen(ja) > 0);
		}
	}
	assert_true(named > 300);
}

static void names_amplifiers(void **state)
{
	static const struct {
		uint16_t port;
		const char *want;
		bool two_way;
	} cases[] = {
		{ 53, "dns", false },
		{ 123, "ntp", true },
		{ 161, "snmp", false },
		{ 1900, "ssdp", false },
		{ 11211, "memcached", false },
		{ 389, "cldap", false },
		{ 500, "isakmp", true },
		{ 47808, "bacnet", true },
		{ 37810, "dahua-dhip", false },
		{ 17, "qotd", false },
		{ 0, NULL, false },
		{ 65535, NULL, false },
		{ 54, NULL, false },
		{ 52, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint16_t port = cases[i].port;
		const char *name = hin_amplifier_name(UDP, port);

		assert_int_equal(hin_is_amplifier_port(port), cases[i].want != NULL);
		assert_int_equal(hin_amplifier_is_two_way(port), cases[i].two_way);
		assert_null(hin_amplifier_name(TCP, port));
		if (cases[i].want == NULL) {
			assert_null(name);
			assert_null(hin_amplifier_meaning(port, HIN_EN));
			continue;
		}
		assert_string_equal(name, cases[i].want);
		assert_non_null(hin_amplifier_meaning(port, HIN_JA));
	}
}

/* The bitmap and the rows must agree for every port, or all names behind a slip are wrong. */
static void every_amplifier_has_its_row(void **state)
{
	size_t count = 0;

	(void)state;
	for (unsigned port = 0; port <= UINT16_MAX; port++) {
		const char *name = hin_amplifier_name(UDP, (uint16_t)port);

		assert_int_equal(name != NULL, hin_is_amplifier_port((uint16_t)port));
		count += name != NULL;
	}
	assert_true(count >= 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_services),
		cmocka_unit_test(explains_in_both_languages),
		cmocka_unit_test(names_amplifiers),
		cmocka_unit_test(every_amplifier_has_its_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
