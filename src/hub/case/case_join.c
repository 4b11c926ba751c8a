/* case_join - which case a finding belongs to; see case_join.h */
#include "hub/case/case_join.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "hub/case/case_priv.h"
#include "trust/act.h"

#define GREW_US INT64_C(60000000) /* between two lines that a case grew */
#define PULL 100		  /* findings without a case that a new one takes with it */

struct joining {
	struct hin_desk *desk;
	const struct hin_case_joining *j;
	int64_t now_us;
	struct case_key key;
	struct hin_error *err;
};

static enum hin_code record(const struct joining *x, int64_t id, const char *action, uint16_t act)
{
	const struct case_line line = { .case_id = id,
					.now_us = x->now_us,
					.action = action,
					.act = act,
					.text = "",
					.finding = x->j->finding };

	return case_record(x->desk, &line, x->err);
}

/* ---- the times in which a key joins ---- */

static void window(const struct joining *x, int64_t *from, int64_t *until)
{
	const struct hin_case_joining *j = x->j;

	*from = 0;
	*until = 0;
	if (strcmp(x->key.basis, "address") == 0) {
		*from = j->first_us - HIN_CASE_UNLEASED_US;
		*until = j->last_us + HIN_CASE_UNLEASED_US;
	} else if (strcmp(x->key.basis, "lease") == 0) {
		*from = j->lease_from_us;
		*until = j->lease_until_us;
	}
}

/* Note that the case joins by this key for longer, or that it does, when `anew`. */
static enum hin_code put_join(const struct joining *x, int64_t id, bool anew)
{
	const struct hin_case_joining *j = x->j;
	int64_t from, until, confidence = j->confidence;
	enum hin_code code;

	window(x, &from, &until);
	if (strcmp(x->key.basis, "address") == 0)
		confidence /= 2; /* nobody says who had the address */
	else if (j->lease_confidence > 0 && j->lease_confidence < confidence)
		confidence = j->lease_confidence;
	code = hin_desk_run(
		x->desk, x->err,
		"UPDATE case_join SET from_us = min(from_us, ?4), until_us = CASE WHEN "
		"until_us = 0 OR ?5 = 0 THEN 0 ELSE max(until_us, ?5) END, confidence = "
		"max(confidence, ?6) WHERE basis = ?1 AND key = ?2 AND case_id = ?3 AND "
		"(until_us = 0 OR until_us >= ?4) AND (?5 = 0 OR from_us <= ?5)",
		"ttiiii", x->key.basis, (const char *)x->key.key, id, from, until, confidence);
	/* after a split another case may join by it now: that stays so */
	if (code != HIN_OK || !anew || hin_desk_changed(x->desk) > 0)
		return code;
	return hin_desk_run(x->desk, x->err,
			    "INSERT OR IGNORE INTO case_join (basis, key, case_id, from_us, "
			    "until_us, confidence) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			    "ttiiii", x->key.basis, (const char *)x->key.key, id, from, until,
			    confidence);
}

/* The case that joins by this key at this time, one that is being worked on first; 0 = none. */
static enum hin_code find_case(const struct joining *x, int64_t *out)
{
	enum hin_code code;

	*out = 0;
	if (x->key.basis == NULL)
		return HIN_OK;
	code = hin_desk_number(x->desk, out, x->err,
			       "SELECT j.case_id FROM case_join j JOIN case_ c ON c.id = j.case_id "
			       "WHERE j.basis = ?1 AND j.key = ?2 AND j.from_us <= ?4 AND "
			       "(j.until_us = 0 OR j.until_us >= ?3) AND c.state <> 'merged' "
			       "ORDER BY c.state IN ('new', 'open') DESC, j.case_id DESC LIMIT 1",
			       "ttii", x->key.basis, (const char *)x->key.key, x->j->first_us,
			       x->j->last_us);
	return code == HIN_ENOENT ? HIN_OK : code;
}

/* ---- what becomes of a case ---- */

/* The case is seen again: its times, and how grave it is. */
static enum hin_code touch(const struct joining *x, const struct case_head *head, bool news)
{
	const struct hin_case_joining *j = x->j;
	enum hin_code code = HIN_OK;

