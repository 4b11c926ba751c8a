/* Packed captures: that they come out whole, and what happens when they are not. */
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

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

enum packing { GZIP, ZSTD, XZ };

static const char *const names[] = { "gzip", "zstd", "xz" };

/* Add `in` packed, as a member or frame of its own. */
static void pack(struct made *out, enum packing kind, const void *in, size_t size)
{
	size_t room = size + size / 8 + 1024, used = 0;
	uint8_t *packed = malloc(room);

	assert_non_null(packed);
	if (kind == GZIP) {
		z_stream z = { .next_out = packed, .avail_out = (unsigned int)room };

		memcpy(&z.next_in, &in, sizeof(z.next_in));
		z.avail_in = (unsigned int)size;
		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		used = z.total_out;
		deflateEnd(&z);
	} else if (kind == ZSTD) {
		used = ZSTD_compress(packed, room, in, size, 3);
		assert_false(ZSTD_isError(used));
	} else {
		assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, in, size,
							 packed, &used, room),
				 LZMA_OK);
	}
	made_bytes(out, packed, used);
	free(packed);
}

/* A capture that does not pack too well, of `count` packets of 100 bytes. */
static void make_capture(struct made *m, uint32_t count)
{
	uint32_t random = 1;

	made_pcap(m, NANO, 1);
	m->data = realloc(m->data, 24 + count * 116u);
	assert_non_null(m->data);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *at = m->data + m->size;

		hin_pcap_write_record(at, 1000000000ll * i, 100, 100);
		for (size_t n = 0; n < 25; n++) {
			random = random * 1664525 + 1013904223;
			memcpy(at + 16 + n * 4, &random, 4);
		}
		m->size += 116;
	}
}

static void members_and_frames_are_one_stream(void **state)
{
	struct made plain = { 0 };

	(void)state;
	make_capture(&plain, 20000);
	for (enum packing kind = GZIP; kind <= XZ; kind++) {
		struct made m = { 0 };
		struct made_result r;
		size_t at = 0;

		/* pieces of odd sizes, empty ones between */
		for (size_t size = 1; at < plain.size; at += size, size = size * 3 + 1) {
			size = plain.size - at < size ? plain.size - at : size;
			pack(&m, kind, plain.data + at, size);
			pack(&m, kind, "", 0);
		}
		if (kind == GZIP)
			made_fill(&m, 0, 1000); /* padding, as tapes have it */
		made_read(&r, made_file(&folder, "a", &m));
		assert_int_equal(r.count, 20000);
		assert_string_equal(r.input.compression, names[kind]);
		assert_string_equal(r.input.fault_text, "");
		assert_int_equal(r.input.file_bytes, m.size);
		made_free(&m);
	}
	made_free(&plain);
}

static void skippable_frames_are_skipped(void **state)
{
	struct made plain = { 0 }, m = { 0 };
	struct made_result r;

	(void)state;
	make_capture(&plain, 10);
	made_u32(&m, 0x184d2a55);
	made_u32(&m, 4);
	made_u32(&m, 0);
	pack(&m, ZSTD, plain.data, plain.size);
	made_read(&r, made_file(&folder, "a", &m));
	assert_int_equal(r.count, 10);
	assert_string_equal(r.input.compression, "zstd");
	made_free(&plain);
	made_free(&m);
}

/* Every cut, on a small file: an error at open while no capture can be seen, then a fault. */
static void every_cut_is_told(void **state)
{
	struct made plain = { 0 };

	(void)state;
	make_capture(&plain, 4);
	for (enum packing kind = GZIP; kind <= XZ; kind++) {
		struct made m = { 0 };
		size_t before = 0;

		pack(&m, kind, plain.data, plain.size);
		for (size_t size = 0; size <= m.size; size++) {
			struct made cut = { .data = m.data, .size = size };
			struct made_result r;

			made_read(&r, made_file(&folder, "a", &cut));
			if (r.code != HIN_OK) {
				assert_int_equal(r.code, HIN_EFORMAT);
				assert_int_equal(before, 0);
				continue;
			}
			assert_true(r.count >= before && r.count <= 4);
			before = r.count;
			if (r.input.fault != (size == m.size ? HIN_FAULT_NONE : HIN_FAULT_CUT))
				fail_msg("%s cut to %zu: fault %d %s", names[kind], size,
					 r.input.fault, r.input.fault_text);
			if (size < m.size)
				assert_non_null(strstr(r.input.fault_text, "ends too early"));
		}
		assert_int_equal(before, 4);
		made_free(&m);
	}
	made_free(&plain);
}

/*
 * A wrong byte in the data shows in the packets or in the checksum at the end, one in the checksum
 * there alone. The zstd encoder used here writes none.
 */
