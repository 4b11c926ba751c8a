/*
 * charset - lines of Japanese text as UTF-8: from UTF-8, ISO-2022-JP or EUC-JP, by iconv of libc.
 *
 * Ownership: a charset is the caller's, from hin_charset_open() to hin_charset_close().
 * Threads:   one at a time for each; hin_charset_prepare() from any.
 */
#pragma once
#include "base/buffer.h"

struct hin_charset;

/*
 * Load what libc needs for all of them, once for the process: later, in a sandbox, it may load
 * nothing. What cannot be loaded is told by hin_charset_open().
 */
void hin_charset_prepare(void);

/*
 * The set that `size` bytes are in: UTF-8 when they are that, else ISO-2022-JP when they have its
 * escapes, else EUC-JP. HIN_EUNSUPPORTED when libc does not know it.
 */
HIN_MUST_USE enum hin_code hin_charset_open(struct hin_charset **out, const void *data, size_t size,
					    struct hin_error *err);

/* NULL is fine. */
void hin_charset_close(struct hin_charset *charset);

/* "UTF-8", "ISO-2022-JP", "EUC-JP" */
const char *hin_charset_name(const struct hin_charset *charset);

/*
 * Append a line of `size` bytes, without its end, as UTF-8. Each line stands for itself.
 * HIN_EFORMAT when it is not of this set; HIN_ENOMEM.
 */
HIN_MUST_USE enum hin_code hin_charset_line(struct hin_charset *charset, struct hin_buffer *out,
					    const char *line, size_t size);
