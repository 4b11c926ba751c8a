#include "base/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/number.h"

static int64_t read_clock(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t); /* these two clocks always exist */
	return t.tv_sec * HIN_NS_PER_S + t.tv_nsec;
}

int64_t hin_time_now_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t hin_time_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* The quotient rounded down, and the rest, which is never negative. */
static int64_t divide_down(int64_t value, int64_t by, int64_t *rest)
{
	int64_t q = value / by, r = value % by;

	if (r < 0) {
		r += by;
		q--;
	}
	*rest = r;
	return q;
}

struct date {
	int64_t year;
	unsigned month, day;
};

/*
 * Days since 1970-01-01 and back, in the proleptic Gregorian calendar. Years are counted from
 * March, so that the leap day is the last of its year (Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms").
 */
static struct date date_of_days(int64_t days)
{
	int64_t rest;
	int64_t era = divide_down(days + 719468, 146097, &rest);
	unsigned day_of_era = (unsigned)rest;
	unsigned year =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day = day_of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * day + 2) / 153; /* from March */
	struct date d = { .year = era * 400 + year,
			  .month = month < 10 ? month + 3 : month - 9,
			  .day = day - (153 * month + 2) / 5 + 1 };

	d.year += d.month <= 2;
	return d;
}

static int64_t days_of_date(struct date d)
{
	int64_t rest;
	int64_t era = divide_down(d.year - (d.month <= 2), 400, &rest);
	int64_t day = (153 * (d.month > 2 ? d.month - 3 : d.month + 9) + 2) / 5 + d.day - 1;

	return era * 146097 + rest * 365 + rest / 4 - rest / 100 + day - 719468;
}

/* Write `digits` digits of `value`; returns what is behind them. */
static char *put_digits(char *at, uint64_t value, unsigned digits)
{
	for (unsigned i = digits; i > 0; i--, value /= 10)
		at[i - 1] = (char)('0' + value % 10);
	return at + digits;
}

/* By hand: answers hold thousands of times. A time in nanoseconds has a year of four digits. */
static char *format_with(char *out, int64_t time_ns, enum hin_time_unit unit, char between)
{
	int64_t ns, in_day;
	int64_t days = divide_down(divide_down(time_ns, HIN_NS_PER_S, &ns), 86400, &in_day);
	struct date d = date_of_days(days);
	char *at = put_digits(out, (uint64_t)d.year, 4);

	*at++ = '-';
	at = put_digits(at, d.month, 2);
	*at++ = '-';
	at = put_digits(at, d.day, 2);
	*at++ = between;
	at = put_digits(at, (uint64_t)in_day / 3600, 2);
	*at++ = ':';
	at = put_digits(at, (uint64_t)in_day / 60 % 60, 2);
	*at++ = ':';
	at = put_digits(at, (uint64_t)in_day % 60, 2);
	if (unit != HIN_TIME_S) {
		*at = '.';
		put_digits(at + 1, (uint64_t)ns, 9);
		at += 1 + (int)unit;
	}
	memcpy(at, "Z", sizeof("Z"));
	return out;
}

char *hin_time_format(char out[HIN_TIME_TEXT], int64_t time_ns, enum hin_time_unit unit)
{
	return format_with(out, time_ns, unit, ' ');
}

char *hin_time_format_iso(char out[HIN_TIME_TEXT], int64_t time_ns, enum hin_time_unit unit)
{
	return format_with(out, time_ns, unit, 'T');
}

/* Read exactly `digits` digits at `*at`. */
static bool read_fixed(unsigned *out, const char **at, unsigned digits)
{
	unsigned value = 0;

	for (unsigned i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		value = value * 10 + (unsigned)(**at - '0');
	}
	*out = value;
	return true;
}

/* Move over `c` if it is there. */
static bool skip_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

