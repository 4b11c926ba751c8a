/*
 * escape - make outside bytes safe to show.
 *
 * hin_escape() is the one function between outside bytes and a log or a terminal; its kin do the
 * same for HTML and JSON. All append to a buffer, whose failure is sticky.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"

/*
 * Append `size` bytes as text that is safe on a terminal and in a log line. Control bytes and bytes
 * that are no UTF-8 become \xNN, hidden characters (hin_utf8_is_hidden: C1, bidi marks, zero-width)
 * \u{...}, a backslash \\. The rest stays, so two different inputs never look the same.
 */
void hin_escape(struct hin_buffer *out, const void *data, size_t size);

/* The same between double quotes, with " as \". */
void hin_escape_quoted(struct hin_buffer *out, const void *data, size_t size);

/*
 * The same as hin_escape() of a string into `out` of `size` > 0 bytes; a text too long is cut
 * between characters and ends in "...". Returns `out`.
 */
char *hin_escape_text(char *out, size_t size, const char *text);

/*
 * Append `size` bytes as HTML text or attribute value: & < > " ' become references, what
 * hin_escape() would change is shown in its form, but for tab and newline, which stay.
 */
void hin_escape_html(struct hin_buffer *out, const void *data, size_t size);

/*
 * Append `size` bytes as a JSON string (RFC 8259) with its quotes. Hidden characters and < become
 * \uXXXX, so that the text may stand in a <script>; bytes that are no UTF-8 become \ufffd.
 */
void hin_escape_json(struct hin_buffer *out, const void *data, size_t size);

/* Append a string as text of a manual page (roff): nothing in it is a request or an escape. */
void hin_escape_roff(struct hin_buffer *out, const char *text);
