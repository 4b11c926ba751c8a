#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)
#define OWN_BLOCKS true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OWN_BLOCKS true
#endif
#endif
#ifndef OWN_BLOCKS
#define OWN_BLOCKS false
#endif

#define ALIGN (_Alignof(max_align_t))
#define BLOCK_BYTES ((size_t)64 << 10)

struct hin_arena_block {
	struct hin_arena_block *next;
	size_t size, used; /* of `data` */
	_Alignas(max_align_t) char data[];
};

/* Put a new block with room for `size` bytes in front. */
static bool add_block(struct hin_arena *a, size_t size)
{
	size_t room = OWN_BLOCKS || size > BLOCK_BYTES ? size : BLOCK_BYTES;
	struct hin_arena_block *block = malloc(sizeof(*block) + room);

	if (block == NULL)
		return false;
	*block = (struct hin_arena_block){ .next = a->blocks, .size = room };
	a->blocks = block;
	return true;
}

void *hin_arena_alloc(struct hin_arena *a, size_t size)
{
	size_t whole = size > 0 ? size : 1;
	char *piece;

	if (whole > PTRDIFF_MAX / 2 || (a->limit > 0 && whole > a->limit - a->used))
		return NULL;
	if (!OWN_BLOCKS)
		whole = (whole + ALIGN - 1) / ALIGN * ALIGN;
	if ((OWN_BLOCKS || a->blocks == NULL || a->blocks->size - a->blocks->used < whole) &&
	    !add_block(a, whole))
		return NULL;
	piece = a->blocks->data + a->blocks->used;
	a->blocks->used += whole;
	a->used += size;
	return memset(piece, 0, whole);
}

void *hin_arena_array(struct hin_arena *a, size_t count, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? NULL : hin_arena_alloc(a, bytes);
}

char *hin_arena_copy(struct hin_arena *a, const void *data, size_t size)
{
	char *copy = size < SIZE_MAX ? hin_arena_alloc(a, size + 1) : NULL;

	if (copy != NULL && size > 0)
		memcpy(copy, data, size);
	return copy;
}

char *hin_arena_vprintf(struct hin_arena *a, const char *fmt, va_list args)
{
	va_list again;
	char *text = NULL;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	if (n >= 0)
		text = hin_arena_alloc(a, (size_t)n + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

char *hin_arena_printf(struct hin_arena *a, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = hin_arena_vprintf(a, fmt, args);
	va_end(args);
	return text;
}

static void free_blocks(struct hin_arena_block *block)
{
	while (block != NULL) {
		struct hin_arena_block *next = block->next;

		free(block);
		block = next;
	}
}

void hin_arena_reset(struct hin_arena *a)
{
	a->used = 0;
	if (a->blocks == NULL)
		return;
	if (OWN_BLOCKS || a->blocks->size > BLOCK_BYTES) {
		free_blocks(a->blocks);
		a->blocks = NULL;
		return;
	}
	free_blocks(a->blocks->next);
	a->blocks->next = NULL;
	a->blocks->used = 0;
}

void hin_arena_fini(struct hin_arena *a)
{
	if (a == NULL)
		return;
	free_blocks(a->blocks);
	a->blocks = NULL;
	a->used = 0;
}
