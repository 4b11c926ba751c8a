/* compare - cmp, diff, comm, paste, fold, more, and openssl's small commands. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "decoy/shell/command/command.h"

/* ---- lines of two files ---- */

struct text {
	char **lines; /* NULL behind the last */
	size_t count;
	char *data;
	size_t size;
};

static bool read_text(struct call *call, const char *name, struct text *t)
{
	struct fields lines = { 0 };
	char *at;

	t->data = slurp_name(call, name, &t->size);
	if (t->data == NULL)
		return false;
	at = text_of(call->p, t->data, t->size);
	for (char *end = at + t->size; at < end;) {
		char *newline = memchr(at, '\n', (size_t)(end - at));

		if (newline != NULL)
			*newline = '\0';
		fields_add(call->p, &lines, at);
		at = newline != NULL ? newline + 1 : end;
	}
	t->lines = lines.items;
	t->count = lines.count;
	return true;
}

static int do_cmp(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "silent=s quiet=s verbose=l" };
	struct text a, b;
	size_t least, line = 1;

	if (!options_read(&o, "slb") || o.at + 1 >= call->argc)
		return operands(&o) == NULL ? 2 : 2;
	if (!read_text(call, call->argv[o.at], &a) || !read_text(call, call->argv[o.at + 1], &b))
		return 2;
	least = a.size < b.size ? a.size : b.size;
	for (size_t i = 0; i < least; i++) {
		if (a.data[i] != b.data[i]) {
			if (!option_has(&o, 's'))
				outf(p, "%s %s differ: %s %zu, line %zu\n", call->argv[o.at],
				     call->argv[o.at + 1],
				     is_busybox(p) || quote_open(p)[0] == '\'' ? "char" : "byte",
				     i + 1, line);
			return 1;
		}
		line += a.data[i] == '\n';
	}
	if (a.size == b.size)
		return 0;
	if (!option_has(&o, 's')) {
		const char *shorter = call->argv[o.at + (a.size > b.size)];

		if (is_busybox(p))
			errf(p, "cmp: EOF on %s\n", shorter);
		else
			errf(p, "cmp: EOF on %s after byte %zu, %s %zu\n", shorter, least,
			     least > 0 && a.data[least - 1] == '\n' ? "line" : "in line",
			     least > 0 && a.data[least - 1] == '\n' ? line - 1 : line);
	}
	return 1;
}

/* ---- diff ---- */

#define DIFF_LINES 2000

/* Lines that both have, in order: a table of the longest such list from each place on. */
struct difference {
	struct process *p;
	const struct text *a, *b;
	uint16_t *longest;
	size_t wide;
};

static uint16_t longest_at(const struct difference *d, size_t i, size_t k)
{
	return d->longest[i * d->wide + k];
}

static void range_text(char out_text[48], size_t from, size_t until)
{
	if (until <= from + 1)
		snprintf(out_text, 48, "%zu", until > from ? from + 1 : from);
	else
		snprintf(out_text, 48, "%zu,%zu", from + 1, until);
}

/* One place where they differ, as diff without options tells it. */
static void tell_change(const struct difference *d, size_t i, size_t to_i, size_t k, size_t to_k)
{
	char left[48], right[48];

	range_text(left, i, to_i);
	range_text(right, k, to_k);
	outf(d->p, "%s%c%s\n", left, i == to_i ? 'a' : k == to_k ? 'd' : 'c', right);
	for (size_t n = i; n < to_i; n++)
		outf(d->p, "< %s\n", d->a->lines[n]);
	if (i < to_i && k < to_k)
		outs(d->p, "---\n");
	for (size_t n = k; n < to_k; n++)
		outf(d->p, "> %s\n", d->b->lines[n]);
}

