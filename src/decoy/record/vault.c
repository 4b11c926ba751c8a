/* vault - files by digest, encrypted; see vault.h */
#include "decoy/record/vault.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "decoy/record/vault_priv.h"

#define MAGIC "HINVLT01"
#define MAGIC_SIZE 8
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define OVERHEAD ((size_t)MAGIC_SIZE + NONCE + TAG)
#define DAY_US INT64_C(86400000000)

static_assert(VAULT_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key of the files");

/* ---- paths ---- */

static void file_path(const struct hin_decoy_vault *v, const uint8_t sha256[32], char out[PATH_MAX])
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), sha256, 32);
	snprintf(out, PATH_MAX, "%s/%.2s/%s", v->folder, hex, hex + 2);
}

/* ---- opening ---- */

static enum hin_code read_key(struct hin_decoy_vault *v, const char *path, struct hin_error *err)
{
	uint8_t bytes[VAULT_KEY + 1];
	enum hin_code code = HIN_OK;
	struct stat st;
	ssize_t size = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s does not exist", path)
				       : hin_fail(err, HIN_ESYS, "open %s", path);
	if (fstat(fd, &st) != 0)
		code = hin_fail(err, HIN_ESYS, "stat %s", path);
	else if (st.st_mode & 077)
		code = hin_fail(err, HIN_EDENIED, "%s is open to others (mode %03o): chmod 600 it",
				path, st.st_mode & 0777u);
	else if ((size = read(fd, bytes, sizeof(bytes))) < 0)
		code = hin_fail(err, HIN_ESYS, "read %s", path);
	else if (size != VAULT_KEY)
		code = hin_fail(err, HIN_EFORMAT, "%s is no key of %d bytes", path, VAULT_KEY);
	else
		memcpy(v->key, bytes, VAULT_KEY);
	close(fd);
	explicit_bzero(bytes, sizeof(bytes));
	return code;
}

static enum hin_code open_key(struct hin_decoy_vault *v, struct hin_error *err)
{
	char path[PATH_MAX], index[PATH_MAX];
	uint8_t key[VAULT_KEY];
	enum hin_code code;

	snprintf(path, sizeof(path), "%s/vault.key", v->folder);
	snprintf(index, sizeof(index), "%s/index.log", v->folder);
	code = read_key(v, path, err);
	if (code != HIN_ENOENT || !v->write)
		return code;
	if (access(index, F_OK) == 0)
		return hin_fail(err, HIN_EVERIFY, "%s has files but no vault.key: bring it back",
				v->folder);
	randombytes_buf(key, sizeof(key));
	code = hin_file_replace(path, key, sizeof(key), 0600, err);
	explicit_bzero(key, sizeof(key));
	return code == HIN_OK ? read_key(v, path, err) : code;
}

static enum hin_code lock_folder(struct hin_decoy_vault *v, struct hin_error *err)
{
	char path[PATH_MAX];

