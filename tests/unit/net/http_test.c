/* The server and the client against each other; other clients are in tests/system. */
#include "../test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "pki.h"

#define DAY 86400l
#define DEADLINE_NS (20 * HIN_NS_PER_S)

static struct pki_entity ca, hub, hub2, sensor, foreign_ca, foreign, expired, early, as_server,
	wrong_name, old_hub;

struct world {
	struct hin_http_server *server;
	struct hin_http_server_settings settings;
	char url[64];
	pthread_t threads[8];
	size_t thread_count;
	struct hin_http_request *kept; /* by the handler of /keep */
	_Atomic bool revoked;
	_Atomic unsigned handled;
};

/* ---- handlers ---- */

static void echo(void *user, struct hin_http_request *request)
{
	struct world *w = user;
	struct hin_buffer body;

	w->handled++;
	hin_http_take_body(request, &body);
	hin_http_answer(request, &(struct hin_http_answer){ .status = 200,
							    .type = "application/x-echo",
							    .take = &body });
	hin_buffer_fini(&body);
}

static void whoami(void *user, struct hin_http_request *request)
{
	const struct hin_http_peer *p = &request->peer;
	const char *q = hin_http_query(request, "q"), *h = hin_http_header(request, "User-Agent");
	char address[HIN_ADDR_TEXT];

	(void)user;
	hin_http_answer_text(
		request, 200, "%s %s %s|%s|%zu|%s|%s|%s|%s", request->method, request->path,
		p->present ? p->name : "nobody", p->uri, p->public_key_size, q != NULL ? q : "-",
		h != NULL ? h : "-", hin_addr_format(&request->address, address),
		p->present && memcmp(p->sha256, sensor.sha256, 32) == 0 ? "same" : "other");
}

static void keep(void *user, struct hin_http_request *request)
{
	struct world *w = user;

	w->kept = request;
	w->handled++;
}

static void *answer_late(void *user)
{
	struct hin_http_request *request = user;

	hin_http_answer(request,
			&(struct hin_http_answer){ .status = 202, .body = "late", .size = 4 });
	return NULL;
}

/* Answers from another thread, sometimes before the handler has returned. */
static void later(void *user, struct hin_http_request *request)
{
	struct world *w = user;
	pthread_t thread;

	w->handled++;
	if (pthread_create(&thread, NULL, answer_late, request) != 0)
		abort();
	pthread_detach(thread);
}

static bool is_revoked(void *user, const struct hin_http_peer *peer)
{
	(void)peer;
	return ((struct world *)user)->revoked;
}

/* ---- the world ---- */

static void open_server(struct world *w)
{
	struct hin_http_route routes[] = {
		{ "GET", "/open", HIN_HTTP_NO_CERTIFICATE, 0, whoami, w },
		{ "GET", "/wanted", HIN_HTTP_CERTIFICATE_WANTED, 0, whoami, w },
		{ "GET", "/required", HIN_HTTP_CERTIFICATE_REQUIRED, 0, whoami, w },
		{ "GET", "/tree/*", HIN_HTTP_NO_CERTIFICATE, 0, whoami, w },
		{ "POST", "/echo", HIN_HTTP_NO_CERTIFICATE, 100000, echo, w },
		{ "POST", "/large", HIN_HTTP_NO_CERTIFICATE, 8 << 20, echo, w },
		{ "GET", "/later", HIN_HTTP_NO_CERTIFICATE, 0, later, w },
		{ "POST", "/keep", HIN_HTTP_NO_CERTIFICATE, 10, keep, w },
	};
	struct hin_error err = { 0 };

	w->settings.routes = routes;
	w->settings.route_count = HIN_COUNT(routes);
	if (hin_http_server_open(&w->server, &w->settings, &err) != HIN_OK)
		fail_msg("%s", err.text);
	snprintf(w->url, sizeof(w->url), "https://127.0.0.1:%u", hin_http_server_port(w->server));
}

static void prepare(struct world *w)
{
	*w = (struct world){ 0 };
	hin_http_server_settings_default(&w->settings);
	w->settings.listen = "127.0.0.1:0";
	w->settings.certificate_pem = hub.certificate_pem;
	w->settings.key_pem = hub.key_pem;
	w->settings.client_ca_pem = ca.certificate_pem;
	w->settings.revoked = is_revoked;
	w->settings.revoked_user = w;
}

static struct hin_http_client *client_of(const struct world *w, const struct pki_entity *who)
{
	struct hin_http_client_settings set;
	struct hin_http_client *client = NULL;
	struct hin_error err = { 0 };

	hin_http_client_settings_default(&set);
	set.url = w->url;
	set.ca_pem = ca.certificate_pem;
	if (who != NULL) {
		set.certificate_pem = who->certificate_pem;
		set.key_pem = who->key_pem;
	}
	if (hin_http_client_open(&client, &set, &err) != HIN_OK)
		fail_msg("%s", err.text);
	return client;
}

static struct hin_http_counters count_of(struct world *w)
{
	struct hin_http_counters counters;

	hin_http_server_count(w->server, &counters);
	return counters;
}

