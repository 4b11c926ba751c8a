/* Files of batches, read to the end and opened to append. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "observe/batch_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_batch_file *file = NULL;
	struct hin_error err;
	const uint8_t *bytes;
	volatile uint8_t sum = 0;
	uint64_t offset = 0;
	enum hin_code code;
	size_t length;
	int fd = memfd_create("batches", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0 ||
	    hin_batch_file_of_fd(&file, fd, "fuzz", &err) != HIN_OK)
		abort();
	do {
		code = hin_batch_file_read(file, &bytes, &length, &err);
		if (code == HIN_OK)
			for (size_t i = 0; i < length; i++)
				sum = (uint8_t)(sum + bytes[i]);
		if (hin_batch_file_offset(file) < offset || hin_batch_file_offset(file) > size)
			abort();
		offset = hin_batch_file_offset(file);
	} while (code == HIN_OK || code == HIN_EVERIFY);
	if (code == HIN_EOF && offset != size)
		abort();
	hin_batch_file_close(file);
	return 0;
}
