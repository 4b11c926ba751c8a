/*
 * The hostile captures in tests/corpus/packet: what is read of each, and what is said about it, is
 * written in expected.tsv there.
 */
#include <dirent.h>

#include "made.h"

static char folder[512];

static void each_is_read_as_written(void **state)
{
	char path[1100], line[512];
	size_t count = 0;
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/expected.tsv", folder);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *name = line, *packets, *number, *text;
		struct made_result r;

		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		packets = strchr(name, '\t');
		assert_non_null(packets);
		*packets++ = '\0';
		number = strchr(packets, '\t');
		assert_non_null(number);
		*number++ = '\0';
		text = strchr(number, '\t');
		assert_non_null(text);
		*text++ = '\0';
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		made_read(&r, path);
		if (strcmp(packets, "-") == 0) {
			const char *told = r.err.text + strlen(path) + 2;

			if (r.code != (enum hin_code)atoi(number) || strcmp(told, text) != 0)
				fail_msg("%s: code %d, %s", name, r.code, r.err.text);
		} else if (r.code != HIN_OK || r.count != strtoul(packets, NULL, 10) ||
			   r.input.fault != (enum hin_capture_fault)atoi(number) ||
			   strcmp(r.input.fault_text, text) != 0) {
			fail_msg("%s: code %d, %zu packets, fault %d, %s", name, r.code, r.count,
				 r.input.fault, r.input.fault_text);
		}
		count++;
	}
	fclose(f);
	assert_true(count > 30);
}

/* The folder is a mixture: what is a capture is read, all else is listed as ignored. */
static void the_folder_can_be_read_at_once(void **state)
{
	const struct hin_capture_options options = { .stop_fd = -1, .digest = true };
	const char *paths[] = { folder };
	const struct hin_capture_input *inputs;
	struct hin_batch *batch = calloc(1, sizeof(*batch));
	struct hin_capture *cap;
	struct hin_error err;
	size_t count, ignored = 0;

	(void)state;
	if (hin_capture_open(&cap, paths, 1, &options, &err) != HIN_OK)
		fail_msg("%s", err.text);
	while (hin_capture_read(cap, batch, NULL) == HIN_OK)
		;
	count = hin_capture_inputs(cap, &inputs);
	for (size_t i = 0; i < count; i++) {
		if (inputs[i].fault == HIN_FAULT_IGNORED)
			ignored++;
		else
			assert_true(inputs[i].digested);
	}
	assert_true(ignored > 5 && ignored + 20 < count);
	hin_batch_release(batch);
	hin_capture_close(cap);
	free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_read_as_written),
		cmocka_unit_test(the_folder_can_be_read_at_once),
	};
	const char *source = getenv("HINOMI_SOURCE");

	snprintf(folder, sizeof(folder), "%s/tests/corpus/packet", source != NULL ? source : ".");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
