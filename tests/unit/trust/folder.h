/* folder - a folder of its own for a test */
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"

static inline int folder_remove_one(const char *path, const struct stat *st, int kind,
				    struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

static inline void folder_remove(const char *path)
{
	(void)nftw(path, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A new, empty folder; `out` has 64 bytes. */
static inline char *folder_make(char *out)
{
	strcpy(out, "/tmp/hinomi-test-XXXXXX");
	if (mkdtemp(out) == NULL)
		abort();
	return out;
}

/* "folder/name" in one of four buffers that take turns. */
static inline const char *folder_path(const char *folder, const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

static inline void folder_write(const char *path, const void *data, size_t size, int how)
{
	int fd = open(path, O_WRONLY | O_CREAT | how, 0600);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}
