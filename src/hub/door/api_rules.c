/* api_rules - the rules of analysis: told of with their words and settings, switched and tuned */
#include <stdio.h>

#include "base/escape.h"
#include "hub/analyse/analyse.h"
#include "hub/analyse/overrides.h"
#include "hub/door/api_priv.h"
#include "hub/door/api_rules.h"
#include "observe/registry.h"
#include "trust/act_numbers.h"

#define CHANGES 64 /* settings of one request */

bool api_rule_settings(struct api_call *call, struct hin_analyse_settings *file,
		       struct hin_analyse_settings *now)
{
	const struct hin_api_settings *s = &call->api->settings;
	struct hin_error err = { 0 };
	enum hin_code code = HIN_OK;

	if (s->rules != NULL)
		s->rules(s->user, file);
	else
		code = hin_config_init(&hin_analyse_table, file, &err);
	*now = *file;
	if (code == HIN_OK)
		code = hin_overrides_apply(call->desk, now, NULL, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return code == HIN_OK;
}

/* ---- one setting ---- */

static const char *type_of(const struct hin_setting *row)
{
	switch (row->rule.type) {
	case HIN_VALUE_BOOL:
		return "boolean";
	case HIN_VALUE_DURATION:
		return "duration";
	case HIN_VALUE_CHOICE:
		return "choice";
	default:
		return "number";
	}
}

static void write_value(struct hin_buffer *out, const char *name, const struct hin_setting *row,
			const struct hin_analyse_settings *settings)
{
	api_key(out, name);
	hin_buffer_putc(out, '"');
	hin_value_write(out, &row->rule, (const char *)settings + row->offset);
	hin_buffer_putc(out, '"');
}

/* Who changed it, when; null for what the file says. */
static enum hin_code write_change(struct api_call *call, const char *name, struct hin_error *err)
{
	struct hin_buffer *out = &call->out;
	sqlite3_stmt *s = hin_desk_statement(call->desk,
					     "SELECT r.account, a.name, r.changed_us FROM "
					     "rule_setting r LEFT JOIN account a ON a.id = "
					     "r.account WHERE r.name = ?1",
					     err);
	enum hin_code code = s != NULL ? hin_desk_bind(call->desk, s, err, "t", name) : HIN_EFORMAT;

