/* owners_leases - leases of the desk as stretches of time that do not overlap; see owners.h */
#include <stdlib.h>
#include <string.h>

#include "hub/owners/owners_priv.h"

#define LEASE_BYTES 220 /* of memory, about, for one while it is read */

/* A lease as it is in the desk. */
struct row {
	struct hin_addr low, high;
	int64_t from_us, until_us;
	uint32_t device, organisation;
	uint16_t port_low, port_high;
	uint8_t basis, confidence;
	bool lasting;
};

struct loading {
	struct hin_owners *o;
	struct row *rows;
	size_t count, room;
	uint32_t *table; /* devices by text: offset */
	size_t table_size, device_count, device_room;
	struct hin_error *err;
};

/* ---- devices ---- */

static size_t hash(const char *text)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	h ^= h >> 32;
	return (size_t)(h * 0x9e3779b97f4a7c15u >> 16);
}

static bool grow_table(struct loading *l)
{
	size_t size = l->table_size > 0 ? l->table_size * 2 : 1024;
	uint32_t *table = calloc(size, sizeof(*table));

	if (table == NULL)
		return false;
	for (size_t i = 0; i < l->table_size; i++) {
		size_t slot;

		if (l->table[i] == 0)
			continue;
		slot = hash(l->o->devices + l->table[i]) & (size - 1);
		while (table[slot] != 0)
			slot = (slot + 1) & (size - 1);
		table[slot] = l->table[i];
	}
	free(l->table);
	l->table = table;
	l->table_size = size;
	return true;
}

/* The offset of a device's text, entered when it is new. Text 0 is "". */
static enum hin_code device_of(struct loading *l, const char *text, uint32_t *out)
{
	size_t size = strlen(text) + 1, slot;
	struct hin_owners *o = l->o;

	*out = 0;
	if (size == 1)
		return HIN_OK;
	if (l->device_count * 2 >= l->table_size && !grow_table(l))
		return hin_fail(l->err, HIN_ENOMEM, "no memory for %zu devices", l->device_count);
	slot = hash(text) & (l->table_size - 1);
	for (; l->table[slot] != 0; slot = (slot + 1) & (l->table_size - 1)) {
		if (strcmp(o->devices + l->table[slot], text) == 0) {
			*out = l->table[slot];
			return HIN_OK;
		}
	}
	if (o->device_bytes + size > l->device_room) {
		size_t room = (l->device_room + size) * 2;
		char *more = room < UINT32_MAX ? realloc(o->devices, room) : NULL;

		if (more == NULL)
			return hin_fail(l->err, HIN_ENOMEM, "no memory for %zu devices",
					l->device_count);
		o->devices = more;
		l->device_room = room;
	}
	memcpy(o->devices + o->device_bytes, text, size);
	l->table[slot] = *out = (uint32_t)o->device_bytes;
	o->device_bytes += size;
	l->device_count++;
	return HIN_OK;
}

/* ---- reading ---- */

static enum hin_owner_basis basis_of(const char *word)
{
	for (enum hin_owner_basis b = HIN_OWNER_DIRECTORY; b <= HIN_OWNER_HAND; b++)
		if (strcmp(word, hin_owner_basis_name(b)) == 0)
			return b;
	return HIN_OWNER_NONE;
}

static enum hin_code take_row(struct loading *l, sqlite3_stmt *s)
{
	struct row r = {
		.port_low = (uint16_t)sqlite3_column_int(s, 2),
		.port_high = (uint16_t)sqlite3_column_int(s, 3),
		.from_us = sqlite3_column_int64(s, 4),
		.until_us = sqlite3_column_int64(s, 5),
		.organisation = OWNERS_NONE,
		.basis = (uint8_t)basis_of(hin_desk_text(s, 8)),
		.confidence = (uint8_t)sqlite3_column_int(s, 9),
	};
	enum hin_code code;

	if (!hin_desk_address(s, 0, &r.low) || !hin_desk_address(s, 1, &r.high))
		return HIN_OK;
	if (r.until_us == 0)
		r.until_us = OWNERS_FOR_EVER;
	if (r.until_us <= r.from_us || r.port_low > r.port_high)
		return HIN_OK;
	if (sqlite3_column_type(s, 7) != SQLITE_NULL)
		r.organisation = hin_owners_index(l->o, sqlite3_column_int64(s, 7));
	r.lasting = r.basis == HIN_OWNER_DIRECTORY || r.basis == HIN_OWNER_HAND;
	code = device_of(l, hin_desk_text(s, 6), &r.device);
	if (code != HIN_OK)
		return code;
	if (l->count == l->room) {
		size_t room = l->room > 0 ? l->room * 2 : 256;
		struct row *more = reallocarray(l->rows, room, sizeof(*more));

		if (more == NULL)
			return hin_fail(l->err, HIN_ENOMEM, "no memory for %zu leases", room);
		l->rows = more;
		l->room = room;
	}
	l->rows[l->count++] = r;
	return HIN_OK;
}

