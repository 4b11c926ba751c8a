/*
 * evidence - the first packets of each source and target, held until it is clear whether they
 * matter.
 *
 * Each shard stages the first packets of its sources, and of its targets that are hit more than a
 * few times, in two rings of fixed size. Once a minute those of sources that turned out to scan or
 * to be under attack, and of targets that turned out to be flooded, go to the vault; the rest is
 * overwritten by newer ones. What the vault holds is found again by the event's link.
 *
 * Ownership: a stage belongs to its shard.
 * Threads:   hin_stage_add() by the shard's thread, the rest while no thread works on shards.
 */
#pragma once
#include "packet/capture.h"
#include "telescope/picture.h"
#include "telescope/vault.h"

#define HIN_STAGE_ITEMS 2048 /* packets staged a shard */

struct hin_stage {
	struct hin_staged *ring; /* NULL: no evidence is kept */
	uint32_t used;		 /* items ever put */
};

HIN_MUST_USE enum hin_code hin_stage_init(struct hin_stage *stage, struct hin_error *err);
void hin_stage_fini(struct hin_stage *stage);

/* Keep a copy of `frame` as one of the first packets of the source or target at position `at`. */
void hin_stage_add(struct hin_stage *stage, uint32_t at, uint32_t hash, uint8_t class,
		   const struct hin_frame *frame);

struct hin_telescope;

/*
 * Put what matters by now into the vault. At the end of a run, and else once a minute of the wall
 * clock, the vault is synced and what is too old goes. What cannot be kept is counted by the vault:
 * a full disk costs evidence, never the run.
 */
void hin_evidence_keep(struct hin_telescope *telescope, bool end);
