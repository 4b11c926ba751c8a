/*
 * Any bytes as a saved state. With an odd first byte the rest is packed and given the right digest,
 * so that the walk over the tables is reached; a second one says where in a good state the bytes
 * are put. A state that is taken must be good to save, and come back the same.
 */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "telescope/telescope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 40, ROOM = 64 << 20 };

static struct hin_telescope_options options;
static char path[64];
static uint8_t *good; /* a state of nothing seen, unpacked */
static size_t good_size;

static void must(bool yes)
{
	if (!yes)
		abort();
}

static struct hin_telescope *telescope_new(void)
{
	struct hin_telescope *t;

	must(hin_telescope_new(&t, &options, NULL) == HIN_OK);
	return t;
}

static void write_file(const void *head, size_t head_size, const void *body, size_t body_size)
{
	FILE *out = fopen(path, "we");

	must(out != NULL);
	must(head_size == 0 || fwrite(head, 1, head_size, out) == head_size);
	must(body_size == 0 || fwrite(body, 1, body_size, out) == body_size);
	must(fclose(out) == 0);
}

static void init(void)
{
	struct hin_telescope *t;
	uint8_t *packed = malloc(ROOM);
	FILE *in;
	size_t size;

	hin_telescope_settings_default(&options.settings);
	options.settings.memory_bytes = 1 << 20;
	options.threads = 1;
	options.flows = true;
	snprintf(path, sizeof(path), "/dev/shm/hinomi-state-fuzz-%d", (int)getpid());
	t = telescope_new();
	must(hin_telescope_save(t, path, NULL) == HIN_OK);
	hin_telescope_free(t);
	in = fopen(path, "re");
	good = malloc(ROOM);
	must(in != NULL && packed != NULL && good != NULL);
	size = fread(packed, 1, ROOM, in);
	fclose(in);
	good_size = ZSTD_decompress(good, ROOM, packed + HEADER, size - HEADER);
	must(!ZSTD_isError(good_size));
	free(packed);
}

/* A good state with `size` bytes put at some place of it, packed, its digest right. */
static void write_changed(const uint8_t *data, size_t size)
{
	size_t at = (size_t)(data[0] << 16 | data[1] << 8 | data[2]) % good_size;
	uint8_t header[HEADER] = "HINSTAT1";
	size_t room = ZSTD_compressBound(good_size), packed_size;
	uint8_t *changed = malloc(good_size), *packed = malloc(room);

	must(changed != NULL && packed != NULL);
	memcpy(changed, good, good_size);
	size -= 3;
	memcpy(changed + at, data + 3, size < good_size - at ? size : good_size - at);
	SHA256(changed, good_size, header + 8);
	packed_size = ZSTD_compress(packed, room, changed, good_size, 1);
	must(!ZSTD_isError(packed_size));
	write_file(header, HEADER, packed, packed_size);
	free(changed);
	free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_telescope *t;

	if (good == NULL)
		init();
	if (size > 4 && data[0] & 1)
		write_changed(data + 1, size - 1);
	else
		write_file(data, size, NULL, 0);
	t = telescope_new();
	if (hin_telescope_load(t, path, NULL) == HIN_OK)
		must(hin_telescope_save(t, path, NULL) == HIN_OK);
	hin_telescope_free(t);
	(void)unlink(path);
	return 0;
}
