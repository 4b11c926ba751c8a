/* awk_run - what the tree of an awk program does. */
#include <math.h>
#include <stdlib.h>

#include "decoy/shell/command/awk.h"

/* ---- variables ---- */

struct awk_cell *awk_cell_of(struct awk *a, const struct awk_node *node)
{
	struct awk_cell *cell =
		node->type == AWK_LOCAL ? &a->locals[node->op] : &a->cells[node->op];

	if (node->type == AWK_VARIABLE && node->op == AWK_NF)
		awk_count_fields(a);
	return cell;
}

/* The key of an element: what stands between the brackets, with SUBSEP between several. */
static const char *key_of(struct awk *a, const struct awk_node *keys)
{
	struct growing g = { 0 };

	grow(a->p, &g, "", 0);
	for (const struct awk_node *n = keys; n != NULL; n = n->next) {
		struct awk_value v = awk_eval(a, n);

		grow_text(a->p, &g, awk_text(a, &v));
		if (n->next != NULL)
			grow_text(a->p, &g, awk_text(a, &a->cells[AWK_SUBSEP].value));
	}
	return g.data;
}

static struct awk_value *element_of(struct awk *a, const struct awk_node *node)
{
	const char *key = key_of(a, node->b);

	return awk_element(a, awk_array_of(a, awk_cell_of(a, node->a)), key, true);
}

static struct awk_value read_target(struct awk *a, const struct awk_node *node)
{
	struct awk_value number;
	struct awk_cell *cell;

	switch (node->type) {
	case AWK_FIELD:
		number = awk_eval(a, node->a);
		return awk_field(a, awk_number(a, &number));
	case AWK_INDEX:
		return *element_of(a, node);
	default:
		cell = awk_cell_of(a, node);
		if (cell->array != NULL || cell->other != NULL)
			awk_fail(a, "array used as a scalar");
		return cell->value;
	}
}

void awk_assign(struct awk *a, const struct awk_node *node, struct awk_value value)
{
	struct awk_value number;
	struct awk_cell *cell;

	switch (node->type) {
	case AWK_FIELD:
		number = awk_eval(a, node->a);
		awk_set_field(a, awk_number(a, &number), value);
		return;
	case AWK_INDEX:
		*element_of(a, node) = value;
		return;
	case AWK_VARIABLE:
		if (node->op == AWK_NF) {
			awk_set_count(a, (int)awk_number(a, &value));
			return;
		}
		break;
	case AWK_LOCAL:
		break;
	default:
		return;
	}
	cell = awk_cell_of(a, node);
	if (cell->array != NULL)
		awk_fail(a, "array used as a scalar");
	cell->value = value;
}

/* ---- operators ---- */

static double arithmetic_of(struct awk *a, int op, double x, double y)
{
	switch (op) {
	case '+':
		return x + y;
	case '-':
		return x - y;
	case '*':
		return x * y;
	case '/':
		if (y == 0)
			awk_fail(a, is_busybox(a->p) ? "Division by zero" : "division by zero");
		return x / y;
	case '%':
		if (y == 0)
			awk_fail(a,
				 is_busybox(a->p) ? "Division by zero" : "division by zero in %");
		return fmod(x, y);
	default:
		return pow(x, y);
	}
}

static struct awk_value assign(struct awk *a, const struct awk_node *node)
{
	struct awk_value value = awk_eval(a, node->b);

	if (node->op != '=') {
		struct awk_value before = read_target(a, node->a);

		value = awk_of_number(
			arithmetic_of(a, node->op, awk_number(a, &before), awk_number(a, &value)));
	}
	awk_assign(a, node->a, value);
	return value;
}

/* ++x, x--. */
static struct awk_value count(struct awk *a, const struct awk_node *node)
{
	struct awk_value value = read_target(a, node->a);
	double before = awk_number(a, &value), after = node->op == '+' ? before + 1 : before - 1;

	awk_assign(a, node->a, awk_of_number(after));
	return awk_of_number(node->type == AWK_BEFORE ? after : before);
}

