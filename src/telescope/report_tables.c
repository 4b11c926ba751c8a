#include "base/escape.h"
#include "telescope/report_priv.h"
#include "text/words.h"

/* What a column is like. */
enum {
	PLAIN = 0, /* text that is never cut */
	NUMBER = 1,
	NAME = 12, /* text that may be cut down to so many columns */
	LIST = 16,
	WORDS = 20,
	DIGEST = 101,
	UNBROKEN = 102,
	SPAN = 103,
};

/* How long a column stays when a terminal is too narrow for all; 0 is for the page alone. */
enum {
	PAGE = 0,
	KEEP_LITTLE = 1,
	KEEP = 2,
	KEEP_LONG = 3,
	KEEP_ALWAYS = 9,
};

static void add(struct report_table *t, uint8_t keep, uint8_t how, const char *en, const char *ja)
{
	struct report_column *column = &t->columns[t->column_count];

	if (t->column_count == REPORT_COLUMNS)
		return;
	t->column_count++;
	*column = (struct report_column){ .head = either(t->lang, en, ja), .keep = keep };
	switch (how) {
	case NUMBER:
		column->right = true;
		break;
	case NAME:
	case LIST:
	case WORDS:
		column->least = how;
		break;
	case DIGEST:
		column->look = "id digest";
		break;
	case UNBROKEN:
		column->look = "nowrap";
		break;
	case SPAN:
		column->look = "span";
		break;
	}
}

/* Where an address is, when tables that know were given. */
static void add_place(struct report_table *t)
{
	if (t->options->geo_count == 0)
		return;
	add(t, KEEP, PLAIN, "From", "国");
	add(t, PAGE, PLAIN, "Network", "ネットワーク");
}

/* The cells of add_place(); returns the next one. */
static struct hin_buffer *put_place(struct hin_buffer *c, const struct report_table *t,
				    const struct hin_addr *addr)
{
	struct hin_geo_info place;

	if (t->options->geo_count == 0)
		return c;
	hin_report_place(&place, t->options, addr);
	hin_buffer_puts(c++, place.country[0] != '\0' ? place.country : "-");
	if (place.as_number != 0)
		hin_buffer_printf(c, "AS%u %s", place.as_number, place.as_name);
	return c + 1;
}

static void put_addr(struct hin_buffer *out, const struct hin_addr *addr)
{
	char text[HIN_ADDR_TEXT];

	hin_buffer_puts(out, hin_addr_format(addr, text));
}

static void put_name(struct hin_buffer *out, const char name[HIN_NAME_TEXT])
{
	hin_escape(out, name, strnlen(name, HIN_NAME_TEXT));
}

static void put_share(struct hin_buffer *out, uint64_t part, uint64_t whole)
{
	char text[HIN_WORDS_TEXT];

	hin_buffer_puts(out, hin_words_percent(text, part, whole));
}

static void put_coverage(struct hin_buffer *out, double coverage)
{
	if (!(coverage > 0))
		hin_buffer_putc(out, '-');
	else
		put_share(out, coverage < 1 ? (uint64_t)(coverage * 1e9) + 1 : 1,
			  coverage < 1 ? 1000000000 : 1);
}

static double share(uint64_t part, uint64_t whole)
{
	double value = whole > 0 ? (double)part / (double)whole : 0;

	return value < 1 ? value : 1;
}

static void put_rate(struct hin_buffer *out, double rate, enum hin_lang lang)
{
	if (rate > 0 && isfinite(rate))
		hin_report_estimate(out, rate, lang);
	else
		hin_buffer_putc(out, '-');
}

/* A tool with its confidence: "ZMap 99 %". A stack is told too, as what it is. */
static void put_tool(struct hin_buffer *out, enum hin_tool tool, uint8_t confidence,
		     enum hin_lang lang)
{
	if (tool == HIN_SIGN_NONE) {
		hin_buffer_putc(out, '-');
		return;
	}
	hin_buffer_puts(out, hin_report_tool_word(tool, lang));
	if (confidence < 90)
		hin_buffer_printf(out, " (%u %%)", confidence);
}

