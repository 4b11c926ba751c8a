/* page - the frame of the plain page, and its table of routes */
#include "hub/door/page.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/escape.h"

static const char style[] =
#include "hub/page_style.inc"
	;

void page_put(struct api_call *call, const char *html)
{
	hin_buffer_puts(&call->out, html);
}

void page_putf(struct api_call *call, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	hin_buffer_vprintf(&call->out, fmt, args);
	va_end(args);
}

void page_text(struct api_call *call, const char *text)
{
	hin_escape_html(&call->out, text, strlen(text));
}

void page_time(struct api_call *call, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	if (time_us <= 0 || time_us > INT64_MAX / 1000) {
		page_put(call, "–");
		return;
	}
	hin_time_format_iso(text, time_us * 1000, HIN_TIME_S);
	page_putf(call, "<time datetime=\"%s\">", text);
	hin_time_format(text, time_us * 1000, HIN_TIME_S);
	page_putf(call, "%.16s UTC</time>", text);
}

void page_count(struct api_call *call, uint64_t value)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);

	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0)
			hin_buffer_putc(&call->out, ',');
		hin_buffer_putc(&call->out, digits[i]);
	}
}

void page_token(struct api_call *call)
{
	char csrf[HIN_SECRET_TEXT];

	if (!call->signed_in)
		return;
	api_csrf_text(csrf, call->who.credential.csrf);
	page_putf(call, "<input type=\"hidden\" name=\"csrf\" value=\"%s\">", csrf);
}

void page_term(struct api_call *call, const char *term)
{
	page_putf(call, "<dt>%s</dt><dd>", term);
}

void page_go(struct api_call *call, const char *path)
{
	hin_buffer_reset(&call->out);
	call->status = 303;
	call->type = "text/html; charset=utf-8";
	api_header(call, "Location", path);
}

const char *page_severity(const struct api_call *call, enum hin_severity severity)
{
	static const char *const ja[HIN_SEVERITIES] = { "低", "中", "高", "緊急" };

	return call->lang == HIN_JA ? ja[severity] : hin_severity_name(severity);
}

/* ---- the frame ---- */

static void item(struct api_call *call, const char *path, const char *word, const char *here)
{
	page_putf(call, "<a href=\"%s\"%s>%s</a>", path,
		  strcmp(path, here) == 0 ? " aria-current=\"page\"" : "", word);
}

static void menu(struct api_call *call, const char *here)
{
	bool staff = call->signed_in && api_scope(call) == 0;

	page_put(call, "<nav>");
	if (call->signed_in) {
		item(call, "/plain/cases", PAGE_TEXT(call, "Cases", "案件"), here);
		item(call, "/plain/find", PAGE_TEXT(call, "Address", "アドレス"), here);
		if (staff)
			item(call, "/plain/ledger", PAGE_TEXT(call, "Ledger", "台帳"), here);
		item(call, "/plain/me", PAGE_TEXT(call, "Account", "アカウント"), here);
	}
	item(call, "/seen", PAGE_TEXT(call, "Am I seen?", "私のアドレスは?"), here);
	item(call, "/verify", PAGE_TEXT(call, "Check a notice", "通知の確認"), here);
	if (!call->signed_in)
		item(call, "/sign-in", PAGE_TEXT(call, "Sign in", "サインイン"), here);
	page_put(call, "</nav>");
}

/* The same page in the other language. Its path is one of ours, or was escaped by the server. */
static void other_language(struct api_call *call)
{
	page_putf(call, "<a class=\"lang\" href=\"?lang=%s", PAGE_TEXT(call, "ja", "en"));
	for (size_t i = 0; i < call->query_count; i++) {
		if (strcmp(call->query[i].name, "lang") == 0)
			continue;
		page_putf(call, "&amp;%s=", call->query[i].name);
		for (const char *at = call->query[i].value; *at != '\0'; at++)
			page_putf(call, "%%%02x", (unsigned)(unsigned char)*at);
	}
	page_putf(call, "\" lang=\"%s\">%s</a>", PAGE_TEXT(call, "ja", "en"),
		  PAGE_TEXT(call, "日本語", "English"));
}

void page_begin(struct api_call *call, const char *title, const char *here)
{
	const char *lang = PAGE_TEXT(call, "en", "ja");

	if (api_query(call, "lang") != NULL)
		api_set_cookie(call, API_LANGUAGE_COOKIE, lang, INT64_C(366) * 86400);
	call->type = "text/html; charset=utf-8";
	page_putf(call,
		  "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
		  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		  "<meta name=\"color-scheme\" content=\"light dark\">"
		  "<link rel=\"stylesheet\" href=\"/style.css\">"
		  "<link rel=\"icon\" href=\"data:,\"><title>",
		  lang);
	page_text(call, title);
	page_put(call, " – hinomi</title></head>\n<body><header><a class=\"name\" href=\"/\">"
		       "<b>hinomi</b> 火の見</a>");
	menu(call, here);
	if (call->route == NULL || strcmp(call->route->method, "GET") == 0)
		other_language(call);
	page_put(call, "</header>\n<main><h1>");
	page_text(call, title);
	page_put(call, "</h1>\n");
}

void page_end(struct api_call *call)
{
	page_put(call, "</main>\n<footer>");
	page_text(call, call->tuning->name);
	page_put(call, " · hinomi " HIN_VERSION "</footer></body></html>\n");
}

