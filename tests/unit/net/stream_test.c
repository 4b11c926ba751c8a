/* Answers that go on, requests whose client leaves, cookies and queries; by plain sockets. */
#include "../test.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "net/http_server.h"

#define DEADLINE_NS (30 * HIN_NS_PER_S)

struct world {
	struct hin_http_server *server;
	pthread_mutex_t lock;
	struct hin_http_stream *stream;
	struct hin_http_request *kept;
	size_t most;
};

static void events(void *user, struct hin_http_request *request)
{
	static const struct hin_http_header headers[] = { { "Cache-Control", "no-store" } };
	const struct hin_http_answer answer = { .status = 200,
						.type = "text/event-stream",
						.body = ": hello\n\n",
						.size = 9,
						.headers = headers,
						.header_count = 1 };
	struct hin_http_stream *stream = NULL;
	struct world *w = user;

	assert_int_equal(hin_http_answer_stream(request, &answer, w->most, &stream), HIN_OK);
	pthread_mutex_lock(&w->lock);
	w->stream = stream;
	pthread_mutex_unlock(&w->lock);
}

static void keep(void *user, struct hin_http_request *request)
{
	struct world *w = user;

	pthread_mutex_lock(&w->lock);
	w->kept = request;
	pthread_mutex_unlock(&w->lock);
}

static void add_value(void *user, const char *name, const char *value)
{
	hin_buffer_printf(user, "[%s=%s]", name, value);
}

static void values(void *user, struct hin_http_request *request)
{
	struct hin_buffer out = { 0 };
	char cookie[16];

	(void)user;
	hin_http_each_query(request, add_value, &out);
	hin_buffer_puts(&out, hin_http_cookie(request, "c", cookie, sizeof(cookie)) ? cookie : "-");
	hin_http_know(request, true);
	hin_http_answer_text(request, 200, "%s", hin_buffer_text(&out));
	hin_buffer_fini(&out);
}