	if (mkdir(v->folder, 0700) != 0 && errno != EEXIST)
		return hin_fail(err, HIN_ESYS, "make folder %s", v->folder);
	snprintf(path, sizeof(path), "%s/lock", v->folder);
	v->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (v->lock == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	if (flock(v->lock, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? hin_fail(err, HIN_EDENIED,
						       "another process writes to %s", v->folder)
					    : hin_fail(err, HIN_ESYS, "lock %s", path);
	return HIN_OK;
}

/* Look at the files of one folder of 256: what the index does not know was never taken. */
static void look_at_files(struct hin_decoy_vault *v, unsigned first)
{
	char path[PATH_MAX], name[PATH_MAX + 300];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/%02x", v->folder, first);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		struct vault_item *item = NULL;
		uint8_t sha256[32] = { (uint8_t)first };
		size_t used;

		if (entry->d_name[0] == '.')
			continue;
		if (strlen(entry->d_name) == 62 &&
		    sodium_hex2bin(sha256 + 1, 31, entry->d_name, 62, NULL, &used, NULL) == 0)
			item = vault_find(v, sha256);
		if (item != NULL) {
			item->seen = true;
			continue;
		}
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		unlink(name);
	}
	closedir(dir);
}

static bool is_missing(void *user, const struct vault_item *item)
{
	struct hin_decoy_vault *v = user;

	if (item->seen)
		return false;
	if (vault_index_note(v, &item->entry, true, NULL) != HIN_OK)
		v->stats.failed++;
	v->stats.damaged++;
	return true;
}

static enum hin_code open_all(struct hin_decoy_vault *v, int64_t now_us, struct hin_error *err)
{
	enum hin_code code = v->write ? lock_folder(v, err) : HIN_OK;

	if (code == HIN_OK)
		code = open_key(v, err);
	if (code == HIN_OK)
		code = vault_manifest_read(v, err);
	if (code == HIN_OK)
		code = vault_index_read(v, err);
	if (code != HIN_OK || !v->write)
		return code;
	code = vault_manifest_write(v, now_us, err);
	if (code == HIN_OK)
		code = vault_index_compact(v, err);
	if (code != HIN_OK)
		return code;
	for (unsigned first = 0; first < 256; first++)
		look_at_files(v, first);
	vault_drop(v, is_missing, v);
	return HIN_OK;
}

enum hin_code hin_decoy_vault_open(struct hin_decoy_vault **out, const char *folder,
				   const struct hin_decoy_vault_settings *settings, bool write,
				   int64_t now_us, struct hin_error *err)
{
	struct hin_decoy_vault *v;
	enum hin_code code;

	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	if (strlen(folder) > PATH_MAX - 80)
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(folder));
	if (write && (settings->purpose == NULL || settings->purpose[0] == '\0' ||
		      strlen(settings->purpose) > HIN_DECOY_VAULT_PURPOSE ||
		      strchr(settings->purpose, '\n') != NULL))
		return hin_fail(err, HIN_ELIMIT,
				"why files are kept is one line of 1 to %d bytes: set a purpose",
				HIN_DECOY_VAULT_PURPOSE);
	v = calloc(1, sizeof(*v));
	if (v == NULL)
		return hin_fail(err, HIN_ENOMEM, "vault %s", folder);
	v->lock = v->log = -1;
	v->write = write;
	if (settings != NULL)
		v->settings = *settings;
	v->source_day = now_us / DAY_US;
	v->folder = strdup(folder);
	code = v->folder != NULL ? open_all(v, now_us, err)
				 : hin_fail(err, HIN_ENOMEM, "vault %s", folder);
	if (code == HIN_OK) {
		*out = v;
	} else {
		v->write = false; /* nothing to be synced */
		hin_decoy_vault_close(v);
	}
	return code;
}

static void forget_sources(struct hin_decoy_vault *v)
{
	for (size_t k = 0; k < VAULT_SOURCE_SLOTS; k++) {
		while (v->sources[k] != NULL) {
			struct vault_source *source = v->sources[k];

			v->sources[k] = source->next;
			free(source);
		}
	}
	v->source_count = 0;
}

static enum hin_code note_counts(struct hin_decoy_vault *v, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t k = 0; code == HIN_OK && k < v->count; k++) {
		if (!v->items[k].dirty)
			continue;
		code = vault_index_note(v, &v->items[k].entry, false, err);
		v->items[k].dirty = code != HIN_OK;
	}
	return code == HIN_OK ? vault_index_sync(v, err) : code;
}

void hin_decoy_vault_close(struct hin_decoy_vault *v)
{
	if (v == NULL)
		return;
	if (v->write && note_counts(v, NULL) != HIN_OK)
		v->stats.failed++;
	forget_sources(v);
	if (v->log != -1)
		close(v->log);
	if (v->lock != -1)
		close(v->lock);
	for (uint32_t k = 0; k < v->purpose_count; k++)
		free(v->purposes[k]);
	free(v->items);
	free(v->table);
	free(v->folder);
	explicit_bzero(v->key, sizeof(v->key));
	free(v);
}

void hin_decoy_vault_settings(struct hin_decoy_vault *v,
			      const struct hin_decoy_vault_settings *settings)
{
	const char *purpose = v->settings.purpose;

	v->settings = *settings;
	v->settings.purpose = purpose;
}

