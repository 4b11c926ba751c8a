/* session - links, sessions and tokens, of which the desk keeps digests; see session.h */
#include "hub/people/session.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/escape.h"
#include "hub/people/account_priv.h"

static const char *const kinds[] = { "invite", "session", "token" };

static const char *const scopes[] = {
#define X(name, text, meaning) [name] = text,
	HIN_SCOPES(X)
#undef X
};

const char *hin_scope_name(enum hin_scope scope)
{
	return scope < HIN_SCOPE_COUNT ? scopes[scope] : "";
}

enum hin_code hin_scopes_parse(unsigned *out, const char *text, struct hin_error *err)
{
	*out = 0;
	while (*(text += strspn(text, " ")) != '\0') {
		size_t size = strcspn(text, " "), at = 0;

		while (at < HIN_SCOPE_COUNT &&
		       (strlen(scopes[at]) != size || memcmp(scopes[at], text, size) != 0))
			at++;
		if (at == HIN_SCOPE_COUNT)
			return hin_fail(err, HIN_EFORMAT,
					"there is no such scope: read, query, cases, notices, "
					"directory, ledger or accounts");
		*out |= 1u << at;
		text += size;
	}
	return HIN_OK;
}

void hin_scopes_print(struct hin_buffer *out, unsigned set)
{
	bool more = false;

	for (unsigned i = 0; i < HIN_SCOPE_COUNT; i++) {
		if (!(set >> i & 1))
			continue;
		hin_buffer_printf(out, "%s%s", more ? " " : "", scopes[i]);
		more = true;
	}
}

void hin_credential_id(char out[HIN_CREDENTIAL_ID], const uint8_t digest[32])
{
	(void)sodium_bin2hex(out, HIN_CREDENTIAL_ID, digest, (HIN_CREDENTIAL_ID - 1) / 2);
}

/* ---- secrets ---- */

