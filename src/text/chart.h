/*
 * chart - series and shares drawn with characters.
 *
 * Block elements (U+2581 to U+258F) of eight steps, or ASCII where a terminal has nothing else.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"

/*
 * Append `count` values as a line of at most `width` > 0 columns, one for each value or for each
 * group of neighbours, which shows its largest, so that no peak is lost. The largest of all is full
 * height; 0 and less, and what is no number, is a space; all else is at least the lowest step.
 */
void hin_chart_spark(struct hin_buffer *out, const double *values, size_t count, size_t width,
		     bool ascii);

/*
 * Append a bar of `value` / `most` of `width` columns, in eighths of a column; at least one step
 * when value > 0. No spaces follow.
 */
void hin_chart_bar(struct hin_buffer *out, double value, double most, size_t width, bool ascii);
