/*
 * account - people: who they are, what they may, and how they prove it.
 *
 * An account has one role. A member sees its own organisation only, an inspector reads all and
 * changes nothing. The password is kept as Argon2id (libsodium), the second factor is TOTP
 * (hub/people/totp.h), recovery codes stand in for it once each. A new account has no password: a
 * one-time link (hub/people/session.h) lets its owner choose one. An account's number is never used
 * again, since acts name it; so accounts are closed, not removed.
 *
 * Each function that changes something is one transaction with its act; `by` is the account that
 * does it, 0 = the program (a command on the hub's own machine).
 *
 * Checking a password takes HIN_PASSWORD_MEMORY and some tens of milliseconds; whoever serves
 * strangers bounds how many run at once.
 *
 * Ownership: structs are the caller's storage.
 * Threads:   as the desk.
 */
#pragma once
#include "base/lang.h"
#include "hub/desk.h"

#define HIN_ACCOUNT_NAME 64	/* longest name, with its NUL */
#define HIN_ACCOUNT_DISPLAY 128 /* longest display name, with its NUL */
#define HIN_ACCOUNTS 100000	/* most accounts */
#define HIN_PASSWORD_LEAST 12	/* characters */
#define HIN_PASSWORD_MOST 256	/* bytes */
#define HIN_PASSWORD_MEMORY ((size_t)32 << 20)
#define HIN_PASSWORD_TEXT 128 /* longest text of a hashed password, with its NUL */
#define HIN_RECOVERY_CODES 10
#define HIN_RECOVERY_TEXT 20		       /* "abcd-efgh-ijkl-mnop", with its NUL */
#define HIN_LINK_NS (48ll * 3600 * 1000000000) /* how long a one-time link is good */

/* name in desk, API and manual. */
#define HIN_ROLES(X)                                                                               \
	X(HIN_ROLE_ANALYST, "analyst", "分析者")                                                   \
	X(HIN_ROLE_OPERATOR, "operator", "運用者")                                                 \
	X(HIN_ROLE_MEMBER, "member", "参加組織")                                                   \
	X(HIN_ROLE_INSPECTOR, "inspector", "監査者")                                               \
	X(HIN_ROLE_ADMINISTRATOR, "administrator", "管理者")

enum hin_role {
#define X(name, en, ja) name,
	HIN_ROLES(X)
#undef X
		HIN_ROLE_COUNT,
};

enum hin_account_state {
	HIN_ACCOUNT_INVITED, /* has no password yet */
	HIN_ACCOUNT_ACTIVE,
	HIN_ACCOUNT_LOCKED, /* by an administrator */
	HIN_ACCOUNT_CLOSED, /* for ever */
};

struct hin_account {
	int64_t id;
	char name[HIN_ACCOUNT_NAME];
	char display[HIN_ACCOUNT_DISPLAY];
	enum hin_role role;
	int64_t organisation; /* of a member; 0 = none */
	enum hin_account_state state;
	char language[3]; /* "en", "ja" or "" */
	bool has_password, has_totp;
	int64_t created_us, signed_in_us;
};

/* The names of roles and states, and back; false when there is none of that name. */
const char *hin_role_name(enum hin_role role, enum hin_lang lang);
HIN_MUST_USE enum hin_code hin_role_parse(enum hin_role *out, const char *name,
					  struct hin_error *err);
const char *hin_account_state_name(enum hin_account_state state);

