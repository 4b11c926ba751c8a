/*
 * Files of nfdump's CSV, line by line. A row that is read is one that may be kept, and what we
 * write of it is read again; a mistake names its line.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/export_priv.h"
#include "store/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct hin_observation *row)
{
	struct hin_import im = { .format = HIN_IMPORT_NFDUMP, .kind = HIN_KIND_TELESCOPE_FLOW };
	struct hin_observation again;
	struct hin_buffer line = { 0 };

	if (hin_observation_check(row, NULL) != HIN_OK || !hin_export_nfdump_row(&line, row) ||
	    hin_import_line(&im, hin_export_nfdump_head, strlen(hin_export_nfdump_head), &again,
			    NULL) != HIN_EAGAIN ||
	    hin_import_line(&im, hin_buffer_text(&line), line.used, &again, NULL) != HIN_OK ||
	    again.packets != row->packets || again.bytes != row->bytes ||
	    again.tcp_flags != row->tcp_flags)
		abort();
	hin_buffer_fini(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_import im = { .format = HIN_IMPORT_NFDUMP,
				 .kind = HIN_KIND_TELESCOPE_FLOW,
				 .zone_s = 9 * 3600 };
	const char *text = (const char *)data;
	struct hin_observation row;
	struct hin_error err;
	char head[32];

	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t n = end != NULL ? (size_t)(end - text) : size;
		enum hin_code code = hin_import_line(&im, text, n, &row, &err);

		snprintf(head, sizeof(head), "line %llu: ", (unsigned long long)im.line);
		if (code == HIN_OK)
			check_again(&row);
		else if (code != HIN_EAGAIN && strncmp(err.text, head, strlen(head)) != 0)
			abort();
		n += end != NULL;
		text += n;
		size -= n;
	}
	return 0;
}
