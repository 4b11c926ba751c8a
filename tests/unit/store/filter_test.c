/* filter - the language, what it means of rows, and what may be said of whole blocks. */
#include "../test.h"

#include <stdio.h>

#include "../random.h"
#include "observe/key.h"
#include "store/filter.h"

static struct hin_filter *parsed(const char *text)
{
	char *copy = (char *)hin_test_copy(text, strlen(text));
	struct hin_filter *f = NULL;
	struct hin_error err = { 0 };

	if (hin_filter_parse(&f, copy, strlen(text), NULL, &err) != HIN_OK)
		fail_msg("%s: %s", text, err.text);
	free(copy);
	return f;
}

/* What was printed means the same: it prints the same again. */
static void check_stable(const char *text, const struct hin_filter *f)
{
	struct hin_buffer first = { 0 }, second = { 0 };
	struct hin_filter *again;

	hin_filter_print(f, &first);
	again = parsed(hin_buffer_text(&first));
	hin_filter_print(again, &second);
	if (strcmp(hin_buffer_text(&first), hin_buffer_text(&second)) != 0 ||
	    again->node_count != f->node_count)
		fail_msg("%s: \"%s\", then \"%s\"", text, hin_buffer_text(&first),
			 hin_buffer_text(&second));
	hin_filter_free(again);
	hin_buffer_fini(&first);
	hin_buffer_fini(&second);
}

