/* mail - messages built: addresses, headers, bodies and their parts; see mail.h */
#include "net/mail.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

#include "base/time.h"
#include "base/utf8.h"
#include "net/mail_priv.h"

#define FOLD 76	      /* columns of a header line */
#define WORD_BYTES 45 /* of text in one encoded word: 60 characters of base64 */
#define BOUNDARY 48

/* ---- addresses ---- */

static bool is_atom(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(const char *text, size_t size)
{
	if (size == 0 || text[0] == '.' || text[size - 1] == '.')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!is_atom(text[i]) && (text[i] != '.' || text[i - 1] == '.'))
			return false;
	return true;
}

static bool is_label(const char *text, size_t size)
{
	if (size == 0 || size > 63 || text[0] == '-' || text[size - 1] == '-')
		return false;
	for (size_t i = 0; i < size; i++)
		if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
		      (text[i] >= '0' && text[i] <= '9') || text[i] == '-'))
			return false;
	return true;
}

static bool is_domain(const char *text)
{
	size_t labels = 0;

	if (strcmp(text, "localhost") == 0)
		return true;
	for (const char *at = text;; labels++) {
		size_t size = strcspn(at, ".");

		if (!is_label(at, size))
			return false;
		at += size;
		if (*at == '\0')
			break;
		at++;
	}
	return labels >= 1;
}

const char *hin_mail_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : "";
}

enum hin_code hin_mail_address_check(const char *text, struct hin_error *err)
{
	const char *at = strrchr(text, '@');

	if (strlen(text) >= HIN_MAIL_ADDRESS)
		return hin_fail(err, HIN_EFORMAT, "\"%.60s...\" is longer than a mail address",
				text);
	if (at == NULL)
		return hin_fail(err, HIN_EFORMAT, "\"%.100s\" is no mail address: it has no @",
				text);
	if (at - text > 64 || !is_dot_atom(text, (size_t)(at - text)))
		return hin_fail(err, HIN_EFORMAT,
				"\"%.100s\" is no mail address: what stands before the @", text);
	if (!is_domain(at + 1))
		return hin_fail(err, HIN_EFORMAT,
				"\"%.100s\" is no mail address: what stands behind the @", text);
	return HIN_OK;
}

enum hin_code hin_mail_bounce_address(struct hin_buffer *out, const char *base, const char *token,
				      struct hin_error *err)
{
	char text[HIN_MAIL_ADDRESS * 2];
	enum hin_code code = hin_mail_address_check(base, err);
	const char *at = strrchr(base, '@');

	if (code != HIN_OK)
		return code;
	if (snprintf(text, sizeof(text), "%.*s+%s%s", (int)(at - base), base, token, at) >=
		    (int)sizeof(text) ||
	    hin_mail_address_check(text, NULL) != HIN_OK)
		return hin_fail(err, HIN_ELIMIT, "no bounce address can be made of \"%.100s\"",
				base);
	hin_buffer_puts(out, text);
	return out->failed ? hin_fail(err, HIN_ENOMEM, "mail") : HIN_OK;
}

/* ---- headers: the only way in which a text gets there ---- */

static void put_base64_of(struct hin_buffer *out, const void *data, size_t size)
{
	size_t room = (size + 2) / 3 * 4;
	char *at = hin_buffer_reserve(out, room + 1);

	if (at == NULL)
		return;
	(void)EVP_EncodeBlock((unsigned char *)at, data, (int)size);
	hin_buffer_commit(out, room);
}

void mail_put_base64(struct hin_buffer *out, const void *data, size_t size)
{
	const size_t whole = (size_t)MAIL_LINE / 4 * 3;
	const uint8_t *at = data;

	for (size_t left = size; left > 0;) {
		size_t now = left < whole ? left : whole;

		put_base64_of(out, at, now);
		hin_buffer_puts(out, MAIL_EOL);
		at += now;
		left -= now;
	}
}

/* Can it stand as it is, and be folded at its spaces? */
static bool is_plain(const char *text)
{
	size_t word = 0;

	if (text[0] == ' ' || text[0] == '\0' || strstr(text, "=?") != NULL)
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
			return false;
		word = *p == ' ' ? 0 : word + 1;
		if (word > FOLD - 20 || (*p == ' ' && (p[1] == ' ' || p[1] == '\0')))
			return false;
	}
	return true;
}

