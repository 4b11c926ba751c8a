/* scribe - see scribe.h */
#include "decoy/scribe.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "decoy/orders.h"
#include "decoy/tell.h"
#include "observe/registry.h"

#define READ_SIZE ((size_t)128 * 1024)
#define LOOK_US 1000000	      /* between two looks at the file of blocked addresses */
#define STATUS_US 5000000     /* between two writings of the status */
#define VAULT_US 60000000     /* between two looks at the vault's age */
#define GATE HIN_GATE_WORKERS /* its place behind those of the workers */

struct open_session {
	struct hin_story story;
	uint64_t number; /* of its recording; 0: not recorded */
	bool is_open;
};

/* One who tells: a worker, or the gate. */
struct source {
	int fd;
	struct hin_buffer in;
	struct open_session *sessions;
	uint32_t session_room, open;
	bool is_poisoned; /* sent nonsense: nothing of it counts any more */
};

struct counts {
	uint64_t connections, refused, logins, tried, commands, files, downloads, tokens, rows;
	uint64_t nonsense;
};

struct scribe {
	const struct hin_scribe_settings *settings;
	struct source sources[HIN_GATE_WORKERS + 1];
	struct hin_recorder *recorder;
	struct hin_decoy_vault *vault;
	struct hin_teller_of teller;
	struct hin_buffer orders;
	struct counts counts;
	struct timespec blocked_changed;
	char blocked[512], status[512];
	int64_t look_us, status_us, vault_us, recorder_us;
	uint64_t next_link;
	unsigned open; /* sources that have not gone */
	int epoll;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static void on_row(void *user, const struct hin_observation *row)
{
	struct scribe *s = user;

	s->counts.rows++;
	if (s->settings->road != NULL) /* what finds no room is counted there, and told */
		(void)hin_road_put(s->settings->road, row);
}

/* ---- sessions ---- */

static struct open_session *session_of(const struct scribe *s, struct source *from, uint64_t slot)
{
	uint32_t room = from->session_room;

