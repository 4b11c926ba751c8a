/*
 * judge - from what the shards counted to what may be said of it.
 *
 * A scan is told by how many addresses or ports one source tried; a victim by how many addresses it
 * answered that had not asked; a flood by what came to one address in a minute. Where no dark space
 * is known conversations are possible, and what was answered is taken off first.
 */
#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "telescope/names.h"
#include "telescope/telescope_priv.h"

#define CORSARO_ADDRESSES                                                                          \
	12000000.0 /* of UCSD-NT, where Corsaro's victim thresholds were chosen                    \
		    */

const char *hin_tool_name(enum hin_tool tool)
{
	static const char *const names[] = {
#define X(name, text) text,
		HIN_TOOLS(X)
#undef X
	};

	return (size_t)tool < HIN_COUNT(names) ? names[tool] : "unknown";
}

bool hin_tool_is_stack(enum hin_tool tool)
{
	return tool >= HIN_SIGN_LINUX;
}

const char *hin_class_name(enum hin_class class)
{
	static const char *const names[] = {
#define X(name, text) text,
		HIN_CLASSES(X)
#undef X
	};

	return (size_t) class < HIN_COUNT(names) ? names[class] : "unknown";
}

const char *hin_scan_type_name(enum hin_scan_type type)
{
	static const char *const names[] = { "none", "horizontal", "vertical", "block" };

	return (size_t)type < HIN_COUNT(names) ? names[type] : "unknown";
}

/* ---- tools ---- */

/*
 * May `marks` of `packets` be called the tool's? Mirai's and unicornscan's signatures match by
 * chance once in 2^32, ZMap's, Masscan's and nmap's once in 65,536: those need several, or one
 * whose other habits agree. The rest are habits only and are never certain.
 */
static enum hin_tool claim_tool(const struct hin_telescope_settings *s, uint8_t tool,
				uint64_t marks, uint64_t packets, bool shape, uint8_t *confidence,
				double *share)
{
	double part = packets > 0 ? (double)marks / (double)packets : 0;
	double most;

	*confidence = 0;
	*share = 0;
	if (tool == HIN_SIGN_NONE || marks == 0 || part * 100 < (double)s->tool_percent)
		return HIN_SIGN_NONE;
	switch ((enum hin_tool)tool) {
	case HIN_SIGN_MIRAI:
	case HIN_SIGN_UNICORNSCAN:
		most = marks >= s->tool_packets ? 99 : 90;
		break;
	case HIN_SIGN_ZMAP:
	case HIN_SIGN_MASSCAN:
		if (marks < s->tool_packets && !shape)
			return HIN_SIGN_NONE;
		most = marks >= s->tool_packets ? (shape ? 99 : 90) : 75;
		break;
	case HIN_SIGN_NMAP:
		if (marks < s->tool_packets)
			return HIN_SIGN_NONE;
		most = 95;
		break;
	case HIN_SIGN_ZMAP_RANDOM_ID: /* habits alone, which a flood may have by chance */
		if (marks < s->tool_packets)
			return HIN_SIGN_NONE;
		most = 80;
		break;
	case HIN_SIGN_HPING:
		most = 60;
		break;
	default:
		most = 80; /* stacks: many programs share one */
		break;
	}
	*share = part;
	*confidence = (uint8_t)lround(most * (0.5 + part / 2));
	return (enum hin_tool)tool;
}

/* ---- scans ---- */

static struct hin_distinct_pool *pool_of(const struct shard *s)
{
	return (struct hin_distinct_pool *)(uintptr_t)&s->pool;
}

/* How much of what a source asked in one class was answered. */
struct answers {
	uint64_t targets; /* addresses, at most once a port */
	unsigned ports,
		silent; /* ports with an entry of their own; those that mostly stayed silent */
};

static void port_counts(const struct shard *s, const struct source *source, enum hin_class class,
			struct hin_event *out, struct answers *answers)
{
	*answers = (struct answers){ 0 };
	out->top_count = 0;
	for (uint32_t i = source->head; i != HIN_NONE; i = event_at(s, i)->next) {
		const struct event *e = event_at(s, i);
		uint64_t answered;
		unsigned at;

		if (event_class(e) != class || event_is_any(e) || e->packets == 0)
			continue;
		answered = hin_distinct_count(&s->pool, &event_cold_at(s, i)->ports);
		answers->targets += answered;
		answers->ports++;
		answers->silent += answered * 2 < hin_event_targets(s, e);
		/* keep the busiest, by packets, then by port */
		for (at = out->top_count; at > 0; at--) {
			const struct hin_port_count *other = &out->top[at - 1];

			if (other->packets > e->packets ||
			    (other->packets == e->packets && other->port < (e->key & 0xffff)))
				break;
			if (at < HIN_TOP_PORTS)
				out->top[at] = *other;
		}
		if (at < HIN_TOP_PORTS) {
			out->top[at] = (struct hin_port_count){ .port = (uint16_t)(e->key & 0xffff),
								.packets = e->packets };
			out->top_count += out->top_count < HIN_TOP_PORTS;
		}
	}
}

