#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "base/wrap.h"

#define COLUMNS 80
#define HELP_COLUMN 26 /* where help starts; longer names have a line of their own */
#define NAME_LIMIT 64

static enum hin_code set_lang(void *into, const char *value, struct hin_error *err)
{
	struct hin_standard *standard = into;

	return hin_lang_parse(&standard->lang, value, err);
}

/* These go into a struct hin_standard. */
static const struct hin_option standard_options[] = {
	{ "lang", 0, "en|ja", HIN_OPTION_CALL, .call = set_lang,
	  .help = "language of the output (default: from the environment)",
	  .help_ja = "出力の言語（既定は環境変数による）" },
	{ "help", 'h', NULL, HIN_OPTION_FLAG, offsetof(struct hin_standard, help),
	  .help = "print this help", .help_ja = "この説明を表示する" },
	{ "version", 0, NULL, HIN_OPTION_FLAG, offsetof(struct hin_standard, version),
	  .help = "print the version", .help_ja = "版を表示する" },
};

/* A row of either table, and where its target lies. */
struct match {
	const struct hin_option *option;
	void *into;
	bool negated; /* by --no- */
};

/* A command line on its way. */
struct parse {
	const struct hin_program *program;
	void *into;
	struct hin_standard *standard;
	int argc, next; /* arguments, and the first not yet read */
	char **argv;
	int operands; /* of them at the start of argv, argv[0] included */
	struct hin_error *err;
};

static bool is_named(const struct hin_option *option, const char *name, size_t size)
{
	return option->name != NULL && strlen(option->name) == size &&
	       memcmp(option->name, name, size) == 0;
}

static bool match_in(const struct hin_option *options, size_t count, const char *name, size_t size,
		     struct match *out)
{
	for (size_t i = 0; i < count; i++) {
		bool flag = options[i].name != NULL && options[i].kind == HIN_OPTION_FLAG;

		out->option = &options[i];
		out->negated = false;
		if (is_named(&options[i], name, size))
			return true;
		out->negated = true;
		if (flag && size > 3 && memcmp(name, "no-", 3) == 0 &&
		    is_named(&options[i], name + 3, size - 3))
			return true;
	}
	return false;
}

static enum hin_code find_long(const struct parse *p, const char *name, size_t size,
			       struct match *out)
{
	struct hin_suggest near;
	char wanted[NAME_LIMIT + 2];

	out->into = p->into;
	if (match_in(p->program->options, p->program->option_count, name, size, out))
		return HIN_OK;
	out->into = p->standard;
	if (match_in(standard_options, HIN_COUNT(standard_options), name, size, out) &&
	    !out->negated)
		return HIN_OK;
	snprintf(wanted, sizeof(wanted), "%.*s", size > NAME_LIMIT ? NAME_LIMIT : (int)size, name);
	near = (struct hin_suggest){ .wanted = wanted };
	for (size_t i = 0; i < p->program->option_count; i++)
		if (p->program->options[i].name != NULL)
			hin_suggest_offer(&near, p->program->options[i].name);
	for (size_t i = 0; i < HIN_COUNT(standard_options); i++)
		hin_suggest_offer(&near, standard_options[i].name);
	if (near.best == NULL)
		return hin_fail(p->err, HIN_EUSAGE, "unknown option \"--%s\"", wanted);
	return hin_fail(p->err, HIN_EUSAGE, "unknown option \"--%s\"; did you mean \"--%s\"?",
			wanted, near.best);
}

static enum hin_code find_short(const struct parse *p, char letter, struct match *out)
{
	out->negated = false;
	out->into = p->into;
	for (size_t i = 0; i < p->program->option_count; i++) {
		out->option = &p->program->options[i];
		if (out->option->name != NULL && out->option->letter == letter)
			return HIN_OK;
	}
	out->into = p->standard;
	for (size_t i = 0; i < HIN_COUNT(standard_options); i++) {
		out->option = &standard_options[i];
		if (out->option->letter == letter)
			return HIN_OK;
	}
	return hin_fail(p->err, HIN_EUSAGE, "unknown option \"-%c\"", letter);
}

/* Whatever a value did wrong, to the user it is wrong usage. */
static enum hin_code usage_of(enum hin_code code, struct hin_error *err)
{
	if (code != HIN_OK && code != HIN_ENOMEM && code != HIN_ESYS) {
		code = HIN_EUSAGE;
		if (err != NULL)
			err->code = code;
	}
	return code;
}

