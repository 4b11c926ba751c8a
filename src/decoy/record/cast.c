/* cast - asciicast v2; see cast.h */
#include "decoy/record/cast.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/number.h"
#include "base/utf8.h"

#define SIDE_MOST 9999 /* columns or rows */

/* ---- writing ---- */

void hin_cast_begin(struct hin_cast_writer *cast, struct hin_buffer *out,
		    const struct hin_cast_head *head, int64_t start_us, int64_t idle_limit_us)
{
	*cast = (struct hin_cast_writer){ .out = out,
					  .start_us = start_us,
					  .last_us = start_us,
					  .idle_limit_us = idle_limit_us };
	hin_buffer_printf(out, "{\"version\": 2, \"width\": %u, \"height\": %u", head->width,
			  head->height);
	if (head->time_s != 0)
		hin_buffer_printf(out, ", \"timestamp\": %" PRId64, head->time_s);
	if (head->idle_limit_s > 0)
		hin_buffer_printf(out, ", \"idle_time_limit\": %.3f", head->idle_limit_s);
	if (head->title != NULL) {
		hin_buffer_puts(out, ", \"title\": ");
		hin_escape_json(out, head->title, strlen(head->title));
	}
	if (head->term != NULL) {
		hin_buffer_puts(out, ", \"env\": {\"TERM\": ");
		hin_escape_json(out, head->term, strlen(head->term));
		hin_buffer_putc(out, '}');
	}
	hin_buffer_puts(out, "}\n");
}

/* Begin the line of an event; times never go back. */
static void begin_event(struct hin_cast_writer *cast, int64_t time_us, char type)
{
	int64_t apart;

	if (time_us < cast->last_us)
		time_us = cast->last_us;
	if (cast->idle_limit_us > 0 && time_us - cast->last_us > cast->idle_limit_us)
		cast->skipped_us += time_us - cast->last_us - cast->idle_limit_us;
	cast->last_us = time_us;
	apart = time_us - cast->start_us - cast->skipped_us;
	hin_buffer_printf(cast->out, "[%" PRId64 ".%06" PRId64 ", \"%c\", ", apart / 1000000,
			  apart % 1000000, type);
}

static void put_event(struct hin_cast_writer *cast, int64_t time_us, char type, const void *data,
		      size_t size)
{
	begin_event(cast, time_us, type);
	hin_escape_json(cast->out, data, size);
	hin_buffer_puts(cast->out, "]\n");
}

/* Bytes that the character beginning with `first` has; 1 for what begins none. */
static size_t length_of(uint8_t first)
{
	return first >= 0xf0 && first <= 0xf4	? 4
	       : first >= 0xe0 && first <= 0xef ? 3
	       : first >= 0xc2 && first <= 0xdf ? 2
						: 1;
}

/*
 * Bytes at the end of `data` that begin a character and may become one with those to come: as many
 * as can still be well-formed.
 */
static size_t open_end(const uint8_t *data, size_t size)
{
	for (size_t back = 1; back <= 3 && back <= size; back++) {
		const uint8_t *at = data + size - back;

		if ((*at & 0xc0) == 0x80)
			continue;
		if (length_of(*at) <= back)
			return 0;
		if (back > 1 &&
		    ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
		     (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)))
			return 0; /* whatever comes, it is none */
		return back;
	}
	return 0;
}

static void put_text(struct hin_cast_writer *cast, int64_t time_us, unsigned side,
		     const uint8_t *data, size_t size)
{
	struct hin_buffer joined = { 0 };
	size_t end;

	if (size == 0)
		return;
	if (cast->rest[side].used > 0) {
		hin_buffer_add(&joined, cast->rest[side].bytes, cast->rest[side].used);
		hin_buffer_add(&joined, data, size);
		if (joined.failed) {
			cast->out->failed = true;
			hin_buffer_fini(&joined);
			return;
		}
		data = (const uint8_t *)joined.data;
		size = joined.used;
	}
	end = open_end(data, size);
	cast->rest[side].used = (uint8_t)end;
	memcpy(cast->rest[side].bytes, data + size - end, end);
	if (size > end)
		put_event(cast, time_us, side == 0 ? 'o' : 'i', data, size - end);
	hin_buffer_fini(&joined);
}

