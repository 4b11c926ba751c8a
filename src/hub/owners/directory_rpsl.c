/* directory_rpsl - objects of the routing registries (RFC 2622, RFC 4012, as RIPE, APNIC and JPNIC
 * write them); see directory.h
 *
 * A first pass keeps who can be written to (organisation, role, person, irt), a second one reads
 * what they hold (inetnum, inet6num, aut-num), a third one the routes, which count where no network
 * of the same range says more. References may point forward. Other classes and attributes are
 * passed over; only lines that are used are judged.
 *
 * RIPE writes Latin-1: a value that is no UTF-8 and could be a name in that is read so.
 */
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "hub/owners/directory_priv.h"

#define ATTRIBUTES 256 /* of one object that are kept; others are of no use to us */
#define CARDS 2000000u

struct attribute {
	const char *key, *value; /* small letters; without comment, trimmed */
	size_t line;
};

struct object {
	struct attribute attributes[ATTRIBUTES];
	size_t count;
};

/* Who can be written to, by handle: of an organisation, role, person or irt. */
struct card {
	const char *handle; /* small letters */
	const char *mail, *abuse, *abuse_c, *name, *name_ja, *country, *language;
	bool organisation;
};

struct range {
	struct hin_addr low, high;
};

struct rpsl {
	const struct hin_directory_input *in;
	struct hin_arena object_memory, card_memory;
	struct object object;
	struct card *cards;
	size_t card_count, card_room;
	uint32_t *table; /* cards by handle: index + 1 */
	size_t table_size;
	struct range *networks; /* sorted before the third pass */
	size_t network_count, network_room;
	bool any; /* an object of the registries was met */
	struct hin_error *err;
};

/* ---- objects ---- */

static bool is_utf8(const char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));

	while (in.left > 0)
		if (hin_utf8_read(&in) == HIN_UTF8_BAD)
			return false;
	return true;
}

static bool is_key(const char *line, size_t *size)
{
	size_t n = 0;

	while (isalnum((unsigned char)line[n]) || line[n] == '-' || line[n] == '_')
		n++;
	*size = n;
	return n > 0 && line[n] == ':';
}

/* The text without its comment and the spaces around. */
static char *trim(char *text)
{
	char *end = strchr(text, '#');

	if (end == NULL)
		end = text + strlen(text);
	while (*text == ' ' || *text == '\t')
		text++;
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end >= text)
		*end = '\0';
	return text;
}

