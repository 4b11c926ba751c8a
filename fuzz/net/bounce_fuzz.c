/* bounce_fuzz - whatever a mail server, or somebody who claims to be one, sends back */
#include <stdlib.h>
#include <string.h>

#include "net/bounce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_error err = { 0 };
	struct hin_bounce b;
	size_t touched = 0;

	if (hin_bounce_parse(&b, data, size, &err) != HIN_OK)
		return 0;
	if (b.count > HIN_BOUNCE_RECIPIENTS)
		abort();
	touched += strlen(b.to) + strlen(b.message_id);
	for (size_t i = 0; i < b.count; i++) {
		const struct hin_bounce_recipient *r = &b.recipients[i];

		touched += strlen(r->address) + strlen(r->status) + strlen(r->diagnostic);
		for (const char *p = r->address; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20)
				abort(); /* it is shown */
	}
	return touched > 100000;
}
