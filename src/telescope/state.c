/*
 * state - everything the telescope knows, as a file, so that a run cut in two equals one run.
 *
 * One walk over all fields serves saving and loading, so that they cannot differ. The tables hold
 * positions, not pointers, and are written as they lie. The file is the machine's own: byte order
 * and layout are not translated, the header refuses what does not fit.
 *
 *   "HINSTAT1", SHA-256 of what follows (unpacked), then a zstd frame
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "telescope/telescope_priv.h"

#define MAGIC "HINSTAT1"
#define HEADER_SIZE (8 + 32)
#define STATE_VERSION 8u

struct walk {
	bool load;
	FILE *file;
	ZSTD_CStream *pack;
	ZSTD_DStream *unpack;
	EVP_MD_CTX *digest;
	uint8_t buffer[65536];
	ZSTD_inBuffer in;
	enum hin_code code;
	struct hin_error *err;
	const char *path;
};

static void walk_fail(struct walk *w, enum hin_code code, const char *what)
{
	if (w->code == HIN_OK)
		w->code = hin_fail(w->err, code, "%s: %s", w->path, what);
}

static void save_bytes(struct walk *w, const void *data, size_t size, bool end)
{
	ZSTD_inBuffer in = { .src = data, .size = size };
	size_t left;

	if (size > 0)
		EVP_DigestUpdate(w->digest, data, size);
	do {
		ZSTD_outBuffer out = { .dst = w->buffer, .size = sizeof(w->buffer) };

		left = ZSTD_compressStream2(w->pack, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left)) {
			walk_fail(w, HIN_EFORMAT, "cannot be packed");
			return;
		}
		if (out.pos > 0 && fwrite(w->buffer, 1, out.pos, w->file) != out.pos) {
			walk_fail(w, HIN_ESYS, "write");
			return;
		}
	} while (in.pos < in.size || (end && left > 0));
}

static void load_bytes(struct walk *w, void *data, size_t size)
{
	ZSTD_outBuffer out = { .dst = data, .size = size };

	while (out.pos < out.size && w->code == HIN_OK) {
		size_t result;

		if (w->in.pos == w->in.size) {
			w->in = (ZSTD_inBuffer){ .src = w->buffer,
						 .size = fread(w->buffer, 1, sizeof(w->buffer),
							       w->file) };
			if (w->in.size == 0) {
				walk_fail(w, HIN_EFORMAT, "the saved state ends too early");
				break;
			}
		}
		result = ZSTD_decompressStream(w->unpack, &out, &w->in);
		if (ZSTD_isError(result))
			walk_fail(w, HIN_EFORMAT, "the saved state is damaged");
	}
	if (w->code == HIN_OK)
		EVP_DigestUpdate(w->digest, data, size);
}

/* Save or load `size` bytes at `data`. */
static void bytes(struct walk *w, void *data, size_t size)
{
	if (w->code != HIN_OK || size == 0)
		return;
	if (w->load)
		load_bytes(w, data, size);
	else
		save_bytes(w, data, size, false);
}

#define FIELD(w, lvalue) bytes((w), &(lvalue), sizeof(lvalue))

/* A list on the heap, of `most` items: its count, then they; `size` is what it has room for. */
static void list(struct walk *w, void **data, size_t *count, size_t *size, size_t item, size_t most)
{
	uint64_t n = *count;

	FIELD(w, n);
	if (w->load && w->code == HIN_OK) {
		void *room;

		if (n > most) {
			walk_fail(w, HIN_EFORMAT, "the saved state has an impossible list");
			return;
		}
		room = realloc(*data, (n > 0 ? n : 1) * item);
		if (room == NULL) {
			walk_fail(w, HIN_ENOMEM, "no room for the saved state");
			return;
		}
		*data = room;
		*count = *size = n;
	}
	bytes(w, *data, *count * item);
}

/* All items that were ever used, chunk by chunk. */
static void array(struct walk *w, struct hin_array *a)
{
	FIELD(w, a->used);
	FIELD(w, a->live);
	FIELD(w, a->free);
	FIELD(w, a->hand);
	if (a->used > a->limit) {
		walk_fail(w, HIN_EFORMAT, "the saved state has an impossible table");
		return;
	}
	for (uint32_t at = 0; at < a->used; at += HIN_CHUNK_ITEMS) {
		uint32_t n = a->used - at < HIN_CHUNK_ITEMS ? a->used - at : HIN_CHUNK_ITEMS;

		bytes(w, hin_array_item(a, at, a->item), (size_t)n * a->item);
	}
}

/* A table that is used at random places from the start. */
static void whole_array(struct walk *w, struct hin_array *a)
{
	a->used = a->limit;
	array(w, a);
}

