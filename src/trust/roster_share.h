/*
 * roster_share - two hubs of one CA keep their rosters in step.
 *
 * A hub asks another what has changed since a line of that one's roster, and the other answers with
 * the sensors as it knows them now: names, keys, certificates, revocations; no code and no secret.
 * Both are signed notes by the settings key, which hubs of one CA share:
 *
 *	hinomi roster request 1			hinomi roster answer 1
 *	for hub-b.example:8443			of hub-a.example:8443
 *	time 1795333803				time 1795333803
 *	since 17 4be0c1f2a3d49876		until 21 9a7e4be0c1f2a3d4 end
 *						6f1c... 9d2e... alpha 01ab... 1795... 1795...
 *1797...
 *0
 *
 * The mark behind a line's number is of the digests that roster.h chains: when it is not that of
 *the asked hub's own line, as after a restored backup, the answer begins anew. An answer with
 *"more" is a part; who asks goes on from its line.
 *
 * What comes is merged: a sensor that any hub has revoked is revoked, for good; of certificates the
 * one that was given last counts. So the order in which hubs hear of each other does not matter,
 * and hearing the same twice changes nothing.
 *
 * Ownership: the caller's storage.
 * Threads:   no shared state; a roster one at a time.
 */
#pragma once
#include "trust/note.h"
#include "trust/roster.h"

#define HIN_ROSTER_SHARE_SKEW_S 600    /* clocks of two hubs may differ */
#define HIN_ROSTER_SHARE_SENSORS 3000u /* of one answer */
#define HIN_ROSTER_REQUEST_SIZE 4096u

/* How far another hub's roster was read. Start with { 0 }. */
struct hin_roster_seen {
	uint64_t line;
	uint8_t mark[8];
};

struct hin_roster_answer {
	struct hin_roster_seen until;
	bool more; /* ask again from there */
	struct hin_roster_sensor *sensors;
	size_t count;
};

/* Append a signed request. `hub` says who asks. */
HIN_MUST_USE enum hin_code hin_roster_ask(struct hin_buffer *out, const char *hub,
					  const struct hin_roster_seen *since, int64_t now_s,
					  const struct hin_note_signer *signer,
					  struct hin_error *err);

/*
 * Append the signed answer to a request. HIN_EVERIFY when it is not signed by the same key,
 * HIN_EFORMAT, HIN_EDENIED when its time is more than HIN_ROSTER_SHARE_SKEW_S away.
 */
HIN_MUST_USE enum hin_code hin_roster_tell(struct hin_buffer *out, const struct hin_roster *roster,
					   const char *hub, const void *request, size_t size,
					   int64_t now_s, const struct hin_note_signer *signer,
					   struct hin_error *err);

/* Read an answer; failures as of hin_roster_tell(). End it with hin_roster_answer_fini(). */
HIN_MUST_USE enum hin_code hin_roster_hear(struct hin_roster_answer *out, const void *data,
					   size_t size, int64_t now_s,
					   const struct hin_note_verifier *verifier,
					   struct hin_error *err);

/* NULL is fine. */
void hin_roster_answer_fini(struct hin_roster_answer *answer);

/*
 * Merge sensors into a roster: those that change it are written, all or none; how many into
 * `*changed`. HIN_ELIMIT when they would be more than HIN_ROSTER_SENSORS.
 */
HIN_MUST_USE enum hin_code hin_roster_merge(struct hin_roster *roster,
					    const struct hin_roster_sensor *sensors, size_t count,
					    int64_t now_s, size_t *changed, struct hin_error *err);
