/*
 * session - secrets that stand for a person: one-time links, sessions of the page, API tokens.
 *
 * A secret is 256 random bits, shown once; the desk keeps its SHA-256 alone, so that who reads the
 * desk cannot sign in. What belongs to an account that is not active counts for nothing. A session
 * ends by itself after a time without use, and after a longer time in any case; its number is new
 * at each sign-in.
 *
 * Ownership: the caller's storage. Secrets in it are cleared by the caller (explicit_bzero).
 * Threads:   as the desk.
 */
#pragma once
#include "base/buffer.h"
#include "hub/people/account.h"

#define HIN_SECRET_TEXT 44	   /* base64url of 32 bytes, with its NUL */
#define HIN_SESSIONS 64		   /* most of an account; the one unused longest goes */
#define HIN_TOKENS 100		   /* most of an account */
#define HIN_TOKEN_LABEL 64	   /* longest label, with its NUL */
#define HIN_TOKEN_PREFIX "hinomi_" /* before the secret, so that scanners of leaks find it */
#define HIN_TOKEN_TEXT (HIN_SECRET_TEXT + 7)
#define HIN_TOUCH_US (60 * 1000000ll) /* a session's last use is written so often */
#define HIN_CREDENTIAL_ID 33	      /* its name for people: 16 bytes of the digest, hex, NUL */

/* What a token may: name, meaning. */
#define HIN_SCOPES(X)                                                                              \
	X(HIN_SCOPE_READ, "read", "read cases, findings, addresses, notices, owners, sensors")     \
	X(HIN_SCOPE_QUERY, "query", "ask the store of observations")                               \
	X(HIN_SCOPE_CASES, "cases", "act on cases")                                                \
	X(HIN_SCOPE_NOTICES, "notices", "act on notices")                                          \
	X(HIN_SCOPE_DIRECTORY, "directory", "change owners, contacts, holdings and leases")        \
	X(HIN_SCOPE_LEDGER, "ledger", "read acts, proofs and authorities")                         \
	X(HIN_SCOPE_ACCOUNTS, "accounts", "read and change accounts")                              \
	X(HIN_SCOPE_SENSORS, "sensors", "make and withdraw enrolment codes, revoke sensors")       \
	X(HIN_SCOPE_RULES, "rules", "switch rules, replay them over stored observations")          \
	X(HIN_SCOPE_EXPORT, "export", "take observations, cases and notices away as files")

enum hin_scope {
#define X(name, text, meaning) name,
	HIN_SCOPES(X)
#undef X
		HIN_SCOPE_COUNT,
	HIN_SCOPE_NONE, /* of a route: no token reaches it */
};

enum hin_credential_kind { HIN_CREDENTIAL_INVITE, HIN_CREDENTIAL_SESSION, HIN_CREDENTIAL_TOKEN };

struct hin_credential {
	enum hin_credential_kind kind;
	uint8_t digest[32];
	int64_t account;
	char label[HIN_TOKEN_LABEL];
	unsigned scopes;  /* 1 << HIN_SCOPE_...; of a token */
	uint8_t csrf[32]; /* of a session */
	int64_t created_us, seen_us, expires_us;
	struct hin_addr address;
	bool has_address;
};

/* How long sessions last. */
struct hin_session_limits {
	int64_t idle_us, most_us;
};

/* The name of a scope; "" for none. The bits of a text of names; HIN_EFORMAT for an unknown one. */
const char *hin_scope_name(enum hin_scope scope);
HIN_MUST_USE enum hin_code hin_scopes_parse(unsigned *out, const char *text, struct hin_error *err);
void hin_scopes_print(struct hin_buffer *out, unsigned scopes);

/* The name of a credential for people and paths. */
void hin_credential_id(char out[HIN_CREDENTIAL_ID], const uint8_t digest[32]);

/* Draw a secret: its text, and the digest that is kept. HIN_ESYS without randomness. */
HIN_MUST_USE enum hin_code hin_secret_make(char text[HIN_SECRET_TEXT], uint8_t digest[32],
					   struct hin_error *err);

/* The digest of a secret's text; false when it is no such text. */
bool hin_secret_digest(uint8_t digest[32], const char *text);

/* ---- one-time links ---- */

/*
 * Make a link's secret for an account that is invited; links made before are void. HIN_EUSAGE when
 * it is not invited: reset it first.
 */
HIN_MUST_USE enum hin_code hin_invite_make(struct hin_desk *desk, int64_t account, int64_t by,
					   int64_t now_us, char secret[HIN_SECRET_TEXT],
					   struct hin_error *err);

