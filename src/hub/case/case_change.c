/* case_change - what people do with cases; see case.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "hub/case/case_priv.h"
#include "trust/act.h"

/* What a change does to each case. */
struct move {
	const char *action; /* of the history */
	uint16_t act;
	enum hin_case_state to;
	const char *text; /* the reason, or the note */
	int64_t until_us, account;
};

typedef enum hin_code (*move_fn)(struct hin_desk *desk, const struct hin_case_actor *by,
				 const struct case_head *head, const struct move *move,
				 struct hin_error *err);

/* ---- checks ---- */

static bool is_utf8(const char *text, size_t size)
{
	struct hin_reader in = hin_reader_of(text, size);

	while (in.left > 0)
		if (hin_utf8_read(&in) > 0x10ffff)
			return false;
	return true;
}

static enum hin_code check_text(const char *what, const char *text, bool needed, size_t most,
				struct hin_error *err)
{
	size_t size = strlen(text);

	if (needed && text[strspn(text, " \t\r\n")] == '\0')
		return hin_fail(err, HIN_EUSAGE, "a %s is needed", what);
	if (size > most)
		return hin_fail(err, HIN_ERANGE, "the %s has %zu bytes; %zu is the most", what,
				size, most);
	if (!is_utf8(text, size))
		return hin_fail(err, HIN_EFORMAT, "the %s is not UTF-8", what);
	return HIN_OK;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Each once: a change is in the history and in the ledger once. `count` <= HIN_CASE_BULK. */
static enum hin_code check_once(const char *what, const int64_t *ids, size_t count,
				struct hin_error *err)
{
	int64_t sorted[HIN_CASE_BULK];

	memcpy(sorted, ids, count * sizeof(*ids));
	qsort(sorted, count, sizeof(*sorted), by_value);
	for (size_t i = 1; i < count; i++)
		if (sorted[i] == sorted[i - 1])
			return hin_fail(err, HIN_EUSAGE, "%s %lld is named twice", what,
					(long long)sorted[i]);
	return HIN_OK;
}

static enum hin_code check_ids(const struct hin_case_actor *by, const int64_t *ids, size_t count,
			       struct hin_error *err)
{
	size_t most = by->organisation != 0 ? HIN_CASE_BULK_MEMBER : HIN_CASE_BULK;

	if (count == 0)
		return hin_fail(err, HIN_EUSAGE, "no case is named");
	if (count > most)
		return hin_fail(err, HIN_ERANGE, "%zu cases; %zu at once is the most", count, most);
	return check_once("case", ids, count, err);
}

/* The case that is to be changed. */
static enum hin_code take_head(struct hin_desk *desk, const struct hin_case_actor *by, int64_t id,
			       struct case_head *head, struct hin_error *err)
{
	enum hin_code code = case_head_read(desk, id, by->organisation, head, err);

	if (code == HIN_OK && head->state == HIN_CASE_MERGED)
		return hin_fail(err, HIN_EDENIED, "case %lld was merged into another one",
				(long long)id);
	return code;
}

/* Commit what went well, else leave no trace. */
static enum hin_code finish(struct hin_desk *desk, enum hin_code code, struct hin_error *err)
{
	if (code == HIN_OK)
		return hin_desk_commit(desk, err);
	hin_desk_rollback(desk);
	return code;
}

/* ---- the same for each of several ---- */

static enum hin_code change_each(struct hin_desk *desk, const struct hin_case_actor *by,
				 const int64_t *ids, size_t count, const struct move *move,
				 move_fn call, struct hin_error *err)
{
	enum hin_code code = check_ids(by, ids, count, err);
	struct case_head head;

	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = take_head(desk, by, ids[i], &head, err);
		if (code == HIN_OK)
			code = call(desk, by, &head, move, err);
	}
	return finish(desk, code, err);
}

static enum hin_code record(struct hin_desk *desk, const struct hin_case_actor *by, int64_t id,
			    const struct move *move, struct hin_error *err)
{
	const struct case_line line = { .case_id = id,
					.account = by->account,
					.now_us = by->now_us,
					.action = move->action,
					.act = move->act,
					.text = move->text,
					.other = move->account };

	return case_record(desk, &line, err);
}

static enum hin_code move_state(struct hin_desk *desk, const struct hin_case_actor *by,
				const struct case_head *head, const struct move *move,
				struct hin_error *err)
{
	enum hin_code code;

