/*
 * hinomi-silence - a signed answer to "did anything from there reach us?", and checking one.
 */
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "base/time.h"
#include "cmd/passphrase.h"
#include "hub/desk.h"
#include "hub/silence.h"
#include "trust/ca.h"
#include "trust/ledger.h"
#include "trust/ledger_read.h"
#include "trust/proof.h"

#define FOLDER "/var/lib/hinomi"
#define WAIT_TRIES 50 /* of 100 ms, for the ledger to have the act */

struct arguments {
	const char *dir, *net, *since, *until, *output, *key, *account, *passphrase_file;
	bool json;
};

struct session {
	struct arguments arguments;
	enum hin_lang lang;
	int64_t now_us;
	char folder[PATH_MAX - 64], passphrase[HIN_PASSPHRASE];
	struct hin_ca *ca;
	struct hin_store *store;
	struct hin_desk *desk;
	struct hin_note_signer signer;
	int64_t act; /* in the desk */
};

#define ARG(field) offsetof(struct arguments, field)

static const struct hin_option options[] = {
	{ "dir", 'd', "FOLDER", HIN_OPTION_TEXT, ARG(dir),
	  .help = "the hub's folder; " FOLDER " if not given",
	  .help_ja = "ハブのフォルダー (既定 " FOLDER ")" },
	{ "net", 0, "PREFIX", HIN_OPTION_TEXT, ARG(net), .help = "where from: 192.0.2.0/24",
	  .help_ja = "どこからの通信か: 192.0.2.0/24" },
	{ "since", 's', "TIME", HIN_OPTION_TEXT, ARG(since),
	  .help = "from here on: 2026-11-22, -24h; UTC", .help_ja = "この時刻から (UTC)" },
	{ "until", 'u', "TIME", HIN_OPTION_TEXT, ARG(until),
	  .help = "and before this; now if not given", .help_ja = "この時刻の前まで (既定は今)" },
	{ "output", 'o', "NAME", HIN_OPTION_TEXT, ARG(output),
	  .help = "write NAME.note (signed), NAME.json, and NAME.proof when a hub runs",
	  .help_ja = "NAME.note (署名付き)、NAME.json、ハブ稼働中は NAME.proof を書く" },
	{ "account", 0, "NAME", HIN_OPTION_TEXT, ARG(account), .help = "who asks, for the ledger",
	  .help_ja = "台帳に残す照会者のアカウント名" },
	{ "passphrase-file", 0, "FILE", HIN_OPTION_TEXT, ARG(passphrase_file),
	  .help = "its first line opens the key, when it is encrypted; without it "
		  "$HINOMI_PASSPHRASE does",
	  .help_ja = "鍵が暗号化されているとき、その 1 行目で開く。なければ $HINOMI_PASSPHRASE" },
	{ "key", 'k', "KEY", HIN_OPTION_TEXT, ARG(key),
	  .help = "check: the hub's key, as name+id+base64",
	  .help_ja = "check: ハブの鍵 (name+id+base64)" },
	{ "json", 'j', NULL, HIN_OPTION_FLAG, ARG(json), .help = "JSON", .help_ja = "JSON で出力" },
};

static const struct hin_program program = {
	.name = "hinomi silence",
	.args = "[check FILE]",
	.about = "Did anything from a net reach the watched addresses? The answer is signed with "
		 "the hub's key and is an act of the ledger. \"check\" checks such an answer.",
	.about_ja = "ある範囲からの通信が観測中のアドレスに届いたかを、ハブの鍵で署名して答える。"
		    "照会は台帳に残る。check は署名を検査する。",
	.options = options,
	.option_count = HIN_COUNT(options),
};

/* ---- what is needed ---- */

static bool find_key(void *user, const uint8_t id[HIN_SENSOR_ID],
		     uint8_t public_key[HIN_KEY_PUBLIC], char name[64])
{
	struct session *s = user;
	struct hin_roster_sensor sensor;

	if (hin_ca_sensor(s->ca, &sensor, id, NULL) != HIN_OK)
		return false;
	memcpy(public_key, sensor.public_key, HIN_KEY_PUBLIC);
	snprintf(name, 64, "%s", sensor.name);
	return true;
}

