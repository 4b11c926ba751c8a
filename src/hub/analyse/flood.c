/*
 * flood - one address and port that many packets are sent to.
 */
#include "hub/analyse/analyse.h"

#define SURE 80 /* the sensor has judged it: this is its confidence when it names none */

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_flood *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = o->dst,
				   .lease_port = o->dport > 0 ? o->dport : HIN_OWNERS_ANY_PORT,
				   .port = o->dport,
				   .proto = o->proto,
				   .apart = (uint64_t)o->proto << 16 | o->dport,
				   .severity = HIN_SEVERITY_MEDIUM,
				   .confidence = o->confidence > 0 ? o->confidence : SURE };
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_DST))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	hin_rule_volume(s, o->packets, o->bytes);
	if (hin_rule_sum(s, o->packets) >= set->packets || s->found)
		hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "kind telescope.flood and ");
	hin_rule_query_address(out, "dst", claim);
	hin_rule_query_proto(out, claim);
	hin_buffer_printf(out, " and field dport %u", claim->port);
}

const struct hin_rule hin_rule_flood = {
	.finding = HIN_FINDING_FLOOD_TARGET,
	.kinds = { HIN_KIND_TELESCOPE_FLOOD },
	.settings = offsetof(struct hin_analyse_settings, flood),
	.idle = offsetof(struct hin_rule_flood, idle_ns),
	.why = { "So many packets came to one address and port in a minute that a service there "
		 "would have suffered.",
		 "1分間に1つのアドレスとポートへ、サービスに支障が出るほどのパケットが届いた。" },
	.take = take,
	.query = query,
};