static void prints(void **state)
{
	static const char *const cases[][2] = {
		{ "", "any" },
		{ " \t\n any ", "any" },
		{ "not any", "not any" },
		{ "proto tcp and dst port 23 and src net 203.0.113.0/24 and tool mirai",
		  "proto tcp and field dport 23 and not proto in [icmp icmp6] and src "
		  "203.0.113.0/24 and tool mirai" },
		{ "PROTO TCP && ! UDP || Tool Mirai", "proto tcp and not proto udp or tool mirai" },
		{ "host ::1", "src ::1 or dst ::1" },
		{ "not host ::1", "not src ::1 and not dst ::1" },
		{ "src and dst net 10/8", "dst 10.0.0.0/8 and src 10.0.0.0/8" },
		{ "src or dst host 10.0.0.1 and udp",
		  "(dst 10.0.0.1 or src 10.0.0.1) and proto udp" },
		{ "net 10.0.0.0 mask 255.255.0.0", "src 10.0.0.0/16 or dst 10.0.0.0/16" },
		{ "src net 192.168", "src 192.168.0.0/16" },
		{ "dst ip in [10.0.0.1, 10.0.0.3 10.0.0.2]", "dst 10.0.0.1-10.0.0.3" },
		{ "dst in [10.0.0.0/9 10.128.0.0/9]", "dst 10.0.0.0/8" },
		{ "10.0.0.1", "src 10.0.0.1 or dst 10.0.0.1" },
		{ "src 0.0.0.0/0", "src 0.0.0.0/0" },
		{ "src in [0.0.0.0/0 ::/0]", "src in [::-::fffe:ffff:ffff 0.0.0.0/0 "
					     "::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]" },
		{ "dst port in [22 23 21 8000-8100]",
		  "field dport in [21-23 8000-8100] and not proto in [icmp icmp6]" },
		{ "tcp dst port 22,23",
		  "proto tcp and field dport 22-23 and not proto in [icmp icmp6]" },
		{ "dst port (22 or telnet)", "field dport 22-23 and not proto in [icmp icmp6]" },
		{ "proto icmp or 17", "proto icmp or proto udp" },
		{ "packets > 10 and < 20", "packets > 10 and packets <= 19" },
		{ "packets 1k-2k or 5", "packets 1000-2000 or packets 5" },
		{ "bytes >= 1k", "bytes > 999" },
		{ "not packets 5", "not packets 5" },
		{ "confidence > 100", "confidence > 100" },
		{ "packets > 18446744073709551615", "not any" },
		{ "duration >= 10s", "field duration > 9999999" },
		{ "duration 1m-1h", "field duration 60000000-3600000000" },
		{ "icmp-type 8", "field sport 8 and proto in [icmp icmp6]" },
		{ "flags S and not flags AFRPU",
		  "field tcp_flags & 2 = 2 and field tcp_flags & 61 = 0" },
		{ "flags = S", "field tcp_flags & 255 = 2" },
		{ "flags none", "field tcp_flags & 255 = 0 and proto tcp" },
		{ "tcp-syn", "field tcp_flags & 2 = 2" },
		{ "flags syn+ack", "field tcp_flags & 18 = 18" },
		{ "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", "field tcp_flags & 18 = 2" },
		{ "tcp[13] & 2 != 0", "field tcp_flags & 2 != 0" },
		{ "kind telescope.scan or kind telescope",
		  "kind telescope.scan or kind 1000-1006" },
		{ "kind TELESCOPE.*", "kind 1000-1006" },
		{ "tag in [bogon research]", "tag bogon or tag research" },
		{ "not tag in [bogon research]", "not tag bogon and not tag research" },
		{ "verdict kernel_drop", "verdict kernel_drop" },
		{ "service != ssh", "not service ssh" },
		{ "tool 777", "tool 777" },
		{ "technique t1110.001", "technique T1110.001" },
		{ "rule telescope.flow", "rule 1000" },
		{ "sensor 0a0B", "sensor 0a0b" },
		{ "artifact in [deadbeef 00112233]", "artifact deadbeef or artifact 00112233" },
		{ "link 00000000deadbeef", "link 00000000deadbeef" },
		{ "present src-len and version in [in]", "present src_len and version in [in]" },
		{ "ip6 host ::5",
		  "(src in [::-::fffe:ffff:ffff ::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff] "
		  "or dst in [::-::fffe:ffff:ffff "
		  "::1:0:0:0-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]) and (src ::5 or dst ::5)" },
		{ "not (tcp and (udp or icmp))",
		  "not proto tcp or not proto udp and not proto icmp" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_filter *f = parsed(cases[i][0]);
		struct hin_buffer out = { 0 };

		hin_filter_print(f, &out);
		if (strcmp(hin_buffer_text(&out), cases[i][1]) != 0)
			fail_msg("%s: \"%s\"", cases[i][0], hin_buffer_text(&out));
		check_stable(cases[i][0], f);
		hin_buffer_fini(&out);
		hin_filter_free(f);
	}
}

static void points_at_mistakes(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *said;
	} cases[] = {
		{ "proto tcp and prt 23", 15, "unknown word \"prt\"; did you mean \"port\"?" },
		{ "proto tcp adn dst port 23", 11, "unknown word \"adn\"; did you mean \"and\"?" },
		{ "tool mira", 6, "unknown tool \"mira\"; did you mean \"mirai\"?" },
		{ "tag bogan", 5, "unknown tag \"bogan\"; did you mean \"bogon\"?" },
		{ "kind telescope.scn", 6, "did you mean \"telescope.scan\"?" },
		{ "dst port telnt", 10, "unknown port \"telnt\"; did you mean \"telnet\"?" },
		{ "proto tpc", 7, "unknown proto \"tpc\"; did you mean \"tcp\"?" },
		{ "present sorce", 9, "unknown field \"sorce\"" },
		{ "port 65536", 6, "port \"65536\" is not in 0-65535" },
		{ "port 5-4", 6, "range \"5-4\" ends before it begins" },
		{ "confidence 101", 12, "not in 0-100" },
		{ "packets 99999999999999999999", 9, "not in 0-18446744073709551615" },
		{ "packets 20000000000g", 9, "not in" },
		{ "duration > 5", 12, "needs a unit: 5ms as nfdump has it, or 5s" },
		{ "src 10.1.2.3/8", 5, "has host bits set; use 10.0.0.0/8" },
		{ "src 10", 5, "is not an address" },
		{ "src 1.2.3.4-::1", 5, "mixes IPv4 and IPv6" },
		{ "net 10.0.0.0 mask 255.0.255.0", 19, "is not a mask" },
		{ "host example.com", 6, "names are not looked up" },
		{ "flags Q", 7, "no TCP flags" },
		{ "tool > mirai", 6, "has no order" },
		{ "src > 10.0.0.1", 5, "has no order" },
		{ "port in 22", 9, "a list such as [22 23]" },
		{ "port in [22", 12, "ends where" },
		{ "port in []", 10, "a value for \"port\" is wanted" },
		{ "port 22,", 9, "a value for \"port\" is missing" },
		{ "(tcp", 5, "ends where" },
		{ "tcp)", 4, "\")\" stands where" },
		{ "tcp and", 8, "ends where a test" },
		{ "and tcp", 1, "\"and\" stands where a test" },
		{ "tcp udp", 5, "\"udp\" stands where" },
		{ "tcp ; udp", 5, "';' has no meaning" },
		{ "tcp \xc2\xa7", 5, "byte 0xc2 has no meaning" },
		{ "tcp \x01", 5, "byte 0x01 has no meaning" },
		{ "artifact 12345", 10, "hexadecimal digits in pairs" },
		{ "sensor xyz", 8, "hexadecimal digits in pairs" },
		{ "version 1/2", 9, "is no version" },
		{ "tcp[4] & 2 = 2", 5, "the only bytes of TCP" },
		{ "field src 5", 7, "is no number" },
		{ "field tcp_flags & 2", 20, "ends where = or !=" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t n = strlen(cases[i].text), column = 99;
		char *copy = (char *)hin_test_copy(cases[i].text, n), head[32];
		struct hin_filter *f = NULL;
		struct hin_error err = { 0 };

		if (hin_filter_parse(&f, copy, n, &column, &err) == HIN_OK)
			fail_msg("%s: was taken", cases[i].text);
		snprintf(head, sizeof(head), "column %zu: ", cases[i].column);
		if (column != cases[i].column || strncmp(err.text, head, strlen(head)) != 0 ||
		    strstr(err.text, cases[i].said) == NULL)
			fail_msg("%s: column %zu, %s", cases[i].text, column, err.text);
		assert_null(f);
		free(copy);
	}
}

/* `count` times `unit` between `head` and `tail`, in one heap block. */
static char *repeated(const char *head, const char *unit, size_t count, const char *tail,
		      size_t *size)
{
	struct hin_buffer b = { 0 };

	hin_buffer_puts(&b, head);
	for (size_t i = 0; i < count; i++)
		hin_buffer_puts(&b, unit);
	hin_buffer_puts(&b, tail);
	*size = b.used;
	return hin_buffer_take(&b);
}

static void keeps_limits(void **state)
{
	static const struct {
		const char *name, *head, *unit;
		size_t count;
		const char *tail;
		enum hin_code want;
	} cases[] = {
		{ "text", "tcp", " ", HIN_FILTER_TEXT - 3, "", HIN_OK },
		{ "text too long", "tcp", " ", HIN_FILTER_TEXT - 2, "", HIN_ELIMIT },
		{ "nots", "", "!", HIN_FILTER_DEPTH, "tcp", HIN_OK },
		{ "too many nots", "", "not ", HIN_FILTER_DEPTH + 1, "tcp", HIN_ELIMIT },
		{ "too many brackets", "", "(", HIN_FILTER_DEPTH + 1, "tcp", HIN_ELIMIT },
		{ "brackets unclosed", "", "(", HIN_FILTER_DEPTH, "tcp", HIN_EFORMAT },
		{ "tests", "tcp", " or udp", HIN_FILTER_NODES / 2 - 1, "", HIN_OK },
		{ "too many tests", "tcp", " or udp", HIN_FILTER_NODES / 2, "", HIN_ELIMIT },
		{ "brackets shown", "tcp", " and (udp or icmp and (udp or tcp", 40, "",
		  HIN_ELIMIT },
		{ "set", "port in [", "1 ", HIN_FILTER_SETS, "]", HIN_OK },
		{ "set too large", "port in [", "1 ", HIN_FILTER_SETS + 1, "]", HIN_ELIMIT },
		{ "addresses too many", "src in [", "::1 ", HIN_FILTER_SETS + 1, "]", HIN_ELIMIT },
		{ "word too long", "tool ", "a", 128, "", HIN_ELIMIT },
		{ "tags too many", "tag ", "1-65535", 1, "", HIN_ELIMIT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size;
		char *text = repeated(cases[i].head, cases[i].unit, cases[i].count, cases[i].tail,
				      &size);
		struct hin_filter *f = NULL;
		struct hin_error err = { 0 };
		enum hin_code code = hin_filter_parse(&f, text, size, NULL, &err);

		if (code != cases[i].want)
			fail_msg("%s: code %d, %s", cases[i].name, (int)code, err.text);
		hin_filter_free(f);
		free(text);
	}
}

static struct hin_observation scan_row(void)
{
	struct hin_observation o = { .time_us = 1, .kind = HIN_KIND_TELESCOPE_SCAN };
	struct hin_addr src = hin_addr_of_v4(0xcb007105), dst = hin_addr_of_v4(0x0a000001);

	hin_observation_set_src(&o, &src); /* 203.0.113.5 */
	hin_observation_set_dst(&o, &dst); /* 10.0.0.1 */
	o.proto = 6;
	o.sport = 40000;
	o.dport = 23;
	o.tcp_flags = 0x02;
	o.packets = 1000;
	o.bytes = 40000;
	o.duration_us = 90 * 1000000;
	o.tool = HIN_TOOLS_MIRAI;
	o.confidence = 80;
	o.artifact[0] = 0xde;
	o.artifact[1] = 0xad;
	o.artifact[2] = 0xbe;
	o.artifact[3] = 0xef;
	strcpy(o.version, "1.2");
	(void)hin_observation_tag(&o, HIN_TAG_BOGON);
	(void)hin_observation_tag(&o, HIN_TAG_LARGE);
	return o;
}

static struct hin_observation ping_row(void)
{
	struct hin_observation o = { .time_us = 2, .kind = HIN_KIND_TELESCOPE_FLOW };
	struct hin_addr src = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 5 } };

	hin_observation_set_src(&o, &src);
	o.proto = 58;
	o.sport = 128;
	o.dport = 3;
	o.packets = 1;
	return o;
}