	if (head->state == move->to &&
	    (move->to != HIN_CASE_SUPPRESSED || head->until_us == move->until_us))
		return HIN_OK;
	code = case_set_state(desk, head->id, move->to, move->text, move->until_us, by->now_us,
			      err);
	if (code == HIN_OK && move->to == HIN_CASE_OPEN && head->state != HIN_CASE_NEW)
		code = hin_desk_run(desk, err,
				    "UPDATE case_ SET reopened = reopened + 1 WHERE id = ?1", "i",
				    head->id);
	return code == HIN_OK ? record(desk, by, head->id, move, err) : code;
}

enum hin_code hin_case_close(struct hin_desk *desk, const struct hin_case_actor *by,
			     const int64_t *ids, size_t count, const char *reason,
			     struct hin_error *err)
{
	const struct move move = { .action = "closed",
				   .act = HIN_ACT_CASE_CLOSED,
				   .to = HIN_CASE_CLOSED,
				   .text = reason };
	enum hin_code code = check_text("reason", reason, false, HIN_CASE_TEXT, err);

	return code == HIN_OK ? change_each(desk, by, ids, count, &move, move_state, err) : code;
}

static enum hin_code reopen(struct hin_desk *desk, const struct hin_case_actor *by,
			    const struct case_head *head, const struct move *move,
			    struct hin_error *err)
{
	struct move own = *move;

	if (head->state == HIN_CASE_SUPPRESSED) {
		own.action = "unsuppressed";
		own.act = HIN_ACT_CASE_UNSUPPRESSED;
	}
	return move_state(desk, by, head, &own, err);
}

enum hin_code hin_case_reopen(struct hin_desk *desk, const struct hin_case_actor *by,
			      const int64_t *ids, size_t count, const char *reason,
			      struct hin_error *err)
{
	const struct move move = { .action = "reopened",
				   .act = HIN_ACT_CASE_REOPENED,
				   .to = HIN_CASE_OPEN,
				   .text = reason };
	enum hin_code code = check_text("reason", reason, false, HIN_CASE_TEXT, err);

	return code == HIN_OK ? change_each(desk, by, ids, count, &move, reopen, err) : code;
}

enum hin_code hin_case_false_alarm(struct hin_desk *desk, const struct hin_case_actor *by,
				   const int64_t *ids, size_t count, const char *reason,
				   struct hin_error *err)
{
	const struct move move = { .action = "false-alarm",
				   .act = HIN_ACT_CASE_FALSE_ALARM,
				   .to = HIN_CASE_FALSE_ALARM,
				   .text = reason };
	enum hin_code code = check_text("reason", reason, true, HIN_CASE_TEXT, err);

	return code == HIN_OK ? change_each(desk, by, ids, count, &move, move_state, err) : code;
}

enum hin_code hin_case_suppress(struct hin_desk *desk, const struct hin_case_actor *by,
				const int64_t *ids, size_t count, int64_t until_us,
				const char *reason, struct hin_error *err)
{
	const struct move move = { .action = "suppressed",
				   .act = HIN_ACT_CASE_SUPPRESSED,
				   .to = HIN_CASE_SUPPRESSED,
				   .text = reason,
				   .until_us = until_us };
	enum hin_code code = check_text("reason", reason, true, HIN_CASE_TEXT, err);

	if (code == HIN_OK && until_us != 0 && until_us <= by->now_us)
		return hin_fail(err, HIN_ERANGE, "the date of a suppression is not in the past");
	return code == HIN_OK ? change_each(desk, by, ids, count, &move, move_state, err) : code;
}

static enum hin_code assign(struct hin_desk *desk, const struct hin_case_actor *by,
			    const struct case_head *head, const struct move *move,
			    struct hin_error *err)
{
	enum hin_code code;

	if (head->assignee == move->account)
		return HIN_OK;
	code = hin_desk_run(desk, err,
			    "UPDATE case_ SET assignee = nullif(?2, 0), updated_us = ?3, "
			    "state = CASE WHEN state = 'new' AND ?2 <> 0 THEN 'open' ELSE state "
			    "END WHERE id = ?1",
			    "iii", head->id, move->account, by->now_us);
	return code == HIN_OK ? record(desk, by, head->id, move, err) : code;
}

