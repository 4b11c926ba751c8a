/* telling_test - from findings to mail and back, with a clock of our own and a mail server beside
 */
#include "telling_fixture.h"

/* ---- tests ---- */

static void one_notice_for_a_trouble(void **state)
{
	const char *code;
	char line[64];

	(void)state;
	begin(NULL);
	/* what it does and that it is infected are one trouble */
	add_finding(&(struct wish){ .kind = "scanner",
				    .address = "192.0.2.7",
				    .organisation = organisation,
				    .port = 2323,
				    .last_us = NOW,
				    .severity = "medium" });
	infected("192.0.2.7");
	look(NOW);
	look(NOW + S);
	look(NOW + 2 * S);
	assert_int_equal(server.count, 1);
	assert_string_equal(server.mails[0].to, "abuse@city.example");
	assert_int_equal(strncmp(server.mails[0].from, "bounce+", 7), 0);
	assert_int_equal(number("SELECT count(*) FROM notice"), 1);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_string_equal(text("SELECT kind FROM notice"), "infected-member");
	assert_string_equal(text("SELECT next FROM notice"), "reminder");
	code = text("SELECT code FROM notice");
	snprintf(line, sizeof(line), "Notice %s", code);
	assert_non_null(strstr(text("SELECT body FROM notice"), line));
	assert_non_null(strstr(text("SELECT body FROM notice"), "tcp/23 (telnet)"));
	assert_non_null(strstr(text("SELECT body FROM notice"), "tcp/2323"));
	assert_non_null(strstr(text("SELECT body FROM notice"), "Mirai"));
	assert_non_null(strstr(text("SELECT body FROM notice"), "2026-11-22 09:33:20 UTC"));
	assert_non_null(strstr(text("SELECT body FROM notice"), "factory settings"));
	assert_non_null(strstr(server.mails[0].text, code));
	/* the same text is the object of its act */
	assert_int_equal(number("SELECT count(*) FROM notice n JOIN act a ON a.id = n.act WHERE "
				"a.object = n.body AND a.kind = 300"),
			 1);
	assert_int_equal(number("SELECT count(*) FROM notice_todo"), 0);
	/* seen again: the same notice */
	run("UPDATE finding SET last_us = last_us + 5000000");
	look(NOW + 10 * S);
	assert_int_equal(number("SELECT count(*) FROM notice"), 1);
	assert_int_equal(number("SELECT last_seen_us FROM notice"), NOW + 5 * S);
}

static void in_japanese(void **state)
{
	(void)state;
	begin(NULL);
	run("UPDATE organisation SET language = 'ja'");
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	assert_non_null(strstr(text("SELECT body FROM notice"), "例市役所 ご担当者様"));
	assert_non_null(strstr(text("SELECT body FROM notice"),
			       "2026-11-22 18:33:20 日本時間 (09:33:20 UTC)"));
	assert_non_null(strstr(text("SELECT body FROM notice"), "工場出荷時の状態に戻します"));
	assert_non_null(strstr(server.mails[0].text, "Content-Language: ja\r\n"));
}

static void nothing_goes_unless_switched_on(void **state)
{
	static const char *const off[] = { "notice.send=no", NULL };
	static const char *const approve[] = { "notice.approve=yes", NULL };

	(void)state;
	begin(off);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 0);
	assert_string_equal(text("SELECT state FROM notice"), "held");
	/* switched on later, what was held stays so */
	begin(approve);
	infected("192.0.2.8");
	look(NOW + S);
	assert_int_equal(server.count, 0);
	assert_int_equal(number("SELECT count(*) FROM notice WHERE state = 'held'"), 2);
	assert_int_equal(hin_notice_release(desk, 1, 7, NOW + S, NULL), HIN_OK);
	look(NOW + 2 * S);
	assert_int_equal(server.count, 1);
	assert_int_equal(number("SELECT count(*) FROM act WHERE account = 7"), 1);
	assert_int_equal(hin_notice_release(desk, 99, 7, NOW, NULL), HIN_ENOENT);
	assert_int_equal(hin_notice_withdraw(desk, 2, 7, "a test", NOW, NULL), HIN_OK);
	assert_int_equal(hin_notice_release(desk, 2, 7, NOW, NULL), HIN_EDENIED);
	look(NOW + 3 * S);
	assert_int_equal(server.count, 1); /* it never went out: nobody is told that it is gone */
	assert_int_equal(hin_notice_withdraw(desk, 1, 7, "a test", NOW, NULL), HIN_OK);
	look(NOW + 4 * S);
	assert_int_equal(server.count, 2);
	assert_non_null(strstr(server.mails[1].text, "In-Reply-To:"));
}

