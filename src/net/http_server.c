/* http_server - connections, their limits and their ends */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/number.h"
#include "base/time.h"
#include "net/http_server_priv.h"

#define TICK_NS (200 * HIN_NS_PER_MS) /* how often the watch looks */
#define STOP_NS HIN_NS_PER_S
#define LOOK_NS HIN_NS_PER_S /* of idleness, before we look whether the client has gone */
#define MARGIN 512	     /* connections that are closing */
#define RESERVE 256u	     /* files for all else */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3"

void hin_http_server_settings_default(struct hin_http_server_settings *settings)
{
	*settings = (struct hin_http_server_settings){
		.threads = 1,
		.connections = 4096,
		.per_address = 1024,
		.header_bytes = 8192,
		.body_memory = (uint64_t)64 << 20,
		.request_ns = 20 * HIN_NS_PER_S,
		.bytes_per_s = 8192,
		.idle_ns = 5 * HIN_NS_PER_MIN,
		.answer_ns = 30 * HIN_NS_PER_S,
	};
}

/* ---- lists of connections; all under the server's lock ---- */

static void list_append(struct connection_list *list, struct hin_http_connection *c)
{
	c->next = NULL;
	c->previous = list->last;
	*(list->last != NULL ? &list->last->next : &list->first) = c;
	list->last = c;
	list->count += !c->closing;
}

static void list_remove(struct connection_list *list, struct hin_http_connection *c)
{
	*(c->previous != NULL ? &c->previous->next : &list->first) = c->next;
	*(c->next != NULL ? &c->next->previous : &list->last) = c->previous;
	list->count -= !c->closing;
}

static struct connection_list *list_of(struct hin_http_connection *c)
{
	return c->known ? &c->server->known : &c->server->strangers;
}

static struct hin_http_connection **bucket_of(struct hin_http_server *s, const struct hin_addr *key)
{
	uint64_t a, b;

	memcpy(&a, key->b, 8);
	memcpy(&b, key->b + 8, 8);
	a = (a ^ s->seed) * 0x9e3779b97f4a7c15u;
	a = (a ^ b ^ (a >> 29)) * 0xbf58476d1ce4e5b9u;
	return &s->buckets[(a >> 40) & (HIN_HTTP_BUCKETS - 1)];
}

/* End a connection: its thread sees an end of input and does the rest. */
static void shut(struct hin_http_connection *c)
{
	if (c->closing)
		return;
	list_of(c)->count--;
	c->closing = true;
	(void)shutdown(c->fd, SHUT_RDWR);
}

/* Neither at work for somebody nor known: may be closed for a newcomer. */
static bool may_go(const struct hin_http_connection *c)
{
	return !c->closing && !c->known && c->state != HIN_HTTP_HANDLING &&
	       c->state != HIN_HTTP_STREAMING;
}

/* Keep one address within its limit; false when `c` itself must go. */
static bool fit_address(struct hin_http_server *s, struct hin_http_connection *c)
{
	struct hin_http_connection *oldest = NULL;
	size_t same = 0;

	for (struct hin_http_connection *o = c->same_next; o != NULL; o = o->same_next) {
		if (o->closing || !hin_addr_equal(&o->key, &c->key))
			continue;
		same++;
		if (may_go(o)) /* the bucket has the youngest first */
			oldest = o;
	}
	if (same < s->per_address || c->shared)
		return true;
	if (oldest == NULL) {
		s->counters.address_refused++;
		return false;
	}
	s->counters.evicted++;
	shut(oldest);
	return true;
}

/* Keep all of them within the limit; false when `c` itself must go. */
static bool fit_all(struct hin_http_server *s, struct hin_http_connection *c)
{
	if (s->strangers.count + s->known.count <= s->connections)
		return true;
	for (struct hin_http_connection *o = s->strangers.first; o != c; o = o->next) {
		if (!may_go(o))
			continue;
		s->counters.evicted++;
		shut(o);
		return true;
	}
	s->counters.refused++;
	return false;
}

struct hin_http_connection *hin_http_connection_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

void hin_http_connection_move(struct hin_http_connection *c, enum hin_http_state state,
			      int64_t time_ns)
{
	int64_t now_ns = hin_time_monotonic_ns();

	pthread_mutex_lock(&c->server->lock);
	c->state = state;
	c->deadline_ns = now_ns + time_ns;
	c->looked = false;
	pthread_mutex_unlock(&c->server->lock);
}

