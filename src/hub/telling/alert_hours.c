/* alert_hours - hours of a week in a time zone; zones are the system's files (RFC 8536) */
#include <ctype.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/file.h"
#include "hub/telling/alert.h"

#define FOLDER "/usr/share/zoneinfo"
#define FILE_SIZE ((size_t)256 << 10)
#define TRANSITIONS 4096
#define TYPES 256
#define DAY_MIN INT64_C(1440)
#define WEEK_MIN (7 * DAY_MIN)

struct hin_zone {
	_Atomic unsigned refs;
	size_t count; /* of moments at which the offset changes */
	int64_t *times;
	int32_t *offsets; /* from there on */
	int32_t first;	  /* before all of them */
};

/* ---- zones ---- */

static struct hin_zone *new_zone(size_t count)
{
	struct hin_zone *zone = calloc(1, sizeof(*zone));

	if (zone == NULL)
		return NULL;
	zone->refs = 1;
	zone->count = count;
	zone->times = calloc(count + 1, sizeof(*zone->times));
	zone->offsets = calloc(count + 1, sizeof(*zone->offsets));
	if (zone->times == NULL || zone->offsets == NULL) {
		hin_zone_unref(zone);
		return NULL;
	}
	return zone;
}

struct hin_zone *hin_zone_ref(struct hin_zone *zone)
{
	if (zone != NULL)
		atomic_fetch_add_explicit(&zone->refs, 1, memory_order_relaxed);
	return zone;
}