static void refuses_what_is_not_understood(void **state)
{
	static const struct {
		const char *line, *want;
	} cases[] = {
		{ "mail.from=nobody", "mail.from" },
		{ "mail.from=", "mail.from" },
		{ "mail.server=mail.example", "no mail server" },
		{ "mail.server=mail.example:25", "without TLS" },
		{ "notice.sender=", "notice.sender" },
		{ "notice.kinds=rising-port", "notice.kinds" },
		{ "alert.to=pager:1", "alert.to" },
		{ "alert.to=webhook:https://10.0.0.1/", "private address" },
		{ "mail.certificate=/nonexistent", "mail.certificate" },
		{ "mail.password-file=/nonexistent", "mail.password-file" },
	};

	(void)state;
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		const char *const more[] = { cases[i].line, NULL };
		struct hin_error err = { 0 };

		if (open_telling(more, &err) == HIN_OK)
			fail_msg("%s is taken", cases[i].line);
		if (strstr(err.text, cases[i].want) == NULL)
			fail_msg("%s: %s", cases[i].line, err.text);
	}
}

static void a_bad_template_has_its_line(void **state)
{
	char dir[160], file[200], line[200];
	const char *const more[] = { line, NULL };
	struct hin_error err = { 0 };

	(void)state;
	snprintf(dir, sizeof(dir), "%s/texts", folder);
	mkdir(dir, 0700);
	snprintf(line, sizeof(line), "notice.templates=%s", dir);
	strcat(dir, "/ja");
	mkdir(dir, 0700);
	snprintf(file, sizeof(file), "%s/fixed.txt", dir);
	assert_int_equal(hin_file_replace(file, "title: x\n\n{nothing}\n", 20, 0600, NULL), HIN_OK);
	assert_int_equal(open_telling(more, &err), HIN_EFORMAT);
	assert_non_null(strstr(err.text, "ja/fixed.txt:3: nothing is called"));
}

static void nobody_known_is_a_queue(void **state)
{
	static const char *const more[] = { "alert.to=mail:soc@cert.example", NULL };
	const struct wish stranger = { .kind = "infected-member",
				       .address = "192.0.2.9",
				       .port = 445,
				       .last_us = NOW,
				       .severity = "medium" };

	(void)state;
	begin(more);
	add_finding(&stranger);
	add_finding(&(struct wish){ .kind = "scanner", /* somebody in the internet */
				    .address = "192.0.2.10",
				    .port = 22,
				    .last_us = NOW,
				    .severity = "low" });
	look(NOW);
	look(NOW + S);
	assert_int_equal(number("SELECT count(*) FROM notice"), 1);
	assert_string_equal(text("SELECT state FROM notice"), "no_owner");
	assert_int_equal(number("SELECT count(*) FROM alert WHERE about = 'no-owner'"), 1);
	smtp_clear(&server);
	/* the owner is entered, and the analysis finds it */
	run("UPDATE finding SET organisation = 1 WHERE kind = 'infected-member'");
	look(NOW + 2 * S);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_int_equal(server.count, 1);
	assert_non_null(strstr(text("SELECT body FROM notice"), "SMB version 1"));
}

static void a_contact_that_appears_later(void **state)
{
	(void)state;
	begin(NULL);
	run("UPDATE contact SET state = 'off'");
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 0); /* who opted out is not written to */
	assert_string_equal(text("SELECT state FROM notice"), "no_owner");
	add_contact(organisation, "tech", "mail", "noc@city.example");
	look(NOW + 120 * S);
	look(NOW + 121 * S);
	assert_int_equal(server.count, 1);
	assert_string_equal(server.mails[0].to, "noc@city.example");
}

/* An assignment without a contact of its own: the queue says whom the network above has. */
static void a_parent_with_a_contact_is_named(void **state)
{
	static const struct {
		const char *low, *high;
		int64_t until_us;
		bool named;
	} cases[] = {
		{ "192.0.2.0", "192.0.2.255", 0, true },
		{ "192.0.0.0", "192.0.255.255", 0, true },
		{ "192.0.2.7", "192.0.2.7", 0, true },
		{ "192.0.2.0", "192.0.2.6", 0, false }, /* beside it */
		{ "192.0.2.8", "192.0.2.15", 0, false },
		{ "192.0.2.0", "192.0.2.255", NOW - 1, false }, /* no longer */
	};
	static const char alone[] = "its owner has no contact that can be reached";

	(void)state;
	begin(NULL);
	run("UPDATE contact SET state = 'off'");
	for (size_t i = 0; i < HIN_COUNT(cases); i++) {
		int64_t parent = add_organisation("parent", "Parent", "en");
		struct hin_addr low, high;
		char want[200];

		add_contact(parent, "tech", "mail", "noc@parent.example");
		add_contact(parent, "abuse", "mail", "abuse@parent.example");
		assert_int_equal(hin_addr_parse(&low, cases[i].low), HIN_OK);
		assert_int_equal(hin_addr_parse(&high, cases[i].high), HIN_OK);
		assert_int_equal(hin_desk_run(desk, NULL,
					      "INSERT INTO holding (organisation, kind, low, high, "
					      "until_us) VALUES (?1, 'prefix', ?2, ?3, ?4)",
					      "iaai", parent, &low, &high, cases[i].until_us),
				 HIN_OK);
		infected("192.0.2.7");
		look(NOW + (int64_t)i * S);
		assert_string_equal(text("SELECT state FROM notice"), "no_owner");
		assert_int_equal(number("SELECT organisation FROM notice"), organisation);
		snprintf(want, sizeof(want), "%s%s", alone,
			 cases[i].named ? "; parent has a contact: abuse@parent.example (parent)"
					: "");
		assert_string_equal(text("SELECT error FROM notice"), want);
		run("DELETE FROM notice");
		run("DELETE FROM finding");
		run("DELETE FROM organisation WHERE handle = 'parent'");
	}
	assert_int_equal(server.count, 0);
}

