/* Any bytes as the header of a proxy: whole, in parts, and never read behind their end. */
#include <stdlib.h>
#include <string.h>

#include "decoy/gate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_proxied whole, part;
	size_t used = 0, again = 0;
	enum hin_code code = hin_proxied_read(&whole, data, size, &used);

	for (size_t n = 0; n < size; n++) {
		uint8_t *copy = malloc(n > 0 ? n : 1);
		enum hin_code early;

		if (copy == NULL)
			abort();
		memcpy(copy, data, n);
		early = hin_proxied_read(&part, copy, n, &again);
		free(copy);
		/* what is right is known when all of it is there, and not before */
		if (code == HIN_OK && early != (n < used ? HIN_EAGAIN : HIN_OK))
			abort();
		if (early == HIN_EFORMAT && code != HIN_EFORMAT)
			abort();
	}
	return 0;
}
