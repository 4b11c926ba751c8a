/*
 * http_client - HTTPS to one hub: TLS 1.3, our own authority and no other.
 *
 * The server's certificate must come from `ca_pem`, or from an authority in the server's own chain
 * that has the fingerprint `ca_sha256`, or both; the system's authorities are never asked. Requests
 * share one connection while the server keeps it. Redirects are not followed.
 *
 * Ownership: the caller owns a client and ends it with hin_http_client_close(). The settings and
 *            what they point to may go once it is open, but for `stop`.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdatomic.h>

#include "base/buffer.h"

struct hin_http_client;

struct hin_http_client_settings {
	const char *url;	     /* "https://hub.example:8443", without a path */
	const char *ca_pem;	     /* or NULL */
	const uint8_t *ca_sha256;    /* 32 bytes: of the authority's certificate, DER; or NULL */
	const char *certificate_pem; /* the client's, or NULL */
	const char *key_pem;	     /* its key, not encrypted */
	const char *proxy;	     /* "http://proxy.example:3128"; NULL = none, whatever the
					environment says */
	int64_t connect_ns;	     /* for connection and handshake */
	int64_t request_ns;	     /* for a request, all in all */
	size_t answer_limit;	     /* bytes of an answer's body */
	const _Atomic bool *stop; /* when it becomes true, requests end with HIN_EAGAIN; or NULL */
};

struct hin_http_reply {
	unsigned status;
	char type[128];		/* of the body, "" when not said */
	unsigned retry_after_s; /* as the server asks; 0 = it does not */
	struct hin_buffer body;
};

/* The times and limits that suit a sensor; the rest is { 0 }. */
void hin_http_client_settings_default(struct hin_http_client_settings *settings);

/* Make a client; nothing is sent. HIN_EFORMAT for an address, certificate or key that is none. */
HIN_MUST_USE enum hin_code hin_http_client_open(struct hin_http_client **out,
						const struct hin_http_client_settings *settings,
						struct hin_error *err);

/* Close the connection and free; NULL is fine. */
void hin_http_client_close(struct hin_http_client *client);

/*
 * Send a request and wait for its answer, whatever its status. `body` with `size` may be NULL and
 * 0; `type` NULL = octets. `reply` starts as { 0 } or as the last call left it, and is ended by
 * hin_http_reply_fini(). HIN_ESYS: no connection, or it broke; whether the request arrived is not
 * known then. HIN_EVERIFY: the server is not who it should be. HIN_EDENIED: it wants a certificate.
 * HIN_ELIMIT: the answer is too large. HIN_EAGAIN: stopped. `err` says what to do about it.
 */
HIN_MUST_USE enum hin_code hin_http_client_send(struct hin_http_client *client, const char *method,
						const char *path, const char *type,
						const void *body, size_t size,
						struct hin_http_reply *reply,
						struct hin_error *err);

/* Free what a reply holds; NULL is fine. */
void hin_http_reply_fini(struct hin_http_reply *reply);
