/* lease_dhcp - what DHCP servers write down: ISC dhcpd, Kea, dnsmasq; see lease.h
 *
 * Host names and client classes in these files were chosen by devices; they are not read.
 */
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time.h"
#include "hub/owners/lease_priv.h"

static void begin_lease(struct hin_lease *l)
{
	*l = (struct hin_lease){
		.port_high = 65535, .organisation = "", .basis = "dhcp", .confidence = 90
	};
}

/* ---- ISC dhcpd ---- */

/* Words of dhcpd.leases: separated by spaces; "{", "}" and ";" alone; texts in quotes. */
struct words {
	const char *at, *end;
	size_t line;
	char word[256];
	size_t size;
	bool quoted;
};

static void skip_space(struct words *w)
{
	while (w->at < w->end && (isspace((unsigned char)*w->at) || *w->at == '#')) {
		if (*w->at == '#')
			while (w->at < w->end && *w->at != '\n')
				w->at++;
		if (w->at < w->end && *w->at == '\n')
			w->line++;
		if (w->at < w->end)
			w->at++;
	}
}

static void put(struct words *w, char c)
{
	if (w->size < sizeof(w->word) - 1)
		w->word[w->size++] = c;
}

/* A character of a text in quotes, which may be written as \ooo. */
static char take_quoted(struct words *w)
{
	unsigned value = 0, digits = 0;

	if (*w->at != '\\' || w->at + 1 == w->end)
		return *w->at;
	while (digits < 3 && w->at + 1 < w->end && w->at[1] >= '0' && w->at[1] <= '7') {
		value = value * 8 + (unsigned)(*++w->at - '0');
		digits++;
	}
	if (digits == 0)
		return *++w->at;
	return (char)(uint8_t)value;
}

/* The next word; false at the end. What is too long is cut: no word of ours is. */
static bool next_word(struct words *w)
{
	skip_space(w);
	w->size = 0;
	w->quoted = w->at < w->end && *w->at == '"';
	if (w->at == w->end)
		return false;
	if (w->quoted) {
		for (w->at++; w->at < w->end && *w->at != '"'; w->at++) {
			if (*w->at == '\n')
				w->line++;
			put(w, take_quoted(w));
		}
		if (w->at < w->end)
			w->at++;
	} else if (strchr("{};", *w->at) != NULL && *w->at != '\0') {
		put(w, *w->at++);
	} else {
		while (w->at < w->end && !isspace((unsigned char)*w->at) &&
		       (*w->at == '\0' || strchr("{};\"#", *w->at) == NULL))
			put(w, *w->at++);
	}
	w->word[w->size] = '\0';
	return true;
}

static bool is(const struct words *w, const char *text)
{
	return !w->quoted && strcmp(w->word, text) == 0;
}

/* Up to the ";" of this statement; a block in it is passed whole. */
static void skip_statement(struct words *w)
{
	unsigned depth = 0;

	while (!(depth == 0 && is(w, ";")) && !(depth == 0 && is(w, "}"))) {
		if (is(w, "{"))
			depth++;
		else if (is(w, "}") && --depth == 0)
			return;
		if (!next_word(w))
			return;
	}
}

/* "4 2026/11/22 02:10:03;", "epoch 1700000000;" or "never;" behind the statement's name. */
static bool read_moment(struct words *w, int64_t *out_us)
{
	char text[32];
	int64_t ns;

	if (!next_word(w))
		return false;
	if (is(w, "never")) {
		*out_us = 0;
		return true;
	}
	if (is(w, "epoch")) {
		if (!next_word(w) ||
		    hin_number_i64(out_us, "", w->word, 0, HIN_LEASE_SECONDS, NULL))
			return false;
		*out_us *= 1000000;
		return true;
	}
	if (!next_word(w) || w->size != 10 || w->word[4] != '/' || w->word[7] != '/')
		return false;
	snprintf(text, sizeof(text), "%.4s-%.2s-%.2s ", w->word, w->word + 5, w->word + 8);
	if (!next_word(w) || w->size != 8)
		return false;
	memcpy(text + 11, w->word, 9);
	if (hin_time_parse(&ns, text, 0, NULL) != HIN_OK || ns < 0)
		return false;
	*out_us = ns / HIN_NS_PER_US;
	return true;
}

/* A client's identifier as bytes, which is in quotes with escapes or in hexadecimal. */
static bool read_hex(const char *text, char *out, size_t size)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < size; text++) {
		if (isxdigit((unsigned char)*text))
			out[n++] = (char)tolower((unsigned char)*text);
		else if (*text != ':')
			return false;
	}
	out[n] = '\0';
	return n > 0 && *text == '\0';
}

