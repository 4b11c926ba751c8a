/* recording_key - the key of a folder and those of its sessions; see recording_priv.h */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "decoy/record/recording_priv.h"

static enum hin_code make_key(const char *path, struct hin_error *err)
{
	uint8_t key[RECORDING_KEY];
	enum hin_code code;

	randombytes_buf(key, sizeof(key));
	code = hin_file_replace(path, key, sizeof(key), 0600, err);
	explicit_bzero(key, sizeof(key));
	return code;
}

static enum hin_code read_key(uint8_t out[RECORDING_KEY], int fd, const char *path,
			      struct hin_error *err)
{
	uint8_t bytes[RECORDING_KEY + 1];
	struct stat st;
	enum hin_code code = HIN_OK;
	ssize_t size;

	if (fstat(fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "stat %s", path);
	if (st.st_mode & 077)
		return hin_fail(err, HIN_EDENIED, "%s is open to others (mode %03o): chmod 600 it",
				path, st.st_mode & 0777u);
	size = read(fd, bytes, sizeof(bytes));
	if (size < 0)
		code = hin_fail(err, HIN_ESYS, "read %s", path);
	else if (size != RECORDING_KEY)
		code = hin_fail(err, HIN_EFORMAT, "%s is no key of %d bytes", path, RECORDING_KEY);
	else
		memcpy(out, bytes, RECORDING_KEY);
	explicit_bzero(bytes, sizeof(bytes));
	return code;
}

enum hin_code recording_key_open(uint8_t out[RECORDING_KEY], const char *folder, bool make,
				 struct hin_error *err)
{
	char path[PATH_MAX];
	enum hin_code code;
	int fd;

	if (sodium_init() < 0)
		return hin_fail(err, HIN_EUNSUPPORTED, "libsodium does not start");
	if (snprintf(path, sizeof(path), "%s/recording.key", folder) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "path of %zu bytes is too long", strlen(folder));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 && errno == ENOENT && make) {
		code = make_key(path, err);
		if (code != HIN_OK)
			return code;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	if (fd == -1)
		return errno == ENOENT ? hin_fail(err, HIN_ENOENT, "%s does not exist", path)
				       : hin_fail(err, HIN_ESYS, "open %s", path);
	code = read_key(out, fd, path, err);
	close(fd);
	return code;
}

void recording_key_id(uint8_t out[8], const uint8_t key[RECORDING_KEY])
{
	static const char label[] = "hinomi recording key id 1";
	uint8_t digest[crypto_generichash_BYTES_MIN];

	crypto_generichash(digest, sizeof(digest), (const uint8_t *)label, sizeof(label) - 1, key,
			   RECORDING_KEY);
	memcpy(out, digest, 8);
}

void recording_secret_make(struct recording_secret *out, const uint8_t key[RECORDING_KEY],
			   const uint8_t salt[RECORDING_SALT], uint64_t segment, uint32_t slot)
{
	uint8_t from[RECORDING_SALT + 12], to[crypto_generichash_BYTES_MAX];
	struct hin_writer w = hin_writer_of(from, sizeof(from));

	static_assert(RECORDING_KEY + crypto_shorthash_KEYBYTES + RECORDING_CHECK <= sizeof(to),
		      "one digest makes all");
	static_assert(RECORDING_KEY == crypto_stream_chacha20_KEYBYTES, "key of the cipher");
	hin_write_bytes(&w, salt, RECORDING_SALT);
	hin_write_le64(&w, segment);
	hin_write_le32(&w, slot);
	crypto_generichash(to, sizeof(to), from, sizeof(from), key, RECORDING_KEY);
	memcpy(out->key, to, RECORDING_KEY);
	memcpy(out->mark, to + RECORDING_KEY, sizeof(out->mark));
	memcpy(out->check, to + RECORDING_KEY + sizeof(out->mark), RECORDING_CHECK);
	explicit_bzero(to, sizeof(to));
	explicit_bzero(from, sizeof(from));
}

void recording_cipher(uint8_t *out, const void *in, size_t size,
		      const struct recording_secret *secret, uint64_t seq)
{
	uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	struct hin_writer w = hin_writer_of(nonce, sizeof(nonce));

	hin_write_le64(&w, seq);
	crypto_stream_chacha20_xor(out, in, size, nonce, secret->key);
}

bool recording_salt_is_erased(const uint8_t salt[RECORDING_SALT])
{
	return sodium_is_zero(salt, RECORDING_SALT) != 0;
}

uint64_t recording_mark(const struct recording_secret *secret, char what, const void *word,
			size_t size)
{
	uint8_t text[1 + HIN_RECORDING_NEEDLE], hash[crypto_shorthash_BYTES];

	if (size > HIN_RECORDING_NEEDLE)
		size = HIN_RECORDING_NEEDLE;
	text[0] = (uint8_t)what;
	if (size > 0)
		memcpy(text + 1, word, size);
	crypto_shorthash(hash, text, size + 1, secret->mark);
	return UINT64_C(1) << (hash[0] & 63) | UINT64_C(1) << (hash[1] & 63);
}

void recording_words(const void *line, size_t size,
		     void (*fn)(void *user, const char *word, size_t size), void *user)
{
	static const char between[] = " \t\r\n;|&()<>\"'`";
	const char *text = line;
	size_t begin = 0;

	for (size_t k = 0; k <= size; k++) {
		if (k < size && (text[k] == '\0' || strchr(between, text[k]) == NULL))
			continue;
		if (k > begin)
			fn(user, text + begin, k - begin);
		begin = k + 1;
	}
}
