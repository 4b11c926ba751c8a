#include "cast.h"

#include <assert.h>
#include <netinet/in.h>

/*
 * One part. `share` is of all packets while the part is on; below zero it is the seconds from
 * packet to packet. `from` to `to` is its stretch of the duration. `port` is a victim's service, a
 * flood's or scan's port, an amplifier's source port. `pool`: how many sources take part, 0 = a new
 * one each time.
 */
struct part {
	const char *name, *what;
	enum hin_role role;
	enum hin_tool tool;
	double share, from, to;
	uint16_t port;
	uint32_t pool;
	void (*make)(struct hin_cast *cast, const struct part *part, size_t at,
		     struct hin_dice *dice, struct hin_scene *scene);
	uint8_t number; /* host of a member, ICMP type of an error, or protocol of an amplifier */
};

static struct hin_addr source_of(const struct hin_cast *cast, const struct part *part, size_t at,
				 struct hin_dice *dice)
{
	struct hin_dice own = { 0 };

	if (part->pool == 1)
		return hin_addr_of_v4(cast->sources[at]);
	if (part->pool == 0)
		return hin_addr_of_v4(hin_crowd_address(cast->plan, dice));
	own.state = (uint64_t)cast->keys[at] << 32 | hin_dice_below(dice, part->pool);
	return hin_addr_of_v4(hin_crowd_address(cast->plan, &own));
}

static struct hin_addr dark_at(const struct hin_cast *cast, uint32_t host)
{
	return hin_addr_of_v4(cast->plan->dark_base | (host & cast->plan->dark_mask));
}

static struct hin_sender sender_of(const struct hin_cast *cast, const struct part *part, size_t at)
{
	return (struct hin_sender){ .tool = part->tool,
				    .hops = (uint8_t)(6 + cast->keys[at] % 15),
				    .key = cast->keys[at],
				    .sport = (uint16_t)(cast->keys[at] >> 16 | 0x8000) };
}

/*
 * A server answers SYNs in other people's names. Every third packet says again what was said a
 * second or so before.
 */
static void backscatter_tcp(struct hin_cast *cast, const struct part *part, size_t at,
			    struct hin_dice *dice, struct hin_scene *scene)
{
	struct hin_probe *p = &scene->probe;
	uint64_t n = cast->made[at], what;

	if (n % 3 == 2 && n >= 301)
		n -= 301;
	what = hin_dice_mix((uint64_t)cast->keys[at] << 32 ^ n);
	p->proto = IPPROTO_TCP;
	p->src = hin_addr_of_v4(cast->sources[at]);
	p->dst = dark_at(cast, (uint32_t)what);
	p->sport = part->port;
	p->dport = (uint16_t)(1024 + (what >> 32) % 64512);
	p->ttl = 52;
	p->id = 0;
	p->ack = (uint32_t)(what >> 16);
	p->dont_fragment = true;
	if (part->number != 0 && hin_dice_below(dice, 100) < part->number) {
		p->flags = HIN_RST | HIN_ACK;
		return;
	}
	p->flags = HIN_SYN | HIN_ACK;
	p->seq = (uint32_t)(what >> 8);
	p->window = 29200;
	p->layout = HIN_LAYOUT_MSS;
}

static const uint8_t dns_answer[12] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0, 1 };

static void backscatter_udp(struct hin_cast *cast, const struct part *part, size_t at,
			    struct hin_dice *dice, struct hin_scene *scene)
{
	struct hin_probe *p = &scene->probe;

	p->proto = IPPROTO_UDP;
	p->src = hin_addr_of_v4(cast->sources[at]);
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->sport = part->port;
	p->dport = (uint16_t)hin_dice_range(dice, 1024, 65535);
	p->ttl = 54;
	p->id = (uint16_t)hin_dice_next(dice);
	p->payload = dns_answer;
	p->payload_size = sizeof(dns_answer);
}

/* The victim, or with a pool the routers before it, report that packets of dark addresses failed.
 */
static void backscatter_icmp(struct hin_cast *cast, const struct part *part, size_t at,
			     struct hin_dice *dice, struct hin_scene *scene)
{
	struct hin_probe *p = &scene->probe, *q = &scene->quoted;

