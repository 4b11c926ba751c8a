/* act - see act.h */
#include "trust/act.h"

#include <sodium.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"

#define VERSION 1

bool hin_act_is_none(const uint8_t digest[HIN_ACT_DIGEST])
{
	static const uint8_t none[HIN_ACT_DIGEST];

	return memcmp(digest, none, sizeof(none)) == 0;
}

enum hin_code hin_act_encode(uint8_t out[HIN_ACT_BYTES], const struct hin_act *act,
			     struct hin_error *err)
{
	struct hin_writer to = hin_writer_of(out, HIN_ACT_BYTES);

	if (hin_act_word(&hin_acts, act->kind) == NULL)
		return hin_fail(err, HIN_EFORMAT, "%u is no kind of act", act->kind);
	if (act->who > INT64_MAX || act->when_us < 0)
		return hin_fail(err, HIN_EFORMAT, "act %s: account or time is out of range",
				hin_act_name(act->kind));
	hin_write_be16(&to, VERSION);
	hin_write_be16(&to, act->kind);
	hin_write_be64(&to, act->who);
	hin_write_be64(&to, (uint64_t)act->when_us);
	hin_write_bytes(&to, act->authority, HIN_ACT_DIGEST);
	hin_write_bytes(&to, act->object, HIN_ACT_DIGEST);
	return HIN_OK;
}

enum hin_code hin_act_decode(struct hin_act *out, const void *data, size_t size,
			     struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(data, size);
	uint16_t version = hin_read_be16(&in);
	struct hin_act act = { .kind = hin_read_be16(&in) };
	uint64_t when_us;

	if (!in.failed && version != VERSION)
		return hin_fail(err, HIN_EUNSUPPORTED, "an act of version %u", version);
	act.who = hin_read_be64(&in);
	when_us = hin_read_be64(&in);
	hin_read_copy(&in, act.authority, HIN_ACT_DIGEST);
	hin_read_copy(&in, act.object, HIN_ACT_DIGEST);
	if (in.failed)
		return hin_fail(err, HIN_ETRUNCATED, "an act has %zu bytes, not %zu", HIN_ACT_BYTES,
				size);
	if (in.left > 0 || act.kind == 0 || act.who > INT64_MAX || when_us > INT64_MAX)
		return hin_fail(err, HIN_EFORMAT, "these %zu bytes are no act", size);
	act.when_us = (int64_t)when_us;
	*out = act;
	return HIN_OK;
}

enum hin_code hin_act_salt(uint8_t out[HIN_ACT_SALT], struct hin_error *err)
{
	if (getrandom(out, HIN_ACT_SALT, 0) != (ssize_t)HIN_ACT_SALT)
		return hin_fail(err, HIN_ESYS, "draw a salt");
	return HIN_OK;
}

void hin_act_digest(uint8_t out[HIN_ACT_DIGEST], const uint8_t salt[HIN_ACT_SALT],
		    const void *object, size_t size)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, salt, HIN_ACT_SALT);
	if (size > 0)
		crypto_hash_sha256_update(&state, object, size);
	crypto_hash_sha256_final(&state, out);
}

const struct hin_act_word *hin_act_word(const struct hin_act_words *words, uint16_t number)
{
	size_t low = 0, high = words->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (words->rows[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < words->count && words->rows[low].number == number ? &words->rows[low] : NULL;
}

const struct hin_act_word *hin_act_word_named(const struct hin_act_words *words, const char *name)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->rows[i].name, name) == 0)
			return &words->rows[i];
	return NULL;
}

const char *hin_act_name(uint16_t kind)
{
	const struct hin_act_word *word = hin_act_word(&hin_acts, kind);

	return word != NULL ? word->name : "unknown";
}
