#include "made.h"

static struct made_folder folder;

static int begin(void **state)
{
	(void)state;
	made_begin(&folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	made_end(&folder);
	return 0;
}

static void read_made(struct made_result *r, struct made *m)
{
	made_read(r, made_file(&folder, "a.pcapng", m));
	made_free(m);
}

/* Sections of either byte order after each other; each has interfaces of its own. */
static void sections_and_interfaces(void **state)
{
	struct made m = { 0 };
	struct made_result r;

	(void)state;
	for (int section = 0; section < 4; section++) {
		m.big = section % 2 == 1;
		made_section(&m);
		made_interface(&m, HIN_LINK_ETHERNET, 0, NULL, 0);
		made_packet(&m, 0, 1700000000000007, 5, 1);
		made_interface(&m, HIN_LINK_RAW, 0, NULL, 0);
		made_block(&m, 5, "statistics..", 12);
		made_packet(&m, 1, 1700000000000008, 6, 2);
		made_block(&m, 0xdeadbeef, "unknown.", 8);
		made_packet(&m, 0, 1700000000000009, 0, 3);
	}
	read_made(&r, &m);
	assert_int_equal(r.code, HIN_OK);
	assert_string_equal(r.input.format, "pcapng");
	assert_int_equal(r.input.fault, HIN_FAULT_NONE);
	assert_int_equal(r.count, 12);
	for (size_t i = 0; i < 12; i++) {
		assert_true(r.frames[i].time_ns == 1700000000000007000 + (int64_t)(i % 3) * 1000);
		assert_int_equal(r.frames[i].link, i % 3 == 1 ? HIN_LINK_RAW : HIN_LINK_ETHERNET);
		assert_int_equal(r.frames[i].size, i % 3 == 2 ? 0 : 5 + i % 3);
	}
}

static void time_resolution_and_offset(void **state)
{
	static const struct {
		const char *name;
		int resolution; /* -1 = no option */
		int64_t offset_s;
		uint64_t time;
		int64_t want;
		uint64_t clamped;
	} cases[] = {
		{ "default", -1, 0, 1700000000000001, 1700000000000001000, 0 },
		{ "seconds", 0, 0, 1700000000, 1700000000000000000, 0 },
		{ "milli", 3, 0, 1700000000001, 1700000000001000000, 0 },
		{ "nano", 9, 0, 1700000000000000001, 1700000000000000001, 0 },
		{ "nano too late", 9, 0, UINT64_MAX, INT64_MAX, 2 },
		{ "pico", 12, 0, 1700000000000000199u, 1700000000000000, 0 },
		{ "10^-28", 28, 0, UINT64_MAX, 1, 0 },
		{ "10^-127", 127, 0, UINT64_MAX, 0, 0 },
		{ "2^0", 0x80, 0, 1700000000, 1700000000000000000, 0 },
		{ "2^-1", 0x81, 0, 3, 1500000000, 0 },
		{ "2^-32", 0xa0, 0, UINT64_C(1700000000) << 32 | 0x80000000, 1700000000500000000,
		  0 },
		{ "2^-127", 0xff, 0, UINT64_MAX, 0, 0 },
		{ "offset", 6, 1700000000, 1, 1700000000000001000, 0 },
		{ "offset back", 6, -10, 1, -9999999000, 0 },
		{ "micro too late", 6, 0, UINT64_MAX, INT64_MAX, 2 },
		{ "last micro", 6, 0, 9223372036854775, 9223372036854775000, 0 },
		{ "first too late", 6, 0, 9223372036854776, INT64_MAX, 2 },
		{ "offset too late", 6, INT64_MAX, UINT64_MAX, INT64_MAX, 2 },
		{ "offset too early", 6, INT64_MIN, 0, INT64_MIN, 2 },
		{ "seconds too late", 0, 0, UINT64_MAX, INT64_MAX, 2 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases) * 2; i++) {
		size_t c = i / 2;
		struct made m = { .big = i % 2 == 1 };
		struct made options = { .big = m.big };
		struct made_result r;

		made_u16(&options, 1); /* a comment first, padded */
		made_u16(&options, 5);
		made_bytes(&options, "hello\0\0\0", 8);
		if (cases[c].resolution >= 0) {
			made_u16(&options, 9);
			made_u16(&options, 1);
			made_fill(&options, (uint8_t)cases[c].resolution, 1);
			made_fill(&options, 0, 3);
		}
		if (cases[c].offset_s != 0) {
			made_u16(&options, 14);
			made_u16(&options, 8);
			made_u64(&options, (uint64_t)cases[c].offset_s);
		}
		made_u32(&options, 0);
		made_section(&m);
		made_interface(&m, 1, 0, options.data, options.size);
		made_packet(&m, 0, cases[c].time, 4, 1);
		made_packet(&m, 0, cases[c].time, 4, 1);
		read_made(&r, &m);
		if (r.count != 2 || r.frames[0].time_ns != cases[c].want ||
		    r.input.clamped != cases[c].clamped)
			fail_msg("%s: %zu packets, time %lld, %u clamped", cases[c].name, r.count,
				 (long long)r.frames[0].time_ns, (unsigned int)r.input.clamped);
		made_free(&options);
	}
}

/* Simple packets have no time of their own and take that before; old ones have 16-bit interfaces.
 */
static void simple_and_old_packets(void **state)
{
	struct made m = { 0 }, body = { 0 };
	struct made_result r;

	(void)state;
	made_section(&m);
	made_interface(&m, HIN_LINK_RAW, 6, NULL, 0);
	made_interface(&m, HIN_LINK_SLL, 6, NULL, 0);
	for (uint32_t length = 4; length <= 60; length += 56) { /* snapped to 6 of 60 */
		body.size = 0;
		made_u32(&body, length);
		made_fill(&body, 9, length < 6 ? length : 6);
		made_block(&m, 3, body.data, body.size);
	}
	body.size = 0;
	made_u16(&body, 1);  /* interface */
	made_u16(&body, 77); /* drops */
	made_u32(&body, 0);
	made_u32(&body, 5000000);
	made_u32(&body, 3);
	made_u32(&body, 1500);
	made_bytes(&body, "abc", 3);
	made_block(&m, 2, body.data, body.size);
	body.size = 0;
	made_u32(&body, 2);
	made_bytes(&body, "hi", 2);
	made_block(&m, 3, body.data, body.size);
	read_made(&r, &m);
	made_free(&body);
	assert_int_equal(r.input.fault, HIN_FAULT_NONE);
	assert_int_equal(r.count, 4);
	assert_int_equal(r.frames[0].size, 4);
	assert_int_equal(r.frames[1].size, 6);
	assert_int_equal(r.frames[1].length, 60);
	assert_true(r.frames[1].time_ns == 0);
	assert_int_equal(r.frames[1].link, HIN_LINK_RAW);
	assert_int_equal(r.frames[2].link, HIN_LINK_SLL);
	assert_int_equal(r.frames[2].length, 1500);
	assert_true(r.frames[2].time_ns == 5000000000);
	assert_true(r.frames[3].time_ns == 5000000000);
}

/* what stands behind one good packet, in little-endian 32-bit words */
static const struct {
	const char *name;
	uint32_t words[10];
	size_t count;
	enum hin_capture_fault fault;
	const char *text;
} broken[] = {
	{ "nothing", { 0 }, 0, HIN_FAULT_NONE, "" },
	{ "unknown block", { 99, 12, 12 }, 3, HIN_FAULT_NONE, "" },
	{ "half a header", { 99, 12 }, 2, HIN_FAULT_CUT, "8 bytes of 12" },
	{ "cut block", { 99, 16, 0 }, 3, HIN_FAULT_CUT, "12 bytes of 16" },
	{ "length 0", { 6, 0, 0 }, 3, HIN_FAULT_BAD_RECORD, "length 0" },
	{ "length 11", { 6, 11, 0 }, 3, HIN_FAULT_BAD_RECORD, "length 11" },
	{ "length 13", { 99, 13, 0, 0 }, 4, HIN_FAULT_BAD_RECORD, "length 13" },
	{ "two lengths", { 99, 12, 16 }, 3, HIN_FAULT_BAD_RECORD, "12 and 16" },
	{ "over 16 MiB", { 99, 16777220, 0 }, 3, HIN_FAULT_LIMIT, "16777220" },
	{ "16 MiB, cut", { 99, 16777216, 0 }, 3, HIN_FAULT_CUT, "12 bytes of 16777216" },
	{ "huge", { 99, 0xfffffffc, 0 }, 3, HIN_FAULT_LIMIT, "4294967292" },
	{ "packet without fields",
	  { 6, 28, 0, 0, 0, 0, 28 },
	  7,
	  HIN_FAULT_BAD_RECORD,
	  "reaches out of its block" },
	{ "packet too long",
	  { 6, 32, 0, 0, 0, 1, 1, 32 },
	  8,
	  HIN_FAULT_BAD_RECORD,
	  "reaches out of its block" },
	{ "packet length -1",
	  { 6, 32, 0, 0, 0, ~0u, 1, 32 },
	  8,
	  HIN_FAULT_BAD_RECORD,
	  "reaches out of its block" },
	{ "unknown interface",
	  { 6, 32, 1, 0, 0, 0, 0, 32 },
	  8,
	  HIN_FAULT_BAD_RECORD,
	  "interface 1 of 1" },
	{ "simple too long",
	  { 3, 16, 1, 16 },
	  4,
	  HIN_FAULT_BAD_RECORD,
	  "reaches out of its block" },
	{ "simple without field",
	  { 3, 12, 12 },
	  3,
	  HIN_FAULT_BAD_RECORD,
	  "reaches out of its block" },
	{ "short interface", { 1, 16, 1, 16 }, 4, HIN_FAULT_BAD_RECORD, "interface block" },
	{ "interface option",
	  { 1, 24, 1, 0, 0xffff0009, 24 },
	  6,
	  HIN_FAULT_BAD_RECORD,
	  "option 9 of 65535 bytes" },
	{ "section, no order",
	  { 0x0a0d0d0a, 28, 0, 1, 0, 0, 28 },
	  7,
	  HIN_FAULT_BAD_RECORD,
	  "byte-order" },
	{ "section 2.0",
	  { 0x0a0d0d0a, 28, 0x1a2b3c4d, 2, 0, 0, 28 },
	  7,
	  HIN_FAULT_BAD_RECORD,
	  "version 2.0" },
	{ "section too short",
	  { 0x0a0d0d0a, 24, 0x1a2b3c4d, 1, 0, 24 },
	  6,
	  HIN_FAULT_BAD_RECORD,
	  "section header" },
	{ "section option",
	  { 0x0a0d0d0a, 32, 0x1a2b3c4d, 1, 0, 0, 0x00050001, 32 },
	  8,
	  HIN_FAULT_BAD_RECORD,
	  "option 1 of 5 bytes" },
	{ "old minor 2",
	  { 0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00020001, 0, 0, 28 },
	  7,
	  HIN_FAULT_NONE,
	  "" },
};

static void broken_blocks_end_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < HIN_COUNT(broken); i++) {
		struct made m = { 0 };
		struct made_result r;
		size_t offset;

		made_section(&m);
		made_interface(&m, 1, 0, NULL, 0);
		made_packet(&m, 0, 5, 5, 1);
		offset = m.size;
		for (size_t n = 0; n < broken[i].count; n++)
			made_u32(&m, broken[i].words[n]);
		read_made(&r, &m);
		if (r.count != 1 || r.input.fault != broken[i].fault ||
		    strstr(r.input.fault_text, broken[i].text) == NULL ||
		    (r.input.fault != HIN_FAULT_NONE && r.input.fault_offset != offset))
			fail_msg("%s: %zu packets, fault %d at %u: %s", broken[i].name, r.count,
				 r.input.fault, (unsigned int)r.input.fault_offset,
				 r.input.fault_text);
	}
}

