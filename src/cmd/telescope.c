/*
 * hinomi-telescope - packets of unused addresses in, a report out.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/file.h"
#include "base/geo.h"
#include "base/log.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "cmd/packets.h"
#include "cmd/telescope_arguments.h"
#include "observe/registry.h"
#include "observe/road.h"
#include "packet/live.h"
#include "telescope/report.h"
#include "telescope/research.h"
#include "telescope/tell.h"
#include "telescope/telescope.h"
#include "text/progress.h"
#include "text/style.h"

struct names {
	char **items;
	size_t count;
};

enum { GEO_LIMIT = 8 }; /* most tables of places */

/* At the end: for a hub to answer, and for one that answers to store what is left. */
#define ROAD_TRY (3 * HIN_NS_PER_S)
#define ROAD_PATIENCE (30 * HIN_NS_PER_S)

/* Everything that is open during a run. */
struct session {
	struct telescope_arguments arguments;
	enum hin_lang lang;
	struct hin_prefix_tree *dark, *member, *research;
	struct names member_names, research_names;
	struct hin_geo *geo[GEO_LIMIT];
	size_t geo_count;
	struct hin_capture *capture;
	struct hin_live *live;
	unsigned rings;
	uint64_t drops_told;
	bool waiting_told;
	int64_t refreshed_us;
	struct hin_telescope *telescope;
	struct hin_teller *flows, *observations;
	struct hin_road *road;
	uint64_t watched; /* frames that the road knows of */
	struct hin_vault *vault;
	struct hin_progress progress;
	FILE *html;
	int stop_fd;		  /* readable = stop; -1 = none */
	uint64_t whole;		  /* bytes of all inputs, 0 = not known */
	bool resumed;		  /* the state of an earlier run was loaded */
	struct hin_error failure; /* of a sink */
};

/* ---- set-up ---- */

static enum hin_code load_space(struct hin_prefix_tree **out, const struct text_list *list,
				struct hin_error *err)
{
	struct hin_prefix_tree *tree;
	enum hin_code code = HIN_OK;

