/*
 * ssh_probe - one imitated host's SSH at a TCP port of the loopback, for tests with real clients
 * and beside real servers. See ../unit/decoy/ssh_kit.h for who may log in. It serves until it is
 * killed.
 *
 * usage: ssh_probe PORT NAME [ssh.SETTING=VALUE ...]
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../unit/decoy/ssh_kit.h"

#define CALLERS 512

struct caller {
	int fd;
	struct kit_session kit;
	void *service;
	int64_t next_us;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void leave(struct caller *c)
{
	hin_service_ssh.close(c->service);
	kit_end(&c->kit);
	close(c->fd);
	*c = (struct caller){ .fd = -1 };
}

/* Send what the socket takes; the rest later. */
static void flush(struct caller *c)
{
	struct hin_buffer *out = &c->kit.sent;
	size_t at = 0;

	while (at < out->used) {
		ssize_t put =
			send(c->fd, out->data + at, out->used - at, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (put <= 0)
			break;
		at += (size_t)put;
	}
	memmove(out->data, out->data + at, out->used - at);
	out->used -= at;
	c->kit.unsent = out->used;
	if (c->kit.over)
		leave(c);
}

static void turn(struct caller *c)
{
	kit_now_us = c->kit.now_us = now_us();
	c->next_us = hin_service_ssh.run(c->service, c->kit.now_us);
	if (c->kit.sent.used > 0 || c->kit.over)
		flush(c);
}

static void welcome(struct caller *callers, int listener, struct kit_host *host)
{
	int fd = accept(listener, NULL, NULL), on = 1;

	for (size_t i = 0; fd >= 0 && i < CALLERS; i++) {
		struct caller *c = &callers[i];

		if (c->fd >= 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		*c = (struct caller){ .fd = fd };
		c->kit.now_us = now_us();
		kit_begin(&c->kit, host);
		c->service = hin_service_ssh.open(c->kit.session);
		if (c->service == NULL)
			exit(1);
		turn(c);
		return;
	}
	close(fd);
}

static void hear(struct caller *c)
{
	uint8_t bytes[65536];
	ssize_t got = recv(c->fd, bytes, sizeof(bytes), 0);

	kit_now_us = c->kit.now_us = now_us();
	if (got > 0)
		hin_service_ssh.receive(c->service, bytes, (size_t)got);
	else
		hin_service_ssh.end(c->service);
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
			struct caller *c = &callers[i];

			fds[i] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
			if (c->fd >= 0 && c->kit.unsent > 0)
				fds[i].events |= POLLOUT;
			if (c->fd >= 0 && c->next_us < next)
				next = c->next_us;
		}
		poll(fds, CALLERS + 1, next > now ? (int)((next - now + 999) / 1000) : 0);
		now = now_us();
		for (size_t i = 0; i < CALLERS; i++) {
			struct caller *c = &callers[i];

			if (c->fd >= 0 && (fds[i].revents & ~POLLOUT) != 0)
				hear(c);
			else if (c->fd >= 0 && (c->next_us <= now || fds[i].revents != 0))
				turn(c);
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
	const char *key = getenv("SSH_PROBE_KEY");

	if (argc < 3) {
		fprintf(stderr, "usage: ssh_probe PORT NAME [ssh.SETTING=VALUE ...]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	if (!kit_open(&host, argv[2], (const char *const *)argv + 3))
		return 1;
	if (key != NULL) { /* base64, as in an authorized_keys file */
		int size = EVP_DecodeBlock(host.key, (const uint8_t *)key, (int)strlen(key));

		while (size > 0 && key[strlen(key) - 1] == '=' && host.key_size == 0)
			host.key_size = (size_t)size - (key[strlen(key) - 2] == '=' ? 2 : 1);
		if (host.key_size == 0 && size > 0)
			host.key_size = (size_t)size;
	}
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 512) != 0) {
		perror("ssh_probe");
		return 1;
	}
	serve(listener, &host);
	return 0;
}
