/*
 * rising - a port or protocol that rose against its own past, as the telescope found.
 */
#include "hub/analyse/analyse.h"

#define SURE 80 /* the sensor has judged it: this is its confidence when it names none */

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_rising *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_PORT,
				   .port = o->dport,
				   .proto = o->proto,
				   .severity = HIN_SEVERITY_LOW,
				   .confidence = o->confidence > 0 ? o->confidence : SURE };
	struct hin_subject *s = hin_rule_subject(run, &claim, o);

	if (s == NULL)
		return;
	hin_rule_volume(s, o->packets, o->bytes);
	if (hin_rule_sum(s, o->packets) >= set->packets || s->found)
		hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_printf(out, "kind telescope.rising and proto %u and field dport %u",
			  claim->proto, claim->port);
}

const struct hin_rule hin_rule_rising = {
	.finding = HIN_FINDING_RISING_PORT,
	.kinds = { HIN_KIND_TELESCOPE_RISING },
	.settings = offsetof(struct hin_analyse_settings, rising),
	.idle = offsetof(struct hin_rule_rising, idle_ns),
	.why = { "Far more came to this port than its own past led to expect.",
		 "このポートへの通信が、過去の傾向から予想される量を大きく超えた。" },
	.take = take,
	.query = query,
};
