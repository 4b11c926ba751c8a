/*
 * shell_probe - run one line in the imitated shell, as "dash -c LINE" or "busybox sh -c LINE"
 * would.
 *
 * usage: shell_probe dash|ash|bash LINE [NAME [ARGUMENT ...]]
 *
 * SHELL_PROBE_COMMANDS has the names of the commands that the machine has, a line each; all of ours
 * where it is not set.
 */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "imitated.h"

static int64_t now_us(void *user)
{
	struct timespec now;

	(void)user;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void show(void *user, int fd, const void *data, size_t size)
{
	(void)user;
	if (write(fd, data, size) < 0)
		exit(9);
}

static int run(const struct hin_shell_settings *settings, const char *line,
	       const char *const *arguments)
{
	struct hin_shell *shell = hin_shell_new(settings);
	enum hin_shell_state state = HIN_SHELL_RUNS;
	int status;

	if (shell == NULL || hin_shell_command(shell, line, arguments) != HIN_OK)
		return 9;
	hin_shell_input_end(shell);
	while (state != HIN_SHELL_DONE) {
		state = hin_shell_run(shell, 100000);
		if (state == HIN_SHELL_SLEEPS)
			usleep(1000);
		if (state == HIN_SHELL_READS) {
			fprintf(stderr, "shell_probe: it waits for ever\n");
			return 9;
		}
	}
	status = hin_shell_status(shell);
	hin_shell_free(shell);
	return status;
}

int main(int argc, char *argv[])
{
	static const char *const variables[] = { "PATH=/bin", "HOME=/root", "LC_ALL=C", NULL };
	bool ash = argc > 2 && strcmp(argv[1], "ash") == 0;
	struct hin_shell_machine machine = { .dialect = ash ? HIN_SHELL_ASH : HIN_SHELL_DASH,
					     .hostname = "gate",
					     .system = "Linux",
					     .release = "6.1.0-18-amd64",
					     .version = "#1 SMP PREEMPT_DYNAMIC",
					     .hardware = "x86_64",
					     .now_us = now_us };
	struct hin_shell_settings settings = { .machine = &machine,
					       .name = ash	  ? "sh"
						       : argc > 1 ? argv[1]
								  : "dash",
					       .variables = variables,
					       .folder = "/w",
					       .first_pid = 1000,
					       .limits = hin_shell_limits_default,
					       .output = show };
	struct hin_fs_quota quota = { (uint64_t)8 << 20, 4096 };
	struct hin_fs_image *image;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: shell_probe dash|ash|bash LINE [NAME [ARGUMENT ...]]\n");
		return 2;
	}
	image = imitated_image_of(getenv("SHELL_PROBE_COMMANDS"));
	if (image == NULL)
		return 9;
	settings.fs = hin_fs_new(image, &quota);
	if (settings.fs == NULL)
		return 9;
	status = run(&settings, argv[2], argc > 3 ? (const char *const *)argv + 3 : NULL);
	hin_fs_free(settings.fs);
	hin_fs_image_free(image);
	return status;
}
