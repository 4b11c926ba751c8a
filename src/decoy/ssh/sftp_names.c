/* sftp_names - attributes, names and paths; see sftp_priv.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/ssh/sftp_priv.h"

#define HALF_YEAR_S ((365 * 24 * 60 * 60) / 2)

static const struct {
	uint32_t mode;
	char letter;
} types[] = {
	[HIN_FS_FILE] = { 0100000, '-' },    [HIN_FS_DIRECTORY] = { 0040000, 'd' },
	[HIN_FS_SYMLINK] = { 0120000, 'l' }, [HIN_FS_CHARACTER] = { 0020000, 'c' },
	[HIN_FS_BLOCK] = { 0060000, 'b' },   [HIN_FS_FIFO] = { 0010000, 'p' },
	[HIN_FS_SOCKET] = { 0140000, 's' },
};

void sftp_put_attributes(struct hin_buffer *out, const struct hin_fs_stat *stat)
{
	hin_ssh_put_u32(out, SFTP_HAS_SIZE | SFTP_HAS_OWNER | SFTP_HAS_MODE | SFTP_HAS_TIMES);
	hin_ssh_put_u64(out, stat->type == HIN_FS_DIRECTORY && stat->size == 0 ? 4096 : stat->size);
	hin_ssh_put_u32(out, stat->uid);
	hin_ssh_put_u32(out, stat->gid);
	hin_ssh_put_u32(out, types[stat->type].mode | stat->mode);
	hin_ssh_put_u32(out, (uint32_t)stat->mtime_s);
	hin_ssh_put_u32(out, (uint32_t)stat->mtime_s);
}

/* "drwxr-xr-x", as strmode(3). */
static void put_mode(const struct hin_fs_stat *stat, char out[11])
{
	uint32_t m = stat->mode;

	out[0] = types[stat->type].letter;
	for (int i = 0; i < 9; i++)
		out[1 + i] = (m & (0400u >> i)) != 0 ? "rwx"[i % 3] : '-';
	if (m & 04000)
		out[3] = m & 0100 ? 's' : 'S';
	if (m & 02000)
		out[6] = m & 010 ? 's' : 'S';
	if (m & 01000)
		out[9] = m & 01 ? 't' : 'T';
	out[10] = '\0';
}

/* The third field of a line of passwd(5) or group(5), if it is one. */
static bool line_has_id(const char *line, size_t size, uint32_t id)
{
	const char *at = memchr(line, ':', size);
	char *end;

	if (at != NULL)
		at = memchr(at + 1, ':', size - (size_t)(at + 1 - line));
	if (at == NULL)
		return false;
	return strtoul(at + 1, &end, 10) == id && end > at + 1 && *end == ':';
}

bool sftp_user_name(const struct hin_sftp *s, bool group, uint32_t id, char out[64])
{
	static const struct hin_fs_user root = { 0, 0 };
	const char *text, *end;
	struct hin_buffer all = { 0 };
	uint32_t ino;
	bool found = false;
	size_t size;

	if (hin_fs_find(s->fs, &root, HIN_FS_ROOT, group ? "/etc/group" : "/etc/passwd", true,
			&ino) != 0)
		return false;
	text = (const char *)hin_fs_bytes(s->fs, ino, &size);
	hin_buffer_add(&all, text, size); /* with a NUL behind it */
	text = hin_buffer_text(&all);
	for (end = text + all.used; text < end && !found;) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((stop != NULL ? stop : end) - text);

		if (line_has_id(text, line, id)) {
			snprintf(out, 64, "%.*s", (int)strcspn(text, ":"), text);
			found = true;
		}
		text += line + 1;
	}
	hin_buffer_fini(&all);
	return found;
}