static bool is_wanted(const char *key)
{
	static const char *const keys[] = {
		"inetnum", "inet6num", "route",	  "route6",	   "aut-num",  "organisation",
		"role",	   "person",   "irt",	  "org",	   "org-name", "nic-hdl",
		"abuse-c", "admin-c",  "tech-c",  "abuse-mailbox", "e-mail",   "mnt-irt",
		"netname", "descr",    "country", "language",	   "as-name",  "origin",
	};

	for (size_t i = 0; i < HIN_COUNT(keys); i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

/*
 * Could these be words in Latin-1? Letters and a few signs, alone among ASCII: long runs are
 * another alphabet's.
 */
static bool is_latin1(const char *text)
{
	static const char signs[] = "\xa0\xa9\xaa\xab\xae\xb0\xb4\xb7\xba\xbb";
	bool plain = false;
	unsigned run = 0;

	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		run = c < 0x80 ? 0 : run + 1;
		plain = plain || isalpha(c) != 0;
		if (run > 3 || c == 0xd7 || c == 0xf7 ||
		    (c >= 0x80 && c < 0xc0 && strchr(signs, *text) == NULL))
			return false;
	}
	return plain;
}

/* A copy of a value, as UTF-8 when it is Latin-1; NULL without memory. */
static const char *keep_value(struct rpsl *r, const char *text)
{
	char *copy, *to;

	if (is_utf8(text) || !is_latin1(text))
		return hin_arena_strdup(&r->object_memory, text);
	copy = to = hin_arena_alloc(&r->object_memory, 2 * strlen(text) + 1);
	if (copy == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		uint8_t c = (uint8_t)*text;

		if (c >= 0x80)
			*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	*to = '\0';
	return copy;
}

/* Add "key: value" to the object; a line that is not of this form gives a reason. */
static const char *add_attribute(struct rpsl *r, char *line, size_t number)
{
	struct object *o = &r->object;
	char key[32];
	size_t size;

	if (!is_key(line, &size))
		return "neither \"attribute: value\" nor a comment";
	if (size >= sizeof(key) || o->count == ATTRIBUTES)
		return NULL;
	for (size_t i = 0; i < size; i++)
		key[i] = (char)tolower((unsigned char)line[i]);
	key[size] = '\0';
	/* the first one is the class, and kept whatever it is */
	if (o->count > 0 && !is_wanted(key))
		return NULL;
	o->attributes[o->count].key = hin_arena_strdup(&r->object_memory, key);
	o->attributes[o->count].value = keep_value(r, trim(line + size + 1));
	o->attributes[o->count].line = number;
	if (o->attributes[o->count].key == NULL || o->attributes[o->count].value == NULL)
		return "not enough memory";
	o->count++;
	return NULL;
}

/* A line that goes on with the value before. */
static void continue_attribute(struct rpsl *r, char *line, bool kept)
{
	struct attribute *a = &r->object.attributes[r->object.count - 1];
	const char *more = keep_value(r, trim(line + 1)), *joined;

	/* longer than any text that we keep: it is refused for its length then */
	if (more == NULL || !kept || *more == '\0' ||
	    strlen(a->value) > (size_t)4 * HIN_DIRECTORY_TEXT)
		return;
	joined = hin_arena_printf(&r->object_memory, "%s%s%s", a->value,
				  a->value[0] != '\0' ? " " : "", more);
	if (joined != NULL)
		a->value = joined;
}

typedef enum hin_code (*object_fn)(struct rpsl *r);

/* Give each object of the file to `call`. Lines are noted as wrong in the first pass only. */
static enum hin_code each_object(struct rpsl *r, const char *text, size_t size, bool note,
				 object_fn call)
{
	char *line = malloc(HIN_DIRECTORY_LINE + 1);
	struct hin_lines lines = {
		.at = text, .end = text + size, .line = line, .most = HIN_DIRECTORY_LINE
	};
	enum hin_code code = HIN_OK;
	bool kept = false;

	if (line == NULL)
		return hin_fail(r->err, HIN_ENOMEM, "no memory for a line");
	r->object.count = 0;
	while (code == HIN_OK) {
		enum hin_code got = hin_lines_next(&lines);
		const char *why = got == HIN_ELIMIT    ? "the line is too long"
				  : got == HIN_EFORMAT ? "a NUL byte"
						       : NULL;
		size_t before = r->object.count;

		if (got == HIN_EOF || (got == HIN_OK && strspn(line, " \t") == lines.size)) {
			if (r->object.count > 0)
				code = call(r);
			r->object.count = 0;
			hin_arena_reset(&r->object_memory);
			if (got == HIN_EOF)
				break;
			continue;
		}
		if (why == NULL && (line[0] == '%' || line[0] == '#'))
			continue;
		if (why == NULL && (line[0] == ' ' || line[0] == '\t' || line[0] == '+')) {
			if (r->object.count > 0)
				continue_attribute(r, line, kept);
			continue;
		}
		if (why == NULL)
			why = add_attribute(r, line, lines.number);
		kept = r->object.count > before;
		if (why != NULL && note)
			code = hin_directory_refuse(r->in->notes, r->in->name, lines.number, why,
						    r->err);
	}
	free(line);
	return code;
}

static const struct attribute *find(const struct object *o, const char *key)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->attributes[i].key, key) == 0)
			return &o->attributes[i];
	return NULL;
}

static const char *value(const struct object *o, const char *key)
{
	const struct attribute *a = find(o, key);

	return a != NULL ? a->value : "";
}

/* ---- cards ---- */

static uint64_t hash(const char *handle)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *handle != '\0'; handle++)
		h = (h ^ (uint8_t)tolower((unsigned char)*handle)) * 0x100000001b3u;
	return h ^ h >> 32;
}

static const struct card *find_card(const struct rpsl *r, const char *handle)
{
	size_t slot;

	if (r->table_size == 0 || handle[0] == '\0')
		return NULL;
	for (slot = hash(handle) & (r->table_size - 1); r->table[slot] != 0;
	     slot = (slot + 1) & (r->table_size - 1))
		if (strcasecmp(r->cards[r->table[slot] - 1].handle, handle) == 0)
			return &r->cards[r->table[slot] - 1];
	return NULL;
}

