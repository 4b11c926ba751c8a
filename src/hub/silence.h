/*
 * silence - did anything from a net reach the watched addresses? The answer, as it can be signed.
 *
 * It is made of the store: rows whose source is in the net, road.alive for what was watched,
 * road.loss for what the sensors lost, and the heads of batches, which show that sensors signed
 * what they sent and that no batch is missing. It says what it cannot say, too.
 *
 * Ownership: the caller owns an answer and ends it with hin_silence_fini().
 * Threads:   one thread at a time for each store.
 */
#pragma once
#include "base/lang.h"
#include "store/store.h"

#define HIN_SILENCE_ROWS 100	/* rows that are shown when it was not silent */
#define HIN_SILENCE_SENSORS 100 /* sensors that are shown; all count */

struct hin_silence_question {
	struct hin_prefix net;
	int64_t since_us, until_us; /* both given; until not after now */
	int64_t now_us;
	const char *hub; /* its name */
	/* The key of a sensor and its name, or false. */
	bool (*key)(void *user, const uint8_t id[HIN_SENSOR_ID], uint8_t public_key[HIN_KEY_PUBLIC],
		    char name[64]);
	void *user;
};

/* What one sensor's chain of one epoch shows. */
struct hin_silence_chain {
	uint8_t sensor[HIN_SENSOR_ID];
	char name[64]; /* "" when the roster has no such sensor: the hub itself */
	uint64_t epoch, first, last, batches, verified, broken;
	uint64_t dark_addresses; /* the least that it watched */
	uint64_t flows;		 /* telescope.flow rows of its sensor in the time */
	uint8_t last_digest[32];
};

struct hin_silence {
	struct hin_silence_question question;
	uint64_t rows, packets;	   /* whose source is in the net */
	uint64_t perhaps;	   /* rows whose source is a larger prefix around it */
	int64_t first_us, last_us; /* of these rows */
	struct hin_observation shown[HIN_SILENCE_ROWS];
	size_t shown_count;
	uint64_t lost; /* packets and rows that sensors say they lost */
	struct hin_store_watched watched;
	uint64_t dark_addresses; /* of the sensor with the most, the least at any time: others may
				    watch the same space */
	uint64_t quiet; /* sensors that watch, but told of no flow: of packets they may say nothing
			   at all */
	struct hin_silence_chain *chains;
	size_t chain_count, chain_room;
	uint64_t batches, verified, broken, missing;
	uint8_t evidence[32];	  /* SHA-256 over sensor, epoch, sequence, digest of each batch */
	uint64_t rolled, damaged; /* rows that cannot be looked at any more */
};

/*
 * Ask the store. HIN_EUSAGE for a time that is none; failures of the store. `out` is the caller's
 * in any case.
 */
HIN_MUST_USE enum hin_code hin_silence_ask(struct hin_silence *out, struct hin_store *store,
					   const struct hin_silence_question *question,
					   struct hin_error *err);

void hin_silence_fini(struct hin_silence *s); /* NULL is fine */

/* Was it silent, as far as can be told? */
bool hin_silence_is_silent(const struct hin_silence *s);

/* Did all that watched tell of packets, so that silence says something? */
bool hin_silence_is_told(const struct hin_silence *s);

/* Append the one sentence for people. */
void hin_silence_sentence(const struct hin_silence *s, enum hin_lang lang, struct hin_buffer *out);

/* Append the text that is signed: "key value" lines, then sentences in both languages. */
void hin_silence_text(const struct hin_silence *s, struct hin_buffer *out);

/* Append the same as one line of JSON, with sensors and rows. */
void hin_silence_json(const struct hin_silence *s, struct hin_buffer *out);
