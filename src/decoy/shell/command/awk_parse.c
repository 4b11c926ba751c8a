/* awk_parse - the grammar of awk (POSIX.1-2017, XCU awk): a text becomes rules and functions. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/awk.h"

enum token {
	T_END = 256, /* below are letters */
	T_NEWLINE,
	T_NUMBER,
	T_STRING,
	T_REGEX,
	T_NAME,
	T_FUNCTION_NAME, /* with its "(" at once */
	T_BUILTIN,
	T_PLUS_ASSIGN,
	T_MINUS_ASSIGN,
	T_MULTIPLY_ASSIGN,
	T_DIVIDE_ASSIGN,
	T_MODULO_ASSIGN,
	T_POWER_ASSIGN,
	T_EQ,
	T_LE,
	T_GE,
	T_NE,
	T_NO_MATCH,
	T_AND,
	T_OR,
	T_INCREMENT,
	T_DECREMENT,
	T_APPEND,
	T_BEGIN,
	T_LAST,
	T_FUNCTION,
	T_IF,
	T_ELSE,
	T_WHILE,
	T_FOR,
	T_DO,
	T_BREAK,
	T_CONTINUE,
	T_NEXT,
	T_EXIT,
	T_RETURN,
	T_DELETE,
	T_IN,
	T_GETLINE,
	T_PRINT,
	T_PRINTF,
};

static const struct {
	const char *name;
	enum token token;
} keywords[] = {
	{ "BEGIN", T_BEGIN },
	{ "END", T_LAST },
	{ "function", T_FUNCTION },
	{ "func", T_FUNCTION },
	{ "if", T_IF },
	{ "else", T_ELSE },
	{ "while", T_WHILE },
	{ "for", T_FOR },
	{ "do", T_DO },
	{ "break", T_BREAK },
	{ "continue", T_CONTINUE },
	{ "next", T_NEXT },
	{ "nextfile", T_NEXT },
	{ "exit", T_EXIT },
	{ "return", T_RETURN },
	{ "delete", T_DELETE },
	{ "in", T_IN },
	{ "getline", T_GETLINE },
	{ "print", T_PRINT },
	{ "printf", T_PRINTF },
};

static struct awk_node *expression(struct awk *a);
static struct awk_node *statement(struct awk *a);

/* ---- words ---- */

static void syntax_error(struct awk *a)
{
	if (a->failed)
		return;
	a->failed = true;
	if (is_busybox(a->p)) {
		errf(a->p, "awk: cmd. line:1: %s\n",
		     a->token == T_END || a->token == T_NEWLINE ? "Unexpected end of string"
								: "Unexpected token");
		return;
	}
	if (a->token == T_END)
		errf(a->p, "awk: line 1: syntax error at or near end of line\n");
	else if (a->token < T_END)
		errf(a->p, "awk: line 1: syntax error at or near %c\n", a->token);
	else
		errf(a->p, "awk: line 1: syntax error at or near %s\n",
		     a->word.size > 0 ? a->word.data : "end of line");
}

/* The character behind a backslash of a string. */
static void read_escape(struct awk *a)
{
	static const char from[] = "abfnrtv\\\"/", to[] = "\a\b\f\n\r\t\v\\\"/";
	const char *known = *a->at != '\0' ? strchr(from, *a->at) : NULL;
	unsigned value = 0;

	if (known != NULL) {
		grow_char(a->p, &a->word, to[known - from]);
		a->at++;
	} else if (*a->at >= '0' && *a->at <= '7') {
		for (unsigned i = 0; i < 3 && *a->at >= '0' && *a->at <= '7'; i++)
			value = value * 8 + (unsigned)(*a->at++ - '0');
		grow_char(a->p, &a->word, (char)value);
	} else if (*a->at == 'x' && isxdigit((unsigned char)a->at[1])) {
		char digits[3] = { a->at[1], isxdigit((unsigned char)a->at[2]) ? a->at[2] : '\0',
				   '\0' };

		grow_char(a->p, &a->word, (char)strtoul(digits, NULL, 16));
		a->at += 1 + strlen(digits);
	} else {
		grow_char(a->p, &a->word, '\\');
	}
}

