/* batch_file - framed batches in a file; see batch_file.h */
#include "observe/batch_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const uint8_t magic[4] = { 'H', 'N', 'B', '1' };

struct hin_batch_file {
	int fd;
	uint64_t offset; /* of the next frame */
	uint8_t *bytes;	 /* the batch read last */
	size_t size;	 /* of the memory at `bytes` */
	bool broken;	 /* a write failed and its part could not be taken back */
	char name[128];	 /* for messages */
};

static uint32_t checksum(const void *bytes, size_t size)
{
	return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, size);
}

enum hin_code hin_batch_file_of_fd(struct hin_batch_file **out, int fd, const char *name,
				   struct hin_error *err)
{
	struct hin_batch_file *file = calloc(1, sizeof(*file));

	if (file == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s", name);
	file->fd = fd;
	strncpy(file->name, name, sizeof(file->name) - 1);
	*out = file;
	return HIN_OK;
}

void hin_batch_file_close(struct hin_batch_file *file)
{
	if (file == NULL)
		return;
	if (file->fd != -1)
		close(file->fd);
	free(file->bytes);
	free(file);
}

static enum hin_code open_path(struct hin_batch_file **out, const char *path, int flags,
			       struct hin_error *err)
{
	bool standard = strcmp(path, "-") == 0;
	enum hin_code code;
	int fd;

