/*
 * filter - which rows are asked for: a bounded tree of tests over the fields of observations.
 *
 * A filter is made from text in the words that tcpdump and nfdump taught, and then only read. Three
 * things are done with it:
 *
 *  - hin_filter_match() says of one row whether it is wanted. It defines what a filter means; a
 *    store that works column by column must agree with it row for row.
 *  - hin_filter_judge() walks the tree over what is known of a whole block (least and greatest
 *    values, say) and tells whether no row of it can match, or every row must.
 *  - hin_filter_print() writes it back as text, which parses to the same filter.
 *
 * The tree is in negation normal form: AND and OR above, tests as leaves, "not" within the leaves
 * only. Nodes stand in an array, children before their parents, the root last, so that a loop over
 * the array evaluates the tree without recursion. Pairs are spelled out: "host X" is an OR of src
 * and dst. A filter without nodes wants every row.
 *
 * What is absent: a number that is not given is 0 and is tested as 0. An address, a digest or a
 * version that is not given is in no set, so that its test is false, and true when negated.
 *
 * Ownership: the caller owns a filter and ends it with hin_filter_free().
 * Threads:   one that is only read may be shared.
 */
#pragma once
#include "base/buffer.h"
#include "observe/observation.h"

#define HIN_FILTER_TEXT 65536 /* longest text, in bytes */
#define HIN_FILTER_DEPTH 64   /* brackets and nots within each other */
#define HIN_FILTER_NODES 1024 /* nodes of a tree */
#define HIN_FILTER_SETS 16384 /* ranges of all sets of numbers, and of all sets of addresses */

enum hin_filter_type {
	HIN_FILTER_AND,	      /* nodes `left` and `right` */
	HIN_FILTER_OR,	      /* the same */
	HIN_FILTER_NUMBERS,   /* a field that is a number lies in a set; never negated */
	HIN_FILTER_BITS,      /* (number & mask) == bits */
	HIN_FILTER_ADDRESSES, /* src or dst is given and lies in a set */
	HIN_FILTER_TAG,	      /* has tag number `bits` */
	HIN_FILTER_PRESENT,   /* the field is given (its bit in hin_observation_fields()) */
	HIN_FILTER_DIGEST,    /* device, artifact or evidence is given and begins with `digest` */
	HIN_FILTER_VERSION,   /* version is `digest`, as text of `digest_size` bytes */
	HIN_FILTER_SENSOR,    /* the id of the row's sensor begins with `digest` */
	HIN_FILTER_TYPES,
};

struct hin_filter_node {
	uint8_t type;  /* enum hin_filter_type */
	uint8_t field; /* enum hin_field, of a test; but of HIN_FILTER_SENSOR */
	bool negated;  /* of a test: true where the test is false */
	uint8_t digest_size;
	uint16_t left, right;  /* AND, OR: positions, both less than this node's own */
	uint32_t first, count; /* NUMBERS, ADDRESSES: the set, in `numbers` or `addresses` below */
	uint64_t mask, bits;
	uint8_t digest[32];
};

/*
 * Sets are ranges in ascending order with a gap between each two (between addresses of the two
 * families there may be none); a set may be empty, which no row matches.
 */
struct hin_filter_numbers {
	uint64_t low, high; /* both inclusive; time is never negative in a row */
};

struct hin_filter_addresses {
	struct hin_addr low, high; /* both inclusive, by hin_addr_compare() */
};

/* For reading; only the functions below change it. No array is NULL but `nodes`, when empty. */
struct hin_filter {
	struct hin_filter_node *nodes; /* the last one is the root */
	size_t node_count;	       /* 0: every row is wanted */
	struct hin_filter_numbers *numbers;
	size_t number_count;
	struct hin_filter_addresses *addresses;
	size_t address_count;
	uint64_t fields; /* 1 << HIN_FIELD_...: all that a test looks at */
	bool sensor;	 /* a test looks at the sensor */
};

