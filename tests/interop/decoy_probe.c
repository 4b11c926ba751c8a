/*
 * decoy_probe - one imitated host at a TCP port of the loopback, for tests that hold it against a
 * real one. User root has the password toor. It serves until it is killed.
 *
 * usage: decoy_probe PORT NAME [telnet.SETTING=VALUE ...]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../unit/decoy/telnet_kit.h"

#define CALLERS 512

struct caller {
	int fd;
	struct hin_session *session;
	void *service;
	int64_t next_us;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t machine_clock(void *user)
{
	(void)user;
	return now_us();
}

static void leave(struct caller *c)
{
	hin_service_telnet.close(c->service);
	kit_session_free(c->session);
	close(c->fd);
	*c = (struct caller){ .fd = -1 };
}

/* Send what there is; the sockets' buffers are large enough for what tests read. */
static void flush(struct caller *c)
{
	struct hin_buffer *out = &c->session->sent;
	size_t at = 0;

	while (at < out->used) {
		ssize_t put = send(c->fd, out->data + at, out->used - at, MSG_NOSIGNAL);

		if (put <= 0)
			break;
		at += (size_t)put;
	}
	hin_buffer_reset(out);
	if (c->session->over)
		leave(c);
}

static void turn(struct caller *c)
{
	c->session->now_us = now_us();
	c->next_us = hin_service_telnet.run(c->service, c->session->now_us);
	flush(c);
}

static void welcome(struct caller *callers, int listener, struct kit_host *host)
{
	int fd = accept(listener, NULL, NULL);

	for (size_t i = 0; fd >= 0 && i < CALLERS; i++) {
		struct caller *c = &callers[i];

		if (c->fd >= 0)
			continue;
		c->fd = fd;
		c->session = kit_session(host);
		c->session->now_us = now_us();
		c->service = hin_service_telnet.open(c->session);
		if (c->service == NULL)
			exit(1);
		turn(c);
		return;
	}
	close(fd);
}

static void hear(struct caller *c)
{
	uint8_t bytes[8192];
	ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);

	c->session->now_us = now_us();
	if (got > 0)
		hin_service_telnet.receive(c->service, bytes, (size_t)got);
	else
		hin_service_telnet.end(c->service);
	turn(c);
}

static void serve(int listener, struct kit_host *host)
{
	static struct caller callers[CALLERS];
	struct pollfd fds[CALLERS + 1];

	for (size_t i = 0; i < CALLERS; i++)
		callers[i].fd = -1;
	for (;;) {
		int64_t now = now_us(), next = now + 1000000;

		fds[CALLERS] = (struct pollfd){ .fd = listener, .events = POLLIN };
		for (size_t i = 0; i < CALLERS; i++) {
			fds[i] = (struct pollfd){ .fd = callers[i].fd, .events = POLLIN };
			if (callers[i].fd >= 0 && callers[i].next_us < next)
				next = callers[i].next_us;
		}
		poll(fds, CALLERS + 1, next > now ? (int)((next - now + 999) / 1000) : 0);
		now = now_us();
		for (size_t i = 0; i < CALLERS; i++) {
			if (callers[i].fd >= 0 && fds[i].revents != 0)
				hear(&callers[i]);
			else if (callers[i].fd >= 0 && callers[i].next_us <= now)
				turn(&callers[i]);
		}
		if (fds[CALLERS].revents != 0)
			welcome(callers, listener, host);
	}
}

int main(int argc, char *argv[])
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	static struct kit_host host;

	if (argc < 3) {
		fprintf(stderr, "usage: decoy_probe PORT NAME [telnet.SETTING=VALUE ...]\n");
		return 2;
	}
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	if (!kit_open(&host, argv[2], (const char *const *)argv + 3))
		return 1;
	host.host.machine.now_us = machine_clock;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 128) != 0) {
		perror("decoy_probe");
		return 1;
	}
	serve(listener, &host);
	return 0;
}
