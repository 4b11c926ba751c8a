/* The ledger: what is durable stays, whatever happens; what was cut or changed is refused. */
#include "folder.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/time.h"
#include "trust/ledger.h"
#include "trust/proof.h"

static char folder[64], path[128];
static struct hin_note_signer signer;

static int begin(void **state)
{
	static const uint8_t seed[32] = { 7 };

	(void)state;
	folder_make(folder);
	snprintf(path, sizeof(path), "%s/ledger", folder);
	return hin_note_signer_of(&signer, "hub.example/ledger", seed, NULL) == HIN_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static enum hin_code try_open(struct hin_ledger **out, uint64_t journal_size, struct hin_error *err)
{
	struct hin_ledger_settings settings;

	hin_ledger_settings_default(&settings);
	settings.folder = path;
	settings.signer = &signer;
	settings.create = true;
	settings.publish_ns = 5 * HIN_NS_PER_MS;
	settings.journal_size = journal_size;
	return hin_ledger_open(out, &settings, err);
}

static struct hin_ledger *opened(uint64_t journal_size)
{
	struct hin_ledger *l = NULL;
	struct hin_error err = { 0 };

	if (try_open(&l, journal_size, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return l;
}

static struct hin_act act_of(uint64_t n)
{
	struct hin_act act = { .kind = HIN_ACT_CASE_CHANGED,
			       .who = n,
			       .when_us = 1000 + (int64_t)n };

	memset(act.object, (int)(n % 255 + 1), sizeof(act.object));
	return act;
}

static uint64_t append(struct hin_ledger *l, uint64_t n)
{
	struct hin_act act = act_of(n);
	struct hin_error err = { 0 };
	uint64_t index = UINT64_MAX;

	if (hin_ledger_append(l, &act, &index, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return index;
}

static void append_many(struct hin_ledger *l, uint64_t from, uint64_t until)
{
	struct hin_act acts[1000];
	uint64_t first;

	while (from < until) {
		size_t n = until - from < 1000 ? (size_t)(until - from) : 1000;

		for (size_t i = 0; i < n; i++)
			acts[i] = act_of(from + i);
		assert_int_equal(hin_ledger_append_all(l, acts, n, &first, NULL), HIN_OK);
		assert_int_equal(first, from);
		from += n;
	}
}

/* Act n has index n, and its proof holds. */
static void proved(struct hin_ledger *l, uint64_t n)
{
	struct hin_buffer text = { 0 };
	struct hin_proof proof;
	struct hin_error err = { 0 };
	struct hin_act want = act_of(n);

	if (hin_ledger_prove(l, n, NULL, &text, &err) != HIN_OK ||
	    hin_proof_parse(&proof, text.data, text.used, &err) != HIN_OK ||
	    hin_proof_check(&proof, hin_ledger_key(l), NULL, &err) != HIN_OK)
		fail_msg("act %llu: %s", (unsigned long long)n, err.text);
	assert_int_equal(proof.index, n);
	assert_memory_equal(&proof.act, &want, sizeof(want));
	hin_buffer_fini(&text);
}

/* All files are in order, by reading each leaf: the size of the checkpoint. */
static uint64_t whole(void)
{
	struct hin_buffer note = { 0 };
	struct hin_checkpoint head;
	struct hin_tiles *tiles = NULL;
	struct hin_tree tree = { 0 };
	struct hin_hash root;
	struct hin_error err = { 0 };

	if (hin_file_read(&note, folder_path(path, "checkpoint"), 1 << 20, &err) != HIN_OK ||
	    hin_checkpoint_open(&head, note.data, note.used, &signer.verifier, &err) != HIN_OK ||
	    hin_tiles_open(&tiles, path, head.size, &err) != HIN_OK)
		fail_msg("%s", err.text);
	for (uint64_t i = 0; i < head.size; i++) {
		const uint8_t *entry;
		struct hin_hash leaf;
		struct hin_act act, want = act_of(i);
		size_t size;

		if (hin_tiles_entry(tiles, i, &entry, &size, &err) != HIN_OK ||
		    hin_act_decode(&act, entry, size, &err) != HIN_OK)
			fail_msg("%s", err.text);
		assert_memory_equal(&act, &want, sizeof(want));
		hin_tree_leaf(&leaf, entry, size);
		hin_tree_add(&tree, &leaf);
	}
	hin_tree_root(&tree, &root);
	assert_true(hin_hash_same(&root, &head.root));
	assert_int_equal(hin_tree_root_of(&root, head.size, hin_tiles_fetch, tiles, &err), HIN_OK);
	assert_true(hin_hash_same(&root, &head.root));
	hin_tiles_close(tiles);
	hin_buffer_fini(&note);
	return head.size;
}

/* ---- ordinary life ---- */

static void appends_proves_and_goes_on(void **state)
{
	static const uint64_t until[] = { 1, 2, 255, 256, 257, 700, 66000, 66001 };
	uint64_t n = 0;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(until); i++) {
		struct hin_ledger *l = opened(100000);
		struct hin_checkpoint head;
		struct hin_buffer note = { 0 };

		append_many(l, n, until[i] - 1);
		assert_int_equal(append(l, until[i] - 1), until[i] - 1);
		n = until[i];
		assert_int_equal(hin_ledger_publish(l, NULL), HIN_OK);
		assert_int_equal(hin_ledger_head(l, &note, &head, NULL), HIN_OK);
		assert_int_equal(head.size, n);
		proved(l, 0);
		proved(l, n / 2);
		proved(l, n - 1);
		assert_int_equal(hin_ledger_prove(l, n, NULL, &note, NULL), HIN_ERANGE);
		hin_buffer_fini(&note);
		hin_ledger_close(l);
		assert_int_equal(whole(), n);
	}
}

static void counts_and_refuses(void **state)
{
	struct hin_ledger *l = opened(1 << 20), *second = NULL;
	struct hin_act acts[2] = { act_of(0), act_of(1) };
	struct hin_ledger_counters counters;

	(void)state;
	acts[1].kind = 9999;
	assert_int_equal(hin_ledger_append_all(l, acts, 2, NULL, NULL), HIN_EFORMAT);
	assert_int_equal(hin_ledger_append_all(l, acts, 0, NULL, NULL), HIN_ELIMIT);
	assert_int_equal(hin_ledger_queue(l, &acts[1], NULL, NULL, NULL), HIN_EFORMAT);
	assert_int_equal(try_open(&second, 1 << 20, NULL), HIN_EDENIED);
	assert_int_equal(append(l, 0), 0);
	hin_ledger_count(l, &counters);
	assert_int_equal(counters.acts, 1);
	assert_int_equal(counters.size, 1);
	hin_ledger_close(l);
	hin_ledger_close(NULL);
}

static void without_create_there_must_be_one(void **state)
{
	struct hin_ledger_settings settings;
	struct hin_ledger *l = NULL;

	(void)state;
	hin_ledger_settings_default(&settings);
	settings.folder = path;
	settings.signer = &signer;
	assert_int_equal(hin_ledger_open(&l, &settings, NULL), HIN_ENOENT);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(hin_ledger_open(&l, &settings, NULL), HIN_ENOENT);
	settings.create = true;
	assert_int_equal(hin_ledger_open(&l, &settings, NULL), HIN_OK);
	hin_ledger_close(l);
	assert_int_equal(whole(), 0);
}

struct queued {
	pthread_mutex_t lock;
	uint64_t next;
};

static void on_done(void *user, enum hin_code code, uint64_t index)
{
	struct queued *q = user;

	pthread_mutex_lock(&q->lock);
	if (code == HIN_OK && index == q->next)
		q->next++;
	pthread_mutex_unlock(&q->lock);
}

static void queued_acts_keep_their_order(void **state)
{
	struct queued q = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct hin_ledger *l = opened(1 << 20);

	(void)state;
	for (uint64_t i = 0; i < 3000; i++) {
		struct hin_act act = act_of(i);

		assert_int_equal(hin_ledger_queue(l, &act, on_done, &q, NULL), HIN_OK);
	}
	hin_ledger_close(l);
	assert_int_equal(q.next, 3000);
	assert_int_equal(whole(), 3000);
}

#define THREADS 8
#define EACH 50u

struct worker {
	struct hin_ledger *ledger;
	uint64_t indexes[EACH];
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < EACH; i++) {
		struct hin_act act = act_of(i);
		struct hin_buffer proof = { 0 };

		if (hin_ledger_append(w->ledger, &act, &w->indexes[i], NULL) != HIN_OK ||
		    (i % 10 == 0 &&
		     (hin_ledger_publish(w->ledger, NULL) != HIN_OK ||
		      hin_ledger_prove(w->ledger, w->indexes[i], NULL, &proof, NULL) != HIN_OK)))
			abort();
		hin_buffer_fini(&proof);
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	struct hin_ledger *l = opened(4096);
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	bool seen[THREADS * EACH] = { 0 };

	(void)state;
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].ledger = l;
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++)
		for (unsigned k = 0; k < EACH; k++) {
			assert_true(workers[i].indexes[k] < THREADS * EACH);
			assert_false(seen[workers[i].indexes[k]]);
			seen[workers[i].indexes[k]] = true;
		}
	hin_ledger_close(l);
}

/* ---- crashes ---- */

/* Append acts and tell each index through `to`, until killed. */
static void child(int to, uint64_t next)
{
	struct hin_ledger *l = NULL;

	if (try_open(&l, 3000, NULL) != HIN_OK)
		_exit(1);
	for (;; next++) {
		struct hin_act act = act_of(next);
		uint64_t index;

		if (hin_ledger_append(l, &act, &index, NULL) != HIN_OK || index != next ||
		    write(to, &index, sizeof(index)) != sizeof(index))
			_exit(1);
	}
}

static void killed_at_any_moment(void **state)
{
	unsigned rounds = HIN_TEST_SLOW ? 10 : 60;
	uint64_t next = 0;

	(void)state;
	for (unsigned round = 0; round < rounds; round++) {
		uint64_t index, told = next;
		unsigned stop_after = (round * 37) % 90 + 1;
		struct hin_ledger_counters counters;
		struct hin_ledger *l;
		int ends[2], status;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0)
			child(ends[1], next);
		close(ends[1]);
		while (stop_after-- > 0 && read(ends[0], &index, sizeof(index)) == sizeof(index))
			told = index + 1;
		kill(pid, SIGKILL);
		while (read(ends[0], &index, sizeof(index)) == sizeof(index))
			told = index + 1;
		waitpid(pid, &status, 0);
		close(ends[0]);
		assert_true(WIFSIGNALED(status));
		l = opened(3000);
		hin_ledger_count(l, &counters);
		if (counters.size < told || counters.size > told + 1)
			fail_msg("round %u: %llu acts, %llu were acknowledged", round,
				 (unsigned long long)counters.size, (unsigned long long)told);
		next = counters.size;
		assert_int_equal(hin_ledger_publish(l, NULL), HIN_OK);
		hin_ledger_close(l);
		assert_int_equal(whole(), next);
	}
}

/* A writer without its last words: the journal has what follows the checkpoint. */
static void crashed(uint64_t published, uint64_t durable)
{
	struct hin_ledger_settings settings;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct hin_ledger *l = NULL;

		hin_ledger_settings_default(&settings);
		settings.folder = path;
		settings.signer = &signer;
		settings.create = true;
		settings.publish_ns = HIN_NS_PER_HOUR;
		if (hin_ledger_open(&l, &settings, NULL) != HIN_OK)
			_exit(1);
		append_many(l, 0, published);
		if (hin_ledger_publish(l, NULL) != HIN_OK)
			_exit(1);
		for (uint64_t i = published; i < durable; i++)
			append(l, i);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void torn_at_any_byte(void **state)
{
	struct hin_buffer journal = { 0 }, checkpoint = { 0 };
	size_t batch = 32 + 86, start;
	unsigned step = HIN_TEST_SLOW ? 23 : 5;
	char name[160], head[160];

	(void)state;
	crashed(10, 13);
	snprintf(name, sizeof(name), "%s/journal", path);
	snprintf(head, sizeof(head), "%s/checkpoint", path);
	assert_int_equal(hin_file_read(&journal, name, 1 << 20, NULL), HIN_OK);
	assert_int_equal(hin_file_read(&checkpoint, head, 1 << 20, NULL), HIN_OK);
	start = journal.used - 3 * batch;
	for (size_t cut = start; cut <= journal.used; cut += step) {
		struct hin_ledger *l;
		struct hin_ledger_counters counters;

		assert_int_equal(hin_file_replace(name, journal.data, cut, 0600, NULL), HIN_OK);
		assert_int_equal(
			hin_file_replace(head, checkpoint.data, checkpoint.used, 0644, NULL),
			HIN_OK);
		l = opened(1 << 20);
		hin_ledger_count(l, &counters);
		assert_int_equal(counters.size, 10 + (cut - start) / batch);
		append_many(l, counters.size, 14);
		hin_ledger_close(l);
		assert_int_equal(whole(), 14);
	}
	hin_buffer_fini(&journal);
	hin_buffer_fini(&checkpoint);
}

/* ---- changed, dropped, put back ---- */

static enum hin_code reopened(char text[200])
{
	struct hin_ledger *l = NULL;
	struct hin_error err = { 0 };
	enum hin_code code = try_open(&l, 1 << 20, &err);

	memcpy(text, err.text, 200);
	hin_ledger_close(l);
	return code;
}

static void flip(const char *name, long at)
{
	FILE *f = fopen(folder_path(path, name), "r+");
	int c;

	assert_non_null(f);
	fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
	c = fgetc(f);
	fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
	fputc(c ^ 1, f);
	fclose(f);
}

/* A ledger of 700 acts whose journal begins at 600. */
static void turned(void)
{
	struct hin_ledger *l = opened(1);

	append_many(l, 0, 600);
	assert_int_equal(hin_ledger_publish(l, NULL), HIN_OK);
	hin_ledger_close(l);
	l = opened(1 << 20);
	append_many(l, 600, 650);
	append_many(l, 650, 700);
	hin_ledger_close(l);
}

static void refuses_what_was_changed(void **state)
{
	static const struct {
		const char *name, *file, *says;
		long at; /* the byte that is changed; 0 = the file goes */
	} cases[] = {
		{ "journal's head", "journal", "head", 20 },
		{ "journal's first batch", "journal", "byte 64, act 600", 64 + 40 },
		{ "journal's last batch", "journal", "cut", -3 },
		{ "checkpoint's size", "checkpoint", "verify", 20 },
		{ "no journal", "journal", "no journal", 0 },
		{ "no checkpoint", "checkpoint", "no checkpoint", 0 },
		{ "a hash of a leaf at the edge", "tile/0/002.p/88", "changed", 5 },
		{ "a hash above", "tile/1/000.p/2", "changed", 5 },
		{ "an entry at the edge", "tile/entries/002.p/88", "entry 0 was changed", 5 },
		{ "no tile at the edge", "tile/0/002.p/88", "missing", 0 },
		{ "no tile above", "tile/1/000.p/2", "missing", 0 },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		turned();
		if (cases[i].at != 0)
			flip(cases[i].file, cases[i].at);
		else
			assert_int_equal(unlink(folder_path(path, cases[i].file)), 0);
		if (reopened(text) != HIN_EVERIFY || strstr(text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].name, text);
		folder_remove(path);
	}
}

static void refuses_what_was_put_back(void **state)
{
	struct hin_buffer checkpoint = { 0 }, journal = { 0 }, other = { 0 };
	struct hin_note_signer stranger;
	static const uint8_t seed[32] = { 8 };
	struct hin_hash root = { { 1 } };
	char text[200], copy[160], name[160];
	struct hin_ledger *l;

	(void)state;
	snprintf(copy, sizeof(copy), "%s/checkpoint", path);
	snprintf(name, sizeof(name), "%s/journal", path);
	turned();
	assert_int_equal(hin_file_read(&checkpoint, copy, 1 << 20, NULL), HIN_OK);
	assert_int_equal(hin_file_read(&journal, name, 1 << 20, NULL), HIN_OK);
	l = opened(1);
	append_many(l, 700, 800);
	hin_ledger_close(l);
	/* an old checkpoint under a newer journal */
	assert_int_equal(hin_file_read(&other, copy, 1 << 20, NULL), HIN_OK);
	assert_int_equal(hin_file_replace(copy, checkpoint.data, checkpoint.used, 0644, NULL),
			 HIN_OK);
	assert_int_equal(reopened(text), HIN_EVERIFY);
	assert_non_null(strstr(text, "old checkpoint"));
	/* an old journal under a newer checkpoint */
	assert_int_equal(hin_file_replace(copy, other.data, other.used, 0644, NULL), HIN_OK);
	assert_int_equal(hin_file_replace(name, journal.data, journal.used, 0600, NULL), HIN_OK);
	assert_int_equal(reopened(text), HIN_EVERIFY);
	assert_non_null(strstr(text, "cut"));
	/* another history of the same length, signed by the same key */
	hin_buffer_reset(&other);
	assert_int_equal(hin_checkpoint_sign(&other, 700, &root, &signer, NULL), HIN_OK);
	assert_int_equal(hin_file_replace(copy, other.data, other.used, 0644, NULL), HIN_OK);
	assert_int_equal(reopened(text), HIN_EVERIFY);
	assert_non_null(strstr(text, "changed"));
	/* another key */
	hin_buffer_reset(&other);
	assert_int_equal(hin_note_signer_of(&stranger, "hub.example/ledger", seed, NULL), HIN_OK);
	assert_int_equal(hin_checkpoint_sign(&other, 700, &root, &stranger, NULL), HIN_OK);
	assert_int_equal(hin_file_replace(copy, other.data, other.used, 0644, NULL), HIN_OK);
	assert_int_equal(reopened(text), HIN_EVERIFY);
	/* and all in its place again */
	assert_int_equal(hin_file_replace(copy, checkpoint.data, checkpoint.used, 0644, NULL),
			 HIN_OK);
	assert_int_equal(reopened(text), HIN_OK);
	hin_buffer_fini(&checkpoint);
	hin_buffer_fini(&journal);
	hin_buffer_fini(&other);
}

/* The disk takes so many bytes of a file and no more; then it does again. */
static void full_disk(void **state)
{
	struct hin_ledger *l = opened(1 << 20);
	struct rlimit before, little;
	struct hin_error err = { 0 };
	struct hin_act act = act_of(5);
	struct hin_ledger_counters counters;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	append_many(l, 0, 5);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	little = before;
	little.rlim_cur = 64 + 32 + 5 * 86 + 50;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_equal(hin_ledger_append(l, &act, NULL, &err), HIN_ESYS);
	assert_non_null(strstr(err.text, "journal"));
	little.rlim_cur = 200; /* not even a tile */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	assert_int_not_equal(hin_ledger_append(l, &act, NULL, NULL), HIN_OK);
	if (hin_ledger_publish(l, NULL) != HIN_OK)
		puts("no checkpoint on a full disk");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	hin_ledger_count(l, &counters);
	assert_int_equal(counters.failed, 2);
	assert_int_equal(append(l, 5), 5);
	assert_int_equal(hin_ledger_publish(l, NULL), HIN_OK);
	proved(l, 5);
	hin_ledger_close(l);
	assert_int_equal(whole(), 6);
}

static void key_is_made_once(void **state)
{
	struct hin_note_signer a, b;
	const char *name = folder_path(folder, "ledger.key");

	(void)state;
	assert_int_equal(hin_ledger_key_load(&a, name, "x/ledger", NULL, false, NULL), HIN_ENOENT);
	assert_int_equal(hin_ledger_key_load(&a, name, "x/ledger", "words", true, NULL), HIN_OK);
	assert_int_equal(hin_ledger_key_load(&b, name, "x/ledger", "words", true, NULL), HIN_OK);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(hin_ledger_key_load(&b, name, "x/ledger", "others", true, NULL),
			 HIN_EDENIED);
	assert_int_equal(hin_ledger_key_load(&b, name, "x ledger", "words", true, NULL),
			 HIN_EFORMAT);
	assert_int_equal(chmod(name, 0644), 0);
	assert_int_equal(hin_ledger_key_load(&b, name, "x/ledger", "words", true, NULL),
			 HIN_EDENIED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(appends_proves_and_goes_on),
		TEST(counts_and_refuses),
		TEST(without_create_there_must_be_one),
		TEST(queued_acts_keep_their_order),
		TEST(threads_share_it),
		TEST(killed_at_any_moment),
		TEST(torn_at_any_byte),
		TEST(refuses_what_was_changed),
		TEST(refuses_what_was_put_back),
		TEST(full_disk),
		TEST(key_is_made_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