	if (slot == 0 || slot > s->settings->limits.sessions)
		return NULL;
	if (slot > room) {
		struct open_session *more;

		while (room < slot)
			room = room == 0 ? 64 : room * 2;
		more = realloc(from->sessions, room * sizeof(*more));
		if (more == NULL)
			return NULL;
		memset(more + from->session_room, 0, (room - from->session_room) * sizeof(*more));
		from->sessions = more;
		from->session_room = room;
	}
	return &from->sessions[slot - 1];
}

static void begin(struct scribe *s, struct open_session *session, const struct hin_wire_message *m)
{
	const struct hin_host *host =
		hin_organisation_host_at(s->settings->organisation, m->about.host);
	struct hin_recording_about about = { .time_us = m->time_us,
					     .client = m->about.client,
					     .server = m->about.server,
					     .client_port = m->about.client_port,
					     .server_port = m->about.server_port,
					     .service = m->about.service };

	about.host = host != NULL ? host->name : "";
	about.persona = host != NULL ? hin_persona_name(host->persona) : "";
	*session = (struct open_session){ .is_open = true };
	if (hin_recorder_begin(s->recorder, &about, &session->number) != HIN_OK)
		session->number = 0; /* counted there */
	hin_story_begin(&session->story, &m->about,
			session->number != 0 ? session->number : UINT64_C(1) << 63 | s->next_link++,
			m->time_us);
	s->counts.connections++;
}

static void end(struct scribe *s, struct open_session *session, const struct hin_wire_message *m)
{
	uint8_t digest[32];
	bool sealed = hin_recorder_end(s->recorder, session->number, m->time_us, m->why, digest);

	hin_story_end(&session->story, m, sealed ? digest : NULL, &s->teller);
	session->is_open = false;
}

/* For whoever reads the log of this machine alone. */
static void log_event(struct scribe *s, const struct open_session *session,
		      const struct hin_event *event)
{
	const struct hin_wire_about *about = &session->story.about;
	const char *what = NULL;

	switch (event->type) {
	case HIN_EVENT_CREDENTIAL:
		s->counts.tried++;
		if (event->verdict == HIN_VERDICT_SUCCESS)
			what = "decoy.login";
		s->counts.logins += what != NULL;
		break;
	case HIN_EVENT_COMMAND:
		s->counts.commands++;
		break;
	case HIN_EVENT_FILE:
		s->counts.files++;
		what = "decoy.file";
		break;
	case HIN_EVENT_DOWNLOAD:
		s->counts.downloads++;
		what = "decoy.download";
		break;
	case HIN_EVENT_HONEYTOKEN:
		s->counts.tokens++;
		what = "decoy.honeytoken";
		break;
	default:
		break;
	}
	if (what != NULL) {
		char number[HIN_RECORDING_NUMBER_TEXT];

		hin_recording_number_format(number, session->number);
		hin_log_limited(HIN_LOG_WARNING, what, hin_log_addr("source", &about->client),
				hin_log_addr("target", &about->server),
				hin_log_u64("port", about->server_port),
				hin_log_text("session", number));
	}
}

/* Could it be run, as the vault knows it? */
static bool is_program(const struct scribe *s, const struct hin_event *event)
{
	struct hin_decoy_vault_entry entry;

	if (event->b_size != sizeof(entry.sha256) ||
	    !hin_decoy_vault_find(s->vault, event->b, &entry))
		return false;
	return entry.kind.type == HIN_FILE_SCRIPT || entry.kind.type == HIN_FILE_ELF ||
	       entry.kind.type == HIN_FILE_PE || entry.kind.type == HIN_FILE_MACHO;
}

static void on_event(struct scribe *s, struct open_session *session,
		     const struct hin_wire_message *m)
{
	hin_recorder_event(s->recorder, session->number, &m->event);
	log_event(s, session, &m->event);
	if (m->event.type == HIN_EVENT_FILE)
		session->story.is_program = is_program(s, &m->event);
	hin_story_event(&session->story, &m->event, &s->teller);
}

static void keep(struct scribe *s, const struct open_session *session,
		 const struct hin_wire_message *m)
{
	struct hin_error why = { 0 };
	enum hin_code code = hin_decoy_vault_keep(s->vault, m->data, m->size, m->sha256,
						  &session->story.about.client, session->number,
						  m->time_us, &why);

	if (code != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "decoy.not_kept", hin_log_text("error", why.text));
}

/* ---- messages ---- */

/* End all that `from` has open: it has died, or all has. */
static void end_all(struct scribe *s, struct source *from)
{
	struct hin_wire_message m = { .type = HIN_WIRE_END,
				      .time_us = now_us(),
				      .why = HIN_CLOSE_STOP };

	for (uint32_t i = 0; i < from->session_room; i++)
		if (from->sessions[i].is_open)
			end(s, &from->sessions[i], &m);
	from->open = 0;
}

static bool take_session(struct scribe *s, struct source *from, const struct hin_wire_message *m)
{
	struct open_session *session = session_of(s, from, m->session);

	if (session == NULL || session->is_open == (m->type == HIN_WIRE_BEGIN))
		return false;
	switch (m->type) {
	case HIN_WIRE_BEGIN:
		begin(s, session, m);
		from->open++;
		break;
	case HIN_WIRE_BYTES:
		hin_recorder_bytes(s->recorder, session->number, m->time_us, m->channel,
				   m->direction, m->data, m->size);
		break;
	case HIN_WIRE_EVENT:
		on_event(s, session, m);
		break;
	case HIN_WIRE_KEEP:
		keep(s, session, m);
		break;
	default:
		end(s, session, m);
		from->open--;
	}
	return true;
}

static void drain(struct scribe *s, unsigned index);

/* What only the gate says. */
static bool take_gate(struct scribe *s, const struct hin_wire_message *m)
{
	if (m->type == HIN_WIRE_REFUSED) {
		s->counts.refused++;
		hin_story_refused(m, &s->teller);
		return true;
	}
	if (m->type != HIN_WIRE_DIED || m->session >= s->settings->limits.workers)
		return false;
	drain(s, (unsigned)m->session);
	end_all(s, &s->sources[m->session]);
	hin_buffer_reset(&s->sources[m->session].in); /* the start of what it did not finish */
	s->sources[m->session].is_poisoned = false;
	hin_orders_write_answer(&s->orders);
	return true;
}

static void poison(struct scribe *s, unsigned index)
{
	s->counts.nonsense++;
	s->sources[index].is_poisoned = true;
	hin_buffer_reset(&s->sources[index].in);
	hin_log(HIN_LOG_ERROR, "decoy.nonsense", hin_log_u64("worker", index),
		hin_log_text("consequence", "it is replaced"));
	end_all(s, &s->sources[index]);
	hin_orders_write_replace(&s->orders, index);
}

/* Take the whole messages that have come. */
static void take(struct scribe *s, unsigned index)
{
	struct source *from = &s->sources[index];
	struct hin_reader in = hin_reader_of(from->in.data, from->in.used);
	enum hin_code code = HIN_OK;

	while (code == HIN_OK && !from->is_poisoned) {
		struct hin_wire_message m;

		code = hin_wire_read(&in, &m);
		if (code == HIN_OK &&
		    !(index == GATE ? take_gate(s, &m) : take_session(s, from, &m)))
			code = HIN_EFORMAT;
	}
	if (code == HIN_EFORMAT && index != GATE) {
		poison(s, index);
		return;
	}
	if (from->is_poisoned)
		return;
	if (in.left > 0)
		memmove(from->in.data, in.pos, in.left);
	from->in.used = in.left;
	if (in.left == 0 && from->in.size > 2 * READ_SIZE) { /* after a large file */
		hin_buffer_fini(&from->in);
		from->in = (struct hin_buffer){ 0 };
	}
}

/* Read once. False when there is nothing now; `*gone`: and never will be. */
static bool hear(struct scribe *s, unsigned index, bool *gone)
{
	struct source *from = &s->sources[index];
	char *at = hin_buffer_reserve(&from->in, READ_SIZE);
	ssize_t got = at != NULL ? recv(from->fd, at, READ_SIZE, MSG_DONTWAIT) : 0;

	if (got == -1 && errno == EINTR)
		return true;
	if (got == -1 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	*gone = got <= 0;
	if (got <= 0)
		return false;
	if (from->is_poisoned)
		return true;
	hin_buffer_commit(&from->in, (size_t)got);
	take(s, index);
	return true;
}

static void drain(struct scribe *s, unsigned index)
{
	bool gone = false;

	while (hear(s, index, &gone))
		;
}

static void on_source(struct scribe *s, unsigned index)
{
	bool gone = false;

	(void)hear(s, index, &gone);
	if (!gone)
		return;
	(void)epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->sources[index].fd, NULL);
	end_all(s, &s->sources[index]);
	s->open--;
}

/* ---- what is due now and then ---- */

static void read_blocked(struct scribe *s)
{
	struct hin_prefix_tree *tree;
	struct hin_prefix *list;
	struct hin_error why = { 0 };
	struct stat st = { 0 };
	uint32_t count = 0;
	enum hin_code code;

	if (stat(s->blocked, &st) == -1)
		st.st_mtim = (struct timespec){ 0 };
	if (st.st_mtim.tv_sec == s->blocked_changed.tv_sec &&
	    st.st_mtim.tv_nsec == s->blocked_changed.tv_nsec)
		return;
	s->blocked_changed = st.st_mtim;
	tree = hin_prefix_tree_new();
	list = calloc(HIN_ORDERS_BLOCKS, sizeof(*list));
	code = tree == NULL || list == NULL ? HIN_ENOMEM : HIN_OK;
	if (code == HIN_OK && st.st_mtim.tv_sec != 0)
		code = hin_prefix_tree_load(tree, s->blocked, 1, &why);
	if (code == HIN_OK)
		code = hin_prefix_tree_build(tree, &why);
	while (code == HIN_OK && count < HIN_ORDERS_BLOCKS &&
	       hin_prefix_tree_at(tree, count, &list[count], NULL))
		count++;
	if (code == HIN_OK)
		hin_orders_write_blocks(&s->orders, list, count);
	if (code == HIN_OK)
		hin_log(HIN_LOG_INFO, "decoy.blocked", hin_log_u64("prefixes", count));
	else
		hin_log(HIN_LOG_ERROR, "decoy.blocked", hin_log_text("error", why.text),
			hin_log_text("consequence", "those before stay blocked"));
	hin_prefix_tree_free(tree);
	free(list);
}

static void write_status(struct scribe *s)
{
	const struct hin_recorder_stats r = hin_recorder_stats(s->recorder);
	const struct hin_decoy_vault_stats v = hin_decoy_vault_stats(s->vault);
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "hinomi_decoy_connections_total", s->counts.connections },
		{ "hinomi_decoy_refused_total", s->counts.refused },
		{ "hinomi_decoy_sessions", r.running },
		{ "hinomi_decoy_credentials_total", s->counts.tried },
		{ "hinomi_decoy_logins_total", s->counts.logins },
		{ "hinomi_decoy_commands_total", s->counts.commands },
		{ "hinomi_decoy_files_total", s->counts.files },
		{ "hinomi_decoy_downloads_total", s->counts.downloads },
		{ "hinomi_decoy_honeytokens_total", s->counts.tokens },
		{ "hinomi_decoy_rows_total", s->counts.rows },
		{ "hinomi_decoy_workers_replaced_total", s->counts.nonsense },
		{ "hinomi_decoy_recording_bytes", r.bytes },
		{ "hinomi_decoy_recording_lost_bytes_total", r.lost_bytes },
		{ "hinomi_decoy_recording_limited_bytes_total", r.limited_bytes },
		{ "hinomi_decoy_recording_refused_total", r.refused },
		{ "hinomi_decoy_recording_blocked", r.blocked },
		{ "hinomi_decoy_vault_files", v.files },
		{ "hinomi_decoy_vault_bytes", v.bytes },
		{ "hinomi_decoy_vault_refused_total",
		  v.refused_size + v.refused_source + v.refused_files + v.failed },
	};
	struct hin_buffer out = { 0 };
	struct hin_error why = { 0 };

	for (size_t i = 0; i < HIN_COUNT(rows); i++)
		hin_buffer_printf(&out, "%s %llu\n", rows[i].name,
				  (unsigned long long)rows[i].value);
	if (s->settings->road != NULL)
		hin_road_metrics(s->settings->road, &out);
	if (!out.failed && hin_file_replace(s->status, out.data, out.used, 0644, &why) != HIN_OK)
		hin_log_limited(HIN_LOG_WARNING, "decoy.status", hin_log_text("error", why.text));
	hin_buffer_fini(&out);
}

