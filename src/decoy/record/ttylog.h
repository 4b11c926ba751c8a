/*
 * ttylog - cowrie's recording of a terminal (User Mode Linux's tty log).
 *
 * A file of records: 24 bytes little-endian (op, tty, length, direction, seconds, microseconds;
 * Python's "<iLiiLL") and `length` bytes. op is 1 open, 2 close, 3 write, 4 exec; direction is 1
 * input, 2 output, 3 interact. The times are of 32 bits: until 2106.
 *
 * Threads: pure functions.
 */
#pragma once
#include "base/buffer.h"
#include "base/bytes.h"

#define HIN_TTYLOG_HEAD 24
#define HIN_TTYLOG_DATA ((size_t)16 << 20) /* most bytes of a record */

enum hin_ttylog_op { HIN_TTYLOG_OPEN = 1, HIN_TTYLOG_CLOSE, HIN_TTYLOG_WRITE, HIN_TTYLOG_EXEC };
enum hin_ttylog_direction {
	HIN_TTYLOG_NONE,
	HIN_TTYLOG_INPUT,
	HIN_TTYLOG_OUTPUT,
	HIN_TTYLOG_INTERACT
};

struct hin_ttylog_record {
	enum hin_ttylog_op op;
	enum hin_ttylog_direction direction;
	uint32_t tty;
	int64_t time_us; /* since 1970 UTC */
	const uint8_t *data;
	size_t size;
};

/* Append a record; more than HIN_TTYLOG_DATA bytes become several. */
void hin_ttylog_write(struct hin_buffer *out, const struct hin_ttylog_record *record);

/*
 * Read the next record of `in`; its data is borrowed. HIN_EOF behind the last. HIN_ETRUNCATED when
 * the file ends in it: `*out` has what there is of its data, or op 0 when its head is cut; all
 * before was right. HIN_EFORMAT when there is no record here.
 */
HIN_MUST_USE enum hin_code hin_ttylog_read(struct hin_reader *in, struct hin_ttylog_record *out);
