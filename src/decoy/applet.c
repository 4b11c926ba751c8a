/* applet - the commands of an imitated machine: their table, and those that shells have inside. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell_priv.h"

const char *error_text(int fault)
{
	switch (-fault) {
	case EPERM:
		return "Operation not permitted";
	case ENOENT:
		return "No such file or directory";
	case ENXIO:
		return "No such device or address";
	case EBADF:
		return "Bad file descriptor";
	case EACCES:
		return "Permission denied";
	case EEXIST:
		return "File exists";
	case ENOTDIR:
		return "Not a directory";
	case EISDIR:
		return "Is a directory";
	case EINVAL:
		return "Invalid argument";
	case EFBIG:
		return "File too large";
	case ENOSPC:
		return "No space left on device";
	case EROFS:
		return "Read-only file system";
	case ENAMETOOLONG:
		return "File name too long";
	case ENOTEMPTY:
		return "Directory not empty";
	case ELOOP:
		return "Too many levels of symbolic links";
	default:
		return "Input/output error";
	}
}

int complain(const struct call *call, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	errf(call->p, "%s: %s\n", call->argv[0], text);
	return 1;
}

/* ---- what many of them need ---- */

int option_next(struct options *o, const char *letters)
{
	struct call *call = o->call;
	const char *word, *found;
	char letter;

	if (o->at == 0)
		o->at = 1;
	o->value = NULL;
	if (o->inside == 0) {
		word = o->at < call->argc ? call->argv[o->at] : NULL;
		if (word == NULL || word[0] != '-' || word[1] == '\0')
			return -1;
		if (strcmp(word, "--") == 0) {
			o->at++;
			return -1;
		}
		o->inside = 1;
	}
	word = call->argv[o->at];
	letter = word[o->inside++];
	found = letter != ':' ? strchr(letters, letter) : NULL;
	if (word[o->inside] == '\0') {
		o->at++;
		word = NULL;
	}
	if (found != NULL && found[1] == ':') {
		if (word != NULL)
			o->value = word + o->inside;
		else
			o->value = o->at < call->argc ? call->argv[o->at] : NULL;
		o->at++;
		if (o->value == NULL) {
			(void)complain(call, "option requires an argument -- '%c'", letter);
			return '?';
		}
		o->inside = 0;
		return letter;
	}
	if (word == NULL)
		o->inside = 0;
	if (found == NULL) {
		(void)complain(call,
			       is_busybox(call->p) ? "unrecognized option: %c"
						   : "invalid option -- '%c'",
			       letter);
		if (!is_busybox(call->p))
			errf(call->p, "Try '%s --help' for more information.\n", call->argv[0]);
		return '?';
	}
	return letter;
}

struct file *open_input(struct call *call, const char *name)
{
	struct file *file;
	int fault;

	if (strcmp(name, "-") == 0)
		return call->p->fds[0] != NULL ? file_owned(call->p, file_ref(call->p->fds[0]))
					       : NULL;
	fault = file_open(call->p, name, OPEN_READ, 0, &file);
	if (fault == 0)
		return file_owned(call->p, file);
	if (is_busybox(call->p))
		(void)complain(call, "can't open '%s': %s", name, error_text(fault));
	else
		(void)complain(call, "%s: %s", name, error_text(fault));
	return NULL;
}

static char standard_input[] = "-";

void lines_begin(struct lines *l, struct call *call, char **names)
{
	static char *only_input[] = { standard_input, NULL };

	memset(l, 0, sizeof(*l));
	l->call = call;
	l->names = names[0] != NULL ? names : only_input;
}

bool lines_file(struct lines *l)
{
	struct process *p = l->call->p;

	file_done(p, l->file);
	l->file = NULL;
	l->at = l->used = 0;
	while (*l->names != NULL) {
		l->name = *l->names++;
		l->file = open_input(l->call, l->name);
		l->number++;
		l->fresh = true;
		if (l->file != NULL)
			return true;
		l->status = 1;
	}
	return false;
}

bool line_of_file(struct lines *l)
{
	struct process *p = l->call->p;

	l->line.size = 0;
	l->newline = false;
	for (;;) {
		const char *end;
		size_t size;

		if (l->at == l->used) {
			int64_t got = file_read(p, l->file, l->block, sizeof(l->block));

			if (got < 0) {
				(void)complain(l->call, "%s: %s",
					       is_busybox(p) ? "read error" : l->name,
					       error_text((int)got));
				l->status = 1;
			}
			if (got <= 0)
				return l->line.size > 0;
			l->at = 0;
			l->used = (size_t)got;
		}
		end = memchr(l->block + l->at, '\n', l->used - l->at);
		size = end != NULL ? (size_t)(end - l->block) - l->at : l->used - l->at;
		grow(p, &l->line, l->block + l->at, size);
		l->at += size + (end != NULL);
		if (end != NULL) {
			l->newline = true;
			return true;
		}
	}
}

