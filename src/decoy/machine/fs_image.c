/* fs_image - the files of a machine as they are before anybody comes: built once, then shared. */
#include <stdlib.h>

#include "decoy/machine/fs_priv.h"

static const struct hin_fs_stat plain_folder = { .type = HIN_FS_DIRECTORY,
						 .mode = 0755,
						 .links = 2 };

#define MODE 07777u
#define TYPE_SHIFT 12

static bool is_device(enum hin_fs_type type)
{
	return type == HIN_FS_CHARACTER || type == HIN_FS_BLOCK;
}

static enum hin_fs_type type_of(const struct node *node)
{
	return (enum hin_fs_type)(node->mode >> TYPE_SHIFT);
}

struct hin_fs_stat hin_fs_image_stat(const struct hin_fs_image *image, uint32_t ino)
{
	const struct node *n = &image->nodes[ino];
	struct hin_fs_stat stat = { .ino = ino,
				    .type = type_of(n),
				    .mode = n->mode & MODE,
				    .uid = n->uid,
				    .gid = n->gid,
				    .links = n->links,
				    .size = n->file_size,
				    .mtime_s = n->mtime_s };

	if (is_device(stat.type)) {
		stat.major = n->special >> 20;
		stat.minor = n->special & 0xfffff;
	} else {
		stat.tag = n->special;
	}
	return stat;
}

static uint32_t image_put(struct hin_fs_image *image, uint32_t parent, const char *name,
			  size_t size, const struct hin_fs_stat *stat)
{
	struct node *node;
	char *own = hin_arena_copy(&image->arena, name, size);

	if (own == NULL)
		return 0;
	if (image->count == image->room) {
		uint32_t room = image->room * 2;
		struct node *more = realloc(image->nodes, room * sizeof(*more));

		if (more == NULL)
			return 0;
		image->nodes = more;
		image->room = room;
	}
	node = &image->nodes[image->count];
	*node = (struct node){ .name = own,
			       .mtime_s = (uint32_t)stat->mtime_s,
			       .uid = stat->uid,
			       .gid = stat->gid,
			       .special = is_device(stat->type) ? stat->major << 20 | stat->minor
								: stat->tag,
			       .parent = parent,
			       .mode = (uint16_t)((unsigned)stat->type << TYPE_SHIFT | stat->mode),
			       .links = stat->type == HIN_FS_DIRECTORY ? 2 : 1 };
	if (parent != 0) {
		node->count = image->nodes[parent].first;
		image->nodes[parent].first = image->count;
		if (stat->type == HIN_FS_DIRECTORY && image->nodes[parent].links < UINT16_MAX)
			image->nodes[parent].links++;
	}
	return image->count++;
}

struct hin_fs_image *hin_fs_image_new(void)
{
	struct hin_fs_image *image = calloc(1, sizeof(*image));

	if (image == NULL)
		return NULL;
	image->room = 64;
	image->nodes = calloc(image->room, sizeof(*image->nodes));
	image->count = 1;
	if (image->nodes == NULL || image_put(image, 0, "", 0, &plain_folder) == 0) {
		hin_fs_image_free(image);
		return NULL;
	}
	image->nodes[HIN_FS_ROOT].parent = HIN_FS_ROOT;
	return image;
}

void hin_fs_image_free(struct hin_fs_image *image)
{
	if (image == NULL)
		return;
	hin_arena_fini(&image->arena);
	free(image->nodes);
	free(image->order);
	free(image);
}

/* Before the freeze: the child of that name, or 0. */
static uint32_t image_find(const struct hin_fs_image *image, uint32_t folder, const char *name,
			   size_t size)
{
	uint32_t at = image->nodes[folder].first;

	while (at != 0 && (strncmp(image->nodes[at].name, name, size) != 0 ||
			   image->nodes[at].name[size] != '\0'))
		at = image->nodes[at].count;
	return at;
}