/* The index of a table of `items` at the most: it grows when two thirds of its slots are used. */
static void index_slots(struct walk *w, struct hin_index *index, uint32_t items)
{
	uint64_t first = (uint64_t)index->mask + 1, count = first;

	FIELD(w, count);
	if (count < HIN_INDEX_LINE || (count & (count - 1)) != 0 ||
	    (w->load && count > first && count > 4 * (uint64_t)items)) {
		walk_fail(w, HIN_EFORMAT, "the saved state has an impossible index");
		return;
	}
	if (w->load && w->code == HIN_OK && hin_index_reset(index, count, NULL) != HIN_OK)
		walk_fail(w, HIN_ENOMEM, "no room for the saved state");
	bytes(w, index->slots, count * sizeof(*index->slots));
	FIELD(w, index->used);
}

static void pool(struct walk *w, struct hin_distinct_pool *p)
{
	uint64_t used = p->used;

	FIELD(w, used);
	FIELD(w, p->free);
	FIELD(w, p->degraded);
	if (used > p->size) {
		walk_fail(w, HIN_EFORMAT, "the saved state has an impossible pool");
		return;
	}
	p->used = used;
	for (size_t at = 0; at < used; at += HIN_POOL_CHUNK) {
		size_t n = used - at < HIN_POOL_CHUNK ? used - at : HIN_POOL_CHUNK;

		bytes(w, p->base + at / HIN_POOL_CHUNK * p->stride, n);
	}
}

static void shard(struct walk *w, struct shard *s)
{
	array(w, &s->sources);
	index_slots(w, &s->source_index, s->sources.limit);
	array(w, &s->events);
	s->events_cold.used = s->events.used;
	array(w, &s->events_cold);
	index_slots(w, &s->event_index, s->events.limit);
	whole_array(w, &s->target_heads);
	whole_array(w, &s->targets);
	whole_array(w, &s->targets_cold);
	whole_array(w, &s->port_sources);
	if (s->flows.base != NULL) {
		array(w, &s->flows);
		index_slots(w, &s->flow_index, s->flows.limit);
	}
	pool(w, &s->pool);
	FIELD(w, s->all_sources);
	FIELD(w, s->lost);
	FIELD(w, s->stamp);
	FIELD(w, s->taken);
	FIELD(w, s->sources_seen);
	FIELD(w, s->sources_gone);
}

static void result_list(struct walk *w, struct result_list *l, size_t item)
{
	list(w, &l->items, &l->count, &l->size, item, (size_t)2 * RESULTS_LIMIT);
	FIELD(w, l->total);
	FIELD(w, l->packets);
}

static void results(struct walk *w, struct results *r)
{
	result_list(w, &r->events, sizeof(struct hin_event));
	result_list(w, &r->victims, sizeof(struct hin_victim));
	result_list(w, &r->floods, sizeof(struct hin_flood));
	result_list(w, &r->amplifications, sizeof(struct hin_flood));
	/* the one pointer that is walked: it means nothing to another process */
	for (size_t i = 0; w->load && w->code == HIN_OK && i < r->floods.count; i++)
		((struct hin_flood *)r->floods.items)[i].service = NULL;
	for (size_t i = 0; w->load && w->code == HIN_OK && i < r->amplifications.count; i++) {
		struct hin_flood *f = (struct hin_flood *)r->amplifications.items + i;

		f->service = hin_amplification_service(f);
	}
	FIELD(w, r->lost);
}

static void change(struct walk *w, struct hin_change *c)
{
	for (size_t i = 0; i < HIN_COUNT(c->scales); i++) {
		bytes(w, c->scales[i].ports, HIN_CHANGE_PORTS * sizeof(*c->scales[i].ports));
		bytes(w, c->scales[i].counts, HIN_CHANGE_PORTS * sizeof(*c->scales[i].counts));
		FIELD(w, c->scales[i].intervals);
		FIELD(w, c->scales[i].start_us);
	}
	FIELD(w, c->results);
}

/* The threads' counters as one. */
static void counters(struct walk *w, struct hin_telescope *t)
{
	struct counters *sum = malloc(sizeof(*sum));

	if (sum == NULL) {
		walk_fail(w, HIN_ENOMEM, "no room for the counters");
		return;
	}
	hin_telescope_sum(sum, t);
	bytes(w, sum, sizeof(*sum));
	if (w->load && w->code == HIN_OK)
		t->counters[0] = *sum;
	free(sum);
}

/* What a state must share with the telescope that loads it: what its tables are shaped by. */
struct fit {
	uint32_t version, layout;
	uint64_t memory_bytes, dark_v4, dark_v6, flows, two_way;
	uint8_t dark[32];
};

