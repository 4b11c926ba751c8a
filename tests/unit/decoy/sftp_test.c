/* SFTP and scp: what a client does, and what one must not be able to do. */
#include "../test.h"

#include "decoy/ssh/scp.h"
#include "decoy/ssh/sftp.h"
#include "decoy/ssh/ssh_wire.h"
#include "ssh_kit.h"

enum { OK, END, NO_FILE, DENIED, FAILED, BAD, UNSUPPORTED = 8 };

struct talk {
	struct kit_host host;
	struct kit_session kit;
	struct hin_sftp *sftp;
	struct hin_buffer sent;
	size_t taken;
};

static void on_send(void *user, const void *data, size_t size)
{
	hin_buffer_add(&((struct talk *)user)->sent, data, size);
}

static void on_send_fd(void *user, int fd, const void *data, size_t size)
{
	(void)fd;
	on_send(user, data, size);
}

static void begin(struct talk *t, const char *user, const char *password)
{
	memset(t, 0, sizeof(*t));
	assert_true(kit_open(&t->host, "files", NULL));
	kit_begin(&t->kit, &t->host);
	assert_true(hin_session_password(t->kit.session, user, strlen(user), password,
					 strlen(password)));
}

static void end(struct talk *t)
{
	hin_sftp_free(t->sftp);
	hin_buffer_fini(&t->sent);
	kit_end(&t->kit);
	kit_close(&t->host);
}

/* ---- SFTP ---- */

/* Build and send a request: letters as in ssh_packet_kit.h; q is a uint64. */
static void say(struct talk *t, unsigned type, const char *format, ...)
{
	struct hin_buffer body = { 0 }, all = { 0 };
	const void *data;
	uint8_t *copy;
	va_list args;

	hin_ssh_put_u8(&body, type);
	va_start(args, format);
	for (; *format != '\0'; format++) {
		switch (*format) {
		case 'u':
			hin_ssh_put_u32(&body, va_arg(args, unsigned));
			break;
		case 'q':
			hin_ssh_put_u64(&body, va_arg(args, uint64_t));
			break;
		case 's':
			hin_ssh_put_text(&body, va_arg(args, const char *));
			break;
		default:
			data = va_arg(args, const void *);
			hin_ssh_put_string(&body, data, va_arg(args, size_t));
			break;
		}
	}
	va_end(args);
	hin_ssh_put_string(&all, body.data, body.used);
	copy = hin_test_copy(all.data, all.used);
	hin_sftp_input(t->sftp, copy, all.used);
	while (hin_sftp_run(t->sftp))
		;
	free(copy);
	hin_buffer_fini(&body);
	hin_buffer_fini(&all);
}

/* The next answer, behind its identifier. */
static struct hin_reader hear(struct talk *t, unsigned *type)
{
	struct hin_reader in = hin_reader_of(t->sent.data, t->sent.used), one;
	uint32_t size;

	hin_read_skip(&in, t->taken);
	size = hin_read_be32(&in);
	one = hin_read_sub(&in, size);
	t->taken += 4 + size;
	*type = hin_read_u8(&one);
	hin_read_be32(&one);
	assert_false(in.failed || one.failed);
	return one;
}

static void expect_status(struct talk *t, unsigned wanted, const char *what)
{
	unsigned type;
	struct hin_reader in = hear(t, &type);
	uint32_t status = hin_read_be32(&in);

	if (type != 101 || status != wanted)
		fail_msg("%s: answer %u, status %u", what, type, status);
}

static struct hin_reader expect(struct talk *t, unsigned wanted)
{
	unsigned type;
	struct hin_reader in = hear(t, &type);

	if (type != wanted)
		fail_msg("answer %u in place of %u", type, wanted);
	return in;
}

