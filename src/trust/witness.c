/* witness - see witness.h */
#include "trust/witness.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "trust/checkpoint_priv.h"

#define DASH "\xe2\x80\x94 "
#define HASH_TEXT 44 /* a hash in base64 */
#define LINES 63     /* most lines of a proof */
#define TEXT "text/plain; charset=utf-8"

/* A log by one of its keys. */
struct log {
	struct hin_note_verifier key;
	char id[HIN_WITNESS_ORIGIN];
	struct hin_checkpoint last; /* size 0 = nothing was cosigned, as an empty log */
	bool seen;
};

struct hin_witness {
	char *folder;
	struct hin_note_signer signer;
	struct hin_cosigner cosigner;
	pthread_mutex_t lock; /* of what follows */
	struct log logs[HIN_WITNESS_LOGS];
	size_t count;
	struct hin_witness_counters counters;
};

/* ---- what was seen ---- */

static void id_of(char out[HIN_WITNESS_ORIGIN], const char *origin)
{
	uint8_t digest[32];

	crypto_hash_sha256(digest, (const uint8_t *)origin, strlen(origin));
	sodium_bin2hex(out, HIN_WITNESS_ORIGIN, digest, sizeof(digest));
}

static enum hin_code path_of(char out[PATH_MAX], const struct hin_witness *w, const char *id,
			     struct hin_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", w->folder, id) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of the witness is too long");
	return HIN_OK;
}

/* Append the file of a log. HIN_ENOENT. */
static enum hin_code read_last(const struct hin_witness *w, const char *id, struct hin_buffer *out,
			       struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = path_of(path, w, id, err);

	if (code == HIN_OK && access(path, F_OK) != 0 && errno == ENOENT)
		return HIN_ENOENT;
	return code == HIN_OK ? hin_file_read(out, path, HIN_CHECKPOINT_SIZE, err) : code;
}

/* Load what was cosigned for a log, and check that we did. */
static enum hin_code load(struct hin_witness *w, struct log *log, struct hin_error *err)
{
	struct hin_buffer note = { 0 };
	uint64_t ours = 0;
	enum hin_code code = read_last(w, log->id, &note, err);

	if (code == HIN_ENOENT) {
		hin_tree_empty(&log->last.root);
		return HIN_OK;
	}
	if (code == HIN_OK)
		code = hin_checkpoint_open(&log->last, note.data, note.used, &log->key, err);
	if (code == HIN_OK)
		code = hin_cosignatures(&ours, NULL, note.data, note.used, &w->cosigner, 1, err);
	if (code == HIN_OK && ours == 0)
		code = hin_fail(err, HIN_EVERIFY,
				"%s/%s has no cosignature of this witness: restore it", w->folder,
				log->id);
	log->seen = code == HIN_OK;
	hin_buffer_fini(&note);
	return code;
}

enum hin_code hin_witness_open(struct hin_witness **out, const char *folder,
			       const struct hin_note_signer *signer,
			       const struct hin_note_verifier *logs, size_t count,
			       struct hin_error *err)
{
	struct hin_witness *w;
	enum hin_code code = HIN_OK;

	if (count == 0 || count > HIN_WITNESS_LOGS)
		return hin_fail(err, HIN_ELIMIT, "a witness knows 1-%d logs", HIN_WITNESS_LOGS);
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a witness");
	pthread_mutex_init(&w->lock, NULL);
	w->signer = *signer;
	hin_cosigner_of(&w->cosigner, signer);
	w->folder = strdup(folder);
	if (w->folder == NULL)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a witness");
	else if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		code = hin_fail(err, HIN_ESYS, "make %s", folder);
	for (; code == HIN_OK && w->count < count; w->count++) {
		struct log *log = &w->logs[w->count];

		log->key = logs[w->count];
		id_of(log->id, log->key.name);
		for (size_t i = 0; i < w->count; i++)
			if (strcmp(w->logs[i].key.name, log->key.name) == 0)
				code = hin_fail(err, HIN_EUSAGE, "the log %s is there twice",
						log->key.name);
		if (code == HIN_OK)
			code = load(w, log, err);
	}
	if (code == HIN_OK)
		*out = w;
	else
		hin_witness_close(w);
	return code;
}

void hin_witness_close(struct hin_witness *w)
{
	if (w == NULL)
		return;
	hin_note_signer_fini(&w->signer);
	pthread_mutex_destroy(&w->lock);
	free(w->folder);
	free(w);
}

