/*
 * finding - what observations add up to about one subject: who, what, since when, how sure, and the
 * question that shows the observations themselves.
 *
 * A finding is a row of the desk, written by analysis (hub/analyse/). There is one of a kind for a
 * subject at a time: a device of an organisation where a lease or the row names it, else an address
 * until it was not seen for a day (observation.md, "Who it is about"). It is `live` while it was
 * seen within its rule's time.
 *
 * Ownership: the caller's storage; what a callback gets lives until it returns.
 * Threads:   those of the desk's handle.
 */
#pragma once
#include "base/buffer.h"
#include "base/lang.h"
#include "hub/telling/alert.h"
#include "hub/finding_numbers.h"

#define HIN_FINDING_KEY 16
#define HIN_FINDING_QUERY 400 /* longest query, with its NUL */
#define HIN_FINDING_SUBJECT 128
#define HIN_FINDING_DEVICE 96
#define HIN_FINDING_SENSORS 16 /* ids that are kept */
#define HIN_FINDING_PAGE 1000  /* most that one list gives */
#define HIN_FINDING_HANDLE 64  /* an organisation's */

/* A time of the desk in nanoseconds, as base/time.h writes it; those after 2262 stay there. */
static inline int64_t hin_finding_ns(int64_t time_us)
{
	return time_us < INT64_MAX / 1000 ? time_us * 1000 : INT64_MAX;
}

/* A row of schema/registry/findings. */
struct hin_finding_kind {
	uint16_t number;
	const char *name;      /* "infected-member" */
	const char *subject;   /* what it is mostly about: "address" */
	const char *technique; /* ATT&CK, "" where none fits */
	const char *text[2];   /* by enum hin_lang */
};

extern const struct hin_finding_kind hin_finding_kinds[];
extern const size_t hin_finding_kind_count;

/* The row of a number or of a name, or NULL. */
const struct hin_finding_kind *hin_finding_kind_find(uint16_t number);
const struct hin_finding_kind *hin_finding_kind_named(const char *name);

/* What a kind is called, by its name as the desk has it; the name itself when it is unknown. */
const char *hin_finding_word(const char *kind, enum hin_lang lang);

struct hin_finding {
	int64_t id;
	char kind[48];	       /* registry/findings */
	char subject_type[16]; /* "address", "prefix", "device", "port", "campaign", "sensor", ...
				*/
	char subject[HIN_FINDING_SUBJECT];
	bool has_address;
	struct hin_addr address;
	int64_t organisation;		 /* 0 = nobody is known */
	char handle[HIN_FINDING_HANDLE]; /* of the organisation, "" = none */
	char device[HIN_FINDING_DEVICE]; /* "" = not known */
	uint16_t port, tool;		 /* registry/tools */
	uint8_t proto, confidence;	 /* 0-100 */
	enum hin_severity severity;
	char technique[16]; /* "T1595.001", or "" */
	int64_t first_us, last_us;
	uint64_t observations, packets, bytes, targets;
	char sensors[HIN_FINDING_SENSORS * 33]; /* ids in hex, separated by spaces */
	char query[HIN_FINDING_QUERY];		/* `hinomi query` with it shows the observations */
	bool live;
	int64_t case_id; /* 0 = in none */
	int64_t told_us; /* when the hub knew first */
};

/* Which findings; { 0 } is all. What is refused by `organisation` is refused in the SQL itself. */
struct hin_finding_filter {
	int64_t organisation; /* > 0: only of this one */
	int64_t case_id;      /* > 0: only of this case */
	const char *kind;     /* NULL = all */
	const struct hin_addr *address;
	const char *device; /* NULL = any */
	enum hin_severity least;
	bool live;		    /* only those */
	int64_t since_us, until_us; /* seen in this time; 0 = open */
	int64_t before_id;	    /* the page behind: only smaller numbers; 0 = the first page */
	unsigned limit;		    /* 0 = 100; at most HIN_FINDING_PAGE */
};

/* False ends the list. */
typedef bool (*hin_finding_fn)(void *user, const struct hin_finding *finding);

/* One finding. HIN_ENOENT when there is none, or it is not of `organisation` (0 = any). */
HIN_MUST_USE enum hin_code hin_finding_get(struct hin_desk *desk, int64_t id, int64_t organisation,
					   struct hin_finding *out, struct hin_error *err);

/* Findings, the newest number first. HIN_ERANGE for a limit that is too large. */
HIN_MUST_USE enum hin_code hin_finding_list(struct hin_desk *desk,
					    const struct hin_finding_filter *filter,
					    hin_finding_fn call, void *user, struct hin_error *err);

/* Append a finding as a JSON object: the same for programs and the API. */
void hin_finding_json(const struct hin_finding *finding, struct hin_buffer *out);
