/* account - who there is, and what they may; see account.h */
#include "hub/people/account.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/utf8.h"
#include "hub/people/account_priv.h"

static const struct {
	const char *name, *text_ja;
} roles[] = {
#define X(id, en, ja) [id] = { en, ja },
	HIN_ROLES(X)
#undef X
};

static const char *const states[] = { "invited", "active", "locked", "closed" };

const char *hin_role_name(enum hin_role role, enum hin_lang lang)
{
	return lang == HIN_JA ? roles[role].text_ja : roles[role].name;
}

enum hin_code hin_role_parse(enum hin_role *out, const char *name, struct hin_error *err)
{
	for (unsigned i = 0; i < HIN_ROLE_COUNT; i++)
		if (strcmp(name, roles[i].name) == 0) {
			*out = (enum hin_role)i;
			return HIN_OK;
		}
	return hin_fail(err, HIN_EFORMAT,
			"there is no such role: analyst, operator, member, inspector or "
			"administrator");
}

const char *hin_account_state_name(enum hin_account_state state)
{
	return states[state];
}

bool account_is_text(const char *text, bool visible)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));

	while (in.left > 0) {
		uint32_t c = hin_utf8_read(&in);

		if (c == HIN_UTF8_BAD || (visible && hin_utf8_is_hidden(c)))
			return false;
	}
	return true;
}

/* ---- transactions and acts ---- */

enum hin_code account_act(struct hin_desk *desk, uint16_t kind, int64_t account, int64_t by,
			  int64_t now_us, struct hin_error *err, const char *fmt, ...)
{
	struct hin_desk_act act = { .time_us = now_us, .account = by, .kind = kind };
	struct hin_buffer object = { .limit = HIN_DESK_OBJECT };
	enum hin_code code;
	va_list args;

	hin_buffer_printf(&object, "{\"account\":%lld", (long long)account);
	va_start(args, fmt);
	hin_buffer_vprintf(&object, fmt, args);
	va_end(args);
	act.object = hin_buffer_text(&object);
	code = object.failed ? hin_fail(err, HIN_ENOMEM, "no memory for an act")
			     : hin_desk_act(desk, &act, NULL, err);
	hin_buffer_fini(&object);
	return code;
}

enum hin_code account_settle(struct hin_desk *desk, enum hin_code code, struct hin_error *err)
{
	if (code == HIN_OK)
		return hin_desk_commit(desk, err);
	hin_desk_rollback(desk);
	return code;
}

enum hin_code account_end_credentials(struct hin_desk *desk, int64_t id, bool tokens,
				      struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "DELETE FROM credential WHERE account = ?1 AND (kind <> 'token' OR ?2)",
			    "ii", id, (int64_t)tokens);
}

/* ---- reading ---- */

#define COLUMNS                                                                                    \
	"SELECT id, name, display, role, organisation, state, language, password <> '', "          \
	"totp IS NOT NULL, created_us, signed_in_us FROM account "

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static void read_row(sqlite3_stmt *s, struct hin_account *out)
{
	const char *state = hin_desk_text(s, 5);

	*out = (struct hin_account){ .id = sqlite3_column_int64(s, 0),
				     .organisation = sqlite3_column_int64(s, 4),
				     .state = HIN_ACCOUNT_CLOSED,
				     .has_password = sqlite3_column_int(s, 7) != 0,
				     .has_totp = sqlite3_column_int(s, 8) != 0,
				     .created_us = sqlite3_column_int64(s, 9),
				     .signed_in_us = sqlite3_column_int64(s, 10) };
	copy(out->name, sizeof(out->name), hin_desk_text(s, 1));
	copy(out->display, sizeof(out->display), hin_desk_text(s, 2));
	if (hin_role_parse(&out->role, hin_desk_text(s, 3), NULL) != HIN_OK)
		out->role = HIN_ROLE_MEMBER; /* the schema knows no other; the least one */
	for (unsigned i = 0; i < HIN_COUNT(states); i++)
		if (strcmp(state, states[i]) == 0)
			out->state = (enum hin_account_state)i;
	copy(out->language, sizeof(out->language), hin_desk_text(s, 6));
}