/*
 * Ports of the other TCP classes of the same source that nobody answered: one scan tries SYN here
 * and FIN or nothing at all there.
 */
static uint64_t silent_elsewhere(const struct shard *s, const struct source *source,
				 enum hin_class class)
{
	uint64_t ports = 0;

	if (class != HIN_CLASS_SYN && class != HIN_CLASS_TCP_OTHER)
		return 0;
	for (uint32_t i = source->head; i != HIN_NONE; i = event_at(s, i)->next) {
		const struct event *e = event_at(s, i);
		enum hin_class other = event_class(e);

		ports += other != class && !event_is_any(e) && e->packets > 0 &&
			 (other == HIN_CLASS_SYN || other == HIN_CLASS_TCP_OTHER) &&
			 hin_distinct_count(&s->pool, &event_cold_at(s, i)->ports) == 0;
	}
	return ports;
}

static enum hin_scan_type scan_type(const struct hin_telescope *t, const struct shard *s,
				    const struct source *source, const struct hin_event *e,
				    const struct answers *answers)
{
	const struct hin_telescope_settings *set = &t->options.settings;
	uint64_t targets = e->targets, ports = e->ports;

	if (s->two_way) {
		targets -= answers->targets < targets ? answers->targets : targets;
		if (answers->ports > 0)
			ports = ports * answers->silent / answers->ports;
		/* a new port with each new address is a peer-to-peer program, not a scan */
		if ((e->class == HIN_CLASS_UDP ||
		     (e->class == HIN_CLASS_SYN && hin_tool_is_stack(e->tool))) &&
		    e->ports >= 8 && e->ports * 10 >= e->targets * 6 &&
		    e->targets * 10 >= e->ports * 6)
			return HIN_SCAN_NONE;
		/* nor is a call that tries a port or two of each of a few addresses (RFC 8445) */
		if (e->class == HIN_CLASS_UDP && e->targets < set->scan_targets &&
		    e->ports < 2 * e->targets)
			return HIN_SCAN_NONE;
	}
	if (targets >= set->scan_targets) {
		/* a stray packet or two do not make a block of a horizontal scan */
		if (e->ports == 1 ||
		    (e->top_count > 0 && e->top[0].packets * 20 >= e->packets * 19))
			return HIN_SCAN_HORIZONTAL;
		return HIN_SCAN_BLOCK;
	}
	if (e->ports > 1 && ports + silent_elsewhere(s, source, e->class) >= set->scan_ports)
		return HIN_SCAN_VERTICAL;
	return HIN_SCAN_NONE;
}

static void name_research(const struct hin_telescope *t, struct hin_event *e)
{
	uint32_t at;

	if (t->options.research == NULL)
		return;
	at = hin_prefix_tree_find(t->options.research, &e->source);
	if (at != HIN_PREFIX_NONE)
		snprintf(e->research, sizeof(e->research), "%s", t->options.research_names[at]);
}

/* Tell of one source and class. True when it is a scan; `out` is filled either way. */
static bool judge_scan(const struct hin_telescope *t, const struct shard *s, uint32_t source_at_,
		       uint32_t event, int64_t now_us, struct hin_event *out)
{
	const struct source *source = source_at(s, source_at_);
	const struct event *e = event_at(s, event);
	const struct event_cold *cold = event_cold_at(s, event);
	struct answers answers;
	double seconds;

	*out = (struct hin_event){
		.source = source->addr,
		.source_len = source->flags & SOURCE_NETWORK  ? 64
			      : hin_addr_is_v4(&source->addr) ? 32
							      : 128,
		.class = event_class(e),
		.packets = e->packets,
		.bytes = e->bytes,
		.targets = hin_event_targets(s, e),
		.ports = event_is_any(e) ? hin_distinct_count(pool_of(s), &cold->ports) : 1,
		.peak = event_peak(e),
		.first_us = e->first_us,
		.last_us = e->last_us,
		.open = e->last_us + t->timeout_us > now_us,
		.bogon = (source->flags & SOURCE_BOGON) != 0,
		.unroutable = (source->flags & SOURCE_UNROUTABLE) != 0,
		.spoofed = (source->flags & SOURCE_SPOOFED) != 0,
		.member = (source->flags & SOURCE_MEMBER) != 0,
		.link = hin_mix(hin_subject_hash(t->secret, &source->addr) ^
					(uint64_t)event_class(e),
				(uint64_t)e->first_us | 1),
	};
	out->tool = claim_tool(&t->options.settings, e->tool, e->marks, e->packets,
			       (e->flags & EVENT_SHAPE) != 0, &out->confidence, &out->share);
	port_counts(s, source, out->class, out, &answers);
	out->scan = scan_type(t, s, source, out, &answers);
	if (out->scan == HIN_SCAN_NONE)
		return false;
	seconds = (double)(out->last_us - out->first_us) / 1e6;
	if (seconds > 0)
		out->rate = (double)out->packets / seconds;
	if (t->dark_v4 > 0 && hin_addr_is_v4(&source->addr)) {
		out->world_rate = out->rate * 4294967296.0 / (double)t->dark_v4;
		out->coverage = fmin(1, (double)out->targets / (double)t->dark_v4);
		out->large = out->coverage * 100 >= (double)t->options.settings.scan_large_percent;
	}
	name_research(t, out);
	return true;
}

