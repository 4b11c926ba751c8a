/* gate - see gate.h */
#include "decoy/gate.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "decoy/orders.h"
#include "decoy/callers.h"
#include "decoy/wire.h"
#include "observe/registry.h"

#define EVENTS 64
#define ACCEPTS 64   /* of one listener, before others have their turn */
#define PROXIES 1024 /* that have connected and not said who comes */
#define PROXY_WAIT_MS 5000
#define STOP_MS 5000
#define BUSY_MS 50	/* a worker that takes nothing for so long gets no more now */
#define EARLY_MS 2000	/* a worker that dies so soon after its start ... */
#define EARLY_DEATHS 5u /* ... so often in a row ends the program */

struct child {
	pid_t pid;
	int gate; /* our end of its pair */
	int64_t started_ms;
	unsigned early; /* deaths in a row */
};

/* A proxy whose header has not come. */
struct waiting {
	int fd;
	int64_t until_ms;
};

struct gate {
	struct hin_gate_settings *settings;
	struct hin_callers *sources;
	struct hin_orders orders;
	struct child children[HIN_GATE_WORKERS];
	struct waiting waiting[PROXIES];
	struct hin_buffer tell;
	uint64_t sessions;
	int64_t fed_ms;
	uint32_t host_count;
	int epoll;
	bool stop;
};