static enum hin_code read_one(struct hin_desk *desk, sqlite3_stmt *s, struct hin_account *out,
			      struct hin_error *err)
{
	enum hin_code code = hin_desk_step(desk, s, err);

	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no such account");
	if (code != HIN_OK)
		return code;
	read_row(s, out);
	sqlite3_reset(s);
	return HIN_OK;
}

enum hin_code hin_account_get(struct hin_desk *desk, int64_t id, struct hin_account *out,
			      struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, COLUMNS "WHERE id = ?1", err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", id) : HIN_EFORMAT;

	return code == HIN_OK ? read_one(desk, s, out, err) : code;
}

enum hin_code hin_account_find(struct hin_desk *desk, const char *name, struct hin_account *out,
			       struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, COLUMNS "WHERE name = ?1", err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "t", name) : HIN_EFORMAT;

	return code == HIN_OK ? read_one(desk, s, out, err) : code;
}

enum hin_code hin_account_each(struct hin_desk *desk, int64_t after, hin_account_fn call,
			       void *user, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk, COLUMNS "WHERE id > ?1 ORDER BY id", err);
	enum hin_code code = s != NULL ? hin_desk_bind(desk, s, err, "i", after) : HIN_EFORMAT;

	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct hin_account account;

		read_row(s, &account);
		code = call(user, &account);
	}
	if (s != NULL)
		sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- the last administrator ---- */

#define CAN_SIGN_IN "role = 'administrator' AND state = 'active'"

enum hin_code hin_account_has_administrator(struct hin_desk *desk, bool *has, struct hin_error *err)
{
	int64_t count = 0;
	enum hin_code code = hin_desk_number(desk, &count, err,
					     "SELECT count(*) FROM account WHERE " CAN_SIGN_IN, "");

	*has = count > 0;
	return code;
}

enum hin_code account_spare(struct hin_desk *desk, int64_t id, struct hin_error *err)
{
	int64_t last;
	enum hin_code code = hin_desk_number(
		desk, &last, err,
		"SELECT EXISTS (SELECT 1 FROM account WHERE id = ?1 AND " CAN_SIGN_IN
		") AND NOT EXISTS (SELECT 1 FROM account WHERE id <> ?1 AND " CAN_SIGN_IN ")",
		"i", id);

	if (code == HIN_OK && last)
		return hin_fail(err, HIN_EDENIED,
				"this is the last administrator who can sign in: make another one "
				"first");
	return code;
}

/* ---- changes ---- */

static bool name_fits(const char *name)
{
	size_t size = strlen(name);

	return size > 0 && size < HIN_ACCOUNT_NAME &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-@") == size &&
	       strchr("._-@", name[0]) == NULL;
}

static enum hin_code judge_words(const char *display, const char *language, struct hin_error *err)
{
	if (strlen(display) >= HIN_ACCOUNT_DISPLAY || !account_is_text(display, true))
		return hin_fail(err, HIN_EFORMAT,
				"a display name has at most %d bytes of UTF-8 that can be seen",
				HIN_ACCOUNT_DISPLAY - 1);
	if (strcmp(language, "") != 0 && strcmp(language, "en") != 0 && strcmp(language, "ja") != 0)
		return hin_fail(err, HIN_EFORMAT, "the language is \"en\", \"ja\" or empty");
	return HIN_OK;
}

static enum hin_code judge(const struct hin_account *a, struct hin_error *err)
{
	if (!name_fits(a->name))
		return hin_fail(err, HIN_EFORMAT,
				"a name has 1 to 63 small letters, digits and . _ - @, a letter or "
				"digit first");
	if (a->role == HIN_ROLE_MEMBER && a->organisation == 0)
		return hin_fail(err, HIN_EUSAGE, "a member needs its organisation");
	return judge_words(a->display, a->language, err);
}

static enum hin_code insert(struct hin_desk *desk, const struct hin_account *a, int64_t now_us,
			    struct hin_error *err)
{
	int64_t count = 0, there = 0;
	enum hin_code code = hin_desk_number(desk, &count, err, "SELECT count(*) FROM account", "");

