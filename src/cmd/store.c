/*
 * hinomi-store - look after the store of observations: check, info, compact, retain, backup,
 * restore, rebuild.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/options.h"
#include "store/store.h"
#include "text/progress.h"
#include "text/table.h"
#include "text/words.h"

enum { KEEP_MAX = 64 }; /* most --keep */

/* What the command line said. */
struct arguments {
	const char *store;
	bool json, quiet;
	struct hin_store_keep keep[KEEP_MAX];
	size_t keep_count;
	int64_t age_ns, minutes_ns, hours_ns;
	uint64_t size_bytes;
};

struct session {
	struct arguments arguments;
	enum hin_lang lang;
	struct hin_progress progress;
	uint64_t notes;
};

#define ARG(field) offsetof(struct arguments, field)

static enum hin_code add_keep(void *into, const char *value, struct hin_error *err);

static const struct hin_option options[] = {
	{ "store", 'S', "FOLDER", HIN_OPTION_TEXT, ARG(store),
	  .help = "the store; else $HINOMI_STORE",
	  .help_ja = "ストアのフォルダー (既定は $HINOMI_STORE)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON instead of a table",
	  .help_ja = "表の代わりに JSON を出力する" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet), .help = "no progress",
	  .help_ja = "進捗を表示しない" },
	{ .section = "What retain keeps", .section_ja = "retain で残すもの" },
	{ "keep", 'k', "KIND=TIME", HIN_OPTION_CALL, .call = add_keep,
	  .help = "rows of a kind, or of all of one sensor (\"telescope.*\"), are kept so long: "
		  "\"telescope.flow=30d\"; the first that fits counts; 0 = for ever",
	  .help_ja = "種類 (または \"telescope.*\" のようにセンサー全体) の保存期間: "
		     "\"telescope.flow=30d\"。最初に一致したものが有効。0 は無期限" },
	{ "age",
	  'a',
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(age_ns),
	  { HIN_VALUE_DURATION, 0, INT64_MAX },
	  .help = "rows of other kinds are kept so long; for ever if not given",
	  .help_ja = "そのほかの種類の保存期間 (既定は無期限)" },
	{ "size",
	  0,
	  "BYTES",
	  HIN_OPTION_VALUE,
	  ARG(size_bytes),
	  { HIN_VALUE_SIZE, 0, INT64_MAX },
	  .help = "most bytes on disk: beyond them the oldest days go; no limit if not given",
	  .help_ja = "ディスク上の最大サイズ。超えると古い日から削除 (既定は無制限)" },
	{ "minutes",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(minutes_ns),
	  { HIN_VALUE_DURATION, 0, INT64_MAX },
	  .help = "rollups by minute are kept so long, then by the hour; 90d if not given",
	  .help_ja = "分単位の集計を残す期間。その後は時間単位 (既定 90d)" },
	{ "hours",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(hours_ns),
	  { HIN_VALUE_DURATION, 0, INT64_MAX },
	  .help = "rollups by the hour are kept so long; for ever if not given",
	  .help_ja = "時間単位の集計を残す期間 (既定は無期限)" },
};

