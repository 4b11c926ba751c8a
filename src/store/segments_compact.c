/* segments_compact - small files and blocks become few full ones, with an index; see store.h */
#include <stdlib.h>

#include "store/segments_house_priv.h"

#define FULL_ROWS (HIN_BLOCK_ROWS * 3 / 4) /* rows of a block that is full enough */

static enum hin_code copy_row(void *user, const struct hin_store_batch *batch, uint32_t at,
			      const struct hin_observation *o, struct hin_error *err)
{
	(void)at;
	return hin_house_add(user, batch, o, err);
}

static enum hin_code copy_rows(void *user, const struct hin_block_rows *rows,
			       const struct hin_block_head *head, struct hin_error *err)
{
	(void)head;
	return hin_block_each_row(rows, copy_row, user, err);
}

/* Would the files of a day and kind become fewer or fuller? */
static bool worth_it(const struct hin_store *s, int64_t day, unsigned kind)
{
	uint64_t files = 0, blocks = 0, rows = 0, bytes = 0;

	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		const struct hin_segment *x = &s->catalog.segments[i];

		if (x->day != day || x->kind != kind)
			continue;
		files++;
		blocks += x->blocks;
		rows += x->rows;
		bytes += x->length;
	}
	if (blocks == 0)
		return files > 0;
	if (rows < blocks * FULL_ROWS && blocks > (rows + HIN_BLOCK_ROWS - 1) / HIN_BLOCK_ROWS)
		return true;
	return files > 1 && files > bytes / (HIN_SEGMENT_BYTES / 2) + 1;
}

/* Mark the files that can be read whole as going. A damaged one stays as it is. */
static enum hin_code choose(struct hin_store *s, int64_t day, unsigned kind,
			    struct hin_store_work *work, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < s->catalog.segment_count && code == HIN_OK; i++) {
		struct hin_segment *x = &s->catalog.segments[i];
		struct hin_house_found found;

		if (x->day != day || x->kind != kind)
			continue;
		code = hin_house_read(s, x, NULL, NULL, &found, err);
		work->damaged_blocks += found.damaged_blocks;
		x->going = code == HIN_OK && found.damaged_blocks == 0 && found.damaged_rows == 0 &&
			   found.unknown_parts == 0;
	}
	return code;
}

static enum hin_code compact_day(struct hin_store *s, int64_t day, unsigned kind,
				 struct hin_store_work *work, struct hin_error *err)
{
	struct hin_house_writer w = {
		.store = s, .day = day, .kind = kind, .builder = { .day = day }
	};
	struct hin_house_change change;
	enum hin_code code;

	hin_house_begin(&change, s);
	code = choose(s, day, kind, work, err);
	for (size_t i = 0; code == HIN_OK && i < s->catalog.segment_count; i++) {
		/* files that are written meanwhile stand behind, with larger numbers */
		struct hin_segment x = s->catalog.segments[i];
		struct hin_house_found found;

		if (x.going)
			code = hin_house_read(s, &x, copy_rows, &w, &found, err);
		if (code == HIN_OK && x.going && found.rows != x.rows)
			code = hin_fail(err, HIN_EVERIFY, "store %s: rows went away while read",
					s->path);
	}
	if (code == HIN_OK)
		code = hin_house_flush(&w, err);
	hin_house_fini(&w);
	if (code != HIN_OK) {
		hin_house_undo(&change);
		return code;
	}
	return hin_house_end(&change, err);
}

enum hin_code hin_house_compact(struct hin_store *s, int64_t now_us, struct hin_store_work *work,
				struct hin_error *err)
{
	int64_t today = now_us / HIN_DAY_US;
	enum hin_code code = HIN_OK;

	for (int64_t last = INT64_MIN; code == HIN_OK;) {
		int64_t day = INT64_MAX;

		for (size_t i = 0; i < s->catalog.segment_count; i++)
			if (s->catalog.segments[i].day > last && s->catalog.segments[i].day < day)
				day = s->catalog.segments[i].day;
		if (day >= today)
			break;
		for (unsigned kind = 0; kind < HIN_SEGMENT_KINDS && code == HIN_OK; kind++)
			if (!hin_segment_is_rollup(kind) && worth_it(s, day, kind))
				code = compact_day(s, day, kind, work, err);
		if (code == HIN_OK)
			code = hin_house_sources(s, day, err);
		last = day;
	}
	return code;
}