void hin_witness_key(const struct hin_witness *w, struct hin_cosigner *out)
{
	*out = w->cosigner;
}

void hin_witness_count(struct hin_witness *w, struct hin_witness_counters *out)
{
	pthread_mutex_lock(&w->lock);
	*out = w->counters;
	pthread_mutex_unlock(&w->lock);
}

/* ---- requests ---- */

struct request {
	uint64_t old;
	struct hin_path path;
	const char *note; /* the checkpoint */
	size_t note_size;
	char origin[HIN_NOTE_NAME];
};

static bool read_hash(struct hin_hash *out, const char *text, size_t size)
{
	size_t used = 0;

	return size == HASH_TEXT &&
	       sodium_base642bin(out->bytes, sizeof(out->bytes), text, size, NULL, &used, NULL,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       used == sizeof(out->bytes);
}

static bool read_request(struct request *r, const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);
	size_t n = 0;
	const char *line = checkpoint_next_line(&in, &n);

	if (line == NULL || n < 5 || memcmp(line, "old ", 4) != 0 ||
	    !checkpoint_read_size(&r->old, line + 4, n - 4))
		return false;
	while ((line = checkpoint_next_line(&in, &n)) != NULL && n > 0) {
		if (r->path.count == LINES || !read_hash(&r->path.hashes[r->path.count], line, n))
			return false;
		r->path.count++;
	}
	r->note = (const char *)in.pos;
	r->note_size = in.left;
	if (line == NULL)
		return false;
	line = checkpoint_next_line(&in, &n);
	if (line == NULL || n == 0 || n >= sizeof(r->origin) || memchr(line, '\0', n) != NULL)
		return false;
	memcpy(r->origin, line, n);
	r->origin[n] = '\0';
	return true;
}

/* Keep the checkpoint with our cosignature, and answer with it. The lock is held. */
static unsigned cosign(struct hin_witness *w, struct log *log, const struct request *r,
		       const struct hin_checkpoint *head, int64_t now_s, struct hin_buffer *out)
{
	struct hin_buffer note = { 0 };
	struct hin_error err = { 0 };
	char path[PATH_MAX];
	struct hin_note opened;
	size_t before = out->used;
	enum hin_code code;

	code = hin_note_open(&opened, r->note, r->note_size, &log->key, 1, &err);
	if (code == HIN_OK) {
		hin_buffer_add(&note, r->note, r->note_size);
		hin_cosign(out, opened.text, opened.size, &w->signer, now_s);
		hin_buffer_add(&note, hin_buffer_text(out) + before, out->used - before);
		if (note.failed || out->failed || note.used > HIN_CHECKPOINT_SIZE)
			code = HIN_ENOMEM;
	}
	if (code == HIN_OK)
		code = path_of(path, w, log->id, &err);
	if (code == HIN_OK)
		code = hin_file_replace(path, note.data, note.used, 0644, &err);
	hin_buffer_fini(&note);
	if (code != HIN_OK) {
		hin_buffer_reset(out);
		hin_buffer_puts(out, "the witness cannot keep this checkpoint\n");
		w->counters.failed++;
		return 500;
	}
	log->last = *head;
	log->seen = true;
	w->counters.cosigned++;
	return 200;
}

/* The lock is held. */
static unsigned judge(struct hin_witness *w, struct log *log, const struct request *r,
		      int64_t now_s, struct hin_buffer *out, const char **type)
{
	struct hin_checkpoint head;
	struct hin_error err = { 0 };
	struct hin_hash empty;

	if (hin_checkpoint_open(&head, r->note, r->note_size, &log->key, &err) != HIN_OK) {
		w->counters.forged++;
		hin_buffer_printf(out, "%s\n", err.text);
		return 403;
	}
	if (r->old > head.size) {
		w->counters.malformed++;
		hin_buffer_puts(out, "the old size is more than the checkpoint's\n");
		return 400;
	}
	if (r->old != log->last.size) {
		w->counters.conflict++;
		hin_buffer_printf(out, "%llu\n", (unsigned long long)log->last.size);
		*type = "text/x.tlog.size";
		return 409;
	}
	hin_tree_empty(&empty);
	if ((head.size == 0 && !hin_hash_same(&head.root, &empty)) ||
	    hin_tree_check_growth(r->old, &log->last.root, head.size, &head.root, &r->path, &err) !=
		    HIN_OK) {
		w->counters.inconsistent++;
		hin_buffer_puts(out, "the checkpoint does not continue what was cosigned\n");
		return 422;
	}
	return cosign(w, log, r, &head, now_s, out);
}

