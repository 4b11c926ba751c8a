/*
 * fuzz SFTP and scp over an intruder's files. The first byte says which: 0 SFTP, 1 `scp -rpt`, 2
 * `scp -rpf`, else a command of scp up to a newline; SFTP gets a VERSION first.
 */
#include "../../tests/unit/decoy/ssh_kit.h"
#include "decoy/ssh/scp.h"
#include "decoy/ssh/sftp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(void *user, const void *data, size_t size)
{
	(void)user, (void)data, (void)size;
}

static void drop_fd(void *user, int fd, const void *data, size_t size)
{
	(void)user, (void)fd, (void)data, (void)size;
}

static void fuzz_sftp(struct kit_session *s, const uint8_t *data, size_t size)
{
	static const uint8_t init[] = { 0, 0, 0, 5, 1, 0, 0, 0, 3 };
	struct hin_sftp_settings settings = {
		.session = s->session, .profile = &s->host->profile, .channel = 1, .send = drop
	};
	struct hin_sftp *sftp = hin_sftp_new(&settings);

	if (sftp == NULL)
		return;
	hin_sftp_input(sftp, init, sizeof(init));
	hin_sftp_input(sftp, data, size);
	while (hin_sftp_run(sftp))
		;
	hin_sftp_free(sftp);
}

static void fuzz_scp(struct kit_session *s, const char *command, const uint8_t *data, size_t size)
{
	struct hin_scp_settings settings = { .session = s->session, .channel = 1, .send = drop_fd };
	struct hin_scp *scp = hin_scp_new(&settings, command);
	int status;

	if (scp == NULL)
		return;
	for (size_t at = 0; at < size; at += 100) {
		hin_scp_input(scp, data + at, size - at < 100 ? size - at : 100);
		while (hin_scp_run(scp))
			;
	}
	hin_scp_input_end(scp);
	for (int i = 0; i < 10000 && hin_scp_run(scp); i++)
		;
	(void)hin_scp_is_over(scp, &status);
	hin_scp_free(scp);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct kit_host host;
	struct kit_session s = { .keep_nothing = true };
	const uint8_t *end;
	char command[256];

	if (host.image == NULL && !kit_open(&host, "fuzz", NULL))
		abort();
	if (size < 1)
		return 0;
	kit_begin(&s, &host);
	if (!hin_session_password(s.session, "admin", 5, "admin123", 8))
		abort();
	switch (data[0]) {
	case 0:
		fuzz_sftp(&s, data + 1, size - 1);
		break;
	case 1:
		fuzz_scp(&s, "scp -rpt /tmp", data + 1, size - 1);
		break;
	case 2:
		fuzz_scp(&s, "scp -rpf /tmp /etc/passwd", data + 1, size - 1);
		break;
	default:
		end = memchr(data, '\n', size);
		if (end == NULL)
			break;
		snprintf(command, sizeof(command), "scp %.*s",
			 end - data < 200 ? (int)(end - data) : 200, (const char *)data);
		fuzz_scp(&s, command, end + 1, size - (size_t)(end + 1 - data));
		break;
	}
	kit_end(&s);
	hin_intruders_free(host.intruders); /* each begins with the same files */
	host.intruders = hin_intruders_new(&hin_intruder_limits_default, 1);
	return 0;
}
