/* expand - words become fields: parameters, substitutions, splitting, names of files (XCU 2.6). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

/* What is known of each character of an expansion. */
enum mark {
	MARK_PLAIN,
	MARK_QUOTED,
	MARK_SPLIT,   /* of an expansion outside of quotes: IFS splits there */
	MARK_NOTHING, /* no character: something quoted was here, so that an empty field stays */
	MARK_BREAK,   /* no character: a field ends, as between those of "$@" */
};

struct expansion {
	char *text;
	uint8_t *marks;
	size_t size, room;
};

static void put(struct process *p, struct expansion *e, char c, enum mark mark)
{
	if (e->size == e->room) {
		size_t room = e->room == 0 ? 64 : e->room * 2;
		char *text = memory_of(p, room);
		uint8_t *marks = memory_of(p, room);

		if (e->size > 0) {
			memcpy(text, e->text, e->size);
			memcpy(marks, e->marks, e->size);
		}
		e->text = text;
		e->marks = marks;
		e->room = room;
	}
	e->text[e->size] = c;
	e->marks[e->size++] = (uint8_t)mark;
}

static void put_text(struct process *p, struct expansion *e, const char *text, enum mark mark)
{
	for (; *text != '\0'; text++)
		put(p, e, *text, mark);
}

void fields_add(struct process *p, struct fields *fields, char *text)
{
	if (fields->count + 1 >= fields->room) {
		size_t room = fields->room == 0 ? 16 : fields->room * 2;
		char **items = memory_of(p, room * sizeof(*items));

		if (fields->count > 0)
			memcpy(items, fields->items, fields->count * sizeof(*items));
		fields->items = items;
		fields->room = room;
	}
	fields->items[fields->count++] = text;
	fields->items[fields->count] = NULL;
}

/* ---- patterns (XCU 2.13) ---- */

/* Pass over a "[...]" at `pattern`; NULL when it is none. `*matches` says whether `c` is in it. */
static const char *bracket(const char *pattern, unsigned char c, bool *matches)
{
	const char *at = pattern + 1;
	bool not = *at == '!' || *at == '^', any = false, first = true;

	if (not )
		at++;
	for (;; first = false) {
		unsigned char low, high;

		if (*at == '\0')
			return NULL;
		if (*at == ']' && !first)
			break;
		if (*at == '[' && at[1] == ':') {
			static const struct {
				const char *name;
				int (*is)(int c);
			} classes[] = {
				{ "alpha", isalpha }, { "digit", isdigit },   { "alnum", isalnum },
				{ "upper", isupper }, { "lower", islower },   { "space", isspace },
				{ "punct", ispunct }, { "print", isprint },   { "graph", isgraph },
				{ "cntrl", iscntrl }, { "xdigit", isxdigit }, { "blank", isblank },
			};
			const char *end = strstr(at + 2, ":]");

			if (end != NULL) {
				size_t size = (size_t)(end - at - 2);

				for (size_t i = 0; i < HIN_COUNT(classes); i++)
					if (strlen(classes[i].name) == size &&
					    strncmp(classes[i].name, at + 2, size) == 0)
						any |= classes[i].is(c) != 0;
				at = end + 2;
				continue;
			}
		}
		if (*at == '\\' && at[1] != '\0')
			at++;
		low = high = (unsigned char)*at++;
		if (*at == '-' && at[1] != ']' && at[1] != '\0') {
			at++;
			if (*at == '\\' && at[1] != '\0')
				at++;
			high = (unsigned char)*at++;
		}
		any |= c >= low && c <= high;
	}
	*matches = any != not ;
	return at + 1;
}

