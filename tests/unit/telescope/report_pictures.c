#include "report_pictures.h"

#include <math.h>
#include <stdlib.h>

#define TCP 6
#define UDP 17
#define START_US 1505065948123456ll /* 2017-09-10 17:52:28.123456 UTC */
#define MINUTE_US 60000000ll
#define MINUTES 40

static struct hin_addr addr(const char *text)
{
	struct hin_addr a;

	if (hin_addr_parse(&a, text) != HIN_OK)
		abort();
	return a;
}

/* xorshift32: the same "noise" in every run */
static uint32_t noise(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static struct hin_capture_input inputs_all[2];
static struct hin_port_stat ports_all[14];
static struct hin_event events_all[14];
static struct hin_victim victims_all[5];
static struct hin_flood floods_all[2], amplifications_all[3];
static struct hin_member members_all[3];
static struct hin_rising rising_all[3];
static struct hin_series_point series_all[MINUTES];
static struct hin_port_series port_series_all[6];
static uint64_t counts_all[6][MINUTES];

static void fill_inputs(struct hin_picture *p)
{
	static char first[] = "dark-2017-09-10.pcap.gz", second[] = "dark-2017-09-11.pcapng";

	inputs_all[0] = (struct hin_capture_input){
		.name = first,
		.format = "pcap",
		.compression = "gzip",
		.file_bytes = 18123456,
		.file_size = 18123456,
		.packets = 240111,
		.digested = true,
		.sha256 = { 0xd7, 0x07, 0x1f, 0x5e, 0xcc, 0xbb, 0x8c, 0xb6, [31] = 0x5a },
	};
	inputs_all[1] = (struct hin_capture_input){
		.name = second,
		.format = "pcapng",
		.compression = "none",
		.file_bytes = 9001,
		.packets = 76,
		.skipped = 1,
		.digested = true,
		.fault = HIN_FAULT_CUT,
		.fault_offset = 8960,
		.fault_text = "ends in the middle of a packet (41 of 90 bytes)",
		.sha256 = { 0xab, [31] = 0xcd },
	};
	p->inputs = inputs_all;
	p->input_count = 2;
}

static void fill_counters(struct hin_picture *p)
{
	p->frames = 240187;
	p->packets = 239804;
	p->bytes = 12009188;
	p->outside = 42;
	p->sources = 18231;
	p->sources_exact = false;
	p->dark_hit = 64011;
	p->kinds[HIN_TCP_SYN] = 181220;
	p->kinds[HIN_TCP_SYN_ACK] = 21833;
	p->kinds[HIN_TCP_RST] = 4120;
	p->kinds[HIN_TCP_ACK] = 310;
	p->kinds[HIN_UDP] = 29811;
	p->kinds[HIN_ICMP] = 2390;
	p->kinds[HIN_ICMP6] = 18;
	p->kinds[HIN_FRAGMENT] = 100;
	p->kinds[HIN_OTHER_PROTOCOL] = 2;
	p->icmp_types[8] = 2011;
	p->icmp_types[3] = 344;
	p->icmp_types[11] = 30;
	p->icmp_types[200] = 3;
	p->icmp6_types[128] = 17;
	p->icmp6_types[134] = 1;
	p->protocols[6] = 207483;
	p->protocols[17] = 29911;
	p->protocols[1] = 2390;
	p->protocols[58] = 18;
	p->protocols[253] = 2;
	p->refused[HIN_REFUSED_NOT_IP] = 311;
	p->refused[HIN_REFUSED_IP_LENGTH] = 30;
	p->refused[HIN_REFUSED_TCP_OPTIONS] = 7;
	p->bogon = 812;
	p->spoofed = 240;
	p->unroutable = 511;
	p->fragments = 104;
	p->router_kill = 1;
	p->kernel_drops = 12;
	p->clock_steps = 1;
	p->tools[HIN_SIGN_NONE] = (struct hin_tool_stat){ 40120, 9011 };
	p->tools[HIN_SIGN_ZMAP] = (struct hin_tool_stat){ 61022, 41 };
	p->tools[HIN_SIGN_ZMAP_RANDOM_ID] = (struct hin_tool_stat){ 9312, 12 };
	p->tools[HIN_SIGN_MASSCAN] = (struct hin_tool_stat){ 30112, 77 };
	p->tools[HIN_SIGN_MIRAI] = (struct hin_tool_stat){ 38210, 8120 };
	p->tools[HIN_SIGN_NMAP] = (struct hin_tool_stat){ 1012, 2 };
	p->tools[HIN_SIGN_LINUX] = (struct hin_tool_stat){ 2120, 611 };
	p->tools[HIN_SIGN_WINDOWS] = (struct hin_tool_stat){ 1031, 401 };
	p->lost.targets = 3120;
	p->lost.events = 12;
}

static void fill_ports(struct hin_picture *p)
{
	static const struct hin_port_stat rows[] = {
		{ TCP, 23, 60120, 2404800, 8333 },  { TCP, 445, 21200, 1017600, 4120 },
		{ TCP, 22, 18233, 729320, 511 },    { TCP, 80, 16120, 644800, 403 },
		{ TCP, 2323, 9120, 364800, 3120 },  { TCP, 8080, 8111, 324440, 201 },
		{ UDP, 5060, 7120, 3032120, 44 },   { TCP, 3389, 6120, 244800, 120 },
		{ UDP, 53, 4120, 271920, 81 },	    { TCP, 5555, 3999, 159960, 1201 },
		{ TCP, 37215, 3120, 124800, 1011 }, { UDP, 123, 2011, 96528, 18 },
		{ TCP, 31338, 1200, 48000, 1 },	    { UDP, 53413, 900, 43200, 17 },
	};

	memcpy(ports_all, rows, sizeof(rows));
	p->ports = ports_all;
	p->port_count = HIN_COUNT(rows);
	p->port_total = 6120;
}

static void fill_event(size_t i, const char *source, enum hin_class class, enum hin_scan_type scan,
		       enum hin_tool tool, uint64_t packets, uint64_t targets, uint64_t ports,
		       uint16_t port)
{
	events_all[i] = (struct hin_event){
		.source = addr(source),
		.source_len = strchr(source, ':') != NULL ? 128 : 32,
		.class = class,
		.scan = scan,
		.tool = tool,
		.confidence = tool == HIN_SIGN_NONE ? 0 : 99,
		.share = 1.0,
		.packets = packets,
		.bytes = packets * 40,
		.targets = targets,
		.ports = ports,
		.peak = packets / 20,
		.first_us = START_US + (int64_t)i * 61234567,
		.last_us = START_US + (MINUTES - (int64_t)i) * MINUTE_US,
		.top = { { port, packets } },
		.top_count = ports > 0,
		.link = 0x8f3a000000000000u + i,
		.rate = (double)packets / 2400,
		.world_rate = (double)packets / 2400 * 65536,
		.coverage = (double)targets / 65536,
	};
}

static void fill_events(struct hin_picture *p)
{
	fill_event(0, "198.18.7.11", HIN_CLASS_SYN, HIN_SCAN_HORIZONTAL, HIN_SIGN_ZMAP, 61022,
		   61001, 1, 22);
	fill_event(1, "203.0.113.77", HIN_CLASS_SYN, HIN_SCAN_BLOCK, HIN_SIGN_MASSCAN, 30112, 4096,
		   212, 8080);
	fill_event(2, "192.0.2.199", HIN_CLASS_SYN, HIN_SCAN_HORIZONTAL, HIN_SIGN_MIRAI, 8210, 8101,
		   2, 23);
	fill_event(3, "2001:db8:beef::", HIN_CLASS_SYN, HIN_SCAN_HORIZONTAL, HIN_SIGN_NONE, 5120,
		   4001, 3, 443);
	fill_event(4, "198.51.100.4", HIN_CLASS_UDP, HIN_SCAN_HORIZONTAL, HIN_SIGN_NONE, 4711, 4600,
		   1, 5060);
	fill_event(5, "203.0.113.9", HIN_CLASS_SYN, HIN_SCAN_VERTICAL, HIN_SIGN_NMAP, 1012, 1, 1000,
		   995);
	fill_event(6, "198.51.100.200", HIN_CLASS_ICMP, HIN_SCAN_HORIZONTAL, HIN_SIGN_NONE, 980,
		   980, 0, 0);
	fill_event(7, "2001:db8:cafe:1:2:3:4:5", HIN_CLASS_SYN, HIN_SCAN_HORIZONTAL, HIN_SIGN_LINUX,
		   811, 700, 1, 80);
	fill_event(8, "10.66.3.2", HIN_CLASS_SYN, HIN_SCAN_HORIZONTAL, HIN_SIGN_MIRAI, 412, 400, 2,
		   23);
	fill_event(9, "198.51.100.9", HIN_CLASS_ACK, HIN_SCAN_HORIZONTAL, HIN_SIGN_HPING, 300, 290,
		   1, 80);
	fill_event(10, "192.0.2.10", HIN_CLASS_TCP_OTHER, HIN_SCAN_NONE, HIN_SIGN_NONE, 12, 3, 1,
		   31338);
	fill_event(11, "192.0.2.11", HIN_CLASS_MISC, HIN_SCAN_NONE, HIN_SIGN_NONE, 2, 2, 0, 0);
	fill_event(12, "192.0.2.12", HIN_CLASS_UDP, HIN_SCAN_NONE, HIN_SIGN_NONE, 2, 1, 1, 53413);
	fill_event(13, "192.0.2.13", HIN_CLASS_SYN, HIN_SCAN_NONE, HIN_SIGN_WINDOWS, 1, 1, 1, 445);
	strcpy(events_all[0].research, "Example University");
	events_all[0].has_evidence = true;
	memset(events_all[0].evidence, 0x5e, 32);
	events_all[2].open = true;
	events_all[2].top[1] = (struct hin_port_count){ 2323, 810 };
	events_all[2].top_count = 2;
	events_all[3].source_len = 64;
	events_all[7].confidence = 60;
	events_all[8].member = events_all[8].bogon = events_all[8].unroutable = true;
	events_all[12].spoofed = true;
	p->events = events_all;
	p->event_count = HIN_COUNT(events_all);
	p->event_total = 18012;
	p->event_packets = 210333;
}

static void fill_victims(struct hin_picture *p)
{
	static const struct {
		const char *address;
		enum hin_class class;
		uint8_t proto;
		uint16_t port;
		uint64_t packets, syn_acks, icmp_errors;
	} rows[] = {
		{ "203.0.113.80", HIN_CLASS_TCP_ANSWER, TCP, 80, 15120, 14000, 12 },
		{ "198.51.100.53", HIN_CLASS_UDP_ANSWER, UDP, 53, 4011, 0, 0 },
		{ "203.0.113.81", HIN_CLASS_TCP_ANSWER, TCP, 0, 3120, 100, 0 },
		{ "192.0.2.222", HIN_CLASS_ICMP_ANSWER, 1, 0, 344, 0, 344 },
		{ "2001:db8::53", HIN_CLASS_TCP_ANSWER, TCP, 8443, 120, 120, 0 },
	};

	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		double packets = (double)rows[i].packets;

		victims_all[i] = (struct hin_victim){
			.address = addr(rows[i].address),
			.class = rows[i].class,
			.proto = rows[i].proto,
			.port = rows[i].port,
			.many_ports = i == 2,
			.packets = rows[i].packets,
			.bytes = rows[i].packets * 44,
			.targets = rows[i].packets - 19,
			.ports = i == 2 ? 3001 : 1,
			.syn_acks = rows[i].syn_acks,
			.icmp_errors = rows[i].icmp_errors,
			.peak = rows[i].packets / 8,
			.first_us = START_US + (int64_t)i * 2 * MINUTE_US,
			.last_us = START_US + (12 + (int64_t)i) * MINUTE_US,
			.open = i == 1,
			.member = i == 3,
			.attack_rate = packets / 8 / 60 * 65536,
			.attack_packets = packets * 65536,
			.link = 0x77aa000000000000u + i,
		};
	}
	p->victims = victims_all;
	p->victim_count = p->victim_total = HIN_COUNT(rows);
}