	p->proto = IPPROTO_ICMP;
	p->src = source_of(cast, part, at, dice);
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->sport = part->number;
	p->dport = part->number == 11 ? 0 : part->pool == 1 ? 3 : 1;
	p->ttl = 239;
	p->id = (uint16_t)hin_dice_next(dice);
	*q = (struct hin_probe){ .src = p->dst,
				 .dst = hin_addr_of_v4(cast->sources[at]),
				 .proto = part->pool == 1 ? IPPROTO_UDP : IPPROTO_TCP,
				 .ttl = part->number == 11 ? 0 : 50,
				 .id = (uint16_t)hin_dice_next(dice),
				 .seq = (uint32_t)hin_dice_next(dice) };
	q->sport = (uint16_t)hin_dice_range(dice, 1024, 65535);
	q->dport = part->port;
	p->quoted = q;
}

static void backscatter_echo(struct hin_cast *cast, const struct part *part, size_t at,
			     struct hin_dice *dice, struct hin_scene *scene)
{
	struct hin_probe *p = &scene->probe;

	(void)part;
	p->proto = IPPROTO_ICMP;
	p->src = hin_addr_of_v4(cast->sources[at]);
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->ttl = 51;
	p->id = (uint16_t)hin_dice_next(dice);
	p->seq = (uint32_t)hin_dice_next(dice);
	p->payload_size = 56;
}

static void flood(struct hin_cast *cast, const struct part *part, size_t at, struct hin_dice *dice,
		  struct hin_scene *scene)
{
	struct hin_sender sender = sender_of(cast, part, at);
	struct hin_probe *p = &scene->probe;

	p->src = source_of(cast, part, at, dice);
	p->dst = hin_addr_of_v4(cast->targets[at]);
	p->dport = part->port;
	sender.hops = (uint8_t)(5 + hin_addr_v4(&p->src) % 20);
	hin_sender_syn(&sender, dice, 0, p);
}

/* What each amplifier's answer looks like. */
static const struct {
	uint16_t port, low, high; /* source port; payload bytes */
	uint8_t bytes[12];
} answers[] = {
	{ 53, 900, 1400, { 0x12, 0x34, 0x81, 0x80, 0, 1, 0, 20 } },
	{ 123, 440, 440, { 0xd7, 0, 3, 0x2a, 0, 6, 0, 0x48 } },
	{ 1900, 250, 330, "HTTP/1.1 200" },
	{ 11211, 1400, 1400, { 0, 1, 0, 0, 0, 9, 0, 0, 'S', 'T', 'A', 'T' } },
	{ 389, 900, 1400, { 0x30, 0x84, 0, 0, 5, 0, 2, 1, 1, 0x64, 0x84, 0 } },
	{ 161, 400, 1300, { 0x30, 0x82, 2, 0, 2, 1, 1, 4, 6, 'p', 'u', 'b' } },
};

static void amplify(struct hin_cast *cast, const struct part *part, size_t at,
		    struct hin_dice *dice, struct hin_scene *scene)
{
	static uint8_t payload[HIN_COUNT(answers)][1472];
	struct hin_probe *p = &scene->probe;
	size_t a = 0;

	p->proto = part->number;
	p->src = source_of(cast, part, at, dice);
	p->dst = hin_addr_of_v4(cast->targets[at]);
	p->sport = part->port;
	p->dport = (uint16_t)hin_dice_range(dice, 1024, 65535);
	p->ttl = (uint8_t)(64 - 5 - hin_addr_v4(&p->src) % 20);
	p->id = (uint16_t)hin_dice_next(dice);
	if (p->proto == IPPROTO_TCP) {
		p->flags = HIN_SYN | HIN_ACK;
		p->seq = (uint32_t)hin_dice_next(dice);
		p->ack = (uint32_t)hin_dice_next(dice);
		p->window = 65535;
		p->layout = HIN_LAYOUT_MSS;
		return;
	}
	while (answers[a].port != part->port)
		a++;
	memcpy(payload[a], answers[a].bytes, sizeof(answers[a].bytes));
	p->payload = payload[a];
	p->payload_size = (uint16_t)hin_dice_range(dice, answers[a].low, answers[a].high);
	/* One DNS answer in ten is too large for one packet. */
	if (part->port == 53 && hin_dice_below(dice, 10) == 0) {
		cast->later = *p;
		cast->later.payload = NULL;
		cast->later.payload_size = (uint16_t)hin_dice_range(dice, 100, 1000);
		cast->later.fragment_offset = 1480;
		cast->later.sport = cast->later.dport = 0;
		cast->later_actor = cast->actors[at];
		cast->has_later = true;
		p->payload_size = 1472;
		p->rest = cast->later.payload_size;
		p->more_fragments = true;
	}
}

