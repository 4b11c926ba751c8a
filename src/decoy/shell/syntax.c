#include "decoy/shell/syntax.h"

#include <ctype.h>
#include <setjmp.h>

/* ---- the text ---- */

enum token {
	TOKEN_END,
	TOKEN_NEWLINE,
	TOKEN_WORD,
	TOKEN_AND, /* && */
	TOKEN_OR,  /* || */
	TOKEN_SEMI,
	TOKEN_CASE_END,	  /* ;; */
	TOKEN_CASE_FALLS, /* ;& */
	TOKEN_BACKGROUND, /* & */
	TOKEN_PIPE,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_REDIRECT,
};

/* A here-document whose text has not come yet. */
struct here {
	struct hin_redirect *redirect;
	const char *end;
	bool quoted, tabs;
	struct here *next;
};

struct parser {
	struct hin_syntax *syntax;
	struct hin_arena *arena;
	const char *text;
	size_t at, size;
	unsigned line, depth;
	struct here *heres, **last_here;
	jmp_buf out;
	/* the token that was looked at */
	bool looked;
	enum token token;
	size_t token_at; /* where it begins */
	struct hin_word *word;
	const char *plain; /* the word, when nothing of it is quoted or expanded; else NULL */
	struct hin_redirect *redirect;
};

static struct hin_node *parse_list(struct parser *p, const char *const *ends);
static bool is_misplaced(const char *word);
static _Noreturn void unexpected(struct parser *p, const char *expecting);

/* ---- ends ---- */

static _Noreturn void leave(struct parser *p, enum hin_syntax_result result)
{
	p->syntax->line = p->line;
	longjmp(p->out, (int)result + 1);
}

static _Noreturn void fail(struct parser *p, const char *reason)
{
	p->syntax->reason = reason;
	leave(p, HIN_SYNTAX_ERROR);
}

/* The text ends inside of something. */
static _Noreturn void ends_early(struct parser *p, const char *reason)
{
	if (p->syntax->more)
		leave(p, HIN_SYNTAX_MORE);
	fail(p, reason);
}

static void *make(struct parser *p, size_t size)
{
	void *made = hin_arena_alloc(p->arena, size);

	if (made == NULL)
		leave(p, HIN_SYNTAX_LIMIT);
	return made;
}

static const char *copy(struct parser *p, const char *text, size_t size)
{
	char *made = hin_arena_copy(p->arena, text, size);

	if (made == NULL)
		leave(p, HIN_SYNTAX_LIMIT);
	return made;
}

static void deeper(struct parser *p)
{
	if (++p->depth > HIN_SYNTAX_DEPTH)
		leave(p, HIN_SYNTAX_LIMIT);
}

/* ---- characters ---- */

/* The next character, or 0 at the end; a NUL in the text is no character of a shell's. */
static char peek(const struct parser *p)
{
	return p->at < p->size ? p->text[p->at] : '\0';
}

static char peek_at(const struct parser *p, size_t ahead)
{
	return p->at + ahead < p->size ? p->text[p->at + ahead] : '\0';
}

static char take(struct parser *p)
{
	char c = p->text[p->at++];

	if (c == '\n')
		p->line++;
	return c;
}

static bool at_end(const struct parser *p)
{
	return p->at >= p->size;
}

/* Pass over backslash and newline, which join lines. */
static void join_lines(struct parser *p)
{
	while (peek(p) == '\\' && peek_at(p, 1) == '\n') {
		p->at += 2;
		p->line++;
	}
}

static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_special(char c)
{
	return c != '\0' && strchr("@*#?-$!", c) != NULL;
}

/* ---- parts of words ---- */

/* A word that is being put together. */
struct building {
	struct hin_part **last;
	struct hin_part *open; /* the text at its end, which grows */
	char *text;
	size_t size, room;
};

static void close_text(struct building *b)
{
	if (b->open == NULL)
		return;
	b->open->text = b->text;
	b->open->size = b->size;
	*b = (struct building){ .last = b->last };
}

static struct hin_part *add_part(struct parser *p, struct building *b, enum hin_part_type type,
				 bool quoted)
{
	struct hin_part *part;

	close_text(b);
	part = make(p, sizeof(*part));
	part->type = type;
	part->quoted = quoted;
	part->text = "";
	*b->last = part;
	b->last = &part->next;
	return part;
}

/* Add a character; quoted and plain text are parts of their own. */
static void add_char(struct parser *p, struct building *b, char c, bool quoted)
{
	if (b->open == NULL || b->open->quoted != quoted)
		b->open = add_part(p, b, HIN_PART_TEXT, quoted);
	if (b->size + 1 >= b->room) { /* there is a NUL behind it */
		size_t room = b->room == 0 ? 24 : b->room * 2;
		char *text = make(p, room);

		if (b->size > 0)
			memcpy(text, b->text, b->size);
		b->text = text;
		b->room = room;
	}
	b->text[b->size++] = c;
}

static struct building building_of(struct hin_part **first)
{
	*first = NULL;
	return (struct building){ .last = first };
}

/* An empty text that is there because it was quoted. */
static void add_nothing(struct parser *p, struct building *b)
{
	(void)add_part(p, b, HIN_PART_TEXT, true);
}

enum inside {
	IN_NOTHING,	  /* a word of a command */
	IN_QUOTES,	  /* " " */
	IN_BRACES,	  /* behind the operator in ${ } */
	IN_BRACES_QUOTED, /* the same inside of quotes */
	IN_ARITHMETIC,
	IN_HERE,
};

static void add_dollar(struct parser *p, struct building *b, enum inside inside);
static void add_backquotes(struct parser *p, struct building *b, enum inside inside);

