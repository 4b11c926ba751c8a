/* lease_nat - who was behind a shared address: blocks of ports in syslog, and Linux's connection
 * tracking; see lease.h
 *
 * Blocks are read from the lines of those vendors whose blocks hold for all protocols. What is
 * assigned by rule needs no log (RFC 7422): one line says the rule.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time.h"
#include "hub/owners/lease_priv.h"
#include "hub/owners/wide_priv.h"

#define BLOCKS 1000000u /* most that one rule makes */

struct nat {
	struct lease_reading *r;
	struct lease_table open;
	int64_t last_us; /* time of the newest line */
};

/* ---- times ---- */

static unsigned month_of(const char *text)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (unsigned m = 0; m < 12; m++)
		if (strncmp(names + (size_t)3 * m, text, 3) == 0)
			return m + 1;
	return 0;
}

/* Read "2026-11-22 02:10:03" of given parts, which `zone_s` is ahead of UTC. */
static bool make_time(int64_t *out_us, long year, unsigned month, const char *day,
		      const char *clock, int32_t zone_s)
{
	char text[64];
	int64_t ns;

	snprintf(text, sizeof(text), "%04ld-%02u-%02ld %.15s", year, month,
		 strtol(day, NULL, 10) % 100, clock);
	if (hin_time_parse(&ns, text, 0, NULL) != HIN_OK)
		return false;
	*out_us = ns / HIN_NS_PER_US - (int64_t)zone_s * 1000000;
	return *out_us >= 0;
}

static long year_of(int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	return strtol(hin_time_format_iso(text, time_us * HIN_NS_PER_US, HIN_TIME_S), NULL, 10);
}

/* The last time that it was this day, a day ahead of us at most: years have no 29 February. */
static bool find_time(const struct hin_lease_options *o, int64_t *out_us, unsigned month,
		      const char *day, const char *clock)
{
	long year = year_of(o->now_us);

	for (long back = 0; back <= 8; back++)
		if (make_time(out_us, year - back, month, day, clock, o->zone_s) &&
		    *out_us <= o->now_us + INT64_C(86400000000))
			return true;
	return false;
}

/*
 * The time at the head of a syslog line, RFC 5424 ("1 2026-11-22T02:10:03Z") or RFC 3164 ("Nov 22
 * 02:10:03", without year: the last time that it was this day; a year may stand before it, or
 * Cisco's sign of a clock that is not set).
 */
static bool read_time(const struct nat *n, const char *line, int64_t *out_us)
{
	const struct hin_lease_options *o = n->r->options;
	char words[5][40] = { "" };
	unsigned at = 0, count, month;
	long year = 0;
	int64_t ns;

	if (*line == '<') {
		line += strcspn(line, ">");
		line += *line == '>';
	}
	line += *line == '*' || *line == '.';
	count = (unsigned)sscanf(line, "%39s %39s %39s %39s %39s", words[0], words[1], words[2],
				 words[3], words[4]);
	if (count > 1 && strcmp(words[0], "1") == 0)
		at = 1;
	if (at < count && strlen(words[at]) > 10 && strchr("T ", words[at][10]) != NULL &&
	    hin_time_parse(&ns, words[at], 0, NULL) == HIN_OK && ns >= 0) {
		*out_us = ns / HIN_NS_PER_US;
		return true;
	}
	if (at + 3 < count && strlen(words[at]) == 4 && isdigit((unsigned char)words[at][0]))
		year = strtol(words[at++], NULL, 10);
	else
		at = 0;
	month = at + 2 < count ? month_of(words[at]) : 0;
	if (month == 0)
		return false;
	return year > 0 ? make_time(out_us, year, month, words[at + 1], words[at + 2], o->zone_s)
			: find_time(o, out_us, month, words[at + 1], words[at + 2]);
}

/* ---- lines of vendors ---- */