static void matches(void **state)
{
	static const struct {
		const char *text;
		bool scan, ping;
	} cases[] = {
		{ "any", true, true },
		{ "not any", false, false },
		{ "proto tcp and dst port 23 and src net 203.0.113.0/24 and tool mirai", true,
		  false },
		{ "host 10.0.0.1", true, false },
		{ "src host 10.0.0.1", false, false },
		{ "dst 10/8", true, false },
		{ "not dst 10/8", false, true }, /* what has no dst is not in it */
		{ "src net 2001:db8::/32", false, true },
		{ "src ::/0", false, true },
		{ "src 0.0.0.0/0", true, false },
		{ "ip", true, false },
		{ "ip6", false, true },
		{ "ip or ip6", true, true },
		{ "port 23", true, false },
		{ "port 3", false, false }, /* a code of ICMP is no port */
		{ "not port 3", true, true },
		{ "dst port telnet", true, false },
		{ "src port > 1024", true, false },
		{ "icmp-type 128", false, true },
		{ "icmp-code 3", false, true },
		{ "icmp6", false, true },
		{ "icmp", false, false },
		{ "flags S", true, false },
		{ "flags SA", false, false },
		{ "flags S and not flags AFRPU", true, false },
		{ "flags = S", true, false },
		{ "flags != A", true, false },
		{ "flags none", false, false },
		{ "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn", true, false },
		{ "packets > 1", true, false },
		{ "packets >= 1k", true, false },
		{ "packets > 1k", false, false },
		{ "packets < 2", false, true },
		{ "bytes 0", false, true },
		{ "duration > 1m", true, false },
		{ "duration 0", false, true },
		{ "kind telescope", true, true },
		{ "kind telescope.scan", true, false },
		{ "tag bogon", true, false },
		{ "tag large and tag bogon", true, false },
		{ "tag in [slow research]", false, false },
		{ "not tag bogon", false, true },
		{ "confidence > 50", true, false },
		{ "artifact deadbeef", true, false },
		{ "artifact deadbeef00", true, false },
		{ "artifact 00000000", false, false }, /* not given is not zero */
		{ "version 1.2", true, false },
		{ "version 1.20", false, false },
		{ "present dst", true, false },
		{ "not present tags", false, true },
		{ "sensor 0102", true, false },
		{ "sensor 0103", false, false },
		{ "not sensor 0102", false, true },
	};
	static const uint8_t sensor[HIN_SENSOR_ID] = { 1, 2, 3 };
	struct hin_observation scan = scan_row(), ping = ping_row();

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_filter *f = parsed(cases[i].text);

		if (hin_filter_match(f, &scan, sensor) != cases[i].scan)
			fail_msg("%s: wrong of the scan", cases[i].text);
		if (hin_filter_match(f, &ping, NULL) != cases[i].ping)
			fail_msg("%s: wrong of the ping", cases[i].text);
		hin_filter_free(f);
	}
}

