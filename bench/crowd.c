#include "crowd.h"

#include <netinet/in.h>

enum manner {
	MANNER_ONE_PORT,  /* one popular port */
	MANNER_FEW_PORTS, /* up to a dozen popular ones */
	MANNER_POPULAR,	  /* all popular ones */
	MANNER_ANY_PORT,
	MANNER_UDP,
	MANNER_ECHO,
	MANNER_ODD, /* TCP without SYN: ACK, FIN, NULL, Xmas */
	MANNER_OTHER_PROTOCOL,
};

/* Popular TCP ports; weights are rough shares of a telescope's SYNs. */
static const struct {
	uint16_t port;
	double weight;
} popular[] = {
	{ 23, 15 },	{ 22, 8 },	{ 80, 6 },	{ 445, 5 },	{ 443, 5 },
	{ 8080, 4.2 },	{ 3389, 4 },	{ 6379, 2.4 },	{ 5555, 2.2 },	{ 2323, 2 },
	{ 8443, 1.6 },	{ 37215, 1.5 }, { 60023, 1.4 }, { 8728, 1.3 },	{ 81, 1.2 },
	{ 2222, 1.1 },	{ 1433, 1 },	{ 5900, 1 },	{ 25, 0.9 },	{ 3306, 0.9 },
	{ 5432, 0.8 },	{ 21, 0.8 },	{ 8081, 0.8 },	{ 52869, 0.7 }, { 9200, 0.7 },
	{ 27017, 0.7 }, { 2375, 0.6 },	{ 110, 0.5 },	{ 143, 0.5 },	{ 993, 0.5 },
	{ 8888, 0.5 },	{ 7547, 0.5 },	{ 5060, 0.5 },	{ 502, 0.3 },	{ 102, 0.3 },
	{ 1883, 0.3 },	{ 8291, 0.5 },	{ 49152, 0.4 }, { 9000, 0.4 },	{ 10000, 0.3 },
	{ 11211, 0.3 }, { 179, 0.2 },	{ 389, 0.2 },	{ 5038, 0.2 },	{ 5984, 0.2 },
	{ 6443, 0.3 },	{ 9090, 0.3 },	{ 65535, 0.1 },
};

/* What the crowd is made of; weights count sources. The heaviest ranks are cast by hand. */
static const struct {
	enum hin_tool tool;
	enum manner manner;
	double weight;
} roles[] = {
	{ HIN_TOOL_LINUX, MANNER_ONE_PORT, 20 },
	{ HIN_TOOL_LINUX, MANNER_FEW_PORTS, 8 },
	{ HIN_TOOL_WINDOWS, MANNER_ONE_PORT, 20 },
	{ HIN_TOOL_MIRAI, MANNER_ONE_PORT, 13 },
	{ HIN_TOOL_MASSCAN_NEW, MANNER_FEW_PORTS, 5 },
	{ HIN_TOOL_MASSCAN_OLD, MANNER_POPULAR, 2 },
	{ HIN_TOOL_ZMAP_OLD, MANNER_ONE_PORT, 5 },
	{ HIN_TOOL_ZMAP_WINDOWS, MANNER_ONE_PORT, 5 },
	{ HIN_TOOL_ZMAP_LINUX, MANNER_ONE_PORT, 1 },
	{ HIN_TOOL_ZMAP_BSD, MANNER_ONE_PORT, 1 },
	{ HIN_TOOL_ZMAP_SMALLEST, MANNER_ONE_PORT, 1 },
	{ HIN_TOOL_NMAP, MANNER_FEW_PORTS, 1 },
	{ HIN_TOOL_UNICORNSCAN, MANNER_ANY_PORT, 0.5 },
	{ HIN_TOOL_FREEBSD, MANNER_ONE_PORT, 1 },
	{ HIN_TOOL_MACOS, MANNER_ONE_PORT, 1 },
	{ HIN_TOOL_NONE, MANNER_ONE_PORT, 5 },
	{ HIN_TOOL_NONE, MANNER_UDP, 6 },
	{ HIN_TOOL_NONE, MANNER_ECHO, 3 },
	{ HIN_TOOL_NONE, MANNER_ODD, 1 },
	{ HIN_TOOL_NONE, MANNER_OTHER_PROTOCOL, 0.3 },
};