static enum hin_code read_time(const struct session *s, const char *option, const char *text,
			       int64_t *out_us, struct hin_error *err)
{
	struct hin_error why = { 0 };
	int64_t ns;

	if (hin_time_parse(&ns, text, s->now_us * HIN_NS_PER_US, &why) != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "%s: %s", option, why.text);
	*out_us = ns / HIN_NS_PER_US;
	return HIN_OK;
}

static enum hin_code read_question(struct session *s, struct hin_silence_question *q,
				   struct hin_error *err)
{
	const struct arguments *a = &s->arguments;
	struct hin_error why = { 0 };
	enum hin_code code;

	*q = (struct hin_silence_question){
		.until_us = s->now_us, .now_us = s->now_us, .key = find_key, .user = s
	};
	if (a->net == NULL || a->since == NULL)
		return hin_fail(err, HIN_EUSAGE, "--net and --since say what is asked");
	if (hin_prefix_parse(&q->net, a->net, &why) != HIN_OK)
		return hin_fail(err, HIN_EUSAGE, "--net: %s",
				why.text[0] != '\0' ? why.text : "no prefix");
	code = read_time(s, "--since", a->since, &q->since_us, err);
	if (code == HIN_OK && a->until != NULL)
		code = read_time(s, "--until", a->until, &q->until_us, err);
	return code;
}

/* Become who owns the folder when root calls: files of the desk stay the hub's. */
static enum hin_code become_owner(const char *folder, struct hin_error *err)
{
	struct stat st;

	if (geteuid() != 0 || stat(folder, &st) != 0 || st.st_uid == 0)
		return HIN_OK;
	if (setgid(st.st_gid) != 0 || setuid(st.st_uid) != 0)
		return hin_fail(err, HIN_ESYS, "become the owner of %s", folder);
	return HIN_OK;
}

static enum hin_code open_all(struct session *s, struct hin_error *err)
{
	char path[PATH_MAX], origin[HIN_NOTE_NAME];
	enum hin_code code = become_owner(s->folder, err);

	snprintf(path, sizeof(path), "%s/trust", s->folder);
	if (code == HIN_OK)
		code = hin_ca_open(&s->ca, path, err);
	if (code == HIN_OK &&
	    snprintf(origin, sizeof(origin), "%s/ledger", hin_ca_hub(s->ca)) >= (int)sizeof(origin))
		code = hin_fail(err, HIN_ELIMIT, "the hub's name is too long");
	snprintf(path, sizeof(path), "%s/ledger.key", s->folder);
	if (code == HIN_OK)
		code = hin_ledger_key_load(&s->signer, path, origin,
					   s->passphrase[0] != '\0' ? s->passphrase : NULL, false,
					   err);
	snprintf(path, sizeof(path), "%s/store", s->folder);
	if (code == HIN_OK)
		code = hin_store_open(&s->store, path, HIN_STORE_READ, NULL, err);
	snprintf(path, sizeof(path), "%s/desk.db", s->folder);
	return code == HIN_OK ? hin_desk_open(&s->desk, path, HIN_DESK_WRITE, err) : code;
}

/* ---- the answer ---- */

static enum hin_code write_act(struct session *s, const char *json, struct hin_error *err)
{
	struct hin_desk_act act = { .time_us = s->now_us,
				    .kind = HIN_ACT_SILENCE_ANSWERED,
				    .object = json };
	enum hin_code code = HIN_OK;

	if (s->arguments.account != NULL)
		code = hin_desk_number(s->desk, &act.account, err,
				       "SELECT id FROM account WHERE name = ?1", "t",
				       s->arguments.account);
	if (code == HIN_ENOENT)
		return hin_fail(err, code, "there is no account \"%.60s\"", s->arguments.account);
	if (code == HIN_OK)
		code = hin_desk_begin(s->desk, err);
	if (code == HIN_OK)
		code = hin_desk_act(s->desk, &act, &s->act, err);
	if (code == HIN_OK)
		return hin_desk_commit(s->desk, err);
	hin_desk_rollback(s->desk);
	return code;
}

static enum hin_code write_file(const struct session *s, const char *ending,
				const struct hin_buffer *text, struct hin_error *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s.%s", s->arguments.output, ending) >= (int)sizeof(path))
		return hin_fail(err, HIN_ELIMIT, "the name of the output is too long");
	return hin_file_replace(path, text->data, text->used, 0644, err);
}