static int read_string(struct awk *a)
{
	while (*a->at != '"') {
		if (*a->at == '\0' || *a->at == '\n') {
			a->token = T_END;
			syntax_error(a);
			return T_END;
		}
		if (*a->at == '\\' && a->at[1] == '\n') {
			a->at += 2;
		} else if (*a->at == '\\') {
			a->at++;
			read_escape(a);
		} else {
			grow_char(a->p, &a->word, *a->at++);
		}
	}
	a->at++;
	return T_STRING;
}

static int read_regex(struct awk *a)
{
	bool in_set = false;

	while (*a->at != '/' || in_set) {
		if (*a->at == '\0' || *a->at == '\n') {
			a->token = T_END;
			syntax_error(a);
			return T_END;
		}
		if (*a->at == '\\' && a->at[1] != '\0') {
			if (a->at[1] != '/')
				grow_char(a->p, &a->word, '\\');
			a->at++;
		} else if (*a->at == '[') {
			in_set = true;
			if (a->at[1] == ']' || (a->at[1] == '^' && a->at[2] == ']'))
				grow_char(a->p, &a->word, *a->at++);
		} else if (*a->at == ']') {
			in_set = false;
		}
		grow_char(a->p, &a->word, *a->at++);
	}
	a->at++;
	return T_REGEX;
}

static int read_name(struct awk *a)
{
	const char *from = a->at;

	while (isalnum((unsigned char)*a->at) || *a->at == '_')
		a->at++;
	grow(a->p, &a->word, from, (size_t)(a->at - from));
	for (size_t i = 0; i < HIN_COUNT(keywords); i++)
		if (strcmp(keywords[i].name, a->word.data) == 0)
			return keywords[i].token;
	if (awk_builtin_find(a->word.data) >= 0)
		return T_BUILTIN;
	return *a->at == '(' ? T_FUNCTION_NAME : T_NAME;
}

static int read_operator(struct awk *a)
{
	static const struct {
		char text[3];
		enum token token;
	} operators[] = {
		{ "+=", T_PLUS_ASSIGN },
		{ "-=", T_MINUS_ASSIGN },
		{ "*=", T_MULTIPLY_ASSIGN },
		{ "/=", T_DIVIDE_ASSIGN },
		{ "%=", T_MODULO_ASSIGN },
		{ "^=", T_POWER_ASSIGN },
		{ "==", T_EQ },
		{ "<=", T_LE },
		{ ">=", T_GE },
		{ "!=", T_NE },
		{ "!~", T_NO_MATCH },
		{ "&&", T_AND },
		{ "||", T_OR },
		{ "++", T_INCREMENT },
		{ "--", T_DECREMENT },
		{ ">>", T_APPEND },
	};

	if (strncmp(a->at, "**=", 3) == 0 && is_busybox(a->p)) {
		a->at += 3;
		return T_POWER_ASSIGN;
	}
	if (strncmp(a->at, "**", 2) == 0 && is_busybox(a->p)) {
		a->at += 2;
		return '^';
	}
	for (size_t i = 0; i < HIN_COUNT(operators); i++)
		if (strncmp(a->at, operators[i].text, 2) == 0) {
			a->at += 2;
			grow_text(a->p, &a->word, operators[i].text);
			return (int)operators[i].token;
		}
	return (unsigned char)*a->at++;
}