/* The IP protocol of a class; later fragments are filed under theirs. */
static uint8_t proto_of(unsigned class, uint16_t port, const struct hin_addr *a)
{
	switch ((enum hin_class) class) {
	case HIN_CLASS_UDP:
	case HIN_CLASS_UDP_ANSWER:
		return IPPROTO_UDP;
	case HIN_CLASS_ICMP:
	case HIN_CLASS_ICMP_ANSWER:
		return hin_addr_is_v4(a) ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	case HIN_CLASS_MISC:
		return (uint8_t)port;
	default:
		return IPPROTO_TCP;
	}
}

/* ---- victims ---- */

static bool judge_victim(const struct hin_telescope *t, const struct shard *s, uint32_t source_at_,
			 uint32_t event, int64_t now_us, struct hin_victim *out)
{
	const struct hin_telescope_settings *set = &t->options.settings;
	const struct source *source = source_at(s, source_at_);
	const struct event *e = event_at(s, event);
	const struct event_cold *cold = event_cold_at(s, event);
	enum hin_class class = event_class(e);
	uint64_t least_peak = t->dark_v4 > 0 ? (uint64_t)((double)set->victim_peak *
							  (double)t->dark_v4 / CORSARO_ADDRESSES)
					     : 0;
	int64_t duration_us = e->last_us - e->first_us;

	if (e->packets < set->victim_packets || event_peak(e) < least_peak)
		return false;
	/* an attack shorter than Corsaro's minute counts when it was heavy */
	if (duration_us < set->victim_duration_ns / 1000 && e->packets < 10 * set->victim_packets)
		return false;
	*out = (struct hin_victim){
		.address = source->addr,
		.class = class,
		.proto = proto_of(class, 0, &source->addr),
		.port = (uint16_t)(e->key & 0xffff),
		.many_ports = event_is_any(e),
		.packets = e->packets,
		.bytes = e->bytes,
		.targets = hin_event_targets(s, e),
		.ports = event_is_any(e) ? hin_distinct_count(pool_of(s), &cold->ports) : 1,
		.syn_acks = class == HIN_CLASS_TCP_ANSWER ? cold->syn_acks : 0,
		.icmp_errors = cold->icmp_errors,
		.peak = event_peak(e),
		.first_us = e->first_us,
		.last_us = e->last_us,
		.open = e->last_us + t->timeout_us > now_us,
		.member = (source->flags & SOURCE_MEMBER) != 0,
		.link = hin_mix(hin_subject_hash(t->secret, &source->addr) ^ e->key,
				(uint64_t)e->first_us | 1),
	};
	if (out->targets < set->victim_targets)
		return false;
	if (t->dark_v4 > 0 && hin_addr_is_v4(&source->addr)) {
		double scale = 4294967296.0 / (double)t->dark_v4;

		out->attack_rate = (double)out->peak / 60 * scale;
		out->attack_packets = (double)out->packets * scale;
	}
	return true;
}

/* ---- lists that grow and stay bounded ---- */

static int by_event(const void *a, const void *b)
{
	const struct hin_event *x = a, *y = b;
	int order;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	order = hin_addr_compare(&x->source, &y->source);
	if (order != 0)
		return order;
	if (x->source_len != y->source_len)
		return x->source_len < y->source_len ? -1 : 1;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
}

static int by_victim(const void *a, const void *b)
{
	const struct hin_victim *x = a, *y = b;
	int order;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	order = hin_addr_compare(&x->address, &y->address);
	if (order != 0)
		return order;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
}

static int by_flood(const void *a, const void *b)
{
	const struct hin_flood *x = a, *y = b;
	int order;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	order = hin_addr_compare(&x->target, &y->target);
	if (order != 0)
		return order;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
}

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

