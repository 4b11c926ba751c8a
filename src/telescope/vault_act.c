/* Acts: who opened which evidence, when, and why. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/time.h"
#include "telescope/vault_priv.h"

#define LOGIN_NONE "4294967295" /* what Linux says of a process nobody logged in for */

/* The user that logged in, whatever sudo made of them; "-" when Linux does not say. */
static void login_of(char out[16])
{
	int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, out, 15) : -1;

	if (fd != -1)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	if (out[0] == '\0' || out[strspn(out, "0123456789")] != '\0' ||
	    strcmp(out, LOGIN_NONE) == 0)
		memcpy(out, "-", 2);
}

static void compose(struct hin_buffer *line, uint64_t event_link, const uint8_t *digest,
		    const char *reason, int64_t now_ns)
{
	char when[HIN_TIME_TEXT], login[16];

	login_of(login);
	hin_buffer_printf(line,
			  "%s act=open event=", hin_time_format_iso(when, now_ns, HIN_TIME_MS));
	if (event_link != 0)
		hin_buffer_printf(line, "%016llx", (unsigned long long)event_link);
	else
		hin_buffer_putc(line, '-');
	hin_buffer_puts(line, " digest=");
	for (size_t i = 0; i < HIN_VAULT_DIGEST; i++)
		hin_buffer_printf(line, "%02x", digest[i]);
	hin_buffer_printf(line, " uid=%u login=%s reason=", (unsigned)getuid(), login);
	if (reason != NULL)
		hin_escape_quoted(line, reason, strlen(reason));
	else
		hin_buffer_puts(line, "not-given");
	hin_buffer_putc(line, '\n');
}

/* Does the file end within a line? An earlier write was cut off then. */
static bool is_torn(int fd)
{
	struct stat st;
	char last;

	return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
	       last != '\n';
}

enum hin_code hin_vault_act(struct hin_vault *vault, uint64_t event_link,
			    const uint8_t digest[HIN_VAULT_DIGEST], const char *reason,
			    int64_t now_ns, struct hin_error *err)
{
	struct hin_buffer line = { 0 };
	enum hin_code code;
	int fd;

	if (reason != NULL && strlen(reason) > HIN_VAULT_REASON)
		return hin_fail(err, HIN_ELIMIT, "a reason may have %d bytes", HIN_VAULT_REASON);
	fd = openat(vault->folder_fd, "acts.log",
		    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd == -1)
		return hin_fail(err, HIN_ESYS, "open %s/acts.log; nothing is opened without it",
				vault->folder);
	if (is_torn(fd))
		hin_buffer_putc(&line, '\n');
	compose(&line, event_link, digest, reason, now_ns);
	if (line.failed)
		code = hin_fail(err, HIN_ENOMEM, "note the act");
	else
		code = hin_file_write_all(fd, line.data, line.used, err);
	if (code == HIN_OK && (fsync(fd) != 0 || fsync(vault->folder_fd) != 0))
		code = hin_fail(err, HIN_ESYS, "sync %s/acts.log; nothing is opened without it",
				vault->folder);
	close(fd);
	hin_buffer_fini(&line);
	return code;
}
