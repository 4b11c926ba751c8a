/* webhook_test - where a URL of a stranger may lead, and what goes there; syslog's form and ways */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../test.h"
#include "base/time.h"
#include "net/syslog.h"
#include "net/webhook.h"

static void urls(void **state)
{
	static const struct {
		const char *url;
		enum hin_code open, closed; /* private allowed, or not */
	} cases[] = {
		{ "https://hooks.example/x?y=1", HIN_OK, HIN_OK },
		{ "https://192.88.98.1/x", HIN_OK, HIN_OK },
		{ "https://10.1.2.3/", HIN_OK, HIN_EDENIED },
		{ "https://127.0.0.1:8443/", HIN_OK, HIN_EDENIED },
		{ "https://localhost/", HIN_OK, HIN_EDENIED },
		{ "https://[::1]/", HIN_OK, HIN_EDENIED },
		{ "https://[fe80::1]/", HIN_OK, HIN_EDENIED },
		{ "https://[::ffff:10.0.0.1]/", HIN_OK, HIN_EDENIED },
		{ "https://169.254.169.254/latest", HIN_OK, HIN_EDENIED },
		{ "https://0x7f000001/", HIN_OK, HIN_EDENIED },
		{ "https://2130706433/", HIN_OK, HIN_EDENIED },
		{ "http://127.0.0.1:80/", HIN_OK, HIN_EDENIED },
		{ "http://localhost/", HIN_OK, HIN_EDENIED },
		{ "http://hooks.example/", HIN_EDENIED, HIN_EDENIED },
		{ "http://10.1.2.3/", HIN_EDENIED, HIN_EDENIED },
		{ "ftp://hooks.example/", HIN_EDENIED, HIN_EDENIED },
		{ "file:///etc/passwd", HIN_EFORMAT, HIN_EFORMAT },
		{ "https://user:secret@hooks.example/", HIN_EDENIED, HIN_EDENIED },
		{ "https://hooks.example/\r\nX: y", HIN_EFORMAT, HIN_EFORMAT },
		{ "https:// hooks.example/", HIN_EFORMAT, HIN_EFORMAT },
		{ "hooks.example", HIN_EFORMAT, HIN_EFORMAT },
		{ "", HIN_EFORMAT, HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_webhook_check(cases[i].url, true, NULL) != cases[i].open ||
		    hin_webhook_check(cases[i].url, false, NULL) != cases[i].closed)
			fail_msg("%s: %d %d", cases[i].url,
				 hin_webhook_check(cases[i].url, true, NULL),
				 hin_webhook_check(cases[i].url, false, NULL));
}

static void places(void **state)
{
	static const struct {
		const char *address;
		bool want;
	} cases[] = {
		{ "192.31.196.1", true },
		{ "8.8.8.8", true },
		{ "2a00::1", true },
		{ "10.0.0.1", false },
		{ "100.64.0.1", false },
		{ "172.31.255.255", false },
		{ "172.32.0.0", true },
		{ "192.168.1.1", false },
		{ "169.254.1.1", false },
		{ "0.0.0.0", false },
		{ "255.255.255.255", false },
		{ "224.0.0.1", false },
		{ "198.18.1.1", false },
		{ "::", false },
		{ "::1", false },
		{ "fc00::1", false },
		{ "fe80::1", false },
		{ "ff02::1", false },
		{ "64:ff9b::a00:1", false },
		{ "2002:a00:1::", false },
		{ "::ffff:127.0.0.1", false },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		struct hin_addr a;

		assert_int_equal(hin_addr_parse(&a, cases[i].address), HIN_OK);
		if (hin_webhook_is_public(&a) != cases[i].want)
			fail_msg("%s", cases[i].address);
	}
}

/* ---- a server ---- */

struct server {
	int fd;
	uint16_t port;
	pthread_t thread;
	const char *answer;
	char got[8192];
	unsigned requests;
};

static void *serve(void *user)
{
	struct server *s = user;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) != -1) {
		size_t used = 0;
		ssize_t n;

		s->requests++;
		while ((n = read(fd, s->got + used, sizeof(s->got) - 1 - used)) > 0) {
			used += (size_t)n;
			s->got[used] = '\0';
			if (strstr(s->got, "\r\n\r\n{\"a\":1}") != NULL)
				break;
		}
		(void)!write(fd, s->answer, strlen(s->answer));
		close(fd);
	}
	return NULL;
}