	if (j->severity > head->severity)
		code = hin_desk_run(x->desk, x->err,
				    "UPDATE case_ SET severity = ?2, kind = ?3, subject = ?4 WHERE "
				    "id = ?1",
				    "ittt", head->id, hin_severity_name(j->severity), j->kind,
				    j->subject);
	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err,
				    "UPDATE case_ SET first_us = min(first_us, ?2), last_us = "
				    "max(last_us, ?3), updated_us = CASE WHEN ?4 THEN ?5 ELSE "
				    "updated_us END, organisation = coalesce(organisation, "
				    "nullif(?6, 0)) WHERE id = ?1",
				    "iiiiii", head->id, j->first_us, j->last_us,
				    (int64_t)(news || j->severity > head->severity), x->now_us,
				    j->organisation);
	return code == HIN_OK && x->key.basis != NULL ? put_join(x, head->id, false) : code;
}

/* Must a case in this state be opened again for this finding? */
static bool must_reopen(const struct joining *x, const struct case_head *head, bool another)
{
	const struct hin_case_joining *j = x->j;

	switch (head->state) {
	case HIN_CASE_CLOSED:
		return j->severity >= j->least && j->last_us > head->closed_us;
	case HIN_CASE_FALSE_ALARM:
		return another && j->severity >= j->least && j->last_us > head->closed_us;
	case HIN_CASE_SUPPRESSED:
		return head->until_us != 0 && x->now_us >= head->until_us;
	default:
		return false;
	}
}

static enum hin_code reopen(const struct joining *x, const struct case_head *head)
{
	bool lifted = head->state == HIN_CASE_SUPPRESSED;
	enum hin_code code =
		case_set_state(x->desk, head->id, HIN_CASE_OPEN, NULL, 0, x->now_us, x->err);

	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err,
				    "UPDATE case_ SET reopened = reopened + 1 WHERE id = ?1", "i",
				    head->id);
	if (code != HIN_OK)
		return code;
	return record(x, head->id, lifted ? "unsuppressed" : "reopened",
		      lifted ? HIN_ACT_CASE_UNSUPPRESSED : HIN_ACT_CASE_REOPENED);
}

/* A finding that is in a case was seen again. */
static enum hin_code stay(const struct joining *x, enum hin_case_joined *out)
{
	struct case_head head;
	enum hin_code code = case_head_read(x->desk, x->j->case_id, 0, &head, x->err);

	if (code == HIN_OK)
		code = touch(x, &head, x->j->fresh);
	if (code == HIN_OK && must_reopen(x, &head, false)) {
		*out = HIN_CASE_JOINED_REOPENED;
		code = reopen(x, &head);
	}
	return code;
}

/*
 * Say that a case grew, and how much it has now: once a minute, since the ledger keeps it for ever
 * and strangers decide how many findings there are.
 */
static enum hin_code record_growth(const struct joining *x, int64_t id, int64_t findings)
{
	char text[48];
	struct case_line line = { .case_id = id,
				  .now_us = x->now_us,
				  .action = "grew",
				  .act = HIN_ACT_CASE_GROWN,
				  .text = text,
				  .finding = x->j->finding };
	int64_t told_us = 0;
	enum hin_code code = hin_desk_number(x->desk, &told_us, x->err,
					     "SELECT time_us FROM case_history WHERE case_id = ?1 "
					     "AND action = 'grew' ORDER BY id DESC LIMIT 1",
					     "i", id);

	if (code == HIN_OK && told_us <= x->now_us && x->now_us - told_us < GREW_US)
		return HIN_OK;
	if (code != HIN_OK && code != HIN_ENOENT)
		return code;
	snprintf(text, sizeof(text), "findings: %" PRId64, findings);
	return case_record(x->desk, &line, x->err);
}

static enum hin_code grow(const struct joining *x, int64_t id, enum hin_case_joined *out)
{
	struct case_head head;
	int64_t count = 0;
	enum hin_code code = case_head_read(x->desk, id, 0, &head, x->err);

	if (code == HIN_OK)
		code = hin_desk_number(x->desk, &count, x->err,
				       "SELECT count(*) FROM finding WHERE case_id = ?1", "i", id);
	if (code == HIN_OK && count >= HIN_CASE_FINDINGS) {
		*out = HIN_CASE_JOINED_CROWDED;
		return HIN_OK;
	}
	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err,
				    "UPDATE finding SET case_id = ?2 WHERE id = ?1", "ii",
				    x->j->finding, id);
	if (code == HIN_OK)
		code = touch(x, &head, true);
	if (code == HIN_OK)
		code = record_growth(x, id, count + 1);
	*out = HIN_CASE_JOINED_GREW;
	if (code == HIN_OK && must_reopen(x, &head, true)) {
		*out = HIN_CASE_JOINED_REOPENED;
		code = reopen(x, &head);
	}
	return code;
}

/* ---- a new case ---- */

/* What was known of the same device or address, and was not worth a case by itself. */
static enum hin_code pull(const struct joining *x, int64_t id)
{
	const struct hin_case_joining *j = x->j;
	int64_t from, until;

