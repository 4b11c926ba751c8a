/* directory_show - list, show, check and export; see directory.h */
#include <stdio.h>
#include <stdlib.h>

#include "base/escape.h"
#include "base/geo.h"
#include "base/time.h"
#include "cmd/directory.h"
#include "hub/owners/loading.h"
#include "hub/owners/owners.h"

#define WORDS(X)                                                                                   \
	X(W_ORGANISATION, "organisation", "組織")                                                  \
	X(W_NAME, "name", "名称")                                                                  \
	X(W_COUNTRY, "country", "国")                                                              \
	X(W_LANGUAGE, "language", "言語")                                                          \
	X(W_SECTOR, "sector", "分野")                                                              \
	X(W_TLP, "TLP", "TLP")                                                                     \
	X(W_MEMBER, "member", "参加")                                                              \
	X(W_CONTACT, "contact", "連絡先")                                                          \
	X(W_ROLE, "role", "役割")                                                                  \
	X(W_CHANNEL, "channel", "手段")                                                            \
	X(W_STATE, "state", "状態")                                                                \
	X(W_HOLDING, "holding", "担当範囲")                                                        \
	X(W_LABEL, "label", "ラベル")                                                              \
	X(W_SOURCE, "source", "出所")                                                              \
	X(W_FROM, "from (UTC)", "開始 (UTC)")                                                      \
	X(W_UNTIL, "until (UTC)", "終了 (UTC)")                                                    \
	X(W_DEVICE, "device", "機器")                                                              \
	X(W_BASIS, "basis", "根拠")                                                                \
	X(W_CONFIDENCE, "confidence", "確度")                                                      \
	X(W_NOBODY, "nobody is known", "不明")                                                     \
	X(W_AMBIGUOUS, "several devices could have been it: none is named",                        \
	  "複数の機器が該当し得るため機器は特定しない")                                            \
	X(W_CONTESTED, "another organisation claims the same range",                               \
	  "別の組織も同じ範囲を担当としている")                                                    \
	X(W_EMPTY, "The directory is empty.", "台帳は空です。")                                    \
	X(W_GOOD, "Every organisation can be told, and no range has two owners.",                  \
	  "全ての組織に連絡でき、範囲の競合はありません。")                                        \
	X(W_CONFLICTS, "ranges that two organisations hold", "競合する範囲")                       \
	X(W_SILENT, "organisations without a contact that works", "有効な連絡先のない組織")        \
	X(W_BARE, "organisations that hold nothing", "担当範囲のない組織")                         \
	X(W_MORE, "and more", "ほか")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

static const char *word(const struct directory_session *s, size_t at)
{
	return hin_words_get(words, at, s->lang);
}

static enum hin_code read_all(struct directory_session *s, struct hin_directory **out,
			      struct hin_error *err)
{
	enum hin_code code = directory_open(s, false, err);

	if (code != HIN_OK)
		return code;
	*out = hin_directory_new();
	return *out == NULL ? hin_fail(err, HIN_ENOMEM, "no memory for the directory")
			    : hin_directory_read(*out, s->desk, err);
}

/* ---- rows of text, whatever they become ---- */

#define COLUMNS_MAX 10

struct rows {
	const char *names[COLUMNS_MAX]; /* for programs */
	size_t titles[COLUMNS_MAX];	/* for people */
	size_t columns;
	struct hin_column table_columns[COLUMNS_MAX];
	struct hin_table *table;
	struct hin_buffer out;
	uint64_t count, limit;
};

static enum hin_code begin_rows(struct directory_session *s, struct rows *r, struct hin_error *err)
{
	r->limit = s->arguments.limit;
	if (s->arguments.json) {
		hin_buffer_puts(&r->out, "[");
		return HIN_OK;
	}
	if (s->arguments.csv) {
		for (size_t i = 0; i < r->columns; i++)
			hin_buffer_printf(&r->out, "%s%s", i > 0 ? "," : "", r->names[i]);
		hin_buffer_putc(&r->out, '\n');
		return HIN_OK;
	}
	for (size_t i = 0; i < r->columns; i++)
		r->table_columns[i] =
			(struct hin_column){ word(s, r->titles[i]), HIN_LEFT, 0, true };
	r->table = hin_table_new(r->table_columns, r->columns);
	return r->table != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for a table");
}

