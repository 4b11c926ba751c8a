/* line - seq, yes, rev, tac, nl. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

static unsigned decimals_of(const char *text)
{
	const char *point = strchr(text, '.');

	return point != NULL ? (unsigned)strlen(point + 1) : 0;
}

static int do_seq(struct call *call)
{
	struct process *p = call->p;
	const char *separator = "\n", *numbers[3];
	double first = 1, by = 1, last;
	bool pad = false;
	unsigned decimals = 0;
	int at = 1, count, width = 0;

	for (; at < call->argc && call->argv[at][0] == '-' &&
	       !isdigit((unsigned char)call->argv[at][1]) && call->argv[at][1] != '.';
	     at++) {
		if (call->argv[at][1] == 'w')
			pad = true;
		else if (call->argv[at][1] == 's')
			separator = call->argv[at][2] != '\0' ? call->argv[at] + 2
				    : at + 1 < call->argc     ? call->argv[++at]
							      : "\n";
	}
	count = call->argc - at;
	if (count < 1 || count > 3) {
		if (count < 1 && !is_busybox(p))
			return complain(call,
					"missing operand\nTry 'seq --help' for more information.");
		return 1;
	}
	for (int i = 0; i < count; i++) {
		char *end;

		numbers[i] = call->argv[at + i];
		(void)strtod(numbers[i], &end);
		if (*end != '\0') {
			if (is_busybox(p))
				return complain(call, "invalid number '%s'", numbers[i]);
			return complain(call,
					"invalid floating point argument: '%s'\nTry 'seq --help' "
					"for more information.",
					numbers[i]);
		}
		if (decimals_of(numbers[i]) > decimals && (i < count - 1 || count == 1))
			decimals = decimals_of(numbers[i]);
	}
	last = strtod(numbers[count - 1], NULL);
	if (count > 1)
		first = strtod(numbers[0], NULL);
	if (count > 2)
		by = strtod(numbers[1], NULL);
	if (by == 0)
		return is_busybox(p) ? 1
				     : complain(call,
						"invalid Zero increment value: '%s'\nTry 'seq "
						"--help' for more information.",
						numbers[1]);
	if (pad) {
		int x = snprintf(NULL, 0, "%.*f", (int)decimals, first),
		    y = snprintf(NULL, 0, "%.*f", (int)decimals, last);

		width = x > y ? x : y;
	}
	{
		struct growing made = { 0 };
		unsigned long long n = 0;

		for (double value = first; by > 0 ? value <= last + 1e-9 : value >= last - 1e-9;
		     value = first + by * (double)++n) {
			if (n > 0)
				grow_text(p, &made, separator);
			grow_format(p, &made, "%0*.*f", width, (int)decimals, value);
			if (made.size > 3000) {
				out(p, 1, made.data, made.size);
				made.size = 0;
			}
		}
		if (n > 0 || made.size > 0)
			grow_char(p, &made, '\n');
		out(p, 1, made.data, made.size);
	}
	return 0;
}

static int do_yes(struct call *call)
{
	struct process *p = call->p;
	struct growing line = { 0 }, block = { 0 };

	for (int i = 1; i < call->argc; i++) {
		grow_text(p, &line, call->argv[i]);
		grow_text(p, &line, i + 1 < call->argc ? " " : "");
	}
	if (call->argc < 2)
		grow_text(p, &line, "y");
	grow_text(p, &line, "\n");
	while (block.size < 2048)
		grow(p, &block, line.data, line.size);
	while (out(p, 1, block.data, block.size), true)
		step(p);
	return 0;
}

static int do_rev(struct call *call)
{
	struct process *p = call->p;
	struct lines l;

	lines_begin(&l, call, call->argv + 1);
	while (lines_next(&l)) {
		for (size_t i = 0; i < l.line.size / 2; i++) {
			char c = l.line.data[i];

			l.line.data[i] = l.line.data[l.line.size - 1 - i];
			l.line.data[l.line.size - 1 - i] = c;
		}
		grow_char(p, &l.line, '\n');
		out(p, 1, l.line.data, l.line.size - !l.newline);
	}
	return l.status;
}

static int do_tac(struct call *call)
{
	struct process *p = call->p;
	struct fields all = { 0 };
	struct lines l;

	lines_begin(&l, call, call->argv + 1);
	while (lines_next(&l))
		fields_add(p, &all,
			   text_of(p, l.line.data != NULL ? l.line.data : "", l.line.size));
	while (all.count > 0)
		outf(p, "%s\n", all.items[--all.count]);
	return l.status;
}

static int do_nl(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	unsigned long number = 0;
	bool all = false;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "b:w:s:n:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'b')
			all = o.value[0] == 'a';
	}
	lines_begin(&l, call, call->argv + o.at);
	while (lines_next(&l)) {
		if (l.line.size > 0 || all)
			outf(p, "%6lu\t%s\n", ++number, l.line.data != NULL ? l.line.data : "");
		else
			outs(p, "       \n");
	}
	return l.status;
}

const struct command line_commands[] = {
	{ "nl", do_nl, false },	  { "rev", do_rev, false }, { "seq", do_seq, false },
	{ "tac", do_tac, false }, { "yes", do_yes, false }, { NULL, NULL, false },
};
