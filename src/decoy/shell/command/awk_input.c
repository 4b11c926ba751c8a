/* awk_input - records and fields of awk, its files and commands. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "decoy/shell/command/awk.h"

/* ---- fields ---- */

static const char *special_text(struct awk *a, enum awk_special which)
{
	return awk_text(a, &a->cells[which].value);
}

/* Where one piece goes: into an array, or the fields. */
static void put_piece(struct awk *a, struct awk_array *array, int number, const char *text,
		      size_t size)
{
	if (array != NULL)
		*awk_element(a, array, format_of(a->p, "%d", number), true) =
			awk_of_input(a, text, size);
	else if (number <= AWK_FIELDS)
		a->fields[number] = awk_of_input(a, text, size);
}

static int split_spaces(struct awk *a, const char *text, struct awk_array *array)
{
	int count = 0;

	for (;;) {
		size_t size;

		text += strspn(text, " \t\n");
		if (*text == '\0' || count == AWK_FIELDS)
			return count;
		size = strcspn(text, " \t\n");
		put_piece(a, array, ++count, text, size);
		text += size;
	}
}

static int split_letters(struct awk *a, const char *text, struct awk_array *array)
{
	int count = 0;

	for (; *text != '\0' && count < AWK_FIELDS; text++)
		put_piece(a, array, ++count, text, 1);
	return count;
}

static int split_regex(struct awk *a, const char *text, const char *separator,
		       struct awk_array *array)
{
	regex_t *expression = awk_regex(a, separator);
	const char *from = text, *at = text;
	regmatch_t m;
	int count = 0;

	if (*text == '\0')
		return 0;
	while (count + 1 < AWK_FIELDS && *at != '\0' &&
	       regexec(expression, at, 1, &m, at == text ? 0 : REG_NOTBOL) == 0) {
		if (m.rm_eo == m.rm_so) { /* nothing separates nothing */
			at++;
			continue;
		}
		put_piece(a, array, ++count, from, (size_t)(at - from) + (size_t)m.rm_so);
		at += m.rm_eo;
		from = at;
		step(a->p);
	}
	put_piece(a, array, ++count, from, strlen(from));
	return count;
}

int awk_split(struct awk *a, const char *text, const char *separator, struct awk_array *array)
{
	static const char special[] = ".[]()*+?{}|^$\\";
	int count = 0;

	if (strcmp(separator, " ") == 0)
		return split_spaces(a, text, array);
	if (separator[0] == '\0')
		return split_letters(a, text, array);
	if (separator[1] != '\0' && strcmp(separator, "\\|") != 0)
		return split_regex(a, text, separator, array);
	if (separator[1] != '\0')
		separator++;
	if (strchr(special, separator[0]) != NULL && separator[0] == '\\')
		return split_regex(a, text, "\\\\", array);
	if (*text == '\0')
		return 0;
	for (;;) { /* one letter is itself */
		size_t size = strcspn(text, separator);

		put_piece(a, array, ++count, text, size);
		if (text[size] == '\0' || count == AWK_FIELDS)
			return count;
		text += size + 1;
	}
}

static void split_record(struct awk *a)
{
	if (a->split)
		return;
	if (a->fields == NULL)
		a->fields = memory_of(a->p, (AWK_FIELDS + 1) * sizeof(*a->fields));
	a->split = true;
	a->field_count = awk_split(a, awk_text(a, &a->record), special_text(a, AWK_FS), NULL);
	a->cells[AWK_NF].value = awk_of_number(a->field_count);
}

void awk_count_fields(struct awk *a)
{
	split_record(a);
}

void awk_set_record(struct awk *a, struct awk_value record)
{
	a->record = record;
	a->split = false;
	a->joined = true;
}

/* The record anew from its fields. */
static void join_record(struct awk *a)
{
	const char *between = special_text(a, AWK_OFS);
	struct growing g = { 0 };

	if (a->joined)
		return;
	grow(a->p, &g, "", 0);
	for (int i = 1; i <= a->field_count; i++) {
		if (i > 1)
			grow_text(a->p, &g, between);
		grow_text(a->p, &g, awk_text(a, &a->fields[i]));
	}
	a->record = awk_of_input(a, g.data, g.size);
	a->joined = true;
}

struct awk_value awk_field(struct awk *a, double number)
{
	if (number < 0 || number > AWK_FIELDS)
		awk_fail(a, is_busybox(a->p) ? "Access to negative field"
					     : "negative or too large field index");
	if (number < 1) {
		join_record(a);
		return a->record;
	}
	split_record(a);
	if (number >= a->field_count + 1)
		return (struct awk_value){ .kind = AWK_UNSET };
	return a->fields[(int)number];
}

void awk_set_count(struct awk *a, int count)
{
	split_record(a);
	if (count < 0 || count > AWK_FIELDS)
		awk_fail(a, "NF set to negative or too large value");
	for (int i = a->field_count + 1; i <= count; i++)
		a->fields[i] = (struct awk_value){ .kind = AWK_UNSET };
	a->field_count = count;
	a->cells[AWK_NF].value = awk_of_number(count);
	a->joined = false;
}