void sftp_put_long_name(struct hin_sftp *s, struct hin_buffer *out, const char *name,
			const struct hin_fs_stat *stat)
{
	const struct hin_shell_machine *m = &hin_session_host(s->settings.session)->machine;
	int64_t now_s = sftp_now_s(s);
	time_t at = (time_t)(stat->mtime_s + m->zone_s);
	char mode[11], user[64], group[64], when[32];
	uint64_t size = stat->type == HIN_FS_DIRECTORY && stat->size == 0 ? 4096 : stat->size;
	struct tm tm;

	put_mode(stat, mode);
	gmtime_r(&at, &tm);
	strftime(when, sizeof(when),
		 now_s - stat->mtime_s < HALF_YEAR_S && stat->mtime_s <= now_s ? "%b %e %H:%M"
									       : "%b %e  %Y",
		 &tm);
	if (!sftp_user_name(s, false, stat->uid, user))
		snprintf(user, sizeof(user), "%u", stat->uid);
	if (!sftp_user_name(s, true, stat->gid, group))
		snprintf(group, sizeof(group), "%u", stat->gid);
	hin_buffer_printf(out, "%s %4u %-8s %-8s %8llu %s %s", mode, stat->links, user, group,
			  (unsigned long long)size, when, name);
}

/* One part more of a path that is resolved; `*ino` 0: it is not there. */
static int step(const struct hin_sftp *s, uint32_t *folder, const char *part, bool last,
		struct hin_buffer *out)
{
	uint32_t ino = 0;
	struct hin_fs_stat stat;
	int code = hin_fs_find(s->fs, &s->user, *folder, part, true, &ino);

	if (code == -ENOENT && last) {
		hin_buffer_reset(out);
		hin_fs_path(s->fs, *folder, out);
		if (out->used == 0 || out->data[out->used - 1] != '/')
			hin_buffer_putc(out, '/');
		hin_buffer_puts(out, part);
		return 1;
	}
	if (code != 0)
		return code;
	hin_fs_stat(s->fs, ino, &stat);
	if (stat.type == HIN_FS_DIRECTORY) {
		*folder = ino;
		return 0;
	}
	return last ? 2 : -ENOTDIR;
}

/* A file's own path: that of its folder and its name, once its links are followed. */
static int file_path(const struct hin_sftp *s, uint32_t folder, const char *path,
		     struct hin_buffer *out)
{
	char name[HIN_FS_NAME_MAX + 1], target[HIN_FS_PATH_MAX];
	struct hin_fs_stat stat;
	uint32_t ino;

	snprintf(target, sizeof(target), "%s", path);
	for (int links = 0; links <= HIN_FS_LINKS_MAX; links++) {
		const uint8_t *bytes;
		size_t size;
		int code = hin_fs_find_parent(s->fs, &s->user, folder, target, &folder, name, &ino);

		if (code != 0)
			return code;
		if (ino == 0)
			return -ENOENT;
		hin_fs_stat(s->fs, ino, &stat);
		if (stat.type != HIN_FS_SYMLINK) {
			hin_buffer_reset(out);
			hin_fs_path(s->fs, folder, out);
			if (out->used == 0 || out->data[out->used - 1] != '/')
				hin_buffer_putc(out, '/');
			hin_buffer_puts(out, name);
			return 0;
		}
		bytes = hin_fs_bytes(s->fs, ino, &size);
		snprintf(target, sizeof(target), "%.*s", (int)size, (const char *)bytes);
	}
	return -ELOOP;
}

int sftp_real_path(const struct hin_sftp *s, const char *path, struct hin_buffer *out)
{
	uint32_t folder = path[0] == '/' ? HIN_FS_ROOT : sftp_folder(s);
	char part[HIN_FS_PATH_MAX];

	while (*path != '\0') {
		size_t size = strcspn(path, "/"), slashes;
		int code;

		slashes = strspn(path + size, "/");
		if (size == 0) {
			path += slashes;
			continue;
		}
		snprintf(part, sizeof(part), "%.*s", (int)size, path);
		path += size + slashes;
		code = step(s, &folder, part, *path == '\0', out);
		if (code == 1)
			return 0;
		if (code == 2)
			return file_path(s, folder, part, out);
		if (code != 0)
			return code;
	}
	hin_buffer_reset(out);
	hin_fs_path(s->fs, folder, out);
	if (out->used == 0)
		hin_buffer_putc(out, '/');
	return 0;
}