/* Read an account. HIN_ENOENT when there is none. */
HIN_MUST_USE enum hin_code hin_account_get(struct hin_desk *desk, int64_t id,
					   struct hin_account *out, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_account_find(struct hin_desk *desk, const char *name,
					    struct hin_account *out, struct hin_error *err);

/* A code other than HIN_OK ends the walk and is its code. */
typedef enum hin_code (*hin_account_fn)(void *user, const struct hin_account *account);

/* All accounts with a number above `after`, ascending. */
HIN_MUST_USE enum hin_code hin_account_each(struct hin_desk *desk, int64_t after,
					    hin_account_fn call, void *user, struct hin_error *err);

/*
 * Make an account of `wanted` (name, display, role, organisation, language); `*id` gets its number.
 * It is invited: hin_account_invite() gives the link. HIN_EFORMAT for a name that is none (small
 * letters, digits, . _ - @, at most 63), HIN_EVERIFY when it is taken or the organisation is not
 * there, HIN_EUSAGE for a member without organisation, HIN_ELIMIT over HIN_ACCOUNTS.
 */
HIN_MUST_USE enum hin_code hin_account_add(struct hin_desk *desk, const struct hin_account *wanted,
					   int64_t by, int64_t now_us, int64_t *id,
					   struct hin_error *err);

/* Change display name and language. */
HIN_MUST_USE enum hin_code hin_account_rename(struct hin_desk *desk, int64_t id,
					      const char *display, const char *language, int64_t by,
					      int64_t now_us, struct hin_error *err);

/*
 * Give another role (and organisation, of a member). Sessions and tokens of the account end, so
 * that nothing goes on with the old one. HIN_EDENIED when it is the last administrator who can
 * sign in.
 */
HIN_MUST_USE enum hin_code hin_account_set_role(struct hin_desk *desk, int64_t id,
						enum hin_role role, int64_t organisation,
						int64_t by, int64_t now_us, struct hin_error *err);

/*
 * Lock, unlock or close; sessions end, tokens too when it is closed. HIN_EDENIED for the last
 * administrator, HIN_EUSAGE for a move that makes no sense.
 */
HIN_MUST_USE enum hin_code hin_account_lock(struct hin_desk *desk, int64_t id, int64_t by,
					    int64_t now_us, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_account_unlock(struct hin_desk *desk, int64_t id, int64_t by,
					      int64_t now_us, struct hin_error *err);
HIN_MUST_USE enum hin_code hin_account_close(struct hin_desk *desk, int64_t id, int64_t by,
					     int64_t now_us, struct hin_error *err);

/*
 * Forget password, second factor and recovery codes, and end sessions: the account is as new. For
 * somebody who lost all of them; a link must follow.
 */
HIN_MUST_USE enum hin_code hin_account_reset(struct hin_desk *desk, int64_t id, int64_t by,
					     int64_t now_us, struct hin_error *err);

/*
 * The first administrator: HIN_EDENIED when somebody can sign in as one already. Else the account
 * `name` is made, or found (invited, administrator); `*id` is its number.
 */
HIN_MUST_USE enum hin_code hin_account_first(struct hin_desk *desk, const char *name,
					     int64_t now_us, int64_t *id, struct hin_error *err);

/* Can nobody sign in as administrator yet? */
HIN_MUST_USE enum hin_code hin_account_has_administrator(struct hin_desk *desk, bool *has,
							 struct hin_error *err);

/* ---- passwords ---- */

/*
 * May this be the password of the account `name`? HIN_EUSAGE with the rule that it breaks: length,
 * the name in it, one of few characters.
 */
HIN_MUST_USE enum hin_code hin_password_judge(const char *password, const char *name,
					      struct hin_error *err);

/* Hash with Argon2id. HIN_ENOMEM without HIN_PASSWORD_MEMORY. */
HIN_MUST_USE enum hin_code hin_password_hash(char out[HIN_PASSWORD_TEXT], const char *password,
					     struct hin_error *err);

/*
 * Is it the password of `hash`? NULL or "" as hash takes the same time and is false, so that names
 * cannot be found out by the clock.
 */
bool hin_password_check(const char *hash, const char *password);

/*
 * Take a password that hin_password_hash() made; all sessions but `keep` (a digest of
 * hub/people/session.h, or NULL) end.
 */
HIN_MUST_USE enum hin_code hin_account_set_password(struct hin_desk *desk, int64_t id,
						    const char *hash, const uint8_t keep[32],
						    int64_t by, int64_t now_us,
						    struct hin_error *err);

/* The hash of an account's password into `out`, "" when it has none. */
HIN_MUST_USE enum hin_code hin_account_password(struct hin_desk *desk, int64_t id,
						char out[HIN_PASSWORD_TEXT], struct hin_error *err);

/* ---- the second factor ---- */

/*
 * Take the TOTP secret that `code` proves to be in the owner's hands, and make recovery codes.
 * HIN_EVERIFY when the code is wrong.
 */
HIN_MUST_USE enum hin_code hin_account_set_totp(struct hin_desk *desk, int64_t id,
						const uint8_t *secret, size_t secret_size,
						const char *code, int64_t by, int64_t now_us,
						char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT],
						struct hin_error *err);

/* Give up the second factor and its recovery codes. */
HIN_MUST_USE enum hin_code hin_account_remove_totp(struct hin_desk *desk, int64_t id, int64_t by,
						   int64_t now_us, struct hin_error *err);

/* Make new recovery codes; the old ones are void. */
HIN_MUST_USE enum hin_code hin_account_make_recovery(
	struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
	char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT], struct hin_error *err);

/* Recovery codes that are left. */
HIN_MUST_USE enum hin_code hin_account_recovery_left(struct hin_desk *desk, int64_t id,
						     int64_t *out, struct hin_error *err);

/*
 * Use a code of the second factor, in the open transaction: six digits of TOTP, each once, or a
 * recovery code. HIN_OK also when the account has no second factor and `code` is empty; HIN_EAGAIN
 * when one is needed and none was given; HIN_EVERIFY when it is wrong or used.
 */
HIN_MUST_USE enum hin_code hin_account_use_code(struct hin_desk *desk, int64_t id, const char *code,
						int64_t now_us, struct hin_error *err);
