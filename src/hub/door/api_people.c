/* api_people - signing in, and what people do with their own account */
#include "hub/door/api_people.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/log.h"
#include "hub/people/totp.h"
#include "trust/act_numbers.h"

/* A name may be tried so often from one address, and so often from all. */
static const struct hin_rate_rule here_rule = { 16, 10, 30000000 };
static const struct hin_rate_rule name_rule = { 17, 100, 5000000 };
static const struct hin_rate_rule act_rule = { 18, 1, 3600000000 };
static const struct hin_rate_rule code_rule = { 19, 10, 30000000 };
/* Wrong codes of the second factor at a sign-in, of an account: who tries has the password. */
static const struct hin_rate_rule factor_rule = { 20, 10, 360000000 };

static int64_t clock_us(void)
{
	return hin_time_monotonic_ns() / 1000;
}

void api_csrf_text(char out[HIN_SECRET_TEXT], const uint8_t csrf[32])
{
	(void)sodium_bin2base64(out, HIN_SECRET_TEXT, csrf, 32,
				sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* ---- signing in ---- */

static size_t here_key(const struct api_call *call, const char *name,
		       char out[HIN_ACCOUNT_NAME + 24])
{
	size_t size = strnlen(name, HIN_ACCOUNT_NAME);

	memcpy(out, call->client.b, 16);
	if (!hin_addr_is_v4(&call->client))
		memset(out + 8, 0, 8);
	memcpy(out + 16, name, size);
	return size + 16;
}

bool api_sign_in_gate(struct api_call *call)
{
	bool good = api_body_only(call, "name password code csrf");
	const char *name = api_body_text(call, "name", HIN_ACCOUNT_NAME - 1, false, &good);
	char key[HIN_ACCOUNT_NAME + 24];
	int64_t here_us = 0, name_us = 0, now = clock_us();
	size_t size;

	if (!good || name == NULL)
		return good;
	size = here_key(call, name, key);
	if (hin_rate_take(call->api->rates, &here_rule, key, size, now, &here_us) &&
	    hin_rate_take(call->api->rates, &name_rule, name, strlen(name), now, &name_us))
		return true;
	/* guesses from elsewhere do not keep people out where they signed in before */
	if (here_us == 0 && hin_session_knows_place(call->desk, name, &call->client, call->now_us))
		return true;
	API_COUNT(call->api, sign_in_refused);
	/* written down once an hour for a name: by a lane, since the desk is only read here */
	if (hin_rate_take(call->api->rates, &act_rule, name, strlen(name), now, NULL)) {
		call->worker = NULL;
		json_object_set_new(call->body, " too often", json_true());
		return true;
	}
	api_refuse_later(call, here_us > name_us ? here_us : name_us);
	return false;
}

/* A name was tried too often: an act, when there is such an account. */
static void write_refusal(struct api_call *call, const char *name)
{
	struct hin_account account;
	struct hin_error err = { 0 };
	char address[HIN_ADDR_TEXT], object[256];
	struct hin_desk_act act = { .time_us = call->now_us,
				    .kind = HIN_ACT_SIGN_IN_REFUSED,
				    .object = object };
	enum hin_code code = hin_account_find(call->desk, name, &account, &err);

	hin_log(HIN_LOG_WARNING, "api.sign_in_refused", hin_log_text("name", name),
		hin_log_addr("address", &call->client));
	if (code == HIN_OK)
		code = hin_desk_begin(call->desk, &err);
	if (code != HIN_OK)
		return;
	snprintf(object, sizeof(object), "{\"account\":%lld,\"address\":\"%s\"}",
		 (long long)account.id, hin_addr_format(&call->client, address));
	code = hin_desk_act(call->desk, &act, NULL, &err);
	if (code == HIN_OK)
		code = hin_desk_commit(call->desk, &err);
	else
		hin_desk_rollback(call->desk);
	if (code != HIN_OK)
		hin_log(HIN_LOG_ERROR, "api.act_failed", hin_log_text("error", err.text));
}

/* The digest of the session that the browser had before, which ends: NULL when it had none. */
static const uint8_t *session_before(const struct api_call *call)
{
	return call->signed_in && !call->by_token ? call->who.credential.digest : NULL;
}

static enum api_sign_in begin_session(struct api_call *call, int64_t account, const char *code_text,
				      char csrf_text[HIN_SECRET_TEXT])
{
	char secret[HIN_SECRET_TEXT];
	uint8_t csrf[32];
	struct hin_error err = { 0 };
	enum hin_code code = hin_session_make(call->desk, account, code_text, &call->client,
					      session_before(call), &call->tuning->limits,
					      call->now_us, secret, csrf, &err);

	if (code == HIN_OK) {
		API_COUNT(call->api, signed_in);
		api_set_cookie(call, API_COOKIE, secret, call->tuning->limits.most_us / 1000000);
		api_csrf_text(csrf_text, csrf);
		explicit_bzero(secret, sizeof(secret));
		return API_SIGNED_IN;
	}
	if (code == HIN_EAGAIN && strncmp(err.text, "desk", 4) != 0)
		return API_CODE_NEEDED;
	if (code == HIN_EVERIFY)
		return API_NOT_SO;
	api_refuse_code(call, code, &err);
	return API_SIGN_IN_REFUSED;
}

/* The second half of a sign-in, when the password was right. */
static enum api_sign_in check_factor(struct api_call *call, const struct hin_account *account,
				     const char *code_text, char csrf[HIN_SECRET_TEXT])
{
	const void *key = &account->id;
	int64_t wait_us, now = clock_us();
	bool counted = account->has_totp && code_text[0] != '\0';
	enum api_sign_in outcome;

	if (counted && !hin_rate_take(call->api->rates, &factor_rule, key, sizeof(account->id), now,
				      &wait_us)) {
		API_COUNT(call->api, sign_in_refused);
		if (hin_rate_take(call->api->rates, &act_rule, account->name, strlen(account->name),
				  now, NULL))
			write_refusal(call, account->name);
		api_refuse_later(call, wait_us);
		return API_SIGN_IN_REFUSED;
	}
	outcome = begin_session(call, account->id, code_text, csrf);
	if (counted && outcome == API_SIGNED_IN)
		hin_rate_give(call->api->rates, &factor_rule, key, sizeof(account->id));
	return outcome;
}

enum api_sign_in api_sign_in(struct api_call *call, char csrf[HIN_SECRET_TEXT])
{
	bool good = true;
	const char *name = api_body_text(call, "name", HIN_ACCOUNT_NAME - 1, true, &good);
	const char *password = api_body_text(call, "password", HIN_PASSWORD_MOST, true, &good);
	const char *code_text = api_body_text(call, "code", 64, false, &good);
	char hash[HIN_PASSWORD_TEXT] = "";
	struct hin_account account = { 0 };
	struct hin_error err = { 0 };
	enum api_sign_in outcome = API_NOT_SO;
	enum hin_code code;

	if (!good)
		return API_SIGN_IN_REFUSED;
	if (json_object_get(call->body, " too often") != NULL) {
		write_refusal(call, name);
		api_refuse_later(call, here_rule.interval_us);
		return API_SIGN_IN_REFUSED;
	}
	code = hin_account_find(call->desk, name, &account, &err);
	if (code == HIN_OK && account.state == HIN_ACCOUNT_ACTIVE)
		code = hin_account_password(call->desk, account.id, hash, &err);
	if (code != HIN_OK && code != HIN_ENOENT) {
		api_refuse_code(call, code, &err);
		return API_SIGN_IN_REFUSED;
	}
	/* the same work whether there is such an account or not */
	if (hin_password_check(hash, password))
		outcome = check_factor(call, &account, code_text != NULL ? code_text : "", csrf);
	explicit_bzero(hash, sizeof(hash));
	if (outcome == API_NOT_SO)
		API_COUNT(call->api, sign_in_refused);
	if (outcome == API_SIGNED_IN) {
		char key[HIN_ACCOUNT_NAME + 24];

		hin_rate_give(call->api->rates, &here_rule, key, here_key(call, name, key));
		hin_rate_give(call->api->rates, &name_rule, name, strlen(name));
	}
	return outcome;
}

enum api_sign_in api_use_link(struct api_call *call, char csrf[HIN_SECRET_TEXT])
{
	bool good = true;
	const char *link = api_body_text(call, "link", 64, true, &good);
	const char *password = api_body_text(call, "password", HIN_PASSWORD_MOST, true, &good);
	char hash[HIN_PASSWORD_TEXT];
	struct hin_account account;
	struct hin_error err = { 0 };
	enum hin_code code;
	int64_t id;

	if (!good)
		return API_SIGN_IN_REFUSED;
	code = hin_invite_find(call->desk, link, call->now_us, &account, &err);
	if (code == HIN_OK)
		code = hin_password_judge(password, account.name, &err);
	if (code == HIN_OK)
		code = hin_password_hash(hash, password, &err);
	if (code == HIN_OK)
		code = hin_invite_use(call->desk, link, hash, call->now_us, &id, &err);
	explicit_bzero(hash, sizeof(hash));
	if (code == HIN_OK)
		return begin_session(call, id, "", csrf);
	api_refuse_code(call, code, &err);
	return API_SIGN_IN_REFUSED;
}

/* ---- me ---- */

static void write_account(struct hin_buffer *out, const struct hin_account *a)
{
	api_number(out, "id", a->id);
	api_text(out, "name", a->name);
	api_text(out, "display", a->display);
	api_text(out, "role", hin_role_name(a->role, HIN_EN));
	api_id(out, "organisation", a->organisation);
	api_text(out, "language", a->language);
	api_text(out, "state", hin_account_state_name(a->state));
	api_bool(out, "second_factor", a->has_totp);
	api_time(out, "created", a->created_us);
	api_time(out, "signed_in", a->signed_in_us);
}

static void write_me(struct api_call *call, const struct hin_identity *who, const char *csrf)
{
	struct hin_buffer *out = &call->out;
	int64_t left = 0;

	api_open(out, NULL, '{');
	api_open(out, "account", '{');
	write_account(out, &who->account);
	hin_buffer_putc(out, '}');
	if (who->account.has_totp &&
	    hin_account_recovery_left(call->desk, who->account.id, &left, NULL) == HIN_OK)
		api_number(out, "recovery_codes_left", left);
	api_bool(out, "second_factor_needed",
		 call->tuning->second_factor && !who->account.has_totp);
	if (csrf != NULL)
		api_text(out, "csrf", csrf);
	api_text(out, "hub", call->tuning->name);
	api_text(out, "version", HIN_VERSION);
	if (call->by_token) {
		api_key(out, "scopes");
		hin_buffer_putc(out, '"');
		hin_scopes_print(out, who->credential.scopes);
		hin_buffer_putc(out, '"');
	}
	api_time(out, "expires", who->credential.expires_us);
	hin_buffer_puts(out, "}\n");
}

static void handle_me(struct api_call *call)
{
	char csrf[HIN_SECRET_TEXT];

	api_csrf_text(csrf, call->who.credential.csrf);
	write_me(call, &call->who, call->by_token ? NULL : csrf);
}

static void answer_sign_in(struct api_call *call, enum api_sign_in outcome, const char *csrf)
{
	switch (outcome) {
	case API_SIGNED_IN:
		api_open(&call->out, NULL, '{');
		api_text(&call->out, "csrf", csrf);
		hin_buffer_puts(&call->out, "}\n");
		break;
	case API_CODE_NEEDED:
		api_refuse(call, 401, "code-needed",
			   "the code of the second factor, or a recovery code, is needed");
		break;
	case API_NOT_SO:
		api_refuse(call, 401, "not-so", "name, password or code is not right");
		break;
	case API_SIGN_IN_REFUSED:
		break;
	}
}

static void handle_sign_in(struct api_call *call)
{
	char csrf[HIN_SECRET_TEXT] = "";

	answer_sign_in(call, api_sign_in(call, csrf), csrf);
}

static void handle_link(struct api_call *call)
{
	char csrf[HIN_SECRET_TEXT] = "";

	if (api_body_only(call, "link password"))
		answer_sign_in(call, api_use_link(call, csrf), csrf);
}

void api_end_session(struct api_call *call)
{
	char id[HIN_CREDENTIAL_ID];
	struct hin_error err = { 0 };
	enum hin_code code;

	hin_credential_id(id, call->who.credential.digest);
	code = hin_credential_end(call->desk, call->who.account.id, HIN_CREDENTIAL_SESSION, id,
				  call->who.account.id, call->now_us, &err);
	if (code != HIN_OK && code != HIN_ENOENT) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_set_cookie(call, API_COOKIE, NULL, 0);
	hin_buffer_puts(&call->out, "{}\n");
}

static void handle_sign_out_all(struct api_call *call)
{
	struct hin_error err = { 0 };
	int64_t count = 0;
	enum hin_code code = hin_session_end_all(call->desk, call->who.account.id, NULL,
						 call->who.account.id, call->now_us, &count, &err);

	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	api_set_cookie(call, API_COOKIE, NULL, 0);
	hin_buffer_printf(&call->out, "{\"sessions\":%lld}\n", (long long)count);
}

static void done(struct api_call *call, enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		hin_buffer_puts(&call->out, "{}\n");
	else
		api_refuse_code(call, code, err);
}

static void handle_change_me(struct api_call *call)
{
	const struct hin_account *me = &call->who.account;
	struct hin_error err = { 0 };
	bool good = api_body_only(call, "display language");
	const char *display = api_body_text(call, "display", HIN_ACCOUNT_DISPLAY - 1, false, &good);
	const char *language = api_body_text(call, "language", 2, false, &good);

	if (good)
		done(call,
		     hin_account_rename(call->desk, me->id, display != NULL ? display : me->display,
					language != NULL ? language : me->language, me->id,
					call->now_us, &err),
		     &err);
}

bool api_code_gate(struct api_call *call)
{
	int64_t wait_us;

	if (hin_rate_take(call->api->rates, &code_rule, &call->who.account.id,
			  sizeof(call->who.account.id), clock_us(), &wait_us))
		return true;
	api_refuse_later(call, wait_us);
	return false;
}

/* Is "password" of the body the account's? Else refused. */
static bool proves_password(struct api_call *call)
{
	bool good = true;
	const char *password = api_body_text(call, "password", HIN_PASSWORD_MOST, true, &good);
	char hash[HIN_PASSWORD_TEXT];
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!good)
		return false;
	code = hin_account_password(call->desk, call->who.account.id, hash, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return false;
	}
	good = hin_password_check(hash, password);
	explicit_bzero(hash, sizeof(hash));
	if (!good)
		api_refuse(call, 403, "password", "this is not your password");
	return good;
}

bool api_proves_factor(struct api_call *call)
{
	bool good = true;
	const char *text = api_body_text(call, "present", 64, false, &good);
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!good)
		return false;
	code = hin_desk_begin(call->desk, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return false;
	}
	code = hin_account_use_code(call->desk, call->who.account.id, text != NULL ? text : "",
				    call->now_us, &err);
	if (code == HIN_OK)
		code = hin_desk_commit(call->desk, &err);
	else
		hin_desk_rollback(call->desk);
	if (code == HIN_EAGAIN || code == HIN_EVERIFY)
		api_refuse(call, 403, "code",
			   "\"present\" must be a code of the second factor that you have now");
	else if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}

