/*
 * http_server - HTTPS for hubs and sensors: TLS 1.3, client certificates, bounded in everything.
 *
 * A server is a table of routes and a struct of limits. Each request is matched, its client
 * certificate is checked (chain, time, purpose, and the caller's word on revocation) and its body
 * collected up to the route's limit; then the handler is called. The handler answers at once, or
 * keeps the request and answers later from any thread: the connection sleeps meanwhile.
 *
 * Nobody holds a place for long. Connections over a limit push out the oldest one that has not
 * shown a good certificate, so that floods of idle connections do not keep honest ones out; what
 * is slow beyond its time is closed. Each limit has a counter.
 *
 * Ownership: the caller owns a server and ends it with hin_http_server_close(). The settings and
 *            what they point to may go once the server is open, but for the `user` pointers.
 * Threads:   handlers run in the server's threads; hin_http_answer() and the functions of the
 *            server may be called from any thread.
 */
#pragma once
#include "base/addr.h"
#include "base/buffer.h"

#define HIN_HTTP_NAME 128	/* longest text of a certificate's name, with its NUL */
#define HIN_HTTP_ALLOW 128	/* longest value of Allow, with its NUL */
#define HIN_HTTP_METHOD 16	/* longest method, with its NUL */
#define HIN_HTTP_PATH 1024	/* longest path, with its NUL */
#define HIN_HTTP_MOST 65536	/* connections at once, whatever the settings */
#define HIN_HTTP_PUBLIC_KEY 640 /* bytes; RSA of 4096 bits fits */

struct hin_http_server;

/* The certificate of a client, checked. */
struct hin_http_peer {
	bool present;		  /* all else counts only then */
	uint8_t sha256[32];	  /* of the certificate */
	uint8_t serial[20];	  /* without leading zeros */
	size_t serial_size;	  /* bytes used */
	char name[HIN_HTTP_NAME]; /* common name of the subject, "" when it has none */
	char uri[HIN_HTTP_NAME];  /* the first URI of its alternative names, or "" */
	uint8_t public_key[HIN_HTTP_PUBLIC_KEY]; /* SubjectPublicKeyInfo, DER */
	size_t public_key_size;
	int64_t not_before_s, not_after_s; /* since 1970 UTC */
};

/*
 * A request as its handler sees it; read only. It lives until hin_http_answer(), which must be
 * called exactly once for each.
 */
struct hin_http_request {
	char method[HIN_HTTP_METHOD];
	char path[HIN_HTTP_PATH]; /* decoded, without the query */
	struct hin_addr address;  /* of the client */
	struct hin_http_peer peer;
	struct hin_buffer body; /* hin_http_take_body() hands it over */
};

/* Called in a thread of the server, with the route's `user`. It must not block for long. */
typedef void (*hin_http_handler_fn)(void *user, struct hin_http_request *request);

/* Is the certificate revoked? Called for each request with one; in a thread of the server. */
typedef bool (*hin_http_revoked_fn)(void *user, const struct hin_http_peer *peer);

/* Do many speak through this address, as through a proxy? It has no limits of an address then. */
typedef bool (*hin_http_shared_fn)(void *user, const struct hin_addr *address);

enum hin_http_certificate {
	HIN_HTTP_NO_CERTIFICATE,     /* not looked at */
	HIN_HTTP_CERTIFICATE_WANTED, /* checked when there is one; a bad one is refused */
	HIN_HTTP_CERTIFICATE_REQUIRED,
};

struct hin_http_route {
	const char *method; /* "GET" (serves HEAD too), "POST", ...; NULL = any */
	const char *path;   /* the whole path; with a * as its last character, all that begin so */
	enum hin_http_certificate certificate;
	size_t body_limit; /* bytes; 0 = a request with a body is refused */
	hin_http_handler_fn handler;
	void *user;
};