	if (standard)
		fd = fcntl(flags == O_RDONLY ? STDIN_FILENO : STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, flags | O_CLOEXEC, 0640);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s", path);
	code = hin_batch_file_of_fd(out, fd, standard ? "standard stream" : path, err);
	if (code != HIN_OK)
		close(fd);
	return code;
}

enum hin_code hin_batch_file_open(struct hin_batch_file **out, const char *path,
				  struct hin_error *err)
{
	return open_path(out, path, O_RDONLY, err);
}

/* Read up to `size` bytes; fewer only at the end of the file. */
static enum hin_code read_full(struct hin_batch_file *file, void *out, size_t size, size_t *got,
			       struct hin_error *err)
{
	for (*got = 0; *got < size;) {
		ssize_t n = read(file->fd, (uint8_t *)out + *got, size - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hin_fail(err, HIN_ESYS, "read %s", file->name);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return HIN_OK;
}

/* Make room for `size` bytes, by halves more than asked so that growing batches cost little. */
static enum hin_code make_room(struct hin_batch_file *file, size_t size, struct hin_error *err)
{
	size_t more = size + size / 2;
	uint8_t *bytes;

	if (size <= file->size)
		return HIN_OK;
	bytes = realloc(file->bytes, more);
	if (bytes == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: batch of %zu bytes", file->name, size);
	file->bytes = bytes;
	file->size = more;
	return HIN_OK;
}

static enum hin_code fail_torn(const struct hin_batch_file *file, size_t have, size_t want,
			       struct hin_error *err)
{
	return hin_fail(err, HIN_ETRUNCATED, "%s: torn at offset %llu: %zu of %zu bytes",
			file->name, (unsigned long long)file->offset, have, want);
}

/* Grow with what comes, so that a length that lies costs no memory. */
static enum hin_code read_body(struct hin_batch_file *file, size_t size, struct hin_error *err)
{
	size_t have = 0;

	while (have < size) {
		size_t step = size - have < 1u << 20 ? size - have : 1u << 20, got;
		enum hin_code code = make_room(file, have + step, err);

		if (code == HIN_OK)
			code = read_full(file, file->bytes + have, step, &got, err);
		if (code != HIN_OK)
			return code;
		have += got;
		if (got < step)
			return fail_torn(file, HIN_BATCH_FRAME + have, HIN_BATCH_FRAME + size, err);
	}
	return HIN_OK;
}

enum hin_code hin_batch_file_read(struct hin_batch_file *file, const uint8_t **bytes, size_t *size,
				  struct hin_error *err)
{
	uint8_t frame[HIN_BATCH_FRAME];
	struct hin_reader in = hin_reader_of(frame, sizeof(frame));
	uint32_t length, crc;
	size_t got;
	enum hin_code code = read_full(file, frame, sizeof(frame), &got, err);

	if (code != HIN_OK)
		return code;
	if (got == 0)
		return HIN_EOF;
	if (memcmp(frame, magic, got < sizeof(magic) ? got : sizeof(magic)) != 0)
		return hin_fail(err, HIN_EFORMAT, "%s: no batch at offset %llu", file->name,
				(unsigned long long)file->offset);
	if (got < sizeof(frame))
		return fail_torn(file, got, sizeof(frame), err);
	hin_read_skip(&in, sizeof(magic));
	length = hin_read_le32(&in);
	crc = hin_read_le32(&in);
	if (length > HIN_BATCH_BYTES)
		return hin_fail(err, HIN_ELIMIT, "%s: batch of %u bytes at offset %llu is over %u",
				file->name, length, (unsigned long long)file->offset,
				HIN_BATCH_BYTES);
	code = read_body(file, length, err);
	if (code != HIN_OK)
		return code;
	file->offset += HIN_BATCH_FRAME + length;
	if (checksum(file->bytes, length) != crc)
		return hin_fail(err, HIN_EVERIFY, "%s: wrong checksum of the batch at offset %llu",
				file->name,
				(unsigned long long)(file->offset - HIN_BATCH_FRAME - length));
	*bytes = file->bytes;
	*size = length;
	return HIN_OK;
}

/* Read what is there to the end; cut what is torn. */
static enum hin_code recover(struct hin_batch_file *file, uint64_t *cut_bytes,
			     struct hin_error *err)
{
	struct stat st;
	const uint8_t *bytes;
	size_t size;
	enum hin_code code;

	if (fstat(file->fd, &st) != 0)
		return hin_fail(err, HIN_ESYS, "stat %s", file->name);
	if (!S_ISREG(st.st_mode))
		return HIN_OK; /* a pipe or a device has no past */
	do
		code = hin_batch_file_read(file, &bytes, &size, err);
	while (code == HIN_OK);
	if (code != HIN_EOF && code != HIN_ETRUNCATED)
		return code;
	*cut_bytes = (uint64_t)st.st_size - file->offset;
	if (*cut_bytes > 0 && ftruncate(file->fd, (off_t)file->offset) != 0)
		return hin_fail(err, HIN_ESYS, "cut %s", file->name);
	if (lseek(file->fd, (off_t)file->offset, SEEK_SET) == -1)
		return hin_fail(err, HIN_ESYS, "seek %s", file->name);
	return HIN_OK;
}

enum hin_code hin_batch_file_append(struct hin_batch_file **out, const char *path,
				    uint64_t *cut_bytes, struct hin_error *err)
{
	struct hin_batch_file *file = NULL;
	uint64_t cut = 0;
	bool standard = strcmp(path, "-") == 0;
	enum hin_code code = open_path(&file, path, O_RDWR | O_CREAT, err);

	if (code != HIN_OK)
		return code;
	assert(file != NULL);
	if (!standard)
		code = recover(file, &cut, err);
	if (code != HIN_OK) {
		hin_batch_file_close(file);
		return code;
	}
	if (cut_bytes != NULL)
		*cut_bytes = cut;
	*out = file;
	return HIN_OK;
}

static enum hin_code write_all(struct hin_batch_file *file, const uint8_t *bytes, size_t size,
			       struct hin_error *err)
{
	while (size > 0) {
		ssize_t n = write(file->fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hin_fail(err, HIN_ESYS, "write %s", file->name);
		bytes += n;
		size -= (size_t)n;
	}
	return HIN_OK;
}

/* After a write that failed: cut what it left, or write no more. */
static void take_back(struct hin_batch_file *file)
{
	file->broken = ftruncate(file->fd, (off_t)file->offset) != 0 ||
		       lseek(file->fd, (off_t)file->offset, SEEK_SET) == -1;
}

enum hin_code hin_batch_file_write(struct hin_batch_file *file, const void *bytes, size_t size,
				   struct hin_error *err)
{
	uint8_t frame[HIN_BATCH_FRAME];
	struct hin_writer out = hin_writer_of(frame, sizeof(frame));
	enum hin_code code;

	if (size > HIN_BATCH_BYTES)
		return hin_fail(err, HIN_ELIMIT, "%s: batch of %zu bytes is over %u", file->name,
				size, HIN_BATCH_BYTES);
	if (file->broken)
		return hin_fail(err, HIN_ETRUNCATED, "%s: its end is torn since a write failed",
				file->name);
	hin_write_bytes(&out, magic, sizeof(magic));
	hin_write_le32(&out, (uint32_t)size);
	hin_write_le32(&out, checksum(bytes, size));
	code = write_all(file, frame, sizeof(frame), err);
	if (code == HIN_OK)
		code = write_all(file, bytes, size, err);
	if (code == HIN_OK)
		file->offset += sizeof(frame) + size;
	else
		take_back(file);
	return code;
}

enum hin_code hin_batch_file_sync(struct hin_batch_file *file, struct hin_error *err)
{
	if (fdatasync(file->fd) != 0 && errno != EINVAL && errno != EROFS) /* a pipe has no disk */
		return hin_fail(err, HIN_ESYS, "fsync %s", file->name);
	return HIN_OK;
}

uint64_t hin_batch_file_offset(const struct hin_batch_file *file)
{
	return file->offset;
}
