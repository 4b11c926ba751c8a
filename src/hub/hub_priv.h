/* hub_priv - what hub.c and hub_report.c share. */
#pragma once
#include <limits.h>
#include <pthread.h>

#include "hub/hub.h"
#include "hub/pump.h"
#include "trust/route.h"

/* A route of the CA, which a reload replaces. */
struct hub_trust_route {
	struct hin_hub *hub;
	size_t index;
};

struct hin_hub {
	char folder[PATH_MAX - 32], trust[PATH_MAX], store[PATH_MAX], status[PATH_MAX];
	char *passphrase;
	struct hin_sensor_key key;
	struct hin_sensors *sensors;
	struct hin_live *live;
	struct hin_ingest *ingest;
	struct hin_intake *intake;
	struct hin_http_server *server, *metrics;
	char desk[PATH_MAX];	       /* file of the desk */
	struct hin_desk *analyse_desk; /* the handle of the intake's thread */
	struct hin_owners_box *owners;
	struct hin_geo *geo; /* AS numbers, or NULL */
	struct hin_analyse *analyse;
	struct hin_api *api;		    /* NULL = no door for people */
	bool own_certificate, people_plain; /* of the door */
	pthread_mutex_t waking;		    /* of `api`, against its end */
	struct hin_telling *telling;
	char ledger_folder[PATH_MAX];
	struct hin_ledger *ledger;
	struct hub_witnesses *witnesses; /* NULL = none is asked */
	struct hub_peers *peers;	 /* the same; under `waking` */
	struct hin_pump *pump;
	bool tells; /* its threads run */
	uint16_t port, metrics_port;
	int64_t started_ns;

	pthread_rwlock_t lock; /* of the CA: read by handlers, written by a reload */
	struct hin_ca *ca;
	struct hin_http_route trust_inner[HIN_TRUST_ROUTES];
	struct hub_trust_route trust_routes[HIN_TRUST_ROUTES];

	/* under `tuning`: what a reload may change; texts and lists are of the thread that reloads
	 */
	pthread_mutex_t tuning;
	struct hin_hub_settings settings; /* a copy */
	bool sends;			  /* it was opened to connect to others */
	char *reads[HIN_HUB_READS];	  /* for the sandbox */
	size_t read_count;

	_Atomic uint64_t settings_number; /* of the note in force; 0 = none */
	_Atomic uint64_t store_rows, store_bytes, store_notes;
	_Atomic int64_t hub_expires_s;

	_Atomic uint64_t rows_per_s; /* that the analysis looked at, lately */

	/* of the thread that ticks */
	uint64_t measured_rows;
	int64_t measured_ns;
	int64_t status_ns, renewed_ns;
	bool renewal_failed;

	/* of the intake's thread */
	int64_t silent_checked_ns, roster_ns, stats_ns, kept_ns, compacted_day, analysed_ns;
};

/* The desk was committed to: wake whoever looks at it. From any thread. */
void hub_desk_changed(void *user);

/* Open or make the ledger, and begin to bring acts there; and the end of both. */
enum hin_code hub_open_ledger(struct hin_hub *hub, struct hin_error *err);
void hub_close_ledger(struct hin_hub *hub);

/* Read a list of witnesses; NULL when it is empty. Nobody is asked yet. */
enum hin_code hub_witnesses_new(struct hub_witnesses **out, const struct hin_config_list *list,
				struct hin_error *err);
void hub_witnesses_free(struct hub_witnesses *w); /* NULL is fine */

/* Ask them from now on, instead of those before; they are the hub's. NULL: nobody. */
enum hin_code hub_ask_witnesses(struct hin_hub *hub, struct hub_witnesses *w,
				struct hin_error *err);

/* Read the list of other hubs; NULL when it is empty. Nobody is asked yet. */
enum hin_code hub_peers_new(struct hub_peers **out, struct hin_hub *hub,
			    const struct hin_hub_settings *s, struct hin_error *err);
void hub_peers_free(struct hub_peers *p); /* NULL is fine */

/* Ask them from now on, in a thread; NULL is fine. */
void hub_peers_start(struct hub_peers *p);

/* Append them as items of a JSON list; NULL is fine. */
void hub_peers_status(struct hub_peers *p, struct hin_buffer *out);

/* Set the limits of the sensors' server by the settings. */
void hub_limit_server(struct hin_http_server_settings *server, const struct hin_hub_settings *s);

/* Do the settings ask to connect to others? */
bool hub_must_connect(const struct hin_hub_settings *s);

/* How many witnesses are asked. */
size_t hub_witness_count(struct hin_hub *hub);

/* How fast rows come; each few seconds, monotonic. */
void hub_measure(struct hin_hub *hub, int64_t now_ns);

/* Why batches and requests were refused, in words, and an id in hexadecimal. */
extern const char *const hub_refusals[HIN_INGEST_REFUSED];
extern const char *const hub_request_refusals[HIN_INTAKE_REFUSED];
void hub_hex(char out[2 * HIN_SENSOR_ID + 1], const uint8_t id[HIN_SENSOR_ID]);

/* Read the number of the settings in force, and the roster's names. */
void hub_read_trust(struct hin_hub *hub);
