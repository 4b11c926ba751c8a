#include "base/lang.h"

#include <stdlib.h>
#include <string.h>

/* Is `text` the locale name "`lang`", "`lang`_..." or its kin? */
static bool is_locale_of(const char *text, const char *lang)
{
	return strncmp(text, lang, 2) == 0 && strchr("_.@-", text[2]) != NULL;
}

enum hin_code hin_lang_parse(enum hin_lang *out, const char *text, struct hin_error *err)
{
	if (is_locale_of(text, "ja"))
		*out = HIN_JA;
	else if (is_locale_of(text, "en") || strcmp(text, "C") == 0)
		*out = HIN_EN;
	else
		return hin_fail(err, HIN_EUSAGE, "language \"%.40s\" is not en or ja", text);
	return HIN_OK;
}

enum hin_lang hin_lang_of_environment(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };

	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return is_locale_of(value, "ja") ? HIN_JA : HIN_EN;
	}
	return HIN_EN;
}
