/*
 * wire - what the processes of a decoy tell its scribe: messages over a pair of sockets.
 *
 * Those who talk to strangers have no files; what they see goes to the scribe at once, so that
 * nothing of it is lost or changed when one of them dies. A message is its size (u32), its type
 * (u8), the session (u64) and what the type has, all little-endian. The scribe takes every one as
 * hostile: its sender may have been taken over.
 *
 * Ownership: messages that were read point into what they were read from.
 * Threads:   pure functions.
 */
#pragma once
#include "base/bytes.h"
#include "decoy/session.h"

#define HIN_WIRE_MAX ((size_t)16 << 20) /* most bytes of a message */

enum hin_wire_type {
	HIN_WIRE_BEGIN = 1, /* of a session */
	HIN_WIRE_BYTES,
	HIN_WIRE_EVENT,
	HIN_WIRE_KEEP, /* a file for the vault */
	HIN_WIRE_END,
	HIN_WIRE_REFUSED, /* a connection that was not let in; no session of its own */
	HIN_WIRE_DIED,	  /* of the gate: worker number `session` has; what it left open ends */
	HIN_WIRE_TYPES
};

/* What a session is about, and how many bytes its connection carried when it ends. */
struct hin_wire_about {
	struct hin_addr client, server;
	uint16_t client_port, server_port, service;
	uint8_t verdict; /* how the port answered; registry verdicts */
	bool is_proxied; /* addresses are those that a proxy told */
	bool is_tarpit;
	uint32_t host; /* its place among the hosts, or HIN_WIRE_NO_HOST */
};

#define HIN_WIRE_NO_HOST UINT32_MAX

struct hin_wire_message {
	enum hin_wire_type type;
	uint64_t session;
	int64_t time_us;
	struct hin_wire_about about;	 /* of BEGIN and REFUSED */
	uint32_t channel;		 /* of BYTES */
	enum hin_direction direction;	 /* of BYTES */
	struct hin_event event;		 /* of EVENT; its time is `time_us` */
	enum hin_close why;		 /* of END */
	uint64_t from_client, to_client; /* bytes, of END */
	const char *path;		 /* of KEEP; not ended by NUL */
	size_t path_size;
	const uint8_t *sha256; /* 32 bytes, of KEEP: as the sender says */
	const uint8_t *data;   /* of BYTES and KEEP */
	size_t size;
};

/* Append `message` to `out`. What is over a limit is cut: texts at 4096, data at a message. */
void hin_wire_write(struct hin_buffer *out, const struct hin_wire_message *message);

/*
 * Read one message from the start of `in`, which moves past it. HIN_EAGAIN: it is not all there,
 * and nothing moved; HIN_EFORMAT: it is none, and what follows is lost.
 */
HIN_MUST_USE enum hin_code hin_wire_read(struct hin_reader *in, struct hin_wire_message *out);
