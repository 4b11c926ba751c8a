/*
 * api_priv - what the files of the door share: the table of routes, and a request on its way.
 *
 * Locks: `api->lock` guards counters, readers and lanes' queues; the event streams have their own.
 */
#pragma once
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/prefix.h"
#include "base/time.h"
#include "hub/door/api.h"
#include "hub/door/rate.h"
#include "hub/people/session.h"
#include "hub/sensors.h"
#include "store/store.h"

#define API_SEGMENTS 8	 /* most segments of a path */
#define API_PARAMETERS 2 /* variable ones among them */
#define API_QUERY 16	 /* most values of a query */
#define API_QUERY_VALUE 8192
#define API_BODY ((size_t)64 << 10)	 /* most bytes of a request's body */
#define API_SMALL_BODY ((size_t)4 << 10) /* ... of a sign-in, a link or the own account */
#define API_TEXT_BODY ((size_t)1 << 20)	 /* ... that is a file */
#define API_BODY_DEPTH 8
#define API_ANSWER ((size_t)32 << 20) /* most bytes of an answer */
#define API_HEADERS 6		      /* of a call's own */
#define API_COOKIE "__Host-hinomi"
#define API_LANGUAGE_COOKIE "__Host-language"
#define API_PAGE_MOST 1000 /* most objects of a list */

struct api_call;

/* Who may. Roles are 1 << HIN_ROLE_...; the two below are beside them. */
#define API_ANALYST (1u << HIN_ROLE_ANALYST)
#define API_OPERATOR (1u << HIN_ROLE_OPERATOR)
#define API_MEMBER (1u << HIN_ROLE_MEMBER)
#define API_INSPECTOR (1u << HIN_ROLE_INSPECTOR)
#define API_ADMINISTRATOR (1u << HIN_ROLE_ADMINISTRATOR)
#define API_STAFF (API_ANALYST | API_OPERATOR | API_INSPECTOR | API_ADMINISTRATOR)
#define API_ACTORS (API_ANALYST | API_OPERATOR | API_ADMINISTRATOR)
#define API_PEOPLE (API_STAFF | API_MEMBER)
#define API_PUBLIC (1u << 30) /* nobody needs to sign in */

/* Where a handler runs. */
enum api_lane {
	API_LANE_READ,	   /* reads that may take long */
	API_LANE_WRITE,	   /* writes to the desk */
	API_LANE_PASSWORD, /* Argon2id: one at a time, so its memory is bounded */
	API_LANE_QUERY,	   /* questions to the store */
	API_LANE_EXPORT,   /* what is taken away, one at a time */
	API_LANES,
	API_NOW = API_LANES, /* in the server's thread: reads of a few rows */
};

/* How much of it is served: for an address (or account, when signed in). */
enum api_rate {
	API_RATE_PLAIN,
	API_RATE_PUBLIC,
	API_RATE_SIGN_IN,
	API_RATE_QUERY,
	API_RATES,
};

enum {
	API_FLAG_PAGE = 1,  /* an HTML page: refusals are pages too */
	API_FLAG_FORM = 2,  /* its body is a form, with the token in a field */
	API_FLAG_SETUP = 4, /* may be used before the second factor is set up */
	API_FLAG_BODY = 8,  /* a body is needed */
	API_FLAG_FILE = 16, /* the same for everybody, whatever the query: nobody is looked up */
	API_FLAG_TEXT = 32, /* it is a file as it is: a log, a note */
};

struct api_route {
	const char *method, *path; /* "/api/v1/cases/{id}"; "{+rest}" is all that follows */
	unsigned roles;
	enum hin_scope scope;
	enum api_rate rate;
	enum api_lane lane;
	const char *operation; /* its id in schema/openapi.json; "" for pages */
	const char *query;     /* values that may be given, separated by spaces */
	unsigned flags;
	void (*handle)(struct api_call *call);
	bool (*gate)(struct api_call *call); /* before it waits in a lane; false: refused */
};

struct api_routes {
	const struct api_route *rows;
	const size_t *count;
};

/* The whole table, in parts; the first row that fits counts. */
extern const struct api_routes api_tables[];
extern const size_t api_table_count;

struct api_value {
	const char *name, *value;
};

/* What a reload may change; it does not change itself. A call keeps what was in force at its start.
 */
struct api_tuning {
	unsigned refs; /* under the lock of the api */
	bool forwarded, second_factor;
	struct hin_session_limits limits;
	unsigned streams;
	uint64_t rate_per_s, query_memory;
	int64_t query_ns;
	struct hin_prefix_tree *proxies; /* NULL = none */
	char name[256];
};

