/* decoy_export - `hinomi decoy export`, `check` and `erase`: recordings as evidence. */
#include <stdio.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/number.h"
#include "base/time.h"
#include "cmd/decoy.h"
#include "cmd/operations.h"
#include "decoy/record/player.h"
#include "observe/carrier_member.h"

static enum hin_lang lang;

/* ---- export ---- */

static const char *const directions[] = { "in", "out" };

/* Every item as a JSON object: bytes as a JSON text with their own escapes. */
static void add_item(struct hin_buffer *out, const struct hin_recording_item *item)
{
	char time[HIN_TIME_TEXT];
	struct hin_buffer line = { 0 };

	hin_buffer_printf(out, "{\"time\":\"%s\",\"channel\":%u,",
			  hin_time_format_iso(time, item->time_us * 1000, HIN_TIME_US),
			  item->channel);
	if (item->kind == HIN_RECORDING_GAP) {
		hin_buffer_printf(out, "\"missing\":%zu}\n", item->size);
		return;
	}
	if (item->kind == HIN_RECORDING_BYTES) {
		hin_escape(&line, item->data, item->size);
		hin_buffer_printf(out, "\"%s\":", directions[item->direction]);
	} else {
		hin_player_event(&line, &item->event);
		hin_buffer_puts(out, "\"event\":");
	}
	hin_escape_json(out, hin_buffer_text(&line), line.used);
	hin_buffer_puts(out, "}\n");
	hin_buffer_fini(&line);
}

static enum hin_code export_json(struct hin_recording *recording, struct hin_buffer *out,
				 struct hin_error *err)
{
	struct hin_recording_item item;
	enum hin_code code;

	decoy_entry_json(out, hin_recording_entry(recording));
	while ((code = hin_recording_next(recording, &item, err)) == HIN_OK)
		add_item(out, &item);
	return code == HIN_EOF || code == HIN_EAGAIN ? HIN_OK : code;
}

static enum hin_code export_as(struct hin_recording *recording, struct hin_buffer *out,
			       struct hin_error *err)
{
	const struct decoy_arguments *a = &decoy_arguments;
	const char *format = a->format != NULL ? a->format : "cast";
	uint64_t channel = 0;

	if (a->channel != NULL &&
	    hin_number_u64(&channel, "channel", a->channel, 0, UINT32_MAX, err) != HIN_OK)
		return HIN_EUSAGE;
	if (strcmp(format, "cast") == 0)
		return hin_recording_cast(recording, (uint32_t)channel, true, a->idle_ns / 1000,
					  out, err);
	if (strcmp(format, "ttylog") == 0)
		return hin_recording_ttylog(recording, (uint32_t)channel, out, err);
	if (strcmp(format, "json") == 0)
		return export_json(recording, out, err);
	return hin_fail(err, HIN_EUSAGE, "format \"%.20s\" is not one of cast, ttylog, json",
			format);
}