/* Scans that are known whole: `number` says the shape. */
enum shape { SHAPE_HORIZONTAL, SHAPE_VERTICAL, SHAPE_BLOCK, SHAPE_ECHO, SHAPE_SIP };

static void scan(struct hin_cast *cast, const struct part *part, size_t at, struct hin_dice *dice,
		 struct hin_scene *scene)
{
	struct hin_sender sender = sender_of(cast, part, at);
	struct hin_probe *p = &scene->probe;
	uint32_t n = (uint32_t)cast->made[at];

	p->src = hin_addr_of_v4(cast->sources[at]);
	p->dst = dark_at(cast, n * 0x9e3779b1u >> 7); /* about every address once, in no order */
	p->dport = part->port;
	switch (part->number) {
	case SHAPE_VERTICAL:
		p->dst = hin_addr_of_v4(cast->targets[at]);
		p->dport = (uint16_t)(1 + n % 65535);
		break;
	case SHAPE_BLOCK:
		p->dst = dark_at(cast, (cast->targets[at] & ~255u) + n % 256);
		p->dport = (uint16_t)(part->port + n / 256 % 100);
		break;
	case SHAPE_ECHO:
		p->dst = dark_at(cast, n);
		hin_sender_echo(&sender, dice, p);
		return;
	case SHAPE_SIP:
		do
			hin_sender_udp(&sender, dice, p);
		while (p->dport != part->port);
		return;
	default:
		break;
	}
	hin_sender_syn(&sender, dice, n, p);
}

static void member(struct hin_cast *cast, const struct part *part, size_t at, struct hin_dice *dice,
		   struct hin_scene *scene)
{
	struct hin_sender sender = sender_of(cast, part, at);
	struct hin_probe *p = &scene->probe;

	p->src = hin_addr_of_v4(cast->plan->member_base + part->number);
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->dport = part->port;
	if (part->tool == HIN_TOOL_MIRAI && hin_dice_below(dice, 10) == 0)
		p->dport = 2323;
	hin_sender_syn(&sender, dice, (uint32_t)cast->made[at], p);
}

static void bogon(struct hin_cast *cast, const struct part *part, size_t at, struct hin_dice *dice,
		  struct hin_scene *scene)
{
	static const struct {
		uint32_t base, mask;
	} from[] = {
		{ 0x0a000000, 0xffffff }, { 0xc0a80000, 0xffff },   { 0xac100000, 0xfffff },
		{ 0x7f000000, 0xffffff }, { 0x64400000, 0x3fffff }, { 0xf0000000, 0xffffff },
	};
	struct hin_sender sender = sender_of(cast, part, at);
	struct hin_probe *p = &scene->probe;
	uint32_t n = hin_dice_below(dice, HIN_COUNT(from));

	p->src = hin_addr_of_v4(from[n].base | ((uint32_t)hin_dice_next(dice) & from[n].mask));
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->dport = hin_crowd_port(cast->crowd, dice);
	hin_sender_syn(&sender, dice, 0, p);
}

static void rising(struct hin_cast *cast, const struct part *part, size_t at, struct hin_dice *dice,
		   struct hin_scene *scene)
{
	struct hin_sender sender = sender_of(cast, part, at);
	struct hin_probe *p = &scene->probe;

	p->src = source_of(cast, part, at, dice);
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->dport = part->port;
	sender.hops = (uint8_t)(5 + hin_addr_v4(&p->src) % 20);
	hin_sender_syn(&sender, dice, 0, p);
}

/* A frame that gives no packet. */
static void refuse(struct hin_cast *cast, const struct part *part, size_t at, struct hin_dice *dice,
		   struct hin_scene *scene)
{
	static const uint8_t type_arp[2] = { 8, 6 }, type_lldp[2] = { 0x88, 0xcc },
			     stp[5] = { 0, 0x26, 0x42, 0x42, 3 };
	struct hin_sender sender = sender_of(cast, part, at);
	struct hin_probe *p = &scene->probe;
	uint8_t *frame = scene->frame;