/* How many bytes the character at `text` has. */
static size_t character(const char *text)
{
	unsigned char c = (unsigned char)*text;
	size_t size = c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	for (size_t i = 1; i < size; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 1;
	return size;
}

bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *retry = NULL;

	/* only the last star has to be tried again: linear in practice, quadratic at worst */
	for (;;) {
		const char *after;
		bool matches = false;

		switch (*pattern) {
		case '*':
			star = ++pattern;
			retry = text;
			continue;
		case '?':
			if (*text != '\0') {
				pattern++;
				text += character(text);
				continue;
			}
			break;
		case '[':
			after = bracket(pattern, (unsigned char)*text, &matches);
			if (after != NULL) {
				if (*text != '\0' && matches) {
					pattern = after;
					text++;
					continue;
				}
				break;
			}
			if (*text == '[') {
				pattern++;
				text++;
				continue;
			}
			break;
		case '\0':
			if (*text == '\0')
				return true;
			break;
		case '\\':
			if (pattern[1] != '\0') {
				if (*text != '\0' && pattern[1] == *text) {
					pattern += 2;
					text++;
					continue;
				}
				break;
			}
			__attribute__((fallthrough));
		default:
			if (*pattern == *text) {
				pattern++;
				text++;
				continue;
			}
		}
		if (star == NULL || *retry == '\0')
			return false;
		retry += character(retry);
		pattern = star;
		text = retry;
	}
}

/* ---- parameters ---- */

/* The value of a parameter that is no list, or NULL; numbers are written to `space`. */
static const char *special_value(struct process *p, const char *name, char space[32])
{
	const struct frame *frame = p->frame;

	switch (name[0]) {
	case '?':
		snprintf(space, 32, "%d", p->status);
		return space;
	case '$':
		snprintf(space, 32, "%u", p->shell_pid);
		return space;
	case '!':
		if (p->last_job == 0)
			return NULL;
		snprintf(space, 32, "%u", p->last_job);
		return space;
	case '#':
		snprintf(space, 32, "%zu", frame->argument_count);
		return space;
	case '-': {
		static const char letters[] = "euxfCnav";
		size_t n = 0;

		for (unsigned i = 0; i < 8; i++)
			if (p->options & 1u << i)
				space[n++] = letters[i];
		space[n] = '\0';
		return space;
	}
	default:
		break;
	}
	if (isdigit((unsigned char)name[0])) {
		unsigned long number = strtoul(name, NULL, 10);

		if (number == 0)
			return p->name;
		return number <= frame->argument_count ? frame->arguments[number - 1] : NULL;
	}
	return variable_get(p, name);
}

static bool is_list(const char *name)
{
	return (name[0] == '@' || name[0] == '*') && name[1] == '\0';
}

static const char *ifs_of(const struct process *p)
{
	const char *ifs = variable_get(p, "IFS");

	return ifs != NULL ? ifs : " \t\n";
}

/* $@ and $*. `split` says that the fields of "$@" are wanted apart. */
static void put_list(struct process *p, struct expansion *e, const struct hin_part *part,
		     bool split)
{
	const struct frame *frame = p->frame;
	const char *ifs = ifs_of(p);
	bool all = part->text[0] == '*';
	enum mark mark = part->quoted ? MARK_QUOTED : MARK_SPLIT;

	if (part->quoted && all)
		put(p, e, 0, MARK_NOTHING);
	for (size_t i = 0; i < frame->argument_count; i++) {
		if (i > 0) {
			if (part->quoted && all) {
				if (ifs[0] != '\0')
					put(p, e, ifs[0], MARK_QUOTED);
			} else if (split) {
				put(p, e, 0, MARK_BREAK);
			} else {
				put(p, e, ' ', MARK_QUOTED);
			}
		}
		if (part->quoted && !all)
			put(p, e, 0, MARK_NOTHING);
		put_text(p, e, frame->arguments[i], mark);
	}
}

static void put_word(struct process *p, struct expansion *e, const struct hin_word *word,
		     bool quoted, bool split);

/* ${x#pattern} and its kin. */
static const char *cut(struct process *p, const char *value, enum hin_parameter_op op,
		       const char *pattern)
{
	bool prefix = op == HIN_PARAMETER_CUT_SHORT_PREFIX || op == HIN_PARAMETER_CUT_LONG_PREFIX;
	bool longest = op == HIN_PARAMETER_CUT_LONG_PREFIX || op == HIN_PARAMETER_CUT_LONG_SUFFIX;
	size_t size = strlen(value);
	char *work = text_of(p, value, size);

	for (size_t i = 0; i <= size; i++) {
		/* shortest first, or longest */
		size_t n = longest ? size - i : i;
		bool matches;

		if (i % 64 == 63)
			step(p);
		if (prefix) {
			char saved = work[n];

			work[n] = '\0';
			matches = pattern_matches(pattern, work);
			work[n] = saved;
			if (matches)
				return value + n;
		} else if (pattern_matches(pattern, work + size - n)) {
			work[size - n] = '\0';
			return work;
		}
	}
	return value;
}

