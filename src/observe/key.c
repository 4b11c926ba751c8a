/* key - keys and marks as files; see key.h */
#include "observe/key.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/number.h"

#define FILE_MAX 700 /* bytes of a key or mark file, with room to see that one is too long */

#define KEY_FORM "hinomi sensor key 1\npublic %s\nseed %s\n"
#define KEY_SCAN "hinomi sensor key 1\npublic %64[0-9a-f]\nseed %64[0-9a-f]\n"
#define SEALED_FORM "hinomi sensor key 2\npublic %s\nargon2id %llu %llu %s\nnonce %s\nsealed %s\n"
#define SEALED_SCAN                                                                                \
	"hinomi sensor key 2\npublic %64[0-9a-f]\nargon2id %20[0-9] %20[0-9] %32[0-9a-f]\n"        \
	"nonce %48[0-9a-f]\nsealed %96[0-9a-f]\n"
#define SEALED_HEAD "hinomi sensor key 2\n"

/* Argon2id: half a second of a small machine; a file may ask for more, within bounds. */
#define SEAL_TIMES 3
#define SEAL_MEMORY (UINT64_C(64) << 20)
#define SEAL_TIMES_MOST 32
#define SEAL_MEMORY_MOST (UINT64_C(1) << 30)

#define MARK_FORM "hinomi sensor state 1\nepoch %016llx\nsequence %llu\ndigest %s\n"
#define MARK_SCAN                                                                                  \
	"hinomi sensor state 1\nepoch %16[0-9a-f]\nsequence %20[0-9]\ndigest %64[0-9a-f]\n"

void hin_sensor_id(uint8_t out[HIN_SENSOR_ID], const uint8_t public_key[HIN_KEY_PUBLIC])
{
	uint8_t digest[32];

	crypto_hash_sha256(digest, public_key, HIN_KEY_PUBLIC);
	memcpy(out, digest, HIN_SENSOR_ID);
}

enum hin_code hin_sensor_key_of_seed(struct hin_sensor_key *out, const uint8_t seed[32],
				     struct hin_error *err)
{
	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	crypto_sign_seed_keypair(out->public_key, out->secret, seed);
	hin_sensor_id(out->id, out->public_key);
	return HIN_OK;
}

enum hin_code hin_sensor_key_draw(struct hin_sensor_key *out, struct hin_error *err)
{
	uint8_t seed[32];
	enum hin_code code;

	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	randombytes_buf(seed, sizeof(seed));
	code = hin_sensor_key_of_seed(out, seed, err);
	explicit_bzero(seed, sizeof(seed));
	return code;
}

void hin_sensor_key_fini(struct hin_sensor_key *key)
{
	if (key != NULL)
		explicit_bzero(key, sizeof(*key));
}

/* Bring a folder's entry for `path` to the disk. */
static enum hin_code sync_folder(const char *path, struct hin_error *err)
{
	char copy[PATH_MAX];
	enum hin_code code = HIN_OK;
	int fd;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(path));
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "folder of %s", path);
	if (fsync(fd) != 0)
		code = hin_fail(err, HIN_ESYS, "fsync folder of %s", path);
	close(fd);
	return code;
}

static enum hin_code write_all(int fd, const char *path, const char *text, size_t size,
			       struct hin_error *err)
{
	while (size > 0) {
		ssize_t done = write(fd, text, size);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return hin_fail(err, HIN_ESYS, "write %s", path);
		text += done;
		size -= (size_t)done;
	}
	return fsync(fd) == 0 ? HIN_OK : hin_fail(err, HIN_ESYS, "fsync %s", path);
}

/* Write a new file of mode 0600, durably but for its folder; nothing remains on failure. */
static enum hin_code write_file(const char *path, const char *text, struct hin_error *err)
{
	enum hin_code code;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "create %s", path);
	code = write_all(fd, path, text, strlen(text), err);
	if (close(fd) != 0 && code == HIN_OK)
		code = hin_fail(err, HIN_ESYS, "close %s", path);
	if (code != HIN_OK)
		unlink(path);
	return code;
}