static struct hin_event *events_of(const struct results *r)
{
	return r->events.items;
}

static struct hin_victim *victims_of(const struct results *r)
{
	return r->victims.items;
}

static struct hin_flood *floods_of(const struct result_list *list)
{
	return list->items;
}

/* Append one item; at twice the limit the list is sorted and its smaller half goes. */
static void list_add(struct results *r, struct result_list *list, const void *what, size_t item,
		     uint64_t packets, int (*order)(const void *, const void *))
{
	list->total++;
	list->packets += packets;
	if (list->count > 0 && list->count >= 2 * r->limit) {
		qsort(list->items, list->count, item, order);
		list->count = r->limit;
	}
	if (list->count == list->size) {
		size_t more = list->size > 0 ? list->size * 2 : 64;
		void *grown = realloc(list->items, more * item);

		if (grown == NULL) {
			r->lost++;
			return;
		}
		list->items = grown;
		list->size = more;
	}
	memcpy((uint8_t *)list->items + list->count * item, what, item);
	list->count++;
}

static void add_event(struct results *r, const struct hin_event *e)
{
	list_add(r, &r->events, e, sizeof(*e), e->packets, by_event);
}

static void add_victim(struct results *r, const struct hin_victim *v)
{
	list_add(r, &r->victims, v, sizeof(*v), v->packets, by_victim);
}

static void add_flood(struct results *r, struct result_list *list, const struct hin_flood *f)
{
	list_add(r, list, f, sizeof(*f), f->packets, by_flood);
}

/* ---- one source ---- */

/* Count the claim of one unit for its tool. */
static void count_tool(struct hin_tool_stat *tools, uint16_t *seen, enum hin_tool tool,
		       uint64_t marks)
{
	if (tool == HIN_SIGN_NONE)
		return;
	tools[tool].packets += marks;
	if ((*seen & 1u << tool) == 0)
		tools[tool].sources++;
	*seen |= (uint16_t)(1u << tool);
}

/*
 * Tools of one class of a source: by the event of all ports where it is clear, else port by port
 * (two programs behind one address).
 */
static void judge_tools(const struct hin_telescope *t, const struct shard *s,
			const struct source *source, enum hin_class class, uint32_t unit,
			struct hin_tool_stat *tools, uint16_t *seen)
{
	const struct hin_telescope_settings *set = &t->options.settings;
	const struct event *any = event_at(s, unit);
	uint8_t confidence;
	double share;

	if (!event_is_any(any) || (uint64_t)any->marks * 10 >= any->packets * 9) {
		enum hin_tool tool =
			claim_tool(set, any->tool, any->marks, any->packets,
				   (any->flags & EVENT_SHAPE) != 0, &confidence, &share);

		count_tool(tools, seen, tool, any->marks);
		return;
	}
	for (uint32_t i = source->head; i != HIN_NONE; i = event_at(s, i)->next) {
		const struct event *e = event_at(s, i);

		if (event_class(e) == class && !event_is_any(e))
			count_tool(tools, seen,
				   claim_tool(set, e->tool, e->marks, e->packets,
					      (e->flags & EVENT_SHAPE) != 0, &confidence, &share),
				   e->marks);
	}
}

/* The event that stands for a whole class of a source: that of all ports, or the only one. */
static uint32_t unit_of(const struct shard *s, uint32_t source, enum hin_class class)
{
	uint32_t any = source_at(s, source)->any[class];

	if (any != HIN_NONE)
		return any;
	if (source_at(s, source)->ports[class] == 0)
		return HIN_NONE;
	for (uint32_t i = source_at(s, source)->head; i != HIN_NONE; i = event_at(s, i)->next)
		if (event_class(event_at(s, i)) == class && event_at(s, i)->packets > 0)
			return i;
	return HIN_NONE;
}

/* Victims of one answering class: each port that qualifies, else all ports together. */
static void judge_answers(const struct hin_telescope *t, const struct shard *s, uint32_t source,
			  enum hin_class class, bool scans, int64_t now_us, struct results *out)
{
	uint32_t any = source_at(s, source)->any[class];
	struct hin_victim victim;
	uint64_t told = 0;

	for (uint32_t i = source_at(s, source)->head; i != HIN_NONE; i = event_at(s, i)->next) {
		const struct event *e = event_at(s, i);

		if (event_class(e) != class || event_is_any(e) ||
		    !judge_victim(t, s, source, i, now_us, &victim))
			continue;
		/* a scanner's resets are no proof that it is attacked */
		if (scans && victim.syn_acks == 0 && victim.icmp_errors == 0)
			continue;
		told += victim.packets;
		add_victim(out, &victim);
	}
	if (any == HIN_NONE || !judge_victim(t, s, source, any, now_us, &victim) ||
	    victim.packets < 2 * told || (scans && victim.syn_acks == 0))
		return;
	add_victim(out, &victim);
}