void hin_zone_unref(struct hin_zone *zone)
{
	/* acq_rel: who frees has seen what the others did before they let go */
	if (zone == NULL || atomic_fetch_sub_explicit(&zone->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(zone->times);
	free(zone->offsets);
	free(zone);
}

struct counts {
	uint32_t utc, standard, leaps, times, types, characters;
};

static bool read_head(struct hin_reader *in, struct counts *c, uint8_t *version)
{
	const uint8_t *magic = hin_read_bytes(in, 4);
	bool good = magic != NULL && memcmp(magic, "TZif", 4) == 0;

	*version = hin_read_u8(in);
	hin_read_skip(in, 15);
	c->utc = hin_read_be32(in);
	c->standard = hin_read_be32(in);
	c->leaps = hin_read_be32(in);
	c->times = hin_read_be32(in);
	c->types = hin_read_be32(in);
	c->characters = hin_read_be32(in);
	return good && !in->failed && c->times <= TRANSITIONS && c->types > 0 &&
	       c->types <= TYPES && c->leaps <= 1000 && c->characters <= 4096 && c->utc <= TYPES &&
	       c->standard <= TYPES;
}

/* The second block, whose times have 64 bits; the first is skipped. NULL: not such a file. */
static struct hin_zone *read_zone(const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size), types;
	const uint8_t *times, *which;
	struct hin_zone *zone;
	int32_t offsets[TYPES] = { 0 };
	struct counts c;
	uint8_t version;

	if (!read_head(&in, &c, &version) || version < '2')
		return NULL;
	hin_read_skip(&in, (size_t)c.times * 5 + (size_t)c.types * 6 + c.characters +
				   (size_t)c.leaps * 8 + c.standard + c.utc);
	if (!read_head(&in, &c, &version))
		return NULL;
	times = hin_read_bytes(&in, (size_t)c.times * 8);
	which = hin_read_bytes(&in, c.times);
	types = hin_read_sub(&in, (size_t)c.types * 6);
	if (in.failed)
		return NULL;
	for (uint32_t i = 0; i < c.types; i++) {
		offsets[i] = (int32_t)hin_read_be32(&types);
		hin_read_skip(&types, 2);
		if (offsets[i] < -26 * 3600 || offsets[i] > 26 * 3600)
			return NULL;
	}
	zone = new_zone(c.times);
	if (zone == NULL)
		return NULL;
	zone->first = offsets[0];
	for (uint32_t i = 0; i < c.times; i++) {
		struct hin_reader at = hin_reader_of(times + (size_t)i * 8, 8);

		zone->times[i] = (int64_t)hin_read_be64(&at);
		zone->offsets[i] = which[i] < c.types ? offsets[which[i]] : 0;
	}
	return zone;
}

/* The minutes of the "09:30" that `text` begins with. */
static bool read_clock(const char *text, int *out_min)
{
	for (int i = 0; i < 5; i++)
		if (i == 2 ? text[i] != ':' : !isdigit((unsigned char)text[i]))
			return false;
	*out_min =
		((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
	return text[3] < '6';
}

/* "+09:00", "-03:30", "UTC", "Z". */
static bool read_offset(const char *text, int32_t *out)
{
	int minutes;

	*out = 0;
	if (strcmp(text, "UTC") == 0 || strcmp(text, "Z") == 0)
		return true;
	if ((text[0] != '+' && text[0] != '-') || !read_clock(text + 1, &minutes) ||
	    text[6] != '\0' || minutes >= 15 * 60)
		return false;
	*out = minutes * 60 * (text[0] == '-' ? -1 : 1);
	return true;
}

/* A name that stays within the folder. */
static bool is_zone_name(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && strlen(name) < 64 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/+-") ==
		       strlen(name);
}

struct hin_zone *hin_zone_of(const char *name, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	struct hin_zone *zone = NULL;
	char path[128];
	int32_t offset;

	if (read_offset(name, &offset)) {
		zone = new_zone(0);
		if (zone == NULL)
			(void)hin_fail(err, HIN_ENOMEM, "time zone");
		else
			zone->first = offset;
		return zone;
	}
	snprintf(path, sizeof(path), FOLDER "/%.64s", name);
	if (is_zone_name(name) && hin_file_read(&file, path, FILE_SIZE, NULL) == HIN_OK)
		zone = read_zone(file.data, file.used);
	hin_buffer_fini(&file);
	if (zone == NULL)
		(void)hin_fail(err, HIN_EFORMAT,
			       "\"%.60s\" is no time zone, as Asia/Tokyo, UTC or +09:00", name);
	return zone;
}

int32_t hin_zone_offset_s(const struct hin_zone *zone, int64_t time_s)
{
	size_t low = 0, high = zone != NULL ? zone->count : 0;

	if (zone == NULL)
		return 0;
	while (low < high) { /* the last that is not later */
		size_t middle = low + (high - low) / 2;

		if (zone->times[middle] <= time_s)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? zone->first : zone->offsets[low - 1];
}

/* ---- hours ---- */

static int day_of(const char *text)
{
	static const char days[][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (int i = 0; i < 7; i++)
		if (strncmp(text, days[i], 3) == 0)
			return i;
	return -1;
}

/* "mon" or "mon-fri" (also "sat-mon") before a slash. */
static bool read_days(const char **text, uint8_t *out)
{
	const char *slash = strchr(*text, '/');
	int first, last;

	*out = 0x7f;
	if (slash == NULL)
		return true;
	first = last = day_of(*text);
	if (slash - *text == 7 && (*text)[3] == '-')
		last = day_of(*text + 4);
	else if (slash - *text != 3)
		return false;
	if (first < 0 || last < 0)
		return false;
	*out = 0;
	for (int day = first;; day = (day + 1) % 7) {
		*out |= (uint8_t)(1 << day);
		if (day == last)
			break;
	}
	*text = slash + 1;
	return true;
}

static bool read_span(const char *text, struct hin_span *out)
{
	int from, until;

	if (!read_days(&text, &out->days) || !read_clock(text, &from) || text[5] != '-' ||
	    !read_clock(text + 6, &until) || text[11] != '\0' || from >= DAY_MIN ||
	    until > DAY_MIN || from == until)
		return false;
	out->from_min = (uint16_t)from;
	out->until_min = (uint16_t)until;
	return true;
}

enum hin_code hin_hours_parse(struct hin_hours *out, const char *text, bool with_zone,
			      struct hin_error *err)
{
	char copy[256], *rest = copy, *one, *zone;

	*out = (struct hin_hours){ 0 };
	if (text[0] == '\0')
		return HIN_OK;
	if (strlen(text) >= sizeof(copy))
		return hin_fail(err, HIN_ELIMIT, "hours: too long");
	memcpy(copy, text, strlen(text) + 1);
	zone = with_zone ? strchr(copy, ' ') : NULL;
	if (zone != NULL)
		*zone++ = '\0';
	while ((one = strsep(&rest, ",")) != NULL) {
		if (out->count == HIN_ALERT_SPANS)
			return hin_fail(err, HIN_ELIMIT, "hours: more than %d", HIN_ALERT_SPANS);
		if (!read_span(one, &out->spans[out->count++]))
			return hin_fail(err, HIN_EFORMAT,
					"\"%.60s\" are no hours, as 22:00-07:00 or "
					"mon-fri/08:30-18:00",
					one);
	}
	if (zone != NULL) {
		out->zone = hin_zone_of(zone, err);
		if (out->zone == NULL)
			return HIN_EFORMAT;
	}
	return HIN_OK;
}

void hin_hours_fini(struct hin_hours *hours)
{
	if (hours == NULL)
		return;
	hin_zone_unref(hours->zone);
	*hours = (struct hin_hours){ 0 };
}

/* The minute of the local week, from Monday on. 1970 began on a Thursday. */
static int64_t minute_of_week(const struct hin_hours *hours, int64_t time_us)
{
	int64_t s = time_us / 1000000;
	int64_t local = s + hin_zone_offset_s(hours->zone, s) + 3 * DAY_MIN * 60;
	int64_t week = local % (WEEK_MIN * 60);

	return (week < 0 ? week + WEEK_MIN * 60 : week) / 60;
}

static bool span_holds(const struct hin_span *span, int64_t minute)
{
	for (int day = 0; day < 7; day++) {
		int64_t from = day * DAY_MIN + span->from_min;
		int64_t size = span->until_min - span->from_min;

		if (!(span->days >> day & 1))
			continue;
		if (size < 0)
			size += DAY_MIN;
		if ((minute - from + WEEK_MIN) % WEEK_MIN < size)
			return true;
	}
	return false;
}

bool hin_hours_hold(const struct hin_hours *hours, int64_t time_us)
{
	int64_t minute = hours->count > 0 ? minute_of_week(hours, time_us) : 0;

	for (size_t i = 0; i < hours->count; i++)
		if (span_holds(&hours->spans[i], minute))
			return true;
	return false;
}

int64_t hin_hours_end(const struct hin_hours *hours, int64_t time_us)
{
	static const int64_t minute = 60 * INT64_C(1000000);

	for (int i = 0; i < WEEK_MIN + DAY_MIN && hin_hours_hold(hours, time_us); i++)
		time_us = (time_us / minute + 1) * minute;
	return time_us;
}
