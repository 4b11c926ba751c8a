/* note - keys, signatures, checkpoints; see verify.h */
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

#define DASH "\xe2\x80\x94 "
#define LOG 1
#define WITNESS 4
#define SIGNATURES 100

bool read_key(struct key *out, const char *text, uint8_t type)
{
	const char *plus = strchr(text, '+'), *second = plus != NULL ? strchr(plus + 1, '+') : NULL;
	size_t name = plus != NULL ? (size_t)(plus - text) : 0;
	uint8_t key[33], message[NAME + 34], digest[32];
	char id[9];

	if (second == NULL || second - plus != 9 || name == 0 || name >= NAME ||
	    unbase64(key, sizeof(key), second + 1, strlen(second + 1)) != (long)sizeof(key))
		return wrong("\"%s\" is no key: it should be name+id+base64", text);
	if (key[0] != type)
		return wrong("\"%s\" is not the key of a %s", text,
			     type == LOG ? "log" : "witness");
	memcpy(out->name, text, name);
	out->name[name] = '\0';
	out->type = type;
	memcpy(out->bytes, key + 1, 32);
	memcpy(message, text, name);
	message[name] = '\n';
	memcpy(message + name + 1, key, sizeof(key));
	SHA256(message, name + 1 + sizeof(key), digest);
	memcpy(out->id, digest, 4);
	snprintf(id, sizeof(id), "%02x%02x%02x%02x", digest[0], digest[1], digest[2], digest[3]);
	if (memcmp(id, plus + 1, 8) != 0)
		return wrong("the key of %s has another key's id: it was copied wrongly",
			     out->name);
	return true;
}

static bool ed25519(const struct key *key, const uint8_t signature[64], const void *message,
		    size_t size)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = pkey != NULL && ctx != NULL &&
		    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
		    EVP_DigestVerify(ctx, signature, 64, message, size) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

/* What one line holds for `key`: 0 nothing, 1 a good signature, -1 a bad one. */
static int try_line(const struct key *key, const char *line, size_t size, const char *text,
		    size_t text_size, uint64_t *when)
{
	size_t name = strlen(key->name), head = sizeof(DASH) - 1;
	size_t want = key->type == LOG ? 68 : 76;
	uint8_t bytes[80], *message;
	int room, n;
	bool good;

	if (size < head + name + 1 || memcmp(line, DASH, head) != 0 ||
	    memcmp(line + head, key->name, name) != 0 || line[head + name] != ' ')
		return 0;
	n = (int)unbase64(bytes, sizeof(bytes), line + head + name + 1, size - head - name - 1);
	if (n < 4 || memcmp(bytes, key->id, 4) != 0)
		return 0;
	if ((size_t)n != want)
		return -1;
	if (key->type == LOG)
		return ed25519(key, bytes + 4, text, text_size) ? 1 : -1;
	*when = 0;
	for (unsigned i = 4; i < 12; i++)
		*when = *when << 8 | bytes[i];
	room = (int)text_size + 64;
	message = malloc((size_t)room);
	if (message == NULL)
		return -1;
	n = snprintf((char *)message, (size_t)room, "cosignature/v1\ntime %" PRIu64 "\n", *when);
	memcpy(message + n, text, text_size);
	good = *when >> 63 == 0 && ed25519(key, bytes + 12, message, (size_t)n + text_size);
	free(message);
	return good ? 1 : -1;
}

/* Has `key` signed the note? Only the first line of a key counts. */
static int try_key(const struct key *key, const char *text, size_t text_size, const char *end,
		   uint64_t *when)
{
	const char *at = text + text_size + 1, *line;
	size_t size;

	while ((line = line_of(&at, end, &size)) != NULL) {
		int found = try_line(key, line, size, text, text_size, when);

		if (found != 0)
			return found;
	}
	return 0;
}

static bool read_head(struct head *out, const char *text, const char *end)
{
	const char *at = text, *line;
	size_t size;

	line = line_of(&at, end, &size);
	if (line == NULL || size == 0 || size >= NAME)
		return false;
	memcpy(out->origin, line, size);
	out->origin[size] = '\0';
	line = line_of(&at, end, &size);
	if (line == NULL || !read_number(&out->size, line, size))
		return false;
	line = line_of(&at, end, &size);
	if (line == NULL || unbase64(out->root.b, 32, line, size) != 32)
		return false;
	while (line_of(&at, end, &size) != NULL)
		if (size == 0)
			return false;
	return at == end;
}

/* Where the text of a note ends: before its last empty line. 0 when it is none. */
static size_t text_size_of(const char *data, size_t size)
{
	size_t lines = 0;

	if (size == 0 || data[size - 1] != '\n')
		return 0;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)data[i] < 0x20 && data[i] != '\n')
			return 0;
	for (size_t i = size - 1; i > 1; i--) {
		lines += data[i] == '\n';
		if (data[i - 1] == '\n' && data[i - 2] == '\n')
			return lines <= SIGNATURES && i < size - 1 ? i - 1 : 0;
	}
	return 0;
}

static bool check_witnesses(const char *where, const char *data, size_t text, const char *end,
			    const struct policy *p, uint64_t *cosigned)
{
	unsigned good = 0;

	for (unsigned i = 0; i < p->witness_count; i++) {
		uint64_t when = 0;
		int found = try_key(&p->witnesses[i], data, text, end, &when);

		if (found < 0)
			return wrong("%s: the cosignature of %s is forged", where,
				     p->witnesses[i].name);
		good += found > 0;
		if (found > 0 && cosigned != NULL && when > *cosigned)
			*cosigned = when;
	}
	if (good < p->quorum)
		return wrong("%s: %u of the witnesses have cosigned, %u are needed", where, good,
			     p->quorum);
	return true;
}

bool check_head(struct head *out, const char *where, const void *bytes, size_t size,
		const struct policy *p, uint64_t *cosigned)
{
	const char *data = bytes;
	size_t text = text_size_of(data, size);
	uint64_t when;
	int found;

	if (text == 0 || !read_head(out, data, data + text))
		return wrong("%s: this is no signed checkpoint", where);
	found = try_key(&p->log, data, text, data + size, &when);
	if (found < 0)
		return wrong("%s: the signature of %s is forged", where, p->log.name);
	if (found == 0)
		return wrong("%s: %s, whose key was given, has not signed it", where, p->log.name);
	if (strcmp(out->origin, p->log.name) != 0)
		return wrong("%s: it is of another log, %s", where, out->origin);
	if (cosigned != NULL)
		*cosigned = 0;
	return check_witnesses(where, data, text, data + size, p, cosigned);
}

bool check_head_file(struct head *out, const char *path, const struct policy *policy,
		     uint64_t *cosigned)
{
	struct bytes file;
	bool good;

	if (!read_file(&file, path, false))
		return false;
	good = check_head(out, path, file.data, file.size, policy, cosigned);
	free(file.data);
	return good;
}
