#include "base/escape.h"

#include "base/utf8.h"

/* Append what must not be shown: \xNN for one byte, \u{...} for a character. */
static void put_hidden(struct hin_buffer *out, uint32_t cp, uint8_t first)
{
	if (cp == HIN_UTF8_BAD || cp < 0x80)
		hin_buffer_printf(out, "\\x%02x", first);
	else
		hin_buffer_printf(out, "\\u{%x}", cp);
}

static void escape_with(struct hin_buffer *out, const void *data, size_t size, bool quoted)
{
	struct hin_reader in = hin_reader_of(data, size);

	while (in.left > 0 && !out->failed) {
		const uint8_t *at = in.pos;
		uint32_t cp = hin_utf8_read(&in);

		if (cp == '\\' || (cp == '"' && quoted)) {
			hin_buffer_putc(out, '\\');
			hin_buffer_putc(out, (char)cp);
		} else if (cp == HIN_UTF8_BAD || hin_utf8_is_hidden(cp)) {
			put_hidden(out, cp, *at);
		} else {
			hin_buffer_add(out, at, (size_t)(in.pos - at));
		}
	}
}

void hin_escape(struct hin_buffer *out, const void *data, size_t size)
{
	escape_with(out, data, size, false);
}

void hin_escape_quoted(struct hin_buffer *out, const void *data, size_t size)
{
	hin_buffer_putc(out, '"');
	escape_with(out, data, size, true);
	hin_buffer_putc(out, '"');
}

char *hin_escape_text(char *out, size_t size, const char *text)
{
	struct hin_buffer b = hin_buffer_over(out, size);
	struct hin_reader in = hin_reader_of(text, strlen(text));
	size_t fits = 0; /* where it can be cut and still take the dots */

	while (in.left > 0 && !b.failed) {
		const uint8_t *at = in.pos;

		(void)hin_utf8_read(&in);
		hin_escape(&b, at, (size_t)(in.pos - at));
		if (!b.failed && b.used + sizeof("...") <= size)
			fits = b.used;
	}
	if (b.failed)
		memcpy(out + fits, "...", size < sizeof("...") ? 0 : sizeof("..."));
	if (b.failed && size < sizeof("..."))
		out[0] = '\0';
	return out;
}

void hin_escape_html(struct hin_buffer *out, const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);

	while (in.left > 0 && !out->failed) {
		const uint8_t *at = in.pos;
		uint32_t cp = hin_utf8_read(&in);

		if (cp == '&')
			hin_buffer_puts(out, "&amp;");
		else if (cp == '<')
			hin_buffer_puts(out, "&lt;");
		else if (cp == '>')
			hin_buffer_puts(out, "&gt;");
		else if (cp == '"')
			hin_buffer_puts(out, "&quot;");
		else if (cp == '\'')
			hin_buffer_puts(out, "&#39;");
		else if (cp == '\n' || cp == '\t')
			hin_buffer_putc(out, (char)cp);
		else if (cp == HIN_UTF8_BAD || hin_utf8_is_hidden(cp))
			put_hidden(out, cp, *at);
		else
			hin_buffer_add(out, at, (size_t)(in.pos - at));
	}
}

/* The one-letter escape of `cp` in JSON, or 0. */
static char json_letter(uint32_t cp)
{
	switch (cp) {
	case '"':
	case '\\':
		return (char)cp;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

/* How many bytes from `at` on stand for themselves in JSON. */
static size_t plain_run(const uint8_t *at, size_t left)
{
	size_t n = 0;

	while (n < left && at[n] >= ' ' && at[n] < 0x7f && at[n] != '"' && at[n] != '\\' &&
	       at[n] != '<')
		n++;
	return n;
}

void hin_escape_json(struct hin_buffer *out, const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);

	hin_buffer_putc(out, '"');
	while (in.left > 0 && !out->failed) {
		const uint8_t *at = in.pos;
		size_t plain = plain_run(at, in.left);
		uint32_t cp;
		char letter;

		if (plain > 0) {
			hin_buffer_add(out, at, plain);
			hin_read_skip(&in, plain);
			continue;
		}
		cp = hin_utf8_read(&in);
		letter = json_letter(cp);
		if (letter != 0) {
			hin_buffer_putc(out, '\\');
			hin_buffer_putc(out, letter);
		} else if (cp == HIN_UTF8_BAD) {
			hin_buffer_puts(out, "\\ufffd");
		} else if (cp > 0xffff && hin_utf8_is_hidden(cp)) {
			hin_buffer_printf(out, "\\u%04x\\u%04x", 0xd7c0 + (cp >> 10),
					  0xdc00 + (cp & 0x3ff));
		} else if (cp == '<' || hin_utf8_is_hidden(cp)) {
			hin_buffer_printf(out, "\\u%04x", cp);
		} else {
			hin_buffer_add(out, at, (size_t)(in.pos - at));
		}
	}
	hin_buffer_putc(out, '"');
}

void hin_escape_roff(struct hin_buffer *out, const char *text)
{
	bool line_start = true;

	for (; *text != '\0'; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			hin_buffer_puts(out, "\\&");
		if (*text == '\\')
			hin_buffer_puts(out, "\\e");
		else if (*text == '-')
			hin_buffer_puts(out, "\\-");
		else
			hin_buffer_putc(out, *text);
		line_start = *text == '\n';
	}
}
