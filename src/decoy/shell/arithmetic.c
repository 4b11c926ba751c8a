/* arithmetic - the value of $(( )): C's integers, as POSIX has them (XCU 2.6.4). */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/shell_priv.h"

#define DEPTH 64 /* parentheses, and variables that name variables */

struct reading {
	struct process *p;
	const char *whole, *at;
	unsigned depth;
	unsigned idle; /* inside of what is not evaluated: && and || and ?: */
};

static int64_t read_assignment(struct reading *r);

static _Noreturn void wrong(const struct reading *r, const char *what)
{
	if (is_busybox(r->p))
		shell_fail(r->p, 2, "%s",
			   strcmp(what, "division by zero") == 0 ? "divide by zero"
								 : "arithmetic syntax error");
	shell_fail(r->p, 2, "arithmetic expression: %s: \"%s\"", what, r->whole);
}

static void skip(struct reading *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

/* Take `text`, when it comes next and none of `but` follows. */
static bool take(struct reading *r, const char *text, const char *but)
{
	size_t size = strlen(text);

	skip(r);
	if (strncmp(r->at, text, size) != 0)
		return false;
	if (r->at[size] != '\0' && strchr(but, r->at[size]) != NULL)
		return false;
	r->at += size;
	return true;
}

static int64_t value_of(struct reading *r, const char *name)
{
	const char *value = variable_get(r->p, name);
	struct reading inner = { .p = r->p, .whole = value, .at = value, .depth = r->depth + 1 };
	int64_t result;

	if (value == NULL || value[strspn(value, " \t\n")] == '\0') {
		if (value == NULL && (r->p->options & OPTION_NOUNSET))
			shell_fail(r->p, 2, "%s: parameter not set", name);
		return 0;
	}
	if (inner.depth > DEPTH)
		wrong(r, "expression recursion level exceeded");
	result = read_assignment(&inner);
	skip(&inner);
	if (*inner.at != '\0') {
		if (is_busybox(r->p))
			wrong(r, "");
		shell_fail(r->p, 2, "Illegal number: %s", value);
	}
	return result;
}

static void set(struct reading *r, const char *name, int64_t value)
{
	char text[32];

	if (r->idle > 0)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	if (!variable_set(r->p, name, text))
		process_die(r->p, 2);
}

static int64_t divide(struct reading *r, int64_t a, int64_t b, bool rest)
{
	if (b == 0) {
		if (r->idle > 0)
			return 0;
		wrong(r, "division by zero");
	}
	if (b == -1) /* INT64_MIN / -1 has no place */
		return rest ? 0 : (int64_t)(0 - (uint64_t)a);
	return rest ? a % b : a / b;
}

static int64_t power(int64_t a, int64_t b)
{
	uint64_t result = 1, base = (uint64_t)a;

	for (; b > 0; b >>= 1) {
		if (b & 1)
			result *= base;
		base *= base;
	}
	return (int64_t)result;
}

static int64_t read_number(struct reading *r)
{
	char *end;
	uint64_t value = strtoull(r->at, &end, 0);

	if (end > r->at && is_busybox(r->p) && *end == '#') { /* base#digits */
		value = strtoull(end + 1, &end, value >= 2 && value <= 36 ? (int)value : 10);
	}
	if (isalnum((unsigned char)*end) || *end == '_')
		wrong(r, "expecting EOF");
	r->at = end;
	return (int64_t)(value > INT64_MAX ? INT64_MAX : value);
}

static int64_t assign(struct reading *r, const char *name);

static int64_t read_primary(struct reading *r)
{
	int64_t value;

	skip(r);
	if (++r->depth > DEPTH)
		wrong(r, "expression recursion level exceeded");
	if (take(r, "(", "")) {
		value = read_assignment(r);
		if (!take(r, ")", ""))
			wrong(r, "expecting ')'");
	} else if (take(r, "!", "=")) {
		value = !read_primary(r);
	} else if (take(r, "~", "")) {
		value = ~read_primary(r);
	} else if (is_busybox(r->p) && (take(r, "++", "") || take(r, "--", ""))) {
		char name[256];
		int64_t by = r->at[-1] == '+' ? 1 : -1;
		size_t size = 0;

		skip(r);
		while ((isalnum((unsigned char)r->at[size]) || r->at[size] == '_') &&
		       size < sizeof(name) - 1)
			size++;
		memcpy(name, r->at, size);
		name[size] = '\0';
		r->at += size;
		value = value_of(r, name) + by;
		set(r, name, value);
	} else if (take(r, "-", "")) {
		value = (int64_t)(0 - (uint64_t)read_primary(r));
	} else if (take(r, "+", "")) {
		value = read_primary(r);
	} else if (isdigit((unsigned char)*r->at)) {
		value = read_number(r);
	} else if (isalpha((unsigned char)*r->at) || *r->at == '_') {
		char name[256];
		size_t size = 0;

		while (isalnum((unsigned char)r->at[size]) || r->at[size] == '_')
			size++;
		if (size >= sizeof(name))
			wrong(r, "expecting primary");
		memcpy(name, r->at, size);
		name[size] = '\0';
		r->at += size;
		value = assign(r, name);
	} else {
		wrong(r, "expecting primary");
	}
	r->depth--;
	return value;
}

/* A variable, and what is assigned to it. */
static int64_t assign(struct reading *r, const char *name)
{
	static const char *const operators[] = { "<<=", ">>=", "+=", "-=", "*=",
						 "/=",	"%=",  "&=", "|=", "^=" };
	int64_t value, other;

	if (take(r, "=", "=")) {
		value = read_assignment(r);
		set(r, name, value);
		return value;
	}
	for (size_t i = 0; i < HIN_COUNT(operators); i++) {
		if (!take(r, operators[i], ""))
			continue;
		value = value_of(r, name);
		other = read_assignment(r);
		switch (operators[i][0]) {
		case '<':
			value = (int64_t)((uint64_t)value << (other & 63));
			break;
		case '>':
			value >>= other & 63;
			break;
		case '+':
			value = (int64_t)((uint64_t)value + (uint64_t)other);
			break;
		case '-':
			value = (int64_t)((uint64_t)value - (uint64_t)other);
			break;
		case '*':
			value = (int64_t)((uint64_t)value * (uint64_t)other);
			break;
		case '/':
		case '%':
			value = divide(r, value, other, operators[i][0] == '%');
			break;
		case '&':
			value &= other;
			break;
		case '|':
			value |= other;
			break;
		default:
			value ^= other;
		}
		set(r, name, value);
		return value;
	}
	value = value_of(r, name);
	if (is_busybox(r->p) && (take(r, "++", "") || take(r, "--", "")))
		set(r, name, value + (r->at[-1] == '+' ? 1 : -1));
	return value;
}

/* One of two operands by an operator of two. */
static int64_t apply(struct reading *r, const char *operator, int64_t a, int64_t b)
{
	switch (operator[0]) {
	case '*':
		if (operator[1] == '*')
			return power(a, b);
		return (int64_t)((uint64_t)a * (uint64_t)b);
	case '/':
	case '%':
		return divide(r, a, b, operator[0] == '%');
	case '+':
		return (int64_t)((uint64_t)a + (uint64_t)b);
	case '-':
		return (int64_t)((uint64_t)a - (uint64_t)b);
	case '<':
		if (operator[1] == '<')
			return (int64_t)((uint64_t)a << (b & 63));
		return operator[1] == '=' ? a <= b : a<b;
	case '>':
		if (operator[1] == '>')
			return a >> (b & 63);
		return operator[1] == '=' ? a >= b : a> b;
	case '=':
		return a == b;
	case '!':
		return a != b;
	case '&':
		return a & b;
	case '^':
		return a ^ b;
	default:
		return a | b;
	}
}

struct operator
{
	const char *text, *but;
	unsigned level;
};

/* By how strongly they bind; && and || stand apart. */
static const struct operator operators[] = {
	{ "*", "=*", 10 }, { "/", "=", 10 }, { "%", "=", 10 }, { "+", "=+", 9 },
	{ "-", "=-", 9 },  { "<<", "=", 8 }, { ">>", "=", 8 }, { "<=", "", 7 },
	{ ">=", "", 7 },   { "<", "<=", 7 }, { ">", ">=", 7 }, { "==", "", 6 },
	{ "!=", "", 6 },   { "&", "&=", 5 }, { "^", "=", 4 },  { "|", "|=", 3 },
};

static int64_t read_binary(struct reading *r, unsigned level)
{
	int64_t value = read_primary(r);

	for (;;) {
		const struct operator* found = NULL;

		for (size_t i = 0; i < HIN_COUNT(operators) && found == NULL; i++)
			if (operators[i].level >= level &&
			    take(r, operators[i].text, operators[i].but))
				found = &operators[i];
		if (found == NULL && is_busybox(r->p) && level <= 11 && take(r, "**", "=")) {
			value = power(value, read_binary(r, 11));
			continue;
		}
		if (found == NULL)
			return value;
		value = apply(r, found->text, value, read_binary(r, found->level + 1));
	}
}

static int64_t read_and(struct reading *r)
{
	int64_t value = read_binary(r, 3);

	while (take(r, "&&", "")) {
		int64_t other;

		r->idle += value == 0;
		other = read_binary(r, 3);
		r->idle -= value == 0;
		value = value != 0 && other != 0;
	}
	return value;
}

static int64_t read_or(struct reading *r)
{
	int64_t value = read_and(r);

	while (take(r, "||", "")) {
		int64_t other;

		r->idle += value != 0;
		other = read_and(r);
		r->idle -= value != 0;
		value = value != 0 || other != 0;
	}
	return value;
}

static int64_t read_assignment(struct reading *r)
{
	int64_t value = read_or(r), one, other;

	if (!take(r, "?", ""))
		return value;
	r->idle += value == 0;
	one = read_assignment(r);
	r->idle -= value == 0;
	if (!take(r, ":", ""))
		wrong(r, "expecting ':'");
	r->idle += value != 0;
	other = read_assignment(r);
	r->idle -= value != 0;
	return value != 0 ? one : other;
}

int64_t arithmetic(struct process *p, const char *text)
{
	struct reading r = { .p = p, .whole = text, .at = text };
	int64_t value;

	skip(&r);
	if (*r.at == '\0') {
		if (is_busybox(p))
			return 0;
		return 0;
	}
	value = read_assignment(&r);
	while (is_busybox(p) && take(&r, ",", ""))
		value = read_assignment(&r);
	skip(&r);
	if (*r.at != '\0')
		wrong(&r, "expecting EOF");
	return value;
}
