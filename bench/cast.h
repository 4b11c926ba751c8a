/*
 * cast - the special parts of a generated capture: victims, floods, amplification, known scanners,
 * infected members, bogons, and frames that are no packets.
 *
 * Each part has a share of the packets and a stretch of the time; its truth is counted under its
 * name.
 *
 * Ownership: the caller owns the struct; crowd, plan and truth must outlive it.
 * Threads:   one thread at a time.
 */
#pragma once
#include "crowd.h"

/* One packet to be, with what the truth needs to know of it. */
struct hin_scene {
	struct hin_probe probe;
	struct hin_probe quoted;
	enum hin_tool tool;
	struct hin_truth_actor *actor; /* NULL: nobody special */
	bool refused;		       /* `frame` is made, and no packet */
	enum hin_refusal why;
	uint8_t frame[HIN_WIRE_MAX];
	size_t size, length; /* captured, on the wire */
};

#define HIN_CAST_PARTS 48

struct hin_cast {
	const struct hin_plan *plan; /* borrowed, as the next two */
	struct hin_crowd *crowd;
	struct hin_truth *truth;
	uint32_t shares[HIN_CAST_PARTS]; /* running sums, of 2^32 */
	uint32_t targets[HIN_CAST_PARTS], sources[HIN_CAST_PARTS], keys[HIN_CAST_PARTS];
	struct hin_truth_actor *actors[HIN_CAST_PARTS], *leaders[64];
	uint64_t made[HIN_CAST_PARTS];
	struct hin_probe later; /* a later fragment that comes next */
	struct hin_truth_actor *later_actor;
	bool has_later;
	int64_t shares_until_ns;
};

/* Set the stage: choose addresses, enter the parts into the truth. */
void hin_cast_init(struct hin_cast *cast, const struct hin_plan *plan, struct hin_crowd *crowd,
		   struct hin_truth *truth, struct hin_dice *dice);

/* Make packet number `index`, seen at `time_ns`. The scene is valid until the next call. */
void hin_cast_make(struct hin_cast *cast, struct hin_dice *dice, uint64_t index, int64_t time_ns,
		   struct hin_scene *scene);