bool hin_judge_matters(const struct hin_telescope *t, const struct shard *s, uint32_t at,
		       uint32_t hash, unsigned class, uint64_t *link)
{
	struct hin_victim victim;
	struct hin_event event;
	uint32_t unit;

	if (at >= s->sources.used || (source_at(s, at)->flags & SOURCE_USED) == 0 ||
	    source_at(s, at)->hash != hash)
		return false;
	unit = unit_of(s, at, (enum hin_class) class);
	if (unit == HIN_NONE)
		return false;
	if (class < HIN_CLASS_TCP_ANSWER) {
		if (!judge_scan(t, s, at, unit, t->clock_us, &event))
			return false;
		*link = event.link;
		return true;
	}
	if (!judge_victim(t, s, at, unit, t->clock_us, &victim))
		return false;
	*link = victim.link;
	return true;
}

/* All that may be said of one source; only of classes idle since before `idle_us`, if not
 * INT64_MAX. */
static void judge_source(const struct hin_telescope *t, const struct shard *s, uint32_t source,
			 int64_t idle_us, int64_t now_us, struct results *out,
			 struct hin_tool_stat *tools)
{
	bool network = (source_at(s, source)->flags & SOURCE_NETWORK) != 0;
	bool scans = false;
	uint16_t seen = 0;

	if (network && hin_distinct_count(&s->pool, &source_at(s, source)->members) < 2)
		return;
	for (unsigned class = 0; class < HIN_CLASS_TCP_ANSWER; class ++) {
		uint32_t unit = unit_of(s, source, (enum hin_class) class);
		struct hin_event event;

		if (unit == HIN_NONE || event_at(s, unit)->last_us >= idle_us)
			continue;
		if (!network)
			judge_tools(t, s, source_at(s, source), (enum hin_class) class, unit, tools,
				    &seen);
		if (judge_scan(t, s, source, unit, now_us, &event)) {
			scans = true;
			add_event(out, &event);
		}
	}
	if (network)
		return;
	for (unsigned class = HIN_CLASS_TCP_ANSWER; class < HIN_CLASS_MISC; class ++) {
		uint32_t unit = unit_of(s, source, (enum hin_class) class);

		if (unit != HIN_NONE && event_at(s, unit)->last_us < idle_us)
			judge_answers(t, s, source, (enum hin_class) class, scans, now_us, out);
	}
}

/* ---- targets ---- */

/* The sum of what all shards know of one target. */
static void sum_target(const struct hin_telescope *t, const struct target *key,
		       struct hin_flood *out, uint64_t *bogon, uint64_t *syn_acks)
{
	uint64_t port_votes = 0;

	*out = (struct hin_flood){ .target = key->addr,
				   .class = key->class,
				   .proto = proto_of(key->class, key->port, &key->addr),
				   .port = key->port,
				   .first_us = INT64_MAX,
				   .last_us = INT64_MIN };
	*bogon = *syn_acks = 0;
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];
		uint32_t at = hin_shard_find_target(s, &key->addr, key->class, key->port);
		const struct target *x;
		struct target_cold cold;

		if (at == HIN_NONE)
			continue;
		x = target_at(s, at);
		cold = *target_cold_at(s, at);
		if (x->packets == 1 && x->packets_high == 0)
			cold = (struct target_cold){ .first_us = x->last_us,
						     .bogon = (x->flags & TARGET_BOGON) != 0,
						     .syn_acks = (x->flags & TARGET_SYN_ACK) != 0 };
		out->packets += x->packets + ((uint64_t)x->packets_high << 32);
		out->bytes += x->bytes;
		out->sources += hin_distinct_count(&s->pool, &x->sources);
		out->peak += target_peak(x);
		*bogon += cold.bogon;
		*syn_acks += cold.syn_acks;
		if (cold.first_us < out->first_us)
			out->first_us = cold.first_us;
		if (x->last_us > out->last_us)
			out->last_us = x->last_us;
		if (key->class == HIN_CLASS_TCP_ANSWER && cold.port_votes >= port_votes) {
			port_votes = cold.port_votes;
			out->port = cold.port;
		}
	}
	out->link = hin_mix(hin_subject_hash(t->secret, &key->addr) ^
				    (uint64_t)(key->class << 16 | key->port),
			    (uint64_t)out->first_us | 1);
}

