/*
 * code - the one-time code that a sensor joins with: one line, to be copied.
 *
 *	hinomi-join:hub.example:8443:AbCd...
 *
 * It names the hub, the SHA-256 of its CA's certificate, the code's own id and its secret.
 * Who has the code can join once; a sensor that has it cannot be led to another hub.
 *
 * Ownership: the caller's storage; a code is secret, and ends with explicit_bzero().
 * Threads:   pure functions.
 */
#pragma once
#include "base/error.h"

#define HIN_CODE_HOST 254  /* longest host, with its NUL */
#define HIN_CODE_ID 8	   /* bytes */
#define HIN_CODE_SECRET 16 /* bytes */
#define HIN_CODE_TEXT 400  /* longest code, with its NUL */

struct hin_join_code {
	char host[HIN_CODE_HOST]; /* name or address, an IPv6 one without brackets */
	uint16_t port;
	uint8_t ca_sha256[32];
	uint8_t id[HIN_CODE_ID];
	uint8_t secret[HIN_CODE_SECRET];
};

/*
 * Split "host:port", "[2001:db8::1]:port". HIN_EFORMAT for what is none; a host is an address or a
 * DNS name.
 */
HIN_MUST_USE enum hin_code hin_host_parse(char host[HIN_CODE_HOST], uint16_t *port,
					  const char *text, struct hin_error *err);

/* Write `code` as text to `out`; returns `out`. */
char *hin_join_code_format(const struct hin_join_code *code, char out[HIN_CODE_TEXT]);

/* Read a code. HIN_EFORMAT when it is none; a slip of the pen is found by its checksum. */
HIN_MUST_USE enum hin_code hin_join_code_parse(struct hin_join_code *out, const char *text,
					       struct hin_error *err);
