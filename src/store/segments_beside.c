/* segments_beside - house is kept in a thread of its own; see segments_house_priv.h */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/segments_house_priv.h"

#define IDS (UINT64_C(1) << 24) /* kept free for the files of one house-keeping */
#define NOTES 256u		/* that wait; more are only counted */

/* Files that take the place of others, ready to be named in the journal. */
struct change {
	struct change *next;
	struct hin_segment *fresh, *gone;
	size_t fresh_count, gone_count;
	bool longer;	      /* `fresh` is a file of the store that has grown */
	uint64_t rolled_rows; /* more than before */
};

struct hin_beside {
	struct hin_store *side; /* the thread's own view of the files that it may replace */
	struct hin_store_policy policy;
	struct hin_store_keep *keep;
	bool retain, compact;
	int64_t now_us;
	/* how far the start has come: days that were cut, and files closed to more blocks */
	int64_t cut_day, sealed_day;
	int cut_kind;
	uint64_t sealed_id, id_limit;
	uint64_t damaged; /* files that could not be closed */
	bool runs;
	pthread_t thread;
	_Atomic bool stop;

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t told;
	struct change *first, **last;
	struct hin_error notes[NOTES];
	uint64_t note_count;
	bool done;
	enum hin_code code;
	struct hin_error err;
	struct hin_store_work work;
};

/* ---- in the thread ---- */

static void take_note(void *user, const struct hin_error *what)
{
	struct hin_beside *b = user;

	pthread_mutex_lock(&b->lock);
	if (b->note_count < NOTES)
		b->notes[b->note_count] = *what;
	b->note_count++;
	pthread_mutex_unlock(&b->lock);
}

bool hin_beside_stopped(const struct hin_store *side)
{
	return side->beside_of != NULL && side->beside_of->stop;
}

static void free_change(struct change *c)
{
	if (c == NULL)
		return;
	free(c->fresh);
	free(c->gone);
	free(c);
}

static void remove_files(const struct hin_store *s, const struct hin_segment *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char name[HIN_SEGMENT_NAME];

		hin_segment_name(name, &files[i]);
		(void)unlinkat(s->folder, name, 0);
	}
}

/* A change that is not taken over. */
static void forget(const struct hin_store *s, struct change *c)
{
	/* what stands behind the end of a file is nobody's */
	if (!c->longer)
		remove_files(s, c->fresh, c->fresh_count);
	free_change(c);
}

/* The change that the side's catalog shows. NULL without memory. */
static struct change *make_change(const struct hin_house_change *c)
{
	const struct hin_catalog *catalog = &c->store->catalog;
	size_t room = catalog->segment_count + 1;
	struct change *change = calloc(1, sizeof(*change));

	if (change == NULL)
		return NULL;
	change->fresh = calloc(room, sizeof(*change->fresh));
	change->gone = calloc(room, sizeof(*change->gone));
	if (change->fresh == NULL || change->gone == NULL) {
		free_change(change);
		return NULL;
	}
	change->rolled_rows = catalog->rolled_rows - c->rolled_rows;
	for (size_t i = 0; i < catalog->segment_count; i++) {
		const struct hin_segment *s = &catalog->segments[i];

		if (s->going)
			change->gone[change->gone_count++] = *s;
		else if (s->id >= c->first_id)
			change->fresh[change->fresh_count++] = *s;
	}
	return change;
}

/* Give the new files their names; until then they are nobody's. */
static enum hin_code name_files(struct hin_store *s, struct change *c, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < c->fresh_count && code == HIN_OK; i++) {
		char from[HIN_SEGMENT_NAME], to[HIN_SEGMENT_NAME];

		hin_segment_name(from, &c->fresh[i]);
		c->fresh[i].beside = false;
		hin_segment_name(to, &c->fresh[i]);
		if (renameat(s->folder, from, s->folder, to) != 0)
			code = hin_fail(err, HIN_ESYS, "rename %s/%s", s->path, from);
		if (code == HIN_OK)
			code = hin_store_sync_day(s, c->fresh[i].day, err);
	}
	if (code != HIN_OK)
		remove_files(s, c->fresh, c->fresh_count);
	return code;
}