enum hin_code hin_secret_make(char text[HIN_SECRET_TEXT], uint8_t digest[32], struct hin_error *err)
{
	uint8_t random[32];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return hin_fail(err, HIN_ESYS, "getrandom");
	(void)sodium_bin2base64(text, HIN_SECRET_TEXT, random, sizeof(random),
				sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	crypto_hash_sha256(digest, random, sizeof(random));
	explicit_bzero(random, sizeof(random));
	return HIN_OK;
}

bool hin_secret_digest(uint8_t digest[32], const char *text)
{
	uint8_t bytes[32];
	size_t size = 0;

	if (strnlen(text, HIN_SECRET_TEXT) != HIN_SECRET_TEXT - 1 ||
	    sodium_base642bin(bytes, sizeof(bytes), text, HIN_SECRET_TEXT - 1, NULL, &size, NULL,
			      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
	    size != sizeof(bytes))
		return false;
	crypto_hash_sha256(digest, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return true;
}

/* ---- rows ---- */

#define COLUMNS                                                                                    \
	"digest, kind, account, label, scopes, csrf, created_us, seen_us, expires_us, address"

static void copy_bytes(uint8_t out[32], sqlite3_stmt *s, int at)
{
	const void *bytes = sqlite3_column_blob(s, at);

	if (bytes != NULL && sqlite3_column_bytes(s, at) == 32)
		memcpy(out, bytes, 32);
}

static void read_row(sqlite3_stmt *s, struct hin_credential *out)
{
	const char *kind = hin_desk_text(s, 1);

	*out = (struct hin_credential){ .account = sqlite3_column_int64(s, 2),
					.created_us = sqlite3_column_int64(s, 6),
					.seen_us = sqlite3_column_int64(s, 7),
					.expires_us = sqlite3_column_int64(s, 8) };
	copy_bytes(out->digest, s, 0);
	for (unsigned i = 0; i < HIN_COUNT(kinds); i++)
		if (strcmp(kind, kinds[i]) == 0)
			out->kind = (enum hin_credential_kind)i;
	snprintf(out->label, sizeof(out->label), "%s", hin_desk_text(s, 3));
	if (hin_scopes_parse(&out->scopes, hin_desk_text(s, 4), NULL) != HIN_OK)
		out->scopes = 0;
	copy_bytes(out->csrf, s, 5);
	out->has_address = hin_desk_address(s, 9, &out->address);
}

/* The earliest last use that still counts. */
static int64_t idle_since(const struct hin_session_limits *limits, int64_t now_us)
{
	return limits != NULL ? now_us - limits->idle_us : 0;
}

/* Read the credential of `digest` and its account; HIN_ENOENT when it is not good now. */
static enum hin_code find(struct hin_desk *desk, const uint8_t digest[32],
			  enum hin_credential_kind kind, int64_t since_us, int64_t now_us,
			  struct hin_identity *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk,
					     "SELECT " COLUMNS
					     " FROM credential WHERE digest = ?1 AND kind = ?2 AND "
					     "expires_us > ?3 AND seen_us > ?4",
					     err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "btii", (const void *)digest, (size_t)32, kinds[kind],
			     now_us, since_us);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "it is void, or its time is over");
	if (code != HIN_OK)
		return code;
	read_row(s, &out->credential);
	sqlite3_reset(s);
	return hin_account_get(desk, out->credential.account, &out->account, err);
}

/* ---- one-time links ---- */

enum hin_code hin_invite_make(struct hin_desk *desk, int64_t account, int64_t by, int64_t now_us,
			      char secret[HIN_SECRET_TEXT], struct hin_error *err)
{
	struct hin_account who = { 0 };
	uint8_t digest[32];
	enum hin_code code = hin_secret_make(secret, digest, err);

	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = hin_account_get(desk, account, &who, err);
	if (code == HIN_OK && who.state != HIN_ACCOUNT_INVITED)
		code = hin_fail(err, HIN_EUSAGE,
				"the account is %s: a link is for one that is invited; reset it "
				"first",
				hin_account_state_name(who.state));
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "DELETE FROM credential WHERE account = ?1 AND kind = 'invite'",
				    "i", account);
	if (code == HIN_OK)
		code = hin_desk_run(
			desk, err,
			"INSERT INTO credential (digest, kind, account, created_us, seen_us, "
			"expires_us) VALUES (?1, 'invite', ?2, ?3, ?3, ?4)",
			"biii", (const void *)digest, sizeof(digest), account, now_us,
			now_us + (int64_t)(HIN_LINK_NS / 1000));
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_LINK_MADE, account, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

enum hin_code hin_invite_find(struct hin_desk *desk, const char *secret, int64_t now_us,
			      struct hin_account *out, struct hin_error *err)
{
	struct hin_identity who = { 0 };
	uint8_t digest[32];
	enum hin_code code;

	if (!hin_secret_digest(digest, secret))
		return hin_fail(err, HIN_ENOENT, "the link is void, or its time is over");
	code = find(desk, digest, HIN_CREDENTIAL_INVITE, 0, now_us, &who, err);
	if (code == HIN_ENOENT || (code == HIN_OK && who.account.state != HIN_ACCOUNT_INVITED))
		return hin_fail(err, HIN_ENOENT, "the link is void, or its time is over");
	if (code == HIN_OK)
		*out = who.account;
	return code;
}

enum hin_code hin_invite_use(struct hin_desk *desk, const char *secret, const char *hash,
			     int64_t now_us, int64_t *account, struct hin_error *err)
{
	struct hin_account who = { 0 };
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_invite_find(desk, secret, now_us, &who, err);
	if (code == HIN_OK)
		code = account_end_credentials(desk, who.id, true, err);
	if (code == HIN_OK)
		code = hin_desk_run(
			desk, err,
			"UPDATE account SET password = ?2, state = 'active' WHERE id = ?1", "it",
			who.id, hash);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_LINK_USED, who.id, who.id, now_us, err, "}");
	if (code == HIN_OK)
		*account = who.id;
	return account_settle(desk, code, err);
}

/* ---- sessions ---- */

