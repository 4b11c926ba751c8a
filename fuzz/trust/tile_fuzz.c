/* Tiles and bundles in files, as a reader of somebody else's log meets them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trust/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void make_folder(void)
{
	static const char *const parts[] = { "tile", "tile/0", "tile/entries", "tile/0/000.p",
					     "tile/entries/000.p" };
	char path[128];

	strcpy(folder, "/dev/shm/hinomi-fuzz-XXXXXX");
	if (mkdtemp(folder) == NULL)
		abort();
	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, parts[i]);
		if (mkdir(path, 0700) != 0)
			abort();
	}
}

static void put(const char *name, unsigned width, const uint8_t *data, size_t size)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/tile/%s/000.p/%u", folder, name, width);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

/* The first byte is the size of the log, the rest its bundle; its tile is as it should be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_hash hashes[HIN_TILE_WIDTH] = { 0 };
	struct hin_tile_writer *writer = NULL;
	struct hin_tiles *tiles = NULL;
	struct hin_reader in;
	struct hin_hash root;
	const uint8_t *entry;
	size_t entry_size, count = 0;
	unsigned width;

	if (folder[0] == '\0')
		make_folder();
	if (size < 1 || data[0] == 0)
		return 0;
	width = data[0];
	in = hin_reader_of(data + 1, size - 1);
	while ((entry = hin_bundle_next(&in, &entry_size)) != NULL && count < HIN_TILE_WIDTH)
		hin_tree_leaf(&hashes[count++], entry, entry_size);
	put("entries", width, data + 1, size - 1);
	put("0", width, hashes[0].bytes, width * sizeof(struct hin_hash));
	if (hin_tiles_open(&tiles, folder, width, NULL) != HIN_OK)
		abort();
	for (unsigned i = 0; i < width; i += 7)
		if (hin_tiles_entry(tiles, i, &entry, &entry_size, NULL) == HIN_OK &&
		    entry_size > size)
			abort();
	if (hin_tree_root_of(&root, width, hin_tiles_fetch, tiles, NULL) != HIN_OK)
		abort();
	hin_tiles_close(tiles);
	if (hin_tile_writer_open(&writer, folder, width, NULL) == HIN_OK) {
		struct hin_hash same;

		hin_tile_writer_root(writer, &same);
		if (!hin_hash_same(&root, &same))
			abort();
	}
	hin_tile_writer_close(writer);
	return 0;
}
