/* sftp - messages and handles; see sftp.h */
#include "decoy/ssh/sftp.h"

#include <errno.h>
#include <stdlib.h>

#include "decoy/ssh/sftp_priv.h"

#define BAD_MESSAGE_STATUS 11 /* with which sftp-server ends for one that is too long */

static const struct {
	uint8_t type;
	sftp_request_fn *take;
} requests[] = {
	{ SFTP_OPEN, sftp_on_open },	     { SFTP_CLOSE, sftp_on_close },
	{ SFTP_READ, sftp_on_read },	     { SFTP_WRITE, sftp_on_write },
	{ SFTP_LSTAT, sftp_on_lstat },	     { SFTP_FSTAT, sftp_on_fstat },
	{ SFTP_SETSTAT, sftp_on_setstat },   { SFTP_FSETSTAT, sftp_on_fsetstat },
	{ SFTP_OPENDIR, sftp_on_opendir },   { SFTP_READDIR, sftp_on_readdir },
	{ SFTP_REMOVE, sftp_on_remove },     { SFTP_MKDIR, sftp_on_mkdir },
	{ SFTP_RMDIR, sftp_on_rmdir },	     { SFTP_REALPATH, sftp_on_realpath },
	{ SFTP_STAT, sftp_on_stat },	     { SFTP_RENAME, sftp_on_rename },
	{ SFTP_READLINK, sftp_on_readlink }, { SFTP_SYMLINK, sftp_on_symlink },
	{ SFTP_EXTENDED, sftp_on_extended },
};

struct hin_sftp *hin_sftp_new(const struct hin_sftp_settings *settings)
{
	const struct hin_host_user *user = hin_session_user(settings->session);
	struct hin_fs *fs = hin_session_fs(settings->session);
	struct hin_sftp *s;

	if (user == NULL || fs == NULL)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->settings = *settings;
	s->fs = fs;
	s->user = (struct hin_fs_user){ user->uid, user->gid };
	hin_shell_proc(fs, &hin_session_host(settings->session)->machine);
	return s;
}

void hin_sftp_free(struct hin_sftp *sftp)
{
	if (sftp == NULL)
		return;
	for (size_t i = 0; i < sftp->handle_count; i++)
		sftp_handle_close(sftp, &sftp->handles[i]);
	free(sftp->handles);
	hin_buffer_fini(&sftp->in);
	hin_buffer_fini(&sftp->out);
	free(sftp);
}

bool hin_sftp_is_over(const struct hin_sftp *sftp, int *status)
{
	if (sftp->over)
		*status = sftp->status;
	return sftp->over;
}

void sftp_end(struct hin_sftp *s, int status)
{
	s->over = true;
	s->status = status;
}

int64_t sftp_now_s(const struct hin_sftp *s)
{
	const struct hin_shell_machine *m = &hin_session_host(s->settings.session)->machine;
	int64_t now_us =
		m->now_us != NULL ? m->now_us(m->user) : hin_session_now_us(s->settings.session);

	return now_us / 1000000;
}

uint32_t sftp_folder(const struct hin_sftp *s)
{
	const struct hin_host_user *user = hin_session_user(s->settings.session);
	uint32_t ino;

	if (hin_fs_find(s->fs, &s->user, HIN_FS_ROOT, user->home, true, &ino) != 0)
		return HIN_FS_ROOT;
	return ino;
}

/* ---- answers ---- */

struct hin_buffer *sftp_begin(struct hin_sftp *s, unsigned type, uint32_t id)
{
	hin_buffer_reset(&s->out);
	hin_ssh_put_u32(&s->out, 0);
	hin_ssh_put_u8(&s->out, type);
	if (type != SFTP_VERSION)
		hin_ssh_put_u32(&s->out, id);
	return &s->out;
}

void sftp_send(struct hin_sftp *s)
{
	uint32_t size = HIN_BE32((uint32_t)(s->out.used - 4));

	if (s->out.failed) {
		sftp_end(s, 255);
		return;
	}
	memcpy(s->out.data, &size, sizeof(size));
	s->settings.send(s->settings.user, s->out.data, s->out.used);
	if (s->out.size > 4096)
		hin_buffer_fini(&s->out);
}

void sftp_send_status(struct hin_sftp *s, uint32_t id, enum sftp_status status)
{
	static const char *const texts[] = {
		"Success",	     "End of file",	"No such file",
		"Permission denied", "Failure",		"Bad message",
		"No connection",     "Connection lost", "Operation unsupported"
	};
	struct hin_buffer *out = sftp_begin(s, SFTP_STATUS, id);

	hin_ssh_put_u32(out, status);
	hin_ssh_put_text(out, texts[status]);
	hin_ssh_put_text(out, "");
	sftp_send(s);
}

void sftp_send_error(struct hin_sftp *s, uint32_t id, int code)
{
	enum sftp_status status;

	switch (-code) {
	case 0:
		status = SFTP_OK;
		break;
	case ENOENT:
	case ENOTDIR:
	case EBADF:
	case ELOOP:
		status = SFTP_NO_SUCH_FILE;
		break;
	case EPERM:
	case EACCES:
	case EFAULT:
		status = SFTP_PERMISSION_DENIED;
		break;
	case ENAMETOOLONG:
	case EINVAL:
		status = SFTP_BAD_MESSAGE;
		break;
	case ENOSYS:
		status = SFTP_UNSUPPORTED;
		break;
	default:
		status = SFTP_FAILURE;
		break;
	}
	sftp_send_status(s, id, status);
}

/* ---- fields ---- */

