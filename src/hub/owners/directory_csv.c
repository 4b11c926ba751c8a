/* directory_csv - the directory as a table that a spreadsheet can hold; see directory.h
 *
 * A row names an organisation and may have one holding and one contact of it; what was said of the
 * organisation in a row before may be left empty.
 */
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "base/time.h"
#include "hub/owners/directory_priv.h"

enum column {
	C_ORGANISATION,
	C_NAME,
	C_NAME_JA,
	C_COUNTRY,
	C_LANGUAGE,
	C_SECTOR,
	C_TLP,
	C_MEMBER,
	C_HOLDING,
	C_LABEL,
	C_FROM,
	C_UNTIL,
	C_CONTACT,
	C_ROLE,
	C_CHANNEL,
	C_CONTACT_LANGUAGE,
	C_QUIET,
	C_DIGEST,
	COLUMNS,
};

static const char *const titles[COLUMNS] = {
	"organisation", "name",	  "name_ja", "country",
	"language",	"sector", "tlp",     "member",
	"holding",	"label",  "from",    "until",
	"contact",	"role",	  "channel", "contact_language",
	"quiet",	"digest",
};

/* The columns that set a field of an organisation. */
static const struct {
	enum column column;
	uint8_t field;
} fields[] = {
	{ C_NAME, HIN_ORGANISATION_NAME },	 { C_NAME_JA, HIN_ORGANISATION_NAME_JA },
	{ C_COUNTRY, HIN_ORGANISATION_COUNTRY }, { C_LANGUAGE, HIN_ORGANISATION_LANGUAGE },
	{ C_SECTOR, HIN_ORGANISATION_SECTOR },	 { C_TLP, HIN_ORGANISATION_TLP },
	{ C_MEMBER, HIN_ORGANISATION_MEMBER },
};

struct table {
	struct hin_csv csv;
	size_t position[COLUMNS]; /* 1 is the first; 0: not there */
};

static const char *cell(const struct table *t, enum column column)
{
	return t->position[column] == 0 ? "" : hin_csv_cell(&t->csv, t->position[column] - 1);
}

static enum hin_code read_titles(struct table *t, const char *name, struct hin_error *err)
{
	struct hin_error why = { 0 };
	enum hin_code code = hin_csv_next(&t->csv, &why);

	if (code == HIN_EOF)
		return hin_fail(err, HIN_EFORMAT, "%.80s is empty: its first line has the titles",
				name);
	if (code != HIN_OK)
		return hin_fail(err, code, "%.80s:%zu: %s", name, t->csv.line, why.text);
	if (t->csv.count == 1 && strchr(hin_csv_cell(&t->csv, 0), ';') != NULL)
		return hin_fail(
			err, HIN_EFORMAT,
			"%.80s:%zu: the separator seems to be \";\", and \",\" is expected: "
			"save it with commas",
			name, t->csv.line);
	for (size_t i = 0; i < t->csv.count; i++) {
		char shown[64];
		struct hin_suggest s = { .wanted = hin_escape_text(shown, sizeof(shown),
								   hin_csv_cell(&t->csv, i)) };
		size_t c = 0;

		while (c < COLUMNS && strcasecmp(hin_csv_cell(&t->csv, i), titles[c]) != 0)
			hin_suggest_offer(&s, titles[c++]);
		if (c == COLUMNS) {
			(void)hin_suggest_fail(&s, HIN_EFORMAT, "column", "", &why);
			return hin_fail(err, HIN_EFORMAT, "%.80s:%zu: %s", name, t->csv.line,
					why.text);
		}
		if (t->position[c] != 0)
			return hin_fail(err, HIN_EFORMAT, "%.80s:%zu: column \"%s\" twice", name,
					t->csv.line, titles[c]);
		t->position[c] = i + 1;
	}
	if (t->position[C_ORGANISATION] == 0)
		return hin_fail(err, HIN_EFORMAT, "%.80s:%zu: there is no column \"organisation\"",
				name, t->csv.line);
	return HIN_OK;
}

static enum hin_code read_time(int64_t *out_us, const char *what, const char *text,
			       struct hin_error *err)
{
	struct hin_error why = { 0 };
	int64_t ns;

