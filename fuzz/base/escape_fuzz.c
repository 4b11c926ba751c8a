/*
 * Escaping: what comes out is UTF-8 without anything hidden, hin_escape() loses nothing, and cut
 * and wrapped text stays within its bounds.
 */
#include <stdlib.h>

#include "base/escape.h"
#include "base/utf8.h"
#include "base/wrap.h"

static void check_safe(const struct hin_buffer *b, const char *but)
{
	struct hin_reader in = hin_reader_of(b->data, b->used);

	if (b->failed)
		abort();
	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);

		if (cp == HIN_UTF8_BAD || (hin_utf8_is_hidden(cp) &&
					   (cp == 0 || cp > 0x7f || strchr(but, (int)cp) == NULL)))
			abort();
	}
}

static uint32_t read_hex(const char **at, size_t most)
{
	uint32_t value = 0;

	for (; most > 0 && **at != '}'; most--, (*at)++)
		value = value * 16 + (uint32_t)(**at <= '9' ? **at - '0' : **at - 'a' + 10);
	return value;
}

/* Undo hin_escape(). */
static void unescape(struct hin_buffer *out, const char *at)
{
	while (*at != '\0') {
		char bytes[4];

		if (*at != '\\') {
			hin_buffer_putc(out, *at++);
		} else if (at[1] == 'x') {
			at += 2;
			hin_buffer_putc(out, (char)read_hex(&at, 2));
		} else if (at[1] == 'u') {
			at += 3;
			hin_buffer_add(out, bytes, hin_utf8_write(bytes, read_hex(&at, 8)));
			at++;
		} else {
			hin_buffer_putc(out, at[1]);
			at += 2;
		}
	}
}

static void check_cut(const char *text, size_t size)
{
	char *out = malloc(size);

	if (out == NULL)
		return;
	hin_escape_text(out, size, text);
	if (strlen(out) >= size)
		abort();
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_buffer out = { 0 }, back = { 0 };
	char *text = strndup((const char *)data, size);
	struct hin_error err;

	hin_escape(&out, data, size);
	check_safe(&out, "");
	unescape(&back, hin_buffer_text(&out));
	if (back.used != size || (size > 0 && memcmp(back.data, data, size) != 0))
		abort();
	hin_buffer_reset(&out);
	hin_escape_quoted(&out, data, size);
	check_safe(&out, "");
	hin_buffer_reset(&out);
	hin_escape_html(&out, data, size);
	check_safe(&out, "\n\t");
	if (strpbrk(hin_buffer_text(&out), "<>\"'") != NULL)
		abort();
	hin_buffer_reset(&out);
	hin_escape_json(&out, data, size);
	check_safe(&out, "");
	if (strchr(out.data, '<') != NULL)
		abort();
	if (text != NULL) {
		for (size_t n = 1; n < 20; n++)
			check_cut(text, n);
		hin_buffer_reset(&out);
		hin_wrap(&out, text, 3, 3, 20);
		hin_escape_roff(&out, text);
		hin_fail(&err, HIN_EFORMAT, "%s", text);
		hin_buffer_reset(&out);
		hin_buffer_puts(&out, err.text);
		check_safe(&out, "");
	}
	free(text);
	hin_buffer_fini(&out);
	hin_buffer_fini(&back);
	return 0;
}
