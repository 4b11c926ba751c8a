/* worker - see worker.h */
#include "decoy/worker.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "decoy/heap_priv.h"
#include "decoy/intruder.h"
#include "decoy/service.h"
#include "decoy/wire.h"
#include "observe/registry.h"

#define EVENTS 256
#define READ_SIZE ((size_t)32 * 1024)
#define OUT_MAX ((size_t)8 << 20) /* what waits for one client; then it is cut off */
#define TURNS 8		/* of a service that wants on at once, before others have theirs */
#define TARPIT_BYTES 8u /* heard of one that is held up, each */
#define TARPIT_US 1000000
#define TRIM_SESSIONS 256u /* after so many ends, memory is given back */

struct worker;

struct connection {
	struct worker *worker;
	struct hin_session *session;
	const struct hin_service_type *type;
	void *service;
	struct hin_buffer out; /* what waits, from `out_at` on */
	size_t out_at;
	uint64_t from_client, to_client;
	int64_t start_us, listen_us; /* listen_us: when a tarpit hears again */
	struct hin_heap_item wake;
	int fd;
	uint32_t slot; /* its number for the scribe, less one */
	uint32_t watched;
	bool ended, closing, is_tarpit;
	uint8_t why;
	struct connection *next, *before;
};

struct worker {
	const struct hin_worker_settings *settings;
	struct hin_intruders *intruders;
	struct hin_heap wakes;
	struct connection *connections;
	uint32_t count, ends;
	uint32_t *free_slots; /* a stack */
	uint32_t free_count, slot_count;
	struct hin_buffer tell; /* for the scribe */
	int epoll;
	bool stop;
	uint8_t read[READ_SIZE];
};

/* ---- to the scribe ---- */

static void tell_flush(struct worker *w)
{
	size_t at = 0;

	while (at < w->tell.used) {
		ssize_t sent = send(w->settings->ends.scribe, w->tell.data + at, w->tell.used - at,
				    MSG_NOSIGNAL);

		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			_exit(EXIT_FAILURE); /* nobody writes any more: no session goes on unseen */
		at += (size_t)sent;
	}
	hin_buffer_reset(&w->tell);
	if (w->tell.size > ((size_t)1 << 20))
		hin_buffer_fini(&w->tell);
}

static void tell(struct connection *c, struct hin_wire_message *message)
{
	struct worker *w = c->worker;

	message->session = c->slot + UINT64_C(1);
	hin_wire_write(&w->tell, message);
	if (w->tell.failed)
		_exit(EXIT_FAILURE);
	if (w->tell.used > ((size_t)256 << 10))
		tell_flush(w);
}

/* ---- what a session asks for ---- */