/* ---- keeping ---- */

/* May this source bring so much more today? NULL in `*out` without memory: then it may. */
static bool source_may(struct hin_decoy_vault *v, const struct hin_addr *addr, size_t size,
		       int64_t now_us, struct vault_source **out)
{
	struct vault_source **at, *source;
	uint64_t low, high;

	if (v->source_day != now_us / DAY_US || v->source_count >= VAULT_SOURCES) {
		forget_sources(v);
		v->source_day = now_us / DAY_US;
	}
	memcpy(&high, addr->b, 8);
	memcpy(&low, addr->b + 8, 8);
	at = &v->sources[((high ^ low) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % VAULT_SOURCE_SLOTS];
	for (source = *at; source != NULL; source = source->next) {
		if (hin_addr_equal(&source->addr, addr))
			break;
	}
	if (source == NULL) {
		source = calloc(1, sizeof(*source));
		if (source != NULL) {
			*source = (struct vault_source){ .next = *at, .addr = *addr };
			*at = source;
			v->source_count++;
		}
	}
	*out = source;
	return size <= v->settings.source_bytes &&
	       (source == NULL || source->bytes <= v->settings.source_bytes - size);
}

static enum hin_code write_file(struct hin_decoy_vault *v, const uint8_t sha256[32],
				const void *data, size_t size, struct hin_error *err)
{
	char path[PATH_MAX], folder[PATH_MAX];
	unsigned long long sealed_size;
	enum hin_code code;
	uint8_t *sealed = malloc(size + OVERHEAD);

	if (sealed == NULL)
		return hin_fail(err, HIN_ENOMEM, "a file of %zu bytes", size);
	file_path(v, sha256, path);
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		code = hin_fail(err, HIN_ESYS, "make folder %s", folder);
		free(sealed);
		return code;
	}
	memcpy(sealed, MAGIC, MAGIC_SIZE);
	randombytes_buf(sealed + MAGIC_SIZE, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + MAGIC_SIZE + NONCE, &sealed_size, data,
						   size, sha256, 32, NULL, sealed + MAGIC_SIZE,
						   v->key);
	code = hin_file_replace(path, sealed, size + OVERHEAD, 0600, err);
	free(sealed);
	return code;
}

static enum hin_code keep_new(struct hin_decoy_vault *v, const void *data, size_t size,
			      const struct hin_decoy_vault_entry *entry, struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code = write_file(v, entry->sha256, data, size, err);

	if (code == HIN_OK)
		code = vault_index_note(v, entry, false, err);
	if (code == HIN_OK)
		code = vault_index_sync(v, err);
	if (code == HIN_OK && vault_add(v, entry) == NULL)
		code = hin_fail(err, HIN_ENOMEM, "index of %s", v->folder);
	if (code == HIN_OK)
		return HIN_OK;
	v->stats.failed++;
	file_path(v, entry->sha256, path);
	unlink(path);
	return code;
}

enum hin_code hin_decoy_vault_keep(struct hin_decoy_vault *v, const void *data, size_t size,
				   const uint8_t sha256[32], const struct hin_addr *source,
				   uint64_t session, int64_t now_us, struct hin_error *err)
{
	struct hin_decoy_vault_entry entry = { .size = size,
					       .sessions = 1,
					       .first_us = now_us,
					       .last_us = now_us,
					       .first_session = session,
					       .last_session = session,
					       .purpose = v->purpose };
	struct vault_item *item = vault_find(v, sha256);
	struct vault_source *from = NULL;
	enum hin_code code;
	uint8_t digest[32];

	if (!v->write)
		return hin_fail(err, HIN_EUSAGE, "vault %s is open for reading", v->folder);
	if (item != NULL) {
		if (item->entry.last_session != session)
			item->entry.sessions++;
		if (now_us > item->entry.last_us)
			item->entry.last_us = now_us;
		item->entry.last_session = session;
		item->dirty = true;
		v->stats.repeated++;
		return HIN_OK;
	}
	if (size > v->settings.file_bytes) {
		v->stats.refused_size++;
		return hin_fail(err, HIN_ELIMIT, "a file of %zu bytes is over vault.file", size);
	}
	if (!source_may(v, source, size, now_us, &from)) {
		v->stats.refused_source++;
		return hin_fail(err, HIN_ELIMIT, "its source has brought vault.source bytes today");
	}
	if (v->count >= v->settings.files || size > v->settings.max_bytes) {
		v->stats.refused_files++;
		return hin_fail(err, HIN_ELIMIT, "the vault holds vault.files files");
	}
	crypto_hash_sha256(digest, data, size);
	if (memcmp(digest, sha256, sizeof(digest)) != 0)
		return hin_fail(err, HIN_EVERIFY, "the digest of a file of %zu bytes is not its",
				size);
	memcpy(entry.sha256, sha256, 32);
	entry.kind = hin_file_kind(data, size);
	code = keep_new(v, data, size, &entry, err);
	if (code == HIN_OK) {
		v->stats.kept++;
		if (from != NULL)
			from->bytes += size;
	}
	return code;
}

