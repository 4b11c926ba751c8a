#include "decoy/host/line_priv.h"

#include <stdio.h>

#include "base/number.h"

void line_fail(struct line_reader *in, enum hin_code code, const char *fmt, ...)
{
	size_t at = in->at - 1;
	unsigned line = in->list->lines != NULL ? in->list->lines[at] : 0;
	char text[160];
	va_list args;

	if (in->code != HIN_OK)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	in->code = hin_fail(in->err, code, "%s:%u: %s: %s", in->file, line, in->setting, text);
}

static char *skip(const struct line_reader *in, char *text)
{
	while (in->separator == 0 && (*text == ' ' || *text == '\t'))
		text++;
	return text;
}

bool line_next(struct line_reader *in)
{
	char *text;

	if (in->code != HIN_OK || in->at == in->list->count)
		return false;
	text = hin_arena_strdup(in->arena, in->list->items[in->at++]);
	if (text == NULL) {
		line_fail(in, HIN_ENOMEM, "no memory");
		return false;
	}
	in->count = 0;
	for (text = skip(in, text); *text != '\0' && in->count < in->most;) {
		in->words[in->count++] = text;
		if (in->count == in->most)
			break;
		if (in->separator != 0)
			text += strcspn(text, (char[]){ in->separator, '\0' });
		else
			text += strcspn(text, " \t");
		if (*text != '\0')
			*text++ = '\0';
		text = skip(in, text);
	}
	if (in->count < in->least) {
		line_fail(in, HIN_EFORMAT, "\"%.60s\" is not %s", in->list->items[in->at - 1],
			  in->form);
		return false;
	}
	return true;
}

uint64_t line_number(struct line_reader *in, unsigned index, const char *what, uint64_t min,
		     uint64_t max)
{
	struct hin_error err;
	uint64_t value = 0;
	enum hin_code code = hin_number_u64(&value, what, in->words[index], min, max, &err);

	if (code != HIN_OK)
		line_fail(in, code, "%s", err.text);
	return value;
}

unsigned line_choice(struct line_reader *in, unsigned index, const char *what,
		     const char *const *choices)
{
	char all[80] = "";

	for (unsigned i = 0; choices[i] != NULL; i++) {
		size_t used = strlen(all);

		if (strcmp(in->words[index], choices[i]) == 0)
			return i;
		snprintf(all + used, sizeof(all) - used, "%s%s", i > 0 ? ", " : "", choices[i]);
	}
	line_fail(in, HIN_EFORMAT, "%s \"%.40s\" is none of %s", what, in->words[index], all);
	return 0;
}

const char *line_word(const struct line_reader *in, unsigned index)
{
	if (index >= in->count || strcmp(in->words[index], "-") == 0)
		return NULL;
	return in->words[index];
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

const uint8_t *line_bytes(struct line_reader *in, unsigned index, size_t *size,
			  const uint8_t **chosen)
{
	static const char names[] = "nrt\\\"", meant[] = "\n\r\t\\\"";
	const char *from = in->words[index];
	uint8_t *bytes = hin_arena_alloc(in->arena, strlen(from) + 1), *marks;
	size_t used = 0;

	marks = hin_arena_alloc(in->arena, strlen(from) + 1);
	if (bytes == NULL || marks == NULL) {
		line_fail(in, HIN_ENOMEM, "no memory");
		return NULL;
	}
	*chosen = NULL;
	while (*from != '\0') {
		const char *name;

		if (*from != '\\') {
			bytes[used++] = (uint8_t)*from++;
			continue;
		}
		name = from[1] != '\0' ? strchr(names, from[1]) : NULL;
		if (name != NULL) {
			bytes[used++] = (uint8_t)meant[name - names];
			from += 2;
		} else if (from[1] == '?') {
			marks[used++] = 1;
			*chosen = marks;
			from += 2;
		} else if (from[1] == 'x' && digit(from[2]) >= 0 && digit(from[3]) >= 0) {
			bytes[used++] = (uint8_t)(digit(from[2]) << 4 | digit(from[3]));
			from += 4;
		} else {
			line_fail(in, HIN_EFORMAT, "\"%.4s\" is none of \\n \\r \\t \\\\ \\? \\xNN",
				  from);
			return NULL;
		}
	}
	*size = used;
	return bytes;
}