/* After a crowd: what nobody uses goes back to the system. */
static void trim(struct scribe *s)
{
	for (unsigned i = 0; i < GATE; i++) {
		struct source *from = &s->sources[i];

		if (from->open > 0 || from->session_room == 0)
			continue;
		free(from->sessions);
		from->sessions = NULL;
		from->session_room = 0;
	}
	malloc_trim(0);
}

static void run_due(struct scribe *s)
{
	struct hin_error why = { 0 };
	int64_t now = now_us();

	if (now >= s->recorder_us || now < s->recorder_us - 60000000)
		s->recorder_us = hin_recorder_run(s->recorder, now);
	if (now >= s->look_us || now < s->look_us - LOOK_US) {
		read_blocked(s);
		s->look_us = now + LOOK_US;
	}
	if (now >= s->status_us || now < s->status_us - STATUS_US) {
		write_status(s);
		trim(s);
		s->status_us = now + STATUS_US;
	}
	if (now >= s->vault_us || now < s->vault_us - VAULT_US) {
		if (hin_decoy_vault_sync(s->vault, now, &why) != HIN_OK)
			hin_log_limited(HIN_LOG_WARNING, "decoy.vault",
					hin_log_text("error", why.text));
		s->vault_us = now + VAULT_US;
	}
}

