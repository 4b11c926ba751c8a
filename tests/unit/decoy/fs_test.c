/* fs_test - an image, what one intruder changes of it, and that nobody else sees it. */
#include <errno.h>
#include <stdio.h>

#include "../test.h"
#include "decoy/machine/fs.h"

static const struct hin_fs_user root = { 0, 0 }, www = { 33, 33 };
static const struct hin_fs_quota quota = { 100000, 20 };

static struct hin_fs_image *image_of(void)
{
	static const struct {
		const char *path;
		enum hin_fs_type type;
		uint32_t mode;
		const char *data;
	} files[] = {
		{ "/etc/passwd", HIN_FS_FILE, 0644, "root:x:0:0\n" },
		{ "/etc/shadow", HIN_FS_FILE, 0600, "secret\n" },
		{ "/tmp", HIN_FS_DIRECTORY, 01777, NULL },
		{ "/root", HIN_FS_DIRECTORY, 0700, NULL },
		{ "/root/note", HIN_FS_FILE, 0644, "note\n" },
		{ "/link", HIN_FS_SYMLINK, 0777, "etc/passwd" },
		{ "/loop", HIN_FS_SYMLINK, 0777, "/loop" },
		{ "/up", HIN_FS_SYMLINK, 0777, "tmp/.." },
	};
	struct hin_fs_image *image = hin_fs_image_new();

	assert_non_null(image);
	for (size_t i = 0; i < HIN_COUNT(files); i++) {
		struct hin_fs_stat stat = { .type = files[i].type,
					    .mode = files[i].mode,
					    .mtime_s = 5 };
		const char *data = files[i].data;

		assert_int_equal(hin_fs_image_add(image, files[i].path, &stat, data,
						  data != NULL ? strlen(data) : 0, NULL),
				 HIN_OK);
	}
	assert_int_equal(hin_fs_image_freeze(image, NULL), HIN_OK);
	return image;
}

static void paths(void **state)
{
	static const struct {
		const char *path;
		bool follow;
		int fault;
		const char *same; /* a path of the same inode */
	} cases[] = {
		{ "/", true, 0, "/.." },
		{ "etc/passwd", true, 0, "/etc/passwd" },
		{ "/etc//passwd", true, 0, "/etc/passwd" },
		{ "/etc/./passwd", true, 0, "/etc/passwd" },
		{ "/etc/../etc/passwd", true, 0, "/etc/passwd" },
		{ "/link", true, 0, "/etc/passwd" },
		{ "/up/etc/passwd", true, 0, "/etc/passwd" },
		{ "/etc/passwd/", true, -ENOTDIR, NULL },
		{ "/etc/passwd/x", true, -ENOTDIR, NULL },
		{ "/nothing", true, -ENOENT, NULL },
		{ "/nothing/x", true, -ENOENT, NULL },
		{ "", true, -ENOENT, NULL },
		{ "/loop", true, -ELOOP, NULL },
		{ "/loop/x", false, -ELOOP, NULL },
	};
	struct hin_fs_image *image = image_of();
	struct hin_fs *fs = hin_fs_new(image, &quota);
	uint32_t ino, same;
	char *name = malloc(5000);

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int fault =
			hin_fs_find(fs, &root, HIN_FS_ROOT, cases[i].path, cases[i].follow, &ino);

		if (fault != cases[i].fault)
			fail_msg("%s: %d", cases[i].path, fault);
		if (fault == 0) {
			assert_int_equal(
				hin_fs_find(fs, &root, HIN_FS_ROOT, cases[i].same, true, &same), 0);
			assert_int_equal(ino, same);
		}
	}
	assert_int_equal(hin_fs_find(fs, &root, HIN_FS_ROOT, "/loop", false, &ino), 0);
	assert_int_equal(hin_fs_find(fs, &www, HIN_FS_ROOT, "/root/note", true, &ino), -EACCES);
	memset(name, 'n', 4999);
	name[4999] = '\0';
	assert_int_equal(hin_fs_find(fs, &root, HIN_FS_ROOT, name, true, &ino), -ENAMETOOLONG);
	name[300] = '\0';
	assert_int_equal(hin_fs_find(fs, &root, HIN_FS_ROOT, name, true, &ino), -ENAMETOOLONG);
	free(name);
	hin_fs_free(fs);
	hin_fs_image_free(image);
}

