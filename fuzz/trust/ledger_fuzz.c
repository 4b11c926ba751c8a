/* The journal of a ledger, with the checks of its batches made good, so that they are read. */
#include <sodium.h>
#include <stdlib.h>

#include "trust/ledger_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 64u
#define CHECKED 20u

/* Set the check of each batch to what it should be, as far as lengths allow. */
static void mend(uint8_t *data, size_t size)
{
	size_t at = HEAD;

	while (size - at >= JOURNAL_BATCH && memcmp(data + at, "hnj1", 4) == 0) {
		size_t bytes = (size_t)data[at + 10] << 8 | data[at + 11];
		crypto_hash_sha256_state state;
		uint8_t digest[32];

		if (data[at + 8] != 0 || data[at + 9] != 0 || size - at - JOURNAL_BATCH < bytes)
			return;
		crypto_hash_sha256_init(&state);
		crypto_hash_sha256_update(&state, data + at, CHECKED);
		crypto_hash_sha256_update(&state, data + at + JOURNAL_BATCH, bytes);
		crypto_hash_sha256_final(&state, digest);
		memcpy(data + at + CHECKED, digest, JOURNAL_BATCH - CHECKED);
		at += JOURNAL_BATCH + bytes;
	}
}

static enum hin_code take(void *user, struct hin_reader *entries, uint32_t count,
			  struct hin_error *err)
{
	size_t *total = user, size;

	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *entry = hin_bundle_next(entries, &size);

		if (entry == NULL)
			return hin_fail(err, HIN_EVERIFY, "cut");
		*total += size + entry[size > 0 ? size - 1 : 0] * 0u;
	}
	return HIN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct journal j = { .folder = -1, .fd = -1, .size = HEAD };
	struct hin_buffer content = { 0 };
	struct hin_error err;
	size_t total = 0;

	if (size < HEAD)
		return 0;
	hin_buffer_add(&content, data, size);
	mend((uint8_t *)content.data, size);
	(void)!journal_replay(&j, &content, take, &total, &err);
	if (total > size || j.size > size)
		abort();
	hin_buffer_fini(&content);
	return 0;
}