/* The same for a failed call, whose message may not say which option it was. */
static enum hin_code name_option(const struct hin_option *option, enum hin_code code,
				 struct hin_error *err)
{
	struct hin_error cause;

	if (code == HIN_OK || err == NULL)
		return usage_of(code, err);
	cause = *err;
	hin_fail(err, HIN_EUSAGE, "--%s: %s", option->name, cause.text);
	err->code = code;
	err->sys = cause.sys;
	return usage_of(code, err);
}

static enum hin_code apply(const struct match *match, const char *value, struct hin_error *err)
{
	const struct hin_option *option = match->option;
	char *target = (char *)match->into + option->offset;
	char what[NAME_LIMIT + 3];

	switch (option->kind) {
	case HIN_OPTION_FLAG:
		*(bool *)target = !match->negated;
		return HIN_OK;
	case HIN_OPTION_TEXT:
		*(const char **)target = value;
		return HIN_OK;
	case HIN_OPTION_VALUE:
		snprintf(what, sizeof(what), "--%s", option->name);
		return usage_of(hin_value_read(&option->rule, target, what, value, err), err);
	case HIN_OPTION_CALL:
		return name_option(option, option->call(match->into, value, err), err);
	}
	return HIN_EUNSUPPORTED;
}

/* The next argument as the value of an option, or a failure that names it. */
static enum hin_code take_value(struct parse *p, const struct hin_option *option, const char **out)
{
	if (p->next >= p->argc)
		return hin_fail(p->err, HIN_EUSAGE, "option \"--%s\" needs a value: %s",
				option->name, option->arg);
	*out = p->argv[p->next++];
	return HIN_OK;
}

static enum hin_code parse_long(struct parse *p, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t size = equals != NULL ? (size_t)(equals - text) : strlen(text);
	const char *value = equals != NULL ? equals + 1 : NULL;
	struct match match;
	enum hin_code code = find_long(p, text, size, &match);

	if (code != HIN_OK)
		return code;
	if (match.option->arg == NULL && value != NULL)
		return hin_fail(p->err, HIN_EUSAGE, "option \"--%s\" takes no value",
				match.option->name);
	if (match.option->arg != NULL && value == NULL)
		code = take_value(p, match.option, &value);
	return code == HIN_OK ? apply(&match, value, p->err) : code;
}

static enum hin_code parse_shorts(struct parse *p, const char *letters)
{
	enum hin_code code = HIN_OK;

	while (*letters != '\0' && code == HIN_OK) {
		const char *value = NULL;
		struct match match;

		code = find_short(p, *letters++, &match);
		if (code != HIN_OK)
			return code;
		if (match.option->arg != NULL && *letters != '\0') {
			value = letters; /* -nvalue */
			letters += strlen(letters);
		} else if (match.option->arg != NULL) {
			code = take_value(p, match.option, &value);
		}
		if (code == HIN_OK)
			code = apply(&match, value, p->err);
	}
	return code;
}

enum hin_code hin_options_parse(const struct hin_program *program, void *into,
				struct hin_standard *standard, int *argc, char *argv[],
				struct hin_error *err)
{
	struct parse p = { .program = program,
			   .into = into,
			   .standard = standard,
			   .argc = *argc,
			   .next = 1,
			   .argv = argv,
			   .operands = 1,
			   .err = err };
	enum hin_code code = HIN_OK;
	bool open = true; /* options may come */

	while (p.next < p.argc && code == HIN_OK) {
		char *text = argv[p.next++];

		if (open && strcmp(text, "--") == 0) {
			open = false;
		} else if (open && strncmp(text, "--", 2) == 0) {
			code = parse_long(&p, text + 2);
		} else if (open && text[0] == '-' && text[1] != '\0') {
			code = parse_shorts(&p, text + 1);
		} else {
			argv[p.operands++] = text;
			open = open && program->command_count == 0;
		}
	}
	if (code != HIN_OK)
		return code;
	if (p.operands > 1 && program->args == NULL && program->command_count == 0 &&
	    !standard->help && !standard->version)
		return hin_fail(err, HIN_EUSAGE, "\"%.60s\" is too much: no operands are taken",
				argv[1]);
	*argc = p.operands;
	argv[p.operands] = NULL;
	return HIN_OK;
}

const struct hin_command *hin_command_find(const struct hin_program *program, const char *name,
					   struct hin_error *err)
{
	struct hin_suggest near = { .wanted = name };

