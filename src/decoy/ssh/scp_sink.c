/* scp_sink - `scp -t`: files come; see scp.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/ssh/scp_priv.h"

#define UMASK 022u

static bool is_folder(const struct hin_scp *s, const char *path)
{
	struct hin_fs_stat stat;
	uint32_t ino;

	if (hin_fs_find(s->fs, &s->user, s->home, path, true, &ino) != 0)
		return false;
	hin_fs_stat(s->fs, ino, &stat);
	return stat.type == HIN_FS_DIRECTORY;
}

void scp_sink_begin(struct hin_scp *s)
{
	s->wait = SCP_LINE;
	if (s->target_is_folder && !is_folder(s, s->words[0])) {
		struct hin_fs_stat stat;
		uint32_t ino;
		int code = hin_fs_find(s->fs, &s->user, s->home, s->words[0], true, &ino);

		if (code == 0) {
			hin_fs_stat(s->fs, ino, &stat);
			code = -ENOTDIR;
		}
		scp_error(s, "%s: %s", s->words[0], strerror(-code));
		scp_end(s);
		return;
	}
	s->targets[0] = strdup(s->words[0]);
	s->depth = s->targets[0] != NULL;
	if (s->depth == 0)
		scp_end(s);
	else
		scp_accept(s);
}

static void screwup(struct hin_scp *s, const char *why)
{
	scp_error(s, "protocol error: %s", why);
	scp_end(s);
}

/* ---- a file ---- */

/* Find or make the file at `path`; returns 0 or a negative errno. */
static int open_file(struct hin_scp *s, const char *path, uint32_t mode, uint32_t *ino)
{
	char name[HIN_FS_NAME_MAX + 1];
	struct hin_fs_stat stat = { .type = HIN_FS_FILE,
				    .mode = (mode | 0200) & 07777 & ~UMASK,
				    .uid = s->user.uid,
				    .gid = s->user.gid };
	uint32_t folder;
	int code = hin_fs_find(s->fs, &s->user, s->home, path, true, ino);

	if (code == 0) {
		hin_fs_stat(s->fs, *ino, &stat);
		if (stat.type == HIN_FS_DIRECTORY)
			return -EISDIR;
		return hin_fs_may(s->fs, &s->user, *ino, 2) ? 0 : -EACCES;
	}
	if (code != -ENOENT)
		return code;
	code = hin_fs_find_parent(s->fs, &s->user, s->home, path, &folder, name, ino);
	if (code != 0)
		return code;
	if (!hin_fs_may(s->fs, &s->user, folder, 3))
		return -EACCES;
	return hin_fs_make(s->fs, folder, name, &stat, NULL, scp_now_s(s), ino);
}

static void take_file(struct hin_scp *s, char *path, uint32_t mode, uint64_t size)
{
	int code = open_file(s, path, mode, &s->ino);

	free(s->path);
	s->path = path;
	if (code != 0) {
		s->ino = 0;
		scp_error(s, "%s: %s", path, strerror(-code));
		return;
	}
	hin_fs_hold(s->fs, s->ino);
	s->offset = 0;
	s->left = size;
	s->write_error = 0;
	s->wait = SCP_DATA;
	scp_accept(s);
}

static void end_file(struct hin_scp *s)
{
	struct hin_fs_stat stat;

	hin_fs_stat(s->fs, s->ino, &stat);
	if (stat.type == HIN_FS_FILE && s->write_error == 0) {
		if (stat.size > s->offset)
			s->write_error = hin_fs_truncate(s->fs, s->ino, s->offset, scp_now_s(s));
		if (s->times && s->mtime_s >= 0)
			(void)hin_fs_set_time(s->fs, s->ino, s->mtime_s); /* its own file */
		hin_session_file(s->settings.session, s->settings.channel, s->ino, s->path);
	}
	hin_fs_drop(s->fs, s->ino);
	s->ino = 0;
	s->mtime_s = -1;
	s->wait = SCP_RESPONSE;
}

static bool take_data(struct hin_scp *s)
{
	size_t size = s->in.used - s->taken;
	struct hin_fs_stat stat;

	size = size < s->left ? size : (size_t)s->left;
	if (size == 0 && s->left > 0)
		return false;
	hin_fs_stat(s->fs, s->ino, &stat);
	if (size > 0 && s->write_error == 0 && stat.type == HIN_FS_FILE) {
		s->write_error = s->offset + size > HIN_SCP_FILE
					 ? -ENOSPC
					 : hin_fs_write(s->fs, s->ino, s->offset,
							hin_buffer_text(&s->in) + s->taken, size,
							scp_now_s(s));
	}
	s->taken += size;
	s->offset += size;
	s->left -= size;
	if (s->left == 0)
		end_file(s);
	return true;
}

/* The client says that it sent all; we say whether it was kept. */
static bool take_end(struct hin_scp *s)
{
	int response = scp_take_response(s);

	if (response < 0)
		return false;
	s->wait = SCP_LINE;
	if (s->write_error != 0)
		scp_error(s, "%s: %s", s->path, strerror(-s->write_error));
	else
		scp_accept(s);
	return true;
}

