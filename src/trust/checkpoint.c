/* checkpoint - see checkpoint.h */
#include "trust/checkpoint.h"

#include <sodium.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/number.h"
#include "trust/checkpoint_priv.h"

#define DASH "\xe2\x80\x94 " /* begins a signature line */
#define ALGORITHM 0x04	     /* cosignature/v1 with Ed25519 */
#define HASH_TEXT 44	     /* a hash in base64 */
#define KEY_SIZE 33	     /* the algorithm and an Ed25519 key */
#define COSIGNATURE 76	     /* the key's id, the time, the signature */

static void put_hash(struct hin_buffer *out, const struct hin_hash *hash)
{
	char base64[HASH_TEXT + 1];

	sodium_bin2base64(base64, sizeof(base64), hash->bytes, sizeof(hash->bytes),
			  sodium_base64_VARIANT_ORIGINAL);
	hin_buffer_puts(out, base64);
}

void hin_checkpoint_format(struct hin_buffer *out, const struct hin_checkpoint *c)
{
	hin_buffer_printf(out, "%s\n%llu\n", c->origin, (unsigned long long)c->size);
	put_hash(out, &c->root);
	hin_buffer_putc(out, '\n');
}

const char *checkpoint_next_line(struct hin_reader *in, size_t *size)
{
	const char *line = (const char *)in->pos;
	const char *newline = in->left > 0 ? memchr(line, '\n', in->left) : NULL;

	if (newline == NULL)
		return NULL;
	*size = (size_t)(newline - line);
	hin_read_skip(in, *size + 1);
	return line;
}

bool checkpoint_read_size(uint64_t *out, const char *line, size_t size)
{
	char text[24];

	if (size == 0 || size >= sizeof(text) || (line[0] == '0' && size > 1))
		return false;
	memcpy(text, line, size);
	text[size] = '\0';
	return hin_number_u64(out, "size", text, 0, HIN_TREE_LEAVES, NULL) == HIN_OK;
}

enum hin_code hin_checkpoint_parse(struct hin_checkpoint *out, const char *text, size_t size,
				   struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(text, size);
	struct hin_checkpoint c = { 0 };
	size_t n = 0, used = 0;
	const char *line = checkpoint_next_line(&in, &n);

	if (line == NULL || n == 0 || n >= sizeof(c.origin) || memchr(line, '\0', n) != NULL)
		return hin_fail(err, HIN_EFORMAT,
				"this is no checkpoint: its name is not 1-%zu "
				"bytes",
				sizeof(c.origin) - 1);
	memcpy(c.origin, line, n);
	line = checkpoint_next_line(&in, &n);
	if (line == NULL || !checkpoint_read_size(&c.size, line, n))
		return hin_fail(err, HIN_EFORMAT, "this is no checkpoint: line 2 is no size");
	line = checkpoint_next_line(&in, &n);
	if (line == NULL || n != HASH_TEXT ||
	    sodium_base642bin(c.root.bytes, sizeof(c.root.bytes), line, n, NULL, &used, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    used != sizeof(c.root.bytes))
		return hin_fail(err, HIN_EFORMAT, "this is no checkpoint: line 3 is no hash");
	while (in.left > 0) {
		line = checkpoint_next_line(&in, &n);
		if (line == NULL || n == 0)
			return hin_fail(err, HIN_EFORMAT,
					"this is no checkpoint: an empty or open line follows");
	}
	*out = c;
	return HIN_OK;
}

enum hin_code hin_checkpoint_sign(struct hin_buffer *out, uint64_t size,
				  const struct hin_hash *root, const struct hin_note_signer *signer,
				  struct hin_error *err)
{
	struct hin_checkpoint c = { .size = size, .root = *root };
	char memory[HIN_NOTE_NAME + 80];
	struct hin_buffer text = hin_buffer_over(memory, sizeof(memory));

	memcpy(c.origin, signer->verifier.name, sizeof(c.origin));
	hin_checkpoint_format(&text, &c);
	return hin_note_sign(out, text.data, text.used, signer, 1, err);
}

enum hin_code hin_checkpoint_open(struct hin_checkpoint *out, const void *note, size_t size,
				  const struct hin_note_verifier *log, struct hin_error *err)
{
	struct hin_note opened;
	struct hin_checkpoint c;
	enum hin_code code;

	if (size > HIN_CHECKPOINT_SIZE)
		return hin_fail(err, HIN_ELIMIT, "a checkpoint has more than %zu bytes",
				HIN_CHECKPOINT_SIZE);
	code = hin_note_open(&opened, note, size, log, 1, err);
	if (code == HIN_OK)
		code = hin_checkpoint_parse(&c, opened.text, opened.size, err);
	if (code != HIN_OK)
		return code;
	if (strcmp(c.origin, log->name) != 0)
		return hin_fail(err, HIN_EVERIFY, "the checkpoint is of another log, \"%.80s\"",
				c.origin);
	*out = c;
	return HIN_OK;
}

/* ---- cosignatures ---- */

static uint32_t id_of(const char *name, const uint8_t key[32])
{
	static const uint8_t between[2] = { '\n', ALGORITHM };
	crypto_hash_sha256_state state;
	uint8_t digest[32];
	struct hin_reader in = hin_reader_of(digest, sizeof(digest));

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)name, strlen(name));
	crypto_hash_sha256_update(&state, between, sizeof(between));
	crypto_hash_sha256_update(&state, key, 32);
	crypto_hash_sha256_final(&state, digest);
	return hin_read_be32(&in);
}

