/* name - basename, dirname, readlink, realpath. */
#include <errno.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

static int do_basename(struct call *call)
{
	char *text;
	size_t size, suffix;

	if (call->argc < 2)
		return is_busybox(call->p) ? tell_usage(call, false)
					   : complain_usage(call, "missing operand");
	text = text_of(call->p, call->argv[1], strlen(call->argv[1]));
	size = strlen(text);
	while (size > 1 && text[size - 1] == '/')
		text[--size] = '\0';
	if (strcmp(text, "/") != 0 && strrchr(text, '/') != NULL)
		text = strrchr(text, '/') + 1;
	suffix = call->argc > 2 ? strlen(call->argv[2]) : 0;
	size = strlen(text);
	if (suffix > 0 && suffix < size && strcmp(text + size - suffix, call->argv[2]) == 0)
		text[size - suffix] = '\0';
	outf(call->p, "%s\n", text);
	return 0;
}

static int do_dirname(struct call *call)
{
	if (call->argc < 2)
		return is_busybox(call->p) ? tell_usage(call, false)
					   : complain_usage(call, "missing operand");
	for (int i = 1; i < call->argc; i++) {
		char *text = text_of(call->p, call->argv[i], strlen(call->argv[i]));
		size_t size = strlen(text);

		while (size > 1 && text[size - 1] == '/')
			size--;
		while (size > 0 && text[size - 1] != '/')
			size--;
		while (size > 1 && text[size - 1] == '/')
			size--;
		text[size] = '\0';
		outf(call->p, "%s\n", size > 0 ? text : ".");
	}
	return 0;
}

char *real_path(struct process *p, const char *name)
{
	struct hin_buffer path = { .limit = HIN_FS_PATH_MAX };
	char last[HIN_FS_NAME_MAX + 1], *text = NULL;
	uint32_t folder, ino;
	bool found = false;

	for (unsigned links = 0; links < HIN_FS_LINKS_MAX; links++) {
		struct hin_fs_stat stat;
		const uint8_t *target;
		size_t size;

		if (path_parent(p, name, &folder, last, &ino) != 0 || ino == 0)
			break;
		hin_fs_stat(p->shell->fs, ino, &stat);
		if (stat.type != HIN_FS_SYMLINK)
			break;
		target = hin_fs_bytes(p->shell->fs, ino, &size);
		text = text_of(p, (const char *)target, size);
		if (text[0] != '/' && hin_fs_path(p->shell->fs, folder, &path))
			text = joined(p, hin_buffer_text(&path), text);
		hin_buffer_reset(&path);
		name = text;
	}
	if (path_find(p, name, true, &ino) == 0 && is_folder(p, ino)) {
		found = hin_fs_path(p->shell->fs, ino, &path);
	} else if (path_parent(p, name, &folder, last, &ino) == 0 &&
		   hin_fs_path(p->shell->fs, folder, &path)) {
		if (strcmp(hin_buffer_text(&path), "/") != 0)
			hin_buffer_putc(&path, '/');
		hin_buffer_puts(&path, last);
		found = true;
	}
	text = found ? text_of(p, hin_buffer_text(&path), path.used) : NULL;
	hin_buffer_fini(&path);
	return text;
}

static int do_readlink(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "canonicalize=f" };
	bool whole, is_realpath = strcmp(call->argv[0], "realpath") == 0;
	const char *end;
	int status = 0;

	if (!options_read(&o, "fnemqsvz") || operands(&o) == NULL)
		return 1;
	whole = is_realpath || option_has(&o, 'f') || option_has(&o, 'e') || option_has(&o, 'm');
	end = option_has(&o, 'n') ? "" : "\n";
	for (; o.at < call->argc; o.at++) {
		struct hin_fs_stat stat = { .type = HIN_FS_FILE };
		const uint8_t *bytes;
		uint32_t ino;
		size_t size;
		int fault = path_find(p, call->argv[o.at], false, &ino);

		if (whole) {
			const char *text = real_path(p, call->argv[o.at]);
			bool missing = (option_has(&o, 'e') || (is_realpath && is_busybox(p))) &&
				       fault != 0;

			if (text != NULL && !missing) {
				outf(p, "%s%s", text, end);
				continue;
			}
			status = is_realpath ? complain(call, "%s: %s", call->argv[o.at],
							error_text(fault != 0 ? fault : -ENOENT))
					     : 1;
			continue;
		}
		if (fault == 0)
			hin_fs_stat(p->shell->fs, ino, &stat);
		if (stat.type != HIN_FS_SYMLINK) {
			status = 1;
			continue;
		}
		bytes = hin_fs_bytes(p->shell->fs, ino, &size);
		outf(p, "%.*s%s", (int)size, (const char *)bytes, end);
	}
	return status;
}

const struct command name_commands[] = {
	{ "basename", do_basename, false },
	{ "dirname", do_dirname, false },
	{ "readlink", do_readlink, false },
	{ "realpath", do_readlink, false },
	{ NULL, NULL, false },
};