	scene->refused = true;
	scene->why = hin_dice_below(dice, HIN_REFUSED_COUNT);
	p->src = source_of(cast, part, at, dice);
	p->dst = hin_crowd_dark(cast->plan, dice);
	p->dport = 4; /* no popular port: some readers count it all the same */
	hin_sender_syn(&sender, dice, 0, p);
	if (scene->why == HIN_REFUSED_UDP_LENGTH)
		p->proto = IPPROTO_UDP;
	scene->size = scene->length = hin_wire_build(p, frame);
	switch (scene->why) {
	case HIN_REFUSED_ARP:
	case HIN_REFUSED_LLDP:
		memset(frame + 14, 0, 46);
		memcpy(frame + 12, scene->why == HIN_REFUSED_ARP ? type_arp : type_lldp, 2);
		break;
	case HIN_REFUSED_STP:
		memset(frame + 12, 0, 48);
		memcpy(frame + 12, stp, sizeof(stp));
		break;
	case HIN_REFUSED_CUT_ETHERNET:
		scene->size = 10;
		break;
	case HIN_REFUSED_CUT_IP:
		scene->size = 14 + 12;
		break;
	case HIN_REFUSED_CUT_TRANSPORT:
		scene->size = 14 + 20 + 6;
		break;
	case HIN_REFUSED_VERSION:
		frame[14] = 0x55;
		break;
	case HIN_REFUSED_IHL:
		frame[14] = 0x44;
		break;
	case HIN_REFUSED_TOTAL:
		frame[16] = 0;
		frame[17] = 12;
		break;
	case HIN_REFUSED_TCP_OFFSET:
		frame[14 + 20 + 12] = 0x30;
		break;
	case HIN_REFUSED_UDP_LENGTH:
		frame[14 + 20 + 5] = 4;
		break;
	case HIN_REFUSED_COUNT:
		break;
	}
}

/* Rises: `share` before minute eight, then twice as much every `doubling` of what is left. */
#define RISING_FROM_NS (480 * INT64_C(1000000000))

