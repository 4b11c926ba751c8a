/*
 * worker - the process of a decoy that talks to strangers: the loop around the services.
 *
 * It has a socket to the gate, from which connections come, a pair with the scribe, to which all
 * goes that happens, and the connections; it opens nothing. Each connection is a session, a service
 * (decoy/service.h) and what waits to be sent.
 *
 * Threads: a process of its own, without threads.
 */
#pragma once
#include "decoy/gate.h"

struct hin_worker_settings {
	struct hin_gate_ends ends;
	const struct hin_organisation *organisation;
	struct hin_decoy_limits limits;
	unsigned index;
};

/* Work until the gate has gone: its sessions are ended then. The process's exit status. */
int hin_worker_run(const struct hin_worker_settings *settings);