/* Keep an account within its number of sessions: the one unused longest goes. */
static enum hin_code make_room(struct hin_desk *desk, int64_t account, struct hin_error *err)
{
	return hin_desk_run(
		desk, err,
		"DELETE FROM credential WHERE digest IN (SELECT digest FROM credential WHERE "
		"account = ?1 AND kind = 'session' ORDER BY seen_us DESC LIMIT -1 OFFSET ?2)",
		"ii", account, (int64_t)HIN_SESSIONS - 1);
}

static enum hin_code insert_session(struct hin_desk *desk, int64_t account,
				    const uint8_t digest[32], const uint8_t csrf[32],
				    const struct hin_addr *address, int64_t now_us,
				    int64_t expires_us, struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "INSERT INTO credential (digest, kind, account, csrf, created_us, "
			    "seen_us, expires_us, address) VALUES (?1, 'session', ?2, ?3, ?4, ?4, "
			    "?5, ?6)",
			    "bibiia", (const void *)digest, (size_t)32, account, (const void *)csrf,
			    (size_t)32, now_us, expires_us, address);
}

/* ---- places ---- */

static struct hin_addr place_of(const struct hin_addr *address)
{
	struct hin_addr place = *address;

	if (!hin_addr_is_v4(&place))
		memset(place.b + 8, 0, 8);
	return place;
}

bool hin_session_knows_place(struct hin_desk *desk, const char *name,
			     const struct hin_addr *address, int64_t now_us)
{
	struct hin_addr place = place_of(address);
	int64_t known = 0;

	return hin_desk_number(desk, &known, NULL,
			       "SELECT count(*) FROM sign_in_place p JOIN account a ON a.id = "
			       "p.account WHERE a.name = ?1 AND p.address = ?2 AND p.time_us > ?3",
			       "tai", name, &place, now_us - HIN_PLACE_US) == HIN_OK &&
	       known > 0;
}

static enum hin_code keep_place(struct hin_desk *desk, int64_t account,
				const struct hin_addr *address, int64_t now_us,
				struct hin_error *err)
{
	struct hin_addr place = place_of(address);
	enum hin_code code =
		hin_desk_run(desk, err, "INSERT OR REPLACE INTO sign_in_place VALUES (?1, ?2, ?3)",
			     "iai", account, &place, now_us);

	if (code != HIN_OK)
		return code;
	return hin_desk_run(desk, err,
			    "DELETE FROM sign_in_place WHERE account = ?1 AND (time_us <= ?2 OR "
			    "address NOT IN (SELECT address FROM sign_in_place WHERE account = ?1 "
			    "ORDER BY time_us DESC LIMIT ?3))",
			    "iii", account, now_us - HIN_PLACE_US, (int64_t)HIN_PLACES);
}

enum hin_code hin_session_make(struct hin_desk *desk, int64_t account, const char *code_text,
			       const struct hin_addr *address, const uint8_t *old,
			       const struct hin_session_limits *limits, int64_t now_us,
			       char secret[HIN_SECRET_TEXT], uint8_t csrf[32],
			       struct hin_error *err)
{
	struct hin_account who = { 0 };
	uint8_t digest[32];
	enum hin_code code = hin_secret_make(secret, digest, err);

	if (code == HIN_OK && getrandom(csrf, 32, 0) != 32)
		code = hin_fail(err, HIN_ESYS, "getrandom");
	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = hin_account_get(desk, account, &who, err);
	if (code == HIN_ENOENT || (code == HIN_OK && who.state != HIN_ACCOUNT_ACTIVE))
		code = hin_fail(err, HIN_EVERIFY, "the account is not active");
	if (code == HIN_OK)
		code = hin_account_use_code(desk, account, code_text, now_us, err);
	if (code == HIN_OK && old != NULL)
		code = hin_desk_run(desk, err,
				    "DELETE FROM credential WHERE digest = ?1 AND kind = 'session'",
				    "b", (const void *)old, (size_t)32);
	if (code == HIN_OK)
		code = make_room(desk, account, err);
	if (code == HIN_OK)
		code = insert_session(desk, account, digest, csrf, address, now_us,
				      now_us + limits->most_us, err);
	if (code == HIN_OK && address != NULL)
		code = keep_place(desk, account, address, now_us, err);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err, "UPDATE account SET signed_in_us = ?2 WHERE id = ?1",
				    "ii", account, now_us);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_SIGN_IN, account, account, now_us, err,
				   ",\"second_factor\":%s}", who.has_totp ? "true" : "false");
	return account_settle(desk, code, err);
}