static void start(struct server *s, const char *answer)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t size = sizeof(here);

	*s = (struct server){ .answer = answer };
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

static enum hin_webhook_outcome post(const struct server *s, bool private_too, const char *host,
				     char answer[HIN_WEBHOOK_ANSWER])
{
	struct hin_webhook_settings set = { .private_too = private_too, .secret = "shared" };
	struct hin_webhook *w = NULL;
	enum hin_webhook_outcome outcome;
	char url[100];

	snprintf(url, sizeof(url), "%s:%u/hook", host, s->port);
	assert_int_equal(hin_webhook_open(&w, &set, NULL), HIN_OK);
	outcome = hin_webhook_send(w, url, "n-1", "{\"a\":1}", 7, 1763800000, answer);
	hin_webhook_close(w);
	return outcome;
}

static void what_comes_back(void **state)
{
	static const struct {
		const char *answer;
		enum hin_webhook_outcome want;
	} cases[] = {
		{ "HTTP/1.1 204 No Content\r\n\r\n", HIN_WEBHOOK_ACCEPTED },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", HIN_WEBHOOK_ACCEPTED },
		{ "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: "
		  "0\r\n\r\n",
		  HIN_WEBHOOK_REFUSED },
		{ "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", HIN_WEBHOOK_REFUSED },
		{ "HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", HIN_WEBHOOK_LATER },
		{ "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", HIN_WEBHOOK_LATER },
		{ "", HIN_WEBHOOK_LATER },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		static struct server server;
		char answer[HIN_WEBHOOK_ANSWER];

		start(&server, cases[i].answer);
		if (post(&server, true, "http://127.0.0.1", answer) != cases[i].want)
			fail_msg("%zu: %s", i, answer);
		stop(&server);
		assert_int_equal(server.requests, 1);
		assert_non_null(strstr(server.got, "X-Hinomi-Delivery: n-1\r\n"));
		assert_non_null(strstr(server.got, "X-Hinomi-Timestamp: 1763800000\r\n"));
	}
}

static void it_is_signed(void **state)
{
	static struct server server;
	uint8_t digest[32];
	char answer[HIN_WEBHOOK_ANSWER], want[128];
	unsigned size = 32;
	int at;

	(void)state;
	start(&server, "HTTP/1.1 204 No\r\n\r\n");
	assert_int_equal(post(&server, true, "http://localhost", answer), HIN_WEBHOOK_ACCEPTED);
	stop(&server);
	HMAC(EVP_sha256(), "shared", 6, (const uint8_t *)"1763800000.{\"a\":1}", 18, digest, &size);
	at = snprintf(want, sizeof(want), "X-Hinomi-Signature: sha256=");
	for (size_t i = 0; i < 32; i++)
		at += snprintf(want + at, sizeof(want) - (size_t)at, "%02x", digest[i]);
	assert_non_null(strstr(server.got, want));
}

/* A name that leads inside: the text cannot tell, the socket does. */
static void a_name_that_leads_inside(void **state)
{
	static struct server server;
	char answer[HIN_WEBHOOK_ANSWER];

	(void)state;
	start(&server, "HTTP/1.1 204 No\r\n\r\n");
	assert_int_equal(post(&server, false, "https://hook.localhost", answer),
			 HIN_WEBHOOK_REFUSED);
	assert_int_equal(post(&server, false, "http://127.0.0.1", answer), HIN_WEBHOOK_REFUSED);
	stop(&server);
	assert_int_equal(server.requests, 0);
}

/* ---- syslog ---- */

