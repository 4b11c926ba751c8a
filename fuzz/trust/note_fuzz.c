/* Signed notes and verifier keys: a text that was opened is signed and opens again. */
#include <stdlib.h>

#include "trust/note.h"

#define PETER "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define ENOCH "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_key(const uint8_t *data, size_t size)
{
	char text[HIN_NOTE_KEY_TEXT], again[HIN_NOTE_KEY_TEXT];
	struct hin_note_verifier v, same;

	if (size >= sizeof(text) || memchr(data, '\0', size) != NULL)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (hin_note_verifier_parse(&v, text, NULL) != HIN_OK)
		return;
	hin_note_verifier_format(&v, again);
	if (hin_note_verifier_parse(&same, again, NULL) != HIN_OK ||
	    memcmp(&v, &same, sizeof(v)) != 0)
		abort();
}

/* Whatever may be signed must be a note for who knows the key. */
static void try_signing(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	struct hin_buffer out = { 0 };
	struct hin_note_signer signer;
	struct hin_note note;

	if (hin_note_signer_of(&signer, "fuzz", seed, NULL) != HIN_OK)
		abort();
	if (hin_note_sign(&out, (const char *)data, size, &signer, 1, NULL) == HIN_OK &&
	    (hin_note_open(&note, out.data, out.used, &signer.verifier, 1, NULL) != HIN_OK ||
	     note.size != size || memcmp(note.text, data, size) != 0))
		abort();
	hin_buffer_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_note_verifier keys[2];
	struct hin_note note = { 0 };
	struct hin_error err;

	if (hin_note_verifier_parse(&keys[0], PETER, NULL) != HIN_OK ||
	    hin_note_verifier_parse(&keys[1], ENOCH, NULL) != HIN_OK)
		abort();
	if (hin_note_open(&note, data, size, keys, 2, &err) == HIN_OK &&
	    (note.signed_by == 0 || note.size == 0 || note.size >= size ||
	     note.text[note.size - 1] != '\n'))
		abort();
	try_key(data, size);
	try_signing(data, size);
	return 0;
}
