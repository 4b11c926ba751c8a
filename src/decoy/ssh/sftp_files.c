/* sftp_files - the requests of SFTP 3; see sftp_priv.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/ssh/sftp_priv.h"

#define NAMES_AT_ONCE 100 /* of READDIR, as OpenSSH has it */

/* Flags of OPEN. */
enum { READS = 1, WRITES = 2, APPENDS = 4, CREATES = 8, TRUNCATES = 16, EXCLUDES = 32 };

static bool is_generated(const struct hin_fs_stat *stat)
{
	return stat->tag >= HIN_SHELL_TAGS || (stat->ino & HIN_FS_MADE) != 0;
}

static int find(const struct hin_sftp *s, const char *path, bool follow, uint32_t *ino)
{
	return hin_fs_find(s->fs, &s->user, sftp_folder(s), path, follow, ino);
}

static int find_parent(const struct hin_sftp *s, const char *path, uint32_t *folder,
		       char name[HIN_FS_NAME_MAX + 1], uint32_t *ino)
{
	return hin_fs_find_parent(s->fs, &s->user, sftp_folder(s), path, folder, name, ino);
}

/* Fields were missing: sftp-server ends. */
static bool fields_failed(struct hin_sftp *s, const struct hin_reader *in)
{
	if (in->failed)
		sftp_end(s, 255);
	return in->failed;
}

/* ---- open, close, read, write ---- */

static int create(struct hin_sftp *s, uint32_t folder, const char *name, uint32_t mode,
		  uint32_t *ino)
{
	struct hin_fs_stat stat = { .type = HIN_FS_FILE,
				    .mode = mode & 07777 & ~SFTP_UMASK,
				    .uid = s->user.uid,
				    .gid = s->user.gid };

	if (!hin_fs_may(s->fs, &s->user, folder, 3))
		return -EACCES;
	return hin_fs_make(s->fs, folder, name, &stat, NULL, sftp_now_s(s), ino);
}

/* Find or make what is to be opened. */
static int open_inode(struct hin_sftp *s, const char *path, uint32_t flags, uint32_t mode,
		      uint32_t *ino)
{
	char name[HIN_FS_NAME_MAX + 1];
	struct hin_fs_stat stat;
	uint32_t folder;
	unsigned wanted = (flags & READS ? 4u : 0) | (flags & (WRITES | APPENDS) ? 2u : 0);
	int code = find(s, path, true, ino);

	if (code == -ENOENT && (flags & CREATES)) {
		code = find_parent(s, path, &folder, name, ino);
		if (code == 0 && *ino != 0)
			code = -ENOENT; /* a link that leads nowhere */
		return code != 0 ? code : create(s, folder, name, mode, ino);
	}
	if (code != 0)
		return code;
	if ((flags & CREATES) && (flags & EXCLUDES))
		return -EEXIST;
	hin_fs_stat(s->fs, *ino, &stat);
	if (stat.type == HIN_FS_DIRECTORY && (wanted & 2))
		return -EISDIR;
	if (!hin_fs_may(s->fs, &s->user, *ino, wanted))
		return -EACCES;
	if ((flags & TRUNCATES) && (wanted & 2) && stat.type == HIN_FS_FILE)
		return hin_fs_truncate(s->fs, *ino, 0, sftp_now_s(s));
	return 0;
}

static void send_handle(struct hin_sftp *s, uint32_t id, uint32_t number)
{
	struct hin_buffer *out = sftp_begin(s, SFTP_HANDLE, id);

	number = HIN_BE32(number);
	hin_ssh_put_string(out, &number, sizeof(number));
	sftp_send(s);
}

