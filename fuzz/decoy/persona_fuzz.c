/* A persona: settings, a NUL, a list of files. What is loaded is printed and looked through. */
#include <stdlib.h>

#include "decoy/host/persona_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *user, const char *name, uint32_t ino)
{
	struct hin_fs *fs = user;
	struct hin_fs_stat stat;
	size_t size;

	(void)name;
	hin_fs_stat(fs, ino, &stat);
	if (stat.type == HIN_FS_DIRECTORY)
		hin_fs_list(fs, ino, look, fs);
	else
		(void)hin_fs_bytes(fs, ino, &size);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	size_t yaml = nul != NULL ? (size_t)(nul - data) : size;
	size_t files_size = nul != NULL ? size - yaml - 1 : 0;
	char *files = malloc(files_size + 1); /* as a buffer, with a NUL behind */
	struct hin_persona *p = NULL;
	struct hin_error err = { 0 };

	if (files == NULL)
		return 0;
	if (files_size > 0)
		memcpy(files, nul + 1, files_size);
	files[files_size] = '\0';
	if (persona_parse(&p, "p", data, yaml, files, files_size, &err) == HIN_OK) {
		const struct hin_fs_quota quota = { 0, 0 };
		struct hin_buffer out = { 0 };
		struct hin_fs *fs = hin_fs_new(hin_persona_image(p), &quota);

		hin_persona_print(p, HIN_EN, &out);
		hin_persona_print(p, HIN_JA, &out);
		for (unsigned port = 0; port < 65536; port += 11)
			(void)hin_persona_service(p, (uint16_t)port);
		if (fs != NULL)
			hin_fs_list(fs, HIN_FS_ROOT, look, fs);
		hin_fs_free(fs);
		hin_buffer_fini(&out);
	} else if (err.text[0] == '\0') {
		abort(); /* a refusal says why */
	}
	hin_persona_free(p);
	free(files);
	return 0;
}
