/* Tiles: their paths, what a writer writes at each size, what a reader makes of bad files. */
#include "folder.h"

#include <errno.h>
#include <sys/resource.h>
#include <signal.h>

#include "base/file.h"
#include "trust/tile.h"

static char folder[64];

static int begin(void **state)
{
	(void)state;
	folder_make(folder);
	return 0;
}

static int end(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static void paths_are_those_of_the_specification(void **state)
{
	static const struct {
		int level;
		uint64_t index;
		unsigned width;
		const char *want;
	} cases[] = {
		{ 0, 0, 256, "tile/0/000" },
		{ 0, 999, 256, "tile/0/999" },
		{ 0, 1000, 256, "tile/0/x001/000" },
		{ 0, 1234067, 256, "tile/0/x001/x234/067" },
		{ 1, 1234067, 5, "tile/1/x001/x234/067.p/5" },
		{ HIN_TILE_ENTRIES, 273, 112, "tile/entries/273.p/112" },
		{ 7, UINT64_MAX, 255, "tile/7/x018/x446/x744/x073/x709/x551/615.p/255" },
	};
	char path[HIN_TILE_PATH];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		assert_string_equal(
			hin_tile_path(path, cases[i].level, cases[i].index, cases[i].width),
			cases[i].want);
}

static size_t entry_of(char out[32], uint64_t n)
{
	/* of many lengths, none among them */
	return n % 17 == 0 ? 0 : (size_t)snprintf(out, 32, "entry %llu", (unsigned long long)n);
}

static struct hin_tile_writer *writer_of(uint64_t size)
{
	struct hin_tile_writer *w = NULL;
	struct hin_error err = { 0 };

	if (hin_tile_writer_open(&w, folder, size, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return w;
}

static void add_until(struct hin_tile_writer *w, uint64_t until)
{
	assert_int_equal(hin_tile_writer_reserve(w, (size_t)(until - hin_tile_writer_size(w)),
						 (size_t)(until - hin_tile_writer_size(w)) * 32,
						 NULL),
			 HIN_OK);
	for (uint64_t n = hin_tile_writer_size(w); n < until; n++) {
		char text[32];
		size_t size = entry_of(text, n);

		hin_tile_writer_add(w, text, size);
	}
}

/* All leaves, and the root of each kind of reading, at this size. */
static void whole(uint64_t size)
{
	struct hin_tiles *tiles = NULL;
	struct hin_tree tree = { 0 };
	struct hin_hash root, other;
	struct hin_error err = { 0 };

	assert_int_equal(hin_tiles_open(&tiles, folder, size, NULL), HIN_OK);
	for (uint64_t n = 0; n < size; n++) {
		char text[32];
		size_t want = entry_of(text, n), found;
		const uint8_t *entry;
		struct hin_hash leaf, stored;

		if (hin_tiles_entry(tiles, n, &entry, &found, &err) != HIN_OK ||
		    hin_tiles_fetch(tiles, 0, n, &stored, &err) != HIN_OK)
			fail_msg("size %llu: %s", (unsigned long long)size, err.text);
		assert_int_equal(found, want);
		assert_memory_equal(entry, text, want);
		hin_tree_leaf(&leaf, text, want);
		assert_true(hin_hash_same(&leaf, &stored));
		hin_tree_add(&tree, &leaf);
	}
	hin_tree_root(&tree, &root);
	assert_int_equal(hin_tree_root_of(&other, size, hin_tiles_fetch, tiles, NULL), HIN_OK);
	assert_true(hin_hash_same(&root, &other));
	for (uint64_t n = 0; n < size; n += size / 7 + 1) {
		struct hin_path path;
		struct hin_hash leaf;

		assert_int_equal(hin_tiles_fetch(tiles, 0, n, &leaf, NULL), HIN_OK);
		assert_int_equal(hin_tree_prove(&path, n, size, hin_tiles_fetch, tiles, NULL),
				 HIN_OK);
		assert_int_equal(hin_tree_check(&leaf, n, size, &path, &root, NULL), HIN_OK);
	}
	hin_tiles_close(tiles);
}

static bool exists(const char *name)
{
	return access(folder_path(folder, name), F_OK) == 0;
}

static void writes_at_each_size(void **state)
{
	static const uint64_t sizes[] = { 0,   1,   2,	  255,	 256,	257,   300,
					  511, 512, 1000, 65535, 65536, 65537, 65800 };
	struct hin_tile_writer *w = writer_of(0);

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(sizes); i++) {
		struct hin_hash root, again;

		add_until(w, sizes[i]);
		assert_int_equal(hin_tile_writer_flush(w, NULL), HIN_OK);
		assert_int_equal(hin_tile_writer_flushed(w), sizes[i]);
		hin_tile_writer_root(w, &root);
		hin_tile_writer_close(w);
		w = writer_of(sizes[i]);
		hin_tile_writer_root(w, &again);
		assert_true(hin_hash_same(&root, &again));
		if (sizes[i] < 2000 || i + 1 == HIN_COUNT(sizes))
			whole(sizes[i]);
	}
	/* 65,800: 257 whole tiles, one of 8 of 256 leaves, and the roots above */
	assert_true(exists("tile/0/257.p/8") || exists("tile/0/x000/257.p/8"));
	assert_true(exists("tile/1/000") && exists("tile/1/001.p/1") && exists("tile/2/000.p/1"));
	assert_true(exists("tile/entries/256") && exists("tile/entries/257.p/8"));
	/* what is whole has no parts any more */
	assert_false(exists("tile/0/000.p") || exists("tile/1/000.p") ||
		     exists("tile/entries/003.p"));
	/* an older size can still be read, from the whole tiles */
	whole(300);
	hin_tile_writer_close(w);
	hin_tile_writer_close(NULL);
}

static void reader_names_what_is_wrong(void **state)
{
	static const struct {
		const char *name, *file, *says;
		long cut; /* to this size; 0 = the file goes */
		enum hin_code want;
	} cases[] = {
		{ "no tile", "tile/0/000", "tile/0/000 is missing", 0, HIN_ENOENT },
		{ "a short tile", "tile/0/000", "8000 bytes, not 8192", 8000, HIN_ETRUNCATED },
		{ "no part", "tile/0/001.p/44", "tile/0/001.p/44 is missing", 0, HIN_ENOENT },
		{ "a short part", "tile/0/001.p/44", "bytes, not 1408", 1400, HIN_ETRUNCATED },
		{ "no bundle", "tile/entries/000", "tile/entries/000 is missing", 0, HIN_ENOENT },
		{ "a short bundle", "tile/entries/000", "whole entries, not 256", 2000,
		  HIN_ETRUNCATED },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_tile_writer *w = writer_of(0);
		struct hin_tiles *tiles = NULL;
		struct hin_error err = { 0 };
		struct hin_hash hash;
		const uint8_t *entry;
		size_t size;
		enum hin_code code;

		add_until(w, 300);
		assert_int_equal(hin_tile_writer_flush(w, NULL), HIN_OK);
		hin_tile_writer_close(w);
		if (cases[i].cut > 0)
			assert_int_equal(truncate(folder_path(folder, cases[i].file), cases[i].cut),
					 0);
		else
			assert_int_equal(unlink(folder_path(folder, cases[i].file)), 0);
		assert_int_equal(hin_tiles_open(&tiles, folder, 300, NULL), HIN_OK);
		code = hin_tree_root_of(&hash, 300, hin_tiles_fetch, tiles, &err);
		for (uint64_t n = 0; code == HIN_OK && n < 300; n++) {
			code = hin_tiles_fetch(tiles, 0, n, &hash, &err);
			if (code == HIN_OK)
				code = hin_tiles_entry(tiles, n, &entry, &size, &err);
		}
		if (code != cases[i].want || strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].name, err.text);
		hin_tiles_close(tiles);
		folder_remove(folder);
		assert_int_equal(mkdir(folder, 0700), 0);
	}
}

static void asks_beyond_the_end(void **state)
{
	struct hin_tile_writer *w = writer_of(0);
	struct hin_tiles *tiles = NULL;
	const struct hin_hash *hashes;
	struct hin_hash hash;
	struct hin_reader in;
	const uint8_t *entry;
	size_t size;
	unsigned width;

	(void)state;
	add_until(w, 300);
	assert_int_equal(hin_tile_writer_flush(w, NULL), HIN_OK);
	hin_tile_writer_close(w);
	assert_int_equal(hin_tiles_open(&tiles, folder, 300, NULL), HIN_OK);
	assert_int_equal(hin_tiles_entry(tiles, 300, &entry, &size, NULL), HIN_ERANGE);
	assert_int_equal(hin_tiles_read(tiles, 0, 2, &hashes, &width, NULL), HIN_ERANGE);
	assert_int_equal(hin_tiles_read(tiles, 9, 0, &hashes, &width, NULL), HIN_ERANGE);
	assert_int_equal(hin_tiles_bundle(tiles, UINT64_MAX, &in, &width, NULL), HIN_ERANGE);
	assert_int_equal(hin_tiles_fetch(tiles, 8, 1, &hash, NULL), HIN_ERANGE);
	assert_int_equal(hin_tiles_fetch(tiles, 4, 18, &hash, NULL), HIN_ERANGE);
	hin_tiles_close(tiles);
	hin_tiles_close(NULL);
	assert_int_equal(hin_tiles_open(&tiles, "/nonexistent", 0, NULL), HIN_ESYS);
	assert_int_equal(hin_tiles_open(&tiles, folder, UINT64_MAX, NULL), HIN_ERANGE);
}

/* Bundles by hand: lengths that lie. */
static void bundles_by_hand(void **state)
{
	static const uint8_t good[] = { 0, 1, 'a', 0, 0, 0, 2, 'b', 'c' };
	struct hin_reader in;
	size_t size = 9;

	(void)state;
	in = hin_reader_of(good, sizeof(good));
	assert_memory_equal(hin_bundle_next(&in, &size), "a", 1);
	assert_non_null(hin_bundle_next(&in, &size));
	assert_int_equal(size, 0);
	assert_memory_equal(hin_bundle_next(&in, &size), "bc", 2);
	assert_null(hin_bundle_next(&in, &size));
	assert_false(in.failed);
	for (size_t cut = 0; cut < sizeof(good); cut++) {
		uint8_t *copy = hin_test_copy(good, cut);
		unsigned count = 0;

		in = hin_reader_of(copy, cut);
		while (hin_bundle_next(&in, &size) != NULL)
			count++;
		assert_int_equal(in.failed, cut != 0 && cut != 3 && cut != 5);
		assert_true(count <= 2);
		free(copy);
	}
}

/* A disk that is full: nothing is lost, and a later flush writes all. */
static void full_disk(void **state)
{
	struct hin_tile_writer *w = writer_of(0);
	struct rlimit before, little;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	add_until(w, 2000);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	for (unsigned limit = 0; limit < 9000; limit += 1500) {
		little.rlim_cur = limit;
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
		assert_int_equal(hin_tile_writer_flush(w, NULL), limit > 8192 ? HIN_OK : HIN_ESYS);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(hin_tile_writer_flush(w, NULL), HIN_OK);
	hin_tile_writer_close(w);
	whole(2000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(paths_are_those_of_the_specification),
		TEST(writes_at_each_size),
		TEST(reader_names_what_is_wrong),
		TEST(asks_beyond_the_end),
		TEST(bundles_by_hand),
		TEST(full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
