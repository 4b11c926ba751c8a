/*
 * tell - what the telescope saw as observations, streamed to a file.
 *
 * A file that ends in .ndjson, .jsonl or .json, and standard output ("-"), get one JSON line a row;
 * any other name gets signed, chained batches (observe/batch_file.h).
 *
 * Ownership: the caller owns a teller and closes it.
 * Threads:   one thread at a time.
 */
#pragma once
#include "observe/observation.h"
#include "telescope/telescope.h"

struct hin_teller;

struct hin_teller_options {
	const char *key_path; /* the sensor's key, made if there is none; NULL = one for this run */
	uint64_t dark_addresses; /* what the batches say of the space watched */
	bool append;		 /* go on where the file ends; else it is begun anew */
	bool laboratory;	 /* tag every row: not live traffic */
};

HIN_MUST_USE enum hin_code hin_teller_open(struct hin_teller **out, const char *path,
					   const struct hin_teller_options *options,
					   struct hin_error *err);

/* Add one row. The first failure stays; hin_teller_close() reports it too. */
HIN_MUST_USE enum hin_code hin_teller_add(struct hin_teller *teller,
					  const struct hin_observation *row, struct hin_error *err);

/* Write out what is buffered: a minute is over. */
HIN_MUST_USE enum hin_code hin_teller_flush(struct hin_teller *teller, struct hin_error *err);

/* Flush, sync, close and free; NULL is fine. */
HIN_MUST_USE enum hin_code hin_teller_close(struct hin_teller *teller, struct hin_error *err);

/* Rows written so far. */
uint64_t hin_teller_rows(const struct hin_teller *teller);

/* Results as rows. Of news only what is new since the line before, under the same link. */
void hin_observe_news(struct hin_observation *out, const struct hin_news *news);
void hin_observe_flow(struct hin_observation *out, const struct hin_flow_row *row);
void hin_observe_event(struct hin_observation *out, const struct hin_event *event);
void hin_observe_victim(struct hin_observation *out, const struct hin_victim *victim);
void hin_observe_flood(struct hin_observation *out, const struct hin_flood *flood,
		       bool amplification);
void hin_observe_member(struct hin_observation *out, const struct hin_member_news *news);
/* Where no dark space is known: a member whose scan was judged, told once, when the run ends. */
void hin_observe_member_event(struct hin_observation *out, const struct hin_member *member);
void hin_observe_rising(struct hin_observation *out, const struct hin_rising *rising);
