/* results - lists of what was judged: bounded, in an order that does not depend on the tables. */
#include <stdlib.h>

#include "telescope/telescope_priv.h"

static int ascending(int64_t x, int64_t y)
{
	return (x > y) - (x < y);
}

/* Who has more packets first; then by address. */
static int by_weight(uint64_t x, uint64_t y, const struct hin_addr *a, const struct hin_addr *b)
{
	return x != y ? (x > y ? -1 : 1) : hin_addr_compare(a, b);
}

int hin_by_event(const void *a, const void *b)
{
	const struct hin_event *x = a, *y = b;
	int order = by_weight(x->packets, y->packets, &x->source, &y->source);

	if (order == 0)
		order = ascending(x->source_len, y->source_len);
	if (order == 0)
		order = ascending(x->class, y->class);
	return order != 0 ? order : ascending(x->first_us, y->first_us);
}

int hin_by_victim(const void *a, const void *b)
{
	const struct hin_victim *x = a, *y = b;
	int order = by_weight(x->packets, y->packets, &x->address, &y->address);

	if (order == 0)
		order = ascending(x->class, y->class);
	if (order == 0)
		order = ascending(x->port, y->port);
	return order != 0 ? order : ascending(x->first_us, y->first_us);
}

int hin_by_flood(const void *a, const void *b)
{
	const struct hin_flood *x = a, *y = b;
	int order = by_weight(x->packets, y->packets, &x->target, &y->target);

	if (order == 0)
		order = ascending(x->class, y->class);
	if (order == 0)
		order = ascending(x->port, y->port);
	return order != 0 ? order : ascending(x->first_us, y->first_us);
}

struct hin_event *hin_results_events(const struct results *r)
{
	return r->events.items;
}

struct hin_victim *hin_results_victims(const struct results *r)
{
	return r->victims.items;
}

struct hin_flood *hin_results_floods(const struct result_list *list)
{
	return list->items;
}

/* What a list is made of. */
struct kind {
	size_t size, packets_at;
	int (*order)(const void *, const void *);
};

static const struct kind events = { sizeof(struct hin_event), offsetof(struct hin_event, packets),
				    hin_by_event };
static const struct kind victims = { sizeof(struct hin_victim),
				     offsetof(struct hin_victim, packets), hin_by_victim };
static const struct kind floods = { sizeof(struct hin_flood), offsetof(struct hin_flood, packets),
				    hin_by_flood };

/* Sort the list and let its smaller half go. */
static void list_halve(struct result_list *list, const struct kind *kind, size_t limit)
{
	qsort(list->items, list->count, kind->size, kind->order);
	list->count = limit;
	list->floor = UINT64_MAX;
	if (limit > 0)
		memcpy(&list->floor,
		       (const uint8_t *)list->items + (limit - 1) * kind->size + kind->packets_at,
		       sizeof(list->floor));
}

/*
 * Append one item; at twice the limit the smaller half goes. Who has fewer packets than the last
 * that stayed would go next time, and does not come in.
 */
static void list_add(struct results *r, struct result_list *list, const void *what,
		     const struct kind *kind, uint64_t packets)
{
	list->total++;
	list->packets += packets;
	if (list->count > 0 && list->count >= 2 * r->limit)
		list_halve(list, kind, r->limit);
	if (packets < list->floor)
		return;
	if (list->count == list->size) {
		size_t more = list->size > 0 ? list->size * 2 : 64;
		void *grown = realloc(list->items, more * kind->size);

		if (grown == NULL) {
			r->lost++;
			return;
		}
		list->items = grown;
		list->size = more;
	}
	memcpy((uint8_t *)list->items + list->count * kind->size, what, kind->size);
	list->count++;
}

void hin_results_add_event(struct results *r, const struct hin_event *e)
{
	list_add(r, &r->events, e, &events, e->packets);
}

void hin_results_add_victim(struct results *r, const struct hin_victim *v)
{
	list_add(r, &r->victims, v, &victims, v->packets);
}

void hin_results_add_flood(struct results *r, struct result_list *list, const struct hin_flood *f)
{
	list_add(r, list, f, &floods, f->packets);
}

static void name_floods(const struct hin_telescope *t, const struct result_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct hin_flood *f = &hin_results_floods(list)[i];

		f->has_evidence = hin_vault_find(t->options.vault, f->link, f->evidence);
	}
}

void hin_results_name_evidence(const struct hin_telescope *t, struct results *r)
{
	if (t->options.vault == NULL)
		return;
	for (size_t i = 0; i < r->events.count; i++) {
		struct hin_event *e = &hin_results_events(r)[i];

		e->has_evidence = hin_vault_find(t->options.vault, e->link, e->evidence);
	}
	for (size_t i = 0; i < r->victims.count; i++) {
		struct hin_victim *v = &hin_results_victims(r)[i];

		v->has_evidence = hin_vault_find(t->options.vault, v->link, v->evidence);
	}
	name_floods(t, &r->floods);
	name_floods(t, &r->amplifications);
}

void hin_results_fini(struct results *r)
{
	free(r->events.items);
	free(r->victims.items);
	free(r->floods.items);
	free(r->amplifications.items);
	*r = (struct results){ .limit = r->limit };
}
