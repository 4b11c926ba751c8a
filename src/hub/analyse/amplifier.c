/*
 * amplifier - a service that is abused to amplify: servers answer to an address that never asked.
 *
 * The subject is the server where a row names one, else the address that the answers reach.
 */
#include "hub/analyse/analyse.h"

#define SURE 80 /* the sensor has judged it: this is its confidence when it names none */

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_amplifier *set = run->settings;
	bool server = (o->has & HIN_HAS_SRC) != 0;
	struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS,
				   .address = server ? o->src : o->dst,
				   .lease_port = HIN_OWNERS_ANY_PORT,
				   .port = o->sport,
				   .proto = o->proto,
				   .pattern = server,
				   .apart = (uint64_t)server << 32 | (uint64_t)o->proto << 16 |
					    o->sport,
				   .confidence = o->confidence > 0 ? o->confidence : SURE };
	struct hin_subject *s;

	if (!(o->has & (HIN_HAS_SRC | HIN_HAS_DST)))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	hin_rule_volume(s, o->packets, o->bytes);
	if (hin_rule_sum(s, o->packets) < set->packets && !s->found)
		return;
	claim.severity = hin_rule_is_owned(run) ? HIN_SEVERITY_MEDIUM : HIN_SEVERITY_LOW;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "kind telescope.amplification and ");
	hin_rule_query_address(out, claim->pattern != 0 ? "src" : "dst", claim);
	hin_rule_query_proto(out, claim);
	hin_buffer_printf(out, " and field sport %u", claim->port);
}

const struct hin_rule hin_rule_amplifier = {
	.finding = HIN_FINDING_AMPLIFIER_ABUSED,
	.kinds = { HIN_KIND_TELESCOPE_AMPLIFICATION },
	.settings = offsetof(struct hin_analyse_settings, amplifier),
	.idle = offsetof(struct hin_rule_amplifier, idle_ns),
	.why = { "Many servers answered an address that never asked them: somebody forges its name "
		 "to turn them on a victim.",
		 "問い合わせていないアドレスへ多数のサーバーが応答した。送信元を詐称して攻撃に悪用"
		 "されている。" },
	.take = take,
	.query = query,
};
