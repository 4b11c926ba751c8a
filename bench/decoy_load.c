/*
 * hinomi-decoy-load - intruders by the thousand: logs in by Telnet, or holds sessions open.
 *
 *	hinomi-decoy-load ADDRESS PORT COUNT AT-ONCE USER PASSWORD [hold SECONDS]
 *
 * Each connection waits for "ogin: ", sends the user, waits for "assword: ", sends the password and
 * waits for a prompt ("# ", "$ " or "> "). Then it closes, or stays with `hold`. Prints one line:
 * log-ins, seconds, log-ins a second, failures. With `hold` it prints "held N" when all are there.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TEXT 2048

enum step { TO_LOGIN, TO_PASSWORD, TO_PROMPT, IN, FREE };

struct client {
	int fd;
	enum step step;
	size_t used;
	char text[TEXT];
};

struct load {
	struct sockaddr_in to;
	char user[64], password[64];
	long count, begun, done, failed, in;
	bool hold;
	int epoll;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void begin(struct load *l, struct client *c)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	const int on = 1;
	const struct linger reset = { .l_onoff = 1 };

	c->step = FREE;
	if (l->begun == l->count)
		return;
	l->begun++;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd == -1 || connect(c->fd, (struct sockaddr *)&l->to, sizeof(l->to)) == -1) {
		l->failed++;
		return;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* so that ports do not run out */
	(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	(void)epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &event);
	c->step = TO_LOGIN;
	c->used = 0;
}

static bool has(const struct client *c, const char *word)
{
	return memmem(c->text, c->used, word, strlen(word)) != NULL;
}

static void go_on(struct load *l, struct client *c)
{
	const char *line = NULL;

	if (c->step == TO_LOGIN && has(c, "ogin: "))
		line = l->user;
	else if (c->step == TO_PASSWORD && has(c, "assword: "))
		line = l->password;
	else if (c->step == TO_PROMPT && (has(c, "# ") || has(c, "$ ") || has(c, "> "))) {
		c->step = IN;
		l->in++;
	}
	if (line == NULL)
		return;
	if (send(c->fd, line, strlen(line), MSG_NOSIGNAL) != (ssize_t)strlen(line))
		l->failed++;
	c->step++;
	c->used = 0;
}

static void on_ready(struct load *l, struct client *c)
{
	ssize_t got;

	if (c->used > TEXT / 2) { /* what was seen long ago is of no use */
		memmove(c->text, c->text + c->used - 64, 64);
		c->used = 64;
	}
	got = recv(c->fd, c->text + c->used, TEXT - c->used, MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		c->used += (size_t)got;
		go_on(l, c);
		if (c->step != IN || l->hold)
			return;
	}
	l->failed += c->step != IN;
	close(c->fd);
	l->done++;
	begin(l, c);
}

static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char *argv[])
{
	struct load l = { 0 };
	struct epoll_event events[256];
	struct client *clients;
	long at_once;
	double start;

	if (argc < 7) {
		fputs("usage: hinomi-decoy-load ADDRESS PORT COUNT AT-ONCE USER PASSWORD "
		      "[hold SECONDS]\n",
		      stderr);
		return 2;
	}
	allow_files();
	l.to.sin_family = AF_INET;
	l.to.sin_port = htons((uint16_t)atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &l.to.sin_addr);
	l.count = atol(argv[3]);
	at_once = atol(argv[4]);
	snprintf(l.user, sizeof(l.user), "%s\r\n", argv[5]);
	snprintf(l.password, sizeof(l.password), "%s\r\n", argv[6]);
	l.hold = argc > 8;
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	clients = calloc((size_t)at_once, sizeof(*clients));
	if (clients == NULL || l.epoll == -1)
		return 1;
	start = now();
	for (long i = 0; i < at_once; i++)
		begin(&l, &clients[i]);
	while (l.done + l.failed < l.count && !(l.hold && l.in + l.failed >= l.count)) {
		int ready = epoll_wait(l.epoll, events, 256, 10000);

		if (ready == 0)
			break; /* nobody says anything any more */
		for (int i = 0; i < ready; i++)
			on_ready(&l, events[i].data.ptr);
	}
	if (l.hold) {
		printf("held %ld\n", l.in);
		fflush(stdout);
		sleep((unsigned)atoi(argv[8]));
	}
	printf("%ld log-ins in %.3f s, %.0f/s, %ld failed\n", l.in, now() - start,
	       (double)l.in / (now() - start), l.failed);
	return l.in == l.count ? 0 : 1;
}
