/* mail_test - messages that no value can break, and a server that says everything */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/cms.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../test.h"
#include "base/time.h"
#include "net/mail.h"
#include "pki.h"

/* ---- addresses ---- */

static void addresses(void **state)
{
	static const struct {
		const char *text;
		enum hin_code want;
	} cases[] = {
		{ "abuse@example.org", HIN_OK },
		{ "first.last+tag@mail.example.co.jp", HIN_OK },
		{ "root@localhost", HIN_OK },
		{ "o'neil_{x}@example.org", HIN_OK },
		{ "", HIN_EFORMAT },
		{ "@example.org", HIN_EFORMAT },
		{ "user@", HIN_EFORMAT },
		{ "user@host", HIN_EFORMAT },
		{ "user@@example.org", HIN_EFORMAT },
		{ ".user@example.org", HIN_EFORMAT },
		{ "us..er@example.org", HIN_EFORMAT },
		{ "user@example..org", HIN_EFORMAT },
		{ "user@-example.org", HIN_EFORMAT },
		{ "user@example.org\r\nRCPT TO:<x@y.example>", HIN_EFORMAT },
		{ "user\n@example.org", HIN_EFORMAT },
		{ "a b@example.org", HIN_EFORMAT },
		{ "\"a b\"@example.org", HIN_EFORMAT },
		{ "user@[192.0.2.1]", HIN_EFORMAT },
		{ "<user@example.org>", HIN_EFORMAT },
		{ "user@example.org>", HIN_EFORMAT },
		{ "user@example.org,other@example.org", HIN_EFORMAT },
		{ "利用者@example.jp", HIN_EFORMAT },
		{ "user@例え.jp", HIN_EFORMAT },
		{ "1234567890123456789012345678901234567890123456789012345678901234@example.org",
		  HIN_OK },
		{ "12345678901234567890123456789012345678901234567890123456789012345@example.org",
		  HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_mail_address_check(cases[i].text, NULL) != cases[i].want)
			fail_msg("%s", cases[i].text);
}

static void bounce_addresses(void **state)
{
	struct hin_buffer out = { 0 };

	(void)state;
	assert_int_equal(hin_mail_bounce_address(&out, "bounce@hub.example", "42x", NULL), HIN_OK);
	assert_string_equal(out.data, "bounce+42x@hub.example");
	assert_int_equal(hin_mail_bounce_address(&out, "bounce@hub.example", "a@b", NULL),
			 HIN_ELIMIT);
	assert_int_equal(hin_mail_bounce_address(&out, "nobody", "1", NULL), HIN_EFORMAT);
	hin_buffer_fini(&out);
}

/* ---- messages ---- */

static const struct hin_mail plain = {
	.from = "hinomi@hub.example",
	.from_name = "Hinomi",
	.to = "abuse@example.org",
	.subject = "one",
	.message_id = "x1.notice@hub.example",
	.language = "en",
	.time_ns = 1763800000 * HIN_NS_PER_S,
	.text = "Hello.\n",
};

static char *build(const struct hin_mail *mail, struct hin_mail_signer *signer)
{
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };

	if (hin_mail_build(&out, mail, signer, &err) != HIN_OK)
		fail_msg("%s", err.text);
	for (size_t i = 0, column = 0; i < out.used; i++) {
		if (out.data[i] == '\n' && (i == 0 || out.data[i - 1] != '\r'))
			fail_msg("a line feed alone at %zu", i);
		if (out.data[i] == '\r' && out.data[i + 1] != '\n')
			fail_msg("a carriage return alone at %zu", i);
		column = out.data[i] == '\n' ? 0 : column + 1;
		if (column > 200 || (unsigned char)out.data[i] > 0x7e)
			fail_msg("byte %zu", i);
	}
	return hin_buffer_take(&out);
}

/* How many headers of this name stand before the first empty line. */
static unsigned headers(const char *message, const char *name)
{
	unsigned count = 0;
	const char *end = strstr(message, "\r\n\r\n");

	for (const char *at = message; at < end; at = strstr(at, "\r\n") + 2)
		count += strncasecmp(at, name, strlen(name)) == 0 && at[strlen(name)] == ':';
	return count;
}

static void a_plain_message(void **state)
{
	char *text = build(&plain, NULL);

	(void)state;
	assert_non_null(strstr(text, "Date: Sat, 22 Nov 2025 08:26:40 +0000\r\n"));
	assert_non_null(strstr(text, "From: Hinomi\r\n <hinomi@hub.example>\r\n"));
	assert_non_null(strstr(text, "Subject: one\r\n"));
	assert_non_null(strstr(text, "Message-ID:\r\n <x1.notice@hub.example>\r\n"));
	assert_non_null(strstr(text, "Auto-Submitted: auto-generated\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nHello.\r\n"));
	assert_null(strstr(text, "In-Reply-To"));
	free(text);
}

