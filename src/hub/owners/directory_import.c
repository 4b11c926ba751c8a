/* directory_import - what differs between a file and the desk, and bringing it there; see
 * directory.h
 *
 * The desk's directory is read without a lock, compared in memory, and only the differences are
 * written, many of them in several transactions (hub/owners/loading.h). If somebody changed the
 * directory meanwhile, it is compared again.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/owners/directory_priv.h"
#include "hub/owners/loading.h"
#include "trust/act_numbers.h"

#define TRIES 20
#define SAME_KEY 64 /* holdings of one range that are compared with each other */

enum what {
	ADD_CONTACT,	/* from the file */
	CHANGE_CONTACT, /* the desk's, as the file says */
	REMOVE_CONTACT,
	ADD_HOLDING,
	CHANGE_HOLDING,
	REMOVE_HOLDING,
};

struct step {
	enum what what;
	bool moves;	    /* a range that goes from one owner to another */
	uint32_t now, then; /* index in the file's, in the desk's directory */
};

/* What was written; what a rolled back bit had was never counted: only its beginning fails so. */
struct written {
	struct hin_directory_change organisations, contacts, holdings;
};

struct plan {
	const struct hin_directory *now; /* the file's */
	struct hin_directory *then;	 /* the desk's */
	const struct hin_directory_import *options;
	struct hin_directory_report *report;
	uint32_t *mapped; /* organisation of the file: its index in the desk's */
	int64_t *number;  /* and its number in the desk, once it is there */
	uint8_t *changed; /* fields that differ */
	struct step *steps;
	size_t count, room;
	struct written *written;
	struct hin_loading *loading;
};

void hin_directory_report_fini(struct hin_directory_report *report)
{
	if (report != NULL)
		hin_buffer_fini(&report->lines);
}

/* A line of the report: sign, what, of whom. */
static void tell(struct hin_directory_report *report, const char *sign, const char *what,
		 const char *whom)
{
	if (report->line_count++ < report->line_limit)
		hin_buffer_printf(&report->lines, "%s %s  %s\n", sign, what, whom);
}

static enum hin_code add_step(struct plan *p, enum what what, uint32_t now, uint32_t then,
			      struct hin_error *err)
{
	if (p->count == p->room) {
		size_t room = p->room > 0 ? p->room * 2 : 256;
		struct step *more = reallocarray(p->steps, room, sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for %zu changes", room);
		p->steps = more;
		p->room = room;
	}
	p->steps[p->count++] = (struct step){ what, false, now, then };
	return HIN_OK;
}

/* ---- organisations ---- */

static uint8_t differences(const struct hin_directory_organisation *now,
			   const struct hin_directory_organisation *then)
{
	const struct {
		uint8_t field;
		const char *a, *b;
	} texts[] = {
		{ HIN_ORGANISATION_NAME, now->name, then->name },
		{ HIN_ORGANISATION_NAME_JA, now->name_ja, then->name_ja },
		{ HIN_ORGANISATION_COUNTRY, now->country, then->country },
		{ HIN_ORGANISATION_LANGUAGE, now->language, then->language },
		{ HIN_ORGANISATION_SECTOR, now->sector, then->sector },
		{ HIN_ORGANISATION_TLP, now->tlp, then->tlp },
	};
	uint8_t fields = 0;

	for (size_t i = 0; i < HIN_COUNT(texts); i++)
		if (strcmp(texts[i].a, texts[i].b) != 0)
			fields |= texts[i].field;
	if (now->member != then->member)
		fields |= HIN_ORGANISATION_MEMBER;
	return fields & now->given;
}

static void plan_organisations(struct plan *p)
{
	for (size_t i = 0; i < p->now->organisation_count; i++) {
		const struct hin_directory_organisation *o = &p->now->organisations[i];

		p->mapped[i] = hin_directory_find(p->then, o->handle);
		p->changed[i] = 0;
		if (p->mapped[i] == HIN_DIRECTORY_NONE) {
			p->report->organisations.added++;
			tell(p->report, "+", "organisation", o->handle);
			continue;
		}
		p->number[i] = p->then->organisations[p->mapped[i]].id;
		p->changed[i] = differences(o, &p->then->organisations[p->mapped[i]]);
		if (p->changed[i] == 0) {
			p->report->organisations.same++;
		} else {
			p->report->organisations.changed++;
			tell(p->report, "~", "organisation", o->handle);
		}
	}
}

/* ---- contacts ---- */

/* What the file leaves empty stays as it is. */
static bool contact_differs(const struct hin_directory_contact *now,
			    const struct hin_directory_contact *then)
{
	return strcmp(now->role, then->role) != 0 ||
	       (now->language[0] != '\0' && strcmp(now->language, then->language) != 0) ||
	       (now->quiet[0] != '\0' && strcmp(now->quiet, then->quiet) != 0) ||
	       (now->digest[0] != '\0' && strcmp(now->digest, then->digest) != 0);
}

static void tell_contact(struct plan *p, const char *sign, const struct hin_directory *d,
			 const struct hin_directory_contact *c)
{
	char whom[HIN_DIRECTORY_HANDLE + HIN_DIRECTORY_ADDRESS + 8];

	snprintf(whom, sizeof(whom), "%s  %s", c->address,
		 d->organisations[c->organisation].handle);
	tell(p->report, sign, "contact", whom);
}

static enum hin_code plan_contacts(struct plan *p, struct hin_error *err)
{
	bool *met = calloc(p->then->contact_count + 1, sizeof(*met));
	enum hin_code code = HIN_OK;

