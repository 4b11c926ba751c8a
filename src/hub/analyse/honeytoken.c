/*
 * honeytoken - a planted secret is used.
 *
 * Passwords, keys and files were laid where only an intruder comes by. Who has one has read it
 * there: whoever else lets that source in is in danger now.
 */
#include "hub/analyse/analyse.h"

#define SURE 98

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = o->src,
				   .lease_port = hin_rule_lease_port(o),
				   .port = o->dport,
				   .proto = o->proto,
				   .technique = HIN_TECHNIQUE_T1078,
				   .severity = HIN_SEVERITY_CRITICAL,
				   .confidence = SURE };
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s != NULL)
		hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "kind decoy.honeytoken and ");
	hin_rule_query_address(out, "src", claim);
}

const struct hin_rule hin_rule_honeytoken = {
	.finding = HIN_FINDING_HONEYTOKEN_USED,
	.kinds = { HIN_KIND_DECOY_HONEYTOKEN },
	.settings = offsetof(struct hin_analyse_settings, honeytoken),
	.idle = offsetof(struct hin_rule_honeytoken, idle_ns),
	.why = { "It used a secret that was planted in a decoy and stands nowhere else: it, or who "
		 "gave it away, has read it there.",
		 "おとりに仕掛けられ他のどこにも存在しない秘密情報が使われた。本人か、渡した者が"
		 "そこで読み取ったことになる。" },
	.take = take,
	.query = query,
};
