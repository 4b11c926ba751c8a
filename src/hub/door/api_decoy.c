/*
 * api_decoy - recordings of the decoys on this machine: which sessions there are, what was tried
 * and done, and the terminal as it was.
 *
 * The folders are those of the setting people.decoys, which the hub may only read. What a session
 * showed and what was typed is evidence: who asks says why, and the ledger has it.
 */
#include <stdlib.h>

#include "base/escape.h"
#include "decoy/record/player.h"
#include "hub/door/api_priv.h"
#include "observe/registry.h"
#include "trust/act_numbers.h"

#define SESSIONS 1000 /* most of a list */
#define EVENTS 2000   /* of one session that are shown */
#define COUNTED 2000  /* newest sessions whose credentials are counted */
#define TOP 100	      /* of each list of credentials */
#define PURPOSE 8     /* characters of one that says something */
#define CAST ((size_t)16 << 20)

/* ---- which decoy, which session ---- */

/* "1" is the first folder of the setting. NULL, and refused, when there is none. */
static const char *folder_of(struct api_call *call)
{
	const struct hin_api_settings *s = &call->api->settings;
	int64_t number = api_path_number(call, 0);

	if (number < 1 || (uint64_t)number > s->decoy_count) {
		api_refuse(call, 404, "not-found", "there is no such decoy");
		return NULL;
	}
	return s->decoys[number - 1];
}

static struct hin_recordings *open_decoy(struct api_call *call)
{
	const char *folder = folder_of(call);
	struct hin_recordings *recordings = NULL;
	struct hin_error err = { 0 };
	char *path;
	enum hin_code code;

	if (folder == NULL)
		return NULL;
	path = hin_arena_printf(&call->arena, "%s/recordings", folder);
	code = path != NULL ? hin_recordings_open(&recordings, path, &err)
			    : hin_fail(&err, HIN_ENOMEM, "no memory: try again");
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return recordings;
}

static bool session_of(struct api_call *call, uint64_t *number)
{
	if (hin_recording_number_parse(number, call->path[1], NULL) == HIN_OK)
		return true;
	api_refuse(call, 404, "not-found", "there is no such session");
	return false;
}

/* ---- writing ---- */

static const char *service_name(uint16_t service)
{
	const struct hin_word *word = hin_registry_find(HIN_REGISTRY_SERVICES, service);

	return word != NULL ? word->name : "";
}

static void write_entry(struct hin_buffer *out, const struct hin_recording_entry *e)
{
	char number[HIN_RECORDING_NUMBER_TEXT];

	api_text(out, "session", hin_recording_number_format(number, e->number));
	api_time(out, "time", e->about.time_us);
	api_number(out, "duration_us", e->end_us - e->about.time_us);
	api_address(out, "src", &e->about.client);
	api_number(out, "sport", e->about.client_port);
	api_address(out, "dst", &e->about.server);
	api_number(out, "dport", e->about.server_port);
	api_text(out, "host", e->about.host);
	api_text(out, "persona", e->about.persona);
	api_text(out, "service", service_name(e->about.service));
	api_number(out, "credentials", e->credentials);
	api_number(out, "commands", e->commands);
	api_number(out, "files", e->files);
	api_number(out, "downloads", e->downloads);
	api_number(out, "forwards", e->forwards);
	api_number(out, "bytes", (int64_t)(e->from_client + e->to_client));
	api_bool(out, "login", (e->flags & HIN_RECORDING_LOGIN) != 0);
	api_bool(out, "honeytoken", (e->flags & HIN_RECORDING_HONEYTOKEN) != 0);
	api_bool(out, "running", (e->flags & HIN_RECORDING_RUNNING) != 0);
	api_bool(out, "erased", (e->flags & HIN_RECORDING_ERASED) != 0);
}

/* ---- the decoys ---- */

static bool count_one(void *into, const struct hin_recording_entry *entry)
{
	int64_t *counts = into;

	counts[0]++;
	counts[1] += (entry->flags & HIN_RECORDING_LOGIN) != 0;
	counts[2] += (entry->flags & HIN_RECORDING_RUNNING) != 0;
	return true;
}

