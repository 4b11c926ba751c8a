/* authority_priv - what the texts of authorities and of rosters share. */
#pragma once
#include "trust/authority.h"

/* Take the next line of `in` into `line`, with a NUL instead of its newline; false without one. */
bool authority_line(struct hin_reader *in, char *line, size_t room);

/* Values that have one spelling. */
bool authority_hex(uint8_t out[32], const char *text);
bool authority_u64(uint64_t *out, const char *text);
bool authority_key(struct hin_note_verifier *out, const char *text);