static void names_of_the_directory_cannot_break_out(void **state)
{
	(void)state;
	begin(NULL);
	assert_int_equal(hin_desk_run(desk, NULL, "UPDATE organisation SET name = ?1", "t",
				      "City\r\nBcc: victim@example.org\r\n\r\n{if code}\x1b[2J"),
			 HIN_OK);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	assert_null(strstr(server.mails[0].text, "\nBcc"));
	assert_null(strstr(text("SELECT body FROM notice"), "\nBcc"));
	assert_null(strchr(text("SELECT body FROM notice"), '\x1b'));
	assert_non_null(strstr(text("SELECT body FROM notice"), "City??Bcc"));
	/* and an address that is none is seen, not sent to */
	run("UPDATE contact SET address = 'x@y.example>' || char(13) || char(10) || 'DATA'");
	infected("192.0.2.8");
	look(NOW + S);
	assert_int_equal(server.count, 1);
	assert_string_equal(text("SELECT state FROM contact"), "unreadable");
	assert_string_equal(text("SELECT state FROM notice WHERE id = 2"), "no_owner");
}

static void a_mailbox_that_is_gone(void **state)
{
	static const char *const more[] = { "alert.to=mail:soc@cert.example", NULL };
	int64_t other;

	(void)state;
	begin(more);
	other = add_contact(organisation, "tech", "mail", "noc@city.example");
	infected("192.0.2.7");
	server.to_answer = "550 5.1.1 no such user";
	/* the first is refused, its notice goes to the other, which is refused too */
	for (int i = 0; i < 2; i++)
		assert_int_equal(hin_telling_notify(telling, desk, NOW + i * S, NULL), HIN_OK);
	assert_int_equal(server.count, 0);
	assert_int_equal(number("SELECT count(*) FROM contact WHERE state = 'bounced'"), 2);
	assert_string_equal(text("SELECT state FROM notice"), "bounced");
	assert_non_null(strstr(text("SELECT state_reason FROM contact WHERE id = 1"), "550"));
	assert_int_equal(number("SELECT count(*) FROM alert WHERE about = 'bounced'"), 1);
	(void)other;
}

static void another_contact_takes_over(void **state)
{
	char file[200], dsn[2048];

	(void)state;
	begin(NULL);
	add_contact(organisation, "tech", "mail", "noc@city.example");
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	/* it comes back by mail, a moment later */
	snprintf(dsn, sizeof(dsn),
		 "To: <%s>\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: "
		 "dns;x\r\n\r\nFinal-Recipient: rfc822;abuse@city.example\r\nAction: "
		 "failed\r\nStatus: 5.2.1\r\n",
		 server.mails[0].from);
	snprintf(file, sizeof(file), "%s/1.eml", bounces);
	assert_int_equal(hin_file_replace(file, dsn, strlen(dsn), 0600, NULL), HIN_OK);
	snprintf(file, sizeof(file), "%s/2.eml", bounces);
	assert_int_equal(hin_file_replace(file, "To: x\n\nhello\n", 13, 0600, NULL), HIN_OK);
	look(NOW + S);
	look(NOW + 2 * S);
	assert_int_equal(server.count, 2);
	assert_string_equal(server.mails[1].to, "noc@city.example");
	assert_string_equal(text("SELECT state FROM contact WHERE id = 1"), "bounced");
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_int_equal(hin_telling_stats(telling).bounces, 2);
	assert_int_equal(hin_telling_stats(telling).bounces_unknown, 1);
	snprintf(file, sizeof(file), "%s/1.eml", bounces);
	assert_int_not_equal(access(file, F_OK), 0);
	snprintf(file, sizeof(file), "%s/left/2.eml", bounces);
	assert_int_equal(access(file, F_OK), 0);
}

static void put_off_and_tried_again(void **state)
{
	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	server.end_answer = "451 4.3.0 later";
	look(NOW);
	assert_string_equal(text("SELECT state FROM letter"), "waiting");
	assert_in_range(number("SELECT due_us FROM letter") - NOW, 45 * S, 75 * S);
	look(NOW + 10 * S);
	assert_int_equal(number("SELECT attempts FROM letter"), 1);
	look(NOW + 80 * S);
	assert_int_equal(number("SELECT attempts FROM letter"), 2);
	server.end_answer = NULL;
	look(NOW + 300 * S);
	assert_int_equal(server.count, 1);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
}