static bool digest_dark(uint8_t out[32], const struct hin_telescope *t)
{
	const struct hin_prefix_tree *tree = t->options.dark;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = digest != NULL && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) == 1;
	struct hin_prefix p;

	for (size_t i = 0; good && tree != NULL && hin_prefix_tree_at(tree, i, &p, NULL); i++)
		good = EVP_DigestUpdate(digest, p.addr.b, sizeof(p.addr.b)) == 1 &&
		       EVP_DigestUpdate(digest, &p.len, 1) == 1;
	good = good && EVP_DigestFinal_ex(digest, out, NULL) == 1;
	EVP_MD_CTX_free(digest);
	return good;
}

static void check_fit(struct walk *w, const struct hin_telescope *t)
{
	struct fit ours, theirs;

	memset(&ours, 0, sizeof(ours));
	ours.version = STATE_VERSION;
	ours.layout = (uint32_t)(sizeof(struct source) + 3 * sizeof(struct event) +
				 5 * sizeof(struct event_cold) + 7 * sizeof(struct target) +
				 11 * sizeof(struct target_cold) + 13 * sizeof(struct flow) +
				 17 * sizeof(struct counters) + 19 * sizeof(struct hin_event) +
				 23 * sizeof(struct hin_victim) + 29 * sizeof(struct hin_flood) +
				 31 * sizeof(struct member) + 37 * sizeof(struct point) +
				 41 * sizeof(struct hin_ongoing_item));
	ours.memory_bytes = t->options.settings.memory_bytes;
	ours.dark_v4 = t->dark_v4;
	ours.dark_v6 = t->dark_v6;
	ours.flows = t->options.flows;
	ours.two_way = t->options.dark == NULL;
	if (!digest_dark(ours.dark, t)) {
		walk_fail(w, HIN_ENOMEM, "no room to compare the prefixes");
		return;
	}
	theirs = ours;
	bytes(w, &theirs, sizeof(theirs));
	if (w->code != HIN_OK || !w->load)
		return;
	if (theirs.version != ours.version || theirs.layout != ours.layout)
		walk_fail(w, HIN_EVERIFY,
			  "saved by another version of this program; begin a new state file");
	else if (theirs.memory_bytes != ours.memory_bytes)
		walk_fail(w, HIN_EVERIFY, "saved with other memory; use the same, or a new file");
	else if (memcmp(theirs.dark, ours.dark, 32) != 0 || theirs.two_way != ours.two_way)
		walk_fail(w, HIN_EVERIFY,
			  "saved with other --dark prefixes; use the same, or a new file");
	else if (theirs.flows != ours.flows)
		walk_fail(w, HIN_EVERIFY, "saved with --flows where this run has none, or without");
}

static void everything(struct walk *w, struct hin_telescope *t)
{
	uint64_t frames = t->frames;
	size_t seen = t->dark_seen != NULL ? (size_t)(t->dark_v4 + 7) / 8 : 0;

	check_fit(w, t);
	FIELD(w, t->secret);
	for (unsigned i = 0; i < HIN_SHARDS; i++)
		memcpy(t->shards[i].secret, t->secret, sizeof(t->secret));
	FIELD(w, t->clock_us);
	FIELD(w, t->flow_packets);
	FIELD(w, t->fold_frames);
	FIELD(w, t->minute_us);
	FIELD(w, t->clock_steps);
	FIELD(w, t->expired_us);
	FIELD(w, frames);
	t->frames = frames;
	counters(w, t);
	bytes(w, t->port_totals, HIN_CHANGE_PORTS * sizeof(*t->port_totals));
	bytes(w, t->port_minute, HIN_CHANGE_PORTS * sizeof(*t->port_minute));
	bytes(w, t->dark_seen, seen);
	FIELD(w, t->running);
	FIELD(w, t->series_step_us);
	list(w, (void **)&t->series, &t->series_count, &t->series_size, sizeof(*t->series),
	     (size_t)2 * SERIES_MINUTES);
	list(w, (void **)&t->members, &t->member_count, &t->member_size, sizeof(*t->members),
	     MEMBERS_LIMIT);
	FIELD(w, t->members_lost);
	FIELD(w, t->members_told_us);
	pool(w, &t->member_pool);
	pool(w, &t->episode_pool);
	if (w->load && w->code == HIN_OK && hin_members_index(t, NULL) != HIN_OK)
		walk_fail(w, HIN_ENOMEM, "no room for the saved state");
	change(w, &t->change);
	results(w, &t->over);
	FIELD(w, t->over_tools);
	FIELD(w, t->updated_us);
	list(w, (void **)&t->ongoing.items, &t->ongoing.count, &t->ongoing.size,
	     sizeof(*t->ongoing.items), HIN_ONGOING_LIMIT);
	if (w->load && w->code == HIN_OK && hin_ongoing_index(&t->ongoing, NULL) != HIN_OK)
		walk_fail(w, HIN_ENOMEM, "no room for the saved state");
	for (unsigned i = 0; i < HIN_SHARDS; i++)
		shard(w, &t->shards[i]);
}

