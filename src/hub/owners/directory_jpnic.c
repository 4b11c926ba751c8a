/* directory_jpnic - what JPNIC's whois answers, one answer behind the other; see directory.h
 *
 *	Network Information: [ネットワーク情報]
 *	a. [IPネットワークアドレス]     192.0.2.0/24
 *	b. [ネットワーク名]             EXAMPLE-NET
 *	f. [組織名]                     例示株式会社
 *	g. [Organization]               Example Inc.
 *	n. [技術連絡担当者]             XX1234JP
 *	[割当年月日]                    2019/02/16
 *
 * with English titles too ("/e"), in UTF-8, ISO-2022-JP or EUC-JP. A block begins with its first
 * title. A first pass keeps the mail addresses of people and groups, a second one reads networks
 * and AS numbers; so answers about both may come in any order. Lists of wider and narrower networks
 * under a block, postal addresses, name servers and names of people are passed over.
 *
 * An organisation is known by its two names, for JPNIC gives it no handle.
 */
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "base/time.h"
#include "hub/owners/charset.h"
#include "hub/owners/directory_priv.h"

#define HANDLES 16 /* contacts of one block; more are of no use */
#define CARDS 2000000u
#define JST_NS (9 * HIN_NS_PER_HOUR)

enum title {
	TITLE_OTHER,
	TITLE_NETWORK, /* these four begin a block */
	TITLE_AS,
	TITLE_HANDLE,
	TITLE_GROUP,
	TITLE_NAME, /* of the network or AS */
	TITLE_ORGANISATION_JA,
	TITLE_ORGANISATION,
	TITLE_ADMIN,
	TITLE_TECH,
	TITLE_ABUSE,
	TITLE_MAIL,
	TITLE_ASSIGNED,
	TITLE_RETURNED,
};

static const struct {
	const char *text;
	enum title title;
} titles[] = {
	{ "IPネットワークアドレス", TITLE_NETWORK },
	{ "IPv6ネットワークアドレス", TITLE_NETWORK },
	{ "Network Number", TITLE_NETWORK },
	{ "AS番号", TITLE_AS },
	{ "AS Number", TITLE_AS },
	{ "JPNICハンドル", TITLE_HANDLE },
	{ "JPNIC Handle", TITLE_HANDLE },
	{ "グループハンドル", TITLE_GROUP },
	{ "Group Handle", TITLE_GROUP },
	{ "ネットワーク名", TITLE_NAME },
	{ "Network Name", TITLE_NAME },
	{ "AS名", TITLE_NAME },
	{ "AS Name", TITLE_NAME },
	{ "組織名", TITLE_ORGANISATION_JA },
	{ "Organization", TITLE_ORGANISATION },
	{ "管理者連絡窓口", TITLE_ADMIN },
	{ "運用責任者", TITLE_ADMIN },
	{ "Administrative Contact", TITLE_ADMIN },
	{ "技術連絡担当者", TITLE_TECH },
	{ "Technical Contact", TITLE_TECH },
	{ "Abuse", TITLE_ABUSE },
	{ "Abuse Contact", TITLE_ABUSE },
	{ "不正アクセス連絡先", TITLE_ABUSE },
	{ "電子メール", TITLE_MAIL },
	{ "電子メイル", TITLE_MAIL },
	{ "E-Mail", TITLE_MAIL },
	{ "割当年月日", TITLE_ASSIGNED },
	{ "割振年月日", TITLE_ASSIGNED },
	{ "Assigned Date", TITLE_ASSIGNED },
	{ "Allocated Date", TITLE_ASSIGNED },
	{ "返却年月日", TITLE_RETURNED },
	{ "Return Date", TITLE_RETURNED },
};

/* Whoever can be written to. */
struct card {
	const char *handle, *mail;
};

struct block {
	enum title first;
	size_t line;
	const char *value, *name, *organisation, *organisation_ja, *abuse, *mail;
	const char *admin[HANDLES], *tech[HANDLES];
	size_t admin_count, tech_count;
	int64_t assigned_us, returned_us;
};

