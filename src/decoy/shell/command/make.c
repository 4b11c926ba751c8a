/* make - commands that make files and folders: mkdir, touch, ln. */
#include <errno.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

int make_folder(struct process *p, const char *path, uint32_t mode)
{
	struct hin_fs_stat stat = { .type = HIN_FS_DIRECTORY,
				    .mode = mode & ~p->umask & 07777,
				    .uid = p->user.uid,
				    .gid = p->user.gid };
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino;
	int fault = path_parent(p, path, &folder, name, &ino);

	if (fault == 0 && ino != 0)
		fault = -EEXIST;
	if (fault == 0)
		fault = may_change(p, folder, 0);
	if (fault == 0)
		fault = hin_fs_make(p->shell->fs, folder, name, &stat, NULL, now_s(p), &ino);
	return fault;
}

static int do_mkdir(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "parents=p mode=m verbose=v" };
	bool parents = false, verbose = false;
	uint32_t mode = 0777;
	int letter, status = 0;

	while ((letter = option_next(&o, "pm:v")) != -1) {
		if (letter == '?')
			return 1;
		parents |= letter == 'p';
		verbose |= letter == 'v';
		if (letter == 'm')
			mode = (uint32_t)strtoul(o.value, NULL, 8);
	}
	if (operands(&o) == NULL)
		return 1;
	for (; o.at < call->argc; o.at++) {
		char *path = call->argv[o.at];
		int fault = 0;

		if (parents) {
			char *part = text_of(p, path, strlen(path));

			for (char *at = part + 1; *at != '\0'; at++)
				if (*at == '/') {
					*at = '\0';
					fault = make_folder(p, part, 0777);
					*at = '/';
					if (fault != 0 && fault != -EEXIST)
						break;
				}
			if (fault == 0 || fault == -EEXIST)
				fault = make_folder(p, path, mode);
			if (fault == -EEXIST) {
				uint32_t ino;

				if (path_find(p, path, true, &ino) == 0 && is_folder(p, ino))
					fault = 0;
			}
		} else {
			fault = make_folder(p, path, mode);
		}
		if (fault != 0) {
			if (is_busybox(p))
				status = complain(call, "can't create directory '%s': %s", path,
						  error_text(fault));
			else
				status = complain(call, "cannot create directory %s%s%s: %s",
						  quote_open(p), path, quote_close(p),
						  error_text(fault));
		} else if (verbose && !is_busybox(p)) {
			outf(p, "mkdir: created directory '%s'\n", path);
		}
	}
	return status;
}

static int do_touch(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	bool keep = false;
	int letter, status = 0;
	int64_t time = now_s(p);

	while ((letter = option_next(&o, "camr:t:d:")) != -1) {
		if (letter == '?')
			return 1;
		keep |= letter == 'c';
		if (letter == 'r') {
			struct hin_fs_stat stat;
			uint32_t ino;
			int fault = path_find(p, o.value, true, &ino);

			if (fault != 0)
				return complain(call,
						is_busybox(p)
							? "%s: %s"
							: "failed to get attributes of '%s': %s",
						o.value, error_text(fault));
			hin_fs_stat(p->shell->fs, ino, &stat);
			time = stat.mtime_s;
		}
	}
	if (o.at >= call->argc)
		return is_busybox(p) ? tell_usage(call, false)
				     : complain_usage(call, "missing file operand");
	for (; o.at < call->argc; o.at++) {
		struct file *file;
		uint32_t ino;
		int fault = path_find(p, call->argv[o.at], true, &ino);

		if (fault == 0) {
			fault = hin_fs_may(p->shell->fs, &p->user, ino, 2)
					? hin_fs_set_time(p->shell->fs, ino, time)
					: -EACCES;
		} else if (fault == -ENOENT && !keep) {
			fault = file_open(p, call->argv[o.at], OPEN_WRITE | OPEN_CREATE, 0666,
					  &file);
			if (fault == 0)
				file_close(p->shell, file);
		} else if (keep) {
			fault = 0;
		}
		if (fault != 0)
			status = is_busybox(p) ? complain(call, "%s: %s", call->argv[o.at],
							  error_text(fault))
					       : complain(call, "cannot touch '%s': %s",
							  call->argv[o.at], error_text(fault));
	}
	return status;
}

