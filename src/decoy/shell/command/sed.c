/* sed - the stream editor (POSIX.1-2017, XCU sed), with what GNU's adds in daily use. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

#define EXPRESSIONS 64
#define COMMANDS 256

struct address {
	enum {
		ADDRESS_NONE,
		ADDRESS_LINE,
		ADDRESS_LAST,
		ADDRESS_MATCH,
		ADDRESS_STEP,
		ADDRESS_COUNT
	} type;
	unsigned long line, step;
	int expression; /* -1: the last one that was used */
};

struct edit {
	struct address from, to;
	bool not, inside; /* a range that has begun */
	unsigned long end;
	char command;
	int expression;
	const char *text;  /* to insert; of s: the replacement; of y: what it becomes; of b and t:
			      where */
	const char *other; /* of y: what is replaced */
	bool all, print;
	unsigned long number; /* of s: which match; of q: the status */
	const char *file;     /* of w and r */
	int block_end;	      /* of "{": behind its "}" */
};

struct sed {
	struct call *call;
	struct process *p;
	regex_t *expressions;
	int expression_count, last;
	struct edit *edits;
	int count;
	bool quiet, extended, in_place, separate;
	const char *at; /* in the script */
	bool wrong;
	struct lines lines;
	struct growing pattern, hold, after;
	unsigned long line;
	bool ended, has_next, next_newline, newline;
	struct growing next;
	struct file *out;
	int status;
};

static void wrong(struct sed *s, const char *what)
{
	if (s->wrong)
		return;
	s->wrong = true;
	if (is_busybox(s->p))
		(void)complain(s->call, "%s", what);
	else
		(void)complain(s->call, "-e expression #1, char %d: %s", 0, what);
}

/* ---- the script ---- */

/* Text up to an unescaped `end`; a newline stays "\n", an escaped `end` loses its backslash. */
static char *until(struct sed *s, char end, bool expression)
{
	struct growing made = { 0 };
	bool bracket = false;

	for (; *s->at != '\0' && (*s->at != end || bracket); s->at++) {
		if (*s->at == '\\' && s->at[1] != '\0' && !bracket) {
			s->at++;
			if (*s->at == end && end != '&') {
				if (expression && strchr("|+?(){}.*[]^$", end) != NULL)
					grow_char(s->p, &made, '\\');
				grow_char(s->p, &made, end);
			} else if (*s->at == 'n' && expression) {
				grow_char(s->p, &made, '\n');
			} else if (*s->at == 't') {
				grow_char(s->p, &made, '\t');
			} else {
				grow_char(s->p, &made, '\\');
				grow_char(s->p, &made, *s->at);
			}
			continue;
		}
		if (expression && *s->at == '[' && !bracket) {
			bracket = true;
			grow_char(s->p, &made, '[');
			if (s->at[1] == '^')
				grow_char(s->p, &made, *++s->at);
			if (s->at[1] == ']')
				grow_char(s->p, &made, *++s->at);
			continue;
		}
		if (*s->at == ']')
			bracket = false;
		grow_char(s->p, &made, *s->at);
	}
	if (*s->at != end) {
		wrong(s, is_busybox(s->p) ? "unmatched '/'" : "unterminated `s' command");
		return made.data;
	}
	s->at++;
	grow(s->p, &made, "", 0);
	return made.data;
}

static int compile(struct sed *s, const char *pattern, bool fold)
{
	unsigned braces = 0;

	if (pattern == NULL || s->wrong)
		return -1;
	if (pattern[0] == '\0')
		return -1;
	for (const char *c = pattern; *c != '\0'; c++)
		braces += *c == '{';
	if (s->expression_count == EXPRESSIONS || strlen(pattern) > 512 || braces > 2 ||
	    regcomp(&s->expressions[s->expression_count], pattern,
		    (s->extended ? REG_EXTENDED : 0) | (fold ? REG_ICASE : 0)) != 0) {
		wrong(s, "Invalid preceding regular expression");
		return -1;
	}
	regex_kept(s->p, s->expressions, (size_t)++s->expression_count);
	return s->expression_count - 1;
}

