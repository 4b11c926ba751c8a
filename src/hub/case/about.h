/*
 * about - everything the hub knows of one address, in one answer: whose it is, findings, cases,
 * notices, leases, and what the store counted.
 *
 * Ownership: the caller's, from hin_about_address() to hin_about_fini().
 * Threads:   those of the desk's and the store's handle.
 */
#pragma once
#include "hub/case/case.h"
#include "hub/owners/owners.h"
#include "store/store.h"

#define HIN_ABOUT_ROWS 100 /* most findings, cases, notices and leases each, newest first */

struct hin_about_notice {
	int64_t id, case_id;
	char code[32], state[16], trouble[160], handle[HIN_FINDING_HANDLE];
	int64_t created_us, sent_us, last_seen_us, fixed_us;
};

struct hin_about_lease {
	struct hin_addr low, high;
	uint16_t port_low, port_high;
	int64_t from_us, until_us; /* until 0 = still */
	char device[HIN_FINDING_DEVICE], basis[16], handle[HIN_FINDING_HANDLE];
	uint8_t confidence;
};

/* Rows of a kind with the address as source or as destination. */
struct hin_about_count {
	uint16_t kind;
	bool as_source;
	uint64_t rows, packets, bytes;
};

struct hin_about {
	struct hin_addr address;
	int64_t now_us;
	struct hin_owner owner; /* now; texts are those of `owners` */
	char handle[HIN_FINDING_HANDLE], name[200], name_ja[200];
	struct hin_finding *findings;
	struct hin_case *cases;
	struct hin_about_notice *notices;
	struct hin_about_lease *leases;
	size_t finding_count, case_count, notice_count, lease_count;
	bool more; /* some list was cut */

	bool counted; /* there was a store */
	int64_t since_us, until_us;
	struct hin_about_count *counts;
	size_t count_count;
	struct hin_store_watched watched;
};

/* What to look at; NULLs leave their part out. */
struct hin_about_question {
	struct hin_addr address;
	int64_t organisation; /* > 0: only what is of this one; the store is not asked then */
	int64_t now_us;
	struct hin_desk *desk;
	const struct hin_owners *owners;
	struct hin_store *store;
	int64_t since_us, until_us; /* of what the store counts; 0 = the last 7 days */
};

/* Ask. `*out` is the caller's on HIN_OK. An address that nobody saw is an answer too. */
HIN_MUST_USE enum hin_code hin_about_address(struct hin_about *out,
					     const struct hin_about_question *question,
					     struct hin_error *err);

void hin_about_fini(struct hin_about *about); /* NULL is fine */

/* Append it as a JSON object: the same for programs and the API. */
void hin_about_json(const struct hin_about *about, struct hin_buffer *out);