	if (list->count == 0)
		return HIN_OK;
	tree = hin_prefix_tree_new();
	if (tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	for (size_t i = 0; i < list->count && code == HIN_OK; i++)
		code = hin_prefix_tree_load(tree, list->items[i], 0, err);
	if (code == HIN_OK)
		code = hin_prefix_tree_build(tree, err);
	if (code == HIN_OK && hin_prefix_tree_size(tree).prefixes == 0)
		code = hin_fail(err, HIN_EFORMAT, "%s: holds no prefix", list->items[0]);
	if (code != HIN_OK) {
		hin_prefix_tree_free(tree);
		return code;
	}
	*out = tree;
	return HIN_OK;
}

/* Prefixes with names, as they are read from a file. */
struct named_reader {
	struct hin_prefix_tree *tree;
	struct names *names;
};

static enum hin_code name_prefix(void *user, const struct hin_prefix *prefix, const char *rest,
				 size_t line, struct hin_error *err)
{
	struct named_reader *r = user;
	char **more = realloc(r->names->items, (r->names->count + 1) * sizeof(*more));
	char *copy = strndup(rest, HIN_NAME_TEXT - 1);

	(void)line;
	if (more != NULL)
		r->names->items = more;
	if (more == NULL || copy == NULL) {
		free(copy);
		return hin_fail(err, HIN_ENOMEM, "no room for names");
	}
	r->names->items[r->names->count] = copy;
	return hin_prefix_tree_insert(r->tree, prefix, (uint32_t)r->names->count++, err);
}

/* A list of prefixes, or of files with a name behind each prefix. */
static enum hin_code load_named(struct hin_prefix_tree **out, struct names *names,
				const struct text_list *list, struct hin_error *err)
{
	struct named_reader reader = { .names = names };
	enum hin_code code = HIN_OK;

	if (list->count == 0)
		return HIN_OK;
	reader.tree = hin_prefix_tree_new();
	if (reader.tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	for (size_t i = 0; i < list->count && code == HIN_OK; i++) {
		struct hin_prefix prefix;

		if (hin_prefix_parse(&prefix, list->items[i], NULL) == HIN_OK)
			code = name_prefix(&reader, &prefix, "", 0, err);
		else if (strchr(list->items[i], '/') != NULL && access(list->items[i], F_OK) != 0)
			code = hin_prefix_parse(&prefix, list->items[i], err);
		else
			code = hin_prefix_file_read(list->items[i], name_prefix, &reader, err);
	}
	if (code == HIN_OK)
		code = hin_prefix_tree_build(reader.tree, err);
	if (code != HIN_OK) {
		hin_prefix_tree_free(reader.tree);
		return code;
	}
	*out = reader.tree;
	return HIN_OK;
}

static enum hin_code load_research(struct session *s, struct hin_error *err)
{
	struct named_reader reader = { .tree = hin_prefix_tree_new(), .names = &s->research_names };
	enum hin_code code;

	if (reader.tree == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for prefixes");
	s->research = reader.tree;
	code = hin_research_read(name_prefix, &reader, err);
	for (size_t i = 0; i < s->arguments.research.count && code == HIN_OK; i++)
		code = hin_prefix_file_read(s->arguments.research.items[i], name_prefix, &reader,
					    err);
	return code == HIN_OK ? hin_prefix_tree_build(reader.tree, err) : code;
}

/* Read all that the options name but captures. */
static enum hin_code setup(struct session *s, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	enum hin_code code = load_space(&s->dark, &a->dark, err);

	if (code == HIN_OK)
		code = load_named(&s->member, &s->member_names, &a->member, err);
	if (code == HIN_OK)
		code = load_research(s, err);
	if (code == HIN_OK && a->geo.count > GEO_LIMIT)
		code = hin_fail(err, HIN_EUSAGE, "--geo is given more than %d times", GEO_LIMIT);
	for (size_t i = 0; i < a->geo.count && code == HIN_OK; i++) {
		code = hin_geo_open(&s->geo[i], a->geo.items[i], err);
		s->geo_count += code == HIN_OK;
	}
	if (code == HIN_OK && a->live != NULL && s->dark == NULL)
		code = hin_fail(
			err, HIN_EUSAGE,
			"--live needs --dark: packets to addresses in use are other people's "
			"communications");
	return code;
}

static void free_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
	free(names->items);
}

static void session_fini(struct session *s)
{
	hin_road_close(s->road, 0);
	hin_telescope_free(s->telescope);
	hin_capture_close(s->capture);
	hin_live_close(s->live);
	hin_vault_close(s->vault);
	hin_prefix_tree_free(s->dark);
	hin_prefix_tree_free(s->member);
	hin_prefix_tree_free(s->research);
	for (size_t i = 0; i < s->geo_count; i++)
		hin_geo_close(s->geo[i]);
	free_names(&s->member_names);
	free_names(&s->research_names);
	free(s->arguments.dark.items);
	free(s->arguments.member.items);
	free(s->arguments.research.items);
	free(s->arguments.geo.items);
	if (s->html != NULL)
		fclose(s->html);
	if (s->stop_fd != -1)
		close(s->stop_fd);
}

/* ---- signals ---- */

static struct hin_telescope *running; /* what a signal stops */
static int stop_fd = -1;

static void on_signal(int signal_number)
{
	const uint64_t one = 1;
	int saved = errno;

	(void)signal_number;
	if (running != NULL)
		hin_telescope_stop(running);
	if (stop_fd != -1 && write(stop_fd, &one, sizeof(one)) == -1)
		errno = saved; /* the counter is full: it is readable already */
	errno = saved;
}

static enum hin_code catch_signals(struct session *s, struct hin_error *err)
{
	struct sigaction action = { .sa_handler = on_signal };

	s->stop_fd = stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd == -1)
		return hin_fail(err, HIN_ESYS, "eventfd");
	running = s->telescope;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return HIN_OK;
}

/* ---- what comes out while it runs ---- */

static bool tell(struct session *s, struct hin_teller *teller, const struct hin_observation *row)
{
	/* a row for which the road has no room is counted there, and told to the hub */
	if (s->road != NULL && (row->kind != HIN_KIND_TELESCOPE_FLOW || s->arguments.road_flows))
		(void)hin_road_put(s->road, row);
	return teller == NULL || hin_teller_add(teller, row, &s->failure) == HIN_OK;
}

static bool on_flow(void *user, const struct hin_flow_row *row)
{
	struct session *s = user;
	struct hin_observation o;

	hin_observe_flow(&o, row);
	return tell(s, s->flows, &o);
}

/* Live: what the kernel dropped since it was last told is an observation of its own. */
static bool tell_drops(struct session *s, int64_t now_us)
{
	struct hin_observation o;
	uint64_t drops = 0;

	for (unsigned i = 0; i < s->rings; i++)
		drops += hin_live_drops(s->live, i);
	hin_telescope_set_drops(s->telescope, drops);
	if (drops == s->drops_told)
		return true;
	o = (struct hin_observation){ .time_us = now_us,
				      .kind = HIN_KIND_ROAD_LOSS,
				      .packets = drops - s->drops_told,
				      .rule = HIN_KIND_TELESCOPE_FLOW,
				      .verdict = HIN_VERDICT_KERNEL_DROP };
	hin_log(HIN_LOG_WARNING, "telescope.drops", hin_log_u64("packets", drops - s->drops_told));
	s->drops_told = drops;
	return tell(s, s->observations, &o);
}

/* The hub is to know that we watched, also when there was nothing to tell. */
static void watched(struct session *s)
{
	uint64_t frames = hin_telescope_frames(s->telescope);

	if (s->road != NULL)
		hin_road_watched(s->road, frames - s->watched, 0);
	s->watched = frames;
}

static enum hin_code refresh(struct session *s, struct hin_error *err);

static bool live_minute(struct session *s, int64_t now_us)
{
	bool waiting = hin_live_waiting(s->live);

	if (waiting != s->waiting_told)
		hin_log(HIN_LOG_WARNING, waiting ? "telescope.waiting" : "telescope.back",
			hin_log_text("interface", s->arguments.live));
	s->waiting_told = waiting;
	if (!s->arguments.quiet)
		hin_log(HIN_LOG_INFO, "telescope.minute",
			hin_log_u64("frames", hin_telescope_frames(s->telescope)));
	if (!tell_drops(s, now_us))
		return false;
	if (s->refreshed_us == 0)
		s->refreshed_us = now_us;
	if (now_us - s->refreshed_us < s->arguments.refresh_ns / 1000)
		return true;
	s->refreshed_us = now_us;
	return refresh(s, &s->failure) == HIN_OK;
}

static bool on_minute(void *user, struct hin_telescope *telescope, int64_t now_us)
{
	struct session *s = user;

	(void)telescope;
	watched(s);
	if (s->live != NULL && !live_minute(s, now_us))
		return false;
	return (s->flows == NULL || hin_teller_flush(s->flows, &s->failure) == HIN_OK) &&
	       (s->observations == NULL ||
		hin_teller_flush(s->observations, &s->failure) == HIN_OK);
}

static bool on_news(void *user, const struct hin_news *news)
{
	struct session *s = user;
	struct hin_observation o;

	hin_observe_news(&o, news);
	return tell(s, s->observations, &o);
}

/* The DAEDALUS alert: one line at once, and an urgent row. */
static void on_member(void *user, const struct hin_member *member)
{
	struct session *s = user;
	struct hin_observation o;

	if (s->arguments.live != NULL)
		hin_log(HIN_LOG_WARNING, "telescope.member",
			hin_log_addr("source", &member->address),
			hin_log_text("name", member->name),
			hin_log_addr("target", &member->first_target),
			hin_log_u64("port", member->first_port),
			hin_log_text("tool", hin_tool_name(member->tool)));
	hin_observe_member(&o, member);
	/* urgent: it does not wait for the minute; a failure stops the run at the next row */
	if (tell(s, s->observations, &o) && s->observations != NULL &&
	    hin_teller_flush(s->observations, &s->failure) != HIN_OK)
		hin_telescope_stop(s->telescope);
}

/* ---- the run ---- */

static enum hin_code read_live(void *user, unsigned queue, struct hin_batch *batch,
			       struct hin_error *err)
{
	struct session *s = user;