/* Words with folds between them; `column` is where the line stands. */
static void put_folded(struct hin_buffer *out, const char *text, size_t column)
{
	while (*text != '\0') {
		size_t size = strcspn(text, " ");

		if (column > 1 && column + 1 + size > FOLD) {
			hin_buffer_puts(out, MAIL_EOL " ");
			column = 1;
		} else if (column > 1) {
			hin_buffer_putc(out, ' ');
			column++;
		}
		hin_buffer_add(out, text, size);
		column += size;
		text += size;
		text += *text == ' ';
	}
}

/* Encoded words (RFC 2047); characters are not cut, and none that is hidden comes through. */
static void put_encoded(struct hin_buffer *out, const char *text)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	char word[WORD_BYTES + 4];
	size_t used = 0;
	bool first = true;

	while (in.left > 0 || used > 0) {
		char c[4] = "?";
		size_t size = 0;

		if (in.left > 0) {
			uint32_t cp = hin_utf8_read(&in);

			size = cp == HIN_UTF8_BAD || hin_utf8_is_hidden(cp) ? 1
									    : hin_utf8_write(c, cp);
		}
		if (size == 0 || used + size > WORD_BYTES) {
			hin_buffer_puts(out, first ? " =?utf-8?B?" : MAIL_EOL " =?utf-8?B?");
			put_base64_of(out, word, used);
			hin_buffer_puts(out, "?=");
			first = false;
			used = 0;
		}
		memcpy(word + used, c, size);
		used += size;
	}
}

/* A header whose value is text of whatever origin. */
static void put_text(struct hin_buffer *out, const char *name, const char *text)
{
	hin_buffer_printf(out, "%s:", name);
	if (is_plain(text))
		put_folded(out, text, strlen(name) + 2);
	else
		put_encoded(out, text);
	hin_buffer_puts(out, MAIL_EOL);
}

static bool is_words(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if (!is_atom(*p) && *p != ' ')
			return false;
	return is_plain(text);
}

/* A header with one mailbox; the address was checked. */
static void put_mailbox(struct hin_buffer *out, const char *header, const char *name,
			const char *address)
{
	hin_buffer_printf(out, "%s:", header);
	if (name != NULL && name[0] != '\0') {
		if (is_words(name))
			put_folded(out, name, strlen(header) + 2);
		else
			put_encoded(out, name);
		hin_buffer_puts(out, MAIL_EOL);
	}
	hin_buffer_printf(out, " <%s>" MAIL_EOL, address);
}

static void put_date(struct hin_buffer *out, int64_t time_ns)
{
	static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t seconds = (time_t)(time_ns / HIN_NS_PER_S);
	struct tm tm = { .tm_mday = 1 };

	(void)gmtime_r(&seconds, &tm);
	hin_buffer_printf(out, "Date: %s, %d %s %d %02d:%02d:%02d +0000" MAIL_EOL, days[tm.tm_wday],
			  tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min,
			  tm.tm_sec);
}

static bool is_message_id(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && strlen(text) < 200 && is_dot_atom(text, (size_t)(at - text)) &&
	       is_dot_atom(at + 1, strlen(at + 1));
}

static enum hin_code check_mail(const struct hin_mail *mail, struct hin_error *err)
{
	const char *addresses[] = { mail->from, mail->to, mail->reply_to };

	for (size_t i = 0; i < HIN_COUNT(addresses); i++) {
		enum hin_code code =
			addresses[i] != NULL ? hin_mail_address_check(addresses[i], err) : HIN_OK;

		if (code != HIN_OK)
			return code;
	}
	if (!is_message_id(mail->message_id) ||
	    (mail->in_reply_to != NULL && !is_message_id(mail->in_reply_to)))
		return hin_fail(err, HIN_EFORMAT, "mail: a message id is none");
	if (!is_label(mail->language, strlen(mail->language)))
		return hin_fail(err, HIN_EFORMAT, "mail: a language is none");
	if (mail->part_count > HIN_MAIL_PARTS)
		return hin_fail(err, HIN_ELIMIT, "mail: more than %d attachments", HIN_MAIL_PARTS);
	return HIN_OK;
}