static bool quotes_all(enum inside inside)
{
	return inside == IN_QUOTES || inside == IN_HERE || inside == IN_ARITHMETIC ||
	       inside == IN_BRACES_QUOTED;
}

static void add_single_quotes(struct parser *p, struct building *b)
{
	bool any = false;

	take(p);
	for (;;) {
		if (at_end(p))
			ends_early(p, "Unterminated quoted string");
		if (peek(p) == '\'')
			break;
		add_char(p, b, take(p), true);
		any = true;
	}
	take(p);
	if (!any)
		add_nothing(p, b);
}

static unsigned digits_of(struct parser *p, unsigned base, unsigned most)
{
	unsigned value = 0;

	for (unsigned i = 0; i < most; i++) {
		char c = peek(p);
		unsigned digit;

		if (isdigit((unsigned char)c))
			digit = (unsigned)(c - '0');
		else if (isxdigit((unsigned char)c))
			digit = (unsigned)(tolower((unsigned char)c) - 'a') + 10;
		else
			break;
		if (digit >= base)
			break;
		value = value * base + digit;
		take(p);
	}
	return value;
}

/* $'...' of ash: C's escapes. */
static void add_c_quotes(struct parser *p, struct building *b)
{
	static const char from[] = "abefnrtv\\'\"?", to[] = "\a\b\033\f\n\r\t\v\\'\"?";
	bool any = false;

	p->at += 2;
	for (;;) {
		char c;
		const char *escape;

		if (at_end(p))
			ends_early(p, "Unterminated quoted string");
		c = take(p);
		if (c == '\'')
			break;
		any = true;
		if (c != '\\' || at_end(p)) {
			add_char(p, b, c, true);
			continue;
		}
		c = peek(p);
		escape = c != '\0' ? strchr(from, c) : NULL;
		if (escape != NULL) {
			take(p);
			add_char(p, b, to[escape - from], true);
		} else if (c >= '0' && c <= '7') {
			add_char(p, b, (char)digits_of(p, 8, 3), true);
		} else if (c == 'x' && isxdigit((unsigned char)peek_at(p, 1))) {
			take(p);
			add_char(p, b, (char)digits_of(p, 16, 2), true);
		} else {
			add_char(p, b, '\\', true);
		}
	}
	if (!any)
		add_nothing(p, b);
}

/* A backslash outside of single quotes. */
static void add_backslash(struct parser *p, struct building *b, enum inside inside)
{
	char c = peek_at(p, 1);

	if (c == '\n') {
		join_lines(p);
		return;
	}
	if (p->at + 1 >= p->size) { /* the last character of all stands for itself */
		if (p->syntax->more)
			leave(p, HIN_SYNTAX_MORE);
		take(p);
		add_char(p, b, '\\', true);
		return;
	}
	if (quotes_all(inside) && strchr(inside == IN_HERE ? "$`\\" : "$`\"\\", c) == NULL &&
	    !(inside == IN_BRACES_QUOTED && c == '}')) {
		add_char(p, b, take(p), true);
		return;
	}
	take(p);
	add_char(p, b, take(p), true);
}

static void add_double_quotes(struct parser *p, struct building *b)
{
	struct hin_part **before;

	take(p);
	close_text(b);
	before = b->last;
	for (;;) {
		if (at_end(p))
			ends_early(p, "Unterminated quoted string");
		switch (peek(p)) {
		case '"':
			take(p);
			if (*before == NULL)
				add_nothing(p, b);
			return;
		case '\\':
			add_backslash(p, b, IN_QUOTES);
			break;
		case '$':
			add_dollar(p, b, IN_QUOTES);
			break;
		case '`':
			add_backquotes(p, b, IN_QUOTES);
			break;
		default:
			add_char(p, b, take(p), true);
		}
	}
}

/* A text of its own, inside of `p`'s: what stands in backquotes. */
static struct hin_node *parse_inner(struct parser *p, const char *text, size_t size)
{
	struct parser *inner = make(p, sizeof(*inner));
	struct hin_syntax syntax = { .ash = p->syntax->ash };
	struct hin_node *tree = NULL, **last = &tree;
	int result;

	deeper(p);
	*inner = (struct parser){ .syntax = &syntax,
				  .arena = p->arena,
				  .text = text,
				  .size = size,
				  .line = p->line,
				  .depth = p->depth };
	inner->last_here = &inner->heres;
	result = setjmp(inner->out);
	if (result != 0) {
		p->syntax->reason = syntax.reason;
		p->syntax->unexpected = syntax.unexpected;
		p->syntax->expecting = syntax.expecting;
		leave(p, (enum hin_syntax_result)(result - 1));
	}
	while (!at_end(inner)) {
		struct hin_node *list = parse_list(inner, NULL);

		if (list != NULL) {
			*last = list;
			last = &list->next;
		}
	}
	p->depth--;
	if (tree != NULL && tree->next != NULL) {
		struct hin_node *all = make(p, sizeof(*all));

		*all = (struct hin_node){ .type = HIN_NODE_LIST,
					  .line = tree->line,
					  .first = tree };
		return all;
	}
	return tree;
}

static void add_backquotes(struct parser *p, struct building *b, enum inside inside)
{
	char *text = make(p, p->size - p->at + 1);
	struct hin_part *part;
	size_t size = 0;

	take(p);
	for (;;) {
		char c;

		if (at_end(p))
			ends_early(p, "EOF in backquote substitution");
		c = take(p);
		if (c == '`')
			break;
		if (c == '\\' && !at_end(p) &&
		    strchr(inside == IN_QUOTES ? "$`\\\"" : "$`\\", peek(p)) != NULL)
			c = take(p);
		text[size++] = c;
	}
	part = add_part(p, b, HIN_PART_COMMAND, quotes_all(inside));
	part->command = parse_inner(p, text, size);
}

