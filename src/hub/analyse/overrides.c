/* overrides - see overrides.h */
#include "hub/analyse/overrides.h"

#include <stdio.h>
#include <string.h>

static const struct hin_setting rows[] = { HIN_ANALYSE_ROWS(0) };

const struct hin_config_table hin_analyse_table = { rows, HIN_COUNT(rows) };

enum hin_code hin_overrides_apply(struct hin_desk *desk, struct hin_analyse_settings *settings,
				  unsigned *skipped, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk, "SELECT name || '=' || value FROM rule_setting ORDER BY name", err);
	enum hin_code code = s != NULL ? HIN_OK : HIN_EFORMAT;
	unsigned bad = 0;

	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK)
		bad += hin_config_set(&hin_analyse_table, settings, hin_desk_text(s, 0), NULL) !=
		       HIN_OK;
	if (skipped != NULL)
		*skipped = bad;
	return code == HIN_EOF ? HIN_OK : code;
}

static bool is_of_rule(const char *name)
{
	if (strncmp(name, "rule.", 5) != 0)
		return false;
	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

enum hin_code hin_overrides_set(struct hin_desk *desk, const char *name, const char *value,
				int64_t account, int64_t now_us, struct hin_error *err)
{
	struct hin_analyse_settings scratch = { 0 };
	char text[128 + HIN_OVERRIDE_VALUE];
	enum hin_code code;

	if (!is_of_rule(name))
		return hin_fail(err, HIN_ENOENT, "no rule has a setting \"%.80s\"", name);
	if (value == NULL)
		return hin_desk_run(desk, err, "DELETE FROM rule_setting WHERE name = ?1", "t",
				    name);
	if (strlen(value) >= HIN_OVERRIDE_VALUE)
		return hin_fail(err, HIN_ERANGE, "a value of %s is longer than %d bytes", name,
				HIN_OVERRIDE_VALUE - 1);
	snprintf(text, sizeof(text), "%s=%s", name, value);
	code = hin_config_set(&hin_analyse_table, &scratch, text, err);
	if (code != HIN_OK)
		return code;
	return hin_desk_run(desk, err,
			    "INSERT INTO rule_setting (name, value, account, changed_us) VALUES "
			    "(?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET value = ?2, account "
			    "= ?3, changed_us = ?4",
			    "ttii", name, value, account, now_us);
}