/* ${x/pattern/text} */
static const char *replace(struct process *p, const char *value, const char *pattern,
			   const char *text, bool all)
{
	struct hin_buffer made = { .limit = p->shell->settings.limits.memory_bytes };
	size_t size = strlen(value), at = 0;
	char *work = text_of(p, value, size), *copy;
	bool anchor_start = pattern[0] == '#', anchor_end = pattern[0] == '%';

	if (anchor_start || anchor_end)
		pattern++;
	while (at <= size) {
		size_t n = size - at;
		bool matches = false;

		for (;; n--) {
			char saved = work[at + n];

			work[at + n] = '\0';
			matches = (n > 0 || anchor_start || anchor_end) &&
				  pattern_matches(pattern, work + at) &&
				  (!anchor_end || at + n == size);
			work[at + n] = saved;
			if (matches || n == 0)
				break;
		}
		if (matches) {
			hin_buffer_puts(&made, text);
			at += n;
		}
		if (!matches || n == 0) {
			if (at == size)
				break;
			hin_buffer_putc(&made, work[at++]);
		}
		if ((matches && !all) || anchor_start)
			break;
	}
	if (at < size)
		hin_buffer_puts(&made, work + at);
	copy = text_of(p, hin_buffer_text(&made), made.used);
	hin_buffer_fini(&made);
	return copy;
}

/* ${x:offset:length} */
static const char *substring(struct process *p, const char *value, const struct hin_part *part)
{
	int64_t size = (int64_t)strlen(value), length = size;
	int64_t offset = arithmetic(p, expand_text(p, part->word));

	if (part->second != NULL)
		length = arithmetic(p, expand_text(p, part->second));
	if (offset < 0)
		offset = offset + size < 0 ? size : offset + size;
	if (offset > size)
		offset = size;
	if (length < 0)
		length = size - offset + length < 0 ? 0 : size - offset + length;
	if (length > size - offset)
		length = size - offset;
	return text_of(p, value + offset, (size_t)length);
}

static size_t length_of(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text += character(text))
		n++;
	return n;
}

/* The tests: ${x:-word} and its kin. True when the expansion is done. */
static bool put_tested(struct process *p, struct expansion *e, const struct hin_part *part,
		       const char *value, bool split)
{
	bool is_set = value != NULL && !(part->colon && value[0] == '\0');
	char *text;

	switch (part->op) {
	case HIN_PARAMETER_DEFAULT:
		if (is_set)
			return false;
		put_word(p, e, part->word, part->quoted, split);
		return true;
	case HIN_PARAMETER_ALTERNATIVE:
		if (is_set)
			put_word(p, e, part->word, part->quoted, split);
		return true;
	case HIN_PARAMETER_ASSIGN:
		if (is_set)
			return false;
		text = expand_text(p, part->word);
		if (!isalpha((unsigned char)part->text[0]) && part->text[0] != '_')
			shell_fail(p, 2, "%s: bad variable name", part->text);
		if (!variable_set(p, part->text, text))
			process_die(p, 2);
		put_text(p, e, text, part->quoted ? MARK_QUOTED : MARK_SPLIT);
		return true;
	case HIN_PARAMETER_ERROR:
		if (is_set)
			return false;
		text = expand_text(p, part->word);
		shell_fail(p, 2, "%s: %s", part->text,
			   part->word->parts != NULL ? text
			   : part->colon	     ? "parameter not set or null"
						     : "parameter not set");
	default:
		return false;
	}
}