static void tell_unified(const struct difference *d, const char *a, const char *b)
{
	size_t i = 0, k = 0;

	outf(d->p, "--- %s\n+++ %s\n@@ -%d,%zu +%d,%zu @@\n", a, b, d->a->count > 0, d->a->count,
	     d->b->count > 0, d->b->count);
	while (i < d->a->count || k < d->b->count) {
		if (i < d->a->count && k < d->b->count &&
		    strcmp(d->a->lines[i], d->b->lines[k]) == 0) {
			outf(d->p, " %s\n", d->a->lines[i++]);
			k++;
		} else if (i < d->a->count &&
			   (k == d->b->count ||
			    longest_at(d, i + 1, k) >= longest_at(d, i, k + 1))) {
			outf(d->p, "-%s\n", d->a->lines[i++]);
		} else {
			outf(d->p, "+%s\n", d->b->lines[k++]);
		}
	}
}

static int do_diff(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "unified=u brief=q" };
	struct text a, b;
	struct difference d = { .p = p, .a = &a, .b = &b };
	size_t i = 0, k = 0;

	if (!options_read(&o, "uqbBwirNaTtU:sd") || o.at + 1 >= call->argc)
		return is_busybox(p) ? tell_usage(call, false) + 1
				     : complain_usage(call, "missing operand after '%s'",
						      call->argv[call->argc - 1]) +
					       1;
	if (!read_text(call, call->argv[o.at], &a) || !read_text(call, call->argv[o.at + 1], &b))
		return 2;
	if (a.size == b.size && memcmp(a.data, b.data, a.size) == 0)
		return 0;
	if (option_has(&o, 'q') || a.count > DIFF_LINES || b.count > DIFF_LINES) {
		outf(p, "Files %s and %s differ\n", call->argv[o.at], call->argv[o.at + 1]);
		return 1;
	}
	d.wide = b.count + 1;
	d.longest = memory_of(p, (a.count + 1) * d.wide * sizeof(*d.longest));
	for (size_t x = a.count; x-- > 0;) {
		step(p);
		for (size_t y = b.count; y-- > 0;)
			d.longest[x * d.wide + y] =
				strcmp(a.lines[x], b.lines[y]) == 0
					? (uint16_t)(longest_at(&d, x + 1, y + 1) + 1)
				: longest_at(&d, x + 1, y) >= longest_at(&d, x, y + 1)
					? longest_at(&d, x + 1, y)
					: longest_at(&d, x, y + 1);
	}
	if (option_has(&o, 'u') || is_busybox(p)) {
		tell_unified(&d, call->argv[o.at], call->argv[o.at + 1]);
		return 1;
	}
	while (i < a.count || k < b.count) {
		size_t from_i = i, from_k = k;

		while ((i < a.count || k < b.count) &&
		       !(i < a.count && k < b.count && strcmp(a.lines[i], b.lines[k]) == 0)) {
			if (i < a.count &&
			    (k == b.count || longest_at(&d, i + 1, k) >= longest_at(&d, i, k + 1)))
				i++;
			else
				k++;
		}
		if (i > from_i || k > from_k)
			tell_change(&d, from_i, i, from_k, k);
		i++;
		k++;
	}
	return 1;
}

/* ---- comm, paste, fold ---- */

static int do_comm(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct text a, b;
	size_t i = 0, k = 0;
	const char *second, *third;

	if (!options_read(&o, "123") || o.at + 1 >= call->argc)
		return operands(&o) == NULL ? 1 : complain_usage(call, "missing operand");
	if (!read_text(call, call->argv[o.at], &a) || !read_text(call, call->argv[o.at + 1], &b))
		return 1;
	second = option_has(&o, '1') ? "" : "\t";
	third = option_has(&o, '1')   ? option_has(&o, '2') ? "" : "\t"
		: option_has(&o, '2') ? "\t"
				      : "\t\t";
	while (i < a.count || k < b.count) {
		int order = i == a.count ? 1 : k == b.count ? -1 : strcmp(a.lines[i], b.lines[k]);

		if (order < 0 && !option_has(&o, '1'))
			outf(p, "%s\n", a.lines[i]);
		if (order > 0 && !option_has(&o, '2'))
			outf(p, "%s%s\n", second, b.lines[k]);
		if (order == 0 && !option_has(&o, '3'))
			outf(p, "%s%s\n", third, a.lines[i]);
		i += order <= 0;
		k += order >= 0;
	}
	return 0;
}

