#include "base/wrap.h"

#include "base/utf8.h"

/* Marks that may not start a line (JIS X 4051, the common ones). */
static bool is_closing(uint32_t cp)
{
	return cp == 0x3001 || cp == 0x3002 || cp == 0xff0c || cp == 0xff0e || cp == 0x300d ||
	       cp == 0x300f || cp == 0xff09 || cp == 0x3011 || cp == 0x30fc || cp == 0x30fb ||
	       cp == 0xff01 || cp == 0xff1f || cp == 0xff1a;
}

static bool is_opening(uint32_t cp)
{
	return cp == 0x300c || cp == 0x300e || cp == 0xff08 || cp == 0x3010;
}

/* May a line end between these two, which are no spaces? */
static bool may_break(uint32_t before, uint32_t after)
{
	if (is_closing(after) || is_opening(before) || hin_utf8_width(after) == 0)
		return false;
	return hin_utf8_width(before) == 2 || hin_utf8_width(after) == 2;
}

static uint32_t peek(struct hin_reader in)
{
	return in.left > 0 ? hin_utf8_read(&in) : ' ';
}

/* Take the piece up to the next place where a line may end; its columns go to `width`. */
static size_t next_piece(struct hin_reader *in, size_t *width)
{
	const uint8_t *start = in->pos;
	uint32_t cp, next = peek(*in);

	*width = 0;
	while (in->left > 0 && next != ' ' && next != '\n') {
		cp = hin_utf8_read(in);
		*width += cp == HIN_UTF8_BAD ? 1 : hin_utf8_width(cp);
		next = peek(*in);
		if (may_break(cp, next))
			break;
	}
	return (size_t)(in->pos - start);
}

static void new_line(struct hin_buffer *out, size_t indent, size_t *column)
{
	hin_buffer_putc(out, '\n');
	hin_buffer_fill(out, ' ', indent);
	*column = indent;
}

void hin_wrap(struct hin_buffer *out, const char *text, size_t start, size_t indent, size_t columns)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	size_t column = start, spaces = 0, width;
	bool fresh = true; /* nothing on this line yet */

	while (in.left > 0 && !out->failed) {
		const uint8_t *at = in.pos;
		size_t size;

		if (*at == ' ' || *at == '\n') {
			hin_read_skip(&in, 1);
			spaces = *at == ' ' ? spaces + 1 : 0;
			if (*at == '\n') {
				new_line(out, peek(in) == '\n' ? 0 : indent, &column);
				fresh = true;
			}
			continue;
		}
		size = next_piece(&in, &width);
		if (!fresh && column + spaces + width > columns) {
			new_line(out, indent, &column);
			spaces = 0;
		}
		hin_buffer_fill(out, ' ', spaces);
		hin_buffer_add(out, at, size);
		column += spaces + width;
		spaces = 0;
		fresh = false;
	}
}