static void next(struct awk *a)
{
	char *end;

	a->word = (struct growing){ 0 };
	grow(a->p, &a->word, "", 0);
	for (;;) {
		if (*a->at == ' ' || *a->at == '\t' || *a->at == '\r')
			a->at++;
		else if (a->at[0] == '\\' && a->at[1] == '\n')
			a->at += 2;
		else if (*a->at == '#')
			a->at += strcspn(a->at, "\n");
		else
			break;
	}
	if (*a->at == '\0' || a->failed) {
		a->token = T_END;
	} else if (*a->at == '\n') {
		a->at++;
		a->token = T_NEWLINE;
	} else if (*a->at == '"') {
		a->at++;
		a->token = read_string(a);
	} else if (isdigit((unsigned char)*a->at) ||
		   (*a->at == '.' && isdigit((unsigned char)a->at[1]))) {
		a->number = strtod(a->at, &end);
		if (a->at[0] == '0' && (a->at[1] == 'x' || a->at[1] == 'X') && !is_busybox(a->p)) {
			a->number = 0; /* no number of awk's */
			end = NULL;
		}
		a->at = end != NULL ? end : a->at + 1;
		a->token = T_NUMBER;
	} else if (isalpha((unsigned char)*a->at) || *a->at == '_') {
		a->token = read_name(a);
	} else {
		a->token = read_operator(a);
	}
}

static bool take(struct awk *a, int token)
{
	if (a->token != token)
		return false;
	next(a);
	return true;
}

static void expect(struct awk *a, int token)
{
	if (!take(a, token))
		syntax_error(a);
}

static void skip_newlines(struct awk *a)
{
	while (a->token == T_NEWLINE)
		next(a);
}

/* Behind a statement. */
static void skip_ends(struct awk *a)
{
	while (a->token == T_NEWLINE || a->token == ';')
		next(a);
}

/* ---- nodes ---- */

static struct awk_node *node_of(struct awk *a, enum awk_type type, struct awk_node *x,
				struct awk_node *y)
{
	struct awk_node *n = memory_of(a->p, sizeof(*n));

	n->type = type;
	n->a = x;
	n->b = y;
	return n;
}

static struct awk_node *constant(struct awk *a, struct awk_value value)
{
	struct awk_node *n = node_of(a, AWK_CONSTANT, NULL, NULL);

	n->value = value;
	return n;
}

int awk_variable(struct awk *a, const char *name)
{
	for (int i = 0; i < a->name_count; i++)
		if (strcmp(a->names[i], name) == 0)
			return i;
	if (a->name_count == AWK_VARIABLES)
		return -1;
	a->names[a->name_count] = text_of(a->p, name, strlen(name));
	return a->name_count++;
}

static struct awk_node *variable(struct awk *a, const char *name)
{
	struct awk_node *n = node_of(a, AWK_VARIABLE, NULL, NULL);

	for (int i = 0; a->function != NULL && i < a->function->parameter_count; i++)
		if (strcmp(a->function->parameters[i], name) == 0) {
			n->type = AWK_LOCAL;
			n->op = i;
			return n;
		}
	n->op = awk_variable(a, name);
	if (n->op < 0) {
		n->op = 0;
		syntax_error(a);
	}
	return n;
}

static bool is_target(const struct awk_node *n)
{
	return n->type == AWK_VARIABLE || n->type == AWK_LOCAL || n->type == AWK_FIELD ||
	       n->type == AWK_INDEX;
}

static int function_place(struct awk *a, const char *name)
{
	for (int i = 0; i < a->function_count; i++)
		if (strcmp(a->functions[i].name, name) == 0)
			return i;
	if (a->function_count == AWK_FUNCTIONS) {
		syntax_error(a);
		return 0;
	}
	a->functions[a->function_count].name = text_of(a->p, name, strlen(name));
	return a->function_count++;
}

/* Expressions with commas between, up to `end`, which is taken. */
static struct awk_node *list_until(struct awk *a, int end)
{
	struct awk_node *first = NULL, **last = &first;
	bool no_in = a->no_in, no_gt = a->no_gt;

