/* http_client - see http_client.h; libcurl with OpenSSL does the work */
#include "net/http_client.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "base/time.h"

#define AGENT "hinomi/" HIN_VERSION
#define PATH_LIMIT 2048
#define EXPECT_SIZE ((size_t)1 << 20) /* what a server of ours reads before it refuses */

struct hin_http_client {
	CURL *curl;
	char *url;
	STACK_OF(X509) * anchors; /* the authorities; NULL = one with the fingerprint */
	uint8_t ca_sha256[32];
	size_t answer_limit;
	const _Atomic bool *stop;
	char said[CURL_ERROR_SIZE];

	/* of the request that runs */
	struct hin_http_reply *reply;
	bool too_large, stopped;
	bool no_anchor; /* no certificate of the chain has the fingerprint */
	int verify;	/* X509_V_ERR_... of the chain, 0 = good */
};

void hin_http_client_settings_default(struct hin_http_client_settings *settings)
{
	*settings = (struct hin_http_client_settings){
		.connect_ns = 10 * HIN_NS_PER_S,
		.request_ns = 60 * HIN_NS_PER_S,
		.answer_limit = (size_t)1 << 20,
	};
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;

static void start_curl(void)
{
	started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

/* ---- certificates ---- */

/* The certificates of a text, one after another; NULL when there is none or one is broken. */
static STACK_OF(X509) * read_chain(const char *pem)
{
	BIO *in = BIO_new_mem_buf(pem, -1);
	STACK_OF(X509) *chain = sk_X509_new_null();
	X509 *one;

	while (in != NULL && chain != NULL && (one = PEM_read_bio_X509(in, NULL, NULL, NULL)))
		if (sk_X509_push(chain, one) <= 0) {
			X509_free(one);
			break;
		}
	ERR_clear_error();
	BIO_free(in);
	if (chain != NULL && sk_X509_num(chain) > 0)
		return chain;
	sk_X509_pop_free(chain, X509_free);
	return NULL;
}

static bool has_digest(const X509 *certificate, const uint8_t sha256[32])
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	return X509_digest(certificate, EVP_sha256(), digest, &size) == 1 && size == 32 &&
	       memcmp(digest, sha256, 32) == 0;
}

/* The certificate of the server's chain that has our fingerprint, and is an authority's; or none.
 */
static STACK_OF(X509) * find_anchor(const struct hin_http_client *c, STACK_OF(X509) * shown)
{
	STACK_OF(X509) *anchors = sk_X509_new_null();

	for (int i = 0; anchors != NULL && i < sk_X509_num(shown); i++) {
		X509 *one = sk_X509_value(shown, i);

		if (has_digest(one, c->ca_sha256) && X509_check_ca(one) > 0) {
			(void)sk_X509_push(anchors, one);
			break;
		}
	}
	return anchors;
}

/* OpenSSL asks whether the server's chain is good. */
static int verify_chain(X509_STORE_CTX *ctx, void *user)
{
	struct hin_http_client *c = user;
	STACK_OF(X509) *found = NULL;
	int good = 0;

	if (c->anchors == NULL)
		found = find_anchor(c, X509_STORE_CTX_get0_untrusted(ctx));
	c->no_anchor = c->anchors == NULL && (found == NULL || sk_X509_num(found) == 0);
	X509_STORE_CTX_set0_trusted_stack(ctx, c->anchors != NULL ? c->anchors : found);
	if (c->no_anchor)
		X509_STORE_CTX_set_error(ctx, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
	else
		good = X509_verify_cert(ctx);
	c->verify = X509_STORE_CTX_get_error(ctx);
	if (good != 1 && c->verify == X509_V_OK) /* no memory */
		c->verify = X509_V_ERR_UNSPECIFIED;
	ERR_clear_error();   /* else an error inside is told in place of the verdict */
	sk_X509_free(found); /* the context only uses it in X509_verify_cert() */
	return good == 1;
}

static CURLcode set_verifier(CURL *curl, void *ssl_ctx, void *user)
{
	(void)curl;
	SSL_CTX_set_cert_verify_callback(ssl_ctx, verify_chain, user);
	return CURLE_OK;
}

/* ---- open and close ---- */

/* "https://host" or "https://host:port", and nothing behind it but a slash. */
static enum hin_code check_url(const char *url, struct hin_error *err)
{
	CURLU *parts = curl_url();
	char *scheme = NULL, *path = NULL, *rest = NULL;
	bool good;

	if (parts == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for an address");
	good = url != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	       curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	       strcmp(scheme, "https") == 0 &&
	       curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
	       strcmp(path, "/") == 0 &&
	       curl_url_get(parts, CURLUPART_QUERY, &rest, 0) != CURLUE_OK &&
	       curl_url_get(parts, CURLUPART_USER, &rest, 0) != CURLUE_OK;
	curl_free(scheme);
	curl_free(path);
	curl_free(rest);
	curl_url_cleanup(parts);
	if (!good)
		return hin_fail(err, HIN_EFORMAT,
				"\"%.100s\" is no address of a hub, as https://hub.example:8443",
				url != NULL ? url : "");
	return HIN_OK;
}

static struct curl_blob blob_of(const char *pem)
{
	return (struct curl_blob){ .data = (void *)(uintptr_t)pem,
				   .len = strlen(pem),
				   .flags = CURL_BLOB_COPY };
}

static bool is_key(const char *pem)
{
	BIO *in = pem != NULL ? BIO_new_mem_buf(pem, -1) : NULL;
	char none[1] = "";
	EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, NULL, none) : NULL;
	bool good = key != NULL;

	ERR_clear_error();
	EVP_PKEY_free(key);
	BIO_free(in);
	return good;
}

/* Whom to trust: the texts are read here, so that mistakes are found before the first request. */
static enum hin_code set_trust(struct hin_http_client *c,
			       const struct hin_http_client_settings *set, struct hin_error *err)
{
	bool found = false;

	if (set->ca_pem == NULL && set->ca_sha256 == NULL)
		return hin_fail(err, HIN_EFORMAT, "no authority is given to know the hub by");
	if (set->ca_sha256 != NULL)
		memcpy(c->ca_sha256, set->ca_sha256, 32);
	if (set->ca_pem != NULL) {
		c->anchors = read_chain(set->ca_pem);
		if (c->anchors == NULL)
			return hin_fail(err, HIN_EFORMAT, "the hub's authority is no certificate");
		for (int i = 0; i < sk_X509_num(c->anchors); i++)
			found = found || has_digest(sk_X509_value(c->anchors, i), c->ca_sha256);
		if (set->ca_sha256 != NULL && !found)
			return hin_fail(err, HIN_EVERIFY,
					"the hub's authority has not the fingerprint that was "
					"given");
	}
	/* libcurl itself shall know no authority */
	if (curl_easy_setopt(c->curl, CURLOPT_CAINFO, NULL) != CURLE_OK ||
	    curl_easy_setopt(c->curl, CURLOPT_SSL_CTX_FUNCTION, set_verifier) != CURLE_OK ||
	    curl_easy_setopt(c->curl, CURLOPT_SSL_CTX_DATA, c) != CURLE_OK)
		return hin_fail(err, HIN_EUNSUPPORTED, "libcurl is not built with OpenSSL");
	return HIN_OK;
}

static enum hin_code set_identity(struct hin_http_client *c,
				  const struct hin_http_client_settings *set, struct hin_error *err)
{
	struct curl_blob certificate, key;
	STACK_OF(X509) * chain;

	if (set->certificate_pem == NULL)
		return HIN_OK;
	chain = read_chain(set->certificate_pem);
	if (chain == NULL)
		return hin_fail(err, HIN_EFORMAT, "the client's certificate cannot be read");
	sk_X509_pop_free(chain, X509_free);
	if (!is_key(set->key_pem))
		return hin_fail(err, HIN_EFORMAT, "the client's key cannot be read");
	certificate = blob_of(set->certificate_pem);
	key = blob_of(set->key_pem);
	if (curl_easy_setopt(c->curl, CURLOPT_SSLCERT_BLOB, &certificate) != CURLE_OK ||
	    curl_easy_setopt(c->curl, CURLOPT_SSLKEY_BLOB, &key) != CURLE_OK)
		return hin_fail(err, HIN_ENOMEM, "no memory for the client's certificate");
	return HIN_OK;
}

static size_t take_body(char *data, size_t one, size_t size, void *user)
{
	struct hin_http_client *c = user;

	hin_buffer_add(&c->reply->body, data, one * size);
	if (!c->reply->body.failed)
		return one * size;
	c->too_large = true;
	return 0;
}

static int progress(void *user, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e)
{
	struct hin_http_client *c = user;

	(void)a, (void)b, (void)d, (void)e;
	if (c->stop != NULL && atomic_load_explicit(c->stop, memory_order_relaxed))
		c->stopped = true;
	return c->stopped;
}

static long milliseconds(int64_t ns)
{
	return ns > 0 ? (long)((ns + HIN_NS_PER_MS - 1) / HIN_NS_PER_MS) : 0;
}

static bool set_options(struct hin_http_client *c, const struct hin_http_client_settings *set)
{
	CURL *h = c->curl;
	const char *proxy = set->proxy != NULL ? set->proxy : "";

	return curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->said) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_PROXY, proxy) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_MAXCONNECTS, 1L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, 128L << 10) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_EXPECT_100_TIMEOUT_MS, 5000L) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_USERAGENT, AGENT) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(set->connect_ns)) ==
		       CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, milliseconds(set->request_ns)) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_WRITEDATA, c) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, progress) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_XFERINFODATA, c) == CURLE_OK &&
	       curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
}

