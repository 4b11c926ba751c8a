#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sched.h>
#include <stdlib.h>

#include "base/time.h"
#include "packet/capture_digest_priv.h"
#include "packet/capture_merge_priv.h"

#define WAIT_MS 200	  /* what hin_capture_read() waits at most */
#define FOLLOW_STEP_MS 50 /* how often followed files and several pipes are looked at meanwhile */

struct hin_capture {
	struct hin_capture_options options;
	struct hin_input *inputs; /* sorted once all are open */
	struct hin_capture_input *infos, *ignored;
	size_t count, room;
	size_t ignored_count, ignored_room; /* once open, `infos` holds them too */
	struct hin_merge merge;
	struct hin_digester *digester;
	bool digests_begun;
	uint64_t fills;
	bool stopped;
};

/* Make room for one more input. */
static enum hin_code grow(struct hin_capture *cap, struct hin_error *err)
{
	size_t room = cap->room > 0 ? cap->room * 2 : 4;
	void *more;

	if (cap->count >= HIN_CAPTURE_MAX_INPUTS)
		return hin_fail(err, HIN_ELIMIT, "more than %u capture files",
				HIN_CAPTURE_MAX_INPUTS);
	if (cap->count < cap->room)
		return HIN_OK;
	more = realloc(cap->inputs, room * sizeof(*cap->inputs));
	if (more == NULL)
		return hin_fail(err, HIN_ENOMEM, "%zu capture files", room);
	cap->inputs = more;
	more = realloc(cap->infos, room * sizeof(*cap->infos));
	if (more == NULL)
		return hin_fail(err, HIN_ENOMEM, "%zu capture files", room);
	cap->infos = more;
	cap->room = room;
	for (size_t i = 0; i < cap->count; i++) /* they may have moved */
		cap->inputs[i].info = &cap->infos[i];
	return HIN_OK;
}

/* Wait until one of the first `count` inputs may have more, at most `ms`, or `stop_fd` says stop.
 */
