/*
 * overrides - settings of rules that people changed while the hub runs: rows of the desk, which
 * stand above those of hub.yaml until they are taken back.
 *
 * Ownership: the caller's storage.
 * Threads:   those of the desk's handle.
 */
#pragma once
#include "hub/analyse/settings.h"
#include "hub/desk.h"

#define HIN_OVERRIDE_VALUE 64 /* longest value, with its NUL */

/* The settings of analysis and its rules alone, over a struct hin_analyse_settings. */
extern const struct hin_config_table hin_analyse_table;

/*
 * Set what the desk has in `settings`, which were those of the file. A row that is none any more,
 * as after an update, is left out and counted in `*skipped` (NULL is fine).
 */
HIN_MUST_USE enum hin_code hin_overrides_apply(struct hin_desk *desk,
					       struct hin_analyse_settings *settings,
					       unsigned *skipped, struct hin_error *err);

/*
 * In the open transaction: from now on `name` ("rule.scanner.targets") is `value`; NULL = what the
 * file says. HIN_ENOENT when no rule has such a setting, HIN_EFORMAT or HIN_ERANGE for a value that
 * it cannot have.
 */
HIN_MUST_USE enum hin_code hin_overrides_set(struct hin_desk *desk, const char *name,
					     const char *value, int64_t account, int64_t now_us,
					     struct hin_error *err);