bool api_change_password(struct api_call *call)
{
	const struct hin_account *me = &call->who.account;
	bool good = true;
	const char *fresh = api_body_text(call, "new", HIN_PASSWORD_MOST, true, &good);
	char hash[HIN_PASSWORD_TEXT];
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!good || !proves_password(call))
		return false;
	code = hin_password_judge(fresh, me->name, &err);
	if (code == HIN_OK)
		code = hin_password_hash(hash, fresh, &err);
	if (code == HIN_OK)
		code = hin_account_set_password(call->desk, me->id, hash,
						call->who.credential.digest, me->id, call->now_us,
						&err);
	explicit_bzero(hash, sizeof(hash));
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}

static void handle_password(struct api_call *call)
{
	if (api_body_only(call, "password new") && api_change_password(call))
		hin_buffer_puts(&call->out, "{}\n");
}

/* ---- the second factor ---- */

/* A fresh secret. It is kept nowhere until a code proves that its owner has it. */
static void handle_totp_new(struct api_call *call)
{
	uint8_t secret[HIN_TOTP_SECRET];
	char text[HIN_TOTP_BASE32];
	struct hin_buffer uri = { 0 };

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
		api_refuse(call, 500, "failed", "no random numbers");
		return;
	}
	hin_totp_base32(text, secret, sizeof(secret));
	hin_totp_uri(&uri, call->tuning->name, call->who.account.name, secret, sizeof(secret));
	api_open(&call->out, NULL, '{');
	api_text(&call->out, "secret", text);
	api_text(&call->out, "uri", hin_buffer_text(&uri));
	hin_buffer_puts(&call->out, "}\n");
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	hin_buffer_fini(&uri);
}

