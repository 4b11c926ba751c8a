/*
 * utf8 - characters of outside text: reading, judging, measuring.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/bytes.h"

#define HIN_UTF8_BAD UINT32_MAX

/*
 * Read one character (RFC 3629) of a reader that is not empty. A byte that starts no well-formed
 * character is consumed alone and gives HIN_UTF8_BAD. Never sets `failed`.
 */
uint32_t hin_utf8_read(struct hin_reader *in);

/* Write `cp` as UTF-8 to `out`; returns the bytes used, 0 when `cp` is no character. */
size_t hin_utf8_write(char out[4], uint32_t cp);

/*
 * Is `cp` one that a person would not see, or that changes how its neighbours are shown: controls
 * (C0, DEL, C1), bidirectional marks, zero-width and line separators, tags, noncharacters?
 */
bool hin_utf8_is_hidden(uint32_t cp);

/* Columns of `cp` on a terminal: 0 (combining), 1, or 2 (East Asian wide). Locale plays no part. */
unsigned hin_utf8_width(uint32_t cp);
