/*
 * http_server_priv - what the files of the server share.
 *
 * Locks: `server->lock` guards lists, states and deadlines of connections, the certificates and
 * the counters. A request's own lock guards its answer, and is never held together with it.
 */
#pragma once
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/http_server.h"

#define HIN_HTTP_CHAIN 8      /* most certificates of one server or client */
#define HIN_HTTP_BUCKETS 4096 /* of addresses; a power of two */

/* The server's certificate of a time. */
struct hin_http_identity {
	struct hin_http_identity *older;
	gnutls_pcert_st chain[HIN_HTTP_CHAIN];
	unsigned count;
	gnutls_privkey_t key;
	int64_t retired_ns; /* handshakes that began until then may still use it */
};

enum hin_http_state {
	HIN_HTTP_OPENING,   /* handshake and first headers */
	HIN_HTTP_RECEIVING, /* a body */
	HIN_HTTP_HANDLING,  /* the handler has it */
	HIN_HTTP_ANSWERING,
	HIN_HTTP_STREAMING, /* the answer goes on as there is something to say */
	HIN_HTTP_IDLE,	    /* until the headers of the next request */
};

struct hin_http_connection {
	struct hin_http_server *server;
	struct hin_http_connection *next, *previous;	       /* in its list, oldest first */
	struct hin_http_connection *same_next, *same_previous; /* in the bucket of its address */
	int fd;
	struct hin_addr address, key; /* key: what is counted as one address */
	enum hin_http_state state;
	int64_t started_ns, deadline_ns;
	_Atomic uint64_t body_held; /* bytes of its request's body */
	bool shared;		    /* many speak through its address */
	bool known;		    /* has shown a good certificate */
	bool closing;		    /* shut down; its thread will see */
	bool requested;		    /* had a whole request */
	bool looked;		    /* whether its client has gone, since it is idle */
	struct request *request;
	struct hin_http_stream *stream; /* of HIN_HTTP_STREAMING; the request's */

	/* for its own thread */
	struct hin_http_peer *peer; /* checked last at checked_ns, or NULL */
	int64_t checked_ns;
};

struct connection_list {
	struct hin_http_connection *first, *last;
	size_t count; /* those that are not closing */
};

enum request_state {
	REQUEST_RECEIVING,
	REQUEST_RUNNING, /* in the handler's first call */
	REQUEST_KEPT,	 /* the connection sleeps */
	REQUEST_ANSWERED,
	REQUEST_ABANDONED, /* answered by us; the handler's answer will be dropped */
};

struct request {
	struct hin_http_request seen; /* by the handler; first, so that one becomes the other */
	struct hin_http_server *server;
	struct hin_http_connection *connection;
	struct MHD_Connection *mhd;
	const struct hin_http_route *route;
	_Atomic unsigned refs;
	bool handled; /* its handler was called */

	pthread_mutex_t lock;
	uint64_t held; /* bytes of the body, counted in body_held of server and connection */
	enum request_state state;
	struct MHD_Response *response;
	unsigned status;
	size_t response_size;
	struct hin_http_stream *stream; /* counted; of an answer that goes on */
};

struct hin_http_server {
	struct hin_http_server_settings settings; /* its texts are not used after open */
	struct hin_http_route *routes;
	struct MHD_Daemon *daemon;
	int listen_fd;
	uint16_t port;
	uint64_t seed; /* of the hash of addresses */

	pthread_mutex_t lock;
	pthread_cond_t wake; /* the watch */
	pthread_t watch;
	bool watching, stopping;
	struct connection_list strangers, known;
	struct hin_http_connection *buckets[HIN_HTTP_BUCKETS];
	struct hin_http_identity *identity;
	struct hin_http_counters counters;
	unsigned connections, per_address; /* at most; tuned */

	_Atomic uint64_t body_held;
	_Atomic uint64_t body_memory, body_per_address; /* at most; tuned */
	_Atomic int64_t answer_ns;			/* tuned */
};

