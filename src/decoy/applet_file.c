/* applet_file - commands that look at files and change them. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell_priv.h"

static int64_t now_s(const struct process *p)
{
	return p->shell->machine->now_us(p->shell->machine->user) / 1000000;
}

static int find(const struct process *p, const char *path, bool follow, uint32_t *ino)
{
	return hin_fs_find(p->shell->fs, &p->user, p->folder, path, follow, ino);
}

static int find_parent(const struct process *p, const char *path, uint32_t *folder,
		       char name[HIN_FS_NAME_MAX + 1], uint32_t *ino)
{
	return hin_fs_find_parent(p->shell->fs, &p->user, p->folder, path, folder, name, ino);
}

static bool is_folder(const struct process *p, uint32_t ino)
{
	struct hin_fs_stat stat;

	hin_fs_stat(p->shell->fs, ino, &stat);
	return stat.type == HIN_FS_DIRECTORY;
}

/* May the process change the names of a folder? A sticky one's only by who owns the file. */
static int may_change(const struct process *p, uint32_t folder, uint32_t ino)
{
	struct hin_fs_stat of_folder, stat;

	if (!hin_fs_may(p->shell->fs, &p->user, folder, 3))
		return -EACCES;
	if (ino == 0 || p->user.uid == 0)
		return 0;
	hin_fs_stat(p->shell->fs, folder, &of_folder);
	hin_fs_stat(p->shell->fs, ino, &stat);
	return (of_folder.mode & 01000) && of_folder.uid != p->user.uid && stat.uid != p->user.uid
		       ? -EPERM
		       : 0;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* "folder/name" */
static char *joined(struct process *p, const char *folder, const char *name)
{
	size_t size = strlen(folder);

	return format_of(p, "%s%s%s", folder, size > 0 && folder[size - 1] == '/' ? "" : "/", name);
}

/* Where the language has them, GNU's programs quote with curly marks. */
static bool is_utf8(const struct process *p)
{
	const char *locale = variable_get(p, "LC_ALL");

	if (locale == NULL || locale[0] == '\0')
		locale = variable_get(p, "LANG");
	return locale != NULL && strstr(locale, "UTF-8") != NULL;
}

static const char *quote_open(const struct process *p)
{
	return is_utf8(p) ? "\xe2\x80\x98" : "'";
}

static const char *quote_close(const struct process *p)
{
	return is_utf8(p) ? "\xe2\x80\x99" : "'";
}

/* The names of a folder. */
struct names {
	struct process *p;
	struct fields fields;
};

static bool add_name(void *user, const char *name, uint32_t ino)
{
	struct names *n = user;

	(void)ino;
	fields_add(n->p, &n->fields, text_of(n->p, name, strlen(name)));
	return true;
}

static struct fields names_of(struct process *p, uint32_t folder)
{
	struct names n = { .p = p };

	hin_fs_list(p->shell->fs, folder, add_name, &n);
	return n.fields;
}

/* ---- ls ---- */

struct listing {
	struct call *call;
	bool all, almost, longer, one, folder, classify, slash, human, numeric, recursive, reverse,
		by_time, by_size, inode, unsorted;
	int status;
};

struct listed {
	const char *name;
	char *path;
	struct hin_fs_stat stat;
};

const char *user_name(const struct process *p, uint32_t uid)
{
	return uid == 0						       ? "root"
	       : uid == p->user.uid && variable_get(p, "USER") != NULL ? variable_get(p, "USER")
								       : NULL;
}

static void mode_text(const struct hin_fs_stat *s, char text[11])
{
	static const char types[] = "-dlcbps";

	text[0] = types[s->type];
	for (unsigned i = 0; i < 9; i++)
		text[1 + i] = "-rwxrwxrwx"[s->mode & 0400u >> i ? i + 1 : 0];
	if (s->mode & 04000)
		text[3] = s->mode & 0100 ? 's' : 'S';
	if (s->mode & 02000)
		text[6] = s->mode & 0010 ? 's' : 'S';
	if (s->mode & 01000)
		text[9] = s->mode & 0001 ? 't' : 'T';
	text[10] = '\0';
}

static void human_size(uint64_t size, char text[24])
{
	static const char units[] = " KMGTPE";
	double value = (double)size;
	unsigned unit = 0;

	while (value >= 1024 && unit < 6) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, 24, "%llu", (unsigned long long)size);
	else if (value < 10)
		snprintf(text, 24, "%.1f%c", value, units[unit]);
	else
		snprintf(text, 24, "%.0f%c", value, units[unit]);
}

