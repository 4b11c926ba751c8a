/* query_groups - answers of `hinomi query` that are grouped: tables, JSON, CSV. */
#include <stdlib.h>
#include <unistd.h>

#include "cmd/query.h"
#include "store/port_names.h"
#include "text/chart.h"
#include "text/style.h"
#include "text/table.h"

enum { BAR = 20, SMALL_BAR = 8, FILL_MOST = 100000 };

/* One line of the answer: a group, or an interval in which there is none. */
struct line {
	const struct hin_store_group *group; /* NULL: nothing in this interval */
	int64_t time_us;
};

typedef void (*line_fn)(const struct hin_query *q, const struct line *line, void *user);

/*
 * Give every line in order. In a plain series the intervals without rows are given too: that
 * nothing was there is an answer.
 */
static void each_line(const struct hin_query *q, const struct hin_store_answer *a, line_fn call,
		      void *user)
{
	int64_t step = q->question.interval_us, next = 0;
	bool fill = step > 0 && q->question.by_count == 0 && a->count > 1 &&
		    (a->groups[a->count - 1].time_us - a->groups[0].time_us) / step < FILL_MOST;

	for (size_t i = 0; i < a->count; i++) {
		const struct hin_store_group *g = &a->groups[i];
		struct line line = { .group = g, .time_us = g->time_us };

		for (; fill && i > 0 && next < g->time_us; next += step)
			call(q, &(struct line){ .time_us = next }, user);
		call(q, &line, user);
		next = g->time_us + step;
	}
}

static uint64_t measure(const struct hin_query *q, const struct hin_store_group *g)
{
	if (q->question.distinct)
		return g->distinct;
	switch ((enum hin_query_sum)q->sum) {
	case HIN_SUM_PACKETS:
		return g->packets;
	case HIN_SUM_BYTES:
		return g->bytes;
	case HIN_SUM_ROWS:
		break;
	}
	return g->count;
}

/* ---- the table ---- */

struct table_state {
	struct hin_table *table;
	uint64_t total, most;
};

/* 23 becomes "23 telnet", where the protocol is known or does not matter. */
static void add_port_name(const struct hin_query *q, const struct hin_store_group *g, unsigned i,
			  struct hin_buffer *cell)
{
	uint8_t proto = 0;
	const char *name;

	if (q->question.by[i] != HIN_FIELD_DPORT && q->question.by[i] != HIN_FIELD_SPORT)
		return;
	for (unsigned k = 0; k < q->question.by_count; k++)
		if (q->question.by[k] == HIN_FIELD_PROTO)
			proto = (uint8_t)g->by[k].number;
	if (proto == 1 || proto == 58)
		return;
	name = hin_port_name(proto, (uint16_t)g->by[i].number);
	if (name != NULL)
		hin_buffer_printf(cell, " %s", name);
}

static void table_line(const struct hin_query *q, const struct line *line, void *user)
{
	static const struct hin_store_group none;
	struct table_state *t = user;
	const struct hin_store_group *g = line->group != NULL ? line->group : &none;
	char text[HIN_WORDS_TEXT], when[HIN_ANSWER_TIME], memory[256];

	if (q->question.interval_us > 0) {
		hin_table_cell(t->table, hin_answer_time(when, line->time_us, HIN_ANSWER_PLAIN));
	}
	for (unsigned i = 0; i < q->question.by_count; i++) {
		struct hin_buffer cell = hin_buffer_over(memory, sizeof(memory));

		hin_answer_text(&cell, q->question.by[i], &g->by[i], q->lengths);
		add_port_name(q, g, i, &cell);
		hin_table_cell(t->table, hin_buffer_text(&cell));
	}
	if (q->question.interval_us == 0 && q->question.by_count == 0)
		hin_table_cell(t->table, hin_query_word(q, HIN_QW_ALL));
	if (q->question.distinct)
		hin_table_count(t->table, g->distinct);
	if (q->question.volume) {
		hin_table_count(t->table, g->packets);
		hin_table_count(t->table, g->bytes);
	}
	hin_table_count(t->table, g->count);
	if (q->question.interval_us > 0) {
		struct hin_buffer cell = hin_buffer_over(memory, sizeof(memory));

		hin_chart_bar(&cell, (double)measure(q, g), (double)t->most,
			      q->question.by_count > 0 ? SMALL_BAR : BAR, false);
		hin_table_cell(t->table, hin_buffer_text(&cell));
	} else if (!q->question.distinct) {
		hin_table_cell(t->table, hin_words_percent(text, measure(q, g), t->total));
	}
}