/* %i inside, %o outside, %l and %h first and last port, %w any word; else itself. */
static const struct pattern {
	bool begins;
	const char *form;
} patterns[] = {
	/* Juniper */
	{ true, "RT_SRC_NAT_PBA_ALLOC: Subscriber %i used/maximum %w blocks, allocated port block "
		"[%l-%h] from %o" },
	{ false, "RT_SRC_NAT_PBA_RELEASE: Subscriber %i used/maximum %w blocks, released port "
		 "block [%l-%h] from %o" },
	{ true, "JSERVICES_NAT_PORT_BLOCK_ALLOC: %i -> %o:%l-%h" },
	{ false, "JSERVICES_NAT_PORT_BLOCK_RELEASE: %i -> %o:%l-%h" },
	/* Cisco IOS XR, for all protocols ("-") */
	{ true, "[UserbasedA - %i %w %w %o %w %l %h" },
	{ false, "[UserbasedW - %i %w %w %o %w %l %h" },
	/* any other, through a rule of the log's collector */
	{ true, "nat-block-allocated inside=%i outside=%o ports=%l-%h" },
	{ false, "nat-block-released inside=%i outside=%o ports=%l-%h" },
};

struct block {
	struct hin_addr inside, outside;
	uint16_t low, high;
};

/* The characters of an address; a colon before a port does not belong to it. */
static size_t address_size(const char *text, char next)
{
	size_t n = strspn(text, "0123456789abcdefABCDEF.:");

	if (next == ':' && memchr(text, '.', n) != NULL)
		n = strcspn(text, ":");
	return n;
}

static bool take_address(const char **text, char next, struct hin_addr *out)
{
	char copy[HIN_ADDR_TEXT];
	size_t n = address_size(*text, next);

	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, *text, n);
	copy[n] = '\0';
	*text += n;
	return hin_addr_parse(out, copy) == HIN_OK;
}

static bool take_port(const char **text, uint16_t *out)
{
	unsigned value = 0;
	size_t n = strspn(*text, "0123456789");

	if (n == 0 || n > 5)
		return false;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (unsigned)((*text)[i] - '0');
	*text += n;
	*out = (uint16_t)value;
	return value <= 65535;
}

static bool matches(const char *text, const char *form, struct block *out)
{
	for (; *form != '\0'; form++) {
		bool fits;

		if (*form != '%') {
			if (*text++ != *form)
				return false;
			continue;
		}
		form++;
		if (*form == 'i')
			fits = take_address(&text, form[1], &out->inside);
		else if (*form == 'o')
			fits = take_address(&text, form[1], &out->outside);
		else if (*form == 'l')
			fits = take_port(&text, &out->low);
		else if (*form == 'h')
			fits = take_port(&text, &out->high);
		else {
			size_t n = strcspn(text, " ");

			fits = n > 0;
			text += n;
		}
		if (!fits)
			return false;
	}
	return !isdigit((unsigned char)*text);
}

/* Which pattern's first word is in the line; NULL for a line that is about something else. */
static const struct pattern *find_pattern(const char *line, const char **where)
{
	for (size_t i = 0; i < HIN_COUNT(patterns); i++) {
		char word[48];
		size_t n = strcspn(patterns[i].form, " ");

		memcpy(word, patterns[i].form, n);
		word[n] = '\0';
		*where = strstr(line, word);
		if (*where != NULL)
			return &patterns[i];
	}
	return NULL;
}

static bool set_inside(const struct nat *n, const struct hin_addr *inside, struct hin_lease *l)
{
	const char *site = n->r->options->site != NULL ? n->r->options->site : "";
	char text[HIN_LEASE_DEVICE + HIN_ADDR_TEXT], address[HIN_ADDR_TEXT];

	/* the same inside address is somebody else's at another place */
	snprintf(text, sizeof(text), "%.32s%s%s", site, site[0] != '\0' ? "/" : "",
		 hin_addr_format(inside, address));
	return lease_set_device(l, n->r->options, "inside", text);
}

static void begin_lease(struct hin_lease *l, const struct hin_addr *outside, uint16_t low,
			uint16_t high)
{
	*l = (struct hin_lease){ .low = *outside,
				 .high = *outside,
				 .port_low = low,
				 .port_high = high,
				 .organisation = "",
				 .basis = "nat",
				 .confidence = 90 };
}

