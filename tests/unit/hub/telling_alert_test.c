/* telling_alert_test - alerts to operators, and other settings while letters go out */
#include "../net/pki.h"
#include "telling_fixture.h"

/* ---- alerts ---- */

static void alerts(void **state)
{
	static const char *const more[] = {
		"alert.to=mail:soc@cert.example severity=medium,mail:boss@cert.example "
		"severity=critical",
		"alert.per-hour=3", "notice.send=no", NULL
	};
	char address[32];

	(void)state;
	begin(more);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	assert_non_null(strstr(server.mails[0].text, "Subject: [high] new: "));
	run("UPDATE case_ SET severity = 'critical'");
	look(NOW + S);
	assert_int_equal(server.count, 3);
	run("UPDATE case_ SET updated_us = updated_us + 1");
	look(NOW + 2 * S);
	assert_int_equal(server.count, 3);
	for (int i = 20; i < 30; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i);
		infected(address);
		look(NOW + i * S);
	}
	assert_int_equal(server.count, 4); /* one more, then the share is used up */
	look(NOW + HOUR + 60 * S);
	assert_int_equal(server.count, 5); /* the other nine in one message */
	assert_int_equal(number("SELECT count(*) FROM alert WHERE sent_us = 0"), 0);
	assert_non_null(strstr(server.mails[4].text, "(+8)"));
}

/* Who reads Japanese reads the owner's name in it, where it is known. */
static void owners_are_named_in_the_language(void **state)
{
	static const char *const more[] = { "alert.to=mail:soc@cert.example language=ja,"
					    "mail:noc@cert.example",
					    "notice.send=no", NULL };

	(void)state;
	begin(more);
	run("UPDATE organisation SET name_ja = '例市'");
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(number("SELECT count(*) FROM alert WHERE instr(text, '例市') > 0 AND "
				"language = 'ja'"),
			 1);
	assert_int_equal(number("SELECT count(*) FROM alert WHERE instr(text, 'Example City') > 0 "
				"AND language = 'en'"),
			 1);
	run("UPDATE organisation SET name_ja = ''");
	infected("192.0.2.8");
	look(NOW + S);
	assert_int_equal(number("SELECT count(*) FROM alert WHERE instr(text, 'Example City')"), 3);
}

/* A doubt that becomes certain within a moment is one alert, not two. */
static void one_alert_for_one_moment(void **state)
{
	static const char *const more[] = { "alert.to=mail:soc@cert.example", "notice.send=no",
					    NULL };

	(void)state;
	begin(more);
	infected("192.0.2.7");
	run("UPDATE case_ SET severity = 'medium'");
	assert_int_equal(hin_telling_alert(telling, desk, NOW, NULL), HIN_OK);
	run("UPDATE case_ SET severity = 'high'");
	assert_int_equal(hin_telling_alert(telling, desk, NOW + 100000, NULL), HIN_OK);
	assert_int_equal(server.count, 0);
	assert_int_equal(hin_telling_alert(telling, desk, NOW + S, NULL), HIN_OK);
	assert_int_equal(server.count, 1);
	assert_non_null(strstr(server.mails[0].text, "Subject: [high] new: "));
	run("UPDATE case_ SET severity = 'critical'");
	assert_int_equal(hin_telling_alert(telling, desk, NOW + 2 * S, NULL), HIN_OK);
	assert_int_equal(server.count, 2);
	assert_non_null(strstr(server.mails[1].text, "Subject: [critical] worse: "));
}

static void put(const char *name, const char *text, char out[160])
{
	snprintf(out, 160, "%s/%s", folder, name);
	assert_int_equal(hin_file_replace(out, text, strlen(text), 0600, NULL), HIN_OK);
}

/* What operators get is signed as what owners get; a changed letter is known. */
static void alerts_are_signed(void **state)
{
	struct pki_entity id = pki_make("signer", NULL, NULL, NULL, -60, 365 * 86400);
	char certificate[160], key[160], mail[160], command[700], lines[2][200];
	const char *const more[] = { "alert.to=mail:soc@cert.example", "notice.send=no", lines[0],
				     lines[1], NULL };
	char *text, *word;

	(void)state;
	put("signer.pem", id.certificate_pem, certificate);
	put("signer.key", id.key_pem, key);
	snprintf(lines[0], sizeof(lines[0]), "mail.certificate=%s", certificate);
	snprintf(lines[1], sizeof(lines[1]), "mail.key=%s", key);
	begin(more);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	text = server.mails[0].text;
	snprintf(command, sizeof(command),
		 "openssl smime -verify -noverify -in %s/mail -out /dev/null 2>/dev/null", folder);
	put("mail", text, mail);
	assert_int_equal(system(command), 0);
	word = strstr(text, "192.0.2.7"); /* of the subject, which is not signed */
	word = word != NULL ? strstr(strstr(text, "\r\n\r\n"), "192.0.2.7") : NULL;
	assert_non_null(word);
	word[0] = '2';
	put("mail", text, mail);
	assert_int_not_equal(system(command), 0);
	pki_free(&id);
}

