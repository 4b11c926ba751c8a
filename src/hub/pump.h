/*
 * pump - brings the desk's acts to the ledger, each exactly once and in their order.
 *
 * Acts are rows of the desk, written in the transaction that does what they say. The pump appends
 * them to the ledger in groups, syncs, and then notes in each row where it stands. When a crash
 * comes between the two, the next pump finds at the ledger's end what was appended already, by
 * comparing leaves, and notes that first; so no act is there twice and none is missing.
 *
 * Ownership: the caller owns a pump and ends it with hin_pump_close(). The ledger is borrowed.
 * Threads:   a pump has a thread of its own with its own handle of the desk; wake from any thread.
 */
#pragma once
#include "hub/owners/owners.h"

#define HIN_PUMP_GROUP 4096	      /* acts of one sync */
#define HIN_PUMP_WAIT_NS 1000000000ll /* between two looks without a wake */

struct hin_ledger;
struct hin_pump;

struct hin_pump_settings {
	const char *desk;		    /* path */
	struct hin_ledger *ledger;	    /* open to append; others may append to it too */
	const char *folder;		    /* of the ledger */
	struct hin_owners_box *owners;	    /* kept fresh beside, or NULL */
	void (*owners_changed)(void *user); /* in the pump's thread; NULL is fine */
	void *user;
};

/* What a pump did so far. */
struct hin_pump_stats {
	uint64_t pumped;   /* acts brought to the ledger */
	uint64_t found;	   /* that were there already after a crash */
	uint64_t failures; /* looks that failed; the next one tries again */
	uint64_t pending;  /* rows that wait, as of the last look */
	int64_t oldest_us; /* the oldest of them; 0 = none */
};

/* Start the thread. */
HIN_MUST_USE enum hin_code hin_pump_open(struct hin_pump **out,
					 const struct hin_pump_settings *settings,
					 struct hin_error *err);

/* Look now: there are new acts. NULL is fine. */
void hin_pump_wake(struct hin_pump *pump);

/* A last look, then end the thread. NULL is fine. */
void hin_pump_close(struct hin_pump *pump);

struct hin_pump_stats hin_pump_stats(struct hin_pump *pump);

/*
 * One look without a thread: bring all pending acts of `desk` to `ledger`. For tests and for
 * programs without a running hub.
 */
HIN_MUST_USE enum hin_code hin_pump_once(struct hin_desk *desk, struct hin_ledger *ledger,
					 const char *folder, struct hin_pump_stats *stats,
					 struct hin_error *err);
