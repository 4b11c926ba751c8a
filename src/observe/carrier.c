/* carrier - what all carriers share; see carrier.h */
#include "observe/carrier.h"

static const char *const words[] = {
#define X(name, word, meaning) word,
	HIN_CARRIED(X)
#undef X
};

const char *hin_carried_word(enum hin_carried verdict)
{
	return words[verdict];
}

bool hin_carried_parse(enum hin_carried *out, const char *word)
{
	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(words[i], word) == 0) {
			*out = (enum hin_carried)i;
			return true;
		}
	return false;
}

int64_t hin_backoff_fail(struct hin_backoff *b, uint32_t dice)
{
	int64_t wait = b->first_ns;

	for (unsigned i = 0; i < b->failures && wait < b->most_ns; i++)
		wait *= 2;
	if (wait > b->most_ns)
		wait = b->most_ns;
	b->failures++;
	return wait - wait / 2 * (int64_t)(dice >> 16) / 65536;
}