	if (met == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory to compare");
	for (size_t i = 0; code == HIN_OK && i < p->now->contact_count; i++) {
		const struct hin_directory_contact *c = &p->now->contacts[i];
		uint32_t whose = p->mapped[c->organisation];
		uint32_t then = whose == HIN_DIRECTORY_NONE
					? HIN_DIRECTORY_NONE
					: hin_directory_find_contact(p->then, whose, c->channel,
								     c->address);

		if (then == HIN_DIRECTORY_NONE) {
			p->report->contacts.added++;
			tell_contact(p, "+", p->now, c);
			code = add_step(p, ADD_CONTACT, (uint32_t)i, then, err);
			continue;
		}
		met[then] = true;
		if (!contact_differs(c, &p->then->contacts[then])) {
			p->report->contacts.same++;
			continue;
		}
		p->report->contacts.changed++;
		tell_contact(p, "~", p->now, c);
		code = add_step(p, CHANGE_CONTACT, (uint32_t)i, then, err);
	}
	for (size_t i = 0; code == HIN_OK && p->options->replace && i < p->then->contact_count;
	     i++) {
		const struct hin_directory_contact *c = &p->then->contacts[i];

		if (met[i] || strcmp(c->source, p->options->source) != 0)
			continue;
		p->report->contacts.removed++;
		tell_contact(p, "-", p->then, c);
		code = add_step(p, REMOVE_CONTACT, 0, (uint32_t)i, err);
	}
	free(met);
	return code;
}

/* ---- holdings ---- */

static int compare_keys(const struct hin_directory_holding *a,
			const struct hin_directory_holding *b)
{
	int order = (int)a->kind - (int)b->kind;

	if (order == 0)
		order = hin_addr_compare(&a->low, &b->low);
	if (order == 0)
		order = hin_addr_compare(&a->high, &b->high);
	if (order == 0)
		order = (a->asn > b->asn) - (a->asn < b->asn);
	return order != 0 ? order : strcmp(a->name, b->name);
}

static int compare_at(const void *left, const void *right, void *user)
{
	const struct hin_directory *d = user;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
	int order = compare_keys(&d->holdings[a], &d->holdings[b]);

	return order != 0 ? order : (a > b) - (a < b);
}

/* The holdings in order of their keys. */
static uint32_t *sorted(const struct hin_directory *d)
{
	uint32_t *order = malloc((d->holding_count + 1) * sizeof(*order));

	if (order == NULL)
		return NULL;
	for (size_t i = 0; i < d->holding_count; i++)
		order[i] = (uint32_t)i;
	/* not written to by the comparison */
	qsort_r(order, d->holding_count, sizeof(*order), compare_at, (void *)(uintptr_t)d);
	return order;
}

static bool overlap(const struct hin_directory_holding *a, const struct hin_directory_holding *b)
{
	return (a->until_us == 0 || a->until_us > b->from_us) &&
	       (b->until_us == 0 || b->until_us > a->from_us);
}

/* How many holdings of the same key there are from `at` on. */
static size_t run_of(const struct hin_directory *d, const uint32_t *order, size_t at)
{
	size_t n = 1;

	while (at + n < d->holding_count &&
	       compare_keys(&d->holdings[order[at]], &d->holdings[order[at + n]]) == 0)
		n++;
	return n;
}

static void tell_holding(struct hin_directory_report *report, const char *sign,
			 const struct hin_directory *d, const struct hin_directory_holding *h)
{
	char text[HIN_HOLDING_TEXT], whom[HIN_HOLDING_TEXT + HIN_DIRECTORY_HANDLE + 8];

	if (report->line_count >= report->line_limit) {
		report->line_count++;
		return;
	}
	snprintf(whom, sizeof(whom), "%s  %s", hin_directory_holding_text(text, h),
		 d->organisations[h->organisation].handle);
	tell(report, sign, "holding", whom);
}

static void tell_conflict(struct hin_directory_report *report,
			  const struct hin_directory_holding *h, const char *a, const char *b)
{
	char text[HIN_HOLDING_TEXT], whom[HIN_HOLDING_TEXT + 2 * HIN_DIRECTORY_HANDLE + 8];

	report->conflicts++;
	if (report->line_count >= report->line_limit) {
		report->line_count++;
		return;
	}
	snprintf(whom, sizeof(whom), "%s  %s, %s", hin_directory_holding_text(text, h), a, b);
	tell(report, "!", "conflict", whom);
}

/* The holdings of one key in the file and in the desk. */
struct group {
	const uint32_t *now, *then;
	size_t now_count, then_count;
	bool gone[SAME_KEY]; /* of the desk's: moved or removed */
	bool met[SAME_KEY];
};

static bool is_same_owner(const struct plan *p, const struct hin_directory_holding *now,
			  const struct hin_directory_holding *then)
{
	return p->mapped[now->organisation] == then->organisation;
}

/* Does the file say that the owner of the desk's holding has the range? */
static bool is_restated(const struct plan *p, const struct group *g,
			const struct hin_directory_holding *then)
{
	for (size_t i = 0; i < g->now_count; i++)
		if (is_same_owner(p, &p->now->holdings[g->now[i]], then))
			return true;
	return false;
}

static enum hin_code plan_one(struct plan *p, struct group *g, size_t at, struct hin_error *err)
{
	const struct hin_directory_holding *now = &p->now->holdings[g->now[at]], *then;
	bool moved = false;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < at; i++) /* twice in the file */
		if (p->now->holdings[g->now[i]].organisation == now->organisation &&
		    p->now->holdings[g->now[i]].from_us == now->from_us)
			return HIN_OK;
	for (size_t i = 0; i < g->then_count; i++) {
		then = &p->then->holdings[g->then[i]];
		if (!is_same_owner(p, now, then) || now->from_us != then->from_us)
			continue;
		g->met[i] = true;
		if (now->until_us == then->until_us && strcmp(now->label, then->label) == 0) {
			p->report->holdings.same++;
			return HIN_OK;
		}
		p->report->holdings.changed++;
		tell_holding(p->report, "~", p->now, now);
		return add_step(p, CHANGE_HOLDING, g->now[at], g->then[i], err);
	}
	for (size_t i = 0; code == HIN_OK && i < g->then_count; i++) {
		then = &p->then->holdings[g->then[i]];
		if (g->gone[i] || strcmp(then->source, p->options->source) != 0 ||
		    !overlap(now, then) || is_restated(p, g, then))
			continue;
		g->gone[i] = moved = true;
		code = add_step(p, REMOVE_HOLDING, 0, g->then[i], err);
		if (code == HIN_OK)
			p->steps[p->count - 1].moves = true;
	}
	if (moved)
		p->report->holdings.moved++;
	else
		p->report->holdings.added++;
	tell_holding(p->report, moved ? ">" : "+", p->now, now);
	if (code == HIN_OK)
		code = add_step(p, ADD_HOLDING, g->now[at], 0, err);
	if (code == HIN_OK)
		p->steps[p->count - 1].moves = moved;
	return code;
}

/* Does anybody else hold it when all is done? */
static void find_conflict(struct plan *p, const struct group *g)
{
	for (size_t i = 0; i < g->now_count; i++) {
		const struct hin_directory_holding *a = &p->now->holdings[g->now[i]];
		const char *handle = p->now->organisations[a->organisation].handle;

		for (size_t k = i + 1; k < g->now_count; k++) {
			const struct hin_directory_holding *b = &p->now->holdings[g->now[k]];

			if (a->organisation != b->organisation && overlap(a, b)) {
				tell_conflict(p->report, a, handle,
					      p->now->organisations[b->organisation].handle);
				return;
			}
		}
		for (size_t k = 0; k < g->then_count; k++) {
			const struct hin_directory_holding *b = &p->then->holdings[g->then[k]];

			if (!g->gone[k] && !is_same_owner(p, a, b) && overlap(a, b)) {
				tell_conflict(p->report, a, handle,
					      p->then->organisations[b->organisation].handle);
				return;
			}
		}
	}
}

static enum hin_code plan_group(struct plan *p, struct group *g, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (g->now_count > SAME_KEY || g->then_count > SAME_KEY)
		return hin_fail(err, HIN_ELIMIT, "one range is held more than %d times", SAME_KEY);
	for (size_t i = 0; code == HIN_OK && i < g->now_count; i++)
		code = plan_one(p, g, i, err);
	for (size_t i = 0; code == HIN_OK && p->options->replace && i < g->then_count; i++) {
		const struct hin_directory_holding *then = &p->then->holdings[g->then[i]];

		if (g->met[i] || g->gone[i] || strcmp(then->source, p->options->source) != 0)
			continue;
		g->gone[i] = true;
		p->report->holdings.removed++;
		tell_holding(p->report, "-", p->then, then);
		code = add_step(p, REMOVE_HOLDING, 0, g->then[i], err);
	}
	if (code == HIN_OK)
		find_conflict(p, g);
	return code;
}

static enum hin_code plan_holdings(struct plan *p, struct hin_error *err)
{
	uint32_t *now = sorted(p->now), *then = sorted(p->then);
	size_t i = 0, k = 0;
	enum hin_code code = HIN_OK;

