/* persona - see persona.h */
#include "decoy/host/persona.h"

#include <stdlib.h>
#include <unistd.h>

#include "decoy/host/organisation_priv.h"
#include "observe/registry.h"

struct line_reader persona_lines(struct hin_persona *p, const struct hin_config_list *list,
				 const char *setting, const char *form, unsigned least,
				 unsigned most, struct hin_error *err)
{
	return (struct line_reader){ .arena = &p->arena,
				     .file = p->file,
				     .setting = setting,
				     .form = form,
				     .least = least,
				     .most = most,
				     .list = list,
				     .err = err };
}

enum hin_code persona_room(struct hin_persona *p, void *out, size_t count, size_t size,
			   struct hin_error *err)
{
	void *room = hin_arena_array(&p->arena, count > 0 ? count : 1, size);

	if (room == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", p->file);
	memcpy(out, &room, sizeof(room));
	return HIN_OK;
}

/* ---- sources ---- */

static const char *const source_names[] = { "server", "capture", "standard", "made-up", NULL };

static bool is_setting_group(const char *name)
{
	size_t size = strlen(name);

	for (size_t i = 0; i < persona_table.count; i++) {
		const char *row = persona_table.rows[i].name;

		if (strncmp(row, name, size) == 0 && (row[size] == '.' || row[size] == '\0'))
			return true;
	}
	return false;
}

static enum hin_code read_sources(struct hin_persona *p, struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.sources;
	struct line_reader in = persona_lines(p, list, "sources", "SETTINGS KIND TEXT", 3, 3, err);
	enum hin_code code = persona_room(p, &p->sources, list->count, sizeof(*p->sources), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		struct hin_persona_source *o = &p->sources[in.at - 1];

		o->of = in.words[0];
		o->kind = (enum hin_source)line_choice(&in, 1, "kind", source_names);
		o->text = in.words[2];
		if (!is_setting_group(o->of))
			line_fail(&in, HIN_EFORMAT, "no setting begins with \"%.40s\"", o->of);
	}
	p->source_count = list->count;
	return in.code;
}

static bool has_source(const struct hin_persona *p, const char *name)
{
	for (size_t i = 0; i < p->source_count; i++)
		if (strcmp(p->sources[i].of, name) == 0)
			return true;
	return false;
}

/* What it says at its ports and in its shell must come from somewhere. */
static enum hin_code check_sources(struct hin_persona *p, struct hin_error *err)
{
	const struct {
		const char *name;
		bool used;
	} groups[] = {
		{ "ssh", p->speaks_ssh },
		{ "telnet", p->speaks_telnet },
		{ "ports.open", p->settings.open.count > 0 },
		{ "files", p->settings.files.count > 0 },
		{ "machine", true },
	};

	for (size_t i = 0; i < HIN_COUNT(groups); i++)
		if (groups[i].used && !has_source(p, groups[i].name))
			return hin_fail(err, HIN_EFORMAT,
					"%s: sources: nothing says where \"%s\" comes from",
					p->file, groups[i].name);
	return HIN_OK;
}

bool hin_persona_is_observed(const struct hin_persona *p)
{
	for (size_t i = 0; i < p->source_count; i++)
		if (p->sources[i].kind == HIN_SOURCE_MADE_UP)
			return false;
	return true;
}

const struct hin_persona_source *hin_persona_source_at(const struct hin_persona *p, size_t index)
{
	return index < p->source_count ? &p->sources[index] : NULL;
}

/* ---- ports ---- */

static int by_port(const void *a, const void *b)
{
	const struct hin_persona_port *x = a, *y = b;

	return x->port < y->port ? -1 : x->port > y->port;
}

/* Read the first words of a port; those before `out` are known. */
static void read_port(const struct hin_persona *p, struct line_reader *in,
		      struct hin_persona_port *out)
{
	const struct hin_word *word =
		hin_registry_named(HIN_REGISTRY_SERVICES, in->words[1], strlen(in->words[1]));

