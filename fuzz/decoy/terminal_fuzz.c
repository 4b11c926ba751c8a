/* Keys at a terminal: lines of the discipline, and both editors at a shell's prompt. */
#include <stdlib.h>

#include "../../tests/interop/imitated.h"
#include "decoy/terminal/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t clock_of(void *user)
{
	(void)user;
	return 1700000000000000;
}

static void on_send(void *user, const void *data, size_t size)
{
	volatile uint8_t sum = 0;

	(void)user;
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
}

static void on_output(void *user, int fd, const void *data, size_t size)
{
	hin_terminal_output(*(struct hin_terminal **)user, fd, data, size);
}

static void on_modes(void *user, const struct hin_shell_modes *modes)
{
	hin_terminal_modes(*(struct hin_terminal **)user, modes);
}

static void run(struct hin_terminal *t)
{
	for (int i = 0; i < 20 && hin_terminal_run(t, 2000) == HIN_SHELL_RUNS; i++)
		;
}

/* A size of pieces first, then keys; 0xfe and two bytes are a new size of the window. */
static void feed(struct hin_terminal *t, const uint8_t *data, size_t size, bool shell)
{
	struct hin_buffer line = { 0 };
	size_t piece = size > 0 ? data[0] % 32 + 1u : 1;

	for (size_t at = 1; at < size; at += piece) {
		if (data[at] == 0xfe && at + 2 < size)
			hin_terminal_resize(t, data[at + 1], data[at + 2]);
		hin_terminal_type(t, data + at, size - at < piece ? size - at : piece);
		if (shell)
			run(t);
		else
			while (hin_terminal_line(t, &line))
				;
	}
	hin_buffer_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = { "xterm", "dumb", "vt100", NULL };
	static const char *const variables[] = { "PATH=/bin", "HOME=/root", NULL };
	static const struct hin_fs_quota quota = { 1 << 20, 100 };
	static const struct hin_shell_machine machine = { .dialect = HIN_SHELL_ASH,
							  .hostname = "gate",
							  .now_us = clock_of };
	static struct hin_fs_image *image;
	uint8_t how = size > 0 ? data[0] : 0;
	struct hin_terminal *t;
	struct hin_shell *shell = NULL;
	struct hin_fs *fs = NULL;

	if (image == NULL)
		image = imitated_image();
	if (image == NULL || size == 0)
		return 0;
	t = hin_terminal_new(&(struct hin_terminal_settings){
		.editor = (enum hin_terminal_editor)(how % 3),
		.type = types[how / 4 % 4],
		.utf8 = (how & 16) != 0,
		.expand_tabs = (how & 32) != 0,
		.columns = (how & 64) != 0 ? 7 : 80,
		.send = on_send,
	});
	if (t == NULL)
		abort();
	if ((how & 128) == 0) {
		fs = hin_fs_new(image, &quota);
		shell = hin_shell_new(&(struct hin_shell_settings){
			.machine = &machine,
			.fs = fs,
			.name = "-sh",
			.variables = variables,
			.folder = "/root",
			.first_pid = 100,
			.limits = { .steps = 20000,
				    .line_steps = 2000,
				    .memory_bytes = 1 << 22,
				    .total_bytes = 1 << 23,
				    .tasks = 8,
				    .captured_bytes = 1 << 16 },
			.terminal = { .is_terminal = true, .name = "pts/0" },
			.output = on_output,
			.modes = on_modes,
			.user_data = &t,
		});
		if (fs == NULL || shell == NULL || hin_shell_interactive(shell) != HIN_OK)
			abort();
		hin_terminal_complete(t, fs, (struct hin_fs_user){ 0, 0 }, HIN_FS_ROOT);
		hin_terminal_attach(t, shell);
		run(t);
	}
	feed(t, data, size, shell != NULL);
	hin_terminal_free(t);
	hin_shell_free(shell);
	hin_fs_free(fs);
	return 0;
}