static void read_address(struct sed *s, struct address *a)
{
	char *end;

	*a = (struct address){ .type = ADDRESS_NONE, .expression = -1 };
	if (isdigit((unsigned char)*s->at)) {
		a->type = ADDRESS_LINE;
		a->line = strtoul(s->at, &end, 10);
		s->at = end;
		if (*s->at == '~') {
			a->type = ADDRESS_STEP;
			a->step = strtoul(s->at + 1, &end, 10);
			s->at = end;
		}
	} else if (*s->at == '$') {
		a->type = ADDRESS_LAST;
		s->at++;
	} else if (*s->at == '+' && isdigit((unsigned char)s->at[1])) {
		a->type = ADDRESS_COUNT;
		a->line = strtoul(s->at + 1, &end, 10);
		s->at = end;
	} else if (*s->at == '/' || *s->at == '\\') {
		char mark = *s->at == '\\' ? *++s->at : '/';
		char *pattern;

		if (mark == '\0' || mark == '\n') {
			wrong(s, "unterminated address regex");
			return;
		}
		s->at++;
		a->type = ADDRESS_MATCH;
		pattern = until(s, mark, true);
		a->expression = compile(s, pattern, *s->at == 'I');
		s->at += *s->at == 'I';
	}
}

static void skip_spaces(struct sed *s)
{
	while (*s->at == ' ' || *s->at == '\t')
		s->at++;
}

/* The rest of the line, as a name or a text. */
static char *rest(struct sed *s, const char *ends)
{
	size_t size;
	char *text;

	skip_spaces(s);
	size = strcspn(s->at, ends);
	text = text_of(s->p, s->at, size);
	s->at += size;
	while (size > 0 && ends[0] != '\n' && isspace((unsigned char)text[size - 1]))
		text[--size] = '\0';
	return text;
}

/* The text of a, i and c: behind "\" and newline, or on the same line. */
static char *insertion(struct sed *s)
{
	struct growing made = { 0 };

	skip_spaces(s);
	if (*s->at == '\\') {
		s->at++;
		skip_spaces(s);
		if (*s->at == '\n')
			s->at++;
	}
	for (; *s->at != '\0' && *s->at != '\n'; s->at++) {
		if (*s->at == '\\' && s->at[1] != '\0')
			s->at++;
		grow_char(s->p, &made, *s->at);
	}
	grow_char(s->p, &made, '\n');
	return made.data;
}

static void read_substitution(struct sed *s, struct edit *e)
{
	char mark = *s->at, *pattern;
	bool fold = false, more = true;

	if (mark == '\0' || mark == '\n' || mark == '\\') {
		wrong(s, "unterminated `s' command");
		return;
	}
	s->at++;
	pattern = until(s, mark, true);
	if (!s->wrong)
		e->text = until(s, mark, false);
	while (more && !s->wrong) {
		switch (*s->at) {
		case 'g':
			e->all = true;
			break;
		case 'p':
			e->print = true;
			break;
		case 'i':
		case 'I':
			fold = true;
			break;
		case 'e':
		case 'm':
		case 'M':
			break;
		case 'w':
			s->at++;
			e->file = rest(s, "\n");
			more = false;
			continue;
		default:
			if (isdigit((unsigned char)*s->at)) {
				char *end;

				e->number = strtoul(s->at, &end, 10);
				s->at = end - 1;
				break;
			}
			more = false;
			continue;
		}
		s->at++;
	}
	if (more == false && *s->at != '\0' && strchr(" \t\n;}", *s->at) == NULL && e->file == NULL)
		wrong(s, is_busybox(s->p) ? "bad option in substitution expression"
					  : "unknown option to `s'");
	e->expression = compile(s, pattern, fold);
}

/* The addresses of a command, and what turns them round. */
static void read_addresses(struct sed *s, struct edit *e)
{
	read_address(s, &e->from);
	skip_spaces(s);
	if (*s->at == ',' && e->from.type != ADDRESS_NONE) {
		s->at++;
		skip_spaces(s);
		read_address(s, &e->to);
		if (e->to.type == ADDRESS_NONE)
			wrong(s, "unexpected `,'");
	}
	skip_spaces(s);
	while (*s->at == '!') {
		e->not = true;
		s->at++;
		skip_spaces(s);
	}
}

/* "{" and "}": which belong together. */
static void read_block(struct sed *s, const struct edit *e, int *open, int *depth)
{
	if (e->command == '{' && *depth < 16)
		open[(*depth)++] = s->count;
	else if (e->command == '}' && *depth > 0)
		s->edits[open[--*depth]].block_end = s->count;
	else
		wrong(s, e->command == '{' ? "unmatched `{'" : "unexpected `}'");
}