/* One request; its status. */
static unsigned ask(struct hin_http_client *client, const char *method, const char *path,
		    const void *body, size_t size, struct hin_http_reply *reply)
{
	struct hin_error err = { 0 };

	if (hin_http_client_send(client, method, path, NULL, body, size, reply, &err) != HIN_OK)
		fail_msg("%s %s: %s", method, path, err.text);
	return reply->status;
}

/* ---- tests ---- */

static void answers(void **state)
{
	struct world w;
	struct hin_http_reply reply = { 0 };
	struct hin_http_client *client;
	struct hin_http_counters n;
	char *large = malloc(8 << 20);

	(void)state;
	prepare(&w);
	open_server(&w);
	client = client_of(&w, &sensor);
	assert_int_equal(ask(client, "GET", "/open?q=a%20b&r=1", NULL, 0, &reply), 200);
	assert_string_equal(reply.body.data,
			    "GET /open nobody||0|a b|hinomi/" HIN_VERSION "|127.0.0.1|other\n");
	assert_string_equal(reply.type, "text/plain; charset=utf-8");
	assert_int_equal(ask(client, "GET", "/wanted", NULL, 0, &reply), 200);
	assert_non_null(strstr(reply.body.data, "sensor-1|urn:hinomi:sensor:00|91|-|"));
	assert_non_null(strstr(reply.body.data, "|same\n"));
	assert_int_equal(ask(client, "GET", "/tree/a/b", NULL, 0, &reply), 200);
	assert_int_equal(ask(client, "HEAD", "/open", NULL, 0, &reply), 200);
	assert_int_equal(reply.body.used, 0);
	assert_int_equal(ask(client, "GET", "/none", NULL, 0, &reply), 404);
	assert_int_equal(ask(client, "GET", "/echo", NULL, 0, &reply), 405);
	assert_int_equal(ask(client, "POST", "/echo", NULL, 0, &reply), 200);
	assert_int_equal(ask(client, "POST", "/echo", "abc", 3, &reply), 200);
	assert_string_equal(reply.body.data, "abc");
	assert_string_equal(reply.type, "application/x-echo");
	for (size_t i = 0; i < 8 << 20; i++)
		large[i] = (char)(i * 7 >> 3);
	assert_int_equal(ask(client, "POST", "/echo", large, 100000, &reply), 200);
	assert_int_equal(reply.body.used, 100000);
	assert_memory_equal(reply.body.data, large, 100000);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(ask(client, "GET", "/later", NULL, 0, &reply), 202);
		assert_string_equal(reply.body.data, "late");
	}
	n = count_of(&w);
	assert_int_equal(n.accepted, 1); /* one connection for all of them */
	assert_int_equal(n.no_route, 2);
	assert_int_equal(n.body_bytes, 100003);
	assert_int_equal(n.in_flight, 0);
	assert_int_equal(ask(client, "POST", "/echo", large, 100001, &reply), 413);
	assert_string_equal(reply.body.data, "a body has at most 100000 bytes here\n");
	assert_int_equal(ask(client, "POST", "/echo", large, 8 << 20, &reply), 413);
	assert_int_equal(count_of(&w).body_limit, 2);
	hin_http_client_close(client);
	hin_http_reply_fini(&reply);
	hin_http_server_close(w.server);
	free(large);
}

static void checks_clients(void **state)
{
	static const struct {
		const char *name;
		struct pki_entity *who;
		bool revoked;
		unsigned open, wanted, required;
		const char *says;
	} cases[] = {
		{ "good", &sensor, false, 200, 200, 200, "" },
		{ "none", NULL, false, 200, 200, 403, "is needed" },
		{ "revoked", &sensor, true, 200, 403, 403, "is revoked" },
		{ "foreign", &foreign, false, 200, 403, 403, "not of this hub's authority" },
		{ "expired", &expired, false, 200, 403, 403, "has expired" },
		{ "not yet", &early, false, 200, 403, 403, "not valid yet" },
		{ "a server's", &as_server, false, 200, 403, 403, "not for clients" },
	};
	struct world w;

	(void)state;
	prepare(&w);
	open_server(&w);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_http_client *client = client_of(&w, cases[i].who);
		struct hin_http_reply reply = { 0 };
		unsigned got;

		w.revoked = cases[i].revoked;
		for (int twice = 0; twice < 2; twice++) {
			got = ask(client, "GET", "/open", NULL, 0, &reply);
			if (got != cases[i].open)
				fail_msg("%s: open gave %u", cases[i].name, got);
			got = ask(client, "GET", "/wanted", NULL, 0, &reply);
			if (got != cases[i].wanted)
				fail_msg("%s: wanted gave %u", cases[i].name, got);
			got = ask(client, "GET", "/required", NULL, 0, &reply);
			if (got != cases[i].required ||
			    strstr(reply.body.data, cases[i].says) == NULL)
				fail_msg("%s: required gave %u %s", cases[i].name, got,
					 reply.body.data);
		}
		hin_http_reply_fini(&reply);
		hin_http_client_close(client);
	}
	assert_int_equal(count_of(&w).no_certificate, 2);
	assert_int_equal(count_of(&w).revoked, 4);
	assert_int_equal(count_of(&w).bad_certificate, 16);
	hin_http_server_close(w.server);
}