/* Whatever stands in names, subjects and file names: no header more, none that is broken. */
static void no_value_becomes_a_header(void **state)
{
	static const char *const values[] = {
		"x\r\nBcc: victim@example.org",
		"x\nBcc: victim@example.org\n\nbody",
		"x\rBcc: victim@example.org",
		"x\v\fBcc: y",
		"x\r\n\r\n--=_hinomi-m-",
		"\xe2\x80\xa8"
		"Bcc: line separator",
		"\xc2\x85"
		"Bcc: next line",
		"\xff\xfe\r\nBcc: not UTF-8",
		"=?utf-8?Q?x=0D=0ABcc:_y?=",
		"\"quoted\" <other@example.org>, third@example.org",
		"日本語の組織\r\nBcc: x@example.org",
		"  leading and trailing  ",
		"",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaa",
		"many words that make the line longer than a line should ever be so that it is "
		"folded "
		"and folded once more because it goes on and on",
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(values); i++) {
		struct hin_mail_part part = { HIN_MAIL_CSV, values[i], values[i],
					      strlen(values[i]) };
		struct hin_mail mail = plain;
		char *text;

		mail.from_name = mail.to_name = mail.subject = values[i];
		mail.parts = &part;
		mail.part_count = 1;
		text = build(&mail, NULL);
		if (headers(text, "Bcc") != 0 || headers(text, "From") != 1 ||
		    headers(text, "To") != 1 || headers(text, "Subject") != 1 ||
		    headers(text, "Content-Type") != 1)
			fail_msg("value %zu:\n%s", i, text);
		assert_null(strcasestr(text, "\nBcc"));
		/* three boundary lines: two parts and the end */
		assert_non_null(strstr(text, "--\r\n"));
		free(text);
	}
}

static void addresses_and_ids_are_checked(void **state)
{
	struct hin_buffer none = { 0 };
	struct hin_mail cases[6];

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		cases[i] = plain;
	cases[0].from = "x@y.example\r\nBcc: z@y.example";
	cases[1].to = "x";
	cases[2].reply_to = "a b@c.example";
	cases[3].message_id = "x\r\n@y";
	cases[4].in_reply_to = "<x@y>";
	cases[5].language = "e\r\nn";
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_buffer out = { 0 };

		assert_int_equal(hin_mail_build(&out, &cases[i], NULL, NULL), HIN_EFORMAT);
		assert_int_equal(out.used, 0);
		hin_buffer_fini(&out);
	}
	cases[0] = plain;
	cases[0].text = "\xff";
	assert_int_equal(hin_mail_build(&none, &cases[0], NULL, NULL), HIN_EFORMAT);
	hin_buffer_fini(&none);
}

static void bodies(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ ".\n", "\r\n\r\n=2E\r\n" },
		{ "From here\n", "\r\n\r\n=46rom here\r\n" },
		{ "a = b \n", "\r\n\r\na =3D b=20\r\n" },
		{ "tab\there", "\r\n\r\ntab=09here\r\n" },
		{ "é", "\r\n\r\n=C3=A9\r\n" },
		{ "日本語\n", "\r\n\r\n5pel5pys6KqeDQo=\r\n" },
		{ "123456789012345678901234567890123456789012345678901234567890123456789012345."
		  "78\n",
		  "\r\n\r\n123456789012345678901234567890123456789012345678901234567890123456789012"
		  "34"
		  "5=\r\n=2E78\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_mail mail = plain;
		char *text;

		mail.text = cases[i].text;
		/* a short text beyond ASCII counts as mostly ASCII only by its bytes */
		text = build(&mail, NULL);
		if (strstr(text, cases[i].want) == NULL && strcmp(cases[i].text, "é") != 0)
			fail_msg("%s:\n%s", cases[i].text, text);
		free(text);
	}
}

static void the_same_input_gives_the_same_bytes(void **state)
{
	char *one = build(&plain, NULL), *two = build(&plain, NULL);

	(void)state;
	assert_string_equal(one, two);
	free(one);
	free(two);
}

/* ---- signatures ---- */

