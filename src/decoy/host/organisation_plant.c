/* organisation_plant - what lies about in an organisation: documents, weak pairs, honeytokens. */
#include <openssl/evp.h>

#include "decoy/host/organisation_priv.h"

static unsigned line_at(const struct line_reader *in)
{
	return in->list->lines != NULL ? in->list->lines[in->at - 1] : 0;
}

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

/* The first host that `where` names; a word of refusal when there is none. */
static const struct hin_host *host_of(struct line_reader *in, const struct hin_organisation *o,
				      const char *where)
{
	for (size_t i = 0; i < o->host_count; i++)
		if (host_is_at(&o->hosts[i], where))
			return &o->hosts[i];
	line_fail(in, HIN_EFORMAT, "no host is \"%.40s\", in it or of it", where);
	return NULL;
}

/* Some host of `where` must have the user. */
static void check_user(struct line_reader *in, const struct hin_organisation *o, const char *where,
		       const char *user)
{
	if (host_of(in, o, where) == NULL)
		return;
	for (size_t i = 0; i < o->host_count; i++)
		if (host_is_at(&o->hosts[i], where) &&
		    hin_host_user(&o->hosts[i], user, strlen(user)) != NULL)
			return;
	line_fail(in, HIN_EFORMAT, "no host of \"%.40s\" has a user \"%.40s\"", where, user);
}

static enum hin_code read_logins(struct hin_organisation *o, struct hin_error *err)
{
	const struct hin_config_list *list = &o->settings.logins;
	struct line_reader in = lines_of(o, list, "logins", "WHERE USER PASSWORD", 3, 3, err);

	o->logins = hin_arena_array(&o->arena, list->count + 1, sizeof(*o->logins));
	if (o->logins == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", o->file);
	while (line_next(&in)) {
		const char *password = in.words[2];

		o->logins[o->login_count++] = (struct persona_login){
			.selector = in.words[0],
			.user = in.words[1],
			.password = strcmp(password, "*") == 0	    ? NULL
				    : strcmp(password, "\"\"") == 0 ? ""
								    : password,
		};
		check_user(&in, o, in.words[0], in.words[1]);
	}
	return in.code;
}

/* ---- documents ---- */

static enum hin_code read_documents(struct hin_organisation *o, struct hin_error *err)
{
	const struct hin_config_list *list = &o->settings.documents;
	struct line_reader in =
		lines_of(o, list, "documents", "a line WHERE PATH and a text", 1, 1, err);

	o->documents = hin_arena_array(&o->arena, list->count + 1, sizeof(*o->documents));
	if (o->documents == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", o->file);
	while (line_next(&in)) {
		struct document *d = &o->documents[o->document_count++];
		char *text = in.words[0], *end = strchr(text, '\n'), *space;

		if (end != NULL)
			*end = '\0';
		space = strchr(text, ' ');
		if (end == NULL || space == NULL || space[1] == '\0' || strstr(space, "/../")) {
			line_fail(&in, HIN_EFORMAT, "\"%.60s\" is not WHERE PATH", text);
			break;
		}
		*space = '\0';
		*d = (struct document){ text, space + 1, end + 1, line_at(&in) };
		(void)host_of(&in, o, d->where);
	}
	return in.code;
}

/* Do all names in documents mean something? Tried with a host that has each. */
static enum hin_code check_documents(struct hin_organisation *o, struct hin_error *err)
{
	for (size_t i = 0; i < o->document_count; i++) {
		const struct document *d = &o->documents[i];
		struct hin_buffer out = { 0 };
		struct hin_error cause;
		enum hin_code code = HIN_OK;

		for (size_t h = 0; h < o->host_count; h++) {
			if (!host_is_at(&o->hosts[h], d->where))
				continue;
			code = host_text(&o->hosts[h], d, d->path, NULL, &out, &cause);
			if (code == HIN_OK)
				code = host_text(&o->hosts[h], d, d->text, NULL, &out, &cause);
			break;
		}
		hin_buffer_fini(&out);
		if (code != HIN_OK)
			return hin_fail(err, code, "%s:%u: documents: %s", o->file, d->line,
					cause.text);
	}
	return HIN_OK;
}

/* ---- honeytokens ---- */

static void make_key(struct line_reader *in, struct hin_organisation *o, struct token *t)
{
	static const uint8_t head[] = { 0,   0,	  0,   11,  's', 's', 'h', '-', 'e', 'd',
					'2', '5', '5', '1', '9', 0,   0,   0,	32 };
	uint8_t *blob = hin_arena_alloc(&o->arena, sizeof(head) + 32);
	EVP_PKEY *key = NULL;
	size_t size = 32;

	if (blob != NULL && host_hkdf(o->seed, sizeof(o->seed), "honeytoken key", t->public.name,
				      t->secret, sizeof(t->secret)) == HIN_OK)
		key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, t->secret,
						   sizeof(t->secret));
	if (key == NULL || EVP_PKEY_get_raw_public_key(key, blob + sizeof(head), &size) != 1) {
		line_fail(in, HIN_ENOMEM, "no memory for a key");
	} else {
		memcpy(blob, head, sizeof(head));
		t->public.key = blob;
		t->public.key_size = sizeof(head) + 32;
	}
	EVP_PKEY_free(key);
}

static const struct document *document_of(const struct hin_organisation *o, const char *where,
					  const char *path)
{
	for (size_t i = 0; i < o->document_count; i++)
		if (strcmp(o->documents[i].where, where) == 0 &&
		    strcmp(o->documents[i].path, path) == 0)
			return &o->documents[i];
	return NULL;
}

/* Does a document tell the token's secret? Else nobody could ever find it. */
static bool is_told(const struct hin_organisation *o, const char *name)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), "{token:%.60s}", name);
	for (size_t i = 0; i < o->document_count; i++)
		if (strstr(o->documents[i].text, wanted) != NULL)
			return true;
	return false;
}