static const struct hin_program program = {
	.name = "hinomi store",
	.args = "info|check|compact|retain|backup FOLDER|restore FOLDER|rebuild",
	.about =
		"Look after the store of observations. \"info\" tells what it has; \"check\" "
		"reads all of it and names what is damaged; \"compact\" makes full files of small "
		"ones; \"retain\" drops what is too old and keeps its counts; \"backup\" copies it "
		"to a new folder while it is used; \"restore\" makes a store of a backup; "
		"\"rebuild\" makes one usable again whose journal is damaged.",
	.about_ja =
		"観測ストアの保守。info は内容の概要、check は全体を読んで破損を示し、compact "
		"は小さなファイルをまとめ、retain は古い行を落として集計を残し、backup は使用中の"
		"まま新しいフォルダーへ写し、restore はバックアップからストアを作り、rebuild "
		"はジャーナルが破損したストアを使えるようにする。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

#define WORDS(X)                                                                                   \
	X(W_ROWS, "rows", "行")                                                                    \
	X(W_ROLLED, "rows in rollups", "集計に含まれる行")                                         \
	X(W_WAITING, "rows that wait for a full block", "ブロック待ちの行")                        \
	X(W_BYTES, "on disk", "ディスク上")                                                        \
	X(W_FILES, "files", "ファイル")                                                            \
	X(W_BLOCKS, "blocks", "ブロック")                                                          \
	X(W_DAYS, "days", "日数")                                                                  \
	X(W_OLDEST, "oldest row", "最古の行")                                                      \
	X(W_NEWEST, "newest row", "最新の行")                                                      \
	X(W_BATCHES, "batches, ever", "バッチ (累計)")                                             \
	X(W_DAMAGED, "damaged blocks", "破損ブロック")                                             \
	X(W_DAMAGED_ROWS, "rows lost in them", "失われた行")                                       \
	X(W_STRAYS, "files that do not belong", "無関係なファイル")                                \
	X(W_DROPPED, "rows dropped", "削除した行")                                                 \
	X(W_SENSOR, "sensor", "センサー")                                                          \
	X(W_SEQUENCE, "sequence", "番号")                                                          \
	X(W_LAST, "last batch (UTC)", "最終バッチ (UTC)")                                          \
	X(W_MISSING, "missing", "欠番")                                                            \
	X(W_CHECKING, "checking", "検査中")                                                        \
	X(W_JOURNAL, "damaged bytes of the journal", "ジャーナルの破損バイト")                     \
	X(W_FOUND, "files taken in", "取り込んだファイル")                                         \
	X(W_FOUND_BLOCKS, "blocks taken in", "取り込んだブロック")                                 \
	X(W_LEFT, "files left out", "除外したファイル")                                            \
	X(W_LOST, "batches lost (they show as missing now)", "失われたバッチ (欠番として表示)")    \
	X(W_PARTIAL, "batches that may lack rows", "行が欠けている可能性のあるバッチ")             \
	X(W_ASIDE, "the damaged journal is kept as", "破損したジャーナルの保存先")                 \
	X(W_GOOD, "The store is good.", "ストアに問題はありません。")                              \
	X(W_BAD, "The store is damaged.", "ストアは破損しています。")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

/* ---- options ---- */

/* "telescope.flow", "telescope.*", "*" or a number. */
static enum hin_code read_kinds(struct hin_store_keep *out, const char *name, size_t size,
				struct hin_error *err)
{
	char shown[96], number[8];
	const struct hin_word *word, *all;
	size_t count;
	uint64_t value;

	if (size == 1 && name[0] == '*') {
		out->first = 0;
		out->last = UINT16_MAX;
		return HIN_OK;
	}
	word = hin_registry_named(HIN_REGISTRY_KINDS, name, size);
	if (word != NULL) {
		out->first = out->last = (uint16_t)word->number;
		return HIN_OK;
	}
	if (size > 2 && name[size - 2] == '.' && name[size - 1] == '*') {
		count = hin_registry_words(HIN_REGISTRY_KINDS, &all);
		for (size_t i = 0; i < count; i++)
			if (all[i].name_size >= size && memcmp(all[i].name, name, size - 1) == 0) {
				/* a sensor's kinds are a block of a thousand numbers */
				out->first = (uint16_t)(all[i].number / 1000 * 1000);
				out->last = (uint16_t)(out->first + 999);
				return HIN_OK;
			}
	}
	if (size < sizeof(number)) {
		memcpy(number, name, size);
		number[size] = '\0';
		if (hin_number_u64(&value, "kind", number, 0, UINT16_MAX, NULL) == HIN_OK) {
			out->first = out->last = (uint16_t)value;
			return HIN_OK;
		}
	}
	return hin_fail(err, HIN_EUSAGE, "--keep: there is no kind \"%.*s\"",
			(int)(size < 60 ? size : 60), hin_escape_text(shown, sizeof(shown), name));
}

static enum hin_code add_keep(void *into, const char *value, struct hin_error *err)
{
	struct arguments *a = into;
	const char *equals = strchr(value, '=');
	struct hin_store_keep keep;
	int64_t ns;
	enum hin_code code;

	if (equals == NULL)
		return hin_fail(err, HIN_EUSAGE, "--keep wants KIND=TIME, as telescope.flow=30d");
	if (a->keep_count == KEEP_MAX)
		return hin_fail(err, HIN_EUSAGE, "--keep: at most %d", KEEP_MAX);
	code = read_kinds(&keep, value, (size_t)(equals - value), err);
	if (code == HIN_OK)
		code = hin_number_duration(&ns, "--keep", equals + 1, 0, INT64_MAX, err);
	if (code != HIN_OK)
		return code == HIN_EUSAGE ? code : hin_fail(err, HIN_EUSAGE, "%s", err->text);
	keep.age_us = ns / HIN_NS_PER_US;
	a->keep[a->keep_count++] = keep;
	return HIN_OK;
}

/* ---- helpers ---- */

static void note(void *user, const struct hin_error *what)
{
	struct session *s = user;
	char shown[256];

	s->notes++;
	fprintf(stderr, "hinomi store: %s\n", hin_escape_text(shown, sizeof(shown), what->text));
}

static enum hin_code open_store(struct session *s, enum hin_store_access access,
				struct hin_store **out, struct hin_error *err)
{
	struct hin_store_options o = { .note = note, .user = s };

	return hin_store_open(out, s->arguments.store, access, &o, err);
}

/* A figure of the output. */
struct figure {
	int word;
	const char *key; /* in JSON */
	uint64_t value;
	enum { COUNT, BYTES, MICROSECONDS } unit;
};

static const char *figure_text(const struct figure *f, char out[HIN_WORDS_TEXT])
{
	char time[HIN_TIME_TEXT];

	switch (f->unit) {
	case BYTES:
		return hin_words_bytes(out, f->value);
	case MICROSECONDS:
		if (f->value == 0 || f->value > (uint64_t)(INT64_MAX / 1000))
			return "-";
		snprintf(out, HIN_WORDS_TEXT, "%s",
			 hin_time_format(time, (int64_t)f->value * 1000, HIN_TIME_S));
		return out;
	default:
		return hin_words_count(out, f->value);
	}
}

static enum hin_code print_buffer(struct hin_buffer *out, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no room for the output");
	else if (fwrite(out->data, 1, out->used, stdout) != out->used || fflush(stdout) != 0)
		code = hin_fail(err, HIN_ESYS, "write the output");
	hin_buffer_fini(out);
	return code;
}

/* Print figures as a table, or as members of a JSON object that `more` goes on with. */
static void put_figures(const struct session *s, const struct figure *figures, size_t count,
			struct hin_buffer *out)
{
	static const struct hin_column columns[] = { { NULL, HIN_LEFT, 0, false },
						     { NULL, HIN_RIGHT, 0, false } };
	struct hin_table_layout layout = { 0 };
	struct hin_table *table;
	char text[HIN_WORDS_TEXT];

	if (s->arguments.json) {
		hin_buffer_puts(out, "{");
		for (size_t i = 0; i < count; i++)
			hin_buffer_printf(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
					  figures[i].key, figures[i].value);
		return;
	}
	table = hin_table_new(columns, HIN_COUNT(columns));
	for (size_t i = 0; table != NULL && i < count; i++) {
		hin_table_cell(table, hin_words_get(words, (size_t)figures[i].word, s->lang));
		hin_table_cell(table, figure_text(&figures[i], text));
	}
	if (table == NULL || hin_table_print(table, out, &layout) != HIN_OK)
		out->failed = true;
	hin_table_free(table);
}

static bool progress(void *user, uint64_t done, uint64_t whole, uint64_t rows)
{
	struct session *s = user;

	hin_progress_update(&s->progress, done, whole, rows, hin_time_monotonic_ns());
	return true;
}

static struct hin_store_range start_progress(struct session *s)
{
	hin_progress_start(&s->progress, s->arguments.quiet ? -1 : STDERR_FILENO,
			   isatty(STDERR_FILENO) == 1, s->lang,
			   hin_words_get(words, W_CHECKING, s->lang),
			   hin_words_get(words, W_ROWS, s->lang), hin_time_monotonic_ns());
	return (struct hin_store_range){ .progress = progress, .user = s };
}

/* ---- info ---- */

struct sensors {
	const struct session *session;
	struct hin_store *store;
	struct hin_table *table;
	struct hin_buffer *json;
	uint64_t missing, next;
	size_t count;
};

static bool count_missing(void *user, uint64_t first, uint64_t last)
{
	struct sensors *x = user;

	x->missing += first - x->next;
	x->next = last + 1;
	return true;
}

static bool add_sensor(void *user, const struct hin_store_mark *mark)
{
	struct sensors *x = user;
	char id[2 * HIN_SENSOR_ID + 1], time[HIN_TIME_TEXT];

	for (size_t i = 0; i < HIN_SENSOR_ID; i++)
		snprintf(id + 2 * i, 3, "%02x", mark->sensor[i]);
	x->missing = 0;
	x->next = 1;
	hin_store_each_range(x->store, mark->sensor, mark->appended.epoch, count_missing, x);
	if (x->session->arguments.json) {
		hin_buffer_printf(
			x->json,
			"%s{\"sensor\":\"%s\",\"epoch\":\"%016" PRIx64 "\",\"sequence\":%" PRIu64
			",\"missing\":%" PRIu64 ",\"batches\":%" PRIu64 ",\"rows\":%" PRIu64
			",\"first_us\":%" PRId64 ",\"last_us\":%" PRId64 "}",
			x->count > 0 ? "," : "", id, mark->appended.epoch, mark->appended.sequence,
			x->missing, mark->batches, mark->rows, mark->first_us, mark->last_us);
	} else {
		hin_table_cell(x->table, id);
		hin_table_count(x->table, mark->appended.sequence);
		hin_table_count(x->table, x->missing);
		hin_table_count(x->table, mark->rows);
		hin_table_cell(x->table,
			       mark->last_us > 0 && mark->last_us < INT64_MAX / 1000
				       ? hin_time_format(time, mark->last_us * 1000, HIN_TIME_S)
				       : "-");
	}
	x->count++;
	return true;
}

static void put_sensors(const struct session *s, struct hin_store *store, struct hin_buffer *out)
{
	const struct hin_column columns[] = {
		{ hin_words_get(words, W_SENSOR, s->lang), HIN_LEFT, 0, false },
		{ hin_words_get(words, W_SEQUENCE, s->lang), HIN_RIGHT, 0, false },
		{ hin_words_get(words, W_MISSING, s->lang), HIN_RIGHT, 0, false },
		{ hin_words_get(words, W_ROWS, s->lang), HIN_RIGHT, 0, false },
		{ hin_words_get(words, W_LAST, s->lang), HIN_LEFT, 0, false },
	};
	struct hin_table_layout layout = { .width = 100 };
	struct sensors x = { .session = s, .store = store, .json = out };

	if (s->arguments.json) {
		hin_buffer_puts(out, ",\"sensors\":[");
		hin_store_each_mark(store, add_sensor, &x);
		hin_buffer_puts(out, "]}\n");
		return;
	}
	x.table = hin_table_new(columns, HIN_COUNT(columns));
	if (x.table == NULL) {
		out->failed = true;
		return;
	}
	hin_store_each_mark(store, add_sensor, &x);
	if (x.count > 0) {
		hin_buffer_puts(out, "\n");
		if (hin_table_print(x.table, out, &layout) != HIN_OK)
			out->failed = true;
	}
	hin_table_free(x.table);
}

static enum hin_code run_info(struct session *s, const char *folder, struct hin_error *err)
{
	struct hin_store_stats stats;
	struct hin_store *store = NULL;
	struct hin_buffer out = { 0 };
	enum hin_code code = open_store(s, HIN_STORE_READ, &store, err);

	(void)folder;
	if (code == HIN_OK)
		code = hin_store_stats(store, &stats, err);
	if (code == HIN_OK) {
		const struct figure figures[] = {
			{ W_ROWS, "rows", stats.rows, COUNT },
			{ W_ROLLED, "rolled_rows", stats.rolled_rows, COUNT },
			{ W_WAITING, "waiting_rows", stats.waiting_rows, COUNT },
			{ W_BYTES, "bytes", stats.bytes, BYTES },
			{ W_FILES, "files", stats.files, COUNT },
			{ W_BLOCKS, "blocks", stats.blocks, COUNT },
			{ W_DAYS, "days", stats.days, COUNT },
			{ W_OLDEST, "oldest_us", (uint64_t)stats.oldest_us, MICROSECONDS },
			{ W_NEWEST, "newest_us", (uint64_t)stats.newest_us, MICROSECONDS },
			{ W_BATCHES, "batches", stats.batches, COUNT },
		};

		put_figures(s, figures, HIN_COUNT(figures), &out);
		put_sensors(s, store, &out);
		code = print_buffer(&out, err);
	}
	hin_store_close(store);
	return code;
}

/* ---- check, backup, restore ---- */

static enum hin_code print_checked(const struct session *s, const struct hin_store_checked *c,
				   struct hin_error *err)
{
	const struct figure figures[] = {
		{ W_ROWS, "rows", c->rows, COUNT },
		{ W_BYTES, "bytes", c->bytes, BYTES },
		{ W_FILES, "files", c->files, COUNT },
		{ W_BLOCKS, "blocks", c->blocks, COUNT },
		{ W_DAMAGED, "damaged_blocks", c->damaged_blocks, COUNT },
		{ W_DAMAGED_ROWS, "damaged_rows", c->damaged_rows, COUNT },
		{ W_STRAYS, "strays", c->strays, COUNT },
	};
	struct hin_buffer out = { 0 };

	put_figures(s, figures, HIN_COUNT(figures), &out);
	if (s->arguments.json)
		hin_buffer_puts(&out, "}\n");
	return print_buffer(&out, err);
}

static enum hin_code run_check(struct session *s, const char *folder, struct hin_error *err)
{
	struct hin_store_range range = start_progress(s);
	struct hin_store_checked checked;
	struct hin_store *store = NULL;
	enum hin_code code = open_store(s, HIN_STORE_READ, &store, err);

	(void)folder;
	if (code == HIN_OK)
		code = hin_store_check(store, &checked, &range, err);
	hin_progress_end(&s->progress);
	if (code == HIN_OK)
		code = print_checked(s, &checked, err);
	if (code == HIN_OK && s->notes > checked.strays)
		code = hin_fail(err, HIN_EVERIFY, "%s", hin_words_get(words, W_BAD, s->lang));
	else if (code == HIN_OK && !s->arguments.json)
		puts(hin_words_get(words, W_GOOD, s->lang));
	hin_store_close(store);
	return code;
}

static enum hin_code run_backup(struct session *s, const char *folder, struct hin_error *err)
{
	struct hin_store_checked checked;
	struct hin_store *store = NULL;
	enum hin_code code = open_store(s, HIN_STORE_READ, &store, err);

	if (code == HIN_OK)
		code = hin_store_backup(store, folder, &checked, err);
	if (code == HIN_OK)
		code = print_checked(s, &checked, err);
	hin_store_close(store);
	return code;
}

static enum hin_code run_restore(struct session *s, const char *folder, struct hin_error *err)
{
	struct hin_store_options o = { .note = note, .user = s };
	struct hin_store_checked checked;
	enum hin_code code = hin_store_restore(folder, s->arguments.store, &o, &checked, err);

	return code == HIN_OK ? print_checked(s, &checked, err) : code;
}

static enum hin_code run_rebuild(struct session *s, const char *folder, struct hin_error *err)
{
	struct hin_store_options o = { .note = note, .user = s };
	struct hin_store_rebuilt r;
	struct hin_buffer out = { 0 };
	enum hin_code code = hin_store_rebuild(s->arguments.store, &o, &r, err);

	(void)folder;
	if (code == HIN_EUSAGE)
		return hin_fail(err, HIN_EDENIED,
				"store %s: no record of its journal is damaged; "
				"nothing was changed",
				s->arguments.store);
	if (code == HIN_OK) {
		const struct figure figures[] = {
			{ W_ROWS, "rows", r.rows, COUNT },
			{ W_JOURNAL, "damaged_bytes", r.damaged_bytes, COUNT },
			{ W_FOUND, "files_found", r.files_found, COUNT },
			{ W_FOUND_BLOCKS, "blocks_found", r.blocks_found, COUNT },
			{ W_LEFT, "files_left", r.files_left, COUNT },
			{ W_LOST, "batches_lost", r.batches_lost, COUNT },
			{ W_PARTIAL, "batches_partial", r.batches_partial, COUNT },
		};

		put_figures(s, figures, HIN_COUNT(figures), &out);
		if (s->arguments.json)
			hin_buffer_printf(&out, ",\"aside\":\"%s\"}\n", r.aside);
		else
			hin_buffer_printf(&out, "%s %s\n", hin_words_get(words, W_ASIDE, s->lang),
					  r.aside);
		code = print_buffer(&out, err);
	}
	return code;
}

/* ---- compact, retain ---- */

static enum hin_code print_work(const struct session *s, const struct hin_store_work *w,
				struct hin_error *err)
{
	char before[HIN_WORDS_TEXT], after[HIN_WORDS_TEXT];
	struct hin_buffer out = { 0 };

	if (s->arguments.json) {
		hin_buffer_printf(&out,
				  "{\"files_before\":%" PRIu64 ",\"files\":%" PRIu64
				  ",\"bytes_before\":%" PRIu64 ",\"bytes\":%" PRIu64
				  ",\"rows_dropped\":%" PRIu64 ",\"damaged_blocks\":%" PRIu64 "}\n",
				  w->files_before, w->files_after, w->bytes_before, w->bytes_after,
				  w->rows_dropped, w->damaged_blocks);
		return print_buffer(&out, err);
	}
	hin_buffer_printf(&out, "%s: %s -> %s\n", hin_words_get(words, W_FILES, s->lang),
			  hin_words_count(before, w->files_before),
			  hin_words_count(after, w->files_after));
	hin_buffer_printf(&out, "%s: %s -> %s\n", hin_words_get(words, W_BYTES, s->lang),
			  hin_words_bytes(before, w->bytes_before),
			  hin_words_bytes(after, w->bytes_after));
	if (w->rows_dropped > 0)
		hin_buffer_printf(&out, "%s: %s\n", hin_words_get(words, W_DROPPED, s->lang),
				  hin_words_count(before, w->rows_dropped));
	if (w->damaged_blocks > 0)
		hin_buffer_printf(&out, "%s: %s\n", hin_words_get(words, W_DAMAGED, s->lang),
				  hin_words_count(before, w->damaged_blocks));
	return print_buffer(&out, err);
}

static enum hin_code run_compact(struct session *s, const char *folder, struct hin_error *err)
{
	struct hin_store_work work;
	struct hin_store *store = NULL;
	enum hin_code code = open_store(s, HIN_STORE_WRITE, &store, err);

	(void)folder;
	if (code == HIN_OK)
		code = hin_store_compact(store, hin_time_now_ns() / HIN_NS_PER_US, &work, err);
	hin_store_close(store);
	return code == HIN_OK ? print_work(s, &work, err) : code;
}

static enum hin_code run_retain(struct session *s, const char *folder, struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	struct hin_store_policy policy = { .keep = a->keep,
					   .keep_count = a->keep_count,
					   .age_us = a->age_ns / HIN_NS_PER_US,
					   .bytes = a->size_bytes,
					   .minutes_us = a->minutes_ns / HIN_NS_PER_US,
					   .hours_us = a->hours_ns / HIN_NS_PER_US };
	struct hin_store_work work;
	struct hin_store *store = NULL;
	enum hin_code code;

	(void)folder;
	if (a->keep_count == 0 && a->age_ns == 0 && a->size_bytes == 0 && a->hours_ns == 0)
		return hin_fail(err, HIN_EUSAGE,
				"retain needs --keep, --age, --size or --hours: nothing is "
				"dropped by itself");
	code = open_store(s, HIN_STORE_WRITE, &store, err);
	if (code == HIN_OK)
		code = hin_store_retain(store, &policy, hin_time_now_ns() / HIN_NS_PER_US, &work,
					err);
	hin_store_close(store);
	return code == HIN_OK ? print_work(s, &work, err) : code;
}

/* ---- main ---- */

static const struct {
	const char *name;
	bool folder; /* it wants one more operand */
	enum hin_code (*run)(struct session *s, const char *folder, struct hin_error *err);
} commands[] = {
	{ "info", false, run_info },	   { "check", false, run_check },
	{ "compact", false, run_compact }, { "retain", false, run_retain },
	{ "backup", true, run_backup },	   { "restore", true, run_restore },
	{ "rebuild", false, run_rebuild },
};

static enum hin_code act(struct session *s, int argc, char *argv[], struct hin_error *err)
{
	char shown[64];

	if (argc < 2)
		return hin_fail(err, HIN_EUSAGE, "what shall be done? %s", program.args);
	if (s->arguments.store == NULL)
		s->arguments.store = getenv("HINOMI_STORE");
	if (s->arguments.store == NULL || s->arguments.store[0] == '\0')
		return hin_fail(err, HIN_EUSAGE,
				"which store? name it with --store or in HINOMI_STORE");
	for (size_t i = 0; i < HIN_COUNT(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (argc != (commands[i].folder ? 3 : 2))
			return hin_fail(err, HIN_EUSAGE,
					commands[i].folder ? "%s needs a folder, and only one"
							   : "%s takes nothing more",
					argv[1]);
		return commands[i].run(s, argv[2], err);
	}
	return hin_fail(err, HIN_EUSAGE, "\"%s\" is none of %s",
			hin_escape_text(shown, sizeof(shown), argv[1]), program.args);
}

int main(int argc, char *argv[])
{
	struct session s = { .arguments = { .minutes_ns = 90 * HIN_NS_PER_DAY } };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);

	if (status >= 0)
		return status;
	code = act(&s, argc, argv, &err);
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	status = hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : status;
}
