/*
 * hinomi-door-load - people at a hub: open browsers that listen to events, and requests as the page
 * makes them, over TLS.
 *
 *	hinomi-door-load fill DESK PEOPLE CASES		accounts that are signed in, and cases;
 *prints a session a line hinomi-door-load run PORT SECONDS RATE LISTENERS < SESSIONS
 *
 * Each session is a person with one connection for requests, evenly RATE a second of all; LISTENERS
 * of them have an event stream open, too. A request's time counts from the moment that it was due,
 * so that one that waits behind a slow one is slow as well. Prints one line a figure, name and
 *value.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"
#include "hub/people/session.h"

#define PEOPLE_MOST 1000
#define ANSWER ((size_t)4 << 20)
#define FINDINGS 3 /* of a case */

static void must(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "hinomi-door-load: %s\n", err->text);
	exit(1);
}

/* ---- what there is ---- */

static void make_case(struct hin_desk *desk, int64_t i, int64_t now)
{
	struct hin_addr address = hin_addr_of_v4(0xcb007100u + (uint32_t)i);
	char text[HIN_ADDR_TEXT];
	struct hin_error err = { 0 };

	hin_addr_format(&address, text);
	must(hin_desk_run(desk, &err,
			  "INSERT INTO case_ (id, kind, subject, state, severity, opened_us, "
			  "updated_us, first_us, last_us) VALUES (?1, 'scanner', ?2, 'open', "
			  "'high', ?3, ?4, ?3, ?3)",
			  "itii", i, text, now, now + i),
	     &err);
	for (int64_t k = 0; k < FINDINGS; k++)
		must(hin_desk_run(
			     desk, &err,
			     "INSERT INTO finding (key, kind, subject_type, subject, address, "
			     "port, "
			     "proto, confidence, severity, first_us, last_us, observations, query, "
			     "case_id) VALUES (randomblob(16), 'scanner', 'address', ?2, ?3, ?4, "
			     "6, "
			     "90, 'high', ?5, ?5, 10, 'src ' || ?2, ?1)",
			     "itaii", i, text, &address, 23 + k, now),
		     &err);
	must(hin_desk_run(desk, &err,
			  "INSERT INTO case_history (case_id, time_us, account, action, text) "
			  "VALUES (?1, ?2, 0, 'opened', ''), (?1, ?2, 0, 'noted', 'seen before')",
			  "ii", i, now),
	     &err);
}

static void make_person(struct hin_desk *desk, int64_t i, int64_t now)
{
	const struct hin_session_limits limits = { INT64_C(3600000000), INT64_C(43200000000) };
	struct hin_account a = { .role = HIN_ROLE_ANALYST };
	struct hin_addr from = hin_addr_of_v4(0x7f000001u);
	char link[HIN_SECRET_TEXT], secret[HIN_SECRET_TEXT];
	struct hin_error err = { 0 };
	uint8_t csrf[32];
	int64_t id;

	snprintf(a.name, sizeof(a.name), "person-%" PRId64, i);
	must(hin_account_add(desk, &a, 0, now, &id, &err), &err);
	must(hin_invite_make(desk, id, 0, now, link, &err), &err);
	must(hin_invite_use(desk, link, "none", now, &id, &err), &err);
	must(hin_session_make(desk, id, "", &from, NULL, &limits, now, secret, csrf, &err), &err);
	puts(secret);
}

static int fill(const char *path, int64_t people, int64_t cases)
{
	int64_t now = hin_time_now_ns() / 1000;
	struct hin_error err = { 0 };
	struct hin_desk *desk = NULL;

	must(hin_desk_open(&desk, path, HIN_DESK_CREATE, &err), &err);
	must(hin_desk_begin(desk, &err), &err);
	for (int64_t i = 1; i <= cases; i++)
		make_case(desk, i, now);
	must(hin_desk_run(desk, &err, "DELETE FROM notice_todo", ""), &err);
	must(hin_desk_run(desk, &err, "DELETE FROM alert_todo", ""), &err);
	must(hin_desk_commit(desk, &err), &err);
	for (int64_t i = 1; i <= people; i++)
		make_person(desk, i, now);
	hin_desk_close(desk);
	return 0;
}

/* ---- people ---- */

struct person {
	pthread_t asks, listens;
	char session[HIN_SECRET_TEXT];
	unsigned number;
	bool hears;
	double *times_ms; /* of its requests */
	size_t count, room, events, bytes, refused;
};

static struct person people[PEOPLE_MOST];
static size_t person_count;
static uint16_t port;
static double gap_s, length_s;
static struct timespec begun;
static SSL_CTX *ctx;
static _Atomic bool over;
static _Atomic unsigned broken;

