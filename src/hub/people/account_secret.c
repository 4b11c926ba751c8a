/* account_secret - passwords, second factors and recovery codes; see account.h */
#include <assert.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "hub/people/account_priv.h"
#include "hub/people/totp.h"

#define PASSWORD_ROUNDS 3 /* of Argon2id, over HIN_PASSWORD_MEMORY */
#define RECOVERY_BYTES 10 /* 80 bits: no guess finds one, so a plain digest keeps it */

/* ---- passwords ---- */

static bool has_name(const char *password, const char *name)
{
	return strlen(name) >= 4 && strcasestr(password, name) != NULL;
}

static unsigned kinds_of_bytes(const char *text)
{
	bool seen[256] = { false };
	unsigned count = 0;

	for (; *text != '\0'; text++) {
		count += !seen[(unsigned char)*text];
		seen[(unsigned char)*text] = true;
	}
	return count;
}

static size_t characters(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

enum hin_code hin_password_judge(const char *password, const char *name, struct hin_error *err)
{
	size_t size = strlen(password);

	if (size > HIN_PASSWORD_MOST || !account_is_text(password, false))
		return hin_fail(err, HIN_EUSAGE, "a password has at most %d bytes of UTF-8",
				HIN_PASSWORD_MOST);
	if (characters(password) < HIN_PASSWORD_LEAST)
		return hin_fail(err, HIN_EUSAGE, "a password has at least %d characters",
				HIN_PASSWORD_LEAST);
	if (kinds_of_bytes(password) < 5)
		return hin_fail(err, HIN_EUSAGE,
				"this password repeats few characters: choose another one");
	if (has_name(password, name))
		return hin_fail(err, HIN_EUSAGE, "a password must not hold the account's name");
	return HIN_OK;
}

enum hin_code hin_password_hash(char out[HIN_PASSWORD_TEXT], const char *password,
				struct hin_error *err)
{
	static_assert(HIN_PASSWORD_TEXT >= crypto_pwhash_argon2id_STRBYTES, "the text fits");

	if (sodium_init() < 0 ||
	    crypto_pwhash_argon2id_str(out, password, strlen(password), PASSWORD_ROUNDS,
				       HIN_PASSWORD_MEMORY) != 0)
		return hin_fail(err, HIN_ENOMEM, "no memory to hash a password");
	return HIN_OK;
}

bool hin_password_check(const char *hash, const char *password)
{
	/* of a password nobody knows, with the parameters of today */
	static const char nobody[] = "$argon2id$v=19$m=32768,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
				     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	bool known = hash != NULL && hash[0] != '\0';
	bool right;

	static_assert(HIN_PASSWORD_MEMORY == (size_t)32768 << 10, "as in the text above");
	if (sodium_init() < 0)
		return false;
	right = crypto_pwhash_argon2id_str_verify(known ? hash : nobody, password,
						  strlen(password)) == 0;
	return right && known;
}

enum hin_code hin_account_set_password(struct hin_desk *desk, int64_t id, const char *hash,
				       const uint8_t keep[32], int64_t by, int64_t now_us,
				       struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "UPDATE account SET password = ?2 WHERE id = ?1 AND state = 'active'",
			    "it", id, hash);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such active account");
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "DELETE FROM credential WHERE account = ?1 AND kind = "
				    "'session' AND digest IS NOT ?2",
				    "ib", id, (const void *)keep,
				    keep != NULL ? (size_t)32 : (size_t)0);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_PASSWORD_CHANGED, id, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

enum hin_code hin_account_password(struct hin_desk *desk, int64_t id, char out[HIN_PASSWORD_TEXT],
				   struct hin_error *err)
{
	sqlite3_stmt *s =
		hin_desk_statement(desk, "SELECT password FROM account WHERE id = ?1", err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", id) : HIN_EFORMAT;

	out[0] = '\0';
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no such account");
	if (code != HIN_OK)
		return code;
	snprintf(out, HIN_PASSWORD_TEXT, "%s", hin_desk_text(s, 0));
	sqlite3_reset(s);
	return HIN_OK;
}

enum hin_code hin_account_reset(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
				struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	if (by != 0) /* on the hub's own machine there is `hinomi account first` */
		code = account_spare(desk, id, err);
	if (code == HIN_OK)
		code = hin_desk_run(
			desk, err,
			"UPDATE account SET password = '', totp = NULL, totp_step = 0, state = "
			"'invited' WHERE id = ?1 AND state <> 'closed'",
			"i", id);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such account, or it is closed");
	if (code == HIN_OK)
		code = hin_desk_run(desk, err, "DELETE FROM recovery_code WHERE account = ?1", "i",
				    id);
	if (code == HIN_OK)
		code = account_end_credentials(desk, id, true, err);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_ACCOUNT_CHANGED, id, by, now_us, err,
				   ",\"reset\":true}");
	return account_settle(desk, code, err);
}

/* ---- recovery codes ---- */

/* What is typed, without what people put between; the digest of that. */
static void recovery_digest(uint8_t out[32], const char *code)
{
	char text[32];
	size_t used = 0;

	for (; *code != '\0' && used + 1 < sizeof(text); code++)
		if (isalnum((unsigned char)*code))
			text[used++] = (char)tolower((unsigned char)*code);
	crypto_hash_sha256(out, (const unsigned char *)text, used);
	explicit_bzero(text, sizeof(text));
}

