/*
 * observation - one line of machine fact, a flow or an event.
 *
 * A plain struct with every field that an observation can have. All zero is the empty row: zero
 * means "not given" in every field but `time_us`, `src` and `dst`, which have a presence bit
 * because `::` is a value. The kind says which fields a row may fill. No field takes text that a
 * stranger wrote.
 *
 * Ownership: the caller's storage; nothing in it points anywhere.
 * Threads:   pure functions.
 */
#pragma once
#include "base/addr.h"
#include "observe/registry.h"

#define HIN_TAGS_MAX 16	   /* tags of one row */
#define HIN_VERSION_MAX 32 /* characters of `version` */

#define HIN_HAS_SRC 1u
#define HIN_HAS_DST 2u

#define HIN_TIME_MIN INT64_C(0)			 /* 1970-01-01T00:00:00 */
#define HIN_TIME_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999 */

struct hin_observation {
	/* First what a flow fills; all from `rule` on is rare and costs nothing while zero. */
	int64_t time_us; /* start, since 1970 UTC */
	uint64_t duration_us;
	struct hin_addr src, dst; /* count only with their bit in `has` */
	uint64_t packets, bytes;
	uint32_t sample;       /* 1 in N; 0 and 1: all */
	uint16_t sport, dport; /* host order; ICMP type and code */
	uint16_t kind;	       /* HIN_KIND_... */
	uint16_t tool;	       /* HIN_TOOLS_... */
	uint8_t has;	       /* HIN_HAS_SRC, HIN_HAS_DST */
	uint8_t proto;	       /* IANA IP protocol */
	uint8_t tcp_flags;     /* OR of those seen */
	uint8_t confidence;    /* 0-100 */

	uint32_t rule;		 /* HIN_RULE_... */
	uint32_t targets, ports; /* distinct ones, true in this row, never summed */
	uint16_t service;	 /* HIN_SERVICE_... */
	uint16_t technique;	 /* HIN_TECHNIQUE_... */
	uint64_t product;	 /* registry products */
	uint64_t link, parent;
	uint8_t device[16]; /* 16 and 32 bytes of zero: not given */
	uint8_t artifact[32];
	uint8_t evidence[32];
	uint16_t tags[HIN_TAGS_MAX];	   /* HIN_TAG_..., ascending, the first `tag_count` count */
	char version[HIN_VERSION_MAX + 1]; /* NUL-terminated, of [0-9A-Za-z._+-] */
	uint8_t tag_count;
	uint8_t src_len, dst_len; /* in the address's own family; 0, 32 and 128: one address */
	uint8_t verdict;	  /* HIN_VERDICT_... */
	uint8_t device_basis;	  /* HIN_DEVICE_BASIS_... */
	uint8_t artifact_type;	  /* HIN_ARTIFACT_TYPE_... */
};

static inline void hin_observation_set_src(struct hin_observation *o, const struct hin_addr *a)
{
	o->src = *a;
	o->has |= HIN_HAS_SRC;
}

static inline void hin_observation_set_dst(struct hin_observation *o, const struct hin_addr *a)
{
	o->dst = *a;
	o->has |= HIN_HAS_DST;
}

/*
 * Put `tag` where it belongs among the tags of `o`; one that is there already stays once. False
 * when HIN_TAGS_MAX others are there.
 */
bool hin_observation_tag(struct hin_observation *o, uint16_t tag);

/* The fields that `o` fills, as bits 1 << HIN_FIELD_...; time and kind always. */
uint64_t hin_observation_fields(const struct hin_observation *o);

/* The fields that `kind` may fill; all of them for a kind that is private or unknown. */
uint64_t hin_kind_fields(uint16_t kind);

/* The name of a field, as in NDJSON and the .proto. */
const char *hin_field_name(enum hin_field field);

/*
 * Is `o` a row that may be sent? HIN_EDENIED for a field that the kind does not allow, HIN_ERANGE
 * for a value out of its range (time, confidence, prefix length, host bits, tags not ascending),
 * HIN_EFORMAT for a version that is no version; `err` names kind, field and rule. A kind that no
 * registry knows is accepted: it may come from a newer sensor.
 */
HIN_MUST_USE enum hin_code hin_observation_check(const struct hin_observation *o,
						 struct hin_error *err);

/* Do two rows say the same? What does not count (an absent address, unused tags) is not compared.
 */
bool hin_observation_equal(const struct hin_observation *a, const struct hin_observation *b);