/* ---- letting go ---- */

static enum hin_code remove_file(struct hin_decoy_vault *v,
				 const struct hin_decoy_vault_entry *entry, struct hin_error *err)
{
	char path[PATH_MAX];

	file_path(v, entry->sha256, path);
	if (unlink(path) != 0 && errno != ENOENT)
		return hin_fail(err, HIN_ESYS, "remove %s", path);
	return vault_index_note(v, entry, true, err);
}

struct expiry {
	struct hin_decoy_vault *vault;
	int64_t before_us; /* last brought before it: gone */
	enum hin_code code;
	struct hin_error *err;
};

static bool too_old(void *user, const struct vault_item *item)
{
	struct expiry *e = user;

	if (item->entry.last_us >= e->before_us || e->code != HIN_OK)
		return false;
	e->code = remove_file(e->vault, &item->entry, e->err);
	if (e->code != HIN_OK)
		return false;
	e->vault->stats.expired++;
	return true;
}

static int oldest_first(const void *a, const void *b)
{
	const struct hin_decoy_vault_entry *x = *(const struct hin_decoy_vault_entry *const *)a;
	const struct hin_decoy_vault_entry *y = *(const struct hin_decoy_vault_entry *const *)b;

	return x->last_us < y->last_us ? -1 : x->last_us > y->last_us;
}

/* The entries by when they were last brought; the caller frees it. */
static const struct hin_decoy_vault_entry **by_time(const struct hin_decoy_vault *v)
{
	const struct hin_decoy_vault_entry **list = calloc(v->count + 1, sizeof(*list));

	if (list == NULL)
		return NULL;
	for (size_t k = 0; k < v->count; k++)
		list[k] = &v->items[k].entry;
	if (v->count > 1)
		qsort(list, v->count, sizeof(*list), oldest_first);
	return list;
}

/* The time before which files must go, so that the rest has room. */
static enum hin_code find_limit(const struct hin_decoy_vault *v, int64_t *before_us,
				struct hin_error *err)
{
	const struct hin_decoy_vault_entry **list;
	uint64_t bytes = v->stats.bytes;

	if (bytes <= v->settings.max_bytes)
		return HIN_OK;
	list = by_time(v);
	if (list == NULL)
		return hin_fail(err, HIN_ENOMEM, "list of %s", v->folder);
	for (size_t k = 0; k < v->count && bytes > v->settings.max_bytes; k++) {
		bytes -= list[k]->size;
		if (list[k]->last_us + 1 > *before_us)
			*before_us = list[k]->last_us + 1;
	}
	free(list);
	return HIN_OK;
}

enum hin_code hin_decoy_vault_sync(struct hin_decoy_vault *v, int64_t now_us, struct hin_error *err)
{
	struct expiry expiry = { .vault = v, .before_us = INT64_MIN, .err = err };
	enum hin_code code;

