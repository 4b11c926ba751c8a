/*
 * lang - the language that a person reads.
 *
 * Programs never call setlocale(): numbers in text keep one form, and the language is this enum,
 * passed on to whatever prints words.
 *
 * Threads: pure functions; hin_lang_of_environment() reads the environment.
 */
#pragma once
#include "base/error.h"

enum hin_lang { HIN_EN, HIN_JA };

/* Read "en" or "ja" (also "ja_JP.UTF-8" and its kin). HIN_EUSAGE when it is neither. */
HIN_MUST_USE enum hin_code hin_lang_parse(enum hin_lang *out, const char *text,
					  struct hin_error *err);

/* The language of LC_ALL, LC_MESSAGES or LANG, the first that is set; English when not Japanese. */
enum hin_lang hin_lang_of_environment(void);