/* The name of an account that may be in charge: active, and of a role that works on cases. */
static enum hin_code find_assignee(struct hin_desk *desk, int64_t account, char name[80],
				   struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk, "SELECT name, role FROM account WHERE id = ?1 AND state = 'active'", err);
	enum hin_code code;
	char role[32];

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", account);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_EOF)
		return hin_fail(err, HIN_ENOENT, "there is no active account %lld",
				(long long)account);
	if (code != HIN_OK)
		return code;
	snprintf(name, 80, "%s", hin_desk_text(s, 0));
	snprintf(role, sizeof(role), "%s", hin_desk_text(s, 1));
	sqlite3_reset(s);
	if (strcmp(role, "member") == 0 || strcmp(role, "inspector") == 0)
		return hin_fail(err, HIN_ERANGE,
				"account %lld is of the role %s: a case is given to an analyst, an "
				"operator or an administrator",
				(long long)account, role);
	return HIN_OK;
}

enum hin_code hin_case_assign(struct hin_desk *desk, const struct hin_case_actor *by,
			      const int64_t *ids, size_t count, int64_t account,
			      struct hin_error *err)
{
	struct move move = {
		.action = "assigned", .act = HIN_ACT_CASE_ASSIGNED, .account = account, .text = ""
	};
	char name[80] = "";
	enum hin_code code = account != 0 ? find_assignee(desk, account, name, err) : HIN_OK;

	move.text = name;
	return code == HIN_OK ? change_each(desk, by, ids, count, &move, assign, err) : code;
}

static enum hin_code touch_and_record(struct hin_desk *desk, const struct hin_case_actor *by,
				      const struct case_head *head, const struct move *move,
				      struct hin_error *err)
{
	enum hin_code code =
		hin_desk_run(desk, err, "UPDATE case_ SET updated_us = ?2 WHERE id = ?1", "ii",
			     head->id, by->now_us);

	return code == HIN_OK ? record(desk, by, head->id, move, err) : code;
}

enum hin_code hin_case_note(struct hin_desk *desk, const struct hin_case_actor *by,
			    const int64_t *ids, size_t count, const char *text,
			    struct hin_error *err)
{
	const struct move move = { .action = "noted", .act = HIN_ACT_CASE_NOTED, .text = text };
	enum hin_code code = check_text("note", text, true, HIN_CASE_TEXT, err);

	return code == HIN_OK ? change_each(desk, by, ids, count, &move, touch_and_record, err)
			      : code;
}

static enum hin_code retitle(struct hin_desk *desk, const struct hin_case_actor *by,
			     const struct case_head *head, const struct move *move,
			     struct hin_error *err)
{
	enum hin_code code = hin_desk_run(
		desk, err, "UPDATE case_ SET title = ?2, updated_us = ?3 WHERE id = ?1", "iti",
		head->id, move->text, by->now_us);

	return code == HIN_OK ? record(desk, by, head->id, move, err) : code;
}

enum hin_code hin_case_retitle(struct hin_desk *desk, const struct hin_case_actor *by, int64_t id,
			       const char *title, struct hin_error *err)
{
	const struct move move = { .action = "titled", .act = HIN_ACT_CASE_CHANGED, .text = title };
	enum hin_code code = check_text("title", title, false, HIN_CASE_GIVEN - 1, err);

	if (code == HIN_OK && strpbrk(title, "\r\n") != NULL)
		return hin_fail(err, HIN_EFORMAT, "a title is one line");
	return code == HIN_OK ? change_each(desk, by, &id, 1, &move, retitle, err) : code;
}

/* ---- merge ---- */

/* Notices, alerts and history stay readable where they were; what is to come goes to `into`. */
static enum hin_code move_all(struct hin_desk *desk, int64_t from, int64_t into,
			      struct hin_error *err)
{
	enum hin_code code = hin_desk_run(
		desk, err, "UPDATE finding SET case_id = ?2 WHERE case_id = ?1", "ii", from, into);

	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE OR IGNORE case_join SET case_id = ?2 WHERE case_id = "
				    "?1",
				    "ii", from, into);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err, "DELETE FROM case_join WHERE case_id = ?1", "i",
				    from);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err, "UPDATE notice SET case_id = ?2 WHERE case_id = ?1",
				    "ii", from, into);
	if (code == HIN_OK)
		code = hin_desk_run(desk, err,
				    "UPDATE case_ SET merged_into = ?2 WHERE id = ?1 OR "
				    "merged_into = ?1",
				    "ii", from, into);
	return code;
}

/*
 * A case is of one owner, who would lose sight of what goes into another's. What is of nobody, as a
 * campaign, goes into an owner's, or becomes it when an owner's comes in.
 */
