/* owners_find - who had an address, port and moment; see owners.h */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "hub/owners/owners_priv.h"

const char *hin_owner_basis_name(enum hin_owner_basis basis)
{
	static const char *const names[] = {
		[HIN_OWNER_NONE] = "",	       [HIN_OWNER_DIRECTORY] = "directory",
		[HIN_OWNER_AS] = "as",	       [HIN_OWNER_DHCP] = "dhcp",
		[HIN_OWNER_RADIUS] = "radius", [HIN_OWNER_NAT] = "nat",
		[HIN_OWNER_BEAT] = "beat",     [HIN_OWNER_HAND] = "hand",
	};

	return (size_t)basis < HIN_COUNT(names) ? names[basis] : "";
}

/* ---- devices ---- */

/* The stretch of `count` ones, ordered and apart, in which `time_us` lies. */
static const struct owners_stretch *stretch_at(const struct owners_stretch *rows, size_t count,
					       int64_t time_us)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rows[middle].from_us <= time_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && time_us < rows[low - 1].until_us ? &rows[low - 1] : NULL;
}

static const struct owners_stretch *in_group(const struct hin_owners *o,
					     const struct owners_group *g, bool lasting,
					     int64_t time_us)
{
	const struct owners_stretch *rows = o->stretches + g->first;
	size_t timed = g->count - g->lasting;

	return lasting ? stretch_at(rows + timed, g->lasting, time_us)
		       : stretch_at(rows, timed, time_us);
}

/*
 * The block of ports that holds `port` at the time, the smallest one. `*lost` when there are too
 * many to be sure.
 */
static const struct owners_stretch *in_blocks(const struct hin_owners *o,
					      const struct owners_range *r, uint32_t port,
					      bool lasting, int64_t time_us, bool *lost)
{
	const struct owners_group *groups = o->groups + r->first;
	const struct owners_stretch *best = NULL, *found;
	uint32_t low = 0, high = r->count, best_span = UINT32_MAX;
	unsigned steps = 0;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (groups[middle].port_low <= port)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t i = low; i-- > 0 && groups[i].port_low + r->span >= port;) {
		uint32_t span = (uint32_t)groups[i].port_high - groups[i].port_low;

		if (r->first + i == r->whole || groups[i].port_high < port)
			continue;
		if (++steps > HIN_OWNERS_WALK) {
			*lost = true;
			return NULL;
		}
		if (span >= best_span)
			continue;
		found = in_group(o, &groups[i], lasting, time_us);
		if (found != NULL) {
			best = found;
			best_span = span;
		}
	}
	return best;
}

/* Did anybody have some of its ports then? Yes also when there are too many to look at. */
static bool is_shared(const struct hin_owners *o, const struct owners_range *r, bool lasting,
		      int64_t time_us)
{
	unsigned steps = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		if (r->first + i == r->whole)
			continue;
		if (++steps > HIN_OWNERS_WALK ||
		    in_group(o, &o->groups[r->first + i], lasting, time_us) != NULL)
			return true;
	}
	return false;
}

static void fill_device(const struct hin_owners *o, const struct owners_stretch *s,
			struct hin_owner *out)
{
	out->ambiguous = s->ambiguous;
	out->device = o->devices + s->device;
	out->from_us = s->from_us;
	out->until_us = s->until_us == OWNERS_FOR_EVER ? 0 : s->until_us;
	out->basis = s->basis;
	out->confidence = s->confidence;
	if (s->organisation != OWNERS_NONE)
		out->organisation = o->organisations[s->organisation].id;
}

/* One range of addresses: true when it decides, be it that nobody can tell. */
static bool find_in_range(const struct hin_owners *o, const struct owners_range *r, int port,
			  int64_t time_us, struct hin_owner *out)
{
	for (int lasting = 0; lasting <= 1; lasting++) {
		const struct owners_stretch *s = NULL;
		bool lost = false;

		if (port < 0)
			lost = is_shared(o, r, lasting != 0, time_us);
		else
			s = in_blocks(o, r, (uint32_t)port, lasting != 0, time_us, &lost);
		if (lost) {
			out->ambiguous = true;
			return true;
		}
		if (s == NULL && r->whole != OWNERS_NONE)
			s = in_group(o, &o->groups[r->whole], lasting != 0, time_us);
		if (s != NULL) {
			fill_device(o, s, out);
			return true;
		}
	}
	return false;
}

static void find_device(const struct hin_owners *o, const struct hin_addr *address, int port,
			int64_t time_us, struct hin_owner *out)
{
	uint32_t at = hin_prefix_tree_find(o->assigned.tree, address);

	for (unsigned steps = 0; at != HIN_PREFIX_NONE && steps < HIN_OWNERS_WALK; steps++) {
		const struct owners_piece *piece = &o->assigned.rows[at];

		if (find_in_range(o, &o->ranges[piece->item], port, time_us, out))
			return;
		at = piece->outer;
	}
}

/* ---- organisations ---- */

static bool is_valid(const struct owners_holding *h, int64_t time_us)
{
	return h->from_us <= time_us && time_us < h->until_us;
}

