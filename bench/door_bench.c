/*
 * hinomi-door-bench - the door's requests a second on one core, with TLS and sessions, beside the
 * same server answering a constant.
 *
 * usage: hinomi-door-bench [SECONDS [CONNECTIONS [PATH ...]]]
 *
 * The servers run on the first processor, the client on the second (on one, when there is no
 * other). Where others work on the machine too, requests a second of the server's own processor
 * time are what to compare; both are printed, with the ratio to the constant in the same run.
 */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../tests/unit/net/pki.h"
#include "base/log.h"
#include "hub/door/api.h"
#include "hub/live.h"
#include "hub/people/session.h"

#define CASES 1000
#define THREADS_MOST 64

static char folder[] = "/tmp/door-bench-XXXXXX";
static _Atomic bool stop;

static void must(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "hinomi-door-bench: %s\n", err->text);
	exit(1);
}

/* ---- what is served ---- */

static void constant(void *user, struct hin_http_request *request)
{
	static const char text[] = "{\"answer\":42}\n";

	(void)user;
	hin_http_answer(request, &(struct hin_http_answer){ .status = 200,
							    .type = "application/json",
							    .body = text,
							    .size = sizeof(text) - 1 });
}

/* A desk with cases and somebody who is signed in. */
static void fill(const char *path, char secret[HIN_SECRET_TEXT])
{
	const struct hin_session_limits limits = { INT64_C(3600000000), INT64_C(3600000000) };
	struct hin_account a = { .role = HIN_ROLE_ANALYST, .name = "ann" };
	int64_t now = hin_time_now_ns() / 1000, id;
	struct hin_error err = { 0 };
	struct hin_addr from = { 0 };
	struct hin_desk *desk = NULL;
	char link[HIN_SECRET_TEXT];
	uint8_t csrf[32];

	must(hin_desk_open(&desk, path, HIN_DESK_CREATE, &err), &err);
	must(hin_desk_begin(desk, &err), &err);
	for (int64_t i = 1; i <= CASES; i++) {
		must(hin_desk_run(
			     desk, &err,
			     "INSERT INTO case_ (id, kind, subject, state, severity, opened_us, "
			     "updated_us, first_us, last_us) VALUES (?1, 'scanner', "
			     "'203.0.113.9', 'open', 'high', ?2, ?2, ?2, ?2)",
			     "ii", i, now + i),
		     &err);
		must(hin_desk_run(desk, &err,
				  "INSERT INTO finding (key, kind, subject_type, subject, "
				  "confidence, severity, first_us, last_us, observations, query, "
				  "case_id) VALUES (randomblob(16), 'scanner', 'address', "
				  "'203.0.113.9', 90, 'high', ?1, ?1, 10, 'src 203.0.113.9', ?2)",
				  "ii", now, i),
		     &err);
	}
	must(hin_desk_commit(desk, &err), &err);
	must(hin_account_add(desk, &a, 0, now, &id, &err), &err);
	must(hin_invite_make(desk, id, 0, now, link, &err), &err);
	must(hin_invite_use(desk, link, "none", now, &id, &err), &err);
	must(hin_session_make(desk, id, "", &from, NULL, &limits, now, secret, csrf, &err), &err);
	hin_desk_close(desk);
}

/* ---- the client ---- */

struct client {
	pthread_t thread;
	uint16_t port;
	const char *request;
	SSL_CTX *ctx;
	uint64_t answers;
	double cpu_s;
};

