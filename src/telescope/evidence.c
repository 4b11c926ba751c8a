#include "telescope/evidence.h"

#include <stdlib.h>

#include "base/time.h"
#include "telescope/telescope_priv.h"

struct hin_staged {
	uint32_t at, hash; /* of the source or target */
	uint32_t order;	   /* of arrival */
	uint32_t size, length;
	uint16_t link;
	uint8_t class;
	bool used;
	int64_t time_ns;
	uint8_t data[HIN_VAULT_SNAP];
};

enum hin_code hin_stage_init(struct hin_stage *stage, struct hin_error *err)
{
	stage->ring = calloc(HIN_STAGE_ITEMS, sizeof(*stage->ring));
	stage->used = 0;
	return stage->ring != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no room for evidence");
}

void hin_stage_fini(struct hin_stage *stage)
{
	free(stage->ring);
	stage->ring = NULL;
}

void hin_stage_add(struct hin_stage *stage, uint32_t at, uint32_t hash, uint8_t class,
		   const struct hin_frame *frame)
{
	struct hin_staged *item = &stage->ring[stage->used % HIN_STAGE_ITEMS];

	*item = (struct hin_staged){
		.at = at,
		.hash = hash,
		.order = stage->used++,
		.size = frame->size < HIN_VAULT_SNAP ? frame->size : HIN_VAULT_SNAP,
		.length = frame->length,
		.link = frame->link,
		.class = class,
		.used = true,
		.time_ns = frame->time_ns,
	};
	memcpy(item->data, frame->data, item->size);
}

/* A staged packet that matters, and of what event it is. */
struct matter {
	uint64_t link;
	struct hin_staged *item;
};

/* Of a ring: by source or target, and class. */
static int by_place(const void *a, const void *b)
{
	const struct hin_staged *x = *(struct hin_staged *const *)a;
	const struct hin_staged *y = *(struct hin_staged *const *)b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return (x->class > y->class) - (x->class < y->class);
}

/* Of all rings: by event, then in the order of arrival. */
static int by_event(const void *a, const void *b)
{
	const struct matter *x = a, *y = b;

	if (x->link != y->link)
		return x->link < y->link ? -1 : 1;
	if (x->item->time_ns != y->item->time_ns)
		return x->item->time_ns < y->item->time_ns ? -1 : 1;
	return (int32_t)(x->item->order - y->item->order) < 0 ? -1
							      : x->item->order != y->item->order;
}

/* Add what matters of one ring to `out`; returns how many there are then. */
static size_t collect(const struct hin_telescope *t, const struct shard *s, bool targets,
		      struct matter *out, size_t used)
{
	const struct hin_stage *stage = targets ? &s->target_stage : &s->stage;
	struct hin_staged *items[HIN_STAGE_ITEMS];
	size_t count = 0;

	for (size_t k = 0; k < HIN_STAGE_ITEMS; k++)
		if (stage->ring[k].used)
			items[count++] = &stage->ring[k];
	if (count > 0)
		qsort(items, count, sizeof(struct hin_staged *), by_place);
	for (size_t from = 0, to; from < count; from = to) {
		const struct hin_staged *first = items[from];
		uint64_t link;
		bool matters =
			targets ? hin_judge_target_matters(t, s, first->at, first->hash, &link)
				: hin_judge_matters(t, s, first->at, first->hash, first->class,
						    &link);

		for (to = from;
		     to < count && items[to]->at == first->at && items[to]->class == first->class;
		     to++)
			if (matters)
				out[used++] = (struct matter){ .link = link, .item = items[to] };
	}
	return used;
}

/* Put the first packets of one event; all of them give their places back. */
static void keep_event(struct hin_telescope *t, const struct matter *of, size_t count)
{
	struct hin_vault_packet packets[HIN_VAULT_PACKETS];
	uint8_t digest[HIN_VAULT_DIGEST];
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		struct hin_staged *item = of[i].item;

		if (n < HIN_VAULT_PACKETS)
			packets[n++] = (struct hin_vault_packet){ .time_ns = item->time_ns,
								  .data = item->data,
								  .size = item->size,
								  .length = item->length,
								  .link = item->link };
		item->used = false;
	}
	/* what was kept first stays the evidence */
	if (!hin_vault_find(t->options.vault, of[0].link, digest) &&
	    hin_vault_put(t->options.vault, of[0].link, packets, n, hin_time_now_ns(), digest,
			  NULL) != HIN_OK)
		t->evidence_lost++;
}

/* What came to a target lies in every shard, by its sources: all rings are looked at together. */
static void keep_all(struct hin_telescope *t)
{
	struct matter *all = malloc((size_t)2 * HIN_SHARDS * HIN_STAGE_ITEMS * sizeof(*all));
	size_t count = 0;

	if (all == NULL) {
		t->evidence_lost++;
		return;
	}
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		count = collect(t, &t->shards[i], false, all, count);
		count = collect(t, &t->shards[i], true, all, count);
	}
	if (count > 0)
		qsort(all, count, sizeof(*all), by_event);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && all[to].link == all[from].link; to++)
			;
		keep_event(t, all + from, to - from);
	}
	free(all);
}

void hin_evidence_keep(struct hin_telescope *t, bool end)
{
	int64_t now_ns = hin_time_monotonic_ns();

	if (t->options.vault == NULL)
		return;
	keep_all(t);
	if (!end && now_ns - t->evidence_synced_ns < HIN_NS_PER_MIN)
		return;
	t->evidence_synced_ns = now_ns;
	if (hin_vault_sync(t->options.vault, NULL) != HIN_OK)
		t->evidence_lost++;
	if (hin_vault_expire(t->options.vault, hin_time_now_ns(), NULL) != HIN_OK)
		t->evidence_lost++;
}