struct dhcpd {
	struct hin_lease lease;
	int64_t ends_us;
	bool bound, started;
	const char *why;
};

/* One statement of a lease or address block; its first word was read. */
static void read_statement(struct lease_reading *r, struct words *w, struct dhcpd *d)
{
	char mac[18];

	if (is(w, "starts")) {
		d->started = read_moment(w, &d->lease.from_us);
		if (!d->started)
			d->why = "\"starts\" is no time";
	} else if (is(w, "ends")) {
		if (!read_moment(w, &d->ends_us))
			d->why = "\"ends\" is no time";
	} else if (is(w, "binding") && next_word(w) && is(w, "state") && next_word(w)) {
		d->bound =
			is(w, "active") || is(w, "expired") || is(w, "released") || is(w, "free");
	} else if (is(w, "hardware") && next_word(w) && next_word(w)) {
		if (!lease_read_mac(mac, w->word) ||
		    !lease_set_device(&d->lease, r->options, "mac", mac))
			d->why = "\"hardware\" is no Ethernet address";
	}
	skip_statement(w);
}

/* False when the file ends before the block does. */
static bool read_block(struct lease_reading *r, struct words *w, struct dhcpd *d)
{
	while (next_word(w)) {
		if (is(w, "}"))
			return true;
		read_statement(r, w, d);
	}
	return false;
}

/*
 * The file ends inside of the block whose inside begins at `inside`. A server that writes it while
 * it is read leaves that, and says all of it again; but what swallowed other blocks is damage.
 */
static enum hin_code take_torn(struct lease_reading *r, const struct words *w, const char *inside,
			       size_t line)
{
	static const char *const others[] = { "\nlease ", "\nia-", "\n}" };

	for (size_t i = 0; i < HIN_COUNT(others); i++)
		if (memmem(inside, (size_t)(w->end - inside), others[i], strlen(others[i])) != NULL)
			return lease_refuse(r, line, "a block that does not end");
	lease_skip(r, line, "the file ends inside of this block: left out");
	return HIN_OK;
}

static enum hin_code take_dhcpd(struct lease_reading *r, struct dhcpd *d, size_t line)
{
	if (d->why != NULL)
		return lease_refuse(r, line, d->why);
	/* free and never used, or without any time */
	if (!d->bound || !d->started || d->lease.device[0] == '\0')
		return HIN_OK;
	d->lease.until_us = d->ends_us;
	return lease_take(r, &d->lease, line);
}

static bool set_range(struct hin_lease *l, const char *text)
{
	struct hin_prefix prefix;

	if (hin_prefix_parse(&prefix, text, NULL) != HIN_OK)
		return false;
	hin_directory_prefix_ends(&prefix, &l->low, &l->high);
	return true;
}

/* lease 192.0.2.5 { ... } */
static enum hin_code read_v4(struct lease_reading *r, struct words *w)
{
	struct dhcpd d = { .bound = true };
	const char *inside = w->at;
	size_t line = w->line;

	begin_lease(&d.lease);
	if (!next_word(w) || !set_range(&d.lease, w->word))
		d.why = "this is no address";
	if (!next_word(w))
		return take_torn(r, w, inside, line);
	if (!is(w, "{"))
		return lease_refuse(r, line, "a lease without a block");
	return read_block(r, w, &d) ? take_dhcpd(r, &d, line) : take_torn(r, w, inside, line);
}

/* ia-na "DUID" { cltt ...; iaaddr 2001:db8::5 { ... } } and ia-pd ... iaprefix */
static enum hin_code read_v6(struct lease_reading *r, struct words *w)
{
	char duid[HIN_LEASE_DEVICE] = "";
	const char *inside = w->at;
	size_t line = w->line, block = line;
	int64_t since_us = 0;
	bool known;
	enum hin_code code = HIN_OK;

	known = next_word(w);
	if (known && w->quoted) { /* four bytes tell the client's interfaces apart, then its DUID */
		known = w->size > 4 && w->size <= 38;
		for (size_t i = 4; known && i < w->size; i++)
			snprintf(duid + 2 * (i - 4), 3, "%02x", (unsigned char)w->word[i]);
	} else {
		known = known && read_hex(w->word, duid, sizeof(duid) - 8);
	}
	if (!next_word(w))
		return take_torn(r, w, inside, block);
	if (!is(w, "{"))
		return lease_refuse(r, line, "a lease without a block");
	while (code == HIN_OK) {
		struct dhcpd d = { .bound = true, .started = true };

		if (!next_word(w))
			return take_torn(r, w, inside, block);
		if (is(w, "}"))
			break;
		if (is(w, "cltt")) {
			(void)read_moment(w, &since_us);
			skip_statement(w);
			continue;
		}
		if (!is(w, "iaaddr") && !is(w, "iaprefix")) {
			skip_statement(w);
			continue;
		}
		line = w->line;
		begin_lease(&d.lease);
		if (!next_word(w) || !set_range(&d.lease, w->word))
			d.why = "this is no address";
		if (!next_word(w))
			return take_torn(r, w, inside, block);
		if (!is(w, "{"))
			return lease_refuse(r, line, "an address without a block");
		if (!read_block(r, w, &d))
			return take_torn(r, w, inside, block);
		d.lease.from_us = since_us;
		if (d.why == NULL &&
		    (!known || !lease_set_device(&d.lease, r->options, "duid", duid)))
			d.why = "the client has no identifier";
		code = take_dhcpd(r, &d, line);
	}
	return code;
}