static void member_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_member *m = &t->picture->members[row];
	struct hin_buffer *c = cells->at;

	cells->level = m->infected ? LEVEL_ALARM : LEVEL_WARN;
	put_addr(c++, &m->address);
	c = put_place(c, t, &m->address);
	put_name(c++, m->name);
	hin_buffer_puts(c++, m->infected ? either(t->lang, "infected?", "感染の疑い")
					 : either(t->lang, "under attack", "被攻撃"));
	put_tool(c++, m->tool, m->confidence, t->lang);
	hin_report_ports(c++, m->top_proto, m->top, m->top_count, m->ports, 2);
	hin_report_count(c++, m->packets, t->lang);
	hin_report_count(c++, m->targets, t->lang);
	put_addr(c, &m->first_target);
	if (hin_report_has_ports(m->top_proto))
		hin_buffer_printf(c, hin_addr_is_v4(&m->first_target) ? ":%u" : " port %u",
				  m->first_port);
	c++;
	hin_report_moment_short(c++, m->first_us, t->picture);
	hin_report_moment_short(c++, m->last_us, t->picture);
}

static void member_table(struct report_table *t)
{
	t->id = "members";
	t->title =
		either(t->lang, "Our own machines (DAEDALUS alert)", "自組織の機器(DAEDALUS警報)");
	t->lead = either(
		t->lang,
		"Nothing lives in dark space, so a healthy machine never asks there. One that "
		"answers is being attacked under forged names.",
		"ダークネットには誰もいないため、正常な機器がそこへ問い合わせることはありません。"
		"応答だけを送る機器は、送信元を詐称した攻撃を受けています。");
	t->rows = t->picture->member_count;
	t->total = t->picture->member_total;
	t->row = member_row;
	add(t, KEEP_ALWAYS, PLAIN, "Address", "アドレス");
	add_place(t);
	add(t, KEEP, NAME, "Name", "名称");
	add(t, KEEP_ALWAYS, UNBROKEN, "State", "状態");
	add(t, KEEP_LONG, NAME, "Tool", "ツール");
	add(t, KEEP_LONG, LIST, "Ports", "ポート");
	add(t, KEEP_LONG, NUMBER, "Packets", "パケット");
	add(t, PAGE, NUMBER, "Targets", "宛先数");
	add(t, PAGE, PLAIN, "First target", "最初の宛先");
	add(t, KEEP_LITTLE, UNBROKEN, "First, UTC", "初回 (UTC)");
	add(t, PAGE, UNBROKEN, "Last, UTC", "最終 (UTC)");
}

static void victim_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_victim *v = &t->picture->victims[row];
	struct hin_buffer *c = cells->at;

	cells->level = v->member ? LEVEL_ALARM : LEVEL_CALM;
	put_addr(c++, &v->address);
	c = put_place(c, t, &v->address);
	if (v->many_ports)
		hin_buffer_puts(c++, either(t->lang, "many ports", "多数のポート"));
	else if (hin_report_has_ports(v->proto))
		hin_report_port(c++, v->proto, v->port);
	else
		hin_buffer_puts(c++, either(t->lang, "the host itself", "ホスト自体"));
	hin_buffer_puts(c++, hin_report_class_word(v->class, t->lang));
	hin_report_count(c++, v->packets, t->lang);
	hin_report_count(c++, v->targets, t->lang);
	hin_report_count(c++, v->syn_acks, t->lang);
	hin_report_count(c++, v->icmp_errors, t->lang);
	hin_report_count(c++, v->peak, t->lang);
	if (t->picture->dark_known) {
		put_rate(c++, v->attack_rate, t->lang);
		put_rate(c++, v->attack_packets, t->lang);
	}
	hin_report_moment_short(c++, v->first_us, t->picture);
	hin_report_span(c, v->first_us, v->last_us, t->lang);
	if (v->open)
		hin_buffer_puts(c, either(t->lang, ", going on", "、継続中"));
	c++;
	cells->id = v->link;
}

static void victim_table(struct report_table *t)
{
	bool known = t->picture->dark_known;

	t->id = "victims";
	t->title = either(t->lang, "Under attack elsewhere (backscatter)",
			  "攻撃を受けている相手(跳ね返り・バックスキャッタ)");
	t->lead =
		known ? either(t->lang,
			       "Attackers forge our unused addresses; their victims answer to us. "
			       "Size of an attack: what we see x 2^32 / dark addresses (Moore).",
			       "攻撃者が詐称した送信元に未使用アドレスが含まれるため、被害者の応答"
			       "が届きます。"
			       "攻撃規模は、観測数×2^32÷ダークネットのアドレス数による推定です("
			       "Moore)。")
		      : either(t->lang,
			       "Attackers forge unused addresses; their victims answer to us. Size "
			       "unknown: no world-wide estimate.",
			       "攻撃者が詐称した送信元に未使用アドレスが含まれるため、被害者の応答"
			       "が届きます。"
			       "ダークネットの規模が不明なため、全体の推定はしません。");
	t->rows = t->picture->victim_count;
	t->total = t->picture->victim_total;
	t->row = victim_row;
	add(t, KEEP_ALWAYS, PLAIN, "Address", "アドレス");
	add_place(t);
	add(t, KEEP_ALWAYS, LIST, "Attacked", "攻撃対象");
	add(t, KEEP_LITTLE, UNBROKEN, "We see", "観測内容");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, PAGE, NUMBER, "To addresses", "宛先数");
	add(t, PAGE, NUMBER, "SYN-ACK", "SYN-ACK");
	add(t, PAGE, NUMBER, "ICMP errors", "ICMPエラー");
	add(t, known ? PAGE : KEEP, NUMBER, "Peak/min", "最大/分");
	if (known) {
		add(t, KEEP_LONG, NUMBER, "Attack/s (est.)", "攻撃/秒(推定)");
		add(t, PAGE, NUMBER, "Attack packets (est.)", "攻撃総数(推定)");
	}
	add(t, KEEP, UNBROKEN, "Since, UTC", "開始 (UTC)");
	add(t, KEEP_LONG, SPAN, "For", "期間");
}