void hin_cast_output(struct hin_cast_writer *cast, int64_t time_us, const void *data, size_t size)
{
	put_text(cast, time_us, 0, data, size);
}

void hin_cast_input(struct hin_cast_writer *cast, int64_t time_us, const void *data, size_t size)
{
	put_text(cast, time_us, 1, data, size);
}

void hin_cast_resize(struct hin_cast_writer *cast, int64_t time_us, unsigned width, unsigned height)
{
	if (width == 0 || width > SIDE_MOST || height == 0 || height > SIDE_MOST)
		return;
	begin_event(cast, time_us, 'r');
	hin_buffer_printf(cast->out, "\"%ux%u\"]\n", width, height);
}

void hin_cast_mark(struct hin_cast_writer *cast, int64_t time_us, const char *label)
{
	put_event(cast, time_us, 'm', label, strlen(label));
}

void hin_cast_end(struct hin_cast_writer *cast, int64_t time_us)
{
	for (unsigned side = 0; side < 2; side++) {
		if (cast->rest[side].used > 0)
			put_event(cast, time_us, side == 0 ? 'o' : 'i', cast->rest[side].bytes,
				  cast->rest[side].used);
		cast->rest[side].used = 0;
	}
}

/* ---- reading ---- */

/* The next line that is not empty. `*whole`: it has its end. False: there is none. */
static bool next_line(struct hin_cast_reader *cast, const char **line, size_t *size, bool *whole)
{
	while (cast->left > 0) {
		const char *end = memchr(cast->pos, '\n', cast->left);
		size_t used = end != NULL ? (size_t)(end - cast->pos) : cast->left;

		*line = cast->pos;
		*size = used;
		*whole = end != NULL;
		cast->line++;
		cast->pos += used + (end != NULL);
		cast->left -= used + (end != NULL);
		while (*size > 0 && ((*line)[*size - 1] == '\r' || (*line)[*size - 1] == ' '))
			(*size)--;
		if (*size > 0)
			return true;
	}
	return false;
}

static enum hin_code load_line(struct hin_cast_reader *cast, const char *line, size_t size,
			       json_t **out, struct hin_error *err)
{
	json_error_t why;

	if (size > HIN_CAST_LINE)
		return hin_fail(err, HIN_ELIMIT, "cast, line %lu: %zu bytes are more than %zu",
				cast->line, size, HIN_CAST_LINE);
	*out = json_loadb(line, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &why);
	if (*out == NULL)
		return hin_fail(err, HIN_EFORMAT, "cast, line %lu: %.100s", cast->line, why.text);
	return HIN_OK;
}

static enum hin_code take_side(unsigned *out, const json_t *value, const char *name,
			       unsigned long line, struct hin_error *err)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 1 || number > SIDE_MOST)
		return hin_fail(err, HIN_ERANGE, "cast, line %lu: \"%s\" is not in 1-%d", line,
				name, SIDE_MOST);
	*out = (unsigned)number;
	return HIN_OK;
}

static const char *copy_text(struct hin_arena *arena, const json_t *value)
{
	return json_is_string(value) ? hin_arena_strdup(arena, json_string_value(value)) : NULL;
}

static enum hin_code take_head(struct hin_cast_reader *cast, const json_t *head,
			       struct hin_error *err)
{
	const json_t *version = json_object_get(head, "version");
	const json_t *time = json_object_get(head, "timestamp");
	const json_t *idle = json_object_get(head, "idle_time_limit");
	enum hin_code code;

	if (!json_is_object(head) || !json_is_integer(version) || json_integer_value(version) != 2)
		return hin_fail(err, HIN_EFORMAT, "cast, line %lu: no head of asciicast v2",
				cast->line);
	code = take_side(&cast->head.width, json_object_get(head, "width"), "width", cast->line,
			 err);
	if (code == HIN_OK)
		code = take_side(&cast->head.height, json_object_get(head, "height"), "height",
				 cast->line, err);
	if (code != HIN_OK)
		return code;
	if (json_is_integer(time) && json_integer_value(time) >= 0 &&
	    json_integer_value(time) < INT64_MAX / 2000000)
		cast->head.time_s = json_integer_value(time);
	if (json_is_number(idle) && isfinite(json_number_value(idle)) &&
	    json_number_value(idle) > 0)
		cast->head.idle_limit_s = json_number_value(idle);
	cast->head.title = copy_text(&cast->arena, json_object_get(head, "title"));
	cast->head.term =
		copy_text(&cast->arena, json_object_get(json_object_get(head, "env"), "TERM"));
	return HIN_OK;
}

