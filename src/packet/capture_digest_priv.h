/*
 * capture_digest - SHA-256 of the input files while they are read.
 *
 * Bytes of a pipe are hashed as they pass. Regular files are hashed by one helper thread with
 * descriptors of its own, so that the reading thread is not slowed down; a file is in the page
 * cache when the second of the two comes to it.
 *
 * Threads: hin_digest_*() one thread at a time; hin_digester_*() by the thread that reads.
 */
#pragma once
#include <sys/types.h>

#include "packet/capture.h"

struct hin_digest;

/* A new running digest; NULL when memory is short. */
struct hin_digest *hin_digest_new(void);
void hin_digest_add(struct hin_digest *d, const void *data, size_t size);

/* Put the result of all bytes so far into `out`. False when the library failed. */
HIN_MUST_USE bool hin_digest_end(struct hin_digest *d, uint8_t out[32]);
void hin_digest_free(struct hin_digest *d);

struct hin_digester;

/* Start the helper; NULL when memory or threads are short. */
struct hin_digester *hin_digester_start(void);

/*
 * Have the first `size` bytes of `fd` hashed into `out->sha256`; `out->digested` is set when that
 * worked. The helper owns `fd` from here. `out` stays until hin_digester_end().
 */
void hin_digester_add(struct hin_digester *d, int fd, uint64_t size, struct hin_capture_input *out);

/* Wait for all files, or with `cancel` leave the rest, and end the helper; NULL is fine. */
void hin_digester_end(struct hin_digester *d, bool cancel);