	a->no_in = a->no_gt = false;
	skip_newlines(a);
	while (a->token != end && !a->failed) {
		*last = expression(a);
		last = &(*last)->next;
		skip_newlines(a);
		if (!take(a, ','))
			break;
		skip_newlines(a);
	}
	a->no_in = no_in;
	a->no_gt = no_gt;
	expect(a, end);
	return first;
}

/* ---- expressions, from the tightest on ---- */

static struct awk_node *getline_simple(struct awk *a, struct awk_node *command);
static struct awk_node *unary(struct awk *a);

static struct awk_node *primary_name(struct awk *a)
{
	char *name = text_of(a->p, a->word.data, a->word.size);
	struct awk_node *n;

	if (a->token == T_FUNCTION_NAME) {
		next(a);
		expect(a, '(');
		n = node_of(a, AWK_CALL, list_until(a, ')'), NULL);
		n->op = function_place(a, name);
		return n;
	}
	next(a);
	n = variable(a, name);
	if (a->token != '[')
		return n;
	next(a);
	n = node_of(a, AWK_INDEX, n, list_until(a, ']'));
	return n;
}

static struct awk_node *primary_group(struct awk *a)
{
	struct awk_node *first = list_until(a, ')'), *n;

	if (first == NULL) {
		syntax_error(a);
		return constant(a, awk_of_number(0));
	}
	if (first->next == NULL)
		return node_of(a, AWK_GROUP, first, NULL);
	n = node_of(a, AWK_GROUP, first, NULL); /* (i, j) in array; or the list of a print */
	if (a->token == T_IN) {
		next(a);
		n = node_of(a, AWK_IN, first, variable(a, a->word.data));
		next(a);
	}
	return n;
}

static struct awk_node *primary_builtin(struct awk *a)
{
	struct awk_node *n = node_of(a, AWK_BUILTIN, NULL, NULL);

	n->op = awk_builtin_find(a->word.data);
	next(a);
	if (take(a, '('))
		n->a = list_until(a, ')');
	return n;
}

static struct awk_node *primary(struct awk *a)
{
	struct awk_node *n;
	int op;

	switch (a->token) {
	case T_NUMBER:
		n = constant(a, awk_of_number(a->number));
		next(a);
		return n;
	case T_STRING:
		n = constant(a, awk_of_text(a, a->word.data, a->word.size));
		next(a);
		return n;
	case '/':
	case T_DIVIDE_ASSIGN:
		a->word = (struct growing){ 0 };
		grow(a->p, &a->word, a->token == '/' ? "" : "=", a->token == '/' ? 0 : 1);
		(void)read_regex(a);
		n = node_of(a, AWK_REGEX, NULL, NULL);
		n->value = awk_of_text(a, a->word.data, a->word.size);
		next(a);
		return n;
	case '$':
		next(a);
		if (a->token == T_INCREMENT || a->token == T_DECREMENT || a->token == '-')
			return node_of(a, AWK_FIELD, unary(a), NULL);
		return node_of(a, AWK_FIELD, primary(a), NULL);
	case '(':
		next(a);
		return primary_group(a);
	case T_INCREMENT:
	case T_DECREMENT:
		op = a->token == T_INCREMENT ? '+' : '-';
		next(a);
		n = node_of(a, AWK_BEFORE, primary(a), NULL);
		n->op = op;
		if (!is_target(n->a))
			syntax_error(a);
		return n;
	case T_NAME:
	case T_FUNCTION_NAME:
		return primary_name(a);
	case T_BUILTIN:
		return primary_builtin(a);
	case T_GETLINE:
		return getline_simple(a, NULL);
	default:
		syntax_error(a);
		return constant(a, awk_of_number(0));
	}
}

static struct awk_node *postfix(struct awk *a)
{
	struct awk_node *n;

