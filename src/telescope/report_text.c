#include "base/escape.h"
#include "base/wrap.h"
#include "telescope/report_priv.h"
#include "text/table.h"
#include "text/words.h"

#define WIDTH_MOST 80
#define WIDTH_LEAST 60
#define ROWS_USUAL 10
#define ROWS_SUMMARY 20
#define INDENT 2
#define BAR 8
#define SPARK 60

struct text {
	struct sink sink;
	const struct hin_picture *picture;
	const struct hin_report_options *options;
	enum hin_lang lang;
	size_t width;
	size_t rows;
	bool out_of_memory;
};

static struct hin_buffer *buffer(struct text *t)
{
	return &t->sink.text;
}

/* A line of words, broken where the terminal ends. */
static void paragraph(struct text *t, enum hin_style style, const char *words)
{
	struct hin_buffer *b = buffer(t);

	hin_buffer_fill(b, ' ', INDENT);
	hin_style_start(b, style, t->options->colour);
	hin_wrap(b, words, INDENT, INDENT, t->width);
	hin_style_end(b, style, t->options->colour);
	hin_buffer_putc(b, '\n');
}

/* "-- Title ------------------ 10 of 18,012 --" */
static void heading(struct text *t, const char *title, const char *right)
{
	struct hin_buffer *b = buffer(t);
	size_t used = 3 + hin_width_of(title) + 1;
	size_t tail = right[0] != '\0' ? hin_width_of(right) + 4 : 0;

	hin_buffer_putc(b, '\n');
	hin_style_put(b, HIN_STYLE_DIM, t->options->colour, "-- ");
	hin_style_put(b, HIN_STYLE_BOLD, t->options->colour, title);
	hin_buffer_putc(b, ' ');
	hin_style_start(b, HIN_STYLE_DIM, t->options->colour);
	hin_buffer_fill(b, '-', t->width > used + tail ? t->width - used - tail : 2);
	if (tail > 0)
		hin_buffer_printf(b, " %s --", right);
	hin_style_end(b, HIN_STYLE_DIM, t->options->colour);
	hin_buffer_putc(b, '\n');
}

/* --- tables --- */

static enum hin_style style_of(enum level level)
{
	switch (level) {
	case LEVEL_ALARM:
		return HIN_STYLE_ALARM;
	case LEVEL_WARN:
		return HIN_STYLE_YELLOW;
	case LEVEL_NOTE:
	case LEVEL_CALM:
		break;
	}
	return HIN_STYLE_PLAIN;
}

/* Columns of the widest cell of each column, head included, over the rows that will be shown. */
static void measure(size_t widths[REPORT_COLUMNS], const struct report_table *table, size_t rows)
{
	struct report_cells cells;

	for (size_t c = 0; c < table->column_count; c++)
		widths[c] = hin_width_of(table->columns[c].head);
	for (size_t row = 0; row < rows; row++) {
		hin_report_cells(&cells, table, row);
		for (size_t c = 0; c < table->column_count; c++) {
			size_t width = hin_width_of(hin_buffer_text(&cells.at[c]));

			if (width > widths[c])
				widths[c] = width;
		}
	}
}

static size_t width_of_shown(const struct report_table *table, const size_t widths[REPORT_COLUMNS],
			     const bool shown[REPORT_COLUMNS])
{
	size_t sum = INDENT;

	for (size_t c = 0; c < table->column_count; c++) {
		size_t width = widths[c];

		if (!shown[c])
			continue;
		if (table->columns[c].least > 0 && width > table->columns[c].least)
			width = table->columns[c].least;
		sum += width + 2;
	}
	return sum - 2;
}