/* ---- random filters over random rows ---- */

static void random_row(struct hin_observation *o, uint64_t *seed)
{
	static const uint8_t protos[] = { 6, 6, 17, 1, 58, 0 };
	struct hin_addr a = hin_addr_of_v4(0x0a000000 + random_below(seed, 4));
	struct hin_addr six = { { 0x20, 1, [15] = (uint8_t)random_below(seed, 3) } };

	*o = (struct hin_observation){ .time_us = 1, .kind = HIN_KIND_PRIVATE };
	if (random_below(seed, 4) > 0)
		hin_observation_set_src(o, random_below(seed, 3) > 0 ? &a : &six);
	a = hin_addr_of_v4(0x0a000000 + random_below(seed, 4));
	if (random_below(seed, 4) > 0)
		hin_observation_set_dst(o, random_below(seed, 3) > 0 ? &a : &six);
	o->proto = protos[random_below(seed, HIN_COUNT(protos))];
	o->sport = (uint16_t)random_below(seed, 4);
	o->dport = (uint16_t)random_below(seed, 4);
	o->tcp_flags = (uint8_t)random_below(seed, 8);
	o->packets = random_below(seed, 5);
	if (random_below(seed, 2) > 0)
		(void)hin_observation_tag(o, (uint16_t)(1 + random_below(seed, 3)));
}