static void send_orders(struct scribe *s)
{
	size_t at = 0;

	while (at < s->orders.used) {
		ssize_t sent = send(s->settings->gate, s->orders.data + at, s->orders.used - at,
				    MSG_NOSIGNAL);

		if (sent == -1 && errno == EINTR)
			continue;
		if (sent == -1)
			break; /* it has gone: so do we, when all have */
		at += (size_t)sent;
	}
	hin_buffer_reset(&s->orders);
}

/* ---- the run ---- */

static enum hin_code open_source(struct scribe *s, unsigned index, int fd, struct hin_error *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };

	s->sources[index].fd = fd;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) == -1)
		return hin_fail(err, HIN_ESYS, "watch a socket");
	s->open++;
	return HIN_OK;
}

static enum hin_code open_all(struct scribe *s, struct hin_error *err)
{
	const struct hin_scribe_settings *settings = s->settings;
	char path[512];
	enum hin_code code;

	snprintf(s->blocked, sizeof(s->blocked), "%s/blocked", settings->folder);
	snprintf(s->status, sizeof(s->status), "%s/status", settings->folder);
	snprintf(path, sizeof(path), "%s/recordings", settings->folder);
	code = hin_recorder_open(&s->recorder, path, &settings->recording, settings->key, now_us(),
				 err);
	snprintf(path, sizeof(path), "%s/vault", settings->folder);
	if (code == HIN_OK)
		code = hin_decoy_vault_open(&s->vault, path, &settings->vault, true, now_us(), err);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (code == HIN_OK && s->epoll == -1)
		code = hin_fail(err, HIN_ESYS, "watch sockets");
	for (unsigned i = 0; i < settings->limits.workers && code == HIN_OK; i++)
		code = open_source(s, i, settings->workers[i], err);
	if (code == HIN_OK)
		code = open_source(s, GATE, settings->gate, err);
	return code;
}