static void put_parameter(struct process *p, struct expansion *e, const struct hin_part *part,
			  bool split)
{
	enum mark mark = part->quoted ? MARK_QUOTED : MARK_SPLIT;
	char space[32];
	const char *value;

	if (part->op == HIN_PARAMETER_BAD)
		shell_fail(p, 2,
			   is_busybox(p) ? "syntax error: bad substitution" : "Bad substitution");
	if (part->quoted && !(part->text[0] == '@' && part->text[1] == '\0'))
		put(p, e, 0, MARK_NOTHING);
	if (is_list(part->text)) {
		if (part->op == HIN_PARAMETER_LENGTH) {
			size_t length = p->frame->argument_count;

			/* both shells have the length of all of them together */
			for (size_t i = 0; i < p->frame->argument_count; i++)
				length += length_of(p->frame->arguments[i]) - (i == 0 ? 1 : 0);
			snprintf(space, sizeof(space), "%zu", length);
			put_text(p, e, space, mark);
			return;
		}
		value = p->frame->argument_count > 0 ? p->frame->arguments[0] : NULL;
		if (!put_tested(p, e, part, value, split))
			put_list(p, e, part, split);
		return;
	}
	value = special_value(p, part->text, space);
	if (put_tested(p, e, part, value, split))
		return;
	if (value == NULL) {
		if ((p->options & OPTION_NOUNSET) && part->op == HIN_PARAMETER_PLAIN &&
		    part->text[0] != '@')
			shell_fail(p, 2, "%s: parameter not set", part->text);
		value = "";
	}
	switch (part->op) {
	case HIN_PARAMETER_LENGTH: {
		size_t length = length_of(value);

		snprintf(space, sizeof(space), "%zu", length);
		value = space;
		break;
	}
	case HIN_PARAMETER_CUT_SHORT_SUFFIX:
	case HIN_PARAMETER_CUT_LONG_SUFFIX:
	case HIN_PARAMETER_CUT_SHORT_PREFIX:
	case HIN_PARAMETER_CUT_LONG_PREFIX:
		value = cut(p, value, part->op, expand_pattern(p, part->word));
		break;
	case HIN_PARAMETER_SUBSTRING:
		value = substring(p, value, part);
		break;
	case HIN_PARAMETER_REPLACE:
	case HIN_PARAMETER_REPLACE_ALL:
		value = replace(p, value, expand_pattern(p, part->word),
				part->second != NULL ? expand_text(p, part->second) : "",
				part->op == HIN_PARAMETER_REPLACE_ALL);
		break;
	default:
		break;
	}
	put_text(p, e, value, mark);
}

/* ---- substitutions ---- */

static void command_body(struct process *p, void *what)
{
	run(p, what);
	run_traps_at_exit(p);
}

static void put_command(struct process *p, struct expansion *e, const struct hin_part *part)
{
	struct process *child;
	struct file *capture;
	const char *text;
	size_t size;
	int status;

	if (part->quoted)
		put(p, e, 0, MARK_NOTHING);
	if (part->command == NULL)
		return;
	capture = file_owned(p, file_new(p, FILE_CAPTURE));
	capture->writable = true;
	child = process_inside(p);
	file_close(p->shell, child->fds[1]);
	child->fds[1] = file_ref(capture);
	status = p->status;
	process_run(child, command_body, part->command);
	p->substituted = p->status;
	if (!is_bash(p))
		p->status = status; /* of $? in the same words */
	text = hin_buffer_text(&capture->text);
	size = capture->text.used;
	while (size > 0 && text[size - 1] == '\n')
		size--;
	for (size_t i = 0; i < size; i++)
		if (text[i] != '\0')
			put(p, e, text[i], part->quoted ? MARK_QUOTED : MARK_SPLIT);
	file_done(p, capture);
}

static void put_arithmetic(struct process *p, struct expansion *e, const struct hin_part *part)
{
	char space[32];

	snprintf(space, sizeof(space), "%lld",
		 (long long)arithmetic(p, expand_text(p, part->word)));
	put_text(p, e, space, part->quoted ? MARK_QUOTED : MARK_SPLIT);
}

/* ---- words ---- */

