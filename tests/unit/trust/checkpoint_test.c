/* Checkpoints and cosignatures, against Go's sumdb/note (checkpoint_vectors.h) and against forgers.
 */
#include "../test.h"

#include "checkpoint_vectors.h"
#include "trust/checkpoint.h"

static struct hin_note_verifier log_key;
static struct hin_cosigner witness;

static int begin(void **state)
{
	(void)state;
	return hin_note_verifier_parse(&log_key, vector_log, NULL) == HIN_OK &&
			       hin_cosigner_parse(&witness, vector_witness, NULL) == HIN_OK
		       ? 0
		       : -1;
}

static void reads_what_go_signed(void **state)
{
	struct hin_checkpoint c;
	struct hin_buffer text = { 0 };
	char key[HIN_NOTE_KEY_TEXT];
	uint64_t who;
	int64_t when;

	(void)state;
	assert_int_equal(
		hin_checkpoint_open(&c, vector_note, sizeof(vector_note) - 1, &log_key, NULL),
		HIN_OK);
	assert_string_equal(c.origin, "example.com/behind-the-sofa");
	assert_int_equal(c.size, 20852163);
	hin_checkpoint_format(&text, &c);
	assert_memory_equal(text.data, vector_note, text.used);
	assert_int_equal(hin_cosignatures(&who, &when, vector_note, sizeof(vector_note) - 1,
					  &witness, 1, NULL),
			 HIN_OK);
	assert_int_equal(who, 1);
	assert_int_equal(when, VECTOR_TIME);
	assert_string_equal(hin_cosigner_format(&witness, key), vector_witness);
	hin_buffer_fini(&text);
}

/* The same seeds give the same signatures: Ed25519 leaves no choice. */
static void signs_as_go_does(void **state)
{
	uint8_t seed[32];
	struct hin_note_signer log, cosigner;
	struct hin_checkpoint c;
	struct hin_buffer note = { 0 };

	(void)state;
	memset(seed, 7, sizeof(seed));
	assert_int_equal(hin_note_signer_of(&log, "example.com/behind-the-sofa", seed, NULL),
			 HIN_OK);
	memset(seed, 9, sizeof(seed));
	assert_int_equal(hin_note_signer_of(&cosigner, "witness.example.com/w1", seed, NULL),
			 HIN_OK);
	assert_int_equal(
		hin_checkpoint_open(&c, vector_note, sizeof(vector_note) - 1, &log_key, NULL),
		HIN_OK);
	assert_int_equal(hin_checkpoint_sign(&note, c.size, &c.root, &log, NULL), HIN_OK);
	hin_cosign(&note, vector_note, (size_t)(strstr(vector_note, "\n\n") - vector_note) + 1,
		   &cosigner, VECTOR_TIME);
	assert_string_equal(note.data, vector_note);
	hin_buffer_fini(&note);
}

/* One byte at a time: nothing that was changed is taken for signed. */
static void each_changed_byte_is_found(void **state)
{
	size_t size = sizeof(vector_note) - 1,
	       text = (size_t)(strstr(vector_note, "\n\n") - vector_note) + 1;
	size_t line = (size_t)(strstr(vector_note, "\xe2\x80\x94 witness") - vector_note);

	(void)state;
	for (size_t i = 0; i < size; i++) {
		uint8_t *in = hin_test_copy(vector_note, size);
		struct hin_checkpoint c;
		uint64_t who = 0;
		enum hin_code code;

		in[i] ^= 1;
		code = hin_checkpoint_open(&c, in, size, &log_key, NULL);
		if (code == HIN_OK && i < line)
			fail_msg("byte %zu was changed and the log's signature holds", i);
		code = hin_cosignatures(&who, NULL, in, size, &witness, 1, NULL);
		if (code == HIN_OK && who != 0 && (i <= text || i > line))
			fail_msg("byte %zu was changed and the cosignature holds", i);
		free(in);
	}
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *in = hin_test_copy(vector_note, cut);
		struct hin_checkpoint c;

		if (hin_checkpoint_open(&c, in, cut, &log_key, NULL) == HIN_OK && cut < line)
			fail_msg("cut at %zu", cut);
		free(in);
	}
}

