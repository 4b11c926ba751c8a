/* bounce - a cursor over lines, headers unfolded, multiparts walked to a depth; see bounce.h */
#include "net/bounce.h"

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
		h->value[used++] = (unsigned char)data[i] < 0x20 || data[i] == 0x7f ? '?' : data[i];
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
				h->name[i] = line.data[i] >= 'A' && line.data[i] <= 'Z'
						     ? (char)(line.data[i] | 0x20)
						     : line.data[i];
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

/* ---- entities ---- */

struct entity {
	char type[128], boundary[BOUNDARY];
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
		} else if (depth == 0) {
			take_outer(out, &h);
		}
	}
	if (strncasecmp(e.type, "multipart/", 10) == 0 && e.boundary[0] != '\0')
		return read_parts(out, in, e.boundary, depth, err);
	if (strcasecmp(e.type, "message/delivery-status") == 0 ||
	    strcasecmp(e.type, "message/global-delivery-status") == 0)
		read_status(out, in);
	else if (strcasecmp(e.type, "message/rfc822") == 0 ||
		 strcasecmp(e.type, "text/rfc822-headers") == 0 ||
		 strcasecmp(e.type, "message/global") == 0 ||
		 strcasecmp(e.type, "message/global-headers") == 0)
		read_returned(out, in);
	return HIN_OK;
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
