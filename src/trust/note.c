/* note - see note.h */
#include "trust/note.h"

#include <sodium.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/utf8.h"

#define DASH "\xe2\x80\x94 " /* an em dash and a space begin a signature */
#define ED25519 0x01	     /* the algorithm, before a key */
#define KEY_SIZE 33	     /* with it */
#define SIGNATURE_SIZE 68    /* a key's id and an Ed25519 signature */
#define SIGNATURE_LIMIT 8192 /* bytes of a signature of an unknown kind */

/* ---- names ---- */

/* Unicode's White_Space (PropList.txt), as Go's unicode.IsSpace() has it. */
static bool is_space(uint32_t cp)
{
	return (cp >= 0x09 && cp <= 0x0d) || cp == 0x20 || cp == 0x85 || cp == 0xa0 ||
	       cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) || cp == 0x2028 || cp == 0x2029 ||
	       cp == 0x202f || cp == 0x205f || cp == 0x3000;
}

static bool is_name(const char *name, size_t size)
{
	struct hin_reader in = hin_reader_of(name, size);

	if (size == 0)
		return false;
	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);

		if (cp == HIN_UTF8_BAD || cp == 0 || cp == '+' || is_space(cp))
			return false;
	}
	return true;
}

static bool is_text(const char *text, size_t size)
{
	struct hin_reader in = hin_reader_of(text, size);

	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);

		if (cp == HIN_UTF8_BAD || (cp < 0x20 && cp != '\n'))
			return false;
	}
	return true;
}

static uint32_t id_of(const char *name, const uint8_t key[32])
{
	crypto_hash_sha256_state state;
	uint8_t digest[32];
	const uint8_t between[2] = { '\n', ED25519 };
	struct hin_reader in = hin_reader_of(digest, sizeof(digest));

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)name, strlen(name));
	crypto_hash_sha256_update(&state, between, sizeof(between));
	crypto_hash_sha256_update(&state, key, 32);
	crypto_hash_sha256_final(&state, digest);
	return hin_read_be32(&in);
}

/* ---- keys ---- */

enum hin_code hin_note_verifier_of(struct hin_note_verifier *out, const char *name,
				   const uint8_t key[32], struct hin_error *err)
{
	size_t size = strlen(name);

	if (size >= HIN_NOTE_NAME || !is_name(name, size))
		return hin_fail(err, HIN_EFORMAT,
				"key name \"%.60s\" is not 1-%d bytes without spaces and plus",
				name, HIN_NOTE_NAME - 1);
	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	*out = (struct hin_note_verifier){ 0 };
	memcpy(out->name, name, size);
	memcpy(out->key, key, 32);
	out->id = id_of(name, key);
	return HIN_OK;
}

enum hin_code hin_note_key_read(struct hin_note_verifier *out, const char *text, uint8_t algorithm,
				const char *what, struct hin_error *err)
{
	const char *plus = strchr(text, '+'), *second = plus != NULL ? strchr(plus + 1, '+') : NULL;
	uint8_t id[4] = { 0 }, key[KEY_SIZE] = { 0 };
	struct hin_reader in = hin_reader_of(id, sizeof(id));
	char name[HIN_NOTE_NAME];
	size_t id_size = 0, key_size = 0;
	enum hin_code code;

	if (second == NULL || second - plus != 9 || (size_t)(plus - text) >= sizeof(name) ||
	    sodium_hex2bin(id, sizeof(id), plus + 1, 8, NULL, &id_size, NULL) != 0 ||
	    id_size != 4 ||
	    sodium_base642bin(key, sizeof(key), second + 1, strlen(second + 1), NULL, &key_size,
			      NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    key_size != KEY_SIZE || key[0] != algorithm)
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is no %s (name+id+base64)", text,
				what);
	memcpy(name, text, (size_t)(plus - text));
	name[plus - text] = '\0';
	code = hin_note_verifier_of(out, name, key + 1, err);
	if (code == HIN_OK)
		out->id = hin_read_be32(&in);
	return code;
}

