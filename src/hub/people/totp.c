/* totp - RFC 6238 over RFC 4226; see totp.h */
#include "hub/people/totp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>

#include "base/bytes.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void hin_totp_code(char *out, unsigned digits, const uint8_t *secret, size_t size, int64_t step)
{
	uint64_t counter_be = HIN_BE64((uint64_t)step);
	uint8_t mac[EVP_MAX_MD_SIZE] = { 0 };
	unsigned mac_size = 0;
	uint32_t value, modulus = 1;
	unsigned at;

	(void)HMAC(EVP_sha1(), secret, (int)size, (const unsigned char *)&counter_be,
		   sizeof(counter_be), mac, &mac_size);
	at = mac[19] & 15u; /* RFC 4226, 5.3: dynamic truncation */
	value = ((uint32_t)(mac[at] & 0x7f) << 24) | ((uint32_t)mac[at + 1] << 16) |
		((uint32_t)mac[at + 2] << 8) | mac[at + 3];
	for (unsigned i = 0; i < digits; i++)
		modulus *= 10;
	snprintf(out, digits + 1u, "%0*u", (int)digits, value % modulus);
	explicit_bzero(mac, sizeof(mac));
}

int64_t hin_totp_check(const uint8_t *secret, size_t size, const char *code, int64_t now_s,
		       int64_t last)
{
	int64_t step = now_s / HIN_TOTP_STEP_S, found = -1;
	char want[HIN_TOTP_DIGITS + 1];

	if (strlen(code) != HIN_TOTP_DIGITS)
		return -1;
	for (int64_t at = step - 1; at <= step + 1; at++) {
		hin_totp_code(want, HIN_TOTP_DIGITS, secret, size, at);
		if (sodium_memcmp(want, code, HIN_TOTP_DIGITS) == 0 && at > last)
			found = at;
	}
	explicit_bzero(want, sizeof(want));
	return found;
}

void hin_totp_base32(char *out, const uint8_t *data, size_t size)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < size; i++) {
		bits = (bits << 8) | data[i];
		for (have += 8; have >= 5; have -= 5)
			*out++ = alphabet[(bits >> (have - 5)) & 31];
	}
	if (have > 0)
		*out++ = alphabet[(bits << (5 - have)) & 31];
	*out = '\0';
}

/* What a character of base 32 stands for, -1 = nothing. */
static int value_of(char c)
{
	if (c >= 'a' && c <= 'z')
		return c - 'a';
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

size_t hin_totp_from_base32(uint8_t *out, size_t most, const char *text)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t used = 0;

	for (; *text != '\0'; text++) {
		int value = value_of(*text);

		if (*text == ' ' || *text == '-')
			continue;
		if (value < 0)
			return 0;
		bits = (bits << 5) | (uint32_t)value;
		have += 5;
		if (have < 8)
			continue;
		if (used == most)
			return 0;
		have -= 8;
		out[used++] = (uint8_t)(bits >> have);
	}
	return used;
}

static void percent(struct hin_buffer *out, const char *text)
{
	for (; *text != '\0'; text++) {
		bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			     (*text >= '0' && *text <= '9') || strchr("-._~", *text) != NULL;

		if (plain)
			hin_buffer_putc(out, *text);
		else
			hin_buffer_printf(out, "%%%02X", (unsigned)(unsigned char)*text);
	}
}

void hin_totp_uri(struct hin_buffer *out, const char *issuer, const char *account,
		  const uint8_t *secret, size_t size)
{
	char text[HIN_TOTP_BASE32];

	if (size > HIN_TOTP_SECRET) {
		out->failed = true;
		return;
	}
	hin_totp_base32(text, secret, size);
	hin_buffer_puts(out, "otpauth://totp/");
	percent(out, issuer);
	hin_buffer_putc(out, ':');
	percent(out, account);
	hin_buffer_printf(out, "?secret=%s&issuer=", text);
	percent(out, issuer);
	explicit_bzero(text, sizeof(text));
}
