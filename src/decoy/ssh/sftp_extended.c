/* sftp_extended - OpenSSH's extensions (PROTOCOL, 4); see sftp_priv.h */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "decoy/ssh/sftp_priv.h"

#define HANDLES_TOLD 1019 /* of limits@openssh.com: what 1,024 descriptors leave */
#define BLOCK 4096
#define COPY_MAX ((uint64_t)64 << 20)

static int find(const struct hin_sftp *s, const char *path, bool follow, uint32_t *ino)
{
	return hin_fs_find(s->fs, &s->user, sftp_folder(s), path, follow, ino);
}

static void on_posix_rename(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char from[HIN_FS_PATH_MAX], to[HIN_FS_PATH_MAX];
	char name[HIN_FS_NAME_MAX + 1], to_name[HIN_FS_NAME_MAX + 1];
	uint32_t cwd = sftp_folder(s), folder, ino, to_folder, to_ino;
	int code;

	if (!sftp_read_path(s, in, from) || !sftp_read_path(s, in, to))
		return;
	code = hin_fs_find_parent(s->fs, &s->user, cwd, from, &folder, name, &ino);
	if (code == 0 && ino == 0)
		code = -ENOENT;
	if (code == 0)
		code = hin_fs_find_parent(s->fs, &s->user, cwd, to, &to_folder, to_name, &to_ino);
	if (code == 0 &&
	    (!hin_fs_may(s->fs, &s->user, folder, 3) || !hin_fs_may(s->fs, &s->user, to_folder, 3)))
		code = -EACCES;
	if (code == 0)
		code = hin_fs_rename(s->fs, folder, name, to_folder, to_name, sftp_now_s(s));
	sftp_send_error(s, id, code);
}

/* What df says of "/", as far as the machine tells. */
static void send_statvfs(struct hin_sftp *s, uint32_t id)
{
	const struct hin_shell_machine *m = &hin_session_host(s->settings.session)->machine;
	uint64_t size_kib = 20 << 20, used_kib = 4 << 20, inodes = 1 << 20, used_inodes = 1 << 16;
	struct hin_buffer *out;
	uint64_t fields[11];

	for (size_t i = 0; i < m->mount_count; i++) {
		const struct hin_machine_mount *mount = &m->mounts[i];

		if (strcmp(mount->folder, "/") != 0 || mount->size_kib == 0)
			continue;
		size_kib = mount->size_kib;
		used_kib = mount->used_kib;
		inodes = mount->inodes != 0 ? mount->inodes : inodes;
		used_inodes = mount->used_inodes;
	}
	fields[0] = fields[1] = BLOCK;
	fields[2] = size_kib / (BLOCK / 1024);
	fields[3] = (size_kib - used_kib) / (BLOCK / 1024);
	fields[4] = fields[3] - fields[2] / 20 < fields[3] ? fields[3] - fields[2] / 20 : 0;
	fields[5] = inodes;
	fields[6] = fields[7] = inodes - used_inodes;
	fields[8] = 0x801; /* of a first partition */
	fields[9] = 0;
	fields[10] = HIN_FS_NAME_MAX;
	out = sftp_begin(s, SFTP_EXTENDED_REPLY, id);
	for (size_t i = 0; i < HIN_COUNT(fields); i++)
		hin_ssh_put_u64(out, fields[i]);
	sftp_send(s);
}

static void on_statvfs(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	uint32_t ino;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	code = find(s, path, true, &ino);
	if (code != 0)
		sftp_send_error(s, id, code);
	else
		send_statvfs(s, id);
}

static void on_fstatvfs(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);

	if (in->failed)
		sftp_end(s, 255);
	else if (h == NULL)
		sftp_send_status(s, id, SFTP_FAILURE);
	else
		send_statvfs(s, id);
}

static void on_hardlink(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char from[HIN_FS_PATH_MAX], to[HIN_FS_PATH_MAX], name[HIN_FS_NAME_MAX + 1];
	uint32_t ino, folder, there;
	int code;

	if (!sftp_read_path(s, in, from) || !sftp_read_path(s, in, to))
		return;
	code = find(s, from, false, &ino);
	if (code == 0)
		code = hin_fs_find_parent(s->fs, &s->user, sftp_folder(s), to, &folder, name,
					  &there);
	if (code == 0 && there != 0)
		code = -EEXIST;
	if (code == 0 && !hin_fs_may(s->fs, &s->user, folder, 3))
		code = -EACCES;
	if (code == 0)
		code = hin_fs_link(s->fs, folder, name, ino, sftp_now_s(s));
	sftp_send_error(s, id, code);
}