static int64_t now_us(void *user)
{
	struct timespec now;

	(void)user;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void hang_up(void *user, enum hin_close why)
{
	struct connection *c = user;

	if (!c->closing)
		c->why = (uint8_t)why;
	c->closing = true;
}

static void send_later(void *user, const void *data, size_t size)
{
	struct connection *c = user;

	if (c->closing)
		return;
	hin_buffer_add(&c->out, data, size);
	if (c->out.failed || c->out.used - c->out_at > OUT_MAX)
		hang_up(c, HIN_CLOSE_LIMIT);
}

static size_t unsent(void *user)
{
	const struct connection *c = user;

	return c->out.used - c->out_at;
}

static void record(void *user, uint32_t channel, enum hin_direction direction, const void *data,
		   size_t size)
{
	struct connection *c = user;

	tell(c, &(struct hin_wire_message){ .type = HIN_WIRE_BYTES,
					    .time_us = now_us(NULL),
					    .channel = channel,
					    .direction = direction,
					    .data = data,
					    .size = size });
}

static void on_event(void *user, const struct hin_event *event)
{
	struct connection *c = user;

	tell(c, &(struct hin_wire_message){
			.type = HIN_WIRE_EVENT, .time_us = event->time_us, .event = *event });
}

static void keep(void *user, const char *path, const void *data, size_t size,
		 const uint8_t sha256[32])
{
	struct connection *c = user;

	tell(c, &(struct hin_wire_message){ .type = HIN_WIRE_KEEP,
					    .time_us = now_us(NULL),
					    .path = path,
					    .path_size = strlen(path),
					    .sha256 = sha256,
					    .data = data,
					    .size = size });
}

static const struct hin_session_calls calls = {
	.send = send_later,
	.unsent = unsent,
	.hang_up = hang_up,
	.record = record,
	.event = on_event,
	.keep = keep,
	.now_us = now_us,
};

/* ---- the life of a connection ---- */

static const struct hin_service_type *type_of(const struct hin_persona_port *port)
{
	static const struct hin_service_type *const types[] = { &hin_service_ssh,
								&hin_service_telnet };

	for (size_t i = 0; i < HIN_COUNT(types); i++)
		if (port->answer == HIN_PORT_SERVED && types[i]->service == port->service)
			return types[i];
	return &hin_service_raw;
}

static void trim(struct worker *w)
{
	if (++w->ends < TRIM_SESSIONS && w->count > 0)
		return;
	w->ends = 0;
	malloc_trim(0);
}

static void destroy(struct connection *c, enum hin_close why)
{
	struct worker *w = c->worker;
	struct hin_gate_gone gone = { .client = hin_session_about(c->session)->client };

	if (c->service != NULL)
		c->type->close(c->service);
	hin_session_free(c->session);
	tell(c, &(struct hin_wire_message){ .type = HIN_WIRE_END,
					    .time_us = now_us(NULL),
					    .why = c->closing ? c->why : why,
					    .from_client = c->from_client,
					    .to_client = c->to_client });
	(void)send(w->settings->ends.gate, &gone, sizeof(gone), MSG_NOSIGNAL);
	hin_heap_remove(&w->wakes, &c->wake);
	/* closing is not enough: while the gate has it open, too, it would still be watched */
	(void)epoll_ctl(w->epoll, EPOLL_CTL_DEL, c->fd, NULL);
	close(c->fd);
	hin_buffer_fini(&c->out);
	*(c->before != NULL ? &c->before->next : &w->connections) = c->next;
	if (c->next != NULL)
		c->next->before = c->before;
	w->free_slots[w->free_count++] = c->slot;
	w->count--;
	free(c);
	trim(w);
}

/* Send what can be sent. False when the client is gone. Nobody sees what the scribe does not know.
 */
static bool flush(struct connection *c)
{
	if (c->out_at < c->out.used)
		tell_flush(c->worker);
	while (c->out_at < c->out.used) {
		ssize_t sent = send(c->fd, c->out.data + c->out_at, c->out.used - c->out_at,
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (sent == -1)
			return false;
		c->out_at += (size_t)sent;
		c->to_client += (uint64_t)sent;
	}
	hin_buffer_fini(&c->out); /* an idle session holds nothing */
	c->out = (struct hin_buffer){ 0 };
	c->out_at = 0;
	return true;
}

/* Wait for what can be done now: hear more, unless there is too much unsent; and send. */
static void watch(struct connection *c, int64_t now)
{
	struct epoll_event event = { .data.ptr = c };
	bool hears = !c->ended && !c->closing && unsent(c) <= HIN_SESSION_UNSENT &&
		     (!c->is_tarpit || now >= c->listen_us);

	event.events = (hears ? (uint32_t)EPOLLIN : 0) | (unsent(c) > 0 ? (uint32_t)EPOLLOUT : 0);
	if (event.events == c->watched)
		return;
	c->watched = event.events;
	(void)epoll_ctl(c->worker->epoll, EPOLL_CTL_MOD, c->fd, &event);
}

/* Let the service do what is due, send, and find out what to wait for. It may be gone after. */
static void turn(struct connection *c)
{
	const struct hin_decoy_limits *limits = &c->worker->settings->limits;
	int64_t now = now_us(NULL), last = c->start_us + limits->session_ns / 1000;
	int64_t wake = HIN_SERVICE_NEVER;

	for (int i = 0; i < TURNS && !c->closing; i++) {
		wake = c->type->run(c->service, now);
		now = now_us(NULL);
		if (wake > now)
			break;
	}
	if (now >= last || c->from_client > limits->session_bytes ||
	    c->to_client > limits->session_bytes)
		hang_up(c, now >= last ? HIN_CLOSE_TIMEOUT : HIN_CLOSE_LIMIT);
	if (!flush(c)) {
		destroy(c, HIN_CLOSE_CLIENT);
		return;
	}
	if (c->closing && unsent(c) == 0) {
		destroy(c, c->why);
		return;
	}
	if (c->is_tarpit && c->listen_us > now && c->listen_us < wake)
		wake = c->listen_us;
	hin_heap_move(&c->worker->wakes, &c->wake, wake < last ? wake : last);
	watch(c, now);
}

/* Hear what came. False when the connection is gone. */
static bool hear(struct connection *c)
{
	struct worker *w = c->worker;
	ssize_t got = recv(c->fd, w->read, c->is_tarpit ? TARPIT_BYTES : READ_SIZE, MSG_DONTWAIT);

	if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return true;
	if (got == -1) {
		destroy(c, HIN_CLOSE_CLIENT);
		return false;
	}
	if (c->is_tarpit)
		c->listen_us = now_us(NULL) + TARPIT_US;
	if (got == 0) {
		c->ended = true;
		c->type->end(c->service);
		return true;
	}
	c->from_client += (uint64_t)got;
	c->type->receive(c->service, w->read, (size_t)got);
	return true;
}

static void on_ready(struct connection *c, uint32_t events)
{
	if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
		destroy(c, HIN_CLOSE_CLIENT);
		return;
	}
	if ((events & EPOLLIN) != 0 && !c->ended && !c->closing && !hear(c))
		return;
	turn(c);
}

/* ---- new ones ---- */

static bool take_slot(struct worker *w, uint32_t *slot)
{
	if (w->free_count > 0) {
		*slot = w->free_slots[--w->free_count];
		return true;
	}
	if (w->slot_count >= w->settings->limits.sessions)
		return false;
	*slot = w->slot_count++;
	return true;
}

static struct connection *connection_new(struct worker *w, int fd,
					 const struct hin_gate_hello *hello, uint32_t slot)
{
	const struct hin_host *host =
		hin_organisation_host_at(w->settings->organisation, hello->host);
	const struct hin_persona_port *port =
		hin_persona_service(host->persona, hello->server_port);
	struct connection *c = calloc(1, sizeof(*c));
	struct hin_session_settings about = { .host = host,
					      .intruders = w->intruders,
					      .client = hello->client,
					      .server = hello->server,
					      .client_port = hello->client_port,
					      .server_port = hello->server_port,
					      .service = port->service,
					      .calls = &calls,
					      .user = c };
	struct hin_wire_message begin = { .type = HIN_WIRE_BEGIN, .time_us = now_us(NULL) };

	if (c == NULL)
		return NULL;
	c->worker = w;
	c->fd = fd;
	c->slot = slot;
	c->is_tarpit = hello->is_tarpit;
	c->start_us = begin.time_us;
	begin.about = (struct hin_wire_about){ .client = hello->client,
					       .server = hello->server,
					       .client_port = hello->client_port,
					       .server_port = hello->server_port,
					       .service = port->service,
					       .verdict = HIN_VERDICT_SUCCESS,
					       .is_proxied = hello->is_proxied,
					       .is_tarpit = hello->is_tarpit,
					       .host = hello->host };
	tell(c, &begin);
	c->session = hin_session_new(&about);
	c->type = type_of(port);
	if (c->session != NULL)
		c->service = c->type->open(c->session);
	return c;
}

static void start(struct worker *w, int fd, const struct hin_gate_hello *hello)
{
	struct hin_gate_gone gone = { .client = hello->client };
	struct epoll_event event = { 0 };
	struct connection *c = NULL;
	uint32_t slot;

	if (take_slot(w, &slot))
		c = connection_new(w, fd, hello, slot);
	if (c == NULL || c->session == NULL) {
		if (c != NULL) {
			tell(c, &(struct hin_wire_message){ .type = HIN_WIRE_END,
							    .time_us = now_us(NULL),
							    .why = HIN_CLOSE_LIMIT });
			w->free_slots[w->free_count++] = slot;
			free(c);
		}
		close(fd);
		(void)send(w->settings->ends.gate, &gone, sizeof(gone), MSG_NOSIGNAL);
		return;
	}
	c->next = w->connections;
	if (c->next != NULL)
		c->next->before = c;
	w->connections = c;
	w->count++;
	event.data.ptr = c;
	event.events = c->watched = EPOLLIN;
	if (c->service == NULL || !hin_heap_add(&w->wakes, &c->wake, c->start_us) ||
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event) == -1) {
		destroy(c, HIN_CLOSE_LIMIT);
		return;
	}
	turn(c);
}