static void handle_decoys(struct api_call *call)
{
	const struct hin_api_settings *s = &call->api->settings;
	struct hin_buffer *out = &call->out;

	hin_buffer_putc(out, '{');
	api_open(out, "decoys", '[');
	for (size_t i = 0; i < s->decoy_count; i++) {
		const struct hin_recording_filter day = { .begin_us = call->now_us -
								      INT64_C(86400000000) };
		char *path = hin_arena_printf(&call->arena, "%s/recordings", s->decoys[i]);
		struct hin_recordings *recordings = NULL;
		int64_t counts[3] = { 0 };
		struct hin_error err = { 0 };
		enum hin_code code =
			path != NULL ? hin_recordings_open(&recordings, path, &err) : HIN_ENOMEM;

		if (code == HIN_OK)
			code = hin_recordings_list(recordings, &day, count_one, counts, &err);
		hin_recordings_close(recordings);
		api_open(out, NULL, '{');
		api_number(out, "decoy", (int64_t)i + 1);
		api_text(out, "folder", s->decoys[i]);
		api_number(out, "sessions", counts[0]);
		api_number(out, "logins", counts[1]);
		api_number(out, "running", counts[2]);
		api_text_or_null(out, "error", code != HIN_OK ? err.text : NULL);
		hin_buffer_putc(out, '}');
	}
	hin_buffer_puts(out, "]}");
}

/* ---- sessions ---- */

static bool read_filter(struct api_call *call, struct hin_recording_filter *f,
			struct hin_prefix *source)
{
	const char *from = api_query(call, "source"), *service = api_query(call, "service");
	const char *logins = api_query(call, "logins");
	int64_t most = 100;

	*f = (struct hin_recording_filter){ .host = api_query(call, "host"),
					    .word = api_query(call, "word") };
	if (from != NULL && hin_prefix_parse(source, from, NULL) != HIN_OK) {
		api_refuse(call, 400, "source", "\"source\" is no prefix");
		return false;
	}
	f->source = from != NULL ? source : NULL;
	if (service != NULL) {
		const struct hin_word *word =
			hin_registry_named(HIN_REGISTRY_SERVICES, service, strlen(service));

		if (word == NULL) {
			api_refuse(call, 400, "service", "\"service\" is none that is known");
			return false;
		}
		f->service = (uint16_t)word->number;
	}
	if (logins != NULL && strcmp(logins, "1") == 0)
		f->flags = HIN_RECORDING_LOGIN;
	if (!api_query_time(call, "since", &f->begin_us) ||
	    !api_query_time(call, "until", &f->end_us) ||
	    !api_query_number(call, "limit", 1, SESSIONS, &most))
		return false;
	f->most = (size_t)most;
	return true;
}

static bool add_session(void *into, const struct hin_recording_entry *entry)
{
	struct hin_buffer *out = into;

	api_open(out, NULL, '{');
	write_entry(out, entry);
	hin_buffer_putc(out, '}');
	return !out->failed && out->used < API_ANSWER;
}

