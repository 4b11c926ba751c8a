/* batch - signature, digest and chain of batches; see batch.h */
#include "observe/batch.h"

#include <openssl/evp.h>
#include <sodium.h>

static const uint8_t zeros[32];

void hin_batch_digest(uint8_t out[32], const void *bytes, size_t size)
{
	if (EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL) != 1)
		memset(out, 0, 32); /* no digest is all zero, so nothing will match it */
}

enum hin_code hin_batch_verify_digest(const uint8_t digest[32], const uint8_t signature[64],
				      const uint8_t public_key[HIN_KEY_PUBLIC],
				      struct hin_error *err)
{
	uint8_t message[sizeof(HIN_BATCH_CONTEXT) + 32] = HIN_BATCH_CONTEXT;

	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	memcpy(message + sizeof(HIN_BATCH_CONTEXT), digest, 32);
	if (crypto_sign_verify_detached(signature, message, sizeof(message), public_key) != 0)
		return hin_fail(err, HIN_EVERIFY, "the batch's signature is not its sensor's");
	return HIN_OK;
}

enum hin_code hin_batch_verify(const void *bytes, size_t size,
			       const uint8_t public_key[HIN_KEY_PUBLIC], struct hin_error *err)
{
	uint8_t digest[32];

	if (size < HIN_BATCH_SIGNATURE)
		return hin_fail(err, HIN_ETRUNCATED, "batch of %zu bytes has no signature", size);
	hin_batch_digest(digest, bytes, size - HIN_BATCH_SIGNATURE);
	return hin_batch_verify_digest(digest, (const uint8_t *)bytes + size - 64, public_key, err);
}

enum hin_chain hin_batch_chain(const struct hin_batch_mark *mark,
			       const struct hin_batch_header *header, const uint8_t digest[32])
{
	if (header->epoch != mark->epoch)
		return HIN_CHAIN_EPOCH;
	if (header->sequence == mark->sequence && memcmp(digest, mark->digest, 32) != 0)
		return HIN_CHAIN_FORK;
	if (header->sequence <= mark->sequence)
		return HIN_CHAIN_REPEAT;
	if (header->sequence - mark->sequence > 1)
		return HIN_CHAIN_GAP;
	if (memcmp(header->previous, mark->sequence == 0 ? zeros : mark->digest, 32) != 0)
		return HIN_CHAIN_FORK;
	return HIN_CHAIN_NEXT;
}
