/* echo - echo and printf: they write what droppers make their files of. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/*
 * One escape behind a backslash, as echo and printf have them; returns where it ends. A "\c" ends
 * all output.
 */
static const char *put_escape(struct process *p, struct growing *b, const char *at, bool echo,
			      bool *end)
{
	static const char from[] = "abfnrtv\\eE", to[] = "\a\b\f\n\r\t\v\\\033\033";
	const char *known = *at != '\0' ? strchr(from, *at) : NULL;
	unsigned value = 0, digits = 0;

	if (known != NULL && (*at != 'e' || p->dialect != HIN_SHELL_DASH) &&
	    (*at != 'E' || is_bash(p))) {
		grow_char(p, b, to[known - from]);
		return at + 1;
	}
	if (*at == 'c' && echo) {
		*end = true;
		return at + 1;
	}
	if (*at == 'x' && p->dialect != HIN_SHELL_DASH && isxdigit((unsigned char)at[1])) {
		for (at++; digits < 2 && isxdigit((unsigned char)*at); at++, digits++)
			value = value * 16 +
				(unsigned)(isdigit((unsigned char)*at)
						   ? *at - '0'
						   : tolower((unsigned char)*at) - 'a' + 10);
		grow_char(p, b, (char)value);
		return at;
	}
	if (*at >= '0' && *at <= '7') {
		unsigned most = *at == '0' && echo ? 4 : 3;

		for (; digits < most && *at >= '0' && *at <= '7'; at++, digits++)
			value = value * 8 + (unsigned)(*at - '0');
		grow_char(p, b, (char)value);
		return at;
	}
	grow_char(p, b, '\\');
	return at;
}

/* The options of echo: ash and bash have -n, -e and -E, dash -n alone. Where the texts begin. */
static int echo_options(struct call *call, bool *newline, bool *escapes)
{
	const char *letters = call->p->dialect != HIN_SHELL_DASH ? "neE" : "n";
	int at = 1;

	for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0'; at++) {
		const char *word = call->argv[at] + 1;

		if (word[strspn(word, letters)] != '\0' ||
		    (call->p->dialect == HIN_SHELL_DASH && (word[1] != '\0' || at > 1)))
			break;
		for (; *word != '\0'; word++) {
			if (*word == 'n')
				*newline = false;
			else
				*escapes = *word == 'e';
		}
	}
	return at;
}

static int do_echo(struct call *call)
{
	struct process *p = call->p;
	struct growing b = { 0 };
	bool newline = true, escapes = p->dialect == HIN_SHELL_DASH, end = false;
	int first, at;

	first = at = echo_options(call, &newline, &escapes);
	for (; at < call->argc && !end; at++) {
		if (at > first)
			grow_char(p, &b, ' ');
		for (const char *c = call->argv[at]; *c != '\0' && !end;) {
			if (*c == '\\' && escapes)
				c = put_escape(p, &b, c + 1, true, &end);
			else
				grow_char(p, &b, *c++);
		}
	}
	if (newline && !end)
		grow_char(p, &b, '\n');
	out(p, 1, b.data, b.size);
	return 0;
}

/* What a printf command works on. */
struct printing {
	struct call *call;
	struct growing out;
	int at; /* the next argument */
	int status;
	bool end, used;
};

static const char *next_argument(struct printing *pr)
{
	if (pr->at >= pr->call->argc)
		return NULL;
	pr->used = true;
	return pr->call->argv[pr->at++];
}

