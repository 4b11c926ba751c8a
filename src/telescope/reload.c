/* reload - what a telescope may be given anew between two runs; see telescope.h */
#include <math.h>
#include <stdlib.h>

#include "telescope/telescope_priv.h"

/*
 * How long an event may be idle: a scanner at r packets/s Internet-wide hits D dark addresses as a
 * Poisson process of rate r D / 2^32, so P(gap > T) = exp(-T r D / 2^32). Merit's 624 s at 475,136
 * addresses is the case r = 100, P = 0.001.
 */
static int64_t timeout_of(const struct hin_telescope_settings *s, uint64_t dark_v4)
{
	double most = (double)s->event_timeout_max_ns / 1e9, seconds = most;

	if (s->event_timeout_ns > 0)
		seconds = (double)s->event_timeout_ns / 1e9;
	else if (dark_v4 > 0)
		seconds = -log(s->event_miss) * 4294967296.0 /
			  ((double)dark_v4 * (double)s->event_rate_pps);
	if (s->event_timeout_ns == 0 && seconds > most)
		seconds = most;
	if (seconds < 60)
		seconds = 60;
	return (int64_t)(seconds * 1e6);
}

/* ---- the dark space ---- */

/* The tree's IPv4 prefixes as ranges that do not overlap, and a bit for each address. */
struct dark {
	uint64_t v4, v6;
	struct dark_range *ranges;
	size_t count;
	uint8_t *seen;
};

static void dark_free(struct dark *d)
{
	free(d->ranges);
	free(d->seen);
}

static uint32_t last_of(const struct hin_prefix *p)
{
	if (p->len == 32)
		return hin_addr_v4(&p->addr);
	return hin_addr_v4(&p->addr) |
	       (p->len == 0 ? UINT32_MAX : (UINT32_MAX >> 1) >> (p->len - 1));
}

/* The tree gives its prefixes sorted, the wider before those inside it. */
static enum hin_code dark_make(struct dark *out, const struct hin_prefix_tree *tree,
			       struct hin_error *err)
{
	struct hin_prefix_size size = hin_prefix_tree_size(tree);
	struct dark d = { .v4 = size.v4, .v6 = size.addresses - size.v4 };
	struct hin_prefix p;
	uint32_t offset = 0;

	d.ranges = calloc(size.prefixes + 1, sizeof(*d.ranges));
	if (d.ranges == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the dark prefixes");
	for (size_t i = 0; hin_prefix_tree_at(tree, i, &p, NULL) && hin_addr_is_v4(&p.addr); i++) {
		uint32_t first = hin_addr_v4(&p.addr), last = last_of(&p);

		if (d.count > 0 && last <= d.ranges[d.count - 1].last)
			continue; /* inside the one before */
		d.ranges[d.count++] =
			(struct dark_range){ .first = first, .last = last, .offset = offset };
		offset += last - first + 1;
	}
	if (size.v4 > 0 && size.v4 <= DARK_BITMAP_LIMIT) {
		d.seen = calloc((size_t)(size.v4 + 7) / 8, 1);
		if (d.seen == NULL) {
			dark_free(&d);
			return hin_fail(err, HIN_ENOMEM, "no room for the dark addresses");
		}
	}
	*out = d;
	return HIN_OK;
}

/* The bits of addresses that both have. Ranges of both are sorted. */
static void dark_keep_seen(struct dark *to, const struct dark *from)
{
	size_t k = 0;

	if (to->seen == NULL || from->seen == NULL)
		return;
	for (size_t i = 0; i < from->count; i++) {
		const struct dark_range *old = &from->ranges[i];

		for (uint64_t a = old->first; a <= old->last && k < to->count; a++) {
			uint32_t bit = old->offset + (uint32_t)(a - old->first);

			while (k < to->count && to->ranges[k].last < a)
				k++;
			if (k == to->count || a < to->ranges[k].first ||
			    (from->seen[bit / 8] >> bit % 8 & 1) == 0)
				continue;
			bit = to->ranges[k].offset + (uint32_t)(a - to->ranges[k].first);
			to->seen[bit / 8] |= (uint8_t)(1u << bit % 8);
		}
	}
}

static void mark_dark(struct hin_marker *marker, const struct hin_prefix_tree *tree,
		      const struct dark *d)
{
	marker->dark = tree;
	marker->dark_single = tree != NULL && hin_prefix_tree_size(tree).prefixes == 1 &&
			      d->count == 1 && d->ranges[0].last > 0;
	if (!marker->dark_single)
		return;
	marker->dark_base = d->ranges[0].first;
	marker->dark_mask = ~(d->ranges[0].last - d->ranges[0].first);
}

/* ---- all of it ---- */

enum hin_code hin_telescope_place(struct hin_telescope *t, const struct hin_telescope_options *o,
				  struct hin_error *err)
{
	struct dark fresh = { 0 }, old = { .ranges = t->dark_ranges,
					   .count = t->dark_range_count,
					   .seen = t->dark_seen };
	enum hin_code code = HIN_OK;

	if (o->dark != NULL)
		code = dark_make(&fresh, o->dark, err);
	if (code != HIN_OK)
		return code;
	dark_keep_seen(&fresh, &old);
	dark_free(&old);
	t->dark_v4 = fresh.v4;
	t->dark_v6 = fresh.v6;
	t->dark_ranges = fresh.ranges;
	t->dark_range_count = fresh.count;
	t->dark_seen = fresh.seen;
	mark_dark(&t->marker, o->dark, &fresh);
	hin_marker_set_members(&t->marker, o->member);
	t->options.settings = o->settings;
	t->options.dark = o->dark;
	t->options.member = o->member;
	t->options.member_names = o->member_names;
	t->options.excluded = o->excluded;
	t->options.research = o->research;
	t->options.research_names = o->research_names;
	t->options.update_us = o->update_us;
	t->timeout_us = timeout_of(&t->options.settings, t->dark_v4);
	return HIN_OK;
}

enum hin_code hin_telescope_reload(struct hin_telescope *t, const struct hin_telescope_options *o,
				   struct hin_error *err)
{
	struct hin_telescope_options fresh = *o;

	if ((o->dark == NULL) != (t->options.dark == NULL))
		return hin_fail(err, HIN_EUSAGE,
				"a telescope with a dark space cannot go on without one, nor the "
				"other way round");
	fresh.settings.memory_bytes = t->options.settings.memory_bytes;
	fresh.settings.seed = t->options.settings.seed;
	return hin_telescope_place(t, &fresh, err);
}
