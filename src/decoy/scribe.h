/*
 * scribe - the process of a decoy that writes: recordings, files, and rows for the hub.
 *
 * It alone has the folder and the sensor's key, and no connection to strangers. What workers and
 * gate tell it (decoy/wire.h) it takes as hostile; who sends nonsense is replaced. It ends when all
 * of them have gone.
 *
 *	FOLDER/recordings/	every session (decoy/record/recording.h)
 *	FOLDER/vault/		files that intruders brought (decoy/record/vault.h)
 *	FOLDER/blocked		addresses that are not let in, a line each; read when it changes
 *	FOLDER/status		how it goes, for people and for metrics; written every few seconds
 *
 * Threads: a process of its own; the road's threads beside it.
 */
#pragma once
#include "decoy/gate.h"
#include "decoy/record/recording.h"
#include "decoy/record/vault.h"
#include "observe/road.h"

struct hin_scribe_settings {
	const char *folder;
	const struct hin_organisation *organisation;
	struct hin_decoy_limits limits;
	struct hin_recording_settings recording;
	struct hin_decoy_vault_settings vault;
	const struct hin_sensor_key *key; /* seals recordings */
	uint8_t credential_key[32];	  /* decoy/tell.h */
	struct hin_road *road;		  /* to the hub; NULL: there is none */
	int gate;			  /* its end of the pair */
	int workers[HIN_GATE_WORKERS];	  /* ends of the pairs; limits.workers of them */
};

/* Open recordings and vault, write until all have gone, close them. As what it opens. */
HIN_MUST_USE enum hin_code hin_scribe_run(const struct hin_scribe_settings *settings,
					  struct hin_error *err);
