/* owners_priv - the inside of a snapshot of owners: made by owners.c, asked in owners_find.c. */
#pragma once
#include "base/arena.h"
#include "base/prefix.h"
#include "hub/owners/owners.h"

#define OWNERS_NONE UINT32_MAX
#define OWNERS_FOR_EVER INT64_MAX

/*
 * Ranges of addresses are cut into prefixes; a piece is one of them. The tree leads to the smallest
 * range around an address, `outer` from there to the next larger one. Of two pieces of the same
 * prefix the one of the smaller range, then the newer one, is the inner.
 */
struct owners_piece {
	uint32_t item;	/* a holding, or a range of leases */
	uint32_t outer; /* piece, or OWNERS_NONE */
};

struct owners_pieces {
	struct hin_prefix_tree *tree;
	struct owners_piece *rows;
	size_t count;
};

struct owners_holding {
	struct hin_addr low, high;
	int64_t id, from_us, until_us; /* until: OWNERS_FOR_EVER */
	uint32_t organisation;	       /* index */
	uint32_t asn;
	const char *name;
};

/* A stretch of time in which nobody else had the addresses and ports. */
struct owners_stretch {
	int64_t from_us, until_us;
	uint32_t device;       /* offset of its text; 0 = none, or several could be it */
	uint32_t organisation; /* index, or OWNERS_NONE */
	uint8_t basis, confidence;
	bool ambiguous;
};

/* The stretches of a block of ports: those given for a time, then those given for good. */
struct owners_group {
	uint16_t port_low, port_high;
	uint32_t first, count, lasting; /* the last `lasting` of `count` are for good */
};

/* Addresses that were given out together. */
struct owners_range {
	uint32_t first, count; /* groups, by port_low and port_high */
	uint32_t whole;	       /* the group of all ports, or OWNERS_NONE */
	uint32_t span;	       /* most ports of any other group, less one */
};

struct hin_owners {
	_Atomic uint64_t refs;
	const struct hin_geo *geo;
	struct hin_owners_stats stats;
	struct hin_arena texts;
	struct hin_owners_organisation *organisations; /* by id */
	size_t organisation_count;
	struct owners_holding *holdings;
	size_t holding_count;
	struct owners_pieces networks; /* of holdings */
	uint32_t *systems, *names;     /* holdings by AS number, by name */
	size_t system_count, name_count;
	struct owners_pieces assigned; /* of ranges */
	struct owners_range *ranges;
	struct owners_group *groups;
	struct owners_stretch *stretches;
	size_t range_count, group_count, stretch_count;
	char *devices; /* texts behind each other; the first one is "" */
	size_t device_bytes;
};

/* Read the leases of the desk that fit into `budget` bytes. */
enum hin_code hin_owners_load_leases(struct hin_owners *o, struct hin_desk *desk, int64_t since_us,
				     uint64_t budget, struct hin_error *err);

/* The index of an organisation by its number, or OWNERS_NONE. */
uint32_t hin_owners_index(const struct hin_owners *o, int64_t id);

/* Pieces while they are gathered. */
struct owners_cut {
	struct owners_cut_row {
		struct hin_prefix prefix;
		uint32_t item;
	} * rows;
	size_t count, room;
};

/* Cut a range into prefixes of `item`. HIN_ENOMEM, HIN_ELIMIT. */
enum hin_code hin_owners_cut(struct owners_cut *cut, const struct hin_addr *low,
			     const struct hin_addr *high, uint32_t item, struct hin_error *err);

/*
 * Make pieces of what was gathered, and free that. Items must be numbered so that of two with the
 * same prefix the inner one has the higher number.
 */
enum hin_code hin_owners_build(struct owners_pieces *out, struct owners_cut *cut,
			       struct hin_error *err);
