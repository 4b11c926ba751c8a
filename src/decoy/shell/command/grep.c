/* grep - grep and its kin. */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/* A pattern that could make the matcher use gigabytes is refused. */
static bool is_modest(const char *pattern)
{
	unsigned braces = 0;

	for (const char *c = pattern; *c != '\0'; c++)
		braces += *c == '{';
	return strlen(pattern) <= 512 && braces <= 2;
}

struct grepping {
	regex_t expressions[16];
	const char *words[16];
	size_t count;
	bool fixed, fold, whole_line, word;
};

static bool fixed_matches(const struct grepping *g, const char *line, const char *word)
{
	if (g->whole_line)
		return (g->fold ? strcasecmp(line, word) : strcmp(line, word)) == 0;
	return (g->fold ? strcasestr(line, word) : strstr(line, word)) != NULL;
}

static bool is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Does the line match any? Where: from `*from`, `*size` bytes. */
static bool grep_matches(const struct grepping *g, const char *line, size_t start, size_t *from,
			 size_t *size)
{
	for (size_t i = 0; i < g->count; i++) {
		regmatch_t match;
		const char *at = line + start, *found = NULL;
		int flags = start > 0 ? REG_NOTBOL : 0;

		if (g->fixed) {
			if (g->whole_line ? fixed_matches(g, line, g->words[i])
					  : (found = g->fold ? strcasestr(at, g->words[i])
							     : strstr(at, g->words[i])) != NULL) {
				*from = g->whole_line ? 0 : (size_t)(found - line);
				*size = strlen(g->words[i]);
				return true;
			}
			continue;
		}
		while (regexec(&g->expressions[i], at, 1, &match, flags) == 0) {
			size_t begin = (size_t)(at - line) + (size_t)match.rm_so,
			       end = (size_t)(at - line) + (size_t)match.rm_eo;
			bool good = true;

			if (g->whole_line)
				good = begin == 0 && line[end] == '\0';
			if (g->word)
				good = (begin == 0 || !is_word_character(line[begin - 1])) &&
				       !is_word_character(line[end]);
			if (good) {
				*from = begin;
				*size = end - begin;
				return true;
			}
			if (match.rm_eo == 0 || at[match.rm_so] == '\0' || g->whole_line)
				break;
			at += match.rm_so + 1;
			flags = REG_NOTBOL;
		}
	}
	return false;
}

static bool grep_add(struct grepping *g, struct call *call, const char *pattern, bool extended)
{
	char text[600];
	int code;

	if (g->count == HIN_COUNT(g->words) || !is_modest(pattern)) {
		(void)complain(call, "Regular expression too big");
		return false;
	}
	g->words[g->count] = pattern;
	if (g->fixed) {
		g->count++;
		return true;
	}
	snprintf(text, sizeof(text), "%s", pattern);
	code = regcomp(&g->expressions[g->count], text,
		       (extended ? REG_EXTENDED : 0) | (g->fold ? REG_ICASE : 0));
	if (code != 0) {
		char why[128];

		regerror(code, &g->expressions[g->count], why, sizeof(why));
		if (is_busybox(call->p))
			(void)complain(call, "bad regex '%s': %s", pattern, why);
		else
			(void)complain(call, "%s", why);
		return false;
	}
	g->count++;
	return true;
}

static bool grep_add_lines(struct grepping *g, struct call *call, const char *patterns,
			   bool extended)
{
	while (*patterns != '\0' || g->count == 0) {
		size_t size = strcspn(patterns, "\n");

		if (!grep_add(g, call, text_of(call->p, patterns, size), extended))
			return false;
		patterns += size + (patterns[size] == '\n');
		if (size == 0)
			break;
	}
	return true;
}

/* The regular expressions are the only memory here that is no process'; so nothing may die between.
 */
struct grep_options {
	bool extended, invert, count, list, list_without, quiet, only, number, names, no_names,
		recursive, silent;
	unsigned long most;
};

