/* directory - organisations, contacts and holdings in memory, and the rules for each; see
 * directory.h */
#include "hub/owners/directory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/lang.h"
#include "base/number.h"
#include "base/suggest.h"
#include "base/utf8.h"
#include "base/value.h"
#include "hub/owners/directory_priv.h"
#include "hub/owners/wide_priv.h"

const char *const hin_directory_formats[HIN_DIRECTORY_FORMATS + 1] = { "csv", "rpsl", "rdap",
								       "jpnic", NULL };

static const struct hin_sector sectors[] = {
#include "hub/sectors.inc"
};

/* The field's words; a text of ours in place of each that is given. */
static const char *const languages[] = { "en", "ja", NULL };
static const char *const tlps[] = { "clear", "green", "amber", "amber+strict", "red", NULL };
static const char *const roles[] = { "abuse", "security", "admin", "tech", "owner", NULL };
static const char *const channels[] = { "mail", "xarf", "csv", "webhook", NULL };
static const char *const digests[] = { "", "hour", "day", "week", NULL };

/* ---- sectors ---- */

const struct hin_sector *hin_sectors(size_t *count)
{
	*count = HIN_COUNT(sectors);
	return sectors;
}

const struct hin_sector *hin_sector_find(const char *word)
{
	for (size_t i = 0; i < HIN_COUNT(sectors); i++)
		if (strcmp(sectors[i].word, word) == 0)
			return &sectors[i];
	return NULL;
}

/* ---- rules for texts ---- */

enum hin_code hin_directory_check_text(const char *what, const char *text, size_t most,
				       struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));

	if (in.left > most)
		return hin_fail(err, HIN_ELIMIT, "%s is longer than %zu bytes", what, most);
	/* a spreadsheet that opens our CSV would take it for a formula */
	text += strspn(text, " ");
	if (text[0] != '\0' && strchr("=+-@", text[0]) != NULL)
		return hin_fail(err, HIN_EFORMAT, "%s begins with \"%c\"", what, text[0]);
	while (in.left > 0) {
		uint32_t cp = hin_utf8_read(&in);

		if (cp == HIN_UTF8_BAD)
			return hin_fail(err, HIN_EFORMAT, "%s is not UTF-8", what);
		if (hin_utf8_is_hidden(cp))
			return hin_fail(err, HIN_EFORMAT,
					"%s has a control or hidden character (U+%04X)", what, cp);
	}
	return HIN_OK;
}

/*
 * A host name: labels of letters, digits and "-", two or more of them; the last one begins with a
 * letter, so that no address is one.
 */
static bool is_host(const char *text, size_t size)
{
	size_t label = 0, dots = 0, last = 0;

	if (size == 0 || size > 253)
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (c == '.') {
			if (label == 0 || text[i - 1] == '-')
				return false;
			label = 0;
			last = i + 1;
			dots++;
			continue;
		}
		if (!isalnum((unsigned char)c) && (c != '-' || label == 0))
			return false;
		if (++label > 63)
			return false;
	}
	return dots > 0 && label > 0 && text[size - 1] != '-' && isalpha((unsigned char)text[last]);
}

bool hin_directory_is_mail(const char *address)
{
	const char *at = strchr(address, '@');
	size_t local = at != NULL ? (size_t)(at - address) : 0;
	char last = '.';

	if (local == 0 || local > 64 || strlen(address) > 254 || address[0] == '-')
		return false;
	for (size_t i = 0; i < local; i++) {
		char c = address[i];

		if (!isalnum((unsigned char)c) && strchr("!#$%&'*+-/=?^_`{|}~.", c) == NULL)
			return false;
		if (c == '.' && last == '.')
			return false;
		last = c;
	}
	return last != '.' && is_host(at + 1, strlen(at + 1));
}

bool hin_directory_is_url(const char *address)
{
	const char *host = NULL;
	size_t size;

	if (strncmp(address, "https://", 8) == 0)
		host = address + 8;
	else if (strncmp(address, "http://", 7) == 0)
		host = address + 7;
	if (host == NULL || strlen(address) > HIN_DIRECTORY_ADDRESS)
		return false;
	for (const char *p = address; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}", *p) != NULL)
			return false;
	size = strcspn(host, "/?#");
	/* a user's name before "@" would hide where it really goes */
	return size > 0 && memchr(host, '@', size) == NULL;
}