static enum hin_code take_owner(struct hin_desk *desk, struct case_head *into,
				const struct case_head *from, struct hin_error *err)
{
	if (from->organisation == 0 || from->organisation == into->organisation)
		return HIN_OK;
	if (into->organisation != 0)
		return hin_fail(err, HIN_EDENIED,
				"case %lld is of another owner than case %lld: only cases of one "
				"owner can be merged",
				(long long)from->id, (long long)into->id);
	into->organisation = from->organisation;
	return hin_desk_run(desk, err, "UPDATE case_ SET organisation = ?2 WHERE id = ?1", "ii",
			    into->id, into->organisation);
}

static enum hin_code merge_one(struct hin_desk *desk, const struct hin_case_actor *by, int64_t from,
			       struct case_head *target, const char *reason, struct hin_error *err)
{
	int64_t into = target->id;
	struct case_line line = { .account = by->account,
				  .now_us = by->now_us,
				  .action = "merged",
				  .act = HIN_ACT_CASE_MERGED,
				  .text = reason };
	struct case_head head;
	enum hin_code code = take_head(desk, by, from, &head, err);

	if (code == HIN_OK && from == into)
		return hin_fail(err, HIN_EUSAGE, "case %lld cannot be merged into itself",
				(long long)from);
	if (code == HIN_OK)
		code = take_owner(desk, target, &head, err);
	if (code == HIN_OK)
		code = move_all(desk, from, into, err);
	if (code == HIN_OK)
		code = case_set_state(desk, from, HIN_CASE_MERGED, NULL, 0, by->now_us, err);
	if (code != HIN_OK)
		return code;
	line.case_id = from;
	line.other = into;
	code = case_record(desk, &line, err);
	line.case_id = into;
	line.other = from;
	return code == HIN_OK ? case_record(desk, &line, err) : code;
}

enum hin_code hin_case_merge(struct hin_desk *desk, const struct hin_case_actor *by, int64_t into,
			     const int64_t *ids, size_t count, const char *reason,
			     struct hin_error *err)
{
	struct case_head head;
	enum hin_code code = check_ids(by, ids, count, err);

	if (code == HIN_OK)
		code = check_text("reason", reason, false, HIN_CASE_TEXT, err);
	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = take_head(desk, by, into, &head, err);
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = merge_one(desk, by, ids[i], &head, reason, err);
	if (code == HIN_OK)
		code = case_refresh(desk, into, by->now_us, err);
	return finish(desk, code, err);
}

/* ---- split ---- */

/* A new case with the state of `head`, empty yet. */
static enum hin_code make_part(struct hin_desk *desk, const struct hin_case_actor *by,
			       const struct case_head *head, int64_t *out, struct hin_error *err)
{
	enum hin_code code = hin_desk_run(
		desk, err,
		"INSERT INTO case_ (kind, subject, state, severity, organisation, device, "
		"campaign, assignee, opened_us, updated_us, first_us, last_us) "
		"SELECT kind, subject, 'open', severity, organisation, '', '', assignee, ?2, ?2, "
		"first_us, last_us FROM case_ WHERE id = ?1",
		"ii", head->id, by->now_us);

	if (code == HIN_OK)
		*out = hin_desk_inserted(desk);
	return code;
}

/* Its findings go over; those who wait for one of them join there from now on. */
static enum hin_code move_finding(struct hin_desk *desk, int64_t finding, int64_t from,
				  int64_t into, struct hin_error *err)
{
	enum hin_code code = hin_desk_run(
		desk, err, "UPDATE finding SET case_id = ?3 WHERE id = ?1 AND case_id = ?2", "iii",
		finding, from, into);

	if (code == HIN_OK && hin_desk_changed(desk) == 0)
		return hin_fail(err, HIN_ENOENT, "finding %lld is not in case %lld",
				(long long)finding, (long long)from);
	return code;
}

/* Does a finding that stayed join by this key? */
static enum hin_code is_kept(struct hin_desk *desk, int64_t from, const struct case_key *key,
			     bool *out, struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk,
		"SELECT kind, subject_type, subject, coalesce(organisation, 0), device "
		"FROM finding WHERE case_id = ?1",
		err);
	enum hin_code code;

	*out = false;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "i", from);
	while (code == HIN_OK && (code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct case_key other;

		case_key_of(&other, hin_desk_text(s, 0), hin_desk_text(s, 1), hin_desk_text(s, 2),
			    sqlite3_column_int64(s, 3), hin_desk_text(s, 4));
		if (other.basis != NULL && strcmp(other.basis, key->basis) == 0 &&
		    strcmp(other.key, key->key) == 0) {
			*out = true;
			sqlite3_reset(s);
			return HIN_OK;
		}
	}
	return code == HIN_EOF ? HIN_OK : code;
}