	*out_us = 0;
	if (text[0] == '\0')
		return HIN_OK;
	if (hin_time_parse(&ns, text, 0, &why) != HIN_OK)
		return hin_fail(err, HIN_EFORMAT, "%s: %s", what, why.text);
	if (ns <= 0)
		return hin_fail(err, HIN_ERANGE, "%s: before 1970", what);
	*out_us = ns / HIN_NS_PER_US;
	return HIN_OK;
}

static enum hin_code read_holding(const struct hin_directory_input *in, const struct table *t,
				  uint32_t organisation, struct hin_error *err)
{
	struct hin_directory_holding h = { .organisation = organisation,
					   .label = cell(t, C_LABEL),
					   .source = in->source };
	enum hin_code code = hin_directory_read_holding(&h, cell(t, C_HOLDING), err);

	if (code == HIN_OK)
		code = read_time(&h.from_us, "from", cell(t, C_FROM), err);
	if (code == HIN_OK)
		code = read_time(&h.until_us, "until", cell(t, C_UNTIL), err);
	return code == HIN_OK ? hin_directory_add_holding(in->d, &h, err) : code;
}

static enum hin_code read_contact(const struct hin_directory_input *in, const struct table *t,
				  uint32_t organisation, struct hin_error *err)
{
	struct hin_directory_contact c = { .organisation = organisation,
					   .address = cell(t, C_CONTACT),
					   .role = cell(t, C_ROLE),
					   .channel = cell(t, C_CHANNEL),
					   .language = cell(t, C_CONTACT_LANGUAGE),
					   .quiet = cell(t, C_QUIET),
					   .digest = cell(t, C_DIGEST),
					   .source = in->source };

	return hin_directory_add_contact(in->d, &c, err);
}

/* All of a row, or nothing of it. */
static enum hin_code read_row(const struct hin_directory_input *in, const struct table *t,
			      struct hin_error *err)
{
	struct hin_directory_mark mark = { .organisation_count = in->d->organisation_count,
					   .holding_count = in->d->holding_count };
	uint32_t organisation;
	enum hin_code code;

	if (t->csv.count > COLUMNS)
		return hin_fail(err, HIN_EFORMAT, "more cells than titles: is a comma unquoted?");
	code = hin_directory_organisation(in->d, cell(t, C_ORGANISATION), in->source, &organisation,
					  err);
	if (code != HIN_OK)
		return code;
	mark.organisation = organisation;
	mark.before = in->d->organisations[organisation];
	for (size_t i = 0; code == HIN_OK && i < HIN_COUNT(fields); i++)
		if (cell(t, fields[i].column)[0] != '\0')
			code = hin_directory_set(in->d, organisation, fields[i].field,
						 cell(t, fields[i].column), err);
	if (code == HIN_OK && cell(t, C_HOLDING)[0] != '\0')
		code = read_holding(in, t, organisation, err);
	if (code == HIN_OK && cell(t, C_CONTACT)[0] != '\0')
		code = read_contact(in, t, organisation, err);
	if (code != HIN_OK)
		hin_directory_back(in->d, &mark);
	return code;
}

enum hin_code hin_directory_parse_csv(const struct hin_directory_input *in, const char *text,
				      size_t size, struct hin_error *err)
{
	struct table t = { .position = { 0 } };
	struct hin_error why = { 0 };
	enum hin_code code;

	hin_csv_init(&t.csv, text, size);
	code = read_titles(&t, in->name, err);
	while (code == HIN_OK) {
		code = hin_csv_next(&t.csv, &why);
		if (code == HIN_EOF)
			break;
		if (code == HIN_OK)
			code = read_row(in, &t, &why);
		if (code == HIN_ENOMEM ||
		    (code == HIN_ELIMIT && in->d->holding_count >= HIN_DIRECTORY_HOLDINGS)) {
			(void)hin_fail(err, code, "%s", why.text);
			break;
		}
		if (code != HIN_OK)
			code = hin_directory_refuse(in->notes, in->name, t.csv.line, why.text, err);
	}
	hin_csv_fini(&t.csv);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- writing ---- */

void hin_csv_put(struct hin_buffer *out, const char *text)
{
	if (strpbrk(text, ",\"\n\r#") == NULL && text[0] != ' ') {
		hin_buffer_puts(out, text);
		return;
	}
	hin_buffer_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			hin_buffer_putc(out, '"');
		hin_buffer_putc(out, *text);
	}
	hin_buffer_putc(out, '"');
}

