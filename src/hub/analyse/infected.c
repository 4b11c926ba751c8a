/*
 * infected - a member's own address reaches unused space: infected or misused (DAEDALUS).
 *
 * The first packet is a finding. It is a certain one when it carries the mark of a worm or a
 * scanner, or once enough unused addresses were reached: nobody reaches those by mistake.
 */
#include "hub/analyse/analyse.h"

#define SURE 90
#define MARKED 95
#define DOUBT 50
#define CERTAIN 80 /* confidence from which it is grave */

/* `own` of its subjects: ALERTS and SCANS are packets that each of the two told */
enum { TARGETS, MARK, ALERTS, SCANS };

/* Tools that nobody runs by accident; the stacks of ordinary machines are none. */
static bool is_mark(uint16_t tool)
{
	return tool != 0 && tool < HIN_TOOLS_FPING;
}

static bool is_ours(const struct hin_observation *o)
{
	if (!(o->has & HIN_HAS_SRC))
		return false;
	if (o->kind == HIN_KIND_TELESCOPE_MEMBER)
		return o->rule != HIN_RULE_MEMBER_BACKSCATTER;
	return hin_rule_has_tag(o, HIN_TAG_MEMBER);
}

/*
 * Where only port and moment say who it was, alerts have them: each is of one port, and the first
 * is an instant. What scans say of a long time, and what went on from many ports, would be one more
 * finding, about nobody.
 */
static bool says_nobody(const struct hin_rule_run *run, const struct hin_observation *o)
{
	if (o->kind == HIN_KIND_TELESCOPE_MEMBER && !hin_rule_has_tag(o, HIN_TAG_UPDATED) &&
	    !hin_rule_has_tag(o, HIN_TAG_CLOSED))
		return false;
	return hin_rule_is_shared(run, &o->src, o);
}

static uint32_t greater(const struct hin_subject *s)
{
	return s->own[ALERTS] > s->own[SCANS] ? s->own[ALERTS] : s->own[SCANS];
}

/* Alerts and scans tell the same packets in their own way: the greater sum is what was sent. */
static void count_volume(struct hin_subject *s, const struct hin_observation *o)
{
	uint32_t before = greater(s);
	uint32_t *sum = &s->own[o->kind == HIN_KIND_TELESCOPE_MEMBER ? ALERTS : SCANS], grown;

	*sum = o->packets < UINT32_MAX - *sum ? *sum + (uint32_t)o->packets : UINT32_MAX;
	grown = greater(s) - before;
	if (grown > 0)
		hin_rule_volume(s, grown,
				grown == o->packets ? o->bytes
						    : (uint64_t)((double)o->bytes /
								 (double)o->packets * grown));
}

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_infected *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = o->src,
				   .lease_port = hin_rule_lease_port(o),
				   .port = o->dport,
				   .proto = o->proto,
				   .tool = o->tool };
	struct hin_subject *s;

	if (!is_ours(o) || says_nobody(run, o))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	count_volume(s, o);
	if (o->targets > s->own[TARGETS])
		s->own[TARGETS] = o->targets;
	s->own[MARK] |= is_mark(o->tool);
	claim.confidence = s->own[MARK] ? MARKED : s->own[TARGETS] >= set->targets ? SURE : DOUBT;
	if (hin_rule_has_tag(o, HIN_TAG_SPOOFED))
		claim.confidence /= 2;
	claim.severity = claim.confidence >= CERTAIN ? HIN_SEVERITY_HIGH : HIN_SEVERITY_MEDIUM;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out,
			"(kind telescope.member or (kind telescope.scan and tag member)) and ");
	hin_rule_query_address(out, "src", claim);
}

const struct hin_rule hin_rule_infected = {
	.finding = HIN_FINDING_INFECTED_MEMBER,
	.kinds = { HIN_KIND_TELESCOPE_MEMBER, HIN_KIND_TELESCOPE_SCAN },
	.settings = offsetof(struct hin_analyse_settings, infected),
	.idle = offsetof(struct hin_rule_infected, idle_ns),
	.why = { "Nothing is at the addresses that it sent to, so nobody has a reason to send "
		 "there: "
		 "programs that look for victims everywhere do.",
		 "送信先のアドレスには何も存在せず、通信する正当な理由がない。無差別に侵入先を探す"
		 "プログラムに特有の動作である。" },
	.take = take,
	.query = query,
};
