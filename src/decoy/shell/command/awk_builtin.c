/* awk_builtin - the functions that awk has by itself. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/awk.h"

#define ARGUMENTS 4

/* The arguments of a call: their trees, and their values when they are asked for. */
struct arguments {
	struct awk *a;
	const struct awk_node *nodes[ARGUMENTS];
	int count;
};

static struct awk_value value_of(const struct arguments *g, int n)
{
	return n < g->count ? awk_eval(g->a, g->nodes[n]) : (struct awk_value){ .kind = AWK_UNSET };
}

static const char *text_at(const struct arguments *g, int n)
{
	struct awk_value v = value_of(g, n);

	return awk_text(g->a, &v);
}

static double number_at(const struct arguments *g, int n)
{
	struct awk_value v = value_of(g, n);

	return awk_number(g->a, &v);
}

/* An expression as it stands between slashes, else the text of a value. */
static regex_t *regex_at(const struct arguments *g, int n)
{
	if (n < g->count && g->nodes[n]->type == AWK_REGEX)
		return awk_regex(g->a, g->nodes[n]->value.text);
	return awk_regex(g->a, text_at(g, n));
}

/* ---- texts ---- */

static struct awk_value do_length(const struct arguments *g)
{
	struct awk_value record;

	if (g->count == 0) {
		record = awk_field(g->a, 0);
		return awk_of_number((double)strlen(awk_text(g->a, &record)));
	}
	if (g->nodes[0]->type == AWK_VARIABLE || g->nodes[0]->type == AWK_LOCAL) {
		struct awk_cell *cell = awk_cell_of(g->a, g->nodes[0]);

		while (cell->other != NULL)
			cell = cell->other;
		if (cell->array != NULL)
			return awk_of_number((double)cell->array->count);
	}
	return awk_of_number((double)strlen(text_at(g, 0)));
}

static struct awk_value do_substr(const struct arguments *g)
{
	const char *text = text_at(g, 0);
	double size = (double)strlen(text), from = nearbyint(number_at(g, 1)), length, until;

	length = g->count > 2 ? nearbyint(number_at(g, 2)) : size + 1;
	if (from < 1) { /* as Debian's mawk and busybox have it, not POSIX */
		length = is_busybox(g->a->p) ? length : length - from;
		from = 1;
	}
	until = from + length;
	if (until > size + 1)
		until = size + 1;
	if (!(until > from))
		return awk_of_text(g->a, "", 0);
	return awk_of_text(g->a, text + (size_t)from - 1, (size_t)(until - from));
}

static struct awk_value do_index(const struct arguments *g)
{
	const char *text = text_at(g, 0), *found = strstr(text, text_at(g, 1));

	return awk_of_number(found != NULL ? (double)(found - text) + 1 : 0);
}

static struct awk_value do_split(const struct arguments *g)
{
	const char *text = text_at(g, 0), *separator;
	struct awk_array *array;

	if (g->count < 2 || (g->nodes[1]->type != AWK_VARIABLE && g->nodes[1]->type != AWK_LOCAL))
		awk_fail(g->a, "split: second argument is no array");
	array = awk_array_of(g->a, awk_cell_of(g->a, g->nodes[1]));
	if (g->count < 3)
		separator = awk_text(g->a, &g->a->cells[AWK_FS].value);
	else if (g->nodes[2]->type == AWK_REGEX)
		separator = g->nodes[2]->value.text;
	else
		separator = text_at(g, 2);
	awk_clear(array);
	return awk_of_number(awk_split(g->a, text, separator, array));
}

/* What replaces a match: "&" is the match itself. */
static void put_replacement(struct awk *a, struct growing *g, const char *with, const char *match,
			    size_t size)
{
	for (; *with != '\0'; with++) {
		if (*with == '\\' && (with[1] == '&' || with[1] == '\\'))
			grow_char(a->p, g, *++with);
		else if (*with == '&')
			grow(a->p, g, match, size);
		else
			grow_char(a->p, g, *with);
	}
}

