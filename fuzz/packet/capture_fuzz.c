/*
 * Any bytes as a capture file: plain, and as gzip, zstd or xz data when they look so. What is read
 * from a file must be the same from a pipe, and twice as much when the file is given twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "packet/capture.h"

#define PIPE_ROOM 65536 /* what a pipe takes without a reader */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct result {
	bool opened;
	bool torn; /* a fault in packed data: where it shows depends on how much was unpacked at
		      once */
	uint64_t packets, bytes, sum;
};

static struct hin_batch batch;

static struct result read_paths(const char *const *paths, size_t count)
{
	const struct hin_capture_options options = { .stop_fd = -1, .max_expanded = 4 << 20 };
	const struct hin_capture_input *inputs;
	struct result r = { 0 };
	struct hin_capture *cap;
	enum hin_code code;
	struct hin_error err;
	uint64_t told = 0;

	if (hin_capture_open(&cap, paths, count, &options, &err) != HIN_OK)
		return r;
	r.opened = true;
	while ((code = hin_capture_read(cap, &batch, &err)) == HIN_OK) {
		for (size_t i = 0; i < batch.count; i++) {
			const struct hin_frame *f = &batch.frames[i];

			if (f->input >= count)
				abort();
			r.bytes += f->size;
			for (uint32_t n = 0; n < f->size; n++)
				r.sum += f->data[n];
		}
		r.packets += batch.count;
	}
	if (code != HIN_EOF)
		abort();
	hin_batch_release(&batch);
	for (size_t i = 0; i < hin_capture_inputs(cap, &inputs); i++) {
		told += inputs[i].packets;
		r.torn |= inputs[i].fault != HIN_FAULT_NONE &&
			  strcmp(inputs[i].compression, "none") != 0;
	}
	if (told != r.packets)
		abort();
	hin_capture_close(cap);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[2][32];
	const char *paths[] = { path[0], path[0] };
	const char *pipe_paths[] = { path[1] };
	struct result once, twice, piped;
	int ends[2], fd = memfd_create("capture", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path[0], sizeof(path[0]), "/proc/self/fd/%d", fd);
	once = read_paths(paths, 1);
	twice = read_paths(paths, 2);
	close(fd);
	if (once.torn)
		return 0;
	if (twice.opened != once.opened || twice.packets != 2 * once.packets ||
	    twice.bytes != 2 * once.bytes || twice.sum != 2 * once.sum)
		abort();
	if (size > PIPE_ROOM)
		return 0;
	if (pipe(ends) == -1 || write(ends[1], data, size) != (ssize_t)size)
		abort();
	close(ends[1]);
	snprintf(path[1], sizeof(path[1]), "/proc/self/fd/%d", ends[0]);
	piped = read_paths(pipe_paths, 1);
	close(ends[0]);
	if (piped.opened != once.opened || piped.packets != once.packets || piped.sum != once.sum)
		abort();
	return 0;
}
