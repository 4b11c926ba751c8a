/*
 * intruder - somebody got into a decoy: what the session showed after it counts to the same.
 *
 * Nobody has business there, so the first log-in is a finding. It opens a case when somebody can be
 * told: a member's device that breaks into others is broken into itself.
 */
#include "hub/analyse/analyse.h"

#define SURE 95

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = o->src,
				   .lease_port = hin_rule_lease_port(o),
				   .port = o->dport,
				   .proto = o->proto,
				   .technique = HIN_TECHNIQUE_T1078,
				   .severity = HIN_SEVERITY_LOW,
				   .confidence = SURE,
				   .apart = o->service };
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL || (o->kind != HIN_KIND_DECOY_LOGIN && !s->found))
		return;
	if (hin_rule_is_owned(run))
		claim.severity = HIN_SEVERITY_HIGH;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out,
			"(kind decoy.login or kind decoy.technique or kind decoy.script) and ");
	hin_rule_query_address(out, "src", claim);
	hin_buffer_printf(out, " and field service %u", (unsigned)claim->apart);
}

const struct hin_rule hin_rule_intruder = {
	.finding = HIN_FINDING_INTRUDER,
	.kinds = { HIN_KIND_DECOY_LOGIN, HIN_KIND_DECOY_TECHNIQUE, HIN_KIND_DECOY_SCRIPT },
	.settings = offsetof(struct hin_analyse_settings, intruder),
	.idle = offsetof(struct hin_rule_intruder, idle_ns),
	.why = { "It logged in to a machine that is not there: nobody was ever given that account.",
		 "実在しない機器にログインした。そのアカウントは誰にも渡されていない。" },
	.take = take,
	.query = query,
};
