/* decoy_show - `hinomi decoy show`, `block`, `unblock` and `files`. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/prefix.h"
#include "base/time.h"
#include "cmd/decoy.h"
#include "cmd/operations.h"
#include "decoy/orders.h"
#include "text/table.h"

#define BLOCKED_SIZE ((size_t)4 << 20)
#define PURPOSE_LEAST 8 /* characters of a purpose that says something */

static enum hin_lang lang;

/* ---- show ---- */

/* The words of a machine, or of a persona of this name. */
static enum hin_code show_one(const struct hin_organisation *organisation, const char *name,
			      struct hin_buffer *out, struct hin_error *err)
{
	const struct hin_host *host = hin_organisation_host_named(organisation, name);
	const struct hin_persona *persona;
	struct hin_addr address;

	if (host == NULL && hin_addr_parse(&address, name) == HIN_OK)
		host = hin_organisation_host(organisation, &address);
	if (host != NULL) {
		hin_host_print(host, lang, out);
		return HIN_OK;
	}
	for (size_t i = 0; (persona = hin_organisation_persona_at(organisation, i)) != NULL; i++)
		if (strcmp(hin_persona_name(persona), name) == 0) {
			hin_persona_print(persona, lang, out);
			return HIN_OK;
		}
	return hin_fail(err, HIN_ENOENT, "no machine and no persona is called \"%.60s\"", name);
}