/* The writer finds it with its next poll. */
static void tell(struct hin_beside *b, struct change *change)
{
	pthread_mutex_lock(&b->lock);
	*b->last = change;
	b->last = &change->next;
	pthread_cond_signal(&b->told);
	pthread_mutex_unlock(&b->lock);
}

enum hin_code hin_beside_hand_over(struct hin_house_change *c, struct hin_error *err)
{
	struct hin_store *s = c->store;
	struct hin_catalog *catalog = &s->catalog;
	size_t kept = 0;
	struct change *change;
	enum hin_code code = hin_store_sync_files(s, err);

	if (code != HIN_OK)
		return code;
	change = make_change(c);
	if (change == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for a list of files");
	code = name_files(s, change, err);
	if (code != HIN_OK) {
		free_change(change);
		return code;
	}
	for (size_t i = 0; i < catalog->segment_count; i++) {
		catalog->segments[i].beside = false;
		if (!catalog->segments[i].going)
			catalog->segments[kept++] = catalog->segments[i];
	}
	catalog->segment_count = kept;
	tell(s->beside_of, change);
	return HIN_OK;
}

enum hin_code hin_beside_hand_over_longer(struct hin_store *s, const struct hin_segment *segment,
					  struct hin_error *err)
{
	struct change *change;
	enum hin_code code = hin_store_sync_files(s, err);

	if (code != HIN_OK)
		return code;
	change = calloc(1, sizeof(*change));
	if (change != NULL)
		change->fresh = malloc(sizeof(*change->fresh));
	if (change == NULL || change->fresh == NULL) {
		free_change(change);
		return hin_fail(err, HIN_ENOMEM, "no room for a list of files");
	}
	change->fresh[0] = *segment;
	change->fresh_count = 1;
	change->longer = true;
	tell(s->beside_of, change);
	return HIN_OK;
}

static void *run(void *user)
{
	struct hin_beside *b = user;
	struct hin_store_work work = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code = HIN_OK;

	if (b->retain)
		code = hin_house_retain(b->side, &b->policy, b->now_us, &work, &err);
	if (code == HIN_OK && b->compact)
		code = hin_house_compact(b->side, b->now_us, &work, &err);
	pthread_mutex_lock(&b->lock);
	b->code = code;
	b->err = err;
	b->work = work;
	b->done = true;
	pthread_cond_signal(&b->told);
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* ---- in the writer's thread ---- */

static void free_beside(struct hin_beside *b)
{
	if (b == NULL)
		return;
	while (b->first != NULL) {
		struct change *c = b->first;

		b->first = c->next;
		forget(b->side, c);
	}
	hin_store_close(b->side);
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->told);
	free(b->keep);
	free(b);
}

void hin_beside_end(struct hin_store *s)
{
	struct hin_beside *b = s->beside;

	if (b == NULL)
		return;
	s->beside = NULL;
	b->stop = true;
	if (b->runs)
		pthread_join(b->thread, NULL);
	free_beside(b);
}

/* Is there work on this day? */
static bool day_matters(const struct hin_beside *b, int64_t day)
{
	if (day >= b->now_us / HIN_DAY_US)
		return false;
	return b->compact || b->policy.bytes > 0 || hin_house_may_drop(&b->policy, b->now_us, day);
}

/* Files whose rows may be replaced, as the thread sees them. */
static enum hin_code fill_side(struct hin_store *s, struct hin_beside *b, struct hin_error *err)
{
	struct hin_store *side = b->side;

	memcpy(side->catalog.store, s->catalog.store, sizeof(side->catalog.store));
	side->catalog.rolled_rows = s->catalog.rolled_rows;
	side->catalog.next_id = s->catalog.next_id;
	s->catalog.next_id += IDS;
	side->journal_end = s->journal_end;
	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		const struct hin_segment *x = &s->catalog.segments[i];