/* A block is given or given back. */
static enum hin_code take_block(struct nat *n, bool begins, const struct block *b, int64_t time_us,
				size_t line)
{
	uint64_t key = lease_hash(lease_hash(2, &b->outside, 16), &b->low, 2);
	struct lease_open *row = lease_table_row(&n->open, lease_hash(key, &b->high, 2));
	struct hin_lease fresh, old;
	enum hin_code code = HIN_OK;

	if (row == NULL)
		return hin_fail(n->r->err, HIN_ELIMIT, "more than %u blocks are open at once",
				HIN_LEASE_OPEN);
	begin_lease(&fresh, &b->outside, b->low, b->high);
	if (!set_inside(n, &b->inside, &fresh))
		return lease_refuse(n->r, line, "the site's name has characters of no name");
	key = row->key;
	if (row->used) { /* it ends, also when the line that said so was lost */
		old = row->lease;
		old.until_us = time_us;
		if (begins && strcmp(old.device, fresh.device) == 0)
			return HIN_OK; /* told again */
		code = lease_take(n->r, &old, row->line);
		row->used = false;
		if (!begins && strcmp(old.device, fresh.device) == 0) {
			lease_table_remove(&n->open, key);
			return code;
		}
	}
	if (code != HIN_OK)
		return code;
	fresh.from_us = time_us;
	if (begins) {
		row->used = true;
		row->lease = fresh;
		row->line = line;
		return HIN_OK;
	}
	lease_table_remove(&n->open, key);
	/* given before this log began: ends the lease that the desk has of it */
	fresh.until_us = time_us;
	fresh.from_us = time_us > 0 ? time_us - 1 : 0;
	return lease_take(n->r, &fresh, line);
}

/* ---- assigned by rule ---- */

struct rule {
	struct hin_addr inside, inside_last, outside, outside_last;
	uint16_t low, high;
	int64_t from_us, until_us;
};

/* "deterministic inside=100.64.0.0/22 outside=203.0.113.0/28 ports=1024-65535 from=... until=..."
 */
static const char *read_rule(char *line, struct rule *out)
{
	char *rest = line, *word;
	bool inside = false, outside = false;

	*out = (struct rule){ .low = 1024, .high = 65535 };
	(void)strsep(&rest, " ");
	while ((word = strsep(&rest, " ")) != NULL) {
		char *value = strchr(word, '=');
		const char *ports = value != NULL ? value + 1 : "";
		struct hin_prefix p;
		int64_t ns;

		if (*word == '\0')
			continue;
		if (value == NULL)
			return "a rule is of words with \"=\"";
		*value++ = '\0';
		if (strcmp(word, "inside") == 0 && hin_prefix_parse(&p, value, NULL) == HIN_OK) {
			hin_directory_prefix_ends(&p, &out->inside, &out->inside_last);
			inside = true;
		} else if (strcmp(word, "outside") == 0 &&
			   hin_prefix_parse(&p, value, NULL) == HIN_OK) {
			hin_directory_prefix_ends(&p, &out->outside, &out->outside_last);
			outside = true;
		} else if (strcmp(word, "ports") == 0) {
			if (!take_port(&ports, &out->low) || *ports++ != '-' ||
			    !take_port(&ports, &out->high) || out->high < out->low)
				return "ports are not as 1024-65535";
		} else if ((strcmp(word, "from") == 0 || strcmp(word, "until") == 0) &&
			   hin_time_parse(&ns, value, 0, NULL) == HIN_OK && ns >= 0) {
			*(*word == 'f' ? &out->from_us : &out->until_us) = ns / HIN_NS_PER_US;
		} else {
			return "a rule has inside=PREFIX outside=PREFIX ports=A-B from=TIME "
			       "until=TIME";
		}
	}
	return inside && outside ? NULL : "a rule needs inside= and outside=";
}

static enum hin_code take_rule(struct nat *n, char *line, size_t number)
{
	struct rule rule;
	const char *why = read_rule(line, &rule);
	uint64_t insides, outsides, each, ports;
	enum hin_code code = HIN_OK;

