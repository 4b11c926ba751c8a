#include "truth.h"

#include <assert.h>
#include <netinet/in.h>

#define NS_A_MINUTE (60 * INT64_C(1000000000))

static bool set_init(struct hin_set *set, size_t slots)
{
	size_t size = 64;

	while (size < slots)
		size *= 2;
	*set = (struct hin_set){ .slots = calloc(size, sizeof(uint64_t)), .mask = size - 1 };
	return set->slots != NULL;
}

static bool set_grow(struct hin_set *set)
{
	struct hin_set larger;

	if (!set_init(&larger, (set->mask + 1) * 2))
		return false;
	for (size_t i = 0; i <= set->mask; i++) {
		size_t at = set->slots[i] & larger.mask;

		if (set->slots[i] == 0)
			continue;
		while (larger.slots[at] != 0)
			at = (at + 1) & larger.mask;
		larger.slots[at] = set->slots[i];
	}
	larger.count = set->count;
	free(set->slots);
	*set = larger;
	return true;
}

/* Add `key` (mixed here; the mix is one to one). True when it was not there. */
static bool set_add(struct hin_truth *truth, struct hin_set *set, uint64_t key)
{
	uint64_t mixed = hin_dice_mix(key + 0x9e3779b97f4a7c15u);
	size_t at;

	if (mixed == 0)
		mixed = 1;
	if (set->slots == NULL ? !set_init(set, 64)
			       : set->count * 8 >= set->mask * 5 && !set_grow(set)) {
		truth->out_of_memory = true;
		return false;
	}
	for (at = mixed & set->mask; set->slots[at] != 0; at = (at + 1) & set->mask)
		if (set->slots[at] == mixed)
			return false;
	set->slots[at] = mixed;
	set->count++;
	return true;
}

static void set_clear(struct hin_set *set)
{
	memset(set->slots, 0, (set->mask + 1) * sizeof(uint64_t));
	set->count = 0;
}

bool hin_truth_init(struct hin_truth *truth, size_t flows_a_minute)
{
	memset(truth, 0, sizeof(*truth));
	truth->minute = INT64_MIN;
	return set_init(&truth->sources, 1 << 20) && set_init(&truth->pair_keys, 1 << 22) &&
	       set_init(&truth->flow_keys, flows_a_minute * 2);
}

void hin_truth_fini(struct hin_truth *truth)
{
	free(truth->sources.slots);
	free(truth->pair_keys.slots);
	free(truth->flow_keys.slots);
	for (size_t i = 0; i < truth->actor_count; i++) {
		free(truth->actors[i].sources.slots);
		free(truth->actors[i].targets.slots);
		free(truth->actors[i].ports.slots);
	}
}

size_t hin_truth_add(struct hin_truth *truth, const struct hin_truth_actor *actor)
{
	assert(truth->actor_count < HIN_TRUTH_ACTORS);
	truth->actors[truth->actor_count] = *actor;
	return truth->actor_count++;
}

static enum hin_kind tcp_kind(uint8_t flags)
{
	switch (flags & (HIN_SYN | HIN_ACK | HIN_RST | HIN_FIN)) {
	case HIN_SYN:
		return HIN_KIND_SYN;
	case HIN_SYN | HIN_ACK:
		return HIN_KIND_SYNACK;
	case HIN_RST:
	case HIN_RST | HIN_ACK:
		return HIN_KIND_RST;
	case HIN_ACK:
		return HIN_KIND_ACK;
	default:
		return HIN_KIND_TCP_OTHER;
	}
}

static enum hin_kind kind_of(const struct hin_probe *p)
{
	if (p->fragment_offset != 0)
		return HIN_KIND_FRAGMENT;
	switch (p->proto) {
	case IPPROTO_TCP:
		return tcp_kind(p->flags);
	case IPPROTO_UDP:
		return HIN_KIND_UDP;
	case IPPROTO_ICMP:
		return p->sport == 8	? HIN_KIND_ECHO
		       : p->sport == 0	? HIN_KIND_ECHO_REPLY
		       : p->sport == 3	? HIN_KIND_UNREACHABLE
		       : p->sport == 11 ? HIN_KIND_EXCEEDED
					: HIN_KIND_ICMP_OTHER;
	case IPPROTO_ICMPV6:
		return p->sport == 128	 ? HIN_KIND_ECHO
		       : p->sport == 129 ? HIN_KIND_ECHO_REPLY
		       : p->sport == 1	 ? HIN_KIND_UNREACHABLE
		       : p->sport == 3	 ? HIN_KIND_EXCEEDED
					 : HIN_KIND_ICMP_OTHER;
	default:
		return HIN_KIND_OTHER;
	}
}