static int by_listing(const void *a, const void *b, void *listing)
{
	const struct listing *l = listing;
	const struct listed *x = a, *y = b;
	int order = 0;

	if (l->by_time && x->stat.mtime_s != y->stat.mtime_s)
		order = x->stat.mtime_s > y->stat.mtime_s ? -1 : 1;
	else if (l->by_size && x->stat.size != y->stat.size)
		order = x->stat.size > y->stat.size ? -1 : 1;
	if (order == 0)
		order = strcmp(x->name, y->name);
	return l->reverse ? -order : order;
}

static void tell_mark(struct process *p, const struct listing *l, const struct hin_fs_stat *s)
{
	if (!l->classify && !(l->slash && s->type == HIN_FS_DIRECTORY))
		return;
	switch (s->type) {
	case HIN_FS_DIRECTORY:
		outs(p, "/");
		break;
	case HIN_FS_SYMLINK:
		outs(p, "@");
		break;
	case HIN_FS_FIFO:
		outs(p, "|");
		break;
	case HIN_FS_SOCKET:
		outs(p, "=");
		break;
	default:
		if (s->mode & 0111)
			outs(p, "*");
	}
}

/* Wide enough for the longest of a column. */
struct widths {
	int links, user, group, size;
};

static void owner_text(const struct listing *l, uint32_t id, char text[40])
{
	const char *name = l->numeric ? NULL : user_name(l->call->p, id);

	if (name != NULL)
		snprintf(text, 40, "%s", name);
	else
		snprintf(text, 40, "%u", id);
}

static void size_text(const struct listing *l, const struct hin_fs_stat *s, char text[40])
{
	char human[24];

	if (s->type == HIN_FS_CHARACTER || s->type == HIN_FS_BLOCK) {
		snprintf(text, 40, "%u, %3u", s->major, s->minor);
	} else if (l->human) {
		human_size(s->type == HIN_FS_DIRECTORY ? 4096 : s->size, human);
		snprintf(text, 40, "%s", human);
	} else {
		snprintf(text, 40, "%llu",
			 (unsigned long long)(s->type == HIN_FS_DIRECTORY ? 4096 : s->size));
	}
}

static void tell_long(const struct listing *l, const struct listed *f, const struct widths *w)
{
	struct process *p = l->call->p;
	char mode[11], user[40], group[40], size[40], when[32];
	time_t time = (time_t)f->stat.mtime_s;
	struct tm tm;

	mode_text(&f->stat, mode);
	owner_text(l, f->stat.uid, user);
	owner_text(l, f->stat.gid, group);
	size_text(l, &f->stat, size);
	gmtime_r(&time, &tm);
	strftime(when, sizeof(when),
		 now_s(p) - f->stat.mtime_s > 15552000 || f->stat.mtime_s > now_s(p) + 60
			 ? "%b %e  %Y"
			 : "%b %e %H:%M",
		 &tm);
	if (is_busybox(p))
		outf(p, "%s %4u %-8s %-8s %9s %s %s", mode, f->stat.links, user, group, size, when,
		     f->name);
	else
		outf(p, "%s %*u %-*s %-*s %*s %s %s", mode, w->links, f->stat.links, w->user, user,
		     w->group, group, w->size, size, when, f->name);
	if (f->stat.type == HIN_FS_SYMLINK) {
		size_t bytes;
		const uint8_t *target = hin_fs_bytes(p->shell->fs, f->stat.ino, &bytes);

		outf(p, " -> %.*s", (int)bytes, (const char *)target);
	} else {
		tell_mark(p, l, &f->stat);
	}
	outs(p, "\n");
}

