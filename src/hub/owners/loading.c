/* loading - bits of an import; see loading.h */
#include "hub/owners/loading.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "base/time.h"
#include "trust/act_numbers.h"

#define LOOK 16 /* steps between two looks at the clock */

static enum hin_code write_begun(struct hin_loading *l, struct hin_error *err)
{
	const struct hin_loading_what *w = &l->what;
	struct hin_desk_act act = { .time_us = w->now_us,
				    .account = w->account,
				    .kind = HIN_ACT_LOADING_BEGUN };
	struct hin_buffer object = { 0 };
	char hex[65];
	enum hin_code code;

	sodium_bin2hex(hex, sizeof(hex), w->digest, 32);
	hin_buffer_printf(&object, "{\"what\":\"%s\",\"source\":", w->kind);
	hin_escape_json(&object, w->source, strlen(w->source));
	hin_buffer_puts(&object, ",\"file\":");
	hin_escape_json(&object, w->name, strlen(w->name));
	hin_buffer_printf(&object, ",\"sha256\":\"%s\"}", hex);
	act.object = hin_buffer_text(&object);
	code = object.failed ? hin_fail(err, HIN_ENOMEM, "no memory for an act")
			     : hin_desk_act(l->desk, &act, NULL, err);
	hin_buffer_fini(&object);
	if (code == HIN_OK)
		code = hin_desk_run(l->desk, err,
				    "INSERT INTO loading (kind, source, name, sha256, begun_us, "
				    "done) VALUES (?1, ?2, ?3, ?4, ?5, 0)",
				    "tttbi", w->kind, w->source, w->name, (const void *)w->digest,
				    (size_t)32, w->now_us);
	if (code == HIN_OK)
		l->id = hin_desk_inserted(l->desk);
	return code;
}

static enum hin_code open_bit(struct hin_loading *l, struct hin_error *err)
{
	enum hin_code code = hin_desk_begin(l->desk, err);

	if (code != HIN_OK)
		return code;
	l->open = true;
	l->steps = 0;
	l->begun_ns = hin_time_monotonic_ns();
	if (l->check != NULL)
		code = l->check(l->user, err);
	return code;
}

static void rest(void)
{
	const struct timespec time = { .tv_nsec = HIN_LOADING_REST_NS };

	(void)nanosleep(&time, NULL);
}

/* Commit what is open, as one bit of several. */
static enum hin_code commit_bit(struct hin_loading *l, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	l->open = false;
	if (l->dry_run) {
		hin_desk_rollback(l->desk);
		return HIN_OK;
	}
	if (l->id == 0)
		code = write_begun(l, err);
	if (code == HIN_OK)
		code = hin_desk_run(l->desk, err,
				    "UPDATE loading SET done = done + ?2 WHERE id = ?1", "ii",
				    l->id, (int64_t)l->steps);
	if (code == HIN_OK)
		code = hin_desk_commit(l->desk, err);
	else
		hin_desk_rollback(l->desk);
	if (code == HIN_OK)
		l->done += l->steps;
	return code;
}

enum hin_code hin_loading_step(struct hin_loading *l, struct hin_error *err)
{
	int64_t bit_ns = l->bit_ns > 0 ? l->bit_ns : HIN_LOADING_BIT_NS;
	enum hin_code code = HIN_OK;

	if (l->open && l->steps > 0 && (l->steps % LOOK == 0 || bit_ns < HIN_LOADING_BIT_NS) &&
	    hin_time_monotonic_ns() - l->begun_ns >= bit_ns) {
		code = commit_bit(l, err);
		if (code == HIN_OK)
			rest();
	}
	if (code == HIN_OK && !l->open)
		code = open_bit(l, err);
	if (code != HIN_OK && l->open) {
		l->open = false;
		hin_desk_rollback(l->desk);
	}
	l->steps++;
	return code;
}

enum hin_code hin_loading_end(struct hin_loading *l, struct hin_error *err)
{
	enum hin_code code = HIN_OK;

	/* of earlier tries too, which this one has brought to an end */
	if (!l->dry_run)
		code = hin_desk_run(l->desk, err,
				    "DELETE FROM loading WHERE id = ?1 OR (kind = ?2 AND source = "
				    "?3 AND sha256 = ?4)",
				    "ittb", l->id, l->what.kind, l->what.source,
				    (const void *)l->what.digest, (size_t)32);
	if (code != HIN_OK) {
		hin_loading_drop(l, err);
		return code;
	}
	l->open = false;
	if (!l->dry_run)
		code = hin_desk_commit(l->desk, err);
	else
		hin_desk_rollback(l->desk);
	return code;
}

void hin_loading_drop(struct hin_loading *l, struct hin_error *err)
{
	struct hin_error why = *err;

	if (l->open)
		hin_desk_rollback(l->desk);
	l->open = false;
	if (l->done > 0)
		(void)hin_fail(err, why.code,
			       "%.110s; a part is in: import the file again to go on", why.text);
}

enum hin_code hin_loading_each(struct hin_desk *desk, hin_loading_fn call, void *user,
			       struct hin_error *err)
{
	sqlite3_stmt *s = hin_desk_statement(
		desk, "SELECT kind, source, name, begun_us, done FROM loading ORDER BY id", err);
	enum hin_code code = HIN_OK;

	if (s == NULL)
		return HIN_EFORMAT;
	while ((code = hin_desk_step(desk, s, err)) == HIN_OK) {
		struct hin_loading_left left = { .kind = hin_desk_text(s, 0),
						 .source = hin_desk_text(s, 1),
						 .name = hin_desk_text(s, 2),
						 .begun_us = sqlite3_column_int64(s, 3),
						 .done = (uint64_t)sqlite3_column_int64(s, 4) };

		call(user, &left);
	}
	return code == HIN_EOF ? HIN_OK : code;
}
