/* lease_radius - accounting of RADIUS (RFC 2866, RFC 3162, RFC 4818) as FreeRADIUS writes it into
 * detail files; see lease.h
 *
 *	Sun Nov 22 02:10:03 2026
 *		Acct-Status-Type = Start
 *		Acct-Session-Id = "5F3A..."
 *		Framed-IP-Address = 192.0.2.5
 *		Timestamp = 1795313403
 *
 * A session is one lease of each of its addresses, from Start (or from when it was first heard of)
 * to Stop. A session that was heard of last at some moment and never ended is open until it has
 * been silent for the lease's length. Accounting-On and Accounting-Off end all that the NAS had
 * (RFC 2866 5.1): it has restarted, and says no Stop.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "hub/owners/lease_priv.h"

enum status { S_NONE, S_START, S_INTERIM, S_STOP, S_REBOOT };

struct record {
	size_t line;
	enum status status;
	char session[64], nas[64], user[64], station[64];
	struct hin_prefix v4, v6, pd;
	bool has_v4, has_v6, has_pd;
	int64_t time_s, delay_s, length_s;
	const char *why;
};

#define WALK UINT64_C(2000000000) /* rows looked at for restarts: what a hostile log can cost */

struct radius {
	struct lease_reading *r;
	struct lease_table open;
	uint64_t walked;
	struct record record;
};

/* The value without its quotes; texts too long are cut: they are identifiers, compared only. */
static void read_text(char *out, size_t size, const char *value)
{
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value++;
		n -= 2;
	}
	if (n >= size)
		n = size - 1;
	memcpy(out, value, n);
	out[n] = '\0';
}

static void read_prefix(struct record *rec, struct hin_prefix *out, bool *has, const char *value)
{
	char text[64];

	read_text(text, sizeof(text), value);
	if (hin_prefix_parse(out, text, NULL) == HIN_OK)
		*has = true;
	else
		rec->why = "an address or prefix cannot be read";
}

static void read_number(struct record *rec, int64_t *out, const char *value)
{
	char text[32];

	read_text(text, sizeof(text), value);
	if (hin_number_i64(out, "", text, 0, HIN_LEASE_SECONDS, NULL) != HIN_OK)
		rec->why = "a time cannot be read";
}

static void read_status(struct record *rec, const char *value)
{
	static const struct {
		const char *name;
		enum status status;
	} names[] = { { "Start", S_START },	     { "Interim-Update", S_INTERIM },
		      { "Alive", S_INTERIM },	     { "Stop", S_STOP },
		      { "Accounting-On", S_REBOOT }, { "Accounting-Off", S_REBOOT } };
	char text[32];

	read_text(text, sizeof(text), value);
	for (size_t i = 0; i < HIN_COUNT(names); i++)
		if (strcmp(text, names[i].name) == 0)
			rec->status = names[i].status;
}

static void read_attribute(struct record *rec, const char *name, const char *value)
{
	if (strcmp(name, "Acct-Status-Type") == 0)
		read_status(rec, value);
	else if (strcmp(name, "Acct-Session-Id") == 0)
		read_text(rec->session, sizeof(rec->session), value);
	else if (strcmp(name, "NAS-IP-Address") == 0 || strcmp(name, "NAS-IPv6-Address") == 0 ||
		 (strcmp(name, "NAS-Identifier") == 0 && rec->nas[0] == '\0'))
		read_text(rec->nas, sizeof(rec->nas), value);
	else if (strcmp(name, "User-Name") == 0)
		read_text(rec->user, sizeof(rec->user), value);
	else if (strcmp(name, "Calling-Station-Id") == 0)
		read_text(rec->station, sizeof(rec->station), value);
	else if (strcmp(name, "Framed-IP-Address") == 0)
		read_prefix(rec, &rec->v4, &rec->has_v4, value);
	else if (strcmp(name, "Framed-IPv6-Prefix") == 0 ||
		 (strcmp(name, "Framed-IPv6-Address") == 0 && !rec->has_v6))
		read_prefix(rec, &rec->v6, &rec->has_v6, value);
	else if (strcmp(name, "Delegated-IPv6-Prefix") == 0)
		read_prefix(rec, &rec->pd, &rec->has_pd, value);
	else if (strcmp(name, "Timestamp") == 0 ||
		 (strcmp(name, "Event-Timestamp") == 0 && isdigit((unsigned char)value[0])))
		read_number(rec, &rec->time_s, value);
	else if (strcmp(name, "Acct-Delay-Time") == 0)
		read_number(rec, &rec->delay_s, value);
	else if (strcmp(name, "Acct-Session-Time") == 0)
		read_number(rec, &rec->length_s, value);
}

/* The machine at the line's other end; else who pays for it. */
static bool set_device(const struct radius *a, const struct record *rec, struct hin_lease *l)
{
	char mac[18];

	if (lease_read_mac(mac, rec->station))
		return lease_set_device(l, a->r->options, "mac", mac);
	if (rec->station[0] != '\0' && lease_set_device(l, a->r->options, "circuit", rec->station))
		return true;
	return lease_set_device(l, a->r->options, "user", rec->user);
}

static uint64_t server_of(const struct record *rec)
{
	return lease_hash(2, rec->nas, strlen(rec->nas) + 1);
}

static uint64_t key_of(const struct record *rec, const struct hin_prefix *p)
{
	uint64_t h = lease_hash(1, rec->session, strlen(rec->session) + 1);

	h = lease_hash(h, rec->nas, strlen(rec->nas) + 1);
	h = lease_hash(h, &p->addr, sizeof(p->addr));
	return lease_hash(h, &p->len, 1);
}