enum hin_code hin_http_client_open(struct hin_http_client **out,
				   const struct hin_http_client_settings *set,
				   struct hin_error *err)
{
	struct hin_http_client *c = NULL;
	enum hin_code code;

	pthread_once(&once, start_curl);
	if (!started)
		return hin_fail(err, HIN_EUNSUPPORTED, "libcurl does not start");
	code = check_url(set->url, err);
	if (code != HIN_OK)
		return code;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a client");
	c->answer_limit = set->answer_limit;
	c->stop = set->stop;
	c->url = strdup(set->url);
	c->curl = curl_easy_init();
	if (c->url == NULL || c->curl == NULL || !set_options(c, set)) {
		code = hin_fail(err, HIN_ENOMEM, "no memory for a client");
		goto out;
	}
	if (c->url[strlen(c->url) - 1] == '/')
		c->url[strlen(c->url) - 1] = '\0';
	code = set_trust(c, set, err);
	if (code == HIN_OK)
		code = set_identity(c, set, err);
	if (code == HIN_OK) {
		*out = c;
		c = NULL;
	}
out:
	hin_http_client_close(c);
	return code;
}

void hin_http_client_close(struct hin_http_client *c)
{
	if (c == NULL)
		return;
	curl_easy_cleanup(c->curl);
	sk_X509_pop_free(c->anchors, X509_free);
	free(c->url);
	free(c);
}