static void put_headers(struct hin_buffer *out, const struct hin_mail *mail)
{
	put_date(out, mail->time_ns);
	put_mailbox(out, "From", mail->from_name, mail->from);
	put_mailbox(out, "To", mail->to_name, mail->to);
	if (mail->reply_to != NULL)
		put_mailbox(out, "Reply-To", NULL, mail->reply_to);
	put_text(out, "Subject", mail->subject);
	hin_buffer_printf(out, "Message-ID:" MAIL_EOL " <%s>" MAIL_EOL, mail->message_id);
	if (mail->in_reply_to != NULL)
		hin_buffer_printf(out,
				  "In-Reply-To:" MAIL_EOL " <%s>" MAIL_EOL "References:" MAIL_EOL
				  " <%s>" MAIL_EOL,
				  mail->in_reply_to, mail->in_reply_to);
	/* nobody's answering machine shall answer (RFC 3834) */
	hin_buffer_puts(out, "Auto-Submitted: auto-generated" MAIL_EOL
			     "X-Auto-Response-Suppress: All" MAIL_EOL);
	hin_buffer_printf(out, "Content-Language: %s" MAIL_EOL, mail->language);
	if (mail->important)
		hin_buffer_puts(out, "Importance: high" MAIL_EOL);
	hin_buffer_puts(out, "MIME-Version: 1.0" MAIL_EOL);
}

/* ---- bodies ---- */

/*
 * Quoted-printable (RFC 2045, 6.7). Beside what must be, a dot and "From " at the start of a line
 * are written in hexadecimal, so that no server on the way changes what was signed.
 */
static void put_quoted(struct hin_buffer *out, const char *text)
{
	size_t column = 0;

	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;
		bool at_end = p[1] == '\n' || p[1] == '\0';
		bool code = c == '=' || c < 0x20 || c > 0x7e || (c == ' ' && at_end) ||
			    (column == 0 && (c == '.' || strncmp(p, "From ", 5) == 0));

		if (c == '\n') {
			hin_buffer_puts(out, MAIL_EOL);
			column = 0;
			continue;
		}
		if (column + (code ? 3 : 1) > MAIL_LINE - 1) {
			hin_buffer_puts(out, "=" MAIL_EOL);
			column = 0;
			code = code || c == '.';
		}
		if (code)
			hin_buffer_printf(out, "=%02X", c);
		else
			hin_buffer_putc(out, (char)c);
		column += code ? 3 : 1;
	}
	hin_buffer_puts(out, MAIL_EOL);
}

/* Japanese is shorter, and safer on the way, in base64. */
static bool mostly_ascii(const char *text, size_t size)
{
	size_t beyond = 0;

	for (size_t i = 0; i < size; i++)
		beyond += (unsigned char)text[i] > 0x7e;
	return beyond * 6 < size;
}

/* Lines of a text are ended by CR LF before they are base64 (RFC 2045, 6.8). */
static void put_text_base64(struct hin_buffer *out, const char *text)
{
	struct hin_buffer lines = { 0 };

	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n')
			hin_buffer_putc(&lines, '\r');
		hin_buffer_putc(&lines, *p);
	}
	out->failed = out->failed || lines.failed;
	mail_put_base64(out, lines.data, lines.used);
	hin_buffer_fini(&lines);
}

static enum hin_code put_body(struct hin_buffer *out, const char *text, struct hin_error *err)
{
	struct hin_reader in = hin_reader_of(text, strlen(text));
	bool ascii = mostly_ascii(text, in.left);

	while (in.left > 0)
		if (hin_utf8_read(&in) == HIN_UTF8_BAD)
			return hin_fail(err, HIN_EFORMAT, "mail: the text is not UTF-8");
	hin_buffer_printf(out,
			  "Content-Type: text/plain; charset=utf-8" MAIL_EOL
			  "Content-Transfer-Encoding: %s" MAIL_EOL
			  "Content-Disposition: inline" MAIL_EOL MAIL_EOL,
			  ascii ? "quoted-printable" : "base64");
	if (ascii)
		put_quoted(out, text);
	else
		put_text_base64(out, text);
	return HIN_OK;
}

static void put_part(struct hin_buffer *out, const struct hin_mail_part *part)
{
	static const char *const types[] = {
		[HIN_MAIL_TEXT] = "text/plain; charset=utf-8",
		[HIN_MAIL_CSV] = "text/csv; charset=utf-8",
		[HIN_MAIL_JSON] = "application/json",
		[HIN_MAIL_XARF] = "application/json; profile=\"xarf\"",
	};
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.-";
	char name[64];
	size_t used = 0;

	for (const char *p = part->name; *p != '\0' && used + 1 < sizeof(name); p++)
		name[used++] = (char)(strchr(plain, *p) != NULL ? *p : '_');
	name[used] = '\0';
	hin_buffer_printf(out,
			  "Content-Type: %s;" MAIL_EOL " name=\"%s\"" MAIL_EOL
			  "Content-Transfer-Encoding: base64" MAIL_EOL
			  "Content-Disposition: attachment;" MAIL_EOL
			  " filename=\"%s\"" MAIL_EOL MAIL_EOL,
			  types[part->type], name, name);
	mail_put_base64(out, part->data, part->size);
}

