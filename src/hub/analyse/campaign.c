/*
 * campaign - many sources that begin the same new pattern together.
 *
 * A pattern is protocol, port, tool and shape of a scan. For each the rule counts the sources that
 * begin within a window; two windows, half of one apart, see whatever happens together. It is a
 * campaign when they are enough, far more than the pattern's own past led to expect (Poisson: at
 * least the root of the mean is chance), and most of them at work at one time. The background of
 * a port that is always scanned is its past, and so no campaign; nothing is called new before the
 * stream is old enough to know.
 *
 * Bounded: a table of patterns, in each a bitmap of sources (so that one that begins again and
 * again counts once) and a sample of their times.
 */
#include <math.h>
#include <stdlib.h>

#include "base/table.h"
#include "hub/analyse/analyse.h"

#define PATTERNS 16384u /* the one seen longest ago makes way */
#define LOOK 8		/* how many are compared for that */
#define BITS 2048u	/* of a bitmap of sources */
#define SAMPLE 32	/* sources whose times are compared */
#define RATE 0.1	/* of forgetting, a window */
#define SURE 80
#define GRAVE 5 /* times the sources that are needed */

struct times {
	int64_t from, until;
};

struct window {
	int64_t start;
	uint32_t sources, samples;
	struct times sample[SAMPLE];
	uint64_t bits[BITS / 64];
};

struct pattern {
	uint64_t key;
	int64_t seen_us;
	int64_t began_us; /* of the campaign that goes on; 0 = none */
	double mean;	  /* sources a window, of the past */
	struct window window[2];
};

struct campaigns {
	struct hin_array patterns;
	struct hin_index index;
	int64_t since_us; /* the stream's first row; 0 = none yet */
};

/* ---- patterns ---- */

