/* roster_share - notes between hubs of one CA, and what becomes of two rosters; see roster_share.h
 */
#include "trust/roster_share.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "trust/roster_priv.h"

#define REQUEST "hinomi roster request 1"
#define ANSWER "hinomi roster answer 1"

/* ---- what becomes of two ---- */

/* Was their certificate given later? Of two of one moment all hubs must take the same. */
static bool is_newer(const struct hin_roster_sensor *ours, const struct hin_roster_sensor *theirs)
{
	if (ours->renewed_s != theirs->renewed_s)
		return theirs->renewed_s > ours->renewed_s;
	if (ours->expires_s != theirs->expires_s)
		return theirs->expires_s > ours->expires_s;
	return strcmp(theirs->serial, ours->serial) > 0;
}

bool roster_merge_entry(struct hin_roster_sensor *ours, const struct hin_roster_sensor *theirs)
{
	struct hin_roster_sensor before = *ours;

	if (is_newer(ours, theirs)) {
		memcpy(ours->serial, theirs->serial, sizeof(ours->serial));
		ours->renewed_s = theirs->renewed_s;
		ours->expires_s = theirs->expires_s;
	}
	if (theirs->joined_s > ours->joined_s ||
	    (theirs->joined_s == ours->joined_s && strcmp(theirs->name, ours->name) > 0)) {
		memcpy(ours->name, theirs->name, sizeof(ours->name));
		ours->joined_s = theirs->joined_s;
	}
	if (theirs->revoked_s != 0 && (ours->revoked_s == 0 || theirs->revoked_s < ours->revoked_s))
		ours->revoked_s = theirs->revoked_s;
	return strcmp(before.serial, ours->serial) != 0 || strcmp(before.name, ours->name) != 0 ||
	       before.renewed_s != ours->renewed_s || before.expires_s != ours->expires_s ||
	       before.joined_s != ours->joined_s || before.revoked_s != ours->revoked_s;
}

void roster_write_entry(struct hin_buffer *out, const struct hin_roster_sensor *s)
{
	char id[33], key[65];

	sodium_bin2hex(id, sizeof(id), s->id, 16);
	sodium_bin2hex(key, sizeof(key), s->public_key, 32);
	hin_buffer_printf(out, "%s %s %s %s %lld %lld %lld %lld\n", id, key, s->name, s->serial,
			  (long long)s->joined_s, (long long)s->renewed_s, (long long)s->expires_s,
			  (long long)s->revoked_s);
}