static void fill_floods(struct hin_picture *p)
{
	floods_all[0] = (struct hin_flood){
		.target = addr("10.1.2.3"),
		.class = HIN_CLASS_SYN,
		.proto = TCP,
		.port = 443,
		.packets = 90211,
		.bytes = 3608440,
		.sources = 90001,
		.peak = 40211,
		.first_us = START_US + 9 * MINUTE_US,
		.last_us = START_US + 12 * MINUTE_US,
		.spoofed = true,
		.link = 0xf10d000000000001u,
	};
	floods_all[1] = (struct hin_flood){
		.target = addr("10.1.9.9"),
		.class = HIN_CLASS_UDP,
		.proto = UDP,
		.port = 27015,
		.packets = 5120,
		.bytes = 4096000,
		.sources = 3,
		.peak = 5000,
		.first_us = START_US + 30 * MINUTE_US,
		.last_us = START_US + 31 * MINUTE_US,
		.link = 0xf10d000000000002u,
	};
	amplifications_all[0] = (struct hin_flood){
		.target = addr("10.1.7.7"),
		.class = HIN_CLASS_UDP_ANSWER,
		.proto = UDP,
		.port = 53,
		.service = "dns",
		.packets = 20110,
		.bytes = 28154000,
		.sources = 1402,
		.peak = 12000,
		.first_us = START_US + 20 * MINUTE_US,
		.last_us = START_US + 24 * MINUTE_US,
		.link = 0xa3b0000000000001u,
		.fragments = 8120,
	};
	amplifications_all[1] = (struct hin_flood){
		.target = addr("10.1.7.7"),
		.class = HIN_CLASS_UDP_ANSWER,
		.proto = UDP,
		.port = 11211,
		.packets = 911,
		.bytes = 1275400,
		.sources = 33,
		.peak = 911,
		.first_us = START_US + 20 * MINUTE_US,
		.last_us = START_US + 21 * MINUTE_US,
		.link = 0xa3b0000000000002u,
	};
	amplifications_all[2] = (struct hin_flood){
		.target = addr("10.1.7.8"),
		.class = HIN_CLASS_TCP_ANSWER,
		.proto = TCP,
		.port = 80,
		.service = "tcp-syn-ack",
		.packets = 400,
		.bytes = 17600,
		.sources = 390,
		.peak = 400,
		.first_us = START_US,
		.last_us = START_US,
		.link = 0xa3b0000000000003u,
	};
	p->floods = floods_all;
	p->flood_count = p->flood_total = 2;
	p->amplifications = amplifications_all;
	p->amplification_count = p->amplification_total = 3;
}

