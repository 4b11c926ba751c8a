/* disk - df, mount, umount, du, stat: what is where, and how much of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"

/* ---- df and mount ---- */

struct filesystems {
	struct call *call;
	bool human, types, all, inodes, portable;
	char unit;
};

static const char *blocks_text(const struct filesystems *f, uint64_t kib)
{
	struct process *p = f->call->p;
	char text[24];

	if (f->human) {
		human_size(kib * 1024, text);
		return text_of(p, text, strlen(text));
	}
	return format_of(p, "%llu",
			 (unsigned long long)(f->unit == 'm' ? (kib + 1023) / 1024 : kib));
}

static void tell_filesystem(const struct filesystems *f, const struct hin_machine_mount *m)
{
	struct process *p = f->call->p;
	uint64_t size = f->inodes ? m->inodes : m->size_kib;
	uint64_t used = f->inodes ? m->used_inodes : m->used_kib;
	uint64_t kept = f->inodes || strcmp(m->type, "ext4") != 0 ? 0 : size / 20;
	uint64_t left = size > used + kept ? size - used - kept : 0;
	const char *percent =
		size == 0 ? "-"
			  : format_of(p, "%llu%%",
				      (unsigned long long)(used + left > 0
								   ? (used * 100 + used + left -
								      1) / (used + left)
								   : 0));
	bool box = is_busybox(p);
	int first = box ? 20 : 14, wide = f->human && !box ? 5 : 9;

	outf(p, "%-*s ", first, m->device);
	if (f->types)
		outf(p, "%-8s ", m->type);
	if (f->inodes)
		outf(p, "%9llu %8llu %9llu %4s %s\n", (unsigned long long)size,
		     (unsigned long long)used, (unsigned long long)left, percent, m->folder);
	else
		outf(p, "%*s %*s %*s %*s %s\n", box ? 10 : wide, blocks_text(f, size),
		     box	? 9
		     : f->human ? 5
				: 7,
		     blocks_text(f, used), wide, blocks_text(f, left), 4, percent, m->folder);
}

/* The mount that a path lies on. */
static const struct hin_machine_mount *mount_of(struct process *p, const char *path)
{
	size_t count, best_size = 0;
	const struct hin_machine_mount *all = machine_mounts(p->shell->machine, &count),
				       *best = NULL;

	for (size_t i = 0; i < count; i++) {
		size_t size = strlen(all[i].folder);

		if (strcmp(all[i].device, path) == 0)
			return &all[i];
		if (strncmp(path, all[i].folder, size) == 0 &&
		    (size == 1 || path[size] == '/' || path[size] == '\0') && size >= best_size) {
			best = &all[i];
			best_size = size;
		}
	}
	return best;
}

static int do_df(struct call *call)
{
	struct process *p = call->p;
	struct filesystems f = { .call = call, .unit = 'k' };
	struct options o = { .call = call,
			     .names =
				     "human-readable=h print-type=T all=a inodes=i portability=P" };
	size_t count;
	const struct hin_machine_mount *all = machine_mounts(p->shell->machine, &count);
	const char *type = NULL;
	int letter, status = 0;

	while ((letter = option_next(&o, "hHTaikmPlt:x:B:")) != -1) {
		if (letter == '?')
			return 1;
		f.human |= letter == 'h' || letter == 'H';
		f.types |= letter == 'T';
		f.all |= letter == 'a';
		f.inodes |= letter == 'i';
		if (letter == 'm')
			f.unit = 'm';
		if (letter == 't')
			type = o.value;
	}
	outf(p, "%-*s ", is_busybox(p) ? 20 : 14, "Filesystem");
	if (f.types)
		outs(p, "Type     ");
	if (f.inodes)
		outs(p, "   Inodes    IUsed     IFree IUse% Mounted on\n");
	else if (is_busybox(p))
		outs(p, f.human		? "     Size      Used Available Use% Mounted on\n"
			: f.unit == 'm' ? " 1M-blocks      Used Available Use% Mounted on\n"
					: " 1K-blocks      Used Available Use% Mounted on\n");
	else
		outs(p, f.human ? " Size  Used Avail Use% Mounted on\n"
				: "1K-blocks    Used Available Use% Mounted on\n");
	if (o.at < call->argc) {
		for (; o.at < call->argc; o.at++) {
			const struct hin_machine_mount *m =
				mount_of(p, absolute_path(p, call->argv[o.at]));
			uint32_t ino;
			int fault = path_find(p, call->argv[o.at], true, &ino);

			if (fault != 0)
				status = complain(call, "%s: %s", call->argv[o.at],
						  error_text(fault));
			else if (m != NULL)
				tell_filesystem(&f, m);
		}
		return status;
	}
	for (size_t i = 0; i < count; i++)
		if ((f.all || all[i].size_kib > 0) &&
		    (type == NULL || strcmp(type, all[i].type) == 0))
			tell_filesystem(&f, &all[i]);
	return 0;
}

