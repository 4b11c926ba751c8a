#include "base/buffer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

char *hin_buffer_reserve(struct hin_buffer *b, size_t more)
{
	size_t need, size = b->size;
	char *data;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->used, more, &need) ||
	    __builtin_add_overflow(need, 1, &need) || need > PTRDIFF_MAX ||
	    (b->limit > 0 && need - 1 > b->limit))
		goto failed;
	if (need <= size)
		return b->data + b->used;
	if (b->borrowed)
		goto failed;
	size = size < 64 ? 64 : size;
	while (size < need)
		size = size > PTRDIFF_MAX / 2 ? need : size * 2;
	data = realloc(b->data, size);
	if (data == NULL)
		goto failed;
	b->data = data;
	b->size = size;
	b->data[b->used] = '\0';
	return b->data + b->used;
failed:
	b->failed = true;
	return NULL;
}

void hin_buffer_fill(struct hin_buffer *b, char c, size_t count)
{
	char *at = hin_buffer_reserve(b, count);

	if (at == NULL)
		return;
	memset(at, c, count);
	hin_buffer_commit(b, count);
}

void hin_buffer_vprintf(struct hin_buffer *b, const char *fmt, va_list args)
{
	size_t room = b->size - b->used;
	va_list again;
	int n;

	if (b->failed)
		return;
	va_copy(again, args);
	n = vsnprintf(b->data != NULL ? b->data + b->used : NULL, room, fmt, args);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < room && (b->limit == 0 || b->used + (size_t)n <= b->limit)) {
		b->used += (size_t)n;
	} else {
		if (b->data != NULL) /* undo the part that did fit */
			b->data[b->used] = '\0';
		if (hin_buffer_reserve(b, (size_t)n) != NULL) {
			vsnprintf(b->data + b->used, (size_t)n + 1, fmt, again);
			b->used += (size_t)n;
		}
	}
	va_end(again);
}

void hin_buffer_printf(struct hin_buffer *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	hin_buffer_vprintf(b, fmt, args);
	va_end(args);
}

char *hin_buffer_take(struct hin_buffer *b)
{
	char *text;

	assert(!b->borrowed);
	if (b->failed || hin_buffer_reserve(b, 0) == NULL)
		return NULL;
	text = b->data;
	*b = (struct hin_buffer){ .limit = b->limit };
	return text;
}

void hin_buffer_fini(struct hin_buffer *b)
{
	if (b == NULL)
		return;
	if (!b->borrowed)
		free(b->data);
	*b = (struct hin_buffer){ .limit = b->limit };
}
