/*
 * rule - a small function over the stream of observations that says what they add up to.
 *
 * A rule is one file of this folder: `struct hin_rule` with the finding it makes, the kinds of rows
 * it looks at, its words, and `take`, which is called for each such row. Its settings stand in the
 * header beside it (struct and rows of hub.yaml), and analyse/rules.c lists it. A sensor that comes
 * later plugs in its kinds the same way.
 *
 * A rule keeps what it must remember of a subject in `own` of struct hin_subject, which the engine
 * holds in a table of bounded size and finds by identity: it never allocates and never waits. What
 * does not fit there has a table of its own, bounded too, made by `open`.
 *
 *	static void take(struct hin_rule_run *run, const struct hin_observation *o)
 *	{
 *		struct hin_claim claim = { .type = HIN_SUBJECT_ADDRESS, .address = o->dst, ... };
 *		struct hin_subject *s = hin_rule_subject(run, &claim, o);
 *
 *		if (s != NULL && enough(s))
 *			hin_rule_find(run, s, &claim);
 *	}
 *
 * A row of an endpoint has a source only when it is about a socket, and names its machine by
 *`device` (observation.md, "A row"). Its rules claim the address of such rows; what they are to say
 *of rows without one needs to know whose the device is. That is what its beats are for: a kind that
 *allows src (the socket to the hub), device and duration, of which the hub makes a lease with the
 *basis "beat". Both come with that sensor; the desk and `hinomi directory lease import` know the
 *basis.
 *
 * Threads: the engine's.
 */
#pragma once
#include <assert.h>

#include "base/config.h"
#include "hub/case/finding.h"
#include "observe/observation.h"

#define HIN_RULE_KINDS 8 /* of rows that one rule looks at */

enum hin_subject_type {
	HIN_SUBJECT_ADDRESS, /* who had it then: a device, or the address itself */
	HIN_SUBJECT_PREFIX,
	HIN_SUBJECT_PORT,
	HIN_SUBJECT_CAMPAIGN,
	HIN_SUBJECT_SENSOR,
	HIN_SUBJECT_TYPES
};

/* What a rule says of a subject. All zero is a claim about nothing. */
struct hin_claim {
	enum hin_subject_type type;
	uint8_t len;		 /* of a prefix, in the address's family */
	struct hin_addr address; /* of ADDRESS and PREFIX */
	int lease_port;		 /* the subject's own port then; 0 = not known (for NAT) */
	uint8_t sensor[16];	 /* of SENSOR */
	int64_t began_us;	 /* of CAMPAIGN: part of its identity */
	uint16_t port, tool;	 /* what it is about */
	uint8_t proto, confidence;
	enum hin_severity severity;
	uint16_t technique; /* registry/techniques; 0 = that of the kind */
	uint16_t pattern;   /* the rule's own: how the query is to be made */
	uint64_t apart;	    /* what keeps two findings about one subject apart beside the kind */
};

/* A subject in the engine's table: 88 bytes. Rules read it, and write `own` only. */
struct hin_subject {
	uint8_t key[HIN_FINDING_KEY]; /* digest of kind, identity and `apart` */
	int64_t first_us, last_us;
	int64_t finding;	 /* number in the desk; 0 = none, or not known yet */
	uint64_t packets, bytes; /* that no finding has yet */
	uint32_t observations;	 /* the same */
	uint32_t targets;	 /* most in one row */
	uint32_t news;		 /* its place among what the next commit writes, or HIN_NONE */
	uint8_t rule;		 /* its place in hin_rules */
	uint8_t found : 1;	 /* the rule made a finding of it */
	uint8_t episode : 1;	 /* is an address without a lease: ends after a day unseen */
	uint16_t spare;
	uint32_t own[4]; /* the rule's; zero when the subject is new */
};

static_assert(sizeof(struct hin_subject) == 88, "a million of them must fit into 200 MB");

/* What a rule is called with. */
struct hin_rule_run {
	struct hin_analyse *analyse;
	const void *settings;  /* the rule's own struct */
	void *state;	       /* of `open` */
	uint8_t rule;	       /* its place in hin_rules */
	const uint8_t *sensor; /* 16 bytes: who sent the row */
	int64_t now_us;	       /* end of the newest row so far: the stream's own time */
	bool quiet;	       /* learning from what was analysed before: no finding is made */
};

