/* host_text - what lies on a host, with names and numbers filled in; and keys. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decoy/host/organisation_priv.h"

#define DAY_S 86400

/* A text on its way. */
struct filling {
	const struct hin_host *host;
	const struct document *document;
	const struct person *owner;
	uint64_t random;
	struct hin_buffer *out;
};

static const struct department *department_of(const struct hin_host *host)
{
	const struct hin_organisation *o = host->organisation;

	for (size_t i = 0; i < o->department_count; i++)
		if (strcmp(o->departments[i].id, host->department) == 0)
			return &o->departments[i];
	return NULL;
}

/* One of the organisation's people, of the host's department when there is one. */
static const struct person *some_person(struct filling *f)
{
	const struct hin_organisation *o = f->host->organisation;
	size_t start;

	if (o->person_count == 0)
		return NULL;
	start = host_random(&f->random) % o->person_count;
	for (size_t i = 0; i < o->person_count; i++) {
		const struct person *p = &o->people[(start + i) % o->person_count];

		if (p != f->owner && p->department != NULL &&
		    strcmp(p->department, f->host->department) == 0)
			return p;
	}
	return &o->people[start];
}

/* A day of the last half year on which people worked. */
static void some_day(struct filling *f, struct tm *when)
{
	/* by the year's quarter, so that a restart does not change a text from day to day */
	int64_t quarter = f->host->organisation->now_s / (91 * DAY_S) * (91 * DAY_S);
	time_t day = (time_t)(quarter - (int64_t)(host_random(&f->random) % 170) * DAY_S);

	gmtime_r(&day, when);
	if (when->tm_wday == 0 || when->tm_wday == 6) {
		day -= 2 * DAY_S;
		gmtime_r(&day, when);
	}
}

static void put_date(struct filling *f, const char *name)
{
	struct tm when = { 0 };
	int year;

	some_day(f, &when);
	year = when.tm_year + 1900;
	if (strcmp(name, "date") == 0)
		hin_buffer_printf(f->out, "%04d-%02d-%02d", year, when.tm_mon + 1, when.tm_mday);
	else if (strcmp(name, "date_ja") == 0)
		hin_buffer_printf(f->out, "令和%d年%d月%d日", year - 2018, when.tm_mon + 1,
				  when.tm_mday);
	else if (strcmp(name, "year") == 0)
		hin_buffer_printf(f->out, "%d", year);
	else
		hin_buffer_printf(f->out, "令和%d年度",
				  when.tm_mon >= 3 ? year - 2018 : year - 2019);
}

static bool put_token(struct filling *f, const char *name)
{
	const struct hin_organisation *o = f->host->organisation;

	for (size_t i = 0; i < o->token_count; i++) {
		if (strcmp(o->tokens[i].public.name, name) != 0 ||
		    o->tokens[i].public.kind != HIN_TOKEN_PASSWORD)
			continue;
		hin_buffer_puts(f->out, o->tokens[i].public.password);
		return true;
	}
	return false;
}

static bool put_number(struct filling *f, const char *range)
{
	unsigned long long low, high;
	int used = 0;

	if (sscanf(range, "%19llu-%19llu%n", &low, &high, &used) != 2 || range[used] != '\0' ||
	    low > high || high > 1000000000)
		return false;
	hin_buffer_printf(f->out, "%llu", low + host_random(&f->random) % (high - low + 1));
	return true;
}

static const char *some_host(struct filling *f)
{
	const struct hin_organisation *o = f->host->organisation;

	return o->hosts[host_random(&f->random) % o->host_count].name;
}

static bool put_name(struct filling *f, const char *name)
{
	const struct hin_organisation *o = f->host->organisation;
	const struct department *d = department_of(f->host);
	const struct person *person = f->owner;
	char address[HIN_ADDR_TEXT];

	if (strncmp(name, "date", 4) == 0 || strncmp(name, "year", 4) == 0) {
		if (strcmp(name + 4, "") != 0 && strcmp(name + 4, "_ja") != 0)
			return false;
		put_date(f, name);
		return true;
	}
	if (strncmp(name, "token:", 6) == 0)
		return put_token(f, name + 6);
	if (strncmp(name, "number:", 7) == 0)
		return put_number(f, name + 7);
	if (strcmp(name, "other") == 0 || strcmp(name, "other.login") == 0 || person == NULL)
		person = some_person(f);
	if (strcmp(name, "person") == 0 || strcmp(name, "other") == 0)
		hin_buffer_puts(f->out, person != NULL ? person->name : "admin");
	else if (strcmp(name, "login") == 0 || strcmp(name, "other.login") == 0)
		hin_buffer_puts(f->out, person != NULL ? person->login : "root");
	else if (strcmp(name, "person.title") == 0)
		hin_buffer_puts(f->out, person != NULL ? person->title : "");
	else if (strcmp(name, "department") == 0)
		hin_buffer_puts(f->out, d != NULL ? d->ja : f->host->department);
	else if (strcmp(name, "department.en") == 0)
		hin_buffer_puts(f->out, d != NULL ? d->en : f->host->department);
	else if (strcmp(name, "title") == 0)
		hin_buffer_puts(f->out, hin_organisation_title(o, HIN_JA));
	else if (strcmp(name, "title.en") == 0)
		hin_buffer_puts(f->out, hin_organisation_title(o, HIN_EN));
	else if (strcmp(name, "host") == 0)
		hin_buffer_puts(f->out, f->host->name);
	else if (strcmp(name, "other.host") == 0)
		hin_buffer_puts(f->out, some_host(f));
	else if (strcmp(name, "domain") == 0)
		hin_buffer_puts(f->out, o->settings.domain);
	else if (strcmp(name, "address") == 0)
		hin_buffer_puts(f->out, hin_addr_format(&f->host->address, address));
	else
		return false;
	return true;
}