/* How many sources sent packets of `class` to the flooded address and port. */
static uint64_t sources_of(const struct hin_telescope *t, const struct hin_flood *flood,
			   enum hin_class class)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];
		uint32_t at = hin_shard_find_target(s, &flood->target, class, flood->port);

		if (at != HIN_NONE)
			count += hin_distinct_count(&s->pool, &target_at(s, at)->sources);
	}
	return count;
}

/* At least half as many sources sent data as SYNs: it is served. */
static bool is_served(const struct hin_telescope *t, const struct hin_flood *flood)
{
	return sources_of(t, flood, HIN_CLASS_ACK) * 2 >= flood->sources;
}

/* At least half of those that send data had asked for a connection: short requests of many clients.
 */
static bool is_connected(const struct hin_telescope *t, const struct hin_flood *flood)
{
	return sources_of(t, flood, HIN_CLASS_SYN) * 2 >= flood->sources;
}

/* At least half of what it was asked was answered: it serves. */
static bool is_answering(const struct hin_telescope *t, const struct hin_flood *flood)
{
	uint64_t hash = hin_subject_hash(t->secret, &flood->target);
	const struct shard *s = &t->shards[hin_shard_of(t->secret, &flood->target, hash)];
	uint64_t answers =
		flood->class == HIN_CLASS_UDP
			? hin_shard_answers(s, &flood->target, HIN_CLASS_UDP_ANSWER, flood->port)
			: hin_shard_answers(s, &flood->target, HIN_CLASS_ICMP_ANSWER, 0);

	return answers * 2 >= flood->packets;
}

static bool judge_flood(const struct hin_telescope *t, struct hin_flood *f, uint64_t bogon)
{
	const struct hin_telescope_settings *set = &t->options.settings;
	bool two_way = t->options.dark == NULL;

	if (f->peak < set->flood_packets)
		return false;
	f->spoofed =
		bogon * 2 > f->packets ||
		(f->sources >= 20 && f->sources * 100 >= f->packets * set->flood_spoofed_percent);
	if (!two_way)
		return true;
	switch (f->class) {
	case HIN_CLASS_SYN:
		return !is_served(t, f);
	case HIN_CLASS_UDP:
		return (f->sources >= 10 || f->spoofed) && !is_answering(t, f);
	case HIN_CLASS_MISC:
		return f->sources >= 10 || f->spoofed;
	case HIN_CLASS_ICMP: /* whoever is pinged answers; so many are meant to fill his line */
		return f->peak >= 10 * set->flood_packets || !is_answering(t, f);
	case HIN_CLASS_ACK:
		return f->spoofed && !is_connected(t, f);
	default:
		return true;
	}
}

const char *hin_amplification_service(const struct hin_flood *f)
{
	switch (f->class) {
	case HIN_CLASS_TCP_ANSWER:
		return "tcp-syn-ack";
	case HIN_CLASS_ICMP_ANSWER:
		return "icmp";
	default:
		return hin_amplifier_name(f->proto, f->port);
	}
}

static bool judge_amplification(const struct hin_telescope *t, struct hin_flood *f,
				uint64_t syn_acks)
{
	const struct hin_telescope_settings *set = &t->options.settings;
	uint32_t fragments = HIN_NONE;

	if (f->peak < set->amplification_packets || f->sources < set->amplification_sources)
		return false;
	/* resets alone are the echo of something else */
	if (f->class == HIN_CLASS_TCP_ANSWER && syn_acks * 2 < f->packets)
		return false;
	f->service = hin_amplification_service(f);
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		fragments =
			hin_shard_find_target(&t->shards[i], &f->target, HIN_CLASS_MISC, f->proto);
		if (fragments != HIN_NONE)
			f->fragments += target_at(&t->shards[i], fragments)->packets;
	}
	/* the amplifiers are real; the question was not from whom it said */
	f->spoofed = true;
	return true;
}

/* Are later fragments to this address those of answers that are told as amplification? */
static bool is_amplified(const struct hin_telescope *t, const struct hin_flood *fragments)
{
	struct target key = { .addr = fragments->target, .class = HIN_CLASS_UDP_ANSWER };

	if (fragments->proto != IPPROTO_UDP)
		return false;
	for (uint32_t port = 0; port < 65536; port++) {
		struct hin_flood answers;
		uint64_t bogon, syn_acks;

		if (!hin_is_amplifier_port((uint16_t)port))
			continue;
		key.port = (uint16_t)port;
		sum_target(t, &key, &answers, &bogon, &syn_acks);
		if (answers.packets > 0 && judge_amplification(t, &answers, syn_acks))
			return true;
	}
	return false;
}

static bool is_answer(unsigned class)
{
	return class == HIN_CLASS_TCP_ANSWER || class == HIN_CLASS_UDP_ANSWER ||
	       class == HIN_CLASS_ICMP_ANSWER;
}

