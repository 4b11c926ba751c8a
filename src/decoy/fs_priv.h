/* fs_priv - the image of a file system, as its parts see it. */
#pragma once
#include "decoy/fs.h"

/* A file of the image. Its inode is its place in `nodes`; 0 is left out, 1 is the root. */
struct node {
	const char *name;
	struct hin_fs_stat stat;
	const uint8_t *data;
	size_t size;
	uint32_t parent;
	uint32_t first, count; /* children: places in `order` */
	uint32_t child, next;  /* before the freeze: a list */
};

struct hin_fs_image {
	struct hin_arena arena;
	struct node *nodes;
	uint32_t count, room;
	uint32_t *order; /* of all inodes, by folder and name */
};