static void broken_first_sections_are_refused(void **state)
{
	static const struct {
		const char *name;
		uint32_t words[8];
		size_t count;
		const char *text;
	} cases[] = {
		{ "type alone", { 0x0a0d0d0a }, 1, "ends inside the pcapng file header" },
		{ "cut",
		  { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1 },
		  4,
		  "ends inside the pcapng file header" },
		{ "version",
		  { 0x0a0d0d0a, 28, 0x1a2b3c4d, 0x00010000, 0, 0, 28 },
		  7,
		  "pcapng version 0.1 is not 1.0" },
		{ "order", { 0x0a0d0d0a, 28, 0x1a2b3c4e, 1, 0, 0, 28 }, 7, "byte-order magic" },
		{ "lengths", { 0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0, 0, 24 }, 7, "two lengths differ" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;

		for (size_t n = 0; n < cases[i].count; n++)
			made_u32(&m, cases[i].words[n]);
		read_made(&r, &m);
		if (r.code != HIN_EFORMAT || strstr(r.err.text, cases[i].text) == NULL)
			fail_msg("%s: code %d, %s", cases[i].name, r.code, r.err.text);
	}
}

static void a_cut_gives_what_was_whole(void **state)
{
	struct made m = { 0 };
	size_t ends[4];

	(void)state;
	made_section(&m);
	made_interface(&m, 1, 0, NULL, 0);
	for (size_t i = 0; i < 4; i++) {
		ends[i] = m.size;
		if (i < 3)
			made_packet(&m, 0, i, 5, 1);
	}
	for (size_t size = ends[0]; size <= m.size; size++) {
		struct made cut = { .data = m.data, .size = size };
		size_t whole = size < ends[1] ? 0 : size < ends[2] ? 1 : size < ends[3] ? 2 : 3;
		struct made_result r;

		made_read(&r, made_file(&folder, "a", &cut));
		assert_int_equal(r.count, whole);
		assert_int_equal(r.input.fault,
				 size == ends[whole] ? HIN_FAULT_NONE : HIN_FAULT_CUT);
	}
	made_free(&m);
}

static void interfaces_are_limited(void **state)
{
	struct made m = { 0 };
	struct made_result r;

	(void)state;
	made_section(&m);
	for (int i = 0; i < 65536; i++)
		made_interface(&m, 1, 0, NULL, 0);
	made_packet(&m, 65535, 5, 5, 1);
	made_interface(&m, 1, 0, NULL, 0);
	made_packet(&m, 0, 5, 5, 1);
	read_made(&r, &m);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.input.fault, HIN_FAULT_LIMIT);
	assert_non_null(strstr(r.input.fault_text, "more than 65536 interfaces"));
}

