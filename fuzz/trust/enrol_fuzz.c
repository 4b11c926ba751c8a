/* What a sensor and a hub say to each other, from either side; and codes to join with. */
#include <stdlib.h>

#include "trust/enrol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(const uint8_t *data, size_t size)
{
	static const uint8_t ca[32] = { 1 }, secret[HIN_CODE_SECRET] = { 2 };
	struct hin_enrol_request request;

	if (hin_enrol_read(&request, data, size, NULL) != HIN_OK)
		return;
	if (request.csr_size > sizeof(request.csr))
		abort();
	(void)hin_enrol_is_signed(&request, ca);
	if (hin_enrol_knows_secret(&request, ca, secret) && request.renewal)
		abort();
	(void)!hin_certificate_request_check(request.csr, request.csr_size, NULL);
}

static void try_answer(const uint8_t *data, size_t size)
{
	struct hin_enrol_answer answer = { 0 }, again = { 0 };
	struct hin_buffer out = { 0 };
	struct hin_certificate certificate;

	if (hin_enrol_answer_read(&answer, data, size, NULL) == HIN_OK) {
		if (hin_enrol_answer_write(&out, answer.name, &answer.settings_key,
					   answer.certificate_pem.data, answer.ca_pem.data,
					   NULL) != HIN_OK)
			abort();
		if (strlen(answer.name) > 0 && out.used <= HIN_ENROL_ANSWER &&
		    (hin_enrol_answer_read(&again, out.data, out.used, NULL) != HIN_OK ||
		     strcmp(answer.name, again.name) != 0))
			abort();
		(void)!hin_certificate_read(&certificate, answer.certificate_pem.data, NULL);
	}
	hin_buffer_fini(&out);
	hin_enrol_answer_fini(&answer);
	hin_enrol_answer_fini(&again);
}

static void try_code(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), again[HIN_CODE_TEXT];
	struct hin_join_code code, same;
	char host[HIN_CODE_HOST];
	uint16_t port;

	if (text == NULL)
		abort();
	(void)!hin_host_parse(host, &port, text, NULL);
	if (hin_join_code_parse(&code, text, NULL) == HIN_OK &&
	    (hin_join_code_parse(&same, hin_join_code_format(&code, again), NULL) != HIN_OK ||
	     memcmp(&code, &same, sizeof(code)) != 0))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_request(data, size);
	try_answer(data, size);
	try_code(data, size);
	return 0;
}
