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

static int by_place(const void *a, const void *b)
{
	const struct hin_staged *x = *(struct hin_staged *const *)a;
	const struct hin_staged *y = *(struct hin_staged *const *)b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	return (int32_t)(x->order - y->order) < 0 ? -1 : x->order != y->order;
}

/* Put the packets of one source or target, if they matter; then their places are free. */
static void keep_group(struct hin_telescope *t, struct shard *s, bool targets,
		       struct hin_staged *const *items, size_t count)
{
	struct hin_vault_packet packets[HIN_VAULT_PACKETS];
	uint8_t digest[HIN_VAULT_DIGEST];
	uint64_t link;
	size_t n = 0;

	if (targets ? !hin_judge_target_matters(t, s, items[0]->at, items[0]->hash, &link)
		    : !hin_judge_matters(t, s, items[0]->at, items[0]->hash, items[0]->class,
					 &link))
		return;
	for (size_t i = 0; i < count; i++) {
		if (n < HIN_VAULT_PACKETS)
			packets[n++] = (struct hin_vault_packet){ .time_ns = items[i]->time_ns,
								  .data = items[i]->data,
								  .size = items[i]->size,
								  .length = items[i]->length,
								  .link = items[i]->link };
		items[i]->used = false;
	}
	/* what was kept first stays the evidence */
	if (!hin_vault_find(t->options.vault, link, digest) &&
	    hin_vault_put(t->options.vault, link, packets, n, hin_time_now_ns(), digest, NULL) !=
		    HIN_OK)
		t->evidence_lost++;
}

/* Keep what matters of one ring, group by group. */
static void keep_stage(struct hin_telescope *t, struct shard *s, bool targets)
{
	struct hin_stage *stage = targets ? &s->target_stage : &s->stage;
	struct hin_staged *items[HIN_STAGE_ITEMS];
	size_t count = 0;

	for (size_t k = 0; k < HIN_STAGE_ITEMS; k++)
		if (stage->ring[k].used)
			items[count++] = &stage->ring[k];
	if (count > 0)
		qsort(items, count, sizeof(struct hin_staged *), by_place);
	for (size_t from = 0, to; from < count; from = to) {
		for (to = from + 1; to < count && items[to]->at == items[from]->at &&
				    items[to]->class == items[from]->class;
		     to++)
			;
		keep_group(t, s, targets, items + from, to - from);
	}
}

void hin_evidence_keep(struct hin_telescope *t, bool end)
{
	int64_t now_ns = hin_time_monotonic_ns();

	if (t->options.vault == NULL)
		return;
	for (unsigned i = 0; i < HIN_SHARDS; i++) {
		keep_stage(t, &t->shards[i], false);
		keep_stage(t, &t->shards[i], true);
	}
	if (!end && now_ns - t->evidence_synced_ns < HIN_NS_PER_MIN)
		return;
	t->evidence_synced_ns = now_ns;
	if (hin_vault_sync(t->options.vault, NULL) != HIN_OK)
		t->evidence_lost++;
	if (hin_vault_expire(t->options.vault, hin_time_now_ns(), NULL) != HIN_OK)
		t->evidence_lost++;
}
