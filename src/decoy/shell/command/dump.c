/* dump - xxd, hexdump, od, strings, file: bytes as text, and back. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/* ---- xxd ---- */

struct dump {
	const unsigned char *data;
	size_t size, columns, group, from;
	bool plain, upper;
};

static void xxd_line(struct process *p, const struct dump *d, size_t at)
{
	size_t n = d->size - at < d->columns ? d->size - at : d->columns, width = 0;
	struct growing g = { 0 };

	grow_format(p, &g, "%08zx: ", d->from + at);
	for (size_t i = 0; i < n; i++) {
		grow_format(p, &g, d->upper ? "%02X" : "%02x", d->data[at + i]);
		width += 2;
		if (d->group > 0 && (i + 1) % d->group == 0) {
			grow_char(p, &g, ' ');
			width++;
		}
	}
	while (width <
	       d->columns * 2 + (d->group > 0 ? (d->columns + d->group - 1) / d->group : 0)) {
		grow_char(p, &g, ' ');
		width++;
	}
	grow_char(p, &g, ' ');
	for (size_t i = 0; i < n; i++)
		grow_char(p, &g, (char)(isprint(d->data[at + i]) ? d->data[at + i] : '.'));
	grow_char(p, &g, '\n');
	out(p, 1, g.data, g.size);
}

static int hex_value(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* xxd -r: the bytes of a dump, with offsets or without. */
static void xxd_back(struct process *p, const char *text, size_t size, bool plain)
{
	struct growing g = { 0 };
	size_t at = 0;

	grow(p, &g, "", 0);
	while (at < size) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t line = end != NULL ? (size_t)(end - text) - at : size - at, i = at;
		int high = -1;

		if (!plain) {
			const char *colon = memchr(text + at, ':', line);

			i = colon != NULL ? (size_t)(colon - text) + 1 : at + line;
			if (i < at + line && text[i] == ' ')
				i++;
		}
		for (; i < at + line; i++) {
			int value = hex_value(text[i]);

			if (value < 0 && !plain && text[i] == ' ' && i + 1 < at + line &&
			    text[i + 1] == ' ')
				break; /* behind the bytes stands what they look like */
			if (value < 0)
				continue;
			if (high < 0) {
				high = value;
			} else {
				grow_char(p, &g, (char)(high << 4 | value));
				high = -1;
			}
		}
		at += line + 1;
		step(p);
	}
	out(p, 1, g.data, g.size);
}

static int do_xxd(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct dump d = { .group = 2 };
	unsigned long long most = UINT64_MAX, skip = 0;
	bool back = false, columns = false;
	char *text;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "rpul:c:g:s:ibEea")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'r':
			back = true;
			break;
		case 'p':
			d.plain = true;
			break;
		case 'u':
			d.upper = true;
			break;
		case 'l':
			most = strtoull(o.value, NULL, 0);
			break;
		case 's':
			skip = strtoull(o.value, NULL, 0);
			break;
		case 'c':
			d.columns = strtoul(o.value, NULL, 0);
			columns = true;
			break;
		case 'g':
			d.group = strtoul(o.value, NULL, 0);
			break;
		default:
			break;
		}
	}
	if (!columns)
		d.columns = d.plain ? 30 : 16;
	if (d.columns == 0 || d.columns > 256)
		d.columns = 256;
	text = slurp_part(call, o.at < call->argc ? call->argv[o.at] : "-",
			  most > UINT64_MAX - skip ? most : most + skip, &size);
	if (text == NULL)
		return 1;
	if (back) {
		xxd_back(p, text, size, d.plain);
		return 0;
	}
	d.from = skip < size ? (size_t)skip : size;
	d.data = (const unsigned char *)text + d.from;
	d.size = size - d.from < most ? size - d.from : (size_t)most;
	for (size_t at = 0; at < d.size; at += d.columns) {
		if (!d.plain) {
			xxd_line(p, &d, at);
			continue;
		}
		for (size_t i = at; i < at + d.columns && i < d.size; i++)
			outf(p, d.upper ? "%02X" : "%02x", d.data[i]);
		outs(p, "\n");
	}
	return 0;
}

/* ---- hexdump and od ---- */

/* How the bytes of a line are shown. */
enum form { FORM_OCTAL, FORM_WORDS, FORM_BYTES, FORM_LETTERS, FORM_CANONICAL, FORM_DECIMAL };

static const char *letter_text(struct process *p, unsigned char c, bool od)
{
	static const char from[] = "\a\b\t\n\v\f\r", to[] = "abtnvfr";
	const char *known = c != 0 ? strchr(from, c) : NULL;

	if (c == 0)
		return "\\0";
	if (known != NULL)
		return format_of(p, "\\%c", to[known - from]);
	(void)od;
	return isprint(c) ? format_of(p, "%c", c) : format_of(p, "%03o", c);
}