	window(x, &from, &until);
	if (strcmp(x->key.basis, "device") == 0 && j->device[0] != '\0')
		return hin_desk_run(x->desk, x->err,
				    "UPDATE finding SET case_id = ?1 WHERE id IN (SELECT id FROM "
				    "finding WHERE device = ?2 AND device <> '' AND "
				    "coalesce(organisation, 0) = ?3 AND case_id IS NULL LIMIT ?4)",
				    "itii", id, j->device, j->organisation, (int64_t)PULL);
	if (strcmp(x->key.basis, "address") == 0 && j->address != NULL)
		return hin_desk_run(
			x->desk, x->err,
			"UPDATE finding SET case_id = ?1 WHERE id IN (SELECT id FROM "
			"finding WHERE address = ?2 AND device = '' AND subject = ?3 AND "
			"last_us >= ?4 AND first_us <= ?5 AND case_id IS NULL LIMIT ?6)",
			"iatiii", id, j->address, j->subject, from, until, (int64_t)PULL);
	return HIN_OK;
}

static enum hin_code open_case(const struct joining *x)
{
	const struct hin_case_joining *j = x->j;
	bool campaign = strcmp(j->kind, "campaign") == 0;
	enum hin_code code = hin_desk_run(
		x->desk, x->err,
		"INSERT INTO case_ (kind, subject, state, severity, organisation, device, "
		"campaign, opened_us, updated_us, first_us, last_us) VALUES (?1, ?2, 'new', ?3, "
		"nullif(?4, 0), ?5, ?6, ?7, ?7, ?8, ?9)",
		"tttittiii", j->kind, j->subject, hin_severity_name(j->severity), j->organisation,
		j->device, campaign ? j->subject : "", x->now_us, j->first_us, j->last_us);
	int64_t id = hin_desk_inserted(x->desk);

	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err,
				    "UPDATE finding SET case_id = ?2 WHERE id = ?1", "ii",
				    j->finding, id);
	if (code == HIN_OK)
		code = record(x, id, "opened", HIN_ACT_CASE_OPENED);
	if (code == HIN_OK && x->key.basis != NULL)
		code = put_join(x, id, true);
	return code == HIN_OK && x->key.basis != NULL ? pull(x, id) : code;
}

enum hin_code hin_case_join(struct hin_desk *desk, const struct hin_case_joining *j, int64_t now_us,
			    enum hin_case_joined *out, struct hin_error *err)
{
	struct joining x = { .desk = desk, .j = j, .now_us = now_us, .err = err };
	enum hin_code code = HIN_OK;
	int64_t id = 0;

	*out = HIN_CASE_JOINED_NONE;
	case_key_of(&x.key, j->kind, j->subject_type, j->subject, j->organisation, j->device);
	if (j->case_id != 0)
		return stay(&x, out);
	if (!j->fresh && j->severity < j->least)
		return HIN_OK;
	code = find_case(&x, &id);
	if (code == HIN_OK && id != 0)
		return grow(&x, id, out);
	if (code == HIN_OK && j->severity >= j->least) {
		*out = HIN_CASE_JOINED_OPENED;
		code = open_case(&x);
	}
	return code;
}

/* ---- what is over ---- */

enum hin_code hin_case_settle(struct hin_desk *desk, const struct hin_case_settling *settling,
			      int64_t now_us, bool *closed, struct hin_error *err)
{
	struct case_line line = { .case_id = settling->case_id,
				  .now_us = now_us,
				  .action = "noted",
				  .act = HIN_ACT_CASE_NOTED,
				  .text = settling->text,
				  .finding = settling->finding };
	struct case_head head;
	int64_t live = 0;
	enum hin_code code = case_head_read(desk, settling->case_id, 0, &head, err);

	*closed = false;
	if (code == HIN_OK)
		code = case_record(desk, &line, err);
	if (code == HIN_OK)
		code = hin_desk_number(
			desk, &live, err,
			"SELECT count(*) FROM finding WHERE case_id = ?1 AND live = 1", "i",
			head.id);
	if (code != HIN_OK || !settling->closes || live > 0 ||
	    (head.state != HIN_CASE_NEW && head.state != HIN_CASE_OPEN))
		return code;
	code = case_set_state(desk, head.id, HIN_CASE_CLOSED, settling->text, 0, now_us, err);
	line.action = "closed";
	line.act = HIN_ACT_CASE_CLOSED;
	*closed = code == HIN_OK;
	return code == HIN_OK ? case_record(desk, &line, err) : code;
}
