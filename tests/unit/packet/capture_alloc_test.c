/* capture_alloc_test - memory that runs out at any point of reading captures. */
#include "../failing.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "made.h"

enum { FRAMES = 200, FILES = 5 };

static struct made_folder folder;
static const char *files[FILES];

enum packing { GZIP, ZSTD, XZ };

static void pack(struct made *out, const struct made *in, enum packing packing)
{
	size_t room = in->size + 65536, used = 0;
	uint8_t *packed = malloc(room);

	assert_non_null(packed);
	if (packing == GZIP) {
		z_stream z = { .next_in = in->data,
			       .avail_in = (unsigned)in->size,
			       .next_out = packed,
			       .avail_out = (unsigned)room };

		assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
		assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
		used = room - z.avail_out;
		deflateEnd(&z);
	} else if (packing == ZSTD) {
		used = ZSTD_compress(packed, room, in->data, in->size, 3);
		assert_false(ZSTD_isError(used));
	} else {
		assert_int_equal(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC32, NULL, in->data,
							 in->size, packed, &used, room),
				 LZMA_OK);
	}
	made_bytes(out, packed, used);
	free(packed);
}

static int setup(void **state)
{
	static const char *const names[] = { "a.gz", "b.zst", "c.xz" };
	struct made pcap = { 0 }, pcapng = { 0 };

	(void)state;
	made_begin(&folder);
	made_pcap(&pcap, MICRO, HIN_LINK_RAW);
	made_section(&pcapng);
	made_interface(&pcapng, HIN_LINK_RAW, 65535, NULL, 0);
	for (unsigned i = 0; i < FRAMES; i++) {
		made_record(&pcap, 1700000000 + i, 5, 40, (uint8_t)i);
		made_packet(&pcapng, 0, (UINT64_C(1700000000) + i) * 1000000, 40, (uint8_t)i);
	}
	files[0] = made_file(&folder, "plain.pcap", &pcap);
	files[1] = made_file(&folder, "plain.pcapng", &pcapng);
	for (unsigned i = 0; i < HIN_COUNT(names); i++) {
		struct made packed = { 0 };

		pack(&packed, &pcap, (enum packing)i);
		files[2 + i] = made_file(&folder, names[i], &packed);
		made_free(&packed);
	}
	made_free(&pcap);
	made_free(&pcapng);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_end(&folder);
	return 0;
}

struct reading {
	const char *const *paths;
	size_t count;
	size_t frames; /* in all of them */
	bool digest;
};

/* Read all; after HIN_ENOMEM the capture is asked again and must have lost nothing. */
static enum hin_code read_all(void *user)
{
	const struct reading *reading = user;
	const struct hin_capture_options options = { .digest = reading->digest, .stop_fd = -1 };
	struct hin_batch batch = { 0 };
	struct hin_capture *cap;
	enum hin_code code = hin_capture_open(&cap, reading->paths, reading->count, &options, NULL);
	bool short_of = false;
	size_t frames = 0;

	if (code != HIN_OK)
		return code;
	while ((code = hin_capture_read(cap, &batch, NULL)) == HIN_OK || code == HIN_ENOMEM ||
	       code == HIN_EAGAIN) {
		short_of |= code == HIN_ENOMEM;
		frames += code == HIN_OK ? batch.count : 0;
	}
	assert_int_equal(code, HIN_EOF);
	assert_int_equal(frames, reading->frames);
	hin_batch_release(&batch);
	hin_capture_close(cap);
	return short_of ? HIN_ENOMEM : HIN_OK;
}

static void each_format(void **state)
{
	static const char *const names[] = { "pcap", "pcapng", "gzip", "zstd", "xz" };

	(void)state;
	for (unsigned i = 0; i < FILES; i++)
		failing_each(names[i], read_all,
			     &(struct reading){ .paths = &files[i], .count = 1, .frames = FRAMES });
}

static void several_merged(void **state)
{
	const char *path = folder.path;

	(void)state;
	failing_each("merged", read_all,
		     &(struct reading){ .paths = files, .count = FILES, .frames = FILES * FRAMES });
	failing_each("folder", read_all,
		     &(struct reading){ .paths = &path, .count = 1, .frames = FILES * FRAMES });
	failing_each(
		"digests", read_all,
		&(struct reading){
			.paths = files, .count = FILES, .frames = FILES * FRAMES, .digest = true });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_format),
		cmocka_unit_test(several_merged),
	};

	return cmocka_run_group_tests_name("capture_alloc", tests, setup, teardown);
}
