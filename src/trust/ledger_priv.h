/* ledger_priv - what the files of the ledger share, and its journal. */
#pragma once
#include <limits.h>
#include <pthread.h>

#include "base/time.h"
#include "trust/ledger.h"

/* ---- the journal: acts that are durable before they are in tiles ---- */

/*
 * A header, then batches; numbers are big-endian.
 *
 *	"hinomi journal 1", base (8), root at base (32), check (8)
 *	"hnj1", acts (4), bytes (4), index of the first (8), check (12), entries
 *
 * Checks are the first bytes of the SHA-256 of what stands before them and of the entries, which
 * are as in bundles. A torn batch at the end is cut off; any other fault is refused.
 */
#define JOURNAL_BATCH 32u /* bytes before the entries of a batch */

struct journal {
	int folder, fd;	      /* fd -1 = none */
	uint64_t base, next;  /* index of the first act, and of the one to come */
	struct hin_hash root; /* of the tree at base */
	uint64_t size;	      /* bytes */
};

/* Take the entries of one batch. */
typedef enum hin_code (*journal_fn)(void *user, struct hin_reader *entries, uint32_t count,
				    struct hin_error *err);

/* Begin a new journal at `base`, in place of the one that is there. */
HIN_MUST_USE enum hin_code journal_begin(struct journal *j, const char *path, uint64_t base,
					 const struct hin_hash *root, struct hin_error *err);

/*
 * Open the journal and read its header; the file's bytes go to `content`. HIN_ENOENT, HIN_EVERIFY.
 */
HIN_MUST_USE enum hin_code journal_open(struct journal *j, const char *path,
					struct hin_buffer *content, struct hin_error *err);

/* Give its batches to `take` and cut off a torn one. HIN_EVERIFY names what was changed. */
HIN_MUST_USE enum hin_code journal_replay(struct journal *j, const struct hin_buffer *content,
					  journal_fn take, void *user, struct hin_error *err);

/*
 * Add a batch and sync: `size` bytes, the first JOURNAL_BATCH of which are the caller's to leave
 * free, with `count` entries behind them. `*broken` is set when it is not known what the disk has;
 * on any other failure the journal is as it was.
 */
HIN_MUST_USE enum hin_code journal_add(struct journal *j, void *batch, uint32_t size,
				       uint32_t count, bool *broken, struct hin_error *err);

void journal_close(struct journal *j);

/* ---- the ledger ---- */

struct call {
	hin_ledger_fn done;
	void *user;
	uint32_t at; /* which act of the batch */
};

/* Acts that are written together. Those who wait for it hold a reference each. */
struct batch {
	struct hin_buffer bytes; /* as journal_add() wants them */
	uint32_t count;
	unsigned refs;
	struct call *calls;
	size_t call_count, call_room;
	int64_t since_ns; /* when its first act came */

	bool done; /* what follows is known then */
	enum hin_code code;
	struct hin_error err;
	uint64_t first;
};

struct hin_ledger {
	char *folder;
	int folder_fd, lock_fd;
	struct hin_note_signer signer;
	int64_t publish_ns, gather_ns;
	uint64_t journal_size;

	/* the thread's own */
	struct journal journal;
	struct hin_tile_writer *tiles;

	pthread_mutex_t reading; /* of the reader */
	struct hin_tiles *reader;

	pthread_mutex_t lock; /* of all that follows */
	pthread_cond_t work, settled, room;
	pthread_t thread;
	bool running, stop;
	struct batch *pending;
	uint64_t size; /* durable */
	enum hin_code broken;
	struct hin_error broken_err;
	struct hin_buffer note, witnessed_note;
	struct hin_checkpoint head, witnessed; /* what they say */
	uint64_t publish_asked, publish_served;
	int64_t next_publish_ns;
	enum hin_code publish_code;
	struct hin_error publish_err;
	struct hin_ledger_counters counters;
};

/* "folder/name". HIN_ELIMIT. */
HIN_MUST_USE enum hin_code ledger_path(char out[PATH_MAX], const char *folder, const char *name,
				       struct hin_error *err);

/* Start the thread. */
HIN_MUST_USE enum hin_code ledger_start(struct hin_ledger *l, struct hin_error *err);

/* Free all, when the thread does not run. */
void ledger_free(struct hin_ledger *l);