	if (code == HIN_OK && count >= HIN_ACCOUNTS)
		return hin_fail(err, HIN_ELIMIT, "there are %d accounts already", HIN_ACCOUNTS);
	if (code == HIN_OK)
		code = hin_desk_number(desk, &there, err,
				       "SELECT EXISTS (SELECT 1 FROM account WHERE name = ?1)", "t",
				       a->name);
	if (code == HIN_OK && there)
		return hin_fail(err, HIN_EVERIFY, "the name %s is taken", a->name);
	if (code == HIN_OK && a->organisation != 0)
		code = hin_desk_number(desk, &there, err,
				       "SELECT EXISTS (SELECT 1 FROM organisation WHERE id = ?1)",
				       "i", a->organisation);
	if (code == HIN_OK && a->organisation != 0 && !there)
		return hin_fail(err, HIN_EVERIFY, "there is no such organisation");
	if (code != HIN_OK)
		return code;
	/* numbers of accounts that are gone are not used again: none is ever removed */
	return hin_desk_run(desk, err,
			    "INSERT INTO account (name, display, role, organisation, language, "
			    "state, created_us) VALUES (?1, ?2, ?3, nullif(?4, 0), ?5, 'invited', "
			    "?6)",
			    "tttiti", a->name, a->display, roles[a->role].name, a->organisation,
			    a->language, now_us);
}

/* Append `text` as a JSON member. */
static void member(struct hin_buffer *out, const char *name, const char *text)
{
	hin_buffer_printf(out, ",\"%s\":", name);
	hin_escape_json(out, text, strlen(text));
}

enum hin_code hin_account_add(struct hin_desk *desk, const struct hin_account *wanted, int64_t by,
			      int64_t now_us, int64_t *id, struct hin_error *err)
{
	struct hin_buffer more = { 0 };
	enum hin_code code = judge(wanted, err);

	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = insert(desk, wanted, now_us, err);
	if (code == HIN_OK) {
		*id = hin_desk_inserted(desk);
		member(&more, "name", wanted->name);
		member(&more, "role", roles[wanted->role].name);
		hin_buffer_printf(&more, ",\"organisation\":%lld", (long long)wanted->organisation);
		code = account_act(desk, HIN_ACT_ACCOUNT_MADE, *id, by, now_us, err, "%s}",
				   hin_buffer_text(&more));
	}
	hin_buffer_fini(&more);
	return account_settle(desk, code, err);
}

enum hin_code hin_account_rename(struct hin_desk *desk, int64_t id, const char *display,
				 const char *language, int64_t by, int64_t now_us,
				 struct hin_error *err)
{
	enum hin_code code;

	code = judge_words(display, language, err);
	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = hin_desk_run(desk, err,
			    "UPDATE account SET display = ?2, language = ?3 WHERE id = ?1", "itt",
			    id, display, language);
	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		code = hin_fail(err, HIN_ENOENT, "there is no such account");
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_ACCOUNT_CHANGED, id, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

enum hin_code hin_account_set_role(struct hin_desk *desk, int64_t id, enum hin_role role,
				   int64_t organisation, int64_t by, int64_t now_us,
				   struct hin_error *err)
{
	struct hin_account was = { 0 };
	int64_t there = 1;
	enum hin_code code;

	if (role == HIN_ROLE_MEMBER && organisation == 0)
		return hin_fail(err, HIN_EUSAGE, "a member needs its organisation");
	code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = hin_account_get(desk, id, &was, err);
	if (code == HIN_OK && role != HIN_ROLE_ADMINISTRATOR)
		code = account_spare(desk, id, err);
	if (code == HIN_OK && organisation != 0)
		code = hin_desk_number(desk, &there, err,
				       "SELECT EXISTS (SELECT 1 FROM organisation WHERE id = ?1)",
				       "i", organisation);
	if (code == HIN_OK && !there)
		code = hin_fail(err, HIN_EVERIFY, "there is no such organisation");
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE account SET role = ?2, organisation = nullif(?3, 0) "
				    "WHERE id = ?1",
				    "iti", id, roles[role].name, organisation);
	if (code == HIN_OK)
		code = account_end_credentials(desk, id, true, err);
	if (code == HIN_OK)
		code = account_act(desk, HIN_ACT_ACCOUNT_ROLE, id, by, now_us, err,
				   ",\"from\":\"%s\",\"to\":\"%s\",\"organisation\":%lld}",
				   roles[was.role].name, roles[role].name, (long long)organisation);
	return account_settle(desk, code, err);
}

