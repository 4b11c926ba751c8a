/*
 * answer - the values of rows and groups as text, for people and for programs.
 *
 * A field here is an enum hin_field or HIN_STORE_SENSOR, as in questions. People get the names of
 * the registries and "-" for what is not given; programs get what NDJSON has, and null.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/lang.h"
#include "store/store.h"

/* The field called `name` ("src", "sensor"); HIN_EUSAGE with the nearest right one. */
HIN_MUST_USE enum hin_code hin_answer_field(unsigned *out, const char *name, struct hin_error *err);

/* The name of a field, as in NDJSON. */
const char *hin_answer_field_name(unsigned field);

/* The title of a field's column for people: "Source", or its name when it has no title. */
const char *hin_answer_title(unsigned field, enum hin_lang lang);

/* Is it a number that people read aligned to the right? */
bool hin_answer_is_number(unsigned field);

/* The value of `field` of a row; of tags the first one. `sensor` may be NULL. */
void hin_answer_value_of(struct hin_store_value *out, const struct hin_observation *row,
			 const uint8_t *sensor, unsigned field);

/* Prefix lengths that addresses were grouped by; { 0, 0 }: whole. */
struct hin_answer_lengths {
	uint8_t v4, v6;
};

/* Append the value for people. */
void hin_answer_text(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		     struct hin_answer_lengths lengths);

/* Append the value as JSON. */
void hin_answer_json(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		     struct hin_answer_lengths lengths);

/* Append the value as a cell of CSV (RFC 4180); nothing when it is not given. */
void hin_answer_csv(struct hin_buffer *out, unsigned field, const struct hin_store_value *value,
		    struct hin_answer_lengths lengths);

/* "tcp", or the number. */
void hin_answer_protocol(struct hin_buffer *out, uint8_t proto);

#define HIN_ANSWER_TIME 40 /* longest text of hin_answer_time(), with its NUL */

/* Forms of a moment: "2026-11-22 02:10:03", with T and Z, the latter with six digits. */
enum hin_answer_form { HIN_ANSWER_PLAIN, HIN_ANSWER_ISO, HIN_ANSWER_ISO_US };

/* Write a time of a row, which may be as late as the year 9999, to `out`; returns `out`. */
char *hin_answer_time(char out[HIN_ANSWER_TIME], int64_t time_us, enum hin_answer_form form);
