/* api_rows - see api_rows.h */
#include "hub/door/api_rows.h"

#include <assert.h>
#include <stdio.h>

#define MEMORY 64 /* an address or a time */

static_assert(MEMORY >= HIN_ADDR_TEXT && MEMORY >= HIN_TIME_TEXT, "either fits");

/* A column as text; "" for nothing. Valid until the next step. */
static const char *text_of(sqlite3_stmt *s, int at, char type, char memory[MEMORY])
{
	struct hin_addr address;
	int64_t number = sqlite3_column_int64(s, at);

	switch (type) {
	case 'd':
		return number != 0 ? hin_desk_text(s, at) : "";
	case 'u':
		return number != 0 ? hin_time_format_iso(memory, number * 1000, HIN_TIME_US) : "";
	case 'b':
		return number != 0 ? "yes" : "no";
	case 'a':
		return hin_desk_address(s, at, &address) ? hin_addr_format(&address, memory) : "";
	default:
		return hin_desk_text(s, at);
	}
}

void api_columns_json(struct hin_buffer *out, sqlite3_stmt *s, const struct api_column *columns,
		      size_t count)
{
	struct hin_addr address;

	api_open(out, NULL, '{');
	for (size_t i = 0; i < count; i++) {
		int at = (int)i;

		switch (columns[i].type) {
		case 't':
			api_text(out, columns[i].name, hin_desk_text(s, at));
			break;
		case 'i':
			api_number(out, columns[i].name, sqlite3_column_int64(s, at));
			break;
		case 'd':
			api_id(out, columns[i].name, sqlite3_column_int64(s, at));
			break;
		case 'u':
			api_time(out, columns[i].name, sqlite3_column_int64(s, at));
			break;
		case 'b':
			api_bool(out, columns[i].name, sqlite3_column_int64(s, at) != 0);
			break;
		case 'j':
			api_key(out, columns[i].name);
			hin_buffer_puts(out, hin_desk_text(s, at));
			break;
		default:
			api_address(out, columns[i].name,
				    hin_desk_address(s, at, &address) ? &address : NULL);
			break;
		}
	}
	hin_buffer_putc(out, '}');
}

enum hin_code api_rows_json(struct api_call *call, sqlite3_stmt *s,
			    const struct api_column *columns, size_t count, struct hin_error *err)
{
	enum hin_code code;

	while ((code = hin_desk_step(call->desk, s, err)) == HIN_OK && !call->out.failed)
		api_columns_json(&call->out, s, columns, count);
	sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

void api_csv_cell(struct hin_buffer *out, const char *text)
{
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
	bool quoted = formula || text[strcspn(text, "\",\r\n")] != '\0';

	if (!quoted) {
		hin_buffer_puts(out, text);
		return;
	}
	hin_buffer_puts(out, formula ? "\"'" : "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"')
			hin_buffer_putc(out, '"');
		hin_buffer_putc(out, *text);
	}
	hin_buffer_putc(out, '"');
}

enum hin_code api_rows_csv(struct api_call *call, sqlite3_stmt *s, const struct api_column *columns,
			   size_t count, struct hin_error *err)
{
	struct hin_buffer *out = &call->out;
	char memory[MEMORY];
	enum hin_code code;

	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(out, "%s%s", i > 0 ? "," : "", columns[i].name);
	hin_buffer_puts(out, "\r\n");
	while ((code = hin_desk_step(call->desk, s, err)) == HIN_OK && !out->failed) {
		for (size_t i = 0; i < count; i++) {
			if (i > 0)
				hin_buffer_putc(out, ',');
			api_csv_cell(out, text_of(s, (int)i, columns[i].type, memory));
		}
		hin_buffer_puts(out, "\r\n");
	}
	sqlite3_reset(s);
	return code == HIN_EOF ? HIN_OK : code;
}

void api_as_file(struct api_call *call, const char *type, const char *name, const char *ending)
{
	char time[HIN_TIME_TEXT], plain[HIN_TIME_TEXT], *to = plain;
	const char *value;

	hin_time_format_iso(time, call->now_us * 1000, HIN_TIME_S);
	for (const char *at = time; *at != '\0'; at++)
		if (*at != '-' && *at != ':')
			*to++ = *at;
	*to = '\0';
	call->type = type;
	value = hin_arena_printf(&call->arena, "attachment; filename=\"%s-%s.%s\"", name, plain,
				 ending);
	if (value != NULL)
		api_header(call, "Content-Disposition", value);
}

bool api_query_address(struct api_call *call, const char *name, struct hin_addr *out, bool *given)
{
	const char *text = api_query(call, name);

	*given = text != NULL && text[0] != '\0';
	if (!*given || hin_addr_parse(out, text) == HIN_OK)
		return true;
	api_refuse(call, 400, "address", "\"%s\" is no IP address", name);
	return false;
}
