/*
 * wrap - break text into lines of a width.
 *
 * Columns are those of a terminal (hin_utf8_width).
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"

/*
 * Append `text` broken into lines of at most `columns`. It starts where the buffer stands, `start`
 * columns in; further lines are indented by `indent`. Lines break at spaces, which go, at newlines
 * in the text, and beside East Asian wide characters, but never before a closing mark such as 。.
 * A word longer than a line is left whole. No newline at the end.
 */
void hin_wrap(struct hin_buffer *out, const char *text, size_t start, size_t indent,
	      size_t columns);
