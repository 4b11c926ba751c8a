/* attribute - modes and owners of files. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

/* The mode that `text` makes of `mode`; false for one that makes no sense. */
static bool mode_of(const struct process *p, const char *text, uint32_t *mode, bool folder)
{
	if (isdigit((unsigned char)text[0])) {
		char *end;

		*mode = (uint32_t)strtoul(text, &end, 8);
		return *end == '\0' && *mode <= 07777;
	}
	while (*text != '\0') {
		uint32_t who = 0, bits = 0, masked;
		char op;

		for (; *text != '\0' && strchr("ugoa", *text) != NULL; text++)
			who |= *text == 'u'   ? 04700u
			       : *text == 'g' ? 02070u
			       : *text == 'o' ? 01007u
					      : 07777u;
		masked = who == 0 ? p->umask : 0;
		if (who == 0)
			who = 07777;
		if (*text == '\0' || strchr("+-=", *text) == NULL)
			return false;
		op = *text++;
		for (; *text != '\0' && *text != ','; text++) {
			switch (*text) {
			case 'r':
				bits |= 0444;
				break;
			case 'w':
				bits |= 0222;
				break;
			case 'x':
				bits |= 0111;
				break;
			case 'X':
				bits |= folder || (*mode & 0111) ? 0111u : 0u;
				break;
			case 's':
				bits |= 06000;
				break;
			case 't':
				bits |= 01000;
				break;
			default:
				return false;
			}
		}
		bits &= who & ~masked;
		*mode = op == '+'   ? *mode | bits
			: op == '-' ? *mode & ~bits
				    : (*mode & ~(who & 0777)) | bits;
		text += *text == ',';
	}
	return true;
}

static void change_mode(struct call *call, const char *text, const char *path, uint32_t ino,
			bool recursive, int *status, unsigned depth)
{
	struct process *p = call->p;
	struct hin_fs_stat stat;
	uint32_t mode;

	hin_fs_stat(p->shell->fs, ino, &stat);
	mode = stat.mode;
	(void)mode_of(p, text, &mode, stat.type == HIN_FS_DIRECTORY);
	if (p->user.uid != 0 && p->user.uid != stat.uid)
		*status =
			is_busybox(p)
				? complain(call, "%s: Operation not permitted", path)
				: complain(call,
					   "changing permissions of '%s': Operation not permitted",
					   path);
	else if (hin_fs_set_mode(p->shell->fs, ino, mode) != 0)
		*status = complain(call, "%s: No space left on device", path);
	if (recursive && stat.type == HIN_FS_DIRECTORY && depth < 64) {
		struct fields names = names_of(p, ino);

		for (size_t i = 0; i < names.count; i++)
			change_mode(call, text, joined(p, path, names.items[i]),
				    hin_fs_child(p->shell->fs, ino, names.items[i]), true, status,
				    depth + 1);
	}
}

static int do_chmod(struct call *call)
{
	struct process *p = call->p;
	const char *mode;
	uint32_t checked = 0;
	bool recursive = false;
	int at = 1, status = 0;

	for (; at < call->argc && call->argv[at][0] == '-' &&
	       strchr("RvfcR", call->argv[at][1]) != NULL && call->argv[at][1] != '\0';
	     at++)
		recursive |= strchr(call->argv[at], 'R') != NULL;
	if (at >= call->argc)
		return complain(call, "missing operand\nTry 'chmod --help' for more information.");
	if (at + 1 >= call->argc)
		return complain(
			call,
			"missing operand after '%s'\nTry 'chmod --help' for more information.",
			call->argv[at]);
	mode = call->argv[at++];
	if (!mode_of(p, mode, &checked, false))
		return is_busybox(p) ? complain(call, "invalid mode '%s'", mode)
				     : complain(call,
						"invalid mode: '%s'\nTry 'chmod --help' for more "
						"information.",
						mode);
	for (; at < call->argc; at++) {
		uint32_t ino;
		int fault = path_find(p, call->argv[at], true, &ino);

		if (fault != 0)
			status = is_busybox(p) ? complain(call, "%s: %s", call->argv[at],
							  error_text(fault))
					       : complain(call, "cannot access '%s': %s",
							  call->argv[at], error_text(fault));
		else
			change_mode(call, mode, call->argv[at], ino, recursive, &status, 0);
	}
	return status;
}

static int do_chown(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	int letter, status = 0;
	uint32_t uid;

	while ((letter = option_next(&o, "Rhvfc")) != -1)
		if (letter == '?')
			return 1;
	if (o.at + 1 >= call->argc)
		return complain(call, "missing operand\nTry 'chown --help' for more information.");
	uid = (uint32_t)strtoul(call->argv[o.at], NULL, 10);
	for (o.at++; o.at < call->argc; o.at++) {
		uint32_t ino;
		int fault = path_find(p, call->argv[o.at], true, &ino);

		if (fault == 0 && p->user.uid != 0)
			fault = -EPERM;
		if (fault != 0)
			status = is_busybox(p) ? complain(call, "%s: %s", call->argv[o.at],
							  error_text(fault))
					       : complain(call,
							  fault == -EPERM
								  ? "changing ownership of '%s': %s"
								  : "cannot access '%s': %s",
							  call->argv[o.at], error_text(fault));
		else
			(void)hin_fs_set_owner(p->shell->fs, ino, uid, uid);
	}
	return status;
}

const struct command attribute_commands[] = {
	{ "chgrp", do_chown, false },
	{ "chmod", do_chmod, false },
	{ "chown", do_chown, false },
	{ NULL, NULL, false },
};
