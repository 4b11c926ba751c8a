/*
 * dice - the same chances again for the same seed, on every machine.
 *
 * SplitMix64 (Steele, Lea, Flood 2014) as generator and as hash. For generated traffic only:
 * nothing here is secret.
 *
 * Threads: one thread at a time for each struct.
 */
#pragma once
#include <math.h>
#include <stdlib.h>

#include "base/error.h"

struct hin_dice {
	uint64_t state;
};

/* A well mixed value of `x`; different for different `x`. */
static inline uint64_t hin_dice_mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static inline uint64_t hin_dice_next(struct hin_dice *dice)
{
	dice->state += 0x9e3779b97f4a7c15u;
	return hin_dice_mix(dice->state);
}

/* A number in [0, limit); `limit` is not 0. The bias of 2^-32 does not matter here. */
static inline uint32_t hin_dice_below(struct hin_dice *dice, uint32_t limit)
{
	return (uint32_t)(((hin_dice_next(dice) >> 32) * limit) >> 32);
}

/* A number in [low, high], both included. */
static inline uint32_t hin_dice_range(struct hin_dice *dice, uint32_t low, uint32_t high)
{
	return low + hin_dice_below(dice, high - low + 1);
}

/* A number in [0, 1). */
static inline double hin_dice_unit(struct hin_dice *dice)
{
	return (double)(hin_dice_next(dice) >> 11) * 0x1p-53;
}

/* A weighted choice in constant time: Walker's alias table. */
struct hin_loaded {
	uint32_t count;
	struct hin_loaded_slot {
		uint32_t keep; /* of 2^32: stay in this slot */
		uint32_t other;
	} * slots;
};

/* Load the table with `weights`; false when memory is short. End it with hin_loaded_fini(). */
static inline bool hin_loaded_init(struct hin_loaded *out, const double *weights, uint32_t count)
{
	double sum = 0;
	uint32_t small = 0, large = count, *stack = malloc(count * sizeof(*stack));
	double *scaled = malloc(count * sizeof(*scaled));

	*out = (struct hin_loaded){ .count = count, .slots = malloc(count * sizeof(*out->slots)) };
	if (stack == NULL || scaled == NULL || out->slots == NULL) {
		free(stack);
		free(scaled);
		free(out->slots);
		out->slots = NULL;
		return false;
	}
	for (uint32_t i = 0; i < count; i++)
		sum += weights[i];
	/* One array, two stacks: slots with less than their share from below, the rest from above.
	 */
	for (uint32_t i = 0; i < count; i++) {
		scaled[i] = weights[i] * count / sum;
		if (scaled[i] < 1)
			stack[small++] = i;
		else
			stack[--large] = i;
	}
	while (small > 0 && large < count) {
		uint32_t poor = stack[--small], rich = stack[large];

		out->slots[poor].keep = (uint32_t)(scaled[poor] * 0x1p32);
		out->slots[poor].other = rich;
		scaled[rich] -= 1 - scaled[poor];
		if (scaled[rich] < 1) {
			large++;
			stack[small++] = rich;
		}
	}
	while (small > 0 || large < count) { /* what rounding left over keeps its slot */
		uint32_t slot = small > 0 ? stack[--small] : stack[large++];

		out->slots[slot].keep = UINT32_MAX;
		out->slots[slot].other = slot;
	}
	free(stack);
	free(scaled);
	return true;
}

static inline void hin_loaded_fini(struct hin_loaded *loaded)
{
	free(loaded->slots);
	loaded->slots = NULL;
}

/* Throw: an index below `count`, as often as its weight says. */
static inline uint32_t hin_loaded_throw(const struct hin_loaded *loaded, struct hin_dice *dice)
{
	uint64_t throw = hin_dice_next(dice);
	uint32_t at = (uint32_t)(((throw >> 32) * loaded->count) >> 32);
	const struct hin_loaded_slot *slot = &loaded->slots[at];

	return (uint32_t) throw <= slot->keep ? at : slot->other;
}