uint64_t hin_http_connection_bodies(struct hin_http_connection *c)
{
	uint64_t sum = 0;

	pthread_mutex_lock(&c->server->lock);
	for (const struct hin_http_connection *o = *bucket_of(c->server, &c->key); o != NULL;
	     o = o->same_next)
		if (hin_addr_equal(&o->key, &c->key))
			sum += atomic_load_explicit(&o->body_held, memory_order_relaxed);
	pthread_mutex_unlock(&c->server->lock);
	return sum;
}

void hin_http_connection_know(struct hin_http_connection *c, bool known)
{
	pthread_mutex_lock(&c->server->lock);
	if (c->known != known) {
		list_remove(list_of(c), c);
		c->known = known;
		list_append(list_of(c), c);
	}
	pthread_mutex_unlock(&c->server->lock);
}

/* ---- from libmicrohttpd ---- */

static struct hin_addr addr_of(const struct sockaddr *sa)
{
	struct hin_addr a = { 0 };
	const void *from = sa;

	if (sa != NULL && sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = from;

		a = hin_addr_of_v4(ntohl(in->sin_addr.s_addr));
	} else if (sa != NULL && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = from;

		memcpy(a.b, &in6->sin6_addr, 16);
	}
	return a;
}

static void connection_began(struct hin_http_server *s, struct MHD_Connection *mhd, void **context)
{
	struct hin_http_connection *c = calloc(1, sizeof(*c)), **bucket;
	const union MHD_ConnectionInfo *fd =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *from =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	int one = 1;

	*context = c;
	if (c == NULL) { /* the handshake and every request fail then */
		(void)shutdown(fd->connect_fd, SHUT_RDWR);
		return;
	}
	c->server = s;
	c->fd = fd->connect_fd;
	c->address = addr_of(from->client_addr);
	c->shared = s->settings.shared != NULL &&
		    s->settings.shared(s->settings.shared_user, &c->address);
	c->key = c->address;
	if (!hin_addr_is_v4(&c->key))
		memset(c->key.b + 8, 0, 8);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->started_ns = hin_time_monotonic_ns();
	c->deadline_ns = c->started_ns + s->settings.request_ns;
	bucket = bucket_of(s, &c->key);
	pthread_mutex_lock(&s->lock);
	s->counters.accepted++;
	list_append(&s->strangers, c);
	c->same_next = *bucket;
	if (*bucket != NULL)
		(*bucket)->same_previous = c;
	*bucket = c;
	if (!fit_address(s, c) || !fit_all(s, c))
		shut(c);
	pthread_mutex_unlock(&s->lock);
}

static void connection_ended(struct hin_http_server *s, struct hin_http_connection *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->counters.no_request += !c->requested;
	list_remove(list_of(c), c);
	*(c->same_previous != NULL ? &c->same_previous->same_next : bucket_of(s, &c->key)) =
		c->same_next;
	if (c->same_next != NULL)
		c->same_next->same_previous = c->same_previous;
	pthread_mutex_unlock(&s->lock);
	free(c->peer);
	free(c);
}

/* Its end is told before the descriptor is closed, so that `fd` is never a stranger's. */
static void connection_changed(void *user, struct MHD_Connection *mhd, void **context,
			       enum MHD_ConnectionNotificationCode what)
{
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		connection_began(user, mhd, context);
	} else {
		connection_ended(user, *context);
		*context = NULL;
	}
}

/* ---- the watch ---- */

/*
 * libmicrohttpd, which is told of edges only, misses an end that came together with a request. So
 * look once, a while after the answer.
 */
static bool has_gone(struct hin_http_connection *c, int64_t now_ns)
{
	struct pollfd poll_fd = { .fd = c->fd, .events = POLLRDHUP };

	if (c->state != HIN_HTTP_IDLE || c->looked ||
	    now_ns < c->deadline_ns - c->server->settings.idle_ns + LOOK_NS)
		return false;
	c->looked = true;
	return poll(&poll_fd, 1, 0) == 1;
}

/* Close what is too slow; a request whose handler is, is noted in `late`, at most `size` of them.
 */
static size_t look(struct hin_http_server *s, struct connection_list *list, int64_t now_ns,
		   struct request *late[], size_t size)
{
	size_t count = 0;

