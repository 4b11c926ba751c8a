/*
 * api - the door for people and their programs: /api/v1, live events, and a plain page.
 *
 * One table of routes (method, path, who may, which scope a token needs, how much of it is served)
 * drives everything; schema/openapi.json describes it, and a test holds the two together. Answers
 * are JSON, refusals problem+json (RFC 9457) with one line for the reader. Work that may wait (the
 * desk's writers, passwords, questions to the store) is done in lanes of its own, each with a
 * bounded queue; what is read from the desk is answered at once.
 *
 * Ownership: the caller owns an api and ends it with hin_api_close().
 * Threads:   its own inside; all functions may be called from any thread.
 */
#pragma once
#include "base/addr.h"
#include "base/buffer.h"
#include "net/http_server.h"

struct hin_analyse;
struct hin_analyse_settings;
struct hin_api;
struct hin_geo;
struct hin_ledger;
struct hin_owners_box;
struct hin_sensors;
struct hin_live;
struct hin_telling;

/* Append a JSON object: how the hub and its sensors are, as status.json has it. */
typedef void (*hin_api_status_fn)(void *user, struct hin_buffer *out);

struct hin_api_settings {
	const char *listen; /* "127.0.0.1:8440" */
	bool plain;	    /* no TLS; loopback only */
	const char *certificate_pem, *key_pem;
	const char *desk;	    /* file */
	const char *store;	    /* folder; NULL = no questions are answered */
	const char *name;	    /* of the hub, as people know it */
	const char *const *proxies; /* prefixes of those whose header is believed */
	size_t proxy_count;
	bool forwarded;		     /* they write Forwarded (RFC 7239), not X-Forwarded-For */
	bool second_factor;	     /* everybody must have one */
	int64_t idle_ns, session_ns; /* of sessions */
	unsigned connections, per_address, streams;
	uint64_t rate_per_s;	  /* requests of one account, or of one address that is unknown */
	int64_t query_ns;	  /* most time of a question */
	uint64_t query_memory;	  /* most memory of one */
	hin_api_status_fn status; /* NULL = none is known */
	void *user;
	struct hin_owners_box *owners; /* who answers for an address; borrowed, or NULL */
	struct hin_ledger *ledger;     /* for proofs; borrowed, or NULL */
	const char *ledger_folder;     /* of the same; or NULL */
	struct hin_telling *telling;   /* for previews of notices; borrowed, or NULL */
	const char *folder;	       /* of the hub, or NULL */
	const char *trust;	       /* folder of the CA, or NULL */
	const char *zone;	       /* of reports: "Asia/Tokyo"; NULL = UTC */
	const char *countries;	       /* a table of addresses (base/geo.h), or NULL */
	const char *const *decoys;     /* folders of decoys, to be read; decoy_count of them */
	size_t decoy_count;
	const struct hin_geo *geo;	   /* AS numbers; borrowed, or NULL */
	bool ledger_public;		   /* its files are for everybody */
	struct hin_live *live;		   /* what comes in now; borrowed, or NULL */
	struct hin_sensors *sensors;	   /* what the hub hears of them; borrowed, or NULL */
	const struct hin_analyse *analyse; /* for what rules count; borrowed, or NULL */
	/* settings of rules as the file has them; NULL = defaults */
	void (*rules)(void *user, struct hin_analyse_settings *out);
	hin_api_status_fn write_settings; /* objects of a list: the hub's settings; or NULL */
	void (*changed)(void *user);	  /* the door committed to the desk; NULL is fine */
};

/* What suits a small hub; the rest is { 0 }. */
void hin_api_settings_default(struct hin_api_settings *settings);

/* Listen and serve. Failures as hin_http_server_open() and hin_desk_open(). */
HIN_MUST_USE enum hin_code hin_api_open(struct hin_api **out,
					const struct hin_api_settings *settings,
					struct hin_error *err);

/* Take no more requests, end event streams, finish what was begun, free. NULL is fine. */
void hin_api_close(struct hin_api *api);

/* The port that is listened on. */
uint16_t hin_api_port(const struct hin_api *api);

/*
 * Go on by other settings: certificate and key, name, proxies and `forwarded`, second factor, times
 * of sessions and questions, memory of a question, rate, connections and streams. All else of
 * `settings` is not looked at. Each request is answered by what was in force when it came; on
 * failure all stays as it was.
 */
HIN_MUST_USE enum hin_code hin_api_reload(struct hin_api *api,
					  const struct hin_api_settings *settings,
					  struct hin_error *err);

/* Show another certificate from now on. */
HIN_MUST_USE enum hin_code hin_api_show(struct hin_api *api, const char *certificate_pem,
					const char *key_pem, struct hin_error *err);

/* Something was committed to the desk: the event streams look. Cheap; never waits. */
void hin_api_wake(struct hin_api *api);

/* name, meaning: what the door counts beside its server. */
#define HIN_API_COUNTERS(X)                                                                        \
	X(signed_in, "sign-ins")                                                                   \
	X(sign_in_refused, "sign-ins refused")                                                     \
	X(rate_limited, "requests refused: too many of one address or account")                    \
	X(lane_full, "requests refused: too much of such work waits")                              \
	X(forged, "requests refused: without the page's token, or from another site")              \
	X(denied, "requests refused: not signed in, or not permitted")                             \
	X(queries, "questions to the store")                                                       \
	X(queries_left, "questions given up: the client had left, or time was over")               \
	X(streams_refused, "event streams refused: too many")                                      \
	X(streams_slow, "event streams ended: the client did not take its events")

struct hin_api_counters {
#define X(name, meaning) uint64_t name;
	HIN_API_COUNTERS(X)
#undef X
	uint64_t streams; /* now */
};

/* What was counted until now, and by its server. */
void hin_api_count(struct hin_api *api, struct hin_api_counters *out,
		   struct hin_http_counters *server);
