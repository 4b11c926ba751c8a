/*
 * hinomi-ledger - look into a ledger of acts, prove one, check all, or be a witness of others.
 */
#include "cmd/ledger.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/number.h"
#include "base/time.h"
#include "cmd/operations.h"
#include "text/style.h"
#include "text/table.h"
#include "text/words.h"
#include "trust/proof.h"

#define FOLDER "/var/lib/hinomi/ledger" /* of a hub with its usual settings */
#define LAST 20				/* acts that are shown when nothing else is asked for */
#define MOST 1000000u			/* acts that are shown at all */

struct session {
	struct ledger_arguments arguments;
	enum hin_lang lang;
};

/* ---- options ---- */

#define ARG(field) offsetof(struct ledger_arguments, field)

static enum hin_code set_from(void *into, const char *value, struct hin_error *err)
{
	struct ledger_arguments *a = into;

	a->has_from = true;
	return hin_number_u64(&a->from, "--from", value, 0, HIN_TREE_LEAVES, err);
}

static enum hin_code set_who(void *into, const char *value, struct hin_error *err)
{
	struct ledger_arguments *a = into;

	a->has_who = true;
	return hin_number_u64(&a->who, "--who", value, 0, INT64_MAX, err);
}

static enum hin_code set_time(int64_t *out_us, const char *value, struct hin_error *err)
{
	int64_t ns;
	enum hin_code code = hin_time_parse(&ns, value, hin_time_now_ns(), err);

	if (code == HIN_OK)
		*out_us = ns / HIN_NS_PER_US;
	return code;
}

static enum hin_code set_since(void *into, const char *value, struct hin_error *err)
{
	return set_time(&((struct ledger_arguments *)into)->since_us, value, err);
}

static enum hin_code set_until(void *into, const char *value, struct hin_error *err)
{
	return set_time(&((struct ledger_arguments *)into)->until_us, value, err);
}

static enum hin_code add_log(void *into, const char *value, struct hin_error *err)
{
	struct ledger_arguments *a = into;

	if (a->log_count == HIN_WITNESS_LOGS)
		return hin_fail(err, HIN_EUSAGE, "a witness knows at most %d logs",
				HIN_WITNESS_LOGS);
	a->logs[a->log_count++] = value;
	return HIN_OK;
}