/* ---- http_tls.c ---- */

/* Read a chain and its key. */
HIN_MUST_USE enum hin_code hin_http_identity_new(struct hin_http_identity **out,
						 const char *certificate_pem, const char *key_pem,
						 struct hin_error *err);
void hin_http_identity_free(struct hin_http_identity *identity);

/* Is this text the certificates of authorities? HIN_EFORMAT when not. */
HIN_MUST_USE enum hin_code hin_http_authority_check(const char *pem, struct hin_error *err);

/* Free the certificates that no handshake can use any more; under the server's lock. */
void hin_http_identity_sweep(struct hin_http_server *server);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
int hin_http_identity_give(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			   gnutls_pcert_st **chain, unsigned int *count, gnutls_ocsp_data_st **ocsp,
			   unsigned int *ocsp_count, gnutls_privkey_t *key, unsigned int *flags);

/*
 * Check the client's certificate of a session; `peer->present` is false when it sent none.
 * HIN_EVERIFY with a line for the client when it is not good now.
 */
HIN_MUST_USE enum hin_code hin_http_peer_check(struct hin_http_peer *peer, gnutls_session_t session,
					       struct hin_error *err);

/* ---- http_server.c ---- */

/* The connection of `mhd`, or NULL when there was no memory for one. */
struct hin_http_connection *hin_http_connection_of(struct MHD_Connection *mhd);

/* `c` has reached `state` and has `time_ns` for it. */
void hin_http_connection_move(struct hin_http_connection *c, enum hin_http_state state,
			      int64_t time_ns);

/* Bytes of bodies that are held for the address of `c`. */
uint64_t hin_http_connection_bodies(struct hin_http_connection *c);

/* Whether `c` is one that has shown a good certificate. */
void hin_http_connection_know(struct hin_http_connection *c, bool known);

#define HIN_HTTP_COUNT(server, name, by)                                                           \
	do {                                                                                       \
		pthread_mutex_lock(&(server)->lock);                                               \
		(server)->counters.name += (by);                                                   \
		pthread_mutex_unlock(&(server)->lock);                                             \
	} while (0)

/* ---- http_request.c ---- */

/* For MHD_start_daemon() and MHD_OPTION_NOTIFY_COMPLETED. */
enum MHD_Result hin_http_request_handle(void *user, struct MHD_Connection *mhd, const char *url,
					const char *method, const char *version, const char *data,
					size_t *size, void **context);
void hin_http_request_done(void *user, struct MHD_Connection *mhd, void **context,
			   enum MHD_RequestTerminationCode reason);

struct request *hin_http_request_ref(struct request *request);
void hin_http_request_unref(struct request *request);

/*
 * Hand a response, and `stream` when it is one, to the request; false when it was answered in its
 * place already: both stay the caller's.
 */
bool hin_http_request_settle(struct request *request, unsigned status,
			     struct MHD_Response *response, size_t size, enum request_state state,
			     struct hin_http_stream *stream);

/* Answer 503 in the handler's place, if it keeps the request; true when it did. */
bool hin_http_request_abandon(struct request *request, const char *text);

/* ---- http_stream.c ---- */

/* One reference less; NULL is fine. */
void hin_http_stream_unref(struct hin_http_stream *stream);

/* The connection is over: nothing more is taken. */
void hin_http_stream_leave(struct hin_http_stream *stream);

/*
 * Look after a stream, under the server's lock. True when its connection must be shut down: its
 * client takes nothing for `patience_ns` (`*slow`), or has gone. Its thread is woken then.
 */
bool hin_http_stream_look(struct hin_http_stream *stream, int fd, int64_t now_ns,
			  int64_t patience_ns, bool *slow);

/* End it at once, whatever waits, and wake its connection. */
void hin_http_stream_kill(struct hin_http_stream *stream);
