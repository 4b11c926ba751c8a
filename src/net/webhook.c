/* webhook - one POST, judged at the socket; see webhook.h */
#include "net/webhook.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/time.h"
#include "net/place_priv.h"

#define ANSWER_LIMIT ((size_t)64 << 10) /* what is read of an answer's body */
#define HEADER 256

struct hin_webhook {
	CURL *curl;
	bool private_too;
	char *secret;
	const _Atomic bool *stop;
	bool plain;  /* the URL of this request is http: to loopback only */
	bool barred; /* no address of the name may be used */
	size_t taken;
	char said[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start_curl(void)
{
	started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool hin_webhook_is_public(const struct hin_addr *a)
{
	return place_is_public(a);
}

/* ---- what libcurl asks ---- */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *where)
{
	struct hin_webhook *w = user;
	struct hin_addr address;
	bool good = place_of(&address, &where->addr);

	(void)purpose;
	good = good && (place_is_public(&address) || w->private_too) &&
	       (!w->plain || place_is_loopback(&address));
	if (!good) {
		w->barred = true;
		return CURL_SOCKET_BAD;
	}
	return socket(where->family, where->socktype | SOCK_CLOEXEC, where->protocol);
}

/* What comes back is of no interest, and is not read for ever. */
static size_t drop_body(char *data, size_t one, size_t count, void *user)
{
	struct hin_webhook *w = user;

	(void)data;
	w->taken += one * count;
	return w->taken <= ANSWER_LIMIT ? one * count : 0;
}

static int progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct hin_webhook *w = user;

	(void)a, (void)b, (void)c, (void)d;
	return w->stop != NULL && atomic_load_explicit(w->stop, memory_order_relaxed);
}

static long milliseconds(int64_t ns, long otherwise)
{
	return ns > 0 ? (long)(ns / HIN_NS_PER_MS) : otherwise;
}

static bool set_options(struct hin_webhook *w, const struct hin_webhook_settings *set)
{
	CURL *h = w->curl;

	return curl_easy_setopt(h, CURLOPT_ERRORBUFFER, w->said) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https,http") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       (set->ca_file == NULL || set->ca_file[0] == '\0' ||
		curl_easy_setopt(h, CURLOPT_CAINFO, set->ca_file) == CURLE_OK) &&
	       curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       /* a kept connection would not be judged again */
	       curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_USERAGENT, "hinomi/" HIN_VERSION) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
				milliseconds(set->connect_ns, 10000)) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, milliseconds(set->request_ns, 20000)) ==
		       CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, drop_body) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEDATA, w) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, w) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, progress) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_XFERINFODATA, w) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

enum hin_code hin_webhook_open(struct hin_webhook **out, const struct hin_webhook_settings *set,
			       struct hin_error *err)
{
	struct hin_webhook *w = calloc(1, sizeof(*w));

	(void)pthread_once(&once, start_curl);
	if (w == NULL || !started) {
		free(w);
		return hin_fail(err, HIN_ENOMEM, "web hook: libcurl does not start");
	}
	w->private_too = set->private_too;
	w->stop = set->stop;
	w->secret = strdup(set->secret != NULL ? set->secret : "");
	w->curl = curl_easy_init();
	if (w->secret == NULL || w->curl == NULL || !set_options(w, set)) {
		hin_webhook_close(w);
		return hin_fail(err, HIN_ENOMEM, "web hook: no memory for libcurl");
	}
	*out = w;
	return HIN_OK;
}

void hin_webhook_close(struct hin_webhook *w)
{
	if (w == NULL)
		return;
	curl_easy_cleanup(w->curl);
	if (w->secret != NULL)
		explicit_bzero(w->secret, strlen(w->secret));
	free(w->secret);
	free(w);
}

/* ---- URLs ---- */

/* The address that the host is written as; false for a name. */
static bool host_address(const char *host, struct hin_addr *out)
{
	char bare[HIN_ADDR_TEXT + 2];
	size_t size = strlen(host);

	if (size >= sizeof(bare))
		return false;
	memcpy(bare, host, size + 1);
	if (bare[0] == '[' && bare[size - 1] == ']') {
		bare[size - 1] = '\0';
		return hin_addr_parse(out, bare + 1) == HIN_OK;
	}
	return hin_addr_parse(out, bare) == HIN_OK;
}

static enum hin_code judge_host(const char *url, const char *scheme, const char *host,
				bool private_too, struct hin_error *err)
{
	struct hin_addr address;
	bool literal = host_address(host, &address), named = strcmp(host, "localhost") == 0;
	bool loopback = named || (literal && place_is_loopback(&address));

	if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		return hin_fail(err, HIN_EDENIED, "\"%.100s\": a web hook is https", url);
	if (strcmp(scheme, "http") == 0 && !(loopback && private_too))
		return hin_fail(err, HIN_EDENIED,
				"\"%.100s\": a web hook is https; http only to loopback, where "
				"private addresses are allowed",
				url);
	if (!private_too && (loopback || (literal && !place_is_public(&address))))
		return hin_fail(err, HIN_EDENIED, "\"%.100s\" leads to a private address", url);
	return HIN_OK;
}

