/* host - see host.h; and what an organisation's hosts derive from its seed */
#include "decoy/host/host.h"

#include <openssl/hmac.h>

#include "decoy/host/organisation_priv.h"

#define HASH 32

/* ---- what only this host has ---- */

enum hin_code host_hkdf(const uint8_t *seed, size_t seed_size, const char *purpose,
			const char *name, uint8_t *out, size_t size)
{
	static const uint8_t salt[HASH];
	uint8_t key[HASH], block[HASH], text[HASH + 256 + 1];
	size_t purpose_size = strlen(purpose), name_size = strlen(name), done = 0;
	bool failed = purpose_size + name_size + 1 > 256 || size > 255 * HASH;

	failed = failed || HMAC(EVP_sha256(), salt, HASH, seed, seed_size, key, NULL) == NULL;
	for (uint8_t n = 1; done < size && !failed; n++) {
		size_t at = n > 1 ? HASH : 0, part = size - done < HASH ? size - done : HASH;

		memcpy(text, block, at);
		memcpy(text + at, purpose, purpose_size + 1);
		at += purpose_size;
		if (name_size > 0) { /* the NUL stands between them */
			memcpy(text + at + 1, name, name_size);
			at += name_size + 1;
		}
		text[at++] = n;
		failed = HMAC(EVP_sha256(), key, HASH, text, at, block, NULL) == NULL;
		memcpy(out + done, block, part);
		done += part;
	}
	explicit_bzero(key, sizeof(key));
	explicit_bzero(block, sizeof(block));
	explicit_bzero(text, sizeof(text));
	if (failed)
		memset(out, 0, size);
	return failed ? HIN_ENOMEM : HIN_OK;
}

enum hin_code hin_host_derive(const struct hin_host *host, const char *purpose, uint8_t *out,
			      size_t size)
{
	return host_hkdf(host->seed, sizeof(host->seed), purpose, "", out, size);
}

uint64_t host_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t host_random_of(const struct hin_host *host, const char *purpose)
{
	uint64_t state = 0;
	uint8_t bytes[8] = { 0 };

	if (hin_host_derive(host, purpose, bytes, sizeof(bytes)) == HIN_OK)
		memcpy(&state, bytes, sizeof(state));
	return state;
}

bool host_is_at(const struct hin_host *host, const char *where)
{
	return strcmp(where, "*") == 0 || strcmp(where, host->name) == 0 ||
	       strcmp(where, host->department) == 0 ||
	       strcmp(where, hin_persona_name(host->persona)) == 0;
}

/* ---- log-in ---- */

const struct hin_host_user *hin_host_user(const struct hin_host *host, const char *user,
					  size_t size)
{
	const struct hin_host_user *found = NULL;

	for (size_t i = 0; i < host->user_count; i++)
		if (strlen(host->users[i].name) == size &&
		    memcmp(host->users[i].name, user, size) == 0 && found == NULL)
			found = &host->users[i];
	return found;
}

/* Are they the same? As long as `size` takes, whatever `text` is. */
static bool same(const char *text, const char *given, size_t size)
{
	size_t text_size = strlen(text);
	unsigned differs = text_size != size;

	for (size_t i = 0; i < size; i++)
		differs |= (unsigned)(uint8_t)given[i] ^
			   (unsigned)(uint8_t)text[text_size > 0 ? i % (text_size + 1) : 0];
	return differs == 0;
}

struct pair {
	const char *user, *password;
	size_t user_size, password_size;
};

static bool matches(const struct pair *given, const char *user, const char *password)
{
	bool right_user = user == NULL || same(user, given->user, given->user_size);
	bool right_password =
		password == NULL || same(password, given->password, given->password_size);

	return right_user && right_password;
}

static bool is_let_in(const struct hin_host *host, const struct pair *given)
{
	const struct hin_organisation *o = host->organisation;
	const struct hin_persona *p = host->persona;
	bool in = false;

	for (size_t i = 0; i < p->login_count; i++)
		in |= matches(given, p->logins[i].user, p->logins[i].password);
	for (size_t i = 0; i < o->login_count; i++) {
		bool right = matches(given, o->logins[i].user, o->logins[i].password);

		in |= host_is_at(host, o->logins[i].selector) && right;
	}
	return in;
}