/* Leave out columns, the least important first, until the rest fits. Returns how many are left. */
static size_t choose(bool shown[REPORT_COLUMNS], const struct report_table *table,
		     const size_t widths[REPORT_COLUMNS], size_t width)
{
	size_t count = 0;

	for (size_t c = 0; c < table->column_count; c++)
		count += shown[c] = table->columns[c].keep > 0;
	while (width_of_shown(table, widths, shown) > width) {
		size_t least = REPORT_COLUMNS;

		for (size_t c = 0; c < table->column_count; c++) {
			uint8_t keep = table->columns[c].keep;

			if (shown[c] && keep < 9 &&
			    (least == REPORT_COLUMNS || keep <= table->columns[least].keep))
				least = c;
		}
		if (least == REPORT_COLUMNS)
			break;
		shown[least] = false;
		count--;
	}
	return count;
}

static void put_bar(struct hin_table *out, double share)
{
	char bar[BAR + 1];
	size_t size = (size_t)(share * BAR + 0.5);

	size = size > BAR ? BAR : size;
	memset(bar, '#', size);
	bar[size] = '\0';
	hin_table_cell(out, bar);
}

static void put_row(struct hin_table *out, const struct report_table *table,
		    const bool shown[REPORT_COLUMNS], size_t row, bool bars)
{
	struct report_cells cells;
	bool first = true;

	hin_report_cells(&cells, table, row);
	for (size_t c = 0; c < table->column_count; c++) {
		const char *cell = hin_buffer_text(&cells.at[c]);

		if (!shown[c])
			continue;
		if (first)
			hin_table_cell_styled(out, style_of(cells.level), cell);
		else
			hin_table_cell(out, cell);
		first = false;
	}
	if (bars)
		put_bar(out, cells.share);
}

static void put_table(struct text *t, const struct report_table *table, size_t rows)
{
	struct hin_table_layout layout = { .width = t->width,
					   .indent = INDENT,
					   .color = t->options->colour };
	struct hin_column columns[REPORT_COLUMNS + 1];
	size_t widths[REPORT_COLUMNS] = { 0 }, count = 0;
	bool shown[REPORT_COLUMNS] = { false }, bars;
	struct hin_table *out;

	measure(widths, table, rows);
	choose(shown, table, widths, t->width);
	for (size_t c = 0; c < table->column_count; c++) {
		if (shown[c])
			columns[count++] = (struct hin_column){
				.title = table->columns[c].head,
				.align = table->columns[c].right ? HIN_RIGHT : HIN_LEFT,
				.shrinks = table->columns[c].least > 0,
			};
	}
	bars = table->bars && width_of_shown(table, widths, shown) + 2 + BAR <= t->width;
	if (bars)
		columns[count++] = (struct hin_column){ .title = "", .most = BAR };
	out = hin_table_new(columns, count);
	if (out == NULL) {
		t->out_of_memory = true;
		return;
	}
	for (size_t row = 0; row < rows; row++)
		put_row(out, table, shown, row, bars);
	if (hin_table_print(out, buffer(t), &layout) != HIN_OK)
		t->out_of_memory = true;
	hin_table_free(out);
}

static void section(struct text *t, enum report_table_id id)
{
	char memory[2][HIN_WORDS_TEXT];
	struct hin_buffer total = hin_buffer_over(memory[0], sizeof(memory[0]));
	struct hin_buffer right = hin_buffer_over(memory[1], sizeof(memory[1]));
	struct report_table table;
	size_t rows = t->rows;

	hin_report_table(&table, id, t->picture, t->options);
	if (table.summary && rows < ROWS_SUMMARY)
		rows = ROWS_SUMMARY;
	if (rows > table.rows)
		rows = table.rows;
	if (rows == 0 && table.empty == NULL)
		return;
	if (table.total > rows && rows > 0) {
		hin_report_count(&total, table.total, t->lang);
		SAY(&right, t->lang, "%1$zu of %2$s", "%2$s件中%1$zu件", rows,
		    hin_buffer_text(&total));
	}
	heading(t, table.title, hin_buffer_text(&right));
	if (rows == 0) {
		paragraph(t, HIN_STYLE_PLAIN, table.empty);
		return;
	}
	if (table.lead != NULL)
		paragraph(t, HIN_STYLE_DIM, table.lead);
	put_table(t, &table, rows);
	hin_report_sink_row(&t->sink);
}

