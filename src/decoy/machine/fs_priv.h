/* fs_priv - the image of a file system, as its parts see it. */
#pragma once
#include <assert.h>

#include "decoy/machine/fs.h"

/*
 * A file of the image. Its inode is its place in `nodes`; 0 is left out, 1 is the root. There are
 * thousands of them in each image: what a struct hin_fs_stat says is kept in few bytes.
 */
struct node {
	const char *name;
	const uint8_t *data;
	uint32_t size;	    /* bytes at `data` */
	uint32_t file_size; /* of the file; the rest is zeros */
	uint32_t mtime_s, uid, gid;
	uint32_t special; /* of a file: its tag; of a device: major << 20 | minor */
	uint32_t parent;
	uint32_t first, count; /* children: places in `order`; before the freeze: last and next */
	uint16_t mode;	       /* its type in the upper four bits */
	uint16_t links;
};
static_assert(sizeof(struct node) <= 56, "an image is kept in memory");

/* What stat(2) says of node `ino`. */
struct hin_fs_stat hin_fs_image_stat(const struct hin_fs_image *image, uint32_t ino);

struct hin_fs_image {
	struct hin_arena arena;
	struct node *nodes;
	uint32_t count, room;
	uint32_t *order; /* of all inodes, by folder and name */
};
