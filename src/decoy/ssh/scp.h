/*
 * scp - an imitated `scp -t` and `scp -f`: the far side of the old protocol of rcp.
 *
 * Ownership: the caller owns a server; the session outlives it.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "decoy/session.h"

#define HIN_SCP_LINE 16384		  /* bytes of a line, as OpenSSH has it */
#define HIN_SCP_DEPTH 32		  /* folders in each other */
#define HIN_SCP_FILE ((uint64_t)64 << 20) /* bytes that are kept of a file */

struct hin_scp_settings {
	struct hin_session *session;
	uint32_t channel; /* of records */
	void (*send)(void *user, int fd, const void *data, size_t size);
	void *user;
};

struct hin_scp;

/*
 * Begin what `command` wants: "scp" with -t or -f, options and plain words, as scp sends it. NULL
 * when it is not that, or without memory: then the shell runs it.
 */
HIN_MUST_USE struct hin_scp *hin_scp_new(const struct hin_scp_settings *settings,
					 const char *command);
void hin_scp_free(struct hin_scp *scp); /* NULL is fine */

void hin_scp_input(struct hin_scp *scp, const uint8_t *data, size_t size);
void hin_scp_input_end(struct hin_scp *scp);

/* Go on with what has come; false when it waits for input, or is over. */
bool hin_scp_run(struct hin_scp *scp);

/* Is it over? Then its exit status is in `*status`. */
bool hin_scp_is_over(const struct hin_scp *scp, int *status);