/* Replace the `which`-th match, or all for 0, in `text`; how many. */
static int substitute(struct awk *a, regex_t *expression, const char *with, const char *text,
		      int which, struct growing *out)
{
	const char *at = text;
	int found = 0, count = 0;
	regmatch_t m;

	grow(a->p, out, "", 0);
	while (regexec(expression, at, 1, &m, at == text ? 0 : REG_NOTBOL) == 0) {
		size_t size = (size_t)(m.rm_eo - m.rm_so);

		step(a->p);
		grow(a->p, out, at, (size_t)m.rm_so);
		found++;
		if (which == 0 || found == which) {
			put_replacement(a, out, with, at + m.rm_so, size);
			count++;
		} else {
			grow(a->p, out, at + m.rm_so, size);
		}
		at += m.rm_eo;
		if (size == 0) { /* an empty match: go on behind the next letter */
			if (*at == '\0')
				return count;
			grow_char(a->p, out, *at++);
		} else if (*at == '\0') {
			return count;
		}
		if (found == which)
			break;
	}
	grow_text(a->p, out, at);
	return count;
}

static struct awk_value substitute_in(const struct arguments *g, int which)
{
	regex_t *expression = regex_at(g, 0);
	const char *with = text_at(g, 1), *text;
	struct awk_value record = g->count < 3 ? awk_field(g->a, 0) : value_of(g, 2);
	struct growing made = { 0 };
	int count;

	text = awk_text(g->a, &record);
	expression = regex_at(g, 0); /* others may have been compiled meanwhile */
	count = substitute(g->a, expression, with, text, which, &made);
	if (count > 0 && g->count < 3)
		awk_set_field(g->a, 0, awk_of_text(g->a, made.data, made.size));
	else if (count > 0)
		awk_assign(g->a, g->nodes[2], awk_of_text(g->a, made.data, made.size));
	return awk_of_number(count);
}

static struct awk_value do_sub(const struct arguments *g)
{
	return substitute_in(g, 1);
}

static struct awk_value do_gsub(const struct arguments *g)
{
	return substitute_in(g, 0);
}

static struct awk_value do_match(const struct arguments *g)
{
	const char *text = text_at(g, 0);
	regmatch_t m = { -1, -1 };
	double start = 0, size = -1;

	if (regexec(regex_at(g, 1), text, 1, &m, 0) == 0) {
		start = (double)m.rm_so + 1;
		size = (double)(m.rm_eo - m.rm_so);
	}
	g->a->cells[AWK_RSTART].value = awk_of_number(start);
	g->a->cells[AWK_RLENGTH].value = awk_of_number(size);
	return awk_of_number(start);
}

static struct awk_value change_case(const struct arguments *g, int (*change)(int c))
{
	const char *text = text_at(g, 0);
	char *made = text_of(g->a->p, text, strlen(text));

	for (char *c = made; *c != '\0'; c++)
		*c = (char)change((unsigned char)*c);
	return (struct awk_value){ .kind = AWK_STRING, .text = made };
}

static struct awk_value do_lower(const struct arguments *g)
{
	return change_case(g, tolower);
}

static struct awk_value do_upper(const struct arguments *g)
{
	return change_case(g, toupper);
}

static struct awk_value do_sprintf(const struct arguments *g)
{
	struct awk_value values[32];
	int count = 0;
	const char *format = text_at(g, 0), *made;
	size_t size;

	for (const struct awk_node *n = g->nodes[0] != NULL ? g->nodes[0]->next : NULL;
	     n != NULL && count < 32; n = n->next)
		values[count++] = awk_eval(g->a, n);
	made = awk_format(g->a, format, values, count, &size);
	return awk_of_text(g->a, made, size);
}

/* ---- numbers ---- */

static struct awk_value do_int(const struct arguments *g)
{
	return awk_of_number(trunc(number_at(g, 0)));
}

static struct awk_value do_sqrt(const struct arguments *g)
{
	return awk_of_number(sqrt(number_at(g, 0)));
}

static struct awk_value do_exp(const struct arguments *g)
{
	return awk_of_number(exp(number_at(g, 0)));
}

static struct awk_value do_log(const struct arguments *g)
{
	return awk_of_number(log(number_at(g, 0)));
}

static struct awk_value do_sin(const struct arguments *g)
{
	return awk_of_number(sin(number_at(g, 0)));
}

static struct awk_value do_cos(const struct arguments *g)
{
	return awk_of_number(cos(number_at(g, 0)));
}

static struct awk_value do_atan2(const struct arguments *g)
{
	double y = number_at(g, 0);

	return awk_of_number(atan2(y, number_at(g, 1)));
}

static struct awk_value do_rand(const struct arguments *g)
{
	g->a->seed = g->a->seed * 6364136223846793005u + 1442695040888963407u;
	return awk_of_number((double)(g->a->seed >> 11) / 9007199254740992.0);
}

static struct awk_value do_srand(const struct arguments *g)
{
	uint64_t last = g->a->last_seed;
	double seed = g->count > 0 ? number_at(g, 0) : (double)now_s(g->a->p);

