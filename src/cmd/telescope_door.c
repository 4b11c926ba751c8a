/* telescope_door - what a running telescope may still do; see telescope_priv.h */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "cmd/telescope_priv.h"

/* The folder of `path`, for a file that is replaced. */
static void folder_of(char out[PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(out, PATH_MAX, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
		 slash != NULL ? path : ".");
}

/* Such a folder must be writable by who we are now. */
static enum hin_code check_folder(const char *option, const char *path, struct hin_error *err)
{
	char folder[PATH_MAX];

	folder_of(folder, path);
	if (access(folder, W_OK | X_OK) != 0)
		return hin_fail(err, HIN_ESYS, "%s: folder %s must be writable (see --user)",
				option, folder);
	return HIN_OK;
}

/* What needed privileges is open: be someone who has none. */
static enum hin_code become_nobody(struct session *s, struct hin_sandbox *sandbox,
				   struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	enum hin_code code = hin_sandbox_no_dump(sandbox, err);

	if (code == HIN_OK)
		code = hin_sandbox_no_new_privs(sandbox, err);
	if (code == HIN_OK && a->live != NULL && geteuid() == 0)
		code = hin_sandbox_drop_user(sandbox, a->user != NULL ? a->user : "nobody", err);
	if (code == HIN_OK && a->live != NULL)
		code = hin_sandbox_drop_caps(sandbox, err);
	if (code == HIN_OK && a->state != NULL)
		code = check_folder("--state", a->state, err);
	if (code == HIN_OK && a->metrics != NULL)
		code = check_folder("--metrics", a->metrics, err);
	if (code == HIN_OK && a->road != NULL && access(a->road, R_OK | W_OK | X_OK) != 0)
		code = hin_fail(err, HIN_ESYS,
				"--road: folder %s must belong to who runs this (see --user)",
				a->road);
	return code;
}

/* What may be read behind the door. */
struct paths {
	const char **items;
	size_t count;
	char (*folders)[PATH_MAX];
	size_t folder_count;
};

/*
 * Files that a reload reads again: their folders, for an editor puts a new file in the place of the
 * old one.
 */
static void add_folders(struct paths *p, const struct text_list *list)
{
	struct hin_prefix prefix;

	for (size_t i = 0; i < list->count; i++) {
		if (hin_prefix_parse(&prefix, list->items[i], NULL) == HIN_OK)
			continue;
		folder_of(p->folders[p->folder_count], list->items[i]);
		p->items[p->count++] = p->folders[p->folder_count++];
	}
}

/* The inputs, what is read again, and what the C library reads to find a hub by its name. */
static enum hin_code collect_paths(struct paths *p, const struct telescope_arguments *a,
				   const char *const *inputs, size_t count, struct hin_error *err)
{
	static const char *const names[] = { "/etc/hosts",	   "/etc/resolv.conf",
					     "/etc/nsswitch.conf", "/etc/host.conf",
					     "/etc/gai.conf",	   "/etc/services",
					     "/etc/ssl",	   "/etc/ld.so.cache",
					     "/usr/lib",	   "/lib" };
	const struct text_list *again[] = { &a->dark,	  &a->member, &a->exclude,
					    &a->research, &a->geo,    &a->configs };
	size_t files = 0;

	for (size_t i = 0; i < HIN_COUNT(again); i++)
		files += again[i]->count;
	p->items = malloc((count + files + HIN_COUNT(names)) * sizeof(*p->items));
	p->folders = malloc((files + 1) * sizeof(*p->folders));
	if (p->items == NULL || p->folders == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the names of the inputs");
	for (size_t i = 0; i < count; i++)
		p->items[p->count++] = inputs[i];
	for (size_t i = 0; i < HIN_COUNT(again) && (a->live != NULL || a->follow); i++)
		add_folders(p, again[i]);
	for (size_t i = 0; i < HIN_COUNT(names) && a->road != NULL; i++)
		p->items[p->count++] = names[i];
	return HIN_OK;
}

/* Files: what is read later (many inputs are opened in their turn), and the folders written to. */
static enum hin_code limit_files(struct session *s, struct hin_sandbox *sandbox,
				 const char *const *inputs, size_t count, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	char state[PATH_MAX], key[PATH_MAX], metrics[PATH_MAX];
	const char *folders[5];
	struct paths read = { 0 };
	size_t n = 0;
	enum hin_code code = collect_paths(&read, a, inputs, count, err);

	if (a->state != NULL) {
		folder_of(state, a->state);
		folders[n++] = state;
	}
	if (a->key != NULL) {
		folder_of(key, a->key);
		folders[n++] = key;
	}
	if (a->metrics != NULL) {
		folder_of(metrics, a->metrics);
		folders[n++] = metrics;
	}
	if (a->vault != NULL)
		folders[n++] = a->vault;
	if (a->road != NULL)
		folders[n++] = a->road;
	if (code == HIN_OK)
		code = hin_sandbox_limit_files(sandbox, read.items, read.count, folders, n, err);
	free(read.items);
	free(read.folders);
	return code;
}

enum hin_code telescope_close_door(struct session *s, const char *const *inputs, size_t count,
				   struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_sandbox sandbox = { 0 };
	enum hin_code code = become_nobody(s, &sandbox, err);

	if (code == HIN_OK && a->vault != NULL) {
		code = hin_vault_open(&s->vault, a->vault, a->vault_bytes, a->vault_age_ns, true,
				      err);
		if (code == HIN_OK)
			code = hin_telescope_set_vault(s->telescope, s->vault, err);
	}
	if (code == HIN_OK)
		code = limit_files(s, &sandbox, inputs, count, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&sandbox,
					       a->road != NULL	 ? HIN_SANDBOX_CARRY
					       : a->live != NULL ? HIN_SANDBOX_CAPTURE
								 : HIN_SANDBOX_ANALYSE,
					       false, err);
	return code == HIN_OK && a->road != NULL ? telescope_open_road(s, err) : code;
}
