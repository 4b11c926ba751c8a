/* Authorities and rosters of signers: one text, one meaning; what is odd is refused. */
#include <stdlib.h>

#include "trust/authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_authority authority, again;

/* What is read is written byte by byte as it was: nothing can hide in it. */
static void try_authority(const uint8_t *data, size_t size)
{
	const struct hin_authority_state state = { .made = true };
	struct hin_authority_request request = { 0 };
	struct hin_buffer text = { 0 };
	struct hin_error err;

	if (hin_authority_parse(&authority, (const char *)data, size, &err) != HIN_OK)
		return;
	hin_authority_format(&text, &authority);
	if (text.used != size || memcmp(text.data, data, size) != 0 ||
	    hin_authority_parse(&again, text.data, text.used, NULL) != HIN_OK)
		abort();
	request.kind = authority.kind;
	if (hin_authority_check(&authority, &state, authority.from_s, &request, &err) == HIN_OK)
		abort(); /* nobody has signed it */
	authority.signed_by = 1;
	if (hin_authority_check(&authority, &state, authority.from_s, &request, &err) != HIN_OK ||
	    hin_authority_check(&authority, &state, authority.until_s, &request, &err) == HIN_OK ||
	    hin_authority_check(&authority, &state, authority.from_s - 1, &request, &err) == HIN_OK)
		abort();
	for (size_t i = 0; i < authority.prefix_count; i++) {
		request.prefix = &authority.prefixes[i];
		if (hin_authority_check(&authority, &state, authority.from_s, &request, NULL) !=
		    HIN_OK)
			abort();
	}
	hin_buffer_fini(&text);
}

static void try_signers(const uint8_t *data, size_t size)
{
	struct hin_signers signers;
	struct hin_buffer text = { 0 };
	struct hin_error err;

	if (hin_signers_open(&signers, data, size, NULL, &err) == HIN_OK && signers.number != 1)
		abort();
	if (hin_signers_parse(&signers, (const char *)data, size, &err) != HIN_OK)
		return;
	hin_signers_format(&text, &signers);
	if (text.used != size || memcmp(text.data, data, size) != 0)
		abort();
	hin_buffer_fini(&text);
}

static void try_revocation(const uint8_t *data, size_t size)
{
	struct hin_buffer text = { 0 };
	uint8_t digest[32];

	if (hin_revocation_parse(digest, (const char *)data, size, NULL) != HIN_OK)
		return;
	hin_revocation_format(&text, digest);
	if (text.used != size || memcmp(text.data, data, size) != 0)
		abort();
	hin_buffer_fini(&text);
}

static void try_signing(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 1 };
	struct hin_buffer note = { 0 }, twice = { 0 };
	struct hin_note_signer signer;

	if (hin_note_signer_of(&signer, "fuzz", seed, NULL) != HIN_OK)
		abort();
	if (hin_authority_sign(&note, data, size, &signer, NULL) == HIN_OK &&
	    hin_authority_sign(&twice, note.data, note.used, &signer, NULL) == HIN_OK)
		abort();
	hin_buffer_fini(&note);
	hin_buffer_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_authority(data, size);
	try_signers(data, size);
	try_revocation(data, size);
	try_signing(data, size);
	return 0;
}
