/*
 * sntrup761 - a server's half of Streamlined NTRU Prime 761 (RFC 9941, NTRU Prime round 3).
 *
 * For decoys only: it answers clients that ask for sntrup761x25519-sha512 and protects nothing of
 * ours. It takes no care of timing.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/error.h"

#define HIN_SNTRUP761_PUBLIC 1158
#define HIN_SNTRUP761_CIPHERTEXT 1039
#define HIN_SNTRUP761_SECRET 32
#define HIN_SNTRUP761_RANDOM (761 * 4)

/* A secret for who has the key to `public_key`, any bytes of which are one, by random bytes. */
void hin_sntrup761_encapsulate(uint8_t ciphertext[HIN_SNTRUP761_CIPHERTEXT],
			       uint8_t secret[HIN_SNTRUP761_SECRET],
			       const uint8_t public_key[HIN_SNTRUP761_PUBLIC],
			       const uint8_t random[HIN_SNTRUP761_RANDOM]);