static void on_fsync(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *h = sftp_handle_of(s, in);

	if (in->failed)
		sftp_end(s, 255);
	else
		sftp_send_status(s, id, h != NULL && !h->folder ? SFTP_OK : SFTP_NO_SUCH_FILE);
}

static void on_lsetstat(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX];
	struct sftp_attributes a;
	uint32_t ino;
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	if (!sftp_read_attributes(in, &a)) {
		sftp_end(s, 255);
		return;
	}
	if (a.flags & SFTP_HAS_SIZE) {
		sftp_send_status(s, id, SFTP_BAD_MESSAGE); /* nonsensical for links */
		return;
	}
	code = find(s, path, false, &ino);
	if (code == 0 && (a.flags & SFTP_HAS_MODE))
		code = hin_fs_set_mode(s->fs, ino, a.mode & 07777);
	if (code == 0 && (a.flags & SFTP_HAS_TIMES))
		code = hin_fs_set_time(s->fs, ino, a.mtime);
	if (code == 0 && (a.flags & SFTP_HAS_OWNER))
		code = s->user.uid == 0 ? hin_fs_set_owner(s->fs, ino, a.uid, a.gid) : -EPERM;
	sftp_send_error(s, id, code);
}

static void on_limits(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct hin_buffer *out = sftp_begin(s, SFTP_EXTENDED_REPLY, id);

	(void)in;
	hin_ssh_put_u64(out, HIN_SFTP_MESSAGE);
	hin_ssh_put_u64(out, SFTP_READ_MAX);
	hin_ssh_put_u64(out, SFTP_READ_MAX);
	hin_ssh_put_u64(out, HANDLES_TOLD);
	sftp_send(s);
}

static void send_name(struct hin_sftp *s, uint32_t id, const char *name)
{
	struct hin_buffer *out = sftp_begin(s, SFTP_NAME, id);

	hin_ssh_put_u32(out, 1);
	hin_ssh_put_text(out, name);
	hin_ssh_put_text(out, name);
	hin_ssh_put_u32(out, 0);
	sftp_send(s);
}

/* The home of the user of a name, "" the own. */
static const char *home_of(const struct hin_sftp *s, const char *name)
{
	const struct hin_host_user *user = hin_session_user(s->settings.session);

	if (name[0] != '\0')
		user = hin_host_user(hin_session_host(s->settings.session), name, strlen(name));
	return user != NULL ? user->home : NULL;
}

static void on_expand_path(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char path[HIN_FS_PATH_MAX], full[2 * HIN_FS_PATH_MAX], user[64];
	struct hin_buffer real = { 0 };
	int code;

	if (!sftp_read_path(s, in, path))
		return;
	snprintf(full, sizeof(full), "%s", path);
	if (path[0] == '~') {
		size_t size = strcspn(path + 1, "/");
		const char *home = NULL;

		if (size < sizeof(user)) {
			memcpy(user, path + 1, size);
			user[size] = '\0';
			home = home_of(s, user);
		}
		if (home == NULL) {
			sftp_send_error(s, id, -ENOENT);
			return;
		}
		snprintf(full, sizeof(full), "%s%s", home, path + 1 + size);
	}
	code = sftp_real_path(s, full[0] != '\0' ? full : ".", &real);
	if (code != 0)
		sftp_send_error(s, id, code);
	else
		send_name(s, id, hin_buffer_text(&real));
	hin_buffer_fini(&real);
}

static void on_home_directory(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	char user[HIN_FS_PATH_MAX];
	const char *home;

	if (!sftp_read_path(s, in, user))
		return;
	home = home_of(s, user);
	if (home == NULL)
		sftp_send_error(s, id, -ENOENT);
	else
		send_name(s, id, home);
}