static void amplification_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_flood *f = &t->picture->amplifications[row];
	const char *meaning = NULL;
	char service[HIN_SERVICE_TEXT];
	struct hin_buffer *c = cells->at;

	if (hin_amplifier_name(f->proto, f->port) != NULL)
		meaning = hin_amplifier_meaning(f->port, t->lang);
	cells->level = LEVEL_WARN;
	put_addr(c++, &f->target);
	c = put_place(c, t, &f->target);
	hin_buffer_puts(c++, hin_report_flood_service(service, f, true));
	hin_buffer_puts(c++, meaning != NULL ? meaning : "-");
	hin_report_count(c++, f->sources, t->lang);
	hin_report_count(c++, f->packets, t->lang);
	hin_report_count(c++, f->bytes, t->lang);
	hin_report_count(c++, f->fragments, t->lang);
	hin_report_count(c++, f->peak, t->lang);
	hin_report_moment_short(c++, f->first_us, t->picture);
	hin_report_span(c++, f->first_us, f->last_us, t->lang);
	cells->id = f->link;
}

static void amplification_table(struct report_table *t)
{
	t->id = "amplification";
	t->title = either(t->lang, "Amplification: answers that nobody asked for",
			  "増幅攻撃(リフレクション): 求めていない応答");
	t->lead = either(
		t->lang,
		"Open servers are made to send their large answers to one target. The servers "
		"are tools, not attackers.",
		"開いたサーバーが悪用され、大きな応答が一つの宛先へ送られています。"
		"サーバーは踏み台であり、攻撃者ではありません。");
	t->rows = t->picture->amplification_count;
	t->total = t->picture->amplification_total;
	t->row = amplification_row;
	add(t, KEEP_ALWAYS, PLAIN, "Target", "宛先");
	add_place(t);
	add(t, KEEP_ALWAYS, PLAIN, "Protocol", "プロトコル");
	add(t, KEEP_LITTLE, WORDS, "Abused", "悪用された機器");
	add(t, KEEP_LONG, NUMBER, "Servers", "台数");
	add(t, KEEP_LONG, NUMBER, "Packets", "パケット");
	add(t, KEEP, NUMBER, "Bytes", "バイト");
	add(t, PAGE, NUMBER, "Fragments", "フラグメント");
	add(t, PAGE, NUMBER, "Peak/min", "最大/分");
	add(t, KEEP, UNBROKEN, "Since, UTC", "開始 (UTC)");
	add(t, KEEP_LONG, SPAN, "For", "期間");
}

static void flood_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_flood *f = &t->picture->floods[row];
	struct hin_buffer *c = cells->at;

	cells->level = LEVEL_WARN;
	put_addr(c++, &f->target);
	c = put_place(c, t, &f->target);
	if (hin_report_has_ports(f->proto))
		hin_report_port(c++, f->proto, f->port);
	else
		hin_buffer_putc(c++, '-');
	hin_buffer_puts(c++, hin_report_class_word(f->class, t->lang));
	hin_report_count(c++, f->packets, t->lang);
	hin_report_count(c++, f->bytes, t->lang);
	hin_report_count(c++, f->sources, t->lang);
	hin_buffer_puts(c++, f->spoofed ? either(t->lang, "forged", "詐称")
					: either(t->lang, "real?", "実在か"));
	hin_report_count(c++, f->peak, t->lang);
	hin_report_moment_short(c++, f->first_us, t->picture);
	hin_report_span(c++, f->first_us, f->last_us, t->lang);
	cells->id = f->link;
}

