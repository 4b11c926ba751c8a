/*
 * bounce - read what mail servers send back: delivery status notifications (RFC 3464).
 *
 * A message is read as bytes of a stranger: nesting, lines and parts have limits, and what is no
 * bounce is said to be none. Parts in base64 or quoted-printable are decoded. Bounces without a
 * machine-readable part give what their headers tell, those of qmail what their text does (QSBMF).
 *
 * Ownership: the caller's storage; nothing points into the message.
 * Threads:   any; nothing is shared.
 */
#pragma once
#include "base/error.h"

#define HIN_BOUNCE_SIZE ((size_t)1 << 20) /* most bytes that are looked at */
#define HIN_BOUNCE_DEPTH 4		  /* multiparts in each other */
#define HIN_BOUNCE_RECIPIENTS 16	  /* most that are taken of one notification */

enum hin_bounce_action {
	HIN_BOUNCE_NONE, /* not a bounce */
	HIN_BOUNCE_FAILED,
	HIN_BOUNCE_DELAYED,
	HIN_BOUNCE_DELIVERED, /* or relayed, expanded */
};

struct hin_bounce_recipient {
	char address[256];    /* as it was meant originally, else finally; escaped, "" = not said */
	char status[16];      /* "5.1.1", digits and dots, or "" */
	char diagnostic[200]; /* escaped */
	enum hin_bounce_action action;
};

struct hin_bounce {
	enum hin_bounce_action action; /* the worst of all recipients */
	char to[256];		       /* whom the notification is for: our bounce address, or "" */
	char message_id[256];	       /* of the message that came back, without brackets, or "" */
	struct hin_bounce_recipient recipients[HIN_BOUNCE_RECIPIENTS];
	size_t count;
};

/* Read a message. HIN_EFORMAT when it is no mail at all, HIN_ELIMIT when it nests too deeply. */
HIN_MUST_USE enum hin_code hin_bounce_parse(struct hin_bounce *out, const void *data, size_t size,
					    struct hin_error *err);