static void begin_sftp(struct talk *t, const char *user, const char *password)
{
	struct hin_sftp_settings settings;

	begin(t, user, password);
	settings = (struct hin_sftp_settings){ .session = t->kit.session,
					       .profile = &t->host.profile,
					       .channel = 1,
					       .send = on_send,
					       .user = t };
	t->sftp = hin_sftp_new(&settings);
	assert_non_null(t->sftp);
	say(t, 1, "u", 3u);
	expect(t, 2);
}

static void a_file_goes_there_and_back(void **state)
{
	struct hin_ssh_string data;
	struct hin_reader in;
	struct talk t;

	(void)state;
	begin_sftp(&t, "root", "toor");
	say(&t, 3, "usuu", 1u, "/tmp/new", 0x1au, 0u);
	in = expect(&t, 102);
	assert_int_equal(hin_ssh_get_string(&in).size, 4);
	say(&t, 6, "udqd", 2u, "\0\0\0\0", (size_t)4, UINT64_C(0), "hello", (size_t)5);
	expect_status(&t, OK, "write");
	say(&t, 4, "ud", 3u, "\0\0\0\0", (size_t)4);
	expect_status(&t, OK, "close");
	hin_session_free(t.kit.session); /* the file is kept when the session ends, at the latest */
	t.kit.session = NULL;
	assert_int_equal(t.kit.events[HIN_EVENT_FILE], 1);
	assert_string_equal(t.kit.file, "/tmp/new");
	assert_int_equal(t.kit.file_size, 5);
	hin_sftp_free(t.sftp);
	t.sftp = NULL;
	end(&t);
	begin_sftp(&t, "root", "toor");
	say(&t, 3, "usuu", 1u, "/etc/passwd", 1u, 0u);
	expect(&t, 102);
	say(&t, 5, "udqu", 2u, "\0\0\0\0", (size_t)4, UINT64_C(0), 4u);
	in = expect(&t, 103);
	data = hin_ssh_get_string(&in);
	assert_true(hin_ssh_string_is(data, "root"));
	say(&t, 5, "udqu", 2u, "\0\0\0\0", (size_t)4, UINT64_C(1000000), 4u);
	expect_status(&t, END, "read behind the end");
	end(&t);
}

static void what_must_not_work(void **state)
{
	struct talk t;

	(void)state;
	begin_sftp(&t, "admin", "admin123");
	say(&t, 3, "usuu", 1u, "/etc/passwd", 2u, 0u);
	expect_status(&t, DENIED, "write to another's file");
	say(&t, 3, "usuu", 1u, "/etc/new", 0x1au, 0u);
	expect_status(&t, DENIED, "make a file in another's folder");
	say(&t, 3, "usuu", 1u, "/no/such", 1u, 0u);
	expect_status(&t, NO_FILE, "open what is not there");
	say(&t, 13, "us", 1u, "/etc/passwd");
	expect_status(&t, DENIED, "remove another's file");
	say(&t, 14, "usu", 1u, "/tmp", 0u);
	expect_status(&t, FAILED, "make a folder that is there");
	say(&t, 15, "us", 1u, "/");
	expect_status(&t, FAILED, "remove the root");
	say(&t, 11, "us", 1u, "/etc/passwd");
	expect_status(&t, NO_FILE, "open a file as a folder");
	say(&t, 19, "us", 1u, "/etc/passwd");
	expect_status(&t, BAD, "read a file as a link");
	say(&t, 4, "ud", 1u, "\0\0\0\7", (size_t)4);
	expect_status(&t, FAILED, "close what is not open");
	say(&t, 200, "us", 1u, "no-such@extension");
	expect_status(&t, UNSUPPORTED, "an extension that is none");
	end(&t);
}