struct jpnic {
	const struct hin_directory_input *in;
	struct hin_charset *charset;
	struct hin_arena block_memory, card_memory;
	struct block block;
	struct card *cards; /* sorted before the second pass */
	size_t card_count, card_room;
	bool note; /* lines that are wrong: in the first pass only */
	bool any;  /* a title of ours was met */
	struct hin_error *err;
};

static enum hin_code refuse(struct jpnic *j, size_t line, const char *why)
{
	return j->note ? hin_directory_refuse(j->in->notes, j->in->name, line, why, j->err)
		       : HIN_OK;
}

/* ---- cards ---- */

static int compare_cards(const void *left, const void *right)
{
	const struct card *a = left, *b = right;

	return strcasecmp(a->handle, b->handle);
}

/* The mail address of a person or group; "" when it is not known. */
static const char *mail_of(const struct jpnic *j, const char *handle)
{
	struct card key = { .handle = handle };
	const struct card *found = j->card_count > 0 ? bsearch(&key, j->cards, j->card_count,
							       sizeof(*j->cards), compare_cards)
						     : NULL;

	return found != NULL ? found->mail : "";
}

static enum hin_code take_card(struct jpnic *j)
{
	const struct block *b = &j->block;
	struct card card;

	if ((b->first != TITLE_HANDLE && b->first != TITLE_GROUP) || b->mail == NULL ||
	    b->value[0] == '\0')
		return HIN_OK;
	if (!hin_directory_is_mail(b->mail))
		return refuse(j, b->line, "the e-mail of this contact is no mail address");
	if (j->card_count >= CARDS)
		return hin_fail(j->err, HIN_ELIMIT, "more than %u contacts", CARDS);
	if (j->card_count == j->card_room) {
		size_t room = j->card_room > 0 ? j->card_room * 2 : 256;
		struct card *more = reallocarray(j->cards, room, sizeof(*more));

		if (more == NULL)
			return hin_fail(j->err, HIN_ENOMEM, "no memory for %zu contacts", room);
		j->cards = more;
		j->card_room = room;
	}
	card.handle = hin_arena_strdup(&j->card_memory, b->value);
	card.mail = hin_arena_strdup(&j->card_memory, b->mail);
	if (card.handle == NULL || card.mail == NULL)
		return hin_fail(j->err, HIN_ENOMEM, "no memory for a contact");
	j->cards[j->card_count++] = card;
	return HIN_OK;
}

/* ---- networks ---- */

/* A name of the organisation; what is too long or strange for one is noted. */
static enum hin_code set(struct jpnic *j, uint32_t organisation, uint8_t field, const char *text)
{
	struct hin_directory_organisation *o = &j->in->d->organisations[organisation];
	struct hin_error why = { 0 };
	enum hin_code code;

	if (text == NULL || text[0] == '\0' || (o->given & field) != 0)
		return HIN_OK;
	code = hin_directory_set(j->in->d, organisation, field, text, &why);
	if (code == HIN_ENOMEM)
		return hin_fail(j->err, code, "%s", why.text);
	return code == HIN_OK ? HIN_OK
			      : hin_directory_refuse(j->in->notes, j->in->name, j->block.line,
						     why.text, j->err);
}

/* A handle of what there is: letters of the English name, or of the network's, and a digest. */
static void make_handle(const struct block *b, char out[HIN_DIRECTORY_HANDLE + 1])
{
	const char *parts[] = { b->organisation, b->organisation_ja };
	const char *name = b->organisation != NULL ? b->organisation : b->name;
	crypto_hash_sha256_state sha;
	uint8_t digest[32];
	size_t n = 0;

	if (b->organisation == NULL && b->organisation_ja == NULL)
		parts[0] = b->name; /* nobody is named: the network is its own */
	crypto_hash_sha256_init(&sha);
	for (size_t i = 0; i < HIN_COUNT(parts); i++) {
		const char *part = parts[i] != NULL ? parts[i] : "";

		crypto_hash_sha256_update(&sha, (const unsigned char *)part, strlen(part) + 1);
	}
	crypto_hash_sha256_final(&sha, digest);
	for (; name != NULL && *name != '\0' && n < 40; name++)
		if (isalnum((unsigned char)*name) && (unsigned char)*name < 0x80)
			out[n++] = (char)tolower((unsigned char)*name);
		else if (n > 0 && out[n - 1] != '-' && (*name == ' ' || *name == '-'))
			out[n++] = '-';
	if (n == 0)
		memcpy(out, "jpnic", n = 5);
	if (out[n - 1] != '-')
		out[n++] = '-';
	sodium_bin2hex(out + n, 11, digest, 5);
}

