/*
 * mlkem768 - a server's half of ML-KEM-768 (FIPS 203): encapsulation.
 *
 * For decoys only, where libcrypto has none: it answers clients that ask for mlkem768x25519-sha256
 * and protects nothing of ours. It takes no care of timing.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/error.h"

#define HIN_MLKEM768_PUBLIC 1184
#define HIN_MLKEM768_CIPHERTEXT 1088
#define HIN_MLKEM768_SECRET 32

/* A secret for who has the key to `public_key`, by 32 random bytes. HIN_EFORMAT: it is no key;
 * HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_mlkem768_encapsulate(uint8_t ciphertext[HIN_MLKEM768_CIPHERTEXT],
						    uint8_t secret[HIN_MLKEM768_SECRET],
						    const uint8_t public_key[HIN_MLKEM768_PUBLIC],
						    const uint8_t random[32]);
