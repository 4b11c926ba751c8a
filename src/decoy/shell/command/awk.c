/* awk - awk (POSIX.1-2017, XCU awk), with what mawk and busybox add in daily use. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/awk.h"

/* What the variables are before a program begins. */
static void set_specials(struct awk *a, char **operands_of)
{
	static const struct {
		const char *name, *text;
	} specials[AWK_SPECIALS] = {
		[AWK_NF] = { "NF", NULL },
		[AWK_NR] = { "NR", NULL },
		[AWK_FNR] = { "FNR", NULL },
		[AWK_FS] = { "FS", " " },
		[AWK_OFS] = { "OFS", " " },
		[AWK_RS] = { "RS", "\n" },
		[AWK_ORS] = { "ORS", "\n" },
		[AWK_SUBSEP] = { "SUBSEP", "\034" },
		[AWK_CONVFMT] = { "CONVFMT", "%.6g" },
		[AWK_OFMT] = { "OFMT", "%.6g" },
		[AWK_RSTART] = { "RSTART", NULL },
		[AWK_RLENGTH] = { "RLENGTH", NULL },
		[AWK_FILENAME] = { "FILENAME", "" },
		[AWK_ENVIRON] = { "ENVIRON", NULL },
		[AWK_ARGC] = { "ARGC", NULL },
		[AWK_ARGV] = { "ARGV", NULL },
	};
	struct awk_array *array;
	int count = 0;

	for (int i = 0; i < AWK_SPECIALS; i++) {
		(void)awk_variable(a, specials[i].name);
		if (specials[i].text != NULL)
			a->cells[i].value =
				awk_of_text(a, specials[i].text, strlen(specials[i].text));
		else if (i != AWK_ENVIRON && i != AWK_ARGV)
			a->cells[i].value = awk_of_number(i == AWK_RLENGTH ? -1 : 0);
	}
	array = awk_array_of(a, &a->cells[AWK_ENVIRON]);
	for (const struct variable *v = a->p->variables; v != NULL; v = v->next)
		if (v->exported && v->value != NULL)
			*awk_element(a, array, v->name, true) =
				awk_of_input(a, v->value, strlen(v->value));
	array = awk_array_of(a, &a->cells[AWK_ARGV]);
	*awk_element(a, array, "0", true) = awk_of_text(a, "awk", 3);
	for (count = 1; operands_of[count - 1] != NULL; count++)
		*awk_element(a, array, format_of(a->p, "%d", count), true) =
			awk_of_input(a, operands_of[count - 1], strlen(operands_of[count - 1]));
	a->cells[AWK_ARGC].value = awk_of_number(count);
	a->argument = 1;
}

/* A value of -v or -F: with the escapes of a string. */
static struct awk_value escaped_value(struct awk *a, const char *text)
{
	static const char from[] = "ntr\\\"/", to[] = "\n\t\r\\\"/";
	struct growing g = { 0 };

	grow(a->p, &g, "", 0);
	for (; *text != '\0'; text++) {
		const char *known = *text == '\\' && text[1] != '\0' ? strchr(from, text[1]) : NULL;

		if (known != NULL) {
			grow_char(a->p, &g, to[known - from]);
			text++;
		} else {
			grow_char(a->p, &g, *text);
		}
	}
	return awk_of_input(a, g.data, g.size);
}

/* -v NAME=value; false when it is none. */
static bool set_variable(struct awk *a, const char *text)
{
	const char *equals = strchr(text, '=');
	int place;

	if (equals == NULL || isdigit((unsigned char)text[0]))
		return false;
	place = awk_variable(a, text_of(a->p, text, (size_t)(equals - text)));
	if (place >= 0)
		a->cells[place].value = escaped_value(a, equals + 1);
	return place >= 0;
}

static int tell_awk_usage(struct call *call)
{
	if (is_busybox(call->p))
		return tell_usage(call, false);
	errf(call->p,
	     "Usage: mawk [Options] [Program] [file ...]\n\nProgram:\n    The -f option value is "
	     "the name of a file containing program text.\n");
	return 2;
}

/* -F t is a tab; else an expression. */
static struct awk_value separator_of(struct awk *a, const char *text)
{
	if (strcmp(text, "t") == 0)
		return awk_of_text(a, "\t", 1);
	return escaped_value(a, text);
}

static int do_awk(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call }, again = { .call = call };
	struct awk *a = memory_of(p, sizeof(*a));
	bool any = false;
	int letter;

	a->call = call;
	a->p = p;
	while ((letter = option_next(&o, "F:v:f:W:")) != -1) {
		if (letter == '?')
			return 2;
		any |= letter == 'f';
	}
	if (!any && o.at >= call->argc)
		return tell_awk_usage(call);
	set_specials(a, call->argv + o.at + !any);
	while ((letter = option_next(&again, "F:v:f:W:")) != -1) {
		size_t size;
		const char *text;

		if (letter == 'F')
			a->cells[AWK_FS].value = separator_of(a, again.value);
		if (letter == 'v' && !set_variable(a, again.value))
			return complain(call, "improper assignment: -v %s", again.value) + 1;
		if (letter != 'f')
			continue;
		text = slurp_name(call, again.value, &size);
		if (text == NULL || !awk_parse(a, text))
			return is_busybox(p) ? 1 : 2;
	}
	if (!any && !awk_parse(a, call->argv[o.at]))
		return is_busybox(p) ? 1 : 2;
	regex_kept(p, a->expressions, (size_t)a->expression_count);
	a->tidy_at = AWK_TIDY;
	a->base = p->pieces;
	awk_run(a);
	awk_close_all(a);
	regex_done(p, a->expressions);
	return a->status;
}

const struct command awk_commands[] = {
	{ "awk", do_awk, false },
	{ "gawk", do_awk, false },
	{ "mawk", do_awk, false },
	{ NULL, NULL, false },
};
