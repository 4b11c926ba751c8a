#include "cmd/packets.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "packet/decode.h"
#include "telescope/vault.h"
#include "text/table.h"
#include "text/words.h"

#define HEX_LINK 16
#define HEX_DIGEST 64

struct arguments {
	const char *vault, *write, *reason;
	bool json;
};

#define ARG(field) offsetof(struct arguments, field)

static const struct hin_option options[] = {
	{ "write", 'w', "FILE", HIN_OPTION_TEXT, ARG(write),
	  .help = "write the packets to this pcap file; \"-\" is standard output",
	  .help_ja = "パケットを pcap ファイルに書き出す (\"-\" は標準出力)" },
	{ "reason", 'r', "TEXT", HIN_OPTION_TEXT, ARG(reason),
	  .help = "why the evidence is opened; noted in the vault's acts.log with the time and the "
		  "user",
	  .help_ja = "証拠を開く理由。時刻・利用者とともに保管庫の acts.log に記録する" },
	{ "vault", 0, "FOLDER", HIN_OPTION_TEXT, ARG(vault),
	  .help = "where the evidence is; else $HINOMI_VAULT, for root /var/lib/hinomi/vault, "
		  "for others ~/.local/state/hinomi/vault",
	  .help_ja = "保管庫の場所。既定は $HINOMI_VAULT、root は /var/lib/hinomi/vault、"
		     "それ以外は ~/.local/state/hinomi/vault" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON instead of a table",
	  .help_ja = "表の代わりに JSON を出力する" },
};

