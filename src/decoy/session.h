/*
 * session - one connection of an intruder with a host: what its services share.
 *
 * A service (decoy/service.h: Telnet, SSH, ...) is a state machine of bytes and time. All that it
 * needs of the world it asks of its session: to send, to know the time, to decide a log-in, to open
 * a shell over the intruder's files, to record. So a service has no socket, no clock and no file,
 * and a test is a loop of bytes.
 *
 *	receive: program -> service -> shell        send: shell -> service -> session -> program
 *	all that is said and done: session -> recorder (decoy/record/recording.h), as events
 *
 * Ownership: the caller owns a session; host and calls outlive it.
 * Threads:   one thread at a time for each session.
 */
#pragma once
#include "decoy/host/host.h"

/* What is told about a session, in order. `a` and `b` are any bytes of a stranger. */
enum hin_event_type {
	HIN_EVENT_OPEN = 1,    /* number: service (registry); the addresses are the session's */
	HIN_EVENT_CLOSE,       /* number: enum hin_close */
	HIN_EVENT_CLIENT,      /* a: the client's identification, without its line end */
	HIN_EVENT_FINGERPRINT, /* a: what its fingerprint is of, b: 16 bytes HASSH (MD5) */
	HIN_EVENT_CREDENTIAL,  /* a: user, b: password or public key; number: enum hin_tried;
				  verdict */
	HIN_EVENT_CHANNEL,     /* channel opened; number: enum hin_channel; a: command, or target */
	HIN_EVENT_TERMINAL,    /* of the channel; number: columns << 16 | rows; a: TERM */
	HIN_EVENT_CHANNEL_END, /* number: exit status */
	HIN_EVENT_COMMAND,     /* a: a command line that the shell understood */
	HIN_EVENT_DOWNLOAD,    /* wanted, never fetched; a: URL, b: the name it was to have */
	HIN_EVENT_CONNECT,     /* wanted, never made; a: host, number: port */
	HIN_EVENT_EXECUTE,     /* a file of the intruder's would be run; a: path, b: its words */
	HIN_EVENT_FILE, /* a: path, b: 32 bytes SHA-256, number: size; its bytes are in the vault */
	HIN_EVENT_FORWARD,    /* a: host that was asked for, number: port */
	HIN_EVENT_HONEYTOKEN, /* a: its name in the organisation */
	HIN_EVENT_NOTE,	      /* number: a protocol error or limit; a: our own words for it */
};

enum hin_tried {
	HIN_CREDENTIAL_PASSWORD = 1,
	HIN_CREDENTIAL_PUBLIC_KEY,
	HIN_CREDENTIAL_TYPED, /* told to a command: su, passwd, ... */
};

enum hin_channel {
	HIN_CHANNEL_SHELL = 1,
	HIN_CHANNEL_COMMAND,
	HIN_CHANNEL_SFTP,
	HIN_CHANNEL_SCP,
	HIN_CHANNEL_FORWARD,
	HIN_CHANNEL_RAW, /* first bytes at a port that nobody serves */
};

enum hin_close {
	HIN_CLOSE_CLIENT = 1, /* the client went */
	HIN_CLOSE_SERVICE,    /* we ended it as the machine would */
	HIN_CLOSE_TIMEOUT,
	HIN_CLOSE_LIMIT, /* bytes, time or memory of ours */
	HIN_CLOSE_ERROR, /* the client broke the protocol */
	HIN_CLOSE_STOP,	 /* the program ends, or an operator did it */
};

struct hin_event {
	int64_t time_us; /* since 1970 UTC, of the real clock */
	uint16_t type;
	uint8_t verdict;  /* registry verdicts; 0 = none */
	uint32_t channel; /* 0: the connection itself */
	uint64_t number;
	const void *a, *b;
	size_t a_size, b_size;
};

/* Whose bytes. */
enum hin_direction { HIN_FROM_CLIENT, HIN_TO_CLIENT };

struct hin_session;

/* What the program around gives; `user` is its own. */
struct hin_session_calls {
	/* Send to the client, after what was sent before. Copies. */
	void (*send)(void *user, const void *data, size_t size);
	/* Bytes that were sent and are not on their way: above HIN_SESSION_UNSENT do not go on. */
	size_t (*unsent)(void *user);
	/* Close when all that was sent is gone. The service is not called any more. */
	void (*hang_up)(void *user, enum hin_close why);
	/*
	 * Bytes of the session: channel 0 is what the protocol says outside of channels (options,
	 * key exchange), others what a channel carried, decrypted.
	 */
	void (*record)(void *user, uint32_t channel, enum hin_direction direction, const void *data,
		       size_t size);
	void (*event)(void *user, const struct hin_event *event);
	/* A file for the vault; its event follows. */
	void (*keep)(void *user, const char *path, const void *data, size_t size,
		     const uint8_t sha256[32]);
	int64_t (*now_us)(void *user); /* real clock, microseconds since 1970 UTC */
};