/* A connection from the gate, or its end. */
static void on_gate(struct worker *w)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct hin_gate_hello hello;
	struct iovec part = { &hello, sizeof(hello) };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	ssize_t got;
	struct cmsghdr *c;
	int fd;

	got = recvmsg(w->settings->ends.gate, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (got != (ssize_t)sizeof(hello) || c == NULL || c->cmsg_type != SCM_RIGHTS) {
		w->stop = got <= 0;
		return;
	}
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	start(w, fd, &hello);
}

/* ---- the loop ---- */

static int wait_ms(const struct worker *w)
{
	int64_t wait = hin_heap_first(&w->wakes) == NULL
			       ? 60000
			       : (hin_heap_first(&w->wakes)->at - now_us(NULL) + 999) / 1000;

	return wait < 0 ? 0 : wait > 60000 ? 60000 : (int)wait;
}

static void wake(struct worker *w)
{
	struct hin_heap_item *first;
	int64_t now = now_us(NULL);

	/* each once: one that wants on at once waits for the others */
	for (uint32_t i = 0; i < EVENTS; i++) {
		first = hin_heap_first(&w->wakes);
		if (first == NULL || first->at > now)
			return;
		turn((struct connection *)((char *)first - offsetof(struct connection, wake)));
	}
}

static void loop(struct worker *w)
{
	struct epoll_event events[EVENTS];

	while (!w->stop) {
		int ready;

		tell_flush(w);
		ready = epoll_wait(w->epoll, events, EVENTS, wait_ms(w));
		for (int i = 0; i < ready; i++) {
			if (events[i].data.ptr == w)
				on_gate(w);
			else
				on_ready(events[i].data.ptr, events[i].events);
		}
		wake(w);
	}
	while (w->connections != NULL)
		destroy(w->connections, HIN_CLOSE_STOP);
	tell_flush(w);
}

static bool open_worker(struct worker *w)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = w };
	struct hin_intruder_limits limits = hin_intruder_limits_default;
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
		return false;
	w->intruders = hin_intruders_new(&limits, seed);
	w->free_slots = calloc(w->settings->limits.sessions, sizeof(*w->free_slots));
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	return w->intruders != NULL && w->free_slots != NULL && w->epoll != -1 &&
	       epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->settings->ends.gate, &event) == 0;
}

int hin_worker_run(const struct hin_worker_settings *settings)
{
	struct worker *w = calloc(1, sizeof(*w));
	bool opened;

	if (w == NULL)
		return EXIT_FAILURE;
	w->settings = settings;
	w->epoll = -1;
	signal(SIGPIPE, SIG_IGN);
	opened = open_worker(w);
	if (opened)
		loop(w);
	else
		hin_log(HIN_LOG_ERROR, "decoy.worker",
			hin_log_text("error", "a worker cannot start: no memory"));
	if (w->epoll != -1)
		close(w->epoll);
	hin_intruders_free(w->intruders);
	hin_heap_fini(&w->wakes);
	hin_buffer_fini(&w->tell);
	free(w->free_slots);
	free(w);
	return opened ? EXIT_SUCCESS : EXIT_FAILURE;
}