	if (++a->depth > AWK_DEPTH * 4) {
		syntax_error(a);
		a->depth--;
		return constant(a, awk_of_number(0));
	}
	n = primary(a);
	a->depth--;
	if ((a->token == T_INCREMENT || a->token == T_DECREMENT) && is_target(n)) {
		n = node_of(a, AWK_AFTER, n, NULL);
		n->op = a->token == T_INCREMENT ? '+' : '-';
		next(a);
	}
	return n;
}

static struct awk_node *power(struct awk *a)
{
	struct awk_node *n = postfix(a);

	if (a->token == '^') {
		next(a);
		n = node_of(a, AWK_BINARY, n, unary(a)); /* to the right */
		n->op = '^';
	}
	return n;
}

static struct awk_node *unary(struct awk *a)
{
	enum awk_type type = a->token == '!' ? AWK_NOT : a->token == '-' ? AWK_MINUS : AWK_PLUS;
	struct awk_node *n;

	if (a->token != '!' && a->token != '-' && a->token != '+')
		return power(a);
	if (++a->depth > AWK_DEPTH * 4) {
		syntax_error(a);
		a->depth--;
		return constant(a, awk_of_number(0));
	}
	next(a);
	n = node_of(a, type, unary(a), NULL);
	a->depth--;
	return n;
}

static struct awk_node *product(struct awk *a)
{
	struct awk_node *n = unary(a);

	while (a->token == '*' || a->token == '/' || a->token == '%') {
		int op = a->token;

		next(a);
		n = node_of(a, AWK_BINARY, n, unary(a));
		n->op = op;
	}
	return n;
}

static struct awk_node *sum(struct awk *a)
{
	struct awk_node *n = product(a);

	while (a->token == '+' || a->token == '-') {
		int op = a->token;

		next(a);
		n = node_of(a, AWK_BINARY, n, product(a));
		n->op = op;
	}
	return n;
}

/* Can an expression begin here, so that it is joined to what stands before? */
static bool begins_operand(const struct awk *a)
{
	switch (a->token) {
	case T_NUMBER:
	case T_STRING:
	case T_NAME:
	case T_FUNCTION_NAME:
	case T_BUILTIN:
	case T_INCREMENT:
	case T_DECREMENT:
	case '$':
	case '(':
	case '!':
	case '-':
	case '+':
		return true;
	default:
		return false;
	}
}

static struct awk_node *concatenation(struct awk *a)
{
	struct awk_node *n = sum(a);

	while (begins_operand(a) && !a->failed)
		n = node_of(a, AWK_CONCAT, n, sum(a));
	return n;
}

static struct awk_node *getline_target(struct awk *a)
{
	if (a->token == T_NAME || a->token == '$')
		return primary(a);
	return NULL;
}

/* getline [var] [< file], or behind "command |". */
static struct awk_node *getline_simple(struct awk *a, struct awk_node *command)
{
	struct awk_node *n = node_of(a, AWK_GETLINE, NULL, NULL);

	expect(a, T_GETLINE);
	n->a = getline_target(a);
	n->b = command;
	n->output = command != NULL ? '|' : 0;
	if (command == NULL && a->token == '<') {
		next(a);
		n->b = postfix(a);
		n->output = '<';
	}
	return n;
}

static struct awk_node *comparison(struct awk *a)
{
	struct awk_node *n = concatenation(a);

	for (;;) {
		int op = a->token;

		if (op == '|' && !a->failed) {
			const char *back = a->at;
			struct growing word = a->word;

			next(a);
			if (a->token != T_GETLINE) { /* print | "command" */
				a->at = back;
				a->word = word;
				a->token = '|';
				return n;
			}
			n = getline_simple(a, n);
			continue;
		}
		if (op != '<' && op != T_LE && op != T_EQ && op != T_NE && op != T_GE &&
		    (op != '>' || a->no_gt))
			return n;
		next(a);
		n = node_of(a, AWK_COMPARE, n, concatenation(a));
		n->op = op == T_LE   ? 'l'
			: op == T_GE ? 'g'
			: op == T_EQ ? '='
			: op == T_NE ? '!'
				     : op;
	}
}

