/*
 * fs - the files of an imitated machine: an image that all intruders share, and what one changed.
 *
 * An image is built once and never changes. A `struct hin_fs` over it holds the changes of one
 * intruder, by inode: new attributes and bytes, names that were added and names that are gone. So a
 * machine with ten thousand files costs an intruder who writes one file one file. Nothing here
 * touches the real file system.
 *
 * Errors are those of the imitated machine: functions return 0 or a negative errno of Linux, whose
 * text a command shows. Quotas are the imitated disk's: -ENOSPC.
 *
 * Ownership: the caller owns image and fs; an image outlives every fs over it.
 * Threads:   an image is read-only once it is frozen; one thread at a time for each fs.
 */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"

#define HIN_FS_ROOT 1u	    /* inode of "/"; 0 is none */
#define HIN_FS_NAME_MAX 255 /* bytes of a name */
#define HIN_FS_PATH_MAX 4096
#define HIN_FS_LINKS_MAX 40 /* symbolic links followed in one path, as Linux has it */

enum hin_fs_type {
	HIN_FS_FILE,
	HIN_FS_DIRECTORY,
	HIN_FS_SYMLINK,
	HIN_FS_CHARACTER,
	HIN_FS_BLOCK,
	HIN_FS_FIFO,
	HIN_FS_SOCKET,
};

/* What stat(2) says. */
struct hin_fs_stat {
	uint32_t ino;
	enum hin_fs_type type;
	uint32_t mode; /* permission bits, with set-user-ID, set-group-ID and sticky */
	uint32_t uid, gid;
	uint32_t links;
	uint64_t size;	       /* bytes; of a symbolic link, of its target */
	int64_t mtime_s;       /* seconds since 1970 UTC */
	uint32_t major, minor; /* of a device */
	uint32_t tag;	       /* of a file whose bytes are made when it is read; else 0 */
};

/* Who asks. */
struct hin_fs_user {
	uint32_t uid, gid;
};

/* ---- images ---- */

struct hin_fs_image;

HIN_MUST_USE struct hin_fs_image *hin_fs_image_new(void);
void hin_fs_image_free(struct hin_fs_image *image); /* NULL is fine */

/*
 * Add what `stat` says at `path`, which begins with "/"; folders on the way that are not there are
 * made for root, 0755. `data` are the bytes of a file or a link's target: they are copied. A file
 * may be larger than its bytes: `stat->size` counts then, and the others are zeros.
 * HIN_EUSAGE when the path is there already or leads through something that is no folder.
 */
HIN_MUST_USE enum hin_code hin_fs_image_add(struct hin_fs_image *image, const char *path,
					    const struct hin_fs_stat *stat, const void *data,
					    size_t size, struct hin_error *err);

/* The same, but the bytes are not copied: they stay the caller's, who keeps them as they are. */
HIN_MUST_USE enum hin_code hin_fs_image_lend(struct hin_fs_image *image, const char *path,
					     const struct hin_fs_stat *stat, const void *data,
					     size_t size, struct hin_error *err);

/* Sort what was added: from then on it may be looked at. */
HIN_MUST_USE enum hin_code hin_fs_image_freeze(struct hin_fs_image *image, struct hin_error *err);

/* ---- one intruder's view ---- */

struct hin_fs;

/* Inodes of files that are made when they are looked at, as those of /proc, have this bit. */
#define HIN_FS_MADE 0x80000000u

/* Who makes such files, below one folder. Nobody can change them. */
struct hin_fs_maker {
	/* The child of a folder (of the root, too), 0 for none; and the other way, 0 for the root.
	 */
	uint32_t (*child)(const struct hin_fs_maker *self, uint32_t folder, const char *name);
	uint32_t (*parent)(const struct hin_fs_maker *self, uint32_t ino);
	void (*stat)(const struct hin_fs_maker *self, uint32_t ino, struct hin_fs_stat *out);
	void (*list)(const struct hin_fs_maker *self, uint32_t folder,
		     bool (*each)(void *user, const char *name, uint32_t ino), void *each_user);
	/* The bytes of a file, or a link's target. */
	void (*bytes)(const struct hin_fs_maker *self, uint32_t ino, struct hin_buffer *out);
	const void *machine, *user; /* the maker's own */
};

struct hin_fs_quota {
	uint64_t bytes; /* of files that were written */
	uint32_t inodes;
};

HIN_MUST_USE struct hin_fs *hin_fs_new(const struct hin_fs_image *image,
				       const struct hin_fs_quota *quota);

/*
 * A view of what `below`, a view of an image, has become: it is not changed any more and outlives
 * it. Its own quota counts from nothing. NULL without memory.
 */
