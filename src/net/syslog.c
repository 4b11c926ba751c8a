/* syslog - RFC 5424 messages, and the three ways they go; see syslog.h */
#include "net/syslog.h"

#include <curl/curl.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"

#define FACILITY 16 /* local0 */
#define HOST 256
#define WAIT_MS 5000 /* for TLS to take a message */

enum way { WAY_UNIX, WAY_UDP, WAY_TLS };

struct hin_syslog {
	enum way way;
	char host[HOST], port[8]; /* of unix: the path in `host` */
	char *ca_file;
	int fd;	    /* unix, UDP; -1 = not connected */
	CURL *curl; /* TLS; NULL = not connected */
};

/* ---- form ---- */

static void put_word(struct hin_buffer *out, const char *text, size_t most)
{
	size_t used = 0;

	for (const char *p = text != NULL ? text : ""; *p != '\0' && used < most; p++, used++)
		hin_buffer_putc(out, (char)(*p > 0x20 && *p < 0x7f ? *p : '_'));
	if (used == 0)
		hin_buffer_putc(out, '-');
}

/* A value of structured data: " \ ] are behind a backslash (RFC 5424, 6.3.3). */
static void put_value(struct hin_buffer *out, const char *value)
{
	char safe[512];

	hin_escape_text(safe, sizeof(safe), value);
	for (const char *p = safe; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\' || *p == ']')
			hin_buffer_putc(out, '\\');
		hin_buffer_putc(out, *p);
	}
}

void hin_syslog_format(struct hin_buffer *out, enum hin_syslog_severity severity, int64_t time_ns,
		       const char *host, const char *id, const struct hin_syslog_field *fields,
		       const char *text)
{
	char when[HIN_TIME_TEXT], safe[HIN_SYSLOG_SIZE / 2];
	size_t start = out->used;

	hin_buffer_printf(out, "<%d>1 %s ", FACILITY * 8 + (int)severity,
			  hin_time_format_iso(when, time_ns, HIN_TIME_MS));
	put_word(out, host, 255);
	hin_buffer_puts(out, " hinomi - ");
	put_word(out, id, 32);
	if (fields == NULL || fields[0].name == NULL) {
		hin_buffer_puts(out, " -");
	} else {
		/* 32473: the number of documentation (RFC 5612) */
		hin_buffer_puts(out, " [hinomi@32473");
		for (const struct hin_syslog_field *f = fields; f->name != NULL; f++) {
			if (out->used - start > HIN_SYSLOG_SIZE / 2 - 512)
				break; /* the rest would not fit */
			hin_buffer_printf(out, " %s=\"", f->name);
			put_value(out, f->value);
			hin_buffer_putc(out, '"');
		}
		hin_buffer_putc(out, ']');
	}
	hin_buffer_puts(out, " \xef\xbb\xbf");
	hin_buffer_puts(out, hin_escape_text(safe, sizeof(safe) - 8, text));
}

/* ---- where ---- */

static enum hin_code read_where(const char *where, enum way *way, char host[HOST], char port[8],
				struct hin_error *err)
{
	const char *rest = strstr(where, "://"), *colon;
	size_t size;

	if (strncmp(where, "unix:/", 6) == 0 && strlen(where + 5) < HOST &&
	    strlen(where + 5) < sizeof(((struct sockaddr_un *)0)->sun_path)) {
		*way = WAY_UNIX;
		snprintf(host, HOST, "%s", where + 5);
		return HIN_OK;
	}
	if (rest != NULL &&
	    (strncmp(where, "udp://", 6) == 0 || strncmp(where, "tls://", 6) == 0)) {
		*way = where[0] == 'u' ? WAY_UDP : WAY_TLS;
		rest += 3;
		colon = strrchr(rest, ':');
		size = colon != NULL ? (size_t)(colon - rest) : 0;
		if (size > 2 && rest[0] == '[' && rest[size - 1] == ']') {
			rest++;
			size -= 2;
		}
		if (size > 0 && size < HOST && strlen(colon + 1) > 0 && strlen(colon + 1) < 6 &&
		    strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
		    strcspn(rest, " /@\"<>\\\t\r\n") >= size) {
			memcpy(host, rest, size);
			host[size] = '\0';
			snprintf(port, 8, "%s", colon + 1);
			return HIN_OK;
		}
	}
	return hin_fail(err, HIN_EFORMAT,
			"\"%.100s\" is no log server, as unix:/dev/log, udp://192.0.2.1:514 or "
			"tls://log.example:6514",
			where);
}

enum hin_code hin_syslog_check(const char *where, struct hin_error *err)
{
	char host[HOST], port[8];
	enum way way;

	return read_where(where, &way, host, port, err);
}

enum hin_code hin_syslog_open(struct hin_syslog **out, const char *where, const char *ca_file,
			      struct hin_error *err)
{
	struct hin_syslog *log = calloc(1, sizeof(*log));
	enum hin_code code;

	if (log == NULL)
		return hin_fail(err, HIN_ENOMEM, "syslog");
	log->fd = -1;
	code = read_where(where, &log->way, log->host, log->port, err);
	if (code == HIN_OK && ca_file != NULL && ca_file[0] != '\0') {
		log->ca_file = strdup(ca_file);
		if (log->ca_file == NULL)
			code = hin_fail(err, HIN_ENOMEM, "syslog");
	}
	if (code != HIN_OK) {
		hin_syslog_close(log);
		return code;
	}
	*out = log;
	return HIN_OK;
}