static struct awk_node *matching(struct awk *a)
{
	struct awk_node *n = comparison(a);

	while (a->token == '~' || a->token == T_NO_MATCH) {
		enum awk_type type = a->token == '~' ? AWK_MATCH : AWK_NOT_MATCH;

		next(a);
		n = node_of(a, type, n, comparison(a));
	}
	return n;
}

static struct awk_node *membership(struct awk *a)
{
	struct awk_node *n = matching(a);

	while (a->token == T_IN && !a->no_in) {
		next(a);
		n = node_of(a, AWK_IN, n, variable(a, a->word.data));
		next(a);
	}
	return n;
}

static struct awk_node *conjunction(struct awk *a)
{
	struct awk_node *n = membership(a);

	while (a->token == T_AND) {
		next(a);
		skip_newlines(a);
		n = node_of(a, AWK_AND, n, membership(a));
	}
	return n;
}

static struct awk_node *disjunction(struct awk *a)
{
	struct awk_node *n = conjunction(a);

	while (a->token == T_OR) {
		next(a);
		skip_newlines(a);
		n = node_of(a, AWK_OR, n, conjunction(a));
	}
	return n;
}

static struct awk_node *conditional(struct awk *a)
{
	struct awk_node *n = disjunction(a);

	if (a->token != '?')
		return n;
	next(a);
	skip_newlines(a);
	n = node_of(a, AWK_CONDITION, n, expression(a));
	skip_newlines(a);
	expect(a, ':');
	skip_newlines(a);
	n->c = expression(a);
	return n;
}

static struct awk_node *expression(struct awk *a)
{
	static const char ops[] = "+-*/%^";
	struct awk_node *n;
	int op;

	if (++a->depth > AWK_DEPTH * 2) {
		syntax_error(a);
		a->depth--;
		return constant(a, awk_of_number(0));
	}
	n = conditional(a);
	if (a->token == '=' || (a->token >= T_PLUS_ASSIGN && a->token <= T_POWER_ASSIGN)) {
		/* "!x = y" and "1 + x = y": the assignment is of the last operand */
		struct awk_node **target = &n;

		op = a->token == '=' ? '=' : ops[a->token - T_PLUS_ASSIGN];
		while (!is_target(*target) &&
		       ((*target)->type == AWK_NOT || (*target)->type == AWK_MINUS ||
			(*target)->type == AWK_BINARY || (*target)->type == AWK_COMPARE ||
			(*target)->type == AWK_AND || (*target)->type == AWK_OR ||
			(*target)->type == AWK_CONCAT))
			target = (*target)->type == AWK_NOT || (*target)->type == AWK_MINUS
					 ? &(*target)->a
					 : &(*target)->b;
		if (!is_target(*target))
			syntax_error(a);
		next(a);
		skip_newlines(a);
		*target = node_of(a, AWK_ASSIGN, *target, expression(a));
		(*target)->op = op;
	}
	a->depth--;
	return n;
}

/* ---- statements ---- */

static struct awk_node *block(struct awk *a)
{
	struct awk_node *n = node_of(a, AWK_BLOCK, NULL, NULL), **last = &n->a;

	expect(a, '{');
	skip_ends(a);
	while (a->token != '}' && a->token != T_END && !a->failed) {
		*last = statement(a);
		last = &(*last)->next;
		skip_ends(a);
	}
	expect(a, '}');
	return n;
}

/* What stands behind if, else, while, for. */
static struct awk_node *body(struct awk *a)
{
	skip_newlines(a);
	if (a->token == ';') {
		next(a);
		return node_of(a, AWK_BLOCK, NULL, NULL);
	}
	return statement(a);
}

