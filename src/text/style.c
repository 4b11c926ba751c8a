#include "text/style.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum hin_code hin_color_parse(enum hin_color *out, const char *text, struct hin_error *err)
{
	static const char *const names[] = { "auto", "always", "never" };

	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = (enum hin_color)i;
			return HIN_OK;
		}
	}
	return hin_fail(err, HIN_EUSAGE, "color \"%.40s\" is not auto, always or never", text);
}

bool hin_color_wanted(enum hin_color color, int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (color != HIN_COLOR_AUTO)
		return color == HIN_COLOR_ALWAYS;
	return (no == NULL || no[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0 &&
	       isatty(fd) == 1;
}

void hin_style_start(struct hin_buffer *out, enum hin_style style, bool color)
{
	static const char *const codes[] = {
		[HIN_STYLE_PLAIN] = "",	 [HIN_STYLE_BOLD] = "1",   [HIN_STYLE_DIM] = "2",
		[HIN_STYLE_RED] = "31",	 [HIN_STYLE_GREEN] = "32", [HIN_STYLE_YELLOW] = "33",
		[HIN_STYLE_BLUE] = "34", [HIN_STYLE_CYAN] = "36",  [HIN_STYLE_ALARM] = "1;31",
	};

	if (color && style != HIN_STYLE_PLAIN)
		hin_buffer_printf(out, "\x1b[%sm", codes[style]);
}

void hin_style_end(struct hin_buffer *out, enum hin_style style, bool color)
{
	if (color && style != HIN_STYLE_PLAIN)
		hin_buffer_puts(out, "\x1b[0m");
}

void hin_style_put(struct hin_buffer *out, enum hin_style style, bool color, const char *text)
{
	hin_style_start(out, style, color);
	hin_buffer_puts(out, text);
	hin_style_end(out, style, color);
}

size_t hin_style_columns(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col < 40 ? 40 : size.ws_col;
}
