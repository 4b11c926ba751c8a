/* picture - all that is known, as the reports want it. */
#include <netinet/in.h>
#include <stdlib.h>

#include "telescope/telescope_priv.h"

/* ---- orders ---- */

static int by_port(const void *a, const void *b)
{
	const struct hin_port_stat *x = a, *y = b;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	return x->port < y->port ? -1 : x->port > y->port;
}

static int by_member(const void *a, const void *b)
{
	const struct hin_member *x = a, *y = b;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return hin_addr_compare(&x->address, &y->address);
}

static int by_rising(const void *a, const void *b)
{
	const struct hin_rising *x = a, *y = b;

	if (x->score > y->score || x->score < y->score)
		return x->score > y->score ? -1 : 1;
	if (x->proto != y->proto)
		return x->proto < y->proto ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return x->hourly - y->hourly;
}

/* ---- lists ---- */

/* Copy the items that are over, then those of now, sort, and cut at `limit`. */
static enum hin_code take_list(void **out, size_t *out_count, size_t *total,
			       const struct result_list *over, const struct result_list *now,
			       size_t item, int (*order)(const void *, const void *), size_t limit,
			       struct hin_error *err)
{
	size_t count = over->count + now->count;

	*total = over->total + now->total;
	*out_count = 0;
	*out = malloc((count > 0 ? count : 1) * item);
	if (*out == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the lists of the report");
	if (over->count > 0)
		memcpy(*out, over->items, over->count * item);
	if (now->count > 0)
		memcpy((uint8_t *)*out + over->count * item, now->items, now->count * item);
	if (count > 0)
		qsort(*out, count, item, order);
	*out_count = count < limit ? count : limit;
	return HIN_OK;
}

/* The same from a plain array. */
static enum hin_code take_array(void **out, size_t *out_count, size_t *total, void *items,
				size_t count, size_t item, int (*order)(const void *, const void *),
				size_t limit, struct hin_error *err)
{
	const struct result_list none = { 0 };
	const struct result_list list = { .items = items, .count = count, .total = count };

	return take_list(out, out_count, total, &none, &list, item, order, limit, err);
}

static enum hin_code take_results(struct hin_picture *out, const struct hin_telescope *t,
				  const struct results *now, size_t limit, struct hin_error *err)
{
	const struct results *over = &t->over;
	enum hin_code code;

	out->event_packets = over->events.packets + now->events.packets;
	code = take_list((void **)&out->events, &out->event_count, &out->event_total, &over->events,
			 &now->events, sizeof(struct hin_event), hin_by_event, limit, err);
	if (code == HIN_OK)
		code = take_list((void **)&out->victims, &out->victim_count, &out->victim_total,
				 &over->victims, &now->victims, sizeof(struct hin_victim),
				 hin_by_victim, limit, err);
	if (code == HIN_OK)
		code = take_list((void **)&out->floods, &out->flood_count, &out->flood_total,
				 &over->floods, &now->floods, sizeof(struct hin_flood),
				 hin_by_flood, limit, err);
	if (code == HIN_OK)
		code = take_list((void **)&out->amplifications, &out->amplification_count,
				 &out->amplification_total, &over->amplifications,
				 &now->amplifications, sizeof(struct hin_flood), hin_by_flood,
				 limit, err);
	return code;
}

static enum hin_code take_ports(struct hin_picture *out, const struct hin_telescope *t,
				size_t limit, struct hin_error *err)
{
	struct hin_port_stat *all = calloc(HIN_CHANGE_PORTS, sizeof(*all));
	enum hin_code code;
	size_t count = 0;

	if (all == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the ports of the report");
	for (uint32_t i = 0; i < HIN_CHANGE_PORTS; i++) {
		struct hin_port_stat stat = { .proto = i < 65536 ? IPPROTO_TCP : IPPROTO_UDP,
					      .port = (uint16_t)i,
					      .packets = t->port_totals[i][0],
					      .bytes = t->port_totals[i][1] };

		for (unsigned k = 0; k < t->options.threads; k++) {
			uint64_t packed = t->counters[k].ports[i];

			stat.packets += packed & ((1u << PORT_PACKET_BITS) - 1);
			stat.bytes += packed >> PORT_PACKET_BITS;
		}
		if (stat.packets == 0)
			continue;
		for (unsigned k = 0; k < HIN_SHARDS; k++)
			stat.sources += *port_sources_at(&t->shards[k], i);
		all[count++] = stat;
	}
	code = take_array((void **)&out->ports, &out->port_count, &out->port_total, all, count,
			  sizeof(*all), by_port, limit, err);
	free(all);
	return code;
}

/* Members: the alerts, and where no dark space is known those whose scans were judged. */
static enum hin_code take_members(struct hin_picture *out, const struct hin_telescope *t,
				  size_t limit, struct hin_error *err)
{
	size_t size = t->member_count + out->event_count + 1, count = 0;
	struct hin_member *all = calloc(size, sizeof(*all));
	enum hin_code code;

	if (all == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the members of the report");
	for (size_t i = 0; i < t->member_count; i++) {
		const struct member *m = &t->members[i];

		all[count] = m->told;
		all[count].targets = hin_distinct_count(&t->member_pool, &m->targets);
		all[count].ports = hin_distinct_count(&t->member_pool, &m->ports);
		count++;
	}
	for (size_t i = 0; t->options.dark == NULL && i < out->event_count; i++) {
		const struct hin_event *e = &out->events[i];
		struct hin_member *m = &all[count];

		if (!e->member || e->source_len == 64)
			continue;
		*m = (struct hin_member){ .address = e->source,
					  .infected = true,
					  .tool = e->tool,
					  .confidence = e->confidence,
					  .packets = e->packets,
					  .targets = e->targets,
					  .ports = e->ports,
					  .first_us = e->first_us,
					  .last_us = e->last_us,
					  .of_event = true,
					  .link = e->link,
					  .top_count = e->top_count,
					  .top_proto = e->class == HIN_CLASS_UDP    ? IPPROTO_UDP
						       : e->class == HIN_CLASS_ICMP ? IPPROTO_ICMP
										    : IPPROTO_TCP };
		memcpy(m->top, e->top, sizeof(m->top));
		count++;
	}
	code = take_array((void **)&out->members, &out->member_count, &out->member_total, all,
			  count, sizeof(*all), by_member, limit, err);
	free(all);
	return code;
}

static enum hin_code take_rising(struct hin_picture *out, const struct hin_telescope *t,
				 size_t limit, struct hin_error *err)
{
	struct hin_rise_results *results = malloc(sizeof(*results));
	enum hin_code code;

	if (results == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for what rose");
	hin_change_results(&t->change, results);
	out->rising_too_short = t->change.scales[0].intervals < t->options.settings.rising_history;
	code = take_array((void **)&out->rising, &out->rising_count, &out->rising_total,
			  results->list, results->count, sizeof(results->list[0]), by_rising, limit,
			  err);
	free(results);
	return code;
}

/* The running minute as a point, with what the threads have not handed over yet. */
static struct point running_point(const struct hin_telescope *t)
{
	struct point point = t->running;
	int64_t step = t->series_step_us;

	point.sum.time_us = t->minute_us - (t->minute_us % step + step) % step;
	for (unsigned k = 0; k < t->options.threads; k++) {
		const struct counters *c = &t->counters[k];

		point.sum.packets += c->minute_packets;
		point.sum.bytes += c->minute_bytes;
		for (unsigned j = 0; j < HIN_PACKET_KIND_COUNT; j++)
			point.sum.by_kind[j] += c->minute_kinds[j];
	}
	return point;
}

/* Packets of one port in the running minute. */
static uint64_t running_port(const struct hin_telescope *t, uint32_t port)
{
	uint64_t packets = t->port_minute[port];

	for (unsigned k = 0; k < t->options.threads; k++)
		packets += t->counters[k].ports[port] & ((1u << PORT_PACKET_BITS) - 1);
	return packets;
}

static uint64_t port_at(const struct point *point, uint32_t port)
{
	for (unsigned i = 0; i < point->port_count; i++)
		if (point->ports[i].port == port)
			return point->ports[i].packets;
	return 0;
}

/* Series of the ports that are busiest in all, on the grid of the whole. */
static enum hin_code take_port_series(struct hin_picture *out, const struct hin_telescope *t,
				      struct hin_error *err)
{
	size_t most = out->port_count < HIN_TOP_PORTS ? out->port_count : HIN_TOP_PORTS;

	out->port_series = calloc(most > 0 ? most : 1, sizeof(*out->port_series));
	if (out->port_series == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the series of ports");
	for (size_t i = 0; i < most && out->series_count > 0; i++) {
		struct hin_port_series *series = &out->port_series[i];
		uint32_t port =
			out->ports[i].port + (out->ports[i].proto == IPPROTO_UDP ? 65536u : 0);

		series->proto = out->ports[i].proto;
		series->port = out->ports[i].port;
		series->counts = calloc(out->series_count, sizeof(*series->counts));
		if (series->counts == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for the series of ports");
		out->port_series_count++;
		for (size_t k = 0; k < t->series_count; k++)
			series->counts[k] = port_at(&t->series[k], port);
		if (t->minute_us != INT64_MIN)
			series->counts[out->series_count - 1] += running_port(t, port);
	}
	return HIN_OK;
}

static enum hin_code take_series(struct hin_picture *out, const struct hin_telescope *t,
				 struct hin_error *err)
{
	struct hin_series_point *last;

	out->series_step_us = t->series_step_us;
	out->series = malloc((t->series_count + 1) * sizeof(*out->series));
	if (out->series == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the series");
	for (size_t i = 0; i < t->series_count; i++)
		out->series[i] = t->series[i].sum;
	out->series_count = t->series_count;
	if (t->minute_us != INT64_MIN) {
		struct point point = running_point(t);

		last = out->series_count > 0 ? &out->series[out->series_count - 1] : NULL;
		if (last == NULL || point.sum.time_us > last->time_us) {
			out->series[out->series_count++] = point.sum;
		} else {
			last->packets += point.sum.packets;
			last->bytes += point.sum.bytes;
			for (unsigned j = 0; j < HIN_PACKET_KIND_COUNT; j++)
				last->by_kind[j] += point.sum.by_kind[j];
		}
	}
	return take_port_series(out, t, err);
}

static enum hin_code take_counters(struct hin_picture *out, const struct hin_telescope *t,
				   struct hin_error *err)
{
	struct counters *sum = aligned_alloc(_Alignof(struct counters), sizeof(*sum));
	bool gone = false;
	uint64_t estimate = 0;

	if (sum == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the counters of the report");
	hin_telescope_sum(sum, t);
	out->frames = sum->frames;
	out->packets = sum->packets;
	out->bytes = sum->bytes;
	out->outside = sum->outside;
	memcpy(out->kinds, sum->kinds, sizeof(out->kinds));
	memcpy(out->icmp_types, sum->icmp_types, sizeof(out->icmp_types));
	memcpy(out->icmp6_types, sum->icmp6_types, sizeof(out->icmp6_types));
	memcpy(out->protocols, sum->protocols, sizeof(out->protocols));
	memcpy(out->refused, sum->refused, sizeof(out->refused));
	out->bogon = sum->bogon;
	out->spoofed = sum->spoofed;
	out->unroutable = sum->unroutable;
	out->fragments = sum->fragments;
	out->tunnelled = sum->tunnelled;
	out->router_kill = sum->router_kill;
	if (sum->packets > 0) {
		out->first_us = sum->first_us;
		out->last_us = sum->last_us;
	}
	free(sum);
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];

		out->sources += s->sources_seen;
		estimate += hin_distinct_count(&s->pool, &s->all_sources);
		gone |= s->sources_gone;
		out->lost.sources += s->lost.sources;
		out->lost.events += s->lost.events;
		out->lost.targets += s->lost.targets;
		out->lost.ports_merged += s->lost.ports_merged;
		out->lost.flows += s->lost.flows;
		out->lost.distinct += s->pool.degraded;
	}
	out->sources_exact = !gone;
	if (gone)
		out->sources = estimate;
	out->lost.results += t->over.lost + t->members_lost;
	for (size_t i = 0; t->dark_seen != NULL && i < (t->dark_v4 + 7) / 8; i++)
		out->dark_hit += (unsigned)__builtin_popcount(t->dark_seen[i]);
	return HIN_OK;
}

enum hin_code hin_telescope_picture(struct hin_picture *out, struct hin_telescope *t, size_t limit,
				    struct hin_error *err)
{
	struct hin_picture p = { .dark_known = t->options.dark != NULL,
				 .dark_v4 = t->dark_v4,
				 .dark_v6 = t->dark_v6,
				 .decoded_only = t->options.count_only,
				 .event_timeout_s = (double)t->timeout_us / 1e6,
				 .kernel_drops = t->drops,
				 .clock_steps = t->clock_steps };
	struct results now = { .limit = limit };
	enum hin_code code = take_counters(&p, t, err);

	if (code != HIN_OK)
		return code;
	memcpy(p.tools, t->over_tools, sizeof(p.tools));
	hin_judge(t, INT64_MAX, t->clock_us, &now, p.tools);
	hin_results_name_evidence(t, &now);
	code = take_results(&p, t, &now, limit, err);
	p.lost.results += now.lost;
	hin_results_fini(&now);
	if (code == HIN_OK)
		code = take_ports(&p, t, limit, err);
	if (code == HIN_OK)
		code = take_members(&p, t, limit, err);
	if (code == HIN_OK)
		code = take_rising(&p, t, limit, err);
	if (code == HIN_OK)
		code = take_series(&p, t, err);
	if (code != HIN_OK) {
		hin_picture_free(&p);
		return code;
	}
	*out = p;
	return HIN_OK;
}

void hin_picture_free(struct hin_picture *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->input_count; i++)
		free(p->inputs[i].name);
	free(p->inputs);
	free(p->ports);
	free(p->events);
	free(p->victims);
	free(p->floods);
	free(p->amplifications);
	free(p->members);
	free(p->rising);
	free(p->series);
	for (size_t i = 0; i < p->port_series_count; i++)
		free(p->port_series[i].counts);
	free(p->port_series);
	*p = (struct hin_picture){ 0 };
}
