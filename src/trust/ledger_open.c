/* ledger_open - opening a ledger, whatever happened to it; see ledger.h */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "trust/certificate.h"
#include "trust/ledger_priv.h"

enum hin_code ledger_path(char out[PATH_MAX], const char *folder, const char *name,
			  struct hin_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of %s is too long", name);
	return HIN_OK;
}

void ledger_free(struct hin_ledger *l)
{
	if (l == NULL)
		return;
	journal_close(&l->journal);
	hin_tile_writer_close(l->tiles);
	hin_tiles_close(l->reader);
	hin_buffer_fini(&l->note);
	hin_buffer_fini(&l->witnessed_note);
	hin_note_signer_fini(&l->signer);
	if (l->folder_fd != -1)
		close(l->folder_fd);
	if (l->lock_fd != -1)
		close(l->lock_fd);
	pthread_mutex_destroy(&l->reading);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->work);
	pthread_cond_destroy(&l->settled);
	pthread_cond_destroy(&l->room);
	free(l->folder);
	free(l);
}

static struct hin_ledger *ledger_new(const struct hin_ledger_settings *settings)
{
	struct hin_ledger *l = calloc(1, sizeof(*l));
	pthread_condattr_t monotonic;

	if (l == NULL)
		return NULL;
	l->folder_fd = l->lock_fd = l->journal.fd = -1;
	l->signer = *settings->signer;
	l->publish_ns = settings->publish_ns;
	l->gather_ns = settings->gather_ns;
	l->journal_size = settings->journal_size;
	l->lag = settings->lag > 0 ? settings->lag : HIN_LEDGER_LAG;
	pthread_mutex_init(&l->reading, NULL);
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&l->work, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&l->settled, NULL);
	pthread_cond_init(&l->room, NULL);
	l->folder = strdup(settings->folder);
	if (l->folder != NULL)
		return l;
	ledger_free(l);
	return NULL;
}

