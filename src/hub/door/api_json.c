/* api_json - what the door writes and reads: JSON, within limits */
#include <stdio.h>

#include "base/escape.h"
#include "hub/door/api_priv.h"

/* ---- writing ---- */

void api_comma(struct hin_buffer *out)
{
	if (out->used > 0 && strchr("{[:", out->data[out->used - 1]) == NULL)
		hin_buffer_putc(out, ',');
}

void api_key(struct hin_buffer *out, const char *name)
{
	api_comma(out);
	hin_buffer_putc(out, '"');
	hin_buffer_puts(out, name);
	hin_buffer_puts(out, "\":");
}

void api_text(struct hin_buffer *out, const char *name, const char *value)
{
	api_key(out, name);
	hin_escape_json(out, value, strlen(value));
}

void api_text_or_null(struct hin_buffer *out, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0') {
		api_text(out, name, value);
	} else {
		api_key(out, name);
		hin_buffer_puts(out, "null");
	}
}

void api_number(struct hin_buffer *out, const char *name, int64_t value)
{
	api_key(out, name);
	hin_buffer_printf(out, "%lld", (long long)value);
}

void api_id(struct hin_buffer *out, const char *name, int64_t value)
{
	if (value != 0)
		api_number(out, name, value);
	else
		api_text_or_null(out, name, NULL);
}

void api_time(struct hin_buffer *out, const char *name, int64_t time_us)
{
	char text[HIN_TIME_TEXT];
	bool given = time_us != 0 && time_us < INT64_MAX / 1000 && time_us > INT64_MIN / 1000;

	api_text_or_null(out, name,
			 given ? hin_time_format_iso(text, time_us * 1000, HIN_TIME_US) : NULL);
}

void api_bool(struct hin_buffer *out, const char *name, bool value)
{
	api_key(out, name);
	hin_buffer_puts(out, value ? "true" : "false");
}

void api_hex(struct hin_buffer *out, const char *name, const uint8_t *bytes, size_t size)
{
	api_key(out, name);
	hin_buffer_putc(out, '"');
	for (size_t i = 0; i < size; i++)
		hin_buffer_printf(out, "%02x", bytes[i]);
	hin_buffer_putc(out, '"');
}

void api_address(struct hin_buffer *out, const char *name, const struct hin_addr *address)
{
	char text[HIN_ADDR_TEXT];

	api_text_or_null(out, name, address != NULL ? hin_addr_format(address, text) : NULL);
}

void api_open(struct hin_buffer *out, const char *name, char bracket)
{
	if (name != NULL)
		api_key(out, name);
	else
		api_comma(out);
	hin_buffer_putc(out, bracket);
}

/* ---- reading ---- */

