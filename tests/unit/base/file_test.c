#include "../test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char folder[] = "/tmp/hin-file-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* fails when a file was left behind */
}

static void replaces_and_reads(void **state)
{
	struct hin_buffer out = { 0 };
	struct hin_error err;
	char path[100];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", folder);
	assert_int_equal(hin_file_replace(path, "one", 3, 0600, &err), HIN_OK);
	assert_int_equal(hin_file_replace(path, "second\0", 7, 0640, &err), HIN_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(hin_file_read(&out, path, 7, &err), HIN_OK);
	assert_int_equal(out.used, 7);
	assert_memory_equal(out.data, "second\0", 7);
	hin_buffer_reset(&out);
	assert_int_equal(hin_file_read(&out, path, 6, &err), HIN_ELIMIT);
	assert_int_equal(hin_file_replace(path, "", 0, 0600, &err), HIN_OK);
	hin_buffer_reset(&out);
	assert_int_equal(hin_file_read(&out, path, 0, &err), HIN_OK);
	assert_int_equal(out.used, 0);
	hin_buffer_fini(&out);
	unlink(path);
}

static void tells_what_failed(void **state)
{
	struct hin_buffer out = { 0 };
	struct hin_error err;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(hin_file_read(&out, "/nonexistent/file", 10, &err), HIN_ESYS);
	assert_string_equal(err.text, "open /nonexistent/file: No such file or directory");
	assert_int_equal(hin_file_read(&out, folder, 10, &err), HIN_ESYS);
	assert_int_equal(hin_file_replace("/nonexistent/file", "a", 1, 0600, &err), HIN_ESYS);
	/* a folder cannot be replaced; what was written beside it goes */
	assert_int_equal(hin_file_replace(folder, "a", 1, 0600, &err), HIN_ESYS);
	assert_int_equal(hin_file_write_all(full, "a", 1, &err), HIN_ESYS);
	assert_string_equal(err.text, "write: No space left on device");
	close(full);
	hin_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces_and_reads),
		cmocka_unit_test(tells_what_failed),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
