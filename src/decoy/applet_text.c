/* applet_text - commands that read text and write text. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "decoy/shell_priv.h"

/* ---- whole files ---- */

static int do_cat(struct call *call)
{
	struct process *p = call->p;
	static char minus[] = "-";
	char *only[] = { minus, NULL }, **names, block[4096];
	bool number = false, ends = false, line_start = true;
	unsigned long line = 0;
	struct options o = { .call = call };
	int status = 0, letter;

	while ((letter = option_next(&o, "nbeAsuvtET")) != -1) {
		if (letter == '?')
			return 1;
		number |= letter == 'n' || letter == 'b';
		ends |= letter == 'E' || letter == 'A' || letter == 'e';
	}
	names = o.at < call->argc ? call->argv + o.at : only;
	for (; *names != NULL; names++) {
		struct file *file = open_input(call, *names);
		int64_t got;

		if (file == NULL) {
			status = 1;
			continue;
		}
		while ((got = file_read(p, file, block, sizeof(block))) > 0) {
			if (!number && !ends) {
				out(p, 1, block, (size_t)got);
				continue;
			}
			for (int64_t i = 0; i < got; i++) {
				if (line_start && number)
					outf(p, "%6lu\t", ++line);
				line_start = block[i] == '\n';
				if (line_start && ends)
					outs(p, "$");
				out(p, 1, block + i, 1);
			}
		}
		if (got < 0) {
			if (is_busybox(p))
				(void)complain(call, "read error: %s", error_text((int)got));
			else
				(void)complain(call, "%s: %s", *names, error_text((int)got));
			status = 1;
		}
		file_done(p, file);
	}
	return status;
}

static int do_tee(struct call *call)
{
	struct process *p = call->p;
	struct file *files[8];
	struct options o = { .call = call };
	size_t count = 0;
	bool append = false;
	char block[4096];
	int64_t got;
	int status = 0, letter;

	while ((letter = option_next(&o, "ai")) != -1) {
		if (letter == '?')
			return 1;
		append |= letter == 'a';
	}
	for (; o.at < call->argc && count < HIN_COUNT(files); o.at++) {
		unsigned how = OPEN_WRITE | OPEN_CREATE | (append ? OPEN_APPEND : OPEN_TRUNCATE);
		int fault = file_open(p, call->argv[o.at], how, 0666, &files[count]);

		if (fault != 0)
			status = complain(call, "%s: %s", call->argv[o.at], error_text(fault));
		else
			(void)file_owned(p, files[count++]);
	}
	while ((got = file_read(p, p->fds[0], block, sizeof(block))) > 0) {
		out(p, 1, block, (size_t)got);
		for (size_t i = 0; i < count; i++)
			(void)file_write(p, files[i], block, (size_t)got);
	}
	for (size_t i = 0; i < count; i++)
		file_done(p, files[i]);
	return status;
}

/* ---- head, tail, wc ---- */

/* "-5" as the first argument is "-n 5". */
static bool is_old_count(const char *text)
{
	return text != NULL && text[0] == '-' && isdigit((unsigned char)text[1]);
}

/* A number with a suffix, as head and dd take them. */
static unsigned long long size_of(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	switch (*end) {
	case 'b':
		return value * 512;
	case 'k':
	case 'K':
		return value << 10;
	case 'm':
	case 'M':
		return value << 20;
	case 'g':
	case 'G':
		return value << 30;
	default:
		return value;
	}
}

