/* Acts: what is read is written the same. */
#include <stdlib.h>
#include <string.h>

#include "trust/act.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t again[HIN_ACT_BYTES];
	struct hin_error err;
	struct hin_act act;

	if (hin_act_decode(&act, data, size, &err) != HIN_OK)
		return 0;
	if (strcmp(hin_act_name(act.kind), "unknown") == 0)
		return 0;
	if (hin_act_encode(again, &act, NULL) != HIN_OK || memcmp(again, data, size) != 0)
		abort();
	return 0;
}
