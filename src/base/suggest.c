#include "base/suggest.h"

#include <string.h>

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance; three rows of the usual table. */
static size_t distance_of(const char *a, size_t a_size, const char *b, size_t b_size)
{
	size_t rows[3][HIN_SUGGEST_LENGTH + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t k = 0; k <= b_size; k++)
		before[k] = last[k] = k;
	for (size_t i = 1; i <= a_size; i++) {
		size_t *oldest = before;

		row[0] = i;
		for (size_t k = 1; k <= b_size; k++) {
			size_t change = last[k - 1] + (a[i - 1] != b[k - 1]);

			row[k] = least(change, least(last[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = least(row[k], before[k - 2] + 1);
		}
		before = last;
		last = row;
		row = oldest;
	}
	return last[b_size];
}

void hin_suggest_offer(struct hin_suggest *s, const char *name)
{
	size_t wanted = strlen(s->wanted), size = strlen(name), distance;

	if (wanted == 0 || wanted > HIN_SUGGEST_LENGTH || size > HIN_SUGGEST_LENGTH)
		return;
	distance = distance_of(s->wanted, wanted, name, size);
	if (distance > (size + 1) / 3 || distance >= size)
		return;
	if (s->best == NULL || distance < s->distance) {
		s->best = name;
		s->distance = distance;
	}
}

enum hin_code hin_suggest_fail(const struct hin_suggest *s, enum hin_code code, const char *what,
			       const char *before, struct hin_error *err)
{
	if (s->best == NULL)
		return hin_fail(err, code, "unknown %s \"%.60s\"", what, s->wanted);
	return hin_fail(err, code, "unknown %s \"%.60s\"; did you mean \"%s%s\"?", what, s->wanted,
			before, s->best);
}
