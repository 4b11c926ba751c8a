/* segments_house - files read whole and replaced; see segments_house_priv.h */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/segments_house_priv.h"

struct reading {
	struct hin_store *store;
	struct hin_house_found *found;
};

static void take_damage(void *user, const struct hin_error *what)
{
	struct reading *r = user;

	hin_store_note(r->store, what);
	r->found->damaged_blocks++;
}

static enum hin_code read_block(struct hin_store *s, int fd, const char *name,
				const struct hin_block_ref *ref, hin_house_fn call, void *user,
				bool *used, struct hin_error *err)
{
	struct hin_block_rows rows;
	const struct hin_column_data *c;
	enum hin_code code;

	*used = false;
	hin_block_reader_start(&s->reader, fd, name, ref->offset, &ref->head);
	code = hin_block_batches(&s->reader, err);
	/* parts that no row shows, so that their sums are checked too */
	for (unsigned id = HIN_PART_FILTER_SRC; id <= HIN_PART_SKETCH && code == HIN_OK; id++)
		code = hin_block_column(&s->reader, id, &c, err);
	if (code == HIN_OK)
		code = hin_block_rows_open(&rows, &s->reader, UINT64_MAX, err);
	if (code != HIN_OK)
		return code;
	*used = true;
	if (call != NULL)
		code = call(user, &rows, &ref->head, err);
	hin_block_rows_fini(&rows);
	return code;
}

/* The head that a block has itself, where an index stood for it. */
static enum hin_code check_head(int fd, const char *name, const struct hin_block_ref *ref,
				struct hin_error *err)
{
	struct hin_part parts[HIN_PARTS_KNOWN];
	uint8_t bytes[HIN_BLOCK_HEAD_MAX];
	struct hin_block_head head;
	enum hin_code code = HIN_ETRUNCATED;
	size_t need;

	if (pread(fd, bytes, ref->head.head_size, (off_t)ref->offset) ==
	    (ssize_t)ref->head.head_size)
		code = hin_block_head_read(&head, parts, bytes, ref->head.head_size, &need);
	if (code == HIN_OK && (head.size != ref->head.size || head.rows != ref->head.rows))
		code = HIN_EVERIFY;
	return code == HIN_OK ? HIN_OK
			      : hin_fail(err, code,
					 "%s: offset %llu: head of a block is damaged (the index "
					 "still has it)",
					 name, (unsigned long long)ref->offset);
}

enum hin_code hin_house_read(struct hin_store *s, const struct hin_segment *segment,
			     hin_house_fn call, void *user, struct hin_house_found *found,
			     struct hin_error *err)
{
	struct reading reading = { s, found };
	struct hin_heads heads = { 0 };
	struct hin_error what = { 0 };
	char name[4096];
	int fd;
	enum hin_code code = hin_store_open_segment(s, segment, O_RDONLY, &fd, name, &what);

	*found = (struct hin_house_found){ 0 };
	if (code == HIN_OK) {
		code = hin_segment_check_head(fd, name, s->catalog.store, segment, &what);
		if (code != HIN_OK)
			close(fd);
	}
	if (code != HIN_OK) {
		take_damage(&reading, &what);
		found->damaged_rows = segment->rows;
		return HIN_OK;
	}
	code = hin_segment_heads(&heads, fd, name, segment, take_damage, &reading, err);
	for (size_t i = 0; i < heads.count && code == HIN_OK; i++) {
		bool used;

		if (hin_beside_stopped(s)) {
			code = hin_fail(err, HIN_EDENIED, "store %s: stopped", s->path);
			break;
		}
		if (segment->sealed && check_head(fd, name, &heads.refs[i], &what) != HIN_OK)
			take_damage(&reading, &what);
		code = read_block(s, fd, name, &heads.refs[i], call, user, &used, &what);
		found->unknown_parts += heads.refs[i].head.unknown_parts;
		if (!used && hin_is_damage(code)) {
			take_damage(&reading, &what);
			code = HIN_OK;
		} else if (code == HIN_OK) {
			found->blocks++;
			found->rows += heads.refs[i].head.rows;
		} else if (err != NULL) {
			*err = what;
		}
	}
	if (code == HIN_OK && found->rows < segment->rows)
		found->damaged_rows = segment->rows - found->rows;
	hin_heads_fini(&heads);
	close(fd);
	return code;
}