static void given_up_after_days(void **state)
{
	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	server.end_answer = "451 4.3.0 later";
	look(NOW);
	look(NOW + 5 * DAY);
	assert_string_equal(text("SELECT state FROM letter"), "failed");
	assert_string_equal(text("SELECT state FROM notice"), "failed");
	server.end_answer = NULL;
	assert_int_equal(hin_notice_release(desk, 1, 1, NOW + 5 * DAY, NULL), HIN_OK);
	look(NOW + 5 * DAY);
	assert_int_equal(server.count, 1);
}

/* A process that ended between the server's word and its own note. */
static void a_stop_in_the_middle(void **state)
{
	char first[65536];

	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	snprintf(first, sizeof(first), "%s", server.mails[0].text);
	run("UPDATE letter SET state = 'sending'");
	run("UPDATE notice SET state = 'queued', sent_us = 0, next = ''");
	begin(NULL);
	look(NOW + S);
	assert_int_equal(server.count, 2);
	assert_string_equal(server.mails[1].text, first); /* byte by byte, Message-ID too */
	assert_int_equal(hin_telling_stats(telling).letters_again, 1);
	assert_int_equal(number("SELECT count(*) FROM notice_history WHERE action = 'again'"), 1);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	look(NOW + 2 * S);
	assert_int_equal(server.count, 2);
}

static void reminders_and_their_end(void **state)
{
	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	look(NOW);
	look(NOW + 13 * DAY);
	assert_int_equal(server.count, 1);
	look(NOW + 14 * DAY + S);
	assert_int_equal(server.count, 2);
	assert_non_null(strstr(server.mails[1].text, "In-Reply-To:"));
	assert_non_null(strstr(server.mails[1].text, "Reminder 1"));
	look(NOW + 28 * DAY);
	assert_int_equal(server.count, 2); /* twice as long until the next */
	look(NOW + 43 * DAY);
	assert_int_equal(server.count, 3);
	look(NOW + 200 * DAY);
	assert_int_equal(server.count, 4);
	look(NOW + 1000 * DAY);
	assert_int_equal(server.count, 4); /* three, and no more */
	assert_int_equal(number("SELECT reminders FROM notice"), 3);
}

/* Rows that say: sensor `first`.. watched from `from` on for `minutes`. */
static void watch(struct hin_store *store, uint8_t first, uint64_t sequence, int64_t from,
		  int minutes)
{
	struct hin_store_batch batch = { .epoch = 1, .sequence = sequence, .received_us = from };
	struct hin_observation row[64];
	enum hin_store_outcome outcome;
	struct hin_error err = { 0 };

	for (size_t i = 0; i < sizeof(batch.sensor); i++)
		batch.sensor[i] = (uint8_t)(first + i);
	for (int i = 0; i < minutes; i++)
		row[i] = (struct hin_observation){ .time_us = from + i * 60 * S,
						   .duration_us = 60 * S,
						   .kind = HIN_KIND_ROAD_ALIVE,
						   .packets = 1 };
	if (hin_store_append(store, &batch, row, (size_t)minutes, &outcome, &err) != HIN_OK ||
	    hin_store_sync(store, &err) != HIN_OK)
		fail_msg("%s", err.text);
}

static void fixed_when_watched_for_long_enough(void **state)
{
	static const char *const more[] = { "alert.to=mail:soc@cert.example", NULL };
	struct hin_notice_figure *figures = NULL;
	struct hin_store *store = NULL;
	size_t count = 0;

	(void)state;
	begin(more);
	assert_int_equal(hin_store_open(&store, store_path, HIN_STORE_CREATE, NULL, NULL), HIN_OK);
	infected("192.0.2.7");
	look(NOW);
	watch(store, 1, 1, NOW, 30);
	look(NOW + 30 * 60 * S);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_int_equal(number("SELECT watched_us FROM notice"), 30 * 60 * S);
	/* hours in which it was blind, or another sensor watched, do not count */
	watch(store, 101, 1, NOW + 30 * 60 * S, 60);
	look(NOW + 5 * HOUR);
	assert_int_equal(number("SELECT watched_us FROM notice"), 30 * 60 * S);
	/* seen again: from the beginning */
	run("UPDATE finding SET last_us = last_us + 1860000000");
	watch(store, 1, 2, NOW + 5 * HOUR, 59);
	look(NOW + 6 * HOUR);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_int_equal(number("SELECT watched_us FROM notice"), 59 * 60 * S);
	smtp_clear(&server);
	watch(store, 1, 3, NOW + 6 * HOUR, 2);
	look(NOW + 6 * HOUR + 120 * S);
	look(NOW + 6 * HOUR + 121 * S);
	assert_string_equal(text("SELECT state FROM notice"), "fixed");
	assert_int_equal(server.count, 2); /* the owner, and the operator */
	assert_int_equal(number("SELECT count(*) FROM alert WHERE about = 'fixed' AND sent_us > 0"),
			 1);
	assert_int_equal(number("SELECT count(*) FROM case_history WHERE text LIKE '%no longer%'"),
			 1);
	assert_int_equal(
		hin_notice_figures(desk, HIN_NOTICE_BY_SECTOR, 0, 0, &figures, &count, NULL),
		HIN_OK);
	assert_int_equal(count, 1);
	assert_string_equal(figures[0].name, "government");
	assert_int_equal(figures[0].told, 1);
	assert_int_equal(figures[0].fixed, 1);
	assert_int_equal(figures[0].median_fix_us, 6 * HOUR + 120 * S);
	free(figures);
	/* what is told late of the time that was watched is no news */
	run("UPDATE finding SET last_us = last_us + 60000000");
	look(NOW + 6 * HOUR + 200 * S);
	assert_string_equal(text("SELECT state FROM notice"), "fixed");
	assert_int_equal(number("SELECT reappeared FROM notice"), 0);
	/* it comes back */
	smtp_clear(&server);
	run("UPDATE finding SET last_us = last_us + 86400000000");
	look(NOW + DAY);
	look(NOW + DAY + S);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_int_equal(number("SELECT reappeared FROM notice"), 1);
	assert_int_equal(server.count, 2);
	assert_int_equal(number("SELECT watched_us FROM notice"), 0);
	hin_store_close(store);
}

