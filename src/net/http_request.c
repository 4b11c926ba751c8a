/* http_request - a request from its headers to its answer */
#include <ctype.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/time.h"
#include "net/http_server_priv.h"

#define DRAIN_SIZE ((uint64_t)1 << 20) /* a refused body up to this is read, and thrown away */
#define HOST_MOST 255		       /* longest name of a host */
#define RECHECK_NS (60 * HIN_NS_PER_S) /* a chain is verified anew after that */

static struct request *request_of(struct hin_http_request *seen)
{
	return (struct request *)seen;
}

static const struct request *request_of_const(const struct hin_http_request *seen)
{
	return (const struct request *)seen;
}

struct request *hin_http_request_ref(struct request *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

/* Only what is the request's own: the server may be gone. */
void hin_http_request_unref(struct request *r)
{
	if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (r->response != NULL)
		MHD_destroy_response(r->response);
	hin_http_stream_unref(r->stream);
	hin_buffer_fini(&r->seen.body);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- answers ---- */

static struct MHD_Response *text_response(const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (response != NULL)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
					      "text/plain; charset=utf-8");
	return response;
}

static struct MHD_Response *response_of(const struct hin_http_answer *answer, size_t *size)
{
	struct MHD_Response *response;
	const char *type = answer->type != NULL ? answer->type : "text/plain; charset=utf-8";

	if (answer->take != NULL) {
		*size = answer->take->used;
		response = MHD_create_response_from_buffer(*size, answer->take->data,
							   MHD_RESPMEM_MUST_FREE);
		if (response != NULL)
			*answer->take = (struct hin_buffer){ .limit = answer->take->limit };
	} else {
		*size = answer->size;
		response = MHD_create_response_from_buffer(
			*size, (void *)(uintptr_t)(*size > 0 ? answer->body : ""),
			MHD_RESPMEM_MUST_COPY);
	}
	if (response == NULL)
		return NULL;
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (size_t i = 0; i < answer->header_count; i++)
		(void)MHD_add_response_header(response, answer->headers[i].name,
					      answer->headers[i].value);
	return response;
}

bool hin_http_request_settle(struct request *r, unsigned status, struct MHD_Response *response,
			     size_t size, enum request_state state, struct hin_http_stream *stream)
{
	bool settled = false;

	pthread_mutex_lock(&r->lock);
	if (r->state == REQUEST_KEPT ||
	    (r->state == REQUEST_RUNNING && state == REQUEST_ANSWERED)) {
		bool sleeping = r->state == REQUEST_KEPT;

		r->response = response;
		r->response_size = size;
		r->stream = stream;
		r->status = response != NULL ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
		r->state = state;
		settled = true;
		if (sleeping)
			MHD_resume_connection(r->mhd);
	}
	pthread_mutex_unlock(&r->lock);
	return settled;
}

bool hin_http_request_abandon(struct request *r, const char *text)
{
	struct MHD_Response *response = text_response(text);
	bool settled;

	settled = hin_http_request_settle(r, MHD_HTTP_SERVICE_UNAVAILABLE, response, strlen(text),
					  REQUEST_ABANDONED, NULL);
	if (!settled && response != NULL)
		MHD_destroy_response(response);
	return settled;
}

void hin_http_answer(struct hin_http_request *seen, const struct hin_http_answer *answer)
{
	struct request *r = request_of(seen);
	size_t size = 0;
	struct MHD_Response *response = response_of(answer, &size);

	if (!hin_http_request_settle(r, answer->status, response, size, REQUEST_ANSWERED, NULL) &&
	    response != NULL)
		MHD_destroy_response(response);
	hin_http_request_unref(r);
}

void hin_http_answer_text(struct hin_http_request *seen, unsigned status, const char *fmt, ...)
{
	char text[512];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	if (n < 0)
		n = 0;
	if ((size_t)n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n] = '\n';
	hin_http_answer(seen, &(struct hin_http_answer){
				      .status = status, .body = text, .size = (size_t)n + 1 });
}

/* Time for `size` bytes one way or the other. */
static int64_t time_for(const struct hin_http_server *s, uint64_t size)
{
	uint64_t rate = s->settings.bytes_per_s;

	return s->settings.request_ns + (rate > 0 ? (int64_t)(size / rate) * HIN_NS_PER_S : 0);
}

static enum MHD_Result send_answer(struct request *r, unsigned status,
				   struct MHD_Response *response, size_t size)
{
	struct hin_http_server *s = r->server;

	hin_http_connection_move(r->connection,
				 r->stream != NULL ? HIN_HTTP_STREAMING : HIN_HTTP_ANSWERING,
				 time_for(s, size));
	pthread_mutex_lock(&s->lock);
	r->connection->stream = r->stream;
	s->counters.streams += r->stream != NULL;
	s->counters.in_flight -= r->handled;
	r->handled = false;
	s->counters.status_2xx += status / 100 == 2;
	s->counters.status_4xx += status / 100 == 4;
	s->counters.status_5xx += status / 100 == 5;
	s->counters.answer_bytes += size;
	pthread_mutex_unlock(&s->lock);
	return MHD_queue_response(r->mhd, status, response);
}

/* ---- refusals ---- */

static bool path_fits(const char *pattern, const char *path)
{
	size_t size = strlen(pattern);

	if (size > 0 && pattern[size - 1] == '*')
		return strncmp(pattern, path, size - 1) == 0;
	return strcmp(pattern, path) == 0;
}

void hin_http_allow(char out[HIN_HTTP_ALLOW], const char *method)
{
	size_t used = strlen(out), size = strlen(method);

	for (const char *at = out; *at != '\0';) { /* each once */
		size_t n = strcspn(at, ",");

		if (n == size && memcmp(at, method, n) == 0)
			return;
		at += n;
		at += strspn(at, ", ");
	}
	if (used + size + sizeof(", , HEAD") > HIN_HTTP_ALLOW)
		return;
	snprintf(out + used, HIN_HTTP_ALLOW - used, "%s%s%s", used > 0 ? ", " : "", method,
		 strcmp(method, "GET") == 0 ? ", HEAD" : "");
}

/* The methods that a path has, for Allow (RFC 9110, 10.2.1). */
static void allowed_methods(const struct hin_http_server *s, const char *path,
			    char out[HIN_HTTP_ALLOW])
{
	out[0] = '\0';
	for (size_t i = 0; i < s->settings.route_count; i++)
		if (s->routes[i].method != NULL && path_fits(s->routes[i].path, path))
			hin_http_allow(out, s->routes[i].method);
}

/*
 * Say no, at once or when the body is over. At once closes the connection, and a client that still
 * sends may see a reset in place of the answer; so only a large body is not waited for.
 */
static enum MHD_Result refuse(struct request *r, bool at_once, unsigned status, const char *text)
{
	enum MHD_Result result;
	char line[sizeof((struct hin_error){ 0 }.text) + 2];
	struct MHD_Response *response;

	snprintf(line, sizeof(line), "%s\n", text);
	response = text_response(line);
	if (response == NULL)
		return MHD_NO;
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		char allow[HIN_HTTP_ALLOW];

		allowed_methods(r->server, r->seen.path, allow);
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
	}
	if (!at_once) {
		r->response = response;
		r->response_size = strlen(line);
		r->status = status;
		r->state = REQUEST_ANSWERED;
		return MHD_YES;
	}
	result = send_answer(r, status, response, strlen(line));
	MHD_destroy_response(response);
	return result;
}