	if (why != NULL)
		return lease_refuse(n->r, number, why);
	if (wide_of(&rule.inside_last) - wide_of(&rule.inside) >= BLOCKS ||
	    wide_of(&rule.outside_last) - wide_of(&rule.outside) >= BLOCKS)
		return lease_refuse(n->r, number, "a rule of more than a million addresses");
	insides = (uint64_t)(wide_of(&rule.inside_last) - wide_of(&rule.inside)) + 1;
	outsides = (uint64_t)(wide_of(&rule.outside_last) - wide_of(&rule.outside)) + 1;
	each = (insides + outsides - 1) / outsides;
	ports = ((uint64_t)rule.high - rule.low + 1) / each;
	if (ports == 0)
		return lease_refuse(n->r, number, "a rule without a port for each");
	for (uint64_t i = 0; code == HIN_OK && i < insides; i++) {
		struct hin_addr inside = wide_addr(wide_of(&rule.inside) + i);
		struct hin_addr outside = wide_addr(wide_of(&rule.outside) + i / each);
		uint64_t first = rule.low + i % each * ports;
		struct hin_lease l;

		begin_lease(&l, &outside, (uint16_t)first, (uint16_t)(first + ports - 1));
		l.from_us = rule.from_us;
		l.until_us = rule.until_us;
		if (!set_inside(n, &inside, &l))
			return lease_refuse(n->r, number, "the site's name is no name");
		code = lease_take(n->r, &l, number);
	}
	return code;
}

/* ---- files ---- */

static enum hin_code end_open(struct nat *n, int64_t until_us)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < n->open.size; i++) {
		struct lease_open *row = &n->open.rows[i];

		if (row->key == 0 || !row->used)
			continue;
		row->lease.until_us = until_us;
		code = lease_take(n->r, &row->lease, row->line);
	}
	return code;
}

static enum hin_code read_nat_line(struct nat *n, char *line, size_t number)
{
	const struct pattern *p;
	const char *where;
	struct block block = { 0 };
	int64_t time_us;

	if (strncmp(line, "deterministic ", 14) == 0)
		return take_rule(n, line, number);
	p = find_pattern(line, &where);
	if (p == NULL)
		return HIN_OK; /* of something else: a log has all kinds */
	if (!matches(where, p->form, &block) || block.high < block.low)
		return lease_refuse(n->r, number, "a block of ports that cannot be read");
	if (!read_time(n, line, &time_us))
		return lease_refuse(n->r, number, "the line does not begin with a time of syslog");
	return take_block(n, p->begins, &block, time_us, number);
}

static enum hin_code each_line(struct nat *n,
			       enum hin_code (*call)(struct nat *n, char *line, size_t number))
{
	struct hin_lines lines;
	enum hin_code code = lease_lines(n->r, &lines);

	while (code == HIN_OK) {
		code = hin_lines_next(&lines);
		if (code == HIN_OK)
			code = call(n, lines.line, lines.number);
		else if (code != HIN_EOF)
			code = lease_refuse(n->r, lines.number, "too long, or a NUL byte");
	}
	free(lines.line);
	return code == HIN_EOF ? HIN_OK : code;
}

enum hin_code lease_read_nat(struct lease_reading *r)
{
	struct nat n = { .r = r };
	enum hin_code code = each_line(&n, read_nat_line);

	if (code == HIN_OK)
		code = end_open(&n, 0);
	free(n.open.rows);
	return code;
}

/* ---- connection tracking ---- */

struct flow {
	struct hin_addr src, dst, back_src, back_dst;
	uint16_t sport, dport, back_sport, back_dport;
};

/* The value of the next "name=" in `*text`, which moves behind it. */
static bool take_value(const char **text, const char *name, char out[HIN_ADDR_TEXT])
{
	const char *at = strstr(*text, name);
	size_t n;

	if (at == NULL)
		return false;
	at += strlen(name);
	n = strcspn(at, " ");
	if (n >= HIN_ADDR_TEXT)
		return false;
	memcpy(out, at, n);
	out[n] = '\0';
	*text = at + n;
	return true;
}

static bool take_flow_address(const char **text, const char *name, struct hin_addr *out)
{
	char value[HIN_ADDR_TEXT];

	return take_value(text, name, value) && hin_addr_parse(out, value) == HIN_OK;
}

