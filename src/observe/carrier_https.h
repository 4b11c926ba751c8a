/*
 * carrier_https - a carrier over HTTPS with client certificates.
 *
 * A load is the body of POST /v1/batches, packed with zstd; GET /v1/settings has the settings. The
 * hubs are tried in the order given: the next one at once when one fails, all of them again after a
 * time that grows, and the first one again every ten minutes. doc/road.md has the protocol.
 *
 * Ownership: settings and what they point to may go once the carrier is open.
 * Threads:   as hin_carrier.
 */
#pragma once
#include "observe/carrier.h"

#define HIN_CARRIER_HUBS 8
#define HIN_CARRIER_TYPE "application/x-hinomi-batches"
#define HIN_CARRIER_TYPE_PACKED "application/x-hinomi-batches+zstd"

struct hin_carrier_https_settings {
	const char *const *hubs;	       /* "https://hub.example:8443", in order */
	size_t hub_count;		       /* 1 to HIN_CARRIER_HUBS */
	const char *ca_pem;		       /* the hubs' authority; or NULL */
	const uint8_t *ca_sha256;	       /* its fingerprint; or NULL */
	const char *certificate_pem, *key_pem; /* the sensor's; the key is not encrypted */
	const char *proxy;		       /* or NULL */
	const char *version;		       /* of the sensor's program; the hub shows it */
	int64_t connect_ns, request_ns;	       /* 0 = as http_client has it */
	int64_t retry_first_ns, retry_most_ns; /* 0 = 1 s, 60 s */
	int64_t return_ns;		       /* until the first hub is tried again; 0 = 10 min */
};

/* HIN_EFORMAT for an address, certificate or key that is none; nothing is sent. */
HIN_MUST_USE enum hin_code hin_carrier_https_open(struct hin_carrier **out,
						  const struct hin_carrier_https_settings *settings,
						  struct hin_error *err);

/*
 * Read a hub's answer of `size` bytes. HIN_EFORMAT when it is none; pure, for the fuzzer. `count`
 * is how many batches were sent.
 */
HIN_MUST_USE enum hin_code hin_carrier_answer_parse(struct hin_carrier_answer *out,
						    const void *bytes, size_t size, size_t count,
						    struct hin_error *err);
