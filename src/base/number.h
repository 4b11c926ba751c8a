/*
 * number - numbers, sizes and durations written as text.
 *
 * Each function reads the whole of `text`, strictly: no spaces, no sign where none belongs, no
 * leftovers. `what` names the thing in the message: `port "70000" is not in 1-65535`. HIN_EFORMAT
 * when the text is no such number, HIN_ERANGE when it is outside `min` to `max`; `*out` is written
 * on HIN_OK only.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/error.h"

#define HIN_NUMBER_TEXT 32 /* longest text of the format functions, with its NUL */

/* Decimal digits: "0", "65535". */
HIN_MUST_USE enum hin_code hin_number_u64(uint64_t *out, const char *what, const char *text,
					  uint64_t min, uint64_t max, struct hin_error *err);

/* Decimal digits, "-" before them when negative. */
HIN_MUST_USE enum hin_code hin_number_i64(int64_t *out, const char *what, const char *text,
					  int64_t min, int64_t max, struct hin_error *err);

/* Decimal with a point or exponent: "0.5", "-1e-3". No hexadecimal, infinity or NaN. */
HIN_MUST_USE enum hin_code hin_number_double(double *out, const char *what, const char *text,
					     double min, double max, struct hin_error *err);

/* Bytes: "4096", "64K", "256M", "1G", "2T" (powers of 1024; also KiB, MiB, ... and B). */
HIN_MUST_USE enum hin_code hin_number_size(uint64_t *out, const char *what, const char *text,
					   uint64_t min, uint64_t max, struct hin_error *err);

/*
 * Nanoseconds: "250ms", "90s", "10m", "6h", "7d", "2w", also "us", "ns" and together, largest
 * first, "1h30m". A number without unit is refused, but "0".
 */
HIN_MUST_USE enum hin_code hin_number_duration(int64_t *out_ns, const char *what, const char *text,
					       int64_t min_ns, int64_t max_ns,
					       struct hin_error *err);

/* Write the text that hin_number_size() reads as `bytes` ("256M") to `out`; returns `out`. */
char *hin_number_format_size(char out[HIN_NUMBER_TEXT], uint64_t bytes);

/* Write the text that hin_number_duration() reads as `ns` >= 0 ("90s") to `out`; returns `out`. */
char *hin_number_format_duration(char out[HIN_NUMBER_TEXT], int64_t ns);