static void damage_is_told(void **state)
{
	struct made plain = { 0 };

	(void)state;
	make_capture(&plain, 2000);
	for (enum packing kind = GZIP; kind <= XZ; kind++) {
		struct made m = { 0 };
		struct made_result r;

		pack(&m, kind, plain.data, plain.size);
		for (size_t at = 1000; at < m.size - 1000; at += m.size / 7) {
			m.data[at] ^= 0x55;
			made_read(&r, made_file(&folder, "a", &m));
			m.data[at] ^= 0x55;
			assert_int_equal(r.code, HIN_OK);
			assert_true(r.count <= 2000);
			if (kind != ZSTD)
				assert_int_not_equal(r.input.fault, HIN_FAULT_NONE);
		}
		m.data[m.size - 6] ^= 0x55;
		made_read(&r, made_file(&folder, "a", &m));
		assert_true(r.count <= 2000);
		if (kind == GZIP)
			assert_int_equal(r.count, 2000);
		if (kind != ZSTD) {
			assert_int_equal(r.input.fault, HIN_FAULT_BAD_STREAM);
			assert_non_null(strstr(r.input.fault_text, "damaged"));
		}
		made_free(&m);
	}
	made_free(&plain);
}

static void what_follows_is_told(void **state)
{
	struct made plain = { 0 };

	(void)state;
	make_capture(&plain, 4);
	for (enum packing kind = GZIP; kind <= XZ; kind++) {
		struct made m = { 0 };
		struct made_result r;

		pack(&m, kind, plain.data, plain.size);
		made_bytes(&m, "and more words", 14);
		made_read(&r, made_file(&folder, "a", &m));
		if (r.count != 4 || r.input.fault != HIN_FAULT_BAD_STREAM)
			fail_msg("%s: %zu packets, fault %d %s", names[kind], r.count,
				 r.input.fault, r.input.fault_text);
		made_free(&m);
	}
	made_free(&plain);
}

static void packed_other_things_are_refused(void **state)
{
	struct made_result r;

	(void)state;
	for (enum packing kind = GZIP; kind <= XZ; kind++) {
		struct made m = { 0 };
		char want[80];

		pack(&m, kind, "only words\n", 11);
		made_read(&r, made_file(&folder, "notes", &m));
		assert_int_equal(r.code, HIN_EFORMAT);
		snprintf(want, sizeof(want),
			 "notes: %s data without a capture (pcap, pcapng or ERF) inside",
			 names[kind]);
		assert_non_null(strstr(r.err.text, want));
		made_free(&m);
	}
}

/* Records of no bytes for ever: what unpacks to that is ended long before it is all out. */
static void bombs_end_early(void **state)
{
	enum { SIZE = 400 << 20, STEP = 8 << 20 };
	uint8_t *zeros = calloc(1, STEP);

	(void)state;
	assert_non_null(zeros);
	for (enum packing kind = GZIP; kind <= ZSTD; kind++) {
		struct made m = { 0 }, head = { 0 };
		struct made_result r;

		made_pcap(&head, NANO, 1);
		pack(&m, kind, head.data, head.size);
		for (size_t i = 0; i < SIZE / STEP; i++)
			pack(&m, kind, zeros, STEP);
		made_read(&r, made_file(&folder, "bomb", &m));
		assert_int_equal(r.code, HIN_OK);
		assert_int_equal(r.input.fault, HIN_FAULT_LIMIT);
		assert_non_null(strstr(r.input.fault_text, "more than 1000 times"));
		assert_true(r.count >= (63 << 20) / 16 && r.count <= (80 << 20) / 16);
		made_free(&m);
		made_free(&head);
	}
	free(zeros);
}

static void limits_are_settings(void **state)
{
	struct made plain = { 0 }, m = { 0 };
	struct made_result r;
	struct hin_capture_options options = { .stop_fd = -1, .max_expanded = 100000 };
	const char *path;

	(void)state;
	make_capture(&plain, 20000);
	pack(&m, GZIP, plain.data, plain.size);
	path = made_file(&folder, "a", &m);
	made_read_with(&r, path, &options);
	assert_int_equal(r.input.fault, HIN_FAULT_LIMIT);
	assert_non_null(strstr(r.input.fault_text, "expands to more than 100000 bytes"));
	assert_true(r.count > 0 && r.count < 20000);
	options.max_expanded = plain.size;
	made_read_with(&r, path, &options);
	assert_int_equal(r.input.fault, HIN_FAULT_NONE);
	made_free(&plain);
	made_free(&m);
}

/* A frame that asks for a window of a gigabyte: refused, not tried. */
static void greedy_windows_are_refused(void **state)
{
	static const uint8_t frame[] = { 0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 1, 0, 0 };
	struct made m = { 0 };
	struct made_result r;

	(void)state;
	made_bytes(&m, frame, sizeof(frame));
	made_read(&r, made_file(&folder, "a", &m));
	assert_int_equal(r.code, HIN_EFORMAT);
	assert_non_null(strstr(r.err.text, "more than 128 MiB"));
	made_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_and_frames_are_one_stream),
		cmocka_unit_test(skippable_frames_are_skipped),
		cmocka_unit_test(every_cut_is_told),
		cmocka_unit_test(damage_is_told),
		cmocka_unit_test(what_follows_is_told),
		cmocka_unit_test(packed_other_things_are_refused),
		cmocka_unit_test(bombs_end_early),
		cmocka_unit_test(limits_are_settings),
		cmocka_unit_test(greedy_windows_are_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
