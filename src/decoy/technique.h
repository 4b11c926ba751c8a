/*
 * technique - what a command says of its author's intent, in the words of ATT&CK for Linux.
 *
 * A small table of commands and of what stands among their words; each hit is a technique of the
 * registry. It is a claim about the words that were typed, not about what came of them.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/error.h"

/* Call `found` for each technique (registry techniques) that `words` of one command show. */
void hin_techniques_of(const char *words, size_t size,
		       void (*found)(void *user, uint16_t technique), void *user);

/*
 * Append `words` as it is the same for all runs of one script: paths, options and commands stay;
 * addresses, names of hosts, numbers and random names are replaced by a word for what they are. The
 * digest of all a session's lines tells which script it ran.
 */
struct hin_buffer;
void hin_command_normalise(const char *words, size_t size, struct hin_buffer *out);
