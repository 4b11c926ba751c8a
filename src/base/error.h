/*
 * error - what went wrong, as a code for programs and one line for operators.
 *
 * A function that can fail returns enum hin_code and, where an operator needs to know more, fills a
 * struct hin_error. The text is one line without control characters, safe to print anywhere.
 *
 * Ownership: the caller owns the struct; nothing in it points anywhere.
 * Threads:   no shared state.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIN_MUST_USE __attribute__((warn_unused_result))
#define HIN_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define HIN_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HIN_LIKELY(x) __builtin_expect(!!(x), 1)
#define HIN_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* name, text: the one list of codes. */
#define HIN_CODES(X)                                                                               \
	X(HIN_OK, "done")                                                                          \
	X(HIN_EOF, "end of input")                                                                 \
	X(HIN_EAGAIN, "nothing to read yet")                                                       \
	X(HIN_ENOMEM, "not enough memory")                                                         \
	X(HIN_ESYS, "system error")                                                                \
	X(HIN_ETRUNCATED, "ends too early")                                                        \
	X(HIN_EFORMAT, "not in the expected format")                                               \
	X(HIN_ELIMIT, "over a limit")                                                              \
	X(HIN_ERANGE, "out of range")                                                              \
	X(HIN_ENOENT, "not found")                                                                 \
	X(HIN_EUSAGE, "wrong usage")                                                               \
	X(HIN_EDENIED, "not permitted")                                                            \
	X(HIN_EVERIFY, "verification failed")                                                      \
	X(HIN_EUNSUPPORTED, "not supported")

enum hin_code {
#define X(name, text) name,
	HIN_CODES(X)
#undef X
};

struct hin_error {
	enum hin_code code;
	int sys;	/* errno when code is HIN_ESYS, else 0 */
	char text[200]; /* one line, no newline, safe to print */
};

/* The fixed English text of `code`. */
const char *hin_code_text(enum hin_code code);

/*
 * Fill `err` (NULL is fine) with `code` and a formatted line, and return `code`. With HIN_ESYS the
 * text of errno, taken on entry, is added after ": ". Control and non-UTF-8 bytes become '?'.
 */
enum hin_code hin_fail(struct hin_error *err, enum hin_code code, const char *fmt, ...)
	HIN_PRINTF(3, 4);
#ifdef __clang_analyzer__
/* Which sees one file at a time: that the code comes back, and not HIN_OK, it has to be told. */
#define hin_fail(err, code, ...) (hin_fail(err, code, __VA_ARGS__), code)
#endif