static void flood_table(struct report_table *t)
{
	t->id = "floods";
	t->title = either(t->lang, "Floods to one address", "一つの宛先への集中(フラッド)");
	t->lead = either(t->lang,
			 "Forged: nearly every source was seen only once or cannot exist, so the "
			 "sources are not the attackers.",
			 "詐称: "
			 "ほぼすべての送信元が一度しか現れないか実在しないため、送信元は攻撃者では"
			 "ありません。");
	t->rows = t->picture->flood_count;
	t->total = t->picture->flood_total;
	t->row = flood_row;
	add(t, KEEP_ALWAYS, PLAIN, "Target", "宛先");
	add_place(t);
	add(t, KEEP_ALWAYS, LIST, "Port", "ポート");
	add(t, KEEP_LONG, UNBROKEN, "Kind", "種別");
	add(t, KEEP_LONG, NUMBER, "Packets", "パケット");
	add(t, PAGE, NUMBER, "Bytes", "バイト");
	add(t, KEEP_LONG, NUMBER, "Sources", "送信元数");
	add(t, KEEP_LONG, PLAIN, "They are", "送信元");
	add(t, KEEP_LITTLE, NUMBER, "Peak/min", "最大/分");
	add(t, KEEP, UNBROKEN, "Since, UTC", "開始 (UTC)");
	add(t, KEEP, SPAN, "For", "期間");
}

static void put_marks(struct hin_buffer *out, const struct hin_event *e, enum hin_lang lang)
{
	const struct {
		bool set;
		const char *word;
	} marks[] = {
		{ e->member, either(lang, "our own", "自組織") },
		{ e->spoofed, either(lang, "forged source", "送信元詐称の疑い") },
		{ e->bogon, either(lang, "impossible source", "存在しない送信元") },
		{ e->unroutable, either(lang, "private source", "プライベート送信元") },
	};

	put_name(out, e->research);
	for (size_t i = 0; i < HIN_COUNT(marks); i++) {
		if (!marks[i].set)
			continue;
		if (out->used > 0)
			hin_buffer_puts(out, either(lang, ", ", "、"));
		hin_buffer_puts(out, marks[i].word);
	}
}

static void event_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_event *e = &t->picture->events[row];
	struct hin_buffer *c = cells->at;
	char source[REPORT_ADDR_TEXT];

	cells->level = e->member ? LEVEL_ALARM : LEVEL_CALM;
	hin_buffer_puts(c++, hin_report_source(source, e));
	c = put_place(c, t, &e->source);
	hin_buffer_puts(c++, hin_report_scan_word(e->scan, t->lang));
	hin_buffer_puts(c++, hin_report_class_word(e->class, t->lang));
	put_tool(c++, e->tool, e->confidence, t->lang);
	hin_report_ports(c++, hin_report_class_proto(e->class), e->top, e->top_count, e->ports, 2);
	hin_report_count(c++, e->targets, t->lang);
	hin_report_count(c++, e->packets, t->lang);
	put_rate(c++, e->rate, t->lang);
	if (t->picture->dark_known) {
		put_rate(c++, e->world_rate, t->lang);
		put_coverage(c++, e->coverage);
	}
	hin_report_moment_short(c++, e->first_us, t->picture);
	hin_report_span(c, e->first_us, e->last_us, t->lang);
	if (e->open)
		hin_buffer_puts(c, either(t->lang, ", going on", "、継続中"));
	c++;
	put_marks(c++, e, t->lang);
	cells->id = e->link;
}

static void event_table(struct report_table *t)
{
	t->id = "events";
	t->title = either(t->lang, "Who scans", "走査している送信元");
	t->lead = either(
		t->lang,
		"Horizontal: one port on many addresses. Vertical: many ports of one. Block: "
		"both. Port +N: and N ports more.",
		"水平: 同じポートを多数のアドレスへ。垂直: 一つのアドレスの多数のポートへ。"
		"ブロック: その両方。+N: ほかにNポート。");
	t->empty = either(t->lang, "Nobody asked for anything.", "走査はありません。");
	t->rows = t->picture->event_count;
	t->total = t->picture->event_total;
	t->row = event_row;
	add(t, KEEP_ALWAYS, PLAIN, "Source", "送信元");
	add_place(t);
	add(t, KEEP_LONG, UNBROKEN, "Scan", "走査");
	add(t, PAGE, UNBROKEN, "Kind", "種別");
	add(t, KEEP_LONG, NAME, "Tool", "ツール");
	add(t, KEEP_ALWAYS, LIST, "Port", "ポート");
	add(t, KEEP, NUMBER, "Targets", "宛先数");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, PAGE, NUMBER, "Rate/s", "毎秒");
	if (t->picture->dark_known) {
		add(t, PAGE, NUMBER, "World-wide/s (est.)", "全体/秒(推定)");
		add(t, PAGE, NUMBER, "Dark space hit", "到達率");
	}
	add(t, PAGE, UNBROKEN, "Since, UTC", "開始 (UTC)");
	add(t, KEEP, SPAN, "For", "期間");
	add(t, PAGE, PLAIN, "Remarks", "備考");
}

