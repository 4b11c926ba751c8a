/* Requests to a witness, and answers of one. */
#include <stdio.h>
#include <stdlib.h>

#include "trust/witness.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_witness *witness;
static struct hin_note_signer signer;

static void set_up(void)
{
	static const uint8_t seed[32] = { 1 }, other[32] = { 2 };
	struct hin_note_signer log;
	char folder[] = "/dev/shm/hinomi-fuzz-XXXXXX";

	if (mkdtemp(folder) == NULL || hin_note_signer_of(&signer, "w", seed, NULL) != HIN_OK ||
	    hin_note_signer_of(&log, "hub.example/ledger", other, NULL) != HIN_OK ||
	    hin_witness_open(&witness, folder, &signer, &log.verifier, 1, NULL) != HIN_OK)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char checkpoint[] = "hub.example/ledger\n0\n"
					 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n";
	struct hin_buffer out = { 0 }, note = { 0 };
	struct hin_cosigner cosigner;
	const char *type;
	unsigned status;
	uint64_t number;

	if (witness == NULL)
		set_up();
	hin_witness_key(witness, &cosigner);
	status = hin_witness_answer(witness, &out, &type, data, size, 1);
	if (status != 200 && strstr(hin_buffer_text(&out), "\xe2\x80\x94") != NULL)
		abort();
	hin_buffer_puts(&note, checkpoint);
	if (hin_witness_take(&note, &cosigner, data, size, NULL) == HIN_OK &&
	    note.used == sizeof(checkpoint) - 1)
		abort();
	(void)!hin_witness_size(&number, data, size, NULL);
	hin_buffer_fini(&out);
	hin_buffer_fini(&note);
	return 0;
}
