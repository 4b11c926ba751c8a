#include "base/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN "%s \"%.60s\""

struct unit {
	const char *name;
	uint64_t value;
};

/* Largest first; the first of equals is the one we write. */
static const struct unit sizes[] = {
	{ "T", 1ull << 40 }, { "TiB", 1ull << 40 },
	{ "G", 1ull << 30 }, { "GiB", 1ull << 30 },
	{ "M", 1ull << 20 }, { "MiB", 1ull << 20 },
	{ "K", 1ull << 10 }, { "KiB", 1ull << 10 },
	{ "k", 1ull << 10 }, { "B", 1 },
	{ "", 1 },
};

static const struct unit durations[] = {
	{ "w", 604800000000000 }, { "d", 86400000000000 },
	{ "h", 3600000000000 },	  { "m", 60000000000 },
	{ "s", 1000000000 },	  { "ms", 1000000 },
	{ "us", 1000 },		  { "ns", 1 },
};

/* Read digits at `*text` and move behind them. HIN_EFORMAT without any, HIN_ERANGE over 64 bits. */
static enum hin_code read_digits(uint64_t *out, const char **text)
{
	enum hin_code code = HIN_OK;
	uint64_t value = 0;

	if (**text < '0' || **text > '9')
		return HIN_EFORMAT;
	for (; **text >= '0' && **text <= '9'; (*text)++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**text - '0'), &value))
			code = HIN_ERANGE;
	*out = value;
	return code;
}

enum hin_code hin_number_u64(uint64_t *out, const char *what, const char *text, uint64_t min,
			     uint64_t max, struct hin_error *err)
{
	const char *at = text;
	uint64_t value = 0;
	enum hin_code code = read_digits(&value, &at);

	if (code == HIN_EFORMAT || *at != '\0')
		return hin_fail(err, HIN_EFORMAT, SHOWN " is not a whole number", what, text);
	if (code != HIN_OK || value < min || value > max)
		return hin_fail(err, HIN_ERANGE, SHOWN " is not in %" PRIu64 "-%" PRIu64, what,
				text, min, max);
	*out = value;
	return HIN_OK;
}

enum hin_code hin_number_i64(int64_t *out, const char *what, const char *text, int64_t min,
			     int64_t max, struct hin_error *err)
{
	bool negative = text[0] == '-';
	const char *at = text + negative;
	uint64_t size = 0;
	enum hin_code code = read_digits(&size, &at);
	int64_t value = 0;

	if (code == HIN_EFORMAT || *at != '\0')
		return hin_fail(err, HIN_EFORMAT, SHOWN " is not a whole number", what, text);
	if (negative ? __builtin_sub_overflow(0, size, &value)
		     : __builtin_add_overflow(0, size, &value))
		code = HIN_ERANGE;
	if (code != HIN_OK || value < min || value > max)
		return hin_fail(err, HIN_ERANGE, SHOWN " is not in %" PRId64 " to %" PRId64, what,
				text, min, max);
	*out = value;
	return HIN_OK;
}

enum hin_code hin_number_double(double *out, const char *what, const char *text, double min,
				double max, struct hin_error *err)
{
	char *end;
	double value;

	/* strtod() alone would take spaces, hexadecimal, "inf" and "nan" too */
	if (text[0] == '\0' || strspn(text, "0123456789.eE+-") != strlen(text) || text[0] == '+')
		return hin_fail(err, HIN_EFORMAT, SHOWN " is not a number", what, text);
	value = strtod(text, &end);
	if (*end != '\0')
		return hin_fail(err, HIN_EFORMAT, SHOWN " is not a number", what, text);
	if (!isfinite(value) || value < min || value > max)
		return hin_fail(err, HIN_ERANGE, SHOWN " is not in %g to %g", what, text, min, max);
	*out = value;
	return HIN_OK;
}

/* The unit of `list` that is called `name` of `length` bytes, or `count`. */
static size_t find_unit(const struct unit *list, size_t count, const char *name, size_t length)
{
	size_t i = 0;

	while (i < count &&
	       (strlen(list[i].name) != length || memcmp(list[i].name, name, length) != 0))
		i++;
	return i;
}

