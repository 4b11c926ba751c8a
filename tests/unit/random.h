/* random - numbers that are the same from the same seed. */
#pragma once
#include <stdint.h>

/* splitmix64 */
static inline uint64_t random_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint32_t random_below(uint64_t *seed, uint32_t limit)
{
	return (uint32_t)((random_next(seed) >> 32) * limit >> 32);
}

/* Above 0, up to 1. */
static inline double random_unit(uint64_t *seed)
{
	return (double)((random_next(seed) >> 11) + 1) / 9007199254740992.0;
}