static void on_copy_data(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct sftp_handle *from = sftp_handle_of(s, in), *to;
	uint64_t offset = hin_read_be64(in), size = hin_read_be64(in), to_offset, left;
	const uint8_t *bytes;
	struct hin_buffer copy = { 0 };
	size_t stored;
	int code = 0;

	to = sftp_handle_of(s, in);
	to_offset = hin_read_be64(in);
	if (in->failed) {
		sftp_end(s, 255);
		return;
	}
	if (from == NULL || to == NULL || from->folder || to->folder ||
	    (from->ino == to->ino && from == to)) {
		sftp_send_status(s, id, SFTP_FAILURE);
		return;
	}
	bytes = (const uint8_t *)from->bytes.data;
	stored = from->bytes.used;
	if (!from->generated)
		bytes = hin_fs_bytes(s->fs, from->ino, &stored);
	left = offset < stored ? stored - offset : 0;
	if (size != 0 && size < left)
		left = size;
	if (left > COPY_MAX || to_offset > INT64_MAX || !to->writes)
		code = !to->writes ? -EBADF : -ENOSPC;
	if (code == 0 && left > 0) {
		/* writing may move what is read from */
		hin_buffer_add(&copy, bytes + offset, (size_t)left);
		code = copy.failed ? -ENOSPC
				   : hin_fs_write(s->fs, to->ino, to_offset, copy.data, copy.used,
						  sftp_now_s(s));
		to->written = to->written || code == 0;
	}
	hin_buffer_fini(&copy);
	sftp_send_error(s, id, code);
}

static void put_names(struct hin_sftp *s, bool group, struct hin_ssh_string ids,
		      struct hin_buffer *out)
{
	struct hin_reader in = hin_reader_of(ids.data, ids.size);
	struct hin_buffer names = { 0 };
	char name[64];

	while (in.left > 0) {
		uint32_t id = hin_read_be32(&in);

		if (in.failed)
			break;
		hin_ssh_put_text(&names, sftp_user_name(s, group, id, name) ? name : "");
	}
	hin_ssh_put_string(out, names.data, names.used);
	hin_buffer_fini(&names);
}

static void on_names_by_id(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct hin_ssh_string users = hin_ssh_get_string(in), groups = hin_ssh_get_string(in);
	struct hin_buffer *out;

	if (in->failed || users.size % 4 != 0 || groups.size % 4 != 0 ||
	    users.size + groups.size > 4096) {
		sftp_end(s, 255);
		return;
	}
	out = sftp_begin(s, SFTP_EXTENDED_REPLY, id);
	put_names(s, false, users, out);
	put_names(s, true, groups, out);
	sftp_send(s);
}

static const struct {
	const char *name;
	sftp_request_fn *take;
} extensions[] = {
	{ "posix-rename@openssh.com", on_posix_rename },
	{ "statvfs@openssh.com", on_statvfs },
	{ "fstatvfs@openssh.com", on_fstatvfs },
	{ "hardlink@openssh.com", on_hardlink },
	{ "fsync@openssh.com", on_fsync },
	{ "lsetstat@openssh.com", on_lsetstat },
	{ "limits@openssh.com", on_limits },
	{ "expand-path@openssh.com", on_expand_path },
	{ "copy-data", on_copy_data },
	{ "home-directory", on_home_directory },
	{ "users-groups-by-id@openssh.com", on_names_by_id },
};

/* Does this version of the server tell of the extension? */
static bool is_told(const struct hin_sftp *s, const char *name)
{
	const struct hin_config_list *told = &s->settings.profile->sftp_extensions;
	size_t size = strlen(name);

	for (size_t i = 0; i < told->count; i++) {
		if (strncmp(told->items[i], name, size) == 0 && told->items[i][size] == '=')
			return true;
	}
	return false;
}

void sftp_on_extended(struct hin_sftp *s, uint32_t id, struct hin_reader *in)
{
	struct hin_ssh_string name = hin_ssh_get_string(in);

	if (in->failed) {
		sftp_end(s, 255);
		return;
	}
	for (size_t i = 0; i < HIN_COUNT(extensions); i++) {
		if (hin_ssh_string_is(name, extensions[i].name) && is_told(s, extensions[i].name)) {
			extensions[i].take(s, id, in);
			return;
		}
	}
	sftp_send_status(s, id, SFTP_UNSUPPORTED);
}