	out->port = (uint16_t)line_number(in, 0, "port", 1, 65535);
	if (word == NULL && strcmp(in->words[1], "-") != 0)
		line_fail(in, HIN_EFORMAT, "no service is called \"%.40s\"", in->words[1]);
	out->service = word != NULL ? (uint16_t)word->number : 0;
	for (const struct hin_persona_port *other = p->ports; other < out; other++)
		if (other->port == out->port)
			line_fail(in, HIN_EFORMAT, "port %u stands there twice", out->port);
}

static void read_served(struct hin_persona *p, struct line_reader *in, struct hin_persona_port *out)
{
	read_port(p, in, out);
	out->answer = HIN_PORT_SERVED;
	if (out->service == HIN_SERVICE_SSH)
		p->speaks_ssh = true;
	else if (out->service == HIN_SERVICE_TELNET)
		p->speaks_telnet = true;
	else
		line_fail(in, HIN_EUNSUPPORTED, "\"%.40s\" is not served yet; ssh and telnet are",
			  in->words[1]);
}

static enum hin_code read_ports(struct hin_persona *p, struct hin_error *err)
{
	struct persona_settings *s = &p->settings;
	struct line_reader served =
		persona_lines(p, &s->served, "ports.served", "PORT SERVICE", 2, 2, err);
	struct line_reader open =
		persona_lines(p, &s->open, "ports.open", "PORT SERVICE BYTES", 2, 3, err);
	size_t count = s->served.count + s->open.count;
	enum hin_code code = persona_room(p, &p->ports, count, sizeof(*p->ports), err);
	uint32_t close_ms = (uint32_t)(s->open_close_ns / 1000000);

