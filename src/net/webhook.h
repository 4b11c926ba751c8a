/*
 * webhook - POST a text of JSON to a URL of somebody else's, and no more than that.
 *
 * A URL comes from a directory or from settings, so it is treated as a stranger's: only https, or
 * http to loopback; no redirect is followed; the address that is really connected to must be a
 * public one (no loopback, private, link-local, shared, multicast, documentation or mapped address,
 * IANA's special-purpose registries), unless private ones are allowed by name. That is judged when
 * the socket connects, so that a name that changes its address in between gains nothing.
 *
 * Each request carries
 *
 *	X-Hinomi-Timestamp: 1763800000
 *	X-Hinomi-Signature: sha256=<hex of HMAC-SHA-256(secret, timestamp "." body)>
 *
 * Ownership: the caller owns a webhook and ends it with hin_webhook_close().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdatomic.h>

#include "base/addr.h"
#include "base/buffer.h"

#define HIN_WEBHOOK_URL 1024   /* longest URL, with its NUL */
#define HIN_WEBHOOK_ANSWER 300 /* longest word of what came back, with its NUL */

struct hin_webhook_settings {
	bool private_too;    /* private and loopback addresses are allowed, and http there */
	const char *ca_file; /* authorities, PEM; NULL = the system's */
	const char *secret;  /* for the signature; NULL or "" = none */
	int64_t connect_ns, request_ns; /* 0 = 10 s, 20 s */
	const _Atomic bool *stop; /* when it becomes true, sending ends with HIN_WEBHOOK_LATER */
};

struct hin_webhook;

/* HIN_ENOMEM, HIN_EUNSUPPORTED without libcurl's TLS. */
HIN_MUST_USE enum hin_code hin_webhook_open(struct hin_webhook **out,
					    const struct hin_webhook_settings *settings,
					    struct hin_error *err);

/* NULL is fine. */
void hin_webhook_close(struct hin_webhook *hook);

/*
 * May this URL be used at all, as far as its text tells? HIN_EFORMAT or HIN_EDENIED with the
 * reason: no URL, not https, a name and password in it, an address that is not public.
 */
HIN_MUST_USE enum hin_code hin_webhook_check(const char *url, bool private_too,
					     struct hin_error *err);

/* Is `a` an address of the public internet? */
bool hin_webhook_is_public(const struct hin_addr *a);

enum hin_webhook_outcome {
	HIN_WEBHOOK_ACCEPTED, /* 2xx */
	HIN_WEBHOOK_LATER,    /* no connection, 408, 425, 429, 5xx */
	HIN_WEBHOOK_REFUSED,  /* another status, or a URL that may not be used */
};

/* POST `size` bytes of JSON. `id` (printable ASCII) goes as X-Hinomi-Delivery: the same in each
 * try.
 */
enum hin_webhook_outcome hin_webhook_send(struct hin_webhook *hook, const char *url, const char *id,
					  const void *json, size_t size, int64_t now_s,
					  char answer[HIN_WEBHOOK_ANSWER]);
