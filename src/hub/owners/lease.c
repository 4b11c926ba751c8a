/* lease - what all logs of leases have in common, and the desk; see lease.h */
#include "hub/owners/lease.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "hub/owners/lease_priv.h"
#include "hub/owners/loading.h"
#include "trust/act_numbers.h"

#define DAY_US (HIN_NS_PER_DAY / HIN_NS_PER_US)
#define FORGET 2000 /* leases of one transaction */

const char *const hin_lease_formats[HIN_LEASE_FORMATS + 1] = { "dhcpd",	 "kea", "dnsmasq",
							       "radius", "nat", "conntrack",
							       "csv",	 NULL };

/* ---- reading ---- */

enum hin_code lease_refuse(struct lease_reading *r, size_t line, const char *why)
{
	return hin_directory_refuse(r->notes, r->options->name, line, why, r->err);
}

void lease_skip(struct lease_reading *r, size_t line, const char *why)
{
	struct hin_error text;

	(void)hin_fail(&text, HIN_EFORMAT, "%.60s:%zu: %s", r->options->name, line, why);
	if (r->notes->note != NULL)
		r->notes->note(r->notes->user, text.text);
	r->notes->skipped++;
}

enum hin_code lease_lines(struct lease_reading *r, struct hin_lines *out)
{
	*out = (struct hin_lines){ .at = r->text,
				   .end = r->text + r->size,
				   .line = malloc(HIN_LEASE_LINE + 1),
				   .most = HIN_LEASE_LINE };
	return out->line != NULL ? HIN_OK : hin_fail(r->err, HIN_ENOMEM, "no memory for a line");
}

bool lease_read_mac(char out[18], const char *text)
{
	unsigned digits = 0;

	for (; *text != '\0'; text++) {
		if (isxdigit((unsigned char)*text)) {
			if (digits == 12)
				return false;
			out[digits / 2 * 3 + digits % 2] = (char)tolower((unsigned char)*text);
			digits++;
		} else if (strchr(":-.", *text) == NULL) {
			return false;
		}
	}
	for (unsigned i = 2; i < 17; i += 3)
		out[i] = ':';
	out[17] = '\0';
	return digits == 12;
}

static bool is_name(const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n > HIN_LEASE_DEVICE - 24)
		return false;
	for (; *value != '\0'; value++)
		if (!isalnum((unsigned char)*value) && strchr(":._@/#+=-", *value) == NULL)
			return false;
	return true;
}

bool lease_set_device(struct hin_lease *lease, const struct hin_lease_options *options,
		      const char *kind, const char *value)
{
	char small[HIN_LEASE_DEVICE - 16], hex[33];
	uint8_t digest[16];
	size_t n = strlen(value);

	lease->device[0] = '\0';
	if (!is_name(value))
		return false;
	for (size_t i = 0; i <= n; i++)
		small[i] = (char)tolower((unsigned char)value[i]);
	if (options->key == NULL) {
		snprintf(lease->device, sizeof(lease->device), "%.10s:%s", kind, small);
		return true;
	}
	crypto_generichash(digest, sizeof(digest), (const unsigned char *)small, n,
			   (const unsigned char *)options->key, 32);
	sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
	snprintf(lease->device, sizeof(lease->device), "%s:%s", kind, hex);
	return true;
}

enum hin_code lease_take(struct lease_reading *r, struct hin_lease *lease, size_t line)
{
	if (lease->until_us != 0 && lease->until_us <= lease->from_us)
		return lease->until_us == lease->from_us
			       ? HIN_OK /* given back at once: nobody had it */
			       : lease_refuse(r, line, "the lease ends before it begins");
	if (lease->from_us < 0)
		return lease_refuse(r, line, "the lease begins before 1970");
	if (hin_addr_is_v4(&lease->low) != hin_addr_is_v4(&lease->high) ||
	    hin_addr_compare(&lease->low, &lease->high) > 0)
		return lease_refuse(r, line, "the range ends before it begins");
	if (hin_directory_is_too_wide(&lease->low, &lease->high))
		return lease_refuse(r, line, "the range is wider than any lease");
	if (lease->port_low > lease->port_high)
		return lease_refuse(r, line, "the block of ports ends before it begins");
	return r->take(r->user, lease, r->err);
}

enum hin_code hin_lease_parse(const struct hin_lease_options *options, const void *data,
			      size_t size, hin_lease_fn take, void *user,
			      struct hin_directory_notes *notes, struct hin_error *err)
{
	static enum hin_code (*const readers[HIN_LEASE_FORMATS])(struct lease_reading * r) = {
		[HIN_LEASE_DHCPD] = lease_read_dhcpd,
		[HIN_LEASE_KEA] = lease_read_kea,
		[HIN_LEASE_DNSMASQ] = lease_read_dnsmasq,
		[HIN_LEASE_RADIUS] = lease_read_radius,
		[HIN_LEASE_NAT] = lease_read_nat,
		[HIN_LEASE_CONNTRACK] = lease_read_conntrack,
		[HIN_LEASE_CSV] = lease_read_csv,
	};
	struct hin_lease_options with = *options;
	struct lease_reading r = { &with, data, size, take, user, notes, err };