/* When memory is short: leases that ended before this do not fit. */
static enum hin_code cut_off(struct loading *l, struct hin_desk *desk, uint64_t most,
			     int64_t *since_us)
{
	int64_t all, open, from;
	enum hin_code code = hin_desk_number(
		desk, &all, l->err,
		"SELECT count(*) FROM lease WHERE until_us = 0 OR until_us > ?1", "i", *since_us);

	if (code != HIN_OK || (uint64_t)all <= most)
		return code;
	l->o->stats.left_out += (uint64_t)all - most;
	code = hin_desk_number(desk, &open, l->err, "SELECT count(*) FROM lease WHERE until_us = 0",
			       "");
	if (code != HIN_OK)
		return code;
	*since_us = INT64_MAX - 1;
	if ((uint64_t)open >= most)
		return HIN_OK;
	code = hin_desk_number(desk, &from, l->err,
			       "SELECT until_us FROM lease WHERE until_us > 0 "
			       "ORDER BY until_us DESC LIMIT 1 OFFSET ?1",
			       "i", (int64_t)most - open - 1);
	if (code == HIN_OK)
		*since_us = from - 1;
	return code;
}

static enum hin_code read_rows(struct loading *l, struct hin_desk *desk, int64_t since_us,
			       uint64_t budget)
{
	uint64_t most = budget / LEASE_BYTES;
	sqlite3_stmt *s;
	enum hin_code code = cut_off(l, desk, most, &since_us);

	if (code != HIN_OK)
		return code;
	s = hin_desk_statement(desk,
			       "SELECT low, high, port_low, port_high, from_us, until_us, device, "
			       "organisation, basis, confidence FROM lease "
			       "WHERE until_us = 0 OR until_us > ?1",
			       l->err);
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, l->err, "i", since_us);
	while (code == HIN_OK && l->count < most) {
		code = hin_desk_step(desk, s, l->err);
		if (code == HIN_OK)
			code = take_row(l, s);
	}
	sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- stretches ---- */

/* By range, the one around others before them: the inner has the higher number. Then in order. */
static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int order = hin_addr_compare(&a->low, &b->low);

	if (order == 0)
		order = hin_addr_compare(&b->high, &a->high);
	if (order == 0)
		order = (int)a->port_low - b->port_low;
	if (order == 0)
		order = (int)a->port_high - b->port_high;
	if (order == 0)
		order = (int)a->lasting - b->lasting;
	if (order == 0)
		order = (a->from_us > b->from_us) - (a->from_us < b->from_us);
	return order;
}

static bool same_range(const struct row *a, const struct row *b)
{
	return hin_addr_equal(&a->low, &b->low) && hin_addr_equal(&a->high, &b->high);
}

static bool same_group(const struct row *a, const struct row *b)
{
	return same_range(a, b) && a->port_low == b->port_low && a->port_high == b->port_high;
}

/* From the second one's start on nobody can tell the two. */
static void share_stretch(struct hin_owners *o, struct owners_group *g, struct owners_stretch *last,
			  const struct row *r)
{
	int64_t until_us = last->until_us > r->until_us ? last->until_us : r->until_us;

	if (last->ambiguous) {
		last->until_us = until_us;
		return;
	}
	last->until_us = r->from_us;
	o->stretches[g->first + g->count] = (struct owners_stretch){
		.from_us = r->from_us,
		.until_us = until_us,
		.organisation = OWNERS_NONE,
		.basis = r->basis,
		.ambiguous = true,
	};
	g->count++;
	o->stretch_count++;
}

