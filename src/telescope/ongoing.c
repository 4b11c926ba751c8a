#include "telescope/ongoing.h"

#include <stdlib.h>

static uint32_t hash_of_link(uint64_t link)
{
	return (uint32_t)((link ^ link >> 29) * 0x9e3779b97f4a7c15u >> 32);
}

static uint32_t hash_of(const void *user, uint32_t at)
{
	const struct hin_ongoing *o = user;

	return hash_of_link(o->items[at].link);
}

enum hin_code hin_ongoing_init(struct hin_ongoing *o, struct hin_error *err)
{
	*o = (struct hin_ongoing){ 0 };
	return hin_index_init(&o->index, err);
}

void hin_ongoing_fini(struct hin_ongoing *o)
{
	hin_index_fini(&o->index);
	free(o->items);
	o->items = NULL;
	o->count = o->size = 0;
}

enum hin_code hin_ongoing_index(struct hin_ongoing *o, struct hin_error *err)
{
	enum hin_code code = hin_index_reset(&o->index, (size_t)o->index.mask + 1, err);

	for (size_t i = 0; i < o->count && code == HIN_OK; i++)
		if (!hin_index_put(&o->index, hash_of(o, (uint32_t)i), (uint32_t)i, hash_of, o))
			code = hin_fail(err, HIN_ENOMEM, "no room for what was told");
	return code;
}

static struct hin_ongoing_item *find(struct hin_ongoing *o, uint64_t link)
{
	uint32_t hash = hash_of_link(link), at;
	struct hin_index_search search = hin_index_search(&o->index, hash);

	while ((at = hin_index_next(&o->index, hash, &search)) != HIN_NONE)
		if (o->items[at].link == link)
			return &o->items[at];
	return NULL;
}

/* A note of a new event; NULL above the limit and without memory. */
static struct hin_ongoing_item *add(struct hin_ongoing *o, uint64_t link)
{
	if (o->count == HIN_ONGOING_LIMIT)
		return NULL;
	if (o->count == o->size) {
		size_t size = o->size > 0 ? o->size * 2 : 64;
		struct hin_ongoing_item *items = realloc(o->items, size * sizeof(*items));

		if (items == NULL)
			return NULL;
		o->items = items;
		o->size = size;
	}
	memset(&o->items[o->count], 0, sizeof(*o->items));
	o->items[o->count].link = link;
	if (!hin_index_put(&o->index, hash_of_link(link), (uint32_t)o->count, hash_of, o))
		return NULL;
	return &o->items[o->count++];
}

static void forget(struct hin_ongoing *o, uint32_t at)
{
	uint32_t last = (uint32_t)o->count - 1;

	hin_index_remove(&o->index, hash_of(o, at), at, hash_of, o);
	if (at != last) {
		hin_index_remove(&o->index, hash_of(o, last), last, hash_of, o);
		o->items[at] = o->items[last];
		/* a place was just given up: there is room */
		(void)hin_index_put(&o->index, hash_of(o, at), at, hash_of, o);
	}
	o->count--;
}

bool hin_ongoing_tell(struct hin_ongoing *o, struct hin_part *part,
		      const struct hin_ongoing_item *event, int64_t first_us, bool gone)
{
	struct hin_ongoing_item *told = find(o, event->link);
	bool news;

	*part = (struct hin_part){ .opened = told == NULL,
				   .closed = event->closed,
				   .since_us = told != NULL ? told->last_us : first_us,
				   .packets = event->packets - (told != NULL ? told->packets : 0),
				   .bytes = event->bytes - (told != NULL ? told->bytes : 0) };
	if (told != NULL && event->packets < told->packets) /* another one of the same name */
		*part = (struct hin_part){ .closed = event->closed,
					   .since_us = first_us,
					   .packets = event->packets,
					   .bytes = event->bytes };
	news = told == NULL || part->packets > 0 || (event->closed && !told->closed);
	if (gone) {
		if (told != NULL)
			forget(o, (uint32_t)(told - o->items));
		return news;
	}
	if (told == NULL)
		told = add(o, event->link);
	if (told == NULL) /* no room for a note: it is told whole, when it is over */
		return false;
	*told = *event;
	return news;
}

void hin_ongoing_expire(struct hin_ongoing *o, int64_t idle_us)
{
	for (uint32_t at = (uint32_t)o->count; at-- > 0;)
		if (o->items[at].last_us < idle_us)
			forget(o, at);
}