/* Whose part in this shard is too small to matter even if every shard had as much? */
static bool too_small(const struct hin_telescope_settings *set, const struct target *x)
{
	uint64_t least = is_answer(x->class) ? set->amplification_packets : set->flood_packets;

	return (uint64_t)target_peak(x) * HIN_SHARDS < least;
}

/* Does a shard before this one tell of the same target? */
static bool told_before(const struct hin_telescope *t, unsigned shard, const struct target *x)
{
	for (unsigned i = 0; i < shard; i++) {
		uint32_t at = hin_shard_find_target(&t->shards[i], &x->addr, x->class, x->port);

		if (at != HIN_NONE &&
		    !too_small(&t->options.settings, target_at(&t->shards[i], at)))
			return true;
	}
	return false;
}

static bool target_used(const struct shard *s, uint32_t at)
{
	return target_head_at(s, at / HIN_TARGET_WAYS)->tags[at % HIN_TARGET_WAYS] != 0;
}

static void judge_targets(const struct hin_telescope *t, int64_t idle_us, struct results *out)
{
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];
		uint32_t count = s->target_buckets * HIN_TARGET_WAYS;

		for (uint32_t at = 0; at < count; at++) {
			const struct target *x = target_at(s, at);
			struct hin_flood flood;
			uint64_t bogon, syn_acks;

			if (!target_used(s, at))
				continue;
			if (too_small(&t->options.settings, x) || told_before(t, i, x))
				continue;
			sum_target(t, x, &flood, &bogon, &syn_acks);
			if (flood.last_us >= idle_us)
				continue;
			if (is_answer(x->class)) {
				if (judge_amplification(t, &flood, syn_acks))
					add_flood(out, &out->amplifications, &flood);
			} else if (judge_flood(t, &flood, bogon)) {
				if (x->class == HIN_CLASS_MISC) {
					if (is_amplified(t, &flood))
						continue;
					flood.port = 0; /* it was the protocol's number */
				}
				add_flood(out, &out->floods, &flood);
			}
		}
	}
}

void hin_judge(const struct hin_telescope *t, int64_t idle_us, int64_t now_us, struct results *out,
	       struct hin_tool_stat tools[HIN_SIGN_COUNT])
{
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];

		for (uint32_t at = 0; at < s->sources.used; at++)
			if ((source_at(s, at)->flags & SOURCE_USED) != 0)
				judge_source(t, s, at, idle_us, now_us, out, tools);
	}
	judge_targets(t, idle_us, out);
}

/* ---- what is over ---- */

/* Drop the events of a source whose class was idle; the source itself when nothing is left of it.
 */
static void drop_idle(struct shard *s, uint32_t at, int64_t idle_us)
{
	for (unsigned class = 0; class < HIN_CLASS_COUNT; class ++) {
		uint32_t any = source_at(s, at)->any[class];
		int64_t last_us = INT64_MIN;

		for (uint32_t i = source_at(s, at)->head; i != HIN_NONE; i = event_at(s, i)->next)
			if (event_class(event_at(s, i)) == class &&
			    event_at(s, i)->last_us > last_us)
				last_us = event_at(s, i)->last_us;
		if (last_us == INT64_MIN || last_us >= idle_us)
			continue;
		for (uint32_t i = source_at(s, at)->head; i != HIN_NONE;) {
			uint32_t next = event_at(s, i)->next;

			if (event_class(event_at(s, i)) == class && i != any)
				hin_shard_drop_event(s, i);
			i = next;
		}
		if (any != HIN_NONE)
			hin_shard_drop_event(s, any);
	}
	if (source_at(s, at)->head == HIN_NONE && source_at(s, at)->last_us < idle_us)
		hin_shard_drop_source(s, at);
}

static void name_evidence(const struct hin_telescope *t, struct results *r)
{
	if (t->options.vault != NULL)
		hin_evidence_name(t->options.vault, events_of(r), r->events.count, victims_of(r),
				  r->victims.count);
}

/* Append the items of `from` to the same lists of what is over. */
static void keep_over(struct results *over, const struct results *from)
{
	for (size_t i = 0; i < from->events.count; i++)
		add_event(over, &events_of(from)[i]);
	for (size_t i = 0; i < from->victims.count; i++)
		add_victim(over, &victims_of(from)[i]);
	for (size_t i = 0; i < from->floods.count; i++)
		add_flood(over, &over->floods, &floods_of(&from->floods)[i]);
	for (size_t i = 0; i < from->amplifications.count; i++)
		add_flood(over, &over->amplifications, &floods_of(&from->amplifications)[i]);
}

