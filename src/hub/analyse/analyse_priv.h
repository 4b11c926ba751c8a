/* analyse_priv - what the files of the engine share. */
#pragma once
#include <sodium.h>

#include "base/table.h"
#include "hub/analyse/analyse.h"

#define NEWS_SENSORS 4 /* sensors of one change; of more only these are noted */

/* Who a subject is, at the time of a row. */
struct identity {
	int64_t organisation;
	char device[HIN_FINDING_DEVICE];
	int64_t lease_from_us, lease_until_us;
	uint8_t lease_confidence; /* 0 = there is no lease */
	bool episode;		  /* ends after a day unseen: an address, a port */
};

/* A subject's changes since the last commit. */
struct news {
	uint32_t subject;
	uint8_t rule, sensor_count;
	struct hin_claim claim;
	struct identity identity;
	int64_t first_us, last_us;
	int64_t when_us; /* the stream's time when the first of it was known */
	uint64_t packets, bytes, targets;
	uint32_t observations;
	uint8_t sensors[NEWS_SENSORS][16];
	bool found;		      /* there is something to write */
	bool over;		      /* and then it was over, at `over_us` */
	bool over_closes;	      /* so that nothing is left of it */
	enum hin_severity over_least; /* a finding of this severity at least */
	int64_t over_us;
};

#define CASE_SENSORS 64 /* of which it is known how many cases they opened in an hour */

/* Cases opened in the running hour: of them by which sensors. */
struct case_hour {
	int64_t hour, opened;
	unsigned sensor_count;
	struct {
		uint8_t id[16];
		int64_t opened;
	} sensors[CASE_SENSORS];
};

/* A batch that was analysed, and perhaps not stored. */
struct analysed {
	uint8_t sensor[16];
	uint64_t epoch, sequence;
	bool taken;   /* since the last sync; else it is one that will be sent again */
	bool in_desk; /* what came of it is durable there */
};

struct hin_analyse {
	struct hin_analyse_settings settings;
	struct hin_desk *desk;
	struct hin_owners_box *box;
	struct hin_owners *owners; /* the snapshot of this batch, or NULL */
	void (*changed)(void *user);
	void (*found)(void *user, const struct hin_rule *rule, int64_t finding, int64_t when_us);
	void *user;
	bool price;

	struct hin_rule_run runs[HIN_ANALYSE_RULES];
	bool on[HIN_ANALYSE_RULES];
	uint8_t wants[HIN_KIND_PRIVATE / 8]; /* a bit a kind */
	uint8_t seed[crypto_shorthash_KEYBYTES];

	struct hin_array subjects;
	struct hin_index index; /* of subjects, by key */
	struct news *news;
	uint32_t news_count;
	struct identity identity; /* of the subject that was asked for last */
	int64_t now_us;		  /* the stream's */
	int64_t latest_us;	  /* no row ends later; 0 = no bound */
	bool quiet;

	struct analysed *batches;
	size_t batch_count;
	struct hin_index batch_index;

	bool in_transaction; /* of the desk: some news were written already */
	bool failed;	     /* and that went wrong */
	struct hin_error failure;
	uint64_t written; /* findings written in it */
	struct case_hour cases;
	int64_t commit_us; /* what time it is in the transaction; 0 = the stream's */

	struct hin_analyse_counters counters;
};

static inline struct hin_subject *analyse_subject(const struct hin_analyse *an, uint32_t at)
{
	return hin_array_item(&an->subjects, at, sizeof(struct hin_subject));
}

/* Write all news into the desk's transaction, which is begun when there is none yet. */
HIN_MUST_USE enum hin_code analyse_write(struct hin_analyse *an, struct hin_error *err);

/* ---- batches (analyse_batches.c) ---- */

HIN_MUST_USE enum hin_code analyse_batches_open(struct hin_analyse *an, struct hin_error *err);
void analyse_batches_close(struct hin_analyse *an);

/* Put all of them into the desk, in its transaction. */
HIN_MUST_USE enum hin_code analyse_batches_write(struct hin_analyse *an, struct hin_error *err);

/* The desk's transaction is durable: what came of them is in it. */
void analyse_batches_written(struct hin_analyse *an);

/* Forget those taken of which nothing is in the desk: they were not analysed after all. */
void analyse_batches_undo(struct hin_analyse *an);

/* Use the newest snapshot of owners. */
void analyse_refresh_owners(struct hin_analyse *an);
