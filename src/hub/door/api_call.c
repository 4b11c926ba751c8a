/* api_call - a request from its route to its answer: who asks, may they, how often, and then what
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/number.h"
#include "hub/door/api_priv.h"

#define TEXT(literal) (literal), sizeof(literal) - 1

/* ---- rates ---- */

enum { RULE_PLAIN = 1, RULE_PUBLIC, RULE_SIGN_IN, RULE_QUERY, RULE_TOUCH };

static const struct hin_rate_rule rules[API_RATES] = {
	[API_RATE_PUBLIC] = { RULE_PUBLIC, 60, 500000 },
	[API_RATE_SIGN_IN] = { RULE_SIGN_IN, 30, 3000000 },
	[API_RATE_QUERY] = { RULE_QUERY, 120, 250000 }, /* a click of who explores asks three */
};

static const struct hin_rate_rule touch_rule = { RULE_TOUCH, 1, HIN_TOUCH_US / 2 };

static int64_t clock_us(void)
{
	return hin_time_monotonic_ns() / 1000;
}

/* Whoever is counted as one: an account, else an IPv4 address or an IPv6 /64. */
static bool is_too_much(struct api_call *call, enum api_rate class, bool by_account)
{
	struct hin_rate_rule rule = rules[class];
	uint8_t key[17] = { by_account };
	int64_t wait_us;

	if (class == API_RATE_PLAIN) {
		uint64_t rate = call->tuning->rate_per_s;

		if (rate == 0)
			return false;
		rule = (struct hin_rate_rule){ RULE_PLAIN,
					       (unsigned)(rate < 100000 ? rate * 5 : 500000),
					       rate < 1000000 ? 1000000 / (int64_t)rate : 1 };
	}
	if (by_account) {
		memcpy(key + 1, &call->who.account.id, 8);
	} else {
		memcpy(key + 1, call->client.b, 16);
		if (!hin_addr_is_v4(&call->client))
			memset(key + 9, 0, 8);
	}
	if (hin_rate_take(call->api->rates, &rule, key, sizeof(key), clock_us(), &wait_us))
		return false;
	api_refuse_later(call, wait_us);
	return true;
}

/* ---- the route ---- */

/* Does `path` fit the pattern? Variable segments are noted. */
static bool fits(struct api_call *call, const char *pattern, const char *path)
{
	unsigned count = 0;

	while (*pattern == '/' && *path == '/') {
		size_t want = strcspn(++pattern, "/"), have = strcspn(++path, "/");

		if (want > 2 && pattern[0] == '{' && pattern[1] == '+') {
			call->path[count] = path;
			call->rest = count;
			return *path != '\0';
		}
		if (want > 2 && pattern[0] == '{') {
			if (have == 0 || count == API_PARAMETERS)
				return false;
			call->path[count++] = path; /* copied once the route is known */
		} else if (want != have || memcmp(pattern, path, want) != 0) {
			return false;
		}
		pattern += want;
		path += have;
	}
	return *pattern == '\0' && *path == '\0';
}

static bool copy_segments(struct api_call *call)
{
	for (unsigned i = 0; i < API_PARAMETERS; i++) {
		if (call->path[i] == NULL)
			continue;
		call->path[i] = hin_arena_copy(&call->arena, call->path[i],
					       i == call->rest ? strlen(call->path[i])
							       : strcspn(call->path[i], "/"));
		if (call->path[i] == NULL)
			return false;
	}
	return true;
}

const struct api_route *api_find_route(struct api_call *call, const char *method, const char *path,
				       unsigned *status)
{
	*status = 404;
	for (size_t t = 0; t < api_table_count; t++) {
		for (size_t i = 0; i < *api_tables[t].count; i++) {
			const struct api_route *route = &api_tables[t].rows[i];

			memset(call->path, 0, sizeof(call->path));
			call->rest = API_PARAMETERS;
			if (!fits(call, route->path, path))
				continue;
			if (strcmp(route->method, method) == 0)
				return copy_segments(call) ? route : NULL;
			*status = 405;
		}
	}
	return NULL;
}

