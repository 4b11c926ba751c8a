/*
 * ssh_prime - the next prime from a number on, searched in slices.
 *
 * For keys of imitated machines alone: the search takes as long as the number makes it take, and a
 * number that passes is prime with the certainty of five strong tests, which is enough to look like
 * a key.
 *
 * Ownership: the caller owns a search and ends it with hin_ssh_prime_free().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <openssl/bn.h>

#include "base/error.h"

struct hin_ssh_prime;

/* Search from the number of `size` bytes at `from`, made odd and with its two highest bits set, for
 * a prime p with gcd(p - 1, 65537) = 1. NULL without memory. */
HIN_MUST_USE struct hin_ssh_prime *hin_ssh_prime_new(const uint8_t *from, size_t size);
void hin_ssh_prime_free(struct hin_ssh_prime *prime); /* NULL is fine */

/* Try up to `candidates` numbers. HIN_OK: it is found; HIN_EAGAIN; HIN_ENOMEM. */
HIN_MUST_USE enum hin_code hin_ssh_prime_run(struct hin_ssh_prime *prime, unsigned candidates);

/* The prime that was found; it belongs to the search. */
const BIGNUM *hin_ssh_prime_value(const struct hin_ssh_prime *prime);
