/* owners - a snapshot of the directory, and the box with the newest one; see owners.h */
#include "hub/owners/owners.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/time.h"
#include "hub/owners/directory_priv.h"
#include "hub/owners/owners_priv.h"
#include "hub/owners/wide_priv.h"

#define HOLDING_BYTES 160 /* of memory, about, for one with its pieces */
#define PREFIX_BYTES 72	  /* of memory, about, for one in a tree (base/prefix.h) */
#define QUIET 20	  /* reading takes at most one part of so many of the time */

/* ---- pieces ---- */

static unsigned trailing_zeros(wide value)
{
	uint64_t low = (uint64_t)value;

	if (value == 0)
		return 128;
	return low != 0 ? (unsigned)__builtin_ctzll(low)
			: 64u + (unsigned)__builtin_ctzll((uint64_t)(value >> 64));
}

static enum hin_code add_row(struct owners_cut *cut, const struct hin_prefix *prefix, uint32_t item,
			     struct hin_error *err)
{
	if (cut->count == cut->room) {
		size_t room = cut->room > 0 ? cut->room * 2 : 256;
		struct owners_cut_row *more = reallocarray(cut->rows, room, sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for %zu prefixes", room);
		cut->rows = more;
		cut->room = room;
	}
	cut->rows[cut->count++] = (struct owners_cut_row){ *prefix, item };
	return HIN_OK;
}

enum hin_code hin_owners_cut(struct owners_cut *cut, const struct hin_addr *low,
			     const struct hin_addr *high, uint32_t item, struct hin_error *err)
{
	wide at = wide_of(low), last = wide_of(high);
	bool v4 = hin_addr_is_v4(low);
	unsigned most = v4 ? 32 : 128;
	enum hin_code code = HIN_OK;

	if (at > last || v4 != hin_addr_is_v4(high))
		return HIN_OK; /* the schema lets no such row in */
	while (code == HIN_OK) {
		unsigned bits = trailing_zeros(at);
		struct hin_prefix prefix = { .addr = wide_addr(at) };
		wide end;

		if (bits > most)
			bits = most;
		/* the largest prefix that starts here and does not reach over the end */
		while (bits == 128 || at + (((wide)1 << bits) - 1) > last ||
		       at + (((wide)1 << bits) - 1) < at)
			bits--;
		prefix.len = (uint8_t)(most - bits);
		code = add_row(cut, &prefix, item, err);
		end = at + (((wide)1 << bits) - 1);
		if (end == last)
			break;
		at = end + 1;
	}
	return code;
}

static int compare_rows(const void *left, const void *right)
{
	const struct owners_cut_row *a = left, *b = right;
	int order = hin_addr_is_v4(&b->prefix.addr) - hin_addr_is_v4(&a->prefix.addr);

	if (order == 0)
		order = hin_addr_compare(&a->prefix.addr, &b->prefix.addr);
	if (order == 0)
		order = (int)a->prefix.len - (int)b->prefix.len;
	return order != 0 ? order : (a->item > b->item) - (a->item < b->item);
}

/* Is `inner` inside of `outer`, or the same? */
static bool holds(const struct hin_prefix *outer, const struct hin_prefix *inner)
{
	return inner->len >= outer->len && hin_prefix_holds(outer, &inner->addr);
}

enum hin_code hin_owners_build(struct owners_pieces *out, struct owners_cut *cut,
			       struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (cut->count > 1)
		qsort(cut->rows, cut->count, sizeof(*cut->rows), compare_rows);
	out->tree = hin_prefix_tree_new();
	out->rows = malloc((cut->count + 1) * sizeof(*out->rows));
	if (out->tree == NULL || out->rows == NULL)
		code = hin_fail(err, HIN_ENOMEM, "no memory for %zu prefixes", cut->count);
	for (size_t i = 0; code == HIN_OK && i < cut->count; i++) {
		uint32_t outer = i > 0 ? (uint32_t)i - 1 : OWNERS_NONE;

		while (outer != OWNERS_NONE &&
		       !holds(&cut->rows[outer].prefix, &cut->rows[i].prefix))
			outer = out->rows[outer].outer;
		out->rows[i] = (struct owners_piece){ cut->rows[i].item, outer };
		code = hin_prefix_tree_insert(out->tree, &cut->rows[i].prefix, (uint32_t)i, err);
	}
	out->count = cut->count;
	free(cut->rows);
	*cut = (struct owners_cut){ 0 };
	return code == HIN_OK ? hin_prefix_tree_build(out->tree, err) : code;
}

/* ---- the directory ---- */

static enum hin_code take_organisations(struct hin_owners *o, const struct hin_directory *d,
					struct hin_error *err)
{
	o->organisations = calloc(d->organisation_count + 1, sizeof(*o->organisations));
	if (o->organisations == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the directory");
	for (size_t i = 0; i < d->organisation_count; i++) {
		const struct hin_directory_organisation *from = &d->organisations[i];
		struct hin_owners_organisation *to = &o->organisations[i];

		*to = (struct hin_owners_organisation){
			.id = from->id,
			.handle = hin_arena_strdup(&o->texts, from->handle),
			.name = hin_arena_strdup(&o->texts, from->name),
			.name_ja = hin_arena_strdup(&o->texts, from->name_ja),
			.sector = hin_arena_strdup(&o->texts, from->sector),
			.language = strcmp(from->language, "ja") == 0 ? HIN_JA : HIN_EN,
			.member = from->member,
		};
		if (to->handle == NULL || to->name == NULL || to->name_ja == NULL ||
		    to->sector == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for the directory");
	}
	o->organisation_count = d->organisation_count;
	return HIN_OK;
}

uint32_t hin_owners_index(const struct hin_owners *o, int64_t id)
{
	size_t low = 0, high = o->organisation_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (o->organisations[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < o->organisation_count && o->organisations[low].id == id ? (uint32_t)low
									     : OWNERS_NONE;
}

/* The range around others before them, then the older row: the inner has the higher number. */
static int compare_holdings(const void *left, const void *right)
{
	const struct owners_holding *a = left, *b = right;
	int order = hin_addr_compare(&a->low, &b->low);

	if (order == 0)
		order = hin_addr_compare(&b->high, &a->high);
	return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

/* Larger ranges first: the smallest are left out when memory is short. */
static int compare_spreads(const void *left, const void *right)
{
	const struct owners_holding *a = left, *b = right;
	wide spread_a = wide_of(&a->high) - wide_of(&a->low);
	wide spread_b = wide_of(&b->high) - wide_of(&b->low);

	return (spread_a < spread_b) - (spread_a > spread_b);
}

static int compare_systems(const void *left, const void *right, void *user)
{
	const struct owners_holding *rows = user;
	const struct owners_holding *a = &rows[*(const uint32_t *)left];
	const struct owners_holding *b = &rows[*(const uint32_t *)right];

	if (a->asn != b->asn)
		return a->asn < b->asn ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

static int compare_names(const void *left, const void *right, void *user)
{
	const struct owners_holding *rows = user;
	const struct owners_holding *a = &rows[*(const uint32_t *)left];
	const struct owners_holding *b = &rows[*(const uint32_t *)right];
	int order = strcmp(a->name, b->name);

	return order != 0 ? order : (a->id > b->id) - (a->id < b->id);
}

static enum hin_code take_holding(struct hin_owners *o, const struct hin_directory_holding *from,
				  struct hin_error *err)
{
	struct owners_holding *to = &o->holdings[o->holding_count];

	*to = (struct owners_holding){
		.low = from->low,
		.high = from->high,
		.id = from->id,
		.from_us = from->from_us,
		.until_us = from->until_us != 0 ? from->until_us : OWNERS_FOR_EVER,
		.organisation = from->organisation,
		.asn = from->kind == HIN_HOLDING_AS ? from->asn : 0,
		.name = "",
	};
	if (from->kind == HIN_HOLDING_NAME) {
		to->name = hin_arena_strdup(&o->texts, from->name);
		if (to->name == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for the directory");
	}
	o->holding_count++;
	return HIN_OK;
}

/* Prefixes lie first; AS numbers and names are reached through lists of their own. */
static enum hin_code index_holdings(struct hin_owners *o, size_t prefixes, struct hin_error *err)
{
	struct owners_cut cut = { 0 };
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < prefixes; i++)
		code = hin_owners_cut(&cut, &o->holdings[i].low, &o->holdings[i].high, (uint32_t)i,
				      err);
	if (code != HIN_OK) {
		free(cut.rows);
		return code;
	}
	code = hin_owners_build(&o->networks, &cut, err);
	o->systems = malloc((o->holding_count - prefixes + 1) * sizeof(*o->systems));
	o->names = malloc((o->holding_count - prefixes + 1) * sizeof(*o->names));
	if (code != HIN_OK || o->systems == NULL || o->names == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the directory");
	for (size_t i = prefixes; i < o->holding_count; i++) {
		if (o->holdings[i].asn != 0)
			o->systems[o->system_count++] = (uint32_t)i;
		else
			o->names[o->name_count++] = (uint32_t)i;
	}
	qsort_r(o->systems, o->system_count, sizeof(*o->systems), compare_systems, o->holdings);
	qsort_r(o->names, o->name_count, sizeof(*o->names), compare_names, o->holdings);
	return HIN_OK;
}

static enum hin_code take_holdings(struct hin_owners *o, const struct hin_directory *d,
				   uint64_t budget, struct hin_error *err)
{
	uint64_t most = budget / HOLDING_BYTES;
	size_t prefixes;
	enum hin_code code = HIN_OK;

	o->holdings = malloc((d->holding_count + 1) * sizeof(*o->holdings));
	if (o->holdings == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu holdings", d->holding_count);
	for (size_t i = 0; code == HIN_OK && i < d->holding_count; i++)
		if (d->holdings[i].kind == HIN_HOLDING_PREFIX)
			code = take_holding(o, &d->holdings[i], err);
	if (o->holding_count > most) {
		qsort(o->holdings, o->holding_count, sizeof(*o->holdings), compare_spreads);
		o->stats.left_out += o->holding_count - most;
		o->holding_count = (size_t)most;
	}
	qsort(o->holdings, o->holding_count, sizeof(*o->holdings), compare_holdings);
	prefixes = o->holding_count;
	for (size_t i = 0; code == HIN_OK && i < d->holding_count; i++)
		if (d->holdings[i].kind != HIN_HOLDING_PREFIX)
			code = take_holding(o, &d->holdings[i], err);
	return code == HIN_OK ? index_holdings(o, prefixes, err) : code;
}

static enum hin_code load_directory(struct hin_owners *o, struct hin_desk *desk, uint64_t budget,
				    struct hin_error *err)
{
	struct hin_directory *d = hin_directory_new();
	struct hin_directory_report report = { 0 };
	enum hin_code code = d == NULL ? hin_fail(err, HIN_ENOMEM, "no memory for the directory")
				       : hin_directory_read(d, desk, err);

	if (code == HIN_OK)
		code = hin_directory_conflicts(d, &report, err);
	o->stats.contested = report.conflicts;
	if (code == HIN_OK)
		code = take_organisations(o, d, err);
	if (code == HIN_OK)
		code = take_holdings(o, d, budget, err);
	hin_directory_report_fini(&report);
	hin_directory_free(d);
	return code;
}

/* ---- a snapshot ---- */

static uint64_t bytes_of(const struct hin_owners *o)
{
	const struct owners_pieces *pieces[] = { &o->networks, &o->assigned };
	uint64_t bytes = sizeof(*o) + o->texts.used + o->device_bytes;

	bytes += o->organisation_count * sizeof(*o->organisations);
	bytes += o->holding_count * sizeof(*o->holdings);
	bytes += (o->system_count + o->name_count) * sizeof(uint32_t);
	bytes += o->range_count * sizeof(*o->ranges) + o->group_count * sizeof(*o->groups);
	bytes += o->stretch_count * sizeof(*o->stretches);
	for (size_t i = 0; i < HIN_COUNT(pieces); i++)
		bytes += pieces[i]->count * (sizeof(*pieces[i]->rows) + PREFIX_BYTES);
	return bytes;
}

static void free_owners(struct hin_owners *o)
{
	hin_prefix_tree_free(o->networks.tree);
	hin_prefix_tree_free(o->assigned.tree);
	free(o->networks.rows);
	free(o->assigned.rows);
	free(o->organisations);
	free(o->holdings);
	free(o->systems);
	free(o->names);
	free(o->ranges);
	free(o->groups);
	free(o->stretches);
	free(o->devices);
	hin_arena_fini(&o->texts);
	free(o);
}

enum hin_code hin_owners_load(struct hin_owners **out, struct hin_desk *desk,
			      const struct hin_owners_settings *settings, int64_t now_us,
			      struct hin_error *err)
{
	uint64_t budget = settings->memory_bytes != 0 ? settings->memory_bytes : HIN_OWNERS_MEMORY;
	struct hin_owners *o = calloc(1, sizeof(*o));
	enum hin_code code;

	if (o == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for owners");
	o->refs = 1;
	o->geo = settings->geo;
	o->stats.as_of_us = now_us;
	code = load_directory(o, desk, budget / 2, err);
	if (code == HIN_OK)
		code = hin_owners_load_leases(o, desk, settings->since_us, budget / 2, err);
	if (code != HIN_OK) {
		free_owners(o);
		return code;
	}
	o->stats.organisations = o->organisation_count;
	o->stats.holdings = o->holding_count - o->system_count - o->name_count;
	o->stats.systems = o->system_count;
	o->stats.names = o->name_count;
	o->stats.bytes = bytes_of(o);
	*out = o;
	return HIN_OK;
}

struct hin_owners *hin_owners_ref(struct hin_owners *owners)
{
	if (owners != NULL)
		atomic_fetch_add_explicit(&owners->refs, 1, memory_order_relaxed);
	return owners;
}

void hin_owners_unref(struct hin_owners *owners)
{
	/* whoever frees it has seen what all others did with it */
	if (owners != NULL &&
	    atomic_fetch_sub_explicit(&owners->refs, 1, memory_order_acq_rel) == 1)
		free_owners(owners);
}

struct hin_owners_stats hin_owners_stats(const struct hin_owners *owners)
{
	return owners != NULL ? owners->stats : (struct hin_owners_stats){ 0 };
}

/* ---- the box ---- */

struct hin_owners_box {
	pthread_mutex_t lock; /* of `newest` */
	struct hin_owners *newest;
	struct hin_owners_settings settings;
	int64_t directory, leases; /* versions of the newest */
	int64_t next_ns;	   /* not read again before, monotonic */
};

enum hin_code hin_owners_box_new(struct hin_owners_box **out,
				 const struct hin_owners_settings *settings, struct hin_error *err)
{
	struct hin_owners_box *box = calloc(1, sizeof(*box));

	if (box == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for owners");
	pthread_mutex_init(&box->lock, NULL);
	box->settings = *settings;
	box->directory = box->leases = -1;
	*out = box;
	return HIN_OK;
}

void hin_owners_box_free(struct hin_owners_box *box)
{
	if (box == NULL)
		return;
	hin_owners_unref(box->newest);
	pthread_mutex_destroy(&box->lock);
	free(box);
}

struct hin_owners *hin_owners_box_get(struct hin_owners_box *box)
{
	struct hin_owners *owners;

	pthread_mutex_lock(&box->lock);
	owners = hin_owners_ref(box->newest);
	pthread_mutex_unlock(&box->lock);
	return owners;
}

enum hin_code hin_owners_box_refresh(struct hin_owners_box *box, struct hin_desk *desk,
				     int64_t now_us, bool *changed, struct hin_error *err)
{
	int64_t started = hin_time_monotonic_ns(), directory, leases;
	struct hin_owners *fresh = NULL, *old;
	enum hin_code code;

	if (changed != NULL)
		*changed = false;
	if (started < box->next_ns)
		return HIN_OK;
	code = hin_directory_version(desk, false, &directory, err);
	if (code == HIN_OK)
		code = hin_directory_version(desk, true, &leases, err);
	if (code != HIN_OK || (directory == box->directory && leases == box->leases))
		return code;
	code = hin_owners_load(&fresh, desk, &box->settings, now_us, err);
	if (code != HIN_OK)
		return code;
	pthread_mutex_lock(&box->lock);
	old = box->newest;
	box->newest = fresh;
	pthread_mutex_unlock(&box->lock);
	hin_owners_unref(old);
	/* what changed while it was read is read the next time */
	box->directory = directory;
	box->leases = leases;
	box->next_ns = hin_time_monotonic_ns();
	box->next_ns += (box->next_ns - started) * (QUIET - 1);
	if (changed != NULL)
		*changed = true;
	return HIN_OK;
}