/* Put a lease behind the stretches of its group that start no later. */
static void add_stretch(struct hin_owners *o, struct owners_group *g, const struct row *r,
			bool first)
{
	struct owners_stretch *last = first ? NULL : &o->stretches[g->first + g->count - 1];

	if (last != NULL && last->device == r->device && last->organisation == r->organisation &&
	    last->until_us >= r->from_us && !last->ambiguous) {
		/* renewed: it is one lease */
		if (r->until_us > last->until_us)
			last->until_us = r->until_us;
		if (r->confidence > last->confidence) {
			last->confidence = r->confidence;
			last->basis = r->basis;
		}
		return;
	}
	if (last != NULL && last->from_us == r->from_us) {
		/* two devices from the same moment on: nobody can tell which */
		last->device = 0;
		last->ambiguous = true;
		if (last->organisation != r->organisation)
			last->organisation = OWNERS_NONE;
		if (r->until_us > last->until_us)
			last->until_us = r->until_us;
		return;
	}
	if (last != NULL && last->until_us > r->from_us && r->port_low == r->port_high &&
	    r->basis == HIN_OWNER_NAT) {
		/* one port of a NAT serves several at once, by protocol or the other end */
		share_stretch(o, g, last, r);
		return;
	}
	if (last != NULL && last->until_us > r->from_us)
		last->until_us = r->from_us;
	o->stretches[g->first + g->count] = (struct owners_stretch){
		.from_us = r->from_us,
		.until_us = r->until_us,
		.device = r->device,
		.organisation = r->organisation,
		.basis = r->basis,
		.confidence = r->confidence,
	};
	g->count++;
	g->lasting += r->lasting;
	o->stretch_count++;
}

static void begin_group(struct hin_owners *o, struct owners_range *range, const struct row *r)
{
	uint32_t span = (uint32_t)r->port_high - r->port_low;

	o->groups[o->group_count] = (struct owners_group){
		.port_low = r->port_low,
		.port_high = r->port_high,
		.first = (uint32_t)o->stretch_count,
	};
	if (span == UINT16_MAX)
		range->whole = (uint32_t)o->group_count;
	else if (span > range->span)
		range->span = span;
	range->count++;
	o->group_count++;
}

static void make_stretches(struct loading *l)
{
	struct hin_owners *o = l->o;

	for (size_t i = 0; i < l->count; i++) {
		const struct row *r = &l->rows[i], *before = i > 0 ? &l->rows[i - 1] : NULL;

		if (before == NULL || !same_range(before, r))
			o->ranges[o->range_count++] =
				(struct owners_range){ .first = (uint32_t)o->group_count,
						       .whole = OWNERS_NONE };
		if (before == NULL || !same_group(before, r))
			begin_group(o, &o->ranges[o->range_count - 1], r);
		add_stretch(o, &o->groups[o->group_count - 1], r,
			    before == NULL || !same_group(before, r) ||
				    before->lasting != r->lasting);
	}
}

/* The ranges as prefixes; rows lead to them, in the same order. */
static enum hin_code index_ranges(struct loading *l)
{
	struct owners_cut cut = { 0 };
	uint32_t range = 0;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < l->count; i++) {
		if (i > 0 && same_range(&l->rows[i - 1], &l->rows[i]))
			continue;
		code = hin_owners_cut(&cut, &l->rows[i].low, &l->rows[i].high, range++, l->err);
	}
	if (code == HIN_OK)
		return hin_owners_build(&l->o->assigned, &cut, l->err);
	free(cut.rows);
	return code;
}

/* Give back what was reserved for the worst case. */
static void shrink(void **memory, size_t count, size_t item)
{
	void *less = realloc(*memory, (count + 1) * item);

	if (less != NULL)
		*memory = less;
}

enum hin_code hin_owners_load_leases(struct hin_owners *o, struct hin_desk *desk, int64_t since_us,
				     uint64_t budget, struct hin_error *err)
{
	struct loading l = { .o = o, .err = err };
	enum hin_code code;

	o->devices = calloc(1, 1);
	o->device_bytes = l.device_room = 1;
	code = o->devices != NULL ? read_rows(&l, desk, since_us, budget)
				  : hin_fail(err, HIN_ENOMEM, "no memory for leases");
	free(l.table);
	if (code == HIN_OK) {
		if (l.count > 1)
			qsort(l.rows, l.count, sizeof(*l.rows), compare_rows);
		o->ranges = malloc((l.count + 1) * sizeof(*o->ranges));
		o->groups = malloc((l.count + 1) * sizeof(*o->groups));
		o->stretches = malloc((l.count + 1) * sizeof(*o->stretches));
		if (o->ranges == NULL || o->groups == NULL || o->stretches == NULL)
			code = hin_fail(err, HIN_ENOMEM, "no memory for %zu leases", l.count);
	}
	if (code == HIN_OK) {
		make_stretches(&l);
		code = index_ranges(&l);
		shrink((void **)&o->ranges, o->range_count, sizeof(*o->ranges));
		shrink((void **)&o->groups, o->group_count, sizeof(*o->groups));
		shrink((void **)&o->stretches, o->stretch_count, sizeof(*o->stretches));
	}
	o->stats.leases = l.count;
	o->stats.devices = l.device_count;
	free(l.rows);
	return code;
}
