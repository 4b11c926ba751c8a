/* segments_stats - how much a store has; see store.h */
#include <sys/stat.h>
#include <unistd.h>

#include "store/segments_priv.h"

static void note_time(struct hin_store_stats *out, int64_t first, int64_t last)
{
	if (out->rows == 0 || first < out->oldest_us)
		out->oldest_us = first;
	if (out->rows == 0 || last > out->newest_us)
		out->newest_us = last;
}

static void add_segments(const struct hin_store *s, struct hin_store_stats *out)
{
	int64_t last_day = -1;

	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		const struct hin_segment *x = &s->catalog.segments[i];

		out->files++;
		out->blocks += x->blocks;
		out->bytes += x->length;
		out->days += x->day != last_day;
		last_day = x->day;
		if (hin_segment_is_rollup(x->kind)) {
			out->rolled_rows += x->weight;
			continue;
		}
		if (!hin_segment_is_detail(x->kind))
			continue;
		if (x->blocks > 0)
			note_time(out, x->time_min, x->time_max);
		out->rows += x->rows;
	}
}

/* Rows that are in the journal, by the heads of their blocks. */
static enum hin_code add_tails(const struct hin_store *s, struct hin_store_stats *out,
			       struct hin_error *err)
{
	struct hin_part parts[HIN_PARTS_KNOWN];
	uint8_t bytes[HIN_BLOCK_HEAD_MAX];

	for (size_t i = 0; i < s->catalog.tail_count; i++) {
		const struct hin_tail *t = &s->catalog.tails[i];
		size_t size = t->size < sizeof(bytes) ? t->size : sizeof(bytes), need;
		struct hin_block_head head;

		if (!hin_segment_is_detail(t->kind))
			continue;
		if (pread(s->journal, bytes, size, (off_t)t->offset) != (ssize_t)size ||
		    hin_block_head_read(&head, parts, bytes, size, &need) != HIN_OK)
			return hin_fail(err, HIN_EFORMAT, "%s: offset %llu: block cannot be read",
					s->journal_name, (unsigned long long)t->offset);
		note_time(out, head.time_min, head.time_max);
		out->rows += head.rows;
		out->waiting_rows += head.rows;
	}
	return HIN_OK;
}

enum hin_code hin_store_stats(struct hin_store *s, struct hin_store_stats *out,
			      struct hin_error *err)
{
	struct stat st;

	*out = (struct hin_store_stats){ .notes = s->notes };
	add_segments(s, out);
	for (size_t i = 0; i < s->day_count; i++) {
		const struct hin_builder *b = &s->days[i].builder;

		if (b->rows == 0 || !hin_segment_is_detail(s->days[i].kind))
			continue;
		note_time(out, b->time_min, b->time_max);
		out->rows += b->rows;
		out->waiting_rows += b->rows;
	}
	for (size_t i = 0; i < s->catalog.sensor_count; i++) {
		if (hin_sensor_newest(&s->catalog.sensors[i]) == NULL)
			continue;
		out->sensors++;
		out->batches += s->catalog.sensors[i].batches;
	}
	if (fstat(s->journal, &st) == 0)
		out->bytes += (uint64_t)st.st_size;
	return add_tails(s, out, err);
}
