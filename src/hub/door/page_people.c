/* page_people - sign-in, one-time links and one's own account on the plain page */
#include <sodium.h>
#include <stdio.h>
#include <sys/random.h>

#include "hub/door/page.h"
#include "hub/people/totp.h"

/* ---- sign-in ---- */

static void sign_in_form(struct api_call *call, const char *say, const char *name, bool code)
{
	page_begin(call, PAGE_TEXT(call, "Sign in", "サインイン"), "/sign-in");
	if (say != NULL)
		page_putf(call, "<p class=\"say bad\">%s</p>", say);
	page_putf(
		call,
		"<form method=\"post\" action=\"/sign-in\"><label>%s<input name=\"name\" required "
		"autocomplete=\"username\" maxlength=\"63\" value=\"",
		PAGE_TEXT(call, "Name", "名前"));
	page_text(call, name);
	page_putf(call,
		  "\"></label><label>%s<input type=\"password\" name=\"password\" required "
		  "autocomplete=\"current-password\" maxlength=\"256\"></label>",
		  PAGE_TEXT(call, "Password", "パスワード"));
	page_putf(call,
		  "<label>%s<input name=\"code\" inputmode=\"numeric\" "
		  "autocomplete=\"one-time-code\" maxlength=\"32\"%s></label><button>%s</button>"
		  "</form>",
		  PAGE_TEXT(call, "Code of the second factor, or a recovery code (if you have one)",
			    "二要素認証のコードまたは回復コード (設定している場合)"),
		  code ? " required autofocus" : "", PAGE_TEXT(call, "Sign in", "サインイン"));
	page_end(call);
}

void page_sign_in(struct api_call *call)
{
	if (call->signed_in)
		page_go(call, "/plain/cases");
	else
		sign_in_form(call, NULL, "", false);
}

void page_post_sign_in(struct api_call *call)
{
	const char *name = json_string_value(json_object_get(call->body, "name"));
	char csrf[HIN_SECRET_TEXT];

	switch (api_sign_in(call, csrf)) {
	case API_SIGNED_IN:
		page_go(call, "/plain/cases");
		break;
	case API_CODE_NEEDED:
		call->status = 401;
		sign_in_form(
			call,
			PAGE_TEXT(
				call,
				"The code of the second factor is needed. Type the password "
				"once more, too.",
				"二要素認証のコードが必要です。パスワードも再度入力してください。"),
			name != NULL ? name : "", true);
		break;
	case API_NOT_SO:
		call->status = 401;
		sign_in_form(call,
			     PAGE_TEXT(call, "Name, password or code is not right.",
				       "名前、パスワード、コードのいずれかが違います。"),
			     name != NULL ? name : "", false);
		break;
	case API_SIGN_IN_REFUSED:
		break;
	}
}

void page_post_sign_out(struct api_call *call)
{
	if (!api_body_only(call, "csrf"))
		return;
	api_end_session(call);
	if (call->status == 200)
		page_go(call, "/");
}

/* ---- one-time links ---- */

static void link_form(struct api_call *call, const struct hin_account *account, const char *say)
{
	page_begin(call, PAGE_TEXT(call, "Welcome", "ようこそ"), "");
	if (say != NULL) {
		page_put(call, "<p class=\"say bad\">");
		page_text(call, say);
		page_put(call, "</p>");
	}
	page_putf(call, "<p>%s <b>", PAGE_TEXT(call, "Your account is", "アカウント:"));
	page_text(call, account->name);
	page_putf(call, "</b> (%s). %s</p>", hin_role_name(account->role, call->lang),
		  PAGE_TEXT(call,
			    "Choose its password: at least 12 characters; several words are "
			    "fine. This link works once.",
			    "パスワードを決めてください (12文字以上。いくつかの単語でも可)。"
			    "このリンクは一度だけ使えます。"));
	page_putf(call, "<form method=\"post\" action=\"/link/%s\">", call->path[0]);
	page_put(call, "<input type=\"hidden\" autocomplete=\"username\" value=\"");
	page_text(call, account->name);
	page_putf(call,
		  "\"><label>%s<input type=\"password\" name=\"password\" required "
		  "autocomplete=\"new-password\" minlength=\"12\" maxlength=\"256\"></label>"
		  "<label>%s<input type=\"password\" name=\"again\" required "
		  "autocomplete=\"new-password\" minlength=\"12\" maxlength=\"256\"></label>"
		  "<button>%s</button></form>",
		  PAGE_TEXT(call, "Password", "パスワード"),
		  PAGE_TEXT(call, "The same again", "もう一度"),
		  PAGE_TEXT(call, "Begin", "はじめる"));
	page_end(call);
}