/* One sensor does not speak for another, nor for years, nor for times to come. */
static void every_sensor_must_have_watched(void **state)
{
	struct hin_store_batch batch = { .epoch = 1, .sequence = 7, .received_us = NOW };
	struct hin_observation forged[] = {
		{ .time_us = NOW, .duration_us = 40 * DAY, .kind = HIN_KIND_ROAD_ALIVE },
		{ .time_us = NOW + S, .duration_us = UINT64_MAX, .kind = HIN_KIND_ROAD_ALIVE },
		{ .time_us = NOW + HOUR, .duration_us = 40 * DAY, .kind = HIN_KIND_ROAD_ALIVE },
	};
	struct hin_store *store = NULL;
	enum hin_store_outcome outcome;

	(void)state;
	begin(NULL);
	assert_int_equal(hin_store_open(&store, store_path, HIN_STORE_CREATE, NULL, NULL), HIN_OK);
	infected("192.0.2.7");
	look(NOW);
	for (size_t i = 0; i < sizeof(batch.sensor); i++)
		batch.sensor[i] = (uint8_t)(1 + i);
	assert_int_equal(hin_store_append(store, &batch, forged, 3, &outcome, NULL), HIN_OK);
	assert_int_equal(hin_store_sync(store, NULL), HIN_OK);
	look(NOW + 120 * S);
	assert_int_equal(number("SELECT watched_us FROM notice"), 120 * S);
	look(NOW + 50 * 60 * S);
	assert_int_equal(number("SELECT watched_us FROM notice"), 301 * S);
	/* another sensor saw it too: what only one of them watched counts for nothing */
	run("UPDATE finding SET sensors = sensors || ' ' || "
	    "'65666768696a6b6c6d6e6f7071727374'");
	run("UPDATE notice SET watched_us = 0, watched_until_us = 1795347200000000");
	watch(store, 1, 8, NOW + 2 * HOUR, 60);
	watch(store, 1, 9, NOW + 3 * HOUR, 60);
	watch(store, 101, 1, NOW + 2 * HOUR, 20);
	look(NOW + 2 * HOUR + 30 * 60 * S);
	assert_int_equal(number("SELECT watched_us FROM notice"), 20 * 60 * S);
	look(NOW + 4 * HOUR + 60 * 60 * S);
	assert_int_equal(number("SELECT watched_us FROM notice"), 20 * 60 * S);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	hin_store_close(store);
}

static void many_go_together(void **state)
{
	char address[32];

	(void)state;
	begin(NULL);
	for (int i = 1; i <= 30; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		infected(address);
	}
	look(NOW);
	assert_int_equal(number("SELECT count(*) FROM notice WHERE state = 'sent'"), 30);
	assert_int_equal(server.count, 1);
	assert_non_null(strstr(server.mails[0].text, "Subject: 30 notices about your network"));
	assert_non_null(strstr(server.mails[0].text, "hinomi-notices.csv"));
	assert_int_equal(number("SELECT instr(cast(bytes AS TEXT), 'Content-Type: text/csv') > 0 "
				"FROM letter"),
			 1);
}

static void a_contact_has_its_share(void **state)
{
	static const char *const more[] = { "notice.per-contact=2", NULL };
	char address[32];

	(void)state;
	begin(more);
	for (int i = 1; i <= 5; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		infected(address);
		look(NOW + i * S);
	}
	assert_int_equal(server.count, 2);
	look(NOW + DAY + 2 * HOUR);
	assert_int_equal(server.count, 3); /* the other three in one */
	assert_int_equal(number("SELECT count(*) FROM notice WHERE state = 'sent'"), 5);
	assert_true(hin_telling_stats(telling).limited > 0);
}

static void quiet_hours_and_digests(void **state)
{
	(void)state;
	begin(NULL);
	run("UPDATE contact SET quiet = '18:00-09:00 +09:00'"); /* it is 18:33 there */
	infected("192.0.2.7");
	look(NOW);
	look(NOW + 14 * HOUR);
	assert_int_equal(server.count, 0);
	look(NOW + 15 * HOUR);
	assert_int_equal(server.count, 1);
	run("UPDATE contact SET quiet = '', digest = 'day'"); /* at 9 in the morning */
	infected("192.0.2.8");
	infected("192.0.2.9");
	look(NOW + 16 * HOUR);
	assert_int_equal(server.count, 1);
	look(NOW + 24 * HOUR);
	assert_int_equal(server.count, 2);
}