/* Revoked means refused at the next request, on an open connection too. */
static void revokes_at_once(void **state)
{
	struct hin_http_reply reply = { 0 };
	struct hin_http_client *client;
	struct world w;

	(void)state;
	prepare(&w);
	open_server(&w);
	client = client_of(&w, &sensor);
	assert_int_equal(ask(client, "GET", "/required", NULL, 0, &reply), 200);
	w.revoked = true;
	assert_int_equal(ask(client, "GET", "/required", NULL, 0, &reply), 403);
	w.revoked = false;
	assert_int_equal(ask(client, "GET", "/required", NULL, 0, &reply), 200);
	assert_int_equal(count_of(&w).accepted, 1);
	hin_http_client_close(client);
	hin_http_reply_fini(&reply);
	hin_http_server_close(w.server);
}

static void checks_servers(void **state)
{
	static const struct {
		const char *name;
		struct pki_entity *server, *trusted;
		bool pinned, both;
		enum hin_code want;
		const char *says;
	} cases[] = {
		{ "good", &hub, &ca, false, false, HIN_OK, "" },
		{ "foreign", &hub, &foreign_ca, false, false, HIN_EVERIFY, "not of our authority" },
		{ "another name", &wrong_name, &ca, false, false, HIN_EVERIFY, "another name" },
		{ "expired", &old_hub, &ca, false, false, HIN_EVERIFY, "has expired" },
		{ "pinned", &hub, &ca, true, false, HIN_OK, "" },
		{ "pinned and given", &hub, &ca, true, true, HIN_OK, "" },
		{ "pinned, foreign", &hub, &foreign_ca, true, false, HIN_EVERIFY, "fingerprint" },
		{ "pinned, expired", &old_hub, &ca, true, false, HIN_EVERIFY, "has expired" },
		{ "pinned, another name", &wrong_name, &ca, true, false, HIN_EVERIFY,
		  "another name" },
		{ "pinned to the server itself", &hub, &hub, true, false, HIN_EVERIFY,
		  "fingerprint" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_http_client_settings set;
		struct hin_http_client *client = NULL;
		struct hin_http_reply reply = { 0 };
		struct hin_error err = { 0 };
		enum hin_code code;
		char chain[8192];
		struct world w;

		prepare(&w);
		snprintf(chain, sizeof(chain), "%s%s", cases[i].server->certificate_pem,
			 ca.certificate_pem);
		w.settings.certificate_pem = chain;
		w.settings.key_pem = cases[i].server->key_pem;
		open_server(&w);
		hin_http_client_settings_default(&set);
		set.url = w.url;
		if (!cases[i].pinned || cases[i].both)
			set.ca_pem = cases[i].trusted->certificate_pem;
		if (cases[i].pinned)
			set.ca_sha256 = cases[i].trusted->sha256;
		if (hin_http_client_open(&client, &set, &err) != HIN_OK)
			fail_msg("%s: %s", cases[i].name, err.text);
		code = hin_http_client_send(client, "GET", "/open", NULL, NULL, 0, &reply, &err);
		if (code != cases[i].want || strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s %s", cases[i].name, hin_code_text(code), err.text);
		hin_http_reply_fini(&reply);
		hin_http_client_close(client);
		hin_http_server_close(w.server);
	}
}

static void reloads(void **state)
{
	struct hin_http_reply reply = { 0 };
	struct hin_http_client *old, *fresh;
	struct hin_http_client_settings set;
	struct hin_error err = { 0 };
	struct world w;

	(void)state;
	prepare(&w);
	open_server(&w);
	old = client_of(&w, NULL);
	assert_int_equal(ask(old, "GET", "/open", NULL, 0, &reply), 200);
	assert_int_equal(hin_http_server_reload(w.server, "nothing", hub2.key_pem, &err),
			 HIN_EFORMAT);
	assert_int_equal(hin_http_server_reload(w.server, hub2.certificate_pem, hub.key_pem, &err),
			 HIN_EFORMAT);
	assert_string_equal(err.text, "the server's key is not that of its certificate");
	if (hin_http_server_reload(w.server, foreign.certificate_pem, foreign.key_pem, &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
	assert_int_equal(ask(old, "GET", "/open", NULL, 0, &reply), 200);
	hin_http_client_settings_default(&set);
	set.url = w.url;
	set.ca_pem = ca.certificate_pem;
	assert_int_equal(hin_http_client_open(&fresh, &set, &err), HIN_OK);
	assert_int_equal(hin_http_client_send(fresh, "GET", "/open", NULL, NULL, 0, &reply, &err),
			 HIN_EVERIFY);
	for (int i = 0; i < 20; i++) {
		const struct pki_entity *e = i % 2 == 0 ? &hub : &hub2;

		assert_int_equal(
			hin_http_server_reload(w.server, e->certificate_pem, e->key_pem, &err),
			HIN_OK);
	}
	assert_int_equal(ask(fresh, "GET", "/open", NULL, 0, &reply), 200);
	assert_int_equal(ask(old, "GET", "/open", NULL, 0, &reply), 200);
	assert_int_equal(count_of(&w).accepted, 3);
	hin_http_client_close(old);
	hin_http_client_close(fresh);
	hin_http_reply_fini(&reply);
	hin_http_server_close(w.server);
}

struct caller {
	struct world *w;
	unsigned status;
};

static void *call_keep(void *user)
{
	struct caller *c = user;
	struct hin_http_client *client = client_of(c->w, NULL);
	struct hin_http_reply reply = { 0 };

	if (hin_http_client_send(client, "POST", "/keep", NULL, "x", 1, &reply, NULL) == HIN_OK)
		c->status = reply.status;
	hin_http_reply_fini(&reply);
	hin_http_client_close(client);
	return NULL;
}

/* A handler that never answers: 503 in its place, by time or at the end; its answer is dropped. */
static void abandons(void **state)
{
	(void)state;
	for (int by_close = 0; by_close < 2; by_close++) {
		struct world w;
		struct caller caller = { .w = &w };
		pthread_t thread;
		int64_t until;

		prepare(&w);
		if (!by_close)
			w.settings.answer_ns = 50 * HIN_NS_PER_MS;
		open_server(&w);
		assert_int_equal(pthread_create(&thread, NULL, call_keep, &caller), 0);
		until = hin_time_monotonic_ns() + DEADLINE_NS;
		while (w.handled == 0 && hin_time_monotonic_ns() < until)
			usleep(1000);
		assert_int_equal(w.handled, 1);
		if (by_close) {
			hin_http_server_close(w.server);
			pthread_join(thread, NULL);
		} else {
			pthread_join(thread, NULL);
			/* the client may have its answer before it is counted */
			while (count_of(&w).answer_timeout == 0 && hin_time_monotonic_ns() < until)
				usleep(1000);
			assert_int_equal(count_of(&w).answer_timeout, 1);
			assert_int_equal(count_of(&w).in_flight, 0);
			hin_http_server_close(w.server);
		}
		assert_int_equal(caller.status, 503);
		hin_http_answer_text(w.kept, 200, "too late");
	}
}

/* One of several clients of a server with several threads. */
static void *call_often(void *user)
{
	struct caller *c = user;

	for (int i = 0; i < 4; i++) {
		struct hin_http_client *client = client_of(c->w, &sensor);
		struct hin_http_reply reply = { 0 };

		for (int k = 0; k < 8; k++) {
			static const char *const paths[] = { "/later", "/required", "/open",
							     "/echo" };
			bool post = k % 4 == 3;
			unsigned want = k % 4 == 0 ? 202 : 200;

			if (hin_http_client_send(client, post ? "POST" : "GET", paths[k % 4], NULL,
						 post ? "x" : NULL, post, &reply, NULL) != HIN_OK ||
			    reply.status != want)
				c->status++;
		}
		hin_http_reply_fini(&reply);
		hin_http_client_close(client);
	}
	return NULL;
}

/* Several threads serve, several ask, and the certificate changes under them. */
static void many_at_once(void **state)
{
	enum { CALLERS = 6 };
	struct caller callers[CALLERS];
	pthread_t threads[CALLERS];
	struct hin_http_counters n;
	struct world w;

	(void)state;
	prepare(&w);
	w.settings.threads = 3;
	open_server(&w);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){ .w = &w };
		assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
	}
	for (int i = 0; i < 20; i++) {
		const struct pki_entity *e = i % 2 == 0 ? &hub2 : &hub;

		assert_int_equal(
			hin_http_server_reload(w.server, e->certificate_pem, e->key_pem, NULL),
			HIN_OK);
		(void)count_of(&w);
		usleep(2000);
	}
	for (size_t i = 0; i < CALLERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(callers[i].status, 0);
	}
	n = count_of(&w);
	assert_int_equal(n.requests, CALLERS * 4 * 8);
	assert_int_equal(n.accepted, CALLERS * 4);
	assert_int_equal(n.in_flight, 0);
	hin_http_server_close(w.server);
}

/* ---- raw connections, plain: what a client of ours would never send ---- */

static int raw_connect(const struct world *w, const char *from)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(hin_http_server_port(w->server)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in me = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, from, &me.sin_addr);
	if (fd == -1 || bind(fd, (struct sockaddr *)&me, sizeof(me)) != 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		fail_msg("connect from %s", from);
	return fd;
}

/* Wait until the other side closes; what came before is in `text`. */
static bool closed_in_time(int fd, char *text, size_t size)
{
	struct timeval limit = { .tv_sec = DEADLINE_NS / HIN_NS_PER_S };
	size_t used = 0;
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	while ((n = recv(fd, text + used, size - 1 - used, 0)) > 0)
		used += (size_t)n;
	text[used] = '\0';
	return n == 0 || (n == -1 && errno == ECONNRESET);
}

static void raw_open(struct world *w)
{
	prepare(w);
	w->settings.plain = true;
	open_server(w);
}

static void refuses_malformed(void **state)
{
	static const struct {
		const char *name, *request, *want;
	} cases[] = {
		{ "gigabyte",
		  "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1073741824\r\n\r\n", " 413 " },
		{ "chunks", "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
		  " 411 " },
		{ "no number",
		  "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
		  " 4" },
		{ "negative", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
		  " 400 " },
		{ "no such path, body follows",
		  "POST /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: "
		  "10\r\n\r\n"
		  "0123456789",
		  " 404 " },
		{ "no such path, much would follow",
		  "POST /none HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n", " 404 " },
		{ "certificate over plain",
		  "GET /required HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", " 403 " },
		{ "a path with a NUL",
		  "GET /open%00x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", " 200 " },
		{ "method", "DELETE /echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		  "\r\nAllow: POST\r\n" },
		{ "a Host with a space",
		  "GET /open HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n", " 400 " },
		{ "a Host with a path",
		  "GET /open HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n", " 400 " },
		{ "a Host with a user",
		  "GET /open HTTP/1.1\r\nHost: a@b\r\nConnection: close\r\n\r\n", " 400 " },
		{ "a Host in markup",
		  "GET /open HTTP/1.1\r\nHost: <b>\r\nConnection: close\r\n\r\n", " 400 " },
		{ "a Host of bytes",
		  "GET /open HTTP/1.1\r\nHost: h\xff\r\nConnection: close\r\n\r\n", " 400 " },
		{ "a Host with no port",
		  "GET /open HTTP/1.1\r\nHost: h:x\r\nConnection: close\r\n\r\n", " 400 " },
		{ "a port too large",
		  "GET /open HTTP/1.1\r\nHost: h:65536\r\nConnection: close\r\n\r\n", " 400 " },
		{ "half an address",
		  "GET /open HTTP/1.1\r\nHost: [::1\r\nConnection: close\r\n\r\n", " 400 " },
		{ "no address", "GET /open HTTP/1.1\r\nHost: [v4]\r\nConnection: close\r\n\r\n",
		  " 400 " },
		{ "behind the address",
		  "GET /open HTTP/1.1\r\nHost: [::1]x\r\nConnection: close\r\n\r\n", " 400 " },
		{ "an IPv6 Host",
		  "GET /open HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nConnection: close\r\n\r\n",
		  " 200 " },
		{ "a Host with a port",
		  "GET /open HTTP/1.1\r\nHost: hub.example:8440\r\nConnection: close\r\n\r\n",
		  " 200 " },
		{ "an IPv4 Host",
		  "GET /open HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n", " 200 " },
		{ "no Host", "GET /open HTTP/1.1\r\nConnection: close\r\n\r\n", " 400 " },
		{ "two Hosts",
		  "GET /open HTTP/1.1\r\nHost: h\r\nhost: h\r\nConnection: close\r\n\r\n",
		  " 400 " },
		{ "two Hosts of old", "GET /open HTTP/1.0\r\nHost: h\r\nHost: i\r\n\r\n", " 400 " },
		{ "no Host of old", "GET /open HTTP/1.0\r\n\r\n", " 200 " },
		{ "dots", "GET /tree/../required HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
		  " 200 " },
	};
	struct world w;

	(void)state;
	raw_open(&w);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int fd = raw_connect(&w, "127.0.0.1");
		char text[4096];

		assert_int_equal(send(fd, cases[i].request, strlen(cases[i].request), MSG_NOSIGNAL),
				 strlen(cases[i].request));
		if (!closed_in_time(fd, text, sizeof(text)))
			fail_msg("%s: not closed, %s", cases[i].name, text);
		if (strstr(text, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].name, text);
		close(fd);
	}
	assert_int_equal(w.handled, 0);
	hin_http_server_close(w.server);
}

static void limits_headers(void **state)
{
	struct world w;

	(void)state;
	raw_open(&w);
	for (int which = 0; which < 2; which++) {
		/* over our limit, and over all that libmicrohttpd would hold */
		size_t size = which == 0 ? 9000 : 200000;
		char *request = malloc(size + 200), text[4096];
		int fd = raw_connect(&w, "127.0.0.1"), n;

		n = sprintf(request, "GET /open HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: ");
		memset(request + n, 'x', size);
		strcpy(request + n + size, "\r\n\r\n");
		(void)send(fd, request, strlen(request), MSG_NOSIGNAL);
		assert_true(closed_in_time(fd, text, sizeof(text)));
		if (which == 0 && strstr(text, " 431 ") == NULL)
			fail_msg("%s", text);
		assert_null(strstr(text, " 200 "));
		close(fd);
		free(request);
	}
	assert_int_equal(count_of(&w).header_limit, 1);
	hin_http_server_close(w.server);
}

/* Nothing is sent, or too slowly, or too slowly taken: the connection is closed and counted. */
static void closes_slow_ones(void **state)
{
	static const struct {
		const char *name, *begin, *drip;
		size_t counter;
	} cases[] = {
#define COUNTER(name) offsetof(struct hin_http_counters, name)
		{ "silence", "", "", COUNTER(handshake_timeout) },
		{ "headers, slowly", "GET /open HTTP/1.1\r\n", "X: y\r\n",
		  COUNTER(handshake_timeout) },
		{ "body, slowly", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n",
		  "x", COUNTER(request_timeout) },
		{ "next headers, slowly", "GET /open HTTP/1.1\r\nHost: h\r\n\r\nGET /o", "p",
		  COUNTER(idle_closed) },
		{ "idle", "GET /open HTTP/1.1\r\nHost: h\r\n\r\n", "", COUNTER(idle_closed) },
	};
	struct world w;

	(void)state;
	prepare(&w);
	w.settings.plain = true;
	w.settings.request_ns = 400 * HIN_NS_PER_MS;
	w.settings.bytes_per_s = 1 << 20;
	w.settings.idle_ns = 400 * HIN_NS_PER_MS;
	open_server(&w);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int64_t until = hin_time_monotonic_ns() + DEADLINE_NS;
		int fd = raw_connect(&w, "127.0.0.1");
		struct timeval limit = { .tv_usec = 20000 };
		struct hin_http_counters n;
		bool closed = false;
		char text[4096];

		(void)send(fd, cases[i].begin, strlen(cases[i].begin), MSG_NOSIGNAL);
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		while (!closed && hin_time_monotonic_ns() < until) {
			ssize_t got;

			(void)send(fd, cases[i].drip, strlen(cases[i].drip), MSG_NOSIGNAL);
			got = recv(fd, text, sizeof(text), 0);
			closed = got == 0 || (got == -1 && errno == ECONNRESET);
		}
		close(fd);
		n = count_of(&w);
		if (!closed || *(uint64_t *)((char *)&n + cases[i].counter) == 0)
			fail_msg("%s: not closed, or not counted", cases[i].name);
		hin_http_server_close(w.server);
		open_server(&w);
	}
	hin_http_server_close(w.server);
}

/* A client that ends its side with the request has its answer, and its connection goes soon. */
static void sees_half_closed_ones(void **state)
{
	static const char request[] = "GET /open HTTP/1.1\r\nHost: h\r\n\r\n";
	char text[4096];
	struct world w;
	int fd;

	(void)state;
	raw_open(&w); /* idle connections have five minutes here */
	fd = raw_connect(&w, "127.0.0.1");
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	shutdown(fd, SHUT_WR);
	assert_true(closed_in_time(fd, text, sizeof(text)));
	assert_non_null(strstr(text, " 200 OK"));
	close(fd);
	hin_http_server_close(w.server);
}

/* Strangers over the limits go, the oldest first; who has shown a certificate stays. */
static void keeps_honest_ones(void **state)
{
	enum { STRANGERS = 64 };
	struct hin_http_client *known, *late;
	struct hin_http_reply reply = { 0 };
	int fds[STRANGERS], open_fds = 0;
	struct hin_http_counters n;
	int64_t until;
	struct world w;

	(void)state;
	prepare(&w);
	w.settings.connections = 16;
	w.settings.per_address = 4;
	open_server(&w);
	known = client_of(&w, &sensor);
	assert_int_equal(ask(known, "GET", "/required", NULL, 0, &reply), 200);
	for (int i = 0; i < STRANGERS; i++) {
		char from[32];

		snprintf(from, sizeof(from), "127.0.1.%d", i / 2 + 1);
		fds[i] = raw_connect(&w, from);
	}
	late = client_of(&w, &sensor); /* at the limit, and yet */
	assert_int_equal(ask(late, "GET", "/required", NULL, 0, &reply), 200);
	assert_int_equal(ask(known, "GET", "/required", NULL, 0, &reply), 200);
	until = hin_time_monotonic_ns() + DEADLINE_NS;
	do {
		n = count_of(&w);
		usleep(1000);
	} while (n.accepted < STRANGERS + 2 && hin_time_monotonic_ns() < until);
	assert_int_equal(n.accepted, STRANGERS + 2); /* the two never came anew */
	assert_int_equal(n.open, 16);
	assert_int_equal(n.evicted, STRANGERS + 2 - 16);
	for (int i = 0; i < STRANGERS; i++) {
		char c;

		open_fds += recv(fds[i], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN;
		close(fds[i]);
	}
	assert_int_equal(open_fds, 14);
	hin_http_client_close(known);
	hin_http_client_close(late);
	hin_http_reply_fini(&reply);
	hin_http_server_close(w.server);
}

static void limits_addresses(void **state)
{
	int fds[8], one_more;
	struct hin_http_counters n;
	int64_t until;
	struct world w;
	char c;

	(void)state;
	prepare(&w);
	open_server(&w);
	w.settings.per_address = 4;
	hin_http_server_tune(w.server, &w.settings);
	for (size_t i = 0; i < HIN_COUNT(fds); i++)
		fds[i] = raw_connect(&w, "127.0.0.9");
	one_more = raw_connect(&w, "127.0.0.10");
	until = hin_time_monotonic_ns() + DEADLINE_NS;
	do {
		n = count_of(&w);
		usleep(1000);
	} while (n.accepted < 9 && hin_time_monotonic_ns() < until);
	assert_int_equal(n.evicted, 4);
	assert_int_equal(n.open, 5);
	for (size_t i = 0; i < 4; i++)
		assert_true(closed_in_time(fds[i], &c, 1));
	assert_int_equal(recv(fds[7], &c, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	for (size_t i = 0; i < HIN_COUNT(fds); i++)
		close(fds[i]);
	close(one_more);
	hin_http_server_close(w.server);
}

static void limits_memory(void **state)
{
	struct hin_http_reply reply = { 0 };
	struct hin_http_client *client;
	char *body = calloc(1, 2 << 20);
	struct world w;

	(void)state;
	prepare(&w);
	w.settings.body_memory = 1 << 20;
	open_server(&w);
	client = client_of(&w, NULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ask(client, "POST", "/large", body, 900 << 10, &reply), 413 - 213);
	assert_int_equal(ask(client, "POST", "/large", body, 2 << 20, &reply), 503);
	assert_int_equal(reply.retry_after_s, 5);
	assert_int_equal(ask(client, "POST", "/large", body, 900 << 10, &reply), 200);
	assert_int_equal(count_of(&w).memory_limit, 1);
	w.settings.body_memory = 1 << 19; /* while it serves */
	hin_http_server_tune(w.server, &w.settings);
	assert_int_equal(ask(client, "POST", "/large", body, 900 << 10, &reply), 503);
	w.settings.body_memory = 1 << 20;
	hin_http_server_tune(w.server, &w.settings);
	assert_int_equal(ask(client, "POST", "/large", body, 900 << 10, &reply), 200);
	hin_http_client_close(client);
	hin_http_reply_fini(&reply);
	hin_http_server_close(w.server);
	free(body);
}

static int raw_begin(const struct world *w, const char *from, size_t promised, size_t sent)
{
	int fd = raw_connect(w, from);
	char *text = calloc(1, sent + 200);
	int head = snprintf(text, 200,
			    "POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
			    promised);

	for (size_t at = 0, size = (size_t)head + sent; at < size;) {
		ssize_t n = send(fd, text + at, size - at, MSG_NOSIGNAL);

		assert_true(n > 0);
		at += (size_t)n;
	}
	free(text);
	return fd;
}

/* The status of a whole request with a body. */
static int raw_status(const struct world *w, const char *from, size_t size)
{
	char text[64] = "";
	int fd = raw_begin(w, from, size, size), status = 0;

	assert_true(recv(fd, text, 12, MSG_WAITALL) == 12);
	assert_int_equal(sscanf(text, "HTTP/1.1 %d", &status), 1);
	close(fd);
	return status;
}

static bool is_shared(void *user, const struct hin_addr *address)
{
	(void)user;
	return address->b[15] == 8;
}

/* What is promised only takes no memory; one address gets its share, and others the rest. */
static void counts_what_has_come(void **state)
{
	int promises[8], slow, status = 200;
	int64_t until = hin_time_monotonic_ns() + DEADLINE_NS;
	struct world w;

	(void)state;
	prepare(&w);
	w.settings.body_memory = 1 << 20;
	w.settings.body_per_address = 256 << 10;
	w.settings.shared = is_shared;
	w.settings.plain = true;
	open_server(&w);
	for (size_t i = 0; i < HIN_COUNT(promises); i++)
		promises[i] = raw_begin(&w, "127.0.0.9", 900 << 10, 0);
	assert_int_equal(raw_status(&w, "127.0.0.9", 200 << 10), 200);
	assert_int_equal(raw_status(&w, "127.0.0.9", 300 << 10), 503);
	assert_int_equal(raw_status(&w, "127.0.0.8", 300 << 10), 200); /* a proxy's */
	for (;;) { /* what came before may still be let go of: then the slow one is refused too */
		slow = raw_begin(&w, "127.0.0.9", 900 << 10, 200 << 10);
		for (unsigned tries = 0; tries < 50 && status == 200; tries++) {
			usleep(2000);
			status = raw_status(&w, "127.0.0.9", 100 << 10);
		}
		if (status != 200 || hin_time_monotonic_ns() >= until)
			break;
		close(slow);
	}
	assert_int_equal(status, 503);
	assert_int_equal(raw_status(&w, "127.0.0.10", 200 << 10), 200);
	close(slow);
	do
		status = raw_status(&w, "127.0.0.9", 100 << 10);
	while (status == 503 && hin_time_monotonic_ns() < until);
	assert_int_equal(status, 200);
	for (size_t i = 0; i < HIN_COUNT(promises); i++)
		close(promises[i]);
	hin_http_server_close(w.server);
}

static void client_is_bounded(void **state)
{
	struct hin_http_client_settings set;
	struct hin_http_client *client = NULL;
	struct hin_http_reply reply = { 0 };
	struct hin_error err = { 0 };
	_Atomic bool stop = false;
	char body[3000] = { 0 };
	struct world w;

	(void)state;
	prepare(&w);
	open_server(&w);
	hin_http_client_settings_default(&set);
	set.url = w.url;
	set.ca_pem = ca.certificate_pem;
	set.answer_limit = 2000;
	set.stop = &stop;
	assert_int_equal(hin_http_client_open(&client, &set, &err), HIN_OK);
	assert_int_equal(ask(client, "POST", "/echo", body, 2000, &reply), 200);
	assert_int_equal(
		hin_http_client_send(client, "POST", "/echo", NULL, body, 2001, &reply, &err),
		HIN_ELIMIT);
	assert_int_equal(ask(client, "POST", "/echo", body, 10, &reply), 200);
	stop = true;
	assert_int_equal(hin_http_client_send(client, "POST", "/keep", NULL, "x", 1, &reply, &err),
			 HIN_EAGAIN);
	stop = false;
	hin_http_server_close(w.server);
	assert_int_equal(hin_http_client_send(client, "GET", "/open", NULL, NULL, 0, &reply, &err),
			 HIN_ESYS);
	assert_non_null(strstr(err.text, w.url));
	hin_http_client_close(client);
	hin_http_reply_fini(&reply);
	if (w.kept != NULL)
		hin_http_answer_text(w.kept, 200, "dropped");
}

static void refuses_settings(void **state)
{
	static const struct {
		const char *url;
		bool trust, identity;
	} clients[] = {
		{ "http://h:1", true, false },
		{ "https://h:1/path", true, false },
		{ "https://u@h:1", true, false },
		{ "h:1", true, false },
		{ "", true, false },
		{ NULL, true, false },
		{ "https://h:1", false, false },
		{ "https://h:1", true, true },
	};
	static const char *const listens[] = { "",	  "127.0.0.1", "127.0.0.1:",	  "::1:80",
					       "[::1:80", "name:80",   "127.0.0.1:70000", NULL };
	struct hin_error err = { 0 };
	struct world w;

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(clients); i++) {
		struct hin_http_client_settings set;
		struct hin_http_client *client = NULL;

		hin_http_client_settings_default(&set);
		set.url = clients[i].url;
		set.ca_pem = clients[i].trust ? ca.certificate_pem : NULL;
		if (clients[i].identity) {
			set.certificate_pem = sensor.certificate_pem;
			set.key_pem = "no key";
		}
		assert_int_equal(hin_http_client_open(&client, &set, &err), HIN_EFORMAT);
	}
	for (size_t i = 0; i < HIN_COUNT(listens); i++) {
		prepare(&w);
		w.settings.listen = listens[i];
		if (hin_http_server_open(&w.server, &w.settings, &err) != HIN_EFORMAT)
			fail_msg("%s", listens[i] != NULL ? listens[i] : "nothing");
	}
	prepare(&w);
	w.settings.key_pem = sensor.key_pem;
	assert_int_equal(hin_http_server_open(&w.server, &w.settings, &err), HIN_EFORMAT);
	prepare(&w);
	w.settings.client_ca_pem = "nothing";
	assert_int_equal(hin_http_server_open(&w.server, &w.settings, &err), HIN_EFORMAT);
	prepare(&w);
	w.settings.plain = true;
	w.settings.listen = "0.0.0.0:0";
	assert_int_equal(hin_http_server_open(&w.server, &w.settings, &err), HIN_EDENIED);
	prepare(&w);
	w.settings.listen = "192.0.2.1:0";
	assert_int_equal(hin_http_server_open(&w.server, &w.settings, &err), HIN_ESYS);
}

static int make(void **state)
{
	(void)state;
	ca = pki_make("our authority", NULL, NULL, NULL, -DAY, DAY);
	hub = pki_make("hub", &ca, "IP:127.0.0.1", "serverAuth", -DAY, DAY);
	hub2 = pki_make("hub", &ca, "IP:127.0.0.1", "serverAuth", -DAY, DAY);
	old_hub = pki_make("hub", &ca, "IP:127.0.0.1", "serverAuth", -DAY, -10);
	wrong_name = pki_make("hub", &ca, "DNS:hub.example", "serverAuth", -DAY, DAY);
	sensor = pki_make("sensor-1", &ca, "URI:urn:hinomi:sensor:00", "clientAuth", -DAY, DAY);
	expired = pki_make("sensor-2", &ca, NULL, "clientAuth", -DAY, -10);
	early = pki_make("sensor-3", &ca, NULL, "clientAuth", DAY, 2 * DAY);
	as_server = pki_make("sensor-4", &ca, NULL, "serverAuth", -DAY, DAY);
	foreign_ca = pki_make("our authority", NULL, NULL, NULL, -DAY, DAY);
	foreign = pki_make("sensor-1", &foreign_ca, NULL, "clientAuth", -DAY, DAY);
	return 0;
}

static int unmake(void **state)
{
	struct pki_entity *all[] = { &ca,	  &hub,	       &hub2,	 &old_hub,
				     &wrong_name, &sensor,     &expired, &early,
				     &as_server,  &foreign_ca, &foreign };

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(all); i++)
		pki_free(all[i]);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(checks_clients),
		cmocka_unit_test(revokes_at_once),
		cmocka_unit_test(checks_servers),
		cmocka_unit_test(reloads),
		cmocka_unit_test(abandons),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(refuses_malformed),
		cmocka_unit_test(limits_headers),
		cmocka_unit_test(closes_slow_ones),
		cmocka_unit_test(sees_half_closed_ones),
		cmocka_unit_test(keeps_honest_ones),
		cmocka_unit_test(limits_addresses),
		cmocka_unit_test(limits_memory),
		cmocka_unit_test(counts_what_has_come),
		cmocka_unit_test(client_is_bounded),
		cmocka_unit_test(refuses_settings),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