void api_allowed(struct api_call *call, const char *path, char out[HIN_HTTP_ALLOW])
{
	out[0] = '\0';
	for (size_t t = 0; t < api_table_count; t++)
		for (size_t i = 0; i < *api_tables[t].count; i++)
			if (fits(call, api_tables[t].rows[i].path, path))
				hin_http_allow(out, api_tables[t].rows[i].method);
	memset(call->path, 0, sizeof(call->path));
}

/* ---- whom it comes from ---- */

static bool is_proxy(const struct api_tuning *tuning, const struct hin_addr *address)
{
	return tuning->proxies != NULL &&
	       hin_prefix_tree_find(tuning->proxies, address) != HIN_PREFIX_NONE;
}

bool api_is_proxy(void *user, const struct hin_addr *address)
{
	struct api_tuning *tuning = api_tuning_get(user);
	bool is = is_proxy(tuning, address);

	api_tuning_unref(user, tuning);
	return is;
}

/* An element of Forwarded (RFC 7239) or X-Forwarded-For: an address, with a port or in brackets. */
static bool read_hop(struct hin_addr *out, const char *text, size_t size)
{
	char copy[HIN_ADDR_TEXT + 8];
	char *end;

	while (size > 0 && (*text == ' ' || *text == '\t' || *text == '"'))
		text++, size--;
	while (size > 0 && strchr(" \t\"", text[size - 1]) != NULL)
		size--;
	if (size == 0 || size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (copy[0] == '[') {
		end = strchr(copy, ']');
		if (end == NULL)
			return false;
		*end = '\0';
		return hin_addr_parse(out, copy + 1) == HIN_OK;
	}
	end = strchr(copy, ':');
	if (end != NULL && strchr(end + 1, ':') == NULL) /* one colon: IPv4 with its port */
		*end = '\0';
	return hin_addr_parse(out, copy) == HIN_OK;
}

/* The "for" of a Forwarded element, or all of an X-Forwarded-For one. */
static bool read_element(struct hin_addr *out, const char *text, size_t size, bool forwarded)
{
	if (!forwarded)
		return read_hop(out, text, size);
	for (size_t at = 0; at < size;) {
		size_t end = at;

		while (end < size && text[end] != ';')
			end++;
		while (at < end && (text[at] == ' ' || text[at] == '\t'))
			at++;
		if (end - at > 4 && strncasecmp(text + at, "for=", 4) == 0)
			return read_hop(out, text + at + 4, end - at - 4);
		at = end + 1;
	}
	return false;
}

/*
 * Go back hop by hop, from the one that speaks to us, as long as each is a proxy that we know. Only
 * the header that they write counts: the other is the client's own word.
 */
static void find_client(struct api_call *call)
{
	struct hin_buffer list = { 0 };
	bool forwarded = call->tuning->forwarded;
	const char *header;
	struct hin_addr hop;
	size_t end;

	call->client = call->request->address;
	if (!is_proxy(call->tuning, &call->client))
		return;
	hin_http_header_list(call->request, forwarded ? "Forwarded" : "X-Forwarded-For", &list);
	header = list.failed ? "" : hin_buffer_text(&list);
	end = strlen(header);
	for (unsigned hops = 0; end > 0 && hops < 16; hops++) {
		size_t start = end;

		while (start > 0 && header[start - 1] != ',')
			start--;
		if (!read_element(&hop, header + start, end - start, forwarded))
			break;
		call->client = hop;
		if (!is_proxy(call->tuning, &hop))
			break;
		end = start > 0 ? start - 1 : 0;
	}
	hin_buffer_fini(&list);
}

static void touch(struct api_call *call)
{
	struct hin_error err;

	if (hin_credential_touch(call->desk, call->who.credential.digest, call->now_us, &err) !=
	    HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "api.not_touched",
				hin_log_text("error", err.text));
}

static const struct api_route touch_route = { .method = "",
					      .path = "",
					      .lane = API_LANE_WRITE,
					      .operation = "",
					      .query = "",
					      .handle = touch };

/* Note the use of a session or token, once in a while and without waiting. */
static void note_use(const struct api_call *call)
{
	const struct hin_credential *c = &call->who.credential;
	struct api_call *note;

	if (call->now_us - c->seen_us < HIN_TOUCH_US ||
	    !hin_rate_take(call->api->rates, &touch_rule, c->digest, sizeof(c->digest), clock_us(),
			   NULL))
		return;
	note = api_call_new(call->api);
	if (note == NULL)
		return;
	note->route = &touch_route;
	note->now_us = call->now_us;
	note->who = call->who;
	if (!api_enqueue(call->api, note))
		api_call_free(note);
}

/* Find out who asks; false when refused. */
static bool identify(struct api_call *call, struct hin_desk *desk)
{
	const char *header = hin_http_header(call->request, "Authorization");
	char secret[HIN_TOKEN_TEXT];
	struct hin_error err = { 0 };
	enum hin_code code = HIN_ENOENT;

	if (header != NULL && strncasecmp(header, TEXT("Bearer ")) == 0) {
		call->by_token = true;
		code = hin_token_find(desk, header + 7, call->now_us, &call->who, &err);
	} else if (header != NULL) {
		(void)hin_fail(&err, HIN_ENOENT, "only \"Authorization: Bearer\" is known here");
		call->by_token = true;
	} else if (hin_http_cookie(call->request, API_COOKIE, secret, sizeof(secret))) {
		code = hin_session_find(desk, secret, &call->tuning->limits, call->now_us,
					&call->who, &err);
	}
	explicit_bzero(secret, sizeof(secret));
	call->signed_in = code == HIN_OK;
	if (call->signed_in) {
		hin_http_know(call->request, true);
		note_use(call);
	}
	if (code != HIN_OK && code != HIN_ENOENT) {
		api_refuse_code(call, code, &err);
		return false;
	}
	if (call->signed_in || (call->route->roles & API_PUBLIC && !call->by_token))
		return true;
	API_COUNT(call->api, denied);
	if (call->route->flags & API_FLAG_PAGE && !call->by_token) {
		call->status = 303;
		api_header(call, "Location", "/sign-in");
		return false;
	}
	api_header(call, "WWW-Authenticate", "Bearer realm=\"hinomi\"");
	api_refuse(call, 401, "sign-in", "%s", err.text[0] != '\0' ? err.text : "sign in first");
	return false;
}

static bool may(struct api_call *call)
{
	const struct api_route *route = call->route;

	if (route->roles & API_PUBLIC)
		return true;
	if (call->tuning->second_factor && !call->who.account.has_totp &&
	    !(route->flags & API_FLAG_SETUP)) {
		API_COUNT(call->api, denied);
		if (route->flags & API_FLAG_PAGE) {
			call->status = 303;
			api_header(call, "Location", "/plain/me");
			return false;
		}
		api_refuse(call, 403, "second-factor-missing", "set up your second factor first");
		return false;
	}
	if (!(route->roles >> call->who.account.role & 1)) {
		API_COUNT(call->api, denied);
		api_refuse(call, 403, "role", "this is not for the role %s",
			   hin_role_name(call->who.account.role, HIN_EN));
		return false;
	}
	if (call->by_token && (route->scope >= HIN_SCOPE_COUNT ||
			       !(call->who.credential.scopes >> route->scope & 1))) {
		API_COUNT(call->api, denied);
		if (route->scope >= HIN_SCOPE_COUNT)
			api_refuse(call, 403, "scope", "no token reaches this: sign in");
		else
			api_refuse(call, 403, "scope", "the token lacks the scope \"%s\"",
				   hin_scope_name(route->scope));
		return false;
	}
	return true;
}

/* ---- forgery ---- */

bool api_same_origin(struct api_call *call)
{
	const char *site = hin_http_header(call->request, "Sec-Fetch-Site");
	const char *origin = hin_http_header(call->request, "Origin");
	const char *host = hin_http_header(call->request, "Host");

	if (site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
		return false;
	if (origin == NULL)
		return true;
	if (strncmp(origin, TEXT("https://")) == 0)
		origin += 8;
	else if (strncmp(origin, TEXT("http://")) == 0)
		origin += 7;
	else
		return false;
	return host != NULL && strcasecmp(origin, host) == 0;
}

/* A session's write must carry the token that only this site's pages and programs know. */
static bool is_forged(struct api_call *call)
{
	const char *given = hin_http_header(call->request, "X-CSRF-Token");
	uint8_t token[32];
	size_t size = 0;

	if (strcmp(call->route->method, "GET") == 0 || call->by_token)
		return false;
	if (api_same_origin(call)) {
		/* a sign-in proves itself; that it is of this site is all that is asked */
		if (!call->signed_in || call->route->rate == API_RATE_SIGN_IN)
			return false;
		if ((given == NULL || given[0] == '\0') && call->route->flags & API_FLAG_FORM)
			given = json_string_value(json_object_get(call->body, "csrf"));
		if (given != NULL &&
		    sodium_base642bin(token, sizeof(token), given, strlen(given), NULL, &size, NULL,
				      sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
		    size == sizeof(token) &&
		    sodium_memcmp(token, call->who.credential.csrf, sizeof(token)) == 0)
			return false;
	}
	API_COUNT(call->api, forged);
	api_refuse(call, 403, "forged",
		   "the request does not come from a page of this site: send the X-CSRF-Token "
		   "that GET /api/v1/me gives");
	return true;
}

/* ---- values ---- */

struct query_reader {
	struct api_call *call;
	enum { QUERY_GOOD, QUERY_UNKNOWN, QUERY_TWICE, QUERY_LARGE } state;
};

static bool is_word_of(const char *words, const char *word)
{
	size_t size = strlen(word);

	while (*words != '\0') {
		size_t n = strcspn(words, " ");

		if (n == size && memcmp(words, word, n) == 0)
			return true;
		words += n + (words[n] == ' ');
	}
	return false;
}

static void take_value(void *user, const char *name, const char *value)
{
	struct query_reader *r = user;
	struct api_call *call = r->call;
	char *copy;

	if (r->state != QUERY_GOOD)
		return;
	if (strcmp(name, "lang") != 0 && !is_word_of(call->route->query, name)) {
		r->state = QUERY_UNKNOWN;
		return;
	}
	if (api_query(call, name) != NULL) {
		r->state = QUERY_TWICE;
		return;
	}
	copy = strlen(value) <= API_QUERY_VALUE ? hin_arena_strdup(&call->arena, value) : NULL;
	name = hin_arena_strdup(&call->arena, name);
	if (copy == NULL || name == NULL || call->query_count == API_QUERY) {
		r->state = QUERY_LARGE;
		return;
	}
	call->query[call->query_count++] = (struct api_value){ name, copy };
}

static bool read_query(struct api_call *call)
{
	struct query_reader r = { call, QUERY_GOOD };

	hin_http_each_query(call->request, take_value, &r);
	switch (r.state) {
	case QUERY_GOOD:
		return true;
	case QUERY_UNKNOWN:
		api_refuse(call, 400, "unknown-value", "known in the query here: lang%s%s",
			   call->route->query[0] != '\0' ? " " : "", call->route->query);
		return false;
	case QUERY_TWICE:
		api_refuse(call, 400, "twice", "a value of the query was given twice");
		return false;
	case QUERY_LARGE:
		break;
	}
	api_refuse(call, 400, "large", "the query is too large");
	return false;
}

const char *api_query(const struct api_call *call, const char *name)
{
	for (size_t i = 0; i < call->query_count; i++)
		if (strcmp(call->query[i].name, name) == 0)
			return call->query[i].value;
	return NULL;
}

bool api_query_number(struct api_call *call, const char *name, int64_t low, int64_t high,
		      int64_t *out)
{
	const char *text = api_query(call, name);

	if (text == NULL || text[0] == '\0' ||
	    hin_number_i64(out, name, text, low, high, NULL) == HIN_OK)
		return true;
	api_refuse(call, 400, "number", "\"%s\" must be a whole number in %lld-%lld", name,
		   (long long)low, (long long)high);
	return false;
}

bool api_query_time(struct api_call *call, const char *name, int64_t *out_us)
{
	const char *text = api_query(call, name);
	int64_t time_ns;

	if (text == NULL || text[0] == '\0')
		return true;
	if (hin_time_parse(&time_ns, text, call->now_us * 1000, NULL) == HIN_OK) {
		*out_us = time_ns / 1000;
		return true;
	}
	api_refuse(call, 400, "time", "\"%s\" must be a time: 2026-11-22T02:10:00Z or -24h", name);
	return false;
}

int64_t api_path_number(struct api_call *call, unsigned at)
{
	int64_t value;

	if (hin_number_i64(&value, "number", call->path[at], 1, INT64_MAX, NULL) == HIN_OK)
		return value;
	api_refuse(call, 404, "not-found", "there is nothing of that number");
	return 0;
}

int64_t api_scope(const struct api_call *call)
{
	return call->who.account.role == HIN_ROLE_MEMBER ? call->who.account.organisation : 0;
}

int64_t api_organisation(const struct api_call *call, int64_t asked)
{
	int64_t own = api_scope(call);

	return own == 0 ? asked : asked == 0 || asked == own ? own : INT64_MAX;
}

/* ---- answers ---- */

void api_header(struct api_call *call, const char *name, const char *value)
{
	if (call->header_count < API_HEADERS)
		call->headers[call->header_count++] = (struct hin_http_header){ name, value };
}

void api_set_cookie(struct api_call *call, const char *name, const char *value, int64_t seconds)
{
	char *text = hin_arena_printf(&call->arena,
				      "%s=%s; Path=/; Max-Age=%lld; Secure; HttpOnly; "
				      "SameSite=Strict",
				      name, value != NULL ? value : "",
				      (long long)(value != NULL ? seconds : 0));

	if (text != NULL)
		api_header(call, "Set-Cookie", text);
}

static bool has_header(const struct api_call *call, const char *name)
{
	for (size_t i = 0; i < call->header_count; i++)
		if (strcmp(call->headers[i].name, name) == 0)
			return true;
	return false;
}

#define POLICY_PAGE                                                                                \
	"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "         \
	"base-uri 'none'; frame-ancestors 'none'"
#define POLICY_DATA "default-src 'none'; frame-ancestors 'none'"

static void answer(struct api_call *call)
{
	struct hin_http_header headers[16 + API_HEADERS] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "X-Frame-Options", "DENY" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
	};
	struct hin_http_answer a = { .status = call->status,
				     .type = call->type != NULL ? call->type : "application/json",
				     .take = &call->out,
				     .headers = headers };
	bool page = strncmp(a.type, TEXT("text/html")) == 0;
	size_t count = 6;

	headers[count++] = (struct hin_http_header){ "Content-Security-Policy",
						     call->policy != NULL ? call->policy
						     : page		  ? POLICY_PAGE
									  : POLICY_DATA };
	if (!call->api->settings.plain)
		headers[count++] =
			(struct hin_http_header){ "Strict-Transport-Security", "max-age=31536000" };
	if (!has_header(call, "Cache-Control"))
		headers[count++] = (struct hin_http_header){ "Cache-Control", "no-store" };
	for (size_t i = 0; i < call->header_count; i++)
		headers[count++] = call->headers[i];
	a.header_count = count;
	if (call->out.failed)
		hin_http_answer_text(call->request, 503, "the answer is too large: ask for less");
	else
		hin_http_answer(call->request, &a);
}

struct api_call *api_call_new(struct hin_api *api)
{
	struct api_call *call = calloc(1, sizeof(*call));

	if (call != NULL) {
		call->api = api;
		call->tuning = api_tuning_get(api);
	}
	return call;
}

void api_call_free(struct api_call *call)
{
	json_decref(call->body);
	hin_buffer_fini(&call->out);
	hin_buffer_fini(&call->text);
	explicit_bzero(&call->who, sizeof(call->who));
	hin_arena_fini(&call->arena);
	api_tuning_unref(call->api, call->tuning);
	free(call);
}

void api_run(struct api_call *call, struct hin_desk *desk)
{
	call->desk = desk;
	if (call->status == 0) {
		call->status = 200;
		call->route->handle(call);
		hin_desk_rollback(desk); /* a read's snapshot ends with it */
	}
	if (call->request != NULL && !call->answered)
		answer(call);
	if (call->request != NULL && strcmp(call->route->method, "GET") != 0) {
		hin_api_wake(call->api);
		if (call->api->settings.changed != NULL)
			call->api->settings.changed(call->api->settings.user);
	}
	api_call_free(call);
}

static enum hin_lang language_of(struct api_call *call)
{
	const char *asked = api_query(call, "lang"), *accepted;
	const char *own = call->signed_in ? call->who.account.language : "";
	enum hin_lang lang = HIN_EN;
	char cookie[4];

	if (asked != NULL && hin_lang_parse(&lang, asked, NULL) == HIN_OK)
		return lang;
	if (hin_http_cookie(call->request, API_LANGUAGE_COOKIE, cookie, sizeof(cookie)) &&
	    hin_lang_parse(&lang, cookie, NULL) == HIN_OK)
		return lang;
	if (own[0] != '\0' && hin_lang_parse(&lang, own, NULL) == HIN_OK)
		return lang;
	accepted = hin_http_header(call->request, "Accept-Language");
	if (accepted != NULL) { /* the one named first; weights follow that order in practice */
		const char *en = strcasestr(accepted, "en"), *ja = strcasestr(accepted, "ja");

		return ja != NULL && (en == NULL || ja < en) ? HIN_JA : HIN_EN;
	}
	return HIN_EN;
}

/* All that stands before the handler; false when the call is answered by a refusal. */
static bool admit(struct api_call *call, struct hin_desk *desk)
{
	const struct api_route *route = call->route;
	struct hin_buffer body = { 0 };
	bool good;

	if (route->flags & API_FLAG_FILE)
		return !is_too_much(call, route->rate, false);
	if (!identify(call, desk))
		return false;
	call->lang = language_of(call);
	if (is_too_much(call, route->rate, call->signed_in) || !may(call) || !read_query(call))
		return false;
	call->lang = language_of(call);
	hin_http_take_body(call->request, &body);
	good = api_read_body(call, &body, hin_http_header(call->request, "Content-Type"));
	if (body.data != NULL)
		explicit_bzero(body.data, body.size);
	hin_buffer_fini(&body);
	call->desk = desk; /* to read, for the gate */
	return good && !is_forged(call) && (route->gate == NULL || route->gate(call));
}

static void dispatch(struct api_call *call, struct hin_desk *desk)
{
	unsigned status;

	find_client(call);
	call->route = api_find_route(call, call->head ? "GET" : call->request->method,
				     call->request->path, &status);
	if (call->route == NULL) {
		char *allow = hin_arena_array(&call->arena, HIN_HTTP_ALLOW, 1);

		if (status == 405 && allow != NULL) {
			api_allowed(call, call->request->path, allow);
			api_header(call, "Allow", allow);
		}
		/* strangers' guesses are counted too */
		if (!is_too_much(call, API_RATE_PLAIN, false))
			api_refuse(call, status, status == 404 ? "not-found" : "method",
				   status == 404 ? "there is nothing at this path"
						 : "this path has other methods");
		return;
	}
	(void)admit(call, desk);
}

void api_handle(void *user, struct hin_http_request *request)
{
	struct api_call *call = api_call_new(user);
	struct hin_api *api = user;
	struct hin_error err = { 0 };
	struct hin_desk *desk;

	if (call == NULL) {
		hin_http_answer_text(request, 503, "no memory: try again");
		return;
	}
	call->request = request;
	call->now_us = hin_time_now_ns() / 1000;
	call->head = strcmp(request->method, "HEAD") == 0;
	call->out.limit = API_ANSWER;
	desk = api_reader(api, &err);
	if (desk == NULL)
		api_refuse_code(call, err.code, &err);
	else
		dispatch(call, desk);
	if (call->status == 0 && call->route->lane != API_NOW) {
		api_reader_back(api, desk);
		if (api_enqueue(api, call))
			return;
		api_header(call, "Retry-After", "2");
		api_refuse(call, 503, "busy", "too much of this waits: try again in 2 s");
		desk = NULL;
		answer(call);
		api_call_free(call);
		return;
	}
	if (call->status == 0) {
		api_run(call, desk);
	} else {
		answer(call);
		api_call_free(call);
	}
	if (desk != NULL)
		api_reader_back(api, desk);
}