	if (size > HIN_DIRECTORY_FILE)
		return hin_fail(err, HIN_ELIMIT, "%.80s is larger than %zu bytes", options->name,
				HIN_DIRECTORY_FILE);
	if (with.lease_us == 0)
		with.lease_us = DAY_US;
	return readers[options->format](&r);
}

/* ---- open leases ---- */

uint64_t lease_hash(uint64_t seed, const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	h ^= h >> 31;
	return h * 0x9e3779b97f4a7c15u | 1; /* 0 is a free row */
}

static struct lease_open *find(struct lease_open *rows, size_t size, uint64_t key)
{
	size_t at = (size_t)(key >> 24) & (size - 1);

	while (rows[at].key != 0 && rows[at].key != key)
		at = (at + 1) & (size - 1);
	return &rows[at];
}

struct lease_open *lease_table_row(struct lease_table *t, uint64_t key)
{
	struct lease_open *row;

	if ((t->count + 1) * 3 > t->size * 2) {
		size_t size = t->size > 0 ? t->size * 2 : 256;
		struct lease_open *rows =
			t->count < HIN_LEASE_OPEN ? calloc(size, sizeof(*rows)) : NULL;

		if (rows == NULL)
			return NULL;
		for (size_t i = 0; i < t->size; i++)
			if (t->rows[i].key != 0)
				*find(rows, size, t->rows[i].key) = t->rows[i];
		free(t->rows);
		t->rows = rows;
		t->size = size;
	}
	row = find(t->rows, t->size, key);
	if (row->key == 0) {
		*row = (struct lease_open){ .key = key };
		t->count++;
	}
	return row;
}

void lease_table_remove(struct lease_table *t, uint64_t key)
{
	struct lease_open *row;
	size_t at, next;

	if (t->size == 0)
		return;
	row = find(t->rows, t->size, key);
	if (row->key == 0)
		return;
	/* move up what was pushed behind it */
	at = (size_t)(row - t->rows);
	t->rows[at].key = 0;
	t->count--;
	for (next = (at + 1) & (t->size - 1); t->rows[next].key != 0;
	     next = (next + 1) & (t->size - 1)) {
		struct lease_open moved = t->rows[next];

		t->rows[next].key = 0;
		*find(t->rows, t->size, moved.key) = moved;
	}
}

/* ---- the desk ---- */

/* Number and end of the first row; HIN_ENOENT when there is none. */
static enum hin_code first_row(struct hin_desk *desk, sqlite3_stmt *s, int64_t *id,
			       int64_t *until_us, struct hin_error *err)
{
	enum hin_code code = hin_desk_step(desk, s, err);

	if (code == HIN_OK) {
		*id = sqlite3_column_int64(s, 0);
		*until_us = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
	return code == HIN_EOF ? HIN_ENOENT : code;
}

/* The row of this very lease; HIN_ENOENT when there is none. */
static enum hin_code find_same(struct hin_desk *desk, const struct hin_lease *l, int64_t *id,
			       int64_t *until_us, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT id, until_us FROM lease WHERE low = ?1 AND from_us = ?2 AND high = ?3 "
		"AND port_low = ?4 AND port_high = ?5 AND device = ?6 AND basis = ?7",
		err);
	enum hin_code code = s == NULL ? HIN_EFORMAT
				       : hin_desk_bind(desk, s, err, "aiaiitt", &l->low, l->from_us,
						       &l->high, (int64_t)l->port_low,
						       (int64_t)l->port_high, l->device, l->basis);

	return code == HIN_OK ? first_row(desk, s, id, until_us, err) : code;
}

/* The row of the same device's lease that is open and goes on in this one; HIN_ENOENT. */
static enum hin_code find_open(struct hin_desk *desk, const struct hin_lease *l, int64_t *id,
			       int64_t *until_us, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT id, until_us FROM lease WHERE until_us = 0 AND low = ?1 AND port_low = ?4 "
		"AND device = ?6 AND high = ?3 AND port_high = ?5 AND basis = ?7 AND from_us <= ?2 "
		"ORDER BY from_us DESC LIMIT 1",
		err);
	enum hin_code code = s == NULL ? HIN_EFORMAT
				       : hin_desk_bind(desk, s, err, "aiaiitt", &l->low, l->from_us,
						       &l->high, (int64_t)l->port_low,
						       (int64_t)l->port_high, l->device, l->basis);

	return code == HIN_OK ? first_row(desk, s, id, until_us, err) : code;
}