/* --- what it is about --- */

static void put_input(struct text *t, const struct hin_capture_input *in)
{
	const struct hin_report_options *options = t->options;
	struct hin_buffer *b = buffer(t);
	char name[160], number[HIN_WORDS_TEXT], digest[17] = "";
	char memory[640];
	struct hin_buffer line = hin_buffer_over(memory, sizeof(memory));

	hin_escape_text(name, sizeof(name), in->name != NULL ? in->name : "");
	if (in->digested)
		hin_report_hex(digest, in->sha256, 8);
	hin_buffer_fill(b, ' ', INDENT);
	hin_width_pad(b, name, t->width - INDENT - 47, HIN_LEFT);
	hin_buffer_puts(b, "  ");
	hin_width_pad(b, hin_words_count(number, in->packets), 12, HIN_RIGHT);
	hin_buffer_puts(b, either(t->lang, " packets", "パケット"));
	if (in->digested) {
		hin_buffer_puts(b, "  sha256 ");
		hin_style_put(b, HIN_STYLE_DIM, options->colour, digest);
	}
	hin_buffer_putc(b, '\n');
	if (in->fault == HIN_FAULT_NONE)
		return;
	hin_buffer_printf(&line, "! %s", hin_report_fault_word(in->fault, t->lang));
	if (in->fault != HIN_FAULT_IGNORED)
		SAY(&line, t->lang, " (at byte %s); what was whole is counted",
		    " (%sバイト目)。読めた分は集計済み", hin_words_count(number, in->fault_offset));
	paragraph(t, HIN_STYLE_YELLOW, hin_buffer_text(&line));
}

static void put_dark(struct text *t)
{
	const struct hin_picture *p = t->picture;
	char memory[320], number[HIN_WORDS_TEXT];
	struct hin_buffer line = hin_buffer_over(memory, sizeof(memory));
	double size = (double)p->dark_v4 + (double)p->dark_v6;

	if (!p->dark_known) {
		paragraph(t, HIN_STYLE_PLAIN,
			  either(t->lang, "Dark space: size unknown: no world-wide estimate.",
				 "ダークネット: 規模不明のため、全体の推定はしません。"));
		return;
	}
	hin_buffer_puts(&line, either(t->lang, "Dark space: ", "ダークネット: "));
	if (p->dark_v4 > 0 || p->dark_v6 == 0) {
		hin_report_count(&line, p->dark_v4, t->lang);
		hin_buffer_puts(&line, either(t->lang, " IPv4 addresses", "個のIPv4アドレス"));
	}
	if (p->dark_v4 > 0 && p->dark_v6 > 0)
		hin_buffer_puts(&line, either(t->lang, ", ", "、"));
	if (p->dark_v6 > 0) {
		hin_report_count(&line, p->dark_v6, t->lang);
		hin_buffer_puts(&line, either(t->lang, " IPv6 addresses", "個のIPv6アドレス"));
	}
	if (p->dark_hit > 0 && size < 1e15)
		SAY(&line, t->lang, ", %s of them hit", "(うち%sに到達)",
		    hin_words_percent(number, p->dark_hit, p->dark_v4 + p->dark_v6));
	paragraph(t, HIN_STYLE_PLAIN, hin_buffer_text(&line));
	if (size > 0 && p->packets > 0) {
		hin_buffer_reset(&line);
		SAY(&line, t->lang, "Yardstick: %.3g packets per dark address.",
		    "指標: 1アドレスあたり%.3gパケット。", (double)p->packets / size);
		paragraph(t, HIN_STYLE_PLAIN, hin_buffer_text(&line));
	}
}