enum hin_code hin_session_find(struct hin_desk *desk, const char *secret,
			       const struct hin_session_limits *limits, int64_t now_us,
			       struct hin_identity *out, struct hin_error *err)
{
	uint8_t digest[32];
	enum hin_code code;

	if (!hin_secret_digest(digest, secret))
		return hin_fail(err, HIN_ENOENT, "sign in first");
	code = find(desk, digest, HIN_CREDENTIAL_SESSION, idle_since(limits, now_us), now_us, out,
		    err);
	if (code == HIN_ENOENT || (code == HIN_OK && out->account.state != HIN_ACCOUNT_ACTIVE))
		return hin_fail(err, HIN_ENOENT, "the session is over: sign in again");
	return code;
}

enum hin_code hin_token_find(struct hin_desk *desk, const char *text, int64_t now_us,
			     struct hin_identity *out, struct hin_error *err)
{
	size_t prefix = strlen(HIN_TOKEN_PREFIX);
	uint8_t digest[32];
	enum hin_code code;

	if (strncmp(text, HIN_TOKEN_PREFIX, prefix) != 0 ||
	    !hin_secret_digest(digest, text + prefix))
		return hin_fail(err, HIN_ENOENT, "this is no token of hinomi");
	code = find(desk, digest, HIN_CREDENTIAL_TOKEN, 0, now_us, out, err);
	if (code == HIN_ENOENT || (code == HIN_OK && out->account.state != HIN_ACCOUNT_ACTIVE))
		return hin_fail(err, HIN_ENOENT, "the token is void, or its time is over");
	return code;
}

enum hin_code hin_credential_touch(struct hin_desk *desk, const uint8_t digest[32], int64_t now_us,
				   struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "UPDATE credential SET seen_us = ?2 WHERE digest = ?1 AND seen_us < ?2",
			    "bi", (const void *)digest, (size_t)32, now_us);
}

enum hin_code hin_credential_end(struct hin_desk *desk, int64_t account,
				 enum hin_credential_kind kind, const char *id, int64_t by,
				 int64_t now_us, struct hin_error *err)
{
	uint16_t act = kind == HIN_CREDENTIAL_TOKEN ? HIN_ACT_TOKEN_REVOKED
		       : by == account		    ? HIN_ACT_SIGN_OUT
						    : HIN_ACT_SESSION_ENDED;
	enum hin_code code;

	if (strlen(id) != HIN_CREDENTIAL_ID - 1 || strspn(id, "0123456789abcdef") != strlen(id))
		return hin_fail(err, HIN_ENOENT, "there is no such %s", kinds[kind]);
	code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "DELETE FROM credential WHERE account = ?1 AND kind = ?2 AND "
			    "lower(hex(substr(digest, 1, 16))) = ?3",
			    "itt", account, kinds[kind], id);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such %s", kinds[kind]);
	if (code == HIN_OK)
		code = account_act(desk, act, account, by, now_us, err, ",\"%s\":\"%s\"}",
				   kinds[kind], id);
	return account_settle(desk, code, err);
}

enum hin_code hin_session_end_all(struct hin_desk *desk, int64_t account, const uint8_t *keep,
				  int64_t by, int64_t now_us, int64_t *count, struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "DELETE FROM credential WHERE account = ?1 AND kind = 'session' AND "
			    "digest IS NOT ?2",
			    "ib", account, (const void *)keep,
			    keep != NULL ? (size_t)32 : (size_t)0);
	if (code == HIN_OK)
		*count = hin_desk_changed(desk);
	if (code == HIN_OK && *count > 0)
		code = account_act(desk, by == account ? HIN_ACT_SIGN_OUT : HIN_ACT_SESSION_ENDED,
				   account, by, now_us, err, ",\"sessions\":%lld}",
				   (long long)*count);
	return account_settle(desk, code, err);
}