	if (now == NULL || then == NULL) {
		free(now);
		free(then);
		return hin_fail(err, HIN_ENOMEM, "no memory to compare");
	}
	while (code == HIN_OK && (i < p->now->holding_count || k < p->then->holding_count)) {
		struct group g = { .now = now + i, .then = then + k };
		int order = i == p->now->holding_count ? 1
			    : k == p->then->holding_count
				    ? -1
				    : compare_keys(&p->now->holdings[now[i]],
						   &p->then->holdings[then[k]]);

		if (order <= 0)
			g.now_count = run_of(p->now, now, i);
		if (order >= 0)
			g.then_count = run_of(p->then, then, k);
		i += g.now_count;
		k += g.then_count;
		code = plan_group(p, &g, err);
	}
	free(now);
	free(then);
	return code;
}

enum hin_code hin_directory_conflicts(const struct hin_directory *d,
				      struct hin_directory_report *report, struct hin_error *err)
{
	uint32_t *order = sorted(d);

	if (order == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory to compare");
	for (size_t at = 0, n; at < d->holding_count; at += n) {
		bool found = false;

		n = run_of(d, order, at);
		for (size_t i = 0; !found && i < n && i < SAME_KEY; i++)
			for (size_t k = i + 1; !found && k < n && k < SAME_KEY; k++) {
				const struct hin_directory_holding *a = &d->holdings[order[at + i]];
				const struct hin_directory_holding *b = &d->holdings[order[at + k]];

				found = a->organisation != b->organisation && overlap(a, b);
				if (found)
					tell_conflict(report, a,
						      d->organisations[a->organisation].handle,
						      d->organisations[b->organisation].handle);
			}
	}
	free(order);
	return HIN_OK;
}

/* ---- writing ---- */

static enum hin_code add_organisation(struct plan *p, struct hin_desk *desk, size_t i,
				      struct hin_error *err)
{
	const struct hin_directory_organisation *o = &p->now->organisations[i];
	enum hin_code code = hin_desk_run(
		desk, err,
		"INSERT INTO organisation (handle, name, name_ja, country, language, sector, tlp, "
		"member, source, updated_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"tttttttiti", o->handle,
		o->name[0] != '\0'	? o->name
		: o->name_ja[0] != '\0' ? o->name_ja
					: o->handle,
		o->name_ja, o->country, o->language, o->sector, o->tlp, (int64_t)o->member,
		o->source, p->options->now_us);