static void handle_sessions(struct api_call *call)
{
	struct hin_recording_filter filter;
	struct hin_recordings *recordings;
	struct hin_error err = { 0 };
	struct hin_prefix source;
	enum hin_code code;

	if (!read_filter(call, &filter, &source))
		return;
	recordings = open_decoy(call);
	if (recordings == NULL)
		return;
	hin_buffer_putc(&call->out, '{');
	api_open(&call->out, "sessions", '[');
	code = hin_recordings_list(recordings, &filter, add_session, &call->out, &err);
	hin_buffer_puts(&call->out, "]}");
	hin_recordings_close(recordings);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

/* ---- one session ---- */

/* What an event is called, for programs. */
static const char *event_name(uint16_t type)
{
	static const char *const names[] = {
		[HIN_EVENT_OPEN] = "open",
		[HIN_EVENT_CLOSE] = "close",
		[HIN_EVENT_CLIENT] = "client",
		[HIN_EVENT_FINGERPRINT] = "fingerprint",
		[HIN_EVENT_CREDENTIAL] = "credential",
		[HIN_EVENT_CHANNEL] = "channel",
		[HIN_EVENT_TERMINAL] = "terminal",
		[HIN_EVENT_CHANNEL_END] = "channel-end",
		[HIN_EVENT_COMMAND] = "command",
		[HIN_EVENT_DOWNLOAD] = "download",
		[HIN_EVENT_CONNECT] = "connect",
		[HIN_EVENT_EXECUTE] = "execute",
		[HIN_EVENT_FILE] = "file",
		[HIN_EVENT_FORWARD] = "forward",
		[HIN_EVENT_HONEYTOKEN] = "honeytoken",
		[HIN_EVENT_NOTE] = "note",
	};

	return type < HIN_COUNT(names) && names[type] != NULL ? names[type] : "other";
}

static void write_event(struct hin_buffer *out, const struct hin_recording_item *item)
{
	struct hin_buffer line = { 0 };

	hin_player_event(&line, &item->event);
	api_open(out, NULL, '{');
	api_time(out, "time", item->time_us);
	api_text(out, "event", event_name(item->event.type));
	api_number(out, "channel", item->channel);
	api_text(out, "text", hin_buffer_text(&line));
	hin_buffer_putc(out, '}');
	hin_buffer_fini(&line);
}

/* Open the session of the path; NULL when refused. `*recordings` is to be closed after it. */
static struct hin_recording *open_session(struct api_call *call, struct hin_recordings **recordings)
{
	struct hin_recording *recording = NULL;
	struct hin_error err = { 0 };
	uint64_t number;
	enum hin_code code;

	*recordings = NULL;
	if (!session_of(call, &number))
		return NULL;
	*recordings = open_decoy(call);
	if (*recordings == NULL)
		return NULL;
	code = hin_recording_open(&recording, *recordings, number, &err);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
	return recording;
}

static void handle_session(struct api_call *call)
{
	struct hin_buffer *out = &call->out;
	struct hin_recordings *recordings;
	struct hin_recording *recording = open_session(call, &recordings);
	struct hin_recording_item item;
	struct hin_error err = { 0 };
	size_t shown = 0;
	enum hin_code code;

	if (recording == NULL) {
		hin_recordings_close(recordings);
		return;
	}
	hin_buffer_putc(out, '{');
	write_entry(out, hin_recording_entry(recording));
	api_open(out, "events", '[');
	while (shown < EVENTS && (code = hin_recording_next(recording, &item, &err)) == HIN_OK) {
		if (item.kind != HIN_RECORDING_EVENT)
			continue;
		write_event(out, &item);
		shown++;
	}
	hin_buffer_putc(out, ']');
	api_bool(out, "more", shown == EVENTS);
	hin_buffer_putc(out, '}');
	hin_recording_close(recording);
	hin_recordings_close(recordings);
}

/* ---- what it showed ---- */

/* Who looks at evidence says why; while one looks on at a session that runs, once is enough. */
static bool note_opening(struct api_call *call, int64_t after)
{
	const char *purpose = api_query(call, "purpose");
	struct hin_buffer object = { 0 };
	bool good;

	if (purpose == NULL || strlen(purpose) < PURPOSE) {
		api_refuse(call, 400, "purpose",
			   "\"purpose\" says why the recording is opened; the ledger keeps it");
		return false;
	}
	if (after > 0)
		return true;
	hin_buffer_putc(&object, '{');
	api_text(&object, "recording", call->path[1]);
	api_text(&object, "decoy", call->path[0]);
	api_text(&object, "purpose", purpose);
	hin_buffer_putc(&object, '}');
	good = !object.failed &&
	       api_note_act(call, HIN_ACT_EVIDENCE_OPENED, hin_buffer_text(&object), NULL);
	hin_buffer_fini(&object);
	return good;
}

/* The session as asciicast v2, from byte `after` on: it only grows, so a page can follow it. */
static void handle_cast(struct api_call *call)
{
	struct hin_buffer cast = { .limit = CAST };
	struct hin_recordings *recordings;
	struct hin_recording *recording;
	struct hin_error err = { 0 };
	int64_t after = 0;
	enum hin_code code;

	if (!api_query_number(call, "after", 0, (int64_t)CAST, &after))
		return;
	recording = open_session(call, &recordings);
	if (recording == NULL || !note_opening(call, after)) {
		hin_recording_close(recording);
		hin_recordings_close(recordings);
		return;
	}
	code = hin_recording_cast(recording, 0, true, 0, &cast, &err);
	if (code != HIN_OK && code != HIN_EAGAIN)
		api_refuse_code(call, code, &err);
	else if ((size_t)after < cast.used)
		hin_buffer_add(&call->out, cast.data + after, cast.used - (size_t)after);
	call->type = "application/x-asciicast; charset=utf-8";
	api_header(call, "Hinomi-Running",
		   hin_recording_entry(recording)->flags & HIN_RECORDING_RUNNING ? "yes" : "no");
	hin_buffer_fini(&cast);
	hin_recording_close(recording);
	hin_recordings_close(recordings);
}

/* ---- credentials, as counts ---- */

struct counting {
	struct api_call *call;
	struct hin_recordings *recordings;
	json_t *users, *passwords, *pairs;
	int64_t tried, good;
};

static void count_text(json_t *counts, const char *text)
{
	json_int_t before = json_integer_value(json_object_get(counts, text));

	(void)json_object_set_new(counts, text, json_integer(before + 1));
}

static void count_credential(struct counting *c, const struct hin_event *event)
{
	struct hin_buffer user = { 0 }, password = { 0 }, pair = { 0 };

	if (event->number != HIN_CREDENTIAL_PASSWORD)
		return;
	hin_escape(&user, event->a, event->a_size);
	hin_escape(&password, event->b, event->b_size);
	hin_buffer_printf(&pair, "%s / %s", hin_buffer_text(&user), hin_buffer_text(&password));
	if (!pair.failed) {
		count_text(c->users, hin_buffer_text(&user));
		count_text(c->passwords, hin_buffer_text(&password));
		count_text(c->pairs, hin_buffer_text(&pair));
	}
	c->tried++;
	c->good += event->verdict == HIN_VERDICT_SUCCESS;
	hin_buffer_fini(&user);
	hin_buffer_fini(&password);
	hin_buffer_fini(&pair);
}

static bool count_session(void *into, const struct hin_recording_entry *entry)
{
	struct counting *c = into;
	struct hin_recording *recording = NULL;
	struct hin_recording_item item;

	if (entry->credentials == 0 && (entry->flags & HIN_RECORDING_RUNNING) == 0)
		return true;
	if (hin_recording_open(&recording, c->recordings, entry->number, NULL) != HIN_OK)
		return true; /* it was erased */
	while (hin_recording_next(recording, &item, NULL) == HIN_OK)
		if (item.kind == HIN_RECORDING_EVENT && item.event.type == HIN_EVENT_CREDENTIAL)
			count_credential(c, &item.event);
	hin_recording_close(recording);
	return true;
}

struct counted {
	const char *text;
	int64_t count;
};

static int by_count(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->text, y->text);
}