static int do_mount(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "types=t options=o all=a bind=B" };
	size_t count;
	const struct hin_machine_mount *all = machine_mounts(p->shell->machine, &count);
	const char *type = NULL;
	uint32_t ino;
	int letter;

	while ((letter = option_next(&o, "t:o:arwvnflBO:")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 't')
			type = o.value;
	}
	if (o.at >= call->argc && !option_has(&o, 'a')) {
		for (size_t i = 0; i < count; i++)
			if (type == NULL || strcmp(type, all[i].type) == 0)
				outf(p, "%s on %s type %s (%s)\n", all[i].device, all[i].folder,
				     all[i].type,
				     all[i].options != NULL ? all[i].options : "rw,relatime");
		return 0;
	}
	if (p->user.uid != 0)
		return is_busybox(p) ? complain(call, "permission denied (are you root?)")
				     : complain(call, "%s: must be superuser to use mount.",
						call->argv[call->argc - 1]);
	if (option_has(&o, 'a'))
		return 0;
	/* "-o remount" and what is bound changes nothing that one sees */
	if (path_find(p, call->argv[call->argc - 1], true, &ino) == 0)
		return 0;
	return is_busybox(p) ? complain(call, "mounting %s on %s failed: No such file or directory",
					call->argv[o.at], call->argv[call->argc - 1])
			     : complain(call, "%s: mount point does not exist.",
					call->argv[call->argc - 1]) +
				       31;
}

static int do_umount(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	size_t count;
	const struct hin_machine_mount *all = machine_mounts(p->shell->machine, &count);

	if (!options_read(&o, "arlfdnvt:") || operands(&o) == NULL)
		return 1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].folder, call->argv[o.at]) == 0 ||
		    strcmp(all[i].device, call->argv[o.at]) == 0)
			return is_busybox(p)
				       ? complain(call, "can't unmount %s: %s", all[i].folder,
						  p->user.uid == 0 ? "Device or resource busy"
								   : "Operation not permitted")
				       : complain(call, "%s: %s", all[i].folder,
						  p->user.uid == 0
							  ? "target is busy."
							  : "must be superuser to unmount.") +
						 31;
	return is_busybox(p)
		       ? complain(call, "can't unmount %s: Invalid argument", call->argv[o.at])
		       : complain(call, "%s: not mounted.", call->argv[o.at]) + 31;
}

/* ---- du ---- */

struct adding {
	struct call *call;
	bool all, summary, human, bytes, total;
	long depth;
	uint64_t unit;
};

static void tell_use(const struct adding *a, uint64_t bytes, const char *path)
{
	char text[24];

	if (a->human) {
		human_size(bytes, text);
		outf(a->call->p, "%s\t%s\n", text, path);
	} else {
		outf(a->call->p, "%llu\t%s\n",
		     (unsigned long long)((bytes + a->unit - 1) / a->unit), path);
	}
}

/* What a file and all below it take. */
static uint64_t add_up(const struct adding *a, const char *path, uint32_t ino, long depth)
{
	struct process *p = a->call->p;
	struct piece *mark = p->pieces;
	struct hin_fs_stat stat;
	uint64_t bytes;

	step(p);
	hin_fs_stat(p->shell->fs, ino, &stat);
	bytes = stat.type == HIN_FS_FILE ? (a->bytes ? stat.size : (stat.size + 4095) / 4096 * 4096)
					 : 0;
	if ((ino & HIN_FS_MADE) != 0)
		bytes = 0;
	if (stat.type == HIN_FS_DIRECTORY) {
		struct fields names = { 0 };

		bytes = 4096;
		if (depth < 64 && hin_fs_may(p->shell->fs, &p->user, ino, 5))
			names = names_of(p, ino);
		for (size_t i = 0; i < names.count; i++)
			bytes += add_up(a, joined(p, path, names.items[i]),
					hin_fs_child(p->shell->fs, ino, names.items[i]), depth + 1);
	}
	if (depth == 0 || (!a->summary && (stat.type == HIN_FS_DIRECTORY || a->all) &&
			   (a->depth < 0 || depth <= a->depth)))
		tell_use(a, bytes, path);
	memory_back(p, mark);
	return bytes;
}

