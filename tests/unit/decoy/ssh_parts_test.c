/* The parts of the SSH service that stand alone: MACs, key encapsulation, keys, groups. */
#include "../test.h"

#include <openssl/sha.h>

#include "decoy/ssh/mlkem768.h"
#include "decoy/ssh/sntrup761.h"
#include "decoy/ssh/ssh_exchange.h"
#include "decoy/ssh/ssh_pubkey.h"
#include "decoy/ssh/ssh_umac.h"
#include "decoy/ssh/ssh_wire.h"
#include "ssh_kit.h"

/* RFC 4418, appendix: key "abcdefghijklmnop", nonce "bcdefghi". */
static void umac_of_the_standard(void **state)
{
	static const struct {
		const char *unit;
		size_t times;
		uint8_t tag[8];
	} cases[] = {
		{ "a", 3, { 0x44, 0xB5, 0xCB, 0x54, 0x2F, 0x22, 0x01, 0x04 } },
		{ "a", 1 << 10, { 0x26, 0xBF, 0x2F, 0x5D, 0x60, 0x11, 0x8B, 0xD9 } },
		{ "a", 1 << 15, { 0x27, 0xF8, 0xEF, 0x64, 0x3B, 0x0D, 0x11, 0x8D } },
		{ "a", 1 << 20, { 0xA4, 0x47, 0x7E, 0x87, 0xE9, 0xF5, 0x58, 0x53 } },
		{ "abc", 1, { 0xD4, 0xD7, 0xB9, 0xF6, 0xBD, 0x4F, 0xBF, 0xCF } },
		{ "abc", 500, { 0xD4, 0xCF, 0x26, 0xDD, 0xEF, 0xD5, 0xC0, 0x1A } },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t unit = strlen(cases[i].unit), size = unit * cases[i].times;
		uint8_t *data = malloc(size), tag[HIN_SSH_UMAC_MAX];

		assert_non_null(data);
		for (size_t at = 0; at < size; at += unit)
			memcpy(data + at, cases[i].unit, unit);
		assert_int_equal(hin_ssh_umac((const uint8_t *)"abcdefghijklmnop",
					      0x6263646566676869, data, size, tag, 8),
				 HIN_OK);
		if (memcmp(tag, cases[i].tag, 8) != 0)
			fail_msg("\"%s\" %zu times", cases[i].unit, cases[i].times);
		free(data);
	}
}

/* Bytes by Knuth's congruences, as the program had that made the answers below. */
static uint64_t stream;

static void fill(uint8_t *out, size_t size)
{
	while (size-- > 0) {
		stream = stream * 6364136223846793005u + 1442695040888963407u;
		*out++ = (uint8_t)(stream >> 56);
	}
}

/* Made with the reference implementation of NTRU Prime, round 3 (public domain), from any public
 * key. */
static void sntrup_of_the_reference(void **state)
{
	static const uint8_t ciphertext_digest[] = {
		0x35, 0xe7, 0xff, 0x1f, 0xf6, 0x2d, 0x3f, 0x6f, 0xf3, 0x20, 0x5f,
		0x57, 0x81, 0xfe, 0x1a, 0xfb, 0xe2, 0x58, 0x5f, 0x8c, 0x65, 0x19,
		0xa1, 0x2b, 0x7d, 0xe4, 0xe6, 0xf7, 0xc0, 0x8b, 0x37, 0xd7
	};
	static const uint8_t secret_wanted[] = { 0x27, 0xf6, 0x9e, 0xa9, 0x01, 0x9c, 0x04, 0x3c,
						 0xb2, 0xc7, 0x10, 0xd1, 0x3e, 0x30, 0xc3, 0x72,
						 0xe1, 0x6d, 0x5b, 0x77, 0x2d, 0x64, 0x1e, 0x78,
						 0x7e, 0xf1, 0xfa, 0x7a, 0x54, 0xba, 0x2a, 0xc9 };
	uint8_t public_key[HIN_SNTRUP761_PUBLIC], random[HIN_SNTRUP761_RANDOM];
	uint8_t ciphertext[HIN_SNTRUP761_CIPHERTEXT], secret[HIN_SNTRUP761_SECRET], digest[64];

	(void)state;
	stream = 761;
	fill(public_key, sizeof(public_key));
	fill(random, sizeof(random));
	hin_sntrup761_encapsulate(ciphertext, secret, public_key, random);
	SHA512(ciphertext, sizeof(ciphertext), digest);
	assert_memory_equal(digest, ciphertext_digest, sizeof(ciphertext_digest));
	assert_memory_equal(secret, secret_wanted, sizeof(secret_wanted));
}

/* A key with all numbers in range; what the code gave when OpenSSL 3.5 decapsulated its
 * ciphertexts. */
