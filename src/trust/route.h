/*
 * route - a hub's CA on its HTTPS server.
 *
 * The only files of this folder that include net/: route and join put the rest of it on the wire,
 * and make a library of their own (trust_net), so that all else stays free of it.
 *
 *	POST /v1/trust/join	no certificate; a request of trust/enrol.h, its answer
 *	POST /v1/trust/renew	a sensor's certificate; the same
 *	GET  /v1/settings	a sensor's certificate; the settings in force, a signed note
 *	POST /v1/trust/roster	no certificate; another hub's question (trust/roster_share.h), the
 *answer
 *
 * Ownership: the CA stays the caller's, and must outlive the server.
 * Threads:   as the server's.
 */
#pragma once
#include "net/http_server.h"
#include "trust/ca.h"

#define HIN_TRUST_JOIN "/v1/trust/join"
#define HIN_TRUST_RENEW "/v1/trust/renew"
#define HIN_TRUST_SETTINGS "/v1/settings"
#define HIN_TRUST_ROSTER "/v1/trust/roster"
#define HIN_TRUST_ROUTES 4

/* Write the routes to `out` of HIN_TRUST_ROUTES rows. */
void hin_trust_routes(struct hin_http_route out[HIN_TRUST_ROUTES], struct hin_ca *ca);

/*
 * For `revoked` of the server's settings, with the CA as its user: true unless the
 * certificate names a sensor that has joined and is not revoked. When the roster cannot be read,
 * nobody is let in, and the log says why.
 */
bool hin_trust_is_revoked(void *ca, const struct hin_http_peer *peer);

/* The sensor of a request whose certificate was checked. */
HIN_MUST_USE enum hin_code hin_trust_sensor(struct hin_ca *ca, struct hin_roster_sensor *out,
					    const struct hin_http_peer *peer,
					    struct hin_error *err);

/*
 * Settings for a server at `listen` with this CA, which is unlocked: certificates, clients'
 * CA, revocation. Routes and limits are left as they are.
 */
void hin_trust_serve(struct hin_http_server_settings *settings, struct hin_ca *ca);