/* Where the "))" of an arithmetic expression is that begins here, or 0: it is a command. */
static size_t arithmetic_end(struct parser *p)
{
	unsigned depth = 0;

	for (size_t i = p->at; i < p->size; i++) {
		char c = p->text[i];

		if (c == '\\') {
			i++;
		} else if (c == '(') {
			depth++;
		} else if (c == ')') {
			if (depth == 0)
				return i + 1 < p->size && p->text[i + 1] == ')' ? i : 0;
			depth--;
		}
	}
	ends_early(p, "Missing '))'");
}

static struct hin_word *parse_inside(struct parser *p, enum inside inside, const char *ends);

static void add_arithmetic(struct parser *p, struct building *b, size_t end, bool quoted)
{
	struct hin_part *part = add_part(p, b, HIN_PART_ARITHMETIC, quoted);
	size_t whole = p->size;

	p->size = end;
	part->word = parse_inside(p, IN_ARITHMETIC, "");
	p->size = whole;
	p->at = end + 2;
}

static void add_command(struct parser *p, struct building *b, bool quoted)
{
	static const char *const ends[] = { ")", NULL };
	struct hin_part *part = add_part(p, b, HIN_PART_COMMAND, quoted);
	bool looked = p->looked;

	p->looked = false;
	part->command = parse_list(p, ends);
	if (p->token != TOKEN_CLOSE)
		unexpected(p, ")");
	p->looked = looked;
}

static enum hin_parameter_op cut_op(struct parser *p, char c)
{
	bool twice = peek(p) == c;

	if (twice)
		take(p);
	if (c == '%')
		return twice ? HIN_PARAMETER_CUT_LONG_SUFFIX : HIN_PARAMETER_CUT_SHORT_SUFFIX;
	return twice ? HIN_PARAMETER_CUT_LONG_PREFIX : HIN_PARAMETER_CUT_SHORT_PREFIX;
}

static enum hin_parameter_op test_op(char c)
{
	switch (c) {
	case '-':
		return HIN_PARAMETER_DEFAULT;
	case '=':
		return HIN_PARAMETER_ASSIGN;
	case '?':
		return HIN_PARAMETER_ERROR;
	case '+':
		return HIN_PARAMETER_ALTERNATIVE;
	default:
		return HIN_PARAMETER_BAD;
	}
}

/* Pass over a substitution that makes no sense, up to its "}". */
static void skip_braces(struct parser *p, struct hin_part *part)
{
	part->op = HIN_PARAMETER_BAD;
	(void)parse_inside(p, IN_BRACES, "}");
}

/* What stands behind the name in ${ }, up to the "}". */
static void parse_operator(struct parser *p, struct hin_part *part, enum inside inside)
{
	enum inside word = quotes_all(inside) ? IN_BRACES_QUOTED : IN_BRACES;
	char c = take(p);

	switch (c) {
	case '}':
		p->at--;
		return;
	case '%':
	case '#':
		part->op = cut_op(p, c);
		part->word = parse_inside(p, IN_BRACES, "}");
		return;
	case ':':
		if (p->syntax->ash && strchr("-=?+", peek(p)) == NULL) {
			part->op = HIN_PARAMETER_SUBSTRING;
			part->word = parse_inside(p, IN_BRACES_QUOTED, ":}");
			if (peek(p) == ':') {
				take(p);
				part->second = parse_inside(p, IN_BRACES_QUOTED, "}");
			}
			return;
		}
		if (at_end(p))
			ends_early(p, "Missing '}'");
		part->colon = true;
		c = take(p);
		break;
	case '/':
		if (p->syntax->ash) {
			part->op =
				peek(p) == '/' ? HIN_PARAMETER_REPLACE_ALL : HIN_PARAMETER_REPLACE;
			if (peek(p) == '/')
				take(p);
			part->word = parse_inside(p, IN_BRACES, "/}");
			if (peek(p) == '/') {
				take(p);
				part->second = parse_inside(p, word, "}");
			}
			return;
		}
		break;
	default:
		break;
	}
	part->op = test_op(c);
	if (part->op == HIN_PARAMETER_BAD) {
		skip_braces(p, part);
		return;
	}
	part->word = parse_inside(p, word, "}");
}

/* The name in ${ }; false when there is none. */
static bool parse_brace_name(struct parser *p, struct hin_part *part)
{
	size_t start = p->at;

	if (is_name_start(peek(p)))
		while (is_name(peek(p)))
			take(p);
	else if (isdigit((unsigned char)peek(p)))
		while (isdigit((unsigned char)peek(p)))
			take(p);
	else if (is_special(peek(p)))
		take(p);
	part->size = p->at - start;
	part->text = copy(p, p->text + start, part->size);
	return part->size > 0;
}

/* ${ }, after its "{". */
static void add_braces(struct parser *p, struct building *b, enum inside inside)
{
	struct hin_part *part = add_part(p, b, HIN_PART_PARAMETER, quotes_all(inside));
	char c = peek_at(p, 1);

	deeper(p);
	if (peek(p) == '#' && c != '}' && (is_name(c) || is_special(c)) &&
	    !(is_special(c) && strchr("-?", c) != NULL && peek_at(p, 2) != '}')) {
		take(p);
		part->op = HIN_PARAMETER_LENGTH;
	}
	if (!parse_brace_name(p, part) || at_end(p)) {
		if (at_end(p))
			ends_early(p, "Missing '}'");
		skip_braces(p, part);
	} else if (part->op == HIN_PARAMETER_LENGTH) {
		if (peek(p) != '}')
			skip_braces(p, part);
	} else {
		parse_operator(p, part, inside);
	}
	if (at_end(p))
		ends_early(p, "Missing '}'");
	take(p);
	p->depth--;
}