		if (!x->sealed || x->day >= b->now_us / HIN_DAY_US)
			side->journal_end += x->length; /* counts, and cannot go */
		else if (hin_catalog_add_segment(&side->catalog, x) == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room to keep house");
	}
	for (size_t i = 0; i < side->catalog.segment_count; i++)
		side->catalog.segments[i].dirty = false;
	return HIN_OK;
}

static enum hin_code open_side(struct hin_store *s, struct hin_beside *b, struct hin_error *err)
{
	struct hin_store *side = calloc(1, sizeof(*side));
	enum hin_code code = HIN_OK;

	if (side == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to keep house");
	*side = (struct hin_store){
		.folder = -1,
		.lock = -1,
		.readers = -1,
		.journal = -1,
		.writer = true,
		.reader = { .fd = -1 },
		.sources_least = s->sources_least,
		.beside_of = b,
		.options = { .memory_bytes = s->options.memory_bytes, .note = take_note, .user = b }
	};
	b->side = side;
	side->path = strdup(s->path);
	side->journal_name = strdup(s->journal_name);
	if (side->path == NULL || side->journal_name == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to keep house");
	side->folder = fcntl(s->folder, F_DUPFD_CLOEXEC, 0);
	if (side->folder == -1)
		code = hin_fail(err, HIN_ESYS, "open store %s", s->path);
	if (code == HIN_OK)
		code = hin_block_reader_init(&side->reader, err);
	if (code == HIN_OK)
		code = hin_coder_init(&side->coder, err);
	return code == HIN_OK ? fill_side(s, b, err) : code;
}

/*
 * Rows of days that are over go to a file: one day at a time, and each once, for more may come all
 * the while. False when there are none left.
 */
static bool cut_one(struct hin_store *s, struct hin_beside *b, enum hin_code *code,
		    struct hin_error *err)
{
	struct hin_open_day *next = NULL;

	for (size_t i = 0; i < s->day_count; i++) {
		struct hin_open_day *d = &s->days[i];

		if (d->day < b->cut_day || (d->day == b->cut_day && d->kind <= b->cut_kind) ||
		    d->builder.rows == 0 || !day_matters(b, d->day))
			continue;
		if (next == NULL || d->day < next->day ||
		    (d->day == next->day && d->kind < next->kind))
			next = d;
	}
	if (next == NULL)
		return false;
	b->cut_day = next->day;
	b->cut_kind = next->kind;
	*code = hin_store_cut(s, next, next->builder.rows, err);
	return true;
}

/* Files of such days are closed to more blocks: one at a time. */
static bool seal_one(struct hin_store *s, struct hin_beside *b)
{
	if (b->id_limit == 0)
		b->id_limit = s->catalog.next_id;
	for (size_t i = 0; i < s->catalog.segment_count; i++) {
		struct hin_segment *x = &s->catalog.segments[i];
		struct hin_error what;

		if (x->day < b->sealed_day || (x->day == b->sealed_day && x->id <= b->sealed_id) ||
		    x->id >= b->id_limit || x->sealed || !day_matters(b, x->day))
			continue;
		b->sealed_day = x->day;
		b->sealed_id = x->id;
		if (hin_store_seal(s, x, &what) != HIN_OK) {
			hin_store_note(s, &what); /* it stays as it is */
			b->damaged++;
		}
		return true;
	}
	return false;
}

static enum hin_code start(struct hin_store *s, struct hin_beside *b, struct hin_error *err)
{
	enum hin_code code = open_side(s, b, err);

	if (code == HIN_OK && pthread_create(&b->thread, NULL, run, b) != 0)
		code = hin_fail(err, HIN_ESYS, "start a thread to keep house");
	b->runs = code == HIN_OK;
	return code;
}

static bool all_there(const struct hin_catalog *catalog, const struct change *c)
{
	size_t found = 0;

	for (size_t i = 0; i < catalog->segment_count; i++)
		for (size_t k = 0; k < c->gone_count; k++)
			found += catalog->segments[i].id == c->gone[k].id;
	return found == c->gone_count;
}

/* Take a change over: in memory, and in the journal with the next sync. */
static enum hin_code apply(struct hin_store *s, const struct change *c, struct hin_error *err)
{
	struct hin_catalog *catalog = &s->catalog;
	enum hin_code code = hin_store_reserve_dropped(s, c->gone_count, err);
	size_t added = 0;

	if (code == HIN_OK && !all_there(catalog, c))
		code = hin_fail(err, HIN_EFORMAT, "store %s: files went away while replaced",
				s->path);
	for (; added < c->fresh_count && code == HIN_OK; added++) {
		struct hin_segment fresh = c->fresh[added];

		fresh.dirty = fresh.adopted = true;
		if (hin_catalog_add_segment(catalog, &fresh) == NULL) {
			code = hin_fail(err, HIN_ENOMEM, "no room for one more file");
			break;
		}
	}
	if (code != HIN_OK) {
		while (added > 0)
			hin_catalog_drop_segment(catalog, c->fresh[--added].id);
		return code;
	}
	for (size_t i = 0; i < c->gone_count; i++) {
		hin_store_drop(s, &c->gone[i]);
		hin_catalog_drop_segment(catalog, c->gone[i].id);
	}
	catalog->rolled_rows += c->rolled_rows;
	return HIN_OK;
}

/* A file has grown; it is sealed, so nobody else changed it. */
static void lengthen(struct hin_catalog *catalog, const struct hin_segment *longer)
{
	for (size_t i = 0; i < catalog->segment_count; i++) {
		struct hin_segment *s = &catalog->segments[i];

		if (s->id != longer->id || s->length >= longer->length)
			continue;
		s->length = longer->length;
		s->dirty = true;
	}
}

/* What the thread has told since. True when there was something. */
static bool take_over(struct hin_store *s, struct hin_beside *b)
{
	struct hin_error *notes = NULL, what;
	struct change *changes;
	uint64_t count;
	bool any;

	pthread_mutex_lock(&b->lock);
	changes = b->first;
	b->first = NULL;
	b->last = &b->first;
	count = b->note_count;
	if (count > 0)
		notes = malloc(sizeof(b->notes));
	if (notes != NULL)
		memcpy(notes, b->notes, sizeof(b->notes));
	b->note_count = 0;
	pthread_mutex_unlock(&b->lock);
	any = changes != NULL;
	for (uint64_t i = 0; i < count; i++)
		if (i < NOTES && notes != NULL)
			hin_store_note(s, &notes[i]);
		else
			s->notes++;
	free(notes);
	while (changes != NULL) {
		struct change *c = changes;

		changes = c->next;
		if (c->longer) {
			lengthen(&s->catalog, &c->fresh[0]);
		} else if (apply(s, c, &what) != HIN_OK) {
			/* the old files stay */
			hin_store_note(s, &what);
			forget(s, c);
			continue;
		}
		free_change(c);
	}
	return any;
}

enum hin_code hin_store_house_start(struct hin_store *s, const struct hin_store_policy *policy,
				    bool compact, int64_t now_us, struct hin_error *err)
{
	enum hin_code code = hin_store_may_write(s, err);
	struct hin_beside *b;

	if (code != HIN_OK)
		return code;
	if (s->beside != NULL)
		return hin_fail(err, HIN_EDENIED, "store %s: house is being kept", s->path);
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to keep house");
	*b = (struct hin_beside){ .retain = policy != NULL,
				  .compact = compact,
				  .now_us = now_us,
				  .cut_day = INT64_MIN,
				  .sealed_day = INT64_MIN };
	b->last = &b->first;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->told, NULL);
	if (policy != NULL) {
		b->policy = *policy;
		b->keep = malloc((policy->keep_count + 1) * sizeof(*b->keep));
		if (b->keep == NULL) {
			free_beside(b);
			return hin_fail(err, HIN_ENOMEM, "no room to keep house");
		}
		if (policy->keep_count > 0)
			memcpy(b->keep, policy->keep, policy->keep_count * sizeof(*b->keep));
		b->policy.keep = b->keep;
	}
	s->beside = b;
	return HIN_OK;
}

enum hin_code hin_store_house_poll(struct hin_store *s, bool *done, struct hin_store_work *work,
				   struct hin_error *err)
{
	struct hin_beside *b = s->beside;
	enum hin_code code = HIN_OK;

