/* notice_change - what people do with notices, and their proof; see notice.h */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/file.h"
#include "hub/telling/notice_priv.h"
#include "trust/proof.h"

#define REASON 500 /* bytes of a reason */

enum hin_code notice_note(struct hin_desk *desk, int64_t notice, int64_t now_us, const char *action,
			  const char *text, int64_t act, struct hin_error *err)
{
	return hin_desk_run(desk, err,
			    "INSERT INTO notice_history (notice, time_us, action, text, act) "
			    "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0))",
			    "iitti", notice, now_us, action, text, act);
}

enum hin_code notice_act(struct hin_desk *desk, int64_t notice, uint16_t kind, int64_t account,
			 int64_t now_us, const char *action, const char *text,
			 struct hin_error *err)
{
	struct hin_buffer object = { 0 };
	struct hin_desk_act act = { .time_us = now_us, .account = account, .kind = kind };
	int64_t id = 0;
	enum hin_code code;

	hin_buffer_printf(&object, "{\"notice\":%" PRId64 ",\"action\":\"%s\",\"text\":", notice,
			  action);
	hin_escape_json(&object, text, strlen(text));
	hin_buffer_putc(&object, '}');
	if (object.failed) {
		code = hin_fail(err, HIN_ENOMEM, "notice");
	} else {
		act.object = object.data;
		code = hin_desk_act(desk, &act, &id, err);
	}
	hin_buffer_fini(&object);
	return code == HIN_OK ? notice_note(desk, notice, now_us, action, text, id, err) : code;
}

/* ---- by people ---- */

struct standing {
	char state[16], next[16];
	int64_t contact, sent_us, organisation;
};

static enum hin_code read_standing(struct hin_desk *desk, int64_t id, struct standing *out,
				   struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(desk,
					     "SELECT state, next, coalesce(contact, 0), sent_us "
					     "FROM notice WHERE id = ?1",
					     err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", id);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no notice %" PRId64, id);
	if (code != HIN_OK)
		return code;
	*out = (struct standing){ .contact = sqlite3_column_int64(s, 2),
				  .sent_us = sqlite3_column_int64(s, 3) };
	snprintf(out->state, sizeof(out->state), "%s", hin_desk_text(s, 0));
	snprintf(out->next, sizeof(out->next), "%s", hin_desk_text(s, 1));
	sqlite3_reset(s);
	return HIN_OK;
}

enum hin_code notice_let_go(struct hin_desk *desk, int64_t id, int64_t account, int64_t now_us,
			    struct hin_error *err)
{
	struct standing now;
	enum hin_code code = read_standing(desk, id, &now, err);
	bool first;

	if (code != HIN_OK)
		return code;
	if (now.contact == 0 || strcmp(now.state, "no_owner") == 0)
		return hin_fail(err, HIN_EDENIED,
				"notice %" PRId64 ": nobody is known to send it to; add a contact "
				"to the directory",
				id);
	if (strcmp(now.state, "withdrawn") == 0 || strcmp(now.state, "fixed") == 0)
		return hin_fail(err, HIN_EDENIED, "notice %" PRId64 " is %s", id, now.state);
	first = now.sent_us == 0;
	code = hin_desk_run(desk, err,
			    "UPDATE notice SET state = ?2, next = ?3, due_us = ?4, attempts = 0, "
			    "error = '' WHERE id = ?1",
			    "itti", id, first ? "queued" : "sent",
			    now.next[0] != '\0' && strcmp(now.next, "reminder") != 0 ? now.next
			    : first						     ? "notice"
										     : "reminder",
			    now_us);
	/* a letter of it that a server refused or put off goes at once, too */
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE letter SET due_us = ?2, attempts = 0 WHERE state = "
				    "'waiting' AND id "
				    "IN (SELECT letter FROM letter_notice WHERE notice = ?1)",
				    "ii", id, now_us);
	if (code == HIN_OK)
		code = notice_act(desk, id,
				  first ? HIN_ACT_NOTICE_RELEASED : HIN_ACT_NOTICE_REMINDED,
				  account, now_us, "released", "", err);
	return code;
}