static int do_head(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct lines l;
	unsigned long long count = 10, left;
	bool bytes = false, quiet = false, verbose = false, first = true;
	int letter;
	size_t files;

	if (is_old_count(call->argv[1])) {
		count = size_of(call->argv[1] + 1);
		o.at = 2;
	}
	while ((letter = option_next(&o, "n:c:qv")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'n' || letter == 'c') {
			count = size_of(o.value);
			bytes = letter == 'c';
		}
		quiet |= letter == 'q';
		verbose |= letter == 'v';
	}
	files = (size_t)(call->argc - o.at);
	lines_begin(&l, call, call->argv + o.at);
	while (lines_file(&l)) {
		char block[4096];
		int64_t got;

		if ((files > 1 && !quiet) || verbose)
			outf(p, "%s==> %s <==\n", first ? "" : "\n",
			     strcmp(l.name, "-") == 0 ? "standard input" : l.name);
		first = false;
		left = count;
		while (left > 0 && (got = file_read(p, l.file, block, sizeof(block))) > 0) {
			size_t n = 0;

			if (bytes)
				n = left < (uint64_t)got ? (size_t)left : (size_t)got;
			for (; !bytes && n < (size_t)got && left > 0; n++)
				left -= block[n] == '\n';
			out(p, 1, block, n);
			if (bytes)
				left -= n;
		}
	}
	return l.status;
}

