/* organisation - see organisation.h */
#include "decoy/host/organisation.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "decoy/host/organisation_priv.h"

static struct line_reader lines_of(struct hin_organisation *o, const struct hin_config_list *list,
				   const char *setting, const char *form, unsigned least,
				   unsigned most, struct hin_error *err)
{
	return (struct line_reader){ .arena = &o->arena,
				     .file = o->file,
				     .setting = setting,
				     .form = form,
				     .least = least,
				     .most = most,
				     .list = list,
				     .err = err };
}

static enum hin_code room(struct hin_organisation *o, void *out, size_t count, size_t size,
			  struct hin_error *err)
{
	void *memory = hin_arena_array(&o->arena, count > 0 ? count : 1, size);

	if (memory == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", o->file);
	memcpy(out, &memory, sizeof(memory));
	return HIN_OK;
}

/* ---- departments and people ---- */

static const struct department *find_department(const struct hin_organisation *o, const char *id)
{
	for (size_t i = 0; i < o->department_count; i++)
		if (strcmp(o->departments[i].id, id) == 0)
			return &o->departments[i];
	return NULL;
}

static enum hin_code read_departments(struct hin_organisation *o, struct hin_error *err)
{
	const struct hin_config_list *list = &o->settings.departments;
	struct line_reader in = lines_of(o, list, "departments", "ID JAPANESE ENGLISH", 3, 3, err);
	enum hin_code code = room(o, &o->departments, list->count, sizeof(*o->departments), err);

	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		if (find_department(o, in.words[0]) != NULL)
			line_fail(&in, HIN_EFORMAT, "\"%.40s\" stands there twice", in.words[0]);
		o->departments[o->department_count++] =
			(struct department){ in.words[0], in.words[2], in.words[1] };
	}
	return in.code;
}

/* Is it a name as useradd takes them? */
static bool is_login(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");

	return size > 0 && size <= 32 && name[size] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}

static enum hin_code read_people(struct hin_organisation *o, struct hin_error *err)
{
	const struct hin_config_list *list = &o->settings.people;
	struct line_reader in =
		lines_of(o, list, "people", "LOGIN NAME DEPARTMENT TITLE", 4, 4, err);
	enum hin_code code = room(o, &o->people, list->count, sizeof(*o->people), err);

	if (code == HIN_OK && list->count > ORGANISATION_PEOPLE)
		code = hin_fail(err, HIN_ELIMIT, "%s: people: more than %d", o->file,
				ORGANISATION_PEOPLE);
	if (code != HIN_OK)
		return code;
	while (line_next(&in)) {
		struct person *p = &o->people[o->person_count++];
		bool admin = strcmp(in.words[2], "*") == 0;

		*p = (struct person){ in.words[0], in.words[1], admin ? NULL : in.words[2],
				      in.words[3] };
		if (!is_login(p->login))
			line_fail(&in, HIN_EFORMAT, "\"%.40s\" is no name to log in with",
				  p->login);
		if (!admin && find_department(o, p->department) == NULL)
			line_fail(&in, HIN_EFORMAT, "there is no department \"%.40s\"",
				  p->department);
		for (size_t i = 0; i + 1 < o->person_count; i++)
			if (strcmp(o->people[i].login, p->login) == 0)
				line_fail(&in, HIN_EFORMAT, "\"%.40s\" stands there twice",
					  p->login);
	}
	return in.code;
}

/* ---- accounts ---- */

static bool has_account(const struct person *person, const struct hin_persona *p,
			const char *department)
{
	if (p->machine.dialect == HIN_SHELL_ASH)
		return false; /* nobody has a home on a router */
	return person->department == NULL || strcmp(person->department, department) == 0;
}

static enum hin_code make_accounts(struct hin_organisation *o, struct accounts *a,
				   struct hin_error *err)
{
	const struct hin_persona *p = a->persona;
	size_t count = p->user_count;
	enum hin_code code;

