/* authority_signers - rosters of signers, and signing; see authority.h */
#include <sodium.h>
#include <stdlib.h>

#include "trust/authority_priv.h"

#define HEAD "hinomi signers 1"

static const uint8_t none[32];

void hin_signers_format(struct hin_buffer *out, const struct hin_signers *s)
{
	char hex[65], key[HIN_NOTE_KEY_TEXT];

	hin_buffer_printf(out, HEAD "\nnumber %llu\nprevious %s\nneed %u\n",
			  (unsigned long long)s->number,
			  memcmp(s->previous, none, 32) == 0
				  ? "-"
				  : sodium_bin2hex(hex, sizeof(hex), s->previous, 32),
			  s->need);
	for (unsigned i = 0; i < s->count; i++)
		hin_buffer_printf(out, "signer %s\n", hin_note_verifier_format(&s->keys[i], key));
}

/* The value of a line that must be called `name`, or NULL. */
static const char *value_of(struct hin_reader *in, char *line, size_t room, const char *name)
{
	size_t size = strlen(name);

	return authority_line(in, line, room) && strncmp(line, name, size) == 0 && line[size] == ' '
		       ? line + size + 1
		       : NULL;
}

/* One more key; each name and each key only once. */
static bool take_key(struct hin_signers *s, const char *text)
{
	struct hin_note_verifier *key = &s->keys[s->count];

	if (s->count == HIN_SIGNERS || !authority_key(key, text))
		return false;
	for (unsigned i = 0; i < s->count; i++)
		if (memcmp(s->keys[i].key, key->key, 32) == 0 ||
		    strcmp(s->keys[i].name, key->name) == 0)
			return false;
	s->count++;
	return true;
}

enum hin_code hin_signers_parse(struct hin_signers *out, const char *text, size_t size,
				struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(text, size);
	char line[HIN_NOTE_KEY_TEXT + 32];
	struct hin_signers s = { 0 };
	const char *value;
	uint64_t need = 0;

	if (size > HIN_AUTHORITY_SIZE)
		return hin_fail(err, HIN_ELIMIT, "a roster has more than %zu bytes",
				HIN_AUTHORITY_SIZE);
	if (!authority_line(&in, line, sizeof(line)) || strcmp(line, HEAD) != 0)
		return hin_fail(err, HIN_EFORMAT,
				"this is no roster of signers: line 1 is not \"" HEAD "\"");
	value = value_of(&in, line, sizeof(line), "number");
	if (value == NULL || !authority_u64(&s.number, value) || s.number == 0)
		return hin_fail(err, HIN_EFORMAT, "roster of signers, line 2: no good number");
	value = value_of(&in, line, sizeof(line), "previous");
	if (value == NULL || (strcmp(value, "-") == 0) != (s.number == 1) ||
	    (s.number > 1 &&
	     (!authority_hex(s.previous, value) || memcmp(s.previous, none, 32) == 0)))
		return hin_fail(err, HIN_EFORMAT,
				"roster of signers, line 3: no good previous one");
	value = value_of(&in, line, sizeof(line), "need");
	if (value == NULL || !authority_u64(&need, value) || need == 0 || need > HIN_SIGNERS)
		return hin_fail(err, HIN_EFORMAT, "roster of signers, line 4: no good need");
	s.need = (unsigned)need;
	while (in.left > 0) {
		value = value_of(&in, line, sizeof(line), "signer");
		if (value == NULL || !take_key(&s, value))
			return hin_fail(
				err, HIN_EFORMAT,
				"roster of signers, line %u: no good signer, or there twice",
				s.count + 5);
	}
	if (s.count < s.need)
		return hin_fail(err, HIN_EFORMAT, "roster of signers: %u are needed, it has %u",
				s.need, s.count);
	crypto_hash_sha256(s.digest, (const uint8_t *)text, size);
	*out = s;
	return HIN_OK;
}

/* Where the text of a note ends; 0 when it has no signatures. */
static size_t text_size(const char *data, size_t size)
{
	for (size_t i = size; i >= 2; i--)
		if (data[i - 1] == '\n' && data[i - 2] == '\n')
			return i - 1;
	return 0;
}

