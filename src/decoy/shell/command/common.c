/* common - what many commands need: options, messages, lines of files. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

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
	case ETIMEDOUT:
		return "Connection timed out";
	case ECONNREFUSED:
		return "Connection refused";
	case ENETUNREACH:
		return "Network is unreachable";
	case EHOSTUNREACH:
		return "No route to host";
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

/* The letter of a long option, from "recursive=r file=f"; 0: none. */
static char long_option(struct options *o, const char *word, const char **value)
{
	size_t size = strcspn(word, "=");

	*value = word[size] == '=' ? word + size + 1 : NULL;
	for (const char *at = o->names; at != NULL && *at != '\0';) {
		size_t name = strcspn(at, "=");

		if (name >= size && strncmp(at, word, size) == 0)
			return at[name + 1];
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return '\0';
}

static int wrong_option(struct options *o, const char *word, char letter)
{
	struct call *call = o->call;

	if (is_busybox(call->p)) {
		if (word != NULL)
			(void)complain(call, "unrecognized option '--%s'", word);
		else
			(void)complain(call, "invalid option -- '%c'", letter);
		(void)tell_usage(call, false);
		return '?';
	}
	if (word != NULL)
		(void)complain_usage(call, "unrecognized option '--%s'", word);
	else
		(void)complain_usage(call, "invalid option -- '%c'", letter);
	return '?';
}

static int note(struct options *o, char letter)
{
	unsigned at = (unsigned char)letter & 127;

	o->seen[at / 64] |= UINT64_C(1) << at % 64;
	return letter;
}

/* "--name", "--name=value" or "--name value". */
static int next_long(struct options *o, const char *letters, const char *word)
{
	char letter = long_option(o, word, &o->value);
	const char *found = letter != '\0' ? strchr(letters, letter) : NULL;

	o->at++;
	if (found == NULL)
		return wrong_option(o, word, '\0');
	if (found[1] == ':' && o->value == NULL) {
		o->value = o->at < o->call->argc ? o->call->argv[o->at++] : NULL;
		if (o->value == NULL) {
			(void)complain_usage(o->call, "option '--%s' requires an argument", word);
			return '?';
		}
	}
	return note(o, letter);
}

/* The value of an option: the rest of its word, or the next word. */
static int take_value(struct options *o, char letter, const char *word)
{
	struct call *call = o->call;

	o->value = word;
	if (word == NULL)
		o->value = o->at < call->argc ? call->argv[o->at] : NULL;
	o->at++;
	o->inside = 0;
	if (o->value != NULL)
		return note(o, letter);
	(void)complain_usage(call, "option requires an argument -- '%c'", letter);
	if (is_busybox(call->p))
		(void)tell_usage(call, false);
	return '?';
}

/* Is the command one of those, with a space around each? */
static bool is_one_of(const struct call *call, const char *names)
{
	return strstr(names, format_of(call->p, " %s ", name_of(call->argv[0]))) != NULL;
}

/* Has the option word `word` its value in the next word? */
static bool wants_next(struct options *o, const char *letters, const char *word)
{
	const char *value = NULL, *found;

	if (word[1] == '-') {
		char letter = long_option(o, word + 2, &value);

		found = letter != '\0' ? strchr(letters, letter) : NULL;
		return found != NULL && found[1] == ':' && value == NULL;
	}
	for (const char *c = word + 1; *c != '\0'; c++) {
		found = *c != ':' ? strchr(letters, *c) : NULL;
		if (found != NULL && found[1] == ':')
			return c[1] == '\0';
	}
	return false;
}

/*
 * An operand stands at o->at: bring the next option before it, as getopt(3) of GNU does. What runs
 * other commands leaves the options to them.
 */
static bool permute(struct options *o, const char *letters)
{
	struct call *call = o->call;
	int from = o->at;

	if (is_one_of(call,
		      " env nohup nice setsid ionice chrt taskset stdbuf chroot timeout time watch "
		      "xargs sudo su ssh dbclient awk gawk mawk unshare setarch ip nslookup "))
		return false;
	while (from < call->argc && (call->argv[from][0] != '-' || call->argv[from][1] == '\0'))
		from++;
	if (from >= call->argc || strcmp(call->argv[from], "--") == 0)
		return false;
	for (int n = wants_next(o, letters, call->argv[from]) && from + 1 < call->argc ? 2 : 1,
		 to = o->at;
	     n > 0; n--, from++, to++) {
		char *word = call->argv[from];

		memmove(call->argv + to + 1, call->argv + to, (size_t)(from - to) * sizeof(char *));
		call->argv[to] = word;
	}
	return true;
}

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
		if (word == NULL)
			return -1;
		if (word[0] != '-' || word[1] == '\0') {
			if (!permute(o, letters))
				return -1;
			word = call->argv[o->at];
		}
		if (strcmp(word, "--") == 0) {
			o->at++;
			return -1;
		}
		if (word[1] == '-')
			return next_long(o, letters, word + 2);
		o->inside = 1;
	}
	word = call->argv[o->at];
	letter = word[o->inside++];
	found = letter != ':' ? strchr(letters, letter) : NULL;
	word = word[o->inside] != '\0' ? word + o->inside : NULL;
	if (word == NULL)
		o->at++;
	if (found != NULL && found[1] == ':')
		return take_value(o, letter, word) == '?' ? '?' : letter;
	if (word == NULL)
		o->inside = 0;
	return found != NULL ? note(o, letter) : wrong_option(o, NULL, letter);
}