static const struct hin_option options[] = {
	{ "ledger", 'L', "FOLDER", HIN_OPTION_TEXT, ARG(ledger),
	  .help = "the ledger; else $HINOMI_LEDGER, else that of a hub on this machine",
	  .help_ja = "台帳のフォルダー (既定は $HINOMI_LEDGER、なければこの機械のハブのもの)" },
	{ "key", 'k', "KEY", HIN_OPTION_TEXT, ARG(key),
	  .help = "the ledger's key, as name+id+base64; else the one in its folder, which is no "
		  "more to be trusted than the folder",
	  .help_ja = "台帳の鍵 (name+id+base64)。既定はフォルダー内の鍵だが、フォルダー以上に"
		     "信頼できるものではない" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON instead of a table",
	  .help_ja = "表の代わりに JSON を出力する" },
	{ .section = "What show shows", .section_ja = "show で示すもの" },
	{ "last",
	  'n',
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(last),
	  { HIN_VALUE_U64, 1, MOST },
	  .help = "the last N acts that fit (default 20; all with --from or --since)",
	  .help_ja = "条件に合う最後の N 件 (既定 20。--from か --since があれば全件)" },
	{ "from", 'f', "INDEX", HIN_OPTION_CALL, .call = set_from, .help = "from this act on",
	  .help_ja = "この番号の行為から" },
	{ "kind", 0, "KIND", HIN_OPTION_TEXT, ARG(kind),
	  .help = "only acts of this kind, \"notice-sent\", or that begin so, \"case-*\"",
	  .help_ja = "この種類 (\"notice-sent\" や \"case-*\") の行為だけ" },
	{ "who", 0, "ACCOUNT", HIN_OPTION_CALL, .call = set_who,
	  .help = "only acts of this account; 0 = the system itself",
	  .help_ja = "このアカウント番号の行為だけ。0 はシステム自身" },
	{ "since", 0, "TIME", HIN_OPTION_CALL, .call = set_since,
	  .help = "only acts at or after TIME: 2026-11-22, \"2026-11-22 02:10\", -24h",
	  .help_ja = "この時刻以後の行為だけ: 2026-11-22、\"2026-11-22 02:10\"、-24h" },
	{ "until", 0, "TIME", HIN_OPTION_CALL, .call = set_until, .help = "only acts before TIME",
	  .help_ja = "この時刻より前の行為だけ" },
	{ .section = "Proofs and checks", .section_ja = "証明と検査" },
	{ "witnessed", 'w', NULL, HIN_OPTION_FLAG, ARG(witnessed),
	  .help = "by the newest checkpoint that witnesses have cosigned",
	  .help_ja = "証人が連署した最新のチェックポイントによる" },
	{ "salt", 's', "HEX", HIN_OPTION_TEXT, ARG(salt),
	  .help = "prove: the salt of the act's object, so that its text can be checked too",
	  .help_ja = "prove: 対象のソルト。本文も検査できるようになる" },
	{ "output", 'o', "FILE", HIN_OPTION_TEXT, ARG(output),
	  .help = "prove: write the proof to FILE", .help_ja = "prove: 証明を FILE に書く" },
	{ "after", 0, "FILE", HIN_OPTION_TEXT, ARG(after),
	  .help = "check: the ledger must also go on from this older checkpoint",
	  .help_ja = "check: この古いチェックポイントからの継続も検査する" },
	{ .section = "A witness", .section_ja = "証人" },
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "its key and what it has seen; made when missing",
	  .help_ja = "証人の鍵と記録のフォルダー。なければ作る" },
	{ "name", 0, "NAME", HIN_OPTION_TEXT, ARG(name), .help = "its name, as witness.example/w1",
	  .help_ja = "証人の名前 (witness.example/w1)" },
	{ "log", 0, "KEY", HIN_OPTION_CALL, .call = add_log,
	  .help = "the key of a log that it watches (repeatable)",
	  .help_ja = "見守るログの鍵 (繰り返し可)" },
	{ "listen", 0, "ADDR:PORT", HIN_OPTION_TEXT, ARG(listen),
	  .help = "where it serves (default [::]:8446)",
	  .help_ja = "待ち受けるアドレス (既定 [::]:8446)" },
	{ "certificate", 0, "FILE", HIN_OPTION_TEXT, ARG(certificate),
	  .help = "its TLS certificate, then those of its authorities, PEM",
	  .help_ja = "TLS 証明書と上位の証明書 (PEM)" },
	{ "tls-key", 0, "FILE", HIN_OPTION_TEXT, ARG(tls_key),
	  .help = "the key of the certificate, PEM", .help_ja = "その証明書の鍵 (PEM)" },
	{ "passphrase-file", 0, "FILE", HIN_OPTION_TEXT, ARG(passphrase_file),
	  .help = "the passphrase of the witness's key is the first line of FILE",
	  .help_ja = "証人の鍵のパスフレーズ (FILE の1行目)" },
	{ "plain", 0, NULL, HIN_OPTION_FLAG, ARG(plain),
	  .help = "no TLS; on a loopback address only, behind a proxy",
	  .help_ja = "TLS なし。ループバックでのみ、プロキシの後ろで使う" },
};