int decoy_export(int argc, char *argv[])
{
	static const struct hin_option rows[] = {
		DECOY_DIR_OPTION,
		{ "format", 'f', "NAME", HIN_OPTION_TEXT, DECOY_ARG(format),
		  .help = "cast (asciicast v2, the default), ttylog (cowrie's) or json (all of it, "
			  "a line each)",
		  .help_ja = "cast (asciicast v2、既定)・ttylog (cowrieの形式)・json "
			     "(全て、1行ずつ)" },
		{ "output", 'o', "FILE", HIN_OPTION_TEXT, DECOY_ARG(output),
		  .help = "write it here instead of to the terminal",
		  .help_ja = "端末ではなくこのファイルに書く" },
		{ "channel", 0, "N", HIN_OPTION_TEXT, DECOY_ARG(channel),
		  .help = "this channel; the first with a shell if not given",
		  .help_ja = "チャネル番号 (既定は最初のシェル)" },
		{ "idle",
		  0,
		  "TIME",
		  HIN_OPTION_VALUE,
		  DECOY_ARG(idle_ns),
		  { HIN_VALUE_DURATION, 0, HIN_NS_PER_DAY },
		  .help = "longest pause in a cast; as they were if not given",
		  .help_ja = "castでの間の最大 (既定は記録のまま)" },
	};
	static const struct hin_program program = {
		.name = "hinomi decoy export",
		.args = "SESSION",
		.about = "Writes a session for other programs: asciinema plays a cast, cowrie's "
			 "playlog a ttylog.",
		.about_ja = "他のプログラムのためにセッションを書き出す (castはasciinema、ttylogは"
			    "cowrieのplaylogで再生できる)。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct hin_recordings *recordings = NULL;
	struct hin_recording *recording = NULL;
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	uint64_t number = 0;
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = decoy_read_number(&number, argc, argv, &err);
	if (code == HIN_OK)
		code = decoy_open_recordings(&recordings, &err);
	if (code == HIN_OK)
		code = hin_recording_open(&recording, recordings, number, &err);
	if (code == HIN_OK)
		code = export_as(recording, &out, &err);
	hin_recording_close(recording);
	hin_recordings_close(recordings);
	if (code == HIN_OK && decoy_arguments.output != NULL) {
		if (out.failed)
			code = hin_fail(&err, HIN_ENOMEM, "no memory for the session");
		else
			code = hin_file_replace(decoy_arguments.output, hin_buffer_text(&out),
						out.used, 0600, &err);
		hin_buffer_reset(&out);
	}
	return decoy_finish(&out, code, &program, &err);
}

/* ---- check and erase ---- */

static void print_finding(void *into, const struct hin_recording_finding *finding)
{
	char number[HIN_RECORDING_NUMBER_TEXT];

	hin_buffer_printf(into, "%-10s %s\n", hin_recording_number_format(number, finding->number),
			  finding->text);
}

/* The key that signed, when the folder has it: without it damage is found, not forgery. */
static bool public_key(uint8_t out[HIN_KEY_PUBLIC])
{
	struct hin_sensor_key key;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", decoy_folder(), HIN_SENSOR_KEY_FILE);
	if (hin_sensor_key_load(&key, path, NULL) != HIN_OK)
		return false;
	memcpy(out, key.public_key, HIN_KEY_PUBLIC);
	hin_sensor_key_fini(&key);
	return true;
}

static void print_check(struct hin_buffer *out, const struct hin_recording_check *c, bool has_key)
{
	const struct {
		const char *words;
		uint64_t count;
	} parts[] = {
		{ decoy_say(lang, "sessions: ", "セッション: "), c->sessions },
		{ decoy_say(lang, ", whole: ", "、完全: "), c->whole },
		{ decoy_say(lang, ", not sealed yet: ", "、未封印: "), c->unsealed },
		{ decoy_say(lang, ", bad: ", "、不正: "), c->bad },
		{ decoy_say(lang, ", signatures: ", "、署名: "), c->seals },
		{ decoy_say(lang, ", damaged files: ", "、損傷した記録ファイル: "),
		  c->damaged_segments },
	};

	for (size_t i = 0; i < HIN_COUNT(parts); i++)
		hin_buffer_printf(out, "%s%llu", parts[i].words,
				  (unsigned long long)parts[i].count);
	if (!has_key)
		hin_buffer_puts(out, decoy_say(lang, ", by a key that is not here to compare",
					       " (照合する鍵はここにない)"));
	hin_buffer_puts(out, "\n");
}

int decoy_check(int argc, char *argv[])
{
	static const struct hin_option rows[] = {
		DECOY_DIR_OPTION,
		{ "all", 'a', NULL, HIN_OPTION_FLAG, DECOY_ARG(every),
		  .help = "tell of whole sessions too", .help_ja = "完全なものも示す" },
	};
	static const struct hin_program program = {
		.name = "hinomi decoy check",
		.args = "[SESSION]",
		.about = "Checks recordings: that each session is whole and in order, and sealed "
			 "by this sensor's key. Status 1 when one is not.",
		.about_ja = "記録を検査する: 各セッションに欠け・入れ替え・改変がなく、この"
			    "センサーの鍵で封印されているか。問題があれば終了値 1。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct hin_recordings *recordings = NULL;
	struct hin_recording_check found = { 0 };
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	uint8_t key[HIN_KEY_PUBLIC];
	uint64_t number = 0;
	bool has_key;
	enum hin_code code = HIN_OK;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	has_key = public_key(key);
	if (argc > 1)
		code = decoy_read_number(&number, argc, argv, &err);
	if (code == HIN_OK)
		code = decoy_open_recordings(&recordings, &err);
	if (code == HIN_OK)
		code = hin_recordings_verify(recordings, number, has_key ? key : NULL,
					     decoy_arguments.every, print_finding, &out, &found,
					     &err);
	if (code == HIN_OK)
		print_check(&out, &found, has_key);
	hin_recordings_close(recordings);
	status = decoy_finish(&out, code, &program, &err);
	return status == HIN_EXIT_DONE && found.bad + found.damaged_segments > 0 ? HIN_EXIT_FAILED
										 : status;
}

int decoy_erase(int argc, char *argv[])
{
	static const struct hin_option rows[] = { DECOY_DIR_OPTION };
	static const struct hin_program program = {
		.name = "hinomi decoy erase",
		.args = "SESSION",
		.about = "Erases what a session said, as the law may ask: its key is destroyed. "
			 "Times, addresses, sizes and the proof that nothing else was changed "
			 "stay.",
		.about_ja = "法の求めにより、セッションの内容を (その鍵を壊して) 消す。時刻・"
			    "アドレス・大きさと、他に改変がない証明は残る。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	char path[PATH_MAX];
	struct hin_error err = { 0 };
	uint64_t number = 0;
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = decoy_read_number(&number, argc, argv, &err);
	snprintf(path, sizeof(path), "%s/recordings", decoy_folder());
	if (code == HIN_OK)
		code = hin_recording_erase(path, number, &err);
	if (code == HIN_OK)
		puts(decoy_say(lang, "erased", "消去しました"));
	return hin_operation_end(&program, code, &err);
}