/* IPv4 as it is; IPv6 as a hash above all IPv4. */
static uint64_t address_key(const struct hin_addr *a)
{
	uint64_t high, low;

	if (hin_addr_is_v4(a))
		return hin_addr_v4(a);
	memcpy(&high, a->b, 8);
	memcpy(&low, a->b + 8, 8);
	return hin_dice_mix(high * 0x9e3779b97f4a7c15u + low) | UINT64_C(1) << 63;
}

static uint64_t port_pair(const struct hin_probe *p)
{
	return p->fragment_offset != 0 ? 0 : (uint64_t)p->sport << 16 | p->dport;
}

static void count_port(struct hin_truth *truth, const struct hin_probe *p, enum hin_kind kind,
		       uint64_t source)
{
	bool udp = p->proto == IPPROTO_UDP;
	struct hin_truth_port *port = &truth->ports[udp][p->dport];

	port->packets++;
	port->syn += kind == HIN_KIND_SYN;
	if (!udp && kind != HIN_KIND_SYN)
		return;
	/* 32 bits of IPv4 address, 16 of port, one of protocol: exact; of IPv6 a hash */
	if (set_add(truth, &truth->pair_keys,
		    source ^ (uint64_t)p->dport << 32 ^ (uint64_t)udp << 48))
		port->sources++;
}

static void count_actor(struct hin_truth *truth, struct hin_truth_actor *actor,
			const struct hin_probe *p, uint64_t source, int64_t time_ns)
{
	bool icmp = p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6;
	uint16_t port = actor->role == HIN_ROLE_VICTIM ? p->sport : p->dport;

	if (actor->packets++ == 0)
		actor->first_ns = time_ns;
	actor->last_ns = time_ns;
	if (!actor->one_source)
		set_add(truth, &actor->sources, source);
	set_add(truth, &actor->targets, address_key(&p->dst));
	if (!icmp && p->fragment_offset == 0)
		set_add(truth, &actor->ports, (uint64_t)p->proto << 16 | port);
}

static void count_marks(struct hin_truth *truth, const struct hin_probe *p, enum hin_tool tool)
{
	uint32_t dst;

	if (!hin_addr_is_v4(&p->dst))
		return;
	dst = hin_addr_v4(&p->dst);
	if (p->id == 54321 && tool != HIN_TOOL_ZMAP_OLD)
		truth->chance_zmap++;
	if (p->id == (uint16_t)(dst ^ p->dport ^ p->seq) && tool != HIN_TOOL_MASSCAN_OLD &&
	    tool != HIN_TOOL_MASSCAN_NEW)
		truth->chance_masscan++;
}

static void count_time(struct hin_truth *truth, int64_t time_ns)
{
	if (truth->frames++ == 0)
		truth->first_ns = time_ns;
	truth->last_ns = time_ns;
	if (time_ns / NS_A_MINUTE != truth->minute) {
		truth->minute = time_ns / NS_A_MINUTE;
		truth->flows += truth->flow_keys.count;
		set_clear(&truth->flow_keys);
	}
}

void hin_truth_packet(struct hin_truth *truth, const struct hin_probe *p, enum hin_tool tool,
		      struct hin_truth_actor *actor, int64_t time_ns)
{
	enum hin_kind kind = kind_of(p);
	uint64_t source = address_key(&p->src), target = address_key(&p->dst);

