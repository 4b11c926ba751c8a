/* test - what every unit test includes. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

/* Under a sanitizer all takes several times as long: tests of many rounds do fewer there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HIN_TEST_SLOW 1
#else
#define HIN_TEST_SLOW 0
#endif

/* Put the input into a heap block of exactly its size: ASan sees a read of one byte too many. */
static inline uint8_t *hin_test_copy(const void *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}
