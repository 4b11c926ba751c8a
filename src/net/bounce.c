/* bounce - a cursor over lines, headers unfolded, multiparts walked to a depth; see bounce.h */
#include "net/bounce.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/escape.h"

#define VALUE 512    /* what is kept of a header's value */
#define BOUNDARY 128 /* longest boundary that is followed */
#define PARTS 32     /* parts of a multipart that are looked at */
#define HEADERS 500  /* headers of an entity */

struct text {
	const char *data;
	size_t size;
};

/* ---- lines and headers ---- */

/* Take a line without its end. False at the end of the text. */
static bool take_line(struct text *in, struct text *line)
{
	const char *end;

	if (in->size == 0)
		return false;
	end = memchr(in->data, '\n', in->size);
	line->data = in->data;
	line->size = end != NULL ? (size_t)(end - in->data) : in->size;
	in->data += line->size + (end != NULL);
	in->size -= line->size + (end != NULL);
	if (line->size > 0 && line->data[line->size - 1] == '\r')
		line->size--;
	return true;
}

struct header {
	char name[64];	   /* small letters */
	char value[VALUE]; /* unfolded, trimmed, no control characters; cut */
};

static char printable(char c)
{
	return (char)((unsigned char)c < 0x20 || c == 0x7f ? '?' : c);
}

static void add_value(struct header *h, const char *data, size_t size)
{
	size_t used = strlen(h->value);

	while (size > 0 && (*data == ' ' || *data == '\t')) {
		data++;
		size--;
	}
	if (used > 0 && used + 1 < sizeof(h->value))
		h->value[used++] = ' ';
	for (size_t i = 0; i < size && used + 1 < sizeof(h->value); i++)
		h->value[used++] = printable(data[i]);
	while (used > 0 && h->value[used - 1] == ' ')
		used--;
	h->value[used] = '\0';
}

/* The next header of an entity; false when its headers are over. */
static bool take_header(struct text *in, struct header *h)
{
	struct text line;

	while (take_line(in, &line)) {
		const char *colon = memchr(line.data, ':', line.size);
		size_t size = colon != NULL ? (size_t)(colon - line.data) : 0;

		if (line.size == 0)
			return false;
		h->name[0] = h->value[0] = '\0';
		if (size > 0 && size < sizeof(h->name)) {
			for (size_t i = 0; i < size; i++)
				h->name[i] = (char)tolower((unsigned char)line.data[i]);
			h->name[size] = '\0';
			add_value(h, colon + 1, line.size - size - 1);
		}
		while (in->size > 0 && (in->data[0] == ' ' || in->data[0] == '\t')) {
			(void)take_line(in, &line);
			add_value(h, line.data, line.size);
		}
		if (h->name[0] != '\0')
			return true;
	}
	return false;
}

/* A parameter of a content type: boundary="..." */
static void find_parameter(const char *value, const char *name, char *out, size_t size)
{
	size_t length = strlen(name), used = 0;

	out[0] = '\0';
	for (const char *p = value; (p = strchr(p, ';')) != NULL;) {
		bool quoted;

		p += strspn(p, "; \t");
		if (strncasecmp(p, name, length) != 0 || p[length] != '=')
			continue;
		p += length + 1;
		quoted = *p == '"';
		p += quoted;
		while (*p != '\0' && used + 1 < size &&
		       (quoted ? *p != '"' : *p != ';' && *p != ' '))
			out[used++] = *p++;
		out[used] = '\0';
		return;
	}
}

/* ---- what a bounce says ---- */

/* "rfc822; user@example.org": what stands behind the type, without <>. */
static void take_address(char *out, size_t size, const char *value)
{
	const char *semicolon = strchr(value, ';');
	const char *from = semicolon != NULL ? semicolon + 1 : value;
	const char *open = strchr(from, '<');
	char plain[VALUE];
	size_t used = 0;

	if (open != NULL)
		from = open + 1;
	from += strspn(from, " \t");
	while (*from != '\0' && *from != '>' && *from != ' ' && *from != ',' &&
	       used + 1 < sizeof(plain))
		plain[used++] = *from++;
	plain[used] = '\0';
	hin_escape_text(out, size, plain);
}

static void take_message_id(char out[256], const char *value)
{
	const char *open = strchr(value, '<'), *close = open != NULL ? strchr(open, '>') : NULL;
	char plain[256];

	if (close == NULL || close - open >= (ptrdiff_t)sizeof(plain))
		return;
	memcpy(plain, open + 1, (size_t)(close - open - 1));
	plain[close - open - 1] = '\0';
	hin_escape_text(out, 256, plain);
}

