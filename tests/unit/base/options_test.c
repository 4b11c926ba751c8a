#include "../test.h"

#include <stdio.h>

#include "base/options.h"

struct settings {
	bool json, follow;
	const char *output;
	uint64_t limit;
	int64_t timeout_ns;
	int color;
	char dark[100];
};

static enum hin_code add_dark(void *into, const char *value, struct hin_error *err)
{
	struct settings *s = into;

	if (strcmp(value, "bad") == 0)
		return hin_fail(err, HIN_EFORMAT, "\"bad\" is no prefix");
	snprintf(s->dark + strlen(s->dark), sizeof(s->dark) - strlen(s->dark), "%s;", value);
	return HIN_OK;
}

static const char *const colors[] = { "auto", "always", "never", NULL };

static const struct hin_option options[] = {
	{ .section = "Input", .section_ja = "入力" },
	{ "dark", 'd', "PREFIX|FILE", HIN_OPTION_CALL, .call = add_dark,
	  .help = "the unused space that is watched; may be given again for more of it",
	  .help_ja = "観測する未使用空間。複数回指定して、さらに多くの空間を加えることができる" },
	{ "follow", 'f', NULL, HIN_OPTION_FLAG, offsetof(struct settings, follow),
	  .help = "wait for more" },
	{ .section = "Output", .section_ja = "出力" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, offsetof(struct settings, json), .help = "JSON" },
	{ "output", 'o', "FILE", HIN_OPTION_TEXT, offsetof(struct settings, output),
	  .help = "where to" },
	{ "limit",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  offsetof(struct settings, limit),
	  { HIN_VALUE_U64, 1, 1000 },
	  .help = "entries in a list" },
	{ "event-timeout-of-all-kinds",
	  0,
	  "TIME",
	  HIN_OPTION_VALUE,
	  offsetof(struct settings, timeout_ns),
	  { HIN_VALUE_DURATION },
	  .help = "silence" },
	{ "color",
	  0,
	  "WHEN",
	  HIN_OPTION_VALUE,
	  offsetof(struct settings, color),
	  { HIN_VALUE_CHOICE, .choices = colors },
	  .help = "colours" },
};