static enum hin_code take_apart(const char *url, bool private_too, bool *plain,
				struct hin_error *err)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *host = NULL, *user = NULL;
	enum hin_code code;

	for (const char *p = url; *p != '\0'; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p > 0x7e) {
			curl_url_cleanup(parts);
			return hin_fail(err, HIN_EFORMAT, "\"%.100s\" is no URL", url);
		}
	if (parts == NULL || strlen(url) >= HIN_WEBHOOK_URL ||
	    curl_url_set(parts, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		code = hin_fail(err, HIN_EFORMAT, "\"%.100s\" is no URL", url);
	else if (curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK)
		code = hin_fail(err, HIN_EDENIED,
				"a web hook's URL has no name and password in it");
	else
		code = judge_host(url, scheme, host, private_too, err);
	if (code == HIN_OK)
		*plain = strcmp(scheme, "http") == 0;
	curl_free(scheme);
	curl_free(host);
	curl_free(user);
	curl_url_cleanup(parts);
	return code;
}

enum hin_code hin_webhook_check(const char *url, bool private_too, struct hin_error *err)
{
	bool plain;

	return take_apart(url, private_too, &plain, err);
}

/* ---- one request ---- */

static bool add(struct curl_slist **list, const char *line)
{
	struct curl_slist *more = curl_slist_append(*list, line);

	if (more != NULL)
		*list = more;
	return more != NULL;
}

static bool sign(const struct hin_webhook *w, char out[HEADER], int64_t now_s, const void *json,
		 size_t size)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char stamp[32];
	size_t digest_size = 0, at;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	char name[] = "SHA256";
	OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("digest", name, 0),
				OSSL_PARAM_construct_end() };
	bool done;

	snprintf(stamp, sizeof(stamp), "%lld.", (long long)now_s);
	done = ctx != NULL &&
	       EVP_MAC_init(ctx, (const uint8_t *)w->secret, strlen(w->secret), params) == 1 &&
	       EVP_MAC_update(ctx, (const uint8_t *)stamp, strlen(stamp)) == 1 &&
	       EVP_MAC_update(ctx, json, size) == 1 &&
	       EVP_MAC_final(ctx, digest, &digest_size, sizeof(digest)) == 1;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	if (!done)
		return false;
	at = (size_t)snprintf(out, HEADER, "X-Hinomi-Signature: sha256=");
	for (size_t i = 0; i < digest_size; i++)
		at += (size_t)snprintf(out + at, HEADER - at, "%02x", digest[i]);
	return true;
}

static struct curl_slist *make_headers(const struct hin_webhook *w, const char *id, int64_t now_s,
				       const void *json, size_t size)
{
	struct curl_slist *list = NULL;
	char line[HEADER];
	bool good = add(&list, "Content-Type: application/json") && add(&list, "Expect:");

	for (const char *p = id; *p != '\0'; p++)
		good = good && *p > 0x20 && *p < 0x7f;
	snprintf(line, sizeof(line), "X-Hinomi-Delivery: %.100s", id);
	good = good && add(&list, line);
	snprintf(line, sizeof(line), "X-Hinomi-Timestamp: %lld", (long long)now_s);
	good = good && add(&list, line);
	if (w->secret[0] != '\0')
		good = good && sign(w, line, now_s, json, size) && add(&list, line);
	if (good)
		return list;
	curl_slist_free_all(list);
	return NULL;
}

static enum hin_webhook_outcome judge(struct hin_webhook *w, CURLcode rc, char *answer)
{
	struct hin_buffer text = hin_buffer_over(answer, HIN_WEBHOOK_ANSWER);
	long status = 0;

	(void)curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
	if (w->barred) {
		hin_buffer_puts(&text, "it leads to an address that is not public");
		return HIN_WEBHOOK_REFUSED;
	}
	/* an answer that is too long, or cut, still has its status */
	if (rc != CURLE_OK && (rc != CURLE_WRITE_ERROR || status == 0)) {
		const char *said = w->said[0] != '\0' ? w->said : curl_easy_strerror(rc);

		hin_escape(&text, said, strnlen(said, 70));
		return HIN_WEBHOOK_LATER;
	}
	hin_buffer_printf(&text, "status %ld", status);
	if (status >= 200 && status <= 299)
		return HIN_WEBHOOK_ACCEPTED;
	return status == 408 || status == 425 || status == 429 || status >= 500
		       ? HIN_WEBHOOK_LATER
		       : HIN_WEBHOOK_REFUSED;
}

enum hin_webhook_outcome hin_webhook_send(struct hin_webhook *w, const char *url, const char *id,
					  const void *json, size_t size, int64_t now_s,
					  char answer[HIN_WEBHOOK_ANSWER])
{
	struct curl_slist *headers;
	struct hin_error why = { 0 };
	enum hin_webhook_outcome outcome;

	if (take_apart(url, w->private_too, &w->plain, &why) != HIN_OK) {
		snprintf(answer, HIN_WEBHOOK_ANSWER, "%s", why.text);
		return HIN_WEBHOOK_REFUSED;
	}
	w->barred = false;
	w->taken = 0;
	w->said[0] = '\0';
	headers = make_headers(w, id, now_s, json, size);
	if (headers == NULL || curl_easy_setopt(w->curl, CURLOPT_URL, url) != CURLE_OK ||
	    curl_easy_setopt(w->curl, CURLOPT_POST, 1L) != CURLE_OK ||
	    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size) != CURLE_OK ||
	    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, json) != CURLE_OK ||
	    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK) {
		curl_slist_free_all(headers);
		snprintf(answer, HIN_WEBHOOK_ANSWER, "no memory");
		return HIN_WEBHOOK_LATER;
	}
	outcome = judge(w, curl_easy_perform(w->curl), answer);
	(void)curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, NULL);
	(void)curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, NULL);
	curl_slist_free_all(headers);
	return outcome;
}