static enum hin_code add_mail(struct jpnic *j, uint32_t organisation, const char *role,
			      const char *mail)
{
	struct hin_directory_contact c = { .organisation = organisation,
					   .role = role,
					   .channel = "mail",
					   .address = mail,
					   .source = j->in->source };

	return mail[0] == '\0' ? HIN_OK : hin_directory_add_contact(j->in->d, &c, j->err);
}

/* A contact is a handle, or an address itself. */
static const char *address_of(const struct jpnic *j, const char *contact)
{
	return strchr(contact, '@') == NULL	? mail_of(j, contact)
	       : hin_directory_is_mail(contact) ? contact
						: "";
}

/* Who is for abuse; without one, who looks after it. */
static enum hin_code add_contacts(struct jpnic *j, uint32_t organisation)
{
	const struct block *b = &j->block;
	const char *abuse = b->abuse != NULL ? address_of(j, b->abuse) : "";
	enum hin_code code = HIN_OK;

	if (b->abuse != NULL && strchr(b->abuse, '@') != NULL && abuse[0] == '\0')
		return hin_directory_refuse(j->in->notes, j->in->name, b->line,
					    "the abuse contact is no mail address", j->err);
	if (abuse[0] != '\0')
		return add_mail(j, organisation, "abuse", abuse);
	for (size_t i = 0; i < b->tech_count && code == HIN_OK; i++)
		code = add_mail(j, organisation, "tech", address_of(j, b->tech[i]));
	for (size_t i = 0; i < b->admin_count && code == HIN_OK; i++)
		code = add_mail(j, organisation, "admin", address_of(j, b->admin[i]));
	return code;
}

static enum hin_code add_organisation(struct jpnic *j, uint32_t *organisation)
{
	const struct block *b = &j->block;
	char handle[HIN_DIRECTORY_HANDLE + 1];
	enum hin_code code;

	make_handle(b, handle);
	code = hin_directory_organisation(j->in->d, handle, j->in->source, organisation, j->err);
	if (code == HIN_OK)
		code = set(j, *organisation, HIN_ORGANISATION_NAME, b->organisation);
	if (code == HIN_OK)
		code = set(j, *organisation, HIN_ORGANISATION_NAME_JA, b->organisation_ja);
	if (code == HIN_OK)
		code = set(j, *organisation, HIN_ORGANISATION_COUNTRY, "JP");
	if (code == HIN_OK)
		code = set(j, *organisation, HIN_ORGANISATION_LANGUAGE, "ja");
	return code == HIN_OK ? add_contacts(j, *organisation) : code;
}

/* What the block is about; NULL, or why it is none of ours. */
static const char *read_range(const struct block *b, struct hin_directory_holding *h,
			      struct hin_error *why)
{
	bool as = b->first == TITLE_AS;
	char text[64];

	if (snprintf(text, sizeof(text), "%s%s",
		     as && isdigit((unsigned char)b->value[0]) ? "AS" : "",
		     b->value) >= (int)sizeof(text))
		return "neither a network nor an AS number";
	if (hin_directory_read_holding(h, text, why) != HIN_OK)
		return why->text;
	if (h->kind != (as ? HIN_HOLDING_AS : HIN_HOLDING_PREFIX))
		return as ? "this is no AS number" : "this is no network";
	/* one that begins where networks do and says no length is an old way to write a larger one
	 */
	if (!as && strpbrk(text, "/-") == NULL && hin_addr_is_v4(&h->low) && h->low.b[15] == 0)
		return "a network without its length";
	return NULL;
}

/* Second pass. */
static enum hin_code take_network(struct jpnic *j)
{
	struct hin_directory_holding h = { .source = j->in->source };
	const struct block *b = &j->block;
	struct hin_error why = { 0 };
	const char *wrong;
	enum hin_code code;