	/* with several rings a thread must look after its shards while its own ring is quiet */
	return hin_live_read(s->live, queue, batch, s->rings == 1 ? 100 : 4, err);
}

static enum hin_code read_files(void *user, unsigned queue, struct hin_batch *batch,
				struct hin_error *err)
{
	struct session *s = user;
	enum hin_code code = hin_capture_read(s->capture, batch, err);
	double part = hin_capture_progress(s->capture);

	(void)queue;
	hin_progress_update(&s->progress, part > 0 ? (uint64_t)(part * (double)s->whole) : 0,
			    part < 0 ? 0 : s->whole, hin_telescope_frames(s->telescope),
			    hin_time_monotonic_ns());
	return code;
}

static enum hin_code open_outputs(struct session *s, bool laboratory, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_teller_options options = { .key_path = a->key,
					      .append = a->append,
					      .laboratory = laboratory };
	enum hin_code code = HIN_OK;

	if (s->dark != NULL)
		options.dark_addresses = hin_prefix_tree_size(s->dark).addresses;
	if (a->flows != NULL)
		code = hin_teller_open(&s->flows, a->flows, &options, err);
	if (code == HIN_OK && a->observations != NULL)
		code = hin_teller_open(&s->observations, a->observations, &options, err);
	if (code == HIN_OK && a->html != NULL) {
		s->html = fopen(a->html, "we");
		if (s->html == NULL)
			code = hin_fail(err, HIN_ESYS, "open %s", a->html);
	}
	return code;
}

static enum hin_code make_telescope(struct session *s, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct hin_telescope_options options = {
		.settings = a->settings,
		.dark = s->dark,
		.member = s->member,
		.member_names = (const char *const *)s->member_names.items,
		.research = s->research,
		.research_names = (const char *const *)s->research_names.items,
		.decap = a->decap,
		.threads = (unsigned)a->threads,
		.count_only = a->count_only,
		.flows = a->flows != NULL || (a->road != NULL && a->road_flows),
		.update_us = a->live != NULL || a->follow ? a->settings.event_update_ns / 1000 : 0,
		.sink = { .user = s,
			  .member = on_member,
			  .flow = on_flow,
			  .news = on_news,
			  .minute = on_minute },
	};

	if (options.threads == 0)
		options.threads = processors < 1 ? 1 : (unsigned)processors;
	if (options.threads > HIN_TELESCOPE_THREADS)
		options.threads = HIN_TELESCOPE_THREADS;
	s->rings = options.threads;
	if (a->live != NULL) {
		options.own_queues = options.wall_clock = true;
		/* a stranger must not be able to aim at one shard; a file must give the same bytes
		 */
		if (options.settings.seed == 0 &&
		    getrandom(&options.settings.seed, sizeof(options.settings.seed), 0) == -1)
			return hin_fail(err, HIN_ESYS, "getrandom");
	}
	return hin_telescope_new(&s->telescope, &options, err);
}

/* The folder of `path`, for a file that is replaced. */
static void folder_of(char out[PATH_MAX], const char *path)
{
	const char *slash = strrchr(path, '/');

	snprintf(out, PATH_MAX, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1,
		 slash != NULL ? path : ".");
}

/* Such a folder must be writable by who we are now. */
static enum hin_code check_folder(const char *option, const char *path, struct hin_error *err)
{
	char folder[PATH_MAX];