static void put_about(struct text *t)
{
	const struct hin_picture *p = t->picture;
	size_t shown = p->input_count < t->rows ? p->input_count : t->rows;
	char memory[320], number[HIN_WORDS_TEXT];
	struct hin_buffer line = hin_buffer_over(memory, sizeof(memory));

	heading(t, either(t->lang, "What this is about", "対象"), "");
	for (size_t i = 0; i < shown; i++)
		put_input(t, &p->inputs[i]);
	if (p->input_count > shown) {
		SAY(&line, t->lang, "... and %s more files", "…ほか%sファイル",
		    hin_words_count(number, p->input_count - shown));
		paragraph(t, HIN_STYLE_PLAIN, hin_buffer_text(&line));
		hin_buffer_reset(&line);
	}
	if (p->interface[0] != '\0') {
		hin_buffer_puts(&line, either(t->lang, "Live on ", "ライブ観測: "));
		hin_escape(&line, p->interface, strnlen(p->interface, sizeof(p->interface)));
		paragraph(t, HIN_STYLE_PLAIN, hin_buffer_text(&line));
		hin_buffer_reset(&line);
	}
	put_dark(t);
	hin_report_count(&line, p->packets, t->lang);
	hin_buffer_puts(&line, either(t->lang, " packets from ", "パケット、送信元"));
	if (!p->sources_exact)
		hin_buffer_puts(&line, either(t->lang, "about ", "約"));
	hin_report_count(&line, p->sources, t->lang);
	hin_buffer_puts(
		&line, either(t->lang, p->sources == 1 ? " source; " : " sources; ", "アドレス、"));
	hin_buffer_puts(&line, hin_words_bytes(number, p->bytes));
	hin_buffer_puts(&line, either(t->lang, ".", "。"));
	paragraph(t, HIN_STYLE_PLAIN, hin_buffer_text(&line));
}

/* --- packets over time in one line --- */

/* Sum the series into at most SPARK bins; returns how many, and the largest point. */
static size_t spark_bins(uint64_t bins[SPARK], const struct hin_picture *p, size_t *peak)
{
	size_t per = (p->series_count + SPARK - 1) / SPARK;
	size_t count = (p->series_count + per - 1) / per;

	*peak = 0;
	memset(bins, 0, SPARK * sizeof(*bins));
	for (size_t i = 0; i < p->series_count; i++) {
		uint64_t *bin = &bins[i / per];

		if (__builtin_add_overflow(*bin, p->series[i].packets, bin))
			*bin = UINT64_MAX;
		if (p->series[i].packets > p->series[*peak].packets)
			*peak = i;
	}
	return count;
}

