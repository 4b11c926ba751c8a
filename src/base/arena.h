/*
 * arena - memory for work with one end: allocate freely, reset once.
 *
 * Pieces cannot be freed alone. Under AddressSanitizer each piece is a heap block of its own, so
 * that reads past its end are seen.
 *
 * Ownership: pieces belong to the arena, until hin_arena_reset() or hin_arena_fini().
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdarg.h>
#include <string.h>

#include "base/error.h"

struct hin_arena {
	struct hin_arena_block *blocks; /* the one in use first */
	size_t used;			/* bytes handed out since the last reset */
	size_t limit;			/* most of them; 0 = as memory allows */
};

/* An empty arena is { 0 }, or this with a limit in bytes. */
static inline struct hin_arena hin_arena_of(size_t limit)
{
	return (struct hin_arena){ .limit = limit };
}

/* `size` zeroed bytes, aligned for any type; NULL when memory or the limit is used up. */
HIN_MUST_USE void *hin_arena_alloc(struct hin_arena *a, size_t size);

/* The same for `count` elements of `size` bytes; NULL also when the product overflows. */
HIN_MUST_USE void *hin_arena_array(struct hin_arena *a, size_t count, size_t size);

/* A copy of `size` bytes, with a NUL behind it. */
HIN_MUST_USE char *hin_arena_copy(struct hin_arena *a, const void *data, size_t size);

/* A copy of a string. */
static inline HIN_MUST_USE char *hin_arena_strdup(struct hin_arena *a, const char *text)
{
	return hin_arena_copy(a, text, strlen(text));
}

/* Formatted text. */
HIN_MUST_USE char *hin_arena_printf(struct hin_arena *a, const char *fmt, ...) HIN_PRINTF(2, 3);
HIN_MUST_USE char *hin_arena_vprintf(struct hin_arena *a, const char *fmt, va_list args)
	HIN_PRINTF(2, 0);

/* Take all pieces back; one block of memory is kept for what comes next. */
void hin_arena_reset(struct hin_arena *a);

/* Take all pieces back and free the memory; `a` is empty again. NULL is fine. */
void hin_arena_fini(struct hin_arena *a);