static void read_transliteration(struct sed *s, struct edit *e)
{
	char mark = *s->at;

	if (mark == '\0' || mark == '\n' || mark == '\\') {
		wrong(s, "unterminated `y' command");
		return;
	}
	s->at++;
	e->other = until(s, mark, false);
	e->text = s->wrong ? NULL : until(s, mark, false);
	if (!s->wrong && strlen(e->other) != strlen(e->text))
		wrong(s, "strings for `y' command are different lengths");
}

static void read_edit(struct sed *s, int *open, int *depth)
{
	struct edit *e = &s->edits[s->count];
	char *end;

	*e = (struct edit){ .expression = -1 };
	read_addresses(s, e);
	if (s->wrong)
		return;
	e->command = *s->at;
	if (e->command == '\0') {
		wrong(s, "missing command");
		return;
	}
	s->at++;
	if (e->command == '#') {
		(void)rest(s, "\n");
		return;
	}
	if (strchr("{}", e->command) != NULL) {
		read_block(s, e, open, depth);
	} else if (e->command == 's') {
		read_substitution(s, e);
	} else if (e->command == 'y') {
		read_transliteration(s, e);
	} else if (strchr("aic", e->command) != NULL) {
		e->text = insertion(s);
	} else if (strchr(":btT", e->command) != NULL) {
		e->text = rest(s, e->command == ':' ? "\n;" : "\n;}");
	} else if (strchr("rw", e->command) != NULL) {
		e->file = rest(s, "\n");
	} else if (strchr("qQl", e->command) != NULL) {
		skip_spaces(s);
		e->number = strtoul(s->at, &end, 10);
		s->at = end;
	} else if (strchr("dDpPnNgGhHx=", e->command) == NULL) {
		wrong(s, is_busybox(s->p) ? format_of(s->p, "unsupported command %c", e->command)
					  : format_of(s->p, "unknown command: `%c'", e->command));
	}
	s->count += !s->wrong;
}

static void read_script(struct sed *s, const char *script, int *open, int *depth)
{
	s->at = script;
	while (!s->wrong) {
		s->at += strspn(s->at, " \t\n;");
		if (*s->at == '\0')
			return;
		if (s->count == COMMANDS) {
			wrong(s, "too many commands");
			return;
		}
		read_edit(s, open, depth);
		skip_spaces(s);
		if (!s->wrong && *s->at != '\0' && strchr("\n;}#", *s->at) == NULL &&
		    s->count > 0 && strchr("{}", s->edits[s->count - 1].command) == NULL)
			wrong(s, "extra characters after command");
	}
}

/* ---- lines ---- */

static void put(struct sed *s, const char *text, size_t size)
{
	if (size > 0)
		(void)file_write(s->p, s->out, text, size);
}

static void put_pattern(struct sed *s)
{
	put(s, s->pattern.data, s->pattern.size);
	if (s->newline || s->has_next)
		put(s, "\n", 1);
}

/* What a and r wanted behind the line. */
static void put_after(struct sed *s)
{
	put(s, s->after.data, s->after.size);
	s->after.size = 0;
}

static void look_ahead(struct sed *s)
{
	s->has_next = s->separate ? line_of_file(&s->lines) : lines_next(&s->lines);
	s->next.size = 0;
	if (s->has_next) {
		grow(s->p, &s->next, s->lines.line.data, s->lines.line.size);
		s->next_newline = s->lines.newline;
	}
}

/* The next line into the pattern space; with `join`, behind what is there. */
static bool next_line(struct sed *s, bool join)
{
	if (!s->has_next)
		return false;
	if (join)
		grow_char(s->p, &s->pattern, '\n');
	else
		s->pattern.size = 0;
	grow(s->p, &s->pattern, s->next.data, s->next.size);
	s->newline = s->next_newline;
	s->line++;
	look_ahead(s);
	return true;
}

/* ---- what commands do ---- */

