/* Lines of NDJSON; what is read is written, read again and must be the same. */
#include <stdlib.h>

#include "observe/ndjson.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_observation row, again;
	struct hin_ndjson_writer w = { 0 };
	char line[HIN_NDJSON_LINE];
	struct hin_error err;
	size_t length;

	if (hin_ndjson_read(&row, (const char *)data, size, 1, &err) != HIN_OK) {
		if (strncmp(err.text, "line 1: ", 8) != 0)
			abort();
		return 0;
	}
	length = hin_ndjson_write(&w, &row, line);
	if (length > sizeof(line) || hin_ndjson_read(&again, line, length, 1, &err) != HIN_OK ||
	    !hin_observation_equal(&row, &again))
		abort();
	return 0;
}
