/* telnet_priv - what the parts of the Telnet service share. */
#pragma once
#include "decoy/service.h"
#include "decoy/telnet/telnet_profile.h"
#include "decoy/terminal/terminal.h"

#define TELNET_NAME 256u	/* bytes of a name or password that are kept */
#define TELNET_SUB 512u		/* bytes of a subnegotiation */
#define TELNET_BUSYBOX_NAME 61u /* bytes of a name that busybox' login takes */

/* RFC 854, 855; the names are theirs. */
enum {
	IAC_EOF = 236,
	IAC_SUSP = 237,
	IAC_ABORT = 238,
	IAC_EOR = 239,
	IAC_SE = 240,
	IAC_NOP = 241,
	IAC_DM = 242,
	IAC_BRK = 243,
	IAC_IP = 244,
	IAC_AO = 245,
	IAC_AYT = 246,
	IAC_EC = 247,
	IAC_EL = 248,
	IAC_GA = 249,
	IAC_SB = 250,
	IAC_WILL = 251,
	IAC_WONT = 252,
	IAC_DO = 253,
	IAC_DONT = 254,
	IAC = 255,
};

/* IANA, Telnet options. */
enum {
	OPTION_BINARY = 0,
	OPTION_ECHO = 1,
	OPTION_SGA = 3,
	OPTION_STATUS = 5,
	OPTION_TM = 6,
	OPTION_LOGOUT = 18,
	OPTION_TTYPE = 24,
	OPTION_NAWS = 31,
	OPTION_TSPEED = 32,
	OPTION_LFLOW = 33,
	OPTION_LINEMODE = 34,
	OPTION_XDISPLOC = 35,
	OPTION_OLD_ENVIRON = 36,
	OPTION_AUTHENTICATION = 37,
	OPTION_ENCRYPT = 38,
	OPTION_NEW_ENVIRON = 39,
};

enum telnet_stage {
	STAGE_NEGOTIATES, /* nothing is shown before the client has answered */
	STAGE_STARTS,	  /* the log-in program is not there yet */
	STAGE_NAME,
	STAGE_PASSWORD,
	STAGE_WAITS, /* the pause after a wrong pair */
	STAGE_SHELL,
	STAGE_MENU,
	STAGE_OVER,
};

struct bsd;   /* the options of BSD's telnetd */
struct plain; /* those of HIN_TELNET_PLAIN */

struct telnet {
	struct hin_session *session;
	const struct hin_telnet_profile *profile;
	struct hin_terminal *terminal;
	struct hin_shell *shell;
	struct hin_session_shell shell_settings;
	enum telnet_stage stage;
	int64_t deadline_us; /* of the log-in, or of silence */
	int64_t wake_us;     /* the pause ends, or the program is there */
	unsigned tries, empties;
	char *name; /* that was given */
	char *type; /* TERM of the client */
	uint16_t columns, rows;
	/* receiving */
	uint8_t state, command;
	bool pending_iac;	/* busybox: the last piece ended with an IAC */
	struct hin_buffer sub;	/* a subnegotiation */
	struct hin_buffer line; /* that a router's program reads */
	char line_before;	/* the last key of it was CR: its LF or NUL is no other */
	struct bsd *bsd;
	struct plain *plain;
};

/* ---- telnet.c ---- */

/* Bytes of the protocol to the client, as they are. */
void telnet_raw(struct telnet *t, const void *data, size_t size);
/* Text of the host: IAC doubled, CR NUL where the engine does that. */
void telnet_data(struct telnet *t, const void *data, size_t size);
/* A text of the profile: %h, %t, %c; line ends become CR LF. `word` is %c. */
void telnet_text(struct telnet *t, const char *text, const char *word);
void telnet_over(struct telnet *t, enum hin_close why);
void telnet_size(struct telnet *t, unsigned columns, unsigned rows);
void telnet_terminal_type(struct telnet *t, const void *name, size_t size);
int64_t telnet_now_us(const struct telnet *t);
/* Is there a terminal? One is made. */
HIN_MUST_USE bool telnet_terminal(struct telnet *t);

/* ---- telnet_busybox.c, telnet_plain.c, telnet_bsd.c: what came is told to telnet_keys() ---- */

void telnet_busybox_receive(struct telnet *t, const uint8_t *data, size_t size);

HIN_MUST_USE bool telnet_plain_open(struct telnet *t);
void telnet_plain_receive(struct telnet *t, const uint8_t *data, size_t size);
/* Does it send CR NUL for a bare CR? Not in binary. */
bool telnet_plain_binary(const struct telnet *t);

HIN_MUST_USE bool telnet_bsd_open(struct telnet *t);
void telnet_bsd_receive(struct telnet *t, const uint8_t *data, size_t size);
bool telnet_bsd_binary(const struct telnet *t);
void telnet_bsd_flushed(struct telnet *t);
void telnet_bsd_free(struct bsd *bsd);

/* ---- telnet_login.c ---- */

/* The program that asks for the name begins. */
void telnet_login_start(struct telnet *t);
/* Keys of the client, decoded. */
void telnet_keys(struct telnet *t, const uint8_t *keys, size_t size);
/* A log-in program has lines to read, or its time has come. */
void telnet_login_run(struct telnet *t, int64_t now_us);
void telnet_login_signal(struct telnet *t, int number);

/* ---- telnet_menu.c ---- */

/* A router's program reads keys: a line is done when this is true. `shown`: how its keys are. */
bool telnet_line_key(struct telnet *t, uint8_t key, const char *mask, bool shown);
void telnet_menu_start(struct telnet *t);
void telnet_menu_keys(struct telnet *t, const uint8_t *keys, size_t size);

/* ---- telnet_shell.c ---- */

void telnet_shell_start(struct telnet *t);
void telnet_shell_run(struct telnet *t, int64_t now_us, int64_t *next_us);
