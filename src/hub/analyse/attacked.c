/*
 * attacked - a service that answers to forged sources, of which we are some: it is under attack.
 *
 * It is graver when it is a member's, or somebody's whom the directory knows and we can tell.
 */
#include "hub/analyse/analyse.h"

#define SURE 80 /* the sensor has judged it: this is its confidence when it names none */

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_attacked *set = run->settings;
	bool member = hin_rule_has_tag(o, HIN_TAG_MEMBER);
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = o->src,
				   .lease_port = hin_rule_lease_port(o),
				   .port = o->sport,
				   .proto = o->proto,
				   .apart = (uint64_t)o->proto << 16 | o->sport,
				   .confidence = o->confidence > 0 ? o->confidence : SURE };
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC) ||
	    (o->kind == HIN_KIND_TELESCOPE_MEMBER && o->rule != HIN_RULE_MEMBER_BACKSCATTER))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	hin_rule_volume(s, o->packets, o->bytes);
	if (hin_rule_sum(s, o->packets) < set->packets && !s->found)
		return;
	claim.severity = member			  ? HIN_SEVERITY_HIGH
			 : hin_rule_is_owned(run) ? HIN_SEVERITY_MEDIUM
						  : HIN_SEVERITY_LOW;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "(kind telescope.backscatter or (kind telescope.member and rule "
			     "member.backscatter)) and ");
	hin_rule_query_address(out, "src", claim);
	hin_rule_query_proto(out, claim);
	hin_buffer_printf(out, " and field sport %u", claim->port);
}

const struct hin_rule hin_rule_attacked = {
	.finding = HIN_FINDING_ATTACKED_SERVICE,
	.kinds = { HIN_KIND_TELESCOPE_BACKSCATTER, HIN_KIND_TELESCOPE_MEMBER },
	.settings = offsetof(struct hin_analyse_settings, attacked),
	.idle = offsetof(struct hin_rule_attacked, idle_ns),
	.why = { "It answered addresses that never asked: somebody forged their names to flood it.",
		 "問い合わせていないアドレスへ応答している。送信元を詐称した攻撃を受けている。" },
	.take = take,
	.query = query,
};
