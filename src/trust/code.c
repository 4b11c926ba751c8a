/* code - see code.h */
#include "trust/code.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/number.h"

#define HEAD "hinomi-join:"
#define SUM 4 /* bytes of a checksum */
#define PAYLOAD (32 + HIN_CODE_ID + HIN_CODE_SECRET)
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static bool is_host(const char *host)
{
	struct hin_addr a;
	size_t label = 0;

	if (hin_addr_parse(&a, host) == HIN_OK)
		return true;
	for (const char *at = host; *at != '\0'; at++) {
		bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
			      (*at >= '0' && *at <= '9');

		if (*at == '.' && label == 0)
			return false;
		if (!letter && *at != '.' && !(*at == '-' && label > 0))
			return false;
		label = *at == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

enum hin_code hin_host_parse(char host[HIN_CODE_HOST], uint16_t *port, const char *text,
			     struct hin_error *err)
{
	const char *colon = strrchr(text, ':'), *from = text;
	char name[HIN_CODE_HOST];
	struct hin_addr a;
	uint64_t number;
	size_t size;
	bool bracket = text[0] == '[';

	if (colon == NULL)
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is not a host and a port, as %s", text,
				"hub.example:8443");
	size = (size_t)(colon - text);
	if (bracket) {
		from++;
		size = size >= 2 && colon[-1] == ']' ? size - 2 : 0;
	}
	if (size == 0 || size >= sizeof(name))
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" has no host of 1-%d characters", text,
				HIN_CODE_HOST - 1);
	memcpy(name, from, size);
	name[size] = '\0';
	if (!is_host(name) ||
	    bracket != (hin_addr_parse(&a, name) == HIN_OK && strchr(name, ':') != NULL))
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is neither a DNS name nor an address",
				name);
	if (hin_number_u64(&number, "port", colon + 1, 1, UINT16_MAX, err) != HIN_OK)
		return HIN_EFORMAT;
	memcpy(host, name, size + 1);
	*port = (uint16_t)number;
	return HIN_OK;
}

static void checksum(uint8_t out[SUM], const char *host, size_t host_size,
		     const uint8_t payload[PAYLOAD])
{
	crypto_hash_sha256_state state;
	uint8_t digest[32];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)host, host_size);
	crypto_hash_sha256_update(&state, payload, PAYLOAD);
	crypto_hash_sha256_final(&state, digest);
	memcpy(out, digest, SUM);
}

char *hin_join_code_format(const struct hin_join_code *code, char out[HIN_CODE_TEXT])
{
	char base64[sodium_base64_ENCODED_LEN(PAYLOAD + SUM, VARIANT)];
	bool v6 = strchr(code->host, ':') != NULL;
	uint8_t payload[PAYLOAD + SUM];
	struct hin_writer w = hin_writer_of(payload, sizeof(payload));
	int n;

	n = snprintf(out, HIN_CODE_TEXT, HEAD "%s%s%s:%u", v6 ? "[" : "", code->host, v6 ? "]" : "",
		     code->port);
	hin_write_bytes(&w, code->ca_sha256, 32);
	hin_write_bytes(&w, code->id, HIN_CODE_ID);
	hin_write_bytes(&w, code->secret, HIN_CODE_SECRET);
	checksum(payload + PAYLOAD, out, (size_t)n, payload);
	sodium_bin2base64(base64, sizeof(base64), payload, sizeof(payload), VARIANT);
	snprintf(out + n, HIN_CODE_TEXT - (size_t)n, ":%s", base64);
	explicit_bzero(payload, sizeof(payload));
	explicit_bzero(base64, sizeof(base64));
	return out;
}

enum hin_code hin_join_code_parse(struct hin_join_code *out, const char *text,
				  struct hin_error *err)
{
	const char *last = strrchr(text, ':');
	uint8_t payload[PAYLOAD + SUM], sum[SUM];
	struct hin_reader in = hin_reader_of(payload, PAYLOAD);
	struct hin_join_code code = { 0 };
	char host[HIN_CODE_TEXT];
	enum hin_code rc = HIN_OK;
	size_t used = 0;

	if (strncmp(text, HEAD, strlen(HEAD)) != 0 || (size_t)(last - text) < strlen(HEAD) ||
	    (size_t)(last - text) >= sizeof(host))
		return hin_fail(err, HIN_EFORMAT,
				"this is no code to join with: it begins with \"%s\"", HEAD);
	memcpy(host, text, (size_t)(last - text));
	host[last - text] = '\0';
	if (sodium_base642bin(payload, sizeof(payload), last + 1, strlen(last + 1), NULL, &used,
			      NULL, VARIANT) != 0 ||
	    used != sizeof(payload)) {
		rc = hin_fail(err, HIN_EFORMAT,
			      "the code is not complete: copy the whole line that enrol printed");
		goto out;
	}
	checksum(sum, host, strlen(host), payload);
	if (sodium_memcmp(sum, payload + PAYLOAD, SUM) != 0) {
		rc = hin_fail(err, HIN_EFORMAT,
			      "the code has a wrong character: copy the line that enrol printed");
		goto out;
	}
	rc = hin_host_parse(code.host, &code.port, host + strlen(HEAD), err);
	if (rc != HIN_OK)
		goto out;
	hin_read_copy(&in, code.ca_sha256, 32);
	hin_read_copy(&in, code.id, HIN_CODE_ID);
	hin_read_copy(&in, code.secret, HIN_CODE_SECRET);
	*out = code;
out:
	explicit_bzero(payload, sizeof(payload));
	explicit_bzero(&code, sizeof(code));
	return rc;
}
