/* Memory that runs out in a ledger, its readers, witnesses and authorities: refused, never lost. */
#include "../failing.h"
#include "folder.h"

#include "trust/authority.h"
#include "trust/ledger_read.h"
#include "trust/proof.h"
#include "trust/witness.h"

#define ACTS 300u

static char folder[64], path[128];
static struct hin_note_signer signer, other;

/* ---- a ledger ---- */

static enum hin_code open_ledger(struct hin_ledger **out)
{
	struct hin_ledger_settings settings;

	hin_ledger_settings_default(&settings);
	settings.folder = path;
	settings.signer = &signer;
	settings.create = true;
	settings.journal_size = 1;
	return hin_ledger_open(out, &settings, NULL);
}

/* Append, publish, prove. `*acked` is how many acts were acknowledged. */
static enum hin_code live(struct hin_ledger *l, uint64_t *acked)
{
	static struct hin_act acts[ACTS];
	struct hin_buffer proof = { 0 };
	enum hin_code code;

	for (unsigned i = 0; i < ACTS; i++)
		acts[i] = (struct hin_act){ .kind = HIN_ACT_EXPORT, .when_us = i };
	code = hin_ledger_append_all(l, acts, ACTS, NULL, NULL);
	if (code == HIN_OK)
		*acked = ACTS;
	if (code == HIN_OK)
		code = hin_ledger_queue(l, &acts[0], NULL, NULL, NULL);
	if (code == HIN_OK)
		code = hin_ledger_publish(l, NULL);
	if (code == HIN_OK)
		code = hin_ledger_prove(l, 5, NULL, &proof, NULL);
	hin_buffer_fini(&proof);
	return code;
}

static enum hin_code ledger_life(void *user)
{
	static unsigned runs;
	struct hin_ledger *l = NULL;
	struct hin_ledger_counters n;
	uint64_t acked = 0;
	unsigned long at;
	enum hin_code code;

	(void)user;
	snprintf(path, sizeof(path), "%s/%u", folder, runs++);
	code = open_ledger(&l);
	if (code == HIN_OK)
		code = live(l, &acked);
	hin_ledger_close(l);
	/* whatever failed, what was acknowledged is there once memory is again */
	at = failing_at;
	failing_at = 0;
	l = NULL;
	assert_int_equal(open_ledger(&l), HIN_OK);
	hin_ledger_count(l, &n);
	assert_true(n.size >= acked);
	hin_ledger_close(l);
	failing_at = at;
	return code;
}

static void ledgers(void **state)
{
	(void)state;
	failing_each("ledger", ledger_life, NULL);
}

/* ---- who reads it ---- */

static enum hin_code count_act(void *user, uint64_t index, const struct hin_act *act,
			       struct hin_error *err)
{
	(void)index, (void)act, (void)err;
	++*(uint64_t *)user;
	return HIN_OK;
}

static enum hin_code reading(void *user)
{
	struct hin_ledger_reader reader = { .tiles = NULL };
	struct hin_authority_book *book = NULL;
	struct hin_buffer proof = { 0 };
	uint64_t seen = 0;
	enum hin_code code = hin_ledger_read_open(&reader, path, NULL, false, NULL);

	(void)user;
	if (code == HIN_OK)
		code = hin_ledger_read_acts(&reader, 0, UINT64_MAX, count_act, &seen, NULL);
	if (code == HIN_OK)
		assert_int_equal(seen, reader.head.size);
	if (code == HIN_OK)
		code = hin_ledger_read_all(&reader, NULL);
	if (code == HIN_OK)
		code = hin_proof_make(&proof, reader.tiles, 7, NULL, reader.note.data,
				      reader.note.used, &reader.head, NULL);
	if (code == HIN_OK)
		code = hin_authority_book_open(&book, path, &signer.verifier, NULL);
	if (code == HIN_OK)
		code = hin_authority_book_read(book, NULL);
	hin_authority_book_close(book);
	hin_ledger_read_close(&reader);
	hin_buffer_fini(&proof);
	return code;
}

