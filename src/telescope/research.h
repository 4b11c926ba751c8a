/*
 * research - known research scanners, and the recordings that are shipped.
 *
 * Threads: pure functions over constants.
 */
#pragma once
#include <stdio.h>

#include "base/prefix.h"

/* Call `call` for each shipped prefix with its name, as hin_prefix_file_read() does. */
HIN_MUST_USE enum hin_code hin_research_read(hin_prefix_line_fn call, void *user,
					     struct hin_error *err);

/* Is this the SHA-256 of a shipped sample? */
bool hin_is_sample(const uint8_t sha256[32]);