	for (size_t i = 0; i < o->person_count; i++)
		count += has_account(&o->people[i], p, a->department);
	code = room(o, &a->users, count, sizeof(*a->users), err);
	if (code == HIN_OK)
		code = room(o, &a->gecos, count, sizeof(*a->gecos), err);
	if (code == HIN_OK)
		code = room(o, &a->people, count, sizeof(*a->people), err);
	if (code != HIN_OK)
		return code;
	memcpy(a->users, p->users, p->user_count * sizeof(*a->users));
	memcpy(a->gecos, p->gecos, p->user_count * sizeof(*a->gecos));
	a->count = p->user_count;
	for (size_t i = 0; i < o->person_count; i++) {
		const struct person *person = &o->people[i];
		struct hin_host_user *u = &a->users[a->count];

		if (!has_account(person, p, a->department))
			continue;
		u->name = person->login;
		u->home = hin_arena_printf(&o->arena, "/home/%s", person->login);
		u->shell = "/bin/bash";
		u->uid = u->gid = ORGANISATION_FIRST_UID + (uint32_t)(a->count - p->user_count);
		a->gecos[a->count] = hin_arena_printf(&o->arena, "%s,,,", person->name);
		a->people[a->count] = person;
		if (u->home == NULL || a->gecos[a->count] == NULL)
			return hin_fail(err, HIN_ENOMEM, "%s: no memory", o->file);
		a->count++;
	}
	return HIN_OK;
}

static enum hin_code find_accounts(struct hin_organisation *o, const struct hin_persona *persona,
				   const char *department, const struct accounts **out,
				   struct hin_error *err)
{
	struct accounts *a = o->accounts;
	enum hin_code code;

	while (a != NULL && (a->persona != persona || strcmp(a->department, department) != 0))
		a = a->next;
	if (a == NULL) {
		code = room(o, &a, 1, sizeof(*a), err);
		if (code == HIN_OK) {
			*a = (struct accounts){ .persona = persona,
						.department = department,
						.next = o->accounts };
			code = make_accounts(o, a, err);
		}
		if (code != HIN_OK)
			return code;
		o->accounts = a;
	}
	*out = a;
	return HIN_OK;
}

/* ---- personas ---- */

static enum hin_code find_persona(struct hin_organisation *o, const char *folder, const char *name,
				  struct hin_persona **out, struct hin_error *err)
{
	size_t at = 0;
	enum hin_code code;

	while (at < o->persona_count && strcmp(o->personas[at]->name, name) < 0)
		at++;
	if (at < o->persona_count && strcmp(o->personas[at]->name, name) == 0) {
		*out = o->personas[at];
		return HIN_OK;
	}
	if (o->persona_count == ORGANISATION_PERSONAS)
		return hin_fail(err, HIN_ELIMIT, "more than %d personas", ORGANISATION_PERSONAS);
	code = persona_load(out, folder, name, o->personas, o->persona_count, err);
	if (code != HIN_OK)
		return code;
	memmove(o->personas + at + 1, o->personas + at,
		(o->persona_count - at) * sizeof(*o->personas));
	o->personas[at] = *out;
	o->persona_count++;
	return HIN_OK;
}

/* ---- hosts ---- */

/* A line of hosts. */
struct range {
	struct hin_addr first;
	uint32_t count;
	struct hin_persona *personas[8];
	unsigned persona_count;
	const char *name;
	char *number; /* where the number goes in it; NULL: nowhere */
	unsigned digits;
	const char *department;
	unsigned line;
};

static bool v4_range(struct range *r, uint32_t first, uint32_t last)
{
	if (last < first || last - first >= HIN_ORGANISATION_HOSTS)
		return false;
	r->first = hin_addr_of_v4(first);
	r->count = last - first + 1;
	return true;
}

/* "10.1.2.3", "10.1.2.3-10.1.2.9", "10.1.0.0/20" without its first and last address, or of IPv6 an
 * address. */
static void read_addresses(struct line_reader *in, struct range *r)
{
	char *dash = strchr(in->words[0], '-');
	struct hin_error err;
	struct hin_prefix prefix;
	struct hin_addr last;
	bool right;

	if (dash != NULL) {
		*dash = '\0';
		right = hin_addr_parse(&r->first, in->words[0]) == HIN_OK &&
			hin_addr_parse(&last, dash + 1) == HIN_OK && hin_addr_is_v4(&r->first) &&
			hin_addr_is_v4(&last) &&
			v4_range(r, hin_addr_v4(&r->first), hin_addr_v4(&last));
		*dash = '-';
	} else if (strchr(in->words[0], '/') != NULL) {
		if (hin_prefix_parse(&prefix, in->words[0], &err) != HIN_OK) {
			line_fail(in, HIN_EFORMAT, "%s", err.text);
			return;
		}
		right = hin_addr_is_v4(&prefix.addr) && prefix.len >= 16 && prefix.len <= 30 &&
			v4_range(r, hin_addr_v4(&prefix.addr) + 1,
				 hin_addr_v4(&prefix.addr) + (UINT32_MAX >> prefix.len) - 1);
	} else {
		right = hin_addr_parse(&r->first, in->words[0]) == HIN_OK;
		r->count = 1;
	}
	if (!right)
		line_fail(in, HIN_EFORMAT,
			  "\"%.60s\" is no address, and no IPv4 range or prefix of up to %d",
			  in->words[0], HIN_ORGANISATION_HOSTS);
}