/* A packet block may be long by its options; it is read whole, and a longer one after it too. */
static void long_blocks(void **state)
{
	struct made m = { 0 }, body = { 0 };
	struct made_result r;

	(void)state;
	made_section(&m);
	made_interface(&m, 1, 0, NULL, 0);
	for (size_t long_by = 1000; long_by < 16000000; long_by *= 20) {
		body.size = 0;
		made_u32(&body, 0);
		made_u64(&body, 0);
		made_u32(&body, 8);
		made_u32(&body, 8);
		made_fill(&body, 7, 8);
		made_fill(&body, 0, long_by);
		made_block(&m, 6, body.data, body.size);
	}
	made_packet(&m, 0, 5, 262144, 1);
	made_packet(&m, 0, 5, 262145, 1);
	read_made(&r, &m);
	made_free(&body);
	assert_int_equal(r.count, 5);
	assert_int_equal(r.first_bytes[3], 7);
	assert_int_equal(r.frames[4].size, 262144);
	assert_int_equal(r.input.fault, HIN_FAULT_BAD_RECORD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_and_interfaces),
		cmocka_unit_test(time_resolution_and_offset),
		cmocka_unit_test(simple_and_old_packets),
		cmocka_unit_test(broken_blocks_end_the_file),
		cmocka_unit_test(broken_first_sections_are_refused),
		cmocka_unit_test(a_cut_gives_what_was_whole),
		cmocka_unit_test(interfaces_are_limited),
		cmocka_unit_test(long_blocks),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
