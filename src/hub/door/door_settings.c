/*
 * door_settings - the hub's settings for people to read: each with its value, range, default and
 * help. What opens something else is left out: a value under a secret's name, and of an address of
 * the web what stands behind the host, where services put tokens.
 */
#include "base/escape.h"
#include "hub/door/door.h"
#include "hub/hub_priv.h"

static bool is_secret(const char *name)
{
	static const char *const words[] = { "secret", "passphrase", "password", "token" };

	for (size_t i = 0; i < HIN_COUNT(words); i++)
		if (strstr(name, words[i]) != NULL)
			return true;
	return false;
}

static void put_text(struct hin_buffer *out, const char *text)
{
	const char *host = strstr(text, "://");
	size_t size = strlen(text);
	struct hin_buffer cut = { 0 };

	if (host == NULL) {
		hin_escape_json(out, text, size);
		return;
	}
	/* "https://user:pass@host/path?token": scheme and host alone */
	host += 3;
	size = strcspn(host, "/?# ");
	for (const char *at; (at = memchr(host, '@', size)) != NULL;) {
		size -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	hin_buffer_add(&cut, text, (size_t)(strstr(text, "://") + 3 - text));
	hin_buffer_add(&cut, host, size);
	hin_buffer_puts(&cut, host[size] != '\0' ? "/..." : "");
	hin_escape_json(out, hin_buffer_text(&cut), cut.used);
	hin_buffer_fini(&cut);
}

static void put_list(struct hin_buffer *out, const struct hin_config_list *list)
{
	hin_buffer_putc(out, '[');
	for (size_t i = 0; i < list->count; i++) {
		hin_buffer_puts(out, i > 0 ? "," : "");
		put_text(out, list->items[i]);
	}
	hin_buffer_putc(out, ']');
}

static void put_value(struct hin_buffer *out, const struct hin_setting *row, const void *settings)
{
	const void *target = (const char *)settings + row->offset;
	const char *text;
	struct hin_buffer value = { 0 };

	if (is_secret(row->name)) {
		hin_buffer_puts(out, "null");
		return;
	}
	switch (row->rule.type) {
	case HIN_VALUE_TEXT:
		text = *(char *const *)target;
		put_text(out, text != NULL ? text : "");
		return;
	case HIN_VALUE_LIST:
	case HIN_VALUE_PREFIXES:
		put_list(out, target);
		return;
	default:
		hin_value_write(&value, &row->rule, target);
		hin_escape_json(out, hin_buffer_text(&value), value.used);
		hin_buffer_fini(&value);
	}
}

static void put_pair(struct hin_buffer *out, const char *name, const char *text)
{
	hin_buffer_printf(out, ",\"%s\":", name);
	if (text == NULL)
		hin_buffer_puts(out, "null");
	else
		hin_escape_json(out, text, strlen(text));
}

static void put_row(struct hin_buffer *out, const struct hin_setting *row, const void *settings)
{
	bool text = row->rule.type == HIN_VALUE_TEXT || row->rule.type == HIN_VALUE_LIST ||
		    row->rule.type == HIN_VALUE_PREFIXES;
	struct hin_buffer range = { 0 };

	hin_buffer_puts(out, "{\"name\":");
	hin_escape_json(out, row->name, strlen(row->name));
	hin_buffer_puts(out, ",\"value\":");
	put_value(out, row, settings);
	hin_buffer_printf(out, ",\"secret\":%s", is_secret(row->name) ? "true" : "false");
	put_pair(out, "as_of", text ? "start" : "now");
	put_pair(out, "default", row->text != NULL ? row->text : "");
	if (!text)
		hin_value_describe(&range, &row->rule);
	put_pair(out, "range", text ? NULL : hin_buffer_text(&range));
	hin_buffer_fini(&range);
	put_pair(out, "help", row->help);
	put_pair(out, "help_ja", row->help_ja);
	put_pair(out, "source", row->source);
	hin_buffer_putc(out, '}');
}

void door_write_settings(void *user, struct hin_buffer *out)
{
	struct hin_hub *hub = user;

	pthread_mutex_lock(&hub->tuning);
	for (size_t i = 0; i < hin_hub_table.count; i++) {
		hin_buffer_puts(out, i > 0 ? ",\n" : "");
		put_row(out, &hin_hub_table.rows[i], &hub->settings);
	}
	pthread_mutex_unlock(&hub->tuning);
}
