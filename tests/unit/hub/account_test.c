/* Accounts, sessions, links and tokens over a desk in a file of its own. */
#include "../test.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "hub/people/session.h"
#include "hub/people/totp.h"
#include "trust/act_numbers.h"

#define NOW INT64_C(1800000000000000)
#define MIN INT64_C(60000000)
#define HOUR (60 * MIN)

static const struct hin_session_limits limits = { HOUR, 12 * HOUR };

struct world {
	char folder[32], path[48];
	struct hin_desk *desk;
	int64_t organisation;
};

static void prepare(struct world *w)
{
	struct hin_error err = { 0 };

	snprintf(w->folder, sizeof(w->folder), "/tmp/account-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof(w->path), "%s/desk", w->folder);
	if (hin_desk_open(&w->desk, w->path, HIN_DESK_CREATE, &err) != HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(hin_desk_run(w->desk, &err,
				      "INSERT INTO organisation (handle, name, updated_us) VALUES "
				      "('city', 'City', 0)",
				      ""),
			 HIN_OK);
	w->organisation = hin_desk_inserted(w->desk);
}

static void finish(struct world *w)
{
	char command[64];

	hin_desk_close(w->desk);
	snprintf(command, sizeof(command), "rm -r %s", w->folder);
	assert_int_equal(system(command), 0);
}

static int64_t number(struct world *w, const char *sql)
{
	sqlite3_stmt *s = hin_desk_statement(w->desk, sql, NULL);
	int64_t value;

	assert_non_null(s);
	assert_int_equal(hin_desk_step(w->desk, s, NULL), HIN_OK);
	value = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return value;
}

static int64_t acts(struct world *w, int kind)
{
	int64_t count;

	assert_int_equal(hin_desk_number(w->desk, &count, NULL,
					 "SELECT count(*) FROM act WHERE kind = ?1", "i",
					 (int64_t)kind),
			 HIN_OK);
	return count;
}

static int64_t add(struct world *w, const char *name, enum hin_role role)
{
	struct hin_account a = { .role = role };
	struct hin_error err = { 0 };
	int64_t id;

	snprintf(a.name, sizeof(a.name), "%s", name);
	if (role == HIN_ROLE_MEMBER)
		a.organisation = w->organisation;
	if (hin_account_add(w->desk, &a, 0, NOW, &id, &err) != HIN_OK)
		fail_msg("%s: %s", name, err.text);
	return id;
}

/* An account that can sign in; its password's hash is a word, which nobody checks here. */
static int64_t active(struct world *w, const char *name, enum hin_role role)
{
	char secret[HIN_SECRET_TEXT];
	int64_t id = add(w, name, role), who;

	assert_int_equal(hin_invite_make(w->desk, id, 0, NOW, secret, NULL), HIN_OK);
	assert_int_equal(hin_invite_use(w->desk, secret, "hash", NOW, &who, NULL), HIN_OK);
	assert_int_equal(who, id);
	return id;
}

static void makes_accounts_and_refuses(void **state)
{
	static const struct {
		const char *name, *display, *language;
		enum hin_role role;
		int64_t organisation;
		enum hin_code want;
	} cases[] = {
		{ "ann", "Ann", "", HIN_ROLE_ANALYST, 0, HIN_OK },
		{ "ann", "Ann", "", HIN_ROLE_ANALYST, 0, HIN_EVERIFY },
		{ "bob@example.org", "ボブ", "ja", HIN_ROLE_OPERATOR, 0, HIN_OK },
		{ "cat", "", "", HIN_ROLE_MEMBER, 1, HIN_OK },
		{ "dan", "", "", HIN_ROLE_MEMBER, 0, HIN_EUSAGE },
		{ "dan", "", "", HIN_ROLE_MEMBER, 99, HIN_EVERIFY },
		{ "", "", "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "Eve", "", "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "-eve", "", "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "e ve", "", "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "e\nve", "", "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "eve",
		  "\xe2\x80\xae"
		  "evil",
		  "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "eve", "\xff", "", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
		{ "eve", "", "de", HIN_ROLE_ANALYST, 0, HIN_EFORMAT },
	};
	struct world w = { 0 };
	struct hin_account got;
	int64_t made = 0;

	(void)state;
	prepare(&w);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_account a = { .role = cases[i].role,
					 .organisation = cases[i].organisation };
		int64_t id = 0;

		snprintf(a.name, sizeof(a.name), "%s", cases[i].name);
		snprintf(a.display, sizeof(a.display), "%s", cases[i].display);
		snprintf(a.language, sizeof(a.language), "%s", cases[i].language);
		if (hin_account_add(w.desk, &a, 7, NOW, &id, NULL) != cases[i].want)
			fail_msg("case %zu", i);
		made += cases[i].want == HIN_OK;
		if (cases[i].want != HIN_OK)
			continue;
		assert_int_equal(hin_account_find(w.desk, a.name, &got, NULL), HIN_OK);
		assert_int_equal(got.id, id);
		assert_string_equal(got.display, cases[i].display);
		assert_int_equal(got.role, cases[i].role);
		assert_int_equal(got.organisation, cases[i].organisation);
		assert_int_equal(got.state, HIN_ACCOUNT_INVITED);
		assert_false(got.has_password);
	}
	assert_int_equal(number(&w, "SELECT count(*) FROM account"), made);
	assert_int_equal(acts(&w, HIN_ACT_ACCOUNT_MADE), made);
	assert_int_equal(number(&w, "SELECT count(*) FROM act WHERE account = 7"), made);
	assert_int_equal(hin_account_get(w.desk, 99, &got, NULL), HIN_ENOENT);
	finish(&w);
}

static void judges_passwords(void **state)
{
	static const struct {
		const char *password;
		enum hin_code want;
	} cases[] = {
		{ "correct horse", HIN_OK },	      { "パスワードは十二文字以上です", HIN_OK },
		{ "elevenchars", HIN_EUSAGE },	      { "", HIN_EUSAGE },
		{ "aaaaaaaaaaaaaaaa", HIN_EUSAGE },   { "abababababababab", HIN_EUSAGE },
		{ "my-Annabel-is-here", HIN_EUSAGE }, { "broken \xff\xff utf-8 text", HIN_EUSAGE },
	};
	char hash[HIN_PASSWORD_TEXT], again[HIN_PASSWORD_TEXT], longest[300];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_password_judge(cases[i].password, "annabel", NULL) != cases[i].want)
			fail_msg("case %zu", i);
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "abcdef", 6);
	longest[HIN_PASSWORD_MOST + 1] = '\0';
	assert_int_equal(hin_password_judge(longest, "annabel", NULL), HIN_EUSAGE);
	assert_int_equal(hin_password_hash(hash, "correct horse", NULL), HIN_OK);
	assert_int_equal(hin_password_hash(again, "correct horse", NULL), HIN_OK);
	assert_string_not_equal(hash, again);
	assert_memory_equal(hash, "$argon2id$v=19$m=32768,t=3,p=1$", 31);
	assert_true(hin_password_check(hash, "correct horse"));
	assert_false(hin_password_check(hash, "correct horsf"));
	assert_false(hin_password_check("", ""));
	assert_false(hin_password_check(NULL, "correct horse"));
	assert_false(hin_password_check("$argon2id$nonsense", "correct horse"));
}