/* The folder that a "~" or "~name" at the start stands for, or NULL. */
static const char *home_of(struct process *p, const char *text, size_t size)
{
	if (size == 0)
		return variable_get(p, "HOME");
	return size == 4 && memcmp(text, "root", 4) == 0 ? "/root" : NULL;
}

static void put_part(struct process *p, struct expansion *e, const struct hin_part *part,
		     bool first, bool quoted, bool split)
{
	size_t at = 0;

	switch (part->type) {
	case HIN_PART_PARAMETER:
		put_parameter(p, e, part, split);
		return;
	case HIN_PART_COMMAND:
		put_command(p, e, part);
		return;
	case HIN_PART_ARITHMETIC:
		put_arithmetic(p, e, part);
		return;
	case HIN_PART_TEXT:
		break;
	}
	if (part->quoted || quoted)
		put(p, e, 0, MARK_NOTHING);
	if (first && !part->quoted && !quoted && part->size > 0 && part->text[0] == '~') {
		size_t end = 1;
		const char *home;

		while (end < part->size && part->text[end] != '/' && part->text[end] != ':')
			end++;
		home = end < part->size || part->next == NULL ? home_of(p, part->text + 1, end - 1)
							      : NULL;
		if (home != NULL) {
			put_text(p, e, home, MARK_QUOTED);
			at = end;
		}
	}
	for (; at < part->size; at++)
		put(p, e, part->text[at], part->quoted || quoted ? MARK_QUOTED : MARK_PLAIN);
}

static void put_word(struct process *p, struct expansion *e, const struct hin_word *word,
		     bool quoted, bool split)
{
	if (word == NULL)
		return;
	for (const struct hin_part *part = word->parts; part != NULL; part = part->next)
		put_part(p, e, part, part == word->parts, quoted, split);
}

/* ---- names of files ---- */

/* What a pattern finds in one folder, and below. */
struct globbing {
	struct process *p;
	struct fields *found;
	const char *pattern;
	struct fields names; /* of the folder that is looked at */
};

static bool has_magic(const char *pattern)
{
	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '\\' && pattern[1] != '\0')
			pattern++;
		else if (strchr("*?[", *pattern) != NULL)
			return true;
	}
	return false;
}

static char *unescape(struct process *p, const char *text, size_t size)
{
	char *made = memory_of(p, size + 1);
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '\\' && i + 1 < size)
			i++;
		made[n++] = text[i];
	}
	made[n] = '\0';
	return made;
}

static bool note_name(void *user, const char *name, uint32_t ino)
{
	struct globbing *g = user;

	(void)ino;
	if (pattern_matches(g->pattern, name) && (name[0] != '.' || g->pattern[0] == '.'))
		fields_add(g->p, &g->names, text_of(g->p, name, strlen(name)));
	return true;
}

