/* Witnesses: what is cosigned, what is refused and how, and what a log makes of the answers. */
#include "folder.h"

#include <sodium.h>

#include "base/file.h"
#include "trust/ledger.h"
#include "trust/witness.h"

#define NOW 1795333803

static char folder[64], ledger_path[128], witness_path[128];
static struct hin_note_signer log_signer, witness_signer, stranger;

static int begin(void **state)
{
	static const uint8_t one[32] = { 1 }, two[32] = { 2 }, three[32] = { 3 };

	(void)state;
	folder_make(folder);
	snprintf(ledger_path, sizeof(ledger_path), "%s/ledger", folder);
	snprintf(witness_path, sizeof(witness_path), "%s/witness", folder);
	return hin_note_signer_of(&log_signer, "hub.example/ledger", one, NULL) == HIN_OK &&
			       hin_note_signer_of(&witness_signer, "witness.example/w1", two,
						  NULL) == HIN_OK &&
			       hin_note_signer_of(&stranger, "hub.example/ledger", three, NULL) ==
				       HIN_OK
		       ? 0
		       : -1;
}

static int end(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static struct hin_witness *opened(void)
{
	struct hin_witness *w = NULL;
	struct hin_error err = { 0 };

	if (hin_witness_open(&w, witness_path, &witness_signer, &log_signer.verifier, 1, &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
	return w;
}

static struct hin_ledger *ledger_of(const char *path, uint64_t count, int kind)
{
	struct hin_ledger_settings settings;
	struct hin_ledger *l = NULL;
	struct hin_act act = { .kind = (uint16_t)kind };

	hin_ledger_settings_default(&settings);
	settings.folder = path;
	settings.signer = &log_signer;
	settings.create = true;
	assert_int_equal(hin_ledger_open(&l, &settings, NULL), HIN_OK);
	for (uint64_t i = 0; i < count; i++)
		assert_int_equal(hin_ledger_queue(l, &act, NULL, NULL, NULL), HIN_OK);
	assert_int_equal(hin_ledger_publish(l, NULL), HIN_OK);
	return l;
}

/* The request for the ledger as it is now, after `old`. */
static void request_of(struct hin_buffer *out, struct hin_ledger *l, uint64_t old)
{
	struct hin_buffer note = { 0 };
	struct hin_checkpoint head;
	struct hin_tiles *tiles = NULL;

	hin_buffer_reset(out);
	assert_int_equal(hin_ledger_head(l, &note, &head, NULL), HIN_OK);
	assert_int_equal(hin_tiles_open(&tiles, hin_ledger_folder(l), head.size, NULL), HIN_OK);
	assert_int_equal(hin_witness_request(out, tiles, old, note.data, note.used, &head, NULL),
			 HIN_OK);
	hin_tiles_close(tiles);
	hin_buffer_fini(&note);
}

static unsigned asked(struct hin_witness *w, const struct hin_buffer *request,
		      struct hin_buffer *answer)
{
	const char *type = NULL;
	uint8_t *in = hin_test_copy(request->data, request->used);
	unsigned status;

	hin_buffer_reset(answer);
	status = hin_witness_answer(w, answer, &type, in, request->used, NOW);
	assert_string_equal(type, status == 409 ? "text/x.tlog.size" : "text/plain; charset=utf-8");
	free(in);
	return status;
}

static void more(struct hin_ledger *l, unsigned count)
{
	struct hin_act act = { .kind = HIN_ACT_EXPORT };

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(hin_ledger_queue(l, &act, NULL, NULL, NULL), HIN_OK);
	assert_int_equal(hin_ledger_publish(l, NULL), HIN_OK);
}

static void cosigns_what_grows(void **state)
{
	struct hin_ledger *l = ledger_of(ledger_path, 0, HIN_ACT_EXPORT);
	struct hin_buffer request = { 0 }, answer = { 0 }, note = { 0 }, kept = { 0 };
	struct hin_witness *w = opened();
	struct hin_cosigner cosigner;
	struct hin_checkpoint head;
	char id[HIN_WITNESS_ORIGIN];
	uint8_t digest[32];
	uint64_t old = 0, who;
	int64_t when;

	(void)state;
	hin_witness_key(w, &cosigner);
	for (unsigned round = 0; round < 6; round++) {
		request_of(&request, l, old);
		assert_int_equal(asked(w, &request, &answer), 200);
		hin_buffer_reset(&note);
		assert_int_equal(hin_ledger_head(l, &note, &head, NULL), HIN_OK);
		assert_int_equal(hin_witness_take(&note, &cosigner, answer.data, answer.used, NULL),
				 HIN_OK);
		assert_int_equal(
			hin_cosignatures(&who, &when, note.data, note.used, &cosigner, 1, NULL),
			HIN_OK);
		assert_int_equal(who, 1);
		assert_int_equal(when, NOW);
		assert_int_equal(hin_ledger_witness(l, note.data, note.used, NULL), HIN_OK);
		old = head.size;
		/* again: the same is cosigned again */
		request_of(&request, l, old);
		assert_int_equal(asked(w, &request, &answer), 200);
		more(l, 1u << (2 * round));
		if (round == 3) { /* what it has seen survives it */
			hin_witness_close(w);
			w = opened();
		}
	}
	crypto_hash_sha256(digest, (const uint8_t *)"hub.example/ledger", 18);
	sodium_bin2hex(id, sizeof(id), digest, 32);
	assert_int_equal(hin_witness_checkpoint(w, id, &kept, NULL), HIN_OK);
	assert_int_equal(
		hin_checkpoint_open(&head, kept.data, kept.used, &log_signer.verifier, NULL),
		HIN_OK);
	assert_int_equal(head.size, old);
	id[0] = id[0] == '0' ? '1' : '0';
	assert_int_equal(hin_witness_checkpoint(w, id, &kept, NULL), HIN_ENOENT);
	hin_witness_close(w);
	hin_ledger_close(l);
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
	hin_buffer_fini(&note);
	hin_buffer_fini(&kept);
}

/* Replace the first `from` in a request by `to`. */
static void edit(struct hin_buffer *request, const char *from, const char *to)
{
	struct hin_buffer out = { 0 };
	char *at = strstr(request->data, from);

	assert_non_null(at);
	hin_buffer_add(&out, request->data, (size_t)(at - request->data));
	hin_buffer_puts(&out, to);
	hin_buffer_puts(&out, at + strlen(from));
	hin_buffer_fini(request);
	*request = out;
}

static void refuses(void **state)
{
	static const struct {
		const char *name, *from, *to;
		unsigned status;
	} cases[] = {
		{ "size is not the last one", "old 5\n", "old 4\n", 409 },
		{ "size with a leading zero", "old 5\n", "old 05\n", 400 },
		{ "size with a sign", "old 5\n", "old +5\n", 400 },
		{ "no size", "old 5\n", "", 400 },
		{ "old is larger", "old 5\n", "old 500\n", 400 },
		{ "no empty line", "\n\nhub", "\nhub", 400 },
		{ "a line that is no hash", "=\n\n", "\n\n", 400 },
		{ "another log", "\n\nhub", "\n\nhab", 404 },
		{ "another size", "\n9\n", "\n8\n", 403 },
		{ "not signed", "\n\n\xe2\x80\x94 hub", "\n\n\xe2\x80\x94 hob", 403 },
	};
	struct hin_ledger *l = ledger_of(ledger_path, 5, HIN_ACT_EXPORT);
	struct hin_buffer request = { 0 }, answer = { 0 }, first = { 0 };
	struct hin_witness *w = opened();
	struct hin_witness_counters counters;
	uint64_t size = 0;
	char *at;

	(void)state;
	request_of(&first, l, 0);
	assert_int_equal(asked(w, &first, &answer), 200);
	more(l, 4);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		unsigned status;

		request_of(&request, l, 5);
		edit(&request, cases[i].from, cases[i].to);
		status = asked(w, &request, &answer);
		if (status != cases[i].status)
			fail_msg("%s: %u", cases[i].name, status);
		if (status == 409) {
			assert_int_equal(hin_witness_size(&size, answer.data, answer.used, NULL),
					 HIN_OK);
			assert_int_equal(size, 5);
		}
	}
	/* cut at every byte of its head */
	request_of(&request, l, 5);
	for (size_t cut = 0; cut < 60; cut++) {
		struct hin_buffer part = { .data = request.data, .used = cut };

		assert_int_equal(asked(w, &part, &answer), 400);
	}
	/* a hash of the proof that is wrong */
	at = strchr(request.data, '\n') + 1;
	at[3] = at[3] == 'A' ? 'B' : 'A';
	assert_int_equal(asked(w, &request, &answer), 422);
	/* more lines than any proof has */
	hin_buffer_reset(&request);
	hin_buffer_puts(&request, "old 5\n");
	for (unsigned i = 0; i < 64; i++)
		hin_buffer_puts(&request, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	hin_buffer_puts(&request, "\nhub.example/ledger\n");
	assert_int_equal(asked(w, &request, &answer), 400);
	/* an old checkpoint, when a newer one was cosigned */
	request_of(&request, l, 5);
	assert_int_equal(asked(w, &request, &answer), 200);
	assert_int_equal(asked(w, &first, &answer), 409);
	hin_witness_count(w, &counters);
	assert_int_equal(counters.cosigned, 2);
	assert_int_equal(counters.inconsistent, 1);
	assert_int_equal(counters.forged, 2);
	hin_witness_close(w);
	hin_ledger_close(l);
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
	hin_buffer_fini(&first);
}

/* The same key signs two histories: the second one is never cosigned. */
static void finds_a_fork(void **state)
{
	char other_path[160];
	struct hin_ledger *l = ledger_of(ledger_path, 300, HIN_ACT_EXPORT), *other;
	struct hin_buffer request = { 0 }, answer = { 0 };
	struct hin_witness *w = opened();

	(void)state;
	snprintf(other_path, sizeof(other_path), "%s/other", folder);
	other = ledger_of(other_path, 300, HIN_ACT_REPLAY);
	request_of(&request, l, 0);
	assert_int_equal(asked(w, &request, &answer), 200);
	request_of(&request, other, 300);
	assert_int_equal(asked(w, &request, &answer), 422);
	more(other, 100);
	request_of(&request, other, 300);
	assert_int_equal(asked(w, &request, &answer), 422);
	more(l, 100);
	request_of(&request, l, 300);
	assert_int_equal(asked(w, &request, &answer), 200);
	hin_witness_close(w);
	hin_ledger_close(l);
	hin_ledger_close(other);
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
}

static void keeps_before_it_signs(void **state)
{
	struct hin_ledger *l = ledger_of(ledger_path, 3, HIN_ACT_EXPORT);
	struct hin_buffer request = { 0 }, answer = { 0 };
	struct hin_witness *w = opened();
	char moved[200], file[256], id[HIN_WITNESS_ORIGIN];
	uint8_t digest[32];
	struct hin_error err = { 0 };

	(void)state;
	request_of(&request, l, 0);
	snprintf(moved, sizeof(moved), "%s.gone", witness_path);
	assert_int_equal(rename(witness_path, moved), 0); /* nowhere to keep it */
	assert_int_equal(asked(w, &request, &answer), 500);
	assert_null(strstr(answer.data, "\xe2\x80\x94"));
	assert_int_equal(rename(moved, witness_path), 0);
	assert_int_equal(asked(w, &request, &answer), 200);
	hin_witness_close(w);
	/* what it kept is put aside for something that it did not sign */
	crypto_hash_sha256(digest, (const uint8_t *)"hub.example/ledger", 18);
	sodium_bin2hex(id, sizeof(id), digest, 32);
	snprintf(file, sizeof(file), "%s/%s", witness_path, id);
	hin_buffer_reset(&answer);
	assert_int_equal(hin_ledger_head(l, &answer, NULL, NULL), HIN_OK);
	assert_int_equal(hin_file_replace(file, answer.data, answer.used, 0644, NULL), HIN_OK);
	w = NULL;
	assert_int_equal(
		hin_witness_open(&w, witness_path, &witness_signer, &log_signer.verifier, 1, &err),
		HIN_EVERIFY);
	hin_ledger_close(l);
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
}

static void answers_are_checked(void **state)
{
	struct hin_ledger *l = ledger_of(ledger_path, 3, HIN_ACT_EXPORT);
	struct hin_buffer note = { 0 }, line = { 0 };
	struct hin_cosigner cosigner, other;
	size_t before;
	uint64_t size;
	struct hin_note_verifier twice[2] = { log_signer.verifier, stranger.verifier };
	struct hin_witness *w = NULL;

	(void)state;
	hin_cosigner_of(&cosigner, &witness_signer);
	hin_cosigner_of(&other, &stranger);
	assert_int_equal(hin_ledger_head(l, &note, NULL, NULL), HIN_OK);
	before = note.used;
	/* of another text, of another key, and nothing at all */
	hin_cosign(&line, "other\n", 6, &witness_signer, NOW);
	assert_int_equal(hin_witness_take(&note, &cosigner, line.data, line.used, NULL),
			 HIN_EVERIFY);
	hin_buffer_reset(&line);
	hin_cosign(&line, note.data, (size_t)(strstr(note.data, "\n\n") - note.data) + 1, &stranger,
		   NOW);
	assert_int_equal(hin_witness_take(&note, &cosigner, line.data, line.used, NULL),
			 HIN_EVERIFY);
	assert_int_equal(hin_witness_take(&note, &cosigner, "", 0, NULL), HIN_EVERIFY);
	assert_int_equal(note.used, before);
	/* among lines of others it is found */
	hin_cosign(&line, note.data, (size_t)(strstr(note.data, "\n\n") - note.data) + 1,
		   &witness_signer, NOW);
	assert_int_equal(hin_witness_take(&note, &cosigner, line.data, line.used, NULL), HIN_OK);
	assert_int_equal(hin_witness_size(&size, "12\n", 3, NULL), HIN_OK);
	assert_int_equal(size, 12);
	assert_int_equal(hin_witness_size(&size, "12", 2, NULL), HIN_EFORMAT);
	assert_int_equal(hin_witness_size(&size, "-1\n", 3, NULL), HIN_EFORMAT);
	assert_int_equal(hin_witness_size(&size, "1\n2\n", 4, NULL), HIN_EFORMAT);
	assert_int_equal(hin_witness_open(&w, witness_path, &witness_signer, twice, 2, NULL),
			 HIN_EUSAGE);
	assert_int_equal(hin_witness_open(&w, witness_path, &witness_signer, twice, 0, NULL),
			 HIN_ELIMIT);
	hin_ledger_close(l);
	hin_buffer_fini(&note);
	hin_buffer_fini(&line);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(cosigns_what_grows),  TEST(refuses),
		TEST(finds_a_fork),	   TEST(keeps_before_it_signs),
		TEST(answers_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
