/*
 * hinomi-authority - write, sign, check, show, enact and revoke what permits to act.
 */
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/number.h"
#include "base/options.h"
#include "cmd/operations.h"
#include "base/time.h"
#include "text/words.h"
#include "trust/authority.h"
#include "trust/certificate.h"

#define FOLDER "/var/lib/hinomi/ledger" /* of a hub with its usual settings */
#define ROSTERS 32			/* most rosters in a row */

struct arguments {
	const char *ledger, *ledger_key, *ledger_secret, *output;
	const char *rosters[ROSTERS];
	size_t roster_count;
	const char *number, *kind, *requester, *statement, *from, *until, *at;
	const char *key, *name, *passphrase_file;
	const char *prefixes[HIN_AUTHORITY_PREFIXES], *ports[HIN_AUTHORITY_PORTS];
	const char *signers[HIN_SIGNERS];
	size_t prefix_count, port_count, signer_count;
	uint64_t rate, uses, need, who;
	bool json, use;
};

struct session {
	struct arguments arguments;
	enum hin_lang lang;
};

/* ---- options ---- */

#define ARG(field) offsetof(struct arguments, field)

static enum hin_code add(const char **list, size_t *count, size_t most, const char *value,
			 const char *what, struct hin_error *err)
{
	if (*count == most)
		return hin_fail(err, HIN_EUSAGE, "at most %zu %s can be given", most, what);
	list[(*count)++] = value;
	return HIN_OK;
}

static enum hin_code add_roster(void *into, const char *value, struct hin_error *err)
{
	struct arguments *a = into;

	return add(a->rosters, &a->roster_count, ROSTERS, value, "rosters", err);
}

static enum hin_code add_prefix(void *into, const char *value, struct hin_error *err)
{
	struct arguments *a = into;

	return add(a->prefixes, &a->prefix_count, HIN_AUTHORITY_PREFIXES, value, "prefixes", err);
}

static enum hin_code add_port(void *into, const char *value, struct hin_error *err)
{
	struct arguments *a = into;

	return add(a->ports, &a->port_count, HIN_AUTHORITY_PORTS, value, "ports", err);
}

static enum hin_code add_signer(void *into, const char *value, struct hin_error *err)
{
	struct arguments *a = into;

	return add(a->signers, &a->signer_count, HIN_SIGNERS, value, "signers", err);
}