static void forms(void **state)
{
	static const struct hin_syslog_field fields[] = { { "case", "7" },
							  { "text", "a \"b\" ] \\ \n c" },
							  { NULL, NULL } };
	struct hin_buffer out = { 0 };
	static char lengthy[5000];

	(void)state;
	hin_syslog_format(&out, HIN_SYSLOG_CRITICAL, 1763800000 * HIN_NS_PER_S, "hub", "alert",
			  fields, "one\ntwo");
	assert_string_equal(
		out.data,
		"<130>1 2025-11-22T08:26:40.000Z hub hinomi - alert [hinomi@32473 case=\"7\" "
		"text=\"a \\\"b\\\" \\] \\\\\\\\ \\\\x0a c\"] \xef\xbb\xbf"
		"one\\x0atwo");
	hin_buffer_reset(&out);
	hin_syslog_format(&out, HIN_SYSLOG_INFO, 0, "a b", NULL, NULL, "x");
	assert_string_equal(out.data, "<134>1 1970-01-01T00:00:00.000Z a_b hinomi - - - "
				      "\xef\xbb\xbfx");
	hin_buffer_reset(&out);
	memset(lengthy, 'x', sizeof(lengthy) - 1);
	hin_syslog_format(&out, HIN_SYSLOG_INFO, 0, lengthy, lengthy,
			  (const struct hin_syslog_field[]){
				  { "a", lengthy }, { "b", lengthy }, { "c", lengthy }, { 0 } },
			  lengthy);
	assert_true(out.used <= HIN_SYSLOG_SIZE);
	hin_buffer_fini(&out);
}

static void where(void **state)
{
	static const struct {
		const char *text;
		enum hin_code want;
	} cases[] = {
		{ "unix:/dev/log", HIN_OK },
		{ "udp://192.0.2.1:514", HIN_OK },
		{ "udp://[2001:db8::1]:514", HIN_OK },
		{ "tls://log.example:6514", HIN_OK },
		{ "tcp://x:1", HIN_EFORMAT },
		{ "udp://:514", HIN_EFORMAT },
		{ "udp://x", HIN_EFORMAT },
		{ "udp://x:", HIN_EFORMAT },
		{ "udp://x:port", HIN_EFORMAT },
		{ "tls://a@b:1", HIN_EFORMAT },
		{ "unix:dev/log", HIN_EFORMAT },
		{ "", HIN_EFORMAT },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++)
		if (hin_syslog_check(cases[i].text, NULL) != cases[i].want)
			fail_msg("%s", cases[i].text);
}

static void it_arrives(void **state)
{
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	socklen_t size = sizeof(here);
	int udp = socket(AF_INET, SOCK_DGRAM, 0), local = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct hin_syslog *log = NULL;
	char text[128], got[64] = "";

	(void)state;
	assert_int_equal(bind(udp, (struct sockaddr *)&here, sizeof(here)), 0);
	assert_int_equal(getsockname(udp, (struct sockaddr *)&here, &size), 0);
	snprintf(text, sizeof(text), "udp://127.0.0.1:%u", ntohs(here.sin_port));
	assert_int_equal(hin_syslog_open(&log, text, NULL, NULL), HIN_OK);
	assert_int_equal(hin_syslog_send(log, "hello", 5, NULL), HIN_OK);
	assert_int_equal(recv(udp, got, sizeof(got), 0), 5);
	assert_memory_equal(got, "hello", 5);
	hin_syslog_close(log);

	snprintf(path.sun_path, sizeof(path.sun_path), "/tmp/hin-syslog-%d", getpid());
	unlink(path.sun_path);
	assert_int_equal(bind(local, (struct sockaddr *)&path, sizeof(path)), 0);
	snprintf(text, sizeof(text), "unix:%s", path.sun_path);
	assert_int_equal(hin_syslog_open(&log, text, NULL, NULL), HIN_OK);
	assert_int_equal(hin_syslog_send(log, "again", 5, NULL), HIN_OK);
	assert_int_equal(recv(local, got, sizeof(got), 0), 5);
	close(local);
	unlink(path.sun_path);
	assert_int_equal(hin_syslog_send(log, "gone", 4, NULL), HIN_ESYS);
	hin_syslog_close(log);
	close(udp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls),
		cmocka_unit_test(places),
		cmocka_unit_test(what_comes_back),
		cmocka_unit_test(it_is_signed),
		cmocka_unit_test(a_name_that_leads_inside),
		cmocka_unit_test(forms),
		cmocka_unit_test(where),
		cmocka_unit_test(it_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
