/*
 * hinomi-query - ask the store of observations.
 */
#include "cmd/query.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/sandbox.h"

enum { TOP = 10, NOTES = 10 /* shown; the rest are counted */ };

#define ARG(field) offsetof(struct hin_query, field)

static const char *const sums[] = { "packets", "bytes", "rows", NULL };

static enum hin_code set_limit(void *into, const char *value, struct hin_error *err)
{
	struct hin_query *q = into;

	q->limited = true;
	return hin_number_u64(&q->limit, "--limit", value, 0, UINT64_MAX - 1, err);
}

static const struct hin_option rows[] = {
	{ .section = "Where and when", .section_ja = "対象と期間" },
	{ "store", 'S', "FOLDER", HIN_OPTION_TEXT, ARG(store_path),
	  .help = "the store; $HINOMI_STORE if not given",
	  .help_ja = "ストアのフォルダー (既定は $HINOMI_STORE)" },
	{ "since", 's', "TIME", HIN_OPTION_TEXT, ARG(since),
	  .help = "from here on: 2026-11-22, \"2026-11-22 02:10\", -24h, @1700000000; UTC",
	  .help_ja = "この時刻から: 2026-11-22, \"2026-11-22 02:10\", -24h, @1700000000 (UTC)" },
	{ "until", 'u', "TIME", HIN_OPTION_TEXT, ARG(until), .help = "and before this",
	  .help_ja = "この時刻の前まで" },
	{ .section = "Groups", .section_ja = "集計" },
	{ "by", 'b', "FIELDS", HIN_OPTION_TEXT, ARG(by),
	  .help = "group by up to four fields: src,dport; src/24 groups by prefix, src/24/48 by "
		  "one for each family",
	  .help_ja = "最大四つの項目で集計: src,dport。src/24 や src/24/48 でプレフィックス単位" },
	{ "sum",
	  0,
	  "WHAT",
	  HIN_OPTION_VALUE,
	  ARG(sum),
	  { HIN_VALUE_CHOICE, .choices = sums },
	  .help = "what the groups are ordered by: packets (if not given), bytes or rows",
	  .help_ja = "集計の順: packets (既定), bytes, rows" },
	{ "top",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(top),
	  { HIN_VALUE_U64, 0, INT64_MAX },
	  .help = "the greatest groups, in a series of each interval; 10 if not given, 0 = all",
	  .help_ja = "上位の数 (系列では区間ごと、既定 10、0 は全部)" },
	{ "series",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  ARG(series_ns),
	  { HIN_VALUE_DURATION, HIN_NS_PER_S, 3660 * HIN_NS_PER_DAY },
	  .help = "a row for each interval of this length: 1h",
	  .help_ja = "この長さの区間ごとに集計: 1h" },
	{ "distinct", 0, "FIELD", HIN_OPTION_TEXT, ARG(distinct),
	  .help = "count distinct values of a field, and order by that",
	  .help_ja = "異なる値を数え、その順に並べる" },
	{ "memory",
	  0,
	  "SIZE",
	  HIN_OPTION_VALUE,
	  ARG(memory_bytes),
	  { HIN_VALUE_SIZE, 16 << 20, INT64_MAX },
	  .help = "most memory for groups; 1G if not given",
	  .help_ja = "集計に使うメモリーの上限 (既定 1G)" },
	{ .section = "Output", .section_ja = "出力" },
	{ "limit", 'l', "N", HIN_OPTION_CALL, .call = set_limit,
	  .help = "rows listed when nothing is grouped; 100 in a table if not given, 0 = all",
	  .help_ja = "集計しないときに並べる行の数 (表では既定 100、0 は全部)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "JSON", .help_ja = "JSON で出力" },
	{ "csv", 0, NULL, HIN_OPTION_FLAG, ARG(csv), .help = "CSV", .help_ja = "CSV で出力" },
	{ "export", 'o', "FILE", HIN_OPTION_TEXT, ARG(export_path),
	  .help = "write all matching rows to this file, - is standard output",
	  .help_ja = "該当する全ての行をファイルへ書き出す (- は標準出力)" },
	{ "format",
	  'f',
	  "NAME",
	  HIN_OPTION_VALUE,
	  ARG(format),
	  { HIN_VALUE_CHOICE, .choices = hin_export_names },
	  .help = "of --export: ndjson, csv, nfdump (its CSV), flowtuple (CAIDA's, Avro) or cef "
		  "(syslog); by the ending of FILE if not given",
	  .help_ja = "--export の形式: ndjson, csv, nfdump (CSV), flowtuple (CAIDA、Avro), cef "
		     "(syslog)。既定は拡張子による" },
	{ "color",
	  0,
	  "WHEN",
	  HIN_OPTION_VALUE,
	  ARG(colour),
	  { HIN_VALUE_CHOICE, .choices = (const char *const[]){ "auto", "always", "never", NULL } },
	  .help = "colours in tables",
	  .help_ja = "表の色" },
	{ "quiet", 'q', NULL, HIN_OPTION_FLAG, ARG(quiet),
	  .help = "no progress and no warnings; errors only",
	  .help_ja = "進捗と警告を出さない (エラーのみ)" },
};

static const struct hin_program program = {
	.name = "hinomi query",
	.args = "[FILTER ...]",
	.about = "Answers questions about observations in the words of tcpdump and nfdump: hinomi "
		 "query --since -24h --by src --top 20 proto tcp and dst port 23 and tool mirai. "
		 "hinomi-query(1) tells the whole language.",
	.about_ja =
		"観測データへの問い合わせ。tcpdump や nfdump の言葉で書く: hinomi query --since "
		"-24h --by src --top 20 proto tcp and dst port 23 and tool mirai。文法の全体は "
		"hinomi-query(1) にある。",
	.options = rows,
	.option_count = HIN_COUNT(rows),
};

const char *hin_query_word(const struct hin_query *q, unsigned word)
{
	static const struct hin_words words[] = { HIN_QUERY_WORDS(HIN_WORD_ROW) };

	return hin_words_get(words, word, q->lang);
}

enum hin_code hin_query_flush(struct hin_buffer *out, struct hin_error *err)
{
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no room for the answer");
	if ((out->used > 0 && fwrite(out->data, 1, out->used, stdout) != out->used) ||
	    fflush(stdout) != 0)
		return hin_fail(err, HIN_ESYS, "write the answer");
	hin_buffer_reset(out);
	return HIN_OK;
}

/* ---- the end of an answer ---- */

enum hin_code hin_query_watch(struct hin_query *q, struct hin_error *err)
{
	struct hin_store_range range = q->range;
	struct hin_store_stats stats;
	enum hin_code code = hin_store_stats(q->store, &stats, err);

	if (code != HIN_OK)
		return code;
	q->oldest_us = stats.oldest_us;
	q->newest_us = stats.newest_us;
	q->from_us = range.since_us > 0 ? range.since_us : stats.oldest_us;
	q->to_us = range.until_us > 0 ? range.until_us : stats.newest_us + 1;
	/* "since yesterday" goes on until now, whenever the last row came */
	if (range.until_us == 0 && range.since_us > 0 && q->to_us < q->now_ns / 1000)
		q->to_us = q->now_ns / 1000;
	if (q->to_us > q->now_ns / 1000 && range.until_us > 0)
		q->to_us = q->now_ns / 1000 > q->from_us ? q->now_ns / 1000 : q->to_us;
	if (q->to_us <= q->from_us || stats.newest_us == 0)
		return HIN_OK;
	range.since_us = q->from_us;
	range.until_us = q->to_us;
	range.filter = NULL;
	range.progress = NULL;
	return hin_store_watch(q->store, &range, &q->watched, err);
}

static void foot_watched(const struct hin_query *q, struct hin_buffer *out)
{
	char share[HIN_WORDS_TEXT], span[HIN_TIME_TEXT], count[HIN_WORDS_TEXT];
	char from[HIN_ANSWER_TIME], to[HIN_ANSWER_TIME];
	int64_t span_us = q->to_us - q->from_us;

	if (q->newest_us == 0) {
		hin_buffer_puts(out, q->lang == HIN_JA ? "保存庫は空\n" : "the store is empty\n");
		return;
	}
	hin_answer_time(from, q->from_us, HIN_ANSWER_PLAIN);
	hin_answer_time(to, q->to_us, HIN_ANSWER_PLAIN);
	hin_time_format_duration(span, span_us < INT64_MAX / 1000 ? span_us * 1000 : INT64_MAX,
				 q->lang);
	hin_buffer_printf(out,
			  q->lang == HIN_JA ? "%s から %s まで (UTC、%s)\n" : "%s to %s UTC (%s)\n",
			  from, to, span);
	if (q->watched.expected_us == 0) {
		hin_buffer_puts(out,
				q->lang == HIN_JA
					? "観測率は不明: その期間に稼働していたセンサーがない\n"
					: "watched: unknown, no sensor had begun by then\n");
		return;
	}
	hin_words_percent(share, q->watched.watched_us, q->watched.expected_us);
	hin_words_count(count, q->watched.sensors);
	/* before the first sensor nobody watched, whatever has been imported since */
	if (q->watched.from_us > q->from_us)
		hin_answer_time(from, q->watched.from_us, HIN_ANSWER_PLAIN);
	else
		from[0] = '\0';
	if (q->lang == HIN_JA)
		hin_buffer_printf(out, "%s%sその %s を観測 (センサー %s 台)\n", from,
				  from[0] != '\0' ? " 以後、" : "", share, count);
	else
		hin_buffer_printf(out, "watched %s of it%s%s%s by %s sensor%s\n", share,
				  from[0] != '\0' ? " from " : "", from,
				  from[0] != '\0' ? " on" : "", count,
				  q->watched.sensors == 1 ? "" : "s");
}

static void foot_effort(const struct hin_query *q, struct hin_buffer *out)
{
	const struct hin_store_effort *e = &q->effort;
	char looked[HIN_WORDS_TEXT], matched[HIN_WORDS_TEXT], skipped[HIN_WORDS_TEXT],
		blocks[HIN_WORDS_TEXT];
	double seconds = (double)(hin_time_monotonic_ns() - q->start_ns) / 1e9;

	hin_words_count(looked, e->rows_looked);
	hin_words_count(matched, e->rows_matched);
	hin_words_count(skipped, e->blocks_skipped);
	hin_words_count(blocks, e->blocks);
	hin_buffer_printf(
		out,
		q->lang == HIN_JA
			? "%s 行を調べ %s 行が該当、ブロック %s/%s を省略、%.3f 秒\n"
			: "%s rows looked at, %s match; %s of %s blocks skipped; %.3f s\n",
		looked, matched, skipped, blocks, seconds);
}

void hin_query_foot(const struct hin_query *q, struct hin_buffer *out)
{
	const struct hin_store_effort *e = &q->effort;
	bool color = hin_color_wanted((enum hin_color)q->colour, STDOUT_FILENO);
	char blocks[HIN_WORDS_TEXT], count[HIN_WORDS_TEXT], line[256];

	if (q->to_us > q->from_us)
		foot_watched(q, out);
	foot_effort(q, out);
	if (e->damaged_blocks > 0) {
		snprintf(line, sizeof(line),
			 q->lang == HIN_JA ? "! 破損したブロック %s 個 (%s 行) を除外 (hinomi "
					     "store check で確認)"
					   : "! %s damaged blocks with %s rows were left out: "
					     "hinomi store check "
					     "names them",
			 hin_words_count(blocks, e->damaged_blocks),
			 hin_words_count(count, e->damaged_rows));
		hin_style_put(out, HIN_STYLE_ALARM, color && !q->csv, line);
		hin_buffer_putc(out, '\n');
	}
	if (e->rolled_left > 0)
		hin_buffer_printf(
			out,
			q->lang == HIN_JA
				? "! 要約済みの %s 行はこの問いに答えられないため除外\n"
				: "! %s rows are rolled up and lack what was asked: left out\n",
			hin_words_count(count, e->rolled_left));
	if (e->stopped && !q->limited && q->export_path == NULL)
		hin_buffer_puts(out, q->lang == HIN_JA ? "! 途中で止めた部分的な答え\n"
						       : "! stopped: the answer is a part\n");
}

void hin_query_foot_json(const struct hin_query *q, struct hin_buffer *out)
{
	const struct hin_store_effort *e = &q->effort;
	char from[HIN_ANSWER_TIME], to[HIN_ANSWER_TIME];
	struct hin_buffer text = { 0 };

	hin_buffer_printf(out, ",\n\"since\":\"%s\",\"until\":\"%s\",\n\"filter\":",
			  hin_answer_time(from, q->from_us, HIN_ANSWER_ISO_US),
			  hin_answer_time(to, q->to_us, HIN_ANSWER_ISO_US));
	hin_filter_print(q->filter, &text);
	hin_escape_json(out, hin_buffer_text(&text), text.used);
	hin_buffer_fini(&text);
	hin_buffer_puts(out, ",\n\"watched\":{\"share\":");
	if (q->watched.expected_us > 0)
		hin_buffer_printf(out, "%.6f",
				  (double)q->watched.watched_us / (double)q->watched.expected_us);
	else
		hin_buffer_puts(out, "null");
	hin_buffer_printf(out, ",\"watched_us\":%llu,\"expected_us\":%llu,\"sensors\":%llu",
			  (unsigned long long)q->watched.watched_us,
			  (unsigned long long)q->watched.expected_us,
			  (unsigned long long)q->watched.sensors);
	if (q->watched.expected_us > 0)
		hin_buffer_printf(out, ",\"watched_since\":\"%s\"},\n",
				  hin_answer_time(from, q->watched.from_us, HIN_ANSWER_ISO_US));
	else
		hin_buffer_puts(out, ",\"watched_since\":null},\n");
	hin_buffer_printf(
		out,
		"\"effort\":{\"blocks\":%llu,\"blocks_skipped\":%llu,\"rows_looked\":%llu,"
		"\"rows_matched\":%llu,\"bytes_read\":%llu,\"damaged_blocks\":%llu,"
		"\"damaged_rows\":%llu,\"rolled_rows\":%llu,\"rolled_left\":%llu}",
		(unsigned long long)e->blocks, (unsigned long long)e->blocks_skipped,
		(unsigned long long)e->rows_looked, (unsigned long long)e->rows_matched,
		(unsigned long long)e->bytes_read, (unsigned long long)e->damaged_blocks,
		(unsigned long long)e->damaged_rows, (unsigned long long)e->rolled_rows,
		(unsigned long long)e->rolled_left);
}

/* ---- the question ---- */

/* "src/24/48" into a field and the lengths. */
static enum hin_code read_by(struct hin_query *q, char *text, struct hin_error *err)
{
	struct hin_store_question *ask = &q->question;
	char *slash = strchr(text, '/'), *second;
	uint64_t v4, v6;
	unsigned field;
	enum hin_code code;

	if (slash != NULL)
		*slash++ = '\0';
	code = hin_answer_field(&field, text, err);
	if (code != HIN_OK)
		return code;
	if (ask->by_count == HIN_STORE_BY)
		return hin_fail(err, HIN_EUSAGE, "--by: at most %d fields", HIN_STORE_BY);
	ask->by[ask->by_count++] = field;
	if (slash == NULL)
		return HIN_OK;
	if (field != HIN_FIELD_SRC && field != HIN_FIELD_DST)
		return hin_fail(err, HIN_EUSAGE, "--by: %s has no prefix; src and dst have", text);
	second = strchr(slash, '/');
	if (second != NULL)
		*second++ = '\0';
	code = hin_number_u64(&v4, "--by: prefix length", slash, 1, 32, err);
	if (code == HIN_OK)
		code = hin_number_u64(&v6, "--by: prefix length of IPv6",
				      second != NULL ? second : "48", 1, 128, err);
	if (code != HIN_OK)
		return code;
	if (ask->v4_len != 0 && (ask->v4_len != v4 || ask->v6_len != v6))
		return hin_fail(err, HIN_EUSAGE, "--by: src and dst have the same prefix lengths");
	ask->v4_len = (uint8_t)v4;
	ask->v6_len = (uint8_t)v6;
	return HIN_OK;
}

static enum hin_code read_fields(struct hin_query *q, struct hin_error *err)
{
	char *copy, *rest, *text;
	enum hin_code code = HIN_OK;

	if (q->by == NULL)
		return HIN_OK;
	copy = strdup(q->by);
	if (copy == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for --by");
	rest = copy;
	while (code == HIN_OK && (text = strsep(&rest, ",")) != NULL)
		code = read_by(q, text, err);
	free(copy);
	q->lengths = (struct hin_answer_lengths){ q->question.v4_len, q->question.v6_len };
	return code;
}

static enum hin_code read_time(int64_t *out_us, const char *option, const char *text,
			       int64_t now_ns, struct hin_error *err)
{
	struct hin_error why = { 0 };
	enum hin_code code;
	int64_t ns;

	if (text == NULL)
		return HIN_OK;
	code = hin_time_parse(&ns, text, now_ns, &why);
	if (code != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "%s: %s", option, why.text);
	/* 0 would mean that the range is open */
	*out_us = ns > 1000 ? ns / 1000 : 1;
	return HIN_OK;
}

static enum hin_code read_question(struct hin_query *q, struct hin_error *err)
{
	struct hin_store_question *ask = &q->question;
	enum hin_code code = read_fields(q, err);

	q->grouped = q->by != NULL || q->series_ns > 0 || q->distinct != NULL || q->sum >= 0;
	if (code == HIN_OK && q->distinct != NULL)
		code = hin_answer_field(&ask->distinct_field, q->distinct, err);
	if (code == HIN_OK && q->export_path != NULL && q->grouped)
		code = hin_fail(err, HIN_EUSAGE,
				"--export writes rows; it does not go with --by, "
				"--sum, --series and --distinct");
	if (code == HIN_OK && q->json && q->csv)
		code = hin_fail(err, HIN_EUSAGE, "--json or --csv, not both");
	if (code == HIN_OK && q->limited && q->grouped)
		code = hin_fail(err, HIN_EUSAGE, "--limit is of rows; --top is of groups");
	if (code != HIN_OK)
		return code;
	ask->interval_us = q->series_ns / HIN_NS_PER_US;
	ask->distinct = q->distinct != NULL;
	ask->volume = ask->distinct ? q->sum == HIN_SUM_PACKETS || q->sum == HIN_SUM_BYTES
				    : q->sum != HIN_SUM_ROWS;
	if (q->sum < 0)
		q->sum = HIN_SUM_PACKETS;
	ask->order = ask->distinct		 ? HIN_STORE_DISTINCT
		     : q->sum == HIN_SUM_PACKETS ? HIN_STORE_PACKETS
		     : q->sum == HIN_SUM_BYTES	 ? HIN_STORE_BYTES
						 : HIN_STORE_COUNT;
	ask->limit = ask->by_count > 0 ? q->top : 0;
	return HIN_OK;
}

/* Show the filter with a mark under the word that is wrong. */
static void point_at(const char *text, size_t size, size_t column)
{
	struct hin_buffer line = { 0 };
	size_t from = column > 40 ? column - 40 : 0, end;

	if (column == 0)
		return;
	end = from + 72 < size ? from + 72 : size;
	hin_buffer_puts(&line, "  ");
	for (size_t i = from; i < end; i++) /* columns must stay where they are */
		hin_buffer_add(&line, text[i] >= ' ' && text[i] < 0x7f ? &text[i] : "?", 1);
	hin_buffer_puts(&line, "\n  ");
	hin_buffer_fill(&line, ' ', column - 1 - from);
	hin_buffer_puts(&line, "^\n");
	if (!line.failed)
		(void)fwrite(line.data, 1, line.used, stderr);
	hin_buffer_fini(&line);
}

/* Are flows and the events that were seen in them kept apart? Else packets count twice. */
static bool by_kind(const struct hin_query *q)
{
	for (unsigned i = 0; i < q->question.by_count; i++)
		if (q->question.by[i] == HIN_FIELD_KIND)
			return true;
	return false;
}

static enum hin_code read_filter(struct hin_query *q, int argc, char *argv[])
{
	struct hin_buffer text = { 0 };
	struct hin_error err = { 0 };
	size_t column = 0;
	enum hin_code code = HIN_OK;

	for (int i = 1; i < argc; i++) {
		hin_buffer_puts(&text, i > 1 ? " " : "");
		hin_buffer_puts(&text, argv[i]);
	}
	if (text.failed)
		code = hin_fail(&err, HIN_ENOMEM, "no room for the filter");
	if (code == HIN_OK)
		code = q->grouped && q->question.volume
			       ? hin_filter_parse_volume(&q->filter, hin_buffer_text(&text),
							 text.used, by_kind(q), &q->flows_alone,
							 &column, &err)
			       : hin_filter_parse(&q->filter, hin_buffer_text(&text), text.used,
						  &column, &err);
	if (code != HIN_OK) {
		(void)hin_program_fail(&program, &err);
		point_at(hin_buffer_text(&text), text.used, column);
	}
	hin_buffer_fini(&text);
	return code;
}

/* ---- the store ---- */

static void tell_note(void *user, const struct hin_error *what)
{
	struct hin_query *q = user;

	if (q->notes++ < NOTES && !q->quiet) {
		hin_progress_end(&q->progress);
		fprintf(stderr, "hinomi query: warning: %s\n", what->text);
	}
}

static bool tell_progress(void *user, uint64_t done, uint64_t whole, uint64_t count)
{
	struct hin_query *q = user;

	hin_progress_update(&q->progress, done, whole, count, hin_time_monotonic_ns());
	return true;
}

/* Everything is open: what strangers sent is read with no more rights than that takes. */
static enum hin_code close_the_door(const struct hin_query *q, struct hin_error *err)
{
	const char *const read[] = { q->store_path };
	struct hin_sandbox sandbox = { 0 };
	enum hin_code code = hin_sandbox_no_dump(&sandbox, err);

	if (code == HIN_OK)
		code = hin_sandbox_no_new_privs(&sandbox, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&sandbox, read, 1, NULL, 0, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&sandbox, HIN_SANDBOX_ANALYSE, false, err);
	return code;
}

static enum hin_code open_export(struct hin_query *q, struct hin_error *err)
{
	enum hin_export_format format;

	if (q->export_path == NULL)
		return HIN_OK;
	if (q->format < 0) {
		if (!hin_export_format_of(&format, q->export_path))
			return hin_fail(err, HIN_EUSAGE,
					"--export %s: the ending tells no format; name it with "
					"--format",
					q->export_path);
		q->format = (int)format;
	}
	if (q->limited && hin_export_is_grouped((enum hin_export_format)q->format))
		return hin_fail(err, HIN_EUSAGE, "--limit does not go with --format %s",
				hin_export_names[q->format]);
	return hin_export_open(&q->export, q->export_path, (enum hin_export_format)q->format, err);
}

static enum hin_code ask(struct hin_query *q, struct hin_error *err)
{
	struct hin_store_options options = { .memory_bytes = q->memory_bytes,
					     .note = tell_note,
					     .user = q };
	enum hin_code code =
		hin_store_open(&q->store, q->store_path, HIN_STORE_READ, &options, err);

	if (code == HIN_ENOENT)
		return hin_fail(err, code, "there is no store at %s", q->store_path);
	if (code == HIN_OK)
		code = open_export(q, err);
	if (code == HIN_OK)
		code = close_the_door(q, err);
	if (code != HIN_OK)
		return code;
	hin_progress_start(&q->progress, q->quiet ? -1 : STDERR_FILENO, isatty(STDERR_FILENO) == 1,
			   q->lang, q->lang == HIN_JA ? "検索" : "looking",
			   q->lang == HIN_JA ? "行" : "rows", hin_time_monotonic_ns());
	q->range.filter = q->filter;
	q->range.progress = tell_progress;
	q->range.user = q;
	q->question.range = q->range;
	if (q->export != NULL)
		return hin_query_export(q, err);
	return q->grouped ? hin_query_groups(q, err) : hin_query_rows(q, err);
}

/* What people and scripts should know besides a CSV. */
static void tell_foot(const struct hin_query *q)
{
	struct hin_buffer out = { 0 };

	if (!q->csv || q->quiet || q->export_path != NULL)
		return;
	hin_query_foot(q, &out);
	if (!out.failed)
		(void)fwrite(out.data, 1, out.used, stderr);
	hin_buffer_fini(&out);
}

static enum hin_code act(struct hin_query *q, struct hin_error *err)
{
	enum hin_code code = read_question(q, err);

	if (code == HIN_OK)
		code = read_time(&q->range.since_us, "--since", q->since, q->now_ns, err);
	if (code == HIN_OK)
		code = read_time(&q->range.until_us, "--until", q->until, q->now_ns, err);
	if (code == HIN_OK && q->range.until_us > 0 && q->range.until_us <= q->range.since_us)
		code = hin_fail(err, HIN_EUSAGE, "--until is not after --since");
	if (code == HIN_OK && q->store_path == NULL)
		q->store_path = getenv("HINOMI_STORE");
	if (code == HIN_OK && (q->store_path == NULL || q->store_path[0] == '\0'))
		code = hin_fail(err, HIN_EUSAGE,
				"which store? name it with --store or in "
				"HINOMI_STORE");
	return code == HIN_OK ? ask(q, err) : code;
}

int main(int argc, char *argv[])
{
	struct hin_query q = { .program = &program, .sum = -1, .format = -1, .top = TOP };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &q, &q.lang, &argc, argv);

	if (status >= 0)
		return status;
	signal(SIGPIPE, SIG_IGN);
	q.now_ns = hin_time_now_ns();
	q.start_ns = hin_time_monotonic_ns();
	if (read_filter(&q, argc, argv) != HIN_OK)
		return HIN_EXIT_USAGE;
	code = act(&q, &err);
	if (code == HIN_OK)
		tell_foot(&q);
	hin_export_free(q.export);
	hin_store_close(q.store);
	hin_filter_free(q.filter);
	/* whoever reads the answer has had enough: `| head` is no failure */
	if (code == HIN_OK || (code == HIN_ESYS && err.sys == EPIPE))
		return HIN_EXIT_DONE;
	status = hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : status;
}