/* Bring an account into `to`; `from` is a bit for each state it may be in. */
static enum hin_code move(struct hin_desk *desk, int64_t id, unsigned from,
			  enum hin_account_state to, uint16_t kind, int64_t by, int64_t now_us,
			  struct hin_error *err)
{
	struct hin_account was = { 0 };
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	code = hin_account_get(desk, id, &was, err);
	if (code == HIN_OK && !(from >> was.state & 1))
		code = hin_fail(err, HIN_EUSAGE, "the account is %s", states[was.state]);
	if (code == HIN_OK && to != HIN_ACCOUNT_ACTIVE)
		code = account_spare(desk, id, err);
	if (code == HIN_OK && to == HIN_ACCOUNT_ACTIVE && !was.has_password)
		to = HIN_ACCOUNT_INVITED;
	if (code == HIN_OK)
		code = hin_desk_run(desk, err, "UPDATE account SET state = ?2 WHERE id = ?1", "it",
				    id, states[to]);
	if (code == HIN_OK && to != HIN_ACCOUNT_ACTIVE)
		code = account_end_credentials(desk, id, to == HIN_ACCOUNT_CLOSED, err);
	if (code == HIN_OK)
		code = account_act(desk, kind, id, by, now_us, err, "}");
	return account_settle(desk, code, err);
}

enum hin_code hin_account_lock(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
			       struct hin_error *err)
{
	return move(desk, id, 1u << HIN_ACCOUNT_ACTIVE | 1u << HIN_ACCOUNT_INVITED,
		    HIN_ACCOUNT_LOCKED, HIN_ACT_ACCOUNT_LOCKED, by, now_us, err);
}

enum hin_code hin_account_unlock(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
				 struct hin_error *err)
{
	return move(desk, id, 1u << HIN_ACCOUNT_LOCKED, HIN_ACCOUNT_ACTIVE,
		    HIN_ACT_ACCOUNT_UNLOCKED, by, now_us, err);
}

enum hin_code hin_account_close(struct hin_desk *desk, int64_t id, int64_t by, int64_t now_us,
				struct hin_error *err)
{
	return move(desk, id,
		    1u << HIN_ACCOUNT_ACTIVE | 1u << HIN_ACCOUNT_INVITED | 1u << HIN_ACCOUNT_LOCKED,
		    HIN_ACCOUNT_CLOSED, HIN_ACT_ACCOUNT_REMOVED, by, now_us, err);
}

enum hin_code hin_account_first(struct hin_desk *desk, const char *name, int64_t now_us,
				int64_t *id, struct hin_error *err)
{
	struct hin_account account = { .role = HIN_ROLE_ADMINISTRATOR };
	bool has;
	enum hin_code code = hin_account_has_administrator(desk, &has, err);

	if (code != HIN_OK)
		return code;
	if (has)
		return hin_fail(err, HIN_EDENIED,
				"there is an administrator already, who makes further accounts");
	code = hin_account_find(desk, name, &account, err);
	if (code == HIN_OK && account.role == HIN_ROLE_ADMINISTRATOR &&
	    account.state == HIN_ACCOUNT_INVITED) {
		*id = account.id;
		return HIN_OK;
	}
	if (code == HIN_OK)
		return hin_fail(err, HIN_EVERIFY, "the name %s is taken: choose another one", name);
	if (code != HIN_ENOENT)
		return code;
	if (strlen(name) >= sizeof(account.name))
		return hin_fail(err, HIN_EFORMAT, "the name is too long");
	account = (struct hin_account){ .role = HIN_ROLE_ADMINISTRATOR };
	copy(account.name, sizeof(account.name), name);
	return hin_account_add(desk, &account, 0, now_us, id, err);
}
