/*
 * authority - signed permission to do what is otherwise not done: survey, select, hand over.
 *
 *	hinomi authority 1
 *	number 2027-000123
 *	kind survey-plan
 *	signers 6f1c...					(SHA-256 of the roster's text)
 *	from 2026-12-01T00:00:00Z
 *	until 2026-12-31T00:00:00Z
 *	requester hub.example/survey+c74f20a3+AR...	(optional: its signature never counts)
 *	statement 9a7e...				(optional: SHA-256 of the paper behind it)
 *	prefix 203.0.113.0/24				(any number; none = no address)
 *	port tcp/22-23					(any number; none = no port)
 *	rate 100					(optional: most packets a second; none = 0)
 *	uses 3						(optional: most uses; none = within the
 *period)
 *
 *	— commission.example/a x08go/...
 *	— commission.example/b wz72k...
 *
 * Lines stand in this order and have one spelling; what is not in the list is refused with the
 * whole note, as is what it does not permit. It counts when k of the n keys of the roster named
 * have signed, when it is in force by the ledger, not revoked and not used up, and within its time.
 *
 *	hinomi signers 1
 *	number 2
 *	previous 77ab...				(SHA-256 of the text of number 1; "-" =
 *none) need 2 signer commission.example/a+c74f20a3+AR... signer commission.example/b+af0cfe78+AT...
 *
 * The first roster is signed by `need` of its own keys and trusted because the operator chose it;
 * each later one is signed by as many of the one before as that needed.
 *
 * Ownership: the caller's storage; what points into it lives as long.
 * Threads:   no shared state; a book may be used by any thread.
 */
#pragma once
#include "base/addr.h"
#include "trust/ledger.h"

#define HIN_AUTHORITY_SIZE ((size_t)128 << 10) /* most bytes of a note */
#define HIN_AUTHORITY_NUMBER 33		       /* longest number, with its NUL */
#define HIN_AUTHORITY_PREFIXES 1024u
#define HIN_AUTHORITY_PORTS 64u
#define HIN_AUTHORITY_PERIOD_S (366 * 86400ll) /* longest period */
#define HIN_SIGNERS 64u			       /* most keys of a roster */

struct hin_signers {
	uint64_t number;
	uint8_t previous[32]; /* zeros = none */
	uint8_t digest[32];   /* SHA-256 of the text */
	unsigned need, count;
	struct hin_note_verifier keys[HIN_SIGNERS];
};

struct hin_authority_ports {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
	uint16_t low, high;
};

struct hin_authority {
	char number[HIN_AUTHORITY_NUMBER];
	uint16_t kind; /* HIN_AUTHORITY_SURVEY_PLAN, ... (schema/registry/authorities) */
	uint8_t signers[32];
	int64_t from_s, until_s; /* until is no longer in it */
	bool has_requester, has_statement;
	struct hin_note_verifier requester;
	uint8_t statement[32];
	size_t prefix_count, port_count;
	struct hin_prefix prefixes[HIN_AUTHORITY_PREFIXES];
	struct hin_authority_ports ports[HIN_AUTHORITY_PORTS];
	uint64_t rate;
	uint64_t uses;	    /* 0 = not limited */
	uint8_t digest[32]; /* SHA-256 of the text: its name in acts; set by reading */
	uint64_t signed_by; /* bit i = key i of the roster; set by opening */
};

/* ---- texts ---- */

/* Append the text of a roster or of an authority, to be signed; digests in it are not looked at. */
void hin_signers_format(struct hin_buffer *out, const struct hin_signers *signers);
void hin_authority_format(struct hin_buffer *out, const struct hin_authority *authority);

/*
 * Read such a text. HIN_EFORMAT names the line: unknown, out of order, twice, not in its one
 * spelling, or against a limit.
 */
HIN_MUST_USE enum hin_code hin_signers_parse(struct hin_signers *out, const char *text, size_t size,
					     struct hin_error *err);
HIN_MUST_USE enum hin_code hin_authority_parse(struct hin_authority *out, const char *text,
					       size_t size, struct hin_error *err);

/* Read ports as they stand in a text: "tcp/22-23", "udp/53". HIN_EFORMAT. */
HIN_MUST_USE enum hin_code hin_authority_ports_parse(struct hin_authority_ports *out,
						     const char *text, struct hin_error *err);

/* ---- signed notes ---- */

/*
 * Check and read a roster, after `before` or, with NULL, as the first. HIN_EVERIFY when too few
 * have signed, one has wrongly, or it does not follow.
 */