static void put_bytes(struct process *p, struct growing *g, const unsigned char *b, size_t n,
		      enum form form, bool od)
{
	for (size_t i = 0; i < n;
	     i += form == FORM_WORDS || form == FORM_OCTAL || form == FORM_DECIMAL ? 2 : 1) {
		unsigned word = b[i] | (i + 1 < n ? (unsigned)b[i + 1] << 8 : 0);

		switch (form) {
		case FORM_OCTAL:
			grow_format(p, g, " %06o", word);
			break;
		case FORM_WORDS:
			grow_format(p, g, " %04x", word);
			break;
		case FORM_DECIMAL:
			grow_format(p, g, od ? " %5u" : "   %05u", word);
			break;
		case FORM_LETTERS:
			grow_format(p, g, " %3s", letter_text(p, b[i], od));
			break;
		default:
			grow_format(p, g, " %02x", b[i]);
		}
	}
}

static void canonical_line(struct process *p, const unsigned char *b, size_t n, size_t at)
{
	struct growing g = { 0 };

	grow_format(p, &g, "%08zx ", at);
	for (size_t i = 0; i < 16; i++) {
		if (i == 8)
			grow_char(p, &g, ' ');
		if (i < n)
			grow_format(p, &g, " %02x", b[i]);
		else
			grow_text(p, &g, "   ");
	}
	grow_text(p, &g, "  |");
	for (size_t i = 0; i < n; i++)
		grow_char(p, &g, (char)(isprint(b[i]) ? b[i] : '.'));
	grow_text(p, &g, "|\n");
	out(p, 1, g.data, g.size);
}

/* The whole, lines that repeat as one "*". */
static void dump_all(struct process *p, const unsigned char *data, size_t size, enum form form,
		     bool od, bool offsets, bool all)
{
	bool starred = false;

	for (size_t at = 0; at < size; at += 16) {
		size_t n = size - at < 16 ? size - at : 16;
		struct growing g = { 0 };

		if (!all && at >= 16 && n == 16 && memcmp(data + at, data + at - 16, 16) == 0) {
			if (!starred)
				outs(p, "*\n");
			starred = true;
			continue;
		}
		starred = false;
		if (form == FORM_CANONICAL) {
			canonical_line(p, data + at, n, at);
			continue;
		}
		grow(p, &g, "", 0);
		if (offsets && od)
			grow_format(p, &g, "%07zo", at);
		else if (offsets)
			grow_format(p, &g, "%07zx", at);
		put_bytes(p, &g, data + at, n, form, od);
		if (!od) /* hexdump fills its last line */
			while (form != FORM_OCTAL && g.size < 7 + 40 && n < 16)
				grow_char(p, &g, ' ');
		grow_char(p, &g, '\n');
		out(p, 1, g.data, g.size);
	}
	if (!offsets || (size == 0 && !od))
		return;
	if (od)
		outf(p, "%07zo\n", size);
	else if (form == FORM_CANONICAL)
		outf(p, "%08zx\n", size);
	else
		outf(p, "%07zx\n", size);
}

static int do_hexdump(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	enum form form = strcmp(call->argv[0], "hd") == 0 ? FORM_CANONICAL : FORM_WORDS;
	unsigned long long most = UINT64_MAX, skip = 0;
	const char *text, *format = NULL;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "Cbcdoxvn:s:e:")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'C':
			form = FORM_CANONICAL;
			break;
		case 'c':
			form = FORM_LETTERS;
			break;
		case 'd':
			form = FORM_DECIMAL;
			break;
		case 'e':
			format = o.value;
			break;
		case 'n':
			most = size_of(o.value);
			break;
		case 's':
			skip = size_of(o.value);
			break;
		default:
			break;
		}
	}
	text = slurp_part(call, o.at < call->argc ? call->argv[o.at] : "-",
			  most > UINT64_MAX - skip ? most : most + skip, &size);
	if (text == NULL)
		return 1;
	if (skip > size)
		skip = size;
	text += skip;
	size -= (size_t)skip;
	if (size > most)
		size = (size_t)most;
	if (format != NULL) { /* '1/1 "%02x"' and its kin */
		bool spaced = strstr(format, "x \"") != NULL;

		for (size_t i = 0; i < size; i++)
			outf(p, spaced ? "%02x " : "%02x", (unsigned char)text[i]);
		return 0;
	}
	dump_all(p, (const unsigned char *)text, size, form, false, true, option_has(&o, 'v'));
	return 0;
}

static int do_od(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	enum form form = FORM_OCTAL;
	unsigned long long most = UINT64_MAX, skip = 0;
	bool offsets = true;
	const char *text;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "A:t:N:j:vbcdoxw:")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'A':
			offsets = o.value[0] != 'n';
			break;
		case 't':
			form = o.value[0] == 'x'   ? (o.value[1] == '1' ? FORM_BYTES : FORM_WORDS)
			       : o.value[0] == 'c' ? FORM_LETTERS
			       : o.value[0] == 'u' || o.value[0] == 'd' ? FORM_DECIMAL
									: FORM_OCTAL;
			break;
		case 'c':
			form = FORM_LETTERS;
			break;
		case 'x':
			form = FORM_WORDS;
			break;
		case 'N':
			most = size_of(o.value);
			break;
		case 'j':
			skip = size_of(o.value);
			break;
		default:
			break;
		}
	}
	text = slurp_part(call, o.at < call->argc ? call->argv[o.at] : "-",
			  most > UINT64_MAX - skip ? most : most + skip, &size);
	if (text == NULL)
		return 1;
	if (skip > size)
		skip = size;
	size -= (size_t)skip;
	if (size > most)
		size = (size_t)most;
	dump_all(p, (const unsigned char *)text + skip, size, form, true, offsets,
		 option_has(&o, 'v'));
	return 0;
}