#define HIN_SESSION_SHELLS 16 /* of one session at once */
#define HIN_SESSION_UNSENT ((size_t)64 * 1024)

struct hin_intruders;

struct hin_session_settings {
	const struct hin_host *host;
	struct hin_intruders *intruders; /* their files; decoy/intruder.h */
	struct hin_addr client, server;
	uint16_t client_port, server_port;
	uint16_t service; /* registry services */
	const struct hin_session_calls *calls;
	void *user;
};

/* NULL without memory. Tells HIN_EVENT_OPEN. */
HIN_MUST_USE struct hin_session *hin_session_new(const struct hin_session_settings *settings);
void hin_session_free(struct hin_session *session); /* NULL is fine */

const struct hin_host *hin_session_host(const struct hin_session *session);
const struct hin_session_settings *hin_session_about(const struct hin_session *session);
int64_t hin_session_now_us(const struct hin_session *session);

/* ---- to the client, and to the record ---- */

void hin_session_send(struct hin_session *session, const void *data, size_t size);
bool hin_session_is_full(const struct hin_session *session); /* stop reading from the shell */
void hin_session_hang_up(struct hin_session *session, enum hin_close why);
bool hin_session_is_over(const struct hin_session *session); /* it was hung up */
void hin_session_record(struct hin_session *session, uint32_t channel, enum hin_direction direction,
			const void *data, size_t size);
/* Tell an event; its time is set here. */
void hin_session_tell(struct hin_session *session, struct hin_event event);

/* ---- log-in ---- */

/*
 * Try a password: decided by the host, told as HIN_EVENT_CREDENTIAL, a honeytoken too. True lets
 * the intruder in, as hin_session_user().
 */
bool hin_session_password(struct hin_session *session, const char *user, size_t user_size,
			  const char *password, size_t password_size);

/*
 * The same for a public key (RFC 4253 6.6), which lets nobody in unless it was planted. `proved`:
 * the client has signed with it; before that it is a question, and true says "try it".
 */
bool hin_session_public_key(struct hin_session *session, const char *user, size_t user_size,
			    const uint8_t *key, size_t key_size, bool proved);

/* Who logged in; NULL before. */
const struct hin_host_user *hin_session_user(const struct hin_session *session);

/* ---- what one does once in ---- */

/* The intruder's files on this host, the same in each connection and service; after a log-in. */
struct hin_fs *hin_session_fs(struct hin_session *session);

/* A file was written whole by another way than the shell (SFTP, SCP): for the vault. */
void hin_session_file(struct hin_session *session, uint32_t channel, uint32_t ino,
		      const char *path);

/* A file's bytes were read by another way than the shell: it may be one that was planted. */
void hin_session_read(struct hin_session *session, uint32_t channel, uint32_t ino);

/* The caller's, until the shell is freed. */
struct hin_session_shell {
	uint32_t channel;
	const char *command; /* NULL: an interactive log-in shell */
	struct hin_shell_terminal terminal;
	const char *const *variables; /* more of them, "NAME=value"; ends with NULL; or NULL */
	/* What the shell prints: `fd` is 1 or 2. Raw: a terminal's line ends are the service's. */
	void (*output)(void *user, int fd, const void *data, size_t size);
	/* The shell wants its terminal so (stty, a password): decoy/terminal/terminal.h. May be
	 * NULL. */
	void (*modes)(void *user, const struct hin_shell_modes *modes);
	void *user;
	/* Set by hin_session_shell(). */
	struct hin_session *session;
	char name[64], from[HIN_ADDR_TEXT];
};

/*
 * The user's shell, begun: feed it by hin_shell_input(), go on by hin_shell_run(), end it by
 * hin_session_shell_end(). What it does is told as events. NULL without memory, before a log-in, or
 * when the session has HIN_SESSION_SHELLS already.
 */
HIN_MUST_USE struct hin_shell *hin_session_shell(struct hin_session *session,
						 struct hin_session_shell *settings);
void hin_session_shell_end(struct hin_session *session, struct hin_shell *shell);