static void end_simple(struct awk *a)
{
	if (a->token == ';' || a->token == T_NEWLINE)
		next(a);
	else if (a->token != '}' && a->token != T_END)
		syntax_error(a);
}

static struct awk_node *print_statement(struct awk *a)
{
	struct awk_node *n = node_of(a, a->token == T_PRINT ? AWK_PRINT : AWK_PRINTF, NULL, NULL);
	struct awk_node **last = &n->a;

	next(a);
	a->no_gt = true;
	while (a->token != T_END && a->token != T_NEWLINE && a->token != ';' && a->token != '}' &&
	       a->token != '>' && a->token != T_APPEND && a->token != '|' && !a->failed) {
		*last = expression(a);
		last = &(*last)->next;
		if (!take(a, ','))
			break;
		skip_newlines(a);
	}
	a->no_gt = false;
	/* print (a, b): the list in parentheses is that of the print */
	if (n->a != NULL && n->a->next == NULL && n->a->type == AWK_GROUP && n->a->a->next != NULL)
		n->a = n->a->a;
	if (a->token == '>' || a->token == T_APPEND || a->token == '|') {
		n->output = a->token == T_APPEND ? 'a' : a->token;
		next(a);
		a->no_gt = true;
		n->b = n->output == '|' ? concatenation(a) : conditional(a);
		a->no_gt = false;
	}
	return n;
}

static struct awk_node *for_statement(struct awk *a)
{
	struct awk_node *n = node_of(a, AWK_FOR, NULL, NULL), *first = NULL;

	next(a);
	expect(a, '(');
	if (a->token != ';') {
		a->no_in = true;
		first = expression(a);
		a->no_in = false;
		if (a->token == T_IN && (first->type == AWK_VARIABLE || first->type == AWK_LOCAL)) {
			next(a);
			n->type = AWK_FOR_IN;
			n->a = first;
			n->b = variable(a, a->word.data);
			next(a);
			expect(a, ')');
			n->c = body(a);
			return n;
		}
		first = node_of(a, AWK_EXPRESSION, first, NULL);
	}
	n->a = first;
	expect(a, ';');
	skip_newlines(a);
	if (a->token != ';')
		n->b = expression(a);
	expect(a, ';');
	skip_newlines(a);
	if (a->token != ')')
		n->d = node_of(a, AWK_EXPRESSION, expression(a), NULL);
	expect(a, ')');
	n->c = body(a);
	return n;
}

static struct awk_node *if_statement(struct awk *a)
{
	struct awk_node *n = node_of(a, AWK_IF, NULL, NULL);

	next(a);
	expect(a, '(');
	n->a = expression(a);
	expect(a, ')');
	n->b = body(a);
	while (a->token == T_NEWLINE || a->token == ';') { /* an else may stand behind */
		const char *back = a->at;
		int token = a->token;

		next(a);
		skip_ends(a);
		if (a->token == T_ELSE)
			break;
		a->at = back;
		a->token = token;
		return n;
	}
	if (take(a, T_ELSE))
		n->c = body(a);
	return n;
}

static struct awk_node *loop_statement(struct awk *a)
{
	bool first = a->token == T_DO;
	struct awk_node *n = node_of(a, first ? AWK_DO : AWK_WHILE, NULL, NULL);

	next(a);
	if (first) {
		n->b = body(a);
		skip_ends(a);
		if (a->token != T_WHILE)
			syntax_error(a);
		next(a);
	}
	expect(a, '(');
	n->a = expression(a);
	expect(a, ')');
	if (!first)
		n->b = body(a);
	return n;
}

static struct awk_node *simple_statement(struct awk *a)
{
	static const struct {
		int token;
		enum awk_type type;
	} plain[] = { { T_BREAK, AWK_BREAK },
		      { T_CONTINUE, AWK_CONTINUE },
		      { T_NEXT, AWK_NEXT },
		      { T_EXIT, AWK_EXIT },
		      { T_RETURN, AWK_RETURN } };
	struct awk_node *n;