static unsigned count_of(uint64_t bits)
{
	return (unsigned)__builtin_popcountll(bits);
}

enum hin_code hin_signers_open(struct hin_signers *out, const void *note, size_t size,
			       const struct hin_signers *before, struct hin_error *err)
{
	const struct hin_signers *by = before;
	struct hin_signers s;
	struct hin_note opened;
	enum hin_code code;

	if (size > HIN_AUTHORITY_SIZE || text_size(note, size) == 0)
		return hin_fail(err, HIN_EFORMAT, "this is no signed roster of signers");
	code = hin_signers_parse(&s, note, text_size(note, size), err);
	if (code != HIN_OK)
		return code;
	if (before == NULL) {
		by = &s;
		if (s.number != 1)
			return hin_fail(err, HIN_EVERIFY,
					"roster %llu is not the first: those before it are needed",
					(unsigned long long)s.number);
	} else if (s.number != before->number + 1 || memcmp(s.previous, before->digest, 32) != 0) {
		return hin_fail(err, HIN_EVERIFY, "roster %llu does not follow roster %llu",
				(unsigned long long)s.number, (unsigned long long)before->number);
	}
	code = hin_note_open(&opened, note, size, by->keys, by->count, err);
	if (code == HIN_OK && count_of(opened.signed_by) < by->need)
		code = hin_fail(err, HIN_EVERIFY, "roster %llu: %u have signed, %u are needed",
				(unsigned long long)s.number, count_of(opened.signed_by), by->need);
	if (code == HIN_OK)
		*out = s;
	return code;
}

/* Is it an authority, its end or a roster that we can read? Nobody signs what is not understood. */
static enum hin_code check_text(const char *text, size_t size, struct hin_error *err)
{
	struct hin_signers signers;
	struct hin_authority *authority;
	uint8_t digest[32];
	enum hin_code code;

	if (hin_revocation_parse(digest, text, size, NULL) == HIN_OK)
		return HIN_OK;
	if (size > sizeof(HEAD) && memcmp(text, HEAD, sizeof(HEAD) - 1) == 0)
		return hin_signers_parse(&signers, text, size, err);
	authority = malloc(sizeof(*authority));
	if (authority == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for an authority");
	code = hin_authority_parse(authority, text, size, err);
	free(authority);
	return code;
}

enum hin_code hin_authority_sign(struct hin_buffer *out, const void *note, size_t size,
				 const struct hin_note_signer *signer, struct hin_error *err)
{
	const char *bytes = note;
	size_t text = text_size(bytes, size), body = text > 0 ? text : size;
	struct hin_buffer fresh = { 0 }, whole = { 0 };
	struct hin_note opened;
	enum hin_code code;

	if (size > HIN_AUTHORITY_SIZE)
		return hin_fail(err, HIN_ELIMIT, "a note has more than %zu bytes",
				HIN_AUTHORITY_SIZE);
	code = check_text(bytes, body, err);
	if (code == HIN_OK && text > 0 &&
	    hin_note_open(&opened, note, size, &signer->verifier, 1, NULL) == HIN_OK)
		code = hin_fail(err, HIN_EDENIED, "%s has signed it already",
				signer->verifier.name);
	if (code == HIN_OK)
		code = hin_note_sign(&fresh, bytes, body, signer, 1, err);
	if (code != HIN_OK)
		goto out;
	/* the signatures that are there stay before the new one */
	hin_buffer_add(&whole, text > 0 ? bytes : fresh.data, text > 0 ? size : body + 1);
	hin_buffer_add(&whole, fresh.data + body + 1, fresh.used - body - 1);
	if (!whole.failed)
		/* what stood there may be no signatures, or bad ones under our name */
		code = hin_note_open(&opened, whole.data, whole.used, &signer->verifier, 1, err);
	if (code == HIN_OK)
		hin_buffer_add(out, whole.data, whole.used);
	if (whole.failed || out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a note");
out:
	hin_buffer_fini(&fresh);
	hin_buffer_fini(&whole);
	return code;
}
