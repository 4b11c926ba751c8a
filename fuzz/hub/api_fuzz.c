/*
 * What people and strangers may send to the door: method, path, query, cookies, body. The first
 * byte says who asks (raw bytes, nobody, a member, an administrator by session or by token), the
 * second the method, the third the type of the body; a line follows that is the path, the rest is
 * the body. Whatever a member asks, nothing of another organisation comes back; a request by a
 * person is answered always, and never with 500.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "hub/door/api.h"
#include "hub/people/session.h"
#include "hub/telling/telling.h"
#include "hub/telling/telling_settings.h"
#include "store/store.h"
#include "trust/ca.h"
#include "trust/ledger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "zzsecretzz" /* stands in all that is the other organisation's */

static struct hin_api *api;
static char folder[] = "/tmp/api-fuzz-XXXXXX";
static char member[HIN_SECRET_TEXT], member_csrf[HIN_SECRET_TEXT];
static char root[HIN_SECRET_TEXT], root_csrf[HIN_SECRET_TEXT], token[HIN_TOKEN_TEXT];
static unsigned runs;

static void must(enum hin_code code, const struct hin_error *err)
{
	if (code == HIN_OK)
		return;
	fprintf(stderr, "%s\n", err->text);
	abort();
}

static void person(struct hin_desk *desk, const char *name, enum hin_role role,
		   int64_t organisation, char secret[HIN_SECRET_TEXT],
		   char csrf_text[HIN_SECRET_TEXT])
{
	const struct hin_session_limits limits = { INT64_MAX / 4, INT64_MAX / 4 };
	struct hin_account a = { .role = role, .organisation = organisation };
	int64_t now = hin_time_now_ns() / 1000, id;
	struct hin_error err = { 0 };
	struct hin_addr from = { 0 };
	char link[HIN_SECRET_TEXT];
	uint8_t csrf[32];

	snprintf(a.name, sizeof(a.name), "%s", name);
	must(hin_account_add(desk, &a, 0, now, &id, &err), &err);
	must(hin_invite_make(desk, id, 0, now, link, &err), &err);
	must(hin_invite_use(desk, link, "no password", now, &id, &err), &err);
	must(hin_session_make(desk, id, "", &from, NULL, &limits, now, secret, csrf, &err), &err);
	(void)sodium_bin2base64(csrf_text, HIN_SECRET_TEXT, csrf, 32,
				sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	if (role == HIN_ROLE_ADMINISTRATOR)
		must(hin_token_make(desk, id, "t", (1u << HIN_SCOPE_COUNT) - 1,
				    now + INT64_C(3600000000), id, now, token, &err),
		     &err);
}

static void fill(struct hin_desk *desk)
{
	static const char *const rows[] = {
		"INSERT INTO organisation (id, handle, name, updated_us) VALUES (1, 'own', 'Own', "
		"0), "
		"(2, '" SECRET "', '" SECRET "', 0)",
		"INSERT INTO contact (organisation, address) VALUES (1, 'a@own.example'), (2, "
		"'" SECRET "@example')",
		"INSERT INTO holding (organisation, kind, low, high) VALUES (1, 'prefix', "
		"x'00000000000000000000ffffc0000200', x'00000000000000000000ffffc00002ff')",
		"INSERT INTO case_ (id, kind, subject, state, severity, organisation, device, "
		"opened_us, updated_us, first_us, last_us) VALUES (1, 'scanner', '192.0.2.1', "
		"'open', 'high', 1, 'd1', 1, 1, 1, 1), (2, 'scanner', '" SECRET
		"', 'open', 'high', 2, '" SECRET "', 1, 1, 1, 1)",
		"INSERT INTO finding (key, kind, subject_type, subject, organisation, device, "
		"confidence, severity, first_us, last_us, observations, query, case_id) VALUES "
		"(x'00', 'scanner', 'address', '192.0.2.1', 1, 'd1', 50, 'high', 1, 1, 1, 'any', "
		"1), "
		"(x'01', 'scanner', 'address', '" SECRET "', 2, '" SECRET
		"', 50, 'high', 1, 1, 1, '" SECRET "', 1)",
		"INSERT INTO case_history (case_id, time_us, account, action, text) VALUES (1, 1, "
		"0, "
		"'noted', '" SECRET "')",
		"INSERT INTO lease (low, high, from_us, until_us, device, organisation, basis, "
		"confidence) VALUES (x'00000000000000000000ffffc0000201', "
		"x'00000000000000000000ffffc0000201', 1, 2, '" SECRET "', 2, 'dhcp', 50)",
	};
	struct hin_error err = { 0 };

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		must(hin_desk_run(desk, &err, rows[i], ""), &err);
	person(desk, "member", HIN_ROLE_MEMBER, 1, member, member_csrf);
	person(desk, "root", HIN_ROLE_ADMINISTRATOR, 0, root, root_csrf);
}

static void ended(void)
{
	char command[64];

	hin_api_close(api);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	(void)!system(command);
}

/* What a hub has beside its desk: a CA, a ledger, a store with a few rows. */
static void fill_folders(struct hin_api_settings *s)
{
	static char trust[64], store_path[64], log[64], key[64];
	static struct hin_note_signer signer;
	const struct hin_ca_wish wish = { .hub = "hub.example:8443" };
	struct hin_store_batch batch = { .sensor = { 1 }, .epoch = 1, .sequence = 1 };
	struct hin_observation rows[64];
	struct hin_ledger_settings ledger;
	struct hin_ledger *opened = NULL;
	enum hin_store_outcome outcome;
	struct hin_store *store = NULL;
	int64_t now_us = hin_time_now_ns() / 1000;
	struct hin_error err = { 0 };

	snprintf(trust, sizeof(trust), "%s/trust", folder);
	snprintf(store_path, sizeof(store_path), "%s/store", folder);
	snprintf(log, sizeof(log), "%s/ledger", folder);
	snprintf(key, sizeof(key), "%s/ledger.key", folder);
	must(hin_ca_init(trust, &wish, now_us / 1000000, &err), &err);
	for (size_t i = 0; i < HIN_COUNT(rows); i++) {
		rows[i] =
			(struct hin_observation){ .time_us = now_us - (int64_t)(64 - i) * 60000000,
						  .duration_us = 60000000,
						  .kind = i % 2 == 0 ? HIN_KIND_ROAD_ALIVE
								     : HIN_KIND_TELESCOPE_FLOW };
		if (i % 2 == 1) {
			rows[i].proto = 6;
			rows[i].packets = 1;
			rows[i].src.b[15] = (uint8_t)i;
			rows[i].has = HIN_HAS_SRC | HIN_HAS_DST;
		}
	}
	must(hin_store_open(&store, store_path, HIN_STORE_CREATE, NULL, &err), &err);
	batch.received_us = now_us;
	must(hin_store_append(store, &batch, rows, HIN_COUNT(rows), &outcome, &err), &err);
	must(hin_store_sync(store, &err), &err);
	hin_store_close(store);
	hin_ledger_settings_default(&ledger);
	must(hin_ledger_key_load(&signer, key, "hub.example/ledger", NULL, true, &err), &err);
	ledger.folder = log;
	ledger.signer = &signer;
	ledger.create = true;
	must(hin_ledger_open(&opened, &ledger, &err), &err);
	s->trust = trust;
	s->store = store_path;
	s->folder = folder;
	s->ledger = opened; /* it lives as long as the process */
	s->ledger_folder = log;
}

static const struct hin_setting telling_rows[] = { HIN_TELLING_ROWS(0) };
static const struct hin_config_table telling_table = { telling_rows, HIN_COUNT(telling_rows) };

/* One whose threads do not run: it says what would go out. It lives as long as the process. */
static struct hin_telling *open_telling(const char *desk)
{
	static struct hin_telling *telling;
	struct hin_telling_settings settings = { 0 };
	struct hin_telling_open how = { .settings = &settings,
					.desk = desk,
					.hub_name = "hub.example" };
	struct hin_error err = { 0 };

	must(hin_config_init(&telling_table, &settings, &err), &err);
	must(hin_config_set(&telling_table, &settings, "mail.from=hub@hub.example", &err), &err);
	must(hin_telling_open(&telling, &how, &err), &err);
	hin_config_fini(&telling_table, &settings);
	return telling;
}

static void open_api(void)
{
	struct hin_api_settings s;
	struct hin_desk *desk = NULL;
	struct hin_error err = { 0 };
	char path[64];

	hin_log_setup(-1, HIN_LOG_ERROR);
	if (sodium_init() < 0 || mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/desk.db", folder);
	must(hin_desk_open(&desk, path, HIN_DESK_CREATE, &err), &err);
	fill(desk);
	hin_desk_close(desk);
	hin_api_settings_default(&s);
	s.listen = "127.0.0.1:0";
	s.plain = true;
	s.desk = path;
	s.rate_per_s = 0;
	fill_folders(&s);
	s.telling = open_telling(path);
	s.session_ns = s.idle_ns = HIN_NS_PER_DAY;
	must(hin_api_open(&api, &s, &err), &err);
	atexit(ended);
}

/* A connection to the door; loopback may be out of ports for a while, the door never away. */
static int reach(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(hin_api_port(api)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (int tries = 0; tries < 1000; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd != -1 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
			return fd;
		if (fd == -1 || (errno != EADDRNOTAVAIL && errno != EINTR))
			break;
		close(fd);
		usleep(100000);
	}
	perror("connect");
	abort();
}

/* Send, and take what comes within `wait_ms`. */
static void talk(const char *data, size_t size, int wait_ms, struct hin_buffer *answer)
{
	struct linger at_once = { .l_onoff = 1 }; /* no ports in TIME_WAIT */
	struct timeval limit = { wait_ms / 1000, wait_ms % 1000 * 1000 };
	char piece[8192];
	int fd = reach();
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)!send(fd, data, size, MSG_NOSIGNAL);
	/* the fuzzer's own alarm interrupts */
	while ((n = recv(fd, piece, sizeof(piece), 0)) > 0 || (n == -1 && errno == EINTR)) {
		if (n > 0)
			hin_buffer_add(answer, piece, (size_t)n);
		if (strstr(hin_buffer_text(answer), "text/event-stream") != NULL)
			break; /* it goes on without end */
	}
	close(fd);
}

/* Is it a request that the server below reads as it was meant? Paths are a line of their own. */
static bool is_line(const uint8_t *path, size_t size)
{
	if (size == 0 || size > 900 || path[0] != '/')
		return false;
	for (size_t i = 0; i < size; i++)
		if (path[i] <= 0x20 || path[i] >= 0x7f)
			return false;
	return true;
}

static void by_person(const uint8_t *data, size_t size)
{
	static const char *const methods[] = { "GET", "POST", "PATCH", "PUT", "DELETE", "HEAD" };
	static const char *const types[] = { "application/json",
					     "application/x-www-form-urlencoded", "text/plain" };
	unsigned who = data[0] % 4;
	const uint8_t *path = data + 3, *end = memchr(path, '\n', size - 3);
	size_t path_size = end != NULL ? (size_t)(end - path) : size - 3;
	size_t body = end != NULL ? size - 3 - path_size - 1 : 0;
	struct hin_buffer request = { 0 }, answer = { 0 };

	if (!is_line(path, path_size))
		return;
	hin_buffer_printf(&request, "%s %.*s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n",
			  methods[data[1] % HIN_COUNT(methods)], (int)path_size,
			  (const char *)path);
	if (who == 1)
		hin_buffer_printf(&request, "Cookie: __Host-hinomi=%s\r\nX-CSRF-Token: %s\r\n",
				  member, member_csrf);
	if (who == 2)
		hin_buffer_printf(&request, "Cookie: __Host-hinomi=%s\r\nX-CSRF-Token: %s\r\n",
				  root, root_csrf);
	if (who == 3)
		hin_buffer_printf(&request, "Authorization: Bearer %s\r\n", token);
	hin_buffer_printf(&request, "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
			  types[data[2] % HIN_COUNT(types)], body);
	if (body > 0)
		hin_buffer_add(&request, end + 1, body);
	talk(request.data, request.used, 30000, &answer);
	if (strncmp(hin_buffer_text(&answer), "HTTP/1.1 ", 9) != 0 ||
	    strncmp(hin_buffer_text(&answer) + 9, "500", 3) == 0) {
		fprintf(stderr, "%.600s\n->\n%.600s\n", request.data, hin_buffer_text(&answer));
		abort();
	}
	if (who == 1 && memmem(path, path_size, "zz", 2) == NULL &&
	    memmem(hin_buffer_text(&answer), answer.used, SECRET, strlen(SECRET)) != NULL) {
		fprintf(stderr, "%.600s\n->\n%.2000s\n", request.data, hin_buffer_text(&answer));
		abort();
	}
	hin_buffer_fini(&request);
	hin_buffer_fini(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char good[] = "GET /api/v1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
	struct hin_buffer answer = { 0 };

	if (api == NULL)
		open_api();
	if (size < 4)
		return 0;
	if (data[0] % 8 == 7)
		talk((const char *)data + 1, size - 1, 1, &answer);
	else
		by_person(data, size);
	if (++runs % 64 == 0) {
		hin_buffer_reset(&answer);
		talk(good, strlen(good), 30000, &answer);
		/* raw requests come from one address that is nobody: they may be too many */
		if (strncmp(hin_buffer_text(&answer), "HTTP/1.1 200 OK", 15) != 0 &&
		    strncmp(hin_buffer_text(&answer), "HTTP/1.1 429", 12) != 0)
			abort();
	}
	hin_buffer_fini(&answer);
	return 0;
}
