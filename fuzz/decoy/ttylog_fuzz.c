/* Any bytes as a ttylog: what is read is written again the same. */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/ttylog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_reader in = hin_reader_of(data, size);
	struct hin_ttylog_record record;
	struct hin_buffer out = { 0 };
	enum hin_code code;

	while ((code = hin_ttylog_read(&in, &record)) == HIN_OK)
		hin_ttylog_write(&out, &record);
	if (out.used > size || (out.used > 0 && memcmp(out.data, data, out.used) != 0))
		abort();
	if (code == HIN_EOF && out.used != size)
		abort();
	if (code == HIN_ETRUNCATED && record.size > 0) {
		uint8_t *copy = malloc(record.size);

		if (copy != NULL)
			memcpy(copy, record.data, record.size);
		free(copy);
	}
	hin_buffer_fini(&out);
	return 0;
}
