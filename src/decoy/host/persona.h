/*
 * persona - a make and version of machine: what it answers at its ports, its users, its files.
 *
 * A persona is one YAML file, data/personas/NAME.yaml, beside it the lists of its files. Whatever
 * makes a real machine recognisable stands there as the real one says it, with its source: a server
 * that we ran, a capture, or a standard. hin_persona_is_observed() tells whether all of it has one;
 * what was made up says so.
 *
 * Many hosts share one persona (decoy/host/organisation.h); what differs from host to host is not
 * here.
 *
 * Ownership: the caller owns a persona; all that its functions return belongs to it.
 * Threads:   read-only once loaded: any number of threads.
 */
#pragma once
#include "base/lang.h"
#include "decoy/host/host.h"

struct hin_ssh_profile;
struct hin_telnet_profile;

/*
 * Load the persona `name` from `folder`: its file NAME.yaml, and what that names. Errors tell file,
 * line and rule. HIN_ENOENT when there is no such persona.
 */
HIN_MUST_USE enum hin_code hin_persona_load(struct hin_persona **out, const char *folder,
					    const char *name, struct hin_error *err);

void hin_persona_free(struct hin_persona *persona); /* NULL is fine */

const char *hin_persona_name(const struct hin_persona *persona);
const char *hin_persona_title(const struct hin_persona *persona, enum hin_lang lang);

/* How SSH and Telnet are spoken; NULL when the persona does not. */
const struct hin_ssh_profile *hin_persona_ssh(const struct hin_persona *persona);
const struct hin_telnet_profile *hin_persona_telnet(const struct hin_persona *persona);

/* Its files, shared by all its hosts. */
const struct hin_fs_image *hin_persona_image(const struct hin_persona *persona);

/* What its machines have in common. Names, addresses, clock and start are the hosts' own. */
const struct hin_shell_machine *hin_persona_machine(const struct hin_persona *persona);

/* ---- ports ---- */

enum hin_port_answer {
	HIN_PORT_REFUSED, /* a reset, at once */
	HIN_PORT_SILENT,  /* nothing: a packet filter drops it */
	HIN_PORT_OPEN,	  /* accepted; what comes is kept, nothing is said but `banner` */
	HIN_PORT_SERVED,  /* by the service */
};

struct hin_persona_port {
	uint16_t port;
	enum hin_port_answer answer;
	uint16_t service;      /* registry services; 0: nothing known */
	const uint8_t *banner; /* what an open port says first; NULL: it waits */
	size_t banner_size;
	const uint8_t *banner_chosen; /* 1 for each byte that is chosen anew; NULL: none */
	uint32_t close_ms; /* an open port closes when it has heard nothing for so long; 0: never */
};

#define HIN_PERSONA_BANNER 512 /* most bytes of one */

/*
 * The banner of an open port for one connection, in `out`: bytes that the real server chooses anew
 * each time, such as a salt, are made of `random`. Returns its size.
 */
size_t hin_persona_banner(const struct hin_persona_port *port, uint64_t random,
			  uint8_t out[HIN_PERSONA_BANNER]);

/* What TCP port `port` does; never NULL. The field `port` is 0 for one that the persona does not
 * name. */
const struct hin_persona_port *hin_persona_service(const struct hin_persona *persona,
						   uint16_t port);

/* Port number `index` of those that it names, by number; NULL behind the last. */
const struct hin_persona_port *hin_persona_port_at(const struct hin_persona *persona, size_t index);

/* ---- what is observed ---- */

enum hin_source {
	HIN_SOURCE_SERVER,   /* a server that we ran and recorded */
	HIN_SOURCE_CAPTURE,  /* somebody's capture of a real one */
	HIN_SOURCE_STANDARD, /* an RFC or the like */
	HIN_SOURCE_MADE_UP,
};

struct hin_persona_source {
	const char *of; /* what it is of: settings that begin so, "ssh", "telnet.banner", "files" */
	enum hin_source kind;
	const char *text; /* which server, which capture, which section */
};

/* Source number `index`, in the file's order; NULL behind the last. */
const struct hin_persona_source *hin_persona_source_at(const struct hin_persona *persona,
						       size_t index);

/* Is nothing in it made up? */
bool hin_persona_is_observed(const struct hin_persona *persona);

/* Append what it is, for people: ports, log-ins, sources, files, in lines of 80 columns. */
void hin_persona_print(const struct hin_persona *persona, enum hin_lang lang,
		       struct hin_buffer *out);
