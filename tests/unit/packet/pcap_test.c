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

static void reads_every_variant(void **state)
{
	static const struct {
		uint32_t magic;
		bool big;
		const char *format;
		int64_t time_ns;
	} cases[] = {
		{ MICRO, false, "pcap", 1700000000000007000 },
		{ MICRO, true, "pcap", 1700000000000007000 },
		{ NANO, false, "pcap-ns", 1700000000000000007 },
		{ NANO, true, "pcap-ns", 1700000000000000007 },
		{ MODIFIED, false, "pcap", 1700000000000007000 },
		{ MODIFIED, true, "pcap", 1700000000000007000 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { .big = cases[i].big };
		struct made_result r;

		made_pcap(&m, cases[i].magic, HIN_LINK_SLL);
		for (uint8_t n = 0; n < 3; n++) {
			made_u32(&m, 1700000000);
			made_u32(&m, 7);
			made_u32(&m, 5u + n);
			made_u32(&m, 60);
			if (cases[i].magic == MODIFIED)
				made_fill(&m, 0xee, 8);
			made_fill(&m, (uint8_t)(0x40 + n), 5u + n);
		}
		made_read(&r, made_file(&folder, "a", &m));
		assert_int_equal(r.code, HIN_OK);
		assert_int_equal(r.count, 3);
		assert_string_equal(r.input.format, cases[i].format);
		assert_string_equal(r.input.compression, "none");
		assert_string_equal(r.input.fault_text, "");
		assert_int_equal(r.input.file_bytes, m.size);
		for (size_t n = 0; n < 3; n++) {
			assert_int_equal(r.frames[n].size, 5 + n);
			assert_int_equal(r.frames[n].length, 60);
			assert_int_equal(r.frames[n].link, HIN_LINK_SLL);
			assert_true(r.frames[n].time_ns == cases[i].time_ns);
			assert_int_equal(r.first_bytes[n], 0x40 + n);
		}
		made_free(&m);
	}
}

/* Before 2.3 the lengths stood the other way round; in 2.3 with some writers. */
static void reads_old_versions(void **state)
{
	static const struct {
		uint32_t minor, first, second, size, length;
	} cases[] = {
		{ 4, 5, 60, 5, 60 }, { 3, 5, 60, 5, 60 }, { 3, 60, 5, 5, 60 },
		{ 2, 60, 5, 5, 60 }, { 0, 60, 5, 5, 60 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;

		made_u32(&m, MICRO);
		made_u16(&m, 2);
		made_u16(&m, cases[i].minor);
		made_u64(&m, 0);
		made_u32(&m, 0xffffffff); /* a snap length beyond all reason is no matter */
		made_u32(&m, 1);
		for (int n = 0; n < 2; n++) {
			made_u64(&m, 0);
			made_u32(&m, cases[i].first);
			made_u32(&m, cases[i].second);
			made_fill(&m, 0, 5);
		}
		made_read(&r, made_file(&folder, "a", &m));
		assert_int_equal(r.count, 2);
		assert_int_equal(r.frames[1].size, cases[i].size);
		assert_int_equal(r.frames[1].length, cases[i].length);
		assert_int_equal(r.input.fault, HIN_FAULT_NONE);
		made_free(&m);
	}
}

static void refuses_headers(void **state)
{
	static const struct {
		const char *name;
		uint32_t major, minor, link;
		size_t cut; /* 0 = whole */
		enum hin_code want;
		const char *text;
	} cases[] = {
		{ "frame check bits", 2, 4, 0xf4000001, 0, HIN_OK, "" },
		{ "reserved bits", 2, 4, 0x00300001, 0, HIN_EFORMAT,
		  "reserved bits of the link type are set (0x00300001)" },
		{ "major 1", 1, 4, 1, 0, HIN_EFORMAT, "pcap version 1.4 is not in 2.0-2.4" },
		{ "major 3", 3, 0, 1, 0, HIN_EFORMAT, "pcap version 3.0 is not in 2.0-2.4" },
		{ "minor 5", 2, 5, 1, 0, HIN_EFORMAT, "pcap version 2.5 is not in 2.0-2.4" },
		{ "cut header", 2, 4, 1, 23, HIN_EFORMAT, "ends inside the pcap file header" },
		{ "cut magic", 2, 4, 1, 3, HIN_EFORMAT,
		  "not a capture file (pcap, pcapng or ERF)" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;
		const char *path;
		char want[200];

		made_u32(&m, MICRO);
		made_u16(&m, cases[i].major);
		made_u16(&m, cases[i].minor);
		made_u64(&m, 0);
		made_u32(&m, 65535);
		made_u32(&m, cases[i].link);
		if (cases[i].cut > 0)
			m.size = cases[i].cut;
		path = made_file(&folder, "x.pcap", &m);
		made_read(&r, path);
		if (r.code != cases[i].want)
			fail_msg("%s: code %d, %s", cases[i].name, r.code, r.err.text);
		snprintf(want, sizeof(want), "%s: %s", path, cases[i].text);
		if (r.code != HIN_OK)
			assert_string_equal(r.err.text, want);
		made_free(&m);
	}
}

static void no_packets_is_fine(void **state)
{
	struct made m = { 0 };
	struct made_result r;

	(void)state;
	made_pcap(&m, NANO, 1);
	made_read(&r, made_file(&folder, "a", &m));
	assert_int_equal(r.code, HIN_OK);
	assert_int_equal(r.count, 0);
	assert_int_equal(r.input.fault, HIN_FAULT_NONE);
	made_free(&m);
}

static void a_cut_gives_what_was_whole(void **state)
{
	struct made m = { 0 };

	(void)state;
	made_pcap(&m, NANO, 1);
	made_record(&m, 1, 0, 10, 1);
	made_record(&m, 2, 0, 0, 2);
	made_record(&m, 3, 0, 10, 3);
	for (size_t size = 24; size <= m.size; size++) {
		struct made cut = { .data = m.data, .size = size };
		size_t whole = size < 50 ? 0 : size < 66 ? 1 : size < 92 ? 2 : 3;
		size_t ends[] = { 24, 50, 66, 92 };
		bool clean = size == ends[whole];
		struct made_result r;

		made_read(&r, made_file(&folder, "a", &cut));
		assert_int_equal(r.code, HIN_OK);
		assert_int_equal(r.count, whole);
		assert_int_equal(r.input.fault, clean ? HIN_FAULT_NONE : HIN_FAULT_CUT);
		if (!clean)
			assert_int_equal(r.input.fault_offset, ends[whole]);
	}
	made_free(&m);
}

static void lying_lengths_end_the_file(void **state)
{
	static const struct {
		uint32_t size;
		enum hin_capture_fault fault;
	} cases[] = {
		{ 262144, HIN_FAULT_NONE },	      { 262145, HIN_FAULT_BAD_RECORD },
		{ 0x7fffffff, HIN_FAULT_BAD_RECORD }, { 0xffffffff, HIN_FAULT_BAD_RECORD },
		{ 0xfffffff0, HIN_FAULT_BAD_RECORD },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;

		made_pcap(&m, NANO, 1);
		made_record(&m, 1, 0, 10, 1);
		made_u64(&m, 0);
		made_u32(&m, cases[i].size);
		made_u32(&m, 99);
		made_fill(&m, 0, 262145);
		if (cases[i].fault == HIN_FAULT_NONE)
			m.size--;
		made_read(&r, made_file(&folder, "a", &m));
		assert_int_equal(r.count, cases[i].fault == HIN_FAULT_NONE ? 2 : 1);
		assert_int_equal(r.input.fault, cases[i].fault);
		if (cases[i].fault != HIN_FAULT_NONE) {
			assert_int_equal(r.input.fault_offset, 50);
			assert_non_null(strstr(r.input.fault_text, "the limit is 262144"));
			assert_non_null(strstr(r.input.fault_text, "at byte 50"));
		}
		made_free(&m);
	}
}

/* 1970, 2106, a part of a second beyond it: all are numbers, none overflows. */
static void takes_any_clock(void **state)
{
	static const struct {
		uint32_t magic, seconds, part;
		int64_t want;
	} cases[] = {
		{ NANO, 0, 0, 0 },
		{ NANO, 0xffffffff, 999999999, 4294967295999999999 },
		{ NANO, 0xffffffff, 0xffffffff, 4294967299294967295 },
		{ MICRO, 0xffffffff, 0xffffffff, 4294967295000000000 + 4294967295000 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;

		made_pcap(&m, cases[i].magic, 1);
		made_record(&m, cases[i].seconds, cases[i].part, 1, 1);
		made_record(&m, 5, 0, 1, 1); /* a step back stays where it is */
		made_read(&r, made_file(&folder, "a", &m));
		assert_int_equal(r.count, 2);
		assert_true(r.frames[0].time_ns == cases[i].want);
		assert_true(r.frames[1].time_ns == 5000000000);
		made_free(&m);
	}
}

static void reads_what_it_writes(void **state)
{
	static const struct {
		int64_t time_ns, want;
	} cases[] = {
		{ 1700000000123456789, 1700000000123456789 },
		{ 0, 0 },
		{ -1, 0 },
		{ INT64_MAX, 4294967295999999999 },
	};
	struct made m = { 0 };
	struct made_result r;
	uint8_t header[HIN_PCAP_HEADER_SIZE], record[HIN_PCAP_RECORD_SIZE];

	(void)state;
	hin_pcap_write_header(header, 65535, HIN_LINK_RAW);
	made_bytes(&m, header, sizeof(header));
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		hin_pcap_write_record(record, cases[i].time_ns, 3, 1500);
		made_bytes(&m, record, sizeof(record));
		made_bytes(&m, "abc", 3);
	}
	made_read(&r, made_file(&folder, "a", &m));
	assert_int_equal(r.count, HIN_COUNT(cases));
	assert_string_equal(r.input.format, "pcap-ns");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		assert_true(r.frames[i].time_ns == cases[i].want);
		assert_int_equal(r.frames[i].size, 3);
		assert_int_equal(r.frames[i].length, 1500);
		assert_int_equal(r.frames[i].link, HIN_LINK_RAW);
	}
	made_free(&m);
}

static void made_erf(struct made *m, uint64_t time, uint8_t type, uint16_t size, uint16_t length)
{
	made_u64(m, time);
	made_fill(m, type, 1);
	made_fill(m, 4, 1);
	m->big = true;
	made_u16(m, size);
	made_u16(m, 0);
	made_u16(m, length);
	m->big = false;
}

static void reads_erf(void **state)
{
	static const struct {
		const char *name;
		uint8_t type, extensions;
		uint16_t size, length; /* of the record, of the frame */
		uint8_t first;	       /* byte of the frame */
		uint32_t want_size;
		uint16_t link;
	} cases[] = {
		{ "ethernet", 2, 0, 16 + 2 + 62, 60, 7, 60, HIN_LINK_ETHERNET },
		{ "snapped", 2, 0, 16 + 2 + 40, 60, 7, 40, HIN_LINK_ETHERNET },
		{ "one extension", 2, 1, 24 + 2 + 60, 60, 7, 60, HIN_LINK_ETHERNET },
		{ "three extensions", 2, 3, 40 + 2 + 60, 60, 7, 60, HIN_LINK_ETHERNET },
		{ "colour", 11, 0, 16 + 2 + 60, 60, 7, 60, HIN_LINK_ETHERNET },
		{ "no frame", 2, 0, 16, 60, 7, 0, HIN_LINK_ETHERNET },
		{ "half a pad", 2, 0, 17, 60, 7, 0, HIN_LINK_ETHERNET },
		{ "ipv4", 22, 0, 16 + 60, 60, 0x45, 60, HIN_LINK_IPV4 },
		{ "ipv6", 23, 0, 16 + 60, 60, 0x60, 60, HIN_LINK_IPV6 },
		{ "ppp", 1, 0, 16 + 60, 60, 0xff, 60, HIN_LINK_PPP },
		{ "cisco hdlc", 1, 0, 16 + 60, 60, 0x0f, 60, HIN_LINK_CHDLC },
		{ "atm stays as it is", 3, 0, 16 + 60, 60, 0, 76, HIN_LINK_ERF },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;
		size_t body = cases[i].size - 16u - 8u * cases[i].extensions;
		uint8_t more = cases[i].extensions > 0 ? 0x80 : 0;

		for (int n = 0; n < 3; n++) {
			size_t pad = cases[i].link == HIN_LINK_ETHERNET ? 2 : 0;

			/* half a second and the smallest part */
			made_erf(&m, UINT64_C(1700000000) << 32 | 0x80000001, cases[i].type | more,
				 cases[i].size, cases[i].length);
			for (uint8_t e = 0; e < cases[i].extensions; e++) {
				made_fill(&m, e + 1 < cases[i].extensions ? 0x83 : 3, 1);
				made_fill(&m, 0, 7);
			}
			made_fill(&m, 0, body < pad ? body : pad);
			made_fill(&m, cases[i].first, body < pad ? 0 : body - pad);
		}
		made_read(&r, made_file(&folder, "a", &m));
		if (r.code != HIN_OK || r.count != 3 || r.frames[2].size != cases[i].want_size ||
		    r.frames[2].link != cases[i].link)
			fail_msg("%s: code %d, %zu frames of %u, link %u", cases[i].name, r.code,
				 r.count, r.frames[2].size, r.frames[2].link);
		assert_int_equal(r.frames[2].length, 60);
		assert_true(r.frames[2].time_ns == 1700000000500000000);
		assert_int_equal(r.input.fault, HIN_FAULT_NONE);
		assert_string_equal(r.input.format, "erf");
		if (cases[i].want_size > 0 && cases[i].link != HIN_LINK_ERF)
			assert_int_equal(r.first_bytes[2], cases[i].first);
		made_free(&m);
	}
}

static void erf_refusals(void **state)
{
	static const struct {
		const char *name;
		uint8_t type;
		uint16_t size;
		size_t cut;
		bool found;
		size_t count;
		enum hin_capture_fault fault;
		size_t skipped;
	} cases[] = {
		{ "good", 2, 80, 80, true, 21, HIN_FAULT_NONE, 0 },
		{ "cut", 2, 80, 79, true, 20, HIN_FAULT_CUT, 0 },
		{ "cut header", 2, 80, 15, true, 20, HIN_FAULT_CUT, 0 },
		{ "too short", 2, 15, 80, true, 20, HIN_FAULT_BAD_RECORD, 0 },
		{ "unknown type", 40, 80, 80, true, 20, HIN_FAULT_BAD_RECORD, 0 },
		{ "pad", 48, 80, 80, true, 20, HIN_FAULT_NONE, 0 },
		{ "meta", 27, 80, 80, true, 20, HIN_FAULT_NONE, 1 },
		{ "endless extensions", 0x82, 80, 80, true, 20, HIN_FAULT_BAD_RECORD, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;

		for (uint64_t n = 0; n < 20; n++) {
			made_erf(&m, (1700000000 + n) << 32, 2, 80, 60);
			made_fill(&m, 0, 64);
		}
		made_erf(&m, UINT64_C(1700000020) << 32, cases[i].type, cases[i].size, 60);
		made_fill(&m, 0xff, 64);
		m.size = 1600 + cases[i].cut;
		made_read(&r, made_file(&folder, "a", &m));
		if (r.count != cases[i].count || r.input.fault != cases[i].fault ||
		    r.input.skipped != cases[i].skipped)
			fail_msg("%s: %zu packets, fault %d %s", cases[i].name, r.count,
				 r.input.fault, r.input.fault_text);
		made_free(&m);
	}
}

/* Nothing but captures is taken for one: ERF has no magic number. */
static void other_files_are_no_captures(void **state)
{
	static const struct {
		const char *name, *text;
		size_t size, repeat;
	} cases[] = {
		{ "empty", "", 0, 0 },
		{ "one byte", "x", 1, 1 },
		{ "text", "Some words, 0 digits and a line of them.\n", 41, 3000 },
		{ "zeros", "\0\0\0\0", 4, 20000 },
		{ "ones", "\xff\xff\xff\xff", 4, 20000 },
		{ "almost pcap", "\xd4\xc3\xb2\xa2\2\0\4\0", 8, 100 },
		{ "times out of order",
		  "\0\0\0\0\0\0\0\x60\2\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\x10\2\0\0\x10\0\0\0\0", 32,
		  10 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct made m = { 0 };
		struct made_result r;

		for (size_t n = 0; n < cases[i].repeat; n++)
			made_bytes(&m, cases[i].text, cases[i].size);
		made_read(&r, made_file(&folder, "notes.txt", &m));
		if (r.code != HIN_EFORMAT)
			fail_msg("%s: code %d, %zu packets", cases[i].name, r.code, r.count);
		assert_non_null(strstr(r.err.text, i == 0 ? "notes.txt: empty, not a capture file"
							  : "notes.txt: not a capture file "
							    "(pcap, pcapng or ERF)"));
		made_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_variant),
		cmocka_unit_test(reads_old_versions),
		cmocka_unit_test(refuses_headers),
		cmocka_unit_test(no_packets_is_fine),
		cmocka_unit_test(a_cut_gives_what_was_whole),
		cmocka_unit_test(lying_lengths_end_the_file),
		cmocka_unit_test(takes_any_clock),
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(reads_erf),
		cmocka_unit_test(erf_refusals),
		cmocka_unit_test(other_files_are_no_captures),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