static void wait_for_more(struct hin_capture *cap, size_t count, int ms)
{
	struct pollfd fds[2] = { { .fd = cap->options.stop_fd, .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };
	size_t pipes = 0;

	for (size_t i = 0; i < count; i++) {
		const struct hin_input *in = &cap->inputs[i];

		if (in->source.pipe && in->state != HIN_INPUT_ENDED &&
		    in->ahead_at == in->ahead_count) {
			fds[1].fd = in->source.fd;
			pipes++;
		}
	}
	if (pipes != 1 || cap->options.follow) { /* one cannot tell for all */
		if (pipes > 1)
			fds[1].fd = -1;
		ms = ms < FOLLOW_STEP_MS ? ms : FOLLOW_STEP_MS;
	}
	if (poll(fds, 2, ms) > 0 && fds[0].revents != 0)
		cap->stopped = true;
}

/*
 * See whether the new input behind the last is a capture; waits for a pipe. A followed file may
 * show it later.
 */
static enum hin_code look(struct hin_capture *cap, struct hin_input *in, struct hin_error *err)
{
	for (;;) {
		enum hin_code code = hin_input_look(in, err);

		if (code != HIN_EAGAIN)
			return code;
		if (in->source.follow && !in->source.pipe)
			return HIN_OK;
		wait_for_more(cap, cap->count + 1, WAIT_MS);
		if (cap->stopped)
			return HIN_OK;
	}
}

/* A second thread would not hash beside the reading, but read all once more in turn with it. */
static bool one_processor(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1;
}

/*
 * Add the file `name` of `folder` (NULL = as given). HIN_EUSAGE without a text when it is a folder,
 * or lies in one and is no regular file.
 */
static enum hin_code add_file(struct hin_capture *cap, const char *folder, const char *name,
			      struct hin_error *err)
{
	struct hin_input *in;
	enum hin_code code = grow(cap, err);
	char *path = NULL;

	if (code != HIN_OK)
		return code;
	if (folder == NULL)
		path = strdup(name);
	else if (asprintf(&path, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
			  name) == -1)
		path = NULL;
	if (path == NULL)
		return hin_fail(err, HIN_ENOMEM, "%s", name);
	in = &cap->inputs[cap->count];
	*in = (struct hin_input){
		.info = &cap->infos[cap->count],
		.order = cap->count,
		.source = { .path = path,
			    .fd = -1,
			    .keep = cap->count < HIN_CAPTURE_KEEP_OPEN,
			    .follow = cap->options.follow,
			    .max_expanded = cap->options.max_expanded,
			    .max_ratio = cap->options.max_ratio },
	};
	*in->info =
		(struct hin_capture_input){ .name = path, .format = "none", .compression = "none" };
	code = hin_source_open(&in->source, err);
	if (code == HIN_OK && folder != NULL && in->source.pipe)
		code = HIN_EUSAGE;
	if (code == HIN_OK && cap->options.digest &&
	    (in->source.pipe || (!in->source.follow && one_processor()))) {
		in->source.digest = hin_digest_new();
		if (in->source.digest == NULL)
			code = hin_fail(err, HIN_ENOMEM, "%s", name);
	}
	if (code == HIN_OK)
		code = look(cap, in, err);
	if (code == HIN_OK) {
		in->info->file_size = in->source.file_size;
		cap->count++;
		return HIN_OK;
	}
	hin_input_fini(in);
	free(path);
	return code;
}

/* List a file of a folder that is no capture; the text of `why` begins with its path. */
static enum hin_code ignore(struct hin_capture *cap, const char *folder, const char *name,
			    const struct hin_error *why, struct hin_error *err)
{
	struct hin_capture_input *info;

	if (cap->ignored_count >= HIN_CAPTURE_MAX_INPUTS)
		return HIN_OK;
	if (cap->ignored_count == cap->ignored_room) {
		size_t room = cap->ignored_room > 0 ? cap->ignored_room * 2 : 4;
		void *more = realloc(cap->ignored, room * sizeof(*cap->ignored));

		if (more == NULL)
			return hin_fail(err, HIN_ENOMEM, "%s", folder);
		cap->ignored = more;
		cap->ignored_room = room;
	}
	info = &cap->ignored[cap->ignored_count];
	*info = (struct hin_capture_input){ .format = "none",
					    .compression = "none",
					    .fault = HIN_FAULT_IGNORED };
	if (asprintf(&info->name, "%s/%s", folder, name) == -1)
		return hin_fail(err, HIN_ENOMEM, "%s", folder);
	snprintf(info->fault_text, sizeof(info->fault_text), "ignored: %.180s", why->text);
	cap->ignored_count++;
	return HIN_OK;
}

static int not_hidden(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static enum hin_code add_folder(struct hin_capture *cap, const char *folder, struct hin_error *err)
{
	struct dirent **names = NULL;
	size_t before = cap->count;
	int count = scandir(folder, &names, not_hidden, by_name);
	enum hin_code code = HIN_OK;

	if (count == -1)
		return hin_fail(err, HIN_ESYS, "%s", folder);
	for (int i = 0; i < count; i++) {
		if (code == HIN_OK) {
			struct hin_error why;

			code = add_file(cap, folder, names[i]->d_name, &why);
			if (code == HIN_EFORMAT || code == HIN_ESYS)
				code = ignore(cap, folder, names[i]->d_name, &why, err);
			else if (code == HIN_EUSAGE) /* a folder, a socket */
				code = HIN_OK;
			else if (code != HIN_OK && err != NULL)
				*err = why;
		}
		free(names[i]);
	}
	free(names);
	if (code == HIN_OK && cap->count == before)
		return hin_fail(err, HIN_EFORMAT,
				"%s: no capture file (pcap, pcapng or ERF) in this folder", folder);
	return code;
}

static int by_first_time(const void *a, const void *b)
{
	const struct hin_input *left = a, *right = b;

	if (left->first_ns != right->first_ns)
		return left->first_ns < right->first_ns ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

/* Put the inputs in order of time, and their descriptions with them, the ignored files last. */
static enum hin_code sort_inputs(struct hin_capture *cap, struct hin_error *err)
{
	size_t all = cap->count + cap->ignored_count;
	struct hin_capture_input *infos = calloc(all > 0 ? all : 1, sizeof(*infos));

	if (infos == NULL)
		return hin_fail(err, HIN_ENOMEM, "%zu capture files", cap->count);
	if (cap->count > 1)
		qsort(cap->inputs, cap->count, sizeof(*cap->inputs), by_first_time);
	for (size_t i = 0; i < cap->count; i++) {
		infos[i] = *cap->inputs[i].info;
		cap->inputs[i].info = &infos[i];
		cap->inputs[i].walk.input = (uint16_t)i;
	}
	if (cap->ignored_count > 0)
		memcpy(infos + cap->count, cap->ignored, cap->ignored_count * sizeof(*infos));
	free(cap->infos);
	free(cap->ignored);
	cap->infos = infos;
	cap->ignored = NULL;
	if (!hin_merge_init(&cap->merge, cap->inputs, cap->count, cap->options.follow))
		return hin_fail(err, HIN_ENOMEM, "%zu capture files", cap->count);
	return HIN_OK;
}

enum hin_code hin_capture_open(struct hin_capture **out, const char *const *paths, size_t count,
			       const struct hin_capture_options *options, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	struct hin_capture *cap = calloc(1, sizeof(*cap));

	if (cap == NULL)
		return hin_fail(err, HIN_ENOMEM, "capture files");
	cap->options = *options;
	if (cap->options.max_ratio == 0)
		cap->options.max_ratio = HIN_CAPTURE_MAX_RATIO;
	if (count == 0)
		code = hin_fail(err, HIN_EUSAGE, "no capture file given");
	for (size_t i = 0; i < count && code == HIN_OK; i++) {
		code = add_file(cap, NULL, paths[i], err);
		if (code == HIN_EUSAGE)
			code = add_folder(cap, paths[i], err);
	}
	if (code == HIN_OK)
		code = sort_inputs(cap, err);
	if (code == HIN_OK) {
		*out = cap;
		cap = NULL;
	}
	hin_capture_close(cap);
	return code;
}

/* The helper is begun with the first read, so that it is sandboxed as its reader is. */
static enum hin_code begin_digests(struct hin_capture *cap, struct hin_error *err)
{
	bool wanted = false;

	for (size_t i = 0; i < cap->count && !wanted; i++)
		wanted = cap->inputs[i].source.digest == NULL;
	if (wanted && !cap->options.follow && cap->digester == NULL) {
		cap->digester = hin_digester_start();
		if (cap->digester == NULL)
			return hin_fail(err, HIN_ENOMEM, "a thread for digests");
		cap->merge.digester = cap->digester;
	}
	cap->digests_begun = true;
	return HIN_OK;
}

/* All has been read: the digests are all that is still to come. */
static enum hin_code at_end(struct hin_capture *cap)
{
	hin_digester_end(cap->digester, cap->stopped);
	cap->digester = cap->merge.digester = NULL;
	return HIN_EOF;
}

enum hin_code hin_capture_read(struct hin_capture *cap, struct hin_batch *batch,
			       struct hin_error *err)
{
	int64_t deadline_ns = 0;

	if (!hin_window_batch_start(batch))
		return hin_fail(err, HIN_ENOMEM, "a batch of frames");
	if (cap->options.digest && !cap->digests_begun) {
		enum hin_code code = begin_digests(cap, err);

		if (code != HIN_OK)
			return code;
	}
	while (!cap->stopped) {
		int64_t left_ms;

		switch (hin_merge_fill(&cap->merge, batch, ++cap->fills)) {
		case HIN_INPUT_GOT:
			return HIN_OK;
		case HIN_INPUT_NOMEM:
			return hin_fail(err, HIN_ENOMEM, "reading captures");
		case HIN_INPUT_END:
			return at_end(cap);
		case HIN_INPUT_WAIT:
		case HIN_INPUT_LATER:
			break;
		}
		if (deadline_ns == 0)
			deadline_ns = hin_time_monotonic_ns() + WAIT_MS * HIN_NS_PER_MS;
		left_ms =
			(deadline_ns - hin_time_monotonic_ns() + HIN_NS_PER_MS - 1) / HIN_NS_PER_MS;
		if (left_ms <= 0)
			return HIN_EAGAIN;
		wait_for_more(cap, cap->count, (int)left_ms);
	}
	return at_end(cap);
}

size_t hin_capture_inputs(const struct hin_capture *cap, const struct hin_capture_input **out)
{
	*out = cap->infos;
	return cap->count + cap->ignored_count;
}

double hin_capture_progress(const struct hin_capture *cap)
{
	uint64_t done = 0, size = 0;

	if (cap->options.follow)
		return -1;
	for (size_t i = 0; i < cap->count; i++) {
		if (cap->inputs[i].source.pipe)
			return -1;
		done += __atomic_load_n(&cap->infos[i].file_bytes, __ATOMIC_RELAXED);
		size += cap->infos[i].file_size;
	}
	return size > 0 ? (double)done / (double)size : 1;
}

void hin_capture_close(struct hin_capture *cap)
{
	if (cap == NULL)
		return;
	hin_digester_end(cap->digester, true);
	hin_merge_fini(&cap->merge);
	for (size_t i = 0; i < cap->count; i++) {
		hin_input_fini(&cap->inputs[i]);
		free(cap->inputs[i].info->name);
	}
	for (size_t i = 0; i < cap->ignored_count; i++)
		free(cap->ignored != NULL ? cap->ignored[i].name : cap->infos[cap->count + i].name);
	free(cap->ignored);
	free(cap->infos);
	free(cap->inputs);
	free(cap);
}