/* The ranks that send most: big surveys and big scanners over many ports. */
static const struct {
	enum hin_tool tool;
	enum manner manner;
} leaders[] = {
	{ HIN_TOOL_ZMAP_WINDOWS, MANNER_POPULAR },
	{ HIN_TOOL_MASSCAN_NEW, MANNER_ANY_PORT },
	{ HIN_TOOL_ZMAP_OLD, MANNER_POPULAR },
	{ HIN_TOOL_MASSCAN_OLD, MANNER_POPULAR },
	{ HIN_TOOL_ZMAP_LINUX, MANNER_ONE_PORT },
	{ HIN_TOOL_MASSCAN_NEW, MANNER_ONE_PORT },
	{ HIN_TOOL_MIRAI, MANNER_ONE_PORT },
	{ HIN_TOOL_NONE, MANNER_UDP },
	{ HIN_TOOL_LINUX, MANNER_ONE_PORT },
	{ HIN_TOOL_ZMAP_BSD, MANNER_ONE_PORT },
	{ HIN_TOOL_WINDOWS, MANNER_FEW_PORTS },
	{ HIN_TOOL_UNICORNSCAN, MANNER_ANY_PORT },
	{ HIN_TOOL_NMAP, MANNER_FEW_PORTS },
	{ HIN_TOOL_ZMAP_SMALLEST, MANNER_ONE_PORT },
	{ HIN_TOOL_NONE, MANNER_ECHO },
	{ HIN_TOOL_FREEBSD, MANNER_ONE_PORT },
};

static const struct {
	uint32_t address;
	uint8_t length;
} bogons[] = {
	{ 0x00000000, 8 },  { 0x0a000000, 8 },	{ 0x64400000, 10 }, { 0x7f000000, 8 },
	{ 0xa9fe0000, 16 }, { 0xac100000, 12 }, { 0xc0000000, 24 }, { 0xc0000200, 24 },
	{ 0xc0586300, 24 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 }, { 0xc6336400, 24 },
	{ 0xcb007100, 24 }, { 0xe0000000, 4 },	{ 0xf0000000, 4 },
};

bool hin_crowd_bogon(uint32_t address)
{
	for (size_t i = 0; i < HIN_COUNT(bogons); i++)
		if (((address ^ bogons[i].address) >> (32 - bogons[i].length)) == 0)
			return true;
	return false;
}

uint32_t hin_crowd_address(const struct hin_plan *plan, struct hin_dice *dice)
{
	for (;;) {
		uint32_t a = (uint32_t)hin_dice_next(dice);
		struct hin_addr addr = hin_addr_of_v4(a);

		if (!hin_crowd_bogon(a) && (a & 0xff) != 0 && (a & 0xff) != 255 &&
		    !hin_prefix_holds(&plan->dark, &addr) &&
		    !hin_prefix_holds(&plan->member, &addr))
			return a;
	}
}

uint16_t hin_crowd_port(const struct hin_crowd *crowd, struct hin_dice *dice)
{
	return popular[hin_loaded_throw(&crowd->ports, dice)].port;
}

struct hin_addr hin_crowd_dark(const struct hin_plan *plan, struct hin_dice *dice)
{
	return hin_addr_of_v4(plan->dark_base | ((uint32_t)hin_dice_next(dice) & plan->dark_mask));
}

/* Addresses of rank 0, 1, 2...: all different, because a repeat is thrown again. */
static bool assign_addresses(struct hin_crowd *crowd, struct hin_dice *dice)
{
	size_t mask = 1023;
	uint32_t *taken; /* open addressing; 0 is a bogon and so never taken */

	while (mask < 2 * (size_t)crowd->plan->sources)
		mask = mask * 2 + 1;
	taken = calloc(mask + 1, sizeof(*taken));
	if (taken == NULL)
		return false;
	for (uint32_t i = 0; i < crowd->plan->sources;) {
		uint32_t a = hin_crowd_address(crowd->plan, dice);
		size_t at = hin_dice_mix(a) & mask;

		while (taken[at] != 0 && taken[at] != a)
			at = (at + 1) & mask;
		if (taken[at] == a)
			continue;
		taken[at] = a;
		crowd->sources[i++].address = a;
	}
	free(taken);
	return true;
}