	count_time(truth, time_ns);
	truth->packets++;
	truth->kinds[kind]++;
	truth->protocols[p->proto]++;
	truth->v6 += !hin_addr_is_v4(&p->src);
	set_add(truth, &truth->sources, source);
	set_add(truth, &truth->flow_keys,
		hin_dice_mix(source * 0x9e3779b97f4a7c15u ^ port_pair(p)) + target * 256 +
			p->proto);
	if (kind == HIN_KIND_SYN) {
		truth->tools[tool]++;
		count_marks(truth, p, tool);
	}
	if (p->proto == IPPROTO_TCP && kind != HIN_KIND_FRAGMENT)
		truth->tcp_flags[p->flags]++;
	if (p->proto == IPPROTO_ICMP)
		truth->icmp_types[p->sport & 0xff]++;
	if (p->proto == IPPROTO_ICMPV6)
		truth->icmp6_types[p->sport & 0xff]++;
	if ((p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) && kind != HIN_KIND_FRAGMENT)
		count_port(truth, p, kind, source);
	if (actor != NULL) {
		count_actor(truth, actor, p, source, time_ns);
		actor->kinds[kind]++;
		actor->tools[tool]++;
	}
}

void hin_truth_refuse(struct hin_truth *truth, enum hin_refusal why, int64_t time_ns)
{
	count_time(truth, time_ns);
	truth->refused[why]++;
}

static const char *const kind_names[] = {
#define X(name, text) text,
	HIN_KINDS(X)
#undef X
};
static const char *const tool_names[] = {
#define X(name, text) text,
	HIN_TOOLS(X)
#undef X
};
static const char *const refusal_names[] = {
#define X(name, text) text,
	HIN_REFUSALS(X)
#undef X
};
static const char *const role_lists[HIN_ROLE_COUNT] = {
	[HIN_ROLE_SCAN] = "events",
	[HIN_ROLE_MEMBER] = "members",
	[HIN_ROLE_VICTIM] = "victims",
	[HIN_ROLE_FLOOD] = "floods",
	[HIN_ROLE_AMPLIFICATION] = "amplification",
	[HIN_ROLE_RISING] = "rising",
	[HIN_ROLE_BOGON] = "bogons",
};

/* An object of those counts that are not zero; by name, or by number when `names` is NULL. */
static void write_counts(FILE *out, const char *key, const char *const *names,
			 const uint64_t *counts, size_t size)
{
	const char *comma = "";

	fprintf(out, "\"%s\": {", key);
	for (size_t i = 0; i < size; i++) {
		if (counts[i] == 0)
			continue;
		if (names != NULL)
			fprintf(out, "%s\"%s\": %lu", comma, names[i], counts[i]);
		else
			fprintf(out, "%s\"%zu\": %lu", comma, i, counts[i]);
		comma = ", ";
	}
	fprintf(out, "}");
}

static void write_seconds(FILE *out, const char *key, int64_t time_ns)
{
	fprintf(out, "\"%s\": %ld.%09ld", key, time_ns / 1000000000, time_ns % 1000000000);
}

static void write_flags(FILE *out, const uint64_t *counts)
{
	static const char letters[] = "FSRPAUEC";
	const char *comma = "";

	fprintf(out, " \"tcp_flags\": {");
	for (size_t i = 0; i < 256; i++) {
		char text[9] = "", *end = text;

		if (counts[i] == 0)
			continue;
		for (size_t bit = 0; bit < 8; bit++)
			if ((i >> bit & 1) != 0)
				*end++ = letters[bit];
		fprintf(out, "%s\"%s\": %lu", comma, i != 0 ? text : "none", counts[i]);
		comma = ", ";
	}
	fprintf(out, "},\n");
}

static void write_actor(FILE *out, const struct hin_truth_actor *actor)
{
	char text[HIN_ADDR_TEXT];
	bool target = actor->role == HIN_ROLE_FLOOD || actor->role == HIN_ROLE_AMPLIFICATION;

	fprintf(out, "{\"name\": \"%s\", \"what\": \"%s\", ", actor->name, actor->what);
	if (actor->one_source || target || actor->role == HIN_ROLE_VICTIM)
		fprintf(out, "\"%s\": \"%s\", ",
			target				 ? "target"
			: actor->role == HIN_ROLE_VICTIM ? "address"
							 : "source",
			hin_addr_format(&actor->who, text));
	fprintf(out, "\"packets\": %lu, \"sources\": %zu, \"targets\": %zu, \"ports\": %zu, ",
		actor->packets, actor->one_source ? 1 : actor->sources.count, actor->targets.count,
		actor->ports.count);
	if (actor->port != 0)
		fprintf(out, "\"port\": %u, ", actor->port);
	if (target)
		fprintf(out, "\"spoofed\": %s, ", actor->spoofed ? "true" : "false");
	write_seconds(out, "first", actor->first_ns);
	fputs(", ", out);
	write_seconds(out, "last", actor->last_ns);
	fputs(", ", out);
	write_counts(out, "kinds", kind_names, actor->kinds, HIN_KIND_COUNT);
	fputs(", ", out);
	write_counts(out, "tools", tool_names, actor->tools, HIN_TOOL_COUNT);
	fputc('}', out);
}

