/* Owners: the most specific holding and lease wins at its time, and what cannot be told is not. */
#include "desk_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "hub/owners/directory.h"
#include "hub/owners/owners.h"

#define HOUR 3600000000ll

static struct hin_desk *opened(void)
{
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };

	if (hin_desk_open(&desk, path, HIN_DESK_CREATE, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return desk;
}

static void run(struct hin_desk *desk, const char *sql)
{
	struct hin_error err = { 0 };

	if (hin_desk_run(desk, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
}

static void import(struct hin_desk *desk, const char *csv, const char *source)
{
	struct hin_directory *d = hin_directory_new();
	struct hin_directory_notes notes = { 0 };
	struct hin_directory_report report = { 0 };
	struct hin_directory_import options = { .source = source, .now_us = 1, .name = "f" };
	struct hin_error err = { 0 };

	if (hin_directory_parse(d, HIN_DIRECTORY_CSV, "f", source, csv, strlen(csv), &notes,
				&err) != HIN_OK ||
	    notes.refused != 0 || hin_directory_import(desk, d, &options, &report, &err) != HIN_OK)
		fail_msg("%s", err.text);
	hin_directory_report_fini(&report);
	hin_directory_free(d);
}

static struct hin_addr addr(const char *text)
{
	struct hin_addr a = { { 0 } };

	if (hin_addr_parse(&a, text) != HIN_OK)
		fail_msg("%s", text);
	return a;
}

static void lease(struct hin_desk *desk, const char *low, const char *high, int port_low,
		  int port_high, int64_t from, int64_t until, const char *device, const char *basis)
{
	struct hin_addr a = addr(low), b = addr(high);
	struct hin_error err = { 0 };

	if (hin_desk_run(desk, &err,
			 "INSERT INTO lease (low, high, port_low, port_high, from_us, until_us, "
			 "device, basis, confidence) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 80)",
			 "aaiiiitt", &a, &b, (int64_t)port_low, (int64_t)port_high, from, until,
			 device, basis) != HIN_OK)
		fail_msg("%s", err.text);
}

static struct hin_owners *loaded(struct hin_desk *desk)
{
	struct hin_owners_settings settings = { 0 };
	struct hin_owners *owners = NULL;
	struct hin_error err = { 0 };

	if (hin_owners_load(&owners, desk, &settings, 5, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return owners;
}

/* "handle device", with "?" when several could be it and "!" when two claim it. */
static const char *who(const struct hin_owners *owners, const char *address, int port, int64_t time)
{
	static char text[200];
	struct hin_addr a = addr(address);
	const struct hin_owners_organisation *o;
	struct hin_owner found;

	hin_owners_find(owners, &a, port, time, &found);
	o = hin_owners_organisation(owners, found.organisation);
	snprintf(text, sizeof(text), "%s %s%s%s", o != NULL ? o->handle : "-",
		 found.device[0] != '\0' ? found.device : "-", found.ambiguous ? " ?" : "",
		 found.contested ? " !" : "");
	return text;
}

static void the_most_specific_holding_wins(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners *o;
	struct hin_owner found;

	(void)state;
	import(desk,
	       "organisation,holding,from,until\n"
	       "isp,192.0.2.0/24,,\n"
	       "city,192.0.2.64 - 192.0.2.200,,\n"
	       "school,192.0.2.96/27,,\n"
	       "old,198.51.100.0/24,,1970-01-01T01:00:00Z\n"
	       "new,198.51.100.0/24,1970-01-01T01:00:00Z,\n"
	       "wide,198.51.0.0/16,,\n"
	       "six,2001:db8::/32,,\n"
	       "seven,2001:db8:0:7:: - 2001:db8:0:7:ffff:ffff:ffff:fffe,,\n"
	       "city,city.example,,\nschool,school.city.example,,\n",
	       "s");
	import(desk, "organisation,holding\nother,192.0.2.96/27\n", "t");
	o = loaded(desk);
	assert_string_equal(who(o, "192.0.2.1", 80, 0), "isp -");
	assert_string_equal(who(o, "192.0.2.63", 80, 0), "isp -");
	assert_string_equal(who(o, "192.0.2.64", 80, 0), "city -");
	assert_string_equal(who(o, "192.0.2.200", 80, 0), "city -");
	assert_string_equal(who(o, "192.0.2.201", 80, 0), "isp -");
	assert_string_equal(who(o, "192.0.2.100", 80, 0), "other - !");
	assert_string_equal(who(o, "203.0.113.1", 80, 0), "- -");
	assert_string_equal(who(o, "198.51.100.1", 80, HOUR - 1), "old -");
	assert_string_equal(who(o, "198.51.100.1", 80, HOUR), "new -");
	assert_string_equal(who(o, "198.51.99.1", 80, HOUR), "wide -");
	assert_string_equal(who(o, "2001:db8:0:7::", 80, 0), "seven -");
	assert_string_equal(who(o, "2001:db8:0:7:ffff:ffff:ffff:ffff", 80, 0), "six -");
	assert_true(hin_owners_find_name(o, "www.School.city.example.", 0, &found));
	assert_string_equal(hin_owners_organisation(o, found.organisation)->handle, "school");
	assert_true(hin_owners_find_name(o, "x.city.example", 0, &found));
	assert_string_equal(hin_owners_organisation(o, found.organisation)->handle, "city");
	assert_false(hin_owners_find_name(o, "notcity.example", 0, &found));
	assert_false(hin_owners_find_name(o, "", 0, &found));
	assert_int_equal(hin_owners_stats(o).contested, 1);
	hin_owners_unref(o);
	hin_desk_close(desk);
}

/* observation.md: findings join within a lease, so an address that changes hands is not merged. */
static void an_address_that_changes_hands(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners *o;
	struct hin_owner found;
	struct hin_addr a = addr("192.0.2.5");

	(void)state;
	lease(desk, "192.0.2.5", "192.0.2.5", 0, 65535, HOUR, 2 * HOUR, "mac:a", "dhcp");
	lease(desk, "192.0.2.5", "192.0.2.5", 0, 65535, 2 * HOUR, 3 * HOUR, "mac:b", "dhcp");
	/* the later start wins from there on, and a does not come back when c is gone */
	lease(desk, "192.0.2.6", "192.0.2.6", 0, 65535, HOUR, 9 * HOUR, "mac:a", "dhcp");
	lease(desk, "192.0.2.6", "192.0.2.6", 0, 65535, 3 * HOUR, 4 * HOUR, "mac:c", "dhcp");
	/* renewed: one lease */
	lease(desk, "192.0.2.7", "192.0.2.7", 0, 65535, HOUR, 3 * HOUR, "mac:d", "dhcp");
	lease(desk, "192.0.2.7", "192.0.2.7", 0, 65535, 2 * HOUR, 5 * HOUR, "mac:d", "dhcp");
	/* from the same moment on */
	lease(desk, "192.0.2.8", "192.0.2.8", 0, 65535, HOUR, 3 * HOUR, "mac:e", "dhcp");
	lease(desk, "192.0.2.8", "192.0.2.8", 0, 65535, HOUR, 2 * HOUR, "mac:f", "dhcp");
	/* for good, and lent meanwhile */
	lease(desk, "192.0.2.0", "192.0.2.15", 0, 65535, 0, 0, "circuit:1", "directory");
	lease(desk, "192.0.2.9", "192.0.2.9", 0, 65535, 0, 0, "host:printer", "directory");
	lease(desk, "192.0.2.9", "192.0.2.9", 0, 65535, HOUR, 2 * HOUR, "mac:g", "dhcp");
	o = loaded(desk);
	assert_string_equal(who(o, "192.0.2.5", 80, 0), "- circuit:1");
	assert_string_equal(who(o, "192.0.2.5", 80, HOUR), "- mac:a");
	assert_string_equal(who(o, "192.0.2.5", 80, 2 * HOUR - 1), "- mac:a");
	assert_string_equal(who(o, "192.0.2.5", 80, 2 * HOUR), "- mac:b");
	assert_string_equal(who(o, "192.0.2.6", 80, 2 * HOUR), "- mac:a");
	assert_string_equal(who(o, "192.0.2.6", 80, 3 * HOUR), "- mac:c");
	assert_string_equal(who(o, "192.0.2.6", 80, 5 * HOUR), "- circuit:1");
	hin_owners_find(o, &a, 80, HOUR, &found);
	assert_int_equal(found.from_us, HOUR);
	assert_int_equal(found.until_us, 2 * HOUR);
	assert_int_equal(found.basis, HIN_OWNER_DHCP);
	assert_int_equal(found.confidence, 80);
	a = addr("192.0.2.7");
	hin_owners_find(o, &a, 80, 4 * HOUR, &found);
	assert_int_equal(found.from_us, HOUR);
	assert_int_equal(found.until_us, 5 * HOUR);
	assert_string_equal(who(o, "192.0.2.8", 80, HOUR), "- - ?");
	assert_string_equal(who(o, "192.0.2.9", 80, 0), "- host:printer");
	assert_string_equal(who(o, "192.0.2.9", 80, HOUR), "- mac:g");
	assert_string_equal(who(o, "192.0.2.9", 80, 2 * HOUR), "- host:printer");
	hin_owners_unref(o);
	hin_desk_close(desk);
}

static void two_devices_behind_one_address(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners *o;

	(void)state;
	import(desk, "organisation,holding\nisp,203.0.113.0/24\n", "s");
	lease(desk, "203.0.113.9", "203.0.113.9", 1024, 2047, HOUR, 2 * HOUR, "user:a", "nat");
	lease(desk, "203.0.113.9", "203.0.113.9", 2048, 3071, HOUR, 2 * HOUR, "user:b", "nat");
	lease(desk, "203.0.113.9", "203.0.113.9", 1024, 2047, 2 * HOUR, 3 * HOUR, "user:c", "nat");
	lease(desk, "203.0.113.9", "203.0.113.9", 1500, 1500, HOUR, 2 * HOUR, "user:d", "nat");
	/* a home: its circuit, and devices behind it for a while */
	lease(desk, "203.0.113.10", "203.0.113.10", 0, 65535, 0, 0, "circuit:1", "radius");
	lease(desk, "203.0.113.10", "203.0.113.10", 40000, 40000, HOUR, 2 * HOUR, "inside:1",
	      "nat");
	o = loaded(desk);
	assert_string_equal(who(o, "203.0.113.9", 1024, HOUR), "isp user:a");
	assert_string_equal(who(o, "203.0.113.9", 2047, HOUR), "isp user:a");
	assert_string_equal(who(o, "203.0.113.9", 2048, HOUR), "isp user:b");
	assert_string_equal(who(o, "203.0.113.9", 1500, HOUR), "isp user:d");
	assert_string_equal(who(o, "203.0.113.9", 1500, 2 * HOUR), "isp user:c");
	assert_string_equal(who(o, "203.0.113.9", 4000, HOUR), "isp -");
	assert_string_equal(who(o, "203.0.113.9", 1024, 3 * HOUR), "isp -");
	/* without the port nobody can tell, and nobody is named */
	assert_string_equal(who(o, "203.0.113.9", HIN_OWNERS_ANY_PORT, HOUR), "isp - ?");
	assert_string_equal(who(o, "203.0.113.9", HIN_OWNERS_ANY_PORT, 5 * HOUR), "isp -");
	assert_string_equal(who(o, "203.0.113.10", 40000, HOUR), "isp inside:1");
	assert_string_equal(who(o, "203.0.113.10", 40001, HOUR), "isp circuit:1");
	assert_string_equal(who(o, "203.0.113.10", HIN_OWNERS_ANY_PORT, HOUR), "isp - ?");
	assert_string_equal(who(o, "203.0.113.10", HIN_OWNERS_ANY_PORT, 0), "isp circuit:1");
	hin_owners_unref(o);
	hin_desk_close(desk);
}

/* Blocks that all overlap: looked at up to a limit, beyond it nobody is named. */
static void too_many_blocks(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners *o;
	char device[32];

	(void)state;
	run(desk, "BEGIN");
	for (int i = 0; i < HIN_OWNERS_WALK + 8; i++) {
		snprintf(device, sizeof(device), "user:%d", i);
		lease(desk, "203.0.113.9", "203.0.113.9", i, 60000 + i, HOUR, 2 * HOUR, device,
		      "nat");
	}
	run(desk, "COMMIT");
	o = loaded(desk);
	assert_string_equal(who(o, "203.0.113.9", 50000, HOUR), "- - ?");
	assert_string_equal(who(o, "203.0.113.9", 3, HOUR), "- user:3");
	hin_owners_unref(o);
	hin_desk_close(desk);
}

/* In place of a table: 198.51.100.0/24 is of AS64500, all else unknown. */
enum hin_code __wrap_hin_geo_find(const struct hin_geo *geo, const struct hin_addr *address,
				  struct hin_geo_info *out);

enum hin_code __wrap_hin_geo_find(const struct hin_geo *geo, const struct hin_addr *address,
				  struct hin_geo_info *out)
{
	(void)geo;
	*out = (struct hin_geo_info){ .as_number = 64500 };
	return hin_addr_is_v4(address) && hin_addr_v4(address) >> 8 == 0xc63364 ? HIN_OK
										: HIN_ENOENT;
}

/* Where no prefix is known the AS counts, and less surely. */
static void the_system_of_an_address(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners_settings settings = { .geo = (const struct hin_geo *)&desk };
	struct hin_owners *o = NULL;
	struct hin_addr a = addr("198.51.100.200");
	struct hin_owner found;

	(void)state;
	import(desk, "organisation,holding\nisp,AS64500\nother,AS64501\ncity,198.51.100.0/25\n",
	       "s");
	assert_int_equal(hin_owners_load(&o, desk, &settings, 5, NULL), HIN_OK);
	assert_string_equal(who(o, "198.51.100.1", 1, 0), "city -");
	assert_string_equal(who(o, "198.51.100.200", 1, 0), "isp -");
	assert_string_equal(who(o, "203.0.113.1", 1, 0), "- -");
	hin_owners_find(o, &a, 1, 0, &found);
	assert_int_equal(found.basis, HIN_OWNER_AS);
	assert_int_equal(found.confidence, 60);
	hin_owners_unref(o);
	import(desk, "organisation,holding\nlater,AS64500\n", "t");
	assert_int_equal(hin_owners_load(&o, desk, &settings, 5, NULL), HIN_OK);
	assert_string_equal(who(o, "198.51.100.200", 1, 0), "later - !");
	hin_owners_unref(o);
	hin_desk_close(desk);
}

static void an_organisation_of_the_lease(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners *o;

	(void)state;
	import(desk, "organisation,holding\nisp,203.0.113.0/24\ncustomer,\n", "s");
	lease(desk, "203.0.113.9", "203.0.113.9", 0, 65535, HOUR, 0, "", "directory");
	run(desk, "UPDATE lease SET organisation = (SELECT id FROM organisation WHERE handle = "
		  "'customer')");
	o = loaded(desk);
	assert_string_equal(who(o, "203.0.113.9", 1, HOUR), "customer -");
	assert_string_equal(who(o, "203.0.113.9", 1, 0), "isp -");
	hin_owners_unref(o);
	hin_desk_close(desk);
}

static void memory_is_bounded(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners_settings settings = { .memory_bytes = 64 << 10 };
	struct hin_owners *o = NULL;
	struct hin_owners_stats stats;
	char address[32];

	(void)state;
	run(desk, "BEGIN");
	for (int i = 0; i < 1000; i++) {
		snprintf(address, sizeof(address), "192.0.%d.%d", i / 256, i % 256);
		lease(desk, address, address, 0, 65535, i, i == 7 ? 0 : 10 + i, "mac:x", "dhcp");
	}
	run(desk, "COMMIT");
	assert_int_equal(hin_owners_load(&o, desk, &settings, 5, NULL), HIN_OK);
	stats = hin_owners_stats(o);
	assert_true(stats.leases > 100 && stats.leases < 200);
	assert_int_equal(stats.leases + stats.left_out, 1000);
	assert_true(stats.bytes < 64 << 10);
	/* the newest ones, and those that are open */
	assert_string_equal(who(o, "192.0.3.231", 1, 1000), "- mac:x");
	assert_string_equal(who(o, "192.0.0.7", 1, 1000), "- mac:x");
	assert_string_equal(who(o, "192.0.0.9", 1, 10), "- -");
	hin_owners_unref(o);
	o = NULL;
	settings = (struct hin_owners_settings){ .since_us = 500 };
	assert_int_equal(hin_owners_load(&o, desk, &settings, 5, NULL), HIN_OK);
	assert_int_equal(hin_owners_stats(o).leases, 510); /* 491 to 999, and the open one */
	hin_owners_unref(o);
	hin_desk_close(desk);
}

static void nobody_without_a_snapshot(void **state)
{
	struct hin_addr a = addr("192.0.2.1");
	struct hin_owner found;

	(void)state;
	assert_false(hin_owners_find(NULL, &a, 1, 1, &found));
	assert_string_equal(found.device, "");
	assert_null(hin_owners_organisation(NULL, 1));
	hin_owners_unref(NULL);
	hin_owners_box_free(NULL);
}

struct reading {
	struct hin_owners_box *box;
	_Atomic bool stop;
	uint64_t seen;
};

static void *read_on(void *user)
{
	struct reading *r = user;

	while (!r->stop) {
		struct hin_owners *o = hin_owners_box_get(r->box);
		struct hin_addr a = addr("192.0.2.1");
		struct hin_owner found;

		r->seen += hin_owners_find(o, &a, 1, 1, &found);
		hin_owners_unref(o);
	}
	return NULL;
}

/* Readers keep what they hold while the box gets a new one. */
static void a_box_is_replaced_whole(void **state)
{
	struct hin_desk *desk = opened();
	struct hin_owners_settings settings = { 0 };
	struct reading r = { 0 };
	struct hin_error err = { 0 };
	unsigned changes = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(hin_owners_box_new(&r.box, &settings, &err), HIN_OK);
	assert_null(hin_owners_box_get(r.box));
	assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
	for (int i = 0; i < 20 && changes < 3; i++) {
		bool changed;

		import(desk,
		       i % 2 ? "organisation,holding\na,192.0.2.0/24\n"
			     : "organisation,holding\nb,192.0.2.0/24\n",
		       "s");
		do { /* it waits between two readings */
			assert_int_equal(hin_owners_box_refresh(r.box, desk, i, &changed, &err),
					 HIN_OK);
		} while (!changed);
		assert_int_equal(hin_owners_box_refresh(r.box, desk, i, &changed, &err), HIN_OK);
		assert_false(changed);
		changes++;
	}
	r.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(changes, 3);
	hin_owners_box_free(r.box);
	hin_desk_close(desk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_most_specific_holding_wins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_address_that_changes_hands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(two_devices_behind_one_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_many_blocks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_system_of_an_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_organisation_of_the_lease, set_up, tear_down),
		cmocka_unit_test_setup_teardown(memory_is_bounded, set_up, tear_down),
		cmocka_unit_test(nobody_without_a_snapshot),
		cmocka_unit_test_setup_teardown(a_box_is_replaced_whole, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