static size_t table_columns(const struct hin_query *q, struct hin_column *columns, char *distinct,
			    size_t distinct_size)
{
	const struct hin_store_question *ask = &q->question;
	size_t n = 0;

	if (ask->interval_us > 0)
		columns[n++] = (struct hin_column){ .title = hin_query_word(q, HIN_QW_TIME) };
	for (unsigned i = 0; i < ask->by_count; i++)
		columns[n++] = (struct hin_column){
			.title = hin_answer_title(ask->by[i], q->lang),
			.shrinks = ask->by[i] != HIN_FIELD_SRC && ask->by[i] != HIN_FIELD_DST,
		};
	if (n == 0)
		columns[n++] = (struct hin_column){ .title = "" };
	if (ask->distinct) {
		hin_buffer_printf(&(struct hin_buffer){ .data = distinct,
							.size = distinct_size,
							.borrowed = true },
				  q->lang == HIN_JA ? "異なる%s" : "Distinct %s",
				  q->lang == HIN_JA ? hin_answer_title(ask->distinct_field, q->lang)
						    : hin_answer_field_name(ask->distinct_field));
		columns[n++] = (struct hin_column){ .title = distinct, .align = HIN_RIGHT };
	}
	if (ask->volume) {
		columns[n++] =
			(struct hin_column){ .title = hin_answer_title(HIN_FIELD_PACKETS, q->lang),
					     .align = HIN_RIGHT };
		columns[n++] =
			(struct hin_column){ .title = hin_answer_title(HIN_FIELD_BYTES, q->lang),
					     .align = HIN_RIGHT };
	}
	columns[n++] =
		(struct hin_column){ .title = hin_query_word(q, HIN_QW_ROWS), .align = HIN_RIGHT };
	if (ask->interval_us > 0)
		columns[n++] = (struct hin_column){ .title = "" };
	else if (!ask->distinct)
		columns[n++] = (struct hin_column){ .title = hin_query_word(q, HIN_QW_SHARE),
						    .align = HIN_RIGHT };
	return n;
}

static enum hin_code print_table(struct hin_query *q, const struct hin_store_answer *a,
				 struct hin_buffer *out, struct hin_error *err)
{
	struct hin_table_layout layout = { .width = hin_style_columns(STDOUT_FILENO),
					   .color = hin_color_wanted((enum hin_color)q->colour,
								     STDOUT_FILENO) };
	struct hin_column columns[HIN_STORE_BY + 6];
	struct table_state t = { .total = measure(q, &a->total) };
	char distinct[96] = "", text[HIN_WORDS_TEXT];
	enum hin_code code;

	if (a->count == 0) {
		hin_buffer_printf(out, "%s\n", hin_query_word(q, HIN_QW_NOTHING));
		if (q->flows_alone)
			hin_buffer_printf(out, "%s\n", hin_query_word(q, HIN_QW_FLOWS));
		return HIN_OK;
	}
	t.table = hin_table_new(columns, table_columns(q, columns, distinct, sizeof(distinct)));
	if (t.table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the table");
	for (size_t i = 0; i < a->count; i++)
		if (measure(q, &a->groups[i]) > t.most)
			t.most = measure(q, &a->groups[i]);
	each_line(q, a, table_line, &t);
	code = hin_table_print(t.table, out, &layout);
	hin_table_free(t.table);
	if (code != HIN_OK)
		return hin_fail(err, code, "no room for the table");
	if (a->groups_found > a->count) {
		hin_words_count(text, a->groups_found - a->count);
		hin_buffer_printf(out,
				  q->lang == HIN_JA ? "ほか %s 件 (--top で表示)\n"
						    : "%s more; --top shows them\n",
				  text);
	}
	if (a->approximate)
		hin_buffer_printf(out, "%s\n", hin_query_word(q, HIN_QW_APPROXIMATE));
	if (q->flows_alone)
		hin_buffer_printf(out, "%s\n", hin_query_word(q, HIN_QW_FLOWS));
	return HIN_OK;
}

/* ---- JSON ---- */

struct json_state {
	struct hin_buffer *out;
	bool more;
};

static void json_measures(const struct hin_query *q, const struct hin_store_group *g,
			  struct hin_buffer *out)
{
	hin_buffer_printf(out, "\"rows\":%llu", (unsigned long long)g->count);
	if (q->question.volume)
		hin_buffer_printf(out, ",\"packets\":%llu,\"bytes\":%llu",
				  (unsigned long long)g->packets, (unsigned long long)g->bytes);
	if (q->question.distinct)
		hin_buffer_printf(out, ",\"distinct\":%llu", (unsigned long long)g->distinct);
}

static void json_line(const struct hin_query *q, const struct line *line, void *user)
{
	static const struct hin_store_group none;
	struct json_state *j = user;
	const struct hin_store_group *g = line->group != NULL ? line->group : &none;
	char when[HIN_ANSWER_TIME];

	hin_buffer_puts(j->out, j->more ? ",\n{" : "\n{");
	j->more = true;
	if (q->question.interval_us > 0)
		hin_buffer_printf(j->out, "\"time\":\"%s\",",
				  hin_answer_time(when, line->time_us, HIN_ANSWER_ISO));
	if (q->question.by_count > 0) {
		hin_buffer_puts(j->out, "\"by\":{");
		for (unsigned i = 0; i < q->question.by_count; i++) {
			hin_buffer_printf(j->out, "%s\"%s\":", i > 0 ? "," : "",
					  hin_answer_field_name(q->question.by[i]));
			hin_answer_json(j->out, q->question.by[i], &g->by[i], q->lengths);
		}
		hin_buffer_puts(j->out, "},");
	}
	json_measures(q, g, j->out);
	hin_buffer_putc(j->out, '}');
}

static void print_json(struct hin_query *q, const struct hin_store_answer *a,
		       struct hin_buffer *out)
{
	struct json_state j = { .out = out };