/* ---- control lines ---- */

static bool take_folder(struct hin_scp *s, char *path, uint32_t mode)
{
	char name[HIN_FS_NAME_MAX + 1];
	struct hin_fs_stat stat = { .type = HIN_FS_DIRECTORY,
				    .mode = (mode | 0700) & 07777 & ~UMASK,
				    .uid = s->user.uid,
				    .gid = s->user.gid };
	uint32_t folder, ino;
	int code = 0;

	if (s->depth == HIN_SCP_DEPTH) {
		code = -ENAMETOOLONG;
	} else if (!is_folder(s, path)) {
		code = hin_fs_find_parent(s->fs, &s->user, s->home, path, &folder, name, &ino);
		if (code == 0 && ino != 0)
			code = -ENOTDIR;
		if (code == 0 && !hin_fs_may(s->fs, &s->user, folder, 3))
			code = -EACCES;
		if (code == 0)
			code = hin_fs_make(s->fs, folder, name, &stat, NULL, scp_now_s(s), &ino);
	}
	if (code != 0) {
		scp_error(s, "%s: %s", path, strerror(-code));
		return false;
	}
	s->targets[s->depth++] = path;
	s->mtime_s = -1;
	scp_accept(s);
	return true;
}

static void end_folder(struct hin_scp *s)
{
	scp_accept(s);
	free(s->targets[--s->depth]);
	if (s->depth == 0)
		scp_end(s);
}

static void take_times(struct hin_scp *s, const char *line)
{
	unsigned long long mtime;
	char end;

	if (sscanf(line + 1, "%llu %*u %*u %*u%c", &mtime, &end) != 1) {
		screwup(s, "mtime.sec not delimited");
		return;
	}
	s->mtime_s = (int64_t)(mtime & INT32_MAX);
	scp_accept(s);
}

/* "C0644 299 name": false when it is none. */
static bool parse_entry(struct hin_scp *s, const char *line, uint32_t *mode, uint64_t *size,
			const char **name)
{
	char *end;

	*mode = 0;
	for (int i = 1; i <= 4; i++) {
		if (line[i] < '0' || line[i] > '7') {
			screwup(s, "bad mode");
			return false;
		}
		*mode = *mode << 3 | (uint32_t)(line[i] - '0');
	}
	if (line[5] != ' ') {
		screwup(s, "mode not delimited");
		return false;
	}
	if (line[6] < '0' || line[6] > '9') {
		screwup(s, "size not present");
		return false;
	}
	errno = 0;
	*size = strtoull(line + 6, &end, 10);
	if (*end != ' ') {
		screwup(s, "size not delimited");
		return false;
	}
	if (errno != 0 || *size > INT64_MAX) {
		screwup(s, "size out of range");
		return false;
	}
	*name = end + 1;
	if (**name == '\0' || strchr(*name, '/') != NULL || strcmp(*name, ".") == 0 ||
	    strcmp(*name, "..") == 0) {
		scp_error(s, "error: unexpected filename: %s", *name);
		scp_end(s);
		return false;
	}
	return true;
}

static void take_entry(struct hin_scp *s, const char *line)
{
	const char *target = s->targets[s->depth - 1], *name;
	char *path = NULL;
	uint32_t mode;
	uint64_t size;

	if (!parse_entry(s, line, &mode, &size, &name))
		return;
	if (is_folder(s, target)) {
		if (asprintf(&path, "%s%s%s", target,
			     target[0] != '\0' && strcmp(target, "/") != 0 ? "/" : "", name) < 0)
			path = NULL;
	} else {
		path = strdup(target);
	}
	if (path == NULL) {
		scp_end(s);
	} else if (line[0] == 'C') {
		take_file(s, path, mode, size);
	} else if (!s->recursive) {
		screwup(s, "received directory without -r");
		free(path);
	} else if (!take_folder(s, path, mode)) {
		free(path);
	}
}

static bool take_control(struct hin_scp *s)
{
	char line[HIN_SCP_LINE];
	bool first = s->first;

	if (!scp_take_line(s, line))
		return false;
	s->first = false;
	switch (line[0]) {
	case '\0':
		screwup(s, "unexpected <newline>");
		break;
	case '\001':
		s->errors++;
		break;
	case '\002':
		s->errors++;
		scp_end(s);
		break;
	case 'E':
		end_folder(s);
		break;
	case 'T':
		take_times(s, line);
		break;
	case 'C':
	case 'D':
		take_entry(s, line);
		break;
	default:
		if (first) {
			scp_error(s, "%s", line);
			scp_end(s);
		} else {
			screwup(s, "expected control record");
		}
		break;
	}
	return true;
}

bool scp_sink_run(struct hin_scp *s)
{
	switch (s->wait) {
	case SCP_LINE:
		return take_control(s);
	case SCP_DATA:
		return take_data(s);
	default:
		return take_end(s);
	}
}
