/*
 * loading - a long import as many short transactions, so that other writers go on beside it.
 *
 * A small import is one transaction, all or nothing. One that takes longer than a moment is
 * committed bit by bit: whoever waits for the desk has it before the next bit. The first such
 * commit writes an act that says what was begun, and a row of the desk's table `loading`, which the
 * last commit takes away. A process that ends in between leaves that row: `hinomi directory check`
 * tells of it, and the same import once more goes on, since what is there already is left as it is.
 *
 * Ownership: the caller's storage; hin_loading_end() or hin_loading_drop() ends it.
 * Threads:   one; that of the desk's handle.
 */
#pragma once
#include "hub/desk.h"

#define HIN_LOADING_BIT_NS INT64_C(40000000)  /* of one transaction */
#define HIN_LOADING_REST_NS INT64_C(15000000) /* until the next: others poll each 5 ms */

struct hin_loading_what {
	const char *kind;      /* "directory", "leases" */
	const char *source;    /* whose word it is */
	const char *name;      /* of the file */
	const uint8_t *digest; /* 32 bytes */
	int64_t account, now_us;
};

/* Called in each transaction before anything is written; its code is that of the step. */
typedef enum hin_code (*hin_loading_check_fn)(void *user, struct hin_error *err);

struct hin_loading {
	struct hin_desk *desk;
	struct hin_loading_what what;
	hin_loading_check_fn check; /* or NULL */
	void *user;
	bool dry_run;	/* each bit is rolled back */
	int64_t bit_ns; /* HIN_LOADING_BIT_NS if 0 */

	/* for the functions below only */
	bool open;	  /* a transaction is */
	int64_t id;	  /* of the row; 0 = there is none yet */
	int64_t begun_ns; /* the transaction, monotonic */
	uint64_t steps;	  /* of it */
	uint64_t done;	  /* committed */
};

/*
 * Before each thing that is written: the transaction is open afterwards. Commits and rests when the
 * bit has lasted long enough. On failure no transaction is open.
 */
HIN_MUST_USE enum hin_code hin_loading_step(struct hin_loading *l, struct hin_error *err);

/*
 * Commit the last bit, in which the caller has written what makes the import whole: its act. A
 * transaction is opened for it by hin_loading_step() when there was nothing to write.
 */
HIN_MUST_USE enum hin_code hin_loading_end(struct hin_loading *l, struct hin_error *err);

/* Roll back the bit that is open. `err` says what was wrong, and now also whether a part is in. */
void hin_loading_drop(struct hin_loading *l, struct hin_error *err);

/* An import that was begun and did not end. */
struct hin_loading_left {
	const char *kind, *source, *name;
	int64_t begun_us;
	uint64_t done; /* things that were committed */
};

typedef void (*hin_loading_fn)(void *user, const struct hin_loading_left *left);

/* Tell of each of them; one that is at work in another process is among them. */
HIN_MUST_USE enum hin_code hin_loading_each(struct hin_desk *desk, hin_loading_fn call, void *user,
					    struct hin_error *err);
