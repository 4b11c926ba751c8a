/*
 * case_join - findings that analysis wrote meet in cases: which one, and what becomes of it.
 *
 * Part of the engine's transaction. A finding joins by its device, else by its address for 24
 * hours, a campaign by its name (case.h); each look-up is by one key.
 *
 * Threads: those of the desk's handle.
 */
#pragma once
#include "hub/case/case.h"

#define HIN_CASE_UNLEASED_US INT64_C(86400000000) /* an address without a lease joins so long */

struct hin_case_joining {
	int64_t finding, case_id; /* case_id 0: in none yet */
	const char *kind, *subject_type, *subject, *device;
	int64_t organisation;
	const struct hin_addr *address;	   /* or NULL */
	enum hin_severity severity, least; /* from `least` on a case is opened */
	uint8_t confidence;
	uint8_t lease_confidence;	       /* of a device's lease; 0 = there is none */
	int64_t lease_from_us, lease_until_us; /* of a join that holds in a lease only */
	int64_t first_us, last_us;	       /* of what is new */
	bool fresh; /* a new finding, one that was not live, or one that is graver now */
};

enum hin_case_joined {
	HIN_CASE_JOINED_NONE,	/* nothing changed */
	HIN_CASE_JOINED_OPENED, /* a case of its own */
	HIN_CASE_JOINED_GREW,
	HIN_CASE_JOINED_REOPENED,
	HIN_CASE_JOINED_CROWDED, /* the case has too many: it stays alone */
};

/* Join, in the open transaction. */
HIN_MUST_USE enum hin_code hin_case_join(struct hin_desk *desk, const struct hin_case_joining *j,
					 int64_t now_us, enum hin_case_joined *out,
					 struct hin_error *err);

/* An observation said that a finding is over. */
struct hin_case_settling {
	int64_t finding, case_id;
	bool closes;	  /* nothing is left of it; else it is noted only */
	const char *text; /* what to say: a literal */
};

/*
 * Note it in the history of its case, in the open transaction. With `closes` the case is closed, as
 * an act of hinomi itself, when it was new or open and none of its findings is live; `*closed`
 * tells. The next time that the finding is seen opens it again.
 */
HIN_MUST_USE enum hin_code hin_case_settle(struct hin_desk *desk,
					   const struct hin_case_settling *settling, int64_t now_us,
					   bool *closed, struct hin_error *err);