/* Of `copy`, the image has its own bytes; else they stay the caller's. */
static enum hin_code image_add(struct hin_fs_image *image, const char *path,
			       const struct hin_fs_stat *stat, const void *data, size_t size,
			       bool copy, struct hin_error *err)
{
	uint32_t folder = HIN_FS_ROOT, at;
	const char *name = path;

	if (path[0] != '/')
		return hin_fail(err, HIN_EUSAGE, "%s: a path begins with \"/\"", path);
	if (stat->size > UINT32_MAX || size > UINT32_MAX || stat->mtime_s < 0 ||
	    stat->mtime_s > UINT32_MAX || stat->mode > MODE || stat->major > 0xfff ||
	    stat->minor > 0xfffff)
		return hin_fail(err, HIN_EUSAGE, "%s: too large a number", path);
	for (;;) {
		size_t part;

		while (*name == '/')
			name++;
		part = strcspn(name, "/");
		if (part > HIN_FS_NAME_MAX)
			return hin_fail(err, HIN_EUSAGE, "%s: a name is longer than %d bytes", path,
					HIN_FS_NAME_MAX);
		if (part == 0) /* the root itself, or a "/" at the end */
			return hin_fail(err, HIN_EUSAGE, "%s: is there already", path);
		if (type_of(&image->nodes[folder]) != HIN_FS_DIRECTORY)
			return hin_fail(err, HIN_EUSAGE, "%s: leads through a file", path);
		at = image_find(image, folder, name, part);
		if (name[part] == '\0')
			break;
		if (at == 0)
			at = image_put(image, folder, name, part, &plain_folder);
		if (at == 0)
			return hin_fail(err, HIN_ENOMEM, "%s", path);
		folder = at;
		name += part;
	}
	if (at != 0)
		return hin_fail(err, HIN_EUSAGE, "%s: is there already", path);
	at = image_put(image, folder, name, strlen(name), stat);
	if (at == 0)
		return hin_fail(err, HIN_ENOMEM, "%s", path);
	if (size > 0) {
		image->nodes[at].data =
			copy ? (const uint8_t *)hin_arena_copy(&image->arena, data, size) : data;
		if (image->nodes[at].data == NULL)
			return hin_fail(err, HIN_ENOMEM, "%s", path);
	}
	image->nodes[at].size = (uint32_t)size;
	image->nodes[at].file_size = (uint32_t)(stat->size > size ? stat->size : size);
	return HIN_OK;
}

enum hin_code hin_fs_image_add(struct hin_fs_image *image, const char *path,
			       const struct hin_fs_stat *stat, const void *data, size_t size,
			       struct hin_error *err)
{
	return image_add(image, path, stat, data, size, true, err);
}

enum hin_code hin_fs_image_lend(struct hin_fs_image *image, const char *path,
				const struct hin_fs_stat *stat, const void *data, size_t size,
				struct hin_error *err)
{
	return image_add(image, path, stat, data, size, false, err);
}

static int by_name(const void *a, const void *b, void *image_)
{
	const struct hin_fs_image *image = image_;
	const struct node *x = &image->nodes[*(const uint32_t *)a];
	const struct node *y = &image->nodes[*(const uint32_t *)b];

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return strcmp(x->name, y->name);
}

enum hin_code hin_fs_image_freeze(struct hin_fs_image *image, struct hin_error *err)
{
	free(image->order);
	image->order = calloc(image->count, sizeof(*image->order));
	if (image->order == NULL)
		return hin_fail(err, HIN_ENOMEM, "an image of %u files", image->count);
	for (uint32_t i = 0; i < image->count; i++) /* they were the list of children */
		image->nodes[i].first = image->nodes[i].count = 0;
	/* the root, which is its own parent, is no child */
	for (uint32_t i = 2; i < image->count; i++)
		image->order[i] = i;
	qsort_r(image->order + 2, image->count - 2, sizeof(*image->order), by_name, image);
	/* nobody adds the root: it changed when the last of its children came */
	for (uint32_t i = 2; i < image->count; i++)
		if (image->nodes[i].parent == HIN_FS_ROOT &&
		    image->nodes[i].mtime_s > image->nodes[HIN_FS_ROOT].mtime_s)
			image->nodes[HIN_FS_ROOT].mtime_s = image->nodes[i].mtime_s;
	for (uint32_t i = image->count; i-- > 2;) {
		struct node *folder = &image->nodes[image->nodes[image->order[i]].parent];

		folder->first = i;
		folder->count++;
	}
	/* what was kept free for more files goes back */
	struct node *less = realloc(image->nodes, image->count * sizeof(*less));

	if (less != NULL) {
		image->nodes = less;
		image->room = image->count;
	}
	return HIN_OK;
}