static void put_csv(struct hin_buffer *out, const char *text)
{
	bool quoted = strpbrk(text, ",\"\n\r") != NULL;

	if (quoted)
		hin_buffer_putc(out, '"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			hin_buffer_putc(out, '"');
		hin_buffer_putc(out, *text);
	}
	if (quoted)
		hin_buffer_putc(out, '"');
}

static void add_row(struct directory_session *s, struct rows *r, const char *const *cells)
{
	if (r->limit != 0 && r->count++ >= r->limit)
		return;
	if (s->arguments.json)
		hin_buffer_printf(&r->out, "%s\n{", r->out.used > 1 ? "," : "");
	for (size_t i = 0; i < r->columns; i++) {
		char shown[400];

		if (s->arguments.json) {
			hin_buffer_printf(&r->out, "%s\"%s\":", i > 0 ? "," : "", r->names[i]);
			hin_escape_json(&r->out, cells[i], strlen(cells[i]));
		} else if (s->arguments.csv) {
			if (i > 0)
				hin_buffer_putc(&r->out, ',');
			put_csv(&r->out, cells[i]);
		} else {
			hin_table_cell(r->table, hin_escape_text(shown, sizeof(shown), cells[i]));
		}
	}
	if (s->arguments.json)
		hin_buffer_putc(&r->out, '}');
	else if (s->arguments.csv)
		hin_buffer_putc(&r->out, '\n');
}

static enum hin_code end_rows(struct directory_session *s, struct rows *r, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (s->arguments.json)
		hin_buffer_puts(&r->out, "\n]\n");
	else if (r->table != NULL && hin_table_rows(r->table) == 0)
		hin_buffer_printf(&r->out, "%s\n", word(s, W_EMPTY));
	else if (r->table != NULL)
		code = directory_print(r->table, &r->out, err);
	if (code == HIN_OK && r->limit != 0 && r->count > r->limit && !s->arguments.json &&
	    !s->arguments.csv)
		hin_buffer_printf(&r->out, "%s: %llu (--limit)\n", word(s, W_MORE),
				  (unsigned long long)(r->count - r->limit));
	if (code == HIN_OK)
		code = directory_flush(&r->out, err);
	hin_table_free(r->table);
	hin_buffer_fini(&r->out);
	return code;
}

static const char *time_text(char out[HIN_TIME_TEXT], int64_t time_us, bool people)
{
	if (time_us == 0)
		return "";
	return people ? hin_time_format(out, time_us * HIN_NS_PER_US, HIN_TIME_S)
		      : hin_time_format_iso(out, time_us * HIN_NS_PER_US, HIN_TIME_US);
}

/* ---- list ---- */

static enum hin_code list_organisations(struct directory_session *s, const struct hin_directory *d,
					struct hin_error *err)
{
	struct rows r = { .names = { "organisation", "name", "name_ja", "country", "language",
				     "sector", "tlp", "member", "source" },
			  .titles = { W_ORGANISATION, W_NAME, W_NAME, W_COUNTRY, W_LANGUAGE,
				      W_SECTOR, W_TLP, W_MEMBER, W_SOURCE },
			  .columns = 9 };
	enum hin_code code = begin_rows(s, &r, err);

	for (size_t i = 0; code == HIN_OK && i < d->organisation_count; i++) {
		const struct hin_directory_organisation *o = &d->organisations[i];
		const struct hin_sector *sector = hin_sector_find(o->sector);
		bool people = !s->arguments.json && !s->arguments.csv;
		const char *const cells[] = {
			o->handle,
			o->name,
			o->name_ja,
			o->country,
			o->language,
			people && sector != NULL ? sector->text[s->lang] : o->sector,
			o->tlp,
			people	    ? hin_word(s->lang, o->member ? HIN_W_YES : HIN_W_NO)
			: o->member ? "yes"
				    : "no",
			o->source
		};

		add_row(s, &r, cells);
	}
	return code == HIN_OK ? end_rows(s, &r, err) : code;
}