void sftp_on_open(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	struct sftp_attributes a;
	struct sftp_handle *h;
	struct hin_fs_stat stat;
	uint32_t flags, ino, number;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	flags = hin_read_be32(in);
	sftp_read_attributes(in, &a);
	if (fields_failed(s, in))
		return;
	code = open_inode(s, path, flags, a.flags & SFTP_HAS_MODE ? a.mode : 0666, &ino);
	if (code != 0) {
		sftp_send_error(s, id, code);
		return;
	}
	h = sftp_handle_new(s, &number);
	if (h == NULL) {
		sftp_send_status(s, id, SFTP_FAILURE);
		return;
	}
	h->ino = ino;
	h->reads = (flags & READS) != 0;
	h->writes = (flags & (WRITES | APPENDS)) != 0;
	h->appends = (flags & APPENDS) != 0;
	h->path = strdup(path);
	hin_fs_stat(s->fs, ino, &stat);
	h->generated = is_generated(&stat);
	if (h->generated) {
		hin_shell_generate(s->fs, &hin_session_host(s->settings.session)->machine, ino,
				   &h->bytes);
		hin_session_read(s->settings.session, s->settings.channel, ino);
	} else {
		hin_fs_hold(s->fs, ino);
	}
	send_handle(s, id, number);
}

void sftp_on_close(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);

	if (fields_failed(s, in))
		return;
	if (h == NULL) {
		sftp_send_status(s, id, SFTP_FAILURE);
		return;
	}
	sftp_handle_close(s, h);
	sftp_send_status(s, id, SFTP_OK);
}

/* The bytes of an open file from `offset` on. */
static void put_bytes(struct hin_sftp *s, const struct sftp_handle *h, uint64_t offset, size_t size,
		      struct hin_buffer *out)
{
	const uint8_t *bytes = (const uint8_t *)h->bytes.data;
	size_t stored = h->bytes.used, part = 0;

	if (!h->generated)
		bytes = hin_fs_bytes(s->fs, h->ino, &stored);
	if (offset < stored)
		part = stored - offset < size ? (size_t)(stored - offset) : size;
	hin_ssh_put_u32(out, (uint32_t)size);
	hin_buffer_add(out, part > 0 ? bytes + offset : NULL, part);
	hin_buffer_fill(out, '\0', size - part);
}

void sftp_on_read(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);
	uint64_t offset = hin_read_be64(in), size;
	uint32_t wanted = hin_read_be32(in);
	struct hin_fs_stat stat;
	struct hin_buffer *out;

	if (fields_failed(s, in))
		return;
	if (h == NULL || h->folder) {
		sftp_send_status(s, id, SFTP_FAILURE);
		return;
	}
	hin_fs_stat(s->fs, h->ino, &stat);
	size = h->generated ? h->bytes.used : stat.size;
	if (offset > INT64_MAX || stat.type == HIN_FS_DIRECTORY || !h->reads) {
		sftp_send_error(s, id, offset > INT64_MAX ? -EINVAL : !h->reads ? -EBADF : -EISDIR);
		return;
	}
	if (offset >= size) {
		sftp_send_status(s, id, SFTP_EOF);
		return;
	}
	if (wanted > SFTP_READ_MAX)
		wanted = SFTP_READ_MAX;
	if (wanted > size - offset)
		wanted = (uint32_t)(size - offset);
	out = sftp_begin(s, SFTP_DATA, id);
	put_bytes(s, h, offset, wanted, out);
	sftp_send(s);
}

void sftp_on_write(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);
	uint64_t offset = hin_read_be64(in);
	struct hin_ssh_string data = hin_ssh_get_string(in);
	struct hin_fs_stat stat;
	int code;

	if (fields_failed(s, in))
		return;
	if (h == NULL || h->folder) {
		sftp_send_status(s, id, SFTP_FAILURE);
		return;
	}
	hin_fs_stat(s->fs, h->ino, &stat);
	if (h->appends)
		offset = stat.size;
	if (!h->writes)
		code = -EBADF;
	else if (offset > INT64_MAX)
		code = -EINVAL;
	else if (stat.type != HIN_FS_FILE)
		code = 0; /* a device takes it */
	else
		code = hin_fs_write(s->fs, h->ino, offset, data.data, data.size, sftp_now_s(s));
	if (code == 0 && stat.type == HIN_FS_FILE)
		h->written = true;
	sftp_send_error(s, id, code);
}

