/* lease_key - the key that devices are digested with; see lease.h */
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/file.h"
#include "hub/owners/lease.h"

enum hin_code hin_lease_key(char key[HIN_LEASE_KEY], const char *folder, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char path[PATH_MAX], hex[2 * HIN_LEASE_KEY + 1];
	size_t size = 0;
	enum hin_code code;

	if (snprintf(path, sizeof(path), "%s/device.key", folder) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "the path of the folder is too long");
	code = hin_file_read_private(&text, path, 256, err);
	if (code == HIN_ENOENT) {
		if (getrandom(key, HIN_LEASE_KEY, 0) != HIN_LEASE_KEY)
			return hin_fail(err, HIN_ESYS, "getrandom");
		sodium_bin2hex(hex, sizeof(hex), (const unsigned char *)key, HIN_LEASE_KEY);
		hex[sizeof(hex) - 1] = '\n';
		code = hin_file_replace(path, hex, sizeof(hex), 0600, err);
		explicit_bzero(hex, sizeof(hex));
		return code;
	}
	if (code == HIN_OK &&
	    (sodium_hex2bin((unsigned char *)key, HIN_LEASE_KEY, hin_buffer_text(&text), text.used,
			    "\n", &size, NULL) != 0 ||
	     size != HIN_LEASE_KEY))
		code = hin_fail(err, HIN_EFORMAT, "%s is no key", path);
	if (text.data != NULL)
		explicit_bzero(text.data, text.used);
	hin_buffer_fini(&text);
	return code;
}