static void write_codes(struct api_call *call, char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT])
{
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "recovery_codes", '[');
	for (unsigned i = 0; i < HIN_RECOVERY_CODES; i++)
		hin_buffer_printf(&call->out, "%s\"%s\"", i > 0 ? "," : "", codes[i]);
	hin_buffer_puts(&call->out, "]}\n");
	explicit_bzero(codes, sizeof(char[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT]));
}

static void handle_totp_set(struct api_call *call)
{
	bool good = api_body_only(call, "password secret code present");
	const char *text = api_body_text(call, "secret", 128, true, &good);
	const char *code_text = api_body_text(call, "code", 16, true, &good);
	char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT];
	uint8_t secret[64];
	struct hin_error err = { 0 };
	enum hin_code code;
	size_t size;

	if (!good || !proves_password(call) || !api_proves_factor(call))
		return;
	size = hin_totp_from_base32(secret, sizeof(secret), text);
	code = hin_account_set_totp(call->desk, call->who.account.id, secret, size, code_text,
				    call->who.account.id, call->now_us, codes, &err);
	explicit_bzero(secret, sizeof(secret));
	if (code == HIN_OK)
		write_codes(call, codes);
	else
		api_refuse_code(call, code, &err);
}

static void handle_totp_remove(struct api_call *call)
{
	struct hin_error err = { 0 };

	if (api_body_only(call, "password present") && proves_password(call) &&
	    api_proves_factor(call))
		done(call,
		     hin_account_remove_totp(call->desk, call->who.account.id, call->who.account.id,
					     call->now_us, &err),
		     &err);
}

