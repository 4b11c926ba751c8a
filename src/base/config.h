/*
 * config - settings from a YAML file, by a table of rows.
 *
 * A row says name, rule, default, help and source; reading, checks, "did you mean", the list in the
 * manual and the template file come from it. Names have dots: "event.timeout" is `timeout` in the
 * mapping `event`, or the key "event.timeout" itself. Each mistake is refused with its line:
 * `sensor.yaml:14: unknown setting "evnt"; did you mean "event"?`
 *
 * A file is YAML 1.1 of one document without anchors, aliases and tags, within the limits below.
 *
 *	static const struct hin_setting rows[] = {
 *		{ "event.timeout", { HIN_VALUE_DURATION, HIN_NS_PER_MIN, HIN_NS_PER_DAY },
 *		  offsetof(struct settings, event_timeout_ns), "6h",
 *		  "silence that ends an event", "無通信でイベントを閉じる時間", "CAIDA 2023" },
 *	};
 *	static const struct hin_config_table table = { rows, HIN_COUNT(rows) };
 *
 * Ownership: the target struct is the caller's, zeroed, then hin_config_init(), at the end
 *            hin_config_fini(). Texts and lists in it belong to it.
 * Threads:   one thread at a time for each target.
 */
#pragma once
#include "base/lang.h"
#include "base/value.h"

#define HIN_CONFIG_SIZE ((size_t)1 << 20) /* bytes of a file */
#define HIN_CONFIG_DEPTH 8		  /* mappings in each other */
#define HIN_CONFIG_NAME 128		  /* bytes of a dotted name */
#define HIN_CONFIG_ITEMS 65536		  /* of a list */

/* The target of HIN_VALUE_LIST and HIN_VALUE_PREFIXES; that of HIN_VALUE_TEXT is a char *. */
struct hin_config_list {
	char **items;
	size_t count;
	uint32_t *lines; /* of its file, where each item stands; NULL when they come from none */
};

struct hin_setting {
	const char *name;
	struct hin_value_rule rule;
	size_t offset;	  /* of the target */
	const char *text; /* default, as after "name="; NULL = empty (texts and lists only) */
	const char *help, *help_ja;
	const char *source; /* where the default comes from, or NULL */
};

struct hin_config_table {
	const struct hin_setting *rows;
	size_t count;
};

/* Set all defaults in the zeroed struct at `into`. On failure nothing is held. */
HIN_MUST_USE enum hin_code hin_config_init(const struct hin_config_table *table, void *into,
					   struct hin_error *err);

/* Free what `into` holds; NULL is fine. */
void hin_config_fini(const struct hin_config_table *table, void *into);

/*
 * Copy the struct of `size` bytes at `from`, with its texts and lists, to `to`, which needs a
 * hin_config_fini() of its own. HIN_ENOMEM, and `to` holds nothing.
 */
HIN_MUST_USE enum hin_code hin_config_copy(const struct hin_config_table *table, void *to,
					   size_t size, const void *from, struct hin_error *err);

/* Does the setting `name` differ between two structs? An empty text and none are the same. */
bool hin_config_differs(const struct hin_config_table *table, const char *name, const void *a,
			const void *b);

/*
 * Read the file at `path` into `into`. HIN_ESYS, HIN_EFORMAT, HIN_ERANGE or HIN_ELIMIT, with file
 * and line in `err`; what stands before the mistake is set by then.
 */
HIN_MUST_USE enum hin_code hin_config_load(const struct hin_config_table *table, void *into,
					   const char *path, struct hin_error *err);

/* The same from memory; `name` stands for the file in messages. */
HIN_MUST_USE enum hin_code hin_config_parse(const struct hin_config_table *table, void *into,
					    const char *name, const void *data, size_t size,
					    struct hin_error *err);

/* Set one from "name=value", a list with commas between its items. */
HIN_MUST_USE enum hin_code hin_config_set(const struct hin_config_table *table, void *into,
					  const char *text, struct hin_error *err);

/* Append the settings for people: name, range, default, help, source, in 80 columns. */
void hin_config_print(const struct hin_config_table *table, enum hin_lang lang,
		      struct hin_buffer *out);

/* Append them as the rows of an mdoc(7) list. */
void hin_config_manual(const struct hin_config_table *table, enum hin_lang lang,
		       struct hin_buffer *out);

/* Append a YAML file that sets nothing and shows each setting with its default as a comment. */
void hin_config_template(const struct hin_config_table *table, enum hin_lang lang,
			 struct hin_buffer *out);
