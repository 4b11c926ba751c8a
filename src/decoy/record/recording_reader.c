/* recording_reader - a folder of recordings, and its list; see recording_reader.h */
#include "decoy/record/recording_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "decoy/record/recording_reader_priv.h"

enum hin_code hin_recordings_open(struct hin_recordings **out, const char *folder,
				  struct hin_error *err)
{
	struct hin_recordings *r = calloc(1, sizeof(*r));
	enum hin_code code;

	if (r == NULL)
		return hin_fail(err, HIN_ENOMEM, "recordings in %s", folder);
	r->watch = -1;
	r->folder = strdup(folder);
	if (r->folder == NULL) {
		code = hin_fail(err, HIN_ENOMEM, "recordings in %s", folder);
		goto out;
	}
	code = recording_folder_read(&r->names, folder, err);
	if (code != HIN_OK)
		goto out;
	code = recording_key_open(r->master, folder, false, err);
	r->has_master = code == HIN_OK;
	if (code != HIN_OK && code != HIN_ENOENT)
		goto out;
	*out = r;
	r = NULL;
	code = HIN_OK;
out:
	hin_recordings_close(r);
	return code;
}

void hin_recordings_close(struct hin_recordings *r)
{
	if (r == NULL)
		return;
	follower_free(r->follower);
	recording_folder_fini(&r->names);
	if (r->watch != -1)
		close(r->watch);
	explicit_bzero(r->master, sizeof(r->master));
	free(r->folder);
	free(r);
}

enum hin_code hin_recordings_refresh(struct hin_recordings *r, struct hin_error *err)
{
	struct recording_folder names;
	enum hin_code code = recording_folder_read(&names, r->folder, err);

	if (code != HIN_OK)
		return code;
	recording_folder_fini(&r->names);
	r->names = names;
	if (!r->has_master) /* the first recorder may have made it since */
		r->has_master = recording_key_open(r->master, r->folder, false, NULL) == HIN_OK;
	return HIN_OK;
}

bool hin_recordings_wait(struct hin_recordings *r, int timeout_ms)
{
	char events[4096];
	struct pollfd wait;
	bool changed = false;

	if (r->watch == -1) {
		r->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (r->watch != -1 &&
		    inotify_add_watch(r->watch, r->folder, IN_MODIFY | IN_CREATE) == -1) {
			close(r->watch);
			r->watch = -1;
		}
	}
	wait = (struct pollfd){ .fd = r->watch, .events = POLLIN }; /* without one: only time */
	if (poll(&wait, 1, timeout_ms) <= 0)
		return false;
	while (read(r->watch, events, sizeof(events)) > 0)
		changed = true;
	return changed;
}

/* ---- filters ---- */

static bool same_name(const char *want, const char *have)
{
	return want == NULL || strcmp(want, have) == 0;
}

/* All of a filter that a seal tells by itself. */
static bool fits(const struct hin_recording_filter *f, const struct hin_recording_entry *e)
{
	return (f->source == NULL || hin_prefix_holds(f->source, &e->about.client)) &&
	       (f->target == NULL || hin_prefix_holds(f->target, &e->about.server)) &&
	       same_name(f->host, e->about.host) && same_name(f->persona, e->about.persona) &&
	       (f->service == 0 || f->service == e->about.service) &&
	       (f->begin_us == 0 || e->about.time_us >= f->begin_us) &&
	       (f->end_us == 0 || e->about.time_us < f->end_us) &&
	       (e->flags & f->flags) == f->flags && (!f->with_commands || e->commands > 0);
}

struct looking {
	const struct hin_recording_filter *filter;
	bool word, credential; /* found, or not asked for */
};

static void look_word(void *user, const char *word, size_t size)
{
	struct looking *l = user;

	if (size == strlen(l->filter->word) && memcmp(word, l->filter->word, size) == 0)
		l->word = true;
}

static bool same_bytes(const char *want, const void *have, size_t size)
{
	return want == NULL || (strlen(want) == size && memcmp(want, have, size) == 0);
}