/* The route of a request, or NULL; `*known` says whether another method would have one. */
static const struct hin_http_route *find_route(const struct hin_http_server *s, const char *method,
					       const char *path, bool *known)
{
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	*known = false;
	for (size_t i = 0; i < s->settings.route_count; i++) {
		if (!path_fits(s->routes[i].path, path))
			continue;
		if (s->routes[i].method == NULL || strcmp(s->routes[i].method, method) == 0)
			return &s->routes[i];
		*known = true;
	}
	return NULL;
}

/* The client's certificate of this connection, verified now or not long ago, in time in any case.
 */
static enum hin_code look_at_peer(struct request *r, struct hin_error *err)
{
	struct hin_http_connection *c = r->connection;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	int64_t now_ns = hin_time_monotonic_ns(), now_s = hin_time_now_ns() / HIN_NS_PER_S;
	enum hin_code code = HIN_OK;

	if (info == NULL || info->tls_session == NULL)
		return HIN_OK;
	if (c->peer == NULL || now_ns - c->checked_ns > RECHECK_NS ||
	    now_s > c->peer->not_after_s || now_s < c->peer->not_before_s) {
		if (c->peer == NULL)
			c->peer = malloc(sizeof(*c->peer));
		if (c->peer == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for the client's certificate");
		code = hin_http_peer_check(c->peer, info->tls_session, err);
		c->checked_ns = now_ns;
		if (code != HIN_OK) {
			free(c->peer);
			c->peer = NULL;
			return code;
		}
	}
	r->seen.peer = *c->peer;
	return HIN_OK;
}

/* Status 0 = the certificate is as the route wants it. */
static unsigned check_peer(struct request *r, struct hin_error *err)
{
	struct hin_http_server *s = r->server;
	enum hin_code code;

	if (r->route->certificate == HIN_HTTP_NO_CERTIFICATE)
		return 0;
	code = look_at_peer(r, err);
	if (code != HIN_OK) {
		hin_http_connection_know(r->connection, false);
		HIN_HTTP_COUNT(s, bad_certificate, 1);
		return code == HIN_ENOMEM ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_FORBIDDEN;
	}
	if (!r->seen.peer.present) {
		if (r->route->certificate == HIN_HTTP_CERTIFICATE_WANTED)
			return 0;
		HIN_HTTP_COUNT(s, no_certificate, 1);
		(void)hin_fail(err, HIN_EDENIED, "a client certificate of this hub is needed");
		return MHD_HTTP_FORBIDDEN;
	}
	if (s->settings.revoked != NULL &&
	    s->settings.revoked(s->settings.revoked_user, &r->seen.peer)) {
		hin_http_connection_know(r->connection, false);
		HIN_HTTP_COUNT(s, revoked, 1);
		(void)hin_fail(err, HIN_EDENIED, "the client certificate is revoked");
		return MHD_HTTP_FORBIDDEN;
	}
	hin_http_connection_know(r->connection, true);
	return 0;
}

/* The length that the headers promise; status 0 = good. */
static unsigned promised_length(struct request *r, uint64_t *length, struct hin_error *err)
{
	const char *text = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND,
						       MHD_HTTP_HEADER_CONTENT_LENGTH);