static void random_test(struct hin_buffer *out, uint64_t *seed, unsigned depth)
{
	static const char *const tests[] = {
		"host 10.0.0.1",
		"src 10.0.0.2-10.0.0.3",
		"dst net 10.0.0.0/31",
		"port 2",
		"src port in [1 3]",
		"dst port > 1",
		"tcp",
		"udp",
		"icmp-type 1",
		"flags S",
		"flags = SF",
		"flags none",
		"packets > 2",
		"packets 1-3",
		"packets != 2",
		"tag bogon",
		"tag 2,3",
		"present dst",
		"ip6",
		"src 2001::/16",
		"any",
		"src in [10.0.0.0 2001::1]",
	};
	uint32_t pick = random_below(seed, depth < 4 ? 4 : 1);

	if (pick == 0) {
		hin_buffer_puts(out, tests[random_below(seed, HIN_COUNT(tests))]);
		return;
	}
	hin_buffer_puts(out, pick == 1 ? "not (" : "(");
	random_test(out, seed, depth + 1);
	hin_buffer_puts(out, pick == 2 ? " and " : " or ");
	random_test(out, seed, depth + 1);
	hin_buffer_puts(out, ")");
}

/* A block of rows, and what its head would know. */
struct block {
	struct hin_observation rows[6];
	size_t count;
};