static bool compare(struct awk *a, const struct awk_node *node)
{
	struct awk_value x = awk_eval(a, node->a), y = awk_eval(a, node->b);
	int order = awk_compare(a, &x, &y);

	switch (node->op) {
	case '<':
		return order < 0;
	case '>':
		return order > 0;
	case 'l':
		return order <= 0;
	case 'g':
		return order >= 0;
	case '=':
		return order == 0;
	default:
		return order != 0;
	}
}

static bool match(struct awk *a, const struct awk_node *node)
{
	struct awk_value x = awk_eval(a, node->a), y;
	const char *text = awk_text(a, &x);

	if (node->b->type == AWK_REGEX)
		return regexec(awk_regex(a, node->b->value.text), text, 0, NULL, 0) == 0;
	y = awk_eval(a, node->b);
	return regexec(awk_regex(a, awk_text(a, &y)), text, 0, NULL, 0) == 0;
}

static struct awk_value concatenate(struct awk *a, const struct awk_node *node)
{
	struct awk_value x = awk_eval(a, node->a), y = awk_eval(a, node->b);
	const char *one = awk_text(a, &x), *other = awk_text(a, &y);
	size_t first = strlen(one), second = strlen(other);
	char *made = memory_of(a->p, first + second + 1);

	memcpy(made, one, first);
	memcpy(made + first, other, second);
	return (struct awk_value){ .kind = AWK_STRING, .text = made };
}

static bool is_in(struct awk *a, const struct awk_node *node)
{
	const char *key = key_of(a, node->a);

	return awk_element(a, awk_array_of(a, awk_cell_of(a, node->b)), key, false) != NULL;
}

/* ---- getline ---- */

static struct awk_value get_line(struct awk *a, const struct awk_node *node)
{
	struct awk_value line, name;
	struct awk_file *f;
	int got;

	if (node->output == 0) {
		got = awk_next_record(a, &line);
	} else {
		name = awk_eval(a, node->b);
		f = awk_open(a, awk_text(a, &name), node->output == '|' ? 'c' : '<');
		got = f != NULL ? awk_read(a, f, &line) : -1;
		if (got == 1 && node->output == '|')
			a->cells[AWK_NR].value =
				awk_of_number(awk_number(a, &a->cells[AWK_NR].value) + 1);
	}
	if (got == 1 && node->a != NULL)
		awk_assign(a, node->a, line);
	else if (got == 1)
		awk_set_record(a, line);
	return awk_of_number(got);
}

/* ---- functions ---- */

/* Does a function use its parameter as an array, or pass it on? */
static bool uses_as_array(const struct awk_node *node, int parameter)
{
	const struct awk_node *array = NULL;

	for (; node != NULL; node = node->next) {
		if (node->type == AWK_INDEX || node->type == AWK_DELETE)
			array = node->a;
		else if (node->type == AWK_IN || node->type == AWK_FOR_IN)
			array = node->b;
		if (array != NULL && array->type == AWK_LOCAL && array->op == parameter)
			return true;
		if (node->type == AWK_CALL || node->type == AWK_BUILTIN)
			for (const struct awk_node *x = node->a; x != NULL; x = x->next)
				if (x->type == AWK_LOCAL && x->op == parameter &&
				    (node->type == AWK_CALL || x != node->a))
					return true;
		if (uses_as_array(node->a, parameter) || uses_as_array(node->b, parameter) ||
		    uses_as_array(node->c, parameter) || uses_as_array(node->d, parameter))
			return true;
	}
	return false;
}

static struct awk_value call_function(struct awk *a, const struct awk_node *node)
{
	const struct awk_function *f = &a->functions[node->op];
	struct awk_cell *outer = a->locals;
	struct awk_cell *locals = memory_of(a->p, sizeof(*locals) * HIN_COUNT(f->parameters));
	int n = 0;