static int do_tail(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct lines l;
	unsigned long long count = 10;
	bool bytes = false, from_start = false, follow = false, quiet = false, first = true;
	int letter;
	size_t files;

	if (is_old_count(call->argv[1]) || (call->argv[1] != NULL && call->argv[1][0] == '+' &&
					    isdigit((unsigned char)call->argv[1][1]))) {
		from_start = call->argv[1][0] == '+';
		count = size_of(call->argv[1] + 1);
		o.at = 2;
	}
	while ((letter = option_next(&o, "n:c:fFqvs:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'n' || letter == 'c') {
			from_start = o.value[0] == '+';
			count = size_of(o.value + (o.value[0] == '+' || o.value[0] == '-'));
			bytes = letter == 'c';
		}
		follow |= letter == 'f' || letter == 'F';
		quiet |= letter == 'q';
	}
	files = (size_t)(call->argc - o.at);
	lines_begin(&l, call, call->argv + o.at);
	while (lines_file(&l)) {
		struct piece *mark = p->pieces;
		size_t size, at = 0;
		const char *text = file_slurp(p, l.file, &size);

		if (files > 1 && !quiet)
			outf(p, "%s==> %s <==\n", first ? "" : "\n", l.name);
		first = false;
		if (from_start && bytes) {
			at = count > 0 ? (size_t)count - 1 : 0;
		} else if (from_start) {
			for (unsigned long long n = 1; n < count && at < size; at++)
				n += text[at] == '\n';
		} else if (bytes) {
			at = count < size ? size - (size_t)count : 0;
		} else {
			unsigned long long n = 0;

			for (at = size; at > 0; at--)
				if (text[at - 1] == '\n' && at != size && ++n == count)
					break;
			if (count == 0)
				at = size;
		}
		if (at < size)
			out(p, 1, text + at, size - at);
		memory_back(p, mark);
	}
	if (follow)
		for (;;) /* nothing ever comes */
			task_block(p, TASK_SLEEPS, NULL,
				   p->shell->machine->now_us(p->shell->machine->user) + 60000000);
	return l.status;
}

static void tell_counts(struct process *p, const uint64_t counts[4], unsigned which, int width,
			const char *name)
{
	bool first = true;

	for (unsigned i = 0; i < 4; i++) {
		if ((which & 1u << i) == 0)
			continue;
		outf(p, "%s%*llu", first ? "" : " ", width, (unsigned long long)counts[i]);
		first = false;
	}
	if (name != NULL)
		outf(p, " %s", name);
	outs(p, "\n");
}

static int do_wc(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct lines l;
	uint64_t total[4] = { 0 };
	unsigned which = 0, files = 0;
	int letter, width;
	bool named;

	while ((letter = option_next(&o, "lwmcL")) != -1) {
		if (letter == '?')
			return 1;
		which |= letter == 'l' ? 1u : letter == 'w' ? 2u : letter == 'L' ? 8u : 4u;
	}
	if (which == 0)
		which = 7;
	named = o.at < call->argc;
	width = (which & (which - 1)) == 0 && call->argc - o.at <= 1 ? 1 : 7;
	if (is_busybox(p))
		width = (which & (which - 1)) == 0 && call->argc - o.at <= 1 ? 1 : 9;
	if (named && !is_busybox(p) && width > 1) {
		/* coreutils: as wide as the sizes of the files together */
		uint64_t sum = 0;

		for (int i = o.at; i < call->argc; i++) {
			struct hin_fs_stat stat = { 0 };
			uint32_t ino;

			if (hin_fs_find(p->shell->fs, &p->user, p->folder, call->argv[i], true,
					&ino) == 0)
				hin_fs_stat(p->shell->fs, ino, &stat);
			sum += stat.size;
		}
		for (width = 1; sum >= 10; sum /= 10)
			width++;
	}
	lines_begin(&l, call, call->argv + o.at);
	while (lines_file(&l)) {
		uint64_t counts[4] = { 0 }, length = 0;
		bool word = false;
		char block[4096];
		int64_t got;

		while ((got = file_read(p, l.file, block, sizeof(block))) > 0)
			for (int64_t i = 0; i < got; i++) {
				bool space = isspace((unsigned char)block[i]) != 0;

				counts[0] += block[i] == '\n';
				counts[1] += !space && !word;
				word = !space;
				counts[2]++;
				length = block[i] == '\n' ? 0 : length + 1;
				if (length > counts[3])
					counts[3] = length;
			}
		for (unsigned i = 0; i < 3; i++)
			total[i] += counts[i];
		if (counts[3] > total[3])
			total[3] = counts[3];
		tell_counts(p, counts, which, width, named ? l.name : NULL);
		files++;
	}
	if (call->argc - o.at > 1)
		tell_counts(p, total, which, width, "total");
	return l.status;
}

/* ---- tr, cut ---- */

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

/* ---- sort, uniq ---- */

struct sorting {
	bool numeric, reverse, fold, blanks;
	unsigned long key, key_end;
	char separator;
};

/* Where the key of a line begins and ends. */
static const char *key_of(const struct sorting *s, const char *line, size_t *size)
{
	const char *at = line;

	if (s->key > 1) {
		for (unsigned long field = 1; field < s->key && *at != '\0'; field++) {
			if (s->separator != '\0') {
				at += strcspn(at, (char[2]){ s->separator, '\0' });
				at += *at != '\0';
			} else {
				at += strspn(at, " \t");
				at += strcspn(at, " \t");
			}
		}
	}
	*size = strlen(at);
	if (s->key_end >= s->key && s->key_end > 0) {
		const char *end = at;

		for (unsigned long field = s->key; field <= s->key_end && *end != '\0'; field++) {
			if (s->separator != '\0') {
				end += strcspn(end, (char[2]){ s->separator, '\0' });
				if (field < s->key_end && *end != '\0')
					end++;
			} else {
				end += strspn(end, " \t");
				end += strcspn(end, " \t");
			}
		}
		*size = (size_t)(end - at);
	}
	return at;
}

static int compare_keys(const struct sorting *s, const char *a, const char *b)
{
	size_t x_size, y_size, n;
	const char *x = key_of(s, a, &x_size), *y = key_of(s, b, &y_size);
	int order;

	if (s->numeric) {
		double i = strtod(x, NULL), k = strtod(y, NULL);

		return i < k ? -1 : i > k;
	}
	while (s->blanks && x_size > 0 && isblank((unsigned char)*x)) {
		x++;
		x_size--;
	}
	while (s->blanks && y_size > 0 && isblank((unsigned char)*y)) {
		y++;
		y_size--;
	}
	n = x_size < y_size ? x_size : y_size;
	order = s->fold ? strncasecmp(x, y, n) : memcmp(x, y, n);
	return order != 0 ? order : x_size < y_size ? -1 : x_size > y_size;
}

static int by_key(const void *a, const void *b, void *sorting)
{
	const struct sorting *s = sorting;
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int order = compare_keys(s, x, y);

	if (order == 0)
		order = strcmp(x, y);
	return s->reverse ? -order : order;
}

static int do_sort(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct sorting s = { 0 };
	struct fields all = { 0 };
	struct file *into = NULL;
	const char *target = NULL;
	bool unique = false;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "nrufbk:t:o:ghdsVcm")) != -1) {
		switch (letter) {
		case '?':
			return 2;
		case 'n':
		case 'g':
		case 'h':
			s.numeric = true;
			break;
		case 'r':
			s.reverse = true;
			break;
		case 'u':
			unique = true;
			break;
		case 'f':
			s.fold = true;
			break;
		case 'b':
			s.blanks = true;
			break;
		case 'k': {
			char *end;

			s.key = strtoul(o.value, &end, 10);
			if (*end == '.')
				end += strspn(end, ".0123456789");
			for (; *end != '\0' && *end != ','; end++) {
				s.numeric |= *end == 'n' || *end == 'g' || *end == 'h';
				s.reverse |= *end == 'r';
			}
			if (*end == ',') {
				s.key_end = strtoul(end + 1, &end, 10);
				for (; *end != '\0'; end++) {
					s.numeric |= *end == 'n';
					s.reverse |= *end == 'r';
				}
			}
			break;
		}
		case 't':
			s.separator = o.value[0];
			break;
		case 'o':
			target = o.value;
			break;
		default:
			break;
		}
	}
	lines_begin(&l, call, call->argv + o.at);
	while (lines_next(&l))
		fields_add(p, &all,
			   text_of(p, l.line.data != NULL ? l.line.data : "", l.line.size));
	if (l.status != 0)
		return 2;
	if (all.count > 0)
		qsort_r(all.items, all.count, sizeof(*all.items), by_key, &s);
	if (target != NULL) {
		int fault =
			file_open(p, target, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, 0666, &into);

		if (fault != 0)
			return complain(call, "%s: %s", target, error_text(fault)) + 1;
		(void)file_owned(p, into);
	}
	for (size_t i = 0; i < all.count; i++) {
		struct file *to = into != NULL ? into : p->fds[1];

		if (unique && i > 0 && compare_keys(&s, all.items[i - 1], all.items[i]) == 0)
			continue;
		(void)file_write(p, to, all.items[i], strlen(all.items[i]));
		(void)file_write(p, to, "\n", 1);
	}
	file_done(p, into);
	return 0;
}

