/* mail_send - SMTP by libcurl; see mail.h */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/escape.h"
#include "base/time.h"
#include "net/mail_priv.h"
#include "net/place_priv.h"

#define HOST 256

/* Which command of ours a server's answer is about. */
enum stage { STAGE_HELLO, STAGE_RECIPIENT, STAGE_OTHER };

struct hin_mailer {
	CURL *curl;
	char *url;
	bool loopback_only;
	const _Atomic bool *stop;

	/* of the message that is handed over */
	const char *data;
	size_t left;
	enum stage stage;
	bool over;
	char said[CURL_ERROR_SIZE], line[HIN_MAIL_ANSWER];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start_curl(void)
{
	started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- what libcurl asks ---- */

static size_t give_data(char *to, size_t one, size_t count, void *user)
{
	struct hin_mailer *m = user;
	size_t size = one * count < m->left ? one * count : m->left;

	memcpy(to, m->data, size);
	m->data += size;
	m->left -= size;
	return size;
}

/* The commands that go out and the lines that come back, to know what a refusal is about. */
static int listen_in(CURL *curl, curl_infotype type, char *data, size_t size, void *user)
{
	struct hin_mailer *m = user;
	struct hin_buffer line = hin_buffer_over(m->line, sizeof(m->line));

	(void)curl;
	if (type == CURLINFO_HEADER_OUT && size >= 4 && strncmp(data, "QUIT", 4) == 0)
		m->over = true; /* what was said before it counts */
	if (m->over)
		return 0;
	if (type == CURLINFO_HEADER_OUT) {
		bool recipient = size > 7 && strncmp(data, "RCPT TO", 7) == 0;

		m->stage = recipient ? STAGE_RECIPIENT : STAGE_OTHER;
	}
	if (type == CURLINFO_HEADER_IN) {
		while (size > 0 && (data[size - 1] == '\r' || data[size - 1] == '\n'))
			size--;
		hin_escape(&line, data, size < 70 ? size : 70);
	}
	return 0;
}

static int progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct hin_mailer *m = user;

	(void)a, (void)b, (void)c, (void)d;
	return m->stop != NULL && atomic_load_explicit(m->stop, memory_order_relaxed);
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *where)
{
	const struct hin_mailer *m = user;
	struct hin_addr address;

	(void)purpose;
	if (m->loopback_only && (!place_of(&address, &where->addr) || !place_is_loopback(&address)))
		return CURL_SOCKET_BAD;
	return socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

/* ---- open and close ---- */

/* Split "host:port"; the host of an IPv6 address stands in brackets. */
static enum hin_code split(const char *server, char host[HOST], char port[8], struct hin_error *err)
{
	const char *colon = strrchr(server, ':');
	size_t size = colon != NULL ? (size_t)(colon - server) : 0;
	size_t digits = colon != NULL ? strspn(colon + 1, "0123456789") : 0;

	if (size == 0 || size >= HOST || digits == 0 || digits > 5 || colon[1 + digits] != '\0' ||
	    strspn(server, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-[]:") !=
		    strlen(server) ||
	    (strchr(server, ':') != colon && server[0] != '['))
		return hin_fail(err, HIN_EFORMAT,
				"\"%.100s\" is no mail server, as mail.example:587", server);
	memcpy(host, server, size);
	host[size] = '\0';
	memcpy(port, colon + 1, digits + 1);
	return HIN_OK;
}

static bool names_loopback(const char *host)
{
	char bare[HOST];
	struct hin_addr address;
	size_t size = strlen(host);

	if (strcmp(host, "localhost") == 0)
		return true;
	if (host[0] == '[' && size > 2) {
		memcpy(bare, host + 1, size - 2);
		bare[size - 2] = '\0';
	} else {
		memcpy(bare, host, size + 1);
	}
	return hin_addr_parse(&address, bare) == HIN_OK && place_is_loopback(&address);
}

static bool is_hello(const char *text)
{
	return text != NULL && text[0] != '\0' && text[0] != '-' &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
		       strlen(text);
}

static enum hin_code make_url(struct hin_mailer *m, const struct hin_mailer_settings *set,
			      struct hin_error *err)
{
	char host[HOST], port[8];
	enum hin_code code = split(set->server != NULL ? set->server : "", host, port, err);
	bool loopback;

	if (code != HIN_OK)
		return code;
	loopback = names_loopback(host);
	if (set->tls == HIN_MAIL_PLAIN && !loopback && !set->plain_anywhere)
		return hin_fail(err, HIN_EDENIED,
				"%s: mail without TLS goes to loopback only, unless that is set",
				set->server);
	if (set->tls == HIN_MAIL_PLAIN && set->user != NULL && set->user[0] != '\0' && !loopback)
		return hin_fail(err, HIN_EDENIED, "%s: a password needs TLS", set->server);
	m->loopback_only = set->tls == HIN_MAIL_PLAIN && !set->plain_anywhere;
	if (asprintf(&m->url, "%s://%s:%s/%s", set->tls == HIN_MAIL_TLS ? "smtps" : "smtp", host,
		     port, is_hello(set->hello) ? set->hello : "localhost") < 0) {
		m->url = NULL;
		return hin_fail(err, HIN_ENOMEM, "mail");
	}
	return HIN_OK;
}

static long milliseconds(int64_t ns, long otherwise)
{
	return ns > 0 ? (long)(ns / HIN_NS_PER_MS) : otherwise;
}

static bool set_options(struct hin_mailer *m, const struct hin_mailer_settings *set)
{
	CURL *h = m->curl;
	long tls = set->tls == HIN_MAIL_PLAIN ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL;
	bool user = set->user != NULL && set->user[0] != '\0';

	return curl_easy_setopt(h, CURLOPT_URL, m->url) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_USE_SSL, tls) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       (set->ca_file == NULL || set->ca_file[0] == '\0' ||
		curl_easy_setopt(h, CURLOPT_CAINFO, set->ca_file) == CURLE_OK) &&
	       (!user ||
		(curl_easy_setopt(h, CURLOPT_USERNAME, set->user) == CURLE_OK &&
		 curl_easy_setopt(h, CURLOPT_PASSWORD,
				  set->password != NULL ? set->password : "") == CURLE_OK)) &&
	       curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_MAXCONNECTS, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
				milliseconds(set->connect_ns, 15000)) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, milliseconds(set->message_ns, 60000)) ==
		       CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_READFUNCTION, give_data) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_READDATA, m) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_ERRORBUFFER, m->said) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_VERBOSE, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_DEBUGFUNCTION, listen_in) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_DEBUGDATA, m) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, m) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, progress) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_XFERINFODATA, m) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