	*length = 0;
	if (MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND,
					MHD_HTTP_HEADER_TRANSFER_ENCODING) != NULL) {
		*length = UINT64_MAX;
		(void)hin_fail(err, HIN_EFORMAT, "the body needs a Content-Length");
		return MHD_HTTP_LENGTH_REQUIRED;
	}
	if (text != NULL &&
	    hin_number_u64(length, "Content-Length", text, 0, INT64_MAX, err) != HIN_OK) {
		*length = UINT64_MAX;
		return MHD_HTTP_BAD_REQUEST;
	}
	return 0;
}

static enum MHD_Result count_host(void *user, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	unsigned *count = user;

	(void)kind, (void)value;
	*count += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
	return MHD_YES;
}

static bool is_all(const char *text, size_t size, const char *others)
{
	for (size_t i = 0; i < size; i++)
		if (!isalnum((unsigned char)text[i]) &&
		    (text[i] == '\0' || strchr(others, text[i]) == NULL))
			return false;
	return true;
}

/* uri-host and an optional port (RFC 9110, 7.2; RFC 3986, 3.2.2). */
static bool is_host(const char *text)
{
	size_t size = text[0] == '[' ? strcspn(text, "]") : strcspn(text, ":");
	char literal[HIN_ADDR_TEXT];
	struct hin_addr address;
	uint64_t port;

	if (text[0] == '[') {
		if (text[size] != ']' || size - 1 >= sizeof(literal))
			return false;
		memcpy(literal, text + 1, size - 1);
		literal[size - 1] = '\0';
		if (strchr(literal, ':') == NULL || hin_addr_parse(&address, literal) != HIN_OK)
			return false;
		size++;
	} else if (size > HOST_MOST || !is_all(text, size, "-._~%!$&'()*+,;=")) {
		return false;
	}
	text += size;
	if (text[0] == '\0' || strcmp(text, ":") == 0)
		return true;
	return text[0] == ':' && hin_number_u64(&port, "port", text + 1, 0, 65535, NULL) == HIN_OK;
}