static void loop(struct scribe *s)
{
	struct epoll_event events[HIN_GATE_WORKERS + 1];

	while (s->open > 0) {
		int64_t wait = (s->recorder_us - now_us()) / 1000 + 1;
		int ready;

		wait = wait < 0 ? 0 : wait > 1000 ? 1000 : wait;
		ready = epoll_wait(s->epoll, events, HIN_COUNT(events), (int)wait);
		for (int i = 0; i < ready; i++)
			on_source(s, events[i].data.u32);
		run_due(s);
		send_orders(s);
	}
}

enum hin_code hin_scribe_run(const struct hin_scribe_settings *settings, struct hin_error *err)
{
	struct scribe *s = calloc(1, sizeof(*s));
	enum hin_code code;

	if (s == NULL)
		return hin_fail(err, HIN_ENOMEM, "no memory for the scribe");
	s->settings = settings;
	s->teller = (struct hin_teller_of){ .row = on_row, .user = s };
	memcpy(s->teller.credential_key, settings->credential_key,
	       sizeof(s->teller.credential_key));
	s->epoll = -1;
	code = open_all(s, err);
	if (code == HIN_OK) {
		loop(s);
		write_status(s);
	}
	hin_recorder_close(s->recorder, now_us());
	hin_decoy_vault_close(s->vault);
	if (s->epoll != -1)
		close(s->epoll);
	for (unsigned i = 0; i <= GATE; i++) {
		free(s->sources[i].sessions);
		hin_buffer_fini(&s->sources[i].in);
	}
	hin_buffer_fini(&s->orders);
	explicit_bzero(s->teller.credential_key, sizeof(s->teller.credential_key));
	free(s);
	return code;
}
