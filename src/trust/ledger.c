/* ledger - the thread that writes; opening is in ledger_open.c. See ledger.h */
#include "trust/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "trust/ledger_priv.h"
#include "trust/proof.h"

#define ENTRY (HIN_ACT_BYTES + 2) /* an act behind its length */
#define BATCH_SIZE (JOURNAL_BATCH + HIN_LEDGER_BATCH * ENTRY)

void hin_ledger_settings_default(struct hin_ledger_settings *settings)
{
	*settings = (struct hin_ledger_settings){ .publish_ns = HIN_NS_PER_S,
						  .lag = HIN_LEDGER_LAG,
						  .journal_size = (uint64_t)64 << 20 };
}

/* ---- batches ---- */

static void batch_unref(struct batch *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	hin_buffer_fini(&b->bytes);
	free(b->calls);
	free(b);
}

/* A new, empty batch, or NULL. */
static struct batch *batch_new(void)
{
	struct batch *b = calloc(1, sizeof(*b));
	char *head = NULL;

	if (b == NULL)
		return NULL;
	b->refs = 1;
	b->bytes.limit = BATCH_SIZE + 1;
	head = hin_buffer_reserve(&b->bytes, JOURNAL_BATCH);
	if (head == NULL) {
		batch_unref(b);
		return NULL;
	}
	memset(head, 0, JOURNAL_BATCH);
	hin_buffer_commit(&b->bytes, JOURNAL_BATCH);
	return b;
}

/* Note whom to call about the next act of the batch. */
static bool batch_call(struct batch *b, hin_ledger_fn done, void *user)
{
	struct call *moved;
	size_t room = b->call_room > 0 ? 2 * b->call_room : 64;

	if (b->call_count == b->call_room) {
		moved = reallocarray(b->calls, room, sizeof(*moved));
		if (moved == NULL)
			return false;
		b->calls = moved;
		b->call_room = room;
	}
	b->calls[b->call_count++] = (struct call){ done, user, b->count };
	return true;
}

/* Add entries, each behind its length; all or none. */
static bool batch_add(struct batch *b, const uint8_t *entries, size_t count)
{
	char *at = hin_buffer_reserve(&b->bytes, count * ENTRY);

	if (at == NULL) {
		b->bytes.failed = false;
		return false;
	}
	memcpy(at, entries, count * ENTRY);
	hin_buffer_commit(&b->bytes, count * ENTRY);
	b->count += (uint32_t)count;
	return true;
}

/* ---- the thread ---- */

/* Would `more` acts be too many that are in no tile yet? */
static bool is_behind(const struct hin_ledger *l, uint64_t more)
{
	return hin_tile_writer_size(l->tiles) - hin_tile_writer_flushed(l->tiles) + more > l->lag;
}

/* Run without the lock: put the acts of `b` on the disk, and into the tree. */
static enum hin_code commit(struct hin_ledger *l, struct batch *b, bool *broken)
{
	struct hin_reader in;
	size_t size = b->bytes.used - JOURNAL_BATCH;
	enum hin_code code;

	if (b->count == 0) /* memory ran out for the act that it was made for */
		return HIN_OK;
	if (is_behind(l, b->count) && l->publish_code != HIN_OK) {
		b->err = l->publish_err; /* the tiles cannot be written, so memory would fill */
		return l->publish_code;
	}
	code = hin_tile_writer_reserve(l->tiles, b->count, size, &b->err);
	if (code != HIN_OK)
		return code;
	code = journal_add(&l->journal, b->bytes.data, (uint32_t)b->bytes.used, b->count, broken,
			   &b->err);
	if (code != HIN_OK)
		return code;
	in = hin_reader_of(b->bytes.data + JOURNAL_BATCH, size);
	for (uint32_t i = 0; i < b->count; i++) {
		size_t entry_size = 0;
		const uint8_t *entry = hin_bundle_next(&in, &entry_size);

		hin_tile_writer_add(l->tiles, entry, entry_size);
	}
	return HIN_OK;
}

