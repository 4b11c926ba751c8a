/*
 * capture_counts - what the capture reader makes of files, for tests/system/packet_counts.py.
 *
 * Prints one line a file: name, TAB, packets, TAB, fault number, TAB, text. A file that cannot be
 * opened has "-" for its packets.
 */
#include <stdio.h>
#include <stdlib.h>

#include "packet/capture.h"

static void count(const char *path)
{
	static struct hin_batch batch;
	const struct hin_capture_options options = { .stop_fd = -1 };
	const struct hin_capture_input *inputs;
	struct hin_capture *cap;
	struct hin_error err = { 0 };
	enum hin_code code = hin_capture_open(&cap, &path, 1, &options, &err);
	uint64_t packets = 0;

	if (code != HIN_OK) {
		printf("%s\t-\t%d\t%s\n", path, (int)code, err.text);
		return;
	}
	while ((code = hin_capture_read(cap, &batch, &err)) == HIN_OK || code == HIN_EAGAIN)
		packets += batch.count;
	hin_batch_release(&batch);
	hin_capture_inputs(cap, &inputs);
	printf("%s\t%llu\t%d\t%s\n", path, (unsigned long long)packets, (int)inputs[0].fault,
	       inputs[0].fault_text);
	hin_capture_close(cap);
}

int main(int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		count(argv[i]);
	return EXIT_SUCCESS;
}
