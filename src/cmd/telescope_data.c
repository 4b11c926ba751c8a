/* telescope_data - see telescope_data.h */
#include "cmd/telescope_data.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "telescope/picture.h"
#include "telescope/research.h"

/* ---- files ---- */

/* `must` = an empty one is a mistake. */
static enum hin_code load_space(struct hin_prefix_tree **out, const struct text_list *list,
				bool must, struct hin_error *err)
{
	struct hin_prefix_tree *tree;
	enum hin_code code = HIN_OK;

	if (list->count == 0)
		return HIN_OK;
	tree = hin_prefix_tree_new();
	if (tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	for (size_t i = 0; i < list->count && code == HIN_OK; i++)
		code = hin_prefix_tree_load(tree, list->items[i], 0, err);
	if (code == HIN_OK)
		code = hin_prefix_tree_build(tree, err);
	if (code == HIN_OK && must && hin_prefix_tree_size(tree).prefixes == 0)
		code = hin_fail(err, HIN_EFORMAT, "%s: holds no prefix", list->items[0]);
	if (code != HIN_OK) {
		hin_prefix_tree_free(tree);
		return code;
	}
	*out = tree;
	return HIN_OK;
}

/* Prefixes with names, as they are read from a file. */
struct named_reader {
	struct hin_prefix_tree *tree;
	struct telescope_names *names;
};

static enum hin_code name_prefix(void *user, const struct hin_prefix *prefix, const char *rest,
				 size_t line, struct hin_error *err)
{
	struct named_reader *r = user;
	char **more = realloc(r->names->items, (r->names->count + 2) * sizeof(*more));
	char *copy = strndup(rest, HIN_NAME_TEXT - 1);

	(void)line;
	if (more != NULL)
		r->names->items = more;
	if (more == NULL || copy == NULL) {
		free(copy);
		return hin_fail(err, HIN_ENOMEM, "no room for names");
	}
	more[r->names->count] = copy;
	more[r->names->count + 1] = NULL;
	return hin_prefix_tree_insert(r->tree, prefix, (uint32_t)r->names->count++, err);
}

/* A list of prefixes, or of files with a name behind each prefix. */
static enum hin_code load_named(struct hin_prefix_tree **out, struct telescope_names *names,
				const struct text_list *list, struct hin_error *err)
{
	struct named_reader reader = { .names = names };
	enum hin_code code = HIN_OK;

	if (list->count == 0)
		return HIN_OK;
	reader.tree = hin_prefix_tree_new();
	if (reader.tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	for (size_t i = 0; i < list->count && code == HIN_OK; i++) {
		struct hin_prefix prefix;

		if (hin_prefix_parse(&prefix, list->items[i], NULL) == HIN_OK)
			code = name_prefix(&reader, &prefix, "", 0, err);
		else if (strchr(list->items[i], '/') != NULL && access(list->items[i], F_OK) != 0)
			code = hin_prefix_parse(&prefix, list->items[i], err);
		else
			code = hin_prefix_file_read(list->items[i], name_prefix, &reader, err);
	}
	if (code == HIN_OK)
		code = hin_prefix_tree_build(reader.tree, err);
	if (code != HIN_OK) {
		hin_prefix_tree_free(reader.tree);
		return code;
	}
	*out = reader.tree;
	return HIN_OK;
}

static enum hin_code load_research(struct telescope_data *d, const struct text_list *list,
				   struct hin_error *err)
{
	struct named_reader reader = { .tree = hin_prefix_tree_new(), .names = &d->research_names };
	enum hin_code code;

	if (reader.tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	d->research = reader.tree;
	code = hin_research_read(name_prefix, &reader, err);
	for (size_t i = 0; i < list->count && code == HIN_OK; i++)
		code = hin_prefix_file_read(list->items[i], name_prefix, &reader, err);
	return code == HIN_OK ? hin_prefix_tree_build(reader.tree, err) : code;
}

static enum hin_code load_all(struct telescope_data *d, const struct telescope_arguments *a,
			      struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	hin_telescope_settings_default(&d->settings);
	for (size_t i = 0; i < a->configs.count && code == HIN_OK; i++)
		code = hin_config_load(&hin_telescope_table, &d->settings, a->configs.items[i],
				       err);
	if (code == HIN_OK)
		code = load_space(&d->dark, &a->dark, true, err);
	if (code == HIN_OK)
		code = load_named(&d->member, &d->member_names, &a->member, err);
	if (code == HIN_OK)
		code = load_space(&d->excluded, &a->exclude, false, err);
	if (code == HIN_OK)
		code = load_research(d, &a->research, err);
	if (code == HIN_OK && a->geo.count > TELESCOPE_GEO)
		code = hin_fail(err, HIN_EUSAGE, "--geo is given more than %d times",
				TELESCOPE_GEO);
	for (size_t i = 0; i < a->geo.count && code == HIN_OK; i++) {
		code = hin_geo_open(&d->geo[i], a->geo.items[i], err);
		d->geo_count += code == HIN_OK;
	}
	return code;
}

enum hin_code telescope_data_load(struct telescope_data *out, const struct telescope_arguments *a,
				  struct hin_error *err)
{
	struct telescope_data fresh = { 0 };
	enum hin_code code = load_all(&fresh, a, err);

	if (code != HIN_OK) {
		telescope_data_fini(&fresh);
		return code;
	}
	*out = fresh;
	return HIN_OK;
}

static void free_names(struct telescope_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

void telescope_data_fini(struct telescope_data *d)
{
	if (d == NULL)
		return;
	hin_prefix_tree_free(d->dark);
	hin_prefix_tree_free(d->member);
	hin_prefix_tree_free(d->excluded);
	hin_prefix_tree_free(d->research);
	for (size_t i = 0; i < d->geo_count; i++)
		hin_geo_close(d->geo[i]);
	free_names(&d->member_names);
	free_names(&d->research_names);
	*d = (struct telescope_data){ 0 };
}

/* ---- rules ---- */

/*
 * The prefixes of a hub, with `value`, and those of `own`, which win over the same of the hub.
 * `*out` stays NULL where there are none.
 */
static enum hin_code join_prefixes(struct hin_prefix_tree **out, const struct hin_prefix_tree *own,
				   const struct hin_config_list *list, uint32_t value,
				   struct hin_error *err)
{
	struct hin_prefix_tree *tree;
	struct hin_prefix prefix;
	enum hin_code code = HIN_OK;
	uint32_t name;

	if (own == NULL && (list == NULL || list->count == 0))
		return HIN_OK;
	tree = hin_prefix_tree_new();
	if (tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	for (size_t i = 0; list != NULL && i < list->count && code == HIN_OK; i++) {
		code = hin_prefix_parse(&prefix, list->items[i], err);
		if (code == HIN_OK)
			code = hin_prefix_tree_insert(tree, &prefix, value, err);
	}
	for (size_t i = 0;
	     own != NULL && code == HIN_OK && hin_prefix_tree_at(own, i, &prefix, &name); i++)
		code = hin_prefix_tree_insert(tree, &prefix, name, err);
	if (code == HIN_OK)
		code = hin_prefix_tree_build(tree, err);
	if (code != HIN_OK) {
		hin_prefix_tree_free(tree);
		return code;
	}
	*out = tree;
	return HIN_OK;
}

static enum hin_code take_thresholds(struct hin_telescope_settings *settings,
				     const struct hin_sensor_settings *hub, bool strict,
				     struct hin_error *err)
{
	for (size_t i = 0; i < hub->thresholds.count; i++) {
		struct hin_error why = { 0 };
		enum hin_code code =
			hin_telescope_settings_take(settings, hub->thresholds.items[i], &why);

		if (code == HIN_OK)
			continue;
		if (strict)
			return hin_fail(err, code, "settings %llu: %s",
					(unsigned long long)hub->version, why.text);
		hin_log(HIN_LOG_ERROR, "telescope.threshold_ignored",
			hin_log_u64("settings", hub->version), hin_log_text("error", why.text));
	}
	return HIN_OK;
}

static enum hin_code make_rules(struct telescope_rules *r, const struct telescope_arguments *a,
				const struct telescope_data *data,
				const struct hin_sensor_settings *hub, bool strict,
				struct hin_error *err)
{
	/* the hub knows no names: its prefixes point behind the last one, which is NULL */
	uint32_t nameless = (uint32_t)data->member_names.count;
	enum hin_code code = join_prefixes(&r->member, data->member,
					   hub != NULL ? &hub->members : NULL, nameless, err);

	if (code == HIN_OK)
		code = join_prefixes(&r->excluded, data->excluded,
				     hub != NULL ? &hub->exclusions : NULL, 0, err);
	r->settings = data->settings;
	if (code == HIN_OK && hub != NULL)
		code = take_thresholds(&r->settings, hub, strict, err);
	for (size_t i = 0; i < a->sets.count && code == HIN_OK; i++)
		code = hin_config_set(&hin_telescope_table, &r->settings, a->sets.items[i], err);
	if (code == HIN_OK && a->memory[0] != '\0')
		code = hin_config_set(&hin_telescope_table, &r->settings, a->memory, err);
	r->version = hub != NULL ? hub->version : 0;
	return code;
}

enum hin_code telescope_rules_make(struct telescope_rules *out, const struct telescope_arguments *a,
				   const struct telescope_data *data,
				   const struct hin_sensor_settings *hub, bool strict,
				   struct hin_error *err)
{
	struct telescope_rules fresh = { 0 };
	enum hin_code code = make_rules(&fresh, a, data, hub, strict, err);

	if (code != HIN_OK) {
		telescope_rules_fini(&fresh);
		return code;
	}
	*out = fresh;
	return HIN_OK;
}

enum hin_code telescope_rules_check(const struct hin_sensor_settings *hub, struct hin_error *err)
{
	struct hin_telescope_settings scratch;

	hin_telescope_settings_default(&scratch);
	return take_thresholds(&scratch, hub, true, err);
}

void telescope_rules_fini(struct telescope_rules *r)
{
	if (r == NULL)
		return;
	hin_prefix_tree_free(r->member);
	hin_prefix_tree_free(r->excluded);
	*r = (struct telescope_rules){ 0 };
}

void telescope_rules_set_log(const struct telescope_rules *r, const struct telescope_arguments *a)
{
	enum hin_log_level level = a->live != NULL && !a->quiet ? HIN_LOG_INFO : HIN_LOG_WARNING;

	if (r->settings.log != HIN_TELESCOPE_LOG_AUTO)
		level = (enum hin_log_level)(r->settings.log - HIN_TELESCOPE_LOG_ERROR);
	hin_log_setup(STDERR_FILENO, level);
}
