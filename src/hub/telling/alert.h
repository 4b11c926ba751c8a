/*
 * alert - what operators are told at once: whom, by which channel, and when.
 *
 * The on-call table is a list of lines in the hub's settings (alert.to):
 *
 *	mail:soc@example.org severity=medium when=mon-fri/08:30-18:00 zone=Asia/Tokyo language=ja
 *	webhook:https://chat.example/hook/1 severity=high
 *	syslog:udp://192.0.2.1:514
 *
 * severity= is the least that is told (low if not given), when= the duty (days and hours, several
 * with commas; always if not given), quiet= hours in which only critical alerts come, zone= a name
 * of the system's time zones or +09:00. A critical alert that finds nobody on duty goes to all, and
 * quiet hours never hide it.
 *
 * Ownership: the caller's storage.
 * Threads:   pure functions, but for those with a desk: one thread at a time for each.
 */
#pragma once
#include "base/lang.h"
#include "hub/desk.h"

#define HIN_ALERT_ROUTES 64
#define HIN_ALERT_SPANS 8 /* of duty or quiet hours */
/* An alert waits so long for the next of its case; a critical one does not. */
#define HIN_ALERT_SETTLE_US INT64_C(500000)
#define HIN_ALERT_ADDRESS 600 /* longest address, with its NUL */

enum hin_severity {
	HIN_SEVERITY_LOW,
	HIN_SEVERITY_MEDIUM,
	HIN_SEVERITY_HIGH,
	HIN_SEVERITY_CRITICAL,
	HIN_SEVERITIES
};

/* The word that the desk has, and back; false when it is none. */
const char *hin_severity_name(enum hin_severity severity);
bool hin_severity_parse(enum hin_severity *out, const char *text);

/* ---- hours ---- */

struct hin_zone; /* rules of a time zone, or a fixed offset */

/*
 * The zone "Asia/Tokyo" (from the system's files), "UTC" or "+09:00"; NULL and `err` when there is
 * no such. It is counted: hin_zone_unref().
 */
HIN_MUST_USE struct hin_zone *hin_zone_of(const char *name, struct hin_error *err);
struct hin_zone *hin_zone_ref(struct hin_zone *zone);
void hin_zone_unref(struct hin_zone *zone); /* NULL is fine */

/* Seconds that clocks there are ahead of UTC at `time_s`. */
int32_t hin_zone_offset_s(const struct hin_zone *zone, int64_t time_s);

/* Hours of a week in a zone: days (bit 0 = Monday) and minutes; `until` before `from`: overnight.
 */
struct hin_span {
	uint8_t days;
	uint16_t from_min, until_min;
};

struct hin_hours {
	struct hin_span spans[HIN_ALERT_SPANS];
	size_t count;
	struct hin_zone *zone; /* NULL = UTC */
};

/*
 * Read "22:00-07:00", "mon-fri/08:30-18:00,sat/09:00-12:00", with a zone behind a space when
 * `with_zone` ("22:00-07:00 Asia/Tokyo", as contact.quiet has it). "" is none. hin_hours_fini().
 */
HIN_MUST_USE enum hin_code hin_hours_parse(struct hin_hours *out, const char *text, bool with_zone,
					   struct hin_error *err);
void hin_hours_fini(struct hin_hours *hours); /* NULL is fine */

/* Is `time_us` within? */
bool hin_hours_hold(const struct hin_hours *hours, int64_t time_us);

/* The first moment not before `time_us` that is not within: at most eight days later. */
int64_t hin_hours_end(const struct hin_hours *hours, int64_t time_us);

/* ---- the on-call table ---- */

enum hin_alert_channel { HIN_ALERT_MAIL, HIN_ALERT_WEBHOOK, HIN_ALERT_SYSLOG };

struct hin_alert_route {
	enum hin_alert_channel channel;
	char address[HIN_ALERT_ADDRESS];
	enum hin_severity least;
	bool always; /* no when= */
	struct hin_hours duty, quiet;
	enum hin_lang lang;
};

struct hin_alert_table {
	struct hin_alert_route routes[HIN_ALERT_ROUTES];
	size_t count;
};

/* Read one line into the next route. The message names what is wrong with it. */
HIN_MUST_USE enum hin_code hin_alert_table_add(struct hin_alert_table *table, const char *line,
					       struct hin_error *err);
void hin_alert_table_fini(struct hin_alert_table *table); /* NULL is fine */

/* Which routes an alert takes at `time_us`: a bit each. */
uint64_t hin_alert_routes(const struct hin_alert_table *table, enum hin_severity severity,
			  int64_t time_us);

/* ---- alerts in the desk ---- */

/*
 * Write an alert about a case for each route that takes it, in the open transaction; `about` says
 * why ("opened", "worse", "reopened 2", "fixed", "no-owner", "bounced"): the same about the same
 * case, severity and address is written once. `since_us`: when the hub knew. `written` (may be
 * NULL) gets how many are new.
 */
HIN_MUST_USE enum hin_code hin_alert_write(struct hin_desk *desk,
					   const struct hin_alert_table *table, int64_t case_id,
					   enum hin_severity severity, const char *about,
					   const char *text_en, const char *text_ja,
					   int64_t since_us, int64_t now_us, uint64_t *written,
					   struct hin_error *err);