static uint32_t find(struct hin_fs *fs, const char *path)
{
	uint32_t ino = 0;

	return hin_fs_find(fs, &root, HIN_FS_ROOT, path, false, &ino) == 0 ? ino : 0;
}

static void content_is(struct hin_fs *fs, const char *path, const char *wanted)
{
	size_t size;
	const uint8_t *bytes = hin_fs_bytes(fs, find(fs, path), &size);

	assert_int_equal(size, strlen(wanted));
	assert_memory_equal(bytes, wanted, size);
}

/* What one writes is there for him, and the other sees the image. */
static void changes_are_ones_own(void **state)
{
	struct hin_fs_image *image = image_of();
	struct hin_fs *one = hin_fs_new(image, &quota), *other = hin_fs_new(image, &quota);
	struct hin_fs_stat file = { .type = HIN_FS_FILE, .mode = 0644 }, stat;
	uint32_t ino, tmp = find(one, "/tmp"), passwd = find(one, "/etc/passwd");

	(void)state;
	assert_int_equal(hin_fs_write(one, passwd, 11, "more", 4, 9), 0);
	content_is(one, "/etc/passwd", "root:x:0:0\nmore");
	content_is(other, "/etc/passwd", "root:x:0:0\n");
	hin_fs_stat(one, passwd, &stat);
	assert_int_equal(stat.mtime_s, 9);
	assert_int_equal(stat.size, 15);
	assert_int_equal(hin_fs_make(one, tmp, "new", &file, NULL, 9, &ino), 0);
	assert_int_equal(hin_fs_make(one, tmp, "new", &file, NULL, 9, &ino), -EEXIST);
	assert_int_equal(hin_fs_write(one, ino, 0, "x", 1, 9), 0);
	assert_int_equal(find(other, "/tmp/new"), 0);
	assert_int_equal(hin_fs_rename(one, tmp, "new", find(one, "/etc"), "newer", 9), 0);
	content_is(one, "/etc/newer", "x");
	assert_int_equal(find(one, "/tmp/new"), 0);
	/* a second name, and the first one goes */
	assert_int_equal(hin_fs_link(one, tmp, "hard", ino, 9), 0);
	assert_int_equal(hin_fs_unlink(one, find(one, "/etc"), "newer", 9), 0);
	content_is(one, "/tmp/hard", "x");
	/* of the image, too */
	assert_int_equal(hin_fs_unlink(one, find(one, "/etc"), "shadow", 9), 0);
	assert_int_equal(find(one, "/etc/shadow"), 0);
	content_is(other, "/etc/shadow", "secret\n");
	assert_int_equal(hin_fs_rmdir(one, HIN_FS_ROOT, "root", 9), -ENOTEMPTY);
	assert_int_equal(hin_fs_unlink(one, HIN_FS_ROOT, "root", 9), -EISDIR);
	assert_int_equal(hin_fs_rename(one, HIN_FS_ROOT, "etc", find(one, "/etc"), "in", 9),
			 -EINVAL);
	assert_int_equal(hin_fs_rename(one, HIN_FS_ROOT, "etc", tmp, "moved", 9), 0);
	content_is(one, "/tmp/moved/passwd", "root:x:0:0\nmore");
	hin_fs_free(one);
	hin_fs_free(other);
	hin_fs_image_free(image);
}

static bool count_name(void *user, const char *name, uint32_t ino)
{
	char *all = user;

	(void)ino;
	strcat(all, name);
	strcat(all, " ");
	return true;
}

static void folders_are_listed_in_order(void **state)
{
	struct hin_fs_image *image = image_of();
	struct hin_fs *fs = hin_fs_new(image, &quota);
	struct hin_fs_stat file = { .type = HIN_FS_FILE, .mode = 0644 };
	uint32_t etc = find(fs, "/etc"), ino;
	char all[200] = "";

	(void)state;
	assert_int_equal(hin_fs_make(fs, etc, "aaa", &file, NULL, 9, &ino), 0);
	assert_int_equal(hin_fs_make(fs, etc, "q", &file, NULL, 9, &ino), 0);
	assert_int_equal(hin_fs_unlink(fs, etc, "passwd", 9), 0);
	hin_fs_list(fs, etc, count_name, all);
	assert_string_equal(all, "aaa q shadow ");
	assert_int_equal(hin_fs_make(fs, etc, "passwd", &file, NULL, 9, &ino), 0);
	content_is(fs, "/etc/passwd", "");
	hin_fs_free(fs);
	hin_fs_image_free(image);
}