static void write_top(struct api_call *call, const char *name, json_t *counts)
{
	size_t n = json_object_size(counts), i = 0;
	struct counted *all = hin_arena_array(&call->arena, n > 0 ? n : 1, sizeof(*all));
	const char *text;
	json_t *count;

	api_open(&call->out, name, '[');
	if (all != NULL) {
		json_object_foreach(counts, text, count) all[i++] =
			(struct counted){ text, json_integer_value(count) };
		qsort(all, i, sizeof(*all), by_count);
	}
	for (size_t k = 0; k < i && k < TOP; k++) {
		api_open(&call->out, NULL, '{');
		api_text(&call->out, "text", all[k].text);
		api_number(&call->out, "count", all[k].count);
		hin_buffer_putc(&call->out, '}');
	}
	hin_buffer_putc(&call->out, ']');
}

static void handle_credentials(struct api_call *call)
{
	struct hin_recording_filter filter = { .most = COUNTED };
	struct counting c = { .call = call };
	struct hin_error err = { 0 };
	enum hin_code code = HIN_OK;

	if (!api_query_time(call, "since", &filter.begin_us) ||
	    !api_query_time(call, "until", &filter.end_us))
		return;
	c.recordings = open_decoy(call);
	if (c.recordings == NULL)
		return;
	c.users = json_object();
	c.passwords = json_object();
	c.pairs = json_object();
	if (c.users == NULL || c.passwords == NULL || c.pairs == NULL)
		code = hin_fail(&err, HIN_ENOMEM, "no memory: try again");
	if (code == HIN_OK)
		code = hin_recordings_list(c.recordings, &filter, count_session, &c, &err);
	hin_buffer_putc(&call->out, '{');
	api_number(&call->out, "tried", c.tried);
	api_number(&call->out, "accepted", c.good);
	write_top(call, "users", c.users);
	write_top(call, "passwords", c.passwords);
	write_top(call, "pairs", c.pairs);
	hin_buffer_putc(&call->out, '}');
	json_decref(c.users);
	json_decref(c.passwords);
	json_decref(c.pairs);
	hin_recordings_close(c.recordings);
	if (code != HIN_OK)
		api_refuse_code(call, code, &err);
}

#define V "/api/v1"

const struct api_route api_decoy_routes[] = {
	{ "GET", V "/decoys", API_STAFF, HIN_SCOPE_READ, API_RATE_PLAIN, API_LANE_READ,
	  "listDecoys", "", 0, handle_decoys, NULL },
	{ "GET", V "/decoys/{decoy}/sessions", API_STAFF, HIN_SCOPE_READ, API_RATE_QUERY,
	  API_LANE_QUERY, "listDecoySessions", "source host service since until logins word limit",
	  0, handle_sessions, NULL },
	{ "GET", V "/decoys/{decoy}/sessions/{session}", API_STAFF, HIN_SCOPE_READ, API_RATE_QUERY,
	  API_LANE_QUERY, "getDecoySession", "", 0, handle_session, NULL },
	{ "GET", V "/decoys/{decoy}/sessions/{session}/cast", API_STAFF, HIN_SCOPE_READ,
	  API_RATE_QUERY, API_LANE_QUERY, "getDecoyCast", "purpose after", 0, handle_cast, NULL },
	{ "GET", V "/decoys/{decoy}/credentials", API_STAFF, HIN_SCOPE_READ, API_RATE_QUERY,
	  API_LANE_QUERY, "countDecoyCredentials", "since until", 0, handle_credentials, NULL },
};
const size_t api_decoy_route_count = HIN_COUNT(api_decoy_routes);
