/* query_rows - rows listed by `hinomi query`, and the export of them. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd/query.h"
#include "observe/ndjson.h"
#include "store/port_names.h"
#include "text/style.h"
#include "text/table.h"

enum { TABLE_MOST = 100000, FLUSH = 1 << 16 };

/* Rows on their way to standard output. */
struct lister {
	struct hin_query *q;
	struct hin_buffer out;
	struct hin_ndjson_writer json;
	uint64_t count;
	bool more; /* a row over the limit was met */
	/* of the table: they are sorted before they are shown */
	struct hin_observation *rows;
	size_t size;
};

static void json_row(struct lister *l, const struct hin_observation *row)
{
	hin_buffer_puts(&l->out, l->count > 0 ? ",\n" : "\n");
	hin_ndjson_add(&l->json, row, &l->out);
	if (!l->out.failed && l->out.used > 0) /* without its newline */
		l->out.data[--l->out.used] = '\0';
}

static enum hin_code keep_row(struct lister *l, const struct hin_observation *row,
			      struct hin_error *err)
{
	if (l->count == l->size) {
		size_t more = l->size == 0 ? 128 : l->size * 2;
		struct hin_observation *rows = reallocarray(l->rows, more, sizeof(*rows));

		if (rows == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for %zu rows", more);
		l->rows = rows;
		l->size = more;
	}
	l->rows[l->count] = *row;
	return HIN_OK;
}

static enum hin_code take_rows(void *user, const struct hin_store_rows *rows, struct hin_error *err)
{
	struct lister *l = user;
	struct hin_query *q = l->q;

	for (size_t i = 0; i < rows->count; i++) {
		enum hin_code code = HIN_OK;

		if (q->limit > 0 && l->count == q->limit) {
			l->more = true;
			return HIN_OK;
		}
		if (q->json)
			json_row(l, &rows->rows[i]);
		else if (q->csv)
			hin_export_csv_row(&l->out, &rows->rows[i], rows->batches[i]->sensor);
		else
			code = keep_row(l, &rows->rows[i], err);
		l->count++;
		if (code == HIN_OK && l->out.used > FLUSH)
			code = hin_query_flush(&l->out, err);
		if (code != HIN_OK)
			return code;
	}
	return HIN_OK;
}

/* ---- the table ---- */

static int by_time(const void *a, const void *b)
{
	const struct hin_observation *x = a, *y = b;

	return x->time_us < y->time_us ? -1 : x->time_us > y->time_us;
}

static void address_cell(struct hin_table *table, const struct hin_observation *o, bool src)
{
	char text[HIN_PREFIX_TEXT];
	const struct hin_addr *a = src ? &o->src : &o->dst;
	struct hin_prefix prefix = { .addr = *a, .len = src ? o->src_len : o->dst_len };

	if (!(o->has & (src ? HIN_HAS_SRC : HIN_HAS_DST)))
		hin_table_cell(table, "-");
	else if (prefix.len > 0 && prefix.len < (hin_addr_is_v4(a) ? 32 : 128))
		hin_table_cell(table, hin_prefix_format(&prefix, text));
	else
		hin_table_cell(table, hin_addr_format(a, text));
}

/* "23/tcp", "8.0/icmp", "udp". */
static void port_cell(struct hin_table *table, const struct hin_observation *o)
{
	char memory[32];
	struct hin_buffer cell = hin_buffer_over(memory, sizeof(memory));

	if (o->proto == 1 || o->proto == 58)
		hin_buffer_printf(&cell, "%u.%u/", o->sport, o->dport);
	else if (o->dport != 0)
		hin_buffer_printf(&cell, "%u/", o->dport);
	hin_answer_protocol(&cell, o->proto);
	hin_table_cell(table, o->proto == 0 && o->dport == 0 ? "-" : hin_buffer_text(&cell));
}

/* Whatever else a row says, the most telling first. */
static void detail_cell(struct hin_table *table, const struct hin_observation *o)
{
	static const unsigned fields[] = { HIN_FIELD_TOOL,    HIN_FIELD_RULE,
					   HIN_FIELD_SERVICE, HIN_FIELD_TECHNIQUE,
					   HIN_FIELD_VERDICT, HIN_FIELD_PRODUCT };
	char memory[512];
	struct hin_buffer cell = hin_buffer_over(memory, sizeof(memory));
	struct hin_store_value value;

	for (size_t i = 0; i < HIN_COUNT(fields); i++) {
		hin_answer_value_of(&value, o, NULL, fields[i]);
		if (value.number == 0)
			continue;
		hin_buffer_puts(&cell, cell.used > 0 ? ", " : "");
		hin_answer_text(&cell, fields[i], &value, (struct hin_answer_lengths){ 0 });
	}
	for (size_t i = 0; i < o->tag_count; i++) {
		hin_answer_value_of(&value, o, NULL, HIN_FIELD_TAGS);
		value.number = o->tags[i];
		hin_buffer_puts(&cell, cell.used > 0 ? ", " : "");
		hin_answer_text(&cell, HIN_FIELD_TAGS, &value, (struct hin_answer_lengths){ 0 });
	}
	hin_table_cell(table, hin_buffer_text(&cell));
}

static void table_row(struct hin_table *table, const struct hin_observation *o)
{
	const struct hin_word *kind = hin_registry_find(HIN_REGISTRY_KINDS, o->kind);
	const char *dot = kind != NULL ? strchr(kind->name, '.') : NULL;
	char when[HIN_ANSWER_TIME];

	hin_answer_time(when, o->time_us, HIN_ANSWER_PLAIN);
	hin_table_cell(table, when + 5); /* the year stands below */
	if (kind != NULL)
		hin_table_cell(table, dot != NULL ? dot + 1 : kind->name);
	else
		hin_table_cellf(table, "%u", o->kind);
	address_cell(table, o, true);
	address_cell(table, o, false);
	port_cell(table, o);
	hin_table_count(table, o->packets);
	detail_cell(table, o);
}

static enum hin_code print_table(struct lister *l, struct hin_error *err)
{
	struct hin_query *q = l->q;
	struct hin_table_layout layout = { .width = hin_style_columns(STDOUT_FILENO),
					   .color = hin_color_wanted((enum hin_color)q->colour,
								     STDOUT_FILENO) };
	struct hin_column columns[] = {
		{ .title = hin_query_word(q, HIN_QW_TIME) },
		{ .title = hin_answer_title(HIN_FIELD_KIND, q->lang) },
		{ .title = hin_answer_title(HIN_FIELD_SRC, q->lang) },
		{ .title = hin_answer_title(HIN_FIELD_DST, q->lang) },
		{ .title = hin_query_word(q, HIN_QW_PORT) },
		{ .title = hin_answer_title(HIN_FIELD_PACKETS, q->lang), .align = HIN_RIGHT },
		{ .title = hin_query_word(q, HIN_QW_DETAIL), .shrinks = true },
	};
	struct hin_table *table;
	enum hin_code code;

