/* expr - expr. */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

struct expression {
	struct call *call;
	int at;
	bool wrong;
};

static const char *read_or(struct expression *e);

static bool is_next(const struct expression *e, const char *word)
{
	return e->at < e->call->argc && strcmp(e->call->argv[e->at], word) == 0;
}

static bool is_integer(const char *text)
{
	text += *text == '-';
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static const char *number_text(struct expression *e, long long value)
{
	return format_of(e->call->p, "%lld", value);
}

static const char *read_term(struct expression *e)
{
	const char *value;

	if (e->at >= e->call->argc) {
		e->wrong = true;
		return "";
	}
	if (is_next(e, "(")) {
		e->at++;
		value = read_or(e);
		if (is_next(e, ")"))
			e->at++;
		else
			e->wrong = true;
		return value;
	}
	if (is_next(e, "length") && e->at + 1 < e->call->argc) {
		e->at += 2;
		return number_text(e, (long long)strlen(e->call->argv[e->at - 1]));
	}
	if (is_next(e, "substr") && e->at + 3 < e->call->argc) {
		const char *text = e->call->argv[e->at + 1];
		long from = strtol(e->call->argv[e->at + 2], NULL, 10),
		     count = strtol(e->call->argv[e->at + 3], NULL, 10);
		long size = (long)strlen(text);

		e->at += 4;
		if (from < 1 || count < 1 || from > size)
			return "";
		if (count > size - from + 1)
			count = size - from + 1;
		return text_of(e->call->p, text + from - 1, (size_t)count);
	}
	if (is_next(e, "index") && e->at + 2 < e->call->argc) {
		const char *text = e->call->argv[e->at + 1];
		size_t place = strcspn(text, e->call->argv[e->at + 2]);

		e->at += 3;
		return number_text(e, text[place] == '\0' ? 0 : (long long)place + 1);
	}
	return e->call->argv[e->at++];
}

static const char *read_match(struct expression *e)
{
	const char *value = read_term(e);

	while (is_next(e, ":")) {
		const char *pattern;
		regmatch_t match[2];
		regex_t *expression = memory_of(e->call->p, sizeof(*expression));

		e->at++;
		pattern = read_term(e);
		if (strlen(pattern) > 512 ||
		    regcomp(expression, format_of(e->call->p, "^%s", pattern), 0) != 0) {
			e->wrong = true;
			return "";
		}
		if (regexec(expression, value, 2, match, 0) != 0) {
			value = expression->re_nsub > 0 ? "" : "0";
		} else if (expression->re_nsub > 0) {
			value = match[1].rm_so < 0
					? ""
					: text_of(e->call->p, value + match[1].rm_so,
						  (size_t)(match[1].rm_eo - match[1].rm_so));
		} else {
			value = number_text(e, match[0].rm_eo);
		}
		regfree(expression);
	}
	return value;
}

static bool both_integers(struct expression *e, const char *a, const char *b)
{
	if (is_integer(a) && is_integer(b))
		return true;
	if (!e->wrong)
		(void)complain(e->call, is_busybox(e->call->p) ? "non-numeric argument"
							       : "non-integer argument");
	e->wrong = true;
	return false;
}

static const char *read_product(struct expression *e)
{
	const char *value = read_match(e);

	while (is_next(e, "*") || is_next(e, "/") || is_next(e, "%")) {
		char op = e->call->argv[e->at++][0];
		const char *other = read_match(e);
		long long a, b;

		if (!both_integers(e, value, other))
			return "";
		a = strtoll(value, NULL, 10);
		b = strtoll(other, NULL, 10);
		if (op != '*' && b == 0) {
			(void)complain(e->call, "division by zero");
			e->wrong = true;
			return "";
		}
		value = number_text(
			e, op == '*'   ? (long long)((unsigned long long)a * (unsigned long long)b)
			   : b == -1   ? (op == '/' ? (long long)(0 - (unsigned long long)a) : 0)
			   : op == '/' ? a / b
				       : a % b);
	}
	return value;
}

static const char *read_sum(struct expression *e)
{
	const char *value = read_product(e);

	while (is_next(e, "+") || is_next(e, "-")) {
		char op = e->call->argv[e->at++][0];
		const char *other = read_product(e);
		unsigned long long a, b;

		if (!both_integers(e, value, other))
			return "";
		a = (unsigned long long)strtoll(value, NULL, 10);
		b = (unsigned long long)strtoll(other, NULL, 10);
		value = number_text(e, (long long)(op == '+' ? a + b : a - b));
	}
	return value;
}

static const char *read_comparison(struct expression *e)
{
	static const char *const words[] = { "=", "==", "!=", "<=", ">=", "<", ">" };
	const char *value = read_sum(e);

	for (size_t i = 0; i < HIN_COUNT(words);) {
		const char *other;
		long long order;
		bool is;

		if (!is_next(e, words[i])) {
			i++;
			continue;
		}
		e->at++;
		other = read_sum(e);
		if (is_integer(value) && is_integer(other)) {
			long long a = strtoll(value, NULL, 10), b = strtoll(other, NULL, 10);

			order = a < b ? -1 : a > b;
		} else {
			order = strcmp(value, other);
		}
		is = i <= 1   ? order == 0
		     : i == 2 ? order != 0
		     : i == 3 ? order <= 0
		     : i == 4 ? order >= 0
		     : i == 5 ? order < 0
			      : order > 0;
		value = is ? "1" : "0";
		i = 0;
	}
	return value;
}

static bool is_true(const char *value)
{
	return value[0] != '\0' && !(is_integer(value) && strtoll(value, NULL, 10) == 0);
}

static const char *read_and(struct expression *e)
{
	const char *value = read_comparison(e);

	while (is_next(e, "&")) {
		const char *other;

		e->at++;
		other = read_comparison(e);
		value = is_true(value) && is_true(other) ? value : "0";
	}
	return value;
}

static const char *read_or(struct expression *e)
{
	const char *value = read_and(e);

	while (is_next(e, "|")) {
		const char *other;

		e->at++;
		other = read_and(e);
		value = is_true(value) ? value : is_true(other) ? other : "0";
	}
	return value;
}

static int do_expr(struct call *call)
{
	struct expression e = { .call = call, .at = 1 };
	const char *value;

	if (call->argc < 2)
		return complain(call, is_busybox(call->p) ? "too few arguments"
							  : "missing operand\nTry 'expr --help' "
							    "for more information.") +
		       1;
	value = read_or(&e);
	if (!e.wrong && e.at < call->argc)
		return complain(call, "syntax error: unexpected argument '%s'", call->argv[e.at]) +
		       1;
	if (e.wrong)
		return 2;
	outf(call->p, "%s\n", value);
	return !is_true(value);
}

const struct command expr_commands[] = {
	{ "expr", do_expr, false },
	{ NULL, NULL, false },
};