	if (code != HIN_OK)
		return code;
	while (line_next(&served))
		read_served(p, &served, &p->ports[p->port_count++]);
	while (served.code == HIN_OK && line_next(&open)) {
		struct hin_persona_port *port = &p->ports[p->port_count++];

		read_port(p, &open, port);
		port->answer = HIN_PORT_OPEN;
		port->close_ms = close_ms;
		if (open.count == 3)
			port->banner =
				line_bytes(&open, 2, &port->banner_size, &port->banner_chosen);
		if (port->banner_size > HIN_PERSONA_BANNER)
			line_fail(&open, HIN_ELIMIT, "more than %d bytes", HIN_PERSONA_BANNER);
	}
	if (served.code != HIN_OK || open.code != HIN_OK)
		return served.code != HIN_OK ? served.code : open.code;
	qsort(p->ports, p->port_count, sizeof(*p->ports), by_port);
	p->other.answer = (enum hin_port_answer)s->other;
	p->other.close_ms = close_ms;
	return HIN_OK;
}

const struct hin_persona_port *hin_persona_service(const struct hin_persona *p, uint16_t port)
{
	const struct hin_persona_port key = { .port = port }, *found = NULL;

	if (p->port_count > 0)
		found = bsearch(&key, p->ports, p->port_count, sizeof(key), by_port);
	return found != NULL ? found : &p->other;
}

size_t hin_persona_banner(const struct hin_persona_port *port, uint64_t random,
			  uint8_t out[HIN_PERSONA_BANNER])
{
	for (size_t i = 0; i < port->banner_size; i++) {
		bool chosen = port->banner_chosen != NULL && port->banner_chosen[i] != 0;

		/* what can be seen: a salt of MySQL has no other bytes */
		out[i] = chosen ? (uint8_t)(33 + (host_random(&random) >> 32) % 94)
				: port->banner[i];
	}
	return port->banner_size;
}

const struct hin_persona_port *hin_persona_port_at(const struct hin_persona *p, size_t index)
{
	return index < p->port_count ? &p->ports[index] : NULL;
}

/* ---- users ---- */

static enum hin_code read_users(struct hin_persona *p, struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.users;
	struct line_reader in = persona_lines(
		p, list, "users", "NAME:x:UID:GID:TEXT:HOME:SHELL as in /etc/passwd", 7, 7, err);
	enum hin_code code = persona_room(p, &p->users, list->count, sizeof(*p->users), err);

	if (code == HIN_OK)
		code = persona_room(p, &p->gecos, list->count, sizeof(*p->gecos), err);
	if (code != HIN_OK)
		return code;
	in.separator = ':';
	while (line_next(&in)) {
		struct hin_host_user *o = &p->users[in.at - 1];

		*o = (struct hin_host_user){
			.name = in.words[0],
			.uid = (uint32_t)line_number(&in, 2, "user ID", 0, UINT32_MAX),
			.gid = (uint32_t)line_number(&in, 3, "group ID", 0, UINT32_MAX),
			.home = in.words[5],
			.shell = in.words[6],
		};
		p->gecos[in.at - 1] = in.words[4];
		if (o->name[0] == '\0' || o->home[0] != '/')
			line_fail(&in, HIN_EFORMAT, "a user has a name and a home folder");
	}
	p->user_count = list->count;
	return in.code;
}

static bool has_user(const struct hin_persona *p, const char *name)
{
	for (size_t i = 0; i < p->user_count; i++)
		if (strcmp(p->users[i].name, name) == 0)
			return true;
	return false;
}

static enum hin_code read_logins(struct hin_persona *p, struct hin_error *err)
{
	const struct hin_config_list *list = &p->settings.logins;
	struct line_reader in = persona_lines(p, list, "logins", "USER PASSWORD", 2, 2, err);
	enum hin_code code = persona_room(p, &p->logins, list->count, sizeof(*p->logins), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		struct persona_login *o = &p->logins[in.at - 1];

		o->user = in.words[0];
		o->password = strcmp(in.words[1], "*") == 0	 ? NULL
			      : strcmp(in.words[1], "\"\"") == 0 ? ""
								 : in.words[1];
		if (!has_user(p, o->user))
			line_fail(&in, HIN_EFORMAT, "it has no user \"%.40s\"", o->user);
	}
	p->login_count = list->count;
	return in.code;
}

/* ---- loading ---- */

static bool has_same_files(const struct hin_persona *p, const struct hin_persona *other)
{
	return !hin_config_differs(&persona_table, "files", &p->settings, &other->settings) &&
	       !hin_config_differs(&persona_table, "machine.hardware", &p->settings,
				   &other->settings);
}

/* Take the image of a persona with the same files, or make one. */
static enum hin_code load_files(struct hin_persona *p, const char *folder,
				struct hin_persona *const *others, size_t count,
				struct hin_error *err)
{
	for (size_t i = 0; i < count; i++) {
		if (!has_same_files(p, others[i]))
			continue;
		p->image = others[i]->image;
		p->shares = true;
		p->file_count = others[i]->file_count;
		p->machine.packages = others[i]->machine.packages;
		p->machine.package_count = others[i]->machine.package_count;
		return HIN_OK;
	}
	return persona_files_make(p, folder, others, count, err);
}

/* The lines that have been read are not kept twice. */
static enum hin_code forget_lines(struct hin_persona *p, struct hin_error *err)
{
	static const char *const lists[] = {
		"sources=",	    "users=",
		"logins=",	    "ports.served=",
		"ports.open=",	    "machine.mounts=",
		"machine.disks=",   "machine.processes=",
		"machine.sockets=", "machine.services=",
	};
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < HIN_COUNT(lists) && code == HIN_OK; i++)
		code = hin_config_set(&persona_table, &p->settings, lists[i], err);
	return code;
}

/* Make of the settings what they say, but for the files. */
static enum hin_code read_all(struct hin_persona *p, struct hin_error *err)
{
	struct hin_error cause;
	enum hin_code code;

	if (p->settings.title == NULL || p->settings.title[0] == '\0')
		return hin_fail(err, HIN_EFORMAT, "%s: title: what is it called?", p->file);
	code = read_sources(p, err);
	if (code == HIN_OK)
		code = read_ports(p, err);
	if (code == HIN_OK)
		code = check_sources(p, err);
	if (code == HIN_OK)
		code = read_users(p, err);
	if (code == HIN_OK)
		code = read_logins(p, err);
	if (code == HIN_OK)
		code = persona_machine_make(p, err);
	if (code != HIN_OK || !p->speaks_telnet)
		return code;
	code = hin_telnet_profile_prepare(&p->settings.telnet, &cause);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "%s: %s", p->file, cause.text);
}

static enum hin_code load(struct hin_persona *p, const char *folder,
			  struct hin_persona *const *others, size_t count, struct hin_error *err)
{
	enum hin_code code = hin_config_load(&persona_table, &p->settings, p->file, err);

