/*
 * rows_priv - what reading findings, cases and all of an address share: rows of the desk as text
 * of a fixed size, pages, and the same as JSON.
 */
#pragma once
#include "base/buffer.h"
#include "hub/desk.h"

/* Column `at` as text, cut to `size` with its NUL. */
void rows_copy(char *to, size_t size, sqlite3_stmt *s, int at);

/* How many rows a page has: `asked`, or 100 when that is 0. HIN_ERANGE names `what` over `most`. */
HIN_MUST_USE enum hin_code rows_limit(int64_t *out, unsigned asked, unsigned most, const char *what,
				      struct hin_error *err);

/*
 * Go to the next row: `while (rows_next(desk, s, &code, err))`. False at the end, when `code` is
 * HIN_OK, and once something failed. Leaving early needs sqlite3_reset().
 */
bool rows_next(struct hin_desk *desk, sqlite3_stmt *s, enum hin_code *code, struct hin_error *err);

/*
 * Go to the only row of `s` (NULL: HIN_EFORMAT, `err` is filled), whose ?1 is `id` and ?2 the
 * organisation, 0 = any: HIN_ENOENT "there is no `what` `id`". The caller resets the statement.
 */
HIN_MUST_USE enum hin_code rows_one(struct hin_desk *desk, sqlite3_stmt *s, const char *what,
				    int64_t id, int64_t organisation, struct hin_error *err);

/* Append a member of a JSON object behind others. A time or an id of 0 is null. */
void rows_put_text(struct hin_buffer *out, const char *name, const char *text);
void rows_put_number(struct hin_buffer *out, const char *name, uint64_t value);
void rows_put_time(struct hin_buffer *out, const char *name, int64_t time_us);
void rows_put_id(struct hin_buffer *out, const char *name, int64_t id);