static int do_uniq(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	bool counts = false, repeated = false, single = false, fold = false, any = false;
	unsigned long skip = 0;
	struct growing before = { 0 };
	unsigned long times = 0;
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "cduif:s:w:")) != -1) {
		switch (letter) {
		case '?':
			return 1;
		case 'c':
			counts = true;
			break;
		case 'd':
			repeated = true;
			break;
		case 'u':
			single = true;
			break;
		case 'i':
			fold = true;
			break;
		case 'f':
			skip = strtoul(o.value, NULL, 10);
			break;
		default:
			break;
		}
	}
	if (o.at + 1 < call->argc)
		call->argv[o.at + 1] = NULL;
	lines_begin(&l, call, call->argv + o.at);
	for (;;) {
		bool more = lines_next(&l), same;
		const char *a = before.data != NULL ? before.data : "";
		const char *b = l.line.data != NULL ? l.line.data : "";

		for (unsigned long i = 0; i < skip; i++) {
			a += strspn(a, " \t");
			a += strcspn(a, " \t");
			b += strspn(b, " \t");
			b += strcspn(b, " \t");
		}
		same = more && any && (fold ? strcasecmp(a, b) : strcmp(a, b)) == 0;
		if (same) {
			times++;
			continue;
		}
		if (any && !(repeated && times < 2) && !(single && times > 1)) {
			if (counts)
				outf(p, "%7lu ", times);
			grow_char(p, &before, '\n');
			out(p, 1, before.data, before.size);
		}
		if (!more)
			break;
		before.size = 0;
		grow(p, &before, l.line.data, l.line.size);
		times = 1;
		any = true;
	}
	return l.status;
}

/* ---- seq, yes, rev, tac, nl ---- */

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

/* ---- grep ---- */

/* A pattern that could make the matcher use gigabytes is refused. */
static bool is_modest(const char *pattern)
{
	unsigned braces = 0;

	for (const char *c = pattern; *c != '\0'; c++)
		braces += *c == '{';
	return strlen(pattern) <= 512 && braces <= 2;
}

struct grepping {
	regex_t expressions[16];
	const char *words[16];
	size_t count;
	bool fixed, fold, whole_line, word;
};