static void mlkem_stays(void **state)
{
	static const uint8_t ciphertext_digest[] = {
		0x56, 0x15, 0x43, 0x35, 0xdb, 0x25, 0x71, 0x99, 0x0b, 0x2f, 0x4a,
		0x23, 0x9f, 0x85, 0x20, 0xe6, 0x4c, 0x0e, 0x63, 0xbb, 0x2e, 0x95,
		0x2b, 0xe9, 0x84, 0xd6, 0xe1, 0x2d, 0xa2, 0xa9, 0xb2, 0xd6
	};
	static const uint8_t secret_wanted[] = { 0x74, 0xbe, 0xc1, 0x3b, 0xb1, 0x23, 0x2d, 0x71,
						 0xfb, 0xe0, 0x0a, 0x50, 0x7e, 0xf5, 0x9c, 0xb2,
						 0xdb, 0x09, 0x3b, 0xb3, 0x3f, 0x8a, 0x40, 0x49,
						 0xb8, 0x82, 0x67, 0x24, 0x17, 0xa4, 0xb8, 0x5a };
	uint8_t public_key[HIN_MLKEM768_PUBLIC], random[32];
	uint8_t ciphertext[HIN_MLKEM768_CIPHERTEXT], secret[HIN_MLKEM768_SECRET], digest[64];

	(void)state;
	stream = 768;
	fill(public_key, sizeof(public_key));
	for (size_t i = 0; i < 1152; i += 3) { /* below 2048, which is in range */
		public_key[i + 1] &= 0x77;
		public_key[i + 2] &= 0x7f;
	}
	fill(random, sizeof(random));
	assert_int_equal(hin_mlkem768_encapsulate(ciphertext, secret, public_key, random), HIN_OK);
	SHA512(ciphertext, sizeof(ciphertext), digest);
	assert_memory_equal(digest, ciphertext_digest, sizeof(ciphertext_digest));
	assert_memory_equal(secret, secret_wanted, sizeof(secret_wanted));
	public_key[0] = public_key[1] = 0xff; /* out of range */
	assert_int_equal(hin_mlkem768_encapsulate(ciphertext, secret, public_key, random),
			 HIN_EFORMAT);
}

static void make(struct hin_ssh_hostkeys *keys, enum hin_ssh_hostkey_type type)
{
	enum hin_code code;

	while ((code = hin_ssh_hostkey_make(keys, type)) == HIN_EAGAIN)
		;
	assert_int_equal(code, HIN_OK);
}

/* Keys are the same at each start and for no other host, and what they sign is good. */
static void host_keys_stay(void **state)
{
	static const char *const algorithms[] = { "ssh-ed25519",
						  "ecdsa-sha2-nistp256",
						  "ecdsa-sha2-nistp384",
						  "ecdsa-sha2-nistp521",
						  "rsa-sha2-512",
						  "rsa-sha2-256",
						  "ssh-rsa" };
	struct kit_host one, two;

	(void)state;
	assert_true(kit_open(&one, "one", NULL) && kit_open(&two, "two", NULL));
	for (size_t i = 0; i < HIN_COUNT(algorithms); i++) {
		enum hin_ssh_hostkey_type type = hin_ssh_hostkey_type(algorithms[i]);
		struct hin_buffer first = { 0 }, again = { 0 }, other = { 0 }, sig = { 0 };
		struct hin_ssh_string name = { (const uint8_t *)algorithms[i],
					       strlen(algorithms[i]) };
		struct hin_ssh_hostkeys *keys = hin_ssh_hostkeys_of(&one.host, 2048);
		struct hin_ssh_string key, signature;

		make(keys, type);
		assert_int_equal(hin_ssh_hostkey_public(keys, type, &first), HIN_OK);
		hin_ssh_hostkeys_forget();
		keys = hin_ssh_hostkeys_of(&two.host, 2048);
		make(keys, type);
		assert_int_equal(hin_ssh_hostkey_public(keys, type, &other), HIN_OK);
		keys = hin_ssh_hostkeys_of(&one.host, 2048);
		make(keys, type);
		assert_int_equal(hin_ssh_hostkey_public(keys, type, &again), HIN_OK);
		assert_int_equal(first.used, again.used);
		assert_memory_equal(first.data, again.data, first.used);
		assert_true(first.used != other.used ||
			    memcmp(first.data, other.data, first.used) != 0);
		assert_int_equal(hin_ssh_hostkey_sign(keys, algorithms[i], "text", 4, &sig),
				 HIN_OK);
		key = (struct hin_ssh_string){ (const uint8_t *)first.data, first.used };
		signature = (struct hin_ssh_string){ (const uint8_t *)sig.data, sig.used };
		assert_true(hin_ssh_pubkey_is(name, key));
		assert_true(hin_ssh_pubkey_verify(name, key, signature, "text", 4));
		assert_false(hin_ssh_pubkey_verify(name, key, signature, "test", 4));
		key.size--;
		assert_false(hin_ssh_pubkey_is(name, key));
		hin_buffer_fini(&first);
		hin_buffer_fini(&again);
		hin_buffer_fini(&other);
		hin_buffer_fini(&sig);
	}
	kit_close(&one);
	kit_close(&two);
}

static void groups_are_chosen(void **state)
{
	static const struct {
		unsigned least, wanted, most;
		size_t bytes;
	} cases[] = {
		{ 2048, 2048, 8192, 256 },  { 2048, 3072, 8192, 384 }, { 2048, 3073, 8192, 512 },
		{ 2048, 8192, 8192, 1024 }, { 2048, 8192, 4096, 512 }, { 2049, 2049, 3071, 256 },
		{ 2048, 7000, 8192, 960 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_ssh_group group;
		BIGNUM *prime;

		assert_int_equal(hin_ssh_group_choose(&group, cases[i].least, cases[i].wanted,
						      cases[i].most),
				 HIN_OK);
		if (group.size != cases[i].bytes)
			fail_msg("case %zu: %zu bytes", i, group.size);
		assert_true(group.generator == 2 || group.generator == 5);
		prime = BN_bin2bn(group.prime, (int)group.size, NULL);
		assert_non_null(prime);
		assert_true(BN_is_odd(prime));
		BN_free(prime);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(umac_of_the_standard), cmocka_unit_test(sntrup_of_the_reference),
		cmocka_unit_test(mlkem_stays),		cmocka_unit_test(host_keys_stay),
		cmocka_unit_test(groups_are_chosen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
