/* member - see member.h */
#include "trust/member.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define HEAD "hinomi joined 1\n"

void hin_member_fini(struct hin_member *m)
{
	if (m == NULL)
		return;
	free(m->folder);
	hin_buffer_fini(&m->ca_pem);
	hin_buffer_fini(&m->certificate_pem);
	hin_secret_fini(&m->key_pem);
	*m = (struct hin_member){ 0 };
}

static enum hin_code path_of(char out[PATH_MAX], const char *folder, const char *name,
			     struct hin_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of %s is too long", name);
	return HIN_OK;
}

char *hin_member_settings_path(const struct hin_member *m, char *out)
{
	(void)path_of(out, m->folder, "settings.note", NULL);
	return out;
}

bool hin_member_is_joined(const char *folder)
{
	char path[PATH_MAX];

	return path_of(path, folder, "joined", NULL) == HIN_OK && access(path, F_OK) == 0;
}

static enum hin_code read_text(struct hin_buffer *out, const char *folder, const char *name,
			       struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = path_of(path, folder, name, err);

	if (code != HIN_OK)
		return code;
	return hin_file_read_private(out, path, HIN_PEM_SIZE, err);
}

static enum hin_code write_text(const char *folder, const char *name, const struct hin_buffer *text,
				struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = path_of(path, folder, name, err);

	if (code == HIN_OK && text->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for %s", path);
	if (code == HIN_OK)
		code = hin_file_replace(path, text->data, text->used, 0600, err);
	return code;
}

/* ---- loading ---- */

static enum hin_code read_joined(struct hin_member *m, struct hin_error *err)
{
	char host[HIN_CODE_HOST], key[HIN_NOTE_KEY_TEXT];
	struct hin_buffer text = { 0 };
	struct hin_error why;
	uint16_t port;
	enum hin_code code = read_text(&text, m->folder, "joined", err);

	if (code == HIN_ENOENT)
		code = hin_fail(err, HIN_ENOENT, "%s has not joined a hub: hinomi trust join does",
				m->folder);
	if (code == HIN_OK && (sscanf(hin_buffer_text(&text),
				      HEAD "hub %269[^\n]\nname %63[^\n]\nsettings %191[^\n]\n",
				      m->hub, m->name, key) != 3 ||
			       hin_host_parse(host, &port, m->hub, &why) != HIN_OK ||
			       hin_note_verifier_parse(&m->settings_key, key, &why) != HIN_OK))
		code = hin_fail(err, HIN_EFORMAT, "%s/joined cannot be read: join again",
				m->folder);
	if (code == HIN_OK)
		snprintf(m->url, sizeof(m->url), "https://%s", m->hub);
	hin_buffer_fini(&text);
	return code;
}

static enum hin_code read_tls(struct hin_member *m, const char *passphrase, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	struct hin_error why = { 0 };
	const char *certificate = NULL;
	enum hin_code code = read_text(&file, m->folder, "tls.pem", &why);

	if (code == HIN_OK)
		certificate = strstr(hin_buffer_text(&file), "-----BEGIN CERTIFICATE-----");
	if (code == HIN_OK && certificate == NULL)
		code = hin_fail(&why, HIN_EFORMAT, "tls.pem has no certificate");
	if (code == HIN_OK && certificate != NULL) {
		hin_buffer_puts(&m->certificate_pem, certificate);
		code = hin_certificate_read(&m->certificate, certificate, &why);
	}
	if (code == HIN_OK)
		code = hin_certificate_key_open(&m->key_pem, hin_buffer_text(&file), passphrase,
						&why);
	hin_secret_fini(&file);
	if (code == HIN_EDENIED && passphrase == NULL)
		return hin_fail(err, code, "%s/tls.pem: %s: give --passphrase-file", m->folder,
				why.text);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "%s: %s", m->folder, why.text);
}

/* All but certificate and key; on failure the caller ends `m`. */
static enum hin_code read_public(struct hin_member *m, const char *folder, struct hin_error *err)
{
	struct hin_certificate ca;
	enum hin_code code;

