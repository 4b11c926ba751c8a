/* Checkpoints, keys of witnesses and cosignatures. */
#include <stdlib.h>

#include "trust/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What reads as the text of a checkpoint is written in a form that reads the same. */
static void try_text(const uint8_t *data, size_t size)
{
	struct hin_checkpoint c, again;
	struct hin_buffer text = { 0 };

	if (hin_checkpoint_parse(&c, (const char *)data, size, NULL) != HIN_OK)
		return;
	hin_checkpoint_format(&text, &c);
	if (hin_checkpoint_parse(&again, text.data, text.used, NULL) != HIN_OK ||
	    strcmp(c.origin, again.origin) != 0 || c.size != again.size ||
	    !hin_hash_same(&c.root, &again.root) || text.used > size)
		abort();
	hin_buffer_fini(&text);
}

static void try_key(const uint8_t *data, size_t size)
{
	char text[HIN_NOTE_KEY_TEXT], again[HIN_NOTE_KEY_TEXT];
	struct hin_cosigner c, same;

	if (size >= sizeof(text) || memchr(data, '\0', size) != NULL)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (hin_cosigner_parse(&c, text, NULL) != HIN_OK)
		return;
	hin_cosigner_format(&c, again);
	if (hin_cosigner_parse(&same, again, NULL) != HIN_OK || memcmp(&c, &same, sizeof(c)) != 0)
		abort();
}

/* A checkpoint that we sign ourselves, with the input behind it as more signatures. */
static void try_signatures(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	struct hin_hash root = { { 2 } };
	struct hin_note_signer signer;
	struct hin_cosigner cosigner;
	struct hin_checkpoint head;
	struct hin_buffer note = { 0 };
	uint64_t who = 0;
	int64_t when = 0;
	size_t text;

	if (hin_note_signer_of(&signer, "fuzz", seed, NULL) != HIN_OK ||
	    hin_checkpoint_sign(&note, 5, &root, &signer, NULL) != HIN_OK)
		abort();
	text = (size_t)((const char *)memmem(note.data, note.used, "\n\n", 2) - note.data) + 1;
	hin_cosigner_of(&cosigner, &signer);
	if (size > 0 && (data[0] & 1))
		hin_cosign(&note, note.data, text, &signer, data[0]);
	hin_buffer_add(&note, data, size);
	if (hin_checkpoint_open(&head, note.data, note.used, &signer.verifier, NULL) == HIN_OK &&
	    head.size != 5)
		abort();
	(void)!hin_cosignatures(&who, &when, note.data, note.used, &cosigner, 1, NULL);
	hin_buffer_fini(&note);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_text(data, size);
	try_key(data, size);
	try_signatures(data, size);
	return 0;
}