	if (l->count == 0) {
		hin_buffer_printf(&l->out, "%s\n", hin_query_word(q, HIN_QW_NOTHING));
		return HIN_OK;
	}
	table = hin_table_new(columns, HIN_COUNT(columns));
	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the table");
	qsort(l->rows, l->count, sizeof(*l->rows), by_time);
	for (size_t i = 0; i < l->count; i++)
		table_row(table, &l->rows[i]);
	code = hin_table_print(table, &l->out, &layout);
	hin_table_free(table);
	if (code != HIN_OK)
		return hin_fail(err, code, "no room for the table");
	if (l->more)
		hin_buffer_printf(&l->out, "%s\n", hin_query_word(q, HIN_QW_MORE_ROWS));
	return HIN_OK;
}

/* ---- a listing ---- */

enum hin_code hin_query_rows(struct hin_query *q, struct hin_error *err)
{
	struct lister l = { .q = q };
	uint64_t all = (UINT64_C(1) << HIN_FIELDS) - 1;
	enum hin_code code;

	if (!q->limited && !q->json && !q->csv)
		q->limit = 100;
	if (!q->json && !q->csv && (q->limit == 0 || q->limit > TABLE_MOST))
		return hin_fail(err, HIN_EUSAGE,
				"a table has at most %d rows; --csv, --json and --export have no "
				"limit",
				TABLE_MOST);
	if (q->json)
		hin_buffer_puts(&l.out, "{\"rows\":[");
	else if (q->csv)
		hin_export_csv_head(&l.out);
	/* one more than is shown tells whether there are more */
	code = hin_store_scan(q->store, &q->range, all, q->limit > 0 ? q->limit + 1 : 0, take_rows,
			      &l, &q->effort, err);
	hin_progress_end(&q->progress);
	if (code == HIN_OK)
		code = hin_query_watch(q, err);
	if (code == HIN_OK && q->json) {
		hin_buffer_printf(&l.out, "],\n\"more\":%s", l.more ? "true" : "false");
		hin_query_foot_json(q, &l.out);
		hin_buffer_puts(&l.out, "}\n");
	} else if (code == HIN_OK && !q->csv) {
		code = print_table(&l, err);
		hin_query_foot(q, &l.out);
	}
	if (code == HIN_OK)
		code = hin_query_flush(&l.out, err);
	hin_buffer_fini(&l.out);
	free(l.rows);
	return code;
}

/* ---- export ---- */

static enum hin_code export_rows(void *user, const struct hin_store_rows *rows,
				 struct hin_error *err)
{
	struct hin_export *export = user;

