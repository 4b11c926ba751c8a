/* Any text as command lines of a shell: each gives a tree, a wish for more, or one error. */
#include <stdlib.h>
#include <string.h>

#include "decoy/shell/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void want(bool good)
{
	if (!good)
		abort();
}

static void read_all(const char *text, size_t size, bool ash, bool more)
{
	struct hin_arena arena = hin_arena_of((size_t)16 << 20);
	unsigned line = 1;

	while (size > 0) {
		struct hin_syntax s = { .ash = ash, .more = more, .line = line };
		enum hin_syntax_result result = hin_syntax_line(&s, &arena, text, size);

		want(s.line >= line);
		want(more || result != HIN_SYNTAX_MORE);
		if (result == HIN_SYNTAX_ERROR)
			want((s.unexpected != NULL) != (s.reason != NULL));
		if (result != HIN_SYNTAX_OK)
			break;
		want(s.taken > 0 && s.taken <= size);
		text += s.taken;
		size -= s.taken;
		line = s.line;
	}
	hin_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (size < 1)
		return 0;
	copy = malloc(size);
	if (copy == NULL)
		abort();
	memcpy(copy, data + 1, size - 1);
	read_all(copy, size - 1, (data[0] & 1) != 0, (data[0] & 2) != 0);
	free(copy);
	return 0;
}