static int do_du(struct call *call)
{
	static char dot[] = ".";
	struct process *p = call->p;
	struct options o = {
		.call = call,
		.names = "all=a summarize=s human-readable=h bytes=b total=c max-depth=d "
			 "apparent-size=A"
	};
	struct adding a = { .call = call, .depth = -1, .unit = 1024 };
	char *here[] = { dot, NULL }, **names;
	uint64_t all = 0;
	int letter, status = 0;

	while ((letter = option_next(&o, "ashbckmd:xLHDlSA")) != -1) {
		if (letter == '?')
			return 1;
		a.all |= letter == 'a';
		a.summary |= letter == 's';
		a.human |= letter == 'h';
		a.total |= letter == 'c';
		if (letter == 'b') {
			a.bytes = true;
			a.unit = 1;
		}
		if (letter == 'm')
			a.unit = 1048576;
		if (letter == 'd')
			a.depth = strtol(o.value, NULL, 10);
	}
	names = o.at < call->argc ? call->argv + o.at : here;
	for (; *names != NULL; names++) {
		uint32_t ino;
		int fault = path_find(p, *names, false, &ino);

		if (fault == 0)
			all += add_up(&a, *names, ino, 0);
		else
			status = complain_path(call, "cannot access", *names, fault);
	}
	if (a.total)
		tell_use(&a, all, "total");
	return status;
}

/* ---- stat ---- */

static const char *type_text(const struct hin_fs_stat *s)
{
	static const char *const types[] = { [HIN_FS_FILE] = "regular file",
					     [HIN_FS_DIRECTORY] = "directory",
					     [HIN_FS_SYMLINK] = "symbolic link",
					     [HIN_FS_CHARACTER] = "character special file",
					     [HIN_FS_BLOCK] = "block special file",
					     [HIN_FS_FIFO] = "fifo",
					     [HIN_FS_SOCKET] = "socket" };

	return s->type == HIN_FS_FILE && s->size == 0 ? "regular empty file" : types[s->type];
}

static const char *time_text(struct process *p, int64_t seconds)
{
	struct tm tm = machine_time(p->shell->machine, seconds);
	char text[64];

	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S.000000000 +0000", &tm);
	return text_of(p, text, strlen(text));
}

/* A letter of stat -c. */
static void put_field(struct process *p, struct growing *g, char letter, const char *path,
		      const struct hin_fs_stat *s)
{
	static const unsigned kinds[] = {
		0100000, 040000, 0120000, 020000, 060000, 010000, 0140000
	};
	uint64_t size = s->type == HIN_FS_DIRECTORY ? 4096 : s->size;
	const char *name;
	char mode[11];

	mode_text(s, mode);
	switch (letter) {
	case 'n':
		grow_text(p, g, path);
		break;
	case 'N':
		grow_format(p, g, "'%s'", path);
		break;
	case 's':
		grow_format(p, g, "%llu", (unsigned long long)size);
		break;
	case 'b':
		grow_format(p, g, "%llu", (unsigned long long)(size + 4095) / 4096 * 8);
		break;
	case 'B':
		grow_text(p, g, "512");
		break;
	case 'a':
		grow_format(p, g, "%o", s->mode);
		break;
	case 'A':
		grow_text(p, g, mode);
		break;
	case 'f':
		grow_format(p, g, "%x", s->mode | kinds[s->type]);
		break;
	case 'F':
		grow_text(p, g, type_text(s));
		break;
	case 'h':
		grow_format(p, g, "%u", s->links);
		break;
	case 'i':
		grow_format(p, g, "%u", s->ino);
		break;
	case 'u':
		grow_format(p, g, "%u", s->uid);
		break;
	case 'g':
		grow_format(p, g, "%u", s->gid);
		break;
	case 'U':
		name = user_name(p, s->uid);
		grow_text(p, g, name != NULL ? name : "UNKNOWN");
		break;
	case 'G':
		name = group_name(p, s->gid);
		grow_text(p, g, name != NULL ? name : "UNKNOWN");
		break;
	case 'x':
	case 'y':
	case 'z':
		grow_text(p, g, time_text(p, s->mtime_s));
		break;
	case 'X':
	case 'Y':
	case 'Z':
		grow_format(p, g, "%lld", (long long)s->mtime_s);
		break;
	case '%':
		grow_char(p, g, '%');
		break;
	default:
		grow_char(p, g, '?');
	}
}