/* Read a whole small file, which nobody but its owner may touch. */
static enum hin_code read_file(char text[FILE_MAX], const char *path, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	struct stat st;
	ssize_t size = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s does not exist", path)
				       : hin_fail(err, HIN_ESYS, "open %s", path);
	if (fstat(fd, &st) != 0)
		code = hin_fail(err, HIN_ESYS, "stat %s", path);
	else if (!S_ISREG(st.st_mode))
		code = hin_fail(err, HIN_EFORMAT, "%s is not a file", path);
	else if (st.st_mode & 077)
		code = hin_fail(err, HIN_EDENIED, "%s is open to others (mode %03o): chmod 600 it",
				path, st.st_mode & 0777);
	if (code == HIN_OK) {
		size = read(fd, text, FILE_MAX - 1);
		if (size < 0)
			code = hin_fail(err, HIN_ESYS, "read %s", path);
	}
	close(fd);
	text[size > 0 ? size : 0] = '\0';
	return code;
}

/* `hex` holds exactly `size` bytes as digits. */
static bool bytes_of_hex(uint8_t *out, size_t size, const char *hex)
{
	size_t got;

	return sodium_hex2bin(out, size, hex, strlen(hex), NULL, &got, NULL) == 0 && got == size;
}

static void key_text(char text[FILE_MAX], const struct hin_sensor_key *key)
{
	char public_hex[65], seed_hex[65];

	sodium_bin2hex(public_hex, sizeof(public_hex), key->public_key, 32);
	sodium_bin2hex(seed_hex, sizeof(seed_hex), key->secret, 32);
	snprintf(text, FILE_MAX, KEY_FORM, public_hex, seed_hex);
	explicit_bzero(seed_hex, sizeof(seed_hex));
}

enum hin_code hin_sensor_key_create(struct hin_sensor_key *out, const char *path,
				    struct hin_error *err)
{
	char text[FILE_MAX];
	struct hin_sensor_key key;
	enum hin_code code = hin_sensor_key_draw(&key, err);

	if (code != HIN_OK)
		return code;
	key_text(text, &key);
	code = write_file(path, text, err);
	if (code == HIN_OK)
		code = sync_folder(path, err);
	if (code == HIN_OK)
		*out = key;
	explicit_bzero(text, sizeof(text));
	hin_sensor_key_fini(&key);
	return code;
}

static enum hin_code parse_plain(struct hin_sensor_key *key, const char *text, const char *path,
				 struct hin_error *err)
{
	char again[FILE_MAX] = "", public_hex[65], seed_hex[65];
	enum hin_code code = HIN_OK;
	uint8_t seed[32];

	if (sscanf(text, KEY_SCAN, public_hex, seed_hex) == 2 &&
	    bytes_of_hex(seed, sizeof(seed), seed_hex)) {
		code = hin_sensor_key_of_seed(key, seed, err);
		key_text(again, key);
	}
	/* The file is what we would write of its seed: public half and every blank fit. */
	if (code == HIN_OK && (again[0] == '\0' || strcmp(text, again) != 0))
		code = hin_fail(err, HIN_EFORMAT, "%s is not a sensor key", path);
	explicit_bzero(again, sizeof(again));
	explicit_bzero(seed, sizeof(seed));
	explicit_bzero(seed_hex, sizeof(seed_hex));
	return code;
}

/* ---- encrypted ---- */

/* What an encrypted file holds. */
struct sealed {
	uint8_t public_key[HIN_KEY_PUBLIC];
	uint64_t times, memory;
	uint8_t salt[crypto_pwhash_SALTBYTES];
	uint8_t nonce[crypto_secretbox_NONCEBYTES];
	uint8_t box[32 + crypto_secretbox_MACBYTES];
};

static void sealed_text(char text[FILE_MAX], const struct sealed *s)
{
	char public_hex[65], salt[33], nonce[49], box[97];

	snprintf(text, FILE_MAX, SEALED_FORM,
		 sodium_bin2hex(public_hex, sizeof(public_hex), s->public_key, 32),
		 (unsigned long long)s->times, (unsigned long long)s->memory,
		 sodium_bin2hex(salt, sizeof(salt), s->salt, sizeof(s->salt)),
		 sodium_bin2hex(nonce, sizeof(nonce), s->nonce, sizeof(s->nonce)),
		 sodium_bin2hex(box, sizeof(box), s->box, sizeof(s->box)));
}