enum hin_code hin_mailer_open(struct hin_mailer **out, const struct hin_mailer_settings *set,
			      struct hin_error *err)
{
	struct hin_mailer *m = calloc(1, sizeof(*m));
	enum hin_code code;

	(void)pthread_once(&once, start_curl);
	if (m == NULL || !started) {
		free(m);
		return hin_fail(err, HIN_ENOMEM, "mail: libcurl does not start");
	}
	m->stop = set->stop;
	code = make_url(m, set, err);
	if (code == HIN_OK)
		m->curl = curl_easy_init();
	if (code == HIN_OK && (m->curl == NULL || !set_options(m, set)))
		code = hin_fail(err, HIN_ENOMEM, "mail: no memory for libcurl");
	if (code != HIN_OK) {
		hin_mailer_close(m);
		return code;
	}
	*out = m;
	return HIN_OK;
}

void hin_mailer_close(struct hin_mailer *m)
{
	if (m == NULL)
		return;
	curl_easy_cleanup(m->curl);
	free(m->url);
	free(m);
}

/* ---- one message ---- */

static enum hin_mail_outcome judge(struct hin_mailer *m, CURLcode rc, char *answer)
{
	struct hin_buffer text = hin_buffer_over(answer, HIN_MAIL_ANSWER);
	long status = 0;

	(void)curl_easy_getinfo(m->curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc == CURLE_OK) {
		hin_buffer_puts(&text, m->line);
		return HIN_MAIL_ACCEPTED;
	}
	if (m->said[0] == '\0')
		snprintf(m->said, sizeof(m->said), "%s", curl_easy_strerror(rc));
	hin_escape(&text, m->said, strnlen(m->said, 60));
	if (status < 400 || status > 599)
		return HIN_MAIL_LATER; /* it is about the connection: TLS, time, nobody there */
	hin_buffer_printf(&text, " (%s)", m->line);
	if (status < 500)
		return HIN_MAIL_LATER;
	return m->stage == STAGE_RECIPIENT ? HIN_MAIL_NO_SUCH : HIN_MAIL_REFUSED;
}

enum hin_mail_outcome hin_mailer_send(struct hin_mailer *m, const char *sender,
				      const char *recipient, const void *data, size_t size,
				      char answer[HIN_MAIL_ANSWER])
{
	struct curl_slist *to = NULL;
	char from[HIN_MAIL_ADDRESS + 2], whom[HIN_MAIL_ADDRESS + 2];
	enum hin_mail_outcome outcome;
	struct hin_error why = { 0 };
	CURLcode rc;

	/* an address that is none must never be part of a command */
	if (hin_mail_address_check(recipient, &why) != HIN_OK ||
	    (sender[0] != '\0' && hin_mail_address_check(sender, &why) != HIN_OK)) {
		snprintf(answer, HIN_MAIL_ANSWER, "%s", why.text);
		return HIN_MAIL_NO_SUCH;
	}
	snprintf(from, sizeof(from), "<%s>", sender);
	snprintf(whom, sizeof(whom), "<%s>", recipient);
	to = curl_slist_append(NULL, whom);
	m->data = data;
	m->left = size;
	m->stage = STAGE_HELLO;
	m->over = false;
	m->said[0] = m->line[0] = '\0';
	if (to == NULL || curl_easy_setopt(m->curl, CURLOPT_MAIL_FROM, from) != CURLE_OK ||
	    curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, to) != CURLE_OK) {
		snprintf(answer, HIN_MAIL_ANSWER, "no memory");
		curl_slist_free_all(to);
		return HIN_MAIL_LATER;
	}
	rc = curl_easy_perform(m->curl);
	outcome = judge(m, rc, answer);
	(void)curl_easy_setopt(m->curl, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(to);
	return outcome;
}
