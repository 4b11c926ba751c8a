/* list - ls. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/shell/command/command.h"

struct listing {
	struct call *call;
	bool all, almost, longer, one, folder, classify, slash, human, numeric, recursive, reverse,
		by_time, by_size, inode, unsorted, columns, colour;
	int status;
};

struct listed {
	const char *name;
	char *path;
	struct hin_fs_stat stat;
};

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
	tm = machine_time(p->shell->machine, time);
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

/* The colour of a name, as Debian's ls --color has it. */
static const char *colour_of(const struct hin_fs_stat *s)
{
	static const char *const colours[] = {
		[HIN_FS_FILE] = "",	     [HIN_FS_DIRECTORY] = "01;34",
		[HIN_FS_SYMLINK] = "01;36",  [HIN_FS_CHARACTER] = "40;33;01",
		[HIN_FS_BLOCK] = "40;33;01", [HIN_FS_FIFO] = "40;33",
		[HIN_FS_SOCKET] = "01;35"
	};

	if (s->type == HIN_FS_DIRECTORY && (s->mode & 01002) == 01002)
		return "30;42";
	if (s->type == HIN_FS_FILE && (s->mode & 0111))
		return "01;32";
	return colours[s->type];
}

static void tell_name(const struct listing *l, const struct listed *f)
{
	struct process *p = l->call->p;
	const char *colour = l->colour ? colour_of(&f->stat) : "";

	if (colour[0] != '\0')
		outf(p, "\033[%sm%s\033[0m", colour, f->name);
	else
		outs(p, f->name);
	tell_mark(p, l, &f->stat);
}

/* Names in columns, as on a terminal: down first. */
static void tell_columns(const struct listing *l, const struct listed *files, size_t count)
{
	struct process *p = l->call->p;
	size_t most = p->shell->settings.terminal.columns, rows = 1;

	most = most > 0 ? most : 80;
	for (; rows < count; rows++) {
		size_t width = 0;

		for (size_t first = 0; first < count; first += rows) {
			size_t wide = 0;

			for (size_t i = first; i < first + rows && i < count; i++)
				if (strlen(files[i].name) > wide)
					wide = strlen(files[i].name);
			width += wide + 2;
		}
		if (width <= most + 1)
			break;
	}
	for (size_t row = 0; row < rows && row < count; row++) {
		for (size_t i = row; i < count; i += rows) {
			size_t first = i - row, wide = 0;

			for (size_t k = first; k < first + rows && k < count; k++)
				if (strlen(files[k].name) > wide)
					wide = strlen(files[k].name);
			tell_name(l, &files[i]);
			if (i + rows < count)
				outf(p, "%*s", (int)(wide + 2 - strlen(files[i].name)), "");
		}
		outs(p, "\n");
	}
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
	if (l->columns) {
		tell_columns(l, files, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (l->inode)
			outf(p, "%7u ", files[i].stat.ino + 130000);
		if (l->longer) {
			tell_long(l, &files[i], &w);
			continue;
		}
		tell_name(l, &files[i]);
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

		if (i == 1 && path_find(p, joined(p, path, ".."), true, &ino) != 0)
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

/* What the letters say. */
static void set_listing(struct listing *l, const struct options *o)
{
	const struct {
		char letter;
		bool *flag;
	} flags[] = {
		{ 'a', &l->all },     { 'A', &l->almost },   { 'l', &l->longer },
		{ 'd', &l->folder },  { 'F', &l->classify }, { 'p', &l->slash },
		{ 'h', &l->human },   { 'n', &l->numeric },  { 'R', &l->recursive },
		{ 'r', &l->reverse }, { 't', &l->by_time },  { 'S', &l->by_size },
		{ 'i', &l->inode },   { 'U', &l->unsorted }, { 'f', &l->unsorted },
		{ 'g', &l->longer },  { 'o', &l->longer },   { '1', &l->one },
		{ 'C', &l->columns },
	};

	for (size_t i = 0; i < HIN_COUNT(flags); i++)
		*flags[i].flag |= option_has(o, flags[i].letter);
	l->longer |= l->numeric;
	l->all |= option_has(o, 'f');
	l->columns |= is_terminal(l->call->p, 1);
	l->columns &= !l->one && !l->longer;
	l->colour = option_has(o, 'K') && is_terminal(l->call->p, 1);
}

/* Look at what was named: files and folders apart. */
static size_t look_at(struct listing *l, char **names, struct listed *files, size_t *file_count,
		      struct listed *folders)
{
	struct process *p = l->call->p;
	size_t folder_count = 0;

	for (; *names != NULL; names++) {
		struct listed f = { .name = *names, .path = *names };
		uint32_t ino;
		int fault = path_find(p, *names, !l->longer && !l->folder, &ino);

		if (fault == -ENOENT && path_find(p, *names, false, &ino) == 0)
			fault = 0;
		if (fault != 0) {
			(void)complain_path(l->call, "cannot access", *names, fault);
			l->status = is_busybox(p) ? 1 : 2;
			continue;
		}
		hin_fs_stat(p->shell->fs, ino, &f.stat);
		if (f.stat.type == HIN_FS_DIRECTORY && !l->folder)
			folders[folder_count++] = f;
		else
			files[(*file_count)++] = f;
	}
	return folder_count;
}

static int do_ls(struct call *call)
{
	struct process *p = call->p;
	struct options o = { .call = call,
			     .names = "all=a almost-all=A directory=d classify=F human-readable=h "
				      "recursive=R reverse=r size=s inode=i color=K "
				      "group-directories-first=G full-time=l time-style=q" };
	struct listing l = { .call = call };
	struct listed *files, *folders;
	size_t file_count = 0, folder_count;
	static char dot[] = ".";
	char *here[] = { dot, NULL }, **names;
	bool titled;

	if (!options_read(&o, "aAl1dFphnRrtSiCxUcuskgGoqNLHDvbBQmXfK"))
		return is_busybox(p) ? 1 : 2;
	set_listing(&l, &o);
	names = o.at < call->argc ? call->argv + o.at : here;
	files = memory_of(p, (size_t)call->argc * sizeof(*files) + sizeof(*files));
	folders = memory_of(p, (size_t)call->argc * sizeof(*files) + sizeof(*files));
	folder_count = look_at(&l, names, files, &file_count, folders);
	tell_all(&l, files, file_count, false);
	qsort_r(folders, folder_count, sizeof(*folders), by_listing, &l);
	titled = file_count + folder_count > 1 || l.status != 0 || call->argc - o.at > 1 ||
		 l.recursive;
	for (size_t i = 0; i < folder_count; i++) {
		if (file_count > 0 || i > 0)
			outs(p, "\n");
		if (hin_fs_may(p->shell->fs, &p->user, folders[i].stat.ino, 4)) {
			list_folder(&l, folders[i].path, folders[i].stat.ino, titled, 0);
			continue;
		}
		(void)complain(call,
			       is_busybox(p) ? "can't open '%s': Permission denied"
					     : "cannot open directory '%s': Permission denied",
			       folders[i].path);
		l.status = is_busybox(p) ? 1 : 2;
	}
	return l.status;
}

const struct command list_commands[] = {
	{ "dir", do_ls, false },
	{ "ls", do_ls, false },
	{ NULL, NULL, false },
};