char *hin_directory_holding_text(char out[HIN_HOLDING_TEXT], const struct hin_directory_holding *h)
{
	char low[HIN_ADDR_TEXT], high[HIN_ADDR_TEXT];
	struct hin_prefix prefix = { .addr = h->low };
	struct hin_addr from, to;

	if (h->kind == HIN_HOLDING_AS) {
		snprintf(out, HIN_HOLDING_TEXT, "AS%u", h->asn);
		return out;
	}
	if (h->kind == HIN_HOLDING_NAME) {
		snprintf(out, HIN_HOLDING_TEXT, "%s", h->name);
		return out;
	}
	for (unsigned len = 0; len <= (hin_addr_is_v4(&h->low) ? 32u : 128u); len++) {
		prefix.len = (uint8_t)len;
		hin_directory_prefix_ends(&prefix, &from, &to);
		/* a shorter one may end there too, and begin before */
		if (hin_addr_equal(&to, &h->high) && hin_prefix_is_whole(&prefix))
			return hin_prefix_format(&prefix, out);
	}
	snprintf(out, HIN_HOLDING_TEXT, "%s - %s", hin_addr_format(&h->low, low),
		 hin_addr_format(&h->high, high));
	return out;
}

static void put_time(struct hin_buffer *out, int64_t time_us)
{
	char text[HIN_TIME_TEXT];

	if (time_us != 0)
		hin_buffer_puts(out,
				hin_time_format_iso(text, time_us * HIN_NS_PER_US, HIN_TIME_US));
}

static void put_organisation(struct hin_buffer *out, const struct hin_directory_organisation *o,
			     bool first)
{
	const char *const cells[] = { o->name,
				      o->name_ja,
				      o->country,
				      o->language,
				      o->sector,
				      o->tlp,
				      o->member ? "yes" : "no" };

	hin_csv_put(out, o->handle);
	for (size_t i = 0; i < HIN_COUNT(cells); i++) {
		hin_buffer_putc(out, ',');
		if (first)
			hin_csv_put(out, cells[i]);
	}
}

static void put_contact(struct hin_buffer *out, const struct hin_directory_contact *c)
{
	const char *const cells[] = { c->address,  c->role,  c->channel,
				      c->language, c->quiet, c->digest };

	for (size_t i = 0; i < HIN_COUNT(cells); i++) {
		hin_buffer_putc(out, ',');
		hin_csv_put(out, cells[i]);
	}
	hin_buffer_putc(out, '\n');
}

void hin_directory_export(const struct hin_directory *d, struct hin_buffer *out)
{
	char text[HIN_HOLDING_TEXT];

	for (size_t c = 0; c < COLUMNS; c++)
		hin_buffer_printf(out, "%s%s", c > 0 ? "," : "", titles[c]);
	hin_buffer_putc(out, '\n');
	for (size_t i = 0; i < d->organisation_count; i++) {
		put_organisation(out, &d->organisations[i], true);
		hin_buffer_puts(out, ",,,,,,,,,,\n");
	}
	for (size_t i = 0; i < d->contact_count; i++) {
		const struct hin_directory_contact *c = &d->contacts[i];

		put_organisation(out, &d->organisations[c->organisation], false);
		hin_buffer_puts(out, ",,,,");
		put_contact(out, c);
	}
	for (size_t i = 0; i < d->holding_count; i++) {
		const struct hin_directory_holding *h = &d->holdings[i];

		put_organisation(out, &d->organisations[h->organisation], false);
		hin_buffer_putc(out, ',');
		hin_csv_put(out, hin_directory_holding_text(text, h));
		hin_buffer_putc(out, ',');
		hin_csv_put(out, h->label);
		hin_buffer_putc(out, ',');
		put_time(out, h->from_us);
		hin_buffer_putc(out, ',');
		put_time(out, h->until_us);
		hin_buffer_puts(out, ",,,,,,\n");
	}
}
