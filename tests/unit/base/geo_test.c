#include "../test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/geo.h"

/* Types of MaxMind DB 2.0. */
enum { TEXT = 2, U16 = 5, U32 = 6, MAP = 7 };

static void put_head(struct hin_buffer *out, unsigned type, size_t size)
{
	if (size < 29) {
		hin_buffer_putc(out, (char)(type << 5 | size));
	} else {
		hin_buffer_putc(out, (char)(type << 5 | 29));
		hin_buffer_putc(out, (char)(size - 29));
	}
}

static void put_text(struct hin_buffer *out, const char *text)
{
	put_head(out, TEXT, strlen(text));
	hin_buffer_puts(out, text);
}

static void put_number(struct hin_buffer *out, unsigned type, const char *key, uint32_t value)
{
	put_text(out, key);
	put_head(out, type, type == U16 ? 2 : 4);
	for (int shift = type == U16 ? 8 : 24; shift >= 0; shift -= 8)
		hin_buffer_putc(out, (char)(value >> shift));
}

/* A table of one node, both sides of which lead to the data that `fill` writes. */
static void make_table(struct hin_buffer *out, void (*fill)(struct hin_buffer *out))
{
	static const char node[] = { 0, 0, 1 + 16, 0, 0, 1 + 16 };

	hin_buffer_add(out, node, sizeof(node));
	hin_buffer_fill(out, '\0', 16);
	fill(out);
	hin_buffer_puts(out, "\xab\xcd\xefMaxMind.com");
	put_head(out, MAP, 9);
	put_number(out, U16, "binary_format_major_version", 2);
	put_number(out, U16, "binary_format_minor_version", 0);
	put_text(out, "build_epoch");
	hin_buffer_add(out, "\x04\x02\x60\x00\x00\x00", 6); /* uint64, four bytes */
	put_text(out, "database_type");
	put_text(out, "test\x1b");
	put_text(out, "description");
	put_head(out, MAP, 0);
	put_number(out, U16, "ip_version", 6);
	put_text(out, "languages");
	hin_buffer_add(out, "\x00\x04", 2); /* empty array */
	put_number(out, U32, "node_count", 1);
	put_number(out, U16, "record_size", 24);
}

static void fill_geolite(struct hin_buffer *out)
{
	put_head(out, MAP, 3);
	put_text(out, "country");
	put_head(out, MAP, 1);
	put_text(out, "iso_code");
	put_text(out, "JP");
	put_number(out, U32, "autonomous_system_number", 64496);
	put_text(out, "autonomous_system_organization");
	put_text(out, "Evil\x1b[31m \xe2\x80\xae Org");
}

static void fill_ipinfo(struct hin_buffer *out)
{
	put_head(out, MAP, 3);
	put_text(out, "country");
	put_text(out, "FR");
	put_text(out, "asn");
	put_text(out, "AS4200000000");
	put_text(out, "as_name");
	put_text(out, "A long name, so long that it does not fit into what the result has for it, "
		      "with a tail which is cut at some place");
}

static void fill_nonsense(struct hin_buffer *out)
{
	put_head(out, MAP, 3);
	put_text(out, "country_code");
	put_text(out, "<b>");
	put_text(out, "asn");
	put_text(out, "ASx");
	put_number(out, U32, "as_name", 5);
}

/* Open a table whose bytes are these. */
static enum hin_code open_bytes(struct hin_geo **out, const void *data, size_t size,
				struct hin_error *err)
{
	char path[] = "/tmp/hin-geo-XXXXXX";
	int fd = mkstemp(path);
	enum hin_code code;

	assert_true(fd != -1);
	assert_int_equal(write(fd, data, size), size);
	code = hin_geo_open(out, path, err);
	close(fd);
	unlink(path);
	return code;
}

static void reads_known_forms(void **state)
{
	static const struct {
		void (*fill)(struct hin_buffer *out);
		const char *country, *name;
		uint32_t number;
	} cases[] = {
		{ fill_geolite, "JP", "Evil\\x1b[31m \\u{202e} Org", 64496 },
		{ fill_ipinfo, "FR",
		  "A long name, so long that it does not fit into what the result has for it, "
		  "with a tail which...",
		  4200000000 },
		{ fill_nonsense, "", "", 0 },
	};
	struct hin_addr addrs[] = { hin_addr_of_v4(0xc0000201), { { 0x20, 1 } } };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases) * 2; i++) {
		size_t at = i / 2;
		struct hin_buffer bytes = { 0 };
		struct hin_geo *geo = NULL;
		struct hin_geo_info info;
		struct hin_error err;

		make_table(&bytes, cases[at].fill);
		if (open_bytes(&geo, bytes.data, bytes.used, &err) != HIN_OK)
			fail_msg("%s", err.text);
		assert_string_equal(hin_geo_kind(geo), "test\\x1b");
		assert_true(hin_geo_built_ns(geo) == 0x60000000 * 1000000000ll);
		assert_int_equal(hin_geo_find(geo, &addrs[i % 2], &info), HIN_OK);
		assert_string_equal(info.country, cases[at].country);
		assert_string_equal(info.as_name, cases[at].name);
		assert_int_equal(info.as_number, cases[at].number);
		hin_geo_close(geo);
		hin_buffer_fini(&bytes);
	}
	hin_geo_close(NULL);
}