	p->number[i] = hin_desk_inserted(desk);
	return code;
}

static enum hin_code change_organisation(struct plan *p, struct hin_desk *desk, size_t i,
					 struct hin_error *err)
{
	const struct hin_directory_organisation *o = &p->now->organisations[i];
	const struct hin_directory_organisation *t = &p->then->organisations[p->mapped[i]];
	uint8_t c = p->changed[i];

	return hin_desk_run(
		desk, err,
		"UPDATE organisation SET name = ?2, name_ja = ?3, country = ?4, language = ?5, "
		"sector = ?6, tlp = ?7, member = ?8, updated_us = ?9 WHERE id = ?1",
		"ittttttii", p->number[i], c & HIN_ORGANISATION_NAME ? o->name : t->name,
		c & HIN_ORGANISATION_NAME_JA ? o->name_ja : t->name_ja,
		c & HIN_ORGANISATION_COUNTRY ? o->country : t->country,
		c & HIN_ORGANISATION_LANGUAGE ? o->language : t->language,
		c & HIN_ORGANISATION_SECTOR ? o->sector : t->sector,
		c & HIN_ORGANISATION_TLP ? o->tlp : t->tlp,
		(int64_t)(c & HIN_ORGANISATION_MEMBER ? o->member : t->member), p->options->now_us);
}

static enum hin_code write_contact(const struct plan *p, struct hin_desk *desk,
				   const struct step *step, struct hin_error *err)
{
	const struct hin_directory_contact *c = &p->now->contacts[step->now];

	if (step->what == ADD_CONTACT)
		return hin_desk_run(desk, err,
				    "INSERT INTO contact (organisation, role, channel, address, "
				    "language, quiet, digest, source) "
				    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
				    "ittttttt", p->number[c->organisation], c->role, c->channel,
				    c->address, c->language, c->quiet, c->digest, c->source);
	if (step->what == CHANGE_CONTACT)
		return hin_desk_run(
			desk, err,
			"UPDATE contact SET role = ?2, "
			"language = CASE ?3 WHEN '' THEN language ELSE ?3 END, "
			"quiet = CASE ?4 WHEN '' THEN quiet ELSE ?4 END, "
			"digest = CASE ?5 WHEN '' THEN digest ELSE ?5 END WHERE id = ?1",
			"itttt", p->then->contacts[step->then].id, c->role, c->language, c->quiet,
			c->digest);
	return hin_desk_run(desk, err, "DELETE FROM contact WHERE id = ?1", "i",
			    p->then->contacts[step->then].id);
}

static enum hin_code write_holding(const struct plan *p, struct hin_desk *desk,
				   const struct step *step, struct hin_error *err)
{
	static const char *const kinds[] = { "prefix", "as", "name" };
	const struct hin_directory_holding *h;
	bool prefix;

	if (step->what == REMOVE_HOLDING)
		return hin_desk_run(desk, err, "DELETE FROM holding WHERE id = ?1", "i",
				    p->then->holdings[step->then].id);
	h = &p->now->holdings[step->now];
	prefix = h->kind == HIN_HOLDING_PREFIX;
	if (step->what == CHANGE_HOLDING)
		return hin_desk_run(desk, err,
				    "UPDATE holding SET label = ?2, until_us = ?3 WHERE id = ?1",
				    "iti", p->then->holdings[step->then].id, h->label, h->until_us);
	return hin_desk_run(desk, err,
			    "INSERT INTO holding (organisation, kind, low, high, asn, name, label, "
			    "source, from_us, until_us) "
			    "VALUES (?1, ?2, ?3, ?4, NULLIF(?5, 0), ?6, ?7, ?8, ?9, ?10)",
			    "itaaitttii", p->number[h->organisation], kinds[h->kind],
			    prefix ? &h->low : NULL, prefix ? &h->high : NULL, (int64_t)h->asn,
			    h->name, h->label, h->source, h->from_us, h->until_us);
}

static void put_counts(struct hin_buffer *out, const char *name,
		       const struct hin_directory_change *c)
{
	hin_buffer_printf(out,
			  ",\"%s\":{\"added\":%llu,\"changed\":%llu,\"moved\":%llu,"
			  "\"removed\":%llu,\"same\":%llu}",
			  name, (unsigned long long)c->added, (unsigned long long)c->changed,
			  (unsigned long long)c->moved, (unsigned long long)c->removed,
			  (unsigned long long)c->same);
}

static enum hin_code write_act(const struct plan *p, struct hin_desk *desk, struct hin_error *err)
{
	struct hin_desk_act act = { .time_us = p->options->now_us,
				    .account = p->options->account,
				    .kind = HIN_ACT_DIRECTORY_LOADED };
	struct hin_buffer object = { 0 };
	char hex[65];
	enum hin_code code;