enum hin_code hin_cast_open(struct hin_cast_reader *cast, const void *data, size_t size,
			    struct hin_error *err)
{
	json_t *head = NULL;
	const char *line;
	size_t length;
	enum hin_code code;
	bool whole;

	*cast = (struct hin_cast_reader){ .pos = data != NULL ? data : "", .left = size };
	if (!next_line(cast, &line, &length, &whole))
		return hin_fail(err, HIN_EFORMAT, "cast: it is empty");
	code = load_line(cast, line, length, &head, err);
	if (code == HIN_OK)
		code = take_head(cast, head, err);
	json_decref(head);
	if (code != HIN_OK)
		hin_cast_close(cast);
	return code;
}

/* "80x24" */
static bool take_resize(struct hin_cast_event *out)
{
	char text[12];
	const char *x = memchr(out->text, 'x', out->size);
	uint64_t width, height;

	if (x == NULL || out->size >= sizeof(text))
		return false;
	memcpy(text, out->text, out->size);
	text[out->size] = '\0';
	text[x - out->text] = '\0';
	if (hin_number_u64(&width, "width", text, 1, SIDE_MOST, NULL) != HIN_OK ||
	    hin_number_u64(&height, "height", text + (x - out->text) + 1, 1, SIDE_MOST, NULL) !=
		    HIN_OK)
		return false;
	out->width = (unsigned)width;
	out->height = (unsigned)height;
	return true;
}

static enum hin_code take_event(struct hin_cast_reader *cast, const json_t *event,
				struct hin_cast_event *out, struct hin_error *err)
{
	const json_t *time = json_array_get(event, 0), *type = json_array_get(event, 1),
		     *text = json_array_get(event, 2);
	double seconds = json_number_value(time);

	if (!json_is_array(event) || json_array_size(event) != 3 || !json_is_number(time) ||
	    !json_is_string(type) || json_string_length(type) != 1 || !json_is_string(text))
		return hin_fail(err, HIN_EFORMAT,
				"cast, line %lu: an event is [seconds, \"o\", \"text\"]",
				cast->line);
	if (!(seconds >= 0) || seconds > 1e11)
		return hin_fail(err, HIN_ERANGE, "cast, line %lu: a time out of range", cast->line);
	*out = (struct hin_cast_event){ .time_us = (int64_t)llround(seconds * 1e6),
					.type = json_string_value(type)[0],
					.size = json_string_length(text) };
	free(cast->text);
	cast->text = malloc(out->size + 1);
	if (cast->text == NULL)
		return hin_fail(err, HIN_ENOMEM, "cast, line %lu", cast->line);
	memcpy(cast->text, json_string_value(text), out->size);
	cast->text[out->size] = '\0';
	out->text = cast->text;
	if (out->type == 'r' && !take_resize(out))
		return hin_fail(err, HIN_EFORMAT, "cast, line %lu: a size is \"80x24\"",
				cast->line);
	return HIN_OK;
}

enum hin_code hin_cast_next(struct hin_cast_reader *cast, struct hin_cast_event *out,
			    struct hin_error *err)
{
	json_t *event = NULL;
	const char *line;
	size_t size;
	enum hin_code code;
	bool whole;

	if (!next_line(cast, &line, &size, &whole))
		return HIN_EOF;
	code = load_line(cast, line, size, &event, err);
	if (code == HIN_OK)
		code = take_event(cast, event, out, err);
	json_decref(event);
	if (code == HIN_EFORMAT && !whole)
		code = hin_fail(err, HIN_ETRUNCATED, "cast, line %lu: it ends too early",
				cast->line);
	return code;
}

void hin_cast_close(struct hin_cast_reader *cast)
{
	if (cast == NULL)
		return;
	hin_arena_fini(&cast->arena);
	free(cast->text);
	cast->text = NULL;
}