static const struct hin_option options[] = {
	{ "output", 'o', "FILE", HIN_OPTION_TEXT, ARG(output),
	  .help = "write to FILE (sign: in place of the note itself)",
	  .help_ja = "FILE に書く (sign では元のファイルの代わりに)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "print JSON",
	  .help_ja = "JSON で出力する" },
	{ "roster", 'r', "FILE", HIN_OPTION_CALL, .call = add_roster,
	  .help = "the signed roster of signers; after a change each in its order, the first one "
		  "first",
	  .help_ja = "署名者名簿。改定後は最初のものから順に並べる (繰り返し)" },
	{ .section = "What new writes, and what check asks",
	  .section_ja = "new で書き、check で問う内容" },
	{ "number", 0, "NUMBER", HIN_OPTION_TEXT, ARG(number), .help = "its number, as 2027-000123",
	  .help_ja = "番号 (2027-000123 など)" },
	{ "kind", 0, "KIND", HIN_OPTION_TEXT, ARG(kind),
	  .help = "survey-plan, consent, select-agreement, select-approval, evidence-order, "
		  "isolation-order, capture-order, exercise; check: else its own",
	  .help_ja = "種類: survey-plan、consent、select-agreement、select-approval、"
		     "evidence-order、isolation-order、capture-order、exercise" },
	{ "from", 0, "TIME", HIN_OPTION_TEXT, ARG(from), .help = "begin of its period (UTC)",
	  .help_ja = "有効期間の始め (UTC)" },
	{ "until", 0, "TIME", HIN_OPTION_TEXT, ARG(until),
	  .help = "end of its period, which is no longer in it",
	  .help_ja = "有効期間の終わり (その時刻は含まない)" },
	{ "requester", 0, "KEY", HIN_OPTION_TEXT, ARG(requester),
	  .help = "who asked for it; this key's signature never counts",
	  .help_ja = "請求者の鍵。この鍵の署名は数えない" },
	{ "statement", 0, "FILE", HIN_OPTION_TEXT, ARG(statement),
	  .help = "the paper behind it; its SHA-256 is written",
	  .help_ja = "根拠となる文書。その SHA-256 が書かれる" },
	{ "prefix", 'p', "PREFIX", HIN_OPTION_CALL, .call = add_prefix,
	  .help = "addresses that it covers (repeatable); without any, none",
	  .help_ja = "対象アドレス (繰り返し可)。なければ対象なし" },
	{ "port", 0, "PORT", HIN_OPTION_CALL, .call = add_port,
	  .help = "ports that it covers: tcp/22-23, udp/53 (repeatable); without any, none",
	  .help_ja = "対象ポート: tcp/22-23、udp/53 (繰り返し可)。なければ対象なし" },
	{ "rate",
	  0,
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(rate),
	  { HIN_VALUE_U64, 1, INT64_MAX },
	  .help = "most packets a second",
	  .help_ja = "1秒あたりの最大パケット数" },
	{ "uses",
	  0,
	  "N",
	  HIN_OPTION_VALUE,
	  ARG(uses),
	  { HIN_VALUE_U64, 1, INT64_MAX },
	  .help = "most uses; without it as many as fit its period",
	  .help_ja = "使用回数の上限。なければ期間内は無制限" },
	{ "at", 0, "TIME", HIN_OPTION_TEXT, ARG(at), .help = "check as of this time; else now",
	  .help_ja = "この時刻で検査する (既定は現在)" },
	{ "use", 0, NULL, HIN_OPTION_FLAG, ARG(use), .help = "check: may it be used once more?",
	  .help_ja = "check: もう一度使えるか" },
	{ .section = "Rosters, keys and signing", .section_ja = "名簿・鍵・署名" },
	{ "need",
	  0,
	  "K",
	  HIN_OPTION_VALUE,
	  ARG(need),
	  { HIN_VALUE_U64, 1, HIN_SIGNERS },
	  .help = "how many of the signers are needed",
	  .help_ja = "必要な署名の数" },
	{ "signer", 0, "KEY", HIN_OPTION_CALL, .call = add_signer,
	  .help = "a signer's key, as name+id+base64 (repeatable)",
	  .help_ja = "署名者の鍵 (name+id+base64、繰り返し可)" },
	{ "key", 'k', "FILE", HIN_OPTION_TEXT, ARG(key),
	  .help = "the secret key to sign with; key makes it",
	  .help_ja = "署名に使う秘密鍵。key コマンドで作る" },
	{ "name", 'n', "NAME", HIN_OPTION_TEXT, ARG(name),
	  .help = "the signer's name, as commission.example/a",
	  .help_ja = "署名者の名前 (commission.example/a など)" },
	{ "passphrase-file", 0, "FILE", HIN_OPTION_TEXT, ARG(passphrase_file),
	  .help = "the key's passphrase is the first line of FILE",
	  .help_ja = "鍵のパスフレーズ (FILE の1行目)" },
	{ .section = "The ledger", .section_ja = "台帳" },
	{ "ledger", 'L', "FOLDER", HIN_OPTION_TEXT, ARG(ledger),
	  .help = "the ledger; else $HINOMI_LEDGER, else that of a hub on this machine",
	  .help_ja = "台帳のフォルダー (既定は $HINOMI_LEDGER、なければこの機械のハブのもの)" },
	{ "ledger-key", 0, "KEY", HIN_OPTION_TEXT, ARG(ledger_key),
	  .help = "the ledger's key, as name+id+base64; else the one in its folder",
	  .help_ja = "台帳の鍵 (name+id+base64)。既定はフォルダー内の鍵" },
	{ "ledger-secret", 0, "FILE", HIN_OPTION_TEXT, ARG(ledger_secret),
	  .help = "the ledger's secret key, to write while no hub does",
	  .help_ja = "台帳の秘密鍵。ハブが動いていない時に書き込むため" },
	{ "who",
	  0,
	  "ACCOUNT",
	  HIN_OPTION_VALUE,
	  ARG(who),
	  { HIN_VALUE_U64, 0, INT64_MAX },
	  .help = "the account that acts (default 0, the system)",
	  .help_ja = "行為者のアカウント番号 (既定 0、システム)" },
};