static void put_spark(struct text *t)
{
	static const char *const steps[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	const struct hin_picture *p = t->picture;
	bool hourly = p->series_step_us >= 3600000000;
	uint64_t bins[SPARK], most = 0;
	struct hin_buffer *b = buffer(t);
	char memory[320];
	struct hin_buffer line = hin_buffer_over(memory, sizeof(memory));
	size_t count, peak;

	if (p->series_count < 2)
		return;
	count = spark_bins(bins, p, &peak);
	for (size_t i = 0; i < count; i++)
		most = bins[i] > most ? bins[i] : most;
	if (most == 0)
		return;
	heading(t,
		hourly ? either(t->lang, "Packets by the hour", "1時間ごとのパケット数")
		       : either(t->lang, "Packets by the minute", "1分ごとのパケット数"),
		"");
	hin_buffer_fill(b, ' ', INDENT);
	for (size_t i = 0; i < count; i++) {
		size_t step = (size_t)((double)bins[i] / (double)most * 7.0 + 0.5);

		hin_buffer_puts(b, bins[i] == 0 ? " " : steps[step > 7 ? 7 : step]);
	}
	hin_buffer_putc(b, '\n');
	hin_report_moment(&line, p->series[0].time_us);
	hin_buffer_puts(&line, either(t->lang, " to ", " から "));
	hin_report_moment(&line, p->series[p->series_count - 1].time_us);
	hin_buffer_puts(&line, either(t->lang, "; most: ", "。最多: "));
	hin_report_count(&line, p->series[peak].packets, t->lang);
	hin_buffer_puts(&line, either(t->lang, " at ", " ("));
	hin_report_moment_short(&line, p->series[peak].time_us, p);
	hin_buffer_puts(&line, either(t->lang, ".", ")"));
	paragraph(t, HIN_STYLE_DIM, hin_buffer_text(&line));
}

/* --- the top --- */

static void put_title(struct text *t)
{
	const struct hin_picture *p = t->picture;
	struct hin_buffer *b = buffer(t);
	char memory[320];
	struct hin_buffer line = hin_buffer_over(memory, sizeof(memory));

	hin_style_put(b, HIN_STYLE_BOLD, t->options->colour,
		      either(t->lang, "Hinomi telescope report", "火の見 望遠鏡レポート"));
	if (p->recording != NULL)
		hin_buffer_puts(b, either(t->lang, " (laboratory recording)", " (実験室の記録)"));
	if (t->options->program != NULL)
		hin_buffer_printf(b, "  [%s]", t->options->program);
	hin_buffer_putc(b, '\n');
	if (p->packets == 0)
		return;
	hin_report_moment(&line, p->first_us);
	hin_buffer_puts(&line, either(t->lang, " to ", " から "));
	hin_report_moment(&line, p->last_us);
	hin_buffer_puts(&line, " (");
	hin_report_span(&line, p->first_us, p->last_us, t->lang);
	hin_buffer_puts(&line, ")");
	paragraph(t, HIN_STYLE_PLAIN, hin_buffer_text(&line));
}

static void put_verdict(struct text *t)
{
	static const char *const signs[] = { [LEVEL_CALM] = "   ",
					     [LEVEL_NOTE] = " - ",
					     [LEVEL_WARN] = " ! ",
					     [LEVEL_ALARM] = "!! " };
	struct verdict_line lines[REPORT_VERDICT_LINES];
	size_t count = hin_report_verdict(lines, t->picture, t->lang);
	struct hin_buffer *b = buffer(t);

	hin_buffer_putc(b, '\n');
	for (size_t i = 0; i < count; i++) {
		enum hin_style style = style_of(lines[i].level);

		if (lines[i].level == LEVEL_CALM)
			style = HIN_STYLE_GREEN;
		hin_style_put(b, style, t->options->colour, signs[lines[i].level]);
		hin_style_start(b, lines[i].level == LEVEL_ALARM ? style : HIN_STYLE_PLAIN,
				t->options->colour);
		hin_wrap(b, lines[i].text, 3, 3, t->width);
		hin_style_end(b, lines[i].level == LEVEL_ALARM ? style : HIN_STYLE_PLAIN,
			      t->options->colour);
		hin_buffer_putc(b, '\n');
	}
}

static size_t width_of(const struct hin_report_options *options)
{
	size_t width = options->width == 0 ? WIDTH_MOST : options->width;

	if (width > WIDTH_MOST)
		return WIDTH_MOST;
	return width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

enum hin_code hin_report_text(FILE *out, const struct hin_picture *picture,
			      const struct hin_report_options *options, struct hin_error *err)
{
	static const struct hin_report_options usual = { 0 };
	struct text t = { .sink.out = out,
			  .picture = picture,
			  .options = options != NULL ? options : &usual };

	t.lang = t.options->lang;
	t.width = width_of(t.options);
	t.rows = t.options->rows > 0 ? t.options->rows : ROWS_USUAL;
	put_title(&t);
	put_verdict(&t);
	put_about(&t);
	put_spark(&t);
	for (enum report_table_id id = TABLE_MEMBERS; id < TABLE_INPUTS; id++) {
		if ((id == TABLE_RISING || id == TABLE_EVENTS) &&
		    (picture->packets == 0 || picture->decoded_only))
			continue; /* there was nothing to judge */
		section(&t, id);
	}
	if (t.out_of_memory)
		t.sink.text.failed = true;
	return hin_report_sink_end(&t.sink, err);
}