void awk_set_field(struct awk *a, double number, struct awk_value value)
{
	if (number < 0 || number > AWK_FIELDS)
		awk_fail(a, "negative or too large field index");
	if (number < 1) {
		const char *text = awk_text(a, &value);

		awk_set_record(a, awk_of_input(a, text, strlen(text)));
		return;
	}
	split_record(a);
	if ((int)number > a->field_count)
		awk_set_count(a, (int)number);
	a->fields[(int)number] = value;
	a->joined = false;
}

/* ---- reading ---- */

/* One more byte of the main input or a file; -1 at its end. */
static int next_byte(struct awk *a, struct awk_file *f)
{
	if (f->how == 'c') /* a command has said all it says */
		return f->at < f->text.size ? (unsigned char)f->text.data[f->at++] : -1;
	if (f != &a->main) {
		unsigned char c;

		return file_read(a->p, f->file, &c, 1) == 1 ? c : -1;
	}
	if (a->block_at == a->block_used) {
		int64_t got = file_read(a->p, f->file, a->block, sizeof(a->block));

		a->block_at = 0;
		a->block_used = got > 0 ? (size_t)got : 0;
		if (got <= 0)
			return -1;
	}
	return (unsigned char)a->block[a->block_at++];
}

/* Paragraphs: records between empty lines. */
static bool read_paragraph(struct awk *a, struct awk_file *f, struct growing *g)
{
	int c = next_byte(a, f);

	while (c == '\n')
		c = next_byte(a, f);
	if (c < 0)
		return false;
	for (unsigned newlines = 0; c >= 0; c = next_byte(a, f)) {
		newlines = c == '\n' ? newlines + 1 : 0;
		if (newlines == 2)
			break;
		grow_char(a->p, g, (char)c);
	}
	while (g->size > 0 && g->data[g->size - 1] == '\n')
		g->data[--g->size] = '\0';
	return true;
}

/* Until what RS matches, of one letter or an expression. */
static bool read_record(struct awk *a, struct awk_file *f, const char *separator, struct growing *g)
{
	int c = next_byte(a, f);
	regmatch_t m;

	if (c < 0)
		return false;
	if (separator[0] == '\0')
		awk_fail(a, "no separator");
	for (; c >= 0; c = next_byte(a, f)) {
		if (separator[1] == '\0' && c == separator[0])
			return true;
		if (c != '\0')
			grow_char(a->p, g, (char)c);
		if (separator[1] != '\0' && g->size > 0 &&
		    regexec(awk_regex(a, separator), g->data, 1, &m, 0) == 0 && m.rm_eo > m.rm_so) {
			g->data[m.rm_so] = '\0';
			g->size = (size_t)m.rm_so;
			return true;
		}
	}
	return true;
}

int awk_read(struct awk *a, struct awk_file *f, struct awk_value *out)
{
	const char *separator = special_text(a, AWK_RS);
	struct growing g = { 0 };

	grow(a->p, &g, "", 0);
	step(a->p);
	if (f->file == NULL && f->how != 'c')
		return -1;
	if (separator[0] == '\0' ? !read_paragraph(a, f, &g) : !read_record(a, f, separator, &g))
		return 0;
	*out = awk_of_input(a, g.data, g.size);
	return 1;
}

