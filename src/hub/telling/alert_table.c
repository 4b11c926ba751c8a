/* alert_table - the on-call table, line by line; see alert.h */
#include <stdio.h>
#include <string.h>

#include "hub/telling/alert.h"
#include "net/mail.h"
#include "net/syslog.h"
#include "net/webhook.h"

#define LINE 1024

static enum hin_code read_address(struct hin_alert_route *r, const char *text,
				  struct hin_error *err)
{
	static const struct {
		const char *prefix;
		enum hin_alert_channel channel;
	} channels[] = {
		{ "mail:", HIN_ALERT_MAIL },
		{ "webhook:", HIN_ALERT_WEBHOOK },
		{ "syslog:", HIN_ALERT_SYSLOG },
	};

	for (size_t i = 0; i < HIN_COUNT(channels); i++) {
		size_t size = strlen(channels[i].prefix);

		if (strncmp(text, channels[i].prefix, size) != 0)
			continue;
		r->channel = channels[i].channel;
		if (snprintf(r->address, sizeof(r->address), "%s", text + size) >=
		    (int)sizeof(r->address))
			return hin_fail(err, HIN_ELIMIT, "alert.to: an address is too long");
		switch (r->channel) {
		case HIN_ALERT_MAIL:
			return hin_mail_address_check(r->address, err);
		case HIN_ALERT_WEBHOOK: /* private ones are judged when it is sent */
			return hin_webhook_check(r->address, true, err);
		default:
			return hin_syslog_check(r->address, err);
		}
	}
	return hin_fail(err, HIN_EFORMAT,
			"alert.to: \"%.80s\" begins with none of mail:, webhook:, syslog:", text);
}

/* The words behind an address: name=value. */
static enum hin_code read_word(struct hin_alert_route *r, const char *word, const char **zone,
			       struct hin_error *err)
{
	const char *value = strchr(word, '=');
	size_t size = value != NULL ? (size_t)(value - word) : 0;

	value = value != NULL ? value + 1 : "";
	if (size == 8 && strncmp(word, "severity", size) == 0)
		return hin_severity_parse(&r->least, value)
			       ? HIN_OK
			       : hin_fail(err, HIN_EFORMAT,
					  "alert.to: severity is low, medium, high or critical, "
					  "not \"%.40s\"",
					  value);
	if (size == 4 && strncmp(word, "when", size) == 0) {
		r->always = false;
		return hin_hours_parse(&r->duty, value, false, err);
	}
	if (size == 5 && strncmp(word, "quiet", size) == 0)
		return hin_hours_parse(&r->quiet, value, false, err);
	if (size == 4 && strncmp(word, "zone", size) == 0) {
		*zone = value;
		return HIN_OK;
	}
	if (size == 8 && strncmp(word, "language", size) == 0)
		return hin_lang_parse(&r->lang, value, err);
	return hin_fail(
		err, HIN_EFORMAT,
		"alert.to: \"%.60s\" is none of severity=, when=, quiet=, zone=, language=", word);
}

enum hin_code hin_alert_table_add(struct hin_alert_table *table, const char *line,
				  struct hin_error *err)
{
	struct hin_alert_route *r = &table->routes[table->count];
	char copy[LINE], *rest = copy, *word;
	const char *zone = NULL;
	enum hin_code code = HIN_OK;
	bool first = true;

	if (table->count == HIN_ALERT_ROUTES)
		return hin_fail(err, HIN_ELIMIT, "alert.to: more than %d lines", HIN_ALERT_ROUTES);
	if (snprintf(copy, sizeof(copy), "%s", line) >= (int)sizeof(copy))
		return hin_fail(err, HIN_ELIMIT, "alert.to: a line is too long");
	*r = (struct hin_alert_route){ .always = true };
	while (code == HIN_OK && (word = strsep(&rest, " \t")) != NULL) {
		if (word[0] == '\0')
			continue;
		code = first ? read_address(r, word, err) : read_word(r, word, &zone, err);
		first = false;
	}
	if (code == HIN_OK && first)
		code = hin_fail(err, HIN_EFORMAT, "alert.to: an empty line");
	if (code == HIN_OK && zone != NULL) {
		r->duty.zone = hin_zone_of(zone, err);
		r->quiet.zone = hin_zone_ref(r->duty.zone);
		if (r->duty.zone == NULL)
			code = HIN_EFORMAT;
	}
	if (code != HIN_OK) {
		hin_hours_fini(&r->duty);
		hin_hours_fini(&r->quiet);
		return code;
	}
	table->count++;
	return HIN_OK;
}

void hin_alert_table_fini(struct hin_alert_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++) {
		hin_hours_fini(&table->routes[i].duty);
		hin_hours_fini(&table->routes[i].quiet);
	}
	*table = (struct hin_alert_table){ 0 };
}
