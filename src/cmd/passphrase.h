/*
 * passphrase - what opens encrypted keys: the first line of a file, or $HINOMI_PASSPHRASE.
 *
 * Threads: the program's first, before there are others: the environment is changed.
 */
#pragma once
#include "base/error.h"

#define HIN_PASSPHRASE 512 /* longest one, with its NUL */

/*
 * Read the first line of the file at `path`, or, when that is NULL, take $HINOMI_PASSPHRASE out of
 * the environment. `out` is "" when there is neither; the caller clears it. HIN_EDENIED for a file
 * that everybody may read, HIN_EFORMAT for an empty or too long one.
 */
HIN_MUST_USE enum hin_code hin_cmd_passphrase(char out[HIN_PASSPHRASE], const char *path,
					      struct hin_error *err);
