/* cut - tr and cut. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/* The characters of a set of tr's, with ranges, classes and escapes. */
static size_t tr_set(const char *text, unsigned char set[4096])
{
	static const struct {
		const char *name;
		int (*is)(int c);
	} classes[] = { { "[:alpha:]", isalpha }, { "[:digit:]", isdigit },
			{ "[:alnum:]", isalnum }, { "[:upper:]", isupper },
			{ "[:lower:]", islower }, { "[:space:]", isspace },
			{ "[:punct:]", ispunct }, { "[:print:]", isprint },
			{ "[:blank:]", isblank }, { "[:cntrl:]", iscntrl },
			{ "[:graph:]", isgraph }, { "[:xdigit:]", isxdigit } };
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	size_t n = 0;

	while (*text != '\0' && n < 3800) {
		unsigned char c, last;
		bool is_class = false;

		for (size_t i = 0; i < HIN_COUNT(classes) && !is_class; i++)
			if (strncmp(text, classes[i].name, strlen(classes[i].name)) == 0) {
				for (int k = 0; k < 256; k++)
					if (classes[i].is(k))
						set[n++] = (unsigned char)k;
				text += strlen(classes[i].name);
				is_class = true;
			}
		if (is_class)
			continue;
		for (int k = 0; k < 2; k++) {
			unsigned char *into = k == 0 ? &c : &last;

			if (*text == '\\' && text[1] != '\0') {
				const char *known = strchr(from, text[1]);

				if (known != NULL) {
					*into = (unsigned char)to[known - from];
					text += 2;
				} else if (text[1] >= '0' && text[1] <= '7') {
					unsigned value = 0, digits = 0;

					for (text++; digits < 3 && *text >= '0' && *text <= '7';
					     digits++)
						value = value * 8 + (unsigned)(*text++ - '0');
					*into = (unsigned char)value;
				} else {
					*into = (unsigned char)text[1];
					text += 2;
				}
			} else {
				*into = (unsigned char)*text++;
			}
			if (k == 0) {
				last = c;
				if (text[0] != '-' || text[1] == '\0')
					break;
				text++;
			}
		}
		for (unsigned k = c; k <= last && n < 3800; k++)
			set[n++] = (unsigned char)k;
	}
	return n;
}

static int do_tr(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	unsigned char one[4096], other[4096], map[256];
	bool complement = false, delete = false, squeeze = false, in[256] = { false },
	     out_of[256] = { false };
	size_t ones, others = 0;
	char block[4096];
	int64_t got;
	int letter, last = -1;

	while ((letter = option_next(&o, "cCdst")) != -1) {
		if (letter == '?')
			return 1;
		complement |= letter == 'c' || letter == 'C';
		delete |= letter == 'd';
		squeeze |= letter == 's';
	}
	if (o.at >= call->argc) {
		if (is_busybox(p))
			errf(p, "BusyBox v1.35.0 (Debian 1:1.35.0-4+b7) multi-call binary.\n");
		else
			(void)complain(call,
				       "missing operand\nTry 'tr --help' for more information.");
		return 1;
	}
	ones = tr_set(call->argv[o.at], one);
	if (o.at + 1 < call->argc)
		others = tr_set(call->argv[o.at + 1], other);
	else if (!delete &&!squeeze) {
		if (!is_busybox(p))
			(void)complain(call,
				       "missing operand after '%s'\nTwo strings must be given when "
				       "translating.\nTry 'tr --help' for more information.",
				       call->argv[o.at]);
		return 1;
	}
	for (size_t i = 0; i < ones; i++)
		in[one[i]] = true;
	if (complement) {
		ones = 0;
		for (unsigned c = 0; c < 256; c++) {
			in[c] = !in[c];
			if (in[c])
				one[ones++] = (unsigned char)c;
		}
	}
	for (unsigned c = 0; c < 256; c++)
		map[c] = (unsigned char)c;
	if (others > 0 && !delete)
		for (size_t i = 0; i < ones; i++)
			map[one[i]] = other[i < others ? i : others - 1];
	if (squeeze) {
		if (others > 0)
			for (size_t i = 0; i < others; i++)
				out_of[other[i]] = true;
		else
			memcpy(out_of, in, sizeof(in));
	}
	while ((got = file_read(p, p->fds[0], block, sizeof(block))) > 0) {
		size_t n = 0;

		for (int64_t i = 0; i < got; i++) {
			unsigned char c = (unsigned char)block[i];

			if (delete &&in[c])
				continue;
			c = map[c];
			if (squeeze && out_of[c] && last == c)
				continue;
			last = c;
			block[n++] = (char)c;
		}
		out(p, 1, block, n);
	}
	return 0;
}

/* A list as "1,3-5,7-". */
static bool in_list(const char *list, unsigned long number)
{
	while (*list != '\0') {
		char *end;
		unsigned long from = *list == '-' ? 1 : strtoul(list, &end, 10), to;

		if (*list == '-')
			end = (char *)(uintptr_t)list;
		to = from;
		if (*end == '-') {
			end++;
			to = isdigit((unsigned char)*end) ? strtoul(end, &end, 10) : ULONG_MAX;
		}
		if (number >= from && number <= to)
			return true;
		if (*end != ',')
			return false;
		list = end + 1;
	}
	return false;
}

static int do_cut(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *list = NULL;
	char delimiter = '\t', how = 0;
	bool only = false;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "f:d:c:b:sn")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'd':
			delimiter = o.value[0];
			break;
		case 's':
			only = true;
			break;
		case 'n':
			break;
		default:
			how = (char)letter;
			list = o.value;
		}
	}
	if (list == NULL) {
		if (is_busybox(p))
			return complain(call, "expected a list of bytes, characters, or fields");
		return complain(call, "you must specify a list of bytes, characters, or "
				      "fields\nTry 'cut --help' for more information.");
	}
	lines_begin(&l, call, call->argv + o.at);
	while (lines_next(&l)) {
		struct piece *mark = p->pieces;
		struct growing made = { 0 };
		const char *text = l.line.data != NULL ? l.line.data : "";

		if (how != 'f') {
			for (size_t i = 0; i < l.line.size; i++)
				if (in_list(list, (unsigned long)i + 1))
					grow_char(p, &made, text[i]);
		} else if (memchr(text, delimiter, l.line.size) == NULL) {
			if (only)
				continue;
			grow(p, &made, text, l.line.size);
		} else {
			unsigned long field = 1;
			bool any = false;

			for (size_t at = 0;; field++) {
				const char *end = memchr(text + at, delimiter, l.line.size - at);
				size_t size =
					end != NULL ? (size_t)(end - text) - at : l.line.size - at;

				if (in_list(list, field)) {
					if (any)
						grow_char(p, &made, delimiter);
					grow(p, &made, text + at, size);
					any = true;
				}
				if (end == NULL)
					break;
				at += size + 1;
			}
		}
		grow_char(p, &made, '\n');
		out(p, 1, made.data, made.size);
		/* the line itself may have grown in between */
		if (mark == p->pieces)
			continue;
	}
	return l.status;
}

const struct command cut_commands[] = {
	{ "cut", do_cut, false },
	{ "tr", do_tr, false },
	{ NULL, NULL, false },
};
