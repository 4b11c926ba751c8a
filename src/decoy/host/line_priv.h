/*
 * line - the items of a list of settings that are lines of words, such as those of /etc/passwd.
 *
 *	struct line_reader in = { .file = ..., .setting = "users", .form = "NAME UID", ... };
 *
 *	while (line_next(&in)) {
 *		uid = line_number(&in, 1, "user ID", 0, 65535);
 *		...
 *	}
 *	return in.code;
 *
 * A failure is sticky: line_next() ends, and `err` says file, line, setting and rule.
 *
 * Ownership: words live in the reader's arena.
 * Threads:   one thread at a time for each reader.
 */
#pragma once
#include "base/arena.h"
#include "base/config.h"

#define LINE_WORDS 12

struct line_reader {
	struct hin_arena *arena;
	const char *file, *setting;
	const char *form;     /* for messages: "PORT SERVICE" */
	char separator;	      /* between words; 0: any spaces */
	unsigned least, most; /* words; the last of `most` is all that is left */
	const struct hin_config_list *list;
	struct hin_error *err;
	/* of the line that was read */
	size_t at; /* number of it, from 1 */
	char *words[LINE_WORDS];
	unsigned count;
	enum hin_code code;
};

/* Read the next one; false at the end, or when something failed. */
bool line_next(struct line_reader *in);

/* Refuse the line: "file:line: setting: ...". */
void line_fail(struct line_reader *in, enum hin_code code, const char *fmt, ...) HIN_PRINTF(3, 4);

/* Word `index` as a number; 0 and a failure when it is none of `min` to `max`. */
uint64_t line_number(struct line_reader *in, unsigned index, const char *what, uint64_t min,
		     uint64_t max);

/* Word `index` as one of `choices`, which end with NULL; 0 and a failure when it is none. */
unsigned line_choice(struct line_reader *in, unsigned index, const char *what,
		     const char *const *choices);

/* Word `index`; NULL for "-", and when the line has none. */
const char *line_word(const struct line_reader *in, unsigned index);

/*
 * The bytes that the text of word `index` means, with \n, \r, \t, \\, \" and \xNN; in the arena.
 * NULL and a failure otherwise. `\?` is a byte that is chosen anew each time: `*chosen` has a 1 for
 * it, or is NULL when there is none.
 */
const uint8_t *line_bytes(struct line_reader *in, unsigned index, size_t *size,
			  const uint8_t **chosen);