/* Host once, or not at all before HTTP/1.1 (RFC 9112, 3.2): else two servers on the way might take
 * a request for different ones. */
static unsigned check_host(struct request *r, const char *version, struct hin_error *err)
{
	unsigned count = 0;
	const char *host;
	bool good;

	(void)MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, count_host, &count);
	host = MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	good = host == NULL || is_host(host);
	if (good && (count == 1 || (count == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) == 0)))
		return 0;
	HIN_HTTP_COUNT(r->server, bad_request, 1);
	(void)hin_fail(err, HIN_EFORMAT,
		       !good	    ? "the value of Host is no host"
		       : count == 0 ? "the request needs a Host"
				    : "the request has two Hosts");
	return MHD_HTTP_BAD_REQUEST;
}

/* Everything that the headers alone decide; status 0 = go on. */
static unsigned judge(struct request *r, const char *version, uint64_t *length,
		      struct hin_error *err)
{
	struct hin_http_server *s = r->server;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	unsigned status = promised_length(r, length, err);
	bool known;

	if (status != 0) {
		HIN_HTTP_COUNT(s, bad_request, 1);
		return status;
	}
	if (info != NULL && info->header_size > s->settings.header_bytes) {
		HIN_HTTP_COUNT(s, header_limit, 1);
		(void)hin_fail(err, HIN_ELIMIT, "the headers have more than %zu bytes",
			       s->settings.header_bytes);
		return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	}
	status = check_host(r, version, err);
	if (status != 0)
		return status;
	r->route = find_route(s, r->seen.method, r->seen.path, &known);
	if (r->route == NULL) {
		HIN_HTTP_COUNT(s, no_route, 1);
		(void)hin_fail(err, HIN_ENOENT,
			       known ? "this path has no such method" : "there is no such path");
		return known ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
	}
	status = check_peer(r, err);
	if (status != 0)
		return status;
	if (*length > r->route->body_limit) {
		HIN_HTTP_COUNT(s, body_limit, 1);
		(void)hin_fail(err, HIN_ELIMIT, "a body has at most %zu bytes here",
			       r->route->body_limit);
		return MHD_HTTP_CONTENT_TOO_LARGE;
	}
	return 0;
}

/* ---- from libmicrohttpd ---- */

static struct request *request_new(struct hin_http_server *s, struct hin_http_connection *c,
				   struct MHD_Connection *mhd)
{
	struct request *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	atomic_init(&r->refs, 1);
	r->server = s;
	r->connection = c;
	r->mhd = mhd;
	r->seen.address = c->address;
	return r;
}

static enum MHD_Result first_call(struct hin_http_server *s, struct MHD_Connection *mhd,
				  const char *url, const char *method, const char *version,
				  void **context)
{
	struct hin_http_connection *c = hin_http_connection_of(mhd);
	struct hin_error err = { 0 };
	struct request *r;
	uint64_t length = 0;
	unsigned status;
	bool stopping;

	if (c == NULL)
		return MHD_NO;
	r = request_new(s, c, mhd);
	if (r == NULL)
		return MHD_NO;
	*context = r;
	pthread_mutex_lock(&s->lock);
	s->counters.requests++;
	c->request = r;
	c->requested = true;
	stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	if (stopping)
		return refuse(r, true, MHD_HTTP_SERVICE_UNAVAILABLE, "the server stops: try again");
	hin_http_connection_move(c, HIN_HTTP_RECEIVING, s->settings.request_ns);
	if (strlen(method) >= sizeof(r->seen.method) || strlen(url) >= sizeof(r->seen.path)) {
		HIN_HTTP_COUNT(s, header_limit, 1);
		return refuse(r, true, MHD_HTTP_URI_TOO_LONG, "the path is too long");
	}
	memcpy(r->seen.method, method, strlen(method) + 1);
	memcpy(r->seen.path, url, strlen(url) + 1);
	status = judge(r, version, &length, &err);
	hin_http_connection_move(c, HIN_HTTP_RECEIVING,
				 time_for(s, length < DRAIN_SIZE || status == 0 ? length : 0));
	if (status != 0)
		return refuse(r, length > DRAIN_SIZE, status, err.text);
	r->seen.body.limit = r->route->body_limit;
	return MHD_YES;
}