static enum hin_bounce_action action_of(const char *value)
{
	if (strcasecmp(value, "failed") == 0)
		return HIN_BOUNCE_FAILED;
	if (strcasecmp(value, "delayed") == 0)
		return HIN_BOUNCE_DELAYED;
	return HIN_BOUNCE_DELIVERED;
}

static void take_status(char out[16], const char *value)
{
	size_t size = strspn(value, "0123456789.");

	if (size > 0 && size < 12 && strchr("245", value[0]) != NULL) {
		memcpy(out, value, size);
		out[size] = '\0';
	}
}

/* The fields of one recipient, up to an empty line. False when there are none. */
static bool take_recipient(struct text *in, struct hin_bounce_recipient *r)
{
	struct header h;
	bool original = false, any = false;
	unsigned fields = 0;

	*r = (struct hin_bounce_recipient){ 0 };
	while (fields++ < HEADERS && take_header(in, &h)) {
		any = true;
		if (strcmp(h.name, "original-recipient") == 0) {
			take_address(r->address, sizeof(r->address), h.value);
			original = r->address[0] != '\0';
		} else if (strcmp(h.name, "final-recipient") == 0 && !original) {
			take_address(r->address, sizeof(r->address), h.value);
		} else if (strcmp(h.name, "action") == 0) {
			r->action = action_of(h.value);
		} else if (strcmp(h.name, "status") == 0) {
			take_status(r->status, h.value);
		} else if (strcmp(h.name, "diagnostic-code") == 0) {
			hin_escape_text(r->diagnostic, sizeof(r->diagnostic), h.value);
		}
	}
	return any;
}

/* The worst says what the whole is: failed before delayed before delivered. */
static void weigh(struct hin_bounce *out, enum hin_bounce_action action)
{
	if (action != HIN_BOUNCE_NONE && (out->action == HIN_BOUNCE_NONE || action < out->action))
		out->action = action;
}

/* message/delivery-status (RFC 3464, 2.1): fields of the message, then of each recipient. */
static void read_status(struct hin_bounce *out, struct text body)
{
	struct header h;
	unsigned fields = 0, groups = 0;

	while (fields++ < HEADERS && take_header(&body, &h))
		; /* nothing of it is needed */
	while (body.size > 0 && groups++ < 1000 && out->count < HIN_BOUNCE_RECIPIENTS) {
		struct hin_bounce_recipient *r = &out->recipients[out->count];

		if (!take_recipient(&body, r))
			continue; /* one empty line more than there need be */
		if (r->address[0] != '\0' && r->action != HIN_BOUNCE_NONE) {
			weigh(out, r->action);
			out->count++;
		}
	}
}

/* What came back: its own headers. */
static void read_returned(struct hin_bounce *out, struct text body)
{
	struct header h;
	unsigned fields = 0;

	while (fields++ < HEADERS && take_header(&body, &h))
		if (strcmp(h.name, "message-id") == 0)
			take_message_id(out->message_id, h.value);
}

/* ---- qmail (QSBMF): paragraphs for people, of a form that programs know ---- */

static bool begins(struct text line, const char *with)
{
	size_t size = strlen(with);

	return line.size >= size && memcmp(line.data, with, size) == 0;
}

/* A value of one line of text. */
static void take_line_value(char out[VALUE], struct text line)
{
	out[0] = '\0';
	for (size_t used = 0; used < line.size && used + 1 < VALUE; used++) {
		out[used] = printable(line.data[used]);
		out[used + 1] = '\0';
	}
}

/* "Remote host said: 550 5.1.1 no such user": the enhanced status, where there is one. */
static void find_status(char out[16], const char *line)
{
	for (const char *at = line; (at = strpbrk(at, "245")) != NULL; at++) {
		size_t size = strspn(at, "0123456789."), dots = 0;

		for (size_t i = 0; i < size; i++)
			dots += at[i] == '.';
		if (dots == 2 && at[1] == '.' && (at == line || strchr(" (#", at[-1]) != NULL)) {
			take_status(out, at);
			return;
		}
		at += size > 0 ? size - 1 : 0;
	}
}

