/* api_words - words of the filter for completion, and where an address is. */
#pragma once
#include "hub/door/api_priv.h"

/* A word of the filter: what it takes, an example that is a filter, and what it means. */
struct api_filter_word {
	const char *word, *takes, *example, *help, *help_ja;
};

extern const struct api_filter_word api_filter_words[];
extern const size_t api_filter_word_count;

/*
 * Append country and AS of an address as an object that is not closed yet; null where no table
 * knows it.
 */
void api_place(struct api_call *call, const char *name, const struct hin_addr *address);
