/*
 * hub - the hub of an organisation: takes batches over HTTPS, stores them, says how its sensors
 *are.
 *
 * A hub lives in one folder: trust/ (trust/ca.h), store/ (store/store.h), desk.db (hub/desk.h),
 * ledger/ and ledger.key (trust/ledger.h), hub.key (signs the hub's own rows), status.json (for
 * `hinomi status`), hub.yaml (settings, optional). Routes:
 *
 *	POST /v1/batches	batches of a sensor; a certificate is required
 *	those of trust/route.h	joining, renewing, the signed settings, and what other hubs of the
 *				same CA ask
 *
 * and, on a loopback address without TLS, GET /metrics and GET /healthz; for people there is a
 * door of its own (hub/door/api.h).
 *
 * Ownership: the caller owns a hub and ends it with hin_hub_close().
 * Threads:   one thread; the hub has its own inside.
 */
#pragma once
#include "base/config.h"
#include "hub/door/door.h"
#include "hub/intake.h"
#include "hub/telling/telling.h"

struct hin_hub_settings {
	char *listen, *metrics, *trust, *store, *user, *as_table;
	int64_t silent_ns, past_ns, future_ns;
	uint64_t ahead, memory_bytes, body_bytes, connections, per_address, threads;
	int64_t keep_age_ns, keep_minutes_ns, keep_hours_ns;
	uint64_t keep_bytes;
	int log;			  /* enum hin_log_level */
	struct hin_config_list witnesses; /* "URL KEY CA" */
	struct hin_config_list peers;	  /* "https://HOST:PORT": hubs of the same CA */
	int64_t peers_every_ns;
	struct hin_analyse_settings analyse;
	struct hin_door_settings people;
	struct hin_telling_settings telling;
};

extern const struct hin_config_table hin_hub_table;

struct hin_hub;

/*
 * Open the hub in `folder`, bind its sockets and serve. `passphrase` opens the keys, or NULL. The
 * folder's hub.yaml is not read here. HIN_ENOENT when there is no CA yet.
 */
HIN_MUST_USE enum hin_code hin_hub_open(struct hin_hub **out, const char *folder,
					const struct hin_hub_settings *settings,
					const char *passphrase, struct hin_error *err);

/* Take no more requests, commit, write status.json, close and free. NULL is fine. */
void hin_hub_close(struct hin_hub *hub);

/*
 * About once a second: write status.json every few seconds, renew the hub's certificate when it is
 * time. Failures go to the log.
 */
void hin_hub_tick(struct hin_hub *hub, int64_t now_ns);

/*
 * Go on by other settings, and read certificates, keys, the roster, templates and passwords again.
 * What needs a restart is named in the log, with the reason: where it listens and stores, who it
 * is, memory and threads. No request or letter is lost; a letter that is under way ends as it
 * began. On failure all stays as it was.
 */
HIN_MUST_USE enum hin_code hin_hub_reload(struct hin_hub *hub,
					  const struct hin_hub_settings *settings,
					  struct hin_error *err);

/* Is the thread that stores at work? False when it hangs for longer than `ns`. */
bool hin_hub_is_alive(const struct hin_hub *hub, int64_t ns);

/* The ports that are listened on; 0 = no metrics. */
uint16_t hin_hub_port(const struct hin_hub *hub);
uint16_t hin_hub_metrics_port(const struct hin_hub *hub);
uint16_t hin_hub_people_port(const struct hin_hub *hub); /* 0 = none */

/* Can somebody sign in as administrator? True too when that cannot be known. */
bool hin_hub_has_administrator(struct hin_hub *hub);

/*
 * Until somebody can sign in as administrator: make the one-time link of the first one (admin),
 * and append its whole address. HIN_EDENIED when there is an administrator already, HIN_ENOENT
 * without a door.
 */
HIN_MUST_USE enum hin_code hin_hub_first_link(struct hin_hub *hub, struct hin_buffer *out,
					      struct hin_error *err);

/* The folders that it writes to: for the sandbox. They belong to the hub; returns how many. */
size_t hin_hub_folders(const struct hin_hub *hub, const char *folders[4]);

#define HIN_HUB_READS 96

/*
 * What it reads beside: the folders of files that its settings name and of `config` (or NULL), and
 * what it takes to find servers by name. They belong to the hub; returns how many.
 */
size_t hin_hub_reads(struct hin_hub *hub, const char *config, const char *const **reads);

/* Does it connect to others, to send mail and alerts? */
bool hin_hub_sends(const struct hin_hub *hub);

/* Append everything known as JSON, and as Prometheus has it. */
void hin_hub_status(struct hin_hub *hub, struct hin_buffer *out);
void hin_hub_metrics(struct hin_hub *hub, struct hin_buffer *out);