static void readers(void **state)
{
	(void)state;
	failing_each("reader", reading, NULL);
}

/* ---- witnesses ---- */

static enum hin_code witnessing(void *user)
{
	static unsigned runs;
	char seen[160];
	struct hin_ledger_reader reader = { .tiles = NULL };
	struct hin_witness *w = NULL;
	struct hin_buffer request = { 0 }, answer = { 0 }, note = { 0 };
	struct hin_cosigner cosigner;
	const char *type;
	unsigned status = 0;
	enum hin_code code;

	(void)user;
	snprintf(seen, sizeof(seen), "%s/seen%u", folder, runs++);
	code = hin_witness_open(&w, seen, &other, &signer.verifier, 1, NULL);
	if (code == HIN_OK)
		code = hin_ledger_read_open(&reader, path, NULL, false, NULL);
	if (code == HIN_OK)
		code = hin_witness_request(&request, reader.tiles, 0, reader.note.data,
					   reader.note.used, &reader.head, NULL);
	if (code == HIN_OK)
		status = hin_witness_answer(w, &answer, &type, request.data, request.used, 1);
	if (code == HIN_OK && status != 200)
		code = status == 500 ? HIN_ENOMEM : HIN_EVERIFY;
	if (code == HIN_OK) {
		hin_witness_key(w, &cosigner);
		hin_buffer_add(&note, reader.note.data, reader.note.used);
		code = note.failed
			       ? HIN_ENOMEM
			       : hin_witness_take(&note, &cosigner, answer.data, answer.used, NULL);
	}
	hin_witness_close(w);
	hin_ledger_read_close(&reader);
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
	hin_buffer_fini(&note);
	return code;
}

static void witnesses(void **state)
{
	(void)state;
	failing_each("witness", witnessing, NULL);
}

/* ---- authorities ---- */

static enum hin_code permitting(void *user)
{
	static struct hin_authority authority;
	struct hin_signers wish = { .number = 1, .need = 1, .count = 1 }, roster;
	struct hin_buffer text = { 0 }, note = { 0 }, plan = { 0 };
	enum hin_code code;

	(void)user;
	wish.keys[0] = other.verifier;
	hin_signers_format(&text, &wish);
	code = text.failed ? HIN_ENOMEM
			   : hin_authority_sign(&note, text.data, text.used, &other, NULL);
	if (code == HIN_OK)
		code = hin_signers_open(&roster, note.data, note.used, NULL, NULL);
	hin_buffer_fini(&text);
	hin_buffer_fini(&note);
	if (code != HIN_OK)
		return code;
	authority = (struct hin_authority){ .number = "1",
					    .kind = HIN_AUTHORITY_CONSENT,
					    .until_s = 100 };
	memcpy(authority.signers, roster.digest, 32);
	hin_authority_format(&plan, &authority);
	code = plan.failed ? HIN_ENOMEM
			   : hin_authority_sign(&note, plan.data, plan.used, &other, NULL);
	if (code == HIN_OK)
		code = hin_authority_open(&authority, note.data, note.used, &roster, NULL);
	hin_buffer_fini(&plan);
	hin_buffer_fini(&note);
	return code;
}

static void authorities(void **state)
{
	(void)state;
	failing_each("authority", permitting, NULL);
}

static int begin(void **state)
{
	static const uint8_t one[32] = { 1 }, two[32] = { 2 };

	(void)state;
	folder_make(folder);
	return hin_note_signer_of(&signer, "hub.example/ledger", one, NULL) == HIN_OK &&
			       hin_note_signer_of(&other, "w.example", two, NULL) == HIN_OK
		       ? 0
		       : -1;
}

static int end(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

int main(void)
{
	/* the ledger of the first is what the others read */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ledgers),
		cmocka_unit_test(readers),
		cmocka_unit_test(witnesses),
		cmocka_unit_test(authorities),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