int decoy_show(int argc, char *argv[])
{
	static const struct hin_option rows[] = {
		DECOY_DIR_OPTION,
		{ "config", 'c', "FILE", HIN_OPTION_TEXT, DECOY_ARG(config),
		  .help = "settings from a YAML file; decoy.yaml in the folder when it is there",
		  .help_ja = "YAML ファイルの設定 (既定はフォルダーの decoy.yaml)" },
		{ "set", 0, "NAME=VALUE", HIN_OPTION_CALL, .call = decoy_add_set,
		  .help = "one setting of run, such as organisation=FILE",
		  .help_ja = "run の設定を一つ変える (organisation=FILE など)" },
	};
	static const struct hin_program program = {
		.name = "hinomi decoy show",
		.args = "[HOST|PERSONA]",
		.about = "Shows the organisation, or one of its machines by name or address, or a "
			 "persona: what it offers, and where each of its bytes was observed.",
		.about_ja = "組織、その機器 (名前かアドレス)、またはペルソナを示す。ペルソナに"
			    "ついては提供するサービスと、各バイト列の観測元を示す。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct hin_organisation *organisation = NULL;
	struct decoy_settings settings = { 0 };
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc <= 2 ? decoy_load_settings(&settings, &err)
			 : hin_fail(&err, HIN_EUSAGE, "name one machine or persona");
	if (code == HIN_OK)
		code = decoy_load_organisation(&organisation, &settings, NULL, &err);
	if (code == HIN_OK && argc == 2)
		code = show_one(organisation, argv[1], &out, &err);
	else if (code == HIN_OK)
		hin_organisation_print(organisation, lang, &out);
	hin_organisation_free(organisation);
	hin_config_fini(&decoy_table, &settings);
	return decoy_finish(&out, code, &program, &err);
}

/* ---- block and unblock ---- */

struct blocked {
	struct hin_prefix *items;
	uint32_t count;
	char path[PATH_MAX];
};

static enum hin_code read_blocked(struct blocked *b, struct hin_error *err)
{
	struct hin_prefix_tree *tree = hin_prefix_tree_new();
	enum hin_code code = HIN_OK;

	snprintf(b->path, sizeof(b->path), "%s/blocked", decoy_folder());
	b->items = calloc(HIN_ORDERS_BLOCKS + 1, sizeof(*b->items));
	if (tree == NULL || b->items == NULL)
		code = hin_fail(err, HIN_ENOMEM, "no memory for the list");
	if (code == HIN_OK && access(b->path, F_OK) == 0)
		code = hin_prefix_tree_load(tree, b->path, 1, err);
	if (code == HIN_OK)
		code = hin_prefix_tree_build(tree, err);
	while (code == HIN_OK && b->count < HIN_ORDERS_BLOCKS &&
	       hin_prefix_tree_at(tree, b->count, &b->items[b->count], NULL))
		b->count++;
	hin_prefix_tree_free(tree);
	return code;
}

static void print_blocked(const struct blocked *b, struct hin_buffer *out)
{
	char text[HIN_PREFIX_TEXT];

	for (uint32_t i = 0; i < b->count; i++)
		hin_buffer_printf(out, "%s\n", hin_prefix_format(&b->items[i], text));
}

/* Put `prefix` in, or take it out; the run sees the new file within a second. */
static enum hin_code change_blocked(struct blocked *b, const char *text, bool in,
				    struct hin_error *err)
{
	struct hin_buffer out = { 0 };
	struct hin_prefix prefix;
	uint32_t at = 0;
	enum hin_code code = hin_prefix_parse(&prefix, text, err);

	if (code != HIN_OK)
		return code;
	while (at < b->count && (b->items[at].len != prefix.len ||
				 !hin_addr_equal(&b->items[at].addr, &prefix.addr)))
		at++;
	if (in && at == b->count) {
		if (b->count == HIN_ORDERS_BLOCKS)
			return hin_fail(err, HIN_ELIMIT, "%u prefixes are blocked: no more",
					HIN_ORDERS_BLOCKS);
		b->items[b->count++] = prefix;
	} else if (!in && at == b->count) {
		return hin_fail(err, HIN_ENOENT, "%s is not blocked", text);
	} else if (!in) {
		b->items[at] = b->items[--b->count];
	}
	print_blocked(b, &out);
	code = out.failed ? hin_fail(err, HIN_ENOMEM, "no memory for the list")
			  : hin_file_replace(b->path, hin_buffer_text(&out), out.used, 0644, err);
	hin_buffer_fini(&out);
	return code;
}

static int block_program(const struct hin_program *program, int argc, char *argv[], bool in)
{
	struct blocked blocked = { 0 };
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc == 2 || (in && argc == 1)
		       ? read_blocked(&blocked, &err)
		       : hin_fail(&err, HIN_EUSAGE, "name one prefix or address");
	if (code == HIN_OK && argc == 2)
		code = change_blocked(&blocked, argv[1], in, &err);
	else if (code == HIN_OK)
		print_blocked(&blocked, &out);
	free(blocked.items);
	return decoy_finish(&out, code, program, &err);
}

int decoy_block(int argc, char *argv[])
{
	static const struct hin_option rows[] = { DECOY_DIR_OPTION };
	static const struct hin_program program = {
		.name = "hinomi decoy block",
		.args = "[PREFIX]",
		.about = "Lets nobody in from a prefix or an address any more, within a second; "
			 "who is in already stays. Without one it lists who is blocked.",
		.about_ja = "プレフィックスまたはアドレスからの新しい接続を (1秒以内に) 受け入れ"
			    "なくする。接続中のものは残る。引数がなければ一覧を示す。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};

	return block_program(&program, argc, argv, true);
}

int decoy_unblock(int argc, char *argv[])
{
	static const struct hin_option rows[] = { DECOY_DIR_OPTION };
	static const struct hin_program program = {
		.name = "hinomi decoy unblock",
		.args = "PREFIX",
		.about = "Lets a prefix in again, named as `block` lists it.",
		.about_ja = "`block` の一覧にあるプレフィックスの受け入れを再開する。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};

	return block_program(&program, argc, argv, false);
}

/* ---- files ---- */

static bool add_file(void *into, const struct hin_decoy_vault_entry *e)
{
	struct hin_table *table = into;
	char digest[65], kind[HIN_FILE_KIND_TEXT], first[HIN_TIME_TEXT], last[HIN_TIME_TEXT];
	char number[HIN_RECORDING_NUMBER_TEXT];

	sodium_bin2hex(digest, sizeof(digest), e->sha256, sizeof(e->sha256));
	hin_table_cell(table, digest);
	hin_table_count(table, e->size);
	hin_table_cell(table, hin_file_kind_format(kind, &e->kind));
	hin_table_count(table, e->sessions);
	hin_table_cell(table, hin_time_format(first, e->first_us * 1000, HIN_TIME_S));
	hin_table_cell(table, hin_time_format(last, e->last_us * 1000, HIN_TIME_S));
	hin_table_cell(table, hin_recording_number_format(number, e->last_session));
	return true;
}

static enum hin_code list_files(const struct hin_decoy_vault *vault, struct hin_buffer *out,
				struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ .title = "SHA-256" },
		{ .title = decoy_say(lang, "BYTES", "バイト"), .align = HIN_RIGHT },
		{ .title = decoy_say(lang, "KIND", "種類"), .shrinks = true },
		{ .title = decoy_say(lang, "SESSIONS", "回数"), .align = HIN_RIGHT },
		{ .title = decoy_say(lang, "FIRST (UTC)", "最初 (UTC)") },
		{ .title = decoy_say(lang, "LAST (UTC)", "最後 (UTC)") },
		{ .title = decoy_say(lang, "SESSION", "番号") },
	};
	const struct hin_table_layout layout = { .width = 190 };
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));
	enum hin_code code;

	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the list");
	code = hin_decoy_vault_list(vault, decoy_arguments.most, add_file, table, err);
	if (code == HIN_OK && hin_table_rows(table) == 0)
		hin_buffer_puts(out, decoy_say(lang, "no files\n", "ファイルはありません\n"));
	else if (code == HIN_OK)
		code = hin_table_print(table, out, &layout);
	hin_table_free(table);
	return code;
}