	folder_of(folder, path);
	if (access(folder, W_OK | X_OK) != 0)
		return hin_fail(err, HIN_ESYS, "%s: folder %s must be writable (see --user)",
				option, folder);
	return HIN_OK;
}

/* What needed privileges is open: be someone who has none. */
static enum hin_code become_nobody(struct session *s, struct hin_sandbox *sandbox,
				   struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	enum hin_code code = hin_sandbox_no_dump(sandbox, err);

	if (code == HIN_OK)
		code = hin_sandbox_no_new_privs(sandbox, err);
	if (code == HIN_OK && a->live != NULL && geteuid() == 0)
		code = hin_sandbox_drop_user(sandbox, a->user != NULL ? a->user : "nobody", err);
	if (code == HIN_OK && a->live != NULL)
		code = hin_sandbox_drop_caps(sandbox, err);
	if (code == HIN_OK && a->state != NULL)
		code = check_folder("--state", a->state, err);
	if (code == HIN_OK && a->road != NULL && access(a->road, R_OK | W_OK | X_OK) != 0)
		code = hin_fail(err, HIN_ESYS,
				"--road: folder %s must belong to who runs this (see --user)",
				a->road);
	return code;
}

/* The same, and what the C library reads to find the hub's address by its name. */
static enum hin_code limit_files_and_names(struct hin_sandbox *sandbox, const char *const *paths,
					   size_t count, const char *const *folders, size_t n,
					   struct hin_error *err)
{
	static const char *const names[] = { "/etc/hosts",	   "/etc/resolv.conf",
					     "/etc/nsswitch.conf", "/etc/host.conf",
					     "/etc/gai.conf",	   "/etc/services",
					     "/etc/ssl",	   "/etc/ld.so.cache",
					     "/usr/lib",	   "/lib" };
	const char **all = malloc((count + HIN_COUNT(names)) * sizeof(*all));
	enum hin_code code;