static enum hin_code grow_cards(struct rpsl *r)
{
	size_t room = r->card_room > 0 ? r->card_room * 2 : 256, slots = room * 2;
	struct card *cards = reallocarray(r->cards, room, sizeof(*cards));
	uint32_t *table = calloc(slots, sizeof(*table));

	if (cards != NULL)
		r->cards = cards;
	if (cards == NULL || table == NULL) {
		free(table);
		return hin_fail(r->err, HIN_ENOMEM, "no memory for %zu contacts", room);
	}
	for (size_t i = 0; i < r->card_count; i++) {
		size_t slot = hash(cards[i].handle) & (slots - 1);

		while (table[slot] != 0)
			slot = (slot + 1) & (slots - 1);
		table[slot] = (uint32_t)i + 1;
	}
	free(r->table);
	r->table = table;
	r->table_size = slots;
	r->card_room = room;
	return HIN_OK;
}

/* A value that is kept when it passes; else it is noted and counts as not there. */
static enum hin_code keep_checked(struct rpsl *r, const struct object *o, const char *key,
				  const char **out)
{
	const struct attribute *a = find(o, key);
	struct hin_error why = { 0 };
	char what[48];

	*out = "";
	if (a == NULL || a->value[0] == '\0')
		return HIN_OK;
	snprintf(what, sizeof(what), "\"%s\"", key);
	if (hin_directory_check_text(what, a->value, HIN_DIRECTORY_TEXT, &why) != HIN_OK)
		return hin_directory_refuse(r->in->notes, r->in->name, a->line, why.text, r->err);
	*out = hin_arena_strdup(&r->card_memory, a->value);
	return *out != NULL ? HIN_OK : hin_fail(r->err, HIN_ENOMEM, "no memory for a contact");
}

static enum hin_code keep_mail(struct rpsl *r, const struct object *o, const char *key,
			       const char **out)
{
	const struct attribute *a = find(o, key);
	char why[160], shown[96];

	*out = "";
	if (a == NULL || a->value[0] == '\0')
		return HIN_OK;
	if (!hin_directory_is_mail(a->value)) {
		snprintf(why, sizeof(why), "%s \"%s\" is no mail address", key,
			 hin_error_text(shown, sizeof(shown), a->value));
		return hin_directory_refuse(r->in->notes, r->in->name, a->line, why, r->err);
	}
	*out = hin_arena_strdup(&r->card_memory, a->value);
	return *out != NULL ? HIN_OK : hin_fail(r->err, HIN_ENOMEM, "no memory for a contact");
}

static bool is_class(const struct object *o, const char *class)
{
	return strcmp(o->attributes[0].key, class) == 0;
}

/* First pass: organisations, roles, persons and irts. */
static enum hin_code take_card(struct rpsl *r)
{
	const struct object *o = &r->object;
	bool organisation = is_class(o, "organisation"), irt = is_class(o, "irt");
	struct card card = { .organisation = organisation };
	const char *handle;
	enum hin_code code;

	if (!organisation && !irt && !is_class(o, "role") && !is_class(o, "person"))
		return HIN_OK;
	r->any = true;
	handle = organisation || irt ? o->attributes[0].value : value(o, "nic-hdl");
	if (handle[0] == '\0' || strlen(handle) > HIN_DIRECTORY_HANDLE)
		return hin_directory_refuse(r->in->notes, r->in->name, o->attributes[0].line,
					    "the object has no handle", r->err);
	if (find_card(r, handle) != NULL)
		return HIN_OK;
	if (r->card_count >= CARDS)
		return hin_fail(r->err, HIN_ELIMIT, "more than %u contacts", CARDS);
	if (r->card_count == r->card_room && grow_cards(r) != HIN_OK)
		return HIN_ENOMEM;
	card.handle = hin_arena_strdup(&r->card_memory, handle);
	code = card.handle != NULL ? keep_mail(r, o, "e-mail", &card.mail)
				   : hin_fail(r->err, HIN_ENOMEM, "no memory for a contact");
	if (code == HIN_OK)
		code = keep_mail(r, o, "abuse-mailbox", &card.abuse);
	if (code == HIN_OK)
		code = keep_checked(r, o, "abuse-c", &card.abuse_c);
	if (code == HIN_OK)
		code = keep_checked(r, o, "org-name", &card.name);
	if (code == HIN_OK)
		code = keep_checked(r, o, "country", &card.country);
	if (code == HIN_OK)
		code = keep_checked(r, o, "language", &card.language);
	if (code != HIN_OK)
		return code;
	r->cards[r->card_count] = card;
	for (size_t slot = hash(handle) & (r->table_size - 1);;
	     slot = (slot + 1) & (r->table_size - 1)) {
		if (r->table[slot] == 0) {
			r->table[slot] = (uint32_t)++r->card_count;
			return HIN_OK;
		}
	}
}