static void add_dollar(struct parser *p, struct building *b, enum inside inside)
{
	bool quoted = quotes_all(inside);
	struct hin_part *part;
	size_t start, end;
	char c;

	take(p);
	join_lines(p);
	c = peek(p);
	if (c == '(') {
		take(p);
		if (peek(p) == '(') {
			take(p);
			end = arithmetic_end(p);
			if (end != 0) {
				add_arithmetic(p, b, end, quoted);
				return;
			}
			p->at--;
		}
		add_command(p, b, quoted);
		return;
	}
	if (c == '{') {
		take(p);
		add_braces(p, b, inside);
		return;
	}
	start = p->at;
	if (is_name_start(c))
		while (is_name(peek(p)))
			take(p);
	else if (is_special(c) || isdigit((unsigned char)c))
		take(p);
	if (p->at == start) {
		add_char(p, b, '$', quoted);
		return;
	}
	part = add_part(p, b, HIN_PART_PARAMETER, quoted);
	part->size = p->at - start;
	part->text = copy(p, p->text + start, part->size);
}

/* A word up to one of `ends`, which is not taken, or to the end of the text. */
static struct hin_word *parse_inside(struct parser *p, enum inside inside, const char *ends)
{
	struct hin_word *word = make(p, sizeof(*word));
	struct building building = building_of(&word->parts), *b = &building;

	deeper(p);
	while (!at_end(p) && (peek(p) == '\0' || strchr(ends, peek(p)) == NULL)) {
		switch (peek(p)) {
		case '\\':
			add_backslash(p, b, inside);
			break;
		case '$':
			if (inside == IN_BRACES && p->syntax->ash && peek_at(p, 1) == '\'')
				add_c_quotes(p, b);
			else
				add_dollar(p, b, inside);
			break;
		case '`':
			add_backquotes(p, b, inside);
			break;
		case '\'':
			if (inside == IN_BRACES)
				add_single_quotes(p, b);
			else
				add_char(p, b, take(p), quotes_all(inside));
			break;
		case '"':
			if (inside == IN_BRACES || inside == IN_BRACES_QUOTED)
				add_double_quotes(p, b);
			else
				add_char(p, b, take(p), quotes_all(inside));
			break;
		default:
			add_char(p, b, take(p), quotes_all(inside));
		}
	}
	close_text(b);
	p->depth--;
	if (ends[0] != '\0' && at_end(p))
		ends_early(p, "Missing '}'");
	return word;
}

/* ---- tokens ---- */

static bool ends_word(char c)
{
	return c == '\0' || strchr(" \t\n;&|<>()", c) != NULL;
}

/* A word of a command. */
static void read_word(struct parser *p)
{
	struct hin_word *word = make(p, sizeof(*word));
	struct building building = building_of(&word->parts), *b = &building;
	size_t start = p->at, token_at = p->token_at;
	bool plain = true;

	while (!at_end(p) && (peek(p) == '\0' || !ends_word(peek(p)))) {
		switch (peek(p)) {
		case '\'':
			add_single_quotes(p, b);
			plain = false;
			break;
		case '"':
			add_double_quotes(p, b);
			plain = false;
			break;
		case '\\':
			if (peek_at(p, 1) == '\n' && p->at == start)
				start += 2;
			else
				plain = false;
			add_backslash(p, b, IN_NOTHING);
			break;
		case '$':
			if (p->syntax->ash && peek_at(p, 1) == '\'')
				add_c_quotes(p, b);
			else
				add_dollar(p, b, IN_NOTHING);
			plain = false;
			break;
		case '`':
			add_backquotes(p, b, IN_NOTHING);
			plain = false;
			break;
		default:
			add_char(p, b, take(p), false);
		}
	}
	close_text(b);
	/* words inside of it went through the same places */
	p->token = TOKEN_WORD;
	p->token_at = token_at;
	p->word = word;
	p->plain = plain ? copy(p, p->text + start, p->at - start) : NULL;
}

/* ---- here-documents ---- */

/* The delimiter: its word without quotes; `quoted` when there were any. */
static const char *delimiter_of(struct parser *p, const struct hin_word *word, bool *quoted)
{
	char text[HIN_SYNTAX_DEPTH * 4];
	size_t size = 0;

	*quoted = false;
	for (const struct hin_part *part = word->parts; part != NULL; part = part->next) {
		if (part->type != HIN_PART_TEXT || part->size > sizeof(text) - size)
			fail(p, "Illegal eof marker for << redirection");
		memcpy(text + size, part->text, part->size);
		size += part->size;
		*quoted |= part->quoted;
	}
	return copy(p, text, size);
}

/* The text of one here-document; the line of its delimiter is taken, too. */
static void read_here(struct parser *p, struct here *here)
{
	size_t end_size = strlen(here->end), size = 0;
	char *text = make(p, p->size - p->at + 1);
	struct hin_word *word;

	for (;;) {
		size_t start = p->at, line;
		const char *newline;

		if (at_end(p)) {
			if (p->syntax->more)
				leave(p, HIN_SYNTAX_MORE);
			break;
		}
		newline = memchr(p->text + start, '\n', p->size - start);
		line = newline != NULL ? (size_t)(newline - (p->text + start)) : p->size - start;
		p->at = start + line + (newline != NULL);
		p->line++;
		while (here->tabs && line > 0 && p->text[start] == '\t') {
			start++;
			line--;
		}
		if (line == end_size && memcmp(p->text + start, here->end, line) == 0) {
			if (newline == NULL && p->syntax->more)
				leave(p, HIN_SYNTAX_MORE);
			break;
		}
		memcpy(text + size, p->text + start, line);
		size += line;
		if (newline != NULL)
			text[size++] = '\n';
	}
	if (here->quoted) {
		struct hin_part *part = make(p, sizeof(*part));

		word = make(p, sizeof(*word));
		word->parts = part;
		part->quoted = true;
		part->text = text;
		part->size = size;
	} else {
		struct parser saved = *p;

		p->text = text;
		p->size = size;
		p->at = 0;
		word = parse_inside(p, IN_HERE, "");
		p->text = saved.text;
		p->size = saved.size;
		p->at = saved.at;
		p->line = saved.line;
	}
	here->redirect->word = word;
}