/* The account of the link in the path; refused when it is void. */
static bool link_account(struct api_call *call, struct hin_account *out)
{
	struct hin_error err = { 0 };
	enum hin_code code = hin_invite_find(call->desk, call->path[0], call->now_us, out, &err);

	if (code == HIN_ENOENT)
		api_refuse(call, 404, "not-found", "%s",
			   PAGE_TEXT(call,
				     "This link was used, replaced or is too old. Ask for a new "
				     "one.",
				     "このリンクは使用済みか、期限切れです。新しいリンクを依頼して"
				     "ください。"));
	else if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}

void page_link(struct api_call *call)
{
	struct hin_account account;

	if (link_account(call, &account))
		link_form(call, &account, NULL);
}

void page_post_link(struct api_call *call)
{
	bool good = api_body_only(call, "password again csrf");
	const char *password = api_body_text(call, "password", HIN_PASSWORD_MOST, true, &good);
	const char *again = api_body_text(call, "again", HIN_PASSWORD_MOST, true, &good);
	struct hin_account account;
	struct hin_error err = { 0 };
	char csrf[HIN_SECRET_TEXT];

	if (!good || !link_account(call, &account))
		return;
	if (strcmp(password, again) != 0) {
		call->status = 422;
		link_form(call, &account,
			  PAGE_TEXT(call, "The two passwords differ.",
				    "二つのパスワードが違います。"));
		return;
	}
	if (hin_password_judge(password, account.name, &err) != HIN_OK) {
		call->status = 422;
		link_form(call, &account, err.text);
		return;
	}
	json_object_set_new(call->body, "link", json_string(call->path[0]));
	if (api_use_link(call, csrf) == API_SIGNED_IN)
		page_go(call, "/me");
}

/* ---- me ---- */

static void password_form(struct api_call *call)
{
	page_putf(call, "<h2>%s</h2><form method=\"post\" action=\"/plain/me/password\">",
		  PAGE_TEXT(call, "Change the password", "パスワードの変更"));
	page_token(call);
	page_putf(call,
		  "<label>%s<input type=\"password\" name=\"password\" required "
		  "autocomplete=\"current-password\" maxlength=\"256\"></label>"
		  "<label>%s<input type=\"password\" name=\"new\" required minlength=\"12\" "
		  "autocomplete=\"new-password\" maxlength=\"256\"></label><button>%s</button>"
		  "</form>",
		  PAGE_TEXT(call, "Password now", "現在のパスワード"),
		  PAGE_TEXT(call, "New password", "新しいパスワード"),
		  PAGE_TEXT(call, "Change", "変更する"));
}

