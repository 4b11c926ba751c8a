/* path - what commands that work on files need: names, folders, quoting. */
#include <errno.h>
#include <stdio.h>

#include "decoy/shell/command/command.h"

int path_find(const struct process *p, const char *path, bool follow, uint32_t *ino)
{
	return hin_fs_find(p->shell->fs, &p->user, p->folder, path, follow, ino);
}

int path_parent(const struct process *p, const char *path, uint32_t *folder,
		char name[HIN_FS_NAME_MAX + 1], uint32_t *ino)
{
	return hin_fs_find_parent(p->shell->fs, &p->user, p->folder, path, folder, name, ino);
}

bool is_folder(const struct process *p, uint32_t ino)
{
	struct hin_fs_stat stat;

	hin_fs_stat(p->shell->fs, ino, &stat);
	return stat.type == HIN_FS_DIRECTORY;
}

/* May the process change the names of a folder? A sticky one's only by who owns the file. */
int may_change(const struct process *p, uint32_t folder, uint32_t ino)
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

/* "folder/name" */
char *joined(struct process *p, const char *folder, const char *name)
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

const char *quote_open(const struct process *p)
{
	return is_utf8(p) ? "\xe2\x80\x98" : "'";
}

const char *quote_close(const struct process *p)
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

struct fields names_of(struct process *p, uint32_t folder)
{
	struct names n = { .p = p };

	hin_fs_list(p->shell->fs, folder, add_name, &n);
	return n.fields;
}

void mode_text(const struct hin_fs_stat *s, char text[11])
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

void human_size(uint64_t size, char text[24])
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