/*
 * Make a filter of `size` bytes of text. "", white space and "any" want every row. HIN_EFORMAT or
 * HIN_ERANGE for a mistake: `err` says what, with the column (1 is the first) and the nearest right
 * word; `*column` (may be NULL) gets the column too, 0 when there is none, so that a program can
 * point at it. HIN_ELIMIT for more than the limits above; HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_filter_parse(struct hin_filter **out, const char *text, size_t size,
					    size_t *column, struct hin_error *err);

/*
 * The same for questions that add packets or bytes up. Flows tell of every packet, and events tell
 * again of those that were seen in them: so a text that says nothing of kinds means flows alone,
 * and
 * `*flows_alone` says that it was taken so. `kinds_apart` says that the question keeps kinds apart
 * by itself: then it is hin_filter_parse().
 */
HIN_MUST_USE enum hin_code hin_filter_parse_volume(struct hin_filter **out, const char *text,
						   size_t size, bool kinds_apart, bool *flows_alone,
						   size_t *column, struct hin_error *err);

/* Free `filter`; NULL is fine. */
void hin_filter_free(struct hin_filter *filter);

/* Is `o` wanted? `sensor` is the id of its sensor, NULL when not known (in no set then). */
bool hin_filter_match(const struct hin_filter *filter, const struct hin_observation *o,
		      const uint8_t *sensor);

/* The same of one test (a node that is neither AND nor OR). */
bool hin_filter_test(const struct hin_filter *filter, const struct hin_filter_node *test,
		     const struct hin_observation *o, const uint8_t *sensor);

/* The number in `field` of `o`; only for a field that is a number (no address, digest, ...). */
uint64_t hin_filter_number(const struct hin_observation *o, enum hin_field field);

/* Is `value` in the set of this test of numbers? */
bool hin_filter_numbers_hold(const struct hin_filter *filter, const struct hin_filter_node *test,
			     uint64_t value);

/* Is `a` in the set of this test of addresses? Does not look at `negated`. */
bool hin_filter_addresses_hold(const struct hin_filter *filter, const struct hin_filter_node *test,
			       const struct hin_addr *a);

/* What is known of all rows of a block together. */
enum hin_filter_answer {
	HIN_FILTER_NONE, /* no row of it can match */
	HIN_FILTER_SOME, /* must be looked at */
	HIN_FILTER_ALL,	 /* every row matches */
};

/*
 * Answer one test for a block that `user` knows; SOME is always right. It takes `negated` into
 * account itself, as the functions below do.
 */
typedef enum hin_filter_answer (*hin_filter_judge_fn)(const struct hin_filter *filter,
						      const struct hin_filter_node *test,
						      void *user);

/* Ask `judge` for the tests of the tree and put the answers together. */
enum hin_filter_answer hin_filter_judge(const struct hin_filter *filter, hin_filter_judge_fn judge,
					void *user);

/*
 * Judge a test of NUMBERS or BITS when all values of the field lie in `low` to `high`: rows without
 * the field count as 0 and must be within.
 */
enum hin_filter_answer hin_filter_judge_numbers(const struct hin_filter *filter,
						const struct hin_filter_node *test, uint64_t low,
						uint64_t high);

/*
 * Judge a test of ADDRESSES when all addresses of the field lie in `low` to `high`. `absent` says
 * that there are rows without one; when none has one, `low` is NULL.
 */
enum hin_filter_answer hin_filter_judge_addresses(const struct hin_filter *filter,
						  const struct hin_filter_node *test,
						  const struct hin_addr *low,
						  const struct hin_addr *high, bool absent);

/*
 * The least and the greatest number in `field` that a matching row can have. False, with 0 and
 * UINT64_MAX, when the filter does not limit it.
 */
bool hin_filter_bounds(const struct hin_filter *filter, enum hin_field field, uint64_t *low,
		       uint64_t *high);

/* Append the filter as text, "any" for one without nodes. Parsed again it is the same filter. */
void hin_filter_print(const struct hin_filter *filter, struct hin_buffer *out);