static bool matches(struct sed *s, int expression, size_t from, regmatch_t *found, size_t count)
{
	if (expression < 0)
		expression = s->last;
	if (expression < 0)
		return false;
	s->last = expression;
	grow(s->p, &s->pattern, "", 0);
	if (regexec(&s->expressions[expression], s->pattern.data + from, count, found,
		    from > 0 ? REG_NOTBOL : 0) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (found[i].rm_so >= 0) {
			found[i].rm_so += (regoff_t)from;
			found[i].rm_eo += (regoff_t)from;
		}
	return true;
}

static bool is_at(struct sed *s, const struct address *a)
{
	regmatch_t found[1];

	switch (a->type) {
	case ADDRESS_LINE:
		return s->line == a->line;
	case ADDRESS_LAST:
		return !s->has_next;
	case ADDRESS_MATCH:
		return matches(s, a->expression, 0, found, 1);
	case ADDRESS_STEP:
		return a->step == 0 ? s->line == a->line
				    : s->line >= a->line && (s->line - a->line) % a->step == 0;
	default:
		return true;
	}
}

static bool is_selected(struct sed *s, struct edit *e)
{
	bool selected;

	if (e->to.type == ADDRESS_NONE) {
		selected = is_at(s, &e->from);
	} else if (e->inside) {
		selected = true;
		if (e->to.type == ADDRESS_LINE || e->to.type == ADDRESS_COUNT) {
			if (s->line >= e->end)
				e->inside = false;
			selected = s->line <= e->end;
		} else if (is_at(s, &e->to)) {
			e->inside = false;
		}
	} else {
		selected = is_at(s, &e->from);
		if (selected) {
			e->end = e->to.type == ADDRESS_COUNT ? s->line + e->to.line : e->to.line;
			e->inside = e->to.type == ADDRESS_LINE || e->to.type == ADDRESS_COUNT
					    ? e->end > s->line
					    : e->to.type != ADDRESS_LAST || s->has_next;
		}
	}
	return selected != e->not ;
}

/* The replacement of one match. */
static void put_replacement(struct sed *s, struct growing *made, const char *text,
			    const regmatch_t *found)
{
	for (; *text != '\0'; text++) {
		int group = -1;

		if (*text == '&') {
			group = 0;
		} else if (*text == '\\' && text[1] != '\0') {
			text++;
			if (isdigit((unsigned char)*text))
				group = *text - '0';
			else if (*text == 'n')
				grow_char(s->p, made, '\n');
			else
				grow_char(s->p, made, *text);
			if (group < 0)
				continue;
		} else {
			grow_char(s->p, made, *text);
			continue;
		}
		if (found[group].rm_so >= 0)
			grow(s->p, made, s->pattern.data + found[group].rm_so,
			     (size_t)(found[group].rm_eo - found[group].rm_so));
	}
}

static bool substitute(struct sed *s, const struct edit *e)
{
	struct growing made = { 0 };
	regmatch_t found[10];
	size_t at = 0;
	unsigned long number = 0;
	bool any = false;

	while (at <= s->pattern.size && matches(s, e->expression, at, found, 10)) {
		size_t from = (size_t)found[0].rm_so, to = (size_t)found[0].rm_eo;

		step(s->p);
		grow(s->p, &made, s->pattern.data + at, from - at);
		if (++number >= (e->number > 0 ? e->number : 1)) {
			put_replacement(s, &made, e->text, found);
			any = true;
		} else {
			grow(s->p, &made, s->pattern.data + from, to - from);
		}
		at = to;
		if (to == from) { /* nothing was matched: go on behind the next character */
			if (at < s->pattern.size)
				grow_char(s->p, &made, s->pattern.data[at]);
			at++;
		}
		if (any && !e->all)
			break;
	}
	if (!any)
		return false;
	if (at < s->pattern.size)
		grow(s->p, &made, s->pattern.data + at, s->pattern.size - at);
	grow(s->p, &made, "", 0);
	s->pattern = made;
	return true;
}

static int find_label(const struct sed *s, const char *label)
{
	for (int i = 0; label[0] != '\0' && i < s->count; i++)
		if (s->edits[i].command == ':' && strcmp(s->edits[i].text, label) == 0)
			return i;
	return s->count;
}

static void put_file(struct sed *s, const char *path, bool append, const char *text, size_t size)
{
	struct file *file;

	if (strcmp(path, "/dev/stdout") == 0) {
		out(s->p, 1, text, size);
		return;
	}
	if (file_open(s->p, path, OPEN_WRITE | OPEN_CREATE | (append ? OPEN_APPEND : OPEN_TRUNCATE),
		      0666, &file) != 0)
		return;
	(void)file_owned(s->p, file);
	(void)file_write(s->p, file, text, size);
	file_done(s->p, file);
}

enum next_step { NEXT_EDIT, /* of the same line */ NEXT_LINE, NEXT_DELETED, NEXT_AGAIN, NEXT_QUIT };

/* h, H, g, G and x: between the pattern space and the hold space. */
static void use_hold(struct sed *s, char command)
{
	struct growing *from = &s->pattern, *to = &s->hold;

	if (command == 'x') {
		struct growing swap = s->pattern;

		s->pattern = s->hold;
		s->hold = swap;
		return;
	}
	if (command == 'g' || command == 'G') {
		from = &s->hold;
		to = &s->pattern;
	}
	if (isupper((unsigned char)command))
		grow_char(s->p, to, '\n');
	else
		to->size = 0;
	grow(s->p, to, from->data, from->size);
}

/* r: a file that comes behind the line; one that cannot be read is none. */
static void queue_file(struct sed *s, const char *path)
{
	struct file *file;
	size_t size;
	char *text;

	if (file_open(s->p, path, OPEN_READ, 0, &file) != 0)
		return;
	(void)file_owned(s->p, file);
	text = file_slurp(s->p, file, &size);
	file_done(s->p, file);
	grow(s->p, &s->after, text, size);
}

/* The first line of the pattern space: where its newline is, or NULL. */
static char *first_end(const struct sed *s)
{
	return s->pattern.size > 0 ? memchr(s->pattern.data, '\n', s->pattern.size) : NULL;
}

static void put_unless_quiet(struct sed *s)
{
	if (!s->quiet)
		put_pattern(s);
}

/* The commands that end the line's way, or bring another line. */
static enum next_step move_on(struct sed *s, const struct edit *e)
{
	char *end = first_end(s);

	switch (e->command) {
	case 'D':
		if (end == NULL)
			return NEXT_DELETED;
		s->pattern.size -= (size_t)(end + 1 - s->pattern.data);
		memmove(s->pattern.data, end + 1, s->pattern.size + 1);
		return NEXT_AGAIN;
	case 'q':
	case 'Q':
		s->status = (int)e->number;
		if (e->command == 'Q')
			return NEXT_QUIT;
		put_unless_quiet(s);
		put_after(s);
		return NEXT_QUIT;
	case 'n':
	case 'N':
		if (!s->has_next || e->command == 'n')
			put_unless_quiet(s);
		if (!s->has_next)
			return NEXT_QUIT;
		if (e->command == 'n')
			put_after(s);
		(void)next_line(s, e->command == 'N');
		return NEXT_EDIT;
	default:
		return NEXT_DELETED;
	}
}

/* y: letter for letter. */
static void transliterate(struct sed *s, const struct edit *e)
{
	for (size_t i = 0; i < s->pattern.size; i++) {
		const char *found = strchr(e->other, s->pattern.data[i]);

		if (found != NULL && s->pattern.data[i] != '\0')
			s->pattern.data[i] = e->text[found - e->other];
	}
}

/* s, with what its flags say; did it replace anything? */
static bool replace(struct sed *s, struct edit *e)
{
	if (!substitute(s, e))
		return false;
	if (e->print)
		put_pattern(s);
	if (e->file != NULL)
		put_file(s, e->file, true, format_of(s->p, "%s\n", s->pattern.data),
			 s->pattern.size + 1);
	return true;
}

/* The commands that show or change something, and go on. */
static void edit_line(struct sed *s, struct edit *e)
{
	const char *end = first_end(s), *text;

	switch (e->command) {
	case 'p':
		put_pattern(s);
		break;
	case 'P':
		put(s, s->pattern.data,
		    end != NULL ? (size_t)(end - s->pattern.data) : s->pattern.size);
		put(s, "\n", 1);
		break;
	case 'a':
		grow_text(s->p, &s->after, e->text);
		break;
	case 'i':
		put(s, e->text, strlen(e->text));
		break;
	case 'y':
		transliterate(s, e);
		break;
	case '=':
		text = format_of(s->p, "%lu\n", s->line);
		put(s, text, strlen(text));
		break;
	case 'h':
	case 'H':
	case 'g':
	case 'G':
	case 'x':
		use_hold(s, e->command);
		break;
	case 'w':
		put_file(s, e->file, s->line > 1,
			 format_of(s->p, "%.*s\n", (int)s->pattern.size, s->pattern.data),
			 s->pattern.size + 1);
		break;
	case 'r':
		queue_file(s, e->file);
		break;
	default:
		break;
	}
}

/* All commands for one line. */
static enum next_step run_line(struct sed *s)
{
	bool replaced = false;

	for (int at = 0; at < s->count; at++) {
		struct edit *e = &s->edits[at];
		enum next_step next = NEXT_EDIT;

		step(s->p);
		if (e->command == '}' || e->command == ':')
			continue;
		if (!is_selected(s, e)) {
			if (e->command == '{')
				at = e->block_end;
			continue;
		}
		if (strchr("dDqQnN", e->command) != NULL) {
			next = move_on(s, e);
		} else if (e->command == 'c') {
			if (e->to.type == ADDRESS_NONE || !e->inside || e->not )
				put(s, e->text, strlen(e->text));
			next = NEXT_DELETED;
		} else if (e->command == 's') {
			replaced |= replace(s, e);
		} else if (strchr("btT", e->command) != NULL) {
			if (e->command == 'b' || replaced == (e->command == 't'))
				at = find_label(s, e->text);
			replaced &= e->command == 'b';
		} else {
			edit_line(s, e);
		}
		if (next != NEXT_EDIT)
			return next;
	}
	return NEXT_LINE;
}

static bool run_script(struct sed *s)
{
	enum next_step next = NEXT_LINE;

	look_ahead(s);
	while (next == NEXT_AGAIN || next_line(s, false)) {
		next = run_line(s);
		if (next == NEXT_QUIT)
			return false;
		if (next == NEXT_LINE && !s->quiet)
			put_pattern(s);
		put_after(s);
		if (next == NEXT_AGAIN && s->pattern.size == 0)
			next = NEXT_LINE;
	}
	return true;
}

/* -i: each file is its own, and is written anew. */
static void run_in_place(struct sed *s, char **names)
{
	for (; *names != NULL; names++) {
		char *one[] = { *names, NULL };
		struct file *text = file_new(s->p, FILE_CAPTURE), *into;

		text->writable = true;
		s->out = file_owned(s->p, text);
		s->line = 0;
		s->separate = true;
		lines_begin(&s->lines, s->call, one);
		if (!lines_file(&s->lines)) {
			s->status = 1;
			file_done(s->p, text);
			continue;
		}
		(void)run_script(s);
		file_done(s->p, s->lines.file);
		s->lines.file = NULL;
		if (file_open(s->p, *names, OPEN_WRITE | OPEN_TRUNCATE, 0666, &into) == 0) {
			(void)file_owned(s->p, into);
			(void)file_write(s->p, into, hin_buffer_text(&text->text), text->text.used);
			file_done(s->p, into);
		}
		file_done(s->p, text);
	}
}

static int do_sed(struct call *call)
{
	struct process *p = call->p;
	struct sed *s = memory_of(p, sizeof(*s));
	struct options o = { .call = call };
	int letter, open[16], depth = 0;
	bool any = false;

	s->call = call;
	s->p = p;
	s->last = -1;
	s->expressions = memory_of(p, EXPRESSIONS * sizeof(*s->expressions));
	s->edits = memory_of(p, COMMANDS * sizeof(*s->edits));
	s->out = p->fds[1];
	while ((letter = option_next(&o, "ne:f:iErsuz")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'n':
			s->quiet = true;
			break;
		case 'E':
		case 'r':
			s->extended = true;
			break;
		case 'i':
			s->in_place = true;
			if (o.inside > 0) { /* a suffix */
				o.inside = 0;
				o.at++;
			}
			break;
		case 'e':
			read_script(s, o.value, open, &depth);
			any = true;
			break;
		case 'f': {
			struct file *file = open_input(call, o.value);
			size_t size;

			if (file == NULL)
				return 1;
			read_script(s, file_slurp(p, file, &size), open, &depth);
			file_done(p, file);
			any = true;
			break;
		}
		default:
			break;
		}
	}
	if (!any) {
		if (o.at >= call->argc) {
			errf(p, "Usage: sed [OPTION]... {script-only-if-no-other-script} "
				"[input-file]...\n");
			return 1;
		}
		read_script(s, call->argv[o.at++], open, &depth);
	}
	if (depth > 0)
		wrong(s, "unmatched `{'");
	if (s->wrong) {
		regex_done(p, s->expressions);
		return 1;
	}
	if (s->in_place) {
		run_in_place(s, call->argv + o.at);
	} else {
		lines_begin(&s->lines, call, call->argv + o.at);
		(void)run_script(s);
		file_done(p, s->lines.file);
		if (s->status == 0 && s->lines.status != 0)
			s->status = is_busybox(p) ? 1 : 2;
	}
	regex_done(p, s->expressions);
	return s->status;
}

const struct command sed_commands[] = {
	{ "sed", do_sed, false },
	{ NULL, NULL, false },
};