enum hin_code host_text(const struct hin_host *host, const struct document *document,
			const char *text, const struct person *owner, struct hin_buffer *out,
			struct hin_error *err)
{
	struct filling f = { .host = host, .document = document, .owner = owner, .out = out };
	char purpose[40];

	snprintf(purpose, sizeof(purpose), "document %zu",
		 (size_t)(document - host->organisation->documents));
	f.random = host_random_of(host, purpose);
	for (;;) {
		const char *open = strchr(text, '{'), *close;
		char name[48];

		if (open == NULL) {
			hin_buffer_puts(out, text);
			break;
		}
		hin_buffer_add(out, text, (size_t)(open - text));
		close = strchr(open, '}');
		if (open[1] == '{') { /* one of its own */
			hin_buffer_putc(out, '{');
			text = open + 2;
			continue;
		}
		if (close == NULL || (size_t)(close - open) > sizeof(name))
			return hin_fail(err, HIN_EFORMAT, "\"%.20s\" has no end; {{ is one", open);
		memcpy(name, open + 1, (size_t)(close - open) - 1);
		name[close - open - 1] = '\0';
		if (!put_name(&f, name))
			return hin_fail(err, HIN_EFORMAT, "{%s} is no name to fill in", name);
		text = close + 1;
	}
	return out->failed ? hin_fail(err, HIN_ENOMEM, "no memory for a text") : HIN_OK;
}

/* ---- where it lies ---- */

const struct hin_host_user *host_owner(const struct hin_host *host, const struct document *document,
				       const struct person **person)
{
	const struct accounts *a = host->accounts;
	size_t first = host->persona->user_count, count = a->count - first;
	char purpose[40];

	*person = NULL;
	if (document->path[0] == '/')
		return NULL;
	if (count == 0)
		return hin_host_user(host, "root", 4);
	snprintf(purpose, sizeof(purpose), "owner %zu",
		 (size_t)(document - host->organisation->documents));
	first += host_random_of(host, purpose) % count;
	*person = a->people[first];
	return &a->users[first];
}

bool host_path(const struct hin_host *host, const struct document *document, struct hin_buffer *out)
{
	const struct person *person;
	const struct hin_host_user *owner = host_owner(host, document, &person);

	if (document->path[0] != '/') {
		if (owner == NULL)
			return false;
		hin_buffer_printf(out, "%s/", owner->home);
	}
	return host_text(host, document, document->path, person, out, NULL) == HIN_OK;
}

/* ---- keys ---- */

void host_base64(const void *data, size_t size, struct hin_buffer *out)
{
	char *at = hin_buffer_reserve(out, (size + 2) / 3 * 4 + 1);

	if (at != NULL)
		hin_buffer_commit(out, (size_t)EVP_EncodeBlock((uint8_t *)at, data, (int)size));
}

static void put_string(struct hin_writer *out, const void *data, size_t size)
{
	hin_write_be32(out, (uint32_t)size);
	hin_write_bytes(out, data, size);
}

void host_token_key(const struct token *token, struct hin_buffer *out)
{
	static const char head[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
	static const char tail[] = "-----END OPENSSH PRIVATE KEY-----\n";
	uint8_t bytes[400], private[240];
	const uint8_t *public = token->public.key + token->public.key_size - 32;
	struct hin_writer w = hin_writer_of(bytes, sizeof(bytes));
	struct hin_writer p = hin_writer_of(private, sizeof(private));
	struct hin_buffer text = { 0 };
	uint32_t check;

	memcpy(&check, token->secret, sizeof(check));
	hin_write_be32(&p, check ^ 0x5bd1e995);
	hin_write_be32(&p, check ^ 0x5bd1e995);
	put_string(&p, "ssh-ed25519", 11);
	put_string(&p, public, 32);
	hin_write_be32(&p, 64);
	hin_write_bytes(&p, token->secret, 32);
	hin_write_bytes(&p, public, 32);
	put_string(&p, token->public.user, strnlen(token->public.user, 32));
	for (uint8_t i = 1; p.used % 8 != 0; i++)
		hin_write_u8(&p, i);
	hin_write_bytes(&w, "openssh-key-v1", 15);
	put_string(&w, "none", 4);
	put_string(&w, "none", 4);
	put_string(&w, "", 0);
	hin_write_be32(&w, 1);
	put_string(&w, token->public.key, token->public.key_size);
	put_string(&w, private, p.used);
	host_base64(bytes, w.used, &text);
	hin_buffer_puts(out, head);
	for (size_t at = 0; at < text.used; at += 70) {
		hin_buffer_add(out, text.data + at, text.used - at < 70 ? text.used - at : 70);
		hin_buffer_putc(out, '\n');
	}
	hin_buffer_puts(out, tail);
	hin_buffer_fini(&text);
	explicit_bzero(bytes, sizeof(bytes));
	explicit_bzero(private, sizeof(private));
}