static void other_channels(void **state)
{
	(void)state;
	begin(NULL);
	add_contact(organisation, "abuse", "xarf", "xarf@city.example");
	add_contact(organisation, "abuse", "csv", "csv@city.example");
	infected("192.0.2.7");
	look(NOW);
	look(NOW + S);
	assert_int_equal(server.count, 3);
	assert_int_equal(number("SELECT count(*) FROM letter WHERE channel = 'xarf' AND "
				"instr(cast(bytes AS TEXT), 'profile=\"xarf\"') > 0"),
			 1);
	assert_int_equal(number("SELECT count(*) FROM letter WHERE channel = 'csv' AND "
				"instr(cast(bytes AS TEXT), 'text/csv') > 0"),
			 1);
	assert_int_equal(number("SELECT count(DISTINCT code) FROM notice"), 3);
}

static void false_alarms_are_taken_back(void **state)
{
	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	look(NOW);
	run("UPDATE case_ SET state = 'false_alarm'");
	look(NOW + S);
	assert_string_equal(text("SELECT state FROM notice"), "withdrawn");
	look(NOW + 2 * S);
	assert_int_equal(server.count, 2);
	assert_non_null(strstr(server.mails[1].text, "Taken back"));
	run("UPDATE finding SET last_us = last_us + 1000000");
	look(NOW + 3 * S);
	assert_int_equal(number("SELECT count(*) FROM notice"), 1);
}

/* Who was told is not told that it was a mistake, is not reminded, and hears that it is over. */
static void suppressed_is_no_mistake(void **state)
{
	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	look(NOW);
	run("UPDATE case_ SET state = 'suppressed', reason = 'they need two weeks'");
	look(NOW + S);
	look(NOW + 100 * DAY);
	assert_int_equal(server.count, 1);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
	assert_int_equal(number("SELECT count(*) FROM notice_todo"), 0);
}

/* What was not sent does not go. */
static void suppressed_before_it_went(void **state)
{
	static const char *const approve[] = { "notice.approve=yes", NULL };

	(void)state;
	begin(approve);
	infected("192.0.2.7");
	look(NOW);
	assert_string_equal(text("SELECT state FROM notice"), "held");
	run("UPDATE case_ SET state = 'suppressed'");
	look(NOW + S);
	assert_string_equal(text("SELECT state FROM notice"), "withdrawn");
	assert_int_equal(server.count, 0);
	assert_int_equal(number("SELECT count(*) FROM act WHERE object LIKE '%suppressed%'"), 1);
}

static void a_preview_is_what_goes_out(void **state)
{
	struct hin_buffer out = { 0 };
	bool final = false;

	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	server.end_answer = "451 later";
	look(NOW);
	assert_int_equal(hin_telling_preview(telling, desk, 1, NOW, &out, &final, NULL), HIN_OK);
	assert_true(final);
	server.end_answer = NULL;
	look(NOW + 200 * S);
	assert_int_equal(server.count, 1);
	assert_string_equal(server.mails[0].text, out.data);
	hin_buffer_reset(&out);
	assert_int_equal(hin_telling_preview(telling, desk, 1, NOW, &out, &final, NULL), HIN_OK);
	assert_false(final);
	assert_non_null(strstr(out.data, "Reminder 1"));
	hin_buffer_fini(&out);
}

static void a_view_has_both_languages(void **state)
{
	static const char *const mute[] = { "notice.send=no", "mail.from=", NULL };
	struct hin_telling_view v = { 0 };
	struct hin_error err = { 0 };

	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	server.end_answer = "451 later";
	look(NOW);
	assert_int_equal(hin_telling_view(telling, desk, 1, NOW, &v, &err), HIN_OK);
	assert_true(v.final && !v.made[HIN_EN] && v.made[HIN_JA]);
	assert_int_equal(v.held, HIN_TELLING_NOT_HELD);
	assert_string_equal(v.to, "abuse@city.example");
	assert_string_equal(v.purpose, "notice");
	assert_string_equal(hin_buffer_text(&v.text[HIN_EN]), text("SELECT body FROM notice"));
	assert_string_equal(hin_buffer_text(&v.title[HIN_EN]), text("SELECT title FROM notice"));
	assert_non_null(strstr(hin_buffer_text(&v.text[HIN_JA]), "例市役所"));
	assert_non_null(strstr(hin_buffer_text(&v.text[HIN_JA]), text("SELECT code FROM notice")));
	hin_telling_view_fini(&v);

	server.end_answer = NULL;
	look(NOW + 200 * S);
	v = (struct hin_telling_view){ 0 };
	assert_int_equal(hin_telling_view(telling, desk, 1, NOW + 201 * S, &v, &err), HIN_OK);
	assert_string_equal(v.purpose, "reminder"); /* what comes next */
	assert_false(v.final);
	assert_non_null(strstr(hin_buffer_text(&v.title[HIN_EN]), "Reminder 1"));
	hin_telling_view_fini(&v);
	run("UPDATE notice SET next = ''");
	v = (struct hin_telling_view){ 0 };
	assert_int_equal(hin_telling_view(telling, desk, 1, NOW + 201 * S, &v, &err), HIN_OK);
	assert_true(v.final && v.sent_us != 0); /* what went */
	assert_string_equal(hin_buffer_text(&v.message), server.mails[0].text);
	hin_telling_view_fini(&v);

	begin(mute);
	infected("192.0.2.8");
	look(NOW);
	v = (struct hin_telling_view){ 0 };
	assert_int_equal(hin_telling_view(telling, desk, 2, NOW, &v, &err), HIN_OK);
	assert_int_equal(v.held, HIN_TELLING_SEND_OFF);
	assert_int_equal(v.message.used, 0);
	assert_true(v.text[HIN_EN].used > 100 && v.text[HIN_JA].used > 100);
	hin_telling_view_fini(&v);
	v = (struct hin_telling_view){ 0 };
	assert_int_equal(hin_telling_view(telling, desk, 99, NOW, &v, &err), HIN_ENOENT);
	hin_telling_view_fini(&v);
}