	for (struct hin_http_connection *c = list->first; c != NULL; c = c->next) {
		if (!c->closing && has_gone(c, now_ns))
			shut(c);
		if (!c->closing && c->state == HIN_HTTP_STREAMING && c->stream != NULL) {
			bool slow = false;

			if (hin_http_stream_look(c->stream, c->fd, now_ns, s->settings.request_ns,
						 &slow)) {
				s->counters.streams_slow += slow;
				shut(c);
			}
			continue;
		}
		if (c->closing || now_ns < c->deadline_ns)
			continue;
		switch (c->state) {
		case HIN_HTTP_OPENING:
			s->counters.handshake_timeout++;
			break;
		case HIN_HTTP_RECEIVING:
		case HIN_HTTP_ANSWERING:
			s->counters.request_timeout++;
			break;
		case HIN_HTTP_STREAMING:
			continue;
		case HIN_HTTP_IDLE:
			s->counters.idle_closed++;
			break;
		case HIN_HTTP_HANDLING:
			if (count < size && c->request != NULL)
				late[count++] = hin_http_request_ref(c->request);
			continue;
		}
		shut(c);
	}
	return count;
}

static void abandon(struct hin_http_server *s, struct request *late[], size_t count,
		    const char *text)
{
	for (size_t i = 0; i < count; i++) {
		if (hin_http_request_abandon(late[i], text))
			HIN_HTTP_COUNT(s, answer_timeout, 1);
		hin_http_request_unref(late[i]);
	}
}

static void *watch(void *user)
{
	struct hin_http_server *s = user;
	struct request *late[64];

	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		int64_t now_ns = hin_time_monotonic_ns();
		struct timespec until = { .tv_sec = (now_ns + TICK_NS) / HIN_NS_PER_S,
					  .tv_nsec = (now_ns + TICK_NS) % HIN_NS_PER_S };
		size_t count = look(s, &s->strangers, now_ns, late, HIN_COUNT(late));

		count += look(s, &s->known, now_ns, late + count, HIN_COUNT(late) - count);
		hin_http_identity_sweep(s);
		if (count > 0) {
			pthread_mutex_unlock(&s->lock);
			abandon(s, late, count, "the server took too long: try again\n");
			pthread_mutex_lock(&s->lock);
		}
		if (!s->stopping)
			pthread_cond_timedwait(&s->wake, &s->lock, &until);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- open and close ---- */

/* Split "host:port" and "[host]:port"; false when it is neither. */
static bool split_address(const char *text, char host[64], char port[8])
{
	const char *colon = strrchr(text, ':');
	uint64_t number;
	size_t size;

	if (colon == NULL || strlen(colon + 1) >= 8 ||
	    hin_number_u64(&number, "port", colon + 1, 0, UINT16_MAX, NULL) != HIN_OK)
		return false;
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	size = (size_t)(colon - text);
	if (text[0] == '[') {
		if (size < 2 || text[size - 1] != ']')
			return false;
		text++;
		size -= 2;
	} else if (memchr(text, ':', size) != NULL) {
		return false;
	}
	if (size >= 64)
		return false;
	memcpy(host, text, size);
	host[size] = '\0';
	return true;
}

/* The address to listen on, ended by freeaddrinfo(); NULL when the text is none. */
static struct addrinfo *resolve(const char *listen)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char host[64], port[8];

	if (listen == NULL || !split_address(listen, host, port) ||
	    getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found) != 0)
		return NULL;
	return found;
}

static bool is_loopback(const struct sockaddr *sa)
{
	struct hin_addr a = addr_of(sa);
	static const struct hin_addr one = { { [15] = 1 } };

	return hin_addr_is_v4(&a) ? hin_addr_v4(&a) >> 24 == 127 : hin_addr_equal(&a, &one);
}

