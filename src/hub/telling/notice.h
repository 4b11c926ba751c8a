/*
 * notice - what an owner is told about a trouble, and what became of it.
 *
 * A notice is about one trouble (kind of finding, and device or address) and goes to one contact of
 * the organisation that answers for it. It begins queued, goes out when its time has come, stays
 * open until the trouble is no longer seen for a set watched time, then closes itself and says so;
 * when the trouble comes back it opens again. Whom nobody is known for is in the queue no_owner.
 *
 *	(finding)  -> no_owner | held | queued -> sent -> fixed -> sent (it came back) -> ...
 *	                                  queued -> failed | bounced;   any -> withdrawn
 *
 * Each notice has a code, 4-4-4 letters and digits with one to check, by which anyone asks whether
 * it is real. Its making is an act of the ledger whose object is its text, byte by byte; text and
 *proof go out with it, and `hinomi-verify notice TEXT PROOF` checks them offline.
 *
 * What goes out is a letter: one message to one contact about one or, as a digest, several notices.
 * Its bytes are made once and kept, so that what is previewed is what is sent.
 *
 * Ownership: the desk is borrowed. Texts of a struct hin_notice_row live until its callback ends.
 * Threads:   one thread at a time for each desk.
 */
#pragma once
#include "base/buffer.h"
#include "base/lang.h"
#include "hub/desk.h"

#define HIN_NOTICE_CODE 15	/* "XXXX-XXXX-XXXX" with its NUL */
#define HIN_NOTICE_OPEN 200000u /* most notices that are open at once; more are counted */
#define HIN_NOTICE_LETTER 100	/* most notices of one letter */

/* ---- codes ---- */

/* Draw a code: 55 random bits and a check character. */
HIN_MUST_USE enum hin_code hin_notice_code_make(char out[HIN_NOTICE_CODE], struct hin_error *err);

/*
 * Read a code as a person types it: any case, with or without hyphens and spaces, O as 0, I and L
 * as 1. `out` gets the form that the desk has. HIN_EFORMAT when it is none, HIN_EVERIFY when a
 * character is wrong or two are exchanged.
 */
HIN_MUST_USE enum hin_code hin_notice_code_parse(char out[HIN_NOTICE_CODE], const char *text,
						 struct hin_error *err);

/* ---- reading ---- */

struct hin_notice_row {
	int64_t id, case_id, organisation, contact; /* 0 = none */
	const char *code, *kind, *trouble, *subject, *device, *channel, *language, *state;
	const char *owner;   /* handle of the organisation, "" = none */
	const char *address; /* of the contact, "" = none */
	const char *title, *body, *error;
	const char *next; /* what goes out next: "notice", "reminder", ..., or "" */
	int64_t created_us, due_us, sent_us, first_seen_us, last_seen_us, watched_us, fixed_us;
	int64_t reminders, reappeared, attempts;
	int64_t act; /* of its making; 0 = none */
};

/* A code other than HIN_OK ends the walk and is its code. */
typedef enum hin_code (*hin_notice_fn)(void *user, const struct hin_notice_row *row,
				       struct hin_error *err);

/* Which notices; { 0 } = the newest 100. */
struct hin_notice_filter {
	const char *state;    /* or NULL */
	const char *code;     /* or NULL */
	int64_t id;	      /* 0 = any */
	int64_t case_id;      /* 0 = any */
	int64_t organisation; /* 0 = any: a member sees its own only */
	int64_t before;	      /* ids below it, for pages; 0 = from the newest */
	uint64_t limit;	      /* 0 = 100 */
};

/* Call for each, the newest first. */
HIN_MUST_USE enum hin_code hin_notice_each(struct hin_desk *desk,
					   const struct hin_notice_filter *filter,
					   hin_notice_fn call, void *user, struct hin_error *err);

/* Append one notice with its history and letters as JSON: what `hinomi notice show --json` prints.
 */
HIN_MUST_USE enum hin_code hin_notice_json(struct hin_desk *desk, int64_t id,
					   struct hin_buffer *out, struct hin_error *err);

/* Append a list as a JSON array, as hin_notice_each() has it. */
HIN_MUST_USE enum hin_code hin_notice_list_json(struct hin_desk *desk,
						const struct hin_notice_filter *filter,
						struct hin_buffer *out, struct hin_error *err);

/* ---- is it real? ---- */

/* What a stranger who has the code may know: nothing of others, no contact. */
struct hin_notice_check {
	char code[HIN_NOTICE_CODE];
	char kind[48];	  /* of the finding */
	char state[16];	  /* "open", "fixed", "withdrawn", "waiting" (not sent yet) */
	char subject[80]; /* the address or device, all but its ends covered */
	int64_t created_us, sent_us, fixed_us;
	int64_t act;	    /* number in the desk */
	int64_t ledger;	    /* index of its act in the ledger; -1 = not yet there */
	uint8_t digest[32]; /* SHA-256 of its text */
};

/*
 * Look a code up, as /verify does. HIN_ENOENT when there is no such notice; failures of
 * hin_notice_code_parse(). The caller limits how often a stranger may ask.
 */
HIN_MUST_USE enum hin_code hin_notice_verify(struct hin_desk *desk, const char *code,
					     struct hin_notice_check *out, struct hin_error *err);

/* Append the answer for people: a few lines of text. */
void hin_notice_verify_text(const struct hin_notice_check *check, enum hin_lang lang,
			    struct hin_buffer *out);

/*
 * Append the proof of a notice in the form that hinomi-verify reads (trust/proof.h): `ledger` is
 * the ledger's folder. HIN_EAGAIN while its act is not in a signed tree yet.
 */
HIN_MUST_USE enum hin_code hin_notice_proof(struct hin_desk *desk, const char *ledger,
					    const char *code, struct hin_buffer *out,
					    struct hin_error *err);

/* ---- what people do; each is an act by `account` ---- */

/*
 * Let a notice go that is held, failed or bounced, or send one again that went out: it is due at
 * `now_us`. HIN_ENOENT; HIN_EDENIED when nobody is known to send it to, or it is withdrawn.
 */
HIN_MUST_USE enum hin_code hin_notice_release(struct hin_desk *desk, int64_t id, int64_t account,
					      int64_t now_us, struct hin_error *err);

/* Take a notice back, with the reason; who had it is told so. HIN_ENOENT, HIN_EDENIED: it is over.
 */
HIN_MUST_USE enum hin_code hin_notice_withdraw(struct hin_desk *desk, int64_t id, int64_t account,
					       const char *reason, int64_t now_us,
					       struct hin_error *err);

/* ---- figures ---- */

struct hin_notice_figure {
	char name[128]; /* handle, sector, or "" for all */
	uint64_t told, fixed, reappeared, open, waiting, no_owner, bounced, failed;
	int64_t median_fix_us, p90_fix_us; /* from sending to fixed; 0 = none was */
};

enum hin_notice_by {
	HIN_NOTICE_ALL,
	HIN_NOTICE_BY_OWNER,
	HIN_NOTICE_BY_SECTOR,
	HIN_NOTICE_BY_KIND
};

/* Figures of notices made in [since, until), 0 = open; free() `*out`. The most told first. */
HIN_MUST_USE enum hin_code hin_notice_figures(struct hin_desk *desk, enum hin_notice_by by,
					      int64_t since_us, int64_t until_us,
					      struct hin_notice_figure **out, size_t *count,
					      struct hin_error *err);