	for (size_t i = 0; i < program->command_count; i++) {
		if (strcmp(program->commands[i].name, name) == 0)
			return &program->commands[i];
		hin_suggest_offer(&near, program->commands[i].name);
	}
	hin_suggest_fail(&near, HIN_EUSAGE, "command", "", err);
	return NULL;
}

static const char *in_lang(enum hin_lang lang, const char *en, const char *ja)
{
	return lang == HIN_JA && ja != NULL ? ja : en != NULL ? en : "";
}

static size_t columns_of(const char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	size_t columns = 0;

	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);

		columns += cp == HIN_UTF8_BAD ? 1 : hin_utf8_width(cp);
	}
	return columns;
}

/* Append "  left   help", the help wrapped in its column. */
static void put_row(struct hin_buffer *out, const char *left, const char *help)
{
	size_t used = 2 + columns_of(left);

	hin_buffer_printf(out, "  %s", left);
	if (help[0] != '\0') {
		if (used + 2 > HELP_COLUMN) {
			hin_buffer_putc(out, '\n');
			used = 0;
		}
		hin_buffer_fill(out, ' ', HELP_COLUMN - used);
		hin_wrap(out, help, HELP_COLUMN, HELP_COLUMN, COLUMNS);
	}
	hin_buffer_putc(out, '\n');
}

static void put_option(struct hin_buffer *out, const struct hin_option *option, enum hin_lang lang)
{
	struct hin_buffer left = { 0 };

	if (option->letter != 0)
		hin_buffer_printf(&left, "-%c, ", option->letter);
	else
		hin_buffer_puts(&left, "    ");
	hin_buffer_printf(&left, "--%s", option->name);
	if (option->arg != NULL)
		hin_buffer_printf(&left, "=%s", option->arg);
	put_row(out, hin_buffer_text(&left), in_lang(lang, option->help, option->help_ja));
	out->failed = out->failed || left.failed;
	hin_buffer_fini(&left);
}

static void put_usage(const struct hin_program *program, enum hin_lang lang, struct hin_buffer *out)
{
	hin_buffer_printf(out, "%s: %s", in_lang(lang, "usage", "使い方"), program->name);
	hin_buffer_printf(out, " [%s]", in_lang(lang, "options", "オプション"));
	if (program->command_count > 0)
		hin_buffer_printf(out, " %s", in_lang(lang, "<command> ...", "<コマンド> ..."));
	else if (program->args != NULL)
		hin_buffer_printf(out, " %s", program->args);
	hin_buffer_putc(out, '\n');
}

void hin_program_help(const struct hin_program *program, enum hin_lang lang, struct hin_buffer *out)
{
	put_usage(program, lang, out);
	if (program->about != NULL) {
		hin_buffer_putc(out, '\n');
		hin_wrap(out, in_lang(lang, program->about, program->about_ja), 0, 0, COLUMNS);
		hin_buffer_putc(out, '\n');
	}
	if (program->command_count > 0)
		hin_buffer_printf(out, "\n%s:\n", in_lang(lang, "Commands", "コマンド"));
	for (size_t i = 0; i < program->command_count; i++) {
		const struct hin_command *command = &program->commands[i];
		struct hin_buffer left = { 0 };

		hin_buffer_printf(&left, "%s%s%s", command->name,
				  command->args != NULL && command->args[0] != '\0' ? " " : "",
				  command->args != NULL ? command->args : "");
		put_row(out, hin_buffer_text(&left),
			in_lang(lang, command->help, command->help_ja));
		hin_buffer_fini(&left);
	}
	for (size_t i = 0; i < program->option_count; i++) {
		const struct hin_option *option = &program->options[i];

		if (option->name == NULL)
			hin_buffer_printf(out, "\n%s:\n",
					  in_lang(lang, option->section, option->section_ja));
		else if (i == 0)
			hin_buffer_printf(out, "\n%s:\n", in_lang(lang, "Options", "オプション"));
		if (option->name != NULL)
			put_option(out, option, lang);
	}
	hin_buffer_printf(out, "\n%s:\n", in_lang(lang, "General", "共通"));
	for (size_t i = 0; i < HIN_COUNT(standard_options); i++)
		put_option(out, &standard_options[i], lang);
}