/* ---- attributes ---- */

static void send_stat(struct hin_sftp *s, uint32_t id, int code, uint32_t ino)
{
	struct hin_fs_stat stat;

	if (code != 0) {
		sftp_send_error(s, id, code);
		return;
	}
	hin_fs_stat(s->fs, ino, &stat);
	sftp_put_attributes(sftp_begin(s, SFTP_ATTRS, id), &stat);
	sftp_send(s);
}

static void stat_path(struct hin_sftp *s, uint32_t id, struct hin_reader *in, bool follow)
{
	char path[HIN_FS_PATH_MAX];
	uint32_t ino = 0;

	if (sftp_read_path(s, in, path)) {
		int code = find(s, path, follow, &ino);

		send_stat(s, id, code, ino);
	}
}

void sftp_on_stat(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	stat_path(s, id, in, true);
}

void sftp_on_lstat(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	stat_path(s, id, in, false);
}

void sftp_on_fstat(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);

	if (fields_failed(s, in))
		return;
	if (h == NULL)
		sftp_send_status(s, id, SFTP_FAILURE);
	else
		send_stat(s, id, 0, h->ino);
}

/* Set what `a` has, in the order of sftp-server; the last error counts. */
static int set_attributes(struct hin_sftp *s, uint32_t ino, const struct sftp_attributes *a)
{
	struct hin_fs_stat stat;
	bool own;
	int code = 0, part;

	hin_fs_stat(s->fs, ino, &stat);
	own = s->user.uid == 0 || s->user.uid == stat.uid;
	if (a->flags & SFTP_HAS_SIZE) {
		part = hin_fs_may(s->fs, &s->user, ino, 2)
			       ? hin_fs_truncate(s->fs, ino, a->size, sftp_now_s(s))
			       : -EACCES;
		code = part != 0 ? part : code;
	}
	if (a->flags & SFTP_HAS_MODE) {
		part = own ? hin_fs_set_mode(s->fs, ino, a->mode & 07777) : -EPERM;
		code = part != 0 ? part : code;
	}
	if (a->flags & SFTP_HAS_TIMES) {
		part = own ? hin_fs_set_time(s->fs, ino, a->mtime) : -EPERM;
		code = part != 0 ? part : code;
	}
	if (a->flags & SFTP_HAS_OWNER) {
		bool same = a->uid == stat.uid && a->gid == stat.gid;

		part = s->user.uid == 0 ? hin_fs_set_owner(s->fs, ino, a->uid, a->gid)
		       : same && own	? 0
					: -EPERM;
		code = part != 0 ? part : code;
	}
	return code;
}

void sftp_on_setstat(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	struct sftp_attributes a;
	uint32_t ino;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	sftp_read_attributes(in, &a);
	if (fields_failed(s, in))
		return;
	code = find(s, path, true, &ino);
	if (code == 0)
		code = set_attributes(s, ino, &a);
	else if (a.flags == 0)
		code = 0; /* nothing was to be done */
	sftp_send_error(s, id, code);
}

void sftp_on_fsetstat(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);
	struct sftp_attributes a;

	sftp_read_attributes(in, &a);
	if (fields_failed(s, in))
		return;
	if (h == NULL)
		sftp_send_status(s, id, SFTP_FAILURE);
	else
		sftp_send_error(s, id, set_attributes(s, h->ino, &a));
}

/* ---- folders ---- */

static bool add_entry(void *user, const char *name, uint32_t ino)
{
	struct hin_buffer *out = user;

	hin_buffer_add(out, &ino, sizeof(ino));
	hin_buffer_add(out, name, strlen(name) + 1);
	return !out->failed;
}