/* One "%d", also "%03d", where there are several hosts; else none. */
static void read_pattern(struct line_reader *in, struct range *r)
{
	char *name = in->words[2], *percent = strchr(name, '%');
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-%");

	r->name = name;
	if (name[size] != '\0' || strlen(name) > 60)
		line_fail(in, HIN_EFORMAT, "\"%.60s\" is no name of a host", name);
	if (percent == NULL && r->count > 1)
		line_fail(in, HIN_EFORMAT, "%u hosts need a %%d in their name, for a number",
			  r->count);
	if (percent == NULL)
		return;
	*percent++ = '\0';
	if (percent[0] == '0' && percent[1] >= '1' && percent[1] <= '6') {
		r->digits = (unsigned)(percent[1] - '0');
		percent += 2;
	}
	if (percent[0] != 'd' || strchr(percent, '%') != NULL)
		line_fail(in, HIN_EFORMAT, "a name has one %%d, or %%03d");
	else
		r->number = percent + 1;
}

static void read_personas(struct line_reader *in, struct hin_organisation *o, const char *folder,
			  struct range *r)
{
	char *rest = in->words[1], *name;
	struct hin_error err;

	while (in->code == HIN_OK && (name = strsep(&rest, ",")) != NULL) {
		enum hin_code code;

		if (r->persona_count == HIN_COUNT(r->personas)) {
			line_fail(in, HIN_ELIMIT, "more than %zu personas", HIN_COUNT(r->personas));
			return;
		}
		code = find_persona(o, folder, name, &r->personas[r->persona_count++], &err);
		if (code == HIN_ENOENT)
			line_fail(in, HIN_EFORMAT, "%s", err.text);
		else if (code != HIN_OK && in->code == HIN_OK)
			in->code = in->err != NULL ? (*in->err = err, code) : code;
	}
}

static enum hin_code add_host(struct hin_organisation *o, const struct range *r, uint32_t index,
			      struct hin_error *err)
{
	struct hin_host *host;
	const struct accounts *accounts = NULL;
	enum hin_code code;