static void links_count_once_and_for_a_time(void **state)
{
	struct world w = { 0 };
	char first[HIN_SECRET_TEXT], second[HIN_SECRET_TEXT];
	struct hin_account a;
	int64_t id, who;

	(void)state;
	prepare(&w);
	id = add(&w, "ann", HIN_ROLE_ANALYST);
	assert_int_equal(hin_invite_make(w.desk, id, 0, NOW, first, NULL), HIN_OK);
	assert_int_equal(hin_invite_make(w.desk, id, 0, NOW, second, NULL), HIN_OK);
	assert_int_equal(hin_invite_find(w.desk, first, NOW, &a, NULL), HIN_ENOENT);
	assert_int_equal(hin_invite_find(w.desk, second, NOW, &a, NULL), HIN_OK);
	assert_int_equal(hin_invite_find(w.desk, second, NOW + HIN_LINK_NS / 1000, &a, NULL),
			 HIN_ENOENT);
	assert_int_equal(hin_invite_find(w.desk, "", NOW, &a, NULL), HIN_ENOENT);
	assert_int_equal(hin_invite_use(w.desk, second, "hash", NOW, &who, NULL), HIN_OK);
	assert_int_equal(hin_invite_use(w.desk, second, "other", NOW, &who, NULL), HIN_ENOENT);
	assert_int_equal(hin_account_get(w.desk, id, &a, NULL), HIN_OK);
	assert_int_equal(a.state, HIN_ACCOUNT_ACTIVE);
	assert_int_equal(hin_invite_make(w.desk, id, 0, NOW, first, NULL), HIN_EUSAGE);
	assert_int_equal(acts(&w, HIN_ACT_LINK_USED), 1);
	/* nothing of the secret is in the desk */
	assert_int_equal(hin_desk_number(w.desk, &who, NULL,
					 "SELECT count(*) FROM act WHERE object LIKE '%' || ?1 || "
					 "'%'",
					 "t", second),
			 HIN_OK);
	assert_int_equal(who, 0);
	finish(&w);
}

