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

#ifdef __clang_analyzer__ /* which does not know that a failed check ends the test */
#undef fail
#define fail() abort()
#undef assert_true
#define assert_true(c) ((c) ? (void)0 : abort())
#undef assert_non_null
#define assert_non_null(c) assert_true((c) != NULL)
#undef assert_int_equal
#define assert_int_equal(a, b) assert_true((a) == (b))
#endif

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