static void the_disk_is_full(void **state)
{
	struct hin_fs_image *image = image_of();
	struct hin_fs *fs = hin_fs_new(image, &quota);
	struct hin_fs_stat file = { .type = HIN_FS_FILE, .mode = 0644 };
	uint32_t tmp = find(fs, "/tmp"), ino = 0;
	uint8_t *much = calloc(1, 200000);
	char name[8];
	int fault = 0;

	(void)state;
	assert_int_equal(hin_fs_make(fs, tmp, "big", &file, NULL, 9, &ino), 0);
	assert_int_equal(hin_fs_write(fs, ino, 0, much, 200000, 9), -ENOSPC);
	assert_int_equal(hin_fs_write(fs, ino, 90000, much, 10001, 9), -ENOSPC);
	assert_int_equal(hin_fs_write(fs, ino, UINT64_MAX, much, 10, 9), -EFBIG);
	assert_int_equal(hin_fs_write(fs, ino, 0, much, 100000, 9), 0);
	assert_int_equal(hin_fs_used(fs).bytes, 100000);
	assert_int_equal(hin_fs_truncate(fs, ino, 10, 9), 0);
	assert_int_equal(hin_fs_used(fs).bytes, 10);
	/* a hole takes no room; an open file stays until it is closed */
	assert_int_equal(hin_fs_truncate(fs, ino, (uint64_t)1 << 40, 9), 0);
	hin_fs_hold(fs, ino);
	assert_int_equal(hin_fs_unlink(fs, tmp, "big", 9), 0);
	assert_int_equal(hin_fs_used(fs).bytes, 10);
	hin_fs_drop(fs, ino);
	assert_int_equal(hin_fs_used(fs).bytes, 0);
	for (unsigned i = 0; fault == 0 && i < 100; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		fault = hin_fs_make(fs, tmp, name, &file, NULL, 9, &ino);
	}
	assert_int_equal(fault, -ENOSPC);
	assert_int_equal(hin_fs_used(fs).inodes, 20);
	free(much);
	hin_fs_free(fs);
	hin_fs_image_free(image);
}

static void images_refuse(void **state)
{
	struct hin_fs_image *image = hin_fs_image_new();
	struct hin_fs_stat file = { .type = HIN_FS_FILE };

	(void)state;
	assert_int_equal(hin_fs_image_add(image, "relative", &file, "", 0, NULL), HIN_EUSAGE);
	assert_int_equal(hin_fs_image_add(image, "/", &file, "", 0, NULL), HIN_EUSAGE);
	assert_int_equal(hin_fs_image_add(image, "/a", &file, "", 0, NULL), HIN_OK);
	assert_int_equal(hin_fs_image_add(image, "/a", &file, "", 0, NULL), HIN_EUSAGE);
	assert_int_equal(hin_fs_image_add(image, "/a/b", &file, "", 0, NULL), HIN_EUSAGE);
	hin_fs_image_free(image);
	hin_fs_image_free(NULL);
	hin_fs_free(NULL);
}

static void images_keep_all_of_stat(void **state)
{
	static const struct hin_fs_stat stats[] = {
		{ .type = HIN_FS_FILE,
		  .mode = 06755,
		  .uid = 4294967294u,
		  .gid = 42,
		  .size = 4294967295u,
		  .mtime_s = 4294967295,
		  .tag = 4294967295u },
		{ .type = HIN_FS_BLOCK, .mode = 0660, .gid = 6, .major = 4095, .minor = 1048575 },
		{ .type = HIN_FS_SOCKET, .mode = 0777 },
	};
	static const struct hin_fs_stat wrong[] = {
		{ .size = 4294967296u }, { .mtime_s = -1 }, { .mtime_s = 4294967296 },
		{ .mode = 010000 },	 { .major = 4096 }, { .minor = 1048576 },
	};
	struct hin_fs_image *image = hin_fs_image_new();
	char name[8];
	struct hin_fs *fs;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(stats); i++) {
		snprintf(name, sizeof(name), "/%zu", i);
		assert_int_equal(hin_fs_image_lend(image, name, &stats[i], NULL, 0, NULL), HIN_OK);
	}
	for (size_t i = 0; i < HIN_COUNT(wrong); i++)
		assert_int_equal(hin_fs_image_add(image, "/w", &wrong[i], NULL, 0, NULL),
				 HIN_EUSAGE);
	assert_int_equal(hin_fs_image_freeze(image, NULL), HIN_OK);
	fs = hin_fs_new(image, &quota);
	for (size_t i = 0; i < HIN_COUNT(stats); i++) {
		struct hin_fs_stat want = stats[i], got;

		snprintf(name, sizeof(name), "%zu", i);
		want.links = 1;
		want.ino = hin_fs_child(fs, HIN_FS_ROOT, name);
		hin_fs_stat(fs, want.ino, &got);
		assert_memory_equal(&got, &want,
				    offsetof(struct hin_fs_stat, tag) + sizeof(got.tag));
	}
	hin_fs_free(fs);
	hin_fs_image_free(image);
}