static void sessions_begin_and_end(void **state)
{
	struct world w = { 0 };
	char secret[HIN_SECRET_TEXT], other[HIN_SECRET_TEXT], name[HIN_CREDENTIAL_ID];
	struct hin_addr from = hin_addr_of_v4(0xcb007109);
	struct hin_identity who;
	uint8_t csrf[32], digest[32];
	int64_t id, count;

	(void)state;
	prepare(&w);
	id = active(&w, "ann", HIN_ROLE_ANALYST);
	assert_int_equal(
		hin_session_make(w.desk, id, "", &from, NULL, &limits, NOW, secret, csrf, NULL),
		HIN_OK);
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW + 1, &who, NULL), HIN_OK);
	assert_int_equal(who.account.id, id);
	assert_memory_equal(who.credential.csrf, csrf, 32);
	assert_true(who.credential.has_address && hin_addr_equal(&who.credential.address, &from));
	/* idle */
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW + HOUR, &who, NULL),
			 HIN_ENOENT);
	assert_true(hin_secret_digest(digest, secret));
	for (int64_t at = NOW; at < NOW + 12 * HOUR; at += 30 * MIN) {
		assert_int_equal(hin_session_find(w.desk, secret, &limits, at, &who, NULL), HIN_OK);
		assert_int_equal(hin_credential_touch(w.desk, digest, at, NULL), HIN_OK);
	}
	/* in any case */
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW + 12 * HOUR, &who, NULL),
			 HIN_ENOENT);
	/* a session that the browser brought is over after a sign-in */
	assert_int_equal(
		hin_session_make(w.desk, id, "", &from, digest, &limits, NOW, other, csrf, NULL),
		HIN_OK);
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW, &who, NULL), HIN_ENOENT);
	assert_int_equal(hin_session_find(w.desk, other, &limits, NOW, &who, NULL), HIN_OK);
	assert_string_not_equal(secret, other);
	/* a session is no link and no token */
	assert_int_equal(hin_token_find(w.desk, other, NOW, &who, NULL), HIN_ENOENT);
	assert_int_equal(hin_invite_find(w.desk, other, NOW, &who.account, NULL), HIN_ENOENT);
	assert_int_equal(hin_session_find(w.desk, other, &limits, NOW, &who, NULL), HIN_OK);
	hin_credential_id(name, who.credential.digest);
	assert_int_equal(
		hin_credential_end(w.desk, id + 1, HIN_CREDENTIAL_SESSION, name, id + 1, NOW, NULL),
		HIN_ENOENT);
	assert_int_equal(
		hin_credential_end(w.desk, id, HIN_CREDENTIAL_SESSION, name, id, NOW, NULL),
		HIN_OK);
	assert_int_equal(hin_session_find(w.desk, other, &limits, NOW, &who, NULL), HIN_ENOENT);
	/* no more than so many */
	for (int i = 0; i < HIN_SESSIONS + 3; i++)
		assert_int_equal(hin_session_make(w.desk, id, "", &from, NULL, &limits, NOW + i,
						  secret, csrf, NULL),
				 HIN_OK);
	assert_int_equal(number(&w, "SELECT count(*) FROM credential"), HIN_SESSIONS);
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW + 99, &who, NULL), HIN_OK);
	assert_int_equal(
		hin_session_end_all(w.desk, id, who.credential.digest, id, NOW, &count, NULL),
		HIN_OK);
	assert_int_equal(count, HIN_SESSIONS - 1);
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW + 99, &who, NULL), HIN_OK);
	/* what is over is dropped, what is not stays */
	assert_int_equal(hin_credential_sweep(w.desk, &limits, NOW + 99, &count, NULL), HIN_OK);
	assert_int_equal(count, 0);
	assert_int_equal(hin_credential_sweep(w.desk, &limits, NOW + 2 * HOUR, &count, NULL),
			 HIN_OK);
	assert_int_equal(count, 1);
	assert_int_equal(
		hin_session_make(w.desk, id, "", &from, NULL, &limits, NOW, secret, csrf, NULL),
		HIN_OK);
	assert_int_equal(hin_account_lock(w.desk, id, 0, NOW, NULL), HIN_OK);
	assert_int_equal(hin_session_find(w.desk, secret, &limits, NOW + 99, &who, NULL),
			 HIN_ENOENT);
	assert_int_equal(
		hin_session_make(w.desk, id, "", &from, NULL, &limits, NOW, secret, csrf, NULL),
		HIN_EVERIFY);
	finish(&w);
}