static enum hin_code note_made(void *user, struct hin_desk *d, const struct hin_telling_made *made,
			       struct hin_error *err)
{
	(void)d, (void)err;
	*(struct hin_telling_made *)user = *made;
	return HIN_OK;
}

static enum hin_code make_by_hand(int64_t case_id, bool release, bool dry,
				  struct hin_telling_made *made)
{
	struct hin_error err = { 0 };

	*made = (struct hin_telling_made){ 0 };
	return hin_telling_make(telling, desk, case_id, 7, NOW, release, dry, note_made, made,
				&err);
}

static void a_person_has_notices_made(void **state)
{
	static const char *const approve[] = { "notice.approve=yes", "notice.kinds=scanner", NULL };
	struct hin_telling_made made;
	struct wish weak = { .kind = "infected-member",
			     .address = "192.0.2.7",
			     .organisation = organisation,
			     .port = 23,
			     .last_us = NOW,
			     .severity = "high" };
	struct wish strange = { .kind = "attacked-service",
				.address = "203.0.113.5",
				.last_us = NOW,
				.severity = "low" };
	struct wish wide = {
		.kind = "rising-port", .address = "203.0.113.6", .last_us = NOW, .severity = "low"
	};

	(void)state;
	begin(approve);
	add_finding(&weak); /* of a kind that nobody is told of by itself */
	look(NOW);
	assert_int_equal(number("SELECT count(*) FROM notice"), 0);
	assert_int_equal(make_by_hand(1, false, true, &made), HIN_OK);
	assert_int_equal(made.made_count, 1);
	assert_int_equal(number("SELECT count(*) FROM notice"), 0); /* it was only looked at */
	assert_int_equal(number("SELECT count(*) FROM act"), 0);
	assert_int_equal(hin_telling_stats(telling).notices, 0);

	assert_int_equal(make_by_hand(1, false, false, &made), HIN_OK);
	assert_int_equal(made.made_count, 1);
	assert_string_equal(text("SELECT state FROM notice"), "held");
	assert_int_equal(number("SELECT count(*) FROM act WHERE account = 7 AND id = (SELECT act "
				"FROM notice)"),
			 1);
	assert_int_equal(make_by_hand(1, false, false, &made), HIN_EVERIFY); /* once */

	add_finding(&strange); /* a stranger's: in the queue without owner */
	assert_int_equal(make_by_hand(2, true, false, &made), HIN_OK);
	assert_string_equal(text("SELECT state FROM notice WHERE case_id = 2"), "no_owner");
	add_finding(&wide);
	assert_int_equal(make_by_hand(3, false, false, &made), HIN_EDENIED);
	assert_int_equal(make_by_hand(99, false, false, &made), HIN_ENOENT);

	weak.address = "192.0.2.9";
	add_finding(&weak);
	run("UPDATE case_ SET state = 'false_alarm' WHERE id = 4");
	assert_int_equal(make_by_hand(4, true, false, &made), HIN_EDENIED);
	run("UPDATE case_ SET state = 'open' WHERE id = 4");
	assert_int_equal(make_by_hand(4, true, false, &made), HIN_OK); /* and let go at once */
	assert_string_equal(text("SELECT state FROM notice WHERE case_id = 4"), "queued");
	look(NOW + S);
	assert_int_equal(server.count, 1);
}

static void a_contact_that_is_none_is_seen(void **state)
{
	struct hin_telling_made made;

	(void)state;
	begin(NULL);
	run("UPDATE contact SET address = 'nowhere at all'");
	infected("192.0.2.7");
	assert_int_equal(make_by_hand(1, false, true, &made), HIN_OK);
	assert_string_equal(text("SELECT state FROM contact"), "ok");
	assert_int_equal(make_by_hand(1, false, false, &made), HIN_OK);
	assert_string_equal(text("SELECT state FROM contact"), "unreadable");
	assert_string_equal(text("SELECT state FROM notice"), "no_owner");
}