static void look(struct looking *l, const struct hin_recording_item *item)
{
	const struct hin_event *e = &item->event;

	if (item->kind != HIN_RECORDING_EVENT)
		return;
	if (!l->word && (e->type == HIN_EVENT_COMMAND ||
			 (e->type == HIN_EVENT_CHANNEL && e->number == HIN_CHANNEL_COMMAND)))
		recording_words(e->a, e->a_size, look_word, l);
	if (!l->credential && e->type == HIN_EVENT_CREDENTIAL)
		l->credential = same_bytes(l->filter->user, e->a, e->a_size) &&
				same_bytes(l->filter->password, e->b, e->b_size);
}

/* Does a session have the word and the credential? Its mark first, then its items. */
static bool says(struct recording_segment *s, const struct recording_seal *seal, bool running,
		 const struct hin_recording_filter *f)
{
	struct looking l = { .filter = f,
			     .word = f->word == NULL,
			     .credential = f->user == NULL && f->password == NULL };
	struct recording_secret secret;
	struct hin_recording *recording;
	struct hin_recording_item item;
	uint64_t mark = 0;

	if (l.word && l.credential)
		return true;
	if (recording_segment_secret(s, seal->slot, &secret, NULL) != HIN_OK)
		return false;
	if (f->word != NULL)
		mark |= recording_mark(&secret, 'c', f->word, strlen(f->word));
	if (f->user != NULL)
		mark |= recording_mark(&secret, 'u', f->user, strlen(f->user));
	if (f->password != NULL)
		mark |= recording_mark(&secret, 'p', f->password, strlen(f->password));
	if ((seal->mark & mark) != mark ||
	    recording_open_in(&recording, s, seal, running, NULL) != HIN_OK)
		return false;
	while (!(l.word && l.credential) && hin_recording_next(recording, &item, NULL) == HIN_OK)
		look(&l, &item);
	hin_recording_close(recording);
	return l.word && l.credential;
}

/* ---- listing ---- */

struct listed { /* one session of a segment */
	int64_t time_us;
	size_t index;
	bool running;
};

static int newest_first(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->time_us != y->time_us)
		return x->time_us > y->time_us ? -1 : 1;
	return x->index > y->index ? -1 : x->index < y->index;
}

/* Is there a key for a session? */
static void mark_erased(struct recording_segment *s, struct recording_seal *seal)
{
	struct recording_secret secret;

	if (s->has_master && recording_segment_secret(s, seal->slot, &secret, NULL) == HIN_EDENIED)
		seal->entry.flags |= HIN_RECORDING_ERASED;
	explicit_bzero(&secret, sizeof(secret));
}

static enum hin_code get_session(struct recording_segment *s, const struct listed *one,
				 struct recording_seal *seal)
{
	enum hin_code code;

	if (!one->running)
		return recording_segment_seal(s, one->index, seal) ? HIN_OK : HIN_EFORMAT;
	code = recording_segment_summary(s, &s->seen[one->index], seal, NULL);
	if (code == HIN_OK)
		recording_mark_running(s, &seal->entry);
	return code;
}

/* The sessions of a segment, by time. `*count` of them. */
static enum hin_code collect(struct recording_segment *s, struct listed **out, size_t *count,
			     struct hin_error *err)
{
	struct listed *list = calloc(s->seal_count + s->seen_count + 1, sizeof(*list));
	struct recording_seal seal;
	uint8_t *sealed = NULL;
	size_t used = 0;

	if (list != NULL && s->seen_count > 0)
		sealed = calloc(RECORDING_SLOTS / 8, 1);
	if (list == NULL || (s->seen_count > 0 && sealed == NULL)) {
		free(list);
		return hin_fail(err, HIN_ENOMEM, "list of %s", s->path);
	}
	for (size_t k = 0; k < s->seal_count; k++) {
		if (sealed != NULL)
			sealed[s->seal_list[k].slot / 8] |=
				(uint8_t)(1u << s->seal_list[k].slot % 8);
		if (recording_segment_seal(s, k, &seal))
			list[used++] = (struct listed){ seal.entry.about.time_us, k, false };
	}
	for (size_t k = 0; k < s->seen_count; k++) {
		uint32_t slot = s->seen[k].slot;

		if (sealed[slot / 8] & 1u << slot % 8)
			continue;
		if (recording_segment_summary(s, &s->seen[k], &seal, NULL) == HIN_OK)
			list[used++] = (struct listed){ seal.entry.about.time_us, k, true };
	}
	free(sealed);
	if (used > 1)
		qsort(list, used, sizeof(*list), newest_first);
	*out = list;
	*count = used;
	return HIN_OK;
}

