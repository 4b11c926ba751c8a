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

static void sum_text(uint8_t *sum, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		*sum ^= (uint8_t)*text;
}

/* All that an event leads to is read, too. */
static void tell(void *user, const struct hin_shell_event *event)
{
	const char *texts[] = { event->tool, event->text, event->scheme, event->host,
				event->path, event->file, event->user,	 event->password };

	for (size_t i = 0; i < HIN_COUNT(texts); i++)
		sum_text(user, texts[i]);
}

static bool password(void *user, const char *name, const char *text)
{
	sum_text(user, name);
	sum_text(user, text);
	return strlen(text) % 2 == 0;
}

/* Run it until it ends, waits for input that does not come, or is tired. */
static void drive(struct hin_shell *shell)
{
	for (unsigned i = 0; i < 10000; i++) {
		enum hin_shell_state state = hin_shell_run(shell, 1000);

		if (state == HIN_SHELL_DONE || state == HIN_SHELL_READS)
			break;
		if (state == HIN_SHELL_SLEEPS)
			clock_us = hin_shell_wakes_us(shell);
	}
}

/*
 * The first byte says which machine and how; the rest is a script, or what is typed, where bytes
 * 3, 26 and 4 are ^C, ^Z and ^D.
 */
static void type(struct hin_shell *shell, const uint8_t *data, size_t size)
{
	size_t from = 0;

	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] != 3 && data[i] != 4 && data[i] != 26)
			continue;
		hin_shell_input(shell, data + from, i - from);
		drive(shell);
		from = i + 1;
		if (i < size && data[i] == 4)
			hin_shell_input_end(shell);
		else if (i < size)
			hin_shell_signal(shell, data[i] == 3 ? 2 : 20);
	}
	hin_shell_input_end(shell);
	drive(shell);
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
					     .connect_ms = 10,
					     .now_us = now_us };
	uint8_t sum = 0;
	struct hin_shell_settings settings = { .machine = &machine,
					       .name = "sh",
					       .variables = variables,
					       .folder = "/w",
					       .first_pid = 1000,
					       .output = show,
					       .event = tell,
					       .password = password,
					       .user_data = &sum };
	struct hin_shell *shell;
	char *text;

	if (size < 1)
		return 0;
	if (image == NULL)
		image = imitated_image();
	machine.dialect = data[0] & 1 ? HIN_SHELL_ASH : HIN_SHELL_DASH;
	if (data[0] & 2)
		settings.name = "-bash";
	if (data[0] & 8)
		settings.user = (struct hin_fs_user){ 33, 33 };
	if (data[0] & 4)
		settings.terminal =
			(struct hin_shell_terminal){ .is_terminal = true, .name = "pts/0" };
	settings.limits = (struct hin_shell_limits){ .steps = 3000,
						     .line_steps = 2000,
						     .memory_bytes = 1 << 20,
						     .total_bytes = 4 << 20,
						     .tasks = 8,
						     .captured_bytes = 65536 };
	settings.fs = hin_fs_new(image, &quota);
	shell = settings.fs != NULL ? hin_shell_new(&settings) : NULL;
	text = malloc(size);
	if (shell == NULL || text == NULL)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] & 4) {
		if (hin_shell_interactive(shell) == HIN_OK)
			type(shell, data + 1, size - 1);
	} else if (hin_shell_command(shell, text, NULL) == HIN_OK) {
		hin_shell_input(shell, "a b\nc\n", 6);
		hin_shell_input_end(shell);
		drive(shell);
	}
	hin_shell_free(shell);
	hin_fs_free(settings.fs);
	free(text);
	return 0;
}