/* Read ".123" as nanoseconds; digits after the ninth are read and dropped. */
static bool read_fraction(unsigned *out_ns, const char **at)
{
	unsigned weight = 100000000;

	if (**at < '0' || **at > '9')
		return false;
	for (*out_ns = 0; **at >= '0' && **at <= '9'; (*at)++, weight /= 10)
		*out_ns += (unsigned)(**at - '0') * weight;
	return true;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_date(struct date *out, const char **at)
{
	unsigned year;

	if (!read_fixed(&year, at, 4) || !skip_char(at, '-') || !read_fixed(&out->month, at, 2) ||
	    !skip_char(at, '-') || !read_fixed(&out->day, at, 2))
		return false;
	out->year = year;
	return out->month >= 1 && out->month <= 12 && out->day >= 1 &&
	       out->day <= days_in_month(year, out->month);
}

/* Read "Z", "+09:00" or nothing as minutes east of UTC. */
static bool read_zone(int *out_minutes, const char **at)
{
	unsigned hours, minutes;
	char sign = **at;

	*out_minutes = 0;
	if (sign == '\0' || skip_char(at, 'Z') || skip_char(at, 'z'))
		return true;
	if (sign != '+' && sign != '-')
		return false;
	(*at)++;
	if (!read_fixed(&hours, at, 2) || !skip_char(at, ':') || !read_fixed(&minutes, at, 2) ||
	    hours > 23 || minutes > 59)
		return false;
	*out_minutes = (int)(hours * 60 + minutes) * (sign == '-' ? -1 : 1);
	return true;
}

static enum hin_code parse_date_time(int64_t *out_ns, const char *text)
{
	unsigned hour = 0, minute = 0, second = 0, ns = 0;
	int zone = 0;
	struct date d;
	int64_t seconds;

	if (!read_date(&d, &text))
		return HIN_EFORMAT;
	if (skip_char(&text, 'T') || skip_char(&text, 't') || skip_char(&text, ' ')) {
		if (!read_fixed(&hour, &text, 2) || !skip_char(&text, ':') ||
		    !read_fixed(&minute, &text, 2))
			return HIN_EFORMAT;
		if (skip_char(&text, ':') &&
		    (!read_fixed(&second, &text, 2) ||
		     (skip_char(&text, '.') && !read_fraction(&ns, &text))))
			return HIN_EFORMAT;
		/* a leap second (RFC 3339, 5.7) is the first one of the next minute */
		if (hour > 23 || minute > 59 || second > 60 || !read_zone(&zone, &text))
			return HIN_EFORMAT;
	}
	if (*text != '\0')
		return HIN_EFORMAT;
	seconds = days_of_date(d) * 86400 + (int64_t)hour * 3600 + ((int64_t)minute - zone) * 60 +
		  (int64_t)second;
	if (__builtin_mul_overflow(seconds, HIN_NS_PER_S, out_ns) ||
	    __builtin_add_overflow(*out_ns, (int64_t)ns, out_ns))
		return HIN_ERANGE;
	return HIN_OK;
}

/* Read "@seconds" or "@seconds.fraction". */
static enum hin_code parse_seconds(int64_t *out_ns, const char *text)
{
	unsigned ns = 0;
	int64_t value = 0;

	if (*text < '0' || *text > '9')
		return HIN_EFORMAT;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, *text - '0', &value))
			return HIN_ERANGE;
	if (skip_char(&text, '.') && !read_fraction(&ns, &text))
		return HIN_EFORMAT;
	if (*text != '\0')
		return HIN_EFORMAT;
	if (__builtin_mul_overflow(value, HIN_NS_PER_S, &value) ||
	    __builtin_add_overflow(value, (int64_t)ns, out_ns))
		return HIN_ERANGE;
	return HIN_OK;
}

enum hin_code hin_time_parse(int64_t *out_ns, const char *text, int64_t now_ns,
			     struct hin_error *err)
{
	enum hin_code code;
	int64_t value = now_ns;

	if (text[0] == '-') {
		code = hin_number_duration(&value, "time", text + 1, 0, INT64_MAX, NULL);
		if (code == HIN_OK && __builtin_sub_overflow(now_ns, value, &value))
			code = HIN_ERANGE;
	} else if (text[0] == '@') {
		code = parse_seconds(&value, text + 1);
	} else if (strcmp(text, "now") == 0) {
		code = HIN_OK;
	} else {
		code = parse_date_time(&value, text);
	}
	if (code == HIN_ERANGE)
		return hin_fail(err, code, "time \"%.60s\" is not in 1678-2261", text);
	if (code != HIN_OK)
		return hin_fail(err, code,
				"\"%.60s\" is not a time like 2026-11-22, 2026-11-22T02:10:03Z "
				"or -24h",
				text);
	*out_ns = value;
	return HIN_OK;
}

char *hin_time_format_duration(char out[HIN_TIME_TEXT], int64_t ns, enum hin_lang lang)
{
	static const struct {
		uint64_t ns;
		const char *name[2];
	} units[] = {
		{ HIN_NS_PER_DAY, { " d", "日" } },
		{ HIN_NS_PER_HOUR, { " h", "時間" } },
		{ HIN_NS_PER_MIN, { " min", "分" } },
		{ HIN_NS_PER_S, { " s", "秒" } },
		{ HIN_NS_PER_MS, { " ms", "ミリ秒" } },
		{ HIN_NS_PER_US, { " us", "マイクロ秒" } },
		{ 1, { " ns", "ナノ秒" } },
	};
	uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, first, second;
	const char *sign = ns < 0 ? "-" : "";
	size_t i = 0;

	while (i + 1 < HIN_COUNT(units) && size < units[i].ns)
		i++;
	if (size == 0)
		i = 3; /* "0 s" */
	first = size / units[i].ns;
	if (i >= 3 || size % units[i].ns < units[i + 1].ns) {
		second = i == 3 && first < 10 ? size % units[i].ns / (units[i].ns / 10) : 0;
		if (second > 0)
			snprintf(out, HIN_TIME_TEXT, "%s%" PRIu64 ".%" PRIu64 "%s", sign, first,
				 second, units[i].name[lang]);
		else
			snprintf(out, HIN_TIME_TEXT, "%s%" PRIu64 "%s", sign, first,
				 units[i].name[lang]);
		return out;
	}
	second = size % units[i].ns / units[i + 1].ns;
	snprintf(out, HIN_TIME_TEXT, "%s%" PRIu64 "%s%s%" PRIu64 "%s", sign, first,
		 units[i].name[lang], lang == HIN_JA ? "" : " ", second, units[i + 1].name[lang]);
	return out;
}
