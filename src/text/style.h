/*
 * style - colours and the size of a terminal.
 *
 * Threads: no shared state; the environment is read.
 */
#pragma once
#include "base/buffer.h"

enum hin_style {
	HIN_STYLE_PLAIN,
	HIN_STYLE_BOLD,
	HIN_STYLE_DIM,
	HIN_STYLE_RED,
	HIN_STYLE_GREEN,
	HIN_STYLE_YELLOW,
	HIN_STYLE_BLUE,
	HIN_STYLE_CYAN,
	HIN_STYLE_ALARM, /* bold red */
};

/* The answer to --color. */
enum hin_color { HIN_COLOR_AUTO, HIN_COLOR_ALWAYS, HIN_COLOR_NEVER };

/* Read "auto", "always" or "never". */
HIN_MUST_USE enum hin_code hin_color_parse(enum hin_color *out, const char *text,
					   struct hin_error *err);

/*
 * Should output to `fd` have colours? With HIN_COLOR_AUTO: it is a terminal, TERM is not "dumb" and
 * NO_COLOR (https://no-color.org) is not set.
 */
bool hin_color_wanted(enum hin_color color, int fd);

/* Append `text` in `style`; without `color` the text alone. */
void hin_style_put(struct hin_buffer *out, enum hin_style style, bool color, const char *text);

/* Append what starts `style`, and what ends every style; without `color` nothing. */
void hin_style_start(struct hin_buffer *out, enum hin_style style, bool color);
void hin_style_end(struct hin_buffer *out, enum hin_style style, bool color);

/* The columns of the terminal at `fd`, at least 40; 80 when it is none. */
size_t hin_style_columns(int fd);