void sftp_on_opendir(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	struct hin_fs_stat stat = { 0 };
	struct sftp_handle *h = NULL;
	uint32_t ino = 0, number = 0, parent;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	code = find(s, path, true, &ino);
	if (code == 0) {
		hin_fs_stat(s->fs, ino, &stat);
		if (stat.type != HIN_FS_DIRECTORY)
			code = -ENOTDIR;
		else if (!hin_fs_may(s->fs, &s->user, ino, 4))
			code = -EACCES;
	}
	if (code == 0)
		h = sftp_handle_new(s, &number);
	if (code != 0 || h == NULL) {
		sftp_send_error(s, id, code != 0 ? code : -EMFILE);
		return;
	}
	h->folder = true;
	h->ino = ino;
	h->path = strdup(path);
	add_entry(&h->entries, ".", ino);
	if (hin_fs_find(s->fs, &s->user, ino, "..", true, &parent) == 0)
		add_entry(&h->entries, "..", parent);
	hin_fs_list(s->fs, ino, add_entry, &h->entries);
	send_handle(s, id, number);
}

void sftp_on_readdir(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);
	struct hin_buffer *out, line = { 0 };
	uint32_t count = 0, ino;

	if (fields_failed(s, in))
		return;
	if (h == NULL || !h->folder) {
		sftp_send_status(s, id, SFTP_FAILURE);
		return;
	}
	if (h->entries_sent >= h->entries.used) {
		sftp_send_status(s, id, SFTP_EOF);
		return;
	}
	out = sftp_begin(s, SFTP_NAME, id);
	hin_ssh_put_u32(out, 0);
	while (h->entries_sent < h->entries.used && count < NAMES_AT_ONCE) {
		const char *at = h->entries.data + h->entries_sent, *name = at + sizeof(ino);
		struct hin_fs_stat stat;

		memcpy(&ino, at, sizeof(ino));
		h->entries_sent += sizeof(ino) + strlen(name) + 1;
		hin_fs_stat(s->fs, ino, &stat);
		hin_buffer_reset(&line);
		sftp_put_long_name(s, &line, name, &stat);
		hin_ssh_put_text(out, name);
		hin_ssh_put_string(out, line.data, line.used);
		sftp_put_attributes(out, &stat);
		count++;
	}
	hin_buffer_fini(&line);
	count = HIN_BE32(count);
	if (!out->failed)
		memcpy(out->data + 9, &count, sizeof(count)); /* behind length, type and id */
	sftp_send(s);
}

void sftp_on_mkdir(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX], name[HIN_FS_NAME_MAX + 1];
	struct hin_fs_stat stat = { .type = HIN_FS_DIRECTORY,
				    .uid = s->user.uid,
				    .gid = s->user.gid };
	struct sftp_attributes a;
	uint32_t folder, ino;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	sftp_read_attributes(in, &a);
	if (fields_failed(s, in))
		return;
	stat.mode = (a.flags & SFTP_HAS_MODE ? a.mode & 07777 : 0777) & ~SFTP_UMASK;
	code = find_parent(s, path, &folder, name, &ino);
	if (code == 0 && ino != 0)
		code = -EEXIST;
	if (code == 0 && !hin_fs_may(s->fs, &s->user, folder, 3))
		code = -EACCES;
	if (code == 0)
		code = hin_fs_make(s->fs, folder, name, &stat, NULL, sftp_now_s(s), &ino);
	sftp_send_error(s, id, code);
}

/* ---- names ---- */

/* Find what may be taken out of its folder. */
static int find_removable(struct hin_sftp *s, const char *path, uint32_t *folder,
			  char name[HIN_FS_NAME_MAX + 1], uint32_t *ino)
{
	struct hin_fs_stat of, in;
	int code = find_parent(s, path, folder, name, ino);

	if (code != 0)
		return code;
	if (*ino == 0)
		return -ENOENT;
	if (!hin_fs_may(s->fs, &s->user, *folder, 3))
		return -EACCES;
	hin_fs_stat(s->fs, *folder, &in);
	hin_fs_stat(s->fs, *ino, &of);
	if ((in.mode & 01000) != 0 && s->user.uid != 0 && s->user.uid != of.uid &&
	    s->user.uid != in.uid)
		return -EPERM; /* the sticky bit */
	return 0;
}