	if (all == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the names of the inputs");
	for (size_t i = 0; i < count; i++)
		all[i] = paths[i];
	memcpy(all + count, names, sizeof(names));
	code = hin_sandbox_limit_files(sandbox, all, count + HIN_COUNT(names), folders, n, err);
	free(all);
	return code;
}

/* Files: what is read later (many inputs are opened in their turn), and the folders written to. */
static enum hin_code limit_files(struct session *s, struct hin_sandbox *sandbox,
				 const char *const *paths, size_t count, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	char state[PATH_MAX], key[PATH_MAX];
	const char *folders[4];
	size_t n = 0;

	if (a->state != NULL) {
		folder_of(state, a->state);
		folders[n++] = state;
	}
	if (a->key != NULL) {
		folder_of(key, a->key);
		folders[n++] = key;
	}
	if (a->vault != NULL)
		folders[n++] = a->vault;
	if (a->road == NULL)
		return hin_sandbox_limit_files(sandbox, paths, count, folders, n, err);
	folders[n++] = a->road;
	return limit_files_and_names(sandbox, paths, count, folders, n, err);
}

/* Its threads are begun behind the door. A recording can wait for room; what is live cannot. */
static enum hin_code open_road(struct session *s, struct hin_error *err)
{
	struct hin_road_settings settings = { .wait = s->live == NULL };
	enum hin_code code;

	if (s->dark != NULL)
		settings.dark_addresses = hin_prefix_tree_size(s->dark).addresses;
	code = hin_road_open_joined(&s->road, s->arguments.road, NULL, &settings, err);
	if (code == HIN_ENOENT)
		return hin_fail(
			err, code,
			"--road %s has joined no hub; first: hinomi trust join CODE --dir %s",
			s->arguments.road, s->arguments.road);
	if (code == HIN_OK && s->live == NULL) /* else rows of long ago would be refused */
		hin_road_set_clock(s->road, 0, HIN_CLOCK_STATE_RECORDED);
	return code;
}

/* Send what is left; what the hub does not take in time goes at the next start. */
static void close_road(struct session *s)
{
	struct hin_road_stats stats;
	enum hin_code sent;

	if (s->road == NULL)
		return;
	watched(s);
	sent = hin_road_flush(s->road, true, ROAD_TRY);
	hin_road_stats(s->road, &stats);
	if (sent != HIN_OK && stats.connected) {
		sent = hin_road_flush(s->road, true, ROAD_PATIENCE);
		hin_road_stats(s->road, &stats);
	}
	if (sent != HIN_OK && !s->arguments.quiet)
		fprintf(stderr,
			"hinomi telescope: warning: %llu batches wait in %s for the hub; they go "
			"at the next start\n",
			(unsigned long long)stats.spool.unsent, s->arguments.road);
	if (stats.rows_lost > 0 && !s->arguments.quiet)
		fprintf(stderr, "hinomi telescope: warning: %llu rows were lost on the road\n",
			(unsigned long long)stats.rows_lost);
	hin_road_close(s->road, sent == HIN_OK ? ROAD_TRY : 0); /* the last minute is told then */
	s->road = NULL;
}

/* Everything is open: from here on the process may do no more than it needs. */
static enum hin_code close_the_door(struct session *s, const char *const *paths, size_t count,
				    struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_sandbox sandbox = { 0 };
	enum hin_code code = become_nobody(s, &sandbox, err);

	if (code == HIN_OK && a->vault != NULL) {
		code = hin_vault_open(&s->vault, a->vault, a->vault_bytes, a->vault_age_ns, true,
				      err);
		if (code == HIN_OK)
			code = hin_telescope_set_vault(s->telescope, s->vault, err);
	}
	if (code == HIN_OK)
		code = limit_files(s, &sandbox, paths, count, err);
	if (code == HIN_OK)
		code = hin_sandbox_limit_calls(&sandbox,
					       a->road != NULL	 ? HIN_SANDBOX_CARRY
					       : a->live != NULL ? HIN_SANDBOX_CAPTURE
								 : HIN_SANDBOX_ANALYSE,
					       false, err);
	return code == HIN_OK && a->road != NULL ? open_road(s, err) : code;
}

static enum hin_code resume(struct session *s, struct hin_error *err)
{
	const char *path = s->arguments.state;
	enum hin_code code;

