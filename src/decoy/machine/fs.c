/* fs - one intruder's view of an image, and what is made when it is looked at. */
#include <errno.h>
#include <stdlib.h>

#include "decoy/machine/fs_priv.h"

#define SEARCH 1u /* bit of execute or search */

/* ---- what one intruder changed ---- */

struct entry {
	char *name;
	uint32_t ino; /* 0: gone */
};

/* An inode that was changed or made. */
struct changed {
	struct hin_fs_stat stat;
	uint32_t parent; /* of a folder */
	uint32_t held;	 /* open files */
	bool own;	 /* a folder with nothing of the image in it; a file whose bytes are ours */
	uint8_t *data;
	size_t stored, room;   /* bytes at `data`, and what it takes */
	struct entry *entries; /* of a folder: sorted by name */
	uint32_t count, entry_room;
};

struct hin_fs {
	const struct hin_fs_image *image;
	const struct hin_fs *below; /* what it was changed to before; or NULL */
	uint32_t base;		    /* inodes from here on are made here */
	struct hin_fs_quota quota, used;
	struct changed **of_image; /* and of below; sorted by inode */
	uint32_t of_image_count, of_image_room;
	struct changed **made; /* inode less `base`; NULL = free */
	uint32_t made_count, made_room;
	const struct hin_fs_maker *maker; /* that of `seen`, or NULL */
	uint32_t maker_root;
	struct seen *seen;
};

/* What the maker has made last: for who gets a pointer to it. */
struct seen {
	struct hin_fs_maker maker;
	struct hin_buffer bytes;
};

static bool is_made(uint32_t ino)
{
	return (ino & HIN_FS_MADE) != 0;
}

/* Is the folder one whose children are made? */
static bool makes(const struct hin_fs *fs, uint32_t folder)
{
	return fs->maker != NULL && (is_made(folder) || folder == fs->maker_root);
}

static void seen_free(struct seen *seen)
{
	if (seen != NULL)
		hin_buffer_fini(&seen->bytes);
	free(seen);
}

void hin_fs_attach(struct hin_fs *fs, uint32_t root, const struct hin_fs_maker *maker)
{
	if (fs->seen == NULL)
		fs->seen = calloc(1, sizeof(*fs->seen));
	if (fs->seen != NULL)
		fs->seen->maker = *maker;
	fs->maker = fs->seen != NULL ? &fs->seen->maker : NULL;
	fs->maker_root = root;
}

void hin_fs_detach(struct hin_fs *fs)
{
	fs->maker = NULL;
	seen_free(fs->seen);
	fs->seen = NULL;
}

struct hin_fs *hin_fs_new(const struct hin_fs_image *image, const struct hin_fs_quota *quota)
{
	struct hin_fs *fs = calloc(1, sizeof(*fs));

	if (fs == NULL)
		return NULL;
	fs->image = image;
	fs->base = image->count;
	fs->quota = *quota;
	return fs;
}

struct hin_fs *hin_fs_over(const struct hin_fs *below, const struct hin_fs_quota *quota)
{
	struct hin_fs *fs = hin_fs_new(below->image, quota);

	if (fs != NULL) {
		fs->below = below;
		fs->base = below->base + below->made_count;
	}
	return fs;
}

static void changed_free(struct changed *c)
{
	if (c == NULL)
		return;
	for (uint32_t i = 0; i < c->count; i++)
		free(c->entries[i].name);
	free(c->entries);
	free(c->data);
	free(c);
}

void hin_fs_free(struct hin_fs *fs)
{
	if (fs == NULL)
		return;
	for (uint32_t i = 0; i < fs->of_image_count; i++)
		changed_free(fs->of_image[i]);
	for (uint32_t i = 0; i < fs->made_count; i++)
		changed_free(fs->made[i]);
	free(fs->of_image);
	free(fs->made);
	seen_free(fs->seen);
	free(fs);
}

struct hin_fs_quota hin_fs_used(const struct hin_fs *fs)
{
	return fs->used;
}