static int wider(int width, const char *text)
{
	int size = (int)strlen(text);

	return size > width ? size : width;
}

static void tell_all(struct listing *l, struct listed *files, size_t count, bool total)
{
	struct process *p = l->call->p;
	struct widths w = { 1, 1, 1, 1 };
	uint64_t blocks = 0;

	if (!l->unsorted)
		qsort_r(files, count, sizeof(*files), by_listing, l);
	for (size_t i = 0; i < count; i++) {
		char text[40];

		snprintf(text, sizeof(text), "%u", files[i].stat.links);
		w.links = wider(w.links, text);
		owner_text(l, files[i].stat.uid, text);
		w.user = wider(w.user, text);
		owner_text(l, files[i].stat.gid, text);
		w.group = wider(w.group, text);
		size_text(l, &files[i].stat, text);
		w.size = wider(w.size, text);
		blocks += files[i].stat.type == HIN_FS_DIRECTORY ? 4
			  : files[i].stat.type == HIN_FS_FILE
				  ? (files[i].stat.size + 4095) / 4096 * 4
				  : 0;
	}
	if (l->longer && total)
		outf(p, "total %llu\n", (unsigned long long)blocks);
	for (size_t i = 0; i < count; i++) {
		if (l->inode)
			outf(p, "%7u ", files[i].stat.ino + 130000);
		if (l->longer) {
			tell_long(l, &files[i], &w);
			continue;
		}
		outs(p, files[i].name);
		tell_mark(p, l, &files[i].stat);
		outs(p, "\n");
	}
}

static void list_folder(struct listing *l, const char *path, uint32_t folder, bool titled,
			unsigned depth)
{
	struct process *p = l->call->p;
	struct fields names = names_of(p, folder);
	struct listed *files = memory_of(p, (names.count + 2) * sizeof(*files));
	size_t count = 0;

	if (titled)
		outf(p, "%s:\n", path);
	for (unsigned i = 0; l->all && i < 2; i++) {
		uint32_t ino = folder;

		if (i == 1 && find(p, joined(p, path, ".."), true, &ino) != 0)
			ino = folder;
		files[count].name = i == 0 ? "." : "..";
		hin_fs_stat(p->shell->fs, ino, &files[count++].stat);
	}
	for (size_t i = 0; i < names.count; i++) {
		if (names.items[i][0] == '.' && !l->all && !l->almost)
			continue;
		files[count].name = names.items[i];
		files[count].path = joined(p, path, names.items[i]);
		hin_fs_stat(p->shell->fs, hin_fs_child(p->shell->fs, folder, names.items[i]),
			    &files[count].stat);
		count++;
	}
	tell_all(l, files, count, true);
	if (!l->recursive || depth > 64)
		return;
	for (size_t i = 0; i < count; i++)
		if (files[i].stat.type == HIN_FS_DIRECTORY && files[i].path != NULL) {
			outs(p, "\n");
			list_folder(l, files[i].path, files[i].stat.ino, true, depth + 1);
		}
}

