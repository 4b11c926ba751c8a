/* rules - the list of rules, the settings of all of them, and what they share; see rule.h */
#include <sodium.h>

#include "hub/analyse/analyse_priv.h"

/* A sensor that says more of a row has a wrong clock, or lies: nothing is seen in years to come. */
#define LONGEST_US ((uint64_t)31 * 86400000000)

#define RULES(X)                                                                                   \
	X(infected)                                                                                \
	X(scanner)                                                                                 \
	X(campaign)                                                                                \
	X(attacked)                                                                                \
	X(amplifier)                                                                               \
	X(flood)                                                                                   \
	X(rising)                                                                                  \
	X(silent)                                                                                  \
	X(intruder)                                                                                \
	X(guessing)                                                                                \
	X(dropper)                                                                                 \
	X(honeytoken)                                                                              \
	X(script)

#define X(name) extern const struct hin_rule hin_rule_##name;
RULES(X)
#undef X

const struct hin_rule *const hin_rules[] = {
#define X(name) &hin_rule_##name,
	RULES(X)
#undef X
};

const size_t hin_rule_count = HIN_COUNT(hin_rules);

static_assert(HIN_COUNT(hin_rules) <= HIN_ANALYSE_RULES, "a counter for each rule");

const char *const hin_analyse_severities[] = { "low", "medium", "high", "critical", NULL };

const char *hin_rule_name(const struct hin_rule *rule)
{
	return hin_finding_kind_find(rule->finding)->name;
}

int64_t hin_rule_end_us(const struct hin_observation *o)
{
	uint64_t most = LONGEST_US, room = (uint64_t)(HIN_TIME_MAX - o->time_us);

	most = room < most ? room : most;
	return o->time_us + (int64_t)(o->duration_us < most ? o->duration_us : most);
}

bool hin_rule_has_tag(const struct hin_observation *o, uint16_t tag)
{
	for (unsigned i = 0; i < o->tag_count; i++)
		if (o->tags[i] == tag)
			return true;
	return false;
}

int hin_rule_lease_port(const struct hin_observation *o)
{
	return (o->proto == 6 || o->proto == 17) && o->sport > 0 ? o->sport : HIN_OWNERS_ANY_PORT;
}

void hin_rule_volume(struct hin_subject *s, uint64_t packets, uint64_t bytes)
{
	if (__builtin_add_overflow(s->packets, packets, &s->packets))
		s->packets = UINT64_MAX;
	if (__builtin_add_overflow(s->bytes, bytes, &s->bytes))
		s->bytes = UINT64_MAX;
}

uint64_t hin_rule_sum(struct hin_subject *s, uint64_t more)
{
	uint64_t sum = (uint64_t)s->own[1] << 32 | s->own[0];

	if (__builtin_add_overflow(sum, more, &sum))
		sum = UINT64_MAX;
	s->own[0] = (uint32_t)sum;
	s->own[1] = (uint32_t)(sum >> 32);
	return sum;
}

void hin_rule_credit(struct hin_subject *s, uint32_t more, int64_t first_us)
{
	s->observations += more;
	if (first_us < s->first_us)
		s->first_us = first_us;
}

uint32_t hin_rule_hash(const struct hin_rule_run *run, const struct hin_addr *address)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint32_t hash;

	crypto_shorthash(out, address->b, sizeof(address->b), run->analyse->seed);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

bool hin_rule_is_owned(const struct hin_rule_run *run)
{
	return run->analyse->identity.organisation != 0;
}

/* ---- parts of queries ---- */

void hin_rule_query_address(struct hin_buffer *out, const char *field,
			    const struct hin_claim *claim)
{
	char text[HIN_PREFIX_TEXT];
	struct hin_prefix prefix = { claim->address, claim->len };

	if (claim->type == HIN_SUBJECT_PREFIX)
		hin_buffer_printf(out, "%s net %s", field, hin_prefix_format(&prefix, text));
	else
		hin_buffer_printf(out, "%s %s", field, hin_addr_format(&claim->address, text));
}

void hin_rule_query_proto(struct hin_buffer *out, const struct hin_claim *claim)
{
	if (claim->proto != 0)
		hin_buffer_printf(out, " and proto %u", claim->proto);
}

void hin_rule_query_tool(struct hin_buffer *out, const struct hin_claim *claim)
{
	const struct hin_word *word = hin_registry_find(HIN_REGISTRY_TOOLS, claim->tool);

	if (word != NULL)
		hin_buffer_printf(out, " and tool %s", word->name);
	else
		hin_buffer_printf(out, " and tool %u", claim->tool);
}