static void on_cpu(unsigned number)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(number, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Read one answer with a Content-Length; false when it is not 200. */
static bool read_answer(SSL *ssl, char *buffer, size_t size)
{
	size_t used = 0;

	for (;;) {
		int n = SSL_read(ssl, buffer + used, (int)(size - 1 - used));
		const char *end, *length;

		if (n <= 0)
			return false;
		used += (size_t)n;
		buffer[used] = '\0';
		end = strstr(buffer, "\r\n\r\n");
		length = strcasestr(buffer, "content-length:");
		if (end != NULL && length != NULL &&
		    used >= (size_t)(end + 4 - buffer) + strtoull(length + 15, NULL, 10))
			return strncmp(buffer, "HTTP/1.1 200", 12) == 0;
	}
}

static void *ask(void *user)
{
	struct client *c = user;
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(c->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), size = (int)strlen(c->request);
	char *buffer = malloc(1 << 20);
	SSL *ssl = SSL_new(c->ctx);
	struct timespec cpu;

	on_cpu(1);
	if (buffer == NULL || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		abort();
	SSL_set_fd(ssl, fd);
	if (SSL_connect(ssl) != 1)
		abort();
	while (!stop) {
		if (SSL_write(ssl, c->request, size) != size ||
		    !read_answer(ssl, buffer, 1 << 20)) {
			fprintf(stderr, "hinomi-door-bench: not answered:\n%.300s\n", buffer);
			exit(1);
		}
		c->answers++;
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
	c->cpu_s = (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
	SSL_free(ssl);
	close(fd);
	free(buffer);
	return NULL;
}

static double process_cpu_s(void)
{
	struct timespec cpu;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9;
}

/* Requests a second of wall time, and (returned) of the server's processor time. */
static double measure(const char *name, uint16_t port, const char *request, int seconds,
		      unsigned connections, double base)
{
	static struct client clients[THREADS_MOST];
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	double before = process_cpu_s(), client_cpu = 0, server_cpu, wall_s, rate;
	int64_t start = hin_time_monotonic_ns();
	uint64_t answers = 0;

	stop = false;
	for (unsigned i = 0; i < connections; i++) {
		clients[i] = (struct client){ .port = port, .request = request, .ctx = ctx };
		if (pthread_create(&clients[i].thread, NULL, ask, &clients[i]) != 0)
			abort();
	}
	sleep((unsigned)seconds);
	stop = true;
	for (unsigned i = 0; i < connections; i++) {
		pthread_join(clients[i].thread, NULL);
		answers += clients[i].answers;
		client_cpu += clients[i].cpu_s;
	}
	wall_s = (double)(hin_time_monotonic_ns() - start) / 1e9;
	server_cpu = process_cpu_s() - before - client_cpu;
	rate = (double)answers / server_cpu;
	printf("%-34s %8.0f /s  %8.0f /s of one core", name, (double)answers / wall_s, rate);
	if (base > 0)
		printf("  %5.2f of the constant", rate / base);
	putchar('\n');
	fflush(stdout);
	SSL_CTX_free(ctx);
	return rate;
}

/* ---- rows for those who look on ---- */

#define LIVE_ROWS 4096
#define LIVE_ROUNDS 500

static double live_ns(struct hin_live *live, const struct hin_observation *rows, bool heard)
{
	static struct hin_live_look look;
	const uint8_t sensor[HIN_SENSOR_ID] = { 1 };
	int64_t start;

	hin_live_listen(live, heard);
	start = hin_time_monotonic_ns();
	for (unsigned i = 0; i < LIVE_ROUNDS; i++) {
		hin_live_take(live, rows, LIVE_ROWS, sensor);
		if (heard && i % 100 == 99)
			hin_live_look(live, &look);
	}
	return (double)(hin_time_monotonic_ns() - start) / LIVE_ROUNDS / LIVE_ROWS;
}

/* What a row costs where it comes in: with nobody who looks on, and with somebody. */
static void measure_live(void)
{
	static struct hin_observation rows[LIVE_ROWS];
	struct hin_live *live = hin_live_new();
	double idle, busy;

	if (live == NULL)
		abort();
	for (uint32_t i = 0; i < LIVE_ROWS; i++) {
		struct hin_addr src = hin_addr_of_v4(i * 2654435761u >> 20); /* 4,096 senders */

		rows[i] = (struct hin_observation){ .kind = HIN_KIND_TELESCOPE_FLOW,
						    .proto = 6,
						    .dport = (uint16_t)(i % 7),
						    .packets = 1 };
		hin_observation_set_src(&rows[i], &src);
	}
	idle = live_ns(live, rows, false);
	busy = live_ns(live, rows, true);
	printf("a row of traffic: %.2f ns with nobody who looks on, %.1f ns with somebody\n", idle,
	       busy);
	hin_live_free(live);
}

static void request_of(char out[512], const char *path, const char *secret)
{
	snprintf(out, 512, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: __Host-hinomi=%s\r\n\r\n",
		 path, secret);
}

int main(int argc, char *argv[])
{
	static const char *const paths[] = {
		"/api/v1/me",		"/api/v1/cases/500",	  "/api/v1/cases/500/history",
		"/api/v1/findings/500", "/api/v1/cases?limit=20", "/plain/cases/500"
	};
	int seconds = argc > 1 ? atoi(argv[1]) : 5;
	unsigned connections = argc > 2 ? (unsigned)atoi(argv[2]) : 16;
	const struct hin_http_route routes[] = {
		{ "GET", "/*", HIN_HTTP_NO_CERTIFICATE, 0, constant, NULL },
	};
	struct pki_entity ca, hub;
	struct hin_http_server_settings plain;
	struct hin_http_server *server = NULL;
	char desk[64], secret[HIN_SECRET_TEXT], request[512], command[64];
	struct hin_api_settings s;
	struct hin_api *api = NULL;
	struct hin_error err = { 0 };
	struct rusage usage;
	double base;

	if (sodium_init() < 0 || mkdtemp(folder) == NULL || connections > THREADS_MOST ||
	    seconds < 1)
		return 2;
	ca = pki_make("CA", NULL, NULL, NULL, -60, 86400);
	hub = pki_make("hub", &ca, "IP:127.0.0.1", "serverAuth", -60, 86400);
	on_cpu(0);
	hin_log_setup(STDERR_FILENO, HIN_LOG_WARNING);
	snprintf(desk, sizeof(desk), "%s/desk.db", folder);
	fill(desk, secret);
	hin_http_server_settings_default(&plain);
	plain.listen = "127.0.0.1:0";
	plain.certificate_pem = hub.certificate_pem;
	plain.key_pem = hub.key_pem;
	plain.routes = routes;
	plain.route_count = 1;
	must(hin_http_server_open(&server, &plain, &err), &err);
	hin_api_settings_default(&s);
	s.listen = "127.0.0.1:0";
	s.certificate_pem = hub.certificate_pem;
	s.key_pem = hub.key_pem;
	s.desk = desk;
	s.rate_per_s = 0;
	must(hin_api_open(&api, &s, &err), &err);

	printf("%u connections, kept open; TLS 1.3; %d s each\n", connections, seconds);
	request_of(request, "/", secret);
	base = measure("a constant, without the door", hin_http_server_port(server), request,
		       seconds, connections, 0);
	for (int i = 0; i < (argc > 3 ? argc - 3 : (int)HIN_COUNT(paths)); i++) {
		const char *path = argc > 3 ? argv[3 + i] : paths[i];

		request_of(request, path, secret);
		(void)measure(path, hin_api_port(api), request, seconds, connections, base);
	}
	measure_live();
	getrusage(RUSAGE_SELF, &usage);
	printf("memory of both sides: %.1f MB\n", (double)usage.ru_maxrss / 1024);
	hin_api_close(api);
	hin_http_server_close(server);
	pki_free(&hub);
	pki_free(&ca);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) == 0 ? 0 : 1;
}