static bool load_tables(struct hin_crowd *crowd, struct hin_loaded *cast)
{
	double weights[HIN_COUNT(popular) + HIN_COUNT(roles)], *zipf;
	uint32_t sources = crowd->plan->sources;
	bool ok;

	zipf = malloc(sources * sizeof(*zipf));
	if (zipf == NULL)
		return false;
	for (uint32_t i = 0; i < sources; i++)
		zipf[i] = 1.0 / (i + 1);
	ok = hin_loaded_init(&crowd->ranks, zipf, sources);
	free(zipf);
	for (size_t i = 0; i < HIN_COUNT(popular); i++)
		weights[i] = popular[i].weight;
	ok = hin_loaded_init(&crowd->ports, weights, HIN_COUNT(popular)) && ok;
	for (size_t i = 0; i < HIN_COUNT(roles); i++)
		weights[i] = roles[i].weight;
	return hin_loaded_init(cast, weights, HIN_COUNT(roles)) && ok;
}

bool hin_crowd_init(struct hin_crowd *crowd, const struct hin_plan *plan, struct hin_dice *dice)
{
	struct hin_loaded cast = { 0 };
	bool ok;

	*crowd = (struct hin_crowd){ .plan = plan };
	crowd->sources = calloc(plan->sources, sizeof(*crowd->sources));
	ok = crowd->sources != NULL && assign_addresses(crowd, dice) && load_tables(crowd, &cast);
	for (uint32_t i = 0; ok && i < plan->sources; i++) {
		struct hin_crowd_source *s = &crowd->sources[i];
		uint32_t role = hin_loaded_throw(&cast, dice);

		s->tool = (uint8_t)(i < HIN_COUNT(leaders) ? leaders[i].tool : roles[role].tool);
		s->manner =
			(uint8_t)(i < HIN_COUNT(leaders) ? leaders[i].manner : roles[role].manner);
		s->hops = (uint8_t)hin_dice_range(dice, 5, 24);
		s->ports = (uint8_t)hin_dice_range(dice, 2, 12);
		s->key = (uint32_t)hin_dice_next(dice);
	}
	hin_loaded_fini(&cast);
	return ok;
}

void hin_crowd_fini(struct hin_crowd *crowd)
{
	free(crowd->sources);
	hin_loaded_fini(&crowd->ranks);
	hin_loaded_fini(&crowd->ports);
}

/* The port of this packet: a source's own few ports follow from its key. */
static uint16_t pick_port(const struct hin_crowd *crowd, const struct hin_crowd_source *s,
			  struct hin_dice *dice)
{
	struct hin_dice own = { .state = s->key };

	if (s->tool == HIN_TOOL_MIRAI)
		return hin_dice_below(dice, 10) == 0 ? 2323 : 23;
	switch (s->manner) {
	case MANNER_ONE_PORT:
		break;
	case MANNER_FEW_PORTS:
		own.state += (uint64_t)hin_dice_below(dice, s->ports) << 32;
		break;
	case MANNER_POPULAR:
		return hin_crowd_port(crowd, dice);
	default:
		return (uint16_t)hin_dice_range(dice, 1, 65535);
	}
	/* One source in six keeps to a port that is not popular. */
	if (s->key % 6 == 0)
		return (uint16_t)hin_dice_range(&own, 1, 65535);
	return hin_crowd_port(crowd, &own);
}

static void make_odd(const struct hin_sender *sender, struct hin_dice *dice, struct hin_probe *p)
{
	static const uint8_t flags[] = { HIN_ACK,
					 HIN_ACK,
					 HIN_FIN,
					 0,
					 HIN_FIN | HIN_PSH | HIN_URG,
					 HIN_ACK | HIN_PSH,
					 HIN_FIN | HIN_ACK,
					 HIN_SYN | HIN_FIN };

	hin_sender_syn(sender, dice, 0, p);
	p->flags = flags[hin_dice_below(dice, HIN_COUNT(flags))];
	if ((p->flags & HIN_ACK) != 0)
		p->ack = (uint32_t)hin_dice_next(dice);
}