static enum hin_code bind_to(struct hin_http_server *s, struct hin_error *err)
{
	const char *name = s->settings.listen;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} bound = { 0 };
	socklen_t bound_size = sizeof(bound);
	struct addrinfo *at = resolve(name);
	enum hin_code code = HIN_OK;
	int one = 1;

	if (at == NULL)
		return hin_fail(err, HIN_EFORMAT,
				"\"%s\" is no address to listen on, as 192.0.2.1:8443 or "
				"[2001:db8::1]:8443",
				name != NULL ? name : "");
	if (s->settings.plain && !is_loopback(at->ai_addr)) {
		code = hin_fail(err, HIN_EDENIED,
				"%s: without TLS only a loopback address may be listened on", name);
		goto out;
	}
	s->listen_fd =
		socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
	if (s->listen_fd == -1 ||
	    setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    bind(s->listen_fd, at->ai_addr, at->ai_addrlen) != 0 ||
	    listen(s->listen_fd, 1024) != 0 ||
	    getsockname(s->listen_fd, &bound.any, &bound_size) != 0) {
		code = hin_fail(err, HIN_ESYS, "cannot listen on %s", name);
		goto out;
	}
	s->port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
out:
	freeaddrinfo(at);
	return code;
}

/* Open as many files as the connections need, or serve fewer: how many. */
static unsigned fit_files(unsigned connections)
{
	rlim_t want = (rlim_t)connections + MARGIN + RESERVE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
		return connections;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= want)
		return connections;
	want = limit.rlim_cur > 2ul * (MARGIN + RESERVE) ? limit.rlim_cur - MARGIN - RESERVE
							 : limit.rlim_cur / 2;
	hin_log(HIN_LOG_WARNING, "http.connections_limited", hin_log_u64("wanted", connections),
		hin_log_u64("served", want),
		hin_log_text("reason", "limit of open files; see LimitNOFILE"));
	return (unsigned)want;
}

static enum hin_code start(struct hin_http_server *s, struct hin_error *err)
{
	const struct hin_http_server_settings *set = &s->settings;
	unsigned threads = set->threads > 0 ? set->threads : 1;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem options[16];
	size_t n = 0;

	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_LISTEN_SOCKET, s->listen_fd, NULL };
	/* never reached: `connections` is, which may be tuned */
	options[n++] =
		(struct MHD_OptionItem){ MHD_OPTION_CONNECTION_LIMIT,
					 ((intptr_t)HIN_HTTP_MOST + MARGIN) * threads, NULL };
	/* libmicrohttpd reads headers and pieces of bodies into this */
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_CONNECTION_MEMORY_LIMIT,
						(intptr_t)(2 * set->header_bytes + 8192), NULL };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_CONNECTION,
						(intptr_t)connection_changed, s };
	options[n++] = (struct MHD_OptionItem){ MHD_OPTION_NOTIFY_COMPLETED,
						(intptr_t)hin_http_request_done, s };
	if (threads > 1)
		options[n++] =
			(struct MHD_OptionItem){ MHD_OPTION_THREAD_POOL_SIZE, threads, NULL };
	if (!set->plain) {
		flags |= MHD_USE_TLS;
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
							(void *)(uintptr_t)PRIORITIES };
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0,
							(void *)(uintptr_t)hin_http_identity_give };
	}
	if (!set->plain && set->client_ca_pem != NULL)
		options[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0,
							(void *)(uintptr_t)set->client_ca_pem };
	options[n] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, hin_http_request_handle, s,
				     MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (s->daemon == NULL)
		return hin_fail(err, HIN_EUNSUPPORTED, "the server for %s does not start",
				set->listen);
	return HIN_OK;
}

static enum hin_code start_watch(struct hin_http_server *s, struct hin_error *err)
{
	errno = pthread_create(&s->watch, NULL, watch, s);
	if (errno != 0)
		return hin_fail(err, HIN_ESYS, "cannot start a thread");
	s->watching = true;
	return HIN_OK;
}