static int do_ln(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	bool symbolic = false, force = false;
	char name[HIN_FS_NAME_MAX + 1];
	const char *target, *path;
	uint32_t folder, ino, to;
	int letter, fault;

	while ((letter = option_next(&o, "sfnvT")) != -1) {
		if (letter == '?')
			return 1;
		symbolic |= letter == 's';
		force |= letter == 'f';
	}
	if (o.at >= call->argc)
		return is_busybox(p) ? tell_usage(call, false)
				     : complain_usage(call, "missing file operand");
	target = call->argv[o.at];
	path = o.at + 1 < call->argc ? call->argv[o.at + 1] : name_of(target);
	if (path_find(p, path, true, &ino) == 0 && is_folder(p, ino))
		path = joined(p, path, name_of(target));
	fault = path_parent(p, path, &folder, name, &ino);
	if (fault == 0 && ino != 0 && force)
		fault = hin_fs_unlink(p->shell->fs, folder, name, now_s(p));
	else if (fault == 0 && ino != 0)
		fault = -EEXIST;
	if (fault == 0)
		fault = may_change(p, folder, 0);
	if (fault == 0 && symbolic) {
		struct hin_fs_stat stat = {
			.type = HIN_FS_SYMLINK, .mode = 0777, .uid = p->user.uid, .gid = p->user.gid
		};

		fault = hin_fs_make(p->shell->fs, folder, name, &stat, target, now_s(p), &ino);
	} else if (fault == 0) {
		fault = path_find(p, target, false, &to);
		if (fault != 0)
			return is_busybox(p) ? complain(call, "%s: %s", target, error_text(fault))
					     : complain(call, "failed to access '%s': %s", target,
							error_text(fault));
		fault = hin_fs_link(p->shell->fs, folder, name, to, now_s(p));
	}
	if (fault == 0)
		return 0;
	if (is_busybox(p))
		return complain(call, "%s: %s", path, error_text(fault));
	return complain(call,
			symbolic ? "failed to create symbolic link '%s': %s"
				 : "failed to create hard link '%s': %s",
			path, error_text(fault));
}

/* mknod and mkfifo: a file that is none. */
static int make_special(struct call *call, const char *path, struct hin_fs_stat *stat)
{
	struct process *p = call->p;
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino;
	int fault = path_parent(p, path, &folder, name, &ino);

	if (fault == 0 && ino != 0)
		fault = -EEXIST;
	if (fault == 0)
		fault = may_change(p, folder, 0);
	if (fault == 0 && stat->type != HIN_FS_FIFO && p->user.uid != 0)
		fault = -EPERM;
	stat->mode &= ~p->umask;
	stat->uid = p->user.uid;
	stat->gid = p->user.gid;
	if (fault == 0)
		fault = hin_fs_make(p->shell->fs, folder, name, stat, NULL, now_s(p), &ino);
	if (fault == 0)
		return 0;
	if (stat->type == HIN_FS_FIFO && !is_busybox(p))
		return complain(call, "cannot create fifo '%s': %s", path, error_text(fault));
	return complain(call, "%s: %s", path, error_text(fault));
}

static int do_mkfifo(struct call *call)
{
	struct options o = { .call = call };
	int status = 0;

	if (!options_read(&o, "m:") || operands(&o) == NULL)
		return 1;
	for (; o.at < call->argc; o.at++) {
		struct hin_fs_stat stat = { .type = HIN_FS_FIFO, .mode = 0666 };

		status |= make_special(call, call->argv[o.at], &stat);
	}
	return status;
}