	if (path == NULL || access(path, F_OK) != 0)
		return HIN_OK;
	code = hin_telescope_load(s->telescope, path, err);
	s->resumed = code == HIN_OK;
	return code;
}

static void warn_of_faults(const struct session *s)
{
	const struct hin_capture_input *inputs;
	size_t count = hin_capture_inputs(s->capture, &inputs);

	for (size_t i = 0; i < count && !s->arguments.quiet; i++) {
		struct hin_error line; /* makes names of files safe to print */

		if (inputs[i].fault == HIN_FAULT_NONE || inputs[i].fault == HIN_FAULT_IGNORED)
			continue;
		(void)hin_fail(&line, HIN_EFORMAT, "%s: %s", inputs[i].name, inputs[i].fault_text);
		fprintf(stderr, "hinomi telescope: warning: %s\n", line.text);
	}
}

/* Copy what is known of the inputs into the picture. */
static enum hin_code add_inputs(struct session *s, struct hin_picture *picture,
				struct hin_error *err)
{
	const struct hin_capture_input *inputs;
	size_t count = hin_capture_inputs(s->capture, &inputs);
	bool samples = count > 0;

	picture->inputs = calloc(count > 0 ? count : 1, sizeof(*picture->inputs));
	if (picture->inputs == NULL)
		return hin_fail(err, HIN_ENOMEM, "no room for the names of the inputs");
	for (size_t i = 0; i < count; i++) {
		picture->inputs[i] = inputs[i];
		picture->inputs[i].name = strdup(inputs[i].name);
		if (picture->inputs[i].name == NULL)
			return hin_fail(err, HIN_ENOMEM, "no room for the names of the inputs");
		picture->input_count++;
		samples = samples && inputs[i].digested && hin_is_sample(inputs[i].sha256);
	}
	if (samples)
		picture->recording = "laboratory recording";
	return HIN_OK;
}

/* ---- the report ---- */

/* Live: say what the picture is of. */
static void add_interface(const struct session *s, struct hin_picture *picture)
{
	if (s->live != NULL)
		snprintf(picture->interface, sizeof(picture->interface), "%s", s->arguments.live);
}

static struct hin_report_options report_options(const struct session *s)
{
	return (struct hin_report_options){
		.lang = s->lang,
		.colour = hin_color_wanted((enum hin_color)s->arguments.colour, STDOUT_FILENO),
		.geo = s->geo,
		.geo_count = s->geo_count,
		.program = "hinomi " HIN_VERSION,
	};
}

/* Write the page over what it was before, so that a reader never finds it empty for long. */
static enum hin_code write_page(struct session *s, const struct hin_picture *picture,
				struct hin_error *err)
{
	struct hin_report_options options = report_options(s);
	enum hin_code code;
	long end;

	if (s->html == NULL)
		return HIN_OK;
	rewind(s->html);
	code = hin_report_html(s->html, picture, &options, err);
	if (code != HIN_OK)
		return code;
	end = ftell(s->html);
	if (fflush(s->html) != 0 ||
	    (end >= 0 && ftruncate(fileno(s->html), end) != 0 && errno != EINVAL))
		return hin_fail(err, HIN_ESYS, "write %s", s->arguments.html);
	return HIN_OK;
}

static enum hin_code write_reports(struct session *s, const struct hin_picture *picture,
				   struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_report_options options = report_options(s);
	enum hin_code code;

	if (a->json)
		code = hin_report_json(stdout, picture, &options, err);
	else if (a->csv)
		code = hin_report_csv(stdout, (enum hin_report_list)a->list, picture, &options,
				      err);
	else
		code = hin_report_text(stdout, picture, &options, err);
	if (code == HIN_OK && fflush(stdout) != 0)
		code = hin_fail(err, HIN_ESYS, "write the report");
	/* whoever reads it has had enough: `| head` is no failure */
	if (code == HIN_ESYS && err->sys == EPIPE)
		code = HIN_OK;
	return code == HIN_OK ? write_page(s, picture, err) : code;
}

/* Live: the page and the state, now and then. */
static enum hin_code refresh(struct session *s, struct hin_error *err)
{
	struct hin_picture picture = { 0 };
	enum hin_code code = HIN_OK;