static void rising_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_rising *r = &t->picture->rising[row];
	const char *meaning = hin_service_meaning(r->proto, r->port, t->lang);
	struct hin_buffer *c = cells->at;

	cells->level = LEVEL_NOTE;
	hin_report_port(c++, r->proto, r->port);
	hin_buffer_puts(c++, meaning != NULL ? meaning : "-");
	hin_report_moment_short(c++, r->time_us, t->picture);
	hin_buffer_puts(c++, r->hourly ? either(t->lang, "an hour", "1時間")
				       : either(t->lang, "a minute", "1分"));
	hin_report_count(c++, r->count, t->lang);
	if (r->expected > 0)
		hin_report_estimate(c++, r->expected, t->lang);
	else
		hin_buffer_putc(c++, '0');
	if (isfinite(r->score) && r->score < 1000)
		hin_buffer_printf(c++, "%.1f", r->score);
	else
		hin_buffer_puts(c++, ">999");
}

static void rising_table(struct report_table *t)
{
	t->id = "rising";
	t->title = either(t->lang, "What rose", "急増したポート");
	t->lead = either(t->lang, "Against the port's own past. Score: in standard deviations.",
			 "そのポート自身の過去との比較です。スコアは標準偏差の倍数です。");
	t->empty =
		t->picture->rising_too_short
			? either(t->lang,
				 "Too short to say what rose: each port needs a past of its own "
				 "first.",
				 "記録が短いため判定できません(各ポートの過去の記録が必要です)。")
			: either(t->lang, "No port rose against its own past.",
				 "過去と比べて急増したポートはありません。");
	t->rows = t->picture->rising_count;
	t->total = t->picture->rising_total;
	t->row = rising_row;
	add(t, KEEP_ALWAYS, LIST, "Port", "ポート");
	add(t, KEEP, WORDS, "What listens there", "用途");
	add(t, KEEP_LONG, UNBROKEN, "When, UTC", "日時 (UTC)");
	add(t, KEEP, PLAIN, "Within", "単位");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, KEEP_LONG, NUMBER, "Expected", "予想");
	add(t, KEEP_LONG, NUMBER, "Score", "スコア");
}

static void port_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_port_stat *s = &t->picture->ports[row];
	const char *meaning = hin_service_meaning(s->proto, s->port, t->lang);
	const char *name = hin_service_name(s->proto, s->port);
	char proto[HIN_SERVICE_TEXT];
	struct hin_buffer *c = cells->at;

	hin_buffer_printf(c++, "%u/%s", s->port, hin_report_protocol(proto, s->proto));
	hin_buffer_puts(c++, name != NULL ? name : "-");
	hin_buffer_puts(c++, meaning != NULL ? meaning : "-");
	hin_report_count(c++, s->sources, t->lang);
	hin_report_count(c++, s->bytes, t->lang);
	hin_report_count(c++, s->packets, t->lang);
	put_share(c++, s->packets, t->picture->packets);
	cells->share = share(s->packets, t->picture->ports[0].packets);
}

static void port_table(struct report_table *t)
{
	t->id = "ports";
	t->title = either(t->lang, "What they look for", "狙われているポート");
	t->lead = either(
		t->lang, "Packets that ask, by destination port; share of all packets.",
		"問い合わせのパケットを宛先ポート別に集計。割合は全パケットに対するものです。");
	t->rows = t->picture->port_count;
	t->total = t->picture->port_total;
	t->row = port_row;
	t->bars = true;
	add(t, KEEP_ALWAYS, PLAIN, "Port", "ポート");
	add(t, KEEP_ALWAYS, PLAIN, "Service", "サービス");
	add(t, KEEP, WORDS, "What listens there", "用途");
	add(t, KEEP_LITTLE, NUMBER, "Sources", "送信元数");
	add(t, PAGE, NUMBER, "Bytes", "バイト");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, KEEP, NUMBER, "Share", "割合");
}

/* The tools with packets, most first; ties in the order of the registry. */
static size_t tools_by_packets(enum hin_tool order[HIN_SIGN_COUNT], const struct hin_picture *p)
{
	size_t count = 0;

	for (unsigned tool = 0; tool < HIN_SIGN_COUNT; tool++) {
		size_t at = count;

		if (p->tools[tool].packets == 0)
			continue;
		while (at > 0 && p->tools[order[at - 1]].packets < p->tools[tool].packets) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = tool;
		count++;
	}
	return count;
}

