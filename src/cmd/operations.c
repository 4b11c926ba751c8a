/* operations - see operations.h */
#include "cmd/operations.h"

#include <string.h>

static enum hin_code fail_unknown(const struct hin_operation *operations, size_t count,
				  struct hin_error *err)
{
	char list[128] = "";
	struct hin_buffer names = hin_buffer_over(list, sizeof(list));

	for (size_t i = 0; i < count; i++)
		hin_buffer_printf(&names, "%s%s",
				  i == 0	   ? ""
				  : i + 1 == count ? " and "
						   : ", ",
				  operations[i].name);
	return hin_fail(err, HIN_EUSAGE, "what to do is one of %s (--help shows more)", list);
}

enum hin_code hin_operation_run(const struct hin_operation *operations, size_t count, void *session,
				int argc, char *argv[], struct hin_error *err)
{
	for (size_t i = 0; argc > 1 && i < count; i++) {
		if (strcmp(operations[i].name, argv[1]) != 0)
			continue;
		if (argc - 2 != operations[i].operands)
			return hin_fail(err, HIN_EUSAGE, "%s takes %s (--help shows more)", argv[1],
					operations[i].operands == 0 ? "no operand" : "one operand");
		return operations[i].run(session, argc > 2 ? argv[2] : NULL, err);
	}
	return fail_unknown(operations, count, err);
}

int hin_operation_end(const struct hin_program *program, enum hin_code code,
		      const struct hin_error *err)
{
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	(void)hin_program_fail(program, err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}