	m->folder = strdup(folder);
	if (m->folder == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", folder);
	code = read_joined(m, err);
	if (code == HIN_OK)
		code = read_text(&m->ca_pem, folder, "ca.crt", err);
	if (code == HIN_OK)
		code = hin_certificate_read(&ca, hin_buffer_text(&m->ca_pem), err);
	if (code == HIN_OK)
		memcpy(m->ca_sha256, ca.sha256, sizeof(m->ca_sha256));
	return code;
}

/* On success `out` gets `m`; else it is ended. */
static enum hin_code hand_over(struct hin_member *out, struct hin_member *m, enum hin_code code)
{
	if (code != HIN_OK) {
		hin_member_fini(m);
		return code;
	}
	hin_member_fini(out);
	*out = *m;
	return HIN_OK;
}

enum hin_code hin_member_look(struct hin_member *out, const char *folder, struct hin_error *err)
{
	struct hin_member m = { 0 };

	return hand_over(out, &m, read_public(&m, folder, err));
}

enum hin_code hin_member_load(struct hin_member *out, const char *folder, const char *passphrase,
			      struct hin_error *err)
{
	struct hin_member m = { 0 };
	enum hin_code code = read_public(&m, folder, err);

	if (code == HIN_OK)
		code = read_tls(&m, passphrase, err);
	return hand_over(out, &m, code);
}

bool hin_member_due(const struct hin_member *m, int64_t now_s)
{
	int64_t life_s = m->certificate.until_s - m->certificate.from_s;

	return now_s > m->certificate.until_s - life_s / 3;
}

/* ---- asking ---- */

static enum hin_code draw(struct hin_buffer *key_pem, struct hin_buffer *csr, struct hin_error *err)
{
	enum hin_code code = hin_certificate_key(key_pem, NULL, err);

	return code == HIN_OK ? hin_certificate_request(csr, key_pem->data, err) : code;
}

enum hin_code hin_member_ask(struct hin_buffer *request, struct hin_buffer *key_pem,
			     const struct hin_join_code *code, const struct hin_enrol_key *key,
			     struct hin_error *err)
{
	struct hin_buffer csr = { 0 };
	enum hin_code rc = draw(key_pem, &csr, err);

	if (rc == HIN_OK)
		rc = hin_enrol_write(request, code, key, csr.data, csr.used, err);
	hin_buffer_fini(&csr);
	return rc;
}

enum hin_code hin_member_ask_renewal(struct hin_buffer *request, struct hin_buffer *key_pem,
				     const struct hin_member *m, const struct hin_enrol_key *key,
				     struct hin_error *err)
{
	struct hin_buffer csr = { 0 };
	enum hin_code code = draw(key_pem, &csr, err);