static void fill_organisation(const struct hin_owners *o, const struct owners_holding *h,
			      enum hin_owner_basis basis, uint8_t confidence, struct hin_owner *out)
{
	out->organisation = o->organisations[h->organisation].id;
	out->holding = h->id;
	if (out->device[0] != '\0')
		return; /* basis and confidence are the device's */
	out->basis = basis;
	out->confidence = out->contested ? confidence / 2 : confidence;
}

static bool same_range(const struct owners_holding *a, const struct owners_holding *b)
{
	return hin_addr_equal(&a->low, &b->low) && hin_addr_equal(&a->high, &b->high);
}

static bool find_network(const struct hin_owners *o, const struct hin_addr *address,
			 int64_t time_us, struct hin_owner *out)
{
	uint32_t at = hin_prefix_tree_find(o->networks.tree, address);
	const struct owners_holding *found = NULL;

	for (unsigned steps = 0; at != HIN_PREFIX_NONE && steps < HIN_OWNERS_WALK; steps++) {
		const struct owners_holding *h = &o->holdings[o->networks.rows[at].item];

		if (found != NULL && !same_range(found, h))
			break;
		if (is_valid(h, time_us) && found == NULL)
			found = h;
		else if (is_valid(h, time_us) && h->organisation != found->organisation)
			out->contested = true;
		at = o->networks.rows[at].outer;
	}
	if (found != NULL)
		fill_organisation(o, found, HIN_OWNER_DIRECTORY, 100, out);
	return found != NULL;
}

/* The holding of an AS number at the time, the one entered last. */
static bool find_system(const struct hin_owners *o, const struct hin_addr *address, int64_t time_us,
			struct hin_owner *out)
{
	struct hin_geo_info info;
	const struct owners_holding *found = NULL;
	size_t low = 0, high = o->system_count;

	if (o->geo == NULL || o->system_count == 0 ||
	    hin_geo_find(o->geo, address, &info) != HIN_OK || info.as_number == 0)
		return false;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (o->holdings[o->systems[middle]].asn < info.as_number)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned steps = 0; low < o->system_count && steps < HIN_OWNERS_WALK; low++, steps++) {
		const struct owners_holding *h = &o->holdings[o->systems[low]];

		if (h->asn != info.as_number)
			break;
		if (!is_valid(h, time_us))
			continue;
		out->contested |= found != NULL && found->organisation != h->organisation;
		found = h;
	}
	if (found != NULL)
		fill_organisation(o, found, HIN_OWNER_AS, 60, out);
	return found != NULL;
}

bool hin_owners_find(const struct hin_owners *owners, const struct hin_addr *address, int port,
		     int64_t time_us, struct hin_owner *out)
{
	*out = (struct hin_owner){ .device = "" };
	if (owners == NULL)
		return false;
	find_device(owners, address, port, time_us, out);
	if (out->organisation == 0 && !find_network(owners, address, time_us, out))
		(void)find_system(owners, address, time_us, out);
	if (out->organisation == 0 && out->device[0] == '\0')
		out->basis = HIN_OWNER_NONE;
	return out->organisation != 0 || out->device[0] != '\0';
}

/* ---- names ---- */

/* The last of the holdings called `name` that is valid; NULL when there is none. */
static const struct owners_holding *named(const struct hin_owners *o, const char *name,
					  int64_t time_us, bool *contested)
{
	const struct owners_holding *found = NULL;
	size_t low = 0, high = o->name_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcmp(o->holdings[o->names[middle]].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (unsigned steps = 0; low < o->name_count && steps < HIN_OWNERS_WALK; low++, steps++) {
		const struct owners_holding *h = &o->holdings[o->names[low]];

		if (strcmp(h->name, name) != 0)
			break;
		if (!is_valid(h, time_us))
			continue;
		*contested |= found != NULL && found->organisation != h->organisation;
		found = h;
	}
	return found;
}

bool hin_owners_find_name(const struct hin_owners *owners, const char *name, int64_t time_us,
			  struct hin_owner *out)
{
	char small[256];
	size_t n = strlen(name);

	*out = (struct hin_owner){ .device = "" };
	if (n > 0 && name[n - 1] == '.')
		n--;
	if (owners == NULL || n == 0 || n >= sizeof(small))
		return false;
	for (size_t i = 0; i < n; i++)
		small[i] = (char)tolower((unsigned char)name[i]);
	small[n] = '\0';
	for (const char *suffix = small; suffix != NULL; suffix = strchr(suffix, '.')) {
		const struct owners_holding *h;

		if (*suffix == '.')
			suffix++;
		h = named(owners, suffix, time_us, &out->contested);
		if (h != NULL) {
			fill_organisation(owners, h, HIN_OWNER_DIRECTORY, 100, out);
			return true;
		}
	}
	return false;
}

const struct hin_owners_organisation *hin_owners_organisation(const struct hin_owners *owners,
							      int64_t id)
{
	uint32_t at = owners != NULL ? hin_owners_index(owners, id) : OWNERS_NONE;

	return at != OWNERS_NONE ? &owners->organisations[at] : NULL;
}
