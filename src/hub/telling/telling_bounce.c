/* telling_bounce - the folder in which mail comes back: a Maildir, or plain files */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "hub/telling/telling_priv.h"
#include "net/bounce.h"

#define FILES 200 /* of one look */

/* The letter that a bounce is about: by its Message-ID, else by the address that it came to. */
static enum hin_code find_letter(struct hin_desk *desk, const struct hin_bounce *b, int64_t *letter,
				 int64_t *contact, struct hin_error *err)
{
	sqlite3_stmt *s =
		hin_desk_statement(desk,
				   "SELECT id, coalesce(contact, 0) FROM letter WHERE (message_id "
				   "= ?1 OR (sender = ?2 "
				   "AND ?2 <> '')) AND state IN ('sent', 'sending') LIMIT 1",
				   err);
	enum hin_code code;

	if (s == NULL)
		return HIN_EFORMAT;
	code = hin_desk_bind(desk, s, err, "tt", b->message_id, b->to);
	if (code == HIN_OK)
		code = hin_desk_step(desk, s, err);
	if (code == HIN_OK) {
		*letter = sqlite3_column_int64(s, 0);
		*contact = sqlite3_column_int64(s, 1);
		sqlite3_reset(s);
	}
	return code;
}

static void describe(const struct hin_bounce *b, char *out, size_t size)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->recipients[i].action == b->action) {
			snprintf(out, size, "%s %.100s", b->recipients[i].status,
				 b->recipients[i].diagnostic);
			return;
		}
	snprintf(out, size, "it came back");
}

/* One bounce, in a transaction of its own; false: it is about no letter of ours. */
static enum hin_code apply(struct telling *t, struct hin_desk *desk, const struct hin_bounce *b,
			   int64_t now_us, bool *ours, struct hin_error *err)
{
	int64_t letter = 0, contact = 0;
	char reason[200];
	enum hin_code code = hin_desk_begin(desk, err);

	*ours = false;
	if (code != HIN_OK)
		return code;
	code = find_letter(desk, b, &letter, &contact, err);
	if (code != HIN_OK) {
		hin_desk_rollback(desk);
		return code == HIN_EOF ? HIN_OK : code;
	}
	*ours = true;
	describe(b, reason, sizeof(reason));
	if (b->action == HIN_BOUNCE_FAILED) {
		code = telling_lose_contact(t, desk, contact, "bounced", reason, now_us, err);
		if (code == HIN_OK)
			code = telling_letter_lost(t, desk, letter, "bounced", reason, now_us, err);
	} else {
		code = hin_desk_run(
			desk, err,
			"INSERT INTO notice_history (notice, time_us, action, text) "
			"SELECT notice, ?2, ?3, ?4 FROM letter_notice WHERE letter = ?1",
			"iitt", letter, now_us,
			b->action == HIN_BOUNCE_DELAYED ? "delayed" : "delivered", reason);
	}
	return telling_finish(desk, code, err);
}

/* Out of the way: what was understood goes, the rest stays to be read by somebody. */
static void put_away(const struct telling *t, const char *path, const char *name, bool ours)
{
	char left[4200];

	snprintf(left, sizeof(left), "%.2000s/left", t->s.mail_bounces);
	if (ours) {
		(void)unlink(path);
		return;
	}
	(void)mkdir(left, 0700);
	snprintf(left, sizeof(left), "%.2000s/left/%.255s", t->s.mail_bounces, name);
	if (rename(path, left) != 0)
		hin_log_limited(HIN_LOG_ERROR, "bounce.stays", hin_log_text("file", path));
}

static enum hin_code read_one(struct telling *t, struct hin_desk *desk, const char *path,
			      const char *name, int64_t now_us, struct hin_error *err)
{
	struct hin_bounce *b = calloc(1, sizeof(*b));
	struct hin_buffer text = { 0 };
	struct hin_error why = { 0 };
	bool ours = false;
	enum hin_code code = HIN_OK;

	if (b == NULL)
		return hin_fail(err, HIN_ENOMEM, "bounce");
	if (hin_file_read(&text, path, HIN_BOUNCE_SIZE * 8, &why) == HIN_OK &&
	    hin_bounce_parse(b, text.data, text.used, &why) == HIN_OK &&
	    b->action != HIN_BOUNCE_NONE)
		code = apply(t, desk, b, now_us, &ours, err);
	if (code == HIN_OK) {
		telling_count(t, bounces, 1);
		if (!ours)
			telling_count(t, bounces_unknown, 1);
		put_away(t, path, name, ours);
	}
	hin_buffer_fini(&text);
	free(b);
	return code;
}

static enum hin_code read_folder(struct telling *t, struct hin_desk *desk, const char *folder,
				 int64_t now_us, struct hin_error *err)
{
	DIR *dir = opendir(folder);
	enum hin_code code = HIN_OK;
	struct dirent *entry;
	struct stat st;
	char path[4600];

	if (dir == NULL)
		return HIN_OK; /* no Maildir, or none yet */
	for (int i = 0; i < FILES && code == HIN_OK && !telling_ends(t);) {
		entry = readdir(dir);
		if (entry == NULL)
			break;
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%.4200s/%.255s", folder, entry->d_name);
		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		code = read_one(t, desk, path, entry->d_name, now_us, err);
		i++;
	}
	closedir(dir);
	return code;
}

enum hin_code telling_read_bounces(struct telling *t, struct hin_desk *desk, int64_t now_us,
				   struct hin_error *err)
{
	static const char *const parts[] = { "", "/new", "/cur" };
	enum hin_code code = HIN_OK;
	char folder[4200];

	if (t->s.mail_bounces == NULL || t->s.mail_bounces[0] == '\0')
		return HIN_OK;
	for (size_t i = 0; i < HIN_COUNT(parts) && code == HIN_OK; i++) {
		snprintf(folder, sizeof(folder), "%.4000s%s", t->s.mail_bounces, parts[i]);
		code = read_folder(t, desk, folder, now_us, err);
	}
	return code;
}