unsigned hin_witness_answer(struct hin_witness *w, struct hin_buffer *out, const char **type,
			    const void *request, size_t size, int64_t now_s)
{
	struct request r = { .old = 0 };
	unsigned status = 404;

	*type = TEXT;
	if (size > HIN_WITNESS_REQUEST || !read_request(&r, request, size)) {
		pthread_mutex_lock(&w->lock);
		w->counters.malformed++;
		pthread_mutex_unlock(&w->lock);
		hin_buffer_puts(out, "this is no request to add a checkpoint\n");
		return 400;
	}
	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->logs[i].key.name, r.origin) == 0) {
			status = judge(w, &w->logs[i], &r, now_s, out, type);
			break;
		}
	w->counters.unknown += status == 404;
	pthread_mutex_unlock(&w->lock);
	if (status == 404)
		hin_buffer_puts(out, "this log is not known here\n");
	return status;
}

enum hin_code hin_witness_checkpoint(struct hin_witness *w, const char *origin,
				     struct hin_buffer *out, struct hin_error *err)
{
	enum hin_code code = hin_fail(err, HIN_ENOENT, "nothing was cosigned for that log");

	pthread_mutex_lock(&w->lock);
	for (size_t i = 0; i < w->count; i++)
		if (w->logs[i].seen && strcmp(w->logs[i].id, origin) == 0)
			code = read_last(w, w->logs[i].id, out, err);
	pthread_mutex_unlock(&w->lock);
	return code;
}

/* ---- the log's side ---- */

enum hin_code hin_witness_request(struct hin_buffer *out, struct hin_tiles *tiles, uint64_t old,
				  const void *note, size_t size, const struct hin_checkpoint *head,
				  struct hin_error *err)
{
	struct hin_path path;
	enum hin_code code;

	hin_tiles_resize(tiles, head->size);
	code = hin_tree_prove_growth(&path, old, head->size, hin_tiles_fetch, tiles, err);
	if (code != HIN_OK)
		return code;
	hin_buffer_printf(out, "old %llu\n", (unsigned long long)old);
	for (unsigned i = 0; i < path.count; i++) {
		char base64[HASH_TEXT + 1];

		sodium_bin2base64(base64, sizeof(base64), path.hashes[i].bytes, 32,
				  sodium_base64_VARIANT_ORIGINAL);
		hin_buffer_printf(out, "%s\n", base64);
	}
	hin_buffer_putc(out, '\n');
	hin_buffer_add(out, note, size);
	return out->failed ? hin_fail(err, HIN_ENOMEM, "no memory for a request") : HIN_OK;
}

enum hin_code hin_witness_take(struct hin_buffer *note, const struct hin_cosigner *cosigner,
			       const void *answer, size_t size, struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(answer, size);
	const char *line;
	size_t n = 0;

	if (size > HIN_CHECKPOINT_SIZE)
		return hin_fail(err, HIN_ELIMIT, "the answer of %s is too large",
				cosigner->verifier.name);
	while ((line = checkpoint_next_line(&in, &n)) != NULL) {
		struct hin_buffer with = { 0 };
		uint64_t good = 0;
		enum hin_code code = HIN_OK;

		if (n < sizeof(DASH) || memcmp(line, DASH, sizeof(DASH) - 1) != 0)
			continue;
		hin_buffer_add(&with, note->data, note->used);
		hin_buffer_add(&with, line, n + 1);
		if (!with.failed)
			code = hin_cosignatures(&good, NULL, with.data, with.used, cosigner, 1,
						NULL);
		if (code == HIN_OK && good != 0)
			hin_buffer_add(note, line, n + 1);
		if (with.failed || note->failed)
			code = HIN_ENOMEM;
		hin_buffer_fini(&with);
		if (code == HIN_ENOMEM)
			return hin_fail(err, HIN_ENOMEM, "no memory for a cosignature");
		if (good != 0)
			return HIN_OK;
	}
	return hin_fail(err, HIN_EVERIFY, "%s answered without a good cosignature",
			cosigner->verifier.name);
}

enum hin_code hin_witness_size(uint64_t *out, const void *answer, size_t size,
			       struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(answer, size);
	size_t n = 0;
	const char *line = checkpoint_next_line(&in, &n);

	if (line == NULL || in.left > 0 || !checkpoint_read_size(out, line, n))
		return hin_fail(err, HIN_EFORMAT, "the witness answered with no size");
	return HIN_OK;
}
