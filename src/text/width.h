/*
 * width - columns of UTF-8 text on a terminal.
 *
 * A column is the width of "a"; East Asian wide characters take two, combining ones none, a byte
 * that is no UTF-8 one. The text must be safe already (base/escape.h). The locale plays no part.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"

enum hin_align { HIN_LEFT, HIN_RIGHT };

/* The columns of `text`. */
size_t hin_width_of(const char *text);

/* The bytes at the start of `text` that fit into `columns`, with their combining characters. */
size_t hin_width_fit(const char *text, size_t columns);

/*
 * Append `text` cut to `columns`; what is cut ends in "..", where there is room for that. Returns
 * the columns used.
 */
size_t hin_width_cut(struct hin_buffer *out, const char *text, size_t columns);

/* Append `text` in exactly `columns`: cut as above, or filled up with spaces. */
void hin_width_pad(struct hin_buffer *out, const char *text, size_t columns, enum hin_align align);
