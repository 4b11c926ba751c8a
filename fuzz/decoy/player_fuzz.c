/*
 * Any bytes as what a session shows: what the filter lets through, it lets through again, and
 * nothing of it asks the terminal for an answer, names a window or begins a string.
 */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/player.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void filter(struct hin_buffer *out, const void *data, size_t size, size_t piece)
{
	struct hin_player_filter f = { 0 };

	for (size_t at = 0; at < size; at += piece)
		hin_player_filter(&f, out, (const uint8_t *)data + at,
				  size - at < piece ? size - at : piece);
}

/* No byte of `bad` ends a control sequence, and no string begins. */
static void look(const struct hin_buffer *out)
{
	for (size_t k = 0; k + 1 < out->used; k++) {
		size_t end = k + 2;

		if (out->data[k] != '\033')
			continue;
		if (strchr("[78DEHM()", out->data[k + 1]) == NULL)
			abort();
		if (out->data[k + 1] != '[')
			continue;
		while (end < out->used && (out->data[end] < 0x40 || out->data[end] > 0x7e))
			end++;
		if (end < out->used && strchr("cntpqxy", out->data[end]) != NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_buffer whole = { 0 }, pieces = { 0 }, again = { 0 };

	filter(&whole, data, size, size + 1);
	filter(&pieces, data, size, 3);
	if (whole.used != pieces.used ||
	    memcmp(hin_buffer_text(&whole), hin_buffer_text(&pieces), whole.used) != 0)
		abort();
	look(&whole);
	filter(&again, hin_buffer_text(&whole), whole.used, whole.used + 1);
	if (whole.used != again.used ||
	    memcmp(hin_buffer_text(&whole), hin_buffer_text(&again), whole.used) != 0)
		abort();
	hin_buffer_fini(&whole);
	hin_buffer_fini(&pieces);
	hin_buffer_fini(&again);
	return 0;
}