/* A request on its way. Texts belong to its arena. */
struct api_call {
	struct hin_api *api;
	struct api_tuning *tuning;
	struct hin_http_request *request;
	const struct api_route *route;
	struct api_call *next; /* in its lane */
	bool head;

	const char *path[API_PARAMETERS];
	unsigned rest; /* which of them is all that follows; API_PARAMETERS = none */
	struct api_value query[API_QUERY];
	size_t query_count;
	struct hin_addr client; /* behind proxies that are believed */
	int64_t now_us;
	enum hin_lang lang;
	bool signed_in, by_token;
	struct hin_identity who;
	json_t *body;
	struct hin_buffer text; /* the body of API_FLAG_TEXT */
	struct hin_arena arena;

	/* of the thread that handles it */
	struct hin_desk *desk;
	struct api_worker *worker; /* NULL in the server's thread */

	/* the answer */
	unsigned status;
	const char *type;
	const char *policy; /* what a page may do; NULL = the usual */
	struct hin_buffer out;
	struct hin_http_header headers[API_HEADERS];
	size_t header_count;
	bool answered; /* by the handler itself: an event stream */
};

#define API_COUNTS 16 /* counts of cases that a thread keeps */

/* How many cases there were for a filter of numbers alone, as long as nothing is committed. */
struct api_count {
	int64_t version, organisation, assignee;
	unsigned states, least;
	uint64_t count;
	bool used;
};

/* What a thread of a lane has. */
struct api_worker {
	struct hin_api *api;
	enum api_lane lane;
	pthread_t thread;
	struct hin_desk *desk;
	struct hin_store *store; /* of API_LANE_QUERY, opened when it is needed */
	uint64_t store_memory;	 /* that it was opened with */
	int64_t tidied_ns;	 /* monotonic */
	struct api_count counts[API_COUNTS];
	unsigned next_count;
};

#define API_WORKERS 6 /* of all lanes together */
#define API_READERS 8 /* handles that wait for the next request */

struct api_queue {
	struct api_call *first, **last;
	size_t count, most;
	pthread_cond_t wake;
};

struct api_events;  /* api_events.c */
struct api_watched; /* api_sensors.c */
struct api_replay;  /* api_replay.c */
struct hin_ca;
struct hin_authority_book;

struct hin_api {
	struct hin_api_settings settings; /* its texts are copies */
	struct hin_arena texts;
	struct api_tuning *tuning; /* in force; under `lock` */
	struct hin_http_server *server;
	struct hin_rate *rates;
	char boot[17]; /* of this start: in answers' ids */

	pthread_mutex_t lock;
	struct hin_desk *readers[API_READERS];
	size_t reader_count;
	struct api_queue queues[API_LANES];
	struct api_worker workers[API_WORKERS];
	size_t worker_count;
	bool stopping;
	struct hin_api_counters counters;

	struct api_events *events;
	struct hin_geo *countries;	 /* NULL = none */
	struct api_replay *replay;	 /* NULL without a store */
	pthread_mutex_t trust_lock;	 /* of the two below */
	struct hin_ca *ca;		 /* NULL = none */
	struct api_watched *watched;	 /* api_sensors.c */
	struct hin_authority_book *book; /* NULL until it is needed */
};

#define API_COUNT(api, name)                                                                       \
	do {                                                                                       \
		pthread_mutex_lock(&(api)->lock);                                                  \
		(api)->counters.name++;                                                            \
		pthread_mutex_unlock(&(api)->lock);                                                \
	} while (0)

/* ---- api.c ---- */

/* What is in force now, with a reference; and one less of it. */
struct api_tuning *api_tuning_get(struct hin_api *api);
void api_tuning_unref(struct hin_api *api, struct api_tuning *tuning);

/* An empty call by what is in force now; api_call_free() ends it. NULL without memory. */
struct api_call *api_call_new(struct hin_api *api);

/* A handle to read the desk with, and back; NULL and `err` when there is none. */
struct hin_desk *api_reader(struct hin_api *api, struct hin_error *err);
void api_reader_back(struct hin_api *api, struct hin_desk *desk);

/* Put a call into its lane; false when that is full, or the door closes. */
bool api_enqueue(struct hin_api *api, struct api_call *call);

/* The store of a worker of API_LANE_QUERY, as of now. */
HIN_MUST_USE enum hin_code api_store(struct api_call *call, struct hin_store **out,
				     struct hin_error *err);

/* ---- api_call.c ---- */

/* For the server's routes; `user` is the api. */
void api_handle(void *user, struct hin_http_request *request);