static void prepare(struct world *w, size_t most, int64_t request_ns)
{
	const struct hin_http_route routes[] = {
		{ "GET", "/events", HIN_HTTP_NO_CERTIFICATE, 0, events, w },
		{ "GET", "/keep", HIN_HTTP_NO_CERTIFICATE, 0, keep, w },
		{ "GET", "/values", HIN_HTTP_NO_CERTIFICATE, 0, values, w },
		{ "DELETE", "/values", HIN_HTTP_NO_CERTIFICATE, 0, values, w },
	};
	struct hin_http_server_settings s;
	struct hin_error err = { 0 };

	*w = (struct world){ .most = most, .lock = PTHREAD_MUTEX_INITIALIZER };
	hin_http_server_settings_default(&s);
	s.listen = "127.0.0.1:0";
	s.plain = true;
	s.routes = routes;
	s.route_count = HIN_COUNT(routes);
	s.request_ns = request_ns;
	if (hin_http_server_open(&w->server, &s, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

/* Connect and ask; a small window, so that what is not read soon waits at the server. */
static int ask(const struct world *w, const char *request)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(hin_http_server_port(w->server)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), small = 4096;
	struct timeval limit = { 30, 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* Read until `want` was seen, or the end; what was read in all is in `out`. */
static bool read_until(int fd, struct hin_buffer *out, const char *want)
{
	char piece[1024];
	ssize_t n;

	while (strstr(hin_buffer_text(out), want) == NULL) {
		n = recv(fd, piece, sizeof(piece), 0);
		if (n <= 0)
			return false;
		hin_buffer_add(out, piece, (size_t)n);
	}
	return true;
}

static struct hin_http_stream *stream_of(struct world *w)
{
	int64_t until = hin_time_monotonic_ns() + DEADLINE_NS;
	struct hin_http_stream *stream = NULL;

	while (stream == NULL && hin_time_monotonic_ns() < until) {
		pthread_mutex_lock(&w->lock);
		stream = w->stream;
		w->stream = NULL;
		pthread_mutex_unlock(&w->lock);
		usleep(1000);
	}
	assert_non_null(stream);
	return stream;
}

static const char ask_events[] = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n";

static void events_come_as_they_are_sent(void **state)
{
	struct world w;
	struct hin_buffer got = { 0 };
	struct hin_http_stream *stream;
	int fd;

	(void)state;
	prepare(&w, 65536, 20 * HIN_NS_PER_S);
	fd = ask(&w, ask_events);
	stream = stream_of(&w);
	assert_true(read_until(fd, &got, ": hello\n\n"));
	assert_non_null(strstr(got.data, "200 OK"));
	assert_non_null(strstr(got.data, "text/event-stream"));
	for (int i = 0; i < 100; i++) {
		char text[32], want[32];

		snprintf(text, sizeof(text), "data: %d\n\n", i);
		snprintf(want, sizeof(want), "data: %d\n", i);
		assert_true(hin_http_stream_send(stream, text, strlen(text)));
		if (i % 7 == 0)
			assert_true(read_until(fd, &got, want));
	}
	hin_http_stream_end(stream);
	/* all of it, and the connection goes on with the next request */
	assert_true(read_until(fd, &got, "data: 99\n"));
	assert_true(read_until(fd, &got, "\r\n0\r\n\r\n"));
	assert_int_equal(send(fd, ask_events, strlen(ask_events), MSG_NOSIGNAL),
			 strlen(ask_events));
	stream = stream_of(&w);
	hin_http_stream_end(stream);
	close(fd);
	hin_buffer_fini(&got);
	hin_http_server_close(w.server);
}

static void a_client_that_left_is_noticed(void **state)
{
	struct world w;
	struct hin_http_stream *stream;
	int64_t until = hin_time_monotonic_ns() + DEADLINE_NS;
	bool good = true;

	(void)state;
	prepare(&w, 65536, 20 * HIN_NS_PER_S);
	close(ask(&w, ask_events));
	stream = stream_of(&w);
	while (good && hin_time_monotonic_ns() < until) {
		usleep(20000);
		good = hin_http_stream_send(stream, ":\n", 2);
	}
	assert_false(good);
	hin_http_stream_end(stream);
	hin_http_server_close(w.server);
}

static void a_client_that_does_not_read_is_bounded(void **state)
{
	struct world w;
	struct hin_http_counters n = { 0 };
	struct hin_http_stream *stream;
	char piece[1024];
	size_t sent = 0;
	int64_t until;
	int fd;

	(void)state;
	memset(piece, 'x', sizeof(piece));
	prepare(&w, 32768, HIN_NS_PER_S / 2);
	fd = ask(&w, ask_events);
	stream = stream_of(&w);
	until = hin_time_monotonic_ns() + DEADLINE_NS;
	/* sockets take some megabytes at most; then it waits here, then it is over */
	while (n.streams_slow == 0 && hin_time_monotonic_ns() < until) {
		if (hin_http_stream_send(stream, piece, sizeof(piece))) {
			sent += sizeof(piece);
			assert_true(sent < (size_t)64 << 20);
			continue;
		}
		usleep(1000); /* the server may only not have had its turn */
		hin_http_server_count(w.server, &n);
	}
	assert_false(hin_http_stream_send(stream, piece, sizeof(piece)));
	assert_int_equal(n.streams_slow, 1);
	assert_int_equal(n.streams, 1);
	hin_http_stream_end(stream);
	close(fd);
	hin_http_server_close(w.server);
}

static void a_server_closes_with_streams_open(void **state)
{
	struct world w;
	struct hin_buffer got = { 0 };
	struct hin_http_stream *streams[8];
	int fds[8];

	(void)state;
	prepare(&w, 65536, 20 * HIN_NS_PER_S);
	for (size_t i = 0; i < HIN_COUNT(fds); i++) {
		fds[i] = ask(&w, ask_events);
		streams[i] = stream_of(&w);
	}
	assert_true(read_until(fds[0], &got, ": hello"));
	hin_http_server_close(w.server);
	for (size_t i = 0; i < HIN_COUNT(fds); i++) {
		assert_false(hin_http_stream_send(streams[i], "x", 1));
		hin_http_stream_end(streams[i]);
		close(fds[i]);
	}
	hin_buffer_fini(&got);
}

static void a_kept_request_tells_whether_its_client_left(void **state)
{
	static const char request[] = "GET /keep HTTP/1.1\r\nHost: h\r\n\r\n";
	int64_t until = hin_time_monotonic_ns() + DEADLINE_NS;
	struct hin_http_request *kept = NULL;
	struct world w;
	int fd;

	(void)state;
	prepare(&w, 0, 20 * HIN_NS_PER_S);
	fd = ask(&w, request);
	while (kept == NULL && hin_time_monotonic_ns() < until) {
		pthread_mutex_lock(&w.lock);
		kept = w.kept;
		pthread_mutex_unlock(&w.lock);
		usleep(1000);
	}
	assert_non_null(kept);
	usleep(20000);
	assert_false(hin_http_has_left(kept));
	close(fd);
	while (!hin_http_has_left(kept) && hin_time_monotonic_ns() < until)
		usleep(1000);
	assert_true(hin_http_has_left(kept));
	hin_http_answer_text(kept, 200, "nobody reads this");
	hin_http_server_close(w.server);
}

static void values_are_told(void **state)
{
	static const struct {
		const char *request, *want;
	} cases[] = {
		{ "GET /values?a=1&b&a=%202+3 HTTP/1.1\r\nHost: h\r\nCookie: c=x; d=y\r\n",
		  "[a=1][b=][a= 2 3]x\n" },
		{ "GET /values HTTP/1.1\r\nHost: h\r\nCookie: d=y\r\n", "-\n" },
		{ "GET /values HTTP/1.1\r\nHost: h\r\nCookie: c=1; c=2\r\n", "-\n" },
		{ "GET /values HTTP/1.1\r\nHost: h\r\nCookie: c=0123456789012345\r\n", "-\n" },
		{ "DELETE /values HTTP/1.1\r\nHost: h\r\nCookie: c=z\r\n", "z\n" },
	};
	struct world w;

	(void)state;
	prepare(&w, 0, 20 * HIN_NS_PER_S);
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer got = { 0 };
		char request[256];
		int fd;

		snprintf(request, sizeof(request), "%sConnection: close\r\n\r\n", cases[i].request);
		fd = ask(&w, request);
		(void)read_until(fd, &got, "no such thing");
		if (got.used < strlen(cases[i].want) ||
		    strcmp(got.data + got.used - strlen(cases[i].want), cases[i].want) != 0)
			fail_msg("case %zu: %s", i, hin_buffer_text(&got));
		hin_buffer_fini(&got);
		close(fd);
	}
	hin_http_server_close(w.server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_as_they_are_sent),
		cmocka_unit_test(a_client_that_left_is_noticed),
		cmocka_unit_test(a_client_that_does_not_read_is_bounded),
		cmocka_unit_test(a_server_closes_with_streams_open),
		cmocka_unit_test(a_kept_request_tells_whether_its_client_left),
		cmocka_unit_test(values_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