/* ---- who holds an object ---- */

static bool has_japanese(const char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));

	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);

		if (cp != HIN_UTF8_BAD && cp >= 0x3000)
			return true;
	}
	return false;
}

static enum hin_code set(struct rpsl *r, uint32_t organisation, uint8_t field, const char *text,
			 size_t line)
{
	struct hin_directory_organisation *o = &r->in->d->organisations[organisation];
	struct hin_error why = { 0 };
	enum hin_code code;

	/* what several objects say of one organisation may differ: the first counts */
	if (text[0] == '\0' || (o->given & field) != 0)
		return HIN_OK;
	code = hin_directory_set(r->in->d, organisation, field, text, &why);
	if (code == HIN_ENOMEM)
		return hin_fail(r->err, code, "%s", why.text);
	return code == HIN_OK
		       ? HIN_OK
		       : hin_directory_refuse(r->in->notes, r->in->name, line, why.text, r->err);
}

/* Names of a network without organisation: the first line of its description in each language. */
static enum hin_code set_described(struct rpsl *r, uint32_t organisation)
{
	const struct object *o = &r->object;
	enum hin_code code = HIN_OK;

	for (size_t i = 0; code == HIN_OK && i < o->count; i++) {
		const struct attribute *a = &o->attributes[i];

		if (strcmp(a->key, "descr") == 0)
			code = set(r, organisation,
				   has_japanese(a->value) ? HIN_ORGANISATION_NAME_JA
							  : HIN_ORGANISATION_NAME,
				   a->value, a->line);
	}
	return code;
}

static enum hin_code set_place(struct rpsl *r, uint32_t organisation, const char *country,
			       const char *language, size_t line)
{
	enum hin_code code = HIN_OK;

	if (strlen(country) == 2)
		code = set(r, organisation, HIN_ORGANISATION_COUNTRY, country, line);
	if (code == HIN_OK && (strcasecmp(language, "ja") == 0 || strcasecmp(language, "en") == 0))
		code = set(r, organisation, HIN_ORGANISATION_LANGUAGE, language, line);
	if (code == HIN_OK && strcasecmp(country, "JP") == 0)
		code = set(r, organisation, HIN_ORGANISATION_LANGUAGE, "ja", line);
	return code;
}

static enum hin_code add_mail(struct rpsl *r, uint32_t organisation, const char *role,
			      const char *mail)
{
	struct hin_directory_contact c = { .organisation = organisation,
					   .role = role,
					   .channel = "mail",
					   .address = mail,
					   .source = r->in->source };

	return mail[0] == '\0' ? HIN_OK : hin_directory_add_contact(r->in->d, &c, r->err);
}

/* The mail address of the card `handle`, for abuse if it has one. */
static const char *mail_of(const struct rpsl *r, const char *handle)
{
	const struct card *card = find_card(r, handle);

	if (card == NULL)
		return "";
	return card->abuse[0] != '\0' ? card->abuse : card->mail;
}

/* Contacts of an object: those for abuse; without one, who looks after it. */
static enum hin_code add_contacts(struct rpsl *r, uint32_t organisation, const struct card *owner)
{
	const struct object *o = &r->object;
	const struct attribute *own = find(o, "abuse-mailbox");
	const char *abuse = "";
	enum hin_code code;

	if (own != NULL && hin_directory_is_mail(own->value)) {
		abuse = own->value;
	} else if (own != NULL) {
		code = hin_directory_refuse(r->in->notes, r->in->name, own->line,
					    "abuse-mailbox is no mail address", r->err);
		if (code != HIN_OK)
			return code;
	}
	if (abuse[0] == '\0')
		abuse = mail_of(r, value(o, "abuse-c"));
	if (abuse[0] == '\0')
		abuse = mail_of(r, value(o, "mnt-irt"));
	if (abuse[0] == '\0' && owner != NULL)
		abuse = mail_of(r, owner->abuse_c);
	if (abuse[0] == '\0' && owner != NULL)
		abuse = owner->abuse;
	if (abuse[0] != '\0')
		return add_mail(r, organisation, "abuse", abuse);
	code = add_mail(r, organisation, "tech", mail_of(r, value(o, "tech-c")));
	if (code == HIN_OK)
		code = add_mail(r, organisation, "admin", mail_of(r, value(o, "admin-c")));
	if (code == HIN_OK && owner != NULL)
		code = add_mail(r, organisation, "owner", owner->mail);
	return code;
}