static void take_out(struct hin_sftp *s, uint32_t id, struct hin_reader *in,
		     int (*take)(struct hin_fs *, uint32_t, const char *, int64_t))
{
	char path[HIN_FS_PATH_MAX], name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	code = find_removable(s, path, &folder, name, &ino);
	if (code == 0)
		code = take(s->fs, folder, name, sftp_now_s(s));
	sftp_send_error(s, id, code);
}

void sftp_on_remove(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	take_out(s, id, in, hin_fs_unlink);
}

void sftp_on_rmdir(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	take_out(s, id, in, hin_fs_rmdir);
}

void sftp_on_realpath(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	struct hin_buffer real = { 0 }, *out;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	code = sftp_real_path(s, path[0] != '\0' ? path : ".", &real);
	if (code != 0) {
		sftp_send_error(s, id, code);
	} else {
		out = sftp_begin(s, SFTP_NAME, id);
		hin_ssh_put_u32(out, 1);
		hin_ssh_put_string(out, real.data, real.used);
		hin_ssh_put_string(out, real.data, real.used);
		hin_ssh_put_u32(out, 0);
		sftp_send(s);
	}
	hin_buffer_fini(&real);
}

/* As sftp-server: a name that is there is not replaced. */
void sftp_on_rename(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char from[HIN_FS_PATH_MAX], to[HIN_FS_PATH_MAX];
	char name[HIN_FS_NAME_MAX + 1], to_name[HIN_FS_NAME_MAX + 1];
	uint32_t folder, ino, to_folder, to_ino;
	int code;

	if (!sftp_read_path(s, in, from) || !sftp_read_path(s, in, to))
		return;
	code = find_removable(s, from, &folder, name, &ino);
	if (code == 0)
		code = find_parent(s, to, &to_folder, to_name, &to_ino);
	if (code == 0 && to_ino != 0)
		code = -EEXIST;
	if (code == 0 && !hin_fs_may(s->fs, &s->user, to_folder, 3))
		code = -EACCES;
	if (code == 0)
		code = hin_fs_rename(s->fs, folder, name, to_folder, to_name, sftp_now_s(s));
	sftp_send_error(s, id, code);
}

void sftp_on_readlink(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	struct hin_fs_stat stat;
	struct hin_buffer *out;
	const uint8_t *target;
	uint32_t ino;
	size_t size;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	code = find(s, path, false, &ino);
	if (code == 0) {
		hin_fs_stat(s->fs, ino, &stat);
		if (stat.type != HIN_FS_SYMLINK)
			code = -EINVAL;
	}
	if (code != 0) {
		sftp_send_error(s, id, code);
		return;
	}
	target = hin_fs_bytes(s->fs, ino, &size);
	out = sftp_begin(s, SFTP_NAME, id);
	hin_ssh_put_u32(out, 1);
	hin_ssh_put_string(out, target, size);
	hin_ssh_put_string(out, target, size);
	hin_ssh_put_u32(out, 0);
	sftp_send(s);
}

/* OpenSSH takes the target first, unlike the draft. */
void sftp_on_symlink(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char target[HIN_FS_PATH_MAX], path[HIN_FS_PATH_MAX], name[HIN_FS_NAME_MAX + 1];
	struct hin_fs_stat stat = {
		.type = HIN_FS_SYMLINK, .mode = 0777, .uid = s->user.uid, .gid = s->user.gid
	};
	uint32_t folder, ino;
	int code;

	if (!sftp_read_path(s, in, target) || !sftp_read_path(s, in, path))
		return;
	code = find_parent(s, path, &folder, name, &ino);
	if (code == 0 && ino != 0)
		code = -EEXIST;
	if (code == 0 && target[0] == '\0')
		code = -ENOENT;
	if (code == 0 && !hin_fs_may(s->fs, &s->user, folder, 3))
		code = -EACCES;
	if (code == 0)
		code = hin_fs_make(s->fs, folder, name, &stat, target, sftp_now_s(s), &ino);
	sftp_send_error(s, id, code);
}