static const struct hin_program program = {
	.name = "hinomi ledger",
	.args = "show|prove INDEX|check|witness",
	.about = "The log of acts: who did what, when and under whose authority. \"show\" lists "
		 "acts; \"prove\" prints a proof that anyone can check with hinomi-verify; "
		 "\"check\" reads all of it; \"witness\" watches other ledgers and cosigns what "
		 "only grows.",
	.about_ja = "行為の台帳: 誰が、いつ、何を、どの権限で行ったか。show は行為の一覧、prove は "
		    "hinomi-verify で誰でも検査できる証明、check は全体の検査、witness は他の台帳が"
		    "追記だけであることを見守って連署する。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

#define WORDS(X)                                                                                   \
	X(W_INDEX, "act", "番号")                                                                  \
	X(W_WHEN, "when (UTC)", "時刻 (UTC)")                                                      \
	X(W_WHO, "who", "誰が")                                                                    \
	X(W_KIND, "what", "何を")                                                                  \
	X(W_AUTHORITY, "authority", "権限")                                                        \
	X(W_OBJECT, "object", "対象")                                                              \
	X(W_SYSTEM, "system", "システム")                                                          \
	X(W_LOG, "ledger", "台帳")                                                                 \
	X(W_ACTS, "acts", "行為")                                                                  \
	X(W_ROOT, "root", "根のハッシュ")                                                          \
	X(W_NOTHING, "No act fits.", "条件に合う行為はありません。")                               \
	X(W_GOOD, "The ledger is whole: nothing was changed, dropped or re-ordered.",              \
	  "台帳は完全です。改変・欠落・入れ替えはありません。")                                    \
	X(W_OWN_KEY,                                                                               \
	  "The key came from the ledger's own folder; --key with one from elsewhere says more.",   \
	  "鍵は台帳のフォルダーのものです。別に得た鍵を --key で与えると、より確かです。")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

static const char *word(const struct session *s, int id)
{
	return hin_words_get(words, (size_t)id, s->lang);
}

static enum hin_code print_buffer(struct hin_buffer *out, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for the answer");
	else if (fwrite(out->data, 1, out->used, stdout) != out->used || fflush(stdout) != 0)
		code = hin_fail(err, HIN_ESYS, "write the answer");
	hin_buffer_fini(out);
	return code;
}

static const char *folder_of(const struct ledger_arguments *a)
{
	const char *folder = a->ledger != NULL ? a->ledger : getenv("HINOMI_LEDGER");

	return folder != NULL ? folder : FOLDER;
}

/* ---- show ---- */

struct row {
	uint64_t index;
	struct hin_act act;
};

/* The rows that fit: all, or the last ones in a ring. */
struct rows {
	const struct ledger_arguments *arguments;
	struct row *rows;
	size_t room, limit; /* 0 = no limit */
	uint64_t seen;
};

static bool kind_fits(const char *want, uint16_t kind)
{
	const char *name = hin_act_name(kind);
	size_t size = want != NULL ? strlen(want) : 0;

	if (want == NULL)
		return true;
	if (size > 0 && want[size - 1] == '*')
		return strncmp(name, want, size - 1) == 0;
	return strcmp(name, want) == 0;
}

static enum hin_code take_row(void *user, uint64_t index, const struct hin_act *act,
			      struct hin_error *err)
{
	struct rows *r = user;
	const struct ledger_arguments *a = r->arguments;
	size_t at = r->limit > 0 ? (size_t)(r->seen % r->limit) : (size_t)r->seen;

	if ((a->has_who && act->who != a->who) || !kind_fits(a->kind, act->kind) ||
	    act->when_us < a->since_us || act->when_us >= a->until_us)
		return HIN_OK;
	if (at == MOST)
		return hin_fail(err, HIN_ELIMIT,
				"more than %u acts fit: ask for fewer by --last, --since or --kind",
				MOST);
	if (at >= r->room) {
		size_t room = r->room > 0 ? 2 * r->room : 64;
		struct row *moved = reallocarray(r->rows, room, sizeof(*moved));

		if (moved == NULL)
			return hin_fail(err, HIN_ENOMEM, "no memory for %zu acts", room);
		r->rows = moved;
		r->room = room;
	}
	r->rows[at] = (struct row){ index, *act };
	r->seen++;
	return HIN_OK;
}

/* Row `i` of those that are kept, in their order. */
static const struct row *row_at(const struct rows *r, uint64_t i)
{
	uint64_t first = r->limit > 0 && r->seen > r->limit ? r->seen - r->limit : 0;

	return &r->rows[r->limit > 0 ? (first + i) % r->limit : i];
}

static uint64_t row_count(const struct rows *r)
{
	return r->limit > 0 && r->seen > r->limit ? r->limit : r->seen;
}

static void put_digest(struct hin_buffer *out, const char *name, const uint8_t digest[32])
{
	char hex[65];

	if (hin_act_is_none(digest))
		hin_buffer_printf(out, ",\"%s\":null", name);
	else
		hin_buffer_printf(out, ",\"%s\":\"%s\"", name,
				  sodium_bin2hex(hex, sizeof(hex), digest, 32));
}

static void put_json(const struct hin_ledger_reader *reader, const struct rows *r,
		     struct hin_buffer *out)
{
	char when[HIN_TIME_TEXT];

	hin_buffer_puts(out, "{\"ledger\":");
	hin_escape_json(out, reader->head.origin, strlen(reader->head.origin));
	hin_buffer_printf(out, ",\"size\":%" PRIu64 ",\"acts\":[", reader->head.size);
	for (uint64_t i = 0; i < row_count(r); i++) {
		const struct row *row = row_at(r, i);

		hin_buffer_printf(
			out,
			"%s{\"index\":%" PRIu64 ",\"when\":\"%s\",\"who\":%" PRIu64
			",\"kind\":\"%s\",\"number\":%u",
			i > 0 ? ",\n" : "\n", row->index,
			hin_time_format_iso(when, row->act.when_us * HIN_NS_PER_US, HIN_TIME_US),
			row->act.who, hin_act_name(row->act.kind), row->act.kind);
		put_digest(out, "authority", row->act.authority);
		put_digest(out, "object", row->act.object);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_puts(out, "]}\n");
}

/* The first digits of a digest, or nothing. */
static const char *short_digest(char out[17], const uint8_t digest[32])
{
	out[0] = '\0';
	if (!hin_act_is_none(digest))
		sodium_bin2hex(out, 17, digest, 8);
	return out;
}

static enum hin_code put_table(const struct session *s, const struct rows *r,
			       struct hin_buffer *out, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ word(s, W_INDEX), HIN_RIGHT, 0, false },
		{ word(s, W_WHEN), HIN_LEFT, 0, false },
		{ word(s, W_WHO), HIN_RIGHT, 0, false },
		{ word(s, W_KIND), HIN_LEFT, 0, true },
		{ word(s, W_OBJECT), HIN_LEFT, 0, true },
		{ word(s, W_AUTHORITY), HIN_LEFT, 0, true },
	};
	const struct hin_table_layout layout = { .width = hin_style_columns(1) };
	struct hin_table *table;
	enum hin_code code;

	if (row_count(r) == 0) {
		hin_buffer_printf(out, "%s\n", word(s, W_NOTHING));
		return HIN_OK;
	}
	table = hin_table_new(columns, HIN_COUNT(columns));
	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a table");
	for (uint64_t i = 0; i < row_count(r); i++) {
		const struct row *row = row_at(r, i);
		const struct hin_act_word *kind = hin_act_word(&hin_acts, row->act.kind);
		char when[HIN_TIME_TEXT], digest[17];

		hin_table_cellf(table, "%" PRIu64, row->index);
		hin_table_cell(table, hin_time_format(when, row->act.when_us * HIN_NS_PER_US,
						      HIN_TIME_MS));
		if (row->act.who == 0)
			hin_table_cell(table, word(s, W_SYSTEM));
		else
			hin_table_cellf(table, "%" PRIu64, row->act.who);
		hin_table_cell(table, kind == NULL	  ? hin_word(s->lang, HIN_W_UNKNOWN)
				      : s->lang == HIN_JA ? kind->text[HIN_JA]
							  : kind->name);
		hin_table_cell(table, short_digest(digest, row->act.object));
		hin_table_cell(table, short_digest(digest, row->act.authority));
	}
	code = hin_table_print(table, out, &layout);
	hin_table_free(table);
	return code == HIN_OK ? HIN_OK : hin_fail(err, code, "no memory for a table");
}