HIN_MUST_USE enum hin_code hin_signers_open(struct hin_signers *out, const void *note, size_t size,
					    const struct hin_signers *before,
					    struct hin_error *err);

/*
 * Check and read an authority. HIN_EVERIFY when it names another roster, or fewer than needed have
 * signed; a key counts once, the requester's never.
 */
HIN_MUST_USE enum hin_code hin_authority_open(struct hin_authority *out, const void *note,
					      size_t size, const struct hin_signers *signers,
					      struct hin_error *err);

/* Add a signature to a note, or sign a text that has none yet: append the new note to `out`. */
HIN_MUST_USE enum hin_code hin_authority_sign(struct hin_buffer *out, const void *note, size_t size,
					      const struct hin_note_signer *signer,
					      struct hin_error *err);

/*
 * The word that an authority ends, which one signer of its roster gives:
 *
 *	hinomi revocation 1
 *	authority 6f1c...			(its digest)
 */
void hin_revocation_format(struct hin_buffer *out, const uint8_t digest[32]);
HIN_MUST_USE enum hin_code hin_revocation_parse(uint8_t digest[32], const char *text, size_t size,
						struct hin_error *err);

/* Check and read it: HIN_EVERIFY when no key of `signers` has signed, or one has wrongly. */
HIN_MUST_USE enum hin_code hin_revocation_open(uint8_t digest[32], uint64_t *signed_by,
					       const void *note, size_t size,
					       const struct hin_signers *signers,
					       struct hin_error *err);

/* ---- what the ledger says of them ---- */

struct hin_authority_state {
	bool made, revoked;
	int64_t made_us, revoked_us;
	uint64_t uses;
};

struct hin_authority_book;

/* A book over the ledger in `folder`, whose checkpoints are signed by `log`; nothing is read yet.
 */
HIN_MUST_USE enum hin_code hin_authority_book_open(struct hin_authority_book **out,
						   const char *folder,
						   const struct hin_note_verifier *log,
						   struct hin_error *err);

/* NULL is fine. */
void hin_authority_book_close(struct hin_authority_book *book);

/*
 * Read what the ledger's checkpoint has and the book has not. HIN_EVERIFY when entries do not lead
 * to the checkpoint's root, or it has shrunk; the book is then of no use.
 */
HIN_MUST_USE enum hin_code hin_authority_book_read(struct hin_authority_book *book,
						   struct hin_error *err);

/* What it knows of an authority; all zeros when nothing. */
void hin_authority_book_state(struct hin_authority_book *book, const uint8_t digest[32],
			      struct hin_authority_state *out);

/* ---- asking ---- */

/* What is to be done. Zeros ask for nothing of that sort. */
struct hin_authority_request {
	uint16_t kind;
	const struct hin_prefix *prefix; /* addresses that are touched */
	uint8_t protocol;		 /* with a port range */
	uint16_t port_low, port_high;
	uint64_t rate; /* packets a second */
	bool use;      /* it is one more use */
};

/*
 * May it be done, at `now_s`? HIN_OK, or HIN_EDENIED with the reason. `authority` was opened by
 * hin_authority_open() with a roster that is in force.
 */
HIN_MUST_USE enum hin_code hin_authority_check(const struct hin_authority *authority,
					       const struct hin_authority_state *state,
					       int64_t now_s,
					       const struct hin_authority_request *request,
					       struct hin_error *err);

/*
 * Put an authority in force: an act of account `who`. HIN_EDENIED when it is already, or was
 * revoked.
 */
HIN_MUST_USE enum hin_code hin_authority_enact(struct hin_authority_book *book,
					       struct hin_ledger *ledger,
					       const struct hin_authority *authority, uint64_t who,
					       int64_t now_us, struct hin_error *err);

/*
 * Check `request` by what the ledger says now and, when it may be done, note it there as a use,
 * before it is done. What is refused is noted too. `*index` (or NULL) is the act's.
 */
HIN_MUST_USE enum hin_code hin_authority_use(struct hin_authority_book *book,
					     struct hin_ledger *ledger,
					     const struct hin_authority *authority,
					     const struct hin_authority_request *request,
					     uint64_t who, int64_t now_us, uint64_t *index,
					     struct hin_error *err);

/* Revoke an authority for good, by its digest. HIN_ENOENT when the ledger does not know it. */
HIN_MUST_USE enum hin_code hin_authority_revoke(struct hin_authority_book *book,
						struct hin_ledger *ledger, const uint8_t digest[32],
						uint64_t who, int64_t now_us,
						struct hin_error *err);
