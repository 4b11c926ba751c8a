/* passphrase - see passphrase.h */
#include "cmd/passphrase.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "trust/certificate.h"

#define VARIABLE "HINOMI_PASSPHRASE"

static enum hin_code of_environment(char out[HIN_PASSPHRASE], struct hin_error *err)
{
	char *text = getenv(VARIABLE);
	size_t size = text != NULL ? strlen(text) : 0;
	enum hin_code code = HIN_OK;

	out[0] = '\0';
	if (size >= HIN_PASSPHRASE)
		code = hin_fail(err, HIN_EFORMAT, "$" VARIABLE " has more than %d bytes",
				HIN_PASSPHRASE - 1);
	else if (size > 0)
		memcpy(out, text, size + 1);
	if (text != NULL)
		explicit_bzero(text, size); /* it could be read in /proc for as long as we run */
	unsetenv(VARIABLE);
	return code;
}

enum hin_code hin_cmd_passphrase(char out[HIN_PASSPHRASE], const char *path, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	struct stat st;
	enum hin_code code;
	size_t size;

	if (path == NULL)
		return of_environment(out, err);
	code = hin_file_read(&file, path, 64 << 10, err);
	size = code == HIN_OK ? strcspn(hin_buffer_text(&file), "\r\n") : 0;
	if (code == HIN_OK && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07))
		code = hin_fail(err, HIN_EDENIED,
				"%s is open to everybody (mode %03o): chmod 600 it", path,
				st.st_mode & 0777);
	if (code == HIN_OK && (size == 0 || size >= HIN_PASSPHRASE))
		code = hin_fail(err, HIN_EFORMAT,
				"%s: its first line, the passphrase, is not 1-%d bytes", path,
				HIN_PASSPHRASE - 1);
	if (code == HIN_OK) {
		memcpy(out, file.data, size);
		out[size] = '\0';
	}
	hin_secret_fini(&file);
	return code;
}