static enum hin_code list_contacts(struct directory_session *s, const struct hin_directory *d,
				   uint32_t only, struct hin_error *err)
{
	struct rows r = { .names = { "organisation", "contact", "role", "channel", "language",
				     "state", "source" },
			  .titles = { W_ORGANISATION, W_CONTACT, W_ROLE, W_CHANNEL, W_LANGUAGE,
				      W_STATE, W_SOURCE },
			  .columns = 7 };
	enum hin_code code = begin_rows(s, &r, err);

	for (size_t i = 0; code == HIN_OK && i < d->contact_count; i++) {
		const struct hin_directory_contact *c = &d->contacts[i];
		const char *const cells[] = { d->organisations[c->organisation].handle,
					      c->address,
					      c->role,
					      c->channel,
					      c->language,
					      c->state,
					      c->source };

		if (only == UINT32_MAX || only == c->organisation)
			add_row(s, &r, cells);
	}
	return code == HIN_OK ? end_rows(s, &r, err) : code;
}

static enum hin_code list_holdings(struct directory_session *s, const struct hin_directory *d,
				   uint32_t only, struct hin_error *err)
{
	struct rows r = {
		.names = { "organisation", "holding", "label", "from", "until", "source" },
		.titles = { W_ORGANISATION, W_HOLDING, W_LABEL, W_FROM, W_UNTIL, W_SOURCE },
		.columns = 6
	};
	bool people = !s->arguments.json && !s->arguments.csv;
	enum hin_code code = begin_rows(s, &r, err);

	for (size_t i = 0; code == HIN_OK && i < d->holding_count; i++) {
		const struct hin_directory_holding *h = &d->holdings[i];
		char text[HIN_HOLDING_TEXT], from[HIN_TIME_TEXT], until[HIN_TIME_TEXT];
		const char *const cells[] = { d->organisations[h->organisation].handle,
					      hin_directory_holding_text(text, h),
					      h->label,
					      time_text(from, h->from_us, people),
					      time_text(until, h->until_us, people),
					      h->source };

		if (only == UINT32_MAX || only == h->organisation)
			add_row(s, &r, cells);
	}
	return code == HIN_OK ? end_rows(s, &r, err) : code;
}

enum hin_code directory_list(struct directory_session *s, int argc, char *argv[],
			     struct hin_error *err)
{
	const char *what = argc > 0 ? argv[0] : "organisations";
	struct hin_directory *d = NULL;
	enum hin_code code;

	if (argc > 1 || (strcmp(what, "organisations") != 0 && strcmp(what, "contacts") != 0 &&
			 strcmp(what, "holdings") != 0))
		return hin_fail(err, HIN_EUSAGE, "list takes organisations, contacts or holdings");
	code = read_all(s, &d, err);
	if (code == HIN_OK && what[0] == 'o')
		code = list_organisations(s, d, err);
	else if (code == HIN_OK && what[0] == 'c')
		code = list_contacts(s, d, UINT32_MAX, err);
	else if (code == HIN_OK)
		code = list_holdings(s, d, UINT32_MAX, err);
	hin_directory_free(d);
	return code;
}

/* ---- show ---- */

static void put_line(const struct directory_session *s, struct hin_buffer *out, size_t title,
		     const char *text)
{
	char shown[600];
	size_t width;

	if (text[0] == '\0')
		return;
	width = hin_width_of(word(s, title));
	hin_buffer_puts(out, word(s, title));
	hin_buffer_fill(out, ' ', width < 16 ? 16 - width : 1);
	hin_buffer_printf(out, "%s\n", hin_escape_text(shown, sizeof(shown), text));
}

static void put_owner_json(struct hin_buffer *out, const struct hin_owner *f,
			   const struct hin_owners_organisation *o)
{
	char from[HIN_TIME_TEXT], until[HIN_TIME_TEXT];

	hin_buffer_puts(out, "{\"organisation\":");
	if (o != NULL)
		hin_escape_json(out, o->handle, strlen(o->handle));
	else
		hin_buffer_puts(out, "null");
	hin_buffer_puts(out, ",\"name\":");
	hin_escape_json(out, o != NULL ? o->name : "", o != NULL ? strlen(o->name) : 0);
	hin_buffer_puts(out, ",\"device\":");
	hin_escape_json(out, f->device, strlen(f->device));
	hin_buffer_printf(out,
			  ",\"basis\":\"%s\",\"confidence\":%u,\"from\":\"%s\",\"until\":\"%s\","
			  "\"ambiguous\":%s,\"contested\":%s}\n",
			  hin_owner_basis_name(f->basis), f->confidence,
			  time_text(from, f->from_us, false), time_text(until, f->until_us, false),
			  f->ambiguous ? "true" : "false", f->contested ? "true" : "false");
}