	if (code == HIN_OK)
		code = read_all(p, err);
	if (code == HIN_OK)
		code = load_files(p, folder, others, count, err);
	return code == HIN_OK ? forget_lines(p, err) : code;
}

static enum hin_code begin(struct hin_persona **out, const char *name, const char *file,
			   struct hin_error *err)
{
	struct hin_persona *p = calloc(1, sizeof(*p));
	enum hin_code code;

	if (p == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for persona %s", name);
	p->file = hin_arena_strdup(&p->arena, file);
	p->name = hin_arena_strdup(&p->arena, name);
	code = p->file != NULL && p->name != NULL
		       ? hin_config_init(&persona_table, &p->settings, err)
		       : hin_fail(err, HIN_ENOMEM, "no memory for persona %s", name);
	if (code == HIN_OK)
		*out = p;
	else
		hin_persona_free(p);
	return code;
}

enum hin_code persona_parse(struct hin_persona **out, const char *name, const void *yaml,
			    size_t yaml_size, char *files, size_t files_size, struct hin_error *err)
{
	struct hin_persona *p = NULL;
	enum hin_code code = begin(&p, name, name, err);

	if (code == HIN_OK)
		code = hin_config_parse(&persona_table, &p->settings, name, yaml, yaml_size, err);
	if (code == HIN_OK)
		code = read_all(p, err);
	if (code == HIN_OK) {
		p->image = hin_fs_image_new();
		code = p->image == NULL
			       ? hin_fail(err, HIN_ENOMEM, "%s: no memory for its files", name)
			       : persona_files_add(p, "files", files, files_size, err);
	}
	if (code == HIN_OK)
		code = hin_fs_image_freeze(p->image, err);
	if (code == HIN_OK)
		code = forget_lines(p, err);
	if (code == HIN_OK)
		*out = p;
	else
		hin_persona_free(p);
	return code;
}

/* Is it one part of a path, and nothing that hides? */
static bool is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL && strlen(name) < 100;
}

enum hin_code persona_load(struct hin_persona **out, const char *folder, const char *name,
			   struct hin_persona *const *others, size_t count, struct hin_error *err)
{
	struct hin_persona *p = NULL;
	struct hin_buffer path = { 0 };
	enum hin_code code;

	hin_buffer_printf(&path, "%s/%s.yaml", folder, name);
	if (path.failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for persona %s", name);
	else if (!is_name(name) || access(path.data, F_OK) != 0)
		code = hin_fail(err, HIN_ENOENT, "no persona is called \"%.60s\" in %s", name,
				folder);
	else
		code = begin(&p, name, path.data, err);
	hin_buffer_fini(&path);
	if (code == HIN_OK)
		code = load(p, folder, others, count, err);
	if (code == HIN_OK)
		*out = p;
	else
		hin_persona_free(p);
	return code;
}

enum hin_code hin_persona_load(struct hin_persona **out, const char *folder, const char *name,
			       struct hin_error *err)
{
	return persona_load(out, folder, name, NULL, 0, err);
}

void hin_persona_free(struct hin_persona *p)
{
	if (p == NULL)
		return;
	if (!p->shares)
		hin_fs_image_free(p->image);
	hin_config_fini(&persona_table, &p->settings);
	free(p->packages);
	hin_arena_fini(&p->arena);
	free(p);
}

const char *hin_persona_name(const struct hin_persona *p)
{
	return p->name;
}

const char *hin_persona_title(const struct hin_persona *p, enum hin_lang lang)
{
	const char *ja = p->settings.title_ja;

	return lang == HIN_JA && ja != NULL && ja[0] != '\0' ? ja : p->settings.title;
}

const struct hin_ssh_profile *hin_persona_ssh(const struct hin_persona *p)
{
	return p->speaks_ssh ? &p->settings.ssh : NULL;
}

const struct hin_telnet_profile *hin_persona_telnet(const struct hin_persona *p)
{
	return p->speaks_telnet ? &p->settings.telnet : NULL;
}

const struct hin_fs_image *hin_persona_image(const struct hin_persona *p)
{
	return p->image;
}

const struct hin_shell_machine *hin_persona_machine(const struct hin_persona *p)
{
	return &p->machine;
}
