/*
 * heap_priv - times to wake at, the next one first: a binary heap of items that know their place.
 *
 * Ownership: items are the caller's, zeroed at first; one stays where it is while it is in a heap.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdlib.h>

#include "base/error.h"

struct hin_heap_item {
	int64_t at;
	uint32_t place; /* 0: in no heap */
};

struct hin_heap {
	struct hin_heap_item **items; /* the first at 1 */
	uint32_t count, room;
};

static inline struct hin_heap_item *hin_heap_first(const struct hin_heap *heap)
{
	return heap->count > 0 ? heap->items[1] : NULL;
}

static inline void hin_heap_put(struct hin_heap *heap, uint32_t place, struct hin_heap_item *item)
{
	heap->items[place] = item;
	item->place = place;
}

static inline void hin_heap_sift(struct hin_heap *heap, struct hin_heap_item *item)
{
	uint32_t at = item->place;

	while (at > 1 && heap->items[at / 2]->at > item->at) {
		hin_heap_put(heap, at, heap->items[at / 2]);
		at /= 2;
	}
	for (uint32_t child = at * 2; child <= heap->count; child = at * 2) {
		child += child < heap->count && heap->items[child + 1]->at < heap->items[child]->at;
		if (heap->items[child]->at >= item->at)
			break;
		hin_heap_put(heap, at, heap->items[child]);
		at = child;
	}
	hin_heap_put(heap, at, item);
}

/* False without memory. */
static inline bool hin_heap_add(struct hin_heap *heap, struct hin_heap_item *item, int64_t at)
{
	if (heap->count + 1 >= heap->room) {
		uint32_t room = heap->room == 0 ? 64 : heap->room * 2;
		struct hin_heap_item **items =
			realloc(heap->items, (size_t)room * sizeof(struct hin_heap_item *));

		if (items == NULL)
			return false;
		heap->items = items;
		heap->room = room;
	}
	item->at = at;
	hin_heap_put(heap, ++heap->count, item);
	hin_heap_sift(heap, item);
	return true;
}

static inline void hin_heap_move(struct hin_heap *heap, struct hin_heap_item *item, int64_t at)
{
	if (item->at == at)
		return;
	item->at = at;
	hin_heap_sift(heap, item);
}

static inline void hin_heap_remove(struct hin_heap *heap, struct hin_heap_item *item)
{
	struct hin_heap_item *last;
	uint32_t place = item->place;

	if (place == 0)
		return;
	last = heap->items[heap->count--];
	item->place = 0;
	if (last == item)
		return;
	hin_heap_put(heap, place, last);
	hin_heap_sift(heap, last);
}

static inline void hin_heap_fini(struct hin_heap *heap)
{
	free(heap->items);
	*heap = (struct hin_heap){ 0 };
}