/* A handle for who is described but not named: the network's name and what tells it from others. */
static void make_handle(const struct object *o, char out[HIN_DIRECTORY_HANDLE + 1])
{
	static const char *const parts[] = { "netname", "as-name", "descr", "mnt-irt",
					     "abuse-c", "admin-c", "tech-c" };
	const char *name = value(o, "netname");
	crypto_hash_sha256_state sha;
	uint8_t digest[32];
	size_t n = 0;

	crypto_hash_sha256_init(&sha);
	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		const char *v = value(o, parts[i]);

		crypto_hash_sha256_update(&sha, (const unsigned char *)v, strlen(v) + 1);
	}
	crypto_hash_sha256_final(&sha, digest);
	if (name[0] == '\0')
		name = value(o, "as-name");
	if (name[0] == '\0')
		name = "net";
	for (; *name != '\0' && n < 40; name++)
		if (isalnum((unsigned char)*name) || (n > 0 && strchr("-._", *name) != NULL))
			out[n++] = (char)tolower((unsigned char)*name);
	if (n == 0)
		memcpy(out, "net", n = 3);
	out[n++] = '-';
	sodium_bin2hex(out + n, 11, digest, 5);
}

/* The organisation of the object, made if it is new. */
static enum hin_code owner_of(struct rpsl *r, uint32_t *organisation)
{
	const struct object *o = &r->object;
	const struct card *card = find_card(r, value(o, "org"));
	size_t line = o->attributes[0].line;
	char handle[HIN_DIRECTORY_HANDLE + 1];
	enum hin_code code;

	if (card != NULL && !card->organisation)
		card = NULL;
	if (card != NULL)
		snprintf(handle, sizeof(handle), "%s", card->handle);
	else
		make_handle(o, handle);
	code = hin_directory_organisation(r->in->d, handle, r->in->source, organisation, r->err);
	if (code != HIN_OK)
		return code;
	if (card != NULL)
		code = set(r, *organisation,
			   has_japanese(card->name) ? HIN_ORGANISATION_NAME_JA
						    : HIN_ORGANISATION_NAME,
			   card->name, line);
	else
		code = set_described(r, *organisation);
	if (code == HIN_OK)
		code = set_place(r, *organisation,
				 card != NULL && card->country[0] != '\0' ? card->country
									  : value(o, "country"),
				 card != NULL ? card->language : value(o, "language"), line);
	return code == HIN_OK ? add_contacts(r, *organisation, card) : code;
}

/* ---- holdings ---- */

static enum hin_code keep_network(struct rpsl *r, const struct hin_directory_holding *h)
{
	if (r->network_count == r->network_room) {
		size_t room = r->network_room > 0 ? r->network_room * 2 : 256;
		struct range *more = reallocarray(r->networks, room, sizeof(*more));

		if (more == NULL)
			return hin_fail(r->err, HIN_ENOMEM, "no memory for %zu networks", room);
		r->networks = more;
		r->network_room = room;
	}
	r->networks[r->network_count++] = (struct range){ h->low, h->high };
	return HIN_OK;
}

/* A label that is fit to be kept; else none. */
static const char *label_of(const struct object *o, const char *key)
{
	const char *label = value(o, key);

	return hin_directory_check_text("", label, HIN_DIRECTORY_TEXT, NULL) == HIN_OK ? label : "";
}

static enum hin_code add_holding(struct rpsl *r, struct hin_directory_holding *h)
{
	const struct attribute *first = &r->object.attributes[0];
	struct hin_error why = { 0 };
	enum hin_code code;