static void tell_stat(struct process *p, const char *path, const struct hin_fs_stat *s)
{
	const char *user = user_name(p, s->uid), *group = group_name(p, s->gid), *shown = path;
	uint64_t size = s->type == HIN_FS_DIRECTORY ? 4096 : s->size;
	char mode[11];

	mode_text(s, mode);
	if (s->type == HIN_FS_SYMLINK) {
		size_t bytes;
		const uint8_t *target = hin_fs_bytes(p->shell->fs, s->ino, &bytes);

		shown = format_of(p, is_busybox(p) ? "'%s' -> '%.*s'" : "%s -> %.*s", path,
				  (int)bytes, (const char *)target);
	}
	outf(p, "  File: %s\n  Size: %-10llu\tBlocks: %-10llu IO Block: 4096   %s\n", shown,
	     (unsigned long long)size, (unsigned long long)(size + 4095) / 4096 * 8, type_text(s));
	if (is_busybox(p))
		outf(p, "Device: %xh/%ud\tInode: %-10u  Links: %u\n", 0x801, 0x801, s->ino + 130000,
		     s->links);
	else
		outf(p, "Device: 8,1\tInode: %-11u Links: %u\n", s->ino + 130000, s->links);
	outf(p, "Access: (%04o/%s)  Uid: (%5u/%8s)   Gid: (%5u/%8s)\n", s->mode, mode, s->uid,
	     user != NULL ? user : "UNKNOWN", s->gid, group != NULL ? group : "UNKNOWN");
	outf(p, "Access: %s\nModify: %s\nChange: %s\n", time_text(p, s->mtime_s),
	     time_text(p, s->mtime_s), time_text(p, s->mtime_s));
	if (!is_busybox(p))
		outf(p, " Birth: %s\n", time_text(p, s->mtime_s));
}

static int do_stat(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call, .names = "format=c printf=P dereference=L terse=t" };
	const char *format = NULL;
	bool newline = true;
	int letter, status = 0;

	while ((letter = option_next(&o, "c:P:Ltf")) != -1) {
		if (letter == '?')
			return 1;
		if (letter == 'c' || letter == 'P') {
			format = o.value;
			newline = letter == 'c';
		}
	}
	if (operands(&o) == NULL)
		return 1;
	for (; o.at < call->argc; o.at++) {
		struct hin_fs_stat stat;
		struct growing g = { 0 };
		uint32_t ino;
		int fault = path_find(p, call->argv[o.at], option_has(&o, 'L'), &ino);

		if (fault != 0) {
			status = complain(call,
					  is_busybox(p) ? "can't stat '%s': %s"
							: "cannot statx '%s': %s",
					  call->argv[o.at], error_text(fault));
			continue;
		}
		hin_fs_stat(p->shell->fs, ino, &stat);
		if (format == NULL) {
			tell_stat(p, call->argv[o.at], &stat);
			continue;
		}
		grow(p, &g, "", 0);
		for (const char *c = format; *c != '\0'; c++) {
			if (*c == '%' && c[1] != '\0')
				put_field(p, &g, *++c, call->argv[o.at], &stat);
			else if (*c == '\\' && c[1] == 'n' && !newline)
				grow_char(p, &g, (c++, '\n'));
			else
				grow_char(p, &g, *c);
		}
		outf(p, "%s%s", g.data, newline ? "\n" : "");
	}
	return status;
}

const struct command disk_commands[] = {
	{ "df", do_df, false },	    { "du", do_du, false },	    { "mount", do_mount, false },
	{ "stat", do_stat, false }, { "umount", do_umount, false }, { NULL, NULL, false },
};