static const struct hin_program program = {
	.name = "hinomi telescope packets",
	.args = "EVENT|DIGEST|list",
	.about = "Open the evidence of an event: show its first packets, or write them to a file. "
		 "EVENT is the event's \"id\" in the report, DIGEST its \"evidence\"; "
		 "\"list\" lists what the vault holds. Each opening is noted before anything is "
		 "shown.",
	.about_ja =
		"イベントの証拠 (最初のパケット) を表示、またはファイルに書き出す。EVENT は報告の "
		"\"id\"、DIGEST は \"evidence\"。\"list\" は保管庫の一覧。開いた事実は表示の前に"
		"記録される。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

#define WORDS(X)                                                                                   \
	X(W_EVENT, "event", "イベント")                                                            \
	X(W_DIGEST, "digest", "ダイジェスト")                                                      \
	X(W_STORED, "stored (UTC)", "保管日時 (UTC)")                                              \
	X(W_PACKETS, "packets", "パケット")                                                        \
	X(W_BYTES, "bytes", "バイト")                                                              \
	X(W_TIME, "time (UTC)", "時刻 (UTC)")                                                      \
	X(W_SOURCE, "source", "送信元")                                                            \
	X(W_DESTINATION, "destination", "宛先")                                                    \
	X(W_KIND, "kind", "種別")                                                                  \
	X(W_EVENTS, "events", "イベント")                                                          \
	X(W_NOTHING, "The vault holds no evidence.", "保管庫に証拠はありません。")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

/* What is asked for: an event, or a digest. */
struct wanted {
	uint64_t event_link; /* 0 when it was asked for by digest */
	uint8_t digest[HIN_VAULT_DIGEST];
	char digest_text[HEX_DIGEST + 1];
};

static char *hex_of(char *out, const uint8_t *bytes, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < size; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	return out;
}

static unsigned digit_of(char c)
{
	return c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10u;
}

/* Read exactly `size` bytes of hexadecimal digits. */
static bool read_hex(uint8_t *out, size_t size, const char *text)
{
	if (strlen(text) != 2 * size || strspn(text, "0123456789abcdefABCDEF") != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++)
		out[i] = (uint8_t)(digit_of(text[2 * i]) << 4 | digit_of(text[2 * i + 1]));
	return true;
}

static enum hin_code find_wanted(struct wanted *out, struct hin_vault *vault, const char *name,
				 struct hin_error *err)
{
	uint8_t link[HEX_LINK / 2];

	if (read_hex(link, sizeof(link), name)) {
		struct hin_reader in = hin_reader_of(link, sizeof(link));

		out->event_link = hin_read_be64(&in);
		if (!hin_vault_find(vault, out->event_link, out->digest))
			return hin_fail(err, HIN_ENOENT,
					"the vault has no evidence of event %s (any more); "
					"\"list\" shows what it has",
					name);
	} else if (!read_hex(out->digest, sizeof(out->digest), name)) {
		char shown[64];

		return hin_fail(err, HIN_EUSAGE,
				"\"%s\" is neither an event (16 hexadecimal digits), a digest (64) "
				"nor \"list\"",
				hin_escape_text(shown, sizeof(shown), name));
	}
	hex_of(out->digest_text, out->digest, sizeof(out->digest));
	return HIN_OK;
}

static enum hin_code print(const struct hin_buffer *text, struct hin_error *err)
{
	if (text->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for the output");
	return hin_file_write_all(STDOUT_FILENO, hin_buffer_text(text), text->used, err);
}

/* ---- list ---- */

struct listing {
	const struct arguments *arguments;
	enum hin_lang lang;
	struct hin_table *table;
	struct hin_buffer *json;
	uint64_t count;
};

static bool list_entry(void *into, const struct hin_vault_entry *entry)
{
	struct listing *l = into;
	char digest[HEX_DIGEST + 1], when[HIN_TIME_TEXT];

	hex_of(digest, entry->digest, sizeof(entry->digest));
	l->count++;
	if (l->arguments->json) {
		hin_buffer_printf(l->json,
				  "%s\n{\"id\": \"%016" PRIx64 "\", \"stored\": \"%s\", "
				  "\"packets\": %u, \"bytes\": %u, \"evidence\": \"%s\"}",
				  l->count > 1 ? "," : "", entry->event_link,
				  hin_time_format_iso(when, entry->time_ns, HIN_TIME_US),
				  entry->packets, entry->bytes, digest);
		return !l->json->failed;
	}
	hin_table_cellf(l->table, "%016" PRIx64, entry->event_link);
	hin_table_cell(l->table, hin_time_format(when, entry->time_ns, HIN_TIME_S));
	hin_table_count(l->table, entry->packets);
	hin_table_count(l->table, entry->bytes);
	hin_table_cell(l->table, digest);
	return true;
}

static enum hin_code list(struct hin_vault *vault, const struct arguments *a, enum hin_lang lang,
			  struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ hin_words_get(words, W_EVENT, lang), HIN_LEFT },
		{ hin_words_get(words, W_STORED, lang), HIN_LEFT },
		{ hin_words_get(words, W_PACKETS, lang), HIN_RIGHT },
		{ hin_words_get(words, W_BYTES, lang), HIN_RIGHT },
		{ hin_words_get(words, W_DIGEST, lang), HIN_LEFT, .shrinks = true },
	};
	struct hin_table_layout layout = { .width = hin_style_columns(STDOUT_FILENO) };
	struct hin_buffer out = { 0 };
	struct listing l = { a, lang, hin_table_new(columns, HIN_COUNT(columns)), &out, 0 };
	char events[HIN_WORDS_TEXT], size[HIN_WORDS_TEXT];
	enum hin_code code;

	if (l.table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the list");
	if (a->json)
		hin_buffer_puts(&out, "[");
	code = hin_vault_list(vault, list_entry, &l, err);
	if (code == HIN_OK && a->json) {
		hin_buffer_puts(&out, "\n]\n");
	} else if (code == HIN_OK && l.count == 0) {
		hin_buffer_printf(&out, "%s\n", hin_words_get(words, W_NOTHING, lang));
	} else if (code == HIN_OK) {
		code = hin_table_print(l.table, &out, &layout);
		hin_buffer_printf(&out, "\n%s %s, %s\n", hin_words_count(events, l.count),
				  hin_words_get(words, W_EVENTS, lang),
				  hin_words_bytes(size, hin_vault_stats(vault).bytes));
	}
	if (code == HIN_OK)
		code = print(&out, err);
	hin_table_free(l.table);
	hin_buffer_fini(&out);
	return code;
}

/* ---- show ---- */

/* The next packet of the capture file that `in` reads. False at its end. */
static bool next_frame(struct hin_frame *out, struct hin_reader *in, uint16_t link)
{
	uint32_t seconds = hin_read_le32(in), nanos = hin_read_le32(in);

	*out = (struct hin_frame){ .size = hin_read_le32(in),
				   .length = hin_read_le32(in),
				   .time_ns = (int64_t)seconds * HIN_NS_PER_S + nanos,
				   .link = link };
	out->data = hin_read_bytes(in, out->size);
	return !in->failed;
}

static const char *with_port(char out[HIN_ADDR_TEXT + 8], const struct hin_addr *addr,
			     uint16_t port, bool ports)
{
	char text[HIN_ADDR_TEXT];

	hin_addr_format(addr, text);
	if (!ports)
		snprintf(out, HIN_ADDR_TEXT + 8, "%s", text);
	else if (hin_addr_is_v4(addr))
		snprintf(out, HIN_ADDR_TEXT + 8, "%s:%u", text, port);
	else
		snprintf(out, HIN_ADDR_TEXT + 8, "[%s]:%u", text, port);
	return out;
}

static bool has_ports(const struct hin_packet *p)
{
	return p->kind <= HIN_UDP;
}

/* "tcp-syn", "echo-request", or the reason why the frame cannot be read. */
static const char *kind_of(const struct hin_packet *p, bool readable)
{
	bool icmp = readable && (p->kind == HIN_ICMP || p->kind == HIN_ICMP6);
	const char *type =
		icmp ? hin_icmp_type_name(p->kind == HIN_ICMP6, (uint8_t)p->sport) : NULL;

	if (!readable)
		return hin_refusal_name(p->refusal);
	return type != NULL ? type : hin_packet_kind_name(p->kind);
}

static void show_row(struct hin_table *table, const struct hin_frame *frame)
{
	char when[HIN_TIME_TEXT], end[HIN_ADDR_TEXT + 8];
	struct hin_packet p;
	bool readable = hin_decode(&p, frame, 0);

	hin_time_format(when, frame->time_ns, HIN_TIME_MS);
	when[strcspn(when, "Z")] = '\0';
	hin_table_cell(table, when);
	if (readable) {
		hin_table_cell(table, with_port(end, &p.src, p.sport, has_ports(&p)));
		hin_table_cell(table, with_port(end, &p.dst, p.dport, has_ports(&p)));
	} else {
		hin_table_cell(table, "-");
		hin_table_cell(table, "-");
	}
	hin_table_cell(table, kind_of(&p, readable));
	hin_table_count(table, frame->length);
}

static void show_json(struct hin_buffer *out, const struct hin_frame *frame, bool first)
{
	char when[HIN_TIME_TEXT], source[HIN_ADDR_TEXT], destination[HIN_ADDR_TEXT];
	struct hin_packet p;
	bool readable = hin_decode(&p, frame, 0);

	hin_buffer_printf(out, "%s\n{\"time\": \"%s\", \"kind\": \"%s\", \"bytes\": %u",
			  first ? "" : ",", hin_time_format_iso(when, frame->time_ns, HIN_TIME_NS),
			  kind_of(&p, readable), frame->length);
	if (readable)
		hin_buffer_printf(out, ", \"source\": \"%s\", \"destination\": \"%s\"",
				  hin_addr_format(&p.src, source),
				  hin_addr_format(&p.dst, destination));
	if (readable && has_ports(&p))
		hin_buffer_printf(out, ", \"source_port\": %u, \"destination_port\": %u", p.sport,
				  p.dport);
	hin_buffer_puts(out, "}");
}

static enum hin_code show(const struct hin_buffer *capture, const struct wanted *wanted,
			  const struct arguments *a, enum hin_lang lang, struct hin_error *err)
{
	const struct hin_column columns[] = {
		{ hin_words_get(words, W_TIME, lang), HIN_LEFT },
		{ hin_words_get(words, W_SOURCE, lang), HIN_LEFT, .shrinks = true },
		{ hin_words_get(words, W_DESTINATION, lang), HIN_LEFT, .shrinks = true },
		{ hin_words_get(words, W_KIND, lang), HIN_LEFT },
		{ hin_words_get(words, W_BYTES, lang), HIN_RIGHT },
	};
	struct hin_table_layout layout = { .width = hin_style_columns(STDOUT_FILENO) };
	struct hin_table *table = hin_table_new(columns, HIN_COUNT(columns));
	struct hin_reader in = hin_reader_of(capture->data, capture->used);
	enum hin_code code = HIN_OK;
	struct hin_buffer out = { 0 };
	struct hin_frame frame;
	uint16_t link;

	if (table == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the packets");
	hin_read_skip(&in, HIN_PCAP_HEADER_SIZE - 4);
	link = (uint16_t)hin_read_le32(&in);
	if (a->json)
		hin_buffer_printf(&out, "{\"evidence\": \"%s\", \"packets\": [",
				  wanted->digest_text);
	for (bool first = true; in.left > 0 && next_frame(&frame, &in, link); first = false) {
		if (a->json)
			show_json(&out, &frame, first);
		else
			show_row(table, &frame);
	}
	if (a->json) {
		hin_buffer_puts(&out, "\n]}\n");
	} else {
		hin_buffer_printf(&out, "%s %s\n\n", hin_words_get(words, W_DIGEST, lang),
				  wanted->digest_text);
		code = hin_table_print(table, &out, &layout);
	}
	if (in.failed)
		code = hin_fail(err, HIN_EFORMAT, "the evidence is no capture file");
	if (code == HIN_OK)
		code = print(&out, err);
	hin_table_free(table);
	hin_buffer_fini(&out);
	return code;
}

/* ---- the command ---- */

/* What parses packets has no rights; the evidence is in memory by now. */
static enum hin_code confine(struct hin_error *err)
{
	struct hin_sandbox sandbox = { 0 };
	enum hin_code code = hin_sandbox_drop_caps(&sandbox, err);

	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&sandbox, NULL, 0, NULL, 0, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&sandbox, HIN_SANDBOX_ANALYSE, false, err);
	return code;
}

/* Give the evidence out; not before the act is noted. */
static enum hin_code open_evidence(struct hin_vault *vault, const char *name,
				   const struct arguments *a, enum hin_lang lang,
				   struct hin_error *err)
{
	struct hin_buffer capture = { 0 };
	struct wanted wanted = { 0 };
	enum hin_code code = find_wanted(&wanted, vault, name, err);

	if (code == HIN_OK)
		code = hin_vault_act(vault, wanted.event_link, wanted.digest, a->reason,
				     hin_time_now_ns(), err);
	if (code == HIN_OK)
		code = hin_vault_get(vault, wanted.digest, &capture, err);
	if (code == HIN_OK && a->write == NULL) {
		code = confine(err);
		if (code == HIN_OK)
			code = show(&capture, &wanted, a, lang, err);
	} else if (code == HIN_OK && strcmp(a->write, "-") == 0) {
		code = print(&capture, err);
	} else if (code == HIN_OK) {
		code = hin_file_replace(a->write, capture.data, capture.used, 0600, err);
	}
	hin_buffer_fini(&capture);
	return code;
}

static enum hin_code run(const struct arguments *a, int argc, char *argv[], enum hin_lang lang,
			 struct hin_error *err)
{
	struct hin_sandbox sandbox = { 0 };
	struct hin_vault *vault = NULL;
	char folder[PATH_MAX];
	enum hin_code code;

	if (argc != 2)
		return hin_fail(err, HIN_EUSAGE, "name one event, digest or \"list\"");
	if (a->write != NULL && strcmp(a->write, "-") == 0 && isatty(STDOUT_FILENO))
		return hin_fail(err, HIN_EUSAGE, "a capture file is nothing for a terminal");
	code = hin_sandbox_no_dump(&sandbox, err);
	if (code == HIN_OK && a->vault == NULL)
		code = hin_vault_default_folder(folder, sizeof(folder), err);
	if (code == HIN_OK)
		code = hin_vault_open(&vault, a->vault != NULL ? a->vault : folder, 0, 0, false,
				      err);
	if (code != HIN_OK)
		return code;
	if (strcmp(argv[1], "list") == 0)
		code = list(vault, a, lang, err);
	else
		code = open_evidence(vault, argv[1], a, lang, err);
	hin_vault_close(vault);
	return code;
}

int hin_cmd_packets(int argc, char *argv[])
{
	struct arguments arguments = { 0 };
	struct hin_error err = { 0 };
	enum hin_lang lang;
	enum hin_code code;
	int status = hin_program_start(&program, &arguments, &lang, &argc, argv);

	if (status >= 0)
		return status;
	code = run(&arguments, argc, argv, lang, &err);
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	status = hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : status;
}
