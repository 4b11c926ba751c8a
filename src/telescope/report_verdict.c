#include "base/escape.h"
#include "telescope/report_priv.h"
#include "text/words.h"

#define NAMED 3 /* how many a line names before "and N more" */

struct verdict {
	struct verdict_line *lines;
	size_t count;
	const struct hin_picture *picture;
	enum hin_lang lang;
};

/* Start a line; a buffer over its text. The last line is used again when all are taken. */
static struct hin_buffer line(struct verdict *v, enum level level)
{
	size_t at = v->count < REPORT_VERDICT_LINES ? v->count++ : REPORT_VERDICT_LINES - 1;

	v->lines[at].level = level;
	return hin_buffer_over(v->lines[at].text, sizeof(v->lines[at].text));
}

static void put_addr(struct hin_buffer *out, const struct hin_addr *addr)
{
	char text[HIN_ADDR_TEXT];

	hin_buffer_puts(out, hin_addr_format(addr, text));
}

static const char *count_text(char out[HIN_WORDS_TEXT], uint64_t value, enum hin_lang lang)
{
	struct hin_buffer text = hin_buffer_over(out, HIN_WORDS_TEXT);

	hin_report_count(&text, value, lang);
	return out;
}

static void put_comma(struct hin_buffer *out, size_t named, enum hin_lang lang)
{
	if (named > 0)
		hin_buffer_puts(out, either(lang, "; ", "、"));
}

/* ", and 4 more" */
static void put_more(struct hin_buffer *out, uint64_t total, uint64_t named, enum hin_lang lang)
{
	if (total <= named)
		return;
	hin_buffer_puts(out, either(lang, "; and ", "、ほか"));
	hin_report_count(out, total - named, lang);
	hin_buffer_puts(out, either(lang, " more", "件"));
}

static void put_member(struct hin_buffer *out, const struct hin_member *m, enum hin_lang lang)
{
	put_addr(out, &m->address);
	if (m->name[0] != '\0') {
		hin_buffer_puts(out, " (");
		hin_escape(out, m->name, strnlen(m->name, sizeof(m->name)));
		hin_buffer_putc(out, ')');
	}
	if (m->infected && m->tool != HIN_SIGN_NONE && !hin_tool_is_stack(m->tool))
		SAY(out, lang, ", %s", " [%s]", hin_report_tool_word(m->tool, lang));
	if (m->infected && m->top_count > 0) {
		hin_buffer_puts(out, either(lang, ", to port ", " 宛先ポート "));
		hin_report_ports(out, m->top_proto, m->top, m->top_count, m->ports, 1);
	}
}

/* Members of one sort, infected or under attack. */
static void tell_members(struct verdict *v, bool infected)
{
	const struct hin_picture *p = v->picture;
	uint64_t total = 0, named = 0;
	struct hin_buffer out;

	for (size_t i = 0; i < p->member_count; i++)
		total += p->members[i].infected == infected;
	if (total == 0)
		return;
	out = line(v, infected ? LEVEL_ALARM : LEVEL_WARN);
	if (infected)
		SAY(&out, v->lang, "Our own: %llu machine%s infected: ",
		    "自組織の機器%llu台に感染の疑い%s: ", (unsigned long long)total,
		    either(v->lang, total == 1 ? " looks" : "s look", ""));
	else
		SAY(&out, v->lang, "Our own: %llu machine%s under attack: ",
		    "自組織の機器%llu台が攻撃を受けています%s: ", (unsigned long long)total,
		    either(v->lang, total == 1 ? " is" : "s are", ""));
	for (size_t i = 0; i < p->member_count && named < NAMED; i++) {
		if (p->members[i].infected != infected)
			continue;
		put_comma(&out, named++, v->lang);
		put_member(&out, &p->members[i], v->lang);
	}
	put_more(&out, total, named, v->lang);
	if (infected)
		hin_buffer_puts(&out, either(v->lang, ". Take off the network, then examine.",
					     "。ネットワークから切り離して調査してください。"));
	else
		hin_buffer_puts(&out, either(v->lang, ".", "。"));
}

static void put_victim(struct hin_buffer *out, const struct hin_victim *victim, enum hin_lang lang)
{
	char service[HIN_SERVICE_TEXT];

	put_addr(out, &victim->address);
	hin_report_victim_service(service, victim);
	if (victim->many_ports)
		hin_buffer_puts(out, either(lang, " (many ports", "（多数のポート"));
	else
		SAY(out, lang, " (%s", "（%s", service);
	if (victim->attack_rate > 0) {
		hin_buffer_puts(out, either(lang, ", about ", "、推定"));
		hin_report_estimate(out, victim->attack_rate, lang);
		hin_buffer_puts(out, either(lang, " packets/s", "パケット/秒"));
	}
	hin_buffer_puts(out, either(lang, ")", "）"));
}