static void fill_members(struct hin_picture *p)
{
	members_all[0] = (struct hin_member){
		.address = addr("10.66.3.2"),
		.name = "Harbour office, camera",
		.infected = true,
		.tool = HIN_SIGN_MIRAI,
		.confidence = 99,
		.packets = 412,
		.targets = 400,
		.ports = 2,
		.first_us = START_US + 3 * MINUTE_US,
		.last_us = START_US + 39 * MINUTE_US,
		.top = { { 23, 371 }, { 2323, 41 } },
		.top_count = 2,
		.top_proto = TCP,
		.first_target = addr("10.1.200.9"),
		.first_port = 23,
	};
	members_all[1] = (struct hin_member){
		.address = addr("2001:db8:66::12"),
		.infected = true,
		.packets = 9,
		.targets = 9,
		.ports = 1,
		.first_us = START_US + 30 * MINUTE_US,
		.last_us = START_US + 31 * MINUTE_US,
		.top = { { 445, 9 } },
		.top_count = 1,
		.top_proto = TCP,
		.first_target = addr("2001:db8:dead::1"),
		.first_port = 445,
	};
	members_all[2] = (struct hin_member){
		.address = addr("192.0.2.222"),
		.name = "Town hall",
		.packets = 344,
		.targets = 325,
		.ports = 1,
		.first_us = START_US + 6 * MINUTE_US,
		.last_us = START_US + 15 * MINUTE_US,
		.top_proto = 1,
		.first_target = addr("10.1.0.77"),
	};
	p->members = members_all;
	p->member_count = p->member_total = 3;
}

