/* directory_detect - of which format a file seems to be; see directory.h */
#include <ctype.h>
#include <string.h>

#include "hub/owners/directory_priv.h"

#define LINES 200 /* looked at */

struct line {
	const char *at;
	size_t size;
};

static bool begins(const struct line *l, const char *word)
{
	size_t n = strlen(word);

	return l->size >= n && strncasecmp(l->at, word, n) == 0;
}

/* "a. [Title] ..." or "[Title] ...", in any character set; "[ ...]" is what JPNIC says of itself.
 */
static bool is_title(const struct line *l)
{
	size_t i = 0;

	if (l->size > 3 && islower((unsigned char)l->at[0]) && l->at[1] == '.' && l->at[2] == ' ')
		i = 3;
	return l->size > i + 2 && l->at[i] == '[' &&
	       (i == 3 || (l->at[i + 1] != ' ' && l->at[i + 1] != '{' && l->at[i + 1] != '"' &&
			   l->at[i + 1] != ']'));
}

static bool is_object(const struct line *l)
{
	static const char *const classes[] = {
		"inetnum:", "inet6num:", "aut-num:", "organisation:", "role:",	   "person:",
		"irt:",	    "route:",	 "route6:",  "mntner:",	      "as-block:", "as-set:"
	};

	for (size_t i = 0; i < HIN_COUNT(classes); i++)
		if (begins(l, classes[i]))
			return true;
	return false;
}

/* Titles of our CSV: the first of them always is among these. */
static bool is_csv(const struct line *l)
{
	return memchr(l->at, ',', l->size) != NULL &&
	       (memmem(l->at, l->size, "organisation", 12) != NULL ||
		memmem(l->at, l->size, "holding", 7) != NULL ||
		memmem(l->at, l->size, "contact", 7) != NULL);
}

enum hin_directory_format hin_directory_detect(const void *data, size_t size)
{
	const char *at = data, *end = at + size;
	bool first = true;

	if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	for (unsigned i = 0; i < LINES && at < end; i++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		struct line l = { at, (size_t)((newline != NULL ? newline : end) - at) };

		at = newline != NULL ? newline + 1 : end;
		while (l.size > 0 && isspace((unsigned char)l.at[0]))
			l.at++, l.size--;
		if (l.size == 0 || l.at[0] == '#' || l.at[0] == '%')
			continue;
		if (is_title(&l) || begins(&l, "[ JPNIC"))
			return HIN_DIRECTORY_JPNIC;
		if (is_object(&l))
			return HIN_DIRECTORY_RPSL;
		if (first && (l.at[0] == '{' || l.at[0] == '['))
			return HIN_DIRECTORY_RDAP;
		if (first && is_csv(&l))
			return HIN_DIRECTORY_CSV;
		first = false;
	}
	return HIN_DIRECTORY_FORMATS;
}