static int do_paste(struct call *call)
{
	static char minus[] = "-";
	struct process *p = call->p;
	struct options o = { .call = call, .names = "delimiters=d serial=s" };
	char *only[] = { minus, NULL }, **names;
	const char *between = "\t";
	struct text texts[16];
	size_t count = 0, rows = 0, inputs = 0;
	int letter;

	while ((letter = option_next(&o, "d:s")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'd')
			between = strcmp(o.value, "\\n") == 0	? "\n"
				  : strcmp(o.value, "\\t") == 0 ? "\t"
								: o.value;
	}
	names = o.at < call->argc ? call->argv + o.at : only;
	for (; *names != NULL && count < HIN_COUNT(texts); names++) {
		inputs += strcmp(*names, "-") == 0;
		if (strcmp(*names, "-") == 0 && inputs > 1)
			continue;
		if (!read_text(call, *names, &texts[count]))
			return 1;
		rows = texts[count].count > rows ? texts[count].count : rows;
		count++;
	}
	if (option_has(&o, 's')) {
		for (size_t i = 0; i < count; i++) {
			for (size_t k = 0; k < texts[i].count; k++) {
				if (k > 0 && between[0] != '\0')
					out(p, 1, &between[(k - 1) % strlen(between)], 1);
				outs(p, texts[i].lines[k]);
			}
			outs(p, "\n");
		}
		return 0;
	}
	if (inputs > 1 && count == 1) { /* paste - - : so many lines side by side */
		for (size_t i = 0; i < texts[0].count || i % inputs != 0; i++)
			outf(p, "%s%s", i < texts[0].count ? texts[0].lines[i] : "",
			     (i + 1) % inputs == 0 ? "\n" : format_of(p, "%.1s", between));
		return 0;
	}
	for (size_t row = 0; row < rows; row++) {
		for (size_t i = 0; i < count; i++) {
			if (i > 0 && between[0] != '\0')
				out(p, 1, &between[(i - 1) % strlen(between)], 1);
			outs(p, row < texts[i].count ? texts[i].lines[row] : "");
		}
		outs(p, "\n");
	}
	return 0;
}

static int do_fold(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "width=w spaces=s bytes=b" };
	unsigned long width = 80;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "w:sb")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'w')
			width = strtoul(o.value, NULL, 10);
	}
	width = width == 0 ? 80 : width;
	lines_begin(&l, call, call->argv + o.at);
	while (lines_next(&l)) {
		const char *at = l.line.data;
		size_t left = l.line.size;

		while (left > width) {
			size_t cut = width;

			if (option_has(&o, 's'))
				while (cut > 1 && at[cut - 1] != ' ')
					cut--;
			cut = cut <= 1 ? width : cut;
			outf(p, "%.*s\n", (int)cut, at);
			at += cut;
			left -= cut;
		}
		outf(p, "%.*s%s", (int)left, at, l.newline ? "\n" : "");
	}
	return l.status;
}

/* more, less: all of it where nobody presses a key. */
static int do_more(struct call *call)
{
	static char minus[] = "-";
	struct options o = { .call = call };
	char *only[] = { minus, NULL }, **names;
	int status = 0;

	if (!options_read(&o, "dfcsuRSXFNieMm"))
		return 1;
	names = o.at < call->argc ? call->argv + o.at : only;
	for (; *names != NULL; names++) {
		size_t size;
		char *text = slurp_name(call, *names, &size);

		if (text != NULL)
			out(call->p, 1, text, size);
		else
			status = 1;
	}
	return status;
}

/* ---- openssl ---- */