static void list_sort(struct result_list *list, size_t item,
		      int (*order)(const void *, const void *))
{
	if (list->count > 0)
		qsort(list->items, list->count, item, order);
}

/* Sort what was judged, so that the order is the same however tables lie, and tell it. */
static bool tell_results(struct hin_telescope *t, struct results *r)
{
	bool (*over)(void *, const struct hin_over *) = t->options.sink.over;
	struct hin_over one = { .type = HIN_OVER_EVENT };
	void *user = t->options.sink.user;
	bool good = true;

	if (over == NULL)
		return true;
	list_sort(&r->events, sizeof(struct hin_event), by_event);
	list_sort(&r->victims, sizeof(struct hin_victim), by_victim);
	list_sort(&r->floods, sizeof(struct hin_flood), by_flood);
	list_sort(&r->amplifications, sizeof(struct hin_flood), by_flood);
	for (size_t i = 0; i < r->events.count && good; i++) {
		one.event = &events_of(r)[i];
		good = over(user, &one);
	}
	one.type = HIN_OVER_VICTIM;
	for (size_t i = 0; i < r->victims.count && good; i++) {
		one.victim = &victims_of(r)[i];
		good = over(user, &one);
	}
	one.type = HIN_OVER_FLOOD;
	for (size_t i = 0; i < r->floods.count && good; i++) {
		one.flood = &floods_of(&r->floods)[i];
		good = over(user, &one);
	}
	one.type = HIN_OVER_AMPLIFICATION;
	for (size_t i = 0; i < r->amplifications.count && good; i++) {
		one.flood = &floods_of(&r->amplifications)[i];
		good = over(user, &one);
	}
	return good;
}

bool hin_telescope_tell_open(struct hin_telescope *t)
{
	struct hin_tool_stat tools[HIN_SIGN_COUNT] = { 0 };
	struct results now = { .limit = SIZE_MAX / 2 };
	bool good;

	hin_judge(t, INT64_MAX, t->clock_us, &now, tools);
	name_evidence(t, &now);
	good = tell_results(t, &now);
	hin_results_fini(&now);
	return good;
}

void hin_telescope_expire(struct hin_telescope *t, int64_t now_us)
{
	int64_t idle_us = now_us - t->timeout_us;
	struct results now = { .limit = SIZE_MAX / 2 };

	hin_judge(t, idle_us, now_us, &now, t->over_tools);
	name_evidence(t, &now);
	keep_over(&t->over, &now);
	if (!tell_results(t, &now))
		t->failed = true;
	hin_results_fini(&now);
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		struct shard *s = &t->shards[i];
		uint32_t count = s->target_buckets * HIN_TARGET_WAYS;

		for (uint32_t at = 0; at < s->sources.used; at++)
			if ((source_at(s, at)->flags & SOURCE_USED) != 0)
				drop_idle(s, at, idle_us);
		for (uint32_t at = 0; at < count; at++)
			if (target_used(s, at) && target_at(s, at)->last_us < idle_us)
				hin_shard_drop_target(s, at);
	}
}

void hin_results_fini(struct results *r)
{
	free(r->events.items);
	free(r->victims.items);
	free(r->floods.items);
	free(r->amplifications.items);
	*r = (struct results){ .limit = r->limit };
}

/* ---- the picture ---- */

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
			 &now->events, sizeof(struct hin_event), by_event, limit, err);
	if (code == HIN_OK)
		code = take_list((void **)&out->victims, &out->victim_count, &out->victim_total,
				 &over->victims, &now->victims, sizeof(struct hin_victim),
				 by_victim, limit, err);
	if (code == HIN_OK)
		code = take_list((void **)&out->floods, &out->flood_count, &out->flood_total,
				 &over->floods, &now->floods, sizeof(struct hin_flood), by_flood,
				 limit, err);
	if (code == HIN_OK)
		code = take_list((void **)&out->amplifications, &out->amplification_count,
				 &out->amplification_total, &over->amplifications,
				 &now->amplifications, sizeof(struct hin_flood), by_flood, limit,
				 err);
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
		if (m->told.packets > 0)
			all[count].confidence =
				(uint8_t)(99 * (uint64_t)m->marks / m->told.packets);
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

static void take_counters(struct hin_picture *out, const struct hin_telescope *t)
{
	struct counters *sum = malloc(sizeof(*sum));
	bool gone = false;
	uint64_t estimate = 0;

	if (sum == NULL)
		return;
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
	enum hin_code code;

	take_counters(&p, t);
	memcpy(p.tools, t->over_tools, sizeof(p.tools));
	hin_judge(t, INT64_MAX, t->clock_us, &now, p.tools);
	name_evidence(t, &now);
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
