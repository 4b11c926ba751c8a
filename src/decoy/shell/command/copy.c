/* copy - rm, rmdir, cp and mv. */
#include <errno.h>
#include <stdlib.h>

#include "decoy/shell/command/command.h"

struct removing {
	struct call *call;
	bool recursive, force, verbose, folders;
	int status;
};

static void remove_one(struct removing *r, const char *path, uint32_t folder, const char *name,
		       uint32_t ino, unsigned depth)
{
	struct process *p = r->call->p;
	int fault;

	step(p);
	if (is_folder(p, ino)) {
		struct fields names;

		if (!r->recursive && !r->folders) {
			r->status = is_busybox(p)
					    ? complain(r->call, "'%s' is a directory", path)
					    : complain(r->call,
						       "cannot remove '%s': Is a directory", path);
			return;
		}
		if (r->recursive && depth < 64) {
			names = names_of(p, ino);
			for (size_t i = 0; i < names.count; i++)
				remove_one(r, joined(p, path, names.items[i]), ino, names.items[i],
					   hin_fs_child(p->shell->fs, ino, names.items[i]),
					   depth + 1);
		}
		fault = may_change(p, folder, ino);
		if (fault == 0)
			fault = hin_fs_rmdir(p->shell->fs, folder, name, now_s(p));
	} else {
		fault = may_change(p, folder, ino);
		if (fault == 0)
			fault = hin_fs_unlink(p->shell->fs, folder, name, now_s(p));
	}
	if (fault != 0)
		r->status = is_busybox(p) ? complain(r->call, "can't remove '%s': %s", path,
						     error_text(fault))
					  : complain(r->call, "cannot remove '%s': %s", path,
						     error_text(fault));
	else if (r->verbose)
		outf(p, "removed '%s'\n", path);
}

static int do_rm(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "recursive=r force=f verbose=v dir=d" };
	struct removing r = { .call = call };
	int letter;

	while ((letter = option_next(&o, "rRfivdI")) != -1) {
		if (letter == '?')
			return 1;
		r.recursive |= letter == 'r' || letter == 'R';
		r.force |= letter == 'f';
		r.verbose |= letter == 'v';
		r.folders |= letter == 'd';
	}
	if (o.at >= call->argc && r.force)
		return 0;
	if (operands(&o) == NULL)
		return 1;
	for (; o.at < call->argc; o.at++) {
		char name[HIN_FS_NAME_MAX + 1], *path = call->argv[o.at];
		uint32_t folder, ino;
		int fault = path_parent(p, path, &folder, name, &ino);

		if (fault == 0 && ino == 0)
			fault = -ENOENT;
		if (fault == -EEXIST || fault == -EINVAL) {
			r.status =
				is_busybox(p) ? complain(call, "can't remove '.' or '..'")
				: path[0] == '/'
					? complain(call, "it is dangerous to operate recursively "
							 "on '/'\nrm: use --no-preserve-root to "
							 "override this failsafe")
					: complain(call,
						   "refusing to remove '.' or '..' directory: "
						   "skipping '%s'",
						   path);
			continue;
		}
		if (fault != 0) {
			if (!r.force || fault != -ENOENT)
				r.status = is_busybox(p) ? complain(call, "can't remove '%s': %s",
								    path, error_text(fault))
							 : complain(call, "cannot remove '%s': %s",
								    path, error_text(fault));
			continue;
		}
		remove_one(&r, path, folder, name, ino, 0);
	}
	return r.status;
}

static int do_rmdir(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	int letter, status = 0;

	while ((letter = option_next(&o, "pv")) != -1)
		if (letter == '?')
			return 1;
	for (; o.at < call->argc; o.at++) {
		char name[HIN_FS_NAME_MAX + 1];
		uint32_t folder, ino;
		int fault = path_parent(p, call->argv[o.at], &folder, name, &ino);

		if (fault == 0)
			fault = ino == 0 ? -ENOENT : may_change(p, folder, ino);
		if (fault == 0)
			fault = hin_fs_rmdir(p->shell->fs, folder, name, now_s(p));
		if (fault != 0)
			status = is_busybox(p) ? complain(call, "'%s': %s", call->argv[o.at],
							  error_text(fault))
					       : complain(call, "failed to remove '%s': %s",
							  call->argv[o.at], error_text(fault));
	}
	return status;
}

/* ---- copying and moving ---- */