/* Is it the address of a proxy that we know? For the server; `user` is the api. */
bool api_is_proxy(void *user, const struct hin_addr *address);

/* Run the handler of a call with `desk`, answer, and free it. */
void api_run(struct api_call *call, struct hin_desk *desk);

/* Free a call that was answered. */
void api_call_free(struct api_call *call);

/* The route of method and path, its variable segments in `call->path`; NULL with 404 or 405. */
const struct api_route *api_find_route(struct api_call *call, const char *method, const char *path,
				       unsigned *status);

/* The methods that a path has, as the value of Allow; clears `call->path`. */
void api_allowed(struct api_call *call, const char *path, char out[HIN_HTTP_ALLOW]);

/* The value of the query called `name`, or NULL. */
const char *api_query(const struct api_call *call, const char *name);

/*
 * Read a number of the query into `*out`, which stays as it is when it is not given; false when it
 * is no number in the range: the call is refused then.
 */
bool api_query_number(struct api_call *call, const char *name, int64_t low, int64_t high,
		      int64_t *out);

/* The same for a time ("2026-11-22T02:10:00Z", "-24h"), in microseconds. */
bool api_query_time(struct api_call *call, const char *name, int64_t *out_us);

/* The number of a path's segment; 0 and 404 when it is none. */
int64_t api_path_number(struct api_call *call, unsigned at);

/* The organisation that the one who asks is bound to; 0 = sees all. */
int64_t api_scope(const struct api_call *call);

/*
 * The organisation that a list is about, when `asked` (0 = none) stands in the query: a member's
 * own, and for another one a number that nobody has, since to a member there is none.
 */
int64_t api_organisation(const struct api_call *call, int64_t asked);

/* Is the request from this site, as far as its browser says? */
bool api_same_origin(struct api_call *call);

/* Give the answer a header; `value` belongs to the arena or is a literal. */
void api_header(struct api_call *call, const char *name, const char *value);

/* Set (or with NULL clear) the session's cookie. */
void api_set_cookie(struct api_call *call, const char *name, const char *value, int64_t seconds);

/* ---- api_problem.c ---- */

/* Refuse: `status`, a word for programs, one line for people. What was written before goes. */
void api_refuse(struct api_call *call, unsigned status, const char *word, const char *fmt, ...)
	HIN_PRINTF(4, 5);

/* Refuse by what a module said. */
void api_refuse_code(struct api_call *call, enum hin_code code, const struct hin_error *err);

/* Refuse: come again in so long. */
void api_refuse_later(struct api_call *call, int64_t wait_us);

/* ---- api_json.c: writing, with commas set as they are needed ---- */

void api_key(struct hin_buffer *out, const char *name);
void api_text(struct hin_buffer *out, const char *name, const char *value);
void api_text_or_null(struct hin_buffer *out, const char *name, const char *value);
void api_number(struct hin_buffer *out, const char *name, int64_t value);
void api_id(struct hin_buffer *out, const char *name, int64_t value);	  /* 0 = null */
void api_time(struct hin_buffer *out, const char *name, int64_t time_us); /* 0 = null */
void api_bool(struct hin_buffer *out, const char *name, bool value);
void api_hex(struct hin_buffer *out, const char *name, const uint8_t *bytes, size_t size);
void api_address(struct hin_buffer *out, const char *name, const struct hin_addr *address);
void api_open(struct hin_buffer *out, const char *name, char bracket); /* name NULL: in a list */
void api_comma(struct hin_buffer *out); /* before another value, when one is needed */

/* ---- api_json.c: reading the body ---- */

/* Read the body as JSON or a form, within its limits; false when refused. */
bool api_read_body(struct api_call *call, const struct hin_buffer *body, const char *type);

/* Has the body only members of `names` (separated by spaces)? Else it is refused. */
bool api_body_only(struct api_call *call, const char *names);

/*
 * A text of the body of at most `most` bytes; NULL when it is not given. When it must be given
 * (`needed`) or is no such text, the call is refused and `*good` false.
 */
const char *api_body_text(struct api_call *call, const char *name, size_t most, bool needed,
			  bool *good);

/* A number of the body; `fallback` when it is not given. */
int64_t api_body_number(struct api_call *call, const char *name, int64_t low, int64_t high,
			int64_t fallback, bool *good);
bool api_body_bool(struct api_call *call, const char *name, bool fallback, bool *good);

/* A time of the body, in microseconds; 0 when it is not given. */
int64_t api_body_time(struct api_call *call, const char *name, bool *good);

