/* http_tls - certificates of the server and of its clients */
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "net/http_server_priv.h"

static gnutls_datum_t datum_of(const char *pem)
{
	gnutls_datum_t datum = { 0 };

	/* gnutls has no const here; it only reads */
	memcpy(&datum.data, &pem, sizeof(pem));
	datum.size = (unsigned)strlen(pem);
	return datum;
}

enum hin_code hin_http_authority_check(const char *pem, struct hin_error *err)
{
	gnutls_datum_t datum = datum_of(pem);
	gnutls_x509_crt_t *list = NULL;
	unsigned count = 0;
	int rc = gnutls_x509_crt_list_import2(&list, &count, &datum, GNUTLS_X509_FMT_PEM, 0);

	if (rc < 0)
		return hin_fail(err, HIN_EFORMAT, "the clients' authority cannot be read: %s",
				gnutls_strerror(rc));
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return HIN_OK;
}

/* Does the key belong to the first certificate of the chain? */
static bool fits(const struct hin_http_identity *id)
{
	uint8_t of_key[32], of_chain[32];
	size_t key_size = sizeof(of_key), chain_size = sizeof(of_chain);
	gnutls_pubkey_t public_key;
	bool same;

	if (gnutls_pubkey_init(&public_key) < 0)
		return false;
	same = gnutls_pubkey_import_privkey(public_key, id->key, 0, 0) >= 0 &&
	       gnutls_pubkey_get_key_id(public_key, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) >=
		       0 &&
	       gnutls_pubkey_get_key_id(id->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_chain,
					&chain_size) >= 0 &&
	       memcmp(of_key, of_chain, sizeof(of_key)) == 0;
	gnutls_pubkey_deinit(public_key);
	return same;
}

