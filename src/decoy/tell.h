/*
 * tell - what a session adds up to for the hub: rows of observations out of its events.
 *
 * What a stranger wrote stays in the recording. What travels is that something happened and how
 * often, and digests: of files, of client fingerprints, of URLs, of the script that was run, and of
 * credentials under a key of the hub (HMAC-SHA-256 of user, NUL, password), so that two sensors'
 * rows can be joined and nobody else can guess them.
 *
 * Ownership: the caller's storage; nothing is allocated.
 * Threads:   one thread at a time for each story.
 */
#pragma once
#include "decoy/wire.h"
#include "observe/observation.h"

#define HIN_STORY_TECHNIQUES 16 /* of one session; more are not told */
#define HIN_STORY_ROWS 200	/* of one session, so that no session fills a road */

struct hin_teller_of {
	uint8_t credential_key[32];
	void (*row)(void *user, const struct hin_observation *row);
	void *user;
};

/* What is remembered of a session until its end. */
struct hin_story {
	struct hin_wire_about about;
	uint64_t link;
	int64_t start_us;
	uint8_t script[32]; /* chain over its normalised commands */
	uint32_t commands, rows;
	uint16_t techniques[HIN_STORY_TECHNIQUES];
	uint32_t technique_counts[HIN_STORY_TECHNIQUES];
	uint64_t product;
	bool is_in;	 /* it logged in */
	bool is_program; /* the file of the event that comes next, as the caller found */
};

void hin_story_begin(struct hin_story *story, const struct hin_wire_about *about, uint64_t link,
		     int64_t time_us);
void hin_story_event(struct hin_story *story, const struct hin_event *event,
		     const struct hin_teller_of *to);

/* Its last rows. `evidence` is 32 bytes: the end of its recording's chain; or NULL. */
void hin_story_end(struct hin_story *story, const struct hin_wire_message *end,
		   const uint8_t *evidence, const struct hin_teller_of *to);

/* A connection that was refused: one row. */
void hin_story_refused(const struct hin_wire_message *message, const struct hin_teller_of *to);