/* "<box@example.org>:" and the lines under it, up to an empty one. */
static void read_paragraph(struct hin_bounce *out, struct text line, struct text *in)
{
	struct hin_bounce_recipient *r =
		out->count < HIN_BOUNCE_RECIPIENTS ? &out->recipients[out->count] : NULL;
	char value[VALUE];

	if (r != NULL) {
		*r = (struct hin_bounce_recipient){ .action = HIN_BOUNCE_FAILED };
		take_line_value(value, line);
		take_address(r->address, sizeof(r->address), value);
	}
	while (take_line(in, &line) && line.size > 0) {
		if (r == NULL)
			continue;
		take_line_value(value, line);
		if (r->diagnostic[0] == '\0')
			hin_escape_text(r->diagnostic, sizeof(r->diagnostic), value);
		if (r->status[0] == '\0')
			find_status(r->status, value);
	}
	if (r != NULL && r->address[0] != '\0') {
		weigh(out, HIN_BOUNCE_FAILED);
		out->count++;
	}
}

/*
 * The text of a bounce of qmail: "Hi. This is the", a paragraph for each recipient, one that begins
 * with "-", and what came back. A warning that nothing failed has no such paragraph.
 */
static void read_qmail(struct hin_bounce *out, struct text body)
{
	struct text line;

	while (body.size > 0 && (body.data[0] == '\r' || body.data[0] == '\n'))
		(void)take_line(&body, &line);
	if (!take_line(&body, &line) || !begins(line, "Hi. This is the") || out->count > 0)
		return;
	while (line.size > 0 && take_line(&body, &line))
		; /* the rest of the first paragraph */
	while (take_line(&body, &line)) {
		if (begins(line, "<") && line.data[line.size - 1] == ':') {
			read_paragraph(out, line, &body);
		} else if (begins(line, "-")) {
			while (body.size > 0 && (body.data[0] == '\r' || body.data[0] == '\n'))
				(void)take_line(&body, &line);
			if (out->count > 0)
				read_returned(out, body);
			return;
		} else {
			while (line.size > 0 && take_line(&body, &line))
				; /* of another kind: for people */
		}
	}
}

/* ---- transfer encodings (RFC 2045, 6): no more comes out than goes in ---- */

enum encoding { ENCODING_NONE, ENCODING_BASE64, ENCODING_QUOTED };

static int digit_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* What is no digit is passed over, as RFC 2045 asks; "=" ends it. */
static void decode_base64(struct hin_buffer *out, struct text in)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < in.size && in.data[i] != '='; i++) {
		int digit = digit_of(in.data[i]);

		if (digit < 0)
			continue;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			hin_buffer_putc(out, (char)(bits >> have & 0xff));
		}
	}
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "=3D", and "=" at the end of a line that goes on; any other "=" stays as it is. */
static void decode_quoted(struct hin_buffer *out, struct text in)
{
	for (size_t i = 0; i < in.size; i++) {
		size_t left = in.size - i;
		int high, low;

		if (in.data[i] != '=') {
			hin_buffer_putc(out, in.data[i]);
		} else if (left > 1 && in.data[i + 1] == '\n') {
			i++;
		} else if (left > 2 && in.data[i + 1] == '\r' && in.data[i + 2] == '\n') {
			i += 2;
		} else if (left > 2 && (high = hex_of(in.data[i + 1])) >= 0 &&
			   (low = hex_of(in.data[i + 2])) >= 0) {
			hin_buffer_putc(out, (char)(high << 4 | low));
			i += 2;
		} else {
			hin_buffer_putc(out, '=');
		}
	}
}

static enum encoding encoding_of(const char *value)
{
	size_t size = strcspn(value, "; \t");

	if (size == 6 && strncasecmp(value, "base64", size) == 0)
		return ENCODING_BASE64;
	return size == 16 && strncasecmp(value, "quoted-printable", size) == 0 ? ENCODING_QUOTED
									       : ENCODING_NONE;
}

/* ---- entities ---- */

struct entity {
	char type[128], boundary[BOUNDARY];
	enum encoding encoding;
};

static enum hin_code read_entity(struct hin_bounce *out, struct text in, unsigned depth,
				 struct hin_error *err);

/* The next part: from behind a boundary line to the next one. */
static bool take_part(struct text *in, const char *boundary, struct text *part, bool *last)
{
	size_t length = strlen(boundary);
	struct text line;

	part->data = in->data;
	while (in->size > 0) {
		const char *start = in->data;

		(void)take_line(in, &line);
		if (line.size >= length + 2 && line.data[0] == '-' && line.data[1] == '-' &&
		    memcmp(line.data + 2, boundary, length) == 0) {
			part->size = (size_t)(start - part->data);
			*last = line.size >= length + 4 && line.data[length + 2] == '-' &&
				line.data[length + 3] == '-';
			return true;
		}
	}
	part->size = (size_t)(in->data - part->data); /* cut short: what there is */
	*last = true;
	return part->size > 0;
}

