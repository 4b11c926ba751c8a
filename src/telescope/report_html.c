#include "base/escape.h"
#include "telescope/report_priv.h"
#include "text/words.h"

#include "telescope/report_style.inc"

#define ROWS_USUAL 50

struct page {
	struct sink sink;
	const struct hin_picture *picture;
	const struct hin_report_options *options;
	enum hin_lang lang;
	size_t rows;
};

static struct hin_buffer *buffer(struct page *page)
{
	return &page->sink.text;
}

static void put(struct page *page, const char *html)
{
	hin_buffer_puts(buffer(page), html);
}

static void put_text(struct page *page, const char *text)
{
	hin_report_markup(buffer(page), text);
}

/* --- tables --- */

static const char *row_class(enum level level)
{
	switch (level) {
	case LEVEL_ALARM:
		return " class=\"alarm-row\"";
	case LEVEL_WARN:
		return " class=\"warn-row\"";
	case LEVEL_NOTE:
	case LEVEL_CALM:
		break;
	}
	return "";
}

/* The classes of a cell: how it is set, and what a phone leaves out. */
static void put_cell_class(struct page *page, const struct report_column *column, bool first)
{
	struct hin_buffer *b = buffer(page);

	hin_buffer_puts(b, " class=\"");
	hin_buffer_puts(b, first ? "first" : column->right ? "n" : "t");
	if (column->keep == 0)
		hin_buffer_puts(b, " minor");
	if (column->look != NULL)
		hin_buffer_printf(b, " %s", column->look);
	hin_buffer_putc(b, '"');
}

static void put_head(struct page *page, const struct report_table *table)
{
	put(page, "<thead><tr>");
	for (size_t c = 0; c < table->column_count; c++) {
		put(page, "<th scope=\"col\"");
		put_cell_class(page, &table->columns[c], false);
		put(page, ">");
		put_text(page, table->columns[c].head);
		put(page, "</th>");
	}
	if (table->bars)
		put(page, "<th class=\"barcell\" aria-hidden=\"true\"></th>");
	put(page, "</tr></thead>\n<tbody>\n");
}

static void put_row(struct page *page, const struct report_table *table, size_t row)
{
	struct report_cells cells;

	hin_report_cells(&cells, table, row);
	hin_buffer_printf(buffer(page), "<tr%s>", row_class(cells.level));
	for (size_t c = 0; c < table->column_count; c++) {
		put(page, "<td");
		put_cell_class(page, &table->columns[c], c == 0);
		put(page, " data-label=\"");
		put_text(page, table->columns[c].head);
		put(page, "\">");
		put_text(page, hin_buffer_text(&cells.at[c]));
		if (c == 0 && cells.id != 0)
			hin_buffer_printf(buffer(page), "<span class=\"id\">%016llx</span>",
					  (unsigned long long)cells.id);
		put(page, "</td>");
	}
	if (table->bars) {
		put(page, "<td class=\"barcell minor\">");
		hin_report_bar(buffer(page), cells.share);
		put(page, "</td>");
	}
	put(page, "</tr>\n");
	hin_report_sink_row(&page->sink);
}

/* "50 of 18,012" */
static void put_count(struct page *page, size_t rows, uint64_t total)
{
	struct hin_buffer *b = buffer(page);

	put(page, "<span class=\"count\">");
	if (total > rows) {
		SAY(b, page->lang, "%zu of ", "%zu件 / ", rows);
		hin_report_count(b, total, page->lang);
		put(page, either(page->lang, "", "件"));
	} else {
		SAY(b, page->lang, "%zu", "%zu件", rows);
	}
	put(page, "</span>");
}