bool sftp_read_path(struct hin_sftp *s, struct hin_reader *in, char out[HIN_FS_PATH_MAX])
{
	struct hin_ssh_string path = hin_ssh_get_string(in);
	size_t size = path.size;

	if (size > 0 && path.data[size - 1] == '\0')
		size--; /* as OpenSSH: one NUL may end it */
	if (in->failed || memchr(path.data, '\0', size) != NULL) {
		sftp_end(s, 255);
		return false;
	}
	if (size >= HIN_FS_PATH_MAX) /* a path that no call takes stays one */
		size = HIN_FS_PATH_MAX - 1;
	memcpy(out, path.data, size);
	out[size] = '\0';
	return true;
}

bool sftp_read_attributes(struct hin_reader *in, struct sftp_attributes *out)
{
	*out = (struct sftp_attributes){ .flags = hin_read_be32(in) };
	if (out->flags & SFTP_HAS_SIZE)
		out->size = hin_read_be64(in);
	if (out->flags & SFTP_HAS_OWNER) {
		out->uid = hin_read_be32(in);
		out->gid = hin_read_be32(in);
	}
	if (out->flags & SFTP_HAS_MODE)
		out->mode = hin_read_be32(in);
	if (out->flags & SFTP_HAS_TIMES) {
		out->atime = hin_read_be32(in);
		out->mtime = hin_read_be32(in);
	}
	if (out->flags & SFTP_HAS_EXTENDED) {
		uint32_t count = hin_read_be32(in);

		while (count-- > 0 && !in->failed) {
			hin_ssh_get_string(in);
			hin_ssh_get_string(in);
		}
	}
	return !in->failed;
}

/* ---- handles ---- */

struct sftp_handle *sftp_handle_of(struct hin_sftp *s, struct hin_reader *in)
{
	struct hin_ssh_string text = hin_ssh_get_string(in);
	struct hin_reader number = hin_reader_of(text.data, text.size);
	uint32_t index = hin_read_be32(&number);

	if (text.size != 4 || index >= s->handle_count || !s->handles[index].used)
		return NULL;
	return &s->handles[index];
}

struct sftp_handle *sftp_handle_new(struct hin_sftp *s, uint32_t *number)
{
	struct sftp_handle *grown;
	size_t i = 0;

	while (i < s->handle_count && s->handles[i].used)
		i++;
	if (i == HIN_SFTP_HANDLES)
		return NULL;
	if (i == s->handle_count) {
		grown = realloc(s->handles, (i + 1) * sizeof(*grown));
		if (grown == NULL)
			return NULL;
		s->handles = grown;
		s->handle_count++;
	}
	s->handles[i] = (struct sftp_handle){ .used = true };
	*number = (uint32_t)i;
	return &s->handles[i];
}

void sftp_handle_close(struct hin_sftp *s, struct sftp_handle *h)
{
	if (!h->used)
		return;
	if (h->written)
		hin_session_file(s->settings.session, s->settings.channel, h->ino, h->path);
	if (!h->folder && !h->generated)
		hin_fs_drop(s->fs, h->ino);
	free(h->path);
	hin_buffer_fini(&h->bytes);
	hin_buffer_fini(&h->entries);
	*h = (struct sftp_handle){ 0 };
}

/* ---- messages ---- */

static void send_version(struct hin_sftp *s)
{
	const struct hin_config_list *extensions = &s->settings.profile->sftp_extensions;
	struct hin_buffer *out = sftp_begin(s, SFTP_VERSION, 0);

	hin_ssh_put_u32(out, 3);
	for (size_t i = 0; i < extensions->count; i++) {
		const char *name = extensions->items[i], *value = strchr(name, '=');
		size_t size = value != NULL ? (size_t)(value - name) : strlen(name);

		hin_ssh_put_string(out, name, size);
		hin_ssh_put_text(out, value != NULL ? value + 1 : "");
	}
	s->greeted = true;
	sftp_send(s);
}

static void handle(struct hin_sftp *s, const uint8_t *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);
	uint8_t type = hin_read_u8(&in);
	uint32_t id;

	if (in.failed) {
		sftp_end(s, 255);
		return;
	}
	id = hin_read_be32(&in); /* of INIT: the version */
	if (in.failed || (type != SFTP_INIT && !s->greeted)) {
		sftp_end(s, 255);
		return;
	}
	if (type == SFTP_INIT) {
		send_version(s);
		return;
	}
	for (size_t i = 0; i < HIN_COUNT(requests); i++) {
		if (requests[i].type == type) {
			requests[i].take(s, id, &in);
			return;
		}
	}
	/* OpenSSH logs an unknown message and says nothing */
}

void hin_sftp_input(struct hin_sftp *sftp, const uint8_t *data, size_t size)
{
	if (sftp->over)
		return;
	sftp->in.limit = 16 * HIN_SFTP_MESSAGE; /* a window holds less */
	hin_buffer_add(&sftp->in, data, size);
	if (sftp->in.failed)
		sftp_end(sftp, 255);
}

bool hin_sftp_run(struct hin_sftp *sftp)
{
	struct hin_reader in = hin_reader_of(sftp->in.data, sftp->in.used);
	uint32_t size = hin_read_be32(&in);

	if (sftp->over || in.failed)
		return false;
	if (size > HIN_SFTP_MESSAGE) {
		sftp_end(sftp, BAD_MESSAGE_STATUS);
		return false;
	}
	if (in.left < size)
		return false;
	handle(sftp, in.pos, size);
	memmove(sftp->in.data, sftp->in.data + 4 + size, sftp->in.used - 4 - size);
	sftp->in.used -= 4 + size;
	if (sftp->in.used == 0)
		hin_buffer_fini(&sftp->in);
	return !sftp->over;
}
