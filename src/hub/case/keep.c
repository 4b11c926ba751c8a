/* keep - closes what is stale, and puts together what is long over; see keep.h */
#include "hub/case/keep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/time.h"
#include "hub/case/case_priv.h"
#include "trust/act.h"

struct step {
	struct hin_desk *desk;
	const struct hin_keep *keep;
	int64_t now_us;
	struct hin_kept *done;
	struct hin_error *err;
};

/* Numbers of cases that `sql` finds; ?1 is a time, ?2 how many at most. */
static enum hin_code find_cases(struct step *x, const char *sql, int64_t before_us, int64_t *ids,
				size_t *count)
{
	sqlite3_stmt *s = hin_desk_statement(x->desk, sql, x->err);
	enum hin_code code;

	*count = 0;
	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(x->desk, s, x->err, "ii", before_us, (int64_t)HIN_KEEP_CASES);
	while (code == HIN_OK && (code = hin_desk_step(x->desk, s, x->err)) == HIN_OK)
		if (*count < HIN_KEEP_CASES)
			ids[(*count)++] = sqlite3_column_int64(s, 0);
	return code == HIN_EOF ? HIN_OK : code;
}

/* ---- open cases of which nothing is seen any more ---- */

static enum hin_code close_stale(struct step *x)
{
	const char *reason = "nothing of it was seen or done for a long time";
	struct case_line line = {
		.now_us = x->now_us, .action = "closed", .act = HIN_ACT_CASE_CLOSED, .text = reason
	};
	int64_t ids[HIN_KEEP_CASES];
	size_t count;
	enum hin_code code = HIN_OK;

	if (x->keep->stale_us == 0)
		return HIN_OK;
	code = find_cases(x,
			  "SELECT id FROM case_ INDEXED BY case_stale WHERE state IN ('new', "
			  "'open') AND last_us < ?1 "
			  "AND updated_us < ?1 ORDER BY last_us LIMIT ?2",
			  x->now_us - x->keep->stale_us, ids, &count);
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = case_set_state(x->desk, ids[i], HIN_CASE_CLOSED, reason, 0, x->now_us,
				      x->err);
		line.case_id = ids[i];
		if (code == HIN_OK)
			code = case_record(x->desk, &line, x->err);
		x->done->stale += code == HIN_OK;
	}
	return code;
}

/* ---- what is left of a case ---- */

/* Who it was about, while there is room; subjects are the hub's own text. */
static enum hin_code add_subjects(struct step *x, int64_t id)
{
	return hin_desk_run(
		x->desk, x->err,
		"UPDATE case_summary SET subjects = (SELECT group_concat(subject, ', ') FROM "
		"(SELECT DISTINCT subject FROM finding f WHERE f.case_id = ?1 AND +f.kind = "
		"case_summary.kind ORDER BY f.id LIMIT ?2)) WHERE case_id = ?1 AND subjects = ''",
		"ii", id, (int64_t)HIN_KEEP_SUBJECTS);
}

/*
 * Put the first `most` findings of a case together; `*took` is how many there were. What sensors
 * said is cut, so that the sums of 10,000 findings stay far from 63 bits.
 */
static enum hin_code sum_up(struct step *x, int64_t id, int64_t most, int64_t *took)
{
	enum hin_code code = hin_desk_run(
		x->desk, x->err,
		"INSERT INTO case_summary (case_id, kind, findings, observations, packets, bytes, "
		"first_us, last_us) "
		"SELECT ?1, kind, count(*), sum(min(observations, 1 << 44)), "
		"sum(min(packets, 1 << 44)), sum(min(bytes, 1 << 44)), min(first_us), "
		"max(last_us) FROM (SELECT * FROM finding WHERE case_id = ?1 ORDER BY id LIMIT ?2) "
		"GROUP BY kind ON CONFLICT (case_id, kind) DO UPDATE SET "
		"findings = findings + excluded.findings, "
		"observations = min(observations, 1 << 61) + excluded.observations, "
		"packets = min(packets, 1 << 61) + excluded.packets, "
		"bytes = min(bytes, 1 << 61) + excluded.bytes, "
		"first_us = min(first_us, excluded.first_us), "
		"last_us = max(last_us, excluded.last_us)",
		"ii", id, most);

	if (code == HIN_OK)
		code = add_subjects(x, id);
	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err,
				    "DELETE FROM finding WHERE id IN (SELECT id FROM finding "
				    "WHERE case_id = ?1 ORDER BY id LIMIT ?2)",
				    "ii", id, most);
	*took = code == HIN_OK ? hin_desk_changed(x->desk) : 0;
	return code;
}

