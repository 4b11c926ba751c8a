/* Certificates, keys and requests; the first byte chooses. */
#include <stdlib.h>

#include "trust/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hin_certificate certificate;
	struct hin_buffer out = { 0 };
	uint8_t seed[32], id[16];
	char *text;

	if (size == 0)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (text == NULL)
		abort();
	switch (data[0] % 4) {
	case 0:
		if (hin_certificate_request_check(data + 1, size - 1, NULL) == HIN_OK &&
		    size - 1 > HIN_CSR_SIZE)
			abort();
		break;
	case 1:
		if (hin_certificate_read(&certificate, text, NULL) == HIN_OK) {
			(void)hin_sensor_of_uri(id, certificate.uri);
			(void)!hin_certificate_check(text, text, NULL, 1795000000, NULL);
		}
		break;
	case 2:
		(void)!hin_certificate_key_open(&out, text, NULL, NULL);
		break;
	default:
		(void)!hin_certificate_seed_open(seed, text, NULL, NULL);
		break;
	}
	hin_secret_fini(&out);
	free(text);
	return 0;
}
