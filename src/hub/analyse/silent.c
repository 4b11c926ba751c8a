/*
 * silent - a sensor was not heard of for longer than it promised, or batches of it are missing.
 *
 * No rows from it mean nothing then: what it watches is not watched. When it is heard of again and
 * no batch is missing, the finding is over and its case closes by itself; the next silence opens it
 * again.
 */
#include "hub/analyse/analyse.h"

#define SURE 100

/* `own` of its subjects: batches that are missing; what is known; whether it is silent now */
enum { MISSING, STATE, SILENT };

/* Of the subject since the hub runs; what was before, the desk knows. */
enum { UNKNOWN, NOTHING, FOUND };

static struct hin_claim claim_of(const uint8_t *sensor, bool grave)
{
	struct hin_claim claim = { .type = HIN_SUBJECT_SENSOR,
				   .confidence = SURE,
				   .severity = grave ? HIN_SEVERITY_HIGH : HIN_SEVERITY_MEDIUM };

	memcpy(claim.sensor, sensor, sizeof(claim.sensor));
	return claim;
}

static void take_trouble(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_silent *set = run->settings;
	bool silent = o->kind == HIN_KIND_ROAD_SILENT;
	struct hin_claim claim = claim_of(o->device, silent);
	struct hin_subject *s = hin_rule_subject(run, &claim, o);

	if (s == NULL)
		return;
	if (!silent) {
		uint64_t sum = s->own[MISSING] + o->packets;

		s->own[MISSING] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
	}
	s->own[SILENT] |= silent;
	if (silent || s->own[MISSING] >= set->batches || s->own[STATE] == FOUND) {
		s->own[STATE] = FOUND;
		hin_rule_find(run, s, &claim);
	}
}

/* All that is missing is here again. */
static void take_filled(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_silent *set = run->settings;
	struct hin_claim claim = claim_of(o->device, false);
	struct hin_subject *s = hin_rule_peek(run, &claim, o);

	if (s == NULL || s->own[STATE] != FOUND)
		return;
	s->own[MISSING] -= o->packets < s->own[MISSING] ? (uint32_t)o->packets : s->own[MISSING];
	if (s->own[SILENT] || s->own[MISSING] >= set->batches)
		return;
	s->own[STATE] = NOTHING;
	hin_rule_over(run, s, &claim, o, true);
}

/*
 * It is heard of again, by a row that is newer than its silence: what was kept on its way tells of
 * before. The first one after a start asks the desk whether it was silent. As long as batches are
 * missing the return is noted, and no more.
 */
static void take_alive(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_silent *set = run->settings;
	struct hin_claim claim = claim_of(run->sensor, true);
	struct hin_subject *s = hin_rule_peek(run, &claim, o);
	bool closes;

	if (s == NULL || run->quiet || s->own[STATE] == NOTHING ||
	    (s->own[STATE] == FOUND && !s->own[SILENT]) || hin_rule_end_us(o) <= s->last_us)
		return;
	closes = s->own[MISSING] < set->batches;
	s->own[STATE] = closes ? NOTHING : FOUND;
	s->own[SILENT] = 0;
	hin_rule_over(run, s, &claim, o, closes);
}

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	switch (o->kind) {
	case HIN_KIND_ROAD_ALIVE:
		take_alive(run, o);
		break;
	case HIN_KIND_ROAD_FILLED:
		take_filled(run, o);
		break;
	default:
		take_trouble(run, o);
		break;
	}
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "(kind road.silent or kind road.gap) and device ");
	for (size_t i = 0; i < sizeof(claim->sensor); i++)
		hin_buffer_printf(out, "%02x", claim->sensor[i]);
}

const struct hin_rule hin_rule_silent = {
	.finding = HIN_FINDING_SILENT_SENSOR,
	.kinds = { HIN_KIND_ROAD_SILENT, HIN_KIND_ROAD_GAP, HIN_KIND_ROAD_FILLED,
		   HIN_KIND_ROAD_ALIVE },
	.over = "the sensor is heard of again",
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
