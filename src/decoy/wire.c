/* wire - see wire.h */
#include "decoy/wire.h"

#define HEAD (4 + 1 + 8 + 8) /* size, type, session, time */
#define TEXT_MAX 4096
#define DATA_MAX (HIN_WIRE_MAX - 8192)
#define DIGEST 32

/* ---- writing ---- */

static void put_u8(struct hin_buffer *out, uint8_t value)
{
	hin_buffer_add(out, &value, 1);
}

static void put_le(struct hin_buffer *out, uint64_t value, size_t size)
{
	uint64_t wire = HIN_LE64(value);

	hin_buffer_add(out, &wire, size);
}

static void put_text(struct hin_buffer *out, const void *text, size_t size)
{
	if (size > TEXT_MAX)
		size = TEXT_MAX;
	put_le(out, size, 2);
	hin_buffer_add(out, text, size);
}

static void put_data(struct hin_buffer *out, const void *data, size_t size)
{
	hin_buffer_add(out, data, size > DATA_MAX ? DATA_MAX : size);
}

static void put_about(struct hin_buffer *out, const struct hin_wire_about *about)
{
	hin_buffer_add(out, about->client.b, 16);
	hin_buffer_add(out, about->server.b, 16);
	put_le(out, about->client_port, 2);
	put_le(out, about->server_port, 2);
	put_le(out, about->service, 2);
	put_u8(out, about->verdict);
	put_u8(out, (uint8_t)(about->is_proxied | about->is_tarpit << 1));
	put_le(out, about->host, 4);
}

static void put_event(struct hin_buffer *out, const struct hin_event *event)
{
	put_le(out, event->type, 2);
	put_u8(out, event->verdict);
	put_le(out, event->channel, 4);
	put_le(out, event->number, 8);
	put_text(out, event->a, event->a_size);
	put_text(out, event->b, event->b_size);
}

void hin_wire_write(struct hin_buffer *out, const struct hin_wire_message *message)
{
	size_t start = out->used;
	uint32_t size;

	put_le(out, 0, 4);
	put_u8(out, (uint8_t)message->type);
	put_le(out, message->session, 8);
	put_le(out, (uint64_t)message->time_us, 8);
	switch (message->type) {
	case HIN_WIRE_BEGIN:
	case HIN_WIRE_REFUSED:
		put_about(out, &message->about);
		break;
	case HIN_WIRE_BYTES:
		put_le(out, message->channel, 4);
		put_u8(out, (uint8_t)message->direction);
		put_data(out, message->data, message->size);
		break;
	case HIN_WIRE_EVENT:
		put_event(out, &message->event);
		break;
	case HIN_WIRE_KEEP:
		hin_buffer_add(out, message->sha256, DIGEST);
		put_text(out, message->path, message->path_size);
		put_data(out, message->data, message->size);
		break;
	case HIN_WIRE_END:
		put_u8(out, (uint8_t)message->why);
		put_le(out, message->from_client, 8);
		put_le(out, message->to_client, 8);
		break;
	case HIN_WIRE_DIED:
	case HIN_WIRE_TYPES:
		break;
	}
	if (out->failed)
		return;
	size = HIN_LE32((uint32_t)(out->used - start));
	memcpy(out->data + start, &size, sizeof(size));
}

/* ---- reading ---- */

static const void *get_text(struct hin_reader *in, size_t *size)
{
	*size = hin_read_le16(in);
	if (*size > TEXT_MAX) {
		in->failed = true;
		*size = 0;
	}
	return hin_read_bytes(in, *size);
}

static void get_about(struct hin_reader *in, struct hin_wire_about *about)
{
	uint8_t flags;

	hin_read_copy(in, about->client.b, 16);
	hin_read_copy(in, about->server.b, 16);
	about->client_port = hin_read_le16(in);
	about->server_port = hin_read_le16(in);
	about->service = hin_read_le16(in);
	about->verdict = hin_read_u8(in);
	flags = hin_read_u8(in);
	about->is_proxied = (flags & 1) != 0;
	about->is_tarpit = (flags & 2) != 0;
	about->host = hin_read_le32(in);
}

static void get_event(struct hin_reader *in, struct hin_event *event, int64_t time_us)
{
	event->time_us = time_us;
	event->type = hin_read_le16(in);
	event->verdict = hin_read_u8(in);
	event->channel = hin_read_le32(in);
	event->number = hin_read_le64(in);
	event->a = get_text(in, &event->a_size);
	event->b = get_text(in, &event->b_size);
}

static void get_rest(struct hin_reader *in, struct hin_wire_message *out)
{
	out->size = in->left;
	out->data = hin_read_bytes(in, in->left);
}

static void get_body(struct hin_reader *in, struct hin_wire_message *out)
{
	switch (out->type) {
	case HIN_WIRE_BEGIN:
	case HIN_WIRE_REFUSED:
		get_about(in, &out->about);
		break;
	case HIN_WIRE_BYTES:
		out->channel = hin_read_le32(in);
		out->direction = hin_read_u8(in) != 0 ? HIN_TO_CLIENT : HIN_FROM_CLIENT;
		get_rest(in, out);
		break;
	case HIN_WIRE_EVENT:
		get_event(in, &out->event, out->time_us);
		break;
	case HIN_WIRE_KEEP:
		out->sha256 = hin_read_bytes(in, DIGEST);
		out->path = get_text(in, &out->path_size);
		get_rest(in, out);
		break;
	case HIN_WIRE_END:
		out->why = hin_read_u8(in);
		out->from_client = hin_read_le64(in);
		out->to_client = hin_read_le64(in);
		break;
	case HIN_WIRE_DIED:
	case HIN_WIRE_TYPES:
		break;
	}
}

enum hin_code hin_wire_read(struct hin_reader *in, struct hin_wire_message *out)
{
	struct hin_reader look = *in, body;
	uint32_t size = hin_read_le32(&look);
	uint8_t type;

	if (look.failed)
		return HIN_EAGAIN;
	if (size < HEAD || size > HIN_WIRE_MAX)
		return HIN_EFORMAT;
	if (size > in->left)
		return HIN_EAGAIN;
	body = hin_read_sub(in, size);
	hin_read_skip(&body, 4);
	type = hin_read_u8(&body);
	*out = (struct hin_wire_message){ .type = type };
	out->session = hin_read_le64(&body);
	out->time_us = (int64_t)hin_read_le64(&body);
	if (type < HIN_WIRE_BEGIN || type >= HIN_WIRE_TYPES || out->time_us < 0)
		return HIN_EFORMAT;
	get_body(&body, out);
	return body.failed || body.left > 0 ? HIN_EFORMAT : HIN_OK;
}
