#include "text/width.h"

#include "base/utf8.h"

static size_t width_of_next(struct hin_reader *in)
{
	uint32_t cp = hin_utf8_read(in);

	return cp == HIN_UTF8_BAD ? 1 : hin_utf8_width(cp);
}

size_t hin_width_of(const char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	size_t columns = 0;

	while (in.left > 0)
		columns += width_of_next(&in);
	return columns;
}

size_t hin_width_fit(const char *text, size_t columns)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	size_t fit = 0, used = 0;

	while (in.left > 0) {
		used += width_of_next(&in);
		if (used > columns)
			break;
		fit = (size_t)(in.pos - (const uint8_t *)text);
	}
	return fit;
}

size_t hin_width_cut(struct hin_buffer *out, const char *text, size_t columns)
{
	static const char dots[] = "..";
	size_t whole = hin_width_of(text), fit, used;
	char *cut;

	if (whole <= columns) {
		hin_buffer_puts(out, text);
		return whole;
	}
	fit = hin_width_fit(text, columns >= 4 ? columns - 2 : columns);
	cut = hin_buffer_reserve(out, fit);
	if (cut == NULL)
		return 0;
	memcpy(cut, text, fit);
	hin_buffer_commit(out, fit);
	used = hin_width_of(cut);
	if (columns >= 4) {
		hin_buffer_puts(out, dots);
		used += 2;
	}
	return used;
}

void hin_width_pad(struct hin_buffer *out, const char *text, size_t columns, enum hin_align align)
{
	size_t whole = hin_width_of(text);

	if (whole > columns) {
		/* half a wide character may be left over */
		hin_buffer_fill(out, ' ', columns - hin_width_cut(out, text, columns));
		return;
	}
	if (align == HIN_RIGHT)
		hin_buffer_fill(out, ' ', columns - whole);
	hin_buffer_puts(out, text);
	if (align == HIN_LEFT)
		hin_buffer_fill(out, ' ', columns - whole);
}
