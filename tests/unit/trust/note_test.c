/* Notes, with the vectors that Go's golang.org/x/mod/sumdb/note publishes in its tests. */
#include "../test.h"

#include <sodium.h>
#include <stdio.h>

#include "trust/note.h"

#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define ENOCH "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
#define PETER_SEED "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz" /* behind its algorithm byte */
#define TEXT                                                                                       \
	"If you think cryptography is the answer to your problem,\n"                               \
	"then you don't know what your problem is.\n"
#define BY_PETER                                                                                   \
	"— PeterNeumann "                                                                        \
	"x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJ" \
	"nAM=\n"
#define BY_ENOCH                                                                                   \
	"— EnochRoot "                                                                           \
	"rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc" \
	"+QQ=\n"

static struct hin_note_verifier verifier_of(const char *text)
{
	struct hin_note_verifier v;
	struct hin_error err;

	if (hin_note_verifier_parse(&v, text, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return v;
}

static void keys_have_one_form(void **state)
{
	struct hin_note_verifier v = verifier_of(PETER);
	char text[HIN_NOTE_KEY_TEXT], whole[] = PETER;
	size_t size = strlen(whole);

	(void)state;
	assert_string_equal(v.name, "PeterNeumann");
	assert_int_equal(v.id, 0xc74f20a3);
	assert_string_equal(hin_note_verifier_format(&v, text), PETER);
	for (size_t i = 0; i <= size; i++)
		for (size_t j = i; j <= size; j++) {
			char *part;

			if (i == 0 && j == size)
				continue;
			part = (char *)hin_test_copy(whole + i, j - i + 1);
			part[j - i] = '\0';
			if (hin_note_verifier_parse(&v, part, NULL) == HIN_OK)
				fail_msg("taken: %s", part);
			free(part);
		}
	for (size_t i = 0; i < size; i++) {
		whole[i]++;
		if (hin_note_verifier_parse(&v, whole, NULL) == HIN_OK)
			fail_msg("taken: %s", whole);
		whole[i]--;
	}
	/* a key too long, and an unknown algorithm, both under the right id */
	assert_int_equal(
		hin_note_verifier_parse(&v,
					"PeterNeumann+cc469956+"
					"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
					NULL),
		HIN_EFORMAT);
	assert_int_equal(hin_note_verifier_parse(&v,
						 "PeterNeumann+173116ae+"
						 "ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
						 NULL),
			 HIN_EFORMAT);
}

static void names_are_checked(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "hub.example/settings", true },
		{ "火の見", true },
		{ "", false },
		{ "a b", false },
		{ "a+b", false },
		{ "a\nb", false },
		{ "a\xc2\xa0", false },
		{ "a\xe3\x80\x80", false },
		{ "a\xff", false },
		{ "a\xe2\x80\xa8", false },
	};
	char name[HIN_NOTE_NAME + 1];
	struct hin_note_verifier v;
	uint8_t key[32] = { 1 };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if ((hin_note_verifier_of(&v, cases[i].name, key, NULL) == HIN_OK) != cases[i].good)
			fail_msg("%s", cases[i].name);
	memset(name, 'x', sizeof(name));
	name[HIN_NOTE_NAME] = '\0';
	assert_int_equal(hin_note_verifier_of(&v, name, key, NULL), HIN_EFORMAT);
	name[HIN_NOTE_NAME - 1] = '\0';
	assert_int_equal(hin_note_verifier_of(&v, name, key, NULL), HIN_OK);
}