	g->a->last_seed = seed >= 0 && seed < 1e18 ? (uint64_t)seed : 0;
	g->a->seed = g->a->last_seed * 2654435761u + 1;
	return awk_of_number((double)last);
}

static struct awk_value bits(const struct arguments *g, char op)
{
	double one = number_at(g, 0), other = number_at(g, 1);
	uint64_t x = one >= 0 && one < 1.8e19 ? (uint64_t)one : 0;
	uint64_t y = other >= 0 && other < 1.8e19 ? (uint64_t)other : 0;

	switch (op) {
	case '&':
		return awk_of_number((double)(x & y));
	case '|':
		return awk_of_number((double)(x | y));
	case '^':
		return awk_of_number((double)(x ^ y));
	case '<':
		return awk_of_number((double)(y < 64 ? x << y : 0));
	default:
		return awk_of_number((double)(y < 64 ? x >> y : 0));
	}
}

static struct awk_value do_and(const struct arguments *g)
{
	return bits(g, '&');
}

static struct awk_value do_or(const struct arguments *g)
{
	return bits(g, '|');
}

static struct awk_value do_xor(const struct arguments *g)
{
	return bits(g, '^');
}

static struct awk_value do_lshift(const struct arguments *g)
{
	return bits(g, '<');
}

static struct awk_value do_rshift(const struct arguments *g)
{
	return bits(g, '>');
}

/* ---- the world outside ---- */

static void system_body(struct process *p, void *what)
{
	const char *text = what;

	run_text(p, text, strlen(text));
}

static struct awk_value do_system(const struct arguments *g)
{
	struct process *p = g->a->p, *child;
	const char *text = text_at(g, 0);

	child = process_inside(p);
	if (!is_busybox(p))
		child->dialect = dialect_of(p->shell->machine, "sh");
	process_run(child, system_body, (void *)(uintptr_t)text);
	step(p);
	return awk_of_number(p->status);
}

static struct awk_value do_close(const struct arguments *g)
{
	return awk_of_number(awk_close(g->a, text_at(g, 0)));
}

static struct awk_value do_fflush(const struct arguments *g)
{
	(void)g;
	return awk_of_number(0);
}

static struct awk_value do_systime(const struct arguments *g)
{
	return awk_of_number((double)now_s(g->a->p));
}

static struct awk_value do_strftime(const struct arguments *g)
{
	const char *format = g->count > 0 ? text_at(g, 0) : "%c";
	int64_t when = g->count > 1 ? (int64_t)number_at(g, 1) : now_s(g->a->p);
	struct tm tm = machine_time(g->a->p->shell->machine, when);
	char text[512] = "";

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" /* what the program asked for; it is bounded  \
						      */
	if (strlen(format) < 128 && strftime(text, sizeof(text), format, &tm) == 0)
		text[0] = '\0';
#pragma GCC diagnostic pop
	return awk_of_text(g->a, text, strlen(text));
}

static const struct {
	const char *name;
	struct awk_value (*run)(const struct arguments *g);
} builtins[] = {
	{ "length", do_length },   { "substr", do_substr },   { "index", do_index },
	{ "split", do_split },	   { "sub", do_sub },	      { "gsub", do_gsub },
	{ "match", do_match },	   { "tolower", do_lower },   { "toupper", do_upper },
	{ "sprintf", do_sprintf }, { "int", do_int },	      { "sqrt", do_sqrt },
	{ "exp", do_exp },	   { "log", do_log },	      { "sin", do_sin },
	{ "cos", do_cos },	   { "atan2", do_atan2 },     { "rand", do_rand },
	{ "srand", do_srand },	   { "system", do_system },   { "close", do_close },
	{ "fflush", do_fflush },   { "systime", do_systime }, { "strftime", do_strftime },
	{ "and", do_and },	   { "or", do_or },	      { "xor", do_xor },
	{ "lshift", do_lshift },   { "rshift", do_rshift },
};

int awk_builtin_find(const char *name)
{
	for (size_t i = 0; i < HIN_COUNT(builtins); i++)
		if (strcmp(builtins[i].name, name) == 0)
			return (int)i;
	return -1;
}

struct awk_value awk_builtin(struct awk *a, const struct awk_node *node)
{
	struct arguments g = { .a = a };

	for (const struct awk_node *n = node->a; n != NULL && g.count < ARGUMENTS; n = n->next)
		g.nodes[g.count++] = n;
	return builtins[node->op].run(&g);
}
