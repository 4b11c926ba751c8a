/*
 * join - a sensor's side on the wire: join a hub, renew a certificate, fetch settings.
 *
 * Threads: one thread at a time for each client and member.
 */
#pragma once
#include "net/http_client.h"
#include "trust/member.h"
#include "trust/settings.h"

/*
 * Join the hub that `code` names and write `folder`. Only a hub with the CA of the code is
 * spoken to. HIN_EDENIED with the hub's reason when it refuses. When the connection breaks it is
 * tried again, up to three times: the hub lets the same key repeat.
 */
HIN_MUST_USE enum hin_code hin_join(const char *folder, const struct hin_join_code *code,
				    const struct hin_enrol_key *key, const char *passphrase,
				    const char *proxy, int64_t now_s, struct hin_error *err);

/* A client for the member's hub. The certificates may change after it; then make another. */
HIN_MUST_USE enum hin_code hin_join_client(struct hin_http_client **out,
					   const struct hin_member *member, const char *proxy,
					   const _Atomic bool *stop, struct hin_error *err);

/* Renew the certificate over `client`, and write the folder. */
HIN_MUST_USE enum hin_code hin_join_renew(struct hin_http_client *client, struct hin_member *member,
					  const struct hin_enrol_key *key, const char *passphrase,
					  int64_t now_s, struct hin_error *err);

/*
 * Fetch the settings and keep them when they are newer. HIN_OK: `out` holds new ones. HIN_EAGAIN:
 * they are those we have. HIN_ENOENT: the hub has none.
 */
HIN_MUST_USE enum hin_code hin_join_settings(struct hin_http_client *client,
					     const struct hin_member *member,
					     struct hin_sensor_settings *out,
					     struct hin_error *err);