static const struct hin_program program = {
	.name = "hinomi authority",
	.args = "new|roster|key|sign FILE|show FILE|check FILE|enact FILE|revoke FILE|DIGEST",
	.about =
		"Signed permission for what touches others: survey, select, orders. \"new\" writes "
		"the text of one, \"roster\" that of who may sign; \"key\" makes a signer's key; "
		"\"sign\" adds a signature; \"check\" says whether something is permitted, and why "
		"not; \"enact\" and \"revoke\" are acts in the ledger.",
	.about_ja = "他者に触れる行為 (調査・選別・命令) の署名付き許可。new は許可文、roster は"
		    "署名者名簿の文面、key は署名者の鍵を作り、sign は署名を加え、check は許される"
		    "か否かと理由を示し、enact と revoke は台帳に記録される。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

#define WORDS(X)                                                                                   \
	X(W_ALLOWED, "allowed", "許可されています")                                                \
	X(W_DIGEST, "digest", "ダイジェスト")                                                      \
	X(W_SIGNED, "signed by", "署名者")                                                         \
	X(W_UNCHECKED, "signatures were not checked: no --roster",                                 \
	  "署名は検査していません (--roster がありません)")                                        \
	X(W_ENACTED, "in force", "発効しました")                                                   \
	X(W_REVOKED, "revoked", "撤回しました")
enum { WORDS(HIN_WORD_NAME) };
static const struct hin_words words[] = { WORDS(HIN_WORD_ROW) };

static const char *word(const struct session *s, int id)
{
	return hin_words_get(words, (size_t)id, s->lang);
}

/* ---- files ---- */

/* Print `out`, or put it into the file that was asked for. */
static enum hin_code give(const struct session *s, struct hin_buffer *out, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	if (out->failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for the answer");
	else if (s->arguments.output != NULL)
		code = hin_file_replace(s->arguments.output, out->data, out->used, 0644, err);
	else if (fwrite(out->data, 1, out->used, stdout) != out->used || fflush(stdout) != 0)
		code = hin_fail(err, HIN_ESYS, "write the answer");
	return code;
}

/* The roster in force: the last of a row that each follow the one before. */
static enum hin_code load_roster(const struct session *s, struct hin_signers *out,
				 struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	struct hin_signers before;
	enum hin_code code = HIN_OK;

	if (a->roster_count == 0)
		return hin_fail(err, HIN_EUSAGE, "the roster of signers is needed: --roster");
	for (size_t i = 0; code == HIN_OK && i < a->roster_count; i++) {
		struct hin_buffer note = { 0 };

		before = *out;
		code = hin_file_read(&note, a->rosters[i], HIN_AUTHORITY_SIZE, err);
		if (code == HIN_OK)
			code = hin_signers_open(out, note.data, note.used, i > 0 ? &before : NULL,
						err);
		hin_buffer_fini(&note);
	}
	return code;
}

/* The authority in a file, checked by the roster. */
static enum hin_code load_authority(const struct session *s, const char *path,
				    struct hin_authority *out, struct hin_signers *roster,
				    struct hin_error *err)
{
	struct hin_buffer note = { 0 };
	enum hin_code code = load_roster(s, roster, err);

	if (code == HIN_OK)
		code = hin_file_read(&note, path, HIN_AUTHORITY_SIZE, err);
	if (code == HIN_OK)
		code = hin_authority_open(out, note.data, note.used, roster, err);
	hin_buffer_fini(&note);
	return code;
}

static enum hin_code load_signer(const struct session *s, const char *path, const char *name,
				 bool create, struct hin_note_signer *out, struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	struct hin_buffer passphrase = { 0 };
	enum hin_code code = HIN_OK;

	if (a->passphrase_file != NULL)
		code = hin_file_read_private(&passphrase, a->passphrase_file, 512, err);
	if (code == HIN_OK && passphrase.data != NULL)
		passphrase.data[strcspn(passphrase.data, "\r\n")] = '\0';
	if (code == HIN_OK)
		code = hin_ledger_key_load(out, path, name, passphrase.data, create, err);
	hin_secret_fini(&passphrase);
	return code;
}

static int64_t now_us(void)
{
	return hin_time_now_ns() / HIN_NS_PER_US;
}

/* ---- new, roster, key, sign ---- */

static enum hin_code put_time(struct hin_buffer *out, const char *name, const char *text,
			      struct hin_error *err)
{
	char iso[HIN_TIME_TEXT];
	int64_t ns;
	enum hin_code code;

	if (text == NULL)
		return hin_fail(err, HIN_EUSAGE, "the period is needed: --from and --until");
	code = hin_time_parse(&ns, text, hin_time_now_ns(), err);
	if (code == HIN_OK)
		hin_buffer_printf(out, "%s %s\n", name, hin_time_format_iso(iso, ns, HIN_TIME_S));
	return code;
}

static enum hin_code put_statement(struct hin_buffer *out, const char *path, struct hin_error *err)
{
	struct hin_buffer file = { 0 };
	uint8_t digest[32];
	char hex[65];
	enum hin_code code = hin_file_read(&file, path, (size_t)1 << 30, err);

	if (code == HIN_OK) {
		crypto_hash_sha256(digest, (const uint8_t *)hin_buffer_text(&file), file.used);
		hin_buffer_printf(out, "statement %s\n",
				  sodium_bin2hex(hex, sizeof(hex), digest, 32));
	}
	hin_buffer_fini(&file);
	return code;
}

/* The text by what was asked for; it is then read, so that each mistake is named. */
static enum hin_code write_text(const struct session *s, struct hin_buffer *out,
				struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	struct hin_signers roster;
	char hex[65];
	enum hin_code code = load_roster(s, &roster, err);

	if (code == HIN_OK && (a->number == NULL || a->kind == NULL))
		code = hin_fail(err, HIN_EUSAGE, "an authority needs --number and --kind");
	if (code != HIN_OK)
		return code;
	hin_buffer_printf(out, "hinomi authority 1\nnumber %s\nkind %s\nsigners %s\n", a->number,
			  a->kind, sodium_bin2hex(hex, sizeof(hex), roster.digest, 32));
	code = put_time(out, "from", a->from, err);
	if (code == HIN_OK)
		code = put_time(out, "until", a->until, err);
	if (code == HIN_OK && a->requester != NULL)
		hin_buffer_printf(out, "requester %s\n", a->requester);
	if (code == HIN_OK && a->statement != NULL)
		code = put_statement(out, a->statement, err);
	for (size_t i = 0; i < a->prefix_count; i++)
		hin_buffer_printf(out, "prefix %s\n", a->prefixes[i]);
	for (size_t i = 0; i < a->port_count; i++)
		hin_buffer_printf(out, "port %s\n", a->ports[i]);
	if (a->rate > 0)
		hin_buffer_printf(out, "rate %" PRIu64 "\n", a->rate);
	if (a->uses > 0)
		hin_buffer_printf(out, "uses %" PRIu64 "\n", a->uses);
	return code;
}

static enum hin_code run_new(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	static struct hin_authority authority;
	struct hin_buffer out = { 0 };
	enum hin_code code = write_text(s, &out, err);

	(void)operand;
	if (code == HIN_OK)
		code = hin_authority_parse(&authority, hin_buffer_text(&out), out.used, err);
	if (code == HIN_OK)
		code = give(s, &out, err);
	hin_buffer_fini(&out);
	return code;
}

static enum hin_code run_roster(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	const struct arguments *a = &s->arguments;
	struct hin_signers roster = { .number = 1, .need = (unsigned)a->need }, before, again;
	struct hin_buffer out = { 0 };
	enum hin_code code = HIN_OK;

	(void)operand;
	if (a->need == 0 || a->signer_count == 0)
		return hin_fail(err, HIN_EUSAGE, "a roster needs --need and --signer");
	if (a->roster_count > 0) {
		code = load_roster(s, &before, err);
		if (code != HIN_OK)
			return code;
		roster.number = before.number + 1;
		memcpy(roster.previous, before.digest, 32);
	}
	for (size_t i = 0; code == HIN_OK && i < a->signer_count; i++)
		code = hin_note_verifier_parse(&roster.keys[roster.count++], a->signers[i], err);
	if (code != HIN_OK)
		return code;
	hin_signers_format(&out, &roster);
	code = hin_signers_parse(&again, hin_buffer_text(&out), out.used, err);
	if (code == HIN_OK)
		code = give(s, &out, err);
	hin_buffer_fini(&out);
	return code;
}

static enum hin_code run_key(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	const struct arguments *a = &s->arguments;
	struct hin_note_signer signer = { 0 };
	char text[HIN_NOTE_KEY_TEXT];
	enum hin_code code;

	(void)operand;
	if (a->key == NULL || a->name == NULL)
		return hin_fail(err, HIN_EUSAGE, "a signer's key needs --key FILE and --name");
	code = load_signer(s, a->key, a->name, true, &signer, err);
	if (code == HIN_OK)
		puts(hin_note_verifier_format(&signer.verifier, text));
	hin_note_signer_fini(&signer);
	return code;
}

static enum hin_code run_sign(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	const struct arguments *a = &s->arguments;
	struct hin_note_signer signer = { 0 };
	struct hin_buffer note = { 0 }, out = { 0 };
	enum hin_code code;

	if (a->key == NULL || a->name == NULL)
		return hin_fail(err, HIN_EUSAGE, "signing needs --key FILE and --name");
	code = hin_file_read(&note, operand, HIN_AUTHORITY_SIZE, err);
	if (code == HIN_OK)
		code = load_signer(s, a->key, a->name, false, &signer, err);
	if (code == HIN_OK)
		code = hin_authority_sign(&out, hin_buffer_text(&note), note.used, &signer, err);
	if (code == HIN_OK && a->output == NULL)
		s->arguments.output = operand;
	if (code == HIN_OK)
		code = give(s, &out, err);
	hin_note_signer_fini(&signer);
	hin_buffer_fini(&note);
	hin_buffer_fini(&out);
	return code;
}

/* ---- show, check ---- */

/* Where the text of a note ends. */
static size_t text_size(const struct hin_buffer *note)
{
	for (size_t i = note->used; i >= 2; i--)
		if (note->data[i - 1] == '\n' && note->data[i - 2] == '\n')
			return i - 1;
	return note->used;
}

static enum hin_code run_show(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	static struct hin_authority authority;
	struct hin_signers roster = { 0 };
	struct hin_buffer note = { 0 }, out = { 0 };
	char hex[65];
	bool checked = s->arguments.roster_count > 0;
	enum hin_code code = hin_file_read(&note, operand, HIN_AUTHORITY_SIZE, err);

	if (code == HIN_OK && checked)
		code = load_authority(s, operand, &authority, &roster, err);
	else if (code == HIN_OK)
		code = hin_authority_parse(&authority, hin_buffer_text(&note), text_size(&note),
					   err);
	if (code != HIN_OK)
		goto out;
	sodium_bin2hex(hex, sizeof(hex), authority.digest, 32);
	if (s->arguments.json) {
		hin_buffer_printf(&out, "{\"digest\":\"%s\",\"text\":", hex);
		hin_escape_json(&out, note.data, text_size(&note));
		hin_buffer_printf(&out, ",\"checked\":%s,\"signed_by\":[",
				  checked ? "true" : "false");
	} else {
		hin_buffer_add(&out, note.data, text_size(&note));
		hin_buffer_printf(&out, "\n%s %s\n", word(s, W_DIGEST), hex);
		if (!checked)
			hin_buffer_printf(&out, "%s\n", word(s, W_UNCHECKED));
	}
	for (unsigned i = 0, n = 0; i < roster.count; i++) {
		if (!(authority.signed_by >> i & 1))
			continue;
		if (s->arguments.json) {
			hin_buffer_puts(&out, n++ > 0 ? "," : "");
			hin_escape_json(&out, roster.keys[i].name, strlen(roster.keys[i].name));
		} else {
			hin_buffer_printf(&out, "%s ", word(s, W_SIGNED));
			hin_escape(&out, roster.keys[i].name, strlen(roster.keys[i].name));
			hin_buffer_putc(&out, '\n');
		}
	}
	if (s->arguments.json)
		hin_buffer_puts(&out, "]}\n");
	code = give(s, &out, err);
out:
	hin_buffer_fini(&note);
	hin_buffer_fini(&out);
	return code;
}

static const char *folder_of(const struct arguments *a)
{
	const char *folder = a->ledger != NULL ? a->ledger : getenv("HINOMI_LEDGER");

	return folder != NULL ? folder : FOLDER;
}

static enum hin_code ledger_key(const struct arguments *a, struct hin_note_verifier *out,
				struct hin_error *err)
{
	struct hin_buffer text = { 0 };
	char path[PATH_MAX];
	enum hin_code code;

	if (a->ledger_key != NULL)
		return hin_note_verifier_parse(out, a->ledger_key, err);
	if (snprintf(path, sizeof(path), "%s/key", folder_of(a)) >= PATH_MAX)
		return hin_fail(err, HIN_ELIMIT, "the path of the ledger is too long");
	code = hin_file_read(&text, path, HIN_NOTE_KEY_TEXT, err);
	if (code == HIN_OK && text.used > 0 && text.data[text.used - 1] == '\n')
		text.data[--text.used] = '\0';
	if (code == HIN_OK)
		code = hin_note_verifier_parse(out, hin_buffer_text(&text), err);
	hin_buffer_fini(&text);
	return code;
}

/* Each port alone and each prefix alone: all must be permitted. */
static enum hin_code check_all(const struct arguments *a, const struct hin_authority *authority,
			       const struct hin_authority_state *state, int64_t now_s,
			       const struct hin_authority_request *request, struct hin_error *err)
{
	enum hin_code code = hin_authority_check(authority, state, now_s, request, err);

	for (size_t i = 0; code == HIN_OK && i < a->port_count; i++) {
		struct hin_authority_request r = *request;
		struct hin_authority_ports ports = { 0 };

		code = hin_authority_ports_parse(&ports, a->ports[i], err);
		r.protocol = ports.protocol;
		r.port_low = ports.low;
		r.port_high = ports.high;
		if (code == HIN_OK)
			code = hin_authority_check(authority, state, now_s, &r, err);
	}
	for (size_t i = 0; code == HIN_OK && i < a->prefix_count; i++) {
		struct hin_authority_request r = *request;
		struct hin_prefix prefix;

		code = hin_prefix_parse(&prefix, a->prefixes[i], err);
		r.prefix = &prefix;
		if (code == HIN_OK)
			code = hin_authority_check(authority, state, now_s, &r, err);
	}
	return code;
}

static enum hin_code read_state(const struct arguments *a, const uint8_t digest[32],
				struct hin_authority_state *out, struct hin_error *err)
{
	struct hin_authority_book *book = NULL;
	struct hin_note_verifier log;
	enum hin_code code = ledger_key(a, &log, err);

	if (code == HIN_OK)
		code = hin_authority_book_open(&book, folder_of(a), &log, err);
	if (code == HIN_OK)
		code = hin_authority_book_read(book, err);
	if (code == HIN_OK)
		hin_authority_book_state(book, digest, out);
	hin_authority_book_close(book);
	return code;
}

static enum hin_code run_check(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	static struct hin_authority authority;
	const struct arguments *a = &s->arguments;
	struct hin_authority_request request = { .rate = a->rate, .use = a->use };
	struct hin_authority_state state;
	struct hin_signers roster;
	int64_t now_ns = hin_time_now_ns();
	enum hin_code code = load_authority(s, operand, &authority, &roster, err);

	if (code == HIN_OK && a->at != NULL)
		code = hin_time_parse(&now_ns, a->at, now_ns, err);
	if (code == HIN_OK && a->kind != NULL) {
		const struct hin_act_word *kind = hin_act_word_named(&hin_authorities, a->kind);

		if (kind == NULL)
			return hin_fail(err, HIN_EUSAGE, "\"%.40s\" is no kind of authority",
					a->kind);
		request.kind = kind->number;
	} else {
		request.kind = authority.kind;
	}
	if (code == HIN_OK)
		code = read_state(a, authority.digest, &state, err);
	if (code == HIN_OK)
		code = check_all(a, &authority, &state, now_ns / HIN_NS_PER_S, &request, err);
	if (code == HIN_OK && a->json)
		printf("{\"allowed\":true,\"uses\":%" PRIu64 "}\n", state.uses);
	else if (code == HIN_OK)
		puts(word(s, W_ALLOWED));
	return code;
}

/* ---- enact, revoke ---- */

/* Open the ledger to write, and a book over it. */
static enum hin_code open_ledger(struct session *s, struct hin_ledger **ledger,
				 struct hin_authority_book **book, struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	struct hin_ledger_settings settings;
	struct hin_note_signer signer = { 0 };
	struct hin_note_verifier log;
	enum hin_code code = HIN_OK;

	if (a->ledger_secret == NULL)
		return hin_fail(err, HIN_EUSAGE,
				"to write the ledger its secret key is needed: --ledger-secret");
	hin_ledger_settings_default(&settings);
	settings.folder = folder_of(a);
	settings.signer = &signer;
	code = ledger_key(a, &log, err);
	if (code == HIN_OK)
		code = load_signer(s, a->ledger_secret, log.name, false, &signer, err);
	if (code == HIN_OK)
		code = hin_ledger_open(ledger, &settings, err);
	if (code == HIN_OK)
		code = hin_authority_book_open(book, settings.folder, &log, err);
	hin_note_signer_fini(&signer);
	return code;
}

static enum hin_code run_enact(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	static struct hin_authority authority;
	struct hin_authority_book *book = NULL;
	struct hin_ledger *ledger = NULL;
	struct hin_signers roster;
	enum hin_code code = load_authority(s, operand, &authority, &roster, err);

	if (code == HIN_OK)
		code = open_ledger(s, &ledger, &book, err);
	if (code == HIN_OK)
		code = hin_authority_enact(book, ledger, &authority, s->arguments.who, now_us(),
					   err);
	hin_authority_book_close(book);
	hin_ledger_close(ledger);
	if (code == HIN_OK)
		puts(word(s, W_ENACTED));
	return code;
}

/* The digest in hexadecimal, or that of the authority in a file. */
static enum hin_code digest_of(const char *operand, uint8_t out[32], struct hin_error *err)
{
	static struct hin_authority authority;
	struct hin_buffer note = { 0 };
	size_t used = 0;
	enum hin_code code;

	if (strlen(operand) == 64 && sodium_hex2bin(out, 32, operand, 64, NULL, &used, NULL) == 0 &&
	    used == 32)
		return HIN_OK;
	code = hin_file_read(&note, operand, HIN_AUTHORITY_SIZE, err);
	if (code == HIN_OK)
		code = hin_authority_parse(&authority, hin_buffer_text(&note), text_size(&note),
					   err);
	if (code == HIN_OK)
		memcpy(out, authority.digest, 32);
	hin_buffer_fini(&note);
	return code;
}

static enum hin_code run_revoke(void *session, const char *operand, struct hin_error *err)
{
	struct session *s = session;
	struct hin_authority_book *book = NULL;
	struct hin_ledger *ledger = NULL;
	uint8_t digest[32];
	enum hin_code code = digest_of(operand, digest, err);

	if (code == HIN_OK)
		code = open_ledger(s, &ledger, &book, err);
	if (code == HIN_OK)
		code = hin_authority_revoke(book, ledger, digest, s->arguments.who, now_us(), err);
	hin_authority_book_close(book);
	hin_ledger_close(ledger);
	if (code == HIN_OK)
		puts(word(s, W_REVOKED));
	return code;
}

/* ---- main ---- */

static const struct hin_operation operations[] = {
	{ "new", 0, run_new },	   { "roster", 0, run_roster }, { "key", 0, run_key },
	{ "sign", 1, run_sign },   { "show", 1, run_show },	{ "check", 1, run_check },
	{ "enact", 1, run_enact }, { "revoke", 1, run_revoke },
};

int main(int argc, char *argv[])
{
	static struct session s;
	struct hin_error err = { 0 };
	enum hin_code code;
	int status;

	status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);
	if (status >= 0)
		return status;
	if (sodium_init() < 0)
		return HIN_EXIT_FAILED;
	code = hin_operation_run(operations, HIN_COUNT(operations), &s, argc, argv, &err);
	if (code == HIN_EDENIED && s.arguments.json)
		puts("{\"allowed\":false}");
	return hin_operation_end(&program, code, &err);
}
