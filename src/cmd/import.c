/*
 * hinomi-import - rows of other tools' files into the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "store/import.h"
#include "store/store.h"
#include "text/progress.h"
#include "text/words.h"

enum {
	CHUNK = 1 << 18,
	SHOWN = 10,	   /* refused lines that are shown; the rest are counted */
	SYNC_BATCHES = 16, /* a million rows */
};

struct import {
	/* the command line */
	const char *store_path, *kind, *zone, *sensor_text;
	uint64_t errors_most;
	int format;
	bool dry_run, quiet;
	/* made of it */
	enum hin_lang lang;
	uint8_t sensor[HIN_SENSOR_ID];
	struct hin_import rules;
	struct hin_store *store;
	struct hin_observation *rows;
	size_t row_count;
	struct hin_progress progress;
	/* of one file */
	uint64_t epoch, sequence;
	uint8_t digest[32];
	uint64_t taken, repeated, refused;
	uint64_t waiting; /* batches since the last sync */
};

#define ARG(field) offsetof(struct import, field)

static const struct hin_option rows[] = {
	{ .section = "Input", .section_ja = "入力" },
	{ "format",
	  'f',
	  "NAME",
	  HIN_OPTION_VALUE,
	  ARG(format),
	  { HIN_VALUE_CHOICE, .choices = hin_import_names },
	  .help = "ndjson, or nfdump (the output of nfdump -o csv); by the ending of FILE if not "
		  "given",
	  .help_ja = "ndjson または nfdump (nfdump -o csv の出力)。既定は拡張子による" },
	{ "kind", 'k', "NAME", HIN_OPTION_TEXT, ARG(kind),
	  .help = "what nfdump's flows are; telescope.flow if not given",
	  .help_ja = "nfdump の行の種類 (既定 telescope.flow)" },
	{ "utc-offset", 0, "+HH:MM", HIN_OPTION_TEXT, ARG(zone),
	  .help = "the zone of the machine that ran nfdump, whose times carry none; +00:00 if not "
		  "given",
	  .help_ja = "nfdump を実行した機械の時差 (既定 +00:00)" },
	{ .section = "Output", .section_ja = "出力" },
	{ "store", 'S', "FOLDER", HIN_OPTION_TEXT, ARG(store_path),
	  .help = "the store, made if there is none; $HINOMI_STORE if not given",
	  .help_ja = "ストアのフォルダー。無ければ作る (既定は $HINOMI_STORE)" },
	{ "sensor", 0, "ID", HIN_OPTION_TEXT, ARG(sensor_text),
	  .help = "32 hexadecimal digits: the sensor that the rows are kept under; one of our own "
		  "if not given",
	  .help_ja = "行を記録するセンサーの番号 (16進32桁)。既定は取り込み専用の番号" },
	{ "errors",
	  0,
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(errors_most),
	  { HIN_VALUE_U64, 0, INT64_MAX },
	  .help = "give up a file after so many lines were refused; 1000 if not given",
	  .help_ja = "この数の行が不正なら打ち切る (既定 1000)" },
	{ "dry-run", 'n', NULL, HIN_OPTION_FLAG, ARG(dry_run), .help = "read and check only",
	  .help_ja = "読んで検査するだけで保存しない" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet),
	  .help = "no progress and no warnings; errors only",
	  .help_ja = "進捗と警告を出さない (エラーのみ)" },
};

static const struct hin_program program = {
	.name = "hinomi import",
	.args = "FILE ...",
	.about = "Reads rows from files of other tools into a store. The same file twice changes "
		 "nothing.",
	.about_ja = "他のツールのファイルからストアへ行を取り込む。同じファイルを二度取り込んでも変"
		    "わらない。",
	.options = rows,
	.option_count = HIN_COUNT(rows),
};

/* ---- options ---- */

static enum hin_code read_kind(struct import *im, struct hin_error *err)
{
	const struct hin_word *word;
	uint64_t number;

	im->rules.kind = HIN_KIND_TELESCOPE_FLOW;
	if (im->kind == NULL)
		return HIN_OK;
	word = hin_registry_named(HIN_REGISTRY_KINDS, im->kind, strlen(im->kind));
	if (word != NULL)
		number = word->number;
	else if (hin_number_u64(&number, "--kind", im->kind, 1, UINT16_MAX, NULL) != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "--kind \"%.60s\" is no kind of observation",
				im->kind);
	im->rules.kind = (uint16_t)number;
	return HIN_OK;
}