static bool parse_sealed(struct sealed *s, const char *text)
{
	char again[FILE_MAX], public_hex[65], times[21], memory[21], salt[33], nonce[49], box[97];

	if (sscanf(text, SEALED_SCAN, public_hex, times, memory, salt, nonce, box) != 6 ||
	    !bytes_of_hex(s->public_key, sizeof(s->public_key), public_hex) ||
	    hin_number_u64(&s->times, "times", times, 1, SEAL_TIMES_MOST, NULL) != HIN_OK ||
	    hin_number_u64(&s->memory, "memory", memory, 8192, SEAL_MEMORY_MOST, NULL) != HIN_OK ||
	    !bytes_of_hex(s->salt, sizeof(s->salt), salt) ||
	    !bytes_of_hex(s->nonce, sizeof(s->nonce), nonce) ||
	    !bytes_of_hex(s->box, sizeof(s->box), box))
		return false;
	sealed_text(again, s);
	return strcmp(text, again) == 0;
}

/* The key that a passphrase makes. */
static enum hin_code stretch(uint8_t out[crypto_secretbox_KEYBYTES], const struct sealed *s,
			     const char *passphrase, struct hin_error *err)
{
	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	if (crypto_pwhash(out, crypto_secretbox_KEYBYTES, passphrase, strlen(passphrase), s->salt,
			  s->times, (size_t)s->memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return hin_fail(err, HIN_ENOMEM, "no memory (%llu bytes) to open a key",
				(unsigned long long)s->memory);
	return HIN_OK;
}

static enum hin_code unseal(struct hin_sensor_key *key, const char *text, const char *path,
			    const char *passphrase, struct hin_error *err)
{
	uint8_t stretched[crypto_secretbox_KEYBYTES], seed[32] = { 0 };
	struct sealed s;
	enum hin_code code;

	if (!parse_sealed(&s, text))
		return hin_fail(err, HIN_EFORMAT, "%s is not a sensor key", path);
	if (passphrase == NULL)
		return hin_fail(err, HIN_EDENIED,
				"%s is encrypted: give its passphrase (--passphrase-file)", path);
	code = stretch(stretched, &s, passphrase, err);
	if (code == HIN_OK &&
	    crypto_secretbox_open_easy(seed, s.box, sizeof(s.box), s.nonce, stretched) != 0)
		code = hin_fail(err, HIN_EDENIED, "the passphrase of %s is wrong", path);
	if (code == HIN_OK)
		code = hin_sensor_key_of_seed(key, seed, err);
	if (code == HIN_OK && memcmp(key->public_key, s.public_key, sizeof(s.public_key)) != 0)
		code = hin_fail(err, HIN_EFORMAT, "%s is not a sensor key", path);
	explicit_bzero(stretched, sizeof(stretched));
	explicit_bzero(seed, sizeof(seed));
	return code;
}

enum hin_code hin_sensor_key_seal(const struct hin_sensor_key *key, const char *path,
				  const char *passphrase, struct hin_error *err)
{
	struct sealed s = { .times = SEAL_TIMES, .memory = SEAL_MEMORY };
	uint8_t stretched[crypto_secretbox_KEYBYTES];
	char text[FILE_MAX];
	enum hin_code code;

	memcpy(s.public_key, key->public_key, sizeof(s.public_key));
	randombytes_buf(s.salt, sizeof(s.salt));
	randombytes_buf(s.nonce, sizeof(s.nonce));
	code = stretch(stretched, &s, passphrase, err);
	if (code != HIN_OK)
		return code;
	/* the seed is the first half of the secret */
	crypto_secretbox_easy(s.box, key->secret, 32, s.nonce, stretched);
	explicit_bzero(stretched, sizeof(stretched));
	sealed_text(text, &s);
	return hin_file_replace(path, text, strlen(text), 0600, err);
}

static bool is_sealed(const char *text)
{
	return strncmp(text, SEALED_HEAD, strlen(SEALED_HEAD)) == 0;
}

/* Read either form; `*sealed` says which. */
static enum hin_code read_key(struct hin_sensor_key *out, const char *path, const char *passphrase,
			      bool *sealed, struct hin_error *err)
{
	struct hin_sensor_key key = { 0 };
	char text[FILE_MAX];
	enum hin_code code = read_file(text, path, err);

	if (code != HIN_OK)
		return code;
	*sealed = is_sealed(text);
	code = *sealed ? unseal(&key, text, path, passphrase, err)
		       : parse_plain(&key, text, path, err);
	if (code == HIN_OK)
		*out = key;
	explicit_bzero(text, sizeof(text));
	hin_sensor_key_fini(&key);
	return code;
}

enum hin_code hin_sensor_key_unlock(struct hin_sensor_key *out, const char *path,
				    const char *passphrase, struct hin_error *err)
{
	bool sealed;

	return read_key(out, path, passphrase, &sealed, err);
}

enum hin_code hin_sensor_key_load(struct hin_sensor_key *out, const char *path,
				  struct hin_error *err)
{
	return hin_sensor_key_unlock(out, path, NULL, err);
}

enum hin_code hin_sensor_key_open(struct hin_sensor_key *out, const char *path,
				  struct hin_error *err)
{
	return hin_sensor_key_open_sealed(out, path, NULL, err);
}

enum hin_code hin_sensor_key_open_sealed(struct hin_sensor_key *out, const char *path,
					 const char *passphrase, struct hin_error *err)
{
	struct hin_sensor_key key = { 0 };
	bool sealed = false;
	enum hin_code code = read_key(&key, path, passphrase, &sealed, err);

	if (code == HIN_ENOENT && passphrase == NULL)
		code = hin_sensor_key_create(&key, path, err);
	else if (code == HIN_ENOENT)
		code = hin_sensor_key_draw(&key, err);
	if (code == HIN_OK && passphrase != NULL && !sealed)
		code = hin_sensor_key_seal(&key, path, passphrase, err);
	if (code == HIN_OK)
		*out = key;
	hin_sensor_key_fini(&key);
	return code;
}

/* ---- marks ---- */

enum hin_code hin_batch_mark_draw(struct hin_batch_mark *out, struct hin_error *err)
{
	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	*out = (struct hin_batch_mark){ 0 };
	while (out->epoch == 0)
		randombytes_buf(&out->epoch, sizeof(out->epoch));
	return HIN_OK;
}

static enum hin_code mark_path(char out[PATH_MAX], const char *path, const char *end,
			       struct hin_error *err)
{
	if (snprintf(out, PATH_MAX, "%s%s", path, end) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(path));
	return HIN_OK;
}

static void mark_text(char text[FILE_MAX], const struct hin_batch_mark *mark)
{
	char hex[65];

	sodium_bin2hex(hex, sizeof(hex), mark->digest, sizeof(mark->digest));
	snprintf(text, FILE_MAX, MARK_FORM, (unsigned long long)mark->epoch,
		 (unsigned long long)mark->sequence, hex);
}

enum hin_code hin_batch_mark_open(struct hin_batch_mark *out, const char *path,
				  struct hin_error *err)
{
	char file[PATH_MAX], text[FILE_MAX], again[FILE_MAX] = "", hex[65];
	char epoch_hex[17], sequence[21];
	uint8_t epoch[8];
	struct hin_reader in = hin_reader_of(epoch, sizeof(epoch));
	struct hin_batch_mark mark = { 0 };
	enum hin_code code = mark_path(file, path, ".state", err);

	if (code == HIN_OK)
		code = read_file(text, file, err);
	if (code == HIN_ENOENT) {
		code = hin_batch_mark_draw(&mark, err);
		if (code == HIN_OK)
			code = hin_batch_mark_save(&mark, path, err);
	} else if (code == HIN_OK) {
		if (sscanf(text, MARK_SCAN, epoch_hex, sequence, hex) == 3 &&
		    bytes_of_hex(epoch, sizeof(epoch), epoch_hex) &&
		    hin_number_u64(&mark.sequence, "sequence", sequence, 0, UINT64_MAX, NULL) ==
			    HIN_OK &&
		    bytes_of_hex(mark.digest, sizeof(mark.digest), hex)) {
			mark.epoch = hin_read_be64(&in);
			mark_text(again, &mark);
		}
		if (again[0] == '\0' || strcmp(text, again) != 0)
			code = hin_fail(err, HIN_EFORMAT, "%s is not a sensor's state", file);
	}
	if (code == HIN_OK)
		*out = mark;
	return code;
}

enum hin_code hin_batch_mark_save(const struct hin_batch_mark *mark, const char *path,
				  struct hin_error *err)
{
	char file[PATH_MAX], fresh[PATH_MAX], text[FILE_MAX];
	enum hin_code code = mark_path(file, path, ".state", err);

	if (code == HIN_OK)
		code = mark_path(fresh, path, ".state.new", err);
	if (code != HIN_OK)
		return code;
	mark_text(text, mark);
	if (unlink(fresh) != 0 && errno != ENOENT) /* left by a crash */
		return hin_fail(err, HIN_ESYS, "remove %s", fresh);
	code = write_file(fresh, text, err);
	if (code != HIN_OK)
		return code;
	if (rename(fresh, file) != 0)
		return hin_fail(err, HIN_ESYS, "rename %s to %s", fresh, file);
	return sync_folder(file, err);
}
