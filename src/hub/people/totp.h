/*
 * totp - one-time codes of six digits from a shared secret and the time (RFC 6238, SHA-1, 30 s).
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/buffer.h"

#define HIN_TOTP_SECRET ((size_t)20) /* bytes that we draw (RFC 4226, 4: 160 bits) */
#define HIN_TOTP_DIGITS 6
#define HIN_TOTP_STEP_S 30
#define HIN_TOTP_BASE32 33 /* text of such a secret, with its NUL */

/* The code of `step` (seconds since 1970 / 30) with `digits` 6 to 8, into `out` with its NUL. */
void hin_totp_code(char *out, unsigned digits, const uint8_t *secret, size_t size, int64_t step);

/*
 * Is `code` that of now, or of one step before or after (RFC 6238, 5.2), and later than `last`? The
 * step it belongs to, or -1. Takes the same time for every code of six digits.
 */
int64_t hin_totp_check(const uint8_t *secret, size_t size, const char *code, int64_t now_s,
		       int64_t last);

/* The secret in base 32 (RFC 4648, without padding), as people type it. */
void hin_totp_base32(char *out, const uint8_t *data, size_t size);

/* Read base 32; the bytes read, 0 when it is none or more than `most`. */
size_t hin_totp_from_base32(uint8_t *out, size_t most, const char *text);

/* Append "otpauth://totp/..." for the owner's program: issuer and account are percent-encoded. */
void hin_totp_uri(struct hin_buffer *out, const char *issuer, const char *account,
		  const uint8_t *secret, size_t size);
