/*
 * log - one event a line, as key=value pairs.
 *
 *	time=2026-11-22T02:10:03.123Z level=warning event=capture.cut file=a.pcap offset=1184
 *
 * An event is a dotted name of ours; texts are escaped (base/escape.h), quoted when they need it,
 *and cut at HIN_LOG_TEXT bytes. A line is written by one write(2), so lines of threads do not mix.
 *
 *	hin_log(HIN_LOG_WARNING, "capture.cut", hin_log_text("file", path),
 *		hin_log_u64("offset", offset));
 *
 * Where a stranger can cause a line, hin_log_limited() writes it once in an interval and counts the
 * rest: the next line has suppressed=123.
 *
 * Threads: any. hin_log_setup() before there are others. Nothing is allocated.
 */
#pragma once
#include <stdatomic.h>

#include "base/addr.h"
#include "base/time.h"

#define HIN_LOG_LINE 2048 /* longest line; fields that do not fit are left out, with cut=yes */
#define HIN_LOG_TEXT 400  /* longest escaped text of a field */

enum hin_log_level { HIN_LOG_ERROR, HIN_LOG_WARNING, HIN_LOG_INFO, HIN_LOG_DEBUG };

struct hin_log_field {
	const char *key; /* a name of ours, without spaces; NULL ends the list */
	enum {
		HIN_FIELD_TEXT,
		HIN_FIELD_U64,
		HIN_FIELD_I64,
		HIN_FIELD_DOUBLE,
		HIN_FIELD_ADDR
	} type;
	union {
		const char *text;
		uint64_t u64;
		int64_t i64;
		double number;
		const struct hin_addr *addr;
	};
};

static inline struct hin_log_field hin_log_text(const char *key, const char *text)
{
	return (struct hin_log_field){ .key = key, .type = HIN_FIELD_TEXT, .text = text };
}

static inline struct hin_log_field hin_log_u64(const char *key, uint64_t value)
{
	return (struct hin_log_field){ .key = key, .type = HIN_FIELD_U64, .u64 = value };
}

static inline struct hin_log_field hin_log_i64(const char *key, int64_t value)
{
	return (struct hin_log_field){ .key = key, .type = HIN_FIELD_I64, .i64 = value };
}

static inline struct hin_log_field hin_log_double(const char *key, double value)
{
	return (struct hin_log_field){ .key = key, .type = HIN_FIELD_DOUBLE, .number = value };
}

static inline struct hin_log_field hin_log_addr(const char *key, const struct hin_addr *addr)
{
	return (struct hin_log_field){ .key = key, .type = HIN_FIELD_ADDR, .addr = addr };
}

/* Write lines of `level` and more important ones to `fd`. At first: HIN_LOG_INFO, standard error.
 */
void hin_log_setup(int fd, enum hin_log_level level);

/* Read "error", "warning", "info" or "debug". */
HIN_MUST_USE enum hin_code hin_log_level_parse(enum hin_log_level *out, const char *text,
					       struct hin_error *err);

/* Write one line at the time `now_ns`. A line that cannot be written is counted. */
void hin_log_write(int64_t now_ns, enum hin_log_level level, const char *event,
		   const struct hin_log_field *fields);

/* The lines that could not be written so far. */
uint64_t hin_log_lost(void);

/* One place in the code whose lines are limited; static, { 0 }. */
struct hin_log_site {
	_Atomic int64_t next_ns; /* no line before */
	_Atomic uint64_t suppressed;
};

#define HIN_LOG_INTERVAL_NS (10 * 1000000000ll)

/*
 * May `site` write now? If so `*suppressed` is the number of lines that were held back since the
 * last one, and the next HIN_LOG_INTERVAL_NS are quiet. If not, it is counted.
 */
bool hin_log_allow(struct hin_log_site *site, int64_t now_ns, uint64_t *suppressed);

/* hin_log_write() when `site` may, with suppressed=N when lines were held back. */
void hin_log_write_limited(struct hin_log_site *site, int64_t now_ns, enum hin_log_level level,
			   const char *event, const struct hin_log_field *fields);

/*
 * At the end of a run, or once an interval: write what `site` still holds back as one line with
 * suppressed=N. Nothing when there is nothing.
 */
void hin_log_flush(struct hin_log_site *site, int64_t now_ns, enum hin_log_level level,
		   const char *event);

/* The fields given, ended. The first element only takes the comma of an empty list. */
#define HIN_LOG_FIELDS(...) (((const struct hin_log_field[]){ { 0 }, ##__VA_ARGS__, { 0 } }) + 1)

/* Write a line now: level, event, fields. */
#define hin_log(level, event, ...)                                                                 \
	hin_log_write(hin_time_now_ns(), level, event, HIN_LOG_FIELDS(__VA_ARGS__))

/* The same at most once in an interval for this place in the code. */
#define hin_log_limited(level, event, ...)                                                         \
	do {                                                                                       \
		static struct hin_log_site hin_site;                                               \
		hin_log_write_limited(&hin_site, hin_time_now_ns(), level, event,                  \
				      HIN_LOG_FIELDS(__VA_ARGS__));                                \
	} while (0)