static enum hin_code walk_init(struct walk *w)
{
	w->digest = EVP_MD_CTX_new();
	if (w->load)
		w->unpack = ZSTD_createDStream();
	else
		w->pack = ZSTD_createCStream();
	if (w->digest == NULL || (w->load ? (void *)w->unpack : (void *)w->pack) == NULL ||
	    EVP_DigestInit_ex(w->digest, EVP_sha256(), NULL) != 1)
		walk_fail(w, HIN_ENOMEM, "no room to pack the state");
	else if (!w->load)
		ZSTD_CCtx_setParameter(w->pack, ZSTD_c_compressionLevel, 1);
	return w->code;
}

static void walk_fini(struct walk *w)
{
	if (w->file != NULL)
		fclose(w->file);
	ZSTD_freeCStream(w->pack);
	ZSTD_freeDStream(w->unpack);
	EVP_MD_CTX_free(w->digest);
	free(w);
}

/* The digest is known last and stands first: written over when all is there. */
static void save_all(struct walk *w, struct hin_telescope *t)
{
	uint8_t header[HEADER_SIZE] = MAGIC;

	if (fwrite(header, 1, HEADER_SIZE, w->file) != HEADER_SIZE)
		walk_fail(w, HIN_ESYS, "write");
	everything(w, t);
	if (w->code == HIN_OK)
		save_bytes(w, NULL, 0, true);
	EVP_DigestFinal_ex(w->digest, header + 8, NULL);
	if (w->code == HIN_OK && (fseek(w->file, 0, SEEK_SET) != 0 ||
				  fwrite(header, 1, HEADER_SIZE, w->file) != HEADER_SIZE ||
				  fflush(w->file) != 0 || fsync(fileno(w->file)) != 0))
		walk_fail(w, HIN_ESYS, "write");
}

/* Make the rename itself durable. */
static void sync_folder(const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash != NULL ? (int)(slash - path) : 1,
		 slash != NULL ? path : ".");
	fd = open(folder[0] != '\0' ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	(void)fsync(fd);
	close(fd);
}

enum hin_code hin_telescope_save(const struct hin_telescope *telescope, const char *path,
				 struct hin_error *err)
{
	/* the walk writes to its fields only when it loads; folding changes nothing to be seen */
	struct hin_telescope *t = (struct hin_telescope *)(uintptr_t)telescope;
	struct walk *w = calloc(1, sizeof(*w));
	char temporary[4096];
	enum hin_code code;

	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to save %s", path);
	w->path = path;
	w->err = err;
	hin_telescope_fold(t); /* what threads count of the running minute is not walked */
	snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (walk_init(w) == HIN_OK) {
		int fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

		w->file = fd != -1 ? fdopen(fd, "w") : NULL;
		if (w->file == NULL)
			walk_fail(w, HIN_ESYS, "open");
		else
			save_all(w, t);
	}
	if (w->code == HIN_OK && rename(temporary, path) != 0)
		walk_fail(w, HIN_ESYS, "rename");
	if (w->code == HIN_OK)
		sync_folder(path);
	else
		(void)unlink(temporary);
	code = w->code;
	walk_fini(w);
	return code;
}

/* The digest tells of damage; this, of a file that somebody wrote. */
static void check(struct walk *w, const struct hin_telescope *t)
{
	struct hin_error fault;
	enum hin_code code = hin_state_check(t, &fault);

	if (code != HIN_OK)
		walk_fail(w, code, fault.text);
}

enum hin_code hin_telescope_load(struct hin_telescope *t, const char *path, struct hin_error *err)
{
	uint8_t header[HEADER_SIZE], digest[32];
	struct walk *w = calloc(1, sizeof(*w));
	enum hin_code code;

	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room to load %s", path);
	w->load = true;
	w->path = path;
	w->err = err;
	if (walk_init(w) == HIN_OK) {
		w->file = fopen(path, "re");
		if (w->file == NULL)
			walk_fail(w, HIN_ESYS, "open");
		else if (fread(header, 1, HEADER_SIZE, w->file) != HEADER_SIZE ||
			 memcmp(header, MAGIC, 8) != 0)
			walk_fail(w, HIN_EFORMAT, "is no saved state of a telescope");
	}
	if (w->code == HIN_OK)
		everything(w, t);
	if (w->code == HIN_OK) {
		EVP_DigestFinal_ex(w->digest, digest, NULL);
		if (memcmp(digest, header + 8, 32) != 0)
			walk_fail(w, HIN_EFORMAT, "the saved state is damaged (digest differs)");
	}
	if (w->code == HIN_OK)
		check(w, t);
	if (w->code != HIN_OK)
		hin_state_drop(t);
	code = w->code;
	walk_fini(w);
	return code;
}