enum hin_code hin_cosigner_parse(struct hin_cosigner *out, const char *text, struct hin_error *err)
{
	struct hin_cosigner c = { 0 };
	enum hin_code code =
		hin_note_key_read(&c.verifier, text, ALGORITHM, "Ed25519 key of a witness", err);

	if (code != HIN_OK)
		return code;
	if (c.verifier.id != id_of(c.verifier.name, c.verifier.key))
		return hin_fail(err, HIN_EVERIFY, "witness key \"%.60s\" has another key's id",
				text);
	*out = c;
	return HIN_OK;
}

void hin_cosigner_of(struct hin_cosigner *out, const struct hin_note_signer *signer)
{
	out->verifier = signer->verifier;
	out->verifier.id = id_of(signer->verifier.name, signer->verifier.key);
}

char *hin_cosigner_format(const struct hin_cosigner *cosigner, char out[HIN_NOTE_KEY_TEXT])
{
	char base64[sodium_base64_ENCODED_LEN(KEY_SIZE, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t key[KEY_SIZE] = { ALGORITHM };

	memcpy(key + 1, cosigner->verifier.key, 32);
	sodium_bin2base64(base64, sizeof(base64), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	snprintf(out, HIN_NOTE_KEY_TEXT, "%s+%08x+%s", cosigner->verifier.name,
		 cosigner->verifier.id, base64);
	return out;
}

/* What a cosigner signs, for a text that is not too large. */
static void put_message(struct hin_buffer *out, const char *text, size_t size, uint64_t when_s)
{
	hin_buffer_printf(out, "cosignature/v1\ntime %llu\n", (unsigned long long)when_s);
	hin_buffer_add(out, text, size);
}

void hin_cosign(struct hin_buffer *out, const char *text, size_t size,
		const struct hin_note_signer *signer, int64_t now_s)
{
	char base64[sodium_base64_ENCODED_LEN(COSIGNATURE, sodium_base64_VARIANT_ORIGINAL)];
	uint8_t bytes[COSIGNATURE];
	struct hin_writer to = hin_writer_of(bytes, sizeof(bytes));
	struct hin_buffer message = { 0 };
	struct hin_cosigner cosigner;

	hin_cosigner_of(&cosigner, signer);
	hin_write_be32(&to, cosigner.verifier.id);
	hin_write_be64(&to, (uint64_t)now_s);
	put_message(&message, text, size, (uint64_t)now_s);
	if (message.failed) {
		out->failed = true;
	} else {
		crypto_sign_detached(bytes + to.used, NULL, (const uint8_t *)message.data,
				     message.used, signer->secret);
		sodium_bin2base64(base64, sizeof(base64), bytes, sizeof(bytes),
				  sodium_base64_VARIANT_ORIGINAL);
		hin_buffer_printf(out, DASH "%s %s\n", signer->verifier.name, base64);
	}
	hin_buffer_fini(&message);
}

/* Is this line a cosignature of `v`? Its bytes go to `out`. */
static bool is_of(const struct hin_note_verifier *v, const char *line, size_t size,
		  uint8_t out[COSIGNATURE])
{
	size_t name = strlen(v->name), head = sizeof(DASH) - 1, used = 0;
	struct hin_reader in = hin_reader_of(out, 4);

	return size > head + name + 1 && memcmp(line, DASH, head) == 0 &&
	       memcmp(line + head, v->name, name) == 0 && line[head + name] == ' ' &&
	       sodium_base642bin(out, COSIGNATURE, line + head + name + 1, size - head - name - 1,
				 NULL, &used, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       used == COSIGNATURE && hin_read_be32(&in) == v->id;
}

/* HIN_OK, HIN_EVERIFY or, when it cannot be known, HIN_ENOMEM. */
static enum hin_code verify(const struct hin_note_verifier *v, const uint8_t bytes[COSIGNATURE],
			    const char *text, size_t size, uint64_t *when_s)
{
	struct hin_reader in = hin_reader_of(bytes + 4, 8);
	struct hin_buffer message = { 0 };
	enum hin_code code = HIN_OK;

	*when_s = hin_read_be64(&in);
	put_message(&message, text, size, *when_s);
	if (message.failed)
		code = HIN_ENOMEM;
	else if (*when_s > INT64_MAX || *when_s == 0 ||
		 crypto_sign_verify_detached(bytes + 12, (const uint8_t *)message.data,
					     message.used, v->key) != 0)
		code = HIN_EVERIFY;
	hin_buffer_fini(&message);
	return code;
}

enum hin_code hin_cosignatures(uint64_t *out, int64_t *times_s, const void *note, size_t size,
			       const struct hin_cosigner *cosigners, size_t count,
			       struct hin_error *err)
{
	const char *text = note, *line;
	struct hin_reader in;
	size_t end = size, n = 0;

	*out = 0;
	if (size > HIN_CHECKPOINT_SIZE || count > HIN_NOTE_VERIFIERS)
		return hin_fail(err, HIN_ELIMIT, "the checkpoint is too large");
	while (end >= 2 && (text[end - 1] != '\n' || text[end - 2] != '\n'))
		end--;
	if (end < 2)
		return hin_fail(err, HIN_EFORMAT, "the checkpoint has no signature");
	in = hin_reader_of(text + end, size - end);
	while ((line = checkpoint_next_line(&in, &n)) != NULL)
		for (size_t i = 0; i < count; i++) {
			const struct hin_note_verifier *v = &cosigners[i].verifier;
			uint8_t bytes[COSIGNATURE];
			uint64_t when_s;
			enum hin_code code;

			if ((*out >> i & 1) || !is_of(v, line, n, bytes))
				continue;
			code = verify(v, bytes, text, end - 1, &when_s);
			if (code != HIN_OK)
				return hin_fail(err, code, "the cosignature of %s %s", v->name,
						code == HIN_EVERIFY
							? "does not verify"
							: "cannot be checked: no memory");
			*out |= (uint64_t)1 << i;
			if (times_s != NULL)
				times_s[i] = (int64_t)when_s;
		}
	return HIN_OK;
}
