/* brace - {a,b} and {1..5} of bash: one word becomes several before anything else is expanded. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

#define WORDS 4096 /* that one becomes */
#define DEPTH 16

/* Where the brace that opens at `at` closes; NULL: nowhere. `*comma` when there is one in it. */
static const char *closing(const char *at, bool *comma)
{
	unsigned depth = 0;

	*comma = false;
	for (; *at != '\0'; at++) {
		if (*at == '{')
			depth++;
		else if (*at == '}' && --depth == 0)
			return at;
		else if (*at == ',' && depth == 1)
			*comma = true;
	}
	return NULL;
}

/* {1..5}, {a..e}: the places between two; false when it is none. */
static bool add_range(struct process *p, struct fields *out, const char *before, const char *inside,
		      size_t size, const char *behind)
{
	char *text = text_of(p, inside, size), *end;
	const char *dots = strstr(text, "..");
	long from, to, by;
	bool letters;

	if (dots == NULL)
		return false;
	letters = isalpha((unsigned char)text[0]) && dots == text + 1 &&
		  isalpha((unsigned char)dots[2]) && dots[3] == '\0';
	from = letters ? text[0] : strtol(text, &end, 10);
	if (!letters && (end != dots || end == text))
		return false;
	to = letters ? dots[2] : strtol(dots + 2, &end, 10);
	if (!letters && (*end != '\0' || end == dots + 2))
		return false;
	by = from <= to ? 1 : -1;
	for (long n = from;; n += by) {
		if (out->count >= WORDS)
			shell_fail(p, 2, "brace expansion: too many words");
		fields_add(p, out,
			   letters ? format_of(p, "%s%c%s", before, (char)n, behind)
				   : format_of(p, "%s%ld%s", before, n, behind));
		step(p);
		if (n == to)
			return true;
	}
}

/* The words of one text, those of its first brace after another. */
static void add_words(struct process *p, struct fields *out, const char *text, unsigned depth)
{
	for (const char *open = strchr(text, '{'); open != NULL; open = strchr(open + 1, '{')) {
		bool comma;
		const char *close = closing(open, &comma), *from = open + 1;
		char *before = text_of(p, text, (size_t)(open - text));
		unsigned inside = 0;

		if (close == NULL || depth > DEPTH)
			break;
		if (!comma) {
			struct fields range = { 0 };

			if (!add_range(p, &range, before, open + 1, (size_t)(close - open) - 1,
				       close + 1))
				continue;
			for (size_t i = 0; i < range.count; i++)
				add_words(p, out, range.items[i], depth + 1);
			return;
		}
		for (const char *c = open + 1; c <= close; c++) {
			inside += *c == '{';
			if (*c == '}' && inside > 0) {
				inside--;
				continue;
			}
			if (inside > 0 || (*c != ',' && c != close))
				continue;
			add_words(
				p, out,
				format_of(p, "%s%.*s%s", before, (int)(c - from), from, close + 1),
				depth + 1);
			from = c + 1;
		}
		return;
	}
	if (out->count >= WORDS)
		shell_fail(p, 2, "brace expansion: too many words");
	step(p);
	fields_add(p, out, text_of(p, text, strlen(text)));
}

bool expand_braces(struct process *p, const struct hin_word *word, struct fields *fields)
{
	const struct hin_part *part = word->parts;
	struct fields words = { 0 };
	char *text;

	if (part == NULL || part->next != NULL || part->type != HIN_PART_TEXT || part->quoted)
		return false;
	text = text_of(p, part->text, part->size);
	if (strchr(text, '{') == NULL || strchr(text, '}') == NULL)
		return false;
	add_words(p, &words, text, 0);
	if (words.count == 1)
		return false;
	for (size_t i = 0; i < words.count; i++) {
		struct hin_part one = { .type = HIN_PART_TEXT,
					.text = words.items[i],
					.size = strlen(words.items[i]) };
		struct hin_word made = { .parts = &one };

		expand(p, &made, fields);
	}
	return true;
}
