/*
 * manual_decoy - prints the list of the decoy's settings as the manual has it; doc/manual.py
 * compares.
 */
#include <stdio.h>
#include <string.h>

#include "cmd/decoy.h"

int main(int argc, char *argv[])
{
	struct hin_buffer out = { 0 };
	bool ja = argc > 1 && strcmp(argv[1], "ja") == 0;

	hin_config_manual(&decoy_table, ja ? HIN_JA : HIN_EN, &out);
	if (out.failed || fwrite(out.data, 1, out.used, stdout) != out.used)
		return 1;
	hin_buffer_fini(&out);
	return 0;
}
