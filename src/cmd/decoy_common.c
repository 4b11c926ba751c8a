/* decoy_common - what the commands of `hinomi decoy` share; see decoy.h */
#include <errno.h>
#include <stdio.h>

#include "cmd/decoy.h"
#include "cmd/operations.h"
#include "observe/registry.h"

enum hin_code decoy_open_recordings(struct hin_recordings **out, struct hin_error *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/recordings", decoy_folder());
	return hin_recordings_open(out, path, err);
}

enum hin_code decoy_read_number(uint64_t *out, int argc, char *argv[], struct hin_error *err)
{
	if (argc != 2)
		return hin_fail(err, HIN_EUSAGE, "name one session, such as 1.23: see `list`");
	return hin_recording_number_parse(out, argv[1], err);
}

const char *decoy_service_name(uint16_t service)
{
	const struct hin_word *word = hin_registry_find(HIN_REGISTRY_SERVICES, service);

	return word != NULL ? word->name : "-";
}

int decoy_finish(struct hin_buffer *out, enum hin_code code, const struct hin_program *program,
		 struct hin_error *err)
{
	if (code == HIN_OK && out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for what is to be shown");
	if (code == HIN_OK && out->used > 0)
		fwrite(out->data, 1, out->used, stdout);
	hin_buffer_fini(out);
	if (code == HIN_OK && fflush(stdout) != 0 && errno != EPIPE)
		code = hin_fail(err, HIN_ESYS, "write");
	return hin_operation_end(program, code, err);
}