	sodium_bin2hex(hex, sizeof(hex), p->options->digest, 32);
	hin_buffer_puts(&object, "{\"source\":");
	hin_escape_json(&object, p->options->source, strlen(p->options->source));
	hin_buffer_puts(&object, ",\"file\":");
	hin_escape_json(&object, p->options->name, strlen(p->options->name));
	hin_buffer_printf(&object, ",\"sha256\":\"%s\",\"replace\":%s", hex,
			  p->options->replace ? "true" : "false");
	put_counts(&object, "organisations", &p->report->organisations);
	put_counts(&object, "contacts", &p->report->contacts);
	put_counts(&object, "holdings", &p->report->holdings);
	hin_buffer_printf(&object, ",\"conflicts\":%llu}",
			  (unsigned long long)p->report->conflicts);
	act.object = hin_buffer_text(&object);
	code = object.failed ? hin_fail(err, HIN_ENOMEM, "no memory for an act")
			     : hin_desk_act(desk, &act, NULL, err);
	hin_buffer_fini(&object);
	return code;
}

/* What is done is counted: after a look at what others changed, it is the same as before. */
static struct hin_directory_change *counts_of(struct written *w, enum what what)
{
	return what < ADD_HOLDING ? &w->contacts : &w->holdings;
}

static void count_step(struct written *w, const struct step *step)
{
	struct hin_directory_change *c = counts_of(w, step->what);

	if (step->what == ADD_CONTACT || step->what == ADD_HOLDING)
		*(step->moves ? &c->moved : &c->added) += 1;
	else if (step->what == CHANGE_CONTACT || step->what == CHANGE_HOLDING)
		c->changed++;
	else if (!step->moves)
		c->removed++;
}

static enum hin_code write_organisation(struct plan *p, struct hin_loading *l, size_t i,
					struct hin_error *err)
{
	enum hin_code code;

