#include "text/chart.h"

#include <math.h>

#include "base/utf8.h"

#define STEPS 8
#define LOWEST 0x2581 /* one eighth of a column's height */
#define FULL 0x2588   /* all of a column */
#define NARROWEST 0x258f

static void put_char(struct hin_buffer *out, uint32_t cp)
{
	char bytes[4];

	hin_buffer_add(out, bytes, hin_utf8_write(bytes, cp));
}

/* Steps from 0 to `steps` that stand for `value` of `most`. */
static size_t steps_of(double value, double most, size_t steps)
{
	double height;

	if (!(value > 0) || !(most > 0)) /* NaN is not more than 0 either */
		return 0;
	height = value >= most ? (double)steps : value / most * (double)steps;
	return height < 1 ? 1 : (size_t)(height + 0.5);
}

static double largest_of(const double *values, size_t count)
{
	double largest = 0;

	for (size_t i = 0; i < count; i++)
		if (values[i] > largest && isfinite(values[i]))
			largest = values[i];
	return largest;
}

void hin_chart_spark(struct hin_buffer *out, const double *values, size_t count, size_t width,
		     bool ascii)
{
	static const char ascii_steps[STEPS + 1] = { ' ', '_', '.', ':', '-', '=', '+', '*', '#' };
	double most = largest_of(values, count);
	size_t columns = count < width ? count : width;

	for (size_t c = 0; c < columns; c++) {
		size_t first = c * count / columns, end = (c + 1) * count / columns;
		size_t step = steps_of(largest_of(values + first, end - first), most, STEPS);

		if (ascii || step == 0)
			hin_buffer_putc(out, ascii_steps[step]);
		else
			put_char(out, LOWEST + (uint32_t)step - 1);
	}
}

void hin_chart_bar(struct hin_buffer *out, double value, double most, size_t width, bool ascii)
{
	size_t steps = steps_of(value, most, ascii ? width : width * STEPS);

	if (ascii) {
		hin_buffer_fill(out, '#', steps);
		return;
	}
	for (; steps >= STEPS; steps -= STEPS)
		put_char(out, FULL);
	if (steps > 0)
		put_char(out, NARROWEST - (uint32_t)steps + 1);
}