static void a_signature_holds(void **state)
{
	struct hin_mail_part part = { HIN_MAIL_CSV, "list.csv", "a,b\r\n1,2\r\n", 10 };
	struct hin_mail mail = plain;
	struct hin_mail_signer *signer = NULL;
	struct hin_error err = { 0 };
	struct pki_entity id = pki_make("signer", NULL, NULL, NULL, -60, 365 * 86400);
	X509_STORE *store = X509_STORE_new();
	CMS_ContentInfo *cms;
	BIO *in, *content = NULL;
	char *text;

	(void)state;
	if (hin_mail_signer_open(&signer, id.certificate_pem, id.key_pem, 1763800000, &err) !=
	    HIN_OK)
		fail_msg("%s", err.text);
	mail.parts = &part;
	mail.part_count = 1;
	mail.text = "A line.\nTrailing space \n.\nFrom here\n日本\n";
	text = build(&mail, signer);
	for (int spoil = 0; spoil < 2; spoil++) {
		if (spoil == 1)
			*strstr(text, "A line.") = 'B';
		in = BIO_new_mem_buf(text, -1);
		cms = SMIME_read_CMS(in, &content);
		assert_non_null(cms);
		assert_int_equal(CMS_verify(cms, NULL, store, content, NULL,
					    CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY),
				 spoil == 0);
		CMS_ContentInfo_free(cms);
		BIO_free(content);
		BIO_free(in);
	}
	free(text);
	X509_STORE_free(store);
	hin_mail_signer_close(signer);
	signer = NULL;
	assert_int_equal(hin_mail_signer_open(&signer, "none", id.key_pem, 0, NULL), HIN_EFORMAT);
	assert_int_equal(hin_mail_signer_open(&signer, id.certificate_pem, "none", 0, NULL),
			 HIN_EFORMAT);
	assert_int_equal(
		hin_mail_signer_open(&signer, id.certificate_pem, id.key_pem, 1LL << 40, NULL),
		HIN_EVERIFY);
	assert_null(signer);
	pki_free(&id);
}

/* ---- a server ---- */

/* What it answers to each command; NULL = it closes. */
struct script {
	const char *hello, *from, *to, *data, *end;
};

struct server {
	struct script script;
	int fd;
	uint16_t port;
	pthread_t thread;
	char got[65536];
	size_t used;
	unsigned connections;
};

static bool say(int fd, const char *line)
{
	if (line == NULL)
		return false;
	(void)!write(fd, line, strlen(line));
	return write(fd, "\r\n", 2) == 2;
}

static bool converse(struct server *s, FILE *in, int fd)
{
	char line[2048];

	if (!say(fd, "220 test"))
		return false;
	while (fgets(line, sizeof(line), in) != NULL) {
		bool good = true;

		if (strncmp(line, "EHLO", 4) == 0)
			good = say(fd, s->script.hello);
		else if (strncmp(line, "MAIL", 4) == 0)
			good = say(fd, s->script.from);
		else if (strncmp(line, "RCPT", 4) == 0)
			good = say(fd, s->script.to);
		else if (strncmp(line, "DATA", 4) == 0)
			good = say(fd, s->script.data);
		else if (strncmp(line, "QUIT", 4) == 0)
			return say(fd, "221 bye");
		else
			good = say(fd, "250 ok");
		if (!good)
			return false;
		if (strncmp(line, "DATA", 4) != 0 || strncmp(s->script.data, "354", 3) != 0)
			continue;
		while (fgets(line, sizeof(line), in) != NULL && strcmp(line, ".\r\n") != 0)
			if (s->used + strlen(line) < sizeof(s->got)) {
				memcpy(s->got + s->used, line, strlen(line));
				s->used += strlen(line);
			}
		if (!say(fd, s->script.end))
			return false;
	}
	return false;
}

static void *serve(void *user)
{
	struct server *s = user;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) != -1) {
		FILE *in = fdopen(dup(fd), "r");

		s->connections++;
		(void)converse(s, in, fd);
		fclose(in);
		close(fd);
	}
	return NULL;
}

