/* enrol - see enrol.h */
#include "trust/enrol.h"

#include <assert.h>
#include <sodium.h>

#include "base/bytes.h"

#define ENROL "hinomi enrol 1\n"
#define RENEW "hinomi renew 1\n"
#define CERTIFICATE "hinomi certificate 1\n"
#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"
#define VARIANT sodium_base64_VARIANT_ORIGINAL

/* What is signed: the act, the CA, the code, and a digest of the request. */
#define SIGNED (sizeof(ENROL) - 1 + 32 + HIN_CODE_ID + 32)

static void signed_bytes(uint8_t out[SIGNED], const struct hin_enrol_request *r,
			 const uint8_t ca_sha256[32])
{
	struct hin_writer w = hin_writer_of(out, SIGNED);
	uint8_t digest[32];

	static_assert(sizeof(ENROL) == sizeof(RENEW), "both acts have one length");
	crypto_hash_sha256(digest, r->csr, r->csr_size);
	hin_write_bytes(&w, r->renewal ? RENEW : ENROL, sizeof(ENROL) - 1);
	hin_write_bytes(&w, ca_sha256, 32);
	hin_write_bytes(&w, r->code, HIN_CODE_ID);
	hin_write_bytes(&w, digest, sizeof(digest));
}

static void mac_of(uint8_t out[32], const struct hin_enrol_request *r, const uint8_t ca_sha256[32],
		   const uint8_t secret[HIN_CODE_SECRET])
{
	crypto_auth_hmacsha256_state state;
	uint8_t bytes[SIGNED];

	signed_bytes(bytes, r, ca_sha256);
	crypto_auth_hmacsha256_init(&state, secret, HIN_CODE_SECRET);
	crypto_auth_hmacsha256_update(&state, bytes, sizeof(bytes));
	crypto_auth_hmacsha256_update(&state, r->public_key, sizeof(r->public_key));
	crypto_auth_hmacsha256_update(&state, r->signature, sizeof(r->signature));
	crypto_auth_hmacsha256_final(&state, out);
}

bool hin_enrol_is_signed(const struct hin_enrol_request *r, const uint8_t ca_sha256[32])
{
	uint8_t bytes[SIGNED];

	signed_bytes(bytes, r, ca_sha256);
	return crypto_sign_verify_detached(r->signature, bytes, sizeof(bytes), r->public_key) == 0;
}

bool hin_enrol_knows_secret(const struct hin_enrol_request *r, const uint8_t ca_sha256[32],
			    const uint8_t secret[HIN_CODE_SECRET])
{
	uint8_t mac[32];

	mac_of(mac, r, ca_sha256, secret);
	return !r->renewal && sodium_memcmp(mac, r->mac, sizeof(mac)) == 0;
}

/* ---- requests ---- */

static void put_hex(struct hin_buffer *out, const char *name, const uint8_t *bytes, size_t size)
{
	char hex[2 * 64 + 1];

	sodium_bin2hex(hex, sizeof(hex), bytes, size);
	hin_buffer_printf(out, "%s %s\n", name, hex);
}

static enum hin_code write_request(struct hin_buffer *out, struct hin_enrol_request *r,
				   const uint8_t ca_sha256[32], const uint8_t *secret,
				   const struct hin_enrol_key *key, const void *csr,
				   size_t csr_size, struct hin_error *err)
{
	char base64[sodium_base64_ENCODED_LEN(HIN_CSR_SIZE, VARIANT)];
	uint8_t bytes[SIGNED];

	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	if (csr_size > sizeof(r->csr))
		return hin_fail(err, HIN_ELIMIT, "the certificate request has more than %d bytes",
				HIN_CSR_SIZE);
	if (csr_size > 0)
		memcpy(r->csr, csr, csr_size);
	r->csr_size = csr_size;
	memcpy(r->public_key, key->public_key, 32);
	signed_bytes(bytes, r, ca_sha256);
	crypto_sign_detached(r->signature, NULL, bytes, sizeof(bytes), key->secret);
	sodium_bin2base64(base64, sizeof(base64), r->csr, r->csr_size, VARIANT);
	hin_buffer_puts(out, r->renewal ? RENEW : ENROL);
	if (!r->renewal)
		put_hex(out, "code", r->code, sizeof(r->code));
	put_hex(out, "key", r->public_key, sizeof(r->public_key));
	hin_buffer_printf(out, "csr %s\n", base64);
	put_hex(out, "signature", r->signature, sizeof(r->signature));
	if (!r->renewal && secret != NULL) {
		mac_of(r->mac, r, ca_sha256, secret);
		put_hex(out, "mac", r->mac, sizeof(r->mac));
	}
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for a request");
	return HIN_OK;
}

enum hin_code hin_enrol_write(struct hin_buffer *out, const struct hin_join_code *code,
			      const struct hin_enrol_key *key, const void *csr, size_t csr_size,
			      struct hin_error *err)
{
	struct hin_enrol_request r = { 0 };

	memcpy(r.code, code->id, sizeof(r.code));
	return write_request(out, &r, code->ca_sha256, code->secret, key, csr, csr_size, err);
}

enum hin_code hin_enrol_write_renewal(struct hin_buffer *out, const uint8_t ca_sha256[32],
				      const struct hin_enrol_key *key, const void *csr,
				      size_t csr_size, struct hin_error *err)
{
	struct hin_enrol_request r = { .renewal = true };

	return write_request(out, &r, ca_sha256, NULL, key, csr, csr_size, err);
}

