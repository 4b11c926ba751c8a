/* What hinomi-verify reads: proofs, checkpoints, keys. Nothing that nobody signed may pass. */
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"

#define LOG "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The program's own says it to the user. */
bool wrong(const char *format, ...)
{
	(void)format;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct policy policy;
	struct bytes file = { malloc(size + 1), size };
	struct proof proof = { .index = 0 };
	struct head head;
	struct key key;
	uint8_t bytes[64];
	uint64_t when;

	if (file.data == NULL || (policy.log.type == 0 && !read_key(&policy.log, LOG, 1)))
		abort();
	memcpy(file.data, data, size);
	file.data[size] = '\0';
	if (read_proof(&proof, "fuzz", &file) &&
	    (proof.checkpoint < (char *)file.data || proof.checkpoint_size > size ||
	     check_proof(&proof, "fuzz", &policy, "fuzz", &file, &head, &when)))
		abort();
	if (check_head(&head, "fuzz", file.data, file.size, &policy, &when))
		abort();
	(void)read_key(&key, (const char *)file.data, 1);
	(void)read_key(&key, (const char *)file.data, 4);
	if (unbase64(bytes, sizeof(bytes), (const char *)file.data, size) > (long)sizeof(bytes))
		abort();
	free(file.data);
	return 0;
}