enum hin_code lease_read_dhcpd(struct lease_reading *r)
{
	struct words w = { .at = r->text, .end = r->text + r->size, .line = 1 };
	bool any = false;
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && next_word(&w)) {
		if (is(&w, "lease"))
			code = read_v4(r, &w);
		else if (is(&w, "ia-na") || is(&w, "ia-ta") || is(&w, "ia-pd"))
			code = read_v6(r, &w);
		else {
			any |= is(&w, "server-duid") || is(&w, "authoring-byte-order") ||
			       is(&w, "failover");
			skip_statement(&w);
			continue;
		}
		any = true;
	}
	if (code == HIN_OK && !any && r->size > 0)
		return hin_fail(r->err, HIN_EFORMAT, "%.80s has no lease: is it dhcpd.leases?",
				r->options->name);
	return code;
}

/* ---- Kea ---- */

static size_t column(const struct hin_csv *csv, const char *title)
{
	for (size_t i = 0; i < csv->count; i++)
		if (strcmp(hin_csv_cell(csv, i), title) == 0)
			return i;
	return SIZE_MAX;
}

struct kea {
	struct hin_csv csv;
	size_t address, hwaddr, client, duid, valid, expire, state, prefix_len; /* columns */
};

static const char *cell(const struct kea *k, size_t at)
{
	return at == SIZE_MAX ? "" : hin_csv_cell(&k->csv, at);
}

/* Who asked, by its link's address or by the identifier that it gave (RFC 2132 9.14, RFC 4361). */
static bool set_kea_client(struct lease_reading *r, const struct kea *k, struct hin_lease *l)
{
	char mac[18], hex[HIN_LEASE_DEVICE], all[2 * 255 + 1];
	uint8_t digest[16];
	const char *client = cell(k, k->client);

	if (lease_read_mac(mac, cell(k, k->hwaddr)) ||
	    (strncmp(client, "01:", 3) == 0 && lease_read_mac(mac, client + 3)))
		return lease_set_device(l, r->options, "mac", mac);
	if (k->duid != SIZE_MAX && read_hex(cell(k, k->duid), hex, sizeof(hex) - 8))
		return lease_set_device(l, r->options, "duid", hex);
	/* ff, four bytes that tell the client's interfaces apart, its DUID */
	if (strncasecmp(client, "ff:", 3) == 0 && strlen(client) > 15 &&
	    read_hex(client + 15, hex, sizeof(hex) - 8))
		return lease_set_device(l, r->options, "duid", hex);
	/* any other is the client's own affair: opaque (RFC 2132 9.14), too long ones as a digest
	 */
	if (!read_hex(client, all, sizeof(all)))
		return false;
	if (strlen(all) >= sizeof(hex) - 24) {
		crypto_generichash(digest, sizeof(digest), (const unsigned char *)all, strlen(all),
				   NULL, 0);
		sodium_bin2hex(all, sizeof(all), digest, sizeof(digest));
	}
	return lease_set_device(l, r->options, "client", all);
}

static const char *read_kea_row(struct lease_reading *r, const struct kea *k, struct hin_lease *l)
{
	char text[HIN_ADDR_TEXT + 8];
	const char *length = cell(k, k->prefix_len);
	int64_t expire, valid;

	begin_lease(l);
	if (length[0] != '\0' && strcmp(length, "128") != 0 && strlen(length) < 4)
		snprintf(text, sizeof(text), "%.45s/%.3s", cell(k, k->address), length);
	else
		snprintf(text, sizeof(text), "%.45s", cell(k, k->address));
	if (!set_range(l, text))
		return "this is no address";
	if (hin_number_i64(&expire, "", cell(k, k->expire), 1, HIN_LEASE_SECONDS, NULL) != HIN_OK ||
	    hin_number_i64(&valid, "", cell(k, k->valid), 0, UINT32_MAX, NULL) != HIN_OK)
		return "expire or valid_lifetime is no number";
	l->until_us = valid == UINT32_MAX ? 0 : expire * 1000000;
	l->from_us = (expire > valid ? expire - valid : 0) * 1000000;
	return set_kea_client(r, k, l) ? NULL : "the client has neither hwaddr, duid nor client_id";
}

