/* rows - see rows_priv.h */
#include <string.h>

#include "base/escape.h"
#include "base/time.h"
#include "hub/case/finding.h"
#include "hub/case/rows_priv.h"

#define PAGE 100

void rows_copy(char *to, size_t size, sqlite3_stmt *s, int at)
{
	const char *text = hin_desk_text(s, at);
	size_t used = strnlen(text, size - 1);

	memcpy(to, text, used);
	to[used] = '\0';
}

enum hin_code rows_limit(int64_t *out, unsigned asked, unsigned most, const char *what,
			 struct hin_error *err)
{
	*out = asked > 0 ? asked : PAGE;
	if (asked > most)
		return hin_fail(err, HIN_ERANGE, "a page has at most %u %s", most, what);
	return HIN_OK;
}

bool rows_next(struct hin_desk *desk, sqlite3_stmt *s, enum hin_code *code, struct hin_error *err)
{
	if (*code != HIN_OK)
		return false;
	*code = hin_desk_step(desk, s, err);
	if (*code == HIN_OK)
		return true;
	if (*code == HIN_EOF)
		*code = HIN_OK;
	return false;
}

enum hin_code rows_one(struct hin_desk *desk, sqlite3_stmt *s, const char *what, int64_t id,
		       int64_t organisation, struct hin_error *err)
{
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "ii", id, organisation);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no %s %lld", what, (long long)id);
	return code;
}

static void put_name(struct hin_buffer *out, const char *name)
{
	hin_buffer_puts(out, ",\"");
	hin_buffer_puts(out, name);
	hin_buffer_puts(out, "\":");
}

void rows_put_text(struct hin_buffer *out, const char *name, const char *text)
{
	put_name(out, name);
	hin_escape_json(out, text, strlen(text));
}

void rows_put_number(struct hin_buffer *out, const char *name, uint64_t value)
{
	put_name(out, name);
	hin_buffer_printf(out, "%llu", (unsigned long long)value);
}

void rows_put_time(struct hin_buffer *out, const char *name, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	put_name(out, name);
	if (time_us == 0) {
		hin_buffer_puts(out, "null");
		return;
	}
	hin_buffer_putc(out, '"');
	hin_buffer_puts(out, hin_time_format_iso(text, hin_finding_ns(time_us), HIN_TIME_US));
	hin_buffer_putc(out, '"');
}

void rows_put_id(struct hin_buffer *out, const char *name, int64_t id)
{
	put_name(out, name);
	if (id == 0)
		hin_buffer_puts(out, "null");
	else
		hin_buffer_printf(out, "%lld", (long long)id);
}
