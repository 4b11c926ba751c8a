/*
 * case - findings about the same trouble, with a state, a person in charge and a history.
 *
 *	new -> open -> closed | false_alarm | suppressed | merged
 *	closed -> open		a finding came, or somebody opened it again
 *	suppressed -> open	a finding came when the date had passed, or somebody lifted it
 *	false_alarm -> open	another finding came than those that were looked at, or by hand
 *
 * A case is about an organisation's device, or a campaign, or an address for as long as nothing
 * says that somebody else had it: findings join by device, within a lease, or by address for 24
 * hours at half confidence. Analysis opens and grows cases (hub/analyse/join.h); people do the
 * rest. Whatever changes is in the history and is an act of the ledger, in one transaction.
 *
 * Changes take several cases at once: all of them or none.
 *
 * Ownership: the caller's storage; what a callback gets lives until it returns.
 * Threads:   those of the desk's handle.
 */
#pragma once
#include "hub/case/finding.h"

#define HIN_CASE_BULK 1000	/* cases of one change */
#define HIN_CASE_BULK_MEMBER 20 /* ... by a member of an organisation */
#define HIN_CASE_PAGE 1000	/* most that one list gives */
#define HIN_CASE_TEXT 4000	/* bytes of a note or a reason */
#define HIN_CASE_GIVEN 200	/* bytes of a title that a person gave, with its NUL */
#define HIN_CASE_TITLE 400	/* bytes of any title, with its NUL */
#define HIN_CASE_FINDINGS 10000 /* findings of one case; more are left alone and counted */

/* name, English, Japanese */
#define HIN_CASE_STATES(X)                                                                         \
	X(NEW, "new", "new", "新規")                                                               \
	X(OPEN, "open", "open", "対応中")                                                          \
	X(CLOSED, "closed", "closed", "終了")                                                      \
	X(FALSE_ALARM, "false_alarm", "false alarm", "誤報")                                       \
	X(SUPPRESSED, "suppressed", "suppressed", "抑止中")                                        \
	X(MERGED, "merged", "merged", "統合済み")

enum hin_case_state {
#define X(name, word, en, ja) HIN_CASE_##name,
	HIN_CASE_STATES(X)
#undef X
		HIN_CASE_STATE_COUNT
};

/* The word of a state as the desk has it, and back; what people call it. */
const char *hin_case_state_name(enum hin_case_state state);
bool hin_case_state_parse(enum hin_case_state *out, const char *word);
const char *hin_case_state_text(enum hin_case_state state, enum hin_lang lang);

struct hin_case {
	int64_t id;			  /* the number that people use */
	char given_title[HIN_CASE_GIVEN]; /* "" = by its gravest finding, hin_case_title() */
	char kind[48];			  /* of that finding */
	char subject[HIN_FINDING_SUBJECT];
	enum hin_case_state state;
	enum hin_severity severity;
	int64_t organisation;
	char handle[HIN_FINDING_HANDLE];
	char device[HIN_FINDING_DEVICE];
	char campaign[HIN_FINDING_SUBJECT];
	int64_t assignee; /* account; 0 = nobody */
	char assignee_name[64];
	int64_t opened_us, updated_us, first_us, last_us, closed_us;
	char reason[512]; /* of closing, false alarm or suppression, cut */
	int64_t until_us; /* of suppression; 0 = until lifted */
	int64_t merged_into;
	unsigned reopened;	 /* how often */
	uint64_t findings, live; /* how many; of them seen lately */
	int64_t rank;		 /* where it stands by state and severity */
};

/* What a case is called, written to `out` of HIN_CASE_TITLE bytes; returns `out`. */
char *hin_case_title(const struct hin_case *c, enum hin_lang lang, char *out);

/* Who acts. A case outside of `organisation` (0 = any) is as if it were not there. */
struct hin_case_actor {
	int64_t account; /* 0 = hinomi itself */
	int64_t organisation;
	int64_t now_us;
};

/* ---- reading ---- */

#define HIN_CASE_ANYBODY (-1)
#define HIN_CASE_NOBODY 0

/* Orders of a list, each stable: what was not changed between two pages is on one of them. */
#define HIN_CASE_SORTS(X)                                                                          \
	X(WEIGHT, "weight") /* not over first, the gravest, the one changed last */                \
	X(CHANGE, "change") /* the one changed last */                                             \
	X(NUMBER, "number") /* the one opened last */

enum hin_case_sort {
#define X(name, word) HIN_CASE_BY_##name,
	HIN_CASE_SORTS(X)
#undef X
};

bool hin_case_sort_parse(enum hin_case_sort *out, const char *word);

#define HIN_CASE_PLACE 64 /* room for a place as text */

/* Where a case stands in the list; id 0 = before all. */
struct hin_case_place {
	int64_t rank, updated_us, id;
};

/* As a text that says where the next page begins, and back; false when it is none. */
void hin_case_place_print(char out[HIN_CASE_PLACE], const struct hin_case *c);
bool hin_case_place_parse(struct hin_case_place *out, const char *text);

/* Which cases. Begin with hin_case_filter_default(): all that are not over. */
struct hin_case_filter {
	int64_t organisation; /* > 0: only of this one, in the SQL itself, by its own findings */
	unsigned states;      /* bits 1 << HIN_CASE_...; 0 = all */
	enum hin_severity least;
	int64_t assignee; /* an account, HIN_CASE_ANYBODY or HIN_CASE_NOBODY */
	const char *text; /* in title, subject, device, campaign or organisation; NULL = any */
	bool own_text;	  /* ... in subject, device or kind of the organisation's findings alone */
	const char *kind; /* has a finding of this kind; NULL = any */
	const struct hin_addr *address; /* has a finding about it; NULL = any */
	int64_t since_us, until_us;	/* changed in this time; 0 = open */
	enum hin_case_sort sort;
	struct hin_case_place behind; /* the page behind this case; id 0 = the first */
	unsigned limit;		      /* 0 = 100; at most HIN_CASE_PAGE */
};