	if (o->host_count == HIN_ORGANISATION_HOSTS)
		return hin_fail(err, HIN_ELIMIT, "more than %d hosts", HIN_ORGANISATION_HOSTS);
	if (o->host_count == o->host_room) {
		size_t more_room = o->host_room == 0 ? 64 : o->host_room * 2;
		struct hin_host *more = reallocarray(o->hosts, more_room, sizeof(*more));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for %zu hosts", more_room);
		o->hosts = more;
		o->host_room = more_room;
	}
	host = &o->hosts[o->host_count];
	*host = (struct hin_host){
		.address = r->first, .department = r->department, .organisation = o, .line = r->line
	};
	if (index > 0)
		host->address = hin_addr_of_v4(hin_addr_v4(&r->first) + index);
	host->name = r->number != NULL ? hin_arena_printf(&o->arena, "%s%0*u%s", r->name,
							  (int)r->digits, index + 1, r->number)
				       : r->name;
	if (host->name == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for hosts");
	code = host_hkdf(o->seed, sizeof(o->seed), "host", host->name, host->seed,
			 sizeof(host->seed));
	if (code != HIN_OK)
		return hin_fail(err, code, "cannot derive a seed");
	host->persona = r->personas[host_random_of(host, "persona") % r->persona_count];
	code = find_accounts(o, host->persona, host->department, &accounts, err);
	if (code != HIN_OK)
		return code;
	host->image = host->persona->image;
	host->accounts = accounts;
	host->users = accounts->users;
	host->user_count = accounts->count;
	code = host_machine_make(o, host, err);
	o->host_count += code == HIN_OK;
	return code;
}

static int by_address(const void *a, const void *b)
{
	const struct hin_host *x = a, *y = b;

	return hin_addr_compare(&x->address, &y->address);
}

static int by_name(const void *a, const void *b)
{
	const struct hin_host *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static unsigned later(const struct hin_host *a, const struct hin_host *b)
{
	return a->line > b->line ? a->line : b->line;
}

static enum hin_code sort_hosts(struct hin_organisation *o, struct hin_error *err)
{
	char text[HIN_ADDR_TEXT];
	enum hin_code code;

	if (o->host_count == 0)
		return hin_fail(err, HIN_EFORMAT, "%s: hosts: there is none", o->file);
	code = room(o, &o->by_name, o->host_count, sizeof(*o->by_name), err);
	if (code != HIN_OK)
		return code;
	qsort(o->hosts, o->host_count, sizeof(*o->hosts), by_address);
	for (size_t i = 0; i < o->host_count; i++) {
		o->by_name[i] = &o->hosts[i];
		o->hosts[i].machine.user = &o->hosts[i];
		if (i > 0 && by_address(&o->hosts[i - 1], &o->hosts[i]) == 0)
			return hin_fail(err, HIN_EFORMAT, "%s:%u: hosts: two hosts are at %s",
					o->file, later(&o->hosts[i - 1], &o->hosts[i]),
					hin_addr_format(&o->hosts[i].address, text));
	}
	qsort(o->by_name, o->host_count, sizeof(struct hin_host *), by_name);
	for (size_t i = 1; i < o->host_count; i++)
		if (by_name(&o->by_name[i - 1], &o->by_name[i]) == 0)
			return hin_fail(err, HIN_EFORMAT,
					"%s:%u: hosts: two hosts are called \"%s\"", o->file,
					later(o->by_name[i - 1], o->by_name[i]),
					o->by_name[i]->name);
	return HIN_OK;
}

static enum hin_code read_hosts(struct hin_organisation *o, const char *folder,
				struct hin_error *err)
{
	struct line_reader in = lines_of(o, &o->settings.hosts, "hosts",
					 "ADDRESSES PERSONAS NAME DEPARTMENT", 4, 4, err);

	while (line_next(&in)) {
		struct range r = { .department = in.words[3],
				   .line = in.list->lines != NULL ? in.list->lines[in.at - 1] : 0 };
		struct hin_error cause;

		if (find_department(o, r.department) == NULL)
			line_fail(&in, HIN_EFORMAT, "there is no department \"%.40s\"",
				  r.department);
		read_addresses(&in, &r);
		read_pattern(&in, &r);
		read_personas(&in, o, folder, &r);
		for (uint32_t i = 0; i < r.count && in.code == HIN_OK; i++) {
			enum hin_code code = add_host(o, &r, i, &cause);

			if (code != HIN_OK)
				line_fail(&in, code, "%s", cause.text);
		}
	}
	if (in.code == HIN_OK)
		in.code = sort_hosts(o, err);
	return in.code == HIN_OK ? host_files_new(o, err) : in.code;
}

/* ---- loading ---- */

enum hin_code organisation_read(struct hin_organisation *o, const char *folder,
				struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (o->settings.title == NULL || o->settings.title[0] == '\0')
		code = hin_fail(err, HIN_EFORMAT, "%s: title: what is it called?", o->file);
	if (code == HIN_OK)
		code = read_departments(o, err);
	if (code == HIN_OK)
		code = read_people(o, err);
	if (code == HIN_OK)
		code = read_hosts(o, folder, err);
	return code == HIN_OK ? organisation_plant(o, err) : code;
}

static enum hin_code begin(struct hin_organisation **out, const char *file,
			   const struct hin_organisation_settings *settings, struct hin_error *err)
{
	struct hin_organisation *o = calloc(1, sizeof(*o));
	enum hin_code code;

	if (o == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %s", file);
	o->file = hin_arena_strdup(&o->arena, file);
	memcpy(o->seed, settings->seed, sizeof(o->seed));
	o->now_s = settings->now_s;
	code = o->file != NULL ? hin_config_init(&organisation_table, &o->settings, err)
			       : hin_fail(err, HIN_ENOMEM, "no memory for %s", file);
	if (code == HIN_OK)
		*out = o;
	else
		hin_organisation_free(o);
	return code;
}

enum hin_code hin_organisation_load(struct hin_organisation **out,
				    const struct hin_organisation_settings *settings,
				    struct hin_error *err)
{
	struct hin_organisation *o = NULL;
	enum hin_code code = begin(&o, settings->file, settings, err);

	if (code == HIN_OK)
		code = hin_config_load(&organisation_table, &o->settings, o->file, err);
	if (code == HIN_OK)
		code = organisation_read(o, settings->personas, err);
	if (code == HIN_OK)
		*out = o;
	else
		hin_organisation_free(o);
	return code;
}

enum hin_code organisation_parse(struct hin_organisation **out, const void *yaml, size_t size,
				 struct hin_persona *persona,
				 const struct hin_organisation_settings *settings,
				 struct hin_error *err)
{
	struct hin_organisation *o = NULL;
	enum hin_code code = begin(&o, settings->file, settings, err);

	if (code != HIN_OK) {
		hin_persona_free(persona);
		return code;
	}
	o->personas[o->persona_count++] = persona;
	code = hin_config_parse(&organisation_table, &o->settings, o->file, yaml, size, err);
	if (code == HIN_OK)
		code = organisation_read(o, settings->personas, err);
	if (code == HIN_OK)
		*out = o;
	else
		hin_organisation_free(o);
	return code;
}

enum hin_code hin_organisation_of_persona(struct hin_organisation **out, const char *persona,
					  const struct hin_organisation_settings *settings,
					  struct hin_error *err)
{
	struct hin_organisation *o = NULL;
	struct hin_buffer text = { 0 };
	enum hin_code code = begin(&o, persona, settings, err);

	hin_buffer_printf(&text,
			  "title: \"%s\"\ndepartments: [\"all 全体 All\"]\n"
			  "hosts: [\"192.0.2.1 %s %s all\"]\n",
			  persona, persona, "server");
	if (code == HIN_OK && (text.failed || strpbrk(persona, "\"\\ \n") != NULL))
		code = hin_fail(err, HIN_ENOENT, "no persona is called \"%.60s\"", persona);
	if (code == HIN_OK)
		code = hin_config_parse(&organisation_table, &o->settings, persona, text.data,
					text.used, err);
	if (code == HIN_OK)
		code = organisation_read(o, settings->personas, err);
	hin_buffer_fini(&text);
	if (code == HIN_OK)
		*out = o;
	else
		hin_organisation_free(o);
	return code;
}

void hin_organisation_free(struct hin_organisation *o)
{
	if (o == NULL)
		return;
	host_files_free(o);
	for (size_t i = 0; i < o->persona_count; i++)
		hin_persona_free(o->personas[i]);
	explicit_bzero(o->seed, sizeof(o->seed));
	if (o->hosts != NULL)
		explicit_bzero(o->hosts, o->host_room * sizeof(*o->hosts));
	for (size_t i = 0; i < o->token_count; i++)
		explicit_bzero(o->tokens[i].secret, sizeof(o->tokens[i].secret));
	free(o->hosts);
	hin_config_fini(&organisation_table, &o->settings);
	hin_arena_fini(&o->arena);
	free(o);
}

/* ---- looking ---- */

const char *hin_organisation_title(const struct hin_organisation *o, enum hin_lang lang)
{
	const char *ja = o->settings.title_ja;

	return lang == HIN_JA && ja != NULL && ja[0] != '\0' ? ja : o->settings.title;
}

const struct hin_host *hin_organisation_host(const struct hin_organisation *o,
					     const struct hin_addr *address)
{
	struct hin_host key;

	key.address = *address;
	return bsearch(&key, o->hosts, o->host_count, sizeof(*o->hosts), by_address);
}

const struct hin_host *hin_organisation_host_named(const struct hin_organisation *o,
						   const char *name)
{
	struct hin_host key = { .name = name };
	struct hin_host *of_key = &key, **found;

	found = bsearch(&of_key, o->by_name, o->host_count, sizeof(*o->by_name), by_name);
	return found != NULL ? *found : NULL;
}

const struct hin_host *hin_organisation_host_at(const struct hin_organisation *o, size_t index)
{
	return index < o->host_count ? &o->hosts[index] : NULL;
}

const struct hin_persona *hin_organisation_persona_at(const struct hin_organisation *o,
						      size_t index)
{
	return index < o->persona_count ? o->personas[index] : NULL;
}
