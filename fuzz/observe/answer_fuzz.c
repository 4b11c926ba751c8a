/* A hub's answer, as a sensor reads it. First byte: how many batches were sent. */
#include <stdlib.h>
#include <string.h>

#include "observe/carrier_https.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_carrier_answer answer;
	struct hin_error err;

	if (size < 1)
		return 0;
	if (hin_carrier_answer_parse(&answer, data + 1, size - 1, data[0], &err) != HIN_OK)
		return 0;
	if (answer.count != data[0] || strlen(answer.reason) >= sizeof(answer.reason))
		abort();
	for (size_t i = 0; i < answer.count; i++)
		if (hin_carried_word((enum hin_carried)answer.verdicts[i]) == NULL)
			abort();
	return 0;
}
