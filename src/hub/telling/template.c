/* template - parsed into steps; choices jump forward; see template.h */
#include "hub/telling/template.h"

#include <stdlib.h>

#include "base/utf8.h"

#define STEPS 4096
#define NONE UINT32_MAX

enum step_kind {
	STEP_TEXT,   /* bytes `from`, `size` */
	STEP_VALUE,  /* of name `name` */
	STEP_UNLESS, /* when `name` is not true (or not the text): go to `to` */
	STEP_GO,     /* go to `to` */
};

struct step {
	enum step_kind kind;
	uint32_t from, size, name, to;
	bool compares;
};

struct hin_template {
	char *text; /* a copy of all bytes */
	struct step *steps;
	size_t count, title_count; /* the first steps are the title's */
	size_t name_count;
};

/* What a parse knows beside. */
struct parser {
	struct hin_template *t;
	const char *name;
	const char *const *names;
	size_t line;
	struct hin_error *err;
	struct {
		size_t unless; /* the step that jumps to the else or end */
		size_t go;     /* the one before the else, which jumps to the end; or SIZE_MAX */
		size_t line;
	} open[HIN_TEMPLATE_DEPTH];
	size_t depth;
};

static enum hin_code fail(struct parser *p, enum hin_code code, const char *what, const char *text,
			  size_t size)
{
	return hin_fail(p->err, code, "%s:%zu: %s%s%.*s%s", p->name, p->line, what,
			size > 0 ? " \"" : "", (int)(size < 40 ? size : 40), text,
			size > 0 ? "\"" : "");
}

static enum hin_code add(struct parser *p, struct step step)
{
	if (p->t->count == STEPS)
		return fail(p, HIN_ELIMIT, "the text has too many places", "", 0);
	p->t->steps[p->t->count++] = step;
	return HIN_OK;
}

static uint32_t find_name(const struct parser *p, const char *text, size_t size)
{
	for (uint32_t i = 0; p->names[i] != NULL; i++)
		if (strlen(p->names[i]) == size && memcmp(p->names[i], text, size) == 0)
			return i;
	return NONE;
}

/* Text with {name} in it. */
static enum hin_code parse_text(struct parser *p, const char *text, size_t size)
{
	enum hin_code code = HIN_OK;
	const char *base = p->t->text;

	while (size > 0 && code == HIN_OK) {
		const char *brace = memchr(text, '{', size), *close;
		size_t plain = brace != NULL ? (size_t)(brace - text) : size;
		uint32_t name;

		if (brace != NULL && plain + 1 < size && brace[1] == '{')
			plain++; /* the first brace is text, the second goes */
		if (plain > 0)
			code = add(p, (struct step){ .kind = STEP_TEXT,
						     .from = (uint32_t)(text - base),
						     .size = (uint32_t)plain });
		text += plain;
		size -= plain;
		if (brace == NULL || code != HIN_OK)
			continue;
		if (text != brace) { /* the second brace */
			text++;
			size--;
			continue;
		}
		close = memchr(text, '}', size);
		if (close == NULL)
			return fail(p, HIN_EFORMAT, "a { without its }; {{ is a brace", "", 0);
		name = find_name(p, text + 1, (size_t)(close - text - 1));
		if (name == NONE)
			return fail(p, HIN_EFORMAT, "nothing is called", text + 1,
				    (size_t)(close - text - 1));
		code = add(p, (struct step){ .kind = STEP_VALUE, .name = name });
		size -= (size_t)(close - text) + 1;
		text = close + 1;
	}
	return code;
}

/* "{if name}" or "{if name=value}" */
static enum hin_code parse_if(struct parser *p, const char *text, size_t size)
{
	struct step step = { .kind = STEP_UNLESS };
	const char *equals = memchr(text, '=', size);
	size_t name_size = equals != NULL ? (size_t)(equals - text) : size;

	if (p->depth == HIN_TEMPLATE_DEPTH)
		return fail(p, HIN_ELIMIT, "too many {if} in each other", "", 0);
	step.name = find_name(p, text, name_size);
	if (step.name == NONE)
		return fail(p, HIN_EFORMAT, "nothing is called", text, name_size);
	if (equals != NULL) {
		step.compares = true;
		step.from = (uint32_t)(equals + 1 - p->t->text);
		step.size = (uint32_t)(size - name_size - 1);
	}
	p->open[p->depth].unless = p->t->count;
	p->open[p->depth].go = SIZE_MAX;
	p->open[p->depth++].line = p->line;
	return add(p, step);
}

static enum hin_code parse_else(struct parser *p)
{
	enum hin_code code;

	if (p->depth == 0 || p->open[p->depth - 1].go != SIZE_MAX)
		return fail(p, HIN_EFORMAT, "{else} without its {if}", "", 0);
	p->open[p->depth - 1].go = p->t->count;
	code = add(p, (struct step){ .kind = STEP_GO });
	p->t->steps[p->open[p->depth - 1].unless].to = (uint32_t)p->t->count;
	return code;
}

static enum hin_code parse_end(struct parser *p)
{
	size_t go;