/* Take one out. Why stands in the log of this machine, before anybody sees the bytes. */
static enum hin_code take_file(struct hin_decoy_vault *vault, const char *text,
			       struct hin_error *err)
{
	const struct decoy_arguments *a = &decoy_arguments;
	struct hin_buffer data = { 0 };
	uint8_t digest[32];
	size_t size = 0;
	enum hin_code code;

	if (sodium_hex2bin(digest, sizeof(digest), text, strlen(text), NULL, &size, NULL) != 0 ||
	    size != sizeof(digest))
		return hin_fail(err, HIN_EUSAGE, "\"%.70s\" is no SHA-256 of 64 digits", text);
	if (a->output == NULL || a->purpose == NULL || strlen(a->purpose) < PURPOSE_LEAST)
		return hin_fail(err, HIN_EUSAGE,
				"taking a file out needs --output FILE and --purpose TEXT");
	hin_log(HIN_LOG_WARNING, "decoy.file_taken", hin_log_text("sha256", text),
		hin_log_text("purpose", a->purpose), hin_log_u64("uid", getuid()));
	code = hin_decoy_vault_get(vault, digest, &data, err);
	if (code == HIN_OK && data.failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for the file");
	if (code == HIN_OK)
		code = hin_file_replace(a->output, hin_buffer_text(&data), data.used, 0400, err);
	hin_buffer_fini(&data);
	return code;
}

int decoy_files(int argc, char *argv[])
{
	static const struct hin_option rows[] = {
		DECOY_DIR_OPTION,
		{ "limit",
		  'n',
		  "N",
		  HIN_OPTION_VALUE,
		  DECOY_ARG(most),
		  { HIN_VALUE_U64, 1, 100000000 },
		  .help = "those brought last, so many",
		  .help_ja = "最後に持ち込まれたものからの件数" },
		{ "output", 'o', "FILE", HIN_OPTION_TEXT, DECOY_ARG(output),
		  .help = "write the file here, mode 0400: it may be dangerous",
		  .help_ja = "取り出し先 (読み取り専用。危険なファイルかもしれない)" },
		{ "purpose", 0, "TEXT", HIN_OPTION_TEXT, DECOY_ARG(purpose),
		  .help = "why it is taken out; it stands in the log",
		  .help_ja = "取り出す目的 (ログに残る)" },
	};
	static const struct hin_program program = {
		.name = "hinomi decoy files",
		.args = "[SHA256]",
		.about = "Lists what intruders brought, those brought last first; with a digest, "
			 "--output and --purpose it takes one out of the vault.",
		.about_ja = "侵入者が持ち込んだファイルを新しい順に示す。SHA-256 と --output・"
			    "--purpose を与えると保管庫から取り出す。",
		.options = rows,
		.option_count = HIN_COUNT(rows),
	};
	struct decoy_settings settings = { 0 };
	struct hin_decoy_vault *vault = NULL;
	struct hin_buffer out = { 0 };
	struct hin_error err = { 0 };
	char path[PATH_MAX];
	enum hin_code code;
	int status = hin_program_start(&program, &decoy_arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = argc <= 2 ? decoy_load_settings(&settings, &err)
			 : hin_fail(&err, HIN_EUSAGE, "name one SHA-256");
	snprintf(path, sizeof(path), "%s/vault", decoy_folder());
	if (code == HIN_OK)
		code = hin_decoy_vault_open(&vault, path, &settings.vault, false,
					    hin_time_now_ns() / 1000, &err);
	if (code == HIN_OK)
		code = argc == 2 ? take_file(vault, argv[1], &err) : list_files(vault, &out, &err);
	hin_decoy_vault_close(vault);
	hin_config_fini(&decoy_table, &settings);
	return decoy_finish(&out, code, &program, &err);
}