static double since_begin(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) / 1e9;
}

static SSL *reach(int *fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { 1, 0 };
	SSL *ssl = SSL_new(ctx);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(*fd, (struct sockaddr *)&to, sizeof(to)) != 0 || ssl == NULL ||
	    SSL_set_fd(ssl, *fd) != 1 || SSL_connect(ssl) != 1) {
		fprintf(stderr, "hinomi-door-load: cannot connect\n");
		exit(1);
	}
	return ssl;
}

static bool put_request(SSL *ssl, const struct person *p, const char *path)
{
	char request[700];
	int size = snprintf(request, sizeof(request),
			    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: ja,en\r\n"
			    "Cookie: __Host-hinomi=%s\r\n\r\n",
			    path, p->session);

	return SSL_write(ssl, request, size) == size;
}

/* More bytes, or 0: none for a second. Below: the connection is over. */
static int more(SSL *ssl, char *to, size_t room)
{
	int n = SSL_read(ssl, to, (int)room);

	if (n > 0)
		return n;
	return SSL_get_error(ssl, n) == SSL_ERROR_WANT_READ ||
			       (SSL_get_error(ssl, n) == SSL_ERROR_SYSCALL && !over)
		       ? 0
		       : -1;
}

/* An event stream until the end: how many events came. */
static void *listen_on(void *user)
{
	struct person *p = user;
	char buffer[16384 + 16], *at;
	size_t kept = 0;
	int fd, n;
	SSL *ssl = reach(&fd);

	if (!put_request(ssl, p, "/api/v1/events?traffic=1"))
		broken++;
	while (!over && (n = more(ssl, buffer + kept, 16384 - kept)) >= 0) {
		size_t used = kept + (size_t)n;

		p->bytes += (size_t)n;
		buffer[used] = '\0';
		for (at = buffer; (at = strstr(at, "event: ")) != NULL; at += 7)
			p->events++;
		kept = used < 6 ? used : 6; /* one may be cut here */
		memmove(buffer, buffer + used - kept, kept);
	}
	if (!over)
		broken++;
	SSL_free(ssl);
	close(fd);
	return NULL;
}

/* What a page asks, in turn: a hundred requests of one kind or another. */
static const char *path_of(unsigned turn, char out[200])
{
	unsigned one = turn * 37 % 100, number = turn * 7919 % 10000 + 1;

	if (one < 2)
		return turn % 2 == 0 ? "/api/v1/query?by=dport,proto&sum=packets&top=10&since=-1h"
				     : "/api/v1/query?series=10m&sum=packets&since=-24h";
	if (one < 5)
		return "/api/v1/sensors";
	if (one < 8)
		return "/api/v1/status";
	if (one < 18)
		return "/api/v1/cases?limit=50";
	if (one < 25)
		return "/api/v1/notices?limit=50";
	if (one < 45)
		return "/api/v1/me";
	if (one < 50)
		return "/api/v1/registry";
	snprintf(out, 200,
		 one < 75   ? "/api/v1/cases/%u"
		 : one < 90 ? "/api/v1/cases/%u/history"
			    : "/api/v1/findings/%u",
		 number);
	return out;
}

/* Read one answer; its status, 0 when there is none. */
static unsigned read_answer(SSL *ssl, char *buffer)
{
	size_t used = 0;

	while (used < ANSWER - 1) {
		int n = more(ssl, buffer + used, ANSWER - 1 - used);
		const char *end, *length;

		if (n < 0 || over)
			return 0;
		used += (size_t)n;
		buffer[used] = '\0';
		end = strstr(buffer, "\r\n\r\n");
		length = end != NULL ? strcasestr(buffer, "content-length:") : NULL;
		if (length != NULL &&
		    used >= (size_t)(end + 4 - buffer) + strtoull(length + 15, NULL, 10))
			return (unsigned)strtoul(buffer + 9, NULL, 10);
	}
	return 0;
}

static void wait_until(double due_s)
{
	double left = due_s - since_begin();
	struct timespec t = { (time_t)left, (long)((left - (double)(time_t)left) * 1e9) };

	if (left > 0)
		nanosleep(&t, NULL);
}