/* The end of one's own account: nobody opens it again, and acts go on naming its number. */
static void handle_close(struct api_call *call)
{
	struct hin_error err = { 0 };

	if (!api_body_only(call, "password present") || !proves_password(call) ||
	    !api_proves_factor(call))
		return;
	done(call,
	     hin_account_close(call->desk, call->who.account.id, call->who.account.id, call->now_us,
			       &err),
	     &err);
	if (call->status == 200)
		api_set_cookie(call, API_COOKIE, NULL, 0);
}

static void handle_recovery(struct api_call *call)
{
	char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT];
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!api_body_only(call, "password present") || !proves_password(call) ||
	    !api_proves_factor(call))
		return;
	code = hin_account_make_recovery(call->desk, call->who.account.id, call->who.account.id,
					 call->now_us, codes, &err);
	if (code == HIN_OK)
		write_codes(call, codes);
	else
		api_refuse_code(call, code, &err);
}

/* ---- sessions and tokens ---- */

static enum hin_code write_credential(void *user, const struct hin_credential *c)
{
	struct api_call *call = user;
	struct hin_buffer *out = &call->out;
	char id[HIN_CREDENTIAL_ID];

	hin_credential_id(id, c->digest);
	api_open(out, NULL, '{');
	api_text(out, "id", id);
	if (c->kind == HIN_CREDENTIAL_TOKEN) {
		api_text(out, "label", c->label);
		api_key(out, "scopes");
		hin_buffer_putc(out, '"');
		hin_scopes_print(out, c->scopes);
		hin_buffer_putc(out, '"');
	} else {
		api_address(out, "address", c->has_address ? &c->address : NULL);
		api_bool(out, "this",
			 memcmp(c->digest, call->who.credential.digest, sizeof(c->digest)) == 0);
	}
	api_time(out, "created", c->created_us);
	api_time(out, "used", c->seen_us);
	api_time(out, "expires", c->expires_us);
	hin_buffer_putc(out, '}');
	return HIN_OK;
}