static int grep_files(struct call *call, const struct grepping *g, const struct grep_options *o,
		      char **names)
{
	struct process *p = call->p;
	struct lines l;
	bool any = false, several = (names[0] != NULL && names[1] != NULL) || o->names;
	int status = 0;

	if (o->no_names)
		several = false;
	lines_begin(&l, call, names);
	while (lines_file(&l)) {
		unsigned long hits = 0, line = 0;
		struct file *this = l.file;
		const char *shown = strcmp(l.name, "-") == 0 ? "(standard input)" : l.name;

		while (l.file == this && (o->most == 0 || hits < o->most)) {
			size_t from = 0, size = 0;
			const char *text;
			bool matches;

			if (!line_of_file(&l))
				break;
			line++;
			text = l.line.data != NULL ? l.line.data : "";
			matches = grep_matches(g, text, 0, &from, &size);
			if (matches == o->invert)
				continue;
			hits++;
			any = true;
			if (o->quiet)
				return 0;
			if (o->count || o->list || o->list_without) {
				if (o->list)
					break;
				continue;
			}
			for (;;) {
				if (o->only && (o->invert || size == 0))
					break;
				if (several)
					outf(p, "%s:", shown);
				if (o->number)
					outf(p, "%lu:", line);
				if (!o->only) {
					outf(p, "%s\n", text);
					break;
				}
				outf(p, "%.*s\n", (int)size, text + from);
				if (!grep_matches(g, text, from + size, &from, &size))
					break;
			}
		}
		if (o->count && several)
			outf(p, "%s:%lu\n", shown, hits);
		else if (o->count)
			outf(p, "%lu\n", hits);
		if ((o->list && hits > 0) || (o->list_without && hits == 0))
			outf(p, "%s\n", shown);
	}
	if (l.status != 0)
		status = 2;
	return any && status == 0 ? 0 : status != 0 ? status : 1;
}

static int do_grep(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct grepping *g = memory_of(p, sizeof(*g));
	struct grep_options how = { .extended = call->argv[0][0] == 'e' };
	const char *patterns[8];
	size_t count = 0;
	int letter, status;

	g->fixed = call->argv[0][0] == 'f';
	while ((letter = option_next(&o, "EFGivclLqonshHrRwxe:f:m:A:B:C:aI")) != -1) {
		switch (letter) {
		case '?':
			return 2;
		case 'E':
			how.extended = true;
			break;
		case 'F':
			g->fixed = true;
			break;
		case 'i':
			g->fold = true;
			break;
		case 'v':
			how.invert = true;
			break;
		case 'c':
			how.count = true;
			break;
		case 'l':
			how.list = true;
			break;
		case 'L':
			how.list_without = true;
			break;
		case 'q':
			how.quiet = true;
			break;
		case 'o':
			how.only = true;
			break;
		case 'n':
			how.number = true;
			break;
		case 'h':
			how.no_names = true;
			break;
		case 'H':
			how.names = true;
			break;
		case 'w':
			g->word = true;
			break;
		case 'x':
			g->whole_line = true;
			break;
		case 'e':
			if (count < HIN_COUNT(patterns))
				patterns[count++] = o.value;
			break;
		case 'm':
			how.most = strtoul(o.value, NULL, 10);
			break;
		default:
			break;
		}
	}
	if (count == 0) {
		if (o.at >= call->argc) {
			errf(p, "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for "
				"more information.\n");
			return 2;
		}
		patterns[count++] = call->argv[o.at++];
	}
	for (size_t i = 0; i < count; i++)
		if (!grep_add_lines(g, call, patterns[i], how.extended)) {
			while (!g->fixed && g->count > 0)
				regfree(&g->expressions[--g->count]);
			return 2;
		}
	if (!g->fixed)
		regex_kept(p, g->expressions, g->count);
	status = grep_files(call, g, &how, call->argv + o.at);
	regex_done(p, g->expressions);
	return status;
}

const struct command grep_commands[] = {
	{ "egrep", do_grep, false },
	{ "fgrep", do_grep, false },
	{ "grep", do_grep, false },
	{ NULL, NULL, false },
};
