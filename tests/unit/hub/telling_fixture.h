/* telling_fixture - a desk with an owner, a mail server beside it, and a clock of our own */
#pragma once
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../test.h"
#include "base/config.h"
#include "base/file.h"
#include "hub/telling/telling.h"
#include "hub/telling/telling_settings.h"
#include "observe/registry.h"
#include "smtp_server.h"
#include "store/store.h"

#define S INT64_C(1000000)
#define HOUR (3600 * S)
#define DAY (24 * HOUR)
#define NOW (INT64_C(1795340000) * S) /* 2026-11-22 09:33:20 UTC, a Sunday */

static const struct hin_setting rows[] = { HIN_TELLING_ROWS(0) };
static const struct hin_config_table table = { rows, HIN_COUNT(rows) };

static char folder[64], path[128], store_path[128], bounces[128];
static struct hin_desk *desk;
static struct hin_telling *telling;
static struct smtp_server server;
static int64_t organisation, contact;

/* ---- the desk ---- */

static inline int64_t number(const char *sql)
{
	struct hin_error err = { 0 };
	int64_t n = -1;

	if (hin_desk_number(desk, &n, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	return n;
}

static inline const char *text(const char *sql)
{
	static char out[8][65536];
	static unsigned turn;
	struct hin_error err = { 0 };
	sqlite3_stmt *s = hin_desk_statement(desk, sql, &err);

	if (s == NULL || hin_desk_step(desk, s, &err) != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
	turn = (turn + 1) % 8;
	snprintf(out[turn], sizeof(out[0]), "%s", hin_desk_text(s, 0));
	sqlite3_reset(s);
	return out[turn];
}

static inline void run(const char *sql)
{
	struct hin_error err = { 0 };

	if (hin_desk_run(desk, &err, sql, "") != HIN_OK)
		fail_msg("%s: %s", sql, err.text);
}

static inline int64_t add_organisation(const char *handle, const char *name, const char *language)
{
	assert_int_equal(hin_desk_run(desk, NULL,
				      "INSERT INTO organisation (handle, name, name_ja, language, "
				      "sector, updated_us) VALUES (?1, ?2, '例市役所', ?3, "
				      "'government', 1)",
				      "ttt", handle, name, language),
			 HIN_OK);
	return hin_desk_inserted(desk);
}

static inline int64_t add_contact(int64_t of, const char *role, const char *channel,
				  const char *address)
{
	assert_int_equal(hin_desk_run(desk, NULL,
				      "INSERT INTO contact (organisation, role, channel, address) "
				      "VALUES (?1, ?2, ?3, ?4)",
				      "ittt", of, role, channel, address),
			 HIN_OK);
	return hin_desk_inserted(desk);
}

struct wish {
	const char *kind, *address, *device;
	int64_t organisation, port, tool, last_us;
	const char *severity;
};

/* A finding, and a case of its own unless there is one for the subject. */
static inline int64_t add_finding(const struct wish *w)
{
	struct hin_addr address;
	int64_t case_id = 0, id;
	uint8_t key[16];
	static uint64_t keys;

	assert_int_equal(hin_addr_parse(&address, w->address), HIN_OK);
	memset(key, 0, sizeof(key));
	keys++;
	memcpy(key, &keys, sizeof(keys));
	if (hin_desk_number(desk, &case_id, NULL, "SELECT id FROM case_ WHERE subject = ?1", "t",
			    w->address) != HIN_OK) {
		assert_int_equal(
			hin_desk_run(
				desk, NULL,
				"INSERT INTO case_ (kind, subject, state, severity, "
				"organisation, opened_us, updated_us, first_us, last_us) VALUES "
				"(?1, ?2, 'new', ?3, nullif(?4, 0), ?5, ?5, ?5, ?5)",
				"tttii", w->kind, w->address, w->severity, w->organisation,
				w->last_us),
			HIN_OK);
		case_id = hin_desk_inserted(desk);
	}
	assert_int_equal(
		hin_desk_run(desk, NULL,
			     "INSERT INTO finding (key, kind, subject_type, subject, address, "
			     "organisation, device, port, proto, tool, confidence, severity, "
			     "first_us, last_us, observations, packets, targets, sensors, query, "
			     "case_id, told_us) VALUES (?1, ?2, 'address', ?3, ?4, nullif(?5, 0), "
			     "?6, ?7, 6, ?8, 90, ?9, ?10, ?11, 3, 1234, 500, "
			     "'0102030405060708090a0b0c0d0e0f10', 'src x', ?12, ?11)",
			     "bttaitiitiii", (const void *)key, sizeof(key), w->kind, w->address,
			     &address, w->organisation, w->device != NULL ? w->device : "", w->port,
			     w->tool, w->severity, w->last_us - 600 * S, w->last_us, case_id),
		HIN_OK);
	id = hin_desk_inserted(desk);
	return id;
}

static inline int64_t infected(const char *address)
{
	return add_finding(&(struct wish){ .kind = "infected-member",
					   .address = address,
					   .organisation = organisation,
					   .port = 23,
					   .tool = HIN_TOOLS_MIRAI,
					   .last_us = NOW,
					   .severity = "high" });
}

/* ---- telling ---- */

static const char *const basic[] = { "notice.send=yes",
				     "notice.sender=Example CERT",
				     "notice.contact=help@cert.example",
				     "notice.verify=https://cert.example/verify",
				     "notice.gather=0",
				     "notice.watched=1h",
				     "mail.tls=plain",
				     "mail.from=hinomi@cert.example",
				     "mail.bounce=bounce@cert.example",
				     NULL };

static inline void read_settings(struct hin_telling_settings *s, const char *const *more,
				 struct hin_error *err)
{
	char line[200];

	*s = (struct hin_telling_settings){ 0 };
	assert_int_equal(hin_config_init(&table, s, err), HIN_OK);
	for (size_t i = 0; basic[i] != NULL; i++)
		assert_int_equal(hin_config_set(&table, s, basic[i], err), HIN_OK);
	snprintf(line, sizeof(line), "mail.server=127.0.0.1:%u", server.port);
	assert_int_equal(hin_config_set(&table, s, line, err), HIN_OK);
	snprintf(line, sizeof(line), "mail.bounces=%s", bounces);
	assert_int_equal(hin_config_set(&table, s, line, err), HIN_OK);
	for (size_t i = 0; more != NULL && more[i] != NULL; i++)
		if (hin_config_set(&table, s, more[i], err) != HIN_OK)
			fail_msg("%s: %s", more[i], err->text);
}

static inline enum hin_code open_telling(const char *const *more, struct hin_error *err)
{
	struct hin_telling_settings s;
	struct hin_telling_open how = {
		.settings = &s, .desk = path, .store = store_path, .hub_name = "hub.example"
	};
	enum hin_code code;

	read_settings(&s, more, err);
	hin_telling_close(telling);
	telling = NULL;
	code = hin_telling_open(&telling, &how, err);
	hin_config_fini(&table, &s);
	return code;
}

static inline void begin(const char *const *more)
{
	struct hin_error err = { 0 };

	if (open_telling(more, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

static inline void look(int64_t now)
{
	struct hin_error err = { 0 };

	if (hin_telling_notify(telling, desk, now, &err) != HIN_OK ||
	    hin_telling_alert(telling, desk, now, &err) != HIN_OK ||
	    hin_telling_alert(telling, desk, now + HIN_ALERT_SETTLE_US, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

static inline int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/hinomi-telling-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/desk.db", folder);
	snprintf(store_path, sizeof(store_path), "%s/store", folder);
	snprintf(bounces, sizeof(bounces), "%s/bounces", folder);
	mkdir(bounces, 0700);
	if (hin_desk_open(&desk, path, HIN_DESK_CREATE, NULL) != HIN_OK)
		return -1;
	smtp_start(&server);
	organisation = add_organisation("example-city", "Example City", "en");
	contact = add_contact(organisation, "abuse", "mail", "abuse@city.example");
	return 0;
}

static inline int tear_down(void **state)
{
	char command[128];

	(void)state;
	hin_telling_close(telling);
	telling = NULL;
	hin_desk_close(desk);
	desk = NULL;
	smtp_stop(&server);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}