/* Open the folder, or make it, and take the lock. */
static enum hin_code take_folder(struct hin_ledger *l, bool create, struct hin_error *err)
{
	if (create && mkdir(l->folder, 0755) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "make %s", l->folder);
	l->folder_fd = open(l->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (l->folder_fd == -1)
		return hin_fail(err, errno == ENOENT ? HIN_ENOENT : HIN_ESYS, "open %s", l->folder);
	l->lock_fd = openat(l->folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (l->lock_fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s/lock", l->folder);
	if (flock(l->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return hin_fail(err, errno == EWOULDBLOCK ? HIN_EDENIED : HIN_ESYS,
				"another process writes the ledger %s: stop it, or ask it",
				l->folder);
	return HIN_OK;
}

/* Read a checkpoint of ours. HIN_ENOENT when there is none. */
static enum hin_code read_head(struct hin_ledger *l, const char *name, struct hin_buffer *note,
			       struct hin_checkpoint *head, struct hin_error *err)
{
	struct hin_error why = { 0 };
	char path[PATH_MAX];
	enum hin_code code = ledger_path(path, l->folder, name, err);

	if (code == HIN_OK && access(path, F_OK) != 0 && errno == ENOENT)
		return HIN_ENOENT;
	if (code == HIN_OK)
		code = hin_file_read(note, path, HIN_CHECKPOINT_SIZE, err);
	if (code != HIN_OK)
		return code;
	code = hin_checkpoint_open(head, note->data, note->used, &l->signer.verifier, &why);
	if (code == HIN_OK)
		return HIN_OK;
	return hin_fail(err, HIN_EVERIFY, "%s: %s", path, why.text);
}

/* ---- what happened since ---- */

struct replay {
	struct hin_ledger *l;
	bool met;  /* the checkpoint's size */
	bool same; /* and there its root */
};

static void meet(struct replay *r)
{
	struct hin_hash root;

	if (hin_tile_writer_size(r->l->tiles) != r->l->head.size)
		return;
	hin_tile_writer_root(r->l->tiles, &root);
	r->met = true;
	r->same = hin_hash_same(&root, &r->l->head.root);
}

static enum hin_code replay_batch(void *user, struct hin_reader *entries, uint32_t count,
				  struct hin_error *err)
{
	struct replay *r = user;
	enum hin_code code;

	if (entries->left / 2 < count)
		return hin_fail(err, HIN_EVERIFY, "a batch of the journal is malformed");
	code = hin_tile_writer_reserve(r->l->tiles, count, entries->left, err);
	if (code != HIN_OK)
		return code;
	for (uint32_t i = 0; i < count; i++) {
		size_t size = 0;
		const uint8_t *entry = hin_bundle_next(entries, &size);

		if (entry == NULL)
			return hin_fail(err, HIN_EVERIFY, "a batch of the journal is malformed");
		hin_tile_writer_add(r->l->tiles, entry, size);
		meet(r);
	}
	if (entries->left > 0)
		return hin_fail(err, HIN_EVERIFY, "a batch of the journal is malformed");
	return HIN_OK;
}

/* Does what was found lead to the checkpoint? */
static enum hin_code judge(const struct hin_ledger *l, const struct replay *r,
			   struct hin_error *err)
{
	unsigned long long have = hin_tile_writer_size(l->tiles), want = l->head.size;

	if (want < l->journal.base)
		return hin_fail(err, HIN_EVERIFY,
				"%s: the checkpoint has %llu acts, the journal begins at %llu: an "
				"old checkpoint was put back; restore the newest",
				l->folder, want, (unsigned long long)l->journal.base);
	if (have < want)
		return hin_fail(err, HIN_EVERIFY,
				"%s was cut: it has %llu acts, its checkpoint %llu; restore it",
				l->folder, have, want);
	if (!r->met || !r->same)
		return hin_fail(err, HIN_EVERIFY,
				"%s was changed: its first %llu acts are not those of its "
				"checkpoint; restore it",
				l->folder, want);
	return HIN_OK;
}

/* With a journal and a checkpoint: bring the tree to where it was. */
static enum hin_code recover(struct hin_ledger *l, const struct hin_buffer *content,
			     struct hin_error *err)
{
	struct replay r = { .l = l };
	struct hin_hash root;
	enum hin_code code = hin_tile_writer_open(&l->tiles, l->folder, l->journal.base, err);

	if (code == HIN_ENOENT || code == HIN_ETRUNCATED || code == HIN_EFORMAT)
		err->code = HIN_EVERIFY; /* the text names the tile */
	if (code != HIN_OK)
		return code == HIN_ENOMEM || code == HIN_ESYS ? code : HIN_EVERIFY;
	hin_tile_writer_root(l->tiles, &root);
	if (!hin_hash_same(&root, &l->journal.root))
		return hin_fail(err, HIN_EVERIFY,
				"%s was changed: its tiles do not lead to the root of its journal; "
				"hinomi ledger check shows where",
				l->folder);
	meet(&r);
	code = journal_replay(&l->journal, content, replay_batch, &r, err);
	if (code == HIN_OK)
		code = judge(l, &r, err);
	l->size = hin_tile_writer_size(l->tiles);
	/* a power cut may have taken tiles that the journal still has */
	if (code == HIN_OK && l->size > l->journal.base)
		code = hin_tile_writer_flush(l->tiles, err);
	return code;
}

static bool has_tiles(const struct hin_ledger *l)
{
	return faccessat(l->folder_fd, "tile", F_OK, 0) == 0;
}

/* The key for those who read, so that nobody has to be asked for it first. */
static enum hin_code write_key(const struct hin_ledger *l, struct hin_error *err)
{
	char path[PATH_MAX], key[HIN_NOTE_KEY_TEXT], line[HIN_NOTE_KEY_TEXT + 1];
	enum hin_code code = ledger_path(path, l->folder, "key", err);

	if (code != HIN_OK || access(path, F_OK) == 0)
		return code;
	snprintf(line, sizeof(line), "%s\n", hin_note_verifier_format(&l->signer.verifier, key));
	return hin_file_replace(path, line, strlen(line), 0644, err);
}

/* An empty ledger: a journal, then a checkpoint of nothing. */
static enum hin_code begin(struct hin_ledger *l, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = ledger_path(path, l->folder, "journal", err);

	hin_tree_empty(&l->head.root);
	l->head.size = 0;
	if (code == HIN_OK)
		code = journal_begin(&l->journal, path, 0, &l->head.root, err);
	if (code == HIN_OK)
		code = hin_tile_writer_open(&l->tiles, l->folder, 0, err);
	if (code == HIN_OK)
		code = hin_checkpoint_sign(&l->note, 0, &l->head.root, &l->signer, err);
	if (code == HIN_OK)
		code = ledger_path(path, l->folder, "checkpoint", err);
	if (code == HIN_OK)
		code = hin_file_replace(path, l->note.data, l->note.used, 0644, err);
	return code;
}

static enum hin_code load(struct hin_ledger *l, bool create, struct hin_error *err)
{
	struct hin_buffer content = { 0 };
	char path[PATH_MAX];
	enum hin_code head, journal, code;

	head = read_head(l, "checkpoint", &l->note, &l->head, err);
	if (head != HIN_OK && head != HIN_ENOENT)
		return head;
	journal = ledger_path(path, l->folder, "journal", err);
	if (journal == HIN_OK)
		journal = journal_open(&l->journal, path, &content, err);
	if (journal != HIN_OK && journal != HIN_ENOENT)
		code = journal;
	else if (head == HIN_OK && journal == HIN_OK)
		code = recover(l, &content, err);
	else if (head == HIN_OK)
		code = hin_fail(
			err, HIN_EVERIFY,
			"%s has a checkpoint and no journal: its last acts are lost; restore it",
			l->folder);
	else if (has_tiles(l) ||
		 (journal == HIN_OK && (l->journal.base > 0 || content.used > l->journal.size)))
		code = hin_fail(err, HIN_EVERIFY, "%s has acts and no checkpoint; restore it",
				l->folder);
	else if (!create)
		code = hin_fail(err, HIN_ENOENT, "there is no ledger in %s", l->folder);
	else
		code = begin(l, err);
	hin_buffer_fini(&content);
	return code;
}

enum hin_code hin_ledger_open(struct hin_ledger **out, const struct hin_ledger_settings *settings,
			      struct hin_error *err)
{
	struct hin_error local = { 0 };
	struct hin_ledger *l = ledger_new(settings);
	enum hin_code code;

	if (err == NULL)
		err = &local;
	if (l == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the ledger");
	code = take_folder(l, settings->create, err);
	if (code == HIN_OK)
		code = load(l, settings->create, err);
	if (code == HIN_OK) {
		enum hin_code seen =
			read_head(l, "witnessed", &l->witnessed_note, &l->witnessed, err);

		if (seen == HIN_OK && l->witnessed.size > l->size)
			code = hin_fail(err, HIN_EVERIFY,
					"%s was cut: witnesses saw %llu acts, it has %llu",
					l->folder, (unsigned long long)l->witnessed.size,
					(unsigned long long)l->size);
		else if (seen != HIN_OK && seen != HIN_ENOENT)
			code = seen;
	}
	if (code == HIN_OK)
		code = write_key(l, err);
	if (code == HIN_OK)
		code = hin_tiles_open(&l->reader, l->folder, l->head.size, err);
	if (code == HIN_OK)
		code = ledger_start(l, err);
	if (code == HIN_OK)
		*out = l;
	else
		ledger_free(l);
	return code;
}

/* ---- its key ---- */

static enum hin_code make_key(const char *path, const char *passphrase, struct hin_error *err)
{
	struct hin_buffer pem = { 0 };
	uint8_t seed[32];
	enum hin_code code;

	if (getrandom(seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return hin_fail(err, HIN_ESYS, "draw a key");
	code = hin_certificate_seed(&pem, seed, passphrase, err);
	if (code == HIN_OK)
		code = hin_file_replace(path, pem.data, pem.used, 0600, err);
	explicit_bzero(seed, sizeof(seed));
	hin_secret_fini(&pem);
	return code;
}

enum hin_code hin_ledger_key_load(struct hin_note_signer *out, const char *path, const char *origin,
				  const char *passphrase, bool create, struct hin_error *err)
{
	struct hin_buffer pem = { 0 };
	uint8_t seed[32];
	enum hin_code code = HIN_OK;

	if (create && access(path, F_OK) != 0 && errno == ENOENT)
		code = make_key(path, passphrase, err);
	if (code == HIN_OK)
		code = hin_file_read_private(&pem, path, HIN_PEM_SIZE, err);
	if (code == HIN_OK)
		code = hin_certificate_seed_open(seed, hin_buffer_text(&pem), passphrase, err);
	if (code == HIN_OK)
		code = hin_note_signer_of(out, origin, seed, err);
	explicit_bzero(seed, sizeof(seed));
	hin_secret_fini(&pem);
	return code;
}