/* Commit what waits. The lock is held on entry and on return. */
static void commit_pending(struct hin_ledger *l)
{
	struct batch *b = l->pending;
	bool broken = false;

	l->pending = NULL; /* the next caller makes a new one */
	pthread_cond_broadcast(&l->room);
	if (l->broken != HIN_OK) {
		b->code = l->broken;
		b->err = l->broken_err;
	} else {
		pthread_mutex_unlock(&l->lock);
		b->first = l->journal.next;
		b->code = commit(l, b, &broken);
		pthread_mutex_lock(&l->lock);
	}
	if (broken) {
		l->broken = b->code;
		l->broken_err = b->err;
		hin_log(HIN_LOG_ERROR, "ledger.broken", hin_log_text("folder", l->folder),
			hin_log_text("error", b->err.text));
	}
	if (b->code == HIN_OK) {
		l->counters.acts += b->count;
		l->counters.batches++;
		l->size = b->first + b->count;
	} else {
		l->counters.failed += b->count;
	}
	b->done = true;
	pthread_cond_broadcast(&l->settled);
	pthread_mutex_unlock(&l->lock);
	for (size_t i = 0; i < b->call_count; i++)
		b->calls[i].done(b->calls[i].user, b->code,
				 b->code == HIN_OK ? b->first + b->calls[i].at : 0);
	pthread_mutex_lock(&l->lock);
	batch_unref(b);
}

/* Write tiles and a checkpoint; sync and turn the journal over when it is long. */
static enum hin_code publish(struct hin_ledger *l, struct hin_buffer *note, bool *turned,
			     struct hin_checkpoint *head, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = hin_tile_writer_flush(l->tiles, err);

	if (code != HIN_OK)
		return code;
	head->size = hin_tile_writer_size(l->tiles);
	hin_tile_writer_root(l->tiles, &head->root);
	code = hin_checkpoint_sign(note, head->size, &head->root, &l->signer, err);
	if (code == HIN_OK)
		code = ledger_path(path, l->folder, "checkpoint", err);
	if (code == HIN_OK)
		code = hin_file_replace(path, note->data, note->used, 0644, err);
	if (code != HIN_OK || l->journal.size < l->journal_size)
		return code;
	if (syncfs(l->folder_fd) != 0)
		return hin_fail(err, HIN_ESYS, "sync %s", l->folder);
	code = ledger_path(path, l->folder, "journal", err);
	if (code == HIN_OK)
		code = journal_begin(&l->journal, path, head->size, &head->root, err);
	*turned = code == HIN_OK;
	return code;
}

/* Publish what is durable. The lock is held on entry and on return. */
static void publish_all(struct hin_ledger *l)
{
	struct hin_buffer note = { 0 };
	struct hin_checkpoint head = l->head;
	uint64_t serving = l->publish_asked;
	struct hin_error err = { 0 };
	bool turned = false;
	enum hin_code code;

	pthread_mutex_unlock(&l->lock);
	code = publish(l, &note, &turned, &head, &err);
	if (code != HIN_OK)
		hin_log_limited(HIN_LOG_ERROR, "ledger.publish", hin_log_text("folder", l->folder),
				hin_log_text("error", err.text));
	pthread_mutex_lock(&l->lock);
	if (code == HIN_OK) {
		hin_buffer_fini(&l->note);
		l->note = note;
		note = (struct hin_buffer){ 0 };
		l->head = head;
		l->counters.published++;
		l->counters.turned += turned;
	} else {
		l->counters.publish_failed++;
	}
	hin_buffer_fini(&note);
	l->publish_served = serving;
	l->publish_code = code;
	l->publish_err = err;
	l->next_publish_ns = hin_time_monotonic_ns() + l->publish_ns;
	pthread_cond_broadcast(&l->settled);
}

static void wait_until(struct hin_ledger *l, int64_t until_ns)
{
	struct timespec at = { .tv_sec = until_ns / HIN_NS_PER_S,
			       .tv_nsec = until_ns % HIN_NS_PER_S };

	if (until_ns == INT64_MAX)
		pthread_cond_wait(&l->work, &l->lock);
	else
		(void)pthread_cond_timedwait(&l->work, &l->lock, &at);
}

