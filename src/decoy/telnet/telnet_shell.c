/* telnet_shell - the shell of who has logged in, at the terminal. */
#include <stdio.h>

#include "decoy/telnet/telnet_priv.h"

#define CHANNEL 1u
#define STEPS 64u   /* until it is looked whether the client still takes what is said */
#define SLICES 256u /* of one turn */

static void on_output(void *user, int fd, const void *data, size_t size)
{
	const struct telnet *t = user;

	hin_terminal_output(t->terminal, fd, data, size);
}

static void on_modes(void *user, const struct hin_shell_modes *modes)
{
	const struct telnet *t = user;

	hin_terminal_modes(t->terminal, modes);
}

static void offer_names(struct telnet *t)
{
	const struct hin_host_user *who = hin_session_user(t->session);
	struct hin_fs *fs = hin_session_fs(t->session);
	struct hin_fs_user user = { who->uid, who->gid };
	uint32_t home = HIN_FS_ROOT;

	if (fs == NULL)
		return;
	if (hin_fs_find(fs, &user, HIN_FS_ROOT, who->home, true, &home) != 0)
		home = HIN_FS_ROOT;
	hin_terminal_complete(t->terminal, fs, user, home);
}

void telnet_shell_start(struct telnet *t)
{
	const char *type = t->type != NULL ? t->type : t->profile->term;

	t->shell_settings = (struct hin_session_shell){
		.channel = CHANNEL,
		.terminal = { .is_terminal = true,
			      .name = "pts/0",
			      .type = type,
			      .columns = t->columns,
			      .rows = t->rows },
		.output = on_output,
		.modes = on_modes,
		.user = t,
	};
	if (!telnet_terminal(t)) {
		telnet_over(t, HIN_CLOSE_LIMIT);
		return;
	}
	t->shell = hin_session_shell(t->session, &t->shell_settings);
	if (t->shell == NULL) {
		telnet_over(t, HIN_CLOSE_LIMIT);
		return;
	}
	t->stage = STAGE_SHELL;
	hin_session_tell(t->session, (struct hin_event){ .type = HIN_EVENT_CHANNEL,
							 .channel = CHANNEL,
							 .number = HIN_CHANNEL_SHELL });
	hin_session_tell(t->session,
			 (struct hin_event){ .type = HIN_EVENT_TERMINAL,
					     .channel = CHANNEL,
					     .number = (uint64_t)t->columns << 16 | t->rows,
					     .a = type,
					     .a_size = type != NULL ? strlen(type) : 0 });
	offer_names(t);
	hin_terminal_attach(t->terminal, t->shell);
}

/* When a shell that sleeps is to go on, by the real clock. */
static int64_t wakes_us(const struct telnet *t, int64_t now_us)
{
	const struct hin_shell_machine *machine = &hin_session_host(t->session)->machine;
	int64_t left = hin_shell_wakes_us(t->shell) - machine->now_us(machine->user);

	return now_us + (left > 0 ? left : 0);
}

void telnet_shell_run(struct telnet *t, int64_t now_us, int64_t *next_us)
{
	enum hin_shell_state state = HIN_SHELL_RUNS;

	for (unsigned i = 0; state == HIN_SHELL_RUNS && i < SLICES; i++) {
		if (hin_session_is_full(t->session)) /* called again when some is taken */
			return;
		state = hin_terminal_run(t->terminal, STEPS);
	}
	switch (state) {
	case HIN_SHELL_RUNS:
		*next_us = now_us;
		break;
	case HIN_SHELL_SLEEPS:
		*next_us = wakes_us(t, now_us);
		break;
	case HIN_SHELL_DONE:
		telnet_over(t, HIN_CLOSE_SERVICE);
		break;
	case HIN_SHELL_READS:
		break;
	}
}
