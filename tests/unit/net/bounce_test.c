/* bounce_test - notifications of real servers' kinds, and what is none */
#include <stdio.h>

#include "../test.h"
#include "net/bounce.h"

#define DSN(status)                                                                                \
	"From: MAILER-DAEMON@mx.example.org\r\n"                                                   \
	"To: <bounce+7k@hub.example>\r\n"                                                          \
	"Subject: Undelivered Mail\r\n"                                                            \
	"Content-Type: multipart/report; report-type=delivery-status;\r\n"                         \
	"\tboundary=\"AB/mx\"\r\n"                                                                 \
	"MIME-Version: 1.0\r\n\r\n"                                                                \
	"preamble\r\n--AB/mx\r\nContent-Type: text/plain\r\n\r\nsorry\r\n\r\n"                     \
	"--AB/mx\r\nContent-Type: message/delivery-status\r\n\r\n"                                 \
	"Reporting-MTA: dns; mx.example.org\r\nArrival-Date: x\r\n\r\n" status "\r\n"              \
	"--AB/mx\r\nContent-Type: message/rfc822\r\n\r\n"                                          \
	"Message-ID:\r\n <abc.notice@hub.example>\r\nSubject: s\r\n\r\nbody\r\n--AB/mx--\r\n"

static void parses_and_refuses(void **state)
{
	static const struct {
		const char *name, *text;
		enum hin_code code;
		enum hin_bounce_action action;
		const char *to, *message_id, *address, *status;
		size_t count;
	} cases[] = {
		{ "failed",
		  DSN("Original-Recipient: rfc822;abuse@example.org\r\n"
		      "Final-Recipient: rfc822; box@inner.example\r\nAction: failed\r\n"
		      "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n no such user\r\n"),
		  HIN_OK, HIN_BOUNCE_FAILED, "bounce+7k@hub.example", "abc.notice@hub.example",
		  "abuse@example.org", "5.1.1", 1 },
		{ "delayed",
		  DSN("Final-Recipient: rfc822; <abuse@example.org>\r\nAction: delayed\r\n"
		      "Status: 4.4.1\r\n"),
		  HIN_OK, HIN_BOUNCE_DELAYED, "bounce+7k@hub.example", "abc.notice@hub.example",
		  "abuse@example.org", "4.4.1", 1 },
		{ "two, one failed",
		  DSN("Final-Recipient: rfc822; a@b.example\r\nAction: delivered\r\nStatus: "
		      "2.0.0\r\n\r\nFinal-Recipient: rfc822; c@d.example\r\nAction: FAILED\r\n"),
		  HIN_OK, HIN_BOUNCE_FAILED, "bounce+7k@hub.example", "abc.notice@hub.example",
		  "a@b.example", "2.0.0", 2 },
		{ "no recipient", DSN("X: y\r\n"), HIN_OK, HIN_BOUNCE_NONE, "bounce+7k@hub.example",
		  "abc.notice@hub.example", "", "", 0 },
		{ "exim", "To: bounce+1@hub.example\nX-Failed-Recipients: x@y.example\n\ntext\n",
		  HIN_OK, HIN_BOUNCE_FAILED, "bounce+1@hub.example", "", "x@y.example", "", 1 },
		{ "an answer of a person", "From: a@b.example\nTo: c@d.example\n\nthank you\n",
		  HIN_OK, HIN_BOUNCE_NONE, "c@d.example", "", "", "", 0 },
		{ "control characters",
		  "To: a@b.example\nX-Failed-Recipients: \x1b[2Jx\x01@y.example\n\n", HIN_OK,
		  HIN_BOUNCE_FAILED, "a@b.example", "", "?[2Jx?@y.example", "", 1 },
		{ "base64",
		  "To: <bounce+7k@hub.example>\r\n"
		  "Content-Type: multipart/report; boundary=b\r\n"
		  "\r\n"
		  "--b\r\n"
		  "Content-Type: message/delivery-status\r\n"
		  "Content-Transfer-Encoding: BASE64\r\n"
		  "\r\n"
		  "UmVwb3J0aW5nLU1UQTogZG5zOyBteC5leGFtcGxlLm9yZw0KDQpGaW5hbC1S\r\n"
		  "ZWNpcGllbnQ6IHJmYzgyMjsgYWJ1c2VAZXhhbXBsZS5vcmcNCkFjdGlvbjog\r\n"
		  "ZmFpbGVkDQpTdGF0dXM6IDUuMS4xDQo=\r\n"
		  "--b\r\n"
		  "Content-Type: text/rfc822-headers\r\n"
		  "Content-Transfer-Encoding: BASE64\r\n"
		  "\r\n"
		  "TWVzc2FnZS1JRDogPGFiYy5ub3RpY2VAaHViLmV4YW1wbGU+DQpTdWJqZWN0\r\n"
		  "OiBzDQoNCg==\r\n"
		  "--b--\r\n",
		  HIN_OK, HIN_BOUNCE_FAILED, "bounce+7k@hub.example", "abc.notice@hub.example",
		  "abuse@example.org", "5.1.1", 1 },
		{ "quoted-printable",
		  "To: <bounce+7k@hub.example>\r\n"
		  "Content-Type: multipart/report; boundary=b\r\n"
		  "\r\n"
		  "--b\r\n"
		  "Content-Type: message/delivery-status\r\n"
		  "Content-Transfer-Encoding: quoted-printable\r\n"
		  "\r\n"
		  "Reporting-MTA: dns; mx.example.org\r\n"
		  "\r\n"
		  "Final-Recipient: rfc822; ab=75se=\r\n"
		  "=40example.org\r\n"
		  "=41ction: failed\r\n"
		  "Status: 5.1.1\r\n"
		  "\r\n"
		  "--b\r\n"
		  "Content-Type: text/rfc822-headers\r\n"
		  "Content-Transfer-Encoding: quoted-printable\r\n"
		  "\r\n"
		  "Message-ID: <abc.notice=40hub.example>\r\n"
		  "Subject: s\r\n"
		  "\r\n"
		  "\r\n"
		  "--b--\r\n",
		  HIN_OK, HIN_BOUNCE_FAILED, "bounce+7k@hub.example", "abc.notice@hub.example",
		  "abuse@example.org", "5.1.1", 1 },
		{ "qmail",
		  "To: bounce+7k@hub.example\n"
		  "Subject: failure notice\n"
		  "\n"
		  "Hi. This is the qmail-send program at mx.example.org.\n"
		  "I'm afraid I wasn't able to deliver your message.\n"
		  "\n"
		  "<abuse@example.org>:\n"
		  "192.0.2.25 does not like recipient.\n"
		  "Remote host said: 550 5.1.1 no such user\n"
		  "Giving up on 192.0.2.25.\n"
		  "\n"
		  "--- Below this line is a copy of the message.\n"
		  "\n"
		  "Return-Path: <bounce+7k@hub.example>\n"
		  "Message-ID: <abc.notice@hub.example>\n"
		  "Subject: s\n"
		  "\n"
		  "body\n",
		  HIN_OK, HIN_BOUNCE_FAILED, "bounce+7k@hub.example", "abc.notice@hub.example",
		  "abuse@example.org", "5.1.1", 1 },
		{ "qmail, nothing failed",
		  "To: a@b.example\n\nHi. This is the qmail-send program at x.\n\n"
		  "Your message waits.\n\n--- Below\n\nMessage-ID: <m@x>\n",
		  HIN_OK, HIN_BOUNCE_NONE, "a@b.example", "", "", "", 0 },
		{ "qmail's greeting by a person",
		  "To: a@b.example\n\nHi. This is the man from\n<c@d.example>: hello\n", HIN_OK,
		  HIN_BOUNCE_NONE, "a@b.example", "", "", "", 0 },
		{ "qmail, cut and strange",
		  "To: a@b.example\n\nHi. This is the\n\n<x\x1b@y.example>:\n5.", HIN_OK,
		  HIN_BOUNCE_FAILED, "a@b.example", "", "x?@y.example", "", 1 },
		{ "qmail's text handed on by a person",
		  "To: a@b.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHi. This "
		  "is "
		  "the\n\n<c@d.example>:\nno\n--b--\n",
		  HIN_OK, HIN_BOUNCE_NONE, "a@b.example", "", "", "", 0 },
		{ "base64 of nothing",
		  "To: a@b.example\nContent-Type: "
		  "message/delivery-status\nContent-Transfer-Encoding: base64\n\n====",
		  HIN_OK, HIN_BOUNCE_NONE, "a@b.example", "", "", "", 0 },
		{ "no headers", "\r\n", HIN_EFORMAT, HIN_BOUNCE_NONE, "", "", "", "", 0 },
		{ "nothing", "", HIN_EFORMAT, HIN_BOUNCE_NONE, "", "", "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		size_t size = strlen(cases[i].text);
		uint8_t *in = hin_test_copy(cases[i].text, size);
		struct hin_bounce b;
		enum hin_code code = hin_bounce_parse(&b, in, size, NULL);

		free(in);
		if (code != cases[i].code || b.action != cases[i].action ||
		    b.count != cases[i].count || strcmp(b.to, cases[i].to) != 0 ||
		    strcmp(b.message_id, cases[i].message_id) != 0 ||
		    strcmp(b.recipients[0].address, cases[i].address) != 0 ||
		    strcmp(b.recipients[0].status, cases[i].status) != 0)
			fail_msg("%s: %d %d %zu \"%s\" \"%s\" \"%s\"", cases[i].name, code,
				 b.action, b.count, b.to, b.message_id, b.recipients[0].address);
	}
}

static void each_cut_is_survived(void **state)
{
	static const char text[] =
		DSN("Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n");
	struct hin_bounce b;

	(void)state;
	for (size_t size = 0; size < sizeof(text); size++) {
		uint8_t *in = hin_test_copy(text, size);

		if (hin_bounce_parse(&b, in, size, NULL) == HIN_OK)
			assert_true(b.count <= 1);
		free(in);
	}
}

static void depth_is_bounded(void **state)
{
	char text[4096];
	size_t used = 0;
	struct hin_bounce b;

	(void)state;
	for (int i = 0; i < 20; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n",
					 i, i);
	assert_int_equal(hin_bounce_parse(&b, text, used, NULL), HIN_ELIMIT);
}

static void many_recipients(void **state)
{
	static char group[100000];
	size_t used = 0;
	struct hin_bounce b;

	(void)state;
	used += (size_t)snprintf(group, sizeof(group),
				 "Content-Type: message/delivery-status\n\nX: y\n\n");
	for (int i = 0; i < 1000; i++)
		used += (size_t)snprintf(group + used, sizeof(group) - used,
					 "Final-Recipient: r;u%d@x.example\nAction: failed\n\n", i);
	assert_int_equal(hin_bounce_parse(&b, group, used, NULL), HIN_OK);
	assert_int_equal(b.count, HIN_BOUNCE_RECIPIENTS);
}

/* The same bytes, decoded again and again in each other's place, are not taken without end. */
static void decoding_is_bounded(void **state)
{
	static char text[HIN_BOUNCE_SIZE];
	size_t used = (size_t)sprintf(text, "Content-Transfer-Encoding: base64\n\n");
	struct hin_bounce b;

	(void)state;
	memset(text + used, 'A', sizeof(text) - used);
	assert_int_equal(hin_bounce_parse(&b, text, sizeof(text), NULL), HIN_OK);
	assert_int_equal(b.action, HIN_BOUNCE_NONE);
	memcpy(text, "Content-Transfer-Encoding: quoted-printable\n\n", 45);
	memset(text + 45, '=', sizeof(text) - 45);
	assert_int_equal(hin_bounce_parse(&b, text, sizeof(text), NULL), HIN_OK);
	assert_int_equal(b.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_and_refuses),  cmocka_unit_test(each_cut_is_survived),
		cmocka_unit_test(depth_is_bounded),    cmocka_unit_test(many_recipients),
		cmocka_unit_test(decoding_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