void hin_case_filter_default(struct hin_case_filter *filter);

/* False ends the list. */
typedef bool (*hin_case_fn)(void *user, const struct hin_case *c);

/*
 * One case. HIN_ENOENT when there is none, or it is not of `organisation` (0 = any). For an
 * organisation, `findings`, `live`, `first_us` and `last_us` come of its own findings.
 */
HIN_MUST_USE enum hin_code hin_case_get(struct hin_desk *desk, int64_t id, int64_t organisation,
					struct hin_case *out, struct hin_error *err);

/* Cases in the order of the filter. */
HIN_MUST_USE enum hin_code hin_case_list(struct hin_desk *desk,
					 const struct hin_case_filter *filter, hin_case_fn call,
					 void *user, struct hin_error *err);

/* How many the filter wants, whatever its page and limit. */
HIN_MUST_USE enum hin_code hin_case_count(struct hin_desk *desk,
					  const struct hin_case_filter *filter, uint64_t *out,
					  struct hin_error *err);

struct hin_case_event {
	int64_t id, time_us, account; /* account 0 = hinomi itself */
	char account_name[64];
	const char *action; /* "opened", "grew", "assigned", "noted", "merged", "split", "closed",
			       "reopened", "false-alarm", "suppressed", "unsuppressed", "titled" */
	const char *text;
	int64_t finding, act; /* 0 = none */
	int64_t ledger;	      /* where the act stands in the ledger; -1 = not yet */
};

#define HIN_CASE_NEWEST (-1)

typedef bool (*hin_case_event_fn)(void *user, const struct hin_case_event *event);

/*
 * The history of a case from the event behind `after_id` on, oldest first; `limit` 0 = 1000. With
 * `after_id` HIN_CASE_NEWEST the last `limit` events, oldest first too.
 */
HIN_MUST_USE enum hin_code hin_case_history(struct hin_desk *desk, int64_t id, int64_t organisation,
					    int64_t after_id, unsigned limit,
					    hin_case_event_fn call, void *user,
					    struct hin_error *err);

/* ---- changing: each a transaction of its own ----
 *
 * `ids` are 1 to HIN_CASE_BULK cases (HIN_CASE_BULK_MEMBER when `by` has an organisation), each
 * once, else HIN_ERANGE or HIN_EUSAGE. HIN_ENOENT names the first that is not there, HIN_EDENIED
 * one whose state does not allow it (a merged case cannot change), HIN_ERANGE a text that is too
 * long. A change to what a case is already is no change.
 */

/*
 * Give to an active analyst, operator or administrator; 0 = to nobody. HIN_ENOENT when there is no
 * such account, HIN_ERANGE when it is a member's or an inspector's.
 */
HIN_MUST_USE enum hin_code hin_case_assign(struct hin_desk *desk, const struct hin_case_actor *by,
					   const int64_t *ids, size_t count, int64_t account,
					   struct hin_error *err);

/* Add a note to the history. */
HIN_MUST_USE enum hin_code hin_case_note(struct hin_desk *desk, const struct hin_case_actor *by,
					 const int64_t *ids, size_t count, const char *text,
					 struct hin_error *err);

/* Call one case so; "" = by its gravest finding again. */
HIN_MUST_USE enum hin_code hin_case_retitle(struct hin_desk *desk, const struct hin_case_actor *by,
					    int64_t id, const char *title, struct hin_error *err);

/* Close, with a reason that may be "". */
HIN_MUST_USE enum hin_code hin_case_close(struct hin_desk *desk, const struct hin_case_actor *by,
					  const int64_t *ids, size_t count, const char *reason,
					  struct hin_error *err);

/* Open again, from closed, false alarm or suppressed; or a new one: somebody works on it. */
HIN_MUST_USE enum hin_code hin_case_reopen(struct hin_desk *desk, const struct hin_case_actor *by,
					   const int64_t *ids, size_t count, const char *reason,
					   struct hin_error *err);

/* It was nothing; a reason is needed. */
HIN_MUST_USE enum hin_code hin_case_false_alarm(struct hin_desk *desk,
						const struct hin_case_actor *by, const int64_t *ids,
						size_t count, const char *reason,
						struct hin_error *err);

/* No word of it until `until_us` (0 = until lifted); a reason is needed. */
HIN_MUST_USE enum hin_code hin_case_suppress(struct hin_desk *desk, const struct hin_case_actor *by,
					     const int64_t *ids, size_t count, int64_t until_us,
					     const char *reason, struct hin_error *err);

/*
 * Bring findings, joins and notices of the cases `ids` into the case `into`; they are merged then.
 * HIN_EDENIED when they are of different owners; a case of none, as a campaign, gets the other's.
 */
HIN_MUST_USE enum hin_code hin_case_merge(struct hin_desk *desk, const struct hin_case_actor *by,
					  int64_t into, const int64_t *ids, size_t count,
					  const char *reason, struct hin_error *err);

/*
 * Take findings out of the case `from` into a new one, `*out`. At least one must stay. What joined
 * by the subjects of those that left goes to the new case from now on.
 */
HIN_MUST_USE enum hin_code hin_case_split(struct hin_desk *desk, const struct hin_case_actor *by,
					  int64_t from, const int64_t *findings, size_t count,
					  const char *reason, int64_t *out, struct hin_error *err);

/* Append a case as a JSON object: the same for programs and the API. */
void hin_case_json(const struct hin_case *c, struct hin_buffer *out);
void hin_case_event_json(const struct hin_case_event *event, struct hin_buffer *out);