struct hin_http_server_settings {
	const char *listen;	     /* "192.0.2.1:8443", "[::]:8443"; port 0 = any that is free */
	bool plain;		     /* no TLS; refused unless `listen` is a loopback address */
	const char *certificate_pem; /* the server's, then its authorities' */
	const char *key_pem;	     /* not encrypted */
	const char *client_ca_pem;   /* who signs clients; NULL = no certificate is asked for */
	hin_http_revoked_fn revoked; /* NULL = none is */
	void *revoked_user;
	const struct hin_http_route *routes; /* the first that fits counts */
	size_t route_count;
	unsigned threads;	   /* that serve */
	unsigned connections;	   /* at once */
	unsigned per_address;	   /* of them from one IPv4 address or one IPv6 /64 */
	size_t header_bytes;	   /* request line and headers */
	uint64_t body_memory;	   /* bytes of all bodies that have come and are held; 0 = any */
	uint64_t body_per_address; /* of them from one IPv4 address or one IPv6 /64; 0 = any */
	hin_http_shared_fn shared; /* NULL = no address is shared */
	void *shared_user;
	int64_t request_ns; /* for the handshake and first headers, and for a body or answer ... */
	uint64_t bytes_per_s; /* ... which has longer by its size at this rate */
	int64_t idle_ns;      /* until the headers of the next request */
	int64_t answer_ns;    /* for a handler that keeps a request; then 503 is answered */
};

/* name, meaning: what a server counts, since it was opened. */
#define HIN_HTTP_COUNTERS(X)                                                                       \
	X(accepted, "connections taken")                                                           \
	X(address_refused, "connections refused: too many of one address")                         \
	X(refused, "connections refused: too many, and all of them known")                         \
	X(evicted, "connections closed to make room")                                              \
	X(no_request, "connections that closed before a whole request, or spoke no TLS 1.3")       \
	X(handshake_timeout, "connections too slow with handshake and first headers")              \
	X(request_timeout, "connections too slow with a body or with taking an answer")            \
	X(idle_closed, "connections closed because they were idle")                                \
	X(requests, "requests")                                                                    \
	X(no_certificate, "requests refused: no client certificate")                               \
	X(bad_certificate, "requests refused: certificate foreign, expired or for another use")    \
	X(revoked, "requests refused: certificate revoked")                                        \
	X(no_route, "requests refused: path or method not known")                                  \
	X(header_limit, "requests refused: headers too large")                                     \
	X(body_limit, "requests refused: body too large")                                          \
	X(bad_request, "requests refused: malformed, or a body of unknown length")                 \
	X(memory_limit, "requests refused: no memory left for bodies")                             \
	X(answer_timeout, "requests answered with 503: the handler took too long")                 \
	X(status_2xx, "answers 200-299")                                                           \
	X(status_4xx, "answers 400-499")                                                           \
	X(status_5xx, "answers 500-599")                                                           \
	X(body_bytes, "bytes of bodies received")                                                  \
	X(answer_bytes, "bytes of bodies sent")                                                    \
	X(streams, "answers that went on as events came")                                          \
	X(streams_slow, "of them, ended because the client did not take what waited")

struct hin_http_counters {
#define X(name, meaning) uint64_t name;
	HIN_HTTP_COUNTERS(X)
#undef X
	uint64_t open;	    /* connections now */
	uint64_t in_flight; /* requests with a handler now */
};

/* The limits that suit a small hub; the rest is { 0 }. */
void hin_http_server_settings_default(struct hin_http_server_settings *settings);

/*
 * Listen and serve. HIN_EFORMAT for an address, certificate or key that is none, HIN_ESYS when the
 * address cannot be taken, HIN_EDENIED for `plain` elsewhere than on loopback. When the process may
 * not open as many files as `connections` need, fewer are served, and the log says so.
 */
HIN_MUST_USE enum hin_code hin_http_server_open(struct hin_http_server **out,
						const struct hin_http_server_settings *settings,
						struct hin_error *err);

/*
 * Take no more connections, wait a second at most for handlers that keep a request, answer the rest
 * with 503, close all and free. A request may still be answered after this; that only frees it.
 * NULL is fine.
 */
void hin_http_server_close(struct hin_http_server *server);

/* The port that is listened on. */
uint16_t hin_http_server_port(const struct hin_http_server *server);

/*
 * Show another certificate from the next handshake on; open connections stay. HIN_EFORMAT, and the
 * old one stays. The authority of the clients is that of hin_http_server_open().
 */
HIN_MUST_USE enum hin_code hin_http_server_reload(struct hin_http_server *server,
						  const char *certificate_pem, const char *key_pem,
						  struct hin_error *err);

/*
 * Go on with `connections`, `per_address`, `body_memory`, `body_per_address` and `answer_ns` of
 * `settings`; nothing else of it is read, and nobody who is connected is sent away. More
 * connections than the process may open files for are not served, and the log says so.
 */
