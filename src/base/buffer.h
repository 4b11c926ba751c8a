/*
 * buffer - text or bytes that grow at the end.
 *
 * Failure is sticky: once memory runs out or the limit is reached nothing more is added, `failed`
 * stays set, and one check at the end covers all calls. What was added before remains, and there is
 * always a NUL behind it. An empty buffer is { 0 }.
 *
 * Ownership: the caller owns a buffer and ends it with hin_buffer_fini(). One that was set up over
 *            the caller's memory (hin_buffer_over) never allocates and needs no end.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdarg.h>
#include <string.h>

#include "base/error.h"

struct hin_buffer {
	char *data;    /* NULL until something was added */
	size_t used;   /* bytes, without the NUL */
	size_t size;   /* bytes at `data` */
	size_t limit;  /* most bytes to hold; 0 = as memory allows */
	bool failed;   /* stays set once something did not fit */
	bool borrowed; /* `data` is the caller's and does not grow */
};

/* A buffer over `size` > 0 bytes of the caller's `memory`, one of them for the NUL. */
static inline struct hin_buffer hin_buffer_over(char *memory, size_t size)
{
	memory[0] = '\0';
	return (struct hin_buffer){ .data = memory, .size = size, .borrowed = true };
}

/* The text so far, NUL-terminated, never NULL; valid until the next call on `b`. */
static inline const char *hin_buffer_text(const struct hin_buffer *b)
{
	return b->data != NULL ? b->data : "";
}

/* Forget content and failure, keep the memory. */
static inline void hin_buffer_reset(struct hin_buffer *b)
{
	b->used = 0;
	b->failed = false;
	if (b->data != NULL)
		b->data[0] = '\0';
}

/*
 * Make room for `more` bytes and return where they go, or NULL with `failed` set. The caller writes
 * there and calls hin_buffer_commit() with what it wrote.
 */
char *hin_buffer_reserve(struct hin_buffer *b, size_t more);

/* Count `size` bytes, written where hin_buffer_reserve() said, as added. */
static inline void hin_buffer_commit(struct hin_buffer *b, size_t size)
{
	b->used += size;
	b->data[b->used] = '\0';
}

/* Append `size` bytes. All or nothing. */
static inline void hin_buffer_add(struct hin_buffer *b, const void *data, size_t size)
{
	char *at = hin_buffer_reserve(b, size);

	if (at == NULL)
		return;
	if (size > 0)
		memcpy(at, data, size);
	hin_buffer_commit(b, size);
}

/* Append a string. */
static inline void hin_buffer_puts(struct hin_buffer *b, const char *text)
{
	hin_buffer_add(b, text, strlen(text));
}

/* Append one byte. */
static inline void hin_buffer_putc(struct hin_buffer *b, char c)
{
	hin_buffer_add(b, &c, 1);
}

/* Append `count` times `c`. */
void hin_buffer_fill(struct hin_buffer *b, char c, size_t count);

/* Append formatted text. All or nothing. */
void hin_buffer_printf(struct hin_buffer *b, const char *fmt, ...) HIN_PRINTF(2, 3);
void hin_buffer_vprintf(struct hin_buffer *b, const char *fmt, va_list args) HIN_PRINTF(2, 0);

/*
 * Hand the text over: the caller frees it with free(), `b` is empty again. NULL when `b` has failed
 * (it stays as it is). Not for a buffer over the caller's memory.
 */
HIN_MUST_USE char *hin_buffer_take(struct hin_buffer *b);

/* Free the memory; `b` is empty again. NULL is fine. */
void hin_buffer_fini(struct hin_buffer *b);