static void make_other(const struct hin_sender *sender, struct hin_dice *dice, struct hin_probe *p)
{
	static const uint8_t protocols[] = { IPPROTO_GRE, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_IPV6 };

	p->proto = protocols[hin_dice_below(dice, HIN_COUNT(protocols))];
	p->sport = p->dport = 0;
	p->ttl = (uint8_t)(64 - sender->hops);
	p->id = (uint16_t)hin_dice_next(dice);
	p->payload_size = (uint16_t)hin_dice_range(dice, 40, 90);
}

/* An IPv6 source is a /64 of its own, with some addresses in it. */
static void make_v6(const struct hin_crowd *crowd, const struct hin_crowd_source *s,
		    struct hin_dice *dice, struct hin_probe *p)
{
	uint64_t low = HIN_BE64(hin_dice_mix(s->key + hin_dice_below(dice, s->ports)));
	uint32_t high = HIN_BE32(0x24000000u | s->address >> 12);
	uint32_t subnet = HIN_BE32(s->address), host = (uint32_t)hin_dice_next(dice);

	memcpy(p->src.b, &high, 4);
	memcpy(p->src.b + 4, &subnet, 4);
	memcpy(p->src.b + 8, &low, 8);
	p->dst = crowd->plan->dark6.addr;
	memcpy(p->dst.b + 12, &host, 4);
}

static bool repeat(struct hin_crowd *crowd, struct hin_dice *dice, struct hin_probe *p,
		   enum hin_tool *tool)
{
	uint32_t at = hin_dice_below(dice, HIN_COUNT(crowd->recent));

	if (at >= crowd->recent_count || crowd->plan->all_unique)
		return false;
	*p = crowd->recent[at];
	*tool = crowd->recent_tools[at];
	p->id++;
	return true;
}

uint32_t hin_crowd_make(struct hin_crowd *crowd, struct hin_dice *dice, uint32_t clock,
			struct hin_probe *p, enum hin_tool *tool)
{
	const struct hin_plan *plan = crowd->plan;
	uint32_t rank = hin_loaded_throw(&crowd->ranks, dice), unique;
	const struct hin_crowd_source *s = &crowd->sources[rank];
	struct hin_sender sender = { .tool = s->tool,
				     .hops = s->hops,
				     .key = s->key,
				     .sport = (uint16_t)(s->key >> 16 | 0x8000) };
	bool stack = s->tool >= HIN_TOOL_LINUX;

	/* Stacks send their SYN again; this is what makes some flows longer than a packet. */
	if (stack && rank >= 64 && hin_dice_below(dice, 24) == 0 && repeat(crowd, dice, p, tool))
		return rank;
	*tool = sender.tool;
	p->src = hin_addr_of_v4(s->address);
	p->dst = hin_crowd_dark(plan, dice);
	if (plan->v6_share > 0 && rank >= 64 && hin_dice_unit(dice) < plan->v6_share)
		make_v6(crowd, s, dice, p);
	if (plan->all_unique) { /* odd multiplier: all 2^32 pairs come before one comes again */
		unique = crowd->unique++ * 0x9e3779b1u;
		if (hin_addr_is_v4(&p->dst))
			p->dst = hin_addr_of_v4(plan->dark_base | (unique & plan->dark_mask));
		p->sport = (uint16_t)(unique >> 16);
		p->sport = p->sport == 0 ? 1024 : p->sport;
	}
	if (s->manner <= MANNER_ANY_PORT)
		p->dport = pick_port(crowd, s, dice);
	switch (s->manner) {
	case MANNER_UDP:
		hin_sender_udp(&sender, dice, p);
		break;
	case MANNER_ECHO:
		hin_sender_echo(&sender, dice, p);
		break;
	case MANNER_ODD:
		p->dport = hin_crowd_port(crowd, dice);
		make_odd(&sender, dice, p);
		break;
	case MANNER_OTHER_PROTOCOL:
		make_other(&sender, dice, p);
		break;
	default:
		hin_sender_syn(&sender, dice, clock, p);
		if (stack && rank >= 64) {
			uint32_t at = crowd->recent_count % HIN_COUNT(crowd->recent);

			crowd->recent[at] = *p;
			crowd->recent_tools[at] = *tool;
			crowd->recent_count++;
		}
	}
	return rank;
}
