#include "telescope/research.h"

#include <string.h>

static const char scanners[] =
#include "telescope/research_scanners.inc"
	;

static const uint8_t samples[][32] = {
#include "telescope/samples.inc"
};

enum hin_code hin_research_read(hin_prefix_line_fn call, void *user, struct hin_error *err)
{
	char copy[sizeof(scanners)];
	enum hin_code code;
	FILE *in;

	memcpy(copy, scanners, sizeof(copy));
	in = fmemopen(copy, sizeof(copy) - 1, "r");
	if (in == NULL)
		return hin_fail(err, HIN_ESYS, "read the shipped research scanners");
	code = hin_prefix_stream_read(in, "research-scanners.txt", call, user, err);
	fclose(in);
	return code;
}

bool hin_is_sample(const uint8_t sha256[32])
{
	for (size_t i = 0; i < HIN_COUNT(samples); i++)
		if (memcmp(samples[i], sha256, 32) == 0)
			return true;
	return false;
}
