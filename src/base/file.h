/*
 * file - whole files: read with a limit, replace at once.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"

/*
 * Append the file at `path` to `out`. HIN_ESYS when it cannot be read, HIN_ELIMIT when it has more
 * than `limit` bytes, HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_file_read(struct hin_buffer *out, const char *path, size_t limit,
					 struct hin_error *err);

/*
 * The same for a text that nobody but its owner may touch: HIN_ENOENT when there is none,
 * HIN_EDENIED when others may, HIN_EFORMAT when it holds a NUL.
 */
HIN_MUST_USE enum hin_code hin_file_read_private(struct hin_buffer *out, const char *path,
						 size_t limit, struct hin_error *err);

/*
 * Put `size` bytes into the file at `path`, with permissions `mode`. Whatever happens, a reader
 * sees the old file or the new one: write beside it, fsync, rename, fsync of the folder. HIN_ESYS.
 */
HIN_MUST_USE enum hin_code hin_file_replace(const char *path, const void *data, size_t size,
					    unsigned mode, struct hin_error *err);

/* Write all `size` bytes to `fd`, also when it takes them in parts. HIN_ESYS. */
HIN_MUST_USE enum hin_code hin_file_write_all(int fd, const void *data, size_t size,
					      struct hin_error *err);