	if (b->first != TITLE_NETWORK && b->first != TITLE_AS)
		return HIN_OK;
	wrong = read_range(b, &h, &why);
	if (wrong != NULL)
		return hin_directory_refuse(j->in->notes, j->in->name, b->line, wrong, j->err);
	if (h.kind == HIN_HOLDING_PREFIX && hin_directory_is_too_wide(&h.low, &h.high)) {
		j->in->notes->skipped++; /* a registry's block */
		return HIN_OK;
	}
	h.label = b->name != NULL && hin_directory_check_text("", b->name, HIN_DIRECTORY_TEXT,
							      NULL) == HIN_OK
			  ? b->name
			  : "";
	h.from_us = b->assigned_us;
	h.until_us = b->returned_us;
	code = add_organisation(j, &h.organisation);
	if (code == HIN_OK) {
		code = hin_directory_add_holding(j->in->d, &h, &why);
		if (code == HIN_ENOMEM || code == HIN_ELIMIT)
			return hin_fail(j->err, code, "%s", why.text);
		if (code != HIN_OK)
			code = hin_directory_refuse(j->in->notes, j->in->name, b->line, why.text,
						    j->err);
	}
	return code;
}

/* ---- lines ---- */

/* "2019/02/16", the beginning of the day in Japan. */
static bool read_date(int64_t *out_us, const char *text)
{
	char date[sizeof("2019-02-16")] = "";
	size_t size = strcspn(text, " (");
	int64_t ns;

	if (size != sizeof(date) - 1 || text[4] != '/' || text[7] != '/')
		return false;
	memcpy(date, text, size);
	date[4] = date[7] = '-';
	if (hin_time_parse(&ns, date, 0, NULL) != HIN_OK || ns <= JST_NS)
		return false; /* no registry is older than 1970 */
	*out_us = (ns - JST_NS) / HIN_NS_PER_US;
	return true;
}

/* "a. [Title]   value" or "[Title]   value" into its parts; false for any other line. */
static bool split(char *line, char **title, char **value)
{
	char *at = line, *end;

	if (islower((unsigned char)at[0]) && at[1] == '.' && at[2] == ' ')
		at += 3;
	if (*at != '[' || at[1] == ' ')
		return false;
	end = strchr(at, ']');
	if (end == NULL || end == at + 1)
		return false;
	*end++ = '\0';
	*title = at + 1;
	end += strspn(end, " \t");
	*value = end;
	for (end += strlen(end); end > *value && (end[-1] == ' ' || end[-1] == '\t');)
		*--end = '\0';
	return true;
}

static enum title title_of(const char *text)
{
	for (size_t i = 0; i < HIN_COUNT(titles); i++)
		if (strcasecmp(titles[i].text, text) == 0)
			return titles[i].title;
	return TITLE_OTHER;
}

static enum hin_code keep(struct jpnic *j, const char **out, const char *value)
{
	if (*out != NULL || value[0] == '\0') /* the first word counts */
		return HIN_OK;
	*out = hin_arena_strdup(&j->block_memory, value);
	return *out != NULL ? HIN_OK : hin_fail(j->err, HIN_ENOMEM, "no memory for a block");
}

static enum hin_code keep_handle(struct jpnic *j, const char *list[HANDLES], size_t *count,
				 const char *value)
{
	if (*count == HANDLES || value[0] == '\0')
		return HIN_OK;
	list[*count] = NULL;
	return keep(j, &list[(*count)++], value);
}

static enum hin_code keep_date(struct jpnic *j, int64_t *out, const char *value, size_t line)
{
	if (value[0] == '\0' || read_date(out, value))
		return HIN_OK;
	return refuse(j, line, "the date is not of the form 2019/02/16");
}

static enum hin_code take_value(struct jpnic *j, enum title title, const char *value, size_t line)
{
	struct block *b = &j->block;