static enum hin_code read_parts(struct hin_bounce *out, struct text body, const char *boundary,
				unsigned depth, struct hin_error *err)
{
	enum hin_code code = HIN_OK;
	struct text part;
	bool last = false;

	if (depth >= HIN_BOUNCE_DEPTH)
		return hin_fail(err, HIN_ELIMIT, "a message with too many parts in each other");
	if (!take_part(&body, boundary, &part, &last)) /* what stands before the first one */
		return HIN_OK;
	for (unsigned i = 0; i < PARTS && !last && code == HIN_OK; i++) {
		if (!take_part(&body, boundary, &part, &last))
			break;
		code = read_entity(out, part, depth + 1, err);
	}
	return code;
}

/* A header that bounces without a machine-readable part have (qmail, Exim). */
static void take_outer(struct hin_bounce *out, const struct header *h)
{
	struct hin_bounce_recipient *r = &out->recipients[0];

	if (strcmp(h->name, "to") == 0 && out->to[0] == '\0')
		take_address(out->to, sizeof(out->to), h->value);
	if (strcmp(h->name, "x-failed-recipients") == 0 && out->count == 0) {
		*r = (struct hin_bounce_recipient){ .action = HIN_BOUNCE_FAILED };
		take_address(r->address, sizeof(r->address), h->value);
		out->count = r->address[0] != '\0';
		weigh(out, HIN_BOUNCE_FAILED);
	}
}

static void read_leaf(struct hin_bounce *out, const struct entity *e, struct text in,
		      unsigned depth)
{
	if (strcasecmp(e->type, "message/delivery-status") == 0 ||
	    strcasecmp(e->type, "message/global-delivery-status") == 0)
		read_status(out, in);
	else if (strcasecmp(e->type, "message/rfc822") == 0 ||
		 strcasecmp(e->type, "text/rfc822-headers") == 0 ||
		 strcasecmp(e->type, "message/global") == 0 ||
		 strcasecmp(e->type, "message/global-headers") == 0)
		read_returned(out, in);
	else if (depth == 0 && strcasecmp(e->type, "text/plain") == 0)
		read_qmail(out, in);
}

/* A leaf, decoded when it must be. Leaves do not overlap: all of them have the message's size. */
static enum hin_code decode_leaf(struct hin_bounce *out, const struct entity *e, struct text in,
				 unsigned depth, struct hin_error *err)
{
	struct hin_buffer plain = { .limit = HIN_BOUNCE_SIZE };
	enum hin_code code = HIN_OK;

	if (e->encoding == ENCODING_NONE) {
		read_leaf(out, e, in, depth);
		return HIN_OK;
	}
	if (e->encoding == ENCODING_BASE64)
		decode_base64(&plain, in);
	else
		decode_quoted(&plain, in);
	if (plain.failed)
		code = hin_fail(err, HIN_ENOMEM, "no memory for a message that came back");
	else if (plain.used > 0)
		read_leaf(out, e, (struct text){ plain.data, plain.used }, depth);
	hin_buffer_fini(&plain);
	return code;
}

static enum hin_code read_entity(struct hin_bounce *out, struct text in, unsigned depth,
				 struct hin_error *err)
{
	struct entity e = { .type = "text/plain" };
	struct header h;
	unsigned fields = 0;

	while (fields++ < HEADERS && take_header(&in, &h)) {
		if (strcmp(h.name, "content-type") == 0) {
			size_t size = strcspn(h.value, "; \t");

			snprintf(e.type, sizeof(e.type), "%.*s", (int)(size < 100 ? size : 100),
				 h.value);
			find_parameter(h.value, "boundary", e.boundary, sizeof(e.boundary));
		} else if (strcmp(h.name, "content-transfer-encoding") == 0) {
			e.encoding = encoding_of(h.value);
		} else if (depth == 0) {
			take_outer(out, &h);
		}
	}
	if (strncasecmp(e.type, "multipart/", 10) == 0 && e.boundary[0] != '\0')
		return read_parts(out, in, e.boundary, depth, err);
	return decode_leaf(out, &e, in, depth, err);
}

enum hin_code hin_bounce_parse(struct hin_bounce *out, const void *data, size_t size,
			       struct hin_error *err)
{
	struct text in = { data, size < HIN_BOUNCE_SIZE ? size : HIN_BOUNCE_SIZE }, look = in;
	struct header h;

	*out = (struct hin_bounce){ 0 };
	if (size == 0 || !take_header(&look, &h))
		return hin_fail(err, HIN_EFORMAT, "no mail: it has no headers");
	return read_entity(out, in, 0, err);
}