static enum hin_code open_reader(const struct session *s, struct hin_ledger_reader *reader,
				 struct hin_error *err)
{
	const struct ledger_arguments *a = &s->arguments;

	if (a->dir != NULL)
		return hin_fail(err, HIN_EUSAGE,
				"--dir is the folder of a witness: give the ledger of a hub as "
				"--ledger %.200s/ledger",
				a->dir);
	return hin_ledger_read_open(reader, folder_of(a), a->key, a->witnessed, err);
}

/* Without a filter the last acts are at the end: the rest need not be read. */
static uint64_t first_of(const struct rows *r, uint64_t size)
{
	const struct ledger_arguments *a = r->arguments;

	if (a->has_from)
		return a->from;
	if (r->limit == 0 || a->has_who || a->kind != NULL || a->since_us > 0 ||
	    a->until_us < INT64_MAX || size <= r->limit)
		return 0;
	return size - r->limit;
}

static enum hin_code run_show(void *session, const char *operand, struct hin_error *err)
{
	const struct session *s = session;
	const struct ledger_arguments *a = &s->arguments;
	struct rows rows = { .arguments = a, .limit = (size_t)a->last };
	struct hin_ledger_reader reader = { 0 };
	struct hin_buffer out = { 0 };
	enum hin_code code;

	(void)operand;
	if (rows.limit == 0 && !a->has_from && a->since_us == 0)
		rows.limit = LAST;
	code = open_reader(s, &reader, err);
	if (code != HIN_OK)
		return code;
	code = hin_ledger_read_acts(&reader, first_of(&rows, reader.head.size), reader.head.size,
				    take_row, &rows, err);
	if (code == HIN_OK && a->json)
		put_json(&reader, &rows, &out);
	else if (code == HIN_OK)
		code = put_table(s, &rows, &out, err);
	if (code == HIN_OK)
		code = print_buffer(&out, err);
	hin_buffer_fini(&out);
	free(rows.rows);
	hin_ledger_read_close(&reader);
	return code;
}

/* ---- prove, check ---- */

static enum hin_code read_salt(uint8_t out[HIN_ACT_SALT], const char *text, struct hin_error *err)
{
	size_t used = 0;