static int do_ls(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct listing l = { .call = call };
	struct listed *files, *folders;
	size_t file_count = 0, folder_count = 0;
	static char dot[] = ".";
	char *here[] = { dot, NULL }, **names;
	int letter;

	while ((letter = option_next(&o, "aAl1dFphnRrtSiCxUcuskgGoqNLHDvbBQmX")) != -1) {
		switch (letter) {
		case '?':
			return is_busybox(p) ? 1 : 2;
		case 'a':
			l.all = true;
			break;
		case 'A':
			l.almost = true;
			break;
		case 'l':
			l.longer = true;
			break;
		case 'd':
			l.folder = true;
			break;
		case 'F':
			l.classify = true;
			break;
		case 'p':
			l.slash = true;
			break;
		case 'h':
			l.human = true;
			break;
		case 'n':
			l.numeric = l.longer = true;
			break;
		case 'R':
			l.recursive = true;
			break;
		case 'r':
			l.reverse = true;
			break;
		case 't':
			l.by_time = true;
			break;
		case 'S':
			l.by_size = true;
			break;
		case 'i':
			l.inode = true;
			break;
		case 'U':
			l.unsorted = true;
			break;
		default:
			break;
		}
	}
	names = o.at < call->argc ? call->argv + o.at : here;
	files = memory_of(p, (size_t)call->argc * sizeof(*files) + sizeof(*files));
	folders = memory_of(p, (size_t)call->argc * sizeof(*files) + sizeof(*files));
	for (; *names != NULL; names++) {
		struct listed f = { .name = *names, .path = *names };
		uint32_t ino;
		int fault = find(p, *names, !l.longer && !l.folder, &ino);

		if (fault == -ENOENT && find(p, *names, false, &ino) == 0)
			fault = 0;
		if (fault != 0) {
			if (is_busybox(p))
				(void)complain(call, "%s: %s", *names, error_text(fault));
			else
				(void)complain(call, "cannot access '%s': %s", *names,
					       error_text(fault));
			l.status = is_busybox(p) ? 1 : 2;
			continue;
		}
		hin_fs_stat(p->shell->fs, ino, &f.stat);
		if (f.stat.type == HIN_FS_DIRECTORY && !l.folder)
			folders[folder_count++] = f;
		else
			files[file_count++] = f;
	}
	tell_all(&l, files, file_count, false);
	qsort_r(folders, folder_count, sizeof(*folders), by_listing, &l);
	for (size_t i = 0; i < folder_count; i++) {
		if (file_count > 0 || i > 0)
			outs(p, "\n");
		if (!hin_fs_may(p->shell->fs, &p->user, folders[i].stat.ino, 4)) {
			if (is_busybox(p))
				(void)complain(call, "can't open '%s': Permission denied",
					       folders[i].path);
			else
				(void)complain(call,
					       "cannot open directory '%s': Permission denied",
					       folders[i].path);
			l.status = is_busybox(p) ? 1 : 2;
			continue;
		}
		list_folder(&l, folders[i].path, folders[i].stat.ino,
			    file_count + folder_count > 1 || l.status != 0 ||
				    call->argc - o.at > 1 || l.recursive,
			    0);
	}
	return l.status;
}

/* ---- making ---- */