/* Brackets within each other, outside of texts: so deep no parser needs to go. */
static bool is_deep(const char *data, size_t size)
{
	unsigned depth = 0;
	bool text = false;

	for (size_t i = 0; i < size; i++) {
		if (text) {
			if (data[i] == '\\')
				i++;
			else if (data[i] == '"')
				text = false;
		} else if (data[i] == '"') {
			text = true;
		} else if (data[i] == '[' || data[i] == '{') {
			if (++depth > API_BODY_DEPTH)
				return true;
		} else if ((data[i] == ']' || data[i] == '}') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static int hex_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Decode a piece of a form (WHATWG URL, 5.1); NULL when it is none or has a NUL. */
static char *form_text(struct api_call *call, const char *data, size_t size)
{
	char *out = hin_arena_alloc(&call->arena, size + 1);
	size_t used = 0;

	if (out == NULL)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		char c = data[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			int high = size - i > 2 ? hex_of(data[i + 1]) : -1;
			int low = size - i > 2 ? hex_of(data[i + 2]) : -1;

			if (high < 0 || low < 0)
				return NULL;
			c = (char)(unsigned char)((unsigned)high << 4 | (unsigned)low);
			i += 2;
		}
		if (c == '\0')
			return NULL;
		out[used++] = c;
	}
	out[used] = '\0';
	return out;
}

/* A form becomes an object of texts. */
static json_t *form_object(struct api_call *call, const char *data, size_t size)
{
	json_t *object = json_object();
	size_t at = 0;

	while (object != NULL && at < size) {
		const char *pair = data + at, *equals;
		size_t pair_size = 0;
		char *name, *value;

		while (at + pair_size < size && pair[pair_size] != '&')
			pair_size++;
		at += pair_size + 1;
		equals = memchr(pair, '=', pair_size);
		if (equals == NULL)
			equals = pair + pair_size;
		name = form_text(call, pair, (size_t)(equals - pair));
		value = equals < pair + pair_size
				? form_text(call, equals + 1,
					    (size_t)(pair + pair_size - equals - 1))
				: form_text(call, "", 0);
		if (name == NULL || value == NULL || json_object_get(object, name) != NULL ||
		    json_object_size(object) >= 32 ||
		    json_object_set_new(object, name, json_string(value)) != 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static bool is_type(const char *type, const char *want)
{
	size_t size = strlen(want);

	return type != NULL && strncasecmp(type, want, size) == 0 &&
	       (type[size] == '\0' || type[size] == ';' || type[size] == ' ');
}

/* A file as it is. */
static bool read_text(struct api_call *call, const struct hin_buffer *body, const char *type)
{
	static const char *const types[] = { "text/plain", "text/csv", "application/octet-stream" };
	bool known = false;

	call->body = json_object();
	for (size_t i = 0; i < HIN_COUNT(types); i++)
		known |= is_type(type, types[i]);
	if (!known)
		api_refuse(call, 415, "type", "the body must be text/plain or text/csv");
	else if (body->used == 0)
		api_refuse(call, 400, "missing", "the body is empty: send the file");
	else
		hin_buffer_add(&call->text, body->data, body->used);
	if (call->body == NULL || call->text.failed)
		api_refuse(call, 503, "memory", "no memory: try again");
	return call->status == 0;
}

bool api_read_body(struct api_call *call, const struct hin_buffer *body, const char *type)
{
	bool form = (call->route->flags & API_FLAG_FORM) != 0;
	json_error_t why;

	if (call->route->flags & API_FLAG_TEXT)
		return read_text(call, body, type);
	if (body->used == 0) {
		call->body = json_object();
		if (call->body == NULL) {
			api_refuse(call, 503, "memory", "no memory: try again");
			return false;
		}
		return true;
	}
	if (!is_type(type, form ? "application/x-www-form-urlencoded" : "application/json")) {
		api_refuse(call, 415, "type", "the body must be %s", form ? "a form" : "JSON");
		return false;
	}
	if (form) {
		call->body = form_object(call, body->data, body->used);
	} else if (is_deep(body->data, body->used)) {
		api_refuse(call, 400, "json", "the body has more than %d brackets in each other",
			   API_BODY_DEPTH);
		return false;
	} else {
		call->body = json_loadb(body->data, body->used, JSON_REJECT_DUPLICATES, &why);
		if (call->body == NULL) {
			api_refuse(call, 400, "json", "the body is no JSON: line %d, column %d",
				   why.line, why.column);
			return false;
		}
	}
	if (!json_is_object(call->body)) {
		api_refuse(call, 400, "json",
			   form ? "the form cannot be read" : "the body must be a JSON object");
		return false;
	}
	return true;
}

bool api_body_only(struct api_call *call, const char *names)
{
	const char *key;
	json_t *value;

	json_object_foreach(call->body, key, value)
	{
		size_t size = strlen(key);
		const char *at = names;

		(void)value;
		while (*at != '\0') {
			size_t word = strcspn(at, " ");

			if (word == size && memcmp(at, key, size) == 0)
				break;
			at += word + (at[word] == ' ');
		}
		if (*at == '\0') {
			api_refuse(call, 400, "unknown-member",
				   "the body has a member that is not known here; known: %s",
				   names[0] != '\0' ? names : "none");
			return false;
		}
	}
	return true;
}

const char *api_body_text(struct api_call *call, const char *name, size_t most, bool needed,
			  bool *good)
{
	json_t *value = json_object_get(call->body, name);

	if (!*good)
		return NULL;
	if (value == NULL || json_is_null(value)) {
		*good = !needed;
		if (needed)
			api_refuse(call, 400, "missing", "\"%s\" is needed", name);
		return NULL;
	}
	if (!json_is_string(value) || json_string_length(value) > most) {
		api_refuse(call, 400, "text", "\"%s\" must be a text of at most %zu bytes", name,
			   most);
		*good = false;
		return NULL;
	}
	return json_string_value(value);
}

int64_t api_body_number(struct api_call *call, const char *name, int64_t low, int64_t high,
			int64_t fallback, bool *good)
{
	json_t *value = json_object_get(call->body, name);

	if (!*good || value == NULL || json_is_null(value))
		return fallback;
	if (!json_is_integer(value) || json_integer_value(value) < low ||
	    json_integer_value(value) > high) {
		api_refuse(call, 400, "number", "\"%s\" must be a whole number in %lld-%lld", name,
			   (long long)low, (long long)high);
		*good = false;
		return fallback;
	}
	return json_integer_value(value);
}

bool api_body_bool(struct api_call *call, const char *name, bool fallback, bool *good)
{
	json_t *value = json_object_get(call->body, name);

	if (!*good || value == NULL || json_is_null(value))
		return fallback;
	if (!json_is_boolean(value)) {
		api_refuse(call, 400, "boolean", "\"%s\" must be true or false", name);
		*good = false;
		return fallback;
	}
	return json_is_true(value);
}

int64_t api_body_time(struct api_call *call, const char *name, bool *good)
{
	const char *text = api_body_text(call, name, 64, false, good);
	int64_t time_ns;

	if (!*good || text == NULL || text[0] == '\0')
		return 0;
	if (hin_time_parse(&time_ns, text, call->now_us * 1000, NULL) != HIN_OK) {
		api_refuse(call, 400, "time", "\"%s\" must be a time such as 2026-11-22T02:10:00Z",
			   name);
		*good = false;
		return 0;
	}
	return time_ns / 1000;
}

int64_t *api_body_numbers(struct api_call *call, const char *name, size_t most, size_t *count)
{
	json_t *list = json_object_get(call->body, name);
	int64_t *out;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > most) {
		api_refuse(call, 400, "list", "\"%s\" must be a list of 1 to %zu numbers", name,
			   most);
		return NULL;
	}
	*count = json_array_size(list);
	out = hin_arena_array(&call->arena, *count, sizeof(*out));
	if (out == NULL) {
		api_refuse(call, 503, "memory", "no memory: try again");
		return NULL;
	}
	for (size_t i = 0; i < *count; i++) {
		json_t *value = json_array_get(list, i);

		if (!json_is_integer(value) || json_integer_value(value) < 1) {
			api_refuse(call, 400, "list", "\"%s\" must be a list of 1 to %zu numbers",
				   name, most);
			return NULL;
		}
		out[i] = json_integer_value(value);
	}
	return out;
}