	switch (title) {
	case TITLE_NAME:
		return keep(j, &b->name, value);
	case TITLE_ORGANISATION_JA:
		return keep(j, &b->organisation_ja, value);
	case TITLE_ORGANISATION:
		return keep(j, &b->organisation, value);
	case TITLE_ADMIN:
		return keep_handle(j, b->admin, &b->admin_count, value);
	case TITLE_TECH:
		return keep_handle(j, b->tech, &b->tech_count, value);
	case TITLE_ABUSE:
		return keep(j, &b->abuse, value);
	case TITLE_MAIL:
		return keep(j, &b->mail, value);
	case TITLE_ASSIGNED:
		return keep_date(j, &b->assigned_us, value, line);
	case TITLE_RETURNED:
		return keep_date(j, &b->returned_us, value, line);
	default:
		return HIN_OK;
	}
}

typedef enum hin_code (*block_fn)(struct jpnic *j);

static enum hin_code end_block(struct jpnic *j, block_fn call)
{
	enum hin_code code = j->block.first != TITLE_OTHER ? call(j) : HIN_OK;

	j->block = (struct block){ 0 };
	hin_arena_reset(&j->block_memory);
	return code;
}

static enum hin_code take_line(struct jpnic *j, char *line, size_t number, block_fn call)
{
	char *title_text, *value;
	enum title title;
	enum hin_code code;

	if (!split(line, &title_text, &value))
		return HIN_OK;
	title = title_of(title_text);
	if (title == TITLE_OTHER)
		return HIN_OK;
	j->any = true;
	if (title > TITLE_GROUP)
		return j->block.first == TITLE_OTHER ? HIN_OK : take_value(j, title, value, number);
	code = end_block(j, call);
	if (code != HIN_OK)
		return code;
	j->block.first = title;
	j->block.line = number;
	code = keep(j, &j->block.value, value);
	if (code == HIN_OK && j->block.value == NULL) {
		j->block.first = TITLE_OTHER; /* what follows belongs to nothing */
		code = refuse(j, number, "the block says not what it is about");
	}
	return code;
}

/* Give each block of the file to `call`. */
static enum hin_code each_block(struct jpnic *j, const char *text, size_t size, block_fn call)
{
	struct hin_lines lines = { .at = text,
				   .end = text + size,
				   .line = malloc(HIN_DIRECTORY_LINE + 1),
				   .most = HIN_DIRECTORY_LINE };
	struct hin_buffer utf8 = { 0 };
	enum hin_code code =
		lines.line != NULL ? HIN_OK : hin_fail(j->err, HIN_ENOMEM, "no memory for a line");

	j->block = (struct block){ 0 };
	while (code == HIN_OK) {
		enum hin_code got = hin_lines_next(&lines);

		if (got == HIN_EOF)
			break;
		hin_buffer_reset(&utf8);
		if (got == HIN_OK)
			got = hin_charset_line(j->charset, &utf8, lines.line, lines.size);
		if (got == HIN_ENOMEM)
			code = hin_fail(j->err, got, "no memory for a line");
		else if (got != HIN_OK)
			code = refuse(j, lines.number,
				      got == HIN_ELIMIT ? "the line is too long"
							: "bytes that are no text of this file's "
							  "character set");
		else if (utf8.used > 0)
			code = take_line(j, utf8.data, lines.number, call);
	}
	if (code == HIN_OK)
		code = end_block(j, call);
	hin_buffer_fini(&utf8);
	free(lines.line);
	return code;
}

enum hin_code hin_directory_parse_jpnic(const struct hin_directory_input *in, const char *text,
					size_t size, struct hin_error *err)
{
	struct jpnic j = { .in = in, .err = err, .note = true };
	enum hin_code code = hin_charset_open(&j.charset, text, size, err);

	if (code == HIN_OK)
		code = each_block(&j, text, size, take_card);
	if (code == HIN_OK && j.card_count > 0)
		qsort(j.cards, j.card_count, sizeof(*j.cards), compare_cards);
	j.note = false;
	if (code == HIN_OK)
		code = each_block(&j, text, size, take_network);
	if (code == HIN_OK && !j.any)
		code = hin_fail(err, HIN_EFORMAT,
				"%.80s: no answer of JPNIC's whois was found (%s)", in->name,
				hin_charset_name(j.charset));
	hin_charset_close(j.charset);
	hin_arena_fini(&j.block_memory);
	hin_arena_fini(&j.card_memory);
	free(j.cards);
	return code;
}