enum hin_code hin_credential_each(struct hin_desk *desk, int64_t account,
				  enum hin_credential_kind kind,
				  const struct hin_session_limits *limits, int64_t now_us,
				  hin_credential_fn call, void *user, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT " COLUMNS " FROM credential WHERE account = ?1 AND kind = ?2 AND "
		"expires_us > ?3 AND seen_us > ?4 ORDER BY created_us DESC, digest",
		err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "itii", account, kinds[kind], now_us,
			     kind == HIN_CREDENTIAL_SESSION ? idle_since(limits, now_us)
							    : (int64_t)0);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct hin_credential row;

		read_row(s, &row);
		code = call(user, &row);
	}
	sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- tokens ---- */

enum hin_code hin_token_make(struct hin_desk *desk, int64_t account, const char *label,
			     unsigned set, int64_t expires_us, int64_t by, int64_t now_us,
			     char text[HIN_TOKEN_TEXT], struct hin_error *err)
{
	char names[128], id[HIN_CREDENTIAL_ID], secret[HIN_SECRET_TEXT];
	struct hin_buffer words = hin_buffer_over(names, sizeof(names));
	struct hin_account who = { 0 };
	uint8_t digest[32];
	int64_t count = 0;
	enum hin_code code;

	if (set == 0)
		return hin_fail(err, HIN_EUSAGE, "a token needs a scope");
	if (label[0] == '\0' || strlen(label) >= HIN_TOKEN_LABEL || !account_is_text(label, true))
		return hin_fail(err, HIN_EFORMAT, "a token needs a label of at most %d bytes",
				HIN_TOKEN_LABEL - 1);
	if (expires_us <= now_us || expires_us > now_us + 366 * INT64_C(86400000000))
		return hin_fail(err, HIN_ERANGE, "a token is good for a year at most");
	code = hin_secret_make(secret, digest, err);
	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	hin_scopes_print(&words, set);
	hin_credential_id(id, digest);
	code = hin_account_get(desk, account, &who, err);
	if (code == HIN_OK && who.state != HIN_ACCOUNT_ACTIVE)
		code = hin_fail(err, HIN_EUSAGE, "the account is not active");
	if (code == HIN_OK)
		code = hin_desk_number(desk, &count, err,
				       "SELECT count(*) FROM credential WHERE account = ?1 AND "
				       "kind = 'token'",
				       "i", account);
	if (code == HIN_OK && count >= HIN_TOKENS)
		code = hin_fail(err, HIN_ELIMIT, "there are %d tokens already: revoke some",
				HIN_TOKENS);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "INSERT INTO credential (digest, kind, account, label, scopes, "
				    "created_us, seen_us, expires_us) VALUES (?1, 'token', ?2, ?3, "
				    "?4, ?5, ?5, ?6)",
				    "bittii", (const void *)digest, sizeof(digest), account, label,
				    names, now_us, expires_us);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_TOKEN_MADE, account, by, now_us, err,
				   ",\"token\":\"%s\",\"scopes\":\"%s\"}", id, names);
	code = account_settle(desk, code, err);
	if (code == HIN_OK)
		snprintf(text, HIN_TOKEN_TEXT, HIN_TOKEN_PREFIX "%s", secret);
	explicit_bzero(secret, sizeof(secret));
	return code;
}

enum hin_code hin_credential_sweep(struct hin_desk *desk, const struct hin_session_limits *limits,
				   int64_t now_us, int64_t *count, struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "DELETE FROM credential WHERE expires_us <= ?1 OR (kind = 'session' "
			    "AND seen_us <= ?2)",
			    "ii", now_us, idle_since(limits, now_us));
	if (code == HIN_OK)
		*count = hin_desk_changed(desk);
	return account_settle(desk, code, err);
}