/* The tag of a copy of one of the machine's programs: it is that program, whatever its name. */
static uint32_t tag_of_copy(struct process *p, const char *from, const struct hin_fs_stat *stat)
{
	const struct command *command;
	char *real;

	if (stat->tag >= PROGRAM_COPIES)
		return stat->tag;
	if (stat->tag != HIN_SHELL_PROGRAM)
		return 0;
	real = real_path(p, from);
	command = applet_find(name_of(real != NULL ? real : from));
	return command != NULL ? PROGRAM_COPIES + (uint32_t)applet_index(command)
			       : HIN_SHELL_PROGRAM;
}

static int copy_file(struct process *p, const char *from, const char *to, bool keep_mode)
{
	struct hin_fs_stat stat;
	struct file *in, *into;
	char block[4096];
	int64_t got;
	uint32_t ino;
	int fault = file_open(p, from, OPEN_READ, 0, &in);

	if (fault != 0)
		return fault;
	(void)file_owned(p, in);
	(void)path_find(p, from, true, &ino);
	hin_fs_stat(p->shell->fs, ino, &stat);
	fault = file_open(p, to, OPEN_WRITE | OPEN_CREATE | OPEN_TRUNCATE, stat.mode, &into);
	if (fault != 0) {
		file_done(p, in);
		return fault;
	}
	(void)file_owned(p, into);
	while (fault == 0 && (got = file_read(p, in, block, sizeof(block))) > 0)
		fault = file_write(p, into, block, (size_t)got);
	if (fault == 0 && keep_mode && into->type == FILE_FS) {
		(void)hin_fs_set_mode(p->shell->fs, into->ino, stat.mode);
		(void)hin_fs_set_time(p->shell->fs, into->ino, stat.mtime_s);
	}
	/* a copy of one of the machine's programs is that program */
	if (fault == 0 && into->type == FILE_FS)
		hin_fs_set_tag(p->shell->fs, into->ino, tag_of_copy(p, from, &stat));
	file_done(p, in);
	file_done(p, into);
	return fault;
}

struct copying {
	struct call *call;
	bool recursive, keep, verbose;
	int status;
};

static void copy_one(struct copying *c, const char *from, const char *to, unsigned depth)
{
	struct process *p = c->call->p;
	uint32_t ino, other;
	int fault = path_find(p, from, true, &ino);

	step(p);
	if (fault != 0) {
		c->status = is_busybox(p) ? complain(c->call, "can't stat '%s': %s", from,
						     error_text(fault))
					  : complain(c->call, "cannot stat '%s': %s", from,
						     error_text(fault));
		return;
	}
	if (is_folder(p, ino)) {
		struct fields names;

		if (!c->recursive) {
			c->status = is_busybox(p)
					    ? complain(c->call, "omitting directory '%s'", from)
					    : complain(c->call,
						       "-r not specified; omitting directory '%s'",
						       from);
			return;
		}
		if (depth > 32)
			return;
		names = names_of(p, ino);
		fault = make_folder(p, to, 0777);
		if (fault != 0 && fault != -EEXIST) {
			c->status = complain(c->call, "cannot create directory '%s': %s", to,
					     error_text(fault));
			return;
		}
		for (size_t i = 0; i < names.count; i++)
			copy_one(c, joined(p, from, names.items[i]), joined(p, to, names.items[i]),
				 depth + 1);
		return;
	}
	if (path_find(p, to, true, &other) == 0 && other == ino) {
		c->status = complain(c->call, "'%s' and '%s' are the same file", from, to);
		return;
	}
	fault = copy_file(p, from, to, c->keep);
	if (fault != 0)
		c->status = is_busybox(p)
				    ? complain(c->call,
					       fault == -EACCES ? "can't open '%s': %s"
								: "can't create '%s': %s",
					       fault == -EACCES ? from : to, error_text(fault))
				    : complain(c->call, "cannot create regular file '%s': %s", to,
					       error_text(fault));
	else if (c->verbose)
		outf(p, "'%s' -> '%s'\n", from, to);
}

/* What cp, mv and install have in common: several files and where they go. */
struct target {
	const char *to;
	bool into; /* a folder */
	int first, last;
};

