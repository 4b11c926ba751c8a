/* text - files, base64, lines; see verify.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "verify/verify.h"

/* A pipe or a folder where a log should have a file: to open it could take for ever. */
static bool is_other(const char *path)
{
	struct stat about;

	return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

bool read_file(struct bytes *out, const char *path, bool quiet)
{
	FILE *f = quiet && is_other(path) ? NULL : fopen(path, "rb");
	size_t room = 1 << 16, n = 0;
	uint8_t *data = NULL;

	if (f == NULL && quiet && is_other(path))
		return wrong("%s: this is no file", path);
	if (f == NULL)
		return quiet && errno == ENOENT ? false : wrong("%s: %s", path, strerror(errno));
	for (;;) {
		uint8_t *more = realloc(data, room + 1);

		if (more == NULL)
			break;
		data = more;
		n += fread(data + n, 1, room - n, f);
		if (n < room || room > FILE_MOST)
			break;
		room *= 4;
	}
	if (data == NULL || ferror(f) || n > FILE_MOST) {
		wrong("%s: cannot be read, or is too large", path);
		free(data);
		fclose(f);
		return false;
	}
	fclose(f);
	data[n] = '\0';
	*out = (struct bytes){ data, n };
	return true;
}

bool undo_mail(struct bytes *text)
{
	const uint8_t *from = text->data, *end = text->data + text->size;
	uint8_t *to = text->data;

	if (text->size >= 3 && memcmp(from, "\xef\xbb\xbf", 3) == 0)
		from += 3;
	for (; from < end; from++)
		if (from[0] != '\r' || from + 1 == end || from[1] != '\n')
			*to++ = *from;
	if (to == end)
		return false;
	*to = '\0';
	text->size = (size_t)(to - text->data);
	return true;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

long unbase64(uint8_t *out, size_t room, const char *text, size_t size)
{
	size_t used = 0, pad = 0;

	if (size % 4 != 0)
		return -1;
	while (pad < 2 && size > pad && text[size - 1 - pad] == '=')
		pad++;
	if (room < size / 4 * 3 - pad)
		return -1;
	for (size_t i = 0; i < size; i += 4) {
		size_t digits = i + 4 == size ? 4 - pad : 4;
		uint32_t group = 0;

		for (size_t k = 0; k < 4; k++) {
			int value = k < digits ? base64_value(text[i + k]) : 0;

			if (value < 0)
				return -1;
			group = group << 6 | (uint32_t)value;
		}
		if (group & ((1u << 8 * (4 - digits)) - 1))
			return -1; /* bits that no byte has */
		for (size_t k = 0; k + 1 < digits; k++)
			out[used++] = (uint8_t)(group >> (16 - 8 * k));
	}
	return (long)used;
}

const char *line_of(const char **at, const char *end, size_t *size)
{
	const char *line = *at,
		   *newline = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

	if (newline == NULL)
		return NULL;
	*size = (size_t)(newline - line);
	*at = newline + 1;
	return line;
}

bool read_number(uint64_t *out, const char *text, size_t size)
{
	uint64_t n = 0;

	if (size == 0 || size > 18 || (text[0] == '0' && size > 1))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = 10 * n + (uint64_t)(text[i] - '0');
	}
	*out = n;
	return true;
}