/* Where `ino` stands, or would stand, among what was changed of the image. */
static uint32_t place_of(const struct hin_fs *fs, uint32_t ino)
{
	uint32_t low = 0, high = fs->of_image_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (fs->of_image[middle]->stat.ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The inode as it was changed here, or NULL. */
static struct changed *own_of(const struct hin_fs *fs, uint32_t ino)
{
	uint32_t at;

	if (is_made(ino))
		return NULL;
	if (ino >= fs->base)
		return fs->made[ino - fs->base];
	at = place_of(fs, ino);
	return at < fs->of_image_count && fs->of_image[at]->stat.ino == ino ? fs->of_image[at]
									    : NULL;
}

/* The same, here or below. */
static const struct changed *changed_of(const struct hin_fs *fs, uint32_t ino)
{
	const struct changed *c = own_of(fs, ino);

	if (c == NULL && fs->below != NULL && !is_made(ino) && ino < fs->base)
		c = own_of(fs->below, ino);
	return c;
}

/* Make room for one more in an array of `count`; false without memory. */
static bool grow(void *array, uint32_t count, uint32_t *room, size_t item)
{
	uint32_t more = *room == 0 ? 4 : *room * 2;
	void *bigger, **where = array;

	if (count < *room)
		return true;
	bigger = realloc(*where, more * item);
	if (bigger == NULL)
		return false;
	*where = bigger;
	*room = more;
	return true;
}

/* Copy what was changed below; NULL over quota, or without memory. */
static struct changed *copy_changed(struct hin_fs *fs, const struct changed *from)
{
	struct changed *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->stat = from->stat;
	c->parent = from->parent;
	c->own = from->own;
	if (from->stored > fs->quota.bytes - fs->used.bytes)
		goto failed;
	if (from->stored > 0) {
		c->data = malloc(from->stored);
		if (c->data == NULL)
			goto failed;
		memcpy(c->data, from->data, from->stored);
		c->stored = c->room = from->stored;
	}
	for (uint32_t i = 0; i < from->count; i++) {
		char *name = strdup(from->entries[i].name);

		if (name == NULL ||
		    !grow(&c->entries, c->count, &c->entry_room, sizeof(*c->entries))) {
			free(name);
			goto failed;
		}
		c->entries[c->count++] = (struct entry){ name, from->entries[i].ino };
	}
	fs->used.bytes += c->stored;
	return c;
failed:
	changed_free(c);
	return NULL;
}

/* The inode as one that may be changed; NULL over quota, or without memory. */
static struct changed *change(struct hin_fs *fs, uint32_t ino)
{
	struct changed *c = own_of(fs, ino);
	const struct changed *below;
	uint32_t at;

	if (c != NULL || is_made(ino) || ino >= fs->base)
		return c;
	if (fs->used.inodes >= fs->quota.inodes ||
	    !grow(&fs->of_image, fs->of_image_count, &fs->of_image_room, sizeof(*fs->of_image)))
		return NULL;
	below = changed_of(fs, ino);
	if (below != NULL) {
		c = copy_changed(fs, below);
	} else {
		c = calloc(1, sizeof(*c));
		if (c != NULL) {
			c->stat = hin_fs_image_stat(fs->image, ino);
			c->parent = fs->image->nodes[ino].parent;
		}
	}
	if (c == NULL)
		return NULL;
	at = place_of(fs, ino);
	memmove(fs->of_image + at + 1, fs->of_image + at,
		(fs->of_image_count - at) * sizeof(*fs->of_image));
	fs->of_image[at] = c;
	fs->of_image_count++;
	fs->used.inodes++;
	return c;
}

/* ---- looking ---- */

static struct hin_fs_stat stat_of(const struct hin_fs *fs, uint32_t ino)
{
	const struct changed *c = changed_of(fs, ino);
	struct hin_fs_stat stat = { 0 };

	if (!is_made(ino))
		return c != NULL ? c->stat : hin_fs_image_stat(fs->image, ino);
	if (fs->maker != NULL) {
		fs->maker->stat(fs->maker, ino, &stat);
		stat.ino = ino;
	}
	return stat;
}

void hin_fs_stat(const struct hin_fs *fs, uint32_t ino, struct hin_fs_stat *out)
{
	*out = stat_of(fs, ino);
}

bool hin_fs_may(const struct hin_fs *fs, const struct hin_fs_user *user, uint32_t ino,
		unsigned wanted)
{
	const struct hin_fs_stat stat = stat_of(fs, ino);
	unsigned bits = stat.mode & 7;

	if (user->uid == 0) /* root may do all, but execute what nobody may */
		return (wanted & SEARCH) == 0 || stat.type == HIN_FS_DIRECTORY ||
		       (stat.mode & 0111) != 0;
	if (user->uid == stat.uid)
		bits = stat.mode >> 6 & 7;
	else if (user->gid == stat.gid)
		bits = stat.mode >> 3 & 7;
	return (bits & wanted) == wanted;
}

/* Where `name` stands, or would stand, among the entries of a changed folder. */
static uint32_t entry_place(const struct changed *c, const char *name, bool *there)
{
	uint32_t low = 0, high = c->count;

	*there = false;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = strcmp(c->entries[middle].name, name);

		if (order == 0) {
			*there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint32_t image_child(const struct hin_fs_image *image, uint32_t folder, const char *name)
{
	const struct node *node = &image->nodes[folder];
	uint32_t low = node->first, high = node->first + node->count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int order = strcmp(image->nodes[image->order[middle]].name, name);

		if (order == 0)
			return image->order[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

uint32_t hin_fs_child(const struct hin_fs *fs, uint32_t folder, const char *name)
{
	const struct changed *c = changed_of(fs, folder);

	if (makes(fs, folder))
		return fs->maker->child(fs->maker, folder, name);
	if (is_made(folder))
		return 0;
	if (c != NULL) {
		bool there;
		uint32_t at = entry_place(c, name, &there);

		if (there)
			return c->entries[at].ino;
		if (c->own)
			return 0;
	}
	return image_child(fs->image, folder, name);
}

static uint32_t parent_of(const struct hin_fs *fs, uint32_t folder)
{
	const struct changed *c = changed_of(fs, folder);

	if (is_made(folder)) {
		uint32_t parent = fs->maker != NULL ? fs->maker->parent(fs->maker, folder) : 0;

		return parent != 0 ? parent : fs->maker_root;
	}
	return c != NULL ? c->parent : fs->image->nodes[folder].parent;
}

const uint8_t *hin_fs_bytes(const struct hin_fs *fs, uint32_t ino, size_t *size)
{
	const struct changed *c = changed_of(fs, ino);
	static const uint8_t none[1];

	if (is_made(ino)) {
		*size = 0;
		if (fs->maker == NULL)
			return none;
		hin_buffer_reset(&fs->seen->bytes);
		fs->maker->bytes(fs->maker, ino, &fs->seen->bytes);
		*size = fs->seen->bytes.used;
		return *size > 0 ? (const uint8_t *)fs->seen->bytes.data : none;
	}
	if (c != NULL && c->own) {
		*size = c->stored;
		return c->data != NULL ? c->data : none;
	}
	*size = fs->image->nodes[ino].size;
	return fs->image->nodes[ino].data != NULL ? fs->image->nodes[ino].data : none;
}

/* How a path is walked: `left` links may still be followed. */
struct walk {
	const struct hin_fs *fs;
	const struct hin_fs_user *user;
	unsigned left;
};

static int walk(struct walk *w, uint32_t from, const char *path, bool follow, bool parent,
		uint32_t *folder, char name[HIN_FS_NAME_MAX + 1], uint32_t *ino);

/* Follow the link `at` of `folder`. */
static int follow_link(struct walk *w, uint32_t folder, uint32_t at, uint32_t *ino)
{
	char target[HIN_FS_PATH_MAX], name[HIN_FS_NAME_MAX + 1];
	uint32_t in;
	size_t size;
	const uint8_t *bytes = hin_fs_bytes(w->fs, at, &size);

	if (w->left-- == 0)
		return -ELOOP;
	if (size >= sizeof(target))
		return -ENAMETOOLONG;
	memcpy(target, bytes, size);
	target[size] = '\0';
	return walk(w, folder, target, true, false, &in, name, ino);
}

/*
 * One path. With `parent` its last part is only looked for: its folder and name are told, and
 * `*ino` is 0 when it is not there; a link there is not followed.
 */
static int walk(struct walk *w, uint32_t from, const char *path, bool follow, bool parent,
		uint32_t *folder, char name[HIN_FS_NAME_MAX + 1], uint32_t *ino)
{
	uint32_t at = path[0] == '/' ? HIN_FS_ROOT : from;

	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) >= HIN_FS_PATH_MAX)
		return -ENAMETOOLONG;
	*folder = at;
	name[0] = '\0';
	for (;;) {
		size_t part;
		bool last, slash;
		uint32_t child;

		while (*path == '/')
			path++;
		part = strcspn(path, "/");
		if (part == 0)
			break;
		slash = path[part] == '/';
		last = path[part + strspn(path + part, "/")] == '\0';
		if (stat_of(w->fs, at).type != HIN_FS_DIRECTORY)
			return -ENOTDIR;
		if (!hin_fs_may(w->fs, w->user, at, SEARCH))
			return -EACCES;
		if (part > HIN_FS_NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, part);
		name[part] = '\0';
		path += part;
		*folder = at;
		if (strcmp(name, ".") == 0) {
			continue;
		}
		if (strcmp(name, "..") == 0) {
			at = parent_of(w->fs, at);
			continue;
		}
		child = hin_fs_child(w->fs, at, name);
		if (last && parent && !(slash && child != 0)) {
			*ino = child;
			return 0;
		}
		if (child == 0)
			return -ENOENT;
		if (stat_of(w->fs, child).type == HIN_FS_SYMLINK &&
		    (!last || ((follow || slash) && !parent))) {
			int fault = follow_link(w, at, child, &child);

			if (fault != 0)
				return fault;
		}
		at = child;
		if (slash && stat_of(w->fs, at).type != HIN_FS_DIRECTORY)
			return -ENOTDIR;
	}
	*ino = at;
	return 0;
}

int hin_fs_find(const struct hin_fs *fs, const struct hin_fs_user *user, uint32_t cwd,
		const char *path, bool follow, uint32_t *ino)
{
	struct walk w = { fs, user, HIN_FS_LINKS_MAX };
	char name[HIN_FS_NAME_MAX + 1];
	uint32_t folder;

	return walk(&w, cwd, path, follow, false, &folder, name, ino);
}

int hin_fs_find_parent(const struct hin_fs *fs, const struct hin_fs_user *user, uint32_t cwd,
		       const char *path, uint32_t *folder, char name[HIN_FS_NAME_MAX + 1],
		       uint32_t *ino)
{
	struct walk w = { fs, user, HIN_FS_LINKS_MAX };
	int fault = walk(&w, cwd, path, false, true, folder, name, ino);

	if (fault != 0)
		return fault;
	if (name[0] == '\0')
		return -EEXIST;
	if (strcmp(name, ".") == 0)
		return -EINVAL;
	return strcmp(name, "..") == 0 ? -EEXIST : 0;
}

void hin_fs_list(const struct hin_fs *fs, uint32_t folder,
		 bool (*each)(void *user, const char *name, uint32_t ino), void *user)
{
	const struct changed *c = changed_of(fs, folder);
	const struct node *node = NULL;
	uint32_t own = 0, at = 0;

	if (makes(fs, folder)) {
		fs->maker->list(fs->maker, folder, each, user);
		return;
	}
	if (folder < fs->image->count && (c == NULL || !c->own))
		node = &fs->image->nodes[folder];
	for (;;) {
		const struct node *image =
			node != NULL && at < node->count
				? &fs->image->nodes[fs->image->order[node->first + at]]
				: NULL;
		const struct entry *entry = c != NULL && own < c->count ? &c->entries[own] : NULL;
		int order;

		if (image == NULL && entry == NULL)
			return;
		order = image == NULL ? 1 : entry == NULL ? -1 : strcmp(image->name, entry->name);
		at += order <= 0;
		own += order >= 0;
		if (order < 0) {
			if (!each(user, image->name, fs->image->order[node->first + at - 1]))
				return;
		} else if (entry->ino != 0 && !each(user, entry->name, entry->ino)) {
			return;
		}
	}
}

/* Looks for the name of a child. */
struct naming {
	uint32_t ino;
	const char *name;
};

static bool is_it(void *user, const char *name, uint32_t ino)
{
	struct naming *n = user;

	if (ino != n->ino)
		return true;
	n->name = name;
	return false;
}

bool hin_fs_path(const struct hin_fs *fs, uint32_t folder, struct hin_buffer *out)
{
	const char *names[HIN_FS_PATH_MAX / 2];
	size_t count = 0;

	while (folder != HIN_FS_ROOT) {
		struct naming n = { .ino = folder };

		if (stat_of(fs, folder).links == 0 || count == HIN_COUNT(names))
			return false;
		folder = parent_of(fs, folder);
		hin_fs_list(fs, folder, is_it, &n);
		if (n.name == NULL)
			return false;
		names[count++] = n.name;
	}
	if (count == 0)
		hin_buffer_putc(out, '/');
	while (count > 0) {
		hin_buffer_putc(out, '/');
		hin_buffer_puts(out, names[--count]);
	}
	return true;
}

/* ---- changes ---- */

/* Set what `name` stands for in a folder, 0 for nothing. */
static int set_entry(struct hin_fs *fs, uint32_t folder, const char *name, uint32_t ino,
		     int64_t now_s)
{
	struct changed *c = change(fs, folder);
	bool there;
	uint32_t at;

	if (c == NULL)
		return -ENOSPC;
	c->stat.mtime_s = now_s;
	at = entry_place(c, name, &there);
	if (there && ino == 0 && (c->own || image_child(fs->image, folder, name) == 0)) {
		free(c->entries[at].name);
		memmove(c->entries + at, c->entries + at + 1,
			(--c->count - at) * sizeof(*c->entries));
		return 0;
	}
	if (!there) {
		char *own = strdup(name);

		if (own == NULL ||
		    !grow(&c->entries, c->count, &c->entry_room, sizeof(*c->entries))) {
			free(own);
			return -ENOSPC;
		}
		memmove(c->entries + at + 1, c->entries + at,
			(c->count++ - at) * sizeof(*c->entries));
		c->entries[at].name = own;
	}
	c->entries[at].ino = ino;
	return 0;
}

/* Give an inode of ours back that nothing leads to any more. */
static void let_go(struct hin_fs *fs, uint32_t ino)
{
	struct changed *c = own_of(fs, ino);

	if (c == NULL || c->stat.links > 0 || c->held > 0)
		return;
	fs->used.bytes -= c->stored;
	c->stored = 0;
	free(c->data);
	c->data = NULL;
	c->room = 0;
	if (ino < fs->base) {
		c->own = true;
		return;
	}
	fs->made[ino - fs->base] = NULL;
	fs->used.inodes--;
	changed_free(c);
}

int hin_fs_make(struct hin_fs *fs, uint32_t folder, const char *name,
		const struct hin_fs_stat *stat, const char *target, int64_t now_s, uint32_t *ino)
{
	size_t size = target != NULL ? strlen(target) : 0;
	uint32_t at = 0;
	struct changed *c;
	int fault;

	if (makes(fs, folder) || stat_of(fs, folder).links == 0)
		return -ENOENT;
	if (strlen(name) > HIN_FS_NAME_MAX)
		return -ENAMETOOLONG;
	if (hin_fs_child(fs, folder, name) != 0)
		return -EEXIST;
	if (fs->used.inodes >= fs->quota.inodes || fs->quota.bytes - fs->used.bytes < size)
		return -ENOSPC;
	while (at < fs->made_count && fs->made[at] != NULL)
		at++;
	if (at == fs->made_count &&
	    !grow(&fs->made, fs->made_count, &fs->made_room, sizeof(*fs->made)))
		return -ENOSPC;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOSPC;
	c->own = true;
	c->parent = folder;
	c->stat = *stat;
	c->stat.ino = fs->base + at;
	c->stat.links = stat->type == HIN_FS_DIRECTORY ? 2 : 1;
	c->stat.mtime_s = now_s;
	c->stat.size = size;
	c->stat.tag = 0;
	if (size > 0) {
		c->data = malloc(size);
		if (c->data == NULL) {
			changed_free(c);
			return -ENOSPC;
		}
		memcpy(c->data, target, size);
		c->stored = c->room = size;
	}
	fault = set_entry(fs, folder, name, c->stat.ino, now_s);
	if (fault != 0) {
		changed_free(c);
		return fault;
	}
	fs->made[at] = c;
	fs->made_count += at == fs->made_count;
	fs->used.inodes++;
	fs->used.bytes += size;
	if (stat->type == HIN_FS_DIRECTORY)
		change(fs, folder)->stat.links++;
	*ino = c->stat.ino;
	return 0;
}

/* Make a file's bytes our own, the first `keep` of them, with room for `size`. */
static int own_bytes(struct hin_fs *fs, struct changed *c, size_t keep, size_t size)
{
	size_t old;
	const uint8_t *bytes = hin_fs_bytes(fs, c->stat.ino, &old);
	uint8_t *data;

	if (keep > old)
		keep = old;
	if (c->own && size <= c->room)
		return 0;
	if (size < c->room * 2 && c->own)
		size = c->room * 2;
	if (size > fs->quota.bytes)
		size = (size_t)fs->quota.bytes;
	data = malloc(size > 0 ? size : 1);
	if (data == NULL)
		return -ENOSPC;
	if (keep > 0)
		memcpy(data, bytes, keep);
	free(c->data);
	c->data = data;
	c->room = size;
	if (!c->own) {
		fs->used.bytes += keep;
		c->stored = keep;
		c->own = true;
	}
	return 0;
}

int hin_fs_write(struct hin_fs *fs, uint32_t ino, uint64_t offset, const void *data, size_t size,
		 int64_t now_s)
{
	struct changed *c = change(fs, ino);
	uint64_t end, need, kept;
	int fault;

	if (is_made(ino))
		return -EPERM;
	if (c == NULL)
		return -ENOSPC;
	if (__builtin_add_overflow(offset, size, &end) || end > INT64_MAX)
		return -EFBIG;
	kept = c->own ? c->stored : fs->image->nodes[ino].size;
	need = end > kept ? end : kept;
	/* what is not there yet counts, also what was of the image */
	if (need - (c->own ? c->stored : 0) > fs->quota.bytes - fs->used.bytes)
		return -ENOSPC;
	fault = own_bytes(fs, c, SIZE_MAX, (size_t)need);
	if (fault != 0)
		return fault;
	if (end > c->stored) {
		if (offset > c->stored)
			memset(c->data + c->stored, 0, (size_t)(offset - c->stored));
		fs->used.bytes += end - c->stored;
		c->stored = (size_t)end;
	}
	if (size > 0)
		memcpy(c->data + offset, data, size);
	if (end > c->stat.size)
		c->stat.size = end;
	c->stat.mtime_s = now_s;
	c->stat.tag = 0;
	return 0;
}

int hin_fs_truncate(struct hin_fs *fs, uint32_t ino, uint64_t size, int64_t now_s)
{
	struct changed *c = change(fs, ino);
	int fault;

	if (is_made(ino))
		return -EPERM;
	if (c == NULL)
		return -ENOSPC;
	if (size > INT64_MAX)
		return -EFBIG;
	if (!c->own) {
		uint64_t keep =
			size < fs->image->nodes[ino].size ? size : fs->image->nodes[ino].size;

		if (keep > fs->quota.bytes - fs->used.bytes)
			return -ENOSPC;
		fault = own_bytes(fs, c, (size_t)keep, (size_t)keep);
		if (fault != 0)
			return fault;
	}
	if (size < c->stored) {
		fs->used.bytes -= c->stored - size;
		c->stored = (size_t)size;
	}
	c->stat.size = size; /* what lies behind the stored bytes is a hole */
	c->stat.mtime_s = now_s;
	c->stat.tag = 0;
	return 0;
}

int hin_fs_link(struct hin_fs *fs, uint32_t folder, const char *name, uint32_t ino, int64_t now_s)
{
	struct changed *c = change(fs, ino);
	int fault;

	if (makes(fs, folder) || is_made(ino))
		return -EPERM;
	if (c == NULL)
		return -ENOSPC;
	if (c->stat.type == HIN_FS_DIRECTORY)
		return -EPERM;
	if (hin_fs_child(fs, folder, name) != 0)
		return -EEXIST;
	fault = set_entry(fs, folder, name, ino, now_s);
	if (fault == 0)
		c->stat.links++;
	return fault;
}

int hin_fs_unlink(struct hin_fs *fs, uint32_t folder, const char *name, int64_t now_s)
{
	uint32_t ino = hin_fs_child(fs, folder, name);
	struct changed *c;
	int fault;

	if (makes(fs, folder))
		return -EPERM;
	if (ino == 0)
		return -ENOENT;
	if (stat_of(fs, ino).type == HIN_FS_DIRECTORY)
		return -EISDIR;
	c = change(fs, ino);
	if (c == NULL)
		return -ENOSPC;
	fault = set_entry(fs, folder, name, 0, now_s);
	if (fault != 0)
		return fault;
	c->stat.links--;
	let_go(fs, ino);
	return 0;
}

static bool stop(void *user, const char *name, uint32_t ino)
{
	(void)name;
	(void)ino;
	*(bool *)user = false;
	return false;
}

static bool is_empty(const struct hin_fs *fs, uint32_t folder)
{
	bool empty = true;

	hin_fs_list(fs, folder, stop, &empty);
	return empty;
}

int hin_fs_rmdir(struct hin_fs *fs, uint32_t folder, const char *name, int64_t now_s)
{
	uint32_t ino = hin_fs_child(fs, folder, name);
	struct changed *c;
	int fault;

	if (makes(fs, folder))
		return -EPERM;
	if (ino == 0)
		return -ENOENT;
	if (stat_of(fs, ino).type != HIN_FS_DIRECTORY)
		return -ENOTDIR;
	if (!is_empty(fs, ino))
		return -ENOTEMPTY;
	c = change(fs, ino);
	if (c == NULL)
		return -ENOSPC;
	fault = set_entry(fs, folder, name, 0, now_s);
	if (fault != 0)
		return fault;
	change(fs, folder)->stat.links--;
	c->stat.links = 0;
	let_go(fs, ino);
	return 0;
}

/* Is `folder` below `above`, or it itself? */
static bool is_below(const struct hin_fs *fs, uint32_t folder, uint32_t above)
{
	while (folder != above && folder != HIN_FS_ROOT)
		folder = parent_of(fs, folder);
	return folder == above;
}

int hin_fs_rename(struct hin_fs *fs, uint32_t folder, const char *name, uint32_t to_folder,
		  const char *to_name, int64_t now_s)
{
	uint32_t ino = hin_fs_child(fs, folder, name), old = hin_fs_child(fs, to_folder, to_name);
	bool is_folder;
	struct changed *c;
	int fault = 0;

	if (makes(fs, folder) || makes(fs, to_folder))
		return -EPERM;
	if (ino == 0)
		return -ENOENT;
	if (ino == old)
		return 0;
	is_folder = stat_of(fs, ino).type == HIN_FS_DIRECTORY;
	if (is_folder && is_below(fs, to_folder, ino))
		return -EINVAL;
	c = change(fs, ino);
	if (c == NULL || change(fs, folder) == NULL || change(fs, to_folder) == NULL)
		return -ENOSPC;
	if (old != 0) {
		bool old_folder = stat_of(fs, old).type == HIN_FS_DIRECTORY;

		if (is_folder != old_folder)
			return is_folder ? -ENOTDIR : -EISDIR;
		fault = old_folder ? hin_fs_rmdir(fs, to_folder, to_name, now_s)
				   : hin_fs_unlink(fs, to_folder, to_name, now_s);
	}
	if (fault == 0)
		fault = set_entry(fs, to_folder, to_name, ino, now_s);
	if (fault == 0)
		fault = set_entry(fs, folder, name, 0, now_s);
	if (fault == 0 && is_folder) {
		change(fs, folder)->stat.links--;
		change(fs, to_folder)->stat.links++;
		c->parent = to_folder;
	}
	return fault;
}

int hin_fs_set_mode(struct hin_fs *fs, uint32_t ino, uint32_t mode)
{
	struct changed *c = change(fs, ino);

	if (c == NULL)
		return is_made(ino) ? -EPERM : -ENOSPC;
	c->stat.mode = mode & 07777;
	return 0;
}

int hin_fs_set_owner(struct hin_fs *fs, uint32_t ino, uint32_t uid, uint32_t gid)
{
	struct changed *c = change(fs, ino);

	if (c == NULL)
		return is_made(ino) ? -EPERM : -ENOSPC;
	c->stat.uid = uid;
	c->stat.gid = gid;
	return 0;
}

void hin_fs_set_tag(struct hin_fs *fs, uint32_t ino, uint32_t tag)
{
	struct changed *c = own_of(fs, ino);

	if (c != NULL)
		c->stat.tag = tag;
}

int hin_fs_set_time(struct hin_fs *fs, uint32_t ino, int64_t mtime_s)
{
	struct changed *c = change(fs, ino);

	if (c == NULL)
		return is_made(ino) ? -EPERM : -ENOSPC;
	c->stat.mtime_s = mtime_s;
	return 0;
}

void hin_fs_hold(struct hin_fs *fs, uint32_t ino)
{
	struct changed *c = own_of(fs, ino);

	/* a file of the image stays anyway */
	if (c != NULL)
		c->held++;
}

void hin_fs_drop(struct hin_fs *fs, uint32_t ino)
{
	struct changed *c = own_of(fs, ino);

	if (c != NULL && c->held > 0) {
		c->held--;
		let_go(fs, ino);
	}
}