static bool fixed_matches(const struct grepping *g, const char *line, const char *word)
{
	if (g->whole_line)
		return (g->fold ? strcasecmp(line, word) : strcmp(line, word)) == 0;
	return (g->fold ? strcasestr(line, word) : strstr(line, word)) != NULL;
}

static bool is_word_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Does the line match any? Where: from `*from`, `*size` bytes. */
static bool grep_matches(const struct grepping *g, const char *line, size_t start, size_t *from,
			 size_t *size)
{
	for (size_t i = 0; i < g->count; i++) {
		regmatch_t match;
		const char *at = line + start, *found = NULL;
		int flags = start > 0 ? REG_NOTBOL : 0;

		if (g->fixed) {
			if (g->whole_line ? fixed_matches(g, line, g->words[i])
					  : (found = g->fold ? strcasestr(at, g->words[i])
							     : strstr(at, g->words[i])) != NULL) {
				*from = g->whole_line ? 0 : (size_t)(found - line);
				*size = strlen(g->words[i]);
				return true;
			}
			continue;
		}
		while (regexec(&g->expressions[i], at, 1, &match, flags) == 0) {
			size_t begin = (size_t)(at - line) + (size_t)match.rm_so,
			       end = (size_t)(at - line) + (size_t)match.rm_eo;
			bool good = true;

			if (g->whole_line)
				good = begin == 0 && line[end] == '\0';
			if (g->word)
				good = (begin == 0 || !is_word_character(line[begin - 1])) &&
				       !is_word_character(line[end]);
			if (good) {
				*from = begin;
				*size = end - begin;
				return true;
			}
			if (match.rm_eo == 0 || at[match.rm_so] == '\0' || g->whole_line)
				break;
			at += match.rm_so + 1;
			flags = REG_NOTBOL;
		}
	}
	return false;
}

static bool grep_add(struct grepping *g, struct call *call, const char *pattern, bool extended)
{
	char text[600];
	int code;

	if (g->count == HIN_COUNT(g->words) || !is_modest(pattern)) {
		(void)complain(call, "Regular expression too big");
		return false;
	}
	g->words[g->count] = pattern;
	if (g->fixed) {
		g->count++;
		return true;
	}
	snprintf(text, sizeof(text), "%s", pattern);
	code = regcomp(&g->expressions[g->count], text,
		       (extended ? REG_EXTENDED : 0) | (g->fold ? REG_ICASE : 0));
	if (code != 0) {
		char why[128];

		regerror(code, &g->expressions[g->count], why, sizeof(why));
		if (is_busybox(call->p))
			(void)complain(call, "bad regex '%s': %s", pattern, why);
		else
			(void)complain(call, "%s", why);
		return false;
	}
	g->count++;
	return true;
}

static bool grep_add_lines(struct grepping *g, struct call *call, const char *patterns,
			   bool extended)
{
	while (*patterns != '\0' || g->count == 0) {
		size_t size = strcspn(patterns, "\n");

		if (!grep_add(g, call, text_of(call->p, patterns, size), extended))
			return false;
		patterns += size + (patterns[size] == '\n');
		if (size == 0)
			break;
	}
	return true;
}

/* The regular expressions are the only memory here that is no process'; so nothing may die between.
 */
struct grep_options {
	bool extended, invert, count, list, list_without, quiet, only, number, names, no_names,
		recursive, silent;
	unsigned long most;
};