static int openssl_random(struct call *call)
{
	struct process *p = call->p;
	const char *form = "";
	uint64_t seed = (uint64_t)now_us(p) * 2862933555777941757u + p->shell->next_pid;
	size_t count = 0;
	struct growing raw = { 0 };
	unsigned char *coded;

	for (int i = 2; i < call->argc; i++) {
		if (call->argv[i][0] == '-')
			form = call->argv[i];
		else
			count = strtoul(call->argv[i], NULL, 10);
	}
	if (count == 0 || count > 65536)
		return complain(call, "rand: Use -help for summary.");
	for (size_t i = 0; i < count; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		grow_char(p, &raw, (char)(seed >> 33));
	}
	if (strcmp(form, "-hex") == 0) {
		for (size_t i = 0; i < count; i++)
			outf(p, "%02x", (unsigned char)raw.data[i]);
		outs(p, "\n");
	} else if (strcmp(form, "-base64") == 0) {
		coded = memory_of(p, count * 4 / 3 + 8);
		(void)EVP_EncodeBlock(coded, (unsigned char *)raw.data, (int)count);
		outf(p, "%s\n", (char *)coded);
	} else {
		out(p, 1, raw.data, raw.size);
	}
	return 0;
}

/* passwd -1: a text that looks like a hash; nobody can log in by it. */
static int openssl_passwd(struct call *call)
{
	static const char digits[] =
		"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	struct process *p = call->p;
	const char *kind = "1", *salt = "a8F.xQ2k", *password = "";
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0, length;
	char *text;

	for (int i = 2; i < call->argc; i++) {
		if (strcmp(call->argv[i], "-salt") == 0 && i + 1 < call->argc)
			salt = call->argv[++i];
		else if (call->argv[i][0] == '-')
			kind = call->argv[i] + 1;
		else
			password = call->argv[i];
	}
	text = format_of(p, "%s$%s$%s", kind, salt, password);
	if (EVP_Digest(text, strlen(text), digest, &size, EVP_sha512(), NULL) != 1)
		return 1;
	length = kind[0] == '6' ? 86 : kind[0] == '5' ? 43 : 22;
	outf(p, "$%.1s$%.8s$", kind, salt);
	for (unsigned i = 0; i < length; i++)
		outf(p, "%c", digits[(digest[i % size] + i / size) & 63]);
	outs(p, "\n");
	return 0;
}

static int do_openssl(struct call *call)
{
	struct process *p = call->p;
	const char *what = call->argc > 1 ? call->argv[1] : "";
	struct call inner = { p, call->argc - 1, call->argv + 1 };

	if (strcmp(what, "version") == 0) {
		outs(p, "OpenSSL 3.0.11 19 Sep 2023 (Library: OpenSSL 3.0.11 19 Sep 2023)\n");
		return 0;
	}
	if (strcmp(what, "rand") == 0)
		return openssl_random(call);
	if (strcmp(what, "passwd") == 0)
		return openssl_passwd(call);
	if (strcmp(what, "base64") == 0 ||
	    (strcmp(what, "enc") == 0 && call->argc > 2 && strcmp(call->argv[2], "-base64") == 0)) {
		inner.argc = 1;
		for (int i = 2; i < call->argc; i++)
			if (strcmp(call->argv[i], "-d") == 0 || (call->argv[i][0] != '-' && i > 1))
				inner.argv[inner.argc++] = call->argv[i];
		inner.argv[inner.argc] = NULL;
		inner.argv[0] = text_of(p, "base64", 6);
		return applet_find("base64")->run(&inner);
	}
	errf(p, "Invalid command '%s'; type \"help\" for a list.\n", what);
	return 1;
}

/* Editors need a terminal that we do not draw on. */
static int do_editor(struct call *call)
{
	struct process *p = call->p;

	if (!is_terminal(p, 0) || !is_terminal(p, 1)) {
		errf(p, "Vim: Warning: Output is not to a terminal\n");
		return 1;
	}
	errf(p,
	     "E558: Terminal entry not found in terminfo\n'%s' not known. Available builtin "
	     "terminals "
	     "are:\n    builtin_dumb\n",
	     p->shell->settings.terminal.type != NULL ? p->shell->settings.terminal.type : "linux");
	return 1;
}

const struct command compare_commands[] = {
	{ "cmp", do_cmp, false },     { "comm", do_comm, false },
	{ "diff", do_diff, false },   { "fold", do_fold, false },
	{ "less", do_more, false },   { "more", do_more, false },
	{ "nano", do_editor, false }, { "openssl", do_openssl, false },
	{ "paste", do_paste, false }, { "vi", do_editor, false },
	{ "vim", do_editor, false },  { NULL, NULL, false },
};