	if (!v->write)
		return HIN_OK;
	if (v->settings.max_age_ns > 0)
		expiry.before_us = now_us - v->settings.max_age_ns / 1000;
	code = find_limit(v, &expiry.before_us, err);
	if (code == HIN_OK) {
		vault_drop(v, too_old, &expiry);
		code = expiry.code;
	}
	if (code == HIN_OK)
		code = note_counts(v, err);
	return code == HIN_OK ? vault_index_compact(v, err) : code;
}

static bool is_same(void *user, const struct vault_item *item)
{
	return memcmp(item->entry.sha256, user, 32) == 0;
}

enum hin_code hin_decoy_vault_remove(struct hin_decoy_vault *v, const uint8_t sha256[32],
				     struct hin_error *err)
{
	struct vault_item *item = vault_find(v, sha256);
	enum hin_code code;
	uint8_t copy[32];

	if (!v->write)
		return hin_fail(err, HIN_EUSAGE, "vault %s is open for reading", v->folder);
	if (item == NULL)
		return hin_fail(err, HIN_ENOENT, "%s has no such file", v->folder);
	memcpy(copy, sha256, sizeof(copy));
	code = remove_file(v, &item->entry, err);
	if (code == HIN_OK)
		code = vault_index_sync(v, err);
	if (code == HIN_OK)
		vault_drop(v, is_same, copy);
	return code;
}

/* ---- reading ---- */

enum hin_code hin_decoy_vault_get(struct hin_decoy_vault *v, const uint8_t sha256[32],
				  struct hin_buffer *out, struct hin_error *err)
{
	const struct vault_item *item = vault_find(v, sha256);
	struct hin_buffer sealed = { 0 };
	const uint8_t *bytes;
	char path[PATH_MAX], *room;
	enum hin_code code;
	size_t size;

	if (item == NULL)
		return hin_fail(err, HIN_ENOENT, "%s has no such file", v->folder);
	file_path(v, sha256, path);
	code = hin_file_read(&sealed, path, (size_t)item->entry.size + OVERHEAD, err);
	if (code != HIN_OK)
		goto out;
	bytes = (const uint8_t *)sealed.data;
	size = (size_t)item->entry.size;
	if (sealed.used != size + OVERHEAD || memcmp(bytes, MAGIC, MAGIC_SIZE) != 0) {
		code = hin_fail(err, HIN_EVERIFY, "%s is not what was kept", path);
		goto out;
	}
	room = hin_buffer_reserve(out, size);
	if (room == NULL) {
		code = hin_fail(err, HIN_ENOMEM, "a file of %zu bytes", size);
		goto out;
	}
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    (uint8_t *)room, NULL, NULL, bytes + MAGIC_SIZE + NONCE, size + TAG, sha256, 32,
		    bytes + MAGIC_SIZE, v->key) != 0) {
		code = hin_fail(err, HIN_EVERIFY, "%s is not what was kept", path);
		goto out;
	}
	hin_buffer_commit(out, size);
out:
	hin_buffer_fini(&sealed);
	return code;
}

bool hin_decoy_vault_find(const struct hin_decoy_vault *v, const uint8_t sha256[32],
			  struct hin_decoy_vault_entry *out)
{
	const struct vault_item *item = vault_find(v, sha256);

	if (item != NULL)
		*out = item->entry;
	return item != NULL;
}

enum hin_code hin_decoy_vault_list(const struct hin_decoy_vault *v, size_t most,
				   hin_decoy_vault_entry_fn fn, void *into, struct hin_error *err)
{
	const struct hin_decoy_vault_entry **list = by_time(v);

	if (list == NULL)
		return hin_fail(err, HIN_ENOMEM, "list of %s", v->folder);
	for (size_t k = v->count; k > 0 && (most == 0 || v->count - k < most); k--) {
		if (!fn(into, list[k - 1]))
			break;
	}
	free(list);
	return HIN_OK;
}

const char *hin_decoy_vault_purpose(const struct hin_decoy_vault *v, uint32_t number)
{
	return number > 0 && number <= v->purpose_count ? v->purposes[number - 1] : NULL;
}

struct hin_decoy_vault_stats hin_decoy_vault_stats(const struct hin_decoy_vault *v)
{
	return v->stats;
}