static enum hin_code find_organisation(struct hin_desk *desk, const char *handle, int64_t *id,
				       struct hin_error *err)
{
	enum hin_code code;

	*id = 0;
	if (handle == NULL || handle[0] == '\0')
		return HIN_OK;
	code = hin_desk_number(desk, id, err, "SELECT id FROM organisation WHERE handle = ?1", "t",
			       handle);
	if (code == HIN_ENOENT)
		return hin_fail(err, HIN_ENOENT, "organisation \"%.64s\" is not in the directory",
				handle);
	return code;
}

static enum hin_code extend(struct hin_desk *desk, const struct hin_lease *lease, int64_t id,
			    int64_t until_us, struct hin_lease_change *change,
			    struct hin_error *err)
{
	if (until_us == lease->until_us) {
		change->same++;
		return HIN_OK;
	}
	change->extended++;
	return hin_desk_run(desk, err, "UPDATE lease SET until_us = ?2 WHERE id = ?1", "ii", id,
			    lease->until_us);
}

enum hin_code hin_lease_put(struct hin_desk *desk, const struct hin_lease *lease,
			    const char *source, struct hin_lease_change *change,
			    struct hin_error *err)
{
	int64_t id, until_us, organisation;
	enum hin_code code = find_organisation(desk, lease->organisation, &organisation, err);

	if (code != HIN_OK)
		return code;
	code = find_open(desk, lease, &id, &until_us, err);
	if (code == HIN_OK)
		return extend(desk, lease, id, until_us, change, err);
	if (code != HIN_ENOENT)
		return code;
	code = hin_desk_run(
		desk, err,
		"INSERT OR IGNORE INTO lease (low, high, port_low, port_high, from_us, until_us, "
		"device, organisation, basis, confidence, source) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULLIF(?8, 0), ?9, ?10, ?11)",
		"aaiiiititit", &lease->low, &lease->high, (int64_t)lease->port_low,
		(int64_t)lease->port_high, lease->from_us, lease->until_us, lease->device,
		organisation, lease->basis, (int64_t)lease->confidence, source);
	if (code != HIN_OK)
		return code;
	if (hin_desk_changed(desk) > 0) {
		change->added++;
		return HIN_OK;
	}
	/* "ignored" is also what breaks another rule of the schema, but then it is not there */
	code = find_same(desk, lease, &id, &until_us, err);
	if (code == HIN_ENOENT)
		return hin_fail(err, HIN_EVERIFY, "a lease that the desk does not take");
	return code == HIN_OK ? extend(desk, lease, id, until_us, change, err) : code;
}

static enum hin_code write_act(struct hin_desk *desk, const struct hin_desk_act *act,
			       struct hin_buffer *object, struct hin_error *err)
{
	struct hin_desk_act with = *act;
	enum hin_code code;

	with.object = hin_buffer_text(object);
	code = object->failed ? hin_fail(err, HIN_ENOMEM, "no memory for an act")
			      : hin_desk_act(desk, &with, NULL, err);
	hin_buffer_fini(object);
	return code == HIN_OK ? hin_directory_touch(desk, true, err) : code;
}

struct putting {
	struct hin_loading loading;
	struct hin_lease_change *change;
	char known[HIN_DIRECTORY_HANDLE + 1]; /* an organisation that was found */
};

/* Before the desk is written to: is the organisation there? */
static enum hin_code check_one(void *user, const struct hin_lease *lease, struct hin_error *err)
{
	struct putting *p = user;
	int64_t id;
	enum hin_code code;

	if (lease->organisation == NULL || strcmp(lease->organisation, p->known) == 0)
		return HIN_OK;
	code = find_organisation(p->loading.desk, lease->organisation, &id, err);
	if (code == HIN_OK)
		snprintf(p->known, sizeof(p->known), "%s", lease->organisation);
	return code;
}

static enum hin_code put_one(void *user, const struct hin_lease *lease, struct hin_error *err)
{
	struct putting *p = user;
	enum hin_code code = hin_loading_step(&p->loading, err);

	return code == HIN_OK ? hin_lease_put(p->loading.desk, lease, p->loading.what.source,
					      p->change, err)
			      : code;
}

static enum hin_code import_act(struct hin_desk *desk, const struct hin_lease_options *options,
				const struct hin_lease_import *import,
				const struct hin_lease_change *change, struct hin_error *err)
{
	struct hin_desk_act act = { .time_us = options->now_us,
				    .account = import->account,
				    .kind = HIN_ACT_LEASES_LOADED };
	struct hin_buffer object = { 0 };
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), import->digest, 32);
	hin_buffer_printf(&object,
			  "{\"format\":\"%s\",\"source\":", hin_lease_formats[options->format]);
	hin_escape_json(&object, import->source, strlen(import->source));
	hin_buffer_puts(&object, ",\"file\":");
	hin_escape_json(&object, options->name, strlen(options->name));
	hin_buffer_printf(&object,
			  ",\"sha256\":\"%s\",\"added\":%llu,\"extended\":%llu,\"same\":%llu,"
			  "\"refused\":%llu}",
			  hex, (unsigned long long)change->added,
			  (unsigned long long)change->extended, (unsigned long long)change->same,
			  (unsigned long long)change->refused);
	return write_act(desk, &act, &object, err);
}