	if (code == HIN_OK)
		code = hin_enrol_write_renewal(request, m->ca_sha256, key, csr.data, csr.used, err);
	hin_buffer_fini(&csr);
	return code;
}

/* ---- the answer ---- */

/* Is it from the hub's CA, for our TLS key and for our own id? */
static enum hin_code check_answer(const struct hin_enrol_answer *answer,
				  const uint8_t ca_sha256[32], const struct hin_enrol_key *key,
				  const char *key_pem, int64_t now_s, struct hin_error *err)
{
	struct hin_certificate ca, own;
	struct hin_error why = { 0 };
	uint8_t id[32], named[16];
	enum hin_code code;

	code = hin_certificate_read(&ca, hin_buffer_text(&answer->ca_pem), err);
	if (code == HIN_OK)
		code = hin_certificate_read(&own, hin_buffer_text(&answer->certificate_pem), err);
	if (code != HIN_OK)
		return code;
	if (memcmp(ca.sha256, ca_sha256, 32) != 0)
		return hin_fail(err, HIN_EVERIFY, "the hub answered with another CA");
	code = hin_certificate_check(hin_buffer_text(&answer->certificate_pem),
				     hin_buffer_text(&answer->ca_pem), key_pem, now_s, &why);
	if (code != HIN_OK)
		return hin_fail(err, HIN_EVERIFY, "the hub's answer: %s; is this clock right?",
				why.text);
	crypto_hash_sha256(id, key->public_key, sizeof(key->public_key));
	if (!hin_sensor_of_uri(named, own.uri) || memcmp(named, id, 16) != 0)
		return hin_fail(err, HIN_EVERIFY,
				"the hub answered with another sensor's certificate");
	return HIN_OK;
}

static enum hin_code write_tls(const char *folder, const char *key_pem, const char *certificate_pem,
			       const char *passphrase, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	enum hin_code code = HIN_OK;

	if (passphrase != NULL)
		code = hin_certificate_key_seal(&file, key_pem, passphrase, err);
	else
		hin_buffer_puts(&file, key_pem);
	hin_buffer_puts(&file, certificate_pem);
	if (code == HIN_OK)
		code = write_text(folder, "tls.pem", &file, err);
	hin_secret_fini(&file);
	return code;
}

enum hin_code hin_member_join(const char *folder, const struct hin_join_code *join,
			      const struct hin_enrol_key *key, const char *key_pem,
			      const void *data, size_t size, const char *passphrase, int64_t now_s,
			      struct hin_error *err)
{
	bool v6 = strchr(join->host, ':') != NULL;
	struct hin_enrol_answer answer = { 0 };
	char settings[HIN_NOTE_KEY_TEXT];
	struct hin_buffer joined = { 0 };
	enum hin_code code = hin_enrol_answer_read(&answer, data, size, err);

	if (code == HIN_OK)
		code = check_answer(&answer, join->ca_sha256, key, key_pem, now_s, err);
	if (code == HIN_OK && mkdir(folder, 0700) != 0 && errno != EEXIST)
		code = hin_fail(err, HIN_ESYS, "make %s", folder);
	if (code == HIN_OK)
		code = write_tls(folder, key_pem, hin_buffer_text(&answer.certificate_pem),
				 passphrase, err);
	if (code == HIN_OK)
		code = write_text(folder, "ca.crt", &answer.ca_pem, err);
	if (code == HIN_OK) {
		hin_buffer_printf(&joined, HEAD "hub %s%s%s:%u\nname %s\nsettings %s\n",
				  v6 ? "[" : "", join->host, v6 ? "]" : "", join->port, answer.name,
				  hin_note_verifier_format(&answer.settings_key, settings));
		code = write_text(folder, "joined", &joined, err); /* last: now it has joined */
	}
	hin_buffer_fini(&joined);
	hin_enrol_answer_fini(&answer);
	return code;
}

enum hin_code hin_member_renew(struct hin_member *m, const struct hin_enrol_key *key,
			       const char *key_pem, const void *data, size_t size,
			       const char *passphrase, int64_t now_s, struct hin_error *err)
{
	struct hin_enrol_answer answer = { 0 };
	struct hin_buffer fresh_key = { 0 };
	enum hin_code code = hin_enrol_answer_read(&answer, data, size, err);

	if (code == HIN_OK)
		code = check_answer(&answer, m->ca_sha256, key, key_pem, now_s, err);
	if (code == HIN_OK) {
		hin_buffer_puts(&fresh_key, key_pem);
		if (fresh_key.failed)
			code = hin_fail(err, HIN_ENOMEM, "no memory for a key");
	}
	if (code == HIN_OK)
		code = write_tls(m->folder, key_pem, hin_buffer_text(&answer.certificate_pem),
				 passphrase, err);
	if (code == HIN_OK)
		code = hin_certificate_read(&m->certificate,
					    hin_buffer_text(&answer.certificate_pem), err);
	if (code == HIN_OK) {
		hin_buffer_fini(&m->certificate_pem);
		m->certificate_pem = answer.certificate_pem;
		answer.certificate_pem = (struct hin_buffer){ 0 };
		hin_secret_fini(&m->key_pem);
		m->key_pem = fresh_key;
		fresh_key = (struct hin_buffer){ 0 };
	}
	hin_secret_fini(&fresh_key);
	hin_enrol_answer_fini(&answer);
	return code;
}