	hin_buffer_puts(out, "{\"groups\":[");
	each_line(q, a, json_line, &j);
	hin_buffer_printf(out, "],\n\"groups_found\":%llu,\n\"total\":{",
			  (unsigned long long)a->groups_found);
	json_measures(q, &a->total, out);
	hin_buffer_printf(out, "},\n\"approximate\":%s,\"flows_alone\":%s",
			  a->approximate ? "true" : "false", q->flows_alone ? "true" : "false");
	hin_query_foot_json(q, out);
	hin_buffer_puts(out, "}\n");
}

/* ---- CSV ---- */

static void csv_line(const struct hin_query *q, const struct line *line, void *user)
{
	static const struct hin_store_group none;
	const struct hin_store_group *g = line->group != NULL ? line->group : &none;
	struct hin_buffer *out = user;
	char when[HIN_ANSWER_TIME];

	if (q->question.interval_us > 0)
		hin_buffer_printf(out, "%s,", hin_answer_time(when, line->time_us, HIN_ANSWER_ISO));
	for (unsigned i = 0; i < q->question.by_count; i++) {
		hin_answer_csv(out, q->question.by[i], &g->by[i], q->lengths);
		hin_buffer_putc(out, ',');
	}
	if (q->question.distinct)
		hin_buffer_printf(out, "%llu,", (unsigned long long)g->distinct);
	if (q->question.volume)
		hin_buffer_printf(out, "%llu,%llu,", (unsigned long long)g->packets,
				  (unsigned long long)g->bytes);
	hin_buffer_printf(out, "%llu\n", (unsigned long long)g->count);
}

static void print_csv(struct hin_query *q, const struct hin_store_answer *a, struct hin_buffer *out)
{
	if (q->question.interval_us > 0)
		hin_buffer_puts(out, "time,");
	for (unsigned i = 0; i < q->question.by_count; i++)
		hin_buffer_printf(out, "%s,", hin_answer_field_name(q->question.by[i]));
	if (q->question.distinct)
		hin_buffer_printf(out, "distinct_%s,",
				  hin_answer_field_name(q->question.distinct_field));
	hin_buffer_puts(out, q->question.volume ? "packets,bytes,rows\n" : "rows\n");
	each_line(q, a, csv_line, out);
}

enum hin_code hin_query_groups(struct hin_query *q, struct hin_error *err)
{
	struct hin_store_answer answer = { 0 };
	struct hin_buffer out = { 0 };
	enum hin_code code = hin_store_group(q->store, &q->question, &answer, err);

	hin_progress_end(&q->progress);
	if (code != HIN_OK)
		return code;
	q->effort = answer.effort;
	code = hin_query_watch(q, err);
	if (code == HIN_OK && q->json)
		print_json(q, &answer, &out);
	else if (code == HIN_OK && q->csv)
		print_csv(q, &answer, &out);
	else if (code == HIN_OK)
		code = print_table(q, &answer, &out, err);
	if (code == HIN_OK && !q->json && !q->csv)
		hin_query_foot(q, &out);
	if (code == HIN_OK)
		code = hin_query_flush(&out, err);
	hin_buffer_fini(&out);
	hin_store_answer_fini(&answer);
	return code;
}