/* "NAME=value" among the files. */
static bool assign_operand(struct awk *a, const char *word)
{
	const char *equals = strchr(word, '=');
	int place;

	if (equals == NULL || !(isalpha((unsigned char)word[0]) || word[0] == '_'))
		return false;
	for (const char *c = word; c < equals; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return false;
	place = awk_variable(a, text_of(a->p, word, (size_t)(equals - word)));
	if (place >= 0)
		a->cells[place].value = awk_of_input(a, equals + 1, strlen(equals + 1));
	return true;
}

/* Go on with the next operand that is a file, or the input; false when there is none. */
static bool next_file(struct awk *a)
{
	struct awk_array *arguments = awk_array_of(a, &a->cells[AWK_ARGV]);
	const char *name = NULL;

	if (a->input_begun)
		file_done(a->p, a->main.file);
	a->main.file = NULL;
	a->block_at = a->block_used = 0;
	while (a->argument < (int)awk_number(a, &a->cells[AWK_ARGC].value)) {
		struct awk_value *v =
			awk_element(a, arguments, format_of(a->p, "%d", a->argument++), false);

		name = v != NULL ? awk_text(a, v) : "";
		if (name[0] != '\0' && !assign_operand(a, name))
			break;
		name = NULL;
	}
	if (name == NULL && a->input_begun)
		return false;
	a->input_begun = true;
	if (name != NULL && strcmp(name, "-") != 0) {
		int fault = file_open(a->p, name, OPEN_READ, 0, &a->main.file);

		if (fault != 0) {
			a->main.file = NULL;
			if (is_busybox(a->p)) {
				errf(a->p, "awk: %s: %s\n", name, error_text(fault));
				process_die(a->p, 1);
			}
			errf(a->p, "awk: cannot open %s (%s)\n", name, error_text(fault));
			process_die(a->p, 2);
		}
		(void)file_owned(a->p, a->main.file);
	} else {
		a->main.file =
			a->p->fds[0] != NULL ? file_owned(a->p, file_ref(a->p->fds[0])) : NULL;
	}
	a->cells[AWK_FILENAME].value =
		awk_of_text(a, name != NULL ? name : "", name != NULL ? strlen(name) : 0);
	a->cells[AWK_FNR].value = awk_of_number(0);
	return a->main.file != NULL;
}

bool awk_next_record(struct awk *a, struct awk_value *out)
{
	while (!a->input_ended) {
		if (a->main.file != NULL && awk_read(a, &a->main, out) == 1) {
			a->cells[AWK_NR].value =
				awk_of_number(awk_number(a, &a->cells[AWK_NR].value) + 1);
			a->cells[AWK_FNR].value =
				awk_of_number(awk_number(a, &a->cells[AWK_FNR].value) + 1);
			return true;
		}
		a->input_ended = !next_file(a);
	}
	return false;
}

/* ---- files and commands ---- */

static void command_body(struct process *p, void *what)
{
	const char *text = what;

	run_text(p, text, strlen(text));
}

/* Run a command, its input `text`, and take its output where that is wanted. */
static int run_command(struct awk *a, const char *command, const struct growing *input,
		       struct growing *output)
{
	struct process *p = a->p, *child;
	struct file *in = NULL, *capture = NULL;

	if (input != NULL) {
		in = file_owned(p, file_new(p, FILE_TEXT));
		in->readable = true;
		hin_buffer_add(&in->text, input->data, input->size);
	}
	if (output != NULL) {
		capture = file_owned(p, file_new(p, FILE_CAPTURE));
		capture->writable = true;
	}
	child = process_inside(p);
	if (!is_busybox(p))
		child->dialect = dialect_of(p->shell->machine, "sh");
	if (in != NULL)
		put_fd(child, 0, file_ref(in));
	if (capture != NULL)
		put_fd(child, 1, file_ref(capture));
	process_run(child, command_body, (void *)(uintptr_t)command);
	if (capture != NULL)
		grow(p, output, capture->text.data, capture->text.used);
	file_done(p, in);
	file_done(p, capture);
	step(p);
	return p->status;
}

struct awk_file *awk_open(struct awk *a, const char *name, int how)
{
	struct process *p = a->p;
	struct awk_file *f = NULL;
	int fault = 0;

	for (int i = 0; i < AWK_FILES; i++) {
		if (a->files[i].how == how && strcmp(a->files[i].name, name) == 0)
			return &a->files[i];
		if (a->files[i].how == 0 && f == NULL)
			f = &a->files[i];
	}
	if (f == NULL)
		awk_fail(a, "too many open files");
	*f = (struct awk_file){ .how = how, .name = text_of(p, name, strlen(name)) };
	switch (how) {
	case '|':
		return f;
	case 'c':
		(void)run_command(a, f->name, NULL, &f->text);
		return f;
	case '<':
		if (strcmp(name, "-") == 0) {
			f->file = p->fds[0] != NULL ? file_owned(p, file_ref(p->fds[0])) : NULL;
			return f;
		}
		fault = file_open(p, name, OPEN_READ, 0, &f->file);
		break;
	default:
		fault = file_open(p, name,
				  OPEN_WRITE | OPEN_CREATE |
					  (how == 'a' ? OPEN_APPEND : OPEN_TRUNCATE),
				  0666, &f->file);
	}
	if (fault != 0) {
		f->how = 0;
		f->file = NULL;
		if (how == '<')
			return NULL;
		errf(p,
		     is_busybox(p) ? "awk: can't create %s: %s\n"
				   : "awk: cannot open \"%s\" for output (%s)\n",
		     name, error_text(fault));
		process_die(p, 2);
	}
	(void)file_owned(p, f->file);
	return f;
}

static int close_one(struct awk *a, struct awk_file *f)
{
	struct awk_file gone = *f;
	int status = 0;

	f->how = 0;
	if (gone.how == '|')
		status = run_command(a, gone.name, &gone.text, NULL);
	if (gone.file != NULL)
		file_done(a->p, gone.file);
	return status;
}

int awk_close(struct awk *a, const char *name)
{
	int status = -1;

	for (int i = 0; i < AWK_FILES; i++)
		if (a->files[i].how != 0 && strcmp(a->files[i].name, name) == 0)
			status = close_one(a, &a->files[i]);
	return status;
}

void awk_close_all(struct awk *a)
{
	for (int i = 0; i < AWK_FILES; i++)
		if (a->files[i].how != 0)
			(void)close_one(a, &a->files[i]);
}