/* The place of the act in the ledger; HIN_EAGAIN when no hub brings it there. */
static enum hin_code wait_for_ledger(struct session *s, int64_t *index, uint8_t salt[HIN_ACT_SALT],
				     struct hin_error *err)
{
	for (unsigned i = 0; i < WAIT_TRIES; i++) {
		sqlite3_stmt *q = hin_desk_statement(
			s->desk, "SELECT ledger, salt FROM act WHERE id = ?1", err);
		enum hin_code code =
			q == NULL ? HIN_EFORMAT : hin_desk_bind(s->desk, q, err, "i", s->act);

		if (code == HIN_OK)
			code = hin_desk_step(s->desk, q, err);
		if (code != HIN_OK)
			return code;
		if (sqlite3_column_type(q, 0) != SQLITE_NULL &&
		    sqlite3_column_bytes(q, 1) == HIN_ACT_SALT) {
			*index = sqlite3_column_int64(q, 0);
			memcpy(salt, sqlite3_column_blob(q, 1), HIN_ACT_SALT);
			sqlite3_reset(q);
			return HIN_OK;
		}
		sqlite3_reset(q);
		usleep(100000);
	}
	return HIN_EAGAIN;
}

/* A checkpoint that has the act comes a moment later. */
static enum hin_code make_proof(struct session *s, struct hin_buffer *out, struct hin_error *err)
{
	struct hin_ledger_reader reader;
	uint8_t salt[HIN_ACT_SALT];
	char folder[PATH_MAX], key[HIN_NOTE_KEY_TEXT];
	int64_t index;
	enum hin_code code = wait_for_ledger(s, &index, salt, err);

	if (code != HIN_OK)
		return code;
	snprintf(folder, sizeof(folder), "%s/ledger", s->folder);
	hin_note_verifier_format(&s->signer.verifier, key);
	for (unsigned i = 0; i < WAIT_TRIES; i++) {
		code = hin_ledger_read_open(&reader, folder, key, false, err);
		if (code != HIN_OK)
			return code;
		if (reader.head.size > (uint64_t)index) {
			code = hin_proof_make(out, reader.tiles, (uint64_t)index, salt,
					      reader.note.data, reader.note.used, &reader.head,
					      err);
			hin_ledger_read_close(&reader);
			return code;
		}
		hin_ledger_read_close(&reader);
		usleep(100000);
	}
	return HIN_EAGAIN;
}

static enum hin_code write_proof(struct session *s, struct hin_error *err)
{
	struct hin_buffer proof = { 0 };
	enum hin_code code = make_proof(s, &proof, err);

	if (code == HIN_OK) {
		code = write_file(s, "proof", &proof, err);
	} else if (code == HIN_EAGAIN) {
		fputs(s->lang == HIN_JA
			      ? "ハブが稼働していないため、台帳への記録と証明は後になります\n"
			      : "no hub runs: the act comes to the ledger when it does, and has no "
				"proof yet\n",
		      stderr);
		code = HIN_OK;
	}
	hin_buffer_fini(&proof);
	return code;
}

static enum hin_code put_out(const struct hin_buffer *text, const char *end, struct hin_error *err)
{
	if (text->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for the answer");
	if (fwrite(hin_buffer_text(text), 1, text->used, stdout) != text->used ||
	    fputs(end, stdout) == EOF || fflush(stdout) != 0)
		return hin_fail(err, HIN_ESYS, "write the answer");
	return HIN_OK;
}

static enum hin_code tell(struct session *s, const struct hin_silence *silence,
			  struct hin_error *err)
{
	struct hin_buffer text = { 0 }, json = { 0 }, note = { 0 };
	enum hin_code code;