static enum hin_filter_answer judge(const struct hin_filter *f, const struct hin_filter_node *t,
				    void *user)
{
	const struct block *b = user;
	const struct hin_addr *low = NULL, *high = NULL;
	uint64_t least = UINT64_MAX, most = 0;
	bool absent = false;

	if (t->type == HIN_FILTER_ADDRESSES) {
		for (size_t i = 0; i < b->count; i++) {
			bool src = t->field == HIN_FIELD_SRC;
			const struct hin_addr *a = src ? &b->rows[i].src : &b->rows[i].dst;

			if (!(b->rows[i].has & (src ? HIN_HAS_SRC : HIN_HAS_DST))) {
				absent = true;
				continue;
			}
			low = low == NULL || hin_addr_compare(a, low) < 0 ? a : low;
			high = high == NULL || hin_addr_compare(a, high) > 0 ? a : high;
		}
		return hin_filter_judge_addresses(f, t, low, high, absent);
	}
	if (t->type != HIN_FILTER_NUMBERS && t->type != HIN_FILTER_BITS)
		return HIN_FILTER_SOME;
	for (size_t i = 0; i < b->count; i++) {
		uint64_t v = hin_filter_number(&b->rows[i], (enum hin_field)t->field);

		least = v < least ? v : least;
		most = v > most ? v : most;
	}
	return hin_filter_judge_numbers(f, t, least, most);
}

static void check_block(const char *text, const struct hin_filter *f, const struct hin_filter * not,
			const struct hin_filter *again, struct block *b, unsigned seen[3])
{
	enum hin_filter_answer answer = hin_filter_judge(f, judge, b);
	uint64_t low, high;

	(void)hin_filter_bounds(f, HIN_FIELD_PACKETS, &low, &high);
	seen[answer]++;
	for (size_t i = 0; i < b->count; i++) {
		const struct hin_observation *o = &b->rows[i];
		bool match = hin_filter_match(f, o, NULL);

		if (match == hin_filter_match(not, o, NULL))
			fail_msg("%s: a row is neither in it nor out of it, or both", text);
		if (match != hin_filter_match(again, o, NULL))
			fail_msg("%s: means another thing when printed", text);
		if ((answer == HIN_FILTER_NONE && match) || (answer == HIN_FILTER_ALL && !match))
			fail_msg("%s: the block was judged %d", text, (int)answer);
		if (match && (o->packets < low || o->packets > high))
			fail_msg("%s: bounds %llu-%llu hide %llu packets", text,
				 (unsigned long long)low, (unsigned long long)high,
				 (unsigned long long)o->packets);
	}
}

static void judges_as_it_matches(void **state)
{
	uint64_t seed = 3;
	unsigned seen[3] = { 0 };

	(void)state;
	for (size_t round = 0; round < 3000; round++) {
		struct hin_buffer text = { 0 }, turned = { 0 }, printed = { 0 };
		struct hin_filter *f, *not, *again;

		random_test(&text, &seed, 0);
		hin_buffer_printf(&turned, "not (%s)", hin_buffer_text(&text));
		f = parsed(hin_buffer_text(&text));
		not = parsed(hin_buffer_text(&turned));
		hin_filter_print(f, &printed);
		again = parsed(hin_buffer_text(&printed));
		check_stable(hin_buffer_text(&text), f);
		for (size_t k = 0; k < 20; k++) {
			struct block b = { .count = 1 + random_below(&seed, 6) };

			for (size_t i = 0; i < b.count; i++)
				random_row(&b.rows[i], &seed);
			check_block(hin_buffer_text(&text), f, not, again, &b, seen);
		}
		hin_filter_free(f);
		hin_filter_free(not );
		hin_filter_free(again);
		hin_buffer_fini(&text);
		hin_buffer_fini(&turned);
		hin_buffer_fini(&printed);
	}
	/* the answers are worth something */
	assert_true(seen[HIN_FILTER_NONE] > 1000);
	assert_true(seen[HIN_FILTER_ALL] > 1000);
}

