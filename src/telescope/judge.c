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
		hin_results_add_victim(out, &victim);
	}
	if (any == HIN_NONE || !judge_victim(t, s, source, any, now_us, &victim) ||
	    victim.packets < 2 * told || (scans && victim.syn_acks == 0))
		return;
	hin_results_add_victim(out, &victim);
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
			hin_results_add_event(out, &event);
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

/* What may be said of the target of `x`, all shards together; false when nothing. */
static bool judge_target(const struct hin_telescope *t, const struct target *x,
			 struct hin_flood *flood)
{
	uint64_t bogon, syn_acks;

	sum_target(t, x, flood, &bogon, &syn_acks);
	if (is_answer(x->class))
		return judge_amplification(t, flood, syn_acks);
	if (!judge_flood(t, flood, bogon))
		return false;
	if (x->class == HIN_CLASS_MISC) {
		if (is_amplified(t, flood))
			return false;
		flood->port = 0; /* it was the protocol's number */
	}
	return true;
}

static void judge_targets(const struct hin_telescope *t, int64_t idle_us, struct results *out)
{
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];
		uint32_t count = s->target_buckets * HIN_TARGET_WAYS;

		for (uint32_t at = 0; at < count; at++) {
			const struct target *x = target_at(s, at);
			struct hin_flood flood;

			if (!target_used(s, at) || too_small(&t->options.settings, x) ||
			    told_before(t, i, x) || !judge_target(t, x, &flood) ||
			    flood.last_us >= idle_us)
				continue;
			hin_results_add_flood(
				out, is_answer(x->class) ? &out->amplifications : &out->floods,
				&flood);
		}
	}
}

bool hin_judge_target_matters(const struct hin_telescope *t, const struct shard *s, uint32_t at,
			      uint32_t hash, uint64_t *link)
{
	const struct target_head *head = target_head_at(s, at / HIN_TARGET_WAYS);
	const struct target *x = target_at(s, at);
	struct hin_flood flood;

	if (head->tags[at % HIN_TARGET_WAYS] != hash || too_small(&t->options.settings, x) ||
	    !judge_target(t, x, &flood))
		return false;
	*link = flood.link;
	return true;
}

#define AHEAD 8 /* sources whose events are fetched while another is judged */

/* Sources lie in a row, their events do not. */
static inline __attribute__((always_inline)) void fetch_ahead(const struct shard *s, uint32_t at)
{
	uint32_t head = at + AHEAD < s->sources.used ? source_at(s, at + AHEAD)->head : HIN_NONE;

	if (head < s->events.used) {
		__builtin_prefetch(event_at(s, head));
		__builtin_prefetch((const uint8_t *)event_at(s, head) + 64);
	}
}

void hin_judge(const struct hin_telescope *t, int64_t idle_us, int64_t now_us, struct results *out,
	       struct hin_tool_stat tools[HIN_SIGN_COUNT])
{
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		const struct shard *s = &t->shards[i];

		for (uint32_t at = 0; at < s->sources.used; at++) {
			fetch_ahead(s, at);
			if ((source_at(s, at)->flags & SOURCE_USED) != 0)
				judge_source(t, s, at, idle_us, now_us, out, tools);
		}
	}
	judge_targets(t, idle_us, out);
}
