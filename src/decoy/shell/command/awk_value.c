/* awk_value - numbers, texts and arrays of awk, and the expressions it matches with. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/awk.h"

#define REGEX_MOST 512

_Noreturn void awk_fail(struct awk *a, const char *text)
{
	errf(a->p, is_busybox(a->p) ? "awk: cmd. line:1: %s\n" : "awk: %s\n", text);
	process_die(a->p, is_busybox(a->p) ? 1 : 2);
}

/* ---- values ---- */

struct awk_value awk_of_number(double number)
{
	return (struct awk_value){ .kind = AWK_NUMBER, .number = number };
}

struct awk_value awk_of_text(struct awk *a, const char *text, size_t size)
{
	return (struct awk_value){ .kind = AWK_STRING, .text = text_of(a->p, text, size) };
}

/* A number, with spaces around, as input may be one. */
static bool looks_numeric(const char *text, double *number)
{
	char *end;

	text += strspn(text, " \t\n\r\f\v");
	if (strspn(text, "+-.0123456789eE") == 0 || text[0] == 'e' || text[0] == 'E')
		return false;
	*number = strtod(text, &end);
	if (end == text || (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')))
		return false;
	return end[strspn(end, " \t\n\r\f\v")] == '\0';
}

struct awk_value awk_of_input(struct awk *a, const char *text, size_t size)
{
	struct awk_value v = awk_of_text(a, text, size);

	v.kind = AWK_INPUT;
	if (!looks_numeric(v.text, &v.number))
		v.kind = AWK_STRING;
	return v;
}

double awk_number(struct awk *a, const struct awk_value *v)
{
	const char *text = v->text;

	(void)a;
	if (v->kind == AWK_NUMBER || v->kind == AWK_INPUT)
		return v->number;
	if (v->kind == AWK_UNSET || text == NULL)
		return 0;
	text += strspn(text, " \t\n\r\f\v");
	if (strspn(text + strspn(text, "+-"), "0123456789.") == 0)
		return 0;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return 0;
	return strtod(text, NULL);
}

static const char *number_text(struct awk *a, double number, enum awk_special format)
{
	const char *spec = a->cells[format].value.text;
	struct awk_value v = awk_of_number(number);

	if (number == floor(number) && fabs(number) < (is_busybox(a->p) ? 1e16 : 2147483648.0))
		return format_of(a->p, "%.0f", number == 0 ? 0.0 : number);
	if (spec == NULL || strcmp(spec, "%.6g") == 0)
		return format_of(a->p, "%.6g", number);
	return awk_format(a, spec, &v, 1, NULL);
}

const char *awk_text(struct awk *a, const struct awk_value *v)
{
	if (v->kind == AWK_NUMBER)
		return number_text(a, v->number, AWK_CONVFMT);
	return v->text != NULL ? v->text : "";
}

const char *awk_output_text(struct awk *a, const struct awk_value *v)
{
	if (v->kind == AWK_NUMBER)
		return number_text(a, v->number, AWK_OFMT);
	return v->text != NULL ? v->text : "";
}

bool awk_true(struct awk *a, const struct awk_value *v)
{
	(void)a;
	switch (v->kind) {
	case AWK_NUMBER:
	case AWK_INPUT:
		return v->number != 0;
	case AWK_STRING:
		return v->text[0] != '\0';
	default:
		return false;
	}
}

int awk_compare(struct awk *a, const struct awk_value *x, const struct awk_value *y)
{
	int order;

	if (x->kind != AWK_STRING && y->kind != AWK_STRING) {
		double m = awk_number(a, x), n = awk_number(a, y);

		return m < n ? -1 : m > n;
	}
	order = strcmp(awk_text(a, x), awk_text(a, y));
	return order < 0 ? -1 : order > 0;
}

/* ---- arrays ---- */

static size_t hash_of(const char *key)
{
	size_t hash = 5381;

	for (; *key != '\0'; key++)
		hash = hash * 33 + (unsigned char)*key;
	return hash;
}

struct awk_array *awk_array_of(struct awk *a, struct awk_cell *cell)
{
	while (cell->other != NULL)
		cell = cell->other;
	if (cell->array == NULL) {
		if (cell->value.kind != AWK_UNSET)
			awk_fail(a, "scalar variable used as an array");
		cell->array = memory_of(a->p, sizeof(*cell->array));
		cell->array->room = 16;
		cell->array->places = memory_of(a->p, 16 * sizeof(struct awk_element *));
	}
	return cell->array;
}

static void array_grow(struct awk *a, struct awk_array *array)
{
	size_t room = array->room * 4;
	struct awk_element **places = memory_of(a->p, room * sizeof(struct awk_element *));

	for (size_t i = 0; i < array->room; i++)
		while (array->places[i] != NULL) {
			struct awk_element *e = array->places[i];
			size_t at = hash_of(e->key) % room;

			array->places[i] = e->next;
			e->next = places[at];
			places[at] = e;
		}
	array->places = places;
	array->room = room;
}

struct awk_value *awk_element(struct awk *a, struct awk_array *array, const char *key, bool make)
{
	struct awk_element *e = array->places[hash_of(key) % array->room];

	while (e != NULL && strcmp(e->key, key) != 0)
		e = e->next;
	if (e != NULL)
		return &e->value;
	if (!make)
		return NULL;
	if (array->count > array->room * 2)
		array_grow(a, array);
	e = memory_of(a->p, sizeof(*e));
	e->key = text_of(a->p, key, strlen(key));
	e->order = array->made++;
	e->next = array->places[hash_of(key) % array->room];
	array->places[hash_of(key) % array->room] = e;
	array->count++;
	return &e->value;
}

void awk_delete(struct awk_array *array, const char *key)
{
	struct awk_element **at = &array->places[hash_of(key) % array->room];

	while (*at != NULL && strcmp((*at)->key, key) != 0)
		at = &(*at)->next;
	if (*at != NULL) {
		*at = (*at)->next;
		array->count--;
	}
}

void awk_clear(struct awk_array *array)
{
	memset(array->places, 0, array->room * sizeof(struct awk_element *));
	array->count = 0;
}

/* ---- tidying: what is not reached any more goes ---- */

static void move_text(struct awk *a, const char **text)
{
	if (*text != NULL)
		*text = text_of(a->p, *text, strlen(*text));
}

static void move_array(struct awk *a, struct awk_array **array)
{
	struct awk_array *from = *array, *to;

	if (from == NULL)
		return;
	to = memory_of(a->p, sizeof(*to));
	*to = *from;
	to->places = memory_of(a->p, to->room * sizeof(struct awk_element *));
	for (size_t i = 0; i < from->room; i++)
		for (const struct awk_element *e = from->places[i]; e != NULL; e = e->next) {
			struct awk_element *copy = memory_of(a->p, sizeof(*copy));

			*copy = *e;
			copy->key = text_of(a->p, e->key, strlen(e->key));
			move_text(a, &copy->value.text);
			copy->next = to->places[i];
			to->places[i] = copy;
		}
	*array = to;
}

static void move_growing(struct awk *a, struct growing *g)
{
	struct growing copy = { 0 };

	if (g->data == NULL)
		return;
	grow(a->p, &copy, g->data, g->size);
	*g = copy;
}

/* Copy all that lives; what it takes is less than what is there. */
static void move_all(struct awk *a)
{
	for (int i = 0; i < a->name_count; i++) {
		move_text(a, &a->cells[i].value.text);
		move_array(a, &a->cells[i].array);
	}
	move_text(a, &a->record.text);
	if (a->fields != NULL) {
		struct awk_value *fields = memory_of(a->p, (AWK_FIELDS + 1) * sizeof(*fields));

		memcpy(fields, a->fields, (AWK_FIELDS + 1) * sizeof(*fields));
		a->fields = fields;
		for (int i = 1; i <= a->field_count; i++)
			move_text(a, &a->fields[i].text);
	}
	for (int i = 0; i < AWK_FILES; i++) {
		if (a->files[i].how == 0)
			continue;
		move_text(a, &a->files[i].name);
		move_growing(a, &a->files[i].text);
	}
	for (int i = 0; i < a->expression_count; i++)
		move_text(a, &a->expression_texts[i]);
	a->result = (struct awk_value){ .kind = AWK_UNSET };
}

void awk_tidy(struct awk *a)
{
	struct process *p = a->p;
	struct piece *old = p->pieces, *base = a->base;
	size_t most = p->shell->settings.limits.memory_bytes;

	if (a->calls > 0 || a->pinned > 0 || p->memory < a->tidy_at)
		return;
	if (p->memory > most / 2) { /* there is no room for a second copy */
		p->shell->killed++;
		process_die(p, 128 + 9);
	}
	p->pieces = base;
	move_all(a);
	/* what was is between `old` and `base`, what is new lies on top of `base` */
	while (old != base) {
		struct piece *gone = old;

		old = gone->before;
		memory_free_piece(p, gone);
	}
	a->tidy_at = p->memory * 2 > AWK_TIDY ? p->memory * 2 : AWK_TIDY;
	if (a->tidy_at > most / 2)
		a->tidy_at = most / 2;
}

/* ---- expressions ---- */

/* awk's expressions know "\t" and others where regcomp(3) does not. */
static const char *regex_text(struct awk *a, const char *text)
{
	static const char from[] = "nt/\"rfva", to[] = "\n\t/\"\r\f\v\a";
	struct growing g = { 0 };

	grow(a->p, &g, "", 0);
	for (; *text != '\0'; text++) {
		const char *known = *text == '\\' && text[1] != '\0' ? strchr(from, text[1]) : NULL;

		if (known != NULL) {
			grow_char(a->p, &g, to[known - from]);
			text++;
		} else if (*text == '\\' && text[1] == 'y' && !is_busybox(a->p)) {
			grow_text(a->p, &g, "y");
			text++;
		} else {
			grow_char(a->p, &g, *text);
			if (*text == '\\' && text[1] != '\0')
				grow_char(a->p, &g, *++text);
		}
	}
	return g.data;
}

regex_t *awk_regex(struct awk *a, const char *text)
{
	int at = a->expression_next;
	unsigned braces = 0;

	for (int i = 0; i < a->expression_count; i++)
		if (strcmp(a->expression_texts[i], text) == 0)
			return &a->expressions[i];
	for (const char *c = text; *c != '\0'; c++)
		braces += *c == '{';
	if (strlen(text) > REGEX_MOST || braces > 2)
		awk_fail(a, "regular expression too long");
	if (a->expression_count < AWK_EXPRESSIONS)
		at = a->expression_count;
	else
		regfree(&a->expressions[at]);
	if (regcomp(&a->expressions[at], regex_text(a, text), REG_EXTENDED) != 0) {
		/* the place holds one that compiles, whatever comes */
		if (regcomp(&a->expressions[at], "$^", REG_EXTENDED) != 0)
			abort();
		if (at == a->expression_count)
			a->expression_count++;
		a->expression_texts[at] = "";
		regex_kept(a->p, a->expressions, (size_t)a->expression_count);
		awk_fail(a, is_busybox(a->p) ? "bad regex" : "regular expression compile failed");
	}
	a->expression_texts[at] = text_of(a->p, text, strlen(text));
	if (at == a->expression_count)
		a->expression_count++;
	a->expression_next = (at + 1) % AWK_EXPRESSIONS;
	regex_kept(a->p, a->expressions, (size_t)a->expression_count);
	return &a->expressions[at];
}

/* ---- printf ---- */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                     \
	"-Wformat-nonliteral" /* made here, of checked letters, for what follows */

/* The next value of a format. */
struct formatting {
	struct awk *a;
	struct growing out;
	struct awk_value *values;
	int left;
	const char *format;
};

static struct awk_value next_value(struct formatting *f)
{
	if (f->left == 0 && f->format != NULL && !is_busybox(f->a->p)) {
		errf(f->a->p,
		     "awk: run time error: not enough arguments passed to printf(\"%s\")\n"
		     "\tFILENAME=\"%s\" FNR=%.0f NR=%.0f\n",
		     f->format, awk_text(f->a, &f->a->cells[AWK_FILENAME].value),
		     awk_number(f->a, &f->a->cells[AWK_FNR].value),
		     awk_number(f->a, &f->a->cells[AWK_NR].value));
		process_die(f->a->p, 2);
	}
	if (f->left == 0)
		return (struct awk_value){ .kind = AWK_UNSET };
	f->left--;
	return *f->values++;
}

static void put_number(struct formatting *f, char *spec, size_t size, int width, int precision,
		       char letter)
{
	struct awk_value v = next_value(f);
	double number = awk_number(f->a, &v);

	if (strchr("diouxX", letter) != NULL) {
		long long integer = number >= 9.2e18	? INT64_MAX
				    : number <= -9.2e18 ? INT64_MIN
							: (long long)number;

		memcpy(spec + size, "ll", 2);
		spec[size + 2] = letter == 'i' ? 'd' : letter;
		spec[size + 3] = '\0';
		if (letter == 'd' || letter == 'i')
			grow_format(f->a->p, &f->out, spec, width, precision, integer);
		else
			grow_format(f->a->p, &f->out, spec, width, precision,
				    (unsigned long long)integer);
		return;
	}
	spec[size] = letter;
	spec[size + 1] = '\0';
	grow_format(f->a->p, &f->out, spec, width, precision, number);
}

static void put_letter(struct formatting *f, int width, bool left)
{
	struct awk_value v = next_value(f);
	char c = v.kind == AWK_NUMBER ? (char)(int)v.number : awk_text(f->a, &v)[0];
	bool is = v.kind == AWK_NUMBER || c != '\0';

	for (int i = is; !left && i < width; i++)
		grow_char(f->a->p, &f->out, ' ');
	if (is)
		grow_char(f->a->p, &f->out, c);
	for (int i = is; left && i < width; i++)
		grow_char(f->a->p, &f->out, ' ');
}

static int read_width(struct formatting *f, const char **at)
{
	double value = 0;

	if (**at == '*') {
		struct awk_value v;

		if (is_busybox(f->a->p))
			awk_fail(f->a, "%*x formats are not supported");
		v = next_value(f);
		(*at)++;
		value = awk_number(f->a, &v);
	} else {
		while (isdigit((unsigned char)**at) && value < 100000)
			value = value * 10 + (*(*at)++ - '0');
	}
	return value > 65536 ? 65536 : value < -65536 ? -65536 : (int)value;
}

/* One conversion, behind its "%"; where it ends. */
static const char *put_conversion(struct formatting *f, const char *at)
{
	char spec[24] = "%";
	size_t size = 1;
	int width, precision = -1;

	while (*at != '\0' && strchr("-+ #0", *at) != NULL && size < 8)
		spec[size++] = *at++;
	width = read_width(f, &at);
	if (*at == '.') {
		at++;
		precision = read_width(f, &at);
	}
	while (*at != '\0' && strchr("lhjzt", *at) != NULL)
		at++;
	memcpy(spec + size, "*.*", 4);
	size += 3;
	if (*at == '\0')
		return at;
	if (*at == '%') {
		grow_char(f->a->p, &f->out, '%');
	} else if (strchr("diouxXeEfFgGaA", *at) != NULL) {
		put_number(f, spec, size, width, precision, *at);
	} else if (*at == 'c') {
		put_letter(f, width < 0 ? -width : width, width < 0 || strchr(spec, '-') != NULL);
	} else if (*at == 's') {
		struct awk_value v = next_value(f);

		spec[size] = 's';
		spec[size + 1] = '\0';
		grow_format(f->a->p, &f->out, spec, width, precision, awk_text(f->a, &v));
	} else {
		grow_char(f->a->p, &f->out, '%');
		grow_char(f->a->p, &f->out, *at);
	}
	return at + 1;
}

#pragma GCC diagnostic pop

const char *awk_format(struct awk *a, const char *format, struct awk_value *values, int count,
		       size_t *size)
{
	struct formatting f = { .a = a, .values = values, .left = count, .format = format };

	grow(a->p, &f.out, "", 0);
	while (*format != '\0') {
		if (*format == '%')
			format = put_conversion(&f, format + 1);
		else
			grow_char(a->p, &f.out, *format++);
	}
	if (size != NULL)
		*size = f.out.size;
	return f.out.data;
}