static int do_mknod(struct call *call)
{
	struct options o = { .call = call };
	struct hin_fs_stat stat = { .type = HIN_FS_FIFO, .mode = 0666 };
	char **words;

	if (!options_read(&o, "m:"))
		return 1;
	words = operands(&o);
	if (words == NULL)
		return 1;
	if (words[1] == NULL)
		return is_busybox(call->p)
			       ? tell_usage(call, false)
			       : complain_usage(call, "missing operand after '%s'", words[0]);
	if (words[1][0] != 'p') {
		stat.type = words[1][0] == 'b' ? HIN_FS_BLOCK : HIN_FS_CHARACTER;
		if (words[2] == NULL || words[3] == NULL)
			return is_busybox(call->p)
				       ? tell_usage(call, false)
				       : complain_usage(call, "missing operand after '%s'",
							words[1]);
		stat.major = (uint32_t)strtoul(words[2], NULL, 0);
		stat.minor = (uint32_t)strtoul(words[3], NULL, 0);
	}
	return make_special(call, words[0], &stat);
}

static int do_truncate(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "size=s no-create=c" };
	const char *size = NULL;
	int letter, status = 0;

	while ((letter = option_next(&o, "s:c")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 's')
			size = o.value;
	}
	if (size == NULL)
		return complain_usage(call, "you must specify either '--size' or '--reference'");
	for (; o.at < call->argc; o.at++) {
		struct file *file;
		int fault = file_open(p, call->argv[o.at], OPEN_WRITE | OPEN_CREATE, 0666, &file);

		if (fault == 0) {
			fault = hin_fs_truncate(p->shell->fs, file->ino,
						size_of(size + strspn(size, "+<>%/")), now_s(p));
			file_close(p->shell, file);
		}
		if (fault != 0)
			status = complain(call, "cannot open '%s' for writing: %s",
					  call->argv[o.at], error_text(fault));
	}
	return status;
}

/* mktemp: "tmp.XXXXXXXXXX" and its kin. */
static int do_mktemp(struct call *call)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	struct process *p = call->p;
	struct options o = { .call = call, .names = "directory=d dry-run=u quiet=q tmpdir=t" };
	char *path;
	uint64_t seed = (uint64_t)now_us(p) * 6364136223846793005u + p->shell->next_pid;
	int fault;

	if (!options_read(&o, "duqtp:"))
		return 1;
	path = o.at < call->argc
		       ? text_of(p, call->argv[o.at], strlen(call->argv[o.at]))
		       : format_of(p, "/tmp/tmp.%s", is_busybox(p) ? "XXXXXX" : "XXXXXXXXXX");
	if (option_has(&o, 't'))
		path = format_of(p, "/tmp/%s", name_of(path));
	for (char *x = path + strlen(path); x > path && x[-1] == 'X'; x--) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		x[-1] = letters[(seed >> 33) % (sizeof(letters) - 1)];
	}
	if (option_has(&o, 'd')) {
		fault = make_folder(p, path, 0700);
	} else {
		struct file *file;

		fault = file_open(p, path, OPEN_WRITE | OPEN_CREATE | OPEN_EXCLUSIVE, 0600, &file);
		if (fault == 0)
			file_close(p->shell, file);
	}
	if (fault != 0)
		return complain(call,
				is_busybox(p) ? "%s: %s"
					      : "failed to create file via template '%s': %s",
				path, error_text(fault));
	outf(p, "%s\n", path);
	return 0;
}

const struct command make_commands[] = {
	{ "ln", do_ln, false },
	{ "mkdir", do_mkdir, false },
	{ "mkfifo", do_mkfifo, false },
	{ "mknod", do_mknod, false },
	{ "mktemp", do_mktemp, false },
	{ "touch", do_touch, false },
	{ "truncate", do_truncate, false },
	{ NULL, NULL, false },
};