static void section(struct page *page, enum report_table_id id)
{
	struct report_table table;
	size_t rows;

	hin_report_table(&table, id, page->picture, page->options);
	rows = table.rows < page->rows ? table.rows : page->rows;
	if (rows == 0 && table.empty == NULL)
		return;
	hin_buffer_printf(buffer(page),
			  "<section id=\"%s\" aria-labelledby=\"h-%s\">\n<h2 id=\"h-%s\">",
			  table.id, table.id, table.id);
	put_text(page, table.title);
	if (rows > 0 && !table.summary)
		put_count(page, rows, table.total);
	put(page, "</h2>\n<p class=\"lead\">");
	if (rows == 0)
		put_text(page, table.empty);
	else if (table.lead != NULL)
		put_text(page, table.lead);
	put(page, "</p>\n");
	if (id == TABLE_PORTS && rows > 0)
		hin_report_multiples(buffer(page), page->picture, page->lang);
	if (rows > 0) {
		hin_buffer_printf(buffer(page),
				  "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
				  "aria-labelledby=\"h-%s\"><table class=\"%s\">\n"
				  "<caption class=\"vh\">",
				  table.id, table.summary ? "plain" : "cards");
		put_text(page, table.title);
		put(page, "</caption>\n");
		put_head(page, &table);
		for (size_t row = 0; row < rows; row++)
			put_row(page, &table, row);
		put(page, "</tbody></table></div>\n");
	}
	put(page, "</section>\n");
}

/* --- the top --- */

static void put_start(struct page *page)
{
	hin_buffer_printf(
		buffer(page),
		"<!DOCTYPE html>\n<html lang=\"%s\">\n<head>\n<meta charset=\"utf-8\">\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src '%s'; base-uri 'none'; form-action 'none'\">\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		"<meta name=\"referrer\" content=\"no-referrer\">\n"
		"<meta name=\"robots\" content=\"noindex\">\n<title>",
		either(page->lang, "en", "ja"), REPORT_STYLE_HASH);
	put_text(page, either(page->lang, "Hinomi telescope report", "火の見 望遠鏡レポート"));
	if (page->picture->packets > 0) {
		put(page, " - ");
		hin_report_moment(buffer(page), page->picture->first_us);
	}
	put(page, "</title>\n<style>");
	put(page, report_style);
	put(page, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#short\">");
	put_text(page, either(page->lang, "Skip to the verdict", "判定へ移動"));
	put(page, "</a>\n<div class=\"page\">\n");
}

static void put_header(struct page *page)
{
	const struct hin_picture *p = page->picture;
	struct hin_buffer *b = buffer(page);

	/* a watchtower: roof, bell, legs */
	put(page,
	    "<header>\n<svg class=\"logo\" viewBox=\"0 0 44 44\" aria-hidden=\"true\" "
	    "fill=\"none\" "
	    "stroke=\"currentColor\" stroke-width=\"2.6\" stroke-linecap=\"round\" "
	    "stroke-linejoin=\"round\"><path d=\"M9 13 22 4l13 9zM14 13v8h16v-8M14 21 9 40M30 "
	    "21l5 19M12 30h20M10.500 35.500l19-9.500M33.500 35.500l-19-9.500\"/><path "
	    "d=\"M20 14h4v3.500h-4z\" fill=\"currentColor\"/></svg>\n<div><h1>");
	put_text(page, either(page->lang, "Telescope report", "望遠鏡レポート"));
	if (p->recording != NULL) {
		put(page, " <span class=\"badge\">");
		put_text(page, either(page->lang, "laboratory recording", "実験室の記録"));
		put(page, "</span>");
	}
	put(page, "</h1><p>");
	if (p->packets > 0) {
		hin_report_moment(b, p->first_us);
		put(page, either(page->lang, " to ", " から "));
		hin_report_moment(b, p->last_us);
		put(page, " (");
		hin_report_span(b, p->first_us, p->last_us, page->lang);
		put(page, ")");
	}
	put(page, "</p></div>\n</header>\n");
}

static bool is_empty(const struct page *page, enum report_table_id id)
{
	struct report_table table;

	hin_report_table(&table, id, page->picture, page->options);
	return table.rows == 0;
}

static void put_nav(struct page *page)
{
	const struct {
		const char *id, *word;
		bool empty;
	} links[] = {
		{ "short", either(page->lang, "In short", "要点"), false },
		{ "time", either(page->lang, "Over time", "推移"),
		  page->picture->series_count == 0 },
		{ "members", either(page->lang, "Our own", "自組織"),
		  is_empty(page, TABLE_MEMBERS) },
		{ "victims", either(page->lang, "Under attack", "被害者"),
		  is_empty(page, TABLE_VICTIMS) },
		{ "amplification", either(page->lang, "Amplification", "増幅攻撃"),
		  is_empty(page, TABLE_AMPLIFICATION) },
		{ "floods", either(page->lang, "Floods", "集中攻撃"),
		  is_empty(page, TABLE_FLOODS) },
		{ "rising", either(page->lang, "Rising", "急増"), is_empty(page, TABLE_RISING) },
		{ "events", either(page->lang, "Scans", "走査"), is_empty(page, TABLE_EVENTS) },
		{ "ports", either(page->lang, "Ports", "ポート"), is_empty(page, TABLE_PORTS) },
		{ "inputs", either(page->lang, "Input", "入力"), is_empty(page, TABLE_INPUTS) },
		{ "words", either(page->lang, "Words", "用語"), false },
	};

	put(page, "<nav aria-label=\"");
	put_text(page, either(page->lang, "Sections", "目次"));
	put(page, "\"><ul>");
	for (size_t i = 0; i < HIN_COUNT(links); i++) {
		if (!links[i].empty)
			hin_buffer_printf(buffer(page), "<li><a href=\"#%s\">%s</a></li>",
					  links[i].id, links[i].word);
	}
	put(page, "</ul></nav>\n<main>\n");
}

/* --- verdict and tiles --- */

/* The start of a line up to its colon stands out; the rest follows. */
static void put_verdict_text(struct page *page, const char *text)
{
	const char *colon = strstr(text, ": ");
	char head[160];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(head)) {
		put_text(page, text);
		return;
	}
	memcpy(head, text, (size_t)(colon - text));
	head[colon - text] = '\0';
	put(page, "<b>");
	put_text(page, head);
	put(page, "</b>: ");
	put_text(page, colon + 2);
}