static void knows_bounds(void **state)
{
	static const struct {
		const char *text;
		enum hin_field field;
		bool limited;
		uint64_t low, high;
	} cases[] = {
		{ "any", HIN_FIELD_KIND, false, 0, UINT64_MAX },
		{ "kind telescope", HIN_FIELD_KIND, true, 1000, 1006 },
		{ "kind telescope and tcp", HIN_FIELD_KIND, true, 1000, 1006 },
		{ "kind telescope or tcp", HIN_FIELD_KIND, false, 0, UINT64_MAX },
		{ "kind telescope.scan or kind road", HIN_FIELD_KIND, true, 1, 1001 },
		{ "packets > 5 and packets < 9", HIN_FIELD_PACKETS, true, 6, 8 },
		{ "packets > 5 or not any", HIN_FIELD_PACKETS, true, 6, UINT64_MAX },
		{ "not packets > 5", HIN_FIELD_PACKETS, true, 0, 5 },
		{ "not any", HIN_FIELD_PACKETS, true, UINT64_MAX, 0 },
		{ "packets 5 and packets 6", HIN_FIELD_PACKETS, true, 6, 5 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_filter *f = parsed(cases[i].text);
		uint64_t low, high;
		bool limited = hin_filter_bounds(f, cases[i].field, &low, &high);

		if (limited != cases[i].limited || low != cases[i].low || high != cases[i].high)
			fail_msg("%s: %llu-%llu", cases[i].text, (unsigned long long)low,
				 (unsigned long long)high);
		hin_filter_free(f);
	}
}

static void names_its_fields(void **state)
{
	struct hin_filter *f = parsed("tcp and host 10.0.0.1 and tag bogon");

	(void)state;
	assert_int_equal(f->fields, 1u << HIN_FIELD_PROTO | 1u << HIN_FIELD_SRC |
					    1u << HIN_FIELD_DST | 1u << HIN_FIELD_TAGS);
	assert_false(f->sensor);
	hin_filter_free(f);
	f = parsed("sensor 01");
	assert_int_equal(f->fields, 0);
	assert_true(f->sensor);
	hin_filter_free(f);
	hin_filter_free(NULL);
}

/* Where packets are added up, a filter without kinds means flows: events tell of them again. */
static void volume_is_of_flows(void **state)
{
	static const struct {
		const char *text;
		bool kinds_apart, alone, flow, scan;
	} cases[] = {
		{ "", .alone = true, .flow = true },
		{ " any ", .alone = true, .flow = true },
		{ "dport 23 or dport 80", .alone = true, .flow = true },
		{ "dport 80", .alone = true },
		{ "kind telescope.scan", .scan = true },
		{ "not kind telescope.scan", .flow = true },
		{ "", .kinds_apart = true, .flow = true, .scan = true },
	};
	struct hin_observation flow = { .kind = HIN_KIND_TELESCOPE_FLOW, .dport = 23, .proto = 6 };
	struct hin_observation scan = { .kind = HIN_KIND_TELESCOPE_SCAN, .dport = 23, .proto = 6 };
	struct hin_filter *f = NULL;
	bool alone = true;
	size_t column = 0;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		assert_int_equal(hin_filter_parse_volume(&f, cases[i].text, strlen(cases[i].text),
							 cases[i].kinds_apart, &alone, NULL, NULL),
				 HIN_OK);
		if (alone != cases[i].alone || hin_filter_match(f, &flow, NULL) != cases[i].flow ||
		    hin_filter_match(f, &scan, NULL) != cases[i].scan)
			fail_msg("\"%s\"", cases[i].text);
		hin_filter_free(f);
	}
	assert_int_equal(hin_filter_parse_volume(&f, "dport x", 7, false, &alone, &column, NULL),
			 HIN_EFORMAT);
	assert_int_equal(column, 7);
	assert_false(alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volume_is_of_flows),
		cmocka_unit_test(prints),
		cmocka_unit_test(points_at_mistakes),
		cmocka_unit_test(keeps_limits),
		cmocka_unit_test(matches),
		cmocka_unit_test(knows_bounds),
		cmocka_unit_test(judges_as_it_matches),
		cmocka_unit_test(names_its_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
