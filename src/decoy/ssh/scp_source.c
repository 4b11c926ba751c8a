/* scp_source - `scp -f`: files are sent; see scp.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/ssh/scp_priv.h"

#define CHUNK ((size_t)16 * 1024)

static bool add_entry(void *user, const char *name, uint32_t ino)
{
	struct hin_buffer *out = user;

	hin_buffer_add(out, &ino, sizeof(ino));
	hin_buffer_add(out, name, strlen(name) + 1);
	return !out->failed;
}

static void send_header(struct hin_scp *s, const struct hin_fs_stat *stat, uint64_t size,
			const char *name)
{
	const char *base = strrchr(name, '/');
	char line[HIN_FS_PATH_MAX + 64];
	int used;

	base = base != NULL && base[1] != '\0' ? base + 1 : name;
	used = snprintf(line, sizeof(line), "%c%04o %llu %s\n",
			stat->type == HIN_FS_DIRECTORY ? 'D' : 'C', stat->mode & 07777,
			(unsigned long long)size, base);
	scp_send(s, line, (size_t)used);
}

static void send_times(struct hin_scp *s, const struct hin_fs_stat *stat)
{
	char line[64];
	int used = snprintf(line, sizeof(line), "T%llu 0 %llu 0\n",
			    (unsigned long long)stat->mtime_s, (unsigned long long)stat->mtime_s);

	scp_send(s, line, (size_t)used);
}

/* Begin with what is at `name` in `folder`: its times or header go out. */
static void begin_entry(struct hin_scp *s, uint32_t folder, const char *name)
{
	struct hin_fs_stat stat;
	int code = hin_fs_find(s->fs, &s->user, folder, name, true, &s->ino);
	uint32_t ino = s->ino;

	s->ino = 0;
	if (code == 0) {
		hin_fs_stat(s->fs, ino, &stat);
		if (!hin_fs_may(s->fs, &s->user, ino, 4))
			code = -EACCES;
	}
	if (code != 0) {
		scp_error(s, "%s: %s", name, strerror(-code));
		return;
	}
	if (stat.type != HIN_FS_FILE && !(stat.type == HIN_FS_DIRECTORY && s->recursive)) {
		scp_error(s, "%s: not a regular file", name);
		return;
	}
	if (stat.type == HIN_FS_DIRECTORY && s->folder_count == HIN_SCP_DEPTH) {
		scp_error(s, "%s: name too long", name);
		return;
	}
	s->ino = ino;
	hin_fs_hold(s->fs, ino);
	free(s->path);
	s->path = strdup(name);
	if (s->path == NULL) {
		scp_end(s);
		return;
	}
	s->step = SCP_HEADER;
	if (s->times) {
		send_times(s, &stat);
		s->wait = SCP_RESPONSE;
	} else {
		s->wait = SCP_DATA; /* nothing to wait for */
	}
}

static void release(struct hin_scp *s)
{
	if (s->ino != 0)
		hin_fs_drop(s->fs, s->ino);
	s->ino = 0;
	hin_buffer_fini(&s->generated);
	s->step = SCP_NEXT;
}

/* The header of what was begun. */
static void head(struct hin_scp *s)
{
	struct hin_fs_stat stat;

	hin_fs_stat(s->fs, s->ino, &stat);
	s->is_generated = stat.type == HIN_FS_FILE &&
			  (stat.tag >= HIN_SHELL_TAGS || (s->ino & HIN_FS_MADE) != 0);
	s->left = stat.type == HIN_FS_DIRECTORY ? 0 : stat.size;
	if (s->is_generated) {
		hin_shell_generate(s->fs, &hin_session_host(s->settings.session)->machine, s->ino,
				   &s->generated);
		hin_session_read(s->settings.session, s->settings.channel, s->ino);
		s->left = s->generated.used;
	}
	s->offset = 0;
	send_header(s, &stat, s->left, s->path);
	s->wait = SCP_RESPONSE;
	s->step = SCP_SEND;
}

/* A chunk of the file; a folder is entered. */
static void send_part(struct hin_scp *s)
{
	struct hin_fs_stat stat;
	const uint8_t *bytes = (const uint8_t *)s->generated.data;
	size_t stored = s->generated.used, size = CHUNK;
	uint8_t zeros[CHUNK] = { 0 };

	hin_fs_stat(s->fs, s->ino, &stat);
	if (stat.type == HIN_FS_DIRECTORY) {
		struct scp_folder *f = &s->folders[s->folder_count++];

		*f = (struct scp_folder){ 0 };
		add_entry(&f->entries, "", s->ino); /* the folder itself: paths begin at it */
		f->taken = f->entries.used;
		hin_fs_list(s->fs, s->ino, add_entry, &f->entries);
		release(s);
		return;
	}
	if (!s->is_generated)
		bytes = hin_fs_bytes(s->fs, s->ino, &stored);
	if (size > s->left)
		size = (size_t)s->left;
	if (s->offset < stored && stored - s->offset < size)
		size = (size_t)(stored - s->offset);
	scp_send(s, s->offset < stored ? bytes + s->offset : zeros, size);
	s->offset += size;
	s->left -= size;
	if (s->left == 0) {
		scp_accept(s);
		s->wait = SCP_RESPONSE;
		s->step = SCP_SENT;
	}
}

/* The next entry of the innermost folder, or the next word. */
static void next(struct hin_scp *s)
{
	while (s->folder_count > 0) {
		struct scp_folder *f = &s->folders[s->folder_count - 1];
		uint32_t folder;
		const char *name;

		if (f->taken >= f->entries.used) {
			hin_buffer_fini(&f->entries);
			s->folder_count--;
			scp_send(s, "E\n", 2);
			s->wait = SCP_RESPONSE;
			return;
		}
		memcpy(&folder, f->entries.data, sizeof(folder));
		name = f->entries.data + f->taken + sizeof(folder);
		f->taken += sizeof(folder) + strlen(name) + 1;
		begin_entry(s, folder, name);
		if (s->ino != 0 || s->over)
			return;
	}
	while (s->words_sent < s->word_count) {
		begin_entry(s, s->home, s->words[s->words_sent++]);
		if (s->ino != 0 || s->over)
			return;
	}
	scp_end(s);
}

bool scp_source_run(struct hin_scp *s)
{
	if (s->wait == SCP_RESPONSE) {
		int response = scp_take_response(s);

		if (response < 0)
			return false;
		s->wait = SCP_DATA;
		if (response > 0 && s->step != SCP_NEXT)
			release(s); /* the client does not want it */
		return true;
	}
	switch (s->step) {
	case SCP_HEADER:
		head(s);
		break;
	case SCP_SEND:
		send_part(s);
		break;
	case SCP_SENT:
		release(s);
		break;
	default:
		next(s);
		break;
	}
	return true;
}