static enum hin_code take_back(struct hin_desk *desk, int64_t id, int64_t account,
			       const char *reason, int64_t now_us, struct hin_error *err)
{
	struct standing now;
	enum hin_code code = read_standing(desk, id, &now, err);
	bool told;

	if (code != HIN_OK)
		return code;
	if (strcmp(now.state, "withdrawn") == 0)
		return hin_fail(err, HIN_EDENIED, "notice %" PRId64 " is withdrawn", id);
	told = now.sent_us != 0 && now.contact != 0;
	code = hin_desk_run(desk, err,
			    "UPDATE notice SET state = 'withdrawn', next = ?2, due_us = ?3, "
			    "error = ?4 WHERE id = ?1",
			    "itit", id, told ? "withdrawn" : "", now_us, reason);
	/* what did not go out yet does not, unless it is about others too */
	if (code == HIN_OK)
		code = hin_desk_run(
			desk, err,
			"UPDATE letter SET state = 'dropped' WHERE state = 'waiting' AND id IN "
			"(SELECT letter FROM letter_notice WHERE notice = ?1) AND 1 = (SELECT "
			"count(*) FROM letter_notice n WHERE n.letter = letter.id)",
			"i", id);
	if (code == HIN_OK)
		code = notice_act(desk, id, HIN_ACT_NOTICE_DROPPED, account, now_us, "withdrawn",
				  reason, err);
	return code;
}

static enum hin_code finish(struct hin_desk *desk, enum hin_code code, struct hin_error *err)
{
	if (code == HIN_OK)
		return hin_desk_commit(desk, err);
	hin_desk_rollback(desk);
	return code;
}

enum hin_code hin_notice_release(struct hin_desk *desk, int64_t id, int64_t account, int64_t now_us,
				 struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(desk, err);

	if (code != HIN_OK)
		return code;
	return finish(desk, notice_let_go(desk, id, account, now_us, err), err);
}

enum hin_code hin_notice_withdraw(struct hin_desk *desk, int64_t id, int64_t account,
				  const char *reason, int64_t now_us, struct hin_error *err)
{
	enum hin_code code;

	if (strlen(reason) > REASON)
		return hin_fail(err, HIN_ERANGE, "a reason has at most %d bytes", REASON);
	code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	return finish(desk, take_back(desk, id, account, reason, now_us, err), err);
}

/* ---- the proof ---- */

/* A signed note's text: up to the empty line before its signatures. */
static size_t text_of(const struct hin_buffer *note)
{
	const char *end = strstr(hin_buffer_text(note), "\n\n");

	return end != NULL ? (size_t)(end - note->data) + 1 : note->used;
}

/* The head of the ledger: with cosignatures when that one has the act already. */
static enum hin_code read_head(struct hin_buffer *note, struct hin_checkpoint *head,
			       const char *ledger, uint64_t index, struct hin_error *err)
{
	static const char *const names[] = { "witnessed", "checkpoint" };
	char path[4200];
	enum hin_code code = HIN_EAGAIN;

	for (size_t i = 0; i < HIN_COUNT(names); i++) {
		hin_buffer_reset(note);
		snprintf(path, sizeof(path), "%.4096s/%s", ledger, names[i]);
		code = hin_file_read(note, path, HIN_CHECKPOINT_SIZE, err);
		if (code == HIN_OK)
			code = hin_checkpoint_parse(head, note->data, text_of(note), err);
		if (code == HIN_OK && head->size > index)
			return HIN_OK;
	}
	return code == HIN_OK ? hin_fail(err, HIN_EAGAIN, "the ledger has not signed it yet")
			      : code;
}

enum hin_code hin_notice_proof(struct hin_desk *desk, const char *ledger, const char *code_text,
			       struct hin_buffer *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT coalesce(a.ledger, -1), a.salt FROM notice n JOIN act a ON a.id = n.act "
		"WHERE n.code = ?1",
		err);
	uint8_t salt[HIN_ACT_SALT];
	struct hin_buffer note = { 0 };
	struct hin_checkpoint head;
	struct hin_tiles *tiles = NULL;
	int64_t index;
	bool salted;
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "t", code_text);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "no notice has the code %.40s", code_text);
	if (code != HIN_OK)
		return code;
	index = sqlite3_column_int64(s, 0);
	salted = sqlite3_column_bytes(s, 1) == HIN_ACT_SALT;
	if (salted)
		memcpy(salt, sqlite3_column_blob(s, 1), sizeof(salt));
	sqlite3_reset(s);
	if (index < 0)
		return hin_fail(err, HIN_EAGAIN, "its act is not in the ledger yet");
	code = read_head(&note, &head, ledger, (uint64_t)index, err);
	if (code == HIN_OK)
		code = hin_tiles_open(&tiles, ledger, head.size, err);
	if (code == HIN_OK)
		code = hin_proof_make(out, tiles, (uint64_t)index, salted ? salt : NULL, note.data,
				      note.used, &head, err);
	hin_tiles_close(tiles);
	hin_buffer_fini(&note);
	return code;
}