	*done = b == NULL;
	if (b == NULL)
		return HIN_OK;
	if (!b->runs) {
		if (!cut_one(s, b, &code, err) && !seal_one(s, b))
			code = start(s, b, err);
		*done = code != HIN_OK;
	} else {
		pthread_mutex_lock(&b->lock);
		*done = b->done;
		pthread_mutex_unlock(&b->lock);
		(void)take_over(s, b); /* what was told before it was done */
	}
	if (!*done)
		return HIN_OK;
	if (b->runs) {
		code = b->code;
		*work = b->work;
		work->damaged_blocks += b->damaged;
		if (code != HIN_OK && err != NULL)
			*err = b->err;
	}
	hin_beside_end(s);
	return code;
}

/* ---- house-keeping that is waited for ---- */

static void wait_for(struct hin_beside *b)
{
	pthread_mutex_lock(&b->lock);
	while (b->runs && b->first == NULL && !b->done)
		pthread_cond_wait(&b->told, &b->lock);
	pthread_mutex_unlock(&b->lock);
}

static void count_blocks(const struct hin_store *s, uint64_t *files, uint64_t *blocks,
			 uint64_t *bytes)
{
	*files = s->catalog.segment_count;
	*blocks = 0;
	for (size_t i = 0; i < s->catalog.segment_count; i++)
		*blocks += s->catalog.segments[i].blocks;
	*bytes = hin_house_bytes(s);
}

static enum hin_code keep_house(struct hin_store *s, const struct hin_store_policy *policy,
				bool compact, int64_t now_us, struct hin_store_work *work,
				struct hin_error *err)
{
	struct hin_store_work before = { 0 };
	bool done = false;
	enum hin_code code = hin_store_house_start(s, policy, compact, now_us, err);

