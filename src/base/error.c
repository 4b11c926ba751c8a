#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *hin_code_text(enum hin_code code)
{
	static const char *const texts[] = {
#define X(name, text) [name] = text,
		HIN_CODES(X)
#undef X
	};

	return (size_t)code < HIN_COUNT(texts) ? texts[code] : "unknown error";
}

/* Length of the well-formed UTF-8 sequence at `s` (RFC 3629), 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
	size_t more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i <= more; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return more + 1;
}

/* Replace what is not printable in one line: controls (C1 too), bidi marks, broken UTF-8. */
static void make_printable(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s != '\0') {
		size_t n;

		if (*s >= 0x20 && *s < 0x7f) {
			s++;
			continue;
		}
		n = *s < 0x80 ? 0 : utf8_length(s);
		if (n == 0 || (s[0] == 0xc2 && s[1] < 0xa0) ||
		    (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x8b && s[2] <= 0xae) ||
		    (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf)) {
			*s++ = '?';
			continue;
		}
		s += n;
	}
}

enum hin_code hin_fail(struct hin_error *err, enum hin_code code, const char *fmt, ...)
{
	int sys = errno;
	va_list args;
	int n;

	if (err == NULL)
		return code;
	err->code = code;
	err->sys = code == HIN_ESYS ? sys : 0;
	va_start(args, fmt);
	n = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	if (n < 0) {
		err->text[0] = '\0';
		n = 0;
	}
	if (code == HIN_ESYS && (size_t)n < sizeof(err->text))
		snprintf(err->text + n, sizeof(err->text) - (size_t)n, ": %s", strerror(sys));
	make_printable(err->text);
	return code;
}
