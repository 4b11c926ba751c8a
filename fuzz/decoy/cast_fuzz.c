/* Any bytes as an asciicast: what is read is written, and read again the same. */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/cast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read all events; texts of one type behind each other. */
static enum hin_code read_all(const void *data, size_t size, struct hin_buffer *texts,
			      struct hin_cast_writer *again, struct hin_buffer *out)
{
	struct hin_cast_reader cast;
	struct hin_cast_event e;
	struct hin_error err;
	enum hin_code code = hin_cast_open(&cast, data, size, &err);

	if (code != HIN_OK)
		return code;
	if (again != NULL)
		hin_cast_begin(again, out, &cast.head, 0, 0);
	while ((code = hin_cast_next(&cast, &e, &err)) == HIN_OK) {
		if (e.type != 'o' && e.type != 'i')
			continue;
		hin_buffer_add(&texts[e.type == 'i'], e.text, e.size);
		if (again != NULL && e.type == 'o')
			hin_cast_output(again, e.time_us, e.text, e.size);
		else if (again != NULL)
			hin_cast_input(again, e.time_us, e.text, e.size);
	}
	if (again != NULL)
		hin_cast_end(again, again->last_us);
	hin_cast_close(&cast);
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_buffer first[2] = { { 0 } }, second[2] = { { 0 } }, out = { 0 };
	struct hin_cast_writer again;

	read_all(data, size, first, &again, &out);
	if (out.used > 0) {
		if (read_all(out.data, out.used, second, NULL, NULL) != HIN_EOF)
			abort();
		for (unsigned k = 0; k < 2; k++) {
			if (first[k].used != second[k].used ||
			    memcmp(hin_buffer_text(&first[k]), hin_buffer_text(&second[k]),
				   first[k].used) != 0)
				abort();
		}
	}
	for (unsigned k = 0; k < 2; k++) {
		hin_buffer_fini(&first[k]);
		hin_buffer_fini(&second[k]);
	}
	/* and the bytes themselves, as a terminal's, in two pieces */
	hin_buffer_reset(&out);
	hin_cast_begin(&again, &out, &(struct hin_cast_head){ .width = 80, .height = 24 }, 0, 1000);
	hin_cast_output(&again, 5, data, size / 2);
	hin_cast_output(&again, 7, data + size / 2, size - size / 2);
	hin_cast_end(&again, 9);
	if (read_all(out.data, out.used, first, NULL, NULL) != HIN_EOF)
		abort();
	hin_buffer_fini(&first[0]);
	hin_buffer_fini(&first[1]);
	hin_buffer_fini(&out);
	return 0;
}