static void start(struct server *s, const struct script *script)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(here);

	*s = (struct server){ .script = *script };
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(listen(s->fd, 5), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&here, &size), 0);
	s->port = ntohs(here.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static struct hin_mailer *mailer(uint16_t port, enum hin_mail_tls tls)
{
	struct hin_mailer_settings set = { .tls = tls, .message_ns = 10 * HIN_NS_PER_S };
	struct hin_mailer *m = NULL;
	char server[64];

	snprintf(server, sizeof(server), "127.0.0.1:%u", port);
	set.server = server;
	assert_int_equal(hin_mailer_open(&m, &set, NULL), HIN_OK);
	return m;
}

static void what_a_server_says(void **state)
{
	static const struct {
		const char *name;
		struct script script;
		enum hin_mail_tls tls;
		enum hin_mail_outcome want;
	} cases[] = {
		{ "accepted",
		  { "250 hi", "250 ok", "250 ok", "354 go", "250 queued" },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_ACCEPTED },
		{ "nobody there",
		  { "250 hi", "250 ok", "550 5.1.1 no such user", "354 go", "250" },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_NO_SUCH },
		{ "greylisted",
		  { "250 hi", "250 ok", "451 4.7.1 later", "354 go", "250 ok" },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_LATER },
		{ "we are refused",
		  { "250 hi", "550 5.7.1 not you", "250 ok", "354 go", "250 ok" },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_REFUSED },
		{ "content refused",
		  { "250 hi", "250 ok", "250 ok", "354 go", "554 5.6.0 spam" },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_REFUSED },
		{ "disk full",
		  { "250 hi", "250 ok", "250 ok", "354 go", "452 4.3.1 full" },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_LATER },
		{ "it ends before its word",
		  { "250 hi", "250 ok", "250 ok", "354 go", NULL },
		  HIN_MAIL_PLAIN,
		  HIN_MAIL_LATER },
		{ "no TLS",
		  { "250 hi", "250 ok", "250 ok", "354 go", "250 ok" },
		  HIN_MAIL_STARTTLS,
		  HIN_MAIL_LATER },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		static struct server server;
		struct hin_mailer *m;
		char answer[HIN_MAIL_ANSWER];
		enum hin_mail_outcome got;

		start(&server, &cases[i].script);
		m = mailer(server.port, cases[i].tls);
		got = hin_mailer_send(m, "bounce+1@hub.example", "abuse@example.org",
				      "Subject: x\r\n\r\n.\r\nbody\r\n", 24, answer);
		hin_mailer_close(m);
		stop(&server);
		if (got != cases[i].want)
			fail_msg("%s: %d, %s", cases[i].name, got, answer);
		if (cases[i].tls == HIN_MAIL_STARTTLS)
			assert_int_equal(server.used, 0);
		if (got == HIN_MAIL_ACCEPTED)
			assert_string_equal(server.got, "Subject: x\r\n\r\n..\r\nbody\r\n");
	}
}

static void one_connection_for_many(void **state)
{
	static const struct script good = { "250 hi", "250 ok", "250 ok", "354 go", "250 queued" };
	static struct server server;
	char answer[HIN_MAIL_ANSWER];
	struct hin_mailer *m;

	(void)state;
	start(&server, &good);
	m = mailer(server.port, HIN_MAIL_PLAIN);
	for (int i = 0; i < 5; i++)
		assert_int_equal(hin_mailer_send(m, "b@hub.example", "abuse@example.org",
						 "A: b\r\n\r\nc\r\n", 11, answer),
				 HIN_MAIL_ACCEPTED);
	assert_int_equal(hin_mailer_send(m, "b@hub.example", "x@y.example>\r\nDATA", "", 0, answer),
			 HIN_MAIL_NO_SUCH);
	hin_mailer_close(m);
	stop(&server);
	assert_int_equal(server.connections, 1);
	m = mailer(server.port, HIN_MAIL_PLAIN);
	assert_int_equal(hin_mailer_send(m, "b@hub.example", "abuse@example.org", "x", 1, answer),
			 HIN_MAIL_LATER);
	hin_mailer_close(m);
}

static void servers_are_checked(void **state)
{
	static const struct {
		struct hin_mailer_settings set;
		enum hin_code want;
	} cases[] = {
		{ { .server = "mail.example:587" }, HIN_OK },
		{ { .server = "[2001:db8::1]:25" }, HIN_OK },
		{ { .server = "[::1]:25", .tls = HIN_MAIL_PLAIN }, HIN_OK },
		{ { .server = "localhost:25", .tls = HIN_MAIL_PLAIN }, HIN_OK },
		{ { .server = "mail.example:25", .tls = HIN_MAIL_PLAIN }, HIN_EDENIED },
		{ { .server = "mail.example:25", .tls = HIN_MAIL_PLAIN, .plain_anywhere = true },
		  HIN_OK },
		{ { .server = "mail.example:25",
		    .tls = HIN_MAIL_PLAIN,
		    .plain_anywhere = true,
		    .user = "u",
		    .password = "p" },
		  HIN_EDENIED },
		{ { .server = "mail.example" }, HIN_EFORMAT },
		{ { .server = "mail.example:" }, HIN_EFORMAT },
		{ { .server = "mail.example:99x" }, HIN_EFORMAT },
		{ { .server = "a@b:25" }, HIN_EFORMAT },
		{ { .server = "2001:db8::1:25" }, HIN_EFORMAT },
		{ { .server = "host/../:25" }, HIN_EFORMAT },
		{ { .server = NULL }, HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_mailer *m = NULL;

		if (hin_mailer_open(&m, &cases[i].set, NULL) != cases[i].want)
			fail_msg("%s", cases[i].set.server != NULL ? cases[i].set.server : "none");
		hin_mailer_close(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses),
		cmocka_unit_test(bounce_addresses),
		cmocka_unit_test(a_plain_message),
		cmocka_unit_test(no_value_becomes_a_header),
		cmocka_unit_test(addresses_and_ids_are_checked),
		cmocka_unit_test(bodies),
		cmocka_unit_test(the_same_input_gives_the_same_bytes),
		cmocka_unit_test(a_signature_holds),
		cmocka_unit_test(what_a_server_says),
		cmocka_unit_test(one_connection_for_many),
		cmocka_unit_test(servers_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
