/* made - captures that tests make themselves, and what comes out of them. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "packet/capture.h"
#include "../test.h"

/* Bytes that grow. `big` puts numbers in big-endian order. */
struct made {
	uint8_t *data;
	size_t size, room;
	bool big;
};

static inline uint8_t *made_grow(struct made *m, size_t size)
{
	uint8_t *at;

	if (m->size + size > m->room || m->data == NULL) {
		m->room = (m->size + size) * 2 + 64;
		m->data = realloc(m->data, m->room);
		if (m->data == NULL)
			abort();
	}
	at = m->data + m->size;
	m->size += size;
	return at;
}

static inline void made_free(struct made *m)
{
	free(m->data);
	*m = (struct made){ 0 };
}

static inline void made_bytes(struct made *m, const void *data, size_t size)
{
	uint8_t *to = made_grow(m, size);

	if (size > 0)
		memcpy(to, data, size);
}

static inline void made_number(struct made *m, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < size; i++)
		bytes[m->big ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
	made_bytes(m, bytes, size);
}

static inline void made_u16(struct made *m, uint32_t value)
{
	made_number(m, value, 2);
}

static inline void made_u32(struct made *m, uint32_t value)
{
	made_number(m, value, 4);
}

static inline void made_u64(struct made *m, uint64_t value)
{
	made_number(m, value, 8);
}

static inline void made_fill(struct made *m, uint8_t byte, size_t size)
{
	memset(made_grow(m, size), byte, size);
}

#define MICRO 0xa1b2c3d4u
#define NANO 0xa1b23c4du
#define MODIFIED 0xa1b2cd34u

static inline void made_pcap(struct made *m, uint32_t magic, uint32_t link)
{
	made_u32(m, magic);
	made_u16(m, 2);
	made_u16(m, 4);
	made_u64(m, 0);
	made_u32(m, 65535);
	made_u32(m, link);
}

/* A record whose frame is `size` times `byte`. */
static inline void made_record(struct made *m, uint32_t seconds, uint32_t part, uint32_t size,
			       uint8_t byte)
{
	made_u32(m, seconds);
	made_u32(m, part);
	made_u32(m, size);
	made_u32(m, size);
	made_fill(m, byte, size);
}

/* The body is already there from `from` on: put type and lengths around it. */
static inline void made_block(struct made *m, uint32_t type, const void *body, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;

	made_u32(m, type);
	made_u32(m, (uint32_t)(padded + 12));
	made_bytes(m, body, size);
	made_fill(m, 0, padded - size);
	made_u32(m, (uint32_t)(padded + 12));
}

static inline void made_section(struct made *m)
{
	struct made body = { .big = m->big };

	made_u32(&body, 0x1a2b3c4d);
	made_u16(&body, 1);
	made_u16(&body, 0);
	made_u64(&body, UINT64_MAX);
	made_block(m, 0x0a0d0d0a, body.data, body.size);
	made_free(&body);
}

/* An interface block; `options` as they stand in the file, may be NULL. */
static inline void made_interface(struct made *m, uint32_t link, uint32_t snap, const void *options,
				  size_t options_size)
{
	struct made body = { .big = m->big };

	made_u16(&body, link);
	made_u16(&body, 0);
	made_u32(&body, snap);
	made_bytes(&body, options, options_size);
	made_block(m, 1, body.data, body.size);
	made_free(&body);
}

/* An enhanced packet block whose frame is `size` times `byte`. */
static inline void made_packet(struct made *m, uint32_t interface, uint64_t time, uint32_t size,
			       uint8_t byte)
{
	struct made body = { .big = m->big };

	made_u32(&body, interface);
	made_u32(&body, (uint32_t)(time >> 32));
	made_u32(&body, (uint32_t)time);
	made_u32(&body, size);
	made_u32(&body, size);
	made_fill(&body, byte, size);
	made_block(m, 6, body.data, body.size);
	made_free(&body);
}

/* A folder for files of one test; made_end() removes it with all that is in it. */
struct made_folder {
	char path[64];
};

static inline void made_begin(struct made_folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/hinomi-packet-XXXXXX");
	assert_non_null(mkdtemp(f->path));
}

static inline void made_end(const struct made_folder *f)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", f->path);
	assert_int_equal(system(command), 0);
}

/* Write `m` as `name` in the folder; returns its path in static memory, eight names long. */
static inline const char *made_file(const struct made_folder *f, const char *name,
				    const struct made *m)
{
	static char paths[8][128];
	static size_t next;
	char *path = paths[next++ % HIN_COUNT(paths)];
	int fd;

	snprintf(path, sizeof(paths[0]), "%s/%s", f->path, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, m->data, m->size), (ssize_t)m->size);
	close(fd);
	return path;
}

/* What was read of one input. */
struct made_result {
	enum hin_code code; /* of open */
	struct hin_error err;
	size_t count;
	struct hin_frame frames[64]; /* the first; `data` is NULL */
	uint8_t first_bytes[64];
	struct hin_capture_input input;
};

static inline void made_read_with(struct made_result *r, const char *path,
				  const struct hin_capture_options *options)
{
	static struct hin_batch batch;
	const struct hin_capture_input *inputs;
	struct hin_capture *cap;
	enum hin_code code;

	memset(r, 0, sizeof(*r));
	r->code = hin_capture_open(&cap, &path, 1, options, &r->err);
	if (r->code != HIN_OK)
		return;
	while ((code = hin_capture_read(cap, &batch, &r->err)) == HIN_OK) {
		assert_true(batch.count > 0);
		for (size_t i = 0; i < batch.count; i++) {
			if (r->count < HIN_COUNT(r->frames)) {
				r->frames[r->count] = batch.frames[i];
				r->frames[r->count].data = NULL;
				if (batch.frames[i].size > 0)
					r->first_bytes[r->count] = batch.frames[i].data[0];
			}
			r->count++;
		}
	}
	assert_int_equal(code, HIN_EOF);
	hin_batch_release(&batch);
	assert_int_equal(hin_capture_inputs(cap, &inputs), 1);
	r->input = inputs[0];
	r->input.name = NULL;
	assert_int_equal(r->input.packets, r->count);
	hin_capture_close(cap);
}

static inline void made_read(struct made_result *r, const char *path)
{
	const struct hin_capture_options options = { .stop_fd = -1 };

	made_read_with(r, path, &options);
}