	for (size_t i = 0; i < HIN_COUNT(plain); i++) {
		if (plain[i].token != a->token)
			continue;
		next(a);
		n = node_of(a, plain[i].type, NULL, NULL);
		if ((n->type == AWK_EXIT || n->type == AWK_RETURN) && a->token != ';' &&
		    a->token != '}' && a->token != T_NEWLINE && a->token != T_END)
			n->a = expression(a);
		return n;
	}
	if (a->token == T_DELETE) {
		next(a);
		n = node_of(a, AWK_DELETE, primary(a), NULL);
		if (!is_target(n->a) || n->a->type == AWK_FIELD)
			syntax_error(a);
		return n;
	}
	if (a->token == T_PRINT || a->token == T_PRINTF)
		return print_statement(a);
	return node_of(a, AWK_EXPRESSION, expression(a), NULL);
}

static struct awk_node *statement(struct awk *a)
{
	struct awk_node *n;

	if (++a->depth > AWK_DEPTH) {
		syntax_error(a);
		a->depth--;
		return node_of(a, AWK_BLOCK, NULL, NULL);
	}
	switch (a->token) {
	case '{':
		n = block(a);
		break;
	case T_IF:
		n = if_statement(a);
		break;
	case T_WHILE:
		n = loop_statement(a);
		break;
	case T_FOR:
		n = for_statement(a);
		break;
	case T_DO:
		n = loop_statement(a);
		end_simple(a);
		break;
	default:
		n = simple_statement(a);
		end_simple(a);
	}
	a->depth--;
	return n;
}

/* ---- the program ---- */

static void function_definition(struct awk *a)
{
	struct awk_function *f;

	next(a);
	f = &a->functions[function_place(a, a->word.data)];
	next(a);
	expect(a, '(');
	f->parameter_count = 0;
	while (a->token == T_NAME && f->parameter_count < (int)HIN_COUNT(f->parameters)) {
		f->parameters[f->parameter_count++] = text_of(a->p, a->word.data, a->word.size);
		next(a);
		if (!take(a, ','))
			break;
		skip_newlines(a);
	}
	expect(a, ')');
	skip_newlines(a);
	a->function = f;
	f->body = block(a);
	f->defined = true;
	a->function = NULL;
}

static void rule_definition(struct awk *a, struct awk_rule ***last)
{
	struct awk_rule *rule = memory_of(a->p, sizeof(*rule));

	rule->when = AWK_ALWAYS;
	if (a->token == T_BEGIN || a->token == T_LAST) {
		rule->when = a->token == T_BEGIN ? AWK_BEGIN : AWK_END;
		next(a);
		if (a->token != '{')
			syntax_error(a);
	} else if (a->token != '{') {
		rule->when = AWK_PATTERN;
		rule->from = expression(a);
		if (take(a, ',')) {
			skip_newlines(a);
			rule->when = AWK_RANGE;
			rule->to = expression(a);
		}
	}
	if (a->token == '{')
		rule->action = block(a);
	**last = rule;
	*last = &rule->next;
}

bool awk_parse(struct awk *a, const char *text)
{
	struct awk_rule **last = &a->rules;

	a->at = text;
	while (*last != NULL)
		last = &(*last)->next;
	next(a);
	skip_ends(a);
	while (a->token != T_END && !a->failed) {
		if (a->token == T_FUNCTION)
			function_definition(a);
		else
			rule_definition(a, &last);
		skip_ends(a);
	}
	for (int i = 0; i < a->function_count && !a->failed; i++)
		if (!a->functions[i].defined) {
			a->failed = true;
			if (is_busybox(a->p))
				errf(a->p, "awk: cmd. line:1: Call to undefined function\n");
			else
				errf(a->p, "awk: line 1: function %s never defined\n",
				     a->functions[i].name);
		}
	return !a->failed;
}