static enum hin_code move_join(struct hin_desk *desk, int64_t finding, int64_t from, int64_t into,
			       struct hin_error *err)
{
	struct hin_finding f;
	struct case_key key;
	bool kept = false;
	enum hin_code code = hin_finding_get(desk, finding, 0, &f, err);

	if (code != HIN_OK)
		return code;
	case_key_of(&key, f.kind, f.subject_type, f.subject, f.organisation, f.device);
	if (key.basis == NULL)
		return HIN_OK;
	code = is_kept(desk, from, &key, &kept, err);
	if (code != HIN_OK || kept)
		return code;
	return hin_desk_run(desk, err,
			    "UPDATE OR IGNORE case_join SET case_id = ?2 WHERE case_id = ?1 AND "
			    "basis = ?3 AND key = ?4",
			    "iitt", from, into, key.basis, (const char *)key.key);
}

static enum hin_code split_off(struct hin_desk *desk, const struct hin_case_actor *by,
			       const struct case_head *head, const int64_t *findings, size_t count,
			       const char *reason, int64_t *out, struct hin_error *err)
{
	struct case_line line = { .account = by->account,
				  .now_us = by->now_us,
				  .action = "split",
				  .act = HIN_ACT_CASE_SPLIT,
				  .text = reason };
	int64_t part = 0, left = 0;
	enum hin_code code = make_part(desk, by, head, &part, err);

	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = move_finding(desk, findings[i], head->id, part, err);
	if (code == HIN_OK)
		code = hin_desk_number(desk, &left, err,
				       "SELECT count(*) FROM finding WHERE case_id = ?1", "i",
				       head->id);
	if (code == HIN_OK && left == 0)
		return hin_fail(err, HIN_EUSAGE, "one finding at least stays in case %lld",
				(long long)head->id);
	for (size_t i = 0; i < count && code == HIN_OK; i++)
		code = move_join(desk, findings[i], head->id, part, err);
	if (code == HIN_OK)
		code = case_refresh(desk, head->id, by->now_us, err);
	if (code == HIN_OK)
		code = case_refresh(desk, part, by->now_us, err);
	if (code != HIN_OK)
		return code;
	line.case_id = head->id;
	line.other = part;
	code = case_record(desk, &line, err);
	line.case_id = part;
	line.other = head->id;
	*out = part;
	return code == HIN_OK ? case_record(desk, &line, err) : code;
}

enum hin_code hin_case_split(struct hin_desk *desk, const struct hin_case_actor *by, int64_t from,
			     const int64_t *findings, size_t count, const char *reason,
			     int64_t *out, struct hin_error *err)
{
	struct case_head head;
	int64_t part = 0;
	enum hin_code code = check_text("reason", reason, false, HIN_CASE_TEXT, err);

	if (code == HIN_OK && (count == 0 || count > HIN_CASE_BULK))
		return hin_fail(err, HIN_EUSAGE, "1 to %d findings are split off, not %zu",
				HIN_CASE_BULK, count);
	if (code == HIN_OK)
		code = check_once("finding", findings, count, err);
	if (code == HIN_OK)
		code = hin_desk_begin(desk, err);
	if (code != HIN_OK)
		return code;
	code = take_head(desk, by, from, &head, err);
	if (code == HIN_OK)
		code = split_off(desk, by, &head, findings, count, reason, &part, err);
	code = finish(desk, code, err);
	if (code == HIN_OK)
		*out = part;
	return code;
}

/* ---- what a case is, by its findings ---- */

enum hin_code case_refresh(struct hin_desk *desk, int64_t id, int64_t now_us, struct hin_error *err)
{
	return hin_desk_run(
		desk, err,
		"UPDATE case_ SET updated_us = ?2, kind = g.kind, subject = g.subject, "
		"severity = g.severity, organisation = coalesce(g.organisation, "
		"case_.organisation), device = g.device, "
		"campaign = CASE WHEN g.kind = 'campaign' THEN g.subject ELSE case_.campaign END, "
		"first_us = (SELECT min(first_us) FROM finding WHERE case_id = ?1), "
		"last_us = (SELECT max(last_us) FROM finding WHERE case_id = ?1) "
		"FROM (SELECT kind, subject, severity, organisation, device FROM finding WHERE "
		"case_id = ?1 ORDER BY CASE severity WHEN 'critical' THEN 3 WHEN 'high' THEN 2 "
		"WHEN 'medium' THEN 1 ELSE 0 END DESC, confidence DESC, id LIMIT 1) g "
		"WHERE case_.id = ?1",
		"ii", id, now_us);
}