void hin_http_reply_fini(struct hin_http_reply *reply)
{
	if (reply != NULL)
		hin_buffer_fini(&reply->body);
}

/* ---- requests ---- */

/* What is wrong with the server's certificate, and what to do. */
static enum hin_code explain_certificate(const struct hin_http_client *c, struct hin_error *err)
{
	if (c->no_anchor)
		return hin_fail(
			err, HIN_EVERIFY,
			"%s is not the hub of this fingerprint: check the code, or somebody "
			"is in between",
			c->url);
	switch (c->verify) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return hin_fail(err, HIN_EVERIFY,
				"%s: its certificate is not valid yet: set this machine's clock",
				c->url);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return hin_fail(err, HIN_EVERIFY,
				"%s: its certificate has expired: renew it on the hub, or set this "
				"machine's clock",
				c->url);
	case X509_V_OK: /* the chain is good, so it is the name */
		return hin_fail(err, HIN_EVERIFY,
				"%s: its certificate is for another name: use one of the names "
				"given to hinomi trust init (%s)",
				c->url, c->said);
	default:
		return hin_fail(err, HIN_EVERIFY, "%s: its certificate is not of our authority: %s",
				c->url, X509_verify_cert_error_string(c->verify));
	}
}

static enum hin_code explain(const struct hin_http_client *c, CURLcode rc, struct hin_error *err)
{
	const char *said = c->said[0] != '\0' ? c->said : curl_easy_strerror(rc);

