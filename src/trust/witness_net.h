/*
 * witness_net - witnesses on the wire: a witness's routes, and a log that asks witnesses.
 *
 *	POST /add-checkpoint			a request of trust/witness.h, its answer
 *	GET  /<origin hash>/checkpoint		the newest checkpoint that was cosigned
 *
 * Ownership: the caller's storage; what settings point to must outlive the asker.
 * Threads:   as the server's; an asker has a thread of its own.
 */
#pragma once
#include "net/http_server.h"
#include "trust/ledger.h"
#include "trust/witness.h"

#define HIN_WITNESS_ROUTES 2

/* Write the routes to `out` of HIN_WITNESS_ROUTES rows. The witness must outlive the server. */
void hin_witness_routes(struct hin_http_route out[HIN_WITNESS_ROUTES], struct hin_witness *witness);

/* Whom to ask. */
struct hin_witness_peer {
	const char *url;    /* "https://witness.example:8443", with a path before /add-checkpoint */
	const char *ca_pem; /* who signs its certificate, or NULL */
	const uint8_t *ca_sha256; /* or the fingerprint of that; or NULL */
	struct hin_cosigner cosigner;
	const _Atomic bool *stop; /* when it becomes true, asking ends; or NULL */
};

struct hin_witness_result {
	enum hin_code code; /* HIN_OK: it has cosigned */
	struct hin_error err;
	uint64_t size; /* what it has cosigned, as far as is known */
};

/*
 * Ask each of `count` witnesses for the newest checkpoint of `ledger`, and give the ledger what
 * they have signed. `results` (count rows) says how each answered; `size` in it is read and
 * written, at first 0. Returns how many have cosigned.
 */
unsigned hin_witness_ask(struct hin_ledger *ledger, const struct hin_witness_peer *peers,
			 size_t count, struct hin_witness_result *results);

/* ---- a thread that asks ---- */

struct hin_asker;

/* Ask every `every_ns` from now on, when the ledger has grown. What goes wrong is logged. */
HIN_MUST_USE enum hin_code hin_asker_open(struct hin_asker **out, struct hin_ledger *ledger,
					  const struct hin_witness_peer *peers, size_t count,
					  int64_t every_ns, struct hin_error *err);

/* Stop and free, before the ledger is closed. NULL is fine. */
void hin_asker_close(struct hin_asker *asker);
