/*
 * failing - the n-th allocation fails, for each n.
 *
 * The test program is linked with `failing_link` (tests/meson.build), which turns each call of an
 * allocating function in our own code into one of the functions below. What shared libraries
 * allocate themselves is not touched; where they hand out objects, the function that makes one is
 * turned instead.
 *
 * Threads: allocations are counted over all threads.
 */
#pragma once
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "test.h"

static atomic_ulong failing_at; /* number of the allocation that fails; 0 = none does */
static atomic_ulong failing_seen;

static inline bool failing_now(void)
{
	unsigned long at = failing_at;

	if (at == 0 || ++failing_seen != at)
		return false;
	errno = ENOMEM;
	return true;
}

/*
 * A function of the type of `name` that fails as `failed` when its turn has come. Weak: not each
 * test program has them all.
 */
#define FAILING(type, name, parameters, arguments, failed)                                         \
	type __real_##name parameters __attribute__((weak));                                       \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return failing_now() ? failed : __real_##name arguments;                           \
	}

FAILING(void *, malloc, (size_t size), (size), NULL)
FAILING(void *, calloc, (size_t count, size_t size), (count, size), NULL)
FAILING(void *, realloc, (void *was, size_t size), (was, size), NULL)
FAILING(void *, reallocarray, (void *was, size_t count, size_t size), (was, count, size), NULL)
FAILING(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL)
FAILING(char *, strdup, (const char *text), (text), NULL)
FAILING(char *, strndup, (const char *text, size_t size), (text, size), NULL)
FAILING(void *, mmap64, (void *at, size_t size, int prot, int flags, int fd, off_t offset),
	(at, size, prot, flags, fd, offset), MAP_FAILED)
FAILING(void *, EVP_MD_CTX_new, (void), (), NULL)
FAILING(void *, ZSTD_createCStream, (void), (), NULL)
FAILING(void *, ZSTD_createDStream, (void), (), NULL)
FAILING(int, inflateInit2_, (void *stream, int bits, const char *version, int size),
	(stream, bits, version, size), -4 /* Z_MEM_ERROR */)
FAILING(unsigned, lzma_stream_decoder, (void *stream, uint64_t limit, uint32_t flags),
	(stream, limit, flags), 5 /* LZMA_MEM_ERROR */)

/* One run of what is tested, from start to end; what it makes it ends. */
typedef enum hin_code (*failing_fn)(void *user);

/*
 * Run `operation` with the first allocation failing, the second and so on until a run needs no
 * more: each says HIN_ENOMEM, or does without. Beyond 200 not each n is tried.
 */
static inline void failing_each(const char *name, failing_fn operation, void *user)
{
	unsigned long refused = 0;

	for (unsigned long n = 1;; n += n < 200 ? 1 : n / 16) {
		enum hin_code code;
		bool reached;

		failing_seen = 0;
		failing_at = n;
		code = operation(user);
		reached = failing_seen >= n;
		failing_at = 0;
		refused += code == HIN_ENOMEM;
		if (code != HIN_OK && (code != HIN_ENOMEM || !reached))
			fail_msg("%s, allocation %lu: code %d", name, n, (int)code);
		if (reached)
			continue;
		if (n == 1)
			fail_msg("%s allocates nothing", name);
		printf("%s: %lu allocations, %lu times refused\n", name, n - 1, refused);
		break;
	}
	assert_int_equal(operation(user), HIN_OK);
}
