/* directory_rdap - answers of the registries' RDAP servers (RFC 9083, jCard: RFC 7095); see
 * directory.h
 *
 * A file holds one object, an array of them, a search's answer, or one object a line. Of an "ip
 * network" or "autnum" the range, its name and its entities are read; the registrant is the
 * organisation, and who is responsible for abuse may stand inside of it. Networks that stand in an
 * entity are that entity's. Notices, remarks, events and links are passed over.
 *
 * Two networks must never become one organisation's by mistake: the notices of one would go to the
 * other. So RIPE's maintainers, which have the role of a registrant too, are no owners, and a name
 * that was redacted (RFC 9537) is nobody's.
 */
#include <ctype.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "hub/owners/directory_priv.h"

#define DEPTH 16    /* arrays and objects in each other, as counted before they are read */
#define ENTITIES 64 /* looked at in one object, nested ones included */
#define INSIDE 4    /* entities in each other */

struct person {
	const char *handle, *mail, *lang;
	char name[HIN_DIRECTORY_TEXT + 1], name_ja[HIN_DIRECTORY_TEXT + 1], country[3];
	bool organisation, group; /* jCard's kind */
};

struct rdap {
	const struct hin_directory_input *in;
	struct hin_error *err;
	const json_t *holder; /* the entity whose networks are read, or NULL */
	size_t line;	      /* where the value begins */
	unsigned entities;
	bool any;
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static enum hin_code refuse(struct rdap *r, const char *why)
{
	return hin_directory_refuse(r->in->notes, r->in->name, r->line, why, r->err);
}

/* ---- entities ---- */

static bool has_role(const json_t *entity, const char *role)
{
	const json_t *roles = json_object_get(entity, "roles");

	for (size_t i = 0; i < json_array_size(roles); i++) {
		const char *text = json_string_value(json_array_get(roles, i));

		if (text != NULL && strcasecmp(text, role) == 0)
			return true;
	}
	return false;
}

/* Words that stand where a name was taken out. */
static bool is_redacted(const char *text)
{
	return strncasecmp(text, "redacted", 8) == 0;
}

static bool is_fit(const char *text)
{
	return hin_directory_check_text("", text, HIN_DIRECTORY_TEXT, NULL) == HIN_OK;
}

/* One property of a jCard: [name, parameters, type, value, ...]. */
static void read_property(const json_t *property, struct person *p)
{
	const char *name = json_string_value(json_array_get(property, 0));
	const json_t *parameters = json_array_get(property, 1),
		     *value = json_array_get(property, 3);
	const char *text = json_string_value(value), *language = text_of(parameters, "language");
	const char *country = text_of(parameters, "cc");

	if (name == NULL)
		return;
	if (strcasecmp(name, "adr") == 0 && strlen(country) == 2 && p->country[0] == '\0')
		snprintf(p->country, sizeof(p->country), "%s", country);
	if (text == NULL)
		return;
	if (strcasecmp(name, "kind") == 0) {
		p->organisation = strcasecmp(text, "org") == 0;
		p->group = strcasecmp(text, "group") == 0;
	} else if (strcasecmp(name, "email") == 0 && p->mail[0] == '\0')
		p->mail = text;
	else if (strcasecmp(name, "lang") == 0)
		p->lang = text;
	else if (strcasecmp(name, "fn") != 0 || text[0] == '\0' || !is_fit(text) ||
		 is_redacted(text))
		return;
	else if (strncasecmp(language, "ja", 2) == 0 && p->name_ja[0] == '\0')
		snprintf(p->name_ja, sizeof(p->name_ja), "%s", text);
	else if (p->name[0] == '\0')
		snprintf(p->name, sizeof(p->name), "%s", text);
}

static void read_person(const json_t *entity, struct person *p)
{
	const json_t *card = json_array_get(json_object_get(entity, "vcardArray"), 1);

	*p = (struct person){ .handle = text_of(entity, "handle"), .mail = "", .lang = "" };
	for (size_t i = 0; i < json_array_size(card) && i < ENTITIES; i++)
		read_property(json_array_get(card, i), p);
}

/* The entity's mail address, by its role; `role` is ours when it has none that we know, or NULL. */
static enum hin_code add_mail(struct rdap *r, uint32_t organisation, const json_t *entity,
			      const char *role, bool *abuse)
{
	static const struct {
		const char *role, *ours;
	} roles[] = { { "abuse", "abuse" },
		      { "noc", "tech" },
		      { "technical", "tech" },
		      { "administrative", "admin" },
		      { "registrant", "owner" } };
	struct hin_directory_contact c = { .organisation = organisation,
					   .channel = "mail",
					   .source = r->in->source };
	struct person p;
	char why[160], shown[96];

	read_person(entity, &p);
	if (p.mail[0] == '\0')
		return HIN_OK;
	for (size_t i = 0; i < HIN_COUNT(roles) && c.role == NULL; i++)
		if (has_role(entity, roles[i].role))
			c.role = roles[i].ours;
	if (c.role == NULL)
		c.role = role;
	if (c.role == NULL)
		return HIN_OK;
	if (!hin_directory_is_mail(p.mail)) {
		snprintf(why, sizeof(why), "\"%s\" is no mail address",
			 hin_error_text(shown, sizeof(shown), p.mail));
		return refuse(r, why);
	}
	*abuse |= strcmp(c.role, "abuse") == 0;
	c.address = p.mail;
	return hin_directory_add_contact(r->in->d, &c, r->err);
}

/* All mail addresses of the entities, those inside of others too; `only_abuse` in a first round. */
static enum hin_code add_contacts(struct rdap *r, uint32_t organisation, const json_t *entities,
				  bool only_abuse, bool *abuse, unsigned depth)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < json_array_size(entities); i++) {
		const json_t *entity = json_array_get(entities, i);

		if (++r->entities > 2 * ENTITIES || depth == INSIDE)
			return HIN_OK;
		if (only_abuse == has_role(entity, "abuse"))
			code = add_mail(r, organisation, entity, NULL, abuse);
		if (code == HIN_OK)
			code = add_contacts(r, organisation, json_object_get(entity, "entities"),
					    only_abuse, abuse, depth + 1);
	}
	return code;
}