static void put_owner(const struct directory_session *s, struct hin_buffer *out,
		      const struct hin_owner *f, const struct hin_owners_organisation *o)
{
	char from[HIN_TIME_TEXT], until[HIN_TIME_TEXT], number[16];

	if (o == NULL && f->device[0] == '\0')
		hin_buffer_printf(out, "%s\n", word(s, W_NOBODY));
	if (o != NULL) {
		put_line(s, out, W_ORGANISATION, o->handle);
		put_line(s, out, W_NAME,
			 s->lang == HIN_JA && o->name_ja[0] != '\0' ? o->name_ja : o->name);
	}
	put_line(s, out, W_DEVICE, f->device);
	if (o != NULL || f->device[0] != '\0') {
		snprintf(number, sizeof(number), "%u", f->confidence);
		put_line(s, out, W_BASIS, hin_owner_basis_name(f->basis));
		put_line(s, out, W_CONFIDENCE, number);
	}
	put_line(s, out, W_FROM, time_text(from, f->from_us, true));
	put_line(s, out, W_UNTIL, time_text(until, f->until_us, true));
	if (f->ambiguous)
		hin_buffer_printf(out, "! %s\n", word(s, W_AMBIGUOUS));
	if (f->contested)
		hin_buffer_printf(out, "! %s\n", word(s, W_CONTESTED));
}

/* Who had an address or name. */
static enum hin_code show_owner(struct directory_session *s, const struct hin_addr *address,
				const char *name, struct hin_error *err)
{
	struct hin_owners_settings settings = { 0 };
	struct hin_owners *owners = NULL;
	const struct hin_owners_organisation *o;
	struct hin_buffer out = { 0 };
	struct hin_geo *geo = NULL;
	struct hin_owner found;
	int64_t at = s->now_us;
	enum hin_code code = directory_time(s, "--at", s->arguments.at, &at, err);

	if (code == HIN_OK)
		code = directory_open(s, false, err);
	if (code == HIN_OK && s->arguments.as_table != NULL)
		code = hin_geo_open(&geo, s->arguments.as_table, err);
	settings.geo = geo;
	if (code == HIN_OK)
		code = hin_owners_load(&owners, s->desk, &settings, s->now_us, err);
	if (code == HIN_OK) {
		if (address != NULL)
			hin_owners_find(owners, address,
					s->arguments.has_port ? (int)s->arguments.port
							      : HIN_OWNERS_ANY_PORT,
					at, &found);
		else
			hin_owners_find_name(owners, name, at, &found);
		o = hin_owners_organisation(owners, found.organisation);
		if (s->arguments.json)
			put_owner_json(&out, &found, o);
		else
			put_owner(s, &out, &found, o);
		code = directory_flush(&out, err);
	}
	hin_buffer_fini(&out);
	hin_owners_unref(owners);
	hin_geo_close(geo);
	return code;
}

/* One organisation whole; HIN_ENOENT when there is none of that handle. */
static enum hin_code show_organisation(struct directory_session *s, const char *handle,
				       struct hin_error *err)
{
	struct hin_directory *d = NULL;
	struct hin_buffer out = { 0 };
	uint32_t at = UINT32_MAX;
	enum hin_code code = read_all(s, &d, err);