static void offsets_and_quotas(void **state)
{
	static uint8_t chunk[200000];
	unsigned type = 0, writes = 0;
	struct talk t;

	(void)state;
	begin_sftp(&t, "root", "toor");
	say(&t, 3, "usuu", 1u, "/tmp/f", 0x1bu, 0u);
	expect(&t, 102);
	say(&t, 6, "udqd", 1u, "\0\0\0\0", (size_t)4, UINT64_MAX, "x", (size_t)1);
	expect_status(&t, BAD, "write at -1");
	say(&t, 5, "udqu", 1u, "\0\0\0\0", (size_t)4, UINT64_MAX, 1u);
	expect_status(&t, BAD, "read at -1");
	say(&t, 6, "udqd", 1u, "\0\0\0\0", (size_t)4, (uint64_t)INT64_MAX, "x", (size_t)1);
	expect_status(&t, FAILED, "write at 2^63 - 1");
	for (uint64_t at = 0; writes < 1000; writes++, at += sizeof(chunk)) {
		struct hin_reader in;

		say(&t, 6, "udqd", 1u, "\0\0\0\0", (size_t)4, at, chunk, sizeof(chunk));
		in = hear(&t, &type);
		if (hin_read_be32(&in) != OK)
			break;
	}
	assert_true(writes > 10 && writes < 100); /* the quota of eight megabytes */
	say(&t, 18, "uss", 1u, "/tmp/f", "/tmp/f");
	expect_status(&t, FAILED, "rename onto itself");
	say(&t, 200, "usss", 1u, "posix-rename@openssh.com", "/tmp/f", "/tmp/f");
	expect_status(&t, OK, "posix-rename onto itself");
	say(&t, 20, "uss", 1u, "/tmp/loop", "/tmp/loop");
	expect_status(&t, OK, "a link to itself");
	say(&t, 17, "us", 1u, "/tmp/loop");
	expect_status(&t, NO_FILE, "follow it");
	end(&t);
}

static void handles_are_bounded(void **state)
{
	unsigned type, opened = 0;
	struct talk t;

	(void)state;
	begin_sftp(&t, "root", "toor");
	for (unsigned i = 0; i < 1000; i++) {
		say(&t, 11, "us", i, "/");
		hear(&t, &type);
		opened += type == 102;
	}
	assert_int_equal(opened, HIN_SFTP_HANDLES);
	end(&t);
}