static struct hin_http_server *server_new(void)
{
	struct hin_http_server *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	s->listen_fd = -1;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

static enum hin_code take_settings(struct hin_http_server *s,
				   const struct hin_http_server_settings *settings,
				   struct hin_error *err)
{
	s->settings = *settings;
	s->routes = calloc(settings->route_count + 1, sizeof(*s->routes));
	if (s->routes == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a server's routes");
	if (settings->route_count > 0)
		memcpy(s->routes, settings->routes, settings->route_count * sizeof(*s->routes));
	if (getrandom(&s->seed, sizeof(s->seed), 0) != (ssize_t)sizeof(s->seed))
		return hin_fail(err, HIN_ESYS, "no random numbers");
	return HIN_OK;
}

enum hin_code hin_http_server_open(struct hin_http_server **out,
				   const struct hin_http_server_settings *settings,
				   struct hin_error *err)
{
	struct hin_http_server *s = server_new();
	enum hin_code code;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a server");
	code = take_settings(s, settings, err);
	if (code == HIN_OK && !settings->plain)
		code = hin_http_server_reload(s, settings->certificate_pem, settings->key_pem, err);
	if (code == HIN_OK && !settings->plain && settings->client_ca_pem != NULL)
		code = hin_http_authority_check(settings->client_ca_pem, err);
	if (code == HIN_OK)
		code = bind_to(s, err);
	if (code == HIN_OK) {
		hin_http_server_tune(s, settings);
		code = start(s, err);
	}
	if (code == HIN_OK)
		code = start_watch(s, err);
	if (code == HIN_OK) {
		*out = s;
		s = NULL;
	}
	hin_http_server_close(s);
	return code;
}

enum hin_code hin_http_server_reload(struct hin_http_server *s, const char *certificate_pem,
				     const char *key_pem, struct hin_error *err)
{
	struct hin_http_identity *fresh = NULL;
	enum hin_code code;

	if (certificate_pem == NULL || key_pem == NULL)
		return hin_fail(err, HIN_EFORMAT, "the server has no certificate or no key");
	code = hin_http_identity_new(&fresh, certificate_pem, key_pem, err);
	if (code != HIN_OK)
		return code;
	pthread_mutex_lock(&s->lock);
	fresh->older = s->identity;
	if (s->identity != NULL)
		s->identity->retired_ns = hin_time_monotonic_ns();
	s->identity = fresh;
	pthread_mutex_unlock(&s->lock);
	return HIN_OK;
}

void hin_http_server_tune(struct hin_http_server *s,
			  const struct hin_http_server_settings *settings)
{
	unsigned connections =
		settings->connections < HIN_HTTP_MOST ? settings->connections : HIN_HTTP_MOST;

	connections = fit_files(connections);
	pthread_mutex_lock(&s->lock);
	s->connections = connections;
	s->per_address = settings->per_address;
	pthread_mutex_unlock(&s->lock);
	s->body_memory = settings->body_memory;
	s->body_per_address = settings->body_per_address;
	s->answer_ns = settings->answer_ns;
}

/* Answer what is still kept, in batches, until nothing is. */
static void abandon_all(struct hin_http_server *s, int64_t until_ns)
{
	struct request *late[64];

	for (;;) {
		struct connection_list *lists[] = { &s->strangers, &s->known };
		int64_t now_ns = hin_time_monotonic_ns();
		size_t count = 0, kept = 0;

		pthread_mutex_lock(&s->lock);
		for (size_t i = 0; i < HIN_COUNT(lists); i++)
			for (struct hin_http_connection *c = lists[i]->first; c != NULL;
			     c = c->next) {
				if (c->state == HIN_HTTP_STREAMING && c->stream != NULL) {
					hin_http_stream_kill(c->stream);
					shut(c);
					kept++;
				}
				if (c->state != HIN_HTTP_HANDLING || c->request == NULL)
					continue;
				kept++;
				if (now_ns >= until_ns && count < HIN_COUNT(late))
					late[count++] = hin_http_request_ref(c->request);
			}
		pthread_mutex_unlock(&s->lock);
		if (kept == 0)
			return;
		abandon(s, late, count, "the server stops: try again\n");
		(void)nanosleep(&(struct timespec){ .tv_nsec = 2 * HIN_NS_PER_MS }, NULL);
	}
}

void hin_http_server_close(struct hin_http_server *s)
{
	if (s == NULL)
		return;
	if (s->watching) {
		pthread_mutex_lock(&s->lock);
		s->stopping = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->watch, NULL);
	}
	if (s->daemon != NULL) {
		(void)MHD_quiesce_daemon(s->daemon);
		abandon_all(s, hin_time_monotonic_ns() + STOP_NS);
		MHD_stop_daemon(s->daemon);
	}
	if (s->listen_fd != -1)
		close(s->listen_fd);
	while (s->identity != NULL) {
		struct hin_http_identity *older = s->identity->older;

		hin_http_identity_free(s->identity);
		s->identity = older;
	}
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->routes);
	free(s);
}

uint16_t hin_http_server_port(const struct hin_http_server *s)
{
	return s->port;
}

void hin_http_server_count(struct hin_http_server *s, struct hin_http_counters *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->counters;
	out->open = s->strangers.count + s->known.count;
	pthread_mutex_unlock(&s->lock);
}