/*
 * The registrant: an organisation before anybody else, and never a maintainer (RIPE), whose name is
 * its handle; without one the first organisation. NULL when there is none.
 */
static const json_t *find_owner(const json_t *object)
{
	const json_t *entities = json_object_get(object, "entities"), *other = NULL, *first = NULL;

	for (size_t i = 0; i < json_array_size(entities) && i < ENTITIES; i++) {
		const json_t *entity = json_array_get(entities, i);
		bool registrant = has_role(entity, "registrant");
		struct person p;

		read_person(entity, &p);
		if (registrant && (p.organisation || p.group))
			return entity;
		if (registrant && other == NULL && strcasecmp(p.name, p.handle) != 0)
			other = entity;
		if (first == NULL && p.organisation && !has_role(entity, "abuse"))
			first = entity;
	}
	return other != NULL ? other : first;
}

/* The contacts of an object, and of the entity that it stands in: for abuse, else all. */
static enum hin_code add_all_contacts(struct rdap *r, uint32_t organisation, const json_t *object)
{
	const json_t *const entities[] = { json_object_get(object, "entities"),
					   json_object_get(r->holder, "entities") };
	size_t before = r->in->d->contact_count;
	enum hin_code code = HIN_OK;
	bool abuse = false;

	r->entities = 0;
	for (size_t i = 0; code == HIN_OK && i < 2 * HIN_COUNT(entities); i++)
		if (i < HIN_COUNT(entities) || !abuse)
			code = add_contacts(r, organisation, entities[i % HIN_COUNT(entities)],
					    i < HIN_COUNT(entities), &abuse, 0);
	if (code == HIN_OK && r->holder != NULL && r->in->d->contact_count == before)
		code = add_mail(r, organisation, r->holder, "owner", &abuse);
	return code;
}

/* ---- objects ---- */

