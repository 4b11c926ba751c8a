/* Any bytes as a file that was brought: it is of some kind, with a name that is safe to print. */
#include <stdlib.h>
#include <string.h>

#include "decoy/record/vault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_file_kind kind = hin_file_kind(data, size);
	char text[HIN_FILE_KIND_TEXT];

	hin_file_kind_format(text, &kind);
	if (text[0] == '\0' || strlen(text) >= sizeof(text) - 1)
		abort();
	for (const char *at = text; *at != '\0'; at++) {
		if (*at < 0x20 || *at > 0x7e)
			abort();
	}
	return 0;
}
