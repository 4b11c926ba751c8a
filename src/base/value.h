/*
 * value - a typed value read from text by a rule; what options and settings share.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/buffer.h"

enum hin_value_type {
	HIN_VALUE_BOOL,	    /* bool: true, yes, on, false, no, off */
	HIN_VALUE_U64,	    /* uint64_t */
	HIN_VALUE_I64,	    /* int64_t */
	HIN_VALUE_DOUBLE,   /* double */
	HIN_VALUE_SIZE,	    /* uint64_t, bytes: "256M" */
	HIN_VALUE_DURATION, /* int64_t, nanoseconds: "6h" */
	HIN_VALUE_CHOICE,   /* int, index into `choices` */
	HIN_VALUE_TEXT,	    /* text; who has the rule says where it goes */
	HIN_VALUE_LIST,	    /* several texts */
	HIN_VALUE_PREFIXES, /* several prefixes, addresses or files of them */
};

/* What a value may be. All of min, max, low and high 0 = whatever the type holds. */
struct hin_value_rule {
	enum hin_value_type type;
	int64_t min, max;	    /* of whole numbers, sizes and durations */
	double low, high;	    /* of doubles */
	const char *const *choices; /* ends with NULL */
};

/*
 * Read `text` by `rule` (up to HIN_VALUE_CHOICE) into `*target` of the type's C type. On failure
 * the target is untouched and `err` names `what`, the value and the rule; HIN_EFORMAT or
 * HIN_ERANGE.
 */
HIN_MUST_USE enum hin_code hin_value_read(const struct hin_value_rule *rule, void *target,
					  const char *what, const char *text,
					  struct hin_error *err);

/* Append the value at `target` as hin_value_read() reads it, up to HIN_VALUE_CHOICE. */
void hin_value_write(struct hin_buffer *out, const struct hin_value_rule *rule, const void *target);

/* Append what may be given, for people: "1-65535", "1s-7d", "auto, always or never". */
void hin_value_describe(struct hin_buffer *out, const struct hin_value_rule *rule);