static const struct hin_program program = {
	.name = "hinomi test",
	.args = "[FILE ...]",
	.about = "Says who attacks.",
	.about_ja = "誰が攻撃しているかを示す。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

/* Split `line` at spaces into argv; "_" stands for an empty argument. */
static int split(char *line, char *argv[])
{
	int argc = 0;

	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
	argv[argc] = NULL;
	return argc;
}

static void parses_and_refuses(void **state)
{
	static const struct {
		const char *line;
		const char *want; /* what was read, or the message */
		enum hin_code code;
	} cases[] = {
		{ "p", "0 0 - 10 0 0 '' :", HIN_OK },
		{ "p a b", "0 0 - 10 0 0 '' : a b", HIN_OK },
		{ "p --json a --output=x b -n 7", "1 0 x 7 0 0 '' : a b", HIN_OK },
		{ "p -jf -ox -n7 -", "1 1 x 7 0 0 '' : -", HIN_OK },
		{ "p -jox", "1 0 x 10 0 0 '' :", HIN_OK },
		{ "p --json --no-json", "0 0 - 10 0 0 '' :", HIN_OK },
		{ "p --dark 10.0.0.0/8 -d ::/0", "0 0 - 10 0 0 '10.0.0.0/8;::/0;' :", HIN_OK },
		{ "p -- --json -x", "0 0 - 10 0 0 '' : --json -x", HIN_OK },
		{ "p --output= --color never", "0 0  10 0 2 '' :", HIN_OK },
		{ "p --output _ _", "0 0  10 0 0 '' : ", HIN_OK },
		{ "p --event-timeout-of-all-kinds=90s", "0 0 - 10 90000000000 0 '' :", HIN_OK },
		{ "p --drak=1", "unknown option \"--drak\"; did you mean \"--dark\"?", HIN_EUSAGE },
		{ "p --no-dark", "unknown option \"--no-dark\"", HIN_EUSAGE },
		{ "p --hlep", "unknown option \"--hlep\"; did you mean \"--help\"?", HIN_EUSAGE },
		{ "p --wholly-else", "unknown option \"--wholly-else\"", HIN_EUSAGE },
		{ "p --=5", "unknown option \"--\"", HIN_EUSAGE },
		{ "p -jx", "unknown option \"-x\"", HIN_EUSAGE },
		{ "p --json=yes", "option \"--json\" takes no value", HIN_EUSAGE },
		{ "p --limit", "option \"--limit\" needs a value: N", HIN_EUSAGE },
		{ "p -n", "option \"--limit\" needs a value: N", HIN_EUSAGE },
		{ "p -n 0", "--limit \"0\" is not in 1-1000", HIN_EUSAGE },
		{ "p --limit=x", "--limit \"x\" is not a whole number", HIN_EUSAGE },
		{ "p --color red", "--color \"red\" is not auto, always or never", HIN_EUSAGE },
		{ "p --dark bad", "--dark: \"bad\" is no prefix", HIN_EUSAGE },
		{ "p --lang fr", "--lang: language \"fr\" is not en or ja", HIN_EUSAGE },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct settings s = { .limit = 10 };
		struct hin_standard standard = { 0 };
		struct hin_error err = { 0 };
		char line[200], got[400], *argv[20];
		int argc, n;
		enum hin_code code;

		snprintf(line, sizeof(line), "%s", cases[i].line);
		argc = split(line, argv);
		code = hin_options_parse(&program, &s, &standard, &argc, argv, &err);
		n = snprintf(got, sizeof(got), "%d %d %s %d %lld %d '%s' :", s.json, s.follow,
			     s.output != NULL ? s.output : "-", (int)s.limit,
			     (long long)s.timeout_ns, s.color, s.dark);
		for (int k = 1; code == HIN_OK && k < argc; k++)
			n += snprintf(got + n, sizeof(got) - (size_t)n, " %s", argv[k]);
		if (code != cases[i].code ||
		    strcmp(code == HIN_OK ? got : err.text, cases[i].want) != 0)
			fail_msg("%s: %d, %s", cases[i].line, (int)code,
				 code == HIN_OK ? got : err.text);
	}
}

static void takes_standard_options(void **state)
{
	char line[] = "p --lang=ja --version -h", *argv[5];
	int argc = split(line, argv);
	struct hin_standard standard = { 0 };
	struct settings s = { 0 };

	(void)state;
	assert_int_equal(hin_options_parse(&program, &s, &standard, &argc, argv, NULL), HIN_OK);
	assert_int_equal(argc, 1);
	assert_null(argv[1]);
	assert_true(standard.help && standard.version);
	assert_int_equal(standard.lang, HIN_JA);
}

static void prints_help(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	hin_program_help(&program, HIN_EN, &out);
	assert_string_equal(
		hin_buffer_text(&out),
		"usage: hinomi test [options] [FILE ...]\n"
		"\n"
		"Says who attacks.\n"
		"\n"
		"Input:\n"
		"  -d, --dark=PREFIX|FILE  the unused space that is watched; may be given again\n"
		"                          for more of it\n"
		"  -f, --follow            wait for more\n"
		"\n"
		"Output:\n"
		"  -j, --json              JSON\n"
		"  -o, --output=FILE       where to\n"
		"  -n, --limit=N           entries in a list\n"
		"      --event-timeout-of-all-kinds=TIME\n"
		"                          silence\n"
		"      --color=WHEN        colours\n"
		"\n"
		"General:\n"
		"      --lang=en|ja        language of the output (default: from the environment)\n"
		"  -h, --help              print this help\n"
		"      --version           print the version\n");
	hin_buffer_reset(&out);
	hin_program_help(&program, HIN_JA, &out);
	assert_non_null(strstr(
		out.data,
		"\n"
		"入力:\n"
		"  -d, --dark=PREFIX|FILE  観測する未使用空間。複数回指定して、さらに多くの空間を\n"
		"                          加えることができる\n"));
	hin_buffer_fini(&out);
}

static void prints_manual(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	hin_program_manual(&program, HIN_EN, &out);
	assert_non_null(strstr(out.data, ".Ss Input\n"
					 ".Bl -tag -width Ds\n"
					 ".It Fl d , Fl -dark Ns = Ns Ar PREFIX|FILE\n"
					 "the unused space that is watched; "));
	assert_non_null(strstr(out.data, ".It Fl -event\\-timeout\\-of\\-all\\-kinds Ns = Ns Ar "
					 "TIME\nsilence\n"));
	hin_buffer_fini(&out);
}

static int run_verify(int argc, char *argv[])
{
	return argc == 2 && strcmp(argv[0], "verify") == 0 && strcmp(argv[1], "--log") == 0 ? 7 : 8;
}

static void runs_commands(void **state)
{
	static const struct hin_command commands[] = {
		{ "verify", "<log>", "check the log", "ログを検査する", run_verify },
		{ "export", NULL, "write all", NULL, run_verify },
	};
	static const struct hin_program many = { .name = "many",
						 .commands = commands,
						 .command_count = HIN_COUNT(commands) };
	char line[] = "many --lang en verify --log", *argv[6];
	int argc = split(line, argv);
	enum hin_lang lang = HIN_JA;
	struct hin_buffer out = { 0 };
	struct hin_error err;

	(void)state;
	assert_int_equal(hin_program_start(&many, NULL, &lang, &argc, argv), -1);
	assert_int_equal(lang, HIN_EN);
	assert_int_equal(argc, 3);
	assert_int_equal(hin_program_run(&many, lang, argc, argv), 7);
	assert_null(hin_command_find(&many, "verfiy", &err));
	assert_string_equal(err.text, "unknown command \"verfiy\"; did you mean \"verify\"?");
	hin_program_help(&many, HIN_EN, &out);
	assert_non_null(strstr(out.data, "usage: many [options] <command> ...\n"
					 "\n"
					 "Commands:\n"
					 "  verify <log>            check the log\n"
					 "  export                  write all\n"));
	hin_buffer_fini(&out);
}

static void starts_programs(void **state)
{
	static const struct hin_program bare = { .name = "bare" };
	char wrong[] = "bare operand", help[] = "bare x --help", *argv[4];
	int argc = split(wrong, argv);

	(void)state;
	assert_int_equal(hin_program_start(&bare, NULL, NULL, &argc, argv), HIN_EXIT_USAGE);
	argc = split(help, argv);
	assert_int_equal(hin_program_start(&bare, NULL, NULL, &argc, argv), HIN_EXIT_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_refuses), cmocka_unit_test(takes_standard_options),
		cmocka_unit_test(prints_help),	      cmocka_unit_test(prints_manual),
		cmocka_unit_test(runs_commands),      cmocka_unit_test(starts_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
