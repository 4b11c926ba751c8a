/* ca - the folder of a hub's CA; requests of sensors are in ca_answer.c */
#include "trust/ca.h"

#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/time.h"
#include "trust/ca_priv.h"
#include "trust/settings.h"

#define HEAD "hinomi hub 1\n"
#define CONF_SIZE ((size_t)16 << 10)

/* ---- files ---- */

static enum hin_code path_of(char out[PATH_MAX], const char *folder, const char *name,
			     struct hin_error *err)
{
	if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of %s is too long", name);
	return HIN_OK;
}

static enum hin_code write_file(const char *folder, const char *name, const struct hin_buffer *text,
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

/* Append a file that nobody but its owner may touch. */
static enum hin_code read_file(struct hin_buffer *out, const char *folder, const char *name,
			       size_t limit, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = path_of(path, folder, name, err);

	if (code != HIN_OK)
		return code;
	return hin_file_read_private(out, path, limit, err);
}

/* ---- hub.conf ---- */

static enum hin_code add_name(struct hin_ca *a, const char *name, struct hin_error *err)
{
	char host[HIN_CODE_HOST], text[HIN_CODE_HOST + 8];
	uint16_t port;

	if (a->name_count == HIN_CA_NAMES)
		return hin_fail(err, HIN_ELIMIT, "a hub has at most %d names", HIN_CA_NAMES);
	snprintf(text, sizeof(text), strchr(name, ':') != NULL ? "[%s]:1" : "%s:1", name);
	if (strlen(name) >= HIN_CODE_HOST || hin_host_parse(host, &port, text, NULL) != HIN_OK)
		return hin_fail(err, HIN_EFORMAT, "\"%.100s\" is neither a DNS name nor an address",
				name);
	for (size_t i = 0; i < a->name_count; i++)
		if (strcmp(a->names[i], name) == 0)
			return HIN_OK;
	a->names[a->name_count] = strdup(name);
	if (a->names[a->name_count] == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a name");
	a->name_count++;
	return HIN_OK;
}

static void forget_names(struct hin_ca *a)
{
	while (a->name_count > 0)
		free(a->names[--a->name_count]);
	free(a->hub);
	a->hub = NULL;
}

static enum hin_code set_hub(struct hin_ca *a, const char *hub, struct hin_error *err)
{
	enum hin_code code = hin_host_parse(a->host, &a->port, hub, err);

	if (code != HIN_OK)
		return code;
	a->hub = strdup(hub);
	if (a->hub == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a name");
	return add_name(a, a->host, err);
}

static enum hin_code write_conf(const struct hin_ca *a, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	enum hin_code code;

	hin_buffer_printf(&text, HEAD "hub %s\nsettings %s\n", a->hub, a->settings_name);
	if (a->sensor_life_s != HIN_SENSOR_LIFE_S)
		hin_buffer_printf(&text, "sensor-life %lld\n", (long long)a->sensor_life_s);
	for (size_t i = 0; i < a->name_count; i++)
		hin_buffer_printf(&text, "name %s\n", a->names[i]);
	code = write_file(a->folder, "hub.conf", &text, err);
	hin_buffer_fini(&text);
	return code;
}

static enum hin_code read_conf(struct hin_ca *a, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char *rest = NULL;
	enum hin_code code = read_file(&text, a->folder, "hub.conf", CONF_SIZE, err);

	if (code == HIN_ENOENT)
		code = hin_fail(err, HIN_ENOENT, "%s is no hub's CA: hinomi trust init makes one",
				a->folder);
	if (code == HIN_OK && strncmp(hin_buffer_text(&text), HEAD, strlen(HEAD)) != 0)
		code = hin_fail(err, HIN_EFORMAT,
				"%s/hub.conf does not begin with \"hinomi hub 1\"", a->folder);
	for (char *line = code == HIN_OK ? strtok_r(text.data + strlen(HEAD), "\n", &rest) : NULL;
	     line != NULL && code == HIN_OK; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "hub ", 4) == 0 && a->hub == NULL)
			code = set_hub(a, line + 4, err);
		else if (strncmp(line, "name ", 5) == 0)
			code = add_name(a, line + 5, err);
		else if (strncmp(line, "sensor-life ", 12) == 0)
			code = hin_number_i64(&a->sensor_life_s, "sensor-life", line + 12, 1,
					      HIN_SENSOR_LIFE_MOST_S, err);
		else if (strncmp(line, "settings ", 9) == 0 &&
			 strlen(line + 9) < sizeof(a->settings_name))
			memcpy(a->settings_name, line + 9, strlen(line + 9) + 1);
		else
			code = hin_fail(err, HIN_EFORMAT,
					"%s/hub.conf: \"%.60s\" is not understood", a->folder,
					line);
	}
	if (code == HIN_OK && (a->hub == NULL || a->settings_name[0] == '\0'))
		code = hin_fail(err, HIN_EFORMAT, "%s/hub.conf has no line \"hub\" or \"settings\"",
				a->folder);
	hin_buffer_fini(&text);
	return code;
}

/* ---- keys ---- */

/* Draw the CA's key and make its certificate. */
static enum hin_code make_ca(struct hin_ca *a, const char *passphrase, int64_t now_s,
			     struct hin_error *err)
{
	struct hin_certificate_wish wish = { .kind = HIN_CERTIFICATE_AUTHORITY,
					     .from_s = now_s - ca_early_s(HIN_CA_LIFE_S),
					     .until_s = now_s + HIN_CA_LIFE_S };
	struct hin_buffer sealed = { 0 };
	char name[HIN_CERTIFICATE_NAME];
	uint8_t mark[4];
	enum hin_code code;

	/* its own name, so that two of them are never taken for each other */
	randombytes_buf(mark, sizeof(mark));
	snprintf(name, sizeof(name), "hinomi authority %02x%02x%02x%02x", mark[0], mark[1], mark[2],
		 mark[3]);
	wish.name = name;
	code = hin_certificate_key(&a->key, NULL, err);
	if (code == HIN_OK)
		code = hin_certificate_make(&a->pem, &wish, hin_buffer_text(&a->key), NULL, NULL,
					    err);
	if (code == HIN_OK && passphrase != NULL)
		code = hin_certificate_key_seal(&sealed, hin_buffer_text(&a->key), passphrase, err);
	if (code == HIN_OK)
		code = write_file(a->folder, "ca.key", passphrase != NULL ? &sealed : &a->key, err);
	if (code == HIN_OK)
		code = write_file(a->folder, "ca.crt", &a->pem, err);
	if (code == HIN_OK)
		code = hin_certificate_read(&a->certificate, hin_buffer_text(&a->pem), err);
	hin_secret_fini(&sealed);
	return code;
}

static enum hin_code make_settings_key(struct hin_ca *a, const char *passphrase,
				       struct hin_error *err)
{
	struct hin_buffer pem = { 0 };
	uint8_t seed[32];
	enum hin_code code;

	randombytes_buf(seed, sizeof(seed));
	code = hin_certificate_seed(&pem, seed, passphrase, err);
	if (code == HIN_OK)
		code = write_file(a->folder, "settings.key", &pem, err);
	if (code == HIN_OK)
		code = hin_note_signer_of(&a->signer, a->settings_name, seed, err);
	explicit_bzero(seed, sizeof(seed));
	hin_secret_fini(&pem);
	return code;
}

/* A key and a certificate for the hub, in one file, so that they change together. */
static enum hin_code make_hub(struct hin_ca *a, const char *passphrase, int64_t now_s,
			      struct hin_error *err)
{
	struct hin_certificate_wish wish = { .kind = HIN_CERTIFICATE_HUB,
					     .name = "hinomi hub",
					     .names = (const char *const *)a->names,
					     .name_count = a->name_count,
					     .from_s = now_s - ca_early_s(HIN_HUB_LIFE_S),
					     .until_s = now_s + HIN_HUB_LIFE_S };
	struct hin_buffer key = { 0 }, pem = { 0 }, file = { 0 };
	struct hin_certificate certificate;
	enum hin_code code;

	if (wish.until_s > a->certificate.until_s)
		wish.until_s = a->certificate.until_s;
	code = hin_certificate_key(&key, NULL, err);
	if (code == HIN_OK)
		code = hin_certificate_make(&pem, &wish, hin_buffer_text(&key),
					    hin_buffer_text(&a->pem), hin_buffer_text(&a->key),
					    err);
	if (code == HIN_OK)
		code = hin_certificate_read(&certificate, hin_buffer_text(&pem), err);
	if (code == HIN_OK && passphrase != NULL)
		code = hin_certificate_key_seal(&file, hin_buffer_text(&key), passphrase, err);
	else if (code == HIN_OK)
		hin_buffer_puts(&file, hin_buffer_text(&key));
	if (code == HIN_OK) {
		hin_buffer_puts(&pem, hin_buffer_text(&a->pem));
		hin_buffer_puts(&file, hin_buffer_text(&pem));
		if (pem.failed)
			file.failed = true;
		code = write_file(a->folder, "hub.pem", &file, err);
	}
	if (code == HIN_OK) {
		struct hin_buffer old_pem = a->hub_pem, old_key = a->hub_key;

		a->hub_certificate = certificate;
		a->hub_pem = pem;
		a->hub_key = key;
		pem = old_pem;
		key = old_key;
	}
	hin_secret_fini(&file);
	hin_secret_fini(&key);
	hin_buffer_fini(&pem);
	return code;
}

/* ---- init, open, unlock ---- */

/* NULL without memory. */
static struct hin_ca *ca_new(const char *folder)
{
	struct hin_ca *a = sodium_init() >= 0 ? calloc(1, sizeof(*a)) : NULL;

	if (a == NULL)
		return NULL;
	a->folder = strdup(folder);
	if (a->folder == NULL) {
		free(a);
		return NULL;
	}
	a->sensor_life_s = HIN_SENSOR_LIFE_S;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

/* A folder without hub.conf, or with a roster that nobody is in, is what an init left unfinished.
 */
static enum hin_code check_fresh(const char *folder, struct hin_error *err)
{
	char path[PATH_MAX];
	struct stat st;
	enum hin_code code = path_of(path, folder, "hub.conf", err);

	if (code != HIN_OK)
		return code;
	if (stat(path, &st) == 0)
		return hin_fail(err, HIN_EDENIED, "%s is the folder of a CA already", folder);
	code = path_of(path, folder, "roster", err);
	if (code == HIN_OK && stat(path, &st) == 0 && st.st_size > 64)
		return hin_fail(err, HIN_EDENIED,
				"%s has sensors, but its hub.conf is missing: restore that",
				folder);
	if (code == HIN_OK && unlink(path) != 0 && errno != ENOENT)
		return hin_fail(err, HIN_ESYS, "remove %s", path);
	return code;
}

static enum hin_code set_life(struct hin_ca *a, int64_t life_s, struct hin_error *err)
{
	if (life_s < 1 || life_s > HIN_SENSOR_LIFE_MOST_S)
		return hin_fail(err, HIN_ERANGE, "a sensor's certificate is good for 1 s to %d d",
				(int)(HIN_SENSOR_LIFE_MOST_S / 86400));
	a->sensor_life_s = life_s;
	return HIN_OK;
}

enum hin_code hin_ca_set_sensor_life(struct hin_ca *a, int64_t life_s, struct hin_error *err)
{
	enum hin_code code = set_life(a, life_s, err);

	return code == HIN_OK ? write_conf(a, err) : code;
}

static enum hin_code make_all(struct hin_ca *a, const struct hin_ca_wish *wish, int64_t now_s,
			      struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = set_hub(a, wish->hub, err);

	for (size_t i = 0; i < wish->name_count && code == HIN_OK; i++)
		code = add_name(a, wish->names[i], err);
	if (code == HIN_OK && wish->sensor_life_s != 0)
		code = set_life(a, wish->sensor_life_s, err);
	if (code == HIN_OK && snprintf(a->settings_name, sizeof(a->settings_name), "%s/settings",
				       a->host) >= (int)sizeof(a->settings_name))
		code = hin_fail(err, HIN_ELIMIT, "the hub's name has more than %zu characters",
				HIN_NOTE_NAME - sizeof("/settings"));
	if (code != HIN_OK)
		return code;
	if (mkdir(a->folder, 0700) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "make %s", a->folder);
	code = check_fresh(a->folder, err);
	if (code == HIN_OK && chmod(a->folder, 0700) != 0)
		code = hin_fail(err, HIN_ESYS, "chmod %s", a->folder);
	if (code == HIN_OK)
		code = make_ca(a, wish->passphrase, now_s, err);
	if (code == HIN_OK)
		code = make_settings_key(a, wish->passphrase, err);
	if (code == HIN_OK)
		code = make_hub(a, wish->passphrase, now_s, err);
	if (code == HIN_OK)
		code = path_of(path, a->folder, "roster", err);
	if (code == HIN_OK)
		code = hin_roster_create(path, err);
	if (code == HIN_OK)
		code = write_conf(a, err); /* last: from now on it is one */
	return code;
}

enum hin_code hin_ca_init(const char *folder, const struct hin_ca_wish *wish, int64_t now_s,
			  struct hin_error *err)
{
	struct hin_ca *a = ca_new(folder);
	enum hin_code code;

	if (a == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a CA");
	code = make_all(a, wish, now_s, err);
	hin_ca_close(a);
	return code;
}

enum hin_code hin_ca_open(struct hin_ca **out, const char *folder, struct hin_error *err)
{
	struct hin_ca *a = ca_new(folder);
	char path[PATH_MAX];
	enum hin_code code;

	if (a == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a CA");
	code = read_conf(a, err);
	if (code == HIN_OK)
		code = read_file(&a->pem, folder, "ca.crt", HIN_PEM_SIZE, err);
	if (code == HIN_OK)
		code = hin_certificate_read(&a->certificate, hin_buffer_text(&a->pem), err);
	if (code == HIN_OK)
		code = path_of(path, folder, "roster", err);
	if (code == HIN_OK)
		code = hin_roster_open(&a->roster, path, err);
	if (code == HIN_OK) {
		*out = a;
		a = NULL;
	}
	hin_ca_close(a);
	return code;
}

static enum hin_code unlock_settings(struct hin_ca *a, const char *passphrase,
				     struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	uint8_t seed[32] = { 0 };
	enum hin_code code = read_file(&file, a->folder, "settings.key", HIN_PEM_SIZE, err);

	if (code == HIN_OK)
		code = hin_certificate_seed_open(seed, hin_buffer_text(&file), passphrase, err);
	if (code == HIN_OK)
		code = hin_note_signer_of(&a->signer, a->settings_name, seed, err);
	explicit_bzero(seed, sizeof(seed));
	hin_secret_fini(&file);
	return code;
}

static enum hin_code unlock_hub(struct hin_ca *a, const char *passphrase, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	const char *chain = NULL;
	enum hin_code code = read_file(&file, a->folder, "hub.pem", HIN_PEM_SIZE, err);

	if (code == HIN_OK)
		chain = strstr(hin_buffer_text(&file), "-----BEGIN CERTIFICATE-----");
	if (code == HIN_OK && chain == NULL)
		code = hin_fail(err, HIN_EFORMAT, "%s/hub.pem has no certificate", a->folder);
	if (code == HIN_OK && chain != NULL) {
		hin_buffer_puts(&a->hub_pem, chain);
		code = hin_certificate_key_open(&a->hub_key, hin_buffer_text(&file), passphrase,
						err);
	}
	if (code == HIN_OK)
		code = hin_certificate_read(&a->hub_certificate, hin_buffer_text(&a->hub_pem), err);
	hin_secret_fini(&file);
	return code;
}

enum hin_code hin_ca_unlock(struct hin_ca *a, const char *passphrase, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code;

	if (a->unlocked)
		return HIN_OK;
	code = read_file(&file, a->folder, "ca.key", HIN_PEM_SIZE, &why);
	if (code == HIN_OK)
		code = hin_certificate_key_open(&a->key, hin_buffer_text(&file), passphrase, &why);
	if (code == HIN_OK)
		code = unlock_settings(a, passphrase, &why);
	if (code == HIN_OK)
		code = unlock_hub(a, passphrase, &why);
	hin_secret_fini(&file);
	a->unlocked = code == HIN_OK;
	if (code == HIN_EDENIED && passphrase == NULL)
		return hin_fail(err, code, "the keys in %s are encrypted: give --passphrase-file",
				a->folder);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "%s: %s", a->folder, why.text);
}

void hin_ca_close(struct hin_ca *a)
{
	if (a == NULL)
		return;
	hin_roster_close(a->roster);
	hin_note_signer_fini(&a->signer);
	hin_secret_fini(&a->key);
	hin_secret_fini(&a->hub_key);
	hin_buffer_fini(&a->hub_pem);
	hin_buffer_fini(&a->pem);
	forget_names(a);
	pthread_mutex_destroy(&a->lock);
	free(a->folder);
	free(a);
}

/* ---- what it is ---- */

const char *hin_ca_hub(const struct hin_ca *a)
{
	return a->hub;
}

const char *hin_ca_pem(const struct hin_ca *a)
{
	return hin_buffer_text(&a->pem);
}

const uint8_t *hin_ca_sha256(const struct hin_ca *a)
{
	return a->certificate.sha256;
}

const char *hin_ca_hub_pem(const struct hin_ca *a)
{
	return a->hub_pem.data;
}

const char *hin_ca_hub_key(const struct hin_ca *a)
{
	return a->hub_key.data;
}

int64_t hin_ca_hub_expires_s(const struct hin_ca *a)
{
	return a->hub_certificate.until_s;
}

bool hin_ca_hub_due(const struct hin_ca *a, int64_t now_s)
{
	return now_s > a->hub_certificate.until_s - HIN_HUB_LIFE_S / 3;
}

enum hin_code hin_ca_renew_hub(struct hin_ca *a, const struct hin_ca_wish *wish,
			       const char *passphrase, int64_t now_s, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (!a->unlocked)
		return hin_fail(err, HIN_EDENIED, "the keys in %s are locked", a->folder);
	if (wish != NULL) {
		char host[HIN_CODE_HOST];
		uint16_t port;

		code = hin_host_parse(host, &port, wish->hub, err);
		if (code != HIN_OK)
			return code;
		forget_names(a);
		code = set_hub(a, wish->hub, err);
		for (size_t i = 0; i < wish->name_count && code == HIN_OK; i++)
			code = add_name(a, wish->names[i], err);
	}
	if (code == HIN_OK)
		code = make_hub(a, passphrase, now_s, err);
	if (code == HIN_OK && wish != NULL)
		code = write_conf(a, err);
	return code;
}

/* ---- settings ---- */

const struct hin_note_verifier *hin_ca_settings_key(const struct hin_ca *a)
{
	return &a->signer.verifier;
}

enum hin_code hin_ca_settings(const struct hin_ca *a, struct hin_buffer *out, struct hin_error *err)
{
	return read_file(out, a->folder, "settings.note", HIN_NOTE_SIZE, err);
}

enum hin_code hin_ca_sign_settings(struct hin_ca *a, const char *name, const void *yaml,
				   size_t size, uint64_t version, int64_t now_s,
				   uint64_t *out_version, struct hin_error *err)
{
	struct hin_sensor_settings last = { 0 };
	struct hin_buffer note = { 0 };
	char path[PATH_MAX];
	enum hin_code code;

	if (!a->unlocked)
		return hin_fail(err, HIN_EDENIED, "the keys in %s are locked", a->folder);
	code = path_of(path, a->folder, "settings.note", err);
	if (code == HIN_OK)
		code = hin_sensor_settings_load(&last, path, &a->signer.verifier, 1, err);
	if (code == HIN_ENOENT)
		code = HIN_OK;
	if (code != HIN_OK)
		goto out;
	if (version == 0)
		version = last.version + 1;
	if (version <= last.version) {
		code = hin_fail(err, HIN_EDENIED, "settings %llu are in force: a version must rise",
				(unsigned long long)last.version);
		goto out;
	}
	code = hin_sensor_settings_sign(&note, name, yaml, size, version, now_s, &a->signer, err);
	if (code == HIN_OK)
		code = write_file(a->folder, "settings.note", &note, err);
	if (code == HIN_OK)
		*out_version = version;
out:
	hin_sensor_settings_fini(&last);
	hin_secret_fini(&note);
	return code;
}