static void refuses_what_is_no_table(void **state)
{
	struct hin_geo *geo = NULL;
	struct hin_error err;

	(void)state;
	assert_int_equal(hin_geo_open(&geo, "/nonexistent/file", &err), HIN_ESYS);
	assert_string_equal(err.text, "open /nonexistent/file: No such file or directory");
	assert_int_equal(open_bytes(&geo, "no table", 8, &err), HIN_EFORMAT);
	assert_non_null(strstr(err.text, " is no MaxMind DB or a broken one"));
	assert_int_equal(open_bytes(&geo, "", 0, &err), HIN_EFORMAT);
	assert_null(geo);
}

/* Cut and changed anywhere, a table is refused or gives something, and nothing worse. */
static void bears_broken_tables(void **state)
{
	static const uint8_t values[] = { 0, 0x1d, 0x3f, 0x7f, 0x80, 0xff };
	struct hin_buffer bytes = { 0 };
	struct hin_addr addr = hin_addr_of_v4(0xc0000201);

	(void)state;
	make_table(&bytes, fill_geolite);
	for (size_t i = 0; i < bytes.used; i++) {
		struct hin_geo *geo = NULL;
		struct hin_geo_info info;

		if (open_bytes(&geo, bytes.data, i, NULL) == HIN_OK &&
		    hin_geo_find(geo, &addr, &info) == HIN_OK)
			assert_true(strlen(info.as_name) < HIN_GEO_NAME);
		hin_geo_close(geo);
		for (size_t v = 0; v < HIN_COUNT(values); v++) {
			char was = bytes.data[i];

			geo = NULL;
			bytes.data[i] = (char)values[v];
			if (open_bytes(&geo, bytes.data, bytes.used, NULL) == HIN_OK &&
			    hin_geo_find(geo, &addr, &info) == HIN_OK) {
				assert_true(strlen(info.country) == 0 || strlen(info.country) == 2);
				assert_true(strlen(info.as_name) < HIN_GEO_NAME);
			}
			hin_geo_close(geo);
			bytes.data[i] = was;
		}
	}
	hin_buffer_fini(&bytes);
}

static void reads_a_real_table(void **state)
{
	const char *shared = getenv("HINOMI_SHARED_DATA"), *source = getenv("HINOMI_SOURCE");
	static const struct {
		uint32_t addr;
		const char *country;
	} cases[] = { { 0x08080808, "US" }, { 0x85010203, "JP" } };
	struct hin_geo *geo = NULL;
	struct hin_geo_info info;
	struct hin_error err;
	char path[1000];

	(void)state;
	snprintf(path, sizeof(path), "%s%s/geoip/geo-whois-asn-country-ipv4.mmdb",
		 shared != NULL	  ? shared
		 : source != NULL ? source
				  : ".",
		 shared != NULL ? "" : "/../shared/data");
	if (access(path, R_OK) != 0)
		skip();
	if (hin_geo_open(&geo, path, &err) != HIN_OK)
		fail_msg("%s", err.text);
	assert_string_equal(hin_geo_kind(geo), "country ipv4");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_addr addr = hin_addr_of_v4(cases[i].addr);

		assert_int_equal(hin_geo_find(geo, &addr, &info), HIN_OK);
		assert_string_equal(info.country, cases[i].country);
		assert_int_equal(info.as_number, 0);
	}
	assert_int_equal(hin_geo_find(geo, &(struct hin_addr){ { 0x20, 1 } }, &info), HIN_ENOENT);
	assert_int_equal(hin_geo_find(geo,
				      &(struct hin_addr){ { [10] = 0xff, [11] = 0xff, [12] = 10 } },
				      &info),
			 HIN_ENOENT);
	hin_geo_close(geo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_known_forms),
		cmocka_unit_test(refuses_what_is_no_table),
		cmocka_unit_test(bears_broken_tables),
		cmocka_unit_test(reads_a_real_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