static void put_times(struct hin_buffer *out, int64_t first_us, int64_t last_us)
{
	char text[HIN_TIME_TEXT];

	hin_buffer_printf(out, ", %s",
			  hin_time_format_iso(text, hin_finding_ns(first_us), HIN_TIME_S));
	hin_buffer_printf(out, " to %s",
			  hin_time_format_iso(text, hin_finding_ns(last_us), HIN_TIME_S));
}

/* The line that tells what the findings were: a sentence a kind. */
static enum hin_code describe(struct step *x, int64_t id, struct hin_buffer *out)
{
	sqlite3_stmt *s = hin_desk_statement(
		x->desk,
		"SELECT kind, findings, observations, packets, bytes, first_us, last_us, subjects "
		"FROM case_summary WHERE case_id = ?1 ORDER BY kind",
		x->err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(x->desk, s, x->err, "i", id);
	while (code == HIN_OK && (code = hin_desk_step(x->desk, s, x->err)) == HIN_OK) {
		hin_buffer_printf(out, "%s%s: findings %" PRId64 ", observations %" PRId64,
				  out->used > 0 ? "; " : "", hin_desk_text(s, 0),
				  (int64_t)sqlite3_column_int64(s, 1),
				  (int64_t)sqlite3_column_int64(s, 2));
		hin_buffer_printf(out, ", packets %" PRId64 ", bytes %" PRId64,
				  (int64_t)sqlite3_column_int64(s, 3),
				  (int64_t)sqlite3_column_int64(s, 4));
		put_times(out, sqlite3_column_int64(s, 5), sqlite3_column_int64(s, 6));
		hin_buffer_printf(out, " (%s)", hin_desk_text(s, 7));
	}
	return code == HIN_EOF ? HIN_OK : code;
}

/* No finding is left: say what they were, and join nothing by them any more. */
static enum hin_code conclude(struct step *x, int64_t id)
{
	char text[2000];
	struct hin_buffer out = hin_buffer_over(text, sizeof(text));
	struct case_line line = { .case_id = id,
				  .now_us = x->now_us,
				  .action = "summed-up",
				  .act = HIN_ACT_CASE_CHANGED,
				  .text = text };
	enum hin_code code = describe(x, id, &out);

	/* a text that was cut is one still; a case that was merged has nothing to say */
	if (code == HIN_OK && out.used > 0)
		code = case_record(x->desk, &line, x->err);
	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err, "DELETE FROM case_join WHERE case_id = ?1",
				    "i", id);
	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err, "DELETE FROM alert WHERE case_id = ?1", "i",
				    id);
	if (code == HIN_OK)
		code = hin_desk_run(x->desk, x->err,
				    "UPDATE case_ SET summed_us = ?2 WHERE id = ?1", "ii", id,
				    x->now_us);
	x->done->cases += code == HIN_OK;
	return code;
}

static enum hin_code sum_up_closed(struct step *x)
{
	int64_t ids[HIN_KEEP_CASES], left = HIN_KEEP_FINDINGS, took = 0;
	size_t count;
	enum hin_code code =
		find_cases(x,
			   "SELECT id FROM case_ WHERE closed_us > 0 AND summed_us = 0 AND "
			   "max(closed_us, last_us) < ?1 ORDER BY max(closed_us, last_us) LIMIT ?2",
			   x->now_us - x->keep->closed_us, ids, &count);

	for (size_t i = 0; i < count && left > 0 && code == HIN_OK; i++) {
		code = sum_up(x, ids[i], left, &took);
		left -= took;
		x->done->findings += (uint64_t)took;
		if (code == HIN_OK && left > 0) /* all of them */
			code = conclude(x, ids[i]);
	}
	return code;
}

/* ---- letters ---- */

static enum hin_code drop_letters(struct step *x)
{
	static const char *const states[] = { "sent", "bounced", "failed", "dropped" };
	enum hin_code code = HIN_OK;

	for (size_t i = 0; i < HIN_COUNT(states) && code == HIN_OK; i++) {
		code = hin_desk_run(x->desk, x->err,
				    "DELETE FROM letter WHERE id IN (SELECT id FROM letter WHERE "
				    "state = ?1 AND due_us < ?2 LIMIT ?3)",
				    "tii", states[i], x->now_us - x->keep->closed_us,
				    (int64_t)HIN_KEEP_LETTERS / 4);
		x->done->letters += code == HIN_OK ? (uint64_t)hin_desk_changed(x->desk) : 0;
	}
	return code;
}

enum hin_code hin_keep_step(struct hin_desk *desk, const struct hin_keep *keep, int64_t now_us,
			    struct hin_kept *done, struct hin_error *err)
{
	struct step x = { .desk = desk, .keep = keep, .now_us = now_us, .done = done, .err = err };
	enum hin_code code = close_stale(&x);

	if (code == HIN_OK)
		code = sum_up_closed(&x);
	return code == HIN_OK ? drop_letters(&x) : code;
}