static const struct part parts[] = {
	{ "victim-web", "SYN-ACK", HIN_ROLE_VICTIM, 0, 0.02, 0, 1, 443, 1, backscatter_tcp, 3 },
	{ "victim-reset", "RST", HIN_ROLE_VICTIM, 0, 0.008, 0, 1, 80, 1, backscatter_tcp, 85 },
	{ "victim-game", "SYN-ACK", HIN_ROLE_VICTIM, 0, 0.012, 0.3, 0.6, 25565, 1, backscatter_tcp,
	  0 },
	{ "victim-dns", "UDP", HIN_ROLE_VICTIM, 0, 0.004, 0.1, 0.9, 53, 1, backscatter_udp, 0 },
	{ "victim-udp", "port unreachable", HIN_ROLE_VICTIM, 0, 0.004, 0, 1, 27015, 1,
	  backscatter_icmp, 3 },
	{ "victim-routed", "time exceeded", HIN_ROLE_VICTIM, 0, 0.003, 0.4, 0.8, 80, 40,
	  backscatter_icmp, 11 },
	{ "victim-ping", "echo reply", HIN_ROLE_VICTIM, 0, 0.003, 0.2, 0.7, 0, 1, backscatter_echo,
	  0 },
	{ "flood-spoofed", "SYN", HIN_ROLE_FLOOD, HIN_TOOL_NONE, 0.03, 0.2, 0.35, 80, 0, flood, 0 },
	{ "flood-botnet", "SYN", HIN_ROLE_FLOOD, HIN_TOOL_LINUX, 0.006, 0.5, 0.7, 443, 40, flood,
	  0 },
	{ "amplified-dns", "DNS", HIN_ROLE_AMPLIFICATION, 0, 0.006, 0.55, 0.75, 53, 3000, amplify,
	  IPPROTO_UDP },
	{ "amplified-ntp", "NTP", HIN_ROLE_AMPLIFICATION, 0, 0.006, 0.1, 0.3, 123, 1500, amplify,
	  IPPROTO_UDP },
	{ "amplified-ssdp", "SSDP", HIN_ROLE_AMPLIFICATION, 0, 0.003, 0.6, 0.8, 1900, 800, amplify,
	  IPPROTO_UDP },
	{ "amplified-memcached", "memcached", HIN_ROLE_AMPLIFICATION, 0, 0.001, 0.3, 0.4, 11211, 60,
	  amplify, IPPROTO_UDP },
	{ "amplified-cldap", "CLDAP", HIN_ROLE_AMPLIFICATION, 0, 0.002, 0.7, 0.9, 389, 700, amplify,
	  IPPROTO_UDP },
	{ "amplified-snmp", "SNMP", HIN_ROLE_AMPLIFICATION, 0, 0.002, 0, 0.2, 161, 400, amplify,
	  IPPROTO_UDP },
	{ "reflected-tcp", "TCP SYN-ACK", HIN_ROLE_AMPLIFICATION, 0, 0.005, 0.8, 1, 443, 5000,
	  amplify, IPPROTO_TCP },
	{ "scan-vertical", "vertical", HIN_ROLE_SCAN, HIN_TOOL_NMAP, 0.004, 0.1, 0.5, 0, 1, scan,
	  SHAPE_VERTICAL },
	{ "scan-block", "block", HIN_ROLE_SCAN, HIN_TOOL_LINUX, 0.004, 0.3, 0.8, 8000, 1, scan,
	  SHAPE_BLOCK },
	{ "scan-horizontal", "horizontal", HIN_ROLE_SCAN, HIN_TOOL_MASSCAN_NEW, 0.01, 0, 0.7, 3389,
	  1, scan, SHAPE_HORIZONTAL },
	{ "scan-unicorn", "horizontal", HIN_ROLE_SCAN, HIN_TOOL_UNICORNSCAN, 0.003, 0.2, 0.6, 5900,
	  1, scan, SHAPE_HORIZONTAL },
	{ "scan-slow", "horizontal", HIN_ROLE_SCAN, HIN_TOOL_LINUX, -4, 0, 1, 22, 1, scan,
	  SHAPE_HORIZONTAL },
	{ "sweep-echo", "horizontal", HIN_ROLE_SCAN, 0, 0.004, 0.1, 0.9, 0, 1, scan, SHAPE_ECHO },
	{ "scan-sip", "horizontal", HIN_ROLE_SCAN, 0, 0.004, 0, 1, 5060, 1, scan, SHAPE_SIP },
	{ "member-mirai", "infected", HIN_ROLE_MEMBER, HIN_TOOL_MIRAI, 0.002, 0.1, 1, 23, 1, member,
	  7 },
	{ "member-worm", "infected", HIN_ROLE_MEMBER, HIN_TOOL_WINDOWS, 0.001, 0.4, 1, 445, 1,
	  member, 41 },
	{ "member-masscan", "infected", HIN_ROLE_MEMBER, HIN_TOOL_MASSCAN_NEW, 0.001, 0.5, 0.8,
	  6379, 1, member, 99 },
	{ "bogons", "SYN", HIN_ROLE_BOGON, HIN_TOOL_LINUX, 0.001, 0, 1, 0, 0, bogon, 0 },
	{ "rising", "SYN", HIN_ROLE_RISING, HIN_TOOL_NONE, 0.0005, 0, 1, 9530, 2000, rising, 0 },
	{ "no-packet", "", HIN_ROLE_COUNT, HIN_TOOL_LINUX, 0.002, 0, 1, 0, 0, refuse, 0 },
};
static_assert(HIN_COUNT(parts) <= HIN_CAST_PARTS, "the cast's arrays hold all parts");

static int64_t duration_ns(const struct hin_plan *plan)
{
	return (int64_t)(plan->packets * 1000 / plan->rate_pps + 1) * 1000000;
}

/* Minute eight, or three quarters of a shorter capture. */
static double rising_from(const struct hin_plan *plan)
{
	double minute_eight = (double)RISING_FROM_NS / (double)duration_ns(plan);

	return minute_eight < 0.75 ? minute_eight : 0.75;
}

static double share_now(const struct hin_plan *plan, const struct part *part, double now)
{
	double from = rising_from(plan), share = part->share;

	if (share < 0 || now < part->from || now >= part->to)
		return 0;
	if (part->role == HIN_ROLE_RISING && now > from)
		share *= exp2((now - from) / (1 - from) * 6);
	return share;
}