	hin_silence_text(silence, &text);
	hin_silence_json(silence, &json);
	code = text.failed || json.failed
		       ? hin_fail(err, HIN_ENOMEM, "no memory for the answer")
		       : hin_note_sign(&note, text.data, text.used, &s->signer, 1, err);
	if (code == HIN_OK)
		code = write_act(s, json.data, err);
	if (code == HIN_OK && s->arguments.output != NULL) {
		code = write_file(s, "note", &note, err);
		if (code == HIN_OK)
			code = write_file(s, "json", &json, err);
		if (code == HIN_OK)
			code = write_proof(s, err);
	}
	if (code == HIN_OK && s->arguments.json) {
		code = put_out(&json, "\n", err);
	} else if (code == HIN_OK && s->arguments.output != NULL) {
		hin_buffer_reset(&text);
		hin_silence_sentence(silence, s->lang, &text);
		code = put_out(&text, "\n", err);
	} else if (code == HIN_OK) {
		code = put_out(&note, "", err);
	}
	hin_buffer_fini(&text);
	hin_buffer_fini(&json);
	hin_buffer_fini(&note);
	return code;
}

static enum hin_code run_ask(struct session *s, struct hin_error *err)
{
	struct hin_silence_question question;
	struct hin_silence silence = { 0 };
	enum hin_code code = read_question(s, &question, err);

	if (code == HIN_OK)
		code = hin_cmd_passphrase(s->passphrase, s->arguments.passphrase_file, err);
	if (code == HIN_OK)
		code = open_all(s, err);
	if (code == HIN_OK) {
		question.hub = hin_ca_hub(s->ca);
		code = hin_silence_ask(&silence, s->store, &question, err);
	}
	if (code == HIN_OK)
		code = tell(s, &silence, err);
	hin_silence_fini(&silence);
	hin_note_signer_fini(&s->signer);
	hin_store_close(s->store);
	hin_desk_close(s->desk);
	hin_ca_close(s->ca);
	explicit_bzero(s->passphrase, sizeof(s->passphrase));
	return code;
}

/* ---- check ---- */

/* The file is a stranger's: read, then checked without rights. */
static enum hin_code run_check(struct session *s, const char *path, struct hin_error *err)
{
	struct hin_note_verifier key;
	struct hin_sandbox box = { 0 };
	struct hin_buffer data = { 0 };
	struct hin_note note;
	enum hin_code code;

	if (s->arguments.key == NULL)
		return hin_fail(err, HIN_EUSAGE, "check needs the hub's key: --key");
	code = hin_note_verifier_parse(&key, s->arguments.key, err);
	if (code == HIN_OK)
		code = hin_file_read(&data, path, HIN_NOTE_SIZE, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_files(&box, NULL, 0, NULL, 0, err);
	if (code == HIN_OK)
		code = hin_note_open(&note, hin_buffer_text(&data), data.used, &key, 1, err);
	if (code == HIN_OK && (note.size < 17 || strncmp(note.text, "hinomi silence 1\n", 17) != 0))
		code = hin_fail(err, HIN_EFORMAT, "%s is signed, and no answer of hinomi silence",
				path);
	if (code == HIN_OK) {
		struct hin_buffer shown = { 0 };

		hin_buffer_add(&shown, note.text, note.size);
		code = put_out(&shown,
			       s->lang == HIN_JA ? "\n署名は正しい。\n"
						 : "\nThe signature is good.\n",
			       err);
		hin_buffer_fini(&shown);
	}
	hin_buffer_fini(&data);
	return code;
}

int main(int argc, char *argv[])
{
	static struct session s;
	struct hin_error err = { 0 };
	enum hin_code code;
	int status = hin_program_start(&program, &s.arguments, &s.lang, &argc, argv);

	if (status >= 0)
		return status;
	if (sodium_init() < 0)
		return HIN_EXIT_FAILED;
	s.now_us = hin_time_now_ns() / HIN_NS_PER_US;
	if (snprintf(s.folder, sizeof(s.folder), "%s",
		     s.arguments.dir != NULL ? s.arguments.dir : FOLDER) >= (int)sizeof(s.folder))
		code = hin_fail(&err, HIN_ELIMIT, "the path of the folder is too long");
	else if (argc == 1)
		code = run_ask(&s, &err);
	else if (argc == 3 && strcmp(argv[1], "check") == 0)
		code = run_check(&s, argv[2], &err);
	else
		code = hin_fail(&err, HIN_EUSAGE,
				"only \"check FILE\" may stand behind the options");
	if (code == HIN_OK)
		return HIN_EXIT_DONE;
	(void)hin_program_fail(&program, &err);
	return code == HIN_EUSAGE ? HIN_EXIT_USAGE : HIN_EXIT_FAILED;
}