static void files_end_with_zeros(void **state)
{
	struct hin_fs_image *image = hin_fs_image_new();
	struct hin_fs_stat file = { .type = HIN_FS_FILE, .size = 9 };
	struct hin_fs *fs;
	uint32_t ino;
	size_t size;

	(void)state;
	assert_int_equal(hin_fs_image_add(image, "/c", &file, "ELF", 3, NULL), HIN_OK);
	assert_int_equal(hin_fs_image_freeze(image, NULL), HIN_OK);
	fs = hin_fs_new(image, &quota);
	assert_non_null(fs);
	ino = hin_fs_child(fs, HIN_FS_ROOT, "c");
	hin_fs_stat(fs, ino, &file);
	assert_int_equal(file.size, 9);
	assert_memory_equal(hin_fs_bytes(fs, ino, &size), "ELF", 3);
	assert_int_equal(size, 3);
	hin_fs_free(fs);
	hin_fs_image_free(image);
}

/* What is set up once for all is there for each, and nobody changes it for another. */
static void views_of_a_view(void **state)
{
	struct hin_fs_image *image = image_of();
	struct hin_fs *below = hin_fs_new(image, &quota), *a, *b;
	const struct hin_fs_stat file = { .type = HIN_FS_FILE, .mode = 0644 };
	uint32_t etc, ino, made;

	(void)state;
	etc = find(below, "/etc");
	assert_int_equal(hin_fs_make(below, etc, "hostname", &file, NULL, 7, &made), 0);
	assert_int_equal(hin_fs_write(below, made, 0, "gate\n", 5, 7), 0);
	assert_int_equal(hin_fs_write(below, find(below, "/root/note"), 0, "N", 1, 7), 0);
	a = hin_fs_over(below, &quota);
	b = hin_fs_over(below, &quota);
	assert_true(a != NULL && b != NULL);
	assert_int_equal(hin_fs_used(a).inodes, 0);
	content_is(a, "/etc/hostname", "gate\n");
	content_is(a, "/root/note", "Note\n");
	assert_int_equal(hin_fs_write(a, find(a, "/etc/hostname"), 4, "way\n", 4, 8), 0);
	content_is(a, "/etc/hostname", "gateway\n");
	content_is(b, "/etc/hostname", "gate\n");
	assert_int_equal(hin_fs_make(a, find(a, "/etc"), "own", &file, NULL, 8, &ino), 0);
	assert_true(ino > made);
	assert_int_equal(hin_fs_child(b, find(b, "/etc"), "own"), 0);
	assert_int_equal(hin_fs_unlink(b, find(b, "/etc"), "hostname", 9), 0);
	assert_int_equal(hin_fs_child(b, find(b, "/etc"), "hostname"), 0);
	content_is(a, "/etc/hostname", "gateway\n");
	assert_int_equal(hin_fs_unlink(b, find(b, "/root"), "note", 9), 0);
	content_is(a, "/root/note", "Note\n");
	content_is(below, "/etc/hostname", "gate\n");
	assert_int_equal(hin_fs_rename(a, find(a, "/etc"), "hostname", find(a, "/tmp"), "h", 9), 0);
	content_is(a, "/tmp/h", "gateway\n");
	content_is(below, "/etc/hostname", "gate\n");
	hin_fs_free(a);
	hin_fs_free(b);
	hin_fs_free(below);
	hin_fs_image_free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(changes_are_ones_own),
		cmocka_unit_test(folders_are_listed_in_order),
		cmocka_unit_test(the_disk_is_full),
		cmocka_unit_test(images_refuse),
		cmocka_unit_test(images_keep_all_of_stat),
		cmocka_unit_test(files_end_with_zeros),
		cmocka_unit_test(views_of_a_view),
	};

	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