static void fill_series(struct hin_picture *p)
{
	static const struct {
		uint8_t proto;
		uint16_t port;
		uint32_t level;
	} rows[] = { { TCP, 23, 1500 }, { TCP, 445, 530 },  { TCP, 22, 450 },
		     { TCP, 80, 400 },	{ TCP, 2323, 220 }, { UDP, 5060, 170 } };
	int64_t start = START_US - START_US % MINUTE_US;
	uint32_t state = 2463534242u;

	for (size_t i = 0; i < MINUTES; i++) {
		uint64_t flood = i >= 9 && i < 12 ? 20000 : 0;
		struct hin_series_point *at = &series_all[i];

		*at = (struct hin_series_point){ .time_us = start + (int64_t)i * MINUTE_US };
		at->by_kind[HIN_TCP_SYN] = 3200 + noise(&state) % 900 + flood;
		at->by_kind[HIN_TCP_SYN_ACK] = i < 13 ? 1500 + noise(&state) % 300 : 40;
		at->by_kind[HIN_TCP_RST] = 90 + noise(&state) % 30;
		at->by_kind[HIN_TCP_ACK] = noise(&state) % 15;
		at->by_kind[HIN_UDP] = 700 + noise(&state) % 90 + (i >= 20 && i < 25 ? 4800 : 0);
		at->by_kind[HIN_ICMP] = 50 + noise(&state) % 20;
		for (size_t kind = 0; kind < HIN_PACKET_KIND_COUNT; kind++)
			at->packets += at->by_kind[kind];
		at->bytes = at->packets * 50;
		for (size_t port = 0; port < HIN_COUNT(rows); port++)
			counts_all[port][i] = rows[port].level + noise(&state) % rows[port].level +
					      (port == 4 && i > 24 ? 1500 : 0);
	}
	for (size_t port = 0; port < HIN_COUNT(rows); port++)
		port_series_all[port] = (struct hin_port_series){ rows[port].proto, rows[port].port,
								  counts_all[port] };
	p->series = series_all;
	p->series_count = MINUTES;
	p->series_step_us = MINUTE_US;
	p->port_series = port_series_all;
	p->port_series_count = HIN_COUNT(rows);
}