static void *ask(void *user)
{
	struct person *p = user;
	char *buffer = malloc(ANSWER), path[200];
	double due_s = gap_s * p->number / (double)person_count;
	unsigned turn = p->number * 13, status;
	int fd;
	SSL *ssl = reach(&fd);

	while (due_s < length_s && p->count < p->room && buffer != NULL) {
		wait_until(due_s);
		if (!put_request(ssl, p, path_of(turn++, path)) ||
		    (status = read_answer(ssl, buffer)) == 0) {
			if (!over)
				broken++;
			break;
		}
		if (status != 200 && p->refused++ == 0 && p->number == 0)
			fprintf(stderr, "hinomi-door-load: %u %s\n", status,
				path_of(turn - 1, path));
		p->times_ms[p->count++] = (since_begin() - due_s) * 1000;
		due_s += gap_s;
	}
	SSL_free(ssl);
	close(fd);
	free(buffer);
	return NULL;
}

/* ---- the whole ---- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void tell(double took_s, size_t listeners)
{
	size_t count = 0, events = 0, bytes = 0, refused = 0, least = SIZE_MAX;
	double *all;

	for (size_t i = 0; i < person_count; i++)
		count += people[i].count;
	all = calloc(count + 1, sizeof(*all));
	if (all == NULL)
		exit(1);
	count = 0;
	for (size_t i = 0; i < person_count; i++) {
		memcpy(all + count, people[i].times_ms, people[i].count * sizeof(*all));
		count += people[i].count;
		events += people[i].events;
		bytes += people[i].bytes;
		refused += people[i].refused;
		if (people[i].hears && people[i].events < least)
			least = people[i].events;
	}
	qsort(all, count, sizeof(*all), by_size);
	printf("people %zu\nlisteners %zu\nseconds %.1f\n", person_count, listeners, took_s);
	printf("requests %zu\nrequests_per_s %.0f\nrefused %zu\nbroken %u\n", count,
	       (double)count / took_s, refused, broken);
	if (count > 0)
		printf("p50_ms %.2f\np90_ms %.2f\np99_ms %.2f\nslowest_ms %.1f\n", all[count / 2],
		       all[count * 9 / 10], all[count * 99 / 100], all[count - 1]);
	printf("events %zu\nevents_per_s %.0f\nevents_of_the_least_lucky %zu\nevent_bytes_per_s "
	       "%.0f\n",
	       events, (double)events / took_s, listeners > 0 ? least : 0, (double)bytes / took_s);
	free(all);
}

static int run(double seconds, double rate, size_t listeners)
{
	char line[200];

	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	while (person_count < PEOPLE_MOST && fgets(line, sizeof(line), stdin) != NULL) {
		struct person *p = &people[person_count];

		line[strcspn(line, "\n")] = '\0';
		snprintf(p->session, sizeof(p->session), "%.*s", HIN_SECRET_TEXT - 1, line);
		p->number = (unsigned)person_count++;
		p->hears = p->number < listeners;
	}
	if (person_count == 0 || ctx == NULL)
		return 2;
	gap_s = (double)person_count / rate;
	length_s = seconds;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (size_t i = 0; i < person_count; i++) {
		people[i].room = (size_t)(seconds / gap_s) + 2;
		people[i].times_ms = calloc(people[i].room, sizeof(double));
		if (people[i].times_ms == NULL ||
		    (people[i].hears &&
		     pthread_create(&people[i].listens, NULL, listen_on, &people[i]) != 0))
			return 1;
	}
	sleep(3); /* all have their streams, and what opening one costs is over */
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (size_t i = 0; i < person_count; i++)
		people[i].events = people[i].bytes = 0;
	puts("begin");
	fflush(stdout);
	for (size_t i = 0; i < person_count; i++)
		if (pthread_create(&people[i].asks, NULL, ask, &people[i]) != 0)
			return 1;
	for (size_t i = 0; i < person_count; i++)
		pthread_join(people[i].asks, NULL);
	seconds = since_begin();
	puts("end");
	fflush(stdout);
	over = true;
	for (size_t i = 0; i < person_count; i++)
		if (people[i].hears)
			pthread_join(people[i].listens, NULL);
	tell(seconds, listeners < person_count ? listeners : person_count);
	return broken != 0;
}

int main(int argc, char *argv[])
{
	if (sodium_init() < 0)
		return 1;
	if (argc == 5 && strcmp(argv[1], "fill") == 0)
		return fill(argv[2], atoll(argv[3]), atoll(argv[4]));
	if (argc == 6 && strcmp(argv[1], "run") == 0) {
		port = (uint16_t)atoi(argv[2]);
		return run(atof(argv[3]), atof(argv[4]), (size_t)atoll(argv[5]));
	}
	fprintf(stderr, "usage: %s fill DESK PEOPLE CASES | run PORT SECONDS RATE LISTENERS\n",
		argv[0]);
	return 2;
}
