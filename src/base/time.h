/*
 * time - moments and durations: clocks, and text forms in UTC.
 *
 * A moment is int64_t nanoseconds since 1970-01-01 00:00 UTC, before it negative (1677 to 2262). A
 * duration is int64_t nanoseconds. Functions that judge by time take `now` as a parameter; only
 * programs and event loops ask the clock.
 *
 * Threads: any; no shared state.
 */
#pragma once
#include "base/lang.h"

#define HIN_NS_PER_US 1000ll
#define HIN_NS_PER_MS 1000000ll
#define HIN_NS_PER_S 1000000000ll
#define HIN_NS_PER_MIN (60 * HIN_NS_PER_S)
#define HIN_NS_PER_HOUR (3600 * HIN_NS_PER_S)
#define HIN_NS_PER_DAY (86400 * HIN_NS_PER_S)

#define HIN_TIME_TEXT 48 /* longest text of the format functions, with its NUL */

/* Digits of a second that are written; what lies below is cut. */
enum hin_time_unit { HIN_TIME_S = 0, HIN_TIME_MS = 3, HIN_TIME_US = 6, HIN_TIME_NS = 9 };

/* The wall clock. */
int64_t hin_time_now_ns(void);

/* A clock that never steps, for durations; its zero means nothing. */
int64_t hin_time_monotonic_ns(void);

/* Write "2026-11-22 02:10:03Z" (".123" and so on by `unit`) to `out`; returns `out`. */
char *hin_time_format(char out[HIN_TIME_TEXT], int64_t time_ns, enum hin_time_unit unit);

/* Write ISO 8601, "2026-11-22T02:10:03Z" (RFC 3339) to `out`; returns `out`. */
char *hin_time_format_iso(char out[HIN_TIME_TEXT], int64_t time_ns, enum hin_time_unit unit);

/*
 * Read a moment from the whole of `text`: "2026-11-22", "2026-11-22 02:10", both with "T", seconds,
 * a fraction and "Z" or "+09:00" as wanted (without a zone it is UTC); "@1700000000.5" seconds
 * since 1970; "now"; "-24h" before `now_ns`. HIN_EFORMAT or HIN_ERANGE.
 */
HIN_MUST_USE enum hin_code hin_time_parse(int64_t *out_ns, const char *text, int64_t now_ns,
					  struct hin_error *err);

/*
 * Write a duration for people to `out`, at most two units, rest cut: "3 h 42 min", "1.5 s",
 * "12 ms"; in Japanese "3時間42分". Returns `out`.
 */
char *hin_time_format_duration(char out[HIN_TIME_TEXT], int64_t ns, enum hin_lang lang);