static bool take_flow_port(const char **text, const char *name, uint16_t *out)
{
	char value[HIN_ADDR_TEXT];
	uint64_t port;

	if (!take_value(text, name, value) ||
	    hin_number_u64(&port, "", value, 0, 65535, NULL) != HIN_OK)
		return false;
	*out = (uint16_t)port;
	return true;
}

static bool read_flow(const char *text, struct flow *f)
{
	*f = (struct flow){ 0 };
	return take_flow_address(&text, " src=", &f->src) &&
	       take_flow_address(&text, " dst=", &f->dst) &&
	       take_flow_port(&text, " sport=", &f->sport) &&
	       take_flow_port(&text, " dport=", &f->dport) &&
	       take_flow_address(&text, " src=", &f->back_src) &&
	       take_flow_address(&text, " dst=", &f->back_dst) &&
	       take_flow_port(&text, " sport=", &f->back_sport) &&
	       take_flow_port(&text, " dport=", &f->back_dport);
}

static enum hin_code take_flow(struct nat *n, bool ends, const char *proto, const struct flow *f,
			       int64_t time_us, size_t line)
{
	uint64_t key = lease_hash(lease_hash(3, f, sizeof(*f)), proto, strlen(proto));
	struct lease_open *row = lease_table_row(&n->open, key);
	struct hin_lease lease;

	if (row == NULL)
		return hin_fail(n->r->err, HIN_ELIMIT, "more than %u connections are open at once",
				HIN_LEASE_OPEN);
	if (!row->used) {
		row->used = true;
		row->line = line;
		begin_lease(&row->lease, &f->back_dst, f->back_dport, f->back_dport);
		row->lease.from_us = time_us;
		if (!set_inside(n, &f->src, &row->lease)) {
			lease_table_remove(&n->open, key);
			return lease_refuse(n->r, line, "the site's name is no name");
		}
	}
	if (!ends)
		return HIN_OK;
	lease = row->lease;
	lease.until_us = time_us;
	if (lease.until_us == lease.from_us)
		lease.until_us++; /* begun before the log: for this moment at least */
	lease_table_remove(&n->open, key);
	return lease_take(n->r, &lease, line);
}

/*
 * "[1700000000.123456]     [NEW] tcp      6 120 SYN_SENT src=... dst=... sport=... dport=..."; with
 * "-o extended" the family stands before, "ipv4     2 tcp".
 */
static enum hin_code read_conntrack_line(struct nat *n, char *line, size_t number)
{
	char stamp[40] = "@", event[16], proto[16];
	struct flow f;
	int64_t ns;

	if (line[0] == '\0')
		return HIN_OK;
	if (sscanf(line, " [%30[0-9.]] [%15[A-Z]] %15s", stamp + 1, event, proto) != 3 ||
	    hin_time_parse(&ns, stamp, 0, NULL) != HIN_OK || ns < 0)
		return lease_refuse(n->r, number, "not as of \"conntrack -E -o timestamp\"");
	if (strcmp(proto, "ipv4") == 0 || strcmp(proto, "ipv6") == 0)
		(void)sscanf(line, " [%*30[0-9.]] [%*15[A-Z]] %*15s %*3[0-9] %15s", proto);
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0 &&
	    strcmp(proto, "udplite") != 0 && strcmp(proto, "sctp") != 0 &&
	    strcmp(proto, "dccp") != 0)
		return HIN_OK; /* without ports */
	if (!read_flow(line, &f))
		return lease_refuse(n->r, number,
				    "src, dst, sport and dport of both ways are not "
				    "there");
	if (ns / HIN_NS_PER_US > n->last_us)
		n->last_us = ns / HIN_NS_PER_US;
	if (hin_addr_equal(&f.src, &f.back_dst))
		return HIN_OK; /* not translated */
	return take_flow(n, strcmp(event, "DESTROY") == 0, proto, &f, ns / HIN_NS_PER_US, number);
}

enum hin_code lease_read_conntrack(struct lease_reading *r)
{
	struct nat n = { .r = r };
	enum hin_code code = each_line(&n, read_conntrack_line);

	if (code == HIN_OK) /* seen so far; the next log goes on */
		code = end_open(&n, n.last_us + 1);
	free(n.open.rows);
	return code;
}