/* Find what `pattern`, one or more parts, means behind `prefix`. */
static void glob(struct process *p, const char *prefix, const char *pattern, struct fields *found)
{
	struct globbing g = { .p = p };
	size_t slashes = strspn(pattern, "/"), part;
	const char *behind;
	uint32_t folder, ino;

	step(p);
	prefix = format_of(p, "%s%.*s", prefix, (int)slashes, pattern);
	pattern += slashes;
	part = strcspn(pattern, "/");
	behind = pattern + part;
	if (part == 0) { /* it ended with a slash */
		fields_add(p, found, text_of(p, prefix, strlen(prefix)));
		return;
	}
	g.pattern = text_of(p, pattern, part);
	if (!has_magic(g.pattern)) {
		char *path = format_of(p, "%s%s", prefix, unescape(p, pattern, part));

		if (hin_fs_find(p->shell->fs, &p->user, p->folder, path, *behind != '\0', &ino) !=
		    0)
			return;
		if (*behind != '\0')
			glob(p, path, behind, found);
		else
			fields_add(p, found, path);
		return;
	}
	if (hin_fs_find(p->shell->fs, &p->user, p->folder, prefix[0] != '\0' ? prefix : ".", true,
			&folder) != 0 ||
	    !hin_fs_may(p->shell->fs, &p->user, folder, 4))
		return;
	{
		struct hin_fs_stat stat;

		hin_fs_stat(p->shell->fs, folder, &stat);
		if (stat.type != HIN_FS_DIRECTORY)
			return;
	}
	hin_fs_list(p->shell->fs, folder, note_name, &g);
	for (size_t i = 0; i < g.names.count; i++) {
		char *path = format_of(p, "%s%s", prefix, g.names.items[i]);

		if (*behind == '\0') {
			fields_add(p, found, path);
			continue;
		}
		if (hin_fs_find(p->shell->fs, &p->user, p->folder, format_of(p, "%s/", path), true,
				&ino) == 0)
			glob(p, path, behind, found);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* ---- fields ---- */

/* The characters from `from` to `to`; as a pattern, quoted ones are escaped. */
static char *piece_of(struct process *p, const struct expansion *e, size_t from, size_t to,
		      bool pattern)
{
	char *text = memory_of(p, 2 * (to - from) + 1);
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		if (e->marks[i] == MARK_NOTHING || e->marks[i] == MARK_BREAK)
			continue;
		if (pattern && e->marks[i] == MARK_QUOTED &&
		    strchr("*?[]\\!^-", e->text[i]) != NULL)
			text[n++] = '\\';
		text[n++] = e->text[i];
	}
	text[n] = '\0';
	return text;
}

static bool is_magic_in(const struct expansion *e, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if ((e->marks[i] == MARK_PLAIN || e->marks[i] == MARK_SPLIT) &&
		    strchr("*?[", e->text[i]) != NULL)
			return true;
	return false;
}

static void add_field(struct process *p, const struct expansion *e, size_t from, size_t to,
		      struct fields *fields)
{
	if ((p->options & OPTION_NOGLOB) == 0 && is_magic_in(e, from, to)) {
		struct fields found = { 0 };

		glob(p, "", piece_of(p, e, from, to, true), &found);
		if (found.count > 0) {
			qsort(found.items, found.count, sizeof(*found.items), by_text);
			for (size_t i = 0; i < found.count; i++)
				fields_add(p, fields, found.items[i]);
			return;
		}
	}
	fields_add(p, fields, piece_of(p, e, from, to, false));
}

/* Is there anything between: a character, or something quoted? */
static bool is_there(const struct expansion *e, size_t from, size_t to)
{
	(void)e;
	return to > from;
}

void expand(struct process *p, const struct hin_word *word, struct fields *fields)
{
	struct expansion e = { 0 };
	const char *ifs = ifs_of(p);
	size_t start = 0, i = 0;
	bool hard = false; /* a delimiter that is no white space ended the last field */

	if (is_bash(p) && expand_braces(p, word, fields))
		return;
	put_word(p, &e, word, false, true);
	while (i < e.size) {
		bool white;

		if (e.marks[i] == MARK_BREAK) {
			add_field(p, &e, start, i, fields);
			start = ++i;
			continue;
		}
		if (e.marks[i] != MARK_SPLIT || strchr(ifs, e.text[i]) == NULL) {
			i++;
			continue;
		}
		/* white space around one other delimiter is one delimiter */
		white = isspace((unsigned char)e.text[i]) != 0;
		if (is_there(&e, start, i) || !white)
			add_field(p, &e, start, i, fields);
		hard = !white;
		for (i++; i < e.size && e.marks[i] == MARK_SPLIT && strchr(ifs, e.text[i]) != NULL;
		     i++) {
			if (isspace((unsigned char)e.text[i]))
				continue;
			if (hard)
				break;
			hard = true;
		}
		start = i;
	}
	if (is_there(&e, start, e.size))
		add_field(p, &e, start, e.size, fields);
}

char *expand_text(struct process *p, const struct hin_word *word)
{
	struct expansion e = { 0 };

	put_word(p, &e, word, false, false);
	return piece_of(p, &e, 0, e.size, false);
}

char *expand_pattern(struct process *p, const struct hin_word *word)
{
	struct expansion e = { 0 };

	put_word(p, &e, word, false, false);
	return piece_of(p, &e, 0, e.size, true);
}
