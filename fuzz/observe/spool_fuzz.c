/*
 * The files of a spool: two of them, opened, read to the end, forgotten, written on and opened
 * again. The first byte says how the rest is shared out.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "observe/batch_writer.h"
#include "observe/spool.h"

#define EPOCH 0x1122334455667788ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/hinomi-spool-fuzz-XXXXXX";
static struct hin_sensor_key key;

/* Remove what lies in the folder, but for its lock. */
static void empty(void)
{
	DIR *d = opendir(folder);
	struct dirent *entry;

	if (d == NULL)
		abort();
	while ((entry = readdir(d)) != NULL)
		if (entry->d_type == DT_REG && strcmp(entry->d_name, "lock") != 0)
			unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
}

static void remove_all(void)
{
	char path[PATH_MAX];

	empty();
	snprintf(path, sizeof(path), "%s/lock", folder);
	unlink(path);
	rmdir(folder);
}

static void put(unsigned number, unsigned first, const uint8_t *data, size_t size)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%08u-%016llx-%020u.batches", folder, number, EPOCH, first);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

/* Open, read all, append one batch. Returns how many were read. */
static size_t use(struct hin_batch_mark *mark, bool append)
{
	struct hin_spool_place place = { 0 }, last = { 0 };
	struct hin_batch_writer *writer = NULL;
	struct hin_buffer bytes = { 0 };
	struct hin_spool_loss loss;
	struct hin_spool *s;
	const uint8_t *batch;
	size_t count = 0, length;
	enum hin_code code = hin_spool_open(&s, folder, key.public_key, NULL, mark, NULL, NULL);

	if (code == HIN_EVERIFY) /* another sensor's */
		return SIZE_MAX;
	if (code != HIN_OK)
		abort();
	while (hin_spool_read(s, &place, SIZE_MAX, &bytes, NULL) == HIN_OK) {
		if (place.epoch == last.epoch && place.sequence <= last.sequence)
			abort();
		last = place;
		count++;
	}
	hin_spool_forget(s, last);
	while (hin_spool_take_loss(s, &loss))
		;
	if (append) {
		if (hin_batch_writer_open(&writer, &key, mark, 1, NULL) != HIN_OK ||
		    hin_batch_writer_finish(writer, &batch, &length, NULL) != HIN_OK ||
		    hin_spool_append(s, batch, length, hin_batch_writer_mark(writer), NULL) !=
			    HIN_OK)
			abort();
		*mark = *hin_batch_writer_mark(writer);
	}
	hin_batch_writer_close(writer);
	hin_buffer_fini(&bytes);
	hin_spool_close(s);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[32] = { 7 };
	struct hin_batch_mark mark, again;
	size_t cut;

	if (size < 2)
		return 0;
	if (key.public_key[0] == 0 && (mkdtemp(folder) == NULL || atexit(remove_all) != 0 ||
				       hin_sensor_key_of_seed(&key, seed, NULL) != HIN_OK))
		abort();
	cut = 2 + (size - 2) * data[0] / 255;
	put(1, 1, data + 2, cut - 2);
	put(2, data[1] > 0 ? data[1] : 1, data + cut, size - cut);
	if (use(&mark, true) != SIZE_MAX) {
		again = mark;
		if (use(&again, false) == 0 || memcmp(&again, &mark, sizeof(mark)) != 0)
			abort(); /* what was appended is there, and the chain goes on behind it */
	}
	empty();
	return 0;
}
