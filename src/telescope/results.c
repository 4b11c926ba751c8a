/* results - lists of what was judged: bounded, in an order that does not depend on the tables. */
#include <stdlib.h>

#include "telescope/telescope_priv.h"

int hin_by_event(const void *a, const void *b)
{
	const struct hin_event *x = a, *y = b;
	int order;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	order = hin_addr_compare(&x->source, &y->source);
	if (order != 0)
		return order;
	if (x->source_len != y->source_len)
		return x->source_len < y->source_len ? -1 : 1;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
}

int hin_by_victim(const void *a, const void *b)
{
	const struct hin_victim *x = a, *y = b;
	int order;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	order = hin_addr_compare(&x->address, &y->address);
	if (order != 0)
		return order;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
}

int hin_by_flood(const void *a, const void *b)
{
	const struct hin_flood *x = a, *y = b;
	int order;

	if (x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	order = hin_addr_compare(&x->target, &y->target);
	if (order != 0)
		return order;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return x->first_us < y->first_us ? -1 : x->first_us > y->first_us;
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

/* Append one item; at twice the limit the list is sorted and its smaller half goes. */
static void list_add(struct results *r, struct result_list *list, const void *what, size_t item,
		     uint64_t packets, int (*order)(const void *, const void *))
{
	list->total++;
	list->packets += packets;
	if (list->count > 0 && list->count >= 2 * r->limit) {
		qsort(list->items, list->count, item, order);
		list->count = r->limit;
	}
	if (list->count == list->size) {
		size_t more = list->size > 0 ? list->size * 2 : 64;
		void *grown = realloc(list->items, more * item);

		if (grown == NULL) {
			r->lost++;
			return;
		}
		list->items = grown;
		list->size = more;
	}
	memcpy((uint8_t *)list->items + list->count * item, what, item);
	list->count++;
}

void hin_results_add_event(struct results *r, const struct hin_event *e)
{
	list_add(r, &r->events, e, sizeof(*e), e->packets, hin_by_event);
}

void hin_results_add_victim(struct results *r, const struct hin_victim *v)
{
	list_add(r, &r->victims, v, sizeof(*v), v->packets, hin_by_victim);
}

void hin_results_add_flood(struct results *r, struct result_list *list, const struct hin_flood *f)
{
	list_add(r, list, f, sizeof(*f), f->packets, hin_by_flood);
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