static uint32_t hash_of_key(uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

static struct pattern *pattern_at(const struct campaigns *c, uint32_t at)
{
	return hin_array_item(&c->patterns, at, sizeof(struct pattern));
}

static uint32_t hash_of(const void *user, uint32_t at)
{
	return hash_of_key(pattern_at(user, at)->key);
}

/* Of the next few the one that was seen longest ago goes. */
static uint32_t make_way(struct campaigns *c)
{
	uint32_t worst = HIN_NONE;

	for (unsigned i = 0; i < LOOK; i++) {
		uint32_t at = c->patterns.hand++ % c->patterns.used;

		if (worst == HIN_NONE || pattern_at(c, at)->seen_us < pattern_at(c, worst)->seen_us)
			worst = at;
	}
	hin_index_remove(&c->index, hash_of(c, worst), worst, hash_of, c);
	return worst;
}

static struct pattern *find_pattern(struct campaigns *c, uint64_t key)
{
	uint32_t hash = hash_of_key(key), at;
	struct hin_index_search search = hin_index_search(&c->index, hash);
	struct pattern *p;

	while ((at = hin_index_next(&c->index, hash, &search)) != HIN_NONE)
		if (pattern_at(c, at)->key == key)
			return pattern_at(c, at);
	at = hin_array_take(&c->patterns);
	if (at == HIN_NONE)
		at = make_way(c);
	p = pattern_at(c, at);
	*p = (struct pattern){ .key = key };
	if (!hin_index_put(&c->index, hash, at, hash_of, c)) {
		hin_array_give(&c->patterns, at);
		return NULL;
	}
	return p;
}

/* ---- windows ---- */

/* What a window that is over says of the usual; the windows after it in which nobody began too. */
static void learn(struct pattern *p, uint32_t sources, int64_t passed)
{
	p->mean += RATE * ((double)sources - p->mean);
	p->mean *= pow(1 - RATE, (double)(passed - 1));
}

/* Bring window `i` to where `time_us` lies; false when it is past already. */
static bool turn(struct pattern *p, unsigned i, int64_t time_us, int64_t length_us)
{
	struct window *w = &p->window[i];
	int64_t shift = i * length_us / 2;
	int64_t start = (time_us - shift) / length_us * length_us + shift;

	if (start < w->start)
		return false;
	if (start > w->start) {
		if (i == 0 && w->start != 0)
			learn(p, w->sources, (start - w->start) / length_us);
		*w = (struct window){ .start = start };
	}
	return true;
}

/* Count a source in; false when it was there. */
static bool count(struct window *w, uint32_t source, const struct times *times)
{
	uint64_t bit = UINT64_C(1) << (source & 63), *word = &w->bits[source / 64 % (BITS / 64)];

	if (*word & bit)
		return false;
	*word |= bit;
	if (w->samples < SAMPLE)
		w->sample[w->samples++] = *times;
	w->sources++;
	return true;
}

/* The greatest share of the sample that was at work at one time, in percent. */
static unsigned overlap(const struct window *w)
{
	unsigned most = 0;

	for (uint32_t i = 0; i < w->samples; i++) {
		unsigned together = 0;

		for (uint32_t k = 0; k < w->samples; k++)
			together += w->sample[k].from <= w->sample[i].from &&
				    w->sample[k].until >= w->sample[i].from;
		most = together > most ? together : most;
	}
	return w->samples > 0 ? most * 100 / w->samples : 0;
}

static bool is_campaign(const struct pattern *p, const struct window *w,
			const struct hin_rule_campaign *set)
{
	double chance = sqrt(p->mean > 1 ? p->mean : 1);

	return w->sources >= set->sources && (double)w->sources > p->mean + set->score * chance &&
	       overlap(w) >= set->overlap;
}

/* ---- the rule ---- */

static bool begins(const struct hin_observation *o)
{
	return (o->has & HIN_HAS_SRC) && hin_rule_has_tag(o, HIN_TAG_OPENED) &&
	       !hin_rule_has_tag(o, HIN_TAG_SPOOFED) && !hin_rule_has_tag(o, HIN_TAG_BOGON) &&
	       !hin_rule_has_tag(o, HIN_TAG_RESEARCH);
}

static void tell(struct hin_rule_run *run, struct pattern *p, const struct window *w,
		 const struct hin_observation *o, bool first)
{
	const struct hin_rule_campaign *set = run->settings;
	struct hin_claim claim = { .type = HIN_SUBJECT_CAMPAIGN,
				   .began_us = p->began_us,
				   .port = o->dport,
				   .proto = o->proto,
				   .tool = o->tool,
				   .pattern = (uint16_t)o->rule,
				   .apart = p->key,
				   .confidence = SURE,
				   .severity = HIN_SEVERITY_MEDIUM };
	struct hin_subject *s = hin_rule_subject(run, &claim, o);

	if (s == NULL)
		return;
	if (first)
		hin_rule_credit(s, w->sources - 1, w->sample[0].from);
	if (w->sources > s->own[0])
		s->own[0] = w->sources;
	if (s->own[0] >= GRAVE * set->sources)
		claim.severity = HIN_SEVERITY_HIGH;
	hin_rule_volume(s, o->packets, o->bytes);
	hin_rule_find(run, s, &claim);
}

static void take(struct hin_rule_run *run, const struct hin_observation *o)
{
	const struct hin_rule_campaign *set = run->settings;
	struct campaigns *c = run->state;
	int64_t length_us = set->window_ns / 1000;
	/* a few packets are seen of what goes on for longer: a quarter of the window at least */
	struct times times = { o->time_us, o->time_us + length_us / 4 };
	const struct window *w;
	struct pattern *p;
	bool fresh = false, first;

	if (c->since_us == 0 || o->time_us < c->since_us)
		c->since_us = o->time_us;
	if (!begins(o))
		return;
	p = find_pattern(c, (uint64_t)o->tool << 40 | (uint64_t)(o->rule & 0xffff) << 24 |
				    (uint64_t)o->proto << 16 | o->dport);
	if (p == NULL)
		return;
	if (hin_rule_end_us(o) > times.until)
		times.until = hin_rule_end_us(o);
	if (p->seen_us != 0 && o->time_us - p->seen_us > 2 * length_us)
		p->began_us = 0; /* the campaign is over */
	if (o->time_us > p->seen_us)
		p->seen_us = o->time_us;
	for (unsigned i = 0; i < 2; i++)
		if (turn(p, i, o->time_us, length_us))
			fresh |= count(&p->window[i], hin_rule_hash(run, &o->src), &times);
	w = &p->window[p->window[1].sources > p->window[0].sources];
	first = p->began_us == 0 && o->time_us - c->since_us >= set->past_ns / 1000 &&
		is_campaign(p, w, set);
	if (first)
		p->began_us = w->sample[0].from;
	if (p->began_us != 0 && fresh)
		tell(run, p, w, o, first);
}

static void query(const struct hin_claim *claim, struct hin_buffer *out)
{
	hin_buffer_puts(out, "kind telescope.scan");
	hin_rule_query_proto(out, claim);
	hin_buffer_printf(out, " and field dport %u", claim->port);
	hin_rule_query_tool(out, claim);
	if (claim->pattern != 0)
		hin_buffer_printf(out, " and rule %u", claim->pattern);
	hin_buffer_puts(out, " and tag opened");
}

/* ---- its table ---- */

static void campaigns_close(void *state)
{
	struct campaigns *c = state;
	struct hin_array *family[1];

	if (c == NULL)
		return;
	family[0] = &c->patterns;
	hin_array_fini_family(family, 1);
	hin_index_fini(&c->index);
	free(c);
}

static enum hin_code campaigns_open(void **state, const void *settings, struct hin_error *err)
{
	struct campaigns *c = calloc(1, sizeof(*c));
	struct hin_array *family[1];
	enum hin_code code;

	(void)settings;
	if (c == NULL)
		return hin_fail(err, HIN_ENOMEM, "campaigns");
	family[0] = &c->patterns;
	code = hin_array_init_family(family, 1, sizeof(struct pattern), PATTERNS, err);
	if (code == HIN_OK)
		code = hin_index_init(&c->index, err);
	if (code == HIN_OK)
		*state = c;
	else
		campaigns_close(c);
	return code;
}

static void campaigns_reset(void *state)
{
	struct campaigns *c = state;

	c->patterns.used = c->patterns.live = c->patterns.hand = 0;
	c->patterns.free = HIN_NONE;
	memset(c->index.slots, 0, ((size_t)c->index.mask + 1) * sizeof(*c->index.slots));
	c->index.used = 0;
	c->since_us = 0;
}

const struct hin_rule hin_rule_campaign = {
	.finding = HIN_FINDING_CAMPAIGN,
	.kinds = { HIN_KIND_TELESCOPE_SCAN },
	.settings = offsetof(struct hin_analyse_settings, campaign),
	.idle = offsetof(struct hin_rule_campaign, idle_ns),
	.why = { "Many sources that had not done so before began the same search at the same time: "
		 "one "
		 "hand, or one worm, moves them.",
		 "これまで活動していなかった多数の送信元が、同じ探索を同時に始めた。一つの指令また"
		 "は"
		 "ワームによると考えられる。" },
	.take = take,
	.query = query,
	.open = campaigns_open,
	.reset = campaigns_reset,
	.close = campaigns_close,
};