static bool is_handle(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > HIN_DIRECTORY_HANDLE || !isalnum((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("-._", text[i]) == NULL)
			return false;
	return true;
}

/* A handle of letters out of `name`, and a digest that tells it from others of that name. */
static void make_handle(const char *name, const char *more, char out[HIN_DIRECTORY_HANDLE + 1])
{
	crypto_hash_sha256_state sha;
	uint8_t digest[32];
	size_t n = 0;

	crypto_hash_sha256_init(&sha);
	crypto_hash_sha256_update(&sha, (const unsigned char *)name, strlen(name) + 1);
	crypto_hash_sha256_update(&sha, (const unsigned char *)more, strlen(more) + 1);
	crypto_hash_sha256_final(&sha, digest);
	for (; *name != '\0' && n < 40; name++)
		if (isalnum((unsigned char)*name) || (n > 0 && strchr("-._", *name) != NULL))
			out[n++] = (char)tolower((unsigned char)*name);
	if (n == 0)
		memcpy(out, "net", n = 3);
	out[n++] = '-';
	sodium_bin2hex(out + n, 11, digest, 5);
}

static enum hin_code set(struct rdap *r, uint32_t organisation, uint8_t field, const char *text)
{
	struct hin_directory_organisation *o = &r->in->d->organisations[organisation];
	struct hin_error why = { 0 };
	enum hin_code code;

	if (text[0] == '\0' || (o->given & field) != 0)
		return HIN_OK;
	code = hin_directory_set(r->in->d, organisation, field, text, &why);
	if (code == HIN_ENOMEM)
		return hin_fail(r->err, code, "%s", why.text);
	return code == HIN_OK ? HIN_OK : refuse(r, why.text);
}

static enum hin_code read_owner(struct rdap *r, const json_t *object, uint32_t *organisation)
{
	const json_t *entity = find_owner(object);
	const char *country = text_of(object, "country"), *own = text_of(object, "handle");
	char handle[HIN_DIRECTORY_HANDLE + 1];
	struct person p = { .handle = "", .mail = "", .lang = "" };
	enum hin_code code;

	if (entity == NULL)
		entity = r->holder;
	if (entity != NULL)
		read_person(entity, &p);
	if (is_handle(p.handle) && !is_redacted(p.handle))
		snprintf(handle, sizeof(handle), "%s", p.handle);
	else if (p.name[0] != '\0' || p.name_ja[0] != '\0')
		make_handle(p.name[0] != '\0' ? p.name : p.name_ja, p.mail, handle);
	else
		make_handle(text_of(object, "name"),
			    own[0] != '\0' ? own : text_of(object, "startAddress"), handle);
	code = hin_directory_organisation(r->in->d, handle, r->in->source, organisation, r->err);
	if (p.name[0] == '\0' && p.name_ja[0] == '\0' && is_fit(text_of(object, "name")))
		snprintf(p.name, sizeof(p.name), "%s", text_of(object, "name"));
	if (code == HIN_OK)
		code = set(r, *organisation, HIN_ORGANISATION_NAME, p.name);
	if (code == HIN_OK)
		code = set(r, *organisation, HIN_ORGANISATION_NAME_JA, p.name_ja);
	if (strlen(country) != 2)
		country = p.country;
	if (code == HIN_OK)
		code = set(r, *organisation, HIN_ORGANISATION_COUNTRY, country);
	if (code == HIN_OK && (strncasecmp(p.lang, "ja", 2) == 0 || strcasecmp(country, "JP") == 0))
		code = set(r, *organisation, HIN_ORGANISATION_LANGUAGE, "ja");
	return code == HIN_OK ? add_all_contacts(r, *organisation, object) : code;
}

static enum hin_code add_holding(struct rdap *r, const json_t *object,
				 struct hin_directory_holding *h)
{
	struct hin_error why = { 0 };
	enum hin_code code;

	h->source = r->in->source;
	h->label = is_fit(text_of(object, "name")) ? text_of(object, "name") : "";
	if (h->kind == HIN_HOLDING_PREFIX && hin_addr_is_v4(&h->low) == hin_addr_is_v4(&h->high) &&
	    hin_addr_compare(&h->low, &h->high) <= 0 &&
	    hin_directory_is_too_wide(&h->low, &h->high)) {
		r->in->notes->skipped++;
		return HIN_OK;
	}
	code = read_owner(r, object, &h->organisation);
	if (code == HIN_OK)
		code = hin_directory_add_holding(r->in->d, h, &why);
	if (code == HIN_EFORMAT || code == HIN_ERANGE)
		return refuse(r, why.text);
	if (code != HIN_OK && why.text[0] != '\0')
		return hin_fail(r->err, code, "%s", why.text);
	return code;
}

/* An address of the answer: "192.0.2.0", or in some servers "192.0.2.0/24". */
static bool read_address(struct hin_addr *out, const char *text)
{
	char copy[HIN_PREFIX_TEXT];

	if (strlen(text) >= sizeof(copy))
		return false;
	memcpy(copy, text, strlen(text) + 1);
	copy[strcspn(copy, "/")] = '\0';
	return hin_addr_parse(out, copy) == HIN_OK;
}

static enum hin_code read_network(struct rdap *r, const json_t *object)
{
	struct hin_directory_holding h = { .kind = HIN_HOLDING_PREFIX };

	if (!read_address(&h.low, text_of(object, "startAddress")) ||
	    !read_address(&h.high, text_of(object, "endAddress")))
		return refuse(r, "an ip network without startAddress and endAddress");
	return add_holding(r, object, &h);
}

static enum hin_code read_autnum(struct rdap *r, const json_t *object)
{
	json_int_t first = json_integer_value(json_object_get(object, "startAutnum"));
	json_int_t last = json_integer_value(json_object_get(object, "endAutnum"));
	enum hin_code code = HIN_OK;

	if (first < 1 || last < first || last >= UINT32_MAX)
		return refuse(r, "an autnum without startAutnum and endAutnum");
	if (last - first >= 1024) {
		r->in->notes->skipped++; /* a registry's block */
		return HIN_OK;
	}
	for (json_int_t asn = first; code == HIN_OK && asn <= last; asn++) {
		struct hin_directory_holding h = { .kind = HIN_HOLDING_AS, .asn = (uint32_t)asn };

		code = add_holding(r, object, &h);
	}
	return code;
}

static enum hin_code read_value(struct rdap *r, const json_t *value);

static enum hin_code read_each(struct rdap *r, const json_t *array)
{
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < json_array_size(array); i++)
		code = read_value(r, json_array_get(array, i));
	return code;
}

