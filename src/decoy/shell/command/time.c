/* time - date, cal, hwclock and timedatectl. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"

/* ---- date ---- */

/* "yesterday", "@12345", "2024-01-02 03:04:05", "+1 day": what -d takes. False when none of it. */
static bool read_date(struct process *p, const char *text, int64_t *seconds)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} units[] = { { "sec", 1 },	   { "min", 60 },      { "hour", 3600 },
		      { "day", 86400 },	   { "week", 604800 }, { "month", 2592000 },
		      { "year", 31536000 } };
	struct tm tm = { 0 };
	char *end;
	int used = 0;
	long number;

	if (text[0] == '@') {
		*seconds = strtoll(text + 1, &end, 10);
		return end != text + 1;
	}
	if (strcmp(text, "now") == 0 || strcmp(text, "today") == 0)
		return true;
	if (strcmp(text, "yesterday") == 0 || strcmp(text, "tomorrow") == 0) {
		*seconds += text[0] == 'y' ? -86400 : 86400;
		return true;
	}
	if (sscanf(text, "%d-%d-%d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) == 3) {
		(void)sscanf(text + used, "%*[ T]%d:%d:%d", &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
		tm.tm_year -= 1900;
		tm.tm_mon--;
		*seconds = timegm(&tm) - p->shell->machine->zone_s;
		return true;
	}
	number = strtol(text, &end, 10);
	if (end == text)
		return false;
	end += strspn(end, " ");
	for (size_t i = 0; i < HIN_COUNT(units); i++)
		if (strncmp(end, units[i].name, strlen(units[i].name)) == 0) {
			int64_t by = number > 100000 ? 100000 : number;

			if (strstr(end, "ago") != NULL)
				by = -by;
			*seconds += by * units[i].seconds;
			return true;
		}
	return false;
}

/* What strftime does not know: nanoseconds, the seconds themselves, and the zone. */
static char *date_text(struct process *p, const char *format, int64_t us)
{
	const struct hin_shell_machine *m = p->shell->machine;
	struct tm tm = machine_time(m, us / 1000000);
	struct growing g = { 0 };
	int zone = m->zone_s / 60;

	grow(p, &g, "", 0);
	for (const char *c = format; *c != '\0'; c++) {
		char spec[8] = "%", text[128];
		size_t size = 1;

		if (*c != '%' || c[1] == '\0') {
			grow_char(p, &g, *c);
			continue;
		}
		c++;
		while ((*c == '-' || *c == '_' || *c == '0' || *c == '^' ||
			isdigit((unsigned char)*c)) &&
		       c[1] != '\0' && size < 4)
			spec[size++] = *c++;
		switch (*c) {
		case 's':
			grow_format(p, &g, "%lld", (long long)us / 1000000);
			continue;
		case 'N':
			if (spec[1] >= '1' && spec[1] <= '9')
				grow_format(p, &g, "%.*s", spec[1] - '0',
					    format_of(p, "%09lld",
						      (long long)us % 1000000 * 1000 + 137));
			else
				grow_format(p, &g, "%09lld", (long long)us % 1000000 * 1000 + 137);
			continue;
		case 'Z':
			grow_text(p, &g, m->zone != NULL ? m->zone : "UTC");
			continue;
		case 'z':
			grow_format(p, &g, "%c%02d%02d", zone < 0 ? '-' : '+', abs(zone) / 60,
				    abs(zone) % 60);
			continue;
		default:
			break;
		}
		spec[size++] = *c;
		spec[size] = '\0';
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* one conversion of strftime, made here */
		if (strftime(text, sizeof(text), spec, &tm) > 0)
			grow_text(p, &g, text);
#pragma GCC diagnostic pop
	}
	return g.data;
}

static int do_date(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call,
			     .names = "date=d utc=u universal=u rfc-2822=R iso-8601=I "
				      "set=s reference=r" };
	const char *format = "%a %b %e %H:%M:%S %Z %Y", *date = NULL;
	int64_t us = now_us(p), seconds = us / 1000000;
	int letter;

	while ((letter = option_next(&o, "d:uRIs:r:D:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'd')
			date = o.value;
		if (letter == 'R')
			format = "%a, %d %b %Y %H:%M:%S %z";
		if (letter == 'I')
			format = "%Y-%m-%d";
	}
	if (o.at < call->argc && call->argv[o.at][0] == '+')
		format = call->argv[o.at] + 1;
	else if (o.at < call->argc || option_has(&o, 's')) /* the clock is not set */
		return p->user.uid == 0
			       ? 0
			       : complain(call, "cannot set date: Operation not permitted");
	if (date != NULL) {
		if (!read_date(p, date, &seconds))
			return complain(call, "invalid date %s%s%s", quote_open(p), date,
					quote_close(p));
		us = seconds * 1000000 + (strchr("ny+-1", date[0]) != NULL ? us % 1000000 : 0);
	}
	if (strlen(format) > 4096)
		return complain(call, "invalid date '%s'", format);
	outf(p, "%s\n", date_text(p, format, us));
	return 0;
}

/* ---- others ---- */

static int do_cal(struct call *call)
{
	struct process *p = call->p;
	struct tm tm = machine_time(p->shell->machine, now_s(p));
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	char title[40];
	int year = tm.tm_year + 1900, first, last = days[tm.tm_mon], size;

	if (tm.tm_mon == 1 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
		last++;
	first = (tm.tm_wday - (tm.tm_mday - 1) % 7 + 7) % 7;
	strftime(title, sizeof(title), "%B %Y", &tm);
	size = (int)strlen(title);
	outf(p, "%*s%s\nSu Mo Tu We Th Fr Sa\n", (20 - size) / 2, "", title);
	outf(p, "%*s", first * 3, "");
	for (int day = 1; day <= last; day++)
		outf(p, "%2d%s", day, (first + day) % 7 == 0 || day == last ? "\n" : " ");
	return 0;
}

static int do_hwclock(struct call *call)
{
	outf(call->p, "%s\n",
	     date_text(call->p,
		       is_busybox(call->p) ? "%a %b %e %H:%M:%S %Y  0.000000 seconds"
					   : "%Y-%m-%d %H:%M:%S.123456%z",
		       now_us(call->p)));
	return 0;
}

static int do_timedatectl(struct call *call)
{
	struct process *p = call->p;

	outf(p,
	     "               Local time: %s\n           Universal time: %s\n                 RTC "
	     "time: %s\n                Time zone: %s\nSystem clock synchronized: yes\n            "
	     "  "
	     "NTP service: active\n          RTC in local TZ: no\n",
	     date_text(p, "%a %Y-%m-%d %H:%M:%S %Z", now_us(p)),
	     date_text(p, "%a %Y-%m-%d %H:%M:%S UTC",
		       now_us(p) - (int64_t)p->shell->machine->zone_s * 1000000),
	     date_text(p, "%a %Y-%m-%d %H:%M:%S", now_us(p)),
	     date_text(p, "Etc/UTC (%Z, %z)", now_us(p)));
	return 0;
}

const struct command time_commands[] = {
	{ "cal", do_cal, false },
	{ "date", do_date, false },
	{ "hwclock", do_hwclock, false },
	{ "timedatectl", do_timedatectl, false },
	{ NULL, NULL, false },
};