static void tell_victims(struct verdict *v)
{
	const struct hin_picture *p = v->picture;
	char text[HIN_WORDS_TEXT];
	struct hin_buffer out;
	size_t named = 0;

	if (p->victim_count == 0)
		return;
	out = line(v, LEVEL_WARN);
	count_text(text, p->victim_total, v->lang);
	SAY(&out, v->lang, "Under attack: %s host%s whose answers reach us: ",
	    "攻撃を受けている相手が%s件あります%s（応答がここへ届いています）: ", text,
	    either(v->lang, p->victim_total == 1 ? "" : "s", ""));
	for (; named < p->victim_count && named < NAMED; named++) {
		put_comma(&out, named, v->lang);
		put_victim(&out, &p->victims[named], v->lang);
	}
	put_more(&out, p->victim_total, named, v->lang);
	hin_buffer_puts(&out, either(v->lang, ".", "。"));
}

static void put_flood(struct hin_buffer *out, const struct hin_flood *f, bool amplification,
		      enum hin_lang lang)
{
	char service[HIN_SERVICE_TEXT];

	put_addr(out, &f->target);
	if (amplification) {
		hin_report_flood_service(service, f, true);
		SAY(out, lang, " by %s, ", "（%s、", service);
		hin_report_count(out, f->sources, lang);
		hin_buffer_puts(out,
				either(lang, f->sources == 1 ? " server" : " servers", "台から）"));
		return;
	}
	if (hin_report_has_ports(f->proto)) {
		hin_buffer_puts(out, either(lang, " port ", " ポート"));
		hin_report_port(out, f->proto, f->port);
	}
	hin_buffer_puts(out, either(lang, ", ", "（"));
	hin_report_count(out, f->packets, lang);
	hin_buffer_puts(out, either(lang, " packets", "パケット"));
	if (f->spoofed)
		hin_buffer_puts(out, either(lang, ", forged sources", "、送信元は詐称"));
	hin_buffer_puts(out, either(lang, "", "）"));
}

static void tell_floods(struct verdict *v, bool amplification)
{
	const struct hin_picture *p = v->picture;
	const struct hin_flood *list = amplification ? p->amplifications : p->floods;
	size_t count = amplification ? p->amplification_count : p->flood_count;
	uint64_t total = amplification ? p->amplification_total : p->flood_total;
	char text[HIN_WORDS_TEXT];
	struct hin_buffer out;
	size_t named = 0;

	if (count == 0)
		return;
	out = line(v, LEVEL_WARN);
	count_text(text, total, v->lang);
	if (amplification)
		SAY(&out, v->lang, "Amplification: %s flood%s of answers nobody asked for: ",
		    "増幅攻撃が%s件あります%s（求めていない応答の集中）: ", text,
		    either(v->lang, total == 1 ? "" : "s", ""));
	else
		SAY(&out, v->lang,
		    "Floods: %s target%s overrun: ", "集中攻撃が%s件あります%s: ", text,
		    either(v->lang, total == 1 ? " is" : "s are", ""));
	for (; named < count && named < NAMED; named++) {
		put_comma(&out, named, v->lang);
		put_flood(&out, &list[named], amplification, v->lang);
	}
	put_more(&out, total, named, v->lang);
	hin_buffer_puts(&out, either(v->lang, ".", "。"));
}

static void tell_rising(struct verdict *v)
{
	const struct hin_picture *p = v->picture;
	struct hin_buffer out;
	size_t named = 0;

	if (p->rising_count == 0)
		return;
	out = line(v, LEVEL_NOTE);
	hin_buffer_puts(&out, either(v->lang, "Rising: ", "急増: "));
	for (; named < p->rising_count && named < NAMED; named++) {
		const struct hin_rising *r = &p->rising[named];

		put_comma(&out, named, v->lang);
		hin_report_port(&out, r->proto, r->port);
		hin_buffer_puts(&out, either(v->lang, " (", "（"));
		hin_report_count(&out, r->count, v->lang);
		SAY(&out, v->lang, " packets in %s, expected ", "パケット/%s、予想は",
		    r->hourly ? either(v->lang, "an hour", "時")
			      : either(v->lang, "a minute", "分"));
		hin_report_count(
			&out,
			r->expected > 0 && r->expected < 1e18 ? (uint64_t)(r->expected + 0.5) : 0,
			v->lang);
		hin_buffer_puts(&out, either(v->lang, ")", "）"));
	}
	put_more(&out, p->rising_total, named, v->lang);
	hin_buffer_puts(&out, either(v->lang, ".", "。"));
}

static const struct hin_event *busiest_scan(const struct hin_picture *p)
{
	for (size_t i = 0; i < p->event_count; i++) {
		if (p->events[i].scan != HIN_SCAN_NONE)
			return &p->events[i];
	}
	return NULL;
}