/* ---- memory ---- */

struct hin_directory *hin_directory_new(void)
{
	struct hin_directory *d = calloc(1, sizeof(*d));

	if (d != NULL)
		d->last_source = "";
	return d;
}

void hin_directory_free(struct hin_directory *d)
{
	if (d == NULL)
		return;
	free(d->organisations);
	free(d->contacts);
	free(d->holdings);
	free(d->by_handle);
	free(d->by_contact);
	hin_arena_fini(&d->arena);
	free(d);
}

const char *hin_directory_keep(struct hin_directory *d, const char *text)
{
	return text == NULL || text[0] == '\0' ? "" : hin_arena_strdup(&d->arena, text);
}

/* The same without spaces around. */
static const char *keep_trimmed(struct hin_directory *d, const char *text)
{
	size_t n;

	while (*text == ' ')
		text++;
	for (n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
		;
	return n == 0 ? "" : hin_arena_copy(&d->arena, text, n);
}

const char *hin_directory_keep_source(struct hin_directory *d, const char *source)
{
	const char *kept;

	if (strcmp(d->last_source, source) == 0)
		return d->last_source;
	kept = hin_directory_keep(d, source);
	if (kept != NULL)
		d->last_source = kept;
	return kept;
}

/* Room for one more in an array of `count`. */
static enum hin_code grow(void **array, size_t *room, size_t count, size_t item, size_t limit,
			  const char *what, struct hin_error *err)
{
	size_t more = *room > 0 ? *room * 2 : 64;
	void *bigger;

	if (count >= limit)
		return hin_fail(err, HIN_ELIMIT, "more than %zu %s", limit, what);
	if (count < *room)
		return HIN_OK;
	bigger = reallocarray(*array, more, item);
	if (bigger == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu %s", more, what);
	*array = bigger;
	*room = more;
	return HIN_OK;
}

/* ---- hash tables of positions ---- */

static uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * 0x100000001b3u;
	h ^= h >> 29;
	return h * 0xbf58476d1ce4e5b9u;
}

static uint64_t hash_contact(const struct hin_directory_contact *c)
{
	return hash_text(hash_text(c->organisation + 0x9e3779b97f4a7c15u, c->channel), c->address);
}

static uint64_t hash_of(const struct hin_directory *d, bool contacts, size_t at)
{
	return contacts ? hash_contact(&d->contacts[at])
			: hash_text(0, d->organisations[at].handle);
}

static void put(uint32_t *table, size_t size, uint64_t hash, size_t at)
{
	size_t slot = (size_t)(hash >> 20) & (size - 1);

	while (table[slot] != 0)
		slot = (slot + 1) & (size - 1);
	table[slot] = (uint32_t)at + 1;
}

/* Enter item `at`, the last one; the table doubles when half of it is used. */
static enum hin_code enter(struct hin_directory *d, bool contacts, size_t at, struct hin_error *err)
{
	uint32_t **table = contacts ? &d->by_contact : &d->by_handle;
	size_t *size = contacts ? &d->by_contact_size : &d->by_handle_size;

	if ((at + 1) * 2 > *size) {
		size_t more = *size > 0 ? *size * 2 : 256;
		uint32_t *bigger = calloc(more, sizeof(*bigger));

		if (bigger == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for a table of %zu", more);
		for (size_t i = 0; i < at; i++)
			put(bigger, more, hash_of(d, contacts, i), i);
		free(*table);
		*table = bigger;
		*size = more;
	}
	put(*table, *size, hash_of(d, contacts, at), at);
	return HIN_OK;
}

uint32_t hin_directory_find(const struct hin_directory *d, const char *handle)
{
	size_t slot;

	if (d->by_handle_size == 0)
		return HIN_DIRECTORY_NONE;
	slot = (size_t)(hash_text(0, handle) >> 20) & (d->by_handle_size - 1);
	for (; d->by_handle[slot] != 0; slot = (slot + 1) & (d->by_handle_size - 1))
		if (strcmp(d->organisations[d->by_handle[slot] - 1].handle, handle) == 0)
			return d->by_handle[slot] - 1;
	return HIN_DIRECTORY_NONE;
}

uint32_t hin_directory_find_contact(const struct hin_directory *d, uint32_t organisation,
				    const char *channel, const char *address)
{
	struct hin_directory_contact wanted = { .organisation = organisation,
						.channel = channel,
						.address = address };
	size_t slot;

	if (d->by_contact_size == 0)
		return HIN_DIRECTORY_NONE;
	slot = (size_t)(hash_contact(&wanted) >> 20) & (d->by_contact_size - 1);
	for (; d->by_contact[slot] != 0; slot = (slot + 1) & (d->by_contact_size - 1)) {
		const struct hin_directory_contact *c = &d->contacts[d->by_contact[slot] - 1];

		if (c->organisation == organisation && strcmp(c->channel, channel) == 0 &&
		    strcmp(c->address, address) == 0)
			return d->by_contact[slot] - 1;
	}
	return HIN_DIRECTORY_NONE;
}

/* ---- organisations ---- */

/* `handle` in small letters; HIN_EFORMAT for what is none. */
static enum hin_code read_handle(char out[HIN_DIRECTORY_HANDLE + 1], const char *handle,
				 struct hin_error *err)
{
	char shown[80];
	size_t n = strlen(handle);

	if (n == 0)
		return hin_fail(err, HIN_EFORMAT, "no organisation is named");
	for (size_t i = 0; i < n && n <= HIN_DIRECTORY_HANDLE; i++) {
		char c = (char)tolower((unsigned char)handle[i]);

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (i > 0 && strchr("-._", c) != NULL)))
			n = HIN_DIRECTORY_HANDLE + 1;
		else
			out[i] = c;
	}
	if (n > HIN_DIRECTORY_HANDLE)
		return hin_fail(err, HIN_EFORMAT,
				"organisation \"%s\" is not 1-%d of a-z, 0-9, \"-\", \".\", \"_\", "
				"a letter or digit first",
				hin_error_text(shown, sizeof(shown), handle), HIN_DIRECTORY_HANDLE);
	out[n] = '\0';
	return HIN_OK;
}