	if (s->html != NULL) {
		code = hin_telescope_picture(&picture, s->telescope, s->arguments.limit, err);
		add_interface(s, &picture);
		if (code == HIN_OK)
			code = write_page(s, &picture, err);
		hin_picture_free(&picture);
	}
	if (code == HIN_OK && s->arguments.state != NULL)
		code = hin_telescope_save(s->telescope, s->arguments.state, err);
	return code;
}

/* What is still open is told too, unless a saved state carries it on. */
static bool tell_open(struct session *s, const struct hin_picture *p)
{
	struct hin_observation o;
	bool good = true;

	for (size_t i = 0; i < p->member_count && good; i++) {
		hin_observe_member(&o, &p->members[i]);
		good = tell(s, s->observations, &o);
	}
	for (size_t i = 0; i < p->rising_count && good; i++) {
		hin_observe_rising(&o, &p->rising[i]);
		good = tell(s, s->observations, &o);
	}
	return good && hin_telescope_tell_open(s->telescope);
}

static enum hin_code conclude(struct session *s, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_picture picture = { 0 };
	enum hin_code code = HIN_OK, closed;

	if (a->state == NULL)
		code = hin_telescope_finish(s->telescope, err);
	if (code == HIN_OK)
		code = hin_telescope_picture(&picture, s->telescope, a->limit, err);
	if (code == HIN_OK && s->capture != NULL)
		code = add_inputs(s, &picture, err);
	add_interface(s, &picture);
	if (code == HIN_OK && (s->observations != NULL || s->road != NULL) && a->state == NULL &&
	    !tell_open(s, &picture)) {
		*err = s->failure;
		code = s->failure.code;
	}
	closed = hin_teller_close(s->flows, code == HIN_OK ? err : NULL);
	if (code == HIN_OK)
		code = closed;
	closed = hin_teller_close(s->observations, code == HIN_OK ? err : NULL);
	if (code == HIN_OK)
		code = closed;
	s->flows = s->observations = NULL;
	close_road(s);
	if (hin_telescope_evidence_lost(s->telescope) > 0 && !a->quiet)
		fprintf(stderr,
			"hinomi telescope: warning: evidence could not be kept in %s (%llu times); "
			"is "
			"the disk full?\n",
			a->vault, (unsigned long long)hin_telescope_evidence_lost(s->telescope));
	if (code == HIN_OK && a->state != NULL)
		code = hin_telescope_save(s->telescope, a->state, err);
	if (code == HIN_OK)
		code = write_reports(s, &picture, err);
	hin_picture_free(&picture);
	return code;
}

static enum hin_code run_files(struct session *s, const char *const *paths, size_t count,
			       struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_capture_options options = { .follow = a->follow, .digest = a->digest };
	const struct hin_capture_input *inputs;
	enum hin_code code = make_telescope(s, err);
	size_t input_count;

	if (code == HIN_OK)
		code = catch_signals(s, err);
	options.stop_fd = s->stop_fd;
	if (code == HIN_OK)
		code = hin_capture_open(&s->capture, paths, count, &options, err);
	if (code == HIN_OK)
		code = resume(s, err);
	if (code == HIN_OK)
		code = open_outputs(s, false, err);
	if (code == HIN_OK)
		code = close_the_door(s, paths, count, err);
	if (code != HIN_OK)
		return code;
	input_count = hin_capture_inputs(s->capture, &inputs);
	for (size_t i = 0; i < input_count; i++)
		s->whole += inputs[i].file_size;
	hin_progress_start(&s->progress, a->quiet ? -1 : STDERR_FILENO, isatty(STDERR_FILENO) == 1,
			   s->lang, s->lang == HIN_JA ? "読み込み" : "reading",
			   s->lang == HIN_JA ? "パケット" : "packets", hin_time_monotonic_ns());
	code = hin_telescope_run(s->telescope, read_files, s, err);
	hin_progress_end(&s->progress);
	warn_of_faults(s);
	if (s->failure.code != HIN_OK) {
		*err = s->failure;
		return s->failure.code;
	}
	return code == HIN_OK ? conclude(s, err) : code;
}

static enum hin_code run_live(struct session *s, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_live_options options = { .ring_bytes = 0 };
	enum hin_code code = make_telescope(s, err);

	if (code == HIN_OK)
		code = catch_signals(s, err);
	if (code == HIN_OK)
		code = hin_live_open(&s->live, a->live, s->rings, &options, err);
	if (code == HIN_OK)
		code = resume(s, err);
	if (code == HIN_OK)
		code = open_outputs(s, false, err);
	if (code == HIN_OK)
		code = close_the_door(s, NULL, 0, err);
	if (code != HIN_OK)
		return code;
	if (!a->quiet)
		hin_log(HIN_LOG_INFO, "telescope.start", hin_log_text("interface", a->live),
			hin_log_u64("rings", s->rings));
	code = hin_telescope_run(s->telescope, read_live, s, err);
	(void)tell_drops(s, hin_time_now_ns() / 1000);
	if (s->failure.code != HIN_OK) {
		*err = s->failure;
		return s->failure.code;
	}
	return code == HIN_OK ? conclude(s, err) : code;
}

/* ---- main ---- */

static int print_settings(const struct session *s)
{
	struct hin_buffer out = { 0 };

	hin_config_print(&hin_telescope_table, s->lang, &out);
	if (!out.failed)
		fwrite(out.data, 1, out.used, stdout);
	hin_buffer_fini(&out);
	return fflush(stdout) == 0 ? HIN_EXIT_DONE : HIN_EXIT_FAILED;
}

static enum hin_code act(struct session *s, int argc, char *argv[], struct hin_error *err)
{
	enum hin_code code = setup(s, err);
	bool log_all = s->arguments.live != NULL && !s->arguments.quiet;