/* What an epoll event is about: an index, and in its high half of which kind. */
enum { OF_LISTENER = 1, OF_WORKER, OF_PROXY, OF_SCRIBE, OF_STOP };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int64_t real_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static bool watch(const struct gate *g, int fd, uint32_t kind, uint32_t index)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = (uint64_t)kind << 32 | index };

	return epoll_ctl(g->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ---- those who are not let in ---- */

static void tell_flush(struct gate *g)
{
	size_t at = 0;

	while (at < g->tell.used) {
		ssize_t sent = send(g->settings->scribe, g->tell.data + at, g->tell.used - at,
				    MSG_NOSIGNAL);

		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			g->stop = true; /* without a scribe nobody is let in */
		if (sent == -1)
			break;
		at += (size_t)sent;
	}
	hin_buffer_reset(&g->tell);
}

static void refuse(struct gate *g, int fd, const struct hin_gate_hello *hello, uint8_t verdict)
{
	struct hin_wire_message message = { .type = HIN_WIRE_REFUSED,
					    .time_us = real_us(),
					    .about = { .client = hello->client,
						       .server = hello->server,
						       .client_port = hello->client_port,
						       .server_port = hello->server_port,
						       .verdict = verdict,
						       .is_proxied = hello->is_proxied,
						       .host = hello->host } };
	const struct linger reset = { .l_onoff = 1 };

	hin_wire_write(&g->tell, &message);
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* ---- those who are ---- */

/* Give the connection to its worker. False when that cannot take it now. */
static bool hand_over(struct gate *g, int fd, const struct hin_gate_hello *hello)
{
	struct hin_gate_hello copy = *hello;
	uint64_t worker =
		hin_callers_hash(g->sources, &hello->client) % g->settings->limits.workers;
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec part = { &copy, sizeof(copy) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	for (int tries = 0; tries < 2; tries++) {
		struct pollfd room = { .fd = g->children[worker].gate, .events = POLLOUT };

		if (sendmsg(room.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) ==
		    (ssize_t)sizeof(copy))
			return true;
		if (errno != EAGAIN || poll(&room, 1, BUSY_MS) != 1)
			return false;
	}
	return false;
}

static void admit(struct gate *g, int fd, struct hin_gate_hello *hello)
{
	const struct hin_decoy_limits *limits = &g->settings->limits;
	struct hin_caller *source;
	const int on = 1;

	if (hin_orders_block(&g->orders, &hello->client)) {
		refuse(g, fd, hello, HIN_VERDICT_BLOCKED);
		return;
	}
	source = hin_callers_see(g->sources, &hello->client, real_us());
	if (source == NULL || g->sessions >= limits->sessions ||
	    source->open >= limits->source_sessions) {
		refuse(g, fd, hello, HIN_VERDICT_DENIED);
		return;
	}
	hello->is_tarpit = limits->source_day != 0 && source->today > limits->source_day;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (!hand_over(g, fd, hello)) {
		refuse(g, fd, hello, HIN_VERDICT_DENIED);
		return;
	}
	source->open++;
	g->sessions++;
	close(fd);
}

static void address_of(const struct sockaddr_storage *from, struct hin_addr *address,
		       uint16_t *port)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (from->ss_family == AF_INET) {
		memcpy(&v4, from, sizeof(v4));
		*address = hin_addr_of_v4(ntohl(v4.sin_addr.s_addr));
		*port = ntohs(v4.sin_port);
	} else {
		memcpy(&v6, from, sizeof(v6));
		memcpy(address->b, &v6.sin6_addr, 16);
		*port = ntohs(v6.sin6_port);
	}
}

/* Which host is at the address that was called? The organisation has them in order. */
static bool find_host(const struct gate *g, struct hin_gate_hello *hello)
{
	const struct hin_organisation *organisation = g->settings->organisation;
	uint32_t from = 0, to = g->host_count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const struct hin_host *host = hin_organisation_host_at(organisation, middle);
		int order = hin_addr_compare(&host->address, &hello->server);

		hello->host = middle;
		if (order == 0)
			return true;
		if (order < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return false;
}

static void admit_found(struct gate *g, int fd, struct hin_gate_hello *hello)
{
	const struct hin_persona_port *port;

	if (!find_host(g, hello)) {
		hello->host = HIN_WIRE_NO_HOST;
		refuse(g, fd, hello, HIN_VERDICT_FILTERED);
		return;
	}
	port = hin_persona_service(
		hin_organisation_host_at(g->settings->organisation, hello->host)->persona,
		hello->server_port);
	if (port->answer == HIN_PORT_OPEN || port->answer == HIN_PORT_SERVED)
		admit(g, fd, hello);
	else
		refuse(g, fd, hello,
		       port->answer == HIN_PORT_SILENT ? HIN_VERDICT_FILTERED : HIN_VERDICT_CLOSED);
}

/* ---- proxies ---- */

static bool is_proxy(const struct gate *g, const struct hin_addr *address)
{
	const struct hin_gate_settings *s = g->settings;

	for (size_t i = 0; i < s->proxy_count; i++)
		if (hin_prefix_holds(&s->proxies[i], address))
			return true;
	return false;
}

static void wait_for_header(struct gate *g, int fd)
{
	for (uint32_t i = 0; i < PROXIES; i++) {
		if (g->waiting[i].fd != -1)
			continue;
		if (!watch(g, fd, OF_PROXY, i))
			break;
		g->waiting[i] = (struct waiting){ fd, now_ms() + PROXY_WAIT_MS };
		return;
	}
	close(fd);
}

static void drop_waiting(struct gate *g, uint32_t index, bool and_close)
{
	int fd = g->waiting[index].fd;

	(void)epoll_ctl(g->epoll, EPOLL_CTL_DEL, fd, NULL);
	if (and_close)
		close(fd);
	g->waiting[index].fd = -1;
}

/* Only the header is taken out of the socket: what follows is the worker's. */
static void on_proxy(struct gate *g, uint32_t index)
{
	struct hin_gate_hello hello = { .is_proxied = true };
	uint8_t data[HIN_PROXY_HEADER];
	struct hin_proxied proxied;
	int fd = g->waiting[index].fd;
	ssize_t got = recv(fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT);
	enum hin_code code = HIN_EFORMAT;
	size_t used = 0;

	if (got > 0)
		code = hin_proxied_read(&proxied, data, (size_t)got, &used);
	if (code == HIN_EAGAIN) /* it is small: what is still missing comes, or time runs out */
		return;
	drop_waiting(g, index, code != HIN_OK || proxied.is_local);
	if (code != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "decoy.proxy",
				hin_log_text("error", "a connection without a header of the PROXY "
						      "protocol, version 2, was closed"));
	if (code != HIN_OK || proxied.is_local)
		return;
	if (recv(fd, data, used, MSG_DONTWAIT) != (ssize_t)used) {
		close(fd);
		return;
	}
	hello.client = proxied.client;
	hello.server = proxied.server;
	hello.client_port = proxied.client_port;
	hello.server_port = proxied.server_port;
	admit_found(g, fd, &hello);
}

/* ---- listening ---- */

static void on_accepted(struct gate *g, const struct hin_gate_listener *l, int fd,
			const struct sockaddr_storage *from)
{
	struct hin_gate_hello hello = { 0 };
	struct sockaddr_storage here = { 0 };
	socklen_t size = sizeof(here);

	address_of(from, &hello.client, &hello.client_port);
	if (l->kind == HIN_GATE_PROXY) {
		if (is_proxy(g, &hello.client))
			wait_for_header(g, fd);
		else
			close(fd);
		return;
	}
	if (l->kind == HIN_GATE_HOST) {
		hello.host = l->host_index;
		hello.server = l->host->address;
		hello.server_port = l->port;
		admit(g, fd, &hello);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&here, &size) == -1) {
		close(fd);
		return;
	}
	address_of(&here, &hello.server, &hello.server_port);
	admit_found(g, fd, &hello);
}

static void on_listener(struct gate *g, uint32_t index)
{
	const struct hin_gate_listener *l = &g->settings->listeners.items[index];

	for (int i = 0; i < ACCEPTS; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t size = sizeof(from);
		int fd = accept4(l->fd, (struct sockaddr *)&from, &size,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd == -1 && (errno == EMFILE || errno == ENFILE))
			hin_log_limited(HIN_LOG_ERROR, "decoy.files",
					hin_log_text("error", "no more files may be opened"));
		if (fd == -1 && errno == ECONNABORTED)
			continue;
		if (fd == -1)
			return;
		on_accepted(g, l, fd, &from);
	}
}

/* ---- workers ---- */

static enum hin_code start_worker(struct gate *g, unsigned index, struct hin_error *err)
{
	struct hin_gate_settings *s = g->settings;
	struct child *child = &g->children[index];
	struct hin_gate_ends ends;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1)
		return hin_fail(err, HIN_ESYS, "open a pair of sockets");
	child->pid = fork();
	if (child->pid == -1) {
		close(pair[0]);
		close(pair[1]);
		return hin_fail(err, HIN_ESYS, "start a worker");
	}
	if (child->pid == 0) {
		ends = (struct hin_gate_ends){ pair[1], s->worker_scribes[index] };
		close(pair[0]);
		close(g->epoll);
		close(s->scribe);
		hin_gate_listeners_close(&s->listeners);
		for (unsigned i = 0; i < s->limits.workers; i++) {
			if (i != index)
				close(s->worker_scribes[i]);
			if (i != index && g->children[i].gate != -1)
				close(g->children[i].gate);
		}
		s->worker(s->user, index, &ends);
		_exit(EXIT_FAILURE);
	}
	close(pair[1]);
	child->gate = pair[0];
	child->started_ms = now_ms();
	if (!watch(g, child->gate, OF_WORKER, index))
		return hin_fail(err, HIN_ESYS, "watch a worker");
	return HIN_OK;
}

/* The scribe is to close what the dead one left open; it answers with a byte. */
static bool settle(struct gate *g, unsigned index)
{
	struct hin_wire_message message = { .type = HIN_WIRE_DIED,
					    .session = index,
					    .time_us = real_us() };

	hin_wire_write(&g->tell, &message);
	tell_flush(g);
	return !g->stop && hin_orders_wait(&g->orders, g->settings->scribe);
}

static enum hin_code replace(struct gate *g, unsigned index, struct hin_error *err)
{
	struct child *child = &g->children[index];
	bool early = now_ms() - child->started_ms < EARLY_MS;

	child->early = early ? child->early + 1 : 0;
	if (child->early >= EARLY_DEATHS)
		return hin_fail(err, HIN_ELIMIT, "a worker died %u times at its start",
				EARLY_DEATHS);
	(void)epoll_ctl(g->epoll, EPOLL_CTL_DEL, child->gate, NULL);
	close(child->gate);
	child->gate = -1;
	g->sessions -= hin_callers_forget_worker(g->sources, index, g->settings->limits.workers);
	if (!settle(g, index))
		return hin_fail(err, HIN_EOF, "the scribe has ended");
	return start_worker(g, index, err);
}

/* Children that have ended. */
static enum hin_code reap(struct gate *g, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	int status;
	pid_t pid;

	while (code == HIN_OK && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		unsigned index = 0;

		while (index < g->settings->limits.workers && g->children[index].pid != pid)
			index++;
		if (index == g->settings->limits.workers)
			return hin_fail(err, HIN_EOF, "the scribe has ended");
		hin_log(HIN_LOG_ERROR, "decoy.worker_died", hin_log_u64("worker", index),
			hin_log_i64("status",
				    WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)));
		code = replace(g, index, err);
	}
	return code;
}