static void tool_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	enum hin_tool order[HIN_SIGN_COUNT];
	struct hin_buffer *c = cells->at;
	const struct hin_tool_stat *stat;

	tools_by_packets(order, t->picture);
	stat = &t->picture->tools[order[row]];
	hin_buffer_puts(c++, hin_report_tool_word(order[row], t->lang));
	hin_report_count(c++, stat->sources, t->lang);
	hin_report_count(c++, stat->packets, t->lang);
	put_share(c++, stat->packets, t->picture->packets);
	cells->share = share(stat->packets, t->picture->tools[order[0]].packets);
}

static void tool_table(struct report_table *t)
{
	enum hin_tool order[HIN_SIGN_COUNT];

	t->id = "tools";
	t->title = either(t->lang, "With what tool", "使われているツール");
	t->lead = either(t->lang,
			 "By marks in the packets themselves. A machine named after its system was "
			 "not using a known scanner.",
			 "パケット自体の特徴による判定です。OS名の機器は、既知の走査ツールを使って"
			 "いません。");
	t->rows = t->total = tools_by_packets(order, t->picture);
	t->row = tool_row;
	t->summary = true;
	t->bars = true;
	add(t, KEEP_ALWAYS, PLAIN, "Tool", "ツール");
	add(t, KEEP_ALWAYS, NUMBER, "Sources", "送信元数");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, KEEP_ALWAYS, NUMBER, "Share", "割合");
}

#define KINDS_MOST (HIN_PACKET_KIND_COUNT + 2 * 256)

struct kind_count {
	uint64_t packets;
	uint8_t kind, type;
};

/* Insert into a list that is sorted by packets, most first; ties stay in the order they came. */
static size_t insert_kind(struct kind_count list[KINDS_MOST], size_t count, uint64_t packets,
			  unsigned kind, unsigned type)
{
	size_t at = count;

	if (packets == 0 || count == KINDS_MOST)
		return count;
	for (; at > 0 && list[at - 1].packets < packets; at--)
		list[at] = list[at - 1];
	list[at] = (struct kind_count){ packets, (uint8_t)kind, (uint8_t)type };
	return count + 1;
}

/* All kinds with packets, ICMP by its types, most first. */
static size_t kinds_by_packets(struct kind_count list[KINDS_MOST], const struct hin_picture *p)
{
	size_t count = 0;

	for (unsigned kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++) {
		if (kind != HIN_ICMP && kind != HIN_ICMP6)
			count = insert_kind(list, count, p->kinds[kind], kind, 0);
	}
	for (unsigned type = 0; type < 256; type++) {
		count = insert_kind(list, count, p->icmp_types[type], HIN_ICMP, type);
		count = insert_kind(list, count, p->icmp6_types[type], HIN_ICMP6, type);
	}
	return count;
}

static void kind_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	struct kind_count list[KINDS_MOST];
	struct hin_buffer *c = cells->at;
	const struct kind_count *k = &list[row];
	bool v6;

	kinds_by_packets(list, t->picture);
	v6 = k->kind == HIN_ICMP6;
	hin_buffer_puts(c, hin_report_kind_word(k->kind, t->lang));
	if (v6 || k->kind == HIN_ICMP) {
		const char *name = hin_icmp_type_name(v6, k->type);

		if (name != NULL)
			hin_buffer_printf(c, " %s", name);
		else
			hin_buffer_printf(c, " type %u", k->type);
	}
	c++;
	hin_report_count(c++, k->packets, t->lang);
	put_share(c++, k->packets, t->picture->packets);
	cells->share = share(k->packets, list[0].packets);
}

static void kind_table(struct report_table *t)
{
	struct kind_count list[KINDS_MOST];

	t->id = "kinds";
	t->title = either(t->lang, "Kinds of packets", "パケットの種別");
	t->lead = either(t->lang, "SYN asks for a connection; SYN-ACK and RST answer one.",
			 "SYNは接続の要求、SYN-ACKとRSTはそれへの応答です。");
	t->rows = t->total = kinds_by_packets(list, t->picture);
	t->row = kind_row;
	t->bars = t->summary = true;
	add(t, KEEP_ALWAYS, UNBROKEN, "Kind", "種別");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, KEEP_ALWAYS, NUMBER, "Share", "割合");
}

struct named_count {
	uint64_t count;
	const char *word;
};