	if (c->too_large)
		return hin_fail(err, HIN_ELIMIT, "%s: the answer is larger than %zu bytes", c->url,
				c->answer_limit);
	if (c->stopped)
		return hin_fail(err, HIN_EAGAIN, "%s: stopped", c->url);
	if (c->verify != X509_V_OK)
		return explain_certificate(c, err);
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
		return explain_certificate(c, err);
	case CURLE_OUT_OF_MEMORY:
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", c->url);
	default:
		break;
	}
	if (strstr(said, "certificate required") != NULL)
		return hin_fail(err, HIN_EDENIED, "%s wants a client certificate: join it first",
				c->url);
	/* HIN_ESYS would add an errno that says less */
	(void)hin_fail(err, HIN_EOF, "%s: %s", c->url, said);
	if (err != NULL)
		err->code = HIN_ESYS;
	return HIN_ESYS;
}

static void read_reply(struct hin_http_client *c)
{
	struct hin_http_reply *reply = c->reply;
	curl_off_t after = 0;
	long status = 0;
	char *type = NULL;

	(void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(c->curl, CURLINFO_CONTENT_TYPE, &type);
	(void)curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &after);
	reply->status = (unsigned)status;
	snprintf(reply->type, sizeof(reply->type), "%s", type != NULL ? type : "");
	reply->retry_after_s = after > 0 && after < 86400 ? (unsigned)after : 0;
}

/* The method, and the headers that do not follow from it. */
static struct curl_slist *prepare(struct hin_http_client *c, const char *method, const char *type,
				  const void *body, size_t size)
{
	char line[256];
	/* a large body waits for the server's word; for others that would be a round trip more */
	const char *expect = size > EXPECT_SIZE ? "Expect: 100-continue" : "Expect:";
	struct curl_slist *list = curl_slist_append(NULL, expect), *more = NULL;
	CURL *h = c->curl;

	snprintf(line, sizeof(line), "Content-Type: %s",
		 type != NULL ? type : "application/octet-stream");
	if (list != NULL)
		more = curl_slist_append(list, body != NULL ? line : "Content-Type:");
	if (more == NULL) {
		curl_slist_free_all(list);
		return NULL;
	}
	(void)curl_easy_setopt(h, CURLOPT_HTTPGET, 1L);
	(void)curl_easy_setopt(h, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
	if (body != NULL) {
		(void)curl_easy_setopt(h, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
		(void)curl_easy_setopt(h, CURLOPT_POSTFIELDS, body);
	}
	(void)curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST,
			       strcmp(method, "HEAD") == 0 ? NULL : method);
	(void)curl_easy_setopt(h, CURLOPT_HTTPHEADER, list);
	return list;
}

enum hin_code hin_http_client_send(struct hin_http_client *c, const char *method, const char *path,
				   const char *type, const void *body, size_t size,
				   struct hin_http_reply *reply, struct hin_error *err)
{
	char url[PATH_LIMIT];
	struct curl_slist *headers;
	CURLcode rc;

	reply->status = 0;
	hin_buffer_reset(&reply->body);
	reply->body.limit = c->answer_limit;
	if (snprintf(url, sizeof(url), "%s%s", c->url, path) >= (int)sizeof(url))
		return hin_fail(err, HIN_ELIMIT, "%s: the path is too long", c->url);
	if (body == NULL && size == 0 && strcmp(method, "POST") == 0)
		body = "";
	headers = prepare(c, method, type, body, size);
	if (headers == NULL || curl_easy_setopt(c->curl, CURLOPT_URL, url) != CURLE_OK) {
		curl_slist_free_all(headers);
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", c->url);
	}
	c->reply = reply;
	c->too_large = c->stopped = c->no_anchor = false;
	c->verify = 0;
	c->said[0] = '\0';
	rc = curl_easy_perform(c->curl);
	read_reply(c);
	(void)curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	c->reply = NULL;
	return rc == CURLE_OK ? HIN_OK : explain(c, rc, err);
}