	if (p->mapped[i] != HIN_DIRECTORY_NONE && p->changed[i] == 0)
		return HIN_OK;
	code = hin_loading_step(l, err);
	if (code != HIN_OK)
		return code;
	if (p->mapped[i] == HIN_DIRECTORY_NONE) {
		p->written->organisations.added++;
		return add_organisation(p, l->desk, i, err);
	}
	p->written->organisations.changed++;
	return change_organisation(p, l->desk, i, err);
}

static enum hin_code write_steps(struct plan *p, struct hin_loading *l, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < p->now->organisation_count; i++)
		code = write_organisation(p, l, i, err);
	for (size_t i = 0; code == HIN_OK && i < p->count; i++) {
		const struct step *step = &p->steps[i];

		code = hin_loading_step(l, err);
		if (code != HIN_OK)
			break;
		count_step(p->written, step);
		code = step->what < ADD_HOLDING ? write_contact(p, l->desk, step, err)
						: write_holding(p, l->desk, step, err);
	}
	return code;
}

static void add_counts(struct hin_directory_change *to, const struct hin_directory_change *done)
{
	uint64_t now_same = done->added + done->changed + done->moved;

	to->added += done->added;
	to->changed += done->changed;
	to->moved += done->moved;
	to->removed += done->removed;
	to->same -= now_same < to->same ? now_same : to->same;
}

/* The directory is still the one that was compared, and nobody else brings another meanwhile. */
static enum hin_code check(void *user, struct hin_error *err)
{
	struct plan *p = user;
	int64_t version, newest = 0;
	enum hin_code code = hin_directory_version(p->loading->desk, false, &version, err);

