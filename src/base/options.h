/*
 * options - command lines from tables.
 *
 * A program describes itself once, in a struct hin_program with rows of options; parsing, --help in
 * English or Japanese, the manual's lists and "did you mean" come from there.
 *
 *	static const struct hin_option options[] = {
 *		{ .section = "Input", .section_ja = "入力" },
 *		{ "dark", 'd', "PREFIX|FILE", HIN_OPTION_CALL, .call = add_dark,
 *		  .help = "the unused space that is watched", .help_ja = "観測する未使用空間" },
 *		{ "limit", 0, "N", HIN_OPTION_VALUE, offsetof(struct settings, limit),
 *		  { HIN_VALUE_U64, 1, 100000 }, .help = "entries in a list", ... },
 *	};
 *
 * Every program also has --help (-h), --version and --lang.
 *
 * Ownership: tables are static; texts of options point into argv.
 * Threads:   at the start of a program.
 */
#pragma once
#include "base/lang.h"
#include "base/value.h"

enum hin_option_kind {
	HIN_OPTION_FLAG,  /* bool; --NAME sets it, --no-NAME clears it; no argument */
	HIN_OPTION_TEXT,  /* const char *, the last one given */
	HIN_OPTION_VALUE, /* by `rule` */
	HIN_OPTION_CALL,  /* `call`, each time it is given; without `arg` with NULL */
};

/* Take one option; `into` is what hin_options_parse() got. A failure ends the parsing. */
typedef enum hin_code (*hin_option_fn)(void *into, const char *value, struct hin_error *err);

struct hin_option {
	const char *name; /* long name without dashes; NULL in a row that starts a section */
	char letter;	  /* short name, or 0 */
	const char *arg;  /* name of its argument, or NULL when it takes none */
	enum hin_option_kind kind;
	size_t offset; /* of the target in `into` */
	struct hin_value_rule rule;
	hin_option_fn call;
	const char *help, *help_ja;
	const char *section, *section_ja; /* title, when `name` is NULL */
};

struct hin_command {
	const char *name, *args, *help, *help_ja;
	int (*run)(int argc, char *argv[]); /* returns the exit status; argv[0] is the command */
};

struct hin_program {
	const char *name; /* as a user types it: "hinomi telescope" */
	const char *args; /* operands, "[FILE ...]"; NULL = it takes none */
	const char *about, *about_ja;
	const struct hin_option *options;
	size_t option_count;
	const struct hin_command
		*commands; /* when there are any, options end at the first operand */
	size_t command_count;
};

/* What the options of every program said. */
struct hin_standard {
	bool help, version;
	enum hin_lang lang;
};

enum { HIN_EXIT_DONE = 0, HIN_EXIT_FAILED = 1, HIN_EXIT_USAGE = 2 };

/*
 * Parse `argv` as GNU programs do: --name=value, --name value, -n value, -nvalue, -abc; options and
 * operands mixed; all after "--" and "-" itself are operands. On HIN_OK `*argc` and `argv` hold the
 * operands behind argv[0], and targets in `into` are set. HIN_EUSAGE with a line for the user.
 */
HIN_MUST_USE enum hin_code hin_options_parse(const struct hin_program *program, void *into,
					     struct hin_standard *standard, int *argc, char *argv[],
					     struct hin_error *err);

/* The command called `name`; NULL with "did you mean" in `err` when there is none. */
const struct hin_command *hin_command_find(const struct hin_program *program, const char *name,
					   struct hin_error *err);

/* Append what --help prints, in at most 80 columns. */
void hin_program_help(const struct hin_program *program, enum hin_lang lang,
		      struct hin_buffer *out);

/* Append the lists of commands and options as mdoc(7) rows, a .Ss for each section. */
void hin_program_manual(const struct hin_program *program, enum hin_lang lang,
			struct hin_buffer *out);

/*
 * The start of a main(): parse, and do what --help, --version and wrong usage ask for. Returns -1
 * when the program goes on, else its exit status. `lang` may be NULL.
 */
int hin_program_start(const struct hin_program *program, void *into, enum hin_lang *lang, int *argc,
		      char *argv[]);

/* Print `err` as the program's last words on standard error; returns HIN_EXIT_FAILED. */
int hin_program_fail(const struct hin_program *program, const struct hin_error *err);

/*
 * Run the command that `argv[1]` names, with the rest of `argv`; its exit status. For a program
 * with commands, after hin_program_start(); without a command it prints the help.
 */
int hin_program_run(const struct hin_program *program, enum hin_lang lang, int argc, char *argv[]);
