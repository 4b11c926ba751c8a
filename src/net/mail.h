/*
 * mail - messages for people, built and handed to a mail server.
 *
 * A message is built as a whole (RFC 5322, 2045, 2047, 2231): a text in UTF-8, attachments, and, by
 * a certificate, a detached S/MIME signature (RFC 8551) that `openssl smime -verify` accepts. No
 * value can begin a header of its own: an address that is not strictly one is refused, every other
 * text goes through one function that leaves nothing but printable ASCII, and what the bytes of a
 * body are makes no difference to what stands around them.
 *
 * Sending is SMTP by libcurl. Without TLS it is refused, but to loopback, or where that is set by
 * name. What a server says is escaped before anybody sees it.
 *
 * Ownership: the caller owns signers and mailers and ends them with their close functions; texts
 *            in struct hin_mail are borrowed for the call.
 * Threads:   one thread at a time for each.
 */
#pragma once
#include <stdatomic.h>

#include "base/buffer.h"

#define HIN_MAIL_ADDRESS 255		/* longest address, with its NUL (RFC 5321, 4.5.3.1) */
#define HIN_MAIL_SIZE ((size_t)8 << 20) /* most bytes of a message */
#define HIN_MAIL_PARTS 8		/* most attachments */
#define HIN_MAIL_ANSWER 300		/* longest answer of a server, with its NUL */

/*
 * Is `text` an address: local@domain in ASCII, the local part a dot-atom of at most 64 bytes, the
 * domain a DNS name or "localhost"? HIN_EFORMAT with what is wrong. Quoted local parts, comments
 * and address literals are refused: no mailbox of a directory needs them.
 */
HIN_MUST_USE enum hin_code hin_mail_address_check(const char *text, struct hin_error *err);

/* The part of a checked address behind its @. */
const char *hin_mail_domain(const char *address);

/*
 * Append the bounce address for `token` (letters and digits): that of `base` with "+token" behind
 * its local part. HIN_ELIMIT when it becomes too long.
 */
HIN_MUST_USE enum hin_code hin_mail_bounce_address(struct hin_buffer *out, const char *base,
						   const char *token, struct hin_error *err);

/* Behind the text; a kind of content is one of these and no other. */
enum hin_mail_type {
	HIN_MAIL_TEXT, /* text/plain; charset=utf-8 */
	HIN_MAIL_CSV,  /* text/csv; charset=utf-8 */
	HIN_MAIL_JSON, /* application/json */
	HIN_MAIL_XARF, /* application/json; profile="xarf": X-ARF 4 */
};

struct hin_mail_part {
	enum hin_mail_type type;
	const char *name; /* of the file: letters, digits and . _ - ; others become _ */
	const void *data;
	size_t size;
};

struct hin_mail {
	const char *from, *from_name; /* address; name of a person or office, or NULL */
	const char *to, *to_name;
	const char *reply_to; /* or NULL */
	const char *subject;
	const char *message_id;	 /* "left@right" without brackets */
	const char *in_reply_to; /* the same, or NULL: the first message about a matter */
	const char *language;	 /* "en", "ja" */
	int64_t time_ns;	 /* Date: */
	bool important;		 /* Importance: high */
	const char *text;	 /* UTF-8; lines end with \n */
	const struct hin_mail_part *parts;
	size_t part_count;
};

struct hin_mail_signer;

/*
 * Read certificate (with the chain behind it, as it was given) and key, PEM. HIN_EFORMAT for what
 * is none, HIN_EVERIFY when they do not belong together or the certificate is over at `now_s`.
 */
HIN_MUST_USE enum hin_code hin_mail_signer_open(struct hin_mail_signer **out,
						const char *certificate_pem, const char *key_pem,
						int64_t now_s, struct hin_error *err);

/* NULL is fine. */
void hin_mail_signer_close(struct hin_mail_signer *signer);

/*
 * Append the message as it goes over the wire, lines ended by CR LF, none over 998 bytes. The same
 * input gives the same bytes, but for the signature (`signer` may be NULL). HIN_EFORMAT for an
 * address or message id that is none or a text that is not UTF-8, HIN_ELIMIT over HIN_MAIL_SIZE.
 */
HIN_MUST_USE enum hin_code hin_mail_build(struct hin_buffer *out, const struct hin_mail *mail,
					  struct hin_mail_signer *signer, struct hin_error *err);

/* ---- sending ---- */

enum hin_mail_tls {
	HIN_MAIL_STARTTLS, /* the server must offer it */
	HIN_MAIL_TLS,	   /* from the first byte (RFC 8314) */
	HIN_MAIL_PLAIN,	   /* none; meant for loopback */
};

struct hin_mailer_settings {
	const char *server; /* "mail.example:587", "[2001:db8::1]:25" */
	enum hin_mail_tls tls;
	bool plain_anywhere;		/* HIN_MAIL_PLAIN also beyond loopback */
	const char *ca_file;		/* authorities, PEM; NULL = the system's */
	const char *user, *password;	/* NULL = no authentication; never without TLS but to
					   loopback */
	const char *hello;		/* own name for EHLO, or NULL */
	int64_t connect_ns, message_ns; /* 0 = 15 s, 60 s */
	const _Atomic bool *stop;	/* when it becomes true, sending ends with HIN_EAGAIN */
};

struct hin_mailer;

/* Make a mailer; nothing is sent. HIN_EFORMAT for a server that is none, HIN_EDENIED: no TLS. */
HIN_MUST_USE enum hin_code hin_mailer_open(struct hin_mailer **out,
					   const struct hin_mailer_settings *settings,
					   struct hin_error *err);

/* NULL is fine. */
void hin_mailer_close(struct hin_mailer *mailer);

/* What became of a message. */
enum hin_mail_outcome {
	HIN_MAIL_ACCEPTED, /* the server took it over */
	HIN_MAIL_LATER,	   /* not now: no connection, or a 4xx */
	HIN_MAIL_REFUSED,  /* a 5xx about the message or the whole session */
	HIN_MAIL_NO_SUCH,  /* a 5xx about the recipient: nobody reads there */
};

/*
 * Hand over `size` bytes of a built message, from `sender` (the bounce address) to `recipient`.
 * `answer` gets what the server or libcurl said, escaped. The connection is kept for the next one.
 */
enum hin_mail_outcome hin_mailer_send(struct hin_mailer *mailer, const char *sender,
				      const char *recipient, const void *data, size_t size,
				      char answer[HIN_MAIL_ANSWER]);