	if (code != HIN_OK)
		return code;
	hin_log_setup(STDERR_FILENO, log_all ? HIN_LOG_INFO : HIN_LOG_WARNING);
	if (s->arguments.check_config) {
		puts(s->lang == HIN_JA ? "設定に問題はありません" : "the configuration is good");
		return HIN_OK;
	}
	if (s->arguments.live != NULL && argc > 1)
		return hin_fail(err, HIN_EUSAGE, "--live reads no files: \"%s\" is too much",
				argv[1]);
	if (s->arguments.live != NULL)
		return run_live(s, err);
	if (argc < 2)
		return hin_fail(
			err, HIN_EUSAGE,
			"nothing to read: name a capture, a folder, or - for standard input "
			"(--help shows more)");
	return run_files(s, (const char *const *)argv + 1, (size_t)argc - 1, err);
}

int main(int argc, char *argv[])
{
	struct session s = { .stop_fd = -1 };
	struct hin_error err = { 0 };
	enum hin_code code;
	int status;

	if (argc > 1 && strcmp(argv[1], "packets") == 0)
		return hin_cmd_packets(argc - 1, argv + 1);
	s.arguments.digest = s.arguments.road_flows = true;
	s.arguments.limit = 1000;
	s.arguments.vault_bytes = (uint64_t)256 << 20;
	s.arguments.vault_age_ns = 90 * HIN_NS_PER_DAY;
	s.arguments.refresh_ns = 5 * HIN_NS_PER_MIN;
	hin_telescope_settings_default(&s.arguments.settings);
	status = hin_program_start(&hin_telescope_program, &s.arguments, &s.lang, &argc, argv);
	if (status >= 0)
		return status;
	if (s.arguments.list_settings)
		return print_settings(&s);
	code = act(&s, argc, argv, &err);
	if (code != HIN_OK)
		status = hin_program_fail(&hin_telescope_program, &err);
	if (code == HIN_EUSAGE)
		status = HIN_EXIT_USAGE;
	session_fini(&s);
	return code == HIN_OK ? HIN_EXIT_DONE : status;
}