enum hin_code hin_roster_merge(struct hin_roster *r, const struct hin_roster_sensor *sensors,
			       size_t count, int64_t now_s, size_t *changed, struct hin_error *err)
{
	struct hin_buffer lines = { 0 };
	size_t fresh = 0;
	enum hin_code code = roster_begin(r, err);

	*changed = 0;
	if (code != HIN_OK)
		return code;
	for (size_t i = 0; i < count; i++) {
		const struct hin_roster_sensor *ours = roster_find_sensor(r, sensors[i].id);
		struct hin_roster_sensor trial = ours != NULL ? *ours : sensors[i];

		if (ours != NULL && !roster_merge_entry(&trial, &sensors[i]))
			continue;
		fresh += ours == NULL;
		++*changed;
		hin_buffer_printf(&lines, "%lld merge ", (long long)now_s);
		roster_write_entry(&lines, &sensors[i]);
	}
	if (lines.failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for %zu sensors", count);
	else if (r->sensor_count + fresh > HIN_ROSTER_SENSORS)
		code = hin_fail(err, HIN_ELIMIT, "more than %d sensors joined: no more fit",
				HIN_ROSTER_SENSORS);
	if (code == HIN_OK && *changed > 0)
		code = roster_finish_all(r, lines.data, lines.used, err);
	else
		code = roster_give_up(r, code);
	hin_buffer_fini(&lines);
	return code;
}

/* ---- notes ---- */

/* The mark of line `line` of a roster; that of 0, and of the head, is nothing. */
static const uint8_t *mark_of(const struct hin_roster *r, uint64_t line)
{
	static const uint8_t none[ROSTER_MARK];

	return line >= 2 && line <= r->line ? r->marks[line - 1] : none;
}

static enum hin_code sign(struct hin_buffer *out, const struct hin_buffer *text,
			  const struct hin_note_signer *signer, struct hin_error *err)
{
	if (text->failed)
		return hin_fail(err, HIN_ENOMEM, "no memory for a roster");
	return hin_note_sign(out, text->data, text->used, signer, 1, err);
}

enum hin_code hin_roster_ask(struct hin_buffer *out, const char *hub,
			     const struct hin_roster_seen *since, int64_t now_s,
			     const struct hin_note_signer *signer, struct hin_error *err)
{
	char mark[2 * ROSTER_MARK + 1];
	struct hin_buffer text = { 0 };
	enum hin_code code;

	sodium_bin2hex(mark, sizeof(mark), since->mark, ROSTER_MARK);
	hin_buffer_printf(&text, REQUEST "\nfor %s\ntime %lld\nsince %llu %s\n", hub,
			  (long long)now_s, (unsigned long long)since->line, mark);
	code = sign(out, &text, signer, err);
	hin_buffer_fini(&text);
	return code;
}

/* A note's text by lines, each cut into words. */
struct words {
	char *rest;
	char *word[ROSTER_ENTRY_WORDS + 1];
	size_t count;
};

static bool next_line(struct words *w)
{
	char *line, *rest = NULL;

	if (w->rest == NULL || *w->rest == '\0')
		return false;
	line = w->rest;
	w->rest = strchr(line, '\n');
	if (w->rest != NULL)
		*w->rest++ = '\0';
	w->count = 0;
	for (char *word = strtok_r(line, " ", &rest); word != NULL && w->count < HIN_COUNT(w->word);
	     word = strtok_r(NULL, " ", &rest))
		w->word[w->count++] = word;
	return true;
}

static bool read_number(uint64_t *out, const char *text)
{
	return hin_number_u64(out, "number", text, 0, INT64_MAX, NULL) == HIN_OK;
}

/* "head", "for" or "of", "time" and "since" or "until". */
static enum hin_code read_head(struct words *w, const char *head, const char *verb, int64_t now_s,
			       struct hin_roster_seen *seen, struct hin_error *err)
{
	uint64_t time_s;

	if (strncmp(w->rest, head, strlen(head)) != 0 || w->rest[strlen(head)] != '\n')
		return hin_fail(err, HIN_EFORMAT, "this is no \"%s\"", head);
	w->rest += strlen(head) + 1;
	if (!next_line(w) || w->count != 2 || !next_line(w) || w->count != 2 ||
	    strcmp(w->word[0], "time") != 0 || !read_number(&time_s, w->word[1]))
		return hin_fail(err, HIN_EFORMAT, "\"%s\" without hub or time", head);
	if ((int64_t)time_s > now_s + HIN_ROSTER_SHARE_SKEW_S ||
	    (int64_t)time_s < now_s - HIN_ROSTER_SHARE_SKEW_S)
		return hin_fail(err, HIN_EDENIED,
				"the other hub's clock is %lld s from ours: set the clocks",
				(long long)((int64_t)time_s - now_s));
	if (!next_line(w) || w->count < 3 || strcmp(w->word[0], verb) != 0 ||
	    !read_number(&seen->line, w->word[1]) ||
	    !roster_read_hex(seen->mark, ROSTER_MARK, w->word[2]))
		return hin_fail(err, HIN_EFORMAT, "\"%s\" without a line \"%s\"", head, verb);
	return HIN_OK;
}

/* The text of a note that `verifier` has signed, to be cut; the caller frees it. */
static enum hin_code open_text(char **out, const void *data, size_t size,
			       const struct hin_note_verifier *verifier, struct hin_error *err)
{
	struct hin_note note;
	enum hin_code code = hin_note_open(&note, data, size, verifier, 1, err);

	if (code != HIN_OK)
		return code;
	*out = strndup(note.text, note.size);
	return *out != NULL ? HIN_OK : hin_fail(err, HIN_ENOMEM, "no memory for a roster");
}

struct change {
	uint64_t line;
	size_t at;
};

static int compare_changes(const void *left, const void *right)
{
	const struct change *a = left, *b = right;

	return (a->line > b->line) - (a->line < b->line);
}

/* Those that changed after line `since`, in order of their changes; the caller frees `*out`. */
static enum hin_code find_changed(const struct hin_roster *r, uint64_t since, struct change **out,
				  size_t *count, struct hin_error *err)
{
	struct change *all = NULL;

	*count = 0;
	for (size_t i = 0; i < r->sensor_count; i++)
		*count += r->changed[i] > since;
	all = calloc(*count + 1, sizeof(*all));
	if (all == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for %zu sensors", *count);
	for (size_t i = 0, n = 0; i < r->sensor_count; i++)
		if (r->changed[i] > since)
			all[n++] = (struct change){ r->changed[i], i };
	qsort(all, *count, sizeof(*all), compare_changes);
	*out = all;
	return HIN_OK;
}

enum hin_code hin_roster_tell(struct hin_buffer *out, const struct hin_roster *r, const char *hub,
			      const void *request, size_t size, int64_t now_s,
			      const struct hin_note_signer *signer, struct hin_error *err)
{
	struct hin_roster_seen since = { 0 };
	struct hin_buffer text = { 0 };
	struct change *changes = NULL;
	char *asked = NULL, mark[2 * ROSTER_MARK + 1];
	size_t count = 0, given;
	uint64_t until;
	struct words w;
	enum hin_code code = open_text(&asked, request, size, &signer->verifier, err);

	if (code != HIN_OK)
		return code;
	w = (struct words){ .rest = asked };
	code = read_head(&w, REQUEST, "since", now_s, &since, err);
	free(asked);
	if (code != HIN_OK)
		return code;
	if (since.line > r->line || memcmp(since.mark, mark_of(r, since.line), ROSTER_MARK) != 0)
		since.line = 0; /* of another roster than ours is now */
	code = find_changed(r, since.line, &changes, &count, err);
	if (code != HIN_OK)
		return code;
	given = count < HIN_ROSTER_SHARE_SENSORS ? count : HIN_ROSTER_SHARE_SENSORS;
	until = given < count ? changes[given - 1].line : r->line;
	sodium_bin2hex(mark, sizeof(mark), mark_of(r, until), ROSTER_MARK);
	hin_buffer_printf(&text, ANSWER "\nof %s\ntime %lld\nuntil %llu %s %s\n", hub,
			  (long long)now_s, (unsigned long long)until, mark,
			  given < count ? "more" : "end");
	for (size_t i = 0; i < given; i++)
		roster_write_entry(&text, &r->sensors[changes[i].at]);
	code = sign(out, &text, signer, err);
	hin_buffer_fini(&text);
	free(changes);
	return code;
}

static enum hin_code read_sensors(struct hin_roster_answer *out, struct words *w,
				  struct hin_error *err)
{
	out->sensors = calloc(HIN_ROSTER_SHARE_SENSORS, sizeof(*out->sensors));
	if (out->sensors == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for a roster");
	while (next_line(w)) {
		if (out->count == HIN_ROSTER_SHARE_SENSORS)
			return hin_fail(err, HIN_ELIMIT, "an answer of more than %u sensors",
					HIN_ROSTER_SHARE_SENSORS);
		if (w->count != ROSTER_ENTRY_WORDS ||
		    !roster_read_entry(&out->sensors[out->count], w->word))
			return hin_fail(err, HIN_EFORMAT, "sensor %zu cannot be read",
					out->count + 1);
		out->count++;
	}
	return HIN_OK;
}

enum hin_code hin_roster_hear(struct hin_roster_answer *out, const void *data, size_t size,
			      int64_t now_s, const struct hin_note_verifier *verifier,
			      struct hin_error *err)
{
	char *text = NULL;
	struct words w;
	enum hin_code code = open_text(&text, data, size, verifier, err);

	*out = (struct hin_roster_answer){ 0 };
	if (code != HIN_OK)
		return code;
	w = (struct words){ .rest = text };
	code = read_head(&w, ANSWER, "until", now_s, &out->until, err);
	if (code == HIN_OK &&
	    (w.count != 4 || (strcmp(w.word[3], "more") != 0 && strcmp(w.word[3], "end") != 0)))
		code = hin_fail(err, HIN_EFORMAT, "\"until\" says neither more nor end");
	if (code == HIN_OK) {
		out->more = strcmp(w.word[3], "more") == 0;
		code = read_sensors(out, &w, err);
	}
	if (code != HIN_OK)
		hin_roster_answer_fini(out);
	free(text);
	return code;
}

void hin_roster_answer_fini(struct hin_roster_answer *answer)
{
	if (answer == NULL)
		return;
	free(answer->sensors);
	*answer = (struct hin_roster_answer){ 0 };
}