static enum hin_code each_of(struct recording_segment *s, const struct hin_recording_filter *f,
			     size_t *given, recordings_session_fn fn, void *user, bool *go_on,
			     struct hin_error *err)
{
	struct listed *list = NULL;
	size_t count = 0;
	enum hin_code code = collect(s, &list, &count, err);

	for (size_t k = 0; code == HIN_OK && *go_on && k < count; k++) {
		struct recording_seal seal;

		if (get_session(s, &list[k], &seal) != HIN_OK)
			continue;
		if ((f->flags & HIN_RECORDING_ERASED) != 0)
			mark_erased(s, &seal);
		if (!fits(f, &seal.entry) || !says(s, &seal, list[k].running, f))
			continue;
		if ((f->flags & HIN_RECORDING_ERASED) == 0)
			mark_erased(s, &seal);
		*go_on = fn(user, s, &seal, list[k].running);
		(*given)++;
		if (f->most > 0 && *given >= f->most)
			*go_on = false;
	}
	free(list);
	return code;
}

/* May any session of a segment have begun in the time that is asked for? */
static bool in_time(const struct recording_segment *s, const struct hin_recording_filter *f)
{
	const int64_t slack_us = INT64_C(60000000); /* clocks of workers may be apart */

	return (f->end_us == 0 || s->head.made_us - slack_us < f->end_us) &&
	       (f->begin_us == 0 || !s->closed || s->end_us + slack_us >= f->begin_us);
}

enum hin_code recordings_each(struct hin_recordings *r, const struct hin_recording_filter *filter,
			      recordings_session_fn fn, void *user, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	bool go_on = true;
	size_t given = 0;

	for (size_t k = r->names.count; code == HIN_OK && go_on && k > 0; k--) {
		struct recording_segment *s = NULL;

		code = recording_segment_open(&s, r->names.items[k - 1].path, recordings_master(r),
					      err);
		if (code == HIN_ENOENT || code == HIN_EFORMAT) { /* gone, or damaged */
			code = HIN_OK;
			continue;
		}
		if (code == HIN_OK && in_time(s, filter)) {
			code = recording_segment_refresh(s, true, err);
			if (code == HIN_OK)
				code = each_of(s, filter, &given, fn, user, &go_on, err);
		}
		recording_segment_close(s);
	}
	return code;
}

struct listing {
	hin_recording_entry_fn fn;
	void *into;
};

static bool list_one(void *user, struct recording_segment *s, const struct recording_seal *seal,
		     bool running)
{
	struct listing *l = user;

	(void)s;
	(void)running;
	return l->fn(l->into, &seal->entry);
}

enum hin_code hin_recordings_list(struct hin_recordings *r,
				  const struct hin_recording_filter *filter,
				  hin_recording_entry_fn fn, void *into, struct hin_error *err)
{
	struct listing listing = { fn, into };

	return recordings_each(r, filter, list_one, &listing, err);
}

enum hin_code hin_recordings_find(struct hin_recordings *r, uint64_t number,
				  struct hin_recording_entry *out, struct hin_error *err)
{
	struct hin_recording *recording = NULL;
	enum hin_code code = hin_recording_open(&recording, r, number, err);

	if (code != HIN_OK)
		return code;
	*out = recording->entry;
	memcpy(r->host, recording->host, sizeof(r->host));
	memcpy(r->persona, recording->persona, sizeof(r->persona));
	out->about.host = r->host;
	out->about.persona = r->persona;
	hin_recording_close(recording);
	return HIN_OK;
}