/* ---- strings and file ---- */

static int do_strings(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	size_t least = 4, size, run = 0;
	const char *text;
	int letter;

	while ((letter = option_next(&o, "an:fot:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'n')
			least = strtoul(o.value, NULL, 10);
	}
	text = slurp_name(call, o.at < call->argc ? call->argv[o.at] : "-", &size);
	if (text == NULL)
		return 1;
	for (size_t i = 0; i <= size; i++) {
		if (i < size && (isprint((unsigned char)text[i]) || text[i] == '\t')) {
			run++;
			continue;
		}
		if (run >= least && run > 0)
			outf(p, "%.*s\n", (int)run, text + i - run);
		run = 0;
	}
	return 0;
}

static const char *kind_of(struct process *p, const char *text, size_t size)
{
	size_t i = 0;

	if (size == 0)
		return "empty";
	if (size >= 20 && memcmp(text, "\177ELF", 4) == 0) {
		static const struct {
			unsigned char machine;
			const char *name;
		} machines[] = {
			{ 3, "Intel 80386" }, { 8, "MIPS, MIPS-I" }, { 20, "PowerPC" },
			{ 40, "ARM, EABI5" }, { 62, "x86-64" },	     { 183, "ARM aarch64" }
		};
		const char *name = "unknown arch";
		bool big = text[5] == 2;

		for (size_t k = 0; k < HIN_COUNT(machines); k++)
			if ((unsigned char)text[big ? 19 : 18] == machines[k].machine)
				name = machines[k].name;
		return format_of(
			p,
			"ELF %d-bit %s executable, %s, version 1 (SYSV), statically linked, "
			"stripped",
			text[4] == 2 ? 64 : 32, big ? "MSB" : "LSB", name);
	}
	if (size > 2 && text[0] == '#' && text[1] == '!') {
		const char *name = text + 2 + strspn(text + 2, " ");
		const char *base = memchr(name, '\n', size - (size_t)(name - text));

		name = text_of(p, name, base != NULL ? (size_t)(base - name) : 0);
		if (strstr(name, "bash") != NULL)
			return "Bourne-Again shell script, ASCII text executable";
		if (strstr(name, "python") != NULL)
			return "Python script, ASCII text executable";
		return "POSIX shell script, ASCII text executable";
	}
	if (size > 2 && (unsigned char)text[0] == 0x1f && (unsigned char)text[1] == 0x8b)
		return "gzip compressed data, from Unix";
	while (i < size && (isprint((unsigned char)text[i]) || isspace((unsigned char)text[i])))
		i++;
	if (i == size)
		return "ASCII text";
	return "data";
}

static int do_file(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "brief=b mime-type=i" };

	if (!options_read(&o, "biLz") || operands(&o) == NULL)
		return 1;
	for (; o.at < call->argc; o.at++) {
		const char *kind, *name = call->argv[o.at];
		struct hin_fs_stat stat;
		struct file *file;
		uint32_t ino;
		size_t size;

		if (path_find(p, name, false, &ino) != 0) {
			outf(p, "%s: cannot open `%s' (No such file or directory)\n", name, name);
			continue;
		}
		hin_fs_stat(p->shell->fs, ino, &stat);
		if (stat.type == HIN_FS_DIRECTORY) {
			kind = "directory";
		} else if (stat.type == HIN_FS_SYMLINK) {
			const uint8_t *target = hin_fs_bytes(p->shell->fs, ino, &size);

			kind = format_of(p, "symbolic link to %.*s", (int)size,
					 (const char *)target);
		} else if (stat.type != HIN_FS_FILE) {
			kind = "character special";
		} else if (file_open(p, name, OPEN_READ, 0, &file) != 0) {
			kind = "regular file, no read permission";
		} else {
			char *text = memory_of(p, 4097);
			int64_t got;

			(void)file_owned(p, file);
			got = file_read(p, file, text, 4096);
			file_done(p, file);
			kind = kind_of(p, text, got > 0 ? (size_t)got : 0);
		}
		if (option_has(&o, 'b'))
			outf(p, "%s\n", kind);
		else
			outf(p, "%s: %s\n", name, kind);
	}
	return 0;
}

const struct command dump_commands[] = {
	{ "file", do_file, false },
	{ "hd", do_hexdump, false },
	{ "hexdump", do_hexdump, false },
	{ "od", do_od, false },
	{ "strings", do_strings, false },
	{ "xxd", do_xxd, false },
	{ NULL, NULL, false },
};