void page_me(struct api_call *call)
{
	const struct hin_account *me = &call->who.account;
	int64_t left = 0;

	page_begin(call, PAGE_TEXT(call, "Your account", "アカウント"), "/plain/me");
	page_put(call, "<dl>");
	page_term(call, PAGE_TEXT(call, "Name", "名前"));
	page_text(call, me->name);
	page_put(call, "</dd>");
	page_term(call, PAGE_TEXT(call, "Role", "役割"));
	page_putf(call, "%s</dd>", hin_role_name(me->role, call->lang));
	page_term(call, PAGE_TEXT(call, "Second factor", "二要素認証"));
	page_put(call, me->has_totp ? PAGE_TEXT(call, "set up", "設定済み")
				    : PAGE_TEXT(call, "not set up", "未設定"));
	if (me->has_totp && hin_account_recovery_left(call->desk, me->id, &left, NULL) == HIN_OK)
		page_putf(call,
			  PAGE_TEXT(call, ", %lld recovery codes left", "、回復コード残り %lld"),
			  (long long)left);
	page_put(call, "</dd>");
	page_term(call, PAGE_TEXT(call, "Signed in", "サインイン"));
	page_time(call, me->signed_in_us);
	page_put(call, "</dd></dl>");
	if (!me->has_totp)
		page_putf(call,
			  "<p class=\"say\">%s <a href=\"/plain/me/second-factor\">%s</a></p>",
			  PAGE_TEXT(call,
				    "A second factor keeps others out even when they have your "
				    "password.",
				    "二要素認証を設定すると、パスワードが漏れても侵入を防げます。"),
			  PAGE_TEXT(call, "Set it up", "設定する"));
	password_form(call);
	page_put(call, "<form method=\"post\" action=\"/sign-out\">");
	page_token(call);
	page_putf(call, "<button class=\"quiet\">%s</button></form>",
		  PAGE_TEXT(call, "Sign out", "サインアウト"));
	page_end(call);
}

void page_post_password(struct api_call *call)
{
	if (!api_body_only(call, "password new csrf") || !api_change_password(call))
		return;
	page_begin(call, PAGE_TEXT(call, "Your account", "アカウント"), "/plain/me");
	page_putf(call, "<p class=\"say good\">%s</p><p><a href=\"/plain/me\">%s</a></p>",
		  PAGE_TEXT(call, "The password is changed; all other sessions were ended.",
			    "パスワードを変更し、他のセッションを終了しました。"),
		  PAGE_TEXT(call, "Back", "戻る"));
	page_end(call);
}

static void factor_form(struct api_call *call, const uint8_t *secret, size_t size, const char *say)
{
	struct hin_buffer uri = { 0 };
	char text[HIN_TOTP_BASE32];

	hin_totp_base32(text, secret, size);
	hin_totp_uri(&uri, call->tuning->name, call->who.account.name, secret, size);
	page_begin(call, PAGE_TEXT(call, "Second factor", "二要素認証"), "/plain/me");
	if (say != NULL)
		page_putf(call, "<p class=\"say bad\">%s</p>", say);
	page_putf(call, "<ol><li>%s<br><code class=\"key\">",
		  PAGE_TEXT(call, "Enter this key in your authenticator program (time-based):",
			    "認証アプリにこのキーを入力します (時刻ベース):"));
	for (size_t i = 0; text[i] != '\0'; i++)
		page_putf(call, "%s%c", i > 0 && i % 4 == 0 ? " " : "", text[i]);
	page_put(call, "</code><br><a href=\"");
	page_text(call, hin_buffer_text(&uri));
	page_putf(call,
		  "\">%s</a></li><li>%s<form method=\"post\" action=\"/plain/me/second-factor\">",
		  PAGE_TEXT(call, "or open it there, on this device", "この端末のアプリで開く"),
		  PAGE_TEXT(call, "Type the code that it shows, and your password:",
			    "表示されたコードとパスワードを入力します:"));
	page_token(call);
	page_putf(call, "<input type=\"hidden\" name=\"secret\" value=\"%s\">", text);
	if (call->who.account.has_totp)
		page_putf(call,
			  "<label>%s<input name=\"present\" required maxlength=\"64\" "
			  "autocomplete=\"off\"></label>",
			  PAGE_TEXT(call, "Code of the second factor that you have now",
				    "現在の二要素認証のコード"));
	page_putf(call,
		  "<label>%s<input name=\"code\" required inputmode=\"numeric\" maxlength=\"6\" "
		  "autocomplete=\"one-time-code\"></label>"
		  "<label>%s<input type=\"password\" name=\"password\" required "
		  "autocomplete=\"current-password\" maxlength=\"256\"></label>"
		  "<button>%s</button></form></li></ol>",
		  PAGE_TEXT(call, "Code", "コード"), PAGE_TEXT(call, "Password", "パスワード"),
		  PAGE_TEXT(call, "Set up", "設定する"));
	page_end(call);
	hin_buffer_fini(&uri);
	explicit_bzero(text, sizeof(text));
}