static void spread_shares(struct hin_cast *cast, int64_t time_ns)
{
	int64_t duration = duration_ns(cast->plan), since = time_ns - cast->plan->start_ns;
	double sum = 0;

	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		sum += share_now(cast->plan, &parts[i], (double)since / (double)duration);
		cast->shares[i] = (uint32_t)(sum * 0x1p32);
	}
	cast->shares_until_ns = time_ns + duration / 512;
}

static void enter_part(struct hin_cast *cast, size_t at)
{
	const struct part *part = &parts[at];
	struct hin_truth_actor actor = { .role = part->role,
					 .what = part->what,
					 .port = part->port,
					 .one_source = part->pool == 1,
					 .spoofed =
						 part->role == HIN_ROLE_FLOOD && part->pool == 0 };

	if (part->role == HIN_ROLE_COUNT)
		return;
	snprintf(actor.name, sizeof(actor.name), "%s", part->name);
	if (part->role == HIN_ROLE_FLOOD || part->role == HIN_ROLE_AMPLIFICATION)
		actor.who = hin_addr_of_v4(cast->targets[at]);
	else if (part->role == HIN_ROLE_MEMBER)
		actor.who = hin_addr_of_v4(cast->plan->member_base + part->number);
	else
		actor.who = hin_addr_of_v4(cast->sources[at]);
	cast->actors[at] = &cast->truth->actors[hin_truth_add(cast->truth, &actor)];
}

void hin_cast_init(struct hin_cast *cast, const struct hin_plan *plan, struct hin_crowd *crowd,
		   struct hin_truth *truth, struct hin_dice *dice)
{
	*cast = (struct hin_cast){ .plan = plan, .crowd = crowd, .truth = truth };
	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		cast->keys[i] = (uint32_t)hin_dice_next(dice);
		cast->sources[i] = hin_crowd_address(plan, dice);
		cast->targets[i] =
			plan->dark_base | ((uint32_t)hin_dice_next(dice) & plan->dark_mask);
		enter_part(cast, i);
	}
	for (uint32_t i = 0; i < HIN_COUNT(cast->leaders) && i < plan->sources; i++) {
		struct hin_truth_actor actor = { .what = "crowd",
						 .role = HIN_ROLE_SCAN,
						 .who = hin_addr_of_v4(crowd->sources[i].address),
						 .one_source = true };

		snprintf(actor.name, sizeof(actor.name), "rank-%02u", i);
		cast->leaders[i] = &truth->actors[hin_truth_add(truth, &actor)];
	}
	cast->shares_until_ns = INT64_MIN;
}

/* The part that has this packet, or HIN_COUNT(parts) for the crowd. */
static size_t choose_part(struct hin_cast *cast, struct hin_dice *dice, uint64_t index)
{
	uint32_t throw = (uint32_t)hin_dice_next(dice);

	for (size_t i = 0; i < HIN_COUNT(parts); i++)
		if (parts[i].share < 0 &&
		    index % (cast->plan->rate_pps * (uint64_t)-parts[i].share) == 7)
			return i;
	for (size_t i = 0; i < HIN_COUNT(parts); i++)
		if (throw < cast->shares[i])
			return i;
	return HIN_COUNT(parts);
}

void hin_cast_make(struct hin_cast *cast, struct hin_dice *dice, uint64_t index, int64_t time_ns,
		   struct hin_scene *scene)
{
	size_t at;

	if (time_ns >= cast->shares_until_ns)
		spread_shares(cast, time_ns);
	scene->probe = (struct hin_probe){ 0 };
	scene->refused = false;
	scene->tool = HIN_TOOL_NONE;
	if (cast->has_later) {
		cast->has_later = false;
		scene->probe = cast->later;
		scene->actor = cast->later_actor;
	} else if ((at = choose_part(cast, dice, index)) < HIN_COUNT(parts)) {
		scene->tool = parts[at].tool;
		scene->actor = cast->actors[at];
		parts[at].make(cast, &parts[at], at, dice, scene);
		cast->made[at]++;
	} else {
		uint32_t rank = hin_crowd_make(cast->crowd, dice, (uint32_t)(time_ns / 1000000),
					       &scene->probe, &scene->tool);

		scene->actor = rank < HIN_COUNT(cast->leaders) ? cast->leaders[rank] : NULL;
	}
	if (!scene->refused)
		scene->size = scene->length = hin_wire_build(&scene->probe, scene->frame);
}