static void disconnect(struct hin_syslog *log)
{
	if (log->fd != -1)
		close(log->fd);
	log->fd = -1;
	curl_easy_cleanup(log->curl);
	log->curl = NULL;
}

void hin_syslog_close(struct hin_syslog *log)
{
	if (log == NULL)
		return;
	disconnect(log);
	free(log->ca_file);
	free(log);
}

/* ---- sending ---- */

static enum hin_code connect_unix(struct hin_syslog *log, struct hin_error *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	memcpy(to.sun_path, log->host, strlen(log->host) + 1);
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log->fd == -1 || connect(log->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return hin_fail(err, HIN_ESYS, "syslog %s", log->host);
	return HIN_OK;
}

static enum hin_code connect_udp(struct hin_syslog *log, struct hin_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *list = NULL;
	int failed = getaddrinfo(log->host, log->port, &hints, &list);

	if (failed != 0) {
		errno = EHOSTUNREACH;
		return hin_fail(err, HIN_ESYS, "syslog %s: %s", log->host, gai_strerror(failed));
	}
	for (const struct addrinfo *a = list; a != NULL && log->fd == -1; a = a->ai_next) {
		log->fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (log->fd != -1 && connect(log->fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(log->fd);
			log->fd = -1;
		}
	}
	freeaddrinfo(list);
	return log->fd != -1 ? HIN_OK : hin_fail(err, HIN_ESYS, "syslog %s", log->host);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start_curl(void)
{
	started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* libcurl makes the TLS connection and checks the certificate; then we write on it. */
static enum hin_code connect_tls(struct hin_syslog *log, struct hin_error *err)
{
	char url[HOST + 32];
	CURLcode rc = CURLE_FAILED_INIT;
	bool v6 = strchr(log->host, ':') != NULL;

	(void)pthread_once(&once, start_curl);
	log->curl = started ? curl_easy_init() : NULL;
	snprintf(url, sizeof(url), "https://%s%s%s:%s/", v6 ? "[" : "", log->host, v6 ? "]" : "",
		 log->port);
	if (log->curl != NULL && curl_easy_setopt(log->curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(log->curl, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	    curl_easy_setopt(log->curl, CURLOPT_PROXY, "") == CURLE_OK &&
	    curl_easy_setopt(log->curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	    curl_easy_setopt(log->curl, CURLOPT_SSL_ENABLE_ALPN, 0L) == CURLE_OK &&
	    curl_easy_setopt(log->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) ==
		    CURLE_OK &&
	    curl_easy_setopt(log->curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L) == CURLE_OK &&
	    (log->ca_file == NULL ||
	     curl_easy_setopt(log->curl, CURLOPT_CAINFO, log->ca_file) == CURLE_OK) &&
	    curl_easy_setopt(log->curl, CURLOPT_CONNECT_ONLY, 1L) == CURLE_OK)
		rc = curl_easy_perform(log->curl);
	if (rc == CURLE_OK)
		return HIN_OK;
	errno = ECONNREFUSED;
	return hin_fail(err, rc == CURLE_PEER_FAILED_VERIFICATION ? HIN_EVERIFY : HIN_ESYS,
			"syslog %s: %s", log->host, curl_easy_strerror(rc));
}

static enum hin_code send_tls(struct hin_syslog *log, const char *data, size_t size,
			      struct hin_error *err)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	int64_t until = hin_time_monotonic_ns() + WAIT_MS * HIN_NS_PER_MS;

	(void)curl_easy_getinfo(log->curl, CURLINFO_ACTIVESOCKET, &fd);
	while (size > 0) {
		struct pollfd poller = { .fd = fd, .events = POLLOUT };
		size_t sent = 0;
		CURLcode rc = curl_easy_send(log->curl, data, size, &sent);

		data += sent;
		size -= sent;
		if (rc == CURLE_OK)
			continue;
		if (rc != CURLE_AGAIN || hin_time_monotonic_ns() > until) {
			errno = EPIPE;
			return hin_fail(err, HIN_ESYS, "syslog %s: %s", log->host,
					curl_easy_strerror(rc));
		}
		(void)poll(&poller, 1, 200);
	}
	return HIN_OK;
}

enum hin_code hin_syslog_send(struct hin_syslog *log, const void *message, size_t size,
			      struct hin_error *err)
{
	char frame[HIN_SYSLOG_SIZE + 16];
	enum hin_code code = HIN_OK;
	int used;

	if (size > HIN_SYSLOG_SIZE)
		size = HIN_SYSLOG_SIZE;
	if (log->way == WAY_UNIX && log->fd == -1)
		code = connect_unix(log, err);
	else if (log->way == WAY_UDP && log->fd == -1)
		code = connect_udp(log, err);
	else if (log->way == WAY_TLS && log->curl == NULL)
		code = connect_tls(log, err);
	if (code == HIN_OK && log->way == WAY_TLS) {
		/* octet counting (RFC 5425, 4.3) */
		used = snprintf(frame, sizeof(frame), "%zu ", size);
		memcpy(frame + used, message, size);
		code = send_tls(log, frame, (size_t)used + size, err);
	} else if (code == HIN_OK && send(log->fd, message, size, MSG_NOSIGNAL) != (ssize_t)size) {
		code = hin_fail(err, HIN_ESYS, "syslog %s", log->host);
	}
	if (code != HIN_OK)
		disconnect(log);
	return code;
}