/* The number that an argument is; "'c" is a character's. */
static long long number_argument(struct printing *pr)
{
	const char *text = next_argument(pr);
	char *end;
	long long value;

	if (text == NULL || text[0] == '\0') {
		if (is_busybox(pr->call->p)) {
			pr->status = 1;
			errf(pr->call->p, "%s: invalid number ''\n", pr->call->p->name);
		}
		return 0;
	}
	if (text[0] == '\'' || text[0] == '"')
		return (unsigned char)text[1];
	errno = 0;
	value = strtoll(text, &end, 0);
	if (errno == ERANGE && text[0] != '-')
		value = (long long)strtoull(text, &end, 0);
	if (end == text) {
		pr->status = 1;
		if (is_busybox(pr->call->p))
			errf(pr->call->p, "%s: invalid number '%s'\n", pr->call->p->name, text);
		else
			shell_error(pr->call->p, "printf: %s: expected numeric value", text);
	} else if (*end != '\0') {
		pr->status = 1;
		if (is_busybox(pr->call->p))
			errf(pr->call->p, "%s: invalid number '%s'\n", pr->call->p->name, text);
		else
			shell_error(pr->call->p, "printf: %s: not completely converted", text);
	}
	return value;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                     \
	"-Wformat-nonliteral" /* made here, of checked letters, for what follows */

/* A conversion that is being read: "%-5.2s". */
struct conversion {
	char spec[16]; /* "%", flags, "*.*", and what follows */
	size_t size;
	int width, precision;
};

static int small_number(struct printing *pr, const char **at)
{
	long long value = 0;

	if (**at == '*') {
		(*at)++;
		value = number_argument(pr);
	} else {
		while (isdigit((unsigned char)**at) && value < 100000)
			value = value * 10 + (*(*at)++ - '0');
	}
	return value > 65536 ? 65536 : value < -65536 ? -65536 : (int)value;
}

static const char *read_conversion(struct printing *pr, struct conversion *c, const char *at)
{
	*c = (struct conversion){ .spec = "%", .size = 1, .precision = -1 };
	while (*at != '\0' && strchr("-+ #0", *at) != NULL && c->size < 6)
		c->spec[c->size++] = *at++;
	c->width = small_number(pr, &at);
	if (*at == '.') {
		at++;
		c->precision = small_number(pr, &at);
	}
	while (*at != '\0' && strchr("lhjzt", *at) != NULL)
		at++;
	memcpy(c->spec + c->size, "*.*", 4);
	c->size += 3;
	return at;
}

static void put_integer(struct printing *pr, struct conversion *c, char letter)
{
	snprintf(c->spec + c->size, sizeof(c->spec) - c->size, "ll%c", letter);
	grow_format(pr->call->p, &pr->out, c->spec, c->width, c->precision, number_argument(pr));
}

static void put_real(struct printing *pr, struct conversion *c, char letter)
{
	const char *text = next_argument(pr);

	c->spec[c->size] = letter;
	c->spec[c->size + 1] = '\0';
	grow_format(pr->call->p, &pr->out, c->spec, c->width, c->precision,
		    text != NULL ? strtod(text, NULL) : 0);
}

static void put_character(struct printing *pr, struct conversion *c, char letter)
{
	const char *text = next_argument(pr);

	(void)letter;
	memcpy(c->spec + c->size - 3, "*c", 3);
	if (text != NULL && text[0] != '\0')
		grow_format(pr->call->p, &pr->out, c->spec, c->width, text[0]);
}

static void put_string(struct printing *pr, struct conversion *c, char letter)
{
	const char *text = next_argument(pr);

	(void)letter;
	memcpy(c->spec + c->size, "s", 2);
	grow_format(pr->call->p, &pr->out, c->spec, c->width, c->precision,
		    text != NULL ? text : "");
}

/* %b: a text with escapes, which may hold zeros. */
static void put_escaped(struct printing *pr, struct conversion *c, char letter)
{
	struct process *p = pr->call->p;
	struct growing b = { 0 };
	const char *text = next_argument(pr);

	(void)letter;
	for (text = text != NULL ? text : ""; *text != '\0' && !pr->end;)
		if (*text == '\\')
			text = put_escape(p, &b, text + 1, true, &pr->end);
		else
			grow_char(p, &b, *text++);
	grow(p, &pr->out, b.data, b.size);
	for (int n = (int)b.size; n < c->width; n++)
		grow_char(p, &pr->out, ' ');
}

/* %q of bash: so that a shell reads it as one word. */
static void put_quoted(struct printing *pr, struct conversion *c, char letter)
{
	struct process *p = pr->call->p;
	const char *text = next_argument(pr);

	(void)c;
	(void)letter;
	text = text != NULL ? text : "";
	if (text[0] == '\0')
		grow_text(p, &pr->out, "''");
	for (; *text != '\0'; text++) {
		if (!isalnum((unsigned char)*text) && strchr("_-./:=@%+,", *text) == NULL)
			grow_char(p, &pr->out, '\\');
		grow_char(p, &pr->out, *text);
	}
}

static const struct {
	const char *letters;
	void (*put)(struct printing *pr, struct conversion *c, char letter);
} conversions[] = {
	{ "diuoxX", put_integer }, { "feEgGFaA", put_real }, { "c", put_character },
	{ "s", put_string },	   { "b", put_escaped },     { "q", put_quoted },
};

/* One conversion, behind its "%". Returns where it ends. */
static const char *convert(struct printing *pr, const char *at)
{
	struct process *p = pr->call->p;
	struct conversion c;

	if (*at == '%') {
		grow_char(p, &pr->out, '%');
		return at + 1;
	}
	at = read_conversion(pr, &c, at);
	for (size_t i = 0; *at != '\0' && i < HIN_COUNT(conversions); i++)
		if (strchr(conversions[i].letters, *at) != NULL && (*at != 'q' || is_bash(p))) {
			conversions[i].put(pr, &c, *at);
			return at + 1;
		}
	pr->end = true;
	pr->status = p->dialect == HIN_SHELL_DASH ? 2 : 1;
	if (is_busybox(p))
		errf(p, "%s: %%%c: invalid format\n", p->name, *at);
	else if (is_bash(p))
		shell_error(p, "printf: `%.1s': invalid format character", at);
	else
		shell_error(p, "printf: %%%.1s: invalid directive", at);
	return at;
}

#pragma GCC diagnostic pop

static int do_printf(struct call *call)
{
	struct process *p = call->p;
	struct printing pr = { .call = call, .at = 2 };
	const char *format;

	if (call->argc > 1 && strcmp(call->argv[1], "--") == 0) {
		call->argv++;
		call->argc--;
	}
	if (call->argc < 2) {
		if (is_busybox(p)) {
			errf(p, "%s: usage: printf FORMAT [ARG]...\n", p->name);
			return 2;
		}
		shell_error(p, "printf: usage: printf format [arg ...]");
		return 2;
	}
	format = call->argv[1];
	do {
		pr.used = false;
		for (const char *at = format; *at != '\0' && !pr.end;) {
			if (*at == '\\')
				at = put_escape(p, &pr.out, at + 1, false, &pr.end);
			else if (*at == '%')
				at = convert(&pr, at + 1);
			else
				grow_char(p, &pr.out, *at++);
		}
	} while (pr.at < call->argc && pr.used && !pr.end);
	out(p, 1, pr.out.data, pr.out.size);
	return pr.status;
}

const struct command echo_commands[] = {
	{ "echo", do_echo, false },
	{ "printf", do_printf, false },
	{ NULL, NULL, false },
};