bool lines_next(struct lines *l)
{
	while (l->file != NULL || lines_file(l)) {
		if (line_of_file(l))
			return true;
		if (!lines_file(l))
			return false;
	}
	return false;
}

/* ---- echo and printf ---- */

/*
 * One escape behind a backslash, as echo and printf have them; returns where it ends. A "\c" ends
 * all output.
 */
static const char *put_escape(struct process *p, struct growing *b, const char *at, bool echo,
			      bool *end)
{
	static const char from[] = "abfnrtv\\", to[] = "\a\b\f\n\r\t\v\\";
	const char *known = *at != '\0' ? strchr(from, *at) : NULL;
	unsigned value = 0, digits = 0;

	if (known != NULL) {
		grow_char(p, b, to[known - from]);
		return at + 1;
	}
	if (*at == 'c' && echo) {
		*end = true;
		return at + 1;
	}
	if (*at == 'x' && is_busybox(p) && isxdigit((unsigned char)at[1])) {
		for (at++; digits < 2 && isxdigit((unsigned char)*at); at++, digits++)
			value = value * 16 +
				(unsigned)(isdigit((unsigned char)*at)
						   ? *at - '0'
						   : tolower((unsigned char)*at) - 'a' + 10);
		grow_char(p, b, (char)value);
		return at;
	}
	if (*at >= '0' && *at <= '7') {
		unsigned most = *at == '0' && echo ? 4 : 3;

		for (; digits < most && *at >= '0' && *at <= '7'; at++, digits++)
			value = value * 8 + (unsigned)(*at - '0');
		grow_char(p, b, (char)value);
		return at;
	}
	grow_char(p, b, '\\');
	return at;
}

static int do_echo(struct call *call)
{
	struct process *p = call->p;
	struct growing b = { 0 };
	bool newline = true, escapes = !is_busybox(p), end = false;
	int at = 1;

	for (; at < call->argc && call->argv[at][0] == '-' && call->argv[at][1] != '\0'; at++) {
		const char *letters = is_busybox(p) ? "neE" : "n";

		if (strspn(call->argv[at] + 1, letters) != strlen(call->argv[at] + 1) ||
		    (!is_busybox(p) && strcmp(call->argv[at], "-n") != 0))
			break;
		for (const char *c = call->argv[at] + 1; *c != '\0'; c++) {
			if (*c == 'n')
				newline = false;
			else
				escapes = *c == 'e';
		}
		if (!is_busybox(p)) {
			at++;
			break;
		}
	}
	for (int first = at; at < call->argc && !end; at++) {
		if (at > first)
			grow_char(p, &b, ' ');
		for (const char *c = call->argv[at]; *c != '\0' && !end;) {
			if (*c == '\\' && escapes) {
				c = put_escape(p, &b, c + 1, true, &end);
			} else {
				grow_char(p, &b, *c++);
			}
		}
	}
	if (newline && !end)
		grow_char(p, &b, '\n');
	out(p, 1, b.data, b.size);
	return 0;
}

/* What a printf command works on. */
struct printing {
	struct call *call;
	struct growing out;
	int at; /* the next argument */
	int status;
	bool end, used;
};

static const char *next_argument(struct printing *pr)
{
	if (pr->at >= pr->call->argc)
		return NULL;
	pr->used = true;
	return pr->call->argv[pr->at++];
}