static int grep_files(struct call *call, const struct grepping *g, const struct grep_options *o,
		      char **names)
{
	struct process *p = call->p;
	struct lines l;
	bool any = false, several = (names[0] != NULL && names[1] != NULL) || o->names;
	int status = 0;

	if (o->no_names)
		several = false;
	lines_begin(&l, call, names);
	while (lines_file(&l)) {
		unsigned long hits = 0, line = 0;
		struct file *this = l.file;
		const char *shown = strcmp(l.name, "-") == 0 ? "(standard input)" : l.name;

		while (l.file == this && (o->most == 0 || hits < o->most)) {
			size_t from = 0, size = 0;
			const char *text;
			bool matches;

			if (!line_of_file(&l))
				break;
			line++;
			text = l.line.data != NULL ? l.line.data : "";
			matches = grep_matches(g, text, 0, &from, &size);
			if (matches == o->invert)
				continue;
			hits++;
			any = true;
			if (o->quiet)
				return 0;
			if (o->count || o->list || o->list_without) {
				if (o->list)
					break;
				continue;
			}
			for (;;) {
				if (o->only && (o->invert || size == 0))
					break;
				if (several)
					outf(p, "%s:", shown);
				if (o->number)
					outf(p, "%lu:", line);
				if (!o->only) {
					outf(p, "%s\n", text);
					break;
				}
				outf(p, "%.*s\n", (int)size, text + from);
				if (!grep_matches(g, text, from + size, &from, &size))
					break;
			}
		}
		if (o->count && several)
			outf(p, "%s:%lu\n", shown, hits);
		else if (o->count)
			outf(p, "%lu\n", hits);
		if ((o->list && hits > 0) || (o->list_without && hits == 0))
			outf(p, "%s\n", shown);
	}
	if (l.status != 0)
		status = 2;
	return any && status == 0 ? 0 : status != 0 ? status : 1;
}

static int do_grep(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct grepping *g = memory_of(p, sizeof(*g));
	struct grep_options how = { .extended = call->argv[0][0] == 'e' };
	const char *patterns[8];
	size_t count = 0;
	int letter, status;

	g->fixed = call->argv[0][0] == 'f';
	while ((letter = option_next(&o, "EFGivclLqonshHrRwxe:f:m:A:B:C:aI")) != -1) {
		switch (letter) {
		case '?':
			return 2;
		case 'E':
			how.extended = true;
			break;
		case 'F':
			g->fixed = true;
			break;
		case 'i':
			g->fold = true;
			break;
		case 'v':
			how.invert = true;
			break;
		case 'c':
			how.count = true;
			break;
		case 'l':
			how.list = true;
			break;
		case 'L':
			how.list_without = true;
			break;
		case 'q':
			how.quiet = true;
			break;
		case 'o':
			how.only = true;
			break;
		case 'n':
			how.number = true;
			break;
		case 'h':
			how.no_names = true;
			break;
		case 'H':
			how.names = true;
			break;
		case 'w':
			g->word = true;
			break;
		case 'x':
			g->whole_line = true;
			break;
		case 'e':
			if (count < HIN_COUNT(patterns))
				patterns[count++] = o.value;
			break;
		case 'm':
			how.most = strtoul(o.value, NULL, 10);
			break;
		default:
			break;
		}
	}
	if (count == 0) {
		if (o.at >= call->argc) {
			errf(p, "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for "
				"more information.\n");
			return 2;
		}
		patterns[count++] = call->argv[o.at++];
	}
	for (size_t i = 0; i < count; i++)
		if (!grep_add_lines(g, call, patterns[i], how.extended)) {
			while (!g->fixed && g->count > 0)
				regfree(&g->expressions[--g->count]);
			return 2;
		}
	regex_kept(p, g->fixed ? NULL : g->expressions, g->count);
	status = grep_files(call, g, &how, call->argv + o.at);
	regex_done(p);
	return status;
}

/* ---- digests and encodings ---- */

static int do_digest(struct call *call)
{
	struct process *p = call->p;
	const EVP_MD *md = strncmp(call->argv[0], "md5", 3) == 0      ? EVP_md5()
			   : strncmp(call->argv[0], "sha1", 4) == 0   ? EVP_sha1()
			   : strncmp(call->argv[0], "sha512", 6) == 0 ? EVP_sha512()
								      : EVP_sha256();
	struct options o = { .call = call };
	struct lines l;
	int letter;

	while ((letter = option_next(&o, "btcw")) != -1)
		if (letter == '?')
			return 1;
	lines_begin(&l, call, call->argv + o.at);
	while (lines_file(&l)) {
		struct piece *mark = p->pieces;
		unsigned char digest[EVP_MAX_MD_SIZE];
		unsigned size = 0;
		size_t length;
		const char *text = file_slurp(p, l.file, &length);

		if (EVP_Digest(text, length, digest, &size, md, NULL) != 1)
			return 1;
		for (unsigned i = 0; i < size; i++)
			outf(p, "%02x", digest[i]);
		outf(p, "  %s\n", l.name);
		memory_back(p, mark);
	}
	return l.status;
}

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c != '\0' ? strchr(digits, c) : NULL;

	return found != NULL ? (int)(found - digits) : -1;
}

