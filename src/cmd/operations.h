/*
 * operations - programs whose first word says what to do: a table of words, each with its operands.
 *
 * Threads: the program's first.
 */
#pragma once
#include "base/options.h"

struct hin_operation {
	const char *name;
	int operands; /* 0 or 1 */
	enum hin_code (*run)(void *session, const char *operand, struct hin_error *err);
};

/*
 * Run what argv[1] names, with the operand behind it or NULL. HIN_EUSAGE for another word or number
 * of operands: `err` then names the words there are.
 */
HIN_MUST_USE enum hin_code hin_operation_run(const struct hin_operation *operations, size_t count,
					     void *session, int argc, char *argv[],
					     struct hin_error *err);

/* How a program ends: says what went wrong, and gives the exit status. */
int hin_operation_end(const struct hin_program *program, enum hin_code code,
		      const struct hin_error *err);
