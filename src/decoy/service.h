/*
 * service - what a host offers at a port: a state machine of bytes and time.
 *
 * Ssh, Telnet and all that come after are such types. The program finds the type for a connection
 * by the host's persona, and calls it for bytes that came, for the end of them, and when the time
 * is there that it asked for. It answers through its session (decoy/session.h) alone.
 *
 * Delays of the real server are kept by asking to be run later; nothing ever waits.
 *
 * Ownership: the program owns what open() returned and gives it to close().
 * Threads:   one thread at a time for each conversation.
 */
#pragma once
#include "decoy/session.h"

#define HIN_SERVICE_NEVER INT64_MAX

struct hin_service_type {
	const char *name; /* as in the registry of services */
	uint16_t service; /* registry services */

	/* A client has connected. NULL without memory: the program hangs up. */
	void *(*open)(struct hin_session *session);

	/* Bytes came. May be called with any pieces of any size, never with none. */
	void (*receive)(void *self, const uint8_t *data, size_t size);

	/* The client will send no more. */
	void (*end)(void *self);

	/*
	 * Do what is due. Returns when it wants to be called again (hin_session_now_us() time), or
	 * HIN_SERVICE_NEVER; a time that has passed means at once, after others had their turn.
	 * It is called after each receive() too, and when the client has taken what was sent.
	 */
	int64_t (*run)(void *self, int64_t now_us);

	void (*close)(void *self);
};

/* Of `raw`, a port that is open and speaks no service of ours. */
extern const struct hin_service_type hin_service_ssh, hin_service_telnet, hin_service_raw;