/* Two digits, or 99 when there are none. */
static unsigned two_digits(const char *t)
{
	if (t[0] < '0' || t[0] > '9' || t[1] < '0' || t[1] > '9')
		return 99;
	return (unsigned)(t[0] - '0') * 10 + (unsigned)(t[1] - '0');
}

/* "+09:00" */
static enum hin_code read_zone(struct import *im, struct hin_error *err)
{
	const char *t = im->zone;
	unsigned hours = 99, minutes = 99;

	if (t == NULL)
		return HIN_OK;
	if (strlen(t) == 6 && (t[0] == '+' || t[0] == '-') && t[3] == ':') {
		hours = two_digits(t + 1);
		minutes = two_digits(t + 4);
	}
	if (hours > 14 || minutes > 59)
		return hin_fail(err, HIN_EUSAGE, "--utc-offset \"%.20s\" is not like +09:00", t);
	im->rules.zone_s = (int32_t)(hours * 3600 + minutes * 60) * (t[0] == '-' ? -1 : 1);
	return HIN_OK;
}

static bool sha256(uint8_t out[32], const void *data, size_t size)
{
	return EVP_Digest(data, size, out, NULL, EVP_sha256(), NULL) == 1;
}

static enum hin_code read_sensor(struct import *im, struct hin_error *err)
{
	static const char own[] = "hinomi import";
	uint8_t digest[32];