	*work = before;
	if (code != HIN_OK)
		return code;
	count_blocks(s, &before.files_before, &before.blocks_before, &before.bytes_before);
	/* here there is time for a journal that has no more than it must: its size counts */
	while (code == HIN_OK && (cut_one(s, s->beside, &code, err) || seal_one(s, s->beside)))
		;
	if (code == HIN_OK)
		code = hin_store_checkpoint(s, err);
	while (!done && code == HIN_OK) {
		wait_for(s->beside);
		code = hin_store_house_poll(s, &done, work, err);
		if (code == HIN_OK)
			code = hin_store_sync(s, err);
	}
	hin_beside_end(s);
	if (code == HIN_OK)
		code = hin_store_checkpoint(s, err);
	hin_store_remove_leaving(s);
	work->files_before = before.files_before;
	work->blocks_before = before.blocks_before;
	work->bytes_before = before.bytes_before;
	count_blocks(s, &work->files_after, &work->blocks_after, &work->bytes_after);
	return code;
}

enum hin_code hin_store_retain(struct hin_store *s, const struct hin_store_policy *policy,
			       int64_t now_us, struct hin_store_work *work, struct hin_error *err)
{
	return keep_house(s, policy, false, now_us, work, err);
}

enum hin_code hin_store_compact(struct hin_store *s, int64_t now_us, struct hin_store_work *work,
				struct hin_error *err)
{
	return keep_house(s, NULL, true, now_us, work, err);
}