/* ---- other settings ---- */

static enum hin_code change(const char *const *more, struct hin_error *err)
{
	struct hin_telling_settings s;
	enum hin_code code;

	read_settings(&s, more, err);
	code = hin_telling_prepare(telling, &s, err);
	hin_config_fini(&table, &s);
	return code;
}

static void goes_on_by_other_settings(void **state)
{
	static const char *const before[] = { "alert.to=mail:soc@cert.example", NULL };
	static const char *const after[] = { "alert.to=mail:night@cert.example",
					     "mail.from=new@cert.example", "notice.sender=New CERT",
					     NULL };
	struct hin_error err = { 0 };

	(void)state;
	begin(before);
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 2);
	assert_int_equal(change(after, &err), HIN_OK);
	/* nothing is in force yet, and what was prepared can be forgotten */
	infected("192.0.2.8");
	look(NOW + S);
	assert_int_equal(server.count, 4);
	hin_telling_adopt(telling, false);
	infected("192.0.2.9");
	look(NOW + 2 * S);
	assert_int_equal(server.count, 6);
	for (size_t i = 0; i < 6; i++)
		assert_null(strstr(server.mails[i].text, "new@cert.example"));
	assert_int_equal(change(after, &err), HIN_OK);
	hin_telling_adopt(telling, true);
	infected("192.0.2.10");
	look(NOW + 3 * S);
	assert_int_equal(server.count, 8);
	for (size_t i = 6; i < 8; i++) {
		assert_non_null(strstr(server.mails[i].text, "new@cert.example"));
		assert_null(strstr(server.mails[i].text, "hinomi@cert.example"));
	}
	assert_string_equal(server.mails[7].to, "night@cert.example");
	assert_non_null(strstr(server.mails[6].text, "New CERT"));
}

static void wrong_settings_change_nothing(void **state)
{
	static const struct {
		const char *line, *says;
	} wrong[] = {
		{ "mail.certificate=/nonexistent", "mail.certificate" },
		{ "mail.ca=/nonexistent", "mail.ca" },
		{ "alert.to=mail:soc@cert.example severity=unheard", "alert.to" },
		{ "notice.kinds=weather", "notice.kinds" },
		{ "notice.templates=/nonexistent", "notice.templates" },
	};
	struct hin_error err = { 0 };

	(void)state;
	begin(NULL);
	for (size_t i = 0; i < HIN_COUNT(wrong); i++) {
		const char *const more[] = { "mail.from=new@cert.example", wrong[i].line, NULL };

		if (change(more, &err) == HIN_OK || strstr(err.text, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].line, err.text);
		hin_telling_adopt(telling, true); /* there is nothing to adopt */
	}
	infected("192.0.2.7");
	look(NOW);
	assert_int_equal(server.count, 1);
	assert_null(strstr(server.mails[0].text, "new@cert.example"));
}

static size_t received(void)
{
	size_t count;

	pthread_mutex_lock(&server.lock);
	count = server.count;
	pthread_mutex_unlock(&server.lock);
	return count;
}

/* Threads at work while settings change again and again: each letter goes once, none is lost. */
static void nothing_is_lost_at_work(void **state)
{
	enum { LETTERS = 30 };
	static const char *const turns[2][3] = {
		{ "mail.from=one@cert.example", "notice.per-contact=1000", NULL },
		{ "mail.from=two@cert.example", "notice.per-contact=1000", NULL }
	};
	struct hin_error err = { 0 };
	char address[32];

	(void)state;
	begin(turns[0]);
	assert_int_equal(hin_telling_start(telling, NULL), HIN_OK);
	for (int i = 0; i < LETTERS; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i + 1);
		run("BEGIN IMMEDIATE");
		infected(address);
		run("COMMIT");
		hin_telling_wake(telling);
		assert_int_equal(change(turns[i % 2], &err), HIN_OK);
		hin_telling_adopt(telling, true);
		usleep(5000);
	}
	for (int i = 0; i < 1200 && (received() == 0 || number("SELECT count(*) FROM notice WHERE "
							       "state = 'sent'") < LETTERS);
	     i++)
		usleep(50000);
	hin_telling_close(telling);
	telling = NULL;
	assert_int_equal(number("SELECT count(*) FROM notice WHERE state = 'sent'"), LETTERS);
	assert_int_equal(number("SELECT count(*) FROM letter WHERE attempts <> 1"), 0);
	assert_int_equal(number("SELECT count(*) FROM letter"), server.count);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alerts),
		TEST(owners_are_named_in_the_language),
		TEST(one_alert_for_one_moment),
		TEST(alerts_are_signed),
		TEST(goes_on_by_other_settings),
		TEST(wrong_settings_change_nothing),
		TEST(nothing_is_lost_at_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