static int do_base64(struct call *call)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct process *p = call->p;
	struct options o = { .call = call };
	unsigned long wrap = 76;
	bool decode = false;
	struct file *file;
	struct growing made = { 0 };
	const unsigned char *text;
	size_t size;
	int letter;

	while ((letter = option_next(&o, "dDiw:")) != -1) {
		if (letter == '?')
			return 1;
		decode |= letter == 'd' || letter == 'D';
		if (letter == 'w')
			wrap = strtoul(o.value, NULL, 10);
	}
	if (o.at < call->argc && strcmp(call->argv[o.at], "--decode") == 0)
		decode = true;
	file = open_input(call, o.at < call->argc ? call->argv[o.at] : "-");
	if (file == NULL)
		return 1;
	text = (const unsigned char *)file_slurp(p, file, &size);
	file_done(p, file);
	if (!decode) {
		for (size_t i = 0, column = 0; i < size; i += 3) {
			uint32_t word = (uint32_t)text[i] << 16 |
					(i + 1 < size ? (uint32_t)text[i + 1] << 8 : 0) |
					(i + 2 < size ? text[i + 2] : 0);
			size_t count = size - i;

			for (unsigned k = 0; k < 4; k++) {
				char digit = digits[word >> (18 - 6 * k) & 63];

				if (k > count)
					digit = '=';
				grow_char(p, &made, digit);
				if (wrap > 0 && ++column == wrap) {
					grow_char(p, &made, '\n');
					column = 0;
				}
			}
			if (i + 3 >= size && wrap > 0 && column > 0)
				grow_char(p, &made, '\n');
		}
		out(p, 1, made.data, made.size);
		return 0;
	}
	{
		uint32_t word = 0;
		unsigned count = 0;

		for (size_t i = 0; i < size; i++) {
			int value = base64_value((char)text[i]);

			if (text[i] == '=' || text[i] == '\n' || text[i] == '\r')
				continue;
			if (value < 0) {
				out(p, 1, made.data, made.size);
				return complain(call, is_busybox(p) ? "truncated input"
								    : "invalid input");
			}
			word = word << 6 | (uint32_t)value;
			if (++count == 4) {
				grow_char(p, &made, (char)(word >> 16));
				grow_char(p, &made, (char)(word >> 8));
				grow_char(p, &made, (char)word);
				count = 0;
				word = 0;
			}
		}
		if (count >= 2)
			grow_char(p, &made, (char)(word >> (count == 2 ? 4 : 10)));
		if (count == 3)
			grow_char(p, &made, (char)(word >> 2));
		out(p, 1, made.data, made.size);
	}
	return 0;
}

const struct command text_applets[] = {
	{ "base64", do_base64, false },
	{ "cat", do_cat, false },
	{ "cut", do_cut, false },
	{ "egrep", do_grep, false },
	{ "fgrep", do_grep, false },
	{ "grep", do_grep, false },
	{ "head", do_head, false },
	{ "md5sum", do_digest, false },
	{ "nl", do_nl, false },
	{ "rev", do_rev, false },
	{ "sed", applet_sed, false },
	{ "seq", do_seq, false },
	{ "sha1sum", do_digest, false },
	{ "sha256sum", do_digest, false },
	{ "sha512sum", do_digest, false },
	{ "sort", do_sort, false },
	{ "tac", do_tac, false },
	{ "tail", do_tail, false },
	{ "tee", do_tee, false },
	{ "tr", do_tr, false },
	{ "uniq", do_uniq, false },
	{ "wc", do_wc, false },
	{ "yes", do_yes, false },
	{ NULL, NULL, false },
};
