/*
 * guessing - many passwords tried at decoys: one finding a source and service.
 */
#include "hub/analyse/analyse.h"

#define SURE 90

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_guessing *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = o->src,
				   .lease_port = hin_rule_lease_port(o),
				   .port = o->dport,
				   .proto = o->proto,
				   .technique = HIN_TECHNIQUE_T1110_001,
				   .severity = HIN_SEVERITY_LOW,
				   .confidence = SURE,
				   .apart = o->service };
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL || hin_rule_sum(s, o->packets > 0 ? o->packets : 1) < set->tries)
		return;
	if (hin_rule_is_owned(run))
		claim.severity = HIN_SEVERITY_MEDIUM;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "kind decoy.credential and ");
	hin_rule_query_address(out, "src", claim);
	hin_buffer_printf(out, " and field service %u", (unsigned)claim->apart);
}

const struct hin_rule hin_rule_guessing = {
	.finding = HIN_FINDING_CREDENTIAL_GUESSING,
	.kinds = { HIN_KIND_DECOY_CREDENTIAL },
	.settings = offsetof(struct hin_analyse_settings, guessing),
	.idle = offsetof(struct hin_rule_guessing, idle_ns),
	.why = { "It tried one password after the other at machines that are not there.",
		 "実在しない機器に対してパスワードを次々に試した。" },
	.take = take,
	.query = query,
};