static void refuses_odd_texts(void **state)
{
#define HASH "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
	static const struct {
		const char *name, *text;
		enum hin_code want;
	} cases[] = {
		{ "as it should be", "a\n5\n" HASH "\n", HIN_OK },
		{ "an empty log", "a\n0\n" HASH "\n", HIN_OK },
		{ "more lines", "a\n5\n" HASH "\nextension\n", HIN_OK },
		{ "no name", "\n5\n" HASH "\n", HIN_EFORMAT },
		{ "no size", "a\n\n" HASH "\n", HIN_EFORMAT },
		{ "a leading zero", "a\n05\n" HASH "\n", HIN_EFORMAT },
		{ "a sign", "a\n-5\n" HASH "\n", HIN_EFORMAT },
		{ "a size that is too large", "a\n9223372036854775808\n" HASH "\n", HIN_EFORMAT },
		{ "a short hash", "a\n5\nCsUYapGGPo4dkMgI\n", HIN_EFORMAT },
		{ "a hash without its end", "a\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
		  HIN_EFORMAT },
		{ "bits that no byte has", "a\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=\n",
		  HIN_EFORMAT },
		{ "no hash", "a\n5\n", HIN_EFORMAT },
		{ "an open line", "a\n5\n" HASH, HIN_EFORMAT },
		{ "an empty line", "a\n5\n" HASH "\n\n", HIN_EFORMAT },
		{ "CRLF", "a\r\n5\r\n" HASH "\r\n", HIN_EFORMAT },
		{ "nothing", "", HIN_EFORMAT },
	};
	struct hin_checkpoint c;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *in = hin_test_copy(cases[i].text, strlen(cases[i].text));

		if (hin_checkpoint_parse(&c, (char *)in, strlen(cases[i].text), NULL) !=
		    cases[i].want)
			fail_msg("%s", cases[i].name);
		free(in);
	}
}

static void refuses_others(void **state)
{
	uint8_t seed[32] = { 1 };
	struct hin_note_signer stranger, named;
	struct hin_checkpoint c;
	struct hin_buffer note = { 0 }, many = { 0 };
	struct hin_hash root = { { 1 } };
	char text[HIN_NOTE_KEY_TEXT];

	(void)state;
	assert_int_equal(hin_note_signer_of(&stranger, log_key.name, seed, NULL), HIN_OK);
	assert_int_equal(hin_checkpoint_open(&c, vector_note, sizeof(vector_note) - 1,
					     &stranger.verifier, NULL),
			 HIN_EVERIFY);
	/* signed by the right key, for another log */
	assert_int_equal(hin_note_signer_of(&named, "other.example/log", seed, NULL), HIN_OK);
	assert_int_equal(hin_note_sign(&note, "another.example/log\n5\n" HASH "\n",
				       sizeof("another.example/log\n5\n" HASH "\n") - 1, &named, 1,
				       NULL),
			 HIN_OK);
	assert_int_equal(hin_checkpoint_open(&c, note.data, note.used, &named.verifier, NULL),
			 HIN_EVERIFY);
	/* 10,000 signature lines */
	assert_int_equal(hin_checkpoint_sign(&many, 5, &root, &named, NULL), HIN_OK);
	for (unsigned i = 0; i < 10000; i++)
		hin_buffer_puts(&many, "\xe2\x80\x94 x AAAAAAAA\n");
	assert_int_equal(hin_checkpoint_open(&c, many.data, many.used, &named.verifier, NULL),
			 HIN_ELIMIT);
	/* the key of a log is none of a witness, and the other way round */
	assert_int_equal(hin_cosigner_parse(&witness, vector_log, NULL), HIN_EFORMAT);
	assert_int_equal(hin_note_verifier_parse(&log_key, vector_witness, NULL), HIN_EFORMAT);
	strcpy(text, vector_witness);
	text[strcspn(text, "+") + 1] ^= 1;
	assert_int_not_equal(hin_cosigner_parse(&witness, text, NULL), HIN_OK);
	hin_buffer_fini(&note);
	hin_buffer_fini(&many);
}

/* A witness's line of a past moment may not be moved to another one. */
static void time_is_signed(void **state)
{
	uint8_t seed[32] = { 3 };
	struct hin_note_signer log, w;
	struct hin_cosigner cosigner;
	struct hin_buffer note = { 0 };
	struct hin_hash root = { { 1 } };
	size_t text;
	uint64_t who;
	int64_t when = 0;

	(void)state;
	assert_int_equal(hin_note_signer_of(&log, "log.example", seed, NULL), HIN_OK);
	assert_int_equal(hin_note_signer_of(&w, "w.example", seed, NULL), HIN_OK);
	hin_cosigner_of(&cosigner, &w);
	assert_int_equal(hin_checkpoint_sign(&note, 5, &root, &log, NULL), HIN_OK);
	text = (size_t)(strstr(note.data, "\n\n") - note.data) + 1;
	hin_cosign(&note, note.data, text, &w, 1000);
	hin_cosign(&note, note.data, text, &w, 2000);
	assert_int_equal(hin_cosignatures(&who, &when, note.data, note.used, &cosigner, 1, NULL),
			 HIN_OK);
	assert_int_equal(when, 1000); /* only the first of a key counts */
	hin_buffer_reset(&note);
	assert_int_equal(hin_checkpoint_sign(&note, 5, &root, &log, NULL), HIN_OK);
	hin_cosign(&note, note.data, text, &w, 0);
	assert_int_equal(hin_cosignatures(&who, &when, note.data, note.used, &cosigner, 1, NULL),
			 HIN_EVERIFY); /* without a time it says nothing */
	hin_buffer_fini(&note);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_what_go_signed, begin),
		cmocka_unit_test_setup(signs_as_go_does, begin),
		cmocka_unit_test_setup(each_changed_byte_is_found, begin),
		cmocka_unit_test_setup(refuses_odd_texts, begin),
		cmocka_unit_test_setup(refuses_others, begin),
		cmocka_unit_test_setup(time_is_signed, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