static void what_is_no_message_ends_it(void **state)
{
	static const struct {
		const char *name;
		uint8_t bytes[16];
		size_t size;
		int status;
	} cases[] = {
		{ "too long", { 0xff, 0xff, 0xff, 0xff }, 4, 11 },
		{ "empty", { 0, 0, 0, 0 }, 4, 255 },
		{ "without identifier", { 0, 0, 0, 1, 3 }, 5, 255 },
		{ "a path that is cut", { 0, 0, 0, 9, 17, 0, 0, 0, 1, 0, 0, 1, 0 }, 13, 255 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		uint8_t *copy = hin_test_copy(cases[i].bytes, cases[i].size);
		int status = 0;
		struct talk t;

		begin_sftp(&t, "root", "toor");
		hin_sftp_input(t.sftp, copy, cases[i].size);
		while (hin_sftp_run(t.sftp))
			;
		if (!hin_sftp_is_over(t.sftp, &status) || status != cases[i].status)
			fail_msg("%s: status %d", cases[i].name, status);
		free(copy);
		end(&t);
	}
}

/* ---- scp ---- */

/* Run a command with input; what it said is in t->sent; its status. */
static int run_scp(struct talk *t, const char *command, const void *input, size_t size)
{
	struct hin_scp_settings settings = {
		.session = t->kit.session, .channel = 1, .send = on_send_fd, .user = t
	};
	struct hin_scp *scp = hin_scp_new(&settings, command);
	uint8_t *copy = hin_test_copy(input, size);
	int status = -1;

	if (scp != NULL) {
		for (size_t i = 0; i < size; i++) {
			hin_scp_input(scp, copy + i, 1);
			while (hin_scp_run(scp))
				;
		}
		hin_scp_input_end(scp);
		while (hin_scp_run(scp))
			;
		if (!hin_scp_is_over(scp, &status))
			status = -2;
		hin_scp_free(scp);
	}
	free(copy);
	return status;
}

static void scp_takes_and_refuses(void **state)
{
	static const struct {
		const char *command, *input;
		size_t size;
		int status; /* -1: it is the shell's */
		const char *said;
		size_t said_size;
	} cases[] = {
		{ "scp -t /tmp/a", "C0644 5 x\nhello\0", 16, 0, "\0\0\0", 3 },
		{ "scp -t /tmp", "C0644 2 b\nhi\0", 13, 0, "\0\0\0", 3 },
		{ "scp -r -t /tmp", "D0755 0 d\nC0600 0 e\n\0E\n", 23, 0, "\0\0\0\0\0", 5 },
		{ "scp -t /tmp", "C0644 2 ../b\nhi\0", 16, 1,
		  "\0\1scp: error: unexpected filename: ../b\n", 40 },
		{ "scp -t /tmp", "D0755 0 d\n", 10, 1,
		  "\0\1scp: protocol error: received directory without -r\n", 53 },
		{ "scp -t /tmp", "X\n", 2, 1, "\0\1scp: X\n", 9 },
		{ "scp -t /tmp", "C9999 1 a\n", 10, 1, "\0\1scp: protocol error: bad mode\n", 32 },
		{ "scp -t /tmp", "C0644 99999999999999999999 a\n", 29, 1,
		  "\0\1scp: protocol error: size out of range\n", 41 },
		{ "scp -d -t /tmp/none", "", 0, 1, "\1scp: /tmp/none: No such file or directory\n",
		  43 },
		{ "scp -f /etc/none", "\0", 1, 1, "\1scp: /etc/none: No such file or directory\n",
		  43 },
		{ "scp -f /etc", "\0", 1, 1, "\1scp: /etc: not a regular file\n", 31 },
		{ "scp -f /tmp/*", "\0", 1, -1, "", 0 },
		{ "scp -t /tmp; id", "", 0, -1, "", 0 },
		{ "scp", "", 0, -1, "", 0 },
		{ "scp a b:c", "", 0, -1, "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct talk t;
		int status;

		begin(&t, "root", "toor");
		status = run_scp(&t, cases[i].command, cases[i].input, cases[i].size);
		if (status != cases[i].status || t.sent.used != cases[i].said_size ||
		    memcmp(hin_buffer_text(&t.sent), cases[i].said, t.sent.used) != 0)
			fail_msg("%s: status %d, \"%.*s\"", cases[i].command, status,
				 (int)t.sent.used, hin_buffer_text(&t.sent));
		end(&t);
	}
}

static void scp_sends(void **state)
{
	const char *said, *header = "C0644 ";
	struct talk t;

	(void)state;
	begin(&t, "root", "toor");
	assert_int_equal(run_scp(&t, "scp -f /etc/passwd", "\0\0\0", 3), 0);
	said = hin_buffer_text(&t.sent);
	assert_memory_equal(said, header, strlen(header));
	assert_non_null(strstr(said, " passwd\nroot:x:0:0"));
	end(&t);
}

static void deep_folders_are_bounded(void **state)
{
	struct hin_buffer input = { 0 };
	struct talk t;

	(void)state;
	for (int i = 0; i < 1000; i++)
		hin_buffer_puts(&input, "D0755 0 d\n");
	begin(&t, "root", "toor");
	assert_int_equal(run_scp(&t, "scp -r -t /tmp", input.data, input.used), 1);
	hin_buffer_fini(&input);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_goes_there_and_back),
		cmocka_unit_test(what_must_not_work),
		cmocka_unit_test(offsets_and_quotas),
		cmocka_unit_test(handles_are_bounded),
		cmocka_unit_test(what_is_no_message_ends_it),
		cmocka_unit_test(scp_takes_and_refuses),
		cmocka_unit_test(scp_sends),
		cmocka_unit_test(deep_folders_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