enum hin_code hin_http_identity_new(struct hin_http_identity **out, const char *certificate_pem,
				    const char *key_pem, struct hin_error *err)
{
	struct hin_http_identity *id = calloc(1, sizeof(*id));
	unsigned count = HIN_HTTP_CHAIN;
	enum hin_code code = HIN_OK;
	gnutls_datum_t datum;
	int rc;

	if (id == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the server's certificate");
	datum = datum_of(certificate_pem);
	rc = gnutls_pcert_list_import_x509_raw(id->chain, &count, &datum, GNUTLS_X509_FMT_PEM, 0);
	if (rc < 0 || count == 0) {
		code = hin_fail(err, HIN_EFORMAT, "the server's certificate cannot be read: %s",
				gnutls_strerror(rc));
		goto out;
	}
	id->count = count;
	datum = datum_of(key_pem);
	rc = gnutls_privkey_init(&id->key);
	if (rc >= 0)
		rc = gnutls_privkey_import_x509_raw(id->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc < 0) {
		code = hin_fail(err, HIN_EFORMAT, "the server's key cannot be read: %s",
				gnutls_strerror(rc));
		goto out;
	}
	if (!fits(id)) {
		code = hin_fail(err, HIN_EFORMAT,
				"the server's key is not that of its certificate");
		goto out;
	}
	*out = id;
	id = NULL;
out:
	hin_http_identity_free(id);
	return code;
}

void hin_http_identity_free(struct hin_http_identity *id)
{
	if (id == NULL)
		return;
	for (unsigned i = 0; i < id->count; i++)
		gnutls_pcert_deinit(&id->chain[i]);
	if (id->key != NULL)
		gnutls_privkey_deinit(id->key);
	free(id);
}

void hin_http_identity_sweep(struct hin_http_server *server)
{
	const struct connection_list *lists[] = { &server->strangers, &server->known };
	int64_t oldest_ns = INT64_MAX;

	if (server->identity == NULL || server->identity->older == NULL)
		return;
	for (size_t i = 0; i < HIN_COUNT(lists); i++)
		for (struct hin_http_connection *c = lists[i]->first; c != NULL; c = c->next)
			if (c->state == HIN_HTTP_OPENING && c->started_ns < oldest_ns)
				oldest_ns = c->started_ns;
	for (struct hin_http_identity **at = &server->identity->older; *at != NULL;) {
		struct hin_http_identity *id = *at;

		if (id->retired_ns < oldest_ns) {
			*at = id->older;
			hin_http_identity_free(id);
		} else {
			at = &id->older;
		}
	}
}

int hin_http_identity_give(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
			   gnutls_pcert_st **chain, unsigned int *count, gnutls_ocsp_data_st **ocsp,
			   unsigned int *ocsp_count, gnutls_privkey_t *key, unsigned int *flags)
{
	/* libmicrohttpd puts its connection there */
	struct hin_http_connection *c = hin_http_connection_of(gnutls_session_get_ptr(session));

	(void)info;
	if (c == NULL)
		return -1;
	pthread_mutex_lock(&c->server->lock);
	*chain = c->server->identity->chain;
	*count = c->server->identity->count;
	*key = c->server->identity->key;
	pthread_mutex_unlock(&c->server->lock);
	*ocsp = NULL;
	*ocsp_count = 0;
	*flags = 0; /* they stay ours */
	return 0;
}

/* Why a chain is refused, for the one who showed it. */
static const char *reason_of(unsigned status)
{
	static const struct {
		unsigned bit;
		const char *text;
	} reasons[] = {
		{ GNUTLS_CERT_SIGNER_NOT_FOUND, "is not of this hub's authority: enrol again" },
		{ GNUTLS_CERT_SIGNER_NOT_CA, "is not signed by an authority" },
		{ GNUTLS_CERT_SIGNATURE_FAILURE, "is not of this hub's authority: enrol again" },
		{ GNUTLS_CERT_EXPIRED, "has expired: enrol again, or set the clock" },
		{ GNUTLS_CERT_NOT_ACTIVATED, "is not valid yet: set the clock" },
		{ GNUTLS_CERT_PURPOSE_MISMATCH, "is not for clients" },
		{ GNUTLS_CERT_INSECURE_ALGORITHM, "uses an algorithm that is not safe" },
	};

	for (size_t i = 0; i < HIN_COUNT(reasons); i++)
		if (status & reasons[i].bit)
			return reasons[i].text;
	return "cannot be verified";
}

/* A name of ours has no control characters; one that has is taken for none. */
static void clean(char *text, size_t size)
{
	if (strlen(text) != size)
		text[0] = '\0';
	for (char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
			*at = '?';
}

static void read_names(struct hin_http_peer *peer, gnutls_x509_crt_t crt)
{
	size_t size = sizeof(peer->name);

	if (gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, peer->name,
					  &size) < 0)
		peer->name[0] = '\0';
	else
		clean(peer->name, size);
	for (unsigned i = 0; i < 16; i++) {
		int kind;

		size = sizeof(peer->uri) - 1;
		kind = gnutls_x509_crt_get_subject_alt_name(crt, i, peer->uri, &size, NULL);
		if (kind == GNUTLS_SAN_URI) {
			peer->uri[size] = '\0';
			clean(peer->uri, size);
			return;
		}
		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
	}
	peer->uri[0] = '\0';
}

static bool read_public_key(struct hin_http_peer *peer, gnutls_x509_crt_t crt)
{
	gnutls_pubkey_t key;
	bool good;

	if (gnutls_pubkey_init(&key) < 0)
		return false;
	peer->public_key_size = sizeof(peer->public_key);
	good = gnutls_pubkey_import_x509(key, crt, 0) >= 0 &&
	       gnutls_pubkey_export(key, GNUTLS_X509_FMT_DER, peer->public_key,
				    &peer->public_key_size) >= 0;
	gnutls_pubkey_deinit(key);
	return good;
}

static enum hin_code read_peer(struct hin_http_peer *peer, const gnutls_datum_t *der,
			       struct hin_error *err)
{
	size_t digest_size = sizeof(peer->sha256);
	gnutls_x509_crt_t crt;
	bool good;

	if (gnutls_x509_crt_init(&crt) < 0)
		return hin_fail(err, HIN_ENOMEM, "no memory for the client's certificate");
	peer->serial_size = sizeof(peer->serial);
	good = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) >= 0 &&
	       gnutls_fingerprint(GNUTLS_DIG_SHA256, der, peer->sha256, &digest_size) >= 0 &&
	       gnutls_x509_crt_get_serial(crt, peer->serial, &peer->serial_size) >= 0 &&
	       read_public_key(peer, crt);
	if (good) {
		size_t zeros = 0;

		while (zeros + 1 < peer->serial_size && peer->serial[zeros] == 0)
			zeros++;
		peer->serial_size -= zeros;
		memmove(peer->serial, peer->serial + zeros, peer->serial_size);
		read_names(peer, crt);
		peer->not_before_s = gnutls_x509_crt_get_activation_time(crt);
		peer->not_after_s = gnutls_x509_crt_get_expiration_time(crt);
		peer->present = true;
	}
	gnutls_x509_crt_deinit(crt);
	if (!good)
		return hin_fail(err, HIN_EVERIFY, "the client certificate cannot be read");
	return HIN_OK;
}

enum hin_code hin_http_peer_check(struct hin_http_peer *peer, gnutls_session_t session,
				  struct hin_error *err)
{
	char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
	gnutls_typed_vdata_st want = { GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)purpose,
				       sizeof(purpose) - 1 };
	unsigned count = 0, status = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
	int rc;

	*peer = (struct hin_http_peer){ 0 };
	if (chain == NULL || count == 0)
		return HIN_OK;
	if (count > HIN_HTTP_CHAIN)
		return hin_fail(err, HIN_EVERIFY,
				"the client certificate has a chain of %u, over the limit of %d",
				count, HIN_HTTP_CHAIN);
	rc = gnutls_certificate_verify_peers(session, &want, 1, &status);
	if (rc < 0)
		return hin_fail(err, HIN_EVERIFY, "the client certificate cannot be verified: %s",
				gnutls_strerror(rc));
	if (status != 0)
		return hin_fail(err, HIN_EVERIFY, "the client certificate %s", reason_of(status));
	return read_peer(peer, &chain[0], err);
}