	for (uint32_t i = 0; code == HIN_OK && i < d->organisation_count; i++)
		if (strcasecmp(d->organisations[i].handle, handle) == 0)
			at = i;
	if (code == HIN_OK && at == UINT32_MAX)
		code = HIN_ENOENT;
	if (code == HIN_OK && !s->arguments.json && !s->arguments.csv) {
		const struct hin_directory_organisation *o = &d->organisations[at];
		const struct hin_sector *sector = hin_sector_find(o->sector);

		put_line(s, &out, W_ORGANISATION, o->handle);
		put_line(s, &out, W_NAME, o->name);
		put_line(s, &out, W_NAME, o->name_ja);
		put_line(s, &out, W_COUNTRY, o->country);
		put_line(s, &out, W_LANGUAGE, o->language);
		put_line(s, &out, W_SECTOR, sector != NULL ? sector->text[s->lang] : o->sector);
		put_line(s, &out, W_TLP, o->tlp);
		put_line(s, &out, W_MEMBER, hin_word(s->lang, o->member ? HIN_W_YES : HIN_W_NO));
		put_line(s, &out, W_SOURCE, o->source);
		code = directory_flush(&out, err);
	}
	if (code == HIN_OK && s->arguments.json)
		code = hin_fail(err, HIN_EUSAGE,
				"one organisation as JSON: --json list contacts, "
				"or the API");
	if (code == HIN_OK)
		code = list_contacts(s, d, at, err);
	if (code == HIN_OK)
		code = list_holdings(s, d, at, err);
	hin_buffer_fini(&out);
	hin_directory_free(d);
	return code;
}

enum hin_code directory_show(struct directory_session *s, int argc, char *argv[],
			     struct hin_error *err)
{
	struct hin_addr address;
	enum hin_code code;

	if (argc != 1)
		return hin_fail(err, HIN_EUSAGE,
				"show takes an organisation, an address or a domain name");
	if (hin_addr_parse(&address, argv[0]) == HIN_OK)
		return show_owner(s, &address, NULL, err);
	code = show_organisation(s, argv[0], err);
	if (code != HIN_ENOENT || s->desk == NULL)
		return code;
	if (strchr(argv[0], '.') == NULL) {
		char shown[80];

		return hin_fail(err, HIN_ENOENT, "there is no organisation \"%s\"",
				hin_escape_text(shown, sizeof(shown), argv[0]));
	}
	return show_owner(s, NULL, argv[0], err);
}

/* ---- check ---- */

static enum hin_code find_silent(const struct hin_directory *d, bool *reached, bool *holds)
{
	for (size_t i = 0; i < d->contact_count; i++)
		if (strcmp(d->contacts[i].state, "ok") == 0)
			reached[d->contacts[i].organisation] = true;
	for (size_t i = 0; i < d->holding_count; i++)
		holds[d->holdings[i].organisation] = true;
	return HIN_OK;
}

static void put_handles(const struct directory_session *s, struct hin_buffer *out,
			const struct hin_directory *d, const bool *fine, size_t title,
			uint64_t *count)
{
	*count = 0;
	for (size_t i = 0; i < d->organisation_count; i++) {
		if (fine[i])
			continue;
		if ((*count)++ == 0 && !s->arguments.json)
			hin_buffer_printf(out, "%s:\n", word(s, title));
		if (*count <= s->arguments.limit || s->arguments.limit == 0)
			hin_buffer_printf(out, s->arguments.json ? "%s\"%s\"" : "%s  %s\n",
					  s->arguments.json && *count > 1 ? "," : "",
					  d->organisations[i].handle);
	}
}

/* Imports that did not end, or are at work. */
struct left {
	struct directory_session *s;
	struct hin_buffer *out;
	uint64_t count;
};

static void put_left(void *user, const struct hin_loading_left *l)
{
	struct left *left = user;
	char begun[HIN_TIME_TEXT], name[80], source[80];

	if (left->s->arguments.json) {
		hin_buffer_printf(left->out,
				  "%s{\"kind\":\"%s\",\"source\":", left->count > 0 ? "," : "",
				  l->kind);
		hin_escape_json(left->out, l->source, strlen(l->source));
		hin_buffer_puts(left->out, ",\"file\":");
		hin_escape_json(left->out, l->name, strlen(l->name));
		hin_buffer_printf(
			left->out, ",\"begun\":\"%s\",\"done\":%llu}",
			hin_time_format_iso(begun, l->begun_us * HIN_NS_PER_US, HIN_TIME_S),
			(unsigned long long)l->done);
	} else {
		hin_time_format(begun, l->begun_us * HIN_NS_PER_US, HIN_TIME_S);
		hin_buffer_printf(
			left->out,
			left->s->lang == HIN_JA
				? "終わっていない取り込み: %s、出所 %s、%s 開始、%llu "
				  "件まで。動作中でなければ同じファイルを再び取り込む\n"
				: "an import that did not end: %s from %s, begun %s, %llu "
				  "changes are in; unless it is at work, import the same "
				  "file again\n",
			hin_escape_text(name, sizeof(name), l->name),
			hin_escape_text(source, sizeof(source), l->source), begun,
			(unsigned long long)l->done);
	}
	left->count++;
}