enum hin_code hin_directory_organisation(struct hin_directory *d, const char *handle,
					 const char *source, uint32_t *index, struct hin_error *err)
{
	struct hin_directory_organisation *o;
	char small[HIN_DIRECTORY_HANDLE + 1];
	enum hin_code code = read_handle(small, handle, err);

	if (code != HIN_OK)
		return code;
	*index = hin_directory_find(d, small);
	if (*index != HIN_DIRECTORY_NONE)
		return HIN_OK;
	code = grow((void **)&d->organisations, &d->organisation_room, d->organisation_count,
		    sizeof(*d->organisations), HIN_DIRECTORY_ORGANISATIONS, "organisations", err);
	if (code != HIN_OK)
		return code;
	o = &d->organisations[d->organisation_count];
	*o = (struct hin_directory_organisation){ .handle = hin_directory_keep(d, small),
						  .name = "",
						  .name_ja = "",
						  .country = "",
						  .language = "en",
						  .sector = "",
						  .tlp = "amber",
						  .source = hin_directory_keep_source(d, source) };
	if (o->handle == NULL || o->source == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for an organisation");
	code = enter(d, false, d->organisation_count, err);
	if (code == HIN_OK)
		*index = (uint32_t)d->organisation_count++;
	return code;
}

void hin_directory_back(struct hin_directory *d, const struct hin_directory_mark *mark)
{
	size_t slot;

	d->holding_count = mark->holding_count;
	if (d->organisation_count == mark->organisation_count) {
		d->organisations[mark->organisation] = mark->before;
		return;
	}
	/* the one entered last: nothing was put behind it in the table */
	slot = (size_t)(hash_text(0, mark->before.handle) >> 20) & (d->by_handle_size - 1);
	while (d->by_handle[slot] != mark->organisation + 1)
		slot = (slot + 1) & (d->by_handle_size - 1);
	d->by_handle[slot] = 0;
	d->organisation_count = mark->organisation_count;
}

/* The one of `words` that `value` is, small or capital; "did you mean" when it is none. */
static enum hin_code read_word(const char **out, const char *const *words, const char *what,
			       const char *value, struct hin_error *err)
{
	char shown[80];
	struct hin_suggest s = { .wanted = hin_error_text(shown, sizeof(shown), value) };

	for (; *words != NULL; words++) {
		if (strcasecmp(*words, value) == 0) {
			*out = *words;
			return HIN_OK;
		}
		if (**words != '\0')
			hin_suggest_offer(&s, *words);
	}
	return hin_suggest_fail(&s, HIN_EFORMAT, what, "", err);
}

static enum hin_code read_sector(const char **out, const char *value, struct hin_error *err)
{
	const char *words[HIN_COUNT(sectors) + 1] = { NULL };

	for (size_t i = 0; i < HIN_COUNT(sectors); i++) {
		if (strcmp(value, sectors[i].text[HIN_JA]) == 0)
			value = sectors[i].word;
		words[i] = sectors[i].word;
	}
	return read_word(out, words, "sector", value, err);
}

static enum hin_code read_country(struct hin_directory *d, const char **out, const char *value,
				  struct hin_error *err)
{
	char shown[80], two[3] = "";

	if (strlen(value) == 2 && isalpha((unsigned char)value[0]) &&
	    isalpha((unsigned char)value[1])) {
		two[0] = (char)toupper((unsigned char)value[0]);
		two[1] = (char)toupper((unsigned char)value[1]);
	} else {
		return hin_fail(err, HIN_EFORMAT, "country \"%s\" is not two letters (ISO 3166)",
				hin_error_text(shown, sizeof(shown), value));
	}
	*out = hin_directory_keep(d, two);
	return *out != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for a country");
}

static enum hin_code read_name(struct hin_directory *d, const char **out, const char *value,
			       struct hin_error *err)
{
	enum hin_code code = hin_directory_check_text("the name", value, HIN_DIRECTORY_TEXT, err);

	if (code != HIN_OK)
		return code;
	*out = keep_trimmed(d, value);
	return *out != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for a name");
}

static enum hin_code read_member(bool *out, const char *value, struct hin_error *err)
{
	static const struct hin_value_rule rule = { HIN_VALUE_BOOL };

	return hin_value_read(&rule, out, "member", value, err);
}

/* One value of an organisation that was said twice, and differently. */
static enum hin_code fail_twice(const struct hin_directory_organisation *o, const char *before,
				const char *now, struct hin_error *err)
{
	char a[64], b[64];

	return hin_fail(err, HIN_EVERIFY, "%.40s: \"%s\" here and \"%s\" before", o->handle,
			hin_error_text(a, sizeof(a), now), hin_error_text(b, sizeof(b), before));
}

enum hin_code hin_directory_set(struct hin_directory *d, uint32_t organisation, uint8_t field,
				const char *value, struct hin_error *err)
{
	struct hin_directory_organisation *o = &d->organisations[organisation];
	const char *text = "", **target = NULL;
	bool member = o->member;
	enum hin_code code = HIN_OK;

	switch (field) {
	case HIN_ORGANISATION_NAME:
	case HIN_ORGANISATION_NAME_JA:
		target = field == HIN_ORGANISATION_NAME ? &o->name : &o->name_ja;
		code = read_name(d, &text, value, err);
		break;
	case HIN_ORGANISATION_COUNTRY:
		target = &o->country;
		code = read_country(d, &text, value, err);
		break;
	case HIN_ORGANISATION_LANGUAGE:
		target = &o->language;
		code = read_word(&text, languages, "language", value, err);
		break;
	case HIN_ORGANISATION_SECTOR:
		target = &o->sector;
		code = read_sector(&text, value, err);
		break;
	case HIN_ORGANISATION_TLP:
		target = &o->tlp;
		code = read_word(&text, tlps, "TLP", value, err);
		break;
	default:
		code = read_member(&member, value, err);
		text = value;
		break;
	}
	if (code != HIN_OK)
		return code;
	if (target == NULL) {
		if ((o->given & field) != 0 && member != o->member)
			return fail_twice(o, o->member ? "member" : "no member", value, err);
		o->member = member;
	} else {
		if ((o->given & field) != 0 && strcmp(*target, text) != 0)
			return fail_twice(o, *target, text, err);
		*target = text;
	}
	o->given |= field;
	return HIN_OK;
}

/* ---- contacts ---- */

/* "22:00-07:00 Asia/Tokyo", or "". */
static bool is_quiet(const char *text)
{
	static const char form[] = "dd:dd-dd:dd ";

	if (text[0] == '\0')
		return true;
	for (size_t i = 0; i < sizeof(form) - 1; i++)
		if (form[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	/* two digits compare as numbers do */
	if (strncmp(text, "24", 2) >= 0 || text[3] > '5' || strncmp(text + 6, "24", 2) >= 0 ||
	    text[9] > '5')
		return false;
	text += sizeof(form) - 1;
	if (strlen(text) == 0 || strlen(text) > 40 || strstr(text, "..") != NULL)
		return false;
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("/_+-", *text) == NULL)
			return false;
	return true;
}

static enum hin_code check_contact(struct hin_directory *d, struct hin_directory_contact *c,
				   struct hin_error *err)
{
	char shown[96];
	enum hin_code code = HIN_OK;

	if (c->role == NULL || c->role[0] == '\0')
		c->role = "abuse";
	else
		code = read_word(&c->role, roles, "role of a contact", c->role, err);
	if (c->channel == NULL || c->channel[0] == '\0')
		c->channel = "mail";
	else if (code == HIN_OK)
		code = read_word(&c->channel, channels, "channel", c->channel, err);
	if (c->language == NULL || c->language[0] == '\0')
		c->language = "";
	else if (code == HIN_OK)
		code = read_word(&c->language, languages, "language", c->language, err);
	if (code == HIN_OK)
		code = read_word(&c->digest, digests, "digest", c->digest != NULL ? c->digest : "",
				 err);
	if (code != HIN_OK)
		return code;
	if (c->quiet == NULL)
		c->quiet = "";
	if (!is_quiet(c->quiet))
		return hin_fail(err, HIN_EFORMAT,
				"quiet hours \"%s\" are not as \"22:00-07:00 Asia/Tokyo\"",
				hin_error_text(shown, sizeof(shown), c->quiet));
	if (strcmp(c->channel, "webhook") == 0 ? !hin_directory_is_url(c->address)
					       : !hin_directory_is_mail(c->address))
		return hin_fail(err, HIN_EFORMAT, "\"%s\" is no %s",
				hin_error_text(shown, sizeof(shown), c->address),
				strcmp(c->channel, "webhook") == 0 ? "URL" : "mail address");
	c->quiet = hin_directory_keep(d, c->quiet);
	return c->quiet != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for a contact");
}

enum hin_code hin_directory_add_contact(struct hin_directory *d,
					const struct hin_directory_contact *contact,
					struct hin_error *err)
{
	struct hin_directory_contact c = *contact;
	enum hin_code code;

	if (contact->channel != NULL && contact->channel[0] != '\0' &&
	    hin_directory_find_contact(d, c.organisation, c.channel, c.address) !=
		    HIN_DIRECTORY_NONE)
		return HIN_OK; /* each row of a file names it */
	code = check_contact(d, &c, err);
	if (code == HIN_OK && hin_directory_find_contact(d, c.organisation, c.channel, c.address) !=
				      HIN_DIRECTORY_NONE)
		return HIN_OK;
	if (code == HIN_OK)
		code = grow((void **)&d->contacts, &d->contact_room, d->contact_count,
			    sizeof(*d->contacts), HIN_DIRECTORY_CONTACTS, "contacts", err);
	if (code != HIN_OK)
		return code;
	c.address = hin_directory_keep(d, c.address);
	c.source = hin_directory_keep_source(d, c.source);
	c.state = c.state != NULL ? hin_directory_keep(d, c.state) : "ok";
	if (c.address == NULL || c.source == NULL || c.state == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a contact");
	d->contacts[d->contact_count] = c;
	code = enter(d, true, d->contact_count, err);
	if (code == HIN_OK)
		d->contact_count++;
	return code;
}

/* ---- holdings ---- */

bool hin_directory_is_too_wide(const struct hin_addr *low, const struct hin_addr *high)
{
	unsigned bits =
		hin_addr_is_v4(low) ? 32 - HIN_DIRECTORY_WIDEST_V4 : 128 - HIN_DIRECTORY_WIDEST_V6;

	return (wide_of(high) - wide_of(low)) >> bits != 0;
}

static enum hin_code check_name(struct hin_directory *d, struct hin_directory_holding *h,
				struct hin_error *err)
{
	char small[256], shown[80];
	size_t n = strlen(h->name);

	if (n > 0 && h->name[n - 1] == '.')
		n--;
	if (n < sizeof(small) && is_host(h->name, n)) {
		for (size_t i = 0; i < n; i++)
			small[i] = (char)tolower((unsigned char)h->name[i]);
		small[n] = '\0';
		h->name = hin_directory_keep(d, small);
		return h->name != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for a name");
	}
	return hin_fail(err, HIN_EFORMAT,
			"\"%s\" is no domain name (write other alphabets as xn--...)",
			hin_error_text(shown, sizeof(shown), h->name));
}

static enum hin_code check_holding(struct hin_directory *d, struct hin_directory_holding *h,
				   struct hin_error *err)
{
	char low[HIN_ADDR_TEXT], high[HIN_ADDR_TEXT];
	enum hin_code code = HIN_OK;

	if (h->kind == HIN_HOLDING_PREFIX) {
		hin_addr_format(&h->low, low);
		hin_addr_format(&h->high, high);
		if (hin_addr_is_v4(&h->low) != hin_addr_is_v4(&h->high))
			return hin_fail(err, HIN_EFORMAT, "%s and %s are of two families", low,
					high);
		if (hin_addr_compare(&h->low, &h->high) > 0)
			return hin_fail(err, HIN_ERANGE, "the range %s - %s ends before it begins",
					low, high);
		if (hin_directory_is_too_wide(&h->low, &h->high))
			return hin_fail(err, HIN_ERANGE,
					"the range %s - %s is wider than /%d: nobody's own", low,
					high,
					hin_addr_is_v4(&h->low) ? HIN_DIRECTORY_WIDEST_V4
								: HIN_DIRECTORY_WIDEST_V6);
		h->name = "";
	} else if (h->kind == HIN_HOLDING_NAME) {
		code = check_name(d, h, err);
	} else {
		h->name = "";
		if (h->asn == 0 || h->asn == UINT32_MAX)
			code = hin_fail(err, HIN_ERANGE, "AS%u is reserved", h->asn);
	}
	if (code == HIN_OK && h->until_us != 0 && h->until_us <= h->from_us)
		code = hin_fail(err, HIN_ERANGE, "a holding ends before it begins");
	if (code == HIN_OK)
		code = hin_directory_check_text("the label", h->label, HIN_DIRECTORY_TEXT, err);
	return code;
}

enum hin_code hin_directory_add_holding(struct hin_directory *d,
					const struct hin_directory_holding *holding,
					struct hin_error *err)
{
	struct hin_directory_holding h = *holding;
	enum hin_code code;

	if (h.label == NULL)
		h.label = "";
	code = check_holding(d, &h, err);
	if (code == HIN_OK)
		code = grow((void **)&d->holdings, &d->holding_room, d->holding_count,
			    sizeof(*d->holdings), HIN_DIRECTORY_HOLDINGS, "holdings", err);
	if (code != HIN_OK)
		return code;
	if (d->holding_count > 0 && strcmp(d->holdings[d->holding_count - 1].label, h.label) == 0)
		h.label = d->holdings[d->holding_count - 1].label;
	else
		h.label = keep_trimmed(d, h.label);
	h.source = hin_directory_keep_source(d, h.source);
	if (h.label == NULL || h.source == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a holding");
	d->holdings[d->holding_count++] = h;
	return HIN_OK;
}

/* "10.0.0.0/8", "10.0.0.1", "10.0.0.0 - 10.0.0.255", "AS64500" or "city.example". */
enum hin_code hin_directory_read_holding(struct hin_directory_holding *h, const char *text,
					 struct hin_error *err)
{
	char low[HIN_ADDR_TEXT], shown[80];
	const char *dash = strchr(text, '-');
	struct hin_prefix prefix;
	enum hin_code code;
	uint64_t asn;
	size_t n;

	if (strncasecmp(text, "AS", 2) == 0 && isdigit((unsigned char)text[2])) {
		h->kind = HIN_HOLDING_AS;
		code = hin_number_u64(&asn, "AS number", text + 2, 1, UINT32_MAX - 1, err);
		h->asn = (uint32_t)asn;
		return code;
	}
	h->kind = HIN_HOLDING_PREFIX;
	for (n = dash != NULL ? (size_t)(dash - text) : 0; n > 0 && text[n - 1] == ' '; n--)
		;
	if (n > 0 && n < sizeof(low)) {
		memcpy(low, text, n);
		low[n] = '\0';
		if (hin_addr_parse(&h->low, low) == HIN_OK) {
			for (dash++; *dash == ' '; dash++)
				;
			if (hin_addr_parse(&h->high, dash) == HIN_OK)
				return HIN_OK;
			return hin_fail(err, HIN_EFORMAT, "\"%s\" is no range of addresses",
					hin_error_text(shown, sizeof(shown), text));
		}
	}
	if (strpbrk(text, ":/") != NULL || hin_addr_parse(&h->low, text) == HIN_OK) {
		code = hin_prefix_parse(&prefix, text, err);
		if (code == HIN_OK)
			hin_directory_prefix_ends(&prefix, &h->low, &h->high);
		return code;
	}
	h->kind = HIN_HOLDING_NAME;
	h->name = text;
	return HIN_OK;
}

void hin_directory_prefix_ends(const struct hin_prefix *p, struct hin_addr *low,
			       struct hin_addr *high)
{
	unsigned len = p->len + (hin_addr_is_v4(&p->addr) ? 96u : 0u);

	*low = *high = p->addr;
	for (unsigned at = len; at < 128; at++)
		high->b[at / 8] |= (uint8_t)(0x80 >> at % 8);
}

bool hin_prefix_is_whole(const struct hin_prefix *p)
{
	unsigned len = p->len + (hin_addr_is_v4(&p->addr) ? 96u : 0u);

	for (unsigned at = len; at < 128; at++)
		if ((p->addr.b[at / 8] >> (7 - at % 8) & 1) != 0)
			return false;
	return true;
}

/* ---- reading a file ---- */

enum hin_code hin_directory_refuse(struct hin_directory_notes *notes, const char *name, size_t line,
				   const char *why, struct hin_error *err)
{
	struct hin_error text;

	(void)hin_fail(&text, HIN_EFORMAT, "%.60s:%zu: %s", name, line, why);
	if (notes->note != NULL)
		notes->note(notes->user, text.text);
	if (++notes->refused < HIN_DIRECTORY_REFUSED)
		return HIN_OK;
	return hin_fail(err, HIN_ELIMIT, "%.60s:%zu: %u lines are wrong: is it this format?", name,
			line, HIN_DIRECTORY_REFUSED);
}

enum hin_code hin_directory_parse(struct hin_directory *d, enum hin_directory_format format,
				  const char *name, const char *source, const void *data,
				  size_t size, struct hin_directory_notes *notes,
				  struct hin_error *err)
{
	struct hin_directory_input in = { d, name, source, notes };
	const char *text = data;

	if (size > HIN_DIRECTORY_FILE)
		return hin_fail(err, HIN_ELIMIT, "%.80s is larger than %zu bytes", name,
				HIN_DIRECTORY_FILE);
	if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
		return hin_fail(err, HIN_EFORMAT, "%.80s is UTF-16: save it as UTF-8", name);
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		size -= 3;
	}
	switch (format) {
	case HIN_DIRECTORY_CSV:
		return hin_directory_parse_csv(&in, text, size, err);
	case HIN_DIRECTORY_RPSL:
		return hin_directory_parse_rpsl(&in, text, size, err);
	case HIN_DIRECTORY_JPNIC:
		return hin_directory_parse_jpnic(&in, text, size, err);
	default:
		return hin_directory_parse_rdap(&in, text, size, err);
	}
}
