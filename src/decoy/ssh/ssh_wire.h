/*
 * ssh_wire - the data types of RFC 4251, section 5, written to buffers and read by readers.
 *
 * Threads: no shared state.
 */
#pragma once
#include "base/buffer.h"
#include "base/bytes.h"

struct hin_ssh_string {
	const uint8_t *data; /* borrowed, never NULL */
	size_t size;
};

static inline void hin_ssh_put_u32(struct hin_buffer *out, uint32_t value)
{
	value = HIN_BE32(value);
	hin_buffer_add(out, &value, sizeof(value));
}

static inline void hin_ssh_put_u64(struct hin_buffer *out, uint64_t value)
{
	value = HIN_BE64(value);
	hin_buffer_add(out, &value, sizeof(value));
}

static inline void hin_ssh_put_u8(struct hin_buffer *out, unsigned value)
{
	hin_buffer_putc(out, (char)(unsigned char)value);
}

static inline void hin_ssh_put_string(struct hin_buffer *out, const void *data, size_t size)
{
	hin_ssh_put_u32(out, (uint32_t)size);
	hin_buffer_add(out, data, size);
}

static inline void hin_ssh_put_text(struct hin_buffer *out, const char *text)
{
	hin_ssh_put_string(out, text, strlen(text));
}

/* A positive mpint from big-endian bytes, leading zeros of which are dropped. */
static inline void hin_ssh_put_mpint(struct hin_buffer *out, const uint8_t *data, size_t size)
{
	bool high;

	while (size > 0 && data[0] == 0) {
		data++;
		size--;
	}
	high = size > 0 && (data[0] & 0x80) != 0;
	hin_ssh_put_u32(out, (uint32_t)(size + high));
	if (high)
		hin_buffer_putc(out, '\0');
	hin_buffer_add(out, data, size);
}

static inline struct hin_ssh_string hin_ssh_get_string(struct hin_reader *in)
{
	uint32_t size = hin_read_be32(in);
	const uint8_t *at = hin_read_bytes(in, size);
	static const uint8_t nothing[1];

	return (struct hin_ssh_string){ at != NULL ? at : nothing, at != NULL ? size : 0 };
}

static inline bool hin_ssh_string_is(struct hin_ssh_string s, const char *text)
{
	return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}