	if (p->depth == 0)
		return fail(p, HIN_EFORMAT, "{end} without its {if}", "", 0);
	go = p->open[--p->depth].go;
	p->t->steps[go != SIZE_MAX ? go : p->open[p->depth].unless].to = (uint32_t)p->t->count;
	return HIN_OK;
}

static bool is(const char *text, size_t size, const char *what)
{
	return size == strlen(what) && memcmp(text, what, size) == 0;
}

/* One line; `size` without its newline, `whole` with it. */
static enum hin_code parse_line(struct parser *p, const char *line, size_t size, size_t whole)
{
	size_t bare = size;

	while (bare > 0 && (line[bare - 1] == ' ' || line[bare - 1] == '\t'))
		bare--;
	if (size > 0 && line[0] == '#')
		return HIN_OK;
	if (bare > 5 && memcmp(line, "{if ", 4) == 0 && line[bare - 1] == '}')
		return parse_if(p, line + 4, bare - 5);
	if (is(line, bare, "{else}"))
		return parse_else(p);
	if (is(line, bare, "{end}"))
		return parse_end(p);
	return parse_text(p, line, whole);
}

static enum hin_code check_bytes(struct parser *p, const char *line, size_t size)
{
	struct hin_reader in = hin_reader_of(line, size);

	while (in.left > 0) {
		uint32_t c = hin_utf8_read(&in);

		if (c == HIN_UTF8_BAD || (c != '\t' && hin_utf8_is_hidden(c)))
			return fail(p, HIN_EFORMAT, "a byte that is no UTF-8, or is not seen", "",
				    0);
	}
	return HIN_OK;
}

/* Lines in turn; the first that is no comment is the title. */
static enum hin_code parse_all(struct parser *p, size_t size)
{
	enum hin_code code = HIN_OK;
	const char *at = p->t->text, *end = at + size;
	bool titled = false, begun = false;

	for (; at < end && code == HIN_OK; p->line++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t whole = newline != NULL ? (size_t)(newline - at) + 1 : (size_t)(end - at);
		size_t line = whole - (newline != NULL);

		code = check_bytes(p, at, line);
		if (code == HIN_OK && !titled && (line == 0 || at[0] != '#')) {
			if (line < 8 || memcmp(at, "title: ", 7) != 0)
				return fail(p, HIN_EFORMAT, "a text begins with \"title: ...\"", "",
					    0);
			code = parse_text(p, at + 7, line - 7);
			p->t->title_count = p->t->count;
			titled = true;
		} else if (code == HIN_OK && titled && (begun || line > 0)) {
			begun = true; /* empty lines behind the title are not the text's */
			code = parse_line(p, at, line, whole);
		}
		at += whole;
	}
	if (code == HIN_OK && !titled)
		return fail(p, HIN_EFORMAT, "a text begins with \"title: ...\"", "", 0);
	if (code == HIN_OK && p->depth > 0) {
		p->line = p->open[p->depth - 1].line;
		return fail(p, HIN_EFORMAT, "{if} without its {end}", "", 0);
	}
	return code;
}

enum hin_code hin_template_parse(struct hin_template **out, const char *name, const void *data,
				 size_t size, const char *const *names, struct hin_error *err)
{
	struct hin_template *t = calloc(1, sizeof(*t));
	struct parser p = { .t = t, .name = name, .names = names, .line = 1, .err = err };
	enum hin_code code;

	if (t == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s", name);
	if (size > HIN_TEMPLATE_SIZE) {
		hin_template_free(t);
		return hin_fail(err, HIN_ELIMIT, "%s: over %zu bytes", name, HIN_TEMPLATE_SIZE);
	}
	while (names[t->name_count] != NULL)
		t->name_count++;
	t->text = malloc(size + 1);
	t->steps = calloc(STEPS, sizeof(*t->steps));
	if (t->text == NULL || t->steps == NULL) {
		hin_template_free(t);
		return hin_fail(err, HIN_ENOMEM, "%s", name);
	}
	if (size > 0)
		memcpy(t->text, data, size);
	t->text[size] = '\0';
	code = parse_all(&p, size);
	if (code != HIN_OK) {
		hin_template_free(t);
		return code;
	}
	*out = t;
	return HIN_OK;
}

void hin_template_free(struct hin_template *t)
{
	if (t == NULL)
		return;
	free(t->text);
	free(t->steps);
	free(t);
}

static const char *value_of(const char *const *values, uint32_t name)
{
	return values[name] != NULL ? values[name] : "";
}

void hin_template_render(const struct hin_template *t, const char *const *values,
			 struct hin_buffer *title, struct hin_buffer *text)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct step *s = &t->steps[i];
		struct hin_buffer *out = i < t->title_count ? title : text;
		const char *value;

		switch (s->kind) {
		case STEP_TEXT:
			hin_buffer_add(out, t->text + s->from, s->size);
			break;
		case STEP_VALUE:
			hin_buffer_puts(out, value_of(values, s->name));
			break;
		case STEP_UNLESS:
			value = value_of(values, s->name);
			if (s->compares ? !is(t->text + s->from, s->size, value) : value[0] == '\0')
				i = s->to - 1u; /* always forward */
			break;
		case STEP_GO:
			i = s->to - 1u;
			break;
		}
	}
}