static void *run(void *arg)
{
	struct hin_ledger *l = arg;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		int64_t now = hin_time_monotonic_ns(), until = INT64_MAX;
		bool behind = l->broken == HIN_OK && l->head.size < l->size;
		bool asked = l->publish_asked != l->publish_served;

		if (l->pending != NULL &&
		    (l->stop || asked || l->pending->count == HIN_LEDGER_BATCH ||
		     now >= l->pending->since_ns + l->gather_ns)) {
			if (is_behind(l, l->pending->count))
				publish_all(l);
			commit_pending(l);
			continue;
		}
		if (asked || (behind && (l->stop || now >= l->next_publish_ns))) {
			publish_all(l);
			if (!l->stop)
				continue;
		}
		if (l->stop && l->pending == NULL)
			break;
		if (l->pending != NULL)
			until = l->pending->since_ns + l->gather_ns;
		if (behind && l->next_publish_ns < until)
			until = l->next_publish_ns;
		wait_until(l, until);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

enum hin_code ledger_start(struct hin_ledger *l, struct hin_error *err)
{
	int failed = pthread_create(&l->thread, NULL, run, l);

	if (failed != 0) {
		errno = failed;
		return hin_fail(err, HIN_ESYS, "start the ledger's thread");
	}
	l->running = true;
	return HIN_OK;
}

void hin_ledger_close(struct hin_ledger *l)
{
	if (l == NULL)
		return;
	if (l->running) {
		pthread_mutex_lock(&l->lock);
		l->stop = true;
		pthread_cond_signal(&l->work);
		pthread_mutex_unlock(&l->lock);
		pthread_join(l->thread, NULL);
	}
	ledger_free(l);
}

/* ---- the callers ---- */

/* The batch that takes `count` more acts, or NULL when none can. The lock is held. */
static struct batch *batch_for(struct hin_ledger *l, size_t count)
{
	if (l->pending == NULL) {
		l->pending = batch_new();
		if (l->pending != NULL)
			l->pending->since_ns = hin_time_monotonic_ns();
		return l->pending;
	}
	return l->pending->count + count <= HIN_LEDGER_BATCH ? l->pending : NULL;
}

static enum hin_code encode(uint8_t *out, const struct hin_act *acts, size_t count,
			    struct hin_error *err)
{
	for (size_t i = 0; i < count; i++) {
		enum hin_code code = hin_act_encode(out + i * ENTRY + 2, &acts[i], err);

		if (code != HIN_OK)
			return code;
		out[i * ENTRY] = 0;
		out[i * ENTRY + 1] = (uint8_t)HIN_ACT_BYTES;
	}
	return HIN_OK;
}

/* Wait until `b`, of which the caller has a reference, is settled. The lock is held. */
static enum hin_code wait_for(struct hin_ledger *l, struct batch *b, uint32_t at, uint64_t *index,
			      struct hin_error *err)
{
	enum hin_code code;

	while (!b->done)
		pthread_cond_wait(&l->settled, &l->lock);
	code = b->code;
	if (code == HIN_OK && index != NULL)
		*index = b->first + at;
	if (code != HIN_OK && err != NULL)
		*err = b->err;
	batch_unref(b);
	return code;
}

enum hin_code hin_ledger_append_all(struct hin_ledger *l, const struct hin_act *acts, size_t count,
				    uint64_t *first, struct hin_error *err)
{
	uint8_t one[ENTRY], *entries = one;
	enum hin_code code;
	struct batch *b;
	uint32_t at;

	if (count == 0 || count > HIN_LEDGER_BATCH)
		return hin_fail(err, HIN_ELIMIT, "1-%u acts are appended at once, not %zu",
				HIN_LEDGER_BATCH, count);
	if (count > 1)
		entries = reallocarray(NULL, count, ENTRY);
	if (entries == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu acts", count);
	code = encode(entries, acts, count, err);
	if (code != HIN_OK)
		goto out;
	pthread_mutex_lock(&l->lock);
	while ((b = batch_for(l, count)) == NULL && l->pending != NULL) {
		pthread_cond_signal(&l->work);
		pthread_cond_wait(&l->room, &l->lock);
	}
	at = b != NULL ? b->count : 0;
	if (b != NULL && batch_add(b, entries, count)) {
		b->refs++;
		pthread_cond_signal(&l->work);
		code = wait_for(l, b, at, first, err);
	} else {
		code = hin_fail(err, HIN_ENOMEM, "no memory for %zu acts", count);
	}
	pthread_mutex_unlock(&l->lock);
out:
	if (entries != one)
		free(entries);
	return code;
}

enum hin_code hin_ledger_append(struct hin_ledger *l, const struct hin_act *act, uint64_t *index,
				struct hin_error *err)
{
	return hin_ledger_append_all(l, act, 1, index, err);
}

enum hin_code hin_ledger_queue(struct hin_ledger *l, const struct hin_act *act, hin_ledger_fn done,
			       void *user, struct hin_error *err)
{
	uint8_t entry[ENTRY];
	enum hin_code code = encode(entry, act, 1, err);
	struct batch *b;

	if (code != HIN_OK)
		return code;
	pthread_mutex_lock(&l->lock);
	b = batch_for(l, 1);
	if (b == NULL && l->pending != NULL) {
		l->counters.refused++;
		code = hin_fail(err, HIN_EAGAIN, "the ledger has %u acts to write first",
				HIN_LEDGER_BATCH);
	} else if (b == NULL || (done != NULL && !batch_call(b, done, user))) {
		code = hin_fail(err, HIN_ENOMEM, "no memory for an act");
	} else if (!batch_add(b, entry, 1)) {
		if (done != NULL)
			b->call_count--;
		code = hin_fail(err, HIN_ENOMEM, "no memory for an act");
	}
	if (code == HIN_OK && (b->count == 1 || b->count == HIN_LEDGER_BATCH))
		pthread_cond_signal(&l->work);
	pthread_mutex_unlock(&l->lock);
	return code;
}

enum hin_code hin_ledger_publish(struct hin_ledger *l, struct hin_error *err)
{
	enum hin_code code;
	uint64_t ticket;

	pthread_mutex_lock(&l->lock);
	ticket = ++l->publish_asked;
	pthread_cond_signal(&l->work);
	while (l->publish_served < ticket)
		pthread_cond_wait(&l->settled, &l->lock);
	code = l->publish_code;
	if (code != HIN_OK && err != NULL)
		*err = l->publish_err;
	pthread_mutex_unlock(&l->lock);
	return code;
}

enum hin_code hin_ledger_head(struct hin_ledger *l, struct hin_buffer *out,
			      struct hin_checkpoint *head, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	pthread_mutex_lock(&l->lock);
	if (head != NULL)
		*head = l->head;
	if (out != NULL)
		hin_buffer_add(out, l->note.data, l->note.used);
	if (out != NULL && out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a checkpoint");
	pthread_mutex_unlock(&l->lock);
	return code;
}

enum hin_code hin_ledger_witness(struct hin_ledger *l, const void *note, size_t size,
				 struct hin_error *err)
{
	char path[PATH_MAX];
	struct hin_checkpoint head;
	struct hin_buffer copy = { 0 };
	enum hin_code code = hin_checkpoint_open(&head, note, size, &l->signer.verifier, err);

	if (code == HIN_OK)
		code = ledger_path(path, l->folder, "witnessed", err);
	if (code != HIN_OK)
		return code;
	hin_buffer_add(&copy, note, size);
	if (copy.failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for a checkpoint");
	pthread_mutex_lock(&l->lock);
	if (head.size > l->head.size ||
	    (head.size == l->head.size && !hin_hash_same(&head.root, &l->head.root)))
		code = hin_fail(err, HIN_EVERIFY, "the checkpoint is not of this ledger's history");
	else if (head.size >= l->witnessed.size)
		code = hin_file_replace(path, note, size, 0644, err);
	if (code == HIN_OK && head.size >= l->witnessed.size) {
		struct hin_buffer old = l->witnessed_note;

		l->witnessed = head;
		l->witnessed_note = copy;
		copy = old;
	}
	pthread_mutex_unlock(&l->lock);
	hin_buffer_fini(&copy);
	return code;
}

const char *hin_ledger_folder(const struct hin_ledger *l)
{
	return l->folder;
}

enum hin_code hin_ledger_sign(const struct hin_ledger *l, const void *text, size_t size,
			      struct hin_buffer *out, struct hin_error *err)
{
	return hin_note_sign(out, text, size, &l->signer, 1, err);
}

const struct hin_note_verifier *hin_ledger_key(const struct hin_ledger *l)
{
	return &l->signer.verifier;
}

enum hin_code hin_ledger_prove(struct hin_ledger *l, uint64_t index, const uint8_t *salt,
			       struct hin_buffer *out, struct hin_error *err)
{
	struct hin_checkpoint head;
	struct hin_buffer note = { 0 };
	enum hin_code code = HIN_OK;
	uint64_t size;
	bool witnessed;

	pthread_mutex_lock(&l->lock);
	witnessed = index < l->witnessed.size;
	head = witnessed ? l->witnessed : l->head;
	hin_buffer_add(&note, witnessed ? l->witnessed_note.data : l->note.data,
		       witnessed ? l->witnessed_note.used : l->note.used);
	size = l->size;
	pthread_mutex_unlock(&l->lock);
	if (index >= size)
		code = hin_fail(err, HIN_ERANGE, "the ledger has no act %llu",
				(unsigned long long)index);
	else if (index >= head.size)
		code = hin_fail(err, HIN_EAGAIN, "no checkpoint has act %llu yet",
				(unsigned long long)index);
	else if (note.failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a proof");
	if (code == HIN_OK) {
		pthread_mutex_lock(&l->reading);
		code = hin_proof_make(out, l->reader, index, salt, note.data, note.used, &head,
				      err);
		pthread_mutex_unlock(&l->reading);
	}
	hin_buffer_fini(&note);
	return code;
}

void hin_ledger_count(struct hin_ledger *l, struct hin_ledger_counters *out)
{
	pthread_mutex_lock(&l->lock);
	*out = l->counters;
	out->size = l->size;
	out->checkpoint = l->head.size;
	out->witnessed = l->witnessed.size;
	pthread_mutex_unlock(&l->lock);
}