static void put_verdict(struct page *page)
{
	static const struct {
		const char *class, *shape, *en, *ja;
	} looks[] = {
		[LEVEL_CALM] = { "calm",
				 "M10 1a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm-1.300 13L4.800 "
				 "10l1.500-1.500 2.400 "
				 "2.500L13.800 6l1.500 1.500z",
				 "Calm", "平常" },
		[LEVEL_NOTE] = { "note",
				 "M10 1a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 5h2v2H9zm0 4h2v6H9z",
				 "Note", "注記" },
		[LEVEL_WARN] = { "warn",
				 "M10 .500 19.500 10 10 19.500.500 10zM9 5v6h2V5zm0 7.500v2h2v-2z",
				 "Warning", "注意" },
		[LEVEL_ALARM] = { "alarm", "M10 1 .500 18.500h19zM9 7h2v6H9zm0 7h2v2H9z", "Alarm",
				  "警報" },
	};
	struct verdict_line lines[REPORT_VERDICT_LINES];
	size_t count = hin_report_verdict(lines, page->picture, page->lang);

	put(page, "<section id=\"short\" aria-labelledby=\"h-short\">\n<h2 id=\"h-short\">");
	put_text(page, either(page->lang, "In short", "要点"));
	put(page, "</h2>\n<ul class=\"verdict\">\n");
	for (size_t i = 0; i < count; i++) {
		enum level level = lines[i].level;

		hin_buffer_printf(
			buffer(page),
			"<li class=\"%s\"><svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path "
			"fill-rule=\"evenodd\" d=\"%s\"/></svg><div><span class=\"vh\">%s: "
			"</span>",
			looks[level].class, looks[level].shape,
			either(page->lang, looks[level].en, looks[level].ja));
		put_verdict_text(page, lines[i].text);
		put(page, "</div></li>\n");
	}
	put(page, "</ul>\n</section>\n");
}

static void tile_start(struct page *page, const char *en, const char *ja)
{
	put(page, "<div><dt>");
	put_text(page, either(page->lang, en, ja));
	put(page, "</dt><dd><span class=\"big\">");
}

static void tile_end(struct page *page, const char *small)
{
	put(page, "</span></dd><dd class=\"small\">");
	put_text(page, small);
	put(page, "</dd></div>\n");
}