void page_refusal(struct api_call *call, const char *text)
{
	page_begin(call,
		   call->status == 404 ? PAGE_TEXT(call, "Nothing here", "見つかりません")
				       : PAGE_TEXT(call, "That did not work", "できませんでした"),
		   "");
	page_put(call, "<p class=\"say bad\">");
	page_text(call, text);
	page_putf(call, "</p><p><a href=\"/\">%s</a></p>",
		  PAGE_TEXT(call, "To the first page", "最初のページへ"));
	page_end(call);
}

void page_style(struct api_call *call)
{
	call->type = "text/css; charset=utf-8";
	api_header(call, "Cache-Control", "public, max-age=3600");
	hin_buffer_puts(&call->out, style);
}

void page_front(struct api_call *call)
{
	if (call->signed_in) {
		page_go(call, "/plain/cases");
		return;
	}
	page_begin(call, call->tuning->name, "/plain");
	page_putf(
		call, "<p class=\"lead\">%s</p><div class=\"cards\">",
		PAGE_TEXT(call,
			  "This hub watches networks for attacks and infections, and tells the "
			  "owners.",
			  "このハブは、ネットワークへの攻撃と感染を観測し、持ち主に知らせます。"));
	page_putf(call,
		  "<a class=\"card\" href=\"/seen\"><b>%s</b><span>%s</span></a>"
		  "<a class=\"card\" href=\"/verify\"><b>%s</b><span>%s</span></a>"
		  "<a class=\"card\" href=\"/sign-in\"><b>%s</b><span>%s</span></a>",
		  PAGE_TEXT(call, "Am I seen?", "私のアドレスは?"),
		  PAGE_TEXT(call, "Was your own address seen attacking in the last 7 days?",
			    "お使いのアドレスからの攻撃が過去7日間に観測されたかを確かめます。"),
		  PAGE_TEXT(call, "Check a notice", "通知の確認"),
		  PAGE_TEXT(call, "Did you get a notice from us? See whether it is real.",
			    "届いた通知が本物かどうかを確かめます。"),
		  PAGE_TEXT(call, "Sign in", "サインイン"),
		  PAGE_TEXT(call, "For analysts, operators and members.",
			    "分析者・運用者・参加組織の方はこちら。"));
	page_put(call, "</div>");
	page_end(call);
}

/* ---- routes ---- */

#define NONE HIN_SCOPE_NONE
#define PAGE API_FLAG_PAGE
#define FORM (API_FLAG_PAGE | API_FLAG_FORM)
#define SETUP API_FLAG_SETUP
#define OPEN API_PUBLIC, NONE, API_RATE_PUBLIC
#define MINE API_PEOPLE, NONE, API_RATE_PLAIN

const struct api_route api_page_routes[] = {
	{ "GET", "/plain", OPEN, API_NOW, "", "", PAGE, page_front, NULL },
	{ "GET", "/style.css", API_PUBLIC, NONE, API_RATE_PLAIN, API_NOW, "", "", 0, page_style,
	  NULL },
	{ "GET", "/seen", OPEN, API_NOW, "", "", PAGE, page_seen, NULL },
	{ "GET", "/verify", OPEN, API_NOW, "", "code", PAGE, page_verify, NULL },
	{ "GET", "/sign-in", OPEN, API_NOW, "", "", PAGE, page_sign_in, NULL },
	{ "POST", "/sign-in", API_PUBLIC, NONE, API_RATE_SIGN_IN, API_LANE_PASSWORD, "", "", FORM,
	  page_post_sign_in, api_sign_in_gate },
	{ "GET", "/link/{link}", OPEN, API_NOW, "", "", PAGE, page_link, NULL },
	{ "POST", "/link/{link}", API_PUBLIC, NONE, API_RATE_SIGN_IN, API_LANE_PASSWORD, "", "",
	  FORM, page_post_link, NULL },
	{ "POST", "/sign-out", MINE, API_LANE_WRITE, "", "", FORM | SETUP, page_post_sign_out,
	  NULL },
	{ "GET", "/plain/me", MINE, API_NOW, "", "", PAGE | SETUP, page_me, NULL },
	{ "POST", "/plain/me/password", MINE, API_LANE_PASSWORD, "", "", FORM | SETUP,
	  page_post_password, api_code_gate },
	{ "GET", "/plain/me/second-factor", MINE, API_NOW, "", "", PAGE | SETUP, page_factor,
	  NULL },
	{ "POST", "/plain/me/second-factor", MINE, API_LANE_PASSWORD, "", "", FORM | SETUP,
	  page_post_factor, api_code_gate },
	{ "GET", "/plain/cases", MINE, API_LANE_READ, "", "state after", PAGE, page_cases, NULL },
	{ "GET", "/plain/cases/{id}", MINE, API_LANE_READ, "", "", PAGE, page_case, NULL },
	{ "POST", "/plain/cases/{id}", API_ACTORS | API_MEMBER, NONE, API_RATE_PLAIN,
	  API_LANE_WRITE, "", "", FORM, page_post_case, NULL },
	{ "GET", "/plain/find", MINE, API_NOW, "", "address", PAGE, page_find, NULL },
	{ "GET", "/plain/addresses/{address}", MINE, API_LANE_QUERY, "", "", PAGE, page_address,
	  NULL },
	{ "GET", "/plain/ledger", API_STAFF, NONE, API_RATE_PLAIN, API_LANE_READ, "", "before",
	  PAGE, page_ledger, NULL },
};
const size_t api_page_route_count = HIN_COUNT(api_page_routes);