static void second_factors_count_once(void **state)
{
	struct world w = { 0 };
	static const uint8_t key[20] = "01234567890123456789";
	char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT], code[8], secret[HIN_SECRET_TEXT];
	struct hin_addr from = { 0 };
	uint8_t csrf[32];
	int64_t id, left;

#define TRY(text, at)                                                                              \
	hin_session_make(w.desk, id, text, &from, NULL, &limits, at, secret, csrf, NULL)
	(void)state;
	prepare(&w);
	id = active(&w, "ann", HIN_ROLE_ANALYST);
	assert_int_equal(hin_account_set_totp(w.desk, id, key, 20, "000000", id, NOW, codes, NULL),
			 HIN_EVERIFY);
	assert_int_equal(TRY("", NOW), HIN_OK); /* none yet */
	hin_totp_code(code, 6, key, 20, NOW / 30000000);
	assert_int_equal(hin_account_set_totp(w.desk, id, key, 20, code, id, NOW, codes, NULL),
			 HIN_OK);
	assert_int_equal(TRY("", NOW), HIN_EAGAIN);
	assert_int_equal(TRY(code, NOW), HIN_EVERIFY); /* used when it was set up */
	assert_int_equal(TRY("123456", NOW), HIN_EVERIFY);
	hin_totp_code(code, 6, key, 20, NOW / 30000000 + 2);
	assert_int_equal(TRY(code, NOW + MIN), HIN_OK);
	assert_int_equal(TRY(code, NOW + MIN), HIN_EVERIFY);
	assert_int_equal(TRY(codes[3], NOW), HIN_OK);
	assert_int_equal(TRY(codes[3], NOW), HIN_EVERIFY);
	for (char *at = codes[4]; *at != '\0'; at++)
		*at = (char)(*at == '-' ? ' ' : toupper((unsigned char)*at));
	assert_int_equal(TRY(codes[4], NOW), HIN_OK); /* as people type */
	assert_int_equal(hin_account_recovery_left(w.desk, id, &left, NULL), HIN_OK);
	assert_int_equal(left, HIN_RECOVERY_CODES - 2);
	assert_int_equal(acts(&w, HIN_ACT_RECOVERY_USED), 2);
	assert_int_equal(hin_account_make_recovery(w.desk, id, id, NOW, codes, NULL), HIN_OK);
	assert_int_equal(TRY("aaaa-bbbb-cccc-dddd", NOW), HIN_EVERIFY);
	assert_int_equal(TRY(codes[0], NOW), HIN_OK);
	assert_int_equal(hin_account_remove_totp(w.desk, id, id, NOW, NULL), HIN_OK);
	assert_int_equal(TRY("", NOW), HIN_OK);
	assert_int_equal(hin_account_remove_totp(w.desk, id, id, NOW, NULL), HIN_ENOENT);
	finish(&w);
#undef TRY
}

static enum hin_code count_one(void *user, const struct hin_credential *c)
{
	(void)c;
	++*(int *)user;
	return HIN_OK;
}

