/* telling_set - settings, and what is made of them before anything goes out; see telling_priv.h */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/file.h"
#include "hub/telling/telling_priv.h"
#include "hub/telling/telling_settings.h"

#define SECRET 4096	       /* bytes of a file with a password */
#define PEM ((size_t)64 << 10) /* and with certificates */
#define AUTHORITIES ((size_t)8 << 20)

/* Rows of our part alone: for a copy, and its end. */
static const struct hin_setting rows[] = { HIN_TELLING_ROWS(0) };
static const struct hin_config_table table = { rows, HIN_COUNT(rows) };

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* The first line of a private file. */
static enum hin_code read_secret(char **out, const char *path, const char *what,
				 struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	if (given(path)) {
		code = hin_file_read_private(&text, path, SECRET, &why);
		if (code != HIN_OK)
			code = hin_fail(err, code, "%s: %s", what, why.text);
	}
	if (code == HIN_OK) {
		*out = strndup(hin_buffer_text(&text), strcspn(hin_buffer_text(&text), "\r\n"));
		if (*out == NULL)
			code = hin_fail(err, HIN_ENOMEM, "%s", what);
	}
	if (text.data != NULL)
		explicit_bzero(text.data, text.size);
	hin_buffer_fini(&text);
	return code;
}

static enum hin_code open_signer(struct telling *t, struct hin_error *err)
{
	struct hin_buffer certificate = { 0 }, key = { 0 };
	enum hin_code code;

	if (!given(t->s.mail_certificate) && !given(t->s.mail_key))
		return HIN_OK;
	if (!given(t->s.mail_certificate) || !given(t->s.mail_key))
		return hin_fail(err, HIN_EFORMAT,
				"mail.certificate and mail.key: one needs the other");
	code = hin_file_read(&certificate, t->s.mail_certificate, PEM, err);
	if (code == HIN_OK)
		code = hin_file_read_private(&key, t->s.mail_key, PEM, err);
	if (code == HIN_OK)
		code = hin_mail_signer_open(&t->signer, hin_buffer_text(&certificate),
					    hin_buffer_text(&key), hin_time_now_ns() / HIN_NS_PER_S,
					    err);
	if (key.data != NULL)
		explicit_bzero(key.data, key.size);
	hin_buffer_fini(&certificate);
	hin_buffer_fini(&key);
	return code;
}

/* They are read with each connection: say now when they cannot be. */
static enum hin_code check_authorities(const struct telling *t, struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	struct hin_error why = { 0 };
	enum hin_code code = hin_file_read(&text, t->s.mail_ca, AUTHORITIES, &why);

	hin_buffer_fini(&text);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "mail.ca: %s", why.text);
}

/* What must be right before anything may go out. */
static enum hin_code check_mail(struct telling *t, struct hin_error *err)
{
	const struct {
		const char *name, *address;
	} addresses[] = { { "mail.from", t->s.mail_from },
			  { "mail.reply-to", t->s.mail_reply },
			  { "mail.bounce", t->s.mail_bounce } };
	bool mails = t->s.send;
	struct hin_error why = { 0 };
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < HIN_COUNT(addresses) && code == HIN_OK; i++)
		if (given(addresses[i].address)) {
			code = hin_mail_address_check(addresses[i].address, &why);
			if (code != HIN_OK)
				code = hin_fail(err, code, "%s: %s", addresses[i].name, why.text);
		}
	for (size_t i = 0; i < t->table.count; i++)
		mails = mails || t->table.routes[i].channel == HIN_ALERT_MAIL;
	if (code == HIN_OK && t->s.send && !given(t->s.organisation))
		code = hin_fail(err, HIN_EFORMAT,
				"notice.sender: notices need the name of who sends them");
	if (code == HIN_OK && mails && !given(t->s.mail_from))
		code = hin_fail(err, HIN_EFORMAT, "mail.from: mail needs an address to come from");
	if (code == HIN_OK && given(t->s.mail_ca))
		code = check_authorities(t, err);
	if (code == HIN_OK && mails)
		code = telling_mailer(t, &t->notices, err);
	return code;
}

