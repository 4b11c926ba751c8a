/* checkpoint_priv - what the readers of checkpoints and of witnesses' requests share. */
#pragma once
#include "base/bytes.h"

/* Take the next line of `in` without its newline; NULL when there is none. */
const char *checkpoint_next_line(struct hin_reader *in, size_t *size);

/* Decimal without leading zeros, as the formats have it; a size of a tree. */
bool checkpoint_read_size(uint64_t *out, const char *text, size_t size);
