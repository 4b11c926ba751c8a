/* trust_list - see trust_list.h */
#include "cmd/trust_list.h"

#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/time.h"
#include "text/table.h"
#include "text/words.h"

#define WORDS(X)                                                                                   \
	X(W_NAME, "sensor", "センサー")                                                            \
	X(W_ID, "id", "識別子")                                                                    \
	X(W_STATE, "state", "状態")                                                                \
	X(W_SINCE, "since (UTC)", "開始 (UTC)")                                                    \
	X(W_UNTIL, "until (UTC)", "期限 (UTC)")                                                    \
	X(W_ACTIVE, "active", "有効")                                                              \
	X(W_EXPIRED, "expired", "期限切れ")                                                        \
	X(W_REVOKED, "revoked", "失効")                                                            \
	X(W_CODE, "code open", "コード発行中")                                                     \
	X(W_CODE_EXPIRED, "code expired", "コード期限切れ")                                        \
	X(W_CODE_VOID, "code void", "コード無効")                                                  \
	X(W_NOBODY, "No sensor has joined, and no code is open.",                                  \
	  "参加したセンサーも発行中のコードもありません。")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

/* A line of the list: a sensor, or a code that nobody has used. */
struct entry {
	const char *name;
	char id[33];
	int state;
	int64_t since_s, until_s;
};

static struct entry entry_of_sensor(const struct hin_roster_sensor *s, int64_t at_s)
{
	struct entry e = { .name = s->name, .since_s = s->joined_s, .until_s = s->expires_s };

	sodium_bin2hex(e.id, sizeof(e.id), s->id, 16);
	e.state = s->expires_s <= at_s ? W_EXPIRED : W_ACTIVE;
	if (s->revoked_s != 0) {
		e.state = W_REVOKED;
		e.until_s = s->revoked_s;
	}
	return e;
}

static struct entry entry_of_code(const struct hin_roster_code *c, int64_t at_s)
{
	struct entry e = { .name = c->name, .since_s = c->made_s, .until_s = c->expires_s };

	sodium_bin2hex(e.id, sizeof(e.id), c->id, HIN_CODE_ID);
	e.state = c->expires_s <= at_s ? W_CODE_EXPIRED : W_CODE;
	if (c->state == HIN_CODE_VOID)
		e.state = W_CODE_VOID;
	return e;
}

static void json_entry(struct hin_buffer *out, const struct entry *e, bool first)
{
	char since[HIN_TIME_TEXT], until[HIN_TIME_TEXT];

	hin_buffer_printf(out,
			  "%s{\"name\":\"%s\",\"id\":\"%s\",\"state\":\"%s\",\"since\":\"%s\","
			  "\"until\":\"%s\"}",
			  first ? "" : ",", e->name, e->id,
			  hin_words_get(words, (size_t)e->state, HIN_EN),
			  hin_time_format_iso(since, e->since_s * HIN_NS_PER_S, HIN_TIME_S),
			  hin_time_format_iso(until, e->until_s * HIN_NS_PER_S, HIN_TIME_S));
}

static void row_entry(struct hin_table *table, const struct entry *e, bool active,
		      enum hin_lang lang)
{
	char since[HIN_TIME_TEXT], until[HIN_TIME_TEXT];

	hin_table_cell(table, e->name);
	hin_table_cell_styled(table, active ? HIN_STYLE_GREEN : HIN_STYLE_YELLOW,
			      hin_words_get(words, (size_t)e->state, lang));
	hin_table_cell(table, hin_time_format(since, e->since_s * HIN_NS_PER_S, HIN_TIME_S));
	hin_table_cell(table, hin_time_format(until, e->until_s * HIN_NS_PER_S, HIN_TIME_S));
	hin_table_cell(table, e->id);
}

struct roll {
	struct hin_roster_sensor *sensors;
	struct hin_roster_code *codes;
	size_t sensor_count, code_count;
};

static void list_json(struct hin_buffer *out, const struct hin_ca *a, const struct roll *r,
		      int64_t at_s)
{
	char hex[65];
	bool first = true;

	sodium_bin2hex(hex, sizeof(hex), hin_ca_sha256(a), 32);
	hin_buffer_printf(out, "{\"hub\":\"%s\",\"authority\":\"%s\",\"sensors\":[", hin_ca_hub(a),
			  hex);
	for (size_t i = 0; i < r->sensor_count; i++) {
		struct entry e = entry_of_sensor(&r->sensors[i], at_s);

		json_entry(out, &e, i == 0);
	}
	hin_buffer_puts(out, "],\"codes\":[");
	for (size_t i = 0; i < r->code_count; i++) {
		struct entry e = entry_of_code(&r->codes[i], at_s);

		if (r->codes[i].state == HIN_CODE_USED)
			continue;
		json_entry(out, &e, first);
		first = false;
	}
	hin_buffer_puts(out, "]}\n");
}

static enum hin_code list_table(struct hin_buffer *out, const struct roll *r, enum hin_lang lang,
				int64_t at_s, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ hin_words_get(words, W_NAME, lang), HIN_LEFT, 0, true },
		{ hin_words_get(words, W_STATE, lang), HIN_LEFT, 0, false },
		{ hin_words_get(words, W_SINCE, lang), HIN_LEFT, 0, false },
		{ hin_words_get(words, W_UNTIL, lang), HIN_LEFT, 0, false },
		{ hin_words_get(words, W_ID, lang), HIN_LEFT, 0, true },
	};
	struct hin_table_layout layout = {
		.width = isatty(STDOUT_FILENO) == 1 ? hin_style_columns(STDOUT_FILENO) : 160,
		.color = hin_color_wanted(HIN_COLOR_AUTO, STDOUT_FILENO)
	};
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));
	enum hin_code code = HIN_OK;

	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a table");
	for (size_t i = 0; i < r->sensor_count; i++) {
		struct entry e = entry_of_sensor(&r->sensors[i], at_s);

		row_entry(table, &e, e.state == W_ACTIVE, lang);
	}
	for (size_t i = 0; i < r->code_count; i++) {
		struct entry e = entry_of_code(&r->codes[i], at_s);

		if (r->codes[i].state != HIN_CODE_USED)
			row_entry(table, &e, e.state == W_CODE, lang);
	}
	if (hin_table_rows(table) == 0)
		hin_buffer_printf(out, "%s\n", hin_words_get(words, W_NOBODY, lang));
	else
		code = hin_table_print(table, out, &layout);
	hin_table_free(table);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "no memory for a table");
}

enum hin_code hin_cmd_trust_list(struct hin_buffer *out, struct hin_ca *a, bool json,
				 enum hin_lang lang, int64_t now_s, struct hin_error *err)
{
	struct roll roll = { 0 };
	enum hin_code code = hin_ca_sensors(a, &roll.sensors, &roll.sensor_count, err);

	if (code == HIN_OK)
		code = hin_ca_codes(a, &roll.codes, &roll.code_count, err);
	if (code == HIN_OK && json)
		list_json(out, a, &roll, now_s);
	else if (code == HIN_OK)
		code = list_table(out, &roll, lang, now_s, err);
	free(roll.sensors);
	free(roll.codes);
	return code;
}