enum hin_code hin_note_verifier_parse(struct hin_note_verifier *out, const char *text,
				      struct hin_error *err)
{
	struct hin_note_verifier said = { 0 }, v = { 0 };
	enum hin_code code = hin_note_key_read(&said, text, ED25519, "Ed25519 verifier key", err);

	if (code == HIN_OK)
		code = hin_note_verifier_of(&v, said.name, said.key, err);
	if (code != HIN_OK)
		return code;
	if (v.id != said.id)
		return hin_fail(err, HIN_EVERIFY, "verifier key \"%.60s\" has another key's id",
				text);
	*out = v;
	return HIN_OK;
}

char *hin_note_verifier_format(const struct hin_note_verifier *verifier,
			       char out[HIN_NOTE_KEY_TEXT])
{
	char base64[sodium_base64_ENCODED_LEN(KEY_SIZE, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t key[KEY_SIZE] = { ED25519 };

	memcpy(key + 1, verifier->key, 32);
	sodium_bin2base64(base64, sizeof(base64), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	snprintf(out, HIN_NOTE_KEY_TEXT, "%s+%08x+%s", verifier->name, verifier->id, base64);
	return out;
}

enum hin_code hin_note_signer_of(struct hin_note_signer *out, const char *name,
				 const uint8_t seed[32], struct hin_error *err)
{
	uint8_t key[32];
	enum hin_code code;

	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	crypto_sign_seed_keypair(key, out->secret, seed);
	code = hin_note_verifier_of(&out->verifier, name, key, err);
	if (code != HIN_OK)
		hin_note_signer_fini(out);
	return code;
}

void hin_note_signer_fini(struct hin_note_signer *signer)
{
	if (signer != NULL)
		explicit_bzero(signer, sizeof(*signer));
}

/* ---- notes ---- */

static void sign_one(struct hin_buffer *out, const char *text, size_t size,
		     const struct hin_note_signer *signer)
{
	char base64[sodium_base64_ENCODED_LEN(SIGNATURE_SIZE, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t signature[SIGNATURE_SIZE];
	struct hin_writer id = hin_writer_of(signature, 4);

	hin_write_be32(&id, signer->verifier.id);
	crypto_sign_detached(signature + 4, NULL, (const uint8_t *)text, size, signer->secret);
	sodium_bin2base64(base64, sizeof(base64), signature, sizeof(signature),
			  sodium_base64_VARIANT_ORIGINAL);
	hin_buffer_printf(out, DASH "%s %s\n", signer->verifier.name, base64);
}

enum hin_code hin_note_sign(struct hin_buffer *out, const char *text, size_t size,
			    const struct hin_note_signer *signers, size_t count,
			    struct hin_error *err)
{
	if (count == 0 || count > HIN_NOTE_SIGNATURES || size > HIN_NOTE_SIZE / 2)
		return hin_fail(err, HIN_ELIMIT, "a note has at most %zu bytes and 1-%d signatures",
				HIN_NOTE_SIZE / 2, HIN_NOTE_SIGNATURES);
	if (size == 0 || text[size - 1] != '\n' || !is_text(text, size))
		return hin_fail(err, HIN_EFORMAT,
				"a note is UTF-8 without control characters and ends with a "
				"newline");
	hin_buffer_add(out, text, size);
	hin_buffer_putc(out, '\n');
	for (size_t i = 0; i < count; i++)
		sign_one(out, text, size, &signers[i]);
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for a note of %zu bytes", size);
	return HIN_OK;
}

/* One signature line: a name, and what the base64 holds. */
struct signature {
	const char *name;
	size_t name_size;
	uint32_t id;
	uint8_t bytes[SIGNATURE_SIZE];
	bool ours; /* of the size of an Ed25519 signature */
};

/* Read the line of `size` bytes without its newline; false when it is malformed. */
static bool read_signature(struct signature *s, const char *line, size_t size)
{
	const char *space;
	size_t base64_size, used;
	uint8_t scratch[SIGNATURE_LIMIT];
	struct hin_reader in;

	if (size < sizeof(DASH) - 1 || memcmp(line, DASH, sizeof(DASH) - 1) != 0)
		return false;
	s->name = line + sizeof(DASH) - 1;
	size -= sizeof(DASH) - 1;
	space = memchr(s->name, ' ', size);
	if (space == NULL)
		return false;
	s->name_size = (size_t)(space - s->name);
	base64_size = size - s->name_size - 1;
	if (!is_name(s->name, s->name_size) ||
	    sodium_base642bin(scratch, sizeof(scratch), space + 1, base64_size, NULL, &used, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    used < 5)
		return false;
	in = hin_reader_of(scratch, used);
	s->id = hin_read_be32(&in);
	s->ours = used == SIGNATURE_SIZE;
	if (s->ours)
		memcpy(s->bytes, scratch, SIGNATURE_SIZE);
	return true;
}

/* Does one of the verifiers know this signature, and is it good? */
static enum hin_code check_signature(struct hin_note *note, const struct signature *s,
				     const struct hin_note_verifier *verifiers, size_t count,
				     struct hin_error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct hin_note_verifier *v = &verifiers[i];

		if (v->id != s->id || strlen(v->name) != s->name_size ||
		    memcmp(v->name, s->name, s->name_size) != 0)
			continue;
		if (note->signed_by & (uint64_t)1 << i)
			continue; /* only the first of a key counts */
		if (!s->ours ||
		    crypto_sign_verify_detached(s->bytes + 4, (const uint8_t *)note->text,
						note->size, v->key) != 0)
			return hin_fail(err, HIN_EVERIFY, "the signature of %s does not verify",
					v->name);
		note->signed_by |= (uint64_t)1 << i;
	}
	return HIN_OK;
}

/* Where the signatures begin: behind the last empty line. NULL when there is none. */
static const char *find_signatures(const char *data, size_t size)
{
	for (size_t i = size; i >= 2; i--)
		if (data[i - 1] == '\n' && data[i - 2] == '\n')
			return data + i;
	return NULL;
}

enum hin_code hin_note_open(struct hin_note *out, const void *data, size_t size,
			    const struct hin_note_verifier *verifiers, size_t count,
			    struct hin_error *err)
{
	const char *bytes = data, *at, *end = bytes + size;
	struct hin_note note = { .text = bytes };
	enum hin_code code;
	size_t lines = 0;

	if (size > HIN_NOTE_SIZE || count > HIN_NOTE_VERIFIERS)
		return hin_fail(err, HIN_ELIMIT, "the note has more than %zu bytes", HIN_NOTE_SIZE);
	if (size == 0 || end[-1] != '\n' || !is_text(bytes, size))
		return hin_fail(err, HIN_EFORMAT, "this is no signed note: no text lines");
	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	at = find_signatures(bytes, size);
	if (at == NULL || at == end)
		return hin_fail(err, HIN_EFORMAT, "the note has no signature");
	note.size = (size_t)(at - bytes) - 1;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct signature s;

		if (++lines > HIN_NOTE_SIGNATURES)
			return hin_fail(err, HIN_ELIMIT, "the note has more than %d signatures",
					HIN_NOTE_SIGNATURES);
		if (!read_signature(&s, at, (size_t)(newline - at)))
			return hin_fail(err, HIN_EFORMAT, "signature %zu of the note is malformed",
					lines);
		code = check_signature(&note, &s, verifiers, count, err);
		if (code != HIN_OK)
			return code;
		at = newline + 1;
	}
	if (note.signed_by == 0)
		return hin_fail(err, HIN_EVERIFY, "the note is not signed by a key that is known");
	*out = note;
	return HIN_OK;
}
