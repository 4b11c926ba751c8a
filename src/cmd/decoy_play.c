/* decoy_play - `hinomi decoy follow` and `play`: sessions on this terminal. */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "base/time.h"
#include "cmd/decoy.h"
#include "cmd/operations.h"
#include "decoy/record/player.h"

static enum hin_lang lang;

/* ---- follow ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static void catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* One line for each thing that happens, whatever the session. */
static bool print_item(void *into, const struct hin_recording_entry *entry,
		       const struct hin_recording_item *item)
{
	char number[HIN_RECORDING_NUMBER_TEXT], time[HIN_TIME_TEXT], address[HIN_ADDR_TEXT];
	struct hin_buffer *line = into;

	if (item->kind != HIN_RECORDING_EVENT || item->event.type == HIN_EVENT_TERMINAL)
		return !interrupted;
	hin_buffer_reset(line);
	hin_player_event(line, &item->event);
	printf("%s  %-10s %-15s %s\n", hin_time_format(time, item->time_us * 1000, HIN_TIME_S),
	       hin_recording_number_format(number, entry->number),
	       hin_addr_format(&entry->about.client, address), hin_buffer_text(line));
	return fflush(stdout) == 0 && !interrupted;
}

static enum hin_code follow_all(struct hin_recordings *recordings, struct hin_error *err)
{
	struct hin_buffer line = { 0 };
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && !interrupted && !ferror(stdout)) {
		code = hin_recordings_follow(recordings, 0, print_item, &line, err);
		if (code == HIN_OK && !interrupted)
			(void)hin_recordings_wait(recordings, 1000);
	}
	hin_buffer_fini(&line);
	return code;
}

/* ---- play ---- */

static bool write_terminal(void *user, const void *data, size_t size)
{
	(void)user;
	return fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0 && !interrupted;
}

static bool sleep_for(void *user, int64_t us)
{
	struct timespec pause = { us / 1000000, us % 1000000 * 1000 };

	(void)user;
	return nanosleep(&pause, NULL) == 0 && !interrupted;
}

static enum hin_code play(struct hin_recordings *recordings, uint64_t number, bool follow,
			  struct hin_error *err)
{
	const struct decoy_arguments *a = &decoy_arguments;
	struct hin_player_settings settings = { .speed = a->speed,
						.idle_limit_us = a->idle_ns / 1000,
						.until_text = a->text,
						.typed = a->typed,
						.events = a->events,
						.raw = a->raw,
						.follow = follow,
						.write = write_terminal,
						.sleep = sleep_for };
	uint64_t channel = 0;
	enum hin_code code = HIN_OK;

	if (a->channel != NULL)
		code = hin_number_u64(&channel, "channel", a->channel, 0, UINT32_MAX, err);
	settings.channel = (uint32_t)channel;
	if (code == HIN_OK)
		code = hin_player_play(recordings, number, &settings, err);
	if (isatty(STDOUT_FILENO)) {
		struct hin_buffer restore = { 0 };

		hin_player_restore(&restore);
		(void)write_terminal(NULL, restore.data, restore.used);
		hin_buffer_fini(&restore);
	}
	return code;
}