	for (size_t i = 0; i < rows->count; i++) {
		enum hin_code code =
			hin_export_add(export, &rows->rows[i], rows->batches[i]->sensor, err);

		if (code != HIN_OK)
			return code;
	}
	return HIN_OK;
}

static enum hin_code export_window(struct hin_query *q, struct hin_export *export, int64_t since_us,
				   int64_t until_us, struct hin_error *err)
{
	struct hin_store_range range = q->range;
	struct hin_store_effort effort = { 0 };
	enum hin_code code;

	range.since_us = since_us;
	range.until_us = until_us;
	code = hin_store_scan(q->store, &range, (UINT64_C(1) << HIN_FIELDS) - 1, q->limit,
			      export_rows, export, &effort, err);
	q->effort.blocks += effort.blocks;
	q->effort.blocks_skipped += effort.blocks_skipped;
	q->effort.rows_looked += effort.rows_looked;
	q->effort.rows_matched += effort.rows_matched;
	q->effort.bytes_read += effort.bytes_read;
	q->effort.damaged_blocks += effort.damaged_blocks;
	q->effort.damaged_rows += effort.damaged_rows;
	q->effort.rolled_left += effort.rolled_left;
	return code == HIN_OK ? hin_export_settle(export, err) : code;
}

/*
 * Flows that are put together need their rows within a window; an hour is a whole number of their
 * intervals, and what an hour holds fits into memory.
 */
static enum hin_code export_windows(struct hin_query *q, struct hin_export *export,
				    struct hin_error *err)
{
	const int64_t hour = INT64_C(3600) * 1000000;
	int64_t from = q->oldest_us, to = q->newest_us > 0 ? q->newest_us + 1 : 0;
	enum hin_code code = HIN_OK;

	if (q->range.since_us > from)
		from = q->range.since_us;
	if (q->range.until_us > 0 && q->range.until_us < to)
		to = q->range.until_us;
	if (!hin_export_is_grouped((enum hin_export_format)q->format))
		return export_window(q, export, q->range.since_us, q->range.until_us, err);
	for (int64_t at = from; at < to && code == HIN_OK;) {
		int64_t end = at - at % hour + hour;

		if (end > to)
			end = to;
		code = export_window(q, export, at > 0 ? at : 1, end, err);
		at = end;
	}
	return code;
}

enum hin_code hin_query_export(struct hin_query *q, struct hin_error *err)
{
	struct hin_export_counts counts = { 0 };
	struct hin_buffer out = { 0 };
	char text[HIN_WORDS_TEXT];
	enum hin_code code = hin_query_watch(q, err);

	if (code == HIN_OK)
		code = export_windows(q, q->export, err);
	hin_progress_end(&q->progress);
	if (code == HIN_OK)
		code = hin_export_finish(q->export, &counts, err);
	if (code != HIN_OK || q->quiet)
		return code;
	hin_buffer_printf(&out, q->lang == HIN_JA ? "%s 件を書き出し" : "%s records written",
			  hin_words_count(text, counts.written));
	if (counts.left_out > 0)
		hin_buffer_printf(&out,
				  q->lang == HIN_JA
					  ? "、この形式で表せない行 %s 件を除外"
					  : "; %s rows left out, which this format cannot say",
				  hin_words_count(text, counts.left_out));
	hin_buffer_putc(&out, '\n');
	hin_query_foot(q, &out);
	if (!out.failed)
		(void)fwrite(out.data, 1, out.used, stderr);
	hin_buffer_fini(&out);
	return HIN_OK;
}