static void tell_scans(struct verdict *v)
{
	const struct hin_picture *p = v->picture;
	const struct hin_event *e = busiest_scan(p);
	char source[REPORT_ADDR_TEXT];
	struct hin_buffer out;

	if (e == NULL)
		return;
	out = line(v, LEVEL_NOTE);
	hin_buffer_puts(&out, either(v->lang, "Scans: busiest is ", "走査: 最多は "));
	hin_buffer_puts(&out, hin_report_source(source, e));
	if (e->research[0] != '\0') {
		hin_buffer_puts(&out, " (");
		hin_escape(&out, e->research, strnlen(e->research, sizeof(e->research)));
		hin_buffer_putc(&out, ')');
	}
	if (e->tool != HIN_SIGN_NONE && !hin_tool_is_stack(e->tool))
		SAY(&out, v->lang, " with %s", " [%s]", hin_report_tool_word(e->tool, v->lang));
	hin_buffer_puts(&out, either(v->lang, ", ", "、"));
	hin_report_count(&out, e->packets, v->lang);
	hin_buffer_puts(&out, either(v->lang, " packets to ", "パケット、宛先"));
	hin_report_count(&out, e->targets, v->lang);
	hin_buffer_puts(&out,
			either(v->lang, e->targets == 1 ? " address" : " addresses", "アドレス"));
	if (e->top_count > 0) {
		hin_buffer_puts(&out, either(v->lang, ", port ", "、ポート"));
		hin_report_ports(&out, hin_report_class_proto(e->class), e->top, e->top_count,
				 e->ports, 1);
	}
	hin_buffer_puts(&out, either(v->lang, ".", "。"));
}

static uint64_t faulty_inputs(const struct hin_picture *p)
{
	uint64_t faults = 0;

	for (size_t i = 0; i < p->input_count; i++)
		faults += p->inputs[i].fault != HIN_FAULT_NONE;
	return faults;
}

/* What makes the picture itself less than whole. */
static void tell_quality(struct verdict *v)
{
	const struct hin_picture *p = v->picture;
	uint64_t faults = faulty_inputs(p);
	struct hin_buffer out;

	if (faults > 0) {
		out = line(v, LEVEL_NOTE);
		SAY(&out, v->lang,
		    "Input: %llu file%s not read to the end; what was whole is counted.",
		    "入力: %llu個のファイルを最後まで読めませんでした%s（読めた分は集計済み）。",
		    (unsigned long long)faults,
		    either(v->lang, faults == 1 ? " was" : "s were", ""));
	}
	if (p->kernel_drops > 0) {
		out = line(v, LEVEL_NOTE);
		hin_buffer_puts(&out,
				either(v->lang, "Lost: the kernel dropped ", "欠落: カーネルが"));
		hin_report_count(&out, p->kernel_drops, v->lang);
		hin_buffer_puts(&out, either(v->lang, " packets before we saw them.",
					     "パケットを取りこぼしました。"));
	}
}

/* The frame of the picture: a recording, no packets. */
static void tell_frame(struct verdict *v)
{
	const struct hin_picture *p = v->picture;
	struct hin_buffer out;

	if (p->recording != NULL) {
		out = line(v, LEVEL_NOTE);
		hin_buffer_puts(&out,
				either(v->lang,
				       "A laboratory recording: it shows how attacks look, not an "
				       "incident of today.",
				       "実験室での記録です。攻撃の見え方を示すもので、実際の事案で"
				       "はありません。"));
	}
	if (p->packets == 0) {
		out = line(v, LEVEL_CALM);
		hin_buffer_puts(&out, either(v->lang, "There was no packet to judge.",
					     "判定できるパケットはありませんでした。"));
	}
}

size_t hin_report_verdict(struct verdict_line lines[REPORT_VERDICT_LINES],
			  const struct hin_picture *picture, enum hin_lang lang)
{
	struct verdict v = { .lines = lines, .picture = picture, .lang = lang };
	size_t framed;

	tell_frame(&v);
	framed = v.count;
	tell_members(&v, true);
	tell_members(&v, false);
	tell_victims(&v);
	tell_floods(&v, true);
	tell_floods(&v, false);
	tell_rising(&v);
	tell_scans(&v);
	if (v.count == framed && picture->packets > 0) {
		struct hin_buffer out = line(&v, LEVEL_CALM);

		hin_buffer_puts(
			&out, picture->decoded_only
				      ? either(lang, "Counted only, as asked; nothing was judged.",
					       "指定どおり集計のみで、判定はしていません。")
				      : either(lang, "Quiet: nothing that calls for action.",
					       "平穏: 対応を要するものはありません。"));
	}
	tell_quality(&v);
	return v.count;
}