static enum hin_code recovery_draw(char out[HIN_RECOVERY_TEXT], struct hin_error *err)
{
	uint8_t random[RECOVERY_BYTES];
	char text[20];
	size_t used = 0;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return hin_fail(err, HIN_ESYS, "getrandom");
	hin_totp_base32(text, random, sizeof(random)); /* 16 characters */
	for (size_t i = 0; i < 16; i++) {
		if (i > 0 && i % 4 == 0)
			out[used++] = '-';
		out[used++] = (char)tolower((unsigned char)text[i]);
	}
	out[used] = '\0';
	explicit_bzero(random, sizeof(random));
	explicit_bzero(text, sizeof(text));
	return HIN_OK;
}

static enum hin_code recovery_replace(struct hin_desk *desk, int64_t id,
				      char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT],
				      struct hin_error *err)
{
	enum hin_code code =
		hin_desk_run(desk, err, "DELETE FROM recovery_code WHERE account = ?1", "i", id);

	for (unsigned i = 0; i < HIN_RECOVERY_CODES && code == HIN_OK; i++) {
		uint8_t digest[32];

		code = recovery_draw(codes[i], err);
		if (code != HIN_OK)
			break;
		recovery_digest(digest, codes[i]);
		code = hin_desk_run(desk, err,
				    "INSERT INTO recovery_code (account, digest) VALUES (?1, ?2)",
				    "ib", id, (const void *)digest, sizeof(digest));
	}
	return code;
}

enum hin_code hin_account_make_recovery(struct hin_desk *desk, int64_t id, int64_t by,
					int64_t now_us,
					char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT],
					struct hin_error *err)
{
	struct hin_account account;
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_account_get(desk, id, &account, err);
	if (code == HIN_OK && !account.has_totp)
		code = hin_fail(err, HIN_EUSAGE, "set up the second factor first");
	if (code == HIN_OK)
		code = recovery_replace(desk, id, codes, err);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_RECOVERY_MADE, id, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

enum hin_code hin_account_recovery_left(struct hin_desk *desk, int64_t id, int64_t *out,
					struct hin_error *err)
{
	return hin_desk_number(
		desk, out, err,
		"SELECT count(*) FROM recovery_code WHERE account = ?1 AND used_us = 0", "i", id);
}

/* ---- the second factor ---- */

enum hin_code hin_account_set_totp(struct hin_desk *desk, int64_t id, const uint8_t *secret,
				   size_t secret_size, const char *code_text, int64_t by,
				   int64_t now_us,
				   char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT],
				   struct hin_error *err)
{
	int64_t step = hin_totp_check(secret, secret_size, code_text, now_us / 1000000, 0);
	enum hin_code code;

	if (secret_size < 16 || secret_size > 64)
		return hin_fail(err, HIN_EFORMAT, "a secret has 16 to 64 bytes");
	if (step < 0)
		return hin_fail(err, HIN_EVERIFY, "the code is not right: look at both clocks");
	code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "UPDATE account SET totp = ?2, totp_step = ?3 WHERE id = ?1 AND state "
			    "= 'active'",
			    "ibi", id, (const void *)secret, secret_size, step);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such active account");
	if (code == HIN_OK)
		code = recovery_replace(desk, id, codes, err);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_SECOND_FACTOR_SET, id, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

enum hin_code hin_account_remove_totp(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
				      struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "UPDATE account SET totp = NULL, totp_step = 0 WHERE id = ?1 AND totp "
			    "IS NOT NULL",
			    "i", id);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "this account has no second factor");
	if (code == HIN_OK)
		code = hin_desk_run(desk, err, "DELETE FROM recovery_code WHERE account = ?1", "i",
				    id);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_SECOND_FACTOR_REMOVED, id, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

static enum hin_code use_recovery(struct hin_desk *desk, int64_t id, const char *code_text,
				  int64_t now_us, struct hin_error *err)
{
	uint8_t digest[32];
	enum hin_code code;

	recovery_digest(digest, code_text);
	code = hin_desk_run(desk, err,
			    "UPDATE recovery_code SET used_us = ?3 WHERE account = ?1 AND digest = "
			    "?2 AND used_us = 0",
			    "ibi", id, (const void *)digest, sizeof(digest), now_us);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		return hin_fail(err, HIN_EVERIFY, "the code is not right, or was used");
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_RECOVERY_USED, id, id, now_us, err, "}");
	return code;
}

enum hin_code hin_account_use_code(struct hin_desk *desk, int64_t id, const char *code_text,
				   int64_t now_us, struct hin_error *err)
{
	sqlite3_stmt *s =
		hin_desk_statement(desk, "SELECT totp, totp_step FROM account WHERE id = ?1", err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", id) : HIN_EFORMAT;
	int64_t step = -1;
	bool wanted;

	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no such account");
	if (code != HIN_OK)
		return code;
	wanted = sqlite3_column_type(s, 0) != SQLITE_NULL;
	if (wanted)
		step = hin_totp_check(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0),
				      code_text, now_us / 1000000, sqlite3_column_int64(s, 1));
	sqlite3_reset(s);
	if (!wanted)
		return HIN_OK;
	if (code_text[0] == '\0')
		return hin_fail(err, HIN_EAGAIN, "the code of the second factor is needed");
	if (strlen(code_text) != HIN_TOTP_DIGITS)
		return use_recovery(desk, id, code_text, now_us, err);
	if (step < 0)
		return hin_fail(err, HIN_EVERIFY, "the code is not right, or was used");
	return hin_desk_run(desk, err, "UPDATE account SET totp_step = ?2 WHERE id = ?1", "ii", id,
			    step);
}