/* The number that an argument is; "'c" is a character's. */
static long long number_argument(struct printing *pr)
{
	const char *text = next_argument(pr);
	char *end;
	long long value;

	if (text == NULL || text[0] == '\0') {
		if (is_busybox(pr->call->p)) {
			pr->status = 1;
			errf(pr->call->p, "%s: invalid number ''\n", pr->call->p->name);
		}
		return 0;
	}
	if (text[0] == '\'' || text[0] == '"')
		return (unsigned char)text[1];
	errno = 0;
	value = strtoll(text, &end, 0);
	if (errno == ERANGE && text[0] != '-')
		value = (long long)strtoull(text, &end, 0);
	if (end == text) {
		pr->status = 1;
		if (is_busybox(pr->call->p))
			errf(pr->call->p, "%s: invalid number '%s'\n", pr->call->p->name, text);
		else
			shell_error(pr->call->p, "printf: %s: expected numeric value", text);
	} else if (*end != '\0') {
		pr->status = 1;
		if (is_busybox(pr->call->p))
			errf(pr->call->p, "%s: invalid number '%s'\n", pr->call->p->name, text);
		else
			shell_error(pr->call->p, "printf: %s: not completely converted", text);
	}
	return value;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored                                                                     \
	"-Wformat-nonliteral" /* made here, of checked letters, for what follows */

/* One conversion, behind its "%". Returns where it ends. */
static const char *convert(struct printing *pr, const char *at)
{
	struct process *p = pr->call->p;
	char spec[64] = "%";
	size_t size = 1;
	int width = 0, precision = -1;
	const char *text;

	while (*at != '\0' && strchr("-+ #0", *at) != NULL && size < 8)
		spec[size++] = *at++;
	if (*at == '*') {
		width = (int)number_argument(pr);
		at++;
	} else {
		while (isdigit((unsigned char)*at) && width < 100000)
			width = width * 10 + (*at++ - '0');
	}
	if (*at == '.') {
		at++;
		precision = 0;
		if (*at == '*') {
			precision = (int)number_argument(pr);
			at++;
		} else {
			while (isdigit((unsigned char)*at) && precision < 100000)
				precision = precision * 10 + (*at++ - '0');
		}
	}
	if (width > 65536)
		width = 65536;
	if (precision > 65536)
		precision = 65536;
	while (*at != '\0' && strchr("lhjzt", *at) != NULL)
		at++;
	memcpy(spec + size, "*.*", 4);
	size += 3;
	switch (*at) {
	case 'd':
	case 'i':
		memcpy(spec + size, "lld", 4);
		grow_format(p, &pr->out, spec, width, precision, number_argument(pr));
		return at + 1;
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		snprintf(spec + size, sizeof(spec) - size, "ll%c", *at);
		grow_format(p, &pr->out, spec, width, precision,
			    (unsigned long long)number_argument(pr));
		return at + 1;
	case 'c':
		text = next_argument(pr);
		memcpy(spec + size - 3, "*c", 3);
		if (text != NULL && text[0] != '\0')
			grow_format(p, &pr->out, spec, width, text[0]);
		return at + 1;
	case 's':
		memcpy(spec + size, "s", 2);
		text = next_argument(pr);
		grow_format(p, &pr->out, spec, width, precision, text != NULL ? text : "");
		return at + 1;
	case 'b': {
		struct growing b = { 0 };

		text = next_argument(pr);
		for (text = text != NULL ? text : ""; *text != '\0' && !pr->end;)
			if (*text == '\\')
				text = put_escape(p, &b, text + 1, true, &pr->end);
			else
				grow_char(p, &b, *text++);
		grow(p, &pr->out, b.data, b.size);
		for (int n = (int)b.size; n < width; n++)
			grow_char(p, &pr->out, ' ');
		return at + 1;
	}
	case 'f':
	case 'F':
	case 'e':
	case 'E':
	case 'g':
	case 'G': {
		double value;
		char *end;

		snprintf(spec + size, sizeof(spec) - size, "%c", *at);
		text = next_argument(pr);
		value = text != NULL ? strtod(text, &end) : 0;
		grow_format(p, &pr->out, spec, width, precision, value);
		return at + 1;
	}
	case '%':
		grow_char(p, &pr->out, '%');
		return at + 1;
	default:
		pr->end = true;
		pr->status = is_busybox(pr->call->p) ? 1 : 2;
		if (is_busybox(pr->call->p))
			errf(pr->call->p, "%s: %%%c: invalid format\n", pr->call->p->name, *at);
		else
			shell_error(pr->call->p, "printf: %%%.1s: invalid directive", at);
		return at;
	}
}

#pragma GCC diagnostic pop

static int do_printf(struct call *call)
{
	struct process *p = call->p;
	struct printing pr = { .call = call, .at = 2 };
	const char *format;

	if (call->argc > 1 && strcmp(call->argv[1], "--") == 0) {
		call->argv++;
		call->argc--;
	}
	if (call->argc < 2) {
		if (is_busybox(p)) {
			errf(p, "%s: usage: printf FORMAT [ARG]...\n", p->name);
			return 2;
		}
		shell_error(p, "printf: usage: printf format [arg ...]");
		return 2;
	}
	format = call->argv[1];
	do {
		pr.used = false;
		for (const char *at = format; *at != '\0' && !pr.end;) {
			if (*at == '\\')
				at = put_escape(p, &pr.out, at + 1, false, &pr.end);
			else if (*at == '%')
				at = convert(&pr, at + 1);
			else
				grow_char(p, &pr.out, *at++);
		}
	} while (pr.at < call->argc && pr.used && !pr.end);
	out(p, 1, pr.out.data, pr.out.size);
	return pr.status;
}

/* ---- test ---- */

/* A test that is being read: POSIX's rules by the number of arguments, and a grammar beyond. */
struct testing {
	struct call *call;
	int at, end;
	int status; /* 2: makes no sense */
};

static bool test_or(struct testing *t);

static int64_t test_number(struct testing *t, const char *text)
{
	char *end;
	int64_t value = strtoll(text, &end, 10);

	while (isspace((unsigned char)*end))
		end++;
	if (end == text || *end != '\0') {
		if (t->status == 0) {
			if (is_busybox(t->call->p))
				errf(t->call->p, "%s: %s: bad number\n", t->call->p->name, text);
			else
				shell_error(t->call->p, "%s: Illegal number: %s", t->call->argv[0],
					    text);
		}
		t->status = 2;
	}
	return value;
}

static bool test_file(struct testing *t, char what, const char *path)
{
	struct process *p = t->call->p;
	struct hin_fs_stat stat;
	uint32_t ino;

	if (hin_fs_find(p->shell->fs, &p->user, p->folder, path, what != 'h' && what != 'L',
			&ino) != 0)
		return false;
	hin_fs_stat(p->shell->fs, ino, &stat);
	switch (what) {
	case 'e':
		return true;
	case 'f':
		return stat.type == HIN_FS_FILE;
	case 'd':
		return stat.type == HIN_FS_DIRECTORY;
	case 'h':
	case 'L':
		return stat.type == HIN_FS_SYMLINK;
	case 'c':
		return stat.type == HIN_FS_CHARACTER;
	case 'b':
		return stat.type == HIN_FS_BLOCK;
	case 'p':
		return stat.type == HIN_FS_FIFO;
	case 'S':
		return stat.type == HIN_FS_SOCKET;
	case 's':
		return stat.size > 0;
	case 'r':
		return hin_fs_may(p->shell->fs, &p->user, ino, 4);
	case 'w':
		return hin_fs_may(p->shell->fs, &p->user, ino, 2);
	case 'x':
		return hin_fs_may(p->shell->fs, &p->user, ino, 1);
	case 'u':
		return (stat.mode & 04000) != 0;
	case 'g':
		return (stat.mode & 02000) != 0;
	case 'k':
		return (stat.mode & 01000) != 0;
	case 'O':
		return stat.uid == p->user.uid;
	default:
		return stat.gid == p->user.gid;
	}
}

static bool is_binary(const char *text)
{
	static const char *const words[] = { "=",   "==",  "!=",  "<",	 ">",	"-eq", "-ne",
					     "-gt", "-ge", "-lt", "-le", "-nt", "-ot", "-ef" };

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool test_binary(struct testing *t, const char *a, const char *op, const char *b)
{
	struct process *p = t->call->p;
	int64_t x, y;

	if (op[0] == '=')
		return strcmp(a, b) == 0;
	if (op[0] == '!')
		return strcmp(a, b) != 0;
	if (op[0] == '<')
		return strcmp(a, b) < 0;
	if (op[0] == '>')
		return strcmp(a, b) > 0;
	if (strcmp(op, "-nt") == 0 || strcmp(op, "-ot") == 0 || strcmp(op, "-ef") == 0) {
		struct hin_fs_stat one = { 0 }, other = { 0 };
		uint32_t i = 0, k = 0;
		bool is_one = hin_fs_find(p->shell->fs, &p->user, p->folder, a, true, &i) == 0;
		bool is_other = hin_fs_find(p->shell->fs, &p->user, p->folder, b, true, &k) == 0;

		if (is_one)
			hin_fs_stat(p->shell->fs, i, &one);
		if (is_other)
			hin_fs_stat(p->shell->fs, k, &other);
		if (op[1] == 'e')
			return is_one && is_other && i == k;
		if (op[1] == 'n')
			return is_one && is_other && one.mtime_s > other.mtime_s;
		return is_one && is_other && one.mtime_s < other.mtime_s;
	}
	x = test_number(t, a);
	if (t->status != 0)
		return false;
	y = test_number(t, b);
	switch (op[1] << 8 | op[2]) {
	case 'e' << 8 | 'q':
		return x == y;
	case 'n' << 8 | 'e':
		return x != y;
	case 'g' << 8 | 't':
		return x > y;
	case 'g' << 8 | 'e':
		return x >= y;
	case 'l' << 8 | 't':
		return x < y;
	default:
		return x <= y;
	}
}

static bool is_unary(const char *text)
{
	return text[0] == '-' && text[1] != '\0' && text[2] == '\0' &&
	       strchr("bcdefghkLnprsStuwxzOG", text[1]) != NULL;
}

static bool test_unary(struct testing *t, char what, const char *text)
{
	if (what == 'n')
		return text[0] != '\0';
	if (what == 'z')
		return text[0] == '\0';
	if (what == 't') {
		int64_t fd = test_number(t, text);

		return fd >= 0 && fd < FDS && t->call->p->fds[fd] != NULL && false;
	}
	return test_file(t, what, text);
}

static bool test_primary(struct testing *t)
{
	char **argv = t->call->argv;
	int left = t->end - t->at;
	bool value;

	if (left <= 0) {
		if (t->status == 0)
			t->status = 2;
		return false;
	}
	if (left >= 3 && is_binary(argv[t->at + 1])) {
		t->at += 3;
		return test_binary(t, argv[t->at - 3], argv[t->at - 2], argv[t->at - 1]);
	}
	if (strcmp(argv[t->at], "!") == 0 && left >= 2) {
		t->at++;
		return !test_primary(t);
	}
	if (strcmp(argv[t->at], "(") == 0 && left >= 3) {
		t->at++;
		value = test_or(t);
		if (t->at < t->end && strcmp(argv[t->at], ")") == 0)
			t->at++;
		else
			t->status = 2;
		return value;
	}
	if (is_unary(argv[t->at]) && left >= 2) {
		t->at += 2;
		return test_unary(t, argv[t->at - 2][1], argv[t->at - 1]);
	}
	return argv[t->at++][0] != '\0';
}

static bool test_and(struct testing *t)
{
	bool value = test_primary(t);

	while (t->at < t->end && strcmp(t->call->argv[t->at], "-a") == 0) {
		bool other;

		t->at++;
		other = t->at < t->end && test_primary(t);
		value = value && other;
	}
	return value;
}

static bool test_or(struct testing *t)
{
	bool value = test_and(t);

	while (t->at < t->end && strcmp(t->call->argv[t->at], "-o") == 0) {
		bool other;

		t->at++;
		other = t->at < t->end && test_and(t);
		value = value || other;
	}
	return value;
}

static int do_test(struct call *call)
{
	struct testing t = { .call = call, .at = 1, .end = call->argc };
	bool value;

	if (strcmp(call->argv[0], "[") == 0) {
		if (call->argc < 2 || strcmp(call->argv[call->argc - 1], "]") != 0) {
			if (is_busybox(call->p))
				errf(call->p, "%s: missing ]\n", call->p->name);
			else
				shell_error(call->p, "[: missing ]");
			return 2;
		}
		t.end--;
	}
	if (t.end == 1)
		return 1;
	if (t.end == 4 && is_binary(call->argv[2])) {
		value = test_binary(&t, call->argv[1], call->argv[2], call->argv[3]);
		return t.status != 0 ? t.status : !value;
	}
	value = test_or(&t);
	if (t.status == 0 && t.at < t.end) {
		if (is_busybox(call->p))
			errf(call->p, "%s: %s: unknown operand\n", call->p->name, call->argv[t.at]);
		else
			shell_error(call->p, "%s: %s: unexpected operator", call->argv[0],
				    call->argv[t.at]);
		return 2;
	}
	if (t.status == 2)
		return 2;
	if (is_busybox(call->p) && t.end > 1 &&
	    (strcmp(call->argv[t.end - 1], "-a") == 0 ||
	     strcmp(call->argv[t.end - 1], "-o") == 0) &&
	    t.end > 2) {
		errf(call->p, "%s: argument expected\n", call->p->name);
		return 2;
	}
	return !value;
}

/* ---- the table ---- */

static const struct command shell_applets[] = {
	{ "[", do_test, false },    { "echo", do_echo, false }, { "printf", do_printf, false },
	{ "test", do_test, false }, { NULL, NULL, false },
};

static const struct command *const tables[] = { shell_applets, file_applets, text_applets,
						system_applets };

const struct command *applet_find(const char *name)
{
	for (size_t t = 0; t < HIN_COUNT(tables); t++)
		for (const struct command *c = tables[t]; c->name != NULL; c++)
			if (strcmp(c->name, name) == 0)
				return c;
	return NULL;
}

const char *hin_shell_applet(size_t index)
{
	for (size_t t = 0; t < HIN_COUNT(tables); t++)
		for (const struct command *c = tables[t]; c->name != NULL; c++)
			if (index-- == 0)
				return c->name;
	return NULL;
}
