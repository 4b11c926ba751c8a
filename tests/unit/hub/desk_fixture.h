/* desk_fixture - a folder of its own for each test, with the place of a desk in it. */
#pragma once
#include "../test.h"

#include <stdio.h>
#include <unistd.h>

static char folder[64], path[128];

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/hinomi-desk-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/desk.db", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	char file[160];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
	return rmdir(folder);
}