	if (code == HIN_OK)
		code = hin_desk_step(call->desk, s, err);
	if (code == HIN_EOF) {
		api_text_or_null(out, "changed", NULL);
		return HIN_OK;
	}
	if (code != HIN_OK)
		return code;
	api_open(out, "changed", '{');
	api_number(out, "account", sqlite3_column_int64(s, 0));
	api_text(out, "account_name", hin_desk_text(s, 1));
	api_time(out, "time", sqlite3_column_int64(s, 2));
	hin_buffer_putc(out, '}');
	sqlite3_reset(s);
	return HIN_OK;
}

static enum hin_code write_setting(struct api_call *call, const struct hin_setting *row,
				   const struct hin_analyse_settings *file,
				   const struct hin_analyse_settings *now, struct hin_error *err)
{
	struct hin_buffer *out = &call->out, range = { 0 };
	enum hin_code code;

	api_open(out, NULL, '{');
	api_text(out, "name", row->name);
	api_text(out, "type", type_of(row));
	write_value(out, "value", row, now);
	write_value(out, "file", row, file);
	api_text(out, "default", row->text != NULL ? row->text : "");
	hin_value_describe(&range, &row->rule);
	api_text(out, "range", hin_buffer_text(&range));
	hin_buffer_fini(&range);
	api_text(out, "help", row->help);
	api_text(out, "help_ja", row->help_ja);
	api_text_or_null(out, "source", row->source);
	code = write_change(call, row->name, err);
	hin_buffer_putc(out, '}');
	return code;
}

/* ---- one rule ---- */

/* Is the setting one of the rule? */
static bool is_of(const struct hin_setting *row, const char *rule)
{
	size_t size = strlen(rule);

	return strncmp(row->name, "rule.", 5) == 0 && strncmp(row->name + 5, rule, size) == 0 &&
	       row->name[5 + size] == '.';
}

static void write_head(struct api_call *call, size_t at, const struct hin_analyse_settings *now)
{
	const struct hin_rule *rule = hin_rules[at];
	const struct hin_finding_kind *kind = hin_finding_kind_find(rule->finding);
	struct hin_buffer *out = &call->out;

	api_text(out, "name", kind->name);
	api_text(out, "text", kind->text[HIN_EN]);
	api_text(out, "text_ja", kind->text[HIN_JA]);
	api_text(out, "why", rule->why[HIN_EN]);
	api_text(out, "why_ja", rule->why[HIN_JA]);
	api_text(out, "subject", kind->subject);
	api_text_or_null(out, "technique", kind->technique);
	/* `on` comes first in every rule's struct */
	api_bool(out, "on", now->on && *(const bool *)((const char *)now + rule->settings));
	api_open(out, "kinds", '[');
	for (size_t i = 0; i < HIN_RULE_KINDS && rule->kinds[i] != 0; i++) {
		const struct hin_word *word = hin_registry_find(HIN_REGISTRY_KINDS, rule->kinds[i]);

		api_comma(out);
		if (word != NULL)
			hin_escape_json(out, word->name, strlen(word->name));
		else
			hin_buffer_printf(out, "\"%u\"", rule->kinds[i]);
	}
	hin_buffer_putc(out, ']');
}

/* What it did since the hub runs; null where no hub is. */
static void write_counts(struct api_call *call, size_t at)
{
	const struct hin_analyse *analyse = call->api->settings.analyse;
	const struct hin_analyse_rule_counters *c;
	struct hin_buffer *out = &call->out;

	if (analyse == NULL) {
		api_text_or_null(out, "since_start", NULL);
		return;
	}
	c = &hin_analyse_count(analyse)->rule[at];
	api_open(out, "since_start", '{');
	api_number(out, "rows", (int64_t)c->rows);
	api_number(out, "findings", (int64_t)c->found);
	api_number(out, "updates", (int64_t)c->updates);
	hin_buffer_putc(out, '}');
}

static enum hin_code write_rule(struct api_call *call, size_t at,
				const struct hin_analyse_settings *file,
				const struct hin_analyse_settings *now, struct hin_error *err)
{
	const char *name = hin_rule_name(hin_rules[at]);
	enum hin_code code = HIN_OK;

	api_open(&call->out, NULL, '{');
	write_head(call, at, now);
	write_counts(call, at);
	api_open(&call->out, "settings", '[');
	for (size_t i = 0; i < hin_analyse_table.count && code == HIN_OK; i++)
		if (is_of(&hin_analyse_table.rows[i], name))
			code = write_setting(call, &hin_analyse_table.rows[i], file, now, err);
	hin_buffer_puts(&call->out, "]}");
	return code;
}

static void handle_list(struct api_call *call)
{
	struct hin_analyse_settings file = { 0 }, now;
	struct hin_error err = { 0 };
	enum hin_code code = HIN_OK;

	if (!api_rule_settings(call, &file, &now))
		return;
	api_open(&call->out, NULL, '{');
	api_open(&call->out, "rules", '[');
	for (size_t i = 0; i < hin_rule_count && code == HIN_OK; i++)
		code = write_rule(call, i, &file, &now, &err);
	hin_buffer_puts(&call->out, "]}\n");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* The rule of the path; false and 404 when there is none. */
static bool path_rule(struct api_call *call, size_t *out)
{
	for (*out = 0; *out < hin_rule_count; ++*out)
		if (strcmp(hin_rule_name(hin_rules[*out]), call->path[0]) == 0)
			return true;
	api_refuse(call, 404, "not-found", "there is no such rule");
	return false;
}

static void give(struct api_call *call, size_t at)
{
	struct hin_analyse_settings file = { 0 }, now;
	struct hin_error err = { 0 };
	enum hin_code code;

	if (!api_rule_settings(call, &file, &now))
		return;
	code = write_rule(call, at, &file, &now, &err);
	hin_buffer_putc(&call->out, '\n');
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

static void handle_get(struct api_call *call)
{
	size_t at;

	if (path_rule(call, &at))
		give(call, at);
}

/* ---- switching ---- */

/* Write one change to the desk and to the act. */
static enum hin_code set_one(struct api_call *call, struct hin_buffer *object, const char *name,
			     const char *value, struct hin_error *err)
{
	enum hin_code code =
		hin_overrides_set(call->desk, name, value, call->who.account.id, call->now_us, err);

	if (value != NULL)
		api_text(object, name, value);
	else
		api_text_or_null(object, name, NULL);
	return code == HIN_ENOENT ? HIN_EUSAGE : code;
}

static enum hin_code change(struct api_call *call, void *user, struct hin_buffer *object,
			    struct hin_error *err)
{
	json_t *on = json_object_get(call->body, "on"), *value;
	json_t *settings = json_object_get(call->body, "settings");
	const char *rule = user, *key;
	char name[160];
	enum hin_code code = HIN_OK;

	api_text(object, "rule", rule);
	snprintf(name, sizeof(name), "rule.%s.on", rule);
	if (json_is_boolean(on))
		code = set_one(call, object, name, json_is_true(on) ? "yes" : "no", err);
	json_object_foreach(settings, key, value)
	{
		size_t size = strlen(rule);

		if (code != HIN_OK)
			break;
		if (strncmp(key, "rule.", 5) != 0 || strncmp(key + 5, rule, size) != 0 ||
		    key[5 + size] != '.')
			return hin_fail(err, HIN_EUSAGE, "\"%.80s\" is no setting of this rule",
					key);
		if (!json_is_null(value) && !json_is_string(value))
			return hin_fail(err, HIN_EUSAGE, "\"%.80s\" must be a text, or null", key);
		code = set_one(call, object, key, json_string_value(value), err);
	}
	return code;
}

bool api_is_settings(struct api_call *call, json_t *settings)
{
	if (settings == NULL || (json_is_object(settings) && json_object_size(settings) <= CHANGES))
		return true;
	api_refuse(call, 400, "settings", "\"settings\" must be an object of at most %d texts",
		   CHANGES);
	return false;
}

static void handle_change(struct api_call *call)
{
	bool good = api_body_only(call, "on settings");
	char rule[64];
	size_t at;

	if (!good || !path_rule(call, &at))
		return;
	(void)api_body_bool(call, "on", false, &good);
	if (!good || !api_is_settings(call, json_object_get(call->body, "settings")))
		return;
	if (json_object_size(call->body) == 0) {
		api_refuse(call, 400, "missing", "\"on\" or \"settings\" is needed");
		return;
	}
	snprintf(rule, sizeof(rule), "%s", hin_rule_name(hin_rules[at]));
	if (api_do_act(call, HIN_ACT_RULES, change, rule))
		give(call, at);
}

#define V "/api/v1"

const struct api_route api_rule_routes[] = {
	{ "GET", V "/rules", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ, "listRules",
	  "", 0, handle_list, NULL },
	{ "POST", V "/rules/replay", API_ACTORS, HIN_SCOPE_RULES, API_RATE_QUERY, API_LANE_WRITE,
	  "beginReplay", "", API_FLAG_BODY, api_replay_begin, NULL },
	{ "GET", V "/rules/replay", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "getReplay", "", 0, api_replay_get, NULL },
	{ "DELETE", V "/rules/replay", API_ACTORS, HIN_SCOPE_RULES, API_RATE_PLAIN, API_LANE_WRITE,
	  "endReplay", "", 0, api_replay_end, NULL },
	{ "GET", V "/rules/{name}", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "getRule", "", 0, handle_get, NULL },
	{ "PATCH", V "/rules/{name}", API_OPERATOR | API_ADMINISTRATOR, HIN_SCOPE_RULES,
	  API_RATE_PLAIN, API_LANE_WRITE, "changeRule", "", API_FLAG_BODY, handle_change, NULL },
};
const size_t api_rule_route_count = HIN_COUNT(api_rule_routes);