	if (strlen(text) != 2 * HIN_ACT_SALT ||
	    sodium_hex2bin(out, HIN_ACT_SALT, text, strlen(text), NULL, &used, NULL) != 0 ||
	    used != HIN_ACT_SALT)
		return hin_fail(err, HIN_EUSAGE, "the salt is not %zu hexadecimal digits",
				2 * HIN_ACT_SALT);
	return HIN_OK;
}

static enum hin_code run_prove(void *session, const char *operand, struct hin_error *err)
{
	const struct session *s = session;
	const struct ledger_arguments *a = &s->arguments;
	struct hin_ledger_reader reader = { 0 };
	struct hin_buffer out = { 0 };
	uint8_t salt[HIN_ACT_SALT];
	uint64_t index;
	enum hin_code code = hin_number_u64(&index, "INDEX", operand, 0, HIN_TREE_LEAVES, err);

	if (code != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "\"%.40s\" is no number of an act", operand);
	if (a->salt != NULL)
		code = read_salt(salt, a->salt, err);
	if (code == HIN_OK)
		code = open_reader(s, &reader, err);
	if (code != HIN_OK)
		return code;
	code = hin_proof_make(&out, reader.tiles, index, a->salt != NULL ? salt : NULL,
			      reader.note.data, reader.note.used, &reader.head, err);
	if (code == HIN_OK && a->output != NULL)
		code = hin_file_replace(a->output, out.data, out.used, 0644, err);
	else if (code == HIN_OK)
		code = print_buffer(&out, err);
	hin_buffer_fini(&out);
	hin_ledger_read_close(&reader);
	return code;
}

static enum hin_code print_whole(const struct session *s, const struct hin_ledger_reader *r,
				 struct hin_error *err)
{
	struct hin_buffer out = { 0 };
	char root[48], count[HIN_WORDS_TEXT], name[2 * HIN_NOTE_NAME];

	sodium_bin2base64(root, sizeof(root), r->head.root.bytes, 32,
			  sodium_base64_VARIANT_ORIGINAL);
	if (s->arguments.json) {
		hin_buffer_puts(&out, "{\"ledger\":");
		hin_escape_json(&out, r->head.origin, strlen(r->head.origin));
		hin_buffer_printf(&out, ",\"size\":%" PRIu64 ",\"root\":\"%s\",\"whole\":true}\n",
				  r->head.size, root);
		return print_buffer(&out, err);
	}
	hin_buffer_printf(&out, "%s: %s\n%s: %s\n%s: %s\n%s\n", word(s, W_LOG),
			  hin_escape_text(name, sizeof(name), r->head.origin), word(s, W_ACTS),
			  hin_words_count(count, r->head.size), word(s, W_ROOT), root,
			  word(s, W_GOOD));
	if (s->arguments.key == NULL)
		hin_buffer_printf(&out, "%s\n", word(s, W_OWN_KEY));
	return print_buffer(&out, err);
}

static enum hin_code run_check(void *session, const char *operand, struct hin_error *err)
{
	const struct session *s = session;
	const struct ledger_arguments *a = &s->arguments;
	struct hin_ledger_reader reader = { 0 };
	struct hin_buffer old = { 0 };
	enum hin_code code = open_reader(s, &reader, err);

	(void)operand;
	if (code != HIN_OK)
		return code;
	code = hin_ledger_read_all(&reader, err);
	if (code == HIN_OK && a->after != NULL) {
		code = hin_file_read(&old, a->after, HIN_CHECKPOINT_SIZE, err);
		if (code == HIN_OK)
			code = hin_ledger_read_after(&reader, old.data, old.used, err);
	}
	if (code == HIN_OK)
		code = print_whole(s, &reader, err);
	hin_buffer_fini(&old);
	hin_ledger_read_close(&reader);
	return code;
}

static enum hin_code run_witness(void *session, const char *operand, struct hin_error *err)
{
	const struct session *s = session;
	(void)operand;
	return ledger_witness(&s->arguments, err);
}

/* ---- main ---- */

static const struct hin_operation operations[] = {
	{ "show", 0, run_show },
	{ "prove", 1, run_prove },
	{ "check", 0, run_check },
	{ "witness", 0, run_witness },
};

int main(int argc, char *argv[])
{
	struct session s = { .arguments = { .until_us = INT64_MAX } };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status;

	status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);
	if (status >= 0)
		return status;
	if (sodium_init() < 0)
		return HIN_EXIT_FAILED;
	code = hin_operation_run(operations, HIN_COUNT(operations), &s, argc, argv, &err);
	return hin_operation_end(&program, code, &err);
}
