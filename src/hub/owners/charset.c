/* charset - see charset.h */
#include "hub/owners/charset.h"

#include <errno.h>
#include <iconv.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define NONE ((iconv_t)-1)
#define ESC '\x1b'

enum set { SET_UTF8, SET_ISO2022, SET_EUC };

/* CP50221 and EUC-JP-MS are what Windows and NEC made of them, with their own signs */
static const char *const names[][3] = {
	[SET_UTF8] = { "UTF-8", "UTF-8", NULL },
	[SET_ISO2022] = { "ISO-2022-JP", "ISO-2022-JP", NULL },
	[SET_EUC] = { "EUC-JP", "EUC-JP-MS", "EUC-JP" },
};

struct hin_charset {
	enum set set;
	iconv_t cd; /* NONE for UTF-8 */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static iconv_t volatile kept[2] = { NONE, NONE }; /* nobody reads them, and they must stay */

static iconv_t open_set(enum set set)
{
	iconv_t cd = NONE;

	for (size_t i = 1; i < 3 && cd == NONE && names[set][i] != NULL; i++)
		cd = iconv_open("UTF-8", names[set][i]);
	return cd;
}

/* As long as one of a set is open, libc has what the next one needs. */
static void keep(void)
{
	kept[0] = open_set(SET_ISO2022);
	kept[1] = open_set(SET_EUC);
}

void hin_charset_prepare(void)
{
	(void)pthread_once(&once, keep);
}

static bool is_utf8(const void *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);

	while (in.left > 0)
		if (hin_utf8_read(&in) == HIN_UTF8_BAD)
			return false;
	return true;
}

/* ESC $ begins characters of two bytes, ESC ( ends them. */
static bool has_escapes(const char *data, size_t size)
{
	for (const char *at = memchr(data, ESC, size); at != NULL;
	     at = memchr(at + 1, ESC, size - (size_t)(at + 1 - data)))
		if ((size_t)(at - data) + 2 < size && (at[1] == '$' || at[1] == '('))
			return true;
	return false;
}

enum hin_code hin_charset_open(struct hin_charset **out, const void *data, size_t size,
			       struct hin_error *err)
{
	struct hin_charset *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a character set");
	c->cd = NONE;
	if (size > 0 && has_escapes(data, size))
		c->set = SET_ISO2022;
	else if (!is_utf8(data, size))
		c->set = SET_EUC;
	hin_charset_prepare();
	if (c->set != SET_UTF8)
		c->cd = open_set(c->set);
	if (c->set != SET_UTF8 && c->cd == NONE) {
		const char *name = hin_charset_name(c);

		hin_charset_close(c);
		return hin_fail(err, HIN_EUNSUPPORTED,
				"this system cannot read %s: convert the file to UTF-8", name);
	}
	*out = c;
	return HIN_OK;
}

void hin_charset_close(struct hin_charset *c)
{
	if (c == NULL)
		return;
	if (c->cd != NONE)
		iconv_close(c->cd);
	free(c);
}

const char *hin_charset_name(const struct hin_charset *c)
{
	return names[c->set][0];
}

enum hin_code hin_charset_line(struct hin_charset *c, struct hin_buffer *out, const char *line,
			       size_t size)
{
	char *from = (char *)(uintptr_t)line; /* iconv does not write to it */
	size_t left = size;

	if (c->set == SET_UTF8) {
		if (!is_utf8(line, size))
			return HIN_EFORMAT;
		hin_buffer_add(out, line, size);
		return out->failed ? HIN_ENOMEM : HIN_OK;
	}
	(void)iconv(c->cd, NULL, NULL, NULL, NULL);
	while (left > 0) {
		size_t room = 3 * left + 16, space = room, got;
		char *to = hin_buffer_reserve(out, room);

		if (to == NULL)
			return HIN_ENOMEM;
		got = iconv(c->cd, &from, &left, &to, &space);
		hin_buffer_commit(out, room - space);
		if (got == (size_t)-1 && errno != E2BIG)
			return HIN_EFORMAT;
	}
	/* a set of libc's may give what is no text of ours; who uses it checks */
	return HIN_OK;
}