static void read_heres(struct parser *p)
{
	while (p->heres != NULL) {
		struct here *here = p->heres;

		p->heres = here->next;
		if (p->heres == NULL)
			p->last_here = &p->heres;
		read_here(p, here);
	}
}

/* ---- more tokens ---- */

static void next(struct parser *p);

/* A redirection, after its descriptor. */
static void read_redirect(struct parser *p, int fd)
{
	struct hin_redirect *redirect = make(p, sizeof(*redirect));
	bool here = false, tabs = false, string = false;
	char c = take(p);

	redirect->fd = fd;
	if (c == '<') {
		redirect->type = HIN_REDIRECT_READ;
		if (peek(p) == '<') {
			take(p);
			redirect->type = HIN_REDIRECT_HERE;
			here = true;
			if (peek(p) == '-') {
				take(p);
				tabs = true;
			} else if (peek(p) == '<' && p->syntax->bash) {
				take(p);
				here = false;
				string = true;
			}
		} else if (peek(p) == '&') {
			take(p);
			redirect->type = HIN_REDIRECT_DUPLICATE_IN;
		} else if (peek(p) == '>') {
			take(p);
			redirect->type = HIN_REDIRECT_READ_WRITE;
		}
	} else {
		redirect->type = HIN_REDIRECT_WRITE;
		if (c == '&') { /* &> */
			take(p);
			redirect->type = HIN_REDIRECT_BOTH;
		} else if (peek(p) == '>') {
			take(p);
			redirect->type = HIN_REDIRECT_APPEND;
		} else if (peek(p) == '&') {
			take(p);
			redirect->type = HIN_REDIRECT_DUPLICATE_OUT;
		} else if (peek(p) == '|') {
			take(p);
			redirect->type = HIN_REDIRECT_CLOBBER;
		}
	}
	p->looked = false;
	next(p);
	p->looked = false;
	if (p->token != TOKEN_WORD) {
		p->looked = true;
		unexpected(p, NULL);
	}
	redirect->word = p->word;
	if (string) { /* <<<: the word and a newline */
		struct hin_part **last = &redirect->word->parts, *part = make(p, sizeof(*part));

		while (*last != NULL)
			last = &(*last)->next;
		*part = (struct hin_part){
			.type = HIN_PART_TEXT, .quoted = true, .text = "\n", .size = 1
		};
		*last = part;
	}
	if (here) {
		struct here *wait = make(p, sizeof(*wait));

		wait->redirect = redirect;
		wait->end = delimiter_of(p, p->word, &wait->quoted);
		wait->tabs = tabs;
		redirect->word = NULL;
		*p->last_here = wait;
		p->last_here = &wait->next;
	}
	p->redirect = redirect;
	p->token = TOKEN_REDIRECT;
}

/* An operator of up to two characters. */
static bool read_operator(struct parser *p)
{
	static const struct {
		const char text[3];
		enum token token;
	} operators[] = {
		{ "&&", TOKEN_AND },	    { "||", TOKEN_OR },	 { ";;", TOKEN_CASE_END },
		{ ";&", TOKEN_CASE_FALLS }, { ";", TOKEN_SEMI }, { "&", TOKEN_BACKGROUND },
		{ "|", TOKEN_PIPE },	    { "(", TOKEN_OPEN }, { ")", TOKEN_CLOSE },
	};

	for (size_t i = 0; i < HIN_COUNT(operators); i++) {
		size_t size = strlen(operators[i].text);

		if (p->size - p->at < size || memcmp(p->text + p->at, operators[i].text, size) != 0)
			continue;
		p->at += size;
		p->token = operators[i].token;
		return true;
	}
	return false;
}

/* Look at the next token; it stays until p->looked is taken back. */
static void next(struct parser *p)
{
	size_t digits = 0;

	if (p->looked)
		return;
	p->looked = true;
	p->word = NULL;
	p->plain = NULL;
	for (;;) {
		join_lines(p);
		if (peek(p) == '#') {
			while (!at_end(p) && peek(p) != '\n')
				p->at++;
		} else if (peek(p) == ' ' || peek(p) == '\t') {
			p->at++;
		} else {
			break;
		}
	}
	p->token_at = p->at;
	if (at_end(p)) {
		p->token = TOKEN_END;
		return;
	}
	if (peek(p) == '\n') {
		take(p);
		read_heres(p);
		p->token = TOKEN_NEWLINE;
		return;
	}
	while (isdigit((unsigned char)peek_at(p, digits)))
		digits++;
	if (peek_at(p, digits) == '<' || peek_at(p, digits) == '>') {
		if (digits == 0) {
			read_redirect(p, -1);
			p->looked = true;
			return;
		}
		if (digits == 1) {
			int fd = take(p) - '0';

			read_redirect(p, fd);
			p->looked = true;
			return;
		}
	}
	if (p->syntax->ash && peek(p) == '&' && peek_at(p, 1) == '>') {
		read_redirect(p, -1);
		p->looked = true;
		return;
	}
	if (read_operator(p))
		return;
	read_word(p);
}

static void drop(struct parser *p)
{
	p->looked = false;
}

/* Is the next token the reserved word `text`? */
static bool is_reserved(struct parser *p, const char *text)
{
	next(p);
	return p->token == TOKEN_WORD && p->plain != NULL && strcmp(p->plain, text) == 0;
}

