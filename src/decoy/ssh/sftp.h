/*
 * sftp - an imitated sftp-server over an intruder's files: SFTP of version 3
 * (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions (PROTOCOL, 4).
 *
 * It answers each request as OpenSSH's sftp-server 9.2 does, the texts of its errors and the order
 * of fields included. Files that were written go to the vault when they are closed.
 *
 * Ownership: the caller owns a server; the session and the profile outlive it.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include "decoy/session.h"
#include "decoy/ssh/ssh_profile.h"

#define HIN_SFTP_MESSAGE ((size_t)256 * 1024) /* bytes, as OpenSSH has it */
#define HIN_SFTP_HANDLES 100		      /* open files and folders */

struct hin_sftp_settings {
	struct hin_session *session;
	const struct hin_ssh_profile *profile;
	uint32_t channel; /* of records */
	void (*send)(void *user, const void *data, size_t size);
	void *user;
};

struct hin_sftp;

/* NULL without memory or before a log-in. */
HIN_MUST_USE struct hin_sftp *hin_sftp_new(const struct hin_sftp_settings *settings);
void hin_sftp_free(struct hin_sftp *sftp); /* NULL is fine */

/* Bytes of the client. What is no request ends the server. */
void hin_sftp_input(struct hin_sftp *sftp, const uint8_t *data, size_t size);

/* Answer a request that has come; false when there is none, or the server has ended. */
bool hin_sftp_run(struct hin_sftp *sftp);

/* Has it ended by itself? Then its exit status is in `*status`. */
bool hin_sftp_is_over(const struct hin_sftp *sftp, int *status);
