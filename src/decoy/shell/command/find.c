/* find - find. */
#include <stdlib.h>

#include "decoy/shell/command/command.h"

struct finding {
	struct call *call;
	const char *name, *path;
	char type;
	bool fold, remove, print0, printed;
	char **command;
	int command_count;
	long most, least;
	int status;
};

static void find_in(struct finding *f, const char *path, uint32_t folder, const char *name,
		    uint32_t ino, long depth)
{
	struct process *p = f->call->p;
	struct piece *mark = p->pieces;
	struct hin_fs_stat stat;
	bool matches = depth >= f->least;
	struct fields names = { 0 };

	step(p);
	hin_fs_stat(p->shell->fs, ino, &stat);
	if (f->name != NULL)
		matches &= pattern_matches(f->name, name);
	if (f->path != NULL)
		matches &= pattern_matches(f->path, path);
	if (f->type != '\0')
		matches &= "fdlcbps"[stat.type] == f->type;
	if (matches && f->command != NULL) {
		struct fields words = { 0 };

		for (int i = 0; i < f->command_count; i++)
			fields_add(p, &words,
				   strcmp(f->command[i], "{}") == 0 ? text_of(p, path, strlen(path))
								    : f->command[i]);
		run_words(p, &words, false);
	} else if (matches && !f->remove) {
		outf(p, "%s%s", path, f->print0 ? "" : "\n");
		if (f->print0)
			out(p, 1, "", 1);
	}
	if (stat.type == HIN_FS_DIRECTORY && (f->most < 0 || depth < f->most) && depth < 128) {
		if (!hin_fs_may(p->shell->fs, &p->user, ino, 5)) {
			f->status = is_busybox(p) ? complain(f->call, "%s: Permission denied", path)
						  : complain(f->call, "%s%s%s: Permission denied",
							     quote_open(p), path, quote_close(p));
		} else {
			names = names_of(p, ino);
			for (size_t i = 0; i < names.count; i++)
				find_in(f, joined(p, path, names.items[i]), ino, names.items[i],
					hin_fs_child(p->shell->fs, ino, names.items[i]), depth + 1);
		}
	}
	if (matches && f->remove && folder != 0) {
		if (stat.type == HIN_FS_DIRECTORY)
			(void)hin_fs_rmdir(p->shell->fs, folder, name, now_s(p));
		else
			(void)hin_fs_unlink(p->shell->fs, folder, name, now_s(p));
	}
	memory_back(p, mark);
}

static int do_find(struct call *call)
{
	struct process *p = call->p;
	struct finding f = { .call = call, .most = -1 };
	static char dot[] = ".";
	char *here[] = { dot };
	char **paths = call->argv + 1;
	int count = 0, at;

	while (count + 1 < call->argc && paths[count][0] != '-' && strcmp(paths[count], "!") != 0 &&
	       strcmp(paths[count], "(") != 0)
		count++;
	at = 1 + count;
	if (count == 0) {
		paths = here;
		count = 1;
	}
	for (; at < call->argc; at++) {
		const char *word = call->argv[at],
			   *value = at + 1 < call->argc ? call->argv[at + 1] : "";

		if (strcmp(word, "-name") == 0 || strcmp(word, "-iname") == 0)
			f.name = value, at++;
		else if (strcmp(word, "-path") == 0)
			f.path = value, at++;
		else if (strcmp(word, "-type") == 0)
			f.type = value[0], at++;
		else if (strcmp(word, "-maxdepth") == 0)
			f.most = strtol(value, NULL, 10), at++;
		else if (strcmp(word, "-mindepth") == 0)
			f.least = strtol(value, NULL, 10), at++;
		else if (strcmp(word, "-delete") == 0)
			f.remove = true;
		else if (strcmp(word, "-print0") == 0)
			f.print0 = true;
		else if (strcmp(word, "-print") == 0 || strcmp(word, "-xdev") == 0)
			continue;
		else if (strcmp(word, "-user") == 0 || strcmp(word, "-perm") == 0 ||
			 strcmp(word, "-size") == 0 || strcmp(word, "-mtime") == 0 ||
			 strcmp(word, "-mmin") == 0)
			at++;
		else if (strcmp(word, "-exec") == 0 && at + 1 >= call->argc)
			return complain(call,
					is_busybox(p) ? "%s: argument expected"
						      : "missing argument to `%s'",
					word);
		else if (strcmp(word, "-exec") == 0) {
			f.command = call->argv + at + 1;
			for (at++; at < call->argc && strcmp(call->argv[at], ";") != 0 &&
				   strcmp(call->argv[at], "+") != 0;
			     at++)
				f.command_count++;
		} else
			return is_busybox(p) ? complain(call, "unrecognized: %s", word)
					     : complain(call, "unknown predicate `%s'", word);
	}
	for (int i = 0; i < count; i++) {
		uint32_t ino;
		int fault = path_find(p, paths[i], false, &ino);

		if (fault != 0)
			f.status = is_busybox(p)
					   ? complain(call, "%s: %s", paths[i], error_text(fault))
					   : complain(call, "%s%s%s: %s", quote_open(p), paths[i],
						      quote_close(p), error_text(fault));
		else
			find_in(&f, paths[i], 0, name_of(paths[i]), ino, 0);
	}
	return f.status;
}

const struct command find_commands[] = {
	{ "find", do_find, false },
	{ NULL, NULL, false },
};