/* Write what was read and found right, bit by bit. */
static enum hin_code put_all(struct putting *p, const struct hin_lease_options *options,
			     const struct hin_lease_import *import, const void *data, size_t size,
			     struct hin_error *err)
{
	struct hin_directory_notes told = { 0 }; /* already */
	enum hin_code code = hin_lease_parse(options, data, size, put_one, p, &told, err);

	if (code == HIN_OK)
		code = hin_loading_step(&p->loading, err);
	if (code == HIN_OK && !import->dry_run)
		code = import_act(p->loading.desk, options, import, p->change, err);
	if (code == HIN_OK)
		return hin_loading_end(&p->loading, err);
	hin_loading_drop(&p->loading, err);
	return code;
}

enum hin_code hin_lease_import(struct hin_desk *desk, const struct hin_lease_options *options,
			       const struct hin_lease_import *import, const void *data, size_t size,
			       struct hin_directory_notes *notes, struct hin_lease_change *change,
			       struct hin_error *err)
{
	struct putting p = {
		.loading = { .desk = desk,
			     .what = { "leases", import->source, options->name, import->digest,
				       import->account, options->now_us },
			     .dry_run = import->dry_run,
			     .bit_ns = import->bit_ns },
		.change = change,
	};
	struct hin_error why = { 0 };
	uint64_t before = notes->refused;
	enum hin_code code;

	*change = (struct hin_lease_change){ 0 };
	code = hin_lease_parse(options, data, size, check_one, &p, notes, &why);
	change->refused = notes->refused - before;
	if (code == HIN_OK && change->refused > 0 && !import->skip_refused)
		code = hin_fail(&why, HIN_EFORMAT,
				"%.80s: %llu lines are wrong: nothing was changed", options->name,
				(unsigned long long)change->refused);
	if (code == HIN_OK)
		code = put_all(&p, options, import, data, size, &why);
	if (code != HIN_OK && err != NULL)
		*err = why;
	return code;
}

/* The act comes first, with how many there are; whoever forgets again goes on. */
static enum hin_code begin_to_forget(struct hin_desk *desk, int64_t before_us,
				     struct hin_desk_act *act, uint64_t *count,
				     struct hin_error *err)
{
	struct hin_buffer object = { 0 };
	char text[HIN_TIME_TEXT];
	int64_t all = 0;
	enum hin_code code = hin_desk_begin(desk, err);

	if (code == HIN_OK)
		code = hin_desk_number(desk, &all, err,
				       "SELECT count(*) FROM lease WHERE until_us > 0 AND until_us "
				       "< ?1",
				       "i", before_us);
	if (code == HIN_OK) {
		*count = (uint64_t)all;
		hin_buffer_printf(&object, "{\"before\":\"%s\",\"count\":%llu}",
				  hin_time_format_iso(text, before_us * HIN_NS_PER_US, HIN_TIME_US),
				  (unsigned long long)*count);
		code = write_act(desk, act, &object, err);
	}
	if (code == HIN_OK)
		return hin_desk_commit(desk, err);
	hin_desk_rollback(desk);
	return code;
}

enum hin_code hin_lease_forget(struct hin_desk *desk, int64_t before_us, int64_t account,
			       int64_t now_us, uint64_t *count, struct hin_error *err)
{
	static const struct timespec rest = { .tv_nsec = HIN_LOADING_REST_NS };
	struct hin_desk_act act = { .time_us = now_us,
				    .account = account,
				    .kind = HIN_ACT_LEASES_FORGOTTEN };
	enum hin_code code = begin_to_forget(desk, before_us, &act, count, err);
	int64_t gone = FORGET;

	while (code == HIN_OK && gone == FORGET) { /* others write between the bits */
		code = hin_desk_run(desk, err,
				    "DELETE FROM lease WHERE id IN (SELECT id FROM lease WHERE "
				    "until_us > 0 AND until_us < ?1 LIMIT ?2)",
				    "ii", before_us, (int64_t)FORGET);
		gone = hin_desk_changed(desk);
		if (code == HIN_OK && gone == FORGET)
			(void)nanosleep(&rest, NULL);
	}
	if (code != HIN_OK)
		return code;
	/* the snapshots that were made of a part */
	return hin_directory_touch(desk, true, err);
}