struct hin_rule {
	uint16_t finding;		/* HIN_FINDING_... */
	uint16_t kinds[HIN_RULE_KINDS]; /* of rows it looks at; 0 ends them */
	size_t settings;		/* where its struct lies in hin_analyse_settings */
	size_t idle;			/* in it: int64_t, ns without a row until it is over */
	const char *why[2];		/* why we think so, a sentence, by enum hin_lang */
	const char *over; /* for the history of a case, when the rule said over; or NULL */

	/* Look at a row of its kinds. */
	void (*take)(struct hin_rule_run *run, const struct hin_observation *o);

	/* Append the filter that shows the observations of a claim. */
	void (*query)(const struct hin_claim *claim, struct hin_buffer *out);

	/* NULL, or a state of its own: made, emptied, freed. */
	enum hin_code (*open)(void **state, const void *settings, struct hin_error *err);
	void (*reset)(void *state);
	void (*close)(void *state);
};

extern const struct hin_rule *const hin_rules[];
extern const size_t hin_rule_count;

/* The name of the finding a rule makes: it is the rule's name too. */
const char *hin_rule_name(const struct hin_rule *rule);

/* ---- for rules, while they take a row ---- */

/* When `o` ended: at most 31 days after it began. */
int64_t hin_rule_end_us(const struct hin_observation *o);

bool hin_rule_has_tag(const struct hin_observation *o, uint16_t tag);

/* The row's own port of `src`, for a look-up among leases; HIN_OWNERS_ANY_PORT when it has none. */
int hin_rule_lease_port(const struct hin_observation *o);

/*
 * The subject of a claim, made when there is none; the row's time and its being seen are counted
 * in. The least valuable one makes way when the table is full. NULL when there is no room, or the
 * row is older than a day against what is known of an address without a lease (both are counted).
 */
struct hin_subject *hin_rule_subject(struct hin_rule_run *run, const struct hin_claim *claim,
				     const struct hin_observation *o);

/* Count packets and bytes of the row; not done for rows that tell again what others told. */
void hin_rule_volume(struct hin_subject *subject, uint64_t packets, uint64_t bytes);

/* Add to the sum that a rule keeps in own[0] and own[1]; returns it. */
uint64_t hin_rule_sum(struct hin_subject *subject, uint64_t more);

/* Count `more` observations that came before the subject was made, the first one at `first_us`. */
void hin_rule_credit(struct hin_subject *subject, uint32_t more, int64_t first_us);

/* A hash of an address that strangers cannot foresee. */
uint32_t hin_rule_hash(const struct hin_rule_run *run, const struct hin_addr *address);

/*
 * Is it not known which of several had the address in the row's time: because they shared it and
 * the row has no port, or because it went from one to another?
 */
bool hin_rule_is_shared(const struct hin_rule_run *run, const struct hin_addr *address,
			const struct hin_observation *o);

/* Does an organisation of the directory answer for the subject that was asked for last? */
bool hin_rule_is_owned(const struct hin_rule_run *run);

/*
 * It is a finding: the next commit writes it, with everything since the last one. Called after
 * hin_rule_subject() with the same claim, in which severity and confidence may be other by now.
 */
void hin_rule_find(struct hin_rule_run *run, struct hin_subject *subject,
		   const struct hin_claim *claim);

/*
 * The subject of a claim, made when there is none, without counting a row in: for rows that say
 * that a trouble is over. NULL when there is no room.
 */
struct hin_subject *hin_rule_peek(struct hin_rule_run *run, const struct hin_claim *claim,
				  const struct hin_observation *o);

/*
 * What was found is over, as far as a finding of the claim's severity at least goes: the next
 * commit says so in the history of its case. With `closes` the finding is not live any more, and
 * the case is closed when none of its findings is. Nothing happens when the desk has none. Called
 * after hin_rule_peek(); what is seen later begins anew.
 */
void hin_rule_over(struct hin_rule_run *run, struct hin_subject *subject,
		   const struct hin_claim *claim, const struct hin_observation *o, bool closes);

/* Append "src 192.0.2.7", or "src net 2001:db8::/64" for a prefix; `field` is "src" or "dst". */
void hin_rule_query_address(struct hin_buffer *out, const char *field,
			    const struct hin_claim *claim);

/* Append " and proto 6", " and tool mirai" when the claim has them. */
void hin_rule_query_proto(struct hin_buffer *out, const struct hin_claim *claim);
void hin_rule_query_tool(struct hin_buffer *out, const struct hin_claim *claim);