/* Connections of the worker that have gone. */
static bool on_worker(struct gate *g, uint32_t index)
{
	struct hin_gate_gone gone;
	ssize_t got = 0;

	for (int i = 0; i < EVENTS; i++) {
		got = recv(g->children[index].gate, &gone, sizeof(gone), MSG_DONTWAIT);
		if (got != (ssize_t)sizeof(gone))
			break;
		if (hin_callers_gone(g->sources, &gone.client) && g->sessions > 0)
			g->sessions--;
	}
	return got != 0;
}

static bool on_scribe(struct gate *g)
{
	bool is_there = hin_orders_take(&g->orders, g->settings->scribe);

	for (unsigned i = 0; i < g->settings->limits.workers; i++)
		if ((g->orders.replace >> i & 1) != 0 && g->children[i].pid > 0)
			kill(g->children[i].pid, SIGKILL);
	g->orders.replace = 0;
	return is_there;
}

/* ---- the loop ---- */

static void expire_proxies(struct gate *g)
{
	int64_t now = now_ms();

	for (uint32_t i = 0; i < PROXIES; i++)
		if (g->waiting[i].fd != -1 && g->waiting[i].until_ms <= now)
			drop_waiting(g, i, true);
}

static enum hin_code on_event(struct gate *g, uint64_t about, struct hin_error *err)
{
	uint32_t index = (uint32_t)about;