static enum hin_code read_value(struct rdap *r, const json_t *value)
{
	static const char *const lists[] = { "ipSearchResults", "autnumSearchResults",
					     "entitySearchResults", "networks", "autnums" };
	const char *class = text_of(value, "objectClassName");
	const json_t *around = r->holder;
	enum hin_code code = HIN_OK;

	if (json_is_array(value))
		return read_each(r, value);
	if (!json_is_object(value))
		return refuse(r, "this is no RDAP object");
	r->any |= class[0] != '\0' || json_object_get(value, "rdapConformance") != NULL;
	if (strcasecmp(class, "ip network") == 0)
		return read_network(r, value);
	if (strcasecmp(class, "autnum") == 0)
		return read_autnum(r, value);
	/* an entity has its networks with it; a search has a list */
	r->holder = strcasecmp(class, "entity") == 0 ? value : NULL;
	for (size_t i = 0; code == HIN_OK && i < HIN_COUNT(lists); i++)
		code = read_each(r, json_object_get(value, lists[i]));
	r->holder = around;
	return code;
}

/* ---- files ---- */

/* The end of the JSON value at `at`, or NULL when it does not end or is too deep; counts lines. */
static const char *skip_value(const char *at, const char *end, size_t *lines)
{
	unsigned depth = 0;
	bool quoted = false;

	for (; at < end; at++) {
		if (*at == '\n')
			(*lines)++;
		if (quoted) {
			if (*at == '\\' && at + 1 < end)
				at++;
			else if (*at == '"')
				quoted = false;
		} else if (*at == '"') {
			quoted = true;
		} else if (*at == '{' || *at == '[') {
			if (++depth > DEPTH + 2 * INSIDE)
				return NULL;
		} else if ((*at == '}' || *at == ']') && (depth == 0 || --depth == 0)) {
			return at + 1;
		}
	}
	return NULL;
}

static enum hin_code read_text(struct rdap *r, const char *at, size_t size)
{
	json_error_t where;
	json_t *value = json_loadb(at, size, JSON_REJECT_DUPLICATES, &where);
	char why[160];
	enum hin_code code;

	if (value == NULL) {
		char shown[120];

		r->line += where.line > 0 ? (size_t)where.line - 1 : 0;
		snprintf(why, sizeof(why), "JSON: %s",
			 hin_error_text(shown, sizeof(shown), where.text));
		return refuse(r, why);
	}
	code = read_value(r, value);
	json_decref(value);
	return code;
}

enum hin_code hin_directory_parse_rdap(const struct hin_directory_input *in, const char *text,
				       size_t size, struct hin_error *err)
{
	struct rdap r = { .in = in, .err = err };
	const char *at = text, *end = text + size, *next;
	size_t line = 1;
	enum hin_code code = HIN_OK;

	while (code == HIN_OK) {
		for (; at < end && (isspace((unsigned char)*at) || *at == '\x1e'); at++)
			line += *at == '\n';
		if (at == end)
			break;
		r.line = line;
		next = *at == '{' || *at == '[' ? skip_value(at, end, &line) : NULL;
		if (next == NULL)
			return hin_fail(err, HIN_EFORMAT,
					"%.60s:%zu: this is no JSON object, does not end, or is "
					"deeper than %d",
					in->name, r.line, DEPTH + 2 * INSIDE);
		code = read_text(&r, at, (size_t)(next - at));
		at = next;
	}
	if (code == HIN_OK && !r.any && in->notes->refused == 0)
		code = hin_fail(err, HIN_EFORMAT, "%.80s has no RDAP object (objectClassName)",
				in->name);
	return code;
}
