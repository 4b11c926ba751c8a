/* The format of a vault's segments: seal, find and open records. Pure functions over memory. */
#include <assert.h>
#include <sodium.h>

#include "telescope/vault_priv.h"

static_assert(VAULT_KEY == crypto_kdf_KEYBYTES, "the key derives others");
static_assert(sizeof(((struct vault_keys *)0)->seal) == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
	      "key of the seal");
static_assert(VAULT_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
static_assert(VAULT_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
static_assert(sizeof(((struct vault_keys *)0)->check) == crypto_shorthash_KEYBYTES,
	      "key of the check");
static_assert(crypto_shorthash_BYTES == 8, "check");

#define CHECK 8 /* bytes of a check */

static const uint8_t segment_magic[8] = { 'H', 'I', 'N', 'V', 'A', 'U', 'L', 'T' };
static const uint8_t record_magic[4] = { 'h', 'v', 'R', '1' };
#define VERSION 1u

void hin_vault_keys(struct vault_keys *out, const uint8_t key[VAULT_KEY])
{
	static const char context[crypto_kdf_CONTEXTBYTES] = { 'h', 'i', 'n', 'v',
							       'a', 'u', 'l', 't' };

	/* they fail on sizes only, which are constant */
	(void)crypto_kdf_derive_from_key(out->seal, sizeof(out->seal), 1, context, key);
	(void)crypto_kdf_derive_from_key(out->check, sizeof(out->check), 2, context, key);
	(void)crypto_kdf_derive_from_key(out->id, sizeof(out->id), 3, context, key);
}

static bool check_holds(const uint8_t *data, size_t size, const struct vault_keys *keys)
{
	uint8_t check[CHECK];

	crypto_shorthash(check, data, size - CHECK, keys->check);
	return sodium_memcmp(check, data + size - CHECK, CHECK) == 0;
}

void hin_vault_segment_head_write(uint8_t out[VAULT_SEGMENT_HEAD],
				  const struct vault_segment_head *head,
				  const struct vault_keys *keys)
{
	struct hin_writer w = hin_writer_of(out, VAULT_SEGMENT_HEAD);

	hin_write_bytes(&w, segment_magic, sizeof(segment_magic));
	hin_write_le32(&w, VERSION);
	hin_write_le32(&w, head->number);
	hin_write_le64(&w, (uint64_t)head->made_ns);
	hin_write_le32(&w, head->clean);
	hin_write_le32(&w, 0);
	hin_write_bytes(&w, keys->id, sizeof(keys->id));
	crypto_shorthash(out + w.used, out, w.used, keys->check);
}

enum hin_code hin_vault_segment_head_read(struct vault_segment_head *out, const uint8_t *data,
					  size_t size, const struct vault_keys *keys)
{
	struct hin_reader in = hin_reader_of(data, size);
	const uint8_t *magic = hin_read_bytes(&in, sizeof(segment_magic));
	uint32_t version = hin_read_le32(&in);

	*out = (struct vault_segment_head){ .number = hin_read_le32(&in) };
	out->made_ns = (int64_t)hin_read_le64(&in);
	out->clean = hin_read_le32(&in);
	hin_read_skip(&in, 4);
	hin_read_copy(&in, out->key_id, sizeof(out->key_id));
	hin_read_skip(&in, CHECK);
	if (in.failed || magic == NULL)
		return HIN_ETRUNCATED;
	if (memcmp(magic, segment_magic, sizeof(segment_magic)) != 0 || version != VERSION)
		return HIN_EFORMAT;
	if (memcmp(out->key_id, keys->id, sizeof(keys->id)) != 0)
		return HIN_EVERIFY;
	return check_holds(data, VAULT_SEGMENT_HEAD, keys) ? HIN_OK : HIN_EFORMAT;
}

void hin_vault_record_seal(uint8_t *out, const struct vault_record *record, const uint8_t *plain,
			   const struct vault_keys *keys)
{
	size_t span = hin_vault_record_span(record);
	size_t size = record->kind == VAULT_OBJECT ? record->bytes : 0;
	struct hin_writer w = hin_writer_of(out, span);
	uint8_t *nonce;

	hin_write_bytes(&w, record_magic, sizeof(record_magic));
	hin_write_u8(&w, record->kind);
	hin_write_u8(&w, 0);
	hin_write_le16(&w, record->packets);
	hin_write_le32(&w, record->bytes);
	hin_write_le32(&w, 0);
	hin_write_le64(&w, (uint64_t)record->time_ns);
	hin_write_le64(&w, record->event_link);
	hin_write_bytes(&w, record->digest, sizeof(record->digest));
	nonce = out + w.used;
	randombytes_buf(nonce, VAULT_NONCE);
	crypto_shorthash(nonce + VAULT_NONCE, out, VAULT_HEAD - CHECK, keys->check);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(out + VAULT_HEAD, NULL, plain, size, out,
							 VAULT_BOUND, NULL, nonce, keys->seal);
	memset(out + VAULT_HEAD + size + VAULT_TAG, 0, span - (VAULT_HEAD + size + VAULT_TAG));
}

enum hin_code hin_vault_record_read(struct vault_record *out, const uint8_t *data, size_t size,
				    const struct vault_keys *keys)
{
	struct hin_reader in = hin_reader_of(data, size);
	const uint8_t *magic = hin_read_bytes(&in, sizeof(record_magic));

	*out = (struct vault_record){ .kind = hin_read_u8(&in) };
	hin_read_skip(&in, 1);
	out->packets = hin_read_le16(&in);
	out->bytes = hin_read_le32(&in);
	hin_read_skip(&in, 4);
	out->time_ns = (int64_t)hin_read_le64(&in);
	out->event_link = hin_read_le64(&in);
	hin_read_copy(&in, out->digest, sizeof(out->digest));
	hin_read_skip(&in, VAULT_NONCE + CHECK);
	if (in.failed || magic == NULL)
		return HIN_ETRUNCATED;
	if (memcmp(magic, record_magic, sizeof(record_magic)) != 0)
		return HIN_EFORMAT;
	if ((out->kind != VAULT_OBJECT && out->kind != VAULT_LINK) ||
	    out->bytes > VAULT_OBJECT_MOST)
		return HIN_EFORMAT;
	return check_holds(data, VAULT_HEAD, keys) ? HIN_OK : HIN_EVERIFY;
}

bool hin_vault_record_open(uint8_t *plain, const struct vault_record *record, const uint8_t *data,
			   const struct vault_keys *keys)
{
	size_t size = record->kind == VAULT_OBJECT ? record->bytes : 0;

	return crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL, data + VAULT_HEAD,
							  size + VAULT_TAG, data, VAULT_BOUND,
							  data + VAULT_BOUND, keys->seal) == 0;
}

bool hin_vault_scan_next(struct vault_scan *scan, struct vault_record *out, size_t *offset,
			 const struct vault_keys *keys)
{
	/* records are aligned, so what is damaged is passed over in such steps */
	for (; scan->at < scan->size; scan->at += VAULT_ALIGN) {
		const uint8_t *at = scan->data + scan->at;
		size_t left = scan->size - scan->at;

		if (hin_vault_record_read(out, at, left, keys) != HIN_OK ||
		    hin_vault_record_span(out) > left)
			continue;
		scan->damaged += scan->at - scan->end;
		*offset = scan->at;
		scan->at += hin_vault_record_span(out);
		scan->end = scan->at;
		return true;
	}
	return false;
}