static enum hin_code put_check(struct directory_session *s, const struct hin_directory *d,
			       const struct hin_directory_report *r, bool *good,
			       struct hin_error *err)
{
	bool *reached = calloc(d->organisation_count + 1, sizeof(*reached));
	bool *holds = calloc(d->organisation_count + 1, sizeof(*holds));
	struct hin_buffer out = { 0 };
	struct left left = { s, &out, 0 };
	uint64_t silent = 0, bare = 0;
	enum hin_code code = reached == NULL || holds == NULL
				     ? hin_fail(err, HIN_ENOMEM, "no memory to check")
				     : find_silent(d, reached, holds);

	if (code == HIN_OK && s->arguments.json) {
		hin_buffer_printf(&out, "{\"conflicts\":%llu,\"unreachable\":[",
				  (unsigned long long)r->conflicts);
		put_handles(s, &out, d, reached, W_SILENT, &silent);
		hin_buffer_puts(&out, "],\"without_holding\":[");
		put_handles(s, &out, d, holds, W_BARE, &bare);
		hin_buffer_puts(&out, "],\"unfinished\":[");
		code = hin_loading_each(s->desk, put_left, &left, err);
		hin_buffer_puts(&out, "]}\n");
	} else if (code == HIN_OK) {
		if (r->conflicts > 0)
			hin_buffer_printf(&out, "%s: %llu\n%s", word(s, W_CONFLICTS),
					  (unsigned long long)r->conflicts,
					  hin_buffer_text(&r->lines));
		put_handles(s, &out, d, reached, W_SILENT, &silent);
		put_handles(s, &out, d, holds, W_BARE, &bare);
		code = hin_loading_each(s->desk, put_left, &left, err);
		if (r->conflicts == 0 && silent == 0 && left.count == 0)
			hin_buffer_printf(&out, "%s\n", word(s, W_GOOD));
	}
	*good = r->conflicts == 0 && silent == 0 && left.count == 0;
	if (code == HIN_OK)
		code = directory_flush(&out, err);
	hin_buffer_fini(&out);
	free(reached);
	free(holds);
	return code;
}

enum hin_code directory_check(struct directory_session *s, int argc, char *argv[],
			      struct hin_error *err)
{
	struct hin_directory_report report = { .line_limit = s->arguments.limit };
	struct hin_directory *d = NULL;
	bool good = false;
	enum hin_code code;

	(void)argv;
	if (argc != 0)
		return hin_fail(err, HIN_EUSAGE, "check takes no operand");
	code = read_all(s, &d, err);
	if (code == HIN_OK)
		code = hin_directory_conflicts(d, &report, err);
	if (code == HIN_OK)
		code = put_check(s, d, &report, &good, err);
	if (code == HIN_OK && !good)
		code = hin_fail(err, HIN_EVERIFY, "the directory needs care");
	hin_directory_report_fini(&report);
	hin_directory_free(d);
	return code;
}

/* ---- export ---- */

enum hin_code directory_export(struct directory_session *s, int argc, char *argv[],
			       struct hin_error *err)
{
	struct hin_directory *d = NULL;
	struct hin_buffer out = { 0 };
	enum hin_code code;

	(void)argv;
	if (argc != 0)
		return hin_fail(err, HIN_EUSAGE, "export takes no operand");
	if (s->arguments.json)
		return hin_fail(err, HIN_EUSAGE,
				"export writes CSV that import reads; --json goes with list");
	code = read_all(s, &d, err);
	if (code == HIN_OK) {
		hin_directory_export(d, &out);
		code = directory_flush(&out, err);
	}
	hin_buffer_fini(&out);
	hin_directory_free(d);
	return code;
}