void page_factor(struct api_call *call)
{
	uint8_t secret[HIN_TOTP_SECRET];

	if (getrandom(secret, sizeof(secret), 0) != (ssize_t)sizeof(secret)) {
		api_refuse(call, 500, "failed", "no random numbers");
		return;
	}
	factor_form(call, secret, sizeof(secret), NULL);
	explicit_bzero(secret, sizeof(secret));
}

static bool is_password(struct api_call *call, const char *password)
{
	char hash[HIN_PASSWORD_TEXT];
	bool right = hin_account_password(call->desk, call->who.account.id, hash, NULL) == HIN_OK &&
		     hin_password_check(hash, password);

	explicit_bzero(hash, sizeof(hash));
	return right;
}

void page_post_factor(struct api_call *call)
{
	bool good = api_body_only(call, "csrf secret code password present");
	const char *text = api_body_text(call, "secret", 32, true, &good);
	const char *code_text = api_body_text(call, "code", 16, true, &good);
	const char *password = api_body_text(call, "password", HIN_PASSWORD_MOST, true, &good);
	char codes[HIN_RECOVERY_CODES][HIN_RECOVERY_TEXT];
	uint8_t secret[HIN_TOTP_SECRET];
	struct hin_error err = { 0 };
	enum hin_code code = HIN_EVERIFY;

	if (!good)
		return;
	if (hin_totp_from_base32(secret, sizeof(secret), text) != sizeof(secret)) {
		api_refuse(call, 422, "secret", "this is no key of ours");
		return;
	}
	if (is_password(call, password)) {
		if (!api_proves_factor(call))
			return;
		code = hin_account_set_totp(call->desk, call->who.account.id, secret,
					    sizeof(secret), code_text, call->who.account.id,
					    call->now_us, codes, &err);
	}
	if (code == HIN_EVERIFY) {
		call->status = 422;
		factor_form(call, secret, sizeof(secret),
			    PAGE_TEXT(call, "Code or password is not right.",
				      "コードまたはパスワードが違います。"));
		return;
	}
	explicit_bzero(secret, sizeof(secret));
	if (code != HIN_OK) {
		api_refuse_code(call, code, &err);
		return;
	}
	page_begin(call, PAGE_TEXT(call, "Second factor", "二要素認証"), "/plain/me");
	page_putf(call, "<p class=\"say good\">%s</p><p>%s</p><ul class=\"codes\">",
		  PAGE_TEXT(call, "It is set up.", "設定しました。"),
		  PAGE_TEXT(call,
			    "Keep these recovery codes in a safe place: each lets you in once "
			    "when your authenticator is lost. They are shown only now.",
			    "次の回復コードを安全な場所に保管してください。認証アプリを失ったとき、"
			    "一つにつき一度だけ使えます。表示は今回限りです。"));
	for (unsigned i = 0; i < HIN_RECOVERY_CODES; i++)
		page_putf(call, "<li><code>%s</code></li>", codes[i]);
	page_putf(call, "</ul><p><a href=\"/plain/cases\">%s</a></p>",
		  PAGE_TEXT(call, "Go on", "続ける"));
	page_end(call);
	explicit_bzero(codes, sizeof(codes));
}