	if (++a->calls > AWK_DEPTH)
		awk_fail(a, "function call nesting too deep");
	step(a->p);
	for (const struct awk_node *x = node->a; x != NULL; x = x->next, n++) {
		if (n >= f->parameter_count)
			awk_fail(a, "too many arguments in call of a function");
		if (x->type == AWK_VARIABLE || x->type == AWK_LOCAL) {
			struct awk_cell *cell = awk_cell_of(a, x);

			while (cell->other != NULL)
				cell = cell->other;
			/* what has no value yet may become an array there */
			if (cell->array != NULL || cell->value.kind == AWK_UNSET)
				locals[n].other = cell;
			else
				locals[n].value = cell->value;
			continue;
		}
		locals[n].value = awk_eval(a, x);
	}
	for (int i = 0; i < n; i++)
		if (locals[i].other != NULL && locals[i].other->array == NULL &&
		    !uses_as_array(f->body, i)) {
			locals[i].value = locals[i].other->value;
			locals[i].other = NULL;
		}
	a->locals = locals;
	a->result = (struct awk_value){ .kind = AWK_UNSET };
	awk_statement(a, f->body);
	a->locals = outer;
	a->calls--;
	if (a->flow == AWK_RETURNS)
		a->flow = AWK_GOES_ON;
	return a->result;
}

/* ---- expressions ---- */

static struct awk_value number_of(struct awk *a, const struct awk_node *node)
{
	struct awk_value x = awk_eval(a, node->a), y;
	double one = awk_number(a, &x);

	switch (node->type) {
	case AWK_NOT:
		return awk_of_number(!awk_true(a, &x));
	case AWK_MINUS:
		return awk_of_number(-one);
	case AWK_PLUS:
		return awk_of_number(one);
	default:
		y = awk_eval(a, node->b);
		return awk_of_number(arithmetic_of(a, node->op, one, awk_number(a, &y)));
	}
}

static struct awk_value logic_of(struct awk *a, const struct awk_node *node)
{
	struct awk_value x = awk_eval(a, node->a), y;
	bool is = awk_true(a, &x);

	if (node->type == AWK_CONDITION)
		return awk_eval(a, is ? node->b : node->c);
	if (is == (node->type == AWK_OR))
		return awk_of_number(is);
	y = awk_eval(a, node->b);
	return awk_of_number(awk_true(a, &y));
}

struct awk_value awk_eval(struct awk *a, const struct awk_node *node)
{
	struct awk_value record;

	step(a->p);
	switch (node->type) {
	case AWK_CONSTANT:
		return node->value;
	case AWK_REGEX:
		record = awk_field(a, 0);
		return awk_of_number(regexec(awk_regex(a, node->value.text), awk_text(a, &record),
					     0, NULL, 0) == 0);
	case AWK_VARIABLE:
	case AWK_LOCAL:
	case AWK_FIELD:
	case AWK_INDEX:
		return read_target(a, node);
	case AWK_ASSIGN:
		return assign(a, node);
	case AWK_CONDITION:
	case AWK_OR:
	case AWK_AND:
		return logic_of(a, node);
	case AWK_IN:
		return awk_of_number(is_in(a, node));
	case AWK_MATCH:
		return awk_of_number(match(a, node));
	case AWK_NOT_MATCH:
		return awk_of_number(!match(a, node));
	case AWK_COMPARE:
		return awk_of_number(compare(a, node));
	case AWK_CONCAT:
		return concatenate(a, node);
	case AWK_BINARY:
	case AWK_NOT:
	case AWK_MINUS:
	case AWK_PLUS:
		return number_of(a, node);
	case AWK_BEFORE:
	case AWK_AFTER:
		return count(a, node);
	case AWK_CALL:
		return call_function(a, node);
	case AWK_BUILTIN:
		return awk_builtin(a, node);
	case AWK_GETLINE:
		return get_line(a, node);
	case AWK_GROUP:
		return awk_eval(a, node->a);
	default:
		return awk_of_number(0);
	}
}

/* ---- statements ---- */

