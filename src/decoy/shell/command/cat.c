/* cat - cat, tee, head, tail, wc. */
#include <ctype.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

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

const struct command cat_commands[] = {
	{ "cat", do_cat, false }, { "head", do_head, false }, { "tail", do_tail, false },
	{ "tee", do_tee, false }, { "wc", do_wc, false },     { NULL, NULL, false },
};
