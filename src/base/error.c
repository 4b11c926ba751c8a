#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

const char *hin_code_text(enum hin_code code)
{
	static const char *const texts[] = {
#define X(name, text) [name] = text,
		HIN_CODES(X)
#undef X
	};

	return (size_t)code < HIN_COUNT(texts) ? texts[code] : "unknown error";
}

/* Replace what is not printable in one line, byte by byte: controls, bidi marks, broken UTF-8. */
static void make_printable(char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));

	while (in.left > 0) {
		char *at = text + (in.pos - (const uint8_t *)text);
		uint32_t cp = hin_utf8_read(&in);
		size_t length = (size_t)(in.pos - (const uint8_t *)at);

		if (cp == HIN_UTF8_BAD || hin_utf8_is_hidden(cp))
			memset(at, '?', length);
	}
}

enum hin_code(hin_fail)(struct hin_error *err, enum hin_code code, const char *fmt, ...)
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
