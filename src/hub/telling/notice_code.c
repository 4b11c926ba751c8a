/* notice_code - twelve letters and digits, the last to check the others; see notice.h */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "hub/telling/notice.h"

#define SYMBOLS 12
#define FIELD 0x25 /* x^5 + x^2 + 1: the field of 32 elements */

/* Crockford's base 32: no I, L, O, U. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (; b != 0; b >>= 1) {
		if (b & 1)
			product ^= a;
		a = (uint8_t)(a << 1);
		if (a & 32)
			a ^= FIELD;
	}
	return product;
}

/*
 * The sum over the field of each symbol by a weight of its own: one wrong symbol, or two that
 * changed places, never give the same.
 */
static uint8_t check_of(const uint8_t values[SYMBOLS - 1])
{
	uint8_t sum = 0, weight = 2;

	for (size_t i = 0; i < SYMBOLS - 1; i++) {
		sum ^= times(values[i], weight);
		weight = times(weight, 2);
	}
	return sum;
}

static void write_code(char out[HIN_NOTICE_CODE], const uint8_t values[SYMBOLS])
{
	size_t used = 0;

	for (size_t i = 0; i < SYMBOLS; i++) {
		if (i > 0 && i % 4 == 0)
			out[used++] = '-';
		out[used++] = alphabet[values[i]];
	}
	out[used] = '\0';
}

enum hin_code hin_notice_code_make(char out[HIN_NOTICE_CODE], struct hin_error *err)
{
	uint8_t values[SYMBOLS];

	if (getrandom(values, SYMBOLS - 1, 0) != SYMBOLS - 1)
		return hin_fail(err, HIN_ESYS, "getrandom");
	for (size_t i = 0; i < SYMBOLS - 1; i++)
		values[i] &= 31;
	values[SYMBOLS - 1] = check_of(values);
	write_code(out, values);
	return HIN_OK;
}

/* The value of a symbol as people write it; -1 for none. */
static int value_of(char c)
{
	const char *at;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O')
		c = '0';
	if (c == 'I' || c == 'L')
		c = '1';
	at = c != '\0' ? strchr(alphabet, c) : NULL;
	return at != NULL ? (int)(at - alphabet) : -1;
}

enum hin_code hin_notice_code_parse(char out[HIN_NOTICE_CODE], const char *text,
				    struct hin_error *err)
{
	uint8_t values[SYMBOLS];
	size_t count = 0;

	for (const char *p = text; *p != '\0'; p++) {
		int value = value_of(*p);

		if (*p == '-' || *p == ' ')
			continue;
		if (value < 0 || count == SYMBOLS)
			return hin_fail(err, HIN_EFORMAT,
					"\"%.40s\" is no code of a notice, as 7K3M-Q9TX-2F4A",
					text);
		values[count++] = (uint8_t)value;
	}
	if (count != SYMBOLS)
		return hin_fail(err, HIN_EFORMAT, "\"%.40s\" is no code: it has not 12 characters",
				text);
	if (check_of(values) != values[SYMBOLS - 1])
		return hin_fail(err, HIN_EVERIFY,
				"\"%.40s\" is no code: a character is wrong, or two are exchanged",
				text);
	write_code(out, values);
	return HIN_OK;
}