	h->source = r->in->source;
	if (h->kind == HIN_HOLDING_PREFIX && hin_addr_is_v4(&h->low) == hin_addr_is_v4(&h->high) &&
	    hin_addr_compare(&h->low, &h->high) <= 0 &&
	    hin_directory_is_too_wide(&h->low, &h->high)) {
		r->in->notes->skipped++; /* a registry's block */
		return HIN_OK;
	}
	code = owner_of(r, &h->organisation);
	if (code != HIN_OK)
		return code;
	code = hin_directory_add_holding(r->in->d, h, &why);
	if (code == HIN_ENOMEM || code == HIN_ELIMIT)
		return hin_fail(r->err, code, "%s", why.text);
	if (code != HIN_OK)
		return hin_directory_refuse(r->in->notes, r->in->name, first->line, why.text,
					    r->err);
	return h->kind == HIN_HOLDING_PREFIX && !is_class(&r->object, "route") &&
			       !is_class(&r->object, "route6")
		       ? keep_network(r, h)
		       : HIN_OK;
}

/* Second pass: networks and AS numbers. */
static enum hin_code take_network(struct rpsl *r)
{
	const struct object *o = &r->object;
	struct hin_directory_holding h = { 0 };
	struct hin_error why = { 0 };
	bool as = is_class(o, "aut-num"), v6 = is_class(o, "inet6num");

	if (!as && !v6 && !is_class(o, "inetnum"))
		return HIN_OK;
	r->any = true;
	h.label = label_of(o, as ? "as-name" : "netname");
	if (hin_directory_read_holding(&h, o->attributes[0].value, &why) != HIN_OK ||
	    h.kind != (as ? HIN_HOLDING_AS : HIN_HOLDING_PREFIX) ||
	    (!as && hin_addr_is_v4(&h.low) == v6)) {
		char shown[64], text[160];

		if (why.text[0] == '\0')
			snprintf(text, sizeof(text), "\"%s\" is no %s",
				 hin_error_text(shown, sizeof(shown), o->attributes[0].value),
				 as ? "AS number" : "range of addresses of this family");
		return hin_directory_refuse(r->in->notes, r->in->name, o->attributes[0].line,
					    why.text[0] != '\0' ? why.text : text, r->err);
	}
	return add_holding(r, &h);
}

static int compare_ranges(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct range));
}

/* Third pass: routes of who is known, where no network says more. */
static enum hin_code take_route(struct rpsl *r)
{
	const struct object *o = &r->object;
	const struct card *card = find_card(r, value(o, "org"));
	struct hin_directory_holding h = { 0 };
	struct hin_error why = { 0 };
	struct range range;

	if (!is_class(o, "route") && !is_class(o, "route6"))
		return HIN_OK;
	r->any = true;
	if (hin_directory_read_holding(&h, o->attributes[0].value, &why) != HIN_OK ||
	    h.kind != HIN_HOLDING_PREFIX || hin_addr_is_v4(&h.low) == is_class(o, "route6"))
		return hin_directory_refuse(r->in->notes, r->in->name, o->attributes[0].line,
					    why.text[0] != '\0' ? why.text : "this is no prefix",
					    r->err);
	range = (struct range){ h.low, h.high };
	if (card == NULL || !card->organisation ||
	    (r->network_count > 0 && bsearch(&range, r->networks, r->network_count, sizeof(range),
					     compare_ranges) != NULL)) {
		r->in->notes->skipped++;
		return HIN_OK;
	}
	h.label = label_of(o, "origin");
	return add_holding(r, &h);
}

enum hin_code hin_directory_parse_rpsl(const struct hin_directory_input *in, const char *text,
				       size_t size, struct hin_error *err)
{
	struct rpsl *r = calloc(1, sizeof(*r));
	enum hin_code code;

	if (r == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory to read %.80s", in->name);
	r->in = in;
	r->err = err;
	code = each_object(r, text, size, true, take_card);
	if (code == HIN_OK)
		code = each_object(r, text, size, false, take_network);
	if (code == HIN_OK && r->network_count > 0)
		qsort(r->networks, r->network_count, sizeof(*r->networks), compare_ranges);
	if (code == HIN_OK)
		code = each_object(r, text, size, false, take_route);
	if (code == HIN_OK && !r->any)
		code = hin_fail(err, HIN_EFORMAT,
				"%.80s has no inetnum, inet6num, aut-num or organisation: is it "
				"RPSL, with empty lines between its objects?",
				in->name);
	hin_arena_fini(&r->object_memory);
	hin_arena_fini(&r->card_memory);
	free(r->cards);
	free(r->table);
	free(r->networks);
	free(r);
	return code;
}