/* The account that a link is for, if it is still good. HIN_ENOENT when not. */
HIN_MUST_USE enum hin_code hin_invite_find(struct hin_desk *desk, const char *secret,
					   int64_t now_us, struct hin_account *out,
					   struct hin_error *err);

/* Use a link: its account gets the password's hash and is active. HIN_ENOENT when it is void. */
HIN_MUST_USE enum hin_code hin_invite_use(struct hin_desk *desk, const char *secret,
					  const char *hash, int64_t now_us, int64_t *account,
					  struct hin_error *err);

/* ---- sessions ---- */

/* Whom a request comes from. */
struct hin_identity {
	struct hin_account account;
	struct hin_credential credential;
};

#define HIN_PLACE_US (30 * INT64_C(86400000000)) /* so long a place is known */
#define HIN_PLACES 32				 /* of one account; the oldest go */

/*
 * Did the account `name` sign in from this IPv4 address or IPv6 /64 within HIN_PLACE_US? False also
 * when the desk cannot say.
 */
bool hin_session_knows_place(struct hin_desk *desk, const char *name,
			     const struct hin_addr *address, int64_t now_us);

/*
 * Begin a session of an active account whose password was checked outside of a transaction, with
 * `code` of the second factor: HIN_EAGAIN when one is needed, HIN_EVERIFY when it is wrong or the
 * account is not active. `old` (a digest, or NULL) is the session that the browser had: it ends.
 */
HIN_MUST_USE enum hin_code hin_session_make(struct hin_desk *desk, int64_t account,
					    const char *code, const struct hin_addr *address,
					    const uint8_t *old,
					    const struct hin_session_limits *limits, int64_t now_us,
					    char secret[HIN_SECRET_TEXT], uint8_t csrf[32],
					    struct hin_error *err);

/*
 * Who has this session or token, if it is good now; a read. HIN_ENOENT when nobody. The caller
 * writes its use by hin_credential_touch() when `seen_us` is older than HIN_TOUCH_US.
 */
HIN_MUST_USE enum hin_code hin_session_find(struct hin_desk *desk, const char *secret,
					    const struct hin_session_limits *limits, int64_t now_us,
					    struct hin_identity *out, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_token_find(struct hin_desk *desk, const char *text, int64_t now_us,
					  struct hin_identity *out, struct hin_error *err);

/* Note that it was used. */
HIN_MUST_USE enum hin_code hin_credential_touch(struct hin_desk *desk, const uint8_t digest[32],
						int64_t now_us, struct hin_error *err);

/*
 * End the session or token called `id` of `account` (sign-out, or by somebody else: `by` differs).
 * HIN_ENOENT when there is none.
 */
HIN_MUST_USE enum hin_code hin_credential_end(struct hin_desk *desk, int64_t account,
					      enum hin_credential_kind kind, const char *id,
					      int64_t by, int64_t now_us, struct hin_error *err);

/* End all sessions of an account but `keep` (a digest, or NULL); how many, in `count`. */
HIN_MUST_USE enum hin_code hin_session_end_all(struct hin_desk *desk, int64_t account,
					       const uint8_t *keep, int64_t by, int64_t now_us,
					       int64_t *count, struct hin_error *err);

/* A code other than HIN_OK ends the walk and is its code. */
typedef enum hin_code (*hin_credential_fn)(void *user, const struct hin_credential *credential);

/* The sessions or tokens of an account that are good now, newest first. */
HIN_MUST_USE enum hin_code hin_credential_each(struct hin_desk *desk, int64_t account,
					       enum hin_credential_kind kind,
					       const struct hin_session_limits *limits,
					       int64_t now_us, hin_credential_fn call, void *user,
					       struct hin_error *err);

/* Make a token; `text` is shown once. HIN_ELIMIT over HIN_TOKENS, HIN_EUSAGE without scope. */
HIN_MUST_USE enum hin_code hin_token_make(struct hin_desk *desk, int64_t account, const char *label,
					  unsigned scopes, int64_t expires_us, int64_t by,
					  int64_t now_us, char text[HIN_TOKEN_TEXT],
					  struct hin_error *err);

/* Drop what has expired; how many, in `count`. Sessions that end so are no acts of their own. */
HIN_MUST_USE enum hin_code hin_credential_sweep(struct hin_desk *desk,
						const struct hin_session_limits *limits,
						int64_t now_us, int64_t *count,
						struct hin_error *err);