void api_list_credentials(struct api_call *call, int64_t account, enum hin_credential_kind kind,
			  const char *name)
{
	struct hin_error err = { 0 };
	enum hin_code code;

	api_open(&call->out, NULL, '{');
	api_open(&call->out, name, '[');
	code = hin_credential_each(call->desk, account, kind, &call->tuning->limits, call->now_us,
				   write_credential, call, &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_sessions(struct api_call *call)
{
	api_list_credentials(call, call->who.account.id, HIN_CREDENTIAL_SESSION, "sessions");
}

static void handle_tokens(struct api_call *call)
{
	api_list_credentials(call, call->who.account.id, HIN_CREDENTIAL_TOKEN, "tokens");
}

static void end_credential(struct api_call *call, enum hin_credential_kind kind)
{
	struct hin_error err = { 0 };

	done(call,
	     hin_credential_end(call->desk, call->who.account.id, kind, call->path[0],
				call->who.account.id, call->now_us, &err),
	     &err);
}

static void handle_session_end(struct api_call *call)
{
	end_credential(call, HIN_CREDENTIAL_SESSION);
}

static void handle_token_end(struct api_call *call)
{
	end_credential(call, HIN_CREDENTIAL_TOKEN);
}

static void handle_token_make(struct api_call *call)
{
	bool good = api_body_only(call, "label scopes days");
	const char *label = api_body_text(call, "label", HIN_TOKEN_LABEL - 1, true, &good);
	const char *scopes = api_body_text(call, "scopes", 200, true, &good);
	int64_t days = api_body_number(call, "days", 1, 366, 90, &good);
	char text[HIN_TOKEN_TEXT];
	struct hin_error err = { 0 };
	unsigned set;
	enum hin_code code;

	if (!good)
		return;
	code = hin_scopes_parse(&set, scopes, &err);
	if (code == HIN_OK)
		code = hin_token_make(call->desk, call->who.account.id, label, set,
				      call->now_us + days * INT64_C(86400000000),
				      call->who.account.id, call->now_us, text, &err);
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	call->status = 201;
	api_open(&call->out, NULL, '{');
	api_text(&call->out, "token", text);
	hin_buffer_puts(&call->out, "}\n");
	explicit_bzero(text, sizeof(text));
}

#define V "/api/v1"
#define OWN API_PEOPLE, HIN_SCOPE_NONE

const struct api_route api_people_routes[] = {
	{ "POST", V "/sign-in", API_PUBLIC, HIN_SCOPE_NONE, API_RATE_SIGN_IN, API_LANE_PASSWORD,
	  "signIn", "", API_FLAG_BODY, handle_sign_in, api_sign_in_gate },
	{ "POST", V "/link", API_PUBLIC, HIN_SCOPE_NONE, API_RATE_SIGN_IN, API_LANE_PASSWORD,
	  "useLink", "", API_FLAG_BODY, handle_link, NULL },
	{ "POST", V "/sign-out", OWN, API_RATE_PLAIN, API_LANE_WRITE, "signOut", "", API_FLAG_SETUP,
	  api_end_session, NULL },
	{ "POST", V "/sign-out-everywhere", OWN, API_RATE_PLAIN, API_LANE_WRITE,
	  "signOutEverywhere", "", API_FLAG_SETUP, handle_sign_out_all, NULL },
	{ "GET", V "/me", API_PEOPLE, HIN_SCOPE_READ, API_RATE_PLAIN, API_NOW, "getMe", "",
	  API_FLAG_SETUP, handle_me, NULL },
	{ "PATCH", V "/me", OWN, API_RATE_PLAIN, API_LANE_WRITE, "changeMe", "", API_FLAG_BODY,
	  handle_change_me, NULL },
	{ "POST", V "/me/password", OWN, API_RATE_PLAIN, API_LANE_PASSWORD, "changePassword", "",
	  API_FLAG_BODY | API_FLAG_SETUP, handle_password, api_code_gate },
	{ "POST", V "/me/second-factor/secret", OWN, API_RATE_PLAIN, API_NOW, "newSecret", "",
	  API_FLAG_SETUP, handle_totp_new, NULL },
	{ "PUT", V "/me/second-factor", OWN, API_RATE_PLAIN, API_LANE_PASSWORD, "setSecondFactor",
	  "", API_FLAG_BODY | API_FLAG_SETUP, handle_totp_set, api_code_gate },
	{ "DELETE", V "/me/second-factor", OWN, API_RATE_PLAIN, API_LANE_PASSWORD,
	  "removeSecondFactor", "", API_FLAG_BODY, handle_totp_remove, api_code_gate },
	{ "POST", V "/me/close", OWN, API_RATE_PLAIN, API_LANE_PASSWORD, "closeMe", "",
	  API_FLAG_BODY, handle_close, api_code_gate },
	{ "POST", V "/me/recovery-codes", OWN, API_RATE_PLAIN, API_LANE_PASSWORD,
	  "makeRecoveryCodes", "", API_FLAG_BODY, handle_recovery, api_code_gate },
	{ "GET", V "/me/sessions", OWN, API_RATE_PLAIN, API_NOW, "listSessions", "", 0,
	  handle_sessions, NULL },
	{ "DELETE", V "/me/sessions/{id}", OWN, API_RATE_PLAIN, API_LANE_WRITE, "endSession", "", 0,
	  handle_session_end, NULL },
	{ "GET", V "/me/tokens", OWN, API_RATE_PLAIN, API_NOW, "listTokens", "", 0, handle_tokens,
	  NULL },
	{ "POST", V "/me/tokens", OWN, API_RATE_PLAIN, API_LANE_WRITE, "makeToken", "",
	  API_FLAG_BODY, handle_token_make, NULL },
	{ "DELETE", V "/me/tokens/{id}", OWN, API_RATE_PLAIN, API_LANE_WRITE, "revokeToken", "", 0,
	  handle_token_end, NULL },
};
const size_t api_people_route_count = HIN_COUNT(api_people_routes);
