/*
 * far - other hosts, of which none ever answers: addresses, and how reaching for one fails.
 *
 * Commands tell where they would have gone (struct hin_shell_event), wait as long as a real one
 * would, and get an error. Nothing is sent.
 */
#pragma once
#include "decoy/shell/command/command.h"

struct far_url {
	const char *text;   /* as typed */
	const char *scheme; /* in lower case; "http" when there was none */
	const char *host;   /* in lower case, without brackets */
	uint16_t port;
	const char *path; /* with its "/", and the query */
	const char *user; /* or NULL */
};

/* Read an address; `scheme` is for one without. False when it has no host. */
bool far_url(struct process *p, const char *text, const char *scheme, struct far_url *out);

/* The port of a scheme or service; 0: none is known. */
uint16_t far_port(const char *scheme);

/* Tell what a command would have done. */
void far_tell(struct process *p, enum hin_shell_event_kind kind, const char *tool,
	      const struct far_url *url, const char *file);

/*
 * The address of `host`: itself when it is one, or what /etc/hosts says; NULL after as long as a
 * name server is waited for.
 */
const char *far_address(struct process *p, const char *host);

/* Connect: -ETIMEDOUT after at most `seconds` (0: the machine's own time), or what else it is. */
int far_connect(struct process *p, const char *address, uint16_t port, double seconds);

/* Is it a number address? */
bool far_is_address(const char *host);
