/* edit_complete - the names that a word may become: commands of the path, and files. */
#include <stdlib.h>
#include <string.h>

#include "decoy/terminal/edit_priv.h"

#define NAMES ((size_t)4096)

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add(struct edit_matches *m, const char *name, bool folder)
{
	size_t size = strlen(name);
	char *copy;

	if (m->count == NAMES || m->failed)
		return;
	if (m->count == m->room) {
		size_t room = m->room * 2 + 16;
		char **names = reallocarray(m->names, room, sizeof(names[0]));

		if (names == NULL) {
			m->failed = true;
			return;
		}
		m->names = names;
		m->room = room;
	}
	copy = malloc(size + 2);
	if (copy == NULL) {
		m->failed = true;
		return;
	}
	memcpy(copy, name, size + 1);
	if (folder)
		memcpy(copy + size, "/", 2);
	m->names[m->count++] = copy;
}

struct search {
	struct edit_matches *m;
	const struct hin_terminal *t;
	const char *word;
	size_t size;
	bool programs; /* nothing but what can be run */
};

static bool is_folder(const struct hin_terminal *t, uint32_t ino)
{
	struct hin_fs_stat stat;

	hin_fs_stat(t->fs, ino, &stat);
	return stat.type == HIN_FS_DIRECTORY;
}

static bool consider(void *user, const char *name, uint32_t ino)
{
	struct search *s = user;
	bool folder;

	if (strncmp(name, s->word, s->size) != 0 || (s->size == 0 && name[0] == '.'))
		return true;
	folder = is_folder(s->t, ino);
	if (s->programs && (folder || !hin_fs_may(s->t->fs, &s->t->user, ino, 1)))
		return true;
	add(s->m, name, folder);
	return s->m->count < NAMES;
}

static void search_folder(struct search *s, const char *path)
{
	uint32_t ino = 0;

	if (hin_fs_find(s->t->fs, &s->t->user, s->t->folder, path, true, &ino) != 0 ||
	    !is_folder(s->t, ino) || !hin_fs_may(s->t->fs, &s->t->user, ino, 4))
		return;
	hin_fs_list(s->t->fs, ino, consider, s);
}

static void search_commands(struct search *s)
{
	static const char *const folders[] = { "/bin", "/sbin", "/usr/bin", "/usr/sbin" };
	static const char *const builtins[] = {
		"alias", "bg",	   "break",    "cd",	  "command", "continue", "eval",   "exec",
		"exit",	 "export", "fg",       "getopts", "hash",    "jobs",	 "kill",   "let",
		"local", "read",   "readonly", "return",  "set",     "shift",	 "source", "times",
		"trap",	 "type",   "ulimit",   "umask",	  "unalias", "unset",	 "wait",
	};

	for (size_t i = 0; i < HIN_COUNT(builtins); i++)
		if (strncmp(builtins[i], s->word, s->size) == 0)
			add(s->m, builtins[i], false);
	s->programs = true;
	for (size_t i = 0; i < HIN_COUNT(folders); i++)
		search_folder(s, folders[i]);
}

static void sort(struct edit_matches *m)
{
	size_t kept = 0;

	if (m->count == 0)
		return;
	qsort(m->names, m->count, sizeof(m->names[0]), compare);
	for (size_t i = 1; i < m->count; i++) {
		if (strcmp(m->names[i], m->names[kept]) == 0)
			free(m->names[i]);
		else
			m->names[++kept] = m->names[i];
	}
	m->count = kept + 1;
}

static bool ends_word(char c)
{
	return c != '\0' && strchr(" \t;|&()<>`\"'=", c) != NULL;
}

/* Does a command's name stand there? */
static bool is_command(const char *line, size_t from)
{
	while (from > 0 && (line[from - 1] == ' ' || line[from - 1] == '\t'))
		from--;
	return from == 0 || strchr(";|&(`", line[from - 1]) != NULL;
}

void edit_match(struct editor *e, struct edit_matches *out)
{
	const char *line = hin_buffer_text(&e->line);
	struct search s = { .m = out, .t = e->t };
	size_t from = e->point, name;
	char word[HIN_FS_NAME_MAX + 1], path[HIN_FS_PATH_MAX];

	*out = (struct edit_matches){ .from = e->point };
	while (from > 0 && !ends_word(line[from - 1]))
		from--;
	name = e->point;
	while (name > from && line[name - 1] != '/')
		name--;
	out->from = name;
	if (e->t->fs == NULL || e->point - name > HIN_FS_NAME_MAX || name - from >= sizeof(path))
		return;
	memcpy(word, line + name, e->point - name);
	word[e->point - name] = '\0';
	s.word = word;
	s.size = e->point - name;
	memcpy(path, line + from, name - from);
	path[name - from] = '\0';
	if (name == from && is_command(line, from)) {
		out->commands = true;
		if (s.size > 0 || e->was_tab)
			search_commands(&s);
	} else {
		search_folder(&s, name > from ? path : ".");
	}
	sort(out);
}

size_t edit_match_common(const struct edit_matches *m)
{
	size_t common = m->count > 0 ? strlen(m->names[0]) : 0;

	for (size_t i = 1; i < m->count; i++) {
		size_t same = 0;

		while (same < common && m->names[i][same] == m->names[0][same])
			same++;
		common = same;
	}
	return common;
}

void edit_match_fini(struct edit_matches *m)
{
	for (size_t i = 0; i < m->count; i++)
		free(m->names[i]);
	free(m->names);
	*m = (struct edit_matches){ 0 };
}
