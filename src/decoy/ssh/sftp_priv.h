/* sftp_priv - an SFTP server, shared by sftp.c, sftp_files.c and sftp_names.c; see sftp.h */
#pragma once
#include "decoy/ssh/sftp.h"
#include "decoy/ssh/ssh_wire.h"

enum {
	SFTP_INIT = 1,
	SFTP_VERSION,
	SFTP_OPEN,
	SFTP_CLOSE,
	SFTP_READ,
	SFTP_WRITE,
	SFTP_LSTAT,
	SFTP_FSTAT,
	SFTP_SETSTAT,
	SFTP_FSETSTAT,
	SFTP_OPENDIR,
	SFTP_READDIR,
	SFTP_REMOVE,
	SFTP_MKDIR,
	SFTP_RMDIR,
	SFTP_REALPATH,
	SFTP_STAT,
	SFTP_RENAME,
	SFTP_READLINK,
	SFTP_SYMLINK,
	SFTP_STATUS = 101,
	SFTP_HANDLE,
	SFTP_DATA,
	SFTP_NAME,
	SFTP_ATTRS,
	SFTP_EXTENDED = 200,
	SFTP_EXTENDED_REPLY,
};

enum sftp_status {
	SFTP_OK,
	SFTP_EOF,
	SFTP_NO_SUCH_FILE,
	SFTP_PERMISSION_DENIED,
	SFTP_FAILURE,
	SFTP_BAD_MESSAGE,
	SFTP_UNSUPPORTED = 8,
};

/* Flags of attributes. */
enum {
	SFTP_HAS_SIZE = 1,
	SFTP_HAS_OWNER = 2,
	SFTP_HAS_MODE = 4,
	SFTP_HAS_TIMES = 8,
	SFTP_HAS_EXTENDED = 0x80000000u,
};

struct sftp_attributes {
	uint32_t flags, uid, gid, mode, atime, mtime;
	uint64_t size;
};

struct sftp_handle {
	bool used, folder, reads, writes, appends, written;
	bool generated; /* its bytes were made when it was opened */
	uint32_t ino;
	char *path;
	struct hin_buffer bytes;   /* of a generated file */
	struct hin_buffer entries; /* of a folder: names, each with its NUL and inode */
	size_t entries_sent;
};

struct hin_sftp {
	struct hin_sftp_settings settings;
	struct hin_fs *fs;
	struct hin_fs_user user;
	struct hin_buffer in, out;
	struct sftp_handle *handles;
	size_t handle_count;
	bool greeted, over;
	int status;
};

#define SFTP_READ_MAX (HIN_SFTP_MESSAGE - 1024)
#define SFTP_UMASK 022u

/* ---- sftp.c ---- */

/* Send the message that was written to `s->out` behind sftp_begin(). */
struct hin_buffer *sftp_begin(struct hin_sftp *s, unsigned type, uint32_t id);
void sftp_send(struct hin_sftp *s);
void sftp_send_status(struct hin_sftp *s, uint32_t id, enum sftp_status status);
void sftp_send_error(struct hin_sftp *s, uint32_t id, int code); /* 0 or a negative errno */
void sftp_end(struct hin_sftp *s, int status);

/* A path of a message, as text with its NUL in `out`; false ends the server. */
bool sftp_read_path(struct hin_sftp *s, struct hin_reader *in, char out[HIN_FS_PATH_MAX]);
bool sftp_read_attributes(struct hin_reader *in, struct sftp_attributes *out);
struct sftp_handle *sftp_handle_of(struct hin_sftp *s, struct hin_reader *in);
struct sftp_handle *sftp_handle_new(struct hin_sftp *s, uint32_t *number);
void sftp_handle_close(struct hin_sftp *s, struct sftp_handle *h);
int64_t sftp_now_s(const struct hin_sftp *s);
uint32_t sftp_folder(const struct hin_sftp *s); /* where paths begin: the home */

/* ---- sftp_files.c: each answers the request `id`, whose fields are in `in` ---- */

typedef void sftp_request_fn(struct hin_sftp *s, uint32_t id, struct hin_reader *in);

sftp_request_fn sftp_on_open, sftp_on_close, sftp_on_read, sftp_on_write, sftp_on_lstat,
	sftp_on_fstat, sftp_on_setstat, sftp_on_fsetstat, sftp_on_opendir, sftp_on_readdir,
	sftp_on_remove, sftp_on_mkdir, sftp_on_rmdir, sftp_on_realpath, sftp_on_stat,
	sftp_on_rename, sftp_on_readlink, sftp_on_symlink;

/* ---- sftp_extended.c ---- */

sftp_request_fn sftp_on_extended;

/* ---- sftp_names.c ---- */

void sftp_put_attributes(struct hin_buffer *out, const struct hin_fs_stat *stat);

/* Append a line of `ls -l`, as OpenSSH makes it. */
void sftp_put_long_name(struct hin_sftp *s, struct hin_buffer *out, const char *name,
			const struct hin_fs_stat *stat);

/* The name of an account or group of the machine; false when it has none. */
bool sftp_user_name(const struct hin_sftp *s, bool group, uint32_t id, char out[64]);

/* The absolute path of `path` with all links resolved, as realpath(3) but for a last part that is
 * not there. Returns 0 or a negative errno. */
int sftp_real_path(const struct hin_sftp *s, const char *path, struct hin_buffer *out);
