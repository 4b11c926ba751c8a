/* ttylog - cowrie's recording of a terminal; see ttylog.h */
#include "decoy/record/ttylog.h"

static void write_one(struct hin_buffer *out, const struct hin_ttylog_record *record,
		      const uint8_t *data, size_t size)
{
	uint8_t head[HIN_TTYLOG_HEAD];
	struct hin_writer w = hin_writer_of(head, sizeof(head));
	int64_t time_us = record->time_us > 0 ? record->time_us : 0;

	hin_write_le32(&w, (uint32_t)record->op);
	hin_write_le32(&w, record->tty);
	hin_write_le32(&w, (uint32_t)size);
	hin_write_le32(&w, (uint32_t)record->direction);
	hin_write_le32(&w, (uint32_t)(time_us / 1000000));
	hin_write_le32(&w, (uint32_t)(time_us % 1000000));
	hin_buffer_add(out, head, sizeof(head));
	hin_buffer_add(out, data, size);
}

void hin_ttylog_write(struct hin_buffer *out, const struct hin_ttylog_record *record)
{
	const uint8_t *data = record->data;
	size_t left = record->size;

	do {
		size_t size = left < HIN_TTYLOG_DATA ? left : HIN_TTYLOG_DATA;

		write_one(out, record, data, size);
		if (size > 0)
			data += size;
		left -= size;
	} while (left > 0);
}

enum hin_code hin_ttylog_read(struct hin_reader *in, struct hin_ttylog_record *out)
{
	uint32_t op, length, direction, micros;
	bool cut;

	*out = (struct hin_ttylog_record){ 0 };
	if (in->left == 0)
		return HIN_EOF;
	op = hin_read_le32(in);
	out->tty = hin_read_le32(in);
	length = hin_read_le32(in);
	direction = hin_read_le32(in);
	out->time_us = (int64_t)hin_read_le32(in) * 1000000;
	micros = hin_read_le32(in);
	if (in->failed)
		return HIN_ETRUNCATED;
	out->time_us += micros;
	if (op < HIN_TTYLOG_OPEN || op > HIN_TTYLOG_EXEC || direction > HIN_TTYLOG_INTERACT ||
	    length > HIN_TTYLOG_DATA || micros >= 1000000)
		return HIN_EFORMAT;
	cut = length > in->left;
	out->op = (enum hin_ttylog_op)op;
	out->direction = (enum hin_ttylog_direction)direction;
	out->size = cut ? in->left : length;
	out->data = hin_read_bytes(in, out->size);
	return cut ? HIN_ETRUNCATED : HIN_OK;
}