/* Row `want` of those that are not zero; `*found` is it. Returns how many there are. */
static size_t named_at(const struct named_count *list, size_t size, size_t want,
		       const struct named_count **found)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		if (list[i].count == 0)
			continue;
		if (count++ == want)
			*found = &list[i];
	}
	return count;
}

static size_t mark_at(const struct hin_picture *p, enum hin_lang lang, size_t want,
		      struct named_count *out)
{
	const struct named_count list[] = {
		{ p->bogon, either(lang, "source address is no one's (bogon)",
				   "誰のものでもない送信元(bogon)") },
		{ p->unroutable, either(lang, "private or link-local source",
					"プライベート・リンクローカルの送信元") },
		{ p->spoofed, either(lang, "source looks forged", "送信元の詐称が疑われる") },
		{ p->fragments,
		  either(lang, "parts of fragmented datagrams", "分割されたデータグラムの一部") },
		{ p->tunnelled, either(lang, "arrived in a tunnel", "トンネル経由") },
		{ p->router_kill, either(lang, "IPv6 router switched off by advertisement",
					 "IPv6ルーター広告による経路無効化") },
		{ p->outside, either(lang, "to other addresses: counted, then forgotten",
				     "対象外の宛先(計数のみで破棄)") },
	};
	const struct named_count *found = NULL;
	size_t count = named_at(list, HIN_COUNT(list), want, &found);

	if (found != NULL)
		*out = *found;
	return count;
}

static void mark_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	struct named_count mark = { 0, "" };

	mark_at(t->picture, t->lang, row, &mark);
	hin_buffer_puts(&cells->at[0], mark.word);
	hin_report_count(&cells->at[1], mark.count, t->lang);
}

static void mark_table(struct report_table *t)
{
	struct named_count unused;

	t->id = "marks";
	t->title = either(t->lang, "Marks on packets", "パケットの特徴");
	t->rows = t->total = mark_at(t->picture, t->lang, SIZE_MAX, &unused);
	t->row = mark_row;
	t->summary = true;
	add(t, KEEP_ALWAYS, PLAIN, "Mark", "特徴");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
}

static void refused_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	size_t count = 0;

	for (unsigned reason = 0; reason < HIN_REFUSAL_COUNT; reason++) {
		if (t->picture->refused[reason] == 0 || count++ != row)
			continue;
		hin_buffer_puts(&cells->at[0], hin_report_refusal_word(reason, t->lang));
		hin_report_count(&cells->at[1], t->picture->refused[reason], t->lang);
	}
}

static void refused_table(struct report_table *t)
{
	t->id = "refused";
	t->title = either(t->lang, "Frames that could not be read", "読めなかったフレーム");
	t->lead = either(t->lang, "Counted by reason; they changed nothing else.",
			 "理由別の数です。ほかの集計には影響しません。");
	for (unsigned reason = 0; reason < HIN_REFUSAL_COUNT; reason++)
		t->rows += t->picture->refused[reason] > 0;
	t->total = t->rows;
	t->row = refused_row;
	t->summary = true;
	add(t, KEEP_ALWAYS, PLAIN, "Reason", "理由");
	add(t, KEEP_ALWAYS, NUMBER, "Frames", "フレーム");
}

static size_t lost_at(const struct hin_picture *p, enum hin_lang lang, size_t want,
		      struct named_count *out)
{
	const struct hin_lost_detail *lost = &p->lost;
	const struct named_count list[] = {
		{ p->kernel_drops, either(lang, "packets that the kernel dropped",
					  "カーネルが取りこぼしたパケット") },
		{ lost->sources, either(lang, "sources not followed", "追跡できなかった送信元") },
		{ lost->events, either(lang, "events cut short", "途中で打ち切った事象") },
		{ lost->targets, either(lang, "targets not followed", "追跡できなかった宛先") },
		{ lost->distinct, either(lang, "counts of distinct things made coarse",
					 "概数に切り替えた異なり数") },
		{ lost->results, either(lang, "results that did not fit", "収まらなかった結果") },
		{ lost->flows,
		  either(lang, "flow rows that found no room", "収まらなかったフロー行") },
		{ p->clock_steps, either(lang, "steps of the recorded clock", "記録時計の段差") },
	};
	const struct named_count *found = NULL;
	size_t count = named_at(list, HIN_COUNT(list), want, &found);

	if (found != NULL)
		*out = *found;
	return count;
}

static void lost_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	struct named_count loss = { 0, "" };

	lost_at(t->picture, t->lang, row, &loss);
	cells->level = LEVEL_NOTE;
	hin_buffer_puts(&cells->at[0], loss.word);
	hin_report_count(&cells->at[1], loss.count, t->lang);
}