/*
 * "=_" stands in no line of quoted-printable or base64, so that no body can hold a boundary.
 */
static void make_boundary(char out[BOUNDARY], const struct hin_mail *mail, char which)
{
	uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
	size_t at;

	(void)EVP_Digest(mail->message_id, strlen(mail->message_id), digest, NULL, EVP_sha256(),
			 NULL);
	at = (size_t)snprintf(out, BOUNDARY, "=_hinomi-%c-", which);
	for (size_t i = 0; i < 12; i++)
		at += (size_t)snprintf(out + at, BOUNDARY - at, "%02x", digest[i]);
}

/* The entity: a text, or a text and what is attached to it. */
static enum hin_code put_entity(struct hin_buffer *out, const struct hin_mail *mail,
				struct hin_error *err)
{
	char boundary[BOUNDARY];
	enum hin_code code;

	if (mail->part_count == 0)
		return put_body(out, mail->text, err);
	make_boundary(boundary, mail, 'm');
	hin_buffer_printf(out,
			  "Content-Type: multipart/mixed; boundary=\"%s\"" MAIL_EOL MAIL_EOL
			  "--%s" MAIL_EOL,
			  boundary, boundary);
	code = put_body(out, mail->text, err);
	for (size_t i = 0; i < mail->part_count; i++) {
		hin_buffer_printf(out, MAIL_EOL "--%s" MAIL_EOL, boundary);
		put_part(out, &mail->parts[i]);
	}
	hin_buffer_printf(out, MAIL_EOL "--%s--" MAIL_EOL, boundary);
	return code;
}

static enum hin_code put_signed(struct hin_buffer *out, const struct hin_mail *mail,
				struct hin_mail_signer *signer, struct hin_error *err)
{
	struct hin_buffer entity = { 0 };
	char boundary[BOUNDARY];
	enum hin_code code = put_entity(&entity, mail, err);

	if (code == HIN_OK && entity.failed)
		code = hin_fail(err, HIN_ENOMEM, "mail");
	if (code == HIN_OK) {
		make_boundary(boundary, mail, 's');
		hin_buffer_printf(out,
				  "Content-Type: multipart/signed;" MAIL_EOL
				  " protocol=\"application/pkcs7-signature\";" MAIL_EOL
				  " micalg=sha-256; boundary=\"%s\"" MAIL_EOL MAIL_EOL
				  "--%s" MAIL_EOL,
				  boundary, boundary);
		hin_buffer_add(out, entity.data, entity.used);
		hin_buffer_printf(out,
				  MAIL_EOL "--%s" MAIL_EOL
					   "Content-Type: application/pkcs7-signature;" MAIL_EOL
					   " name=\"smime.p7s\"" MAIL_EOL
					   "Content-Transfer-Encoding: base64" MAIL_EOL
					   "Content-Disposition: attachment;" MAIL_EOL
					   " filename=\"smime.p7s\"" MAIL_EOL MAIL_EOL,
				  boundary);
		code = mail_sign(out, signer, entity.data, entity.used,
				 mail->time_ns / HIN_NS_PER_S, err);
		hin_buffer_printf(out, MAIL_EOL "--%s--" MAIL_EOL, boundary);
	}
	hin_buffer_fini(&entity);
	return code;
}

enum hin_code hin_mail_build(struct hin_buffer *out, const struct hin_mail *mail,
			     struct hin_mail_signer *signer, struct hin_error *err)
{
	enum hin_code code = check_mail(mail, err);

	if (code != HIN_OK)
		return code;
	put_headers(out, mail);
	code = signer != NULL ? put_signed(out, mail, signer, err) : put_entity(out, mail, err);
	if (code == HIN_OK && out->failed)
		code = hin_fail(err, HIN_ENOMEM, "mail: no memory");
	if (code == HIN_OK && out->used > HIN_MAIL_SIZE)
		code = hin_fail(err, HIN_ELIMIT, "mail: over %zu bytes", HIN_MAIL_SIZE);
	return code;
}