static void put_dark_tiles(struct page *page)
{
	const struct hin_picture *p = page->picture;
	double size = (double)p->dark_v4 + (double)p->dark_v6;
	char memory[96] = "", percent[HIN_WORDS_TEXT];
	struct hin_buffer small = hin_buffer_over(memory, sizeof(memory));

	tile_start(page, "Dark addresses watched", "観測アドレス数");
	if (!p->dark_known) {
		put_text(page, either(page->lang, "unknown", "不明"));
		tile_end(page,
			 either(page->lang, "no world-wide estimate", "全体の推定はしません"));
		return;
	}
	hin_report_count(buffer(page), p->dark_v4, page->lang);
	if (p->dark_hit > 0 && size < 1e15)
		SAY(&small, page->lang, "%s of them hit", "%sに到達",
		    hin_words_percent(percent, p->dark_hit, p->dark_v4 + p->dark_v6));
	if (p->dark_v6 > 0) {
		hin_buffer_puts(&small, small.used > 0 ? "; IPv6: " : "IPv6: ");
		hin_report_count(&small, p->dark_v6, page->lang);
	}
	tile_end(page, hin_buffer_text(&small));
	if (size > 0) {
		tile_start(page, "Packets per dark address", "1アドレスあたりのパケット");
		hin_buffer_printf(buffer(page), "%.3g", (double)p->packets / size);
		tile_end(page, either(page->lang, "NICTER's yardstick", "NICTERの指標"));
	}
}

static void put_tiles(struct page *page)
{
	const struct hin_picture *p = page->picture;
	struct hin_buffer *b = buffer(page);
	char bytes[HIN_WORDS_TEXT];

	put(page, "<dl class=\"tiles\">\n");
	tile_start(page, "Packets", "パケット");
	hin_report_count(b, p->packets, page->lang);
	tile_end(page, hin_words_bytes(bytes, p->bytes));
	tile_start(page, "Sources", "送信元");
	hin_report_count(b, p->sources, page->lang);
	tile_end(page, p->sources_exact ? either(page->lang, "counted exactly", "正確な数")
					: either(page->lang, "within about 2 %", "誤差約2 %"));
	put_dark_tiles(page);
	tile_start(page, "Scans", "走査");
	hin_report_count(b, p->event_total, page->lang);
	tile_end(page, either(page->lang, "by source and kind", "送信元と種別ごと"));
	tile_start(page, "Under attack elsewhere", "攻撃を受けている相手");
	hin_report_count(b, p->victim_total, page->lang);
	tile_end(page, either(page->lang, "their answers reach us", "応答がここへ届く"));
	put(page, "</dl>\n");
}

static void put_time(struct page *page)
{
	if (page->picture->series_count < 2)
		return;
	put(page, "<section id=\"time\" aria-labelledby=\"h-time\">\n<h2 id=\"h-time\">");
	put_text(page, either(page->lang, "Packets over time", "パケット数の推移"));
	put(page, "</h2>\n");
	hin_report_chart(buffer(page), page->picture, page->lang);
	put(page, "</section>\n");
	hin_report_sink_row(&page->sink);
}

/* --- the words --- */