static void signs_as_go_does(void **state)
{
	struct hin_buffer out = { 0 };
	struct hin_note_signer signer;
	struct hin_error err;
	uint8_t key[33];
	size_t size;

	(void)state;
	assert_int_equal(sodium_base642bin(key, sizeof(key), PETER_SEED, strlen(PETER_SEED), NULL,
					   &size, NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	assert_int_equal(hin_note_signer_of(&signer, "PeterNeumann", key + 1, &err), HIN_OK);
	assert_int_equal(hin_note_sign(&out, TEXT, strlen(TEXT), &signer, 1, &err), HIN_OK);
	assert_string_equal(out.data, TEXT "\n" BY_PETER);
	hin_buffer_reset(&out);
	assert_int_equal(hin_note_sign(&out, "abc", 3, &signer, 1, &err), HIN_EFORMAT);
	assert_int_equal(hin_note_sign(&out, "", 0, &signer, 1, &err), HIN_EFORMAT);
	assert_int_equal(hin_note_sign(&out, "a\tb\n", 4, &signer, 1, &err), HIN_EFORMAT);
	assert_int_equal(hin_note_sign(&out, "\xff\n", 2, &signer, 1, &err), HIN_EFORMAT);
	assert_int_equal(hin_note_sign(&out, TEXT, strlen(TEXT), &signer, 0, &err), HIN_ELIMIT);
	assert_int_equal(out.used, 0);
	hin_note_signer_fini(&signer);
	hin_buffer_fini(&out);
}

static void opens_and_refuses(void **state)
{
	static const char misnamed[] =
		TEXT "\n— CarmenSandiego "
		     "x08go/ZJkuBS9UG/"
		     "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6Ry"
		     "yBwJnAM=\n";
	static const struct {
		const char *name, *bytes;
		unsigned keys; /* 1 = Peter's, 2 = Enoch's */
		enum hin_code want;
		uint64_t signed_by;
	} cases[] = {
		{ "one known", TEXT "\n" BY_PETER BY_ENOCH, 1, HIN_OK, 1 },
		{ "the other known", TEXT "\n" BY_PETER BY_ENOCH, 2, HIN_OK, 2 },
		{ "both known", TEXT "\n" BY_PETER BY_ENOCH, 3, HIN_OK, 3 },
		{ "none known", TEXT "\n" BY_PETER BY_ENOCH, 0, HIN_EVERIFY, 0 },
		{ "another signed", TEXT "\n" BY_ENOCH, 1, HIN_EVERIFY, 0 },
		{ "twice", TEXT "\n" BY_PETER BY_PETER, 1, HIN_OK, 1 },
		{ "a text with an empty line", "a\n\n" TEXT "\n" BY_PETER, 1, HIN_EVERIFY, 0 },
		{ "a known one too long",
		  TEXT
		  "\n— PeterNeumann "
		  "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInABCDNIuGUgYN1FFYC2pZSNXgKvqfqdng"
		  "otpRZb6KE6RyyBwJnAM=\n",
		  1, HIN_EVERIFY, 0 },
		{ "an unknown one too long",
		  TEXT
		  "\n" BY_PETER "— EnochRoot "
		  "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5nABCD2tiOHp+vAF1aGrQ5ovTG01oOTG"
		  "wnWLox33WWd1RvMc+QQ=\n",
		  1, HIN_OK, 1 },
		{ "another text", "X" TEXT "\n" BY_PETER, 1, HIN_EVERIFY, 0 },
		{ "another name", misnamed, 1, HIN_EVERIFY, 0 },
		{ "nothing", "", 1, HIN_EFORMAT, 0 },
		{ "no signature", TEXT, 1, HIN_EFORMAT, 0 },
		{ "an empty line alone", TEXT "\n", 1, HIN_EFORMAT, 0 },
		{ "control character", "\x01" TEXT "\n" BY_PETER, 1, HIN_EFORMAT, 0 },
		{ "no UTF-8", "\xff" TEXT "\n" BY_PETER, 1, HIN_EFORMAT, 0 },
		{ "a name with a space",
		  TEXT
		  "\n— Bad Name "
		  "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
		  "Zb6KE6RyyBwJnAM=\n",
		  1, HIN_EFORMAT, 0 },
		{ "a line too many", TEXT "\n" BY_PETER "Unexpected line.\n", 1, HIN_EFORMAT, 0 },
		{ "hyphens for a dash", TEXT "\n-- PeterNeumann x08go/ZJ\n", 1, HIN_EFORMAT, 0 },
		{ "no base64", TEXT "\n— PeterNeumann x08*\n", 1, HIN_EFORMAT, 0 },
		{ "an id alone", TEXT "\n— PeterNeumann x08gow==\n", 1, HIN_EFORMAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_note_verifier v[2] = { verifier_of(PETER), verifier_of(ENOCH) };
		size_t size = strlen(cases[i].bytes);
		uint8_t *in = hin_test_copy(cases[i].bytes, size);
		struct hin_note note = { 0 };
		struct hin_error err = { 0 };
		enum hin_code code;

		if (!(cases[i].keys & 1))
			v[0].id++;
		if (!(cases[i].keys & 2))
			v[1].id++;
		code = hin_note_open(&note, in, size, v, 2, &err);
		if (code != cases[i].want || note.signed_by != cases[i].signed_by)
			fail_msg("%s: %s %s", cases[i].name, hin_code_text(code), err.text);
		if (code == HIN_OK &&
		    (note.size != strlen(TEXT) || memcmp(note.text, TEXT, note.size) != 0))
			fail_msg("%s: another text", cases[i].name);
		free(in);
	}
}

/* No prefix of a note is a note; it may be cut anywhere. */
static void refuses_what_is_cut(void **state)
{
	static const char whole[] = TEXT "\n" BY_PETER BY_ENOCH;
	struct hin_note_verifier v = verifier_of(ENOCH);
	struct hin_note note;

	(void)state;
	for (size_t size = 0; size < strlen(whole); size++) {
		uint8_t *in = hin_test_copy(whole, size);

		if (hin_note_open(&note, in, size, &v, 1, NULL) == HIN_OK)
			fail_msg("opened at %zu", size);
		free(in);
	}
	assert_int_equal(hin_note_open(&note, whole, strlen(whole), &v, 1, NULL), HIN_OK);
}

static void has_limits(void **state)
{
	struct hin_note_verifier v = verifier_of(PETER);
	struct hin_buffer in = { 0 };
	struct hin_note note;
	char *large;

	(void)state;
	for (int more = 0; more < 2; more++) {
		hin_buffer_reset(&in);
		hin_buffer_puts(&in, TEXT "\n");
		for (int i = 0; i < HIN_NOTE_SIGNATURES + more; i++)
			hin_buffer_puts(&in, BY_PETER);
		assert_int_equal(hin_note_open(&note, in.data, in.used, &v, 1, NULL),
				 more ? HIN_ELIMIT : HIN_OK);
	}
	hin_buffer_fini(&in);
	large = malloc(HIN_NOTE_SIZE + 1);
	memset(large, '\n', HIN_NOTE_SIZE + 1);
	assert_int_equal(hin_note_open(&note, large, HIN_NOTE_SIZE + 1, &v, 1, NULL), HIN_ELIMIT);
	assert_int_equal(hin_note_open(&note, large, HIN_NOTE_SIZE, &v, 1, NULL), HIN_EFORMAT);
	free(large);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_one_form),  cmocka_unit_test(names_are_checked),
		cmocka_unit_test(signs_as_go_does),    cmocka_unit_test(opens_and_refuses),
		cmocka_unit_test(refuses_what_is_cut), cmocka_unit_test(has_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
