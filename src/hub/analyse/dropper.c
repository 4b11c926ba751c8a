/*
 * dropper - an intruder brings a program to a decoy, or wants to fetch one.
 *
 * A file counts when the sensor says that it is a program (tag "program"); text that is written is
 * none. Fetching is the wish alone: a decoy fetches nothing.
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
				   .technique = HIN_TECHNIQUE_T1105,
				   .severity = HIN_SEVERITY_LOW,
				   .confidence = SURE };
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC) ||
	    (o->kind == HIN_KIND_DECOY_FILE && !hin_rule_has_tag(o, HIN_TAG_PROGRAM)))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	if (hin_rule_is_owned(run))
		claim.severity = HIN_SEVERITY_HIGH;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "(kind decoy.download or (kind decoy.file and tag program)) and ");
	hin_rule_query_address(out, "src", claim);
}

const struct hin_rule hin_rule_dropper = {
	.finding = HIN_FINDING_DROPPER,
	.kinds = { HIN_KIND_DECOY_FILE, HIN_KIND_DECOY_DOWNLOAD },
	.settings = offsetof(struct hin_analyse_settings, dropper),
	.idle = offsetof(struct hin_rule_dropper, idle_ns),
	.why = { "It brought a program to a machine that it had broken into, or told the machine "
		 "to fetch one, as worms and builders of botnets do.",
		 "侵入した機器にプログラムを持ち込み、または取得させようとした。ワームやボットネッ"
		 "ト"
		 "の構築に見られる動作である。" },
	.take = take,
	.query = query,
};