static bool is_keyword(const char *word)
{
	static const char *const words[] = { "if",    "then", "else", "elif", "fi", "do",
					     "done",  "case", "esac", "for",  "in", "while",
					     "until", "{",    "}",    "!" };

	for (size_t i = 0; word != NULL && i < HIN_COUNT(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static _Noreturn void unexpected(struct parser *p, const char *expecting)
{
	next(p);
	p->syntax->expecting = expecting;
	switch (p->token) {
	case TOKEN_END:
		if (p->syntax->more)
			leave(p, HIN_SYNTAX_MORE);
		p->syntax->unexpected = "end of file";
		break;
	case TOKEN_NEWLINE:
		p->line--;
		p->syntax->unexpected = "newline";
		break;
	case TOKEN_REDIRECT:
		p->syntax->unexpected = "redirection";
		break;
	case TOKEN_WORD:
		p->syntax->unexpected =
			is_keyword(p->plain) ? copy(p, p->text + p->token_at, p->at - p->token_at)
					     : HIN_SYNTAX_WORD;
		break;
	default:
		p->syntax->unexpected = copy(p, p->text + p->token_at, p->at - p->token_at);
	}
	leave(p, HIN_SYNTAX_ERROR);
}

/* Nothing stands where commands should: at the end of the text, what would end them is missed. */
static _Noreturn void no_commands(struct parser *p, const char *end)
{
	next(p);
	unexpected(p, p->token == TOKEN_END ? end : NULL);
}

static void expect(struct parser *p, const char *word)
{
	if (!is_reserved(p, word))
		unexpected(p, word);
	drop(p);
}

static void skip_newlines(struct parser *p)
{
	for (next(p); p->token == TOKEN_NEWLINE; next(p))
		drop(p);
}

/* ---- commands ---- */

static struct hin_node *make_node(struct parser *p, enum hin_node_type type)
{
	struct hin_node *node = make(p, sizeof(*node));

	node->type = type;
	node->line = p->line;
	return node;
}

/* The name of an assignment that the word begins with, or NULL; the word is cut to its value. */
static const char *assignment_of(struct parser *p, struct hin_word *word)
{
	struct hin_part *part = word->parts;
	const char *name;
	size_t size = 0;

	if (part == NULL || part->type != HIN_PART_TEXT || part->quoted ||
	    !is_name_start(part->text[0]))
		return NULL;
	while (size < part->size && is_name(part->text[size]))
		size++;
	if (size == part->size || part->text[size] != '=')
		return NULL;
	name = copy(p, part->text, size);
	part->text += size + 1;
	part->size -= size + 1;
	if (part->size == 0)
		word->parts = part->next;
	return name;
}

static void add_redirects(struct parser *p, struct hin_node *node)
{
	struct hin_redirect **last = &node->redirects;

	while (*last != NULL)
		last = &(*last)->next;
	for (next(p); p->token == TOKEN_REDIRECT; next(p)) {
		*last = p->redirect;
		last = &p->redirect->next;
		drop(p);
	}
}

static struct hin_node *parse_command(struct parser *p);

static struct hin_node *parse_function(struct parser *p, const char *name)
{
	struct hin_node *node = make_node(p, HIN_NODE_FUNCTION);

	node->name = name;
	skip_newlines(p);
	node->first = parse_command(p);
	return node;
}

static bool is_whole_name(const char *text)
{
	if (text == NULL || !is_name_start(text[0]))
		return false;
	while (is_name(*text))
		text++;
	return *text == '\0';
}

static struct hin_node *parse_simple(struct parser *p)
{
	struct hin_node *node = make_node(p, HIN_NODE_SIMPLE);
	struct hin_word **last_word = &node->words;
	struct hin_redirect **last_redirect = &node->redirects;
	struct hin_assignment **last_assignment = &node->assignments;

	for (;;) {
		const char *name, *plain;
		struct hin_word *word;

		next(p);
		if (p->token == TOKEN_REDIRECT) {
			*last_redirect = p->redirect;
			last_redirect = &p->redirect->next;
			drop(p);
			continue;
		}
		if (p->token != TOKEN_WORD)
			break;
		word = p->word;
		plain = p->plain;
		drop(p);
		if (node->words == NULL && (name = assignment_of(p, word)) != NULL) {
			struct hin_assignment *a = make(p, sizeof(*a));

			a->name = name;
			a->value = word;
			*last_assignment = a;
			last_assignment = &a->next;
			continue;
		}
		if (node->words == NULL && node->assignments == NULL && node->redirects == NULL &&
		    plain != NULL && peek(p) == '(') {
			next(p);
			drop(p);
			next(p);
			p->plain = NULL; /* no keyword is looked for here */
			if (p->token != TOKEN_CLOSE)
				unexpected(p, ")");
			drop(p);
			if (!is_whole_name(plain) && !p->syntax->ash)
				fail(p, "Bad function name");
			return parse_function(p, plain);
		}
		if (node->words == NULL && node->assignments == NULL && node->redirects == NULL &&
		    plain != NULL) {
			next(p);
			if (p->token == TOKEN_OPEN) { /* f () */
				drop(p);
				next(p);
				if (p->token != TOKEN_CLOSE)
					unexpected(p, ")");
				drop(p);
				return parse_function(p, plain);
			}
		}
		*last_word = word;
		last_word = &word->next;
	}
	if (node->words == NULL && node->assignments == NULL && node->redirects == NULL)
		unexpected(p, NULL);
	return node;
}

static struct hin_node *parse_if(struct parser *p)
{
	static const char *const then[] = { "then", NULL };
	static const char *const after[] = { "elif", "else", "fi", NULL };
	static const char *const fi[] = { "fi", NULL };
	struct hin_node *node = make_node(p, HIN_NODE_IF);

	deeper(p);
	node->first = parse_list(p, then);
	if (node->first == NULL)
		no_commands(p, "then");
	expect(p, "then");
	node->second = parse_list(p, after);
	if (node->second == NULL)
		no_commands(p, "fi");
	if (is_reserved(p, "elif")) {
		drop(p);
		node->third = parse_if(p);
	} else {
		if (is_reserved(p, "else")) {
			drop(p);
			node->third = parse_list(p, fi);
			if (node->third == NULL)
				no_commands(p, "fi");
		}
		expect(p, "fi");
	}
	p->depth--;
	return node;
}

/* do ... done, or ash's { ... } */
static struct hin_node *parse_body(struct parser *p)
{
	static const char *const done[] = { "done", NULL };
	struct hin_node *body;

	expect(p, "do");
	body = parse_list(p, done);
	if (body == NULL)
		no_commands(p, "done");
	expect(p, "done");
	return body;
}

static struct hin_node *parse_while(struct parser *p, enum hin_node_type type)
{
	static const char *const ends[] = { "do", NULL };
	struct hin_node *node = make_node(p, type);

	node->first = parse_list(p, ends);
	if (node->first == NULL)
		no_commands(p, "do");
	node->second = parse_body(p);
	return node;
}

static struct hin_node *parse_for(struct parser *p)
{
	struct hin_node *node = make_node(p, HIN_NODE_FOR);
	struct hin_word **last = &node->words;

	next(p);
	if (p->token == TOKEN_END && p->syntax->more)
		leave(p, HIN_SYNTAX_MORE);
	if (p->token != TOKEN_WORD || !is_whole_name(p->plain))
		fail(p, "Bad for loop variable");
	node->name = p->plain;
	drop(p);
	skip_newlines(p);
	if (is_reserved(p, "in")) {
		node->in = true;
		drop(p);
		for (next(p); p->token == TOKEN_WORD; next(p)) {
			*last = p->word;
			last = &p->word->next;
			drop(p);
		}
		if (p->token != TOKEN_SEMI && p->token != TOKEN_NEWLINE)
			unexpected(p, NULL);
		drop(p);
	} else if (p->token == TOKEN_SEMI) {
		drop(p);
	}
	skip_newlines(p);
	node->second = parse_body(p);
	return node;
}

static struct hin_case_item *parse_case_item(struct parser *p)
{
	static const char *const ends[] = { ";;", "esac", NULL };
	struct hin_case_item *item = make(p, sizeof(*item));
	struct hin_word **last = &item->patterns;

	next(p);
	if (p->token == TOKEN_OPEN)
		drop(p);
	for (;;) {
		next(p);
		if (p->token != TOKEN_WORD)
			unexpected(p, p->token == TOKEN_END ? ")" : NULL);
		*last = p->word;
		last = &p->word->next;
		drop(p);
		next(p);
		if (p->token != TOKEN_PIPE)
			break;
		drop(p);
	}
	if (p->token != TOKEN_CLOSE)
		unexpected(p, ")");
	drop(p);
	item->body = parse_list(p, ends);
	next(p);
	if (p->token == TOKEN_CASE_END || (p->token == TOKEN_CASE_FALLS && p->syntax->ash)) {
		item->falls = p->token == TOKEN_CASE_FALLS;
		drop(p);
	} else if (!is_reserved(p, "esac")) {
		unexpected(p, ";;");
	}
	return item;
}

static struct hin_node *parse_case(struct parser *p)
{
	struct hin_node *node = make_node(p, HIN_NODE_CASE);
	struct hin_case_item **last = &node->items;

	next(p);
	if (p->token != TOKEN_WORD)
		unexpected(p, HIN_SYNTAX_WORD);
	node->words = p->word;
	drop(p);
	skip_newlines(p);
	expect(p, "in");
	for (skip_newlines(p); !is_reserved(p, "esac"); skip_newlines(p)) {
		*last = parse_case_item(p);
		last = &(*last)->next;
	}
	drop(p);
	return node;
}

static struct hin_node *parse_group(struct parser *p, enum hin_node_type type)
{
	static const char *const brace[] = { "}", NULL };
	static const char *const close[] = { ")", NULL };
	struct hin_node *node = make_node(p, type);

	node->first = parse_list(p, type == HIN_NODE_GROUP ? brace : close);
	if (node->first == NULL)
		no_commands(p, type == HIN_NODE_GROUP ? "}" : ")");
	if (type == HIN_NODE_GROUP) {
		expect(p, "}");
	} else {
		next(p);
		if (p->token != TOKEN_CLOSE)
			unexpected(p, ")");
		drop(p);
	}
	return node;
}

/* A compound command that begins with a reserved word, or NULL. */
static struct hin_node *parse_reserved(struct parser *p)
{
	const char *word = p->plain;

	if (word == NULL)
		return NULL;
	if (strcmp(word, "if") == 0) {
		drop(p);
		return parse_if(p);
	}
	if (strcmp(word, "while") == 0 || strcmp(word, "until") == 0) {
		drop(p);
		return parse_while(p, word[0] == 'w' ? HIN_NODE_WHILE : HIN_NODE_UNTIL);
	}
	if (strcmp(word, "for") == 0) {
		drop(p);
		return parse_for(p);
	}
	if (strcmp(word, "case") == 0) {
		drop(p);
		return parse_case(p);
	}
	if (strcmp(word, "{") == 0) {
		drop(p);
		return parse_group(p, HIN_NODE_GROUP);
	}
	if (strcmp(word, "function") == 0 && p->syntax->ash) {
		const char *name;

		drop(p);
		next(p);
		if (p->token != TOKEN_WORD || p->plain == NULL)
			unexpected(p, NULL);
		name = p->plain;
		drop(p);
		next(p);
		if (p->token == TOKEN_OPEN) {
			drop(p);
			next(p);
			if (p->token != TOKEN_CLOSE)
				unexpected(p, ")");
			drop(p);
		}
		return parse_function(p, name);
	}
	return NULL;
}

/* Words that only stand where another one calls for them. */
static bool is_misplaced(const char *word)
{
	static const char *const words[] = {
		"then", "else", "elif", "fi", "do", "done", "esac", "}"
	};

	for (size_t i = 0; word != NULL && i < HIN_COUNT(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static struct hin_node *parse_command(struct parser *p)
{
	struct hin_node *node = NULL;

	deeper(p);
	next(p);
	if (p->token == TOKEN_OPEN) {
		drop(p);
		node = parse_group(p, HIN_NODE_SUBSHELL);
	} else if (p->token == TOKEN_WORD) {
		if (is_misplaced(p->plain))
			unexpected(p, NULL);
		node = parse_reserved(p);
	}
	if (node != NULL)
		add_redirects(p, node);
	else
		node = parse_simple(p);
	p->depth--;
	return node;
}

static struct hin_node *parse_pipeline(struct parser *p)
{
	struct hin_node *first, *node, **last;
	bool not = false;

	while (is_reserved(p, "!")) {
		not = !not ;
		drop(p);
		if (!p->syntax->ash)
			break;
	}
	first = node = parse_command(p);
	next(p);
	if (p->token == TOKEN_PIPE) {
		node = make_node(p, HIN_NODE_PIPELINE);
		node->line = first->line;
		node->first = first;
		last = &first->next;
		while (p->token == TOKEN_PIPE) {
			drop(p);
			skip_newlines(p);
			*last = parse_command(p);
			last = &(*last)->next;
			next(p);
		}
	}
	if (not ) {
		first = make_node(p, HIN_NODE_NOT);
		first->first = node;
		return first;
	}
	return node;
}

static struct hin_node *parse_and_or(struct parser *p)
{
	struct hin_node *left = parse_pipeline(p);

	for (next(p); p->token == TOKEN_AND || p->token == TOKEN_OR; next(p)) {
		struct hin_node *node =
			make_node(p, p->token == TOKEN_AND ? HIN_NODE_AND : HIN_NODE_OR);

		drop(p);
		skip_newlines(p);
		node->first = left;
		node->second = parse_pipeline(p);
		left = node;
	}
	return left;
}

/* Is the next token one of `ends`? */
static bool is_end(struct parser *p, const char *const *ends)
{
	next(p);
	if (p->token == TOKEN_END)
		return true;
	for (; ends != NULL && *ends != NULL; ends++) {
		if (strcmp(*ends, ")") == 0 && p->token == TOKEN_CLOSE)
			return true;
		if (strcmp(*ends, ";;") == 0 &&
		    (p->token == TOKEN_CASE_END || p->token == TOKEN_CASE_FALLS))
			return true;
		if (p->token == TOKEN_WORD && p->plain != NULL && strcmp(p->plain, *ends) == 0)
			return true;
	}
	return false;
}

/*
 * Commands up to one of `ends`, which is looked at and not taken (but the ")" of a substitution
 * is); with NULL, up to the end of the line. NULL when there is none.
 */
static struct hin_node *parse_list(struct parser *p, const char *const *ends)
{
	struct hin_node *first = NULL, **last = &first;

	deeper(p);
	for (;;) {
		struct hin_node *node;

		if (ends != NULL)
			skip_newlines(p);
		if (is_end(p, ends) || (first != NULL && ends != NULL && p->token == TOKEN_WORD &&
					is_misplaced(p->plain)))
			break; /* who wanted the list says what it expected behind */
		if (ends == NULL && p->token == TOKEN_NEWLINE) {
			drop(p);
			break;
		}
		node = parse_and_or(p);
		next(p);
		if (p->token == TOKEN_BACKGROUND) {
			struct hin_node *async = make_node(p, HIN_NODE_ASYNC);

			async->first = node;
			node = async;
		}
		*last = node;
		last = &node->next;
		if (p->token == TOKEN_BACKGROUND || p->token == TOKEN_SEMI) {
			drop(p);
			continue;
		}
		if (p->token == TOKEN_NEWLINE && ends != NULL)
			continue;
		if (p->token == TOKEN_NEWLINE) {
			drop(p);
			break;
		}
		if (!is_end(p, ends))
			unexpected(p, NULL);
		break;
	}
	if (p->token == TOKEN_END && p->heres != NULL)
		read_heres(p);
	p->depth--;
	if (first != NULL && first->next != NULL) {
		struct hin_node *list = make_node(p, HIN_NODE_LIST);

		list->line = first->line;
		list->first = first;
		return list;
	}
	return first;
}

enum hin_syntax_result hin_syntax_line(struct hin_syntax *syntax, struct hin_arena *arena,
				       const char *text, size_t size)
{
	struct parser p = { .syntax = syntax,
			    .arena = arena,
			    .text = text,
			    .size = size,
			    .line = syntax->line > 0 ? syntax->line : 1 };
	int result;

	syntax->tree = NULL;
	syntax->unexpected = syntax->reason = syntax->expecting = NULL;
	if (size > HIN_SYNTAX_TEXT)
		return HIN_SYNTAX_LIMIT;
	p.last_here = &p.heres;
	result = setjmp(p.out);
	if (result != 0)
		return (enum hin_syntax_result)(result - 1);
	syntax->tree = parse_list(&p, NULL);
	syntax->taken = p.at;
	syntax->line = p.line;
	return HIN_SYNTAX_OK;
}