static void output(struct awk *a, const struct awk_node *node, const char *text, size_t size)
{
	struct awk_value name;
	struct awk_file *f;

	if (node->output == 0) {
		out(a->p, 1, text, size);
		return;
	}
	name = awk_eval(a, node->b);
	f = awk_open(a, awk_text(a, &name), node->output);
	if (f->how == '|')
		grow(a->p, &f->text, text, size);
	else
		(void)file_write(a->p, f->file, text, size);
}

static void print(struct awk *a, const struct awk_node *node)
{
	struct growing g = { 0 };
	struct awk_value v;

	grow(a->p, &g, "", 0);
	if (node->type == AWK_PRINTF) {
		struct awk_value values[64];
		const char *format = "", *made;
		size_t size;
		int n = 0;

		for (const struct awk_node *x = node->a; x != NULL && n < 64; x = x->next) {
			v = awk_eval(a, x);
			if (x == node->a)
				format = awk_text(a, &v);
			else
				values[n++] = v;
		}
		made = awk_format(a, format, values, n, &size);
		output(a, node, made, size);
		return;
	}
	if (node->a == NULL) {
		v = awk_field(a, 0);
		grow_text(a->p, &g, awk_text(a, &v));
	}
	for (const struct awk_node *x = node->a; x != NULL; x = x->next) {
		v = awk_eval(a, x);
		grow_text(a->p, &g, awk_output_text(a, &v));
		if (x->next != NULL)
			grow_text(a->p, &g, awk_text(a, &a->cells[AWK_OFS].value));
	}
	grow_text(a->p, &g, awk_text(a, &a->cells[AWK_ORS].value));
	output(a, node, g.data, g.size);
}

/* After the body of a loop: does it go on? */
static bool loops(struct awk *a)
{
	if (a->flow == AWK_CONTINUES)
		a->flow = AWK_GOES_ON;
	if (a->flow == AWK_BREAKS) {
		a->flow = AWK_GOES_ON;
		return false;
	}
	awk_tidy(a);
	return a->flow == AWK_GOES_ON;
}

static bool holds(struct awk *a, const struct awk_node *condition)
{
	struct awk_value v;

	if (condition == NULL)
		return true;
	v = awk_eval(a, condition);
	return awk_true(a, &v);
}

static void run_loop(struct awk *a, const struct awk_node *node)
{
	bool first = node->type == AWK_DO;

	if (node->type == AWK_FOR) {
		if (node->a != NULL)
			awk_statement(a, node->a);
		while (holds(a, node->b)) {
			awk_statement(a, node->c);
			if (!loops(a))
				return;
			if (node->d != NULL)
				awk_statement(a, node->d);
		}
		return;
	}
	while (first || holds(a, node->a)) {
		first = false;
		awk_statement(a, node->b);
		if (!loops(a))
			return;
	}
}

static int by_order(const void *x, const void *y)
{
	const struct awk_element *const *one = x, *const *other = y;

	return (*one)->order < (*other)->order ? -1 : (*one)->order > (*other)->order;
}

static void run_for_in(struct awk *a, const struct awk_node *node)
{
	struct awk_array *array = awk_array_of(a, awk_cell_of(a, node->b));
	struct awk_element **all =
		memory_of(a->p, (array->count + 1) * sizeof(struct awk_element *));
	size_t n = 0;

	for (size_t i = 0; i < array->room; i++)
		for (struct awk_element *e = array->places[i]; e != NULL; e = e->next)
			all[n++] = e;
	qsort(all, n, sizeof(all[0]), by_order);
	a->pinned++;
	for (size_t i = 0; i < n; i++) {
		if (awk_element(a, array, all[i]->key, false) == NULL)
			continue; /* it was deleted meanwhile */
		awk_assign(a, node->a, awk_of_input(a, all[i]->key, strlen(all[i]->key)));
		awk_statement(a, node->c);
		if (!loops(a))
			break;
	}
	a->pinned--;
}