static int make_folder(struct process *p, const char *path, uint32_t mode)
{
	struct hin_fs_stat stat = { .type = HIN_FS_DIRECTORY,
				    .mode = mode & ~p->umask & 07777,
				    .uid = p->user.uid,
				    .gid = p->user.gid };
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino;
	int fault = find_parent(p, path, &folder, name, &ino);

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
	struct options o = { .call = call };
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
	if (o.at >= call->argc)
		return complain(call, "missing operand\nTry 'mkdir --help' for more information.");
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

				if (find(p, path, true, &ino) == 0 && is_folder(p, ino))
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
			int fault = find(p, o.value, true, &ino);

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
		return complain(call,
				"missing file operand\nTry 'touch --help' for more information.");
	for (; o.at < call->argc; o.at++) {
		struct file *file;
		uint32_t ino;
		int fault = find(p, call->argv[o.at], true, &ino);

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
		return complain(call,
				"missing file operand\nTry 'ln --help' for more information.");
	target = call->argv[o.at];
	path = o.at + 1 < call->argc ? call->argv[o.at + 1] : base_of(target);
	if (find(p, path, true, &ino) == 0 && is_folder(p, ino))
		path = joined(p, path, base_of(target));
	fault = find_parent(p, path, &folder, name, &ino);
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
		fault = find(p, target, false, &to);
		if (fault != 0)
			return is_busybox(p) ? complain(call, "%s: %s", path, error_text(fault))
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

/* ---- removing ---- */

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
	struct options o = { .call = call };
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
	if (o.at >= call->argc) {
		if (r.force)
			return 0;
		return complain(call, "missing operand\nTry 'rm --help' for more information.");
	}
	for (; o.at < call->argc; o.at++) {
		char name[HIN_FS_NAME_MAX + 1], *path = call->argv[o.at];
		uint32_t folder, ino;
		int fault = find_parent(p, path, &folder, name, &ino);

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
		int fault = find_parent(p, call->argv[o.at], &folder, name, &ino);

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
	(void)find(p, from, true, &ino);
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
	if (fault == 0 && stat.tag == HIN_SHELL_PROGRAM && into->type == FILE_FS)
		hin_fs_set_tag(p->shell->fs, into->ino, HIN_SHELL_PROGRAM);
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
	int fault = find(p, from, true, &ino);

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
	if (find(p, to, true, &other) == 0 && other == ino) {
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

static int do_cp(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct copying c = { .call = call };
	const char *to;
	uint32_t ino;
	bool into;
	int letter, last;

	while ((letter = option_next(&o, "rRafpvidLPnTu")) != -1) {
		if (letter == '?')
			return 1;
		c.recursive |= letter == 'r' || letter == 'R' || letter == 'a';
		c.keep |= letter == 'p' || letter == 'a';
		c.verbose |= letter == 'v';
	}
	last = call->argc - 1;
	if (o.at >= call->argc)
		return complain(call,
				"missing file operand\nTry 'cp --help' for more information.");
	if (o.at == last)
		return complain(call,
				"missing destination file operand after '%s'\nTry 'cp --help' for "
				"more information.",
				call->argv[last]);
	to = call->argv[last];
	into = find(p, to, true, &ino) == 0 && is_folder(p, ino);
	if (!into && last - o.at > 1)
		return complain(call,
				is_busybox(p) ? "target '%s' is not a directory"
					      : "target '%s': Not a directory",
				to);
	for (; o.at < last; o.at++)
		copy_one(&c, call->argv[o.at], into ? joined(p, to, base_of(call->argv[o.at])) : to,
			 0);
	return c.status;
}

static int do_mv(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	const char *to;
	uint32_t ino;
	bool into;
	int letter, last, status = 0;

	while ((letter = option_next(&o, "fivnuT")) != -1)
		if (letter == '?')
			return 1;
	last = call->argc - 1;
	if (o.at >= call->argc)
		return complain(call,
				"missing file operand\nTry 'mv --help' for more information.");
	if (o.at == last)
		return complain(call,
				"missing destination file operand after '%s'\nTry 'mv --help' for "
				"more information.",
				call->argv[last]);
	to = call->argv[last];
	into = find(p, to, true, &ino) == 0 && is_folder(p, ino);
	if (!into && last - o.at > 1)
		return complain(call,
				is_busybox(p) ? "target '%s' is not a directory"
					      : "target '%s': Not a directory",
				to);
	for (; o.at < last; o.at++) {
		const char *from = call->argv[o.at],
			   *target = into ? joined(p, to, base_of(from)) : to;
		char name[HIN_FS_NAME_MAX + 1], to_name[HIN_FS_NAME_MAX + 1];
		uint32_t folder, to_folder, moved, there;
		int fault = find_parent(p, from, &folder, name, &moved);

		if (fault == 0 && moved == 0)
			fault = -ENOENT;
		if (fault != 0) {
			status = is_busybox(p) ? complain(call, "can't rename '%s': %s", from,
							  error_text(fault))
					       : complain(call, "cannot stat '%s': %s", from,
							  error_text(fault));
			continue;
		}
		fault = find_parent(p, target, &to_folder, to_name, &there);
		if (fault == 0)
			fault = may_change(p, folder, moved);
		if (fault == 0)
			fault = may_change(p, to_folder, there);
		if (fault == 0)
			fault = hin_fs_rename(p->shell->fs, folder, name, to_folder, to_name,
					      now_s(p));
		if (fault != 0)
			status = is_busybox(p) ? complain(call, "can't rename '%s': %s", from,
							  error_text(fault))
					       : complain(call, "cannot move '%s' to '%s': %s",
							  from, target, error_text(fault));
	}
	return status;
}

/* ---- attributes ---- */

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
		int fault = find(p, call->argv[at], true, &ino);

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
		int fault = find(p, call->argv[o.at], true, &ino);

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

/* ---- names ---- */

static int do_basename(struct call *call)
{
	char *text;
	size_t size, suffix;

	if (call->argc < 2)
		return complain(call,
				"missing operand\nTry 'basename --help' for more information.");
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
		return complain(call,
				"missing operand\nTry 'dirname --help' for more information.");
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

static int do_readlink(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call };
	struct hin_fs_stat stat;
	bool whole = strcmp(call->argv[0], "realpath") == 0, newline = true;
	uint32_t ino;
	int letter, status = 0;

	while ((letter = option_next(&o, "fnemqsvz")) != -1) {
		if (letter == '?')
			return 1;
		whole |= letter == 'f' || letter == 'e' || letter == 'm';
		newline &= letter != 'n';
	}
	for (; o.at < call->argc; o.at++) {
		size_t size;
		const uint8_t *bytes;

		if (whole) {
			struct hin_buffer path = { .limit = HIN_FS_PATH_MAX };
			char name[HIN_FS_NAME_MAX + 1], *text;
			uint32_t folder;
			bool found = false;

			if (find(p, call->argv[o.at], true, &ino) == 0 && is_folder(p, ino))
				found = hin_fs_path(p->shell->fs, ino, &path);
			else if (find_parent(p, call->argv[o.at], &folder, name, &ino) == 0 &&
				 hin_fs_path(p->shell->fs, folder, &path)) {
				if (strcmp(hin_buffer_text(&path), "/") != 0)
					hin_buffer_putc(&path, '/');
				hin_buffer_puts(&path, name);
				found = true;
			}
			text = text_of(p, hin_buffer_text(&path), path.used);
			hin_buffer_fini(&path);
			if (found)
				outf(p, "%s%s", text, newline ? "\n" : "");
			else
				status = 1;
			continue;
		}
		if (find(p, call->argv[o.at], false, &ino) != 0) {
			status = 1;
			continue;
		}
		hin_fs_stat(p->shell->fs, ino, &stat);
		if (stat.type != HIN_FS_SYMLINK) {
			status = 1;
			continue;
		}
		bytes = hin_fs_bytes(p->shell->fs, ino, &size);
		outf(p, "%.*s%s", (int)size, (const char *)bytes, newline ? "\n" : "");
	}
	return status;
}

/* ---- find ---- */

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
		int fault = find(p, paths[i], false, &ino);

		if (fault != 0)
			f.status = is_busybox(p)
					   ? complain(call, "%s: %s", paths[i], error_text(fault))
					   : complain(call, "%s%s%s: %s", quote_open(p), paths[i],
						      quote_close(p), error_text(fault));
		else
			find_in(&f, paths[i], 0, base_of(paths[i]), ino, 0);
	}
	return f.status;
}

/* ---- dd, stat, du, truncate ---- */

static int do_dd(struct call *call)
{
	struct process *p = call->p;
	const char *from = NULL, *to = NULL;
	uint64_t block = 512, count = UINT64_MAX, skip = 0, seek = 0, whole_in = 0, part_in = 0,
		 bytes = 0;
	bool quiet = false, keep = false;
	struct file *in, *into;
	char *data;
	int fault;

	for (int i = 1; i < call->argc; i++) {
		const char *equals = strchr(call->argv[i], '=');
		char *end;
		uint64_t value;

		if (equals == NULL)
			return complain(
				call,
				"unrecognized operand '%s'\nTry 'dd --help' for more information.",
				call->argv[i]);
		value = strtoull(equals + 1, &end, 10);
		value *= *end == 'k' || *end == 'K' ? 1024u
			 : *end == 'M'		    ? 1048576u
			 : *end == 'G'		    ? 1073741824u
			 : *end == 'b'		    ? 512u
						    : 1u;
		if (strncmp(call->argv[i], "if=", 3) == 0)
			from = equals + 1;
		else if (strncmp(call->argv[i], "of=", 3) == 0)
			to = equals + 1;
		else if (strncmp(call->argv[i], "bs=", 3) == 0 ||
			 strncmp(call->argv[i], "ibs=", 4) == 0)
			block = value;
		else if (strncmp(call->argv[i], "count=", 6) == 0)
			count = value;
		else if (strncmp(call->argv[i], "skip=", 5) == 0)
			skip = value;
		else if (strncmp(call->argv[i], "seek=", 5) == 0)
			seek = value;
		else if (strncmp(call->argv[i], "status=", 7) == 0)
			quiet = strcmp(equals + 1, "none") == 0;
		else if (strncmp(call->argv[i], "conv=", 5) == 0)
			keep = strstr(equals, "notrunc") != NULL;
	}
	if (block == 0 || block > 1 << 20)
		block = block == 0 ? 512 : 1 << 20;
	in = from != NULL	 ? open_input(call, from)
	     : p->fds[0] != NULL ? file_owned(p, file_ref(p->fds[0]))
				 : NULL;
	if (in == NULL)
		return 1;
	if (to != NULL) {
		fault = file_open(
			p, to, OPEN_WRITE | OPEN_CREATE | (keep || seek > 0 ? 0u : OPEN_TRUNCATE),
			0666, &into);
		if (fault != 0)
			return is_busybox(p) ? complain(call, "can't open '%s': %s", to,
							error_text(fault))
					     : complain(call, "failed to open '%s': %s", to,
							error_text(fault));
		(void)file_owned(p, into);
		into->offset = seek * block;
	} else {
		into = p->fds[1];
	}
	data = memory_of(p, (size_t)block);
	for (; skip > 0; skip--)
		if (file_read(p, in, data, (size_t)block) <= 0)
			break;
	for (uint64_t n = 0; n < count; n++) {
		int64_t got = file_read(p, in, data, (size_t)block);

		if (got <= 0)
			break;
		if ((uint64_t)got == block)
			whole_in++;
		else
			part_in++;
		fault = file_write(p, into, data, (size_t)got);
		if (fault != 0) {
			(void)complain(call, "error writing '%s': %s",
				       to != NULL ? to : "standard output", error_text(fault));
			break;
		}
		bytes += (uint64_t)got;
	}
	if (!quiet)
		errf(p, "%llu+%llu records in\n%llu+%llu records out\n",
		     (unsigned long long)whole_in, (unsigned long long)part_in,
		     (unsigned long long)whole_in, (unsigned long long)part_in);
	if (!quiet && !is_busybox(p))
		errf(p, "%llu bytes copied, 0.000%llu s, %.1f MB/s\n", (unsigned long long)bytes,
		     (unsigned long long)(bytes % 900 + 100), 38.0);
	return 0;
}

const struct command file_applets[] = {
	{ "basename", do_basename, false },
	{ "chgrp", do_chown, false },
	{ "chmod", do_chmod, false },
	{ "chown", do_chown, false },
	{ "cp", do_cp, false },
	{ "dd", do_dd, false },
	{ "dirname", do_dirname, false },
	{ "find", do_find, false },
	{ "ln", do_ln, false },
	{ "ls", do_ls, false },
	{ "mkdir", do_mkdir, false },
	{ "mv", do_mv, false },
	{ "readlink", do_readlink, false },
	{ "realpath", do_readlink, false },
	{ "rm", do_rm, false },
	{ "rmdir", do_rmdir, false },
	{ "touch", do_touch, false },
	{ NULL, NULL, false },
};
