/* ssh_prime - see ssh_prime.h */
#include "decoy/ssh/ssh_prime.h"

#include <stdlib.h>
#include <string.h>

#define SIEVE_MAX 16384 /* primes below it divide no candidate */
#define PRIMES 1900	/* there are 1,899 odd ones below */
#define WINDOW 4096	/* odd numbers that are sieved at once */

struct hin_ssh_prime {
	BIGNUM *value, *base; /* base: the first number of the window */
	BN_CTX *ctx;
	size_t next; /* in the window */
	bool sieved;
	uint8_t composite[WINDOW];
};

/* The odd primes below SIEVE_MAX; returns how many. */
static size_t small_primes(uint16_t out[PRIMES])
{
	static uint16_t primes[PRIMES];
	static size_t count;
	uint8_t composite[SIEVE_MAX] = { 0 };

	if (count == 0) {
		for (unsigned i = 3; i < SIEVE_MAX; i += 2) {
			if (composite[i])
				continue;
			primes[count++] = (uint16_t)i;
			for (unsigned j = i * i; j < SIEVE_MAX; j += 2 * i)
				composite[j] = 1;
		}
	}
	memcpy(out, primes, count * sizeof(primes[0]));
	return count;
}

struct hin_ssh_prime *hin_ssh_prime_new(const uint8_t *from, size_t size)
{
	struct hin_ssh_prime *p = calloc(1, sizeof(*p));
	int bits = (int)size * 8;

	if (p == NULL)
		return NULL;
	p->base = BN_bin2bn(from, (int)size, NULL);
	p->value = BN_new();
	p->ctx = BN_CTX_new();
	if (p->base == NULL || p->value == NULL || p->ctx == NULL ||
	    BN_set_bit(p->base, bits - 1) != 1 || BN_set_bit(p->base, bits - 2) != 1 ||
	    BN_set_bit(p->base, 0) != 1) {
		hin_ssh_prime_free(p);
		return NULL;
	}
	return p;
}

void hin_ssh_prime_free(struct hin_ssh_prime *prime)
{
	if (prime == NULL)
		return;
	BN_clear_free(prime->base);
	BN_clear_free(prime->value);
	BN_CTX_free(prime->ctx);
	free(prime);
}

/* Mark what small primes divide, and what is 1 modulo 65537. */
static bool sieve(struct hin_ssh_prime *p)
{
	uint16_t primes[PRIMES];
	size_t count = small_primes(primes);
	BN_ULONG rest = BN_mod_word(p->base, 65537);

	memset(p->composite, 0, sizeof(p->composite));
	for (size_t i = 0; i < count; i++) {
		unsigned prime = primes[i];
		BN_ULONG mod = BN_mod_word(p->base, prime);
		unsigned first;

		if (mod == (BN_ULONG)-1)
			return false;
		/* base + 2 k = 0: k = -base / 2 */
		first = mod == 0 ? 0 : prime - (unsigned)mod;
		if (first % 2 != 0)
			first += prime;
		for (size_t k = first / 2; k < WINDOW; k += prime)
			p->composite[k] = 1;
	}
	for (size_t k = 0; k < WINDOW; k++) {
		if ((rest + 2 * k) % 65537 == 1)
			p->composite[k] = 1;
	}
	p->sieved = true;
	return true;
}

/* Miller and Rabin's test with one base; -1 without memory. */
static int passes(const BIGNUM *n, BN_ULONG base, BN_MONT_CTX *mont, BN_CTX *ctx)
{
	int result = -1, shift = 1;
	BIGNUM *minus, *odd, *x;

	BN_CTX_start(ctx);
	minus = BN_CTX_get(ctx);
	odd = BN_CTX_get(ctx);
	x = BN_CTX_get(ctx);
	if (x == NULL || BN_sub(minus, n, BN_value_one()) != 1)
		goto out;
	while (!BN_is_bit_set(minus, shift))
		shift++;
	if (BN_rshift(odd, minus, shift) != 1 || BN_set_word(x, base) != 1 ||
	    BN_mod_exp_mont(x, x, odd, n, ctx, mont) != 1)
		goto out;
	result = BN_is_one(x) || BN_cmp(x, minus) == 0;
	for (int i = 1; i < shift && result == 0; i++) {
		if (BN_mod_sqr(x, x, n, ctx) != 1) {
			result = -1;
			break;
		}
		if (BN_cmp(x, minus) == 0)
			result = 1;
	}
out:
	BN_CTX_end(ctx);
	return result;
}

static int is_prime(const BIGNUM *n, BN_CTX *ctx)
{
	static const BN_ULONG bases[] = { 2, 3, 5, 7, 11 };
	BN_MONT_CTX *mont = BN_MONT_CTX_new();
	int result = -1;

	if (mont != NULL && BN_MONT_CTX_set(mont, n, ctx) == 1) {
		result = 1;
		for (size_t i = 0; i < HIN_COUNT(bases) && result == 1; i++)
			result = passes(n, bases[i], mont, ctx);
	}
	BN_MONT_CTX_free(mont);
	return result;
}

enum hin_code hin_ssh_prime_run(struct hin_ssh_prime *prime, unsigned candidates)
{
	while (candidates > 0) {
		int result;

		if (!prime->sieved && !sieve(prime))
			return HIN_ENOMEM;
		while (prime->next < WINDOW && prime->composite[prime->next])
			prime->next++;
		if (prime->next == WINDOW) {
			if (BN_add_word(prime->base, 2 * WINDOW) != 1)
				return HIN_ENOMEM;
			prime->next = 0;
			prime->sieved = false;
			continue;
		}
		if (BN_copy(prime->value, prime->base) == NULL ||
		    BN_add_word(prime->value, 2 * prime->next) != 1)
			return HIN_ENOMEM;
		result = is_prime(prime->value, prime->ctx);
		if (result < 0)
			return HIN_ENOMEM;
		if (result == 1)
			return HIN_OK; /* `next` stays: asked again, it is found again */
		prime->next++;
		candidates--;
	}
	return HIN_EAGAIN;
}

const BIGNUM *hin_ssh_prime_value(const struct hin_ssh_prime *prime)
{
	return prime->value;
}
