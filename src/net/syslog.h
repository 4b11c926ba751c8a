/*
 * syslog - messages for a log server: RFC 5424 over a unix socket, UDP (RFC 5426) or TLS (RFC
 * 5425).
 *
 * Where a message goes is one text: "unix:/dev/log", "udp://192.0.2.1:514",
 * "tls://log.example:6514". UDP and unix are sent and forgotten; TLS checks the server's
 * certificate.
 *
 * Ownership: the caller owns a syslog and ends it with hin_syslog_close().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "base/buffer.h"

#define HIN_SYSLOG_SIZE 2048 /* longest message; what is longer is cut */

enum hin_syslog_severity {
	HIN_SYSLOG_CRITICAL = 2,
	HIN_SYSLOG_ERROR = 3,
	HIN_SYSLOG_WARNING = 4,
	HIN_SYSLOG_NOTICE = 5,
	HIN_SYSLOG_INFO = 6,
};

/* A value of structured data; NULL as name ends a list. */
struct hin_syslog_field {
	const char *name; /* of ours: printable ASCII without = ] " and space */
	const char *value;
};

/*
 * Append a message: facility local0, `host` and `id` as printable ASCII ("-" when NULL), fields as
 * [hinomi@32473 ...], then `text` behind a byte order mark. Control characters of values and text
 * are escaped, and it is cut at HIN_SYSLOG_SIZE between characters.
 */
void hin_syslog_format(struct hin_buffer *out, enum hin_syslog_severity severity, int64_t time_ns,
		       const char *host, const char *id, const struct hin_syslog_field *fields,
		       const char *text);

/* Can `where` be used? HIN_EFORMAT with what is wrong. */
HIN_MUST_USE enum hin_code hin_syslog_check(const char *where, struct hin_error *err);

struct hin_syslog;

/* `ca_file`: authorities for TLS, PEM; NULL = the system's. Nothing is connected yet. */
HIN_MUST_USE enum hin_code hin_syslog_open(struct hin_syslog **out, const char *where,
					   const char *ca_file, struct hin_error *err);

/* NULL is fine. */
void hin_syslog_close(struct hin_syslog *log);

/* Send one message, connecting as needed. HIN_ESYS, HIN_EVERIFY: try again later. */
HIN_MUST_USE enum hin_code hin_syslog_send(struct hin_syslog *log, const void *message, size_t size,
					   struct hin_error *err);