static void manual_option(struct hin_buffer *out, const struct hin_option *option,
			  enum hin_lang lang)
{
	hin_buffer_puts(out, ".It");
	if (option->letter != 0)
		hin_buffer_printf(out, " Fl %c ,", option->letter);
	hin_buffer_puts(out, " Fl -");
	hin_escape_roff(out, option->name);
	if (option->arg != NULL) {
		hin_buffer_puts(out, " Ns = Ns Ar ");
		hin_escape_roff(out, option->arg);
	}
	hin_buffer_putc(out, '\n');
	hin_escape_roff(out, in_lang(lang, option->help, option->help_ja));
	hin_buffer_putc(out, '\n');
}

static void manual_section(struct hin_buffer *out, const char *title, bool *open)
{
	if (*open)
		hin_buffer_puts(out, ".El\n");
	hin_buffer_puts(out, ".Ss ");
	hin_escape_roff(out, title);
	hin_buffer_puts(out, "\n.Bl -tag -width Ds\n");
	*open = true;
}

void hin_program_manual(const struct hin_program *program, enum hin_lang lang,
			struct hin_buffer *out)
{
	bool open = false;

	if (program->command_count > 0)
		manual_section(out, in_lang(lang, "Commands", "コマンド"), &open);
	for (size_t i = 0; i < program->command_count; i++) {
		const struct hin_command *command = &program->commands[i];

		hin_buffer_puts(out, ".It Cm ");
		hin_escape_roff(out, command->name);
		if (command->args != NULL && command->args[0] != '\0') {
			hin_buffer_puts(out, " Ar ");
			hin_escape_roff(out, command->args);
		}
		hin_buffer_putc(out, '\n');
		hin_escape_roff(out, in_lang(lang, command->help, command->help_ja));
		hin_buffer_putc(out, '\n');
	}
	for (size_t i = 0; i < program->option_count; i++) {
		const struct hin_option *option = &program->options[i];

		if (option->name == NULL)
			manual_section(out, in_lang(lang, option->section, option->section_ja),
				       &open);
		else if (i == 0)
			manual_section(out, in_lang(lang, "Options", "オプション"), &open);
		if (option->name != NULL)
			manual_option(out, option, lang);
	}
	manual_section(out, in_lang(lang, "General", "共通"), &open);
	for (size_t i = 0; i < HIN_COUNT(standard_options); i++)
		manual_option(out, &standard_options[i], lang);
	hin_buffer_puts(out, ".El\n");
}

/* Print the help on standard output. */
static int print_help(const struct hin_program *program, enum hin_lang lang)
{
	struct hin_buffer out = { 0 };
	int status = HIN_EXIT_FAILED;

	hin_program_help(program, lang, &out);
	if (!out.failed && fputs(hin_buffer_text(&out), stdout) != EOF && fflush(stdout) == 0)
		status = HIN_EXIT_DONE;
	hin_buffer_fini(&out);
	return status;
}

int hin_program_fail(const struct hin_program *program, const struct hin_error *err)
{
	fprintf(stderr, "%s: %s\n", program->name, err->text);
	return HIN_EXIT_FAILED;
}

static int wrong_usage(const struct hin_program *program, enum hin_lang lang,
		       const struct hin_error *err)
{
	(void)hin_program_fail(program, err);
	if (lang == HIN_JA)
		fprintf(stderr, "使い方は \"%s --help\" で表示されます。\n", program->name);
	else
		fprintf(stderr, "Try \"%s --help\".\n", program->name);
	return HIN_EXIT_USAGE;
}

int hin_program_start(const struct hin_program *program, void *into, enum hin_lang *lang, int *argc,
		      char *argv[])
{
	struct hin_standard standard = { .lang = hin_lang_of_environment() };
	struct hin_error err;
	enum hin_code code = hin_options_parse(program, into, &standard, argc, argv, &err);

	if (lang != NULL)
		*lang = standard.lang;
	if (standard.help)
		return print_help(program, standard.lang);
	if (code == HIN_EUSAGE)
		return wrong_usage(program, standard.lang, &err);
	if (code != HIN_OK)
		return hin_program_fail(program, &err);
	if (standard.version)
		return printf("%s %s\n", program->name, HIN_VERSION) < 0 || fflush(stdout) != 0
			       ? HIN_EXIT_FAILED
			       : HIN_EXIT_DONE;
	return -1;
}

int hin_program_run(const struct hin_program *program, enum hin_lang lang, int argc, char *argv[])
{
	const struct hin_command *command;
	struct hin_error err;

	if (argc < 2)
		return print_help(program, lang);
	command = hin_command_find(program, argv[1], &err);
	if (command == NULL)
		return wrong_usage(program, lang, &err);
	return command->run(argc - 1, argv + 1);
}