/* One address of one record. */
static enum hin_code take_address(struct radius *a, const struct hin_prefix *p)
{
	const struct record *rec = &a->record;
	int64_t now_us = (rec->time_s - rec->delay_s) * 1000000;
	uint64_t key = key_of(rec, p);
	struct lease_open *row = lease_table_row(&a->open, key);
	struct hin_lease lease;

	if (row == NULL)
		return hin_fail(a->r->err, HIN_ELIMIT, "more than %u sessions are open at once",
				HIN_LEASE_OPEN);
	if (!row->used) {
		row->used = true;
		row->line = rec->line;
		row->server = server_of(rec);
		row->lease = (struct hin_lease){ .port_high = 65535,
						 .from_us = now_us,
						 .organisation = "",
						 .basis = "radius",
						 .confidence = 90 };
		hin_directory_prefix_ends(p, &row->lease.low, &row->lease.high);
		/* heard of in its middle: the session says how long it is under way */
		if (rec->status != S_START)
			row->lease.from_us -= rec->length_s * 1000000;
		if (!set_device(a, rec, &row->lease)) {
			lease_table_remove(&a->open, key);
			return lease_refuse(
				a->r, rec->line,
				"neither Calling-Station-Id nor User-Name names a device");
		}
	}
	row->seen_us = now_us;
	if (rec->status != S_STOP)
		return HIN_OK;
	lease = row->lease;
	lease.until_us = now_us;
	lease_table_remove(&a->open, key);
	return lease_take(a->r, &lease, rec->line);
}

/* The NAS went down or came up: what was open there, and not heard of since, has ended. */
static enum hin_code restart(struct radius *a)
{
	int64_t now_us = (a->record.time_s - a->record.delay_s) * 1000000;
	uint64_t server = server_of(&a->record);
	enum hin_code code = HIN_OK;

	a->walked += a->open.size;
	if (a->walked > WALK)
		return lease_refuse(a->r, a->record.line, "too many restarts for so many sessions");
	for (size_t i = 0; code == HIN_OK && i < a->open.size;) {
		struct lease_open *row = &a->open.rows[i];
		struct hin_lease lease = row->lease;

		if (row->key == 0 || !row->used || row->server != server || row->seen_us > now_us) {
			i++;
			continue;
		}
		lease.until_us = now_us;
		lease_table_remove(&a->open, row->key); /* another may move here */
		code = lease_take(a->r, &lease, a->record.line);
	}
	return code;
}

static enum hin_code end_record(struct radius *a)
{
	struct record *rec = &a->record;
	enum hin_code code = HIN_OK;

	if (rec->line == 0 || rec->status == S_NONE)
		return HIN_OK;
	if (rec->why == NULL && rec->time_s == 0)
		rec->why = "the record has no Timestamp";
	if (rec->why == NULL && rec->status == S_REBOOT && rec->nas[0] == '\0')
		rec->why = "the record names no NAS";
	if (rec->why == NULL && rec->session[0] == '\0' && rec->status != S_REBOOT)
		rec->why = "the record has no Acct-Session-Id";
	if (rec->why == NULL && rec->delay_s > rec->time_s)
		rec->why = "Acct-Delay-Time is before 1970";
	if (rec->why != NULL)
		return lease_refuse(a->r, rec->line, rec->why);
	if (rec->status == S_REBOOT)
		return restart(a);
	if (rec->has_v4)
		code = take_address(a, &rec->v4);
	if (code == HIN_OK && rec->has_v6)
		code = take_address(a, &rec->v6);
	if (code == HIN_OK && rec->has_pd)
		code = take_address(a, &rec->pd);
	return code;
}

/* Sessions without an end: open, or silent for too long. */
static enum hin_code end_open(struct radius *a)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < a->open.size; i++) {
		struct lease_open *row = &a->open.rows[i];

		if (row->key == 0 || !row->used)
			continue;
		row->lease.until_us = row->seen_us + a->r->options->lease_us;
		if (row->lease.until_us > a->r->options->now_us)
			row->lease.until_us = 0;
		code = lease_take(a->r, &row->lease, row->line);
	}
	return code;
}

static enum hin_code read_line(struct radius *a, char *line, size_t number)
{
	char *name = line, *equals, *end;
	enum hin_code code;

	if (line[0] != '\t' && line[0] != ' ') {
		code = end_record(a);
		a->record = (struct record){ .line = line[0] != '\0' ? number : 0 };
		return code;
	}
	if (a->record.line == 0)
		a->record.line = number;
	while (*name == ' ' || *name == '\t')
		name++;
	equals = strchr(name, '=');
	if (equals == NULL)
		return *name == '\0' ? HIN_OK
				     : lease_refuse(a->r, number, "no \"Attribute = value\"");
	for (end = equals; end > name && (end[-1] == ' ' || end[-1] == ':'); end--)
		;
	*end = '\0';
	for (equals++; *equals == ' '; equals++)
		;
	read_attribute(&a->record, name, equals);
	return HIN_OK;
}

enum hin_code lease_read_radius(struct lease_reading *r)
{
	struct radius *a = calloc(1, sizeof(*a));
	struct hin_lines lines;
	enum hin_code code;

	if (a == NULL)
		return hin_fail(r->err, HIN_ENOMEM, "no memory to read %.80s", r->options->name);
	a->r = r;
	code = lease_lines(r, &lines);
	while (code == HIN_OK) {
		code = hin_lines_next(&lines);
		if (code == HIN_OK)
			code = read_line(a, lines.line, lines.number);
		else if (code != HIN_EOF)
			code = lease_refuse(r, lines.number, "too long, or a NUL byte");
	}
	if (code == HIN_EOF)
		code = end_record(a);
	if (code == HIN_OK)
		code = end_open(a);
	free(lines.line);
	free(a->open.rows);
	free(a);
	return code;
}