	if (im->sensor_text == NULL) {
		if (!sha256(digest, own, sizeof(own) - 1))
			return hin_fail(err, HIN_ENOMEM, "no room for a digest");
		memcpy(im->sensor, digest, sizeof(im->sensor));
		return HIN_OK;
	}
	if (strlen(im->sensor_text) != (size_t)2 * HIN_SENSOR_ID ||
	    im->sensor_text[strspn(im->sensor_text, "0123456789abcdefABCDEF")] != '\0')
		return hin_fail(err, HIN_EUSAGE, "--sensor \"%.40s\" is not %d hexadecimal digits",
				im->sensor_text, 2 * HIN_SENSOR_ID);
	for (size_t i = 0; i < HIN_SENSOR_ID; i++) {
		char pair[3] = { im->sensor_text[2 * i], im->sensor_text[2 * i + 1], '\0' };

		im->sensor[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return HIN_OK;
}

static enum hin_code find_format(struct import *im, const char *path, struct hin_error *err)
{
	static const struct {
		const char *ending;
		enum hin_import_format format;
	} endings[] = {
		{ ".ndjson", HIN_IMPORT_NDJSON },
		{ ".jsonl", HIN_IMPORT_NDJSON },
		{ ".json", HIN_IMPORT_NDJSON },
		{ ".csv", HIN_IMPORT_NFDUMP },
	};
	size_t n = strlen(path);

	if (im->format >= 0) {
		im->rules.format = (enum hin_import_format)im->format;
		return HIN_OK;
	}
	for (size_t i = 0; i < HIN_COUNT(endings); i++) {
		size_t k = strlen(endings[i].ending);

		if (n >= k && strcasecmp(path + n - k, endings[i].ending) == 0) {
			im->rules.format = endings[i].format;
			return HIN_OK;
		}
	}
	return hin_fail(err, HIN_EUSAGE, "%s: the ending tells no format; name it with --format",
			path);
}

/* ---- batches ---- */

static enum hin_code put_batch(struct import *im, struct hin_error *err)
{
	struct hin_store_batch batch = { .epoch = im->epoch,
					 .sequence = ++im->sequence,
					 .received_us = hin_time_now_ns() / HIN_NS_PER_US };
	enum hin_store_outcome outcome = HIN_STORE_ADDED;
	uint8_t name[40];
	enum hin_code code = HIN_OK;

	memcpy(batch.sensor, im->sensor, sizeof(batch.sensor));
	memcpy(name, im->digest, 32);
	memcpy(name + 32, &batch.sequence, 8);
	if (!sha256(batch.digest, name, sizeof(name)))
		return hin_fail(err, HIN_ENOMEM, "no room for a digest");
	if (im->store != NULL)
		code = hin_store_append(im->store, &batch, im->rows, im->row_count, &outcome, err);
	if (code != HIN_OK)
		return code;
	if (outcome == HIN_STORE_REPEAT)
		im->repeated += im->row_count;
	else
		im->taken += im->row_count;
	im->row_count = 0;
	if (im->store != NULL && ++im->waiting == SYNC_BATCHES) {
		im->waiting = 0;
		code = hin_store_sync(im->store, err);
	}
	return code;
}

static enum hin_code take_line(struct import *im, const char *path, const char *line, size_t size,
			       struct hin_error *err)
{
	struct hin_error why = { 0 };
	enum hin_code code =
		hin_import_line(&im->rules, line, size, &im->rows[im->row_count], &why);

	if (code == HIN_EAGAIN)
		return HIN_OK;
	if (code == HIN_OK) {
		if (++im->row_count == HIN_BATCH_ROWS)
			return put_batch(im, err);
		return HIN_OK;
	}
	if (code == HIN_EUSAGE)
		return hin_fail(err, HIN_EFORMAT, "%s: %s", path, why.text);
	if (im->refused++ < SHOWN && !im->quiet) {
		hin_progress_end(&im->progress);
		fprintf(stderr, "hinomi import: warning: %s: %s\n", path, why.text);
	}
	if (im->refused > im->errors_most)
		return hin_fail(err, HIN_EFORMAT,
				"%s: more than %llu lines were refused; is it the right format?",
				path, (unsigned long long)im->errors_most);
	return HIN_OK;
}

/* ---- files ---- */

/* Name the file by its content and how it is read, so that the same again is a repeat. */
static enum hin_code name_file(struct import *im, const char *path, FILE *file,
			       struct hin_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char *chunk = malloc(CHUNK);
	int32_t how[3] = { (int32_t)im->rules.format, im->rules.kind, im->rules.zone_s };
	bool good = ctx != NULL && chunk != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	enum hin_code code = HIN_OK;
	size_t n;

	while (good && (n = fread(chunk, 1, CHUNK, file)) > 0)
		good = EVP_DigestUpdate(ctx, chunk, n) == 1;
	good = good && EVP_DigestUpdate(ctx, how, sizeof(how)) == 1 &&
	       EVP_DigestFinal_ex(ctx, im->digest, NULL) == 1;
	if (ferror(file) || fseek(file, 0, SEEK_SET) != 0)
		code = hin_fail(err, HIN_ESYS, "read %s", path);
	else if (!good)
		code = hin_fail(err, HIN_ENOMEM, "no room to read %s", path);
	EVP_MD_CTX_free(ctx);
	free(chunk);
	return code;
}

/* Give each line of `file` away. A line that is too long is given cut, so that it is refused. */
static enum hin_code read_lines(struct import *im, const char *path, FILE *file, uint64_t whole,
				struct hin_error *err)
{
	char *line = malloc(HIN_IMPORT_LINE + 2);
	uint64_t done = 0;
	enum hin_code code = HIN_OK;
	size_t n = 0;
	int c;

	if (line == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a line");
	while (code == HIN_OK && (c = getc_unlocked(file)) != EOF) {
		done++;
		if (c != '\n') {
			if (n <= HIN_IMPORT_LINE)
				line[n++] = (char)c;
			continue;
		}
		code = take_line(im, path, line, n, err);
		n = 0;
		if (im->rules.line % 4096 == 0)
			hin_progress_update(&im->progress, done, whole, im->rules.line,
					    hin_time_monotonic_ns());
	}
	if (code == HIN_OK && ferror(file))
		code = hin_fail(err, HIN_ESYS, "read %s", path);
	if (code == HIN_OK && n > 0)
		code = take_line(im, path, line, n, err);
	if (code == HIN_OK && im->row_count > 0)
		code = put_batch(im, err);
	free(line);
	return code;
}

static void report(const struct import *im, const char *path)
{
	char taken[HIN_WORDS_TEXT], repeated[HIN_WORDS_TEXT], refused[HIN_WORDS_TEXT];
	bool ja = im->lang == HIN_JA;

	hin_words_count(taken, im->taken);
	hin_words_count(repeated, im->repeated);
	hin_words_count(refused, im->refused);
	printf(ja ? "%s: %s 行を%s" : "%s: %s rows %s", path, taken,
	       im->dry_run ? (ja ? "検査" : "checked") : (ja ? "保存" : "stored"));
	if (im->repeated > 0)
		printf(ja ? "、%s 行は保存済み" : ", %s were there already", repeated);
	if (im->refused > 0)
		printf(ja ? "、%s 行は不正" : ", %s lines refused", refused);
	putchar('\n');
}

/* `name` is safe to print. */
static enum hin_code import_stream(struct import *im, const char *name, FILE *file,
				   struct hin_error *err)
{
	struct hin_import start = { .format = im->rules.format,
				    .kind = im->rules.kind,
				    .zone_s = im->rules.zone_s };
	struct stat st;
	bool seekable = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
	enum hin_code code = HIN_OK, synced;

	if (seekable)
		code = name_file(im, name, file, err);
	else if (getrandom(im->digest, sizeof(im->digest), 0) != (ssize_t)sizeof(im->digest))
		code = hin_fail(err, HIN_ESYS, "draw an epoch");
	if (code != HIN_OK)
		return code;
	im->rules = start;
	memcpy(&im->epoch, im->digest, sizeof(im->epoch));
	im->sequence = im->taken = im->repeated = im->refused = im->waiting = 0;
	im->row_count = 0;
	hin_progress_start(&im->progress, im->quiet ? -1 : STDERR_FILENO,
			   isatty(STDERR_FILENO) == 1, im->lang,
			   im->lang == HIN_JA ? "取り込み" : "importing",
			   im->lang == HIN_JA ? "行" : "lines", hin_time_monotonic_ns());
	code = read_lines(im, name, file, seekable ? (uint64_t)st.st_size : 0, err);
	hin_progress_end(&im->progress);
	/* what was appended before a failure counts, and is not read twice */
	if (im->store != NULL) {
		synced = hin_store_sync(im->store, code == HIN_OK ? err : NULL);
		if (code == HIN_OK)
			code = synced;
	}
	report(im, name);
	return code;
}

static enum hin_code import_file(struct import *im, const char *path, struct hin_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	struct hin_error safe;
	FILE *file = standard ? stdin : fopen(path, "re");
	enum hin_code code;

	if (file == NULL)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	(void)hin_fail(&safe, HIN_OK, "%s", standard ? "standard input" : path);
	code = import_stream(im, safe.text, file, err);
	if (!standard)
		fclose(file);
	return code;
}

static void tell_note(void *user, const struct hin_error *what)
{
	const struct import *im = user;

	if (!im->quiet)
		fprintf(stderr, "hinomi import: warning: %s\n", what->text);
}

static enum hin_code setup(struct import *im, struct hin_error *err)
{
	struct hin_store_options options = { .note = tell_note, .user = im };
	struct hin_sandbox sandbox = { 0 };
	enum hin_code code = read_kind(im, err);

	if (code == HIN_OK)
		code = read_zone(im, err);
	if (code == HIN_OK)
		code = read_sensor(im, err);
	if (code == HIN_OK && im->store_path == NULL)
		im->store_path = getenv("HINOMI_STORE");
	if (code == HIN_OK && !im->dry_run && (im->store_path == NULL || im->store_path[0] == '\0'))
		code = hin_fail(err, HIN_EUSAGE,
				"which store? name it with --store or in "
				"HINOMI_STORE");
	if (code != HIN_OK)
		return code;
	im->rows = calloc(HIN_BATCH_ROWS, sizeof(*im->rows));
	if (im->rows == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a batch of rows");
	if (!im->dry_run)
		code = hin_store_open(&im->store, im->store_path, HIN_STORE_CREATE, &options, err);
	if (code == HIN_OK)
		code = hin_sandbox_no_dump(&sandbox, err);
	if (code == HIN_OK)
		code = hin_sandbox_no_new_privs(&sandbox, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&sandbox, HIN_SANDBOX_ANALYSE, false, err);
	return code;
}

int main(int argc, char *argv[])
{
	struct import im = { .format = -1, .errors_most = 1000 };
	struct hin_error err = { 0 };
	uint64_t refused = 0;
	enum hin_code code;
	int status = hin_program_start(&program, &im, &im.lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc > 1 ? HIN_OK
			: hin_fail(&err, HIN_EUSAGE,
				   "nothing to read: name a file, or - for standard input "
				   "(--help shows more)");
	for (int i = 1; i < argc && code == HIN_OK; i++)
		code = find_format(&im, argv[i], &err);
	if (code == HIN_OK)
		code = setup(&im, &err);
	for (int i = 1; i < argc && code == HIN_OK; i++) {
		code = find_format(&im, argv[i], &err);
		if (code == HIN_OK)
			code = import_file(&im, argv[i], &err);
		refused += im.refused;
	}
	hin_store_close(im.store);
	free(im.rows);
	if (code != HIN_OK) {
		status = hin_program_fail(&program, &err);
		return code == HIN_EUSAGE ? HIN_EXIT_USAGE : status;
	}
	/* good rows are kept, but whoever asked should know that some were not */
	return refused > 0 ? HIN_EXIT_FAILED : HIN_EXIT_DONE;
}
