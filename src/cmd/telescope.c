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
#include "base/log.h"
#include "base/options.h"
#include "base/sandbox.h"
#include "cmd/packets.h"
#include "cmd/telescope_priv.h"
#include "observe/registry.h"
#include "telescope/research.h"
#include "text/style.h"

/* ---- set-up ---- */

static void session_fini(struct session *s)
{
	hin_road_close(s->road, 0);
	hin_telescope_free(s->telescope);
	hin_capture_close(s->capture);
	hin_live_close(s->live);
	hin_vault_close(s->vault);
	telescope_rules_fini(&s->rules);
	telescope_data_fini(&s->data);
	telescope_service_close(&s->service);
	telescope_arguments_fini(&s->arguments);
	explicit_bzero(s->passphrase, sizeof(s->passphrase));
	if (s->html != NULL)
		fclose(s->html);
	if (s->stop_fd != -1)
		close(s->stop_fd);
}

/* ---- signals ---- */

static struct hin_telescope *running; /* what a signal stops */
static int stop_fd = -1;
static struct session *signalled;

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

static void on_hangup(int signal_number)
{
	(void)signal_number;
	if (signalled != NULL)
		signalled->reload_wanted = true;
	if (running != NULL)
		hin_telescope_pause(running);
}

static enum hin_code catch_signals(struct session *s, struct hin_error *err)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct sigaction hangup = { .sa_handler = on_hangup, .sa_flags = SA_RESTART };

	s->stop_fd = stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd == -1)
		return hin_fail(err, HIN_ESYS, "eventfd");
	running = s->telescope;
	signalled = s;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (s->arguments.live != NULL || s->arguments.follow)
		sigaction(SIGHUP, &hangup, NULL); /* what ends by itself ends with its terminal */
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
	telescope_watched(s);
	if (s->live != NULL && !live_minute(s, now_us))
		return false;
	telescope_tell_status(s);
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
static void on_member(void *user, const struct hin_member_news *news)
{
	const struct hin_member *member = news->member;
	struct session *s = user;
	struct hin_observation o;

	if (s->arguments.live != NULL && news->part.opened)
		hin_log(HIN_LOG_WARNING, "telescope.member",
			hin_log_addr("source", &member->address),
			hin_log_u64("source_port", news->sport), hin_log_text("name", member->name),
			hin_log_addr("target", &news->target), hin_log_u64("port", news->dport),
			hin_log_text("tool", hin_tool_name(member->tool)));
	hin_observe_member(&o, news);
	/* urgent: the first does not wait for the minute; a failure stops the run at the next row
	 */
	if (tell(s, s->observations, &o) && s->observations != NULL && news->part.opened &&
	    hin_teller_flush(s->observations, &s->failure) != HIN_OK)
		hin_telescope_stop(s->telescope);
}

/* ---- the run ---- */

static enum hin_code read_live(void *user, unsigned queue, struct hin_batch *batch,
			       struct hin_error *err)
{
	struct session *s = user;

	telescope_service_beat(&s->service, queue, hin_time_monotonic_ns());
	/* with several rings a thread must look after its shards while its own ring is quiet */
	return hin_live_read(s->live, queue, batch, s->rings == 1 ? 100 : 4, err);
}

static enum hin_code read_files(void *user, unsigned queue, struct hin_batch *batch,
				struct hin_error *err)
{
	struct session *s = user;
	enum hin_code code = hin_capture_read(s->capture, batch, err);
	double part = hin_capture_progress(s->capture);
	int64_t now = hin_time_monotonic_ns();

	telescope_service_beat(&s->service, queue, now);
	hin_progress_update(&s->progress, part > 0 ? (uint64_t)(part * (double)s->whole) : 0,
			    part < 0 ? 0 : s->whole, hin_telescope_frames(s->telescope), now);
	return code;
}

static enum hin_code open_outputs(struct session *s, bool laboratory, struct hin_error *err)
{
	const struct telescope_arguments *a = &s->arguments;
	struct hin_teller_options options = { .key_path = a->key,
					      .append = a->append,
					      .laboratory = laboratory };
	enum hin_code code = HIN_OK;

	options.dark_addresses = telescope_dark_addresses(&s->data);
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
	struct hin_telescope_options options = telescope_options_of(s, &s->data, &s->rules);

	options.decap = a->decap;
	options.threads = (unsigned)a->threads;
	options.count_only = a->count_only;
	options.flows = a->flows != NULL || (a->road != NULL && a->road_flows);
	options.sink = (struct hin_telescope_sink){ .user = s,
						    .member = on_member,
						    .flow = on_flow,
						    .news = on_news,
						    .minute = on_minute };
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
		.geo = s->data.geo,
		.geo_count = s->data.geo_count,
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
		if (!p->members[i].of_event)
			continue; /* told as its packets came */
		hin_observe_member_event(&o, &p->members[i]);
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
	telescope_close_road(s);
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

/* Read to the end; a pause takes what is new. */
static enum hin_code run(struct session *s, hin_batch_reader_fn read, unsigned queues,
			 struct hin_error *err)
{
	enum hin_code code;

	telescope_service_ready(&s->service, queues, hin_time_monotonic_ns(), "watching");
	while ((code = hin_telescope_run(s->telescope, read, s, err)) == HIN_EAGAIN)
		telescope_take_anew(s);
	telescope_service_stopping(&s->service);
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
		code = telescope_close_door(s, paths, count, err);
	if (code != HIN_OK)
		return code;
	input_count = hin_capture_inputs(s->capture, &inputs);
	for (size_t i = 0; i < input_count; i++)
		s->whole += inputs[i].file_size;
	hin_progress_start(&s->progress, a->quiet ? -1 : STDERR_FILENO, isatty(STDERR_FILENO) == 1,
			   s->lang, s->lang == HIN_JA ? "読み込み" : "reading",
			   s->lang == HIN_JA ? "パケット" : "packets", hin_time_monotonic_ns());
	code = run(s, read_files, 1, err);
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
		code = telescope_close_door(s, NULL, 0, err);
	if (code != HIN_OK)
		return code;
	if (!a->quiet)
		hin_log(HIN_LOG_INFO, "telescope.start", hin_log_text("interface", a->live),
			hin_log_u64("rings", s->rings));
	code = run(s, read_live, s->rings, err);
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
	enum hin_code code = telescope_setup(s, err);

	if (code != HIN_OK)
		return code;
	telescope_rules_set_log(&s->rules, &s->arguments);
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
	struct session s = { .stop_fd = -1, .service.notify.fd = -1 };
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
	status = hin_program_start(&hin_telescope_program, &s.arguments, &s.lang, &argc, argv);
	if (status >= 0)
		return status;
	if (s.arguments.list_settings)
		return print_settings(&s);
	code = hin_cmd_passphrase(s.passphrase, s.arguments.passphrase_file, &err);
	if (code == HIN_OK)
		code = telescope_service_open(&s.service, &err);
	if (code == HIN_OK)
		code = act(&s, argc, argv, &err);
	if (code != HIN_OK)
		status = hin_program_fail(&hin_telescope_program, &err);
	if (code == HIN_EUSAGE)
		status = HIN_EXIT_USAGE;
	session_fini(&s);
	return code == HIN_OK ? HIN_EXIT_DONE : status;
}
