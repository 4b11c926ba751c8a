/*
 * scanner - who scans, by tool and target: one finding a source, tool, protocol and port (0 =
 * many).
 *
 * Members that scan are infected.c's. Forged sources scan nothing.
 */
#include "hub/analyse/analyse.h"

#define USUAL 70 /* confidence when the sensor names none */

enum { TARGETS, PORTS, LARGE };

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_scanner *set = run->settings;
	struct hin_claim claim = {
		.type = o->src_len == 64 ? HIN_SUBJECT_PREFIX : HIN_SUBJECT_ADDRESS,
		.len = o->src_len,
		.address = o->src,
		.lease_port = hin_rule_lease_port(o),
		.port = o->dport,
		.proto = o->proto,
		.tool = o->tool,
		.severity = HIN_SEVERITY_LOW,
		.confidence = o->confidence > 0 ? o->confidence : USUAL,
		.apart = (uint64_t)o->tool << 32 | (uint64_t)o->proto << 16 | o->dport
	};
	struct hin_subject *s;

	if (!(o->has & HIN_HAS_SRC) || hin_rule_has_tag(o, HIN_TAG_MEMBER) ||
	    hin_rule_has_tag(o, HIN_TAG_SPOOFED) ||
	    (!set->research && hin_rule_has_tag(o, HIN_TAG_RESEARCH)))
		return;
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	hin_rule_volume(s, o->packets, o->bytes);
	if (o->targets > s->own[TARGETS])
		s->own[TARGETS] = o->targets;
	if (o->ports > s->own[PORTS])
		s->own[PORTS] = o->ports;
	s->own[LARGE] |= hin_rule_has_tag(o, HIN_TAG_LARGE);
	if (!s->found && s->own[TARGETS] < set->targets && s->own[PORTS] < set->ports &&
	    !s->own[LARGE])
		return;
	if (hin_rule_is_owned(run)) /* somebody whom we can tell */
		claim.severity = HIN_SEVERITY_MEDIUM;
	hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "kind telescope.scan and ");
	hin_rule_query_address(out, "src", claim);
	hin_rule_query_proto(out, claim);
	hin_buffer_printf(out, " and field dport %u", claim->port);
	hin_rule_query_tool(out, claim);
}

const struct hin_rule hin_rule_scanner = {
	.finding = HIN_FINDING_SCANNER,
	.kinds = { HIN_KIND_TELESCOPE_SCAN },
	.settings = offsetof(struct hin_analyse_settings, scanner),
	.idle = offsetof(struct hin_rule_scanner, idle_ns),
	.why = { "It sent to many addresses at which nothing is, as a search for open services "
		 "does.",
		 "何も存在しない多数のアドレスへ送信した。開いているサービスを探す動作である。" },
	.take = take,
	.query = query,
};