static bool read_target(const struct options *o, struct target *t)
{
	struct call *call = o->call;
	struct process *p = call->p;
	uint32_t ino;

	t->first = o->at;
	t->last = call->argc - 1;
	if (o->at >= t->last && is_busybox(p)) {
		(void)tell_usage(call, false);
		return false;
	}
	if (o->at >= call->argc) {
		(void)complain_usage(call, "missing file operand");
		return false;
	}
	if (o->at == t->last) {
		(void)complain_usage(call, "missing destination file operand after '%s'",
				     call->argv[t->last]);
		return false;
	}
	t->to = call->argv[t->last];
	t->into = path_find(p, t->to, true, &ino) == 0 && is_folder(p, ino);
	if (t->into || t->last - t->first == 1)
		return true;
	(void)complain(call,
		       is_busybox(p) ? "target '%s' is not a directory"
				     : "target '%s': Not a directory",
		       t->to);
	return false;
}

static const char *target_of(struct process *p, const struct target *t, const char *from)
{
	return t->into ? joined(p, t->to, name_of(from)) : t->to;
}

static int do_cp(struct call *call)
{
	struct options o = { .call = call,
			     .names = "recursive=r archive=a force=f verbose=v preserve=p" };
	struct copying c = { .call = call };
	struct target t;

	if (!options_read(&o, "rRafpvidLPnTuH") || !read_target(&o, &t))
		return 1;
	c.recursive = option_has(&o, 'r') || option_has(&o, 'R') || option_has(&o, 'a');
	c.keep = option_has(&o, 'p') || option_has(&o, 'a');
	c.verbose = option_has(&o, 'v');
	for (int i = t.first; i < t.last; i++)
		copy_one(&c, call->argv[i], target_of(call->p, &t, call->argv[i]), 0);
	return c.status;
}

/* install: a copy with a mode of its own. */
static int do_install(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct copying c = { .call = call };
	struct target t;
	uint32_t mode = 0755, ino;
	bool folders = false;
	int letter;

	while ((letter = option_next(&o, "cdDsm:o:g:vp")) != -1) {
		if (letter == '?')
			return 1;
		folders |= letter == 'd';
		if (letter == 'm')
			mode = (uint32_t)strtoul(o.value, NULL, 8) & 07777;
	}
	if (folders) {
		for (; o.at < call->argc; o.at++)
			if (make_folder(p, call->argv[o.at], mode) == -ENOENT)
				c.status = complain(call, "cannot create directory '%s': %s",
						    call->argv[o.at], error_text(-ENOENT));
		return c.status;
	}
	if (!read_target(&o, &t))
		return 1;
	for (int i = t.first; i < t.last; i++) {
		const char *to = target_of(p, &t, call->argv[i]);

		copy_one(&c, call->argv[i], to, 0);
		if (path_find(p, to, true, &ino) == 0)
			(void)hin_fs_set_mode(p->shell->fs, ino, mode);
	}
	return c.status;
}

static int move_one(struct call *call, const char *from, const char *target)
{
	struct process *p = call->p;
	char name[HIN_FS_NAME_MAX + 1], to_name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, to_folder, moved, there;
	int fault = path_parent(p, from, &folder, name, &moved);

	if (fault == 0 && moved == 0)
		fault = -ENOENT;
	if (fault != 0)
		return complain(call,
				is_busybox(p) ? "can't rename '%s': %s" : "cannot stat '%s': %s",
				from, error_text(fault));
	fault = path_parent(p, target, &to_folder, to_name, &there);
	if (fault == 0 && there == moved)
		return complain(call, "'%s' and '%s' are the same file", from, target);
	if (fault == 0)
		fault = may_change(p, folder, moved);
	if (fault == 0)
		fault = may_change(p, to_folder, there);
	if (fault == 0)
		fault = hin_fs_rename(p->shell->fs, folder, name, to_folder, to_name, now_s(p));
	if (fault == 0)
		return 0;
	if (is_busybox(p))
		return complain(call, "can't rename '%s': %s", from, error_text(fault));
	return complain(call, "cannot move '%s' to '%s': %s", from, target, error_text(fault));
}

static int do_mv(struct call *call)
{
	struct options o = { .call = call, .names = "force=f verbose=v no-clobber=n" };
	struct target t;
	int status = 0;

	if (!options_read(&o, "fivnuT") || !read_target(&o, &t))
		return 1;
	for (int i = t.first; i < t.last; i++)
		status |= move_one(call, call->argv[i], target_of(call->p, &t, call->argv[i]));
	return status;
}

const struct command copy_commands[] = {
	{ "cp", do_cp, false }, { "install", do_install, false }, { "mv", do_mv, false },
	{ "rm", do_rm, false }, { "rmdir", do_rmdir, false },	  { NULL, NULL, false },
};
