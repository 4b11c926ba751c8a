/* authority_revoke - the word of a signer that an authority ends; see authority.h */
#include <sodium.h>
#include <stdio.h>

#include "trust/authority_priv.h"

#define HEAD "hinomi revocation 1\nauthority "

void hin_revocation_format(struct hin_buffer *out, const uint8_t digest[32])
{
	char hex[65];

	hin_buffer_printf(out, HEAD "%s\n", sodium_bin2hex(hex, sizeof(hex), digest, 32));
}

enum hin_code hin_revocation_parse(uint8_t digest[32], const char *text, size_t size,
				   struct hin_error *err)
{
	char hex[65];

	if (size != sizeof(HEAD) + 64 || memcmp(text, HEAD, sizeof(HEAD) - 1) != 0 ||
	    text[size - 1] != '\n')
		return hin_fail(err, HIN_EFORMAT, "this is no revocation of an authority");
	memcpy(hex, text + sizeof(HEAD) - 1, 64);
	hex[64] = '\0';
	if (!authority_hex(digest, hex))
		return hin_fail(err, HIN_EFORMAT, "revocation, line 2: no good digest");
	return HIN_OK;
}

enum hin_code hin_revocation_open(uint8_t digest[32], uint64_t *signed_by, const void *note,
				  size_t size, const struct hin_signers *signers,
				  struct hin_error *err)
{
	struct hin_note opened;
	enum hin_code code = hin_note_open(&opened, note, size, signers->keys, signers->count, err);

	if (code == HIN_OK)
		code = hin_revocation_parse(digest, opened.text, opened.size, err);
	if (code == HIN_OK)
		*signed_by = opened.signed_by;
	return code;
}