static void delete (struct awk *a, const struct awk_node *node)
{
	if (node->a->type == AWK_INDEX) {
		const char *key = key_of(a, node->a->b);

		awk_delete(awk_array_of(a, awk_cell_of(a, node->a->a)), key);
	} else {
		awk_clear(awk_array_of(a, awk_cell_of(a, node->a)));
	}
}

static void leave(struct awk *a, const struct awk_node *node, enum awk_flow flow)
{
	if (node->a != NULL) {
		struct awk_value v = awk_eval(a, node->a);

		if (flow == AWK_EXITS)
			a->status = (int)awk_number(a, &v) & 255;
		else
			a->result = v;
	}
	a->flow = flow;
}

void awk_statement(struct awk *a, const struct awk_node *node)
{
	step(a->p);
	switch (node->type) {
	case AWK_BLOCK:
		for (const struct awk_node *n = node->a; n != NULL && a->flow == AWK_GOES_ON;
		     n = n->next)
			awk_statement(a, n);
		break;
	case AWK_EXPRESSION:
		(void)awk_eval(a, node->a);
		break;
	case AWK_PRINT:
	case AWK_PRINTF:
		print(a, node);
		break;
	case AWK_IF:
		if (holds(a, node->a))
			awk_statement(a, node->b);
		else if (node->c != NULL)
			awk_statement(a, node->c);
		break;
	case AWK_WHILE:
	case AWK_DO:
	case AWK_FOR:
		run_loop(a, node);
		break;
	case AWK_FOR_IN:
		run_for_in(a, node);
		break;
	case AWK_BREAK:
		a->flow = AWK_BREAKS;
		break;
	case AWK_CONTINUE:
		a->flow = AWK_CONTINUES;
		break;
	case AWK_NEXT:
		a->flow = AWK_NEXTS;
		break;
	case AWK_EXIT:
		leave(a, node, AWK_EXITS);
		break;
	case AWK_RETURN:
		leave(a, node, AWK_RETURNS);
		break;
	case AWK_DELETE:
		delete (a, node);
		break;
	default:
		break;
	}
}

/* ---- rules ---- */

static bool applies(struct awk *a, struct awk_rule *rule)
{
	switch (rule->when) {
	case AWK_ALWAYS:
		return true;
	case AWK_PATTERN:
		return holds(a, rule->from);
	case AWK_RANGE:
		if (!rule->inside && !holds(a, rule->from))
			return false;
		rule->inside = !holds(a, rule->to);
		return true;
	default:
		return false;
	}
}

static void act(struct awk *a, const struct awk_rule *rule)
{
	static const struct awk_node plain = { .type = AWK_PRINT };

	awk_statement(a, rule->action != NULL ? rule->action : &plain);
}

/* All rules of one kind: BEGIN or END. */
static void run_rules(struct awk *a, int when)
{
	for (struct awk_rule *r = a->rules; r != NULL && a->flow != AWK_EXITS; r = r->next)
		if ((int)r->when == when) {
			act(a, r);
			if (a->flow != AWK_EXITS)
				a->flow = AWK_GOES_ON;
		}
}

void awk_run(struct awk *a)
{
	bool reads = false;
	struct awk_value record;

	run_rules(a, AWK_BEGIN);
	for (const struct awk_rule *r = a->rules; r != NULL; r = r->next)
		reads |= r->when != AWK_BEGIN;
	while (reads && a->flow != AWK_EXITS && awk_next_record(a, &record)) {
		awk_set_record(a, record);
		for (struct awk_rule *r = a->rules; r != NULL && a->flow == AWK_GOES_ON;
		     r = r->next)
			if (applies(a, r))
				act(a, r);
		if (a->flow != AWK_EXITS)
			a->flow = AWK_GOES_ON;
		awk_tidy(a);
	}
	if (!a->ending) {
		a->ending = true;
		if (a->flow == AWK_EXITS && !reads)
			return;
		a->flow = AWK_GOES_ON;
		run_rules(a, AWK_END);
	}
}