enum hin_host_login hin_host_password(const struct hin_host *host, const char *user,
				      size_t user_size, const char *password, size_t password_size,
				      const struct hin_host_user **out,
				      const struct hin_token **token)
{
	const struct hin_organisation *o = host->organisation;
	const struct pair given = { user, password, user_size, password_size };
	const struct hin_host_user *account = hin_host_user(host, user, user_size);
	const struct token *planted = NULL;
	bool in = is_let_in(host, &given) && account != NULL;

	for (size_t i = 0; i < o->token_count; i++)
		if (o->tokens[i].public.kind == HIN_TOKEN_PASSWORD &&
		    matches(&given, o->tokens[i].public.user, o->tokens[i].public.password))
			planted = &o->tokens[i];
	*out = NULL;
	if (token != NULL)
		*token = planted != NULL ? &planted->public : NULL;
	if (in || (planted != NULL && host_is_at(host, planted->where)))
		*out = account;
	if (planted != NULL)
		return HIN_HOST_HONEYTOKEN;
	return in ? HIN_HOST_ACCEPTED : HIN_HOST_REFUSED;
}

enum hin_host_login hin_host_key(const struct hin_host *host, const char *user, size_t user_size,
				 const uint8_t *key, size_t key_size,
				 const struct hin_host_user **out, const struct hin_token **token)
{
	const struct hin_organisation *o = host->organisation;
	const struct token *planted = NULL;

	for (size_t i = 0; i < o->token_count; i++)
		if (o->tokens[i].public.kind == HIN_TOKEN_KEY &&
		    o->tokens[i].public.key_size == key_size &&
		    memcmp(o->tokens[i].public.key, key, key_size) == 0)
			planted = &o->tokens[i];
	*out = NULL;
	if (token != NULL)
		*token = planted != NULL ? &planted->public : NULL;
	if (planted == NULL)
		return HIN_HOST_REFUSED;
	if (same(planted->public.user, user, user_size))
		*out = hin_host_user(host, user, user_size);
	return HIN_HOST_HONEYTOKEN;
}

const struct hin_token *hin_organisation_token(const struct hin_organisation *o, const char *user,
					       size_t user_size, const char *password,
					       size_t password_size)
{
	const struct pair given = { user, password, user_size, password_size };

	for (size_t i = 0; i < o->token_count; i++)
		if (o->tokens[i].public.kind == HIN_TOKEN_PASSWORD &&
		    matches(&given, o->tokens[i].public.user, o->tokens[i].public.password))
			return &o->tokens[i].public;
	return NULL;
}

const struct hin_token *hin_organisation_token_at(const struct hin_organisation *o, size_t index)
{
	return index < o->token_count ? &o->tokens[index].public : NULL;
}

const struct hin_token *hin_host_token_file(const struct hin_host *host, const char *path)
{
	const struct hin_organisation *o = host->organisation;

	for (size_t i = 0; i < o->token_count; i++) {
		const struct token *t = &o->tokens[i];
		struct hin_buffer at = { 0 };
		bool found = false;

		if (t->public.kind == HIN_TOKEN_FILE && host_is_at(host, t->where) &&
		    t->document != NULL && host_path(host, t->document, &at))
			found = !at.failed && strcmp(hin_buffer_text(&at), path) == 0;
		hin_buffer_fini(&at);
		if (found)
			return &t->public;
	}
	return NULL;
}

const struct hin_token *hin_host_token_tag(const struct hin_host *host, uint32_t tag)
{
	const struct hin_organisation *o = host->organisation;

	return tag >= ORGANISATION_TAGS && tag - ORGANISATION_TAGS < o->token_count
		       ? &o->tokens[tag - ORGANISATION_TAGS].public
		       : NULL;
}