void hin_http_server_tune(struct hin_http_server *server,
			  const struct hin_http_server_settings *settings);

/* What was counted until now. */
void hin_http_server_count(struct hin_http_server *server, struct hin_http_counters *out);

/* ---- for handlers ---- */

/* A value of the query, decoded, or NULL. In the handler itself only; valid until the answer. */
const char *hin_http_query(const struct hin_http_request *request, const char *name);

/* A header of the request, or NULL. In the handler itself only; valid until the answer. */
const char *hin_http_header(const struct hin_http_request *request, const char *name);

/*
 * All lines of a header as one, in their order with ", " between (RFC 9110, section 5.3), appended
 * to `out`; nothing when there is none. In the handler itself only.
 */
void hin_http_header_list(const struct hin_http_request *request, const char *name,
			  struct hin_buffer *out);

/* Called for each value of the query, decoded; `value` is "" for a name alone. */
typedef void (*hin_http_value_fn)(void *user, const char *name, const char *value);

/* All values of the query, as they came. In the handler itself only. */
void hin_http_each_query(const struct hin_http_request *request, hin_http_value_fn call,
			 void *user);

/*
 * The value of a cookie into `out` of `size` bytes; false when there is none, it is longer, or it
 * was sent twice with different values. In the handler itself only.
 */
bool hin_http_cookie(const struct hin_http_request *request, const char *name, char *out,
		     size_t size);

/*
 * The client has proved who it is by something else than a certificate, or has not: connections
 * that are known do not make room for strangers. In the handler itself only.
 */
void hin_http_know(struct hin_http_request *request, bool known);

/* Of a request that is kept: has its client left, or was it answered in our place? Any thread. */
bool hin_http_has_left(struct hin_http_request *request);

/* Move the body into `out`, which the caller ends with hin_buffer_fini(); the request's is empty.
 */
void hin_http_take_body(struct hin_http_request *request, struct hin_buffer *out);

struct hin_http_header {
	const char *name, *value;
};

struct hin_http_answer {
	unsigned status;
	const char *type; /* of the body; NULL = plain text */
	const void *body; /* copied */
	size_t size;
	struct hin_buffer *take; /* or a body that is moved out of this buffer */
	const struct hin_http_header *headers;
	size_t header_count;
};

/* Answer `request`, once; from then on it is not the caller's. */
void hin_http_answer(struct hin_http_request *request, const struct hin_http_answer *answer);

/* Answer with one line of text. */
void hin_http_answer_text(struct hin_http_request *request, unsigned status, const char *fmt, ...)
	HIN_PRINTF(3, 4);

/* Add a method, and HEAD with GET, to a value of Allow, once; what has no room is left out. */
void hin_http_allow(char out[HIN_HTTP_ALLOW], const char *method);

/* ---- answers that go on ---- */

struct hin_http_stream;

/*
 * Answer with a body of unknown length, as server-sent events are: status, type and headers of
 * `answer` count, its body is sent first. At most `most` bytes wait for the client. On HIN_OK the
 * caller owns `*out` and ends it with hin_http_stream_end(); on HIN_ENOMEM it is answered with 503.
 * Either way the request is not the caller's any more.
 */
HIN_MUST_USE enum hin_code hin_http_answer_stream(struct hin_http_request *request,
						  const struct hin_http_answer *answer, size_t most,
						  struct hin_http_stream **out);

/*
 * Send `size` bytes, from any thread; never waits. False when the client has left or what waits for
 * it would be more than the stream may hold: then it is over, and only to be ended.
 */
bool hin_http_stream_send(struct hin_http_stream *stream, const void *data, size_t size);

/*
 * Wait until `size` more bytes fit, at most until `until_ns` (monotonic). False when they do not,
 * or the client has left. For those that have a thread to wait in.
 */
bool hin_http_stream_wait(struct hin_http_stream *stream, size_t size, int64_t until_ns);

/* The body breaks off, so that the client knows that it is not whole; `stream` is not the caller's
 * any more. */
void hin_http_stream_cut(struct hin_http_stream *stream);

/* The body is over once what waits was taken; `stream` is not the caller's any more. NULL is fine.
 */
void hin_http_stream_end(struct hin_http_stream *stream);
