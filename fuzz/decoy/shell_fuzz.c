/* Any text, run in the imitated shell of a small machine: it ends, within its limits. */
#include <stdlib.h>

#include "../../tests/interop/imitated.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t clock_us = 1700000000000000;

static int64_t now_us(void *user)
{
	(void)user;
	return clock_us;
}

static void show(void *user, int fd, const void *data, size_t size)
{
	/* all of it is read, so that a sanitizer sees what is not there */
	uint8_t *sum = user;

	(void)fd;
	for (size_t i = 0; i < size; i++)
		*sum ^= ((const uint8_t *)data)[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const variables[] = { "PATH=/bin", "HOME=/root", NULL };
	static const struct hin_fs_quota quota = { 65536, 64 };
	static struct hin_fs_image *image;
	struct hin_shell_machine machine = { .hostname = "gate",
					     .system = "Linux",
					     .release = "6.1",
					     .version = "#1",
					     .hardware = "x86_64",
					     .now_us = now_us };
	uint8_t sum = 0;
	struct hin_shell_settings settings = { .machine = &machine,
					       .name = "sh",
					       .variables = variables,
					       .folder = "/w",
					       .first_pid = 1000,
					       .output = show,
					       .user_data = &sum };
	struct hin_shell *shell;
	char *text;

	if (size < 1)
		return 0;
	if (image == NULL)
		image = imitated_image();
	machine.dialect = data[0] & 1 ? HIN_SHELL_ASH : HIN_SHELL_DASH;
	settings.limits = (struct hin_shell_limits){
		.steps = 3000, .memory_bytes = 1 << 20, .tasks = 8, .captured_bytes = 65536
	};
	settings.fs = hin_fs_new(image, &quota);
	shell = settings.fs != NULL ? hin_shell_new(&settings) : NULL;
	text = malloc(size);
	if (shell == NULL || text == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (hin_shell_command(shell, text, NULL) == HIN_OK) {
		hin_shell_input(shell, "a b\nc\n", 6);
		hin_shell_input_end(shell);
		for (unsigned i = 0; i < 10000; i++) {
			enum hin_shell_state state = hin_shell_run(shell, 1000);

			if (state == HIN_SHELL_DONE || state == HIN_SHELL_READS)
				break;
			if (state == HIN_SHELL_SLEEPS)
				clock_us = hin_shell_wakes_us(shell);
		}
	}
	hin_shell_free(shell);
	hin_fs_free(settings.fs);
	free(text);
	return 0;
}
