/*
 * What a stranger may send to a server: the bytes go to one without TLS, over loopback, in one
 * piece or two. Now and then the server must answer a good request, and must have forgotten the
 * connections before.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hin_http_server *server;
static unsigned runs;

static void touch(void *user, struct hin_http_request *request)
{
	const char *value = hin_http_query(request, "a"), *header = hin_http_header(request, "X");
	struct hin_buffer body;

	(void)user;
	if (request->body.used > 1000 || strlen(request->path) >= sizeof(request->path))
		abort();
	hin_http_take_body(request, &body);
	hin_http_answer_text(request, 200, "%s %s %.*s", value != NULL ? value : "",
			     header != NULL ? header : "", (int)body.used, hin_buffer_text(&body));
	hin_buffer_fini(&body);
}

static void open_server(void)
{
	static const struct hin_http_route routes[] = {
		{ "GET", "/", HIN_HTTP_NO_CERTIFICATE, 0, touch, NULL },
		{ "POST", "/b", HIN_HTTP_NO_CERTIFICATE, 1000, touch, NULL },
		{ "GET", "/t/*", HIN_HTTP_CERTIFICATE_WANTED, 0, touch, NULL },
		{ "GET", "/r", HIN_HTTP_CERTIFICATE_REQUIRED, 0, touch, NULL },
	};
	struct hin_http_server_settings settings;
	struct hin_error err;

	hin_http_server_settings_default(&settings);
	settings.listen = "127.0.0.1:0";
	settings.plain = true;
	settings.routes = routes;
	settings.route_count = HIN_COUNT(routes);
	settings.connections = 256;
	if (hin_http_server_open(&server, &settings, &err) != HIN_OK) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

static void ended(void)
{
	hin_http_server_close(server);
}

/* A connection to the server; loopback may be out of ports for a while, the server never away. */
static int reach(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(hin_http_server_port(server)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (int tries = 0; tries < 1000; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			return fd;
		if (fd == -1 || (errno != EADDRNOTAVAIL && errno != EINTR))
			break;
		close(fd);
		usleep(100000);
	}
	perror("connect");
	abort();
}

/* Send, and take what comes back within `wait_ms`; how it begins is in `head`. */
static void talk(const uint8_t *data, size_t size, size_t cut, int wait_ms, char head[16])
{
	struct linger at_once = { .l_onoff = 1 }; /* no ports in TIME_WAIT */
	struct timeval limit = { wait_ms / 1000, wait_ms % 1000 * 1000 };
	char answer[4096];
	int fd = reach();
	ssize_t n = 0;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (cut > 0 && cut < size) {
		n = send(fd, data, cut, MSG_NOSIGNAL);
		data += cut;
		size -= cut;
	}
	if (n >= 0)
		(void)!send(fd, data, size, MSG_NOSIGNAL);
	head[0] = '\0';
	while ((n = recv(fd, answer, sizeof(answer), 0)) > 0)
		if (head[0] == '\0')
			snprintf(head, 16, "%.*s", (int)(n < 15 ? n : 15), answer);
	close(fd);
}

/* Is the server well? */
static void check(void)
{
	static const char good[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
	struct hin_http_counters n;
	char head[16];

	talk((const uint8_t *)good, strlen(good), 0, 30000, head);
	if (strcmp(head, "HTTP/1.1 200 OK") != 0)
		abort();
	for (int tries = 0; tries < 3000; tries++) {
		hin_http_server_count(server, &n);
		if (n.open == 0 && n.in_flight == 0)
			return;
		usleep(1000);
	}
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char head[16];

	if (server == NULL) {
		open_server();
		atexit(ended);
	}
	talk(data, size, size > 0 ? data[size - 1] : 0, 1, head);
	if (++runs % 64 == 0)
		check();
	return 0;
}