static enum hin_code check_lists(struct telling *t, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < t->s.kinds.count && code == HIN_OK; i++)
		if (hin_notice_text_of(t->s.kinds.items[i]) == HIN_NOTICE_TEXT_COUNT)
			code = hin_fail(err, HIN_EFORMAT,
					"notice.kinds: owners are not told of \"%.60s\"",
					t->s.kinds.items[i]);
	for (size_t i = 0; i < t->s.alert_to.count && code == HIN_OK; i++) {
		struct hin_alert_route *r = &t->table.routes[t->table.count];

		code = hin_alert_table_add(&t->table, t->s.alert_to.items[i], err);
		if (code == HIN_OK && r->channel == HIN_ALERT_WEBHOOK)
			code = hin_webhook_check(r->address, t->s.hook_private, err);
	}
	return code;
}

static void set_office(struct telling *t)
{
	t->office = (struct hin_notice_office){
		.sender = given(t->s.organisation) ? t->s.organisation : "hinomi",
		.contact = given(t->s.contact) ? t->s.contact : NULL,
		.verify = given(t->s.verify_url) ? t->s.verify_url : NULL,
		.mail = given(t->s.mail_from) ? t->s.mail_from : "nobody@localhost",
		.domain = given(t->s.mail_from) ? hin_mail_domain(t->s.mail_from) : "localhost",
		.watched_ns = t->s.watched_ns,
	};
	if (getrandom(&t->notices.seed, sizeof(t->notices.seed), 0) < 0 || t->notices.seed == 0)
		t->notices.seed = 1;
	t->alerts.seed = t->notices.seed ^ 0x9e3779b97f4a7c15u;
	if (t->alerts.seed == 0)
		t->alerts.seed = 1;
}

static void clear(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

static void telling_free(struct telling *t)
{
	struct telling_channels *channels[] = { &t->notices, &t->alerts };

	for (size_t i = 0; i < HIN_COUNT(channels); i++) {
		hin_mailer_close(channels[i]->mailer);
		hin_webhook_close(channels[i]->hook);
	}
	hin_store_close(t->reader);
	hin_mail_signer_close(t->signer);
	hin_notice_texts_close(t->texts);
	hin_alert_table_fini(&t->table);
	hin_config_fini(&table, &t->s);
	clear(t->password);
	clear(t->secret);
	free(t);
}

void telling_unref(struct telling *t)
{
	bool last;

	if (t == NULL)
		return;
	pthread_mutex_lock(&t->of->lock);
	last = --t->refs == 0;
	pthread_mutex_unlock(&t->of->lock);
	if (last)
		telling_free(t);
}

enum hin_code telling_new(struct telling **out, struct hin_telling *of,
			  const struct hin_telling_settings *settings, struct hin_error *err)
{
	struct telling *t = calloc(1, sizeof(*t));
	enum hin_code code;

	if (t == NULL)
		return hin_fail(err, HIN_ENOMEM, "telling");
	t->of = of;
	t->refs = 1;
	code = hin_config_copy(&table, &t->s, sizeof(t->s), settings, err);
	if (code == HIN_OK) {
		set_office(t);
		code = hin_notice_texts_open(&t->texts, t->s.templates, err);
	}
	if (code == HIN_OK)
		code = read_secret(&t->password, t->s.mail_password_file, "mail.password-file",
				   err);
	if (code == HIN_OK)
		code = read_secret(&t->secret, t->s.hook_secret_file, "webhook.secret-file", err);
	if (code == HIN_OK)
		code = open_signer(t, err);
	if (code == HIN_OK)
		code = check_lists(t, err);
	if (code == HIN_OK)
		code = check_mail(t, err);
	if (code != HIN_OK) {
		telling_free(t);
		return code;
	}
	*out = t;
	return HIN_OK;
}