bool options_read(struct options *o, const char *letters)
{
	int letter;

	while ((letter = option_next(o, letters)) != -1)
		if (letter == '?')
			return false;
	return true;
}

bool option_has(const struct options *o, char letter)
{
	unsigned at = (unsigned char)letter & 127;

	return (o->seen[at / 64] >> at % 64 & 1) != 0;
}

char **operands(const struct options *o)
{
	if (o->at < o->call->argc)
		return o->call->argv + o->at;
	if (is_busybox(o->call->p))
		(void)tell_usage(o->call, false);
	else
		(void)complain_usage(o->call, "missing operand");
	return NULL;
}

int complain_usage(const struct call *call, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	errf(call->p, "%s: %s\n", call->argv[0], text);
	if (!is_busybox(call->p))
		errf(call->p, "Try '%s --help' for more information.\n", call->argv[0]);
	return 1;
}

int complain_path(const struct call *call, const char *what, const char *path, int fault)
{
	if (is_busybox(call->p))
		return complain(call, "%s: %s", path, error_text(fault));
	return complain(call, "%s '%s': %s", what, path, error_text(fault));
}

unsigned long long size_of(const char *text)
{
	static const char units[] = "bkmgt";
	static const unsigned shifts[] = { 9, 10, 20, 30, 40 };
	char *end;
	unsigned long long value = strtoull(text, &end, 10);
	const char *unit = *end != '\0' ? strchr(units, tolower((unsigned char)*end)) : NULL;
	unsigned shift = unit != NULL ? shifts[unit - units] : 0;

	return value > UINT64_MAX >> shift ? UINT64_MAX : value << shift;
}

char *slurp_name(struct call *call, const char *name, size_t *size)
{
	struct file *file = open_input(call, name);
	char *text;

	if (file == NULL)
		return NULL;
	text = file_slurp(call->p, file, size);
	file_done(call->p, file);
	return text;
}

void wait_ms(struct process *p, int64_t ms)
{
	if (ms > 0)
		task_block(p, TASK_SLEEPS, NULL, now_us(p) + ms * 1000);
}

int64_t now_s(const struct process *p)
{
	return now_us(p) / 1000000;
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
	if (is_busybox(call->p) && !is_one_of(call, " head wc sort grep fgrep egrep tac nl rev du "
						    "strings cut comm paste "))
		(void)complain(call, "can't open '%s': %s", name, error_text(fault));
	else if (!is_busybox(call->p) && is_one_of(call, " head tail tac "))
		(void)complain(call, "cannot open '%s' for reading: %s", name, error_text(fault));
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

bool quit_pressed(struct process *p, int64_t ms)
{
	struct file *in = p->fds[0];
	int64_t until = now_us(p) + ms * 1000;
	char c = '\0';

	if (in == NULL || in->type != FILE_INPUT) {
		wait_ms(p, ms);
		return false;
	}
	while (now_us(p) < until) {
		task_block(p, TASK_READS_UNTIL, in, until);
		if (in->channel->data.used == in->channel->at && in->channel->writers > 0 &&
		    !p->shell->input_ended)
			continue;
		if (file_read(p, in, &c, 1) <= 0 || c == 'q' || c == 'Q')
			return true;
	}
	return false;
}

char *slurp_part(struct call *call, const char *name, unsigned long long most, size_t *size)
{
	struct process *p = call->p;
	struct growing g = { 0 };
	struct file *file;
	char block[4096];
	int64_t got = 1;

	if (most > (unsigned long long)1 << 24)
		return slurp_name(call, name, size);
	file = open_input(call, name);
	if (file == NULL)
		return NULL;
	grow(p, &g, "", 0);
	while (g.size < most && got > 0) {
		size_t left = (size_t)most - g.size;

		got = file_read(p, file, block, left < sizeof(block) ? left : sizeof(block));
		if (got > 0)
			grow(p, &g, block, (size_t)got);
	}
	file_done(p, file);
	*size = g.size;
	return g.data;
}
