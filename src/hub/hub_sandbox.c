/* hub_sandbox - what a hub must still reach once it has given up all else; see hub.h */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/hub_priv.h"

size_t hin_hub_folders(const struct hin_hub *hub, const char *folders[4])
{
	const char *bounces = hub->settings.telling.mail_bounces;
	size_t count = 0;

	folders[count++] = hub->folder;
	folders[count++] = hub->trust;
	folders[count++] = hub->store;
	if (bounces != NULL && bounces[0] != '\0')
		folders[count++] = bounces;
	return count;
}

static void add(struct hin_hub *hub, const char *path)
{
	for (size_t i = 0; i < hub->read_count; i++)
		if (strcmp(hub->reads[i], path) == 0)
			return;
	if (hub->read_count < HIN_HUB_READS)
		hub->reads[hub->read_count] = strdup(path);
	hub->read_count += hub->read_count < HIN_HUB_READS && hub->reads[hub->read_count] != NULL;
}

/*
 * The folder that a file lies in, not the file: who renews one writes another and renames it. A
 * link's folder and that of what it leads to.
 */
static void add_folder(struct hin_hub *hub, const char *path)
{
	char given[PATH_MAX], real[PATH_MAX];

	if (path == NULL || path[0] == '\0')
		return;
	if (snprintf(given, sizeof(given), "%s", path) < (int)sizeof(given))
		add(hub, dirname(given));
	if (realpath(path, real) != NULL)
		add(hub, dirname(real));
}

/* Words of "URL KEY CA" settings that are paths. */
static void add_authorities(struct hin_hub *hub, const struct hin_config_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *last = strrchr(list->items[i], ' ');

		if (last != NULL && strchr(last, '/') != NULL)
			add_folder(hub, last + 1);
	}
}

size_t hin_hub_reads(struct hin_hub *hub, const char *config, const char *const **reads)
{
	/* what the C library reads to find a server by its name, and TLS to check it */
	static const char *const names[] = { "/etc/hosts",
					     "/etc/resolv.conf",
					     "/etc/nsswitch.conf",
					     "/etc/host.conf",
					     "/etc/gai.conf",
					     "/etc/services",
					     "/etc/ssl",
					     "/usr/share/ca-certificates",
					     "/etc/ld.so.cache",
					     "/usr/lib",
					     "/lib",
					     "/dev/log",
					     "/run/systemd/journal" };
	const struct hin_telling_settings *t = &hub->settings.telling;
	const char *files[] = { config,
				hub->settings.people.certificate,
				hub->settings.people.key,
				t->mail_ca,
				t->mail_certificate,
				t->mail_key,
				t->mail_password_file,
				t->hook_secret_file };

	add(hub, "/proc/self");
	add(hub, "/usr/share/zoneinfo"); /* of contacts' quiet hours */
	for (size_t i = 0; i < HIN_COUNT(files); i++)
		add_folder(hub, files[i]);
	if (t->templates != NULL && t->templates[0] != '\0')
		add(hub, t->templates);
	for (size_t i = 0; i < hub->settings.people.decoys.count; i++)
		add(hub, hub->settings.people.decoys.items[i]);
	add_authorities(hub, &hub->settings.witnesses);
	for (size_t i = 0; i < HIN_COUNT(names) && hin_hub_sends(hub); i++)
		add(hub, names[i]);
	*reads = (const char *const *)hub->reads;
	return hub->read_count;
}

bool hin_hub_sends(const struct hin_hub *hub)
{
	return hub->sends;
}

bool hub_must_connect(const struct hin_hub_settings *s)
{
	return s->witnesses.count > 0 || s->peers.count > 0 || hin_telling_sends(&s->telling);
}