static void codes(void **state)
{
	struct hin_notice_check check;
	char code[HIN_NOTICE_CODE], other[HIN_NOTICE_CODE];
	struct hin_buffer out = { 0 };

	(void)state;
	for (int i = 0; i < 300; i++) {
		size_t at = (size_t)i % 14;
		char changed[HIN_NOTICE_CODE];

		assert_int_equal(hin_notice_code_make(code, NULL), HIN_OK);
		assert_int_equal(hin_notice_code_parse(other, code, NULL), HIN_OK);
		assert_string_equal(code, other);
		strcpy(changed, code);
		if (changed[at] != '-') {
			changed[at] = changed[at] == '7' ? '8' : '7';
			assert_int_equal(hin_notice_code_parse(other, changed, NULL), HIN_EVERIFY);
		}
		strcpy(changed, code);
		if (at > 0 && code[at] != code[at - 1] && code[at] != '-' && code[at - 1] != '-') {
			changed[at] = code[at - 1];
			changed[at - 1] = code[at];
			assert_int_equal(hin_notice_code_parse(other, changed, NULL), HIN_EVERIFY);
		}
	}
	assert_int_equal(hin_notice_code_parse(other, "too short", NULL), HIN_EFORMAT);
	assert_int_equal(hin_notice_code_parse(other, "AAAA-AAAA-AAAU", NULL), HIN_EFORMAT);
	begin(NULL);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(hin_notice_verify(desk, code, &check, NULL), HIN_ENOENT);
	assert_int_equal(hin_notice_verify(desk,
					   text("SELECT lower(replace(code, '-', ' ')) FROM "
						"notice"),
					   &check, NULL),
			 HIN_OK);
	assert_string_equal(check.state, "open");
	assert_string_equal(check.subject, "192.*.2.7"); /* covered but for its ends */
	hin_notice_verify_text(&check, HIN_JA, &out);
	assert_non_null(strstr(out.data, "本物です"));
	hin_buffer_fini(&out);
}

static void lists_and_json(void **state)
{
	struct hin_notice_filter filter = { .state = "sent" };
	struct hin_buffer out = { 0 };

	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(hin_notice_json(desk, 1, &out, NULL), HIN_OK);
	assert_non_null(strstr(out.data, "\"history\":[{"));
	assert_non_null(strstr(out.data, "\"letters\":[{"));
	hin_buffer_reset(&out);
	assert_int_equal(hin_notice_list_json(desk, &filter, &out, NULL), HIN_OK);
	assert_non_null(strstr(out.data, "\"subject\":\"192.0.2.7\""));
	hin_buffer_reset(&out);
	filter.organisation = 77; /* another member sees nothing of it */
	assert_int_equal(hin_notice_list_json(desk, &filter, &out, NULL), HIN_OK);
	assert_string_equal(out.data, "[]");
	hin_buffer_fini(&out);
	assert_int_equal(hin_notice_json(desk, 5, &out, NULL), HIN_ENOENT);
}

static void threads_do_the_same(void **state)
{
	(void)state;
	begin(NULL);
	infected("192.0.2.7");
	assert_int_equal(hin_telling_start(telling, NULL), HIN_OK);
	hin_telling_wake(telling);
	for (int i = 0; i < 600; i++) {
		size_t count;

		pthread_mutex_lock(&server.lock);
		count = server.count;
		pthread_mutex_unlock(&server.lock);
		if (count > 0)
			break;
		usleep(50000);
	}
	hin_telling_close(telling);
	telling = NULL;
	assert_int_equal(server.count, 1);
	assert_string_equal(text("SELECT state FROM notice"), "sent");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_notice_for_a_trouble),
		TEST(in_japanese),
		TEST(nothing_goes_unless_switched_on),
		TEST(refuses_what_is_not_understood),
		TEST(a_bad_template_has_its_line),
		TEST(nobody_known_is_a_queue),
		TEST(a_contact_that_appears_later),
		TEST(a_parent_with_a_contact_is_named),
		TEST(names_of_the_directory_cannot_break_out),
		TEST(a_mailbox_that_is_gone),
		TEST(another_contact_takes_over),
		TEST(put_off_and_tried_again),
		TEST(given_up_after_days),
		TEST(a_stop_in_the_middle),
		TEST(reminders_and_their_end),
		TEST(fixed_when_watched_for_long_enough),
		TEST(every_sensor_must_have_watched),
		TEST(many_go_together),
		TEST(a_contact_has_its_share),
		TEST(quiet_hours_and_digests),
		TEST(other_channels),
		TEST(false_alarms_are_taken_back),
		TEST(suppressed_is_no_mistake),
		TEST(suppressed_before_it_went),
		TEST(a_preview_is_what_goes_out),
		TEST(a_view_has_both_languages),
		TEST(a_person_has_notices_made),
		TEST(a_contact_that_is_none_is_seen),
		TEST(codes),
		TEST(lists_and_json),
		TEST(threads_do_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