/* The memory of the body is free again. While some is held, connection and server are there. */
static void give_back(struct request *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->held > 0) {
		atomic_fetch_sub_explicit(&r->server->body_held, r->held, memory_order_relaxed);
		atomic_fetch_sub_explicit(&r->connection->body_held, r->held, memory_order_relaxed);
	}
	r->held = 0;
	pthread_mutex_unlock(&r->lock);
}

/* Is there memory for what has come? What is promised only takes none. */
static bool fits_memory(const struct request *r)
{
	const struct hin_http_server *s = r->server;
	uint64_t share = s->body_per_address, most = s->body_memory;

	if (most > 0 && atomic_load_explicit(&s->body_held, memory_order_relaxed) > most)
		return false;
	return share == 0 || r->connection->shared ||
	       hin_http_connection_bodies(r->connection) <= share;
}

/* Take a piece of the body. Without memory the rest is thrown away and 503 answered. */
static enum MHD_Result take_piece(struct request *r, const char *data, size_t size)
{
	struct hin_http_server *s = r->server;

	r->held += size; /* given back with the body */
	atomic_fetch_add_explicit(&s->body_held, size, memory_order_relaxed);
	atomic_fetch_add_explicit(&r->connection->body_held, size, memory_order_relaxed);
	if (fits_memory(r)) {
		hin_buffer_add(&r->seen.body, data, size);
		return r->seen.body.failed ? MHD_NO : MHD_YES;
	}
	hin_buffer_fini(&r->seen.body);
	give_back(r);
	HIN_HTTP_COUNT(s, memory_limit, 1);
	return refuse(r, false, MHD_HTTP_SERVICE_UNAVAILABLE, "too many bodies at once: try again");
}

void hin_http_take_body(struct hin_http_request *seen, struct hin_buffer *out)
{
	*out = seen->body;
	out->limit = 0;
	seen->body = (struct hin_buffer){ 0 };
	give_back(request_of(seen));
}

const char *hin_http_query(const struct hin_http_request *seen, const char *name)
{
	return MHD_lookup_connection_value(request_of_const(seen)->mhd, MHD_GET_ARGUMENT_KIND,
					   name);
}

const char *hin_http_header(const struct hin_http_request *seen, const char *name)
{
	return MHD_lookup_connection_value(request_of_const(seen)->mhd, MHD_HEADER_KIND, name);
}

struct header_list {
	const char *name;
	struct hin_buffer *out;
};

static enum MHD_Result one_line(void *user, enum MHD_ValueKind kind, const char *name,
				const char *value)
{
	const struct header_list *list = user;

	(void)kind;
	if (strcasecmp(name, list->name) != 0)
		return MHD_YES;
	if (list->out->used > 0)
		hin_buffer_puts(list->out, ", ");
	hin_buffer_puts(list->out, value != NULL ? value : "");
	return MHD_YES;
}

void hin_http_header_list(const struct hin_http_request *seen, const char *name,
			  struct hin_buffer *out)
{
	struct header_list list = { name, out };

	(void)MHD_get_connection_values(request_of_const(seen)->mhd, MHD_HEADER_KIND, one_line,
					&list);
}

struct each_value {
	hin_http_value_fn call;
	void *user;
};

static enum MHD_Result one_value(void *user, enum MHD_ValueKind kind, const char *name,
				 const char *value)
{
	struct each_value *each = user;

	(void)kind;
	each->call(each->user, name, value != NULL ? value : "");
	return MHD_YES;
}

void hin_http_each_query(const struct hin_http_request *seen, hin_http_value_fn call, void *user)
{
	struct each_value each = { call, user };

	(void)MHD_get_connection_values(request_of_const(seen)->mhd, MHD_GET_ARGUMENT_KIND,
					one_value, &each);
}

struct cookie {
	const char *name, *value;
	bool twice;
};

