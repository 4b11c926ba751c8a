/*
 * silent - a sensor was not heard of for longer than it promised, or batches of it are missing.
 *
 * No rows from it mean nothing then: what it watches is not watched.
 */
#include "hub/analyse/analyse.h"

#define SURE 100

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_silent *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_SENSOR,
				   .confidence = SURE,
				   .severity = o->kind == HIN_KIND_ROAD_SILENT
						       ? HIN_SEVERITY_HIGH
						       : HIN_SEVERITY_MEDIUM };
	struct hin_subject *s;

	memcpy(claim.sensor, o->device, sizeof(claim.sensor));
	s = hin_rule_subject(run, &claim, o);
	if (s == NULL)
		return;
	if (o->kind == HIN_KIND_ROAD_GAP) {
		uint64_t sum = s->own[0] + o->packets;

		s->own[0] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
	}
	if (o->kind == HIN_KIND_ROAD_SILENT || s->own[0] >= set->batches || s->found)
		hin_rule_find(run, s, &claim);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "(kind road.silent or kind road.gap) and device ");
	for (size_t i = 0; i < sizeof(claim->sensor); i++)
		hin_buffer_printf(out, "%02x", claim->sensor[i]);
}

const struct hin_rule hin_rule_silent = {
	.finding = HIN_FINDING_SILENT_SENSOR,
	.kinds = { HIN_KIND_ROAD_SILENT, HIN_KIND_ROAD_GAP },
	.settings = offsetof(struct hin_analyse_settings, silent),
	.idle = offsetof(struct hin_rule_silent, idle_ns),
	.why = { "A sensor speaks every minute and numbers what it sends: silence and missing "
		 "numbers "
		 "mean that it could not.",
		 "センサーは毎分発信し、送信内容に通し番号を付ける。沈黙や欠番は、それができなかっ"
		 "た"
		 "ことを示す。" },
	.take = take,
	.query = query,
};