enum hin_code hin_number_size(uint64_t *out, const char *what, const char *text, uint64_t min,
			      uint64_t max, struct hin_error *err)
{
	const char *at = text;
	char low[HIN_NUMBER_TEXT], high[HIN_NUMBER_TEXT];
	uint64_t value = 0;
	enum hin_code code = read_digits(&value, &at);
	size_t i = find_unit(sizes, HIN_COUNT(sizes), at, strlen(at));

	if (code == HIN_EFORMAT || i == HIN_COUNT(sizes))
		return hin_fail(err, HIN_EFORMAT, SHOWN " is not a size like 64K, 256M or 1G", what,
				text);
	if (__builtin_mul_overflow(value, sizes[i].value, &value))
		code = HIN_ERANGE;
	if (code != HIN_OK || value < min || value > max)
		return hin_fail(err, HIN_ERANGE, SHOWN " is not in %s-%s", what, text,
				hin_number_format_size(low, min),
				hin_number_format_size(high, max));
	*out = value;
	return HIN_OK;
}

/* Add up "1h30m"; each unit at most once, largest first. */
static enum hin_code add_durations(int64_t *out, const char *text)
{
	enum hin_code code = HIN_OK;
	const char *at = text;
	size_t next = 0;
	int64_t sum = 0;

	if (strcmp(text, "0") == 0) {
		*out = 0;
		return HIN_OK;
	}
	do {
		uint64_t part = 0;
		enum hin_code read = read_digits(&part, &at);
		size_t length = strcspn(at, "0123456789");
		size_t i = find_unit(durations, HIN_COUNT(durations), at, length);

		if (read == HIN_EFORMAT || i == HIN_COUNT(durations) || i < next)
			return HIN_EFORMAT;
		if (read != HIN_OK || __builtin_mul_overflow(part, durations[i].value, &part) ||
		    __builtin_add_overflow(sum, part, &sum))
			code = HIN_ERANGE;
		at += length;
		next = i + 1;
	} while (*at != '\0');
	*out = sum;
	return code;
}

enum hin_code hin_number_duration(int64_t *out_ns, const char *what, const char *text,
				  int64_t min_ns, int64_t max_ns, struct hin_error *err)
{
	char low[HIN_NUMBER_TEXT], high[HIN_NUMBER_TEXT];
	int64_t value = 0;
	enum hin_code code = add_durations(&value, text);

	if (code == HIN_EFORMAT)
		return hin_fail(err, HIN_EFORMAT,
				SHOWN " is not a duration like 90s, 10m, 6h or 7d", what, text);
	if (code != HIN_OK || value < min_ns || value > max_ns)
		return hin_fail(err, HIN_ERANGE, SHOWN " is not in %s-%s", what, text,
				hin_number_format_duration(low, min_ns),
				hin_number_format_duration(high, max_ns));
	*out_ns = value;
	return HIN_OK;
}

/* Write `value` in the largest unit that divides it. */
static char *format_in(char *out, uint64_t value, const struct unit *list, size_t count)
{
	size_t i = 0;

	while (i + 1 < count && value % list[i].value != 0)
		i++;
	snprintf(out, HIN_NUMBER_TEXT, "%" PRIu64 "%s", value / list[i].value, list[i].name);
	return out;
}

char *hin_number_format_size(char out[HIN_NUMBER_TEXT], uint64_t bytes)
{
	if (bytes % 1024 == 0 && bytes > 0)
		return format_in(out, bytes, sizes, HIN_COUNT(sizes));
	snprintf(out, HIN_NUMBER_TEXT, "%" PRIu64, bytes);
	return out;
}

char *hin_number_format_duration(char out[HIN_NUMBER_TEXT], int64_t ns)
{
	size_t days = 1; /* weeks are read, but not written */

	if (ns == 0)
		return memcpy(out, "0", sizeof("0"));
	return format_in(out, (uint64_t)ns, durations + days, HIN_COUNT(durations) - days);
}