static void put_words(struct page *page)
{
	static const struct {
		const char *name[2], *meaning[2];
	} words[] = {
		{ { "Dark space", "ダークネット" },
		  { "Addresses that nobody uses. Whoever sends there is guessing, scanning, "
		    "infected, or "
		    "answering someone who lied about his address.",
		    "誰も使っていないアドレスの集まり。そこへ届くのは、探索、走査、感染、または詐称"
		    "された送信元への"
		    "応答だけです。" } },
		{ { "Scan", "走査(スキャン)" },
		  { "Knocking at many addresses or ports to learn what is open.",
		    "多数のアドレスやポートに接続を試み、開いているものを探すこと。" } },
		{ { "Backscatter", "跳ね返り(バックスキャッタ)" },
		  { "Answers of a machine under attack to addresses that the attacker forged. The "
		    "sender "
		    "is a victim, not an attacker.",
		    "攻撃を受けた機器が、詐称された送信元へ返した応答。送り主は被害者であり、攻撃者"
		    "では"
		    "ありません。" } },
		{ { "Amplification", "増幅攻撃" },
		  { "Small forged questions make open servers send large answers to the victim.",
		    "詐称した小さな問い合わせにより、開いたサーバーから被害者へ大きな応答を送らせる"
		    "攻撃。" } },
		{ { "Flood", "集中攻撃(フラッド)" },
		  { "So many packets to one address that nothing else gets through.",
		    "一つの宛先に大量のパケットを送り、ほかの通信を通れなくする攻撃。" } },
		{ { "DAEDALUS alert", "DAEDALUS警報" },
		  { "One of our own machines sent to dark space: most likely it is infected.",
		    "自組織の機器がダークネットへ送信したことの警報。感染している可能性が高い状態で"
		    "す。" } },
		{ { "Tool", "ツール" },
		  { "Recognised by marks that the program leaves in its packets, never by one "
		    "packet alone "
		    "where chance could have made the mark.",
		    "プログラムがパケットに残す特徴で判定します。偶然の一致があり得る場合、1パケッ"
		    "トだけでは"
		    "判定しません。" } },
		{ { "est.", "推定" },
		  { "What we see, scaled from the dark space to the whole Internet; it holds when "
		    "the "
		    "sender chooses addresses at random.",
		    "観測値をダークネットからインターネット全体へ換算した値。宛先が無作為に選ばれる"
		    "場合に"
		    "成り立ちます。" } },
	};

	put(page, "<section id=\"words\" aria-labelledby=\"h-words\">\n<h2 id=\"h-words\">");
	put_text(page, either(page->lang, "What the words mean", "用語の意味"));
	put(page, "</h2>\n<dl class=\"words\">\n");
	for (size_t i = 0; i < HIN_COUNT(words); i++) {
		put(page, "<dt>");
		put_text(page, words[i].name[page->lang]);
		put(page, "</dt><dd>");
		put_text(page, words[i].meaning[page->lang]);
		put(page, "</dd>\n");
	}
	put(page, "</dl>\n</section>\n");
}

static void put_end(struct page *page)
{
	put(page, "</main>\n<footer>");
	if (page->options->program != NULL) {
		put_text(page, page->options->program);
		put(page, ". ");
	}
	put_text(page, either(page->lang,
			      "All times are UTC. This page loads nothing and runs no script.",
			      "時刻はすべてUTCです。このページは外部から何も読み込まず、スクリプト"
			      "も使いません。"));
	put(page, "</footer>\n</div>\n</body>\n</html>\n");
}

enum hin_code hin_report_html(FILE *out, const struct hin_picture *picture,
			      const struct hin_report_options *options, struct hin_error *err)
{
	static const struct hin_report_options usual = { 0 };
	struct page page = { .sink.out = out,
			     .picture = picture,
			     .options = options != NULL ? options : &usual };
	bool judged = picture->packets > 0 && !picture->decoded_only;

	page.lang = page.options->lang;
	page.rows = page.options->rows > 0 ? page.options->rows : ROWS_USUAL;
	put_start(&page);
	put_header(&page);
	put_nav(&page);
	put_verdict(&page);
	put_tiles(&page);
	section(&page, TABLE_MEMBERS);
	put_time(&page);
	section(&page, TABLE_VICTIMS);
	section(&page, TABLE_AMPLIFICATION);
	section(&page, TABLE_FLOODS);
	if (judged) {
		section(&page, TABLE_RISING);
		section(&page, TABLE_EVENTS);
	}
	section(&page, TABLE_PORTS);
	put(&page, "<div class=\"pair\">\n");
	section(&page, TABLE_TOOLS);
	section(&page, TABLE_KINDS);
	section(&page, TABLE_MARKS);
	section(&page, TABLE_REFUSED);
	section(&page, TABLE_LOST);
	put(&page, "</div>\n");
	section(&page, TABLE_INPUTS);
	put_words(&page);
	put_end(&page);
	return hin_report_sink_end(&page.sink, err);
}
