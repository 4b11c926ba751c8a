/* test - test and [: POSIX's rules by the number of arguments, and a grammar beyond. */
#include <ctype.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

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

static bool is_binary(const struct process *p, const char *text)
{
	static const char *const words[] = { "=",   "==",  "!=",  "<",	 ">",	"-eq", "-ne",
					     "-gt", "-ge", "-lt", "-le", "-nt", "-ot", "-ef" };

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strcmp(text, words[i]) == 0)
			return p->dialect != HIN_SHELL_DASH || strcmp(text, "==") != 0;
	return false;
}

static bool test_binary(struct testing *t, const char *a, const char *op, const char *b)
{
	struct process *p = t->call->p;
	int64_t x, y;

	if (op[0] == '=' || op[0] == '!') {
		bool equal = strcmp(a, b) == 0;

		if (t->call->argv[0][0] == '[' && t->call->argv[0][1] == '[' && is_bash(p))
			equal |= pattern_matches(b, a);
		return equal == (op[0] == '=');
	}
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

		return fd >= 0 && fd < FDS && is_terminal(t->call->p, (int)fd);
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
	if (left >= 3 && is_binary(t->call->p, argv[t->at + 1])) {
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

	if (call->argv[0][0] == '[') {
		if (call->argc < 2 ||
		    strcmp(call->argv[call->argc - 1], call->argv[0][1] == '[' ? "]]" : "]") != 0) {
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
	if (t.end == 4 && is_binary(call->p, call->argv[2])) {
		value = test_binary(&t, call->argv[1], call->argv[2], call->argv[3]);
		return t.status != 0 ? t.status : !value;
	}
	value = test_or(&t);
	if (t.status == 0 && t.at < t.end) {
		if (is_busybox(call->p))
			errf(call->p, "%s: %s: unknown operand\n", call->p->name, call->argv[t.at]);
		else
			shell_error(
				call->p, "%s: %s: unexpected operator", call->argv[0],
				call->argv[t.end == 4 && strcmp(call->argv[2], "==") == 0 ? 1
											  : t.at]);
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

const struct command test_commands[] = {
	{ "[", do_test, false },
	{ "[[", do_test, false },
	{ "test", do_test, false },
	{ NULL, NULL, false },
};