static void lost_table(struct report_table *t)
{
	struct named_count unused;

	t->id = "lost";
	t->title = either(t->lang, "Detail that was lost", "失われた詳細");
	t->lead = either(t->lang,
			 "Memory is bounded. Totals stay right; detail of the least busy goes "
			 "first. More memory keeps more.",
			 "使用メモリーには上限があります。合計は正しく、活動の少ないものの詳細から"
			 "失われます。");
	t->rows = t->total = lost_at(t->picture, t->lang, SIZE_MAX, &unused);
	t->row = lost_row;
	t->summary = true;
	add(t, KEEP_ALWAYS, PLAIN, "What", "内容");
	add(t, KEEP_ALWAYS, NUMBER, "Count", "数");
}

static void input_row(struct report_cells *cells, const struct report_table *t, size_t row)
{
	const struct hin_capture_input *in = &t->picture->inputs[row];
	const char *name = in->name != NULL ? in->name : "";
	struct hin_buffer *c = cells->at;
	char text[HIN_WORDS_TEXT], digest[65];

	cells->level = in->fault != HIN_FAULT_NONE ? LEVEL_NOTE : LEVEL_CALM;
	hin_escape_text(c->data, c->size, name);
	c->used = strlen(c->data);
	c++;
	hin_buffer_printf(c, "%s", in->format != NULL ? in->format : "-");
	if (in->compression != NULL && strcmp(in->compression, "none") != 0)
		hin_buffer_printf(c, ", %s", in->compression);
	c++;
	hin_buffer_puts(c++, hin_words_bytes(text, in->file_bytes));
	hin_report_count(c++, in->packets, t->lang);
	hin_buffer_puts(c++, in->digested ? hin_report_hex(digest, in->sha256, 32) : "-");
	hin_buffer_puts(c, hin_report_fault_word(in->fault, t->lang));
	if (in->fault != HIN_FAULT_NONE && in->fault_text[0] != '\0') {
		hin_buffer_puts(c, ": ");
		hin_escape(c, in->fault_text, strnlen(in->fault_text, sizeof(in->fault_text)));
	}
	if (in->fault != HIN_FAULT_NONE && in->fault != HIN_FAULT_IGNORED)
		SAY(c, t->lang, " (at byte %s)", " (%sバイト目)",
		    hin_words_count(text, in->fault_offset));
}

static void input_table(struct report_table *t)
{
	t->id = "inputs";
	t->title = either(t->lang, "What was read", "読み取った記録");
	t->lead = either(t->lang, "The digest proves later which file this report is about.",
			 "ダイジェストにより、どのファイルについての報告かを後から証明できます。");
	t->rows = t->total = t->picture->input_count;
	t->row = input_row;
	add(t, KEEP_ALWAYS, NAME, "File", "ファイル");
	add(t, KEEP, PLAIN, "Format", "形式");
	add(t, PAGE, NUMBER, "Size", "サイズ");
	add(t, KEEP_ALWAYS, NUMBER, "Packets", "パケット");
	add(t, KEEP_ALWAYS, DIGEST, "SHA-256", "SHA-256");
	add(t, PAGE, PLAIN, "State", "状態");
}

void hin_report_table(struct report_table *table, enum report_table_id id,
		      const struct hin_picture *picture, const struct hin_report_options *options)
{
	static void (*const makers[TABLE_COUNT])(struct report_table *) = {
		[TABLE_MEMBERS] = member_table,	 [TABLE_VICTIMS] = victim_table,
		[TABLE_FLOODS] = flood_table,	 [TABLE_AMPLIFICATION] = amplification_table,
		[TABLE_EVENTS] = event_table,	 [TABLE_RISING] = rising_table,
		[TABLE_PORTS] = port_table,	 [TABLE_TOOLS] = tool_table,
		[TABLE_KINDS] = kind_table,	 [TABLE_MARKS] = mark_table,
		[TABLE_REFUSED] = refused_table, [TABLE_LOST] = lost_table,
		[TABLE_INPUTS] = input_table,
	};

	*table = (struct report_table){ .picture = picture,
					.options = options,
					.lang = options->lang };
	makers[id](table);
}

void hin_report_cells(struct report_cells *cells, const struct report_table *table, size_t row)
{
	cells->share = 0;
	cells->id = 0;
	cells->level = LEVEL_CALM;
	for (size_t i = 0; i < REPORT_COLUMNS; i++)
		cells->at[i] = hin_buffer_over(cells->memory[i], REPORT_CELL);
	table->row(cells, table, row);
}