enum hin_code lease_read_kea(struct lease_reading *r)
{
	struct kea k;
	struct hin_error why = { 0 };
	enum hin_code code;

	hin_csv_init(&k.csv, r->text, r->size);
	k.csv.plain = true; /* commas are written as "&#x2c", and JSON as it is */
	code = hin_csv_next(&k.csv, &why);
	k.address = column(&k.csv, "address");
	k.hwaddr = column(&k.csv, "hwaddr");
	k.client = column(&k.csv, "client_id");
	k.duid = column(&k.csv, "duid");
	k.valid = column(&k.csv, "valid_lifetime");
	k.expire = column(&k.csv, "expire");
	k.state = column(&k.csv, "state");
	k.prefix_len = column(&k.csv, "prefix_len");
	if (code != HIN_OK || k.address == SIZE_MAX || k.valid == SIZE_MAX || k.expire == SIZE_MAX)
		code = hin_fail(r->err, HIN_EFORMAT,
				"%.80s: its first line has no titles of Kea's (address, "
				"valid_lifetime, expire)",
				r->options->name);
	while (code == HIN_OK) {
		struct hin_lease lease;
		const char *wrong;

		code = hin_csv_next(&k.csv, &why);
		if (code == HIN_EOF)
			break;
		if (code == HIN_ENOMEM) {
			(void)hin_fail(r->err, code, "%s", why.text);
			break;
		}
		if (code != HIN_OK) {
			code = lease_refuse(r, k.csv.line, why.text);
			continue;
		}
		if (strcmp(cell(&k, k.state), "1") == 0)
			continue; /* declined: somebody else was found to have it */
		wrong = read_kea_row(r, &k, &lease);
		code = wrong != NULL ? lease_refuse(r, k.csv.line, wrong)
				     : lease_take(r, &lease, k.csv.line);
	}
	hin_csv_fini(&k.csv);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- dnsmasq ---- */

/* "1700086400 00:00:5e:00:53:01 192.0.2.5 name client-id"; for IPv6 an IAID in place of the MAC. */
static const char *read_dnsmasq_line(struct lease_reading *r, char *line, struct hin_lease *l)
{
	char *rest = line, *fields[5], mac[18], duid[HIN_LEASE_DEVICE];
	int64_t ends;
	bool known;

	begin_lease(l);
	for (size_t i = 0; i < HIN_COUNT(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (fields[i] == NULL)
			return "fewer than five fields";
	}
	if (hin_number_i64(&ends, "", fields[0], 0, HIN_LEASE_SECONDS, NULL) != HIN_OK)
		return "the first field is no time in seconds";
	if (!set_range(l, fields[2]))
		return "the third field is no address";
	/* 0 is for ever: since when is not known, so it counts from now */
	l->until_us = ends * 1000000;
	l->from_us = ends > 0 ? l->until_us - r->options->lease_us : r->options->now_us;
	if (l->from_us < 0)
		l->from_us = 0;
	l->confidence = 80; /* when it began is what the settings say */
	if (hin_addr_is_v4(&l->low)) {
		/* "06-00:00:..." where it is no Ethernet */
		known = lease_read_mac(mac, fields[1]) &&
			lease_set_device(l, r->options, "mac", mac);
		return known ? NULL : "the second field is no Ethernet address";
	}
	known = read_hex(fields[4], duid, sizeof(duid) - 8) &&
		lease_set_device(l, r->options, "duid", duid);
	return known ? NULL : "the fifth field is no DUID";
}

enum hin_code lease_read_dnsmasq(struct lease_reading *r)
{
	struct hin_lines lines;
	enum hin_code code = lease_lines(r, &lines);

	while (code == HIN_OK) {
		struct hin_lease lease;
		const char *why;

		code = hin_lines_next(&lines);
		if (code == HIN_EOF)
			break;
		if (code != HIN_OK) {
			code = lease_refuse(r, lines.number, "too long, or a NUL byte");
			continue;
		}
		if (lines.size == 0 || strncmp(lines.line, "duid ", 5) == 0)
			continue;
		why = read_dnsmasq_line(r, lines.line, &lease);
		code = why != NULL ? lease_refuse(r, lines.number, why)
				   : lease_take(r, &lease, lines.number);
	}
	free(lines.line);
	return code == HIN_EOF ? HIN_OK : code;
}