/* ---- writing ---- */

enum hin_code hin_house_flush(struct hin_house_writer *w, struct hin_error *err)
{
	struct hin_builder *b = &w->builder;
	uint64_t weight = b->rows;
	enum hin_code code;

	if (b->rows == 0)
		return HIN_OK;
	for (uint32_t i = 0; b->rollup && i < b->rows; i++)
		weight += b->weight[i] - 1;
	hin_buffer_reset(&w->store->block);
	code = hin_block_write(&w->store->coder, b, 0, b->rows, &w->store->block, err);
	if (code == HIN_OK)
		code = hin_store_put_block(w->store, w->day, w->kind, &w->store->block, b->rows,
					   weight, b->time_min, b->time_max, err);
	if (code != HIN_OK)
		return code;
	w->blocks++;
	hin_builder_reset(b);
	w->started = false;
	return HIN_OK;
}

enum hin_code hin_house_add(struct hin_house_writer *w, const struct hin_store_batch *batch,
			    const struct hin_observation *o, struct hin_error *err)
{
	struct hin_builder *b = &w->builder;
	enum hin_code code = HIN_OK;

	if (b->rows == HIN_BLOCK_ROWS)
		code = hin_house_flush(w, err);
	if (code == HIN_OK && (b->rows == b->room || b->batch_count == b->batch_room))
		code = hin_builder_reserve(b, 1, err);
	if (code != HIN_OK)
		return code;
	if (!w->started || memcmp(&w->last, batch, sizeof(*batch)) != 0) {
		hin_builder_start_batch(b, batch);
		w->last = *batch;
		w->started = true;
	}
	code = hin_builder_add(b, o);
	if (code != HIN_OK)
		return hin_fail(err, code, "no room for one more row");
	w->rows++;
	return HIN_OK;
}

void hin_house_fini(struct hin_house_writer *w)
{
	hin_builder_fini(&w->builder);
}

/* ---- changes ---- */

void hin_house_begin(struct hin_house_change *c, struct hin_store *s)
{
	*c = (struct hin_house_change){ .store = s,
					.first_id = s->catalog.next_id,
					.rolled_rows = s->catalog.rolled_rows };
}

void hin_house_undo(struct hin_house_change *c)
{
	struct hin_catalog *catalog = &c->store->catalog;

	for (size_t i = catalog->segment_count; i > 0; i--) {
		struct hin_segment *s = &catalog->segments[i - 1];
		char name[HIN_SEGMENT_NAME];

		s->going = false;
		if (s->id < c->first_id)
			continue;
		for (size_t k = 0; k < c->store->dirty_count; k++)
			if (c->store->dirty[k].id == s->id) {
				close(c->store->dirty[k].fd);
				c->store->dirty[k] = c->store->dirty[--c->store->dirty_count];
				break;
			}
		hin_segment_name(name, s);
		(void)unlinkat(c->store->folder, name, 0);
		hin_catalog_drop_segment(catalog, s->id);
	}
	catalog->rolled_rows = c->rolled_rows;
}

enum hin_code hin_house_end(struct hin_house_change *c, struct hin_error *err)
{
	struct hin_catalog *catalog = &c->store->catalog;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < catalog->segment_count && code == HIN_OK; i++)
		if (catalog->segments[i].id >= c->first_id) {
			code = hin_store_seal(c->store, &catalog->segments[i], err);
			if (code == HIN_OK)
				code = hin_store_add_sources(c->store, &catalog->segments[i], err);
		}
	if (code == HIN_OK)
		code = hin_beside_hand_over(c, err);
	if (code != HIN_OK)
		hin_house_undo(c);
	return code;
}

uint64_t hin_house_bytes(const struct hin_store *s)
{
	uint64_t bytes = s->journal_end;

	for (size_t i = 0; i < s->catalog.segment_count; i++)
		bytes += s->catalog.segments[i].length;
	return bytes;
}