static void read_token(struct line_reader *in, struct hin_organisation *o, struct token *t)
{
	static const char *const kinds[] = { "password", "key", "file", NULL };
	unsigned kind = line_choice(in, 1, "kind", kinds);

	*t = (struct token){ .where = in->words[2], .line = line_at(in) };
	t->public.name = in->words[0];
	t->public.kind = (enum hin_token_kind)kind;
	if (in->count != (kind == 2 ? 4 : 5)) {
		line_fail(in, HIN_EFORMAT, "a %s has %d words", kinds[kind], kind == 2 ? 4 : 5);
		return;
	}
	switch (t->public.kind) {
	case HIN_TOKEN_PASSWORD:
		t->public.user = line_word(in, 3);
		t->public.password = in->words[4];
		if (t->public.user != NULL)
			check_user(in, o, t->where, t->public.user);
		if (strlen(t->public.password) < 8)
			line_fail(in, HIN_EFORMAT,
				  "a planted password has 8 letters or more: others guess it");
		if (!is_told(o, t->public.name))
			line_fail(in, HIN_EFORMAT, "no document tells {token:%.40s}",
				  t->public.name);
		break;
	case HIN_TOKEN_KEY:
		t->public.user = in->words[3];
		t->public.path = in->words[4];
		check_user(in, o, "*", t->public.user);
		(void)host_of(in, o, t->where);
		if (t->public.path[0] != '/')
			line_fail(in, HIN_EFORMAT, "the path of a key begins with /");
		make_key(in, o, t);
		break;
	case HIN_TOKEN_FILE:
		t->public.path = in->words[3];
		t->document = document_of(o, t->where, t->public.path);
		if (t->document == NULL)
			line_fail(in, HIN_EFORMAT, "no document is \"%.40s %.60s\"", t->where,
				  t->public.path);
		break;
	}
}

static enum hin_code read_tokens(struct hin_organisation *o, struct hin_error *err)
{
	const struct hin_config_list *list = &o->settings.tokens;
	struct line_reader in = lines_of(o, list, "tokens", "NAME KIND WHERE ...", 4, 5, err);

	o->tokens = hin_arena_array(&o->arena, list->count + 1, sizeof(*o->tokens));
	if (o->tokens == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s: no memory", o->file);
	while (line_next(&in)) {
		struct token *t = &o->tokens[o->token_count];

		for (size_t i = 0; i < o->token_count; i++)
			if (strcmp(o->tokens[i].public.name, in.words[0]) == 0)
				line_fail(&in, HIN_EFORMAT, "\"%.40s\" stands there twice",
					  in.words[0]);
		read_token(&in, o, t);
		o->token_count++;
	}
	return in.code;
}

enum hin_code organisation_plant(struct hin_organisation *o, struct hin_error *err)
{
	enum hin_code code = read_logins(o, err);

	if (code == HIN_OK)
		code = read_documents(o, err);
	if (code == HIN_OK)
		code = read_tokens(o, err);
	return code == HIN_OK ? check_documents(o, err) : code;
}