#define PLAY_OPTIONS                                                                                                   \
	{ "speed",                                                                                                     \
	  0,                                                                                                           \
	  "X",                                                                                                         \
	  HIN_OPTION_VALUE,                                                                                            \
	  DECOY_ARG(speed),                                                                                            \
	  { HIN_VALUE_DOUBLE, .low = 0, .high = 1000 },                                                                \
	  .help = "so many times as fast; 0 = at once; 1 if not given",                                                \
	  .help_ja = "再生速度の倍率。0は一気に (既定 1)" },                                                           \
		{ "idle",                                                                                              \
		  0,                                                                                                   \
		  "TIME",                                                                                              \
		  HIN_OPTION_VALUE,                                                                                    \
		  DECOY_ARG(idle_ns),                                                                                  \
		  { HIN_VALUE_DURATION, 0, HIN_NS_PER_DAY },                                                           \
		  .help = "longest pause; 2s if not given, 0 = as they were",                                          \
		  .help_ja = "間の最大 (既定 2s、0は記録のまま)" },                                                    \
		{ "channel",                                                                                           \
		  0,                                                                                                   \
		  "N",                                                                                                 \
		  HIN_OPTION_TEXT,                                                                                     \
		  DECOY_ARG(channel),                                                                                  \
		  .help = "this channel; the first with a shell if not given",                                         \
		  .help_ja = "チャネル番号 (既定は最初のシェル)" },                                                    \
		{ "typed",                                                                                             \
		  0,                                                                                                   \
		  NULL,                                                                                                \
		  HIN_OPTION_FLAG,                                                                                     \
		  DECOY_ARG(typed),                                                                                    \
		  .help = "what was typed instead of what was seen",                                                   \
		  .help_ja = "画面ではなく入力を示す" },                                                               \
		{ "events",                                                                                            \
		  'e',                                                                                                 \
		  NULL,                                                                                                \
		  HIN_OPTION_FLAG,                                                                                     \
		  DECOY_ARG(events),                                                                                   \
		  .help = "log-ins, commands and files between, each on a line",                                       \
		  .help_ja = "ログイン・コマンド・ファイルを間に示す" },                                               \
		{ "to",                                                                                                \
		  0,                                                                                                   \
		  "TEXT",                                                                                              \
		  HIN_OPTION_TEXT,                                                                                     \
		  DECOY_ARG(text),                                                                                     \
		  .help = "go at once to where this was typed or seen",                                                \
		  .help_ja = "この文字列の所まで飛ばす" },                                                             \
	{                                                                                                              \
		"raw", 0, NULL, HIN_OPTION_FLAG, DECOY_ARG(raw),                                                       \
			.help = "all escape sequences as they were: they may do anything to "                          \
				"your terminal",                                                                       \
			.help_ja = "エスケープシーケンスをそのまま出す (端末に何でもし得る)" \
	}

static int play_program(const struct hin_program *program, int argc, char *argv[], bool follow)
{
	struct hin_recordings *recordings = NULL;
	struct hin_error err = { 0 };
	uint64_t number = 0;
	enum hin_code code = HIN_OK;
	int status;

	decoy_arguments.speed = 1;
	decoy_arguments.idle_ns = 2 * HIN_NS_PER_S;
	status = hin_program_start(program, &decoy_arguments, &lang, &argc, argv);
	if (status >= 0)
		return status;
	if (!follow || argc > 1)
		code = decoy_read_number(&number, argc, argv, &err);
	if (code == HIN_OK)
		code = decoy_open_recordings(&recordings, &err);
	catch_interrupt();
	if (code == HIN_OK)
		code = number == 0 ? follow_all(recordings, &err)
				   : play(recordings, number, follow, &err);
	hin_recordings_close(recordings);
	return hin_operation_end(program, code, &err);
}

int decoy_follow(int argc, char *argv[])
{
	static const struct hin_option rows[] = { DECOY_DIR_OPTION, PLAY_OPTIONS };
	static const struct hin_program program = {
		.name = "hinomi decoy follow",
		.args = "[SESSION]",
		.about = "Shows what happens now: a line for each thing in all sessions, or the "
			 "terminal of one while it happens. Ctrl-C ends it.",
		.about_ja = "いま起きていることを示す。全セッションの出来事を1行ずつ、または一つ"
			    "の画面を実況する。Ctrl-C で終わる。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};

	return play_program(&program, argc, argv, true);
}

int decoy_play(int argc, char *argv[])
{
	static const struct hin_option rows[] = { DECOY_DIR_OPTION, PLAY_OPTIONS };
	static const struct hin_program program = {
		.name = "hinomi decoy play",
		.args = "SESSION",
		.about = "Shows a session on this terminal as it happened. Escape sequences that "
			 "could harm a terminal are left out.",
		.about_ja = "セッションを端末に再生する。端末に害を及ぼし得るエスケープ"
			    "シーケンスは除く。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};

	return play_program(&program, argc, argv, false);
}