static void fill_rising(struct hin_picture *p)
{
	rising_all[0] = (struct hin_rising){ TCP,  2323, false, START_US + 25 * MINUTE_US,
					     21.4, 1912, 330.5 };
	rising_all[1] = (struct hin_rising){ UDP, 53413, false, START_US + 31 * MINUTE_US,
					     8.1, 201,	 12.25 };
	rising_all[2] = (struct hin_rising){ TCP, 5555, true, START_US, 6.02, 3999, 1810 };
	p->rising = rising_all;
	p->rising_count = p->rising_total = 3;
}

const struct hin_picture *picture_of_all(void)
{
	static struct hin_picture p;

	p = (struct hin_picture){
		.dark_known = true,
		.dark_v4 = 65536,
		.dark_v6 = 0,
		.first_us = START_US,
		.last_us = START_US + MINUTES * MINUTE_US - 1,
		.event_timeout_s = 4525,
	};
	fill_inputs(&p);
	fill_counters(&p);
	fill_ports(&p);
	fill_events(&p);
	fill_victims(&p);
	fill_floods(&p);
	fill_members(&p);
	fill_series(&p);
	fill_rising(&p);
	return &p;
}

const struct hin_picture *picture_of_nothing(void)
{
	static struct hin_picture p;
	static struct hin_capture_input input;
	static char name[] = "quiet.pcap";

	input = (struct hin_capture_input){ .name = name,
					    .format = "pcap",
					    .compression = "none",
					    .file_bytes = 24,
					    .digested = true };
	p = (struct hin_picture){ .inputs = &input,
				  .input_count = 1,
				  .sources_exact = true,
				  .event_timeout_s = 21600,
				  .rising_too_short = true,
				  .series_step_us = MINUTE_US };
	return &p;
}