	if (code == HIN_OK && version != p->then->version)
		return HIN_EOF;
	if (code == HIN_OK && p->loading->id != 0)
		code = hin_desk_number(p->loading->desk, &newest, err,
				       "SELECT coalesce(max(id), 0) FROM loading WHERE kind = "
				       "'directory'",
				       "");
	if (code == HIN_OK && newest > p->loading->id)
		return hin_fail(err, HIN_EAGAIN, "another import of a directory has begun");
	return code;
}

/* Write it all. HIN_EOF: the directory is not the one that was compared any more. */
static enum hin_code commit(struct plan *p, struct hin_loading *l, struct hin_error *err)
{
	struct written before = *p->written;
	enum hin_code code = write_steps(p, l, err);

	if (code == HIN_OK)
		code = hin_loading_step(l, err);
	if (code == HIN_OK) {
		add_counts(&p->report->organisations, &before.organisations);
		add_counts(&p->report->contacts, &before.contacts);
		add_counts(&p->report->holdings, &before.holdings);
		code = write_act(p, l->desk, err);
	}
	/* now those who read the directory read it again */
	if (code == HIN_OK)
		code = hin_directory_touch(l->desk, false, err);
	return code == HIN_OK ? hin_loading_end(l, err) : code;
}

static enum hin_code make_plan(struct plan *p, struct hin_desk *desk, struct hin_error *err)
{
	size_t n = p->now->organisation_count + 1;
	enum hin_code code;

	p->then = hin_directory_new();
	p->mapped = calloc(n, sizeof(*p->mapped));
	p->number = calloc(n, sizeof(*p->number));
	p->changed = calloc(n, sizeof(*p->changed));
	if (p->then == NULL || p->mapped == NULL || p->number == NULL || p->changed == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory to compare");
	code = hin_directory_read(p->then, desk, err);
	if (code != HIN_OK)
		return code;
	plan_organisations(p);
	code = plan_contacts(p, err);
	return code == HIN_OK ? plan_holdings(p, err) : code;
}

static enum hin_code try_once(struct hin_loading *l, const struct hin_directory *d,
			      const struct hin_directory_import *options, struct written *written,
			      struct hin_directory_report *report, struct hin_error *err)
{
	struct plan p = {
		.now = d, .options = options, .report = report, .written = written, .loading = l
	};
	enum hin_code code;

	l->user = &p;
	code = make_plan(&p, l->desk, err);
	if (code == HIN_OK && !options->dry_run)
		code = commit(&p, l, err);
	hin_directory_free(p.then);
	free(p.mapped);
	free(p.number);
	free(p.changed);
	free(p.steps);
	l->user = NULL;
	return code;
}

enum hin_code hin_directory_import(struct hin_desk *desk, const struct hin_directory *d,
				   const struct hin_directory_import *options,
				   struct hin_directory_report *report, struct hin_error *err)
{
	struct hin_loading loading = { .desk = desk,
				       .what = { "directory", options->source, options->name,
						 options->digest, options->account,
						 options->now_us },
				       .check = check,
				       .bit_ns = options->bit_ns };
	struct written written = { 0 };
	struct hin_error why = { 0 };
	size_t line_limit = report->line_limit;
	enum hin_code code = HIN_EOF;

	for (unsigned try = 0; code == HIN_EOF && try < TRIES; try++) {
		hin_directory_report_fini(report);
		*report = (struct hin_directory_report){ .line_limit = line_limit };
		code = try_once(&loading, d, options, &written, report, &why);
	}
	if (code == HIN_EOF)
		code = hin_fail(&why, HIN_EAGAIN,
				"the directory is being changed by others; try again");
	if (code == HIN_OK && report->lines.failed)
		code = hin_fail(&why, HIN_ENOMEM, "no memory for the report");
	else if (code != HIN_OK)
		hin_loading_drop(&loading, &why);
	if (code != HIN_OK && err != NULL)
		*err = why;
	return code;
}