static void tokens_have_scopes_and_an_end(void **state)
{
	struct world w = { 0 };
	char text[HIN_TOKEN_TEXT], name[HIN_CREDENTIAL_ID];
	struct hin_identity who;
	unsigned scopes;
	int64_t id;
	int count = 0;

	(void)state;
	prepare(&w);
	id = active(&w, "ann", HIN_ROLE_ANALYST);
	assert_int_equal(hin_scopes_parse(&scopes, " read  cases", NULL), HIN_OK);
	assert_int_equal(scopes, 1u << HIN_SCOPE_READ | 1u << HIN_SCOPE_CASES);
	assert_int_equal(hin_scopes_parse(&(unsigned){ 0 }, "reads", NULL), HIN_EFORMAT);
	assert_int_equal(hin_token_make(w.desk, id, "x", 0, NOW + HOUR, id, NOW, text, NULL),
			 HIN_EUSAGE);
	assert_int_equal(hin_token_make(w.desk, id, "", scopes, NOW + HOUR, id, NOW, text, NULL),
			 HIN_EFORMAT);
	assert_int_equal(hin_token_make(w.desk, id, "x", scopes, NOW, id, NOW, text, NULL),
			 HIN_ERANGE);
	assert_int_equal(
		hin_token_make(w.desk, id, "feed", scopes, NOW + HOUR, id, NOW, text, NULL),
		HIN_OK);
	assert_int_equal(hin_token_find(w.desk, text, NOW, &who, NULL), HIN_OK);
	assert_int_equal(who.credential.scopes, scopes);
	assert_string_equal(who.credential.label, "feed");
	assert_int_equal(hin_token_find(w.desk, text, NOW + HOUR, &who, NULL), HIN_ENOENT);
	assert_int_equal(hin_session_find(w.desk, text + 7, &limits, NOW, &who, NULL), HIN_ENOENT);
	assert_int_equal(hin_credential_each(w.desk, id, HIN_CREDENTIAL_TOKEN, NULL, NOW, count_one,
					     &count, NULL),
			 HIN_OK);
	assert_int_equal(count, 1);
	hin_credential_id(name, who.credential.digest);
	text[10] = text[10] == 'A' ? 'B' : 'A';
	assert_int_equal(hin_token_find(w.desk, text, NOW, &who, NULL), HIN_ENOENT);
	/* another role: what was given out before is void */
	assert_int_equal(hin_account_set_role(w.desk, id, HIN_ROLE_INSPECTOR, 0, 0, NOW, NULL),
			 HIN_OK);
	assert_int_equal(number(&w, "SELECT count(*) FROM credential"), 0);
	assert_int_equal(hin_credential_end(w.desk, id, HIN_CREDENTIAL_TOKEN, name, id, NOW, NULL),
			 HIN_ENOENT);
	finish(&w);
}

static void an_administrator_is_left(void **state)
{
	struct world w = { 0 };
	int64_t a, b, again;
	bool has;

	(void)state;
	prepare(&w);
	assert_int_equal(hin_account_first(w.desk, "admin", NOW, &a, NULL), HIN_OK);
	assert_int_equal(hin_account_first(w.desk, "admin", NOW, &again, NULL), HIN_OK);
	assert_int_equal(a, again);
	assert_int_equal(hin_account_has_administrator(w.desk, &has, NULL), HIN_OK);
	assert_false(has);
	a = active(&w, "root", HIN_ROLE_ADMINISTRATOR);
	assert_int_equal(hin_account_first(w.desk, "admin", NOW, &again, NULL), HIN_EDENIED);
	assert_int_equal(hin_account_lock(w.desk, a, a, NOW, NULL), HIN_EDENIED);
	assert_int_equal(hin_account_close(w.desk, a, a, NOW, NULL), HIN_EDENIED);
	assert_int_equal(hin_account_set_role(w.desk, a, HIN_ROLE_ANALYST, 0, a, NOW, NULL),
			 HIN_EDENIED);
	b = active(&w, "second", HIN_ROLE_ADMINISTRATOR);
	assert_int_equal(hin_account_lock(w.desk, a, b, NOW, NULL), HIN_OK);
	assert_int_equal(hin_account_lock(w.desk, b, b, NOW, NULL), HIN_EDENIED);
	assert_int_equal(hin_account_unlock(w.desk, a, b, NOW, NULL), HIN_OK);
	assert_int_equal(hin_account_close(w.desk, b, a, NOW, NULL), HIN_OK);
	assert_int_equal(hin_account_unlock(w.desk, b, a, NOW, NULL), HIN_EUSAGE);
	assert_int_equal(hin_account_reset(w.desk, b, a, NOW, NULL), HIN_ENOENT);
	assert_int_equal(acts(&w, HIN_ACT_ACCOUNT_LOCKED), 1);
	finish(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_accounts_and_refuses),
		cmocka_unit_test(judges_passwords),
		cmocka_unit_test(links_count_once_and_for_a_time),
		cmocka_unit_test(sessions_begin_and_end),
		cmocka_unit_test(second_factors_count_once),
		cmocka_unit_test(tokens_have_scopes_and_an_end),
		cmocka_unit_test(an_administrator_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