/* The numbers of an array of the body, at most `most`; NULL when refused. They are the arena's. */
int64_t *api_body_numbers(struct api_call *call, const char *name, size_t most, size_t *count);

/*
 * Do `change` and write the act about it, in one transaction: it appends what it did to `object`,
 * JSON without the braces. False when refused.
 */
typedef enum hin_code (*api_change_fn)(struct api_call *call, void *user, struct hin_buffer *object,
				       struct hin_error *err);
bool api_do_act(struct api_call *call, uint16_t kind, api_change_fn change, void *user);

/* The same of an act under an authority, by its digest. */
bool api_do_act_under(struct api_call *call, uint16_t kind, const uint8_t authority[32],
		      api_change_fn change, void *user);

/* ---- api_sensors.c ---- */

struct api_watched;
void api_watched_free(struct api_watched *watched); /* NULL is fine */

/* ---- api_tile.c ---- */

/* Is it what stands behind /tile/ in a path of tlog-tiles? */
bool api_is_tile_path(const char *path);

/* ---- api_replay.c ---- */

HIN_MUST_USE enum hin_code api_replay_open(struct api_replay **out, struct hin_api *api,
					   struct hin_error *err);
void api_replay_close(struct api_replay *replay);

/*
 * Write an act from a thread that only reads, at once, and tell the hub; its number into `*id`, or
 * NULL. False when refused.
 */
bool api_note_act(struct api_call *call, uint16_t kind, const char *object, int64_t *id);

/* ---- api_export.c ---- */

/* The act of an export, before its first byte goes; false when refused. */
bool api_note_export(struct api_call *call, const char *what, const char *filter,
		     const char *format, int64_t since_us, int64_t until_us);

/* ---- api_case.c ---- */

/* Handler of /export/cases. */
void api_export_cases(struct api_call *call);

struct hin_case;
struct hin_case_filter;

/* hin_case_count(), which is not asked again while the desk is as it was. */
HIN_MUST_USE enum hin_code api_count_cases(struct api_call *call,
					   const struct hin_case_filter *filter, uint64_t *out,
					   struct hin_error *err);

/*
 * For a member, take out of a case what may name somebody else: words of the staff, who works on
 * it, the campaign, and the gravest finding when it is not about the member's own.
 */
HIN_MUST_USE enum hin_code api_hide_case(struct api_call *call, struct hin_case *c,
					 struct hin_error *err);

/* ---- api_read.c ---- */

struct hin_about;
struct hin_notice_figure;
struct hin_owners;

/* Append figures of notices as an object. */
void api_write_figure(struct hin_buffer *out, const struct hin_notice_figure *figure);

/*
 * All about the address of the path, as far as the one who asks may know; false when refused. In
 * API_LANE_QUERY; ended by hin_about_fini(), and then hin_owners_unref() of what it was made with.
 */
bool api_about(struct api_call *call, struct hin_about *out, struct hin_owners **owners);

/* ---- api_events.c ---- */

HIN_MUST_USE enum hin_code api_events_open(struct api_events **out, struct hin_api *api,
					   struct hin_error *err);
void api_events_close(struct api_events *events);
void api_events_wake(struct api_events *events);
uint64_t api_events_count(struct api_events *events);

/* ---- routes of each file ---- */

extern const struct api_route api_people_routes[], api_account_routes[], api_case_routes[],
	api_read_routes[], api_directory_routes[], api_query_routes[], api_ledger_routes[],
	api_event_routes[], api_public_routes[], api_page_routes[], api_app_routes[];
extern const size_t api_people_route_count, api_account_route_count, api_case_route_count,
	api_read_route_count, api_directory_route_count, api_query_route_count,
	api_ledger_route_count, api_event_route_count, api_public_route_count, api_page_route_count,
	api_app_route_count;
extern const struct api_route api_lease_routes[], api_sensor_routes[], api_authority_routes[],
	api_rule_routes[], api_export_routes[], api_silence_routes[], api_word_routes[],
	api_tile_routes[], api_owner_routes[], api_view_routes[], api_setting_routes[],
	api_notice_routes[], api_sensor_time_routes[], api_report_routes[], api_decoy_routes[];
extern const size_t api_lease_route_count, api_sensor_route_count, api_authority_route_count,
	api_rule_route_count, api_export_route_count, api_silence_route_count, api_word_route_count,
	api_tile_route_count, api_owner_route_count, api_view_route_count, api_setting_route_count,
	api_notice_route_count, api_sensor_time_route_count, api_report_route_count,
	api_decoy_route_count;

/* ---- pages ---- */

/* A page that says what went wrong. */
void page_refusal(struct api_call *call, const char *text);