/* The value of the next line, which begins with `name` and a space; NULL when it does not. */
static const char *take_line(struct hin_reader *in, const char *name, size_t *size)
{
	const char *line = (const char *)in->pos;
	const char *newline = memchr(line, '\n', in->left);
	size_t head = strlen(name);

	if (newline == NULL || (size_t)(newline - line) <= head || memcmp(line, name, head) != 0 ||
	    line[head] != ' ')
		return NULL;
	*size = (size_t)(newline - line) - head - 1;
	hin_read_skip(in, *size + head + 2);
	return line + head + 1;
}

static bool take_hex(struct hin_reader *in, const char *name, uint8_t *out, size_t want)
{
	size_t size = 0, used = 0;
	const char *text = take_line(in, name, &size);

	return text != NULL && size == 2 * want &&
	       sodium_hex2bin(out, want, text, size, NULL, &used, NULL) == 0 && used == want;
}

static bool take_head(struct hin_reader *in, const char *head)
{
	size_t size = strlen(head);

	if (in->left < size || memcmp(in->pos, head, size) != 0)
		return false;
	hin_read_skip(in, size);
	return true;
}

enum hin_code hin_enrol_read(struct hin_enrol_request *out, const void *data, size_t size,
			     struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(data, size);
	struct hin_enrol_request r = { 0 };
	size_t base64_size = 0;
	const char *base64;

	if (size > HIN_ENROL_SIZE)
		return hin_fail(err, HIN_ELIMIT, "the request has more than %d bytes",
				HIN_ENROL_SIZE);
	r.renewal = take_head(&in, RENEW);
	if (!r.renewal && !take_head(&in, ENROL))
		return hin_fail(err, HIN_EFORMAT, "this is no request to join or renew");
	if ((!r.renewal && !take_hex(&in, "code", r.code, sizeof(r.code))) ||
	    !take_hex(&in, "key", r.public_key, sizeof(r.public_key)))
		return hin_fail(err, HIN_EFORMAT, "the request has no code or no key");
	base64 = take_line(&in, "csr", &base64_size);
	if (base64 == NULL || sodium_base642bin(r.csr, sizeof(r.csr), base64, base64_size, NULL,
						&r.csr_size, NULL, VARIANT) != 0)
		return hin_fail(err, HIN_EFORMAT, "the request has no certificate request");
	if (!take_hex(&in, "signature", r.signature, sizeof(r.signature)) ||
	    (!r.renewal && !take_hex(&in, "mac", r.mac, sizeof(r.mac))) || in.left > 0)
		return hin_fail(err, HIN_EFORMAT,
				"the request has no signature or mac, or more than belongs in it");
	*out = r;
	return HIN_OK;
}

/* ---- answers ---- */

enum hin_code hin_enrol_answer_write(struct hin_buffer *out, const char *name,
				     const struct hin_note_verifier *settings_key,
				     const char *certificate_pem, const char *ca_pem,
				     struct hin_error *err)
{
	char key[HIN_NOTE_KEY_TEXT];

	hin_buffer_printf(out, CERTIFICATE "name %s\nsettings %s\n%s%s", name,
			  hin_note_verifier_format(settings_key, key), certificate_pem, ca_pem);
	if (out->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for an answer");
	return HIN_OK;
}

/* Take one PEM certificate; only that it looks like one is checked here. */
static bool take_pem(struct hin_reader *in, struct hin_buffer *out)
{
	const char *text = (const char *)in->pos, *end;

	if (in->left < strlen(BEGIN) || memcmp(text, BEGIN, strlen(BEGIN)) != 0 ||
	    memchr(text, '\0', in->left) != NULL)
		return false;
	end = memmem(text, in->left, END, strlen(END));
	if (end == NULL)
		return false;
	hin_buffer_add(out, text, (size_t)(end - text) + strlen(END));
	hin_read_skip(in, (size_t)(end - text) + strlen(END));
	return !out->failed;
}

enum hin_code hin_enrol_answer_read(struct hin_enrol_answer *out, const void *data, size_t size,
				    struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(data, size);
	size_t name_size = 0, key_size = 0;
	const char *name = NULL, *key = NULL;
	char text[HIN_NOTE_KEY_TEXT];
	enum hin_code code;

	if (size <= HIN_ENROL_ANSWER && take_head(&in, CERTIFICATE)) {
		name = take_line(&in, "name", &name_size);
		key = take_line(&in, "settings", &key_size);
	}
	if (name == NULL || key == NULL || name_size >= sizeof(out->name) ||
	    key_size >= sizeof(text) || memchr(key, '\0', key_size) != NULL)
		return hin_fail(err, HIN_EFORMAT, "the hub's answer cannot be read");
	memcpy(text, key, key_size);
	text[key_size] = '\0';
	code = hin_note_verifier_parse(&out->settings_key, text, err);
	if (code != HIN_OK)
		return code;
	memcpy(out->name, name, name_size);
	out->name[name_size] = '\0';
	if (!take_pem(&in, &out->certificate_pem) || !take_pem(&in, &out->ca_pem) || in.left > 0)
		return hin_fail(err, HIN_EFORMAT, "the hub's answer has not two certificates");
	return HIN_OK;
}

void hin_enrol_answer_fini(struct hin_enrol_answer *answer)
{
	if (answer == NULL)
		return;
	hin_buffer_fini(&answer->certificate_pem);
	hin_buffer_fini(&answer->ca_pem);
}