static void fill_hostile_lists(struct hin_picture *p)
{
	static struct hin_event event;
	static struct hin_victim victim;
	static struct hin_flood flood;
	static struct hin_member member;
	static struct hin_rising rising;
	static struct hin_port_stat port;
	static struct hin_series_point points[2];

	fill_event(0, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", HIN_CLASS_SYN, HIN_SCAN_BLOCK,
		   HIN_SIGN_MASSCAN, UINT64_MAX, UINT64_MAX, 65536, 65535);
	event = events_all[0];
	event.first_us = INT64_MIN;
	event.last_us = INT64_MAX;
	event.rate = NAN;
	event.world_rate = INFINITY;
	strcpy(event.research, "=cmd|'/C calc'!A0,\"<b>\"");
	for (unsigned i = 0; i < HIN_TOP_PORTS; i++)
		event.top[i] = (struct hin_port_count){ (uint16_t)(65535 - i), UINT64_MAX };
	event.top_count = HIN_TOP_PORTS;
	victim = (struct hin_victim){ .address = event.source,
				      .class = HIN_CLASS_MISC,
				      .proto = 253,
				      .port = 65535,
				      .packets = UINT64_MAX,
				      .targets = UINT64_MAX,
				      .attack_rate = 1e300,
				      .attack_packets = 1e300 };
	flood = (struct hin_flood){ .target = event.source,
				    .class = HIN_CLASS_UDP,
				    .proto = UDP,
				    .packets = UINT64_MAX,
				    .sources = UINT64_MAX,
				    .spoofed = true };
	member = (struct hin_member){ .address = addr("::"),
				      .infected = true,
				      .packets = 1,
				      .first_target = addr("::1"),
				      .top_proto = TCP };
	memcpy(member.name, "+1\033[31m</td><script>alert(1)</script>\xff\xe2\x80\xae,\"x\"\r\n",
	       48);
	rising = (struct hin_rising){ UDP, 0, true, INT64_MAX, 1e308, UINT64_MAX, 0 };
	port = (struct hin_port_stat){ 255, 65535, UINT64_MAX, UINT64_MAX, UINT64_MAX };
	points[0] = (struct hin_series_point){
		INT64_MIN, UINT64_MAX, UINT64_MAX, { [HIN_TCP_SYN] = UINT64_MAX }
	};
	points[1] = (struct hin_series_point){ INT64_MAX, 0, 0, { 0 } };
	p->events = &event;
	p->victims = &victim;
	p->floods = p->amplifications = &flood;
	p->members = &member;
	p->rising = &rising;
	p->ports = &port;
	p->series = points;
	p->event_count = p->victim_count = p->flood_count = p->amplification_count = 1;
	p->member_count = p->rising_count = p->port_count = 1;
	p->event_total = p->victim_total = p->flood_total = p->amplification_total = SIZE_MAX;
	p->member_total = p->rising_total = p->port_total = SIZE_MAX;
	p->series_count = 2;
}

