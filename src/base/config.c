#include "base/config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/prefix.h"
#include "base/suggest.h"
#include "base/wrap.h"

#define COLUMNS 80

static bool is_list(const struct hin_setting *row)
{
	return row->rule.type == HIN_VALUE_LIST || row->rule.type == HIN_VALUE_PREFIXES;
}

static void *target_of(const struct hin_setting *row, void *into)
{
	return (char *)into + row->offset;
}

static void free_list(struct hin_config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	free(list->lines);
	*list = (struct hin_config_list){ 0 };
}

void hin_config_fini(const struct hin_config_table *table, void *into)
{
	if (into == NULL)
		return;
	for (size_t i = 0; i < table->count; i++) {
		const struct hin_setting *row = &table->rows[i];

		if (is_list(row)) {
			free_list(target_of(row, into));
		} else if (row->rule.type == HIN_VALUE_TEXT) {
			char **text = target_of(row, into);

			free(*text);
			*text = NULL;
		}
	}
}

/* `line` is that of its file, 0 when it comes from none: the same for all of a list. */
static enum hin_code add_item(struct hin_config_list *list, const char *what, const char *text,
			      size_t line, struct hin_error *err)
{
	char **items, *copy;

	if (list->count == HIN_CONFIG_ITEMS)
		return hin_fail(err, HIN_ELIMIT, "%s has more than %u items", what,
				HIN_CONFIG_ITEMS);
	/* the array doubles at powers of two */
	if ((list->count & (list->count - 1)) == 0) {
		size_t size = list->count > 0 ? list->count * 2 : 1;

		items = reallocarray(list->items, size, sizeof(*items));
		if (items == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for %s", what);
		list->items = items;
		if (line != 0) {
			uint32_t *lines = reallocarray(list->lines, size, sizeof(*lines));

			if (lines == NULL)
				return hin_fail(err, HIN_ENOMEM, "no memory for %s", what);
			list->lines = lines;
		}
	}
	copy = strdup(text);
	if (copy == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", what);
	if (list->lines != NULL)
		list->lines[list->count] = (uint32_t)line;
	list->items[list->count++] = copy;
	return HIN_OK;
}

/* A text in a list of prefixes must be one, or else a file that can be read. */
static enum hin_code check_prefix(const char *what, const char *text, struct hin_error *err)
{
	struct hin_prefix prefix;
	enum hin_code code = hin_prefix_parse(&prefix, text, err);

	if (code != HIN_EFORMAT)
		return code;
	if (access(text, R_OK) == 0)
		return HIN_OK;
	if (errno == ENOENT || errno == ENOTDIR)
		return hin_fail(err, HIN_EFORMAT, "%s \"%.60s\" is neither a prefix nor a file",
				what, text);
	return hin_fail(err, HIN_ESYS, "%s %.60s", what, text);
}

static enum hin_code add_checked(const struct hin_setting *row, struct hin_config_list *list,
				 const char *text, size_t line, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (text[0] == '\0')
		return hin_fail(err, HIN_EFORMAT, "%s has an empty item", row->name);
	if (row->rule.type == HIN_VALUE_PREFIXES)
		code = check_prefix(row->name, text, err);
	return code == HIN_OK ? add_item(list, row->name, text, line, err) : code;
}

static enum hin_code set_text(const struct hin_setting *row, void *into, const char *text,
			      struct hin_error *err)
{
	char **target = target_of(row, into), *copy = strdup(text);

	if (copy == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", row->name);
	free(*target);
	*target = copy;
	return HIN_OK;
}

/* Set a list from "a,b,c"; the old one goes. */
static enum hin_code set_items(const struct hin_setting *row, void *into, const char *text,
			       struct hin_error *err)
{
	struct hin_config_list list = { 0 };
	char *copy = strdup(text), *rest = copy, *item;
	enum hin_code code = HIN_OK;

	if (copy == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", row->name);
	while (code == HIN_OK && text[0] != '\0' && (item = strsep(&rest, ",")) != NULL)
		code = add_checked(row, &list, item, 0, err);
	free(copy);
	if (code != HIN_OK) {
		free_list(&list);
		return code;
	}
	free_list(target_of(row, into));
	*(struct hin_config_list *)target_of(row, into) = list;
	return HIN_OK;
}

static enum hin_code set_value(const struct hin_setting *row, void *into, const char *text,
			       struct hin_error *err)
{
	if (is_list(row))
		return set_items(row, into, text, err);
	if (row->rule.type == HIN_VALUE_TEXT)
		return set_text(row, into, text, err);
	return hin_value_read(&row->rule, target_of(row, into), row->name, text, err);
}

enum hin_code hin_config_init(const struct hin_config_table *table, void *into,
			      struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < table->count && code == HIN_OK; i++) {
		const struct hin_setting *row = &table->rows[i];

		code = set_value(row, into, row->text != NULL ? row->text : "", err);
	}
	if (code != HIN_OK)
		hin_config_fini(table, into);
	return code;
}

/* ---- copies ---- */

static const struct hin_setting *find_row(const struct hin_config_table *table, const char *name)
{
	for (size_t i = 0; i < table->count; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	return NULL;
}

static const void *source_of(const struct hin_setting *row, const void *from)
{
	return (const char *)from + row->offset;
}

static enum hin_code copy_row(const struct hin_setting *row, void *to, const void *from,
			      struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (is_list(row)) {
		struct hin_config_list *list = target_of(row, to);
		const struct hin_config_list *given = source_of(row, from);

		*list = (struct hin_config_list){ 0 };
		for (size_t i = 0; i < given->count && code == HIN_OK; i++)
			code = add_item(list, row->name, given->items[i],
					given->lines != NULL ? given->lines[i] : 0, err);
	} else if (row->rule.type == HIN_VALUE_TEXT) {
		char **text = target_of(row, to), *const *given = source_of(row, from);

		*text = *given != NULL ? strdup(*given) : NULL;
		if (*given != NULL && *text == NULL)
			code = hin_fail(err, HIN_ENOMEM, "no memory for the setting %s", row->name);
	}
	return code;
}

enum hin_code hin_config_copy(const struct hin_config_table *table, void *to, size_t size,
			      const void *from, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	memcpy(to, from, size);
	for (size_t i = 0; i < table->count; i++) { /* nothing is held twice, whatever comes */
		const struct hin_setting *row = &table->rows[i];

		if (is_list(row))
			*(struct hin_config_list *)target_of(row, to) =
				(struct hin_config_list){ 0 };
		else if (row->rule.type == HIN_VALUE_TEXT)
			*(char **)target_of(row, to) = NULL;
	}
	for (size_t i = 0; i < table->count && code == HIN_OK; i++)
		code = copy_row(&table->rows[i], to, from, err);
	if (code != HIN_OK)
		hin_config_fini(table, to);
	return code;
}

static bool same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_row(const struct hin_setting *row, const void *a, const void *b)
{
	const struct hin_config_list *x = source_of(row, a), *y = source_of(row, b);
	bool same;

	if (is_list(row)) {
		same = x->count == y->count;
		for (size_t i = 0; i < x->count && same; i++)
			same = strcmp(x->items[i], y->items[i]) == 0;
		return same;
	}
	switch (row->rule.type) {
	case HIN_VALUE_TEXT:
		return same_text(*(char *const *)source_of(row, a),
				 *(char *const *)source_of(row, b));
	case HIN_VALUE_BOOL:
		return *(const bool *)source_of(row, a) == *(const bool *)source_of(row, b);
	case HIN_VALUE_CHOICE:
		return *(const int *)source_of(row, a) == *(const int *)source_of(row, b);
	default: /* all others have 64 bits */
		return memcmp(source_of(row, a), source_of(row, b), sizeof(uint64_t)) == 0;
	}
}

bool hin_config_differs(const struct hin_config_table *table, const char *name, const void *a,
			const void *b)
{
	const struct hin_setting *row = find_row(table, name);

	return row != NULL && !same_row(row, a, b);
}

/* Do settings start with `name` and a dot? */
static bool is_group(const struct hin_config_table *table, const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < table->count; i++)
		if (strncmp(table->rows[i].name, name, size) == 0 &&
		    table->rows[i].name[size] == '.')
			return true;
	return false;
}

/*
 * Say that nothing is called `name`, of which the first `parent` bytes (with their dot) are known
 * to be a group, and which name beside it is near.
 */
static enum hin_code fail_unknown(const struct hin_config_table *table, const char *name,
				  size_t parent, struct hin_error *err)
{
	struct hin_suggest near = { .wanted = name + parent };
	char(*parts)[HIN_CONFIG_NAME] = calloc(table->count + 1, sizeof(*parts));
	enum hin_code code;

	for (size_t i = 0; i < table->count && parts != NULL; i++) {
		const char *other = table->rows[i].name;

		if (strncmp(other, name, parent) != 0)
			continue;
		snprintf(parts[i], sizeof(parts[i]), "%s", other + parent);
		hin_suggest_offer(&near, other + parent); /* all of it, and its first part */
		parts[i][strcspn(parts[i], ".")] = '\0';
		hin_suggest_offer(&near, parts[i]);
	}
	code = hin_suggest_fail(&near, HIN_EFORMAT, "setting", "", err);
	free(parts);
	return code;
}

enum hin_code hin_config_set(const struct hin_config_table *table, void *into, const char *text,
			     struct hin_error *err)
{
	const char *equals = strchr(text, '=');
	const struct hin_setting *row;
	char name[HIN_CONFIG_NAME];

	if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof(name))
		return hin_fail(err, HIN_EFORMAT, "\"%.60s\" is not NAME=VALUE", text);
	memcpy(name, text, (size_t)(equals - text));
	name[equals - text] = '\0';
	row = find_row(table, name);
	if (row == NULL && is_group(table, name))
		return hin_fail(err, HIN_EFORMAT, "\"%s\" is a group of settings", name);
	if (row == NULL)
		return fail_unknown(table, name, 0, err);
	return set_value(row, into, equals + 1, err);
}

/* A file on its way. */
struct load {
	const struct hin_config_table *table;
	void *into;
	const char *file;
	yaml_parser_t parser;
	size_t *lines;		    /* where each row was set, 0 = not yet */
	char name[HIN_CONFIG_NAME]; /* of the mapping we are in, with its dot */
	unsigned depth;
	struct hin_error *err;
};

/* Put "file:line: " before what `err` says. */
static enum hin_code fail_at(const struct load *load, size_t line, enum hin_code code)
{
	struct hin_error cause;

	if (load->err == NULL)
		return code;
	cause = *load->err;
	hin_fail(load->err, HIN_EFORMAT, "%s:%zu: %s", load->file, line, cause.text);
	load->err->code = code;
	load->err->sys = cause.sys;
	return code;
}

static size_t line_of(const yaml_event_t *event)
{
	return event->start_mark.line + 1;
}

/* What libyaml found wrong, with its line. */
static enum hin_code fail_yaml(const struct load *load)
{
	const yaml_parser_t *parser = &load->parser;
	size_t line = parser->problem_mark.line + 1;

	if (parser->error == YAML_MEMORY_ERROR)
		return hin_fail(load->err, HIN_ENOMEM, "no memory for %s", load->file);
	if (parser->error == YAML_READER_ERROR) {
		hin_fail(load->err, HIN_EFORMAT, "%s: byte %zu: %s", load->file,
			 parser->problem_offset, parser->problem);
		return HIN_EFORMAT;
	}
	hin_fail(load->err, HIN_EFORMAT, "%s%s%s",
		 parser->problem != NULL ? parser->problem : "not YAML",
		 parser->context != NULL ? " " : "",
		 parser->context != NULL ? parser->context : "");
	return fail_at(load, line, HIN_EFORMAT);
}

/* Fetch the next event; the caller deletes it on HIN_OK. Anchors, aliases and tags end here. */
static enum hin_code next_event(struct load *load, yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	const char *problem = NULL;
	enum hin_code code = HIN_OK;

	if (!yaml_parser_parse(&load->parser, event))
		return fail_yaml(load);
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor != NULL || event->type == YAML_ALIAS_EVENT)
		problem = "anchors and aliases are not taken";
	else if (tag != NULL)
		problem = "tags are not taken";
	else if (event->type == YAML_SCALAR_EVENT &&
		 memchr(event->data.scalar.value, 0, event->data.scalar.length) != NULL)
		problem = "a NUL character in a value";
	if (problem != NULL) {
		hin_fail(load->err, HIN_EFORMAT, "%s", problem);
		code = fail_at(load, line_of(event), HIN_EFORMAT);
		yaml_event_delete(event);
	}
	return code;
}

static const char *text_of(const yaml_event_t *event)
{
	return (const char *)event->data.scalar.value;
}

/* Is it a value that was left out: "name:" and nothing more? */
static bool is_left_out(const yaml_event_t *event)
{
	return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
	       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Read the items of a sequence that was begun into the list of `row`. */
static enum hin_code read_sequence(struct load *load, const struct hin_setting *row)
{
	struct hin_config_list list = { 0 };
	enum hin_code code;
	yaml_event_t event;

	for (;;) {
		bool end;

		code = next_event(load, &event);
		if (code != HIN_OK)
			break;
		end = event.type == YAML_SEQUENCE_END_EVENT;
		if (event.type == YAML_SCALAR_EVENT)
			code = add_checked(row, &list, text_of(&event), line_of(&event), load->err);
		else if (!end)
			code = hin_fail(load->err, HIN_EFORMAT, "%s takes plain items only",
					row->name);
		if (code != HIN_OK)
			fail_at(load, line_of(&event), code);
		yaml_event_delete(&event);
		if (end || code != HIN_OK)
			break;
	}
	if (code != HIN_OK) {
		free_list(&list);
		return code;
	}
	free_list(target_of(row, load->into));
	*(struct hin_config_list *)target_of(row, load->into) = list;
	return HIN_OK;
}

/* Set `row` by the value that starts with `event`. */
static enum hin_code read_value(struct load *load, const struct hin_setting *row,
				const yaml_event_t *event)
{
	size_t *line = &load->lines[row - load->table->rows];
	enum hin_code code;

	if (*line != 0)
		code = hin_fail(load->err, HIN_EFORMAT, "\"%s\" was set in line %zu already",
				row->name, *line);
	else if (event->type == YAML_MAPPING_START_EVENT)
		code = hin_fail(load->err, HIN_EFORMAT, "\"%s\" is a setting, not a group",
				row->name);
	else if (event->type == YAML_SEQUENCE_START_EVENT && !is_list(row))
		code = hin_fail(load->err, HIN_EFORMAT, "\"%s\" takes one value, not a list",
				row->name);
	else if (is_left_out(event))
		code = hin_fail(load->err, HIN_EFORMAT, "\"%s\" has no value", row->name);
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		code = HIN_OK;
	else if (is_list(row)) /* one item; a comma in it is a comma */
		code = set_items(row, load->into, "", load->err) == HIN_OK
			       ? add_checked(row, target_of(row, load->into), text_of(event),
					     line_of(event), load->err)
			       : HIN_ENOMEM;
	else
		code = set_value(row, load->into, text_of(event), load->err);
	if (code != HIN_OK)
		return fail_at(load, line_of(event), code);
	*line = line_of(event);
	return event->type == YAML_SEQUENCE_START_EVENT ? read_sequence(load, row) : HIN_OK;
}

static enum hin_code read_mapping(struct load *load);

/* Go into the group `load->name`, which starts with `event`. */
static enum hin_code read_group(struct load *load, const yaml_event_t *event)
{
	enum hin_code code;

	if (is_left_out(event)) /* all in it is commented out */
		return HIN_OK;
	if (event->type != YAML_MAPPING_START_EVENT) {
		hin_fail(load->err, HIN_EFORMAT, "\"%s\" is a group of settings, not a value",
			 load->name);
		return fail_at(load, line_of(event), HIN_EFORMAT);
	}
	if (load->depth == HIN_CONFIG_DEPTH) {
		hin_fail(load->err, HIN_ELIMIT, "more than %u groups in each other",
			 HIN_CONFIG_DEPTH);
		return fail_at(load, line_of(event), HIN_ELIMIT);
	}
	memcpy(load->name + strlen(load->name), ".", sizeof(".")); /* read_mapping() left room */
	load->depth++;
	code = read_mapping(load);
	load->depth--;
	return code;
}

/* Read the value of the name in `load->name`, whose last part starts at `parent`. */
static enum hin_code read_entry(struct load *load, size_t parent, size_t line)
{
	const struct hin_setting *row = find_row(load->table, load->name);
	bool group = row == NULL && is_group(load->table, load->name);
	enum hin_code code;
	yaml_event_t event;

	if (row == NULL && !group)
		return fail_at(load, line,
			       fail_unknown(load->table, load->name, parent, load->err));
	code = next_event(load, &event);
	if (code != HIN_OK)
		return code;
	code = group ? read_group(load, &event) : read_value(load, row, &event);
	yaml_event_delete(&event);
	return code;
}

/* Read a mapping that was begun, up to its end. */
static enum hin_code read_mapping(struct load *load)
{
	size_t parent = strlen(load->name);
	enum hin_code code;

	for (;;) {
		yaml_event_t event;
		size_t line, size;
		bool end;

		load->name[parent] = '\0';
		code = next_event(load, &event);
		if (code != HIN_OK)
			return code;
		line = line_of(&event);
		end = event.type == YAML_MAPPING_END_EVENT;
		if (!end && event.type != YAML_SCALAR_EVENT) {
			code = hin_fail(load->err, HIN_EFORMAT, "a name of a setting is wanted");
		} else if (!end) {
			size = event.data.scalar.length;
			if (size == 0 || parent + size + 2 > sizeof(load->name))
				code = hin_fail(load->err, HIN_EFORMAT,
						"\"%.60s\" is no name of a setting",
						text_of(&event));
			else
				memcpy(load->name + parent, text_of(&event), size + 1);
		}
		yaml_event_delete(&event);
		if (code != HIN_OK)
			return fail_at(load, line, code);
		if (end)
			return HIN_OK;
		code = read_entry(load, parent, line);
		if (code != HIN_OK)
			return code;
	}
}

/* Read what stands between the start and the end of the stream: one mapping, or nothing. */
static enum hin_code read_stream(struct load *load)
{
	bool has_document = false;
	enum hin_code code = HIN_OK;

	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;

		code = next_event(load, &event);
		if (code != HIN_OK)
			return code;
		type = event.type;
		if (type == YAML_DOCUMENT_START_EVENT && has_document)
			code = hin_fail(load->err, HIN_EFORMAT, "a second document");
		else if ((type == YAML_SCALAR_EVENT && !is_left_out(&event)) ||
			 type == YAML_SEQUENCE_START_EVENT)
			code = hin_fail(load->err, HIN_EFORMAT,
					"settings are wanted, as \"name: value\"");
		if (code != HIN_OK)
			fail_at(load, line_of(&event), code);
		has_document = has_document || type == YAML_DOCUMENT_START_EVENT;
		yaml_event_delete(&event);
		if (code == HIN_OK && type == YAML_MAPPING_START_EVENT)
			code = read_mapping(load);
		if (code != HIN_OK || type == YAML_STREAM_END_EVENT)
			return code;
	}
}

enum hin_code hin_config_parse(const struct hin_config_table *table, void *into, const char *name,
			       const void *data, size_t size, struct hin_error *err)
{
	struct load load = { .table = table, .into = into, .file = name, .err = err };
	enum hin_code code;

	if (size > HIN_CONFIG_SIZE)
		return hin_fail(err, HIN_ELIMIT, "%s is larger than %zu bytes", name,
				HIN_CONFIG_SIZE);
	load.lines = calloc(table->count + 1, sizeof(*load.lines));
	if (load.lines == NULL || !yaml_parser_initialize(&load.parser)) {
		free(load.lines);
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", name);
	}
	yaml_parser_set_input_string(&load.parser, data, size);
	code = read_stream(&load);
	yaml_parser_delete(&load.parser);
	free(load.lines);
	return code;
}

enum hin_code hin_config_load(const struct hin_config_table *table, void *into, const char *path,
			      struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	enum hin_code code = hin_file_read(&text, path, HIN_CONFIG_SIZE, err);

	if (code == HIN_OK)
		code = hin_config_parse(table, into, path, hin_buffer_text(&text), text.used, err);
	hin_buffer_fini(&text);
	return code;
}

static const char *help_of(const struct hin_setting *row, enum hin_lang lang)
{
	const char *help = lang == HIN_JA && row->help_ja != NULL ? row->help_ja : row->help;

	return help != NULL ? help : "";
}

/* Append "help (range; default X; source)". */
static void describe(struct hin_buffer *out, const struct hin_setting *row, enum hin_lang lang,
		     bool with_default)
{
	hin_buffer_printf(out, "%s (", help_of(row, lang));
	hin_value_describe(out, &row->rule);
	if (with_default && row->text != NULL && row->text[0] != '\0')
		hin_buffer_printf(out, "; %s %s", lang == HIN_JA ? "既定" : "default", row->text);
	if (row->source != NULL)
		hin_buffer_printf(out, "; %s", row->source);
	hin_buffer_puts(out, ")");
}

void hin_config_print(const struct hin_config_table *table, enum hin_lang lang,
		      struct hin_buffer *out)
{
	for (size_t i = 0; i < table->count; i++) {
		struct hin_buffer text = { 0 };

		hin_buffer_printf(out, "  %s\n      ", table->rows[i].name);
		describe(&text, &table->rows[i], lang, true);
		hin_wrap(out, hin_buffer_text(&text), 6, 6, COLUMNS);
		hin_buffer_putc(out, '\n');
		out->failed = out->failed || text.failed;
		hin_buffer_fini(&text);
	}
}

void hin_config_manual(const struct hin_config_table *table, enum hin_lang lang,
		       struct hin_buffer *out)
{
	hin_buffer_puts(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < table->count; i++) {
		struct hin_buffer text = { 0 };

		hin_buffer_printf(out, ".It Cm %s\n", table->rows[i].name);
		describe(&text, &table->rows[i], lang, true);
		hin_escape_roff(out, hin_buffer_text(&text));
		hin_buffer_putc(out, '\n');
		out->failed = out->failed || text.failed;
		hin_buffer_fini(&text);
	}
	hin_buffer_puts(out, ".El\n");
}

/* Append `text` as comments, `indent` columns in. */
static void put_comment(struct hin_buffer *out, const char *text, size_t indent)
{
	struct hin_buffer wrapped = { 0 };
	const char *line;

	hin_wrap(&wrapped, text, 0, 0, COLUMNS - 2 - indent);
	for (line = hin_buffer_text(&wrapped); line != NULL;) {
		size_t size = strcspn(line, "\n");

		hin_buffer_fill(out, ' ', indent);
		hin_buffer_puts(out, "# ");
		hin_buffer_add(out, line, size);
		hin_buffer_putc(out, '\n');
		line = line[size] == '\n' ? line + size + 1 : NULL;
	}
	out->failed = out->failed || wrapped.failed;
	hin_buffer_fini(&wrapped);
}

/* Open the groups of `name` that `last` was not in; returns the depth of its own line. */
static size_t open_groups(struct hin_buffer *out, const char *name, const char *last)
{
	size_t depth = 0, start = 0;
	bool same = true;

	for (size_t end; name[end = start + strcspn(name + start, ".")] == '.'; start = end + 1) {
		same = same && strncmp(name, last, end + 1) == 0;
		if (!same) {
			hin_buffer_fill(out, ' ', 2 * depth);
			hin_buffer_add(out, name + start, end - start);
			hin_buffer_puts(out, ":\n");
		}
		depth++;
	}
	return depth;
}

/* Append the default of `row` as a YAML value. */
static void put_default(struct hin_buffer *out, const struct hin_setting *row)
{
	const char *text = row->text != NULL ? row->text : "";

	if (is_list(row)) {
		hin_buffer_puts(out, "[");
		while (*text != '\0') {
			size_t size = strcspn(text, ",");

			hin_escape_json(out, text, size);
			text += size + (text[size] == ',');
			hin_buffer_puts(out, *text != '\0' ? ", " : "");
		}
		hin_buffer_puts(out, "]");
	} else if (row->rule.type == HIN_VALUE_TEXT) {
		hin_escape_json(out, text, strlen(text)); /* YAML's double quotes are JSON's */
	} else {
		hin_buffer_puts(out, text);
	}
}

void hin_config_template(const struct hin_config_table *table, enum hin_lang lang,
			 struct hin_buffer *out)
{
	const char *last = "";

	for (size_t i = 0; i < table->count; i++) {
		const struct hin_setting *row = &table->rows[i];
		const char *dot = strrchr(row->name, '.');
		struct hin_buffer text = { 0 };
		size_t depth;

		if (i > 0)
			hin_buffer_putc(out, '\n');
		depth = open_groups(out, row->name, last);
		describe(&text, row, lang, false);
		put_comment(out, hin_buffer_text(&text), 2 * depth);
		hin_buffer_fill(out, ' ', 2 * depth);
		hin_buffer_printf(out, "#%s: ", dot != NULL ? dot + 1 : row->name);
		put_default(out, row);
		hin_buffer_putc(out, '\n');
		out->failed = out->failed || text.failed;
		hin_buffer_fini(&text);
		last = row->name;
	}
}