static void write_actors(FILE *out, const struct hin_truth *truth, enum hin_role role)
{
	const char *comma = "";

	fprintf(out, ",\n \"%s\": [", role_lists[role]);
	for (size_t i = 0; i < truth->actor_count; i++) {
		if (truth->actors[i].role != role || truth->actors[i].packets == 0)
			continue;
		fprintf(out, "%s\n  ", comma);
		write_actor(out, &truth->actors[i]);
		comma = ",";
	}
	fputs("]", out);
}

static void write_ports(FILE *out, const struct hin_truth *truth, size_t top)
{
	uint64_t below = UINT64_MAX;
	size_t below_at = 0;

	fprintf(out, " \"ports\": [");
	for (size_t n = 0; n < top; n++) {
		const struct hin_truth_port *all = truth->ports[0], *best = NULL;

		/* The largest that comes after the last one written, by packets and then by place.
		 */
		for (size_t at = 0; at < 2 * 65536; at++) {
			uint64_t packets = all[at].packets;

			if (packets > below || (packets == below && at <= below_at))
				continue;
			if (best == NULL || packets > best->packets)
				best = &all[at];
		}
		if (best == NULL || best->packets == 0)
			break;
		below = best->packets;
		below_at = (size_t)(best - all);
		fprintf(out,
			"%s\n  {\"proto\": \"%s\", \"port\": %zu, \"packets\": %lu, \"syn\": %lu, "
			"\"sources\": %u}",
			n > 0 ? "," : "", below_at < 65536 ? "tcp" : "udp", below_at % 65536,
			best->packets, best->syn, best->sources);
	}
	fprintf(out, "]");
}

void hin_truth_write(const struct hin_truth *truth, FILE *out, size_t top)
{
	uint64_t refused = 0;

	for (size_t i = 0; i < HIN_REFUSED_COUNT; i++)
		refused += truth->refused[i];
	fprintf(out, " \"frames\": %lu, \"packets\": %lu, \"packets_v6\": %lu,\n ", truth->frames,
		truth->packets, truth->v6);
	write_seconds(out, "first", truth->first_ns);
	fputs(", ", out);
	write_seconds(out, "last", truth->last_ns);
	fprintf(out, ",\n \"sources\": %zu, \"flows_by_minute\": %zu,\n ", truth->sources.count,
		truth->flows + truth->flow_keys.count);
	write_counts(out, "kinds", kind_names, truth->kinds, HIN_KIND_COUNT);
	fputs(",\n ", out);
	write_counts(out, "tools", tool_names, truth->tools, HIN_TOOL_COUNT);
	fprintf(out, ",\n \"by_chance\": {\"zmap_ip_id\": %lu, \"masscan_ip_id\": %lu},\n",
		truth->chance_zmap, truth->chance_masscan);
	write_flags(out, truth->tcp_flags);
	fputc(' ', out);
	write_counts(out, "protocols", NULL, truth->protocols, 256);
	fputs(",\n ", out);
	write_counts(out, "icmp_types", NULL, truth->icmp_types, 256);
	fputs(",\n ", out);
	write_counts(out, "icmp6_types", NULL, truth->icmp6_types, 256);
	fprintf(out, ",\n \"refused_total\": %lu,\n ", refused);
	write_counts(out, "refused", refusal_names, truth->refused, HIN_REFUSED_COUNT);
	fputs(",\n", out);
	write_ports(out, truth, top);
	for (enum hin_role role = 0; role < HIN_ROLE_COUNT; role++)
		write_actors(out, truth, role);
	fputc('\n', out);
}