static enum MHD_Result one_cookie(void *user, enum MHD_ValueKind kind, const char *name,
				  const char *value)
{
	struct cookie *c = user;

	(void)kind;
	if (strcmp(name, c->name) != 0 || value == NULL)
		return MHD_YES;
	c->twice |= c->value != NULL && strcmp(c->value, value) != 0;
	c->value = value;
	return MHD_YES;
}

bool hin_http_cookie(const struct hin_http_request *seen, const char *name, char *out, size_t size)
{
	struct cookie c = { .name = name };

	(void)MHD_get_connection_values(request_of_const(seen)->mhd, MHD_COOKIE_KIND, one_cookie,
					&c);
	if (c.value == NULL || c.twice || strlen(c.value) >= size)
		return false;
	memcpy(out, c.value, strlen(c.value) + 1);
	return true;
}

void hin_http_know(struct hin_http_request *seen, bool known)
{
	hin_http_connection_know(request_of(seen)->connection, known);
}

bool hin_http_has_left(struct hin_http_request *seen)
{
	struct request *r = request_of(seen);
	bool left;

	pthread_mutex_lock(&r->lock);
	left = r->state == REQUEST_ABANDONED;
	if (r->state == REQUEST_KEPT) { /* asleep, so the descriptor is still its own */
		struct pollfd fd = { .fd = r->connection->fd, .events = POLLRDHUP };

		left = poll(&fd, 1, 0) == 1;
	}
	pthread_mutex_unlock(&r->lock);
	return left;
}

/* Call the handler. True when it keeps the request: the connection is asleep then. */
static bool run_handler(struct request *r)
{
	struct hin_http_server *s = r->server;
	bool kept;

	pthread_mutex_lock(&s->lock);
	s->counters.in_flight++;
	s->counters.body_bytes += r->seen.body.used;
	pthread_mutex_unlock(&s->lock);
	hin_http_connection_move(r->connection, HIN_HTTP_HANDLING, s->answer_ns);
	r->state = REQUEST_RUNNING; /* nobody else knows the request yet */
	r->handled = true;
	hin_http_request_ref(r); /* the handler's, until it answers */
	r->route->handler(r->route->user, &r->seen);
	pthread_mutex_lock(&r->lock);
	kept = r->state == REQUEST_RUNNING;
	if (kept) {
		r->state = REQUEST_KEPT;
		MHD_suspend_connection(r->mhd);
	}
	pthread_mutex_unlock(&r->lock);
	return kept;
}

/* libmicrohttpd calls when headers are there, for each piece of the body, at its end, and when a
 * connection wakes up. Only at the end, not in the first call, an answer leaves it open. */
enum MHD_Result hin_http_request_handle(void *user, struct MHD_Connection *mhd, const char *url,
					const char *method, const char *version, const char *data,
					size_t *size, void **context)
{
	struct request *r = *context;

	if (r == NULL)
		return first_call(user, mhd, url, method, version, context);
	if (*size > 0 && r->state != REQUEST_RECEIVING) { /* refused */
		*size = 0;
		return MHD_YES;
	}
	if (*size > 0) {
		size_t piece = *size;

		*size = 0;
		return take_piece(r, data, piece);
	}
	if (r->state == REQUEST_RECEIVING && run_handler(r))
		return MHD_YES;
	if (r->response == NULL) /* no memory */
		return MHD_NO;
	return send_answer(r, r->status, r->response, r->response_size);
}

void hin_http_request_done(void *user, struct MHD_Connection *mhd, void **context,
			   enum MHD_RequestTerminationCode reason)
{
	struct hin_http_server *s = user;
	struct request *r = *context;

	(void)mhd, (void)reason;
	if (r == NULL)
		return;
	*context = NULL;
	pthread_mutex_lock(&s->lock);
	r->connection->request = NULL;
	r->connection->stream = NULL;
	s->counters.in_flight -= r->handled;
	pthread_mutex_unlock(&s->lock);
	if (r->stream != NULL)
		hin_http_stream_leave(r->stream);
	hin_http_connection_move(r->connection, HIN_HTTP_IDLE, s->settings.idle_ns);
	give_back(r);
	hin_http_request_unref(r);
}