	switch (about >> 32) {
	case OF_LISTENER:
		on_listener(g, index);
		return HIN_OK;
	case OF_WORKER:
		return on_worker(g, index) ? HIN_OK : reap(g, err);
	case OF_PROXY:
		if (g->waiting[index].fd != -1)
			on_proxy(g, index);
		return HIN_OK;
	case OF_SCRIBE:
		return on_scribe(g) ? HIN_OK : hin_fail(err, HIN_EOF, "the scribe has ended");
	default:
		g->stop = true;
		return HIN_OK;
	}
}

/* Once a second, as long as the gate goes round. */
static void feed_watchdog(struct gate *g)
{
	int64_t now = now_ms();

	if (g->settings->notify == NULL || now - g->fed_ms < 1000)
		return;
	g->fed_ms = now;
	hin_notify_send(g->settings->notify, "WATCHDOG=1");
}

static enum hin_code loop(struct gate *g, struct hin_error *err)
{
	struct epoll_event events[EVENTS];
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && !g->stop) {
		int ready = epoll_wait(g->epoll, events, EVENTS, 1000);

		for (int i = 0; i < ready && code == HIN_OK; i++)
			code = on_event(g, events[i].data.u64, err);
		tell_flush(g);
		expire_proxies(g);
		if (code == HIN_OK && !g->stop)
			code = reap(g, err);
		feed_watchdog(g);
	}
	return code;
}

/* The workers end when their pair does; who does not is ended. */
static void stop_workers(struct gate *g)
{
	int64_t until = now_ms() + STOP_MS;
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (unsigned i = 0; i < g->settings->limits.workers; i++)
		if (g->children[i].gate != -1)
			close(g->children[i].gate);
	for (unsigned i = 0; i < g->settings->limits.workers; i++) {
		struct child *child = &g->children[i];

		while (child->pid > 0 && waitpid(child->pid, NULL, WNOHANG) == 0) {
			if (now_ms() >= until)
				kill(child->pid, SIGKILL);
			nanosleep(&pause, NULL);
		}
	}
}

static enum hin_code open_gate(struct gate *g, struct hin_error *err)
{
	struct hin_gate_settings *s = g->settings;
	uint64_t seed;
	enum hin_code code = HIN_OK;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return hin_fail(err, HIN_ESYS, "getrandom");
	g->sources = hin_callers_new(seed);
	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (g->sources == NULL || g->epoll == -1)
		return hin_fail(err, HIN_ENOMEM, "no memory for the gate");
	while (hin_organisation_host_at(s->organisation, g->host_count) != NULL)
		g->host_count++;
	for (uint32_t i = 0; i < s->listeners.count; i++)
		if (!watch(g, s->listeners.items[i].fd, OF_LISTENER, i))
			return hin_fail(err, HIN_ESYS, "watch a socket");
	if (!watch(g, s->scribe, OF_SCRIBE, 0) || !watch(g, s->stop_fd, OF_STOP, 0))
		return hin_fail(err, HIN_ESYS, "watch a socket");
	for (unsigned i = 0; i < s->limits.workers && code == HIN_OK; i++)
		code = start_worker(g, i, err);
	return code;
}

enum hin_code hin_gate_run(struct hin_gate_settings *settings, struct hin_error *err)
{
	struct gate *g = calloc(1, sizeof(*g));
	enum hin_code code;

	if (g == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the gate");
	g->settings = settings;
	g->epoll = -1;
	for (uint32_t i = 0; i < PROXIES; i++)
		g->waiting[i].fd = -1;
	for (unsigned i = 0; i < HIN_GATE_WORKERS; i++)
		g->children[i].gate = -1;
	code = open_gate(g, err);
	if (code == HIN_OK && settings->notify != NULL)
		hin_notify_send(settings->notify, "READY=1");
	if (code == HIN_OK)
		code = loop(g, err);
	if (settings->notify != NULL)
		hin_notify_send(settings->notify, "STOPPING=1");
	hin_gate_listeners_close(&settings->listeners);
	stop_workers(g);
	for (uint32_t i = 0; i < PROXIES; i++)
		if (g->waiting[i].fd != -1)
			close(g->waiting[i].fd);
	if (g->epoll != -1)
		close(g->epoll);
	hin_callers_free(g->sources);
	hin_orders_fini(&g->orders);
	hin_buffer_fini(&g->tell);
	free(g);
	return code;
}