const struct hin_picture *picture_of_hostility(void)
{
	static struct hin_picture p;
	static struct hin_capture_input inputs[2];
	static char first[] = "x</script><img src=x onerror=alert(1)>\033[2J\"'&\xc3(.pcap",
		    second[] = "火の見\n.pcap";

	inputs[0] = (struct hin_capture_input){ .name = first,
						.format = "pcap",
						.compression = "zstd",
						.file_bytes = UINT64_MAX,
						.packets = UINT64_MAX,
						.fault = HIN_FAULT_BAD_STREAM,
						.fault_offset = UINT64_MAX,
						.fault_text = "<b>damaged</b>" };
	inputs[1] = (struct hin_capture_input){ .name = second,
						.format = "erf",
						.compression = "xz",
						.fault = HIN_FAULT_READ,
						.fault_text = "Input/output error" };
	p = (struct hin_picture){ .inputs = inputs,
				  .input_count = 2,
				  .dark_known = true,
				  .dark_v4 = 4294967296u,
				  .dark_v6 = UINT64_MAX,
				  .first_us = INT64_MIN,
				  .last_us = INT64_MAX,
				  .event_timeout_s = 21600,
				  .frames = UINT64_MAX,
				  .packets = UINT64_MAX,
				  .bytes = UINT64_MAX,
				  .sources = UINT64_MAX,
				  .series_step_us = 3600000000 };
	strcpy(p.interface, "<eth0>");
	for (size_t i = 0; i < HIN_PACKET_KIND_COUNT; i++)
		p.kinds[i] = UINT64_MAX;
	for (size_t i = 0; i < HIN_REFUSAL_COUNT; i++)
		p.refused[i] = UINT64_MAX;
	for (size_t i = 0; i < HIN_SIGN_COUNT; i++)
		p.tools[i] = (struct hin_tool_stat){ UINT64_MAX, UINT64_MAX };
	memset(&p.lost, 0xff, sizeof(p.lost));
	p.kernel_drops = p.clock_steps = UINT64_MAX;
	fill_hostile_lists(&p);
	return &p;
}

const struct hin_picture *picture_of_recording(void)
{
	static struct hin_picture p;
	static struct hin_capture_input input;
	static struct hin_series_point points[3];
	static struct hin_port_stat port;
	static char name[] = "nmap.pcap";

	input = (struct hin_capture_input){ .name = name,
					    .format = "pcap-ns",
					    .compression = "none",
					    .file_bytes = 58024,
					    .packets = 1000,
					    .digested = true,
					    .sha256 = { 0x42 } };
	fill_event(0, "192.0.2.9", HIN_CLASS_SYN, HIN_SCAN_VERTICAL, HIN_SIGN_NMAP, 1000, 1, 1000,
		   1);
	events_all[0].world_rate = events_all[0].coverage = 0;
	port = (struct hin_port_stat){ TCP, 1, 1, 40, 1 };
	for (size_t i = 0; i < HIN_COUNT(points); i++)
		points[i] = (struct hin_series_point){ (int64_t)i * MINUTE_US,
						       i == 1 ? 1000 : 0,
						       i == 1 ? 40000 : 0,
						       { [HIN_TCP_SYN] = i == 1 ? 1000 : 0 } };
	p = (struct hin_picture){ .inputs = &input,
				  .input_count = 1,
				  .recording = "laboratory recording",
				  .first_us = 0,
				  .last_us = 3 * MINUTE_US - 1,
				  .event_timeout_s = 21600,
				  .frames = 1000,
				  .packets = 1000,
				  .bytes = 40000,
				  .sources = 1,
				  .sources_exact = true,
				  .kinds = { [HIN_TCP_SYN] = 1000 },
				  .protocols = { [6] = 1000 },
				  .rising_too_short = true,
				  .series = points,
				  .series_count = 3,
				  .series_step_us = MINUTE_US,
				  .events = events_all,
				  .event_count = 1,
				  .event_total = 1,
				  .event_packets = 1000,
				  .ports = &port,
				  .port_count = 1,
				  .port_total = 1000 };
	p.tools[HIN_SIGN_NMAP] = (struct hin_tool_stat){ 1000, 1 };
	return &p;
}