HIN_MUST_USE struct hin_fs *hin_fs_over(const struct hin_fs *below,
					const struct hin_fs_quota *quota);
void hin_fs_free(struct hin_fs *fs); /* NULL is fine */

/* From now on `maker`, which is copied, makes what is below the folder `root`; and no more. */
void hin_fs_attach(struct hin_fs *fs, uint32_t root, const struct hin_fs_maker *maker);
void hin_fs_detach(struct hin_fs *fs);

/* Bytes and inodes that count for the quota. */
struct hin_fs_quota hin_fs_used(const struct hin_fs *fs);

/*
 * Find `path` from the folder `cwd`. With `follow` a symbolic link at its end is followed, too.
 * -ENOENT, -ENOTDIR, -EACCES, -ELOOP, -ENAMETOOLONG.
 */
int hin_fs_find(const struct hin_fs *fs, const struct hin_fs_user *user, uint32_t cwd,
		const char *path, bool follow, uint32_t *ino);

/*
 * Find the folder of `path`'s last part, which is copied to `name`. The part itself need not be
 * there: `*ino` is 0 then. "/", "." and ".." have no name: -EEXIST, -EINVAL.
 */
int hin_fs_find_parent(const struct hin_fs *fs, const struct hin_fs_user *user, uint32_t cwd,
		       const char *path, uint32_t *folder, char name[HIN_FS_NAME_MAX + 1],
		       uint32_t *ino);

/* The child `name` of a folder, or 0. */
uint32_t hin_fs_child(const struct hin_fs *fs, uint32_t folder, const char *name);

void hin_fs_stat(const struct hin_fs *fs, uint32_t ino, struct hin_fs_stat *out);

/* May `user` do what `wanted` says: 4 read, 2 write, 1 execute or search? */
bool hin_fs_may(const struct hin_fs *fs, const struct hin_fs_user *user, uint32_t ino,
		unsigned wanted);

/* The bytes of a file, or a link's target; those behind the first `*size` are zeros up to its size.
 */
const uint8_t *hin_fs_bytes(const struct hin_fs *fs, uint32_t ino, size_t *size);

/* Call `each` for every name of a folder, in order, until it returns false. No "." and "..". */
void hin_fs_list(const struct hin_fs *fs, uint32_t folder,
		 bool (*each)(void *user, const char *name, uint32_t ino), void *user);

/* The path of a folder, by its parents. False when it was removed. */
bool hin_fs_path(const struct hin_fs *fs, uint32_t folder, struct hin_buffer *out);

/* ---- changes; `now_s` becomes the time of what changes ---- */

/* Make what `stat` says (type, mode, uid, gid, major, minor) under `name`; `target` of a link. */
int hin_fs_make(struct hin_fs *fs, uint32_t folder, const char *name,
		const struct hin_fs_stat *stat, const char *target, int64_t now_s, uint32_t *ino);

/* Write at `offset`, growing the file. Returns 0, -ENOSPC or -EFBIG; all or nothing. */
int hin_fs_write(struct hin_fs *fs, uint32_t ino, uint64_t offset, const void *data, size_t size,
		 int64_t now_s);
int hin_fs_truncate(struct hin_fs *fs, uint32_t ino, uint64_t size, int64_t now_s);

/* Another name for a file; remove a name of anything but a folder; remove an empty folder. */
int hin_fs_link(struct hin_fs *fs, uint32_t folder, const char *name, uint32_t ino, int64_t now_s);
int hin_fs_unlink(struct hin_fs *fs, uint32_t folder, const char *name, int64_t now_s);
int hin_fs_rmdir(struct hin_fs *fs, uint32_t folder, const char *name, int64_t now_s);

/* Move a name, over what is there if that may be. */
int hin_fs_rename(struct hin_fs *fs, uint32_t folder, const char *name, uint32_t to_folder,
		  const char *to_name, int64_t now_s);

int hin_fs_set_mode(struct hin_fs *fs, uint32_t ino, uint32_t mode);
int hin_fs_set_owner(struct hin_fs *fs, uint32_t ino, uint32_t uid, uint32_t gid);
void hin_fs_set_tag(struct hin_fs *fs, uint32_t ino, uint32_t tag); /* of a file that was made */
int hin_fs_set_time(struct hin_fs *fs, uint32_t ino, int64_t mtime_s);

/* An open file stays when its last name goes, until it is closed. */
void hin_fs_hold(struct hin_fs *fs, uint32_t ino);
void hin_fs_drop(struct hin_fs *fs, uint32_t ino);
