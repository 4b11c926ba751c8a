/* imitated - a small machine for tests of the imitated shell. */
#pragma once
#include <stdio.h>
#include <string.h>

#include "decoy/shell/shell.h"

static inline bool imitated_add(struct hin_fs_image *image, const char *path,
				struct hin_fs_stat stat, const char *text)
{
	stat.mtime_s = 1700000000;
	return hin_fs_image_add(image, path, &stat, text, text != NULL ? strlen(text) : 0, NULL) ==
	       HIN_OK;
}

/* Is `name` a line of `names`? NULL: all are. */
static inline bool imitated_has(const char *names, const char *name)
{
	size_t size = strlen(name);

	for (; names != NULL && *names != '\0'; names += strcspn(names, "\n") + 1) {
		if (strncmp(names, name, size) == 0 && (names[size] == '\n' || names[size] == '\0'))
			return true;
		if (names[strcspn(names, "\n")] == '\0')
			break;
	}
	return names == NULL;
}

/* The commands that `names` has a line for in /bin (NULL: all that there are), some devices,
 * /etc/passwd, and the folders /proc, /tmp, /root and /w; NULL without memory. */
static inline struct hin_fs_image *imitated_image_of(const char *names)
{
	static const struct hin_fs_stat folder = { .type = HIN_FS_DIRECTORY, .mode = 0755 },
					sticky = { .type = HIN_FS_DIRECTORY, .mode = 01777 },
					file = { .type = HIN_FS_FILE, .mode = 0644 },
					program = { .type = HIN_FS_FILE,
						    .mode = 0755,
						    .tag = HIN_SHELL_PROGRAM };
	static const struct {
		const char *path;
		uint32_t minor;
	} devices[] = {
		{ "/dev/null", 3 }, { "/dev/zero", 5 }, { "/dev/full", 7 }, { "/dev/urandom", 9 }
	};
	struct hin_fs_image *image = hin_fs_image_new();
	bool good = image != NULL;
	char path[64];

	for (size_t i = 0; good && hin_shell_applet(i) != NULL; i++) {
		snprintf(path, sizeof(path), "/bin/%s", hin_shell_applet(i));
		if (!imitated_has(names, hin_shell_applet(i)))
			continue;
		good = imitated_add(image, path, program, "\177ELF");
	}
	for (size_t i = 0; good && i < HIN_COUNT(devices); i++) {
		struct hin_fs_stat device = { .type = HIN_FS_CHARACTER,
					      .mode = 0666,
					      .major = 1,
					      .minor = devices[i].minor };

		good = imitated_add(image, devices[i].path, device, NULL);
	}
	good = good && imitated_add(image, "/tmp", sticky, NULL) &&
	       imitated_add(image, "/root", folder, NULL) &&
	       imitated_add(image, "/proc", folder, NULL) &&
	       imitated_add(image, "/w", folder, NULL) &&
	       imitated_add(image, "/etc/passwd", file,
			    "root:x:0:0:root:/root:/bin/sh\nwww:x:33:33::/var:/bin/false\n") &&
	       hin_fs_image_freeze(image, NULL) == HIN_OK;
	if (!good) {
		hin_fs_image_free(image);
		return NULL;
	}
	return image;
}

static inline struct hin_fs_image *imitated_image(void)
{
	return imitated_image_of(NULL);
}
